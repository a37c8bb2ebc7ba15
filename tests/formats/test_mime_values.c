/* SPDX-License-Identifier: Apache-2.0 */
/* All values of a boundary, a name, a type: which come, in which order, and what is odd. */
#include "formats/mime.h"

#include "base/arith.h"
#include "base/clock.h"
#include "tests/test.h"

#include <stdio.h>

enum { WANTED_MAX = 6 };

#define CONFLICT KJ_ODD(KJ_ODD_CONFLICTING_BOUNDARY)
#define BOUNDARY KJ_ODD(KJ_ODD_BOUNDARY_SYNTAX)
#define PARAM    KJ_ODD(KJ_ODD_PARAMETER_SYNTAX)
#define NAMES    KJ_ODD(KJ_ODD_CONFLICTING_NAMES)
#define TYPE     KJ_ODD(KJ_ODD_TYPE_SYNTAX)

typedef struct row {
    const char *raw;
    kj_oddities odd;
    const char *first;
    const char *others[WANTED_MAX]; /* in any order; there may be more */
} row;

typedef bool reader(kj_arena *arena, kj_span raw, kj_mime_values *values);

static bool has(const kj_mime_values *values, const char *wanted)
{
    for (size_t i = 0; i < values->count; i++)
        if (kj_span_is(values->items[i], wanted))
            return true;
    return false;
}

static void show(const kj_mime_values *values)
{
    for (size_t i = 0; i < values->count; i++)
        print_message("    %zu: '%.*s'\n", i, (int)values->items[i].len,
                      (const char *)values->items[i].data);
}

static void check_row(const row *r, reader *read)
{
    kj_arena arena;
    kj_arena_init(&arena, 1 << 20);
    kj_mime_values values = {0};
    assert_true(read(&arena, kj_span_str(r->raw), &values));
    bool good =
        values.odd == r->odd && !values.more &&
        (r->first ? values.count && kj_span_is(values.items[0], r->first) : values.count == 0);
    size_t others = 0;
    for (; others < WANTED_MAX && r->others[others]; others++)
        good = good && has(&values, r->others[others]);
    /* What is ordinary has no readings besides. */
    if (!good || (!r->odd && r->first && values.count != 1 + others)) {
        show(&values);
        fail_msg("%s: odd %llx, %zu values", r->raw, (unsigned long long)values.odd, values.count);
    }
    kj_arena_done(&arena);
}

