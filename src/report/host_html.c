/* SPDX-License-Identifier: Apache-2.0 */
/* A host run as a page to keep, to print and to pass on: the outcome and what to do first, then the
 * threats with their traces, the plan or what was done, what remains, and the details.
 *
 * The names in it are an attacker's. Everything from the document goes through put(): no control
 * characters, and markup's five characters as entities. A Content-Security-Policy allows nothing
 * but the one style sheet, by its digest; there is no script, no link to elsewhere, no picture. */
#include "base/hash.h"
#include "base/reader.h"
#include "base/text.h"
#include "report/host_style.h"
#include "report/host_view.h"
#include "report/i18n.h"

#include <string.h>

enum { TEXT_MAX = 16 << 20 };

typedef struct page {
    const json_t *document;
    kj_lang lang;
    FILE *out;
    kj_buf text; /* for put() */
    kj_host_tally tally;
} page;

typedef void builder(const json_t *object, kj_buf *out);

/* ---- writing ------------------------------------------------------------------------------------
 */

/* Markup of our own. */
static void mark(page *p, const char *markup)
{
    (void)fputs(markup, p->out);
}

static void put_byte(page *p, uint8_t byte)
{
    static const char *const entities[256] = {
        ['&'] = "&amp;", ['<'] = "&lt;", ['>'] = "&gt;", ['"'] = "&quot;", ['\''] = "&#39;"};
    if (entities[byte])
        (void)fputs(entities[byte], p->out);
    else
        (void)fputc(byte, p->out);
}

/* U+FFFE and U+FFFF are no characters, in HTML and in XML. */
static bool is_noncharacter(kj_span rest)
{
    return rest.len >= 3 && rest.data[0] == 0xEF && rest.data[1] == 0xBF && rest.data[2] >= 0xBE;
}

/* Text, with a place for a line break behind every one of `breaks`. */
static void put_span(page *p, kj_span text, const char *breaks)
{
    kj_buf_clear(&p->text);
    kj_escape(text, NULL, &p->text);
    for (size_t i = 0; i < p->text.len; i++) {
        uint8_t byte = p->text.data[i];
        if (is_noncharacter(kj_span_sub(kj_buf_span(&p->text), i, SIZE_MAX))) {
            mark(p, "\\u{ffff}");
            i += 2;
            continue;
        }
        put_byte(p, byte);
        if (byte && strchr(breaks, byte))
            mark(p, "<wbr/>");
    }
}

static void put(page *p, const char *text)
{
    put_span(p, kj_span_str(text), "");
}

/* A name of the volume: a path, a value, data. */
static void put_code(page *p, const char *text)
{
    mark(p, "<code>");
    put_span(p, kj_span_str(text), "\\/");
    mark(p, "</code>");
}

static void put_built(page *p, builder *build, const json_t *object,
                      void (*write)(page *p, const char *text))
{
    kj_buf text;
    kj_buf_init(&text, TEXT_MAX);
    build(object, &text);
    write(p, kj_buf_text(&text));
    kj_buf_done(&text);
}

/* `<NAME>text</NAME>`; `name` may have attributes. */
static void put_element(page *p, const char *name, const char *text)
{
    (void)fprintf(p->out, "<%s>", name);
    put(p, text);
    (void)fprintf(p->out, "</%.*s>\n", (int)strcspn(name, " "), name);
}

static const char *tone_class(kj_host_tone tone)
{
    static const char *const names[] = {
        [KJ_HOST_NEUTRAL] = "plain",
        [KJ_HOST_GOOD] = "good",
        [KJ_HOST_WARN] = "warn",
        [KJ_HOST_BAD] = "bad",
    };
    return names[tone];
}

static void put_badge(page *p, kj_host_tone tone, const char *sign, const char *text)
{
    if (!*text)
        return;
    (void)fprintf(p->out, "<span class=\"badge %s\">", tone_class(tone));
    if (*sign) {
        mark(p, "<span aria-hidden=\"true\">");
        put(p, sign);
        mark(p, "</span> ");
    }
    put(p, text);
    mark(p, "</span>");
}

/* A line of a table's cell: a label and a name, when there is a name. */
static void put_line(page *p, const char *label, const char *text,
                     void (*write)(page *p, const char *text))
{
    if (!*text)
        return;
    mark(p, "<p>");
    if (*label) {
        mark(p, "<span class=\"key\">");
        put(p, label);
        mark(p, "</span>");
    }
    write(p, text);
    mark(p, "</p>");
}

