/* SPDX-License-Identifier: Apache-2.0 */
#include "scan/digests.h"

#include "base/arith.h"
#include "base/clock.h"

#include <stdlib.h>
#include <sys/random.h>

enum { FIRST_SLOTS = 64 };

struct kj_digest_slot {
    kj_digest digest;
    uint32_t walk; /* the one that met it first, from 1; 0: free */
};

/* ---- the hash: a polynomial over the integers modulo 2^61 - 1, at a secret point ------------- */

#define PRIME ((UINT64_C(1) << 61) - 1)

enum { WORD = 7 }; /* bytes of a coefficient: any seven are below the prime */

/* a * b + c modulo the prime, up to one prime too much. */
static uint64_t step(uint64_t a, uint64_t b, uint64_t c)
{
    __extension__ typedef unsigned __int128 u128;
    u128 product = (u128)a * b;
    uint64_t sum = (uint64_t)(product & PRIME) + (uint64_t)(product >> 61) + c;
    return (sum & PRIME) + (sum >> 61);
}

static uint64_t load(const uint8_t *at, size_t len)
{
    uint64_t word = 0;
    memcpy(&word, at, len);
    return word;
}

kj_digest_key kj_digest_key_new(void)
{
    uint64_t random = 0;
    if (getrandom(&random, sizeof random, GRND_NONBLOCK) != (ssize_t)sizeof random)
        random = kj_clock_ns() * UINT64_C(0x9E3779B97F4A7C15);
    return (kj_digest_key){.point = random % (PRIME - 2) + 2};
}

/* Four polynomials side by side, of every fourth coefficient each, so that the processor multiplies
 * them at once; then the four are coefficients themselves. */
kj_digest kj_digest_of(const kj_digest_key *key, kj_span bytes)
{
    enum { LANES = 4 };
    uint64_t x = key->point, x4 = step(step(x, x, 0), step(x, x, 0), 0);
    uint64_t lanes[LANES] = {1, 1, 1, 1};
    size_t at = 0;
    for (; bytes.len - at >= LANES * WORD; at += LANES * WORD)
        for (size_t i = 0; i < LANES; i++)
            lanes[i] = step(lanes[i], x4, load(bytes.data + at + i * WORD, WORD));
    uint64_t hash = 1;
    for (size_t i = 0; i < LANES; i++)
        hash = step(hash, x, lanes[i]);
    for (; at < bytes.len; at += WORD)
        hash = step(hash, x, load(bytes.data + at, kj_min_size(WORD, bytes.len - at)));
    return (kj_digest){.len = bytes.len, .hash = hash % PRIME};
}

/* ---- the set ------------------------------------------------------------------------------- */

static bool is_same(const kj_digest *a, const kj_digest *b)
{
    return a->len == b->len && a->hash == b->hash;
}

/* The slot where the content is, or the free one where it belongs. */
static kj_digest_slot *find_slot(const kj_digests *digests, const kj_digest *digest)
{
    for (size_t at = (size_t)(digest->hash ^ digest->len);; at++) {
        kj_digest_slot *slot = &digests->slots[at & (digests->slot_count - 1)];
        if (slot->walk == 0 || is_same(&slot->digest, digest))
            return slot;
    }
}

static bool grow(kj_digests *digests)
{
    if ((digests->count + 1) * 2 <= digests->slot_count)
        return true;
    kj_digests grown = *digests;
    grown.slot_count = digests->slot_count ? digests->slot_count * 2 : FIRST_SLOTS;
    grown.slots = calloc(grown.slot_count, sizeof *grown.slots);
    if (!grown.slots)
        return false;
    for (size_t i = 0; i < digests->slot_count; i++)
        if (digests->slots[i].walk)
            *find_slot(&grown, &digests->slots[i].digest) = digests->slots[i];
    free(digests->slots);
    *digests = grown;
    return true;
}

void kj_digests_add(kj_digests *digests, const kj_digest *digest)
{
    if (!grow(digests))
        return;
    kj_digest_slot *slot = find_slot(digests, digest);
    if (slot->walk)
        return;
    *slot = (kj_digest_slot){*digest, digests->walk + 1};
    digests->count++;
}

void kj_digests_settle(kj_digests *digests)
{
    digests->walk++;
}

bool kj_digests_has(const kj_digests *digests, const kj_digest *digest)
{
    if (digests->count == 0)
        return false;
    uint32_t walk = find_slot(digests, digest)->walk;
    return walk != 0 && walk <= digests->walk;
}

void kj_digests_clear(kj_digests *digests)
{
    free(digests->slots);
    *digests = (kj_digests){0};
}
