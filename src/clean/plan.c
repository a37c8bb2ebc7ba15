/* SPDX-License-Identifier: Apache-2.0 */
#include "clean/plan.h"

#include "base/arith.h"
#include "base/hash.h"
#include "base/path.h"
#include "base/text.h"
#include "clean/plan_private.h"

#include <stdio.h>

const char *kj_deed_name(kj_deed deed)
{
    static const char *const names[KJ_DEED_COUNT] = {
        [KJ_DEED_QUARANTINE] = "quarantine",
        [KJ_DEED_DELETE_VALUE] = "delete-value",
        [KJ_DEED_DELETE_KEY] = "delete-key",
        [KJ_DEED_SET_VALUE] = "set-value",
        [KJ_DEED_SET_INI] = "set-ini",
        [KJ_DEED_DELETE_INI] = "delete-ini",
        [KJ_DEED_DISABLE_SERVICE] = "disable-service",
        [KJ_DEED_REMOVE_DIRECTORY] = "remove-directory",
        [KJ_DEED_REPORT] = "report",
        [KJ_DEED_MANUAL] = "manual",
    };
    return deed < KJ_DEED_COUNT ? names[deed] : "?";
}

/* ---- actions
 * ---------------------------------------------------------------------------------------- */

static const kj_inspection *inspection_of(const kj_planner *p, const kj_action *action)
{
    return &p->inspections[action->system];
}

/* The earlier action that sees to the spot; NULL. */
static kj_action *find_covering(const kj_planner *p, uint32_t system, const kj_spot *spot)
{
    for (size_t i = 0; i < p->actions.count; i++) {
        kj_action *other = &p->actions.items[i];
        if (other->system == system && other->status != KJ_ACTION_REPORT &&
            other->status != KJ_ACTION_MANUAL && kj_spot_equal(&other->spot, spot))
            return other;
    }
    return NULL;
}

static bool is_covered(const kj_planner *p, uint32_t system, const kj_spot *spot)
{
    return find_covering(p, system, spot) != NULL;
}

static void refuse(kj_action *action, const char *sentence)
{
    action->status = KJ_ACTION_REFUSED;
    action->refused = sentence;
}

static void add(kj_planner *p, const kj_action *action)
{
    if (!kj_vec_add(&p->actions, *action))
        p->starved = true;
}

/* ---- what a list keeps
 * --------------------------------------------------------------------------------- */

/* `data` without bytes `start` to `start + len`, the quotes around them, and the separators on one
 * side. */
static const char *without(kj_arena *arena, kj_span data, size_t start, size_t len)
{
    size_t end = start + len;
    if (start > 0 && end < data.len && data.data[start - 1] == '"' && data.data[end] == '"') {
        start--;
        end++;
    }
    size_t before = start, after = end;
    while (before > 0 && kj_is_list_separator(data.data[before - 1]))
        before--;
    while (after < data.len && kj_is_list_separator(data.data[after]))
        after++;
    if (before > 0 && after == data.len)
        start = before;
    else
        end = after;
    return kj_arena_printf(arena, "%.*s%.*s", (int)start, (const char *)data.data,
                           (int)(data.len - end), (const char *)data.data + end);
}

/* `data` without every part that shows the trace's artifact; NULL when none does. */
static const char *without_trace(kj_planner *p, const kj_inspection *inspection,
                                 const kj_trace *trace, kj_span data)
{
    kj_trace rest = *trace;
    rest.spot.data = data;
    const char *left = NULL;
    size_t start = 0, len = 0;
    while (kj_trace_token(inspection, &rest, &start, &len)) {
        left = without(p->arena, rest.spot.data, start, len);
        p->starved |= !left;
        rest.spot.data = kj_span_str(left);
    }
    return left;
}

static bool ends_part(kj_span data, size_t at)
{
    return at >= data.len || kj_is_list_separator(data.data[at]) || data.data[at] == '"';
}

/* Where `token` stands in a list, and not in the middle of a longer one; SIZE_MAX. */
static size_t find_listed(kj_span data, kj_span token)
{
    size_t at = token.len ? kj_span_find(data, token, 0) : SIZE_MAX;
    while (at != SIZE_MAX &&
           !((at == 0 || ends_part(data, at - 1)) && ends_part(data, at + token.len)))
        at = kj_span_find(data, token, at + 1);
    return at;
}

