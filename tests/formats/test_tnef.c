/* SPDX-License-Identifier: Apache-2.0 */
/* Limits of the walk over TNEF, and what it knows of messages around it. What the format can hold:
 * tnef.py. */
#include "tests/test.h"

#include "tests/formats/sink.h"

#include <stdlib.h>

static size_t counted;

static kj_status count_account(kj_sink *sink, uint64_t bytes, kj_error *err)
{
    (void)sink;
    (void)bytes;
    (void)err;
    counted++;
    return KJ_OK;
}

static kj_status no_account(kj_sink *sink, uint64_t bytes, kj_error *err)
{
    (void)sink;
    (void)bytes;
    return kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET, "enough");
}

enum { RENDERING = 0x9002, DATA = 0x800F, TITLE = 0x8010, PROPERTIES = 0x9005, SUBJECT = 0x8004 };

static void put_attribute(kj_buf *out, uint16_t id, kj_span data)
{
    kj_buf_put_byte(out, id == SUBJECT ? 1 : 2);
    kj_buf_put_u16le(out, id);
    kj_buf_put_u16le(out, 6);
    kj_buf_put_sized(out, data);
    kj_buf_put_u16le(out, 0);
}

static void begin(kj_buf *out)
{
    kj_buf_init(out, 16 << 20);
    kj_buf_put_u32le(out, 0x223E9F78);
    kj_buf_put_u16le(out, 1);
}

static void put_attachment(kj_buf *out, const char *name, const char *data)
{
    put_attribute(out, RENDERING, (kj_span){0});
    put_attribute(out, TITLE, kj_span_str(name));
    put_attribute(out, DATA, kj_span_str(data));
}

static void data_without_a_name_is_numbered(void **state)
{
    (void)state;
    kj_buf in;
    test_sink sink;
    test_sink_init(&sink);
    begin(&in);
    put_attachment(&in, "", "a");
    put_attachment(&in, "b.txt", "b");
    put_attachment(&in, "", "c");
    kj_object object = {.bytes = kj_buf_span(&in)};
    assert_int_equal(test_walk(&sink, "tnef", &object), KJ_OK);
    assert_string_equal(kj_buf_text(&sink.log), "attachment 1 1 attachment \"a\"\n"
                                                "b.txt 1 attachment \"b\"\n"
                                                "attachment 3 1 attachment \"c\"\n");
    test_sink_done(&sink);
    kj_buf_done(&in);
}

static void the_message_around_it_stays(void **state)
{
    (void)state;
    kj_buf in;
    test_sink sink;
    test_sink_init(&sink);
    begin(&in);
    put_attribute(&in, SUBJECT, kj_span_str("inner"));
    const kj_mail mail = {.subject = kj_span_str("outer")};
    const kj_object message = {.mail = &mail};
    kj_object object = {.parent = &message, .bytes = kj_buf_span(&in)};
    assert_int_equal(test_walk(&sink, "tnef", &object), KJ_OK);
    assert_span(object.mail->subject, "outer");
    object.parent = NULL;
    assert_int_equal(test_walk(&sink, "tnef", &object), KJ_OK);
    assert_span(object.mail->subject, "inner");
    test_sink_done(&sink);
    kj_buf_done(&in);
}

static void data_that_lies_elsewhere_is_odd(void **state)
{
    (void)state;
    kj_buf in;
    test_sink sink;
    test_sink_init(&sink);
    begin(&in);
    put_attribute(&in, RENDERING, (kj_span){0});
    put_attribute(&in, PROPERTIES, kj_span_of("\1\0\0\0\3\0\5\x37\2\0\0\0", 12));
    kj_object object = {.bytes = kj_buf_span(&in)};
    assert_int_equal(test_walk(&sink, "tnef", &object), KJ_OK);
    assert_true(object.odd == KJ_ODD(KJ_ODD_EXTERNAL_BODY));
    test_sink_done(&sink);
    kj_buf_done(&in);
}

/* Every attribute and every property draws on the sink's time, so that a walk can be ended. */
static void the_sink_is_asked_often(void **state)
{
    (void)state;
    enum { COUNT = 5000 };
    kj_buf in;
    kj_buf list;
    test_sink sink;
    test_sink_init(&sink);
    begin(&in);
    kj_buf_init(&list, 1 << 20);
    kj_buf_put_u32le(&list, COUNT);
    for (size_t i = 0; i < COUNT; i++)
        kj_buf_put(&list, kj_span_of("\3\0\0\1\0\0\0\0", 8));
    put_attribute(&in, PROPERTIES, kj_buf_span(&list));
    sink.base.account = count_account;
    counted = 0;
    kj_object object = {.bytes = kj_buf_span(&in)};
    assert_int_equal(test_walk(&sink, "tnef", &object), KJ_OK);
    assert_true(counted >= COUNT);
    test_sink_done(&sink);
    kj_buf_done(&list);
    kj_buf_done(&in);
}

static void a_budget_ends_it(void **state)
{
    (void)state;
    kj_buf in;
    test_sink sink;
    test_sink_init(&sink);
    begin(&in);
    for (int i = 0; i < 100; i++)
        put_attachment(&in, "a", "a");
    sink.base.account = no_account;
    kj_object object = {.bytes = kj_buf_span(&in)};
    assert_int_equal(test_walk(&sink, "tnef", &object), KJ_LIMIT);
    assert_string_equal(kj_buf_text(&sink.log), "end limit: enough\n");
    test_sink_done(&sink);
    kj_buf_done(&in);
}

/* Names take memory of the arena, which has an end. */
static void names_without_end_end_it(void **state)
{
    (void)state;
    kj_buf in;
    test_sink sink;
    test_sink_init(&sink);
    begin(&in);
    for (int i = 0; i < 60000; i++)
        put_attachment(&in, "a name of some length, so that it adds up", "a");
    kj_object object = {.bytes = kj_buf_span(&in)};
    assert_int_equal(test_walk(&sink, "tnef", &object), KJ_LIMIT);
    test_sink_done(&sink);
    kj_buf_done(&in);
}

/* Whatever stands before the end of what is there is read, nothing behind it. */
static void every_prefix_can_be_read(void **state)
{
    (void)state;
    kj_buf in;
    begin(&in);
    put_attachment(&in, "one.txt", "some content");
    put_attribute(&in, PROPERTIES,
                  kj_span_of("\1\0\0\0\x1F\0\7\x37\1\0\0\0\6\0\0\0a\0b\0\0\0\0\0", 24));
    test_prefixes("tnef", kj_buf_span(&in));
    kj_buf_done(&in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(data_without_a_name_is_numbered),
        cmocka_unit_test(the_message_around_it_stays),
        cmocka_unit_test(data_that_lies_elsewhere_is_odd),
        cmocka_unit_test(the_sink_is_asked_often),
        cmocka_unit_test(a_budget_ends_it),
        cmocka_unit_test(names_without_end_end_it),
        cmocka_unit_test(every_prefix_can_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
