/* SPDX-License-Identifier: Apache-2.0 */
/* The modules `elf`, `macho` and `dex` over files made here field by field, and over files that are
 * made to keep a scanner busy. What they say of ordinary files is compared with YARA by
 * programs.py. */
#include "base/arith.h"
#include "base/buf.h"
#include "modules/module.h"
#include "tests/modules/subject.h"
#include "tests/test.h"

static const kj_module *const modules[] = {&kj_module_elf, &kj_module_macho, &kj_module_dex};

/* Every regular expression stands for "a text with an x". */
static bool matches(const kj_field_call *call, kj_value regex, kj_span text)
{
    (void)call;
    (void)regex;
    return text.len && memchr(text.data, 'x', text.len);
}

static const kj_field *find_row(const kj_module *module, const char *path, const char *params)
{
    for (size_t i = 0; i < module->schema.count; i++) {
        const kj_field *row = &module->schema.fields[i];
        if (strcmp(row->path, path) == 0 &&
            (!params || (row->params && strcmp(row->params, params) == 0)))
            return row;
    }
    fail_msg("no field %s", path);
    return NULL;
}

/* `a`, `b`: the first indices in the path; a third is 0. */
static kj_value ask(subject *s, const kj_module *module, const char *path, int64_t a, int64_t b)
{
    const kj_value args[] = {kj_value_int(a), kj_value_int(b), kj_value_int(0)};
    size_t count = 0;
    for (const char *at = path; (at = strstr(at, "[]")) && at[2]; at += 2)
        count++;
    return ask_module(s, module, find_row(module, path, NULL)->id, args, count);
}

static void expect(subject *s, const kj_module *module, const char *path, int64_t value)
{
    kj_value is = ask(s, module, path, 0, 0);
    assert_int_equal(is.type, KJ_TYPE_INT);
    assert_int_equal(is.integer, value);
}

static void expect_none(subject *s, const kj_module *module, const char *path)
{
    assert_int_equal(ask(s, module, path, 0, 0).type, KJ_TYPE_UNDEFINED);
}

