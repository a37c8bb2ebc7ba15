/* SPDX-License-Identifier: Apache-2.0 */
/* matches RULES FILE...: compiles the rules and prints where their strings are in each file,
 * whatever the conditions say, a line each: FILE RULE $ID OFFSET LENGTH. What `yara -s -L` would
 * say. */
#include "base/arith.h"
#include "base/file.h"
#include "match/search.h"
#include "rules/yara/yara.h"
#include "tests/match/tree.h"

#include <stdio.h>

static bool compile(kj_ir *ir, const char *path)
{
    kj_buf text;
    kj_error err = {0};
    kj_buf_init(&text, 256 << 20);
    const kj_yara_options options = {.threat = KJ_NONE};
    kj_status status = kj_file_read(path, &text, &err);
    const kj_source *source =
        status == KJ_OK ? kj_ir_add_source(ir, path, kj_buf_span(&text)) : NULL;
    if (source)
        status = kj_yara_compile(ir, source, 0, source->text.len, &options, &err);
    kj_buf_done(&text);
    if (status != KJ_OK || !source)
        fprintf(stderr, "%s: %s\n", path, err.message);
    kj_buf shown;
    kj_buf_init(&shown, 1 << 20);
    for (size_t i = 0; i < ir->diags.list.count; i++)
        kj_diag_print(&ir->diags.list.items[i], false, &shown);
    fprintf(stderr, "%s", kj_buf_text(&shown));
    kj_buf_done(&shown);
    return source && status == KJ_OK && kj_diags_ok(&ir->diags);
}

static void print_rule(const kj_ir *ir, const kj_rule *rule, const kj_search *search,
                       const char *path)
{
    for (uint32_t i = rule->first_pattern; i < rule->first_pattern + rule->pattern_count; i++) {
        const kj_pattern *pattern = &ir->patterns.items[i];
        size_t count;
        const kj_hit *hits = kj_search_hits(search, i, &count);
        for (size_t k = 0; k < count; k++)
            printf("%s %.*s %.*s %llu %u\n", path, (int)rule->name.len,
                   (const char *)rule->name.data, (int)pattern->identifier.len,
                   (const char *)pattern->identifier.data, (unsigned long long)hits[k].offset,
                   hits[k].len);
    }
}

static bool search_file(const kj_ir *ir, kj_search *search, const char *path)
{
    const kj_search_limits limits = {.hits_per_pattern = 1000000};
    kj_buf bytes;
    kj_error err = {0};
    kj_buf_init(&bytes, (size_t)1 << 30);
    kj_status status = kj_file_read(path, &bytes, &err);
    if (status == KJ_OK)
        status = kj_search_run(search, kj_buf_span(&bytes), &limits, &err);
    if (status != KJ_OK)
        fprintf(stderr, "%s: %s\n", path, err.message);
    for (size_t i = 0; i < ir->rules.count; i++)
        print_rule(ir, &ir->rules.items[i], search, path);
    kj_buf_done(&bytes);
    return status == KJ_OK;
}

int main(int argc, char **argv)
{
    kj_ir ir;
    kj_error err = {0};
    tree_defs defs;
    if (argc < 2)
        return 2;
    kj_ir_init(&ir, (size_t)1 << 30);
    bool ok = compile(&ir, argv[1]);
    if (ok && !tree_defs_open(&defs, ir.patterns.items, ir.patterns.count, &err)) {
        fprintf(stderr, "%s: %s\n", argv[1], err.message);
        ok = false;
    } else if (ok) {
        kj_search *search = kj_search_new(&defs.defs);
        for (int i = 2; search && i < argc; i++)
            ok &= search_file(&ir, search, argv[i]);
        kj_search_free(search);
        tree_defs_close(&defs);
    }
    kj_ir_done(&ir);
    return ok ? 0 : 1;
}
