/* SPDX-License-Identifier: Apache-2.0 */
/* Places that no pattern can describe: services, startup folders, the registry's list of tasks; and
 * what tells whether an entry counts. */
#include "base/arith.h"
#include "base/path.h"
#include "base/reader.h"
#include "base/text.h"
#include "base/vec.h"
#include "host/autostarts_private.h"
#include "host/system_private.h"

#include <stdio.h>

enum {
    SERVICES_MAX = 100000, /* of one control set */
    SETS_MAX = 1000,
    FRAMES_MAX = 10, /* keys of a path that the code names */
    TASKS_MAX = 100000,
    TASK_DEPTH_MAX = 64,
    START_DISABLED = 4,
    TYPE_KERNEL = 0x1,
    TYPE_FILE_SYSTEM = 0x2,
    TYPE_RECOGNIZER = 0x8,
    ACTION_PROGRAM = 0x6666,
    ACTION_CLASS = 0x7777,
};

static const char *const task_cache = "Microsoft\\Windows NT\\CurrentVersion\\Schedule\\TaskCache";

static bool value_at(const kj_registry *reg, kj_reg_key key, const char *name, kj_arena *arena,
                     kj_reg_value *out)
{
    return key != KJ_REG_NONE && kj_registry_find_value(reg, key, kj_span_str(name), arena, out);
}

/* ---- does it count?
 * ---------------------------------------------------------------------------------- */

/* The word that Explorer keeps about an entry: an odd first byte says that it is off. */
static bool is_off(kj_autostart_finder *f, uint32_t hive, const char *words, kj_span name)
{
    static const char *const at = "Microsoft\\Windows\\CurrentVersion\\Explorer\\StartupApproved";
    bool of_user = f->system->hives[hive].role == KJ_HIVE_USER;
    char path[128];
    (void)snprintf(path, sizeof path, "%s%s\\%s", of_user ? "Software\\" : "", at, words);
    return kj_autostart_first_byte(f, hive, path, name) & 1;
}

void kj_autostart_mark_approval(kj_autostart_finder *f, kj_autostart *entry)
{
    const kj_hive *hive = &f->system->hives[entry->spot.hive];
    kj_span last = kj_path_base(entry->spot.key_path);
    if (!kj_text_equal_nocase(last, kj_span_str("Run")) ||
        (hive->role != KJ_HIVE_USER && hive->role != KJ_HIVE_SOFTWARE))
        return;
    if (is_off(f, entry->spot.hive, entry->view32 ? "Run32" : "Run", entry->name))
        entry->flags |= KJ_AUTOSTART_DISABLED;
}

bool kj_autostart_ini_is_mapped(kj_autostart_finder *f, kj_span file, kj_span section, kj_span key)
{
    const kj_registry *reg = kj_system_registry(f->system, KJ_HIVE_SOFTWARE);
    kj_arena *arena = f->system->arena;
    kj_reg_value value;
    if (!reg || f->system->kind == KJ_WINDOWS_9X)
        return false;
    const char *path =
        kj_arena_printf(arena, "Microsoft\\Windows NT\\CurrentVersion\\IniFileMapping\\%.*s",
                        (int)file.len, (const char *)file.data);
    kj_reg_key of_file = path ? kj_registry_find(reg, reg->root, kj_span_str(path)) : KJ_REG_NONE;
    if (of_file == KJ_REG_NONE)
        return false;
    kj_autostart_spend_key(f, reg, of_file);
    if (kj_registry_find_value(reg, of_file, section, arena, &value) ||
        kj_registry_find_value(reg, of_file, (kj_span){0}, arena, &value))
        return true;
    kj_reg_key of_section = section.len ? kj_registry_find(reg, of_file, section) : KJ_REG_NONE;
    kj_autostart_spend_key(f, reg, of_section);
    return of_section != KJ_REG_NONE &&
           (kj_registry_find_value(reg, of_section, key, arena, &value) ||
            kj_registry_find_value(reg, of_section, (kj_span){0}, arena, &value));
}

