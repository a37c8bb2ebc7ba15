/* SPDX-License-Identifier: Apache-2.0 */
/* All values that programs read in one place of a header field: boundaries, names, types.
 *
 * A field of the strict grammar, with one parameter of the name that is wanted, is read once, as
 * the RFCs say (mime_header.c). Any deviation switches the other readings on:
 *
 *     views     the field unfolded, with folds removed, encoded words decoded, comments removed
 *     places    in each view wherever the parameter's name and "=" stand, also in quotes, in
 *               comments, and without a semicolon before it
 *     cuts      at each place every end that its value may have
 *     forms     of each cut: as it is, trimmed, cut at a NUL, decoded, without its quotes, ...
 *
 * They come in this order: the standard's value; one value of each place, the last one first, since
 * Apple Mail takes the last; RFC 2231's pieces joined; then everything else. There is room for
 * KJ_MIME_VALUES_MAX, so the work has a bound however long the field is.
 *
 * Known readings: Outlook ignores RFC 2231 and strips comments in a boundary; Exim before 4.98
 * joined pieces on several lines wrongly (CVE-2024-39929); a newline in a name hides its extension
 * (CVE-2023-29542). */
#include "base/arith.h"
#include "base/path.h"
#include "base/text.h"
#include "formats/mime_private.h"

#include <stdlib.h>

enum {
    PLACES_MAX = 128,           /* of one parameter in one view */
    VALUE_LOOK = 4096,          /* bytes behind a place, but for the standard's reading */
    BYTES_MAX = 128 << 10,      /* of all values of one thing */
    FIELD_MAX = 16 << 20,       /* of a field, searched for places */
    BOUNDARY_LEN = 70,          /* RFC 2046, 5.1.1 */
    PIECE_NUMBER_MAX = 1000000, /* of RFC 2231's */
    SHOWN_AS_OTHER_MAX = 6,     /* bytes that may stand for one that cannot be shown */
};

/* ---- a list of values ---------------------------------------------------------------------- */

static bool has_value(const kj_mime_values *values, kj_span value)
{
    for (size_t i = 0; i < values->count; i++)
        if (kj_span_equal(values->items[i], value))
            return true;
    return false;
}

static bool has_room(const kj_mime_values *values, size_t len)
{
    size_t used = 0;
    for (size_t i = 0; i < values->count; i++)
        used += values->items[i].len;
    return values->count < KJ_MIME_VALUES_MAX && len <= BYTES_MAX - kj_min_size(used, BYTES_MAX);
}

bool kj_mime_values_add(kj_arena *arena, kj_span value, kj_mime_values *values)
{
    if (has_value(values, value))
        return true;
    if (!has_room(values, value.len)) {
        values->more = true;
        return true;
    }
    char *copy = kj_arena_text(arena, value);
    if (!copy)
        return false;
    values->items[values->count++] = kj_span_of(copy, value.len);
    return true;
}

/* ---- what is collected --------------------------------------------------------------------- */

typedef struct collector {
    kj_arena *arena;
    kj_mime_values *values;
    const char *param; /* "boundary", "filename", "name" */
    bool is_name;      /* text for people, in some charset; else bytes */
    bool cut;          /* something was not looked at */
    bool starved;
} collector;

static bool is_char(kj_span s, size_t at, char c)
{
    return at < s.len && s.data[at] == (uint8_t)c;
}

/* A name with its quotes is nobody's: no Windows has such files. */
static void add(collector *c, kj_span value)
{
    bool quoted = c->is_name && (is_char(value, 0, '"') || is_char(value, value.len - 1, '"'));
    if (value.len && !quoted)
        c->starved |= !kj_mime_values_add(c->arena, value, c->values);
}

/* A buffer for one form; its maximum suits anything that is made of `text`. */
static kj_buf form_of(kj_span text)
{
    kj_buf form;
    kj_buf_init(&form, 4 * text.len + 16);
    return form;
}

static void give_back(collector *c, kj_buf *form)
{
    c->starved |= form->starved;
    kj_buf_done(form);
}

/* Adds what was made, and gives it back. */
static void add_form(collector *c, kj_buf *form)
{
    add(c, kj_buf_span(form));
    give_back(c, form);
}

static bool is_ascii(kj_span text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] >= 0x80)
            return false;
    return true;
}

static bool is_control(uint8_t c)
{
    return c < ' ' || c == 0x7F;
}

static bool has_control(kj_span text)
{
    for (size_t i = 0; i < text.len; i++)
        if (is_control(text.data[i]))
            return true;
    return false;
}

/* Adds a value; one with control characters also cut at the first and without any: a newline or a
 * NUL hides what stands behind it. */
