/* SPDX-License-Identifier: Apache-2.0 */
/* Transfer encodings: RFC 2045 6.7 (quoted-printable) and 6.8 (base64), as strictly as the grammar
 * and as loosely as programs read them.
 *
 * Programs differ where the grammar ends. Each of their habits is a field of a small struct of
 * rules, each reading a row of a table, and one loop reads by any row; only the first reading of
 * base64 has a loop of its own, which is fast and sees what is odd. Met in programs: the end of
 * base64 at its first padding (mutt, Perl) or at a whole one (Python), padding that fills its group
 * (GMime), concatenated pieces (Thunderbird, Apple Mail); soft breaks with blanks behind "=" taken
 * and not taken. */
#include "base/arith.h"
#include "base/text.h"
#include "formats/encoded.h"

#include <endian.h>

/* ---- lines ----------------------------------------------------------------------------------- */

bool kj_next_line(kj_span text, size_t *pos, bool cr_ends, kj_span *out)
{
    if (*pos >= text.len)
        return false;
    size_t end = kj_span_find_either(text, '\n', cr_ends ? '\r' : '\n', *pos);
    if (end + 1 < text.len && text.data[end] == '\r' && text.data[end + 1] == '\n')
        end++;
    size_t len = kj_min_size(end + 1, text.len) - *pos;
    *out = kj_span_sub(text, *pos, len);
    *pos += len;
    return true;
}

/* ---- base64: the first reading --------------------------------------------------------------- */

/* IS_DIGIT and the value of a digit, 0 for what is none. */
enum { IS_DIGIT = 0x40, DIGIT_VALUE = 0x3F };
#define D(value) (IS_DIGIT | (value))
/* clang-format off */
static const uint8_t digits_of_base64[256] = {
    ['A'] = D(0), D(1), D(2), D(3), D(4), D(5), D(6), D(7), D(8), D(9), D(10), D(11), D(12),
    ['N'] = D(13), D(14), D(15), D(16), D(17), D(18), D(19), D(20), D(21), D(22), D(23), D(24), D(25),
    ['a'] = D(26), D(27), D(28), D(29), D(30), D(31), D(32), D(33), D(34), D(35), D(36), D(37), D(38),
    ['n'] = D(39), D(40), D(41), D(42), D(43), D(44), D(45), D(46), D(47), D(48), D(49), D(50), D(51),
    ['0'] = D(52), D(53), D(54), D(55), D(56), D(57), D(58), D(59), D(60), D(61), ['+'] = D(62), ['/'] = D(63),
};
/* clang-format on */
#undef D

/* What was met and is odd as soon as a digit follows. */
enum {
    AFTER_BLANK = 1 << 0,    /* in the same line */
    AFTER_CR = 1 << 1,       /* without LF */
    AFTER_CUT_LINE = 1 << 2, /* that ended within a group */
    AFTER_PADDING = 1 << 3,
};

struct base64 {
    uint32_t group;
    unsigned digits;  /* in the group */
    unsigned padding; /* characters of it still to come */
    unsigned after;
    kj_oddities odd;
    uint8_t *out;
};

/* A group that padding or the end cuts short still holds whole bytes: 12 bits one, 18 bits two. */
static void flush_group(struct base64 *b)
{
    uint32_t group = b->group << 6 * (4 - b->digits);
    for (unsigned i = 0; i + 1 < b->digits; i++)
        *b->out++ = (uint8_t)(group >> (16 - 8 * i));
    b->group = 0;
    b->digits = 0;
}

static void add_digit(struct base64 *b, uint8_t digit)
{
    b->group = b->group << 6 | (digit & DIGIT_VALUE);
    if (++b->digits == 4)
        flush_group(b);
}

/* Digits where they belong in a group, each with a bit of its own above it, so that four of them
 * are joined and checked in one step. */
#define DIGIT(value, place)                                                                        \
    ((uint32_t)(value) << (6 * (3 - (place))) | UINT32_C(1) << (24 + (place)))
