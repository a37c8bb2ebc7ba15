/* SPDX-License-Identifier: Apache-2.0 */
/* data: URIs in markup: RFC 2397, as browsers read them (WHATWG "Fetch", data: URL processor, and
 * "URL": tabs and line ends in one are nothing).
 *
 *     data:[type][;parameter=value][;base64],data
 *
 * Any of it may be written in character references (WHATWG "HTML", 13.2.5.72), semicolons left out
 * where browsers allow it. The colon is what is searched for, because it is in every one. */
#include "base/arith.h"
#include "base/text.h"
#include "formats/encoded.h"

enum {
    REFERENCE_MAX = 32, /* characters of one, zeros in front and all */
    META_MAX = 1024,    /* between colon and comma */
    SKIPPED_MAX = 32,   /* tabs and line ends between two letters; blanks before the first */
};

/* ---- character references -------------------------------------------------------------------- */

/* Those that stand for what a URI is made of. */
static const struct {
    const char *name;
    char c;
} references[] = {
    {"colon;", ':'}, {"comma;", ','},  {"semi;", ';'},   {"Tab;", '\t'}, {"NewLine;", '\n'},
    {"sol;", '/'},   {"plus;", '+'},   {"equals;", '='}, {"num;", '#'},  {"percnt;", '%'},
    {"lpar;", '('},  {"rpar;", ')'},   {"excl;", '!'},   {"quot;", '"'}, {"apos;", '\''},
    {"amp;", '&'},   {"lt;", '<'},     {"gt;", '>'},     {"nbsp;", ' '}, {"period;", '.'},
    {"quot", '"'},   {"lowbar;", '_'}, {"amp", '&'},     {"lt", '<'},    {"gt", '>'},
};

static size_t read_named(kj_span name, uint32_t *code)
{
    for (size_t i = 0; i < KJ_COUNT(references); i++) {
        if (references[i].name[0] != (char)name.data[0])
            continue;
        kj_span known = kj_span_str(references[i].name);
        if (!kj_span_starts(name, known))
            continue;
        *code = (uint8_t)references[i].c;
        return known.len;
    }
    return 0;
}

/* Behind "&#". */
static size_t read_numbered(kj_span digits, uint32_t *code)
{
    bool hex = digits.len && (digits.data[0] | 0x20) == 'x';
    uint32_t base = hex ? 16 : 10;
    uint32_t value = 0;
    size_t at = hex;
    for (; at < digits.len; at++) {
        int digit = kj_hex_digit(digits.data[at]);
        if (digit < 0 || (uint32_t)digit >= base)
            break;
        value = (uint32_t)kj_min_u64((uint64_t)value * base + (uint32_t)digit, UINT32_MAX >> 8);
    }
    if (at == (size_t)hex)
        return 0;
    *code = value;
    return at + (at < digits.len && digits.data[at] == ';');
}

/* The length of the reference that begins at `at`, 0: there is none. */
static size_t read_reference(kj_span text, size_t at, uint32_t *code)
{
    kj_span s = kj_span_sub(text, at, REFERENCE_MAX);
    if (s.len < 3 || s.data[0] != '&')
        return 0;
    bool numbered = s.data[1] == '#';
    kj_span rest = kj_span_sub(s, numbered ? 2 : 1, SIZE_MAX);
    size_t len = numbered ? read_numbered(rest, code) : read_named(rest, code);
    return len ? len + (numbered ? 2 : 1) : 0;
}

/* One character, written as such or as a reference; *at moves behind it. */
static uint32_t next_character(kj_span text, size_t *at)
{
    uint32_t code = text.data[*at];
    size_t len = code == '&' ? read_reference(text, *at, &code) : 0;
    *at += kj_max_size(len, 1);
    return code;
}

