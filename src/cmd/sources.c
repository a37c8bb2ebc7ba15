/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/sources.h"

#include "base/arith.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "cmd/cmd.h"
#include "formats/format.h"
#include "modules/module.h"
#include "rules/advisory/advisory.h"
#include "rules/yara/yara.h"

#include <errno.h>
#include <stdio.h>

/* ---- variables ----------------------------------------------------------------------------- */

static const char *const known_texts[] = {"filename", "filepath", "extension", "filetype", "owner"};

static bool is_identifier(kj_span name)
{
    for (size_t i = 0; i < name.len; i++)
        if (!kj_is_alnum(name.data[i]) && name.data[i] != '_')
            return false;
    return name.len > 0 && !kj_is_digit(name.data[0]);
}

/* Digits, a point, perhaps digits. */
static bool is_real(const char *text)
{
    text += *text == '-';
    size_t whole = strspn(text, "0123456789");
    return whole > 0 && text[whole] == '.' &&
           text[whole + 1 + strspn(text + whole + 1, "0123456789")] == '\0';
}

static kj_value value_of(kj_ir *ir, const char *text)
{
    if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)
        return kj_value_bool(text[0] == 't');
    char *end;
    errno = 0;
    long long integer = strtoll(text, &end, 0);
    if (*text && *end == '\0' && errno == 0)
        return kj_value_int(integer);
    if (is_real(text))
        return kj_value_real(strtod(text, NULL));
    char *copy = kj_arena_strdup(&ir->arena, text);
    return kj_value_text(kj_span_str(copy));
}

static bool declare(kj_ir *ir, kj_span name, kj_value value)
{
    for (size_t i = 0; i < ir->externals.count; i++)
        if (kj_span_equal(ir->externals.items[i].name, name)) {
            ir->externals.items[i].value = value;
            return true;
        }
    kj_external external = {.name = name, .value = value};
    return kj_vec_add(&ir->externals, external);
}

bool kj_sources_define(kj_ir *ir, const kj_option_list *defines)
{
    for (size_t i = 0; i < KJ_COUNT(known_texts); i++)
        if (!declare(ir, kj_span_str(known_texts[i]), kj_value_text((kj_span){0})))
            return false;
    for (size_t i = 0; defines && i < defines->count; i++) {
        const char *text = defines->items[i];
        const char *equals = strchr(text, '=');
        kj_span name = kj_span_of(text, equals ? (size_t)(equals - text) : 0);
        if (!is_identifier(name)) {
            (void)kj_complain(_("'%s' does not define a variable; write NAME=VALUE"), text);
            return false;
        }
        const char *copy = kj_arena_text(&ir->arena, name);
        if (!copy || !declare(ir, kj_span_str(copy), value_of(ir, equals + 1)))
            return false;
    }
    return true;
}

/* ---- advisories and rules ------------------------------------------------------------------ */

const kj_source *kj_sources_include(void *user, kj_ir *ir, const kj_source *from, kj_span path,
                                    kj_error *err)
{
    (void)user;
    const char *slash = strrchr(from->name, '/');
    bool absolute = path.len && path.data[0] == '/';
    int folder = !absolute && slash ? (int)(slash - from->name + 1) : 0;
    const char *full = kj_arena_printf(&ir->arena, "%.*s%.*s", folder, from->name, (int)path.len,
                                       (const char *)path.data);
    KJ_CLEANUP(kj_buf_done) kj_buf text;
    kj_buf_init(&text, KJ_SOURCE_MAX);
    if (!full || kj_file_read(full, &text, err) != KJ_OK)
        return NULL;
    return kj_ir_add_source(ir, full, kj_buf_span(&text));
}

static kj_status compile_advisory(kj_ir *ir, const kj_source *source, kj_error *err)
{
    const char **types = kj_new_array(&ir->arena, const char *, kj_format_count);
    if (!types)
        return kj_fail(err, KJ_NO_MEMORY, KJ_NO_OFFSET, "out of memory");
    for (size_t i = 0; i < kj_format_count; i++)
        types[i] = kj_formats[i]->name;
    kj_advisory_options options = {
        .types = types,
        .type_count = kj_format_count,
        .engine = kj_engine_version(),
    };
    options.schemas = kj_module_schemas(&options.schema_count);
    return kj_advisory_compile(ir, source, &options, err);
}

