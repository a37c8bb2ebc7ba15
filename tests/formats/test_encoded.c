/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "base/arith.h"
#include "formats/encoded.h"
#include "tests/formats/sink.h"

#define INNER  KJ_ODD(KJ_ODD_BASE64_INNER_PADDING)
#define BASE64 KJ_ODD(KJ_ODD_BASE64_SYNTAX)
#define QUOTED KJ_ODD(KJ_ODD_QUOTED_PRINTABLE_SYNTAX)

/* Texts with NUL in them. */
#define BYTES(text)                                                                                \
    {                                                                                              \
        (const uint8_t *)(text), sizeof(text) - 1                                                  \
    }

/* ---- first readings -------------------------------------------------------------------------- */

typedef struct first_case {
    kj_encoding encoding;
    kj_span text;
    const char *expected;
    kj_oddities odd;
} first_case;

static const first_case first_cases[] = {
    {KJ_ENCODING_IDENTITY, BYTES("a=\r\n"), "a=\r\n", 0},
    {KJ_ENCODING_FILE, BYTES("begin"), "", 0},
    /* what mailers write */
    {KJ_ENCODING_BASE64, BYTES(""), "", 0},
    {KJ_ENCODING_BASE64, BYTES("YWJj"), "abc", 0},
    {KJ_ENCODING_BASE64, BYTES("YWI="), "ab", 0},
    {KJ_ENCODING_BASE64, BYTES("YQ=="), "a", 0},
    {KJ_ENCODING_BASE64, BYTES("\r\n\nYWJj\r\nYWJj  \t\r\nYQ==\r\n\r\n \n"), "abcabca", 0},
    {KJ_ENCODING_BASE64, BYTES("YWJjYWJjYWJjYWJj\nYWJj"), "abcabcabcabcabc", 0},
    {KJ_ENCODING_BASE64, BYTES("YWJj\r\r\nYQ==\r\r\n"), "abca", 0},
    /* what they do not */
    {KJ_ENCODING_BASE64, BYTES("YQ==YWJj"), "aabc", INNER},
    {KJ_ENCODING_BASE64, BYTES("YQ==\r\nYg==\r\n"), "ab", INNER},
    {KJ_ENCODING_BASE64, BYTES("YQ=YWJj"), "aabc", INNER | BASE64},
    {KJ_ENCODING_BASE64, BYTES("YWI"), "ab", BASE64},
    {KJ_ENCODING_BASE64, BYTES("YQ="), "a", BASE64},
    {KJ_ENCODING_BASE64, BYTES("YWJjY"), "abc", BASE64},
    {KJ_ENCODING_BASE64, BYTES("YWJj="), "abc", BASE64},
    {KJ_ENCODING_BASE64, BYTES("YQ==="), "a", BASE64},
    {KJ_ENCODING_BASE64, BYTES("=YWJj"), "abc", BASE64},
    {KJ_ENCODING_BASE64, BYTES("YW!Jj"), "abc", BASE64},
    {KJ_ENCODING_BASE64, BYTES("YWJj\n__\n"), "abc", BASE64},
    {KJ_ENCODING_BASE64, BYTES("YW\0Jj"), "abc", BASE64},
    {KJ_ENCODING_BASE64, BYTES("YWJj\xC1"), "abc", BASE64},
    {KJ_ENCODING_BASE64, BYTES("YWJj YWJj"), "abcabc", BASE64},
    {KJ_ENCODING_BASE64, BYTES(" YWJj"), "abc", BASE64},
    {KJ_ENCODING_BASE64, BYTES("YWJj\rYWJj"), "abcabc", BASE64},
    {KJ_ENCODING_BASE64, BYTES("Y\nWJj"), "abc", BASE64},
    {KJ_ENCODING_BASE64, BYTES("YWJjYW\nJj"), "abcabc", BASE64},
    /* quoted-printable as it is written */
    {KJ_ENCODING_QUOTED_PRINTABLE, BYTES(""), "", 0},
    {KJ_ENCODING_QUOTED_PRINTABLE, BYTES("a=3Db=3D\r\n"), "a=b=\r\n", 0},
    {KJ_ENCODING_QUOTED_PRINTABLE, BYTES("a=3db=3d\r\n"), "a=b=\r\n", 0},
    {KJ_ENCODING_QUOTED_PRINTABLE, BYTES("a=3Db=3d\r\n"), "a=b=\r\n", QUOTED},
    {KJ_ENCODING_QUOTED_PRINTABLE, BYTES("a=\nb=\nc\nd="), "abc\nd", 0},
    {KJ_ENCODING_QUOTED_PRINTABLE, BYTES("a \t\r\nb=20\r\nc \t"), "a\r\nb \r\nc", 0},
    {KJ_ENCODING_QUOTED_PRINTABLE, BYTES("\xE4=E4"), "\xE4\xE4", 0},
    {KJ_ENCODING_QUOTED_PRINTABLE, BYTES("a=3D=\r\n"), "a=", 0},
    /* and as it is not */
    {KJ_ENCODING_QUOTED_PRINTABLE, BYTES("a= \t\r\nb"), "ab", QUOTED},
    {KJ_ENCODING_QUOTED_PRINTABLE, BYTES("a= \t"), "a", QUOTED},
    {KJ_ENCODING_QUOTED_PRINTABLE, BYTES("a=zz=4"), "a=zz=4", QUOTED},
    {KJ_ENCODING_QUOTED_PRINTABLE, BYTES("a==41"), "a=A", QUOTED},
    {KJ_ENCODING_QUOTED_PRINTABLE, BYTES("a=\rb"), "ab", QUOTED},
    {KJ_ENCODING_QUOTED_PRINTABLE, BYTES("a=\nb\r\n"), "ab\r\n", QUOTED},
    {KJ_ENCODING_QUOTED_PRINTABLE, BYTES("a \rb"), "a \rb", QUOTED},
};