static const row boundaries[] = {
    /* ordinary */
    {"multipart/mixed; boundary=\"simple\"", 0, "simple", {NULL}},
    {"multipart/mixed; boundary=simple", 0, "simple", {NULL}},
    {"multipart/mixed; BOUNDARY=simple;", 0, "simple", {NULL}},
    {"multipart/mixed;\r\n\tboundary=\"----=_NextPart_000\"", 0, "----=_NextPart_000", {NULL}},
    {"multipart/mixed; boundary=----=_Part_1; charset=utf-8", 0, "----=_Part_1", {NULL}},
    {"multipart/mixed (really); boundary=a", 0, "a", {NULL}},
    {"multipart/mixed; charset = \"x\"; boundary=a", 0, "a", {NULL}},
    {"text/plain; charset=utf-8", 0, NULL, {NULL}},
    {"text/plain; charset=\"utf-8", 0, NULL, {NULL}},
    {"", 0, NULL, {NULL}},
    /* quotes */
    {"multipart/mixed; boundary=\"a\" b", PARAM | BOUNDARY, "a", {"a b"}},
    {"multipart/mixed; boundary=a b", PARAM | BOUNDARY, "a b", {"a"}},
    {"multipart/mixed; boundary=\"abc", PARAM | BOUNDARY, "abc", {"\"abc"}},
    {"multipart/mixed; boundary=a\"b\"", PARAM | BOUNDARY, "a\"b\"", {"ab", "a"}},
    {"multipart/mixed; boundary=\"a\\\"b\"",
     CONFLICT | BOUNDARY,
     "a\"b",
     {"a\\\"b", "a\\", "a\\b"}},
    {"multipart/mixed; boundary=\"a\\bc\"", CONFLICT | BOUNDARY, "abc", {"a\\bc"}},
    {"multipart/mixed; boundary='abc'", BOUNDARY, "'abc'", {"abc"}},
    {"multipart/mixed; boundary=\"abc \"", BOUNDARY, "abc ", {"abc"}},
    {"multipart/mixed; boundary=\" abc\"", BOUNDARY, " abc", {"abc"}},
    {"multipart/mixed; boundary=\"a;b\"; x=y", 0, "a;b", {NULL}},
    {"multipart/mixed; boundary=\"\"", BOUNDARY, "", {NULL}},
    {"multipart/mixed; boundary=", PARAM | BOUNDARY, "", {NULL}},
    /* comments */
    {"multipart/mixed; boundary=foo(bar)x",
     PARAM | CONFLICT | BOUNDARY,
     "foo(bar)x",
     {"foo", "foox"}},
    {"multipart/mixed; boundary=\"foo(bar)x\"", CONFLICT | BOUNDARY, "foo(bar)x", {"foox"}},
    {"multipart/mixed; (boundary=a) boundary=b", CONFLICT | BOUNDARY, "b", {"a"}},
    {"multipart/mixed; boundary=(c)b", CONFLICT | BOUNDARY, "b", {"(c)b"}},
    /* several */
    {"multipart/mixed; boundary=a;boundary=b", CONFLICT, "a", {"b"}},
    {"multipart/mixed; boundary=a; boundary=b; boundary=c", CONFLICT, "a", {"b", "c"}},
    {"multipart/mixed; x=\"boundary=a\"; boundary=b", CONFLICT | BOUNDARY, "b", {"a"}},
    {"multipart/mixed; boundary=a,b", PARAM | BOUNDARY, "a,b", {"a"}},
    /* RFC 2231, which Outlook ignores */
    {"multipart/mixed; boundary*0=a; boundary*1=b", BOUNDARY, "ab", {"a"}},
    {"multipart/mixed; boundary*1=b; boundary*0=a", BOUNDARY, "ab", {"ba"}},
    {"multipart/mixed; boundary*0*=''%61; boundary*1=b", BOUNDARY, "ab", {"''%61b"}},
    {"multipart/mixed; boundary*=us-ascii'en'a%20b",
     CONFLICT | BOUNDARY,
     "a b",
     {"a%20b", "us-ascii'en'a%20b"}},
    {"multipart/mixed; boundary=x; boundary*=''y", CONFLICT | BOUNDARY, "y", {"x"}},
    /* encoded words */
    {"multipart/mixed; boundary==?us-ascii?Q?a=62?=",
     CONFLICT | BOUNDARY,
     "=?us-ascii?Q?a=62?=",
     {"ab"}},
    {"multipart/mixed; boundary=\"=?us-ascii?B?YWI=?=\"",
     CONFLICT | BOUNDARY,
     "=?us-ascii?B?YWI=?=",
     {"ab"}},
    {"multipart/mixed; =?us-ascii?Q?boundary?==x", PARAM, "x", {NULL}},
    /* between parameters */
    {"multipart/mixed; boundary = x", BOUNDARY, "x", {NULL}},
    {"multipart/mixed; boundary *=x", PARAM, "x", {NULL}},
    {"multipart/mixed boundary=x", PARAM, "x", {NULL}},
    {"multipart/mixed, boundary=x", PARAM, "x", {NULL}},
    {"multipart/mixed;; boundary=x", PARAM, "x", {NULL}},
    {"multipart/mixed; charset=utf-8 boundary=x", PARAM, "x", {NULL}},
    /* folds, bytes */
    {"multipart/mixed; boundary=\"ab\r\n cd\"", CONFLICT | BOUNDARY, "ab cd", {"abcd", "ab"}},
    {"multipart/mixed; boundary=\"ab\r\n\tcd\"", CONFLICT | BOUNDARY, "ab\tcd", {"abcd", "ab cd"}},
    {"multipart/mixed; boundary=\"a\xE9\"", BOUNDARY, "a\xE9", {NULL}},
};

static void boundaries_have_all_readings(void **state)
{
    (void)state;
    for (size_t i = 0; i < KJ_COUNT(boundaries); i++)
        check_row(&boundaries[i], kj_mime_boundaries);
}

