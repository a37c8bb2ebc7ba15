/* SPDX-License-Identifier: Apache-2.0 */
/* What names say that are made to deceive, and names that are not. */
#include "formats/member_name.h"

#include "base/arith.h"
#include "tests/test.h"

#define TEN_BLANKS "          "

static const struct {
    const char *name;
    unsigned facts;
} names[] = {
    {"", 0},
    {"report.pdf", 0},
    {"report.final.pdf", 0},
    {"report (1).pdf", 0},
    {"archive.tar.gz", 0},
    {"x.pdf.zip", 0},
    {"jquery.min.js", KJ_NAME_RUNS},
    {"setup-1.2.exe", KJ_NAME_RUNS},
    {"SETUP.EXE", KJ_NAME_RUNS},
    {"exe", 0},
    {".exe", KJ_NAME_RUNS},
    {"x.exe2", 0},
    {"x.ex", 0},
    {"x.scr", KJ_NAME_RUNS},
    {"x.lnk", KJ_NAME_RUNS},
    {"x.settingcontent-ms", KJ_NAME_RUNS},
    {"x.iso", KJ_NAME_RUNS},
    {"x.pdf.exe", KJ_NAME_RUNS | KJ_NAME_DOUBLE_EXTENSION},
    {"x.PDF.ExE", KJ_NAME_RUNS | KJ_NAME_DOUBLE_EXTENSION},
    {"x.pdf  .exe", KJ_NAME_RUNS | KJ_NAME_DOUBLE_EXTENSION},
    {"x.jpg" TEN_BLANKS ".scr", KJ_NAME_RUNS | KJ_NAME_DOUBLE_EXTENSION | KJ_NAME_BLANKS},
    {"x" TEN_BLANKS "y.txt", KJ_NAME_BLANKS},
    {"x         y.txt", 0}, /* nine */
    {"x\xC2\xA0\xE3\x80\x80\xE2\xA0\x80\xE2\x80\x8B\xE2\x80\x80\xE1\xA0\x8E\xE3\x85\xA4   y.txt",
     KJ_NAME_BLANKS},
    {"x\xE2\x80\xAEtxt.exe", KJ_NAME_RUNS | KJ_NAME_RIGHT_TO_LEFT},
    {"x\xE2\x81\xA7y.txt", KJ_NAME_RIGHT_TO_LEFT},
    {"\xD7\xA9\xE2\x80\x8F.txt", 0},
    {"x.txt.{00021401-0000-0000-C000-000000000046}", KJ_NAME_CLASS_ID},
    {"x.{00021401-0000-0000-c000-000000000046}.", KJ_NAME_CLASS_ID | KJ_NAME_TRAILING_DOTS},
    {"x.{00021401-0000-0000-C000-00000000004}", 0},
    {"x.{00021401-0000-0000-C000-00000000004g}", 0},
    {"x.exe. . ", KJ_NAME_RUNS | KJ_NAME_TRAILING_DOTS},
    {"x.pdf.exe...", KJ_NAME_RUNS | KJ_NAME_TRAILING_DOTS | KJ_NAME_DOUBLE_EXTENSION},
    {"...", KJ_NAME_TRAILING_DOTS},
    {"a\nb.txt", KJ_NAME_NUL},
    {"a\x7F.txt", KJ_NAME_NUL},
    {"../x.exe", KJ_NAME_PATH | KJ_NAME_RUNS},
    {"x.exe/y.txt", KJ_NAME_PATH},
    {"c:\\x.txt", KJ_NAME_PATH},
    {"x.pdf/y.exe", KJ_NAME_PATH | KJ_NAME_RUNS},
    {"x.txt:y.exe", KJ_NAME_PATH | KJ_NAME_RUNS},
    {"\xFF\xFE.exe", KJ_NAME_RUNS},
};

static void names_have_facts(void **state)
{
    (void)state;
    for (size_t i = 0; i < KJ_COUNT(names); i++) {
        unsigned facts = kj_name_facts(kj_span_str(names[i].name));
        if (facts != names[i].facts)
            fail_msg("'%s': %x, not %x", names[i].name, facts, names[i].facts);
    }
}

/* Programs in C see the name end at the NUL, others do not. */
static void nul_ends_a_name(void **state)
{
    (void)state;
    assert_int_equal(kj_name_facts(kj_span_of("x.exe\0.txt", 10)), KJ_NAME_RUNS | KJ_NAME_NUL);
    assert_int_equal(kj_name_facts(kj_span_of("x.txt\0.exe", 10)), KJ_NAME_NUL);
}

static const struct {
    const char *name;
    const char *format;
    bool contradicts;
} formats[] = {
    {"x.jpg", "jpeg", false}, {"x.jpg", "png", false},    {"x.jpg", "pe", true},
    {"x.JPG", "pe", true},    {"x.jpg.exe", "pe", false}, {"x.jpg. ", "pe", true},
    {"x.jpg", "zip", true},   {"x.gif", "data", false},   {"x.gif", NULL, false},
    {"x.pdf", "pdf", false},  {"x.pdf", "html", true},    {"x.doc", "ole", false},
    {"x.doc", "rtf", false},  {"x.doc", "pe", true},      {"x.docx", "zip", false},
    {"x.docx", "ole", false}, {"x.docx", "pe", true},     {"x.txt", "text", false},
    {"x.txt", "html", false}, {"x.txt", "mail", false},   {"x.txt", "pe", true},
    {"x.html", "zip", true},  {"x.zip", "zip", false},    {"x.zip", "rar", true},
    {"x.rar", "rar5", false}, {"x.exe", "pe", false},     {"x.exe", "mz", false},
    {"x.exe", "zip", true},   {"x.com", "text", false},   {"x.unknown", "pe", false},
    {"x", "pe", false},       {"dir/x.png", "pe", true},  {"x.png", "empty", false},
    {"x.msg", "ole", false},  {"x.lnk", "lnk", false},    {"x.lnk", "pe", true},
};

static void names_contradict_formats(void **state)
{
    (void)state;
    for (size_t i = 0; i < KJ_COUNT(formats); i++) {
        const kj_format *format = formats[i].format ? kj_format_find(formats[i].format) : NULL;
        assert_true(format || !formats[i].format);
        if (kj_name_contradicts(kj_span_str(formats[i].name), format) != formats[i].contradicts)
            fail_msg("%s as %s", formats[i].name, formats[i].format);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_have_facts),
        cmocka_unit_test(nul_ends_a_name),
        cmocka_unit_test(names_contradict_formats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