static void decode(kj_encoding encoding, kj_span text, kj_buf *out, kj_oddities *odd)
{
    kj_buf_init(out, 1 << 16);
    *odd = 0;
    kj_encoding_decode(encoding, text, out, odd);
    assert_false(out->failed);
}

static void first_readings(void **state)
{
    (void)state;
    for (size_t i = 0; i < KJ_COUNT(first_cases); i++) {
        const first_case *c = &first_cases[i];
        print_message("# case %zu\n", i);
        kj_buf out;
        kj_oddities odd;
        decode(c->encoding, c->text, &out, &odd);
        assert_span(kj_buf_span(&out), c->expected);
        assert_int_equal(odd, c->odd);
        kj_buf_done(&out);
    }
}

static void nul_in_quoted_printable(void **state)
{
    (void)state;
    kj_buf out;
    kj_oddities odd;
    decode(KJ_ENCODING_QUOTED_PRINTABLE,
           kj_span_of("=\0"
                      "41",
                      4),
           &out, &odd);
    assert_int_equal(out.len, 4);
    assert_int_equal(odd, QUOTED);
    kj_buf_done(&out);
}

/* ---- other readings -------------------------------------------------------------------------- */

typedef struct reading_case {
    kj_encoding encoding;
    const char *name;
    kj_span text;
    const char *expected;
} reading_case;