static const char *without_listed(kj_planner *p, kj_span data, kj_span token)
{
    size_t at = find_listed(data, token);
    if (at == SIZE_MAX)
        return NULL;
    const char *left = without(p->arena, data, at, token.len);
    p->starved |= !left;
    return left;
}

static void set_rest(kj_action *action, const char *left)
{
    enum { LIST_MAX = 20 << 10 }; /* bytes: of longer ones not all may have been looked at */
    if (action->spot.kind == KJ_SPOT_VALUE && action->spot.value.data.len > LIST_MAX)
        refuse(action, KJ_SENTENCE("the value is too long to be a list of programs"));
    else if (left)
        action->becomes = left;
    else
        refuse(action,
               KJ_SENTENCE("the part of the list that starts it cannot be told from the rest"));
}

/* The entry keeps what is not the threat's. */
static void remove_token(kj_planner *p, kj_action *action)
{
    const kj_inspection *inspection = inspection_of(p, action);
    set_rest(action, action->trace == KJ_NONE
                         ? NULL
                         : without_trace(p, inspection, &inspection->traces[action->trace],
                                         action->spot.data));
}

/* Whether the action takes a part out of a list, which may hold parts of other threats. */
static bool is_cut(const kj_action *action)
{
    return action->status == KJ_ACTION_PLANNED && action->becomes &&
           (action->what == KJ_DO_REMOVE_TOKEN || action->deed == KJ_DEED_SET_INI);
}

/* ---- one action
 * ------------------------------------------------------------------------------------------ */

static void restore_default(kj_planner *p, kj_action *action)
{
    const kj_inspection *inspection = inspection_of(p, action);
    if (action->spot.kind == KJ_SPOT_INI) { /* the part that is not the threat's is the default */
        action->deed = KJ_DEED_SET_INI;
        remove_token(p, action);
        return;
    }
    action->deed = KJ_DEED_SET_VALUE;
    action->risk = KJ_RISK_MEDIUM;
    action->risk_why = action->what == KJ_DO_SET_VALUE
                           ? KJ_SENTENCE("it becomes what the advisory says")
                           : KJ_SENTENCE("it becomes what Windows has there by itself");
    const kj_autostart_row *row = kj_autostart_row_of(&action->spot);
    if (action->to.len) {
        action->becomes = kj_arena_text(p->arena, action->to);
        p->starved |= !action->becomes;
        return;
    }
    const char *normal =
        row ? kj_autostart_default(row, inspection->system, action->spot.name) : NULL;
    action->becomes = normal;
    if (normal)
        return;
    if (row && kj_autostart_row_restore(row) != KJ_RESTORE_DEFAULT) {
        action->deed = KJ_DEED_DELETE_VALUE; /* Windows has none by itself */
        return;
    }
    action->deed = KJ_DEED_MANUAL;
    action->status = KJ_ACTION_MANUAL;
    action->refused = KJ_SENTENCE("what Windows has there by itself is not known: set it by hand");
}

static void protect(kj_planner *p, kj_action *action)
{
    const kj_inspection *inspection = inspection_of(p, action);
    const kj_host_file *file = &inspection->files[action->file];
    if (file->node.links > 2) { /* a name and its 8.3 name are two on NTFS */
        action->risk = KJ_RISK_MEDIUM;
        action->risk_why = KJ_SENTENCE("the file has other names, too: they stay");
    }
    if (!kj_is_protected(file->place))
        return;
    action->risk = KJ_RISK_HIGH;
    action->risk_why = KJ_SENTENCE("Windows may not start without a file of this name");
    if (!p->options->allow_system)
        refuse(action,
               KJ_SENTENCE("it is a part of Windows; --allow-system removes it all the same"));
}

