/* SPDX-License-Identifier: Apache-2.0 */
#include "base/path.h"

#include "base/arith.h"
#include "tests/test.h"

static void paths_have_a_last_component(void **state)
{
    (void)state;
    const struct {
        const char *path, *base;
    } rows[] = {
        {"a/b.c", "b.c"}, {"C:\\x\\y.exe", "y.exe"}, {"x\\y/z", "z"},
        {"x", "x"},       {"/usr/lib/", ""},         {"", ""},
    };
    for (size_t i = 0; i < KJ_COUNT(rows); i++)
        assert_span(kj_path_base(kj_span_str(rows[i].path)), rows[i].base);
}

static void names_have_a_stem_and_an_extension(void **state)
{
    (void)state;
    const struct {
        const char *name, *stem, *extension;
    } rows[] = {
        {"a.exe", "a", "exe"}, {"a.tar.gz", "a.tar", "gz"}, {"a", "a", ""},
        {"a.", "a", ""},       {".profile", "", "profile"}, {"", "", ""},
    };
    for (size_t i = 0; i < KJ_COUNT(rows); i++) {
        kj_span stem;
        assert_span(kj_path_extension(kj_span_str(rows[i].name), &stem), rows[i].extension);
        assert_span(stem, rows[i].stem);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_have_a_last_component),
        cmocka_unit_test(names_have_a_stem_and_an_extension),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
