/* SPDX-License-Identifier: Apache-2.0 */
/* Hives that are changed: each change is finished, which checks the hive, carried out on a copy of
 * the file, read again, and taken back. */
#include "tests/test.h"

#include "base/reader.h"
#include "tests/formats/apply_edits.h"
#include "tests/formats/hive_builder.h"
#include "tests/formats/list_registry.h"

enum { LONG_LEN = 40000 };

typedef struct fixture {
    hive hive;
    kj_arena arena;
    kj_buf changed;
    kj_buf restored;
    kj_buf log;
    kj_regf_editor *editor;
    kj_edits edits;
    kj_error err;
    uint32_t run; /* a key with values */
} fixture;

static void begin(fixture *f, uint32_t minor)
{
    *f = (fixture){0};
    hive_init(&f->hive, minor);
    kj_arena_init(&f->arena, 64 << 20);
    kj_buf_init(&f->changed, 16 << 20);
    kj_buf_init(&f->restored, 16 << 20);
    kj_buf_init(&f->log, 1 << 20);
}

static void end(fixture *f)
{
    kj_regf_editor_free(f->editor);
    kj_buf_done(&f->log);
    kj_buf_done(&f->restored);
    kj_buf_done(&f->changed);
    kj_arena_done(&f->arena);
    hive_done(&f->hive);
}

static kj_status try_edit(fixture *f, bool force, size_t max)
{
    kj_buf copy;
    kj_regf_replay replay = {.state = KJ_REGF_CLEAN};
    kj_buf_init(&copy, max);
    kj_buf_put(&copy, kj_buf_span(&f->hive.bytes));
    kj_status status = kj_regf_edit(kj_buf_span(&f->hive.bytes), &copy, &replay, force, &f->arena,
                                    &f->editor, &f->err);
    kj_buf_done(&copy);
    return status;
}

/* The hive is complete: its editor. */
static void edit(fixture *f)
{
    hive_finish(&f->hive);
    if (try_edit(f, false, 16 << 20) != KJ_OK)
        fail_msg("%s", f->err.message);
}

static const kj_registry *registry(const fixture *f)
{
    return kj_regf_editor_registry(f->editor);
}

static kj_reg_key find(const fixture *f, const char *path)
{
    return kj_registry_find(registry(f), registry(f)->root, kj_span_str(path));
}

static const char *list(fixture *f, kj_span file)
{
    kj_registry reg;
    kj_buf_clear(&f->log);
    assert_int_equal(kj_registry_open(file, &f->arena, &reg, &f->err), KJ_OK);
    list_key(&reg, reg.root, &f->arena, &f->log);
    return kj_buf_text(&f->log);
}

/* Finishes, and says what the file holds then. */
static const char *finish(fixture *f)
{
    kj_edits back;
    if (kj_regf_edit_finish(f->editor, &f->edits, &f->err) != KJ_OK)
        fail_msg("%s", f->err.message);
    kj_span disk = kj_buf_span(&f->hive.bytes);
    assert_true(apply_edits(disk, f->edits, &f->changed));
    assert_int_equal(kj_edits_reverse(&f->arena, f->edits, &back, &f->err), KJ_OK);
    assert_true(apply_edits(kj_buf_span(&f->changed), back, &f->restored));
    assert_true(kj_span_equal(kj_buf_span(&f->restored), disk));
    return list(f, kj_buf_span(&f->changed));
}

/* ---- values --------------------------------------------------------------------------------- */

