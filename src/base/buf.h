/* SPDX-License-Identifier: Apache-2.0 */
/* A growing buffer with a maximum. There is no unbounded one. */
#pragma once

#include "base/span.h"
#include "base/status.h"

/* Appending past `max`, or running out of memory, makes the buffer fail: from then on it ignores
 * what is appended, and `failed` says so. Check it once, at the end. */
typedef struct kj_buf {
    uint8_t *data;
    size_t len;
    size_t capacity;
    size_t max;
    bool failed;
    bool starved; /* memory ran out, now or before it was emptied */
} kj_buf;

void kj_buf_init(kj_buf *buf, size_t max);
void kj_buf_done(kj_buf *buf);

/* Empties it and clears a failure, but not `starved`; keeps the memory. */
void kj_buf_clear(kj_buf *buf);

void kj_buf_put(kj_buf *buf, kj_span bytes);
void kj_buf_put_byte(kj_buf *buf, uint8_t byte);
void kj_buf_put_text(kj_buf *buf, const char *text);
void kj_buf_printf(kj_buf *buf, const char *format, ...) KJ_PRINTF(2, 3);
void kj_buf_put_u16le(kj_buf *buf, uint16_t value);
void kj_buf_put_u32le(kj_buf *buf, uint32_t value);
void kj_buf_put_u64le(kj_buf *buf, uint64_t value);
void kj_buf_put_sized(kj_buf *buf, kj_span bytes); /* their number as u32 first: kj_read_sized() */
void kj_buf_put_zeros(kj_buf *buf, size_t count);

/* Gives back a buffer of which `whole` got the content: what it lacked for want of memory, that
 * lacks, too. */
void kj_buf_done_into(kj_buf *part, kj_buf *whole);

/* Appends zeros until the length is a multiple of `alignment`, a power of two. */
void kj_buf_align(kj_buf *buf, size_t alignment);

/* Room for `len` more bytes to write into directly, NULL when it fails; then kj_buf_added(). */
uint8_t *kj_buf_reserve(kj_buf *buf, size_t len);
void kj_buf_added(kj_buf *buf, size_t len);

/* Its text with a NUL behind, borrowed until the next append; "" when it failed. */
const char *kj_buf_text(kj_buf *buf);

static inline kj_span kj_buf_span(const kj_buf *buf)
{
    return (kj_span){buf->data, buf->len};
}
