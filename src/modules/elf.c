/* SPDX-License-Identifier: Apache-2.0 */
/* YARA's `elf` module: headers, sections, segments, symbols and the dynamic section of an ELF file,
 * and digests of its symbols. docs/formats/modules.md says where it differs from libyara. */
#include "modules/module.h"

#include "base/arith.h"
#include "base/hash.h"
#include "base/text.h"
#include "base/tlsh.h"
#include "formats/elf.h"

#include <stdlib.h>

/* Numbers are part of the definitions format: never reuse one. */
enum field {
    TYPE = 1,
    MACHINE = 2,
    ENTRY_POINT = 3,
    NUMBER_OF_SECTIONS = 4,
    SH_OFFSET = 5,
    SH_ENTRY_SIZE = 6,
    NUMBER_OF_SEGMENTS = 7,
    PH_OFFSET = 8,
    PH_ENTRY_SIZE = 9,
    DYNAMIC_SECTION_ENTRIES = 10,
    SYMTAB_ENTRIES = 11,
    DYNSYM_ENTRIES = 12,
    TELFHASH = 13,
    IMPORT_MD5 = 14,
    SECTIONS = 20,
    SECTIONS_TYPE = 21,
    SECTIONS_FLAGS = 22,
    SECTIONS_ADDRESS = 23,
    SECTIONS_NAME = 24,
    SECTIONS_SIZE = 25,
    SECTIONS_OFFSET = 26,
    SEGMENTS = 40,
    SEGMENTS_TYPE = 41,
    SEGMENTS_FLAGS = 42,
    SEGMENTS_OFFSET = 43,
    SEGMENTS_VIRTUAL_ADDRESS = 44,
    SEGMENTS_PHYSICAL_ADDRESS = 45,
    SEGMENTS_FILE_SIZE = 46,
    SEGMENTS_MEMORY_SIZE = 47,
    SEGMENTS_ALIGNMENT = 48,
    DYNAMIC = 60,
    DYNAMIC_TYPE = 61,
    DYNAMIC_VAL = 62,
    SYMTAB = 80,
    SYMTAB_NAME = 81,
    SYMTAB_VALUE = 82,
    SYMTAB_SIZE = 83,
    SYMTAB_TYPE = 84,
    SYMTAB_BIND = 85,
    SYMTAB_SHNDX = 86,
    SYMTAB_VISIBILITY = 87,
    DYNSYM = 100, /* its fields run as those of SYMTAB */
    DYNSYM_VISIBILITY = 107,
};

/* The fields of a table of symbols, from `base` on. */
#define SYMBOL_ROWS(base, path)                                                                    \
    {(base), KJ_TYPE_ARRAY, path, NULL},                                                           \
        {(base) + SYMTAB_NAME - SYMTAB, KJ_TYPE_STRING, path ".name", NULL},                       \
        {(base) + SYMTAB_VALUE - SYMTAB, KJ_TYPE_INT, path ".value", NULL},                        \
        {(base) + SYMTAB_SIZE - SYMTAB, KJ_TYPE_INT, path ".size", NULL},                          \
        {(base) + SYMTAB_TYPE - SYMTAB, KJ_TYPE_INT, path ".type", NULL},                          \
        {(base) + SYMTAB_BIND - SYMTAB, KJ_TYPE_INT, path ".bind", NULL},                          \
        {(base) + SYMTAB_SHNDX - SYMTAB, KJ_TYPE_INT, path ".shndx", NULL},                        \
    {                                                                                              \
        (base) + SYMTAB_VISIBILITY - SYMTAB, KJ_TYPE_INT, path ".visibility", NULL                 \
    }

