/* SPDX-License-Identifier: Apache-2.0 */
/* A host run for a terminal: what was found first, what to type next last, where the eye is. */
#include "base/reader.h"
#include "base/text.h"
#include "report/host_view.h"
#include "report/i18n.h"
#include "report/wrap.h"

#include <string.h>

enum {
    LINE_MAX_LEN = 16 << 20,
    USUAL_WIDTH = 80,
    INDENT = 2,         /* of what belongs to a system */
    DETAILS = 4,        /* of what belongs to a threat */
    ACTION = 8,         /* of what belongs to an action: behind number and sign */
    SYMPTOMS_SHOWN = 3, /* the page of the threat has them all */
    STARTS_SHOWN = 3,
};

#define BOLD      "\033[1m"
#define UNDERLINE "\033[1;4m"
#define PLAIN     "\033[0m"

typedef struct view {
    const json_t *document;
    const kj_host_text_options *options;
    FILE *out;
    kj_buf line;
    kj_host_tally tally;
    size_t states; /* cells of the columns of traces */
    size_t roles;
} view;

typedef void builder(const json_t *object, kj_buf *out);

/* ---- lines --------------------------------------------------------------------------------------
 */

static void flush(view *v)
{
    (void)fwrite(v->line.len ? (const char *)v->line.data : "", 1, v->line.len, v->out);
    kj_buf_clear(&v->line);
}

static void end_line(view *v)
{
    kj_buf_put_byte(&v->line, '\n');
    flush(v);
}

/* Whatever came from the document, once more without control characters. */
static void put(view *v, const char *text)
{
    kj_escape(kj_span_str(text), NULL, &v->line);
}

static void put_blanks(view *v, size_t count)
{
    for (; count > 0; count--)
        kj_buf_put_byte(&v->line, ' ');
}

static void put_padded(view *v, const char *text, size_t cells)
{
    size_t used = kj_text_cells(kj_span_str(text));
    put(v, text);
    put_blanks(v, used < cells ? cells - used : 0);
}

static void paint(view *v, const char *color)
{
    kj_buf_put_text(&v->line, v->options->color ? color : "");
}

static void paint_tone(view *v, kj_host_tone tone)
{
    static const char *const colors[] = {
        [KJ_HOST_NEUTRAL] = "",
        [KJ_HOST_GOOD] = "\033[32m",
        [KJ_HOST_WARN] = "\033[33m",
        [KJ_HOST_BAD] = "\033[1;31m",
    };
    paint(v, colors[tone]);
}

static void put_built(view *v, builder *build, const json_t *object)
{
    kj_buf text;
    kj_buf_init(&text, LINE_MAX_LEN);
    build(object, &text);
    put(v, kj_buf_text(&text));
    kj_buf_done_into(&text, &v->line);
}

static void put_heading(view *v, const char *title)
{
    size_t cells = kj_text_cells(kj_span_str(title));
    kj_buf_put_byte(&v->line, '\n');
    paint(v, UNDERLINE);
    put(v, title);
    paint(v, PLAIN);
    end_line(v);
    for (; !v->options->color && cells > 0; cells--)
        kj_buf_put_byte(&v->line, '-');
    if (!v->options->color)
        end_line(v);
}

/* A title within a system or a threat. */
static void put_title(view *v, size_t indent, const char *title)
{
    put_blanks(v, indent);
    paint(v, BOLD);
    put(v, title);
    paint(v, PLAIN);
    end_line(v);
}

static void put_prose(view *v, size_t indent, const char *text)
{
    size_t width = v->options->width ? v->options->width : USUAL_WIDTH;
    const kj_wrap how = {
        .width = width, .indent = indent, .join_spaced = v->options->lang != KJ_LANG_JA};
    kj_wrap_text(&how, kj_span_str(text), &v->line);
    flush(v);
}

/* "label: text", when there is a text. */
static void put_detail(view *v, size_t indent, const char *label, const char *text)
{
    if (!*text)
        return;
    put_blanks(v, indent);
    kj_buf_put_text(&v->line, label);
    put(v, text);
    end_line(v);
}

/* "label: sentence", which may need several lines. */
static void put_sentence(view *v, size_t indent, const char *label, const char *sentence)
{
    if (!*sentence)
        return;
    kj_buf text;
    kj_buf_init(&text, LINE_MAX_LEN);
    kj_buf_printf(&text, "%s%s", label, sentence);
    put_prose(v, indent, kj_buf_text(&text));
    kj_buf_done_into(&text, &v->line);
}

