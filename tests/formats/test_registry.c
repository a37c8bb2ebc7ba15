/* SPDX-License-Identifier: Apache-2.0 */
/* Hives made here cell by cell: what is read, how names compare, and what hostile ones do. */
#include "tests/test.h"

#include "tests/formats/hive_builder.h"

typedef struct fixture {
    hive hive;
    kj_arena arena;
    kj_registry reg;
} fixture;

static void begin(fixture *f, uint32_t minor)
{
    hive_init(&f->hive, minor);
    kj_arena_init(&f->arena, 64 << 20);
}

static void end(fixture *f)
{
    hive_done(&f->hive);
    kj_arena_done(&f->arena);
}

static void open_hive(fixture *f)
{
    kj_error err = {0};
    hive_finish(&f->hive);
    kj_status status = kj_registry_open(kj_buf_span(&f->hive.bytes), &f->arena, &f->reg, &err);
    if (status != KJ_OK)
        fail_msg("%s", err.message);
}

/* Subkeys of the root in a list of that kind. */
static void add_subkeys(fixture *f, uint16_t kind, const uint32_t *keys, size_t count)
{
    hive_set_subkeys(&f->hive, f->hive.root, hive_list(&f->hive, kind, keys, count), count);
}

static uint32_t add_key(fixture *f, const char *name)
{
    return hive_key(&f->hive, f->hive.root, hive_name(name));
}

static void assert_name(kj_reg_name name, const char *text)
{
    kj_buf out;
    kj_buf_init(&out, 1 << 10);
    kj_reg_name_text(name, &out);
    assert_string_equal(kj_buf_text(&out), text);
    kj_buf_done(&out);
}

static kj_reg_key find(const fixture *f, const char *path)
{
    return kj_registry_find(&f->reg, f->reg.root, kj_span_str(path));
}

/* ---- names ---------------------------------------------------------------------------------- */

static void test_upper_case(void **state)
{
    static const uint16_t pairs[][2] = {
        {'a', 'A'},       {'Z', 'Z'},       {'{', '{'},     {0xDF, 0xDF},     {0xE4, 0xC4},
        {0xF7, 0xF7},     {0xFF, 0x178},    {0xB5, 0xB5},   {0x101, 0x100},   {0x100, 0x100},
        {0x138, 0x138},   {0x13A, 0x139},   {0x148, 0x147}, {0x149, 0x149},   {0x17E, 0x17D},
        {0x17F, 0x17F},   {0x3AC, 0x386},   {0x3AE, 0x389}, {0x3B1, 0x391},   {0x3C2, 0x3A3},
        {0x3C9, 0x3A9},   {0x3CC, 0x38C},   {0x3CE, 0x38F}, {0x430, 0x410},   {0x44F, 0x42F},
        {0x451, 0x401},   {0x491, 0x490},   {0x561, 0x531}, {0x1E01, 0x1E00}, {0xD801, 0xD801},
        {0xFF41, 0xFF21}, {0xFFFF, 0xFFFF}, {0x130, 0x130}, {0x131, 0x131},
    };
    (void)state;
    for (size_t i = 0; i < KJ_COUNT(pairs); i++)
        assert_int_equal(kj_reg_upper(pairs[i][0]), pairs[i][1]);
}

static void test_names(void **state)
{
    (void)state;
    static const uint16_t hidden[] = {0, 's', 'y', 's'}, lone[] = {'a', 0xD800, 'b'};
    static const uint16_t emoji[] = {'x', 0xD83D, 0xDE00}, wide_run[] = {'R', 'u', 'n'};
    kj_reg_name nul = hive_wide(hidden, 4), surrogate = hive_wide(lone, 3);
    assert_true(kj_reg_name_equal(hive_name("rUN"), hive_wide(wide_run, 3)));
    assert_false(kj_reg_name_equal(hive_name("sys"), nul));
    assert_false(kj_reg_name_equal(hive_name(""), nul));
    assert_true(kj_reg_name_equal(surrogate, surrogate));
    assert_true(kj_reg_name_is(nul, kj_span_of("\0SYS", 4)));
    assert_false(kj_reg_name_is(nul, kj_span_str("")));
    assert_true(kj_reg_name_is(hive_wide(emoji, 3), kj_span_str("X\xF0\x9F\x98\x80")));
    assert_true(kj_reg_name_is(hive_name("\xE4"), kj_span_str("\xC3\x84"))); /* Latin-1, UTF-8 */
    assert_false(kj_reg_name_is(hive_name("Run"), kj_span_str("Ru")));
    assert_false(kj_reg_name_is(hive_name("Ru"), kj_span_str("Run")));
    assert_name(surrogate, "a\xEF\xBF\xBD"
                           "b");
    assert_name(hive_wide(emoji, 3), "x\xF0\x9F\x98\x80");
    assert_name(hive_name("\xE4"), "\xC3\xA4");
    kj_buf out;
    kj_buf_init(&out, 16);
    kj_reg_name_text(nul, &out);
    assert_int_equal(out.len, 4);
    assert_memory_equal(out.data, "\0sys", 4);
    kj_buf_done(&out);
}

