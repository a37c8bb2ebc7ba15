/* SPDX-License-Identifier: Apache-2.0 */
/* A sink that writes down what it is given, a line for each member:
 *
 *     name size [attachment] [content type] "content"
 *     ! name status: sentence
 *
 * so that a test compares one text. Names and contents are escaped. */
#pragma once

#include "base/text.h"
#include "formats/format.h"

#include "tests/test.h"

#include <stdlib.h>

typedef struct test_sink {
    kj_sink base; /* first: the functions below cast back */
    kj_arena arena;
    kj_buf log;
    uint64_t budget; /* bytes that may be unpacked */
    uint64_t accounted;
    uint64_t readings;     /* bytes of further readings, which are not written down unless */
    bool all_readings;     /* this is set */
    uint64_t largest_step; /* most bytes in one account */
} test_sink;

static kj_status test_child(kj_sink *base, const kj_member *member, kj_span bytes, kj_error *err)
{
    (void)err;
    test_sink *sink = (test_sink *)(void *)base;
    if ((member->flags & KJ_MEMBER_SHOWN) ||
        ((member->flags & KJ_MEMBER_READING) && !sink->all_readings))
        return KJ_OK;
    kj_escape(member->name, NULL, &sink->log);
    kj_buf_printf(&sink->log, " %zu", bytes.len);
    if (member->flags & KJ_MEMBER_ATTACHMENT)
        kj_buf_put_text(&sink->log, " attachment");
    if (member->content_type.len)
        kj_buf_put_byte(&sink->log, ' ');
    kj_buf_put(&sink->log, member->content_type);
    kj_buf_put_text(&sink->log, " \"");
    kj_escape(kj_span_sub(bytes, 0, 64), NULL, &sink->log);
    kj_buf_put_text(&sink->log, "\"\n");
    return member->size == bytes.len ? KJ_OK : kj_fail(err, KJ_INTERNAL, 0, "sizes differ");
}

static void test_unseen(kj_sink *base, kj_status why, kj_span member, const char *sentence)
{
    test_sink *sink = (test_sink *)(void *)base;
    kj_buf_put_text(&sink->log, "! ");
    kj_escape(member, NULL, &sink->log);
    kj_buf_printf(&sink->log, " %s: %s\n", kj_status_name(why), sentence);
}

static kj_status test_account(kj_sink *base, uint64_t bytes, kj_error *err)
{
    test_sink *sink = (test_sink *)(void *)base;
    sink->accounted += bytes;
    sink->largest_step = bytes > sink->largest_step ? bytes : sink->largest_step;
    if (sink->accounted > sink->budget)
        return kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET, "the budget is used up");
    return KJ_OK;
}

static bool test_reading(kj_sink *base, uint64_t bytes)
{
    test_sink *sink = (test_sink *)(void *)base;
    sink->readings += bytes;
    return sink->readings <= sink->budget;
}

static void test_sink_init(test_sink *sink)
{
    *sink = (test_sink){
        .base = {.child = test_child,
                 .unseen = test_unseen,
                 .account = test_account,
                 .reading = test_reading,
                 .largest_member = 1 << 20},
        .budget = 1 << 24,
    };
    kj_arena_init(&sink->arena, 1 << 22);
    kj_buf_init(&sink->log, 1 << 20);
    sink->base.arena = &sink->arena;
}

static void test_sink_done(test_sink *sink)
{
    kj_arena_done(&sink->arena);
    kj_buf_done(&sink->log);
}

/* Walks `bytes` as the format of that name, then notes how the walk ended unless it ended well. */
static inline kj_status test_walk(test_sink *sink, const char *format, kj_object *object)
{
    kj_error err;
    kj_status status = kj_format_find(format)->scan(object, &sink->base, &err);
    if (status != KJ_OK)
        kj_buf_printf(&sink->log, "end %s: %s\n", kj_status_name(status), err.message);
    return status;
}

/* Walks every beginning of `whole`, in a block of its own so that a sanitizer sees a byte too many:
 * each is read, or said to end early. */
static inline void test_prefixes(const char *format, kj_span whole)
{
    for (size_t len = 0; len < whole.len; len++) {
        test_sink sink;
        test_sink_init(&sink);
        uint8_t *copy = malloc(len ? len : 1);
        assert_non_null(copy);
        memcpy(copy, whole.data, len);
        kj_object object = {.bytes = kj_span_of(copy, len)};
        kj_status status = test_walk(&sink, format, &object);
        assert_true(status == KJ_OK || status == KJ_TRUNCATED);
        free(copy);
        test_sink_done(&sink);
    }
}
