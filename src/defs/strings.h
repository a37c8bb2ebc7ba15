/* SPDX-License-Identifier: Apache-2.0 */
/* The pool behind STRS: equal texts are stored once. */
#pragma once

#include "base/buf.h"
#include "base/vec.h"
#include "defs/format.h"

typedef struct kj_strings {
    kj_buf bytes;
    uint32_t *slots; /* open addressing: index into entries + 1; 0: free */
    size_t slot_count;
    KJ_VEC(kj_disk_text) entries;
    bool failed; /* memory or the 4 GiB that an offset reaches ran out */
} kj_strings;

void kj_strings_init(kj_strings *pool);
void kj_strings_done(kj_strings *pool);

/* Where the text is. {0, 0} for the empty text and after a failure. */
kj_disk_text kj_strings_add(kj_strings *pool, kj_span text);
