/* SPDX-License-Identifier: Apache-2.0 */
/* A sound hive that is changed as the input says, after a few bytes of it were broken:
 *
 *     u8 which hive, u8 how many bytes are broken; u16 where and u8 what, each
 *     operations: u8 which, u8 which key or value, u8 how much data
 *
 * The edits, taken back, give the hive again; carried out, they give a hive in which the check
 * finds nothing that it did not find before. */
#include "base/reader.h"
#include "tests/formats/apply_edits.h"
#include "tests/formats/hive_builder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum {
    ARENA_MAX = 256 << 20,
    HIVE_MAX = 4 << 20,
    BREAKS_MAX = 8,
    OPERATIONS_MAX = 64,
    ITEMS_MAX = 256, /* keys and values that an operation can mean */
    DATA_MAX = 40000,
    KEYS = 6,
};

static void expect(bool holds)
{
    if (!holds)
        abort();
}

/* Six keys below the root in lists of one kind, each with values, the last with keys below it. */
static void build(hive *h, uint8_t which)
{
    static const uint16_t kinds[] = {KJ_REGF_LF, KJ_REGF_LH, KJ_REGF_LI, KJ_REGF_RI};
    static const char *const names[] = {"A", "B", "C", "D", "E", "F", "below", "Run"};
    static uint8_t data[DATA_MAX];
    uint16_t kind = kinds[which % KJ_COUNT(kinds)];
    uint32_t keys[KEYS], values[3], below[2];
    hive_init(h, which & 0x80 ? 3 : 5);
    for (size_t i = 0; i < KEYS; i++) {
        keys[i] = hive_key(h, h->root, hive_name(names[i]));
        values[0] = hive_value(h, hive_name("number"), KJ_REG_DWORD, kj_span_of(data, 4));
        values[1] = hive_value(h, hive_name(""), KJ_REG_SZ, kj_span_of(data, 8 + 16 * i));
        values[2] = hive_value(h, hive_name("long"), KJ_REG_BINARY, kj_span_of(data, 4000 * i + 5));
        hive_set_values(h, keys[i], values, 3);
    }
    for (size_t i = 0; i < 2; i++)
        below[i] = hive_key(h, keys[KEYS - 1], hive_name(names[KEYS + i]));
    hive_set_subkeys(h, keys[KEYS - 1], hive_list(h, KJ_REGF_LH, below, 2), 2);
    uint32_t list;
    if (kind == KJ_REGF_RI) {
        uint32_t parts[] = {hive_list(h, KJ_REGF_LH, keys, 1),
                            hive_list(h, KJ_REGF_LF, keys + 1, 3),
                            hive_list(h, KJ_REGF_LI, keys + 4, 2)};
        list = hive_list(h, kind, parts, KJ_COUNT(parts));
    } else {
        list = hive_list(h, kind, keys, KEYS);
    }
    hive_set_subkeys(h, h->root, list, KEYS);
    hive_finish(h);
}

/* Returns whether nothing was broken. */
static bool break_bytes(hive *h, kj_reader *r)
{
    size_t count = kj_read_u8(r) % BREAKS_MAX;
    for (size_t i = 0; i < count; i++) {
        size_t at = kj_read_u16le(r);
        uint8_t value = kj_read_u8(r);
        if (kj_reader_ok(r) && at < h->bytes.len)
            h->bytes.data[at] = value;
    }
    if (count)
        hive_sum(h);
    return count == 0;
}

/* All keys and values, so that a byte can mean one. */
typedef struct items {
    kj_reg_key keys[ITEMS_MAX];
    size_t key_count;
    kj_reg_key owners[ITEMS_MAX];
    kj_reg_value values[ITEMS_MAX];
    size_t value_count;
} items;

static void collect(const kj_registry *reg, items *out)
{
    *out = (items){.keys = {reg->root}, .key_count = 1};
    for (size_t i = 0; i < out->key_count; i++) {
        kj_reg_iter it = {0}, below = {0};
        kj_reg_key_info info;
        while (out->value_count < ITEMS_MAX &&
               kj_registry_next_value(reg, out->keys[i], &it, NULL, &out->values[out->value_count]))
            out->owners[out->value_count++] = out->keys[i];
        while (out->key_count < ITEMS_MAX &&
               kj_registry_next_subkey(reg, out->keys[i], &below, &info))
            out->keys[out->key_count++] = info.key;
    }
}

