/* SPDX-License-Identifier: Apache-2.0 */
/* INI files. There is no specification; what is read follows GetPrivateProfileString as documented
 * and as it behaves:
 *
 *     [section]          the first `]` ends the name; without one the line is no section
 *     key = value        blanks around both dropped, then one pair of ' or " around the value
 *     ; comment          only at the beginning of a line: behind a value `;` is part of it
 *     anything else      ignored
 *
 *   - CR LF, LF and CR end a line. Blanks are space, tab, vertical tab, form feed and Ctrl-Z, which
 *     DOS editors leave at the end.
 *   - A file without a UTF-16 byte order mark is taken for windows-1252: the real codepage is the
 *     system's, but all of them agree about ASCII. A UTF-8 mark is passed over.
 *
 * Positions are bytes of the file; a unit is one byte, or two in UTF-16. */
#include "formats/ini.h"

#include "base/arith.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/fold.h"
#include "base/text.h"
#include "formats/mime.h"

#include <stdlib.h>

enum {
    FILE_MAX = 16 << 20,
    ENTRIES_MAX = 1 << 18, /* real ones have hundreds */
    WINDOWS_9X_READS = 32768,
    CTRL_Z = 0x1A,
    NO_UNIT = 0x10000, /* behind the end */
    EDIT_GAP = 16,     /* edits nearer to each other are one */
};

/* A part of the file, in bytes. */
typedef struct range {
    size_t start;
    size_t end;
} range;

/* ---- units --------------------------------------------------------------------------------- */

static size_t unit_len(bool wide)
{
    return wide ? 2 : 1;
}

/* The unit at `at` if all of it lies before `end`, else NO_UNIT. */
static uint32_t unit_at(const kj_ini *ini, size_t at, size_t end)
{
    kj_span unit = kj_span_sub(kj_span_sub(ini->bytes, 0, end), at, unit_len(ini->wide));
    if (unit.len < unit_len(ini->wide))
        return NO_UNIT;
    return ini->wide ? (uint32_t)(unit.data[1] << 8 | unit.data[0]) : unit.data[0];
}

static bool is_line_end(uint32_t unit)
{
    return unit == '\n' || unit == '\r' || unit == NO_UNIT;
}

static bool is_blank(uint32_t unit)
{
    return unit == ' ' || unit == '\t' || unit == '\v' || unit == '\f' || unit == CTRL_Z;
}

static size_t find_unit(const kj_ini *ini, range in, uint32_t wanted)
{
    size_t at = in.start;
    while (at < in.end && unit_at(ini, at, in.end) != wanted)
        at += unit_len(ini->wide);
    return at < in.end ? at : in.end;
}

/* All ranges within a line are whole units. */
static range trim(const kj_ini *ini, range in)
{
    size_t step = unit_len(ini->wide);
    while (in.start < in.end && is_blank(unit_at(ini, in.start, in.end)))
        in.start += step;
    while (in.end > in.start && is_blank(unit_at(ini, in.end - step, in.end)))
        in.end -= step;
    return in;
}

/* The same without one pair of quotes around it. */
static range unquote(const kj_ini *ini, range in)
{
    size_t step = unit_len(ini->wide);
    if (in.end - in.start < 2 * step)
        return in;
    uint32_t first = unit_at(ini, in.start, in.end);
    if ((first == '"' || first == '\'') && unit_at(ini, in.end - step, in.end) == first)
        return (range){in.start + step, in.end - step};
    return in;
}

static bool is_ascii(kj_span bytes)
{
    for (size_t i = 0; i < bytes.len; i++)
        if (bytes.data[i] >= 0x80)
            return false;
    return true;
}

/* Appends a part as UTF-8. */
static void put_text(bool wide, kj_span raw, kj_buf *out)
{
    if (wide)
        kj_utf16_to_utf8(raw, false, out);
    else
        kj_charset_to_utf8(kj_span_str("windows-1252"), raw, out);
}

static bool keep_text(const kj_ini *ini, range part, kj_arena *arena, kj_span *out)
{
    enum { UTF8_A_UNIT = 3 };
    kj_span raw = kj_span_sub(ini->bytes, part.start, part.end - part.start);
    *out = raw;
    if (!ini->wide && is_ascii(raw))
        return true;
    KJ_CLEANUP(kj_buf_done) kj_buf text;
    kj_buf_init(&text, UTF8_A_UNIT * raw.len);
    put_text(ini->wide, raw, &text);
    char *copy = text.failed ? NULL : kj_arena_text(arena, kj_buf_span(&text));
    *out = kj_span_of(copy, text.len);
    return copy != NULL;
}

