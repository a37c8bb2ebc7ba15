/* SPDX-License-Identifier: Apache-2.0 */
/* Changes to a file as data: what stands where, and what shall stand there. A parser makes them,
 * the applying side compares and writes, and reversed they are the way back. */
#pragma once

#include "base/arena.h"
#include "base/span.h"
#include "base/status.h"

/* `after` is as long as `before`, but in the last edit of a list, which may reach to the end of the
 * file and make it shorter or longer (an empty `before` at the end: bytes are appended). */
typedef struct kj_edit {
    uint64_t offset;
    kj_span before;
    kj_span after;
} kj_edit;

/* Ascending and disjoint. The bytes are whoever's who made the list; he says so. */
typedef struct kj_edits {
    const kj_edit *items;
    size_t count;
} kj_edits;

/* Whether a list is what it has to be: ascending, disjoint, no wrapping offsets, lengths equal but
 * in the last one, which ends at `file_size` if they differ. */
bool kj_edits_valid(kj_edits edits, uint64_t file_size);

/* The size of a file of `file_size` bytes after the edits. */
uint64_t kj_edits_size_after(kj_edits edits, uint64_t file_size);

/* The edits that make `after` of `before`: the shortest runs of bytes that differ, two runs less
 * than `gap` bytes apart being one; a difference in length goes into the last. The edits borrow
 * from both texts; the array is the arena's. KJ_NO_MEMORY. */
KJ_MUST_CHECK kj_status kj_edits_between(kj_arena *arena, kj_span before, kj_span after, size_t gap,
                                         kj_edits *out, kj_error *err);

/* The way back: every edit with `before` and `after` exchanged. */
KJ_MUST_CHECK kj_status kj_edits_reverse(kj_arena *arena, kj_edits edits, kj_edits *out,
                                         kj_error *err);

/* How many bytes they change: bytes of the ranges that really differ, and what the file grows or
 * shrinks by. */
uint64_t kj_edits_changed(kj_edits edits);
