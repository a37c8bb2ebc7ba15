/* SPDX-License-Identifier: Apache-2.0 */
/* The state directory from the inside: STATE/lock, STATE/runs/ID/journal, STATE/quarantine/ID.kjq.
 */
#pragma once

#include "clean/transaction.h"

struct kj_state {
    char *path;
    int lock; /* held */
    int runs; /* directories, open */
    int quarantine;
};

/* Syncs a directory, so that what was made or removed in it stays so. KJ_IO. */
KJ_MUST_CHECK kj_status kj_sync_directory(int directory, kj_error *err);