static void test_order(void **state)
{
    (void)state;
    static const uint16_t sharp[] = {0xDF}, cyrillic[] = {0x434};
    /* `_` stands behind the upper-case letters and before the lower-case ones, which are none. */
    static const char *const ascending[] = {"", "A", "aa", "AB", "b", "[", "_", "~"};
    for (size_t i = 1; i < KJ_COUNT(ascending); i++) {
        kj_reg_name a = hive_name(ascending[i - 1]), b = hive_name(ascending[i]);
        assert_true(kj_reg_name_compare(a, b) < 0);
        assert_true(kj_reg_name_compare(b, a) > 0);
    }
    assert_true(kj_reg_name_compare(hive_name("\xDF"), hive_wide(sharp, 1)) == 0);
    assert_true(kj_reg_name_compare(hive_name("z"), hive_wide(cyrillic, 1)) < 0);
    /* 37 * (37 * 'R' + 'U') + 'N' */
    assert_int_equal(kj_regf_hash(hive_name("run")), 115481);
    assert_int_equal(kj_regf_hint(hive_name("Run")), 0x006E7552);
    assert_int_equal(kj_regf_hint(hive_wide(cyrillic, 1)), 0);
}

/* ---- reading -------------------------------------------------------------------------------- */

static void check_list_kind(uint16_t kind)
{
    static const char *const names[] = {"Alpha", "beta", "Gamma", "\xE4rger"};
    fixture f;
    begin(&f, 5);
    uint32_t keys[4];
    for (size_t i = 0; i < 4; i++)
        keys[i] = add_key(&f, names[i]);
    if (kind == KJ_REGF_RI) {
        uint32_t lists[] = {hive_list(&f.hive, KJ_REGF_LH, keys, 3),
                            hive_list(&f.hive, KJ_REGF_LI, NULL, 0),
                            hive_list(&f.hive, KJ_REGF_LF, keys + 3, 1)};
        hive_set_subkeys(&f.hive, f.hive.root, hive_list(&f.hive, KJ_REGF_RI, lists, 3), 4);
    } else {
        add_subkeys(&f, kind, keys, 4);
    }
    open_hive(&f);
    kj_reg_iter it = {0};
    kj_reg_key_info info;
    for (size_t i = 0; i < 4; i++) {
        assert_true(kj_registry_next_subkey(&f.reg, f.reg.root, &it, &info));
        assert_int_equal(info.key, keys[i]);
        assert_int_equal(info.parent, f.reg.root);
        assert_int_equal(info.written, HIVE_WRITTEN + 1 + i);
        assert_span(info.name.raw, names[i]);
    }
    assert_false(kj_registry_next_subkey(&f.reg, f.reg.root, &it, &info));
    assert_false(kj_registry_next_subkey(&f.reg, f.reg.root, &it, &info));
    assert_int_equal(it.skipped, 0);
    assert_int_equal(find(&f, "ALPHA"), keys[0]);
    assert_int_equal(find(&f, "\\gamma\\"), keys[2]);
    assert_int_equal(find(&f, "\xC3\x84RGER"), keys[3]);
    assert_int_equal(find(&f, "alph"), KJ_REG_NONE);
    assert_int_equal(find(&f, "Alpha\\beta"), KJ_REG_NONE);
    assert_int_equal(find(&f, ""), f.reg.root);
    end(&f);
}

static void test_lists_of_subkeys(void **state)
{
    static const uint16_t kinds[] = {KJ_REGF_LF, KJ_REGF_LH, KJ_REGF_LI, KJ_REGF_RI};
    (void)state;
    for (size_t i = 0; i < KJ_COUNT(kinds); i++)
        check_list_kind(kinds[i]);
}

