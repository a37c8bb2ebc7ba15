/* SPDX-License-Identifier: Apache-2.0 */
/* kujo yara check */
#include "cmd/yara.h"

#include "base/arith.h"
#include "base/cleanup.h"
#include "cmd/cmd.h"
#include "cmd/rules.h"
#include "cmd/sources.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct options {
    kj_option_list defines;
    bool strict;
    bool json;
    bool quiet;
    bool no_color;
} options;

static const kj_option rows[] = {
    {"define", 'd', KJ_OPTION_LIST, offsetof(options, defines), N_("NAME=VALUE"),
     N_("define a variable that rules use")},
    {"strict", 0, KJ_OPTION_FLAG, offsetof(options, strict), NULL,
     N_("refuse what YARA-X refuses, too")},
    {"json", 0, KJ_OPTION_FLAG, offsetof(options, json), NULL, N_("as JSON, one object a line")},
    {"quiet", 'q', KJ_OPTION_FLAG, offsetof(options, quiet), NULL,
     N_("say nothing but errors and warnings")},
    {"no-color", 0, KJ_OPTION_FLAG, offsetof(options, no_color), NULL,
     N_("no colours, also on a terminal")},
};

static const kj_usage usage = {
    .command = "yara check",
    .operands = N_("RULES..."),
    .about = N_("Compiles YARA rules, files or folders of them, and says all that is wrong with "
                "them; then which of their strings are slow to search, because no four bytes of "
                "them are certain.\n"),
    .after = N_("Exits with 0 when the rules compile, else with 1.\n"),
    .options = rows,
    .count = KJ_COUNT(rows),
};
static const char *const pace_names[] = {
    [KJ_YARA_PACE_COMMON] = "common",
    [KJ_YARA_PACE_SHORT] = "short",
    [KJ_YARA_PACE_NONE] = "none",
};

static const char *const pace_sentences[] = {
    [KJ_YARA_PACE_COMMON] = N_("slow: four equal bytes are all that is certain of it"),
    [KJ_YARA_PACE_SHORT] = N_("slow: two bytes in a row are all that is certain of it"),
    [KJ_YARA_PACE_NONE] =
        N_("very slow: no two bytes in a row are certain, so it is tried everywhere"),
};

typedef struct report {
    const kj_ir *ir;
    kj_yara_slow_list slow;
} report;

static bool find_slow(report *r)
{
    if (r->ir->rules.count == 0)
        return true;
    KJ_CLEANUP(kj_defs_close) kj_defs defs = {0};
    return kj_rules_build(r->ir, KJ_FIRST_RELEASE, &defs) &&
           kj_yara_find_slow(r->ir, &defs, &r->slow);
}

static size_t count_strings(const kj_ir *ir)
{
    size_t count = 0;
    for (size_t i = 0; i < ir->patterns.count; i++)
        count += ir->patterns.items[i].identifier.len > 0; /* the others are operands */
    return count;
}

/* ---- text
 * -------------------------------------------------------------------------------------------- */

static void print_slow(const report *r, bool color)
{
    KJ_CLEANUP(kj_buf_done) kj_buf out;
    kj_buf_init(&out, 64 << 20);
    for (size_t i = 0; i < r->slow.count; i++) {
        const kj_yara_slow *item = &r->slow.items[i];
        kj_diag diag = {.severity = KJ_NOTE, .len = 1, .message = _(pace_sentences[item->pace])};
        diag.source = kj_yara_find_source(r->ir, item->pattern->identifier, &diag.offset);
        diag.len = item->pattern->identifier.len;
        kj_diag_print(&diag, color, &out);
    }
    if (out.len)
        (void)fwrite(out.data, 1, out.len, stderr);
}

static void print_text(const report *r, const options *o, bool color)
{
    (void)kj_sources_print(r->ir, color);
    if (o->quiet)
        return;
    print_slow(r, color);
    (void)printf(_("%zu rules, %zu strings, %zu of them slow\n"), r->ir->rules.count,
                 count_strings(r->ir), r->slow.count);
}

/* ---- JSON
 * -------------------------------------------------------------------------------------------- */

static void print_object(json_t *object)
{
    (void)json_object_set_new(object, "kujo", json_integer(1));
    (void)json_dumpf(object, stdout, JSON_COMPACT | JSON_SORT_KEYS);
    (void)putchar('\n');
    json_decref(object);
}