/* The character that ends at *end, not before `from`; *end moves to where it begins. */
static uint32_t previous_character(kj_span text, size_t from, size_t *end)
{
    size_t last = *end - 1;
    size_t lowest = kj_max_size(from, last > REFERENCE_MAX ? last - REFERENCE_MAX : 0);
    uint32_t code;
    size_t at = last;
    while (at > lowest && (kj_is_alnum(text.data[at - 1]) || text.data[at - 1] == '#'))
        at--;
    bool may_end = text.data[last] == ';' || kj_is_alnum(text.data[last]);
    if (may_end && at > lowest && text.data[at - 1] == '&' &&
        read_reference(text, at - 1, &code) == *end - (at - 1)) {
        *end = at - 1;
        return code;
    }
    *end = last;
    return text.data[last];
}

static bool is_dropped(uint32_t c)
{
    return c == '\t' || c == '\n' || c == '\r';
}

/* ---- where they begin ------------------------------------------------------------------------ */

/* The next colon at or after *at; *at moves behind it. *start: where it begins. */
static bool next_colon(kj_span text, size_t *at, size_t *start)
{
    while ((*start = kj_span_find_either(text, ':', '&', *at)) < text.len) {
        *at = *start;
        if (next_character(text, at) == ':')
            return true;
    }
    return false;
}

/* Whether the letters of the scheme end at `end`; *start: where they begin. */
static bool has_scheme(kj_span text, size_t from, size_t end, size_t *start)
{
    const kj_span letters = kj_span_str("data");
    size_t left = letters.len;
    for (size_t skipped = 0; left > 0 && end > from && skipped < SKIPPED_MAX;) {
        uint32_t c = previous_character(text, from, &end);
        if (is_dropped(c)) {
            skipped++;
            continue;
        }
        if ((c | 0x20) != letters.data[left - 1])
            return false;
        left--;
    }
    *start = end;
    return left == 0;
}

/* The quote or bracket before a URI, blanks between them; 0: something else. */
static uint8_t find_opening(kj_span text, size_t start)
{
    size_t blanks = 0;
    while (start > blanks && blanks < SKIPPED_MAX && kj_is_space(text.data[start - blanks - 1]))
        blanks++;
    uint8_t c = start > blanks ? text.data[start - blanks - 1] : 0;
    return c == '"' || c == '\'' || c == '(' ? c : 0;
}

/* ---- their parts ----------------------------------------------------------------------------- */

static bool ends_in_base64(const char *meta, size_t len)
{
    kj_span s = kj_text_trim(kj_span_of(meta, len));
    kj_span word = kj_span_str("base64");
    if (s.len < word.len || !kj_span_equal(kj_span_sub(s, s.len - word.len, word.len), word))
        return false;
    s = kj_text_trim(kj_span_sub(s, 0, s.len - word.len));
    return s.len && s.data[s.len - 1] == ';';
}

/* Up to where it is known that no comma comes, for URIs without an opening character and with one:
 * what was searched is not searched again. */
struct searched {
    size_t end[2];
};

/* Offset of the comma that ends what stands behind the colon, or SIZE_MAX. */
static size_t find_comma(kj_span text, size_t from, uint8_t opening, struct searched *searched)
{
    size_t *known = &searched->end[opening != 0];
    size_t limit = from + kj_min_size(text.len - from, META_MAX);
    size_t at = kj_max_size(from, *known);
    while (at < limit) {
        uint8_t c = text.data[at];
        size_t here = at;
        if (opening && c == opening)
            return SIZE_MAX;
        if (c == '<' || c == '>' || c == '"' || (!opening && kj_is_space(c)))
            break;
        if (next_character(text, &at) == ',')
            return here;
    }
    *known = kj_max_size(*known, at);
    return SIZE_MAX;
}

