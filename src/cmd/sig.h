/* SPDX-License-Identifier: Apache-2.0 */
/* One signature and what it makes of objects: for `kujo defs test-sig`. */
#pragma once

#include "ir/ir.h"
#include "scan/scan.h"

#include <jansson.h>

/* ---- the signature ------------------------------------------------------------------------- */

/* Compiles a signature: a text, or the content of a file of that name, which holds one. `type`:
 * "ndb", "ldb", "yara"; NULL: it shows. What is wrong is said on stderr; false then. */
bool kj_sig_compile(kj_ir *ir, const char *operand, const char *type, bool color);

/* The digest that the operand's text begins to speak of, in hex; empty: none. */
void kj_sig_find_digest(const char *operand, char out[2 * KJ_HASH_MAX + 1]);

/* ---- what it makes of an object ------------------------------------------------------------ */

typedef struct kj_sig_subject {
    const kj_ir *ir;     /* holds the signature alone */
    const kj_defs *defs; /* made of it */
    const char *digest;  /* kj_sig_find_digest() */
} kj_sig_subject;

/* A report on the object that `matcher` was last asked about: its strings, its condition in parts
 * with their values, or its digests. NULL without memory. docs/json.md describes it. */
json_t *kj_sig_examine(const kj_sig_subject *subject, kj_matcher *matcher, const kj_object *object,
                       const kj_match_input *input);
