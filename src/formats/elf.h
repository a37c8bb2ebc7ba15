/* SPDX-License-Identifier: Apache-2.0 */
/* The headers of an ELF file: facts, in host byte order. */
#pragma once

#include "base/reader.h"
#include "base/status.h"

enum {
    KJ_ELF_EXEC = 2, /* type: a program at fixed addresses */
    KJ_ELF_DYN = 3   /* a shared library or position-independent program */
};

/* A program header or a section header, as far as addresses go. */
typedef struct kj_elf_range {
    uint32_t type;
    uint64_t address;
    uint64_t offset;
    uint64_t memory_size; /* of a section: its size */
} kj_elf_range;

typedef struct kj_elf {
    bool is64;
    bool big_endian;
    uint8_t os_abi;
    uint16_t type;
    uint16_t machine;
    uint64_t entry;
    uint64_t segment_table; /* file offset */
    uint64_t section_table;
    uint16_t segment_count;
    uint16_t section_count;
} kj_elf;

KJ_MUST_CHECK kj_status kj_elf_read(kj_span bytes, kj_elf *out, kj_error *err);

/* The i-th program or section header; false: outside of the file. */
bool kj_elf_segment(const kj_elf *elf, kj_span bytes, size_t i, kj_elf_range *out);
bool kj_elf_section(const kj_elf *elf, kj_span bytes, size_t i, kj_elf_range *out);

/* File offset of an address as YARA's elf module computes it: through the segments of a program,
 * the sections of anything else. False: there is none. */
bool kj_elf_address_to_offset(const kj_elf *elf, kj_span bytes, uint64_t address, uint64_t *out);
