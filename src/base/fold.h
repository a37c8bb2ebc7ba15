/* SPDX-License-Identifier: Apache-2.0 */
/* Case folding and Windows paths, as far as recognising artifacts needs them. */
#pragma once

#include "base/arena.h"
#include "base/span.h"

/* Simple, one-to-one case folding of a code point: ASCII, Latin-1, Latin Extended-A, Greek,
 * Cyrillic, Armenian, full-width Latin. What NTFS's upcase table folds beyond that (rare letters)
 * compares exactly. Independent of the locale. */
uint32_t kj_fold(uint32_t code);

/* A Windows path in the form in which paths are compared: UTF-8, folded, `\` as the only
 * separator, no empty or `.` components, no trailing blanks and dots in a component (Win32 drops
 * them). `..` stays: it never matches. NULL without memory. */
char *kj_winpath_normalize(kj_arena *arena, kj_span path);

/* Whether a folded pattern matches a folded text; `*` matches any run of bytes but a `\`. */
bool kj_winpath_match(kj_span pattern, kj_span path);

/* Whether a folded pattern matches a folded text; `*` matches any run of bytes. */
bool kj_wildcard_match(kj_span pattern, kj_span text);

/* Folds UTF-8 text. NULL without memory. */
char *kj_fold_text(kj_arena *arena, kj_span text);