/* What the deed is for that spot. */
static void shape(kj_planner *p, kj_action *action)
{
    bool is_ini = action->spot.kind == KJ_SPOT_INI;
    switch (action->what) {
    case KJ_DO_QUARANTINE:
    case KJ_DO_REMOVE_TASK:
        action->deed = KJ_DEED_QUARANTINE;
        action->phase = KJ_PHASE_FILES;
        if (action->file == KJ_NONE || action->spot.kind != KJ_SPOT_FILE)
            refuse(action, KJ_SENTENCE("there is no file that could be moved"));
        else
            protect(p, action);
        return;
    case KJ_DO_DELETE_VALUE:
        action->deed = is_ini ? KJ_DEED_DELETE_INI : KJ_DEED_DELETE_VALUE;
        return;
    case KJ_DO_DELETE_INI:
        action->deed = KJ_DEED_DELETE_INI;
        return;
    case KJ_DO_REMOVE_TOKEN:
        action->deed = is_ini ? KJ_DEED_SET_INI : KJ_DEED_SET_VALUE;
        remove_token(p, action);
        return;
    case KJ_DO_RESTORE_DEFAULT:
    case KJ_DO_SET_VALUE:
        restore_default(p, action);
        return;
    case KJ_DO_DISABLE_SERVICE:
        action->deed = KJ_DEED_DISABLE_SERVICE;
        return;
    case KJ_DO_REMOVE_EMPTY_DIR:
        action->deed = KJ_DEED_REMOVE_DIRECTORY;
        action->phase = KJ_PHASE_FILES;
        return;
    case KJ_DO_MANUAL:
        action->deed = KJ_DEED_MANUAL;
        action->status = KJ_ACTION_MANUAL;
        action->phase = KJ_PHASE_REPORT;
        return;
    case KJ_DO_REPORT:
    case KJ_DO_COUNT:
        break;
    }
    action->deed = KJ_DEED_REPORT;
    action->status = KJ_ACTION_REPORT;
    action->phase = KJ_PHASE_REPORT;
}

static kj_action action_on(const kj_inspection *inspection, uint32_t system, uint32_t trace_index)
{
    const kj_trace *trace = &inspection->traces[trace_index];
    return (kj_action){
        .system = system,
        .set = trace->set,
        .threat = trace->threat,
        .trace = trace_index,
        .autostart = trace->autostart,
        .file = trace->file,
        .spot = trace->spot,
        .step = KJ_NONE,
    };
}

/* ---- remedies
 * -------------------------------------------------------------------------------------------- */

static bool is_detected(const kj_inspection *inspection, uint32_t set, uint32_t threat)
{
    for (size_t i = 0; i < inspection->threat_count; i++)
        if (inspection->threats[i].set == set && inspection->threats[i].threat == threat)
            return true;
    return false;
}

typedef struct directory_adding {
    kj_planner *planner;
    kj_action like;
} directory_adding;

static void found_directory(void *user, const kj_node *node)
{
    directory_adding *d = user;
    kj_action action = d->like;
    const char *path = kj_arena_text(d->planner->arena, node->path);
    action.spot = (kj_spot){.kind = KJ_SPOT_FILE, .path = {(const uint8_t *)path, node->path.len}};
    action.directory = *node;
    action.directory.path = action.spot.path;
    d->planner->starved |= !path;
    if (!is_covered(d->planner, action.system, &action.spot))
        add(d->planner, &action);
}

/* A folder is no trace by itself: it is looked for when its turn comes. */
static kj_status add_directories(kj_planner *p, uint32_t system, uint32_t set,
                                 const kj_disk_remedy *remedy, kj_error *err)
{
    const kj_inspection *inspection = &p->inspections[system];
    const kj_defs *defs = inspection->options->sets[set];
    uint32_t count = kj_defs_run_count(defs, remedy->of, 1);
    const uint32_t *of = kj_defs_words(defs, remedy->of.first, count);
    directory_adding d = {
        .planner = p,
        .like = {.system = system,
                 .what = KJ_DO_REMOVE_EMPTY_DIR,
                 .why = KJ_WHY_REMEDY,
                 .set = set,
                 .threat = remedy->threat,
                 .trace = KJ_NONE,
                 .autostart = KJ_NONE,
                 .file = KJ_NONE,
                 .step = KJ_NONE},
    };
    shape(p, &d.like);
    for (uint32_t i = 0; of && i < count; i++)
        KJ_TRY(kj_inspect_directories(inspection, set, of[i], found_directory, &d, err));
    return KJ_OK;
}

/* A list that loses one part already loses the trace's, too. */
static void cut_more(kj_planner *p, kj_action *earlier, uint32_t trace_index)
{
    const kj_inspection *inspection = inspection_of(p, earlier);
    const kj_trace *trace = &inspection->traces[trace_index];
    if (!is_cut(earlier) || trace->artifact == KJ_NONE)
        return;
    const char *left = without_trace(p, inspection, trace, kj_span_str(earlier->becomes));
    if (left)
        earlier->becomes = left;
}

