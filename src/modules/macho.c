/* SPDX-License-Identifier: Apache-2.0 */
/* YARA's `macho` module: a program for macOS, or each of the programs in a universal file.
 * docs/formats/modules.md says where it differs from libyara. */
#include "modules/module.h"

#include "base/arith.h"
#include "formats/macho.h"

/* Numbers are part of the definitions format: never reuse one. */
enum field {
    FAT_MAGIC = 1,
    NFAT_ARCH = 2,
    FILE_INDEX_FOR_TYPE = 3,
    FILE_INDEX_FOR_SUBTYPE = 4,
    ENTRY_POINT_FOR_TYPE = 5,
    ENTRY_POINT_FOR_SUBTYPE = 6,
    FAT_ARCH = 10,
    FAT_ARCH_CPUTYPE = 11,
    FAT_ARCH_CPUSUBTYPE = 12,
    FAT_ARCH_OFFSET = 13,
    FAT_ARCH_SIZE = 14,
    FAT_ARCH_ALIGN = 15,
    FILES = 20,
    MAGIC = 30, /* from here on: of a program, and then the same of one in a universal file */
    CPUTYPE = 31,
    CPUSUBTYPE = 32,
    FILETYPE = 33,
    NCMDS = 34,
    SIZEOFCMDS = 35,
    FLAGS = 36,
    RESERVED = 37,
    NUMBER_OF_SEGMENTS = 38,
    ENTRY_POINT = 39,
    STACK_SIZE = 40,
    SEGMENTS = 50,
    SEGMENTS_SEGNAME = 51,
    SEGMENTS_VMADDR = 52,
    SEGMENTS_VMSIZE = 53,
    SEGMENTS_FILEOFF = 54,
    SEGMENTS_FSIZE = 55,
    SEGMENTS_MAXPROT = 56,
    SEGMENTS_INITPROT = 57,
    SEGMENTS_NSECTS = 58,
    SEGMENTS_FLAGS = 59,
    SECTIONS = 70,
    SECTIONS_SECTNAME = 71,
    SECTIONS_SEGNAME = 72,
    SECTIONS_ADDR = 73,
    SECTIONS_SIZE = 74,
    SECTIONS_OFFSET = 75,
    SECTIONS_ALIGN = 76,
    SECTIONS_RELOFF = 77,
    SECTIONS_NRELOC = 78,
    SECTIONS_FLAGS = 79,
    SECTIONS_RESERVED1 = 80,
    SECTIONS_RESERVED2 = 81,
    SECTIONS_RESERVED3 = 82,
    IN_FAT = 100, /* how far the fields of a program in a universal file are from those above */
};

