/* SPDX-License-Identifier: Apache-2.0 */
/* Artifacts in the registry and in INI files. Keys are looked up where advisories name them, in
 * every hive that may hold them: HKLM in SOFTWARE and SYSTEM with both views and every control set,
 * HKCU in every profile, HKCR in both places that it is merged of, and the copies that Windows
 * keeps. */
#include "base/arith.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/fold.h"
#include "base/path.h"
#include "base/text.h"
#include "host/inspect_private.h"

enum {
    /* Of one pattern in one hive: a hostile one has as many as it likes. */
    KEYS_MAX = 200000,       /* that are passed */
    VALUES_MAX = 100000,     /* that are looked at */
    TEXT_MAX = 1 << 20,      /* of a value's data */
    WORK_MAX = 3000000,      /* some seconds */
    DATA_MAX = 64 << 10,     /* bytes of a value's data that are looked at */
    COMPARED_MAX = 64 << 10, /* no artifact's is longer */
    INI_MAX = 1 << 20,
};

/* ---- data
 * ---------------------------------------------------------------------------------------- */

kj_inspector kj_inspector_of(const kj_system *system, const kj_inspect_options *options)
{
    kj_arena *arena = system->arena;
    char *dir = kj_arena_printf(arena, "%c:\\%.*s", system->drive, (int)system->windir.len,
                                (const char *)system->windir.data);
    return (kj_inspector){
        .system = system,
        .options = options,
        .arena = arena,
        .windir = kj_span_str(dir ? kj_winpath_normalize(arena, kj_span_str(dir)) : NULL),
    };
}

kj_span kj_inspect_comparable(kj_inspector *in, kj_span text)
{
    kj_span needle = in->windir;
    text = kj_span_sub(text, 0, COMPARED_MAX);
    kj_buf out;
    kj_buf_init(&out, 4 * TEXT_MAX);
    for (size_t at = 0; at < text.len;) {
        kj_span here = kj_span_sub(text, at, needle.len);
        uint8_t next = at + needle.len < text.len ? text.data[at + needle.len] : '\\';
        bool ends = !kj_is_alnum(next) && next != '_' && next != '.' && next != '-';
        if (needle.len && here.len == needle.len && ends && kj_text_equal_nocase(here, needle)) {
            kj_buf_put_text(&out, "%windir%");
            at += needle.len;
        } else {
            kj_buf_put_byte(&out, text.data[at++]);
        }
    }
    kj_span copy = kj_inspector_copy(in, kj_buf_span(&out));
    kj_buf_done(&out);
    return copy;
}

/* What the data starts, as a place; empty: nothing that is there. *out_file: looked at. */
static kj_span target_place(kj_inspector *in, kj_span data, const kj_path_context *context,
                            uint32_t *out_file)
{
    kj_command_target target = {0};
    kj_command_resolve(in->system, data, context, &target);
    in->work += target.work;
    if (target.file.path.len == 0)
        return (kj_span){0};
    *out_file = kj_inspect_file(in, &target.file);
    return kj_span_str(kj_system_place(in->system, target.file.path));
}

/* ---- facts
 * ---------------------------------------------------------------------------------------- */

static void clear_scratch(kj_inspector *in)
{
    for (size_t set = 0; set < in->options->set_count; set++)
        kj_sightings_clear(&in->scratch[set]);
}

/* A trace for every artifact of `scratch`, of the kind. */
static void add_traces(kj_inspector *in, const kj_trace *like)
{
    for (uint32_t set = 0; set < in->options->set_count; set++) {
        const kj_defs *defs = kj_inspector_set(in, set);
        for (uint32_t i = 0; i < defs->artifacts.count; i++) {
            if (!kj_sightings_has_artifact(&in->scratch[set], i))
                continue;
            const kj_disk_artifact *artifact = kj_defs_artifact(defs, i);
            kj_trace trace = *like;
            trace.set = set;
            trace.artifact = i;
            trace.threat = artifact->threat;
            trace.role = (kj_role)artifact->role;
            if (!trace.is_copy && trace.state != KJ_TRACE_VARIANT)
                kj_sightings_add_artifact(&in->seen[set], i);
            if (!kj_vec_add(&in->traces, trace))
                in->starved = true;
        }
        in->starved |= in->scratch[set].starved;
    }
}

