/* SPDX-License-Identifier: Apache-2.0 */
/* A message as the standards read it: RFC 2045, 2046, 2183.
 *
 *     fields, empty line, body; a multipart body is
 *     [preamble] --boundary [part] --boundary [part] --boundary-- [epilogue]
 *
 * One pass over the lines that begin with two dashes, with a stack of the multiparts that are open:
 * time does not grow with nesting. Leaves are handed out as soon as their end is seen. What is not
 * as it should be is noted, for other readings to follow. */
#include "base/arith.h"
#include "base/text.h"
#include "formats/mail_walk.h"

enum {
    TYPE_MAX = 128,      /* bytes of a type or a disposition */
    LEGAL_BOUNDARY = 70, /* RFC 2046, 5.1.1 */
    NUMBER_MAX = 60,     /* characters of "1.2.3", from which it gets no longer */
    PREAMBLE_LOOK = 1 << 20,
};

kj_status kj_mail_no_room(kj_error *err)
{
    return kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET, "no memory for more names of parts");
}

/* ---- what a part is -------------------------------------------------------------------------- */

/* Copies what is in the scratch buffer to the sink's arena; an empty span stays empty. */
static bool keep_scratch(kj_mail_walk *w, size_t max, kj_span *out)
{
    kj_span text = kj_span_sub(kj_buf_span(&w->scratch), 0, max);
    char *copy = kj_arena_text(w->sink->arena, text);
    *out = kj_span_of(copy, copy ? text.len : 0);
    return copy != NULL;
}

static bool keep_main_value(kj_mail_walk *w, kj_span raw, kj_span *out)
{
    kj_buf_clear(&w->scratch);
    kj_mime_main_value(raw, &w->scratch);
    return keep_scratch(w, TYPE_MAX, out);
}

/* The first of a name counts; others that say something else are strange. */
static kj_oddities note_duplicates(const kj_mail_fields *fields, kj_oddities odd)
{
    for (size_t i = 1; i < fields->count; i++)
        if (!kj_span_equal(fields->items[i], fields->items[0]))
            return odd;
    return 0;
}

static void read_encodings(const kj_mail_fields *fields, kj_encodings *out, kj_oddities *odd)
{
    *out = (kj_encodings){.set = 1U << KJ_ENCODING_IDENTITY};
    for (size_t i = 0; i < fields->count; i++) {
        kj_encodings one;
        kj_encoding_read(fields->items[i], &one);
        if (i == 0)
            *out = one;
        else if (one.first != out->first || one.set != out->set)
            *odd |= KJ_ODD(KJ_ODD_DUPLICATE_ENCODING);
        out->set |= one.set | 1U << KJ_ENCODING_IDENTITY;
        *odd |= one.odd;
    }
}

static bool read_names(kj_mail_walk *w, const kj_mail_head *head, kj_mime_values *out)
{
    kj_arena *arena = w->sink->arena;
    bool kept = true;
    for (size_t i = 0; i < head->dispositions.count; i++)
        kept &= kj_mime_names(arena, head->dispositions.items[i], "filename", out);
    for (size_t i = 0; i < head->types.count; i++)
        kept &= kj_mime_names(arena, head->types.items[i], "name", out);
    return kept;
}