static void add_text(collector *c, kj_span text)
{
    add(c, text);
    if (!has_control(text))
        return;
    kj_buf form = form_of(text);
    size_t cut = SIZE_MAX;
    for (size_t i = 0; i < text.len; i++) {
        if (!is_control(text.data[i]))
            kj_buf_put_byte(&form, text.data[i]);
        else if (cut == SIZE_MAX)
            cut = i;
    }
    add(c, kj_span_sub(text, 0, cut));
    add_form(c, &form);
}

static void add_in_charset(collector *c, kj_span charset, kj_span bytes)
{
    kj_buf form = form_of(bytes);
    kj_charset_to_utf8(charset, bytes, &form);
    add_text(c, kj_buf_span(&form));
    give_back(c, &form);
}

/* Adds bytes that some charset makes text of. A boundary is compared as bytes, but a charset that
 * is not ASCII's may have hidden one. */
static void add_bytes(collector *c, kj_span charset, kj_span bytes)
{
    if (!c->is_name)
        add_text(c, bytes);
    if (c->is_name || !kj_charset_is_ascii_superset(charset))
        add_in_charset(c, charset, bytes);
    if (c->is_name && !charset.len && !is_ascii(bytes))
        add_in_charset(c, kj_span_str("windows-1252"), bytes);
}

/* Of bytes in no declared charset. */
static void add_plain(collector *c, kj_span bytes)
{
    add_bytes(c, (kj_span){0}, bytes);
}

/* ---- views --------------------------------------------------------------------------------- */

static size_t skip_space(kj_span s, size_t at)
{
    while (at < s.len && kj_is_space(s.data[at]))
        at++;
    return at;
}

/* What a line end and the blanks behind it become. */
typedef enum fold { FOLD_KEEPS_BLANKS, FOLD_IS_BLANK, FOLD_IS_NOTHING } fold;

static void unfold_as(kj_span raw, fold how, kj_buf *out)
{
    for (size_t at = 0; at < raw.len;) {
        size_t end = at;
        while (end < raw.len && raw.data[end] != '\r' && raw.data[end] != '\n')
            end++;
        kj_buf_put(out, kj_span_sub(raw, at, end - at));
        if (end == raw.len)
            return;
        at = how == FOLD_KEEPS_BLANKS ? end + 1 : skip_space(raw, end);
        if (how == FOLD_IS_BLANK)
            kj_buf_put_byte(out, ' ');
    }
}

/* Without comments, wherever they stand: in quotes, too. One that does not end is none. */
static void strip_comments(kj_span text, kj_buf *out)
{
    size_t depth = 0;
    size_t open = 0; /* where the outermost one begins */
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if (c == '(' && depth++ == 0)
            open = i;
        if (depth == 0)
            kj_buf_put_byte(out, c);
        if (c == ')' && depth)
            depth--;
    }
    if (depth)
        kj_buf_put(out, kj_span_sub(text, open, SIZE_MAX));
}

/* ---- places -------------------------------------------------------------------------------- */

typedef struct place {
    size_t start;  /* offset of the name */
    size_t value;  /* offset behind the "=" */
    bool starred;  /* "name*=", "name*0*=" */
    bool numbered; /* "name*0=" */
    uint32_t number;
} place;

/* All but the last PLACES_MAX - 1 of more are the first ones; the last one is always the last. */
typedef struct places {
    place items[PLACES_MAX];
    size_t count;
    bool more;
} places;

/* Whether a parameter's name can begin behind this byte. */
static bool begins_word(kj_span s, size_t at)
{
    uint8_t before = at > 0 ? s.data[at - 1] : ' ';
    return !kj_is_alnum(before) && before != '-' && before != '_' && before != '.';
}

/* The part of a parameter behind its name: "*0* =". */
static bool read_place(kj_span s, size_t at, place *out)
{
    *out = (place){0};
    at = skip_space(s, at);
    if (is_char(s, at, '*')) {
        out->starred = true;
        at = skip_space(s, at + 1);
        while (at < s.len && kj_is_digit(s.data[at]) && out->number < PIECE_NUMBER_MAX) {
            out->numbered = true;
            out->number = out->number * 10 + (s.data[at++] - (uint32_t)'0');
        }
        at = skip_space(s, at);
        if (out->numbered)
            out->starred = is_char(s, at, '*');
        if (is_char(s, at, '*'))
            at = skip_space(s, at + 1);
    }
    out->value = at + 1;
    return is_char(s, at, '=');
}