typedef void kj_sight(const kj_defs *defs, const kj_entry_fact *fact, kj_sightings *seen);

/* The artifacts that an entry shows, as it is written and as the program that it leads to. */
static void sight(kj_inspector *in, const kj_entry_fact *fact, kj_span place, kj_sight *how)
{
    clear_scratch(in);
    kj_entry_fact by_place = *fact;
    by_place.data = place;
    for (size_t set = 0; set < in->options->set_count; set++) {
        how(in->options->sets[set], fact, &in->scratch[set]);
        if (place.len)
            how(in->options->sets[set], &by_place, &in->scratch[set]);
    }
}

kj_path_context kj_inspect_context(const kj_system *system, const kj_spot *spot)
{
    bool in_hive = spot->kind == KJ_SPOT_VALUE || spot->kind == KJ_SPOT_KEY;
    return (kj_path_context){.profile = in_hive ? system->hives[spot->hive].profile : KJ_REG_NONE};
}

/* ---- the registry
 * --------------------------------------------------------------------------------- */

/* Where a root of the registry is kept. `inside`: what stands before the rest of the path in that
 * hive;
 * `*` stands for any one key. */
static const struct mount {
    const char *root; /* folded, with what it must be followed by */
    kj_hive_role role;
    const char *inside;
} mounts[] = {
    {"hklm\\software", KJ_HIVE_SOFTWARE, ""},
    {"hklm\\software", KJ_HIVE_SOFTWARE, "Wow6432Node"},
    {"hklm\\software\\classes", KJ_HIVE_SOFTWARE, "Classes\\Wow6432Node"},
    {"hklm\\system\\currentcontrolset", KJ_HIVE_SYSTEM, "ControlSet*"},
    {"hklm\\system", KJ_HIVE_SYSTEM, ""},
    {"hkcu\\software\\classes", KJ_HIVE_CLASSES, ""},
    {"hkcu", KJ_HIVE_USER, ""},
    {"hku\\*", KJ_HIVE_USER, ""},
    {"hkcr", KJ_HIVE_SOFTWARE, "Classes"},
    {"hkcr", KJ_HIVE_SOFTWARE, "Classes\\Wow6432Node"},
    {"hkcr", KJ_HIVE_CLASSES, ""},
    {"hklm", KJ_HIVE_SYSTEM_9X, ""},
    {"hkcr", KJ_HIVE_SYSTEM_9X, "SOFTWARE\\Classes"},
    {"hkcr", KJ_HIVE_CLASSES_9X, "*"},
    {"hkcr", KJ_HIVE_CLASSES_9X, ""},
    {"hkcu", KJ_HIVE_USER_9X, "*"},
    {"hku", KJ_HIVE_USER_9X, ""},
};

static const char *const long_roots[][2] = {
    {"hkey_local_machine", "hklm"},
    {"hkey_current_user", "hkcu"},
    {"hkey_classes_root", "hkcr"},
    {"hkey_users", "hku"},
};

/* The pattern with a short root. The arena's. */
static kj_span short_root(kj_inspector *in, kj_span pattern)
{
    char *text = kj_winpath_normalize(in->arena, pattern);
    for (size_t i = 0; text && i < KJ_COUNT(long_roots); i++)
        if (kj_span_starts(kj_span_str(text), kj_span_str(long_roots[i][0])))
            text = kj_arena_printf(in->arena, "%s%s", long_roots[i][1],
                                   text + strlen(long_roots[i][0]));
    return kj_span_str(text);
}

/* What follows `root` in `path`; false when it is not below it. A `*` in the root takes one
 * component. */
