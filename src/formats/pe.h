/* SPDX-License-Identifier: Apache-2.0 */
/* The headers of a Windows program (PE): facts, in host byte order. */
#pragma once

#include "base/reader.h"
#include "base/status.h"

enum {
    KJ_PE_SECTIONS_MAX = 96, /* what the Windows loader takes, and YARA looks at */
    KJ_PE_DIRECTORIES = 16,
    KJ_PE_SECTION_LEN = 40, /* bytes of an entry of the section table */
    KJ_PE_CERTIFICATES = 4, /* index of the directory whose address is a file offset */
    KJ_PE_IS_DLL = 0x2000,  /* bit of `characteristics` */
};

typedef struct kj_pe_section {
    kj_span name; /* up to its first NUL; into the file's bytes */
    uint32_t virtual_size;
    uint32_t rva;
    uint32_t raw_size;
    uint32_t raw_offset;
    uint32_t characteristics;
} kj_pe_section;

typedef struct kj_pe_directory {
    uint32_t rva;
    uint32_t len;
} kj_pe_directory;

typedef struct kj_pe {
    uint32_t offset; /* of "PE\0\0" */
    uint16_t machine;
    uint32_t timestamp;
    uint16_t characteristics;
    bool is64;
    bool is_dll;
    uint32_t entry_rva;
    uint64_t image_base;
    uint32_t section_alignment;
    uint32_t file_alignment;
    uint32_t image_size;
    uint32_t headers_size;
    uint32_t checksum;
    uint16_t subsystem;
    uint16_t dll_characteristics;
    kj_pe_directory directories[KJ_PE_DIRECTORIES]; /* those that lie in the file */
    uint16_t section_count;                         /* as the header says */
    uint64_t section_table;                         /* its file offset */
    size_t sections_read; /* how many of them the file holds, 96 at most */
    kj_pe_section sections[KJ_PE_SECTIONS_MAX];
    uint64_t overlay_offset; /* end of the last section's raw data; 0: nothing lies behind it */
    uint64_t file_len;
} kj_pe;

/* Any machine will do. KJ_MALFORMED when it is no PE at all, KJ_TRUNCATED when it ends in its
 * optional header. A section table that leaves the file is not an error: sections_read says what is
 * there. */
KJ_MUST_CHECK kj_status kj_pe_read(kj_span bytes, kj_pe *out, kj_error *err);

/* File offset of an address, as YARA's pe module computes it; false: no byte of the file. */
bool kj_pe_rva_to_offset(const kj_pe *pe, uint64_t rva, uint64_t *out);
