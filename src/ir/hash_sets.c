/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/hash_sets.h"

#include "ir/ir.h"

static const char *const scope_names[KJ_SCOPE_COUNT] = {
    [KJ_SCOPE_OBJECT] = "object",
    [KJ_SCOPE_SECTION] = "section",
    [KJ_SCOPE_IMPORTS] = "imports",
    [KJ_SCOPE_AUTHENTICODE] = "authenticode",
};

const char *kj_hash_scope_name(kj_hash_scope scope)
{
    return (unsigned)scope < KJ_SCOPE_COUNT ? scope_names[scope] : "unknown";
}

void kj_hash_sets_init(kj_hash_sets *sets)
{
    *sets = (kj_hash_sets){0};
    kj_front_init(&sets->names);
}

void kj_hash_sets_done(kj_hash_sets *sets)
{
    for (size_t i = 0; i < sets->count; i++)
        kj_vec_done(&sets->items[i].records);
    kj_front_done(&sets->names);
    sets->count = 0;
}

uint64_t kj_hash_sets_total(const kj_hash_sets *sets)
{
    uint64_t total = 0;
    for (size_t i = 0; i < sets->count; i++)
        total += sets->items[i].records.count / sets->items[i].record_len;
    return total;
}

/* The set that the signature belongs to; made if need be. */
static kj_hash_set *find_set(kj_hash_sets *sets, const kj_hash_signature *signature)
{
    bool sized = signature->size != KJ_HASH_ANY_SIZE;
    for (size_t i = 0; i < sets->count; i++) {
        kj_hash_set *set = &sets->items[i];
        if (set->scope == signature->scope && set->kind == signature->kind &&
            set->klass == signature->klass && set->sized == sized)
            return set;
    }
    if (sets->count == KJ_HASH_SETS_MAX)
        return NULL;
    kj_hash_set *set = &sets->items[sets->count++];
    *set = (kj_hash_set){
        .scope = signature->scope,
        .kind = signature->kind,
        .klass = signature->klass,
        .sized = sized,
        .key_len =
            signature->klass == KJ_CLASS_TRUSTED ? kj_hash_len(signature->kind) : KJ_HASH_KEPT,
    };
    set->record_len = set->key_len + (sized ? 2 : 1) * sizeof(uint32_t);
    return set;
}

/* A slot for one more record. */
static uint8_t *push(kj_hash_set *set)
{
    size_t wanted = set->records.count + set->record_len;
    if (wanted > set->records.capacity) {
        size_t capacity = set->records.capacity ? set->records.capacity / 2 * 3 : 4096;
        uint8_t *grown = realloc(set->records.items, capacity);
        if (!grown)
            return NULL;
        set->records.items = grown;
        set->records.capacity = capacity;
    }
    uint8_t *slot = set->records.items + set->records.count;
    set->records.count = wanted;
    return slot;
}

kj_status kj_hash_sets_add(kj_hash_sets *sets, const kj_hash_signature *signature, kj_error *err)
{
    uint32_t name;
    KJ_TRY(kj_front_add(&sets->names, signature->name, &name, err));
    kj_hash_set *set = find_set(sets, signature);
    if (!set)
        return kj_fail(err, KJ_INTERNAL, KJ_NO_OFFSET, "more kinds of digests than there are");
    uint8_t *slot = push(set);
    if (!slot)
        return kj_no_memory(err);
    memcpy(slot, signature->digest, set->key_len);
    memcpy(slot + set->key_len, &name, sizeof name);
    if (set->sized)
        memcpy(slot + set->key_len + sizeof name, &signature->size, sizeof signature->size);
    return KJ_OK;
}
