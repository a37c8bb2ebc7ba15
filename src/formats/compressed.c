/* SPDX-License-Identifier: Apache-2.0 */
/* One compressed file each: what comes out is one member, however many streams are joined in it.
 *
 *     gzip      RFC 1952            1F 8B method flags ...
 *     bzip2     "BZh" level, then the block magic (pi) or the end magic (sqrt pi)
 *     xz, lzma  the .xz and .lzma file formats (tukaani.org)
 *     zstd      RFC 8878; frames may be preceded by skippable ones
 *     lz4       frame format 1.6, and the legacy frame
 *     lzip      RFC draft-diaz-lzip; compress: the LZW of compress(1) */
#include "formats/rows.h"
#include "formats/unpack.h"

#include <archive.h>

/* Defines the `scan` of one row. */
#define SCAN_STREAM(row, code, ...)                                                                \
    static kj_status scan_##row(kj_object *object, kj_sink *sink, kj_error *err)                   \
    {                                                                                              \
        static const int filters[] = {(code), 0};                                                  \
        static const kj_unpack_way way = {.filter = filters, .solid = true, __VA_ARGS__};          \
        return kj_unpack_walk(&way, object, object->bytes, sink, err);                             \
    }

SCAN_STREAM(gzip, ARCHIVE_FILTER_GZIP)
SCAN_STREAM(bzip2, ARCHIVE_FILTER_BZIP2)
SCAN_STREAM(xz, ARCHIVE_FILTER_XZ)
SCAN_STREAM(zstd, ARCHIVE_FILTER_ZSTD)
SCAN_STREAM(lz4, ARCHIVE_FILTER_LZ4)
SCAN_STREAM(lzma, ARCHIVE_FILTER_LZMA, .weak = true)
SCAN_STREAM(lzip, ARCHIVE_FILTER_LZIP)
SCAN_STREAM(compress, ARCHIVE_FILTER_COMPRESS, .guessed = true)

/* Method 8 is the only one; the three high flags are reserved. */
static unsigned probe_gzip(kj_span bytes)
{
    kj_reader r = kj_reader_of(bytes);
    kj_skip(&r, 2);
    uint8_t method = kj_read_u8(&r);
    uint8_t flags = kj_read_u8(&r);
    return kj_reader_ok(&r) && method == 8 && (flags & 0xE0) == 0 ? 27 : 0;
}

static unsigned probe_bzip2(kj_span bytes)
{
    kj_reader r = kj_reader_of(bytes);
    kj_skip(&r, 3);
    uint8_t level = kj_read_u8(&r);
    kj_span magic = kj_read_span(&r, 6);
    bool block = kj_span_equal(magic, kj_span_of("\x31\x41\x59\x26\x53\x59", 6));
    bool end = kj_span_equal(magic, kj_span_of("\x17\x72\x45\x38\x50\x90", 6));
    return level >= '1' && level <= '9' && (block || end) ? 77 : 0;
}

static bool is_dictionary(uint32_t size)
{
    uint32_t top = size ? 1u << (31 - __builtin_clz(size)) : 0;
    return size >= 4096 && (size == top || size == top + top / 2);
}

/* No magic: properties, dictionary (2^n or 2^n + 2^(n-1)), size (-1: unknown), and the first byte
 * of the range coder, which is always zero. LZMA Utils and xz accept no more than that either. */
static unsigned probe_lzma(kj_span bytes)
{
    kj_reader r = kj_reader_of(bytes);
    uint8_t properties = kj_read_u8(&r);
    uint32_t dictionary = kj_read_u32le(&r);
    uint64_t size = kj_read_u64le(&r);
    uint8_t first = kj_read_u8(&r);
    bool sized = size == UINT64_MAX || (size > 0 && size < UINT64_C(1) << 38);
    return kj_reader_ok(&r) && properties < 9 * 5 * 5 && is_dictionary(dictionary) && sized &&
                   first == 0 && kj_reader_left(&r) >= 4
               ? 20
               : 0;
}

