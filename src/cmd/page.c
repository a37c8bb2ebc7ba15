/* SPDX-License-Identifier: Apache-2.0 */
/* The fields of a vendor's page in its order, then what a machine knows better than a writer: which
 * component is detected by which name since which release, and what is left where. */
#include "cmd/page.h"

#include "base/arith.h"
#include "base/text.h"
#include "report/i18n.h"
#include "report/wrap.h"

enum { LABEL_CELLS = 26 };

typedef struct page {
    const kj_defs *defs;
    const json_t *doc;
    const kj_page_options *options;
    kj_buf *out;
} page;

/* Words of the advisories' vocabularies, as people read them. */
static const struct {
    const char *word;
    const char *text; /* N_() */
} words[] = {
    {"low", N_("low")},
    {"low-profiled", N_("low, in the news")},
    {"medium", N_("medium")},
    {"medium-on-watch", N_("medium, on watch")},
    {"high", N_("high")},
    {"high-outbreak", N_("high, outbreak")},
    {"virus", N_("virus")},
    {"trojan", N_("trojan horse")},
    {"pua", N_("possibly unwanted program")},
    {"joke", N_("joke program")},
    {"test", N_("test file")},
    {"email-worm", N_("e-mail worm")},
    {"worm", N_("worm")},
    {"autorun-worm", N_("autorun worm")},
    {"dropper", N_("dropper")},
    {"phishing", N_("phishing")},
    {"backdoor", N_("backdoor")},
    {"file-infector", N_("file infector")},
    {"downloader", N_("downloader")},
    {"component", N_("component")},
    {"family", N_("family")},
    {"test-file", N_("test file")},
    {"exact", N_("exact")},
    {"heuristic", N_("heuristic")},
    {"variant-of", N_("variant of")},
    {"drops", N_("drops")},
    {"dropped-by", N_("dropped by")},
    {"similar-to", N_("similar to")},
    {"body", N_("the threat itself")},
    {"autostart", N_("starts it")},
    {"data", N_("its data")},
    {"stolen-data", N_("stolen data")},
    {"support", N_("accompanies it")},
    {"symptom", N_("symptom")},
    {"file", N_("file")},
    {"registry", N_("registry")},
    {"ini", N_("INI file")},
    {"task", N_("task")},
    {"service", N_("service")},
    {"startup", N_("startup folder")},
    {"mail", N_("mail")},
    {"window", N_("window")},
    {"mutex", N_("mutex")},
    {"url", N_("address")},
    {"writeup", N_("public write-ups")},
    {"sample", N_("a sample")},
    {"synthetic", N_("a specification")},
};

static const char *say(const char *word)
{
    for (size_t i = 0; word && i < KJ_COUNT(words); i++)
        if (strcmp(word, words[i].word) == 0)
            return _(words[i].text);
    return word ? word : "-";
}

