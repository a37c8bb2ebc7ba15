/* SPDX-License-Identifier: Apache-2.0 */
/* Transfer encodings: RFC 2045 sections 6.7 and 6.8, and uuencode as POSIX describes it. Damage
 * costs only what it damages: base64 skips what is not of its alphabet and goes on after padding
 * (mail programs decode joined pieces whole), quoted-printable keeps escapes that are none. */
#include "base/text.h"
#include "formats/mime.h"

static int base64_digit(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* A group that padding or the end cuts short still holds whole bytes: 12 bits one, 18 bits two. */
static void flush_base64(uint32_t group, unsigned digits, uint8_t **out)
{
    if (digits < 2)
        return;
    group <<= 6 * (4 - digits);
    for (unsigned i = 0; i + 1 < digits; i++)
        *(*out)++ = (uint8_t)(group >> (16 - 8 * i));
}

void kj_mime_decode_base64(kj_span text, kj_buf *out)
{
    uint8_t *room = kj_buf_reserve(out, text.len);
    if (!room)
        return;
    uint8_t *p = room;
    uint32_t group = 0;
    unsigned digits = 0;
    for (size_t i = 0; i < text.len; i++) {
        int digit = base64_digit(text.data[i]);
        bool padding = text.data[i] == '=';
        if (digit >= 0) {
            group = group << 6 | (uint32_t)digit;
            digits++;
        }
        if (digits == 4 || (padding && digits)) {
            flush_base64(group, digits, &p);
            group = 0;
            digits = 0;
        }
    }
    flush_base64(group, digits, &p);
    kj_buf_added(out, (size_t)(p - room));
}

/* One line without its end; true when a soft break joins the next one to it. */
static bool decode_qp_line(kj_span line, kj_buf *out)
{
    while (line.len && (line.data[line.len - 1] == ' ' || line.data[line.len - 1] == '\t'))
        line.len--; /* added in transport: rule 3 */
    bool soft = line.len && line.data[line.len - 1] == '=';
    line.len -= soft;
    for (size_t i = 0; i < line.len; i++) {
        uint8_t byte = line.data[i];
        kj_span hex = kj_span_sub(line, i + 1, 2);
        if (byte == '=' && hex.len == 2 && kj_hex_decode(hex, &byte))
            i += 2;
        kj_buf_put_byte(out, byte);
    }
    return soft;
}

void kj_mime_decode_quoted_printable(kj_span text, kj_buf *out)
{
    kj_reader r = kj_reader_of(text);
    kj_span line;
    if (!kj_buf_reserve(out, text.len))
        return;
    while (kj_read_line(&r, &line)) {
        size_t end = (size_t)(line.data - text.data) + line.len;
        if (!decode_qp_line(line, out))
            kj_buf_put(out, kj_span_sub(text, end, r.pos - end));
    }
}

/* ---- uuencode ------------------------------------------------------------------------------ */

/* "begin 644 name"; three or four octal digits. */
static bool read_begin(kj_span line, kj_span *out_name)
{
    kj_span start = kj_span_str("begin ");
    if (!kj_span_starts(line, start))
        return false;
    size_t at = start.len;
    while (at < line.len && line.data[at] >= '0' && line.data[at] <= '7')
        at++;
    size_t digits = at - start.len;
    if (digits < 3 || digits > 4 || at >= line.len || line.data[at] != ' ')
        return false;
    *out_name = kj_text_trim(kj_span_sub(line, at, SIZE_MAX));
    return out_name->len > 0;
}

/* A count of bytes, then four characters for every three, some of which may be missing. */
static size_t uu_count(kj_span line)
{
    return line.len ? (size_t)(line.data[0] - ' ') & 0x3F : 0;
}

static bool is_uu_line(kj_span line)
{
    if (line.len == 0 || line.data[0] < ' ' || line.data[0] > '`')
        return false;
    size_t chars = (uu_count(line) + 2) / 3 * 4;
    return line.len - 1 <= chars + 2 && line.len - 1 + 3 >= chars;
}

bool kj_mime_next_uu(kj_reader *r, kj_uu_file *out)
{
    kj_span line;
    while (kj_read_line(r, &line)) {
        kj_span name;
        if (!read_begin(line, &name))
            continue;
        size_t start = r->pos;
        size_t end = start;
        while (kj_read_line(r, &line) && is_uu_line(line))
            end = r->pos;
        if (end == start) {
            kj_seek(r, start);
            continue;
        }
        kj_seek(r, end);
        *out = (kj_uu_file){.name = name, .lines = kj_span_sub(r->in, start, end - start)};
        return true;
    }
    return false;
}

void kj_mime_decode_uu(kj_span lines, kj_buf *out)
{
    kj_reader r = kj_reader_of(lines);
    kj_span line;
    while (kj_read_line(&r, &line)) {
        size_t left = is_uu_line(line) ? uu_count(line) : 0;
        for (size_t at = 1; left > 0 && at < line.len; at += 4) {
            uint32_t group = 0;
            for (size_t i = 0; i < 4; i++) {
                uint8_t c = at + i < line.len ? line.data[at + i] : ' ';
                group = group << 6 | (((uint32_t)c - ' ') & 0x3F);
            }
            for (size_t i = 0; i < 3 && left > 0; i++, left--)
                kj_buf_put_byte(out, (uint8_t)(group >> (16 - 8 * i)));
        }
    }
}
