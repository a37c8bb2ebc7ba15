/* SPDX-License-Identifier: Apache-2.0 */
/* Formats that are recognised and not opened: their magics, and a closer look where a magic is too
 * short to be believed. Sources: the formats' own specifications. */
#include "base/arith.h"
#include "base/text.h"
#include "formats/rows.h"

/* Thin files of either width and byte order. A universal file shares Java's magic; it has a small
 * number of architectures where a class has its version, 45 or more. */
static unsigned probe_macho(kj_span bytes)
{
    static const uint32_t magics[] = {0xFEEDFACE, 0xFEEDFACF, 0xCEFAEDFE, 0xCFFAEDFE, 0xCAFEBABF};
    kj_reader r = kj_reader_of(bytes);
    uint32_t magic = kj_read_u32be(&r);
    uint32_t count = kj_read_u32be(&r);
    for (size_t i = 0; i < KJ_COUNT(magics); i++)
        if (kj_reader_ok(&r) && magic == magics[i])
            return 32;
    return magic == 0xCAFEBABE && count > 0 && count < 43 ? 56 : 0;
}

static unsigned probe_class(kj_span bytes)
{
    kj_reader r = kj_reader_of(bytes);
    kj_skip(&r, 6);
    uint16_t version = kj_read_u16be(&r);
    return version >= 45 && version < 200 ? 40 : 0;
}

/* The basic header holds its own length, at most 2,600 bytes, the length of its first part, and
 * the file type 2. */
static unsigned probe_arj(kj_span bytes)
{
    kj_reader r = kj_reader_of(bytes);
    kj_skip(&r, 2);
    uint16_t len = kj_read_u16le(&r);
    uint8_t first = kj_read_u8(&r);
    kj_skip(&r, 5);
    uint8_t type = kj_read_u8(&r);
    return kj_reader_ok(&r) && len >= 34 && len <= 2600 && first >= 30 && first <= len && type == 2
               ? 32
               : 0;
}

/* Readers accept the header anywhere in the first 1,024 bytes. */
static unsigned probe_pdf(kj_span bytes)
{
    kj_span head = kj_span_sub(bytes, 0, 1024);
    size_t at = kj_span_find(head, kj_span_str("%PDF-"), 0);
    return at == 0 ? 40 : at != SIZE_MAX ? 30 : 0;
}

/* Reserved words zero, and a header of a size that some Windows or OS/2 wrote. */
static unsigned probe_bmp(kj_span bytes)
{
    static const uint32_t sizes[] = {12, 16, 40, 52, 56, 64, 108, 124};
    kj_reader r = kj_reader_of(bytes);
    kj_skip(&r, 6);
    uint32_t reserved = kj_read_u32le(&r);
    kj_skip(&r, 4);
    uint32_t size = kj_read_u32le(&r);
    for (size_t i = 0; i < KJ_COUNT(sizes); i++)
        if (kj_reader_ok(&r) && reserved == 0 && size == sizes[i])
            return 72;
    return 0;
}

/* The first directory entry: a reserved zero, a picture of some bytes behind the directory. */
static unsigned probe_ico(kj_span bytes)
{
    kj_reader r = kj_reader_of(bytes);
    kj_skip(&r, 4);
    uint16_t count = kj_read_u16le(&r);
    kj_skip(&r, 3);
    uint8_t reserved = kj_read_u8(&r);
    kj_skip(&r, 4);
    uint32_t len = kj_read_u32le(&r);
    uint32_t offset = kj_read_u32le(&r);
    return kj_reader_ok(&r) && count > 0 && count < 256 && reserved == 0 && len >= 40 &&
                   offset >= 6u + 16u * count && offset < bytes.len
               ? 40
               : 0;
}

static unsigned probe_emf(kj_span bytes)
{
    kj_reader r = kj_reader_of(bytes);
    return kj_read_u32le(&r) == 1 ? 64 : 0;
}

