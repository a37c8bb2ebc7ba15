/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/yara/names.h"

#include "base/arith.h"

enum { LONGEST_COMPARED = 40 }; /* longer names are not worth a suggestion */

/* FNV-1a, 64 bits. */
static uint64_t hash(kj_span name)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < name.len; i++)
        h = (h ^ name.data[i]) * UINT64_C(0x100000001b3);
    return h ^ h >> 32;
}

void kj_names_done(kj_names *names)
{
    kj_vec_done(&names->list);
    free(names->slots);
    *names = (kj_names){0};
}

void kj_names_clear(kj_names *names)
{
    names->list.count = 0;
    if (names->slot_count)
        memset(names->slots, 0, names->slot_count * sizeof *names->slots);
}

/* The slot that holds `name`, or the free one where it belongs. */
static uint32_t *slot_of(const kj_names *names, kj_span name)
{
    size_t mask = names->slot_count - 1;
    for (size_t i = hash(name) & mask;; i = (i + 1) & mask) {
        uint32_t *slot = &names->slots[i];
        if (*slot == 0 || kj_span_equal(names->list.items[*slot - 1].name, name))
            return slot;
    }
}

kj_named *kj_names_find(const kj_names *names, kj_span name)
{
    if (names->slot_count == 0)
        return NULL;
    uint32_t slot = *slot_of(names, name);
    return slot ? &names->list.items[slot - 1] : NULL;
}

/* Keeps at least half of the slots free. */
static bool make_room(kj_names *names)
{
    if (names->list.count + 1 <= names->slot_count / 2)
        return true;
    size_t count = names->slot_count ? names->slot_count * 2 : 32;
    uint32_t *slots = calloc(count, sizeof *slots);
    if (!slots)
        return false;
    free(names->slots);
    names->slots = slots;
    names->slot_count = count;
    for (size_t i = 0; i < names->list.count; i++)
        *slot_of(names, names->list.items[i].name) = (uint32_t)i + 1;
    return true;
}

bool kj_names_add(kj_names *names, kj_span name, uint32_t value)
{
    if (names->list.count >= UINT32_MAX - 1 || !make_room(names))
        return false;
    kj_named *named = kj_vec_push(&names->list);
    if (!named)
        return false;
    *named = (kj_named){name, value};
    *slot_of(names, name) = (uint32_t)names->list.count;
    return true;
}

/* Levenshtein's, over two rows. */
static unsigned distance(kj_span a, kj_span b)
{
    unsigned row[LONGEST_COMPARED + 1];
    for (unsigned j = 0; j <= b.len; j++)
        row[j] = j;
    for (unsigned i = 1; i <= a.len; i++) {
        unsigned diagonal = row[0];
        row[0] = i;
        for (unsigned j = 1; j <= b.len; j++) {
            unsigned replaced = diagonal + (a.data[i - 1] != b.data[j - 1]);
            unsigned other = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            diagonal = row[j];
            row[j] = replaced < other ? replaced : other;
        }
    }
    return row[b.len];
}

void kj_nearest_add(kj_nearest *nearest, kj_span candidate)
{
    kj_span wanted = nearest->wanted;
    if (wanted.len > LONGEST_COMPARED || candidate.len > LONGEST_COMPARED || candidate.len == 0)
        return;
    unsigned found = distance(wanted, candidate);
    size_t close = kj_max_size(wanted.len, candidate.len) / 3 + 1;
    if (found > close || found >= candidate.len ||
        (nearest->best.len && found >= nearest->distance))
        return;
    nearest->best = candidate;
    nearest->distance = found;
}
