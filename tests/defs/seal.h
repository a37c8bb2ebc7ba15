/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the checksums of a damaged definitions file right, as whoever writes a hostile one would.
 */
#pragma once

#include "base/arith.h"
#include "base/crc32c.h"
#include "base/hash.h"
#include "defs/format.h"

#include <stddef.h>

/* Where header and section table end: at most at `len`, whatever the header says. */
static inline size_t table_end(const uint8_t *file, size_t len)
{
    uint32_t count = 0;
    if (len < sizeof(kj_disk_header))
        return len;
    memcpy(&count, file + offsetof(kj_disk_header, section_count), sizeof count);
    count = count < KJ_DISK_SECTIONS_MAX ? count : KJ_DISK_SECTIONS_MAX;
    return kj_min_size(len, sizeof(kj_disk_header) + count * sizeof(kj_disk_section));
}

/* The checksum of header and table. */
static inline void seal_header(uint8_t *file, size_t len)
{
    size_t at = offsetof(kj_disk_header, crc);
    if (len < sizeof(kj_disk_header))
        return;
    memset(file + at, 0, sizeof(uint32_t));
    uint32_t crc = kj_crc32c(kj_span_of(file, table_end(file, len)));
    memcpy(file + at, &crc, sizeof crc);
}

/* The digests of the sections, the build id and the checksum. */
static inline void seal(uint8_t *file, size_t len)
{
    uint8_t digests[KJ_DISK_SECTIONS_MAX * KJ_HASH_MAX], id[KJ_HASH_MAX];
    if (len < sizeof(kj_disk_header))
        return;
    size_t count = (table_end(file, len) - sizeof(kj_disk_header)) / sizeof(kj_disk_section);
    for (size_t i = 0; i < count; i++) {
        kj_disk_section section;
        uint8_t *row = file + sizeof(kj_disk_header) + i * sizeof section;
        memcpy(&section, row, sizeof section);
        if (section.offset <= len && section.size <= len - section.offset) {
            kj_hash(KJ_HASH_SHA256, kj_span_of(file + section.offset, (size_t)section.size),
                    section.sha256);
            memcpy(row, &section, sizeof section);
        }
        memcpy(digests + i * KJ_HASH_MAX, section.sha256, sizeof section.sha256);
    }
    kj_hash(KJ_HASH_SHA256, kj_span_of(digests, count * KJ_HASH_MAX), id);
    memcpy(file + offsetof(kj_disk_header, build_id), id, 16);
    seal_header(file, len);
}
