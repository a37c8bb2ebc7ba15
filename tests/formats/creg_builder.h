/* SPDX-License-Identifier: Apache-2.0 */
/* Registries of Windows 9x in miniature, laid out as real ones are: see formats/creg.c. */
#pragma once

#include "base/arith.h"
#include "base/buf.h"
#include "base/store.h"

enum {
    CREG_KEYS_MAX = 16,
    CREG_VALUES_MAX = 8,
    CREG_BLOCKS = 2,
    CREG_NODE_LEN = 28,
    CREG_FREE_LEN = 40,
};

typedef struct creg_value {
    const char *name;
    uint32_t type;
    kj_span data;
} creg_value;

typedef struct creg_key {
    const char *name;
    size_t parent;
    creg_value values[CREG_VALUES_MAX];
    size_t value_count;
} creg_key;

/* Key 0 is the root; it has no name and no values. */
typedef struct creg_builder {
    creg_key keys[CREG_KEYS_MAX];
    size_t count;
} creg_builder;

static inline size_t creg_add_key(creg_builder *b, size_t parent, const char *name)
{
    b->count = kj_max_size(b->count, 1);
    b->keys[b->count] = (creg_key){.name = name, .parent = parent};
    return b->count++;
}

static inline void creg_add_value(creg_builder *b, size_t key, const char *name, uint32_t type,
                                  kj_span data)
{
    b->keys[key].values[b->keys[key].value_count++] = (creg_value){name, type, data};
}

/* The next key after `from` below the parent, counted from the tree's beginning. */
static inline uint32_t creg_node_link(const creg_builder *b, size_t from, size_t parent)
{
    for (size_t i = from + 1; i < b->count; i++)
        if (b->keys[i].parent == parent)
            return (uint32_t)(32 + i * CREG_NODE_LEN);
    return UINT32_MAX;
}

static inline uint32_t creg_name_hash(const char *name)
{
    uint32_t sum = 0;
    for (; *name; name++)
        sum += *name >= 'a' && *name <= 'z' ? (uint8_t)(*name - 32) : (uint8_t)*name;
    return sum;
}

static inline void creg_put_tree(const creg_builder *b, kj_buf *out)
{
    kj_buf_put_text(out, "RGKN");
    kj_buf_put_u32le(out, (uint32_t)(32 + b->count * CREG_NODE_LEN));
    kj_buf_put_u32le(out, 32);
    kj_buf_put_zeros(out, 20);
    for (size_t i = 0; i < b->count; i++) {
        const creg_key *key = &b->keys[i];
        kj_buf_put_u32le(out, 0);
        kj_buf_put_u32le(out, i ? creg_name_hash(key->name) : 0);
        kj_buf_put_u32le(out, 0x1BE8C);
        kj_buf_put_u32le(out, i ? (uint32_t)(32 + key->parent * CREG_NODE_LEN) : UINT32_MAX);
        kj_buf_put_u32le(out, creg_node_link(b, i, i));
        kj_buf_put_u32le(out, i ? creg_node_link(b, i, key->parent) : UINT32_MAX);
        kj_buf_put_u16le(out, i ? (uint16_t)i : UINT16_MAX);
        kj_buf_put_u16le(out, i ? (uint16_t)(i % CREG_BLOCKS) : UINT16_MAX);
    }
}

/* With a few bytes of slack behind, as many as the id says. */
static inline void creg_put_entry(const creg_key *key, size_t id, kj_buf *out)
{
    size_t start = out->len, name_len = strlen(key->name);
    kj_buf_put_u32le(out, 0);
    kj_buf_put_u16le(out, (uint16_t)id);
    kj_buf_put_u16le(out, 0);
    kj_buf_put_u32le(out, 0);
    kj_buf_put_u16le(out, (uint16_t)name_len);
    kj_buf_put_u16le(out, (uint16_t)key->value_count);
    kj_buf_put_u32le(out, 0);
    kj_buf_put_text(out, key->name);
    for (size_t i = 0; i < key->value_count; i++) {
        const creg_value *value = &key->values[i];
        kj_buf_put_u32le(out, value->type);
        kj_buf_put_u32le(out, UINT32_MAX);
        kj_buf_put_u16le(out, (uint16_t)strlen(value->name));
        kj_buf_put_u16le(out, (uint16_t)value->data.len);
        kj_buf_put_text(out, value->name);
        kj_buf_put(out, value->data);
    }
    kj_store_u32le(out->data + start + 8, (uint32_t)(out->len - start));
    kj_buf_put_zeros(out, id);
    kj_store_u32le(out->data + start, (uint32_t)(out->len - start));
}

static inline void creg_put_block(const creg_builder *b, size_t number, kj_buf *out)
{
    size_t start = out->len;
    kj_buf_put_text(out, "RGDB");
    kj_buf_put_u32le(out, 0);
    kj_buf_put_u32le(out, CREG_FREE_LEN);
    kj_buf_put_u16le(out, 8);
    kj_buf_put_u16le(out, (uint16_t)number);
    kj_buf_put_zeros(out, 16);
    for (size_t i = 1; i < b->count; i++)
        if (i % CREG_BLOCKS == number)
            creg_put_entry(&b->keys[i], i, out);
    kj_buf_put_u32le(out, CREG_FREE_LEN);
    kj_buf_put_u16le(out, UINT16_MAX);
    kj_buf_put_zeros(out, CREG_FREE_LEN - 6);
    kj_store_u32le(out->data + start + 4, (uint32_t)(out->len - start));
}

/* `out` is large enough. */
static inline void creg_build(const creg_builder *b, kj_buf *out)
{
    kj_buf_clear(out);
    kj_buf_put_text(out, "CREG");
    kj_buf_put_u32le(out, 0x10000);
    kj_buf_put_u32le(out, (uint32_t)(64 + b->count * CREG_NODE_LEN));
    kj_buf_put_u32le(out, 0);
    kj_buf_put_u16le(out, CREG_BLOCKS);
    kj_buf_put_zeros(out, 14);
    creg_put_tree(b, out);
    for (size_t i = 0; i < CREG_BLOCKS; i++)
        creg_put_block(b, i, out);
}
