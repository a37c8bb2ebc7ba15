/* SPDX-License-Identifier: Apache-2.0 */
#include "host/inspect.h"

#include "base/arith.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "defs/hash_sets.h"
#include "host/inspect_private.h"

enum { UNSEEN_MAX = 1000, SIGNED_MAX = 256 << 20, SIGNATURE_BUDGET = 64 << 20 };

const char *kj_trace_state_name(kj_trace_state state)
{
    static const char *const names[KJ_TRACE_STATE_COUNT] = {
        [KJ_TRACE_ACTIVE] = "active",
        [KJ_TRACE_DORMANT] = "dormant",
        [KJ_TRACE_REMNANT] = "remnant",
        [KJ_TRACE_VARIANT] = "variant",
    };
    return state < KJ_TRACE_STATE_COUNT ? names[state] : "?";
}

bool kj_inspector_stopped(kj_inspector *in)
{
    return in->options->stopped && in->options->stopped(in->options->user);
}

void kj_inspector_unseen(kj_inspector *in, const char *where, const char *sentence)
{
    if (in->unseen.count > UNSEEN_MAX)
        return;
    for (size_t i = 0; i < in->unseen.count; i++)
        if (kj_span_is(in->unseen.items[i].where, where) &&
            strcmp(in->unseen.items[i].sentence, sentence) == 0)
            return; /* asked for once more */
    if (in->unseen.count == UNSEEN_MAX) {
        where = "";
        sentence = KJ_SENTENCE("more was not looked at than can be listed");
    }
    kj_host_unseen item = {
        .where = kj_inspector_copy(in, kj_span_str(where)),
        .sentence = kj_arena_strdup(in->arena, sentence),
    };
    if (!item.sentence || !kj_vec_add(&in->unseen, item))
        in->starved = true;
}

kj_span kj_inspector_copy(kj_inspector *in, kj_span text)
{
    char *copy = kj_arena_text(in->arena, text);
    in->starved |= !copy;
    return (kj_span){(const uint8_t *)copy, copy ? text.len : 0};
}

kj_inspector_point kj_inspector_save(const kj_inspector *in)
{
    return (kj_inspector_point){kj_arena_get_mark(in->arena), in->traces.count, in->files.count,
                                in->unseen.count};
}

void kj_inspector_go_back(kj_inspector *in, kj_inspector_point point)
{
    if (in->traces.count == point.traces && in->files.count == point.files &&
        in->unseen.count == point.unseen)
        kj_arena_rewind(in->arena, point.mark);
}

/* ---- what starts by itself
 * -------------------------------------------------------------------------- */

static void found_autostart(void *user, const kj_autostart *entry)
{
    kj_inspector *in = user;
    kj_host_autostart item = {.entry = *entry, .file = KJ_NONE};
    if (!kj_vec_add(&in->autostarts, item))
        in->starved = true;
}

static kj_status look_at_autostarts(kj_inspector *in, kj_error *err)
{
    kj_error limit = {0};
    kj_status status = kj_autostarts_find(in->system, true, found_autostart, in, &limit);
    if (status == KJ_LIMIT)
        kj_inspector_unseen(in, "", limit.message);
    else if (status != KJ_OK)
        return kj_fail(err, status, limit.offset, "%s", limit.message);
    for (size_t i = 0; i < in->autostarts.count; i++) {
        kj_host_autostart *item = &in->autostarts.items[i];
        kj_node own;
        if (kj_inspector_stopped(in))
            break;
        if (item->entry.file.path.len)
            item->file = kj_inspect_file(in, &item->entry.file);
        /* The shortcut or the task, too: it goes with what it starts. */
        if (item->entry.spot.kind == KJ_SPOT_FILE &&
            kj_tree_find(in->system->tree, item->entry.spot.path, &own, NULL))
            (void)kj_inspect_file(in, &own);
    }
    return KJ_OK;
}

