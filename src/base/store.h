/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers in little-endian order into bytes of our own: the other direction of base/reader.h.
 * Whoever calls knows that there is room. */
#pragma once

#include <stdint.h>

static inline void kj_store_u16le(uint8_t *out, uint16_t value)
{
    out[0] = (uint8_t)value;
    out[1] = (uint8_t)(value >> 8);
}

static inline void kj_store_u32le(uint8_t *out, uint32_t value)
{
    kj_store_u16le(out, (uint16_t)value);
    kj_store_u16le(out + 2, (uint16_t)(value >> 16));
}
