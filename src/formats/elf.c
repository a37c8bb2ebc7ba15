/* SPDX-License-Identifier: Apache-2.0 */
/* ELF (System V ABI, chapters 4 and 5): identification, header, program and section headers, of 32
 * or 64 bits, in either byte order. The counts are believed as they stand (no PN_XNUM). */
#include "formats/elf.h"

#include "base/arith.h"
#include "formats/rows.h"

enum {
    SEGMENT_LEN_32 = 32,
    SEGMENT_LEN_64 = 56,
    SECTION_LEN_32 = 40,
    SECTION_LEN_64 = 64,
    SECTION_NULL = 0,
    SECTION_NOBITS = 8,
};

static uint16_t read_half(const kj_elf *elf, kj_reader *r)
{
    return elf->big_endian ? kj_read_u16be(r) : kj_read_u16le(r);
}

static uint32_t read_word(const kj_elf *elf, kj_reader *r)
{
    return elf->big_endian ? kj_read_u32be(r) : kj_read_u32le(r);
}

/* An address, offset or size: as wide as the class. */
static uint64_t read_wide(const kj_elf *elf, kj_reader *r)
{
    if (!elf->is64)
        return read_word(elf, r);
    return elf->big_endian ? kj_read_u64be(r) : kj_read_u64le(r);
}

static bool read_ident(kj_reader *r, kj_elf *elf)
{
    kj_span magic = kj_read_span(r, 4);
    uint8_t class = kj_read_u8(r);
    uint8_t order = kj_read_u8(r);
    kj_skip(r, 1);
    elf->os_abi = kj_read_u8(r);
    kj_skip(r, 8);
    elf->is64 = class == 2;
    elf->big_endian = order == 2;
    return kj_reader_ok(r) &&
           kj_span_is(magic, "\x7F"
                             "ELF") &&
           (class == 1 || class == 2) && (order == 1 || order == 2);
}

kj_status kj_elf_read(kj_span bytes, kj_elf *out, kj_error *err)
{
    kj_reader r = kj_reader_of(bytes);
    kj_elf elf = {0};
    if (!read_ident(&r, &elf))
        return kj_fail(err, KJ_MALFORMED, 0, "no ELF identification of a known class");
    elf.type = read_half(&elf, &r);
    elf.machine = read_half(&elf, &r);
    kj_skip(&r, 4); /* version */
    elf.entry = read_wide(&elf, &r);
    elf.segment_table = read_wide(&elf, &r);
    elf.section_table = read_wide(&elf, &r);
    kj_skip(&r, 8); /* flags, size of this header, of a program header */
    elf.segment_count = read_half(&elf, &r);
    kj_skip(&r, 2); /* size of a section header */
    elf.section_count = read_half(&elf, &r);
    if (!kj_reader_ok(&r))
        return kj_fail(err, KJ_TRUNCATED, r.pos, "the ELF header ends early");
    *out = elf;
    return KJ_OK;
}

/* A reader on the i-th header of a table; it fails when the table leaves the file. */
static kj_reader entry_at(kj_span bytes, uint64_t table, size_t i, size_t len)
{
    kj_reader r = kj_reader_of(bytes);
    kj_seek(&r, table);
    kj_skip(&r, (uint64_t)i * len);
    return kj_read_sub(&r, len);
}

bool kj_elf_segment(const kj_elf *elf, kj_span bytes, size_t i, kj_elf_range *out)
{
    if (i >= elf->segment_count)
        return false;
    kj_reader r =
        entry_at(bytes, elf->segment_table, i, elf->is64 ? SEGMENT_LEN_64 : SEGMENT_LEN_32);
    kj_elf_range range = {.type = read_word(elf, &r)};
    kj_skip(&r, elf->is64 ? 4 : 0); /* flags */
    range.offset = read_wide(elf, &r);
    range.address = read_wide(elf, &r);
    (void)read_wide(elf, &r); /* physical address */
    (void)read_wide(elf, &r); /* size in the file */
    range.memory_size = read_wide(elf, &r);
    if (!kj_reader_ok(&r))
        return false;
    *out = range;
    return true;
}

bool kj_elf_section(const kj_elf *elf, kj_span bytes, size_t i, kj_elf_range *out)
{
    if (i >= elf->section_count)
        return false;
    kj_reader r =
        entry_at(bytes, elf->section_table, i, elf->is64 ? SECTION_LEN_64 : SECTION_LEN_32);
    kj_skip(&r, 4); /* name */
    kj_elf_range range = {.type = read_word(elf, &r)};
    (void)read_wide(elf, &r); /* flags */
    range.address = read_wide(elf, &r);
    range.offset = read_wide(elf, &r);
    range.memory_size = read_wide(elf, &r);
    if (!kj_reader_ok(&r))
        return false;
    *out = range;
    return true;
}

static bool holds(const kj_elf_range *range, uint64_t address)
{
    return address >= range->address && address - range->address < range->memory_size;
}

/* Source: libyara's elf_rva_to_offset(): the first segment that holds it, whatever its type; no
 * answer at all when the table does not lie in the file. */
bool kj_elf_address_to_offset(const kj_elf *elf, kj_span bytes, uint64_t address, uint64_t *out)
{
    bool segments = elf->type == KJ_ELF_EXEC;
    uint16_t count = segments ? elf->segment_count : elf->section_count;
    bool (*read)(const kj_elf *, kj_span, size_t, kj_elf_range *) =
        segments ? kj_elf_segment : kj_elf_section;
    kj_elf_range range;
    if (count == 0 || (segments ? elf->segment_table : elf->section_table) == 0 ||
        !read(elf, bytes, count - 1u, &range))
        return false;
    for (size_t i = 0; i < count && read(elf, bytes, i, &range); i++) {
        bool counts = segments || (range.type != SECTION_NULL && range.type != SECTION_NOBITS);
        if (counts && holds(&range, address))
            return !__builtin_add_overflow(range.offset, address - range.address, out);
    }
    return false;
}

static unsigned probe(kj_span bytes)
{
    kj_reader r = kj_reader_of(bytes);
    kj_elf elf;
    return read_ident(&r, &elf) ? 46 : 0;
}

static bool entry_point(kj_span bytes, uint64_t *out)
{
    kj_elf elf;
    return kj_elf_read(bytes, &elf, NULL) == KJ_OK && elf.entry != 0 &&
           kj_elf_address_to_offset(&elf, bytes, elf.entry, out) && *out < bytes.len;
}

const kj_format kj_format_elf = {
    .name = "elf",
    .title = "ELF program or library",
    .kind = KJ_KIND_EXECUTABLE,
    .magics = KJ_MAGICS(KJ_MAGIC(0, "\x7F"
                                    "ELF")),
    .probe = probe,
    .entry_point = entry_point,
};
