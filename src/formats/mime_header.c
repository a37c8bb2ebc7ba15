/* SPDX-License-Identifier: Apache-2.0 */
/* Header fields: RFC 5322 section 2.2, RFC 2045 section 5.1 (parameters), RFC 2231 (their charsets
 * and continuations), RFC 2047 (encoded words).
 *
 *     Content-Disposition: attachment; filename*0*=UTF-8''na%C3%AFve; filename*1=".txt"
 *     Content-Type: application/zip; name="=?iso-8859-1?Q?na=EFve?= =?iso-8859-1?Q?.zip?="
 *
 * More tolerant than the RFCs where mail programs are: blanks before the colon, encoded words
 * inside quotes, blanks in encoded words, unquoted values with blanks. */
#include "base/arith.h"
#include "base/text.h"
#include "formats/mime.h"

#include <stdio.h>

enum {
    SECTIONS_MAX = 64, /* continuations of one parameter */
    PARAMS_MAX = 256,
};

/* ---- fields -------------------------------------------------------------------------------- */

static size_t name_len(kj_span line)
{
    size_t len = 0;
    while (len < line.len && line.data[len] > ' ' && line.data[len] < 0x7F && line.data[len] != ':')
        len++;
    return len;
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

static size_t skip_blanks(kj_span s, size_t at)
{
    while (at < s.len && is_blank(s.data[at]))
        at++;
    return at;
}

bool kj_mime_is_field(kj_span line)
{
    size_t len = name_len(line);
    size_t colon = skip_blanks(line, len);
    return len > 0 && colon < line.len && line.data[colon] == ':';
}

bool kj_mime_next_field(kj_reader *r, kj_mime_field *out)
{
    size_t start = r->pos;
    kj_span line;
    if (!kj_read_line(r, &line) || line.len == 0)
        return false;
    if (!kj_mime_is_field(line)) {
        kj_seek(r, start);
        return false;
    }
    size_t len = name_len(line);
    size_t value = start + skip_blanks(line, len) + 1;
    size_t end = start + line.len;
    for (;;) {
        size_t next = r->pos;
        kj_span more;
        if (next >= r->in.len || !is_blank(r->in.data[next]) || !kj_read_line(r, &more))
            break;
        end = next + more.len;
    }
    out->name = kj_span_sub(line, 0, len);
    out->raw = kj_text_trim(kj_span_sub(r->in, value, end - value));
    return true;
}

/* Appends without line ends: folding adds one before a blank (RFC 5322, 2.2.3). */
static void unfold(kj_span raw, kj_buf *out)
{
    kj_reader r = kj_reader_of(kj_span_sub(raw, 0, KJ_MIME_VALUE_MAX));
    kj_span line;
    while (kj_read_line(&r, &line))
        kj_buf_put(out, line);
}

/* ---- encoded words ------------------------------------------------------------------------- */

typedef struct word {
    kj_span charset;
    uint8_t encoding; /* 'b' or 'q' */
    kj_span text;
    size_t end; /* offset behind it */
} word;

/* "=?charset*language?B?text?=" at `at`. */
static bool read_word(kj_span s, size_t at, word *out)
{
    enum { CHARSET_MAX = 60 };
    if (!kj_span_is(kj_span_sub(s, at, 2), "=?"))
        return false;
    size_t charset = at + 2;
    size_t mark = kj_span_find(kj_span_sub(s, 0, charset + CHARSET_MAX), kj_span_str("?"), charset);
    if (mark == SIZE_MAX || mark == charset || !kj_span_is(kj_span_sub(s, mark + 2, 1), "?"))
        return false;
    size_t text = mark + 3;
    size_t end = kj_span_find(s, kj_span_str("?"), text);
    if (end == SIZE_MAX || !kj_span_is(kj_span_sub(s, end, 2), "?="))
        return false;
    out->charset = kj_span_sub(s, charset, mark - charset);
    size_t language = kj_span_find(out->charset, kj_span_str("*"), 0);
    out->charset = kj_span_sub(out->charset, 0, language);
    out->encoding = kj_lower(s.data[mark + 1]);
    out->text = kj_span_sub(s, text, end - text);
    out->end = end + 2;
    return out->encoding == 'b' || out->encoding == 'q';
}

/* Two digits at `at`. */
static bool decode_hex(kj_span text, size_t at, uint8_t *out)
{
    kj_span digits = kj_span_sub(text, at, 2);
    return digits.len == 2 && kj_hex_decode(digits, out);
}

/* RFC 2047, 4.2: as quoted-printable, but an underscore is a blank. */
static void decode_q(kj_span text, kj_buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte = text.data[i] == '_' ? ' ' : text.data[i];
        if (byte == '=' && decode_hex(text, i + 1, &byte))
            i += 2;
        kj_buf_put_byte(out, byte);
    }
}