static kj_signed look_at_signature(kj_inspector *in, const kj_host_file *file, kj_buf *bytes,
                                   const char **out_signer)
{
    KJ_CLEANUP(kj_close_fd) int fd = -1;
    kj_error err;
    kj_buf_clear(bytes);
    if (!file->type || strcmp(file->type, "pe") != 0 ||
        kj_tree_open(in->system->tree, file->node.path, SIGNED_MAX, &fd, NULL, &err) != KJ_OK ||
        kj_file_read_fd(fd, bytes, &err) != KJ_OK)
        return KJ_SIGNED_UNKNOWN;
    kj_arena scratch;
    kj_arena_init(&scratch, SIGNATURE_BUDGET);
    const char *signer = NULL;
    kj_signed is_signed = kj_pe_signer(kj_buf_span(bytes), &scratch, &signer);
    *out_signer = signer ? kj_arena_strdup(in->arena, signer) : NULL;
    kj_arena_done(&scratch);
    return is_signed;
}

typedef struct signature {
    kj_signed is_signed;
    const char *signer;
} signature;

/* Who signed the programs that start. Many entries lead to few programs: each is looked at once. */
static void look_at_signatures(kj_inspector *in)
{
    kj_buf bytes;
    kj_buf_init(&bytes, SIGNED_MAX);
    signature *known = kj_new_array(in->arena, signature, in->files.count + 1);
    for (size_t i = 0; known && i < in->files.count && !kj_inspector_stopped(in); i++)
        known[i].is_signed = look_at_signature(in, &in->files.items[i], &bytes, &known[i].signer);
    for (size_t i = 0; known && i < in->autostarts.count; i++) {
        kj_host_autostart *item = &in->autostarts.items[i];
        if (item->file == KJ_NONE)
            continue;
        item->is_signed = known[item->file].is_signed;
        item->signer = known[item->file].signer;
    }
    in->starved |= !known;
    kj_buf_done(&bytes);
}

/* Whether the entry will really start something. */
static bool is_live(const kj_autostart *entry)
{
    return !kj_autostart_is_dead(entry) &&
           kj_autostart_row_restore(entry->row) != KJ_RESTORE_REPORT;
}

/* ---- content
 * ---------------------------------------------------------------------------------------- */

/* Whether a trace stands for the file already. */
static bool has_trace(const kj_inspector *in, uint32_t file)
{
    for (size_t i = 0; i < in->traces.count; i++) {
        const kj_trace *trace = &in->traces.items[i];
        if (trace->kind == KJ_ARTIFACT_FILE && trace->file == file)
            return true;
    }
    return false;
}

/* Files in which something was detected that is no artifact. */
static void add_content_traces(kj_inspector *in)
{
    for (uint32_t i = 0; i < in->files.count; i++) {
        const kj_host_file *file = &in->files.items[i];
        if (file->hit_count == 0 || has_trace(in, i))
            continue;
        const kj_host_hit *hit = &file->hits[0];
        const kj_disk_detect *detect = kj_defs_detect(kj_inspector_set(in, hit->set), hit->detect);
        kj_trace trace = {
            .set = hit->set,
            .artifact = KJ_NONE,
            .threat = detect ? detect->threat : KJ_NONE,
            .kind = KJ_ARTIFACT_FILE,
            .role = KJ_ROLE_BODY,
            .is_proven = true,
            .is_copy = file->is_copy,
            .spot = {.kind = KJ_SPOT_FILE, .path = file->node.path},
            .file = i,
            .autostart = KJ_NONE,
        };
        if (!kj_vec_add(&in->traces, trace))
            in->starved = true;
    }
}

/* ---- threats
 * ----------------------------------------------------------------------------------------- */

typedef struct telling {
    kj_inspector *in;
    uint32_t set;
} telling;

