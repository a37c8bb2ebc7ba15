/* SPDX-License-Identifier: Apache-2.0 */
/* Things by name, and the nearest of several names to one that does not exist. */
#pragma once

#include "base/span.h"
#include "base/vec.h"

typedef struct kj_named {
    kj_span name; /* borrowed */
    uint32_t value;
} kj_named;

/* Entries stay in the order in which they came. */
typedef struct kj_names {
    KJ_VEC(kj_named) list;
    uint32_t *slots; /* index into list, plus one; linear probing */
    size_t slot_count;
} kj_names;

void kj_names_done(kj_names *names);
void kj_names_clear(kj_names *names);

/* NULL when there is none. */
kj_named *kj_names_find(const kj_names *names, kj_span name);

/* The name must be new. False without memory. */
bool kj_names_add(kj_names *names, kj_span name, uint32_t value);

/* Collects the candidate nearest to `wanted`; `best` stays empty when none is near. */
typedef struct kj_nearest {
    kj_span wanted;
    kj_span best;
    unsigned distance;
} kj_nearest;

void kj_nearest_add(kj_nearest *nearest, kj_span candidate);
