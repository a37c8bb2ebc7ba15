/* SPDX-License-Identifier: Apache-2.0 */
/* Known digests of an object and of parts of it: nothing is digested that no set could know, and
 * nothing twice. */
#pragma once

#include "base/hash.h"
#include "formats/pe.h"
#include "scan/scan.h"

enum { KJ_DIGEST_NAMES_MAX = 16 }; /* that are told of one object; further ones are not */

/* Bytes whose digests are looked up. */
typedef struct kj_digested {
    unsigned have; /* a bit for each kj_hash_kind that was computed */
    uint8_t digests[KJ_HASH_KIND_COUNT][KJ_HASH_MAX];
} kj_digested;

/* What is known of one object by digests, while it is scanned. */
typedef struct kj_hashes {
    const kj_defs *const *sets;
    size_t set_count;
    const kj_object *object;
    kj_arena *arena; /* lives as long as the object */
    const kj_scan_events *events;
    /* Takes a sentence about what was not digested. */
    void (*unseen)(void *user, kj_status why, const char *sentence);
    void *user;
    /* what is known so far */
    unsigned lookups; /* of digests */
    kj_digested whole;
    const kj_pe *pe; /* in the arena, once somebody asked */
    bool no_pe;
    struct {
        uint32_t set;
        uint32_t number;
    } told[KJ_DIGEST_NAMES_MAX];
    size_t told_count;
} kj_hashes;

/* Whether the object is known to be good, which is told then. Its claims are known. */
bool kj_hashes_trusted(kj_hashes *hashes);

/* Tells what else is known of it. */
void kj_hashes_tell(kj_hashes *hashes);
