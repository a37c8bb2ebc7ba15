/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluates the table of places (host/autostart_table.c): one loop over rows, places and hives;
 * what no pattern can say is in the extractors. Keys, values and names are a hostile hive's:
 * everything is counted. */
#include "base/arith.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/fold.h"
#include "base/path.h"
#include "base/text.h"
#include "host/autostarts_private.h"
#include "host/system_private.h"

enum {
    KEYS_MAX = 200000,   /* that one place may lead through in one hive */
    VALUES_MAX = 100000, /* of one key */
    FILES_MAX = 10000,   /* of one pattern */
    TOKENS_MAX = 1000,   /* of one value */
    LINES_MAX = 10000,   /* of one text file */
    FILE_BYTES_MAX = 16 << 20,
    TRAIL_MAX = 128, /* keys above each other; no walk goes deeper */
    STEPS_A_LOOKUP = 3,
    STEPS_A_TOKEN = 5,
};

/* ---- the table, for others
 * --------------------------------------------------------------------------- */

const char *kj_autostart_row_id(const kj_autostart_row *row)
{
    return row->id;
}

const char *kj_autostart_row_category(const kj_autostart_row *row)
{
    return row->category;
}

kj_restore kj_autostart_row_restore(const kj_autostart_row *row)
{
    return row->restore;
}

const kj_autostart_row *kj_autostart_rows(size_t *out_count)
{
    *out_count = kj_autostart_table_count;
    return kj_autostart_table;
}

const kj_autostart_row *kj_autostart_row_named(const char *id)
{
    for (size_t i = 0; i < kj_autostart_table_count; i++)
        if (strcmp(kj_autostart_table[i].id, id) == 0)
            return &kj_autostart_table[i];
    return NULL;
}

unsigned kj_autostart_version(const kj_system *system)
{
    kj_span text = kj_span_str(system->version);
    size_t dot = kj_span_find(text, kj_span_str("."), 0);
    uint64_t major = 0, minor = 0;
    if (dot == SIZE_MAX || !kj_text_to_u64(kj_span_sub(text, 0, dot), &major) ||
        !kj_text_to_u64(kj_span_sub(text, dot + 1, SIZE_MAX), &minor) || major > 99 || minor > 99)
        return 0;
    return (unsigned)(100 * major + minor);
}

static bool of_version(const kj_system *system, uint16_t from, uint16_t to)
{
    unsigned version = kj_autostart_version(system);
    return version == 0 || ((from == 0 || version >= from) && (to == 0 || version <= to));
}

/* ---- patterns
 * ---------------------------------------------------------------------------------------- */

/* The next alternative, or component, of `text`; false at the end. */
static bool next_part(kj_span text, const char *separator, size_t *pos, kj_span *out)
{
    if (*pos > text.len)
        return false;
    size_t end = kj_span_find(text, kj_span_str(separator), *pos);
    end = end == SIZE_MAX ? text.len : end;
    *out = kj_span_sub(text, *pos, end - *pos);
    *pos = end + 1;
    return true;
}

bool kj_autostart_matches(kj_arena *arena, kj_span patterns, kj_span name)
{
    if (kj_span_is(patterns, "*"))
        return true;
    kj_arena_mark mark = kj_arena_get_mark(arena);
    const char *folded = kj_fold_text(arena, name);
    const char *wanted = kj_fold_text(arena, patterns);
    size_t pos = 0;
    kj_span one;
    bool hit = false;
    while (folded && wanted && !hit && next_part(kj_span_str(wanted), "|", &pos, &one))
        hit = kj_span_is(one, "@") ? name.len == 0
                                   : name.len && kj_wildcard_match(one, kj_span_str(folded));
    kj_arena_rewind(arena, mark);
    return hit;
}

/* Whether a path of keys matches a place's, component by component. */
static bool path_matches(kj_arena *arena, kj_span pattern, kj_span path)
{
    size_t at = 0, in = 0;
    kj_span want, name;
    while (next_part(pattern, "\\", &at, &want)) {
        if (!next_part(path, "\\", &in, &name) || !kj_autostart_matches(arena, want, name))
            return false;
    }
    return in > path.len;
}

/* ---- what Windows has by itself
 * ---------------------------------------------------------------------- */

/* "<windir>" becomes C:\WINNT. */
static const char *fill(const kj_system *system, const char *text)
{
    kj_span whole = kj_span_str(text);
    const char *mark = "<windir>";
    size_t at = kj_span_find(whole, kj_span_str(mark), 0);
    if (at == SIZE_MAX)
        return text;
    const char *windir = kj_system_winpath(system, system->windir);
    return windir ? kj_arena_printf(system->arena, "%.*s%s%s", (int)at, text, windir,
                                    text + at + strlen(mark))
                  : NULL;
}

const char *kj_autostart_default(const kj_autostart_row *row, const kj_system *system, kj_span name)
{
    bool known = kj_autostart_version(system) != 0;
    for (const kj_autostart_normal *n = row->normals; n && n->name; n++) {
        /* of a version that nobody told: only what is the same in many */
        bool fits = known ? of_version(system, n->from, n->to) : n->from == 0 && n->to == 0;
        if (fits && kj_autostart_matches(system->arena, kj_span_str(n->name), name))
            return fill(system, n->text);
    }
    return NULL;
}