/* A type without a slash is none: RFC 2045, 5.2, "text/plain" then, unless the parent says else. */
kj_status kj_mail_read_part(kj_mail_walk *w, const kj_mail_head *head, const char *default_type,
                            kj_mail_part *out, kj_error *err)
{
    kj_oddities odd = head->odd;
    *out = (kj_mail_part){.type_raw = head->types.count ? head->types.items[0] : (kj_span){0},
                          .number = ""};
    read_encodings(&head->encodings, &out->encodings, &odd);
    odd |= note_duplicates(&head->types, KJ_ODD(KJ_ODD_DUPLICATE_TYPE));
    kj_span disposition = {0};
    bool kept = keep_main_value(w, out->type_raw, &out->type) && read_names(w, head, &out->names);
    for (size_t i = 0; kept && i < head->dispositions.count; i++) {
        kept = keep_main_value(w, head->dispositions.items[i], &disposition);
        out->is_attachment |= kj_span_is(disposition, "attachment");
    }
    if (!kept)
        return kj_mail_no_room(err);
    if (kj_span_find(out->type, kj_span_str("/"), 0) == SIZE_MAX) {
        odd |= out->type.len && !kj_span_is(out->type, "text") ? KJ_ODD(KJ_ODD_TYPE_SYNTAX) : 0;
        out->type = kj_span_str(default_type);
    }
    w->odd |= odd | out->names.odd;
    w->reread |= odd;
    if (head->more && !w->collecting && !w->flags)
        kj_sink_unseen(w->sink, KJ_LIMIT, (kj_span){0},
                       "more fields of one name than are looked at");
    return KJ_OK;
}

/* ---- delimiters ------------------------------------------------------------------------------ */

/* A multipart that is open. */
typedef struct frame {
    kj_boundary boundary;
    const char *number;
    const char *child_type;
    size_t parts;
    bool closed;
} frame;

typedef struct structure {
    kj_mail_walk *walk;
    kj_span bytes;
    frame *frames;
    size_t depth;
    bool in_leaf; /* else in a preamble or an epilogue, which begins at `start` */
    kj_mail_part leaf;
    size_t start;
    bool too_deep;
} structure;

/* A delimiter line: "--boundary", then "--" in the last one. */
typedef struct delimiter {
    size_t frame;
    size_t start; /* of the line end before it, which belongs to it */
    size_t end;   /* behind its line */
    bool close;
} delimiter;

static bool is_blank(kj_span text)
{
    return kj_text_trim(text).len == 0;
}

static void note(kj_mail_walk *w, kj_heuristic heuristic)
{
    w->odd |= KJ_ODD(heuristic);
    w->reread |= KJ_ODD(heuristic);
}

/* How a line fits a boundary: RFC 2046, 5.1.1, blanks may follow. What else follows behind a blank,
 * or behind the last dashes, is passed over by some and not by others. */
typedef enum fit { FIT_NONE, FIT_NEARLY, FIT_LOOSE, FIT_EXACT } fit;

static fit fit_line(kj_span line, uint64_t word, const kj_boundary *boundary, bool *out_close)
{
    if (!kj_boundary_fits(boundary, word, line))
        return FIT_NONE;
    kj_span rest = kj_span_sub(line, boundary->text.len, SIZE_MAX);
    *out_close = kj_span_starts(rest, kj_span_str("--"));
    if (is_blank(*out_close ? kj_span_sub(rest, 2, SIZE_MAX) : rest))
        return FIT_EXACT;
    return *out_close || kj_is_space(rest.data[0]) ? FIT_LOOSE : FIT_NEARLY;
}

/* Which of the open multiparts the line belongs to, the innermost first; `line` is without dashes.
 */
static fit find_frame(const structure *s, kj_span line, size_t *out_frame, bool *out_close)
{
    fit best = FIT_NONE;
    uint64_t word = kj_first_word(line);
    for (size_t i = s->depth; i-- > 0 && best < FIT_EXACT;) {
        bool close;
        fit how = fit_line(line, word, &s->frames[i].boundary, &close);
        if (how <= best)
            continue;
        best = how;
        *out_frame = i;
        *out_close = close;
    }
    return best;
}

/* Offset of the next line at or after `from` that begins with two dashes, or SIZE_MAX. `from` is
 * the beginning of a line. */
static size_t next_dashes(kj_span bytes, size_t from)
{
    size_t at = kj_span_find_line(bytes, '-', from);
    while (at != SIZE_MAX && !kj_span_is(kj_span_sub(bytes, at, 2), "--"))
        at = kj_span_find_line(bytes, '-', kj_span_next_line(bytes, at));
    return at;
}

