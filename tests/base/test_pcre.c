/* SPDX-License-Identifier: Apache-2.0 */
#include "base/pcre.h"

#include "base/arith.h"
#include "base/buf.h"
#include "tests/test.h"

static kj_pcre *compile(const char *pattern, unsigned options)
{
    kj_pcre *pcre = NULL;
    kj_error err;
    assert_int_equal(kj_pcre_compile(kj_span_str(pattern), options, &pcre, &err), KJ_OK);
    assert_non_null(pcre);
    return pcre;
}

/* Finds from `from` on, up to starts at `last`. */
static kj_pcre_match find(kj_pcre *pcre, const char *subject, size_t from, size_t last)
{
    const kj_pcre_search search = {
        .subject = kj_span_str(subject), .from = from, .last_start = last};
    kj_pcre_match match;
    kj_error err;
    assert_int_equal(kj_pcre_find(pcre, &search, &match, &err), KJ_OK);
    return match;
}

static void finds_with_each_option(void **state)
{
    (void)state;
    static const struct {
        const char *pattern;
        unsigned options;
        const char *subject;
        int start; /* -1: nothing */
        int end;
    } cases[] = {
        {"b+", 0, "abbc", 1, 3},
        {"b+", KJ_PCRE_UNGREEDY, "abbc", 1, 2},
        {"B", 0, "abbc", -1, 0},
        {"B", KJ_PCRE_CASELESS, "abbc", 1, 2},
        {"a.b", 0, "a\nb", -1, 0},
        {"a.b", KJ_PCRE_DOTALL, "a\nb", 0, 3},
        {"^b", 0, "a\nb", -1, 0},
        {"^b", KJ_PCRE_MULTILINE, "a\nb", 2, 3},
        {"a b # c", KJ_PCRE_EXTENDED, "ab", 0, 2},
        {"b", KJ_PCRE_ANCHORED, "ab", -1, 0},
        {"a", KJ_PCRE_ANCHORED, "ab", 0, 1},
        {"b$", 0, "ab\n", 1, 2},
        {"b$", KJ_PCRE_DOLLAR_ENDONLY, "ab\n", -1, 0},
        {"", 0, "", 0, 0},
        {"\xE4", KJ_PCRE_CASELESS, "\xC4", -1, 0},
        {"(a)(b)(c)(?<name>d)\\4", 0, "abcdd", 0, 5},
    };
    for (size_t i = 0; i < KJ_COUNT(cases); i++) {
        kj_pcre *pcre = compile(cases[i].pattern, cases[i].options);
        kj_pcre_match match = find(pcre, cases[i].subject, 0, SIZE_MAX);
        assert_int_equal(match.found, cases[i].start >= 0);
        assert_int_equal(match.found ? (int)match.start : -1, cases[i].start);
        assert_int_equal(match.end, cases[i].end);
        kj_pcre_free(pcre);
    }
}

static void takes_posix_expressions(void **state)
{
    (void)state;
    static const struct {
        const char *pattern;
        const char *subject;
        bool found;
    } cases[] = {
        {"^a[.]b$", "a.b", true},   {"\\d", "d", true},          {"\\d", "5", false},
        {"\\d", "\\5", false},      {"a\\.b", "a.b", true},      {"a\\.b", "axb", false},
        {"[\\]", "a\\b", true},     {"[\\d]", "5", false},       {"[\\d]", "d", true},
        {"[]x]", "]", true},        {"[^]x]", "]x", false},      {"[^]x]", "]y", true},
        {"a.b", "a\nb", true},      {"b$", "ab\n", false},       {"(?i)AB", "ab", true},
        {"a\\\\b", "a\\b", true},   {"[a\\]\\.b", "\\.b", true}, {"^(a|b){2}$", "ab", true},
        {"[[:digit:]]", "5", true}, {"a\\", "a", false},         {"\\(x\\)", "(x)", true},
    };
    for (size_t i = 0; i < KJ_COUNT(cases); i++) {
        kj_pcre *pcre = NULL;
        kj_status status =
            kj_pcre_compile(kj_span_str(cases[i].pattern), KJ_PCRE_POSIX, &pcre, NULL);
        bool found = status == KJ_OK && find(pcre, cases[i].subject, 0, SIZE_MAX).found;
        if (found != cases[i].found)
            fail_msg("%s in %s", cases[i].pattern, cases[i].subject);
        kj_pcre_free(pcre);
    }
}

