/* SPDX-License-Identifier: Apache-2.0 */
/* Known digests in the definitions file: written from the IR, looked up where they are mapped. A
 * lookup touches a word of a gate, two of a directory and one run of records. */
#pragma once

#include "base/buf.h"
#include "defs/defs.h"
#include "ir/ir.h"

/* ---- writing ------------------------------------------------------------------------------- */

/* HSET, HGAT and HBUC. HNAM and HNBL are the buffers of the IR's names as they are; HREC is large
 * and goes to the file at once. */
typedef struct kj_hash_sections {
    kj_buf sets;
    kj_buf gates;
    kj_buf buckets;
    uint64_t records_len; /* bytes of HREC */
    uint64_t count;       /* records */
} kj_hash_sections;

void kj_hash_sections_init(kj_hash_sections *out);
void kj_hash_sections_done(kj_hash_sections *out);

/* Fills the sections and sorts the records of `sets` in place. Equal records are one; of records
 * with one key and several names all are kept. `detects`: detections that DETC has. KJ_LIMIT when
 * they outgrow the format; KJ_NO_MEMORY. */
KJ_MUST_CHECK kj_status kj_hash_sets_write(const kj_hash_sets *sets, uint32_t detects,
                                           kj_hash_sections *out, kj_error *err);

/* Appends HREC, after that. */
void kj_hash_sets_put_records(const kj_hash_sets *sets, kj_buf *out);

/* Checks all of it, trusting only the sections' bounds. */
KJ_MUST_CHECK kj_status kj_hash_sets_verify(const kj_defs *defs, kj_error *err);

/* How many digests there are. */
uint64_t kj_hash_sets_count(const kj_defs *defs);

/* ---- looking up ---------------------------------------------------------------------------- */

/* What is digested at all: a bit for each kj_hash_scope. Trusted sets only, or all but those. */
unsigned kj_hash_sets_scopes(const kj_defs *defs, bool trusted);

/* Which digests (a bit for each kj_hash_kind) of something of that size could be known, as
 * `scope`. Trusted sets only, or all but those. */
unsigned kj_hash_sets_want(const kj_defs *defs, kj_hash_scope scope, uint64_t size, bool trusted);

/* Calls with the number of each detection that the digest makes. */
void kj_hash_sets_find(const kj_defs *defs, kj_hash_scope scope, kj_hash_kind kind,
                       const uint8_t *digest, uint64_t size, bool trusted,
                       void (*found)(void *user, uint32_t number), void *user);

/* Lets go of the pages that lookups mapped: to be called after a dozen or so. */
void kj_hash_sets_forget(const kj_defs *defs);

/* ---- detections by number ------------------------------------------------------------------ */

/* What a detection says, whether DETC or a set has it. */
typedef struct kj_detection {
    kj_span name; /* never empty */
    kj_class klass;
    uint32_t since;                  /* release; 0: not known */
    const kj_disk_detect *detect;    /* NULL: of a set */
    const kj_disk_hash_set *set;     /* NULL: of DETC */
    uint8_t text[KJ_FRONT_TEXT_MAX]; /* where `name` of a set is */
} kj_detection;

/* False when there is none of that number, or it is damaged. `out` must not move afterwards. */
bool kj_defs_detection(const kj_defs *defs, uint32_t number, kj_detection *out);