/* \Run with four values: text, number, long data, and one whose name begins with a NUL. */
static void build_run(fixture *f, uint32_t minor)
{
    static const uint16_t hidden[] = {0, 'y', 0xD800};
    static uint8_t data[LONG_LEN];
    begin(f, minor);
    memset(data, 'd', sizeof data);
    f->run = hive_key(&f->hive, f->hive.root, hive_name("Run"));
    const uint32_t values[] = {
        hive_value(&f->hive, hive_name("System"), KJ_REG_SZ, kj_span_str("C:\\SYS32.EXE")),
        hive_value(&f->hive, hive_name("Count"), KJ_REG_DWORD, kj_span_str("abcd")),
        hive_value(&f->hive, hive_name("Long"), KJ_REG_BINARY, kj_span_of(data, sizeof data)),
        hive_value(&f->hive, hive_wide(hidden, 3), KJ_REG_SZ, kj_span_str("hidden")),
    };
    hive_set_values(&f->hive, f->run, values, 4);
    hive_set_subkeys(&f->hive, f->hive.root, hive_list(&f->hive, KJ_REGF_LH, &f->run, 1), 1);
    edit(f);
}

static void delete_number(fixture *f, uint32_t number)
{
    kj_reg_iter it = {0};
    kj_reg_value value;
    for (uint32_t i = 0; i <= number; i++)
        assert_true(kj_registry_next_value(registry(f), f->run, &it, &f->arena, &value));
    if (kj_regf_delete_value(f->editor, f->run, value.id, &f->err) != KJ_OK)
        fail_msg("%s", f->err.message);
}

#define RUN    "\\\n\\Run\n"
#define SYSTEM "System REG_SZ C:\\SYS32.EXE\n"
#define COUNT  "Count REG_DWORD abcd\n"
#define LONG   "Long REG_BINARY 40000 bytes 64 64\n"
#define HIDDEN "y\xEF\xBF\xBD REG_SZ hidden\n" /* behind a zero byte, where a C string ends */

/* Compares texts that may have zero bytes. */
#define assert_list(f, text)                                                                       \
    do {                                                                                           \
        kj_span assert_list_ = kj_span_of(text, sizeof(text) - 1);                                 \
        (void)finish(f);                                                                           \
        assert_int_equal((f)->log.len, assert_list_.len);                                          \
        assert_memory_equal((f)->log.data, assert_list_.data, assert_list_.len);                   \
    } while (0)

static void values_are_deleted(void **state)
{
    (void)state;
    fixture f;
    build_run(&f, 5);
    delete_number(&f, 0);
    assert_list(&f, RUN COUNT LONG "\0" HIDDEN);
    assert_in_range(kj_edits_changed(f.edits), 1, 32);
    assert_int_equal(f.changed.len, f.hive.bytes.len);
    end(&f);
    build_run(&f, 5);
    delete_number(&f, 2);
    assert_list(&f, RUN SYSTEM COUNT "\0" HIDDEN);
    end(&f);
    build_run(&f, 3);
    delete_number(&f, 2);
    assert_list(&f, RUN SYSTEM COUNT "\0" HIDDEN);
    end(&f);
    build_run(&f, 5);
    delete_number(&f, 3);
    assert_string_equal(finish(&f), RUN SYSTEM COUNT LONG);
    end(&f);
    build_run(&f, 5);
    for (int i = 0; i < 4; i++)
        delete_number(&f, 0);
    assert_string_equal(finish(&f), RUN);
    end(&f);
}

static void set(fixture *f, const char *name, uint32_t type, kj_span data)
{
    if (kj_regf_set_value(f->editor, f->run, hive_name(name), type, data, &f->err) != KJ_OK)
        fail_msg("%s", f->err.message);
}

static kj_span repeated(fixture *f, char c, size_t len)
{
    uint8_t *data = kj_arena_alloc(&f->arena, len);
    assert_non_null(data);
    memset(data, c, len);
    return kj_span_of(data, len);
}