static const reading_case reading_cases[] = {
    {KJ_ENCODING_BASE64, "stops at padding", BYTES("YQ=Yg==\nYWJj"), "a"},
    {KJ_ENCODING_BASE64, "stops at whole padding", BYTES("=YW=JjYQ==YWJj"), "abca"},
    {KJ_ENCODING_BASE64, "ignores padding", BYTES("YW=J=j"), "abc"},
    {KJ_ENCODING_BASE64, "padding fills groups", BYTES("Y=JjYQ==YWJj=="),
     "`\x02\x63"
     "aabc"},
    {KJ_ENCODING_BASE64, "stops at foreign characters", BYTES("YWJj\r\n \tYWJj!YWJj"), "abcabc"},
    {KJ_ENCODING_BASE64, "drops foreign lines", BYTES("YWJj\r\nsome text!\rYQ==\r"), "abca"},
    {KJ_ENCODING_BASE64, "stops at foreign lines", BYTES("A!\nYWJj\nYWJj!\nYWJj"), "abc"},
    {KJ_ENCODING_BASE64, "starts at the first whole line", BYTES("A!\n\nYW\nJj!\nYWJj"), "abcabc"},
    {KJ_ENCODING_BASE64, "URL-safe", BYTES("Pz8_Pj4-"),
     "??"
     "?"
     ">>>"},
    {KJ_ENCODING_BASE64, "seven bits", BYTES("\xD9\xD7\xCA\xEA"), "abc"},
    {KJ_ENCODING_BASE64, "line by line", BYTES("YW\r\nYWJj\r\nYQ"), "aabca"},
    {KJ_ENCODING_QUOTED_PRINTABLE, "keeps blanks", BYTES("a \r\nb= \r\nc=\r\nd"),
     "a \r\nb= \r\ncd"},
    {KJ_ENCODING_QUOTED_PRINTABLE, "keeps blanks but behind =", BYTES("a \r\nb= \r\nc"),
     "a \r\nbc"},
    {KJ_ENCODING_QUOTED_PRINTABLE, "drops stray =", BYTES("a=zz==41"), "azzA"},
    {KJ_ENCODING_QUOTED_PRINTABLE, "bare CR ends lines", BYTES("a \rb= \rc"), "a\rbc"},
    {KJ_ENCODING_QUOTED_PRINTABLE, "bare CR is text", BYTES("a=\rb=\nc"), "a=\rbc"},
    {KJ_ENCODING_QUOTED_PRINTABLE, "soft breaks end in CR LF", BYTES("a=\nb=\r\nc"), "a=\nbc"},
    {KJ_ENCODING_QUOTED_PRINTABLE, "capital hex digits", BYTES("=4A=4a"), "J=4a"},
    {KJ_ENCODING_QUOTED_PRINTABLE, "joins ==", BYTES("==41==\n=41=\nb"), "=41=\nAb"},
    {KJ_ENCODING_QUOTED_PRINTABLE, "drops NUL",
     BYTES("=\0"
           "4\0"
           "1\0"),
     "A"},
};

static size_t find_reading(kj_encoding encoding, const char *name)
{
    for (size_t i = 0; i < kj_encoding_reading_count(encoding); i++)
        if (strcmp(kj_encoding_reading_name(encoding, i), name) == 0)
            return i;
    return SIZE_MAX;
}

static void other_readings(void **state)
{
    (void)state;
    for (size_t i = 0; i < KJ_COUNT(reading_cases); i++) {
        const reading_case *c = &reading_cases[i];
        print_message("# %s\n", c->name);
        kj_buf out;
        kj_oddities odd;
        decode(c->encoding, c->text, &out, &odd);
        assert_int_not_equal(odd, 0); /* or nobody would ask for it */
        kj_buf first = out;
        kj_buf_init(&out, 1 << 16);
        kj_encoding_decode_reading(c->encoding, find_reading(c->encoding, c->name), c->text, &out);
        assert_span(kj_buf_span(&out), c->expected);
        assert_false(kj_span_equal(kj_buf_span(&out), kj_buf_span(&first)));
        kj_buf_done(&first);
        kj_buf_done(&out);
    }
}

/* Every reading has a case above, and reads what is not odd as the first does. */
static void readings_are_tested(void **state)
{
    (void)state;
    static const char *const plain[KJ_ENCODING_COUNT] = {
        [KJ_ENCODING_BASE64] = "YWJj\r\nYWJj\r\nYQ==\r\n",
        [KJ_ENCODING_QUOTED_PRINTABLE] = "a=3D=\r\nb=0A\r\n",
    };
    size_t count = 0;
    for (kj_encoding e = 0; e < KJ_ENCODING_COUNT; e++) {
        kj_buf first;
        kj_oddities odd;
        decode(e, kj_span_str(plain[e]), &first, &odd);
        assert_int_equal(odd, 0);
        for (size_t i = 0; i < kj_encoding_reading_count(e); i++, count++) {
            kj_buf out;
            kj_buf_init(&out, 1 << 16);
            kj_encoding_decode_reading(e, i, kj_span_str(plain[e]), &out);
            assert_true(kj_span_equal(kj_buf_span(&out), kj_buf_span(&first)));
            kj_buf_done(&out);
        }
        assert_string_equal(kj_encoding_reading_name(e, 99), "");
        kj_buf_done(&first);
    }
    assert_int_equal(count, KJ_COUNT(reading_cases));
}

