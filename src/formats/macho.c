/* SPDX-License-Identifier: Apache-2.0 */
/* Mach-O (Apple, "OS X ABI Mach-O File Format Reference", 2009; mach-o/loader.h, mach-o/fat.h).
 *
 *     header (28 bytes, 32 with 64 bits), load commands (each its type, its length, its content):
 *     segments with their sections, where the program starts, ...; what they point at
 *
 *     universal: magic, number, a table of programs (big-endian); the programs
 *
 * Load commands end at the first that is shorter than its own head or leaves the file. Java classes
 * begin as universal files do. A program has one thread that says where it starts; of many, the
 * first 64 are looked at. */
#include "formats/macho.h"

#include "base/arith.h"

enum {
    HEADER_LEN_32 = 28,
    HEADER_LEN_64 = 32,
    COMMAND_LEN_MIN = 8,
    SEGMENT_LEN_32 = 56,
    SEGMENT_LEN_64 = 72,
    SECTION_LEN_32 = 68,
    SECTION_LEN_64 = 80,
    NAME_LEN = 16,
    FAT_LEN = 8,
    ARCH_LEN_32 = 20,
    ARCH_LEN_64 = 32,
    THREADS_MAX = 64,
    THREAD_LEN = 16, /* of a thread's command, before its registers */
};

/* Types of load commands. */
static const uint32_t lc_segment = 1, lc_unixthread = 5, lc_segment_64 = 0x19, lc_main = 0x80000028;

static const uint32_t magic_32 = 0xFEEDFACE, magic_64 = 0xFEEDFACF, swapped_32 = 0xCEFAEDFE,
                      swapped_64 = 0xCFFAEDFE;

static const uint32_t fat_32 = 0xCAFEBABE, fat_64 = 0xCAFEBABF, fat_swapped_32 = 0xBEBAFECA,
                      fat_swapped_64 = 0xBFBAFECA;

static uint32_t read_u32(const kj_macho *macho, kj_reader *r)
{
    return macho->big_endian ? kj_read_u32be(r) : kj_read_u32le(r);
}

static uint64_t read_u64(const kj_macho *macho, kj_reader *r)
{
    return macho->big_endian ? kj_read_u64be(r) : kj_read_u64le(r);
}

/* An address, offset or size: as wide as the command. */
static uint64_t read_wide(const kj_macho *macho, kj_reader *r, bool is64)
{
    return is64 ? read_u64(macho, r) : read_u32(macho, r);
}

static kj_span read_name(kj_reader *r)
{
    kj_span name = kj_read_span(r, NAME_LEN);
    const uint8_t *nul = name.len ? memchr(name.data, 0, name.len) : NULL;
    return nul ? kj_span_sub(name, 0, (size_t)(nul - name.data)) : name;
}

static uint32_t magic_of(kj_span bytes)
{
    kj_reader r = kj_reader_of(bytes);
    return kj_read_u32be(&r);
}

bool kj_macho_is_program(kj_span bytes)
{
    uint32_t magic = magic_of(bytes);
    return magic == magic_32 || magic == magic_64 || magic == swapped_32 || magic == swapped_64;
}

bool kj_macho_is_fat(kj_span bytes)
{
    uint32_t magic = magic_of(bytes);
    return magic == fat_32 || magic == fat_64 || magic == fat_swapped_32 || magic == fat_swapped_64;
}

bool kj_macho_read_header(kj_span bytes, kj_macho *out)
{
    kj_reader r = kj_reader_of(bytes);
    kj_macho macho = {.magic = kj_read_u32be(&r)};
    macho.is64 = macho.magic != magic_32 && macho.magic != swapped_32;
    macho.big_endian = macho.magic == magic_32 || macho.magic == magic_64 ||
                       macho.magic == fat_32 || macho.magic == fat_64;
    macho.cpu_type = read_u32(&macho, &r);
    macho.cpu_subtype = read_u32(&macho, &r);
    macho.file_type = read_u32(&macho, &r);
    macho.command_count = read_u32(&macho, &r);
    macho.commands_len = read_u32(&macho, &r);
    macho.flags = read_u32(&macho, &r);
    macho.reserved = read_u32(&macho, &r);
    if (!kj_reader_ok(&r))
        return false;
    *out = macho;
    return true;
}

/* ---- load commands ------------------------------------------------------------------------- */

typedef struct command {
    uint32_t type;
    uint32_t len;
    size_t offset;
} command;

typedef struct commands {
    kj_reader r; /* on the next one */
    uint32_t left;
} commands;

static commands commands_of(const kj_macho *macho, kj_span bytes)
{
    commands all = {.r = kj_reader_of(bytes), .left = macho->command_count};
    kj_skip(&all.r, macho->is64 ? HEADER_LEN_64 : HEADER_LEN_32);
    return all;
}

