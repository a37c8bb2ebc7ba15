/* SPDX-License-Identifier: Apache-2.0 */
#include "report/host_document.h"

#include "base/arith.h"
#include "base/text.h"
#include "report/i18n.h"

#include <string.h>
#include <time.h>

enum { TEXT_MAX = 4 << 20 };

/* Values that could not be made are dropped with a note here: the document is given up then. */
typedef struct maker {
    const kj_host_run *run;
    bool failed;
} maker;

/* ---- building
 * ---------------------------------------------------------------------------------------- */

static void set(maker *m, json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new_nocheck(object, key, value) != 0)
        m->failed = true;
}

static void append(maker *m, json_t *array, json_t *value)
{
    if (json_array_append_new(array, value) != 0)
        m->failed = true;
}

static json_t *escaped(maker *m, kj_span text)
{
    kj_buf out;
    kj_buf_init(&out, TEXT_MAX);
    kj_escape(text, NULL, &out);
    json_t *json = out.failed ? NULL : json_stringn_nocheck((const char *)out.data, out.len);
    if (out.len == 0 && !out.failed)
        json = json_string_nocheck("");
    kj_buf_done(&out);
    m->failed |= !json;
    return json;
}

/* Absent texts are absent keys. */
static void set_text(maker *m, json_t *object, const char *key, kj_span text)
{
    if (text.len)
        set(m, object, key, escaped(m, text));
}

static void set_str(maker *m, json_t *object, const char *key, const char *text)
{
    if (text && *text)
        set(m, object, key, json_string(text));
}

static void set_number(maker *m, json_t *object, const char *key, uint64_t number)
{
    set(m, object, key, json_integer((json_int_t)number));
}

static void set_flag(maker *m, json_t *object, const char *key, bool flag)
{
    set(m, object, key, json_boolean(flag));
}

/* A sentence with names in it. */
static void set_sentence(maker *m, json_t *object, const char *key, const char *format, ...)
    KJ_PRINTF(4, 5);

static void set_sentence(maker *m, json_t *object, const char *key, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = NULL;
    int len = vasprintf(&text, format, args);
    va_end(args);
    set(m, object, key, len >= 0 ? json_string(text) : NULL);
    if (len >= 0)
        free(text);
}

static void set_hex(maker *m, json_t *object, const char *key, const uint8_t *bytes, size_t len)
{
    char hex[2 * KJ_HASH_MAX + 1] = "";
    kj_hex_encode(kj_span_of(bytes, len), hex);
    set_str(m, object, key, hex);
}

static void set_time(maker *m, json_t *object, const char *key, int64_t when)
{
    char text[32];
    time_t seconds = (time_t)when;
    struct tm parts;
    if (gmtime_r(&seconds, &parts) && strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts))
        set_str(m, object, key, text);
}

/* ---- the advisory's page
 * --------------------------------------------------------------------------------- */

static json_t *page_of(const kj_defs *defs, uint32_t threat)
{
    const kj_disk_threat *disk = kj_defs_threat(defs, threat);
    kj_span text = disk ? kj_defs_doc(defs, disk->doc_offset, disk->doc_len) : (kj_span){0};
    return text.len ? json_loadb((const char *)text.data, text.len, 0, NULL) : NULL;
}

/* One section of the page in every language. */
static void set_section(maker *m, json_t *object, const json_t *page, kj_section section)
{
    const char *key = kj_section_name(section);
    json_t *both = json_object();
    for (int lang = 0; lang < KJ_LANG_COUNT; lang++) {
        const char *name = kj_lang_name((kj_lang)lang);
        const json_t *texts = json_object_get(json_object_get(page, "text"), name);
        const char *text = json_string_value(json_object_get(texts, key));
        set_str(m, both, name, text);
    }
    set(m, object, key, both);
}