static void put_term(page *p, const char *term)
{
    put_element(p, "dt", term);
}

/* ---- prose --------------------------------------------------------------------------------------
 */

typedef enum block { NO_BLOCK, PARAGRAPH, ITEM } block;

static void end_block(page *p, block open)
{
    mark(p, open == PARAGRAPH ? "</p>\n" : open == ITEM ? "</li></ul>\n" : "");
}

static void begin_block(page *p, block open, block wanted)
{
    if (wanted == ITEM && open == ITEM) {
        mark(p, "</li>\n<li>");
        return;
    }
    end_block(p, open);
    mark(p, wanted == ITEM ? "<ul><li>" : "<p>");
}

/* Paragraphs and items as in advisories: see report/wrap.h. */
static void put_prose(page *p, const char *text)
{
    kj_reader r = kj_reader_of(kj_span_str(text));
    kj_span line;
    block open = NO_BLOCK;
    bool is_gap = false;
    while (kj_read_line(&r, &line)) {
        line = kj_text_trim(line);
        bool is_item = line.len > 2 && line.data[0] == '-' && line.data[1] == ' ';
        if (line.len == 0) {
            is_gap = true;
            continue;
        }
        if (is_item || is_gap || open == NO_BLOCK) {
            block wanted = is_item ? ITEM : PARAGRAPH;
            begin_block(p, open, wanted);
            open = wanted;
        } else if (p->lang != KJ_LANG_JA) {
            mark(p, " ");
        }
        is_gap = false;
        put_span(p, is_item ? kj_text_trim(kj_span_sub(line, 2, SIZE_MAX)) : line, "\\");
    }
    end_block(p, open);
}

/* ---- tables -------------------------------------------------------------------------------------
 */

enum { COLUMNS_MAX = 4 };

typedef struct table {
    struct {
        const char *title; /* N_() */
        const char *width; /* a class of the style sheet; "": what is left */
    } columns[COLUMNS_MAX];
    bool is_headed; /* a heading says what it is: the caption is not to be seen */
} table;

static void begin_table(page *p, const char *caption, const table *what)
{
    mark(p, "<table>\n");
    put_element(p, what->is_headed ? "caption class=\"unseen\"" : "caption", caption);
    mark(p, "<thead><tr>");
    for (size_t i = 0; i < COLUMNS_MAX && what->columns[i].title; i++) {
        (void)fprintf(p->out, "<th scope=\"col\" class=\"%s\">", what->columns[i].width);
        put(p, _(what->columns[i].title));
        mark(p, "</th>");
    }
    mark(p, "</tr></thead>\n<tbody>\n");
}

static void end_table(page *p)
{
    mark(p, "</tbody>\n</table>\n");
}

/* ---- traces -------------------------------------------------------------------------------------
 */

static void show_starts(page *p, const json_t *trace)
{
    size_t index;
    json_t *start;
    json_array_foreach(json_object_get(trace, "starts"), index, start)
    {
        const char *text = json_string_value(start);
        put_line(p, _("started by: "), text ? text : "", put_code);
    }
}

static void show_trace_facts(page *p, const json_t *trace)
{
    json_int_t links = json_integer_value(json_object_get(trace, "links"));
    put_line(p, "", kj_host_get(trace, "data"), put_code);
    show_starts(p, trace);
    if (kj_host_adds_found(trace)) {
        mark(p, "<p>");
        put_element(p, "span class=\"key\"", _("its content is: "));
        put_built(p, kj_host_put_found, json_object_get(trace, "found"), put);
        mark(p, "</p>");
    }
    if (links > 1) {
        mark(p, "<p>");
        (void)fprintf(p->out, _("it has %lld names (hard links)"), (long long)links);
        mark(p, "</p>");
    }
    put_line(p, "", kj_host_note(trace), put);
    put_line(p, "SHA-256: ", kj_host_get(trace, "sha256"), put_code);
}

