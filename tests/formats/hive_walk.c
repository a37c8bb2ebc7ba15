/* SPDX-License-Identifier: Apache-2.0 */
/* Shows what is in a hive: hive_walk FILE
 *
 *     key PATH
 *     value PATH<TAB>NAME<TAB>TYPE<TAB>HEX
 *     checked ERRORS WARNINGS
 *
 * Fails when something was skipped or broken, or the strict check found an error. */
#include "base/cleanup.h"
#include "base/file.h"
#include "formats/regf.h"

#include <stdio.h>

enum { FILE_MAX = 256 << 20, DEPTH_MAX = 512 };

typedef struct walk {
    kj_registry reg;
    kj_arena arena;
    kj_buf line;
    size_t faults;
} walk;

static void show(walk *w)
{
    (void)printf("%s\n", kj_buf_text(&w->line));
    kj_buf_clear(&w->line);
}

static void show_values(walk *w, kj_reg_key key)
{
    kj_reg_iter it = {0};
    kj_reg_value value;
    while (kj_registry_next_value(&w->reg, key, &it, &w->arena, &value)) {
        kj_buf_put_text(&w->line, "value ");
        kj_registry_path(&w->reg, key, &w->line);
        kj_buf_put_byte(&w->line, '\t');
        kj_reg_name_text(value.name, &w->line);
        kj_buf_printf(&w->line, "\t%u\t", value.type);
        for (size_t i = 0; i < value.data.len; i++)
            kj_buf_printf(&w->line, "%02x", value.data.data[i]);
        show(w);
        w->faults += value.broken;
    }
    w->faults += it.skipped;
}

static void show_key(walk *w, kj_reg_key key, size_t depth)
{
    kj_reg_iter it = {0};
    kj_reg_key_info info;
    kj_buf_put_text(&w->line, "key ");
    kj_registry_path(&w->reg, key, &w->line);
    show(w);
    show_values(w, key);
    while (depth < DEPTH_MAX && kj_registry_next_subkey(&w->reg, key, &it, &info))
        show_key(w, info.key, depth + 1);
    w->faults += it.skipped;
}

int main(int argc, char **argv)
{
    KJ_CLEANUP(kj_buf_done) kj_buf bytes;
    kj_error err = {0};
    kj_regf_checked checked = {0};
    walk w = {0};
    kj_buf_init(&bytes, FILE_MAX);
    kj_buf_init(&w.line, FILE_MAX);
    kj_arena_init(&w.arena, FILE_MAX);
    bool ok = argc == 2 && kj_file_read(argv[1], &bytes, &err) == KJ_OK &&
              kj_registry_open(kj_buf_span(&bytes), &w.arena, &w.reg, &err) == KJ_OK;
    if (ok) {
        show_key(&w, w.reg.root, 0);
        ok = kj_regf_check(&w.reg, &w.arena, NULL, NULL, &checked, &err) == KJ_OK;
    }
    if (ok)
        (void)printf("checked %llu %llu\n", (unsigned long long)checked.errors,
                     (unsigned long long)checked.warnings);
    else
        (void)fprintf(stderr, "hive_walk: %s\n", err.message);
    kj_arena_done(&w.arena);
    kj_buf_done(&w.line);
    return !ok || w.faults || checked.errors;
}