static void find_places(kj_span s, const char *param, places *out)
{
    kj_span word = kj_span_str(param);
    out->count = 0;
    out->more = false;
    for (size_t at = 0; at < s.len; at++) {
        place p;
        if (kj_lower(s.data[at]) != word.data[0] || !begins_word(s, at) ||
            !kj_text_equal_nocase(kj_span_sub(s, at, word.len), word) ||
            !read_place(s, at + word.len, &p))
            continue;
        p.start = at;
        out->more |= out->count == PLACES_MAX;
        out->count = kj_min_size(out->count, PLACES_MAX - 1);
        out->items[out->count++] = p;
    }
}

/* The part of a field that is looked at: all of it, or its beginning and what stands at the places
 * behind that. */
static void condense(kj_span raw, const char *param, kj_buf *out, bool *cut)
{
    enum { HEAD = KJ_MIME_VALUE_MAX / 2, WINDOW = 2048 };
    if (raw.len <= KJ_MIME_VALUE_MAX) {
        kj_buf_put(out, raw);
        return;
    }
    *cut = true;
    kj_buf_put(out, kj_span_sub(raw, 0, HEAD));
    kj_span tail = kj_span_sub(raw, HEAD, FIELD_MAX);
    places found;
    find_places(tail, param, &found);
    size_t end = 0;
    for (size_t i = 0; i < found.count; i++) {
        if (found.items[i].start < end)
            continue;
        kj_buf_put_text(out, ";");
        kj_buf_put(out, kj_span_sub(tail, found.items[i].start, WINDOW));
        end = found.items[i].start + WINDOW;
    }
}

/* ---- forms of a value ---------------------------------------------------------------------- */

static bool has_char(kj_span text, uint8_t c)
{
    return text.len && memchr(text.data, c, text.len);
}

static bool has_words(kj_span text)
{
    return kj_span_find(text, kj_span_str("=?"), 0) != SIZE_MAX;
}

static void add_words(collector *c, kj_span text)
{
    for (int how = 0; has_words(text) && how < KJ_MIME_WORDS_COUNT; how++) {
        kj_buf form = form_of(text);
        kj_mime_decode_words(text, (kj_mime_words)how, &form);
        add_text(c, kj_buf_span(&form));
        give_back(c, &form);
    }
}

/* RFC 2231's extended form: decoded, and as programs read it that decode nothing. */
static void add_extended(collector *c, kj_span text)
{
    kj_span value = text;
    kj_span charset = kj_mime_split_charset(&value);
    kj_buf form = form_of(text);
    kj_mime_decode_percent(value, &form);
    add_bytes(c, charset, kj_buf_span(&form));
    kj_buf_clear(&form);
    kj_mime_decode_percent(text, &form);
    add_plain(c, kj_buf_span(&form));
    give_back(c, &form);
    add_plain(c, value);
}

/* Without backslashes, or without quotes. */
static void add_without(collector *c, kj_span text, uint8_t unwanted)
{
    if (!has_char(text, unwanted))
        return;
    kj_buf form = form_of(text);
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] != unwanted)
            kj_buf_put_byte(&form, text.data[i]);
        else if (unwanted == '\\' && i + 1 < text.len)
            kj_buf_put_byte(&form, text.data[++i]);
    }
    add_plain(c, kj_buf_span(&form));
    add_words(c, kj_buf_span(&form));
    give_back(c, &form);
}

static kj_span trim_end(kj_span text)
{
    while (text.len && kj_is_space(text.data[text.len - 1]))
        text.len--;
    return text;
}

static void add_forms(collector *c, kj_span text, bool starred)
{
    if (text.len == 0 || c->values->more)
        return;
    add_plain(c, text);
    add_plain(c, trim_end(text));
    kj_span trimmed = kj_text_trim(text);
    add_plain(c, trimmed);
    if (trimmed.len > 1 && trimmed.data[0] == '\'' && trimmed.data[trimmed.len - 1] == '\'')
        add_plain(c, kj_span_sub(trimmed, 1, trimmed.len - 2));
    add_without(c, trimmed, '\\');
    add_without(c, trimmed, '"');
    if (starred || has_char(text, '%'))
        add_extended(c, trimmed);
    add_words(c, text);
    if (!c->is_name && text.len > BOUNDARY_LEN)
        add_plain(c, kj_span_sub(text, 0, BOUNDARY_LEN));
}

/* ---- cuts ---------------------------------------------------------------------------------- */

/* The text before the first byte of `ends`. */
static kj_span cut_at(kj_span text, const char *ends)
{
    size_t len = 0;
    while (len < text.len && (!text.data[len] || !strchr(ends, text.data[len])))
        len++;
    return kj_span_sub(text, 0, len);
}