static void show_trace(page *p, const json_t *trace)
{
    const char *state = kj_host_get(trace, "state");
    mark(p, kj_host_is_stolen(trace) ? "<tr class=\"stolen\"><td>" : "<tr><td>");
    put_badge(p, kj_host_state_tone(state), "", kj_host_say(KJ_HOST_STATES, state));
    mark(p, "</td><td>");
    put(p, kj_host_role(trace));
    mark(p, "</td><td>");
    put_built(p, kj_host_put_place, trace, put_code);
    if (json_object_get(trace, "size")) {
        mark(p, " <span class=\"soft\">");
        put_built(p, kj_host_put_size, trace, put);
        mark(p, "</span>");
    }
    show_trace_facts(p, trace);
    mark(p, "</td></tr>\n");
}

static void show_traces(page *p, const char *caption, bool is_headed, const json_t *traces)
{
    const table what = {
        .columns = {{N_("State"), "w-state"}, {N_("What it is"), "w-role"}, {N_("Where"), ""}},
        .is_headed = is_headed};
    size_t index;
    json_t *trace;
    if (json_array_size(traces) == 0)
        return;
    begin_table(p, caption, &what);
    json_array_foreach(traces, index, trace) show_trace(p, trace);
    end_table(p);
}

static void show_group(page *p, const json_t *system, kj_host_group group)
{
    json_t *traces = kj_host_traces(system, NULL, group);
    if (json_array_size(traces)) {
        const char *meaning = kj_host_group_meaning(group);
        put_element(p, "h3", kj_host_group_title(group));
        if (*meaning)
            put_element(p, "p", meaning);
        show_traces(p, kj_host_group_title(group), true, traces);
    }
    json_decref(traces);
}

/* ---- threats ------------------------------------------------------------------------------------
 */

static void show_text(page *p, const char *title, const json_t *texts)
{
    const char *text = kj_host_text(texts, p->lang);
    if (!*text)
        return;
    put_element(p, "h4", title);
    put_prose(p, text);
}

static void show_threat(page *p, const json_t *system, const json_t *threat)
{
    const char *state = kj_host_get(threat, "state");
    json_t *traces = kj_host_traces(system, threat, KJ_HOST_OF_THREAT);
    mark(p, "<section class=\"threat\">\n<h3>");
    put(p, kj_host_get(threat, "name"));
    mark(p, " ");
    put_badge(p, kj_host_state_tone(state), "", kj_host_say(KJ_HOST_STATES_LONG, state));
    mark(p, "</h3>\n<p class=\"soft\">");
    put_built(p, kj_host_put_about, threat, put);
    mark(p, "</p>\n");
    put_prose(p, kj_host_text(json_object_get(threat, "summary"), p->lang));
    show_traces(p, _("Traces"), false, traces);
    show_text(p, _("What people may have noticed"), json_object_get(threat, "symptoms"));
    if (!p->tally.has_plan)
        show_text(p, _("Removal"), json_object_get(threat, "removal"));
    mark(p, "</section>\n");
    json_decref(traces);
}

static void show_system(page *p, const json_t *system, size_t number)
{
    size_t index;
    json_t *threat;
    const char *windir = kj_host_get(system, "windir");
    (void)fprintf(p->out, "<section>\n<h2 id=\"system-%zu\">", number);
    put_built(p, kj_host_put_system, system, put);
    mark(p, "</h2>\n<p class=\"soft\">");
    put(p, _("Windows folder: "));
    put_code(p, *windir ? windir : kj_host_get(system, "path"));
    mark(p, "</p>\n");
    if (p->tally.has_run)
        put_element(p, "p", _("As it was found before the cleaning:"));
    if (json_array_size(json_object_get(system, "threats")) == 0)
        put_element(p, "p", _("No threat was detected on this system."));
    json_array_foreach(json_object_get(system, "threats"), index, threat)
        show_threat(p, system, threat);
    for (int group = 0; group < KJ_HOST_GROUP_COUNT; group++)
        show_group(p, system, (kj_host_group)group);
    mark(p, "</section>\n");
}

/* ---- the plan, and what became of it ------------------------------------------------------------
 */

static void show_reasons(page *p, const json_t *action)
{
    const char *risk = kj_host_get(action, "risk"), *why = kj_host_sentence(action, "risk_why");
    put(p, kj_host_sentence(action, "reason"));
    if (*risk && strcmp(risk, "low") != 0) {
        mark(p, "<p>");
        kj_buf label;
        kj_buf_init(&label, 1 << 12);
        kj_buf_printf(&label, _("risk: %s"), kj_host_say(KJ_HOST_RISKS, risk));
        put_badge(p, KJ_HOST_WARN, "", kj_buf_text(&label));
        kj_buf_done(&label);
        mark(p, " ");
        put(p, why);
        mark(p, "</p>");
    }
    put_line(p, _("only if: "), kj_host_sentence(action, "precondition"), put);
}

