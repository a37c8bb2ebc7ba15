/* SPDX-License-Identifier: Apache-2.0 */
#include "base/reader.h"

#include "base/buf.h"

#include "tests/test.h"

static const uint8_t bytes[] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09};

static void reads_both_byte_orders(void **state)
{
    (void)state;
    kj_reader r = kj_reader_of(kj_span_of(bytes, sizeof bytes));
    assert_int_equal(kj_read_u8(&r), 0x01);
    assert_int_equal(kj_read_u16le(&r), 0x0302);
    assert_int_equal(kj_read_u16be(&r), 0x0405);
    assert_int_equal(kj_read_u32le(&r), 0x09080706);
    assert_true(kj_reader_ok(&r));
    kj_seek(&r, 0);
    assert_true(kj_read_u64be(&r) == UINT64_C(0x0102030405060708));
    kj_seek(&r, 1);
    assert_true(kj_read_u64le(&r) == UINT64_C(0x0908070605040302));
}

static void fails_once_and_for_good(void **state)
{
    (void)state;
    kj_reader r = kj_reader_of(kj_span_of(bytes, 3));
    assert_int_equal(kj_read_u16le(&r), 0x0201);
    assert_int_equal(kj_read_u32le(&r), 0);
    assert_false(kj_reader_ok(&r));
    assert_int_equal(r.pos, 2);
    assert_int_equal(kj_read_u8(&r), 0); /* there is a byte, but the reader has failed */
    assert_int_equal(kj_read_span(&r, 1).len, 0);
    kj_seek(&r, 0);
    assert_int_equal(r.pos, 2);
    assert_int_equal(kj_reader_left(&r), 0);
}

static void wild_offsets_and_lengths_fail(void **state)
{
    (void)state;
    kj_reader r = kj_reader_of(kj_span_of(bytes, sizeof bytes));
    kj_seek(&r, UINT64_MAX);
    assert_false(kj_reader_ok(&r));
    r = kj_reader_of(kj_span_of(bytes, sizeof bytes));
    kj_skip(&r, UINT64_MAX);
    assert_false(kj_reader_ok(&r));
    r = kj_reader_of(kj_span_of(bytes, sizeof bytes));
    assert_int_equal(kj_read_span(&r, SIZE_MAX).len, 0);
    assert_false(kj_reader_ok(&r));
    r = kj_reader_of(kj_span_of(bytes, sizeof bytes));
    kj_seek(&r, sizeof bytes); /* the end itself is a place */
    assert_true(kj_reader_ok(&r));
}

static void a_sub_reader_cannot_leave_its_bytes(void **state)
{
    (void)state;
    kj_reader r = kj_reader_of(kj_span_of(bytes, sizeof bytes));
    kj_reader sub = kj_read_sub(&r, 2);
    assert_int_equal(kj_read_u16be(&sub), 0x0102);
    assert_int_equal(kj_read_u8(&sub), 0);
    assert_false(kj_reader_ok(&sub));
    assert_true(kj_reader_ok(&r));
    assert_int_equal(kj_read_u8(&r), 0x03);
    kj_reader lying = kj_read_sub(&r, 100);
    assert_false(kj_reader_ok(&lying));
    assert_false(kj_reader_ok(&r));
}

static void strings_end_at_nul_within_their_maximum(void **state)
{
    (void)state;
    kj_reader r = kj_reader_of(kj_span_of("ab\0cdef", 7));
    assert_span(kj_read_cstr(&r, 7), "ab");
    assert_int_equal(r.pos, 3);
    assert_int_equal(kj_read_cstr(&r, 7).len, 0);
    assert_false(kj_reader_ok(&r));
    r = kj_reader_of(kj_span_of("abc\0", 4));
    assert_int_equal(kj_read_cstr(&r, 3).len, 0);
    assert_false(kj_reader_ok(&r));
}

static void sized_bytes_come_back(void **state)
{
    (void)state;
    kj_buf out;
    kj_buf_init(&out, 64);
    kj_buf_put_sized(&out, kj_span_str("ab"));
    kj_buf_put_sized(&out, (kj_span){0});
    kj_buf_put_u32le(&out, 3); /* and only two follow */
    kj_buf_put_text(&out, "xy");
    kj_reader r = kj_reader_of(kj_buf_span(&out));
    assert_span(kj_read_sized(&r), "ab");
    assert_span(kj_read_sized(&r), "");
    assert_true(kj_reader_ok(&r));
    assert_int_equal(kj_read_sized(&r).len, 0);
    assert_false(kj_reader_ok(&r));
    kj_buf_done(&out);
}

static void lines_lose_their_ends(void **state)
{
    (void)state;
    kj_reader r = kj_reader_of(kj_span_str("one\r\n\ntwo\rx\nlast"));
    static const char *const lines[] = {"one", "", "two\rx", "last"};
    kj_span line;
    for (size_t i = 0; i < 4; i++) {
        assert_true(kj_read_line(&r, &line));
        assert_span(line, lines[i]);
    }
    assert_false(kj_read_line(&r, &line));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_both_byte_orders),
        cmocka_unit_test(fails_once_and_for_good),
        cmocka_unit_test(wild_offsets_and_lengths_fail),
        cmocka_unit_test(a_sub_reader_cannot_leave_its_bytes),
        cmocka_unit_test(strings_end_at_nul_within_their_maximum),
        cmocka_unit_test(sized_bytes_come_back),
        cmocka_unit_test(lines_lose_their_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