/* The fields of a program, `base` numbers further than those above. */
#define PROGRAM_ROWS(base, path)                                                                   \
    {(base) + MAGIC, KJ_TYPE_INT, path "magic", NULL},                                             \
        {(base) + CPUTYPE, KJ_TYPE_INT, path "cputype", NULL},                                     \
        {(base) + CPUSUBTYPE, KJ_TYPE_INT, path "cpusubtype", NULL},                               \
        {(base) + FILETYPE, KJ_TYPE_INT, path "filetype", NULL},                                   \
        {(base) + NCMDS, KJ_TYPE_INT, path "ncmds", NULL},                                         \
        {(base) + SIZEOFCMDS, KJ_TYPE_INT, path "sizeofcmds", NULL},                               \
        {(base) + FLAGS, KJ_TYPE_INT, path "flags", NULL},                                         \
        {(base) + RESERVED, KJ_TYPE_INT, path "reserved", NULL},                                   \
        {(base) + NUMBER_OF_SEGMENTS, KJ_TYPE_INT, path "number_of_segments", NULL},               \
        {(base) + ENTRY_POINT, KJ_TYPE_INT, path "entry_point", NULL},                             \
        {(base) + STACK_SIZE, KJ_TYPE_INT, path "stack_size", NULL},                               \
        {(base) + SEGMENTS, KJ_TYPE_ARRAY, path "segments[]", NULL},                               \
        {(base) + SEGMENTS_SEGNAME, KJ_TYPE_STRING, path "segments[].segname", NULL},              \
        {(base) + SEGMENTS_VMADDR, KJ_TYPE_INT, path "segments[].vmaddr", NULL},                   \
        {(base) + SEGMENTS_VMSIZE, KJ_TYPE_INT, path "segments[].vmsize", NULL},                   \
        {(base) + SEGMENTS_FILEOFF, KJ_TYPE_INT, path "segments[].fileoff", NULL},                 \
        {(base) + SEGMENTS_FSIZE, KJ_TYPE_INT, path "segments[].fsize", NULL},                     \
        {(base) + SEGMENTS_MAXPROT, KJ_TYPE_INT, path "segments[].maxprot", NULL},                 \
        {(base) + SEGMENTS_INITPROT, KJ_TYPE_INT, path "segments[].initprot", NULL},               \
        {(base) + SEGMENTS_NSECTS, KJ_TYPE_INT, path "segments[].nsects", NULL},                   \
        {(base) + SEGMENTS_FLAGS, KJ_TYPE_INT, path "segments[].flags", NULL},                     \
        {(base) + SECTIONS, KJ_TYPE_ARRAY, path "segments[].sections[]", NULL},                    \
        {(base) + SECTIONS_SECTNAME, KJ_TYPE_STRING, path "segments[].sections[].sectname", NULL}, \
        {(base) + SECTIONS_SEGNAME, KJ_TYPE_STRING, path "segments[].sections[].segname", NULL},   \
        {(base) + SECTIONS_ADDR, KJ_TYPE_INT, path "segments[].sections[].addr", NULL},            \
        {(base) + SECTIONS_SIZE, KJ_TYPE_INT, path "segments[].sections[].size", NULL},            \
        {(base) + SECTIONS_OFFSET, KJ_TYPE_INT, path "segments[].sections[].offset", NULL},        \
        {(base) + SECTIONS_ALIGN, KJ_TYPE_INT, path "segments[].sections[].align", NULL},          \
        {(base) + SECTIONS_RELOFF, KJ_TYPE_INT, path "segments[].sections[].reloff", NULL},        \
        {(base) + SECTIONS_NRELOC, KJ_TYPE_INT, path "segments[].sections[].nreloc", NULL},        \
        {(base) + SECTIONS_FLAGS, KJ_TYPE_INT, path "segments[].sections[].flags", NULL},          \
        {(base) + SECTIONS_RESERVED1, KJ_TYPE_INT, path "segments[].sections[].reserved1", NULL},  \
        {(base) + SECTIONS_RESERVED2, KJ_TYPE_INT, path "segments[].sections[].reserved2", NULL},  \
    {                                                                                              \
        (base) + SECTIONS_RESERVED3, KJ_TYPE_INT, path "segments[].sections[].reserved3", NULL     \
    }

