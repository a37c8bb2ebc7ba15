/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions as words of CODE (format.h), and the analysis of them that building needs. */
#pragma once

#include "defs/defs.h"
#include "defs/strings.h"
#include "ir/ir.h"

/* How indices of the IR become indices of the file: KJ_NONE for what is left out. */
typedef struct kj_code_map {
    const uint32_t *rules;
    const uint32_t *patterns;
    const uint32_t *artifacts;
    const uint32_t *externals;
} kj_code_map;

/* Appends the expression to `code`, sets *out to its word offset. KJ_LIMIT when it is too large,
 * KJ_INTERNAL when it refers to something that is left out. */
KJ_MUST_CHECK kj_status kj_code_write(const kj_expr *expr, const kj_code_map *map,
                                      kj_strings *strings, kj_buf *code, uint32_t *out,
                                      kj_error *err);

/* How many variable slots the expression uses. */
uint32_t kj_code_variables(const kj_expr *expr);

/* Walks an expression's artifacts: what a detection is about, that is the first operand of each
 * `and`, and every operand of `or` and `of`; a NOT is about nothing. */
void kj_code_anchors(const kj_expr *expr, void (*found)(void *user, uint32_t artifact), void *user);

/* Walks every artifact and rule that an expression refers to, by its IR index. */
void kj_code_references(const kj_expr *expr, void (*found)(void *user, kj_op op, uint32_t index),
                        void *user);

/* A node of the mapped file, decoded; `words` is NULL when it is damaged. */
typedef struct kj_code_node {
    kj_op op;
    kj_type type;
    kj_quantifier quantifier;
    uint32_t count; /* args */
    uint32_t index;
    uint32_t operand[2];
    uint32_t args; /* word offset of the first */
    uint32_t next; /* word offset behind the node */
    bool ok;
} kj_code_node;

/* Decodes the node at word `at`, all of which lies before word `end`. */
kj_code_node kj_code_read(const kj_defs *defs, uint32_t at, uint32_t end);

/* Checks the condition at word `at`: structure, ops, types, indices, depth. */
KJ_MUST_CHECK kj_status kj_code_verify(const kj_defs *defs, uint32_t at, kj_error *err);