/* ---- the system ---------------------------------------------------------------------------------
 */

static void show_profiles(view *v, const json_t *system)
{
    size_t index;
    json_t *profile;
    const json_t *profiles = json_object_get(system, "profiles");
    if (json_array_size(profiles))
        put_title(v, INDENT, _("Users"));
    json_array_foreach(profiles, index, profile)
    {
        put_blanks(v, DETAILS);
        put(v, kj_host_get(profile, "name"));
        kj_buf_put_text(&v->line, "  ");
        put(v, kj_host_get(profile, "path"));
        kj_buf_put_text(&v->line, "  ");
        put(v, kj_host_get(profile, "sid"));
        end_line(v);
    }
}

static void show_hive(view *v, const json_t *hive)
{
    json_int_t entries = json_integer_value(json_object_get(hive, "entries"));
    put_blanks(v, DETAILS);
    put(v, kj_host_get(hive, "path"));
    kj_buf_put_text(&v->line, ": ");
    put(v, kj_host_say(KJ_HOST_HIVES, kj_host_get(hive, "state")));
    if (entries > 0)
        kj_buf_printf(&v->line,
                      ngettext(", %lld entry of its log", ", %lld entries of its log",
                               (unsigned long)entries),
                      (long long)entries);
    end_line(v);
    put_sentence(v, DETAILS + 2, "", kj_host_sentence(hive, "trouble"));
}

/* All of them on request, else those that something is wrong with. */
static void show_hives(view *v, const json_t *system)
{
    bool titled = false;
    size_t index;
    json_t *hive;
    json_array_foreach(json_object_get(system, "hives"), index, hive)
    {
        bool wrong = *kj_host_get(hive, "trouble") || kj_host_is(hive, "state", "stale") ||
                     kj_host_is(hive, "state", "unreadable");
        if (!wrong && !v->options->explain)
            continue;
        if (!titled)
            put_title(v, INDENT, _("Registry files"));
        titled = true;
        show_hive(v, hive);
    }
}

static void show_system_head(view *v, const json_t *system)
{
    kj_buf title;
    kj_buf_init(&title, LINE_MAX_LEN);
    kj_host_put_system(system, &title);
    const char *windir = kj_host_get(system, "windir");
    kj_buf_printf(&title, ": %s", *windir ? windir : kj_host_get(system, "path"));
    put_heading(v, kj_buf_text(&title));
    kj_buf_done_into(&title, &v->line);
    if (json_is_true(json_object_get(system, "hibernated"))) {
        paint_tone(v, KJ_HOST_BAD);
        put_prose(v, INDENT,
                  _("This Windows is hibernated, or was shut down with Fast Startup. What is on "
                    "the volume is not all that it knows."));
        paint(v, PLAIN);
        flush(v);
    }
    if (v->options->quiet)
        return;
    if (v->tally.has_run)
        put_detail(v, INDENT, "", _("As it was found before the cleaning:"));
    if (v->options->explain)
        show_profiles(v, system);
    show_hives(v, system);
}

/* ---- traces -------------------------------------------------------------------------------------
 */

static void show_starts(view *v, size_t indent, const json_t *trace)
{
    const json_t *starts = json_object_get(trace, "starts");
    size_t count = json_array_size(starts);
    size_t shown = v->options->explain ? count : kj_min_size(count, STARTS_SHOWN);
    for (size_t i = 0; i < shown; i++) {
        const char *start = json_string_value(json_array_get(starts, i));
        put_detail(v, indent, _("started by: "), start ? start : "");
    }
    if (shown < count) {
        put_blanks(v, indent);
        kj_buf_printf(&v->line, _("and by %zu more"), count - shown);
        end_line(v);
    }
}

