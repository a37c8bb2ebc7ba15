/* SPDX-License-Identifier: Apache-2.0 */
/* Trees for tests, from a small notation of their own, and definitions made of patterns alone. */
#pragma once

#include "base/arena.h"
#include "defs/patterns.h"

/* Reads `text`: bytes stand for themselves; `.` is any byte; [abc], [a-c], [^a]; (x|y); * + ? {n}
 * {n,m} {n,} with a trailing `?` for the lazy forms; ^ $ \b \B; \l[abc]: behind one of these, \L:
 * or at the start, \r and \R: likewise before; \xHH; a backslash before anything else takes it
 * literally. NULL for anything wrong. */
kj_re *tree_parse(kj_arena *arena, const char *text);

/* Definitions that hold nothing but patterns, of a rule "r" those that have an identifier. */
typedef struct tree_defs {
    kj_pattern_sections sections;
    kj_strings strings;
    kj_disk_rule rule;
    kj_defs defs;
} tree_defs;

/* False, with nothing to close, when the patterns cannot be written; they are verified too. */
bool tree_defs_open(tree_defs *out, const kj_pattern *patterns, size_t count, kj_error *err);

/* Likewise with these KJ_NEEDLE_... flags, instead of all hits being wanted in every object. */
bool tree_defs_open_as(tree_defs *out, const kj_pattern *patterns, size_t count, uint32_t flags,
                       kj_error *err);
void tree_defs_close(tree_defs *defs);
