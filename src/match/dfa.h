/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that run often, as deterministic automata that are made while they run: a byte costs one
 * look into a table once its transition is known. What they say is what the simulation of regex.c
 * says; when they grow too large they say nothing, and that has to be asked. */
#pragma once

#include "defs/program.h"

typedef struct kj_dfa_cache kj_dfa_cache; /* one worker's */

kj_dfa_cache *kj_dfa_cache_new(void); /* NULL without memory */
void kj_dfa_cache_free(kj_dfa_cache *cache);

/* The end of the longest or shortest match that begins at `start` and ends at most at `limit`, at
 * most text.len; SIZE_MAX when there is none. *out_read: bytes that were looked at. False: ask the
 * simulation. */
bool kj_dfa_match_at(kj_dfa_cache *cache, const kj_program *program, kj_span text, size_t start,
                     size_t limit, bool longest, size_t *out_end, size_t *out_read);

/* Whether there may be a match inside [from, to) of the text: true when there is one, and when that
 * is not known. Assertions are taken to hold. */
bool kj_dfa_may_match(kj_dfa_cache *cache, const kj_program *program, kj_span text, size_t from,
                      size_t to);
