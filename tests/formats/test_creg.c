/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "base/arith.h"
#include "base/reader.h"
#include "formats/creg.h"
#include "tests/formats/apply_edits.h"
#include "tests/formats/creg_builder.h"
#include "tests/formats/list_registry.h"

typedef struct setup {
    kj_arena arena;
    kj_buf file;
    kj_buf changed;
    kj_buf log;
    kj_registry reg;
    kj_error err;
} setup;

/* .DEFAULT\Software\Run with three values, and keys around it. */
static void begin(setup *s)
{
    static const uint8_t dword[] = {1, 2, 3, 4};
    creg_builder b = {0};
    *s = (setup){0};
    kj_arena_init(&s->arena, 16 << 20);
    kj_buf_init(&s->file, 64 << 10);
    kj_buf_init(&s->changed, 64 << 10);
    kj_buf_init(&s->log, 64 << 10);
    size_t user = creg_add_key(&b, 0, ".DEFAULT");
    size_t software = creg_add_key(&b, user, "Software");
    size_t run = creg_add_key(&b, software, "Run");
    size_t last = creg_add_key(&b, user, "\xC4nd\xE9");
    creg_add_value(&b, run, "", KJ_REG_SZ, kj_span_str("default"));
    creg_add_value(&b, run, "System", KJ_REG_SZ, kj_span_str("C:\\WINDOWS\\SYS32.EXE"));
    creg_add_value(&b, run, "Count", KJ_REG_DWORD, kj_span_of(dword, 4));
    creg_add_value(&b, last, "only", KJ_REG_BINARY, kj_span_of(dword, 3));
    creg_build(&b, &s->file);
    assert_int_equal(kj_registry_open(kj_buf_span(&s->file), &s->arena, &s->reg, &s->err), KJ_OK);
}

static void end(setup *s)
{
    kj_buf_done(&s->log);
    kj_buf_done(&s->changed);
    kj_buf_done(&s->file);
    kj_arena_done(&s->arena);
}

/* Of any file, whether it opens or not. */
static const char *list(setup *s, kj_span file)
{
    kj_registry reg;
    kj_buf_clear(&s->log);
    if (kj_registry_open(file, &s->arena, &reg, &s->err) == KJ_OK)
        list_key(&reg, reg.root, &s->arena, &s->log);
    else
        kj_buf_printf(&s->log, "%s", s->err.message);
    return kj_buf_text(&s->log);
}

#define HEAD      "\\\n\\.DEFAULT\n\\.DEFAULT\\Software\n\\.DEFAULT\\Software\\Run\n"
#define DEFAULT   " REG_SZ default\n"
#define SYSTEM(x) "System REG_SZ " x "\n"
#define COUNT     "Count REG_DWORD \\x01\\x02\\x03\\x04\n"
#define TAIL      "\\.DEFAULT\\\xC3\x84nd\xC3\xA9\nonly REG_BINARY \\x01\\x02\\x03\n"

static void registries_are_read(void **state)
{
    (void)state;
    setup s;
    begin(&s);
    assert_int_equal(s.reg.form, KJ_REGISTRY_CREG);
    assert_string_equal(list(&s, kj_buf_span(&s.file)),
                        HEAD DEFAULT SYSTEM("C:\\WINDOWS\\SYS32.EXE") COUNT TAIL);
    kj_reg_key run = kj_registry_find(&s.reg, s.reg.root, kj_span_str(".default\\SOFTWARE\\run"));
    kj_reg_key_info info;
    assert_true(kj_registry_key(&s.reg, run, &info));
    assert_int_equal(info.value_count, 3);
    assert_int_equal(info.subkey_count, 0);
    kj_reg_value value;
    assert_true(kj_registry_find_value(&s.reg, run, kj_span_str("SYSTEM"), NULL, &value));
    assert_span(value.data, "C:\\WINDOWS\\SYS32.EXE");
    assert_false(kj_registry_find_value(&s.reg, run, kj_span_str("Syste"), NULL, &value));
    assert_false(kj_registry_key(&s.reg, run + 1, &info));
    end(&s);
}

static kj_reg_key find_run(setup *s, const char *name, kj_reg_value *value)
{
    kj_reg_key run = kj_registry_find(&s->reg, s->reg.root, kj_span_str(".DEFAULT\\Software\\Run"));
    assert_true(kj_registry_find_value(&s->reg, run, kj_span_str(name), NULL, value));
    return run;
}

/* What changed in the file: edits, and what it holds then. */
static const char *changed(setup *s, kj_edits edits)
{
    assert_true(apply_edits(kj_buf_span(&s->file), edits, &s->changed));
    assert_int_equal(s->changed.len, s->file.len);
    return list(s, kj_buf_span(&s->changed));
}

