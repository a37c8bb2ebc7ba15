/* SPDX-License-Identifier: Apache-2.0 */
/* The module `pe` where damage, want of work and memory, and files that are made to keep a scanner
 * busy meet it. What it says of ordinary files is compared with YARA by pe.py.
 *
 *     test_pe PROGRAM        a program with one of everything */
#include "base/arith.h"
#include "base/file.h"
#include "modules/module.h"
#include "modules/pe_module.h"
#include "tests/modules/subject.h"
#include "tests/test.h"

static const char *program_path;

static void read_program(subject *s)
{
    kj_error err = {0};
    if (kj_file_read(program_path, &s->bytes, &err) != KJ_OK)
        fail_msg("%s", err.message);
}

static bool matches(const kj_field_call *call, kj_value regex, kj_span text)
{
    (void)call;
    (void)regex;
    return text.len > 0;
}

static kj_value call_field(subject *s, uint16_t field, const kj_value *args, size_t count)
{
    return ask_module(s, &kj_module_pe, field, args, count);
}

static int64_t ask(subject *s, uint16_t field)
{
    kj_value value = call_field(s, field, NULL, 0);
    return value.type == KJ_TYPE_INT ? value.integer : -1;
}

/* The first of everything: zeros as indices, something as arguments. */
static kj_value ask_first(subject *s, const kj_field *row)
{
    kj_value args[5];
    size_t count = 0;
    bool counts = row->type == KJ_TYPE_ARRAY || row->type == KJ_TYPE_DICT;
    size_t end = strlen(row->path) - (counts ? 2 : 0);
    for (size_t i = 0; i < end; i++)
        if (row->path[i] == '[' || row->path[i] == '{')
            args[count++] = kj_value_int(0);
    for (const char *letter = row->params; letter && *letter; letter++)
        args[count++] = *letter == 's'   ? kj_value_text(kj_span_str("kernel32.dll"))
                        : *letter == 'r' ? (kj_value){.type = KJ_TYPE_REGEX}
                                         : kj_value_int(1);
    return call_field(s, row->id, args, count);
}

static void numbers_are_unique(void **state)
{
    (void)state;
    const kj_schema *schema = &kj_module_pe.schema;
    for (size_t i = 0; i < schema->count; i++) {
        const kj_field *row = &schema->fields[i];
        assert_true(row->is_constant ? row->id == 0 : row->id > 0 && row->id < KJ_PEF_END);
        for (size_t k = 0; k < i && !row->is_constant; k++)
            assert_int_not_equal(row->id, schema->fields[k].id);
    }
}

/* Damaged definitions ask for anything, with anything. */
static void nonsense_is_undefined(void **state)
{
    (void)state;
    const kj_value args[] = {kj_value_undefined(),
                             kj_value_int(-1),
                             kj_value_int(INT64_MAX),
                             kj_value_int(0),
                             kj_value_text(kj_span_str("x")),
                             kj_value_text((kj_span){0}),
                             {.type = KJ_TYPE_REGEX, .integer = -1}};
    subject s;
    open_subject(&s, 16 << 20, matches);
    read_program(&s);
    for (uint16_t field = 0; field < KJ_PEF_END + 20; field++)
        for (size_t i = 0; i < KJ_COUNT(args); i++)
            for (size_t k = 0; k < KJ_COUNT(args); k++) {
                const kj_value both[] = {args[i], args[k], args[i], args[k]};
                for (size_t count = 0; count <= 4; count++)
                    (void)call_field(&s, field, both, count);
            }
    close_subject(&s);
}

/* Whether a value is there at all says nothing about how much there was to do it with. */
static void assert_same_or_nothing(kj_value value, kj_value whole)
{
    if (value.type == KJ_TYPE_UNDEFINED)
        return;
    assert_int_equal(value.type, whole.type);
    if (value.type == KJ_TYPE_STRING)
        assert_true(kj_span_equal(value.text, whole.text));
    else
        assert_int_equal(value.integer, whole.integer);
}

/* With less work or memory than it takes, a field is undefined, never wrong: but for the entry
 * point, which is -1 without. */
