/* SPDX-License-Identifier: Apache-2.0 */
/* Module `clamav`: where a program starts and its sections lie, as the offsets of signatures have
 * it.
 *
 * What is computed here is what signatures were written against, which is not always what a loader
 * does; found out by asking clamscan 1.4.6 about programs made for it:
 *
 *     PE      a section's raw data begin at a multiple of FileAlignment, rounded down, and are as
 *             long as a multiple of it; of 512 when the table does not keep to FileAlignment. The
 *             entry point lies in the last section that holds it, or in the headers.
 *     ELF     sections are all of the table, the first, empty one is number 0. The entry point is
 *             looked up in the program headers; without any, and without an entry point, it is 0.
 *     Mach-O  sections of all segments, in order, as long as a multiple of their alignment.
 * clamscan knows the entry point of programs for PowerPC only, here it is known of all.
 *
 * A program whose entry point lies nowhere has none of these facts. */
#include "modules/clamav.h"

#include "base/arith.h"
#include "formats/elf.h"
#include "formats/macho.h"
#include "modules/pe_module.h"

#include <stdlib.h>

enum {
    SECTOR = 0x200,
    MACHO_SECTIONS_MAX = 1 << 16,
    WORK_OF_HEADER = 64, /* bytes: what reading a header of a section or segment counts as */
};

static bool make_sections(const kj_clamav_ask *ask, kj_clamav_program *out, size_t count)
{
    if (!kj_clamav_pay(ask, WORK_OF_HEADER * (uint64_t)count))
        return false;
    out->sections = kj_new_array(ask->input->arena, kj_clamav_range, count);
    return out->sections != NULL;
}

static void add_section(kj_clamav_program *out, uint64_t start, uint64_t size)
{
    out->sections[out->section_count++] = (kj_clamav_range){start, size};
}

static bool set_entry(kj_clamav_program *out, uint64_t offset)
{
    out->entry = offset;
    out->has_entry = true;
    return true;
}

/* Up to a multiple of `unit`; 0: as it is. */
static uint64_t round_up(uint64_t value, uint64_t unit)
{
    uint64_t rest = unit ? value % unit : 0;
    return rest ? value + (unit - rest) : value;
}

static uint64_t round_down(uint64_t value, uint64_t unit)
{
    return unit ? value - value % unit : value;
}

/* ---- PE ------------------------------------------------------------------------------------- */

/* A number of the table with its highest bit set is nonsense. */
static bool is_sane(const kj_pe *pe)
{
    uint32_t bits = 0;
    for (size_t i = 0; i < pe->sections_read; i++) {
        const kj_pe_section *section = &pe->sections[i];
        bits |= section->rva | section->virtual_size | section->raw_offset | section->raw_size;
    }
    return pe->sections_read > 0 && pe->sections_read == pe->section_count && !(bits >> 31);
}

/* What raw data keep to. */
static uint32_t raw_alignment(const kj_pe *pe)
{
    uint32_t alignment = pe->file_alignment;
    for (size_t i = 0; alignment != 0 && i < pe->sections_read; i++) {
        const kj_pe_section *section = &pe->sections[i];
        if (section->raw_size && section->raw_offset % alignment &&
            section->raw_offset % SECTOR == 0)
            return SECTOR;
    }
    return alignment;
}

static void read_pe_sections(const kj_pe *pe, kj_clamav_program *out)
{
    uint32_t alignment = raw_alignment(pe);
    for (size_t i = 0; i < pe->sections_read; i++) {
        uint64_t start = round_down(pe->sections[i].raw_offset, alignment);
        uint64_t size = round_up(pe->sections[i].raw_size, alignment);
        uint64_t left = start < pe->file_len ? pe->file_len - start : 0;
        add_section(out, start, kj_min_u64(size, left));
    }
}