static bool is_riff_of(kj_span bytes, const char *type)
{
    return kj_span_starts(bytes, kj_span_str("RIFF")) && kj_span_is(kj_span_sub(bytes, 8, 4), type);
}

static unsigned probe_webp(kj_span bytes)
{
    return is_riff_of(bytes, "WEBP") ? 88 : 0;
}

static unsigned probe_riff(kj_span bytes)
{
    return bytes.len >= 12 && !is_riff_of(bytes, "WEBP") ? 32 : 0;
}

/* Versions 2.2 to 2.4 of the tag; the size is four bytes of seven bits. */
static unsigned probe_mp3(kj_span bytes)
{
    kj_reader r = kj_reader_of(bytes);
    kj_skip(&r, 3);
    uint8_t version = kj_read_u8(&r);
    kj_skip(&r, 2);
    uint32_t size = kj_read_u32be(&r);
    return kj_reader_ok(&r) && version >= 2 && version <= 4 && (size & 0x80808080) == 0 ? 33 : 0;
}

static unsigned probe_swf(kj_span bytes)
{
    kj_reader r = kj_reader_of(bytes);
    kj_skip(&r, 3);
    uint8_t version = kj_read_u8(&r);
    uint32_t len = kj_read_u32le(&r);
    return kj_reader_ok(&r) && version > 0 && version < 60 && len >= 21 ? 34 : 0;
}

/* CPython's magic is a number below 8,192 and CR LF; flags of two bits follow since 3.7, a time
 * before. Only the former are told from text and chance. */
static unsigned probe_pyc(kj_span bytes)
{
    kj_reader r = kj_reader_of(bytes);
    uint16_t magic = kj_read_u16le(&r);
    kj_skip(&r, 2);
    uint32_t flags = kj_read_u32le(&r);
    return kj_reader_ok(&r) && magic >= 3390 && magic < 8192 && flags < 4 ? 48 : 0;
}

const kj_format kj_format_macho = {
    .name = "macho",
    .title = "macOS program (Mach-O)",
    .kind = KJ_KIND_EXECUTABLE,
    .probe = probe_macho,
};

const kj_format kj_format_class = {
    .name = "class",
    .title = "Java class",
    .kind = KJ_KIND_EXECUTABLE,
    .magics = KJ_MAGICS(KJ_MAGIC(0, "\xCA\xFE\xBA\xBE")),
    .probe = probe_class,
};

const kj_format kj_format_dex = {
    .name = "dex",
    .title = "Android program (DEX)",
    .kind = KJ_KIND_EXECUTABLE,
    .magics = KJ_MAGICS(KJ_MAGIC(0, "dex\n0")),
};

const kj_format kj_format_wasm = {
    .name = "wasm",
    .title = "WebAssembly module",
    .kind = KJ_KIND_EXECUTABLE,
    .magics = KJ_MAGICS(KJ_MAGIC(0, "\0asm")),
};

const kj_format kj_format_arj = {
    .name = "arj",
    .title = "ARJ archive",
    .kind = KJ_KIND_ARCHIVE,
    .magics = KJ_MAGICS(KJ_MAGIC(0, "\x60\xEA")),
    .probe = probe_arj,
};

const kj_format kj_format_ace = {
    .name = "ace",
    .title = "ACE archive",
    .kind = KJ_KIND_ARCHIVE,
    .magics = KJ_MAGICS(KJ_MAGIC(7, "**ACE**")),
};

const kj_format kj_format_zoo = {
    .name = "zoo",
    .title = "Zoo archive",
    .kind = KJ_KIND_ARCHIVE,
    .magics = KJ_MAGICS(KJ_MAGIC(20, "\xDC\xA7\xC4\xFD")),
};

const kj_format kj_format_wim = {
    .name = "wim",
    .title = "Windows image (WIM)",
    .kind = KJ_KIND_ARCHIVE,
    .magics = KJ_MAGICS(KJ_MAGIC(0, "MSWIM\0\0\0")),
};