static void set_notes(maker *m, json_t *object, const kj_defs *defs, const json_t *page)
{
    json_t *notes = json_array();
    size_t index;
    json_t *id;
    json_array_foreach(json_object_get(page, "notes"), index, id)
    {
        for (uint32_t i = 0; i < defs->notes.count; i++) {
            const kj_disk_note *note = kj_defs_note(defs, i);
            if (!json_string_value(id) ||
                !kj_span_is(kj_defs_text(defs, note->id), json_string_value(id)))
                continue;
            kj_span text = kj_defs_doc(defs, note->doc_offset, note->doc_len);
            json_t *doc = json_loadb((const char *)text.data, text.len, 0, NULL);
            if (doc)
                append(m, notes, doc);
        }
    }
    set(m, object, "notes", notes);
}

/* ---- systems
 * ---------------------------------------------------------------------------------------------- */

static void set_path(maker *m, json_t *object, const char *key, const kj_system *system,
                     kj_span path)
{
    const char *shown = kj_system_show(system, path);
    m->failed |= !shown;
    set_str(m, object, key, shown);
}

static json_t *profiles(maker *m, const kj_system *system)
{
    json_t *list = json_array();
    for (size_t i = 0; i < system->profile_count; i++) {
        const kj_profile *profile = &system->profiles[i];
        json_t *item = json_object();
        set_text(m, item, "name", profile->name);
        set_text(m, item, "sid", profile->sid);
        set_text(m, item, "path", profile->path);
        append(m, list, item);
    }
    return list;
}

static const char *hive_state(const kj_hive *hive)
{
    static const char *const names[] = {
        [KJ_REGF_CLEAN] = "clean",
        [KJ_REGF_REPLAYED] = "replayed",
        [KJ_REGF_STALE] = "stale",
    };
    return hive->usable ? names[hive->replay.state] : "unreadable";
}

static json_t *hives(maker *m, const kj_system *system)
{
    json_t *list = json_array();
    for (size_t i = 0; i < system->hive_count; i++) {
        const kj_hive *hive = &system->hives[i];
        json_t *item = json_object();
        set_str(m, item, "role",
                kj_hive_role_name(hive->role == KJ_HIVE_COPY ? hive->copy_of : hive->role));
        set_text(m, item, "path", hive->path);
        set_text(m, item, "mount", hive->mount);
        set_flag(m, item, "copy", hive->role == KJ_HIVE_COPY);
        set_str(m, item, "state", hive_state(hive));
        if (hive->replay.state == KJ_REGF_REPLAYED)
            set_number(m, item, "entries", hive->replay.entries);
        if (hive->trouble)
            set_str(m, item, "trouble", _(hive->trouble));
        append(m, list, item);
    }
    return list;
}

/* ---- traces
 * ------------------------------------------------------------------------------------------------
 */

static const char *artifact_id(const kj_inspection *inspection, const kj_trace *trace, kj_span *out)
{
    const kj_defs *defs = inspection->options->sets[trace->set];
    const kj_disk_artifact *artifact = kj_defs_artifact(defs, trace->artifact);
    *out = artifact ? kj_defs_text(defs, artifact->id) : (kj_span){0};
    return artifact ? kj_artifact_kind_name(trace->kind) : "file";
}

/* The name under which the trace's threat is known on this system; empty: none that was detected.
 */
static kj_span threat_name(const kj_inspection *inspection, uint32_t set_index, uint32_t threat)
{
    for (size_t i = 0; i < inspection->threat_count; i++)
        if (inspection->threats[i].set == set_index && inspection->threats[i].threat == threat)
            return inspection->threats[i].name;
    const kj_defs *defs = inspection->options->sets[set_index];
    const kj_disk_threat *disk = kj_defs_threat(defs, threat);
    return disk ? kj_defs_name(defs, &disk->name) : (kj_span){0};
}

static kj_span trace_threat(const kj_inspection *inspection, const kj_trace *trace)
{
    if (trace->kind == KJ_ARTIFACT_FILE && trace->file != KJ_NONE &&
        inspection->files[trace->file].hit_count)
        return inspection->files[trace->file].hits[0].name;
    return threat_name(inspection, trace->set, trace->threat);
}