/* ---- reading ------------------------------------------------------------------------------- */

typedef struct reading {
    kj_ini ini;
    kj_arena *arena;
    kj_span section;
    kj_ini_entry *entries; /* NULL while they are only counted */
    size_t count;
    uint32_t line;
    size_t line_start;
    size_t line_end;
} reading;

/* Reads the section's name, or an entry. False without memory. `text`: the line without its end. */
static bool read_line(reading *r, range text)
{
    const kj_ini *ini = &r->ini;
    text = trim(ini, text);
    uint32_t first = unit_at(ini, text.start, text.end);
    if (first == ';' || first == NO_UNIT)
        return true;
    size_t bracket = first == '[' ? find_unit(ini, text, ']') : text.end;
    if (bracket < text.end) {
        range name = trim(ini, (range){text.start + unit_len(ini->wide), bracket});
        return !r->entries || keep_text(ini, name, r->arena, &r->section);
    }
    size_t equals = find_unit(ini, text, '=');
    if (equals == text.end)
        return true;
    r->count++;
    if (!r->entries)
        return true;
    range value = trim(ini, (range){equals + unit_len(ini->wide), text.end});
    kj_ini_entry *entry = &r->entries[r->count - 1];
    *entry = (kj_ini_entry){
        .section = r->section,
        .line = r->line,
        .beyond_9x = r->line_start >= WINDOWS_9X_READS,
        .line_start = r->line_start,
        .line_end = r->line_end,
        .value_start = value.start,
        .value_end = value.end,
    };
    return keep_text(ini, trim(ini, (range){text.start, equals}), r->arena, &entry->key) &&
           keep_text(ini, unquote(ini, value), r->arena, &entry->value);
}

static bool read_lines(reading *r, size_t start)
{
    size_t step = unit_len(r->ini.wide), len = r->ini.bytes.len;
    r->count = 0;
    r->line = 0;
    r->section = (kj_span){0};
    for (size_t at = start; len - at >= step;) {
        range text = {at, at};
        while (!is_line_end(unit_at(&r->ini, text.end, len)))
            text.end += step;
        at = text.end;
        uint32_t end = unit_at(&r->ini, at, len);
        at += end == NO_UNIT ? 0 : step;
        if (end == '\r' && unit_at(&r->ini, at, len) == '\n')
            at += step;
        r->line++;
        r->line_start = text.start;
        r->line_end = at;
        if (!read_line(r, text))
            return false;
    }
    return true;
}

static int compare_texts(kj_span a, kj_span b)
{
    if (a.data == b.data && a.len == b.len)
        return 0; /* two entries below one header */
    for (size_t i = 0, j = 0; i < a.len || j < b.len;) {
        uint32_t x = i < a.len ? kj_fold(kj_utf8_next(a, &i)) + 1 : 0;
        uint32_t y = j < b.len ? kj_fold(kj_utf8_next(b, &j)) + 1 : 0;
        if (x != y)
            return x < y ? -1 : 1;
    }
    return 0;
}

static int compare_names(const kj_ini_entry *a, const kj_ini_entry *b)
{
    int order = compare_texts(a->section, b->section);
    return order ? order : compare_texts(a->key, b->key);
}

static int compare_entries(const void *a, const void *b)
{
    const kj_ini_entry *x = *(kj_ini_entry *const *)a, *y = *(kj_ini_entry *const *)b;
    int order = compare_names(x, y);
    return order ? order : x->line_start < y->line_start ? -1 : 1;
}

/* The first of a name wins. Without memory false. */
static bool mark_shadowed(reading *r)
{
    kj_ini_entry **sorted = kj_new_array(r->arena, kj_ini_entry *, r->count);
    if (!sorted)
        return false;
    for (size_t i = 0; i < r->count; i++)
        sorted[i] = &r->entries[i];
    if (r->count)
        qsort(sorted, r->count, sizeof(kj_ini_entry *), compare_entries);
    for (size_t i = 1; i < r->count; i++)
        sorted[i]->shadowed = compare_names(sorted[i - 1], sorted[i]) == 0;
    return true;
}