/* ---- services
 * ---------------------------------------------------------------------------------------- */

typedef struct service {
    uint32_t hive;
    const kj_autostart_trail *at;
    kj_reg_key parameters;
    uint32_t type;
    bool has_type;
    uint32_t start;
    bool has_start;
} service;

static void read_service(const kj_registry *reg, kj_reg_key key, kj_arena *arena, service *out)
{
    out->parameters = kj_registry_find(reg, key, kj_span_str("Parameters"));
    out->has_type = kj_reg_number_at(reg, key, "", "Type", arena, &out->type);
    out->has_start = kj_reg_number_at(reg, key, "", "Start", arena, &out->start);
}

static kj_autostart service_entry(kj_autostart_finder *f, const kj_autostart_row *row,
                                  const service *s)
{
    kj_autostart entry = kj_autostart_entry(f, row, s->hive, s->at, NULL);
    if (s->has_start && s->start >= START_DISABLED)
        entry.flags |= KJ_AUTOSTART_DISABLED;
    return entry;
}

/* A service's program; of a driver without a path the one that Windows looks for. */
static void emit_image(kj_autostart_finder *f, const kj_autostart_row *row, const service *s,
                       const char *image)
{
    kj_autostart entry = service_entry(f, row, s);
    bool driver = s->has_type && (s->type & (TYPE_KERNEL | TYPE_FILE_SYSTEM | TYPE_RECOGNIZER));
    kj_path_context context = {.profile = KJ_REG_NONE, .directory = f->system->windir};
    if (!image && driver)
        image = kj_arena_printf(f->system->arena, "system32\\drivers\\%.*s.sys",
                                (int)entry.name.len, (const char *)entry.name.data);
    if (image) {
        entry.spot.data = kj_span_str(image);
        kj_autostart_lead(f, &entry, kj_span_str(image), &context);
    }
    kj_autostart_emit(f, &entry);
}

/* What else a service loads or starts: a library within svchost, a program after a failure. */
static void emit_other(kj_autostart_finder *f, const kj_autostart_row *row, const service *s,
                       kj_reg_key key, const char *name, bool is_library)
{
    const kj_hive *hive = &f->system->hives[s->hive];
    const char *text = key == KJ_REG_NONE
                           ? NULL
                           : kj_reg_text_at(&hive->registry, key, "", name, f->system->arena);
    if (!text || !*text)
        return;
    kj_autostart entry = service_entry(f, row, s);
    kj_path_context context = {.profile = KJ_REG_NONE, .directory = f->system->windir};
    entry.spot.data = kj_span_str(text);
    (is_library ? kj_autostart_lead_dll : kj_autostart_lead)(f, &entry, kj_span_str(text),
                                                             &context);
    kj_autostart_emit(f, &entry);
}

static void found_service(kj_autostart_finder *f, const kj_autostart_row *row, uint32_t hive,
                          const kj_autostart_trail *at)
{
    const kj_registry *reg = &f->system->hives[hive].registry;
    kj_arena *arena = f->system->arena;
    service s = {.hive = hive, .at = at};
    kj_autostart_spend_key(f, reg, at->key);
    read_service(reg, at->key, arena, &s);
    const char *image = kj_reg_text_at(reg, at->key, "", "ImagePath", arena);
    if (s.has_type || image)
        emit_image(f, row, &s, image);
    emit_other(f, row, &s, s.parameters, "ServiceDll", true);
    emit_other(f, row, &s, at->key, "ServiceDll", true);
    emit_other(f, row, &s, at->key, "FailureCommand", false);
    kj_reg_key vxd = f->system->kind == KJ_WINDOWS_9X ? at->key : KJ_REG_NONE;
    emit_other(f, row, &s, vxd, "StaticVxD", false);
}