/* Texts as they are compared: variables replaced, folded, blanks around them dropped. */
static kj_span comparable(const kj_system *system, kj_span text)
{
    kj_path_context context = {.profile = KJ_REG_NONE};
    const char *plain = kj_system_expand(system, kj_text_trim(text), &context);
    return kj_span_str(plain ? kj_fold_text(system->arena, kj_span_str(plain)) : NULL);
}

static bool next_token(kj_autostart_shape shape, kj_span text, size_t *pos, kj_span *out);

/* Whether `text` is the whole of a default, or one of its tokens. */
static bool is_part_of(const kj_autostart_row *row, const kj_system *system, kj_span text,
                       const char *normal)
{
    kj_span want = comparable(system, text);
    kj_span whole = kj_span_str(normal);
    if (kj_span_equal(want, comparable(system, whole)))
        return true;
    size_t pos = 0;
    kj_span token;
    while (next_token(row->shape, whole, &pos, &token))
        if (kj_span_equal(want, comparable(system, token)))
            return true;
    return false;
}

bool kj_autostart_is_normal(const kj_autostart_row *row, const kj_system *system, kj_span name,
                            kj_span text)
{
    kj_arena_mark mark = kj_arena_get_mark(system->arena);
    bool hit = false;
    for (const kj_autostart_normal *n = row->normals; n && n->name && !hit; n++) {
        if (!kj_autostart_matches(system->arena, kj_span_str(n->name), name))
            continue;
        const char *normal = fill(system, n->text);
        hit = normal && is_part_of(row, system, text, normal);
    }
    kj_arena_rewind(system->arena, mark);
    return hit;
}

/* ---- which row a value is of
 * -------------------------------------------------------------------------- */

/* The part of `text` behind a prefix, in any case. */
static bool behind(kj_span text, const char *prefix, kj_span *out)
{
    kj_span want = kj_span_str(prefix);
    if (!kj_text_equal_nocase(kj_span_sub(text, 0, want.len), want))
        return false;
    *out = kj_span_sub(text, want.len, SIZE_MAX);
    return true;
}

/* A full key path in the table's words; *out_in: what kinds of hives it may be of. */
static const char *in_words(kj_arena *arena, kj_span path, uint32_t *out_in)
{
    kj_span rest, inner;
    *out_in = KJ_IN_SW | KJ_IN_WOW | KJ_IN_SY | KJ_IN_S9;
    if (behind(path, "HKLM\\SOFTWARE\\", &rest)) {
        if (behind(rest, "Wow6432Node\\", &inner))
            rest = inner;
        else if (behind(rest, "Classes\\Wow6432Node\\", &inner))
            return kj_arena_printf(arena, "Software\\Classes\\%.*s", (int)inner.len,
                                   (const char *)inner.data);
        return kj_arena_printf(arena, "Software\\%.*s", (int)rest.len, (const char *)rest.data);
    }
    if (behind(path, "HKLM\\SYSTEM\\", &rest)) {
        size_t end = kj_span_find(rest, kj_span_str("\\"), 0);
        bool set = behind(rest, "ControlSet", &inner) || behind(rest, "CurrentControlSet", &inner);
        if (set && end != SIZE_MAX)
            rest = kj_span_sub(rest, end + 1, SIZE_MAX);
        return kj_arena_printf(arena, "%s\\%.*s", set ? "CCS" : "System", (int)rest.len,
                               (const char *)rest.data);
    }
    if (!behind(path, "HKU\\", &rest))
        return NULL;
    size_t end = kj_span_find(rest, kj_span_str("\\"), 0);
    kj_span user = kj_span_sub(rest, 0, end);
    rest = end == SIZE_MAX ? (kj_span){0} : kj_span_sub(rest, end + 1, SIZE_MAX);
    const char *classes = "_Classes";
    bool is_classes = user.len > strlen(classes) &&
                      kj_text_equal_nocase(kj_span_sub(user, user.len - strlen(classes), SIZE_MAX),
                                           kj_span_str(classes));
    *out_in = is_classes ? KJ_IN_UC : KJ_IN_NU | KJ_IN_U9;
    return kj_arena_printf(arena, "%s%.*s", is_classes ? "Software\\Classes\\" : "", (int)rest.len,
                           (const char *)rest.data);
}

static bool place_holds(const kj_autostart_place *place, uint32_t in, const char *words,
                        kj_span name, kj_arena *arena)
{
    return (place->in & in) && place->key && place->value && !place->file &&
           kj_autostart_matches(arena, kj_span_str(place->value), name) &&
           path_matches(arena, kj_span_str(place->key), kj_span_str(words));
}

const kj_autostart_row *kj_autostart_row_of(const kj_spot *spot)
{
    if (spot->kind != KJ_SPOT_VALUE)
        return NULL;
    kj_arena arena;
    kj_arena_init(&arena, KJ_AUTOSTART_TEXT_MAX * 16);
    uint32_t in = 0;
    const kj_autostart_row *found = NULL;
    const char *words = in_words(&arena, spot->key_path, &in);
    for (size_t i = 0; words && !found && i < kj_autostart_table_count; i++)
        for (size_t p = 0; !found && p < KJ_AUTOSTART_PLACES_MAX; p++)
            if (place_holds(&kj_autostart_table[i].places[p], in, words, spot->name, &arena))
                found = &kj_autostart_table[i];
    kj_arena_done(&arena);
    return found;
}