static json_t *hits(maker *m, const kj_host_file *file)
{
    json_t *list = json_array();
    for (size_t i = 0; i < file->hit_count; i++) {
        json_t *item = json_object();
        set_text(m, item, "name", file->hits[i].name);
        set_str(m, item, "class", kj_class_name(file->hits[i].klass));
        set_str(m, item, "member",
                file->hits[i].member.len ? (const char *)file->hits[i].member.data : NULL);
        append(m, list, item);
    }
    return list;
}

/* Where a spot is, for people: "HKLM\\...\\Run", "C:\\WINNT\\win.ini", "C:\\WINNT\\SYS32.EXE". */
static void set_where(maker *m, json_t *object, const kj_system *system, const kj_spot *spot)
{
    if (spot->kind == KJ_SPOT_VALUE || spot->kind == KJ_SPOT_KEY)
        set_text(m, object, "where", spot->key_path);
    else
        set_path(m, object, "where", system, spot->path);
    set_text(m, object, "path", spot->path);
    if (spot->kind == KJ_SPOT_VALUE)
        set(m, object, "name", escaped(m, spot->name.len ? spot->name : kj_span_str("@")));
    else
        set_text(m, object, "name", spot->name);
    set_text(m, object, "data", spot->data);
    set_text(m, object, "section", spot->section);
    if (spot->line)
        set_number(m, object, "line", spot->line);
}

static void set_file(maker *m, json_t *object, const kj_host_file *file)
{
    set_number(m, object, "size", file->node.size);
    if (file->has_sha256)
        set_hex(m, object, "sha256", file->sha256, sizeof file->sha256);
    set_str(m, object, "type", file->type);
    if (file->node.links > 1)
        set_number(m, object, "links", file->node.links);
    if (file->hit_count)
        set(m, object, "found", hits(m, file));
}

static json_t *starts(maker *m, const kj_inspection *inspection, uint32_t file)
{
    json_t *list = json_array();
    for (size_t i = 0; i < inspection->autostart_count; i++) {
        const kj_host_autostart *item = &inspection->autostarts[i];
        if (item->file != file || kj_autostart_is_dead(&item->entry))
            continue;
        const kj_spot *spot = &item->entry.spot;
        kj_buf text;
        kj_buf_init(&text, TEXT_MAX);
        if (spot->kind == KJ_SPOT_VALUE || spot->kind == KJ_SPOT_KEY)
            kj_escape(spot->key_path, NULL, &text);
        else
            kj_buf_put_text(&text, kj_system_show(inspection->system, spot->path));
        if (spot->name.len) {
            kj_buf_put_text(&text, " \"");
            kj_escape(spot->name, NULL, &text);
            kj_buf_put_text(&text, "\"");
        }
        append(m, list, json_string(kj_buf_text(&text)));
        kj_buf_done(&text);
    }
    return list;
}

static const char *trace_note(const kj_trace *trace)
{
    if (trace->state == KJ_TRACE_VARIANT)
        return _("a variant? The value has the name that the threat uses, but other data: it is "
                 "told, and "
                 "not touched");
    if (trace->is_copy && trace->kind == KJ_ARTIFACT_FILE)
        return _("System Restore keeps it: known by size and kind, and by its content where "
                 "something was "
                 "detected");
    if (trace->is_copy)
        return _("in a copy of the registry: it comes back when that copy is restored");
    if (trace->role == KJ_ROLE_STOLEN_DATA)
        return _("data of the victim may have been written here");
    return NULL;
}

static json_t *trace_json(maker *m, const kj_inspection *inspection, const kj_trace *trace)
{
    json_t *item = json_object();
    kj_span id;
    const char *kind = artifact_id(inspection, trace, &id);
    set_text(m, item, "threat", trace_threat(inspection, trace));
    set_text(m, item, "artifact", id);
    set_str(m, item, "role", kj_role_name(trace->role));
    set_str(m, item, "kind", kind);
    set_str(m, item, "state", kj_trace_state_name(trace->state));
    set_flag(m, item, "proven", trace->is_proven);
    set_flag(m, item, "copy", trace->is_copy);
    set_where(m, item, inspection->system, &trace->spot);
    if (trace->kind == KJ_ARTIFACT_FILE && trace->file != KJ_NONE) {
        set_file(m, item, &inspection->files[trace->file]);
        set(m, item, "starts", starts(m, inspection, trace->file));
    }
    set_str(m, item, "note", trace_note(trace));
    return item;
}