static void services_below(kj_autostart_finder *f, const kj_autostart_row *row, uint32_t hive,
                           const kj_autostart_trail *from, const char *path)
{
    const kj_registry *reg = &f->system->hives[hive].registry;
    kj_autostart_trail frames[FRAMES_MAX];
    const kj_autostart_trail *at =
        kj_autostart_follow(f, reg, from, kj_span_str(path), frames, FRAMES_MAX);
    kj_reg_iter it = {0};
    kj_reg_key_info info;
    for (size_t i = 0; at && i < SERVICES_MAX && !f->full; i++) {
        if (!kj_registry_next_subkey(reg, at->key, &it, &info))
            return;
        kj_autostart_trail below = {.above = at, .key = info.key};
        if (!info.is_link)
            found_service(f, row, hive, &below);
    }
}

static void services_of_sets(kj_autostart_finder *f, const kj_autostart_row *row, uint32_t hive)
{
    const kj_registry *reg = &f->system->hives[hive].registry;
    kj_reg_iter it = {0};
    kj_reg_key_info set;
    kj_span pattern = kj_span_str("ControlSet*");
    for (size_t i = 0; i < SETS_MAX && kj_registry_next_subkey(reg, reg->root, &it, &set); i++) {
        kj_autostart_trail root = {.key = reg->root}, below = {.above = &root, .key = set.key};
        kj_buf name;
        kj_buf_init(&name, KJ_AUTOSTART_TEXT_MAX);
        kj_reg_name_text(set.name, &name);
        if (!set.is_link && kj_autostart_matches(f->system->arena, pattern, kj_buf_span(&name)))
            services_below(f, row, hive, &below, "Services");
        f->starved |= name.starved;
        kj_buf_done(&name);
    }
}

void kj_autostart_services(kj_autostart_finder *f, const kj_autostart_row *row)
{
    static const char *const places_9x[] = {"System\\CurrentControlSet\\Services",
                                            "System\\CurrentControlSet\\Services\\VxD"};
    for (uint32_t i = 0; i < f->system->hive_count; i++) {
        const kj_hive *hive = &f->system->hives[i];
        if (!hive->usable)
            continue;
        kj_autostart_trail root = {.key = hive->registry.root};
        if (hive->role == KJ_HIVE_SYSTEM)
            services_of_sets(f, row, i);
        for (size_t p = 0; hive->role == KJ_HIVE_SYSTEM_9X && p < KJ_COUNT(places_9x); p++)
            services_below(f, row, i, &root, places_9x[p]);
    }
}

/* ---- startup folders
 * --------------------------------------------------------------------------------- */

typedef struct folder_search {
    kj_autostart_finder *f;
    const kj_autostart_row *row;
    KJ_VEC(kj_node) seen;
} folder_search;

static void found_startup(folder_search *s, const kj_node *node, uint32_t profile)
{
    kj_autostart_finder *f = s->f;
    kj_span name = kj_path_base(node->path);
    if (node->kind != KJ_NODE_FILE || kj_text_equal_nocase(name, kj_span_str("desktop.ini")))
        return;
    kj_autostart entry = {
        .row = s->row,
        .spot = {.kind = KJ_SPOT_FILE, .path = node->path},
        .profile = profile,
        .name = name,
    };
    const char *path = kj_system_winpath(f->system, node->path);
    const char *quoted = path ? kj_arena_printf(f->system->arena, "\"%s\"", path) : NULL;
    f->starved |= !quoted;
    kj_path_context context = {.profile = profile, .directory = f->system->windir};
    kj_autostart_lead(f, &entry, kj_span_str(quoted), &context);
    for (uint32_t i = 0; i < f->system->hive_count; i++) {
        const kj_hive *hive = &f->system->hives[i];
        bool asked = hive->role == KJ_HIVE_SOFTWARE ||
                     (hive->role == KJ_HIVE_USER && hive->profile == profile);
        if (hive->usable && asked && is_off(f, i, "StartupFolder", name))
            entry.flags |= KJ_AUTOSTART_DISABLED;
    }
    kj_autostart_emit(f, &entry);
}

