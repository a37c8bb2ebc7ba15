/* SPDX-License-Identifier: Apache-2.0 */
/* The slow, obvious matcher: tries every offset, keeps sets of positions. It shares no code with
 * the engine but the plain structs that describe patterns. */
#pragma once

#include "ir/ir.h"

enum { SLOW_TEXT_MAX = 255 };

typedef struct slow_hit {
    bool hit;
    size_t len;
    uint8_t key;
} slow_hit;

/* What the pattern matches in `text`, at most SLOW_TEXT_MAX bytes: out[i] is the match at i. */
void slow_search(const kj_pattern *pattern, kj_span text, slow_hit out[SLOW_TEXT_MAX]);