static bool next_delimiter(structure *s, size_t from, delimiter *out)
{
    for (size_t at; (at = next_dashes(s->bytes, from)) != SIZE_MAX;) {
        kj_reader r = kj_reader_of(s->bytes);
        kj_seek(&r, at);
        kj_span line;
        (void)kj_read_line(&r, &line);
        from = r.pos;
        *out = (delimiter){.start = kj_mail_line_end_before(s->bytes, at), .end = r.pos};
        fit how = find_frame(s, kj_span_sub(line, 2, SIZE_MAX), &out->frame, &out->close);
        if (how == FIT_NEARLY || how == FIT_LOOSE)
            note(s->walk, KJ_ODD_DELIMITER_SYNTAX);
        if (how >= FIT_LOOSE)
            return true;
    }
    return false;
}

/* ---- entities -------------------------------------------------------------------------------- */

static kj_status open_multipart(structure *s, const kj_mail_head *head, const kj_mail_part *p,
                                bool *out_opened, kj_error *err)
{
    kj_mail_walk *w = s->walk;
    kj_mime_values boundaries = {0};
    *out_opened = false;
    for (size_t i = 0; i < head->types.count; i++)
        if (!kj_mime_boundaries(w->sink->arena, head->types.items[i], &boundaries))
            return kj_mail_no_room(err);
    w->odd |= boundaries.odd;
    w->reread |= boundaries.odd;
    if (boundaries.count == 0 || boundaries.items[0].len == 0) {
        note(w, KJ_ODD_NO_BOUNDARY);
        return KJ_OK;
    }
    if (boundaries.items[0].len > LEGAL_BOUNDARY)
        note(w, KJ_ODD_BOUNDARY_SYNTAX);
    if (s->depth == KJ_MAIL_DEPTH_MAX) {
        note(w, KJ_ODD_NESTING);
        if (!s->too_deep && !w->collecting && !w->flags)
            kj_sink_unseen(w->sink, KJ_LIMIT, kj_span_str(p->number), "parts nested too deep");
        s->too_deep = true;
        s->leaf.flat = true;
        return KJ_OK;
    }
    s->frames[s->depth++] = (frame){
        .boundary = kj_boundary_of(boundaries.items[0]),
        .number = p->number,
        .child_type = kj_span_is(p->type, "multipart/digest") ? "message/rfc822" : "text/plain",
    };
    *out_opened = true;
    return KJ_OK;
}

/* Reads the entity at `at`. What it is decides how lines are taken until the next delimiter. */
static kj_status open_entity(structure *s, size_t at, const char *default_type, const char *number,
                             kj_error *err)
{
    kj_mail_walk *w = s->walk;
    kj_mail_head head;
    KJ_TRY(kj_sink_account(w->sink, 0, err));
    kj_mail_read_head(kj_span_sub(s->bytes, at, SIZE_MAX), &head);
    KJ_TRY(kj_mail_read_part(w, &head, default_type, &s->leaf, err));
    s->leaf.number = number;
    s->start = at + head.starts[0];
    bool opened = false;
    if (kj_mail_is_multipart(s->leaf.type)) {
        if (s->leaf.encodings.first != KJ_ENCODING_IDENTITY)
            note(w, KJ_ODD_ENCODED_MULTIPART);
        KJ_TRY(open_multipart(s, &head, &s->leaf, &opened, err));
    } else if (kj_text_find_nocase(s->leaf.type_raw, kj_span_str("boundary")) != SIZE_MAX) {
        note(w, KJ_ODD_TYPE_SYNTAX); /* some program looks at the parameter alone */
    }
    s->in_leaf = !opened;
    return KJ_OK;
}

static kj_status close_leaf(structure *s, size_t end, kj_error *err)
{
    size_t start = kj_min_size(s->start, end);
    s->leaf.body = kj_span_sub(s->bytes, start, end - start);
    s->in_leaf = false;
    return kj_mail_walk_leaf(s->walk, &s->leaf, err);
}