static void show_action(page *p, const json_t *action)
{
    const char *result = kj_host_result(action);
    bool is_stolen = kj_host_is(action, "warn", "stolen-data");
    (void)fprintf(p->out, "<tr%s><td class=\"number\">%lld</td><td><strong>",
                  is_stolen ? " class=\"stolen\"" : "",
                  (long long)json_integer_value(json_object_get(action, "number")));
    put(p, kj_host_say(KJ_HOST_DEEDS, kj_host_get(action, "do")));
    mark(p, "</strong><br/>");
    put_built(p, kj_host_put_place, action, put_code);
    put_line(p, _("data: "), kj_host_get(action, "data"), put_code);
    put_line(p, _("becomes: "), kj_host_get(action, "becomes"), put_code);
    if (is_stolen)
        put_line(p, "",
                 _("card data or passwords may have been written here: treat it as confidential"),
                 put);
    mark(p, "</td><td>");
    show_reasons(p, action);
    mark(p, "</td><td>");
    put_badge(p, kj_host_result_tone(result), kj_host_sign(result),
              kj_host_say(KJ_HOST_RESULTS, result));
    put_line(p, "", kj_host_sentence(action, "sentence"), put);
    put_line(p, "", kj_host_sentence(action, "refused"), put);
    mark(p, "</td></tr>\n");
}

static void show_phase(page *p, const json_t *actions, const kj_host_phase *phase)
{
    static const table what = {.columns = {{N_("No."), "w-number number"},
                                           {N_("Action"), ""},
                                           {N_("Why"), "w-why"},
                                           {N_("Status"), "w-result"}}};
    bool is_begun = false;
    size_t index;
    json_t *action;
    json_array_foreach(actions, index, action)
    {
        if (!kj_host_in_phase(action, phase))
            continue;
        if (!is_begun)
            begin_table(p, _(phase->title), &what);
        is_begun = true;
        show_action(p, action);
    }
    if (is_begun)
        end_table(p);
}

static void show_plan(page *p)
{
    const json_t *plan = json_object_get(p->document, "plan");
    const json_t *actions = json_object_get(plan, "actions");
    const json_t *run = json_object_get(p->document, "run");
    if (!p->tally.has_plan)
        return;
    mark(p, "<section>\n");
    put_element(p, "h2 id=\"plan\"", p->tally.has_run ? _("What was done") : _("Plan"));
    if (!p->tally.has_run)
        put_element(p, "p", _("Nothing has been changed yet."));
    if (json_array_size(actions) == 0)
        put_element(p, "p", _("There is nothing to do."));
    for (size_t i = 0; i < kj_host_phase_count; i++)
        show_phase(p, actions, &kj_host_phases[i]);
    put_line(p, _("run: "), kj_host_get(run, "id"), put_code);
    put_line(p, _("journal and quarantine: "), kj_host_get(run, "state"), put_code);
    mark(p, "</section>\n");
}

/* ---- afterwards ---------------------------------------------------------------------------------
 */

static void show_check(page *p, bool ok, const char *what, const char *sentence)
{
    mark(p, "<tr><td>");
    put_badge(p, ok ? KJ_HOST_GOOD : KJ_HOST_BAD, kj_host_sign(ok ? "done" : "failed"),
              ok ? _("in order") : _("not in order"));
    mark(p, "</td><td>");
    put(p, what);
    put(p, *what && *sentence ? ": " : "");
    put_span(p, kj_span_str(sentence), "\\");
    mark(p, "</td></tr>\n");
}

static void show_checks(page *p, const json_t *after)
{
    static const table what = {.columns = {{N_("Result"), "w-role"}, {N_("Check"), ""}}};
    size_t index;
    json_t *item;
    const json_t *clean = json_object_get(after, "clean");
    begin_table(p, _("Checked again"), &what);
    if (clean)
        show_check(p, json_is_true(clean), _("Threats"), kj_host_again(after));
    json_array_foreach(json_object_get(after, "threats"), index, item)
    {
        const char *name = json_string_value(item);
        show_check(p, false, name ? name : "", _("still found"));
    }
    json_array_foreach(json_object_get(after, "boot"), index, item)
        show_check(p, json_is_true(json_object_get(item, "ok")), kj_host_get(item, "what"),
                   kj_host_sentence(item, "sentence"));
    end_table(p);
}

