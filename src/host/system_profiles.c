/* SPDX-License-Identifier: Apache-2.0 */
/* Users: those that ProfileList names, and those that only the disk knows (of an earlier
 * installation, or taken out of the list, which hides them from tools that ask Windows). */
#include "host/system.h"

#include "base/arith.h"
#include "base/path.h"
#include "base/text.h"
#include "host/system_private.h"

static const char *const profile_list = "Microsoft\\Windows NT\\CurrentVersion\\ProfileList";
static const char *const profile_list_9x =
    "Software\\Microsoft\\Windows\\CurrentVersion\\ProfileList";

static const char *const user_hives[] = {"NTUSER.DAT", "NTUSER.MAN"};
static const char *const classes_hives[] = {
    "AppData/Local/Microsoft/Windows/UsrClass.dat",
    "Local Settings/Application Data/Microsoft/Windows/UsrClass.dat",
};

/* Directories beside users' that belong to all of them. */
static const char *const shared_directories[] = {"All Users", "Public"};

/* Notes a profile; one that is known already gets the identifier that it lacks. */
static kj_status add_profile(kj_system_builder *b, kj_span path, kj_span sid, kj_error *err)
{
    kj_system *s = b->system;
    for (size_t i = 0; i < b->profiles.count; i++)
        if (kj_span_equal(b->profiles.items[i].path, path)) {
            if (b->profiles.items[i].sid.len == 0)
                b->profiles.items[i].sid = sid;
            return KJ_OK;
        }
    if (b->profiles.count >= KJ_PROFILES_MAX)
        return KJ_OK;
    kj_buf shown;
    kj_buf_init(&shown, KJ_REG_TEXT_MAX);
    kj_escape(path.len ? kj_path_base(path) : kj_span_str("default"), NULL, &shown);
    char *name = shown.failed ? NULL : kj_arena_text(s->arena, kj_buf_span(&shown));
    kj_buf_done(&shown);
    kj_profile *profile = name ? kj_vec_push(&b->profiles) : NULL;
    if (!profile)
        return kj_no_memory(err);
    *profile = (kj_profile){kj_span_str(name), path, sid, KJ_REG_NONE, KJ_REG_NONE};
    s->profiles = b->profiles.items;
    s->profile_count = b->profiles.count;
    return KJ_OK;
}

/* The profiles that the registry lists under `path`. */
static kj_status list_profiles(kj_system_builder *b, const kj_registry *reg, const char *path,
                               bool sids, kj_error *err)
{
    kj_system *s = b->system;
    kj_path_context nobody = {.profile = KJ_REG_NONE};
    kj_reg_key list = kj_registry_find(reg, reg->root, kj_span_str(path));
    kj_reg_key_info info;
    kj_reg_iter it = {0};
    while (list != KJ_REG_NONE && kj_registry_next_subkey(reg, list, &it, &info)) {
        kj_node node;
        const char *image = kj_reg_text_at(reg, info.key, "", "ProfileImagePath", s->arena);
        const char *place = image ? kj_system_expand(s, kj_span_str(image), &nobody) : NULL;
        if (image && !place)
            return kj_no_memory(err);
        if (!place || !kj_system_find(s, kj_span_str(place), &nobody, &node, NULL) ||
            node.kind != KJ_NODE_DIR || node.path.len == 0 || kj_span_equal(node.path, s->root))
            continue;
        kj_buf name;
        kj_buf_init(&name, KJ_REG_TEXT_MAX);
        kj_reg_name_text(info.name, &name);
        bool too_long = name.failed && !name.starved;
        char *sid = name.failed ? NULL : kj_arena_text(s->arena, kj_buf_span(&name));
        kj_buf_done(&name);
        if (!sid && !too_long)
            return kj_no_memory(err);
        KJ_TRY(add_profile(b, node.path, kj_span_str(sids ? sid : NULL), err));
    }
    return KJ_OK;
}

static bool is_shared(kj_span name)
{
    for (size_t i = 0; i < KJ_COUNT(shared_directories); i++)
        if (kj_text_equal_nocase(name, kj_span_str(shared_directories[i])))
            return true;
    return false;
}

/* Every directory in `parent` of the volume's root or of %WinDir%. */
static kj_status add_directories(kj_system_builder *b, kj_span from, const char *parent,
                                 kj_error *err)
{
    kj_node node;
    const kj_node *nodes;
    size_t count;
    if (!kj_system_has(b->system->tree, from, parent, KJ_NODE_DIR, &node) ||
        kj_tree_list(b->system->tree, node.path, &nodes, &count, NULL) != KJ_OK)
        return KJ_OK;
    for (size_t i = 0; i < count; i++)
        if (nodes[i].kind == KJ_NODE_DIR && !is_shared(kj_path_base(nodes[i].path)))
            KJ_TRY(add_profile(b, nodes[i].path, (kj_span){0}, err));
    return KJ_OK;
}

