/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions and patterns as text that a test can state. */
#pragma once

#include "ir/ir.h"

/* "(and $a (gt #b 3))": op, then quantifier, index and arguments as far as the op has them. */
void yara_dump_expr(const kj_ir *ir, const kj_expr *expr, kj_buf *out);

/* "(cat 61 [62-64] (rep 1 * 65))": bytes in hex; `rep?` is lazy, `.` any byte;
 * `after:` and `before:` what stands beside. */
void yara_dump_re(const kj_re *re, kj_buf *out);