static json_t *traces(maker *m, const kj_inspection *inspection)
{
    json_t *list = json_array();
    for (size_t i = 0; i < inspection->trace_count; i++)
        append(m, list, trace_json(m, inspection, &inspection->traces[i]));
    return list;
}

/* ---- threats
 * ------------------------------------------------------------------------------------------------
 */

/* Whether the spot was told under the threat already, for another artifact's sake. */
static bool is_told(const kj_inspection *inspection, const kj_host_threat *threat, size_t index)
{
    const kj_spot *spot = &inspection->traces[index].spot;
    for (size_t i = 0; i < index; i++)
        if (kj_threat_has(inspection, threat, &inspection->traces[i]) &&
            kj_spot_equal(&inspection->traces[i].spot, spot))
            return true;
    return false;
}

static json_t *threat_json(maker *m, const kj_inspection *inspection, const kj_host_threat *threat)
{
    const kj_defs *defs = inspection->options->sets[threat->set];
    const kj_disk_detect *detect = kj_defs_detect(defs, threat->detect);
    const kj_disk_threat *disk = kj_defs_threat(defs, threat->threat);
    json_t *item = json_object();
    set_text(m, item, "name", threat->name);
    set_str(m, item, "class", kj_class_name(threat->klass));
    set_text(m, item, "advisory", disk ? kj_defs_text(defs, disk->id) : (kj_span){0});
    set_str(m, item, "state", kj_trace_state_name(threat->state));
    json_t *page = page_of(defs, detect && detect->page != KJ_NONE ? detect->page : threat->threat);
    if (page) {
        json_t *risk = json_object_get(page, "risk");
        if (risk)
            m->failed |= json_object_set(item, "risk", risk) != 0;
        set_section(m, item, page, KJ_SECTION_SUMMARY);
        set_section(m, item, page, KJ_SECTION_SYMPTOMS);
        set_section(m, item, page, KJ_SECTION_REMOVAL);
        set_notes(m, item, defs, page);
    }
    json_decref(page);
    json_t *indices = json_array();
    bool stolen = false;
    for (size_t i = 0; i < inspection->trace_count; i++) {
        const kj_trace *trace = &inspection->traces[i];
        if (!kj_threat_has(inspection, threat, trace))
            continue;
        if (!is_told(inspection, threat, i))
            append(m, indices, json_integer((json_int_t)i));
        stolen |= trace->role == KJ_ROLE_STOLEN_DATA && trace->is_proven;
    }
    set(m, item, "traces", indices);
    json_t *warnings = json_array();
    if (stolen)
        append(m, warnings, json_string("stolen-data"));
    set(m, item, "warnings", warnings);
    return item;
}

static json_t *threats(maker *m, const kj_inspection *inspection)
{
    json_t *list = json_array();
    for (size_t i = 0; i < inspection->threat_count; i++)
        append(m, list, threat_json(m, inspection, &inspection->threats[i]));
    return list;
}

/* ---- autostarts
 * -----------------------------------------------------------------------------------------------
 */

static json_t *flags(maker *m, const kj_autostart *entry)
{
    static const struct {
        uint32_t bit;
        const char *name;
    } names[] = {
        {KJ_AUTOSTART_DEFAULT, "default"}, {KJ_AUTOSTART_DISABLED, "disabled"},
        {KJ_AUTOSTART_MISSING, "missing"}, {KJ_AUTOSTART_ELSEWHERE, "elsewhere"},
        {KJ_AUTOSTART_HIJACK, "hijack"},   {KJ_AUTOSTART_INLINE, "inline"},
        {KJ_AUTOSTART_HIDDEN, "hidden"},   {KJ_AUTOSTART_STALE, "stale"},
        {KJ_AUTOSTART_COPY, "copy"},       {KJ_AUTOSTART_CUT, "cut"},
    };
    json_t *list = json_array();
    for (size_t i = 0; i < KJ_COUNT(names); i++)
        if (entry->flags & names[i].bit)
            append(m, list, json_string(names[i].name));
    if (entry->view32)
        append(m, list, json_string("32-bit"));
    return list;
}