static const char *get(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

/* ---- layout
 * ----------------------------------------------------------------------------------------- */

static void put_label(page *p, const char *label)
{
    size_t cells = kj_text_cells(kj_span_str(label));
    kj_buf_put_text(p->out, p->options->color ? "\033[1m" : "");
    kj_buf_put_text(p->out, label);
    kj_buf_put_text(p->out, p->options->color ? "\033[0m" : "");
    do {
        kj_buf_put_byte(p->out, ' ');
    } while (++cells < LABEL_CELLS);
}

/* A label and its value, which may need several lines. */
static void put_fact(page *p, const char *label, const char *value)
{
    if (!value || !*value)
        value = "-";
    put_label(p, label);
    kj_buf wrapped;
    kj_buf_init(&wrapped, 1 << 20);
    const kj_wrap how = {.width = p->options->width, .indent = LABEL_CELLS, .join_spaced = true};
    kj_wrap_text(&how, kj_span_str(value), &wrapped);
    kj_span text = kj_buf_span(&wrapped);
    size_t skip = kj_min_size(LABEL_CELLS, text.len);
    kj_buf_put(p->out, kj_span_sub(text, skip, SIZE_MAX));
    kj_buf_done(&wrapped);
}

static void put_heading(page *p, const char *title)
{
    kj_buf_put_byte(p->out, '\n');
    kj_buf_put_text(p->out, p->options->color ? "\033[1;4m" : "");
    kj_escape(kj_span_str(title), NULL, p->out); /* a note's comes from the definitions */
    kj_buf_put_text(p->out, p->options->color ? "\033[0m\n" : "\n");
    for (size_t i = kj_text_cells(kj_span_str(title)); !p->options->color && i > 0; i--)
        kj_buf_put_byte(p->out, '-');
    kj_buf_put_text(p->out, p->options->color ? "" : "\n");
}

static void put_prose(page *p, const char *text)
{
    const kj_wrap how = {.width = p->options->width, .join_spaced = p->options->lang != KJ_LANG_JA};
    kj_wrap_text(&how, kj_span_str(text), p->out);
}

/* Joins the elements of an array with commas: each by `word` when it is a string, else by
 * `first (second)` of an object. */
static void join(const json_t *array, const char *first, const char *second, kj_buf *out)
{
    size_t index;
    json_t *value;
    json_array_foreach(array, index, value)
    {
        kj_buf_put_text(out, index ? ", " : "");
        if (json_is_string(value)) {
            kj_buf_put_text(out, say(json_string_value(value)));
            continue;
        }
        const char *main_part = get(value, first), *aside = get(value, second);
        kj_buf_put_text(out, main_part ? main_part : "");
        if (aside)
            kj_buf_printf(out, " (%s)", say(aside));
    }
}

static void put_list(page *p, const char *label, const json_t *array, const char *first,
                     const char *second)
{
    kj_buf text;
    kj_buf_init(&text, 1 << 16);
    join(array, first, second, &text);
    put_fact(p, label, kj_buf_text(&text));
    kj_buf_done(&text);
}

/* ---- facts
 * --------------------------------------------------------------------------------------------- */

static void put_risk(page *p)
{
    const json_t *risk = json_object_get(p->doc, "risk");
    put_fact(p, _("Risk, companies"), say(get(risk, "corporate")));
    put_fact(p, _("Risk, home users"), say(get(risk, "home")));
}

static void put_type(page *p)
{
    kj_buf text;
    kj_buf_init(&text, 1 << 16);
    kj_buf_put_text(&text, say(get(p->doc, "type")));
    const json_t *subtypes = json_object_get(p->doc, "subtypes");
    if (json_array_size(subtypes)) {
        kj_buf_put_text(&text, " (");
        join(subtypes, NULL, NULL, &text);
        kj_buf_put_byte(&text, ')');
    }
    put_fact(p, _("Type"), kj_buf_text(&text));
    kj_buf_done(&text);
}

static bool parse_engine(const char *text, uint32_t *out)
{
    unsigned a, b, c;
    if (!text || sscanf(text, "%u.%u.%u", &a, &b, &c) != 3)
        return false;
    *out = kj_engine_number(a, b, c);
    return true;
}

static void put_releases(page *p)
{
    const json_t *definitions = json_object_get(p->doc, "definitions");
    uint32_t current = p->defs->meta.release;
    uint32_t required = (uint32_t)json_integer_value(json_object_get(definitions, "required"));
    uint32_t engine = 0;
    const char *needed = get(definitions, "engine");
    char text[256];
    (void)snprintf(text, sizeof text, "%lld",
                   (long long)json_integer_value(json_object_get(definitions, "first")));
    put_fact(p, _("First definitions"), text);
    (void)snprintf(text, sizeof text, _("%u (current: %u)"), required, current);
    put_fact(p, _("Required definitions"), text);
    uint32_t own = p->options->engine;
    (void)snprintf(text, sizeof text, _("%s or later (yours: %u.%u.%u, see 'kujo --version')"),
                   needed ? needed : "-", own >> 24, own >> 16 & 0xFF, own & 0xFFFF);
    put_fact(p, _("Required engine"), text);
    bool enough = current >= required && parse_engine(needed, &engine) && own >= engine;
    put_fact(p, _("Your protection"),
             enough ? _("the loaded definitions and this engine suffice")
                    : _("NOT sufficient: newer definitions or a newer engine are needed"));
}

static void put_dates(page *p)
{
    const json_t *dates = json_object_get(p->doc, "dates");
    put_fact(p, _("Published"), get(dates, "published"));
    put_fact(p, _("Discovered"), get(dates, "discovered"));
    if (get(dates, "modified"))
        put_fact(p, _("Modified"), get(dates, "modified"));
}

/* What the remedy does, at a glance: the vendor's "removal hint". */
static void put_removal_hint(page *p)
{
    size_t steps = json_array_size(json_object_get(p->doc, "remedy"));
    put_fact(p, _("Removal hint"),
             steps ? _("kujo's remedy removes it; see Removal below")
                   : _("nothing beyond the detected objects themselves"));
}

/* ---- tables
 * ------------------------------------------------------------------------------------------------
 */

static void put_detections(page *p)
{
    const json_t *detects = json_object_get(p->doc, "detect");
    size_t index;
    json_t *detect;
    if (json_array_size(detects) == 0)
        return;
    put_heading(p, _("Detection"));
    json_array_foreach(detects, index, detect)
    {
        kj_buf line;
        kj_buf_init(&line, 1 << 16);
        kj_buf about;
        kj_buf_init(&about, 1 << 16);
        join(json_object_get(detect, "about"), NULL, NULL, &about);
        const char *what = about.len ? kj_buf_text(&about) : get(detect, "id");
        long long since = json_integer_value(json_object_get(detect, "since"));
        const json_t *until = json_object_get(detect, "until");
        if (until)
            kj_buf_printf(&line, _("%s: as %s (%s), releases %lld to %lld"), what,
                          get(detect, "name"), say(get(detect, "class")), since,
                          (long long)json_integer_value(until));
        else
            kj_buf_printf(&line, _("%s: as %s (%s), since release %lld"), what, get(detect, "name"),
                          say(get(detect, "class")), since);
        kj_buf item;
        kj_buf_init(&item, 1 << 16);
        kj_buf_printf(&item, "- %s", kj_buf_text(&line));
        put_prose(p, kj_buf_text(&item));
        kj_buf_done(&item);
        kj_buf_done(&about);
        kj_buf_done(&line);
    }
}

static void put_sizes(const json_t *sizes, kj_buf *out)
{
    size_t index;
    json_t *range;
    json_array_foreach(sizes, index, range)
    {
        long long min = json_integer_value(json_array_get(range, 0));
        long long max = json_integer_value(json_array_get(range, 1));
        kj_buf_put_text(out, index ? ", " : "");
        if (min == max)
            kj_buf_printf(out, _("%lld bytes"), min);
        else
            kj_buf_printf(out, _("%lld to %lld bytes"), min, max);
    }
}

/* `C:\X.EXE (32768 bytes)`, `HKLM\...: System = %WinDir%\SYS32.EXE`, and so on. */
static void describe(const json_t *artifact, kj_buf *out)
{
    const char *value = get(artifact, "value"), *data = get(artifact, "data");
    const char *key = get(artifact, "key");
    bool ini = get(artifact, "kind") && strcmp(get(artifact, "kind"), "ini") == 0;
    join(json_object_get(artifact, "names"), NULL, NULL, out);
    if (ini)
        kj_buf_printf(out, " [%s] %s=", value ? value : "", key ? key : "");
    else if (value)
        kj_buf_printf(out, ": %s", value);
    if (data)
        kj_buf_printf(out, "%s%s", ini ? "" : " = ", data);
    if (json_object_get(artifact, "attachment_names")) {
        kj_buf_put_text(out, "; ");
        join(json_object_get(artifact, "attachment_names"), NULL, NULL, out);
    }
    if (json_object_get(artifact, "extensions")) {
        kj_buf_put_text(out, "; .");
        join(json_object_get(artifact, "extensions"), NULL, NULL, out);
    }
    if (json_object_get(artifact, "sizes")) {
        kj_buf_put_text(out, " (");
        put_sizes(json_object_get(artifact, "sizes"), out);
        kj_buf_put_byte(out, ')');
    }
}

static void put_artifacts(page *p)
{
    const json_t *artifacts = json_object_get(p->doc, "artifacts");
    size_t index;
    json_t *artifact;
    if (json_array_size(artifacts) == 0)
        return;
    put_heading(p, _("What it leaves"));
    json_array_foreach(artifacts, index, artifact)
    {
        kj_buf text;
        kj_buf_init(&text, 1 << 16);
        kj_buf_printf(&text, "- %s (%s", get(artifact, "id"), say(get(artifact, "kind")));
        if (get(artifact, "role"))
            kj_buf_printf(&text, ", %s", say(get(artifact, "role")));
        kj_buf_put_text(&text, "): ");
        describe(artifact, &text);
        const kj_wrap how = {.width = p->options->width, .join_spaced = true};
        kj_wrap_text(&how, kj_span_str(kj_buf_text(&text)), p->out);
        kj_buf_done(&text);
    }
}

static void put_notes(page *p)
{
    const json_t *ids = json_object_get(p->doc, "notes");
    const char *lang = kj_lang_name(p->options->lang);
    size_t index;
    json_t *id;
    json_array_foreach(ids, index, id)
    {
        for (uint32_t i = 0; i < p->defs->notes.count; i++) {
            const kj_disk_note *note = kj_defs_note(p->defs, i);
            if (!kj_span_is(kj_defs_text(p->defs, note->id), json_string_value(id)))
                continue;
            kj_span doc = kj_defs_doc(p->defs, note->doc_offset, note->doc_len);
            json_t *root = json_loadb((const char *)doc.data, doc.len, 0, NULL);
            const char *title = get(json_object_get(root, "title"), lang);
            const char *text = get(json_object_get(root, "text"), lang);
            if (title && text) {
                put_heading(p, title);
                put_prose(p, text);
            }
            json_decref(root);
        }
    }
}

/* ---- the page
 * -----------------------------------------------------------------------------------------------
 */

static const struct {
    kj_section section;
    const char *title; /* N_() */
} sections[] = {
    {KJ_SECTION_SUMMARY, N_("Overview")},
    {KJ_SECTION_CHARACTERISTICS, N_("Characteristics")},
    {KJ_SECTION_SYMPTOMS, N_("Symptoms of infection")},
    {KJ_SECTION_INFECTION, N_("Method of infection")},
    {KJ_SECTION_REMOVAL, N_("Removal")},
};

static void put_facts(page *p)
{
    put_fact(p, _("Name"), get(p->doc, "name"));
    put_risk(p);
    put_type(p);
    put_releases(p);
    put_list(p, _("Aliases"), json_object_get(p->doc, "aliases"), "name", "vendor");
    put_dates(p);
    put_removal_hint(p);
    put_list(p, _("Platforms"), json_object_get(p->doc, "platforms"), NULL, NULL);
    if (json_object_get(p->doc, "related"))
        put_list(p, _("Related"), json_object_get(p->doc, "related"), "name", "is");
    if (json_object_get(p->doc, "attack"))
        put_list(p, _("ATT&CK"), json_object_get(p->doc, "attack"), NULL, NULL);
    put_fact(p, _("Written from"), say(get(p->doc, "evidence")));
    put_fact(p, _("Advisory"), get(p->doc, "id"));
}

void kj_page_write(const kj_defs *defs, const json_t *doc, const kj_page_options *options,
                   kj_buf *out)
{
    page p = {defs, doc, options, out};
    const char *lang = kj_lang_name(options->lang);
    const json_t *text = json_object_get(json_object_get(doc, "text"), lang);
    put_facts(&p);
    for (size_t i = 0; i < KJ_COUNT(sections); i++) {
        const char *prose = get(text, kj_section_name(sections[i].section));
        if (!prose)
            continue;
        put_heading(&p, _(sections[i].title));
        put_prose(&p, prose);
    }
    put_notes(&p);
    put_detections(&p);
    put_artifacts(&p);
    if (json_object_get(doc, "sources")) {
        put_heading(&p, _("Sources"));
        kj_buf sources;
        kj_buf_init(&sources, 1 << 16);
        join(json_object_get(doc, "sources"), "by", "date", &sources);
        put_prose(&p, kj_buf_text(&sources));
        kj_buf_done(&sources);
    }
}