static void show_remains(page *p, const json_t *remains)
{
    size_t index;
    json_t *item;
    if (json_array_size(remains) == 0)
        return;
    put_element(p, "h3", _("What remains, and what you should do"));
    mark(p, "<ul>\n");
    json_array_foreach(remains, index, item)
    {
        mark(p, "<li>");
        put_element(p, "strong", kj_host_say(KJ_HOST_REMAINS, kj_host_get(item, "id")));
        put(p, kj_host_sentence(item, "sentence"));
        mark(p, "</li>\n");
    }
    mark(p, "</ul>\n");
}

static void show_after(page *p)
{
    const json_t *after = json_object_get(p->document, "after");
    mark(p, "<section>\n");
    put_element(p, "h2 id=\"after\"", _("After the cleaning"));
    show_checks(p, after);
    show_remains(p, json_object_get(after, "remains"));
    mark(p, "</section>\n");
}

/* Every note once, whichever threats it belongs to: a JSON object by their ids. */
static json_t *collect_notes(const json_t *document)
{
    json_t *out = json_object();
    size_t s, t, n;
    json_t *system, *threat, *note;
    json_array_foreach(json_object_get(document, "systems"), s, system)
    {
        json_array_foreach(json_object_get(system, "threats"), t, threat)
        {
            json_array_foreach(json_object_get(threat, "notes"), n, note)(void)
                json_object_set(out, kj_host_get(note, "id"), note);
        }
    }
    return out;
}

static void show_notes(page *p, json_t *notes)
{
    const char *id;
    json_t *note;
    if (json_object_size(notes) == 0)
        return;
    mark(p, "<section>\n");
    put_element(p, "h2 id=\"advice\"", _("Advice"));
    json_object_foreach(notes, id, note)
    {
        mark(p, "<section class=\"note\">\n");
        put_element(p, "h3", kj_host_text(json_object_get(note, "title"), p->lang));
        put_prose(p, kj_host_text(json_object_get(note, "text"), p->lang));
        mark(p, "</section>\n");
    }
    mark(p, "</section>\n");
}

/* ---- details ------------------------------------------------------------------------------------
 */

static void show_unseen(page *p)
{
    static const table what = {.columns = {{N_("Where"), ""}, {N_("Why"), "w-half"}},
                               .is_headed = true};
    const json_t *unseen = json_object_get(p->document, "unseen");
    size_t index;
    json_t *item;
    if (json_array_size(unseen) == 0)
        return;
    mark(p, "<section>\n");
    put_element(p, "h2 id=\"unseen\"", _("Not inspected"));
    begin_table(p, _("Not inspected"), &what);
    json_array_foreach(unseen, index, item)
    {
        mark(p, "<tr><td>");
        put_code(p, kj_host_get(item, "where"));
        mark(p, "</td><td>");
        put(p, kj_host_sentence(item, "sentence"));
        mark(p, "</td></tr>\n");
    }
    end_table(p);
    mark(p, "</section>\n");
}

static void show_flags(page *p, const json_t *flags)
{
    size_t index;
    json_t *flag;
    json_array_foreach(flags, index, flag)
    {
        const char *word = json_string_value(flag);
        put_line(p, "", word ? kj_host_say(KJ_HOST_FLAGS, word) : "", put);
    }
}

static void show_autostart(page *p, const json_t *autostart)
{
    const json_t *found = json_object_get(autostart, "found");
    const char *signature = kj_host_get(autostart, "signed");
    const char *command = kj_host_get(autostart, "command"), *target = kj_host_target(autostart);
    mark(p, "<tr><td>");
    put_built(p, kj_host_put_place, autostart, put_code);
    mark(p, "</td><td>");
    put_code(p, target);
    put_line(p, "", strcmp(command, target) != 0 ? command : "", put_code);
    put_line(p, "SHA-256: ", kj_host_get(autostart, "sha256"), put_code);
    mark(p, "</td><td>");
    if (json_array_size(found)) {
        mark(p, "<strong class=\"badge bad\">FOUND</strong> ");
        put_built(p, kj_host_put_found, found, put);
        mark(p, "<br/>");
    }
    put_badge(p, kj_host_signed_tone(signature), "", kj_host_say(KJ_HOST_SIGNED, signature));
    put_line(p, "", kj_host_get(autostart, "signer"), put);
    show_flags(p, json_object_get(autostart, "flags"));
    mark(p, "</td></tr>\n");
}

