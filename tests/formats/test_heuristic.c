/* SPDX-License-Identifier: Apache-2.0 */
/* The table of heuristics, and what words mean in it. */
#include "formats/heuristic.h"

#include "base/arith.h"
#include "tests/test.h"

static void every_row_is_complete_and_unique(void **state)
{
    (void)state;
    for (size_t i = 0; i < KJ_HEURISTIC_COUNT; i++) {
        const kj_heuristic_row *row = &kj_heuristics[i];
        assert_non_null(row->name);
        assert_int_equal(strncmp(row->name, "Heuristics.", 11), 0);
        const char *dot = strchr(row->name + 11, '.');
        assert_true(dot && dot > row->name + 11 && dot[1] != '\0' && !strchr(dot + 1, '.'));
        assert_non_null(row->sentence);
        assert_true(row->sentence[0] >= 'a' && row->sentence[0] <= 'z');
        assert_true(row->sentence[strlen(row->sentence) - 1] != '.');
        assert_int_equal(kj_heuristic_find(kj_span_str(row->name)), i);
        assert_int_equal(kj_heuristic_find(kj_span_str(row->name + 11)), i);
    }
}

static void words_mean_one_a_group_or_all(void **state)
{
    (void)state;
    static const struct {
        const char *word;
        kj_oddities means;
    } rows[] = {
        {"all", KJ_ODD_ALL},
        {"ALL", KJ_ODD_ALL},
        {"Mail.NoBoundary", KJ_ODD(KJ_ODD_NO_BOUNDARY)},
        {"heuristics.mail.noboundary", KJ_ODD(KJ_ODD_NO_BOUNDARY)},
        {"Heuristics.Heuristics.Mail.NoBoundary", 0},
        {"NoBoundary", 0},
        {"Mail.NoBoundar", 0},
        {"Mail.NoBoundaryy", 0},
        {"Mail.", 0},
        {"Mai", 0},
        {"Heuristics", 0},
        {"Heuristics.", 0},
        {"", 0},
        {".", 0},
    };
    for (size_t i = 0; i < KJ_COUNT(rows); i++)
        assert_true(kj_heuristics_called(kj_span_str(rows[i].word)) == rows[i].means);
    assert_int_equal(kj_heuristic_find((kj_span){0}), KJ_HEURISTIC_COUNT);
    kj_oddities mail = kj_heuristics_called(kj_span_str("mail"));
    assert_true(mail & KJ_ODD(KJ_ODD_HEADER_SYNTAX));
    assert_true(mail & KJ_ODD(KJ_ODD_EXTERNAL_BODY));
    assert_true(mail == kj_heuristics_called(kj_span_str("Heuristics.Mail")));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_complete_and_unique),
        cmocka_unit_test(words_mean_one_a_group_or_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
