/* SPDX-License-Identifier: Apache-2.0 */
/* Windows paths and variables as that system understands them. What the registry says comes first,
 * what every Windows has by default after it; this system's environment is never asked. */
#include "host/system.h"

#include "base/arith.h"
#include "base/fold.h"
#include "base/path.h"
#include "base/text.h"
#include "host/system_private.h"
#include "host/tree_private.h"

enum {
    TEXT_MAX = 32 << 10, /* bytes of an expanded text: a command line of Windows has 32,767 */
    NESTING_MAX = 8,     /* of variables in variables */
    LOOKUPS_MAX = 1000,  /* of one text: what refers to itself several times grows fast */
    COMPONENTS_MAX = 200,
    SHORT_STEM = 6, /* characters of an 8.3 name before the ~ */
    SHORT_EXTENSION = 3,
    SHORT_MAX = 50000, /* entries of a directory that is gone over for one; WinSxS has fewer */
};

static const char *const environment_user = "Environment";

/* ---- real paths ------------------------------------------------------------------------------ */

/* What of `path` is below `directory`; false: it is elsewhere. */
static bool below(kj_span path, kj_span directory, kj_span *out_rest)
{
    if (directory.len == 0) {
        *out_rest = path;
        return true;
    }
    if (!kj_span_starts(path, directory) ||
        (path.len > directory.len && path.data[directory.len] != '/'))
        return false;
    *out_rest = kj_span_sub(path, directory.len + 1, SIZE_MAX);
    return true;
}

char *kj_system_place(const kj_system *system, kj_span path)
{
    kj_span rest;
    const char *start = "%windir%";
    if (!below(path, system->windir, &rest)) {
        start = "c:";
        if (!below(path, system->root, &rest))
            return kj_arena_strdup(system->arena, "");
    }
    char *normal = kj_winpath_normalize(system->arena, rest);
    if (!normal)
        return NULL;
    return *normal ? kj_arena_printf(system->arena, "%s\\%s", start, normal)
                   : kj_arena_strdup(system->arena, start);
}

char *kj_system_winpath(const kj_system *system, kj_span path)
{
    kj_span rest;
    bool ours = below(path, system->root, &rest);
    if (!ours)
        rest = path;
    char *copy = kj_arena_text(system->arena, rest);
    for (char *c = copy; c && *c; c++)
        if (*c == '/')
            *c = '\\';
    if (!copy || !ours)
        return copy;
    return kj_arena_printf(system->arena, "%c:\\%s", system->drive, copy);
}

char *kj_system_show(const kj_system *system, kj_span path)
{
    char *plain = kj_system_winpath(system, path);
    if (!plain)
        return NULL;
    kj_buf shown;
    kj_buf_init(&shown, 8 * KJ_REG_TEXT_MAX);
    kj_escape(kj_span_str(plain), NULL, &shown);
    char *copy = shown.failed ? NULL : kj_arena_text(system->arena, kj_buf_span(&shown));
    kj_buf_done(&shown);
    return copy;
}

/* ---- variables ------------------------------------------------------------------------------- */

typedef struct expansion {
    const kj_system *system;
    const kj_path_context *context;
    kj_buf out;
    unsigned lookups;
} expansion;

static const kj_profile *profile_of(const expansion *e)
{
    uint32_t profile = e->context->profile;
    return profile < e->system->profile_count ? &e->system->profiles[profile] : NULL;
}

static const kj_registry *user_registry(const expansion *e)
{
    const kj_profile *profile = profile_of(e);
    if (!profile || profile->hive >= e->system->hive_count ||
        !e->system->hives[profile->hive].usable)
        return NULL;
    return &e->system->hives[profile->hive].registry;
}