/* What the entry of Run says that it uses; its id is 3, and so many bytes of slack are behind it.
 */
static uint32_t bytes_used(kj_span file, uint32_t *out_size)
{
    kj_reader r = kj_reader_of(file);
    size_t name = kj_span_find(file, kj_span_str("Run"), 0);
    assert_true(name != SIZE_MAX);
    kj_seek(&r, name - 20);
    *out_size = kj_read_u32le(&r);
    kj_skip(&r, 4);
    return kj_read_u32le(&r);
}

static void values_are_deleted_in_place(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *rest;
    } rows[] = {
        {"", SYSTEM("C:\\WINDOWS\\SYS32.EXE") COUNT},
        {"System", DEFAULT COUNT},
        {"Count", DEFAULT SYSTEM("C:\\WINDOWS\\SYS32.EXE")},
    };
    for (size_t i = 0; i < KJ_COUNT(rows); i++) {
        setup s;
        begin(&s);
        kj_reg_value value;
        kj_edits edits;
        kj_reg_key run = find_run(&s, rows[i].name, &value);
        assert_int_equal(kj_creg_delete_value(&s.reg, run, value.id, &s.arena, &edits, &s.err),
                         KJ_OK);
        kj_buf wanted;
        kj_buf_init(&wanted, 4096);
        kj_buf_printf(&wanted, "%s%s%s", HEAD, rows[i].rest, TAIL);
        assert_string_equal(changed(&s, edits), kj_buf_text(&wanted));
        uint32_t size, size_after;
        uint32_t used = bytes_used(kj_buf_span(&s.file), &size);
        assert_int_equal(used, size - 3);
        assert_int_equal(bytes_used(kj_buf_span(&s.changed), &size_after),
                         used - 12 - value.name.raw.len - value.data.len);
        assert_int_equal(size_after, size);
        kj_buf_done(&wanted);
        end(&s);
    }
}

static void nothing_stays_of_what_was_deleted(void **state)
{
    (void)state;
    setup s;
    begin(&s);
    kj_reg_value value;
    kj_edits edits;
    kj_reg_key run = find_run(&s, "System", &value);
    assert_int_equal(kj_creg_delete_value(&s.reg, run, value.id, &s.arena, &edits, &s.err), KJ_OK);
    (void)changed(&s, edits);
    assert_int_equal(kj_span_find(kj_buf_span(&s.file), kj_span_str("SYS32"), 0) == SIZE_MAX, 0);
    assert_int_equal(kj_span_find(kj_buf_span(&s.changed), kj_span_str("SYS32"), 0), SIZE_MAX);
    end(&s);
}

static void values_are_set_in_place(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "x", "Explorer.exe", "C:\\WINDOWS\\SYS32.COM"};
    for (size_t i = 0; i < KJ_COUNT(texts); i++) {
        setup s;
        begin(&s);
        kj_reg_value value;
        kj_edits edits;
        kj_reg_key run = find_run(&s, "System", &value);
        assert_int_equal(kj_creg_set_value(&s.reg, run, value.id, kj_span_str(texts[i]), &s.arena,
                                           &edits, &s.err),
                         KJ_OK);
        kj_buf wanted;
        kj_buf_init(&wanted, 4096);
        kj_buf_printf(&wanted, "%sSystem REG_SZ %s\n%s", HEAD DEFAULT, texts[i], COUNT TAIL);
        assert_string_equal(changed(&s, edits), kj_buf_text(&wanted));
        kj_buf_done(&wanted);
        end(&s);
    }
}

static void what_cannot_be_done_is_refused(void **state)
{
    (void)state;
    setup s;
    begin(&s);
    kj_reg_value value;
    kj_edits edits;
    kj_reg_key run = find_run(&s, "System", &value);
    assert_int_equal(kj_creg_set_value(&s.reg, run, value.id,
                                       kj_span_str("C:\\WINDOWS\\SYS32.EXE "), &s.arena, &edits,
                                       &s.err),
                     KJ_UNSUPPORTED);
    assert_int_equal(kj_creg_delete_value(&s.reg, run, value.id + 1, &s.arena, &edits, &s.err),
                     KJ_MALFORMED);
    assert_int_equal(kj_creg_delete_value(&s.reg, s.reg.root, value.id, &s.arena, &edits, &s.err),
                     KJ_MALFORMED);
    end(&s);
}

