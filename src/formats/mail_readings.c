/* SPDX-License-Identifier: Apache-2.0 */
/* A message in every other way that some program reads it. Nothing is chosen: what any of them may
 * show is handed out, and the scan looks at each content once.
 *
 * The message is cut at every line at which a part may begin:
 *
 *     --boundary         of any boundary that any Content-Type in it may mean, whatever follows
 *     --anything         with a field of a part in one of the next lines
 *     Content-Type: ...  where no header block is
 *
 * and at each cut an entity is read: to the next cut, to the next one of the same boundary, to
 * those of others; its body from each place where one may begin; decoded by each encoding that its
 * header block names, in each reading of that encoding. Then encoded runs are decoded wherever they
 * stand. Where CR or NUL stand alone, the same is done with lines that end there and without the
 * NULs. */
#include "base/arith.h"
#include "base/text.h"
#include "formats/mail_walk.h"

enum {
    CUTS_MAX = 20000,
    BOUNDARIES_MAX = 64,
    BOUNDARY_LOOK = 1024, /* bytes of a boundary that are compared */
    FIELD_MAX = 16 << 10, /* of a field in which a boundary is looked for */
    LOOSE_MAX = 20, /* lines in a header block that are no fields, behind which it is another's */
    HEAD_LINES = 3, /* behind a line of dashes, in which a field tells that it is a delimiter */
    ENTITY_COST = 512, /* a header block costs as much as decoding so many bytes */
    ENDS_MAX = 5,      /* of an entity */
    ENDS_LOOK = 32,    /* cuts behind it at which it may end */
};

/* Where a part may begin. */
typedef struct cut {
    size_t start;      /* of the line end before its line */
    size_t end;        /* where its header block begins */
    uint32_t boundary; /* index, or NO_BOUNDARY */
    bool exact;        /* nothing but blanks, or dashes, behind it */
} cut;

enum { NO_BOUNDARY = UINT32_MAX };

typedef struct cuts {
    kj_span bytes;
    cut *items;
    size_t count;
    bool more;
    kj_boundary boundaries[BOUNDARIES_MAX];
    size_t boundary_count;
} cuts;

/* ---- boundaries ---------------------------------------------------------------------------- */

static void add_boundary(cuts *c, kj_span boundary)
{
    boundary = kj_span_sub(boundary, 0, BOUNDARY_LOOK);
    for (size_t i = 0; i < c->boundary_count; i++)
        if (kj_span_equal(c->boundaries[i].text, boundary))
            return;
    if (c->boundary_count < BOUNDARIES_MAX)
        c->boundaries[c->boundary_count++] = kj_boundary_of(boundary);
    else
        c->more = true;
}

/* Adds what a text means as the value of a Content-Type. */
static kj_status add_boundaries(kj_mail_walk *w, cuts *c, kj_span raw, kj_error *err)
{
    kj_mime_values values = {0};
    KJ_TRY(kj_sink_account(w->sink, 0, err));
    if (!kj_mime_boundaries(w->sink->arena, kj_text_trim(kj_span_sub(raw, 0, FIELD_MAX)), &values))
        return kj_mail_no_room(err);
    for (size_t i = 0; i < values.count; i++)
        add_boundary(c, values.items[i]);
    return KJ_OK;
}

static bool is_fold(kj_span bytes, size_t at)
{
    return at < bytes.len && kj_is_blank(bytes.data[at]);
}

/* The field around an offset: from the start of a line that is not folded to the end of the last
 * one that is. */
static kj_span field_around(kj_span bytes, size_t at)
{
    size_t start = at;
    while (start > 0 && at - start < FIELD_MAX &&
           (bytes.data[start - 1] != '\n' || is_fold(bytes, start)))
        start--;
    kj_reader r = kj_reader_of(bytes);
    kj_span line;
    kj_seek(&r, at);
    do
        (void)kj_read_line(&r, &line);
    while (is_fold(bytes, r.pos) && r.pos - at < FIELD_MAX);
    return kj_span_sub(bytes, start, r.pos - start);
}

/* Collects what any line with the word in it may mean as a boundary: the field that it stands in,
 * and the text from there as a parameter of its own, for fields that are none to some program. */
