/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

enum { REPLACEMENT = 0xFFFD };

/* The value of a hex digit with VALID added; 0 for others. */
enum { VALID = 16 };
static const uint8_t hex_digits[256] = {
    ['0'] = 16, ['1'] = 17, ['2'] = 18, ['3'] = 19, ['4'] = 20, ['5'] = 21, ['6'] = 22, ['7'] = 23,
    ['8'] = 24, ['9'] = 25, ['A'] = 26, ['B'] = 27, ['C'] = 28, ['D'] = 29, ['E'] = 30, ['F'] = 31,
    ['a'] = 26, ['b'] = 27, ['c'] = 28, ['d'] = 29, ['e'] = 30, ['f'] = 31,
};

int kj_hex_digit(unsigned c)
{
    return c < sizeof hex_digits && hex_digits[c] ? hex_digits[c] & 15 : -1;
}

void kj_hex_encode(kj_span bytes, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < bytes.len; i++) {
        *out++ = digits[bytes.data[i] >> 4];
        *out++ = digits[bytes.data[i] & 15];
    }
    *out = 0;
}

bool kj_hex_decode(kj_span hex, uint8_t *out)
{
    unsigned valid = VALID;
    for (size_t i = 0; i < hex.len; i++)
        valid &= hex_digits[hex.data[i]];
    if (!valid || hex.len % 2)
        return false;
    for (size_t i = 0; i < hex.len; i += 2)
        out[i / 2] = (uint8_t)(hex_digits[hex.data[i]] << 4 | (hex_digits[hex.data[i + 1]] & 15));
    return true;
}

static bool equal_nocase(const uint8_t *a, const uint8_t *b, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (kj_lower(a[i]) != kj_lower(b[i]))
            return false;
    return true;
}

bool kj_text_equal_nocase(kj_span a, kj_span b)
{
    return a.len == b.len && equal_nocase(a.data, b.data, a.len);
}

size_t kj_text_find_nocase(kj_span s, kj_span needle)
{
    if (needle.len == 0)
        return 0;
    uint8_t lower = kj_lower(needle.data[0]), upper = kj_upper(needle.data[0]);
    for (size_t i = 0; needle.len <= s.len; i++) {
        i = kj_span_find_either(s, lower, upper, i);
        if (i > s.len - needle.len)
            break;
        if (equal_nocase(s.data + i, needle.data, needle.len))
            return i;
    }
    return SIZE_MAX;
}

kj_span kj_text_trim(kj_span s)
{
    while (s.len && kj_is_space(s.data[0]))
        s = kj_span_sub(s, 1, SIZE_MAX);
    while (s.len && kj_is_space(s.data[s.len - 1]))
        s.len--;
    return s;
}

bool kj_text_to_u64(kj_span s, uint64_t *out)
{
    uint64_t value = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (!kj_is_digit(s.data[i]) || __builtin_mul_overflow(value, 10u, &value) ||
            __builtin_add_overflow(value, (uint64_t)(s.data[i] - '0'), &value))
            return false;
    }
    if (s.len == 0)
        return false;
    *out = value;
    return true;
}

uint32_t kj_utf8_next(kj_span s, size_t *pos)
{
    uint8_t first = s.data[(*pos)++];
    if (first < 0x80)
        return first;
    size_t more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : 1;
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    if (first < 0xC2 || first > 0xF4 || more > s.len - *pos)
        return REPLACEMENT;
    uint32_t code = first & (0x3Fu >> more);
    for (size_t i = 0; i < more; i++) {
        uint8_t next = s.data[*pos + i];
        if ((next & 0xC0) != 0x80)
            return REPLACEMENT;
        code = code << 6 | (next & 0x3F);
    }
    if (code < least[more] || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
        return REPLACEMENT;
    *pos += more;
    return code;
}

size_t kj_utf8_put(uint32_t code, uint8_t out[4])
{
    if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
        code = REPLACEMENT;
    if (code < 0x80) {
        out[0] = (uint8_t)code;
        return 1;
    }
    size_t len = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const uint8_t lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = len; i-- > 1;) {
        out[i] = (uint8_t)(0x80 | (code & 0x3F));
        code >>= 6;
    }
    out[0] = (uint8_t)(lead[len] | code);
    return len;
}

/* A stray byte and a real U+FFFD decode alike; only the latter is three bytes long. */
static bool broken(uint32_t code, size_t len)
{
    return code == REPLACEMENT && len == 1;
}

