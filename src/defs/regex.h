/* SPDX-License-Identifier: Apache-2.0 */
/* Trees over bytes to programs of REGX. */
#pragma once

#include "base/buf.h"
#include "defs/format.h"
#include "ir/regex.h"

/* Trees that follow each other. */
typedef struct kj_re_list {
    const kj_re *const *items;
    size_t count;
} kj_re_list;

/* Appends the program of `list` to `programs` (REGX, a multiple of four bytes) and says at which
 * word it begins. `flags`: KJ_PROGF_...; a wide program is compiled from a widened tree
 * (kj_re_widen), the flag only tells what \b looks at. KJ_LIMIT when it has more than
 * KJ_PROGRAM_MAX_CODE instructions or nests deeper than KJ_RE_MAX_DEPTH. */
KJ_MUST_CHECK kj_status kj_regex_compile(kj_re_list list, uint32_t flags, kj_buf *programs,
                                         uint32_t *out_offset, kj_error *err);

/* The tree with a zero byte behind every byte, in the arena. AFTER and BEFORE go on looking at
 * single bytes. NULL without memory or when it is too deep. */
kj_re *kj_re_widen(kj_arena *arena, const kj_re *re);
