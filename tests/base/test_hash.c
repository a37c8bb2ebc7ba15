/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"

#include "base/crc32.h"
#include "base/crc32c.h"
#include "base/text.h"
#include "tests/test.h"

/* Sources: RFC 1321 A.5, FIPS 180-4 examples, RFC 3720 B.4. */
static void digests_are_the_published_ones(void **state)
{
    (void)state;
    static const struct {
        kj_hash_kind kind;
        const char *text;
        const char *hex;
    } cases[] = {
        {KJ_HASH_MD5, "", "d41d8cd98f00b204e9800998ecf8427e"},
        {KJ_HASH_MD5, "abc", "900150983cd24fb0d6963f7d28e17f72"},
        {KJ_HASH_SHA1, "abc", "a9993e364706816aba3e25717850c26c9cd0d89d"},
        {KJ_HASH_SHA256, "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t digest[KJ_HASH_MAX], wanted[KJ_HASH_MAX];
        kj_hash_kind kind;
        assert_true(kj_hash_parse(kj_span_str(cases[i].hex), &kind, wanted));
        assert_int_equal(kind, cases[i].kind);
        kj_hash(kind, kj_span_str(cases[i].text), digest);
        assert_memory_equal(digest, wanted, kj_hash_len(kind));
    }
}

static void other_lengths_are_no_digests(void **state)
{
    (void)state;
    uint8_t out[KJ_HASH_MAX];
    kj_hash_kind kind;
    assert_false(kj_hash_parse(kj_span_str("abcd"), &kind, out));
    assert_false(kj_hash_parse(kj_span_str("x41d8cd98f00b204e9800998ecf8427e"), &kind, out));
    assert_false(kj_hash_parse(kj_span_str(""), &kind, out));
}

static void crc_is_that_of_zip(void **state)
{
    (void)state;
    uint8_t bytes[256];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)i;
    assert_int_equal(kj_crc32(kj_span_str("123456789")), 0xCBF43926);
    assert_int_equal(kj_crc32(kj_span_of(bytes, sizeof bytes)), 0x29058C73);
    assert_int_equal(kj_crc32((kj_span){0}), 0);
}

static void crc_is_castagnoli(void **state)
{
    (void)state;
    uint8_t bytes[32];
    assert_int_equal(kj_crc32c(kj_span_str("123456789")), 0xE3069283);
    memset(bytes, 0, sizeof bytes);
    assert_int_equal(kj_crc32c(kj_span_of(bytes, sizeof bytes)), 0x8A9136AA);
    memset(bytes, 0xFF, sizeof bytes);
    assert_int_equal(kj_crc32c(kj_span_of(bytes, sizeof bytes)), 0x62A8AB43);
    assert_int_equal(kj_crc32c((kj_span){0}), 0);
}

static void crc_by_instructions_is_that_by_table(void **state)
{
    (void)state;
    uint8_t bytes[100];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 151 ^ i >> 3);
    for (size_t start = 0; start < 9; start++) {
        for (size_t len = 0; len <= sizeof bytes - start; len++) {
            kj_span part = kj_span_of(bytes + start, len);
            assert_int_equal(kj_crc32c(part), kj_crc32c_portable(part));
        }
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests_are_the_published_ones),
        cmocka_unit_test(other_lengths_are_no_digests),
        cmocka_unit_test(crc_is_that_of_zip),
        cmocka_unit_test(crc_is_castagnoli),
        cmocka_unit_test(crc_by_instructions_is_that_by_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