/* Moves over ASCII, eight bytes at a time. */
static size_t skip_ascii(kj_span s, size_t pos)
{
    for (uint64_t word; s.len - pos >= sizeof word; pos += sizeof word) {
        memcpy(&word, s.data + pos, sizeof word);
        if (word & UINT64_C(0x8080808080808080))
            break;
    }
    while (pos < s.len && s.data[pos] < 0x80)
        pos++;
    return pos;
}

bool kj_utf8_valid(kj_span s)
{
    for (size_t pos = skip_ascii(s, 0); pos < s.len; pos = skip_ascii(s, pos)) {
        size_t start = pos;
        uint32_t code = kj_utf8_next(s, &pos);
        if (broken(code, pos - start))
            return false;
    }
    return true;
}

void kj_utf16le_put(uint32_t code, kj_buf *out)
{
    if (code >= 0x10000) {
        kj_buf_put_u16le(out, (uint16_t)(0xD800 + ((code - 0x10000) >> 10)));
        code = 0xDC00 + ((code - 0x10000) & 0x3FF);
    }
    kj_buf_put_u16le(out, (uint16_t)code);
}

void kj_utf16_to_utf8(kj_span utf16, bool big_endian, kj_buf *out)
{
    size_t units = utf16.len / 2;
    for (size_t i = 0; i < units; i++) {
        const uint8_t *p = utf16.data + 2 * i;
        uint32_t code = big_endian ? (uint32_t)(p[0] << 8 | p[1]) : (uint32_t)(p[1] << 8 | p[0]);
        if (code >= 0xD800 && code < 0xDC00 && i + 1 < units) {
            uint32_t low = big_endian ? (uint32_t)(p[2] << 8 | p[3]) : (uint32_t)(p[3] << 8 | p[2]);
            if (low >= 0xDC00 && low < 0xE000) {
                code = 0x10000 + ((code - 0xD800) << 10 | (low - 0xDC00));
                i++;
            }
        }
        uint8_t bytes[4];
        kj_buf_put(out, kj_span_of(bytes, kj_utf8_put(code, bytes)));
    }
}

/* Source: Unicode 15, East_Asian_Width W and F, the blocks that real text uses. */
unsigned kj_code_cells(uint32_t code)
{
    static const struct {
        uint32_t first, last;
    } wide[] = {{0x1100, 0x115F},   {0x2E80, 0x303E},   {0x3041, 0xA4CF},  {0xAC00, 0xD7A3},
                {0xF900, 0xFAFF},   {0xFE30, 0xFE6F},   {0xFF00, 0xFF60},  {0xFFE0, 0xFFE6},
                {0x1F300, 0x1F64F}, {0x1F900, 0x1F9FF}, {0x20000, 0x3FFFD}};
    if ((code >= 0x0300 && code < 0x0370) || code == 0x3099 || code == 0x309A)
        return 0;
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++)
        if (code >= wide[i].first && code <= wide[i].last)
            return 2;
    return 1;
}

size_t kj_text_cells(kj_span s)
{
    size_t cells = 0;
    for (size_t pos = 0; pos < s.len;)
        cells += kj_code_cells(kj_utf8_next(s, &pos));
    return cells;
}

static bool is_invisible(uint32_t code)
{
    return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0x2028 || code == 0x2029 ||
           (code >= 0x202A && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069) ||
           code == 0x200E || code == 0x200F || code == 0x061C || code == 0xFEFF;
}

bool kj_is_escaped(kj_span text)
{
    for (size_t pos = 0; pos < text.len;) {
        size_t start = pos;
        uint32_t code = kj_utf8_next(text, &pos);
        if (broken(code, pos - start) || is_invisible(code))
            return false;
    }
    return true;
}

void kj_escape(kj_span name, const char *also, kj_buf *out)
{
    for (size_t pos = 0; pos < name.len;) {
        size_t start = pos;
        uint32_t code = kj_utf8_next(name, &pos);
        uint8_t byte = name.data[start];
        if (byte == '\n' || byte == '\r' || byte == '\t') {
            kj_buf_printf(out, "\\%c", byte == '\n' ? 'n' : byte == '\r' ? 'r' : 't');
        } else if (byte == '\\' && also && strchr(also, byte)) {
            kj_buf_put_text(out, "\\\\");
        } else if (broken(code, pos - start) || (code < 0x80 && is_invisible(code)) ||
                   (code < 0x80 && also && code && strchr(also, (int)code))) {
            kj_buf_printf(out, "\\x%02x", byte);
        } else if (is_invisible(code)) {
            kj_buf_printf(out, "\\u{%x}", code);
        } else {
            kj_buf_put(out, kj_span_sub(name, start, pos - start));
        }
    }
}
