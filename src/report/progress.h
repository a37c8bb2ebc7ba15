/* SPDX-License-Identifier: Apache-2.0 */
/* One line on the terminal that says how far a scan is: redrawn at most ten times a second, erased
 * before anything else is written. */
#pragma once

#include "base/buf.h"
#include "scan/run.h"

#include <stdio.h>

typedef struct kj_progress {
    FILE *terminal;
    uint64_t start_ms; /* CLOCK_MONOTONIC */
    uint64_t drawn_ms;
    bool visible;
} kj_progress;

void kj_progress_init(kj_progress *progress, FILE *terminal, uint64_t now_ms);

/* Draws the line, unless it was drawn less than a tenth of a second ago. */
void kj_progress_show(kj_progress *progress, const kj_run_progress *state, uint64_t now_ms);

/* Draws a sentence instead, at once: what goes on while nothing can be counted. */
void kj_progress_say(kj_progress *progress, const char *stage);

/* Removes it; a no-op when there is none, or for NULL. */
void kj_progress_erase(kj_progress *progress);

/* The line itself, at most `columns` wide. A pure function, for the tests. */
void kj_progress_line(const kj_run_progress *state, uint64_t elapsed_ms, unsigned columns,
                      kj_buf *out);