static void show_trace_details(view *v, size_t indent, const json_t *trace)
{
    const json_t *found = json_object_get(trace, "found");
    json_int_t links = json_integer_value(json_object_get(trace, "links"));
    put_detail(v, indent, "", kj_host_get(trace, "data"));
    show_starts(v, indent, trace);
    if (json_array_size(found) && (v->options->explain || kj_host_adds_found(trace))) {
        put_blanks(v, indent);
        kj_buf_put_text(&v->line, _("its content is: "));
        put_built(v, kj_host_put_found, found);
        end_line(v);
    }
    if (links > 1) {
        put_blanks(v, indent);
        kj_buf_printf(&v->line, _("it has %lld names (hard links)"), (long long)links);
        end_line(v);
    }
    put_sentence(v, indent, _("note: "), kj_host_note(trace));
    if (!v->options->explain)
        return;
    put_detail(v, indent, _("on the volume: "), kj_host_get(trace, "path"));
    put_detail(v, indent, _("type: "), kj_host_get(trace, "type"));
    put_detail(v, indent, "SHA-256: ", kj_host_get(trace, "sha256"));
}

static void show_trace(view *v, const json_t *trace)
{
    const char *state = kj_host_get(trace, "state");
    put_blanks(v, DETAILS);
    paint_tone(v, kj_host_state_tone(state));
    put_padded(v, kj_host_say(KJ_HOST_STATES, state), v->states);
    paint(v, PLAIN);
    put_blanks(v, 2);
    put_padded(v, kj_host_role(trace), v->roles);
    put_blanks(v, 2);
    put_built(v, kj_host_put_place, trace);
    if (json_object_get(trace, "size")) {
        put_blanks(v, 2);
        put_built(v, kj_host_put_size, trace);
    }
    end_line(v);
    if (!v->options->quiet)
        show_trace_details(v, DETAILS + v->states + 2, trace);
}

static void measure(view *v, const json_t *traces)
{
    size_t index;
    json_t *trace;
    v->states = v->roles = 0;
    json_array_foreach(traces, index, trace)
    {
        const char *state = kj_host_say(KJ_HOST_STATES, kj_host_get(trace, "state"));
        v->states = kj_max_size(v->states, kj_text_cells(kj_span_str(state)));
        v->roles = kj_max_size(v->roles, kj_text_cells(kj_span_str(kj_host_role(trace))));
    }
}

static void show_traces(view *v, const json_t *traces)
{
    size_t index;
    json_t *trace;
    measure(v, traces);
    json_array_foreach(traces, index, trace) show_trace(v, trace);
}

/* Copies, variants and the like: what stands with no threat. */
static void show_group(view *v, const json_t *system, kj_host_group group)
{
    json_t *traces = kj_host_traces(system, NULL, group);
    bool told = group == KJ_HOST_OF_THREAT || group == KJ_HOST_COPIES || !v->options->quiet;
    if (json_array_size(traces) && told) {
        kj_buf_put_byte(&v->line, '\n');
        put_title(v, INDENT, kj_host_group_title(group));
        if (!v->options->quiet)
            put_prose(v, DETAILS, kj_host_group_meaning(group));
        show_traces(v, traces);
    }
    json_decref(traces);
}

/* ---- threats ------------------------------------------------------------------------------------
 */

/* Said loudly, and before everything else of the threat. */
static void show_stolen(view *v, const json_t *traces)
{
    bool titled = false;
    size_t index;
    json_t *trace;
    json_array_foreach(traces, index, trace)
    {
        if (!kj_host_is_stolen(trace))
            continue;
        if (!titled) {
            paint_tone(v, KJ_HOST_BAD);
            put_prose(v, INDENT,
                      _("!!! STOLEN DATA: card data, passwords or other private data may have been "
                        "written here. Treat the file as confidential, and tell those whom it "
                        "concerns:"));
            paint(v, PLAIN);
            flush(v);
        }
        titled = true;
        put_blanks(v, INDENT + 4);
        paint(v, BOLD);
        put_built(v, kj_host_put_place, trace);
        paint(v, PLAIN);
        end_line(v);
    }
}

/* Appends a text up to its first few items ("- ..."), and returns how many it has besides. */
static size_t put_items(const char *text, kj_buf *out)
{
    kj_reader r = kj_reader_of(kj_span_str(text));
    kj_span line;
    size_t items = 0;
    while (kj_read_line(&r, &line)) {
        items += line.len > 1 && line.data[0] == '-' && line.data[1] == ' ';
        if (items > SYMPTOMS_SHOWN)
            continue;
        kj_buf_put(out, line);
        kj_buf_put_byte(out, '\n');
    }
    return items > SYMPTOMS_SHOWN ? items - SYMPTOMS_SHOWN : 0;
}