/* ---- Content-Transfer-Encoding --------------------------------------------------------------- */

#define SET(encoding) (1u << KJ_ENCODING_##encoding)
#define SYNTAX        KJ_ODD(KJ_ODD_ENCODING_SYNTAX)
#define UNKNOWN       KJ_ODD(KJ_ODD_UNKNOWN_ENCODING)

typedef struct field_case {
    const char *raw;
    kj_encoding first;
    unsigned set;
    kj_oddities odd;
} field_case;

static const field_case field_cases[] = {
    {"7bit", KJ_ENCODING_IDENTITY, SET(IDENTITY), 0},
    {" 8BIT \t", KJ_ENCODING_IDENTITY, SET(IDENTITY), 0},
    {" base64\r\n", KJ_ENCODING_BASE64, SET(BASE64), 0},
    {" Quoted-Printable", KJ_ENCODING_QUOTED_PRINTABLE, SET(QUOTED_PRINTABLE), 0},
    {"x-UUEncode", KJ_ENCODING_FILE, SET(FILE), 0},
    {"mac-binhex40", KJ_ENCODING_FILE, SET(FILE), 0},
    {"", KJ_ENCODING_IDENTITY, SET(IDENTITY), SYNTAX},
    {"\r\n ", KJ_ENCODING_IDENTITY, SET(IDENTITY), SYNTAX},
    {"base64 (comment)", KJ_ENCODING_BASE64, SET(BASE64) | SET(IDENTITY), SYNTAX},
    {"(7bit (a)) base64", KJ_ENCODING_BASE64, SET(BASE64) | SET(IDENTITY), SYNTAX},
    {"(base64) 7bit", KJ_ENCODING_IDENTITY, SET(BASE64) | SET(IDENTITY), SYNTAX},
    {"ba(x)se64", KJ_ENCODING_BASE64, SET(BASE64) | SET(IDENTITY), SYNTAX},
    {"\"base64\"", KJ_ENCODING_IDENTITY, SET(BASE64) | SET(IDENTITY), UNKNOWN},
    {"base 64", KJ_ENCODING_IDENTITY, SET(BASE64) | SET(IDENTITY), UNKNOWN},
    {"base64;", KJ_ENCODING_BASE64, SET(BASE64) | SET(IDENTITY), SYNTAX},
    {"7bit, base64", KJ_ENCODING_IDENTITY, SET(BASE64) | SET(IDENTITY), SYNTAX},
    {"quoted-printable base64", KJ_ENCODING_QUOTED_PRINTABLE,
     SET(QUOTED_PRINTABLE) | SET(BASE64) | SET(IDENTITY), SYNTAX},
    {"=?us-ascii?Q?base=36=34?=", KJ_ENCODING_IDENTITY, SET(BASE64) | SET(IDENTITY), UNKNOWN},
    {"x-base64", KJ_ENCODING_IDENTITY, SET(BASE64) | SET(IDENTITY), UNKNOWN},
    {"rot13", KJ_ENCODING_IDENTITY, SET(IDENTITY), UNKNOWN},
};

static void fields(void **state)
{
    (void)state;
    for (size_t i = 0; i < KJ_COUNT(field_cases); i++) {
        const field_case *c = &field_cases[i];
        print_message("# case %zu\n", i);
        kj_encodings got;
        kj_encoding_read(kj_span_str(c->raw), &got);
        assert_int_equal(got.first, c->first);
        assert_int_equal(got.set, c->set);
        assert_int_equal(got.odd, c->odd);
    }
}

