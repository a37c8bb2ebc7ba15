/* SPDX-License-Identifier: Apache-2.0 */
/* Actions to steps: all actions on one hive or INI file become one patch, whose bytes are made
 * here; a file that goes needs the patches that end what starts it. */
#include "base/arith.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/fold.h"
#include "base/hash.h"
#include "base/text.h"
#include "clean/plan_private.h"
#include "formats/creg.h"
#include "formats/ini.h"

enum {
    HIVE_GROWTH = 1 << 20, /* that edits may add */
    TEXT_MAX = 1 << 20,
    INI_MAX = 16 << 20,
};

/* The actions of one file. */
typedef struct patch {
    kj_planner *planner;
    uint32_t system;
    kj_span path;
    uint32_t *actions; /* indices of PLANNED ones */
    size_t count;
} patch;

static kj_action *action_at(const patch *p, size_t index)
{
    return &p->planner->actions.items[p->actions[index]];
}

static const kj_system *system_of(const patch *p)
{
    return p->planner->inspections[p->system].system;
}

/* `sentence` is the arena's or static. */
static void refuse(kj_action *action, const char *sentence)
{
    action->status = KJ_ACTION_REFUSED;
    action->refused = sentence;
}

static void refuse_with(patch *p, kj_action *action, const kj_error *err)
{
    const char *copy = kj_arena_strdup(p->planner->arena, err->message);
    p->planner->starved |= !copy;
    refuse(action, copy);
}

static void refuse_all(patch *p, const kj_error *err)
{
    for (size_t i = 0; i < p->count; i++)
        if (action_at(p, i)->status == KJ_ACTION_PLANNED)
            refuse_with(p, action_at(p, i), err);
}

static size_t planned(const patch *p)
{
    size_t count = 0;
    for (size_t i = 0; i < p->count; i++)
        count += action_at(p, i)->status == KJ_ACTION_PLANNED;
    return count;
}

/* ---- a patch as a step
 * ---------------------------------------------------------------------------------- */

/* The file's bytes after the edits, into a buffer. */
static void put_after(kj_span before, kj_edits edits, kj_buf *out)
{
    uint64_t at = 0;
    for (size_t i = 0; i < edits.count; i++) {
        const kj_edit *edit = &edits.items[i];
        kj_buf_put(out, kj_span_sub(before, (size_t)at, (size_t)(edit->offset - at)));
        kj_buf_put(out, edit->after);
        at = edit->offset + edit->before.len;
    }
    kj_buf_put(out, kj_span_sub(before, (size_t)at, SIZE_MAX));
}

/* Edits whose bytes are the planner's. */
static bool keep_edits(kj_planner *planner, kj_edits edits, kj_edits *out)
{
    kj_edit *items = kj_new_array(planner->arena, kj_edit, edits.count + 1);
    for (size_t i = 0; items && i < edits.count; i++) {
        items[i] = edits.items[i];
        items[i].before.data = (const uint8_t *)kj_arena_text(planner->arena, items[i].before);
        items[i].after.data = (const uint8_t *)kj_arena_text(planner->arena, items[i].after);
        if (!items[i].before.data || !items[i].after.data)
            return false;
    }
    *out = (kj_edits){items, edits.count};
    return items != NULL;
}

static kj_status add_patch(patch *p, const kj_node *node, kj_span disk, kj_edits edits,
                           uint32_t flags, kj_error *err)
{
    kj_planner *planner = p->planner;
    if (edits.count == 0)
        return KJ_OK;
    kj_step step = {
        .kind = KJ_STEP_PATCH,
        .flags = flags,
        .path = p->path,
        .device = node->device,
        .inode = node->id,
        .size = disk.len,
        .size_after = kj_edits_size_after(edits, disk.len),
    };
    kj_hash(KJ_HASH_SHA256, disk, step.sha256);
    kj_buf after;
    kj_buf_init(&after, disk.len + HIVE_GROWTH + (size_t)INI_MAX);
    put_after(disk, edits, &after);
    kj_hash(KJ_HASH_SHA256, kj_buf_span(&after), step.sha256_after);
    bool failed = after.failed;
    kj_buf_done(&after);
    if (failed || !keep_edits(planner, edits, &step.edits) || !kj_vec_add(&planner->steps, step))
        return kj_no_memory(err);
    for (size_t i = 0; i < p->count; i++)
        if (action_at(p, i)->status == KJ_ACTION_PLANNED)
            action_at(p, i)->step = (uint32_t)planner->steps.count - 1;
    return KJ_OK;
}