static void add_threat(kj_inspector *in, uint32_t set, uint32_t index)
{
    const kj_defs *defs = kj_inspector_set(in, set);
    kj_detection detection;
    if (!kj_defs_detection(defs, index, &detection))
        return;
    for (size_t i = 0; i < in->threats.count; i++)
        if (in->threats.items[i].set == set &&
            kj_span_equal(in->threats.items[i].name, detection.name))
            return;
    kj_host_threat threat = {
        .set = set,
        .threat = detection.detect ? detection.detect->threat : KJ_NONE,
        .detect = index,
        .name = kj_inspector_copy(in, detection.name),
        .klass = detection.klass,
        .state = KJ_TRACE_REMNANT,
    };
    if (threat.name.len && !kj_vec_add(&in->threats, threat))
        in->starved = true;
}

static void holds(void *user, uint32_t detect)
{
    telling *t = user;
    add_threat(t->in, t->set, detect);
}

static kj_status find_threats(kj_inspector *in, kj_error *err)
{
    for (uint32_t set = 0; set < in->options->set_count; set++) {
        telling t = {in, set};
        KJ_TRY(kj_sightings_detects(&in->seen[set], kj_inspector_set(in, set), holds, &t, err));
    }
    for (size_t i = 0; i < in->files.count; i++)
        for (size_t k = 0; k < in->files.items[i].hit_count; k++)
            add_threat(in, in->files.items[i].hits[k].set, in->files.items[i].hits[k].detect);
    return KJ_OK;
}

/* ---- states
 * ------------------------------------------------------------------------------------------ */

/* Whether an autostart leads to the file, or is it. */
static bool is_started(const kj_inspector *in, uint32_t file)
{
    for (size_t i = 0; i < in->autostarts.count; i++) {
        const kj_host_autostart *item = &in->autostarts.items[i];
        if (!is_live(&item->entry))
            continue;
        bool is_it = item->entry.spot.kind == KJ_SPOT_FILE &&
                     kj_span_equal(item->entry.spot.path, in->files.items[file].node.path);
        if (item->file == file || is_it)
            return true;
    }
    return false;
}

/* Whether a registry or INI entry that an advisory names starts the file: the worm's own entry
 * counts although no row of the table knows its place. */
static bool is_hooked(const kj_inspector *in, uint32_t file)
{
    for (size_t i = 0; i < in->traces.count; i++) {
        const kj_trace *trace = &in->traces.items[i];
        if (trace->kind != KJ_ARTIFACT_FILE && trace->role == KJ_ROLE_AUTOSTART &&
            !trace->is_copy && trace->state != KJ_TRACE_VARIANT && trace->file == file)
            return true;
    }
    return false;
}

static kj_trace_state state_of(const kj_inspector *in, const kj_trace *trace)
{
    if (trace->state == KJ_TRACE_VARIANT)
        return KJ_TRACE_VARIANT;
    if (trace->is_copy)
        return KJ_TRACE_DORMANT;
    if (trace->kind == KJ_ARTIFACT_FILE) {
        if (trace->role != KJ_ROLE_BODY && trace->role != KJ_ROLE_NONE &&
            trace->role != KJ_ROLE_AUTOSTART)
            return KJ_TRACE_REMNANT;
        return is_started(in, trace->file) || is_hooked(in, trace->file) ? KJ_TRACE_ACTIVE
                                                                         : KJ_TRACE_DORMANT;
    }
    if (trace->autostart != KJ_NONE && !is_live(&in->autostarts.items[trace->autostart].entry))
        return KJ_TRACE_DORMANT;
    if (trace->role != KJ_ROLE_AUTOSTART)
        return KJ_TRACE_REMNANT;
    /* An INI entry's token may name its program in any of many ways: it counts as live. */
    bool leads_somewhere = trace->file != KJ_NONE || trace->kind == KJ_ARTIFACT_INI;
    return leads_somewhere ? KJ_TRACE_ACTIVE : KJ_TRACE_REMNANT;
}

