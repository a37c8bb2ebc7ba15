/* SPDX-License-Identifier: Apache-2.0 */
/* Hives as tests need them: cells one behind the other in bins, put together by hand, so that they
 * can also be wrong. A hive that is built with these functions alone passes the strict check, when
 * its lists are given in order. Names are C strings, or units for what these cannot say. */
#pragma once

#include "base/arith.h"
#include "base/text.h"
#include "formats/regf_private.h"

#include <stdlib.h>

typedef struct hive {
    kj_buf bytes;
    uint32_t minor;
    uint32_t next;     /* where the next cell goes */
    uint32_t bin_end;  /* of the bin that is being filled */
    uint32_t security; /* the one record */
    uint32_t key_count;
    uint32_t root;
} hive;

#define HIVE_WRITTEN UINT64_C(125911584000000000) /* 2000-01-01 */

static inline void hive_put(hive *h, size_t at, uint64_t value, size_t width)
{
    for (size_t i = 0; i < width; i++)
        h->bytes.data[at + i] = (uint8_t)(value >> 8 * i);
}

/* Patches the content of a cell; `at` counts from behind its size. */
static inline void hive_patch(hive *h, uint32_t cell, uint32_t at, uint64_t value, size_t width)
{
    hive_put(h, (size_t)KJ_REGF_HEADER_LEN + cell + 4 + at, value, width);
}

static inline void hive_set_size(hive *h, uint32_t cell, int32_t size)
{
    hive_put(h, (size_t)KJ_REGF_HEADER_LEN + cell, (uint32_t)size, 4);
}

/* What is left of the bin becomes a free cell. */
static inline void hive_end_bin(hive *h)
{
    if (h->next < h->bin_end)
        hive_set_size(h, h->next, (int32_t)(h->bin_end - h->next));
    h->next = h->bin_end;
}

static inline void hive_new_bin(hive *h, uint32_t need)
{
    hive_end_bin(h);
    uint32_t size =
        (need + KJ_REGF_BIN_HEADER_LEN + KJ_REGF_PAGE - 1) / KJ_REGF_PAGE * KJ_REGF_PAGE;
    kj_buf_put_text(&h->bytes, "hbin");
    kj_buf_put_u32le(&h->bytes, h->bin_end);
    kj_buf_put_u32le(&h->bytes, size);
    kj_buf_put_u64le(&h->bytes, 0);
    kj_buf_put_u64le(&h->bytes, h->bin_end ? 0 : HIVE_WRITTEN);
    kj_buf_put_zeros(&h->bytes, size - 28);
    h->next = h->bin_end + KJ_REGF_BIN_HEADER_LEN;
    h->bin_end += size;
}

/* A used cell with that content. */
static inline uint32_t hive_cell(hive *h, kj_span content)
{
    uint32_t size = (uint32_t)(content.len + 4 + 7) / 8 * 8;
    if (h->bin_end - h->next < size)
        hive_new_bin(h, size);
    uint32_t cell = h->next;
    h->next += size;
    hive_set_size(h, cell, -(int32_t)size);
    if (content.len)
        memcpy(h->bytes.data + KJ_REGF_HEADER_LEN + cell + 4, content.data, content.len);
    return cell;
}

/* The content that `part` holds; it is emptied. */
static inline uint32_t hive_cell_of(hive *h, kj_buf *part)
{
    uint32_t cell = hive_cell(h, kj_buf_span(part));
    kj_buf_done(part);
    return cell;
}

static inline kj_reg_name hive_name(const char *text)
{
    return (kj_reg_name){kj_span_str(text), false};
}

/* Of `count` units in the machine's order, which is assumed to be little-endian. */
static inline kj_reg_name hive_wide(const uint16_t *units, size_t count)
{
    return (kj_reg_name){kj_span_of(units, count * 2), true};
}

static inline uint32_t hive_key(hive *h, uint32_t parent, kj_reg_name name)
{
    kj_buf part;
    kj_buf_init(&part, 1 << 20);
    kj_buf_put_text(&part, "nk");
    uint16_t flags = name.wide ? 0 : KJ_REGF_NK_BYTES;
    kj_buf_put_u16le(&part, parent == KJ_REG_NONE ? flags | 0x0C : flags);
    kj_buf_put_u64le(&part, HIVE_WRITTEN + h->key_count);
    const uint32_t words[] = {0,           parent, 0,           0,           KJ_REG_NONE,
                              KJ_REG_NONE, 0,      KJ_REG_NONE, h->security, KJ_REG_NONE,
                              0,           0,      0,           0,           0};
    for (size_t i = 0; i < KJ_COUNT(words); i++)
        kj_buf_put_u32le(&part, words[i]);
    kj_buf_put_u16le(&part, (uint16_t)name.raw.len);
    kj_buf_put_u16le(&part, 0);
    kj_buf_put(&part, name.raw);
    h->key_count++;
    return hive_cell_of(h, &part);
}

static inline uint32_t hive_security(hive *h)
{
    kj_buf part;
    kj_buf_init(&part, 1 << 10);
    kj_buf_put_text(&part, "sk");
    kj_buf_put_u16le(&part, 0);
    kj_buf_put_zeros(&part, 8); /* a ring of one */
    kj_buf_put_u32le(&part, 0); /* keys: known at the end */
    kj_buf_put_u32le(&part, 20);
    kj_buf_put_u32le(&part, 0x80000001); /* a self-relative descriptor without an owner */
    kj_buf_put_zeros(&part, 16);
    uint32_t cell = hive_cell_of(h, &part);
    hive_patch(h, cell, 4, cell, 4);
    hive_patch(h, cell, 8, cell, 4);
    return cell;
}