static bool below(kj_span path, const char *root, kj_span *out_rest)
{
    kj_span want = kj_span_str(root);
    if (want.len && want.data[want.len - 1] == '*') {
        want.len -= 1;
        if (!kj_span_starts(path, want))
            return false;
        size_t end = kj_span_find(path, kj_span_str("\\"), want.len);
        *out_rest = end == SIZE_MAX ? (kj_span){0} : kj_span_sub(path, end + 1, SIZE_MAX);
        return true;
    }
    if (!kj_span_starts(path, want) || (path.len > want.len && path.data[want.len] != '\\'))
        return false;
    *out_rest = kj_span_sub(path, want.len + 1, SIZE_MAX);
    return true;
}

typedef struct key_search {
    kj_inspector *in;
    uint32_t hive;
    kj_span fact_place; /* the advisories' name of the key */
    size_t keys;
    size_t values;
} key_search;

/* Whether the search may go on; where it ends early is told once. */
static bool may_search(key_search *s)
{
    if (s->keys > KEYS_MAX || s->values > VALUES_MAX)
        return false;
    if (s->keys < KEYS_MAX && s->values < VALUES_MAX)
        return true;
    s->keys = KEYS_MAX + 1;
    kj_inspector *in = s->in;
    const char *shown = kj_system_show(in->system, in->system->hives[s->hive].path);
    kj_inspector_unseen(in, shown ? shown : "",
                        KJ_SENTENCE("it holds more keys and values at a threat's place than are "
                                    "looked at"));
    return false;
}

static bool is_value_of_text(uint32_t type)
{
    return type == KJ_REG_SZ || type == KJ_REG_EXPAND_SZ || type == KJ_REG_MULTI_SZ;
}

static kj_span name_of(kj_inspector *in, kj_reg_name name)
{
    kj_buf text;
    kj_buf_init(&text, TEXT_MAX);
    kj_reg_name_text(name, &text);
    kj_span copy = kj_inspector_copy(in, kj_buf_span(&text));
    kj_buf_done(&text);
    return copy;
}

/* The path of a key below the one at `above`, with its name as it is stored. Built on the way down:
 * what a hive says of a key's parent may be anything. */
static kj_span key_below(key_search *s, kj_span above, kj_reg_key key)
{
    kj_reg_key_info info;
    if (key == KJ_REG_NONE || !kj_registry_key(&s->in->system->hives[s->hive].registry, key, &info))
        return above;
    kj_buf text;
    kj_buf_init(&text, TEXT_MAX);
    kj_buf_put(&text, above);
    kj_buf_put_byte(&text, '\\');
    kj_reg_name_text(info.name, &text);
    kj_span copy = kj_inspector_copy(s->in, kj_buf_span(&text));
    kj_buf_done(&text);
    return copy;
}

/* Leaves in `scratch` the artifacts that are of this key and name, but not of this data. */
static void sight_near(kj_inspector *in, const kj_entry_fact *fact)
{
    for (size_t set = 0; set < in->options->set_count; set++) {
        kj_sightings *scratch = &in->scratch[set];
        kj_sightings alike;
        if (kj_sightings_init(&alike, in->options->sets[set], NULL) != KJ_OK) {
            in->starved = true;
            kj_sightings_clear(scratch);
            continue;
        }
        kj_sight_registry_near(in->options->sets[set], fact, &alike);
        kj_sightings_remove(&alike, scratch);
        kj_sightings_clear(scratch);
        kj_sightings_merge(scratch, &alike);
        kj_sightings_done(&alike);
    }
}