static void add_remedy(kj_planner *p, uint32_t system, uint32_t set, const kj_disk_remedy *remedy)
{
    const kj_inspection *inspection = &p->inspections[system];
    const kj_defs *defs = inspection->options->sets[set];
    uint32_t count = kj_defs_run_count(defs, remedy->of, 1);
    const uint32_t *of = kj_defs_words(defs, remedy->of.first, count);
    for (uint32_t k = 0; of && k < count; k++) {
        for (uint32_t i = 0; i < inspection->trace_count; i++) {
            const kj_trace *trace = &inspection->traces[i];
            if (trace->set != set || trace->artifact != of[k] || trace->is_copy ||
                trace->state == KJ_TRACE_VARIANT)
                continue;
            kj_action *earlier = find_covering(p, system, &trace->spot);
            if (earlier) {
                cut_more(p, earlier, i);
                continue;
            }
            kj_action action = action_on(inspection, system, i);
            action.what = (kj_do)remedy->what;
            action.why = KJ_WHY_REMEDY;
            action.to = kj_defs_text(defs, remedy->to);
            action.warn = kj_defs_text(defs, remedy->warn);
            shape(p, &action);
            add(p, &action);
        }
    }
}

static kj_status add_remedies(kj_planner *p, uint32_t system, kj_error *err)
{
    const kj_inspection *inspection = &p->inspections[system];
    for (uint32_t set = 0; set < inspection->options->set_count; set++) {
        const kj_defs *defs = inspection->options->sets[set];
        for (uint32_t i = 0; i < defs->remedies.count; i++) {
            const kj_disk_remedy *remedy = kj_defs_remedy(defs, i);
            if (!is_detected(inspection, set, remedy->threat))
                continue;
            if (remedy->needs != KJ_NONE &&
                !kj_sightings_hold(&inspection->seen[set], defs, remedy->needs))
                continue;
            if (remedy->what == KJ_DO_REMOVE_EMPTY_DIR)
                KJ_TRY(add_directories(p, system, set, remedy, err));
            else
                add_remedy(p, system, set, remedy);
        }
    }
    return KJ_OK;
}

/* ---- what only the content shows
 * ------------------------------------------------------------------------- */

static bool is_sure(const kj_host_file *file)
{
    for (size_t i = 0; i < file->hit_count; i++)
        if (file->hits[i].klass != KJ_CLASS_HEURISTIC)
            return true;
    return false;
}

/* Whether the file holds many messages, of which few are the threat's. */
static bool is_mailbox(const kj_host_file *file)
{
    static const char *const extensions[] = {"dbx", "mbx", "pst", "ost", "edb"};
    if (file->type && strcmp(file->type, "mbox") == 0)
        return true;
    kj_span extension = kj_path_extension(kj_path_base(file->node.path), NULL);
    for (size_t i = 0; i < KJ_COUNT(extensions); i++)
        if (kj_text_equal_nocase(extension, kj_span_str(extensions[i])))
            return true;
    return false;
}

static void shape_content(kj_planner *p, kj_action *action, const kj_host_file *file)
{
    if (!is_sure(file)) {
        action->what = KJ_DO_REPORT;
        shape(p, action);
    } else if (is_mailbox(file)) {
        action->what = KJ_DO_MANUAL;
        shape(p, action);
        action->refused =
            KJ_SENTENCE("it is a mailbox with many messages, and never moved as a whole: delete "
                        "the message in your mail program");
    } else {
        action->what = KJ_DO_QUARANTINE;
        shape(p, action);
    }
}

static void add_content(kj_planner *p, uint32_t system)
{
    const kj_inspection *inspection = &p->inspections[system];
    for (uint32_t i = 0; i < inspection->trace_count; i++) {
        const kj_trace *trace = &inspection->traces[i];
        if (trace->artifact != KJ_NONE || trace->is_copy || is_covered(p, system, &trace->spot))
            continue;
        kj_action action = action_on(inspection, system, i);
        action.why = KJ_WHY_CONTENT;
        shape_content(p, &action, &inspection->files[trace->file]);
        add(p, &action);
    }
}

/* ---- what leads to a file that goes
 * ----------------------------------------------------------------------- */