static json_t *autostart_json(maker *m, const kj_inspection *inspection,
                              const kj_host_autostart *item)
{
    static const char *const signed_names[] = {
        [KJ_SIGNED_UNKNOWN] = "unknown",
        [KJ_SIGNED_NONE] = "none",
        [KJ_SIGNED_INVALID] = "invalid",
        [KJ_SIGNED_VALID] = "valid",
    };
    const kj_autostart *entry = &item->entry;
    json_t *json = json_object();
    set_str(m, json, "row", kj_autostart_row_id(entry->row));
    set_str(m, json, "category", kj_autostart_row_category(entry->row));
    set_where(m, json, inspection->system, &entry->spot);
    json_object_del(json, "data");
    json_object_del(json, "path");
    if (entry->spot.name.len == 0)
        set_text(m, json, "name", entry->name);
    set_text(m, json, "command", entry->command);
    set_text(m, json, "target", entry->target);
    set_text(m, json, "arguments", entry->arguments);
    set_text(m, json, "path", entry->file.path);
    if (entry->profile != KJ_REG_NONE)
        set_text(m, json, "profile", inspection->system->profiles[entry->profile].name);
    if (item->file != KJ_NONE) {
        set_file(m, json, &inspection->files[item->file]);
        set_str(m, json, "signed", signed_names[item->is_signed]);
        set_str(m, json, "signer", item->signer);
    }
    set_flag(m, json, "exists", entry->file.path.len != 0);
    set(m, json, "flags", flags(m, entry));
    return json;
}

static json_t *autostarts(maker *m, const kj_inspection *inspection)
{
    json_t *list = json_array();
    for (size_t i = 0; i < inspection->autostart_count; i++) {
        const kj_host_autostart *item = &inspection->autostarts[i];
        if (!m->run->all && (item->entry.flags & KJ_AUTOSTART_DEFAULT))
            continue;
        append(m, list, autostart_json(m, inspection, item));
    }
    return list;
}

static json_t *system_json(maker *m, const kj_inspection *inspection)
{
    const kj_system *system = inspection->system;
    json_t *json = json_object();
    set_str(m, json, "product", system->product);
    set_str(m, json, "version", system->version);
    set_str(m, json, "build", system->build);
    set_number(m, json, "bits", system->is_64bit ? 64 : 32);
    set_path(m, json, "windir", system, system->windir);
    set_text(m, json, "path", system->windir);
    set_flag(m, json, "hibernated", system->hibernated);
    set(m, json, "profiles", profiles(m, system));
    set(m, json, "hives", hives(m, system));
    set(m, json, "threats", threats(m, inspection));
    set(m, json, "traces", traces(m, inspection));
    if (m->run->autostarts)
        set(m, json, "autostarts", autostarts(m, inspection));
    return json;
}

/* ---- the plan
 * ------------------------------------------------------------------------------------------------
 */

static const char *const phase_names[KJ_PHASE_COUNT] = {
    [KJ_PHASE_REFERENCES] = "references",
    [KJ_PHASE_FILES] = "files",
    [KJ_PHASE_REPORT] = "report",
};
static const char *const risk_names[KJ_RISK_COUNT] = {
    [KJ_RISK_LOW] = "low",
    [KJ_RISK_MEDIUM] = "medium",
    [KJ_RISK_HIGH] = "high",
};
static const char *const status_names[KJ_ACTION_STATUS_COUNT] = {
    [KJ_ACTION_PLANNED] = "planned",
    [KJ_ACTION_REFUSED] = "refused",
    [KJ_ACTION_MANUAL] = "manual",
    [KJ_ACTION_REPORT] = "report",
};