/* A name behind more blanks and comments than anybody keeps. */
static void long_field(void **state)
{
    (void)state;
    kj_buf raw;
    kj_buf_init(&raw, 1 << 20);
    for (size_t i = 0; i < 20000; i++)
        kj_buf_put_text(&raw, i % 2 ? "\r\n " : "(c)");
    kj_buf_put_text(&raw, "base64");
    kj_encodings got;
    kj_encoding_read(kj_buf_span(&raw), &got);
    assert_int_equal(got.first, KJ_ENCODING_BASE64);
    assert_int_equal(got.odd, SYNTAX);
    kj_buf_done(&raw);
}

/* ---- files in texts -------------------------------------------------------------------------- */

/* Files as lines "kind name \"content\"". */
static void list_files(kj_span text, kj_buf *log)
{
    static const char *const kinds[] = {"uu", "base64", "yenc", "binhex"};
    kj_encoded_file file;
    for (size_t at = 0; kj_encoded_next(text, &at, &file);) {
        kj_buf bytes;
        kj_buf name;
        kj_buf_init(&bytes, 1 << 16);
        kj_buf_init(&name, 1 << 10);
        kj_encoded_decode(&file, &bytes, &name);
        kj_buf_printf(log, "%s ", kinds[file.kind]);
        kj_escape(file.name, NULL, log);
        kj_escape(kj_buf_span(&name), NULL, log);
        kj_buf_put_text(log, " \"");
        kj_escape(kj_buf_span(&bytes), NULL, log);
        kj_buf_put_text(log, "\"\n");
        kj_buf_done(&bytes);
        kj_buf_done(&name);
    }
}

typedef struct text_case {
    const char *title;
    const char *text;
    const char *expected;
} text_case;

static const text_case file_cases[] = {
    {"nothing", "begin with the work\nthe end\n", ""},
    {"uuencode", "hello\n\nbegin 644 x.txt\n#0V%T\n`\nend\nbye\n", "uu x.txt \"Cat\"\n"},
    {"a name with blanks, CR LF", "begin 0644 a b.txt\r\n#0V%T\r\n`\r\nend\r\n",
     "uu a b.txt \"Cat\"\n"},
    {"bare CR", "begin 644 x\r#0V%T\r`\rend\r", "uu x \"Cat\"\n"},
    {"blanks in front", " \tbegin 644 x\n#0V%T\n", "uu x \"Cat\"\n"},
    {"no name", "begin 644\n#0V%T\nend", "uu  \"Cat\"\n"},
    {"five digits", "begin 10644 x\n#0V%T\nend", "uu x \"Cat\"\n"},
    {"blanks for the mode", "begin  x\n#0V%T\nend", "uu x \"Cat\"\n"},
    {"no mode", "begin x\n#0V%T\nend", ""},
    {"blanks for the mode, and no data", "begin  x\nM0V%T\nend", ""},
    {"a checksum behind", "begin 644 x\n#0V%T!\nend", "uu x \"Cat\"\n"},
    {"more than the count", "begin 644 x\n#0V%T0V%T0V%T\nend", "uu x \"Cat\"\n"},
    {"lost blanks", "begin 644 x\n&0V%T\n$\nend\n",
     "uu x \"Cat\\x00\\x00\\x00\\x00\\x00\\x00\\x00\"\n"},
    {"lines that are none", "begin 644 x\n\n#0V%T\n\nno data here\n#0V%T\n`\nend\n",
     "uu x \"CatCat\"\n"},
    {"two, the first without end", "begin 644 x\n#0V%T\nbegin 644 y\n#0V%T\nend\n",
     "uu x \"Cat\"\nuu y \"Cat\"\n"},
    {"words", "begin 644 again\nwith the work\n", ""},
    {"not at the start of a line", "> begin 644 x\n#0V%T\nend\n", ""},
    {"xxencode", "begin 644 x\nLG4JgP4wg65Vs65RjQalY64xa64pVOKk+\n+\nend\n",
     "uu x \"Hello, xx world of mail\"\n"},
    {"base64", "begin-base64 644 x\nQ2F0\nQ2F0\n====\nQ2F0\n", "base64 x \"CatCat\"\n"},
    {"base64 without end", "begin-base64 644 x\nQ2F0\n\nbye, bye\n", "base64 x \"Cat\"\n"},
    {"yEnc", "=ybegin line=128 size=3 name=a b.txt\r\nm\x8B\x9E\r\n=yend size=3\r\n",
     "yenc a b.txt \"Cat\"\n"},
    {"a part in yEnc, with escapes, without end",
     "x\n=ybegin part=1 line=128 size=6 name=x\n=ypart begin=1 end=6\nm=\xCB\x9E\n=}\n",
     "yenc x \"Cat\\x13\"\n"},
    {"two in yEnc", "=ybegin name=x\nm\n=ybegin line=1\nm\n=yend\nm\n",
     "yenc x \"C\"\nyenc  \"C\"\n"},
    {"BinHex",
     "(This file must be converted with BinHex 4.0)\n\n:\"@%ZG(Kd!&4&@&4dG(Kd!*!&)3!!!!)!!%0KG"
     "''3#C!!!*!@8P-!!!:\nbye\n",
     "binhex a.txt \"Cataaaaaaaaa\\x90\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00"
     "\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\"\n"},
    {"BinHex without end, bare CR",
     "> (This file must be converted with BinHex 4.0)\r :!!\"849K8G(4i\r G!#3\"3-!N!C$BA3!N!3\r\r",
     "binhex  \"Cat\"\n"},
    {"BinHex that is only spoken of", "You need BinHex for it:\n\nno: x\n", ""},
};

