/* SPDX-License-Identifier: Apache-2.0 */
/* PE and ELF headers, made here field by field. */
#include "tests/test.h"

#include "formats/elf.h"
#include "formats/pe.h"
#include "tests/formats/sink.h"

enum { PE_AT = 0x80, FILE_LEN = 0x800 };

/* A program of two sections: .text at 0x1000, raw 0x400; .data at 0x2000, raw 0x600, 0x100 bytes.
 */
static void make_pe(kj_buf *out, bool is64, uint32_t entry)
{
    kj_buf_clear(out);
    kj_buf_put_text(out, "MZ");
    kj_buf_put_zeros(out, 58);
    kj_buf_put_u32le(out, PE_AT);
    kj_buf_put_zeros(out, PE_AT - 64);
    kj_buf_put(out, kj_span_of("PE\0\0", 4));
    kj_buf_put_u16le(out, is64 ? 0x8664 : 0x14C);
    kj_buf_put_u16le(out, 2);
    kj_buf_put_u32le(out, 0x3FFFFFFF);
    kj_buf_put_zeros(out, 8);
    kj_buf_put_u16le(out, is64 ? 240 : 224);
    kj_buf_put_u16le(out, 0x2102); /* a DLL */
    kj_buf_put_u16le(out, is64 ? 0x20B : 0x10B);
    kj_buf_put_zeros(out, 14);
    kj_buf_put_u32le(out, entry);
    kj_buf_put_zeros(out, is64 ? 4 : 8);
    if (is64)
        kj_buf_put_u64le(out, UINT64_C(0x140000000));
    else
        kj_buf_put_u32le(out, 0x400000);
    kj_buf_put_u32le(out, 0x1000);
    kj_buf_put_u32le(out, 0x200);
    kj_buf_put_zeros(out, 16);
    kj_buf_put_u32le(out, 0x3000);
    kj_buf_put_u32le(out, 0x400);
    kj_buf_put_u32le(out, 0x1234);
    kj_buf_put_u16le(out, 2); /* windows */
    kj_buf_put_u16le(out, 0x8140);
    kj_buf_put_zeros(out, is64 ? 32 : 16);
    kj_buf_put_u32le(out, 0);
    kj_buf_put_u32le(out, 16);
    for (uint32_t i = 0; i < 16; i++) {
        kj_buf_put_u32le(out, i == 1 ? 0x2000 : 0);
        kj_buf_put_u32le(out, i == 1 ? 40 : 0);
    }
    kj_buf_put(out, kj_span_of(".text\0\0\0", 8));
    const uint32_t text[] = {0x180, 0x1000, 0x200, 0x410, 0, 0, 0, 0x60000020};
    for (size_t i = 0; i < sizeof text / sizeof text[0]; i++)
        kj_buf_put_u32le(out, text[i]);
    kj_buf_put(out, kj_span_of("longname", 8));
    const uint32_t data[] = {0x1000, 0x2000, 0x100, 0x600, 0, 0, 0, 0xC0000040};
    for (size_t i = 0; i < sizeof data / sizeof data[0]; i++)
        kj_buf_put_u32le(out, data[i]);
    kj_buf_put_zeros(out, FILE_LEN - out->len);
}

static void reads_pe(void **state)
{
    (void)state;
    kj_buf file;
    kj_buf_init(&file, 1 << 16);
    for (int is64 = 0; is64 < 2; is64++) {
        make_pe(&file, is64, 0x1010);
        kj_pe pe;
        assert_int_equal(kj_pe_read(kj_buf_span(&file), &pe, NULL), KJ_OK);
        assert_int_equal(pe.machine, is64 ? 0x8664 : 0x14C);
        assert_int_equal(pe.is64, is64);
        assert_true(pe.is_dll);
        assert_int_equal(pe.timestamp, 0x3FFFFFFF);
        assert_int_equal(pe.image_base, is64 ? 0x140000000 : 0x400000);
        assert_int_equal(pe.section_alignment, 0x1000);
        assert_int_equal(pe.file_alignment, 0x200);
        assert_int_equal(pe.image_size, 0x3000);
        assert_int_equal(pe.headers_size, 0x400);
        assert_int_equal(pe.checksum, 0x1234);
        assert_int_equal(pe.subsystem, 2);
        assert_int_equal(pe.dll_characteristics, 0x8140);
        assert_int_equal(pe.directories[1].rva, 0x2000);
        assert_int_equal(pe.directories[15].len, 0);
        assert_int_equal(pe.sections_read, 2);
        assert_span(pe.sections[0].name, ".text");
        assert_span(pe.sections[1].name, "longname");
        assert_int_equal(pe.sections[1].characteristics, 0xC0000040);
        assert_int_equal(pe.overlay_offset, 0x700);
    }
    kj_buf_done(&file);
}