/* ---- entries
 * ----------------------------------------------------------------------------------------- */

kj_span kj_autostart_copy(kj_autostart_finder *f, kj_span text)
{
    char *copy = kj_arena_text(f->system->arena, text);
    f->starved |= !copy;
    return (kj_span){(const uint8_t *)copy, copy ? text.len : 0};
}

const kj_autostart_trail *kj_autostart_follow(kj_autostart_finder *f, const kj_registry *reg,
                                              const kj_autostart_trail *from, kj_span path,
                                              kj_autostart_trail *frames, size_t count)
{
    size_t pos = 0;
    kj_span part;
    while (path.len && next_part(path, "\\", &pos, &part)) {
        if (part.len == 0)
            continue;
        kj_autostart_spend_key(f, reg, from->key);
        kj_reg_key key = kj_registry_find(reg, from->key, part);
        if (key == KJ_REG_NONE || count-- == 0)
            return NULL;
        *frames = (kj_autostart_trail){.above = from, .key = key};
        from = frames++;
    }
    return from;
}

static void put_trail(const kj_registry *reg, const kj_autostart_trail *at, kj_buf *out)
{
    const kj_autostart_trail *names[TRAIL_MAX];
    kj_reg_key_info info;
    size_t depth = 0;
    for (; at->above && depth < TRAIL_MAX; at = at->above)
        names[depth++] = at;
    while (depth-- > 0) {
        kj_buf_put_byte(out, '\\');
        if (kj_registry_key(reg, names[depth]->key, &info))
            kj_reg_name_text(info.name, out);
    }
}

static kj_span key_path(kj_autostart_finder *f, const kj_hive *hive, const kj_autostart_trail *at)
{
    kj_buf text;
    kj_buf_init(&text, KJ_AUTOSTART_TEXT_MAX);
    kj_buf_put(&text, hive->mount);
    put_trail(&hive->registry, at, &text);
    kj_autostart_spend_bytes(f, text.len);
    kj_span copy = kj_autostart_copy(f, kj_buf_span(&text));
    f->starved |= text.starved;
    kj_buf_done(&text);
    return copy;
}

static kj_span name_text(kj_autostart_finder *f, kj_reg_name name)
{
    kj_buf text;
    kj_buf_init(&text, KJ_AUTOSTART_TEXT_MAX);
    kj_reg_name_text(name, &text);
    kj_span copy = kj_autostart_copy(f, kj_buf_span(&text));
    f->starved |= text.starved;
    kj_buf_done(&text);
    return copy;
}

/* A value's data as text, as far as it may be long: *out_cut, there is more. */
static kj_span value_text(kj_autostart_finder *f, const kj_autostart_row *row, const kj_hive *hive,
                          const kj_reg_value *value, bool *out_cut)
{
    size_t max = row->restore == KJ_RESTORE_TOKEN ? KJ_AUTOSTART_TEXT_MAX : KJ_AUTOSTART_CUT_MAX;
    kj_reg_value part = *value;
    part.data = kj_span_sub(value->data, 0, 2 * max + 2); /* a unit more than what fits */
    kj_buf text;
    kj_buf_init(&text, max);
    (void)kj_reg_value_text(&hive->registry, &part, &text);
    kj_span copy = kj_autostart_copy(f, kj_buf_span(&text));
    kj_autostart_spend_bytes(f, text.len);
    *out_cut = text.failed && !text.starved;
    f->starved |= text.starved;
    kj_buf_done(&text);
    return copy;
}

/* Not of the control set that starts next. */
static bool is_old_set(const kj_system *system, kj_span path)
{
    kj_span rest;
    size_t end;
    if (!behind(path, "HKLM\\SYSTEM\\", &rest) || system->control_set.len == 0)
        return false;
    end = kj_span_find(rest, kj_span_str("\\"), 0);
    kj_span set = kj_span_sub(rest, 0, end);
    return behind(set, "ControlSet", &rest) && !kj_text_equal_nocase(set, system->control_set);
}

static uint32_t flags_of(kj_autostart_finder *f, const kj_autostart_row *row, const kj_hive *hive,
                         const kj_spot *spot)
{
    const kj_system *system = f->system;
    uint32_t flags = hive->role == KJ_HIVE_COPY ? KJ_AUTOSTART_COPY : 0;
    if (is_old_set(system, spot->key_path) || (row->only_9x && system->kind == KJ_WINDOWS_NT) ||
        !of_version(system, row->from, row->to))
        flags |= KJ_AUTOSTART_STALE;
    if (kj_span_find(spot->name, kj_span_of("", 1), 0) != SIZE_MAX ||
        kj_span_find(spot->key_path, kj_span_of("", 1), 0) != SIZE_MAX)
        flags |= KJ_AUTOSTART_HIDDEN;
    return flags;
}