static void put_words(kj_buf *out, const uint32_t *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        kj_buf_put_u32le(out, words[i]);
}
#define PUT_WORDS(out, ...)                                                                        \
    put_words((out), (const uint32_t[]){__VA_ARGS__},                                              \
              sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

/* ---- ELF ----------------------------------------------------------------------------------- */

/* The header of a 32-bit library; tables follow it at once, sections first. */
static void put_elf(kj_buf *out, uint16_t sections, uint16_t names, uint16_t segments)
{
    enum { HEADER_LEN = 52, SECTION_LEN = 40 };
    kj_buf_put(out, kj_span_of("\x7F"
                               "ELF\1\1\1\0\0\0\0\0\0\0\0\0",
                               16));
    kj_buf_put_u16le(out, 3);
    kj_buf_put_u16le(out, 8);
    PUT_WORDS(out, 1, 0, HEADER_LEN + (uint32_t)sections * SECTION_LEN, HEADER_LEN, 0);
    const uint16_t rest[] = {HEADER_LEN, 32, segments, SECTION_LEN, sections, names};
    for (size_t i = 0; i < KJ_COUNT(rest); i++)
        kj_buf_put_u16le(out, rest[i]);
}

static void put_section(kj_buf *out, uint32_t name, uint32_t type, uint32_t offset, uint32_t size,
                        uint32_t link)
{
    PUT_WORDS(out, name, type, 0, 0, offset, size, link, 0, 1, 0);
}

static void tells_of_an_elf_library(void **state)
{
    (void)state;
    subject s;
    open_subject(&s, 1 << 20, matches);
    enum { STRINGS = 52 + 3 * 40 + 32, SYMBOLS = STRINGS + 16 };
    put_elf(&s.bytes, 3, 1, 1);
    put_section(&s.bytes, 0, 0, 0, 0, 0);
    put_section(&s.bytes, 1, 3, STRINGS, 16, 0);
    put_section(&s.bytes, 6, 2, SYMBOLS, 32, 1);
    PUT_WORDS(&s.bytes, 2, SYMBOLS + 32, 0x1000, 0x2000, 64, 128, 6, 8);
    kj_buf_put(&s.bytes, kj_span_of("\0name\0Symbols\0\0\0", 16));
    PUT_WORDS(&s.bytes, 6, 0x1234, 8, 0x00000012); /* global, a function, section 0 */
    PUT_WORDS(&s.bytes, 99, 1, 2, 0xFFF10211);     /* its name leaves the strings; hidden */
    PUT_WORDS(&s.bytes, 1, 7, 0, 0);

    expect(&s, &kj_module_elf, "type", 3);
    expect(&s, &kj_module_elf, "machine", 8);
    expect_none(&s, &kj_module_elf, "entry_point");
    expect(&s, &kj_module_elf, "number_of_sections", 3);
    expect(&s, &kj_module_elf, "sh_entry_size", 40);
    expect(&s, &kj_module_elf, "sections[]", 3);
    assert_span(ask(&s, &kj_module_elf, "sections[].name", 2, 0).text, "Symbols");
    expect(&s, &kj_module_elf, "segments[].flags", 6);
    expect(&s, &kj_module_elf, "segments[].physical_address", 0x2000);
    expect(&s, &kj_module_elf, "dynamic_section_entries", 2);
    assert_int_equal(ask(&s, &kj_module_elf, "dynamic[].val", 0, 0).integer, 7);
    expect(&s, &kj_module_elf, "symtab_entries", 2);
    assert_span(ask(&s, &kj_module_elf, "symtab[].name", 0, 0).text, "Symbols");
    assert_int_equal(ask(&s, &kj_module_elf, "symtab[].name", 1, 0).type, KJ_TYPE_UNDEFINED);
    assert_int_equal(ask(&s, &kj_module_elf, "symtab[].shndx", 1, 0).integer, 0xFFF1);
    assert_int_equal(ask(&s, &kj_module_elf, "symtab[].visibility", 1, 0).integer, 2);
    expect_none(&s, &kj_module_elf, "dynsym_entries");
    expect(&s, &kj_module_elf, "dynsym[]", 0);
    /* Too little for a digest of that kind, which is then empty; "symbols" in MD5. */
    assert_span(ask(&s, &kj_module_elf, "telfhash()", 0, 0).text, "");
    assert_span(ask(&s, &kj_module_elf, "import_md5()", 0, 0).text,
                "5503577415fc1d8d6b3818212a1745bc");
    close_subject(&s);
}

/* 60,000 sections, each of which has its name's end to look for in all of the file. */
static void long_names_are_paid(void **state)
{
    (void)state;
    enum { COUNT = 60000, FILL = 1 << 20 };
    subject s;
    open_subject(&s, 1 << 20, matches);
    put_elf(&s.bytes, COUNT, 1, 0);
    for (size_t i = 0; i < COUNT; i++)
        put_section(&s.bytes, 1, 1, 52 + COUNT * 40, 0, 0);
    kj_buf_put_byte(&s.bytes, 0);
    memset(kj_buf_reserve(&s.bytes, FILL), 'a', FILL);
    kj_buf_added(&s.bytes, FILL);
    s.budget = 16 << 20;
    for (int64_t i = 0; i < COUNT && s.paid <= s.budget; i++)
        assert_int_equal(ask(&s, &kj_module_elf, "sections[].name", i, 0).type, KJ_TYPE_UNDEFINED);
    assert_true(s.paid > s.budget);
    close_subject(&s);
}

/* Symbols by the ten thousand with one long name: a digest of all would be of 10 GiB. */
static void digests_have_a_limit(void **state)
{
    (void)state;
    enum { COUNT = 40000, NAME = 256 << 10, STRINGS = 52 + 3 * 40, SYMBOLS = STRINGS + NAME + 2 };
    subject s;
    open_subject(&s, 8 << 20, matches);
    put_elf(&s.bytes, 3, 1, 0);
    put_section(&s.bytes, 0, 0, 0, 0, 0);
    put_section(&s.bytes, 0, 3, STRINGS, NAME + 2, 0);
    put_section(&s.bytes, 0, 11, SYMBOLS, COUNT * 16, 1);
    kj_buf_put_byte(&s.bytes, 0);
    memset(kj_buf_reserve(&s.bytes, NAME), 'a', NAME);
    kj_buf_added(&s.bytes, NAME);
    kj_buf_put_byte(&s.bytes, 0);
    for (size_t i = 0; i < COUNT; i++)
        PUT_WORDS(&s.bytes, 1, 0, 0, 0x12);
    s.budget = 64 << 20;
    expect(&s, &kj_module_elf, "dynsym_entries", COUNT);
    expect_none(&s, &kj_module_elf, "telfhash()");
    expect_none(&s, &kj_module_elf, "import_md5()");
    assert_in_range(s.paid, s.budget, 2 * s.budget);
    close_subject(&s);
}

/* ---- Mach-O -------------------------------------------------------------------------------- */

enum { MACHO_LEN = 32 + 152 + 24 };

/* A 64-bit program with a segment of one section. */
static void put_macho(kj_buf *out, uint32_t cpu_type)
{
    PUT_WORDS(out, 0xFEEDFACF, cpu_type, 3, 2, 2, 152 + 24, 0x85, 0);
    PUT_WORDS(out, 0x19, 152);
    kj_buf_put(out, kj_span_of("__TEXT\0\0\0\0\0\0\0\0\0\0", 16));
    PUT_WORDS(out, 0x1000, 1, 0x2000, 0, 0x100, 0, 0x80, 0, 7, 5, 1, 4);
    kj_buf_put(out, kj_span_of("__sixteen_bytes_", 16));
    kj_buf_put(out, kj_span_of("__TEXT\0\0\0\0\0\0\0\0\0\0", 16));
    PUT_WORDS(out, 0x1010, 1, 0x10, 0, 0x110, 4, 0, 0, 0x80000400, 1, 2, 3);
    PUT_WORDS(out, 0x80000028, 24, 0x1234, 0, 0x8000, 0);
}

static void put_u32be(kj_buf *out, uint32_t value)
{
    kj_buf_put_u32le(out, __builtin_bswap32(value));
}

static void put_arch(kj_buf *out, uint32_t cpu_type, uint32_t offset, uint32_t size)
{
    const uint32_t words[] = {cpu_type, 3, offset, size, 2};
    for (size_t i = 0; i < KJ_COUNT(words); i++)
        put_u32be(out, words[i]);
}

static void tells_of_a_macho_program(void **state)
{
    (void)state;
    subject s;
    open_subject(&s, 1 << 20, matches);
    put_macho(&s.bytes, 7);
    assert_int_equal(s.bytes.len, MACHO_LEN);
    expect(&s, &kj_module_macho, "magic", 0xCFFAEDFE); /* as the bytes stand */
    expect(&s, &kj_module_macho, "cputype", 7);
    expect(&s, &kj_module_macho, "reserved", 0);
    expect(&s, &kj_module_macho, "number_of_segments", 1);
    expect(&s, &kj_module_macho, "segments[].vmaddr", 0x100001000);
    expect(&s, &kj_module_macho, "segments[].sections[]", 1);
    assert_span(ask(&s, &kj_module_macho, "segments[].sections[].sectname", 0, 0).text,
                "__sixteen_bytes_");
    assert_span(ask(&s, &kj_module_macho, "segments[].sections[].segname", 0, 0).text, "__TEXT");
    expect(&s, &kj_module_macho, "segments[].sections[].reserved3", 3);
    expect(&s, &kj_module_macho, "entry_point", 0x1234);
    expect(&s, &kj_module_macho, "stack_size", 0x8000);
    expect_none(&s, &kj_module_macho, "fat_magic");
    expect(&s, &kj_module_macho, "file[]", 0);
    expect_none(&s, &kj_module_macho, "file[].magic");
    close_subject(&s);
}

static kj_value for_arch(subject *s, const char *function, int64_t type, int64_t subtype)
{
    const kj_value args[] = {kj_value_int(type), kj_value_int(subtype)};
    const kj_field *one = find_row(&kj_module_macho, function, "i");
    const kj_field *two = find_row(&kj_module_macho, function, "ii");
    kj_value value = ask_module(s, &kj_module_macho, two->id, args, 2);
    if (subtype == 3) { /* that of all programs here */
        kj_value by_type = ask_module(s, &kj_module_macho, one->id, args, 1);
        assert_int_equal(by_type.type, value.type);
        assert_int_equal(by_type.integer, value.integer);
    }
    return value;
}

static void tells_of_a_universal_file(void **state)
{
    (void)state;
    subject s;
    open_subject(&s, 1 << 20, matches);
    enum { FIRST = 8 + 3 * 20 };
    put_u32be(&s.bytes, 0xCAFEBABE);
    put_u32be(&s.bytes, 3);
    put_arch(&s.bytes, 7, FIRST, MACHO_LEN);
    put_arch(&s.bytes, 12, FIRST + MACHO_LEN, 32); /* no commands */
    put_arch(&s.bytes, 18, FIRST + MACHO_LEN, 33); /* leaves the file */
    put_macho(&s.bytes, 7);
    PUT_WORDS(&s.bytes, 0xFEEDFACE, 12, 3, 1, 0, 0, 0, 0);
    expect(&s, &kj_module_macho, "fat_magic", 0xCAFEBABE);
    expect(&s, &kj_module_macho, "nfat_arch", 3);
    expect(&s, &kj_module_macho, "fat_arch[]", 3);
    expect(&s, &kj_module_macho, "file[]", 2);
    expect_none(&s, &kj_module_macho, "magic");
    for (int turn = 0; turn < 2; turn++) { /* the one that is kept changes */
        expect(&s, &kj_module_macho, "file[].entry_point", 0x1234);
        assert_int_equal(ask(&s, &kj_module_macho, "file[].magic", 1, 0).integer, 0xCEFAEDFE);
        assert_int_equal(ask(&s, &kj_module_macho, "file[].reserved", 1, 0).type,
                         KJ_TYPE_UNDEFINED);
        assert_int_equal(ask(&s, &kj_module_macho, "file[].magic", 2, 0).type, KJ_TYPE_UNDEFINED);
    }
    assert_int_equal(for_arch(&s, "file_index_for_arch()", 12, 3).integer, 1);
    assert_int_equal(for_arch(&s, "file_index_for_arch()", 18, 3).type, KJ_TYPE_UNDEFINED);
    assert_int_equal(for_arch(&s, "file_index_for_arch()", 12, 4).type, KJ_TYPE_UNDEFINED);
    assert_int_equal(for_arch(&s, "entry_point_for_arch()", 7, 3).integer, FIRST + 0x1234);
    assert_int_equal(for_arch(&s, "entry_point_for_arch()", 12, 3).type, KJ_TYPE_UNDEFINED);
    assert_int_equal(for_arch(&s, "entry_point_for_arch()", -1, -1).type, KJ_TYPE_UNDEFINED);
    close_subject(&s);
}

/* Programs by the thousand, each of them the whole file, which reads as commands. */
static void programs_in_one_another_are_paid(void **state)
{
    (void)state;
    enum { COUNT = 5000 };
    subject s;
    open_subject(&s, 64 << 20, matches);
    put_u32be(&s.bytes, 0xCAFEBABE);
    put_u32be(&s.bytes, COUNT);
    for (size_t i = 0; i < COUNT; i++)
        put_arch(&s.bytes, 7, 0, 8 + COUNT * 20);
    s.budget = 8 << 20;
    int64_t known = 0;
    for (int64_t i = 0; i < COUNT; i++)
        known += ask(&s, &kj_module_macho, "file[].segments[]", i, 0).type == KJ_TYPE_INT;
    assert_int_equal(known, COUNT);
    assert_int_equal(ask(&s, &kj_module_macho, "file[].ncmds", COUNT - 1, 0).type,
                     KJ_TYPE_UNDEFINED);
    assert_true(s.paid > s.budget);
    close_subject(&s);
}

/* ---- DEX ----------------------------------------------------------------------------------- */

enum { DEX_HEADER_LEN = 112 };

/* `tables`: count and offset of strings, types, prototypes, fields, methods, classes. */
static void put_dex(kj_buf *out, const uint32_t tables[12])
{
    kj_buf_put(out, kj_span_of("dex\n039\0", 8));
    PUT_WORDS(out, 0x11223344, 1, 2, 3, 4, 5); /* checksum, signature */
    PUT_WORDS(out, 0, DEX_HEADER_LEN, 0x12345678, 0, 0, 0);
    put_words(out, tables, 12);
    PUT_WORDS(out, 0, 0);
}

/* A class with a method "x" of class "Lx;", twice, the second of which has no entry in the table.
 */
static void tells_of_a_dex_file(void **state)
{
    (void)state;
    subject s;
    open_subject(&s, 1 << 20, matches);
    enum {
        TYPES = DEX_HEADER_LEN + 12,
        METHODS = TYPES + 4,
        CLASSES = METHODS + 8,
        CONTENT = CLASSES + 32,
        TEXTS = CONTENT + 12
    };
    const uint32_t tables[12] = {3, DEX_HEADER_LEN, 1, TYPES, 0, 0, 0, 0, 1, METHODS, 1, CLASSES};
    put_dex(&s.bytes, tables);
    PUT_WORDS(&s.bytes, TEXTS, TEXTS + 4, 0x7FFFFFFF);
    PUT_WORDS(&s.bytes, 1);
    kj_buf_put(&s.bytes, kj_span_of("\0\0\0\0\0\0\0\0", 8)); /* class 0, prototype 0, string 0 */
    PUT_WORDS(&s.bytes, 0, 1, 0xFFFFFFFF, 0, 0, 0, CONTENT, 0);
    kj_buf_put(&s.bytes, kj_span_of("\0\0\0\2" /* virtual methods */
                                    "\0\1\0"
                                    "\1\x80\x02\0\0",
                                    12));
    kj_buf_put(&s.bytes, kj_span_of("\1x\0\0\3Lx;\0\0\0\0", 12));
    expect(&s, &kj_module_dex, "header.checksum", 0x11223344);
    expect(&s, &kj_module_dex, "string_ids[]", 2); /* the last leaves the file */
    assert_span(ask(&s, &kj_module_dex, "string_ids[].value", 1, 0).text, "Lx;");
    expect(&s, &kj_module_dex, "class_data_item[].virtual_methods_size", 2);
    expect(&s, &kj_module_dex, "number_of_methods", 1);
    expect(&s, &kj_module_dex, "method[]", 2);
    assert_span(ask(&s, &kj_module_dex, "method[].class_name", 0, 0).text, "Lx;");
    expect(&s, &kj_module_dex, "method[].virtual", 1);
    assert_int_equal(ask(&s, &kj_module_dex, "method[].access_flags", 1, 0).integer, 256);
    assert_int_equal(ask(&s, &kj_module_dex, "method[].name", 1, 0).type, KJ_TYPE_UNDEFINED);
    expect_none(&s, &kj_module_dex, "method[].proto");
    expect_none(&s, &kj_module_dex, "map_list.size");
    kj_value magic = ask(&s, &kj_module_dex, "header.magic", 0, 0);
    assert_true(
        kj_span_equal(magic.text, ask(&s, &kj_module_dex, "DEX_FILE_MAGIC_039", 0, 0).text));
    const kj_value texts[] = {kj_value_text(kj_span_str("Lx;")), kj_value_text(kj_span_str("x"))};
    const kj_value regexes[] = {{.type = KJ_TYPE_REGEX}, {.type = KJ_TYPE_REGEX}};
    static const struct {
        const char *path, *params;
        bool regex;
        size_t first;
        int64_t value;
    } calls[] = {
        {"has_method()", "s", false, 1, 1},  {"has_method()", "s", false, 0, 0},
        {"has_method()", "ss", false, 0, 1}, {"has_method()", "r", true, 0, 1},
        {"has_method()", "rr", true, 0, 1},  {"has_class()", "s", false, 0, 1},
        {"has_class()", "s", false, 1, 0},   {"has_class()", "r", true, 0, 1},
    };
    for (size_t i = 0; i < KJ_COUNT(calls); i++) {
        const kj_field *row = find_row(&kj_module_dex, calls[i].path, calls[i].params);
        const kj_value *args = calls[i].regex ? regexes : texts + calls[i].first;
        kj_value value = ask_module(&s, &kj_module_dex, row->id, args, strlen(calls[i].params));
        assert_int_equal(value.type, KJ_TYPE_INT);
        assert_int_equal(value.integer, calls[i].value);
    }
    close_subject(&s);
}

/* 3,000 classes, all of the same 5,000 methods. */
static void methods_have_a_limit(void **state)
{
    (void)state;
    enum { CLASSES = 3000, METHODS = 5000, TABLE = DEX_HEADER_LEN + 8 };
    subject s;
    open_subject(&s, 64 << 20, matches);
    const uint32_t tables[12] = {0, 0, 0, 0, 0, 0, 0, 0, 1, DEX_HEADER_LEN, CLASSES, TABLE};
    put_dex(&s.bytes, tables);
    PUT_WORDS(&s.bytes, 0, 0);
    for (size_t i = 0; i < CLASSES; i++)
        PUT_WORDS(&s.bytes, 0, 0, 0, 0, 0, 0, TABLE + CLASSES * 32, 0);
    kj_buf_put(&s.bytes, kj_span_of("\0\0\x88\x27\0", 5)); /* direct methods */
    kj_buf_put_zeros(&s.bytes, METHODS * 3 + 16);
    expect_none(&s, &kj_module_dex, "number_of_methods");
    assert_in_range(ask(&s, &kj_module_dex, "method[]", 0, 0).integer, 100000, 1 << 17);
    assert_int_equal(ask(&s, &kj_module_dex, "method[].direct", 99999, 0).integer, 1);
    assert_in_range(ask(&s, &kj_module_dex, "class_defs[]", 0, 0).integer, 20, CLASSES);
    close_subject(&s);
}

/* ---- all of them --------------------------------------------------------------------------- */

static void put_one_of_each(kj_buf *out, size_t kind)
{
    const uint32_t none[12] = {0};
    kj_buf_clear(out);
    if (kind == 0)
        put_elf(out, 2, 1, 0);
    if (kind == 1)
        put_macho(out, 7);
    if (kind == 2)
        put_dex(out, none);
    kj_buf_put_zeros(out, 100);
}

/* Damaged definitions ask for anything, with anything. */
static void nonsense_is_undefined(void **state)
{
    (void)state;
    const kj_value args[] = {kj_value_int(-1),        kj_value_int(INT64_MAX),
                             kj_value_undefined(),    kj_value_text(kj_span_str("x")),
                             {.type = KJ_TYPE_REGEX}, kj_value_int(0),
                             kj_value_int(INT64_MIN)};
    for (size_t kind = 0; kind < KJ_COUNT(modules); kind++) {
        subject s;
        open_subject(&s, 1 << 20, matches);
        put_one_of_each(&s.bytes, kind);
        for (uint16_t field = 0; field < 300; field++)
            for (size_t i = 0; i + 4 <= KJ_COUNT(args); i++)
                for (size_t count = 0; count <= 4; count++)
                    (void)ask_module(&s, modules[kind], field, args + i, count);
        for (size_t i = 0; i < KJ_COUNT(modules); i++)
            if (i != kind)
                expect_none(&s, modules[i], i == 2 ? "header.checksum" : "number_of_segments");
        close_subject(&s);
    }
}

static void without_memory_nothing_is_known(void **state)
{
    (void)state;
    static const char *const paths[] = {"telfhash()", "segments[].segname", "header.file_size"};
    for (size_t kind = 0; kind < KJ_COUNT(modules); kind++) {
        subject s;
        open_subject(&s, 16, matches);
        put_one_of_each(&s.bytes, kind);
        expect_none(&s, modules[kind], paths[kind]);
        close_subject(&s);
    }
}

static void every_prefix_is_survived(void **state)
{
    (void)state;
    for (size_t kind = 0; kind < KJ_COUNT(modules); kind++)
        for (size_t len = 0; len < 300; len += 3) {
            subject s;
            open_subject(&s, 1 << 20, matches);
            put_one_of_each(&s.bytes, kind);
            s.bytes.len = kj_min_size(len, s.bytes.len);
            const kj_schema *schema = &modules[kind]->schema;
            for (size_t i = 0; i < schema->count; i++)
                if (!schema->fields[i].is_constant && !schema->fields[i].params)
                    (void)ask(&s, modules[kind], schema->fields[i].path, 0, 0);
            close_subject(&s);
        }
}

static void numbers_are_unique(void **state)
{
    (void)state;
    for (size_t kind = 0; kind < KJ_COUNT(modules); kind++) {
        const kj_schema *schema = &modules[kind]->schema;
        for (size_t i = 0; i < schema->count; i++)
            for (size_t k = 0; k < i; k++) {
                const kj_field *a = &schema->fields[i], *b = &schema->fields[k];
                assert_true(a->is_constant || a->id != b->id);
                assert_true(a->params || strcmp(a->path, b->path) != 0);
            }
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_of_an_elf_library),
        cmocka_unit_test(long_names_are_paid),
        cmocka_unit_test(digests_have_a_limit),
        cmocka_unit_test(tells_of_a_macho_program),
        cmocka_unit_test(tells_of_a_universal_file),
        cmocka_unit_test(programs_in_one_another_are_paid),
        cmocka_unit_test(tells_of_a_dex_file),
        cmocka_unit_test(methods_have_a_limit),
        cmocka_unit_test(nonsense_is_undefined),
        cmocka_unit_test(without_memory_nothing_is_known),
        cmocka_unit_test(every_prefix_is_survived),
        cmocka_unit_test(numbers_are_unique),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
