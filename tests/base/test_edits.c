/* SPDX-License-Identifier: Apache-2.0 */
#include "base/edits.h"
#include "tests/test.h"

#include <stdlib.h>

enum { BUDGET = 1 << 20, FILE_MAX = 4096 };

static kj_span span(const char *text)
{
    return kj_span_str(text);
}

/* The bytes after the edits, by the definition. Returns the length. */
static size_t apply(kj_span before, kj_edits edits, char *out)
{
    size_t at = 0, len = 0;
    for (size_t i = 0; i < edits.count; i++) {
        const kj_edit *edit = &edits.items[i];
        assert_true(kj_span_equal(kj_span_sub(before, (size_t)edit->offset, edit->before.len),
                                  edit->before));
        for (; at < edit->offset; at++)
            out[len++] = (char)before.data[at];
        for (size_t k = 0; k < edit->after.len; k++)
            out[len++] = (char)edit->after.data[k];
        at += edit->before.len;
    }
    for (; at < before.len; at++)
        out[len++] = (char)before.data[at];
    return len;
}

static const struct {
    const char *before;
    const char *after;
    size_t gap;
    size_t count;
    size_t changed;
} cases[] = {
    {"", "", 4, 0, 0},
    {"same", "same", 4, 0, 0},
    {"abcdef", "abXdef", 4, 1, 1},
    {"abcdefgh", "aXcdefXh", 4, 2, 2}, /* four equal bytes between them part two runs */
    {"abcdefgh", "aXcdefXh", 5, 1, 2},
    {"abcdefgh", "aXcXefgh", 2, 1, 2},
    {"abc", "abcdef", 4, 1, 3}, /* grows */
    {"abcdef", "abc", 4, 1, 3}, /* shrinks */
    {"abcdef", "", 4, 1, 6},
    {"", "abc", 4, 1, 3},
    {"abXd", "abYde", 4, 1, 2}, /* a run near the end takes the growth in */
    {"aXcdefghij", "aYcdefghijk", 4, 2, 2},
};

static void test_between(void **in)
{
    (void)in;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        kj_arena arena;
        kj_arena_init(&arena, BUDGET);
        kj_edits edits, back;
        kj_span before = span(cases[i].before), after = span(cases[i].after);
        assert_int_equal(kj_edits_between(&arena, before, after, cases[i].gap, &edits, NULL),
                         KJ_OK);
        assert_int_equal(edits.count, cases[i].count);
        assert_int_equal(kj_edits_changed(edits), cases[i].changed);
        assert_true(kj_edits_valid(edits, before.len));
        assert_int_equal(kj_edits_size_after(edits, before.len), after.len);
        char out[64];
        assert_int_equal(apply(before, edits, out), after.len);
        assert_memory_equal(out, after.data, after.len);
        assert_int_equal(kj_edits_reverse(&arena, edits, &back, NULL), KJ_OK);
        assert_true(kj_edits_valid(back, after.len));
        assert_int_equal(apply(after, back, out), before.len);
        assert_memory_equal(out, before.data, before.len);
        kj_arena_done(&arena);
    }
}

/* Random pairs, near each other and not, against the definition. */
static void test_random_pairs(void **in)
{
    (void)in;
    unsigned seed = 7;
    for (int round = 0; round < 2000; round++) {
        uint8_t before[FILE_MAX], after[FILE_MAX];
        size_t len = (size_t)rand_r(&seed) % 300, other = len;
        for (size_t i = 0; i < len; i++)
            before[i] = after[i] = (uint8_t)rand_r(&seed);
        if (round % 3 == 0)
            other = (size_t)rand_r(&seed) % 300;
        for (size_t i = len; i < other; i++)
            after[i] = (uint8_t)rand_r(&seed);
        for (int k = rand_r(&seed) % 8; other && k > 0; k--)
            after[(size_t)rand_r(&seed) % other] ^= (uint8_t)(1 + rand_r(&seed) % 255);
        kj_arena arena;
        kj_arena_init(&arena, BUDGET);
        kj_edits edits;
        char out[FILE_MAX];
        assert_int_equal(kj_edits_between(&arena, kj_span_of(before, len), kj_span_of(after, other),
                                          (size_t)(round % 10), &edits, NULL),
                         KJ_OK);
        assert_true(kj_edits_valid(edits, len));
        assert_int_equal(apply(kj_span_of(before, len), edits, out), other);
        assert_memory_equal(out, after, other);
        kj_arena_done(&arena);
    }
}

static void test_what_is_no_list_of_edits(void **in)
{
    (void)in;
    kj_span two = span("ab"), three = span("abc");
    const kj_edit backwards[] = {{10, two, two}, {5, two, two}};
    const kj_edit overlapping[] = {{5, three, three}, {7, two, two}};
    const kj_edit beyond[] = {{19, two, two}};
    const kj_edit far[] = {{UINT64_MAX, two, two}};
    const kj_edit longer_inside[] = {{3, two, three}};
    const kj_edit longer_at_end[] = {{18, two, three}};
    assert_false(kj_edits_valid((kj_edits){backwards, 2}, 20));
    assert_false(kj_edits_valid((kj_edits){overlapping, 2}, 20));
    assert_false(kj_edits_valid((kj_edits){beyond, 1}, 20));
    assert_false(kj_edits_valid((kj_edits){far, 1}, 20));
    assert_false(kj_edits_valid((kj_edits){longer_inside, 1}, 20));
    assert_true(kj_edits_valid((kj_edits){longer_at_end, 1}, 20));
    assert_int_equal(kj_edits_size_after((kj_edits){longer_at_end, 1}, 20), 21);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_between),
        cmocka_unit_test(test_random_pairs),
        cmocka_unit_test(test_what_is_no_list_of_edits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