kj_autostart kj_autostart_entry(kj_autostart_finder *f, const kj_autostart_row *row, uint32_t hive,
                                const kj_autostart_trail *at, const kj_reg_value *value)
{
    const kj_hive *of = &f->system->hives[hive];
    bool cut = false;
    kj_autostart entry = {
        .row = row,
        .spot = {.kind = value ? KJ_SPOT_VALUE : KJ_SPOT_KEY,
                 .path = of->path,
                 .hive = hive,
                 .key = at->key,
                 .key_path = key_path(f, of, at)},
        .profile = of->profile,
    };
    if (value) {
        entry.spot.value = *value;
        entry.spot.name = name_text(f, value->name);
        entry.spot.data = value_text(f, row, of, value, &cut);
        entry.name = entry.spot.name;
    } else {
        entry.name = kj_path_base(entry.spot.key_path);
    }
    entry.flags = flags_of(f, row, of, &entry.spot) | (cut ? KJ_AUTOSTART_CUT : 0);
    return entry;
}

void kj_autostart_emit(kj_autostart_finder *f, const kj_autostart *entry)
{
    bool plain =
        (entry->flags & KJ_AUTOSTART_DEFAULT) == 0 && entry->row->restore != KJ_RESTORE_REPORT;
    if ((!f->all && !plain) || f->full)
        return;
    if (f->count >= KJ_AUTOSTARTS_MAX) {
        f->full = true;
        f->why = "more than 200,000 places that start something; the rest was not looked at";
        return;
    }
    f->count++;
    f->found(f->user, entry);
}

/* ---- what an entry leads to
 * ---------------------------------------------------------------------------- */

/* A type of file that is a program: what was opened is what runs. */
static bool is_file_itself(kj_span command)
{
    kj_span rest;
    return behind(command, "\"%1\"", &rest) || behind(command, "%1", &rest);
}

void kj_autostart_lead(kj_autostart_finder *f, kj_autostart *entry, kj_span command,
                       const kj_path_context *context)
{
    kj_command_target target = {0};
    entry->token = command;
    if (entry->command.len == 0)
        entry->command = command;
    if (kj_text_trim(command).len == 0 || is_file_itself(command))
        return;
    if (f->full)
        return;
    kj_command_resolve(f->system, command, context, &target);
    kj_autostart_spend_bytes(f, command.len);
    kj_autostart_spend(f, (uint64_t)STEPS_A_LOOKUP * target.work);
    entry->target = target.path;
    entry->arguments = target.arguments;
    entry->file = target.file;
    entry->flags |= target.flags;
}

void kj_autostart_lead_dll(kj_autostart_finder *f, kj_autostart *entry, kj_span path,
                           const kj_path_context *context)
{
    kj_span trimmed = kj_text_trim(path);
    kj_span name = kj_path_base(trimmed);
    char *whole = NULL;
    if (name.len && kj_path_extension(name, NULL).len == 0)
        whole = kj_arena_printf(f->system->arena, "%.*s.dll", (int)trimmed.len,
                                (const char *)trimmed.data);
    kj_autostart_lead(f, entry, whole ? kj_span_str(whole) : path, context);
    entry->token = path;
}

/* The text of a class's server; empty: none. */
static kj_span server_of(kj_autostart_finder *f, uint32_t hive, const char *base, kj_span clsid)
{
    static const char *const servers[] = {"InprocServer32", "LocalServer32", "InprocHandler32"};
    const kj_registry *reg = &f->system->hives[hive].registry;
    kj_reg_key class = kj_autostart_find_key(f, hive, base, clsid);
    for (size_t i = 0; i < KJ_COUNT(servers) && class != KJ_REG_NONE; i++) {
        kj_autostart_spend_key(f, reg, class);
        kj_reg_key server = kj_registry_find(reg, class, kj_span_str(servers[i]));
        if (server == KJ_REG_NONE)
            continue;
        kj_autostart_spend_key(f, reg, server);
        const char *text = kj_reg_text_at(reg, server, "", "", f->system->arena);
        if (text && *text)
            return kj_span_str(text);
    }
    return (kj_span){0};
}

typedef struct class_place {
    kj_hive_role role;
    bool wow;
    const char *base;
} class_place;

static const class_place class_places[] = {
    {KJ_HIVE_CLASSES, false, "CLSID"},
    {KJ_HIVE_SOFTWARE, true, "Classes\\Wow6432Node\\CLSID"},
    {KJ_HIVE_SOFTWARE, true, "Wow6432Node\\Classes\\CLSID"},
    {KJ_HIVE_SOFTWARE, false, "Classes\\CLSID"},
    {KJ_HIVE_SYSTEM_9X, false, "Software\\Classes\\CLSID"},
    {KJ_HIVE_CLASSES_9X, false, "CLSID"},
};

static kj_span class_server(kj_autostart_finder *f, kj_span clsid, const kj_path_context *context)
{
    const kj_system *system = f->system;
    for (size_t i = 0; i < KJ_COUNT(class_places); i++) {
        const class_place *p = &class_places[i];
        if (p->wow && !context->view32)
            continue;
        for (uint32_t h = 0; h < system->hive_count; h++) {
            const kj_hive *hive = &system->hives[h];
            if (hive->role != p->role || !hive->usable ||
                (hive->role == KJ_HIVE_CLASSES && hive->profile != context->profile))
                continue;
            kj_span server = server_of(f, h, p->base, clsid);
            if (server.len)
                return server;
        }
    }
    return (kj_span){0};
}