static const kj_field fields[] = {
    {TYPE, KJ_TYPE_INT, "type", NULL},
    {MACHINE, KJ_TYPE_INT, "machine", NULL},
    {ENTRY_POINT, KJ_TYPE_INT, "entry_point", NULL},
    {NUMBER_OF_SECTIONS, KJ_TYPE_INT, "number_of_sections", NULL},
    {SH_OFFSET, KJ_TYPE_INT, "sh_offset", NULL},
    {SH_ENTRY_SIZE, KJ_TYPE_INT, "sh_entry_size", NULL},
    {NUMBER_OF_SEGMENTS, KJ_TYPE_INT, "number_of_segments", NULL},
    {PH_OFFSET, KJ_TYPE_INT, "ph_offset", NULL},
    {PH_ENTRY_SIZE, KJ_TYPE_INT, "ph_entry_size", NULL},
    {SECTIONS, KJ_TYPE_ARRAY, "sections[]", NULL},
    {SECTIONS_TYPE, KJ_TYPE_INT, "sections[].type", NULL},
    {SECTIONS_FLAGS, KJ_TYPE_INT, "sections[].flags", NULL},
    {SECTIONS_ADDRESS, KJ_TYPE_INT, "sections[].address", NULL},
    {SECTIONS_NAME, KJ_TYPE_STRING, "sections[].name", NULL},
    {SECTIONS_SIZE, KJ_TYPE_INT, "sections[].size", NULL},
    {SECTIONS_OFFSET, KJ_TYPE_INT, "sections[].offset", NULL},
    {SEGMENTS, KJ_TYPE_ARRAY, "segments[]", NULL},
    {SEGMENTS_TYPE, KJ_TYPE_INT, "segments[].type", NULL},
    {SEGMENTS_FLAGS, KJ_TYPE_INT, "segments[].flags", NULL},
    {SEGMENTS_OFFSET, KJ_TYPE_INT, "segments[].offset", NULL},
    {SEGMENTS_VIRTUAL_ADDRESS, KJ_TYPE_INT, "segments[].virtual_address", NULL},
    {SEGMENTS_PHYSICAL_ADDRESS, KJ_TYPE_INT, "segments[].physical_address", NULL},
    {SEGMENTS_FILE_SIZE, KJ_TYPE_INT, "segments[].file_size", NULL},
    {SEGMENTS_MEMORY_SIZE, KJ_TYPE_INT, "segments[].memory_size", NULL},
    {SEGMENTS_ALIGNMENT, KJ_TYPE_INT, "segments[].alignment", NULL},
    {DYNAMIC_SECTION_ENTRIES, KJ_TYPE_INT, "dynamic_section_entries", NULL},
    {DYNAMIC, KJ_TYPE_ARRAY, "dynamic[]", NULL},
    {DYNAMIC_TYPE, KJ_TYPE_INT, "dynamic[].type", NULL},
    {DYNAMIC_VAL, KJ_TYPE_INT, "dynamic[].val", NULL},
    {SYMTAB_ENTRIES, KJ_TYPE_INT, "symtab_entries", NULL},
    SYMBOL_ROWS(SYMTAB, "symtab[]"),
    {DYNSYM_ENTRIES, KJ_TYPE_INT, "dynsym_entries", NULL},
    SYMBOL_ROWS(DYNSYM, "dynsym[]"),
    {TELFHASH, KJ_TYPE_STRING, "telfhash()", ""},
    {IMPORT_MD5, KJ_TYPE_STRING, "import_md5()", ""},
    KJ_FIELD_CONSTANT("ET_NONE", 0),
    KJ_FIELD_CONSTANT("ET_REL", 1),
    KJ_FIELD_CONSTANT("ET_EXEC", 2),
    KJ_FIELD_CONSTANT("ET_DYN", 3),
    KJ_FIELD_CONSTANT("ET_CORE", 4),
    KJ_FIELD_CONSTANT("EM_NONE", 0),
    KJ_FIELD_CONSTANT("EM_M32", 1),
    KJ_FIELD_CONSTANT("EM_SPARC", 2),
    KJ_FIELD_CONSTANT("EM_386", 3),
    KJ_FIELD_CONSTANT("EM_68K", 4),
    KJ_FIELD_CONSTANT("EM_88K", 5),
    KJ_FIELD_CONSTANT("EM_860", 7),
    KJ_FIELD_CONSTANT("EM_MIPS", 8),
    KJ_FIELD_CONSTANT("EM_MIPS_RS3_LE", 10),
    KJ_FIELD_CONSTANT("EM_PPC", 20),
    KJ_FIELD_CONSTANT("EM_PPC64", 21),
    KJ_FIELD_CONSTANT("EM_ARM", 40),
    KJ_FIELD_CONSTANT("EM_X86_64", 62),
    KJ_FIELD_CONSTANT("EM_AARCH64", 183),
    KJ_FIELD_CONSTANT("SHT_NULL", 0),
    KJ_FIELD_CONSTANT("SHT_PROGBITS", 1),
    KJ_FIELD_CONSTANT("SHT_SYMTAB", 2),
    KJ_FIELD_CONSTANT("SHT_STRTAB", 3),
    KJ_FIELD_CONSTANT("SHT_RELA", 4),
    KJ_FIELD_CONSTANT("SHT_HASH", 5),
    KJ_FIELD_CONSTANT("SHT_DYNAMIC", 6),
    KJ_FIELD_CONSTANT("SHT_NOTE", 7),
    KJ_FIELD_CONSTANT("SHT_NOBITS", 8),
    KJ_FIELD_CONSTANT("SHT_REL", 9),
    KJ_FIELD_CONSTANT("SHT_SHLIB", 10),
    KJ_FIELD_CONSTANT("SHT_DYNSYM", 11),
    KJ_FIELD_CONSTANT("SHF_WRITE", 1),
    KJ_FIELD_CONSTANT("SHF_ALLOC", 2),
    KJ_FIELD_CONSTANT("SHF_EXECINSTR", 4),
    KJ_FIELD_CONSTANT("PT_NULL", 0),
    KJ_FIELD_CONSTANT("PT_LOAD", 1),
    KJ_FIELD_CONSTANT("PT_DYNAMIC", 2),
    KJ_FIELD_CONSTANT("PT_INTERP", 3),
    KJ_FIELD_CONSTANT("PT_NOTE", 4),
    KJ_FIELD_CONSTANT("PT_SHLIB", 5),
    KJ_FIELD_CONSTANT("PT_PHDR", 6),
    KJ_FIELD_CONSTANT("PT_TLS", 7),
    KJ_FIELD_CONSTANT("PT_GNU_EH_FRAME", 0x6474E550),
    KJ_FIELD_CONSTANT("PT_GNU_STACK", 0x6474E551),
    KJ_FIELD_CONSTANT("PF_X", 1),
    KJ_FIELD_CONSTANT("PF_W", 2),
    KJ_FIELD_CONSTANT("PF_R", 4),
    KJ_FIELD_CONSTANT("DT_NULL", 0),
    KJ_FIELD_CONSTANT("DT_NEEDED", 1),
    KJ_FIELD_CONSTANT("DT_PLTRELSZ", 2),
    KJ_FIELD_CONSTANT("DT_PLTGOT", 3),
    KJ_FIELD_CONSTANT("DT_HASH", 4),
    KJ_FIELD_CONSTANT("DT_STRTAB", 5),
    KJ_FIELD_CONSTANT("DT_SYMTAB", 6),
    KJ_FIELD_CONSTANT("DT_RELA", 7),
    KJ_FIELD_CONSTANT("DT_RELASZ", 8),
    KJ_FIELD_CONSTANT("DT_RELAENT", 9),
    KJ_FIELD_CONSTANT("DT_STRSZ", 10),
    KJ_FIELD_CONSTANT("DT_SYMENT", 11),
    KJ_FIELD_CONSTANT("DT_INIT", 12),
    KJ_FIELD_CONSTANT("DT_FINI", 13),
    KJ_FIELD_CONSTANT("DT_SONAME", 14),
    KJ_FIELD_CONSTANT("DT_RPATH", 15),
    KJ_FIELD_CONSTANT("DT_SYMBOLIC", 16),
    KJ_FIELD_CONSTANT("DT_REL", 17),
    KJ_FIELD_CONSTANT("DT_RELSZ", 18),
    KJ_FIELD_CONSTANT("DT_RELENT", 19),
    KJ_FIELD_CONSTANT("DT_PLTREL", 20),
    KJ_FIELD_CONSTANT("DT_DEBUG", 21),
    KJ_FIELD_CONSTANT("DT_TEXTREL", 22),
    KJ_FIELD_CONSTANT("DT_JMPREL", 23),
    KJ_FIELD_CONSTANT("DT_BIND_NOW", 24),
    KJ_FIELD_CONSTANT("DT_INIT_ARRAY", 25),
    KJ_FIELD_CONSTANT("DT_FINI_ARRAY", 26),
    KJ_FIELD_CONSTANT("DT_INIT_ARRAYSZ", 27),
    KJ_FIELD_CONSTANT("DT_FINI_ARRAYSZ", 28),
    KJ_FIELD_CONSTANT("DT_RUNPATH", 29),
    KJ_FIELD_CONSTANT("DT_FLAGS", 30),
    KJ_FIELD_CONSTANT("DT_ENCODING", 32),
    KJ_FIELD_CONSTANT("STT_NOTYPE", 0),
    KJ_FIELD_CONSTANT("STT_OBJECT", 1),
    KJ_FIELD_CONSTANT("STT_FUNC", 2),
    KJ_FIELD_CONSTANT("STT_SECTION", 3),
    KJ_FIELD_CONSTANT("STT_FILE", 4),
    KJ_FIELD_CONSTANT("STT_COMMON", 5),
    KJ_FIELD_CONSTANT("STT_TLS", 6),
    KJ_FIELD_CONSTANT("STB_LOCAL", 0),
    KJ_FIELD_CONSTANT("STB_GLOBAL", 1),
    KJ_FIELD_CONSTANT("STB_WEAK", 2),
    KJ_FIELD_CONSTANT("STV_DEFAULT", 0),
    KJ_FIELD_CONSTANT("STV_INTERNAL", 1),
    KJ_FIELD_CONSTANT("STV_HIDDEN", 2),
    KJ_FIELD_CONSTANT("STV_PROTECTED", 3),
};

