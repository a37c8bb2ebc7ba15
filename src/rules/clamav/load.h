/* SPDX-License-Identifier: Apache-2.0 */
/* Kinds of files. */
#pragma once

#include "rules/clamav/state.h"

enum {
    KJ_KIND_PUA = 1 << 0,           /* only with kj_clamav_options.pua */
    KJ_KIND_TRUSTED = 1 << 1,       /* digests of known good files */
    KJ_KIND_NO_SIGNATURES = 1 << 2, /* its lines are not counted as signatures */
};

typedef struct kj_clamav_kind {
    const char *name; /* the extension */
    kj_clamav_compile *compile;
    unsigned order; /* kj_clamav_order() */
    unsigned flags;
    const char *reason; /* why such files are left out, where nothing compiles them */
} kj_clamav_kind;

/* What the input holds; NULL when its name says nothing. */
const kj_clamav_kind *kj_clamav_kind_of(const kj_clamav_input *input);

/* Compiles c->line; what a line appended that is not taken is taken back. KJ_NO_MEMORY. */
KJ_MUST_CHECK kj_status kj_clamav_take_line(kj_clamav *c, const kj_clamav_kind *kind,
                                            kj_error *err);
