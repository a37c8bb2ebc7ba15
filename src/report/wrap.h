/* SPDX-License-Identifier: Apache-2.0 */
/* Paragraphs for a terminal, in English and Japanese. */
#pragma once

#include "base/buf.h"

typedef struct kj_wrap {
    size_t width;     /* cells a line may have */
    size_t indent;    /* blanks before every line */
    bool join_spaced; /* lines of a paragraph are joined by a blank (English), or by nothing */
} kj_wrap;

/* Appends UTF-8 text: blank lines part paragraphs, lines that begin with "- " are items. Control
 * bytes are escaped. English breaks at blanks, Japanese between any two characters but before
 * closing and after opening punctuation (JIS X 4051, the common part). */
void kj_wrap_text(const kj_wrap *how, kj_span text, kj_buf *out);