enum {
    SECTIONS_END = 0xFF00, /* counts from here on mean something else (SHN_LORESERVE) */
    SEGMENTS_END = 0xFFFF, /* (PN_XNUM) */
    SYMBOL_FUNCTION = 2,
    SYMBOL_GLOBAL = 1,
    SYMBOL_DEFAULT = 0,
    DIGEST_NAMES_MAX = 64 << 20, /* bytes of names that a digest is made of */
};

typedef struct symbols {
    bool exist;
    kj_span table;
    kj_span strings;
} symbols;

typedef struct cached {
    bool done;
    kj_value value;
} cached;

typedef struct elf_state {
    bool done;
    bool is_elf;
    kj_elf elf;
    size_t sections; /* that can be asked for: none when their table is not in the file */
    size_t segments;
    kj_span names; /* of sections: from where they begin to the end of the file */
    symbols symtab;
    symbols dynsym;
    bool has_dynamic;
    kj_span dynamic;
    size_t dynamic_count;
    cached telfhash;
    cached import_md5;
} elf_state;

/* ---- tables -------------------------------------------------------------------------------- */

/* Part of the file; false when it is not wholly in it. */
static bool part_of(kj_span bytes, uint64_t offset, uint64_t len, kj_span *out)
{
    if (offset > bytes.len || len > bytes.len - offset)
        return false;
    *out = kj_span_sub(bytes, (size_t)offset, (size_t)len);
    return true;
}

