/* SPDX-License-Identifier: Apache-2.0 */
/* PE (Microsoft, "PE Format").
 *
 *     "MZ" ... e_lfanew at 60 ->  "PE\0\0", COFF header (20 bytes), optional header (size in the
 *     COFF header), section table (40 bytes each); raw data of the sections; overlay
 *
 * What Windows and malware do differently: e_lfanew may lie anywhere, in the DOS header too; the
 * number of directories and the size of the optional header lie, so all directories are read; raw
 * offsets are rounded down to 512; programs for DOS ("mz") have no PE header.
 *
 * The walk hands out the overlay when it is a file of a kind that matters, since self-extracting
 * archives are made that way. */
#include "formats/pe.h"

#include "base/arith.h"
#include "formats/rows.h"

enum {
    E_LFANEW = 60,
    PE_SIGNATURE = 0x4550,
    COFF_LEN = 20,
    MAGIC_64 = 0x20B,
    SECTION_NAME_LEN = 8,
};

/* Machines for which programs exist; libyara's list and those that came later. */
static const uint16_t machines[] = {
    0x0000, 0x014C, 0x0162, 0x0166, 0x0168, 0x0169, 0x0184, 0x01A2, 0x01A3, 0x01A6, 0x01A8, 0x01C0,
    0x01C2, 0x01C4, 0x01D3, 0x01F0, 0x01F1, 0x0200, 0x0266, 0x0284, 0x0366, 0x0466, 0x0520, 0x0EBC,
    0x5032, 0x5064, 0x5128, 0x6232, 0x6264, 0x8664, 0x9041, 0xA641, 0xA64E, 0xAA64, 0xC0EE,
};

static bool is_machine(uint16_t machine)
{
    for (size_t i = 0; i < KJ_COUNT(machines); i++)
        if (machines[i] == machine)
            return true;
    return false;
}

/* Leaves the reader behind the signature. */
static bool find_header(kj_reader *r, uint32_t *out_offset)
{
    if (kj_read_u8(r) != 'M' || kj_read_u8(r) != 'Z')
        return false;
    kj_seek(r, E_LFANEW);
    *out_offset = kj_read_u32le(r);
    kj_seek(r, *out_offset);
    return kj_read_u32le(r) == PE_SIGNATURE && kj_reader_ok(r);
}

static kj_span until_nul(kj_span name)
{
    const uint8_t *nul = name.len ? memchr(name.data, 0, name.len) : NULL;
    return nul ? kj_span_sub(name, 0, (size_t)(nul - name.data)) : name;
}

static void read_coff(kj_reader *r, kj_pe *pe, uint16_t *out_optional_len)
{
    pe->machine = kj_read_u16le(r);
    pe->section_count = kj_read_u16le(r);
    pe->timestamp = kj_read_u32le(r);
    kj_skip(r, 8); /* symbol table */
    *out_optional_len = kj_read_u16le(r);
    pe->characteristics = kj_read_u16le(r);
    pe->is_dll = pe->characteristics & KJ_PE_IS_DLL;
}

/* The directories are read whatever their number or the header's size is said to be: both lie. */
static void read_optional(kj_reader *r, kj_pe *pe)
{
    pe->is64 = kj_read_u16le(r) == MAGIC_64;
    kj_skip(r, 14); /* linker, sizes of code and data */
    pe->entry_rva = kj_read_u32le(r);
    kj_skip(r, pe->is64 ? 4 : 8); /* base of code, base of data */
    pe->image_base = pe->is64 ? kj_read_u64le(r) : kj_read_u32le(r);
    pe->section_alignment = kj_read_u32le(r);
    pe->file_alignment = kj_read_u32le(r);
    kj_skip(r, 16); /* versions */
    pe->image_size = kj_read_u32le(r);
    pe->headers_size = kj_read_u32le(r);
    pe->checksum = kj_read_u32le(r);
    pe->subsystem = kj_read_u16le(r);
    pe->dll_characteristics = kj_read_u16le(r);
    kj_skip(r, (pe->is64 ? 32 : 16) + 8); /* stack, heap, flags, number of directories */
    for (size_t i = 0; i < KJ_PE_DIRECTORIES && kj_reader_left(r) >= 8; i++) {
        pe->directories[i].rva = kj_read_u32le(r);
        pe->directories[i].len = kj_read_u32le(r);
    }
}

