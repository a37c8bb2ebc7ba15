/* SPDX-License-Identifier: Apache-2.0 */
/* The strings of a signature in an object: where each is; and of one that is nowhere, how much of
 * it there is. */
#include "cmd/sig_private.h"

#include "base/arith.h"
#include "base/text.h"

#include <string.h>

enum {
    PLACES_MAX = 10,
    EXCERPT = 16,
    PIECE_MAX = 512, /* bytes of a string's fixed piece that are looked for */
    PIECES_MAX = 32,
};

static json_t *excerpt(kj_span bytes, uint64_t offset, uint64_t len)
{
    char hex[2 * EXCERPT + 1];
    if (offset > bytes.len)
        offset = bytes.len;
    kj_span part = kj_span_sub(bytes, (size_t)offset, (size_t)kj_min_u64(len, EXCERPT));
    kj_hex_encode(part, hex);
    hex[2 * part.len] = '\0';
    return json_string(hex);
}

/* ---- how much there is --------------------------------------------------------------------- */

/* How a piece is looked for. */
typedef struct way {
    kj_span bytes; /* where */
    bool nocase;
    bool wide;
} way;

static size_t find(const way *w, kj_span piece, size_t len)
{
    uint8_t wide[2 * PIECE_MAX];
    piece = kj_span_sub(piece, 0, len);
    if (w->wide) {
        for (size_t i = 0; i < piece.len; i++) {
            wide[2 * i] = piece.data[i];
            wide[2 * i + 1] = 0;
        }
        piece = kj_span_of(wide, 2 * piece.len);
    }
    return w->nocase ? kj_text_find_nocase(w->bytes, piece) : kj_span_find(w->bytes, piece, 0);
}

/* The most bytes of a piece's beginning that are somewhere, and where. A longer beginning is
 * nowhere that a shorter one is not. */
static size_t longest_beginning(const way *w, kj_span piece, size_t *out_offset)
{
    size_t found = 0, missing = piece.len + 1;
    while (missing - found > 1) {
        size_t middle = found + (missing - found) / 2;
        size_t at = find(w, piece, middle);
        bool is_there = at != SIZE_MAX && at < w->bytes.len;
        if (is_there)
            *out_offset = at;
        *(is_there ? &found : &missing) = middle;
    }
    return found;
}

typedef struct piece {
    uint8_t bytes[PIECE_MAX];
    size_t len;
} piece;

/* The next run of plain bytes in a hex string from *at on: what is in brackets of any kind varies,
 * and so do nibbles. False at the end. */
static bool next_piece(kj_span source, size_t *at, piece *out)
{
    unsigned depth = 0;
    out->len = 0;
    while (*at < source.len) {
        uint8_t c = source.data[*at];
        int high = kj_hex_digit(c),
            low = *at + 1 < source.len ? kj_hex_digit(source.data[*at + 1]) : -1;
        if (depth == 0 && high >= 0 && low >= 0 && out->len < PIECE_MAX) {
            out->bytes[out->len++] = (uint8_t)(high << 4 | low);
            *at += 2;
            continue;
        }
        if (out->len && !kj_is_space(c))
            return true;
        bool opens = memchr("([{", c, 3) != NULL && (c != '{' || *at > 0);
        if (opens)
            depth++;
        else if (memchr(")]}", c, 3) && depth > 0)
            depth--;
        *at += depth == 0 && (high >= 0 || c == '?') && *at + 1 < source.len ? 2 : 1;
    }
    return out->len > 0;
}

static bool has_upper(kj_span bytes)
{
    for (size_t i = 0; i < bytes.len; i++)
        if (kj_lower(bytes.data[i]) != bytes.data[i])
            return true;
    return false;
}

/* A piece as JSON. */
static json_t *piece_json(const way *w, unsigned number, kj_span bytes, size_t there, size_t offset)
{
    return json_pack("{s:i, s:I, s:I, s:I, s:o, s:b, s:b}", "piece", (int)number, "length",
                     (json_int_t)bytes.len, "there", (json_int_t)there, "offset",
                     (json_int_t)offset, "hex", excerpt(bytes, 0, bytes.len), "wide", w->wide,
                     "upper_case", !w->nocase && has_upper(bytes));
}

/* The first piece of a hex string that is nowhere, and how much of it there is. NULL: all are
 * somewhere. */
static json_t *missing_piece(const way *w, kj_span source)
{
    piece p;
    size_t at = 0;
    for (unsigned number = 1; number <= PIECES_MAX && next_piece(source, &at, &p); number++) {
        kj_span bytes = kj_span_of(p.bytes, p.len);
        size_t offset = 0, have = longest_beginning(w, bytes, &offset);
        if (have < p.len)
            return piece_json(w, number, bytes, have, offset);
    }
    return json_pack("{s:b}", "pieces_are_there", 1);
}

static json_t *nearest(const kj_pattern *pattern, kj_span bytes)
{
    bool wide = (pattern->modifiers & KJ_MOD_WIDE) && !(pattern->modifiers & KJ_MOD_ASCII);
    const way w = {bytes, pattern->modifiers & KJ_MOD_NOCASE, wide};
    if (pattern->kind == KJ_PATTERN_HEX)
        return missing_piece(&w, pattern->source);
    if (pattern->kind != KJ_PATTERN_TEXT || (pattern->modifiers & (KJ_MOD_XOR | KJ_MOD_BASE64)))
        return NULL;
    kj_span text = kj_span_sub(pattern->text, 0, PIECE_MAX);
    size_t offset = 0, have = longest_beginning(&w, text, &offset);
    return piece_json(&w, 1, text, have, offset);
}

/* ---- strings ------------------------------------------------------------------------------- */

static json_t *places(const kj_hit *hits, size_t count, kj_span bytes)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count && i < PLACES_MAX; i++)
        (void)json_array_append_new(list, json_pack("{s:I, s:I, s:o}", "offset",
                                                    (json_int_t)hits[i].offset, "length",
                                                    (json_int_t)hits[i].len, "hex",
                                                    excerpt(bytes, hits[i].offset, hits[i].len)));
    return list;
}

json_t *kj_sig_text(kj_span text)
{
    kj_buf out;
    kj_buf_init(&out, 1 << 20);
    kj_escape(text, NULL, &out);
    json_t *value = json_string(kj_buf_text(&out));
    kj_buf_done(&out);
    return value;
}

json_t *kj_sig_string(const kj_sig_subject *subject, kj_matcher *matcher, uint32_t index,
                      kj_span bytes)
{
    const kj_disk_pattern *disk = kj_defs_pattern(subject->defs, index);
    size_t count = 0;
    const kj_hit *hits = kj_matcher_hits(matcher, index, &count);
    json_t *object = json_pack(
        "{s:o, s:o, s:I, s:b, s:o}", "string",
        kj_sig_text(kj_defs_text(subject->defs, disk->identifier)), "written",
        kj_sig_text(kj_defs_text(subject->defs, disk->source)), "count", (json_int_t)count, "more",
        kj_matcher_is_cut(matcher, index), "places", places(hits, count, bytes));
    if (object && count == 0 && index < subject->ir->patterns.count) {
        json_t *near = nearest(&subject->ir->patterns.items[index], bytes);
        if (near)
            (void)json_object_set_new(object, "nearest", near);
    }
    return object;
}
