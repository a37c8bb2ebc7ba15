/* SPDX-License-Identifier: Apache-2.0 */
/* A Windows directory is known by what it holds, not by its name, which is anything its owner
 * liked. Two levels are searched: a system that was moved aside (Windows.old\WINDOWS), or a
 * directory that holds the copies of several volumes (C\WINDOWS, D\WINNT), has its drive's root
 * there, too. */
#include "host/system.h"

#include "base/arith.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/reader.h"
#include "base/text.h"
#include "host/system_private.h"
#include "host/tree_private.h"

#include <errno.h>
#include <unistd.h>

enum {
    HEAD_LEN = 4,
    SECOND_LEVEL_MAX = 20000, /* directories that are looked at for a system */
    SYSTEMS_MAX = 64,
    FIRST_WINDOWS_11 = 22000,
};
static const uint64_t volume_bytes_max = UINT64_C(2) << 30;

/* ---- what others use ------------------------------------------------------------------------- */

bool kj_system_has(kj_tree *tree, kj_span directory, const char *name, kj_node_kind kind,
                   kj_node *out)
{
    kj_buf path;
    kj_node node;
    kj_buf_init(&path, directory.len + strlen(name) + 16);
    kj_buf_put(&path, directory);
    kj_buf_put_byte(&path, '/');
    kj_buf_put_text(&path, name);
    bool found =
        !path.failed && kj_tree_find(tree, kj_buf_span(&path), &node, NULL) && node.kind == kind;
    tree->starved = tree->starved || path.failed;
    kj_buf_done(&path);
    if (found && out)
        *out = node;
    return found;
}

static bool has_file(kj_tree *tree, kj_span directory, const char *name)
{
    return kj_system_has(tree, directory, name, KJ_NODE_FILE, NULL);
}

static bool has_directory(kj_tree *tree, kj_span directory, const char *name)
{
    return kj_system_has(tree, directory, name, KJ_NODE_DIR, NULL);
}

uint32_t kj_system_next_hive(const kj_system *system, kj_hive_role role, uint32_t from)
{
    for (size_t i = from; i < system->hive_count; i++)
        if (system->hives[i].role == role)
            return (uint32_t)i;
    return KJ_REG_NONE;
}

const kj_registry *kj_system_registry(const kj_system *system, kj_hive_role role)
{
    for (uint32_t i = 0; (i = kj_system_next_hive(system, role, i)) != KJ_REG_NONE; i++)
        if (system->hives[i].usable)
            return &system->hives[i].registry;
    return NULL;
}

char *kj_reg_text_at(const kj_registry *reg, kj_reg_key from, const char *path, const char *name,
                     kj_arena *arena)
{
    kj_reg_value value;
    kj_reg_key key = kj_registry_find(reg, from, kj_span_str(path));
    if (key == KJ_REG_NONE || !kj_registry_find_value(reg, key, kj_span_str(name), arena, &value))
        return NULL;
    kj_buf text;
    kj_buf_init(&text, KJ_REG_TEXT_MAX);
    bool is_text = kj_reg_value_text(reg, &value, &text) && !text.failed;
    char *copy = is_text ? kj_arena_text(arena, kj_buf_span(&text)) : NULL;
    arena->failed = arena->failed || text.starved;
    kj_buf_done(&text);
    return copy;
}

bool kj_reg_number_at(const kj_registry *reg, kj_reg_key from, const char *path, const char *name,
                      kj_arena *arena, uint32_t *out)
{
    kj_reg_value value;
    kj_reg_key key = kj_registry_find(reg, from, kj_span_str(path));
    if (key == KJ_REG_NONE || !kj_registry_find_value(reg, key, kj_span_str(name), arena, &value) ||
        value.type != KJ_REG_DWORD || value.data.len != sizeof(uint32_t))
        return false;
    kj_reader r = kj_reader_of(value.data);
    *out = kj_read_u32le(&r);
    return true;
}

/* ---- which version --------------------------------------------------------------------------- */