static void wants_are_undefined(void **state)
{
    (void)state;
    subject whole;
    open_subject(&whole, 16 << 20, matches);
    read_program(&whole);
    const kj_schema *schema = &kj_module_pe.schema;
    static const size_t shares[] = {0, 1, 64, 200, 1000, 3000, 8000, 20000, 60000, 200000};
    for (size_t n = 0; n < 2 * KJ_COUNT(shares); n++) {
        subject part;
        size_t share = shares[n / 2];
        open_subject(&part, n % 2 ? share : 16 << 20, matches);
        part.budget = n % 2 ? UINT64_MAX : share;
        read_program(&part);
        for (size_t i = 0; i < schema->count; i++) {
            const kj_field *row = &schema->fields[i];
            if (!row->is_constant && row->id != KJ_PEF_ENTRY_POINT)
                assert_same_or_nothing(ask_first(&part, row), ask_first(&whole, row));
        }
        close_subject(&part);
    }
    close_subject(&whole);
}

/* ---- files that are made to keep a scanner busy --------------------------------------------- */

enum { HEADER_AT = 64, DATA_AT = 0x400, DATA_RVA = 0x1000 };

/* A 32-bit program whose one section is what follows; its directories are zero. */
static void put_program(kj_buf *out, uint32_t data_len)
{
    const uint32_t section[] = {data_len, DATA_RVA, data_len, DATA_AT, 0, 0, 0, 0x60000020};
    kj_buf_put_text(out, "MZ");
    kj_buf_put_zeros(out, 58);
    kj_buf_put_u32le(out, HEADER_AT);
    kj_buf_put(out, kj_span_of("PE\0\0\x4C\1\1\0", 8));
    kj_buf_put_zeros(out, 12);
    kj_buf_put_u16le(out, 224);
    kj_buf_put_u16le(out, 2);
    kj_buf_put_u16le(out, 0x10B);
    kj_buf_put_zeros(out, 30);
    kj_buf_put_u32le(out, 0x1000); /* alignment of sections; of the file: 0 */
    kj_buf_put_zeros(out, 20);
    kj_buf_put_u32le(out, UINT32_MAX); /* size of the image */
    kj_buf_put_zeros(out, 164);
    kj_buf_put_text(out, ".all");
    kj_buf_put_zeros(out, 4);
    for (size_t i = 0; i < KJ_COUNT(section); i++)
        kj_buf_put_u32le(out, section[i]);
    kj_buf_put_zeros(out, DATA_AT - out->len);
}

static void set_u32(kj_buf *out, size_t at, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        out->data[at + i] = (uint8_t)(value >> 8 * i);
}

static void set_directory(kj_buf *out, unsigned index, uint32_t rva, uint32_t len)
{
    set_u32(out, HEADER_AT + 120 + 8 * (size_t)index, rva);
    set_u32(out, HEADER_AT + 124 + 8 * (size_t)index, len);
}

/* A directory whose entries are all the directory itself, and whose leaves are all one. */
static void trees_that_meet_themselves_end(void **state)
{
    (void)state;
    enum { ENTRIES = 4000, TREE_LEN = 16 + 8 * ENTRIES };
    subject s;
    open_subject(&s, 64 << 20, matches);
    put_program(&s.bytes, TREE_LEN);
    kj_buf_put_zeros(&s.bytes, 14);
    kj_buf_put_u16le(&s.bytes, ENTRIES);
    for (uint32_t i = 0; i < ENTRIES; i++) {
        kj_buf_put_u32le(&s.bytes, 16);
        kj_buf_put_u32le(&s.bytes, i % 2 ? UINT32_C(1) << 31 : 16);
    }
    set_directory(&s.bytes, 2, DATA_RVA, TREE_LEN);
    assert_int_equal(ask(&s, KJ_PEF_RESOURCE_COUNT), 65536);
    assert_true(s.paid < UINT64_C(1) << 30);
    assert_int_equal(ask(&s, KJ_PEF_VERSION_INFO_COUNT), 0);
    close_subject(&s);
}

/* Every descriptor has the same library and the same long table of names, none of them valid. */
static void imports_of_nothing_end(void **state)
{
    (void)state;
    enum { COUNT = 20000, NAME = 8, TABLE = 16 };
    subject s;
    open_subject(&s, 64 << 20, matches);
    uint32_t descriptors = DATA_RVA + TABLE + 4 * COUNT;
    put_program(&s.bytes, TABLE + 24 * COUNT);
    kj_buf_put(&s.bytes, kj_span_of("\0\0-\0\0\0\0\0a.dll\0\0\0", TABLE));
    for (uint32_t i = 0; i < COUNT; i++)
        kj_buf_put_u32le(&s.bytes, DATA_RVA);
    for (uint32_t i = 0; i < COUNT; i++) {
        kj_buf_put_u32le(&s.bytes, DATA_RVA + TABLE);
        kj_buf_put_zeros(&s.bytes, 8);
        kj_buf_put_u32le(&s.bytes, DATA_RVA + NAME);
        kj_buf_put_u32le(&s.bytes, DATA_RVA + TABLE);
    }
    set_directory(&s.bytes, 1, descriptors, 20);
    s.budget = 64 << 20; /* the walk is paid for: it stops there */
    assert_int_equal(ask(&s, KJ_PEF_IMPORT_COUNT), -1);
    set_directory(&s.bytes, 13, descriptors, 20);
    assert_int_equal(ask(&s, KJ_PEF_DELAYED_COUNT), -1);
    assert_true(s.paid < s.budget + (64 << 10));
    close_subject(&s);
}

