/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/yara.h"

#include "base/arith.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "cmd/cmd.h"
#include "cmd/definitions.h"
#include "cmd/rules.h"
#include "cmd/sources.h"
#include "defs/code.h"
#include "rules/yara/lexer.h"
#include "rules/yara/yara.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- external variables
 * ------------------------------------------------------------------------------ */

static bool is_integer(const char *text)
{
    text += *text == '-';
    return *text && text[strspn(text, "0123456789")] == '\0';
}

static bool is_float(const char *text)
{
    text += *text == '-';
    size_t whole = strspn(text, "0123456789");
    return whole > 0 && text[whole] == '.' &&
           text[whole + 1 + strspn(text + whole + 1, "0123456789")] == '\0';
}

/* As yara tells the types apart: 1.5, 15, true, else a text. */
static kj_value value_of(const char *text)
{
    if (is_float(text))
        return kj_value_real(strtod(text, NULL));
    if (is_integer(text))
        return kj_value_int(strtoll(text, NULL, 10));
    if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)
        return kj_value_bool(text[0] == 't');
    return kj_value_text(kj_span_str(text));
}

/* Hands out what -d says; the bytes are the command line's. */
static bool next_define(const kj_yara_cli *cli, size_t index, kj_external *out)
{
    const char *text = index < cli->defines.count ? cli->defines.items[index] : NULL;
    const char *equals = text ? strchr(text, '=') : NULL;
    if (text && !equals)
        (void)fputs("error: wrong syntax for `-d` option.\n", stderr);
    if (!equals)
        return false;
    *out = (kj_external){.name = kj_span_of(text, (size_t)(equals - text)),
                         .value = value_of(equals + 1)};
    return true;
}

static bool define_for_sources(const kj_yara_cli *cli, kj_ir *ir)
{
    kj_external external;
    for (size_t i = 0; next_define(cli, i, &external); i++)
        if (!kj_vec_add(&ir->externals, external))
            return false;
    return true;
}

static bool define_for_definitions(const kj_yara_cli *cli, kj_yara_rules *rules)
{
    kj_external external;
    for (size_t i = 0; next_define(cli, i, &external); i++)
        if (!kj_vec_add(&rules->defines, external))
            return false;
    return true;
}

/* ---- modules
 * ----------------------------------------------------------------------------------------- */

static const kj_module *find_module(kj_span name, uint32_t id)
{
    for (size_t i = 0; i < kj_module_count; i++)
        if (kj_modules[i]->schema.id == id || kj_span_is(name, kj_modules[i]->schema.name))
            return kj_modules[i];
    return NULL;
}

static void add_import(kj_yara_rules *rules, const kj_module *module)
{
    for (size_t i = 0; i < rules->imports.count; i++)
        if (rules->imports.items[i] == module)
            return;
    if (module)
        (void)kj_vec_add(&rules->imports, module);
}

/* What the sources import, used or not. */
static void collect_imports(const kj_ir *ir, kj_yara_rules *out)
{
    for (size_t i = 0; i < ir->sources.count; i++) {
        kj_lexer lexer = {.in = ir->sources.items[i]->text};
        bool imports = false;
        for (kj_token t = kj_lexer_next(&lexer); t.kind != KJ_TOK_END; t = kj_lexer_next(&lexer)) {
            if (imports && t.kind == KJ_TOK_TEXT)
                add_import(out, find_module(kj_span_sub(t.text, 1, t.text.len - 2), KJ_NONE));
            imports = t.kind == KJ_TOK_IMPORT;
        }
    }
}

/* ---- conditions
 * -------------------------------------------------------------------------------------- */

/* Calls `found` for every node of a rule's condition, which is in prefix order. */
static void walk_code(const kj_defs *defs, uint32_t code,
                      void (*found)(void *user, const kj_code_node *node), void *user)
{
    kj_code_node whole = kj_code_read(defs, code, defs->code.count);
    for (uint32_t at = code; whole.ok && at < whole.next;) {
        kj_code_node node = kj_code_read(defs, at, whole.next);
        if (!node.ok)
            return;
        found(user, &node);
        at = node.args;
    }
}

static void take_import(void *user, const kj_code_node *node)
{
    if (node->op == KJ_OP_FIELD)
        add_import(user, find_module((kj_span){0}, node->index >> 16));
}

/* What the definitions ask about: what they import without asking is not known any more. */
static void collect_asked_modules(kj_yara_rules *out)
{
    for (uint32_t i = 0; i < out->defs.rules.count; i++)
        walk_code(&out->defs, kj_defs_rule(&out->defs, i)->code, take_import, out);
}

typedef struct single_user {
    kj_yara_rules *rules;
    const kj_disk_rule *rule;
} single_user;