static void set_reason(maker *m, json_t *json, const kj_inspection *inspection,
                       const kj_action *action, kj_span threat)
{
    const kj_defs *defs = inspection->options->sets[action->set];
    const kj_disk_threat *disk = kj_defs_threat(defs, action->threat);
    kj_span id = disk ? kj_defs_text(defs, disk->id) : (kj_span){0};
    int len = (int)threat.len;
    const char *name = (const char *)threat.data;
    switch (action->why) {
    case KJ_WHY_REMEDY:
        set_sentence(m, json, "reason", _("the remedy for %.*s (advisory %.*s)"), len, name,
                     (int)id.len, (const char *)id.data);
        return;
    case KJ_WHY_CONTENT:
        set_sentence(m, json, "reason", _("%.*s was found in its content"), len, name);
        return;
    case KJ_WHY_LEADS:
        set_sentence(m, json, "reason", _("it starts %s, which is removed (%.*s)"),
                     (const char *)inspection->files[action->file].shown.data, len, name);
        return;
    case KJ_WHY_COPY:
        set_sentence(
            m, json, "reason",
            _("a copy of %.*s in a restore point: turn System Restore off and on in Windows to "
              "delete it"),
            len, name);
        return;
    case KJ_WHY_VARIANT:
        set_sentence(m, json, "reason",
                     _("%.*s uses a value of this name, but this one leads elsewhere"), len, name);
        return;
    case KJ_WHY_COUNT:
        return;
    }
}

static void set_precondition(maker *m, json_t *json, const kj_plan *plan, const kj_action *action)
{
    if (action->step == KJ_NONE)
        return;
    const kj_step *step = &plan->steps[action->step];
    char hex[17];
    kj_hex_encode(kj_span_of(step->sha256, 8), hex);
    if (step->kind == KJ_STEP_RMDIR)
        set_str(m, json, "precondition", _("the directory is empty"));
    else
        set_sentence(m, json, "precondition", _("the file has %llu bytes and the SHA-256 %s..."),
                     (unsigned long long)step->size, hex);
}

static void set_result(maker *m, json_t *json, const kj_action *action)
{
    if (!m->run->results || action->step == KJ_NONE)
        return;
    set_str(m, json, "result", kj_step_result_name(m->run->results[action->step]));
    if (m->run->sentences[action->step])
        set_str(m, json, "sentence", _(m->run->sentences[action->step]));
}

static json_t *action_json(maker *m, const kj_action *action, size_t number)
{
    const kj_plan *plan = m->run->plan;
    const kj_inspection *inspection = &m->run->inspections[action->system];
    kj_span threat = action->trace != KJ_NONE
                         ? trace_threat(inspection, &inspection->traces[action->trace])
                         : threat_name(inspection, action->set, action->threat);
    json_t *json = json_object();
    set_number(m, json, "number", number);
    set_str(m, json, "phase", phase_names[action->phase]);
    set_str(m, json, "do", kj_deed_name(action->deed));
    set_text(m, json, "threat", threat);
    set_where(m, json, inspection->system, &action->spot);
    if (action->becomes)
        set(m, json, "becomes", escaped(m, kj_span_str(action->becomes)));
    set_reason(m, json, inspection, action, threat);
    set_precondition(m, json, plan, action);
    set_str(m, json, "risk", risk_names[action->risk]);
    if (action->risk_why)
        set_str(m, json, "risk_why", _(action->risk_why));
    set_text(m, json, "warn", action->warn);
    set_str(m, json, "status", status_names[action->status]);
    if (action->refused)
        set_str(m, json, "refused", _(action->refused));
    set_result(m, json, action);
    return json;
}

json_t *kj_host_action(const kj_inspection *inspections, const kj_plan *plan, size_t index)
{
    const kj_host_run run = {.inspections = inspections, .plan = plan};
    maker m = {.run = &run};
    json_t *json = action_json(&m, &plan->actions[index], index + 1);
    if (!m.failed)
        return json;
    json_decref(json);
    return NULL;
}