/* The text before the next semicolon behind which a parameter stands: a value may have some. */
static kj_span cut_at_param(kj_span text)
{
    for (size_t at = 0; at < text.len; at++) {
        if (text.data[at] != ';')
            continue;
        size_t word = skip_space(text, at + 1);
        size_t end = word;
        while (end < text.len && (kj_is_alnum(text.data[end]) || strchr("-*_", text.data[end])))
            end++;
        if (end > word && is_char(text, skip_space(text, end), '='))
            return kj_span_sub(text, 0, at);
        at = end - 1;
    }
    return text;
}

/* Up to the quote that no backslash stands before; *out_closed: there is one. */
static kj_span cut_at_quote(kj_span text, bool *out_closed)
{
    size_t len = 0;
    while (len < text.len && text.data[len] != '"')
        len += text.data[len] == '\\' && len + 1 < text.len ? 2 : 1;
    *out_closed = len < text.len;
    return kj_span_sub(text, 0, len);
}

static kj_span cut_at_last_quote(kj_span text)
{
    const uint8_t *last = text.len ? memrchr(text.data, '"', text.len) : NULL;
    return kj_span_sub(text, 0, last ? (size_t)(last - text.data) : SIZE_MAX);
}

/* Where programs see the end of a value that is not quoted, or whose quotes they do not know. */
static const char *const value_ends[] = {
    ";", " \t\r\n;", "(;", ",;", "\";", " \t\r\n()<>@,;:\\\"/[]?=",
};

/* What stands behind a place's "=", as far as it is looked at there. */
static kj_span text_at(kj_span view, const place *p)
{
    return kj_span_sub(view, p->value, VALUE_LOOK);
}

/* What stands behind "=", as the standard reads it. */
static kj_span standard_cut(kj_span rest)
{
    rest = kj_span_sub(rest, skip_space(rest, 0), SIZE_MAX);
    if (!is_char(rest, 0, '"'))
        return kj_text_trim(cut_at(rest, ";"));
    bool closed;
    return cut_at_quote(kj_span_sub(rest, 1, SIZE_MAX), &closed);
}

static void add_cuts(collector *c, kj_span rest, bool starred)
{
    rest = kj_span_sub(rest, skip_space(rest, 0), SIZE_MAX);
    kj_span inner = kj_span_sub(rest, 1, SIZE_MAX);
    bool quoted = is_char(rest, 0, '"');
    bool closed = false;
    if (quoted) {
        add_forms(c, cut_at_quote(inner, &closed), starred);
        add_forms(c, cut_at(inner, "\""), starred);
    }
    for (size_t i = 0; i < KJ_COUNT(value_ends) && !c->values->more; i++) {
        if (quoted && !closed)
            add_forms(c, cut_at(inner, value_ends[i]), starred);
        add_forms(c, cut_at(rest, value_ends[i]), starred);
    }
    if (quoted)
        add_forms(c, cut_at_last_quote(cut_at_param(inner)), starred);
    add_forms(c, cut_at_param(rest), starred);
}

/* ---- pieces (RFC 2231, 3) ------------------------------------------------------------------ */

/* How pieces are put together. */
typedef enum order {
    ORDER_STANDARD, /* by number, the first of each, up to the first that is missing */
    ORDER_LENIENT,  /* by number, all of each, whatever is missing */
    ORDER_WRITTEN,  /* as they stand */
    ORDER_COUNT
} order;

/* What is decoded. */
typedef enum decoding { DECODE_STARRED, DECODE_ALL, DECODE_NONE, DECODING_COUNT } decoding;

static int compare_pieces(const void *a, const void *b)
{
    const place *x = a;
    const place *y = b;
    if (x->number != y->number)
        return x->number < y->number ? -1 : 1;
    return x->start < y->start ? -1 : x->start > y->start;
}

static void put_piece(kj_span text, bool decoded, kj_buf *out)
{
    if (decoded)
        kj_mime_decode_percent(text, out);
    else
        kj_buf_put(out, text);
}

/* *out_charset borrows from the view. */
static void join_pieces(kj_span view, const place *pieces, size_t count, order how, decoding what,
                        kj_span *out_charset, kj_buf *out)
{
    *out_charset = (kj_span){0};
    uint32_t next = 0;
    for (size_t i = 0; i < count; i++) {
        const place *p = &pieces[i];
        if (how == ORDER_STANDARD && p->number > next)
            return;
        if (how == ORDER_STANDARD && p->number < next)
            continue;
        next = p->number + 1;
        kj_span text = standard_cut(text_at(view, p));
        if (i == 0 && p->starred && what != DECODE_NONE)
            *out_charset = kj_mime_split_charset(&text);
        put_piece(text, what == DECODE_ALL || (what == DECODE_STARRED && p->starred), out);
    }
}