static void take_use(void *user, const kj_code_node *node)
{
    const single_user *u = user;
    if (node->op <= KJ_OP_FOUND || node->op > KJ_OP_LENGTH_OF)
        return;
    uint32_t first = node->index == KJ_NONE ? u->rule->patterns.first : node->index;
    uint32_t count = node->index == KJ_NONE ? u->rule->patterns.count : 1;
    for (uint32_t i = first; i - first < count && i < u->rules->defs.patterns.count; i++)
        u->rules->single[i] = false;
}

/* --fast-scan reports one match of a string whose number and places no condition asks for. */
static bool find_single(kj_yara_rules *out)
{
    out->single = malloc((size_t)out->defs.patterns.count + 1);
    if (!out->single)
        return false;
    memset(out->single, true, out->defs.patterns.count);
    for (uint32_t i = 0; i < out->defs.rules.count; i++) {
        single_user user = {out, kj_defs_rule(&out->defs, i)};
        walk_code(&out->defs, user.rule->code, take_use, &user);
    }
    return true;
}

/* ---- sources
 * ----------------------------------------------------------------------------------------- */

/* A namespace, while its files are compiled. */
typedef struct space {
    const char *name;
    bool *imported;
} space;

typedef struct compilation {
    const kj_yara_cli *cli;
    kj_ir *ir;
    const kj_schema *const *schemas;
    size_t schema_count;
    KJ_VEC(space) spaces;
} compilation;

static space *find_space(compilation *c, const char *name)
{
    for (size_t i = 0; i < c->spaces.count; i++)
        if (strcmp(c->spaces.items[i].name, name) == 0)
            return &c->spaces.items[i];
    space fresh = {kj_arena_strdup(&c->ir->arena, name),
                   kj_new_array(&c->ir->arena, bool, c->schema_count)};
    if (!fresh.name || !fresh.imported || !kj_vec_add(&c->spaces, fresh))
        return NULL;
    return &c->spaces.items[c->spaces.count - 1];
}

/* Splits NAMESPACE:FILE, unless that is how a file is called. */
static const char *split_argument(char *argument, const char **out_space)
{
    char *colon = access(argument, F_OK) == 0 ? NULL : strchr(argument, ':');
    *out_space = "default";
    if (!colon || colon[1] == '/' || colon[1] == '\\')
        return argument;
    *colon = '\0';
    *out_space = argument;
    return colon + 1;
}

/* Rules that were compiled before have no text to compile; says what to do instead. */
static bool is_text(const char *path, kj_span text)
{
    bool ours = kj_span_starts(text, kj_span_of(KJ_DISK_MAGIC, 8));
    bool yarac = kj_span_starts(text, kj_span_str("YARA")) && memchr(text.data, '\0', text.len);
    if (ours)
        (void)fprintf(stderr, _("error: %s: these are definitions; use -C\n"), path);
    if (yarac)
        (void)fprintf(stderr,
                      _("error: %s: made by yarac, which only the yara that made it can read; "
                        "build definitions from its rules: kujo defs build -o FILE RULES\n"),
                      path);
    return !ours && !yarac;
}

static const kj_source *read_source(compilation *c, const char *path)
{
    KJ_CLEANUP(kj_buf_done) kj_buf text;
    kj_buf_init(&text, KJ_SOURCE_MAX);
    kj_error err;
    kj_status status = strcmp(path, "-") == 0 ? kj_file_read_fd(STDIN_FILENO, &text, &err)
                                              : kj_file_read(path, &text, &err);
    if (status != KJ_OK) {
        (void)fprintf(stderr, "error: could not open file: %s\n", path);
        return NULL;
    }
    if (!is_text(path, kj_buf_span(&text)))
        return NULL;
    return kj_ir_add_source(c->ir, path, kj_buf_span(&text));
}

static bool compile_file(compilation *c, char *argument)
{
    const char *space_name;
    const char *path = split_argument(argument, &space_name);
    space *s = find_space(c, space_name);
    const kj_source *source = s ? read_source(c, path) : NULL;
    if (!source)
        return false;
    const kj_yara_options options = {
        .schemas = c->schemas,
        .schema_count = c->schema_count,
        .space = s->name,
        .threat = KJ_NONE,
        .strict_escape = c->cli->strict_escape,
        .imported = s->imported,
        .include = kj_sources_include,
    };
    size_t told = c->ir->diags.list.count;
    kj_error err = {0};
    kj_status status = kj_yara_compile(c->ir, source, 0, source->text.len, &options, &err);
    kj_yara_tell(c->cli, c->ir, told);
    if (status != KJ_OK)
        (void)fprintf(stderr, "error: %s\n", err.message);
    return status == KJ_OK && kj_diags_ok(&c->ir->diags);
}