/* A section of symbols counts when it names a section of strings. */
static bool links_strings(const elf_state *state, kj_span bytes, const kj_elf_section *section,
                          kj_elf_section *out_strings)
{
    return kj_elf_read_section(&state->elf, bytes, section->link, out_strings) &&
           out_strings->type == KJ_ELF_SECTION_STRINGS;
}

/* The last section of that type counts, also when it does not lie in the file. */
static void find_symbols(const elf_state *state, kj_span bytes, uint32_t type, symbols *out)
{
    kj_elf_section section, strings;
    for (size_t i = state->sections; i-- > 0;) {
        if (!kj_elf_read_section(&state->elf, bytes, i, &section) || section.type != type ||
            !links_strings(state, bytes, &section, &strings))
            continue;
        out->exist = part_of(bytes, section.offset, section.size, &out->table) &&
                     part_of(bytes, strings.offset, strings.size, &out->strings);
        return;
    }
}

static void find_sections(elf_state *state, kj_span bytes)
{
    const kj_elf *elf = &state->elf;
    kj_elf_section section;
    if (elf->section_count >= SECTIONS_END || elf->section_table >= bytes.len ||
        elf->names_section >= elf->section_count ||
        !kj_elf_read_section(elf, bytes, elf->section_count - 1u, &section) ||
        !kj_elf_read_section(elf, bytes, elf->names_section, &section))
        return;
    state->sections = elf->section_count;
    if (section.offset > 0 && section.offset < bytes.len)
        state->names = kj_span_sub(bytes, (size_t)section.offset, bytes.len);
    find_symbols(state, bytes, KJ_ELF_SECTION_SYMBOLS, &state->symtab);
    find_symbols(state, bytes, KJ_ELF_SECTION_DYNAMIC_SYMBOLS, &state->dynsym);
}

