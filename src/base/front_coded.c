/* SPDX-License-Identifier: Apache-2.0 */
#include "base/front_coded.h"

#include "base/arith.h"
#include "base/crc32c.h"
#include "base/reader.h"

#include <stdlib.h>
#include <string.h>

enum {
    RECENT = 1 << 16, /* slots, two words each: checksum, number + 1 */
    VARINT_MAX = 5,
};

void kj_front_init(kj_front_writer *writer)
{
    *writer = (kj_front_writer){0};
    kj_buf_init(&writer->bytes, UINT32_MAX);
    kj_buf_init(&writer->blocks, UINT32_MAX);
}

void kj_front_done(kj_front_writer *writer)
{
    kj_buf_done(&writer->bytes);
    kj_buf_done(&writer->blocks);
    free(writer->recent);
    *writer = (kj_front_writer){0};
}

static void put_varint(kj_buf *out, uint32_t value)
{
    for (; value >= 0x80; value >>= 7)
        kj_buf_put_byte(out, (uint8_t)(value | 0x80));
    kj_buf_put_byte(out, (uint8_t)value);
}

static uint32_t read_varint(kj_reader *r)
{
    uint32_t value = 0;
    for (unsigned i = 0; i < VARINT_MAX; i++) {
        uint8_t byte = kj_read_u8(r);
        value |= (uint32_t)(byte & 0x7F) << (7 * i);
        if (!(byte & 0x80))
            return value;
    }
    kj_seek(r, UINT64_MAX); /* no number that we wrote: fails the reader */
    return 0;
}

static size_t shared_with(kj_span a, kj_span b)
{
    size_t len = a.len < b.len ? a.len : b.len, i = 0;
    while (i < len && a.data[i] == b.data[i])
        i++;
    return i;
}

static uint8_t check_of(kj_span text)
{
    return (uint8_t)(kj_crc32c(text) >> 24);
}

kj_span kj_front_text(const kj_front_view *view, uint32_t number, uint8_t *out)
{
    uint32_t block = number / KJ_FRONT_BLOCK;
    if (block >= view->block_count)
        return (kj_span){0};
    kj_reader r = kj_reader_of(view->bytes);
    kj_seek(&r, view->blocks[block]);
    size_t len = 0;
    for (uint32_t i = 0; i <= number % KJ_FRONT_BLOCK; i++) {
        uint32_t shared = read_varint(&r), rest = read_varint(&r);
        if (shared > len || rest > KJ_FRONT_TEXT_MAX - shared)
            return (kj_span){0};
        kj_span bytes = kj_read_span(&r, rest);
        if (!kj_reader_ok(&r))
            return (kj_span){0};
        if (bytes.len)
            memcpy(out + shared, bytes.data, bytes.len);
        len = shared + bytes.len;
        if (kj_read_u8(&r) != check_of(kj_span_of(out, len)) || !kj_reader_ok(&r))
            return (kj_span){0};
    }
    return kj_span_of(out, len);
}

/* A text of that checksum that was added lately: its number + 1, or 0. It is compared, since
 * checksums of two texts may be equal. */
static uint32_t find_recent(const kj_front_writer *w, kj_span text, uint32_t crc)
{
    const uint32_t *slot = &w->recent[2 * (size_t)(crc % RECENT)];
    uint8_t known[KJ_FRONT_TEXT_MAX];
    if (slot[1] == 0 || slot[0] != crc)
        return 0;
    const kj_front_view view = {kj_buf_span(&w->bytes),
                                (const uint32_t *)(const void *)w->blocks.data,
                                (uint32_t)(w->blocks.len / sizeof(uint32_t))};
    return kj_span_equal(kj_front_text(&view, slot[1] - 1, known), text) ? slot[1] : 0;
}

static kj_status append(kj_front_writer *w, kj_span text, uint32_t crc, kj_error *err)
{
    bool first = w->count % KJ_FRONT_BLOCK == 0;
    if (first)
        kj_buf_put_u32le(&w->blocks, (uint32_t)w->bytes.len);
    size_t shared = first ? 0 : shared_with(kj_span_of(w->last, w->last_len), text);
    put_varint(&w->bytes, (uint32_t)shared);
    put_varint(&w->bytes, (uint32_t)(text.len - shared));
    kj_buf_put(&w->bytes, kj_span_sub(text, shared, text.len - shared));
    kj_buf_put_byte(&w->bytes, check_of(text));
    if (w->bytes.failed || w->blocks.failed)
        return w->bytes.starved || w->blocks.starved
                   ? kj_no_memory(err)
                   : kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET, "more than 4 GiB of names");
    memcpy(w->last, text.data, text.len);
    w->last_len = text.len;
    uint32_t *slot = &w->recent[2 * (size_t)(crc % RECENT)];
    slot[0] = crc;
    slot[1] = ++w->count;
    return KJ_OK;
}

kj_status kj_front_add(kj_front_writer *w, kj_span text, uint32_t *out, kj_error *err)
{
    if (text.len == 0 || text.len > KJ_FRONT_TEXT_MAX || w->count == UINT32_MAX - 1)
        return kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET, "a name of %zu bytes", text.len);
    if (w->count && kj_span_equal(kj_span_of(w->last, w->last_len), text)) {
        *out = w->count - 1;
        return KJ_OK;
    }
    if (!w->recent)
        w->recent = calloc((size_t)RECENT * 2, sizeof *w->recent);
    if (!w->recent)
        return kj_no_memory(err);
    uint32_t crc = kj_crc32c(text), known = find_recent(w, text, crc);
    if (!known) {
        KJ_TRY(append(w, text, crc, err));
        known = w->count;
    }
    *out = known - 1;
    return KJ_OK;
}