static void values_are_set(void **state)
{
    (void)state;
    static const struct {
        size_t len;
        const char *shown;
        bool grows;
    } rows[] = {
        {0, "", false},
        {4, "xxxx", false},
        {5, "xxxxx", false},
        {12, "xxxxxxxxxxxx", false},
        {100, "100 bytes 78 78", false},
        {16344, "16344 bytes 78 78", true},
        {16345, "16345 bytes 78 78", true},
        {50000, "50000 bytes 78 78", true},
    };
    for (size_t i = 0; i < 2 * KJ_COUNT(rows); i++) {
        fixture f;
        kj_buf wanted;
        build_run(&f, i % 2 ? 3 : 5);
        kj_buf_init(&wanted, 4096);
        set(&f, "SYSTEM", KJ_REG_BINARY, repeated(&f, 'x', rows[i / 2].len));
        kj_buf_printf(&wanted, RUN "System REG_BINARY %s\n" COUNT LONG, rows[i / 2].shown);
        kj_buf_put(&wanted, kj_span_of("\0" HIDDEN, sizeof HIDDEN));
        (void)finish(&f);
        assert_string_equal(kj_buf_text(&f.log), kj_buf_text(&wanted));
        assert_int_equal(f.log.len, wanted.len);
        assert_int_equal(f.changed.len > f.hive.bytes.len, rows[i / 2].grows);
        kj_buf_done(&wanted);
        end(&f);
    }
}

static void long_values_become_short(void **state)
{
    (void)state;
    fixture f;
    build_run(&f, 5);
    set(&f, "long", KJ_REG_SZ, kj_span_str("short"));
    set(&f, "count", KJ_REG_SZ, kj_span_str("no number"));
    assert_list(&f, RUN SYSTEM "Count REG_SZ no number\nLong REG_SZ short\n\0" HIDDEN);
    assert_int_equal(f.changed.len, f.hive.bytes.len);
    end(&f);
}

static void values_are_added(void **state)
{
    (void)state;
    static const uint16_t narrow[] = {'W', 0xE9}, wide[] = {0x3042};
    fixture f;
    build_run(&f, 5);
    set(&f, "", KJ_REG_SZ, kj_span_str("default"));
    assert_int_equal(
        kj_regf_set_value(f.editor, f.run, hive_wide(narrow, 2), 99, kj_span_str("n"), &f.err),
        KJ_OK);
    assert_int_equal(
        kj_regf_set_value(f.editor, f.run, hive_wide(wide, 1), KJ_REG_SZ, kj_span_str("w"), &f.err),
        KJ_OK);
    assert_list(&f, RUN SYSTEM COUNT LONG "\0" HIDDEN " REG_SZ default\nW\xC3\xA9 REG_0x63 n\n"
                                          "\xE3\x81\x82 REG_SZ w\n");
    end(&f);
    begin(&f, 5);
    f.run = f.hive.root; /* has no list of values yet */
    edit(&f);
    set(&f, "first", KJ_REG_SZ, kj_span_str("1"));
    assert_string_equal(finish(&f), "\\\nfirst REG_SZ 1\n");
    end(&f);
}

static uint32_t key_field(const fixture *f, size_t at)
{
    kj_reader r = kj_reader_of(kj_regf_cell(registry(f), f->run));
    kj_seek(&r, at);
    return kj_read_u32le(&r);
}

/* Programs of Windows allocate by what a key says about the longest. */
static void names_and_lengths_are_kept_as_windows_keeps_them(void **state)
{
    (void)state;
    static const uint16_t units[] = {'W', 0xE9};
    enum { NAME_MAX_AT = 60, DATA_MAX_AT = 64 };
    fixture f;
    kj_reg_value value;
    build_run(&f, 5);
    kj_span data = repeated(&f, 'x', 77);
    assert_int_equal(
        kj_regf_set_value(f.editor, f.run, hive_wide(units, 2), KJ_REG_SZ, data, &f.err), KJ_OK);
    assert_true(
        kj_registry_find_value(registry(&f), f.run, kj_span_str("W\xC3\xA9"), NULL, &value));
    assert_false(value.name.wide);
    assert_int_equal(key_field(&f, NAME_MAX_AT), 4); /* bytes of UTF-16 */
    assert_int_equal(key_field(&f, DATA_MAX_AT), 77);
    set(&f, "a longer name", KJ_REG_SZ, kj_span_str("short"));
    assert_int_equal(key_field(&f, NAME_MAX_AT), 26);
    assert_int_equal(key_field(&f, DATA_MAX_AT), 77);
    (void)finish(&f);
    end(&f);
}