static void look_into(folder_search *s, const kj_node *folder, uint32_t profile)
{
    for (size_t i = 0; i < s->seen.count; i++)
        if (kj_span_equal(s->seen.items[i].path, folder->path))
            return;
    const kj_node *nodes;
    size_t count;
    kj_error err;
    if (folder->kind != KJ_NODE_DIR)
        return;
    if (!kj_vec_add(&s->seen, *folder))
        s->f->starved = true;
    if (kj_tree_list(s->f->system->tree, folder->path, &nodes, &count, &err) != KJ_OK)
        return; /* the tree remembers it: kj_tree_failures() */
    for (size_t i = 0; i < count && !s->f->full; i++)
        found_startup(s, &nodes[i], profile);
}

/* The folders that Explorer's settings in a hive name. */
static void named_folders(folder_search *s, const kj_hive *hive, kj_reg_key from, uint32_t profile)
{
    static const char *const keys[] = {"User Shell Folders", "Shell Folders"};
    static const char *const names[] = {"Startup", "Common Startup", "AltStartup",
                                        "Common AltStartup"};
    const kj_system *system = s->f->system;
    bool whole = hive->role != KJ_HIVE_SOFTWARE;
    for (size_t k = 0; k < KJ_COUNT(keys); k++)
        for (size_t n = 0; n < KJ_COUNT(names); n++) {
            const char *path =
                kj_arena_printf(system->arena, "%sMicrosoft\\Windows\\CurrentVersion\\Explorer\\%s",
                                whole ? "Software\\" : "", keys[k]);
            const char *text =
                path ? kj_reg_text_at(&hive->registry, from, path, names[n], system->arena) : NULL;
            kj_path_context context = {.profile = profile};
            const char *plain = text ? kj_system_expand(system, kj_span_str(text), &context) : NULL;
            kj_node folder;
            if (plain && *plain &&
                kj_system_find(system, kj_span_str(plain), &context, &folder, NULL))
                look_into(s, &folder, profile);
        }
}

static void folders_of_hives(folder_search *s)
{
    const kj_system *system = s->f->system;
    for (uint32_t i = 0; i < system->hive_count; i++) {
        const kj_hive *hive = &system->hives[i];
        const kj_registry *reg = &hive->registry;
        kj_reg_iter it = {0};
        kj_reg_key_info info;
        if (!hive->usable)
            continue;
        if (hive->role == KJ_HIVE_SOFTWARE || hive->role == KJ_HIVE_USER ||
            hive->role == KJ_HIVE_SYSTEM_9X)
            named_folders(s, hive, reg->root, hive->profile);
        while (hive->role == KJ_HIVE_USER_9X && kj_registry_next_subkey(reg, reg->root, &it, &info))
            named_folders(s, hive, info.key, hive->profile);
    }
}

static void standard_folder(folder_search *s, kj_span base, const char *path, uint32_t profile)
{
    kj_node folder;
    if (kj_system_has(s->f->system->tree, base, path, KJ_NODE_DIR, &folder))
        look_into(s, &folder, profile);
}

void kj_autostart_startup(kj_autostart_finder *f, const kj_autostart_row *row)
{
    static const char *const common[] = {
        "ProgramData/Microsoft/Windows/Start Menu/Programs/StartUp",
        "Documents and Settings/All Users/Start Menu/Programs/Startup",
    };
    static const char *const of_windows[] = {
        "Start Menu/Programs/StartUp",
        "All Users/Start Menu/Programs/StartUp",
        "Profiles/All Users/Start Menu/Programs/Startup",
    };
    static const char *const of_user[] = {
        "AppData/Roaming/Microsoft/Windows/Start Menu/Programs/Startup",
        "Start Menu/Programs/Startup",
    };
    const kj_system *system = f->system;
    folder_search s = {.f = f, .row = row};
    for (size_t i = 0; i < KJ_COUNT(common); i++)
        standard_folder(&s, system->root, common[i], KJ_REG_NONE);
    for (size_t i = 0; i < KJ_COUNT(of_windows); i++)
        standard_folder(&s, system->windir, of_windows[i], KJ_REG_NONE);
    for (uint32_t p = 0; p < system->profile_count; p++)
        for (size_t i = 0; i < KJ_COUNT(of_user) && system->profiles[p].path.len; i++)
            standard_folder(&s, system->profiles[p].path, of_user[i], p);
    folders_of_hives(&s);
    kj_vec_done(&s.seen);
}