#define FIVE(from, p)                                                                              \
    DIGIT(from, p), DIGIT(from + 1, p), DIGIT(from + 2, p), DIGIT(from + 3, p), DIGIT(from + 4, p)
#define LETTERS(from, p)                                                                           \
    FIVE(from, p), FIVE(from + 5, p), FIVE(from + 10, p), FIVE(from + 15, p), FIVE(from + 20, p),  \
        DIGIT(from + 25, p)
#define PLACE(p)                                                                                   \
    {                                                                                              \
        ['A'] = LETTERS(0, p), ['a'] = LETTERS(26, p), ['0'] = FIVE(52, p),                        \
        FIVE(57, p), ['+'] = DIGIT(62, p), ['/'] = DIGIT(63, p)                                    \
    }
static const uint32_t placed_digits[4][256] = {PLACE(0), PLACE(1), PLACE(2), PLACE(3)};
#undef PLACE
#undef LETTERS
#undef FIVE
#undef DIGIT

static uint32_t read_group(const uint8_t *in)
{
    return placed_digits[0][in[0]] | placed_digits[1][in[1]] | placed_digits[2][in[2]] |
           placed_digits[3][in[3]];
}

/* Decodes whole groups while nothing else stands there; returns how many characters it took. Two at
 * a time are written with two bytes too many, for which the groups behind them have room. */
static size_t decode_groups(kj_span text, size_t from, struct base64 *b)
{
    enum { PAIR = 8, ROOM = 16 };
    const uint32_t all = UINT32_C(0xF) << 24, bits = 0xFFFFFF;
    uint8_t *out = b->out;
    size_t at = from;
    for (; text.len - at >= ROOM; at += PAIR) {
        uint32_t one = read_group(text.data + at), two = read_group(text.data + at + 4);
        if (one < all || two < all)
            break;
        uint64_t both = (uint64_t)(one & bits) << 40 | (uint64_t)(two & bits) << 16;
        uint64_t bytes = htobe64(both);
        memcpy(out, &bytes, sizeof bytes);
        out += 6;
    }
    for (; text.len - at >= 4; at += 4) {
        uint32_t group = read_group(text.data + at);
        if (group < all)
            break;
        out[0] = (uint8_t)(group >> 16);
        out[1] = (uint8_t)(group >> 8);
        out[2] = (uint8_t)group;
        out += 3;
    }
    b->out = out;
    return at - from;
}

static void step_digit(struct base64 *b, uint8_t digit)
{
    if (b->after & AFTER_PADDING)
        b->odd |= KJ_ODD(KJ_ODD_BASE64_INNER_PADDING);
    if (b->padding || b->after & ~(unsigned)AFTER_PADDING)
        b->odd |= KJ_ODD(KJ_ODD_BASE64_SYNTAX);
    b->padding = 0;
    b->after = 0;
    add_digit(b, digit);
}

static void step_padding(struct base64 *b)
{
    if (b->digits >= 2) {
        b->padding = 4 - b->digits - 1;
        b->after |= AFTER_PADDING;
    } else if (b->digits == 0 && b->padding) {
        b->padding--;
    } else {
        b->odd |= KJ_ODD(KJ_ODD_BASE64_SYNTAX);
    }
    flush_group(b);
}

/* Any character but those that decode_groups() took. */
static void step(struct base64 *b, uint8_t c)
{
    uint8_t digit = digits_of_base64[c];
    if (digit)
        step_digit(b, digit);
    else if (c == '=')
        step_padding(b);
    else if (c == '\n') {
        b->after &= ~(unsigned)(AFTER_BLANK | AFTER_CR);
        b->after |= b->digits ? AFTER_CUT_LINE : 0;
    } else if (c == '\r')
        b->after |= AFTER_CR;
    else if (c == ' ' || c == '\t')
        b->after |= AFTER_BLANK;
    else
        b->odd |= KJ_ODD(KJ_ODD_BASE64_SYNTAX);
}

