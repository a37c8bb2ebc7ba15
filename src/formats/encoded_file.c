/* SPDX-License-Identifier: Apache-2.0 */
/* Files that stand encoded in a text, as mail programs find them in bodies.
 *
 *     begin 644 name                          uuencode and begin-base64: POSIX, uuencode
 *     M<count and 60 characters>              xxencode: the same lines in another alphabet
 *     `
 *     end
 *
 *     =ybegin [part=1] line=128 size=9 name=n yEnc: the draft of 2002, version 1.3
 *     [=ypart begin=1 end=9]
 *     <bytes, 42 added, NUL CR LF = escaped>
 *     =yend size=9
 *
 *     (This file must be converted with BinHex 4.0)
 *                                             BinHex: RFC 1741, appendix A
 *     :<characters of 6 bits, runs, header and two forks>:
 *
 * Taken as they come: any line end, blanks before the first line, a mode of any length or none
 * where two blanks stand for it (Outlook), no name, blanks lost at line ends, more characters than
 * a line's count (checksums), lines that are no data between those that are, no "end". Checksums
 * are not looked at.
 *
 * Time is linear: a search ends where the next file may begin, and what was taken is not searched
 * again. */
#include "base/arith.h"
#include "base/reader.h"
#include "base/text.h"
#include "formats/encoded.h"

enum {
    FOREIGN_LINES_MAX = 16, /* in a row, before a file without "end" has ended */
    HEADER_LINES_MAX = 4,   /* between BinHex's announcement and its data */
};

static bool is_line_end(uint8_t c)
{
    return c == '\r' || c == '\n';
}

static bool next_line(kj_span text, size_t *pos, kj_span *out)
{
    return kj_next_line(text, pos, true, out);
}

/* Without its end; blanks stay, they are digits of uuencode. */
static kj_span without_end(kj_span line)
{
    while (line.len && is_line_end(line.data[line.len - 1]))
        line.len--;
    return line;
}

static kj_span skip_blanks(kj_span s)
{
    size_t at = 0;
    while (at < s.len && kj_is_blank(s.data[at]))
        at++;
    return kj_span_sub(s, at, SIZE_MAX);
}

static bool starts(kj_span s, const char *text)
{
    return kj_span_starts(s, kj_span_str(text));
}

/* ---- uuencode and xxencode ------------------------------------------------------------------- */

/* The value of a digit of an alphabet, -1 of what is none. */
typedef int digit_of(uint8_t c);

static int uu_digit(uint8_t c)
{
    return c >= ' ' && c <= '`' ? (c - ' ') & 0x3F : -1;
}

static int xx_digit(uint8_t c)
{
    if (kj_is_digit(c))
        return c - '0' + 2;
    if (kj_is_alpha(c))
        return c <= 'Z' ? c - 'A' + 12 : c - 'a' + 38;
    return c == '+' ? 0 : c == '-' ? 1 : -1;
}

/* Digits that a line of its count has. */
static size_t digit_count(size_t byte_count)
{
    return (byte_count + 2) / 3 * 4;
}

/* A count of bytes, then digits, of which the last may be missing. */
static bool is_data_line(digit_of *digit_value, kj_span line)
{
    int count = line.len ? digit_value(line.data[0]) : -1;
    if (count <= 0)
        return false;
    size_t end = kj_min_size(1 + digit_count((size_t)count), line.len);
    for (size_t i = 1; i < end; i++)
        if (digit_value(line.data[i]) < 0)
            return false;
    return true;
}

/* As an encoder writes it: all digits but such as hold nothing, at most a checksum behind. */
static bool is_exact_line(digit_of *digit_value, kj_span line)
{
    if (!is_data_line(digit_value, line))
        return false;
    size_t digits = digit_count((size_t)digit_value(line.data[0]));
    return line.len - 1 + 3 >= digits && line.len - 1 <= digits + 2;
}

/* Which alphabet a first line of data is in; NULL: it is none. */
static digit_of *find_alphabet(kj_span line)
{
    if (is_exact_line(uu_digit, line))
        return uu_digit;
    if (is_exact_line(xx_digit, line))
        return xx_digit;
    return is_data_line(uu_digit, line) ? uu_digit : NULL;
}

/* Digits that are missing were blanks: 0. */
static void decode_uu_line(digit_of *digit_value, kj_span line, kj_buf *out)
{
    size_t left = (size_t)digit_value(line.data[0]);
    for (size_t at = 1; left > 0; at += 4) {
        uint32_t group = 0;
        for (size_t i = at; i < at + 4; i++) {
            int digit = i < line.len ? digit_value(line.data[i]) : 0;
            group = group << 6 | (uint32_t)(digit < 0 ? 0 : digit);
        }
        for (size_t i = 0; i < 3 && left > 0; i++, left--)
            kj_buf_put_byte(out, (uint8_t)(group >> (16 - 8 * i)));
    }
}

