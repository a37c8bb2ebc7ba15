/* SPDX-License-Identifier: Apache-2.0 */
#include "base/front_coded.h"

#include "base/arith.h"
#include "base/crc32c.h"
#include "base/reader.h"

#include <stdlib.h>
#include <string.h>

enum {
    RECENT = 1 << 12, /* slots: they stay in the cache */
    RECENT_TEXT = 63, /* bytes; longer texts are not remembered */
    VARINT_MAX = 5,
    ENTRY_MAX = 2 * VARINT_MAX + KJ_FRONT_TEXT_MAX + 2,
};

/* Texts that were added lately, a slot each. Most texts are new, which `known` shows without a look
 * at the texts. */
typedef struct kj_front_recent {
    struct {
        uint32_t number_plus_1; /* 0: none */
        uint32_t crc;
    } known[RECENT];
    struct {
        uint8_t len;
        uint8_t text[RECENT_TEXT];
    } texts[RECENT];
} recent;

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

static uint8_t *put_varint(uint8_t *out, size_t value)
{
    for (; value >= 0x80; value >>= 7)
        *out++ = (uint8_t)(value | 0x80);
    *out++ = (uint8_t)value;
    return out;
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

/* Of the text's checksum and its number. */
static uint16_t check_of(uint32_t crc, uint32_t number)
{
    return (uint16_t)((crc ^ number * UINT32_C(0x9E3779B1)) >> 16);
}

/* ---- reading -------------------------------------------------------------------------------- */

/* Reads the entry of that number: `out` holds `len` bytes of the text before it. The new length; 0:
 * damaged. */
static size_t read_entry(kj_reader *r, uint32_t number, uint8_t *out, size_t len)
{
    uint32_t shared = read_varint(r), rest = read_varint(r);
    if (shared > len || rest > KJ_FRONT_TEXT_MAX - shared)
        return 0;
    kj_span bytes = kj_read_span(r, rest);
    uint16_t check = kj_read_u16le(r);
    if (!kj_reader_ok(r))
        return 0;
    if (bytes.len)
        memcpy(out + shared, bytes.data, bytes.len);
    kj_span text = kj_span_of(out, shared + bytes.len);
    return check == check_of(kj_crc32c(text), number) ? text.len : 0;
}

kj_span kj_front_text(const kj_front_view *view, uint32_t number, uint8_t *out)
{
    uint32_t block = number / KJ_FRONT_BLOCK;
    if (block >= view->block_count)
        return (kj_span){0};
    kj_reader r = kj_reader_of(view->bytes);
    kj_seek(&r, view->blocks[block]);
    size_t len = 0;
    for (uint32_t i = number - number % KJ_FRONT_BLOCK; i <= number; i++) {
        len = read_entry(&r, i, out, len);
        if (len == 0)
            return (kj_span){0};
    }
    return kj_span_of(out, len);
}

bool kj_front_next(kj_front_walk *walk)
{
    for (;;) {
        uint64_t block = walk->next / KJ_FRONT_BLOCK;
        if (block >= walk->view->block_count)
            return false;
        bool first = walk->next % KJ_FRONT_BLOCK == 0;
        kj_reader r = kj_reader_of(walk->view->bytes);
        kj_seek(&r, first ? walk->view->blocks[block] : walk->pos);
        size_t len = read_entry(&r, (uint32_t)walk->next, walk->bytes, first ? 0 : walk->text.len);
        if (len > 0) {
            walk->number = (uint32_t)walk->next++;
            walk->text = kj_span_of(walk->bytes, len);
            walk->pos = r.pos;
            return true;
        }
        walk->next = (block + 1) * KJ_FRONT_BLOCK;
    }
}

kj_status kj_front_verify(const kj_front_view *view, uint32_t block, uint32_t *out_count,
                          kj_error *err)
{
    uint8_t text[KJ_FRONT_TEXT_MAX];
    bool last = block + 1 >= view->block_count;
    size_t end = last ? view->bytes.len : view->blocks[block + 1], len = 0;
    uint32_t count = 0;
    kj_reader r = kj_reader_of(view->bytes);
    if (block >= view->block_count || (block == 0 && view->blocks[0] != 0))
        return kj_fail(err, KJ_MALFORMED, r.pos, "a block of names is not where it should be");
    for (kj_seek(&r, view->blocks[block]); r.pos < end && count < KJ_FRONT_BLOCK; count++) {
        len = read_entry(&r, block * KJ_FRONT_BLOCK + count, text, len);
        if (len == 0)
            return kj_fail(err, KJ_MALFORMED, r.pos, "a name is damaged");
    }
    if (!kj_reader_ok(&r) || r.pos != end || count == 0 || (!last && count != KJ_FRONT_BLOCK))
        return kj_fail(err, KJ_MALFORMED, r.pos, "a block of names does not end where it should");
    *out_count = count;
    return KJ_OK;
}

/* ---- writing -------------------------------------------------------------------------------- */

static bool is_in(const recent *r, uint32_t crc, kj_span text)
{
    uint32_t slot = crc & (RECENT - 1);
    return r->known[slot].number_plus_1 && r->known[slot].crc == crc &&
           kj_span_equal(kj_span_of(r->texts[slot].text, r->texts[slot].len), text);
}

static kj_status append(kj_front_writer *w, kj_span text, uint32_t crc, kj_error *err)
{
    uint8_t entry[ENTRY_MAX];
    bool first = w->count % KJ_FRONT_BLOCK == 0;
    if (first)
        kj_buf_put_u32le(&w->blocks, (uint32_t)w->bytes.len);
    size_t shared = first ? 0 : shared_with(kj_span_of(w->last, w->last_len), text);
    uint8_t *end = put_varint(put_varint(entry, shared), text.len - shared);
    memcpy(end, text.data + shared, text.len - shared);
    end += text.len - shared;
    uint16_t check = check_of(crc, w->count);
    *end++ = (uint8_t)check;
    *end++ = (uint8_t)(check >> 8);
    kj_buf_put(&w->bytes, kj_span_of(entry, (size_t)(end - entry)));
    if (w->bytes.failed || w->blocks.failed)
        return w->bytes.starved || w->blocks.starved
                   ? kj_no_memory(err)
                   : kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET, "more than 4 GiB of names");
    memcpy(w->last, text.data, text.len);
    w->last_len = text.len;
    w->count++;
    return KJ_OK;
}