static void test_values(void **state)
{
    fixture f;
    (void)state;
    begin(&f, 5);
    static const uint16_t hidden[] = {'R', 'u', 'n', 0};
    uint32_t values[] = {
        hive_value(&f.hive, hive_name(""), KJ_REG_SZ, kj_span_of("o\0k\0\0\0", 6)),
        hive_value(&f.hive, hive_name("Three"), KJ_REG_BINARY, kj_span_str("abc")),
        hive_value(&f.hive, hive_name("Five"), KJ_REG_BINARY, kj_span_str("abcde")),
        hive_value(&f.hive, hive_name("Empty"), 4711, kj_span_str("")),
        hive_value(&f.hive, hive_wide(hidden, 4), KJ_REG_DWORD, kj_span_of("\1\0\0\0", 4)),
    };
    hive_set_values(&f.hive, f.hive.root, values, KJ_COUNT(values));
    open_hive(&f);
    kj_reg_value v;
    kj_reg_iter it = {0};
    for (size_t i = 0; i < KJ_COUNT(values); i++) {
        assert_true(kj_registry_next_value(&f.reg, f.reg.root, &it, NULL, &v));
        assert_int_equal(v.id, values[i]);
        assert_false(v.broken);
    }
    assert_false(kj_registry_next_value(&f.reg, f.reg.root, &it, NULL, &v));
    assert_true(kj_registry_find_value(&f.reg, f.reg.root, kj_span_str(""), NULL, &v));
    assert_int_equal(v.type, KJ_REG_SZ);
    assert_int_equal(v.data.len, 6);
    assert_true(kj_registry_find_value(&f.reg, f.reg.root, kj_span_str("THREE"), NULL, &v));
    assert_span(v.data, "abc");
    assert_true(kj_registry_find_value(&f.reg, f.reg.root, kj_span_str("five"), NULL, &v));
    assert_span(v.data, "abcde");
    assert_true(kj_registry_find_value(&f.reg, f.reg.root, kj_span_str("empty"), NULL, &v));
    assert_int_equal(v.type, 4711);
    assert_int_equal(v.data.len, 0);
    assert_false(kj_registry_find_value(&f.reg, f.reg.root, kj_span_str("Run"), NULL, &v));
    assert_true(kj_registry_find_value(&f.reg, f.reg.root, kj_span_of("run\0", 4), NULL, &v));
    end(&f);
}

/* Long data in segments since version 1.4, in one cell before. */
static void check_long_value(uint32_t minor, size_t len, bool needs_arena)
{
    fixture f;
    kj_reg_value v;
    begin(&f, minor);
    uint8_t *data = malloc(len);
    assert_non_null(data);
    for (size_t i = 0; i < len; i++)
        data[i] = (uint8_t)(i * 7 + i / 251);
    memcpy(data, "db", 2); /* in a cell of its own it means nothing */
    uint32_t value = hive_value(&f.hive, hive_name("long"), KJ_REG_BINARY, kj_span_of(data, len));
    hive_set_values(&f.hive, f.hive.root, &value, 1);
    open_hive(&f);
    assert_true(kj_registry_find_value(&f.reg, f.reg.root, kj_span_str("long"), &f.arena, &v));
    assert_false(v.broken);
    assert_int_equal(v.data.len, len);
    assert_memory_equal(v.data.data, data, len);
    assert_true(kj_registry_find_value(&f.reg, f.reg.root, kj_span_str("long"), NULL, &v));
    assert_int_equal(v.broken, needs_arena);
    free(data);
    end(&f);
}

static void test_long_values(void **state)
{
    (void)state;
    check_long_value(5, 16344, false);
    check_long_value(5, 16345, true);
    check_long_value(5, 81725, true);
    check_long_value(4, 16345, true);
    check_long_value(3, 81725, false);
}

