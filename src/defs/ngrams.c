/* SPDX-License-Identifier: Apache-2.0 */
#include "defs/ngrams.h"

#include <math.h>

enum { LETTERS = 128, STEPS = 8, PAIRS = LETTERS * LETTERS, ENTRY = 5 };

static const double LEAST = 1.0 / 256; /* what chance gives: 2^20 places, 2^28 groups */

/* Made of ngrams.bin when kujo is built. */
extern const uint8_t kj_ngrams[];
extern const size_t kj_ngrams_size;

static uint32_t squeeze(uint8_t byte)
{
    return (byte & 0x1FU) | (byte >> 1 & 0x60U);
}

static double unpack(uint8_t steps)
{
    return exp2((double)steps / STEPS);
}

static uint32_t read_gram(const uint8_t *grams, size_t index)
{
    const uint8_t *at = grams + index * 4;
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* The rate of one of the commonest groups; 0: it is none. */
static double common_rate(const uint8_t *bytes)
{
    const uint8_t *grams = kj_ngrams + PAIRS + LETTERS;
    size_t count = (kj_ngrams_size - PAIRS - LETTERS) / ENTRY, low = 0, high = count;
    uint32_t gram = 0;
    for (unsigned i = 0; i < 4; i++)
        gram |= squeeze(bytes[i]) << (7 * i);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (read_gram(grams, middle) < gram)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && read_gram(grams, low) == gram ? unpack(grams[count * 4 + low]) : 0;
}

double kj_ngram_rate(const uint8_t *bytes, size_t len)
{
    double rate = len == 4 ? common_rate(bytes) : 0;
    if (rate > 0)
        return rate;
    rate = unpack(kj_ngrams[PAIRS + squeeze(bytes[0])]);
    for (size_t i = 1; i < len; i++)
        rate /= unpack(kj_ngrams[squeeze(bytes[i - 1]) * LETTERS + squeeze(bytes[i])]);
    return rate > LEAST ? rate : LEAST;
}
