/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the tests that advisories carry: definitions are built as of each release that a test names,
 * and the test's facts are put to them. */
#pragma once

#include "ir/ir.h"

typedef struct kj_selftest_report {
    size_t tests;
    size_t checks; /* a test at a release */
    size_t failed;
} kj_selftest_report;

/* Failures go to ir->diags, at the test's place in its source. */
KJ_MUST_CHECK kj_status kj_selftest_run(kj_ir *ir, uint32_t engine, kj_selftest_report *out,
                                        kj_error *err);
