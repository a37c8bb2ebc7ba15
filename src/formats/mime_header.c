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
#include "formats/encoded.h"
#include "formats/mime_private.h"

#include <stdio.h>

enum { SECTIONS_MAX = KJ_MIME_PARAMS_MAX }; /* continuations of one parameter */

/* ---- fields -------------------------------------------------------------------------------- */

static size_t name_len(kj_span line)
{
    size_t len = 0;
    while (len < line.len && line.data[len] > ' ' && line.data[len] < 0x7F && line.data[len] != ':')
        len++;
    return len;
}

static size_t skip_blanks(kj_span s, size_t at)
{
    while (at < s.len && kj_is_blank(s.data[at]))
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
        if (next >= r->in.len || !kj_is_blank(r->in.data[next]) || !kj_read_line(r, &more))
            break;
        end = next + more.len;
    }
    out->name = kj_span_sub(line, 0, len);
    out->raw = kj_text_trim(kj_span_sub(r->in, value, end - value));
    return true;
}

void kj_mime_unfold(kj_span raw, kj_buf *out)
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
    kj_oddities odd = 0;
    if (w->encoding == 'b')
        kj_encoding_decode(KJ_ENCODING_BASE64, w->text, bytes, &odd);
    else
        decode_q(w->text, bytes);
}

/* Neighbours in one charset are converted together if joined, since some programs split characters
 * between them. Returns the offset behind the last. */
static size_t decode_run(kj_span s, const word *first, bool joined, kj_buf *out)
{
    kj_buf bytes;
    kj_buf_init(&bytes, s.len);
    word w = *first;
    size_t end = w.end;
    decode_word(&w, &bytes);
    while (joined && read_word(s, skip_blanks(s, end), &w) &&
           kj_text_equal_nocase(w.charset, first->charset)) {
        decode_word(&w, &bytes);
        end = w.end;
    }
    kj_charset_to_utf8(first->charset, kj_buf_span(&bytes), out);
    kj_buf_done_into(&bytes, out);
    return end;
}

void kj_mime_decode_words(kj_span s, kj_mime_words how, kj_buf *out)
{
    for (size_t at = 0; at < s.len;) {
        size_t mark = kj_span_find(s, kj_span_str("=?"), at);
        size_t plain = mark == SIZE_MAX ? s.len : mark;
        kj_charset_to_utf8((kj_span){0}, kj_span_sub(s, at, plain - at), out);
        at = plain;
        word w;
        bool found = false;
        while (read_word(s, at, &w)) {
            at = decode_run(s, &w, how == KJ_MIME_WORDS_JOINED, out);
            size_t next = skip_blanks(s, at);
            at = how != KJ_MIME_WORDS_BLANKS && read_word(s, next, &w) ? next : at;
            found = true;
        }
        if (!found && at < s.len) {
            kj_buf_put_text(out, "=?");
            at += 2;
        }
    }
}

/* ASCII without an encoded word. */
static bool is_plain(kj_span raw)
{
    if (raw.len > KJ_MIME_VALUE_MAX)
        return false;
    for (size_t i = 0; i < raw.len; i++)
        if (raw.data[i] >= 0x80 ||
            (raw.data[i] == '=' && i + 1 < raw.len && raw.data[i + 1] == '?'))
            return false;
    return true;
}

void kj_mime_decode_value(kj_span raw, kj_buf *out)
{
    if (is_plain(raw)) {
        kj_mime_unfold(raw, out);
        return;
    }
    kj_buf text;
    kj_buf_init(&text, KJ_MIME_VALUE_MAX);
    kj_mime_unfold(raw, &text);
    kj_mime_decode_words(kj_buf_span(&text), KJ_MIME_WORDS_JOINED, out);
    kj_buf_done_into(&text, out);
}

/* ---- parameters ---------------------------------------------------------------------------- */

void kj_mime_skip_cfws(kj_reader *r)
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

/* Up to a byte of `stops`, blanks around it removed. */
static kj_span read_until(kj_reader *r, const char *stops)
{
    size_t start = r->pos;
    while (kj_reader_left(r) && (!r->in.data[r->pos] || !strchr(stops, r->in.data[r->pos])))
        kj_skip(r, 1);
    return kj_text_trim(kj_span_sub(r->in, start, r->pos - start));
}

/* Without a comment behind it. */
static kj_span cut_comment(kj_span text)
{
    return kj_text_trim(kj_span_sub(text, 0, kj_span_find(text, kj_span_str(" ("), 0)));
}

