/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fold.h"

#include "base/arith.h"
#include "tests/test.h"

static void paths_are_compared_as_windows_does(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        const char *normal;
    } cases[] = {
        {"C:\\WINNT\\System32\\A.EXE", "c:\\winnt\\system32\\a.exe"},
        {"C:/Winnt//x.exe", "c:\\winnt\\x.exe"},
        {"\\.\\a\\.\\b", "a\\b"},
        {"a\\..\\b", "a\\..\\b"},
        {"trailing. . .\\x.exe. ", "trailing\\x.exe"},
        {"Grüße\\ÄÖÜ", "grüße\\äöü"},
        {"ЖУК\\Ω", "жук\\ω"},
        {"ＡＢＣ", "ａｂｃ"},
        {"", ""},
        {"\\", ""},
        {"\xff\xfe", "\xff\xfe"},
    };
    kj_arena arena;
    kj_arena_init(&arena, 1 << 16);
    for (size_t i = 0; i < KJ_COUNT(cases); i++)
        assert_string_equal(kj_winpath_normalize(&arena, kj_span_str(cases[i].path)),
                            cases[i].normal);
    kj_arena_done(&arena);
}

static void wildcards_stay_in_their_component(void **state)
{
    (void)state;
    static const struct {
        const char *pattern;
        const char *path;
        bool anywhere;
        bool in_component;
    } cases[] = {
        {"c:\\users\\*\\x.exe", "c:\\users\\joe\\x.exe", true, true},
        {"c:\\users\\*\\x.exe", "c:\\users\\joe\\deep\\x.exe", true, false},
        {"a*", "a", true, true},
        {"a*b*c", "axxbyyc", true, true},
        {"a*b*c", "axxbyy", false, false},
        {"*", "", true, true},
        {"*", "a\\b", true, false},
        {"", "", true, true},
        {"", "a", false, false},
        {"abc", "abc", true, true},
        {"abc", "abcd", false, false},
        {"**a", "bba", true, true},
        {"hi my sweet nancy*", "hi my sweet nancy ...", true, true},
        {"*.exe", "x.exe.exe", true, true},
    };
    for (size_t i = 0; i < KJ_COUNT(cases); i++) {
        kj_span pattern = kj_span_str(cases[i].pattern), path = kj_span_str(cases[i].path);
        assert_int_equal(kj_wildcard_match(pattern, path), cases[i].anywhere);
        assert_int_equal(kj_winpath_match(pattern, path), cases[i].in_component);
    }
}

static void hostile_wildcards_end_soon(void **state)
{
    (void)state;
    char pattern[401], text[20001];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    for (size_t i = 0; i < sizeof pattern - 1; i++)
        pattern[i] = i % 2 ? 'a' : '*';
    pattern[sizeof pattern - 2] = 'b';
    pattern[sizeof pattern - 1] = '\0';
    assert_false(kj_wildcard_match(kj_span_str(pattern), kj_span_str(text)));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_are_compared_as_windows_does),
        cmocka_unit_test(wildcards_stay_in_their_component),
        cmocka_unit_test(hostile_wildcards_end_soon),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
