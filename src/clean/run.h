/* SPDX-License-Identifier: Apache-2.0 */
/* Runs in the state directory. */
#pragma once

#include "clean/journal.h"
#include "clean/state.h"

/* The id of a run: the whole, a beginning that only one has, or "last": the newest that changed
 * something and was not taken back. KJ_IO: none. */
KJ_MUST_CHECK kj_status kj_run_choose(kj_state *state, const char *id, char out[KJ_RUN_ID_MAX],
                                      kj_error *err);

/* Reads a run's journal; `journal->fd` is open for appending afterwards, *out_len is how much of it
 * is whole. Texts are the arena's. */
KJ_MUST_CHECK kj_status kj_run_load(int directory, kj_arena *arena, kj_journal *journal,
                                    size_t *out_len, kj_run_record *out, kj_error *err);

/* Whether the quarantine's containers of that run may still be needed to complete it. */
bool kj_run_is_open(kj_state *state, kj_span id);

/* Removes what runs left that ended before COMMIT: their journals, and copies of files that are
 * where they were. */
void kj_runs_sweep(kj_state *state);