static void finds_pe_entry(void **state)
{
    (void)state;
    static const struct {
        uint32_t rva;
        int64_t offset; /* -1: none */
    } entries[] = {
        {0x1010, 0x410}, /* raw offset 0x410 is rounded down to 0x400 */
        {0x117F, 0x57F}, {0x1180, 0x580}, {0x11FF, 0x5FF}, {0x1200, -1}, /* .text, in the file */
        {0x2000, 0x600}, {0x20FF, 0x6FF}, {0x2100, -1}, /* behind .data's raw size */
        {0x10, 0x10},    {0xFFF, -1}, /* headers are mapped as they are, to the file's end */
        {0x7FF, 0x7FF},  {0x9000, -1},
    };
    kj_buf file;
    kj_buf_init(&file, 1 << 16);
    for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++) {
        make_pe(&file, false, entries[i].rva);
        uint64_t offset = 0;
        bool found = kj_format_find("pe")->entry_point(kj_buf_span(&file), &offset);
        assert_int_equal(found, entries[i].offset >= 0);
        if (found)
            assert_int_equal(offset, entries[i].offset);
    }
    kj_buf_done(&file);
}

/* Every prefix, in a block of its own size, and every byte of the headers set to 0xFF. */
static void survives_damage(void **state)
{
    (void)state;
    kj_buf file;
    kj_buf_init(&file, 1 << 16);
    make_pe(&file, true, 0x1010);
    kj_pe pe;
    uint64_t offset;
    for (size_t len = 0; len <= 0x240; len++) {
        uint8_t *copy = test_malloc(len + !len);
        memcpy(copy, file.data, len);
        kj_status status = kj_pe_read(kj_span_of(copy, len), &pe, NULL);
        assert_true(status == KJ_OK || status == KJ_TRUNCATED || status == KJ_MALFORMED);
        (void)kj_format_find("pe")->entry_point(kj_span_of(copy, len), &offset);
        test_free(copy);
    }
    for (size_t i = 0; i < 0x240; i++) {
        uint8_t byte = file.data[i];
        file.data[i] = 0xFF;
        if (kj_format_find("pe")->entry_point(kj_buf_span(&file), &offset))
            assert_true(offset < file.len);
        file.data[i] = byte;
    }
    kj_buf_done(&file);
}

