/* SPDX-License-Identifier: Apache-2.0 */
/* Limits and lies that no archiver makes. The archives that they do make: archives.py. */
#include "tests/test.h"

#include "tests/formats/sink.h"

#include <stdio.h>

/* Appends a header of 512 bytes, checksum included; `size` as tar writes it. */
static void put_tar(kj_buf *out, const char *name, const char *size, char type)
{
    uint8_t header[512] = {0};
    unsigned sum = 0;
    (void)snprintf((char *)header, 100, "%s", name);
    memcpy(header + 100, "0000644\0000000000\0000000000", 24);
    (void)snprintf((char *)header + 124, 12, "%s", size);
    memcpy(header + 136, "00000000000", 11);
    memset(header + 148, ' ', 8);
    header[156] = (uint8_t)type;
    memcpy(header + 157, "target", type == '1' || type == '2' ? 6 : 0);
    memcpy(header + 257, "ustar\00000", 8);
    for (size_t i = 0; i < sizeof header; i++)
        sum += header[i];
    (void)snprintf((char *)header + 148, 8, "%06o", sum);
    kj_buf_put(out, kj_span_of(header, sizeof header));
}

static void put_data(kj_buf *out, size_t len)
{
    kj_buf_put_zeros(out, len);
    memset(out->data + out->len - len, 'x', len);
    kj_buf_align(out, 512);
}

static const char *walk_log(test_sink *sink, const char *format, kj_buf *archive)
{
    kj_object object = {.bytes = kj_buf_span(archive), .name = kj_span_str("container.gz")};
    (void)test_walk(sink, format, &object);
    return kj_buf_text(&sink->log);
}

static void a_large_member_is_told(void **state)
{
    (void)state;
    kj_buf archive;
    kj_buf_init(&archive, 1 << 20);
    put_tar(&archive, "large", "00000010000", '0');
    put_data(&archive, 4096);
    put_tar(&archive, "small", "00000000001", '0');
    put_data(&archive, 1);
    kj_buf_put_zeros(&archive, 1024);
    test_sink sink;
    test_sink_init(&sink);
    sink.base.largest_member = 4095;
    assert_string_equal(
        walk_log(&sink, "tar", &archive),
        "! large limit: larger than a member may be (--max-member-size)\nsmall 1 \"x\"\n");
    test_sink_done(&sink);
    kj_buf_done(&archive);
}