static const kj_field fields[] = {
    PROGRAM_ROWS(0, ""),
    {FAT_MAGIC, KJ_TYPE_INT, "fat_magic", NULL},
    {NFAT_ARCH, KJ_TYPE_INT, "nfat_arch", NULL},
    {FAT_ARCH, KJ_TYPE_ARRAY, "fat_arch[]", NULL},
    {FAT_ARCH_CPUTYPE, KJ_TYPE_INT, "fat_arch[].cputype", NULL},
    {FAT_ARCH_CPUSUBTYPE, KJ_TYPE_INT, "fat_arch[].cpusubtype", NULL},
    {FAT_ARCH_OFFSET, KJ_TYPE_INT, "fat_arch[].offset", NULL},
    {FAT_ARCH_SIZE, KJ_TYPE_INT, "fat_arch[].size", NULL},
    {FAT_ARCH_ALIGN, KJ_TYPE_INT, "fat_arch[].align", NULL},
    {FILES, KJ_TYPE_ARRAY, "file[]", NULL},
    PROGRAM_ROWS(IN_FAT, "file[]."),
    {FILE_INDEX_FOR_TYPE, KJ_TYPE_INT, "file_index_for_arch()", "i"},
    {FILE_INDEX_FOR_SUBTYPE, KJ_TYPE_INT, "file_index_for_arch()", "ii"},
    {ENTRY_POINT_FOR_TYPE, KJ_TYPE_INT, "entry_point_for_arch()", "i"},
    {ENTRY_POINT_FOR_SUBTYPE, KJ_TYPE_INT, "entry_point_for_arch()", "ii"},
    KJ_FIELD_CONSTANT("MH_MAGIC", 0xFEEDFACE),
    KJ_FIELD_CONSTANT("MH_CIGAM", 0xCEFAEDFE),
    KJ_FIELD_CONSTANT("MH_MAGIC_64", 0xFEEDFACF),
    KJ_FIELD_CONSTANT("MH_CIGAM_64", 0xCFFAEDFE),
    KJ_FIELD_CONSTANT("FAT_MAGIC", 0xCAFEBABE),
    KJ_FIELD_CONSTANT("FAT_CIGAM", 0xBEBAFECA),
    KJ_FIELD_CONSTANT("FAT_MAGIC_64", 0xCAFEBABF),
    KJ_FIELD_CONSTANT("FAT_CIGAM_64", 0xBFBAFECA),
    KJ_FIELD_CONSTANT("CPU_ARCH_ABI64", 0x01000000),
    KJ_FIELD_CONSTANT("CPU_SUBTYPE_LIB64", 0x80000000),
    KJ_FIELD_CONSTANT("CPU_TYPE_MC680X0", 6),
    KJ_FIELD_CONSTANT("CPU_TYPE_X86", 7),
    KJ_FIELD_CONSTANT("CPU_TYPE_I386", 7),
    KJ_FIELD_CONSTANT("CPU_TYPE_X86_64", 0x01000007),
    KJ_FIELD_CONSTANT("CPU_TYPE_MIPS", 8),
    KJ_FIELD_CONSTANT("CPU_TYPE_MC98000", 10),
    KJ_FIELD_CONSTANT("CPU_TYPE_ARM", 12),
    KJ_FIELD_CONSTANT("CPU_TYPE_ARM64", 0x0100000C),
    KJ_FIELD_CONSTANT("CPU_TYPE_MC88000", 13),
    KJ_FIELD_CONSTANT("CPU_TYPE_SPARC", 14),
    KJ_FIELD_CONSTANT("CPU_TYPE_POWERPC", 18),
    KJ_FIELD_CONSTANT("CPU_TYPE_POWERPC64", 0x01000012),
    KJ_FIELD_CONSTANT("CPU_SUBTYPE_INTEL_MODEL_ALL", 0x00),
    KJ_FIELD_CONSTANT("CPU_SUBTYPE_386", 0x03),
    KJ_FIELD_CONSTANT("CPU_SUBTYPE_I386_ALL", 0x03),
    KJ_FIELD_CONSTANT("CPU_SUBTYPE_X86_64_ALL", 0x03),
    KJ_FIELD_CONSTANT("CPU_SUBTYPE_486", 0x04),
    KJ_FIELD_CONSTANT("CPU_SUBTYPE_486SX", 0x84),
    KJ_FIELD_CONSTANT("CPU_SUBTYPE_586", 0x05),
    KJ_FIELD_CONSTANT("CPU_SUBTYPE_PENT", 0x05),
    KJ_FIELD_CONSTANT("CPU_SUBTYPE_PENTPRO", 0x16),
    KJ_FIELD_CONSTANT("CPU_SUBTYPE_PENTII_M3", 0x36),
    KJ_FIELD_CONSTANT("CPU_SUBTYPE_PENTII_M5", 0x56),
    KJ_FIELD_CONSTANT("CPU_SUBTYPE_CELERON", 0x67),
    KJ_FIELD_CONSTANT("CPU_SUBTYPE_CELERON_MOBILE", 0x77),
    KJ_FIELD_CONSTANT("CPU_SUBTYPE_PENTIUM_3", 0x08),
    KJ_FIELD_CONSTANT("CPU_SUBTYPE_PENTIUM_3_M", 0x18),
    KJ_FIELD_CONSTANT("CPU_SUBTYPE_PENTIUM_3_XEON", 0x28),
    KJ_FIELD_CONSTANT("CPU_SUBTYPE_PENTIUM_M", 0x09),
    KJ_FIELD_CONSTANT("CPU_SUBTYPE_PENTIUM_4", 0x0A),
    KJ_FIELD_CONSTANT("CPU_SUBTYPE_PENTIUM_4_M", 0x1A),
    KJ_FIELD_CONSTANT("CPU_SUBTYPE_ITANIUM", 0x0B),
    KJ_FIELD_CONSTANT("CPU_SUBTYPE_ITANIUM_2", 0x1B),
    KJ_FIELD_CONSTANT("CPU_SUBTYPE_XEON", 0x0C),
    KJ_FIELD_CONSTANT("CPU_SUBTYPE_XEON_MP", 0x1C),
    KJ_FIELD_CONSTANT("CPU_SUBTYPE_ARM_ALL", 0x00),
    KJ_FIELD_CONSTANT("CPU_SUBTYPE_ARM_V4T", 0x05),
    KJ_FIELD_CONSTANT("CPU_SUBTYPE_ARM_V6", 0x06),
    KJ_FIELD_CONSTANT("CPU_SUBTYPE_ARM_V5", 0x07),
    KJ_FIELD_CONSTANT("CPU_SUBTYPE_ARM_V5TEJ", 0x07),
    KJ_FIELD_CONSTANT("CPU_SUBTYPE_ARM_XSCALE", 0x08),
    KJ_FIELD_CONSTANT("CPU_SUBTYPE_ARM_V7", 0x09),
    KJ_FIELD_CONSTANT("CPU_SUBTYPE_ARM_V7F", 0x0A),
    KJ_FIELD_CONSTANT("CPU_SUBTYPE_ARM_V7S", 0x0B),
    KJ_FIELD_CONSTANT("CPU_SUBTYPE_ARM_V7K", 0x0C),
    KJ_FIELD_CONSTANT("CPU_SUBTYPE_ARM_V6M", 0x0E),
    KJ_FIELD_CONSTANT("CPU_SUBTYPE_ARM_V7M", 0x0F),
    KJ_FIELD_CONSTANT("CPU_SUBTYPE_ARM_V7EM", 0x10),
    KJ_FIELD_CONSTANT("CPU_SUBTYPE_ARM64_ALL", 0x00),
    KJ_FIELD_CONSTANT("CPU_SUBTYPE_SPARC_ALL", 0x00),
    KJ_FIELD_CONSTANT("CPU_SUBTYPE_POWERPC_ALL", 0x00),
    KJ_FIELD_CONSTANT("CPU_SUBTYPE_MC980000_ALL", 0x00),
    KJ_FIELD_CONSTANT("CPU_SUBTYPE_POWERPC_601", 0x01),
    KJ_FIELD_CONSTANT("CPU_SUBTYPE_MC98601", 0x01),
    KJ_FIELD_CONSTANT("CPU_SUBTYPE_POWERPC_602", 0x02),
    KJ_FIELD_CONSTANT("CPU_SUBTYPE_POWERPC_603", 0x03),
    KJ_FIELD_CONSTANT("CPU_SUBTYPE_POWERPC_603e", 0x04),
    KJ_FIELD_CONSTANT("CPU_SUBTYPE_POWERPC_603ev", 0x05),
    KJ_FIELD_CONSTANT("CPU_SUBTYPE_POWERPC_604", 0x06),
    KJ_FIELD_CONSTANT("CPU_SUBTYPE_POWERPC_604e", 0x07),
    KJ_FIELD_CONSTANT("CPU_SUBTYPE_POWERPC_620", 0x08),
    KJ_FIELD_CONSTANT("CPU_SUBTYPE_POWERPC_750", 0x09),
    KJ_FIELD_CONSTANT("CPU_SUBTYPE_POWERPC_7400", 0x0A),
    KJ_FIELD_CONSTANT("CPU_SUBTYPE_POWERPC_7450", 0x0B),
    KJ_FIELD_CONSTANT("CPU_SUBTYPE_POWERPC_970", 0x64),
    KJ_FIELD_CONSTANT("MH_OBJECT", 0x1),
    KJ_FIELD_CONSTANT("MH_EXECUTE", 0x2),
    KJ_FIELD_CONSTANT("MH_FVMLIB", 0x3),
    KJ_FIELD_CONSTANT("MH_CORE", 0x4),
    KJ_FIELD_CONSTANT("MH_PRELOAD", 0x5),
    KJ_FIELD_CONSTANT("MH_DYLIB", 0x6),
    KJ_FIELD_CONSTANT("MH_DYLINKER", 0x7),
    KJ_FIELD_CONSTANT("MH_BUNDLE", 0x8),
    KJ_FIELD_CONSTANT("MH_DYLIB_STUB", 0x9),
    KJ_FIELD_CONSTANT("MH_DSYM", 0xA),
    KJ_FIELD_CONSTANT("MH_KEXT_BUNDLE", 0xB),
    KJ_FIELD_CONSTANT("MH_NOUNDEFS", 0x1),
    KJ_FIELD_CONSTANT("MH_INCRLINK", 0x2),
    KJ_FIELD_CONSTANT("MH_DYLDLINK", 0x4),
    KJ_FIELD_CONSTANT("MH_BINDATLOAD", 0x8),
    KJ_FIELD_CONSTANT("MH_PREBOUND", 0x10),
    KJ_FIELD_CONSTANT("MH_SPLIT_SEGS", 0x20),
    KJ_FIELD_CONSTANT("MH_LAZY_INIT", 0x40),
    KJ_FIELD_CONSTANT("MH_TWOLEVEL", 0x80),
    KJ_FIELD_CONSTANT("MH_FORCE_FLAT", 0x100),
    KJ_FIELD_CONSTANT("MH_NOMULTIDEFS", 0x200),
    KJ_FIELD_CONSTANT("MH_NOFIXPREBINDING", 0x400),
    KJ_FIELD_CONSTANT("MH_PREBINDABLE", 0x800),
    KJ_FIELD_CONSTANT("MH_ALLMODSBOUND", 0x1000),
    KJ_FIELD_CONSTANT("MH_SUBSECTIONS_VIA_SYMBOLS", 0x2000),
    KJ_FIELD_CONSTANT("MH_CANONICAL", 0x4000),
    KJ_FIELD_CONSTANT("MH_WEAK_DEFINES", 0x8000),
    KJ_FIELD_CONSTANT("MH_BINDS_TO_WEAK", 0x10000),
    KJ_FIELD_CONSTANT("MH_ALLOW_STACK_EXECUTION", 0x20000),
    KJ_FIELD_CONSTANT("MH_ROOT_SAFE", 0x40000),
    KJ_FIELD_CONSTANT("MH_SETUID_SAFE", 0x80000),
    KJ_FIELD_CONSTANT("MH_NO_REEXPORTED_DYLIBS", 0x100000),
    KJ_FIELD_CONSTANT("MH_PIE", 0x200000),
    KJ_FIELD_CONSTANT("MH_DEAD_STRIPPABLE_DYLIB", 0x400000),
    KJ_FIELD_CONSTANT("MH_HAS_TLV_DESCRIPTORS", 0x800000),
    KJ_FIELD_CONSTANT("MH_NO_HEAP_EXECUTION", 0x1000000),
    KJ_FIELD_CONSTANT("MH_APP_EXTENSION_SAFE", 0x2000000),
    KJ_FIELD_CONSTANT("SG_HIGHVM", 0x1),
    KJ_FIELD_CONSTANT("SG_FVMLIB", 0x2),
    KJ_FIELD_CONSTANT("SG_NORELOC", 0x4),
    KJ_FIELD_CONSTANT("SG_PROTECTED_VERSION_1", 0x8),
    KJ_FIELD_CONSTANT("SECTION_TYPE", 0xFF),
    KJ_FIELD_CONSTANT("SECTION_ATTRIBUTES", 0xFFFFFF00),
    KJ_FIELD_CONSTANT("S_REGULAR", 0x00),
    KJ_FIELD_CONSTANT("S_ZEROFILL", 0x01),
    KJ_FIELD_CONSTANT("S_CSTRING_LITERALS", 0x02),
    KJ_FIELD_CONSTANT("S_4BYTE_LITERALS", 0x03),
    KJ_FIELD_CONSTANT("S_8BYTE_LITERALS", 0x04),
    KJ_FIELD_CONSTANT("S_LITERAL_POINTERS", 0x05),
    KJ_FIELD_CONSTANT("S_NON_LAZY_SYMBOL_POINTERS", 0x06),
    KJ_FIELD_CONSTANT("S_LAZY_SYMBOL_POINTERS", 0x07),
    KJ_FIELD_CONSTANT("S_SYMBOL_STUBS", 0x08),
    KJ_FIELD_CONSTANT("S_MOD_INIT_FUNC_POINTERS", 0x09),
    KJ_FIELD_CONSTANT("S_MOD_TERM_FUNC_POINTERS", 0x0A),
    KJ_FIELD_CONSTANT("S_COALESCED", 0x0B),
    KJ_FIELD_CONSTANT("S_GB_ZEROFILL", 0x0C),
    KJ_FIELD_CONSTANT("S_INTERPOSING", 0x0D),
    KJ_FIELD_CONSTANT("S_16BYTE_LITERALS", 0x0E),
    KJ_FIELD_CONSTANT("S_DTRACE_DOF", 0x0F),
    KJ_FIELD_CONSTANT("S_LAZY_DYLIB_SYMBOL_POINTERS", 0x10),
    KJ_FIELD_CONSTANT("S_THREAD_LOCAL_REGULAR", 0x11),
    KJ_FIELD_CONSTANT("S_THREAD_LOCAL_ZEROFILL", 0x12),
    KJ_FIELD_CONSTANT("S_THREAD_LOCAL_VARIABLES", 0x13),
    KJ_FIELD_CONSTANT("S_THREAD_LOCAL_VARIABLE_POINTERS", 0x14),
    KJ_FIELD_CONSTANT("S_THREAD_LOCAL_INIT_FUNCTION_POINTERS", 0x15),
    KJ_FIELD_CONSTANT("S_ATTR_PURE_INSTRUCTIONS", 0x80000000),
    KJ_FIELD_CONSTANT("S_ATTR_NO_TOC", 0x40000000),
    KJ_FIELD_CONSTANT("S_ATTR_STRIP_STATIC_SYMS", 0x20000000),
    KJ_FIELD_CONSTANT("S_ATTR_NO_DEAD_STRIP", 0x10000000),
    KJ_FIELD_CONSTANT("S_ATTR_LIVE_SUPPORT", 0x08000000),
    KJ_FIELD_CONSTANT("S_ATTR_SELF_MODIFYING_CODE", 0x04000000),
    KJ_FIELD_CONSTANT("S_ATTR_DEBUG", 0x02000000),
    KJ_FIELD_CONSTANT("S_ATTR_SOME_INSTRUCTIONS", 0x00000400),
    KJ_FIELD_CONSTANT("S_ATTR_EXT_RELOC", 0x00000200),
    KJ_FIELD_CONSTANT("S_ATTR_LOC_RELOC", 0x00000100),
};