static void set_span(json_t *object, const char *key, kj_span text)
{
    (void)json_object_set_new(object, key, json_stringn((const char *)text.data, text.len));
}

static void set_place(json_t *object, const kj_source *source, size_t offset)
{
    size_t line, column;
    if (!source)
        return;
    set_span(object, "file", kj_span_str(source->name));
    if (offset == SIZE_MAX)
        return;
    kj_source_locate(source, offset, &line, &column);
    (void)json_object_set_new(object, "line", json_integer((json_int_t)line));
    (void)json_object_set_new(object, "column", json_integer((json_int_t)column));
}

static void print_json_diag(const kj_diag *diag)
{
    static const char *const severities[] = {
        [KJ_NOTE] = "note", [KJ_WARNING] = "warning", [KJ_ERROR] = "error"};
    json_t *object = json_pack("{s:s}", "type", severities[diag->severity]);
    set_span(object, "message", kj_span_str(diag->message));
    if (diag->hint)
        set_span(object, "hint", kj_span_str(diag->hint));
    set_place(object, diag->source, diag->offset);
    print_object(object);
}

static void print_json_slow(const kj_ir *ir, const kj_yara_slow *item)
{
    json_t *object = json_pack("{s:s, s:s}", "type", "slow", "atom", pace_names[item->pace]);
    size_t offset = 0;
    const kj_source *source = kj_yara_find_source(ir, item->pattern->identifier, &offset);
    set_span(object, "rule", item->rule->name);
    set_span(object, "string", item->pattern->identifier);
    set_place(object, source, offset);
    print_object(object);
}

static void print_json(const report *r)
{
    const kj_ir *ir = r->ir;
    for (size_t i = 0; i < ir->diags.list.count; i++)
        print_json_diag(&ir->diags.list.items[i]);
    for (size_t i = 0; i < r->slow.count; i++)
        print_json_slow(ir, &r->slow.items[i]);
    print_object(json_pack("{s:s, s:I, s:I, s:I, s:I, s:I}", "type", "rules", "rules",
                           (json_int_t)ir->rules.count, "strings", (json_int_t)count_strings(ir),
                           "errors", (json_int_t)ir->diags.errors, "warnings",
                           (json_int_t)ir->diags.warnings, "slow", (json_int_t)r->slow.count));
}

/* ---- the command
 * ------------------------------------------------------------------------------------- */

static bool add_rules(kj_ir *ir, const options *o, const char *path)
{
    const kj_yara_options how = {.lint = true, .strict = o->strict, .strict_escape = true};
    kj_error err = {0};
    if (kj_sources_add_rules(ir, path, &how, &err) == KJ_OK)
        return true;
    (void)kj_complain("%s: %s", path, err.message);
    return false;
}

static int check(const options *o, char **paths, int count)
{
    kj_ir ir;
    kj_ir_init(&ir, KJ_SOURCES_BUDGET);
    report r = {.ir = &ir};
    bool color = !o->no_color && isatty(STDERR_FILENO) && !getenv("NO_COLOR");
    bool ok = kj_sources_define(&ir, &o->defines);
    for (int i = 0; i < count && ok; i++)
        ok = add_rules(&ir, o, paths[i]);
    ok = ok && find_slow(&r);
    if (o->json)
        print_json(&r);
    else
        print_text(&r, o, color);
    ok = ok && kj_diags_ok(&ir.diags);
    kj_vec_done(&r.slow);
    kj_ir_done(&ir);
    return ok ? KJ_YARA_EXIT_OK : KJ_YARA_EXIT_TROUBLE;
}

int kj_yara_check(int argc, char **argv)
{
    options o = {0};
    int first;
    kj_parsed parsed = kj_options_parse(&usage, argc, argv, &o, &first);
    int code = parsed == KJ_PARSED_HELP ? KJ_YARA_EXIT_OK : KJ_YARA_EXIT_TROUBLE;
    if (parsed == KJ_PARSED_OK && first >= argc)
        (void)kj_complain(_("say what to check: RULES..."));
    else if (parsed == KJ_PARSED_OK)
        code = check(&o, argv + first, argc - first);
    kj_vec_done(&o.defines);
    return code;
}
