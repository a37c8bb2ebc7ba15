/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

#include "base/arith.h"
#include "tests/test.h"

static void escapes_what_would_deceive_a_reader(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        size_t len;
        const char *out;
    } cases[] = {
        {"plain.txt", 9, "plain.txt"},
        {"a\nb\tc\rd", 7, "a\\nb\\tc\\rd"},
        {"a!b", 3, "a\\x21b"},
        {"a\\b", 3, "a\\\\b"},
        {"\x1b[31m", 5, "\\x1b[31m"},
        {"nul\0x", 5, "nul\\x00x"},
        {"\xff\xfe", 2, "\\xff\\xfe"},
        {"\xe2\x80\xaegpj.exe", 10, "\\u{202e}gpj.exe"},
        {"\xe6\xbc\xa2", 3, "\xe6\xbc\xa2"},
        {"\xef\xbf\xbd", 3, "\xef\xbf\xbd"},
        {"\xc2\x85", 2, "\\u{85}"},
        {"\xe6\xbc", 2, "\\xe6\\xbc"},
    };
    for (size_t i = 0; i < KJ_COUNT(cases); i++) {
        kj_buf out;
        kj_buf_init(&out, 1024);
        kj_escape(kj_span_of(cases[i].in, cases[i].len), KJ_ESCAPE_PATH, &out);
        assert_string_equal(kj_buf_text(&out), cases[i].out);
        assert_true(kj_is_escaped(kj_span_str(cases[i].out)));
        kj_buf_clear(&out);
        kj_escape(kj_span_of(cases[i].in, cases[i].len), NULL, &out);
        assert_int_equal(kj_is_escaped(kj_span_of(cases[i].in, cases[i].len)),
                         out.len == cases[i].len);
        kj_buf_done(&out);
    }
}

static void utf8_round_trips_and_refuses_nonsense(void **state)
{
    (void)state;
    for (uint32_t code = 0; code <= 0x10FFFF; code += code < 0x3000 ? 1 : 97) {
        if (code >= 0xD800 && code < 0xE000)
            continue;
        uint8_t bytes[4];
        size_t len = kj_utf8_put(code, bytes), pos = 0;
        assert_int_equal(kj_utf8_next(kj_span_of(bytes, len), &pos), code);
        assert_int_equal(pos, len);
    }
    static const char *const broken[] = {"\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                                         "\x80",     "\xe6\xbc",     "\xf8\x88\x80\x80\x80"};
    for (size_t i = 0; i < KJ_COUNT(broken); i++)
        assert_false(kj_utf8_valid(kj_span_str(broken[i])));
    assert_true(kj_utf8_valid(kj_span_str("駆除 \xf0\x9f\x90\x9b")));
}

static void utf16_becomes_utf8(void **state)
{
    (void)state;
    kj_buf out;
    kj_buf_init(&out, 64);
    static const uint8_t little[] = {'A', 0, 0xC6, 0x99, 0x3D, 0xD8, 0x1B, 0xDC, 0x3D, 0xD8, 'x'};
    kj_utf16_to_utf8(kj_span_of(little, sizeof little), false, &out);
    assert_string_equal(kj_buf_text(&out), "A駆\xf0\x9f\x90\x9b\xef\xbf\xbd");
    kj_buf_done(&out);
}

static void code_points_become_utf16(void **state)
{
    (void)state;
    kj_buf out;
    kj_buf_init(&out, 64);
    const uint32_t codes[] = {'A', 0xFFFF, 0x10000, 0x1F600, 0x10FFFF, 0};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        kj_utf16le_put(codes[i], &out);
    static const char want[] = "A\0\xff\xff\x00\xd8\x00\xdc\x3d\xd8\x00\xde\xff\xdb\xff\xdf\0";
    assert_int_equal(out.len, sizeof want);
    assert_memory_equal(out.data, want, sizeof want);
    kj_buf_done(&out);
}

static void numbers_are_whole_and_fit(void **state)
{
    (void)state;
    uint64_t value = 7;
    assert_true(kj_text_to_u64(kj_span_str("18446744073709551615"), &value));
    assert_true(value == UINT64_MAX);
    assert_false(kj_text_to_u64(kj_span_str("18446744073709551616"), &value));
    assert_false(kj_text_to_u64(kj_span_str(""), &value));
    assert_false(kj_text_to_u64(kj_span_str("1 "), &value));
    assert_true(value == UINT64_MAX);
}

static void hex_and_case(void **state)
{
    (void)state;
    uint8_t out[4];
    assert_true(kj_hex_decode(kj_span_str("00ffAa"), out));
    assert_memory_equal(out, "\x00\xff\xaa", 3);
    assert_false(kj_hex_decode(kj_span_str("0"), out));
    assert_false(kj_hex_decode(kj_span_str("0g"), out));
    char digits[9];
    kj_hex_encode(kj_span_of("\x00\xff\x1a\xa0", 4), digits);
    assert_string_equal(digits, "00ff1aa0");
    kj_hex_encode((kj_span){0}, digits);
    assert_string_equal(digits, "");
    assert_true(kj_text_equal_nocase(kj_span_str("WinNT"), kj_span_str("wINnt")));
    assert_int_equal(kj_text_find_nocase(kj_span_str("say CRC32"), kj_span_str("crc")), 4);
    assert_true(kj_text_find_nocase(kj_span_str("x"), kj_span_str("xy")) == SIZE_MAX);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(escapes_what_would_deceive_a_reader),
        cmocka_unit_test(utf8_round_trips_and_refuses_nonsense),
        cmocka_unit_test(utf16_becomes_utf8),
        cmocka_unit_test(code_points_become_utf16),
        cmocka_unit_test(numbers_are_whole_and_fit),
        cmocka_unit_test(hex_and_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