void kj_autostart_lead_class(kj_autostart_finder *f, kj_autostart *entry, kj_span clsid,
                             const kj_path_context *context)
{
    kj_span trimmed = kj_text_trim(clsid);
    entry->token = trimmed;
    if (entry->command.len == 0)
        entry->command = trimmed;
    if (trimmed.len < 3 || trimmed.data[0] != '{' || trimmed.len > 64)
        return;
    kj_span server = class_server(f, trimmed, context);
    if (server.len == 0) {
        entry->flags |= KJ_AUTOSTART_MISSING;
        return;
    }
    kj_autostart_lead_dll(f, entry, server, context);
    entry->token = trimmed;
}

/* ---- data of each shape
 * -------------------------------------------------------------------------------- */

static bool next_token(kj_autostart_shape shape, kj_span text, size_t *pos, kj_span *out)
{
    bool more = false;
    switch (shape) {
    case KJ_SHAPE_LIST:
        return kj_ini_next_token(text, pos, out);
    case KJ_SHAPE_COMMAS:
        while ((more = next_part(text, ",", pos, out)) && kj_text_trim(*out).len == 0)
            ;
        *out = kj_text_trim(*out);
        return more;
    case KJ_SHAPE_MULTI:
        while ((more = next_part(text, "\n", pos, out)) && out->len == 0)
            ;
        return more;
    default:
        more = *pos == 0 && text.len > 0;
        *pos = text.len + 1;
        *out = text;
        return more;
    }
}

/* What stands behind a program in a list of commands: "explorer.exe c:\other.exe". */
static void emit_behind(kj_autostart_finder *f, const kj_autostart *first,
                        const kj_path_context *context)
{
    if (first->arguments.len == 0)
        return;
    kj_autostart entry = *first;
    entry.flags &= ~(uint32_t)(KJ_AUTOSTART_MISSING | KJ_AUTOSTART_HIJACK | KJ_AUTOSTART_ELSEWHERE |
                               KJ_AUTOSTART_DEFAULT | KJ_AUTOSTART_INLINE);
    kj_autostart_lead(f, &entry, first->arguments, context);
    if (entry.file.path.len && !kj_span_equal(entry.file.path, first->file.path))
        kj_autostart_emit(f, &entry);
}

static void lead_by_shape(kj_autostart_finder *f, kj_autostart *entry, kj_span token,
                          const kj_path_context *context)
{
    switch (entry->row->shape) {
    case KJ_SHAPE_DLL:
        kj_autostart_lead_dll(f, entry, token, context);
        break;
    case KJ_SHAPE_LSP:
        kj_autostart_lead(f, entry, token, context);
        break;
    case KJ_SHAPE_CLSID:
    case KJ_SHAPE_NAMED:
    case KJ_SHAPE_KEYED:
        kj_autostart_lead_class(f, entry, token, context);
        break;
    case KJ_SHAPE_DATA:
        entry->token = token;
        break;
    default:
        kj_autostart_lead(f, entry, token, context);
        break;
    }
}

/* Hands out every token of an entry's data. `label`: what its defaults are called by. */
static void emit_tokens(kj_autostart_finder *f, const kj_autostart *whole, kj_span text,
                        kj_span label, const kj_path_context *context)
{
    const kj_autostart_row *row = whole->row;
    bool normal = kj_autostart_is_normal(row, f->system, label, text) ||
                  kj_autostart_is_normal(row, f->system, whole->spot.name, text);
    size_t pos = 0, count = 0;
    kj_span token;
    while (next_token(row->shape, text, &pos, &token) && count++ < TOKENS_MAX && !f->full) {
        kj_autostart entry = *whole;
        kj_autostart_spend(f, STEPS_A_TOKEN);
        entry.command = text;
        if (normal || kj_autostart_is_normal(row, f->system, label, token) ||
            kj_autostart_is_normal(row, f->system, whole->spot.name, token))
            entry.flags |= KJ_AUTOSTART_DEFAULT;
        lead_by_shape(f, &entry, token, context);
        kj_autostart_emit(f, &entry);
        if (row->shape == KJ_SHAPE_COMMAS)
            emit_behind(f, &entry, context);
    }
}

/* ---- the registry
 * ------------------------------------------------------------------------------------ */

typedef struct search {
    kj_autostart_finder *f;
    const kj_autostart_row *row;
    const kj_autostart_place *place;
    uint32_t hive;
    bool view32;
    kj_span label; /* the name that the place's last `*` stood for, else its first pattern */
    const kj_autostart_trail *star; /* the last key that a `*` of the place stood for */
    bool inside;                    /* behind what the mapping put before the place's path */
    size_t steps;
} search;

/* The path in the bytes of a catalog entry of Winsock: the first of its fields. */
static kj_span catalog_path(kj_autostart_finder *f, kj_span data)
{
    size_t end = kj_span_find(data, kj_span_of("", 1), 0);
    return kj_autostart_copy(f, kj_span_sub(data, 0, kj_min_size(end, 260)));
}