static void show_symptoms(view *v, const json_t *threat)
{
    kj_buf items;
    kj_buf_init(&items, LINE_MAX_LEN);
    size_t more =
        put_items(kj_host_text(json_object_get(threat, "symptoms"), v->options->lang), &items);
    if (items.len) {
        put_title(v, INDENT, _("What people may have noticed"));
        put_prose(v, DETAILS, kj_buf_text(&items));
    }
    if (more) {
        put_blanks(v, DETAILS);
        kj_buf_printf(&v->line, _("and %zu more; all about it: kujo info "), more);
        put(v, kj_host_get(threat, "name"));
        end_line(v);
    }
    kj_buf_done_into(&items, &v->line);
}

static void show_notes(view *v, const json_t *threat)
{
    size_t index;
    json_t *note;
    json_array_foreach(json_object_get(threat, "notes"), index, note)
    {
        put_title(v, INDENT, kj_host_text(json_object_get(note, "title"), v->options->lang));
        put_prose(v, DETAILS, kj_host_text(json_object_get(note, "text"), v->options->lang));
    }
}

static void show_threat(view *v, const json_t *system, const json_t *threat)
{
    const char *state = kj_host_get(threat, "state");
    json_t *traces = kj_host_traces(system, threat, KJ_HOST_OF_THREAT);
    kj_buf_put_byte(&v->line, '\n');
    paint_tone(v, KJ_HOST_BAD);
    put(v, kj_host_get(threat, "name"));
    kj_buf_put_text(&v->line, " FOUND");
    paint(v, PLAIN);
    kj_buf_put_text(&v->line, ", ");
    paint_tone(v, kj_host_state_tone(state));
    put(v, kj_host_say(KJ_HOST_STATES_LONG, state));
    paint(v, PLAIN);
    end_line(v);
    show_stolen(v, traces);
    if (!v->options->quiet) {
        kj_buf about;
        kj_buf_init(&about, LINE_MAX_LEN);
        kj_host_put_about(threat, &about);
        put_prose(v, INDENT, kj_buf_text(&about));
        kj_buf_done_into(&about, &v->line);
        put_prose(v, INDENT, kj_host_text(json_object_get(threat, "summary"), v->options->lang));
        put_title(v, INDENT, _("Traces"));
    }
    show_traces(v, traces);
    if (!v->options->quiet)
        show_symptoms(v, threat);
    if (v->options->explain)
        show_notes(v, threat);
    json_decref(traces);
}

static void show_system(view *v, const json_t *system)
{
    size_t index;
    json_t *threat;
    show_system_head(v, system);
    json_array_foreach(json_object_get(system, "threats"), index, threat)
        show_threat(v, system, threat);
    for (int group = 0; group < KJ_HOST_GROUP_COUNT; group++)
        show_group(v, system, (kj_host_group)group);
}

/* ---- the plan, and what became of it ------------------------------------------------------------
 */

/* Why it was not done, or what to know before it is. */
static void show_action_reasons(view *v, const json_t *action)
{
    const char *risk = kj_host_get(action, "risk"), *why = kj_host_sentence(action, "risk_why");
    put_sentence(v, ACTION, "", kj_host_sentence(action, "sentence"));
    put_sentence(v, ACTION, _("not done, because "), kj_host_sentence(action, "refused"));
    if (v->options->quiet)
        return;
    put_sentence(v, ACTION, _("why: "), kj_host_sentence(action, "reason"));
    if (*risk && strcmp(risk, "low") != 0) {
        kj_buf label;
        kj_buf_init(&label, 1 << 12);
        kj_buf_printf(&label, _("risk: %s"), kj_host_say(KJ_HOST_RISKS, risk));
        kj_buf_put_text(&label, *why ? ": " : "");
        paint_tone(v, KJ_HOST_WARN);
        put_sentence(v, ACTION, kj_buf_text(&label), *why ? why : " ");
        paint(v, PLAIN);
        flush(v);
        kj_buf_done_into(&label, &v->line);
    }
    if (v->options->explain)
        put_sentence(v, ACTION, _("only if: "), kj_host_sentence(action, "precondition"));
}

