/* SPDX-License-Identifier: Apache-2.0 */
#include "base/bits.h"

#include "tests/test.h"

enum { COUNT = 20000 };

static uint32_t draw(uint64_t *state, uint32_t below)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*state >> 33) % below;
}

/* The same members, in the same order, as an array of booleans has. */
static void assert_same(const kj_bits *bits, const bool *wanted)
{
    uint32_t at = kj_bits_next(bits, 0);
    for (uint32_t i = 0; i < COUNT; i++) {
        assert_int_equal(kj_bits_has(bits, i), wanted[i]);
        if (!wanted[i])
            continue;
        assert_int_equal(at, i);
        at = kj_bits_next(bits, at + 1);
    }
    assert_int_equal(at, KJ_BITS_END);
}

static void agrees_with_booleans(void **state)
{
    (void)state;
    uint64_t seed = 7;
    for (unsigned round = 0; round < 20; round++) {
        kj_bits one, two;
        bool first[COUNT] = {false}, second[COUNT] = {false};
        assert_true(kj_bits_init(&one, COUNT) && kj_bits_init(&two, COUNT));
        for (unsigned i = 0; i < round * 9; i++) {
            uint32_t a = draw(&seed, COUNT), b = draw(&seed, COUNT);
            kj_bits_add(&one, a);
            first[a] = true;
            kj_bits_add(&two, i % 3 ? b : a);
            second[i % 3 ? b : a] = true;
        }
        for (uint32_t i = 0; i < COUNT; i += 1 + draw(&seed, 300)) {
            kj_bits_remove(&one, i);
            first[i] = false;
        }
        assert_same(&one, first);
        kj_bits_unite(&one, &two);
        for (uint32_t i = 0; i < COUNT; i++)
            first[i] |= second[i];
        assert_same(&one, first);
        assert_int_equal(kj_bits_any(&two), round > 0);
        kj_bits_clear(&two);
        assert_false(kj_bits_any(&two));
        kj_bits_unite(&two, &one);
        kj_bits_subtract(&two, &one);
        assert_false(kj_bits_any(&two));
        kj_bits_done(&one);
        kj_bits_done(&two);
    }
}

static void edges(void **state)
{
    (void)state;
    static const uint32_t counts[] = {0, 1, 63, 64, 65, 4095, 4096, 4097, 8192};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        kj_bits bits;
        assert_true(kj_bits_init(&bits, counts[i]));
        assert_int_equal(kj_bits_next(&bits, 0), KJ_BITS_END);
        kj_bits_add(&bits, counts[i]); /* no number of this set */
        kj_bits_add(&bits, UINT32_MAX);
        assert_false(kj_bits_any(&bits) || kj_bits_has(&bits, counts[i]));
        if (counts[i]) {
            kj_bits_add(&bits, counts[i] - 1);
            assert_int_equal(kj_bits_next(&bits, 0), counts[i] - 1);
        }
        assert_int_equal(kj_bits_next(&bits, counts[i]), KJ_BITS_END);
        kj_bits_done(&bits);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_booleans),
        cmocka_unit_test(edges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
