/* SPDX-License-Identifier: Apache-2.0 */
/* Kinds of files, what is told and counted of their lines, and the life of a compilation. */
#include "rules/clamav/load.h"

#include "base/arith.h"
#include "base/text.h"

#include <stdio.h>

enum { FIRST_IGNORED, FIRST_CERTIFICATES, THE_REST };

static const kj_clamav_kind kinds[] = {
    {"ign", kj_clamav_ign, FIRST_IGNORED, KJ_KIND_NO_SIGNATURES},
    {"ign2", kj_clamav_ign, FIRST_IGNORED, KJ_KIND_NO_SIGNATURES},
    {"crb", kj_clamav_crb, FIRST_CERTIFICATES, 0},
    {"cat", NULL, FIRST_CERTIFICATES, 0, KJ_SENTENCE("catalogs of Authenticode are not read")},
    {"hdb", kj_clamav_hdb, THE_REST, 0},
    {"hsb", kj_clamav_hdb, THE_REST, 0},
    {"hdu", kj_clamav_hdb, THE_REST, KJ_KIND_PUA},
    {"hsu", kj_clamav_hdb, THE_REST, KJ_KIND_PUA},
    {"mdb", kj_clamav_mdb, THE_REST, 0},
    {"msb", kj_clamav_mdb, THE_REST, 0},
    {"mdu", kj_clamav_mdb, THE_REST, KJ_KIND_PUA},
    {"msu", kj_clamav_mdb, THE_REST, KJ_KIND_PUA},
    {"imp", kj_clamav_imp, THE_REST, 0},
    {"fp", kj_clamav_hdb, THE_REST, KJ_KIND_TRUSTED},
    {"sfp", kj_clamav_hdb, THE_REST, KJ_KIND_TRUSTED},
    {"ndb", kj_clamav_ndb, THE_REST, 0},
    {"ndu", kj_clamav_ndb, THE_REST, KJ_KIND_PUA},
    {"sdb", kj_clamav_ndb, THE_REST, 0},
    {"db", kj_clamav_db, THE_REST, 0},
    {"ldb", kj_clamav_ldb, THE_REST, 0},
    {"ldu", kj_clamav_ldb, THE_REST, KJ_KIND_PUA},
    {"cdb", kj_clamav_cdb, THE_REST, 0},
    {"ftm", kj_clamav_ftm, THE_REST, 0},
    {"pwdb", kj_clamav_pwdb, THE_REST, KJ_KIND_NO_SIGNATURES},
    {"idb", kj_clamav_idb, THE_REST, 0},
    {"pdb", kj_clamav_pdb, THE_REST, 0},
    {"wdb", kj_clamav_wdb, THE_REST, 0},
    {"gdb", kj_clamav_gdb, THE_REST, 0},
    {"cfg", kj_clamav_cfg, THE_REST, KJ_KIND_NO_SIGNATURES},
    {"info", kj_clamav_info, THE_REST, KJ_KIND_NO_SIGNATURES},
    {"zmd", NULL, THE_REST, 0, KJ_SENTENCE("replaced by .cdb long ago")},
    {"rmd", NULL, THE_REST, 0, KJ_SENTENCE("replaced by .cdb long ago")},
    {"cbc", NULL, THE_REST, 0, KJ_SENTENCE("programs are not run")},
    {"ioc", NULL, THE_REST, 0, KJ_SENTENCE("OpenIOC is not read")},
};

/* By the extension, in any case; NULL when there is none. */
static const kj_clamav_kind *find_kind(kj_span extension)
{
    for (size_t i = 0; i < KJ_COUNT(kinds); i++)
        if (kj_text_equal_nocase(extension, kj_span_str(kinds[i].name)))
            return &kinds[i];
    return NULL;
}

static const kj_clamav_kind *kind_of(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot && !strchr(dot, '/') ? find_kind(kj_span_str(dot + 1)) : NULL;
}

bool kj_clamav_takes(const char *name)
{
    return kind_of(name) != NULL;
}

unsigned kj_clamav_order(const char *name)
{
    const kj_clamav_kind *kind = kind_of(name);
    return kind ? kind->order : THE_REST;
}

const kj_clamav_kind *kj_clamav_kind_of(const kj_clamav_input *input)
{
    return input->kind ? find_kind(kj_span_str(input->kind)) : kind_of(input->name);
}

/* ---- a compilation ------------------------------------------------------------------------- */

static bool make_targets(kj_clamav *c)
{
    for (uint32_t i = 0; i < KJ_TARGET_COUNT; i++) {
        kj_expr *const number = kj_clamav_int(c, i);
        if (!(c->more->targets[i] = kj_clamav_field(c, "target()", 1, &number)))
            return false;
    }
    return true;
}

