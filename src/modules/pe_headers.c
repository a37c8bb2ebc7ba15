/* SPDX-License-Identifier: Apache-2.0 */
/* The `pe` module: headers, directories, sections. */
#include "modules/pe_module.h"

#include "base/arith.h"

/* Where a number lies, from "PE\0\0" on: in programs of 32 bits, of 64 bits. Width 0: nowhere.
 * Source: PE Format, "COFF File Header" and "Optional Header". */
typedef struct place {
    uint8_t at[2];
    uint8_t width[2];
} place;

#define SAME(at, width)                                                                            \
    {                                                                                              \
        {(at), (at)},                                                                              \
        {                                                                                          \
            (width), (width)                                                                       \
        }                                                                                          \
    }

static const place places[] = {
    [KJ_PEF_MACHINE] = SAME(4, 2),
    [KJ_PEF_NUMBER_OF_SECTIONS] = SAME(6, 2),
    [KJ_PEF_TIMESTAMP] = SAME(8, 4),
    [KJ_PEF_POINTER_TO_SYMBOL_TABLE] = SAME(12, 4),
    [KJ_PEF_NUMBER_OF_SYMBOLS] = SAME(16, 4),
    [KJ_PEF_SIZE_OF_OPTIONAL_HEADER] = SAME(20, 2),
    [KJ_PEF_CHARACTERISTICS] = SAME(22, 2),
    [KJ_PEF_OPTHDR_MAGIC] = SAME(24, 2),
    [KJ_PEF_LINKER_MAJOR] = SAME(26, 1),
    [KJ_PEF_LINKER_MINOR] = SAME(27, 1),
    [KJ_PEF_SIZE_OF_CODE] = SAME(28, 4),
    [KJ_PEF_SIZE_OF_INITIALIZED_DATA] = SAME(32, 4),
    [KJ_PEF_SIZE_OF_UNINITIALIZED_DATA] = SAME(36, 4),
    [KJ_PEF_ENTRY_POINT_RAW] = SAME(40, 4),
    [KJ_PEF_BASE_OF_CODE] = SAME(44, 4),
    [KJ_PEF_BASE_OF_DATA] = {{48, 0}, {4, 0}},
    [KJ_PEF_IMAGE_BASE] = {{52, 48}, {4, 8}},
    [KJ_PEF_SECTION_ALIGNMENT] = SAME(56, 4),
    [KJ_PEF_FILE_ALIGNMENT] = SAME(60, 4),
    [KJ_PEF_OS_MAJOR] = SAME(64, 2),
    [KJ_PEF_OS_MINOR] = SAME(66, 2),
    [KJ_PEF_IMAGE_MAJOR] = SAME(68, 2),
    [KJ_PEF_IMAGE_MINOR] = SAME(70, 2),
    [KJ_PEF_SUBSYSTEM_MAJOR] = SAME(72, 2),
    [KJ_PEF_SUBSYSTEM_MINOR] = SAME(74, 2),
    [KJ_PEF_WIN32_VERSION_VALUE] = SAME(76, 4),
    [KJ_PEF_SIZE_OF_IMAGE] = SAME(80, 4),
    [KJ_PEF_SIZE_OF_HEADERS] = SAME(84, 4),
    [KJ_PEF_CHECKSUM] = SAME(88, 4),
    [KJ_PEF_SUBSYSTEM] = SAME(92, 2),
    [KJ_PEF_DLL_CHARACTERISTICS] = SAME(94, 2),
    [KJ_PEF_SIZE_OF_STACK_RESERVE] = {{96, 96}, {4, 8}},
    [KJ_PEF_SIZE_OF_STACK_COMMIT] = {{100, 104}, {4, 8}},
    [KJ_PEF_SIZE_OF_HEAP_RESERVE] = {{104, 112}, {4, 8}},
    [KJ_PEF_SIZE_OF_HEAP_COMMIT] = {{108, 120}, {4, 8}},
    [KJ_PEF_LOADER_FLAGS] = {{112, 128}, {4, 4}},
    [KJ_PEF_NUMBER_OF_RVA_AND_SIZES] = {{116, 132}, {4, 4}},
};