static void show_autostarts_of(page *p, const json_t *system)
{
    static const table what = {
        .columns = {{N_("Entry"), ""}, {N_("Starts"), "w-half"}, {N_("Remarks"), "w-remarks"}}};
    json_t *categories = kj_host_categories(system);
    const char *category;
    json_t *list, *autostart;
    size_t index;
    json_object_foreach(categories, category, list)
    {
        begin_table(p, kj_host_say(KJ_HOST_CATEGORIES, category), &what);
        json_array_foreach(list, index, autostart) show_autostart(p, autostart);
        end_table(p);
    }
    json_decref(categories);
}

static bool has_autostarts(const json_t *document)
{
    size_t index, count = 0;
    json_t *system;
    json_array_foreach(json_object_get(document, "systems"), index, system) count +=
        json_array_size(json_object_get(system, "autostarts"));
    return count > 0;
}

static void show_autostarts(page *p)
{
    size_t index;
    json_t *system;
    if (!has_autostarts(p->document))
        return;
    mark(p, "<section>\n");
    put_element(p, "h2 id=\"autostarts\"", _("What starts by itself"));
    json_array_foreach(json_object_get(p->document, "systems"), index, system)
    {
        mark(p, "<h3>");
        put_built(p, kj_host_put_system, system, put);
        mark(p, "</h3>\n");
        show_autostarts_of(p, system);
    }
    mark(p, "</section>\n");
}

static void show_profiles(page *p, const json_t *system)
{
    static const table what = {
        .columns = {{N_("User"), "w-role"}, {N_("Folder"), ""}, {N_("SID"), "w-half"}}};
    const json_t *profiles = json_object_get(system, "profiles");
    size_t index;
    json_t *profile;
    if (json_array_size(profiles) == 0)
        return;
    begin_table(p, _("Users"), &what);
    json_array_foreach(profiles, index, profile)
    {
        mark(p, "<tr><td>");
        put(p, kj_host_get(profile, "name"));
        mark(p, "</td><td>");
        put_code(p, kj_host_get(profile, "path"));
        mark(p, "</td><td>");
        put_code(p, kj_host_get(profile, "sid"));
        mark(p, "</td></tr>\n");
    }
    end_table(p);
}

static void show_hives(page *p, const json_t *system)
{
    static const table what = {
        .columns = {{N_("Hive"), "w-role"}, {N_("File"), ""}, {N_("State"), "w-half"}}};
    const json_t *hives = json_object_get(system, "hives");
    size_t index;
    json_t *hive;
    if (json_array_size(hives) == 0)
        return;
    begin_table(p, _("Registry files"), &what);
    json_array_foreach(hives, index, hive)
    {
        const char *state = kj_host_get(hive, "state");
        mark(p, "<tr><td>");
        put(p, kj_host_get(hive, "role"));
        mark(p, "</td><td>");
        put_code(p, kj_host_get(hive, "path"));
        mark(p, "</td><td>");
        put(p, kj_host_say(KJ_HOST_HIVES, state));
        put_line(p, "", kj_host_sentence(hive, "trouble"), put);
        mark(p, "</td></tr>\n");
    }
    end_table(p);
}

static void show_details(page *p)
{
    size_t index;
    json_t *system;
    if (p->tally.systems == 0)
        return;
    mark(p, "<section>\n");
    put_element(p, "h2 id=\"details\"", _("Details of the systems"));
    json_array_foreach(json_object_get(p->document, "systems"), index, system)
    {
        mark(p, "<h3>");
        put_built(p, kj_host_put_system, system, put);
        mark(p, "</h3>\n");
        show_profiles(p, system);
        show_hives(p, system);
    }
    mark(p, "</section>\n");
}

/* ---- the top ------------------------------------------------------------------------------------
 */

static const char *title_of(const page *p)
{
    if (p->tally.has_run)
        return _("Cleaning report");
    return p->tally.has_plan ? _("Cleaning plan") : _("Inspection report");
}

