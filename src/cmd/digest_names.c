/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/digest_names.h"

#include "ir/hash_sets.h"

kj_digest_names kj_digest_names_of(const kj_defs *defs)
{
    const kj_defs_section *bytes = &defs->hash_names, *blocks = &defs->hash_blocks;
    uint32_t most = UINT32_MAX / KJ_FRONT_BLOCK;
    return (kj_digest_names){
        .view = {kj_span_of(bytes->data, bytes->count), blocks->data, blocks->count},
        .count = (blocks->count < most ? blocks->count : most) * KJ_FRONT_BLOCK,
    };
}

uint32_t kj_digest_sets(const kj_defs *defs)
{
    return defs->hash_sets.count;
}

const kj_disk_hash_set *kj_digest_set(const kj_defs *defs, uint32_t index)
{
    const kj_disk_hash_set *sets = defs->hash_sets.data;
    return index < defs->hash_sets.count ? &sets[index] : NULL;
}

void kj_digest_set_names(const kj_defs *defs, const kj_disk_hash_set *set,
                         void (*take)(void *user, uint32_t name), void *user)
{
    const kj_defs_section *words = &defs->hash_records;
    uint64_t width = (uint64_t)set->key_len / sizeof(uint32_t) + 1;
    if (set->first_record > words->count || set->count > (words->count - set->first_record) / width)
        return;
    const uint32_t *record = (const uint32_t *)words->data + set->first_record;
    for (uint32_t i = 0; i < set->count; i++, record += width)
        take(user, record[width - 1]);
}