/* Two keys of one entry: a value cannot be taken from one of them. */
static void shared_entries_are_not_changed(void **state)
{
    (void)state;
    setup s;
    begin(&s);
    enum { LAST = 64 + 4 * CREG_NODE_LEN };
    kj_store_u16le(s.file.data + LAST + 24, 3);
    kj_store_u16le(s.file.data + LAST + 26, 1);
    assert_int_equal(kj_registry_open(kj_buf_span(&s.file), &s.arena, &s.reg, &s.err), KJ_OK);
    kj_reg_value value;
    kj_edits edits;
    kj_reg_key run = find_run(&s, "System", &value);
    assert_int_equal(kj_creg_delete_value(&s.reg, run, value.id, &s.arena, &edits, &s.err),
                     KJ_INTERNAL);
    end(&s);
}

enum {
    TREE = 32,
    NODES = TREE + 32, /* the root, .DEFAULT, Software, Run, the last */
    PARENT = 12,
    CHILD = 16,
    NEXT = 20,
    ID = 24,
    RUN = NODES + 3 * CREG_NODE_LEN,
    LAST = NODES + 4 * CREG_NODE_LEN,
    BLOCK0 = NODES + 5 * CREG_NODE_LEN,
};

#define RUN_VALUES DEFAULT SYSTEM("C:\\WINDOWS\\SYS32.EXE") COUNT

static void broken_registries_are_read_as_far_as_possible(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        uint32_t value;
        const char *wanted;
    } rows[] = {
        {0, 0, "no registry"}, /* the first words of the sentence */
        {8, 0xFFFFFFF0, "\\\nskipped 0 values, 1 keys\n"},
        {TREE, 0, "the registry has no tree of keys"},
        {TREE + 4, 0x7FFFFFFF, "the registry ends in its tree of keys"},
        {TREE + 8, 0x7FFFFFFF, "the registry has no root key"},
        {TREE + 8, 32 + CREG_NODE_LEN, "the registry has no root key"},
        {NODES + CHILD, UINT32_MAX, "\\\n"},
        {NODES + CHILD, 34, "\\\nskipped 0 values, 1 keys\n"},
        {NODES + CHILD, 32, "\\\nskipped 0 values, 1 keys\n"},
        /* a chain that bites its tail, and a child that has another parent */
        {LAST + NEXT, 32 + 2 * CREG_NODE_LEN, HEAD RUN_VALUES TAIL "skipped 0 values, 1 keys\n"},
        {LAST + PARENT, 32, HEAD RUN_VALUES "skipped 0 values, 1 keys\n"},
        {RUN + ID, 99, "\\\n\\.DEFAULT\n\\.DEFAULT\\Software\nskipped 0 values, 1 keys\n" TAIL},
        /* an RGDB that is none, and one that leaves the file */
        {BLOCK0, 0, "\\\nskipped 0 values, 1 keys\n"},
        {BLOCK0 + 4, 0x7FFFFFFF, "\\\nskipped 0 values, 1 keys\n"},
        /* entries: no size, used more than there is */
        {BLOCK0 + 32, 0, "\\\n\\.DEFAULT\nskipped 0 values, 2 keys\n"},
        {BLOCK0 + 40, 0x7FFFFFFF, "\\\n\\.DEFAULT\n" TAIL "skipped 0 values, 1 keys\n"},
    };
    for (size_t i = 0; i < KJ_COUNT(rows); i++) {
        setup s;
        begin(&s);
        kj_store_u32le(s.file.data + rows[i].at, rows[i].value);
        const char *got = list(&s, kj_buf_span(&s.file));
        if (i == 0)
            assert_memory_equal(got, rows[i].wanted, 2);
        else
            assert_string_equal(got, rows[i].wanted);
        end(&s);
    }
}

static void values_that_leave_their_entry_are_skipped(void **state)
{
    (void)state;
    setup s;
    begin(&s);
    size_t at = kj_span_find(kj_buf_span(&s.file), kj_span_str("System"), 0);
    assert_true(at != SIZE_MAX);
    kj_store_u16le(s.file.data + at - 2, 100);
    assert_string_equal(list(&s, kj_buf_span(&s.file)),
                        HEAD DEFAULT "skipped 2 values, 0 keys\n" TAIL);
    end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(registries_are_read),
        cmocka_unit_test(values_are_deleted_in_place),
        cmocka_unit_test(nothing_stays_of_what_was_deleted),
        cmocka_unit_test(values_are_set_in_place),
        cmocka_unit_test(what_cannot_be_done_is_refused),
        cmocka_unit_test(shared_entries_are_not_changed),
        cmocka_unit_test(broken_registries_are_read_as_far_as_possible),
        cmocka_unit_test(values_that_leave_their_entry_are_skipped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