const kj_format kj_format_squashfs = {
    .name = "squashfs",
    .title = "SquashFS image",
    .kind = KJ_KIND_ARCHIVE,
    .magics = KJ_MAGICS(KJ_MAGIC(0, "hsqs"), KJ_MAGIC(0, "sqsh")),
};

const kj_format kj_format_szdd = {
    .name = "szdd",
    .title = "file compressed by COMPRESS.EXE",
    .kind = KJ_KIND_COMPRESSED,
    .magics = KJ_MAGICS(KJ_MAGIC(0, "SZDD\x88\xF0\x27\x33"), KJ_MAGIC(0, "KWAJ\x88\xF0\x27\xD1")),
};

const kj_format kj_format_lzop = {
    .name = "lzop",
    .title = "lzop-compressed file",
    .kind = KJ_KIND_COMPRESSED,
    .magics = KJ_MAGICS(KJ_MAGIC(0, "\x89LZO\0\r\n\x1A\n")),
};

const kj_format kj_format_pdf = {
    .name = "pdf",
    .title = "PDF document",
    .kind = KJ_KIND_DOCUMENT,
    .probe = probe_pdf,
};

const kj_format kj_format_rtf = {
    .name = "rtf",
    .title = "RTF document",
    .kind = KJ_KIND_DOCUMENT,
    .magics = KJ_MAGICS(KJ_MAGIC(0, "{\\rt")),
};

const kj_format kj_format_postscript = {
    .name = "postscript",
    .title = "PostScript document",
    .kind = KJ_KIND_DOCUMENT,
    .magics = KJ_MAGICS(KJ_MAGIC(0, "%!PS"), KJ_MAGIC(0, "\xC5\xD0\xD3\xC6")),
};

const kj_format kj_format_chm = {
    .name = "chm",
    .title = "compiled HTML help",
    .kind = KJ_KIND_DOCUMENT,
    .magics = KJ_MAGICS(KJ_MAGIC(0, "ITSF\x03\0\0\0")),
};

const kj_format kj_format_hlp = {
    .name = "hlp",
    .title = "Windows help",
    .kind = KJ_KIND_DOCUMENT,
    .magics = KJ_MAGICS(KJ_MAGIC(0, "\x3F\x5F\x03\0")),
};

const kj_format kj_format_lnk = {
    .name = "lnk",
    .title = "Windows shortcut",
    .kind = KJ_KIND_DOCUMENT,
    .magics = KJ_MAGICS(KJ_MAGIC(0, "\x4C\0\0\0\x01\x14\x02\0")),
};

const kj_format kj_format_onenote = {
    .name = "onenote",
    .title = "OneNote section",
    .kind = KJ_KIND_DOCUMENT,
    .magics =
        KJ_MAGICS(KJ_MAGIC(0, "\xE4\x52\x5C\x7B\x8C\xD8\xA7\x4D\xAE\xB1\x53\x78\xD0\x29\x96\xD3")),
};

const kj_format kj_format_gif = {
    .name = "gif",
    .title = "GIF image",
    .kind = KJ_KIND_MEDIA,
    .magics = KJ_MAGICS(KJ_MAGIC(0, "GIF87a"), KJ_MAGIC(0, "GIF89a")),
};

const kj_format kj_format_png = {
    .name = "png",
    .title = "PNG image",
    .kind = KJ_KIND_MEDIA,
    .magics = KJ_MAGICS(KJ_MAGIC(0, "\x89PNG\r\n\x1A\n")),
};

const kj_format kj_format_jpeg = {
    .name = "jpeg",
    .title = "JPEG image",
    .kind = KJ_KIND_MEDIA,
    .magics = KJ_MAGICS(KJ_MAGIC(0, "\xFF\xD8\xFF")),
};

const kj_format kj_format_bmp = {
    .name = "bmp",
    .title = "Windows bitmap",
    .kind = KJ_KIND_MEDIA,
    .magics = KJ_MAGICS(KJ_MAGIC(0, "BM")),
    .probe = probe_bmp,
};

