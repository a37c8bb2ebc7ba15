/* SPDX-License-Identifier: Apache-2.0 */
/* The other archives that libarchive reads, each with nothing but its own format enabled.
 *
 * Compression around an archive (tar.gz, the members of a .deb) is not handled here: it is an
 * object of its own, and what comes out of it another. Only RPM brings its compression along. */
#include "base/arith.h"
#include "base/text.h"
#include "formats/rows.h"
#include "formats/unpack.h"

#include <archive.h>

/* Defines the `scan` of one row. */
#define SCAN_ARCHIVE(row, ...)                                                                     \
    static kj_status scan_##row(kj_object *object, kj_sink *sink, kj_error *err)                   \
    {                                                                                              \
        static const kj_unpack_way way = {__VA_ARGS__};                                            \
        return kj_unpack_walk(&way, object, object->bytes, sink, err);                             \
    }

/* An RPM package is a lead, headers and a cpio archive compressed by one of these. */
static const int rpm_filters[] = {ARCHIVE_FILTER_RPM,
                                  ARCHIVE_FILTER_GZIP,
                                  ARCHIVE_FILTER_XZ,
                                  ARCHIVE_FILTER_ZSTD,
                                  ARCHIVE_FILTER_BZIP2,
                                  ARCHIVE_FILTER_LZMA,
                                  0};

SCAN_ARCHIVE(7z, .format = ARCHIVE_FORMAT_7ZIP, .solid = true)
SCAN_ARCHIVE(rar, .format = ARCHIVE_FORMAT_RAR, .solid = true)
SCAN_ARCHIVE(rar5, .format = ARCHIVE_FORMAT_RAR_V5, .solid = true)
SCAN_ARCHIVE(tar, .format = ARCHIVE_FORMAT_TAR)
SCAN_ARCHIVE(cab, .format = ARCHIVE_FORMAT_CAB, .solid = true)
SCAN_ARCHIVE(iso9660, .format = ARCHIVE_FORMAT_ISO9660, .sized_directories = true)
SCAN_ARCHIVE(cpio, .format = ARCHIVE_FORMAT_CPIO)
SCAN_ARCHIVE(lha, .format = ARCHIVE_FORMAT_LHA)
SCAN_ARCHIVE(ar, .format = ARCHIVE_FORMAT_AR)
SCAN_ARCHIVE(rpm, .format = ARCHIVE_FORMAT_CPIO, .solid = true, .filter = rpm_filters)
SCAN_ARCHIVE(xar, .format = ARCHIVE_FORMAT_XAR)

/* Blank-padded or NUL-ended octal, as tar writes numbers; false for anything else. */
static bool read_octal(kj_span field, uint32_t *out)
{
    uint32_t value = 0;
    size_t i = 0;
    while (i < field.len && field.data[i] == ' ')
        i++;
    size_t first = i;
    for (; i < field.len && field.data[i] >= '0' && field.data[i] <= '7'; i++)
        value = value << 3 | (field.data[i] - '0');
    *out = value;
    return i > first && (i == field.len || field.data[i] == ' ' || field.data[i] == '\0');
}

/* All of v7, ustar, GNU and pax have the header's checksum in octal at 148; some old writers summed
 * signed characters. Source: POSIX.1-2017, pax, "ustar Interchange Format". */
static unsigned probe_tar(kj_span bytes)
{
    enum { HEADER = 512, SUM_AT = 148, SUM_LEN = 8 };
    kj_span header = kj_span_sub(bytes, 0, HEADER);
    uint32_t expected;
    if (header.len < HEADER || header.data[0] == '\0' ||
        !read_octal(kj_span_sub(header, SUM_AT, SUM_LEN), &expected))
        return 0;
    uint32_t sum = SUM_LEN * ' ';
    uint32_t signed_sum = sum;
    for (size_t i = 0; i < HEADER; i++) {
        if (i >= SUM_AT && i < SUM_AT + SUM_LEN)
            continue;
        sum += header.data[i];
        signed_sum += header.data[i] - (header.data[i] < 0x80 ? 0 : 0x100u);
    }
    return expected == sum || expected == signed_sum ? 48 : 0;
}

/* "-lh5-" and its like after two bytes, and a header level that exists. */
static unsigned probe_lha(kj_span bytes)
{
    kj_span method = kj_span_sub(bytes, 2, 5);
    if (bytes.len < 24 || method.data[0] != '-' || method.data[4] != '-' || bytes.data[20] > 3)
        return 0;
    kj_span family = kj_span_sub(method, 1, 2);
    bool known = kj_span_is(family, "lh") || kj_span_is(family, "lz") || kj_span_is(family, "pm");
    return known && kj_is_alnum(method.data[3]) ? 42 : 0;
}

