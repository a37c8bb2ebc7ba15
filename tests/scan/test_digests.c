/* SPDX-License-Identifier: Apache-2.0 */
#include "scan/digests.h"

#include "tests/test.h"

static void only_earlier_walks_are_known(void **state)
{
    (void)state;
    kj_digests digests = {0};
    kj_digest a = kj_digest_of(kj_span_str("a")), b = kj_digest_of(kj_span_str("b"));
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
    kj_digest digest = {.len = 1};
    for (uint32_t i = 0; i < COUNT; i++) {
        kj_hash(KJ_HASH_SHA256, kj_span_of(&i, sizeof i), digest.sha256);
        assert_false(kj_digests_has(&digests, &digest));
        kj_digests_add(&digests, &digest);
        kj_digests_settle(&digests);
        assert_true(kj_digests_has(&digests, &digest));
    }
    digest.len = 2;
    assert_false(kj_digests_has(&digests, &digest));
    kj_digests_clear(&digests);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_earlier_walks_are_known),
        cmocka_unit_test(many_walks_cost_no_more_than_their_members),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