/* How long the byte order mark is; `wide`: whether it is UTF-16's. */
static size_t read_mark(kj_span bytes, bool *wide)
{
    static const char mark16[] = "\xFF\xFE", mark8[] = "\xEF\xBB\xBF";
    *wide = kj_span_starts(bytes, kj_span_str(mark16));
    if (*wide)
        return sizeof mark16 - 1;
    return kj_span_starts(bytes, kj_span_str(mark8)) ? sizeof mark8 - 1 : 0;
}

kj_status kj_ini_read(kj_span bytes, kj_arena *arena, kj_ini *out, kj_error *err)
{
    if (bytes.len > FILE_MAX)
        return kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET, "an INI file of more than %d MiB",
                       FILE_MAX >> 20);
    reading r = {.ini = {.bytes = bytes}, .arena = arena};
    size_t start = read_mark(bytes, &r.ini.wide);
    (void)read_lines(&r, start); /* counts */
    if (r.count > ENTRIES_MAX)
        return kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET, "an INI file of more than %d entries",
                       ENTRIES_MAX);
    r.entries = kj_new_array(arena, kj_ini_entry, r.count);
    if (!r.entries || !read_lines(&r, start) || !mark_shadowed(&r))
        return kj_no_memory(err);
    r.ini.entries = r.entries;
    r.ini.count = r.count;
    *out = r.ini;
    return KJ_OK;
}

/* ---- tokens -------------------------------------------------------------------------------- */

static bool is_separator(uint8_t c)
{
    return is_blank(c) || c == ',' || c == ';';
}

/* The next token with its quotes, and without them. */
static bool next_token(kj_span value, size_t *pos, range *whole, kj_span *out)
{
    size_t at = *pos;
    while (at < value.len && is_separator(value.data[at]))
        at++;
    if (at >= value.len)
        return false;
    bool quoted = value.data[at] == '"';
    size_t start = at + quoted, end = start;
    while (end < value.len && (quoted ? value.data[end] != '"' : !is_separator(value.data[end])))
        end++;
    *out = kj_span_sub(value, start, end - start);
    *pos = end + (quoted && end < value.len);
    *whole = (range){at, *pos};
    return true;
}

bool kj_ini_next_token(kj_span value, size_t *pos, kj_span *out)
{
    range whole;
    return next_token(value, pos, &whole, out);
}

/* ---- changes ------------------------------------------------------------------------------- */

/* All changes of one entry. */
typedef struct group {
    const kj_ini_entry *entry;
    const kj_ini_change *const *changes;
    size_t count;
} group;

typedef struct writing {
    const kj_ini *ini;
    kj_buf out;
    size_t done;       /* of the file: copied or left out */
    uint16_t high[32]; /* what windows-1252 has for 0x80 to 0x9F */
} writing;

static bool learn_encoding(writing *w)
{
    enum { FIRST = 0x80, UTF8_MAX = 4 };
    uint8_t bytes[KJ_COUNT(w->high)];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(FIRST + i);
    KJ_CLEANUP(kj_buf_done) kj_buf text;
    kj_buf_init(&text, UTF8_MAX * sizeof bytes);
    put_text(false, kj_span_of(bytes, sizeof bytes), &text);
    for (size_t i = 0, pos = 0; i < sizeof bytes && pos < text.len; i++)
        w->high[i] = (uint16_t)kj_utf8_next(kj_buf_span(&text), &pos);
    return !text.failed;
}

static uint32_t code_of(const writing *w, uint8_t byte)
{
    return byte >= 0x80 && byte < 0xA0 ? w->high[byte - 0x80] : byte;
}

/* The byte of a code point, -1 for none. */
static int byte_of(const writing *w, uint32_t code)
{
    for (int byte = 0; byte <= UINT8_MAX; byte++)
        if (code_of(w, (uint8_t)byte) == code)
            return byte;
    return -1;
}

static void copy_until(writing *w, size_t end)
{
    kj_buf_put(&w->out, kj_span_sub(w->ini->bytes, w->done, end - w->done));
    w->done = end;
}

static void leave_out(writing *w, range part)
{
    copy_until(w, part.start);
    w->done = part.end;
}

