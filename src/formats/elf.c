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
    SYMBOL_LEN_32 = 16,
    SYMBOL_LEN_64 = 24,
    DYNAMIC_LEN_32 = 8,
    DYNAMIC_LEN_64 = 16,
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
    kj_skip(&r, 6); /* flags, size of this header */
    elf.segment_len = read_half(&elf, &r);
    elf.segment_count = read_half(&elf, &r);
    elf.section_len = read_half(&elf, &r);
    elf.section_count = read_half(&elf, &r);
    elf.names_section = read_half(&elf, &r);
    if (!kj_reader_ok(&r))
        return kj_fail(err, KJ_TRUNCATED, r.pos, "the ELF header ends early");
    *out = elf;
    return KJ_OK;
}

/* A reader on the i-th entry of a table; it fails when that leaves the bytes. */
static kj_reader entry_at(kj_span bytes, uint64_t table, size_t i, size_t len)
{
    kj_reader r = kj_reader_of(bytes);
    kj_seek(&r, table);
    kj_skip(&r, (uint64_t)i * len);
    return kj_read_sub(&r, len);
}

bool kj_elf_read_segment(const kj_elf *elf, kj_span bytes, size_t i, kj_elf_segment *out)
{
    if (i >= elf->segment_count)
        return false;
    kj_reader r =
        entry_at(bytes, elf->segment_table, i, elf->is64 ? SEGMENT_LEN_64 : SEGMENT_LEN_32);
    kj_elf_segment segment = {.type = read_word(elf, &r)};
    if (elf->is64)
        segment.flags = read_word(elf, &r);
    segment.offset = read_wide(elf, &r);
    segment.address = read_wide(elf, &r);
    segment.physical_address = read_wide(elf, &r);
    segment.file_size = read_wide(elf, &r);
    segment.memory_size = read_wide(elf, &r);
    if (!elf->is64)
        segment.flags = read_word(elf, &r);
    segment.alignment = read_wide(elf, &r);
    if (!kj_reader_ok(&r))
        return false;
    *out = segment;
    return true;
}

bool kj_elf_read_section(const kj_elf *elf, kj_span bytes, size_t i, kj_elf_section *out)
{
    if (i >= elf->section_count)
        return false;
    kj_reader r =
        entry_at(bytes, elf->section_table, i, elf->is64 ? SECTION_LEN_64 : SECTION_LEN_32);
    kj_elf_section section = {.name = read_word(elf, &r)};
    section.type = read_word(elf, &r);
    section.flags = read_wide(elf, &r);
    section.address = read_wide(elf, &r);
    section.offset = read_wide(elf, &r);
    section.size = read_wide(elf, &r);
    section.link = read_word(elf, &r);
    if (!kj_reader_ok(&r))
        return false;
    *out = section;
    return true;
}

size_t kj_elf_symbol_len(const kj_elf *elf)
{
    return elf->is64 ? SYMBOL_LEN_64 : SYMBOL_LEN_32;
}

bool kj_elf_read_symbol(const kj_elf *elf, kj_span table, size_t i, kj_elf_symbol *out)
{
    kj_reader r = entry_at(table, 0, i, kj_elf_symbol_len(elf));
    kj_elf_symbol symbol = {.name = read_word(elf, &r)};
    if (!elf->is64) {
        symbol.value = read_word(elf, &r);
        symbol.size = read_word(elf, &r);
    }
    uint8_t info = kj_read_u8(&r);
    symbol.type = info & 15;
    symbol.bind = info >> 4;
    symbol.visibility = kj_read_u8(&r) & 3;
    symbol.section = read_half(elf, &r);
    if (elf->is64) {
        symbol.value = read_wide(elf, &r);
        symbol.size = read_wide(elf, &r);
    }
    if (!kj_reader_ok(&r))
        return false;
    *out = symbol;
    return true;
}

bool kj_elf_read_dynamic(const kj_elf *elf, kj_span table, size_t i, kj_elf_dynamic *out)
{
    kj_reader r = entry_at(table, 0, i, elf->is64 ? DYNAMIC_LEN_64 : DYNAMIC_LEN_32);
    kj_elf_dynamic entry = {.tag = read_wide(elf, &r)};
    entry.value = read_wide(elf, &r);
    if (!kj_reader_ok(&r))
        return false;
    *out = entry;
    return true;
}

/* Source: libyara's str_table_entry(), for which offsets are signed. */
bool kj_elf_find_string(kj_span table, uint32_t offset, kj_span *out)
{
    if (table.len == 0 || table.data[0] != 0 || offset > INT32_MAX)
        return false;
    kj_span rest = kj_span_sub(table, offset, table.len);
    const uint8_t *nul = rest.len ? memchr(rest.data, 0, rest.len) : NULL;
    if (!nul)
        return false;
    *out = kj_span_sub(rest, 0, (size_t)(nul - rest.data));
    return true;
}

/* A range of addresses and where it lies in the file. */
typedef struct range {
    uint64_t address;
    uint64_t len;
    uint64_t offset;
} range;

/* The i-th one that counts for addresses; an empty one when this does not. False: no such entry. */
static bool read_range(const kj_elf *elf, kj_span bytes, size_t i, range *out)
{
    kj_elf_segment segment;
    kj_elf_section section;
    if (elf->type == KJ_ELF_EXEC) {
        if (!kj_elf_read_segment(elf, bytes, i, &segment))
            return false;
        *out = (range){segment.address, segment.memory_size, segment.offset};
        return true;
    }
    if (!kj_elf_read_section(elf, bytes, i, &section))
        return false;
    bool has_bytes = section.type != KJ_ELF_SECTION_NULL && section.type != KJ_ELF_SECTION_NOBITS;
    *out = (range){section.address, has_bytes ? section.size : 0, section.offset};
    return true;
}

/* A range that wraps round the end of the address space holds nothing. */
static bool holds(const kj_elf *elf, const range *held, uint64_t address)
{
    uint64_t end = held->address + held->len;
    return address >= held->address && address < (elf->is64 ? end : (uint32_t)end);
}

/* Source: libyara's elf_rva_to_offset(): the first segment that holds it, whatever its type; no
 * answer at all when the table does not lie in the file. */
bool kj_elf_address_to_offset(const kj_elf *elf, kj_span bytes, uint64_t address, uint64_t *out)
{
    bool segments = elf->type == KJ_ELF_EXEC;
    size_t count = segments ? elf->segment_count : elf->section_count;
    range held;
    if (count == 0 || (segments ? elf->segment_table : elf->section_table) == 0 ||
        !read_range(elf, bytes, count - 1, &held))
        return false;
    for (size_t i = 0; i < count && read_range(elf, bytes, i, &held); i++)
        if (holds(elf, &held, address))
            return !__builtin_add_overflow(held.offset, address - held.address, out);
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