static bool next_command(const kj_macho *macho, commands *all, command *out)
{
    if (all->left == 0)
        return false;
    all->left--;
    kj_reader r = all->r;
    *out = (command){.offset = r.pos};
    out->type = read_u32(macho, &r);
    out->len = read_u32(macho, &r);
    kj_skip(&all->r, out->len);
    return kj_reader_ok(&r) && kj_reader_ok(&all->r) && out->len >= COMMAND_LEN_MIN;
}

static bool is_segment(const command *lc)
{
    return lc->type == lc_segment || lc->type == lc_segment_64;
}

static bool find_segments(kj_macho *macho, kj_span bytes, kj_arena *arena)
{
    command lc;
    for (commands all = commands_of(macho, bytes); next_command(macho, &all, &lc);)
        macho->segment_count += is_segment(&lc);
    size_t count = (size_t)kj_min_u64(macho->segment_count, KJ_MACHO_SEGMENTS_MAX);
    if (count == 0)
        return true;
    kj_macho_place *places = kj_new_array(arena, kj_macho_place, count);
    if (!places)
        return false;
    size_t i = 0;
    for (commands all = commands_of(macho, bytes); i < count && next_command(macho, &all, &lc);)
        if (is_segment(&lc))
            places[i++] = (kj_macho_place){lc.offset, lc.type == lc_segment_64};
    macho->segments = places;
    return true;
}

/* A segment is read whole even where its command says that it is shorter, as libyara reads it. */
bool kj_macho_read_segment(const kj_macho *macho, kj_span bytes, uint64_t i, kj_macho_segment *out)
{
    if (i >= macho->segment_count || i >= KJ_MACHO_SEGMENTS_MAX)
        return false;
    const kj_macho_place *place = &macho->segments[i];
    kj_reader r = kj_reader_of(bytes);
    kj_seek(&r, place->offset);
    kj_skip(&r, 4); /* type of the command */
    uint32_t len = read_u32(macho, &r);
    kj_macho_segment segment = {.name = read_name(&r)};
    segment.address = read_wide(macho, &r, place->is64);
    segment.memory_size = read_wide(macho, &r, place->is64);
    segment.file_offset = read_wide(macho, &r, place->is64);
    segment.file_size = read_wide(macho, &r, place->is64);
    segment.max_protection = read_u32(macho, &r);
    segment.first_protection = read_u32(macho, &r);
    segment.section_count = read_u32(macho, &r);
    segment.flags = read_u32(macho, &r);
    if (!kj_reader_ok(&r))
        return false;
    uint32_t head = place->is64 ? SEGMENT_LEN_64 : SEGMENT_LEN_32;
    uint32_t room = len > head ? (len - head) / (place->is64 ? SECTION_LEN_64 : SECTION_LEN_32) : 0;
    segment.sections_read = segment.section_count < room ? segment.section_count : room;
    segment.sections_offset = r.pos;
    *out = segment;
    return true;
}

bool kj_macho_read_section(const kj_macho *macho, kj_span bytes, uint64_t segment, uint64_t i,
                           kj_macho_section *out)
{
    kj_macho_segment parent;
    if (!kj_macho_read_segment(macho, bytes, segment, &parent) || i >= parent.sections_read)
        return false;
    bool is64 = macho->segments[segment].is64;
    kj_reader r = kj_reader_of(bytes);
    kj_seek(&r, parent.sections_offset);
    kj_skip(&r, i * (is64 ? SECTION_LEN_64 : SECTION_LEN_32));
    kj_macho_section section = {.name = read_name(&r)};
    section.segment_name = read_name(&r);
    section.address = read_wide(macho, &r, is64);
    section.size = read_wide(macho, &r, is64);
    section.offset = read_u32(macho, &r);
    section.alignment = read_u32(macho, &r);
    section.relocations_offset = read_u32(macho, &r);
    section.relocation_count = read_u32(macho, &r);
    section.flags = read_u32(macho, &r);
    section.reserved1 = read_u32(macho, &r);
    section.reserved2 = read_u32(macho, &r);
    section.reserved3 = is64 ? read_u32(macho, &r) : 0;
    if (!kj_reader_ok(&r))
        return false;
    *out = section;
    return true;
}

/* ---- where the program starts -------------------------------------------------------------- */

/* The first segment that holds the address; one that wraps round the end of memory holds none. */
static bool address_to_offset(const kj_macho *macho, kj_span bytes, uint64_t address, uint64_t *out)
{
    kj_macho_segment segment;
    for (uint64_t i = 0; i < kj_min_u64(macho->segment_count, KJ_MACHO_SEGMENTS_MAX); i++)
        if (kj_macho_read_segment(macho, bytes, i, &segment) && address >= segment.address &&
            address < segment.address + segment.memory_size) {
            *out = segment.file_offset + (address - segment.address);
            return true;
        }
    return false;
}