/* A value of the user's hive; 9x has the user as its first key. */
static const char *user_text(const expansion *e, const char *path, const char *name)
{
    const kj_registry *reg = user_registry(e);
    if (!reg)
        return NULL;
    kj_arena *arena = e->system->arena;
    const char *text = kj_reg_text_at(reg, reg->root, path, name, arena);
    kj_reg_key_info info;
    kj_reg_iter it = {0};
    while (e->system->kind == KJ_WINDOWS_9X && !text &&
           kj_registry_next_subkey(reg, reg->root, &it, &info))
        text = kj_reg_text_at(reg, info.key, path, name, arena);
    return text;
}

static const char *machine_text(const expansion *e, kj_hive_role role, const char *path,
                                const char *name)
{
    const kj_registry *reg = kj_system_registry(e->system, role);
    return reg ? kj_reg_text_at(reg, reg->root, path, name, e->system->arena) : NULL;
}

/* A value of SOFTWARE\Microsoft\Windows\CurrentVersion, or its like on 9x. */
static const char *current_version_text(const expansion *e, const char *name)
{
    if (e->system->kind == KJ_WINDOWS_9X)
        return machine_text(e, KJ_HIVE_SYSTEM_9X, "Software\\Microsoft\\Windows\\CurrentVersion",
                            name);
    return machine_text(e, KJ_HIVE_SOFTWARE, "Microsoft\\Windows\\CurrentVersion", name);
}

static const char *profile_list_text(const expansion *e, const char *name)
{
    return machine_text(e, KJ_HIVE_SOFTWARE, "Microsoft\\Windows NT\\CurrentVersion\\ProfileList",
                        name);
}

/* From Windows Vista on folders have other names; the disk shows which are meant. */
static bool is_vista(const kj_system *s)
{
    if (s->kind == KJ_WINDOWS_9X)
        return false;
    uint64_t major = 0;
    size_t dot = kj_span_find(kj_span_str(s->version), kj_span_str("."), 0);
    if (dot != SIZE_MAX && kj_text_to_u64(kj_span_sub(kj_span_str(s->version), 0, dot), &major))
        return major >= 6;
    return kj_system_has(s->tree, s->root, "Users", KJ_NODE_DIR, NULL);
}

static const char *of_windir(const expansion *e, const char *rest)
{
    const char *windir = kj_system_winpath(e->system, e->system->windir);
    return windir ? kj_arena_printf(e->system->arena, "%s%s", windir, rest) : NULL;
}

static const char *of_drive(const expansion *e, const char *rest)
{
    return kj_arena_printf(e->system->arena, "%c:%s", e->system->drive, rest);
}

static const char *windir(const expansion *e)
{
    return of_windir(e, "");
}

static const char *system_drive(const expansion *e)
{
    return of_drive(e, "");
}

static const char *user_profile(const expansion *e)
{
    const kj_profile *profile = profile_of(e);
    if (!profile)
        return NULL;
    return profile->path.len ? kj_system_winpath(e->system, profile->path) : windir(e);
}

static const char *of_profile(const expansion *e, const char *rest)
{
    const char *profile = user_profile(e);
    return profile ? kj_arena_printf(e->system->arena, "%s%s", profile, rest) : NULL;
}

static const char *home_path(const expansion *e)
{
    const char *profile = user_profile(e);
    return profile && profile[0] && profile[1] == ':' ? profile + 2 : NULL;
}

static const char *home_drive(const expansion *e)
{
    return profile_of(e) ? system_drive(e) : NULL;
}

static const char *shell_folder(const expansion *e, const char *name)
{
    return user_text(
        e, "Software\\Microsoft\\Windows\\CurrentVersion\\Explorer\\User Shell Folders", name);
}

static const char *app_data(const expansion *e)
{
    const char *text = shell_folder(e, "AppData");
    if (text)
        return text;
    return of_profile(e, is_vista(e->system) ? "\\AppData\\Roaming" : "\\Application Data");
}

static const char *local_app_data(const expansion *e)
{
    const char *text = shell_folder(e, "Local AppData");
    if (text)
        return text;
    return of_profile(e, is_vista(e->system) ? "\\AppData\\Local"
                                             : "\\Local Settings\\Application Data");
}