static bool is_text(uint32_t type)
{
    return type == KJ_REG_SZ || type == KJ_REG_EXPAND_SZ || type == KJ_REG_MULTI_SZ;
}

static void found_value(search *s, const kj_autostart_trail *at, const kj_reg_value *value)
{
    kj_autostart_finder *f = s->f;
    const kj_hive *hive = &f->system->hives[s->hive];
    kj_autostart entry = kj_autostart_entry(f, s->row, s->hive, at, value);
    bool every = strchr(s->place->value, '*') != NULL;
    entry.view32 = s->view32;
    if (!every && s->label.len)
        entry.name = s->label;
    kj_path_context context = {
        .profile = hive->profile, .view32 = s->view32, .directory = f->system->windir};
    kj_span text = entry.spot.data;
    if (s->row->shape == KJ_SHAPE_LSP)
        text = catalog_path(f, value->data);
    else if (s->row->shape == KJ_SHAPE_NAMED)
        text = entry.spot.name;
    else if ((!is_text(value->type) && s->row->shape != KJ_SHAPE_DATA) ||
             ((entry.flags & KJ_AUTOSTART_CUT) && s->row->restore == KJ_RESTORE_TOKEN)) {
        /* nor is a list taken apart of which the end is not known: its rest could not be kept */
        entry.command = text;
        entry.token = text;
        kj_autostart_emit(f, &entry);
        return;
    }
    if (s->row->restore == KJ_RESTORE_KEY && s->star) {
        entry.spot.kind = KJ_SPOT_KEY;
        entry.spot.key = s->star->key;
        entry.spot.key_path = key_path(f, hive, s->star);
    }
    kj_autostart_mark_approval(f, &entry);
    emit_tokens(f, &entry, text, entry.name, &context);
}

/* A key that is an entry by itself. */
static void found_key(search *s, const kj_autostart_trail *at)
{
    kj_autostart entry = kj_autostart_entry(s->f, s->row, s->hive, at, NULL);
    kj_path_context context = {.profile = s->f->system->hives[s->hive].profile,
                               .view32 = s->view32,
                               .directory = s->f->system->windir};
    entry.view32 = s->view32;
    emit_tokens(s->f, &entry, entry.name, entry.name, &context);
}

static void look_at_values(search *s, const kj_autostart_trail *at)
{
    kj_autostart_finder *f = s->f;
    const kj_registry *reg = &f->system->hives[s->hive].registry;
    if (!s->place->value) {
        found_key(s, at);
        return;
    }
    kj_reg_iter it = {0};
    kj_reg_value value;
    kj_span patterns = kj_span_str(s->place->value);
    for (size_t i = 0; i < VALUES_MAX && !f->full; i++) {
        kj_arena_mark mark = kj_arena_get_mark(f->system->arena);
        if (!kj_registry_next_value(reg, at->key, &it, f->system->arena, &value))
            return;
        kj_autostart_spend(f, 1);
        if (kj_autostart_matches(f->system->arena, patterns, name_text(f, value.name)))
            found_value(s, at, &value);
        else
            kj_arena_rewind(f->system->arena, mark);
    }
}

static void search_keys(search *s, const kj_autostart_trail *at, kj_span path);

/* Goes down into every subkey of which `part` may be the name. */
static void search_matching(search *s, const kj_autostart_trail *at, kj_span part, kj_span rest)
{
    kj_autostart_finder *f = s->f;
    const kj_registry *reg = &f->system->hives[s->hive].registry;
    kj_reg_iter it = {0};
    kj_reg_key_info info;
    search before = *s;
    while (!f->full && s->steps < KEYS_MAX && kj_registry_next_subkey(reg, at->key, &it, &info)) {
        s->steps++;
        kj_autostart_spend(f, 1);
        kj_arena_mark mark = kj_arena_get_mark(f->system->arena);
        size_t count = f->count;
        kj_span name = name_text(f, info.name);
        kj_autostart_trail below = {.above = at, .key = info.key};
        if (!info.is_link && kj_autostart_matches(f->system->arena, part, name)) {
            bool star = memchr(part.data, '*', part.len) != NULL;
            if (before.inside && (star || before.label.len == 0))
                s->label = name;
            if (before.inside && star)
                s->star = &below;
            s->inside = true;
            search_keys(s, &below, rest);
            s->label = before.label;
            s->star = before.star;
            s->inside = before.inside;
        }
        if (f->count == count) /* nobody keeps anything of it */
            kj_arena_rewind(f->system->arena, mark);
    }
}

static void search_keys(search *s, const kj_autostart_trail *at, kj_span path)
{
    const kj_registry *reg = &s->f->system->hives[s->hive].registry;
    size_t pos = 0;
    kj_span part;
    if (at->key == KJ_REG_NONE || ++s->steps > KEYS_MAX || s->f->full)
        return;
    if (path.len == 0 || !next_part(path, "\\", &pos, &part)) {
        look_at_values(s, at);
        return;
    }
    kj_span rest = kj_span_sub(path, pos, SIZE_MAX);
    if (memchr(part.data, '*', part.len) || memchr(part.data, '|', part.len))
        search_matching(s, at, part, rest);
    else {
        kj_autostart_spend_key(s->f, reg, at->key);
        kj_autostart_trail below = {.above = at, .key = kj_registry_find(reg, at->key, part)};
        search_keys(s, &below, rest);
    }
}