/* `how`: warnings and such that are asked for; NULL: none. */
static kj_status compile_yara(kj_ir *ir, const kj_source *source, const kj_yara_options *how,
                              kj_error *err)
{
    kj_yara_options options = {.threat = KJ_NONE, .include = kj_sources_include};
    if (how) {
        options.lint = how->lint;
        options.strict = how->strict;
        options.strict_escape = how->strict_escape;
    }
    options.schemas = kj_module_schemas(&options.schema_count);
    return kj_yara_compile(ir, source, 0, source->text.len, &options, err);
}

kj_status kj_sources_add_text(kj_ir *ir, const char *name, kj_span text, kj_source_kind kind,
                              const kj_yara_options *how, kj_error *err)
{
    const kj_source *source = kj_ir_add_source(ir, name, text);
    if (!source)
        return kj_no_memory(err);
    return kind == KJ_SOURCE_YARA ? compile_yara(ir, source, how, err)
                                  : compile_advisory(ir, source, err);
}

kj_status kj_sources_add_file(kj_ir *ir, const char *path, kj_source_kind kind,
                              const kj_yara_options *how, kj_error *err)
{
    KJ_CLEANUP(kj_buf_done) kj_buf text;
    kj_buf_init(&text, KJ_SOURCE_MAX);
    KJ_TRY(kj_file_read(path, &text, err));
    return kj_sources_add_text(ir, path, kj_buf_span(&text), kind, how, err);
}

kj_status kj_sources_add_rules(kj_ir *ir, const char *path, const kj_yara_options *how,
                               kj_error *err)
{
    kj_source_files files = {.arena = &ir->arena};
    kj_status status = kj_source_files_add(&files, path, KJ_SOURCE_BY_NAME, KJ_SOURCE_YARA, err);
    for (size_t i = 0; i < files.list.count && status == KJ_OK; i++) {
        const char *file = files.list.items[i].path;
        kj_error why = {0};
        status = kj_sources_add_file(ir, file, KJ_SOURCE_YARA, how, &why);
        if (status != KJ_OK && strcmp(file, path) == 0)
            *err = why;
        else if (status != KJ_OK)
            (void)kj_fail(err, status, KJ_NO_OFFSET, "%s: %s", file, why.message);
    }
    kj_source_files_done(&files);
    return status;
}

/* ---- telling ------------------------------------------------------------------------------- */

bool kj_sources_print(const kj_ir *ir, bool color)
{
    const kj_diags *diags = &ir->diags;
    KJ_CLEANUP(kj_buf_done) kj_buf out;
    kj_buf_init(&out, 64 << 20);
    for (size_t i = 0; i < diags->list.count; i++)
        kj_diag_print(&diags->list.items[i], color, &out);
    if (diags->failed)
        kj_buf_put_text(&out, "kujo: out of memory\n");
    if (out.len)
        (void)fwrite(out.data, 1, out.len, stderr);
    size_t told = diags->list.count, all = diags->errors + diags->warnings;
    if (all > told)
        (void)fprintf(stderr, _("kujo: %zu more problems are not shown\n"), all - told);
    if (diags->errors || diags->warnings)
        (void)fprintf(stderr, _("kujo: %zu errors, %zu warnings\n"), diags->errors,
                      diags->warnings);
    return kj_diags_ok(diags);
}

void kj_sources_print_left_out(const kj_ir *ir, FILE *out)
{
    for (size_t i = 0; i < ir->left_out.count; i++) {
        const kj_left_out *item = &ir->left_out.items[i];
        (void)fprintf(out, _("left out: %llu %s: %s\n"), (unsigned long long)item->count,
                      item->kind, _(item->reason));
    }
}