/* Whether a detection of that name is about the artifact. */
static bool is_anchor(const kj_defs *defs, kj_span name, uint32_t threat, uint32_t artifact)
{
    for (uint32_t i = 0; i < defs->detects.count; i++) {
        const kj_disk_detect *detect = kj_defs_detect(defs, i);
        if (detect->threat != threat || !kj_span_equal(kj_defs_name(defs, &detect->name), name))
            continue;
        uint32_t count = detect->anchors.count;
        const uint32_t *anchors = kj_defs_words(defs, detect->anchors.first, count);
        for (uint32_t k = 0; anchors && k < count; k++)
            if (anchors[k] == artifact)
                return true;
    }
    return false;
}

static bool is_hit_by(const kj_host_file *file, kj_span name)
{
    for (size_t i = 0; i < file->hit_count; i++)
        if (kj_span_equal(file->hits[i].name, name))
            return true;
    return false;
}

static bool has_chief_name(const kj_inspection *inspection, const kj_host_threat *threat)
{
    const kj_defs *defs = inspection->options->sets[threat->set];
    const kj_disk_threat *disk = kj_defs_threat(defs, threat->threat);
    return disk && kj_span_equal(kj_defs_name(defs, &disk->name), threat->name);
}

/* Whether the threat is told under the name of its advisory; when none is, the first one counts as
 * such, for what no name is about has to be told under one. */
static bool is_chief(const kj_inspection *inspection, const kj_host_threat *threat)
{
    if (has_chief_name(inspection, threat))
        return true;
    for (size_t i = 0; i < inspection->threat_count; i++) {
        const kj_host_threat *other = &inspection->threats[i];
        if (other != threat && other->set == threat->set && other->threat == threat->threat &&
            (other < threat || has_chief_name(inspection, other)))
            return false;
    }
    return true;
}

static bool is_of_another_name(const kj_inspection *inspection, const kj_host_threat *threat,
                               const kj_trace *trace)
{
    const kj_defs *defs = inspection->options->sets[threat->set];
    bool own = is_anchor(defs, threat->name, threat->threat, trace->artifact);
    for (size_t i = 0; !own && i < inspection->threat_count; i++) {
        const kj_host_threat *other = &inspection->threats[i];
        if (other != threat && other->set == threat->set && other->threat == threat->threat &&
            is_anchor(defs, other->name, other->threat, trace->artifact))
            return true;
    }
    return false;
}

bool kj_threat_has(const kj_inspection *inspection, const kj_host_threat *threat,
                   const kj_trace *trace)
{
    if (trace->set != threat->set)
        return false;
    if (trace->artifact == KJ_NONE || threat->threat == KJ_NONE)
        return trace->file != KJ_NONE && is_hit_by(&inspection->files[trace->file], threat->name);
    if (trace->threat != threat->threat)
        return false;
    if (is_chief(inspection, threat))
        return !is_of_another_name(inspection, threat, trace);
    return is_anchor(inspection->options->sets[threat->set], threat->name, threat->threat,
                     trace->artifact);
}

bool kj_spot_equal(const kj_spot *a, const kj_spot *b)
{
    if (a->kind != b->kind || !kj_span_equal(a->path, b->path))
        return false;
    switch (a->kind) {
    case KJ_SPOT_VALUE:
        return a->hive == b->hive && a->key == b->key && a->value.id == b->value.id;
    case KJ_SPOT_KEY:
        return a->hive == b->hive && a->key == b->key;
    case KJ_SPOT_INI:
        return a->line == b->line;
    case KJ_SPOT_FILE:
        return true;
    }
    return false;
}

