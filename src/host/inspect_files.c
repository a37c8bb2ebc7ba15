/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arith.h"
#include "base/cleanup.h"
#include "base/crc32c.h"
#include "base/fold.h"
#include "base/text.h"
#include "host/inspect_private.h"

enum {
    FIRST_SLOTS = 256,
    PLACE_FILES_MAX = 10000, /* of one pattern */
};

/* ---- which files were looked at -----------------------------------------------------------------
 */

static size_t slot_of(const kj_inspector *in, kj_span path)
{
    size_t mask = in->slots.count - 1;
    for (size_t at = kj_crc32c(path) & mask;; at = (at + 1) & mask) {
        uint32_t held = in->slots.slots[at];
        if (held == 0 || kj_span_equal(in->files.items[held - 1].node.path, path))
            return at;
    }
}

static bool grow_slots(kj_inspector *in)
{
    if (in->slots.count && (in->slots.used + 1) * 2 <= in->slots.count)
        return true;
    size_t count = in->slots.count ? in->slots.count * 2 : FIRST_SLOTS;
    uint32_t *slots = calloc(count, sizeof *slots);
    if (!slots)
        return false;
    free(in->slots.slots);
    in->slots.slots = slots;
    in->slots.count = count;
    for (uint32_t i = 0; i < in->files.count; i++)
        slots[slot_of(in, in->files.items[i].node.path)] = i + 1;
    return true;
}

uint32_t kj_inspected_file(const kj_inspector *in, kj_span path)
{
    uint32_t held = in->slots.count ? in->slots.slots[slot_of(in, path)] : 0;
    return held ? held - 1 : KJ_NONE;
}

/* ---- one file -----------------------------------------------------------------------------------
 */

typedef struct looking {
    kj_inspector *in;
    uint32_t file;
} looking;

static void on_finding(void *user, const kj_finding *finding)
{
    looking *l = user;
    kj_host_hit hit = {
        .name = kj_inspector_copy(l->in, finding->name),
        .klass = finding->klass,
        .set = finding->set,
        .detect = finding->detect,
        .member = kj_inspector_copy(l->in, finding->member),
    };
    if (!kj_vec_add(&l->in->hits, hit))
        l->in->starved = true;
}

static void on_unseen(void *user, kj_status why, kj_span member, const char *sentence)
{
    looking *l = user;
    (void)why;
    kj_buf where;
    kj_buf_init(&where, 64 << 10);
    kj_buf_put(&where, l->in->files.items[l->file].shown);
    if (member.len) {
        kj_buf_put_byte(&where, '!');
        kj_buf_put(&where, member);
    }
    kj_inspector_unseen(l->in, kj_buf_text(&where), sentence);
    kj_buf_done(&where);
}

/* An artifact is the file itself: what an archive holds is not on the system yet. */
static void on_sighting(void *user, uint32_t set, uint32_t artifact, kj_span member)
{
    looking *l = user;
    const kj_host_file *file = &l->in->files.items[l->file];
    const kj_disk_artifact *disk = kj_defs_artifact(kj_inspector_set(l->in, set), artifact);
    if (member.len || !disk || file->is_copy)
        return;
    kj_sightings_add_artifact(&l->in->seen[set], artifact);
    kj_trace trace = {
        .set = set,
        .artifact = artifact,
        .threat = disk->threat,
        .kind = KJ_ARTIFACT_FILE,
        .role = (kj_role)disk->role,
        .spot = {.kind = KJ_SPOT_FILE, .path = file->node.path},
        .file = l->file,
        .autostart = KJ_NONE,
    };
    if (!kj_vec_add(&l->in->traces, trace))
        l->in->starved = true;
}

/* Likewise: what is in an archive is not on the system yet. */
static void on_matched(void *user, uint32_t set, uint32_t rule, bool is_member)
{
    looking *l = user;
    if (!is_member && !l->in->files.items[l->file].is_copy)
        kj_sightings_add_rule(&l->in->seen[set], rule);
}

static void on_object(void *user, bool is_member, const char *type, uint64_t bytes)
{
    looking *l = user;
    (void)bytes;
    if (!is_member)
        l->in->files.items[l->file].type = type;
}

/* Takes out what was found in an object that is known to be good. Findings of one object stand
 * together. */
