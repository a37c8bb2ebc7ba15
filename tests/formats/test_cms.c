/* SPDX-License-Identifier: Apache-2.0 */
/* Limits of the walk over S/MIME, and what it takes for a message. What the format can hold:
 * cms.py. */
#include "tests/test.h"

#include "tests/formats/sink.h"

#include <stdlib.h>

#define DATA_ID        "\x06\x09\x2A\x86\x48\x86\xF7\x0D\x01\x07\x01"
#define ZLIB_ID        "\x06\x0B\x2A\x86\x48\x86\xF7\x0D\x01\x09\x10\x03\x08"
#define PACKED_ID      "\x06\x0B\x2A\x86\x48\x86\xF7\x0D\x01\x09\x10\x01\x09"
#define PUT(out, text) kj_buf_put((out), kj_span_of((text), sizeof(text) - 1))

/* ContentInfo of type data, everything of indefinite length. */
static void begin(kj_buf *out)
{
    kj_buf_init(out, 16 << 20);
    PUT(out, "\x30\x80" DATA_ID "\xA0\x80");
}

static void put_string(kj_buf *out, const char *text)
{
    kj_buf_put_byte(out, 4);
    kj_buf_put_byte(out, (uint8_t)strlen(text));
    kj_buf_put_text(out, text);
}

static kj_status walk_as(test_sink *sink, kj_buf *in, const char *name, const char *type)
{
    kj_object object = {
        .bytes = kj_buf_span(in), .name = kj_span_str(name), .content_type = kj_span_str(type)};
    return test_walk(sink, "cms", &object);
}

static void assert_member(const char *content, const char *name, const char *type,
                          const char *wanted)
{
    kj_buf in;
    test_sink sink;
    test_sink_init(&sink);
    begin(&in);
    put_string(&in, content);
    assert_int_equal(walk_as(&sink, &in, name, type), KJ_OK);
    assert_string_equal(kj_buf_text(&sink.log), wanted);
    test_sink_done(&sink);
    kj_buf_done(&in);
}

/* Mail programs take it for one when it is sent so, unless it clearly is something else. */
static void what_counts_as_a_message(void **state)
{
    (void)state;
    assert_member("To: x\n\n", "a.p7m", "", "content 7 message/rfc822 \"To: x\\n\\n\"\n");
    assert_member("no field", "a.p7m", "", "content 8 \"no field\"\n");
    assert_member("no field", "smime.p7m", "application/pkcs7-mime",
                  "content 8 message/rfc822 \"no field\"\n");
    assert_member("GIF89a", "x.gif.p7m", "application/x-pkcs7-mime", "x.gif 6 \"GIF89a\"\n");
    assert_member("GIF89a\nContent-Type: a/b\n", "", "application/pkcs7-mime",
                  "content 25 message/rfc822 \"GIF89a\\nContent-Type: a/b\\n\"\n");
}

static void a_large_content_is_told(void **state)
{
    (void)state;
    kj_buf in;
    test_sink sink;
    test_sink_init(&sink);
    sink.base.largest_member = 100;
    begin(&in);
    PUT(&in, "\x24\x80");
    for (int i = 0; i < 20; i++)
        put_string(&in, "some text");
    PUT(&in, "\0\0");
    assert_int_equal(walk_as(&sink, &in, "", ""), KJ_OK);
    assert_string_equal(kj_buf_text(&sink.log),
                        "! content limit: larger than a member may be (--max-member-size)\n");
    test_sink_done(&sink);
    kj_buf_done(&in);
}

static void pieces_draw_on_the_budget(void **state)
{
    (void)state;
    kj_buf in;
    test_sink sink;
    test_sink_init(&sink);
    sink.budget = 1000;
    begin(&in);
    PUT(&in, "\x24\x80");
    for (int i = 0; i < 200; i++)
        put_string(&in, "some text");
    assert_int_equal(walk_as(&sink, &in, "", ""), KJ_LIMIT);
    test_sink_done(&sink);
    kj_buf_done(&in);
}

/* A stored block of zlib's with 1,000 times the letter a; `sum` is its Adler-32, right or wrong. */
static void put_compressed(kj_buf *out, const char *sum)
{
    kj_buf_init(out, 16 << 20);
    PUT(out, "\x30\x80" PACKED_ID "\xA0\x80\x30\x80\x02\x01\0\x30\x0D" ZLIB_ID);
    PUT(out, "\x30\x80" DATA_ID "\xA0\x80\x04\x82\x03\xF3\x78\x01\x01\xE8\x03\x17\xFC");
    for (int i = 0; i < 1000; i++)
        kj_buf_put_byte(out, 'a');
    kj_buf_put(out, kj_span_of(sum, 4));
}

static void compressed_data_draws_on_the_budget(void **state)
{
    (void)state;
    kj_buf in;
    test_sink sink;
    test_sink_init(&sink);
    put_compressed(&in, "\xF9\xD8\x7A\xF8");
    sink.budget = 999;
    assert_int_equal(walk_as(&sink, &in, "", ""), KJ_LIMIT);
    assert_string_equal(kj_buf_text(&sink.log), "end limit: the budget is used up\n");
    test_sink_done(&sink);
    kj_buf_done(&in);
}

static void compressed_data_has_a_largest_size(void **state)
{
    (void)state;
    kj_buf in;
    test_sink sink;
    test_sink_init(&sink);
    put_compressed(&in, "\xF9\xD8\x7A\xF8");
    sink.base.largest_member = 999;
    assert_int_equal(walk_as(&sink, &in, "", ""), KJ_LIMIT);
    test_sink_done(&sink);
    kj_buf_done(&in);
}

/* What came before the damage is scanned. */
static void damaged_data_is_handed_out_and_told(void **state)
{
    (void)state;
    kj_buf in;
    test_sink sink;
    test_sink_init(&sink);
    put_compressed(&in, "\0\0\0\0");
    assert_int_equal(walk_as(&sink, &in, "", ""), KJ_MALFORMED);
    assert_non_null(strstr(kj_buf_text(&sink.log), "content 1000 \"aaaa"));
    test_sink_done(&sink);
    kj_buf_done(&in);
}

static void every_prefix_can_be_read(void **state)
{
    (void)state;
    kj_buf in;
    put_compressed(&in, "\xF9\xD8\x7A\xF8");
    assert_true(in.len >= 80);
    test_prefixes("cms", kj_span_sub(kj_buf_span(&in), 0, 80));
    kj_buf_done(&in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_counts_as_a_message),
        cmocka_unit_test(a_large_content_is_told),
        cmocka_unit_test(pieces_draw_on_the_budget),
        cmocka_unit_test(compressed_data_draws_on_the_budget),
        cmocka_unit_test(compressed_data_has_a_largest_size),
        cmocka_unit_test(damaged_data_is_handed_out_and_told),
        cmocka_unit_test(every_prefix_can_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
