/* SPDX-License-Identifier: Apache-2.0 */
#include "base/span.h"

#include "tests/test.h"

#include <stdlib.h>

/* Letter by letter. */
static size_t slow_find(kj_span s, kj_span needle, size_t from)
{
    for (size_t at = from; at <= s.len && needle.len <= s.len - at; at++)
        if (kj_span_equal(kj_span_sub(s, at, needle.len), needle))
            return at;
    return SIZE_MAX;
}

static void check(kj_span s, kj_span needle, size_t from)
{
    assert_int_equal(kj_span_find(s, needle, from), slow_find(s, needle, from));
}

/* Needles of every length at every place of texts of every length, in blocks of their own so that a
 * sanitizer sees a byte too many. */
static void finds_at_every_place(void **state)
{
    (void)state;
    enum { TEXT = 40, NEEDLE = 20 };
    for (size_t len = 0; len <= TEXT; len++) {
        uint8_t *text = malloc(len + 1);
        assert_non_null(text);
        memset(text, 'a', len);
        for (size_t wanted = 0; wanted <= NEEDLE && wanted <= len; wanted++) {
            uint8_t needle[NEEDLE];
            memset(needle, 'b', sizeof needle);
            for (size_t at = 0; at + wanted <= len; at++) {
                memset(text, 'a', len);
                memcpy(text + at, needle, wanted);
                for (size_t from = 0; from <= len + 1; from++)
                    check(kj_span_of(text, len), kj_span_of(needle, wanted), from);
            }
        }
        free(text);
    }
}

/* Few letters, so that beginnings and ends of the needle stand everywhere. */
static void agrees_with_a_slow_search(void **state)
{
    (void)state;
    enum { ROUNDS = 20000, TEXT = 90 };
    uint8_t text[TEXT];
    srand(1);
    for (unsigned i = 0; i < ROUNDS; i++) {
        size_t len = (size_t)rand() % TEXT, wanted = (size_t)rand() % 20;
        for (size_t j = 0; j < len; j++)
            text[j] = (uint8_t)("ab\x80\xFF\0"[rand() % (2 + (int)(i % 4))]);
        uint8_t needle[20];
        for (size_t j = 0; j < wanted; j++)
            needle[j] = (uint8_t)("ab\x80\xFF\0"[rand() % (2 + (int)(i % 4))]);
        check(kj_span_of(text, len), kj_span_of(needle, wanted), (size_t)rand() % (TEXT / 4));
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_at_every_place),
        cmocka_unit_test(agrees_with_a_slow_search),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
