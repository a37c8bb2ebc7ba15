/* SPDX-License-Identifier: Apache-2.0 */
#include "defs/strings.h"

#include <stdlib.h>

enum { FIRST_SLOTS = 1024 };

void kj_strings_init(kj_strings *pool)
{
    *pool = (kj_strings){0};
    kj_buf_init(&pool->bytes, UINT32_MAX);
}

void kj_strings_done(kj_strings *pool)
{
    kj_buf_done(&pool->bytes);
    free(pool->slots);
    kj_vec_done(&pool->entries);
    *pool = (kj_strings){0};
}

/* FNV-1a: the pool is built offline from sources that the builder trusts. */
static uint64_t hash(kj_span text)
{
    uint64_t value = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < text.len; i++)
        value = (value ^ text.data[i]) * UINT64_C(0x100000001b3);
    return value ^ value >> 32;
}

static kj_span entry_text(const kj_strings *pool, kj_disk_text entry)
{
    return kj_span_of(pool->bytes.data + entry.offset, entry.len);
}

/* The slot where the text is, or the free one where it belongs. */
static uint32_t *find_slot(const kj_strings *pool, kj_span text)
{
    size_t mask = pool->slot_count - 1;
    size_t at = (size_t)hash(text) & mask;
    while (pool->slots[at] &&
           !kj_span_equal(entry_text(pool, pool->entries.items[pool->slots[at] - 1]), text))
        at = (at + 1) & mask;
    return &pool->slots[at];
}

static bool grow(kj_strings *pool)
{
    if ((pool->entries.count + 1) * 2 <= pool->slot_count)
        return true;
    size_t count = pool->slot_count ? pool->slot_count * 2 : FIRST_SLOTS;
    uint32_t *slots = calloc(count, sizeof *slots);
    if (!slots)
        return false;
    free(pool->slots);
    pool->slots = slots;
    pool->slot_count = count;
    for (size_t i = 0; i < pool->entries.count; i++)
        *find_slot(pool, entry_text(pool, pool->entries.items[i])) = (uint32_t)i + 1;
    return true;
}

kj_disk_text kj_strings_add(kj_strings *pool, kj_span text)
{
    if (text.len == 0 || pool->failed)
        return (kj_disk_text){0};
    if (!grow(pool)) {
        pool->failed = true;
        return (kj_disk_text){0};
    }
    uint32_t *slot = find_slot(pool, text);
    if (*slot)
        return pool->entries.items[*slot - 1];
    kj_disk_text entry = {(uint32_t)pool->bytes.len, (uint32_t)text.len};
    kj_buf_put(&pool->bytes, text);
    if (pool->bytes.failed || !kj_vec_add(&pool->entries, entry)) {
        pool->failed = true;
        return (kj_disk_text){0};
    }
    *slot = (uint32_t)pool->entries.count;
    return entry;
}