/* A value that every Windows has, or one that an advisory recognised, is no variant of anything. */
static bool is_no_variant(const kj_inspector *in, const kj_trace *trace)
{
    const kj_autostart_row *row = kj_autostart_row_of(&trace->spot);
    if (row && kj_autostart_row_restore(row) == KJ_RESTORE_DEFAULT)
        return true;
    for (size_t i = 0; i < in->traces.count; i++) {
        const kj_trace *other = &in->traces.items[i];
        if (other->state != KJ_TRACE_VARIANT && !other->is_copy &&
            kj_spot_equal(&other->spot, &trace->spot))
            return true;
    }
    return false;
}

static void drop_variants(kj_inspector *in)
{
    size_t kept = 0;
    for (size_t i = 0; i < in->traces.count; i++) {
        kj_trace trace = in->traces.items[i];
        if (trace.state != KJ_TRACE_VARIANT || !is_no_variant(in, &trace))
            in->traces.items[kept++] = trace;
    }
    in->traces.count = kept;
}

/* The program in an entry's list that the artifact is about. */
static void find_programs(kj_inspector *in)
{
    const kj_inspection view = {.system = in->system, .options = in->options};
    for (size_t i = 0; i < in->traces.count; i++) {
        kj_trace *trace = &in->traces.items[i];
        size_t start = 0, len = 0;
        if (trace->spot.kind == KJ_SPOT_FILE || trace->role != KJ_ROLE_AUTOSTART ||
            trace->state == KJ_TRACE_VARIANT || !kj_trace_token(&view, trace, &start, &len))
            continue;
        kj_command_target target = {0};
        kj_path_context context = kj_inspect_context(in->system, &trace->spot);
        kj_command_resolve(in->system, kj_span_sub(trace->spot.data, start, len), &context,
                           &target);
        if (target.file.path.len)
            trace->file = kj_inspect_file(in, &target.file);
    }
}

/* Another advisory's word for what is told already. */
static void drop_other_words(kj_inspector *in)
{
    size_t kept = 0, count = in->traces.count;
    for (size_t i = 0; i < count; i++) {
        kj_trace trace = in->traces.items[i];
        bool told = false;
        for (size_t k = 0; k < count && !trace.is_proven && !told; k++) {
            /* What was kept moved down: behind `kept` and before `i` are copies of it, no harm. */
            const kj_trace *other = &in->traces.items[k];
            told = other->is_proven && kj_spot_equal(&other->spot, &trace.spot);
        }
        if (!told)
            in->traces.items[kept++] = trace;
    }
    in->traces.count = kept;
}

static void settle(kj_inspector *in)
{
    const kj_inspection view = {
        .system = in->system,
        .options = in->options,
        .traces = in->traces.items,
        .trace_count = in->traces.count,
        .threats = in->threats.items,
        .threat_count = in->threats.count,
        .files = in->files.items,
        .file_count = in->files.count,
    };
    for (size_t i = 0; i < in->traces.count; i++)
        in->traces.items[i].state = state_of(in, &in->traces.items[i]);
    for (size_t t = 0; t < in->threats.count; t++) {
        kj_host_threat *threat = &in->threats.items[t];
        for (size_t i = 0; i < in->traces.count; i++) {
            kj_trace *trace = &in->traces.items[i];
            if (trace->state == KJ_TRACE_VARIANT || !kj_threat_has(&view, threat, trace))
                continue;
            trace->is_proven = true;
            if (trace->state < threat->state)
                threat->state = trace->state;
        }
    }
    drop_other_words(in);
}

/* ---- the whole
 * --------------------------------------------------------------------------------------- */

static void tell_hives(kj_inspector *in)
{
    for (size_t i = 0; i < in->system->hive_count; i++) {
        const kj_hive *hive = &in->system->hives[i];
        if (!hive->trouble)
            continue;
        char *shown = kj_system_show(in->system, hive->path);
        kj_inspector_unseen(in, shown ? shown : "", hive->trouble);
    }
}