static size_t drop_trusted(kj_host_hit *hits, size_t count)
{
    size_t kept = 0;
    for (size_t from = 0, to; from < count; from = to) {
        bool trusted = false;
        for (to = from; to < count && kj_span_equal(hits[to].member, hits[from].member); to++)
            trusted |= hits[to].klass == KJ_CLASS_TRUSTED;
        for (size_t i = from; !trusted && i < to; i++)
            hits[kept++] = hits[i];
    }
    return kept;
}

static void scan_open_file(kj_inspector *in, uint32_t index, int fd)
{
    looking l = {in, index};
    kj_scan_events events = {
        .user = &l,
        .finding = on_finding,
        .unseen = on_unseen,
        .sighting = on_sighting,
        .matched = on_matched,
        .object = on_object,
    };
    const kj_host_file *file = &in->files.items[index];
    kj_scan_input input = {
        .path = file->shown,
        .host_path = file->is_copy ? (kj_span){0} : file->place,
        .fd = fd,
        .size = file->node.size,
    };
    in->hits.count = 0;
    kj_error err = {0};
    const char *shown = (const char *)file->shown.data;
    if (kj_scan_file(in->scanner, &input, &events, &err) != KJ_OK)
        kj_inspector_unseen(in, shown, err.message);
    in->hits.count = drop_trusted(in->hits.items, in->hits.count);
    kj_host_hit *hits = kj_new_array(in->arena, kj_host_hit, in->hits.count + 1);
    if (hits && in->hits.count)
        memcpy(hits, in->hits.items, in->hits.count * sizeof *hits);
    in->starved |= !hits;
    kj_host_file *done = &in->files.items[index];
    done->hits = hits;
    done->hit_count = hits ? in->hits.count : 0;
    uint64_t size = 0;
    if (kj_sha256_fd(fd, done->sha256, &size, &err) == KJ_OK && size == done->node.size)
        done->has_sha256 = true;
    else
        kj_inspector_unseen(in, shown, "it changed while it was looked at");
}

static uint32_t look_at(kj_inspector *in, const kj_node *node, bool is_copy)
{
    if (node->kind != KJ_NODE_FILE || kj_inspector_stopped(in))
        return KJ_NONE;
    uint32_t known = kj_inspected_file(in, node->path);
    if (known != KJ_NONE)
        return known;
    char *shown = kj_system_show(in->system, node->path);
    char *place = kj_system_place(in->system, node->path);
    if (!shown || !place || !grow_slots(in)) {
        in->starved = true;
        return KJ_NONE;
    }
    KJ_CLEANUP(kj_close_fd) int fd = -1;
    kj_error err = {0};
    kj_host_file file = {
        .shown = kj_span_str(shown), .place = kj_span_str(place), .is_copy = is_copy};
    if (kj_tree_open(in->system->tree, node->path, in->options->limits.file_bytes, &fd, &file.node,
                     &err) != KJ_OK) {
        kj_inspector_unseen(in, shown, err.message);
        return KJ_NONE;
    }
    file.node.path = kj_inspector_copy(in, node->path);
    if (in->options->progress)
        in->options->progress(in->options->user, shown);
    if (!kj_vec_add(&in->files, file)) {
        in->starved = true;
        return KJ_NONE;
    }
    uint32_t index = (uint32_t)in->files.count - 1;
    in->slots.slots[slot_of(in, file.node.path)] = index + 1;
    in->slots.used++;
    scan_open_file(in, index, fd);
    return index;
}

/* Whether System Restore keeps the file, whoever came upon it. */
static bool is_kept(const kj_inspector *in, kj_span path)
{
    static const char *const folders[] = {"System Volume Information/", "_RESTORE/"};
    kj_span root = in->system->root;
    if (root.len && kj_span_starts(path, root))
        path = kj_span_sub(path, root.len + 1, SIZE_MAX);
    for (size_t i = 0; i < KJ_COUNT(folders); i++) {
        kj_span folder = kj_span_str(folders[i]);
        if (kj_text_equal_nocase(kj_span_sub(path, 0, folder.len), folder))
            return true;
    }
    return false;
}

uint32_t kj_inspect_file(kj_inspector *in, const kj_node *node)
{
    return look_at(in, node, is_kept(in, node->path));
}

/* ---- the places of artifacts
 * ---------------------------------------------------------------------- */