/* hivex grows a hive of 12 KiB by 200 in the same course. */
static void a_thousand_updates_do_not_grow_the_hive(void **state)
{
    (void)state;
    fixture f;
    build_run(&f, 5);
    for (size_t i = 0; i < 1000; i++)
        set(&f, "System", KJ_REG_SZ, repeated(&f, 'a', 5 + i % 60));
    (void)finish(&f);
    assert_int_equal(f.changed.len, f.hive.bytes.len);
    end(&f);
}

/* The name and the data may stand in the hive itself, which moves when it grows. */
static void what_is_set_may_be_a_part_of_the_hive(void **state)
{
    (void)state;
    fixture f;
    build_run(&f, 5);
    kj_reg_value value;
    kj_reg_key root = registry(&f)->root;
    assert_true(kj_registry_find_value(registry(&f), f.run, kj_span_str("System"), NULL, &value));
    kj_span all = kj_span_sub(registry(&f)->bytes, 4096, LONG_LEN);
    assert_int_equal(kj_regf_set_value(f.editor, root, value.name, 1, all, &f.err), KJ_OK);
    assert_true(
        kj_registry_find_value(registry(&f), root, kj_span_str("System"), &f.arena, &value));
    assert_int_equal(value.data.len, LONG_LEN);
    assert_memory_equal(value.data.data, "hbin", 4);
    (void)finish(&f);
    end(&f);
}

/* ---- keys ----------------------------------------------------------------------------------- */

/* Keys A to D below the root, in lists of the kind, two each with KJ_REGF_RI; B has a value, a
 * subkey and one below that. */
static void build_keys(fixture *f, uint16_t kind)
{
    static const char *const names[] = {"A", "B", "C", "D"};
    uint32_t keys[4];
    begin(f, 5);
    hive *h = &f->hive;
    for (size_t i = 0; i < 4; i++)
        keys[i] = hive_key(h, h->root, hive_name(names[i]));
    uint32_t value = hive_value(h, hive_name("v"), KJ_REG_SZ, kj_span_str("in B"));
    uint32_t sub = hive_key(h, keys[1], hive_name("Sub"));
    uint32_t subsub = hive_key(h, sub, hive_name("SubSub"));
    hive_set_values(h, keys[1], &value, 1);
    hive_set_subkeys(h, keys[1], hive_list(h, KJ_REGF_LF, &sub, 1), 1);
    hive_set_subkeys(h, sub, hive_list(h, KJ_REGF_LI, &subsub, 1), 1);
    uint32_t list;
    if (kind == KJ_REGF_RI) {
        uint32_t parts[] = {hive_list(h, KJ_REGF_LH, keys, 2),
                            hive_list(h, KJ_REGF_LI, keys + 2, 2)};
        list = hive_list(h, KJ_REGF_RI, parts, 2);
    } else {
        list = hive_list(h, kind, keys, 4);
    }
    hive_set_subkeys(h, h->root, list, 4);
    edit(f);
}

static void delete_path(fixture *f, const char *path)
{
    if (kj_regf_delete_key(f->editor, find(f, path), &f->err) != KJ_OK)
        fail_msg("%s: %s", path, f->err.message);
}

static void keys_are_deleted_from_lists_of_all_kinds(void **state)
{
    (void)state;
    static const uint16_t kinds[] = {KJ_REGF_LF, KJ_REGF_LH, KJ_REGF_LI, KJ_REGF_RI};
    for (size_t i = 0; i < KJ_COUNT(kinds); i++) {
        fixture f;
        build_keys(&f, kinds[i]);
        delete_path(&f, "B");
        assert_string_equal(finish(&f), "\\\n\\A\n\\C\n\\D\n");
        end(&f);
        build_keys(&f, kinds[i]);
        delete_path(&f, "d");
        delete_path(&f, "c"); /* a list in an ri becomes empty */
        delete_path(&f, "b\\sub\\subsub");
        assert_string_equal(finish(&f), "\\\n\\A\n\\B\nv REG_SZ in B\n\\B\\Sub\n");
        end(&f);
        build_keys(&f, kinds[i]);
        for (size_t j = 0; j < 4; j++)
            delete_path(&f, (const char *const[]){"A", "C", "D", "B"}[j]);
        assert_string_equal(finish(&f), "\\\n");
        end(&f);
    }
}