/* The binary header has 13 words of 16 bits, in either byte order: magic, device, inode, mode, uid,
 * gid, links, device, mtime (2), length of the name, length of the file (2); then the name. */
static bool is_binary_cpio(kj_span bytes, uint16_t (*read)(kj_reader *r))
{
    kj_reader r = kj_reader_of(bytes);
    uint16_t magic = read(&r);
    kj_skip(&r, 4);
    uint16_t mode = read(&r);
    kj_skip(&r, 12);
    uint16_t name_len = read(&r);
    kj_skip(&r, 4);
    kj_span name = kj_read_span(&r, name_len);
    uint16_t type = mode >> 12;
    bool known = type == 1 || type == 2 || type == 4 || type == 6 || type == 8 || type == 10;
    return magic == 070707 && known && name.len > 1 && name.data[name.len - 1] == '\0' &&
           name.data[0] != '\0';
}

static unsigned probe_cpio(kj_span bytes)
{
    static const char *const ascii[] = {"070701", "070702", "070707"};
    for (size_t i = 0; i < KJ_COUNT(ascii); i++)
        if (kj_span_starts(bytes, kj_span_str(ascii[i])) && bytes.len >= 76)
            return 48;
    bool binary = is_binary_cpio(bytes, kj_read_u16le) || is_binary_cpio(bytes, kj_read_u16be);
    return binary ? 28 : 0;
}

/* Signature, then a reserved word that every writer leaves zero. */
static unsigned probe_cab(kj_span bytes)
{
    kj_reader r = kj_reader_of(bytes);
    kj_skip(&r, 4);
    uint32_t reserved = kj_read_u32le(&r);
    return kj_reader_ok(&r) && reserved == 0 ? 64 : 32;
}

const kj_format kj_format_7z = {
    .name = "7z",
    .title = "7-Zip archive",
    .kind = KJ_KIND_ARCHIVE,
    .magics = KJ_MAGICS(KJ_MAGIC(0, "7z\xBC\xAF\x27\x1C")),
    .scan = scan_7z,
};

const kj_format kj_format_rar = {
    .name = "rar",
    .title = "RAR archive, versions 1.5 to 4",
    .kind = KJ_KIND_ARCHIVE,
    .magics = KJ_MAGICS(KJ_MAGIC(0, "Rar!\x1A\x07\0")),
    .scan = scan_rar,
};

const kj_format kj_format_rar5 = {
    .name = "rar5",
    .title = "RAR archive, version 5",
    .kind = KJ_KIND_ARCHIVE,
    .magics = KJ_MAGICS(KJ_MAGIC(0, "Rar!\x1A\x07\x01\0")),
    .scan = scan_rar5,
};

const kj_format kj_format_tar = {
    .name = "tar",
    .title = "tar archive",
    .kind = KJ_KIND_ARCHIVE,
    .probe = probe_tar,
    .scan = scan_tar,
};

const kj_format kj_format_cab = {
    .name = "cab",
    .title = "Microsoft cabinet",
    .kind = KJ_KIND_ARCHIVE,
    .magics = KJ_MAGICS(KJ_MAGIC(0, "MSCF")),
    .probe = probe_cab,
    .scan = scan_cab,
};

/* The volume descriptors begin in sector 16. */
const kj_format kj_format_iso9660 = {
    .name = "iso9660",
    .title = "ISO 9660 image of a disc",
    .kind = KJ_KIND_ARCHIVE,
    .magics = KJ_MAGICS(KJ_MAGIC(0x8001, "CD001")),
    .scan = scan_iso9660,
};

const kj_format kj_format_cpio = {
    .name = "cpio",
    .title = "cpio archive",
    .kind = KJ_KIND_ARCHIVE,
    .probe = probe_cpio,
    .scan = scan_cpio,
};

const kj_format kj_format_lha = {
    .name = "lha",
    .title = "LHA archive",
    .kind = KJ_KIND_ARCHIVE,
    .probe = probe_lha,
    .scan = scan_lha,
};

const kj_format kj_format_ar = {
    .name = "ar",
    .title = "ar archive (static library, Debian package)",
    .kind = KJ_KIND_ARCHIVE,
    .magics = KJ_MAGICS(KJ_MAGIC(0, "!<arch>\n")),
    .scan = scan_ar,
};

const kj_format kj_format_rpm = {
    .name = "rpm",
    .title = "RPM package",
    .kind = KJ_KIND_ARCHIVE,
    .magics = KJ_MAGICS(KJ_MAGIC(0, "\xED\xAB\xEE\xDB")),
    .scan = scan_rpm,
};

const kj_format kj_format_xar = {
    .name = "xar",
    .title = "xar archive (macOS package)",
    .kind = KJ_KIND_ARCHIVE,
    .magics = KJ_MAGICS(KJ_MAGIC(0, "xar!\0")),
    .scan = scan_xar,
};
