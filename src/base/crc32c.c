/* SPDX-License-Identifier: Apache-2.0 */
/* Reflected polynomial 0x82F63B78: by the processor's instruction where it has one, else four bits
 * at a time, from a table that stays in one cache line pair. */
#include "base/crc32c.h"

#if defined(__x86_64__)
#include <nmmintrin.h>
#define HAS_X86 1
#else
#define HAS_X86 0
#endif

static const uint32_t nibble[16] = {
    0x00000000, 0x105EC76F, 0x20BD8EDE, 0x30E349B1, 0x417B1DBC, 0x5125DAD3, 0x61C69362, 0x7198540D,
    0x82F63B78, 0x92A8FC17, 0xA24BB5A6, 0xB21572C9, 0xC38D26C4, 0xD3D3E1AB, 0xE330A81A, 0xF36E6F75,
};

static uint32_t pass_portable(uint32_t crc, kj_span bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        crc ^= bytes.data[i];
        crc = crc >> 4 ^ nibble[crc & 15];
        crc = crc >> 4 ^ nibble[crc & 15];
    }
    return crc;
}

#if HAS_X86

__attribute__((target("sse4.2"))) static uint32_t pass_sse42(uint32_t crc, kj_span bytes)
{
    size_t i = 0;
    for (uint64_t word; i + sizeof word <= bytes.len; i += sizeof word) {
        memcpy(&word, bytes.data + i, sizeof word);
        crc = (uint32_t)_mm_crc32_u64(crc, word);
    }
    for (; i < bytes.len; i++)
        crc = _mm_crc32_u8(crc, bytes.data[i]);
    return crc;
}

uint32_t kj_crc32c(kj_span bytes)
{
    return ~(__builtin_cpu_supports("sse4.2") ? pass_sse42(UINT32_MAX, bytes)
                                              : pass_portable(UINT32_MAX, bytes));
}

#else

uint32_t kj_crc32c(kj_span bytes)
{
    return ~pass_portable(UINT32_MAX, bytes);
}

#endif

uint32_t kj_crc32c_portable(kj_span bytes)
{
    return ~pass_portable(UINT32_MAX, bytes);
}
