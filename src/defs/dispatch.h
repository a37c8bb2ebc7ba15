/* SPDX-License-Identifier: Apache-2.0 */
/* Which rules are looked at in an object: those of a trigger that was found, those of a window that
 * stands at an anchor, those behind a gate that is open, and those that nothing excludes. */
#pragma once

#include "defs/code.h"
#include "defs/patterns.h"

typedef struct kj_dispatch_input {
    const kj_ir *ir;
    const kj_code_map *map; /* IR index to file index */
    kj_strings *strings;
    kj_pattern_builder *builder;
    /* Objects without these bytes at their start have none of a module's facts: schema id to what
     * they begin with. */
    const kj_schema *const *schemas;
    size_t schema_count;
    /* Takes each string that becomes a trigger, and its cost (kj_patterns_cost()). NULL: nobody
     * asks. */
    void (*trigger)(void *user, uint32_t rule, uint32_t pattern, double cost); /* IR indices */
    void *user;
} kj_dispatch_input;

/* What is filled: sections, and runs in `lists`. */
typedef struct kj_dispatch_output {
    kj_buf *lists;
    kj_buf *code;
    kj_buf *anchors;
    kj_buf *anchored;
    kj_buf *gates;
    kj_disk_run always;
} kj_dispatch_output;

/* Whether evaluating a condition does something besides, as printing a line: it is evaluated once
 * then. */
bool kj_has_effects(const kj_schema *const *schemas, size_t count, const kj_expr *expr);

/* Finds the triggers of all rules that are in the file, marks their needles and writes the rest. */
KJ_MUST_CHECK kj_status kj_dispatch_write(const kj_dispatch_input *input, kj_dispatch_output *out,
                                          kj_error *err);
