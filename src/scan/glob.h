/* SPDX-License-Identifier: Apache-2.0 */
/* Shell patterns over names that came from input: the same in every locale, and never slower than
 * the product of both lengths. */
#pragma once

#include "base/span.h"

/* Whether `glob` matches all of `text`. `*` and `?` match any bytes, `/` too; [a-z], [!a-z]; `\`
 * takes the next byte literally. A `[` without its `]` is an ordinary byte. */
bool kj_glob_match(kj_span glob, kj_span text);

/* Whether a path is meant: a glob with a `/` is held against the whole path, one without against
 * its last component. */
bool kj_glob_match_path(kj_span glob, kj_span path);
