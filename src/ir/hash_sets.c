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
    if (set->sized) {
        kj_mask_key(slot, signature->size);
        memcpy(slot + set->key_len + sizeof name, &signature->size, sizeof signature->size);
    }
    return KJ_OK;
}

uint32_t kj_hash_record_name(const kj_hash_set *set, const uint8_t *record)
{
    uint32_t name;
    memcpy(&name, record + set->key_len, sizeof name);
    return name;
}

uint32_t kj_hash_record_size(const kj_hash_set *set, const uint8_t *record)
{
    uint32_t size = KJ_HASH_ANY_SIZE;
    if (set->sized)
        memcpy(&size, record + set->key_len + sizeof(uint32_t), sizeof size);
    return size;
}

/* ---- sorting ------------------------------------------------------------------------------------
 *
 * American flag sort: a radix sort in place, from the first byte. Source: McIlroy, Bostic, McIlroy,
 * "Engineering Radix Sort", 1993. Digests are evenly spread, so that buckets are small after three
 * bytes; should they not be, no byte of a key is looked at twice. */

enum {
    SMALL = 24, /* records that are sorted by insertion */
    RECORD_MAX = KJ_HASH_MAX + 2 * sizeof(uint32_t),
};

static int compare(const void *a, const void *b, void *user)
{
    const kj_hash_set *set = user;
    int keys = memcmp(a, b, set->key_len);
    if (keys)
        return keys;
    uint32_t x = kj_hash_record_name(set, a), y = kj_hash_record_name(set, b);
    if (x != y)
        return x < y ? -1 : 1;
    x = kj_hash_record_size(set, a);
    y = kj_hash_record_size(set, b);
    return x < y ? -1 : x > y;
}

static void sort_small(kj_hash_set *set, uint8_t *records, size_t count)
{
    size_t len = set->record_len;
    uint8_t moved[RECORD_MAX];
    for (size_t i = 1; i < count; i++) {
        size_t at = i;
        while (at > 0 && compare(records + (at - 1) * len, records + i * len, set) > 0)
            at--;
        if (at == i)
            continue;
        memcpy(moved, records + i * len, len);
        memmove(records + (at + 1) * len, records + at * len, (i - at) * len);
        memcpy(records + at * len, moved, len);
    }
}

/* Moves each record into the bucket of its byte `depth`. out_ends: where each bucket ends. */
static void distribute(const kj_hash_set *set, uint8_t *records, size_t count, size_t depth,
                       size_t out_ends[256])
{
    size_t len = set->record_len, next[256], total = 0;
    memset(out_ends, 0, 256 * sizeof *out_ends);
    for (size_t i = 0; i < count; i++)
        out_ends[records[i * len + depth]]++;
    for (size_t b = 0; b < 256; b++) {
        next[b] = total;
        total += out_ends[b];
        out_ends[b] = total;
    }
    uint8_t held[RECORD_MAX], other[RECORD_MAX];
    for (size_t b = 0; b < 256; b++) {
        while (next[b] < out_ends[b]) {
            memcpy(held, records + next[b] * len, len);
            while (held[depth] != b) {
                uint8_t *at = records + next[held[depth]]++ * len;
                memcpy(other, at, len);
                memcpy(at, held, len);
                memcpy(held, other, len);
            }
            memcpy(records + next[b]++ * len, held, len);
        }
    }
}

/* `depth`: bytes that all keys have in common. */
static void sort_from(kj_hash_set *set, uint8_t *records, size_t count, size_t depth)
{
    if (count <= SMALL) {
        sort_small(set, records, count);
        return;
    }
    if (depth == set->key_len) {
        qsort_r(records, count, set->record_len, compare, set);
        return;
    }
    size_t ends[256], from = 0;
    distribute(set, records, count, depth, ends);
    for (size_t b = 0; b < 256; b++) {
        sort_from(set, records + from * set->record_len, ends[b] - from, depth + 1);
        from = ends[b];
    }
}

void kj_hash_set_sort(const kj_hash_set *set)
{
    kj_hash_set form = *set; /* its records are where they were */
    if (set->records.count)
        sort_from(&form, set->records.items, set->records.count / set->record_len, 0);
}