const kj_format kj_format_tiff = {
    .name = "tiff",
    .title = "TIFF image",
    .kind = KJ_KIND_MEDIA,
    .magics = KJ_MAGICS(KJ_MAGIC(0, "II*\0"), KJ_MAGIC(0, "MM\0*")),
};

const kj_format kj_format_ico = {
    .name = "ico",
    .title = "Windows icon or cursor",
    .kind = KJ_KIND_MEDIA,
    .magics = KJ_MAGICS(KJ_MAGIC(0, "\0\0\x01\0"), KJ_MAGIC(0, "\0\0\x02\0")),
    .probe = probe_ico,
};

const kj_format kj_format_wmf = {
    .name = "wmf",
    .title = "Windows metafile",
    .kind = KJ_KIND_MEDIA,
    .magics = KJ_MAGICS(KJ_MAGIC(0, "\xD7\xCD\xC6\x9A"), KJ_MAGIC(0, "\x01\0\x09\0\0\x03")),
};

const kj_format kj_format_emf = {
    .name = "emf",
    .title = "enhanced metafile",
    .kind = KJ_KIND_MEDIA,
    .magics = KJ_MAGICS(KJ_MAGIC(40, " EMF")),
    .probe = probe_emf,
};

const kj_format kj_format_psd = {
    .name = "psd",
    .title = "Photoshop image",
    .kind = KJ_KIND_MEDIA,
    .magics = KJ_MAGICS(KJ_MAGIC(0, "8BPS")),
};

const kj_format kj_format_webp = {
    .name = "webp",
    .title = "WebP image",
    .kind = KJ_KIND_MEDIA,
    .magics = KJ_MAGICS(KJ_MAGIC(8, "WEBPVP8")),
    .probe = probe_webp,
};

const kj_format kj_format_riff = {
    .name = "riff",
    .title = "RIFF file (WAV, AVI, ANI)",
    .kind = KJ_KIND_MEDIA,
    .magics = KJ_MAGICS(KJ_MAGIC(0, "RIFF"), KJ_MAGIC(0, "RIFX")),
    .probe = probe_riff,
};

const kj_format kj_format_midi = {
    .name = "midi",
    .title = "MIDI file",
    .kind = KJ_KIND_MEDIA,
    .magics = KJ_MAGICS(KJ_MAGIC(0, "MThd")),
};

const kj_format kj_format_mp3 = {
    .name = "mp3",
    .title = "MP3 audio",
    .kind = KJ_KIND_MEDIA,
    .magics = KJ_MAGICS(KJ_MAGIC(0, "ID3")),
    .probe = probe_mp3,
};

const kj_format kj_format_ogg = {
    .name = "ogg",
    .title = "Ogg media",
    .kind = KJ_KIND_MEDIA,
    .magics = KJ_MAGICS(KJ_MAGIC(0, "OggS")),
};

const kj_format kj_format_flac = {
    .name = "flac",
    .title = "FLAC audio",
    .kind = KJ_KIND_MEDIA,
    .magics = KJ_MAGICS(KJ_MAGIC(0, "fLaC")),
};

const kj_format kj_format_mp4 = {
    .name = "mp4",
    .title = "MP4 or QuickTime media",
    .kind = KJ_KIND_MEDIA,
    .magics = KJ_MAGICS(KJ_MAGIC(4, "ftyp")),
};

const kj_format kj_format_matroska = {
    .name = "matroska",
    .title = "Matroska or WebM media",
    .kind = KJ_KIND_MEDIA,
    .magics = KJ_MAGICS(KJ_MAGIC(0, "\x1A\x45\xDF\xA3")),
};

const kj_format kj_format_asf = {
    .name = "asf",
    .title = "Windows Media file",
    .kind = KJ_KIND_MEDIA,
    .magics = KJ_MAGICS(KJ_MAGIC(0, "\x30\x26\xB2\x75\x8E\x66\xCF\x11")),
};