static void look_at_value(key_search *s, kj_reg_key key, kj_span shown, const kj_reg_value *value)
{
    kj_inspector *in = s->in;
    const kj_hive *hive = &in->system->hives[s->hive];
    kj_buf text;
    kj_buf_init(&text, TEXT_MAX);
    kj_reg_value head = *value; /* a command that is longer is none */
    head.data = kj_span_sub(head.data, 0, DATA_MAX);
    (void)kj_reg_value_text(&hive->registry, &head, &text);
    kj_trace trace = {
        .kind = KJ_ARTIFACT_REGISTRY,
        .is_copy = hive->role == KJ_HIVE_COPY,
        .spot = {.kind = KJ_SPOT_VALUE,
                 .path = hive->path,
                 .hive = s->hive,
                 .key = key,
                 .key_path = shown,
                 .value = *value,
                 .name = name_of(in, value->name),
                 .data = kj_inspector_copy(in, kj_buf_span(&text))},
        .file = KJ_NONE,
        .autostart = KJ_NONE,
    };
    kj_buf_done(&text);
    kj_path_context context = kj_inspect_context(in->system, &trace.spot);
    kj_span place = {0};
    if (is_value_of_text(value->type) && trace.spot.data.len)
        place = target_place(in, trace.spot.data, &context, &trace.file);
    kj_entry_fact fact = {
        .place = s->fact_place,
        .name = trace.spot.name,
        .data = kj_inspect_comparable(in, trace.spot.data),
    };
    sight(in, &fact, place, kj_sight_registry);
    add_traces(in, &trace);
    if (trace.is_copy)
        return;
    sight_near(in, &fact);
    trace.state = KJ_TRACE_VARIANT;
    add_traces(in, &trace);
}

/* A hostile hive has as many values as it likes, each of which leads over the whole disk. */
static bool may_work(kj_inspector *in, size_t data_len)
{
    in->work += 1 + kj_min_size(data_len, DATA_MAX) / 32;
    if (in->work <= WORK_MAX)
        return true;
    kj_inspector_unseen(
        in, "",
        KJ_SENTENCE("the registry holds more values where threats leave theirs than "
                    "can be looked at; the rest was not"));
    return false;
}

static void look_at_key(key_search *s, kj_reg_key key, kj_span shown)
{
    kj_inspector *in = s->in;
    const kj_hive *hive = &in->system->hives[s->hive];
    kj_reg_iter it = {0};
    kj_reg_value value;
    kj_inspector_point before = kj_inspector_save(in);
    while (!kj_inspector_stopped(in) &&
           kj_registry_next_value(&hive->registry, key, &it, in->arena, &value) && may_search(s)) {
        if (!may_work(in, value.data.len))
            return;
        s->values++;
        look_at_value(s, key, shown, &value);
        kj_inspector_go_back(in, before);
        before = kj_inspector_save(in);
    }
}

/* Every key at `path` below `key`, `*` standing for any characters of one name. */
static void search_keys(key_search *s, kj_reg_key key, kj_span shown, kj_span path)
{
    const kj_registry *reg = &s->in->system->hives[s->hive].registry;
    size_t end = kj_span_find(path, kj_span_str("\\"), 0);
    kj_span part = kj_span_sub(path, 0, end);
    kj_span rest = end == SIZE_MAX ? (kj_span){0} : kj_span_sub(path, end + 1, SIZE_MAX);
    if (key == KJ_REG_NONE)
        return;
    if (part.len == 0) {
        look_at_key(s, key, shown);
        return;
    }
    if (!memchr(part.data, '*', part.len)) {
        kj_reg_key below = kj_registry_find(reg, key, part);
        search_keys(s, below, key_below(s, shown, below), rest);
        return;
    }
    const char *pattern = kj_fold_text(s->in->arena, part);
    kj_reg_iter it = {0};
    kj_reg_key_info info;
    kj_inspector_point before = kj_inspector_save(s->in);
    while (pattern && kj_registry_next_subkey(reg, key, &it, &info) && may_search(s)) {
        s->keys++;
        kj_span name = name_of(s->in, info.name);
        const char *folded = kj_fold_text(s->in->arena, name);
        if (folded && kj_wildcard_match(kj_span_str(pattern), kj_span_str(folded)))
            search_keys(s, info.key, key_below(s, shown, info.key), rest);
        kj_inspector_go_back(s->in, before);
        before = kj_inspector_save(s->in);
    }
}

static void look_up(kj_inspector *in, kj_span pattern, const struct mount *mount, kj_span rest)
{
    for (uint32_t i = 0; i < in->system->hive_count; i++) {
        const kj_hive *hive = &in->system->hives[i];
        kj_hive_role role = hive->role == KJ_HIVE_COPY ? hive->copy_of : hive->role;
        if (role != mount->role || !hive->usable)
            continue;
        const char *path = kj_arena_printf(in->arena, "%s%s%.*s", mount->inside,
                                           *mount->inside && rest.len ? "\\" : "", (int)rest.len,
                                           (const char *)rest.data);
        if (!path) {
            in->starved = true;
            return;
        }
        key_search search = {.in = in, .hive = i, .fact_place = pattern};
        search_keys(&search, hive->registry.root, hive->mount, kj_span_str(path));
    }
}

