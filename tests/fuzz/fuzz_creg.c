/* SPDX-License-Identifier: Apache-2.0 */
/* A registry of Windows 9x, and behind it two bytes: which value is changed, and how. What comes
 * out is what went in but for that value; the library has looked at that already, so here values
 * are only counted. */
#include "base/arith.h"
#include "formats/creg.h"
#include "tests/formats/apply_edits.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum {
    FILE_MAX = 1 << 20,
    ARENA_MAX = 256 << 20,
    CHOICE_LEN = 2,
    DELETE = 255,
};

static void expect(bool holds)
{
    if (!holds)
        abort();
}

typedef struct census {
    size_t keys;
    size_t values;
    size_t wanted; /* number of a value */
    kj_reg_key key;
    kj_reg_value value; /* that one */
} census;

/* Depth is that of a tree of at most FILE_MAX / 28 nodes: the fuzzer's inputs are short. */
static void count(const kj_registry *reg, kj_reg_key key, census *c)
{
    kj_reg_iter it = {0};
    kj_reg_value value;
    kj_reg_key_info info;
    c->keys++;
    while (kj_registry_next_value(reg, key, &it, NULL, &value))
        if (c->values++ == c->wanted) {
            c->key = key;
            c->value = value;
        }
    it = (kj_reg_iter){0};
    while (kj_registry_next_subkey(reg, key, &it, &info)) {
        expect(info.parent == key);
        count(reg, info.key, c);
    }
}

static void change(const kj_registry *reg, const census *before, uint8_t how, kj_arena *arena,
                   kj_buf *changed)
{
    kj_edits edits;
    kj_registry after;
    census c = {.wanted = SIZE_MAX};
    kj_span data = kj_span_sub(before->value.data, 0, how);
    kj_status status =
        how == DELETE
            ? kj_creg_delete_value(reg, before->key, before->value.id, arena, &edits, NULL)
            : kj_creg_set_value(reg, before->key, before->value.id, data, arena, &edits, NULL);
    if (status != KJ_OK)
        return;
    expect(apply_edits(reg->bytes, edits, changed));
    expect(kj_registry_open(kj_buf_span(changed), arena, &after, NULL) == KJ_OK);
    count(&after, after.root, &c);
    expect(c.keys == before->keys && c.values == before->values - (how == DELETE));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    kj_arena arena;
    kj_buf changed;
    kj_registry reg;
    if (len < CHOICE_LEN)
        return 0;
    kj_span file = kj_span_of(data, len - CHOICE_LEN);
    kj_arena_init(&arena, ARENA_MAX);
    kj_buf_init(&changed, FILE_MAX);
    if (kj_registry_open(file, &arena, &reg, NULL) == KJ_OK && reg.form == KJ_REGISTRY_CREG) {
        census before = {.wanted = data[len - 2]};
        count(&reg, reg.root, &before);
        if (before.wanted < before.values)
            change(&reg, &before, data[len - 1], &arena, &changed);
    }
    kj_buf_done(&changed);
    kj_arena_done(&arena);
    return 0;
}
