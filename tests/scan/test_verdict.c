/* SPDX-License-Identifier: Apache-2.0 */
#include "scan/verdict.h"

#include "base/arith.h"
#include "tests/test.h"

static void better_ones_win(void **state)
{
    (void)state;
    static const struct {
        kj_class first;
        const char *first_name;
        kj_class later;
        const char *later_name;
        bool later_wins;
    } cases[] = {
        {KJ_CLASS_EXACT, "W32/A.q@MM", KJ_CLASS_TRUSTED, "Clean", true},
        {KJ_CLASS_TRUSTED, "Clean", KJ_CLASS_EXACT, "W32/A.q@MM", false},
        {KJ_CLASS_FAMILY, "W32/A.gen@MM", KJ_CLASS_EXACT, "W32/A", true},
        {KJ_CLASS_EXACT, "W32/A", KJ_CLASS_FAMILY, "W32/A.q@MM", false},
        {KJ_CLASS_HEURISTIC, "W32/A.q", KJ_CLASS_FAMILY, "rule_name", true},
        {KJ_CLASS_EXACT, "W32/A.gen@MM", KJ_CLASS_EXACT, "W32/A.q@MM", true},
        {KJ_CLASS_EXACT, "W32/A.q@MM", KJ_CLASS_EXACT, "W32/A.gen@MM", false},
        {KJ_CLASS_EXACT, "W32/A.q@MM", KJ_CLASS_EXACT, "W32/B.r@MM", false},
    };
    for (size_t i = 0; i < KJ_COUNT(cases); i++) {
        kj_verdict first = {cases[i].first, kj_span_str(cases[i].first_name)};
        kj_verdict later = {cases[i].later, kj_span_str(cases[i].later_name)};
        assert_int_equal(kj_verdict_beats(&later, &first), cases[i].later_wins);
    }
}

static void what_is_a_detection(void **state)
{
    (void)state;
    assert_false(kj_verdict_is_detection(KJ_CLASS_NONE));
    assert_false(kj_verdict_is_detection(KJ_CLASS_TRUSTED));
    assert_true(kj_verdict_is_detection(KJ_CLASS_HEURISTIC));
    assert_true(kj_verdict_is_detection(KJ_CLASS_EXACT));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(better_ones_win),
        cmocka_unit_test(what_is_a_detection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
