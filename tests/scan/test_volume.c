/* SPDX-License-Identifier: Apache-2.0 */
#include "scan/volume.h"

#include "base/arith.h"
#include "tests/test.h"

static void windows_directories_have_two_names(void **state)
{
    (void)state;
    static const struct {
        const char *parent;
        const char *name;
        bool is;
    } cases[] = {
        {"vol", "WINNT", true},
        {"", "windows", true},
        {"", "WinNT", true},
        {"", "WINDOWS.OLD", false},
        {"Microsoft", "Windows", false},
        {"", "window", false},
        {"MICROSOFT", "WINDOWS", false},
        {"", "", false},
    };
    for (size_t i = 0; i < KJ_COUNT(cases); i++)
        assert_int_equal(
            kj_volume_is_windir(kj_span_str(cases[i].parent), kj_span_str(cases[i].name)),
            cases[i].is);
}

static void paths_below_a_windows_directory(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        const char *host;
    } cases[] = {
        {"/mnt/vol/WINNT/SYS32.EXE", "%windir%\\sys32.exe"},
        {"/mnt/vol/Windows/System32/a.DLL", "%windir%\\system32\\a.dll"},
        {"/mnt/windows/disk/WINNT/x", "%windir%\\x"},
        {"/mnt/WINNT", "%windir%"},
        {"/mnt/WINNT/", "%windir%"},
        {"//WINNT//a//b", "%windir%\\a\\b"},
        {"/home/x/AppData/Microsoft/Windows/Start", ""},
        {"/usr/bin/ls", ""},
        {"", ""},
        {"/", ""},
    };
    kj_arena arena;
    kj_arena_init(&arena, 64 << 10);
    for (size_t i = 0; i < KJ_COUNT(cases); i++)
        assert_string_equal(kj_volume_of_path(&arena, kj_span_str(cases[i].path)), cases[i].host);
    kj_arena_done(&arena);
}

static void names_are_joined_in_normal_form(void **state)
{
    (void)state;
    kj_arena arena;
    kj_arena_init(&arena, 64 << 10);
    assert_string_equal(kj_volume_join(&arena, kj_span_str("c:"), kj_span_str("MMINFO.TXT ")),
                        "c:\\mminfo.txt");
    assert_string_equal(kj_volume_join(&arena, (kj_span){0}, kj_span_str("x")), "");
    kj_arena_done(&arena);
    kj_arena_init(&arena, 8);
    assert_null(kj_volume_join(&arena, kj_span_str("c:"), kj_span_str("a long name")));
    kj_arena_done(&arena);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows_directories_have_two_names),
        cmocka_unit_test(paths_below_a_windows_directory),
        cmocka_unit_test(names_are_joined_in_normal_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