static json_t *plan_json(maker *m)
{
    const kj_plan *plan = m->run->plan;
    json_t *json = json_object();
    set_str(m, json, "id", plan->id);
    json_t *list = json_array();
    for (size_t i = 0; i < plan->count; i++)
        append(m, list, action_json(m, &plan->actions[i], i + 1));
    set(m, json, "actions", list);
    return json;
}

/* ---- afterwards
 * ------------------------------------------------------------------------------------------------
 */

static json_t *run_json(maker *m)
{
    const kj_run_summary *summary = m->run->summary;
    json_t *json = json_object();
    set_str(m, json, "id", summary->id);
    set_number(m, json, "done", summary->done);
    set_number(m, json, "already", summary->already);
    set_number(m, json, "skipped", summary->skipped);
    set_number(m, json, "failed", summary->failed);
    set_number(m, json, "bytes_changed", m->run->plan->changed);
    set_str(m, json, "state", m->run->state_path);
    return json;
}

/* What Windows needs to start, and whether it is there. */
static bool is_vital(const kj_autostart *entry)
{
    return !kj_autostart_is_dead(entry) &&
           (kj_autostart_row_restore(entry->row) == KJ_RESTORE_DEFAULT ||
            kj_autostart_row_restore(entry->row) == KJ_RESTORE_DISABLE);
}

/* Whether the same entry led nowhere before. */
static bool was_missing(const kj_host_run *run, const kj_autostart *entry)
{
    for (size_t s = 0; s < run->count; s++) {
        const kj_inspection *before = &run->inspections[s];
        for (size_t i = 0; i < before->autostart_count; i++) {
            const kj_autostart *old = &before->autostarts[i].entry;
            if ((old->flags & KJ_AUTOSTART_MISSING) &&
                kj_span_equal(old->spot.path, entry->spot.path) &&
                kj_span_equal(old->spot.key_path, entry->spot.key_path) &&
                kj_span_equal(old->spot.name, entry->spot.name))
                return true;
        }
    }
    return false;
}

static json_t *boot_json(maker *m)
{
    json_t *list = json_array();
    for (size_t s = 0; s < m->run->after_count; s++) {
        const kj_inspection *after = &m->run->after[s];
        for (size_t i = 0; i < after->autostart_count; i++) {
            const kj_autostart *entry = &after->autostarts[i].entry;
            bool is_missing = (entry->flags & KJ_AUTOSTART_MISSING) != 0;
            bool is_named = kj_autostart_row_restore(entry->row) == KJ_RESTORE_DEFAULT &&
                            strcmp(kj_autostart_row_category(entry->row), "logon") == 0;
            if (!is_vital(entry) || (!is_missing && !is_named) ||
                (is_missing && was_missing(m->run, entry)))
                continue;
            json_t *item = json_object();
            set_text(m, item, "what", entry->name);
            set_flag(m, item, "ok", !is_missing);
            set_sentence(m, item, "sentence",
                         is_missing ? _("it leads to %.*s, which is not there")
                                    : _("it leads to %.*s"),
                         (int)entry->target.len, (const char *)entry->target.data);
            append(m, list, item);
        }
    }
    return list;
}

static bool has_role(const kj_host_run *run, kj_role role)
{
    for (size_t s = 0; s < run->count; s++)
        for (size_t i = 0; i < run->inspections[s].trace_count; i++)
            if (run->inspections[s].traces[i].role == role &&
                run->inspections[s].traces[i].is_proven)
                return true;
    return false;
}

static bool has_copies(const kj_host_run *run)
{
    for (size_t s = 0; s < run->count; s++)
        for (size_t i = 0; i < run->inspections[s].trace_count; i++)
            if (run->inspections[s].traces[i].is_copy && run->inspections[s].traces[i].is_proven)
                return true;
    return false;
}

static void remain(maker *m, json_t *list, const char *id, const char *sentence)
{
    json_t *item = json_object();
    set_str(m, item, "id", id);
    set_str(m, item, "sentence", sentence);
    append(m, list, item);
}