static void put_base64(page *p, const uint8_t *bytes, size_t len)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < len; i += 3) {
        uint32_t group = 0;
        for (size_t k = 0; k < 3; k++)
            group = group << 8 | (i + k < len ? bytes[i + k] : 0U);
        for (size_t k = 0; k < 4; k++)
            (void)fputc(i + k <= len ? digits[group >> (18 - 6 * k) & 63] : '=', p->out);
    }
}

static void show_head(page *p)
{
    uint8_t digest[KJ_HASH_MAX];
    kj_hash(KJ_HASH_SHA256, kj_span_str(kj_host_style), digest);
    (void)fprintf(p->out,
                  "<!DOCTYPE html>\n<html lang=\"%s\">\n<head>\n<meta charset=\"utf-8\"/>\n"
                  "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                  "style-src 'sha256-",
                  kj_lang_name(p->lang));
    put_base64(p, digest, kj_hash_len(KJ_HASH_SHA256));
    mark(p, "'; base-uri 'none'; form-action 'none'\"/>\n"
            "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
            "<meta name=\"referrer\" content=\"no-referrer\"/>\n<title>");
    put(p, title_of(p));
    put(p, ": ");
    put(p, kj_host_get(p->document, "root"));
    mark(p, "</title>\n<style>");
    mark(p, kj_host_style);
    mark(p, "</style>\n</head>\n<body>\n<div class=\"sheet\">\n");
}

static void show_facts(page *p)
{
    mark(p, "<header>\n<p class=\"brand\">kujo</p>\n");
    put_element(p, "h1", title_of(p));
    mark(p, "<dl class=\"facts\">\n");
    put_term(p, _("Inspected"));
    mark(p, "<dd>");
    put_code(p, kj_host_get(p->document, "root"));
    if (*kj_host_get(p->document, "tree")) {
        mark(p, " <span class=\"soft\">(");
        put_built(p, kj_host_put_tree, p->document, put);
        mark(p, ")</span>");
    }
    mark(p, "</dd>\n");
    put_term(p, _("When"));
    mark(p, "<dd>");
    put_built(p, kj_host_put_time, p->document, put);
    mark(p, "</dd>\n");
    put_term(p, _("Engine"));
    mark(p, "<dd>kujo ");
    put(p, kj_host_get(p->document, "engine"));
    mark(p, "</dd>\n");
    put_term(p, _("Definitions"));
    mark(p, "<dd>");
    put_built(p, kj_host_put_definitions, p->document, put);
    mark(p, "</dd>\n</dl>\n</header>\n");
}

static void show_next(page *p)
{
    kj_host_next next[KJ_HOST_NEXT_MAX];
    size_t count = kj_host_what_next(p->document, &p->tally, next);
    if (count == 0)
        return;
    mark(p, "<div class=\"next\">\n");
    put_element(p, "h3", _("What to do next"));
    for (size_t i = 0; i < count; i++)
        if (!next[i].before)
            put_element(p, "p", next[i].meaning);
    mark(p, "<dl>\n");
    for (size_t i = 0; i < count; i++) {
        if (!next[i].before)
            continue;
        kj_buf command;
        kj_buf_init(&command, TEXT_MAX);
        kj_host_put_command(&next[i], &command);
        mark(p, "<dt>");
        put_code(p, kj_buf_text(&command));
        mark(p, "</dt>");
        put_element(p, "dd", next[i].meaning);
        kj_buf_done(&command);
    }
    mark(p, "</dl>\n</div>\n");
}

static void show_outcome(page *p)
{
    static const char *const signs[] = {[KJ_HOST_NEUTRAL] = "",
                                        [KJ_HOST_GOOD] = "\u2713",
                                        [KJ_HOST_WARN] = "!",
                                        [KJ_HOST_BAD] = "\u2717"};
    const char *sentence;
    kj_host_tone tone = kj_host_outcome(p->document, &p->tally, &sentence);
    kj_host_figure figures[KJ_HOST_FIGURES_MAX];
    size_t count = kj_host_figures(&p->tally, figures);
    (void)fprintf(p->out,
                  "<section class=\"outcome %s\">\n<h2><span class=\"sign\" aria-hidden=\"true\">%s"
                  "</span>",
                  tone_class(tone), signs[tone]);
    put(p, sentence);
    mark(p, "</h2>\n");
    mark(p, count ? "<ul class=\"figures\">\n" : "");
    for (size_t i = 0; i < count; i++) {
        (void)fprintf(p->out, "<li class=\"%s\"><strong>%zu</strong> ", tone_class(figures[i].tone),
                      figures[i].count);
        put(p, figures[i].label);
        mark(p, "</li>\n");
    }
    mark(p, count ? "</ul>\n" : "");
    show_next(p);
    mark(p, "</section>\n");
}