/* Two records of security more; key A uses the first, B the second. */
static void build_security(fixture *f, uint32_t out_records[2])
{
    begin(f, 5);
    hive *h = &f->hive;
    uint32_t first = h->security, keys[2], ring[3] = {first};
    for (size_t i = 0; i < 2; i++) {
        out_records[i] = ring[i + 1] = hive_security(h);
        keys[i] = hive_key(h, h->root, hive_name(i ? "B" : "A"));
        hive_patch(h, keys[i], 44, out_records[i], 4);
        hive_patch(h, out_records[i], 12, 1, 4);
    }
    for (size_t i = 0; i < 3; i++) {
        hive_patch(h, ring[i], 4, ring[(i + 1) % 3], 4);
        hive_patch(h, ring[i], 8, ring[(i + 2) % 3], 4);
    }
    hive_set_subkeys(h, h->root, hive_list(h, KJ_REGF_LH, keys, 2), 2);
    h->key_count = 1; /* what the first record counts */
    hive_finish(h);
}

static void security_records_go_with_their_last_key(void **state)
{
    (void)state;
    uint32_t records[2];
    fixture f;
    build_security(&f, records);
    assert_int_equal(try_edit(&f, false, 16 << 20), KJ_OK);
    delete_path(&f, "A");
    assert_null(kj_regf_cell(registry(&f), records[0]).data);
    assert_non_null(kj_regf_cell(registry(&f), records[1]).data);
    delete_path(&f, "B");
    assert_null(kj_regf_cell(registry(&f), records[1]).data);
    assert_string_equal(finish(&f), "\\\n");
    end(&f);
}

/* ---- what is refused ------------------------------------------------------------------------ */

/* The hive in the editor is still what it was. */
static void assert_untouched(const fixture *f)
{
    assert_true(kj_span_equal(registry(f)->bytes, kj_buf_span(&f->hive.bytes)));
}

/* Links of security records that lead anywhere are written to by other programs. */
static void wild_links_of_security_records_are_refused(void **state)
{
    (void)state;
    static const uint32_t wild[] = {0, 0x28, 0xFFFFFFF0, 0x7FFFFFF8, KJ_REG_NONE};
    for (size_t i = 0; i < 2 * KJ_COUNT(wild); i++) {
        uint32_t records[2];
        fixture f;
        build_security(&f, records);
        hive_patch(&f.hive, records[0], i % 2 ? 4 : 8, wild[i / 2], 4);
        assert_int_equal(try_edit(&f, false, 16 << 20), KJ_MALFORMED);
        assert_int_equal(try_edit(&f, true, 16 << 20), KJ_OK);
        assert_int_equal(kj_regf_delete_key(f.editor, find(&f, "A"), &f.err), KJ_MALFORMED);
        assert_untouched(&f);
        end(&f);
    }
}

/* The record itself is right, and a neighbour does not lead back. */
static void neighbours_that_do_not_lead_back_are_refused(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 2; i++) {
        uint32_t records[2];
        fixture f;
        build_security(&f, records);
        uint32_t neighbour = i ? f.hive.security : records[1];
        hive_patch(&f.hive, neighbour, i ? 4 : 8, neighbour, 4);
        assert_int_equal(try_edit(&f, true, 16 << 20), KJ_OK);
        assert_int_equal(kj_regf_delete_key(f.editor, find(&f, "A"), &f.err), KJ_MALFORMED);
        assert_untouched(&f);
        end(&f);
    }
}

