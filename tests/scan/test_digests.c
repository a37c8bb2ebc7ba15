/* SPDX-License-Identifier: Apache-2.0 */
#include "scan/digests.h"

#include "tests/test.h"

static void only_earlier_walks_are_known(void **state)
{
    (void)state;
    kj_digests digests = {0};
    kj_digest_key key = kj_digest_key_new();
    kj_digest a = kj_digest_of(&key, kj_span_str("a")), b = kj_digest_of(&key, kj_span_str("b"));
    assert_false(kj_digests_has(&digests, &a));
    kj_digests_add(&digests, &a);
    assert_false(kj_digests_has(&digests, &a)); /* twice in one container: told twice */
    kj_digests_settle(&digests);
    assert_true(kj_digests_has(&digests, &a));
    kj_digests_add(&digests, &b);
    kj_digests_add(&digests, &a);
    assert_true(kj_digests_has(&digests, &a));
    assert_false(kj_digests_has(&digests, &b));
    kj_digests_settle(&digests);
    assert_true(kj_digests_has(&digests, &b));
    kj_digests_clear(&digests);
    assert_false(kj_digests_has(&digests, &a));
}

/* Objects inside an ambiguous one may be ambiguous, too, each with walks of its own. */
static void many_walks_cost_no_more_than_their_members(void **state)
{
    (void)state;
    enum { COUNT = 100000 };
    kj_digests digests = {0};
    kj_digest_key key = kj_digest_key_new();
    kj_digest digest;
    for (uint32_t i = 0; i < COUNT; i++) {
        digest = kj_digest_of(&key, kj_span_of(&i, sizeof i));
        assert_false(kj_digests_has(&digests, &digest));
        kj_digests_add(&digests, &digest);
        kj_digests_settle(&digests);
        assert_true(kj_digests_has(&digests, &digest));
    }
    digest.len++;
    assert_false(kj_digests_has(&digests, &digest));
    kj_digests_clear(&digests);
}

/* Every byte, the length and the order count; the key, too, or somebody could look for collisions.
 */
static void digests_tell_contents_apart(void **state)
{
    (void)state;
    uint8_t bytes[40] = {0};
    kj_digest_key key = kj_digest_key_new(), other = kj_digest_key_new();
    for (size_t len = 0; len <= sizeof bytes; len++) {
        kj_digest plain = kj_digest_of(&key, kj_span_of(bytes, len));
        if (len < sizeof bytes)
            assert_true(plain.hash != kj_digest_of(&key, kj_span_of(bytes, len + 1)).hash ||
                        plain.len != len + 1);
        for (size_t i = 0; i < len; i++)
            for (unsigned bit = 0; bit < 8; bit++) {
                bytes[i] ^= (uint8_t)(1U << bit);
                assert_true(kj_digest_of(&key, kj_span_of(bytes, len)).hash != plain.hash);
                bytes[i] = 0;
            }
        assert_true(kj_digest_of(&key, kj_span_of(bytes, len)).hash == plain.hash);
        if (len > 7)
            assert_true(kj_digest_of(&other, kj_span_of(bytes, len)).hash != plain.hash);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_earlier_walks_are_known),
        cmocka_unit_test(digests_tell_contents_apart),
        cmocka_unit_test(many_walks_cost_no_more_than_their_members),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