static void read_sections(kj_reader *r, kj_pe *pe)
{
    size_t count = kj_min_size(pe->section_count, KJ_PE_SECTIONS_MAX);
    for (size_t i = 0; i < count && kj_reader_left(r) >= KJ_PE_SECTION_LEN; i++) {
        kj_pe_section *section = &pe->sections[i];
        section->name = until_nul(kj_read_span(r, SECTION_NAME_LEN));
        section->virtual_size = kj_read_u32le(r);
        section->rva = kj_read_u32le(r);
        section->raw_size = kj_read_u32le(r);
        section->raw_offset = kj_read_u32le(r);
        kj_skip(r, 12); /* relocations, line numbers */
        section->characteristics = kj_read_u32le(r);
        pe->sections_read = i + 1;
    }
}

/* Sections are compared by ends of 32 bits, as in libyara, though they may wrap. */
static uint64_t find_overlay(const kj_pe *pe)
{
    uint64_t end = 0;
    for (size_t i = 0; i < pe->sections_read; i++) {
        const kj_pe_section *section = &pe->sections[i];
        uint32_t wrapped = section->raw_offset + section->raw_size;
        end = wrapped > end ? (uint64_t)section->raw_offset + section->raw_size : end;
    }
    return end < pe->file_len ? end : 0;
}

kj_status kj_pe_read(kj_span bytes, kj_pe *out, kj_error *err)
{
    kj_reader r = kj_reader_of(bytes);
    kj_pe pe = {.file_len = bytes.len};
    uint16_t optional_len;
    if (!find_header(&r, &pe.offset))
        return kj_fail(err, KJ_MALFORMED, E_LFANEW, "no PE header where e_lfanew points");
    read_coff(&r, &pe, &optional_len);
    if (!kj_reader_ok(&r))
        return kj_fail(err, KJ_TRUNCATED, pe.offset, "the COFF header ends early");
    uint64_t optional = (uint64_t)r.pos;
    read_optional(&r, &pe);
    if (!kj_reader_ok(&r))
        return kj_fail(err, KJ_TRUNCATED, optional, "the optional header ends early");
    pe.section_table = optional + optional_len;
    kj_seek(&r, pe.section_table);
    read_sections(&r, &pe);
    pe.overlay_offset = find_overlay(&pe);
    *out = pe;
    return KJ_OK;
}

/* The section with the highest address among those that hold `rva`, in memory or in the file; NULL:
 * none. */
static const kj_pe_section *find_section(const kj_pe *pe, uint64_t rva)
{
    const kj_pe_section *found = NULL;
    for (size_t i = 0; i < pe->sections_read; i++) {
        const kj_pe_section *section = &pe->sections[i];
        uint32_t size =
            section->virtual_size > section->raw_size ? section->virtual_size : section->raw_size;
        if (rva >= section->rva && rva - section->rva < size &&
            (!found || found->rva <= section->rva))
            found = section;
    }
    return found;
}

/* Where a section's raw data begins, rounded down as the loader does. */
static uint32_t section_start(const kj_pe *pe, const kj_pe_section *section)
{
    enum { SECTOR = 0x200, PAGE = 0x1000 };
    uint32_t alignment = pe->file_alignment < SECTOR ? pe->file_alignment : SECTOR;
    uint32_t start = section->raw_offset;
    start -= alignment ? start % alignment : 0;
    return pe->section_alignment >= PAGE ? start & ~(uint32_t)(SECTOR - 1) : start;
}

static uint32_t lowest_rva(const kj_pe *pe)
{
    uint32_t lowest = UINT32_MAX;
    for (size_t i = 0; i < pe->sections_read; i++)
        lowest = pe->sections[i].rva < lowest ? pe->sections[i].rva : lowest;
    return lowest;
}