static void test_paths_and_links(void **state)
{
    fixture f;
    (void)state;
    begin(&f, 5);
    uint32_t a = add_key(&f, "A"), b = hive_key(&f.hive, a, hive_name("B"));
    uint32_t link = hive_key(&f.hive, a, hive_name("C"));
    hive_patch(&f.hive, link, 2, KJ_REGF_NK_BYTES | KJ_REGF_NK_LINK, 2);
    add_subkeys(&f, KJ_REGF_LH, &a, 1);
    const uint32_t keys[] = {b, link};
    hive_set_subkeys(&f.hive, a, hive_list(&f.hive, KJ_REGF_LH, keys, 2), 2);
    open_hive(&f);
    kj_buf out;
    kj_buf_init(&out, 1 << 12);
    kj_registry_path(&f.reg, b, &out);
    assert_string_equal(kj_buf_text(&out), "A\\B");
    kj_buf_clear(&out);
    kj_registry_path(&f.reg, f.reg.root, &out);
    assert_int_equal(out.len, 0);
    kj_reg_key_info info;
    assert_true(kj_registry_key(&f.reg, find(&f, "a\\c"), &info));
    assert_true(info.is_link);
    assert_int_equal(info.parent, a);
    assert_true(kj_registry_key(&f.reg, f.reg.root, &info));
    assert_int_equal(info.parent, KJ_REG_NONE);
    assert_false(info.is_link);
    kj_buf_done(&out);
    end(&f);
}

static void test_texts(void **state)
{
    static const struct {
        uint32_t type;
        kj_span data;
        bool is_text;
        const char *text;
    } rows[] = {
        {KJ_REG_SZ, {(const uint8_t *)"a\0b\0\0\0c\0", 8}, true, "ab"},
        {KJ_REG_SZ, {(const uint8_t *)"a\0b", 3}, true, "a"},
        {KJ_REG_EXPAND_SZ, {(const uint8_t *)"\xE4\0", 2}, true, "\xC3\xA4"},
        {KJ_REG_LINK, {(const uint8_t *)"\\\0x\0", 4}, true, "\\x"},
        {KJ_REG_MULTI_SZ, {(const uint8_t *)"a\0\0\0b\0c\0\0\0\0\0d\0", 14}, true, "a\nbc\n"},
        {KJ_REG_MULTI_SZ, {(const uint8_t *)"a\0", 2}, true, "a\n"},
        {KJ_REG_MULTI_SZ, {NULL, 0}, true, ""},
        {KJ_REG_DWORD, {(const uint8_t *)"\xFE\xFF\xFF\xFF", 4}, false, "4294967294"},
        {KJ_REG_DWORD_BE, {(const uint8_t *)"\0\0\1\2", 4}, false, "258"},
        {KJ_REG_QWORD, {(const uint8_t *)"\0\0\0\0\1\0\0\0", 8}, false, "4294967296"},
        {KJ_REG_DWORD, {(const uint8_t *)"\1\2", 2}, false, "0102"},
        {KJ_REG_BINARY, {(const uint8_t *)"\0\xAB", 2}, false, "00ab"},
        {77, {(const uint8_t *)"\x10", 1}, false, "10"},
    };
    (void)state;
    kj_registry reg = {.form = KJ_REGISTRY_REGF};
    kj_buf out;
    kj_buf_init(&out, 1 << 10);
    for (size_t i = 0; i < KJ_COUNT(rows); i++) {
        kj_reg_value value = {.type = rows[i].type, .data = rows[i].data};
        kj_buf_clear(&out);
        assert_int_equal(kj_reg_value_text(&reg, &value, &out), rows[i].is_text);
        assert_string_equal(kj_buf_text(&out), rows[i].text);
    }
    reg.form = KJ_REGISTRY_CREG;
    kj_reg_value value = {.type = KJ_REG_SZ, .data = kj_span_str("\x80\xE4")};
    kj_buf_clear(&out);
    assert_true(kj_reg_value_text(&reg, &value, &out));
    assert_string_equal(kj_buf_text(&out), "\xE2\x82\xAC\xC3\xA4");
    kj_buf_done(&out);
    char buf[16];
    assert_string_equal(kj_reg_type_name(KJ_REG_QWORD, buf), "REG_QWORD");
    assert_string_equal(kj_reg_type_name(0xFFFFFFFF, buf), "REG_0xFFFFFFFF");
}

/* ---- what is hostile ------------------------------------------------------------------------ */

static void assert_refused(fixture *f, kj_status wanted, size_t len)
{
    kj_error err = {0};
    kj_registry reg;
    kj_span bytes = kj_span_sub(kj_buf_span(&f->hive.bytes), 0, len);
    assert_int_equal(kj_registry_open(bytes, &f->arena, &reg, &err), wanted);
    assert_true(err.message[0]);
}