/* Appends UTF-8 in the file's encoding. */
static kj_status put_encoded(writing *w, kj_span text, kj_error *err)
{
    if (!kj_utf8_valid(text))
        return kj_fail(err, KJ_UNSUPPORTED, KJ_NO_OFFSET, "the new value is no text");
    for (size_t pos = 0; pos < text.len;) {
        uint32_t code = kj_utf8_next(text, &pos);
        int byte = w->ini->wide ? 0 : byte_of(w, code);
        if (code == '\n' || code == '\r')
            return kj_fail(err, KJ_UNSUPPORTED, KJ_NO_OFFSET, "the new value has several lines");
        if (byte < 0)
            return kj_fail(err, KJ_UNSUPPORTED, KJ_NO_OFFSET,
                           "the file's encoding lacks a character of the new value");
        if (w->ini->wide)
            kj_utf16le_put(code, &w->out);
        else
            kj_buf_put_byte(&w->out, (uint8_t)byte);
    }
    return KJ_OK;
}

/* Whether Windows would drop something at the ends of a value that stands there bare. */
static bool needs_quotes(kj_span text)
{
    if (text.len == 0)
        return false;
    uint8_t first = text.data[0], last = text.data[text.len - 1];
    return is_blank(first) || is_blank(last) ||
           (text.len > 1 && first == last && (first == '"' || first == '\''));
}

static kj_status set_value(writing *w, const kj_ini_entry *entry, kj_span text, kj_error *err)
{
    if (kj_span_starts(entry->key, kj_span_str("[")) &&
        kj_span_find(text, kj_span_str("]"), 0) != SIZE_MAX)
        return kj_fail(err, KJ_UNSUPPORTED, entry->line_start,
                       "with the new value the line would be a section");
    leave_out(w, (range){entry->value_start, entry->value_end});
    kj_span quote = needs_quotes(text) ? kj_span_str("\"") : (kj_span){0};
    KJ_TRY(put_encoded(w, quote, err));
    KJ_TRY(put_encoded(w, text, err));
    return put_encoded(w, quote, err);
}

/* Goes through a raw value, to find where in the file a byte of its text stands. */
typedef struct place {
    range value; /* what is left of it */
    size_t text; /* bytes of text before it */
} place;

static size_t place_of(const writing *w, place *p, size_t text)
{
    while (p->text < text && p->value.start < p->value.end) {
        uint32_t unit = unit_at(w->ini, p->value.start, p->value.end);
        size_t len = unit_len(w->ini->wide);
        uint32_t next = unit_at(w->ini, p->value.start + len, p->value.end);
        bool pair = w->ini->wide && unit >> 10 == 0xD800 >> 10 && next >> 10 == 0xDC00 >> 10;
        uint32_t code = pair ? 0x10000 : w->ini->wide ? unit : code_of(w, (uint8_t)unit);
        uint8_t bytes[4];
        p->text += kj_utf8_put(code, bytes);
        p->value.start += pair ? 2 * len : len;
    }
    return p->value.start;
}

static bool is_removed(const group *g, kj_span token)
{
    for (size_t i = 0; i < g->count; i++)
        if (g->changes[i]->kind == KJ_INI_REMOVE_TOKEN &&
            compare_texts(g->changes[i]->text, token) == 0)
            return true;
    return false;
}

/* `a.exe "b c.exe"` without its first token would lose its quotes when it is read: it gets another
 * pair. `start`: of the value in what is written. */
static void keep_quotes(writing *w, size_t start)
{
    kj_ini written = {.bytes = kj_buf_span(&w->out), .wide = w->ini->wide};
    range value = {start, w->out.len};
    size_t step = unit_len(w->ini->wide);
    if (w->out.failed || unquote(&written, value).start == start)
        return;
    for (size_t i = 0; i < 2; i++)
        w->ini->wide ? kj_buf_put_u16le(&w->out, '"') : kj_buf_put_byte(&w->out, '"');
    if (w->out.failed)
        return;
    uint8_t *at = w->out.data + start;
    memmove(at + step, at, value.end - value.start);
    memcpy(at, w->out.data + w->out.len - step, step);
}

/* Tokens that go in a row take what stands between them along, and what parts them from the next
 * one that stays, or, at the end, from the one before. Of a value of which nothing stays no quotes
 * stay either. */
