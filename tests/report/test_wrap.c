/* SPDX-License-Identifier: Apache-2.0 */
#include "report/wrap.h"

#include "base/arith.h"
#include "base/reader.h"
#include "base/text.h"
#include "tests/test.h"

static void texts_are_laid_out(void **state)
{
    (void)state;
    const struct {
        kj_wrap how;
        const char *text, *expected;
    } rows[] = {
        {{10, 0, true}, "one two three", "one two\nthree\n"},
        {{10, 2, true}, "one two three", "  one two\n  three\n"},
        {{10, 0, true}, "one\ntwo\n\n\nthree\n", "one two\n\nthree\n"},
        {{10, 0, true}, "abcdefghijklmno x", "abcdefghijklmno\nx\n"},
        {{12, 0, true}, "- one two three\n- four", "- one two\n  three\n- four\n"},
        {{12, 1, true}, "say:\n- one\n\nend", " say:\n - one\n\n end\n"},
        {{10, 0, true}, "", ""},
        {{10, 0, true}, "  \n\n", ""},
        {{0, 4, true}, "a b", "    a\n    b\n"},
        {{40, 0, true}, "C:\\a\\b \x1b[1m\t", "C:\\a\\b \\x1b[1m\n"},
        /* Japanese: between any two characters, two cells each */
        {{8, 0, false}, "あいうえおか", "あいうえ\nおか\n"},
        {{8, 0, false}, "あい\nうえ\nお", "あいうえ\nお\n"},
        /* no closing punctuation at the start of a line, no opening one at its end */
        {{8, 0, false}, "あいうえ。お", "あいう\nえ。お\n"},
        {{8, 0, false}, "あいう「え」", "あいう\n「え」\n"},
        {{8, 0, false}, "あいうチェック", "あいう\nチェック\n"},
        {{10, 0, false}, "あkujoいう", "あkujoいう\n"},
        {{8, 0, false}, "あkujoいう", "あkujoい\nう\n"},
    };
    for (size_t i = 0; i < KJ_COUNT(rows); i++) {
        kj_buf out;
        kj_buf_init(&out, 1 << 12);
        kj_wrap_text(&rows[i].how, kj_span_str(rows[i].text), &out);
        assert_string_equal(kj_buf_text(&out), rows[i].expected);
        kj_buf_done(&out);
    }
}

/* Whatever the width: nothing is lost, and only what cannot be split is wider. */
static void no_width_loses_text(void **state)
{
    (void)state;
    static const char text[] = "日本語の文章と English words、「括弧」も（ある）。";
    for (size_t width = 0; width < 60; width++) {
        const kj_wrap how = {.width = width, .join_spaced = false};
        kj_buf out, bare, wanted;
        kj_buf_init(&out, 1 << 12);
        kj_buf_init(&bare, 1 << 12);
        kj_buf_init(&wanted, 1 << 12);
        kj_wrap_text(&how, kj_span_str(text), &out);
        for (size_t i = 0; i < out.len; i++)
            if (out.data[i] != ' ' && out.data[i] != '\n')
                kj_buf_put_byte(&bare, out.data[i]);
        for (const char *c = text; *c; c++)
            if (*c != ' ')
                kj_buf_put_byte(&wanted, (uint8_t)*c);
        assert_string_equal(kj_buf_text(&bare), kj_buf_text(&wanted));
        kj_reader r = kj_reader_of(kj_buf_span(&out));
        for (kj_span line; kj_read_line(&r, &line);)
            assert_true(kj_text_cells(line) <= kj_max_size(width, 8));
        kj_buf_done(&out);
        kj_buf_done(&bare);
        kj_buf_done(&wanted);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_laid_out),
        cmocka_unit_test(no_width_loses_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