/* Whether an earlier artifact of any set named the same key. */
static bool is_known(const kj_span *known, size_t count, kj_span pattern)
{
    for (size_t i = 0; i < count; i++)
        if (kj_span_equal(known[i], pattern))
            return true;
    return false;
}

static kj_status collect_patterns(kj_inspector *in, kj_span **out, size_t *out_count, kj_error *err)
{
    KJ_VEC(kj_span) list = {0};
    bool ok = true;
    for (size_t set = 0; set < in->options->set_count; set++) {
        const kj_defs *defs = in->options->sets[set];
        for (uint32_t i = 0; i < defs->artifacts.count; i++) {
            const kj_disk_artifact *artifact = kj_defs_artifact(defs, i);
            if (artifact->kind != KJ_ARTIFACT_REGISTRY)
                continue;
            uint32_t count = kj_defs_run_count(defs, artifact->patterns, 2);
            for (uint32_t k = 0; k < count; k++) {
                kj_span pattern = short_root(in, kj_defs_run_text(defs, artifact->patterns, k));
                if (!is_known(list.items, list.count, pattern))
                    ok &= kj_vec_add(&list, pattern);
            }
        }
    }
    *out = kj_new_array(in->arena, kj_span, list.count + 1);
    if (*out && list.count)
        memcpy(*out, list.items, list.count * sizeof **out);
    *out_count = list.count;
    kj_vec_done(&list);
    return *out && ok ? KJ_OK : kj_no_memory(err);
}

kj_status kj_inspect_registry(kj_inspector *in, kj_error *err)
{
    kj_span *patterns = NULL;
    size_t count = 0;
    KJ_TRY(collect_patterns(in, &patterns, &count, err));
    for (size_t i = 0; i < count && !kj_inspector_stopped(in); i++) {
        for (size_t m = 0; m < KJ_COUNT(mounts); m++) {
            kj_span rest = {0};
            if (below(patterns[i], mounts[m].root, &rest))
                look_up(in, patterns[i], &mounts[m], rest);
        }
    }
    return KJ_OK;
}

/* ---- INI files
 * ------------------------------------------------------------------------------------ */

static void look_at_entry(kj_inspector *in, const kj_node *node, kj_span place, const kj_ini *ini,
                          size_t index)
{
    const kj_ini_entry *entry = &ini->entries[index];
    kj_trace trace = {
        .kind = KJ_ARTIFACT_INI,
        .spot = {.kind = KJ_SPOT_INI,
                 .path = node->path,
                 .entry = index,
                 .section = entry->section,
                 .name = entry->key,
                 .data = entry->value,
                 .line = entry->line},
        .file = KJ_NONE,
        .autostart = KJ_NONE,
    };
    kj_entry_fact fact = {
        .place = place,
        .section = entry->section,
        .name = entry->key,
        .data = kj_inspect_comparable(in, entry->value),
    };
    sight(in, &fact, (kj_span){0}, kj_sight_ini);
    add_traces(in, &trace);
}

static kj_status read_ini(kj_inspector *in, const kj_node *node, kj_ini *out, kj_error *err)
{
    kj_span bytes;
    KJ_TRY(kj_tree_read(in->system->tree, node->path, INI_MAX, in->arena, &bytes, NULL, err));
    return kj_ini_read(bytes, in->arena, out, err);
}

