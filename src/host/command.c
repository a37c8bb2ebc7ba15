/* SPDX-License-Identifier: Apache-2.0 */
/* From a command line to the file that it starts.
 *
 * Windows reads an unquoted `C:\Program Files\a b.exe /x` from left to right: `C:\Program.exe` is
 * started if it exists, then `C:\Program Files\a.exe`, and so on. The same is done here, and what
 * stands in the way of a longer reading is told (HIJACK). Programs that only start others are
 * looked behind (command_hosts.c), and so are shortcuts (shortcut.c). */
#include "host/command_private.h"

#include "base/arith.h"
#include "base/buf.h"
#include "base/path.h"
#include "base/text.h"
#include "host/system_private.h"

#include <stdlib.h>

enum {
    DEPTH_MAX = 6,
    LOOKUPS_MAX = 300,
    SHORT_LOOKUPS = 10,
    KEYS_A_LOOKUP = 128,        /* gone over in search of one */
    READINGS_MAX = 32,          /* of an unquoted text */
    PATH_MAX_BYTES = 4096,      /* of one name */
    APP_NAME_MAX = 255,         /* bytes */
    NAMES_MAX = 3,              /* further readings of a name without a directory */
    SEARCHED_MAX = 32,          /* directories of %Path% */
    COMMAND_MAX = 3 * 32 << 10, /* bytes of a text: Windows starts nothing longer */
    SHOWN_MAX = 8 * 32 << 10    /* bytes of an escaped text */
};

/* As the shell has them (PATHEXT); CreateProcess knows the first. */
const char *const kj_command_programs[] = {".exe", ".com", ".bat", ".cmd", ".pif", NULL};
const char *const kj_command_dlls[] = {".dll", NULL};

/* Where the path of a program ends if nothing is there to ask. */
static const char *const extensions_known[] = {
    "exe", "com", "bat", "cmd", "pif", "scr", "lnk", "url", "dll", "sys", "cpl", "ocx", "drv",
    "vxd", "386", "vbs", "vbe", "js",  "jse", "wsf", "wsh", "hta", "ps1", "msi", "msc", "jar",
    "reg", "inf", "chm", "hlp", "htm", "tlb", "ax",  "bin", "scf", "tmp", "dat", "job", "html",
};

static bool has_known_extension(kj_span name)
{
    kj_span extension = kj_path_extension(kj_path_base(name), NULL);
    for (size_t i = 0; i < KJ_COUNT(extensions_known); i++)
        if (kj_text_equal_nocase(extension, kj_span_str(extensions_known[i])))
            return true;
    return false;
}

static bool has_byte(kj_span text, const char *bytes)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] && strchr(bytes, text.data[i]))
            return true;
    return false;
}

static bool has_path(kj_span name)
{
    return has_byte(name, "\\/");
}

kj_span kj_command_shown(const kj_system *system, kj_span text)
{
    kj_buf shown;
    kj_buf_init(&shown, SHOWN_MAX);
    kj_escape(text, NULL, &shown);
    char *copy = shown.failed ? NULL : kj_arena_text(system->arena, kj_buf_span(&shown));
    kj_buf_done(&shown);
    return kj_span_str(copy);
}

/* ---- looking for one name
 * --------------------------------------------------------------------------- */

/* One name that is looked for, and what is known of it. */
typedef struct search {
    kj_command_walk *walk;
    kj_span name;
    const char *const *extensions; /* none when the name has one that says enough */
    kj_program *out;
} search;

/* A file at `before` + `name` + `after`. */
static bool is_at(search *s, const char *before, const char *after)
{
    kj_command_walk *w = s->walk;
    bool elsewhere = false;
    if (w->lookups == 0)
        return false;
    /* a short name costs going over a directory */
    w->lookups -= (unsigned)kj_min_size(w->lookups, has_byte(s->name, "~") ? SHORT_LOOKUPS : 1);
    kj_buf path;
    kj_buf_init(&path, 3 * PATH_MAX_BYTES);
    kj_buf_put_text(&path, before);
    kj_buf_put(&path, s->name);
    kj_buf_put_text(&path, after);
    kj_node node;
    bool found = !path.failed &&
                 kj_system_find(w->system, kj_buf_span(&path), &w->context, &node, &elsewhere) &&
                 (node.kind == KJ_NODE_FILE || node.kind == KJ_NODE_LINK);
    kj_buf_done(&path);
    if (found)
        s->out->file = node;
    if (elsewhere)
        s->out->flags |= KJ_AUTOSTART_ELSEWHERE;
    return found;
}