static const char *temp(const expansion *e)
{
    const char *text = user_text(e, environment_user, "TEMP");
    if (text)
        return text;
    if (!profile_of(e) || e->system->kind == KJ_WINDOWS_9X)
        return of_windir(e, "\\TEMP");
    return of_profile(e, is_vista(e->system) ? "\\AppData\\Local\\Temp" : "\\Local Settings\\Temp");
}

static const char *program_files_of(const expansion *e, bool view32)
{
    if (view32 && e->system->is_64bit) {
        const char *text = current_version_text(e, "ProgramFilesDir (x86)");
        return text ? text : of_drive(e, "\\Program Files (x86)");
    }
    const char *text = current_version_text(e, "ProgramFilesDir");
    return text ? text : of_drive(e, "\\Program Files");
}

static const char *program_files(const expansion *e)
{
    return program_files_of(e, e->context->view32);
}

static const char *program_files_64(const expansion *e)
{
    return e->system->is_64bit ? program_files_of(e, false) : NULL;
}

static const char *program_files_32(const expansion *e)
{
    return e->system->is_64bit ? program_files_of(e, true) : NULL;
}

static const char *common_files_of(const expansion *e, bool view32)
{
    bool x86 = view32 && e->system->is_64bit;
    const char *text = current_version_text(e, x86 ? "CommonFilesDir (x86)" : "CommonFilesDir");
    if (text)
        return text;
    const char *programs = program_files_of(e, view32);
    return programs ? kj_arena_printf(e->system->arena, "%s\\Common Files", programs) : NULL;
}

static const char *common_files(const expansion *e)
{
    return common_files_of(e, e->context->view32);
}

static const char *common_files_64(const expansion *e)
{
    return e->system->is_64bit ? common_files_of(e, false) : NULL;
}

static const char *common_files_32(const expansion *e)
{
    return e->system->is_64bit ? common_files_of(e, true) : NULL;
}

static const char *program_data(const expansion *e)
{
    const char *text = profile_list_text(e, "ProgramData");
    return text || !is_vista(e->system) ? text : of_drive(e, "\\ProgramData");
}

static const char *all_users(const expansion *e)
{
    if (e->system->kind == KJ_WINDOWS_9X)
        return of_windir(e, "\\All Users");
    if (is_vista(e->system))
        return program_data(e);
    const char *directory = profile_list_text(e, "ProfilesDirectory");
    const char *name = profile_list_text(e, "AllUsersProfile");
    if (!directory &&
        kj_system_has(e->system->tree, e->system->windir, "Profiles", KJ_NODE_DIR, NULL))
        directory = of_windir(e, "\\Profiles"); /* NT 4.0 */
    if (!directory)
        directory = of_drive(e, "\\Documents and Settings");
    return kj_arena_printf(e->system->arena, "%s\\%s", directory ? directory : "",
                           name ? name : "All Users");
}

static const char *public_profile(const expansion *e)
{
    const char *text = profile_list_text(e, "Public");
    return text || !is_vista(e->system) ? text : of_drive(e, "\\Users\\Public");
}

static const char *com_spec(const expansion *e)
{
    return e->system->kind == KJ_WINDOWS_9X ? of_windir(e, "\\COMMAND.COM")
                                            : of_windir(e, "\\system32\\cmd.exe");
}

static const char *search_path(const expansion *e)
{
    return e->system->kind == KJ_WINDOWS_9X
               ? "%WinDir%;%WinDir%\\COMMAND"
               : "%SystemRoot%\\system32;%SystemRoot%;%SystemRoot%\\System32\\Wbem";
}