/* Source: libyara's pe_rva_to_offset(). What lies before the first section is mapped as it is. */
bool kj_pe_rva_to_offset(const kj_pe *pe, uint64_t rva, uint64_t *out)
{
    if (pe->sections_read < kj_min_size(pe->section_count, KJ_PE_SECTIONS_MAX))
        return false;
    uint64_t offset = rva;
    if (rva >= lowest_rva(pe)) {
        const kj_pe_section *section = find_section(pe, rva);
        if (!section || rva - section->rva >= section->raw_size)
            return false;
        offset = section_start(pe, section) + (rva - section->rva);
    }
    if (offset >= pe->file_len)
        return false;
    *out = offset;
    return true;
}

/* ---- the rows ------------------------------------------------------------------------------ */

static unsigned probe_pe(kj_span bytes)
{
    kj_reader r = kj_reader_of(bytes);
    uint32_t offset;
    if (!find_header(&r, &offset))
        return 0;
    uint16_t machine = kj_read_u16le(&r);
    return kj_reader_ok(&r) && is_machine(machine) ? 64 : 0;
}

static unsigned probe_mz(kj_span bytes)
{
    return bytes.len >= 28 && !probe_pe(bytes) ? 16 : 0;
}

static bool pe_entry_point(kj_span bytes, uint64_t *out)
{
    kj_pe pe;
    return kj_pe_read(bytes, &pe, NULL) == KJ_OK && kj_pe_rva_to_offset(&pe, pe.entry_rva, out);
}

static bool claims_zip(const kj_claims *claims)
{
    for (size_t i = 0; i < claims->count; i++)
        if (claims->formats[i] == &kj_format_zip)
            return true;
    return false;
}

/* Certificates lie in the overlay, at its end or alone. */
static kj_span overlay_of(const kj_pe *pe, kj_span bytes)
{
    if (pe->overlay_offset == 0)
        return (kj_span){0};
    uint64_t certificates = pe->directories[KJ_PE_CERTIFICATES].rva;
    uint64_t end = certificates >= pe->overlay_offset && certificates < pe->file_len ? certificates
                                                                                     : pe->file_len;
    return kj_span_sub(bytes, (size_t)pe->overlay_offset, (size_t)(end - pe->overlay_offset));
}

/* A ZIP behind the program is found in the whole file, by its own row. */
static bool is_worth_a_look(kj_span overlay)
{
    kj_claims claims;
    kj_identify(overlay, &claims);
    kj_kind kind = claims.formats[0]->kind;
    return kind != KJ_KIND_DATA && kind != KJ_KIND_TEXT && !claims_zip(&claims);
}

static kj_status scan_pe(kj_object *object, kj_sink *sink, kj_error *err)
{
    kj_pe pe;
    if (kj_pe_read(object->bytes, &pe, NULL) != KJ_OK)
        return KJ_OK; /* a stump of a program is no news: it cannot run */
    kj_span overlay = overlay_of(&pe, object->bytes);
    if (overlay.len == 0 || !is_worth_a_look(overlay))
        return KJ_OK;
    KJ_TRY(kj_sink_account(sink, overlay.len, err));
    kj_member member = {.name = kj_span_str("overlay"), .size = overlay.len};
    return kj_sink_child(sink, &member, overlay, err);
}

const kj_format kj_format_pe = {
    .name = "pe",
    .title = "Windows program (PE)",
    .kind = KJ_KIND_EXECUTABLE,
    .magics = KJ_MAGICS(KJ_MAGIC(0, "MZ")),
    .probe = probe_pe,
    .scan = scan_pe,
    .entry_point = pe_entry_point,
};

const kj_format kj_format_mz = {
    .name = "mz",
    .title = "DOS program (MZ)",
    .kind = KJ_KIND_EXECUTABLE,
    .magics = KJ_MAGICS(KJ_MAGIC(0, "MZ"), KJ_MAGIC(0, "ZM")),
    .probe = probe_mz,
};