static void add_pieces(collector *c, kj_span view, const places *found)
{
    place pieces[PLACES_MAX];
    size_t count = 0;
    for (size_t i = 0; i < found->count; i++)
        if (found->items[i].numbered)
            pieces[count++] = found->items[i];
    for (int how = ORDER_COUNT - 1; count && how >= 0; how--) {
        if (how == ORDER_LENIENT)
            qsort(pieces, count, sizeof *pieces, compare_pieces);
        for (int what = 0; what < DECODING_COUNT; what++) {
            kj_buf form = form_of(view);
            kj_span charset;
            join_pieces(view, pieces, count, (order)how, (decoding)what, &charset, &form);
            add_bytes(c, charset, kj_buf_span(&form));
            add_words(c, kj_buf_span(&form));
            give_back(c, &form);
        }
    }
}

/* ---- a field ------------------------------------------------------------------------------- */

enum { VIEWS_MAX = 5 };

typedef struct view {
    kj_buf text;
    places found;
} view;

typedef struct field {
    kj_span raw; /* condensed */
    kj_mime_params list;
    view views[VIEWS_MAX]; /* the first: unfolded */
    size_t count;
} field;

static view *new_view(field *f)
{
    view *v = &f->views[f->count++];
    kj_buf_init(&v->text, 4 * f->raw.len + 16);
    return v;
}

/* The first view, the only one that ordinary fields need. */
static void make_first_view(field *f)
{
    unfold_as(f->raw, FOLD_KEEPS_BLANKS, &new_view(f)->text);
}

static void make_other_views(field *f)
{
    kj_span unfolded = kj_buf_span(&f->views[0].text);
    if (unfolded.len != f->raw.len) {
        unfold_as(f->raw, FOLD_IS_BLANK, &new_view(f)->text);
        unfold_as(f->raw, FOLD_IS_NOTHING, &new_view(f)->text);
    }
    if (has_words(unfolded))
        kj_mime_decode_words(unfolded, KJ_MIME_WORDS_JOINED, &new_view(f)->text);
    if (has_char(unfolded, '('))
        strip_comments(unfolded, &new_view(f)->text);
}

static void done_field(collector *c, field *f)
{
    for (size_t i = 0; i < f->count; i++) {
        c->starved |= f->views[i].text.starved;
        kj_buf_done(&f->views[i].text);
    }
    c->starved |= f->list.values.starved;
    kj_buf_done(&f->list.values);
}

/* ---- as the standard reads it --------------------------------------------------------------- */

/* Whether a parameter is of the wanted name, in one of RFC 2231's forms or none. */
static bool is_wanted(const collector *c, const kj_mime_param *p)
{
    kj_span word = kj_span_str(c->param);
    kj_span rest = kj_span_sub(p->name, word.len, SIZE_MAX);
    return kj_text_equal_nocase(kj_span_sub(p->name, 0, word.len), word) &&
           (rest.len == 0 || rest.data[0] == '*');
}

/* The extended value first, then the plain one, as RFC 2231 prefers. */
static void add_standard(collector *c, const kj_mime_params *list)
{
    kj_buf form;
    kj_buf_init(&form, KJ_MIME_VALUE_MAX);
    kj_span charset;
    if (kj_mime_params_extended(list, c->param, &charset, &form))
        add_bytes(c, charset, kj_buf_span(&form));
    const kj_mime_param *plain = kj_mime_params_find(list, c->param);
    kj_span text = plain ? kj_mime_param_value(list, plain) : (kj_span){0};
    kj_buf_clear(&form);
    if (!c->is_name && plain && text.len == 0 && c->values->count == 0)
        c->starved |= !kj_mime_values_add(c->arena, text, c->values);
    if (c->is_name && has_words(text))
        kj_mime_decode_words(text, KJ_MIME_WORDS_JOINED, &form);
    else
        add_plain(c, text);
    add(c, kj_buf_span(&form));
    give_back(c, &form);
}

/* Programs agree on a boundary of visible ASCII, but for these. */
static bool is_ordinary_boundary(kj_span value)
{
    for (size_t i = 0; i < value.len; i++)
        if (value.data[i] <= ' ' || value.data[i] >= 0x7F || strchr("\"()\\", value.data[i]))
            return false;
    return value.len > 0 && value.len <= BOUNDARY_LEN && value.data[0] != '\'' && !has_words(value);
}

/* Of names, what was decoded is looked at: a control in it deceives, a word left in it was none. */
static bool is_ordinary_name(kj_span name)
{
    return !has_control(name) && !has_words(name);
}

/* Real programs fold names between encoded words, where the fold does not count, and around the
 * "=". */
static const unsigned name_may_have = KJ_MIME_PARAM_FOLDED_WORDS | KJ_MIME_PARAM_BLANKS;

