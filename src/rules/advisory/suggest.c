/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/advisory/suggest.h"

#include "base/arith.h"
#include "base/text.h"

enum { WORD_MAX = 48 };

static bool same(kj_span a, size_t i, kj_span b, size_t j)
{
    return kj_lower(a.data[i]) == kj_lower(b.data[j]);
}

/* Optimal string alignment; three rows are enough. */
size_t kj_edit_distance(kj_span a, kj_span b, size_t limit)
{
    size_t rows[3][WORD_MAX + 1];
    size_t gap = a.len > b.len ? a.len - b.len : b.len - a.len;
    if (a.len > WORD_MAX || b.len > WORD_MAX || gap > limit)
        return limit + 1;
    size_t *before = rows[0], *last = rows[1], *row = rows[2];
    for (size_t j = 0; j <= b.len; j++)
        last[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t change = last[j - 1] + !same(a, i - 1, b, j - 1);
            row[j] = kj_min_size(change, kj_min_size(last[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && same(a, i - 1, b, j - 2) && same(a, i - 2, b, j - 1))
                row[j] = kj_min_size(row[j], before[j - 2] + 1);
        }
        size_t *spare = before;
        before = last;
        last = row;
        row = spare;
    }
    return kj_min_size(last[b.len], limit + 1);
}

void kj_guess_try(kj_guess *guess, kj_span candidate)
{
    size_t limit = guess->best.len ? guess->distance - 1 : 1 + guess->wrong.len / 4;
    if (candidate.len == 0 || (guess->best.len && guess->distance == 0))
        return;
    size_t distance = kj_edit_distance(guess->wrong, candidate, limit);
    if (distance > limit || distance >= candidate.len)
        return;
    guess->best = candidate;
    guess->distance = distance;
}

const char *kj_guess_hint(const kj_guess *guess, kj_arena *arena)
{
    if (guess->best.len == 0)
        return NULL;
    return kj_arena_printf(arena, "did you mean '%.*s'?", (int)guess->best.len,
                           (const char *)guess->best.data);
}
