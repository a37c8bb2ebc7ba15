/* SPDX-License-Identifier: Apache-2.0 */
/* The forms of a text pattern. */
#pragma once

#include "base/buf.h"
#include "ir/ir.h"

enum {
    KJ_BASE64_ALIGNMENTS = 3,
    KJ_ALPHABET_LEN = 64,
};

/* Appends the base64 text that any base64 text holds whose plain text has `text` at an offset that
 * is `alignment` modulo three: characters that depend on the neighbours are left out. Nothing when
 * no character is left. `alphabet`: 64 characters, NULL for the standard ones. */
void kj_base64_form(kj_span text, unsigned alignment, const char *alphabet, kj_buf *out);

/* Appends the bytes with a zero behind each. */
void kj_widen(kj_span text, kj_buf *out);

/* Whether the tree is nothing but a text, which is appended to `out`. *out_nocase: each letter of
 * it stands for both of its cases. */
bool kj_re_as_text(const kj_re *re, kj_buf *out, bool *out_nocase);