static void remove_tokens(writing *w, const group *g)
{
    range raw = {g->entry->value_start, g->entry->value_end}, bare = unquote(w->ini, raw), token;
    place at = {bare, 0};
    kj_span text;
    bool kept = false, removed = false, in_row = false;
    copy_until(w, raw.start);
    size_t written = w->out.len, row_start = 0, row_end = 0, kept_end = 0;
    for (size_t pos = 0; next_token(g->entry->value, &pos, &token, &text);) {
        bool goes = is_removed(g, text);
        size_t start = place_of(w, &at, token.start), end = place_of(w, &at, token.end);
        if (goes && !in_row)
            row_start = start;
        else if (!goes && in_row) /* "a""x" b: nothing parts the first two */
            leave_out(w, (range){row_start, kept && row_start == kept_end ? row_end : start});
        in_row = goes;
        *(goes ? &row_end : &kept_end) = end;
        *(goes ? &removed : &kept) = true;
    }
    if (in_row)
        leave_out(w, kept ? (range){kept_end, row_end} : raw);
    copy_until(w, raw.end);
    if (removed && kept && bare.start == raw.start)
        keep_quotes(w, written);
}

/* Removing the line comes before a new value, and that before tokens. */
static kj_status change_entry(writing *w, const group *g, kj_error *err)
{
    const kj_ini_change *set = NULL;
    for (size_t i = 0; i < g->count; i++) {
        const kj_ini_change *change = g->changes[i];
        if (change->kind == KJ_INI_REMOVE_LINE) {
            leave_out(w, (range){g->entry->line_start, g->entry->line_end});
            return KJ_OK;
        }
        if (change->kind != KJ_INI_SET)
            continue;
        if (set && !kj_span_equal(set->text, change->text))
            return kj_fail(err, KJ_UNSUPPORTED, g->entry->line_start,
                           "two changes want different values of one entry");
        set = change;
    }
    if (set)
        return set_value(w, g->entry, set->text, err);
    remove_tokens(w, g);
    return KJ_OK;
}

static int compare_changes(const void *a, const void *b)
{
    const kj_ini_change *x = *(const kj_ini_change *const *)a;
    const kj_ini_change *y = *(const kj_ini_change *const *)b;
    return x->entry < y->entry ? -1 : x->entry > y->entry;
}

static kj_status write_changes(writing *w, const kj_ini_change *const *sorted, size_t count,
                               kj_error *err)
{
    for (size_t i = 0, next; i < count; i = next) {
        for (next = i + 1; next < count && sorted[next]->entry == sorted[i]->entry;)
            next++;
        group g = {&w->ini->entries[sorted[i]->entry], &sorted[i], next - i};
        KJ_TRY(change_entry(w, &g, err));
    }
    copy_until(w, w->ini->bytes.len);
    bool was_wide, is_wide;
    if (!w->out.failed &&
        read_mark(w->ini->bytes, &was_wide) != read_mark(kj_buf_span(&w->out), &is_wide))
        return kj_fail(err, KJ_UNSUPPORTED, 0,
                       "without its first line the file would be in another encoding");
    return KJ_OK;
}

kj_status kj_ini_apply(const kj_ini *ini, const kj_ini_change *changes, size_t count,
                       kj_arena *arena, kj_edits *out, kj_error *err)
{
    enum { WIDER = 2, QUOTES = 8 };
    const kj_ini_change **sorted = kj_new_array(arena, const kj_ini_change *, count);
    size_t max = ini->bytes.len;
    if (!sorted)
        return kj_no_memory(err);
    for (size_t i = 0; i < count; i++) {
        if (changes[i].entry >= ini->count)
            return kj_fail(err, KJ_INTERNAL, KJ_NO_OFFSET,
                           "a change of an entry that is not there");
        max += WIDER * changes[i].text.len + QUOTES;
        sorted[i] = &changes[i];
    }
    if (count)
        qsort(sorted, count, sizeof(const kj_ini_change *), compare_changes);
    writing w = {.ini = ini};
    kj_buf_init(&w.out, max);
    kj_status status = learn_encoding(&w) ? write_changes(&w, sorted, count, err) : KJ_NO_MEMORY;
    char *after =
        status == KJ_OK && !w.out.failed ? kj_arena_text(arena, kj_buf_span(&w.out)) : NULL;
    size_t len = w.out.len;
    kj_buf_done(&w.out);
    if (status == KJ_NO_MEMORY || (status == KJ_OK && !after))
        return kj_no_memory(err);
    KJ_TRY(status);
    return kj_edits_between(arena, ini->bytes, kj_span_of(after, len), EDIT_GAP, out, err);
}