/* Counts the parameters of the name; false when one of them is unusual. */
static bool count_wanted(const collector *c, const kj_mime_params *list, size_t *out_plain,
                         size_t *out_pieces, size_t *out_single)
{
    for (size_t i = 0; i < list->count; i++) {
        const kj_mime_param *p = &list->items[i];
        if (!is_wanted(c, p))
            continue;
        if (p->odd & ~(c->is_name ? name_may_have : 0))
            return false;
        kj_span rest = kj_span_sub(p->name, strlen(c->param), SIZE_MAX);
        *out_plain += rest.len == 0;
        *out_single += rest.len == 1;
        *out_pieces += rest.len > 1;
    }
    return true;
}

/* Whether the pieces are numbered 0, 1, 2 ... and stand so. */
static bool pieces_are_in_order(const places *found)
{
    uint32_t next = 0;
    for (size_t i = 0; i < found->count; i++)
        if (found->items[i].numbered && found->items[i].number != next++)
            return false;
    return true;
}

static bool is_ordinary(const collector *c, const field *f, size_t first)
{
    size_t plain = 0;
    size_t pieces = 0;
    size_t single = 0;
    const places *found = &f->views[0].found;
    if (f->list.broken || !count_wanted(c, &f->list, &plain, &pieces, &single) ||
        plain + pieces + single != found->count || plain > 1 || single > 1 || (single && pieces) ||
        !pieces_are_in_order(found) || (pieces && c->values->count == first))
        return false;
    for (size_t i = first; i < c->values->count; i++)
        if (c->is_name ? !is_ordinary_name(c->values->items[i])
                       : !is_ordinary_boundary(c->values->items[i]))
            return false;
    return c->is_name || (plain == 1 && found->count == 1);
}

/* ---- names that are the same --------------------------------------------------------------- */

/* Whether two names differ only in how characters are shown that some charset lacks: what is not
 * ASCII in `a` may be anything short in `b`. Linear, since what is skipped in `b` has a limit. */
static bool shows(kj_span a, kj_span b)
{
    size_t at = 0;
    size_t room = 0; /* bytes of b that may stand for what was skipped in a */
    for (size_t i = 0; i < a.len; i++) {
        if (a.data[i] >= 0x80) {
            room += SHOWN_AS_OTHER_MAX;
            continue;
        }
        while (room && at < b.len && b.data[at] != a.data[i]) {
            at++;
            room--;
        }
        if (!is_char(b, at, (char)a.data[i]))
            return false;
        at++;
        room = 0;
    }
    return b.len - at <= room;
}

/* Percent escapes count as what they stand for; what says how a name runs must be the same. */
static bool are_alike(collector *c, kj_span a, kj_span b)
{
    kj_buf x = form_of(a);
    kj_buf y = form_of(b);
    kj_mime_decode_percent(a, &x);
    kj_mime_decode_percent(b, &y);
    a = kj_buf_span(&x);
    b = kj_buf_span(&y);
    bool alike = kj_span_equal(a, b) ||
                 (kj_text_equal_nocase(kj_path_extension(a, NULL), kj_path_extension(b, NULL)) &&
                  (shows(a, b) || shows(b, a)));
    c->starved |= x.starved || y.starved;
    kj_buf_done(&x);
    kj_buf_done(&y);
    return alike;
}

/* Compares the first `count` names. */
static void judge_names(collector *c, size_t count)
{
    const kj_mime_values *values = c->values;
    for (size_t i = 1; i < count; i++)
        if (!are_alike(c, values->items[0], values->items[i]))
            c->values->odd |= KJ_ODD(KJ_ODD_CONFLICTING_NAMES);
}

/* Some programs decode escapes in any name; ordinary ones have some, too. */
static void add_percent(collector *c, size_t first)
{
    for (size_t i = first, end = c->values->count; i < end; i++) {
        kj_span name = c->values->items[i];
        if (!has_char(name, '%'))
            continue;
        kj_buf form = form_of(name);
        kj_mime_decode_percent(name, &form);
        add_plain(c, kj_buf_span(&form));
        c->starved |= form.starved;
        kj_buf_done(&form);
    }
}

/* ---- all readings -------------------------------------------------------------------------- */

/* One value of each place, the last place first. */
static void add_places(collector *c, const view *v)
{
    kj_span text = kj_buf_span(&v->text);
    for (size_t i = v->found.count; i-- > 0;) {
        const place *p = &v->found.items[i];
        kj_span value = standard_cut(text_at(text, p));
        if (p->numbered)
            continue;
        if (p->starred)
            add_extended(c, value);
        else if (c->is_name && has_words(value))
            add_words(c, value);
        else
            add_plain(c, value);
    }
}