/* Preambles and epilogues are shown by nobody who knows MIME; a part or data in them is hidden. */
static void look_outside(structure *s, size_t end)
{
    if (end <= s->start)
        return;
    kj_span text = kj_span_sub(s->bytes, s->start, end - s->start);
    kj_encoded_file file;
    kj_span run;
    size_t from = 0, at = 0;
    if (kj_mail_has_part_field(text) || kj_encoded_next(text, &from, &file) ||
        kj_base64_next_run(text, &at, &run))
        note(s->walk, KJ_ODD_HIDDEN_PART);
}

/* Ends what is open below the multipart of the delimiter. A multipart in which its boundary does
 * not occur is a leaf: programs differ in what they make of it. */
static kj_status close_to(structure *s, size_t depth, size_t end, kj_error *err)
{
    if (s->in_leaf || (s->depth > depth && s->frames[s->depth - 1].parts == 0))
        KJ_TRY(close_leaf(s, end, err));
    else
        look_outside(s, end);
    for (; s->depth > depth; s->depth--) {
        const frame *f = &s->frames[s->depth - 1];
        if (f->parts == 0)
            note(s->walk, KJ_ODD_NO_DELIMITER);
        else if (!f->closed)
            note(s->walk, KJ_ODD_UNCLOSED_MULTIPART);
    }
    return KJ_OK;
}

static kj_status take_delimiter(structure *s, const delimiter *d, kj_error *err)
{
    frame *f = &s->frames[d->frame];
    if (d->close && f->parts == 0) /* ends nothing: it is told when the multipart is found empty */
        return KJ_OK;
    KJ_TRY(close_to(s, d->frame + 1, d->start, err));
    s->start = d->end;
    if (f->closed) {
        if (!d->close)
            note(s->walk, KJ_ODD_HIDDEN_PART);
        return KJ_OK;
    }
    f->closed = d->close;
    if (d->close)
        return KJ_OK;
    f->parts++;
    bool full = strlen(f->number) > NUMBER_MAX;
    const char *number = full ? f->number
                              : kj_arena_printf(s->walk->sink->arena, "%s%s%zu", f->number,
                                                f->number[0] ? "." : "", f->parts);
    return number ? open_entity(s, d->end, f->child_type, number, err) : kj_mail_no_room(err);
}

static kj_status walk_delimiters(structure *s, kj_error *err)
{
    delimiter d;
    for (size_t from = s->start; s->depth && next_delimiter(s, from, &d);) {
        KJ_TRY(take_delimiter(s, &d, err));
        from = kj_max_size(d.end, s->start);
    }
    return close_to(s, 0, s->bytes.len, err);
}

static bool init_structure(structure *s, kj_mail_walk *w, kj_span bytes)
{
    *s = (structure){.walk = w, .bytes = bytes};
    s->frames = kj_new_array(w->sink->arena, frame, KJ_MAIL_DEPTH_MAX);
    return s->frames != NULL;
}

kj_status kj_mail_walk_parts(kj_mail_walk *w, kj_span entity, kj_error *err)
{
    structure s;
    if (!init_structure(&s, w, entity))
        return kj_mail_no_room(err);
    KJ_TRY(open_entity(&s, 0, "text/plain", "", err));
    return walk_delimiters(&s, err);
}

kj_status kj_mail_walk_body(kj_mail_walk *w, kj_span body, kj_error *err)
{
    structure s;
    size_t at = next_dashes(body, 0);
    if (at == SIZE_MAX)
        return KJ_OK;
    if (!init_structure(&s, w, body))
        return kj_mail_no_room(err);
    kj_reader r = kj_reader_of(body);
    kj_span line;
    kj_seek(&r, at + 2);
    (void)kj_read_line(&r, &line);
    s.frames[s.depth++] = (frame){
        .boundary = kj_boundary_of(kj_text_trim(line)), .number = "", .child_type = "text/plain"};
    s.leaf = (kj_mail_part){.type = kj_span_str("text/plain"), .number = ""};
    return walk_delimiters(&s, err);
}