/* ---- the registry's list of tasks
 * -------------------------------------------------------------------- */

/* The actions of a task, as the registry keeps them (no documentation; seen in Windows 8 to 11): a
 * version, from 2 on the name of an account; then each action with a number, a name, and for a
 * program command, arguments and directory, texts with their length in bytes before them. */
static kj_span action_text(kj_autostart_finder *f, kj_reader *r)
{
    uint32_t len = kj_read_u32le(r);
    kj_span raw = kj_read_span(r, len);
    kj_buf text;
    kj_buf_init(&text, KJ_AUTOSTART_TEXT_MAX);
    kj_utf16_to_utf8(raw, false, &text);
    kj_span copy = kj_autostart_copy(f, kj_buf_span(&text));
    kj_buf_done(&text);
    return copy;
}

static void lead_action(kj_autostart_finder *f, kj_autostart *entry, kj_span data)
{
    kj_path_context context = {.profile = KJ_REG_NONE, .directory = f->system->windir};
    kj_reader r = {.in = data};
    uint16_t version = kj_read_u16le(&r);
    if (version > 1)
        (void)action_text(f, &r);
    uint16_t kind = kj_read_u16le(&r);
    (void)action_text(f, &r);
    if (kind == ACTION_PROGRAM) {
        kj_span command = action_text(f, &r);
        kj_span arguments = action_text(f, &r);
        if (!kj_reader_ok(&r))
            return;
        bool quote =
            command.len && command.data[0] != '"' && memchr(command.data, ' ', command.len);
        const char *line =
            kj_arena_printf(f->system->arena, "%s%.*s%s%s%.*s", quote ? "\"" : "", (int)command.len,
                            (const char *)command.data, quote ? "\"" : "", arguments.len ? " " : "",
                            (int)arguments.len, (const char *)arguments.data);
        f->starved |= !line;
        kj_autostart_lead(f, entry, kj_span_str(line), &context);
    } else if (kind == ACTION_CLASS) {
        uint32_t a = kj_read_u32le(&r);
        uint16_t b = kj_read_u16le(&r), c = kj_read_u16le(&r);
        uint8_t d[8] = {0};
        for (size_t i = 0; i < sizeof d; i++)
            d[i] = kj_read_u8(&r);
        const char *clsid =
            kj_arena_printf(f->system->arena, "{%08X-%04X-%04X-%02X%02X-%02X%02X%02X%02X%02X%02X}",
                            a, b, c, d[0], d[1], d[2], d[3], d[4], d[5], d[6], d[7]);
        if (kj_reader_ok(&r) && clsid)
            kj_autostart_lead_class(f, entry, kj_span_str(clsid), &context);
    }
}

typedef struct task_search {
    kj_autostart_finder *f;
    const kj_autostart_row *row;
    uint32_t hive;
    size_t count;
} task_search;

/* The keys that are about a task, behind TaskCache: all go together. */
static const char *const task_parts[] = {"Tasks", "Boot", "Logon", "Plain", "Maintenance"};

static const kj_autostart_trail *task_part(kj_autostart_finder *f, const kj_registry *reg,
                                           const char *part, const char *id,
                                           kj_autostart_trail frames[FRAMES_MAX])
{
    frames[0] = (kj_autostart_trail){.key = reg->root};
    const char *path = kj_arena_printf(f->system->arena, "%s\\%s\\%s", task_cache, part, id);
    f->starved |= !path;
    if (!path)
        return NULL;
    return kj_autostart_follow(f, reg, frames, kj_span_str(path), frames + 1, FRAMES_MAX - 1);
}