static void test_what_is_no_hive(void **state)
{
    fixture f;
    (void)state;
    begin(&f, 5);
    hive_finish(&f.hive);
    assert_refused(&f, KJ_TRUNCATED, 100);
    assert_refused(&f, KJ_TRUNCATED, 4096);
    assert_refused(&f, KJ_MALFORMED, 4096 + 64); /* without the root */
    hive_put(&f.hive, 20, 2, 4);
    assert_refused(&f, KJ_UNSUPPORTED, SIZE_MAX);
    hive_put(&f.hive, 20, 1, 4);
    hive_put(&f.hive, KJ_REGF_ROOT_AT, 0x10, 4); /* in the header of the bin */
    assert_refused(&f, KJ_MALFORMED, SIZE_MAX);
    f.hive.bytes.data[0] = 'x';
    assert_refused(&f, KJ_MALFORMED, SIZE_MAX);
    end(&f);
}

static void test_dirty(void **state)
{
    fixture f;
    (void)state;
    begin(&f, 6);
    open_hive(&f);
    assert_false(f.reg.is_dirty);
    assert_true(f.reg.is_layered);
    hive_put(&f.hive, KJ_REGF_SEQUENCE1_AT, 8, 4);
    hive_sum(&f.hive);
    kj_error err;
    kj_span bytes = kj_buf_span(&f.hive.bytes);
    assert_int_equal(kj_registry_open(bytes, &f.arena, &f.reg, &err), KJ_OK);
    assert_true(f.reg.is_dirty);
    hive_put(&f.hive, KJ_REGF_SEQUENCE1_AT, 7, 4); /* the checksum is wrong now */
    assert_int_equal(kj_registry_open(bytes, &f.arena, &f.reg, &err), KJ_OK);
    assert_true(f.reg.is_dirty);
    end(&f);
}

/* As Windows looks keys up: by hash, where there is one. */
static void test_wrong_hash(void **state)
{
    fixture f;
    (void)state;
    begin(&f, 5);
    uint32_t key = add_key(&f, "a"), list = hive_list(&f.hive, KJ_REGF_LH, &key, 1);
    hive_set_subkeys(&f.hive, f.hive.root, list, 1);
    open_hive(&f);
    assert_int_equal(find(&f, "A"), key);
    hive_patch(&f.hive, list, 8, 'B', 4);
    assert_int_equal(find(&f, "A"), KJ_REG_NONE);
    end(&f);
}

static void test_cells(void **state)
{
    fixture f;
    (void)state;
    begin(&f, 5);
    uint32_t cell = hive_cell(&f.hive, kj_span_str("abcd"));
    hive_put(&f.hive, KJ_REGF_HEADER_LEN + 16, (uint32_t)-16, 4);
    open_hive(&f);
    assert_int_equal(kj_regf_cell(&f.reg, cell).len, 4);
    assert_null(kj_regf_cell(&f.reg, 16).data); /* in the bin's header */
    assert_null(kj_regf_cell(&f.reg, cell + 8).data);
    assert_null(kj_regf_cell(&f.reg, cell + 4).data);
    hive_set_size(&f.hive, cell, 8); /* free */
    assert_null(kj_regf_cell(&f.reg, cell).data);
    hive_set_size(&f.hive, cell, INT32_MIN);
    assert_null(kj_regf_cell(&f.reg, cell).data);
    end(&f);
}

/* How many subkeys, and how many that were skipped. */
static void assert_subkeys(const fixture *f, kj_reg_key key, size_t wanted, size_t skipped)
{
    kj_reg_iter it = {0};
    kj_reg_key_info info;
    size_t count = 0;
    while (kj_registry_next_subkey(&f->reg, key, &it, &info))
        count++;
    assert_int_equal(count, wanted);
    assert_int_equal(it.skipped, skipped);
}

static void test_wild_subkeys(void **state)
{
    fixture f;
    (void)state;
    begin(&f, 5);
    uint32_t good = add_key(&f, "good"), self = add_key(&f, "self");
    uint32_t value = hive_value(&f.hive, hive_name("v"), KJ_REG_NO_TYPE, kj_span_str(""));
    uint32_t list = hive_list(&f.hive, KJ_REGF_LI, &good, 1);
    const uint32_t items[] = {good,        0,          0xFFFFFFF8, 1,    KJ_REG_NONE,
                              f.hive.root, 0x7FFFFFF8, value,      list, good + 8};
    add_subkeys(&f, KJ_REGF_LI, items, KJ_COUNT(items));
    hive_set_subkeys(&f.hive, self, hive_list(&f.hive, KJ_REGF_LH, &self, 1), 1);
    open_hive(&f);
    assert_subkeys(&f, f.reg.root, 1, KJ_COUNT(items) - 1);
    assert_subkeys(&f, self, 0, 1);
    assert_subkeys(&f, value, 0, 0);
    assert_subkeys(&f, KJ_REG_NONE, 0, 0);
    end(&f);
}