/* The low five bits are the longest code, 9 to 16; the two above them are reserved. */
static unsigned probe_compress(kj_span bytes)
{
    kj_reader r = kj_reader_of(bytes);
    kj_skip(&r, 2);
    uint8_t flags = kj_read_u8(&r);
    return kj_reader_ok(&r) && (flags & 0x60) == 0 && (flags & 0x1F) >= 9 && (flags & 0x1F) <= 16
               ? 20
               : 0;
}

/* A skippable frame may come first; only a frame that follows it tells zstd from lz4. */
static unsigned probe_frames(kj_span bytes, kj_span magic)
{
    kj_reader r = kj_reader_of(bytes);
    for (int frames = 0; frames < 16; frames++) {
        kj_span here = kj_read_span(&r, 4);
        if (kj_span_equal(here, magic))
            return 32;
        kj_reader id = kj_reader_of(here);
        if ((kj_read_u32le(&id) & 0xFFFFFFF0u) != 0x184D2A50u)
            return 0;
        uint32_t len = kj_read_u32le(&r);
        kj_skip(&r, len);
    }
    return 0;
}

static unsigned probe_zstd(kj_span bytes)
{
    return probe_frames(bytes, kj_span_of("\x28\xB5\x2F\xFD", 4));
}

static unsigned probe_lz4(kj_span bytes)
{
    unsigned legacy = kj_span_starts(bytes, kj_span_of("\x02\x21\x4C\x18", 4)) ? 32 : 0;
    return legacy ? legacy : probe_frames(bytes, kj_span_of("\x04\x22\x4D\x18", 4));
}

const kj_format kj_format_gzip = {
    .name = "gzip",
    .title = "gzip-compressed file",
    .kind = KJ_KIND_COMPRESSED,
    .magics = KJ_MAGICS(KJ_MAGIC(0, "\x1F\x8B")),
    .probe = probe_gzip,
    .scan = scan_gzip,
};

const kj_format kj_format_bzip2 = {
    .name = "bzip2",
    .title = "bzip2-compressed file",
    .kind = KJ_KIND_COMPRESSED,
    .magics = KJ_MAGICS(KJ_MAGIC(0, "BZh")),
    .probe = probe_bzip2,
    .scan = scan_bzip2,
};

const kj_format kj_format_xz = {
    .name = "xz",
    .title = "xz-compressed file",
    .kind = KJ_KIND_COMPRESSED,
    .magics = KJ_MAGICS(KJ_MAGIC(0, "\xFD"
                                    "7zXZ\0")),
    .scan = scan_xz,
};

const kj_format kj_format_zstd = {
    .name = "zstd",
    .title = "Zstandard-compressed file",
    .kind = KJ_KIND_COMPRESSED,
    .probe = probe_zstd,
    .scan = scan_zstd,
};

const kj_format kj_format_lz4 = {
    .name = "lz4",
    .title = "LZ4-compressed file",
    .kind = KJ_KIND_COMPRESSED,
    .probe = probe_lz4,
    .scan = scan_lz4,
};

const kj_format kj_format_lzma = {
    .name = "lzma",
    .title = "LZMA-compressed file",
    .kind = KJ_KIND_COMPRESSED,
    .probe = probe_lzma,
    .scan = scan_lzma,
};

const kj_format kj_format_lzip = {
    .name = "lzip",
    .title = "lzip-compressed file",
    .kind = KJ_KIND_COMPRESSED,
    .magics = KJ_MAGICS(KJ_MAGIC(0, "LZIP\x01"), KJ_MAGIC(0, "LZIP\0")),
    .scan = scan_lzip,
};

const kj_format kj_format_compress = {
    .name = "compress",
    .title = "compress(1)-compressed file",
    .kind = KJ_KIND_COMPRESSED,
    .magics = KJ_MAGICS(KJ_MAGIC(0, "\x1F\x9D")),
    .probe = probe_compress,
    .scan = scan_compress,
};
