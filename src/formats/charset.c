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

static const struct {
    const char *name;
    void (*own)(kj_span bytes, kj_buf *out); /* or: */
    const char *iconv;
} charsets[] = {
    {"utf-8", from_utf8, NULL},
    {"utf8", from_utf8, NULL},
    {"us-ascii", from_utf8, NULL},
    {"ascii", from_utf8, NULL},
    {"iso-8859-1", from_windows_1252, NULL},
    {"iso8859-1", from_windows_1252, NULL},
    {"latin1", from_windows_1252, NULL},
    {"windows-1252", from_windows_1252, NULL},
    {"cp1252", from_windows_1252, NULL},
    {"iso-8859-15", from_iso_8859_15, NULL},
    {"iso-8859-2", NULL, "ISO-8859-2"},
    {"iso-8859-3", NULL, "ISO-8859-3"},
    {"iso-8859-4", NULL, "ISO-8859-4"},
    {"iso-8859-5", NULL, "ISO-8859-5"},
    {"iso-8859-6", NULL, "ISO-8859-6"},
    {"iso-8859-7", NULL, "ISO-8859-7"},
    {"iso-8859-8", NULL, "ISO-8859-8"},
    {"iso-8859-8-i", NULL, "ISO-8859-8"},
    {"iso-8859-9", NULL, "ISO-8859-9"},
    {"iso-8859-10", NULL, "ISO-8859-10"},
    {"iso-8859-13", NULL, "ISO-8859-13"},
    {"iso-8859-14", NULL, "ISO-8859-14"},
    {"iso-8859-16", NULL, "ISO-8859-16"},
    {"windows-1250", NULL, "CP1250"},
    {"windows-1251", NULL, "CP1251"},
    {"cp1251", NULL, "CP1251"},
    {"windows-1253", NULL, "CP1253"},
    {"windows-1254", NULL, "CP1254"},
    {"windows-1255", NULL, "CP1255"},
    {"windows-1256", NULL, "CP1256"},
    {"windows-1257", NULL, "CP1257"},
    {"windows-1258", NULL, "CP1258"},
    {"windows-874", NULL, "CP874"},
    {"tis-620", NULL, "CP874"},
    {"koi8-r", NULL, "KOI8-R"},
    {"koi8-u", NULL, "KOI8-U"},
    {"ibm866", NULL, "CP866"},
    {"cp866", NULL, "CP866"},
    {"ibm437", NULL, "CP437"},
    {"ibm850", NULL, "CP850"},
    {"macintosh", NULL, "MACINTOSH"},
    {"iso-2022-jp", NULL, "ISO-2022-JP"},
    {"iso-2022-jp-2", NULL, "ISO-2022-JP-2"},
    {"shift_jis", NULL, "CP932"},
    {"shift-jis", NULL, "CP932"},
    {"sjis", NULL, "CP932"},
    {"windows-31j", NULL, "CP932"},
    {"cp932", NULL, "CP932"},
    {"euc-jp", NULL, "EUC-JP-MS"},
    {"euc-kr", NULL, "CP949"},
    {"ks_c_5601-1987", NULL, "CP949"},
    {"iso-2022-kr", NULL, "ISO-2022-KR"},
    {"gb2312", NULL, "GB18030"},
    {"gbk", NULL, "GB18030"},
    {"gb18030", NULL, "GB18030"},
    {"big5", NULL, "BIG5-HKSCS"},
    {"utf-16", NULL, "UTF-16"},
    {"utf-16le", NULL, "UTF-16LE"},
    {"utf-16be", NULL, "UTF-16BE"},
    {"utf-7", NULL, "UTF-7"},
    {"unicode-1-1-utf-7", NULL, "UTF-7"},
};

void kj_charset_to_utf8(kj_span charset, kj_span bytes, kj_buf *out)
{
    for (size_t i = 0; i < KJ_COUNT(charsets); i++) {
        if (!kj_text_equal_nocase(charset, kj_span_str(charsets[i].name)))
            continue;
        if (charsets[i].own)
            charsets[i].own(bytes, out);
        else
            from_iconv(charsets[i].iconv, bytes, out);
        return;
    }
    from_utf8(bytes, out);
}
