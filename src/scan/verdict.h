/* SPDX-License-Identifier: Apache-2.0 */
/* Which of an object's detections speaks for it. */
#pragma once

#include "ir/ir.h"

/* What the order looks at. */
typedef struct kj_verdict {
    kj_class klass;
    kj_span name;
} kj_verdict;

/* Whether a class means that something was detected: not nothing, not known good. */
static inline bool kj_verdict_is_detection(kj_class klass)
{
    return klass == KJ_CLASS_HEURISTIC || klass == KJ_CLASS_FAMILY || klass == KJ_CLASS_EXACT;
}

/* Whether `a`, found later, is a better verdict than `b`: trusted over exact over family over
 * heuristic; then the more specific name; else the first stays. */
bool kj_verdict_beats(const kj_verdict *a, const kj_verdict *b);