/* Each row breaks a hive of build_keys() in one place; deleting B is refused then. */
static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        uint32_t at;
        uint32_t value;
    } rows[] = {
        {"", 28, 0x20},             /* the root's list of subkeys is something else */
        {"", 28, 0xFFFFFFF0},       /* ... or nowhere */
        {"B", 16, 0x20},            /* another parent */
        {"B", 20, 2},               /* more subkeys than there are */
        {"B", 28, 0x20},            /* a list that is none */
        {"B", 36, 1000},            /* more values than the list holds */
        {"B", 40, 0x7FFFFFF8},      /* no list */
        {"B", 44, 0x7FFFFFF8},      /* no security record */
        {"B\\Sub", 16, 0x20},       /* another parent, further down */
        {"B\\Sub", 28, 0x7FFFFFF8}, /* no list, further down */
        {"B\\Sub\\SubSub", 44, 0},  /* no security record, at the end */
    };
    for (size_t i = 0; i < KJ_COUNT(rows); i++) {
        fixture f;
        build_keys(&f, KJ_REGF_LH);
        kj_reg_key broken = find(&f, rows[i].key), victim = find(&f, "B");
        kj_regf_editor_free(f.editor);
        hive_patch(&f.hive, broken, rows[i].at, rows[i].value, 4);
        assert_int_equal(try_edit(&f, false, 16 << 20), KJ_MALFORMED);
        assert_int_equal(try_edit(&f, true, 16 << 20), KJ_OK);
        assert_int_equal(kj_regf_delete_key(f.editor, victim, &f.err), KJ_MALFORMED);
        assert_untouched(&f);
        end(&f);
    }
}

/* 4,000 elements that all lead to a list of 4,000: sixteen million keys in 50 KB. */
static void lists_that_multiply_are_refused(void **state)
{
    (void)state;
    enum { MANY = 4000 };
    static uint32_t items[MANY];
    fixture f;
    begin(&f, 5);
    hive *h = &f.hive;
    uint32_t key = hive_key(h, h->root, hive_name("A")), sub = hive_key(h, key, hive_name("B"));
    for (size_t i = 0; i < MANY; i++)
        items[i] = sub;
    uint32_t inner = hive_list(h, KJ_REGF_LI, items, MANY);
    for (size_t i = 0; i < MANY; i++)
        items[i] = inner;
    hive_set_subkeys(h, key, hive_list(h, KJ_REGF_RI, items, MANY), (size_t)MANY * MANY);
    hive_set_subkeys(h, h->root, hive_list(h, KJ_REGF_LH, &key, 1), 1);
    hive_finish(h);
    assert_int_equal(try_edit(&f, true, 16 << 20), KJ_OK);
    assert_int_equal(kj_regf_delete_key(f.editor, key, &f.err), KJ_MALFORMED);
    assert_int_equal(kj_regf_delete_key(f.editor, sub, &f.err), KJ_MALFORMED);
    assert_untouched(&f);
    end(&f);
}

static void roots_and_marked_keys_stay(void **state)
{
    (void)state;
    fixture f;
    build_keys(&f, KJ_REGF_LH);
    assert_int_equal(kj_regf_delete_key(f.editor, registry(&f)->root, &f.err), KJ_UNSUPPORTED);
    kj_reg_key sub = find(&f, "B\\Sub");
    kj_regf_editor_free(f.editor);
    hive_patch(&f.hive, sub, 2, KJ_REGF_NK_BYTES | KJ_REGF_NK_NO_DELETE, 2);
    assert_int_equal(try_edit(&f, false, 16 << 20), KJ_OK);
    assert_int_equal(kj_regf_delete_key(f.editor, find(&f, "B"), &f.err), KJ_UNSUPPORTED);
    assert_int_equal(kj_regf_delete_key(f.editor, sub + 8, &f.err), KJ_MALFORMED);
    assert_untouched(&f);
    end(&f);
}

