/* SPDX-License-Identifier: Apache-2.0 */
/* Character sets of mail. The frequent ones are done here; the rest by the C library's iconv, which
 * gets no names but those of this table: its rarer converters have a history of faults. */
#include "base/arith.h"
#include "base/text.h"
#include "formats/mime.h"

#include <errno.h>
#include <iconv.h>

enum { REPLACEMENT = 0xFFFD };

/* What windows-1252 has for 0x80 to 0x9F, where ISO 8859-1 has control codes that nobody uses: one
 * serves for both, as in browsers (WHATWG "Encoding"). The five gaps stay controls. */
static const uint16_t windows_1252[32] = {
    0x20AC, 0x0081, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
    0x2039, 0x0152, 0x008D, 0x017D, 0x008F, 0x0090, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
    0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x009D, 0x017E, 0x0178,
};

static void put_code(uint32_t code, kj_buf *out)
{
    uint8_t bytes[4];
    kj_buf_put(out, kj_span_of(bytes, kj_utf8_put(code, bytes)));
}

static void from_windows_1252(kj_span bytes, kj_buf *out)
{
    for (size_t i = 0; i < bytes.len; i++) {
        uint8_t c = bytes.data[i];
        put_code(c >= 0x80 && c < 0xA0 ? windows_1252[c - 0x80] : c, out);
    }
}

static void from_iso_8859_15(kj_span bytes, kj_buf *out)
{
    static const struct {
        uint8_t byte;
        uint16_t code;
    } other[] = {{0xA4, 0x20AC}, {0xA6, 0x0160}, {0xA8, 0x0161}, {0xB4, 0x017D},
                 {0xB8, 0x017E}, {0xBC, 0x0152}, {0xBD, 0x0153}, {0xBE, 0x0178}};
    for (size_t i = 0; i < bytes.len; i++) {
        uint32_t code = bytes.data[i];
        for (size_t j = 0; j < KJ_COUNT(other); j++)
            if (other[j].byte == bytes.data[i])
                code = other[j].code;
        put_code(code, out);
    }
}

static void from_utf8(kj_span bytes, kj_buf *out)
{
    if (kj_utf8_valid(bytes))
        kj_buf_put(out, bytes);
    else
        from_windows_1252(bytes, out);
}

/* Replaces what iconv refuses, a byte at a time. */
static void from_iconv(const char *name, kj_span bytes, kj_buf *out)
{
    iconv_t converter = iconv_open("UTF-8", name);
    if (converter == (iconv_t)-1) {
        from_utf8(bytes, out);
        return;
    }
    union {
        const uint8_t *bytes;
        char *chars; /* iconv does not write through it */
    } in = {bytes.data};
    size_t left = bytes.len;
    for (bool more = true; more && !out->failed;) {
        char piece[1024];
        char *end = piece;
        size_t room = sizeof piece;
        size_t result = iconv(converter, &in.chars, &left, &end, &room);
        kj_buf_put(out, kj_span_of(piece, (size_t)(end - piece)));
        more = result == (size_t)-1 && left > 0;
        if (more && errno != E2BIG) {
            put_code(REPLACEMENT, out);
            in.chars++;
            left--;
        }
    }
    (void)iconv_close(converter);
}

/* RFC 2781: big-endian without a byte order mark; but what programs for Windows write without one
 * is little-endian, and most text has zeros where the high bytes are. */
static bool is_big_endian(kj_span bytes, unsigned width)
{
    size_t zeros[2] = {0};
    for (size_t i = 0; i + width <= bytes.len; i += width) {
        zeros[0] += bytes.data[i] == 0;
        zeros[1] += bytes.data[i + width - 1] == 0;
    }
    return zeros[0] >= zeros[1];
}

static void from_utf16le(kj_span bytes, kj_buf *out)
{
    kj_utf16_to_utf8(bytes, false, out);
}

static void from_utf16be(kj_span bytes, kj_buf *out)
{
    kj_utf16_to_utf8(bytes, true, out);
}

static void from_utf16(kj_span bytes, kj_buf *out)
{
    kj_span mark = kj_span_sub(bytes, 0, 2);
    bool little = kj_span_is(mark, "\xFF\xFE");
    bool big = kj_span_is(mark, "\xFE\xFF");
    if (little || big)
        bytes = kj_span_sub(bytes, 2, SIZE_MAX);
    kj_utf16_to_utf8(bytes, big || (!little && is_big_endian(bytes, 2)), out);
}