static bool is_in(search *s, const char *before)
{
    if (is_at(s, before, ""))
        return true;
    for (size_t i = 0; s->extensions[i]; i++)
        if (is_at(s, before, s->extensions[i]))
            return true;
    return false;
}

/* Windows up to 2000 looks for the shell in the drive's root first. */
static bool shell_begins_at_root(const kj_system *system)
{
    kj_span version = kj_span_str(system->version);
    return system->kind == KJ_WINDOWS_9X || kj_span_starts(version, kj_span_str("3.")) ||
           kj_span_starts(version, kj_span_str("4.")) || kj_span_is(version, "5.0");
}

static bool is_explorer(kj_span name)
{
    kj_span stem;
    (void)kj_path_extension(name, &stem);
    return kj_text_equal_nocase(stem, kj_span_str("explorer"));
}

/* The path that App Paths gives a name: what the shell, not CreateProcess, asks. */
static bool is_app_path(search *s)
{
    static const char key_9x[] = "Software\\Microsoft\\Windows\\CurrentVersion\\App Paths";
    static const char *const key = key_9x + sizeof "Software";
    const kj_system *system = s->walk->system;
    bool old = system->kind == KJ_WINDOWS_9X;
    const kj_registry *reg = kj_system_registry(system, old ? KJ_HIVE_SYSTEM_9X : KJ_HIVE_SOFTWARE);
    if (!reg || s->name.len > APP_NAME_MAX)
        return false;
    kj_reg_key_info paths;
    kj_reg_key all = kj_registry_find(reg, reg->root, kj_span_str(old ? key_9x : key));
    if (all == KJ_REG_NONE || !kj_registry_key(reg, all, &paths))
        return false;
    s->walk->work += 1 + paths.subkey_count / KEYS_A_LOOKUP;
    const char *extension = kj_path_extension(s->name, NULL).len ? "" : ".exe";
    char *path = kj_arena_printf(system->arena, "%.*s%s", (int)s->name.len,
                                 (const char *)s->name.data, extension);
    char *text = path ? kj_reg_text_at(reg, all, path, "", system->arena) : NULL;
    char *expanded = text ? kj_system_expand(system, kj_span_str(text), &s->walk->context) : NULL;
    if (!expanded)
        return false;
    kj_span rest = kj_text_trim(kj_span_str(expanded));
    kj_span name = rest.len && rest.data[0] == '"' ? kj_command_word(&rest) : rest;
    search inner = *s;
    inner.name = name;
    return name.len && name.len <= PATH_MAX_BYTES && has_byte(name, "\\/:") && is_in(&inner, "");
}

static bool is_on_path(search *s)
{
    const kj_system *system = s->walk->system;
    char *path = kj_system_expand(system, kj_span_str("%Path%"), &s->walk->context);
    kj_span list = kj_span_str(path);
    for (unsigned i = 0; i < SEARCHED_MAX && list.len; i++) {
        size_t end = kj_min_size(kj_span_find(list, kj_span_str(";"), 0), list.len);
        kj_span directory = kj_text_trim(kj_span_sub(list, 0, end));
        list = kj_span_sub(list, end + 1, SIZE_MAX);
        if (directory.len < 3 || directory.len > PATH_MAX_BYTES || directory.data[1] != ':')
            continue;
        char *before = kj_arena_printf(system->arena, "%.*s\\", (int)directory.len,
                                       (const char *)directory.data);
        if (before && is_in(s, before))
            return true;
    }
    return false;
}

/* Directories in Windows' order; System is 9x's, and NT has it, too. */
static const char *const searched[] = {
    "\\SystemRoot\\System32\\",
    "\\SystemRoot\\System\\",
    "\\SystemRoot\\",
};

static bool is_anywhere(search *s)
{
    kj_arena *arena = s->walk->system->arena;
    if (s->walk->context.directory.len && is_in(s, ""))
        return true;
    if (is_explorer(s->name) && shell_begins_at_root(s->walk->system) && is_in(s, "\\"))
        return true;
    for (size_t i = 0; i < KJ_COUNT(searched); i++)
        if (is_in(s, searched[i]))
            return true;
    if (has_path(s->name))
        return is_in(s, "\\");
    kj_arena_mark mark = kj_arena_get_mark(arena);
    bool found = is_app_path(s) || is_on_path(s);
    kj_arena_rewind(arena, mark);
    return found;
}