static const struct {
    const char *version;
    const char *product;
} nt_products[] = {
    {"3.", "Windows NT 3"}, {"4.0", "Windows NT 4.0"},      {"5.0", "Windows 2000"},
    {"5.1", "Windows XP"},  {"5.2", "Windows Server 2003"}, {"6.0", "Windows Vista"},
    {"6.1", "Windows 7"},   {"6.2", "Windows 8"},           {"6.3", "Windows 8.1"},
    {"10.0", "Windows 10"},
};

/* "Microsoft Windows XP" is "Windows XP". */
static const char *short_product(const char *product)
{
    kj_span prefix = kj_span_str("Microsoft ");
    kj_span text = kj_span_str(product);
    if (!kj_text_equal_nocase(kj_span_sub(text, 0, prefix.len), prefix))
        return product;
    return product + prefix.len;
}

/* Windows 11 calls itself 10 in the registry. */
static const char *with_build(kj_system *s, const char *product)
{
    uint64_t build = 0;
    kj_span old = kj_span_str("Windows 10");
    kj_span text = kj_span_str(product);
    if (!kj_text_to_u64(kj_span_str(s->build), &build) || build < FIRST_WINDOWS_11 ||
        !kj_text_equal_nocase(kj_span_sub(text, 0, old.len), old))
        return product;
    return kj_arena_printf(s->arena, "Windows 11%s", product + old.len);
}

/* What the files show when the registry cannot be read. */
static const char *guess_product(const kj_system *s)
{
    if (s->kind == KJ_WINDOWS_9X)
        return "Windows 95, 98 or ME";
    if (has_directory(s->tree, s->root, "Users"))
        return "Windows Vista or later";
    if (has_directory(s->tree, s->root, "Documents and Settings"))
        return "Windows 2000, XP or 2003";
    return "Windows NT";
}

static kj_status identify_nt(kj_system *s, kj_error *err)
{
    static const char *const key = "Microsoft\\Windows NT\\CurrentVersion";
    const kj_registry *reg = kj_system_registry(s, KJ_HIVE_SOFTWARE);
    const char *version = NULL, *build = NULL, *product = NULL;
    uint32_t major, minor;
    if (reg) {
        version = kj_reg_text_at(reg, reg->root, key, "CurrentVersion", s->arena);
        if (kj_reg_number_at(reg, reg->root, key, "CurrentMajorVersionNumber", s->arena, &major) &&
            kj_reg_number_at(reg, reg->root, key, "CurrentMinorVersionNumber", s->arena, &minor))
            version = kj_arena_printf(s->arena, "%u.%u", major, minor);
        build = kj_reg_text_at(reg, reg->root, key, "CurrentBuild", s->arena);
        if (!build ||
            !kj_is_digit((uint8_t)*build)) /* 2000 and XP have "1.511.1 () (Obsolete...)" */
            build = NULL;
        const char *number = kj_reg_text_at(reg, reg->root, key, "CurrentBuildNumber", s->arena);
        build = number ? number : build;
        product = kj_reg_text_at(reg, reg->root, key, "ProductName", s->arena);
    }
    s->version = version ? version : "";
    s->build = build ? build : "";
    for (size_t i = 0; version && !product && i < KJ_COUNT(nt_products); i++)
        if (kj_span_starts(kj_span_str(version), kj_span_str(nt_products[i].version)))
            product = nt_products[i].product;
    product = product ? with_build(s, short_product(product)) : guess_product(s);
    s->product = product;
    return product ? KJ_OK : kj_no_memory(err);
}

/* "4.10.2222": version and build. */
static kj_status split_number(kj_system *s, const char *number, kj_error *err)
{
    kj_span text = kj_span_str(number);
    size_t first = kj_span_find(text, kj_span_str("."), 0);
    size_t second = first == SIZE_MAX ? SIZE_MAX : kj_span_find(text, kj_span_str("."), first + 1);
    s->version =
        second == SIZE_MAX ? number : kj_arena_text(s->arena, kj_span_sub(text, 0, second));
    s->build = second == SIZE_MAX ? "" : number + second + 1;
    return s->version ? KJ_OK : kj_no_memory(err);
}

