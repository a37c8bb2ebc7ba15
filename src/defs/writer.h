/* SPDX-License-Identifier: Apache-2.0 */
/* IR to a definitions file. The same IR and options give the same bytes. */
#pragma once

#include "base/buf.h"
#include "ir/ir.h"

typedef struct kj_write_options {
    uint32_t release;     /* builds as of this release; what it did not have yet is left out */
    uint32_t engine;      /* this engine; definitions that need a newer one are left out */
    uint64_t date;        /* seconds since 1970; 0: the day of the newest source */
    uint32_t only_threat; /* nothing but this advisory; KJ_NONE: everything */
    const kj_schema *const *schemas; /* of the modules; may be none */
    size_t schema_count;
    /* Takes each string that is searched in every object and costs more than KJ_COSTLY: how often
     * what is looked for is met in clean files, a MiB. NULL: nobody asks. */
    void (*costly)(void *user, const kj_rule *rule, const kj_pattern *pattern, double hits);
    void *costly_user;
} kj_write_options;

#define KJ_COSTLY 200.0

#define KJ_WRITE_INIT                                                                              \
    {                                                                                              \
        .only_threat = KJ_NONE                                                                     \
    }

/* What was left out, for the user's eyes. */
typedef struct kj_write_report {
    size_t threats;
    size_t detects;
    size_t rules;
    size_t patterns;
    uint64_t digests;
    size_t skipped_engine;  /* needs a newer engine */
    size_t skipped_release; /* not yet, or no longer, in this release */
} kj_write_report;

/* Appends the file to `out` (empty, with room). KJ_LIMIT when a part outgrows the format. */
KJ_MUST_CHECK kj_status kj_defs_write(const kj_ir *ir, const kj_write_options *options, kj_buf *out,
                                      kj_write_report *out_report, kj_error *err);