/* Entries up to the one that ends the table, that one included, or to the end of the file. */
static size_t count_dynamic(const elf_state *state, kj_span table)
{
    kj_elf_dynamic entry;
    size_t count = 0;
    while (kj_elf_read_dynamic(&state->elf, table, count, &entry)) {
        count++;
        if (entry.tag == 0)
            break;
    }
    return count;
}

/* Of several dynamic segments the last counts. */
static void find_segments(elf_state *state, kj_span bytes)
{
    const kj_elf *elf = &state->elf;
    kj_elf_segment segment;
    if (elf->segment_count == 0 || elf->segment_count >= SEGMENTS_END ||
        !kj_elf_read_segment(elf, bytes, elf->segment_count - 1u, &segment))
        return;
    state->segments = elf->segment_count;
    for (size_t i = state->segments; i-- > 0 && !state->has_dynamic;)
        if (kj_elf_read_segment(elf, bytes, i, &segment) &&
            segment.type == KJ_ELF_SEGMENT_DYNAMIC) {
            state->has_dynamic = true;
            state->dynamic = segment.offset < bytes.len
                                 ? kj_span_sub(bytes, (size_t)segment.offset, bytes.len)
                                 : (kj_span){0};
            state->dynamic_count = count_dynamic(state, state->dynamic);
        }
}

/* A file that ends with its header is none to libyara. */
static bool is_more_than_header(const kj_elf *elf, kj_span bytes)
{
    enum { HEADER_LEN_32 = 52, HEADER_LEN_64 = 64 };
    return bytes.len > (elf->is64 ? HEADER_LEN_64 : HEADER_LEN_32);
}

/* NULL: no ELF file, or no memory or time for it. */
static elf_state *state_of(const kj_module_input *input, const kj_field_call *call)
{
    kj_span bytes = input->object->bytes;
    elf_state *state = kj_module_state(input, &kj_module_elf, sizeof *state);
    if (state && !state->done) {
        state->done = true;
        state->is_elf = kj_elf_read(bytes, &state->elf, NULL) == KJ_OK &&
                        is_more_than_header(&state->elf, bytes) && call->pay(call, bytes.len);
        if (state->is_elf) {
            find_sections(state, bytes);
            find_segments(state, bytes);
        }
    }
    return state && state->is_elf ? state : NULL;
}

/* A text of a table of strings; looking for its end is paid. */
static kj_value string_of(const kj_field_call *call, kj_span table, uint32_t offset)
{
    kj_span text;
    bool found = kj_elf_find_string(table, offset, &text);
    size_t rest = offset < table.len ? table.len - offset : 0;
    if (!call->pay(call, found ? text.len : rest) || !found)
        return kj_value_undefined();
    return kj_value_text(text);
}

/* ---- digests of symbols -------------------------------------------------------------------- */

typedef bool (*symbol_filter)(const kj_elf_symbol *symbol, kj_span name);

static bool is_import(const kj_elf_symbol *symbol, kj_span name)
{
    return symbol->section == 0 && name.len > 0;
}

static bool is_left_out(kj_span name)
{
    static const char *const names[] = {"__libc_start_main", "main", "abort", "cachectl",
                                        "cacheflush",        "puts", "atol",  "malloc_trim"};
    for (size_t i = 0; i < KJ_COUNT(names); i++)
        if (kj_span_is(name, names[i]))
            return true;
    return false;
}

/* Global functions, but for those that depend on compiler and machine more than on the program.
 * Source: Trend Micro, "Telfhash: An Algorithm That Finds Similar Malicious ELF Files Used in Linux
 * IoT Malware" (2020), as libyara has it: without the disassembly of programs that have no
 * symbols. */