/* Where the table's words are kept in a hive of a role: `words` become `inside`. */
static const struct mapping {
    kj_hive_role role;
    uint32_t in;
    const char *words;
    const char *inside;
    bool view32;
} mappings[] = {
    {KJ_HIVE_SOFTWARE, KJ_IN_SW, "Software\\", "", false},
    {KJ_HIVE_SOFTWARE, KJ_IN_WOW, "Software\\", "Wow6432Node\\", true},
    {KJ_HIVE_SOFTWARE, KJ_IN_WOW, "Software\\Classes\\", "Classes\\Wow6432Node\\", true},
    {KJ_HIVE_SYSTEM, KJ_IN_SY, "CCS\\", "ControlSet*\\", false},
    {KJ_HIVE_SYSTEM, KJ_IN_SY, "System\\", "", false},
    {KJ_HIVE_USER, KJ_IN_NU, "", "", false},
    {KJ_HIVE_CLASSES, KJ_IN_UC, "Software\\Classes\\", "", false},
    {KJ_HIVE_SYSTEM_9X, KJ_IN_S9, "Software\\", "Software\\", false},
    {KJ_HIVE_SYSTEM_9X, KJ_IN_S9, "CCS\\", "System\\CurrentControlSet\\", false},
    {KJ_HIVE_CLASSES_9X, KJ_IN_S9, "Software\\Classes\\", "", false},
    {KJ_HIVE_USER_9X, KJ_IN_U9, "", "*\\", false},
};

static void search_hive(kj_autostart_finder *f, const kj_autostart_row *row,
                        const kj_autostart_place *place, uint32_t hive)
{
    const kj_hive *h = &f->system->hives[hive];
    kj_hive_role role = h->role == KJ_HIVE_COPY ? h->copy_of : h->role;
    if (!h->usable || (h->role == KJ_HIVE_COPY && !row->copies))
        return;
    for (size_t i = 0; i < KJ_COUNT(mappings); i++) {
        const struct mapping *m = &mappings[i];
        kj_span rest;
        if (m->role != role || !(m->in & place->in) ||
            !behind(kj_span_str(place->key), m->words, &rest))
            continue;
        const char *path = kj_arena_printf(f->system->arena, "%s%.*s", m->inside, (int)rest.len,
                                           (const char *)rest.data);
        search s = {f, row, place, hive, m->view32, {0}, NULL, !strchr(m->inside, '*'), 0};
        kj_autostart_trail root = {.key = h->registry.root};
        f->starved |= !path;
        if (path)
            search_keys(&s, &root, kj_span_str(path));
    }
}

/* ---- files
 * ------------------------------------------------------------------------------------------- */

typedef struct file_search {
    kj_autostart_finder *f;
    const kj_autostart_row *row;
    const kj_autostart_place *place;
    uint32_t profile;
} file_search;

static bool read_file(kj_autostart_finder *f, kj_span path, kj_buf *out)
{
    KJ_CLEANUP(kj_close_fd) int fd = -1;
    kj_error err;
    return kj_tree_open(f->system->tree, path, FILE_BYTES_MAX, &fd, NULL, &err) == KJ_OK &&
           kj_file_read_fd(fd, out, &err) == KJ_OK;
}

static kj_autostart line_entry(const file_search *s, const kj_node *node, uint32_t line)
{
    return (kj_autostart){
        .row = s->row,
        .spot = {.kind = KJ_SPOT_INI, .path = node->path, .line = line},
        .profile = s->profile,
    };
}

static void read_ini(const file_search *s, const kj_node *node, kj_span bytes)
{
    kj_autostart_finder *f = s->f;
    kj_arena *arena = f->system->arena;
    kj_ini ini = {0};
    kj_error err;
    kj_path_context context = {.profile = s->profile, .directory = f->system->windir};
    if (kj_ini_read(bytes, arena, &ini, &err) != KJ_OK)
        return;
    for (size_t i = 0; i < ini.count && !f->full; i++) {
        const kj_ini_entry *e = &ini.entries[i];
        kj_autostart_spend(f, 1);
        if (!kj_autostart_matches(arena, kj_span_str(s->place->key), e->section) ||
            !kj_autostart_matches(arena, kj_span_str(s->place->value), e->key))
            continue;
        kj_autostart entry = line_entry(s, node, e->line);
        entry.spot.entry = i;
        entry.spot.section = kj_autostart_copy(f, e->section);
        entry.spot.name = kj_autostart_copy(f, e->key);
        entry.spot.data = kj_autostart_copy(f, e->value);
        entry.name = entry.spot.name;
        if (kj_autostart_ini_is_mapped(f, kj_path_base(node->path), e->section, e->key))
            entry.flags |= KJ_AUTOSTART_STALE;
        emit_tokens(f, &entry, entry.spot.data, entry.name, &context);
    }
}