/* ---- registry: data
 * -------------------------------------------------------------------------------------- */

/* UTF-8 to UTF-16LE with a NUL behind; lists end with two. */
static bool encode(kj_span text, uint32_t type, kj_buf *out)
{
    for (size_t pos = 0; pos < text.len;) {
        uint32_t code = kj_utf8_next(text, &pos);
        if (type == KJ_REG_MULTI_SZ && code == '\n')
            code = 0;
        kj_utf16le_put(code, out);
    }
    kj_buf_put_u16le(out, 0);
    if (type == KJ_REG_MULTI_SZ)
        kj_buf_put_u16le(out, 0);
    return !out->failed;
}

/* The data for `text` in a value of that type; *out_type is the type it gets. False when it cannot
 * be. */
static bool data_for(const char *text, uint32_t type, uint32_t *out_type, kj_buf *out)
{
    static const char as_number[] = "dword:"; /* whatever the type was */
    uint64_t number = 0;
    *out_type = type;
    kj_span digits = kj_span_str(text);
    if (kj_span_starts(digits, kj_span_str(as_number))) {
        digits = kj_span_sub(digits, strlen(as_number), SIZE_MAX);
        *out_type = type = KJ_REG_DWORD;
    }
    if (type == KJ_REG_DWORD) {
        if (!kj_text_to_u64(digits, &number) || number > UINT32_MAX)
            return false;
        kj_buf_put_u32le(out, (uint32_t)number);
        return !out->failed;
    }
    if (type != KJ_REG_SZ && type != KJ_REG_EXPAND_SZ && type != KJ_REG_MULTI_SZ)
        return false;
    if (type == KJ_REG_SZ && strchr(text, '%') && !strstr(text, "%1") && !strstr(text, "%*"))
        *out_type = KJ_REG_EXPAND_SZ;
    return encode(kj_span_str(text), type, out);
}

/* ---- regf
 * -----------------------------------------------------------------------------------------------------
 */

static kj_status set_text(kj_regf_editor *editor, const kj_action *action, kj_error *err)
{
    kj_buf data;
    kj_buf_init(&data, TEXT_MAX);
    uint32_t type = 0;
    const kj_reg_value *value = &action->spot.value;
    kj_status status = KJ_OK;
    if (!action->becomes || !data_for(action->becomes, value->type, &type, &data))
        status = kj_fail(err, KJ_UNSUPPORTED, KJ_NO_OFFSET,
                         "the value's type is not the one that the default needs");
    else
        status =
            kj_regf_set_value(editor, action->spot.key, value->name, type, kj_buf_span(&data), err);
    kj_buf_done(&data);
    return status;
}

static kj_status disable_service(kj_regf_editor *editor, const kj_action *action, kj_error *err)
{
    static const uint8_t start[] = {'S', 0, 't', 0, 'a', 0, 'r', 0, 't', 0};
    static const uint8_t disabled[] = {4, 0, 0, 0};
    const kj_registry *reg = kj_regf_editor_registry(editor);
    kj_reg_value value;
    kj_reg_name name = {kj_span_of(start, sizeof start), true};
    kj_reg_key key = action->spot.key;
    kj_reg_key_info info;
    /* The entry may be a value below the service (Parameters\ServiceDll). */
    if (!kj_registry_find_value(reg, key, kj_span_str("Start"), NULL, &value)) {
        bool has_parent = kj_registry_key(reg, key, &info) && info.parent != KJ_REG_NONE;
        if (!has_parent ||
            !kj_registry_find_value(reg, info.parent, kj_span_str("Start"), NULL, &value))
            return kj_fail(err, KJ_MALFORMED, KJ_NO_OFFSET, "the service has no start type");
        key = info.parent;
    }
    return kj_regf_set_value(editor, key, name, KJ_REG_DWORD, kj_span_of(disabled, sizeof disabled),
                             err);
}

