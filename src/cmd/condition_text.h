/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions of definitions as text, for people: written as YARA would. */
#pragma once

#include "base/buf.h"
#include "defs/code.h"

/* Appends the expression at word `code`. What is damaged is "?". */
void kj_condition_text(const kj_defs *defs, uint32_t code, kj_buf *out);

/* Word offset of argument `index` of a node; KJ_NONE: there is none. */
uint32_t kj_condition_arg(const kj_defs *defs, const kj_code_node *node, uint32_t index);

/* The node at word `code`. */
kj_code_node kj_condition_node(const kj_defs *defs, uint32_t code);