static void nul_cuts_a_boundary(void **state)
{
    (void)state;
    static const char raw[] = "multipart/mixed; boundary=\"a\0b\"";
    kj_arena arena;
    kj_arena_init(&arena, 1 << 20);
    kj_mime_values values = {0};
    assert_true(kj_mime_boundaries(&arena, kj_span_of(raw, sizeof raw - 1), &values));
    assert_true(kj_span_equal(values.items[0], kj_span_of("a\0b", 3)));
    assert_true(has(&values, "a"));
    assert_true(has(&values, "ab"));
    assert_true(values.odd & BOUNDARY);
    kj_arena_done(&arena);
}

static void a_long_boundary_is_odd_and_cut(void **state)
{
    (void)state;
    char raw[200];
    char cut[71];
    memset(cut, 'x', 70);
    cut[70] = '\0';
    (void)snprintf(raw, sizeof raw, "multipart/mixed; boundary=%s", cut);
    check_row(&(row){raw, 0, cut, {NULL}}, kj_mime_boundaries);
    char longer[72];
    memset(longer, 'x', 71);
    longer[71] = '\0';
    (void)snprintf(raw, sizeof raw, "multipart/mixed; boundary=%s", longer);
    check_row(&(row){raw, BOUNDARY, longer, {cut}}, kj_mime_boundaries);
}

static const row names[] = {
    /* ordinary */
    {"attachment; filename=\"a b.pdf\"", 0, "a b.pdf", {NULL}},
    {"attachment; filename=a.pdf; size=12", 0, "a.pdf", {NULL}},
    {"attachment;\r\n\tfilename=\r\n\t\"a (1).pdf\"", 0, "a (1).pdf", {NULL}},
    {"attachment; filename=\"=?iso-8859-1?Q?na=EFve?= =?iso-8859-1?Q?.zip?=\"",
     0,
     "na\xC3\xAFve.zip",
     {NULL}},
    {"attachment; filename=\"=?utf-8?B?w6k=?=\r\n =?utf-8?Q?.zip?=\"", 0, "\xC3\xA9.zip", {NULL}},
    {"attachment; filename=\"=?utf-8?Q?=C3?= =?utf-8?Q?=A9.zip?=\"", 0, "\xC3\xA9.zip", {NULL}},
    {"attachment; filename*=UTF-8''%C3%A9.zip; filename=\"=?utf-8?Q?=C3=A9.zip?=\"",
     0,
     "\xC3\xA9.zip",
     {NULL}},
    {"attachment; filename*=UTF-8''%C3%A9.zip; filename=\"e.zip\"", 0, "\xC3\xA9.zip", {"e.zip"}},
    {"attachment; filename*0=\"a\"; filename*1=\".zip\"", 0, "a.zip", {NULL}},
    {"attachment; filename*0*=utf-8''a%20;\r\n filename*1=\"b\";\r\n filename*2*=%2Ezip",
     0,
     "a b.zip",
     {NULL}},
    {"attachment; filename=\"caf\xC3\xA9.zip\"", 0, "caf\xC3\xA9.zip", {"caf\xC3\x83\xC2\xA9.zip"}},
    {"attachment; filename=\"caf\xE9.zip\"", 0, "caf\xC3\xA9.zip", {NULL}},
    {"attachment; filename=\"a%20b.zip\"", 0, "a%20b.zip", {"a b.zip"}},
    {"attachment; filename=\"=?utf-7?Q?+AGE-.zip?=\"", 0, "a.zip", {NULL}},
    {"attachment; filename*=utf-7''+AGE-.zip", 0, "a.zip", {NULL}},
    {"attachment; filename=\"=?x-none?Q?a.zip?=\"", 0, "a.zip", {NULL}},
    {"attachment; filename=\"\"", 0, NULL, {NULL}},
    {"attachment", 0, NULL, {NULL}},
    {"attachment; x-filename=a", 0, NULL, {NULL}},
    /* several that differ */
    {"attachment; filename*=UTF-8''a.exe; filename=\"a.txt\"", NAMES, "a.exe", {"a.txt"}},
    {"attachment; filename=\"a.txt\"; filename=\"a.exe\"", NAMES | PARAM, "a.txt", {"a.exe"}},
    {"attachment; filename=\"a.txt\"; filename*0=\"b\"; filename*1=\".exe\"",
     NAMES,
     "b.exe",
     {"a.txt"}},
    /* syntax */
    {"attachment; filename=a b.exe", PARAM, "a b.exe", {"a"}},
    {"attachment; filename=\"a.exe", PARAM, "a.exe", {NULL}},
    {"attachment; filename=a;b.exe", PARAM, "a", {"a;b.exe"}},
    {"attachment; filename=(c)a.exe", PARAM | NAMES, "a.exe", {"(c)a.exe"}},
    {"attachment; filename=a(c).exe", PARAM | NAMES, "a(c).exe", {"a.exe"}},
    {"attachment filename=a.exe", PARAM, "a.exe", {NULL}},
    {"attachment; filename*1=\".exe\"; filename*0=\"a\"", PARAM, "a.exe", {".exea"}},
    {"attachment; filename*0=\"a\"; filename*2=\".exe\"", PARAM, "a", {"a.exe"}},
    {"attachment; filename=\"a.txt\r\n .exe\"", PARAM | NAMES, "a.txt .exe", {"a.txt.exe"}},
    {"attachment; filename=\"a\\\"b.exe\"", PARAM | NAMES, "a\"b.exe", {"a\\b.exe"}},
    {"attachment; filename*=utf-8''a.txt%0A.lnk",
     PARAM | NAMES,
     "a.txt\n.lnk",
     {"a.txt.lnk", "a.txt"}},
    {"attachment; filename=\"=?utf-8?Q?a.txt=0A.lnk?=\"",
     PARAM | NAMES,
     "a.txt\n.lnk",
     {"a.txt.lnk", "a.txt"}},
    {"attachment; filename*00=\"a\"; filename*01=\".exe\"", PARAM, "a.exe", {NULL}},
    {"attachment; filename=\"=?utf-8?X?a.exe?=\"", PARAM, "=?utf-8?X?a.exe?=", {NULL}},
};