static kj_status look(kj_inspector *in, kj_error *err)
{
    tell_hives(in);
    KJ_TRY(look_at_autostarts(in, err));
    if (in->options->signatures)
        look_at_signatures(in);
    KJ_TRY(kj_inspect_places(in, err));
    KJ_TRY(kj_inspect_registry(in, err));
    KJ_TRY(kj_inspect_ini(in, err));
    KJ_TRY(kj_inspect_named(in, err));
    if (in->options->every_file)
        KJ_TRY(kj_inspect_every_file(in, err));
    drop_variants(in);
    find_programs(in);
    KJ_TRY(find_threats(in, err));
    KJ_TRY(kj_inspect_restore_points(in, err));
    add_content_traces(in);
    settle(in);
    return in->starved || in->arena->failed ? kj_no_memory(err) : KJ_OK;
}

/* The items of a vector as an array of the arena. */
static const void *keep(kj_inspector *in, const void *items, size_t count, size_t size)
{
    void *copy = kj_arena_alloc_array(in->arena, count + 1, size);
    if (copy && count)
        memcpy(copy, items, count * size);
    in->starved |= !copy;
    return copy;
}

#define KEEP(in, vec) keep((in), (vec).items, (vec).count, sizeof *(vec).items)

static kj_status hand_over(kj_inspector *in, kj_inspection *out, kj_error *err)
{
    *out = (kj_inspection){
        .system = in->system,
        .options = in->options,
        .traces = KEEP(in, in->traces),
        .trace_count = in->traces.count,
        .threats = KEEP(in, in->threats),
        .threat_count = in->threats.count,
        .autostarts = KEEP(in, in->autostarts),
        .autostart_count = in->autostarts.count,
        .files = KEEP(in, in->files),
        .file_count = in->files.count,
        .unseen = KEEP(in, in->unseen),
        .unseen_count = in->unseen.count,
        .is_partial = kj_inspector_stopped(in),
    };
    if (in->starved)
        return kj_no_memory(err);
    memcpy(out->seen, in->seen, sizeof out->seen);
    memset(in->seen, 0, sizeof in->seen);
    return KJ_OK;
}

static kj_status begin(kj_inspector *in, kj_error *err)
{
    for (size_t set = 0; set < in->options->set_count; set++) {
        KJ_TRY(kj_sightings_init(&in->seen[set], in->options->sets[set], err));
        KJ_TRY(kj_sightings_init(&in->scratch[set], in->options->sets[set], err));
    }
    in->scanner = kj_scanner_new(in->options->sets, in->options->set_count, &in->options->limits);
    return in->scanner ? KJ_OK : kj_no_memory(err);
}

static void finish(kj_inspector *in)
{
    for (size_t set = 0; set < in->options->set_count; set++) {
        kj_sightings_done(&in->seen[set]);
        kj_sightings_done(&in->scratch[set]);
    }
    kj_scanner_free(in->scanner);
    kj_vec_done(&in->traces);
    kj_vec_done(&in->threats);
    kj_vec_done(&in->autostarts);
    kj_vec_done(&in->files);
    kj_vec_done(&in->hits);
    kj_vec_done(&in->unseen);
    free(in->slots.slots);
}

kj_status kj_inspect(const kj_system *system, const kj_inspect_options *options, kj_inspection *out,
                     kj_error *err)
{
    kj_inspector in = kj_inspector_of(system, options);
    kj_status status = begin(&in, err);
    if (status == KJ_OK)
        status = look(&in, err);
    if (status == KJ_OK)
        status = hand_over(&in, out, err);
    finish(&in);
    return status;
}

void kj_inspection_done(kj_inspection *inspection)
{
    for (size_t set = 0; inspection->options && set < inspection->options->set_count; set++)
        kj_sightings_done(&inspection->seen[set]);
    *inspection = (kj_inspection){0};
}

bool kj_inspection_found(const kj_inspection *inspection)
{
    for (size_t i = 0; i < inspection->trace_count; i++)
        if (inspection->traces[i].is_proven && !inspection->traces[i].is_copy)
            return true;
    return false;
}