/* A program as far as it was read. */
typedef struct program {
    bool exists;
    kj_span bytes;
    kj_macho macho;
} program;

typedef struct macho_state {
    bool done;
    bool is_fat;
    kj_macho_fat fat;
    program program; /* the file itself, or the one of a universal file that was asked for last */
    uint64_t index;  /* of that one, when `has_index` */
    bool has_index;
} macho_state;

static void read_program(const kj_module_input *input, const kj_field_call *call, kj_span bytes,
                         program *out)
{
    *out = (program){.bytes = bytes};
    out->exists = call->pay(call, bytes.len) && kj_macho_read(bytes, input->arena, &out->macho);
}

static macho_state *state_of(const kj_module_input *input, const kj_field_call *call)
{
    kj_span bytes = input->object->bytes;
    macho_state *state = kj_module_state(input, &kj_module_macho, sizeof *state);
    if (state && !state->done) {
        state->done = true;
        state->is_fat = kj_macho_read_fat(bytes, &state->fat);
        if (!state->is_fat && kj_macho_is_program(bytes))
            read_program(input, call, bytes, &state->program);
    }
    return state;
}

/* ---- universal files ----------------------------------------------------------------------- */

static kj_value number(uint64_t value)
{
    return kj_value_int((int64_t)value);
}