static void show_action(view *v, const json_t *action)
{
    const char *result = kj_host_result(action);
    json_int_t number = json_integer_value(json_object_get(action, "number"));
    kj_buf_printf(&v->line, "%5lld. ", (long long)number);
    paint_tone(v, kj_host_result_tone(result));
    kj_buf_put_text(&v->line, kj_host_sign(result));
    if (*kj_host_get(action, "result") && strcmp(result, "done") != 0) {
        kj_buf_put_byte(&v->line, ' ');
        put(v, kj_host_say(KJ_HOST_RESULTS, result));
        kj_buf_put_byte(&v->line, ':');
    }
    paint(v, PLAIN);
    kj_buf_put_byte(&v->line, ' ');
    put(v, kj_host_say(KJ_HOST_DEEDS, kj_host_get(action, "do")));
    kj_buf_put_text(&v->line, ": ");
    put_built(v, kj_host_put_place, action);
    end_line(v);
    put_detail(v, ACTION, _("data: "), kj_host_get(action, "data"));
    put_detail(v, ACTION, _("becomes: "), kj_host_get(action, "becomes"));
    if (kj_host_is(action, "warn", "stolen-data")) {
        paint_tone(v, KJ_HOST_BAD);
        put_prose(v, ACTION,
                  _("card data or passwords may have been written here: treat it as confidential"));
        paint(v, PLAIN);
        flush(v);
    }
    show_action_reasons(v, action);
}

/* Returns whether there was anything in it. */
static bool show_phase(view *v, const json_t *actions, const kj_host_phase *phase, bool is_first)
{
    bool titled = false;
    size_t index;
    json_t *action;
    json_array_foreach(actions, index, action)
    {
        if (!kj_host_in_phase(action, phase))
            continue;
        if (!titled) {
            kj_buf_put_text(&v->line, is_first ? "" : "\n");
            put_title(v, INDENT, _(phase->title));
        }
        titled = true;
        show_action(v, action);
    }
    return titled;
}

static void show_plan(view *v)
{
    const json_t *plan = json_object_get(v->document, "plan");
    const json_t *actions = json_object_get(plan, "actions");
    if (!v->tally.has_plan)
        return;
    put_heading(v, v->tally.has_run ? _("What was done") : _("Plan: nothing has been changed yet"));
    if (v->options->explain)
        put_detail(v, INDENT, _("plan: "), kj_host_get(plan, "id"));
    if (json_array_size(actions) == 0)
        put_detail(v, INDENT, "", _("There is nothing to do."));
    bool is_begun = false;
    for (size_t i = 0; i < kj_host_phase_count; i++)
        is_begun |= show_phase(v, actions, &kj_host_phases[i], !is_begun);
}

static void show_run(view *v)
{
    const json_t *run = json_object_get(v->document, "run");
    const char *id = kj_host_get(run, "id");
    if (!v->tally.has_run)
        return;
    kj_buf_put_byte(&v->line, '\n');
    put_detail(v, INDENT, _("run: "), *id ? id : "?");
    put_detail(v, INDENT, _("journal and quarantine: "), kj_host_get(run, "state"));
    json_int_t bytes = json_integer_value(json_object_get(run, "bytes_changed"));
    if (bytes > 0 && v->options->explain) {
        put_blanks(v, INDENT);
        kj_buf_printf(&v->line, _("bytes changed in files that stay: %lld"), (long long)bytes);
        end_line(v);
    }
}

/* ---- afterwards ---------------------------------------------------------------------------------
 */

static void show_check(view *v, bool ok, const char *what, const char *sentence)
{
    put_blanks(v, DETAILS);
    paint_tone(v, ok ? KJ_HOST_GOOD : KJ_HOST_BAD);
    kj_buf_put_text(&v->line, kj_host_sign(ok ? "done" : "failed"));
    paint(v, PLAIN);
    kj_buf_put_byte(&v->line, ' ');
    put(v, what);
    kj_buf_put_text(&v->line, *what && *sentence ? ": " : "");
    put(v, sentence);
    end_line(v);
}

static void show_checks(view *v, const json_t *after)
{
    size_t index;
    json_t *item;
    const json_t *clean = json_object_get(after, "clean");
    put_title(v, INDENT, _("Checked again"));
    if (clean)
        show_check(v, json_is_true(clean), _("Threats"), kj_host_again(after));
    json_array_foreach(json_object_get(after, "threats"), index, item)
    {
        const char *name = json_string_value(item);
        show_check(v, false, name ? name : "", _("still found"));
    }
    json_array_foreach(json_object_get(after, "boot"), index, item)
        show_check(v, json_is_true(json_object_get(item, "ok")), kj_host_get(item, "what"),
                   kj_host_sentence(item, "sentence"));
}

