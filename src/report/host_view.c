/* SPDX-License-Identifier: Apache-2.0 */
#include "report/host_view.h"

#include "base/text.h"
#include "report/i18n.h"

#include <stdlib.h>
#include <string.h>

/* ---- reading ------------------------------------------------------------------------------------
 */

const char *kj_host_get(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

bool kj_host_is(const json_t *object, const char *key, const char *word)
{
    return strcmp(kj_host_get(object, key), word) == 0;
}

bool kj_host_lists(const json_t *array, const char *word)
{
    size_t index;
    json_t *item;
    json_array_foreach(array, index, item)
    {
        const char *text = json_string_value(item);
        if (text && strcmp(text, word) == 0)
            return true;
    }
    return false;
}

const char *kj_host_text(const json_t *texts, kj_lang lang)
{
    const char *text = kj_host_get(texts, kj_lang_name(lang));
    for (size_t i = 0; *text == '\0' && i < KJ_LANG_COUNT; i++)
        text = kj_host_get(texts, kj_lang_name((kj_lang)i));
    return text;
}

/* ---- words --------------------------------------------------------------------------------------
 */

typedef struct word {
    const char *word;
    const char *text; /* N_() */
} word;

static const word states[] = {
    {"active", N_("active")},
    {"dormant", N_("dormant")},
    {"remnant", N_("remnant")},
    {"variant", N_("variant")},
    {NULL, NULL},
};

static const word states_long[] = {
    {"active", N_("active: it starts with Windows")},
    {"dormant", N_("dormant: it is there, but nothing starts it by itself")},
    {"remnant", N_("remnant: only what it left behind, nothing that runs")},
    {NULL, NULL},
};

static const word roles[] = {
    {"body", N_("the threat itself")},
    {"autostart", N_("starts it")},
    {"data", N_("its data")},
    {"stolen-data", N_("stolen data")},
    {"support", N_("accompanies it")},
    {"symptom", N_("symptom")},
    {NULL, NULL},
};

static const word kinds[] = {
    {"file", N_("file")}, {"registry", N_("registry")}, {"ini", N_("INI file")},
    {"task", N_("task")}, {"service", N_("service")},   {"startup", N_("startup folder")},
    {NULL, NULL},
};

static const word classes[] = {
    {"exact", N_("exact")},
    {"family", N_("family")},
    {"heuristic", N_("heuristic")},
    {"trusted", N_("known good")},
    {NULL, NULL},
};

static const word risks[] = {
    {"low", N_("low")},
    {"low-profiled", N_("low, in the news")},
    {"medium", N_("medium")},
    {"medium-on-watch", N_("medium, on watch")},
    {"high", N_("high")},
    {"high-outbreak", N_("high, outbreak")},
    {NULL, NULL},
};

/* Those of advisories, and what the table of places makes of them. */
static const word deeds[] = {
    {"quarantine", N_("Move to the quarantine")},
    {"delete-value", N_("Delete the registry value")},
    {"delete-key", N_("Delete the registry key")},
    {"set-value", N_("Change the registry value")},
    {"restore-default", N_("Restore what Windows has there by itself")},
    {"remove-token", N_("Remove the part that starts it")},
    {"set-ini", N_("Change the INI entry")},
    {"delete-ini", N_("Delete the INI entry")},
    {"disable-service", N_("Disable the service")},
    {"remove-task", N_("Remove the scheduled task")},
    {"remove-empty-dir", N_("Remove the empty folder")},
    {"remove-directory", N_("Remove the empty folder")},
    {"report", N_("Not touched")},
    {"manual", N_("Do it by hand")},
    {NULL, NULL},
};

static const word results[] = {
    {"done", N_("done")},
    {"already", N_("was so already")},
    {"skipped", N_("skipped")},
    {"failed", N_("failed")},
    {"pending", N_("not done yet")},
    {"undone", N_("taken back")},
    {"planned", N_("planned")},
    {"refused", N_("will not be done")},
    {"manual", N_("by hand")},
    {"report", N_("for your information")},
    {NULL, NULL},
};

static const word remains[] = {
    {"system-restore", N_("System Restore")},
    {"mail", N_("Mail")},
    {"passwords", N_("Passwords and cards")},
    {"copies", N_("Copies")},
    {"not-seen", N_("Not inspected")},
    {"other", N_("Other")},
    {NULL, NULL},
};

static const word hives[] = {
    {"clean", N_("in order")},
    {"replayed", N_("read with its log, as Windows would")},
    {"stale", N_("without its newest changes: its log could not be used")},
    {"unreadable", N_("could not be read")},
    {NULL, NULL},
};

static const word categories[] = {
    {"logon", N_("Logon")},
    {"services", N_("Services and drivers")},
    {"boot", N_("Boot")},
    {"tasks", N_("Scheduled tasks")},
    {"task-list", N_("The registry's list of tasks")},
    {"file types", N_("File types and COM")},
    {"explorer", N_("Explorer and the browser")},
    {"libraries", N_("Loaded libraries")},
    {"office", N_("Office")},
    {"texts", N_("INI and text files")},
    {"stores", N_("Other stores")},
    {"policies", N_("Policies")},
    {NULL, NULL},
};

static const word flags[] = {
    {"default", N_("Windows' own")},
    {"disabled", N_("disabled")},
    {"missing", N_("its file is missing")},
    {"elsewhere", N_("on another drive or a network")},
    {"hijack", N_("path without quotes: another program comes first")},
    {"inline", N_("script in the entry itself")},
    {"hidden", N_("hides from tools")},
    {"stale", N_("not in use")},
    {"copy", N_("in a copy of a hive")},
    {"cut", N_("longer than what is shown")},
    {"32-bit", N_("32-bit")},
    {NULL, NULL},
};

static const word signatures[] = {
    {"valid", N_("signed")},
    {"invalid", N_("signature INVALID (changed after signing)")},
    {"none", N_("not signed")},
    {"untrusted", N_("signed, signer not known")},
    {"unknown", ""},
    {NULL, NULL},
};

static const word *const vocabularies[KJ_HOST_VOCABULARY_COUNT] = {
    [KJ_HOST_STATES] = states,     [KJ_HOST_STATES_LONG] = states_long, [KJ_HOST_ROLES] = roles,
    [KJ_HOST_KINDS] = kinds,       [KJ_HOST_CLASSES] = classes,         [KJ_HOST_RISKS] = risks,
    [KJ_HOST_DEEDS] = deeds,       [KJ_HOST_RESULTS] = results,         [KJ_HOST_REMAINS] = remains,
    [KJ_HOST_HIVES] = hives,       [KJ_HOST_CATEGORIES] = categories,   [KJ_HOST_FLAGS] = flags,
    [KJ_HOST_SIGNED] = signatures,
};

/* The catalogue keeps its own header under "". */
static const char *translate(const char *text)
{
    return *text ? gettext(text) : "";
}

const char *kj_host_say(kj_host_vocabulary vocabulary, const char *text)
{
    for (const word *w = vocabularies[vocabulary]; w->word; w++)
        if (strcmp(w->word, text) == 0)
            return translate(w->text);
    return text;
}

const char *kj_host_sentence(const json_t *object, const char *key)
{
    return translate(kj_host_get(object, key));
}

const char *kj_host_role(const json_t *trace)
{
    const char *role = kj_host_get(trace, "role");
    return *role ? kj_host_say(KJ_HOST_ROLES, role)
                 : kj_host_say(KJ_HOST_KINDS, kj_host_get(trace, "kind"));
}

const char *kj_host_note(const json_t *trace)
{
    bool told = kj_host_is_stolen(trace) || kj_host_group_of(trace) == KJ_HOST_VARIANTS;
    return told ? "" : kj_host_sentence(trace, "note");
}

void kj_host_put_place(const json_t *object, kj_buf *out)
{
    const char *section = kj_host_get(object, "section"), *name = kj_host_get(object, "name");
    json_int_t line = json_integer_value(json_object_get(object, "line"));
    kj_buf_put_text(out, kj_host_get(object, "where"));
    if (line > 0)
        kj_buf_printf(out, _(", line %lld"), (long long)line);
    if (*section)
        kj_buf_printf(out, ": [%s] %s", section, name);
    else if (*name)
        kj_buf_printf(out, " \"%s\"", name);
    else if (json_object_get(object, "name"))
        kj_buf_put_text(out, _(" (the key's default value)"));
}

void kj_host_put_number(uint64_t number, kj_buf *out)
{
    char digits[32];
    int len = snprintf(digits, sizeof digits, "%llu", (unsigned long long)number);
    for (int i = 0; i < len; i++) {
        if (i && (len - i) % 3 == 0)
            kj_buf_put_byte(out, ',');
        kj_buf_put_byte(out, (uint8_t)digits[i]);
    }
}

void kj_host_put_size(const json_t *object, kj_buf *out)
{
    const json_t *size = json_object_get(object, "size");
    json_int_t bytes = json_integer_value(size);
    if (!json_is_integer(size) || bytes < 0)
        return;
    kj_buf number;
    kj_buf_init(&number, 64);
    kj_host_put_number((uint64_t)bytes, &number);
    kj_buf_printf(out, ngettext("%s byte", "%s bytes", (unsigned long)bytes), kj_buf_text(&number));
    kj_buf_done_into(&number, out);
}

/* How many bytes of the tree's description say what file system it is on, without the noun. */
static size_t system_len(const char *tree, const char *noun)
{
    size_t len = strlen(tree), tail = strlen(noun);
    if (len < tail || strcmp(tree + len - tail, noun) != 0)
        return SIZE_MAX;
    return len > tail ? len - tail - 1 : 0;
}

bool kj_host_is_image(const json_t *document)
{
    const char *tree = kj_host_get(document, "tree");
    return *tree && system_len(tree, "directory") == SIZE_MAX;
}

void kj_host_put_tree(const json_t *document, kj_buf *out)
{
    const char *tree = kj_host_get(document, "tree");
    bool is_image = kj_host_is_image(document);
    size_t len = kj_min_size(system_len(tree, is_image ? "image" : "directory"), strlen(tree));
    if (*tree && len)
        kj_buf_printf(out, is_image ? _("%.*s image") : _("%.*s folder"), (int)len, tree);
    else if (*tree)
        kj_buf_put_text(out, is_image ? _("image") : _("folder"));
}

void kj_host_put_time(const json_t *document, kj_buf *out)
{
    const char *time = kj_host_get(document, "time");
    size_t len = strlen(time);
    if (len == strlen("2026-11-24T12:00:00Z") && time[10] == 'T' && time[len - 1] == 'Z')
        kj_buf_printf(out, "%.10s %.5s UTC", time, time + 11);
    else
        kj_buf_put_text(out, time);
}

void kj_host_put_system(const json_t *system, kj_buf *out)
{
    const char *product = kj_host_get(system, "product"), *version = kj_host_get(system, "version");
    const char *build = kj_host_get(system, "build");
    json_int_t bits = json_integer_value(json_object_get(system, "bits"));
    kj_buf_put_text(out, *product ? product : "Windows");
    if (*version)
        kj_buf_printf(out, ", %s", version);
    if (*version && *build)
        kj_buf_printf(out, ".%s", build);
    if (bits > 0)
        kj_buf_printf(out, _(", %lld-bit"), (long long)bits);
}

void kj_host_put_definitions(const json_t *document, kj_buf *out)
{
    size_t index;
    json_t *set;
    json_array_foreach(json_object_get(document, "definitions"), index, set)
    {
        json_int_t release = json_integer_value(json_object_get(set, "release"));
        kj_buf_put_text(out, index ? ", " : "");
        kj_buf_put_text(out, kj_host_get(set, "name"));
        if (release > 0)
            kj_buf_printf(out, _(" (release %lld)"), (long long)release);
    }
}

static void put_part(kj_buf *out, const char *label, const char *text)
{
    if (!*text)
        return;
    kj_buf_put_text(out, out->len ? "; " : "");
    kj_buf_put_text(out, label);
    kj_buf_put_text(out, text);
}

void kj_host_put_about(const json_t *threat, kj_buf *out)
{
    const json_t *risk = json_object_get(threat, "risk");
    put_part(out, _("detection: "), kj_host_say(KJ_HOST_CLASSES, kj_host_get(threat, "class")));
    put_part(out, _("risk for companies: "),
             kj_host_say(KJ_HOST_RISKS, kj_host_get(risk, "corporate")));
    put_part(out, _("at home: "), kj_host_say(KJ_HOST_RISKS, kj_host_get(risk, "home")));
    put_part(out, _("advisory: "), kj_host_get(threat, "advisory"));
}

void kj_host_put_found(const json_t *found, kj_buf *out)
{
    size_t index;
    json_t *hit;
    json_array_foreach(found, index, hit)
    {
        const char *klass = kj_host_get(hit, "class"), *member = kj_host_get(hit, "member");
        kj_buf_put_text(out, index ? ", " : "");
        kj_buf_put_text(out, kj_host_get(hit, "name"));
        if (*klass)
            kj_buf_printf(out, " (%s)", kj_host_say(KJ_HOST_CLASSES, klass));
        if (*member)
            kj_buf_printf(out, _(" in its member %s"), member);
    }
}

bool kj_host_adds_found(const json_t *trace)
{
    size_t index;
    json_t *hit;
    const char *threat = kj_host_get(trace, "threat");
    json_array_foreach(json_object_get(trace, "found"), index, hit)
    {
        if (!kj_host_is(hit, "name", threat) || *kj_host_get(hit, "member"))
            return true;
    }
    return false;
}

const char *kj_host_target(const json_t *autostart)
{
    const char *target = kj_host_get(autostart, "target");
    return *target ? target : kj_host_get(autostart, "command");
}

json_t *kj_host_categories(const json_t *system)
{
    json_t *out = json_object();
    size_t index;
    json_t *autostart;
    json_array_foreach(json_object_get(system, "autostarts"), index, autostart)
    {
        const char *category = kj_host_get(autostart, "category");
        if (!json_object_get(out, category))
            (void)json_object_set_new(out, category, json_array());
        (void)json_array_append(json_object_get(out, category), autostart);
    }
    return out;
}

/* ---- traces -------------------------------------------------------------------------------------
 */

static const struct {
    const char *title, *meaning; /* N_() */
} groups[KJ_HOST_GROUP_COUNT] = {
    [KJ_HOST_OF_THREAT] = {N_("Other traces"), ""},
    [KJ_HOST_COPIES] = {N_("Copies in System Restore"),
                        N_("Windows keeps these copies by itself. They come back when the system "
                           "is set back to an earlier point in time.")},
    [KJ_HOST_VARIANTS] = {N_("Similar entries, not touched"),
                          N_("These entries have a name that a threat uses, but they lead "
                             "elsewhere. They are left as they are.")},
    [KJ_HOST_UNPROVEN] = {N_("Names that prove nothing"),
                          N_("These have a name or a size that a threat uses, too, but no such "
                             "threat was detected. They are left as they are.")},
};

kj_host_group kj_host_group_of(const json_t *trace)
{
    if (kj_host_is(trace, "state", "variant"))
        return KJ_HOST_VARIANTS;
    if (json_is_true(json_object_get(trace, "copy")))
        return KJ_HOST_COPIES;
    return json_is_false(json_object_get(trace, "proven")) ? KJ_HOST_UNPROVEN : KJ_HOST_OF_THREAT;
}

const char *kj_host_group_title(kj_host_group group)
{
    return _(groups[group].title);
}

const char *kj_host_group_meaning(kj_host_group group)
{
    return translate(groups[group].meaning);
}

/* The trace that element `index` of a threat's list is; NULL: none. */
static json_t *trace_of(const json_t *system, const json_t *threat, size_t index, size_t *out)
{
    const json_t *number = json_array_get(json_object_get(threat, "traces"), index);
    json_int_t at = json_integer_value(number);
    if (!json_is_integer(number) || at < 0)
        return NULL;
    *out = (size_t)at;
    return json_array_get(json_object_get(system, "traces"), *out);
}

static size_t traces_count(const json_t *object)
{
    return json_array_size(json_object_get(object, "traces"));
}

static void mark_named(const json_t *system, bool *named)
{
    size_t index, at;
    json_t *threat;
    json_array_foreach(json_object_get(system, "threats"), index, threat)
    {
        for (size_t i = 0; i < traces_count(threat); i++)
            if (trace_of(system, threat, i, &at))
                named[at] = true;
    }
}

json_t *kj_host_traces(const json_t *system, const json_t *threat, kj_host_group group)
{
    size_t count = traces_count(threat ? threat : system), at;
    json_t *out = json_array();
    bool *named = calloc(traces_count(system) + 1, sizeof *named);
    if (!threat && named && group == KJ_HOST_OF_THREAT)
        mark_named(system, named);
    for (size_t i = 0; named && i < count; i++) {
        json_t *trace = threat ? trace_of(system, threat, i, &at)
                               : json_array_get(json_object_get(system, "traces"), i);
        if (trace && kj_host_group_of(trace) == group && (threat || !named[i]))
            (void)json_array_append(out, trace);
    }
    free(named);
    return out;
}

bool kj_host_is_stolen(const json_t *trace)
{
    return kj_host_is(trace, "role", "stolen-data");
}

/* ---- actions ------------------------------------------------------------------------------------
 */

const kj_host_phase kj_host_phases[] = {
    {"references", N_("First, what starts the threats")},
    {"files", N_("Then, their files")},
    {"report", N_("For you to look at")},
    {NULL, N_("Other steps")},
};
const size_t kj_host_phase_count = KJ_COUNT(kj_host_phases);

bool kj_host_in_phase(const json_t *action, const kj_host_phase *phase)
{
    if (phase->word)
        return kj_host_is(action, "phase", phase->word);
    for (size_t i = 0; i < kj_host_phase_count; i++)
        if (kj_host_phases[i].word && kj_host_in_phase(action, &kj_host_phases[i]))
            return false;
    return true;
}

const char *kj_host_result(const json_t *action)
{
    const char *result = kj_host_get(action, "result");
    return *result ? result : kj_host_get(action, "status");
}

static const struct {
    const char *result, *sign;
    kj_host_tone tone;
} signs[] = {
    {"done", "\u2713", KJ_HOST_GOOD},       {"already", "=", KJ_HOST_GOOD},
    {"skipped", "\u2013", KJ_HOST_WARN},    {"failed", "\u2717", KJ_HOST_BAD},
    {"pending", "\u2026", KJ_HOST_WARN},    {"undone", "\u21b6", KJ_HOST_NEUTRAL},
    {"planned", "\u2022", KJ_HOST_NEUTRAL}, {"refused", "!", KJ_HOST_WARN},
    {"manual", ">", KJ_HOST_WARN},          {"report", "i", KJ_HOST_NEUTRAL},
};

const char *kj_host_sign(const char *result)
{
    for (size_t i = 0; i < KJ_COUNT(signs); i++)
        if (strcmp(signs[i].result, result) == 0)
            return signs[i].sign;
    return "?";
}

kj_host_tone kj_host_result_tone(const char *result)
{
    for (size_t i = 0; i < KJ_COUNT(signs); i++)
        if (strcmp(signs[i].result, result) == 0)
            return signs[i].tone;
    return KJ_HOST_NEUTRAL;
}

kj_host_tone kj_host_state_tone(const char *state)
{
    if (strcmp(state, "active") == 0)
        return KJ_HOST_BAD;
    return strcmp(state, "dormant") == 0 ? KJ_HOST_WARN : KJ_HOST_NEUTRAL;
}

kj_host_tone kj_host_signed_tone(const char *signature)
{
    if (strcmp(signature, "invalid") == 0)
        return KJ_HOST_BAD;
    return strcmp(signature, "valid") == 0 ? KJ_HOST_GOOD : KJ_HOST_NEUTRAL;
}

const char *kj_host_again(const json_t *after)
{
    return json_is_true(json_object_get(after, "clean")) ? _("nothing is found any more")
                                                         : _("something is still found");
}

/* ---- what it comes to ---------------------------------------------------------------------------
 */

static void count_traces(const json_t *system, kj_host_tally *t)
{
    size_t index;
    json_t *trace;
    json_array_foreach(json_object_get(system, "traces"), index, trace)
    {
        kj_host_group group = kj_host_group_of(trace);
        t->traces += group == KJ_HOST_OF_THREAT;
        t->copies += group == KJ_HOST_COPIES;
        t->variants += group == KJ_HOST_VARIANTS;
        t->stolen += group == KJ_HOST_OF_THREAT && kj_host_is_stolen(trace);
    }
}

static void count_actions(const json_t *actions, kj_host_tally *t)
{
    const struct {
        const char *word;
        size_t *count;
    } rows[] = {
        {"planned", &t->planned}, {"refused", &t->refused}, {"manual", &t->manual},
        {"done", &t->done},       {"already", &t->done},    {"skipped", &t->skipped},
        {"failed", &t->failed},   {"pending", &t->pending},
    };
    size_t index;
    json_t *action;
    json_array_foreach(actions, index, action)
    {
        for (size_t i = 0; i < KJ_COUNT(rows); i++)
            if (strcmp(kj_host_result(action), rows[i].word) == 0)
                ++*rows[i].count;
    }
}

/* Should actions and run disagree, then the worse is true. */
static void count_run(const json_t *run, kj_host_tally *t)
{
    json_int_t skipped = json_integer_value(json_object_get(run, "skipped"));
    json_int_t failed = json_integer_value(json_object_get(run, "failed"));
    t->skipped = kj_max_size(t->skipped, skipped > 0 ? (size_t)skipped : 0);
    t->failed = kj_max_size(t->failed, failed > 0 ? (size_t)failed : 0);
}

void kj_host_count(const json_t *document, kj_host_tally *out)
{
    kj_host_tally t = {0};
    size_t index, inner;
    json_t *system, *threat;
    json_array_foreach(json_object_get(document, "systems"), index, system)
    {
        t.systems++;
        t.hibernated += json_is_true(json_object_get(system, "hibernated"));
        count_traces(system, &t);
        json_array_foreach(json_object_get(system, "threats"), inner, threat)
        {
            t.threats++;
            t.active += kj_host_is(threat, "state", "active");
        }
    }
    const json_t *plan = json_object_get(document, "plan");
    count_actions(json_object_get(plan, "actions"), &t);
    count_run(json_object_get(document, "run"), &t);
    t.unseen = json_array_size(json_object_get(document, "unseen"));
    t.has_plan = json_is_object(plan);
    t.has_run = json_is_object(json_object_get(document, "run"));
    t.is_image = kj_host_is_image(document);
    *out = t;
}

static kj_host_tone outcome_of_run(const json_t *document, const kj_host_tally *t,
                                   const char **out_sentence)
{
    const json_t *after = json_object_get(document, "after");
    const json_t *clean = json_object_get(after, "clean");
    *out_sentence = _("The cleaning is not complete");
    if (t->failed || t->skipped || t->pending)
        return KJ_HOST_BAD;
    *out_sentence = _("Cleaned, but something is still found");
    if (clean && !json_is_true(clean))
        return KJ_HOST_BAD;
    *out_sentence = clean ? _("Cleaned: nothing is found any more") : _("Cleaned");
    return KJ_HOST_GOOD;
}

kj_host_tone kj_host_outcome(const json_t *document, const kj_host_tally *t,
                             const char **out_sentence)
{
    if (t->has_run)
        return outcome_of_run(document, t, out_sentence);
    *out_sentence = _("There is no Windows system here");
    if (t->systems == 0)
        return KJ_HOST_WARN;
    *out_sentence = _("Active threats: they start with Windows");
    if (t->active)
        return KJ_HOST_BAD;
    *out_sentence = _("Threats were found; none of them starts with Windows");
    if (t->threats || t->traces)
        return KJ_HOST_WARN;
    *out_sentence = _("Only copies in System Restore were found");
    if (t->copies)
        return KJ_HOST_WARN;
    *out_sentence = _("Nothing was found, but not everything could be inspected");
    if (t->unseen)
        return KJ_HOST_WARN;
    *out_sentence = _("Nothing was found");
    return KJ_HOST_GOOD;
}

size_t kj_host_figures(const kj_host_tally *t, kj_host_figure out[KJ_HOST_FIGURES_MAX])
{
    kj_host_tone bad = t->has_run ? KJ_HOST_NEUTRAL : KJ_HOST_BAD; /* what was found before */
    kj_host_tone warn = t->has_run ? KJ_HOST_NEUTRAL : KJ_HOST_WARN;
    const kj_host_figure all[] = {
        {ngettext("threat", "threats", t->threats), t->threats, warn},
        {_("active"), t->active, bad},
        {ngettext("trace", "traces", t->traces), t->traces, KJ_HOST_NEUTRAL},
        {ngettext("file with stolen data", "files with stolen data", t->stolen), t->stolen,
         KJ_HOST_BAD},
        {ngettext("copy in System Restore", "copies in System Restore", t->copies), t->copies,
         KJ_HOST_WARN},
        {ngettext("action planned", "actions planned", t->planned), t->planned, KJ_HOST_NEUTRAL},
        {ngettext("action done", "actions done", t->done), t->done, KJ_HOST_GOOD},
        {_("skipped"), t->skipped, KJ_HOST_WARN},
        {_("failed"), t->failed, KJ_HOST_BAD},
        {_("not done yet"), t->pending, KJ_HOST_WARN},
        {_("will not be done"), t->refused, KJ_HOST_WARN},
        {_("to be done by hand"), t->manual, KJ_HOST_WARN},
        {_("not inspected"), t->unseen, KJ_HOST_WARN},
    };
    _Static_assert(KJ_COUNT(all) <= KJ_HOST_FIGURES_MAX, "all figures fit");
    size_t count = 0;
    for (size_t i = 0; i < KJ_COUNT(all); i++)
        if (all[i].count)
            out[count++] = all[i];
    return count;
}

/* What every command of the list needs if it was given. */
static size_t with_state(const json_t *document, kj_host_next *out, size_t count)
{
    const char *state = kj_host_get(document, "state");
    for (size_t i = 0; i < count; i++)
        out[i].state = *state ? state : NULL;
    return count;
}

static size_t next_of_run(const json_t *document, const kj_host_tally *t, kj_host_next *out)
{
    size_t count = 0;
    const char *root = kj_host_get(document, "root");
    const char *run = kj_host_get(json_object_get(document, "run"), "id");
    bool again = t->failed || t->skipped || t->refused ||
                 json_is_false(json_object_get(json_object_get(document, "after"), "clean"));
    if (t->pending)
        out[count++] =
            (kj_host_next){"kujo clean ", root, " --resume", _("completes what was interrupted")};
    else if (again)
        out[count++] = (kj_host_next){"kujo clean ", root, "", _("shows what is still to be done")};
    if (*run)
        out[count++] = (kj_host_next){"kujo undo ", run, "", _("takes all of it back")};
    return with_state(document, out, count);
}

size_t kj_host_what_next(const json_t *document, const kj_host_tally *t,
                         kj_host_next out[KJ_HOST_NEXT_MAX])
{
    size_t count = 0;
    const char *root = kj_host_get(document, "root");
    if (t->has_run)
        return next_of_run(document, t, out);
    if (t->threats + t->traces + t->planned == 0)
        return 0;
    if (t->is_image) {
        out[0].before = NULL;
        out[0].meaning = _("Nothing can be cleaned inside an image: mount the volume for writing, "
                           "then clean it there.");
        return 1;
    }
    if (t->hibernated) {
        out[count].before = NULL;
        out[count++].meaning = _("Before cleaning, start this Windows and shut it down completely "
                                 "(shutdown /s /t 0), or what is changed may be lost.");
    }
    if (!t->has_plan)
        out[count++] = (kj_host_next){"kujo clean ", root, "",
                                      _("shows what would be done, and changes nothing")};
    if (!t->has_plan || t->planned)
        out[count++] = (kj_host_next){"kujo clean ", root, " --apply",
                                      _("does it; 'kujo undo' can take it back")};
    return with_state(document, out, count);
}

static bool is_plain(const char *text)
{
    for (const char *c = text; *c; c++)
        if (!kj_is_alnum((unsigned char)*c) && !strchr("/._-+:,@%", *c))
            return false;
    return *text != '\0';
}

static void put_quoted(const char *text, kj_buf *out)
{
    const char *quote = is_plain(text) ? "" : "'";
    kj_buf_put_text(out, quote);
    for (const char *c = text; *c; c++) {
        if (*c == '\'')
            kj_buf_put_text(out, "'\\''");
        else
            kj_buf_put_byte(out, (uint8_t)*c);
    }
    kj_buf_put_text(out, quote);
}

void kj_host_put_command(const kj_host_next *next, kj_buf *out)
{
    kj_buf_put_text(out, next->before);
    put_quoted(next->object, out);
    kj_buf_put_text(out, next->behind);
    if (!next->state)
        return;
    kj_buf_put_text(out, " --state ");
    put_quoted(next->state, out);
}