kj_clamav *kj_clamav_new(kj_ir *ir, const kj_clamav_options *options)
{
    kj_clamav *c = calloc(1, sizeof *c);
    struct kj_clamav_private *more = calloc(1, sizeof *more);
    if (!c || !more) {
        free(c);
        free(more);
        return NULL;
    }
    *c = (kj_clamav){.ir = ir, .options = options, .more = more};
    kj_arena_init(&more->arena, ir->arena.budget);
    if (kj_clamav_make_nodes(c) && (!kj_clamav_schema(options) || make_targets(c)))
        return c;
    kj_clamav_free(c);
    return NULL;
}

void kj_clamav_free(kj_clamav *c)
{
    if (!c)
        return;
    struct kj_clamav_private *more = c->more;
    kj_vec_done(&c->stack);
    kj_vec_done(&more->ignored);
    kj_vec_done(&more->kept);
    kj_vec_done(&more->blocked);
    for (size_t i = 0; i < KJ_TARGET_COUNT; i++)
        for (size_t k = 0; k < KJ_MACRO_GROUPS; k++)
            kj_vec_done(&more->macros[i][k]);
    free(more->buckets);
    kj_arena_done(&more->arena);
    free(more);
    free(c);
}

const kj_clamav_counts *kj_clamav_counted(const kj_clamav *c)
{
    return &c->counts;
}

/* ---- what is told and counted -------------------------------------------------------------- */

/* The line under way as a source, so that a message can show it; NULL without memory. */
static const kj_source *source_of_line(kj_clamav *c)
{
    kj_source *source = kj_new(&c->ir->arena, kj_source);
    const char *text = kj_arena_text(&c->ir->arena, c->line.text);
    const char *name = kj_arena_strdup(&c->ir->arena, c->line.file);
    if (!source || !text || !name)
        return NULL;
    *source = (kj_source){name, kj_span_of(text, c->line.text.len), (size_t)c->line.number};
    return source;
}

static kj_severity severity(const kj_clamav *c)
{
    return c->options->strict ? KJ_ERROR : KJ_WARNING;
}

kj_clamav_result kj_clamav_malformed(kj_clamav *c, kj_span where, const char *format, ...)
{
    char message[256];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(message, sizeof message, format, args);
    va_end(args);
    c->counts.malformed++;
    if (c->more->told++ >= KJ_CLAMAV_TOLD_MAX)
        return KJ_CLAMAV_SKIPPED;
    const kj_source *source = source_of_line(c);
    if (!source)
        return KJ_CLAMAV_STARVED;
    bool whole = where.len == 0;
    size_t offset = whole ? 0 : (size_t)(where.data - c->line.text.data);
    size_t len = whole ? c->line.text.len : where.len;
    kj_diag_add(&c->ir->diags, severity(c), source, offset, len, NULL, "%s", message);
    return KJ_CLAMAV_SKIPPED;
}

kj_clamav_result kj_clamav_left_out(kj_clamav *c, const char *reason)
{
    return kj_ir_leave_out(c->ir, c->line.kind, reason, 1) ? KJ_CLAMAV_SKIPPED : KJ_CLAMAV_STARVED;
}

static kj_clamav_result compile_line(kj_clamav *c, const kj_clamav_kind *kind)
{
    if (c->line.text.len == 0)
        return kj_clamav_malformed(c, c->line.text, "an empty line");
    if (kind->flags & KJ_KIND_PUA && !c->options->pua)
        return kj_clamav_left_out(
            c, KJ_SENTENCE("potentially unwanted applications, which were not asked for"));
    return kind->compile(c);
}

kj_status kj_clamav_take_line(kj_clamav *c, const kj_clamav_kind *kind, kj_error *err)
{
    kj_clamav_mark mark = kj_clamav_get_mark(c);
    kj_arena_mark arena = kj_arena_get_mark(&c->ir->arena);
    uint64_t told = c->more->told;
    kj_clamav_result result = compile_line(c, kind);
    if (result == KJ_CLAMAV_STARVED)
        return kj_no_memory(err);
    if (result == KJ_CLAMAV_TAKEN) {
        c->counts.signatures += !(kind->flags & KJ_KIND_NO_SIGNATURES);
        return KJ_OK;
    }
    kj_clamav_take_back(c, mark);
    if (told == c->more->told || told >= KJ_CLAMAV_TOLD_MAX) /* else a message is in it */
        kj_arena_rewind(&c->ir->arena, arena);
    return KJ_OK;
}

static kj_status take_kept_lines(kj_clamav *c, kj_error *err)
{
    for (size_t i = 0; i < c->more->kept.count; i++) {
        c->line = c->more->kept.items[i];
        KJ_TRY(kj_clamav_take_line(c, find_kind(kj_span_str(c->line.kind)), err));
    }
    return KJ_OK;
}

kj_status kj_clamav_finish(kj_clamav *c, kj_error *err)
{
    c->more->finishing = true;
    KJ_TRY(take_kept_lines(c, err));
    if (c->more->told > KJ_CLAMAV_TOLD_MAX)
        kj_diag_add(&c->ir->diags, severity(c), NULL, SIZE_MAX, 0, NULL,
                    "%llu more malformed lines are not shown",
                    (unsigned long long)(c->more->told - KJ_CLAMAV_TOLD_MAX));
    return KJ_OK;
}
