/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/ir.h"

static const char *const class_names[KJ_CLASS_COUNT] = {
    [KJ_CLASS_NONE] = "none",   [KJ_CLASS_HEURISTIC] = "heuristic", [KJ_CLASS_FAMILY] = "family",
    [KJ_CLASS_EXACT] = "exact", [KJ_CLASS_TRUSTED] = "trusted",
};

static const char *const artifact_kind_names[KJ_ARTIFACT_KIND_COUNT] = {
    [KJ_ARTIFACT_FILE] = "file",       [KJ_ARTIFACT_REGISTRY] = "registry",
    [KJ_ARTIFACT_INI] = "ini",         [KJ_ARTIFACT_TASK] = "task",
    [KJ_ARTIFACT_SERVICE] = "service", [KJ_ARTIFACT_STARTUP] = "startup",
    [KJ_ARTIFACT_MAIL] = "mail",       [KJ_ARTIFACT_WINDOW] = "window",
    [KJ_ARTIFACT_MUTEX] = "mutex",     [KJ_ARTIFACT_URL] = "url",
};

static const char *const role_names[KJ_ROLE_COUNT] = {
    [KJ_ROLE_NONE] = "",
    [KJ_ROLE_BODY] = "body",
    [KJ_ROLE_AUTOSTART] = "autostart",
    [KJ_ROLE_DATA] = "data",
    [KJ_ROLE_STOLEN_DATA] = "stolen-data",
    [KJ_ROLE_SUPPORT] = "support",
    [KJ_ROLE_SYMPTOM] = "symptom",
};

static const char *const do_names[KJ_DO_COUNT] = {
    [KJ_DO_QUARANTINE] = "quarantine",
    [KJ_DO_DELETE_VALUE] = "delete-value",
    [KJ_DO_RESTORE_DEFAULT] = "restore-default",
    [KJ_DO_SET_VALUE] = "set-value",
    [KJ_DO_REMOVE_TOKEN] = "remove-token",
    [KJ_DO_DELETE_INI] = "delete-ini",
    [KJ_DO_DISABLE_SERVICE] = "disable-service",
    [KJ_DO_REMOVE_TASK] = "remove-task",
    [KJ_DO_REMOVE_EMPTY_DIR] = "remove-empty-dir",
    [KJ_DO_REPORT] = "report",
    [KJ_DO_MANUAL] = "manual",
};

static const char *const origin_names[KJ_ORIGIN_COUNT] = {
    [KJ_ORIGIN_YARA] = "yara",
    [KJ_ORIGIN_BODY] = "body",
    [KJ_ORIGIN_LOGICAL] = "logical",
    [KJ_ORIGIN_CONTAINER] = "container",
    [KJ_ORIGIN_CERTIFICATE] = "certificate",
};

static const char *const lang_names[KJ_LANG_COUNT] = {[KJ_LANG_EN] = "en", [KJ_LANG_JA] = "ja"};

static const char *const section_names[KJ_SECTION_COUNT] = {
    [KJ_SECTION_SUMMARY] = "summary",   [KJ_SECTION_CHARACTERISTICS] = "characteristics",
    [KJ_SECTION_SYMPTOMS] = "symptoms", [KJ_SECTION_INFECTION] = "infection",
    [KJ_SECTION_REMOVAL] = "removal",
};

const char *kj_class_name(kj_class klass)
{
    return (unsigned)klass < KJ_CLASS_COUNT ? class_names[klass] : "unknown";
}

const char *kj_artifact_kind_name(kj_artifact_kind kind)
{
    return artifact_kind_names[kind];
}

const char *kj_role_name(kj_role role)
{
    return role_names[role];
}

const char *kj_do_name(kj_do what)
{
    return do_names[what];
}

const char *kj_lang_name(kj_lang lang)
{
    return lang_names[lang];
}

const char *kj_section_name(kj_section section)
{
    return section_names[section];
}

const char *kj_origin_name(kj_origin origin)
{
    return (unsigned)origin < KJ_ORIGIN_COUNT ? origin_names[origin] : "unknown";
}

void kj_ir_init(kj_ir *ir, size_t budget)
{
    *ir = (kj_ir){0};
    kj_arena_init(&ir->arena, budget);
    kj_diags_init(&ir->diags, &ir->arena);
    kj_hash_sets_init(&ir->hashes);
}

void kj_ir_done(kj_ir *ir)
{
    kj_vec_done(&ir->sources);
    kj_vec_done(&ir->threats);
    kj_vec_done(&ir->notes);
    kj_vec_done(&ir->artifacts);
    kj_vec_done(&ir->remedies);
    kj_vec_done(&ir->detects);
    kj_vec_done(&ir->rules);
    kj_vec_done(&ir->patterns);
    kj_vec_done(&ir->externals);
    kj_vec_done(&ir->barred);
    kj_vec_done(&ir->tests);
    kj_vec_done(&ir->passwords);
    kj_vec_done(&ir->left_out);
    kj_hash_sets_done(&ir->hashes);
    kj_diags_done(&ir->diags);
    kj_arena_done(&ir->arena);
}

const kj_source *kj_ir_add_source(kj_ir *ir, const char *name, kj_span text)
{
    kj_source *source = kj_new(&ir->arena, kj_source);
    char *copy = kj_arena_text(&ir->arena, text);
    char *name_copy = kj_arena_strdup(&ir->arena, name);
    if (!source || !copy || !name_copy || !kj_vec_add(&ir->sources, source))
        return NULL;
    *source = (kj_source){.name = name_copy, .text = kj_span_of(copy, text.len)};
    return source;
}

bool kj_ir_leave_out(kj_ir *ir, const char *kind, const char *reason, uint64_t count)
{
    for (size_t i = 0; i < ir->left_out.count; i++) {
        kj_left_out *known = &ir->left_out.items[i];
        if (strcmp(known->kind, kind) == 0 && strcmp(known->reason, reason) == 0) {
            known->count += count;
            return true;
        }
    }
    const kj_left_out fresh = {kind, reason, count};
    return kj_vec_add(&ir->left_out, fresh);
}
