/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include "base/arith.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

void kj_buf_init(kj_buf *buf, size_t max)
{
    *buf = (kj_buf){.max = max};
}

void kj_buf_done(kj_buf *buf)
{
    free(buf->data);
    *buf = (kj_buf){0};
}

void kj_buf_done_into(kj_buf *part, kj_buf *whole)
{
    whole->failed |= part->starved;
    whole->starved |= part->starved;
    kj_buf_done(part);
}

void kj_buf_clear(kj_buf *buf)
{
    buf->len = 0;
    buf->failed = false;
}

/* A page fault costs more than filling the page: asks for large ones, where the system has them. */
static void use_large_pages(const kj_buf *buf)
{
    enum { LARGE = 2 << 20 };
    if (buf->capacity < 2 * LARGE)
        return;
    size_t lead = -(uintptr_t)buf->data % LARGE;
    (void)madvise(buf->data + lead, (buf->capacity - lead) / LARGE * LARGE, MADV_HUGEPAGE);
}

uint8_t *kj_buf_reserve(kj_buf *buf, size_t len)
{
    if (buf->failed || len > buf->max - buf->len) {
        buf->failed = true;
        return NULL;
    }
    size_t need = buf->len + len;
    if (need <= buf->capacity && buf->data)
        return buf->data + buf->len;
    size_t grown = kj_max_size(buf->capacity + buf->capacity / 2, 256);
    size_t capacity = kj_max_size(need, kj_min_size(grown, buf->max));
    uint8_t *data = realloc(buf->data, capacity);
    if (!data) {
        buf->failed = buf->starved = true;
        return NULL;
    }
    buf->data = data;
    buf->capacity = capacity;
    use_large_pages(buf);
    return data + buf->len;
}

void kj_buf_added(kj_buf *buf, size_t len)
{
    buf->len += len;
}

void kj_buf_put(kj_buf *buf, kj_span bytes)
{
    uint8_t *out = kj_buf_reserve(buf, bytes.len);
    if (!out || bytes.len == 0)
        return;
    memcpy(out, bytes.data, bytes.len);
    buf->len += bytes.len;
}

void kj_buf_put_byte(kj_buf *buf, uint8_t byte)
{
    kj_buf_put(buf, kj_span_of(&byte, 1));
}

void kj_buf_put_text(kj_buf *buf, const char *text)
{
    kj_buf_put(buf, kj_span_str(text));
}

void kj_buf_printf(kj_buf *buf, const char *format, ...)
{
    char small[512];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(small, sizeof small, format, args);
    va_end(args);
    if (len < 0)
        buf->failed = true;
    else if ((size_t)len < sizeof small)
        kj_buf_put(buf, kj_span_of(small, (size_t)len));
    else {
        uint8_t *out = kj_buf_reserve(buf, (size_t)len + 1);
        if (!out)
            return;
        va_start(args, format);
        (void)vsnprintf((char *)out, (size_t)len + 1, format, args);
        va_end(args);
        buf->len += (size_t)len;
    }
}

static void put_le(kj_buf *buf, uint64_t value, size_t width)
{
    uint8_t bytes[8];
    for (size_t i = 0; i < width; i++)
        bytes[i] = (uint8_t)(value >> (8 * i));
    kj_buf_put(buf, kj_span_of(bytes, width));
}

void kj_buf_put_u16le(kj_buf *buf, uint16_t value)
{
    put_le(buf, value, 2);
}

void kj_buf_put_u32le(kj_buf *buf, uint32_t value)
{
    put_le(buf, value, 4);
}

void kj_buf_put_u64le(kj_buf *buf, uint64_t value)
{
    put_le(buf, value, 8);
}

void kj_buf_put_sized(kj_buf *buf, kj_span bytes)
{
    kj_buf_put_u32le(buf, (uint32_t)bytes.len);
    kj_buf_put(buf, bytes);
}

void kj_buf_put_zeros(kj_buf *buf, size_t count)
{
    uint8_t *out = kj_buf_reserve(buf, count);
    if (!out || count == 0)
        return;
    memset(out, 0, count);
    buf->len += count;
}

void kj_buf_align(kj_buf *buf, size_t alignment)
{
    kj_buf_put_zeros(buf, (0 - buf->len) & (alignment - 1));
}

const char *kj_buf_text(kj_buf *buf)
{
    uint8_t *end = kj_buf_reserve(buf, 1);
    if (!end)
        return "";
    *end = '\0';
    return (const char *)buf->data;
}
