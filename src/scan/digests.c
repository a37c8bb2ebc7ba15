/* SPDX-License-Identifier: Apache-2.0 */
#include "scan/digests.h"

#include <stdlib.h>

enum { FIRST_SLOTS = 64 };

struct kj_digest_slot {
    kj_digest digest;
    uint32_t walk; /* the one that met it first, from 1; 0: free */
};

kj_digest kj_digest_of(kj_span bytes)
{
    kj_digest digest = {.len = bytes.len};
    kj_hash(KJ_HASH_SHA256, bytes, digest.sha256);
    return digest;
}

/* The slot where the content is, or the free one where it belongs. A digest is a hash already. */
static kj_digest_slot *find_slot(const kj_digests *digests, const kj_digest *digest)
{
    size_t at;
    memcpy(&at, digest->sha256, sizeof at);
    for (;; at++) {
        kj_digest_slot *slot = &digests->slots[at & (digests->slot_count - 1)];
        if (slot->walk == 0 || memcmp(&slot->digest, digest, sizeof *digest) == 0)
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