static void keeps_to_places(void **state)
{
    (void)state;
    kj_pcre *pcre = compile("(?<!x)ab", 0);
    assert_int_equal(find(pcre, "xab ab ab", 0, SIZE_MAX).start, 4);
    assert_int_equal(find(pcre, "xab ab ab", 5, SIZE_MAX).start, 7);
    assert_false(find(pcre, "xab ab ab", 1, 3).found); /* what stands before is seen */
    assert_true(find(pcre, "xab ab ab", 1, 4).found);
    assert_false(find(pcre, "xab ab ab", 5, 6).found);
    assert_false(find(pcre, "xab ab ab", 5, 4).found);
    assert_false(find(pcre, "xab ab ab", 10, SIZE_MAX).found);
    kj_pcre_free(pcre);
}

static void says_what_is_wrong_with_a_pattern(void **state)
{
    (void)state;
    static const struct {
        const char *pattern;
        size_t offset;
    } cases[] = {{"ab(", 3}, {"a[b", 3}, {"*a", 0}, {"(?<a>x)(?<a>y)", 12}, {"(*UTF)a", 6}};
    for (size_t i = 0; i < KJ_COUNT(cases); i++) {
        kj_pcre *pcre = NULL;
        kj_error err;
        assert_int_equal(kj_pcre_compile(kj_span_str(cases[i].pattern), 0, &pcre, &err),
                         KJ_MALFORMED);
        assert_null(pcre);
        assert_true(strlen(err.message) > 5);
        assert_true(err.offset <= strlen(cases[i].pattern));
    }
}

static bool count(void *user, uint64_t steps)
{
    uint64_t *left = user;
    bool enough = steps <= *left;
    *left -= enough ? steps : *left;
    return enough;
}

static kj_status search(const char *pattern, const char *subject, uint64_t *left)
{
    kj_pcre *pcre = compile(pattern, KJ_PCRE_DOTALL);
    kj_pcre_match match;
    const kj_pcre_search all = {
        .subject = kj_span_str(subject), .last_start = SIZE_MAX, .pay = count, .user = left};
    kj_status status = kj_pcre_find(pcre, &all, &match, NULL);
    kj_pcre_free(pcre);
    return status;
}

/* Attempts have a limit each, and all of them together what `pay` gives. */
static void ends(void **state)
{
    (void)state;
    char subject[4001];
    memset(subject, 'a', sizeof subject - 1);
    subject[sizeof subject - 1] = '\0';
    uint64_t left = 10000;
    assert_int_equal(search("a{1,50}[xy]", subject, &left), KJ_CANCELLED);
    left = UINT64_MAX;
    assert_int_equal(search("a{1,50}[xy]", subject, &left), KJ_OK);
    assert_true(UINT64_MAX - left > 4000 && UINT64_MAX - left < 4000 * 60);
    left = UINT64_MAX;
    assert_int_equal(search("(a|aa)+$(?<=b)", subject, &left), KJ_LIMIT);
    left = UINT64_MAX;
    assert_int_equal(search("((a)|b)*[xy]", subject, &left), KJ_LIMIT);
}

/* What is too large with a callout before each item: places are counted instead. */
static void takes_large_patterns(void **state)
{
    (void)state;
    kj_buf pattern;
    kj_buf_init(&pattern, 64 << 10);
    kj_buf_put_text(&pattern, "x(?:");
    for (unsigned i = 0; i < 4500; i++)
        kj_buf_printf(&pattern, "%04x|", i);
    kj_buf_put_text(&pattern, "zz)y # a comment");
    kj_pcre *pcre = compile(kj_buf_text(&pattern), KJ_PCRE_EXTENDED | KJ_PCRE_CASELESS);
    kj_pcre_match match = find(pcre, "..x1193y x10ABY", 0, SIZE_MAX);
    assert_true(match.found);
    assert_int_equal(match.start, 2);
    match = find(pcre, "..x1194y xzzY", 0, SIZE_MAX);
    assert_true(match.found);
    assert_int_equal(match.start, 9);
    match = find(pcre, "..x1194y xzzY", 0, 8);
    assert_false(match.found);
    kj_pcre_free(pcre);

    char subject[4001];
    memset(subject, 'x', sizeof subject - 1);
    memcpy(subject + sizeof subject - 14, "y # a comment", 14); /* or it need not be tried */
    uint64_t left = 10000;
    assert_int_equal(search(kj_buf_text(&pattern), subject, &left), KJ_CANCELLED);
    kj_buf_done(&pattern);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_with_each_option),
        cmocka_unit_test(takes_posix_expressions),
        cmocka_unit_test(keeps_to_places),
        cmocka_unit_test(says_what_is_wrong_with_a_pattern),
        cmocka_unit_test(ends),
        cmocka_unit_test(takes_large_patterns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
