/* SPDX-License-Identifier: Apache-2.0 */
/* Which hive lies where: research of installed systems; M. Suhanov's and J. Metz' documents on the
 * registry; for System Restore the names in \System Volume Information\_restore{...}\RPn\snapshot.
 */
#include "host/system.h"

#include "base/arith.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/path.h"
#include "base/reader.h"
#include "base/text.h"
#include "host/system_private.h"

#include <errno.h>
#include <unistd.h>

enum {
    HEAD_LEN = 512,
    SEQUENCE1 = 4,
    SEQUENCE2 = 8,
    NAME_IN_HEADER = 48,
    NAME_LEN = 64,
    CHECKSUM = 508,
    COPIES_MAX = 2000,
};

const char *kj_hive_role_name(kj_hive_role role)
{
    static const char *const names[KJ_HIVE_ROLE_COUNT] = {
        [KJ_HIVE_SOFTWARE] = "SOFTWARE",
        [KJ_HIVE_SYSTEM] = "SYSTEM",
        [KJ_HIVE_SAM] = "SAM",
        [KJ_HIVE_SECURITY] = "SECURITY",
        [KJ_HIVE_USER] = "NTUSER.DAT",
        [KJ_HIVE_CLASSES] = "UsrClass.dat",
        [KJ_HIVE_SYSTEM_9X] = "SYSTEM.DAT",
        [KJ_HIVE_USER_9X] = "USER.DAT",
        [KJ_HIVE_CLASSES_9X] = "CLASSES.DAT",
        [KJ_HIVE_BCD] = "BCD",
        [KJ_HIVE_COPY] = "copy",
    };
    return role < KJ_HIVE_ROLE_COUNT && names[role] ? names[role] : "";
}

bool kj_hive_magic_nt(kj_span head)
{
    return kj_span_starts(head, kj_span_str("regf"));
}

bool kj_hive_magic_9x(kj_span head)
{
    return kj_span_starts(head, kj_span_str("CREG"));
}

/* ---- one hive -------------------------------------------------------------------------------- */

/* Reads a file whole, from its beginning. */
static kj_status read_whole(kj_tree *tree, kj_span path, uint64_t max, kj_buf *out, kj_error *err)
{
    KJ_CLEANUP(kj_close_fd) int fd = -1;
    kj_node node;
    KJ_TRY(kj_tree_open(tree, path, max, &fd, &node, err));
    if (node.size > max)
        return kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET, "too large for a registry hive");
    uint8_t *into = kj_buf_reserve(out, (size_t)node.size);
    if (!into)
        return kj_no_memory(err);
    size_t have = 0; /* less than its size: cut short since */
    if (kj_file_read_at(fd, 0, into, (size_t)node.size, &have, err) != KJ_OK)
        return kj_fail_errno(err, "cannot be read");
    kj_buf_added(out, have);
    return KJ_OK;
}

static bool is_dirty(kj_span hive)
{
    kj_reader r = kj_reader_of(hive);
    kj_seek(&r, SEQUENCE1);
    uint32_t first = kj_read_u32le(&r);
    uint32_t second = kj_read_u32le(&r);
    kj_seek(&r, CHECKSUM);
    uint32_t checksum = kj_read_u32le(&r);
    return kj_reader_ok(&r) && (first != second || checksum != kj_regf_checksum(hive.data));
}

/* The log beside a hive; empty when there is none, or it cannot be read. */
static kj_status read_log(kj_tree *tree, kj_span hive, const char *suffix, kj_buf *out,
                          kj_error *err)
{
    kj_buf path;
    kj_node node;
    kj_buf_init(&path, hive.len + 16);
    kj_buf_put(&path, hive);
    kj_buf_put_text(&path, suffix);
    kj_status status = path.failed ? kj_no_memory(err) : KJ_OK;
    if (status == KJ_OK && kj_tree_find(tree, kj_buf_span(&path), &node, NULL) &&
        node.kind == KJ_NODE_FILE)
        status = read_whole(tree, node.path, KJ_HIVE_BYTES_MAX, out, err);
    kj_buf_done(&path);
    if (status == KJ_OK || status == KJ_NO_MEMORY)
        return status;
    kj_buf_clear(out);
    return KJ_OK;
}