static kj_status find_profiles(kj_system_builder *b, kj_error *err)
{
    const kj_system *s = b->system;
    const kj_registry *reg =
        kj_system_registry(s, s->kind == KJ_WINDOWS_NT ? KJ_HIVE_SOFTWARE : KJ_HIVE_SYSTEM_9X);
    kj_node node;
    if (s->kind == KJ_WINDOWS_9X) {
        KJ_TRY(add_profile(b, (kj_span){0}, (kj_span){0}, err));
        if (reg)
            KJ_TRY(list_profiles(b, reg, profile_list_9x, false, err));
        return add_directories(b, s->windir, "Profiles", err);
    }
    if (reg)
        KJ_TRY(list_profiles(b, reg, profile_list, true, err));
    KJ_TRY(add_directories(b, s->root, "Documents and Settings", err));
    KJ_TRY(add_directories(b, s->root, "Users", err));
    KJ_TRY(add_directories(b, s->windir, "Profiles", err));
    KJ_TRY(add_directories(b, s->windir, "ServiceProfiles", err));
    if (kj_system_has(s->tree, s->windir, "system32/config/systemprofile", KJ_NODE_DIR, &node))
        KJ_TRY(add_profile(b, node.path, kj_span_str("S-1-5-18"), err));
    return KJ_OK;
}

/* ---- their hives ----------------------------------------------------------------------------- */

/* Loads one hive of a profile. `mount`: what stands behind HKU\ and the user's identifier. */
static kj_status add_user_hive(kj_system_builder *b, uint32_t profile, const char *name,
                               kj_hive_role role, const char *mount, kj_error *err)
{
    kj_system *s = b->system;
    const kj_profile *p = &b->profiles.items[profile];
    kj_node node;
    if (!kj_system_has(s->tree, p->path, name, KJ_NODE_FILE, &node))
        return KJ_OK;
    kj_span id = p->sid.len ? p->sid : p->name;
    char *full =
        kj_arena_printf(s->arena, "HKU\\%.*s%s", (int)id.len, (const char *)id.data, mount);
    if (!full)
        return kj_no_memory(err);
    kj_hive_place place = {role, role, full, profile};
    uint32_t index = KJ_REG_NONE;
    KJ_TRY(kj_hive_add(b, &node, &place, &index, err));
    uint32_t *slot = role == KJ_HIVE_CLASSES ? &b->profiles.items[profile].classes
                                             : &b->profiles.items[profile].hive;
    if (index != KJ_REG_NONE && (*slot == KJ_REG_NONE || !b->hives.items[*slot].usable))
        *slot = index;
    return KJ_OK;
}

static kj_status add_nt_hives(kj_system_builder *b, uint32_t profile, kj_error *err)
{
    for (size_t i = 0; i < KJ_COUNT(user_hives); i++)
        KJ_TRY(add_user_hive(b, profile, user_hives[i], KJ_HIVE_USER, "", err));
    for (size_t i = 0; i < KJ_COUNT(classes_hives); i++)
        KJ_TRY(add_user_hive(b, profile, classes_hives[i], KJ_HIVE_CLASSES, "_Classes", err));
    return KJ_OK;
}

/* A user's USER.DAT holds HKU\<user> as its first key, or is that key. */
static void mount_9x(kj_system_builder *b, uint32_t profile)
{
    uint32_t index = b->profiles.items[profile].hive;
    kj_hive *hive = index == KJ_REG_NONE ? NULL : &b->hives.items[index];
    if (hive && hive->usable &&
        kj_registry_find(&hive->registry, hive->registry.root, kj_span_str("Software")) ==
            KJ_REG_NONE)
        hive->mount = kj_span_str("HKU");
}

/* The hive of the account that the system itself uses lies among the system's. */
static void adopt(kj_system_builder *b)
{
    for (size_t h = 0; h < b->hives.count; h++) {
        kj_hive *hive = &b->hives.items[h];
        bool ours = kj_span_is(hive->mount, "HKU\\.DEFAULT") ||
                    (hive->role == KJ_HIVE_USER_9X && hive->profile == KJ_REG_NONE);
        for (size_t i = 0; ours && i < b->profiles.count; i++) {
            kj_profile *p = &b->profiles.items[i];
            if (!kj_span_is(p->sid, "S-1-5-18") && p->path.len)
                continue;
            hive->profile = (uint32_t)i;
            p->hive = (uint32_t)h;
            break;
        }
    }
}

kj_status kj_system_load_profiles(kj_system_builder *b, kj_error *err)
{
    KJ_TRY(find_profiles(b, err));
    adopt(b);
    for (uint32_t i = 0; i < b->profiles.count; i++) {
        if (b->system->kind == KJ_WINDOWS_NT) {
            KJ_TRY(add_nt_hives(b, i, err));
        } else if (b->profiles.items[i].path.len) {
            KJ_TRY(add_user_hive(b, i, "USER.DAT", KJ_HIVE_USER_9X, "", err));
            mount_9x(b, i);
        }
    }
    return KJ_OK;
}