/* Where the registers of a thread hold the address of its next instruction. Sources: the headers
 * mach/.../thread_status.h of each machine. */
static const struct {
    uint32_t cpu_type;
    uint16_t len; /* of all registers */
    uint16_t offset;
    bool is64;
} machines[] = {
    {0x00000006, 72, 68, false},   /* 68000 */
    {0x0000000D, 136, 124, false}, /* 88000 */
    {0x0000000E, 76, 4, false},    /* SPARC */
    {0x00000012, 160, 0, false},   /* PowerPC */
    {0x00000007, 64, 40, false},   /* x86 */
    {0x0000000C, 68, 60, false},   /* ARM */
    {0x01000007, 168, 128, true},  /* x86-64 */
    {0x0100000C, 272, 256, true},  /* ARM64 */
    {0x01000012, 304, 0, true},    /* PowerPC64 */
};

static void read_thread(kj_macho *macho, kj_span bytes, const command *lc)
{
    for (size_t i = 0; i < KJ_COUNT(machines); i++) {
        if (machines[i].cpu_type != macho->cpu_type)
            continue;
        kj_reader r = kj_reader_of(kj_span_sub(bytes, lc->offset, lc->len));
        kj_skip(&r, THREAD_LEN);
        kj_reader registers = kj_read_sub(&r, machines[i].len);
        kj_skip(&registers, machines[i].offset);
        uint64_t address = read_wide(macho, &registers, machines[i].is64);
        uint64_t offset;
        if (kj_reader_ok(&registers) && address_to_offset(macho, bytes, address, &offset)) {
            macho->has_entry = true;
            macho->entry_offset = offset;
        }
    }
}

static void read_main(kj_macho *macho, kj_span bytes, const command *lc)
{
    kj_reader r = kj_reader_of(bytes);
    kj_seek(&r, lc->offset);
    kj_skip(&r, COMMAND_LEN_MIN);
    uint64_t entry = read_u64(macho, &r), stack = read_u64(macho, &r);
    if (!kj_reader_ok(&r))
        return;
    macho->has_entry = macho->has_stack = true;
    macho->entry_offset = entry;
    macho->stack_size = stack;
}

bool kj_macho_read(kj_span bytes, kj_arena *arena, kj_macho *out)
{
    kj_macho macho;
    command lc;
    size_t threads = 0;
    if (!kj_macho_read_header(bytes, &macho) || !find_segments(&macho, bytes, arena))
        return false;
    for (commands all = commands_of(&macho, bytes); next_command(&macho, &all, &lc);) {
        if (lc.type == lc_unixthread && threads++ < THREADS_MAX)
            read_thread(&macho, bytes, &lc);
        else if (lc.type == lc_main)
            read_main(&macho, bytes, &lc);
    }
    *out = macho;
    return true;
}

/* ---- universal files ----------------------------------------------------------------------- */

bool kj_macho_read_fat(kj_span bytes, kj_macho_fat *out)
{
    kj_reader r = kj_reader_of(bytes);
    kj_macho_fat fat = {.magic = kj_read_u32be(&r)};
    fat.arch_count = kj_read_u32be(&r);
    fat.is64 = fat.magic != fat_32;
    if (!kj_macho_is_fat(bytes) || !kj_reader_ok(&r))
        return false;
    uint64_t len = (uint64_t)fat.arch_count * (fat.is64 ? ARCH_LEN_64 : ARCH_LEN_32);
    fat.archs_read = len <= kj_reader_left(&r) ? fat.arch_count : 0;
    *out = fat;
    return true;
}

bool kj_macho_read_arch(const kj_macho_fat *fat, kj_span bytes, uint64_t i, kj_macho_arch *out)
{
    if (i >= fat->archs_read)
        return false;
    kj_reader r = kj_reader_of(bytes);
    kj_seek(&r, FAT_LEN + i * (fat->is64 ? ARCH_LEN_64 : ARCH_LEN_32));
    kj_macho_arch arch = {.cpu_type = kj_read_u32be(&r)};
    arch.cpu_subtype = kj_read_u32be(&r);
    arch.offset = fat->is64 ? kj_read_u64be(&r) : kj_read_u32be(&r);
    arch.size = fat->is64 ? kj_read_u64be(&r) : kj_read_u32be(&r);
    arch.alignment = kj_read_u32be(&r);
    if (!kj_reader_ok(&r))
        return false;
    *out = arch;
    return true;
}

bool kj_macho_arch_bytes(const kj_macho_arch *arch, kj_span bytes, kj_span *out)
{
    if (arch->offset > bytes.len || arch->size > bytes.len - arch->offset)
        return false;
    *out = kj_span_sub(bytes, (size_t)arch->offset, (size_t)arch->size);
    return true;
}