static kj_value number_if(bool known, uint64_t value)
{
    return known ? number(value) : kj_value_undefined();
}

/* The bytes of the i-th program. */
static bool find_file(const macho_state *state, kj_span bytes, uint64_t i, kj_span *out)
{
    kj_macho_arch arch;
    return kj_macho_read_arch(&state->fat, bytes, i, &arch) &&
           kj_macho_arch_bytes(&arch, bytes, out);
}

/* Up to the last program that lies in the file. */
static kj_value count_files(const macho_state *state, kj_span bytes, const kj_field_call *call)
{
    kj_span file;
    uint64_t count = state->fat.archs_read;
    while (count > 0 && call->pay(call, 0) && !find_file(state, bytes, count - 1, &file))
        count--;
    return number(count);
}

/* The i-th program, read. Rules that go from one to the next and back pay for each time. */
static const program *read_file(const kj_module_input *input, const kj_field_call *call,
                                macho_state *state, uint64_t i)
{
    kj_span file;
    if (state->has_index && state->index == i)
        return &state->program;
    if (!find_file(state, input->object->bytes, i, &file))
        return NULL;
    read_program(input, call, file, &state->program);
    state->has_index = true;
    state->index = i;
    return &state->program;
}

static bool is_wanted(const kj_field_call *call, uint32_t cpu_type, uint32_t cpu_subtype)
{
    return call->args[0].integer == cpu_type &&
           (call->count < 2 || call->args[1].integer == cpu_subtype);
}

