/* SPDX-License-Identifier: Apache-2.0 */
/* "Did you mean ...?" */
#pragma once

#include "base/arena.h"
#include "base/span.h"

/* The best of the candidates tried so far. Start with {.wrong = ...}. */
typedef struct kj_guess {
    kj_span wrong;
    kj_span best; /* empty: nothing is near */
    size_t distance;
} kj_guess;

void kj_guess_try(kj_guess *guess, kj_span candidate);

/* The hint as a sentence in the arena; NULL when nothing is near or memory ran out. */
const char *kj_guess_hint(const kj_guess *guess, kj_arena *arena);

/* Insertions, deletions, changes and swaps of neighbours between two words, ASCII case-blind, up to
 * `limit`; larger distances, and words longer than 48 bytes, give limit + 1. */
size_t kj_edit_distance(kj_span a, kj_span b, size_t limit);
