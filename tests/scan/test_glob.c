/* SPDX-License-Identifier: Apache-2.0 */
#include "scan/glob.h"

#include "base/arith.h"
#include "tests/test.h"

static void globs_match(void **state)
{
    (void)state;
    static const struct {
        const char *glob;
        const char *text;
        bool matches;
    } cases[] = {
        {"", "", true},
        {"", "a", false},
        {"*", "", true},
        {"*.iso", "a.iso", true},
        {"*.iso", "a.isos", false},
        {"a?c", "abc", true},
        {"a?c", "ac", false},
        {"*a*b*c*", "xxaxxbxxcxx", true},
        {"*a*b*c*", "xxaxxcxxb", false},
        {"[a-c]x", "bx", true},
        {"[a-c]x", "dx", false},
        {"[!a-c]x", "dx", true},
        {"[^a]x", "ax", false},
        {"[]]", "]", true},
        {"[!]]", "]", false},
        {"[", "[", true},
        {"[a", "[a", true},
        {"[a-]", "-", true},
        {"a\\*b", "a*b", true},
        {"a\\*b", "axb", false},
        {"a\\", "a\\", true},
        {"*\xff", "\xfe\xff", true},
        {"a/*", "a/b/c", true},
    };
    for (size_t i = 0; i < KJ_COUNT(cases); i++)
        assert_int_equal(kj_glob_match(kj_span_str(cases[i].glob), kj_span_str(cases[i].text)),
                         cases[i].matches);
}

static void a_slash_asks_for_the_path(void **state)
{
    (void)state;
    assert_true(kj_glob_match_path(kj_span_str("*.iso"), kj_span_str("a/b.d/c.iso")));
    assert_true(kj_glob_match_path(kj_span_str(".git"), kj_span_str("a/.git")));
    assert_false(kj_glob_match_path(kj_span_str("a"), kj_span_str("a/b")));
    assert_true(kj_glob_match_path(kj_span_str("a/*"), kj_span_str("a/b")));
    assert_false(kj_glob_match_path(kj_span_str("b/*"), kj_span_str("a/b")));
}

static void many_stars_are_quick(void **state)
{
    (void)state;
    char glob[200], text[8192];
    for (size_t i = 0; i < sizeof glob; i++)
        glob[i] = i % 2 ? 'a' : '*';
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = 'b';
    assert_false(kj_glob_match(kj_span_of(glob, sizeof glob), kj_span_of(text, sizeof text)));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(globs_match),
        cmocka_unit_test(a_slash_asks_for_the_path),
        cmocka_unit_test(many_stars_are_quick),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