static void values_of_other_keys_are_not_deleted(void **state)
{
    (void)state;
    fixture f;
    build_run(&f, 5);
    kj_reg_value value;
    assert_true(kj_registry_find_value(registry(&f), f.run, kj_span_str("Count"), NULL, &value));
    kj_reg_key root = registry(&f)->root;
    assert_int_equal(kj_regf_delete_value(f.editor, root, value.id, &f.err), KJ_MALFORMED);
    assert_int_equal(kj_regf_delete_value(f.editor, f.run, f.run, &f.err), KJ_MALFORMED);
    assert_untouched(&f);
    delete_number(&f, 1);
    assert_int_equal(kj_regf_delete_value(f.editor, f.run, value.id, &f.err), KJ_MALFORMED);
    end(&f);
}

static void some_hives_are_not_edited(void **state)
{
    (void)state;
    static const uint32_t minors[] = {1, 2, 6};
    fixture f;
    for (size_t i = 0; i < KJ_COUNT(minors); i++) {
        begin(&f, 5);
        hive_finish(&f.hive);
        hive_put(&f.hive, 24, minors[i], 4);
        hive_sum(&f.hive);
        assert_int_not_equal(try_edit(&f, true, 16 << 20), KJ_OK);
        end(&f);
    }
    begin(&f, 5);
    hive_finish(&f.hive);
    kj_buf copy;
    kj_buf_init(&copy, 1 << 20);
    kj_buf_put(&copy, kj_buf_span(&f.hive.bytes));
    kj_regf_replay stale = {.state = KJ_REGF_STALE, .why = "no log fits"};
    assert_int_equal(
        kj_regf_edit(kj_buf_span(&f.hive.bytes), &copy, &stale, true, &f.arena, &f.editor, &f.err),
        KJ_UNSUPPORTED);
    assert_int_equal(copy.len, f.hive.bytes.len); /* the caller's still */
    kj_buf_done(&copy);
    end(&f);
}

static void a_hive_that_may_not_grow_stays_as_it_was(void **state)
{
    (void)state;
    fixture f;
    build_run(&f, 5);
    kj_regf_editor_free(f.editor);
    f.editor = NULL;
    assert_int_equal(try_edit(&f, false, f.hive.bytes.len + 40000), KJ_OK);
    kj_span data = repeated(&f, 'x', 50000);
    uint32_t size = registry(&f)->data_size;
    assert_int_equal(kj_regf_set_value(f.editor, f.run, hive_name("System"), 1, data, &f.err),
                     KJ_LIMIT);
    assert_untouched(&f);
    assert_int_equal(registry(&f)->data_size, size);
    set(&f, "System", KJ_REG_SZ, kj_span_str("fits"));
    assert_list(&f, RUN "System REG_SZ fits\n" COUNT LONG "\0" HIDDEN);
    end(&f);
}

/* Windows enlarges files by more than it needs: what lies behind the last bin is no data. */
static void room_behind_the_last_bin_is_used(void **state)
{
    (void)state;
    fixture f;
    build_run(&f, 5);
    kj_regf_editor_free(f.editor);
    f.editor = NULL;
    kj_buf_put_zeros(&f.hive.bytes, 8192);
    assert_int_equal(try_edit(&f, false, f.hive.bytes.len), KJ_OK);
    uint32_t size = registry(&f)->data_size;
    assert_int_equal(kj_regf_set_value(f.editor, f.run, hive_name("System"), 1,
                                       repeated(&f, 'x', 16345 + 6000), &f.err),
                     KJ_LIMIT);
    assert_untouched(&f);
    assert_int_equal(registry(&f)->data_size, size);
    set(&f, "System", KJ_REG_SZ, repeated(&f, 'x', 6000));
    assert_list(&f, RUN "System REG_SZ 6000 bytes 78 78\n" COUNT LONG "\0" HIDDEN);
    assert_int_equal(f.changed.len, f.hive.bytes.len);
    assert_int_equal(registry(&f)->data_size, size + 8192);
    end(&f);
}

/* ---- finishing ------------------------------------------------------------------------------ */