/* A dirty hive: keeps the file's bytes apart, and brings the image up to date. */
static kj_status replay(kj_tree *tree, kj_hive *hive, kj_error *err)
{
    kj_buf logs[2];
    uint8_t *copy = malloc(hive->image.len);
    if (!copy)
        return kj_no_memory(err);
    memcpy(copy, hive->image.data, hive->image.len);
    hive->disk = kj_span_of(copy, hive->image.len);
    kj_buf_init(&logs[0], KJ_HIVE_BYTES_MAX);
    kj_buf_init(&logs[1], KJ_HIVE_BYTES_MAX);
    kj_status status = read_log(tree, hive->path, ".LOG1", &logs[0], err);
    if (status == KJ_OK)
        status = read_log(tree, hive->path, ".LOG2", &logs[1], err);
    if (status == KJ_OK && logs[0].len == 0 && logs[1].len == 0)
        status = read_log(tree, hive->path, ".LOG", &logs[0], err);
    const kj_span spans[2] = {kj_buf_span(&logs[0]), kj_buf_span(&logs[1])};
    if (status == KJ_OK)
        status = kj_regf_replay_logs(&hive->image, spans, &hive->replay, err);
    kj_buf_done(&logs[0]);
    kj_buf_done(&logs[1]);
    return status;
}

/* Reads, replays, opens. What stops it is worded in `err`. */
static kj_status load(kj_system_builder *b, kj_hive *hive, kj_error *err)
{
    kj_tree *tree = b->system->tree;
    uint64_t size = hive->node.size;
    if (size > KJ_HIVE_BYTES_MAX)
        return kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET, "too large for a registry hive");
    if (size > *b->bytes_left)
        return kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET, "the hives of this volume are too large");
    if (size == 0)
        return kj_fail(err, KJ_TRUNCATED, 0, "an empty file");
    KJ_TRY(read_whole(tree, hive->path, kj_min_u64(*b->bytes_left, KJ_HIVE_BYTES_MAX), &hive->image,
                      err));
    *b->bytes_left -= kj_min_u64(hive->image.len, *b->bytes_left);
    hive->disk = kj_buf_span(&hive->image);
    if (kj_hive_magic_nt(hive->disk) && is_dirty(hive->disk)) {
        *b->bytes_left -= kj_min_u64(hive->image.len, *b->bytes_left);
        KJ_TRY(replay(tree, hive, err));
    }
    return kj_registry_open(kj_buf_span(&hive->image), b->system->arena, &hive->registry, err);
}

static void free_hive(kj_hive *hive)
{
    if (hive->disk.data != hive->image.data) {
        void *copy = (void *)(uintptr_t)hive->disk.data; /* replay()'s */
        free(copy);
    }
    kj_buf_done(&hive->image);
    hive->disk = (kj_span){0};
    hive->usable = false;
}

static kj_status describe(kj_system_builder *b, kj_hive *hive, kj_status status,
                          const kj_error *why, kj_error *err)
{
    hive->usable = status == KJ_OK;
    if (status == KJ_NO_MEMORY)
        return kj_no_memory(err);
    if (status == KJ_OK) {
        hive->trouble = hive->replay.state == KJ_REGF_STALE ? hive->replay.why : NULL;
        return KJ_OK;
    }
    free_hive(hive);
    hive->trouble = kj_arena_strdup(b->system->arena, why->message);
    return hive->trouble ? KJ_OK : kj_no_memory(err);
}

kj_status kj_hive_add(kj_system_builder *b, const kj_node *node, const kj_hive_place *place,
                      uint32_t *out_index, kj_error *err)
{
    kj_error why = {0};
    if (b->hives.count >= KJ_HIVES_MAX)
        return KJ_OK;
    kj_hive *hive = kj_vec_push(&b->hives);
    char *mount = kj_arena_strdup(b->system->arena, place->mount);
    if (!hive || !mount)
        return kj_no_memory(err);
    hive->role = place->role;
    hive->copy_of = place->copy_of;
    hive->mount = kj_span_str(mount);
    hive->profile = place->profile;
    hive->node = *node;
    hive->path = node->path;
    kj_buf_init(&hive->image, KJ_HIVE_BYTES_MAX);
    b->system->hives = b->hives.items;
    b->system->hive_count = b->hives.count;
    if (out_index)
        *out_index = (uint32_t)(b->hives.count - 1);
    kj_status status = load(b, hive, &why);
    return describe(b, hive, status, &why, err);
}

void kj_systems_done(kj_systems *systems)
{
    for (size_t i = 0; i < systems->count; i++)
        for (size_t h = 0; h < systems->items[i].hive_count; h++)
            free_hive(&systems->items[i].hives[h]);
    *systems = (kj_systems){0};
}

/* ---- the system's own ------------------------------------------------------------------------ */

typedef struct hive_name {
    const char *name;
    kj_hive_role role;
    const char *mount;
} hive_name;