static kj_status find_boundaries(kj_mail_walk *w, cuts *c, kj_error *err)
{
    kj_span word = kj_span_str("boundary");
    for (size_t at = 0;;) {
        size_t ahead = kj_text_find_nocase(kj_span_sub(c->bytes, at, SIZE_MAX), word);
        if (ahead == SIZE_MAX || !kj_sink_reading(w->sink, ENTITY_COST))
            return KJ_OK;
        at += ahead;
        kj_span field = field_around(c->bytes, at);
        size_t offset = at - (size_t)(field.data - c->bytes.data);
        size_t colon = kj_span_find(kj_span_sub(field, 0, offset), kj_span_str(":"), 0);
        if (colon != SIZE_MAX)
            KJ_TRY(add_boundaries(w, c, kj_span_sub(field, colon + 1, SIZE_MAX), err));
        kj_buf_clear(&w->scratch);
        kj_buf_put_text(&w->scratch, "multipart/mixed; ");
        kj_buf_put(&w->scratch, kj_span_sub(field, offset, FIELD_MAX));
        KJ_TRY(add_boundaries(w, c, kj_buf_span(&w->scratch), err));
        at += field.len - offset;
    }
}

/* Collects boundaries that no field names, from the delimiters themselves. */
static void find_delimiters(cuts *c)
{
    size_t at = 0;
    while (!c->more && (at = kj_span_find_line(c->bytes, '-', at)) != SIZE_MAX) {
        size_t next = kj_span_next_line(c->bytes, at);
        kj_span line = kj_text_trim(kj_span_sub(c->bytes, at, next - at));
        if (kj_span_starts(line, kj_span_str("--")) &&
            kj_mail_part_follows(c->bytes, next, HEAD_LINES))
            add_boundary(c, kj_span_sub(line, 2, SIZE_MAX));
        at = next;
    }
}

/* ---- cuts ---------------------------------------------------------------------------------- */

static void add_cut(cuts *c, size_t line, const cut *item)
{
    if (c->count == CUTS_MAX) {
        c->more = true;
        return;
    }
    c->items[c->count] = *item;
    c->items[c->count++].start = kj_mail_line_end_before(c->bytes, line);
}

static bool is_exact(const cuts *c, kj_span line, uint32_t boundary)
{
    if (boundary == NO_BOUNDARY)
        return false;
    kj_span rest = kj_span_sub(line, c->boundaries[boundary].text.len, SIZE_MAX);
    if (kj_span_starts(rest, kj_span_str("--")))
        rest = kj_span_sub(rest, 2, SIZE_MAX);
    return kj_text_trim(rest).len == 0;
}

/* The longest boundary that the line, without its dashes, begins with. An empty one is only the
 * whole of a line, or the dashes of its last. */
static uint32_t boundary_of(const cuts *c, kj_span line)
{
    uint32_t best = NO_BOUNDARY;
    uint64_t word = kj_first_word(line);
    for (uint32_t i = 0; i < c->boundary_count; i++) {
        const kj_boundary *boundary = &c->boundaries[i];
        bool fits =
            boundary->text.len ? kj_boundary_fits(boundary, word, line) : is_exact(c, line, i);
        if (fits && (best == NO_BOUNDARY || boundary->text.len > c->boundaries[best].text.len))
            best = i;
    }
    return best;
}

/* Adds a cut if the line is a delimiter in some reading. Blanks before it do not count, nor do the
 * dash and the blank that RFC 934 puts before dashes, nor a dot that SMTP doubled. */
static bool add_delimiter(cuts *c, kj_span line, size_t start, size_t end)
{
    kj_span text = kj_text_trim(line);
    if (kj_span_starts(text, kj_span_str("- -")))
        text = kj_span_sub(text, 2, SIZE_MAX);
    if (kj_span_starts(text, kj_span_str(".-")))
        text = kj_span_sub(text, 1, SIZE_MAX);
    if (!kj_span_starts(text, kj_span_str("--")))
        return false;
    text = kj_span_sub(text, 2, SIZE_MAX);
    uint32_t boundary = boundary_of(c, text);
    if (boundary == NO_BOUNDARY && !kj_mail_part_follows(c->bytes, end, HEAD_LINES))
        return false;
    add_cut(c, start,
            &(cut){.end = end, .boundary = boundary, .exact = is_exact(c, text, boundary)});
    return true;
}

static void find_cuts(cuts *c)
{
    kj_reader r = kj_reader_of(c->bytes);
    bool in_block = true; /* the line before was a field, or went on one, or a delimiter */
    size_t start = 0, loose = 0;
    kj_span line;
    add_cut(c, 0, &(cut){.boundary = NO_BOUNDARY});
    for (; kj_read_line(&r, &line); start = r.pos) {
        if (line.len == 0) {
            in_block = false;
        } else if (add_delimiter(c, line, start, r.pos)) {
            in_block = true;
        } else if (kj_mail_is_part_field(line)) {
            if (!in_block || loose > LOOSE_MAX)
                add_cut(c, start, &(cut){.end = start, .boundary = NO_BOUNDARY});
            in_block = true;
        } else {
            loose += !kj_mime_is_field(line);
            continue;
        }
        loose = 0;
    }
}