char *kj_inspect_tree_pattern(kj_inspector *in, kj_span pattern)
{
    static const struct {
        const char *prefix;
        bool windir;
    } starts[] = {{"%windir%", true}, {"c:", false}};
    for (size_t i = 0; i < KJ_COUNT(starts); i++) {
        kj_span prefix = kj_span_str(starts[i].prefix);
        if (!kj_span_starts(pattern, prefix))
            continue;
        char *rest = kj_arena_text(in->arena, kj_span_sub(pattern, prefix.len, SIZE_MAX));
        for (char *c = rest; c && *c; c++)
            if (*c == '\\')
                *c = '/';
        kj_span above = starts[i].windir ? in->system->windir : in->system->root;
        if (!rest || above.len == 0)
            return rest && *rest == '/' ? rest + 1 : rest;
        return kj_arena_printf(in->arena, "%.*s%s", (int)above.len, (const char *)above.data, rest);
    }
    return NULL;
}

kj_status kj_inspector_glob(kj_inspector *in, const char *pattern,
                            void (*found)(void *user, const kj_node *node), void *user,
                            kj_error *err)
{
    kj_status status =
        kj_tree_glob(in->system->tree, kj_span_str(pattern), PLACE_FILES_MAX, found, user, err);
    if (status != KJ_LIMIT && status != KJ_IO)
        return status;
    kj_inspector_unseen(in, pattern, err->message);
    return KJ_OK;
}

typedef struct place_search {
    kj_inspector *in;
    const kj_disk_artifact *artifact;
    const kj_defs *defs;
} place_search;

static void found_place(void *user, const kj_node *node)
{
    place_search *s = user;
    if (node->kind == KJ_NODE_FILE && kj_defs_run_has_size(s->defs, s->artifact->sizes, node->size))
        (void)kj_inspect_file(s->in, node);
}

static kj_status look_at_places(kj_inspector *in, const kj_defs *defs, uint32_t index,
                                kj_error *err)
{
    const kj_disk_artifact *artifact = kj_defs_artifact(defs, index);
    if (!artifact || artifact->kind != KJ_ARTIFACT_FILE)
        return KJ_OK;
    place_search search = {in, artifact, defs};
    uint32_t count = kj_defs_run_count(defs, artifact->patterns, 2);
    for (uint32_t i = 0; i < count; i++) {
        char *pattern = kj_inspect_tree_pattern(in, kj_defs_run_text(defs, artifact->patterns, i));
        if (pattern)
            KJ_TRY(kj_inspector_glob(in, pattern, found_place, &search, err));
    }
    return KJ_OK;
}

kj_status kj_inspect_places(kj_inspector *in, kj_error *err)
{
    for (size_t set = 0; set < in->options->set_count; set++) {
        const kj_defs *defs = in->options->sets[set];
        for (uint32_t i = 0; i < defs->artifacts.count && !kj_inspector_stopped(in); i++)
            KJ_TRY(look_at_places(in, defs, i, err));
    }
    return KJ_OK;
}

typedef struct directory_search {
    void (*found)(void *user, const kj_node *node);
    void *user;
} directory_search;

static void found_directory(void *user, const kj_node *node)
{
    const directory_search *s = user;
    if (node->kind == KJ_NODE_DIR)
        s->found(s->user, node);
}

kj_status kj_inspect_directories(const kj_inspection *inspection, uint32_t set, uint32_t artifact,
                                 void (*found)(void *user, const kj_node *node), void *user,
                                 kj_error *err)
{
    kj_inspector in = kj_inspector_of(inspection->system, inspection->options);
    kj_status status = KJ_OK;
    const kj_defs *defs = inspection->options->sets[set];
    const kj_disk_artifact *disk = kj_defs_artifact(defs, artifact);
    uint32_t count =
        disk && disk->kind == KJ_ARTIFACT_FILE ? kj_defs_run_count(defs, disk->patterns, 2) : 0;
    directory_search search = {found, user};
    for (uint32_t i = 0; status == KJ_OK && i < count; i++) {
        char *pattern = kj_inspect_tree_pattern(&in, kj_defs_run_text(defs, disk->patterns, i));
        if (pattern)
            status = kj_inspector_glob(&in, pattern, found_directory, &search, err);
    }
    kj_vec_done(&in.unseen); /* was told when the files there were looked at */
    return status;
}

/* ---- System Restore
 * ------------------------------------------------------------------------------- */