static const hive_name nt_hives[] = {
    {"software", KJ_HIVE_SOFTWARE, "HKLM\\SOFTWARE"},
    {"system", KJ_HIVE_SYSTEM, "HKLM\\SYSTEM"},
    {"sam", KJ_HIVE_SAM, "HKLM\\SAM"},
    {"security", KJ_HIVE_SECURITY, "HKLM\\SECURITY"},
    {"default", KJ_HIVE_USER, "HKU\\.DEFAULT"},
};

static const hive_name hives_9x[] = {
    {"system.dat", KJ_HIVE_SYSTEM_9X, "HKLM"},
    {"user.dat", KJ_HIVE_USER_9X, "HKU"},
    {"classes.dat", KJ_HIVE_CLASSES_9X, "HKLM\\Software\\Classes"},
};

static const char *const bcd_places[] = {"Boot/BCD", "EFI/Microsoft/Boot/BCD"};

/* Whether the header of a hive says that it is the one of that name: its path's end stands there.
 * For hives under a name that is not Windows'. */
static bool header_names(kj_span head, const char *name)
{
    kj_buf text;
    kj_buf_init(&text, 4 * NAME_LEN);
    kj_utf16_to_utf8(kj_span_sub(head, NAME_IN_HEADER, NAME_LEN), false, &text);
    kj_span said = kj_span_str(kj_buf_text(&text));
    kj_span last = kj_path_base(said);
    bool same = kj_text_equal_nocase(last, kj_span_str(name));
    kj_buf_done(&text);
    return same;
}

/* A hive in system32\config that has another name. */
static bool find_renamed(kj_tree *tree, kj_span config, const char *name, kj_node *out)
{
    const kj_node *nodes;
    size_t count;
    uint8_t head[HEAD_LEN];
    if (kj_tree_list(tree, config, &nodes, &count, NULL) != KJ_OK)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (nodes[i].kind != KJ_NODE_FILE || nodes[i].size < HEAD_LEN)
            continue;
        kj_span start = kj_span_of(head, kj_tree_head(tree, nodes[i].path, head, HEAD_LEN));
        if (kj_hive_magic_nt(start) && header_names(start, name)) {
            *out = nodes[i];
            return true;
        }
    }
    return false;
}

static bool is_hive(kj_tree *tree, const kj_node *node)
{
    uint8_t head[4];
    kj_span start = kj_span_of(head, kj_tree_head(tree, node->path, head, sizeof head));
    return kj_hive_magic_nt(start) || kj_hive_magic_9x(start);
}

static kj_status load_nt(kj_system_builder *b, kj_error *err)
{
    kj_tree *tree = b->system->tree;
    kj_node config, node;
    if (kj_system_has(tree, b->system->windir, "system32/config", KJ_NODE_DIR, &config))
        for (size_t i = 0; i < KJ_COUNT(nt_hives); i++) {
            const hive_name *h = &nt_hives[i];
            kj_hive_place place = {h->role, h->role, h->mount, KJ_REG_NONE};
            bool there = kj_system_has(tree, config.path, h->name, KJ_NODE_FILE, &node);
            kj_node renamed;
            if ((!there || !is_hive(tree, &node)) &&
                find_renamed(tree, config.path, h->name, &renamed)) {
                KJ_TRY(kj_hive_add(b, &renamed, &place, NULL, err));
            }
            if (there)
                KJ_TRY(kj_hive_add(b, &node, &place, NULL, err));
        }
    kj_hive_place bcd = {KJ_HIVE_BCD, KJ_HIVE_BCD, "HKLM\\BCD00000000", KJ_REG_NONE};
    for (size_t i = 0; i < KJ_COUNT(bcd_places); i++)
        if (kj_system_has(tree, b->system->root, bcd_places[i], KJ_NODE_FILE, &node))
            KJ_TRY(kj_hive_add(b, &node, &bcd, NULL, err));
    return KJ_OK;
}

static kj_status load_9x(kj_system_builder *b, kj_error *err)
{
    kj_node node;
    for (size_t i = 0; i < KJ_COUNT(hives_9x); i++) {
        const hive_name *h = &hives_9x[i];
        kj_hive_place place = {h->role, h->role, h->mount, KJ_REG_NONE};
        if (kj_system_has(b->system->tree, b->system->windir, h->name, KJ_NODE_FILE, &node))
            KJ_TRY(kj_hive_add(b, &node, &place, NULL, err));
    }
    return KJ_OK;
}

