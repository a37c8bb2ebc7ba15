/* SPDX-License-Identifier: Apache-2.0 */
/* One step of a run: done, completed or taken back, each by what the file is now. */
#pragma once

#include "clean/journal.h"
#include "clean/quarantine.h"
#include "clean/state.h"

#define KJ_SENTENCE_MAX 256

/* What one step works with. */
typedef struct kj_step_context {
    const kj_state *state;
    const char *run; /* id */
    const char *root;
    int root_fd;
    bool cross_mounts;
    bool
        is_fresh; /* nothing of this run was done yet: files have to be the very ones of the plan */
    int unsynced; /* the directory in which names changed last, open; -1: none */
    char sentence[KJ_SENTENCE_MAX]; /* why a step was skipped or failed */
} kj_step_context;

/* Looks at the file, notes what brings it back, and copies one that goes into the quarantine.
 * `planned` of the record becomes SKIPPED when it is not what the plan expects. Errors are of the
 * state directory: the run must not go on. */
KJ_MUST_CHECK kj_status kj_step_prepare(kj_step_context *context, kj_arena *arena, uint32_t index,
                                        kj_step_record *record, kj_error *err);

/* Syncs the directory of the last steps; before the run ends, and before it goes away. KJ_IO. */
KJ_MUST_CHECK kj_status kj_step_sync(kj_step_context *context, kj_error *err);

/* Whether the file that a container holds is where it was, as it was. */
bool kj_step_is_in_place(const kj_quarantined *about);

/* Does the step: DONE, ALREADY, SKIPPED or FAILED. */
kj_step_result kj_step_apply(kj_step_context *context, kj_arena *arena, uint32_t index,
                             const kj_step_record *record);

/* Takes it back: UNDONE, ALREADY, SKIPPED or FAILED. */
kj_step_result kj_step_undo(kj_step_context *context, kj_arena *arena, uint32_t index,
                            const kj_step_record *record);