/* The same in an entry of the section table. Source: "Section Table". */
static const struct section_place {
    uint8_t at;
    uint8_t width;
} section_places[] = {
    [KJ_PEF_SECTIONS_VIRTUAL_SIZE - KJ_PEF_SECTIONS] = {8, 4},
    [KJ_PEF_SECTIONS_RVA - KJ_PEF_SECTIONS] = {12, 4},
    [KJ_PEF_SECTIONS_RAW_SIZE - KJ_PEF_SECTIONS] = {16, 4},
    [KJ_PEF_SECTIONS_RAW_OFFSET - KJ_PEF_SECTIONS] = {20, 4},
    [KJ_PEF_SECTIONS_RELOCATIONS - KJ_PEF_SECTIONS] = {24, 4},
    [KJ_PEF_SECTIONS_LINE_NUMBERS - KJ_PEF_SECTIONS] = {28, 4},
    [KJ_PEF_SECTIONS_RELOCATION_COUNT - KJ_PEF_SECTIONS] = {32, 2},
    [KJ_PEF_SECTIONS_LINE_NUMBER_COUNT - KJ_PEF_SECTIONS] = {34, 2},
    [KJ_PEF_SECTIONS_CHARACTERISTICS - KJ_PEF_SECTIONS] = {36, 4},
};

static kj_value read_number(const kj_pe_ask *ask, uint64_t offset, unsigned width)
{
    kj_reader r = kj_pe_reader(ask, offset);
    uint64_t value = 0;
    for (unsigned i = 0; i < width; i++)
        value |= (uint64_t)kj_read_u8(&r) << 8 * i;
    return width && kj_reader_ok(&r) ? kj_value_int((int64_t)value) : kj_value_undefined();
}

static uint64_t read_header(const kj_pe_ask *ask, uint16_t field)
{
    const kj_pe *pe = &ask->state->pe;
    const place *where = &places[field];
    return (uint64_t)read_number(ask, pe->offset + where->at[pe->is64], where->width[pe->is64])
        .integer;
}

/* ---- directories ---------------------------------------------------------------------------- */

/* As many as the header says, though the list the module reads from is bounded differently. */
static kj_value answer_directories(const kj_pe_ask *ask)
{
    const kj_pe *pe = &ask->state->pe;
    uint64_t said = read_header(ask, KJ_PEF_NUMBER_OF_RVA_AND_SIZES);
    size_t count = (size_t)kj_min_u64(said, KJ_PE_DIRECTORIES), index;
    if (ask->field == KJ_PEF_DIRECTORIES)
        return kj_value_int((int64_t)count);
    if (!kj_pe_index(ask, 0, count, &index))
        return kj_value_undefined();
    uint64_t offset = pe->offset + (pe->is64 ? 136u : 120u) + 8 * index;
    return read_number(ask, ask->field == KJ_PEF_DIRECTORIES_RVA ? offset : offset + 4, 4);
}

/* ---- sections ------------------------------------------------------------------------------- */

/* All eight bytes but the NULs at the end: others may stand between. */
static kj_span section_name(const kj_pe_ask *ask, size_t index)
{
    kj_reader r = kj_pe_reader(ask, ask->state->pe.section_table + KJ_PE_SECTION_LEN * index);
    kj_span name = kj_read_span(&r, 8);
    while (name.len && name.data[name.len - 1] == 0)
        name.len--;
    return name;
}

/* "/123" is a name at 123 in the string table, which is behind the symbols. A name that is not
 * printable or does not end is none. */