static void directories_and_links(void **state)
{
    (void)state;
    static const struct {
        char type;
        const char *size;
        const char *expected;
    } cases[] = {
        {'5', "00000000000", ""},
        {'2', "00000000000", ""},
        {'1', "00000000000", ""},
        {'3', "00000000000", ""},
        {'0', "00000000000", "m 0 \"\"\n"},
        {'0', "00000000003", "m 3 \"xxx\"\n"},
        {'7', "00000000003", "m 3 \"xxx\"\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        kj_buf archive;
        kj_buf_init(&archive, 1 << 20);
        put_tar(&archive, "m", cases[i].size, cases[i].type);
        put_data(&archive, cases[i].size[10] == '3' ? 3 : 0);
        kj_buf_put_zeros(&archive, 1024);
        test_sink sink;
        test_sink_init(&sink);
        assert_string_equal(walk_log(&sink, "tar", &archive), cases[i].expected);
        test_sink_done(&sink);
        kj_buf_done(&archive);
    }
}

/* An old GNU sparse file of 7 GiB with one byte at its end. */
static void holes_are_bounded(void **state)
{
    (void)state;
    uint8_t h[512] = {0};
    (void)snprintf((char *)h, 100, "hole");
    memcpy(h + 100, "0000644\0000000000\0000000000", 24);
    memcpy(h + 124, "00000000001", 11);
    memcpy(h + 136, "00000000000", 11);
    memset(h + 148, ' ', 8);
    h[156] = 'S';
    memcpy(h + 257, "ustar  ", 8);
    memcpy(h + 386, "67777777777\00000000000001", 23); /* offset and length of the only piece */
    memcpy(h + 483, "70000000000", 11);                /* real size */
    unsigned sum = 0;
    for (size_t i = 0; i < 512; i++)
        sum += h[i];
    (void)snprintf((char *)h + 148, 8, "%06o", sum);
    kj_buf archive;
    kj_buf_init(&archive, 1 << 20);
    kj_buf_put(&archive, kj_span_of(h, sizeof h));
    put_data(&archive, 1);
    kj_buf_put_zeros(&archive, 1024);
    test_sink sink;
    test_sink_init(&sink);
    assert_string_equal(walk_log(&sink, "tar", &archive),
                        "! hole limit: larger than a member may be (--max-member-size)\n");
    test_sink_done(&sink);
    kj_buf_done(&archive);
}

/* gzip whose deflate blocks are stored: eight of 50,000 bytes. */
static void make_gzip(kj_buf *out)
{
    kj_buf_put(out, kj_span_of("\x1F\x8B\x08\0\0\0\0\0\0\x03", 10));
    for (int i = 0; i < 8; i++) {
        kj_buf_put_byte(out, i == 7);
        kj_buf_put_u16le(out, 50000);
        kj_buf_put_u16le(out, 0xFFFF - 50000);
        kj_buf_put_zeros(out, 50000);
    }
    kj_buf_put_zeros(out, 8);
}

static void streams_are_bounded(void **state)
{
    (void)state;
    kj_buf archive;
    kj_buf_init(&archive, 1 << 20);
    make_gzip(&archive);
    test_sink sink;
    test_sink_init(&sink);
    sink.base.largest_member = 300000;
    assert_string_equal(walk_log(&sink, "gzip", &archive),
                        "! container limit: larger than a member may be (--max-member-size)\n");
    assert_true(sink.largest_step <= 64 << 10);
    assert_true(sink.accounted <= 300000 + (64 << 10));
    test_sink_done(&sink);
    test_sink_init(&sink);
    sink.budget = 100000;
    assert_string_equal(walk_log(&sink, "gzip", &archive), "end limit: the budget is used up\n");
    test_sink_done(&sink);
    kj_buf_done(&archive);
}

/* Whatever claims them, bytes that are nothing end with a sentence. */
static void garbage_ends_well(void **state)
{
    (void)state;
    uint8_t garbage[3000];
    uint32_t seed = 1;
    for (size_t i = 0; i < sizeof garbage; i++) {
        seed = seed * 1664525 + 1013904223;
        garbage[i] = (uint8_t)(seed >> 24);
    }
    for (size_t i = 0; i < kj_format_count; i++) {
        const kj_format *format = kj_formats[i];
        if (!format->scan)
            continue;
        for (size_t len = 0; len <= sizeof garbage; len += 500) {
            const kj_magic *m = format->magics;
            uint8_t bytes[sizeof garbage];
            memcpy(bytes, garbage, sizeof bytes);
            if (m && m->offset + m->len <= len)
                memcpy(bytes + m->offset, m->bytes, m->len);
            kj_object object = {.bytes = kj_span_of(bytes, len)};
            test_sink sink;
            test_sink_init(&sink);
            kj_error err = {0};
            kj_status status = format->scan(&object, &sink.base, &err);
            if (status != KJ_OK)
                assert_true(err.status == status && err.message[0] != '\0');
            test_sink_done(&sink);
        }
    }
}

static void names_have_an_end(void **state)
{
    (void)state;
    kj_buf archive;
    kj_buf_init(&archive, 1 << 20);
    put_tar(&archive, "././@LongLink", "00000020000", 'L'); /* 8,192 bytes */
    put_data(&archive, 8192);
    put_tar(&archive, "m", "00000000001", '0');
    put_data(&archive, 1);
    kj_buf_put_zeros(&archive, 1024);
    test_sink sink;
    test_sink_init(&sink);
    const char *log = walk_log(&sink, "tar", &archive);
    assert_int_equal(strcspn(log, " "), 4096);
    test_sink_done(&sink);
    kj_buf_done(&archive);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_large_member_is_told), cmocka_unit_test(directories_and_links),
        cmocka_unit_test(holes_are_bounded),      cmocka_unit_test(streams_are_bounded),
        cmocka_unit_test(garbage_ends_well),      cmocka_unit_test(names_have_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