static bool find_pe_entry(const kj_pe *pe, kj_clamav_program *out)
{
    uint64_t rva = pe->entry_rva;
    if (rva < pe->headers_size)
        return rva < pe->file_len && set_entry(out, rva);
    for (size_t i = pe->sections_read; i-- > 0;) {
        uint64_t start = round_down(pe->sections[i].rva, pe->section_alignment);
        const kj_clamav_range *raw = &out->sections[i];
        if (rva >= start && rva - start < raw->size)
            return set_entry(out, raw->start + (rva - start));
    }
    return false;
}

static bool read_pe(const kj_clamav_ask *ask, kj_clamav_program *out)
{
    kj_pe pe;
    if (kj_pe_read(ask->bytes, &pe, NULL) != KJ_OK || !is_sane(&pe) ||
        !make_sections(ask, out, pe.sections_read))
        return false;
    read_pe_sections(&pe, out);
    return find_pe_entry(&pe, out);
}

/* ---- ELF ------------------------------------------------------------------------------------ */

static bool find_elf_entry(const kj_clamav_ask *ask, const kj_elf *elf, kj_clamav_program *out)
{
    if (elf->entry == 0 || elf->segment_count == 0)
        return set_entry(out, 0);
    if (!kj_clamav_pay(ask, WORK_OF_HEADER * (uint64_t)elf->segment_count))
        return false;
    kj_elf_segment segment;
    for (size_t i = 0; i < elf->segment_count; i++) {
        if (!kj_elf_read_segment(elf, ask->bytes, i, &segment))
            return false;
        uint64_t offset, distance = elf->entry - segment.address;
        if (elf->entry >= segment.address && distance < segment.memory_size)
            return !__builtin_add_overflow(segment.offset, distance, &offset) &&
                   set_entry(out, offset);
    }
    return false;
}

static bool read_elf(const kj_clamav_ask *ask, kj_clamav_program *out)
{
    kj_elf elf;
    kj_elf_section section;
    if (kj_elf_read(ask->bytes, &elf, NULL) != KJ_OK || elf.section_count == 0 ||
        !make_sections(ask, out, elf.section_count))
        return false;
    for (size_t i = 0; i < elf.section_count; i++) {
        if (!kj_elf_read_section(&elf, ask->bytes, i, &section))
            return false;
        add_section(out, section.offset, section.size);
    }
    return find_elf_entry(ask, &elf, out);
}

/* ---- Mach-O --------------------------------------------------------------------------------- */

static size_t count_macho_sections(const kj_macho *macho, kj_span bytes)
{
    size_t count = 0;
    kj_macho_segment segment;
    for (uint64_t i = 0; kj_macho_read_segment(macho, bytes, i, &segment); i++)
        count += kj_min_size(segment.sections_read, MACHO_SECTIONS_MAX - count);
    return count;
}

static void read_macho_sections(const kj_macho *macho, kj_span bytes, size_t count,
                                kj_clamav_program *out)
{
    kj_macho_section section;
    for (uint64_t segment = 0; segment < macho->segment_count; segment++)
        for (uint64_t i = 0; out->section_count < count &&
                             kj_macho_read_section(macho, bytes, segment, i, &section);
             i++) {
            unsigned shift = section.alignment & 31;
            add_section(out, section.offset, round_up(section.size, UINT64_C(1) << shift));
        }
}

static bool read_macho(const kj_clamav_ask *ask, kj_clamav_program *out)
{
    kj_macho macho;
    if (!kj_macho_is_program(ask->bytes) || !kj_macho_read(ask->bytes, ask->input->arena, &macho) ||
        !kj_clamav_pay(ask, WORK_OF_HEADER * macho.segment_count))
        return false;
    size_t count = count_macho_sections(&macho, ask->bytes);
    if (!make_sections(ask, out, count))
        return false;
    read_macho_sections(&macho, ask->bytes, count, out);
    if (macho.has_entry)
        (void)set_entry(out, macho.entry_offset);
    return true;
}

