/* SPDX-License-Identifier: Apache-2.0 */
#include "scan/verdict.h"

#include "ir/name.h"

bool kj_verdict_beats(const kj_verdict *a, const kj_verdict *b)
{
    if (a->klass != b->klass)
        return a->klass > b->klass;
    return kj_name_rank(a->name) > kj_name_rank(b->name);
}