/* Whether the line end behind which the reader stands parts two encoded words. */
static bool is_between_words(const kj_reader *r)
{
    kj_span before = kj_text_trim(kj_span_sub(r->in, 0, r->pos));
    size_t next = r->pos;
    while (next < r->in.len && kj_is_space(r->in.data[next]))
        next++;
    return before.len >= 2 && kj_span_is(kj_span_sub(before, before.len - 2, 2), "?=") &&
           kj_span_is(kj_span_sub(r->in, next, 2), "=?");
}

static unsigned read_quoted(kj_reader *r, kj_buf *out)
{
    unsigned odd = 0;
    kj_skip(r, 1);
    while (kj_reader_left(r)) {
        uint8_t c = kj_read_u8(r);
        if (c == '"')
            return odd;
        if (c == '\\' && kj_reader_left(r)) {
            c = kj_read_u8(r);
            odd |= KJ_MIME_PARAM_ESCAPED;
        }
        if (c == '\r' || c == '\n')
            odd |= is_between_words(r) ? KJ_MIME_PARAM_FOLDED_WORDS : KJ_MIME_PARAM_FOLDED;
        else
            kj_buf_put_byte(out, c);
        if (c < ' ' && !kj_is_space(c))
            odd |= KJ_MIME_PARAM_BROKEN;
    }
    return odd | KJ_MIME_PARAM_BROKEN;
}

/* What programs end a value at that has no quotes, or show as it is. */
static unsigned judge_unquoted(kj_span text)
{
    unsigned odd = text.len ? 0 : KJ_MIME_PARAM_BROKEN;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if (c == '\n' || c == '\r')
            odd |= KJ_MIME_PARAM_FOLDED;
        if (c <= ' ' || c == 0x7F || strchr("\"(),\\", c))
            odd |= KJ_MIME_PARAM_BROKEN;
    }
    return odd;
}

/* What stands beside the "=". */
static unsigned judge_between(kj_span text)
{
    if (!text.len)
        return 0;
    return kj_text_trim(text).len ? KJ_MIME_PARAM_COMMENT : KJ_MIME_PARAM_BLANKS;
}

/* What stands between a value's closing quote and the semicolon. */
static unsigned judge_rest(kj_span rest)
{
    kj_reader r = kj_reader_of(rest);
    kj_mime_skip_cfws(&r);
    return (kj_reader_left(&r) ? KJ_MIME_PARAM_BROKEN : 0u) |
           (kj_span_find(rest, kj_span_str("("), 0) != SIZE_MAX ? KJ_MIME_PARAM_COMMENT : 0u);
}

static unsigned read_param_value(kj_reader *r, kj_buf *out)
{
    size_t start = r->pos;
    kj_mime_skip_cfws(r);
    kj_span before = kj_span_sub(r->in, start, r->pos - start);
    unsigned odd = judge_between(before);
    if (kj_reader_left(r) && r->in.data[r->pos] == '"') {
        odd |= read_quoted(r, out);
        return odd | judge_rest(read_until(r, ";"));
    }
    kj_span text = read_until(r, ";");
    kj_span value = cut_comment(text);
    kj_buf_put(out, value);
    return odd | judge_unquoted(value) | (value.len != text.len ? KJ_MIME_PARAM_COMMENT : 0u);
}

/* A token, stars and all: nothing that could be part of a comment or a value. */
static bool is_param_name(kj_span name)
{
    for (size_t i = 0; i < name.len; i++)
        if (name.data[i] <= ' ' || name.data[i] >= 0x7F ||
            strchr("()<>@,;:\\\"/[]?=", name.data[i]))
            return false;
    return name.len > 0;
}

/* The reader stands at the semicolon before a parameter. A semicolon with nothing behind it is
 * common at the end. */
static bool next_param(kj_reader *r, kj_mime_params *list)
{
    kj_skip(r, 1);
    kj_mime_skip_cfws(r);
    if (!kj_reader_left(r))
        return false;
    kj_mime_param *p = &list->items[list->count++];
    *p = (kj_mime_param){.value = list->values.len};
    size_t start = r->pos;
    p->name = cut_comment(read_until(r, "=;"));
    bool has_value = kj_reader_left(r) && r->in.data[r->pos] == '=';
    if (!has_value || !is_param_name(p->name))
        p->odd = KJ_MIME_PARAM_BROKEN;
    p->odd |= judge_between(kj_span_sub(r->in, start + p->name.len, r->pos - start - p->name.len));
    if (has_value) {
        kj_skip(r, 1);
        p->odd |= read_param_value(r, &list->values);
    }
    p->value_len = list->values.len - p->value;
    list->broken |= p->odd & KJ_MIME_PARAM_BROKEN;
    return true;
}

