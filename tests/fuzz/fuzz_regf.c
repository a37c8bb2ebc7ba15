/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a hive of Windows NT: everything is walked, then checked. What the strict check
 * finds no fault with, reading finds whole: the same keys and values, nothing skipped, nothing
 * broken. */
#include "base/arith.h"
#include "formats/regf.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum {
    ARENA_MAX = 64 << 20,
    DEPTH_MAX = 512,
    STEPS_MAX = 20000, /* keys in lists of each other: callers have to stop, too */
    TEXT_MAX = 1 << 16,
};

static void expect(bool holds)
{
    if (!holds)
        abort();
}

typedef struct walk {
    const kj_registry *reg;
    kj_arena *arena;
    kj_buf text;
    size_t steps;
    uint64_t keys;
    uint64_t values;
    uint64_t faults; /* skipped, broken or not looked at */
} walk;

static void visit_values(walk *w, kj_reg_key key)
{
    kj_reg_iter it = {0};
    kj_reg_value value;
    kj_arena_mark mark = kj_arena_get_mark(w->arena);
    while (w->steps < STEPS_MAX && kj_registry_next_value(w->reg, key, &it, w->arena, &value)) {
        w->steps++;
        w->values++;
        w->faults += value.broken;
        kj_buf_clear(&w->text);
        kj_reg_name_text(value.name, &w->text);
        (void)kj_reg_value_text(w->reg, &value, &w->text);
        kj_arena_rewind(w->arena, mark);
    }
    w->faults += it.skipped;
}

static void visit(walk *w, kj_reg_key key, size_t depth)
{
    kj_reg_iter it = {0};
    kj_reg_key_info info;
    w->keys++;
    visit_values(w, key);
    while (w->steps < STEPS_MAX && kj_registry_next_subkey(w->reg, key, &it, &info)) {
        w->steps++;
        kj_buf_clear(&w->text);
        kj_registry_path(w->reg, info.key, &w->text);
        (void)kj_registry_find(w->reg, w->reg->root, kj_buf_span(&w->text));
        if (depth < DEPTH_MAX)
            visit(w, info.key, depth + 1);
        else
            w->faults++;
    }
    w->faults += it.skipped;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    kj_arena arena;
    kj_registry reg;
    kj_regf_checked checked;
    kj_arena_init(&arena, ARENA_MAX);
    if (kj_registry_open(kj_span_of(data, len), &arena, &reg, NULL) == KJ_OK &&
        reg.form == KJ_REGISTRY_REGF) {
        walk w = {.reg = &reg, .arena = &arena};
        kj_buf_init(&w.text, TEXT_MAX);
        visit(&w, reg.root, 0);
        expect(kj_regf_check(&reg, &arena, NULL, NULL, &checked, NULL) == KJ_OK);
        if (checked.errors == 0 && w.steps < STEPS_MAX)
            expect(w.faults == 0 && w.keys == checked.keys && w.values == checked.values);
        kj_buf_done(&w.text);
    }
    kj_arena_done(&arena);
    return 0;
}