static void shape_by_row(kj_planner *p, kj_action *action, const kj_autostart *entry)
{
    static const kj_do words[] = {
        [KJ_RESTORE_DELETE] = KJ_DO_DELETE_VALUE,     [KJ_RESTORE_TOKEN] = KJ_DO_REMOVE_TOKEN,
        [KJ_RESTORE_DEFAULT] = KJ_DO_RESTORE_DEFAULT, [KJ_RESTORE_KEY] = KJ_DO_DELETE_VALUE,
        [KJ_RESTORE_DISABLE] = KJ_DO_DISABLE_SERVICE, [KJ_RESTORE_FILE] = KJ_DO_QUARANTINE,
        [KJ_RESTORE_REPORT] = KJ_DO_REPORT,
    };
    kj_restore restore = kj_autostart_row_restore(entry->row);
    action->what = words[restore];
    if (strcmp(kj_autostart_row_category(entry->row), "tasks") == 0)
        action->what = KJ_DO_REMOVE_TASK;
    if (restore == KJ_RESTORE_TOKEN) {
        action->deed = action->spot.kind == KJ_SPOT_INI ? KJ_DEED_SET_INI : KJ_DEED_SET_VALUE;
        set_rest(action, without_listed(p, action->spot.data, entry->token));
    } else if (restore == KJ_RESTORE_KEY) {
        action->deed = KJ_DEED_DELETE_KEY;
        action->risk = KJ_RISK_MEDIUM;
        action->risk_why = KJ_SENTENCE("the key goes with all that is in it");
    } else {
        shape(p, action);
    }
}

static void add_leading(kj_planner *p, uint32_t system, uint32_t file, const kj_action *cause)
{
    const kj_inspection *inspection = &p->inspections[system];
    for (uint32_t i = 0; i < inspection->autostart_count; i++) {
        const kj_host_autostart *item = &inspection->autostarts[i];
        if (item->file != file || (item->entry.flags & KJ_AUTOSTART_COPY))
            continue;
        kj_action *earlier = find_covering(p, system, &item->entry.spot);
        if (earlier) {
            const char *left = is_cut(earlier) ? without_listed(p, kj_span_str(earlier->becomes),
                                                                item->entry.token)
                                               : NULL;
            if (left)
                earlier->becomes = left;
            continue;
        }
        kj_action action = {
            .system = system,
            .why = KJ_WHY_LEADS,
            .set = cause->set,
            .threat = cause->threat,
            .trace = KJ_NONE,
            .autostart = i,
            .file = file,
            .spot = item->entry.spot,
            .step = KJ_NONE,
        };
        if (action.spot.kind == KJ_SPOT_FILE) { /* the shortcut or the task, not what it starts */
            for (uint32_t k = 0; k < inspection->file_count; k++)
                if (kj_span_equal(inspection->files[k].node.path, action.spot.path))
                    action.file = k;
        }
        shape_by_row(p, &action, &item->entry);
        add(p, &action);
    }
}

/* The registry's words for a task whose file goes. */
static void add_task_keys(kj_planner *p, const kj_action *cause)
{
    const kj_inspection *inspection = &p->inspections[cause->system];
    if (cause->autostart == KJ_NONE)
        return;
    const kj_autostart *task = &inspection->autostarts[cause->autostart].entry;
    for (uint32_t i = 0; i < inspection->autostart_count; i++) {
        const kj_host_autostart *item = &inspection->autostarts[i];
        bool is_key = item->entry.spot.kind == KJ_SPOT_KEY &&
                      strcmp(kj_autostart_row_category(item->entry.row), "task-list") == 0;
        if (!is_key || !kj_text_equal_nocase(item->entry.name, task->name) ||
            is_covered(p, cause->system, &item->entry.spot))
            continue;
        kj_action action = *cause;
        action.trace = KJ_NONE;
        action.autostart = i;
        action.spot = item->entry.spot;
        action.phase = KJ_PHASE_REFERENCES;
        action.step = KJ_NONE;
        shape_by_row(p, &action, &item->entry);
        add(p, &action);
    }
}

static void add_all_leading(kj_planner *p)
{
    /* What is added is gone over, too: a task has keys of its own. */
    for (size_t i = 0; i < p->actions.count; i++) {
        kj_action cause = p->actions.items[i];
        if (cause.deed != KJ_DEED_QUARANTINE || cause.status != KJ_ACTION_PLANNED)
            continue;
        if (cause.what == KJ_DO_REMOVE_TASK)
            add_task_keys(p, &cause);
        add_leading(p, cause.system, cause.file, &cause);
    }
}

/* ---- what is told only
 * -------------------------------------------------------------------------------------- */