static kj_status change_regf(kj_regf_editor *editor, const kj_action *action, kj_error *err)
{
    switch (action->deed) {
    case KJ_DEED_DELETE_VALUE:
        return kj_regf_delete_value(editor, action->spot.key, action->spot.value.id, err);
    case KJ_DEED_DELETE_KEY:
        return kj_regf_delete_key(editor, action->spot.key, err);
    case KJ_DEED_SET_VALUE:
        return set_text(editor, action, err);
    case KJ_DEED_DISABLE_SERVICE:
        return disable_service(editor, action, err);
    default:
        return kj_fail(err, KJ_UNSUPPORTED, KJ_NO_OFFSET,
                       "this cannot be done to a registry entry");
    }
}

static kj_status finish_regf(patch *p, const kj_hive *hive, kj_regf_editor *editor, kj_error *err)
{
    for (size_t i = 0; i < p->count; i++) {
        kj_action *action = action_at(p, i);
        kj_error why = {0};
        if (change_regf(editor, action, &why) != KJ_OK)
            refuse_with(p, action, &why);
    }
    if (planned(p) == 0)
        return KJ_OK;
    kj_edits edits;
    kj_error why = {0};
    if (kj_regf_edit_finish(editor, &edits, &why) != KJ_OK) {
        refuse_all(p, &why);
        return KJ_OK;
    }
    return add_patch(p, &hive->node, hive->disk, edits, KJ_STEP_HIVE, err);
}

static kj_status compile_regf(patch *p, const kj_hive *hive, kj_error *err)
{
    kj_buf image;
    kj_buf_init(&image, hive->registry.bytes.len + HIVE_GROWTH);
    kj_buf_put(&image, hive->registry.bytes);
    kj_regf_editor *editor = NULL;
    kj_error why = {0};
    kj_status status = KJ_OK;
    if (image.failed)
        status = kj_no_memory(err);
    else if (kj_regf_edit(hive->disk, &image, &hive->replay, p->planner->options->force,
                          p->planner->arena, &editor, &why) != KJ_OK)
        refuse_all(p, &why);
    else
        status = finish_regf(p, hive, editor, err);
    kj_regf_editor_free(editor);
    kj_buf_done(&image);
    return status;
}

/* ---- CREG
 * -----------------------------------------------------------------------------------------------------
 */

/* One change moves what stands behind it, so each begins with what the one before made. */
static kj_status change_creg(patch *p, kj_action *action, kj_span *bytes, kj_error *err)
{
    kj_registry reg;
    KJ_TRY(kj_registry_open(*bytes, p->planner->arena, &reg, err));
    const kj_hive *hive = &system_of(p)->hives[action->spot.hive];
    kj_span path = action->spot.key_path;
    path = kj_span_sub(path, hive->mount.len + 1, SIZE_MAX);
    kj_reg_key key = kj_registry_find(&reg, reg.root, path);
    kj_reg_value value;
    if (key == KJ_REG_NONE || !kj_registry_find_value(&reg, key, action->spot.name, NULL, &value))
        return kj_fail(err, KJ_MALFORMED, KJ_NO_OFFSET, "the value cannot be found again");
    kj_edits edits = {0};
    if (action->deed == KJ_DEED_DELETE_VALUE)
        KJ_TRY(kj_creg_delete_value(&reg, key, value.id, p->planner->arena, &edits, err));
    else if (action->deed == KJ_DEED_SET_VALUE && action->becomes)
        KJ_TRY(kj_creg_set_value(&reg, key, value.id, kj_span_str(action->becomes),
                                 p->planner->arena, &edits, err));
    else
        return kj_fail(err, KJ_UNSUPPORTED, KJ_NO_OFFSET,
                       "this cannot be done to the registry of Windows 9x");
    kj_buf after;
    kj_buf_init(&after, bytes->len + HIVE_GROWTH);
    put_after(*bytes, edits, &after);
    const char *copy = after.failed ? NULL : kj_arena_text(p->planner->arena, kj_buf_span(&after));
    size_t len = after.len;
    kj_buf_done(&after);
    if (!copy)
        return kj_no_memory(err);
    *bytes = kj_span_of(copy, len);
    return KJ_OK;
}