/* The first program whose own header says that it is for the machine. */
static kj_value file_index(const macho_state *state, kj_span bytes, const kj_field_call *call)
{
    kj_span file;
    kj_macho macho;
    for (uint64_t i = 0; i < state->fat.archs_read && call->pay(call, 0); i++)
        if (find_file(state, bytes, i, &file) && kj_macho_read_header(file, &macho) &&
            is_wanted(call, macho.cpu_type, macho.cpu_subtype))
            return number(i);
    return kj_value_undefined();
}

/* Where the first program starts of which the universal file says that it is for the machine. */
static kj_value entry_point_for(const kj_module_input *input, const kj_field_call *call,
                                macho_state *state)
{
    kj_macho_arch arch;
    for (uint64_t i = 0; i < state->fat.archs_read && call->pay(call, 0); i++) {
        if (!kj_macho_read_arch(&state->fat, input->object->bytes, i, &arch) ||
            !is_wanted(call, arch.cpu_type, arch.cpu_subtype))
            continue;
        const program *p = read_file(input, call, state, i);
        return number_if(p && p->exists && p->macho.has_entry,
                         arch.offset + (p ? p->macho.entry_offset : 0));
    }
    return kj_value_undefined();
}

static kj_value arch_field(const macho_state *state, kj_span bytes, uint16_t field, uint64_t i)
{
    kj_macho_arch arch;
    if (!kj_macho_read_arch(&state->fat, bytes, i, &arch))
        return kj_value_undefined();
    switch (field) {
    case FAT_ARCH_CPUTYPE:
        return number(arch.cpu_type);
    case FAT_ARCH_CPUSUBTYPE:
        return number(arch.cpu_subtype);
    case FAT_ARCH_OFFSET:
        return number(arch.offset);
    case FAT_ARCH_SIZE:
        return number(arch.size);
    case FAT_ARCH_ALIGN:
        return number(arch.alignment);
    default:
        return kj_value_undefined();
    }
}

