/* SPDX-License-Identifier: Apache-2.0 */
/* A file whose bytes are changed in place: what state it is in, and bringing it into another. */
#pragma once

#include "clean/transaction.h"

typedef enum kj_patch_state {
    KJ_PATCH_OLD,
    KJ_PATCH_NEW,
    KJ_PATCH_MIXED, /* some of the bytes are written, all others are as they were */
    KJ_PATCH_OTHER, /* somebody else changed it, or it cannot be read */
} kj_patch_state;

/* Reads all of the file. OLD, NEW and MIXED also say that the edits lead from the step's digest to
 * its digest afterwards. */
kj_patch_state kj_patch_look(int fd, const kj_step *step);

/* Writes the new bytes, or the old ones, and syncs, a hive in Windows's order. False: errno. */
bool kj_patch_write(int fd, const kj_step *step, bool forward);

/* A hive's header half way differs from both others in bytes that the edits may leave alone (the
 * checksum's): makes all of the header one edit. False: it cannot be done, or no memory. */
bool kj_patch_cover_header(int fd, kj_arena *arena, kj_step *step);