void kj_mime_read_params(kj_span raw, kj_mime_params *list)
{
    kj_reader r = kj_reader_of(kj_span_sub(raw, 0, KJ_MIME_VALUE_MAX));
    list->count = 0;
    kj_buf_init(&list->values, KJ_MIME_VALUE_MAX);
    kj_span main_value = read_until(&r, ";");
    list->broken = kj_span_find(main_value, kj_span_str("="), 0) != SIZE_MAX;
    while (list->count < KJ_MIME_PARAMS_MAX && next_param(&r, list))
        continue;
    list->broken |= raw.len > KJ_MIME_VALUE_MAX || kj_reader_left(&r) > 0;
}

const kj_mime_param *kj_mime_params_find(const kj_mime_params *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++)
        if (kj_text_equal_nocase(list->items[i].name, kj_span_str(name)))
            return &list->items[i];
    return NULL;
}

kj_span kj_mime_param_value(const kj_mime_params *list, const kj_mime_param *param)
{
    return kj_span_sub(kj_buf_span(&list->values), param->value, param->value_len);
}

void kj_mime_decode_percent(kj_span text, kj_buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte = text.data[i];
        if (byte == '%' && decode_hex(text, i + 1, &byte))
            i += 2;
        kj_buf_put_byte(out, byte);
    }
}

kj_span kj_mime_split_charset(kj_span *text)
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
static const kj_mime_param *find_section(const kj_mime_params *list, const char *name, int section,
                                         bool *out_encoded)
{
    char full[64];
    int len = section < 0 ? snprintf(full, sizeof full, "%s*", name)
                          : snprintf(full, sizeof full, "%s*%d*", name, section);
    if (len < 0 || (size_t)len >= sizeof full)
        return NULL;
    *out_encoded = true;
    const kj_mime_param *found = kj_mime_params_find(list, full);
    if (found || section < 0)
        return found;
    *out_encoded = false;
    full[len - 1] = '\0';
    return kj_mime_params_find(list, full);
}

bool kj_mime_params_extended(const kj_mime_params *list, const char *name, kj_span *out_charset,
                             kj_buf *out)
{
    bool encoded;
    const kj_mime_param *single = find_section(list, name, -1, &encoded);
    const kj_mime_param *param = single ? single : find_section(list, name, 0, &encoded);
    if (!param)
        return false;
    kj_span text = kj_mime_param_value(list, param);
    *out_charset = encoded ? kj_mime_split_charset(&text) : (kj_span){0};
    for (int section = 1; param; section++) {
        if (encoded)
            kj_mime_decode_percent(text, out);
        else
            kj_buf_put(out, text);
        if (single || section >= SECTIONS_MAX)
            return true;
        param = find_section(list, name, section, &encoded);
        if (param)
            text = kj_mime_param_value(list, param);
    }
    return true;
}

bool kj_mime_find_param(kj_span raw, const char *name, kj_buf *out)
{
    kj_mime_params list;
    kj_mime_read_params(raw, &list);
    kj_buf joined;
    kj_buf_init(&joined, KJ_MIME_VALUE_MAX);
    kj_span charset;
    const kj_mime_param *plain = kj_mime_params_find(&list, name);
    bool extended = kj_mime_params_extended(&list, name, &charset, &joined);
    if (extended)
        kj_charset_to_utf8(charset, kj_buf_span(&joined), out);
    else if (plain)
        kj_mime_decode_words(kj_mime_param_value(&list, plain), KJ_MIME_WORDS_JOINED, out);
    kj_buf_done_into(&joined, out);
    kj_buf_done_into(&list.values, out);
    return extended || plain;
}

void kj_mime_main_value(kj_span raw, kj_buf *out)
{
    kj_reader r = kj_reader_of(kj_span_sub(raw, 0, KJ_MIME_VALUE_MAX));
    kj_mime_skip_cfws(&r);
    kj_span value = read_until(&r, ";(");
    for (size_t i = 0; i < value.len; i++)
        if (!kj_is_space(value.data[i]))
            kj_buf_put_byte(out, kj_lower(value.data[i]));
}