static kj_status identify_9x(kj_system *s, kj_error *err)
{
    static const char *const key = "Software\\Microsoft\\Windows\\CurrentVersion";
    const kj_registry *reg = kj_system_registry(s, KJ_HIVE_SYSTEM_9X);
    const char *product = NULL, *number = NULL;
    if (reg) {
        product = kj_reg_text_at(reg, reg->root, key, "ProductName", s->arena);
        if (!product)
            product = kj_reg_text_at(reg, reg->root, key, "Version", s->arena);
        number = kj_reg_text_at(reg, reg->root, key, "VersionNumber", s->arena);
    }
    s->version = s->build = "";
    s->product = product ? short_product(product) : guess_product(s);
    return number ? split_number(s, number, err) : KJ_OK;
}

/* ---- which drive, which control set ---------------------------------------------------------- */

/* A Windows directory two levels down has its parent for the drive's root, unless the system itself
 * says that it is at home there: "C:\\OS\\WINDOWS". */
static void find_root(kj_system *s, kj_span path)
{
    bool same = path.len == s->windir.len;
    for (size_t i = 0; same && i < path.len; i++) {
        uint8_t c = path.data[i] == '\\' ? '/' : kj_lower(path.data[i]);
        same = c == kj_lower(s->windir.data[i]);
    }
    if (same)
        s->root = (kj_span){0};
}

/* The system's letter for its own volume. */
static void find_drive(kj_system *s)
{
    static const char *const names[] = {"SystemRoot", "PathName"};
    const kj_registry *reg = kj_system_registry(s, KJ_HIVE_SOFTWARE);
    s->drive = 'C';
    for (size_t i = 0; reg && i < KJ_COUNT(names); i++) {
        const char *path = kj_reg_text_at(reg, reg->root, "Microsoft\\Windows NT\\CurrentVersion",
                                          names[i], s->arena);
        if (path && kj_is_alpha((uint8_t)path[0]) && path[1] == ':') {
            s->drive = (char)kj_upper((uint8_t)path[0]);
            find_root(s, kj_span_sub(kj_span_str(path), strlen("C:\\"), SIZE_MAX));
            return;
        }
    }
    /* A single letter among the mounted devices can only be this one. */
    unsigned letters = 0;
    reg = kj_system_registry(s, KJ_HIVE_SYSTEM);
    for (char letter = 'C'; reg && letter <= 'Z'; letter++) {
        char name[] = "\\DosDevices\\C:";
        name[sizeof name - 3] = letter;
        kj_reg_value value;
        kj_reg_key key = kj_registry_find(reg, reg->root, kj_span_str("MountedDevices"));
        if (key != KJ_REG_NONE &&
            kj_registry_find_value(reg, key, kj_span_str(name), s->arena, &value) && letters++ == 0)
            s->drive = letter;
    }
    if (letters != 1)
        s->drive = 'C';
}

static kj_status find_control_set(kj_system *s, kj_error *err)
{
    static const char *const names[] = {"Current", "Default", "LastKnownGood"};
    const kj_registry *reg = kj_system_registry(s, KJ_HIVE_SYSTEM);
    for (size_t i = 0; reg && i < KJ_COUNT(names); i++) {
        uint32_t number;
        if (!kj_reg_number_at(reg, reg->root, "Select", names[i], s->arena, &number) ||
            number > 999)
            continue;
        char *name = kj_arena_printf(s->arena, "ControlSet%03u", number);
        if (!name)
            return kj_no_memory(err);
        if (kj_registry_find(reg, reg->root, kj_span_str(name)) == KJ_REG_NONE)
            continue;
        s->control_set = kj_span_str(name);
        return KJ_OK;
    }
    if (reg && kj_registry_find(reg, reg->root, kj_span_str("ControlSet001")) != KJ_REG_NONE)
        s->control_set = kj_span_str("ControlSet001");
    return KJ_OK;
}

/* Whether a session is stored that would come back over what is changed from outside. */
static bool is_hibernated(const kj_system *s)
{
    static const char *const magics[] = {"hibr", "HIBR", "wake"};
    kj_node node;
    uint8_t head[HEAD_LEN];
    if (!kj_system_has(s->tree, s->root, "hiberfil.sys", KJ_NODE_FILE, &node))
        return false;
    kj_span start = kj_span_of(head, kj_tree_head(s->tree, node.path, head, sizeof head));
    for (size_t i = 0; i < KJ_COUNT(magics); i++)
        if (kj_span_is(start, magics[i]))
            return true;
    return false;
}