static bool filenames(kj_arena *arena, kj_span raw, kj_mime_values *values)
{
    return kj_mime_names(arena, raw, "filename", values);
}

static void names_have_all_readings(void **state)
{
    (void)state;
    for (size_t i = 0; i < KJ_COUNT(names); i++)
        check_row(&names[i], filenames);
}

/* A name and a filename that are the same are one. */
static void fields_are_joined(void **state)
{
    (void)state;
    kj_arena arena;
    kj_arena_init(&arena, 1 << 20);
    kj_mime_values values = {0};
    kj_span disposition = kj_span_str("attachment; filename=\"a.txt\"");
    assert_true(kj_mime_names(&arena, disposition, "filename", &values));
    assert_true(kj_mime_names(&arena, kj_span_str("text/plain; name=a.txt"), "name", &values));
    assert_int_equal(values.count, 1);
    assert_int_equal(values.odd, 0);
    assert_true(kj_mime_names(&arena, kj_span_str("text/plain; name=a.exe"), "name", &values));
    assert_int_equal(values.count, 2);
    assert_int_equal(values.odd, NAMES);
    kj_arena_done(&arena);
}

static const row types[] = {
    {"text/plain", 0, "text/plain", {NULL}},
    {"Text/HTML; charset=utf-8", 0, "text/html", {NULL}},
    {"text/plain (a comment); x=y", 0, "text/plain", {NULL}},
    {" text/plain ;x=y", 0, "text/plain", {NULL}},
    {"text", 0, NULL, {NULL}},
    {"", 0, NULL, {NULL}},
    {"; charset=us-ascii", 0, NULL, {NULL}},
    {"x-foo", TYPE, NULL, {NULL}},
    {"multipart; boundary=a", TYPE, "multipart/mixed", {NULL}},
    {"; multipart/mixed; boundary=a", TYPE, "multipart/mixed", {NULL}},
    {"multipart/mixed boundary=a", TYPE, "multipart/mixed", {NULL}},
    {"text/plain, multipart/mixed", TYPE, "text/plain", {"multipart/mixed"}},
    {"text/plain multipart/mixed", TYPE, "text/plain", {"multipart/mixed"}},
    {"multipart / mixed", TYPE, "multipart/mixed", {NULL}},
    {"multi(c)part/mixed", TYPE, "part/mixed", {"multipart/mixed"}},
    {"multipart/(c)mixed", TYPE, "multipart/mixed", {NULL}},
    {"\"multipart/mixed\"; boundary=a", TYPE, "multipart/mixed", {NULL}},
    {"=?us-ascii?Q?multipart/mixed?=; boundary=a", TYPE, "multipart/mixed", {NULL}},
    {"multipart//mixed", TYPE, "multipart/mixed", {NULL}},
    {"multipart/mixed/x", TYPE, "multipart/mixed", {"mixed/x"}},
    {"multi\r\n part/mixed", TYPE, "multipart/mixed", {NULL}},
    {"Content-Type: multipart/mixed; boundary=a", TYPE, "multipart/mixed", {NULL}},
};