static void check_texts(const text_case *cases, size_t count, void (*list)(kj_span, kj_buf *))
{
    for (size_t i = 0; i < count; i++) {
        print_message("# %s\n", cases[i].title);
        kj_buf log;
        kj_buf_init(&log, 1 << 16);
        list(kj_span_str(cases[i].text), &log);
        assert_string_equal(kj_buf_text(&log), cases[i].expected);
        kj_buf_done(&log);
    }
}

static void files(void **state)
{
    (void)state;
    check_texts(file_cases, KJ_COUNT(file_cases), list_files);
}

/* ---- runs ------------------------------------------------------------------------------------ */

static void list_runs(kj_span text, kj_buf *log)
{
    kj_span run;
    for (size_t at = 0; kj_base64_next_run(text, &at, &run);) {
        kj_escape(run, NULL, log);
        kj_buf_put_text(log, "\n");
    }
}

#define LONG_LINE "WDVPIVAlQEFQWzRcUFpYNTQoUF4pN0NDKTd9JEVJ"

static const text_case run_cases[] = {
    {"a line", "see here:\n\n " LONG_LINE " \n\nbye, bye\n", " " LONG_LINE " \\n\n"},
    {"a line that is too short", "see here:\n\nWDVPIVAlQEFQWzRcUFpYNTQoUF4pN0NDKTd9\n", ""},
    {"two lines, CR LF", "x.\r\nWDVPIVAl\r\nQEFQWzRc\r\n.", "WDVPIVAl\\r\\nQEFQWzRc\\r\\n\n"},
    {"bare CR", "x.\rWDVPIVAl\rQEFQWzRc\r.", "WDVPIVAl\\rQEFQWzRc\\r\n"},
    {"URL-safe", "x.\nWDVP-VAl\nQE_QWzRc\n", "WDVP-VAl\\nQE_QWzRc\\n\n"},
    {"one character a line", "W\nD\nV\nP\nI\nV\nA\nl\nQ\nE\nF\nQ\nW\nz\nR\nc\n",
     "W\\nD\\nV\\nP\\nI\\nV\\nA\\nl\\nQ\\nE\\nF\\nQ\\nW\\nz\\nR\\nc\\n\n"},
    {"two runs", LONG_LINE "\n.\n" LONG_LINE "\n", LONG_LINE "\\n\n" LONG_LINE "\\n\n"},
    {"a word in front", "Hello\n" LONG_LINE "\n", "Hello\\n" LONG_LINE "\\n\n" LONG_LINE "\\n\n"},
    {"data that begins as a word, behind a paragraph", "Hello\n\nWDVP\nIVAl\nQEFQ\nWzRc\nUFpY\n",
     "Hello\\n\\nWDVP\\nIVAl\\nQEFQ\\nWzRc\\nUFpY\\n\n"
     "WDVP\\nIVAl\\nQEFQ\\nWzRc\\nUFpY\\n\nIVAl\\nQEFQ\\nWzRc\\nUFpY\\n\n"},
    {"words", "one\ntwo\nthree\nfour\nfive\nsix\nseven\nEight\nNINE\n", ""},
    {"names, paths, numbers", "src/base/reader\nx-header\nfoo_bar2\n123456789\n2024-10-11\n", ""},
    {"digests", "d41d8cd98f00b204e9800998ecf8427e\nD41D8CD98F00B204E9800998ECF8427E\n", ""},
    {"rules", "________________________________________\n-- \n----------\n==========\n", ""},
};