static bool is_telling(const kj_elf_symbol *symbol, kj_span name)
{
    if (symbol->type != SYMBOL_FUNCTION || symbol->bind != SYMBOL_GLOBAL ||
        symbol->visibility != SYMBOL_DEFAULT || is_left_out(name))
        return false;
    bool is_internal = name.len && (name.data[0] == '.' || name.data[0] == '_');
    bool is_wide = name.len >= 2 && kj_span_is(kj_span_sub(name, name.len - 2, 2), "64");
    bool is_text =
        kj_span_starts(name, kj_span_str("str")) || kj_span_starts(name, kj_span_str("mem"));
    return !is_internal && !is_wide && !is_text;
}

typedef struct name_list {
    kj_span *names;
    size_t count;
    size_t len; /* of all names */
} name_list;

/* Names of symbols that pass, into list->names when there are any. False: no time. */
static bool collect_names(const elf_state *state, const symbols *from, symbol_filter passes,
                          const kj_field_call *call, name_list *list)
{
    kj_elf_symbol symbol;
    list->count = list->len = 0;
    for (size_t i = 0; kj_elf_read_symbol(&state->elf, from->table, i, &symbol); i++) {
        kj_value name = string_of(call, from->strings, symbol.name);
        if (!call->pay(call, 0))
            return false;
        if (name.type != KJ_TYPE_STRING || !passes(&symbol, name.text))
            continue;
        if (list->names)
            list->names[list->count] = name.text;
        list->count++;
        list->len += name.text.len;
    }
    return list->len <= DIGEST_NAMES_MAX;
}

static int compare_names(const void *a, const void *b)
{
    return kj_span_compare(*(const kj_span *)a, *(const kj_span *)b);
}

/* Copies of all names in lower case, in place of the names. */
static bool lower_names(kj_arena *arena, name_list *list)
{
    uint8_t *next = kj_arena_alloc_raw(arena, list->len + 1);
    if (!next)
        return false;
    for (size_t i = 0; i < list->count; i++) {
        kj_span name = list->names[i];
        for (size_t k = 0; k < name.len; k++)
            next[k] = kj_lower(name.data[k]);
        list->names[i].data = next;
        next += name.len;
    }
    return true;
}

/* Sorted and with commas between them. */
static bool join_names(kj_arena *arena, const name_list *list, kj_span *out)
{
    uint8_t *text = kj_arena_alloc_raw(arena, list->len + list->count);
    size_t len = 0;
    if (!text)
        return false;
    for (size_t i = 0; i < list->count; i++) {
        if (i > 0)
            text[len++] = ',';
        if (list->names[i].len)
            memcpy(text + len, list->names[i].data, list->names[i].len);
        len += list->names[i].len;
    }
    *out = kj_span_of(text, len);
    return true;
}

/* Comparing n names n log n times; equal ones are compared whole. */
static uint64_t sorting_cost(const name_list *list)
{
    uint64_t rounds = 1;
    for (size_t n = list->count; n > 1; n /= 2)
        rounds++;
    return rounds * (list->len + list->count * sizeof(kj_span));
}

/* The names that pass, lower case, in the order of bytes, with commas between them. False: there
 * are none, or no memory or time for them. */
static bool list_symbols(const kj_module_input *input, const kj_field_call *call,
                         const elf_state *state, symbol_filter passes, kj_span *out)
{
    const symbols *from = state->dynsym.exist ? &state->dynsym : &state->symtab;
    name_list list = {0};
    if (!from->exist || !collect_names(state, from, passes, call, &list) || list.count == 0)
        return false;
    list.names = kj_new_array(input->arena, kj_span, list.count);
    if (!list.names || !collect_names(state, from, passes, call, &list) ||
        !call->pay(call, sorting_cost(&list)) || !lower_names(input->arena, &list))
        return false;
    qsort(list.names, list.count, sizeof *list.names, compare_names);
    return join_names(input->arena, &list, out);
}

/* Symbols too few for a digest have an empty one. */
static kj_value make_telfhash(const kj_module_input *input, const kj_field_call *call,
                              const elf_state *state)
{
    kj_span list;
    char digest[KJ_TLSH_LEN + 1] = "";
    if (!list_symbols(input, call, state, is_telling, &list))
        return kj_value_undefined();
    (void)kj_tlsh(list, digest);
    char *text = kj_arena_strdup(input->arena, digest);
    return text ? kj_value_text(kj_span_str(text)) : kj_value_undefined();
}