static void test_lying_counts(void **state)
{
    fixture f;
    (void)state;
    begin(&f, 5);
    uint32_t keys[] = {add_key(&f, "a"), add_key(&f, "b"), add_key(&f, "c")};
    uint32_t list = hive_list(&f.hive, KJ_REGF_LI, keys, 3); /* the cell has room for three */
    hive_patch(&f.hive, list, 2, UINT16_MAX, 2);
    hive_set_subkeys(&f.hive, f.hive.root, list, UINT32_MAX);
    hive_set_values(&f.hive, f.hive.root, keys, 3);
    hive_patch(&f.hive, f.hive.root, 36, UINT32_MAX, 4);
    open_hive(&f);
    assert_subkeys(&f, f.reg.root, 3, KJ_REGISTRY_ITEMS_MAX - 3);
    kj_reg_iter it = {0};
    kj_reg_value v;
    assert_false(kj_registry_next_value(&f.reg, f.reg.root, &it, NULL, &v));
    assert_int_equal(it.skipped, KJ_REGISTRY_ITEMS_MAX);
    hive_patch(&f.hive, f.hive.root, 20, 2, 4); /* no more than the key announces */
    assert_subkeys(&f, f.reg.root, 2, 0);
    end(&f);
}

/* An ri that leads to itself, to another ri, and 65,535 times to one list. */
static void test_lists_in_lists(void **state)
{
    fixture f;
    (void)state;
    begin(&f, 5);
    uint32_t key = add_key(&f, "a");
    static uint32_t many[UINT16_MAX];
    uint32_t inner = hive_list(&f.hive, KJ_REGF_LI, &key, 1);
    for (size_t i = 0; i < KJ_COUNT(many); i++)
        many[i] = inner;
    uint32_t flat = hive_list(&f.hive, KJ_REGF_RI, many, KJ_COUNT(many));
    hive_set_subkeys(&f.hive, f.hive.root, flat, UINT32_MAX);
    uint32_t nested = add_key(&f, "nested"), outer[] = {flat, 0, inner};
    uint32_t list = hive_list(&f.hive, KJ_REGF_RI, outer, 3);
    hive_patch(&f.hive, list, 8, list, 4);
    hive_set_subkeys(&f.hive, nested, list, 5);
    open_hive(&f);
    assert_subkeys(&f, f.reg.root, UINT16_MAX, KJ_REGISTRY_ITEMS_MAX - UINT16_MAX);
    assert_subkeys(&f, nested, 1, 4);
    end(&f);
}

static void test_wild_values(void **state)
{
    fixture f;
    (void)state;
    begin(&f, 5);
    uint32_t beyond = hive_value(&f.hive, hive_name("a"), KJ_REG_BINARY, kj_span_str("abcdefgh"));
    hive_patch(&f.hive, beyond, 4, 5000, 4); /* longer than its cell */
    uint32_t lost = hive_value(&f.hive, hive_name("b"), KJ_REG_BINARY, kj_span_str("abcdefgh"));
    hive_patch(&f.hive, lost, 8, 0x7FFFFFF8, 4);
    uint32_t fat = hive_value(&f.hive, hive_name("c"), KJ_REG_BINARY, kj_span_str("abc"));
    hive_patch(&f.hive, fat, 4, KJ_REGF_INLINE | 500, 4);
    uint32_t name = hive_value(&f.hive, hive_name("d"), KJ_REG_BINARY, kj_span_str("abc"));
    hive_patch(&f.hive, name, 2, 5000, 2);
    const uint32_t values[] = {beyond, name, lost, f.hive.root, fat};
    hive_set_values(&f.hive, f.hive.root, values, KJ_COUNT(values));
    open_hive(&f);
    static const size_t lens[] = {12, 0, 4};
    kj_reg_value v;
    kj_reg_iter it = {0};
    for (size_t i = 0; i < KJ_COUNT(lens); i++) {
        assert_true(kj_registry_next_value(&f.reg, f.reg.root, &it, &f.arena, &v));
        assert_true(v.broken);
        assert_int_equal(v.data.len, lens[i]);
    }
    assert_false(kj_registry_next_value(&f.reg, f.reg.root, &it, &f.arena, &v));
    assert_int_equal(it.skipped, 2);
    end(&f);
}

