/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/place.h"

#include "base/arith.h"
#include "tests/test.h"

static void paths_become_places(void **state)
{
    (void)state;
    const struct {
        const char *path, *first; /* of the places; NULL: none */
        size_t count;
    } rows[] = {
        {"%WinDir%\\A.EXE", "%windir%\\a.exe", 1},
        {"%systemroot%/a.exe", "%windir%\\a.exe", 1},
        {"%windir%", "%windir%", 1},
        {"%SystemDir%\\a.exe", "%windir%\\system32\\a.exe", 3},
        {"%AppData%\\a", "c:\\documents and settings\\*\\application data\\a", 4},
        {"%Startup%\\a", "c:\\documents and settings\\*\\start menu\\programs\\startup\\a", 6},
        {"C:\\Windows\\a", "%windir%\\a", 1},
        {"d:\\winnt", "%windir%", 1},
        {"c:\\windows2\\a", "c:\\windows2\\a", 1},
        {"E:\\x\\.\\y. ", "c:\\x\\y", 1},
        {"%nowhere%\\a", NULL, 0},
        {"%", "%", 1},
        {"", NULL, 0},
        {"\\", NULL, 0},
    };
    kj_arena arena;
    kj_arena_init(&arena, 1 << 16);
    for (size_t i = 0; i < KJ_COUNT(rows); i++) {
        kj_span forms[KJ_PLACE_FORMS_MAX];
        assert_int_equal(kj_place_expand(&arena, kj_span_str(rows[i].path), forms), rows[i].count);
        if (rows[i].first)
            assert_span(forms[0], rows[i].first);
    }
    kj_arena_done(&arena);
}

static void variables_are_known_in_any_case(void **state)
{
    (void)state;
    assert_true(kj_place_known(kj_span_str("%PROGRAMFILES%\\a")));
    assert_true(kj_place_known(kj_span_str("c:\\a")));
    assert_true(kj_place_known(kj_span_str("100% sure")));
    assert_false(kj_place_known(kj_span_str("%ProgramFile%\\a")));
}

static void without_memory_there_is_no_place(void **state)
{
    (void)state;
    static const char *const paths[] = {"%SystemDir%\\a", "c:\\windows\\a", "c:\\a"};
    for (size_t i = 0; i < KJ_COUNT(paths); i++)
        for (size_t budget = 0; budget < 256; budget += 16) {
            kj_arena arena;
            kj_span forms[KJ_PLACE_FORMS_MAX];
            kj_arena_init(&arena, budget);
            size_t count = kj_place_expand(&arena, kj_span_str(paths[i]), forms);
            for (size_t k = 0; k < count; k++)
                assert_true(forms[k].len > 0);
            kj_arena_done(&arena);
        }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_become_places),
        cmocka_unit_test(variables_are_known_in_any_case),
        cmocka_unit_test(without_memory_there_is_no_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