static void add_told(kj_planner *p, uint32_t system)
{
    const kj_inspection *inspection = &p->inspections[system];
    for (uint32_t i = 0; i < inspection->trace_count; i++) {
        const kj_trace *trace = &inspection->traces[i];
        bool is_variant = trace->state == KJ_TRACE_VARIANT;
        if (!is_variant && !(trace->is_copy && trace->is_proven))
            continue;
        if (is_variant && !is_detected(inspection, trace->set, trace->threat))
            continue;
        kj_action action = action_on(inspection, system, i);
        action.what = is_variant ? KJ_DO_REPORT : KJ_DO_MANUAL;
        action.why = is_variant ? KJ_WHY_VARIANT : KJ_WHY_COPY;
        shape(p, &action);
        add(p, &action);
    }
}

/* ---- the whole
 * ------------------------------------------------------------------------------------------------
 */

/* Actions keep their order within a phase. */
static void sort_actions(kj_planner *p)
{
    kj_action *sorted = kj_new_array(p->arena, kj_action, p->actions.count + 1);
    size_t count = 0;
    for (int phase = 0; sorted && phase < KJ_PHASE_COUNT; phase++)
        for (size_t i = 0; i < p->actions.count; i++)
            if ((int)p->actions.items[i].phase == phase)
                sorted[count++] = p->actions.items[i];
    if (count)
        memcpy(p->actions.items, sorted, count * sizeof *sorted);
    p->starved |= !sorted;
}

/* A digest of everything that is going to be done, and of what it will be done to. */
static void make_id(const kj_planner *p, kj_plan *plan)
{
    kj_buf text;
    kj_buf_init(&text, (size_t)1 << 30);
    for (size_t i = 0; i < p->steps.count; i++) {
        const kj_step *step = &p->steps.items[i];
        kj_buf_put_u32le(&text, (uint32_t)step->kind);
        kj_buf_put_u64le(&text, step->path.len);
        kj_buf_put(&text, step->path);
        kj_buf_put(&text, kj_span_of(step->sha256, sizeof step->sha256));
        kj_buf_put(&text, kj_span_of(step->sha256_after, sizeof step->sha256_after));
    }
    uint8_t digest[KJ_HASH_MAX];
    kj_hash(KJ_HASH_SHA256, kj_buf_span(&text), digest);
    kj_hex_encode(kj_span_of(digest, 16), plan->id);
    kj_buf_done(&text);
}

static void sum_up(kj_plan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        plan->planned += plan->actions[i].status == KJ_ACTION_PLANNED;
        plan->refused += plan->actions[i].status == KJ_ACTION_REFUSED;
    }
    for (size_t i = 0; i < plan->step_count; i++) {
        const kj_step *step = &plan->steps[i];
        if (step->kind == KJ_STEP_PATCH)
            plan->changed += kj_edits_changed(step->edits);
        else if (step->kind == KJ_STEP_REMOVE)
            plan->quarantined += step->size;
    }
}

static kj_status hand_over(kj_planner *p, kj_plan *out, kj_error *err)
{
    kj_action *actions = kj_new_array(p->arena, kj_action, p->actions.count + 1);
    kj_step *steps = kj_new_array(p->arena, kj_step, p->steps.count + 1);
    if (!actions || !steps || p->starved)
        return kj_no_memory(err);
    if (p->actions.count)
        memcpy(actions, p->actions.items, p->actions.count * sizeof *actions);
    if (p->steps.count)
        memcpy(steps, p->steps.items, p->steps.count * sizeof *steps);
    *out = (kj_plan){.actions = actions,
                     .count = p->actions.count,
                     .steps = steps,
                     .step_count = p->steps.count};
    make_id(p, out);
    sum_up(out);
    return KJ_OK;
}

kj_status kj_plan_make(const kj_inspection *inspections, size_t count,
                       const kj_plan_options *options, kj_arena *arena, kj_plan *out, kj_error *err)
{
    kj_planner p = {.inspections = inspections, .count = count, .options = options, .arena = arena};
    kj_status status = KJ_OK;
    for (uint32_t i = 0; status == KJ_OK && i < count; i++) {
        status = add_remedies(&p, i, err);
        add_content(&p, i);
    }
    add_all_leading(&p);
    for (uint32_t i = 0; i < count; i++)
        add_told(&p, i);
    sort_actions(&p);
    if (status == KJ_OK)
        status = kj_plan_compile(&p, err);
    if (status == KJ_OK)
        status = hand_over(&p, out, err);
    kj_vec_done(&p.actions);
    kj_vec_done(&p.steps);
    return status;
}