/* What Windows sets itself, whatever Environment keys say. */
static const struct variable {
    const char *name;
    const char *(*value)(const expansion *e);
} fixed_variables[] = {
    {"WinDir", windir},
    {"SystemRoot", windir},
    {"SystemDrive", system_drive},
    {"ProgramFiles", program_files},
    {"ProgramFiles(x86)", program_files_32},
    {"ProgramW6432", program_files_64},
    {"CommonProgramFiles", common_files},
    {"CommonProgramFiles(x86)", common_files_32},
    {"CommonProgramW6432", common_files_64},
    {"ProgramData", program_data},
    {"AllUsersProfile", all_users},
    {"Public", public_profile},
    {"UserProfile", user_profile},
    {"AppData", app_data},
    {"LocalAppData", local_app_data},
    {"HomeDrive", home_drive},
    {"HomePath", home_path},
};

/* What they have when no Environment key sets them. */
static const struct variable default_variables[] = {
    {"Temp", temp},
    {"Tmp", temp},
    {"ComSpec", com_spec},
    {"Path", search_path},
};

static const struct variable *find_variable(const struct variable *table, size_t count,
                                            kj_span name)
{
    for (size_t i = 0; i < count; i++)
        if (kj_text_equal_nocase(name, kj_span_str(table[i].name)))
            return &table[i];
    return NULL;
}

/* A variable that Environment keys set, the user's before the machine's. PATH is both. */
static const char *environment(const expansion *e, const char *name)
{
    const kj_system *s = e->system;
    const char *user = user_text(e, environment_user, name);
    const kj_registry *reg = s->control_set.len ? kj_system_registry(s, KJ_HIVE_SYSTEM) : NULL;
    const char *machine = NULL;
    if (reg) {
        char *path = kj_arena_printf(s->arena, "%.*s\\Control\\Session Manager\\Environment",
                                     (int)s->control_set.len, (const char *)s->control_set.data);
        machine = path ? kj_reg_text_at(reg, reg->root, path, name, s->arena) : NULL;
    }
    bool both = user && machine && kj_text_equal_nocase(kj_span_str(name), kj_span_str("Path"));
    if (both)
        return kj_arena_printf(s->arena, "%s;%s", machine, user);
    return user ? user : machine;
}

/* A variable's value, not expanded; NULL: unknown. */
static const char *value_of(const expansion *e, kj_span name)
{
    const struct variable *v = find_variable(fixed_variables, KJ_COUNT(fixed_variables), name);
    const char *value = v ? v->value(e) : NULL;
    if (value)
        return value;
    char *text = kj_arena_text(e->system->arena, name);
    value = text ? environment(e, text) : NULL;
    if (value)
        return value;
    v = find_variable(default_variables, KJ_COUNT(default_variables), name);
    return v ? v->value(e) : NULL;
}

/* The same, as long as it does not go on for ever: then all of it fails. */
static const char *look_up(expansion *e, kj_span name)
{
    if (e->lookups++ < LOOKUPS_MAX)
        return value_of(e, name);
    e->out.failed = true;
    return NULL;
}

static void expand(expansion *e, kj_span text, unsigned depth)
{
    for (size_t pos = 0; pos < text.len && !e->out.failed;) {
        size_t open = kj_span_find(text, kj_span_str("%"), pos);
        size_t close = open == SIZE_MAX ? SIZE_MAX : kj_span_find(text, kj_span_str("%"), open + 1);
        if (close == SIZE_MAX) {
            kj_buf_put(&e->out, kj_span_sub(text, pos, SIZE_MAX));
            return;
        }
        kj_buf_put(&e->out, kj_span_sub(text, pos, open - pos));
        kj_span name = kj_span_sub(text, open + 1, close - open - 1);
        const char *value = NULL;
        if (name.len && depth < NESTING_MAX)
            value = look_up(e, name);
        if (value) {
            expand(e, kj_span_str(value), depth + 1);
            pos = close + 1;
        } else { /* the second % may begin a variable itself */
            kj_buf_put(&e->out, kj_span_sub(text, open, close - open));
            pos = close;
            if (name.len == 0 || depth >= NESTING_MAX) {
                kj_buf_put_byte(&e->out, '%');
                pos++;
            }
        }
    }
}