/* Operands of `matches` are no strings. */
static uint32_t count_strings(const kj_ir *ir, const kj_rule *rule)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < rule->pattern_count; i++)
        count += ir->patterns.items[rule->first_pattern + i].identifier.len > 0;
    return count;
}

static bool check_numbers_of_strings(const compilation *c)
{
    for (size_t i = 0; i < c->ir->rules.count; i++) {
        const kj_rule *rule = &c->ir->rules.items[i];
        char message[256];
        if (count_strings(c->ir, rule) <= c->cli->max_strings)
            continue;
        (void)snprintf(message, sizeof message, "too many strings in rule \"%.*s\" (limit: %u)",
                       (int)rule->name.len, (const char *)rule->name.data, c->cli->max_strings);
        kj_yara_tell_about(c->ir, rule, rule->name, KJ_ERROR, message);
        return false;
    }
    return true;
}

/* Warns of strings without an atom, as libyara does. False when that is not to be scanned. */
static bool check_slow_strings(const compilation *c, const kj_defs *defs)
{
    kj_yara_slow_list list = {0};
    size_t warnings = 0;
    bool ok = c->cli->no_warnings || kj_yara_find_slow(c->ir, defs, &list);
    for (size_t i = 0; i < list.count; i++) {
        char message[256];
        kj_span name = list.items[i].pattern->identifier;
        if (list.items[i].pace != KJ_YARA_PACE_NONE)
            continue;
        (void)snprintf(message, sizeof message, "string \"%.*s\" may slow down scanning",
                       (int)name.len, (const char *)name.data);
        kj_yara_tell_about(c->ir, list.items[i].rule, name, KJ_WARNING, message);
        warnings++;
    }
    kj_vec_done(&list);
    return ok && !(c->cli->fail_on_warnings && warnings);
}

static bool compile_files(compilation *c, char **paths, int count)
{
    if (!define_for_sources(c->cli, c->ir))
        return false;
    for (int i = 0; i < count; i++)
        if (!compile_file(c, paths[i]))
            return false;
    bool warned = c->ir->diags.warnings > 0 && !c->cli->no_warnings;
    return check_numbers_of_strings(c) && !(c->cli->fail_on_warnings && warned);
}

static bool open_sources(const kj_yara_cli *cli, char **paths, int count, kj_yara_rules *out)
{
    kj_ir ir;
    kj_ir_init(&ir, KJ_SOURCES_BUDGET);
    compilation c = {.cli = cli, .ir = &ir};
    c.schemas = kj_module_schemas(&c.schema_count);
    bool ok = compile_files(&c, paths, count) &&
              kj_rules_build(&ir, KJ_FIRST_RELEASE, &out->defs) &&
              check_slow_strings(&c, &out->defs);
    if (ok && cli->print_data)
        collect_imports(&ir, out);
    kj_vec_done(&c.spaces);
    kj_ir_done(&ir);
    return ok;
}

/* ---- definitions
 * ------------------------------------------------------------------------------------- */

static bool is_from_yarac(const char *path)
{
    char magic[4] = {0};
    KJ_CLEANUP(kj_close_file) FILE *file = fopen(path, "rbe");
    return file && fread(magic, sizeof magic, 1, file) == 1 && memcmp(magic, "YARA", 4) == 0;
}

static bool open_definitions(const kj_yara_cli *cli, char **paths, int count, kj_yara_rules *out)
{
    if (count != 1) {
        (void)fputs("error: can't accept multiple rules files if one of them is in compiled "
                    "form.\n",
                    stderr);
        return false;
    }
    kj_error err;
    KJ_CLEANUP(kj_chosen_done)
    kj_chosen chosen = {.path = strdup(paths[0]), .by_user = true};
    if (!chosen.path)
        return false;
    if (is_from_yarac(paths[0])) {
        (void)is_text(paths[0], kj_span_of("YARA", 5));
        return false;
    }
    if (kj_definitions_open(&chosen, &out->defs, &err) != KJ_OK) {
        (void)fprintf(stderr, "error: %s: %s\n", paths[0], err.message);
        return false;
    }
    collect_asked_modules(out);
    return define_for_definitions(cli, out);
}

bool kj_yara_rules_open(const kj_yara_cli *cli, char **paths, int count, kj_yara_rules *out)
{
    bool opened = cli->compiled ? open_definitions(cli, paths, count, out)
                                : open_sources(cli, paths, count, out);
    return opened && (!cli->fast || find_single(out));
}

void kj_yara_rules_close(kj_yara_rules *rules)
{
    kj_defs_close(&rules->defs);
    kj_vec_done(&rules->imports);
    kj_vec_done(&rules->defines);
    free(rules->single);
    rules->single = NULL;
}
