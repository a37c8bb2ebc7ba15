/* SPDX-License-Identifier: Apache-2.0 */
#include "match/hits.h"

enum {
    BUDGET = 256 << 20, /* bytes for the hits of one object */
    RANK_SHIFT = 8,     /* a hit's key holds the form's rank above the key, until the end */
    FIRST_CAPACITY = 4,
};

bool kj_hits_init(kj_hits *hits, uint32_t lists)
{
    *hits = (kj_hits){.count = lists};
    kj_arena_init(&hits->arena, BUDGET);
    hits->slots = calloc((size_t)lists + 1, sizeof *hits->slots);
    return hits->slots != NULL;
}

void kj_hits_done(kj_hits *hits)
{
    free(hits->slots);
    kj_vec_done(&hits->touched);
    kj_arena_done(&hits->arena);
}

bool kj_hits_begin(kj_hits *hits, uint32_t max)
{
    bool anew = ++hits->epoch == 0;
    kj_arena_reset(&hits->arena);
    if (anew) {
        memset(hits->slots, 0, hits->count * sizeof *hits->slots);
        hits->epoch = 1;
    }
    hits->touched.count = 0;
    hits->max = max;
    return anew;
}

kj_hit_list *kj_hits_find(const kj_hits *hits, uint32_t list)
{
    if (list >= hits->count || hits->slots[list].epoch != hits->epoch)
        return NULL;
    return &hits->touched.items[hits->slots[list].index];
}

kj_hit_list *kj_hits_touch(kj_hits *hits, uint32_t list, uint32_t needle)
{
    kj_hit_list *found = kj_hits_find(hits, list);
    if (found || list >= hits->count)
        return found;
    found = kj_vec_push(&hits->touched);
    if (!found)
        return NULL;
    found->list = list;
    found->needle = needle;
    hits->slots[list] = (struct kj_hit_slot){hits->epoch, (uint32_t)hits->touched.count - 1};
    return found;
}

static bool grow(kj_hits *hits, kj_hit_list *list)
{
    uint32_t capacity = list->capacity ? list->capacity * 2 : FIRST_CAPACITY;
    kj_hit *items = kj_arena_alloc_raw(&hits->arena, capacity * sizeof *items);
    if (!items)
        return false;
    if (list->count)
        memcpy(items, list->items, list->count * sizeof *items);
    list->items = items;
    list->capacity = capacity;
    return true;
}

static int compare_hits(const void *a, const void *b)
{
    const kj_hit *left = a, *right = b;
    if (left->offset != right->offset)
        return left->offset < right->offset ? -1 : 1;
    if (left->key != right->key)
        return left->key < right->key ? -1 : 1;
    return left->len < right->len ? -1 : left->len > right->len;
}

static void settle(kj_hit_list *list)
{
    if (!list->unsorted)
        return;
    qsort(list->items, list->count, sizeof *list->items, compare_hits);
    uint32_t kept = 1;
    for (uint32_t i = 1; i < list->count; i++)
        if (list->items[i].offset != list->items[kept - 1].offset)
            list->items[kept++] = list->items[i];
    list->count = kept;
    list->unsorted = false;
}

/* Makes room for one more hit. A full list is rid of doubles first, as long as that frees enough to
 * be worth the sorting. */
static kj_status make_room(kj_hits *hits, kj_hit_list *list)
{
    if (list->count >= hits->max && list->unsorted) {
        settle(list);
        if (list->count > hits->max - hits->max / 16)
            return KJ_LIMIT;
    }
    if (list->count >= hits->max)
        return KJ_LIMIT;
    return list->count < list->capacity || grow(hits, list) ? KJ_OK : KJ_NO_MEMORY;
}

kj_status kj_hits_add(kj_hits *hits, kj_hit_list *list, kj_hit hit, uint32_t rank)
{
    hit.key |= rank << RANK_SHIFT;
    if (list->dropped)
        return KJ_OK;
    kj_status status = make_room(hits, list);
    if (status != KJ_OK) {
        list->dropped = true;
        return status;
    }
    if (list->count && list->items[list->count - 1].offset >= hit.offset)
        list->unsorted = true;
    list->items[list->count++] = hit;
    return KJ_OK;
}

void kj_hit_list_close(kj_hit_list *list)
{
    settle(list);
    for (uint32_t i = 0; i < list->count; i++)
        list->items[i].key &= (1U << RANK_SHIFT) - 1;
}

size_t kj_hit_first_from(const kj_hit *hits, size_t count, uint64_t offset)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (hits[middle].offset < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void kj_hit_list_join(kj_hit_list *heads, const kj_hit_list *tails, kj_disk_gap gap)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < heads->count; i++) {
        kj_hit head = heads->items[i];
        uint64_t end = head.offset + head.len;
        size_t t = tails ? kj_hit_first_from(tails->items, tails->count, end + gap.min) : 0;
        if (!tails || t >= tails->count ||
            (gap.max != UINT32_MAX && tails->items[t].offset > end + gap.max))
            continue;
        uint64_t len = tails->items[t].offset + tails->items[t].len - head.offset;
        head.len = len > UINT32_MAX ? UINT32_MAX : (uint32_t)len;
        heads->items[kept++] = head;
    }
    heads->count = kept;
}