static void from_utf32_in_order(kj_span bytes, bool big_endian, kj_buf *out)
{
    kj_reader r = kj_reader_of(bytes);
    while (kj_reader_left(&r) >= 4) {
        uint32_t code = big_endian ? kj_read_u32be(&r) : kj_read_u32le(&r);
        if (code != 0xFEFF)
            put_code(code, out);
    }
}

static void from_utf32le(kj_span bytes, kj_buf *out)
{
    from_utf32_in_order(bytes, false, out);
}

static void from_utf32be(kj_span bytes, kj_buf *out)
{
    from_utf32_in_order(bytes, true, out);
}

static void from_utf32(kj_span bytes, kj_buf *out)
{
    from_utf32_in_order(bytes, is_big_endian(bytes, 4), out);
}

/* The value of a base64 digit (RFC 4648, 4), or -1. */
static int base64_digit(uint8_t c)
{
    if (kj_is_digit(c))
        return c - '0' + 52;
    if (kj_is_alpha(c))
        return c >= 'a' ? c - 'a' + 26 : c - 'A';
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Appends the UTF-16 of a run of base64 and moves the reader past it. Bits that are left are
 * dropped. */
static void read_shifted(kj_reader *r, kj_buf *out)
{
    kj_buf units;
    kj_buf_init(&units, kj_reader_left(r));
    uint32_t bits = 0;
    unsigned held = 0;
    while (kj_reader_left(r)) {
        int digit = base64_digit(r->in.data[r->pos]);
        if (digit < 0)
            break;
        kj_skip(r, 1);
        bits = (bits << 6 | (uint32_t)digit) & 0xFFFFFF;
        held += 6;
        if (held >= 8)
            kj_buf_put_byte(&units, (uint8_t)(bits >> (held -= 8)));
    }
    kj_utf16_to_utf8(kj_buf_span(&units), true, out);
    kj_buf_done_into(&units, out);
}

/* RFC 2152, but any character may stand for itself, and what is no base64 ends a run. */
static void from_utf7(kj_span bytes, kj_buf *out)
{
    kj_reader r = kj_reader_of(bytes);
    while (kj_reader_left(&r)) {
        uint8_t c = kj_read_u8(&r);
        kj_span next = kj_span_sub(bytes, r.pos, 1);
        bool minus = kj_span_is(next, "-");
        if (c != '+' || (!minus && (!next.len || base64_digit(next.data[0]) < 0))) {
            from_windows_1252(kj_span_of(&c, 1), out);
            continue;
        }
        if (minus)
            kj_buf_put_byte(out, '+');
        read_shifted(&r, out);
        if (kj_span_is(kj_span_sub(bytes, r.pos, 1), "-"))
            kj_skip(&r, 1);
    }
}

/* RFC 1843: "~{" GB 2312 in seven bits "~}", "~~" is a tilde, a line end ends everything. */
static void from_hz(kj_span bytes, kj_buf *out)
{
    kj_buf gb;
    kj_buf_init(&gb, bytes.len);
    bool shifted = false;
    for (size_t i = 0; i < bytes.len; i++) {
        uint8_t c = bytes.data[i];
        kj_span pair = kj_span_sub(bytes, i, 2);
        bool into = kj_span_is(pair, "~{");
        bool escape = into || kj_span_is(pair, "~}") || kj_span_is(pair, "~~");
        if (escape && pair.data[1] == '~')
            kj_buf_put_byte(&gb, '~');
        else if (escape || c == '\n')
            shifted = into;
        if (!escape)
            kj_buf_put_byte(&gb, shifted ? c | 0x80 : c);
        i += escape;
    }
    from_iconv("GB18030", kj_buf_span(&gb), out);
    kj_buf_done_into(&gb, out);
}

typedef struct charset {
    const char *name;                        /* without "x-", punctuation and blanks, lower case */
    uint16_t page;                           /* its number on Windows; 0: none */
    void (*own)(kj_span bytes, kj_buf *out); /* or: */
    const char *iconv;
    bool no_ascii; /* ASCII's bytes may mean something else */
} charset;

/* Only simple tables are the C library's, and the East Asian ones that mail is full of. */
static const charset charsets[] = {
    {"utf8", 65001, from_utf8, NULL, false},
    {"usascii", 20127, from_utf8, NULL, false},
    {"ascii", 0, from_utf8, NULL, false},
    {"iso88591", 28591, from_windows_1252, NULL, false},
    {"latin1", 819, from_windows_1252, NULL, false},
    {"windows1252", 1252, from_windows_1252, NULL, false},
    {"iso885915", 28605, from_iso_8859_15, NULL, false},
    {"latin9", 0, from_iso_8859_15, NULL, false},
    {"iso88592", 28592, NULL, "ISO-8859-2", false},
    {"latin2", 0, NULL, "ISO-8859-2", false},
    {"iso88593", 28593, NULL, "ISO-8859-3", false},
    {"iso88594", 28594, NULL, "ISO-8859-4", false},
    {"iso88595", 28595, NULL, "ISO-8859-5", false},
    {"iso88596", 28596, NULL, "ISO-8859-6", false},
    {"iso88597", 28597, NULL, "ISO-8859-7", false},
    {"iso88598", 28598, NULL, "ISO-8859-8", false},
    {"iso88598i", 38598, NULL, "ISO-8859-8", false},
    {"iso88599", 28599, NULL, "ISO-8859-9", false},
    {"latin5", 0, NULL, "ISO-8859-9", false},
    {"iso885910", 28600, NULL, "ISO-8859-10", false},
    {"iso885911", 28601, NULL, "CP874", false},
    {"iso885913", 28603, NULL, "ISO-8859-13", false},
    {"iso885914", 28604, NULL, "ISO-8859-14", false},
    {"iso885916", 28606, NULL, "ISO-8859-16", false},
    {"windows1250", 1250, NULL, "CP1250", false},
    {"windows1251", 1251, NULL, "CP1251", false},
    {"windows1253", 1253, NULL, "CP1253", false},
    {"windows1254", 1254, NULL, "CP1254", false},
    {"windows1255", 1255, NULL, "CP1255", false},
    {"windows1256", 1256, NULL, "CP1256", false},
    {"windows1257", 1257, NULL, "CP1257", false},
    {"windows1258", 1258, NULL, "CP1258", false},
    {"windows874", 874, NULL, "CP874", false},
    {"tis620", 0, NULL, "CP874", false},
    {"koi8r", 20866, NULL, "KOI8-R", false},
    {"koi8u", 21866, NULL, "KOI8-U", false},
    {"ibm437", 437, NULL, "CP437", false},
    {"ibm737", 737, NULL, "CP737", false},
    {"ibm775", 775, NULL, "CP775", false},
    {"ibm850", 850, NULL, "CP850", false},
    {"ibm852", 852, NULL, "CP852", false},
    {"ibm855", 855, NULL, "CP855", false},
    {"ibm857", 857, NULL, "CP857", false},
    {"ibm858", 858, NULL, "CP850", false}, /* but for the euro sign */
    {"ibm860", 860, NULL, "CP860", false},
    {"ibm861", 861, NULL, "CP861", false},
    {"ibm862", 862, NULL, "CP862", false},
    {"ibm863", 863, NULL, "CP863", false},
    {"ibm865", 865, NULL, "CP865", false},
    {"ibm866", 866, NULL, "CP866", false},
    {"ibm869", 869, NULL, "CP869", false},
    {"viscii", 0, NULL, "VISCII", false},
    {"macintosh", 10000, NULL, "MACINTOSH", false},
    {"macroman", 0, NULL, "MACINTOSH", false},
    {"maccyrillic", 10007, NULL, "MAC-CYRILLIC", false},
    {"macce", 10029, NULL, "MAC-CENTRALEUROPE", false},
    {"iso2022jp", 50220, NULL, "ISO-2022-JP", false},
    {"iso2022jp1", 50221, NULL, "ISO-2022-JP-2", false},
    {"iso2022jp2", 50222, NULL, "ISO-2022-JP-2", false},
    {"shiftjis", 932, NULL, "CP932", false},
    {"sjis", 0, NULL, "CP932", false},
    {"mskanji", 0, NULL, "CP932", false},
    {"windows31j", 0, NULL, "CP932", false},
    {"eucjp", 51932, NULL, "EUC-JP-MS", false},
    {"euckr", 51949, NULL, "CP949", false},
    {"ksc56011987", 949, NULL, "CP949", false},
    {"ksc5601", 0, NULL, "CP949", false},
    {"iso2022kr", 50225, NULL, "ISO-2022-KR", false},
    {"gb2312", 20936, NULL, "GB18030", false},
    {"euccn", 51936, NULL, "GB18030", false},
    {"gbk", 936, NULL, "GB18030", false},
    {"gb18030", 54936, NULL, "GB18030", false},
    {"gb180302005", 0, NULL, "GB18030", false},
    {"gb180302022", 0, NULL, "GB18030", false},
    {"big5", 950, NULL, "BIG5-HKSCS", false},
    {"big5hkscs", 951, NULL, "BIG5-HKSCS", false},
    {"hzgb2312", 52936, from_hz, NULL, true},
    {"hz", 0, from_hz, NULL, true},
    {"utf16", 0, from_utf16, NULL, true},
    {"utf16le", 1200, from_utf16le, NULL, true},
    {"utf16be", 1201, from_utf16be, NULL, true},
    {"iso10646ucs2", 0, from_utf16, NULL, true},
    {"ucs2", 0, from_utf16, NULL, true},
    {"unicode", 0, from_utf16, NULL, true},
    {"unicodefffe", 0, from_utf16be, NULL, true},
    {"utf32", 0, from_utf32, NULL, true},
    {"utf32le", 12000, from_utf32le, NULL, true},
    {"utf32be", 12001, from_utf32be, NULL, true},
    {"iso10646ucs4", 0, from_utf32, NULL, true},
    {"ucs4", 0, from_utf32, NULL, true},
    {"utf7", 65000, from_utf7, NULL, true},
    {"unicode11utf7", 0, from_utf7, NULL, true},
    {"unicode20utf7", 0, from_utf7, NULL, true},
    {"ibm037", 37, NULL, "IBM037", true},
    {"ebcdiccpus", 0, NULL, "IBM037", true},
    {"ibm500", 500, NULL, "IBM500", true},
    {"ibm1026", 1026, NULL, "IBM1026", true},
    {"ibm1047", 1047, NULL, "IBM1047", true},
    {"ibm1140", 1140, NULL, "IBM1140", true},
    {"ibm1141", 1141, NULL, "IBM1141", true},
    {"ibm1148", 1148, NULL, "IBM1148", true},
    {"ibm273", 20273, NULL, "IBM273", true},
    {"ibm285", 20285, NULL, "IBM285", true},
    {"ibm297", 20297, NULL, "IBM297", true},
    {"ibm924", 20924, NULL, "IBM1047", true}, /* but for the euro sign */
};

enum { NAME_LEN = 24 };

/* Writes a name as the table has them. */
static kj_span normalize(kj_span name, char out[NAME_LEN])
{
    size_t len = 0;
    for (size_t i = 0; i < name.len && len < NAME_LEN; i++)
        if (kj_is_alnum(name.data[i]))
            out[len++] = (char)kj_lower(name.data[i]);
    kj_span normal = kj_span_of(out, len);
    bool is_private = len > 1 && out[0] == 'x' && name.len > 1 && !kj_is_alnum(name.data[1]);
    return kj_span_sub(normal, is_private ? 1 : 0, SIZE_MAX);
}

/* "cp936", "windows936", "936"; 0 for what is no such name. */
static uint64_t page_of(kj_span normal)
{
    static const char *const prefixes[] = {"cp", "windows", "win", "ibm", "ms", "dos", "codepage"};
    for (size_t i = 0; i < KJ_COUNT(prefixes); i++)
        if (kj_span_starts(normal, kj_span_str(prefixes[i]))) {
            normal = kj_span_sub(normal, strlen(prefixes[i]), SIZE_MAX);
            break;
        }
    uint64_t page = 0;
    return kj_text_to_u64(normal, &page) ? page : 0;
}

/* NULL: nobody knows it. */
static const charset *find_charset(kj_span name)
{
    char buffer[NAME_LEN];
    kj_span normal = normalize(name, buffer);
    uint64_t page = page_of(normal);
    for (size_t i = 0; i < KJ_COUNT(charsets); i++)
        if (kj_span_is(normal, charsets[i].name) || (page && page == charsets[i].page))
            return &charsets[i];
    return NULL;
}

void kj_charset_to_utf8(kj_span name, kj_span bytes, kj_buf *out)
{
    const charset *found = name.len ? find_charset(name) : NULL;
    if (!found)
        from_utf8(bytes, out);
    else if (found->own)
        found->own(bytes, out);
    else
        from_iconv(found->iconv, bytes, out);
}

bool kj_charset_is_ascii_superset(kj_span name)
{
    const charset *found = find_charset(name);
    return !found || !found->no_ascii;
}