kj_status kj_system_load_hives(kj_system_builder *b, kj_error *err)
{
    return b->system->kind == KJ_WINDOWS_NT ? load_nt(b, err) : load_9x(b, err);
}

/* ---- copies ---------------------------------------------------------------------------------- */

typedef struct copy_name {
    const char *pattern; /* `*`: a user's */
    kj_hive_role role;
    const char *mount; /* "%.*s": what the `*` stands for */
} copy_name;

static const copy_name snapshot_names[] = {
    {"_registry_machine_software", KJ_HIVE_SOFTWARE, "HKLM\\SOFTWARE"},
    {"_registry_machine_system", KJ_HIVE_SYSTEM, "HKLM\\SYSTEM"},
    {"_registry_machine_sam", KJ_HIVE_SAM, "HKLM\\SAM"},
    {"_registry_machine_security", KJ_HIVE_SECURITY, "HKLM\\SECURITY"},
    {"_registry_user_.default", KJ_HIVE_USER, "HKU\\.DEFAULT"},
    {"_registry_user_ntuser_*", KJ_HIVE_USER, "HKU\\"},
    {"_registry_user_usrclass_*", KJ_HIVE_CLASSES, "HKU\\"},
};

/* Copies in directories of the system: below %WinDir%, or (`of_root`) below the drive's root. */
static const struct {
    kj_windows kind;
    bool of_root;
    const char *path;
    kj_hive_role role;
    const char *mount;
} kept_copies[] = {
    {KJ_WINDOWS_NT, false, "system32/config/RegBack/software", KJ_HIVE_SOFTWARE, "HKLM\\SOFTWARE"},
    {KJ_WINDOWS_NT, false, "system32/config/RegBack/system", KJ_HIVE_SYSTEM, "HKLM\\SYSTEM"},
    {KJ_WINDOWS_NT, false, "system32/config/RegBack/sam", KJ_HIVE_SAM, "HKLM\\SAM"},
    {KJ_WINDOWS_NT, false, "system32/config/RegBack/security", KJ_HIVE_SECURITY, "HKLM\\SECURITY"},
    {KJ_WINDOWS_NT, false, "system32/config/RegBack/default", KJ_HIVE_USER, "HKU\\.DEFAULT"},
    {KJ_WINDOWS_NT, false, "system32/config/system.alt", KJ_HIVE_SYSTEM, "HKLM\\SYSTEM"},
    {KJ_WINDOWS_NT, false, "repair/software", KJ_HIVE_SOFTWARE, "HKLM\\SOFTWARE"},
    {KJ_WINDOWS_NT, false, "repair/system", KJ_HIVE_SYSTEM, "HKLM\\SYSTEM"},
    {KJ_WINDOWS_NT, false, "repair/sam", KJ_HIVE_SAM, "HKLM\\SAM"},
    {KJ_WINDOWS_NT, false, "repair/security", KJ_HIVE_SECURITY, "HKLM\\SECURITY"},
    {KJ_WINDOWS_NT, false, "repair/default", KJ_HIVE_USER, "HKU\\.DEFAULT"},
    {KJ_WINDOWS_NT, false, "repair/ntuser.dat", KJ_HIVE_USER, "HKU\\ntuser.dat"},
    {KJ_WINDOWS_NT, false, "repair/RegBack/software", KJ_HIVE_SOFTWARE, "HKLM\\SOFTWARE"},
    {KJ_WINDOWS_NT, false, "repair/RegBack/system", KJ_HIVE_SYSTEM, "HKLM\\SYSTEM"},
    {KJ_WINDOWS_9X, false, "system.da0", KJ_HIVE_SYSTEM_9X, "HKLM"},
    {KJ_WINDOWS_9X, false, "user.da0", KJ_HIVE_USER_9X, "HKU"},
    {KJ_WINDOWS_9X, false, "classes.da0", KJ_HIVE_CLASSES_9X, "HKLM\\Software\\Classes"},
    {KJ_WINDOWS_9X, true, "system.1st", KJ_HIVE_SYSTEM_9X, "HKLM"},
};

typedef struct found_copies {
    kj_system_builder *b;
    kj_status status;
    kj_error *err;
} found_copies;

static uint32_t profile_of_sid(const kj_system *system, kj_span sid)
{
    for (size_t i = 0; i < system->profile_count; i++)
        if (sid.len && kj_text_equal_nocase(system->profiles[i].sid, sid))
            return (uint32_t)i;
    return KJ_REG_NONE;
}