/* ---- entities ------------------------------------------------------------------------------ */

/* The type to hand a part out with: one that says that something is inside before others. */
static kj_status pick_type(kj_mail_walk *w, const kj_mail_head *head, kj_span *io_type,
                           kj_error *err)
{
    kj_mime_values types = {0};
    for (size_t i = 0; i < head->types.count; i++)
        if (!kj_mime_types(w->sink->arena, head->types.items[i], &types))
            return kj_mail_no_room(err);
    for (size_t i = 0; i < types.count; i++) {
        kj_span type = types.items[i];
        if (kj_mail_is_multipart(type) || kj_span_starts(type, kj_span_str("message/"))) {
            *io_type = type;
            break;
        }
    }
    return KJ_OK;
}

/* A multipart that holds further cuts shows nothing undecoded that these do not. */
static kj_status walk_entity(kj_mail_walk *w, kj_span entity, bool holds_cuts, kj_error *err)
{
    kj_mail_head head;
    kj_mail_part part;
    KJ_TRY(kj_sink_account(w->sink, 0, err));
    if (!kj_sink_reading(w->sink, ENTITY_COST))
        return KJ_OK;
    kj_mail_read_head_anyhow(entity, &head);
    if (head.looked_at > ENTITY_COST && !kj_sink_reading(w->sink, head.looked_at))
        return KJ_OK;
    KJ_TRY(kj_mail_read_part(w, &head, "text/plain", &part, err));
    KJ_TRY(pick_type(w, &head, &part.type, err));
    if (holds_cuts && kj_mail_is_multipart(part.type))
        part.encodings.set &= ~(1U << KJ_ENCODING_IDENTITY);
    for (size_t i = 0; i < head.start_count; i++) {
        if (!kj_sink_reading(w->sink, 0))
            return KJ_OK;
        part.body = kj_span_sub(entity, head.starts[i], SIZE_MAX);
        KJ_TRY(kj_mail_walk_leaf_anyhow(w, &part, err));
    }
    return KJ_OK;
}

static void add_end(size_t ends[ENDS_MAX], size_t *count, size_t end)
{
    for (size_t i = 0; i < *count; i++)
        if (ends[i] == end)
            return;
    if (*count < ENDS_MAX)
        ends[(*count)++] = end;
}

/* Where the entity of a cut may end: at the next one, at the next one of its boundary (`same`, the
 * number of cuts when there is none), at those of others. */
static size_t find_ends(const cuts *c, size_t index, size_t same, size_t ends[ENDS_MAX])
{
    size_t count = 0, last = c->bytes.len;
    uint32_t boundary = c->items[index].boundary;
    add_end(ends, &count, index + 1 < c->count ? c->items[index + 1].start : last);
    if (same < c->count)
        add_end(ends, &count, c->items[same].start);
    else if (index == 0 || boundary != NO_BOUNDARY)
        add_end(ends, &count, last);
    for (size_t i = index + 2; i < c->count && i < index + ENDS_LOOK; i++)
        if (c->items[i].boundary != c->items[i - 1].boundary)
            add_end(ends, &count, c->items[i].start);
    return count;
}

static kj_status walk_cut(kj_mail_walk *w, const cuts *c, size_t index, size_t same, kj_error *err)
{
    size_t start = c->items[index].end;
    size_t ends[ENDS_MAX];
    size_t count = find_ends(c, index, same, ends);
    for (size_t i = 0; i < count; i++) {
        size_t end = kj_max_size(ends[i], start);
        KJ_TRY(walk_entity(w, kj_span_sub(c->bytes, start, end - start), i > 0, err));
    }
    return KJ_OK;
}

/* The index of the next exact cut of the same boundary behind each, their number for the last. */
static uint32_t *link_cuts(kj_arena *arena, const cuts *c)
{
    uint32_t *links = kj_new_array(arena, uint32_t, c->count);
    uint32_t last[BOUNDARIES_MAX];
    for (size_t i = 0; i < BOUNDARIES_MAX; i++)
        last[i] = (uint32_t)c->count;
    for (size_t i = c->count; links && i-- > 0;) {
        uint32_t boundary = c->items[i].boundary;
        links[i] = boundary == NO_BOUNDARY ? (uint32_t)c->count : last[boundary];
        if (boundary != NO_BOUNDARY && c->items[i].exact)
            last[boundary] = (uint32_t)i;
    }
    return links;
}