static void decode_base64(kj_span text, kj_buf *out, kj_oddities *odd)
{
    uint8_t *room = kj_buf_reserve(out, text.len / 4 * 3 + text.len % 4);
    if (!room)
        return;
    struct base64 b = {.out = room};
    for (size_t at = 0; at < text.len; at++) {
        if (b.digits == 0 && b.after == 0)
            at += decode_groups(text, at, &b);
        if (at < text.len)
            step(&b, text.data[at]);
    }
    if (b.digits || b.padding)
        b.odd |= KJ_ODD(KJ_ODD_BASE64_SYNTAX);
    flush_group(&b);
    kj_buf_added(out, (size_t)(b.out - room));
    *odd |= b.odd;
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* ---- base64: other readings ------------------------------------------------------------------ */

struct base64_rules {
    const char *name;
    enum {
        PADDING_JOINS,      /* what follows is a new piece */
        PADDING_ENDS,       /* any ends all */
        WHOLE_PADDING_ENDS, /* one that fills its group does; other is skipped */
        PADDING_FILLS,      /* is a digit of 0 whose byte is dropped */
        PADDING_IS_FOREIGN, /* skipped, the group goes on */
    } padding;
    enum {
        FOREIGN_SKIPPED,
        FOREIGN_ENDS,       /* all */
        FOREIGN_DROPS_LINE, /* that it stands in */
        FOREIGN_ENDS_LINES, /* the line that it stands in and all behind it are no data */
        FOREIGN_LEADS,      /* lines before the first without one are no data */
    } foreign;
    bool url_safe;    /* '-' and '_' are digits */
    bool seven_bit;   /* the 8th bit is taken off */
    bool lines_alone; /* a group does not go on in the next line */
    bool cr_ends;     /* a bare CR ends a line, too */
};

static const struct base64_rules base64_readings[] = {
    {.name = "stops at padding", .padding = PADDING_ENDS},
    {.name = "stops at whole padding", .padding = WHOLE_PADDING_ENDS},
    {.name = "ignores padding", .padding = PADDING_IS_FOREIGN},
    {.name = "padding fills groups", .padding = PADDING_FILLS},
    {.name = "stops at foreign characters", .foreign = FOREIGN_ENDS},
    {.name = "drops foreign lines", .foreign = FOREIGN_DROPS_LINE, .cr_ends = true},
    {.name = "stops at foreign lines", .foreign = FOREIGN_ENDS_LINES},
    {.name = "starts at the first whole line", .foreign = FOREIGN_LEADS},
    {.name = "URL-safe", .url_safe = true},
    {.name = "seven bits", .seven_bit = true},
    {.name = "line by line", .lines_alone = true},
};

static uint8_t digit_by(const struct base64_rules *rules, uint8_t c)
{
    if (rules->seven_bit)
        c &= 0x7F;
    if (rules->url_safe && (c == '-' || c == '_'))
        c = c == '-' ? '+' : '/';
    return digits_of_base64[c];
}

/* Whether a line has digits and nothing foreign. */
static bool is_whole_line(const struct base64_rules *rules, kj_span line)
{
    size_t digits = 0;
    for (size_t i = 0; i < line.len; i++) {
        bool digit = digit_by(rules, line.data[i]) != 0;
        if (!digit && line.data[i] != '=' && !is_blank(line.data[i]))
            return false;
        digits += digit;
    }
    return digits > 0;
}

/* A digit of 0; the bytes of a full group that it reaches into are none. */
static void fill_with_padding(struct base64 *b)
{
    if (b->digits == 0)
        return;
    uint8_t *start = b->out;
    b->padding++;
    add_digit(b, 0);
    if (b->digits)
        return;
    b->out = start + 3 - kj_min_size(b->padding, 3);
    b->padding = 0;
}

/* False: the data end here. */
static bool take_padding(const struct base64_rules *rules, struct base64 *b)
{
    switch (rules->padding) {
    case PADDING_ENDS:
        return false;
    case WHOLE_PADDING_ENDS:
        b->padding++;
        return b->digits < 2 || b->digits + b->padding < 4;
    case PADDING_FILLS:
        fill_with_padding(b);
        break;
    case PADDING_JOINS:
        flush_group(b);
        break;
    case PADDING_IS_FOREIGN:
        break;
    }
    return true;
}

static bool take_line(const struct base64_rules *rules, kj_span line, struct base64 *b)
{
    for (size_t i = 0; i < line.len; i++) {
        uint8_t c = rules->seven_bit ? line.data[i] & 0x7F : line.data[i];
        uint8_t digit = digit_by(rules, c);
        if (digit) {
            add_digit(b, digit);
            if (rules->padding != PADDING_FILLS || b->digits == 0)
                b->padding = 0;
        } else if (c == '=') {
            if (!take_padding(rules, b))
                return false;
        } else if (rules->foreign == FOREIGN_ENDS && !is_blank(c)) {
            return false;
        }
    }
    if (rules->lines_alone)
        flush_group(b);
    return true;
}

static void decode_base64_by(const struct base64_rules *rules, kj_span text, kj_buf *out)
{
    uint8_t *room = kj_buf_reserve(out, text.len);
    if (!room)
        return;
    struct base64 b = {.out = room};
    bool by_lines = rules->foreign >= FOREIGN_DROPS_LINE;
    bool begun = false;
    size_t at = 0;
    for (kj_span line; kj_next_line(text, &at, rules->cr_ends, &line);) {
        bool whole =
            !by_lines || (begun && rules->foreign == FOREIGN_LEADS) || is_whole_line(rules, line);
        if (!whole && begun && rules->foreign == FOREIGN_ENDS_LINES)
            break;
        begun |= whole;
        if (whole && !take_line(rules, line, &b))
            break;
    }
    flush_group(&b);
    kj_buf_added(out, (size_t)(b.out - room));
}

/* ---- quoted-printable ------------------------------------------------------------------------ */

struct quoted_rules {
    const char *name;
    bool keeps_blanks;  /* at line ends */
    bool soft_is_exact; /* "=" and blanks are no soft break */
    bool cr_ends;       /* a bare CR ends a line */
    bool cr_is_text;    /* and not even behind "=" */
    bool lf_is_text;    /* only CR LF behind "=" is a soft break */
    bool drops_escapes; /* "=" is dropped where no hex digits follow it */
    bool capitals_only; /* of the hex digits */
    bool joins_pairs;   /* "==" is "=" */
    bool drops_nul;     /* before anything is read */
};

static const struct quoted_rules quoted_first = {.name = ""};

static const struct quoted_rules quoted_readings[] = {
    {.name = "keeps blanks", .keeps_blanks = true, .soft_is_exact = true},
    {.name = "keeps blanks but behind =", .keeps_blanks = true},
    {.name = "drops stray =", .drops_escapes = true},
    {.name = "bare CR ends lines", .cr_ends = true},
    {.name = "bare CR is text", .cr_is_text = true},
    {.name = "soft breaks end in CR LF", .lf_is_text = true, .cr_is_text = true},
    {.name = "capital hex digits", .capitals_only = true},
    {.name = "joins ==", .keeps_blanks = true, .soft_is_exact = true, .joins_pairs = true},
    {.name = "drops NUL", .drops_nul = true},
};

static size_t trimmed_len(kj_span s)
{
    size_t len = s.len;
    while (len && (s.data[len - 1] == ' ' || s.data[len - 1] == '\t'))
        len--;
    return len;
}

struct quoted {
    const struct quoted_rules *rules;
    uint8_t *out;  /* has room for all that is read */
    bool lf_joins; /* a bare LF stands behind "=" */
    bool cr_lf;    /* a line ends in CR LF */
    unsigned hex_cases;
    bool odd;
};

static void put(struct quoted *q, kj_span bytes)
{
    if (bytes.len)
        memcpy(q->out, bytes.data, bytes.len);
    q->out += bytes.len;
}

/* Which cases the letters of hex digits are in. */
enum { HEX_CAPITAL = 1 << 0, HEX_SMALL = 1 << 1 };

static unsigned hex_case(uint8_t digit)
{
    if (kj_is_digit(digit))
        return 0;
    return digit < 'a' ? HEX_CAPITAL : HEX_SMALL;
}

/* The value of the two digits of an escape, or -1. */
static int escape_value(struct quoted *q, kj_span hex)
{
    int high = hex.len == 2 ? kj_hex_digit(hex.data[0]) : -1;
    int low = hex.len == 2 ? kj_hex_digit(hex.data[1]) : -1;
    if (high < 0 || low < 0)
        return -1;
    unsigned cases = hex_case(hex.data[0]) | hex_case(hex.data[1]);
    if (q->rules->capitals_only && cases & HEX_SMALL)
        return -1;
    q->hex_cases |= cases;
    return high << 4 | low;
}

/* What begins with "="; returns how many characters of it were read. */
static size_t put_escape(struct quoted *q, kj_span s)
{
    int value = escape_value(q, kj_span_sub(s, 1, 2));
    if (value >= 0) {
        *q->out++ = (uint8_t)value;
        return 3;
    }
    q->odd = true;
    if (!q->rules->drops_escapes)
        *q->out++ = '=';
    return q->rules->joins_pairs && s.len > 1 && s.data[1] == '=' ? 2 : 1;
}

/* Text without line ends. */
static void put_text(struct quoted *q, kj_span s)
{
    while (s.len) {
        const uint8_t *equals = memchr(s.data, '=', s.len);
        size_t len = equals ? (size_t)(equals - s.data) : s.len;
        put(q, kj_span_sub(s, 0, len));
        s = kj_span_sub(s, len, SIZE_MAX);
        while (s.len && s.data[0] == '=')
            s = kj_span_sub(s, put_escape(q, s), SIZE_MAX);
    }
}

static bool ends_in(kj_span s, uint8_t c)
{
    return s.len && s.data[s.len - 1] == c;
}

/* How many "=" stand at the end. */
static size_t count_equals(kj_span s)
{
    size_t count = 0;
    while (count < s.len && s.data[s.len - 1 - count] == '=')
        count++;
    return count;
}

/* Bytes of the line end that a line has. */
static size_t line_end_len(kj_span line, bool cr_ends)
{
    if (ends_in(line, '\n'))
        return line.len > 1 && line.data[line.len - 2] == '\r' ? 2 : 1;
    return cr_ends && ends_in(line, '\r') ? 1 : 0;
}

/* Whether `rules` take this line end for one behind "=". The end of the text counts as one. */
static bool is_soft_end(const struct quoted_rules *rules, kj_span end)
{
    if (end.len == 1)
        return end.data[0] == '\n' ? !rules->lf_is_text : !rules->cr_is_text;
    return true;
}

/* One line with its end. A line that a bare CR ends is one only where "=" stands before it or the
 * rules say so: the caller parts lines there. */
static void put_line(struct quoted *q, kj_span line)
{
    const struct quoted_rules *rules = q->rules;
    size_t end_len = line_end_len(line, true);
    kj_span body = kj_span_sub(line, 0, line.len - end_len);
    kj_span end = kj_span_sub(line, body.len, end_len);
    bool text_end = ends_in(end, '\r') && !rules->cr_ends;
    size_t trimmed = text_end ? body.len : trimmed_len(body);
    bool soft = ends_in(kj_span_sub(body, 0, trimmed), '=');
    q->odd |= (soft && trimmed < body.len) || ends_in(end, '\r');
    if (rules->soft_is_exact && trimmed < body.len)
        soft = false;
    if (rules->joins_pairs && count_equals(kj_span_sub(body, 0, trimmed)) % 2 == 0)
        soft = false;
    q->cr_lf |= end.len == 2;
    q->lf_joins |= soft && end.len == 1;
    soft = soft && is_soft_end(rules, end);
    if (soft)
        body.len = trimmed - 1;
    else if (!rules->keeps_blanks)
        body.len = trimmed;
    put_text(q, body);
    if (!soft)
        put(q, end);
}

static void decode_quoted_by(const struct quoted_rules *rules, kj_span text, kj_buf *out, bool *odd)
{
    uint8_t *room = kj_buf_reserve(out, text.len);
    if (!room || text.len == 0)
        return;
    struct quoted q = {.rules = rules, .out = room};
    size_t at = 0;
    for (kj_span line; kj_next_line(text, &at, true, &line);)
        put_line(&q, line);
    kj_buf_added(out, (size_t)(q.out - room));
    /* one writer is consistent, whatever it does */
    *odd |= q.odd || (q.lf_joins && q.cr_lf) || q.hex_cases == (HEX_CAPITAL | HEX_SMALL);
}

/* What string functions of programs end at, or skip. */
static bool has_nul(kj_span text)
{
    return text.len && memchr(text.data, '\0', text.len);
}

static void decode_quoted(kj_span text, kj_buf *out, kj_oddities *odd)
{
    bool is_odd = has_nul(text);
    decode_quoted_by(&quoted_first, text, out, &is_odd);
    if (is_odd)
        *odd |= KJ_ODD(KJ_ODD_QUOTED_PRINTABLE_SYNTAX);
}

static void decode_quoted_without_nul(const struct quoted_rules *rules, kj_span text, kj_buf *out)
{
    kj_buf kept;
    kj_buf_init(&kept, text.len);
    for (size_t at = 0; at < text.len;) {
        const uint8_t *nul = memchr(text.data + at, '\0', text.len - at);
        size_t end = nul ? (size_t)(nul - text.data) : text.len;
        kj_buf_put(&kept, kj_span_sub(text, at, end - at));
        at = end + 1;
    }
    bool odd = false;
    decode_quoted_by(rules, kj_buf_span(&kept), out, &odd);
    kj_buf_done_into(&kept, out);
}

static void decode_quoted_reading(const struct quoted_rules *rules, kj_span text, kj_buf *out)
{
    bool odd = false;
    if (rules->drops_nul)
        decode_quoted_without_nul(rules, text, out);
    else
        decode_quoted_by(rules, text, out, &odd);
}

/* ---- by name --------------------------------------------------------------------------------- */

void kj_encoding_decode(kj_encoding encoding, kj_span text, kj_buf *out, kj_oddities *odd)
{
    if (encoding == KJ_ENCODING_IDENTITY)
        kj_buf_put(out, text);
    else if (encoding == KJ_ENCODING_BASE64)
        decode_base64(text, out, odd);
    else if (encoding == KJ_ENCODING_QUOTED_PRINTABLE)
        decode_quoted(text, out, odd);
}

size_t kj_encoding_reading_count(kj_encoding encoding)
{
    if (encoding == KJ_ENCODING_BASE64)
        return KJ_COUNT(base64_readings);
    return encoding == KJ_ENCODING_QUOTED_PRINTABLE ? KJ_COUNT(quoted_readings) : 0;
}

void kj_encoding_decode_reading(kj_encoding encoding, size_t n, kj_span text, kj_buf *out)
{
    if (n >= kj_encoding_reading_count(encoding))
        return;
    if (encoding == KJ_ENCODING_BASE64)
        decode_base64_by(&base64_readings[n], text, out);
    else
        decode_quoted_reading(&quoted_readings[n], text, out);
}

const char *kj_encoding_reading_name(kj_encoding encoding, size_t n)
{
    if (n >= kj_encoding_reading_count(encoding))
        return "";
    return encoding == KJ_ENCODING_BASE64 ? base64_readings[n].name : quoted_readings[n].name;
}