static void show_remains(view *v, const json_t *after)
{
    size_t index;
    json_t *item;
    const json_t *remains = json_object_get(after, "remains");
    if (json_array_size(remains))
        put_title(v, INDENT, _("What remains, and what you should do"));
    json_array_foreach(remains, index, item)
    {
        kj_buf text;
        kj_buf_init(&text, LINE_MAX_LEN);
        kj_buf_printf(&text, "- %s: ", kj_host_say(KJ_HOST_REMAINS, kj_host_get(item, "id")));
        kj_buf_put_text(&text, kj_host_sentence(item, "sentence"));
        put_prose(v, DETAILS, kj_buf_text(&text));
        kj_buf_done_into(&text, &v->line);
    }
}

static void show_after(view *v)
{
    const json_t *after = json_object_get(v->document, "after");
    if (!json_is_object(after))
        return;
    put_heading(v, _("After the cleaning"));
    show_checks(v, after);
    show_remains(v, after);
}

static void show_unseen(view *v)
{
    size_t index;
    json_t *item;
    const json_t *unseen = json_object_get(v->document, "unseen");
    if (json_array_size(unseen) == 0 || v->options->quiet)
        return;
    put_heading(v, _("Not inspected"));
    json_array_foreach(unseen, index, item)
    {
        const char *where = kj_host_get(item, "where");
        put_blanks(v, INDENT);
        paint_tone(v, KJ_HOST_WARN);
        put(v, where);
        kj_buf_put_text(&v->line, *where ? ": " : "");
        put(v, kj_host_sentence(item, "sentence"));
        paint(v, PLAIN);
        end_line(v);
    }
}

/* ---- head and summary ---------------------------------------------------------------------------
 */

static void show_head(view *v)
{
    if (v->options->quiet)
        return;
    paint(v, BOLD);
    put(v, kj_host_get(v->document, "root"));
    paint(v, PLAIN);
    kj_buf_put_text(&v->line, " (");
    put_built(v, kj_host_put_tree, v->document);
    kj_buf_put_text(&v->line, "), ");
    put_built(v, kj_host_put_time, v->document);
    end_line(v);
    kj_buf_put_text(&v->line, "kujo ");
    put(v, kj_host_get(v->document, "engine"));
    kj_buf_put_text(&v->line, _(", definitions: "));
    put_built(v, kj_host_put_definitions, v->document);
    end_line(v);
}

static void show_next(view *v)
{
    kj_host_next next[KJ_HOST_NEXT_MAX];
    size_t count = kj_host_what_next(v->document, &v->tally, next);
    for (size_t i = 0; i < count; i++) {
        if (!next[i].before) {
            put_prose(v, 0, next[i].meaning);
            continue;
        }
        kj_buf command;
        kj_buf_init(&command, LINE_MAX_LEN);
        kj_host_put_command(&next[i], &command);
        kj_buf_put_text(&v->line, _("next: "));
        paint(v, BOLD);
        put(v, kj_buf_text(&command));
        paint(v, PLAIN);
        kj_buf_printf(&v->line, "  (%s)", next[i].meaning);
        end_line(v);
        kj_buf_done_into(&command, &v->line);
    }
}

static void show_figures(view *v, const kj_host_figure *figures, size_t count)
{
    kj_buf text;
    kj_buf_init(&text, LINE_MAX_LEN);
    for (size_t i = 0; i < count; i++) {
        kj_buf_put_text(&text, i ? ", " : "");
        kj_buf_printf(&text, _("%1$zu %2$s"), figures[i].count, figures[i].label);
    }
    put_prose(v, 0, kj_buf_text(&text));
    kj_buf_done_into(&text, &v->line);
}

static void show_summary(view *v)
{
    kj_host_figure figures[KJ_HOST_FIGURES_MAX];
    size_t count = kj_host_figures(&v->tally, figures);
    const char *outcome;
    kj_host_tone tone = kj_host_outcome(v->document, &v->tally, &outcome);
    if (v->options->quiet)
        return;
    kj_buf_printf(&v->line, "\n----- %s -----\n", _("summary"));
    paint_tone(v, tone);
    put(v, outcome);
    paint(v, PLAIN);
    end_line(v);
    show_figures(v, figures, count);
    show_next(v);
}