/* A place in a network, on the web, or a name that only a shell understands. */
static bool is_address(kj_span name)
{
    static const char *const schemes[] = {"http:", "https:", "ftp:"};
    for (size_t i = 0; i < KJ_COUNT(schemes); i++)
        if (kj_text_find_nocase(kj_span_sub(name, 0, strlen(schemes[i])),
                                kj_span_str(schemes[i])) == 0)
            return true;
    return false;
}

static kj_span without_scheme(kj_span name)
{
    kj_span scheme = kj_span_str("file:///");
    return kj_text_find_nocase(kj_span_sub(name, 0, scheme.len), scheme) == 0
               ? kj_span_sub(name, scheme.len, SIZE_MAX)
               : name;
}

kj_program kj_command_locate(kj_command_walk *w, kj_span name, const char *const *extensions)
{
    static const char *const none[] = {NULL};
    kj_program out = {.name = name};
    name = without_scheme(kj_text_trim(name));
    if (is_address(name)) {
        out.flags = KJ_AUTOSTART_ELSEWHERE;
        return out;
    }
    search s = {.walk = w, .name = name, .out = &out};
    s.extensions = has_known_extension(name) ? none : extensions;
    if (name.len == 0 || name.len > PATH_MAX_BYTES)
        return out;
    bool absolute = name.data[0] == '\\' || name.data[0] == '/' || has_byte(name, ":");
    bool found = absolute ? is_in(&s, "") : is_anywhere(&s);
    if (found)
        out.flags &= ~(uint32_t)KJ_AUTOSTART_ELSEWHERE;
    return out;
}

/* ---- the program of a command line
 * ------------------------------------------------------------------ */

kj_span kj_command_word(kj_span *text)
{
    kj_span t = kj_text_trim(*text);
    size_t end = 0, next;
    if (t.len && t.data[0] == '"') {
        size_t close = kj_span_find(t, kj_span_str("\""), 1);
        end = kj_min_size(close, t.len);
        next = close == SIZE_MAX ? t.len : close + 1;
        *text = kj_text_trim(kj_span_sub(t, next, SIZE_MAX));
        return kj_span_sub(t, 1, end - 1);
    }
    while (end < t.len && !kj_is_space(t.data[end]))
        end++;
    *text = kj_text_trim(kj_span_sub(t, end, SIZE_MAX));
    return kj_span_sub(t, 0, end);
}

/* Where the path that a text begins with ends at the latest: no path has these characters, but the
 * question mark of the kernel's prefixes. */
static size_t path_limit(kj_span text)
{
    size_t i = 0;
    if (kj_span_starts(text, kj_span_str("\\\\?\\")) || kj_span_starts(text, kj_span_str("\\??\\")))
        i = 4;
    while (i < text.len && i < PATH_MAX_BYTES && !strchr("\"<>|*?", text.data[i]))
        i++;
    return i;
}

/* The end of the next longer reading: before a blank, or the limit. */
static size_t next_reading(kj_span text, size_t from, size_t limit)
{
    while (from < limit && kj_is_space(text.data[from]))
        from++;
    while (from < limit && !kj_is_space(text.data[from]))
        from++;
    return from;
}

/* How it is meant when no reading leads to a file: a name alone is one word, a path goes up to the
 * first extension of a program or up to what looks like a switch. */
static size_t guess_end(kj_span text, size_t limit)
{
    size_t end = next_reading(text, 0, limit);
    if (!has_path(kj_span_sub(text, 0, end)))
        return end;
    for (unsigned i = 0; i < READINGS_MAX && end < limit; i++) {
        kj_span rest = kj_text_trim(kj_span_sub(text, end, SIZE_MAX));
        if (has_known_extension(kj_span_sub(text, 0, end)) ||
            has_byte(kj_span_sub(rest, 0, 1), "/-"))
            break;
        end = next_reading(text, end, limit);
    }
    return end;
}

/* Whether what stands behind `C:\Program` goes on as a path does: `Files\a.exe`, not `/x C:\a`. */
static bool goes_on(kj_span rest)
{
    kj_span word = kj_command_word(&rest);
    size_t slash = kj_span_find(word, kj_span_str("\\"), 0);
    return slash != SIZE_MAX && kj_is_alnum(word.data[0]) &&
           !has_byte(kj_span_sub(word, 0, slash), ":/=,");
}

static bool is_hijacked(kj_command_walk *w, kj_span text, size_t end, size_t limit)
{
    kj_span name = kj_span_sub(text, 0, end);
    if (!has_path(name))
        return false;
    if (!has_known_extension(name) && goes_on(kj_span_sub(text, end, SIZE_MAX)))
        return true;
    for (unsigned i = 0; i < READINGS_MAX && end < limit; i++) {
        end = next_reading(text, end, limit);
        kj_span longer = kj_text_trim(kj_span_sub(text, 0, end));
        if (longer.len > name.len &&
            kj_command_locate(w, longer, kj_command_programs).file.path.len)
            return true;
    }
    return false;
}