static void runs(void **state)
{
    (void)state;
    check_texts(run_cases, KJ_COUNT(run_cases), list_runs);
}

/* ---- data: URIs ------------------------------------------------------------------------------ */

static void list_uris(kj_span text, kj_buf *log)
{
    kj_data_uri uri;
    for (size_t at = 0; kj_data_uri_next(text, &at, &uri);) {
        kj_buf bytes;
        kj_buf_init(&bytes, text.len);
        kj_data_uri_decode(&uri, &bytes);
        kj_escape(uri.type, NULL, log);
        kj_buf_put_text(log, " \"");
        kj_escape(kj_buf_span(&bytes), NULL, log);
        kj_buf_put_text(log, "\"\n");
        kj_buf_done(&bytes);
    }
}

static const text_case uri_cases[] = {
    {"none", "<a href=\"javascript:x\">data:</a> the data: one, two <metadata>x:y,z", ""},
    {"base64", "<img src=\"data:image/gif;base64,R0lG\nODlh\">", "image/gif \"GIF89a\"\n"},
    {"no quotes", "<img src=data:image/gif;base64,R0lG>", "image/gif \"GIF\"\n"},
    {"other quotes, any case, parameters", "<a href=' DATA:Text/HTML;charset=utf-8; Base64 ,PGI+'>",
     "Text/HTML \"<b>\"\n"},
    {"percent", "<a href=\"data:,a%20%3Cb%3E%zz 'c'\">", " \"a <b>%zz 'c'\"\n"},
    {"references", "<a href=\"&#100;&#x61;ta&colon;a/b;bas&#101;64&comma;Q2&#x46;0&amp;\">",
     "a/b \"Cat\"\n"},
    {"references without semicolons", "<a href=\"&#x64&#x61&#000116&#97&#58,x&lt;\">", " \"x<\"\n"},
    {"tabs and line ends", "<a href=\"d\na\tt&Tab;a&NewLine;:;base\n64,Q2F0\">", " \"Cat\"\n"},
    {"a fragment", "<a href=\"data:;base64,Q2F0#Q2F0\"><a href='data:,a#b'>",
     " \"Cat\"\n \"a#b\"\n"},
    {"style", "url(data:font/woff;base64,Q2F0) url('data:a/b,x')",
     "font/woff \"Cat\"\na/b \"x\"\n"},
    {"a list", "<img srcset=\"data:a/b,x 1x, data:a/c,y 2x\">",
     "a/b \"x 1x, data:a/c,y 2x\"\n"
     "a/c \"y\"\n"},
    {"a quote that is not closed", "<a href=\"data:,x y 'data:,z", " \"x\"\n \"z\"\n"},
    {"no comma", "<a href=\"data:text/html;base64\"> , <b>", ""},
    {"words that end so", "metadata:a/b,c", "a/b \"c\"\n"},
};

static void uris(void **state)
{
    (void)state;
    check_texts(uri_cases, KJ_COUNT(uri_cases), list_uris);
}