char *kj_system_expand(const kj_system *system, kj_span text, const kj_path_context *context)
{
    expansion e = {.system = system, .context = context};
    if (text.len == 0 || !memchr(text.data, '%', text.len))
        return kj_arena_text(system->arena, text);
    kj_buf_init(&e.out, TEXT_MAX);
    kj_arena_mark mark = kj_arena_get_mark(system->arena);
    expand(&e, text, 0);
    kj_arena_rewind(system->arena, mark);
    /* What grows without end stays as it is. */
    char *copy = e.out.starved
                     ? NULL
                     : kj_arena_text(system->arena, e.out.failed ? text : kj_buf_span(&e.out));
    kj_buf_done(&e.out);
    return copy;
}

/* ---- from a Windows path to a file ----------------------------------------------------------- */

/* Where a path begins: the drive's root or a directory, and what is left of it. */
typedef struct start {
    kj_span directory; /* real */
    kj_span floor;     /* `..` goes no higher */
    kj_span rest;
    bool verbatim; /* trailing dots and blanks count */
    bool view32;   /* System32 may be SysWOW64 */
    bool elsewhere;
    bool nowhere;
} start;

static bool is_slash(uint8_t c)
{
    return c == '\\' || c == '/';
}

/* Cuts `prefix` (with `\` for either slash) off the text, in any case. */
static bool cut(kj_span *text, const char *prefix)
{
    kj_span p = kj_span_str(prefix);
    if (text->len < p.len)
        return false;
    for (size_t i = 0; i < p.len; i++) {
        uint8_t c = text->data[i];
        if (p.data[i] == '\\' ? !is_slash(c) : kj_lower(c) != kj_lower(p.data[i]))
            return false;
    }
    *text = kj_span_sub(*text, p.len, SIZE_MAX);
    return true;
}

static start start_of(const kj_system *s, kj_span text, const kj_path_context *context)
{
    start from = {.directory = s->root, .floor = s->root};
    if (cut(&text, "\\\\?\\"))
        from.verbatim = true;
    else if (!cut(&text, "\\??\\"))
        (void)cut(&text, "\\\\.\\");
    if (cut(&text, "UNC\\") || cut(&text, "\\\\") || cut(&text, "\\Device\\") ||
        cut(&text, "GLOBALROOT\\") || cut(&text, "Volume{")) {
        from.elsewhere = true;
    } else if (cut(&text, "\\SystemRoot\\")) {
        from.directory = s->windir;
    } else if (text.len >= 2 && kj_is_alpha(text.data[0]) && text.data[1] == ':') {
        from.elsewhere = kj_upper(text.data[0]) != (uint8_t)s->drive;
        text = kj_span_sub(text, 2, SIZE_MAX);
    } else if (text.len && !is_slash(text.data[0])) {
        from.directory = context->directory;
        from.nowhere = context->directory.len == 0;
    }
    from.rest = text;
    return from;
}

/* The next component of a Windows path; trailing dots and blanks do not count. */
static kj_span next_part(kj_span text, size_t *pos, bool verbatim)
{
    size_t begin = *pos, end = begin;
    while (end < text.len && !is_slash(text.data[end]))
        end++;
    *pos = end + 1;
    kj_span part = kj_span_sub(text, begin, end - begin);
    if (verbatim || kj_span_is(part, ".") || kj_span_is(part, ".."))
        return part;
    while (part.len && (part.data[part.len - 1] == ' ' || part.data[part.len - 1] == '.'))
        part.len--;
    return part;
}

/* The name without what an 8.3 name cannot have, in upper case, at most `max` characters. */
static size_t short_part(kj_span name, uint8_t *out, size_t max)
{
    size_t len = 0;
    for (size_t i = 0; i < name.len && len < max; i++) {
        uint8_t c = name.data[i];
        if (c == ' ' || c == '.')
            continue;
        out[len++] = strchr("+,;=[]", c) && c ? '_' : kj_upper(c);
    }
    return len;
}