static kj_value fat_field(const kj_module_input *input, const kj_field_call *call,
                          macho_state *state, uint16_t field)
{
    switch (field) {
    case FAT_MAGIC:
        return number(state->fat.magic);
    case NFAT_ARCH:
        return number(state->fat.arch_count);
    case FILE_INDEX_FOR_TYPE:
    case FILE_INDEX_FOR_SUBTYPE:
        return file_index(state, input->object->bytes, call);
    case ENTRY_POINT_FOR_TYPE:
    case ENTRY_POINT_FOR_SUBTYPE:
        return entry_point_for(input, call, state);
    default:
        return arch_field(state, input->object->bytes, field, (uint64_t)call->args[0].integer);
    }
}

/* ---- programs ------------------------------------------------------------------------------ */

static kj_value header_field(const kj_macho *macho, uint16_t field)
{
    switch (field) {
    case MAGIC:
        return number(macho->magic);
    case CPUTYPE:
        return number(macho->cpu_type);
    case CPUSUBTYPE:
        return number(macho->cpu_subtype);
    case FILETYPE:
        return number(macho->file_type);
    case NCMDS:
        return number(macho->command_count);
    case SIZEOFCMDS:
        return number(macho->commands_len);
    case FLAGS:
        return number(macho->flags);
    case RESERVED:
        return number_if(macho->is64, macho->reserved);
    case NUMBER_OF_SEGMENTS:
        return number(macho->segment_count);
    case ENTRY_POINT:
        return number_if(macho->has_entry, macho->entry_offset);
    case STACK_SIZE:
        return number_if(macho->has_stack, macho->stack_size);
    default:
        return kj_value_undefined();
    }
}

