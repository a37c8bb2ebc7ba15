/* SPDX-License-Identifier: Apache-2.0 */
/* The matches of one object, in lists: one for each needle, and one for each piece of a chain.
 *
 * They are made in an arena that the next object reuses. A list belongs to the current object when
 * its epoch says so, so nothing is cleared that was not touched. */
#pragma once

#include "base/arena.h"
#include "base/vec.h"
#include "defs/format.h"

/* One match. An offset has at most one match of a needle. */
typedef struct kj_hit {
    uint64_t offset;
    uint32_t len;
    uint32_t key; /* of an xor pattern; else 0 */
} kj_hit;

typedef struct kj_hit_list {
    kj_hit *items;
    uint32_t count;
    uint32_t capacity;
    uint32_t list;
    uint32_t needle;
    bool unsorted; /* also: may hold several of one offset */
    bool dropped;  /* the limit was reached */
} kj_hit_list;

struct kj_hit_slot {
    uint32_t epoch;
    uint32_t index; /* into `touched`, when the epoch is the current one */
};

typedef struct kj_hits {
    kj_arena arena;
    struct kj_hit_slot *slots;
    uint32_t count; /* of lists */
    uint32_t epoch;
    uint32_t max; /* hits of a list */
    KJ_VEC(kj_hit_list) touched;
} kj_hits;

bool kj_hits_init(kj_hits *hits, uint32_t lists); /* false without memory */
void kj_hits_done(kj_hits *hits);

/* Forgets the last object. True: epochs begin anew, so that none of an earlier object means
 * anything. */
bool kj_hits_begin(kj_hits *hits, uint32_t max);

/* A list of the current object; NULL while it is empty. */
kj_hit_list *kj_hits_find(const kj_hits *hits, uint32_t list);

/* The list, made if need be. NULL without memory. Others may move. */
kj_hit_list *kj_hits_touch(kj_hits *hits, uint32_t list, uint32_t needle);

/* Adds a hit of a form with that rank (below 2^24). KJ_LIMIT when the list is full, KJ_NO_MEMORY.
 */
KJ_MUST_CHECK kj_status kj_hits_add(kj_hits *hits, kj_hit_list *list, kj_hit hit, uint32_t rank);

/* Sorts a list and keeps one hit for each offset, that of the lowest rank. Nothing is added to it
 * afterwards. */
void kj_hit_list_close(kj_hit_list *list);

/* Index of the first hit at or after `offset`. */
size_t kj_hit_first_from(const kj_hit *hits, size_t count, uint64_t offset);

/* Keeps the heads that a tail follows in time, made as long as both together. */
void kj_hit_list_join(kj_hit_list *heads, const kj_hit_list *tails, kj_disk_gap gap);
