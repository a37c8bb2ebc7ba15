/* SPDX-License-Identifier: Apache-2.0 */
/* A sink for the fuzz targets of formats: looks at every byte that it is given (a sanitizer sees
 * whether it is there), descends one level, and stops the walk when a small budget is used up. */
#pragma once

#include "formats/format.h"

#include <stdlib.h>

enum {
    FUZZ_BYTES = 4 << 20,  /* that one input may unpack to */
    FUZZ_STEPS = 20000,    /* headers and blocks */
    FUZZ_MEMBER = 1 << 20, /* bytes of the largest member */
    FUZZ_ARENA = 16 << 20,
    FUZZ_DEPTH = 1
};

typedef struct fuzz_sink {
    kj_sink base; /* first: the functions below cast back */
    kj_arena arena;
    uint64_t bytes;
    size_t steps;
    unsigned depth;
    unsigned sum; /* of all bytes seen, so that looking is not optimized away */
} fuzz_sink;

static void fuzz_walk(kj_span bytes, kj_span name, unsigned depth, const kj_format *only);

static inline unsigned fuzz_look(kj_span bytes)
{
    unsigned sum = 0;
    for (size_t i = 0; i < bytes.len; i++)
        sum += bytes.data[i];
    return sum;
}

static kj_status fuzz_child(kj_sink *base, const kj_member *member, kj_span bytes, kj_error *err)
{
    (void)err;
    fuzz_sink *sink = (fuzz_sink *)(void *)base;
    if (bytes.len > FUZZ_MEMBER || member->size != bytes.len)
        abort();
    sink->sum += fuzz_look(member->name) + fuzz_look(member->content_type) + fuzz_look(bytes);
    if (sink->depth < FUZZ_DEPTH)
        fuzz_walk(bytes, member->name, sink->depth + 1, NULL);
    return KJ_OK;
}

static void fuzz_unseen(kj_sink *base, kj_status why, kj_span member, const char *sentence)
{
    fuzz_sink *sink = (fuzz_sink *)(void *)base;
    if (why == KJ_OK || !sentence[0])
        abort();
    sink->sum += fuzz_look(member);
}

static kj_status fuzz_account(kj_sink *base, uint64_t bytes, kj_error *err)
{
    fuzz_sink *sink = (fuzz_sink *)(void *)base;
    sink->bytes += bytes;
    if (sink->bytes > FUZZ_BYTES || ++sink->steps > FUZZ_STEPS)
        return kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET, "enough");
    return KJ_OK;
}

static bool fuzz_reading(kj_sink *base, uint64_t bytes)
{
    fuzz_sink *sink = (fuzz_sink *)(void *)base;
    sink->bytes += bytes;
    return sink->bytes <= FUZZ_BYTES && ++sink->steps <= FUZZ_STEPS;
}

static inline void fuzz_scan(kj_object *object, const kj_format *format)
{
    fuzz_sink sink = {
        .base = {.child = fuzz_child,
                 .unseen = fuzz_unseen,
                 .account = fuzz_account,
                 .reading = fuzz_reading,
                 .largest_member = FUZZ_MEMBER},
        .depth = object->depth,
    };
    kj_error err = {0};
    kj_arena_init(&sink.arena, FUZZ_ARENA);
    sink.base.arena = &sink.arena;
    if (format->scan(object, &sink.base, &err) != KJ_OK && !err.message[0])
        abort();
    for (size_t i = 0; object->mail && i < object->mail->header_count; i++)
        sink.sum += fuzz_look(object->mail->headers[i].value);
    object->mail = NULL;
    kj_arena_done(&sink.arena);
}

/* Walks as `only`, or as everything that claims the bytes. */
static void fuzz_walk(kj_span bytes, kj_span name, unsigned depth, const kj_format *only)
{
    kj_object object = {.bytes = bytes, .name = name, .path = name, .depth = depth};
    uint64_t offset;
    kj_identify(bytes, &object.claims);
    kj_identify_declared((kj_span){0}, name, &object.claims);
    if (object.claims.count == 0)
        abort();
    if (only)
        object.claims = (kj_claims){.formats = {only}, .count = 1};
    for (size_t i = 0; i < object.claims.count; i++) {
        const kj_format *format = object.claims.formats[i];
        if (format->entry_point && format->entry_point(bytes, &offset) && offset >= bytes.len)
            abort();
        if (format->scan)
            fuzz_scan(&object, format);
    }
}