static void remember(kj_front_writer *w, uint32_t crc, kj_span text)
{
    uint32_t slot = crc & (RECENT - 1);
    if (text.len > RECENT_TEXT)
        return;
    w->recent->known[slot].number_plus_1 = w->count;
    w->recent->known[slot].crc = crc;
    w->recent->texts[slot].len = (uint8_t)text.len;
    memcpy(w->recent->texts[slot].text, text.data, text.len);
}

kj_status kj_front_add(kj_front_writer *w, kj_span text, uint32_t *out, kj_error *err)
{
    if (text.len == 0 || text.len > KJ_FRONT_TEXT_MAX)
        return kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET, "a name of %zu bytes", text.len);
    if (w->count == UINT32_MAX - 1)
        return kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET, "more names than have a number");
    if (w->count && kj_span_equal(kj_span_of(w->last, w->last_len), text)) {
        *out = w->count - 1;
        return KJ_OK;
    }
    if (!w->recent)
        w->recent = calloc(1, sizeof *w->recent);
    if (!w->recent)
        return kj_no_memory(err);
    uint32_t crc = kj_crc32c(text);
    if (is_in(w->recent, crc, text)) {
        *out = w->recent->known[crc & (RECENT - 1)].number_plus_1 - 1;
        return KJ_OK;
    }
    KJ_TRY(append(w, text, crc, err));
    remember(w, crc, text);
    *out = w->count - 1;
    return KJ_OK;
}
