/* SPDX-License-Identifier: Apache-2.0 */
/* The quarantine: one container a removed object, inert by a random key of its own, with everything
 * that is needed to put it back: contents, all extended attributes (NTFS streams, ACLs), times,
 * mode, owner. docs/formats/quarantine.md. */
#pragma once

#include "clean/transaction.h"

#define KJ_QUARANTINE_ID_MAX 80

typedef struct kj_quarantined {
    char id[KJ_QUARANTINE_ID_MAX];
    kj_span run;  /* the run's id */
    kj_span root; /* where it was */
    kj_span path; /* below the root, raw */
    uint64_t size;
    uint8_t sha256[KJ_HASH_MAX];
    uint8_t sha1[KJ_HASH_MAX];
    uint8_t md5[KJ_HASH_MAX];
    int64_t when; /* seconds since 1970 */
    int64_t mtime_ns;
    uint32_t mode;
    uint32_t uid;
    uint32_t gid;
    uint32_t links;
    uint32_t attribute_count;
    bool sensitive;
    kj_span reasons; /* JSON */
} kj_quarantined;

/* Newest first. Damaged containers are handed to `damaged` (may be NULL). */
KJ_MUST_CHECK kj_status kj_quarantine_list(
    kj_state *state, kj_arena *arena, kj_quarantined **out, size_t *out_count,
    void (*damaged)(void *user, const char *id, const kj_error *err), void *user, kj_error *err);

/* `id`: the whole, or a beginning that only one has. */
KJ_MUST_CHECK kj_status kj_quarantine_find(kj_state *state, const char *id, kj_arena *arena,
                                           kj_quarantined *out, kj_error *err);

/* Reads all of it and compares every digest. */
KJ_MUST_CHECK kj_status kj_quarantine_verify(kj_state *state, const char *id, kj_error *err);

/* Puts it back where it was, or at `to` (an absolute path); never over something. The container
 * stays. */
KJ_MUST_CHECK kj_status kj_quarantine_restore(kj_state *state, const char *id, const char *to,
                                              kj_error *err);

/* Writes the bare content to a new file in `directory`, named by its digest, mode 0400. *out_path
 * is the arena's. */
KJ_MUST_CHECK kj_status kj_quarantine_extract(kj_state *state, const char *id,
                                              const char *directory, kj_arena *arena,
                                              const char **out_path, kj_error *err);

/* Deletes the container for good; refused while its run is unfinished. */
KJ_MUST_CHECK kj_status kj_quarantine_purge(kj_state *state, const char *id, kj_error *err);