/* A small hive that claims a large value: a segment that 60,000 elements lead to. */
static void test_segments_bomb(void **state)
{
    fixture f;
    (void)state;
    begin(&f, 5);
    static uint8_t data[2 * KJ_REGF_SEGMENT_LEN];
    static uint32_t segments[60000];
    memset(data, 'x', sizeof data);
    uint32_t value =
        hive_value(&f.hive, hive_name(""), KJ_REG_BINARY, kj_span_of(data, sizeof data));
    uint32_t segment = hive_cell(&f.hive, kj_span_of(data, KJ_REGF_SEGMENT_LEN));
    for (size_t i = 0; i < KJ_COUNT(segments); i++)
        segments[i] = segment;
    hive_set_values(&f.hive, f.hive.root, &value, 1);
    hive_finish(&f.hive);
    uint32_t list = hive_u32_list(&f.hive, segments, KJ_COUNT(segments));
    kj_buf db;
    kj_buf_init(&db, 64);
    kj_buf_put_text(&db, "db");
    kj_buf_put_u16le(&db, (uint16_t)KJ_COUNT(segments));
    kj_buf_put_u32le(&db, list);
    hive_patch(&f.hive, value, 8, hive_cell_of(&f.hive, &db), 4);
    hive_patch(&f.hive, value, 4, 3000 * KJ_REGF_SEGMENT_LEN, 4);
    open_hive(&f);
    kj_reg_value v;
    assert_true(kj_registry_find_value(&f.reg, f.reg.root, kj_span_str(""), &f.arena, &v));
    assert_true(v.broken);
    assert_true(v.data.len <= f.reg.data_size);
    end(&f);
}

/* Parents in a circle: the path ends. */
static void test_circle_of_parents(void **state)
{
    fixture f;
    (void)state;
    begin(&f, 5);
    uint32_t a = add_key(&f, "a"), b = hive_key(&f.hive, a, hive_name("b"));
    hive_patch(&f.hive, a, 16, b, 4);
    open_hive(&f);
    kj_buf out;
    kj_buf_init(&out, 1 << 12);
    kj_registry_path(&f.reg, b, &out);
    assert_int_equal(out.len, 2 * 512 - 1);
    kj_buf_done(&out);
    end(&f);
}

/* A bin without a header hides its cells from nobody; a cell that crosses into the next bin is
 * none. */
static void test_broken_bins(void **state)
{
    fixture f;
    (void)state;
    begin(&f, 5);
    static uint8_t filler[3000];
    uint32_t first = add_key(&f, "a");
    (void)hive_cell(&f.hive, kj_span_of(filler, sizeof filler));
    (void)hive_cell(&f.hive, kj_span_of(filler, sizeof filler)); /* in a second bin */
    uint32_t second = add_key(&f, "b");
    const uint32_t keys[] = {first, second};
    add_subkeys(&f, KJ_REGF_LI, keys, 2);
    open_hive(&f);
    assert_true(second > KJ_REGF_PAGE);
    hive_put(&f.hive, KJ_REGF_HEADER_LEN + KJ_REGF_PAGE, 0, 4);
    open_hive(&f);
    assert_subkeys(&f, f.reg.root, 2, 0);
    hive_set_size(&f.hive, first, -(int32_t)(KJ_REGF_PAGE * 2 - first));
    open_hive(&f);
    assert_subkeys(&f, f.reg.root, 1, 1);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_upper_case),      cmocka_unit_test(test_names),
        cmocka_unit_test(test_order),           cmocka_unit_test(test_lists_of_subkeys),
        cmocka_unit_test(test_values),          cmocka_unit_test(test_long_values),
        cmocka_unit_test(test_paths_and_links), cmocka_unit_test(test_texts),
        cmocka_unit_test(test_what_is_no_hive), cmocka_unit_test(test_dirty),
        cmocka_unit_test(test_wrong_hash),      cmocka_unit_test(test_cells),
        cmocka_unit_test(test_wild_subkeys),    cmocka_unit_test(test_lying_counts),
        cmocka_unit_test(test_lists_in_lists),  cmocka_unit_test(test_wild_values),
        cmocka_unit_test(test_segments_bomb),   cmocka_unit_test(test_circle_of_parents),
        cmocka_unit_test(test_broken_bins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