/* ---- the program ---------------------------------------------------------------------------- */

static bool (*const readers[])(const kj_clamav_ask *ask,
                               kj_clamav_program *out) = {read_pe, read_elf, read_macho};

static kj_clamav_program read_program(const kj_clamav_ask *ask)
{
    for (size_t i = 0; i < KJ_COUNT(readers) && !ask->input->object->view; i++) {
        kj_clamav_program program = {.is_read = true, .is_program = true};
        if (readers[i](ask, &program))
            return program;
    }
    return (kj_clamav_program){.is_read = true};
}

/* Index -1 is the last section. */
static const kj_clamav_range *find_section(const kj_clamav_program *program, int64_t index)
{
    if (index == -1)
        index = (int64_t)program->section_count - 1;
    return index >= 0 && (uint64_t)index < program->section_count ? &program->sections[index]
                                                                  : NULL;
}

static kj_value answer_section(const kj_clamav_ask *ask, const kj_clamav_program *program)
{
    const kj_clamav_range *section = find_section(program, ask->args[0].integer);
    if (!section)
        return kj_value_undefined();
    return kj_value_int(
        (int64_t)(ask->field == KJ_CVF_SECTION_START ? section->start : section->size));
}

/* ---- version information -------------------------------------------------------------------- */

static int compare_offsets(const void *a, const void *b)
{
    const uint64_t *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

static bool copy_versions(const kj_clamav_ask *ask, const kj_pe_resources *resources,
                          kj_clamav_program *out)
{
    out->versions = kj_new_array(ask->input->arena, uint64_t, resources->info_count);
    if (!out->versions)
        return false;
    for (size_t i = 0; i < resources->info_count; i++)
        out->versions[i] = resources->infos[i].offset;
    qsort(out->versions, resources->info_count, sizeof *out->versions, compare_offsets);
    out->version_count = resources->info_count;
    return true;
}

/* The keys of version resources, which module `pe` knows. */
static void read_versions(const kj_clamav_ask *ask, kj_clamav_program *out)
{
    const kj_module_input *input = ask->input;
    const kj_pe_ask pe = kj_pe_ask_of(input, ask->call, ask->bytes);
    out->has_versions = true;
    if (!pe.state || !kj_pe_need(&pe, KJ_PE_PART_HEADERS) || !pe.state->is_pe ||
        !kj_pe_need(&pe, KJ_PE_PART_RESOURCES) || pe.state->resources.info_count == 0)
        return;
    (void)copy_versions(ask, &pe.state->resources, out);
}

static kj_value answer_version(const kj_clamav_ask *ask, kj_clamav_program *program)
{
    if (!program->has_versions)
        read_versions(ask, program);
    if (ask->field == KJ_CVF_VERSIONS)
        return kj_value_int((int64_t)program->version_count);
    int64_t index = ask->args[0].integer;
    return index >= 0 && (uint64_t)index < program->version_count
               ? kj_value_int((int64_t)program->versions[index])
               : kj_value_undefined();
}

/* ---- answers -------------------------------------------------------------------------------- */

kj_value kj_clamav_answer_program(const kj_clamav_ask *ask)
{
    kj_clamav_program *program = &ask->state->program;
    if (!program->is_read)
        *program = read_program(ask);
    if (ask->field == KJ_CVF_IS_PROGRAM)
        return kj_value_bool(program->is_program);
    if (!program->is_program)
        return kj_value_undefined();
    switch (ask->field) {
    case KJ_CVF_ENTRY_POINT:
        return program->has_entry ? kj_value_int((int64_t)program->entry) : kj_value_undefined();
    case KJ_CVF_SECTIONS:
        return kj_value_int((int64_t)program->section_count);
    case KJ_CVF_SECTION_START:
    case KJ_CVF_SECTION_SIZE:
        return answer_section(ask, program);
    default:
        return answer_version(ask, program);
    }
}
