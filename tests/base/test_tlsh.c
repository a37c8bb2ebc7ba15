/* SPDX-License-Identifier: Apache-2.0 */
/* TLSH. The first two digests are those of the published tool's own test; the one of symbols is
 * YARA's test of telfhash. */
#include "base/tlsh.h"

#include "base/arith.h"
#include "tests/test.h"

/* `text`, then letters in order up to `len` bytes, the last one a NUL. */
static void fill(char *out, size_t len, const char *text)
{
    for (size_t i = 0; i < len - 1; i++)
        out[i] = (char)('A' + i % 26);
    out[len - 1] = '\0';
    memcpy(out, text, strlen(text));
}

static void agrees_with_published_digests(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t len;
        const char *digest;
    } cases[] = {
        {"This is a test for Lili Diao. This is a string. Hello Hello Hello ", 512,
         "T109F05A198CC69A5A4F0F9380A9EE93F2B927CF42089EA74276DC5F0BB2D34E68114448"},
        {"This is a test for Jon Oliver. This is a string. Hello Hello Hello ", 1024,
         "T1301124198C869A5A4F0F9380A9AE92F2B9278F42089EA34272885F0FB2D34E6911444C"},
        {"allcapsstr,foo,foo,long_function_to_make_the_tlsh_hash_work,strallcaps,stuffmem,stuffstr,"
         "z",
         0, "T174B012188204F00184540770331E0B111373086019509C464D0ACE88181266C09774FA"},
    };
    for (size_t i = 0; i < KJ_COUNT(cases); i++) {
        char bytes[1024], digest[KJ_TLSH_LEN + 1];
        size_t len = cases[i].len;
        if (len)
            fill(bytes, len, cases[i].text);
        kj_span input = len ? kj_span_of(bytes, len) : kj_span_str(cases[i].text);
        assert_true(kj_tlsh(input, digest));
        assert_string_equal(digest, cases[i].digest);
    }
}

static void some_bytes_have_none(void **state)
{
    (void)state;
    char digest[KJ_TLSH_LEN + 1] = "untouched", bytes[300];
    fill(bytes, sizeof bytes, "");
    assert_false(kj_tlsh(kj_span_of(bytes, 49), digest));
    assert_true(kj_tlsh(kj_span_of(bytes, 300), digest));
    memset(bytes, 'o', sizeof bytes);
    memcpy(digest, "untouched", sizeof "untouched");
    assert_false(kj_tlsh(kj_span_of(bytes, 300), digest));
    assert_false(kj_tlsh((kj_span){0}, digest));
    assert_string_equal(digest, "untouched");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_published_digests),
        cmocka_unit_test(some_bytes_have_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