/* Whether a name needs no other one to be an 8.3 name itself. */
static bool is_short(kj_span name)
{
    kj_span stem, extension = kj_path_extension(name, &stem);
    for (size_t i = 0; i < stem.len; i++)
        if (strchr(" .+,;=[]", stem.data[i]))
            return false;
    return stem.len <= 8 && extension.len <= SHORT_EXTENSION;
}

/* Whether the 8.3 name `wanted` ("PROGRA~1.EXE") can be that of the long name `name`. */
static bool is_short_of(kj_span wanted, kj_span name)
{
    uint8_t stem[SHORT_STEM], extension[SHORT_EXTENSION];
    size_t tilde = kj_span_find(wanted, kj_span_str("~"), 0);
    kj_span wanted_stem = kj_span_sub(wanted, 0, tilde);
    kj_span tail = kj_span_sub(wanted, tilde + 1, SIZE_MAX);
    size_t digits = 0;
    while (digits < tail.len && kj_is_digit(tail.data[digits]))
        digits++;
    if (digits == 0 || wanted_stem.len + 1 + digits > 8 || is_short(name) ||
        (digits < tail.len && tail.data[digits] != '.'))
        return false;
    kj_span wanted_extension = kj_span_sub(tail, digits + 1, SIZE_MAX);
    kj_span long_stem, long_extension = kj_path_extension(name, &long_stem);
    size_t stem_len = short_part(long_stem, stem, SHORT_STEM);
    size_t extension_len = short_part(long_extension, extension, SHORT_EXTENSION);
    kj_span can = kj_span_of(stem, kj_min_size(stem_len, wanted_stem.len));
    bool whole = wanted_stem.len == stem_len || (digits > 1 && wanted_stem.len < stem_len);
    return whole && wanted_stem.len && kj_text_equal_nocase(wanted_stem, can) &&
           kj_text_equal_nocase(wanted_extension, kj_span_of(extension, extension_len));
}

/* The only entry whose 8.3 name may be `name`. */
static bool find_short(kj_tree *tree, kj_span directory, kj_span name, kj_node *out)
{
    const kj_node *nodes;
    size_t count;
    bool found = false;
    if (!memchr(name.data, '~', name.len) ||
        kj_tree_list(tree, directory, &nodes, &count, NULL) != KJ_OK || count > SHORT_MAX)
        return false;
    for (size_t i = 0; i < count; i++) {
        kj_span long_name =
            kj_span_sub(nodes[i].path, directory.len ? directory.len + 1 : 0, SIZE_MAX);
        if (!is_short_of(name, long_name))
            continue;
        if (found)
            return false;
        *out = nodes[i];
        found = true;
    }
    return found;
}

/* Junctions that Windows Vista and later make for older programs, and where they lead: they are
 * not followed as links, since anybody can make one, but known by name and place. */
static const struct {
    const char *name;
    const char *target;
    bool of_root; /* in the drive's root, the target, too; else both in the same directory */
} junctions[] = {
    {"Documents and Settings", "Users", true},
    {"Application Data", "AppData/Roaming", false},
    {"Local Settings", "AppData/Local", false},
};

static bool find_known_junction(const kj_system *s, kj_span directory, kj_span name, kj_node *out)
{
    for (size_t i = 0; i < KJ_COUNT(junctions); i++)
        if (kj_text_equal_nocase(name, kj_span_str(junctions[i].name)) &&
            (!junctions[i].of_root || kj_span_equal(directory, s->root)))
            return kj_system_has(s->tree, directory, junctions[i].target, KJ_NODE_DIR, out);
    return false;
}

static bool find_child(const kj_system *s, kj_span directory, kj_span name, kj_node *out)
{
    kj_buf path;
    kj_buf_init(&path, directory.len + name.len + 16);
    kj_buf_put(&path, directory);
    kj_buf_put_byte(&path, '/');
    kj_buf_put(&path, name);
    bool found = !path.failed && !memchr(name.data, '/', name.len) &&
                 kj_tree_find(s->tree, kj_buf_span(&path), out, NULL);
    s->tree->starved = s->tree->starved || path.failed;
    kj_buf_done(&path);
    return found || find_short(s->tree, directory, name, out);
}