static void decode_word(const word *w, kj_buf *bytes)
{
    if (w->encoding == 'b')
        kj_mime_decode_base64(w->text, bytes);
    else
        decode_q(w->text, bytes);
}

/* Neighbours in one charset are converted together, since some programs split characters between
 * them; blanks between neighbours do not count. Returns the offset behind the last. */
static size_t decode_run(kj_span s, const word *first, kj_buf *out)
{
    kj_buf bytes;
    kj_buf_init(&bytes, s.len);
    word w = *first;
    size_t end = w.end;
    decode_word(&w, &bytes);
    while (read_word(s, skip_blanks(s, end), &w) &&
           kj_text_equal_nocase(w.charset, first->charset)) {
        decode_word(&w, &bytes);
        end = w.end;
    }
    kj_charset_to_utf8(first->charset, kj_buf_span(&bytes), out);
    kj_buf_done_into(&bytes, out);
    return end;
}

static void decode_words(kj_span s, kj_buf *out)
{
    for (size_t at = 0; at < s.len;) {
        size_t mark = kj_span_find(s, kj_span_str("=?"), at);
        size_t plain = mark == SIZE_MAX ? s.len : mark;
        kj_charset_to_utf8((kj_span){0}, kj_span_sub(s, at, plain - at), out);
        at = plain;
        word w;
        bool found = false;
        while (read_word(s, at, &w)) {
            at = decode_run(s, &w, out);
            size_t next = skip_blanks(s, at);
            at = read_word(s, next, &w) ? next : at;
            found = true;
        }
        if (!found && at < s.len) {
            kj_buf_put_text(out, "=?");
            at += 2;
        }
    }
}

void kj_mime_decode_value(kj_span raw, kj_buf *out)
{
    kj_buf text;
    kj_buf_init(&text, KJ_MIME_VALUE_MAX);
    unfold(raw, &text);
    decode_words(kj_buf_span(&text), out);
    kj_buf_done_into(&text, out);
}

/* ---- parameters ---------------------------------------------------------------------------- */

/* Past blanks, line ends and (nested) comments. */
static void skip_cfws(kj_reader *r)
{
    size_t depth = 0;
    while (kj_reader_left(r)) {
        uint8_t c = r->in.data[r->pos];
        if (c == '(')
            depth++;
        else if (c == ')' && depth)
            depth--;
        else if (c == '\\' && depth && kj_reader_left(r) > 1)
            kj_skip(r, 1);
        else if (!depth && !kj_is_space(c))
            return;
        kj_skip(r, 1);
    }
}

/* Up to a byte of `stops`, blanks at its end removed, a comment behind it too. */
static kj_span read_until(kj_reader *r, const char *stops)
{
    size_t start = r->pos;
    while (kj_reader_left(r) && (!r->in.data[r->pos] || !strchr(stops, r->in.data[r->pos])))
        kj_skip(r, 1);
    kj_span text = kj_text_trim(kj_span_sub(r->in, start, r->pos - start));
    size_t comment = kj_span_find(text, kj_span_str(" ("), 0);
    return kj_text_trim(kj_span_sub(text, 0, comment));
}

static void read_quoted(kj_reader *r, kj_buf *out)
{
    kj_skip(r, 1);
    while (kj_reader_left(r)) {
        uint8_t c = kj_read_u8(r);
        if (c == '"')
            return;
        if (c == '\\' && kj_reader_left(r))
            c = kj_read_u8(r);
        if (c != '\r' && c != '\n')
            kj_buf_put_byte(out, c);
    }
}

typedef struct param {
    kj_span name; /* "filename*0*" */
    size_t value; /* offset in params.values */
    size_t value_len;
} param;

typedef struct params {
    kj_buf values;
    param items[PARAMS_MAX];
    size_t count;
} params;