static void types_have_all_readings(void **state)
{
    (void)state;
    for (size_t i = 0; i < KJ_COUNT(types); i++)
        check_row(&types[i], kj_mime_types);
}

/* ---- bounds --------------------------------------------------------------------------------- */

/* Reads a field of `count` pieces, numbered, between a beginning and an end, each way. The time is
 * what a slow machine needs under sanitizers; quadratic readings need hours. */
static void read_long(const char *before_number, const char *behind, size_t count,
                      kj_mime_values *out, kj_arena *arena)
{
    kj_buf raw;
    kj_buf_init(&raw, 8 << 20);
    kj_buf_put_text(&raw, "multipart/mixed");
    for (size_t i = 0; i < count; i++)
        kj_buf_printf(&raw, "%s%zu%s", before_number, i, behind);
    kj_buf_put_text(&raw, "; boundary=last");
    assert_false(raw.failed);
    uint64_t start = kj_clock_ns();
    kj_mime_values names_of_it = {0};
    kj_mime_values types_of_it = {0};
    assert_true(kj_mime_boundaries(arena, kj_buf_span(&raw), out));
    assert_true(kj_mime_names(arena, kj_buf_span(&raw), "filename", &names_of_it));
    assert_true(kj_mime_types(arena, kj_buf_span(&raw), &types_of_it));
    assert_true(kj_clock_ns() - start < UINT64_C(5000000000));
    kj_buf_done(&raw);
}

static void long_fields_are_cut(void **state)
{
    (void)state;
    static const struct {
        const char *before;
        const char *behind;
    } pieces[] = {
        {"; boundary=b", ""},
        {"; x", "=y"},
        {"; boundary*", "=b"},
        {"; boundary*", "*=%41"},
        {"; boundary=\"", ""},
        {"; filename=\"", ""},
        {"(boundary=", ""},
        {"=?utf-8?Q?boundary=", ""},
        {"\\\"'", ""},
        {"\r\n boundary=", ""},
        {"; boundary=\"a\\", ""},
        {"=?a", "?B?boundary=b?="},
    };
    for (size_t i = 0; i < KJ_COUNT(pieces); i++) {
        kj_arena arena;
        kj_arena_init(&arena, 4 << 20);
        kj_mime_values values = {0};
        read_long(pieces[i].before, pieces[i].behind, 100000, &values, &arena);
        assert_true(values.more);
        assert_true(arena.used < 1 << 20);
        kj_arena_done(&arena);
    }
}

/* The last one counts for Apple Mail, however far behind it stands. */
static void the_last_of_100000_is_seen(void **state)
{
    (void)state;
    kj_arena arena;
    kj_arena_init(&arena, 4 << 20);
    kj_mime_values values = {0};
    read_long("; boundary=b", "", 100000, &values, &arena);
    assert_span(values.items[0], "b0");
    assert_true(has(&values, "last"));
    values = (kj_mime_values){0};
    read_long("; x", "=y", 100000, &values, &arena);
    assert_true(has(&values, "last"));
    kj_arena_done(&arena);
}

static void without_memory_it_says_so(void **state)
{
    (void)state;
    kj_span raw = kj_span_str("multipart/mixed; boundary=abcdefghijklmnopqrstuvwxyz");
    kj_arena arena;
    kj_arena_init(&arena, 8);
    kj_mime_values values = {0};
    assert_false(kj_mime_boundaries(&arena, raw, &values));
    assert_false(kj_mime_types(&arena, raw, &values));
    kj_arena_done(&arena);
}

/* ---- charsets ------------------------------------------------------------------------------- */

#define BYTES(text) (text), sizeof(text) - 1