/* All names are one: a table of 16,384 is walked once, not once for each function. */
static void many_exports_are_linear(void **state)
{
    (void)state;
    enum { COUNT = 20000, TABLES = 40 };
    subject s;
    open_subject(&s, 64 << 20, matches);
    put_program(&s.bytes, TABLES + 10 * COUNT);
    const uint32_t directory[] = {0,
                                  1,
                                  0,
                                  DATA_RVA,
                                  1,
                                  COUNT,
                                  COUNT,
                                  DATA_RVA + TABLES,
                                  DATA_RVA + TABLES + 4 * COUNT,
                                  DATA_RVA + TABLES + 8 * COUNT};
    for (size_t i = 0; i < KJ_COUNT(directory); i++)
        kj_buf_put_u32le(&s.bytes, directory[i]);
    for (uint32_t i = 0; i < 2 * COUNT; i++)
        kj_buf_put_u32le(&s.bytes, DATA_RVA + 100);
    for (uint32_t i = 0; i < COUNT; i++)
        kj_buf_put_u16le(&s.bytes, (uint16_t)(COUNT - i));
    set_directory(&s.bytes, 0, DATA_RVA, TABLES);
    assert_int_equal(ask(&s, KJ_PEF_EXPORT_COUNT), 16384);
    assert_true(s.paid < 64 << 20);
    close_subject(&s);
}

/* A list of keys and values without values, over and over, in a version resource that every leaf of
 * a large tree is. */
static void version_lists_end(void **state)
{
    (void)state;
    enum { LEAVES = 2000, TREE_LEN = 16 + 8 * LEAVES + 16, STRINGS = 3000 };
    subject s;
    open_subject(&s, 128 << 20, matches);
    put_program(&s.bytes, TREE_LEN + 4096 + 8 * STRINGS);
    kj_buf_put_zeros(&s.bytes, 14);
    kj_buf_put_u16le(&s.bytes, LEAVES);
    for (uint32_t i = 0; i < LEAVES; i++) {
        kj_buf_put_u32le(&s.bytes, 16);
        kj_buf_put_u32le(&s.bytes, TREE_LEN - 16);
    }
    const uint32_t leaf[] = {DATA_RVA + TREE_LEN, 1000, 0, 0};
    for (size_t i = 0; i < KJ_COUNT(leaf); i++)
        kj_buf_put_u32le(&s.bytes, leaf[i]);
    size_t version = s.bytes.len;
    kj_buf_put_zeros(&s.bytes, 4096 + 8 * STRINGS);
    uint8_t *at = s.bytes.data + version;
    for (size_t i = 0; i < 15; i++)
        at[6 + 2 * i] = (uint8_t) "VS_VERSION_INFO"[i];
    at += 92;
    at[0] = at[1] = 0xF0; /* StringFileInfo */
    for (size_t i = 0; i < 14; i++)
        at[6 + 2 * i] = (uint8_t) "StringFileInfo"[i];
    at += 36;
    at[0] = at[1] = 0xF0; /* a table with an empty name */
    for (at += 8; at + 8 < s.bytes.data + s.bytes.len; at += 8)
        at[0] = 8;
    set_directory(&s.bytes, 2, DATA_RVA, TREE_LEN);
    assert_int_equal(ask(&s, KJ_PEF_VERSION_INFO_COUNT), 65536);
    assert_int_equal(ask(&s, KJ_PEF_VERSION_INFO), 1);
    assert_true(s.paid < UINT64_C(1) << 30);
    close_subject(&s);
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_unique),     cmocka_unit_test(nonsense_is_undefined),
        cmocka_unit_test(wants_are_undefined),    cmocka_unit_test(trees_that_meet_themselves_end),
        cmocka_unit_test(imports_of_nothing_end), cmocka_unit_test(many_exports_are_linear),
        cmocka_unit_test(version_lists_end),
    };
    if (argc != 2)
        return 2;
    program_path = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
