/* SPDX-License-Identifier: Apache-2.0 */
/* A task of the scheduler before Windows Vista: a .job file. */
#pragma once

#include "base/arena.h"
#include "base/span.h"
#include "base/status.h"

typedef struct kj_job {
    uint16_t product; /* version of Windows: 0x0501 */
    uint32_t flags;   /* as stored */
    bool is_disabled;
    bool is_hidden;
    kj_span program;   /* UTF-8, the arena's; likewise the others */
    kj_span arguments; /* may be empty */
    kj_span directory; /* may be empty */
    kj_span author;
    kj_span comment;
} kj_job;

/* KJ_MALFORMED: no .job file; KJ_TRUNCATED: it ends before the program's name; what lacks behind
 * that is empty. KJ_NO_MEMORY. */
KJ_MUST_CHECK kj_status kj_job_read(kj_span bytes, kj_arena *arena, kj_job *out, kj_error *err);