/* `i`: of the segment, -1 with SEGMENTS. */
static kj_value segment_field(const program *p, uint16_t field, uint64_t i)
{
    kj_macho_segment segment;
    if (!kj_macho_read_segment(&p->macho, p->bytes, i, &segment))
        return field == SECTIONS ? number(0) : kj_value_undefined();
    switch (field) {
    case SEGMENTS_SEGNAME:
        return kj_value_text(segment.name);
    case SEGMENTS_VMADDR:
        return number(segment.address);
    case SEGMENTS_VMSIZE:
        return number(segment.memory_size);
    case SEGMENTS_FILEOFF:
        return number(segment.file_offset);
    case SEGMENTS_FSIZE:
        return number(segment.file_size);
    case SEGMENTS_MAXPROT:
        return number(segment.max_protection);
    case SEGMENTS_INITPROT:
        return number(segment.first_protection);
    case SEGMENTS_NSECTS:
        return number(segment.section_count);
    case SEGMENTS_FLAGS:
        return number(segment.flags);
    case SECTIONS:
        return number(segment.sections_read);
    default:
        return kj_value_undefined();
    }
}

static kj_value section_field(const program *p, uint16_t field, uint64_t segment, uint64_t i)
{
    kj_macho_section section;
    if (!kj_macho_read_section(&p->macho, p->bytes, segment, i, &section))
        return kj_value_undefined();
    switch (field) {
    case SECTIONS_SECTNAME:
        return kj_value_text(section.name);
    case SECTIONS_SEGNAME:
        return kj_value_text(section.segment_name);
    case SECTIONS_ADDR:
        return number(section.address);
    case SECTIONS_SIZE:
        return number(section.size);
    case SECTIONS_OFFSET:
        return number(section.offset);
    case SECTIONS_ALIGN:
        return number(section.alignment);
    case SECTIONS_RELOFF:
        return number(section.relocations_offset);
    case SECTIONS_NRELOC:
        return number(section.relocation_count);
    case SECTIONS_FLAGS:
        return number(section.flags);
    case SECTIONS_RESERVED1:
        return number(section.reserved1);
    case SECTIONS_RESERVED2:
        return number(section.reserved2);
    case SECTIONS_RESERVED3:
        return number_if(p->macho.segments[segment].is64, section.reserved3);
    default:
        return kj_value_undefined();
    }
}

/* `args`: the indices of segment and section, as many as the field takes. */
static kj_value program_field(const program *p, uint16_t field, const kj_value *args)
{
    if (field == SEGMENTS)
        return number(p ? p->macho.segment_count : 0);
    if (!p)
        return field == SECTIONS ? number(0) : kj_value_undefined();
    if (field < SEGMENTS)
        return header_field(&p->macho, field);
    if (field <= SECTIONS)
        return segment_field(p, field, (uint64_t)args[0].integer);
    return section_field(p, field, (uint64_t)args[0].integer, (uint64_t)args[1].integer);
}

/* ---- all fields ---------------------------------------------------------------------------- */

/* What the field takes, by its place among the numbers: indices, or the parameters of a function.
 */
static const char *params_of(uint16_t field)
{
    static const char indices[] = "iii";
    size_t count = 0;
    if (field < MAGIC)
        return field > FAT_ARCH && field < FILES                                     ? "i"
               : field == FILE_INDEX_FOR_TYPE || field == ENTRY_POINT_FOR_TYPE       ? "i"
               : field == FILE_INDEX_FOR_SUBTYPE || field == ENTRY_POINT_FOR_SUBTYPE ? "ii"
                                                                                     : NULL;
    count += field >= IN_FAT;
    count += field % IN_FAT > SEGMENTS;
    count += field % IN_FAT > SECTIONS;
    return indices + sizeof indices - 1 - count;
}

static kj_value get(const kj_module_input *input, uint16_t field, const kj_field_call *call)
{
    macho_state *state = state_of(input, call);
    if (!state || field > IN_FAT + SECTIONS_RESERVED3 || !kj_call_fits(call, params_of(field)))
        return kj_value_undefined();
    if (field == FAT_ARCH)
        return number(state->is_fat ? state->fat.archs_read : 0);
    if (field == FILES)
        return state->is_fat ? count_files(state, input->object->bytes, call) : number(0);
    if (field < MAGIC)
        return state->is_fat ? fat_field(input, call, state, field) : kj_value_undefined();
    const program *p = NULL;
    if (field < IN_FAT && !state->is_fat)
        p = &state->program;
    if (field >= IN_FAT && state->is_fat)
        p = read_file(input, call, state, (uint64_t)call->args[0].integer);
    bool exists = p && p->exists;
    return program_field(exists ? p : NULL, field % IN_FAT, call->args + (field >= IN_FAT));
}

const kj_module kj_module_macho = {
    .schema = {.name = "macho", .id = 7, .fields = fields, .count = KJ_COUNT(fields)},
    .get = get,
};
