/* SPDX-License-Identifier: Apache-2.0 */
#include "defs/strings.h"

#include "tests/test.h"

#include <stdio.h>

static kj_disk_text add(kj_strings *pool, const char *text)
{
    return kj_strings_add(pool, kj_span_str(text));
}

static void equal_texts_are_stored_once(void **state)
{
    (void)state;
    kj_strings pool;
    kj_strings_init(&pool);
    kj_disk_text first = add(&pool, "one"), second = add(&pool, "on"), again = add(&pool, "one");
    assert_memory_equal(&first, &again, sizeof first);
    assert_int_equal(second.offset, 3);
    assert_int_equal(second.len, 2);
    assert_int_equal(pool.bytes.len, 5);
    assert_int_equal(add(&pool, "").len, 0);
    assert_int_equal(kj_strings_add(&pool, kj_span_of("\0", 1)).len, 1);
    assert_int_equal(kj_strings_add(&pool, kj_span_of("\0\0", 2)).len, 2);
    kj_strings_done(&pool);
}

static void it_grows_and_finds_all_again(void **state)
{
    (void)state;
    enum { COUNT = 5000 };
    static kj_disk_text texts[COUNT];
    kj_strings pool;
    kj_strings_init(&pool);
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < COUNT; i++) {
            char text[16];
            (void)snprintf(text, sizeof text, "text %d", i);
            kj_disk_text at = add(&pool, text);
            if (round == 0)
                texts[i] = at;
            assert_memory_equal(&at, &texts[i], sizeof at);
            assert_span(kj_span_sub(kj_buf_span(&pool.bytes), at.offset, at.len), text);
        }
    assert_int_equal(pool.entries.count, COUNT);
    kj_strings_done(&pool);
}

static void once_failed_it_stays_so(void **state)
{
    (void)state;
    kj_strings pool;
    kj_strings_init(&pool);
    pool.bytes.max = 4;
    assert_int_equal(add(&pool, "abc").len, 3);
    assert_int_equal(add(&pool, "de").len, 0);
    assert_true(pool.failed);
    assert_int_equal(add(&pool, "abc").len, 0);
    kj_strings_done(&pool);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_texts_are_stored_once),
        cmocka_unit_test(it_grows_and_finds_all_again),
        cmocka_unit_test(once_failed_it_stays_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