/* ---- one system ------------------------------------------------------------------------------ */

static kj_status fill(kj_system_builder *b, kj_error *err)
{
    kj_system *s = b->system;
    bool nt = s->kind == KJ_WINDOWS_NT;
    KJ_TRY(kj_system_load_hives(b, err));
    s->version = s->build = "";
    s->is_64bit = nt && has_directory(s->tree, s->windir, "SysWOW64");
    find_drive(s);
    KJ_TRY(find_control_set(s, err));
    KJ_TRY(nt ? identify_nt(s, err) : identify_9x(s, err));
    s->hibernated = is_hibernated(s);
    KJ_TRY(kj_system_load_profiles(b, err));
    return kj_system_load_copies(b, err);
}

/* Moves the lists into the arena. The hives of a half-built system are given back by
 * kj_systems_done(), so this is done whatever happened. */
static kj_status settle(kj_system_builder *b, kj_error *err)
{
    kj_system *s = b->system;
    s->hives = b->hives.items;
    s->hive_count = b->hives.count;
    kj_hive *hives = kj_new_array(s->arena, kj_hive, b->hives.count);
    kj_profile *profiles = kj_new_array(s->arena, kj_profile, b->profiles.count);
    if ((b->hives.count && !hives) || (b->profiles.count && !profiles)) {
        kj_system lost = *s;
        kj_systems all = {&lost, 1};
        kj_systems_done(&all);
        s->hive_count = s->profile_count = 0;
        return kj_no_memory(err);
    }
    if (b->hives.count)
        memcpy(hives, b->hives.items, b->hives.count * sizeof *hives);
    if (b->profiles.count)
        memcpy(profiles, b->profiles.items, b->profiles.count * sizeof *profiles);
    s->hives = hives;
    s->hive_count = b->hives.count;
    s->profiles = profiles;
    s->profile_count = b->profiles.count;
    return KJ_OK;
}

static kj_status load_system(kj_system *system, uint64_t *bytes_left, kj_error *err)
{
    kj_system_builder b = {.system = system, .bytes_left = bytes_left};
    kj_status status = fill(&b, err);
    kj_status settled = settle(&b, status == KJ_OK ? err : NULL);
    kj_vec_done(&b.hives);
    kj_vec_done(&b.profiles);
    return status == KJ_OK ? settled : status;
}

/* ---- all systems ----------------------------------------------------------------------------- */

size_t kj_tree_head(kj_tree *tree, kj_span path, uint8_t *out, size_t len)
{
    KJ_CLEANUP(kj_close_fd) int fd = -1;
    kj_status status = kj_tree_open_head(tree, path, len, &fd, NULL, NULL);
    tree->starved = tree->starved || status == KJ_NO_MEMORY;
    if (status != KJ_OK)
        return 0;
    size_t have = 0;
    return kj_file_read_at(fd, 0, out, len, &have, NULL) == KJ_OK ? have : 0;
}

static bool has_hive(kj_tree *tree, kj_span directory, const char *name,
                     bool (*is_one)(kj_span head))
{
    kj_node node;
    uint8_t head[HEAD_LEN];
    return kj_system_has(tree, directory, name, KJ_NODE_FILE, &node) &&
           is_one(kj_span_of(head, kj_tree_head(tree, node.path, head, sizeof head)));
}

/* Whether a directory holds hives under whatever name. */
static bool holds_hives(kj_tree *tree, kj_span directory)
{
    const kj_node *nodes;
    size_t count;
    uint8_t head[HEAD_LEN];
    if (kj_tree_list(tree, directory, &nodes, &count, NULL) != KJ_OK)
        return false;
    for (size_t i = 0; i < count && i < 1000; i++)
        if (nodes[i].kind == KJ_NODE_FILE && nodes[i].size >= 4096 &&
            kj_hive_magic_nt(
                kj_span_of(head, kj_tree_head(tree, nodes[i].path, head, sizeof head))))
            return true;
    return false;
}

