/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/clamav.h"

#include "base/arith.h"

#include <string.h>

/* Sorted. Source: ClamAV's manual, "File types", and what clamscan 1.4.6 takes. */
static const char *const types[] = {
    "7Z",
    "7ZSFX",
    "ALZ",
    "ANY",
    "APM",
    "ARJ",
    "ARJSFX",
    "AUTOIT",
    "BINARY_DATA",
    "BINHEX",
    "BZ",
    "CABSFX",
    "CPIO_CRC",
    "CPIO_NEWC",
    "CPIO_ODC",
    "CPIO_OLD",
    "CRYPTFF",
    "DMG",
    "EGG",
    "EGGSFX",
    "ELF",
    "GIF",
    "GPT",
    "GRAPHICS",
    "GZ",
    "HTML",
    "HTML_UTF16",
    "HWP3",
    "HWPOLE2",
    "IGNORED",
    "INTERNAL",
    "ISHIELD_MSI",
    "ISO9660",
    "JAVA",
    "JPEG",
    "LHA_LZH",
    "LNK",
    "MACHO",
    "MACHO_UNIBIN",
    "MAIL",
    "MBR",
    "MHTML",
    "MSCAB",
    "MSCHM",
    "MSEXE",
    "MSOLE2",
    "MSSZDD",
    "NULSFT",
    "OLD_TAR",
    "ONENOTE",
    "OOXML_HWP",
    "OOXML_PPT",
    "OOXML_WORD",
    "OOXML_XL",
    "PART_ANY",
    "PART_HFSPLUS",
    "PDF",
    "PNG",
    "POSIX_TAR",
    "PS",
    "PYTHON_COMPILED",
    "RAR",
    "RARSFX",
    "RIFF",
    "RTF",
    "SCRENC",
    "SCRIPT",
    "SFX",
    "SIS",
    "SWF",
    "TEXT_ASCII",
    "TEXT_UTF16BE",
    "TEXT_UTF16LE",
    "TEXT_UTF8",
    "TIFF",
    "TNEF",
    "UDF",
    "UUENCODED",
    "XAR",
    "XDP",
    "XML_HWP",
    "XML_WORD",
    "XML_XL",
    "XZ",
    "ZIP",
    "ZIPSFX",
};

bool kj_clamav_type_known(kj_span name)
{
    static const char prefix[] = "CL_TYPE_";
    if (!kj_span_starts(name, kj_span_str(prefix)))
        return false;
    kj_span rest = kj_span_sub(name, sizeof prefix - 1, name.len);
    size_t low = 0, high = KJ_COUNT(types);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = kj_span_compare(rest, kj_span_str(types[middle]));
        if (order == 0)
            return true;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return false;
}