/* The reader stands behind the main value or a parameter. */
static bool next_param(kj_reader *r, params *list)
{
    (void)read_until(r, ";");
    kj_skip(r, 1);
    skip_cfws(r);
    if (!kj_reader_left(r))
        return false;
    param *p = &list->items[list->count++];
    *p = (param){.name = read_until(r, "=;"), .value = list->values.len};
    if (!kj_reader_left(r) || r->in.data[r->pos] != '=')
        return true;
    kj_skip(r, 1);
    skip_cfws(r);
    if (kj_reader_left(r) && r->in.data[r->pos] == '"')
        read_quoted(r, &list->values);
    else
        kj_buf_put(&list->values, read_until(r, ";"));
    p->value_len = list->values.len - p->value;
    return true;
}

/* Names borrow from `raw`. */
static void read_params(kj_span raw, params *list)
{
    kj_reader r = kj_reader_of(kj_span_sub(raw, 0, KJ_MIME_VALUE_MAX));
    list->count = 0;
    kj_buf_init(&list->values, KJ_MIME_VALUE_MAX);
    while (list->count < PARAMS_MAX && next_param(&r, list))
        continue;
}

/* The first of exactly that name, stars and all. */
static bool find_exact(const params *list, const char *name, kj_span *out)
{
    for (size_t i = 0; i < list->count; i++) {
        const param *p = &list->items[i];
        if (!kj_text_equal_nocase(p->name, kj_span_str(name)))
            continue;
        *out = kj_span_sub(kj_buf_span(&list->values), p->value, p->value_len);
        return true;
    }
    return false;
}

static void decode_percent(kj_span text, kj_buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte = text.data[i];
        if (byte == '%' && decode_hex(text, i + 1, &byte))
            i += 2;
        kj_buf_put_byte(out, byte);
    }
}

/* Cuts "charset'language'" off the first extended section. */
static kj_span split_charset(kj_span *text)
{
    kj_span quote = kj_span_str("'");
    size_t first = kj_span_find(*text, quote, 0);
    size_t second = first == SIZE_MAX ? SIZE_MAX : kj_span_find(*text, quote, first + 1);
    if (second == SIZE_MAX)
        return (kj_span){0};
    kj_span charset = kj_span_sub(*text, 0, first);
    *text = kj_span_sub(*text, second + 1, SIZE_MAX);
    return charset;
}

/* A section in either form: "name*3*" is percent-encoded, "name*3" is not. `section` below 0:
 * "name*", the only one. */
static bool find_section(const params *list, const char *name, int section, kj_span *out,
                         bool *out_encoded)
{
    char full[64];
    int len = section < 0 ? snprintf(full, sizeof full, "%s*", name)
                          : snprintf(full, sizeof full, "%s*%d*", name, section);
    if (len < 0 || (size_t)len >= sizeof full)
        return false;
    *out_encoded = true;
    if (find_exact(list, full, out))
        return true;
    *out_encoded = false;
    full[len - 1] = '\0';
    return section >= 0 && find_exact(list, full, out);
}

/* RFC 2231: one extended value, or numbered sections joined. */
static bool find_extended(const params *list, const char *name, kj_buf *out)
{
    kj_span text;
    bool encoded;
    bool single = find_section(list, name, -1, &text, &encoded);
    if (!single && !find_section(list, name, 0, &text, &encoded))
        return false;
    kj_span charset = encoded ? split_charset(&text) : (kj_span){0};
    kj_buf joined;
    kj_buf_init(&joined, KJ_MIME_VALUE_MAX);
    int section = 0;
    do {
        if (encoded)
            decode_percent(text, &joined);
        else
            kj_buf_put(&joined, text);
        section++;
    } while (!single && section < SECTIONS_MAX &&
             find_section(list, name, section, &text, &encoded));
    kj_charset_to_utf8(charset, kj_buf_span(&joined), out);
    kj_buf_done_into(&joined, out);
    return true;
}

bool kj_mime_find_param(kj_span raw, const char *name, kj_buf *out)
{
    params list;
    read_params(raw, &list);
    kj_span text;
    bool found = find_extended(&list, name, out);
    if (!found && find_exact(&list, name, &text)) {
        decode_words(text, out);
        found = true;
    }
    kj_buf_done_into(&list.values, out);
    return found;
}

void kj_mime_main_value(kj_span raw, kj_buf *out)
{
    kj_reader r = kj_reader_of(kj_span_sub(raw, 0, KJ_MIME_VALUE_MAX));
    skip_cfws(&r);
    kj_span value = read_until(&r, ";(");
    for (size_t i = 0; i < value.len; i++)
        if (!kj_is_space(value.data[i]))
            kj_buf_put_byte(out, kj_lower(value.data[i]));
}
