/* SPDX-License-Identifier: Apache-2.0 */
/* Ranges of an object's bytes as functions (offset, length, ...) take them, and a memory for what
 * was computed over them: rules ask the same again and again. */
#pragma once

#include "modules/module.h"

/* What `args[0]` and `args[1]`, integers, cut out of the bytes. False, and the function's value is
 * undefined, for a negative one and for an offset that is not below the end (so for any in an empty
 * object); a length that leads past the end is cut. As libyara does. */
bool kj_range_of(kj_span bytes, const kj_value *args, kj_span *out);

enum { KJ_RANGE_SLOTS = 64 };

/* Something that was computed over a range. */
typedef struct kj_range_slot {
    const uint8_t *data; /* the range */
    size_t len;
    unsigned what; /* the module's own number, from 1; 0: nothing yet */
    kj_value value;
    uint64_t *counts; /* 256, or NULL; they stay when the slot is used anew */
} kj_range_slot;

/* Zeroed when new. What was computed over the whole object stays; of other ranges that share a
 * slot the last one does. */
typedef struct kj_range_memory {
    kj_range_slot slots[KJ_RANGE_SLOTS];
} kj_range_memory;

/* The slot for `what` over `range`, a part of `bytes`. *out_known: it is filled already; otherwise
 * the caller fills it. */
kj_range_slot *kj_range_slot_of(kj_range_memory *memory, kj_span bytes, kj_span range,
                                unsigned what, bool *out_known);