/* A hive of version 1.`minor` with a root key and nothing in it. */
static inline void hive_init(hive *h, uint32_t minor)
{
    *h = (hive){.minor = minor};
    kj_buf_init(&h->bytes, 16 << 20);
    kj_buf_put_zeros(&h->bytes, KJ_REGF_HEADER_LEN);
    h->security = hive_security(h);
    h->root = hive_key(h, KJ_REG_NONE, hive_name("ROOT"));
}

static inline void hive_done(hive *h)
{
    kj_buf_done(&h->bytes);
}

static inline uint32_t hive_u32_list(hive *h, const uint32_t *items, size_t count)
{
    kj_buf part;
    kj_buf_init(&part, 1 << 20);
    for (size_t i = 0; i < count; i++)
        kj_buf_put_u32le(&part, items[i]);
    return hive_cell_of(h, &part);
}

/* The data of a value that does not stand in its record. */
static inline uint32_t hive_data(hive *h, kj_span data)
{
    if (data.len <= KJ_REGF_SEGMENT_LEN || h->minor <= 3)
        return hive_cell(h, data);
    uint32_t segments[64];
    size_t count = 0;
    for (size_t at = 0; at < data.len; at += KJ_REGF_SEGMENT_LEN) {
        kj_span part = kj_span_sub(data, at, KJ_REGF_SEGMENT_LEN);
        segments[count++] = hive_cell(h, part);
    }
    kj_buf part;
    kj_buf_init(&part, 1 << 10);
    kj_buf_put_text(&part, "db");
    kj_buf_put_u16le(&part, (uint16_t)count);
    kj_buf_put_u32le(&part, hive_u32_list(h, segments, count));
    return hive_cell_of(h, &part);
}

static inline uint32_t hive_value(hive *h, kj_reg_name name, uint32_t type, kj_span data)
{
    kj_buf part;
    kj_buf_init(&part, 1 << 20);
    kj_buf_put_text(&part, "vk");
    kj_buf_put_u16le(&part, (uint16_t)name.raw.len);
    if (data.len <= 4) {
        uint8_t bytes[4] = {0};
        if (data.len)
            memcpy(bytes, data.data, data.len);
        kj_buf_put_u32le(&part, KJ_REGF_INLINE | (uint32_t)data.len);
        kj_buf_put(&part, kj_span_of(bytes, 4));
    } else {
        kj_buf_put_u32le(&part, (uint32_t)data.len);
        kj_buf_put_u32le(&part, hive_data(h, data));
    }
    kj_buf_put_u32le(&part, type);
    kj_buf_put_u16le(&part, name.wide ? 0 : KJ_REGF_VK_BYTES);
    kj_buf_put_u16le(&part, 0);
    kj_buf_put(&part, name.raw);
    return hive_cell_of(h, &part);
}

static inline void hive_set_values(hive *h, uint32_t key, const uint32_t *values, size_t count)
{
    hive_patch(h, key, 36, count, 4);
    hive_patch(h, key, 40, hive_u32_list(h, values, count), 4);
}

static inline kj_reg_name hive_name_of(const hive *h, uint32_t key)
{
    const uint8_t *nk = h->bytes.data + KJ_REGF_HEADER_LEN + key + 4;
    return (kj_reg_name){kj_span_of(nk + KJ_REGF_NK_LEN, (size_t)nk[72] | (size_t)nk[73] << 8),
                         !(nk[2] & KJ_REGF_NK_BYTES)};
}

/* A list of that kind; of an ri the items are lists. */
static inline uint32_t hive_list(hive *h, uint16_t kind, const uint32_t *items, size_t count)
{
    kj_buf part;
    kj_buf_init(&part, 1 << 20);
    kj_buf_put_u16le(&part, kind);
    kj_buf_put_u16le(&part, (uint16_t)count);
    for (size_t i = 0; i < count; i++) {
        kj_buf_put_u32le(&part, items[i]);
        if (kind == KJ_REGF_LF)
            kj_buf_put_u32le(&part, kj_regf_hint(hive_name_of(h, items[i])));
        if (kind == KJ_REGF_LH)
            kj_buf_put_u32le(&part, kj_regf_hash(hive_name_of(h, items[i])));
    }
    return hive_cell_of(h, &part);
}

/* Makes a list the one of a key's subkeys, `count` in all. */
static inline void hive_set_subkeys(hive *h, uint32_t key, uint32_t list, size_t count)
{
    hive_patch(h, key, 20, count, 4);
    hive_patch(h, key, 28, list, 4);
}

/* The checksum, after the header was changed. */
static inline void hive_sum(hive *h)
{
    hive_put(h, KJ_REGF_CHECKSUM_AT, kj_regf_checksum(h->bytes.data), 4);
}

/* Ends the last bin and writes the header; to be called again after more was added. */
static inline void hive_finish(hive *h)
{
    static const char magic[4] = {'r', 'e', 'g', 'f'};
    hive_end_bin(h);
    memcpy(h->bytes.data, magic, sizeof magic);
    hive_put(h, KJ_REGF_SEQUENCE1_AT, 7, 4);
    hive_put(h, KJ_REGF_SEQUENCE2_AT, 7, 4);
    hive_put(h, KJ_REGF_WRITTEN_AT, HIVE_WRITTEN, 8);
    hive_put(h, 20, 1, 4);
    hive_put(h, 24, h->minor, 4);
    hive_put(h, 32, 1, 4); /* format */
    hive_put(h, KJ_REGF_ROOT_AT, h->root, 4);
    hive_put(h, KJ_REGF_DATA_SIZE_AT, h->bin_end, 4);
    hive_put(h, 44, 1, 4); /* sectors a cluster */
    hive_patch(h, h->security, 12, h->key_count, 4);
    hive_sum(h);
}
