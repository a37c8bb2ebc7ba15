/* SPDX-License-Identifier: Apache-2.0 */
/* Reflected polynomial 0xEDB88320, a byte at a time. The table is linear: what a byte does to the
 * register is the sum of what its bits do, so eight numbers make all 256. */
#include "base/crc32.h"

#define BIT(byte, bit, value) (((byte) >> (bit)) % 2 * UINT32_C(value))
#define ENTRY(byte)                                                                                \
    (BIT(byte, 0, 0x77073096) ^ BIT(byte, 1, 0xEE0E612C) ^ BIT(byte, 2, 0x076DC419) ^              \
     BIT(byte, 3, 0x0EDB8832) ^ BIT(byte, 4, 0x1DB71064) ^ BIT(byte, 5, 0x3B6E20C8) ^              \
     BIT(byte, 6, 0x76DC4190) ^ BIT(byte, 7, 0xEDB88320))
#define FOUR(byte)    ENTRY(byte), ENTRY((byte) + 1), ENTRY((byte) + 2), ENTRY((byte) + 3)
#define SIXTEEN(byte) FOUR(byte), FOUR((byte) + 4), FOUR((byte) + 8), FOUR((byte) + 12)
#define SIXTY_FOUR(byte)                                                                           \
    SIXTEEN(byte), SIXTEEN((byte) + 16), SIXTEEN((byte) + 32), SIXTEEN((byte) + 48)

static const uint32_t table[256] = {SIXTY_FOUR(0), SIXTY_FOUR(64), SIXTY_FOUR(128),
                                    SIXTY_FOUR(192)};

uint32_t kj_crc32(kj_span bytes)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < bytes.len; i++)
        crc = crc >> 8 ^ table[(crc ^ bytes.data[i]) & 0xFF];
    return ~crc;
}