static kj_status compile_creg(patch *p, const kj_hive *hive, kj_error *err)
{
    kj_span bytes = hive->disk;
    for (size_t i = 0; i < p->count; i++) {
        kj_error why = {0};
        if (change_creg(p, action_at(p, i), &bytes, &why) != KJ_OK)
            refuse_with(p, action_at(p, i), &why);
    }
    kj_edits edits;
    KJ_TRY(kj_edits_between(p->planner->arena, hive->disk, bytes, 8, &edits, err));
    return add_patch(p, &hive->node, hive->disk, edits, 0, err);
}

/* ---- INI
 * ------------------------------------------------------------------------------------------------------
 */

/* As it was inspected: the same bytes give the same entries. */
static kj_status read_ini(patch *p, kj_ini *out, kj_node *out_node, kj_error *err)
{
    kj_arena *arena = p->planner->arena;
    kj_span bytes;
    KJ_TRY(kj_tree_read(system_of(p)->tree, p->path, INI_MAX, arena, &bytes, out_node, err));
    return kj_ini_read(bytes, arena, out, err);
}

/* The entry of a line, as it was. */
static const kj_ini_entry *find_entry(const kj_ini *ini, const kj_spot *spot, size_t *out_index)
{
    for (size_t i = 0; i < ini->count; i++) {
        const kj_ini_entry *entry = &ini->entries[i];
        if (entry->line == spot->line && kj_span_equal(entry->key, spot->name) &&
            kj_span_equal(entry->value, spot->data)) {
            *out_index = i;
            return entry;
        }
    }
    return NULL;
}

static kj_status compile_ini(patch *p, kj_error *err)
{
    kj_ini ini;
    kj_node node;
    kj_error why = {0};
    kj_ini_change *changes = kj_new_array(p->planner->arena, kj_ini_change, p->count + 1);
    if (!changes)
        return kj_no_memory(err);
    if (read_ini(p, &ini, &node, &why) != KJ_OK) {
        refuse_all(p, &why);
        return KJ_OK;
    }
    size_t count = 0;
    for (size_t i = 0; i < p->count; i++) {
        kj_action *action = action_at(p, i);
        size_t entry = 0;
        if (!find_entry(&ini, &action->spot, &entry)) {
            refuse(action, KJ_SENTENCE("the entry changed while the plan was made"));
            continue;
        }
        changes[count++] = (kj_ini_change){
            .kind = action->deed == KJ_DEED_DELETE_INI ? KJ_INI_REMOVE_LINE : KJ_INI_SET,
            .entry = entry,
            .text = kj_span_str(action->becomes),
        };
    }
    kj_edits edits;
    if (count == 0)
        return KJ_OK;
    if (kj_ini_apply(&ini, changes, count, p->planner->arena, &edits, &why) != KJ_OK) {
        refuse_all(p, &why);
        return KJ_OK;
    }
    return add_patch(p, &node, ini.bytes, edits, 0, err);
}

/* ---- all patches
 * ------------------------------------------------------------------------------------------------
 */

