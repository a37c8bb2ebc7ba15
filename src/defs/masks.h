/* SPDX-License-Identifier: Apache-2.0 */
/* Trees that match one length only, each byte under a mask: `{ 55 8B ?? 4? [2] 90 }`. */
#pragma once

#include "base/buf.h"
#include "defs/regex.h"

/* The byte and the mask that a class is: it holds all bytes that agree with `value` where `mask`
 * has bits, and no others. False when it is no such class. */
bool kj_mask_of_class(const kj_byte_set *set, uint8_t *out_value, uint8_t *out_mask);

/* Appends the bytes to `values` and which of their bits count to `masks`. False when the trees are
 * no such text, or it has more than `max` bytes; what was appended is to be thrown away then. */
bool kj_masks_of_trees(kj_re_list list, size_t max, kj_buf *values, kj_buf *masks);