static json_t *remains_json(maker *m)
{
    const kj_host_run *run = m->run;
    json_t *list = json_array();
    size_t unseen = 0, manual = 0;
    for (size_t s = 0; s < run->count; s++)
        unseen += run->inspections[s].unseen_count;
    for (size_t i = 0; i < run->plan->count; i++)
        manual += run->plan->actions[i].status == KJ_ACTION_MANUAL ||
                  run->plan->actions[i].status == KJ_ACTION_REFUSED;
    if (has_role(run, KJ_ROLE_STOLEN_DATA))
        remain(m, list, "passwords",
               _("data was stolen on this system: block the cards and change the passwords that "
                 "were typed on "
                 "it, from another one"));
    if (has_copies(run))
        remain(m, list, "system-restore",
               _("restore points hold copies: in Windows, turn System Restore off and on again"));
    if (manual)
        remain(m, list, "other", _("some steps are left for you: they are marked in the plan"));
    if (run->plan->planned)
        remain(m, list, "mail",
               _("mail stores were not looked at here: scan them with 'kujo scan', and delete the "
                 "messages "
                 "that brought it"));
    if (unseen)
        remain(m, list, "not-seen", _("some things could not be looked at: they are listed below"));
    return list;
}

static json_t *after_json(maker *m)
{
    json_t *json = json_object();
    const kj_run_summary *summary = m->run->summary; /* what was not done may hide something */
    bool is_clean = m->run->after_count && !(summary && (summary->skipped || summary->failed));
    json_t *names = json_array();
    for (size_t s = 0; s < m->run->after_count; s++) {
        const kj_inspection *after = &m->run->after[s];
        if (!kj_inspection_found(after))
            continue;
        is_clean = false;
        for (size_t i = 0; i < after->threat_count; i++)
            append(m, names, escaped(m, after->threats[i].name));
    }
    set_flag(m, json, "clean", is_clean);
    set(m, json, "threats", names);
    set(m, json, "boot", boot_json(m));
    set(m, json, "remains", remains_json(m));
    return json;
}

/* ---- the whole
 * --------------------------------------------------------------------------------------------------
 */

static json_t *unseen_json(maker *m)
{
    json_t *list = json_array();
    for (size_t s = 0; s < m->run->count; s++) {
        const kj_inspection *inspection = &m->run->inspections[s];
        for (size_t i = 0; i < inspection->unseen_count; i++) {
            json_t *item = json_object();
            set_str(m, item, "where", (const char *)inspection->unseen[i].where.data);
            set_str(m, item, "sentence", _(inspection->unseen[i].sentence));
            append(m, list, item);
        }
    }
    return list;
}

static json_t *definitions_json(maker *m)
{
    json_t *list = json_array();
    const kj_inspect_options *options = m->run->count ? m->run->inspections[0].options : NULL;
    for (size_t i = 0; options && i < options->set_count; i++) {
        json_t *item = json_object();
        set_str(m, item, "name", m->run->definition_names[i]);
        set_number(m, item, "release", options->sets[i]->meta.release);
        append(m, list, item);
    }
    return list;
}

json_t *kj_host_document(const kj_host_run *run)
{
    maker m = {.run = run};
    json_t *json = json_object();
    set_str(&m, json, "schema", "kujo/host/1");
    set_str(&m, json, "command", run->command);
    set(&m, json, "root", escaped(&m, kj_span_str(run->root)));
    set_str(&m, json, "tree", kj_tree_describe(run->tree));
    set_time(&m, json, "time", run->when);
    set_str(&m, json, "engine", run->engine);
    set_str(&m, json, "state", run->state_option);
    set(&m, json, "definitions", definitions_json(&m));
    json_t *systems = json_array();
    for (size_t i = 0; i < run->count; i++)
        append(&m, systems, system_json(&m, &run->inspections[i]));
    set(&m, json, "systems", systems);
    if (run->plan)
        set(&m, json, "plan", plan_json(&m));
    if (run->summary)
        set(&m, json, "run", run_json(&m));
    if (run->after)
        set(&m, json, "after", after_json(&m));
    set(&m, json, "unseen", unseen_json(&m));
    set_number(&m, json, "exit", (uint64_t)run->exit);
    if (!m.failed)
        return json;
    json_decref(json);
    return NULL;
}
