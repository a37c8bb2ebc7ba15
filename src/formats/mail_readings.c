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
 * and at each cut an entity is read: to the next cut, to the next one of the same boundary; its
 * body from each place where one may begin; decoded by each encoding that it or its header block
 * names, in each reading of that encoding. Then encoded runs are decoded wherever they stand. Where
 * CR or NUL stand alone, the same is done with lines that end there and without the NULs. */
#include "base/arith.h"
#include "base/text.h"
#include "formats/mail_walk.h"

enum {
    CUTS_MAX = 20000,
    BOUNDARIES_MAX = 64,
    BOUNDARY_LOOK = 1024, /* bytes of a boundary that are compared */
    FIELD_MAX = 16 << 10, /* of a field in which a boundary is looked for */
    HEAD_LINES = 3, /* behind a line of dashes, in which a field tells that it is a delimiter */
};

/* Where a part may begin. */
typedef struct cut {
    size_t start;      /* of the line end before its line */
    size_t end;        /* where its header block begins */
    uint32_t boundary; /* index, or NO_BOUNDARY */
} cut;

enum { NO_BOUNDARY = UINT32_MAX };

typedef struct cuts {
    kj_span bytes;
    cut *items;
    size_t count;
    bool more;
    kj_span boundaries[BOUNDARIES_MAX];
    size_t boundary_count;
} cuts;

/* ---- boundaries
 * ---------------------------------------------------------------------------------- */

static void add_boundary(cuts *c, kj_span boundary)
{
    boundary = kj_span_sub(boundary, 0, BOUNDARY_LOOK);
    for (size_t i = 0; i < c->boundary_count; i++)
        if (kj_span_equal(c->boundaries[i], boundary))
            return;
    if (c->boundary_count < BOUNDARIES_MAX)
        c->boundaries[c->boundary_count++] = boundary;
    else
        c->more = true;
}

/* The line at the reader with the lines that are folded to it. */
static kj_span read_folded(kj_reader *r)
{
    size_t start = r->pos;
    kj_span line;
    (void)kj_read_line(r, &line);
    while (kj_reader_left(r) && (r->in.data[r->pos] == ' ' || r->in.data[r->pos] == '\t') &&
           r->pos - start < FIELD_MAX)
        (void)kj_read_line(r, &line);
    return kj_span_sub(r->in, start, r->pos - start);
}

/* Collects what any field of the message may mean as a boundary. A first character that is no
 * letter spares most lines a closer look. */
static kj_status find_boundaries(kj_mail_walk *w, cuts *c, kj_error *err)
{
    kj_reader r = kj_reader_of(c->bytes);
    while (kj_reader_left(&r)) {
        kj_span field = read_folded(&r);
        if (kj_lower(field.data[0]) != 'c' ||
            kj_text_find_nocase(kj_span_sub(field, 0, FIELD_MAX), kj_span_str("boundary")) ==
                SIZE_MAX)
            continue;
        size_t colon = kj_span_find(field, kj_span_str(":"), 0);
        kj_mime_values values = {0};
        if (colon == SIZE_MAX)
            continue;
        KJ_TRY(kj_sink_account(w->sink, 0, err));
        if (!kj_mime_boundaries(w->sink->arena,
                                kj_text_trim(kj_span_sub(field, colon + 1, FIELD_MAX)), &values))
            return kj_mail_no_room(err);
        w->odd |= values.odd;
        for (size_t i = 0; i < values.count; i++)
            add_boundary(c, values.items[i]);
    }
    return KJ_OK;
}

/* ---- cuts
 * ---------------------------------------------------------------------------------------- */

static void add_cut(cuts *c, size_t line, size_t end, uint32_t boundary)
{
    if (c->count == CUTS_MAX) {
        c->more = true;
        return;
    }
    size_t start = line;
    if (start > 0 && c->bytes.data[start - 1] == '\n')
        start--;
    if (start > 0 && c->bytes.data[start - 1] == '\r')
        start--;
    c->items[c->count++] = (cut){.start = start, .end = end, .boundary = boundary};
}

/* The longest boundary that the line, without its dashes, begins with. An empty one is only the
 * whole of a line. */
static uint32_t boundary_of(const cuts *c, kj_span line)
{
    uint32_t best = NO_BOUNDARY;
    for (uint32_t i = 0; i < c->boundary_count; i++) {
        kj_span boundary = c->boundaries[i];
        bool fits = boundary.len ? kj_span_starts(line, boundary) : kj_text_trim(line).len == 0;
        if (fits && (best == NO_BOUNDARY || boundary.len > c->boundaries[best].len))
            best = i;
    }
    return best;
}

static bool part_follows(kj_span bytes, size_t at)
{
    kj_reader r = kj_reader_of(bytes);
    kj_span line;
    kj_seek(&r, at);
    for (unsigned i = 0; i < HEAD_LINES && kj_read_line(&r, &line); i++)
        if (kj_mail_is_part_field(line))
            return true;
    return false;
}

