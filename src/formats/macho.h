/* SPDX-License-Identifier: Apache-2.0 */
/* Mach-O, the programs of macOS and iOS, and universal files, which hold several of them: facts, in
 * host byte order. */
#pragma once

#include "base/arena.h"
#include "base/reader.h"

enum {
    KJ_MACHO_SEGMENTS_MAX = 1 << 16, /* more are counted, and not known otherwise */
};

/* Where a load command that describes a segment stands. */
typedef struct kj_macho_place {
    size_t offset; /* in the file */
    bool is64;     /* its form, whatever the file's header says */
} kj_macho_place;

typedef struct kj_macho {
    uint32_t magic; /* as the bytes stand: 0xCEFAEDFE of a little-endian file */
    bool is64;
    bool big_endian;
    uint32_t cpu_type;
    uint32_t cpu_subtype;
    uint32_t file_type;
    uint32_t command_count;
    uint32_t commands_len;
    uint32_t flags;
    uint32_t reserved; /* of 64 bits only */
    uint64_t segment_count;
    const kj_macho_place *segments; /* the first KJ_MACHO_SEGMENTS_MAX, in the arena */
    bool has_entry;
    uint64_t entry_offset; /* in the file, if the file says the truth */
    bool has_stack;
    uint64_t stack_size;
} kj_macho;

typedef struct kj_macho_segment {
    kj_span name; /* up to its first NUL; into the file's bytes */
    uint64_t address;
    uint64_t memory_size;
    uint64_t file_offset;
    uint64_t file_size;
    uint32_t max_protection;
    uint32_t first_protection;
    uint32_t section_count; /* as the segment says */
    uint32_t flags;
    uint32_t sections_read;   /* how many of them lie in its command */
    uint64_t sections_offset; /* in the file */
} kj_macho_segment;

typedef struct kj_macho_section {
    kj_span name;
    kj_span segment_name;
    uint64_t address;
    uint64_t size;
    uint32_t offset;
    uint32_t alignment; /* as a power of two */
    uint32_t relocations_offset;
    uint32_t relocation_count;
    uint32_t flags;
    uint32_t reserved1;
    uint32_t reserved2;
    uint32_t reserved3; /* of 64 bits only */
} kj_macho_section;

/* A program in a universal file. */
typedef struct kj_macho_arch {
    uint32_t cpu_type;
    uint32_t cpu_subtype;
    uint64_t offset;
    uint64_t size;
    uint32_t alignment; /* as a power of two */
} kj_macho_arch;

typedef struct kj_macho_fat {
    uint32_t magic; /* as the bytes stand */
    bool is64;
    uint32_t arch_count; /* as the file says */
    uint32_t archs_read; /* all of them, or none when their table leaves the file */
} kj_macho_fat;

/* Whether the bytes begin as a program; as a universal file, or a Java class. */
bool kj_macho_is_program(kj_span bytes);
bool kj_macho_is_fat(kj_span bytes);

/* Only the header: no segments, no entry point. The magic is not looked at, as libyara does with
 * programs in universal files. False for less than 32 bytes. */
bool kj_macho_read_header(kj_span bytes, kj_macho *out);

/* The header and what the load commands say. False for less than 32 bytes, and without memory. */
bool kj_macho_read(kj_span bytes, kj_arena *arena, kj_macho *out);

/* The i-th segment, section of a segment, program of a universal file. False: there is none. */
bool kj_macho_read_segment(const kj_macho *macho, kj_span bytes, uint64_t i, kj_macho_segment *out);
bool kj_macho_read_section(const kj_macho *macho, kj_span bytes, uint64_t segment, uint64_t i,
                           kj_macho_section *out);
bool kj_macho_read_fat(kj_span bytes, kj_macho_fat *out);
bool kj_macho_read_arch(const kj_macho_fat *fat, kj_span bytes, uint64_t i, kj_macho_arch *out);

/* The bytes of a program in a universal file; false when they leave the file. */
bool kj_macho_arch_bytes(const kj_macho_arch *arch, kj_span bytes, kj_span *out);