static kj_status add_snapshot(kj_system_builder *b, const kj_node *node, kj_error *err)
{
    kj_span name = kj_path_base(node->path);
    for (size_t i = 0; i < KJ_COUNT(snapshot_names); i++) {
        const copy_name *c = &snapshot_names[i];
        kj_span wanted = kj_span_str(c->pattern);
        bool users = wanted.data[wanted.len - 1] == '*';
        size_t len = users ? wanted.len - 1 : wanted.len;
        if (!kj_text_equal_nocase(kj_span_sub(name, 0, len), kj_span_sub(wanted, 0, len)) ||
            (!users && name.len != len))
            continue;
        kj_span sid = kj_span_sub(name, len, SIZE_MAX);
        kj_buf shown;
        kj_buf_init(&shown, 8 * 4096);
        kj_buf_put_text(&shown, c->mount);
        kj_escape(sid, NULL, &shown);
        kj_buf_put_text(&shown, c->role == KJ_HIVE_CLASSES ? "_Classes" : "");
        kj_hive_place place = {KJ_HIVE_COPY, c->role, kj_buf_text(&shown),
                               profile_of_sid(b->system, sid)};
        kj_status status =
            shown.starved ? kj_no_memory(err) : kj_hive_add(b, node, &place, NULL, err);
        kj_buf_done(&shown);
        return status;
    }
    return KJ_OK;
}

static void found_snapshot(void *user, const kj_node *node)
{
    found_copies *f = user;
    if (f->status == KJ_OK && node->kind == KJ_NODE_FILE)
        f->status = add_snapshot(f->b, node, f->err);
}

/* ME's System Restore keeps files under other names; those that are hives show it themselves. */
static void found_kept(void *user, const kj_node *node)
{
    found_copies *f = user;
    uint8_t head[4];
    if (f->status != KJ_OK || node->kind != KJ_NODE_FILE || node->size < sizeof head ||
        !kj_hive_magic_9x(
            kj_span_of(head, kj_tree_head(f->b->system->tree, node->path, head, sizeof head))))
        return;
    kj_hive_place place = {KJ_HIVE_COPY, KJ_HIVE_SYSTEM_9X, "HKLM", KJ_REG_NONE};
    uint32_t index = KJ_REG_NONE;
    f->status = kj_hive_add(f->b, node, &place, &index, f->err);
    if (f->status != KJ_OK || index == KJ_REG_NONE)
        return;
    kj_hive *hive = &f->b->hives.items[index];
    if (hive->usable && kj_registry_find(&hive->registry, hive->registry.root,
                                         kj_span_str(".DEFAULT")) != KJ_REG_NONE) {
        hive->copy_of = KJ_HIVE_USER_9X;
        hive->mount = kj_span_str("HKU");
    }
}

static kj_status glob_copies(kj_system_builder *b, const char *pattern,
                             void (*found)(void *user, const kj_node *node), kj_error *err)
{
    found_copies f = {b, KJ_OK, err};
    kj_span root = b->system->root;
    char *path =
        kj_arena_printf(b->system->arena, "%.*s%s%s", (int)root.len,
                        root.len ? (const char *)root.data : "", root.len ? "/" : "", pattern);
    if (!path)
        return kj_no_memory(err);
    kj_status status = kj_tree_glob(b->system->tree, kj_span_str(path), COPIES_MAX, found, &f, err);
    if (f.status != KJ_OK)
        return f.status;
    return status == KJ_LIMIT ? KJ_OK : status;
}

kj_status kj_system_load_copies(kj_system_builder *b, kj_error *err)
{
    const kj_system *s = b->system;
    kj_node node;
    for (size_t i = 0; i < KJ_COUNT(kept_copies); i++) {
        kj_hive_place place = {KJ_HIVE_COPY, kept_copies[i].role, kept_copies[i].mount,
                               KJ_REG_NONE};
        kj_span directory = kept_copies[i].of_root ? s->root : s->windir;
        if (kept_copies[i].kind == s->kind &&
            kj_system_has(s->tree, directory, kept_copies[i].path, KJ_NODE_FILE, &node) &&
            node.size != 0) /* from Windows 10 1803 on RegBack's are empty */
            KJ_TRY(kj_hive_add(b, &node, &place, NULL, err));
    }
    if (s->kind == KJ_WINDOWS_NT)
        return glob_copies(b, "System Volume Information/_restore*/RP*/snapshot/_REGISTRY_*",
                           found_snapshot, err);
    KJ_TRY(glob_copies(b, "_RESTORE/TEMP/*", found_kept, err));
    return glob_copies(b, "_RESTORE/ARCHIVE/*", found_kept, err);
}
