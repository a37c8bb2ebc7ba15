/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the patterns of the definitions in an object: first those that rules cannot match without
 * (their triggers), then what else is asked for. */
#pragma once

#include "base/clock.h"
#include "defs/defs.h"
#include "match/hits.h"

typedef struct kj_search kj_search; /* scratch of one worker: reused from object to object */

/* What may be spent on one object. */
typedef struct kj_search_limits {
    uint32_t hits_per_pattern; /* further ones are dropped, and that is said */
    bool every;                /* all hits are wanted; else of most patterns only whether there are
                                  any, which is told by one */
    uint64_t steps;            /* of programs, summed over the object; 0: no limit */
    kj_deadline deadline;      /* when it ends, too */
    uint64_t *costs; /* one a pattern, to which the steps it took are added; NULL: nobody asks */
} kj_search_limits;

/* The scratch for these definitions, which outlive it. NULL without memory. */
kj_search *kj_search_new(const kj_defs *defs);
void kj_search_free(kj_search *search);

/* Begins with `bytes`, which must stay until the next object. Forgets the last one. */
void kj_search_begin(kj_search *search, kj_span bytes, const kj_search_limits *limits);

/* Searches all triggers.
 *
 * KJ_LIMIT when hits were dropped, or the steps or the time ran out (what was found stays valid;
 * err says which rule and string); KJ_NO_MEMORY; KJ_INTERNAL for damaged definitions. */
KJ_MUST_CHECK kj_status kj_search_triggers(kj_search *search, kj_error *err);

/* The needles that hit so far, and those of which something is there, in no order. */
const uint32_t *kj_search_found(const kj_search *search, size_t *out_count);

/* Whether the pattern was searched in this object. */
bool kj_search_knows(const kj_search *search, uint32_t pattern);

/* Asks for a pattern; kj_search_wanted() searches all that were asked for at once, and returns what
 * kj_search_triggers() does. */
void kj_search_want(kj_search *search, uint32_t pattern);
KJ_MUST_CHECK kj_status kj_search_wanted(kj_search *search, kj_error *err);

/* How much was asked for so far; and forgets what was asked for since. */
size_t kj_search_wants(const kj_search *search);
void kj_search_forget(kj_search *search, size_t wants);

/* Whether the pattern matches at `offset`, without searching it. False when that cannot be said:
 * it has to be searched. */
bool kj_search_at(kj_search *search, uint32_t pattern, uint64_t offset, bool *out_found);

/* Likewise, whether it matches anywhere from `from` to `to`, both included. */
bool kj_search_in(kj_search *search, uint32_t pattern, uint64_t from, uint64_t to, bool *out_found);

/* All of that: begins, and searches every pattern. */
KJ_MUST_CHECK kj_status kj_search_run(kj_search *search, kj_span bytes,
                                      const kj_search_limits *limits, kj_error *err);

/* The pattern's hits by rising offset; valid until the next object. */
const kj_hit *kj_search_hits(const kj_search *search, uint32_t pattern, size_t *out_count);

/* Whether the pattern has more hits than were kept. */
bool kj_search_is_cut(const kj_search *search, uint32_t pattern);