static kj_program split_unquoted(kj_command_walk *w, kj_span text, const char *const *extensions)
{
    kj_program found = {0};
    size_t limit = path_limit(text), end = 0;
    for (unsigned i = 0; i < READINGS_MAX && end < limit; i++) {
        end = next_reading(text, end, limit);
        found = kj_command_locate(w, kj_span_sub(text, 0, end), extensions);
        kj_span name = kj_span_sub(text, 0, end);
        if (found.file.path.len ||
            (!has_path(name) && (has_known_extension(name) || i >= NAMES_MAX)))
            break;
    }
    if (found.file.path.len && is_hijacked(w, text, end, limit))
        found.flags |= KJ_AUTOSTART_HIJACK;
    if (!found.file.path.len)
        end = guess_end(text, limit);
    found.name = kj_text_trim(kj_span_sub(text, 0, end));
    found.rest = kj_text_trim(kj_span_sub(text, end, SIZE_MAX));
    return found;
}

kj_program kj_command_split(kj_command_walk *w, kj_span text, const char *const *extensions)
{
    text = kj_text_trim(text);
    if (text.len == 0 || text.data[0] != '"')
        return split_unquoted(w, text, extensions);
    kj_span rest = text;
    kj_span name = kj_command_word(&rest);
    kj_program found = kj_command_locate(w, name, extensions);
    found.rest = rest;
    return found;
}

/* ---- what is started
 * -------------------------------------------------------------------------------- */

void kj_command_aim(const kj_command_walk *w, const kj_program *program, kj_command_target *out)
{
    out->flags |= program->flags;
    out->file = program->file;
    if (program->file.path.len) {
        out->path = kj_span_str(kj_system_show(w->system, program->file.path));
        return;
    }
    out->path = kj_command_shown(w->system, program->name);
    if (!(program->flags & KJ_AUTOSTART_ELSEWHERE))
        out->flags |= KJ_AUTOSTART_MISSING;
}

/* Text that is run as it stands: no file. */
static bool is_script(kj_span text)
{
    return kj_text_find_nocase(kj_span_sub(text, 0, 11), kj_span_str("javascript:")) == 0 ||
           kj_text_find_nocase(kj_span_sub(text, 0, 9), kj_span_str("vbscript:")) == 0;
}

static bool look_behind(kj_command_walk *w, const kj_program *program, kj_command_target *out)
{
    if (w->depth == 0)
        return false;
    w->depth--;
    if (program->file.path.len && kj_shortcut_follow(w, &program->file, out))
        return true;
    return kj_command_unwrap(w, program, out);
}

void kj_command_follow_program(kj_command_walk *w, const kj_program *program,
                               kj_command_target *out)
{
    kj_command_target target = {0};
    bool behind = look_behind(w, program, &target);
    if (behind)
        target.flags |= program->flags & (uint32_t)KJ_AUTOSTART_HIJACK;
    else
        kj_command_aim(w, program, &target);
    if (program->rest.len || !behind) /* else those of a shortcut */
        target.arguments = kj_command_shown(w->system, program->rest);
    *out = target;
}

void kj_command_follow(kj_command_walk *w, kj_span text, kj_command_target *out)
{
    text = kj_text_trim(text);
    if (is_script(text)) {
        *out = (kj_command_target){.flags = KJ_AUTOSTART_INLINE};
        out->arguments = kj_command_shown(w->system, text);
        return;
    }
    kj_program program = kj_command_split(w, text, kj_command_programs);
    kj_command_follow_program(w, &program, out);
}

void kj_command_resolve(const kj_system *system, kj_span command, const kj_path_context *context,
                        kj_command_target *out)
{
    kj_command_walk w = {.system = system, .context = *context};
    w.depth = DEPTH_MAX;
    w.lookups = LOOKUPS_MAX;
    *out = (kj_command_target){0};
    command = kj_span_sub(kj_text_trim(command), 0, COMMAND_MAX);
    kj_span text = kj_span_str(kj_system_expand(system, command, context));
    while (text.len && (text.data[0] == '@' || text.data[0] == '|'))
        text = kj_span_sub(text, 1, SIZE_MAX); /* of resources, of RunOnceEx */
    if (kj_text_trim(text).len)
        kj_command_follow(&w, text, out);
    out->work = LOOKUPS_MAX - w.lookups + w.work;
}
