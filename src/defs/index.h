/* SPDX-License-Identifier: Apache-2.0 */
/* Collects the postings of triggers and writes the sections FILT, BUCK and POST. */
#pragma once

#include "base/buf.h"
#include "base/vec.h"
#include "defs/format.h"

/* How many atoms have a window already. */
typedef struct kj_loads {
    uint32_t *windows;
    uint32_t *counts; /* 0: a free slot */
    size_t slots;     /* a power of two */
    size_t used;
} kj_loads;

uint32_t kj_loads_get(const kj_loads *loads, uint32_t window);
bool kj_loads_add(kj_loads *loads, uint32_t window); /* false without memory */
void kj_loads_done(kj_loads *loads);

typedef struct kj_index {
    KJ_VEC(kj_disk_posting) windows;
    KJ_VEC(kj_disk_posting) probes;
    bool failed; /* no memory */
} kj_index;

void kj_index_done(kj_index *index);

/* The window of four bytes, folded. */
uint32_t kj_index_window(const uint8_t bytes[4]);

void kj_index_add(kj_index *index, const kj_disk_posting *posting);

/* Appends to the (empty) buffers. `header` says where forms are; the sizes are filled in here. */
KJ_MUST_CHECK kj_status kj_index_write(kj_index *index, kj_disk_index header, kj_buf *filter,
                                       kj_buf *buckets, kj_buf *postings, kj_error *err);