static kj_span parent_of(kj_span path, kj_span floor)
{
    if (kj_span_equal(path, floor))
        return path;
    const uint8_t *slash = path.len ? memrchr(path.data, '/', path.len) : NULL;
    return slash ? kj_span_sub(path, 0, (size_t)(slash - path.data)) : (kj_span){0};
}

/* Subdirectories of System32 that 32-bit programs see as they are. */
static const char *const not_redirected[] = {
    "catroot", "catroot2", "driverstore", "drivers\\etc", "logfiles", "spool",
};

static bool is_redirected(kj_span rest)
{
    for (size_t i = 0; i < KJ_COUNT(not_redirected); i++) {
        kj_span tail = rest;
        if (cut(&tail, not_redirected[i]) && (tail.len == 0 || is_slash(tail.data[0])))
            return false;
    }
    return true;
}

static bool descend(const kj_system *s, const start *from, kj_node node, kj_node *out);

/* What is behind System32 as a 32-bit program sees it: in SysWOW64. */
static bool descend_32(const kj_system *s, const start *from, size_t pos, kj_node *out)
{
    kj_node node;
    start inner = *from;
    inner.rest = kj_span_sub(from->rest, pos, SIZE_MAX);
    inner.view32 = false;
    return is_redirected(inner.rest) &&
           kj_system_has(s->tree, s->windir, "SysWOW64", KJ_NODE_DIR, &node) &&
           descend(s, &inner, node, out);
}

/* One component. A link in the middle of a path is not followed, but for those that are known. */
static bool step(const kj_system *s, kj_span part, bool last, kj_node *node)
{
    kj_span directory = node->path;
    size_t colon = last ? kj_span_find(part, kj_span_str(":"), 0) : SIZE_MAX;
    part = kj_span_sub(part, 0, colon); /* a stream is part of its file */
    if (node->kind != KJ_NODE_DIR || part.len == 0 || !find_child(s, directory, part, node))
        return false;
    return last || node->kind != KJ_NODE_LINK || find_known_junction(s, directory, part, node);
}

/* Goes down from `node` along the components of a Windows path. */
static bool descend(const kj_system *s, const start *from, kj_node node, kj_node *out)
{
    unsigned depth = 0;
    for (size_t pos = 0; pos < from->rest.len;) {
        kj_span part = next_part(from->rest, &pos, from->verbatim);
        bool last = pos >= from->rest.len;
        if (part.len == 0 || kj_span_is(part, "."))
            continue;
        if (depth++ >= COMPONENTS_MAX)
            return false;
        if (kj_span_is(part, "..")) {
            if (!kj_tree_find(s->tree, parent_of(node.path, from->floor), &node, NULL))
                return false;
            continue;
        }
        if (from->view32 && kj_span_equal(node.path, s->windir)) {
            if (kj_text_equal_nocase(part, kj_span_str("Sysnative")))
                part = kj_span_str("System32");
            else if (kj_text_equal_nocase(part, kj_span_str("System32")) && !last &&
                     descend_32(s, from, pos, out))
                return true;
        }
        if (!step(s, part, last, &node))
            return false;
    }
    *out = node;
    return true;
}

bool kj_system_find(const kj_system *system, kj_span winpath, const kj_path_context *context,
                    kj_node *out, bool *out_elsewhere)
{
    start from = start_of(system, winpath, context);
    kj_node node;
    from.view32 = context->view32 && system->is_64bit;
    if (out_elsewhere)
        *out_elsewhere = from.elsewhere;
    return !from.elsewhere && !from.nowhere &&
           kj_tree_find(system->tree, from.directory, &node, NULL) &&
           descend(system, &from, node, out);
}