/* Of all systems: whoever reads no further has read this. */
static void show_stolen(page *p)
{
    size_t s, t;
    json_t *system, *trace;
    if (p->tally.stolen == 0)
        return;
    mark(p, "<section class=\"alert\">\n");
    put_element(p, "h2", _("Stolen data"));
    put_element(p, "p",
                _("Card data, passwords or other private data may have been written here. Treat "
                  "the file as confidential, and tell those whom it concerns."));
    mark(p, "<ul>\n");
    json_array_foreach(json_object_get(p->document, "systems"), s, system)
    {
        json_array_foreach(json_object_get(system, "traces"), t, trace)
        {
            if (kj_host_group_of(trace) != KJ_HOST_OF_THREAT || !kj_host_is_stolen(trace))
                continue;
            mark(p, "<li>");
            put_built(p, kj_host_put_place, trace, put_code);
            mark(p, "</li>\n");
        }
    }
    mark(p, "</ul>\n</section>\n");
}

static void show_hibernated(page *p)
{
    if (p->tally.hibernated == 0)
        return;
    mark(p, "<section class=\"alert\">\n");
    put_element(p, "h2", _("Hibernated"));
    put_element(p, "p",
                _("This Windows is hibernated, or was shut down with Fast Startup. What is on the "
                  "volume is not all that it knows."));
    mark(p, "</section>\n");
}

static void show_contents(page *p, const json_t *notes)
{
    const struct {
        const char *target, *title;
        bool is_there;
    } rows[] = {
        {"plan", _("What was done"), p->tally.has_run},
        {"after", _("After the cleaning"), p->tally.has_run},
        {"system-1", _("Threats"), p->tally.systems > 0},
        {"plan", _("Plan"), p->tally.has_plan && !p->tally.has_run},
        {"advice", _("Advice"), json_object_size(notes) > 0},
        {"unseen", _("Not inspected"), p->tally.unseen > 0},
        {"autostarts", _("What starts by itself"), has_autostarts(p->document)},
        {"details", _("Details of the systems"), p->tally.systems > 0},
    };
    (void)fprintf(p->out, "<nav class=\"contents\" aria-label=\"%s\">\n<ul>\n", _("Contents"));
    for (size_t i = 0; i < KJ_COUNT(rows); i++) {
        if (!rows[i].is_there)
            continue;
        (void)fprintf(p->out, "<li><a href=\"#%s\">", rows[i].target);
        put(p, rows[i].title);
        mark(p, "</a></li>\n");
    }
    mark(p, "</ul>\n</nav>\n");
}

static void show_footer(page *p)
{
    mark(p, "<footer>\n<p>");
    put(p, _("Made by kujo. Names from the inspected system are shown with control characters "
             "escaped."));
    mark(p, "</p>\n</footer>\n</div>\n</body>\n</html>\n");
}

void kj_host_write_html(const json_t *document, kj_lang lang, FILE *out)
{
    page p = {.document = document, .lang = lang, .out = out};
    json_t *notes = collect_notes(document);
    size_t index;
    json_t *system;
    kj_buf_init(&p.text, TEXT_MAX);
    kj_host_count(document, &p.tally);
    show_head(&p);
    show_facts(&p);
    mark(&p, "<main>\n");
    show_outcome(&p);
    show_hibernated(&p);
    show_stolen(&p);
    show_contents(&p, notes);
    if (p.tally.has_run) { /* whoever has cleaned wants to know first what came of it */
        show_plan(&p);
        show_after(&p);
    }
    json_array_foreach(json_object_get(document, "systems"), index, system)
        show_system(&p, system, index + 1);
    if (!p.tally.has_run)
        show_plan(&p);
    show_notes(&p, notes);
    show_unseen(&p);
    show_autostarts(&p);
    show_details(&p);
    mark(&p, "</main>\n");
    show_footer(&p);
    kj_buf_done(&p.text);
    json_decref(notes);
}
