/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of small numbers of which few are members: what is done to all of a set costs what its
 * members cost, whatever it has room for. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct kj_bits {
    uint64_t *words;
    uint64_t *summary; /* a bit for each word that may hold members */
    uint32_t count;    /* numbers below it can be members */
} kj_bits;

enum { KJ_BITS_END = UINT32_MAX };

/* An empty set. Its memory is not touched before it has members. False without memory. */
bool kj_bits_init(kj_bits *bits, uint32_t count);
void kj_bits_done(kj_bits *bits);

void kj_bits_clear(kj_bits *bits);
void kj_bits_unite(kj_bits *bits, const kj_bits *more);    /* of the same count */
void kj_bits_subtract(kj_bits *bits, const kj_bits *less); /* likewise */

/* The first member from `from` on; KJ_BITS_END: there is none. Members may be added and removed
 * while somebody goes over them. */
uint32_t kj_bits_next(const kj_bits *bits, uint32_t from);

/* Numbers that cannot be members are passed over. */
static inline void kj_bits_add(kj_bits *bits, uint32_t number)
{
    if (number >= bits->count)
        return;
    uint32_t word = number / 64;
    bits->words[word] |= UINT64_C(1) << number % 64;
    bits->summary[word / 64] |= UINT64_C(1) << word % 64;
}

static inline void kj_bits_remove(kj_bits *bits, uint32_t number)
{
    if (number < bits->count)
        bits->words[number / 64] &= ~(UINT64_C(1) << number % 64);
}

static inline bool kj_bits_has(const kj_bits *bits, uint32_t number)
{
    return number < bits->count && (bits->words[number / 64] >> number % 64 & 1);
}

static inline bool kj_bits_any(const kj_bits *bits)
{
    return kj_bits_next(bits, 0) != KJ_BITS_END;
}
