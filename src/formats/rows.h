/* SPDX-License-Identifier: Apache-2.0 */
/* Every row there is, by the name of its variable. Inside formats/ only. */
#pragma once

#include "formats/format.h"

/* Where two formats claim with equal certainty, the earlier row comes first. */
/* clang-format off */
#define KJ_FORMATS(X)                                                                              \
    /* programs */                                                                                 \
    X(pe) X(mz) X(elf) X(macho) X(class) X(dex) X(wasm)                                            \
    /* archives */                                                                                 \
    X(zip) X(7z) X(rar) X(rar5) X(tar) X(cab) X(iso9660) X(cpio) X(lha) X(ar) X(rpm)               \
    X(xar) X(arj) X(ace) X(zoo) X(wim) X(squashfs)                                                 \
    /* one compressed file */                                                                      \
    X(gzip) X(bzip2) X(xz) X(zstd) X(lz4) X(lzma) X(lzip) X(compress) X(szdd) X(lzop)              \
    /* mail */                                                                                     \
    X(mbox) X(mmdf) X(mail) X(tnef) X(cms) X(msg) X(pst) X(dbx) X(emlx)                                    \
    X(dbox) X(postfix) X(exim) X(ics) X(vcard)                                                     \
    /* documents */                                                                                \
    X(ole) X(pdf) X(rtf) X(postscript) X(chm) X(hlp) X(lnk) X(onenote)                             \
    /* markup and scripts */                                                                       \
    X(html) X(svg) X(xml) X(php) X(script) X(pem)                                                  \
    /* media */                                                                                    \
    X(gif) X(png) X(jpeg) X(bmp) X(tiff) X(ico) X(wmf) X(emf) X(psd) X(webp) X(riff)               \
    X(midi) X(mp3) X(ogg) X(flac) X(mp4) X(matroska) X(asf) X(swf) X(ttf) X(otf) X(woff)           \
    /* data */                                                                                     \
    X(regf) X(creg) X(evtx) X(sqlite) X(pcap) X(qcow2) X(vmdk) X(gettext) X(pyc)
/* clang-format on */

/* Asked in this order when nothing above claims the object. */
#define KJ_CATCH_ALLS(X) X(empty) X(text) X(data)

#define KJ_DECLARE_ROW(row) extern const kj_format kj_format_##row;
KJ_FORMATS(KJ_DECLARE_ROW)
KJ_CATCH_ALLS(KJ_DECLARE_ROW)
#undef KJ_DECLARE_ROW

/* An entry of a row's list of magics; the list ends with {0}. */
#define KJ_MAGIC(at, text)                                                                         \
    {                                                                                              \
        .offset = (at), .len = sizeof(text) - 1, .bytes = (text)                                   \
    }
#define KJ_MAGICS(...)                                                                             \
    (const kj_magic[])                                                                             \
    {                                                                                              \
        __VA_ARGS__,                                                                               \
        {                                                                                          \
            0                                                                                      \
        }                                                                                          \
    }