/* Whether some body of a detected threat has this size. */
static bool may_be_body(const kj_inspector *in, uint64_t size, uint32_t *out_set,
                        uint32_t *out_artifact)
{
    for (size_t t = 0; t < in->threats.count; t++) {
        const kj_host_threat *threat = &in->threats.items[t];
        const kj_defs *defs = kj_inspector_set(in, threat->set);
        for (uint32_t i = 0; i < defs->artifacts.count; i++) {
            const kj_disk_artifact *a = kj_defs_artifact(defs, i);
            if (!a || a->kind != KJ_ARTIFACT_FILE || a->threat != threat->threat ||
                a->role != KJ_ROLE_BODY || a->sizes.count == 0 ||
                !kj_defs_run_has_size(defs, a->sizes, size))
                continue;
            *out_set = threat->set;
            *out_artifact = i;
            return true;
        }
    }
    return false;
}

/* A kept file has lost its name and place; size and type remain, and what its content shows. */
static void found_kept(void *user, const kj_node *node)
{
    kj_inspector *in = user;
    uint32_t set = 0, artifact = 0;
    if (node->kind != KJ_NODE_FILE || !may_be_body(in, node->size, &set, &artifact))
        return;
    uint32_t file = look_at(in, node, true);
    if (file == KJ_NONE)
        return;
    const kj_defs *defs = kj_inspector_set(in, set);
    const kj_disk_artifact *a = kj_defs_artifact(defs, artifact);
    const kj_host_file *kept = &in->files.items[file];
    if (a->type.len && !(kept->type && kj_span_is(kj_defs_text(defs, a->type), kept->type)))
        return;
    kj_trace trace = {
        .set = set,
        .artifact = artifact,
        .threat = a->threat,
        .kind = KJ_ARTIFACT_FILE,
        .role = (kj_role)a->role,
        .is_copy = true,
        .spot = {.kind = KJ_SPOT_FILE, .path = kept->node.path},
        .file = file,
        .autostart = KJ_NONE,
    };
    if (!kj_vec_add(&in->traces, trace))
        in->starved = true;
}

kj_status kj_inspect_restore_points(kj_inspector *in, kj_error *err)
{
    static const char *const patterns[] = {
        "System Volume Information/_restore*/RP*/A*", /* XP */
        "_RESTORE/TEMP/A*",                           /* ME */
        "_RESTORE/ARCHIVE/*",
    };
    for (size_t i = 0; in->threats.count && i < KJ_COUNT(patterns); i++) {
        kj_span above = in->system->root;
        char *pattern =
            kj_arena_printf(in->arena, "%.*s%s%s", (int)above.len, (const char *)above.data,
                            above.len ? "/" : "", patterns[i]);
        if (!pattern)
            return kj_no_memory(err);
        KJ_TRY(kj_inspector_glob(in, pattern, found_kept, in, err));
    }
    return KJ_OK;
}

/* ---- everything
 * ------------------------------------------------------------------------------------ */

static bool enter(void *user, const kj_node *directory)
{
    kj_inspector *in = user;
    (void)directory;
    return !kj_inspector_stopped(in);
}

/* Forgets the file that was looked at last: nothing was to be said of it. */
static void forget_last(kj_inspector *in, kj_arena_mark mark)
{
    const kj_host_file *last = &in->files.items[in->files.count - 1];
    in->slots.slots[slot_of(in, last->node.path)] = 0; /* the newest: no search goes on behind it */
    in->slots.used--;
    in->files.count--;
    kj_arena_rewind(in->arena, mark);
}

static void found_any(void *user, const kj_node *node)
{
    kj_inspector *in = user;
    if (node->kind != KJ_NODE_FILE || kj_inspected_file(in, node->path) != KJ_NONE)
        return;
    kj_arena_mark mark = kj_arena_get_mark(in->arena);
    size_t traces = in->traces.count, unseen = in->unseen.count;
    uint32_t file = kj_inspect_file(in, node);
    if (file != KJ_NONE && in->files.items[file].hit_count == 0 && in->traces.count == traces &&
        in->unseen.count == unseen)
        forget_last(in, mark);
}

static void not_listed(void *user, kj_span path, const kj_error *err)
{
    kj_inspector *in = user;
    char *shown = kj_system_show(in->system, path);
    kj_inspector_unseen(in, shown ? shown : "", err->message);
}

kj_status kj_inspect_every_file(kj_inspector *in, kj_error *err)
{
    kj_tree_walk walk = {in, enter, found_any, not_listed};
    return kj_tree_walk_below(in->system->tree, (kj_span){0}, &walk, err);
}