void kj_host_write_text(const json_t *document, const kj_host_text_options *options, FILE *out)
{
    size_t index;
    json_t *system;
    view v = {.document = document, .options = options, .out = out};
    kj_buf_init(&v.line, LINE_MAX_LEN);
    kj_host_count(document, &v.tally);
    show_head(&v);
    json_array_foreach(json_object_get(document, "systems"), index, system) show_system(&v, system);
    show_plan(&v);
    show_run(&v);
    show_after(&v);
    show_unseen(&v);
    show_summary(&v);
    kj_buf_done(&v.line);
}

/* ---- autostarts ---------------------------------------------------------------------------------
 */

static void put_flags(view *v, const json_t *flags)
{
    size_t index;
    json_t *flag;
    json_array_foreach(flags, index, flag)
    {
        const char *word = json_string_value(flag);
        if (!word || strcmp(word, "default") == 0)
            continue;
        kj_buf_put_text(&v->line, "; ");
        put(v, kj_host_say(KJ_HOST_FLAGS, word));
    }
}

/* The file, its signature, what is odd about it. */
static void show_target(view *v, const json_t *autostart)
{
    const char *signature = kj_host_get(autostart, "signed");
    const char *signer = kj_host_get(autostart, "signer");
    put_blanks(v, DETAILS);
    put(v, kj_host_target(autostart));
    if (*kj_host_say(KJ_HOST_SIGNED, signature)) {
        kj_buf_put_text(&v->line, "; ");
        paint_tone(v, kj_host_signed_tone(signature));
        put(v, kj_host_say(KJ_HOST_SIGNED, signature));
        paint(v, PLAIN);
        if (*signer) {
            kj_buf_put_text(&v->line, ": ");
            put(v, signer);
        }
    }
    put_flags(v, json_object_get(autostart, "flags"));
    end_line(v);
    if (v->options->explain)
        put_detail(v, DETAILS, "SHA-256: ", kj_host_get(autostart, "sha256"));
}

static void show_autostart(view *v, const json_t *autostart)
{
    const json_t *found = json_object_get(autostart, "found");
    const char *command = kj_host_get(autostart, "command");
    put_blanks(v, INDENT);
    put_built(v, kj_host_put_place, autostart);
    if (json_array_size(found)) {
        kj_buf_put_text(&v->line, ": ");
        paint_tone(v, KJ_HOST_BAD);
        put_built(v, kj_host_put_found, found);
        kj_buf_put_text(&v->line, " FOUND");
        paint(v, PLAIN);
    }
    end_line(v);
    if (strcmp(command, kj_host_target(autostart)) != 0)
        put_detail(v, DETAILS, "", command);
    show_target(v, autostart);
}

static bool is_shown(const view *v, const json_t *autostart)
{
    return !v->options->quiet || json_array_size(json_object_get(autostart, "found")) ||
           !kj_host_lists(json_object_get(autostart, "flags"), "default");
}

static size_t show_category(view *v, const char *category, const json_t *autostarts)
{
    size_t index, shown = 0;
    json_t *autostart;
    json_array_foreach(autostarts, index, autostart)
    {
        if (!is_shown(v, autostart))
            continue;
        if (shown++ == 0)
            put_heading(v, kj_host_say(KJ_HOST_CATEGORIES, category));
        show_autostart(v, autostart);
    }
    return shown;
}

void kj_host_write_autostarts(const json_t *document, const kj_host_text_options *options,
                              FILE *out)
{
    size_t index, shown = 0;
    json_t *system, *list;
    const char *category;
    view v = {.document = document, .options = options, .out = out};
    kj_buf_init(&v.line, LINE_MAX_LEN);
    show_head(&v);
    json_array_foreach(json_object_get(document, "systems"), index, system)
    {
        json_t *categories = kj_host_categories(system);
        show_system_head(&v, system);
        json_object_foreach(categories, category, list) shown += show_category(&v, category, list);
        json_decref(categories);
    }
    if (!options->quiet)
        kj_buf_printf(&v.line, ngettext("\n%zu autostart\n", "\n%zu autostarts\n", shown), shown);
    flush(&v);
    kj_buf_done(&v.line);
}