/* Whether a line is a delimiter in some reading; without the dashes it is left in *line. */
static bool is_delimiter(const cuts *c, kj_span *line, size_t next, uint32_t *out_boundary)
{
    kj_span text = kj_text_trim(*line);
    if (!kj_span_starts(text, kj_span_str("--")))
        return false;
    *out_boundary = boundary_of(c, kj_span_sub(text, 2, SIZE_MAX));
    return *out_boundary != NO_BOUNDARY || part_follows(c->bytes, next);
}

static void find_cuts(cuts *c)
{
    kj_reader r = kj_reader_of(c->bytes);
    bool in_block = true; /* the line before was a field, or went on one, or a delimiter */
    size_t start = 0;
    kj_span line;
    add_cut(c, 0, 0, NO_BOUNDARY);
    for (; kj_read_line(&r, &line); start = r.pos) {
        uint32_t boundary;
        if (line.len == 0) {
            in_block = false;
        } else if (is_delimiter(c, &line, r.pos, &boundary)) {
            add_cut(c, start, r.pos, boundary);
            in_block = true;
        } else if (kj_mail_is_part_field(line)) {
            if (!in_block)
                add_cut(c, start, start, NO_BOUNDARY);
            in_block = true;
        }
    }
}

/* ---- entities
 * ------------------------------------------------------------------------------------ */

/* A multipart that holds further cuts shows nothing undecoded that these do not. */
static kj_status walk_entity(kj_mail_walk *w, kj_span entity, bool holds_cuts, kj_error *err)
{
    kj_mail_head head;
    kj_mail_part part;
    KJ_TRY(kj_sink_account(w->sink, 0, err));
    kj_mail_read_head_anyhow(entity, &head);
    KJ_TRY(kj_mail_read_part(w, &head, "text/plain", &part, err));
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

/* Where the entity of a cut ends: at the next cut, and, when it has a boundary, at the next one of
 * that boundary. `next` holds for each boundary the cut that has it next. */
static kj_status walk_cut(kj_mail_walk *w, const cuts *c, size_t index, size_t same, kj_error *err)
{
    const cut *here = &c->items[index];
    size_t ends[2] = {c->bytes.len, c->bytes.len};
    if (index + 1 < c->count)
        ends[0] = c->items[index + 1].start;
    if (same < c->count)
        ends[1] = c->items[same].start;
    else if (index > 0 && here->boundary == NO_BOUNDARY)
        ends[1] = ends[0];
    for (size_t i = 0; i < KJ_COUNT(ends); i++) {
        size_t end = kj_max_size(ends[i], here->end);
        if (i == 0 || ends[i] != ends[0])
            KJ_TRY(walk_entity(w, kj_span_sub(c->bytes, here->end, end - here->end), i > 0, err));
    }
    return KJ_OK;
}

/* The index of the next cut of the same boundary behind each, its number for the last. */
static uint32_t *link_cuts(kj_arena *arena, const cuts *c)
{
    uint32_t *links = kj_new_array(arena, uint32_t, c->count + 1);
    uint32_t last[BOUNDARIES_MAX];
    for (size_t i = 0; i < BOUNDARIES_MAX; i++)
        last[i] = (uint32_t)c->count;
    for (size_t i = c->count; links && i-- > 0;) {
        uint32_t boundary = c->items[i].boundary;
        links[i] = boundary == NO_BOUNDARY ? (uint32_t)c->count : last[boundary];
        if (boundary != NO_BOUNDARY)
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

/* ---- lines that end otherwise -------------------------------------------------------------------
 */

static bool has_bare_cr(kj_span bytes)
{
    for (size_t at = 0; (at = kj_span_find(bytes, kj_span_str("\r"), at)) != SIZE_MAX; at++)
        if (at + 1 == bytes.len || bytes.data[at + 1] != '\n')
            return true;
    return false;
}

/* Appends the message without NULs, each bare CR as a line end. */
static void put_normalized(kj_span bytes, kj_buf *out)
{
    uint8_t *room = kj_buf_reserve(out, bytes.len);
    size_t len = 0;
    for (size_t i = 0; room && i < bytes.len; i++) {
        uint8_t c = bytes.data[i];
        bool bare = c == '\r' && (i + 1 == bytes.len || bytes.data[i + 1] != '\n');
        if (c)
            room[len++] = bare ? '\n' : c;
    }
    kj_buf_added(out, len);
}

static kj_status walk_once(kj_mail_walk *w, kj_span bytes, kj_error *err)
{
    KJ_TRY(walk_cuts(w, bytes, err));
    return kj_mail_walk_runs(w, bytes, err);
}

static kj_status walk_normalized(kj_mail_walk *w, kj_span bytes, kj_error *err)
{
    kj_buf copy;
    kj_buf_init(&copy, bytes.len);
    put_normalized(bytes, &copy);
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
    enum { WORK_FACTOR = 64, WORK_ALWAYS = 16 << 20 };
    w->flags |= KJ_MEMBER_READING;
    w->work = WORK_ALWAYS + (uint64_t)entity.len * WORK_FACTOR;
    KJ_TRY(walk_once(w, entity, err));
    return kj_mail_line_ends(entity) ? walk_normalized(w, entity, err) : KJ_OK;
}
