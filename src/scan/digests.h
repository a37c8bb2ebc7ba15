/* SPDX-License-Identifier: Apache-2.0 */
/* Contents that were scanned already, so that a file which two formats claim (a ZIP at the end of a
 * tar) does not have its members told twice, nor what several readings of a message show. */
#pragma once

#include "base/span.h"

/* A length and a hash under a secret key. Whoever does not know the key makes two contents with one
 * digest with a chance of at most len / 2^58, whatever he tries, so nothing can be hidden behind
 * something harmless; it costs a fraction of a SHA-256. */
typedef struct kj_digest {
    uint64_t len;
    uint64_t hash;
} kj_digest;

typedef struct kj_digest_key {
    uint64_t point; /* below 2^61 - 1 */
} kj_digest_key;

/* A key of its own for each scanner. */
kj_digest_key kj_digest_key_new(void);

typedef struct kj_digest_slot kj_digest_slot;

typedef struct kj_digests {
    kj_digest_slot *slots; /* open addressing */
    size_t slot_count;     /* 0, or a power of two */
    size_t count;
    uint32_t walk; /* number of the one under way */
} kj_digests;

kj_digest kj_digest_of(const kj_digest_key *key, kj_span bytes);

/* Remembers a content; without memory it is forgotten, and scanned again. */
void kj_digests_add(kj_digests *digests, const kj_digest *digest);

/* Ends a walk: makes all that was added so far known to kj_digests_has(). */
void kj_digests_settle(kj_digests *digests);
bool kj_digests_has(const kj_digests *digests, const kj_digest *digest);

void kj_digests_clear(kj_digests *digests);