/* A self-extracting program: the archive behind it is a member; filler is none. */
static void hands_out_overlays(void **state)
{
    (void)state;
    static const struct {
        kj_span overlay;
        const char *expected;
    } cases[] = {
        {{(const uint8_t *)"7z\xBC\xAF\x27\x1C rest", 11}, "overlay 267 \"7z\\xbc\\xaf'\\x1c rest"},
        {{(const uint8_t *)"just words", 10}, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        kj_buf file;
        kj_buf_init(&file, 1 << 16);
        make_pe(&file, false, 0x1010);
        memcpy(file.data + 0x700, cases[i].overlay.data, cases[i].overlay.len);
        kj_buf_put(&file, cases[i].overlay);
        kj_object object = {.bytes = kj_buf_span(&file)};
        test_sink sink;
        test_sink_init(&sink);
        assert_int_equal(test_walk(&sink, "pe", &object), KJ_OK);
        assert_int_equal(
            strncmp(kj_buf_text(&sink.log), cases[i].expected, strlen(cases[i].expected)), 0);
        assert_int_equal(sink.log.len > 0, cases[i].expected[0] != '\0');
        test_sink_done(&sink);
        kj_buf_done(&file);
    }
}

/* ---- ELF ----------------------------------------------------------------------------------- */

static void put(kj_buf *out, bool big, size_t width, uint64_t value)
{
    for (size_t i = 0; i < width; i++)
        kj_buf_put_byte(out, (uint8_t)(value >> 8 * (big ? width - 1 - i : i)));
}

/* One segment and one section, both at 0x400000, from offset 0x100. */
static void make_elf(kj_buf *out, bool is64, bool big, unsigned type, uint64_t entry)
{
    size_t wide = is64 ? 8 : 4;
    size_t header = is64 ? 64 : 52;
    size_t segment = is64 ? 56 : 32;
    kj_buf_clear(out);
    kj_buf_put_text(out, "\x7F"
                         "ELF");
    put(out, false, 1, is64 ? 2 : 1);
    put(out, false, 1, big ? 2 : 1);
    put(out, false, 2, 1);
    kj_buf_put_zeros(out, 8);
    put(out, big, 2, type);
    put(out, big, 2, 62);
    put(out, big, 4, 1);
    put(out, big, wide, entry);
    put(out, big, wide, header);
    put(out, big, wide, header + segment);
    put(out, big, 4, 0);
    put(out, big, 2, header);
    put(out, big, 2, segment);
    put(out, big, 2, 1);
    put(out, big, 2, is64 ? 64 : 40);
    put(out, big, 2, 1);
    put(out, big, 2, 0);
    put(out, big, 4, 1); /* the segment */
    put(out, big, is64 ? 4 : 0, 5);
    put(out, big, wide, 0x100);
    put(out, big, wide, 0x400000);
    put(out, big, wide, 0);
    put(out, big, wide, 0x80);
    put(out, big, wide, 0x200);
    put(out, big, is64 ? 0 : 4, 5);
    put(out, big, wide, 0x1000);
    put(out, big, 4, 0); /* the section */
    put(out, big, 4, 1);
    put(out, big, wide, 6);
    put(out, big, wide, 0x400000);
    put(out, big, wide, 0x100);
    put(out, big, wide, 0x80);
    kj_buf_put_zeros(out, 0x400 - out->len);
}

static void finds_elf_entry(void **state)
{
    (void)state;
    static const struct {
        unsigned type;
        uint64_t entry;
        int64_t offset;
    } entries[] = {
        {KJ_ELF_EXEC, 0x400010, 0x110}, {KJ_ELF_EXEC, 0x4001FF, 0x2FF},
        {KJ_ELF_EXEC, 0x400200, -1},    {KJ_ELF_EXEC, 0x3FFFFF, -1},
        {KJ_ELF_EXEC, 0, -1},           {KJ_ELF_DYN, 0x40007F, 0x17F},
        {KJ_ELF_DYN, 0x400080, -1},     {1, 0x400000, 0x100},
    };
    kj_buf file;
    kj_buf_init(&file, 1 << 16);
    for (size_t i = 0; i < 4 * sizeof entries / sizeof entries[0]; i++) {
        size_t n = i / 4;
        make_elf(&file, i & 1, i & 2, entries[n].type, entries[n].entry);
        uint64_t offset = 0;
        bool found = kj_format_find("elf")->entry_point(kj_buf_span(&file), &offset);
        assert_int_equal(found, entries[n].offset >= 0);
        if (found)
            assert_int_equal(offset, entries[n].offset);
    }
    kj_buf_done(&file);
}

static void elf_survives_damage(void **state)
{
    (void)state;
    kj_buf file;
    kj_buf_init(&file, 1 << 16);
    make_elf(&file, true, false, KJ_ELF_EXEC, 0x400010);
    uint64_t offset;
    for (size_t len = 0; len <= 0x140; len++) {
        uint8_t *copy = test_malloc(len + !len);
        memcpy(copy, file.data, len);
        (void)kj_format_find("elf")->entry_point(kj_span_of(copy, len), &offset);
        test_free(copy);
    }
    for (size_t i = 0; i < 0x100; i++) {
        uint8_t byte = file.data[i];
        file.data[i] = 0xFF;
        if (kj_format_find("elf")->entry_point(kj_buf_span(&file), &offset))
            assert_true(offset < file.len);
        file.data[i] = byte;
    }
    kj_buf_done(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_pe),        cmocka_unit_test(finds_pe_entry),
        cmocka_unit_test(survives_damage), cmocka_unit_test(hands_out_overlays),
        cmocka_unit_test(finds_elf_entry), cmocka_unit_test(elf_survives_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
