/* SPDX-License-Identifier: Apache-2.0 */
/* Borrowed bytes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Borrowed bytes. Whoever hands one out says who owns it. `data` may be NULL when len is 0. */
typedef struct kj_span {
    const uint8_t *data;
    size_t len;
} kj_span;

/* The bytes of a C string, without its NUL. NULL gives the empty span. */
static inline kj_span kj_span_str(const char *text)
{
    return (kj_span){(const uint8_t *)text, text ? strlen(text) : 0};
}

static inline kj_span kj_span_of(const void *data, size_t len)
{
    return (kj_span){data, len};
}

/* The part of `s` from `offset`, `len` bytes long; both are cut to what is there. */
static inline kj_span kj_span_sub(kj_span s, size_t offset, size_t len)
{
    if (offset >= s.len)
        return (kj_span){0};
    size_t left = s.len - offset;
    return (kj_span){s.data + offset, len < left ? len : left};
}

static inline bool kj_span_equal(kj_span a, kj_span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static inline bool kj_span_is(kj_span s, const char *text)
{
    return kj_span_equal(s, kj_span_str(text));
}

static inline bool kj_span_starts(kj_span s, kj_span prefix)
{
    return s.len >= prefix.len && kj_span_equal(kj_span_sub(s, 0, prefix.len), prefix);
}

/* Bytewise order: -1, 0, 1. A prefix sorts before what it begins. */
static inline int kj_span_compare(kj_span a, kj_span b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common ? memcmp(a.data, b.data, common) : 0;
    if (order != 0)
        return order < 0 ? -1 : 1;
    return a.len < b.len ? -1 : a.len > b.len;
}

/* Offset of the first `needle` in `s` at or after `from`, or SIZE_MAX. In linear time. */
size_t kj_span_find(kj_span s, kj_span needle, size_t from);

/* Offset of the first byte that is `a` or `b`, at or after `from`; s.len when there is none. Takes
 * time for what it passes only, however far away the other is. */
size_t kj_span_find_either(kj_span s, uint8_t a, uint8_t b, size_t from);

/* Offset behind the LF of the line that `from` is in, or s.len. */
size_t kj_span_next_line(kj_span s, size_t from);

/* Offset of the next line at or after `from`, which begins one, that begins with a byte; SIZE_MAX:
 * none does. Where lines are short this is faster than a search for LF and the byte. */
size_t kj_span_find_line(kj_span s, uint8_t first, size_t from);