static bool is_patched(const kj_action *action)
{
    return action->status == KJ_ACTION_PLANNED && action->phase == KJ_PHASE_REFERENCES &&
           action->spot.kind != KJ_SPOT_FILE && action->step == KJ_NONE;
}

static kj_status compile_patch(patch *p, kj_error *err)
{
    const kj_action *first = action_at(p, 0);
    if (first->spot.kind == KJ_SPOT_INI)
        return compile_ini(p, err);
    const kj_hive *hive = &system_of(p)->hives[first->spot.hive];
    if (hive->registry.form == KJ_REGISTRY_CREG)
        return compile_creg(p, hive, err);
    return compile_regf(p, hive, err);
}

/* All actions on the file of action `first`. */
static kj_status compile_from(kj_planner *planner, uint32_t first, kj_error *err)
{
    const kj_action *lead = &planner->actions.items[first];
    patch p = {
        .planner = planner,
        .system = lead->system,
        .path = lead->spot.path,
        .actions = kj_new_array(planner->arena, uint32_t, planner->actions.count),
    };
    if (!p.actions)
        return kj_no_memory(err);
    for (uint32_t i = first; i < planner->actions.count; i++) {
        const kj_action *other = &planner->actions.items[i];
        if (is_patched(other) && other->system == lead->system &&
            kj_span_equal(other->spot.path, p.path))
            p.actions[p.count++] = i;
    }
    return compile_patch(&p, err);
}

static kj_status compile_patches(kj_planner *planner, kj_error *err)
{
    for (uint32_t i = 0; i < planner->actions.count; i++) {
        kj_action *action = &planner->actions.items[i];
        if (!is_patched(action))
            continue;
        KJ_TRY(compile_from(planner, i, err));
        if (is_patched(action)) /* nothing had to change: it is so already */
            action->status = KJ_ACTION_REPORT;
    }
    return KJ_OK;
}

/* ---- files
 * -------------------------------------------------------------------------------------------------------
 */

/* Whether the entry that an action puts right starts the file that another removes: by itself, or
 * with one of the programs in its list. */
static bool leads_to(const kj_planner *planner, const kj_action *reference,
                     const kj_action *removal)
{
    if (reference->system != removal->system || reference == removal || removal->file == KJ_NONE)
        return false;
    if (reference->file == removal->file)
        return true;
    const kj_inspection *inspection = &planner->inspections[reference->system];
    for (size_t i = 0; i < inspection->autostart_count; i++)
        if (inspection->autostarts[i].file == removal->file &&
            kj_spot_equal(&inspection->autostarts[i].entry.spot, &reference->spot))
            return true;
    return false;
}

/* An entry that stays must not lead to a file that is gone, where Windows depends on it. */
static bool is_held(kj_planner *planner, const kj_action *removal)
{
    for (size_t i = 0; i < planner->actions.count; i++) {
        const kj_action *other = &planner->actions.items[i];
        bool stays = other->status == KJ_ACTION_REFUSED || other->status == KJ_ACTION_MANUAL;
        bool is_vital =
            other->what == KJ_DO_RESTORE_DEFAULT || other->what == KJ_DO_DISABLE_SERVICE;
        if (stays && is_vital && leads_to(planner, other, removal))
            return true;
    }
    return false;
}

static const uint32_t *needs_of(kj_planner *planner, const kj_action *removal, size_t *out_count)
{
    uint32_t *needs = kj_new_array(planner->arena, uint32_t, planner->steps.count + 1);
    size_t count = 0;
    for (size_t i = 0; needs && i < planner->actions.count; i++) {
        const kj_action *other = &planner->actions.items[i];
        bool known = false;
        for (size_t k = 0; k < count; k++)
            known |= needs[k] == other->step;
        if (leads_to(planner, other, removal) && other->status == KJ_ACTION_PLANNED &&
            other->step != KJ_NONE && !known)
            needs[count++] = other->step;
    }
    *out_count = count;
    return needs;
}

