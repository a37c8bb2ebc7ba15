/* SPDX-License-Identifier: Apache-2.0 */
/* --rules: files compiled into definitions in memory. */
#pragma once

#include "cmd/sources.h"
#include "defs/defs.h"

/* Makes one set of definitions as of `release` of what was compiled. What is wrong is said on
 * stderr; false then. */
bool kj_rules_build(const kj_ir *ir, uint32_t release, kj_defs *out);

/* Compiles files, and everything in folders, into one set of definitions as of `release`. What is
 * wrong with them is said on stderr; false then. */
bool kj_rules_open(const kj_option_list *paths, const kj_sources_options *how, uint32_t release,
                   kj_defs *out);
