/* SPDX-License-Identifier: Apache-2.0 */
/* From what a matcher holds to what a scan tells: indices become names. */
#pragma once

#include "defs/hash_sets.h"
#include "scan/digests.h"
#include "scan/scan.h"

/* Makes `out` and appends the path of `member` (empty: of the object itself) below the file: names
 * joined by '!', each escaped. Empty for the file. */
void kj_member_path(const kj_object *object, kj_span member, kj_buf *out);

/* Tells the detections and sightings of the matcher's last run; of a view, only detections. `told`
 * are those that other views of the object have shown, which are not told again: NULL when it is
 * matched once; settled between views. KJ_INTERNAL when the definitions turn out to be damaged. */
KJ_MUST_CHECK kj_status kj_findings_tell(kj_matcher *matcher, const kj_defs *defs, uint32_t set,
                                         const kj_object *object, kj_digests *told,
                                         const kj_scan_events *events, kj_error *err);

/* A digest that is known, and of what it is. */
typedef struct kj_known_digest {
    kj_hash_scope scope;
    kj_hash_kind kind;
    const uint8_t *digest; /* kj_hash_len(kind) bytes */
    uint64_t offset; /* of the digested bytes, where they are some of the object's in one piece */
    uint64_t len;    /* how many they are */
} kj_known_digest;

/* The evidence that it is; its texts are static. */
kj_finding_evidence kj_digest_evidence(const kj_known_digest *known);

/* Tells the detection of that number in set `set` that a digest makes. */
void kj_findings_tell_digest(const kj_detection *detection, uint32_t set, uint32_t number,
                             const kj_known_digest *known, const kj_object *object,
                             const kj_scan_events *events);
