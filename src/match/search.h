/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the patterns of the definitions in an object. */
#pragma once

#include "base/arena.h"
#include "base/clock.h"
#include "defs/defs.h"

/* One match. An offset has at most one match of a pattern. */
typedef struct kj_hit {
    uint64_t offset;
    uint32_t len;
    uint32_t key; /* of an xor pattern; else 0 */
} kj_hit;

typedef struct kj_search kj_search; /* scratch of one worker: reused from object to object */

/* What may be spent on one object. */
typedef struct kj_search_limits {
    uint32_t hits_per_pattern; /* further ones are dropped, and that is said */
    uint64_t steps;            /* of programs, summed over the object; 0: no limit */
    kj_deadline deadline;      /* when it ends, too */
    uint64_t *costs; /* one a pattern, to which the steps it took are added; NULL: nobody asks */
} kj_search_limits;

/* The scratch for these definitions, which outlive it. NULL without memory. */
kj_search *kj_search_new(const kj_defs *defs);
void kj_search_free(kj_search *search);

/* Searches `bytes`, which must stay until the next run. Forgets the last object.
 *
 * KJ_LIMIT when hits were dropped, or the steps or the time ran out (what was found stays valid;
 * err says which rule and string); KJ_NO_MEMORY; KJ_INTERNAL for damaged definitions. */
KJ_MUST_CHECK kj_status kj_search_run(kj_search *search, kj_span bytes,
                                      const kj_search_limits *limits, kj_error *err);

/* The pattern's hits by rising offset; valid until the next run. */
const kj_hit *kj_search_hits(const kj_search *search, uint32_t pattern, size_t *out_count);

/* Whether the pattern has more hits than were kept. */
bool kj_search_is_cut(const kj_search *search, uint32_t pattern);

/* The patterns that hit, in no order. */
const uint32_t *kj_search_found(const kj_search *search, size_t *out_count);