static const struct {
    const char *charset;
    const char *bytes;
    size_t len;
    const char *text;
} charsets[] = {
    {"UTF-8", BYTES("\xC3\xA9"), "\xC3\xA9"},
    {"utf_8", BYTES("\xC3\xA9"), "\xC3\xA9"},
    {"unknown", BYTES("\xE9"), "\xC3\xA9"},
    {"", BYTES("\xE9"), "\xC3\xA9"},
    {"latin1", BYTES("\x80"), "\xE2\x82\xAC"},
    {"ISO_8859-15", BYTES("\xA4"), "\xE2\x82\xAC"},
    {"cp1251", BYTES("\xE0"), "\xD0\xB0"},
    {"windows-1251", BYTES("\xE0"), "\xD0\xB0"},
    {"x-cp1251", BYTES("\xE0"), "\xD0\xB0"},
    {"cp936", BYTES("\xC4\xE3"), "\xE4\xBD\xA0"},
    {"gb2312", BYTES("\xC4\xE3"), "\xE4\xBD\xA0"},
    {"hz-gb-2312", BYTES("a~{Dc~}b~~"),
     "a\xE4\xBD\xA0"
     "b~"},
    {"x-sjis", BYTES("\x82\xA0"), "\xE3\x81\x82"},
    {"utf-7", BYTES("a+AGE-b"), "aab"},
    {"utf-7", BYTES("+AGE.exe"), "a.exe"},
    {"utf-7", BYTES("a+-b+ c"), "a+b+ c"},
    {"utf-7", BYTES("+ZeVnLIqe-"), "\xE6\x97\xA5\xE6\x9C\xAC\xE8\xAA\x9E"},
    {"utf-16",
     BYTES("\xFF\xFE"
           "a\0"),
     "a"},
    {"utf-16", BYTES("\xFE\xFF\0a"), "a"},
    {"utf-16", BYTES("a\0b\0"), "ab"},
    {"utf-16", BYTES("\0a\0b"), "ab"},
    {"utf-16be", BYTES("\0a"), "a"},
    {"utf-32", BYTES("\0\0\0a"), "a"},
    {"utf-32le", BYTES("a\0\0\0"), "a"},
    {"ibm037", BYTES("\x81\x4B\x85"), "a.e"},
    {"cp500", BYTES("\x81\x4B\x85"), "a.e"},
    {"IBM01140", BYTES("\x81\x4B\x85"), "a.e"},
    {"x-mac-cyrillic", BYTES("\xE0"), "\xD0\xB0"},
    {"iso-8859-11", BYTES("\xA1"), "\xE0\xB8\x81"},
};

static void charsets_become_utf8(void **state)
{
    (void)state;
    for (size_t i = 0; i < KJ_COUNT(charsets); i++) {
        kj_buf out;
        kj_buf_init(&out, 1024);
        kj_charset_to_utf8(kj_span_str(charsets[i].charset),
                           kj_span_of(charsets[i].bytes, charsets[i].len), &out);
        if (!kj_span_is(kj_buf_span(&out), charsets[i].text))
            fail_msg("%s, row %zu: '%s'", charsets[i].charset, i, kj_buf_text(&out));
        kj_buf_done(&out);
    }
}

static void charsets_know_whether_ascii_is_ascii(void **state)
{
    (void)state;
    static const char *const others[] = {"utf-7",  "UTF-16", "utf-16le", "utf-32", "hz-gb-2312",
                                         "cp1047", "ibm037", "x-cp1200", "65000"};
    static const char *const supersets[] = {"",       "utf-8", "us-ascii",    "iso-2022-jp",
                                            "gb2312", "cp932", "nobody-knows"};
    for (size_t i = 0; i < KJ_COUNT(others); i++)
        assert_false(kj_charset_is_ascii_superset(kj_span_str(others[i])));
    for (size_t i = 0; i < KJ_COUNT(supersets); i++)
        assert_true(kj_charset_is_ascii_superset(kj_span_str(supersets[i])));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(boundaries_have_all_readings),
        cmocka_unit_test(nul_cuts_a_boundary),
        cmocka_unit_test(a_long_boundary_is_odd_and_cut),
        cmocka_unit_test(names_have_all_readings),
        cmocka_unit_test(fields_are_joined),
        cmocka_unit_test(types_have_all_readings),
        cmocka_unit_test(long_fields_are_cut),
        cmocka_unit_test(the_last_of_100000_is_seen),
        cmocka_unit_test(without_memory_it_says_so),
        cmocka_unit_test(charsets_become_utf8),
        cmocka_unit_test(charsets_know_whether_ascii_is_ascii),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
