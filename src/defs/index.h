/* SPDX-License-Identifier: Apache-2.0 */
/* Collects postings and writes the sections FILT, BUCK and POST. */
#pragma once

#include "base/buf.h"
#include "base/vec.h"
#include "defs/format.h"

typedef struct kj_index {
    KJ_VEC(kj_disk_posting) long_postings;  /* atoms of four bytes */
    KJ_VEC(kj_disk_posting) short_postings; /* of two and three */
    struct {                                /* how many postings a window of four bytes has */
        uint32_t *windows;
        uint32_t *counts; /* 0: a free slot */
        size_t slots;     /* a power of two */
        size_t used;
    } load;
    bool failed; /* no memory */
} kj_index;

void kj_index_init(kj_index *index);
void kj_index_done(kj_index *index);

/* The folded window of an atom of two to four bytes as a posting holds it. */
uint32_t kj_index_window(const uint8_t *bytes, size_t len);

/* `posting`'s window is filled in from the atom. */
void kj_index_add(kj_index *index, const uint8_t *bytes, size_t len, kj_disk_posting posting);

/* Postings of this window so far. */
uint32_t kj_index_load(const kj_index *index, uint32_t window);

/* Appends to the (empty) buffers. `header` says where forms are; the sizes are filled in here. */
KJ_MUST_CHECK kj_status kj_index_write(kj_index *index, kj_disk_index header, kj_buf *filter,
                                       kj_buf *buckets, kj_buf *postings, kj_error *err);