static void decode_uu(kj_span text, kj_buf *out)
{
    digit_of *digit_value = NULL;
    size_t at = 0;
    for (kj_span line; next_line(text, &at, &line);) {
        line = without_end(line);
        digit_value = digit_value ? digit_value : find_alphabet(line);
        if (digit_value && is_data_line(digit_value, line))
            decode_uu_line(digit_value, line, out);
    }
}

/* ---- "begin" --------------------------------------------------------------------------------- */

static bool is_begin(kj_span line)
{
    return starts(skip_blanks(line), "begin ") || starts(skip_blanks(line), "begin-base64 ");
}

/* The line that starts a file; *mode: it has one. */
static bool read_begin(kj_span line, kj_encoded_file *out, bool *mode)
{
    line = without_end(skip_blanks(line));
    bool base64 = starts(line, "begin-base64 ");
    if (!is_begin(line))
        return false;
    kj_span blanks = kj_span_sub(line, base64 ? 12 : 5, SIZE_MAX);
    kj_span rest = skip_blanks(blanks);
    size_t digits = 0;
    while (digits < rest.len && rest.data[digits] >= '0' && rest.data[digits] <= '7')
        digits++;
    *mode = digits >= 1 && (digits == rest.len || kj_is_blank(rest.data[digits]));
    if (!*mode && blanks.len - rest.len < 2)
        return false;
    out->kind = base64 ? KJ_ENCODED_BASE64 : KJ_ENCODED_UU;
    out->name = kj_text_trim(kj_span_sub(rest, *mode ? digits : 0, SIZE_MAX));
    return true;
}

/* What the lines of one file look like. */
struct body {
    digit_of *alphabet; /* NULL until the first line of data, and of base64 */
    const char *end;
    bool base64;
    bool exact; /* the first line of data must be */
};

static bool is_body_line(struct body *body, kj_span line)
{
    if (body->base64)
        return kj_base64_is_line(line);
    if (body->alphabet)
        return is_data_line(body->alphabet, line);
    body->alphabet = find_alphabet(line);
    if (body->exact && body->alphabet && !is_exact_line(body->alphabet, line))
        body->alphabet = NULL;
    return body->alphabet != NULL;
}

/* Takes the data lines behind *pos. They end at `end`, where another file begins, or when many
 * lines in a row are none. */
static bool read_body(struct body *body, kj_span text, size_t *pos, kj_span *out)
{
    size_t start = SIZE_MAX;
    size_t end = 0;
    size_t foreign = 0;
    size_t at = *pos;
    for (kj_span line; foreign < FOREIGN_LINES_MAX;) {
        size_t line_start = at;
        if (!next_line(text, &at, &line) || is_begin(line))
            break;
        line = without_end(line);
        if (start != SIZE_MAX && kj_span_is(kj_text_trim(line), body->end)) {
            *pos = at;
            *out = kj_span_sub(text, start, end - start);
            return true;
        }
        bool data = is_body_line(body, line);
        foreign = data ? 0 : foreign + 1;
        start = data && start == SIZE_MAX ? line_start : start;
        end = data ? at : end;
    }
    if (start == SIZE_MAX)
        return false;
    *pos = end;
    *out = kj_span_sub(text, start, end - start);
    return true;
}

static bool read_begun(kj_span text, size_t *pos, kj_encoded_file *out)
{
    bool mode;
    kj_span line;
    size_t at = *pos;
    if (!next_line(text, &at, &line) || !read_begin(line, out, &mode))
        return false;
    bool base64 = out->kind == KJ_ENCODED_BASE64;
    struct body body = {.end = base64 ? "====" : "end", .base64 = base64, .exact = !mode};
    if (!read_body(&body, text, &at, &out->text))
        return false;
    *pos = at;
    return true;
}

/* ---- yEnc ------------------------------------------------------------------------------------ */

static bool is_yenc(kj_span line, const char *keyword)
{
    return starts(skip_blanks(line), keyword);
}

/* The name is the last attribute and may have blanks in it. */
static kj_span yenc_name(kj_span line)
{
    kj_span mark = kj_span_str(" name=");
    size_t at = kj_span_find(line, mark, 0);
    if (at == SIZE_MAX)
        return (kj_span){0};
    return kj_text_trim(kj_span_sub(line, at + mark.len, SIZE_MAX));
}