static kj_value make_import_md5(const kj_module_input *input, const kj_field_call *call,
                                const elf_state *state)
{
    enum { HEX_LEN = 32 };
    kj_span list;
    uint8_t hash[KJ_HASH_MAX];
    char *hex = kj_arena_alloc(input->arena, HEX_LEN + 1);
    if (!hex || !list_symbols(input, call, state, is_import, &list))
        return kj_value_undefined();
    kj_hash(KJ_HASH_MD5, list, hash);
    for (size_t i = 0; i < HEX_LEN; i++)
        hex[i] = "0123456789abcdef"[hash[i / 2] >> (i % 2 ? 0 : 4) & 15];
    return kj_value_text(kj_span_of(hex, HEX_LEN));
}

typedef kj_value (*maker)(const kj_module_input *input, const kj_field_call *call,
                          const elf_state *state);

static kj_value make_once(const kj_module_input *input, const kj_field_call *call,
                          const elf_state *state, maker make, cached *value)
{
    if (!value->done)
        *value = (cached){.done = true, .value = make(input, call, state)};
    return value->value;
}

/* ---- fields -------------------------------------------------------------------------------- */

static kj_value number(uint64_t value)
{
    return kj_value_int((int64_t)value);
}

static kj_value number_if(bool known, uint64_t value)
{
    return known ? number(value) : kj_value_undefined();
}

static size_t count_symbols(const elf_state *state, const symbols *from)
{
    return from->table.len / kj_elf_symbol_len(&state->elf);
}

static kj_value entry_point(const elf_state *state, kj_span bytes)
{
    uint64_t offset = 0;
    bool known = state->elf.entry != 0 &&
                 kj_elf_address_to_offset(&state->elf, bytes, state->elf.entry, &offset);
    return number_if(known, offset);
}

static kj_value header_field(const elf_state *state, kj_span bytes, uint16_t field)
{
    const kj_elf *elf = &state->elf;
    switch (field) {
    case TYPE:
        return number(elf->type);
    case MACHINE:
        return number(elf->machine);
    case ENTRY_POINT:
        return entry_point(state, bytes);
    case NUMBER_OF_SECTIONS:
        return number(elf->section_count);
    case SH_OFFSET:
        return number(elf->section_table);
    case SH_ENTRY_SIZE:
        return number(elf->section_len);
    case NUMBER_OF_SEGMENTS:
        return number(elf->segment_count);
    case PH_OFFSET:
        return number(elf->segment_table);
    case PH_ENTRY_SIZE:
        return number(elf->segment_len);
    case DYNAMIC_SECTION_ENTRIES:
        return number_if(state->has_dynamic, state->dynamic_count);
    case SYMTAB_ENTRIES:
        return number_if(state->symtab.exist, count_symbols(state, &state->symtab));
    case DYNSYM_ENTRIES:
        return number_if(state->dynsym.exist, count_symbols(state, &state->dynsym));
    default:
        return kj_value_undefined();
    }
}

static kj_value section_field(const elf_state *state, kj_span bytes, const kj_field_call *call,
                              uint16_t field, size_t i)
{
    kj_elf_section section;
    if (!kj_elf_read_section(&state->elf, bytes, i, &section))
        return kj_value_undefined();
    switch (field) {
    case SECTIONS_TYPE:
        return number(section.type);
    case SECTIONS_FLAGS:
        return number(section.flags);
    case SECTIONS_ADDRESS:
        return number(section.address);
    case SECTIONS_NAME:
        return string_of(call, state->names, section.name);
    case SECTIONS_SIZE:
        return number(section.size);
    case SECTIONS_OFFSET:
        return number(section.offset);
    default:
        return kj_value_undefined();
    }
}