/* The step that removes the same file for an earlier action (another name for it in the plan). */
static uint32_t find_removal(const kj_planner *planner, kj_span path)
{
    for (size_t i = 0; i < planner->steps.count; i++) {
        const kj_step *step = &planner->steps.items[i];
        if (step->kind == KJ_STEP_REMOVE && kj_span_equal(step->path, path))
            return (uint32_t)i;
    }
    return KJ_NONE;
}

static kj_status compile_removal(kj_planner *planner, kj_action *action, kj_error *err)
{
    const kj_host_file *file = &planner->inspections[action->system].files[action->file];
    if (!file->has_sha256) {
        refuse(action, KJ_SENTENCE("the file could not be read whole"));
        return KJ_OK;
    }
    if (is_held(planner, action)) {
        refuse(action,
               KJ_SENTENCE("what starts it cannot be put right, and Windows would miss it"));
        return KJ_OK;
    }
    action->step = find_removal(planner, file->node.path);
    if (action->step != KJ_NONE)
        return KJ_OK;
    kj_step step = {
        .kind = KJ_STEP_REMOVE,
        .path = file->node.path,
        .device = file->node.device,
        .inode = file->node.id,
        .size = file->node.size,
    };
    memcpy(step.sha256, file->sha256, sizeof step.sha256);
    if (action->warn.len)
        step.flags |= KJ_STEP_SENSITIVE;
    if (kj_is_protected(file->place))
        step.flags |= KJ_STEP_SYSTEM;
    step.needs = needs_of(planner, action, &step.need_count);
    if (!step.needs || !kj_vec_add(&planner->steps, step))
        return kj_no_memory(err);
    action->step = (uint32_t)planner->steps.count - 1;
    return KJ_OK;
}

/* Every file below it has to go first; whatever else is there stays, and so does the directory. */
static kj_status compile_directory(kj_planner *planner, kj_action *action, kj_error *err)
{
    const kj_node *entries = NULL;
    size_t count = 0;
    kj_error why = {0};
    kj_tree *tree = planner->inspections[action->system].system->tree;
    if (kj_tree_list(tree, action->directory.path, &entries, &count, &why) != KJ_OK) {
        refuse(action, kj_arena_strdup(planner->arena, why.message));
        return KJ_OK;
    }
    uint32_t *needs = kj_new_array(planner->arena, uint32_t, count + 1);
    if (!needs)
        return kj_no_memory(err);
    for (size_t i = 0; i < count; i++) {
        needs[i] = find_removal(planner, entries[i].path);
        if (needs[i] != KJ_NONE)
            continue;
        refuse(action, KJ_SENTENCE("something else is in it"));
        return KJ_OK;
    }
    kj_step step = {
        .kind = KJ_STEP_RMDIR,
        .path = action->directory.path,
        .device = action->directory.device,
        .inode = action->directory.id,
        .needs = needs,
        .need_count = count,
    };
    if (!kj_vec_add(&planner->steps, step))
        return kj_no_memory(err);
    action->step = (uint32_t)planner->steps.count - 1;
    return KJ_OK;
}

kj_status kj_plan_compile(kj_planner *planner, kj_error *err)
{
    KJ_TRY(compile_patches(planner, err));
    for (size_t i = 0; i < planner->actions.count; i++) {
        kj_action *action = &planner->actions.items[i];
        if (action->status == KJ_ACTION_PLANNED && action->deed == KJ_DEED_QUARANTINE)
            KJ_TRY(compile_removal(planner, action, err));
    }
    for (size_t i = 0; i < planner->actions.count; i++) {
        kj_action *action = &planner->actions.items[i];
        if (action->status == KJ_ACTION_PLANNED && action->deed == KJ_DEED_REMOVE_DIRECTORY)
            KJ_TRY(compile_directory(planner, action, err));
    }
    return KJ_OK;
}