static bool read_yenc(kj_span text, size_t *pos, kj_encoded_file *out)
{
    kj_span line;
    size_t at = *pos;
    if (!next_line(text, &at, &line) || !is_yenc(line, "=ybegin "))
        return false;
    kj_span name = yenc_name(line);
    size_t start = at;
    size_t end = at;
    while (next_line(text, &at, &line) && !is_yenc(line, "=ybegin ") && !is_yenc(line, "=yend"))
        end = at;
    bool closed = at > end && is_yenc(line, "=yend");
    *out = (kj_encoded_file){
        .kind = KJ_ENCODED_YENC, .name = name, .text = kj_span_sub(text, start, end - start)};
    *pos = closed ? at : end;
    return true;
}

static void decode_yenc_line(kj_span line, kj_buf *out)
{
    uint8_t *room = kj_buf_reserve(out, line.len);
    if (!room)
        return;
    uint8_t *p = room;
    for (size_t i = 0; i < line.len; i++) {
        bool escaped = line.data[i] == '=' && i + 1 < line.len;
        i += escaped;
        *p++ = (uint8_t)(line.data[i] - 42 - (escaped ? 64 : 0));
    }
    kj_buf_added(out, (size_t)(p - room));
}

static void decode_yenc(kj_span text, kj_buf *out)
{
    size_t at = 0;
    for (kj_span line; next_line(text, &at, &line);)
        if (!starts(line, "=ypart "))
            decode_yenc_line(without_end(line), out);
}

/* ---- BinHex ---------------------------------------------------------------------------------- */

static int binhex_digit(uint8_t c)
{
    static const char digits[] =
        "!\"#$%&'()*+,-012345689@ABCDEFGHIJKLMNPQRSTUVXYZ[`abcdefhijklmpqr";
    const char *found = c ? memchr(digits, c, sizeof digits - 1) : NULL;
    return found ? (int)(found - digits) : -1;
}

/* Digits at the start of a line. */
static size_t count_binhex_digits(kj_span line)
{
    size_t count = 0;
    while (count < line.len && binhex_digit(line.data[count]) >= 0)
        count++;
    return count;
}

/* The data, from behind the first colon to the next, or to what is no digit. */
static void read_binhex_body(kj_span text, size_t *pos, kj_span *out)
{
    size_t start = *pos;
    size_t end = start;
    size_t at = start;
    bool more = true;
    for (kj_span line; more && next_line(text, &at, &line);) {
        kj_span body = kj_text_trim(line);
        size_t digits = count_binhex_digits(body);
        end = at - line.len + (size_t)(body.len ? body.data - line.data : 0) + digits;
        more = digits == body.len;
    }
    *out = kj_span_sub(text, start, end - start);
    *pos = more ? end : kj_min_size(end + 1, text.len);
}

static bool read_binhex(kj_span text, size_t *pos, kj_encoded_file *out)
{
    kj_span line;
    size_t at = *pos;
    if (!next_line(text, &at, &line))
        return false;
    for (size_t i = 0; i < HEADER_LINES_MAX && next_line(text, &at, &line); i++) {
        kj_span body = kj_text_trim(line);
        if (!starts(body, ":") || count_binhex_digits(kj_span_sub(body, 1, SIZE_MAX)) == 0)
            continue;
        *out = (kj_encoded_file){.kind = KJ_ENCODED_BINHEX};
        at = (size_t)(body.data - text.data) + 1;
        read_binhex_body(text, &at, &out->text);
        *pos = at;
        return true;
    }
    return false;
}

enum {
    BINHEX_RUN = 0x90,
    /* version, type, creator, flags, lengths of the forks, checksum: behind the name */
    BINHEX_FIELDS = 1 + 4 + 4 + 2 + 4 + 4 + 2,
    BINHEX_HEADER_MAX = 1 + 255 + BINHEX_FIELDS,
};

/* The header arrives first, then the data fork. */
struct binhex {
    uint32_t bits;
    unsigned bit_count;
    uint8_t last; /* what a run repeats */
    bool in_run;
    uint8_t header[BINHEX_HEADER_MAX];
    size_t header_len;
    uint64_t left; /* of the data fork; valid once the header is whole */
    bool header_done;
    kj_buf *out;
    kj_buf *name; /* may be NULL */
};

/* Once its first byte, the length of the name, is there. */
static size_t binhex_header_len(const struct binhex *b)
{
    return 1 + (size_t)b->header[0] + BINHEX_FIELDS;
}

