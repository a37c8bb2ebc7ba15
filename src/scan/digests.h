/* SPDX-License-Identifier: Apache-2.0 */
/* Contents that were scanned already, so that a file which two formats claim (a ZIP at the end of a
 * tar) does not have its members told twice. */
#pragma once

#include "base/hash.h"

typedef struct kj_digest {
    uint64_t len;
    uint8_t sha256[KJ_HASH_MAX];
} kj_digest;

typedef struct kj_digest_slot kj_digest_slot;

typedef struct kj_digests {
    kj_digest_slot *slots; /* open addressing */
    size_t slot_count;     /* 0, or a power of two */
    size_t count;
    uint32_t walk; /* number of the one under way */
} kj_digests;

kj_digest kj_digest_of(kj_span bytes);

/* Remembers a content; without memory it is forgotten, and scanned again. */
void kj_digests_add(kj_digests *digests, const kj_digest *digest);

/* Ends a walk: makes all that was added so far known to kj_digests_has(). */
void kj_digests_settle(kj_digests *digests);
bool kj_digests_has(const kj_digests *digests, const kj_digest *digest);

void kj_digests_clear(kj_digests *digests);