static void add_all(collector *c, const field *f)
{
    for (size_t i = 0; i < f->count; i++) {
        const view *v = &f->views[i];
        add_pieces(c, kj_buf_span(&v->text), &v->found);
        for (size_t j = v->found.count; j-- > 0 && !c->values->more;)
            add_cuts(c, text_at(kj_buf_span(&v->text), &v->found.items[j]),
                     v->found.items[j].starred);
    }
}

/* `of_places` values came one from each place. */
static void judge_boundaries(collector *c, const field *f, size_t first, size_t of_places)
{
    kj_mime_values *values = c->values;
    size_t plain = 0;
    size_t encoded = 0;
    bool usual = count_wanted(c, &f->list, &plain, &encoded, &encoded);
    bool syntax = !usual || encoded;
    for (size_t i = first; i < of_places; i++)
        syntax |= !is_ordinary_boundary(values->items[i]);
    if (of_places > first + 1)
        values->odd |= KJ_ODD(KJ_ODD_CONFLICTING_BOUNDARY);
    if (syntax)
        values->odd |= KJ_ODD(KJ_ODD_BOUNDARY_SYNTAX);
    if (f->list.broken || (!syntax && of_places <= first + 1))
        values->odd |= KJ_ODD(KJ_ODD_PARAMETER_SYNTAX);
}

/* A field in which something deviates. */
static void collect_all(collector *c, const field *f, size_t first)
{
    for (size_t i = 0; i < f->count; i++)
        add_places(c, &f->views[i]);
    size_t of_places = c->values->count;
    add_all(c, f);
    if (c->is_name) {
        judge_names(c, of_places);
        c->values->odd |= KJ_ODD(KJ_ODD_PARAMETER_SYNTAX);
    } else {
        judge_boundaries(c, f, first, of_places);
    }
}

/* Finds the places in the views from `first`; whether there are any. */
static bool find_places_in(collector *c, field *f, size_t first)
{
    bool any = false;
    for (size_t i = first; i < f->count; i++) {
        places *found = &f->views[i].found;
        find_places(kj_buf_span(&f->views[i].text), c->param, found);
        any |= found->count > 0;
        c->cut |= found->more;
    }
    return any;
}

static void collect_field(collector *c, kj_span raw, field *f)
{
    size_t first = c->values->count;
    make_first_view(f);
    bool any = find_places_in(c, f, 0);
    if (any) {
        kj_mime_read_params(raw, &f->list);
        add_standard(c, &f->list);
    }
    if (any && is_ordinary(c, f, first)) {
        if (c->is_name) {
            judge_names(c, c->values->count);
            add_percent(c, first);
        }
        return;
    }
    make_other_views(f);
    bool hidden = find_places_in(c, f, 1) && !any;
    if (hidden)
        kj_mime_read_params(raw, &f->list);
    if (any || hidden)
        collect_all(c, f, first);
}

/* While this runs, `more` says that there is no more room. */
static bool collect(collector *c, kj_span raw)
{
    field f;
    f.count = 0;
    kj_buf_init(&f.list.values, 0);
    kj_buf condensed;
    kj_buf_init(&condensed, 8 * (size_t)KJ_MIME_VALUE_MAX);
    c->cut = c->values->more;
    c->values->more = false;
    condense(raw, c->param, &condensed, &c->cut);
    f.raw = kj_buf_span(&condensed);
    collect_field(c, raw, &f);
    done_field(c, &f);
    c->values->more |= c->cut;
    c->starved |= condensed.starved;
    kj_buf_done(&condensed);
    return !c->starved;
}

bool kj_mime_boundaries(kj_arena *arena, kj_span raw, kj_mime_values *values)
{
    collector c = {.arena = arena, .values = values, .param = "boundary"};
    return collect(&c, raw);
}

bool kj_mime_names(kj_arena *arena, kj_span raw, const char *param, kj_mime_values *values)
{
    collector c = {.arena = arena, .values = values, .param = param, .is_name = true};
    return collect(&c, raw);
}

/* ---- types --------------------------------------------------------------------------------- */

/* RFC 2045's token. */
static bool is_token_char(uint8_t c)
{
    return c > ' ' && c < 0x7F && !strchr("()<>@,;:\\\"/[]?=", c);
}

static kj_span token_at(kj_span text, size_t at)
{
    size_t end = at;
    while (end < text.len && is_token_char(text.data[end]))
        end++;
    return kj_span_sub(text, at, end - at);
}

/* "type/subtype", perhaps with blanks or comments behind it, up to the semicolon or the end. */
static bool is_ordinary_type(kj_span raw)
{
    size_t at = skip_space(raw, 0);
    kj_span type = token_at(raw, at);
    at += type.len;
    if (!type.len || !is_char(raw, at, '/'))
        return false;
    kj_span subtype = token_at(raw, at + 1);
    kj_reader r = kj_reader_of(raw);
    kj_seek(&r, at + 1 + subtype.len);
    kj_mime_skip_cfws(&r);
    return subtype.len && (!kj_reader_left(&r) || raw.data[r.pos] == ';');
}