static kj_value full_name(const kj_pe_ask *ask, size_t index)
{
    enum { SYMBOL_LEN = 18 };
    kj_span name = section_name(ask, index);
    uint64_t symbols = read_header(ask, KJ_PEF_POINTER_TO_SYMBOL_TABLE);
    if (symbols == 0 || name.len == 0 || name.data[0] != '/')
        return kj_value_text(name);
    uint64_t offset = symbols + SYMBOL_LEN * read_header(ask, KJ_PEF_NUMBER_OF_SYMBOLS);
    uint64_t in_table = 0;
    for (size_t i = 1; i < name.len && name.data[i] - (unsigned)'0' < 10; i++)
        in_table = in_table * 10 + name.data[i] - '0';
    offset += in_table;
    if (offset >= ask->bytes.len || !kj_pe_pay(ask, ask->bytes.len - offset))
        return kj_value_undefined();
    kj_span full = kj_pe_text(ask, offset, ask->bytes.len);
    for (size_t i = 0; i < full.len; i++)
        if (full.data[i] < ' ' || full.data[i] > '~')
            return kj_value_undefined();
    return offset + full.len < ask->bytes.len ? kj_value_text(full) : kj_value_undefined();
}

static kj_value section_index(const kj_pe_ask *ask)
{
    const kj_pe *pe = &ask->state->pe;
    kj_value what = ask->args[0];
    for (size_t i = 0; i < pe->sections_read; i++) {
        const kj_pe_section *section = &pe->sections[i];
        bool found = ask->field == KJ_PEF_SECTION_INDEX_NAME
                         ? kj_span_equal(section->name, kj_pe_until_nul(what.text))
                         : what.integer >= section->raw_offset &&
                               what.integer - section->raw_offset < section->raw_size;
        if (found)
            return kj_value_int((int64_t)i);
    }
    return kj_value_undefined();
}

static kj_value answer_sections(const kj_pe_ask *ask)
{
    size_t count = ask->state->pe.sections_read, index;
    if (ask->field <= KJ_PEF_SECTION_INDEX_OFFSET)
        return section_index(ask);
    if (ask->field == KJ_PEF_SECTIONS)
        return kj_value_int((int64_t)count);
    if (!kj_pe_index(ask, 0, count, &index))
        return kj_value_undefined();
    if (ask->field == KJ_PEF_SECTIONS_NAME)
        return kj_value_text(section_name(ask, index));
    if (ask->field == KJ_PEF_SECTIONS_FULL_NAME)
        return full_name(ask, index);
    const struct section_place *where = &section_places[ask->field - KJ_PEF_SECTIONS];
    return read_number(ask, ask->state->pe.section_table + KJ_PE_SECTION_LEN * index + where->at,
                       where->width);
}

/* ---- the rest ------------------------------------------------------------------------------- */

/* -1, not undefined, for an entry point outside the file: rules may compare it. */
static kj_value entry_point(const kj_pe_ask *ask)
{
    return kj_value_int(kj_pe_offset(ask, ask->state->pe.entry_rva));
}

kj_value kj_pe_answer_headers(const kj_pe_ask *ask)
{
    const kj_pe *pe = &ask->state->pe;
    if (ask->field <= KJ_PEF_NUMBER_OF_RVA_AND_SIZES) {
        const place *where = &places[ask->field];
        return read_number(ask, pe->offset + where->at[pe->is64], where->width[pe->is64]);
    }
    if (ask->field >= KJ_PEF_SECTION_INDEX_NAME)
        return answer_sections(ask);
    switch (ask->field) {
    case KJ_PEF_ENTRY_POINT:
        return entry_point(ask);
    case KJ_PEF_IS_DLL:
        return kj_value_int(pe->characteristics & KJ_PE_IS_DLL); /* 0x2000, as in libyara */
    case KJ_PEF_IS_32BIT:
        return kj_value_int(!pe->is64);
    case KJ_PEF_IS_64BIT:
        return kj_value_int(pe->is64);
    case KJ_PEF_RVA_TO_OFFSET:
        return kj_pe_int_value(kj_pe_offset(ask, (uint64_t)ask->args[0].integer));
    case KJ_PEF_OVERLAY_OFFSET:
        return kj_value_int((int64_t)pe->overlay_offset);
    case KJ_PEF_OVERLAY_SIZE:
        return kj_value_int(pe->overlay_offset ? (int64_t)(ask->bytes.len - pe->overlay_offset)
                                               : 0);
    default:
        return answer_directories(ask);
    }
}