/* A line that says nothing to its reader. */
static bool is_remark(kj_span line)
{
    kj_span rest;
    return line.len == 0 || line.data[0] == '#' || line.data[0] == ';' ||
           behind(line, "rem ", &rest) || kj_text_equal_nocase(line, kj_span_str("rem")) ||
           behind(line, "::", &rest) || behind(line, "@echo", &rest);
}

static void read_text(const file_search *s, const kj_node *node, kj_span bytes)
{
    size_t pos = 0;
    uint32_t count = 0;
    kj_span line;
    while (next_part(bytes, "\n", &pos, &line) && ++count <= LINES_MAX && !s->f->full) {
        kj_span text = kj_text_trim(line);
        if (is_remark(text))
            continue;
        kj_autostart entry = line_entry(s, node, count);
        entry.spot.entry = count - 1;
        entry.spot.data = kj_autostart_copy(s->f, text);
        entry.name = kj_path_base(node->path);
        kj_path_context context = {.profile = s->profile, .directory = s->f->system->root};
        emit_tokens(s->f, &entry, entry.spot.data, entry.name, &context);
    }
}

static void found_itself(const file_search *s, const kj_node *node)
{
    kj_autostart entry = {
        .row = s->row,
        .spot = {.kind = KJ_SPOT_FILE, .path = node->path},
        .profile = s->profile,
        .name = kj_path_base(node->path),
        .file = *node,
    };
    const char *path = kj_system_winpath(s->f->system, node->path);
    s->f->starved |= !path;
    entry.target = kj_span_str(path);
    entry.command = entry.target;
    entry.token = entry.target;
    kj_autostart_emit(s->f, &entry);
}

static void found_file(void *user, const kj_node *node)
{
    const file_search *s = user;
    if (node->kind != KJ_NODE_FILE)
        return;
    kj_node kept = *node;
    kept.path = kj_autostart_copy(s->f, node->path);
    if (s->place->in & KJ_IN_FILE) {
        found_itself(s, &kept);
        return;
    }
    kj_buf bytes;
    kj_buf_init(&bytes, FILE_BYTES_MAX);
    if (read_file(s->f, kept.path, &bytes))
        (s->place->in & KJ_IN_INI ? read_ini : read_text)(s, &kept, kj_buf_span(&bytes));
    kj_buf_done(&bytes);
}

static void search_below(file_search *s, kj_span directory, const char *rest)
{
    kj_arena *arena = s->f->system->arena;
    kj_error err;
    const char *pattern =
        kj_arena_printf(arena, "%.*s%s%s", (int)directory.len, (const char *)directory.data,
                        directory.len ? "/" : "", rest);
    s->f->starved |= !pattern;
    /* a pattern with more files than FILES_MAX has told as many */
    if (pattern && kj_tree_glob(s->f->system->tree, kj_span_str(pattern), FILES_MAX, found_file, s,
                                &err) == KJ_NO_MEMORY)
        s->f->starved = true;
}

static void search_files(kj_autostart_finder *f, const kj_autostart_row *row,
                         const kj_autostart_place *place)
{
    const kj_system *system = f->system;
    file_search s = {f, row, place, KJ_REG_NONE};
    const char *rest = place->file + 2;
    if (place->file[0] == 'W')
        search_below(&s, system->windir, rest);
    else if (place->file[0] == 'R')
        search_below(&s, system->root, rest);
    for (uint32_t i = 0; place->file[0] == 'P' && i < system->profile_count; i++) {
        s.profile = i;
        if (system->profiles[i].path.len)
            search_below(&s, system->profiles[i].path, rest);
    }
}

/* ---- everything
 * -------------------------------------------------------------------------------------- */

static void find_row(kj_autostart_finder *f, const kj_autostart_row *row)
{
    if (row->extract) {
        row->extract(f, row);
        return;
    }
    for (size_t p = 0; p < KJ_AUTOSTART_PLACES_MAX && row->places[p].in; p++) {
        const kj_autostart_place *place = &row->places[p];
        if (place->file)
            search_files(f, row, place);
        for (uint32_t i = 0; !place->file && i < f->system->hive_count; i++)
            search_hive(f, row, place, i);
    }
}

kj_status kj_autostarts_find_within(const kj_system *system, bool all, uint64_t work_max,
                                    void (*found)(void *user, const kj_autostart *entry),
                                    void *user, uint64_t *out_work, kj_error *err)
{
    kj_autostart_finder f = {.system = system, .all = all, .found = found, .user = user};
    f.used_before = system->arena->used;
    f.work_max = work_max;
    f.why = "more places that start something than are looked at";
    for (size_t i = 0; i < kj_autostart_table_count && !f.full && !f.starved; i++)
        if (all || kj_autostart_table[i].restore != KJ_RESTORE_REPORT)
            find_row(&f, &kj_autostart_table[i]);
    kj_autostart_forget(&f);
    *out_work = f.work;
    if (f.starved)
        return kj_no_memory(err);
    if (f.full)
        return kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET, "%s", f.why);
    return KJ_OK;
}

kj_status kj_autostarts_find(const kj_system *system, bool all,
                             void (*found)(void *user, const kj_autostart *entry), void *user,
                             kj_error *err)
{
    uint64_t work;
    return kj_autostarts_find_within(system, all, KJ_AUTOSTART_WORK_MAX, found, user, &work, err);
}
