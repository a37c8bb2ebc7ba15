/* SPDX-License-Identifier: Apache-2.0 */
#include "base/diag.h"

#include "tests/test.h"

static kj_arena arena;
static kj_diags diags;

static int set_up(void **state)
{
    (void)state;
    kj_arena_init(&arena, 1 << 20);
    kj_diags_init(&diags, &arena);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    kj_diags_done(&diags);
    kj_arena_done(&arena);
    return 0;
}

static void assert_printed(const char *wanted)
{
    kj_buf out;
    kj_buf_init(&out, 1 << 16);
    kj_diag_print(&diags.list.items[diags.list.count - 1], false, &out);
    assert_string_equal(kj_buf_text(&out), wanted);
    kj_buf_done(&out);
}

static void shows_line_caret_and_hint(void **state)
{
    (void)state;
    const kj_source source = {"x.yaml", kj_span_str("one: 1\n  page: {sise: 7178}\nthree: 3\n")};
    kj_diag_add(&diags, KJ_ERROR, &source, 16, 4, "did you mean 'size'?", "unknown key '%s'",
                "sise");
    assert_printed("x.yaml:2:10: error: unknown key 'sise'\n"
                   "    2 |   page: {sise: 7178}\n"
                   "      |          ^~~~\n"
                   "      = hint: did you mean 'size'?\n");
    assert_int_equal(diags.errors, 1);
}

static void counts_columns_in_characters_and_cells(void **state)
{
    (void)state;
    const kj_source source = {"ja.yaml", kj_span_str("感染症状: x\n")};
    kj_diag_add(&diags, KJ_WARNING, &source, 14, 1, NULL, "odd");
    assert_printed("ja.yaml:1:7: warning: odd\n"
                   "    1 | 感染症状: x\n"
                   "      |           ^\n");
}

static void survives_odd_places(void **state)
{
    (void)state;
    const kj_source source = {"a\nb", kj_span_of("\x1b[31mx\ty", 8)};
    kj_diag_add(&diags, KJ_ERROR, &source, SIZE_MAX, 1, NULL, "whole file");
    assert_printed("a\\nb: error: whole file\n");
    kj_diag_add(&diags, KJ_ERROR, &source, 8, 100, NULL, "at the end");
    assert_printed("a\\nb:1:9: error: at the end\n"
                   "    1 | .[31mx y\n"
                   "      |         ^\n");
    kj_diag_add(&diags, KJ_NOTE, NULL, 0, 0, NULL, "nowhere");
    assert_printed("note: nowhere\n");
}

static void parts_of_a_source_know_their_line(void **state)
{
    (void)state;
    const kj_source source = {"x.ndb", kj_span_str("A:0:*"), 41};
    const kj_source empty = {"x.ndb", {0}, 42};
    kj_diag_add(&diags, KJ_WARNING, &source, 4, 1, NULL, "odd");
    assert_printed("x.ndb:41:5: warning: odd\n"
                   "   41 | A:0:*\n"
                   "      |     ^\n");
    kj_diag_add(&diags, KJ_WARNING, &empty, 0, 1, NULL, "empty");
    assert_printed("x.ndb:42:1: warning: empty\n"
                   "   42 | \n"
                   "      | ^\n");
}

static void collects_no_more_than_its_maximum(void **state)
{
    (void)state;
    for (int i = 0; i < KJ_DIAGS_MAX + 50; i++)
        kj_diag_add(&diags, KJ_ERROR, NULL, 0, 0, NULL, "again");
    assert_int_equal(diags.list.count, KJ_DIAGS_MAX);
    assert_int_equal(diags.errors, KJ_DIAGS_MAX + 50);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(shows_line_caret_and_hint, set_up, tear_down),
        cmocka_unit_test_setup_teardown(counts_columns_in_characters_and_cells, set_up, tear_down),
        cmocka_unit_test_setup_teardown(survives_odd_places, set_up, tear_down),
        cmocka_unit_test_setup_teardown(parts_of_a_source_know_their_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(collects_no_more_than_its_maximum, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