static void markup_is_walked(void **state)
{
    (void)state;
    static const struct {
        const char *format;
        kj_span text;
        const char *expected;
    } cases[] = {
        {"html", BYTES("<html><a href='data:Text/HTML,x'><b a='data:,y'>"),
         "data URI 1 1 text/html \"x\"\ndata URI 2 1 text/plain \"y\"\n"},
        {"svg", BYTES("<svg><image href='data:image/gif;base64,R0lG'/>"),
         "data URI 1 3 image/gif \"GIF\"\n"},
        {"xml", BYTES("<?xml?><x>"), ""},
        {"html", BYTES("\xFF\xFE<\0p\0 \0a\0=\0'\0d\0a\0t\0a\0:\0,\0x\0'\0"),
         "data URI 1 1 text/plain \"x\"\n"},
        {"html", BYTES("\xFE\xFF\0<\0p\0 \0a\0=\0'\0d\0a\0t\0a\0:\0,\0x\0'"),
         "data URI 1 1 text/plain \"x\"\n"},
    };
    for (size_t i = 0; i < KJ_COUNT(cases); i++) {
        print_message("# case %zu\n", i);
        test_sink sink;
        test_sink_init(&sink);
        kj_object object = {.bytes = cases[i].text};
        assert_int_equal(test_walk(&sink, cases[i].format, &object), KJ_OK);
        assert_string_equal(kj_buf_text(&sink.log), cases[i].expected);
        test_sink_done(&sink);
    }
}

/* ---- time ------------------------------------------------------------------------------------ */

/* What is cheap once and dear when every search begins anew. A quadratic search of these takes
 * minutes; the test's time limit finds it. */
static void time_is_linear(void **state)
{
    (void)state;
    static const char *const units[] = {
        "\r",
        "\n",
        "begin ",
        "\rbegin",
        "\rbegin 644 x",
        "BinHex\n",
        "BinHex\n:!\n",
        "begin\r",
        "=ybegin \n",
        "\n=ybegin x\rm",
        "data:",
        "\"data:,x ",
        "'data:,(",
        "&",
        "&#58",
        "data&colon;",
        ":1",
        "data:&",
        "=",
        "= \r",
        "W\r",
        "Word\r\r",
        "begin 644 x\nM\n",
        "\rbegin-base64 1 x\rQ",
    };
    for (size_t i = 0; i < KJ_COUNT(units); i++) {
        print_message("# %zu\n", i);
        kj_buf text;
        kj_buf log;
        kj_buf_init(&text, 1 << 18);
        while (!text.failed)
            kj_buf_put_text(&text, units[i]);
        kj_span s = kj_buf_span(&text);
        kj_encoded_file file;
        kj_span run;
        kj_data_uri uri;
        for (size_t at = 0; kj_encoded_next(s, &at, &file);)
            assert_in_range(at, 1, s.len);
        for (size_t at = 0; kj_base64_next_run(s, &at, &run);)
            assert_in_range(at, 1, s.len);
        for (size_t at = 0; kj_data_uri_next(s, &at, &uri);)
            assert_in_range(at, 1, s.len);
        kj_buf_init(&log, 4 << 20);
        for (kj_encoding e = KJ_ENCODING_BASE64; e < KJ_ENCODING_COUNT; e++)
            for (size_t n = 0; n < kj_encoding_reading_count(e); n++) {
                kj_buf_clear(&log);
                kj_encoding_decode_reading(e, n, s, &log);
                assert_in_range(log.len, 0, s.len);
            }
        kj_buf_done(&log);
        kj_buf_done(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_readings), cmocka_unit_test(nul_in_quoted_printable),
        cmocka_unit_test(other_readings), cmocka_unit_test(readings_are_tested),
        cmocka_unit_test(fields),         cmocka_unit_test(long_field),
        cmocka_unit_test(files),          cmocka_unit_test(runs),
        cmocka_unit_test(uris),           cmocka_unit_test(markup_is_walked),
        cmocka_unit_test(time_is_linear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