static void found_ini(void *user, const kj_node *node)
{
    kj_inspector *in = user;
    if (node->kind != KJ_NODE_FILE)
        return;
    kj_ini ini;
    kj_error err = {0};
    kj_inspector_point before = kj_inspector_save(in);
    char *place = kj_system_place(in->system, node->path);
    if (!place || read_ini(in, node, &ini, &err) != KJ_OK) {
        char *shown = kj_system_show(in->system, node->path);
        kj_inspector_unseen(in, shown ? shown : "", err.message);
        return;
    }
    kj_node kept = *node;
    kept.path = kj_inspector_copy(in, node->path);
    for (size_t i = 0; i < ini.count; i++) {
        kj_inspector_point point = kj_inspector_save(in);
        look_at_entry(in, &kept, kj_span_str(place), &ini, i);
        kj_inspector_go_back(in, point);
    }
    kj_inspector_go_back(in, before);
}

kj_status kj_inspect_ini(kj_inspector *in, kj_error *err)
{
    KJ_VEC(kj_span) known = {0};
    kj_status status = KJ_OK;
    for (size_t set = 0; set < in->options->set_count; set++) {
        const kj_defs *defs = in->options->sets[set];
        for (uint32_t i = 0; status == KJ_OK && i < defs->artifacts.count; i++) {
            const kj_disk_artifact *artifact = kj_defs_artifact(defs, i);
            uint32_t count = artifact->kind == KJ_ARTIFACT_INI
                                 ? kj_defs_run_count(defs, artifact->patterns, 2)
                                 : 0;
            for (uint32_t k = 0; status == KJ_OK && k < count; k++) {
                kj_span pattern = kj_defs_run_text(defs, artifact->patterns, k);
                char *path = kj_inspect_tree_pattern(in, pattern);
                if (!path || is_known(known.items, known.count, pattern))
                    continue;
                if (!kj_vec_add(&known, pattern))
                    in->starved = true;
                status = kj_inspector_glob(in, path, found_ini, in, err);
            }
        }
    }
    kj_vec_done(&known);
    return status;
}

/* ---- tasks, services, startup entries
 * ----------------------------------------------------------------- */

static kj_artifact_kind kind_of(const kj_autostart *entry)
{
    const char *category = kj_autostart_row_category(entry->row);
    if (strcmp(category, "services") == 0)
        return KJ_ARTIFACT_SERVICE;
    if (strcmp(category, "tasks") == 0)
        return KJ_ARTIFACT_TASK;
    return KJ_ARTIFACT_STARTUP;
}

/* The names by which an advisory may know an entry: as it is, without the folders before it,
 * without the ending of a file of tasks. */
static size_t names_of(const kj_autostart *entry, kj_artifact_kind kind, kj_span out[3])
{
    kj_span stem, base = kj_path_base(entry->name);
    size_t count = 0;
    out[count++] = entry->name;
    if (base.len != entry->name.len)
        out[count++] = base;
    if (kind == KJ_ARTIFACT_TASK &&
        kj_text_equal_nocase(kj_path_extension(base, &stem), kj_span_str("job")))
        out[count++] = stem;
    return count;
}

/* The file that stands for the entry: the one in the startup folder, the task's own. */
static uint32_t own_file(kj_inspector *in, const kj_autostart *entry)
{
    kj_node node;
    if (entry->spot.kind != KJ_SPOT_FILE ||
        !kj_tree_find(in->system->tree, entry->spot.path, &node, NULL))
        return KJ_NONE;
    return kj_inspect_file(in, &node);
}

static void look_at_named(kj_inspector *in, uint32_t index, kj_artifact_kind kind)
{
    const kj_host_autostart *item = &in->autostarts.items[index];
    const kj_autostart *entry = &item->entry;
    kj_span names[3], target = kj_inspect_comparable(in, entry->command);
    if (item->file != KJ_NONE)
        target = in->files.items[item->file].place;
    clear_scratch(in);
    size_t count = names_of(entry, kind, names);
    for (size_t i = 0; i < count; i++) {
        kj_named_fact fact = {kind, names[i], target};
        for (size_t set = 0; set < in->options->set_count; set++)
            kj_sight_named(in->options->sets[set], &fact, &in->scratch[set]);
    }
    kj_trace trace = {
        .kind = kind,
        .is_copy = (entry->flags & KJ_AUTOSTART_COPY) != 0,
        .spot = entry->spot,
        .file = entry->spot.kind == KJ_SPOT_FILE ? own_file(in, entry) : item->file,
        .autostart = index,
    };
    add_traces(in, &trace);
}