static kj_value segment_field(const elf_state *state, kj_span bytes, uint16_t field, size_t i)
{
    kj_elf_segment segment;
    if (!kj_elf_read_segment(&state->elf, bytes, i, &segment))
        return kj_value_undefined();
    switch (field) {
    case SEGMENTS_TYPE:
        return number(segment.type);
    case SEGMENTS_FLAGS:
        return number(segment.flags);
    case SEGMENTS_OFFSET:
        return number(segment.offset);
    case SEGMENTS_VIRTUAL_ADDRESS:
        return number(segment.address);
    case SEGMENTS_PHYSICAL_ADDRESS:
        return number(segment.physical_address);
    case SEGMENTS_FILE_SIZE:
        return number(segment.file_size);
    case SEGMENTS_MEMORY_SIZE:
        return number(segment.memory_size);
    case SEGMENTS_ALIGNMENT:
        return number(segment.alignment);
    default:
        return kj_value_undefined();
    }
}

static kj_value dynamic_field(const elf_state *state, uint16_t field, size_t i)
{
    kj_elf_dynamic entry;
    if (!kj_elf_read_dynamic(&state->elf, state->dynamic, i, &entry))
        return kj_value_undefined();
    return number(field == DYNAMIC_TYPE ? entry.tag : entry.value);
}

/* `field`: as of SYMTAB. */
static kj_value symbol_field(const elf_state *state, const symbols *from, const kj_field_call *call,
                             uint16_t field, size_t i)
{
    kj_elf_symbol symbol;
    if (!kj_elf_read_symbol(&state->elf, from->table, i, &symbol))
        return kj_value_undefined();
    switch (field) {
    case SYMTAB_NAME:
        return string_of(call, from->strings, symbol.name);
    case SYMTAB_VALUE:
        return number(symbol.value);
    case SYMTAB_SIZE:
        return number(symbol.size);
    case SYMTAB_TYPE:
        return number(symbol.type);
    case SYMTAB_BIND:
        return number(symbol.bind);
    case SYMTAB_SHNDX:
        return number(symbol.section);
    case SYMTAB_VISIBILITY:
        return number(symbol.visibility);
    default:
        return kj_value_undefined();
    }
}

/* How many elements the array has to which a field belongs. */
static size_t count_elements(const elf_state *state, uint16_t field)
{
    if (field >= DYNSYM)
        return state->dynsym.exist ? count_symbols(state, &state->dynsym) : 0;
    if (field >= SYMTAB)
        return state->symtab.exist ? count_symbols(state, &state->symtab) : 0;
    if (field >= DYNAMIC)
        return state->dynamic_count;
    return field >= SEGMENTS ? state->segments : state->sections;
}

static kj_value element_field(const elf_state *state, kj_span bytes, const kj_field_call *call,
                              uint16_t field)
{
    if (!kj_call_fits(call, "i") || (uint64_t)call->args[0].integer >= count_elements(state, field))
        return kj_value_undefined();
    size_t i = (size_t)call->args[0].integer;
    if (field > DYNSYM)
        return symbol_field(state, &state->dynsym, call, (uint16_t)(field - DYNSYM + SYMTAB), i);
    if (field > SYMTAB)
        return symbol_field(state, &state->symtab, call, field, i);
    if (field > DYNAMIC)
        return dynamic_field(state, field, i);
    if (field > SEGMENTS)
        return segment_field(state, bytes, field, i);
    return section_field(state, bytes, call, field, i);
}

static bool is_array(uint16_t field)
{
    return field == SECTIONS || field == SEGMENTS || field == DYNAMIC || field == SYMTAB ||
           field == DYNSYM;
}

static kj_value get(const kj_module_input *input, uint16_t field, const kj_field_call *call)
{
    elf_state *state = state_of(input, call);
    kj_span bytes = input->object->bytes;
    if (is_array(field))
        return number(state ? count_elements(state, field) : 0);
    if (!state || field > DYNSYM_VISIBILITY)
        return kj_value_undefined();
    if (field == TELFHASH)
        return make_once(input, call, state, make_telfhash, &state->telfhash);
    if (field == IMPORT_MD5)
        return make_once(input, call, state, make_import_md5, &state->import_md5);
    if (field < SECTIONS)
        return header_field(state, bytes, field);
    return element_field(state, bytes, call, field);
}

const kj_module kj_module_elf = {
    .schema = {.name = "elf",
               .id = 3,
               .fields = fields,
               .count = KJ_COUNT(fields),
               .magic = "\x7f"
                        "ELF",
               .magic_len = 4},
    .get = get,
};
