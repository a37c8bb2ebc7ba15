/* SPDX-License-Identifier: Apache-2.0 */
/* A part of a regular expression that every match of it has: a tree without unbounded repetitions,
 * which is searched with all other strings in one pass. Only where it is found the expression
 * itself is tried. */
#pragma once

#include "base/arena.h"
#include "ir/regex.h"

/* The part of a PCRE with kj_pcre_compile()'s options; NULL: none that is rare enough is known, or
 * there is no memory (*out_starved). What it matches may be more than what stands in a match, never
 * less. */
const kj_re *kj_clamav_regex_part(kj_arena *arena, kj_span pattern, unsigned options,
                                  bool *out_starved);