static kj_status walk_cuts(kj_mail_walk *w, kj_span bytes, kj_error *err)
{
    kj_arena *arena = w->sink->arena;
    cuts *c = kj_new(arena, cuts);
    if (!c)
        return kj_mail_no_room(err);
    c->bytes = bytes;
    c->items = kj_new_array(arena, cut, CUTS_MAX);
    if (!c->items)
        return kj_mail_no_room(err);
    KJ_TRY(find_boundaries(w, c, err));
    find_delimiters(c);
    find_cuts(c);
    const uint32_t *links = link_cuts(arena, c);
    if (!links)
        return kj_mail_no_room(err);
    for (size_t i = 0; i < c->count && kj_sink_reading(w->sink, 0); i++)
        KJ_TRY(walk_cut(w, c, i, links[i], err));
    if (c->more)
        kj_sink_unseen(w->sink, KJ_LIMIT, (kj_span){0},
                       "a message with more places for parts than are looked at");
    return KJ_OK;
}

/* ---- lines that end otherwise -------------------------------------------------------------- */

static bool has_bare_cr(kj_span bytes)
{
    for (size_t at = 0; (at = kj_span_find(bytes, kj_span_str("\r"), at)) != SIZE_MAX; at++)
        if (at + 1 == bytes.len || bytes.data[at + 1] != '\n')
            return true;
    return false;
}

/* What ends a line for some: CR; form feed and vertical tab by Unicode's rules. */
static bool is_odd_end(uint8_t c)
{
    return c == '\r' || c == '\f' || c == '\v';
}

/* CRs before a LF are one line end with it, one behind a LF is none, others are one each. Returns
 * the new length of `out`. */
static size_t put_line_ends(kj_span bytes, size_t *pos, uint8_t *out, size_t len)
{
    size_t count = 0;
    for (; *pos < bytes.len && (is_odd_end(bytes.data[*pos]) || bytes.data[*pos] == 0); ++*pos)
        count += bytes.data[*pos] != 0;
    if (*pos < bytes.len && bytes.data[*pos] == '\n') {
        ++*pos;
        count = 1;
    } else if (count == 1 && len && out[len - 1] == '\n') {
        count = 0;
    }
    memset(out + len, '\n', count);
    return len + count;
}

size_t kj_mail_normalize(kj_span bytes, uint8_t *out)
{
    size_t len = 0;
    for (size_t i = 0; i < bytes.len;) {
        if (is_odd_end(bytes.data[i]))
            len = put_line_ends(bytes, &i, out, len);
        else if (bytes.data[i++])
            out[len++] = bytes.data[i - 1];
    }
    return len;
}

static kj_status walk_once(kj_mail_walk *w, kj_span bytes, kj_error *err)
{
    if (!kj_sink_reading(w->sink, bytes.len))
        return KJ_OK;
    KJ_TRY(walk_cuts(w, bytes, err));
    return kj_mail_walk_runs(w, bytes, err);
}

static kj_status walk_normalized(kj_mail_walk *w, kj_span bytes, kj_error *err)
{
    kj_buf copy;
    kj_buf_init(&copy, bytes.len);
    uint8_t *room = kj_buf_reserve(&copy, bytes.len);
    if (room)
        kj_buf_added(&copy, kj_mail_normalize(bytes, room));
    kj_status status = copy.failed ? kj_no_memory(err) : KJ_OK;
    if (status == KJ_OK)
        status = kj_mail_walk_parts(w, kj_buf_span(&copy), err);
    if (status == KJ_OK)
        status = walk_once(w, kj_buf_span(&copy), err);
    kj_buf_done(&copy);
    return status;
}

kj_oddities kj_mail_line_ends(kj_span bytes)
{
    bool odd = kj_span_find(bytes, kj_span_of("", 1), 0) != SIZE_MAX || has_bare_cr(bytes);
    return odd ? KJ_ODD(KJ_ODD_LINE_ENDS) : 0;
}

kj_status kj_mail_walk_readings(kj_mail_walk *w, kj_span entity, kj_error *err)
{
    bool line_ends = w->odd & KJ_ODD(KJ_ODD_LINE_ENDS);
    KJ_TRY(walk_once(w, entity, err));
    return line_ends ? walk_normalized(w, entity, err) : KJ_OK;
}
