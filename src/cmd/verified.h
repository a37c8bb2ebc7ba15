/* SPDX-License-Identifier: Apache-2.0 */
/* Remembers which definitions files were verified whole. */
#pragma once

#include "base/status.h"
#include "defs/defs.h"

#include <sys/stat.h>

/* A file as it was when it was verified. */
typedef struct kj_file_identity {
    uint64_t device, inode;
    uint64_t modified_ns, changed_ns;
    uint64_t size;
} kj_file_identity;

kj_file_identity kj_file_identity_of(const struct stat *st);

/* Whether this file, unchanged, was verified before. */
bool kj_verified_has(const kj_file_identity *file, const uint8_t build_id[16]);

/* Remembers it. KJ_IO where nothing can be written. */
KJ_MUST_CHECK kj_status kj_verified_add(const kj_file_identity *file, const uint8_t build_id[16],
                                        kj_error *err);