static void the_header_is_newer_than_any_log(void **state)
{
    (void)state;
    fixture f;
    build_run(&f, 5);
    delete_number(&f, 0);
    (void)finish(&f);
    kj_regf_header before, after, between;
    uint8_t middle[512];
    kj_regf_header_between(f.hive.bytes.data, f.changed.data, middle);
    assert_true(kj_regf_read_header(kj_buf_span(&f.hive.bytes), &before));
    assert_true(kj_regf_read_header(kj_buf_span(&f.changed), &after));
    assert_true(kj_regf_read_header(kj_span_of(middle, sizeof middle), &between));
    assert_true(after.checksum_ok);
    assert_int_equal(after.sequence1, before.sequence1 + 1);
    assert_int_equal(after.sequence2, before.sequence2 + 1);
    assert_true(after.written == before.written + 1);
    assert_true(between.checksum_ok);
    assert_true(between.sequence1 != between.sequence2);
    assert_in_range(between.sequence2, after.sequence2, between.sequence1 - 1);
    kj_regf_header_between(f.changed.data, f.hive.bytes.data, middle); /* the way back */
    assert_true(kj_regf_read_header(kj_span_of(middle, sizeof middle), &between));
    assert_true(between.sequence1 != between.sequence2);
    assert_in_range(between.sequence2, after.sequence2, between.sequence1 - 1);
    end(&f);
}

static void nothing_to_do_is_no_edit(void **state)
{
    (void)state;
    fixture f;
    build_run(&f, 5);
    assert_list(&f, RUN SYSTEM COUNT LONG "\0" HIDDEN);
    assert_int_equal(f.edits.count, 0);
    end(&f);
}

/* What is on disk is older than the hive after its logs: the edits bring both. */
static void replayed_pages_are_part_of_the_edits(void **state)
{
    (void)state;
    fixture f;
    build_run(&f, 5);
    kj_regf_editor_free(f.editor);
    f.editor = NULL;
    kj_buf replayed;
    kj_buf_init(&replayed, 1 << 20);
    kj_buf_put(&replayed, kj_buf_span(&f.hive.bytes));
    hive_put(&f.hive, KJ_REGF_SEQUENCE1_AT, 9, 4); /* dirty on disk, with another value */
    hive_sum(&f.hive);
    size_t at = kj_span_find(kj_buf_span(&f.hive.bytes), kj_span_str("SYS32"), 0);
    hive_put(&f.hive, at, 'X', 1);
    kj_regf_replay replay = {.state = KJ_REGF_REPLAYED};
    assert_int_equal(kj_regf_edit(kj_buf_span(&f.hive.bytes), &replayed, &replay, false, &f.arena,
                                  &f.editor, &f.err),
                     KJ_OK);
    delete_number(&f, 2);
    assert_list(&f, RUN SYSTEM COUNT "\0" HIDDEN);
    kj_buf_done(&replayed);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_deleted),
        cmocka_unit_test(values_are_set),
        cmocka_unit_test(long_values_become_short),
        cmocka_unit_test(values_are_added),
        cmocka_unit_test(names_and_lengths_are_kept_as_windows_keeps_them),
        cmocka_unit_test(a_thousand_updates_do_not_grow_the_hive),
        cmocka_unit_test(what_is_set_may_be_a_part_of_the_hive),
        cmocka_unit_test(keys_are_deleted_from_lists_of_all_kinds),
        cmocka_unit_test(security_records_go_with_their_last_key),
        cmocka_unit_test(wild_links_of_security_records_are_refused),
        cmocka_unit_test(neighbours_that_do_not_lead_back_are_refused),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(lists_that_multiply_are_refused),
        cmocka_unit_test(roots_and_marked_keys_stay),
        cmocka_unit_test(values_of_other_keys_are_not_deleted),
        cmocka_unit_test(some_hives_are_not_edited),
        cmocka_unit_test(a_hive_that_may_not_grow_stays_as_it_was),
        cmocka_unit_test(room_behind_the_last_bin_is_used),
        cmocka_unit_test(the_header_is_newer_than_any_log),
        cmocka_unit_test(nothing_to_do_is_no_edit),
        cmocka_unit_test(replayed_pages_are_part_of_the_edits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