static kj_status operate(kj_regf_editor *editor, uint8_t which, uint8_t item, uint8_t amount)
{
    enum { DELETE_VALUE, DELETE_KEY, SET, ADD, OPERATIONS };
    static uint8_t data[UINT8_MAX * UINT8_MAX];
    static items all;
    const char name[] = {(char)('a' + amount % 26), 0};
    collect(kj_regf_editor_registry(editor), &all);
    kj_reg_key key = all.keys[item % all.key_count];
    size_t value = all.value_count ? item % all.value_count : 0;
    kj_span some = kj_span_of(data, amount < 128 ? amount : (size_t)amount * amount);
    which %= OPERATIONS;
    if (which == DELETE_KEY)
        return kj_regf_delete_key(editor, key, NULL);
    if (which == ADD || all.value_count == 0)
        return kj_regf_set_value(editor, key, hive_name(name), item, some, NULL);
    if (which == SET)
        return kj_regf_set_value(editor, all.owners[value], all.values[value].name, amount, some,
                                 NULL);
    return kj_regf_delete_value(editor, all.owners[value], all.values[value].id, NULL);
}

/* What fails leaves the hive as it was. */
static void operate_or_not(kj_regf_editor *editor, kj_reader *r)
{
    static uint8_t before[HIVE_MAX];
    uint8_t which = kj_read_u8(r), item = kj_read_u8(r), amount = kj_read_u8(r);
    if (!kj_reader_ok(r))
        return;
    kj_span now = kj_regf_editor_registry(editor)->bytes;
    memcpy(before, now.data, now.len);
    if (operate(editor, which, item, amount) == KJ_OK)
        return;
    expect(kj_span_equal(kj_regf_editor_registry(editor)->bytes, kj_span_of(before, now.len)));
}

static kj_regf_checked check(kj_span file, kj_arena *arena)
{
    kj_registry reg;
    kj_regf_checked checked;
    expect(kj_registry_open(file, arena, &reg, NULL) == KJ_OK);
    expect(kj_regf_check(&reg, arena, NULL, NULL, &checked, NULL) == KJ_OK);
    return checked;
}

static void finish(kj_regf_editor *editor, bool sound, kj_span disk, kj_arena *arena,
                   kj_buf *changed, kj_buf *restored)
{
    kj_edits edits, back;
    if (kj_regf_edit_finish(editor, &edits, NULL) != KJ_OK) {
        expect(!sound);
        return;
    }
    expect(apply_edits(disk, edits, changed));
    expect(kj_edits_reverse(arena, edits, &back, NULL) == KJ_OK);
    expect(apply_edits(kj_buf_span(changed), back, restored));
    expect(kj_span_equal(kj_buf_span(restored), disk));
    kj_regf_checked before = check(disk, arena), after = check(kj_buf_span(changed), arena);
    expect(after.errors <= before.errors && after.warnings <= before.warnings);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    kj_reader r = kj_reader_of(kj_span_of(data, len));
    kj_regf_replay replay = {.state = KJ_REGF_CLEAN};
    kj_regf_editor *editor = NULL;
    kj_buf copy, changed, restored;
    kj_arena arena;
    hive h;
    build(&h, kj_read_u8(&r));
    bool sound = break_bytes(&h, &r);
    kj_arena_init(&arena, ARENA_MAX);
    kj_buf_init(&copy, HIVE_MAX);
    kj_buf_init(&changed, HIVE_MAX);
    kj_buf_init(&restored, HIVE_MAX);
    kj_span disk = kj_buf_span(&h.bytes);
    kj_buf_put(&copy, disk);
    if (kj_regf_edit(disk, &copy, &replay, true, &arena, &editor, NULL) == KJ_OK) {
        for (size_t i = 0; i < OPERATIONS_MAX; i++)
            operate_or_not(editor, &r);
        finish(editor, sound, disk, &arena, &changed, &restored);
    }
    kj_regf_editor_free(editor);
    kj_buf_done(&restored);
    kj_buf_done(&changed);
    kj_buf_done(&copy);
    kj_arena_done(&arena);
    hive_done(&h);
    return 0;
}
