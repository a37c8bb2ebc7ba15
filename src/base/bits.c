/* SPDX-License-Identifier: Apache-2.0 */
#include "base/bits.h"

#include <stdlib.h>

enum { WORD = 64, SPAN = WORD * WORD }; /* numbers of a word, and of a word of the summary */

static size_t summary_words(uint32_t count)
{
    return (size_t)count / SPAN + 1;
}

bool kj_bits_init(kj_bits *bits, uint32_t count)
{
    *bits = (kj_bits){
        .words = calloc((size_t)count / WORD + 1, sizeof(uint64_t)),
        .summary = calloc(summary_words(count), sizeof(uint64_t)),
        .count = count,
    };
    if (bits->words && bits->summary)
        return true;
    kj_bits_done(bits);
    return false;
}

void kj_bits_done(kj_bits *bits)
{
    free(bits->words);
    free(bits->summary);
    *bits = (kj_bits){0};
}

/* Calls for each word of `which` that may hold members. */
static void for_each_word(const kj_bits *which,
                          void (*act)(kj_bits *bits, size_t word, uint64_t of), kj_bits *bits)
{
    for (size_t s = 0; which->summary && s < summary_words(which->count); s++)
        for (uint64_t left = which->summary[s]; left; left &= left - 1) {
            size_t word = s * WORD + (size_t)__builtin_ctzll(left);
            act(bits, word, which->words[word]);
        }
}

static void clear_word(kj_bits *bits, size_t word, uint64_t of)
{
    (void)of;
    bits->words[word] = 0;
}

void kj_bits_clear(kj_bits *bits)
{
    for_each_word(bits, clear_word, bits);
    for (size_t s = 0; bits->summary && s < summary_words(bits->count); s++)
        if (bits->summary[s]) /* what was never written stays untouched */
            bits->summary[s] = 0;
}

static void unite_word(kj_bits *bits, size_t word, uint64_t of)
{
    bits->words[word] |= of;
    bits->summary[word / WORD] |= UINT64_C(1) << word % WORD;
}

void kj_bits_unite(kj_bits *bits, const kj_bits *more)
{
    for_each_word(more, unite_word, bits);
}

static void subtract_word(kj_bits *bits, size_t word, uint64_t of)
{
    bits->words[word] &= ~of;
}

void kj_bits_subtract(kj_bits *bits, const kj_bits *less)
{
    for_each_word(less, subtract_word, bits);
}

uint32_t kj_bits_next(const kj_bits *bits, uint32_t from)
{
    if (from >= bits->count)
        return KJ_BITS_END;
    size_t word = from / WORD;
    uint64_t left = bits->words[word] & UINT64_MAX << from % WORD;
    if (left)
        return (uint32_t)(word * WORD) + (uint32_t)__builtin_ctzll(left);
    size_t s = ++word / WORD;
    uint64_t words =
        s < summary_words(bits->count) ? bits->summary[s] & UINT64_MAX << word % WORD : 0;
    for (;;) {
        for (; words; words &= words - 1) {
            word = s * WORD + (size_t)__builtin_ctzll(words);
            if (bits->words[word])
                return (uint32_t)(word * WORD) + (uint32_t)__builtin_ctzll(bits->words[word]);
        }
        if (++s >= summary_words(bits->count))
            return KJ_BITS_END;
        words = bits->summary[s];
    }
}