/* A key of the tree that names a task. */
static void found_task(task_search *s, const kj_autostart_trail *at, kj_span name)
{
    kj_autostart_finder *f = s->f;
    kj_arena *arena = f->system->arena;
    const kj_registry *reg = &f->system->hives[s->hive].registry;
    kj_autostart_trail frames[FRAMES_MAX];
    const kj_autostart_trail *part;
    kj_reg_value value;
    const char *id = kj_reg_text_at(reg, at->key, "", "Id", arena);
    if (!id)
        return;
    kj_autostart entry = kj_autostart_entry(f, s->row, s->hive, at, NULL);
    entry.name = name;
    if (!value_at(reg, at->key, "SD", arena, &value))
        entry.flags |= KJ_AUTOSTART_HIDDEN;
    part = task_part(f, reg, task_parts[0], id, frames);
    if (part && value_at(reg, part->key, "Actions", arena, &value))
        lead_action(f, &entry, value.data);
    kj_autostart_emit(f, &entry);
    for (size_t i = 0; *id && i < KJ_COUNT(task_parts); i++) {
        part = task_part(f, reg, task_parts[i], id, frames);
        if (!part)
            continue;
        kj_autostart other = entry;
        other.spot = kj_autostart_entry(f, s->row, s->hive, part, NULL).spot;
        kj_autostart_emit(f, &other);
    }
}

static void tasks_below(task_search *s, const kj_autostart_trail *at, kj_span path, unsigned depth)
{
    kj_autostart_finder *f = s->f;
    const kj_registry *reg = &f->system->hives[s->hive].registry;
    kj_reg_iter it = {0};
    kj_reg_key_info info;
    while (depth < TASK_DEPTH_MAX && !f->full && s->count < TASKS_MAX &&
           kj_registry_next_subkey(reg, at->key, &it, &info)) {
        kj_autostart_trail below = {.above = at, .key = info.key};
        kj_buf text;
        kj_buf_init(&text, KJ_AUTOSTART_TEXT_MAX);
        kj_buf_put(&text, path);
        kj_buf_put_byte(&text, '\\');
        kj_reg_name_text(info.name, &text);
        kj_span name = kj_autostart_copy(f, kj_buf_span(&text));
        kj_buf_done(&text);
        s->count++;
        kj_autostart_spend_key(f, reg, info.key);
        found_task(s, &below, name);
        tasks_below(s, &below, name, depth + 1);
    }
}

void kj_autostart_task_cache(kj_autostart_finder *f, const kj_autostart_row *row)
{
    const char *tree = kj_arena_printf(f->system->arena, "%s\\Tree", task_cache);
    f->starved |= !tree;
    for (uint32_t i = 0; tree && i < f->system->hive_count; i++) {
        const kj_hive *hive = &f->system->hives[i];
        if (hive->role != KJ_HIVE_SOFTWARE || !hive->usable)
            continue;
        kj_autostart_trail root = {.key = hive->registry.root}, frames[FRAMES_MAX];
        const kj_autostart_trail *at =
            kj_autostart_follow(f, &hive->registry, &root, kj_span_str(tree), frames, FRAMES_MAX);
        task_search s = {f, row, i, 0};
        if (at)
            tasks_below(&s, at, (kj_span){0}, 0);
    }
}

bool kj_autostart_task_hidden(kj_autostart_finder *f, kj_span name)
{
    const kj_registry *reg = kj_system_registry(f->system, KJ_HIVE_SOFTWARE);
    kj_reg_value value;
    const char *path =
        kj_arena_printf(f->system->arena, "%s\\Tree\\%.*s", task_cache,
                        (int)(name.len && name.data[0] == '\\' ? name.len - 1 : name.len),
                        (const char *)name.data + (name.len && name.data[0] == '\\'));
    kj_reg_key key =
        reg && path ? kj_registry_find(reg, reg->root, kj_span_str(path)) : KJ_REG_NONE;
    return key != KJ_REG_NONE && value_at(reg, key, "Id", f->system->arena, &value) &&
           !value_at(reg, key, "SD", f->system->arena, &value);
}
