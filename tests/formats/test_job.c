/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "base/buf.h"
#include "formats/job.h"

#include <stdlib.h>
#include <string.h>

enum { DISABLED = 0x4, HIDDEN = 0x200, BYTES_MAX = 1 << 20 };

/* An empty text has no units at all. */
static void put_text(kj_buf *out, const char *text)
{
    size_t count = *text ? strlen(text) + 1 : 0;
    kj_buf_put_u16le(out, (uint16_t)count);
    for (size_t i = 0; i < count; i++)
        kj_buf_put_u16le(out, (uint8_t)text[i]);
}

/* A task as Windows XP writes it, with five texts. */
static void put_job(kj_buf *out, uint32_t flags, const char *const texts[5])
{
    kj_buf_init(out, BYTES_MAX);
    kj_buf_put_u16le(out, 0x0501);
    kj_buf_put_u16le(out, 1);
    kj_buf_put(out, kj_span_str("0123456789abcdef"));
    kj_buf_put_u16le(out, 70); /* where the program's name is */
    kj_buf_put_u16le(out, 0);
    kj_buf_put_zeros(out, 48 - out->len);
    kj_buf_put_u32le(out, flags);
    kj_buf_put_zeros(out, 68 - out->len);
    kj_buf_put_u16le(out, 0); /* running instances */
    for (size_t i = 0; i < 5; i++)
        put_text(out, texts[i]);
    kj_buf_put_zeros(out, 4); /* user data, triggers */
    assert_false(out->failed);
}

static const char *const sample[5] = {"C:\\WINNT\\a b.exe", "/x 1", "C:\\WINNT", "",
                                      "says nothing"};

static void a_task_says_what_it_starts(void **state)
{
    kj_buf bytes;
    kj_job job;
    kj_arena arena;
    kj_error err;
    (void)state;
    put_job(&bytes, 0x10, sample);
    kj_arena_init(&arena, BYTES_MAX);
    assert_int_equal(kj_job_read(kj_buf_span(&bytes), &arena, &job, &err), KJ_OK);
    assert_int_equal(job.product, 0x0501);
    assert_int_equal(job.flags, 0x10);
    assert_false(job.is_disabled);
    assert_false(job.is_hidden);
    assert_span(job.program, "C:\\WINNT\\a b.exe");
    assert_span(job.arguments, "/x 1");
    assert_span(job.directory, "C:\\WINNT");
    assert_span(job.author, "");
    assert_span(job.comment, "says nothing");
    kj_arena_done(&arena);
    kj_buf_done(&bytes);
}

static void flags_are_told(void **state)
{
    static const struct {
        uint32_t flags;
        bool is_disabled, is_hidden;
    } cases[] = {{DISABLED, true, false}, {HIDDEN, false, true}, {DISABLED | HIDDEN, true, true}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        kj_buf bytes;
        kj_job job;
        kj_arena arena;
        put_job(&bytes, cases[i].flags, sample);
        kj_arena_init(&arena, BYTES_MAX);
        assert_int_equal(kj_job_read(kj_buf_span(&bytes), &arena, &job, NULL), KJ_OK);
        assert_int_equal(job.is_disabled, cases[i].is_disabled);
        assert_int_equal(job.is_hidden, cases[i].is_hidden);
        kj_arena_done(&arena);
        kj_buf_done(&bytes);
    }
}

/* Up to the end of the program's name a cut file is none; behind it what was cut is missing. */
static void a_cut_task_keeps_its_program(void **state)
{
    kj_buf bytes;
    (void)state;
    put_job(&bytes, 0, sample);
    size_t enough = 70 + 2 + 2 * (strlen(sample[0]) + 1);
    for (size_t len = 0; len <= bytes.len; len++) {
        kj_job job = {0};
        kj_arena arena;
        kj_arena_init(&arena, BYTES_MAX);
        uint8_t *exact = malloc(len ? len : 1);
        memcpy(exact, bytes.data, len);
        kj_status status = kj_job_read(kj_span_of(exact, len), &arena, &job, NULL);
        assert_int_equal(status == KJ_OK, len >= enough);
        if (status == KJ_OK)
            assert_span(job.program, sample[0]);
        free(exact);
        kj_arena_done(&arena);
    }
    kj_buf_done(&bytes);
}

static void other_files_are_no_tasks(void **state)
{
    kj_buf bytes;
    kj_job job;
    kj_arena arena;
    (void)state;
    put_job(&bytes, 0, sample);
    kj_arena_init(&arena, BYTES_MAX);
    bytes.data[2] = 2; /* file version */
    assert_int_equal(kj_job_read(kj_buf_span(&bytes), &arena, &job, NULL), KJ_MALFORMED);
    bytes.data[2] = 1;
    bytes.data[20] = 60; /* a name inside the fixed part */
    assert_int_equal(kj_job_read(kj_buf_span(&bytes), &arena, &job, NULL), KJ_MALFORMED);
    bytes.data[20] = 0xFF;
    bytes.data[21] = 0xFF; /* a name behind the end */
    assert_int_equal(kj_job_read(kj_buf_span(&bytes), &arena, &job, NULL), KJ_TRUNCATED);
    kj_arena_done(&arena);
    kj_buf_done(&bytes);
}

static void no_memory_is_said(void **state)
{
    kj_buf bytes;
    kj_job job;
    kj_arena arena;
    (void)state;
    put_job(&bytes, 0, sample);
    kj_arena_init(&arena, 8);
    assert_int_equal(kj_job_read(kj_buf_span(&bytes), &arena, &job, NULL), KJ_NO_MEMORY);
    kj_arena_done(&arena);
    kj_buf_done(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_task_says_what_it_starts),
        cmocka_unit_test(flags_are_told),
        cmocka_unit_test(a_cut_task_keeps_its_program),
        cmocka_unit_test(other_files_are_no_tasks),
        cmocka_unit_test(no_memory_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