const kj_format kj_format_swf = {
    .name = "swf",
    .title = "Flash film",
    .kind = KJ_KIND_MEDIA,
    .magics = KJ_MAGICS(KJ_MAGIC(0, "FWS"), KJ_MAGIC(0, "CWS"), KJ_MAGIC(0, "ZWS")),
    .probe = probe_swf,
};

const kj_format kj_format_ttf = {
    .name = "ttf",
    .title = "TrueType font",
    .kind = KJ_KIND_MEDIA,
    .magics = KJ_MAGICS(KJ_MAGIC(0, "\0\x01\0\0\0"), KJ_MAGIC(0, "ttcf\0"), KJ_MAGIC(0, "true\0")),
};

const kj_format kj_format_otf = {
    .name = "otf",
    .title = "OpenType font",
    .kind = KJ_KIND_MEDIA,
    .magics = KJ_MAGICS(KJ_MAGIC(0, "OTTO\0")),
};

const kj_format kj_format_woff = {
    .name = "woff",
    .title = "web font",
    .kind = KJ_KIND_MEDIA,
    .magics = KJ_MAGICS(KJ_MAGIC(0, "wOFF"), KJ_MAGIC(0, "wOF2")),
};

const kj_format kj_format_regf = {
    .name = "regf",
    .title = "Windows registry hive",
    .kind = KJ_KIND_DATA,
    .magics = KJ_MAGICS(KJ_MAGIC(0, "regf")),
};

const kj_format kj_format_creg = {
    .name = "creg",
    .title = "Windows 9x registry file",
    .kind = KJ_KIND_DATA,
    .magics = KJ_MAGICS(KJ_MAGIC(0, "CREG")),
};

const kj_format kj_format_evtx = {
    .name = "evtx",
    .title = "Windows event log",
    .kind = KJ_KIND_DATA,
    .magics = KJ_MAGICS(KJ_MAGIC(0, "ElfFile\0"), KJ_MAGIC(4, "LfLe")),
};

const kj_format kj_format_sqlite = {
    .name = "sqlite",
    .title = "SQLite database",
    .kind = KJ_KIND_DATA,
    .magics = KJ_MAGICS(KJ_MAGIC(0, "SQLite format 3\0")),
};

const kj_format kj_format_pcap = {
    .name = "pcap",
    .title = "network capture",
    .kind = KJ_KIND_DATA,
    .magics = KJ_MAGICS(KJ_MAGIC(0, "\xA1\xB2\xC3\xD4"), KJ_MAGIC(0, "\xD4\xC3\xB2\xA1"),
                        KJ_MAGIC(0, "\x0A\x0D\x0D\x0A")),
};

const kj_format kj_format_qcow2 = {
    .name = "qcow2",
    .title = "QEMU disk image",
    .kind = KJ_KIND_DATA,
    .magics = KJ_MAGICS(KJ_MAGIC(0, "QFI\xFB")),
};

const kj_format kj_format_vmdk = {
    .name = "vmdk",
    .title = "VMware disk image",
    .kind = KJ_KIND_DATA,
    .magics = KJ_MAGICS(KJ_MAGIC(0, "KDMV"), KJ_MAGIC(0, "# Disk DescriptorFile")),
};

const kj_format kj_format_gettext = {
    .name = "gettext",
    .title = "compiled translations (gettext)",
    .kind = KJ_KIND_DATA,
    .magics = KJ_MAGICS(KJ_MAGIC(0, "\xDE\x12\x04\x95"), KJ_MAGIC(0, "\x95\x04\x12\xDE")),
};

const kj_format kj_format_pyc = {
    .name = "pyc",
    .title = "compiled Python",
    .kind = KJ_KIND_DATA,
    .magics = KJ_MAGICS(KJ_MAGIC(2, "\r\n")),
    .probe = probe_pyc,
};
