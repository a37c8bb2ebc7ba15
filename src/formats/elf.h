/* SPDX-License-Identifier: Apache-2.0 */
/* The headers and tables of an ELF file: facts, in host byte order. */
#pragma once

#include "base/reader.h"
#include "base/status.h"

enum {
    KJ_ELF_EXEC = 2, /* type: a program at fixed addresses */
    KJ_ELF_DYN = 3,  /* a shared library or position-independent program */

    KJ_ELF_SECTION_NULL = 0, /* types of sections */
    KJ_ELF_SECTION_SYMBOLS = 2,
    KJ_ELF_SECTION_STRINGS = 3,
    KJ_ELF_SECTION_NOBITS = 8,
    KJ_ELF_SECTION_DYNAMIC_SYMBOLS = 11,

    KJ_ELF_SEGMENT_DYNAMIC = 2, /* type of a segment */
};

typedef struct kj_elf {
    bool is64;
    bool big_endian;
    uint8_t os_abi;
    uint16_t type;
    uint16_t machine;
    uint64_t entry;         /* address */
    uint64_t segment_table; /* file offset */
    uint64_t section_table;
    uint16_t segment_len; /* of a header, as the file says; nobody believes it */
    uint16_t segment_count;
    uint16_t section_len;
    uint16_t section_count;
    uint16_t names_section; /* index of the section that holds the names of sections */
} kj_elf;

typedef struct kj_elf_section {
    uint32_t name; /* offset in the section of names */
    uint32_t type;
    uint64_t flags;
    uint64_t address;
    uint64_t offset;
    uint64_t size;
    uint32_t link; /* index of a section, what for depends on `type` */
} kj_elf_section;

typedef struct kj_elf_segment {
    uint32_t type;
    uint32_t flags;
    uint64_t offset;
    uint64_t address;
    uint64_t physical_address;
    uint64_t file_size;
    uint64_t memory_size;
    uint64_t alignment;
} kj_elf_segment;

typedef struct kj_elf_symbol {
    uint32_t name; /* offset in a table of strings */
    uint64_t value;
    uint64_t size;
    uint8_t type;
    uint8_t bind;
    uint8_t visibility;
    uint16_t section; /* 0: undefined here, so an import */
} kj_elf_symbol;

typedef struct kj_elf_dynamic {
    uint64_t tag; /* 0 ends the table */
    uint64_t value;
} kj_elf_dynamic;

KJ_MUST_CHECK kj_status kj_elf_read(kj_span bytes, kj_elf *out, kj_error *err);

/* The i-th program or section header of the file; false: there is none, or not in the file. */
bool kj_elf_read_segment(const kj_elf *elf, kj_span bytes, size_t i, kj_elf_segment *out);
bool kj_elf_read_section(const kj_elf *elf, kj_span bytes, size_t i, kj_elf_section *out);

/* The i-th entry of a table of symbols, or of the dynamic section; false: not in the table. */
bool kj_elf_read_symbol(const kj_elf *elf, kj_span table, size_t i, kj_elf_symbol *out);
bool kj_elf_read_dynamic(const kj_elf *elf, kj_span table, size_t i, kj_elf_dynamic *out);

/* Bytes that a symbol takes in a table of symbols. */
size_t kj_elf_symbol_len(const kj_elf *elf);

/* A text of a string table, without its NUL, as YARA reads it: the table begins with a NUL, and
 * the text ends in the table. False otherwise. */
bool kj_elf_find_string(kj_span table, uint32_t offset, kj_span *out);

/* File offset of an address as YARA's elf module computes it: through the segments of a program,
 * the sections of anything else. False: there is none. */
bool kj_elf_address_to_offset(const kj_elf *elf, kj_span bytes, uint64_t address, uint64_t *out);
