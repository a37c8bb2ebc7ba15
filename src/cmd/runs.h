/* SPDX-License-Identifier: Apache-2.0 */
/* Runs that changed something, by their journals: listing them, completing one, taking one back. */
#pragma once

#include "clean/transaction.h"

static inline void kj_close_state(kj_state **state)
{
    kj_state_close(*state);
    *state = NULL;
}

/* `kujo clean --resume [ROOT]`: completes the run that was interrupted there (NULL: the newest
 * one). `state`: --state, or NULL. */
int kj_runs_resume(const char *state, const char *root);

/* One line a step as it ends, for resume and undo. `user`: unused. */
extern const kj_transaction_events kj_runs_events;

enum { KJ_LOCAL_TIME_MAX = 32 };

/* "2026-11-24 13:05:00", local; "" for a time that cannot be. Evaluates to `out`. */
const char *kj_local_time(int64_t when, char out[KJ_LOCAL_TIME_MAX]);