static bool wants_kind(const kj_inspector *in, kj_artifact_kind kind)
{
    for (size_t set = 0; set < in->options->set_count; set++)
        for (uint32_t i = 0; i < in->options->sets[set]->artifacts.count; i++)
            if (kj_defs_artifact(in->options->sets[set], i)->kind == kind)
                return true;
    return false;
}

kj_status kj_inspect_named(kj_inspector *in, kj_error *err)
{
    (void)err;
    for (uint32_t i = 0; i < in->autostarts.count && !kj_inspector_stopped(in); i++) {
        const kj_autostart *entry = &in->autostarts.items[i].entry;
        kj_artifact_kind kind = kind_of(entry);
        if (kind == KJ_ARTIFACT_STARTUP && entry->spot.kind != KJ_SPOT_FILE)
            continue;
        if (wants_kind(in, kind))
            look_at_named(in, i, kind);
    }
    return KJ_OK;
}

/* ---- which part of a list
 * ------------------------------------------------------------------------- */

enum {
    TOKENS_MAX = 256,
    RUN_MAX = 16, /* tokens that are one command or a path with blanks */
};

/* Whether `part` alone shows the trace's artifact. */
static bool shows(kj_inspector *in, const kj_trace *trace, const kj_entry_fact *like, kj_span part)
{
    kj_sightings seen;
    const kj_defs *defs = kj_inspector_set(in, trace->set);
    if (kj_sightings_init(&seen, defs, NULL) != KJ_OK)
        return false;
    kj_entry_fact fact = *like;
    kj_command_target target = {0};
    kj_path_context context = kj_inspect_context(in->system, &trace->spot);
    kj_command_resolve(in->system, part, &context, &target);
    const char *place = target.file.path.len ? kj_system_place(in->system, target.file.path) : NULL;
    kj_span readings[] = {kj_inspect_comparable(in, part), kj_span_str(place)};
    for (size_t i = 0; i < KJ_COUNT(readings); i++) {
        fact.data = readings[i];
        if (fact.data.len && trace->kind == KJ_ARTIFACT_INI)
            kj_sight_ini(defs, &fact, &seen);
        else if (fact.data.len)
            kj_sight_registry(defs, &fact, &seen);
    }
    bool has = kj_sightings_has_artifact(&seen, trace->artifact);
    kj_sightings_done(&seen);
    return has;
}

static size_t find_tokens(kj_span data, kj_span out[TOKENS_MAX])
{
    size_t count = 0, pos = 0;
    while (count < TOKENS_MAX && kj_ini_next_token(data, &pos, &out[count]))
        count++;
    return count;
}

bool kj_trace_token(const kj_inspection *inspection, const kj_trace *trace, size_t *out_start,
                    size_t *out_len)
{
    kj_inspector in = kj_inspector_of(inspection->system, inspection->options);
    const kj_defs *defs = kj_inspector_set(&in, trace->set);
    const kj_disk_artifact *artifact = kj_defs_artifact(defs, trace->artifact);
    if (!artifact || artifact->data.count == 0) /* whatever it holds: no part by itself */
        return false;
    kj_span tokens[TOKENS_MAX];
    size_t count = find_tokens(trace->spot.data, tokens);
    kj_entry_fact like = {
        .place = kj_defs_run_text(defs, artifact->patterns, 0),
        .section = trace->spot.section,
        .name = trace->spot.name,
    };
    for (size_t run = 1; run <= count && run <= RUN_MAX; run++) {
        for (size_t first = 0; first + run <= count; first++) {
            const uint8_t *start = tokens[first].data;
            kj_span last = tokens[first + run - 1];
            kj_span part = kj_span_of(start, (size_t)(last.data + last.len - start));
            if (!shows(&in, trace, &like, part))
                continue;
            *out_start = (size_t)(start - trace->spot.data.data);
            *out_len = part.len;
            return true;
        }
    }
    return false;
}
