/* SPDX-License-Identifier: Apache-2.0 */
/* yara_check [-q] FILE...: compiles each file by itself, as a test compares it with yara. Prints
 * "FILE: OK" or "FILE: FAIL" and the diagnostics. */
#include "base/file.h"
#include "rules/yara/yara.h"
#include "tests/rules/yara_schema.h"

#include <libgen.h>
#include <stdio.h>

enum { LARGEST = 64 << 20 };

static const kj_source *include_file(void *user, kj_ir *ir, const kj_source *from, kj_span path,
                                     kj_error *err)
{
    (void)user;
    char *folder = kj_arena_strdup(&ir->arena, from->name);
    char *name = folder ? kj_arena_printf(&ir->arena, "%s/%.*s", dirname(folder), (int)path.len,
                                          (const char *)path.data)
                        : NULL;
    kj_buf text;
    kj_buf_init(&text, LARGEST);
    const kj_source *source = NULL;
    if (name && kj_file_read(name, &text, err) == KJ_OK)
        source = kj_ir_add_source(ir, name, kj_buf_span(&text));
    kj_buf_done(&text);
    return source;
}

static void add_externals(kj_ir *ir)
{
    for (size_t i = 0; i < KJ_COUNT(yara_test_externals); i++) {
        kj_external *external = kj_vec_push(&ir->externals);
        if (external)
            *external =
                (kj_external){kj_span_str(yara_test_externals[i]), kj_value_text(kj_span_str(""))};
    }
}

static void print_diags(const kj_ir *ir)
{
    kj_buf out;
    kj_buf_init(&out, 16 << 20);
    for (size_t i = 0; i < ir->diags.list.count; i++)
        kj_diag_print(&ir->diags.list.items[i], false, &out);
    printf("%s", kj_buf_text(&out));
    kj_buf_done(&out);
}

static void check(const char *path, bool quiet)
{
    kj_ir ir;
    kj_error err = {0};
    kj_buf text;
    kj_yara_options options = {.schemas = yara_test_schemas,
                               .schema_count = KJ_COUNT(yara_test_schemas),
                               .threat = KJ_NONE,
                               .include = include_file};
    kj_ir_init(&ir, (size_t)1 << 30);
    add_externals(&ir);
    kj_buf_init(&text, LARGEST);
    kj_status status = kj_file_read(path, &text, &err);
    if (status == KJ_OK) {
        const kj_source *source = kj_ir_add_source(&ir, path, kj_buf_span(&text));
        status = source ? kj_yara_compile(&ir, source, 0, SIZE_MAX, &options, &err) : KJ_NO_MEMORY;
    }
    bool ok = status == KJ_OK && kj_diags_ok(&ir.diags);
    printf("%s: %s %s\n", path, ok ? "OK" : "FAIL", err.message);
    if (quiet)
        printf("rules %zu patterns %zu memory %zu\n", ir.rules.count, ir.patterns.count,
               ir.arena.used);
    if (!quiet || !ok)
        print_diags(&ir);
    kj_buf_done(&text);
    kj_ir_done(&ir);
}

int main(int argc, char **argv)
{
    bool quiet = argc > 1 && strcmp(argv[1], "-q") == 0;
    for (int i = quiet ? 2 : 1; i < argc; i++)
        check(argv[i], quiet);
    return 0;
}
