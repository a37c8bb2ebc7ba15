/* SPDX-License-Identifier: Apache-2.0 */
/* Edits carried out in memory, as the applying side does it on a file. */
#pragma once

#include "base/buf.h"
#include "base/edits.h"

/* `out` is initialised, and big enough. False when a `before` is not what stands there, or when the
 * list is none. */
static inline bool apply_edits(kj_span file, kj_edits edits, kj_buf *out)
{
    kj_buf_clear(out);
    if (!kj_edits_valid(edits, file.len))
        return false;
    size_t done = 0;
    for (size_t i = 0; i < edits.count; i++) {
        const kj_edit *edit = &edits.items[i];
        kj_buf_put(out, kj_span_sub(file, done, (size_t)edit->offset - done));
        kj_buf_put(out, edit->after);
        if (!kj_span_equal(kj_span_sub(file, (size_t)edit->offset, edit->before.len), edit->before))
            return false;
        done = (size_t)edit->offset + edit->before.len;
    }
    kj_buf_put(out, kj_span_sub(file, done, file.len));
    return !out->failed && out->len == kj_edits_size_after(edits, file.len);
}