static bool is_windows(kj_tree *tree, kj_span directory, kj_windows *out)
{
    kj_node config;
    if (kj_system_has(tree, directory, "system32/config", KJ_NODE_DIR, &config) &&
        (has_file(tree, config.path, "software") || has_file(tree, config.path, "system") ||
         holds_hives(tree, config.path))) {
        *out = KJ_WINDOWS_NT;
        return true;
    }
    if (has_hive(tree, directory, "system.dat", kj_hive_magic_9x) ||
        (has_file(tree, directory, "system.dat") && has_file(tree, directory, "win.ini"))) {
        *out = KJ_WINDOWS_9X;
        return true;
    }
    return false;
}

typedef struct finder {
    kj_tree *tree;
    kj_arena *arena;
    KJ_VEC(kj_system) found;
    size_t looked; /* directories of the second level */
} finder;

static kj_status consider(finder *f, kj_span root, kj_span directory, bool *out, kj_error *err)
{
    kj_windows kind;
    *out = f->found.count < SYSTEMS_MAX && is_windows(f->tree, directory, &kind);
    if (!*out)
        return KJ_OK;
    kj_system *system = kj_vec_push(&f->found);
    if (!system)
        return kj_no_memory(err);
    system->tree = f->tree;
    system->arena = f->arena;
    system->kind = kind;
    system->windir = directory;
    system->root = root;
    return KJ_OK;
}

static kj_status search(finder *f, kj_error *err)
{
    const kj_node *first, *second;
    size_t count, inner;
    bool is_one;
    KJ_VEC(kj_span) others = {0};
    KJ_TRY(kj_tree_list(f->tree, (kj_span){0}, &first, &count, err));
    kj_status status = KJ_OK;
    for (size_t i = 0; i < count && status == KJ_OK; i++) {
        if (first[i].kind != KJ_NODE_DIR)
            continue;
        status = consider(f, (kj_span){0}, first[i].path, &is_one, err);
        if (status == KJ_OK && !is_one && !kj_vec_add(&others, first[i].path))
            status = kj_no_memory(err);
    }
    for (size_t i = 0; i < others.count && status == KJ_OK; i++) {
        if (kj_tree_list(f->tree, others.items[i], &second, &inner, NULL) != KJ_OK)
            continue;
        for (size_t k = 0; k < inner && status == KJ_OK && f->looked < SECOND_LEVEL_MAX; k++) {
            if (second[k].kind != KJ_NODE_DIR)
                continue;
            f->looked++;
            status = consider(f, others.items[i], second[k].path, &is_one, err);
        }
    }
    kj_vec_done(&others);
    return status;
}

bool kj_tree_holds_windows(kj_tree *tree)
{
    finder f = {.tree = tree};
    bool found = search(&f, NULL) == KJ_OK && f.found.count;
    kj_vec_done(&f.found);
    return found;
}

kj_status kj_systems_find(kj_tree *tree, kj_arena *arena, kj_systems *out, kj_error *err)
{
    finder f = {.tree = tree, .arena = arena};
    uint64_t bytes_left = volume_bytes_max;
    kj_status status = search(&f, err);
    kj_system *items = NULL;
    if (status == KJ_OK && f.found.count) {
        items = kj_new_array(arena, kj_system, f.found.count);
        if (items)
            memcpy(items, f.found.items, f.found.count * sizeof *items);
        else
            status = kj_no_memory(err);
    }
    kj_systems systems = {items, items ? f.found.count : 0};
    kj_vec_done(&f.found);
    for (size_t i = 0; i < systems.count && status == KJ_OK; i++)
        status = load_system(&systems.items[i], &bytes_left, err);
    /* Much is not found because it is not there; this was not found for want of memory. */
    if (status == KJ_OK && (arena->failed || kj_tree_starved(tree)))
        status = kj_no_memory(err);
    if (status != KJ_OK) {
        kj_systems_done(&systems);
        return status;
    }
    *out = systems;
    return KJ_OK;
}