/* Reads what stands from *at to the comma; *at moves behind that. */
static void read_meta(kj_span text, size_t *at, size_t comma, kj_data_uri *out)
{
    char meta[META_MAX];
    size_t len = 0;
    size_t start = *at;
    size_t type_end = comma;
    while (*at < comma) {
        size_t here = *at;
        uint32_t c = next_character(text, at);
        if (c == ';' && type_end == comma)
            type_end = here;
        if (!is_dropped(c))
            meta[len++] = (char)kj_lower(c < 0x80 ? (uint8_t)c : '?');
    }
    (void)next_character(text, at);
    out->type = kj_text_trim(kj_span_sub(text, start, type_end - start));
    out->base64 = ends_in_base64(meta, len);
}

/* Where a URI without quotes around it ends. */
static size_t find_bare_end(kj_span text, size_t from, uint8_t opening)
{
    size_t at = from;
    for (; at < text.len; at++) {
        uint8_t c = text.data[at];
        if (kj_is_space(c) || c == '"' || c == '\'' || c == '<' || c == '>' ||
            (c == ')' && opening == '('))
            break;
    }
    return at;
}

static size_t find_end(kj_span text, size_t from, uint8_t opening)
{
    bool quoted = opening == '"' || opening == '\'';
    size_t quote = quoted ? kj_span_find_either(text, opening, opening, from) : text.len;
    return quote < text.len ? quote : find_bare_end(text, from, opening);
}

bool kj_data_uri_next(kj_span text, size_t *pos, kj_data_uri *out)
{
    size_t from = *pos;
    size_t colon;
    size_t start;
    struct searched searched = {0};
    for (size_t at = from; next_colon(text, &at, &colon);) {
        size_t data = at;
        if (!has_scheme(text, from, colon, &start))
            continue;
        uint8_t opening = find_opening(text, start);
        size_t comma = find_comma(text, data, opening, &searched);
        if (comma == SIZE_MAX)
            continue;
        read_meta(text, &data, comma, out);
        size_t end = find_end(text, data, opening);
        out->data = kj_span_sub(text, data, end - data);
        /* a quoted list of several: the next one stands behind a blank */
        *pos = kj_min_size(end, find_bare_end(text, data, opening));
        return true;
    }
    *pos = text.len;
    return false;
}

/* ---- their data ------------------------------------------------------------------------------ */

static void put_unescaped(kj_span text, kj_buf *out)
{
    for (size_t at = 0; at < text.len;) {
        size_t amp = kj_span_find_either(text, '&', '&', at);
        kj_buf_put(out, kj_span_sub(text, at, amp - at));
        if ((at = amp) == text.len)
            return;
        uint8_t utf8[4];
        kj_buf_put(out, kj_span_of(utf8, kj_utf8_put(next_character(text, &at), utf8)));
    }
}

static void put_percent_decoded(kj_span text, kj_buf *out)
{
    for (size_t at = 0; at < text.len;) {
        size_t percent = kj_span_find_either(text, '%', '%', at);
        kj_buf_put(out, kj_span_sub(text, at, percent - at));
        if (percent == text.len)
            return;
        uint8_t byte = '%';
        kj_span hex = kj_span_sub(text, percent + 1, 2);
        at = percent + (hex.len == 2 && kj_hex_decode(hex, &byte) ? 3 : 1);
        kj_buf_put_byte(out, byte);
    }
}

void kj_data_uri_decode(const kj_data_uri *uri, kj_buf *out)
{
    kj_buf plain;
    kj_buf bytes;
    kj_buf_init(&plain, uri->data.len);
    kj_buf_init(&bytes, uri->data.len);
    put_unescaped(uri->data, &plain);
    put_percent_decoded(kj_buf_span(&plain), uri->base64 ? &bytes : out);
    kj_oddities odd = 0;
    if (uri->base64) {
        kj_span all = kj_buf_span(&bytes);
        kj_span data = kj_span_sub(all, 0, kj_span_find_either(all, '#', '#', 0)); /* a fragment */
        kj_encoding_decode(KJ_ENCODING_BASE64, data, out, &odd);
    }
    kj_buf_done_into(&plain, out);
    kj_buf_done_into(&bytes, out);
}