static void end_binhex_header(struct binhex *b)
{
    kj_reader r = kj_reader_of(kj_span_of(b->header, b->header_len));
    uint8_t name_len = kj_read_u8(&r);
    kj_span name = kj_read_span(&r, name_len);
    kj_skip(&r, 1 + 4 + 4 + 2); /* version, type, creator, flags */
    b->left = kj_read_u32be(&r);
    b->header_done = true;
    if (b->name)
        kj_buf_put(b->name, name);
}

static void put_binhex(struct binhex *b, uint8_t byte, size_t count)
{
    for (; count > 0 && !b->header_done; count--) {
        b->header[b->header_len++] = byte;
        if (b->header_len == binhex_header_len(b))
            end_binhex_header(b);
    }
    size_t len = (size_t)kj_min_u64(b->header_done ? b->left : 0, count);
    uint8_t *room = len ? kj_buf_reserve(b->out, len) : NULL;
    if (!room)
        return;
    memset(room, byte, len);
    kj_buf_added(b->out, len);
    b->left -= len;
}

/* A run is the byte, 0x90, how often it stands there in all; a count of 0 is 0x90 itself. */
static void step_binhex(struct binhex *b, uint8_t byte)
{
    if (!b->in_run) {
        b->in_run = byte == BINHEX_RUN;
        b->last = b->in_run ? b->last : byte;
        put_binhex(b, byte, b->in_run ? 0 : 1);
        return;
    }
    b->in_run = false;
    b->last = byte ? b->last : BINHEX_RUN;
    put_binhex(b, b->last, byte ? byte - 1u : 1u);
}

static void decode_binhex(kj_span text, kj_buf *out, kj_buf *name)
{
    struct binhex b = {.out = out, .name = name};
    for (size_t i = 0; i < text.len && !out->failed; i++) {
        int digit = binhex_digit(text.data[i]);
        if (digit < 0)
            continue;
        b.bits = b.bits << 6 | (uint32_t)digit;
        b.bit_count += 6;
        if (b.bit_count < 8)
            continue;
        b.bit_count -= 8;
        step_binhex(&b, (uint8_t)(b.bits >> b.bit_count));
    }
}

/* ---- what begins where ----------------------------------------------------------------------- */

/* Offset of the next word that every first line has one of. The window grows, so that a search
 * takes time for what it passes only. */
static size_t find_marker(kj_span text, size_t from)
{
    const kj_span begin = kj_span_str("begin"); /* uuencode, base64, "=ybegin" */
    const kj_span binhex = kj_span_str("BinHex");
    size_t step = 256;
    for (size_t at = from; at < text.len; at += step, step = kj_min_size(step * 2, 1 << 20)) {
        kj_span window = kj_span_sub(text, at, step + binhex.len - 1);
        size_t first = kj_span_find(window, begin, 0);
        size_t other = kj_span_find(kj_span_sub(window, 0, first), binhex, 0);
        first = kj_min_size(first, other);
        if (first != SIZE_MAX)
            return at + first;
    }
    return SIZE_MAX;
}

/* Whether nothing but blanks stands between the start of a line and `at`. */
static bool is_at_line_start(kj_span text, size_t at)
{
    while (at > 0 && kj_is_blank(text.data[at - 1]))
        at--;
    return at == 0 || is_line_end(text.data[at - 1]);
}

static bool read_file(kj_span text, size_t marker, size_t *pos, kj_encoded_file *out)
{
    kj_span here = kj_span_sub(text, marker, SIZE_MAX);
    *pos = marker;
    if (starts(here, "BinHex"))
        return read_binhex(text, pos, out);
    if (is_at_line_start(text, marker))
        return read_begun(text, pos, out);
    if (marker < 2 || !is_at_line_start(text, marker - 2))
        return false;
    *pos = marker - 2;
    return read_yenc(text, pos, out);
}

bool kj_encoded_next(kj_span text, size_t *pos, kj_encoded_file *out)
{
    for (size_t at = *pos; (at = find_marker(text, at)) != SIZE_MAX; at++) {
        size_t end;
        if (!read_file(text, at, &end, out))
            continue;
        *pos = kj_max_size(end, at + 1);
        return true;
    }
    *pos = text.len;
    return false;
}

void kj_encoded_decode(const kj_encoded_file *file, kj_buf *out, kj_buf *name)
{
    kj_oddities odd = 0;
    switch (file->kind) {
    case KJ_ENCODED_UU:
        decode_uu(file->text, out);
        break;
    case KJ_ENCODED_BASE64:
        kj_encoding_decode(KJ_ENCODING_BASE64, file->text, out, &odd);
        break;
    case KJ_ENCODED_YENC:
        decode_yenc(file->text, out);
        break;
    case KJ_ENCODED_BINHEX:
        decode_binhex(file->text, out, name);
        break;
    }
}