static void add_lower(collector *c, kj_span text)
{
    kj_buf form = form_of(text);
    for (size_t i = 0; i < text.len; i++)
        kj_buf_put_byte(&form, kj_lower(text.data[i]));
    add_form(c, &form);
}

/* Adds every "a/b" that stands before the first "=", of "a/b/c" both; slashes in a row are one. */
static void add_pairs(collector *c, kj_span text)
{
    kj_buf form = form_of(text);
    size_t before = 0; /* length of the token before the slash, in `form` */
    for (size_t at = 0; at < text.len && text.data[at] != '=' && !c->values->more;) {
        kj_span token = token_at(text, at);
        if (token.len && before) {
            kj_buf_put_byte(&form, '/');
            kj_buf_put(&form, token);
            add_lower(c, kj_buf_span(&form));
        }
        at += token.len;
        if (token.len) {
            kj_buf_clear(&form);
            kj_buf_put(&form, token);
        }
        before = is_char(text, at, '/') ? form.len : 0;
        at++;
        if (!before)
            kj_buf_clear(&form);
    }
    give_back(c, &form);
}

/* Without quotes, backslashes and what is neither a visible character nor a blank; `blanks`:
 * without those, too. */
static void strip_for_type(kj_span text, bool blanks, kj_buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if (c != '"' && c != '\\' && (c > ' ' || (kj_is_space(c) && !blanks)))
            kj_buf_put_byte(out, c);
    }
}

static void add_pairs_without(collector *c, kj_span text, bool blanks)
{
    kj_buf form = form_of(text);
    strip_for_type(text, blanks, &form);
    add_pairs(c, kj_buf_span(&form));
    give_back(c, &form);
}

/* A type may have blanks in it, but two types or a parameter may stand behind them, too. */
static void add_types_of(collector *c, kj_span text)
{
    add_pairs(c, text);
    add_pairs_without(c, text, false);
    kj_span main_value = cut_at(text, ";");
    kj_span behind = kj_span_sub(main_value, cut_at(main_value, "/").len + 1, SIZE_MAX);
    if (!has_char(main_value, '=') && !has_char(behind, '/'))
        add_pairs_without(c, main_value, true);
}

/* What a program may make of half a type. "text" is what a message without any is. */
static void add_half(collector *c, kj_span word)
{
    static const char *const whole[] = {"multipart/mixed", "message/rfc822"};
    for (size_t i = 0; i < KJ_COUNT(whole); i++) {
        kj_span type = kj_span_str(whole[i]);
        if (kj_span_equal(word, cut_at(type, "/")))
            add(c, type);
    }
}

static bool is_whole_type(kj_span type)
{
    size_t slash = kj_span_find(type, kj_span_str("/"), 0);
    return slash != SIZE_MAX && token_at(type, 0).len == slash &&
           slash + 1 + token_at(type, slash + 1).len == type.len;
}

/* The readings of a type that is not of the grammar. */
static void add_odd_types(collector *c, kj_span raw, kj_span main_value)
{
    size_t first = c->values->count;
    if (is_whole_type(main_value) && main_value.data[main_value.len - 1] != '/')
        add(c, main_value);
    field f = {.raw = raw};
    make_first_view(&f);
    make_other_views(&f);
    for (size_t i = 0; i < f.count; i++)
        add_types_of(c, kj_buf_span(&f.views[i].text));
    done_field(c, &f);
    if (c->values->count == first && is_whole_type(main_value))
        add(c, main_value);
    else if (c->values->count == first)
        add_half(c, main_value);
    bool empty = kj_text_trim(cut_at(raw, ";")).len == 0 || kj_span_is(main_value, "text");
    if (!empty || c->values->count > first)
        c->values->odd |= KJ_ODD(KJ_ODD_TYPE_SYNTAX);
}

bool kj_mime_types(kj_arena *arena, kj_span raw, kj_mime_values *values)
{
    collector c = {.arena = arena, .values = values};
    kj_span looked_at = kj_span_sub(raw, 0, KJ_MIME_VALUE_MAX);
    kj_buf main_value;
    kj_buf_init(&main_value, KJ_MIME_VALUE_MAX);
    kj_mime_main_value(looked_at, &main_value);
    if (is_ordinary_type(looked_at))
        add(&c, kj_buf_span(&main_value));
    else
        add_odd_types(&c, looked_at, kj_buf_span(&main_value));
    give_back(&c, &main_value);
    values->more |= looked_at.len < raw.len;
    return !c.starved;
}
