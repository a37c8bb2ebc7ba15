/* SPDX-License-Identifier: Apache-2.0 */
/* Two passes over one tree. The first reads the keys that stand for themselves; the second the
 * sections that name each other, in the order in which they do: rules, artifacts, detect, remedy,
 * tests. Nothing reaches the IR before all is well, except the rules, which are taken back. */
#include "rules/advisory/advisory.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "rules/advisory/compile.h"
#include "rules/advisory/suggest.h"
#include "rules/yara/yara.h"

#define OF_THREAT(member) offsetof(kj_advisory, threat.member)

static const char advisory_schema[] = "kujo/advisory/1";
static const char note_schema[] = "kujo/note/1";

/* ---- words --------------------------------------------------------------------------------- */

static const char *const types[] = {"virus", "trojan", "pua", "joke", "test"};

static const char *const subtypes[] = {
    "adware",    "autorun-worm",  "backdoor",     "banker",     "boot",
    "bot",       "clicker",       "companion",    "component",  "denial-of-service",
    "dialer",    "downloader",    "dropper",      "email-worm", "exploit",
    "family",    "file-infector", "hoax",         "im-worm",    "irc-worm",
    "keylogger", "macro",         "network-worm", "p2p-worm",   "password-stealer",
    "phishing",  "polymorphic",   "proxy",        "ransomware", "remote-access",
    "rootkit",   "script",        "share-worm",   "spam-relay", "spyware",
    "test-file", "tool",          "usb-worm",     "worm",
};

static const char *const platforms[] = {
    "any",     "dos",      "win3x", "win9x", "winme",   "winnt",   "win2000", "winxp",
    "win2003", "winvista", "win7",  "win8",  "win10",   "win11",   "windows", "office",
    "java",    "linux",    "unix",  "macos", "android", "symbian",
};

static const char *const risks[] = {"low",  "low-profiled", "medium", "medium-on-watch",
                                    "high", "high-outbreak"};
static const char *const relations[] = {"variant-of", "drops", "dropped-by", "similar-to"};
static const char *const evidences[] = {"writeup", "sample", "synthetic"};
static const char *const classes[] = {"heuristic", "family", "exact"}; /* as in kj_class */
static const char *const warnings[] = {"stolen-data", "passwords", "restart"};

static const kj_words type_words = KJ_WORDS("a type", types);
static const kj_words subtype_words = KJ_WORDS("a subtype", subtypes);
static const kj_words platform_words = KJ_WORDS("a platform", platforms);
static const kj_words risk_words = KJ_WORDS("a risk", risks);
static const kj_words relation_words = KJ_WORDS("a relation", relations);
static const kj_words evidence_words = KJ_WORDS("an evidence", evidences);
static const kj_words class_words = KJ_WORDS("a class", classes);
static const kj_words warning_words = KJ_WORDS("a warning", warnings);

/* ---- values -------------------------------------------------------------------------------- */

static bool all_digits(kj_span text, size_t at, size_t len)
{
    uint64_t ignored;
    return kj_text_to_u64(kj_span_sub(text, at, len), &ignored);
}

static void read_id(kj_reading *r, const kj_yaml *node, void *out, const void *param)
{
    kj_span id = {0};
    kj_read_text(r, node, &id, param);
    if (id.len == 0)
        return;
    if (id.len == 9 && id.data[4] == '-' && all_digits(id, 0, 4) && all_digits(id, 5, 4))
        *(kj_span *)out = id;
    else
        kj_complain(r, node, "ids are written YYYY-NNNN, for example 2004-0127",
                    "'%.*s' is no id of an advisory", kj_printed_len(id), (const char *)id.data);
}

/* T1566 or T1566.001. */
static bool is_technique(kj_span text)
{
    bool sub = text.len == 9 && text.data[5] == '.' && all_digits(text, 6, 3);
    return (text.len == 5 || sub) && text.data[0] == 'T' && all_digits(text, 1, 4);
}

static void read_attack(kj_reading *r, const kj_yaml *node, void *out, const void *param)
{
    if (node->kind == KJ_YAML_LIST && node->count == 0)
        return;
    kj_read_texts(r, node, out, param);
    const kj_yaml *item = node->kind == KJ_YAML_LIST ? node->first : node;
    for (; item; item = item->next) {
        if (item->kind == KJ_YAML_TEXT && item->text.len && !is_technique(item->text))
            kj_complain(r, item, "techniques are written T1566 or T1566.001",
                        "'%.*s' is no ATT&CK technique", kj_printed_len(item->text),
                        (const char *)item->text.data);
        if (node->kind != KJ_YAML_LIST)
            break;
    }
}

static void read_class(kj_reading *r, const kj_yaml *node, void *out, const void *param)
{
    size_t found = kj_find_word(r, node, param);
    if (found != SIZE_MAX)
        *(kj_class *)out = (kj_class)(KJ_CLASS_HEURISTIC + found);
}

static void read_do(kj_reading *r, const kj_yaml *node, void *out, const void *param)
{
    const char *names[KJ_DO_COUNT];
    (void)param;
    for (size_t i = 0; i < KJ_DO_COUNT; i++)
        names[i] = kj_do_name((kj_do)i);
    size_t found = kj_find_word(r, node, &(kj_words)KJ_WORDS("a remedy", names));
    if (found != SIZE_MAX)
        *(kj_do *)out = (kj_do)found;
}

/* ---- keys that stand for themselves --------------------------------------------------------- */

static const kj_key date_rows[] = {
    {"discovered", KJ_OPTIONAL, kj_read_date, OF_THREAT(discovered)},
    {"published", KJ_REQUIRED, kj_read_date, OF_THREAT(published)},
    {"modified", KJ_OPTIONAL, kj_read_date, OF_THREAT(modified)},
};
static const kj_keys date_keys = KJ_KEYS("dates", date_rows);

static const kj_key risk_rows[] = {
    {"corporate", KJ_REQUIRED, kj_read_word, OF_THREAT(risk_corporate), &risk_words},
    {"home", KJ_REQUIRED, kj_read_word, OF_THREAT(risk_home), &risk_words},
};
static const kj_keys risk_keys = KJ_KEYS("risk", risk_rows);

static const kj_key definitions_rows[] = {
    {"first", KJ_OPTIONAL, kj_read_release, OF_THREAT(first)},
    {"required", KJ_OPTIONAL, kj_read_release, OF_THREAT(required)},
    {"engine", KJ_OPTIONAL, kj_read_engine, OF_THREAT(engine)},
};
static const kj_keys definitions_keys = KJ_KEYS("definitions", definitions_rows);

static const kj_key alias_rows[] = {
    {"vendor", KJ_REQUIRED, kj_read_text, offsetof(kj_pair, first)},
    {"name", KJ_REQUIRED, kj_read_text, offsetof(kj_pair, second)},
};
static const kj_keys alias_keys = KJ_KEYS("an alias", alias_rows);

static const kj_key related_rows[] = {
    {"is", KJ_REQUIRED, kj_read_word, offsetof(kj_pair, first), &relation_words},
    {"name", KJ_REQUIRED, kj_read_name, offsetof(kj_pair, second)},
};
static const kj_keys related_keys = KJ_KEYS("a relation", related_rows);

static const kj_key source_rows[] = {
    {"by", KJ_REQUIRED, kj_read_text, offsetof(kj_pair, first)},
    {"date", KJ_REQUIRED, kj_read_rough_date, offsetof(kj_pair, second)},
};
static const kj_keys source_keys = KJ_KEYS("a source", source_rows);

#define SECTION(key, index)                                                                        \
    {                                                                                              \
        key, KJ_REQUIRED, kj_read_prose, (index) * sizeof(kj_span)                                 \
    }
static const kj_key section_rows[] = {
    SECTION("summary", KJ_SECTION_SUMMARY),
    SECTION("characteristics", KJ_SECTION_CHARACTERISTICS),
    SECTION("symptoms", KJ_SECTION_SYMPTOMS),
    SECTION("infection", KJ_SECTION_INFECTION),
    SECTION("removal", KJ_SECTION_REMOVAL),
};
static const kj_keys section_keys = KJ_KEYS("a text", section_rows);

static const kj_key text_rows[] = {
    {"en", KJ_REQUIRED, kj_read_submap, OF_THREAT(text[KJ_LANG_EN]), &section_keys},
    {"ja", KJ_REQUIRED, kj_read_submap, OF_THREAT(text[KJ_LANG_JA]), &section_keys},
};
static const kj_keys text_keys = KJ_KEYS("text", text_rows);

#define LATER(member) kj_read_node, offsetof(kj_advisory, member)
static const kj_key advisory_rows[] = {
    {"schema", KJ_REQUIRED, NULL, 0},
    {"id", KJ_REQUIRED, read_id, OF_THREAT(id)},
    {"name", KJ_REQUIRED, kj_read_name, OF_THREAT(name)},
    {"type", KJ_REQUIRED, kj_read_word, OF_THREAT(type), &type_words},
    {"subtype", KJ_OPTIONAL, kj_read_word_list, OF_THREAT(subtypes), &subtype_words},
    {"platforms", KJ_OPTIONAL, kj_read_word_list, OF_THREAT(platforms), &platform_words},
    {"length", KJ_OPTIONAL, kj_read_sizes, OF_THREAT(lengths)},
    {"aliases", KJ_OPTIONAL, kj_read_pairs, OF_THREAT(aliases), &alias_keys},
    {"risk", KJ_REQUIRED, kj_read_submap, 0, &risk_keys},
    {"dates", KJ_REQUIRED, kj_read_submap, 0, &date_keys},
    {"definitions", KJ_OPTIONAL, LATER(definitions_node)},
    {"related", KJ_OPTIONAL, kj_read_pairs, OF_THREAT(related), &related_keys},
    {"attack", KJ_OPTIONAL, read_attack, OF_THREAT(attack)},
    {"evidence", KJ_REQUIRED, kj_read_word, OF_THREAT(evidence), &evidence_words},
    {"artifacts", KJ_OPTIONAL, LATER(artifacts_node)},
    {"rules", KJ_OPTIONAL, LATER(rules_node)},
    {"detect", KJ_REQUIRED, LATER(detect_node)},
    {"remedy", KJ_OPTIONAL, LATER(remedy_node)},
    {"notes", KJ_OPTIONAL, kj_read_slugs, OF_THREAT(notes)},
    {"tests", KJ_REQUIRED, LATER(tests_node)},
    {"text", KJ_REQUIRED, kj_read_submap, 0, &text_keys},
    {"sources", KJ_REQUIRED, kj_read_pairs, OF_THREAT(sources), &source_keys},
};
static const kj_keys advisory_keys = KJ_KEYS("an advisory", advisory_rows);

/* ---- rules ---------------------------------------------------------------------------------- */

uint32_t kj_advisory_rule(const kj_advisory *a, kj_span name)
{
    for (size_t i = a->first_rule; i < a->r.ir->rules.count; i++)
        if (kj_span_equal(a->r.ir->rules.items[i].name, name))
            return (uint32_t)i;
    return KJ_NONE;
}

bool kj_advisory_mentions_rule(const kj_advisory *a, kj_span name)
{
    const kj_span word = kj_span_str("rule");
    if (!a->rules_node || a->rules_node->kind != KJ_YAML_TEXT)
        return a->rules_node != NULL;
    kj_span text = a->rules_node->text;
    for (size_t at = 0; (at = kj_span_find(text, word, at)) != SIZE_MAX;) {
        at += word.len;
        kj_span rest = kj_text_trim(kj_span_sub(text, at, SIZE_MAX));
        bool longer = rest.len > name.len && kj_is_alnum(rest.data[name.len]);
        if (kj_span_starts(rest, name) && !longer)
            return true;
    }
    return false;
}

static kj_status compile_rules(kj_advisory *a, kj_error *err)
{
    const kj_yaml *node = a->rules_node;
    if (!node)
        return KJ_OK;
    a->rules_broken = true;
    if (!kj_expect_kind(&a->r, node, KJ_YAML_TEXT, "YARA rules"))
        return KJ_OK;
    if (!node->literal) {
        kj_complain(&a->r, node, "write 'rules: |' and the rules below it, indented",
                    "rules are a literal block");
        return KJ_OK;
    }
    kj_ir *ir = a->r.ir;
    const kj_yara_options options = {
        .schemas = a->options->schemas,
        .schema_count = a->options->schema_count,
        .space = a->threat.name.len ? kj_arena_text(&ir->arena, a->threat.name) : "advisory",
        .threat = a->threat_index,
    };
    size_t errors = ir->diags.errors;
    if (!options.space)
        return kj_fail(err, KJ_NO_MEMORY, KJ_NO_OFFSET, "out of memory");
    KJ_TRY(kj_yara_compile(ir, a->r.source, node->offset, node->len, &options, err));
    a->rules_broken = ir->diags.errors != errors;
    return KJ_OK;
}

/* ---- detect and remedy ---------------------------------------------------------------------- */

static void read_when(kj_reading *r, const kj_yaml *node, void *out, const void *param)
{
    (void)param;
    *(const kj_expr **)out = kj_advisory_expr(kj_advisory_of(r), node);
}

static const kj_key detect_rows[] = {
    {"id", KJ_REQUIRED, kj_read_slug, offsetof(kj_detect, id)},
    {"when", KJ_REQUIRED, read_when, offsetof(kj_detect, when)},
    {"name", KJ_REQUIRED, kj_read_name, offsetof(kj_detect, name)},
    {"class", KJ_REQUIRED, read_class, offsetof(kj_detect, klass), &class_words},
    {"since", KJ_OPTIONAL, kj_read_release, offsetof(kj_detect, since)},
    {"until", KJ_OPTIONAL, kj_read_release, offsetof(kj_detect, until)},
};
static const kj_keys detect_keys = KJ_KEYS("a detection", detect_rows);

static void check_detect_id(kj_advisory *a, const kj_yaml *item, kj_span id)
{
    for (size_t i = 0; i < a->detects.count && id.len; i++)
        if (kj_span_equal(a->detects.items[i].detect.id, id))
            kj_complain(&a->r, kj_yaml_find(item, "id"), NULL,
                        "another detection has the id '%.*s'", kj_printed_len(id),
                        (const char *)id.data);
}

static void read_detects(kj_advisory *a)
{
    const kj_yaml *node = a->detect_node;
    if (!node || !kj_expect_kind(&a->r, node, KJ_YAML_LIST, "this key"))
        return;
    for (const kj_yaml *item = node->first; item; item = item->next) {
        kj_draft_detect draft = {.node = item};
        if (a->detects.count == KJ_ADVISORY_MAX_DETECTS) {
            kj_complain(&a->r, item, NULL, "more than %d detections", KJ_ADVISORY_MAX_DETECTS);
            return;
        }
        draft.detect.threat = a->threat_index;
        draft.detect.since = a->threat.first;
        draft.detect.until = KJ_NONE;
        kj_read_map(&a->r, item, &detect_keys, &draft.detect);
        check_detect_id(a, item, draft.detect.id);
        a->r.no_memory = !kj_vec_add(&a->detects, draft) || a->r.no_memory;
    }
}

static void refuse_artifact(kj_advisory *a, const kj_yaml *node)
{
    kj_guess guess = {.wrong = node->text};
    for (size_t i = 0; i < a->artifacts.count; i++)
        kj_guess_try(&guess, a->artifacts.items[i].artifact.id);
    kj_complain(&a->r, node, kj_guess_hint(&guess, &a->r.ir->arena), "no artifact is called '%.*s'",
                kj_printed_len(node->text), (const char *)node->text.data);
}

static void read_of(kj_reading *r, const kj_yaml *node, void *out, const void *param)
{
    kj_advisory *a = kj_advisory_of(r);
    kj_remedy *remedy = out;
    uint32_t *of = kj_new_array(&r->ir->arena, uint32_t, kj_texts_max(node) + 1);
    (void)param;
    if (!of) {
        r->no_memory = true;
        return;
    }
    for (const kj_yaml *at = NULL; (at = kj_next_text(r, node, at, "an artifact")) != NULL;) {
        const kj_draft_artifact *draft = kj_advisory_artifact(a, at->text);
        if (draft)
            of[remedy->of_count++] = a->first_artifact + (uint32_t)(draft - a->artifacts.items);
        else
            refuse_artifact(a, at);
    }
    remedy->of = of;
}

static const kj_key remedy_rows[] = {
    {"do", KJ_REQUIRED, read_do, offsetof(kj_remedy, what)},
    {"of", KJ_REQUIRED, read_of, 0},
    {"needs", KJ_OPTIONAL, read_when, offsetof(kj_remedy, needs)},
    {"to", KJ_OPTIONAL, kj_read_text, offsetof(kj_remedy, to)},
    {"warn", KJ_OPTIONAL, kj_read_word, offsetof(kj_remedy, warn), &warning_words},
};
static const kj_keys remedy_keys = KJ_KEYS("a remedy", remedy_rows);

static void read_remedies(kj_advisory *a)
{
    const kj_yaml *node = a->remedy_node;
    if (!node || !kj_expect_kind(&a->r, node, KJ_YAML_LIST, "this key"))
        return;
    for (const kj_yaml *item = node->first; item; item = item->next) {
        kj_draft_remedy draft = {.node = item};
        draft.remedy.threat = a->threat_index;
        draft.remedy.what = KJ_DO_COUNT; /* until it is read */
        kj_read_map(&a->r, item, &remedy_keys, &draft.remedy);
        a->r.no_memory = !kj_vec_add(&a->remedies, draft) || a->r.no_memory;
    }
}

/* ---- the whole ------------------------------------------------------------------------------ */

static void read_definitions(kj_advisory *a)
{
    kj_threat *threat = &a->threat;
    size_t errors = a->r.ir->diags.errors;
    threat->first = threat->required = 0;
    threat->engine = a->options->engine;
    if (a->definitions_node)
        kj_read_map(&a->r, a->definitions_node, &definitions_keys, a);
    a->definitions_broken = a->r.ir->diags.errors != errors;
    threat->first = threat->first ? threat->first : KJ_FIRST_RELEASE;
    threat->required = threat->required ? threat->required : threat->first;
}

static kj_status read_advisory(kj_advisory *a, kj_error *err)
{
    kj_read_map(&a->r, a->root, &advisory_keys, a);
    read_definitions(a);
    KJ_TRY(compile_rules(a, err));
    kj_advisory_read_artifacts(a);
    read_detects(a);
    read_remedies(a);
    kj_advisory_read_tests(a);
    if (!a->r.no_memory)
        kj_advisory_check_sense(a);
    return a->r.no_memory ? kj_fail(err, KJ_NO_MEMORY, KJ_NO_OFFSET, "out of memory") : KJ_OK;
}

/* Moves the drafts into the IR. */
static kj_status commit(kj_advisory *a, kj_error *err)
{
    kj_ir *ir = a->r.ir;
    bool ok = kj_vec_add(&ir->threats, a->threat);
    for (size_t i = 0; i < a->artifacts.count; i++)
        ok = kj_vec_add(&ir->artifacts, a->artifacts.items[i].artifact) && ok;
    for (size_t i = 0; i < a->detects.count; i++)
        ok = kj_vec_add(&ir->detects, a->detects.items[i].detect) && ok;
    for (size_t i = 0; i < a->remedies.count; i++)
        ok = kj_vec_add(&ir->remedies, a->remedies.items[i].remedy) && ok;
    for (size_t i = 0; i < a->tests.count; i++)
        ok = kj_vec_add(&ir->tests, a->tests.items[i].test) && ok;
    return ok ? KJ_OK : kj_fail(err, KJ_NO_MEMORY, KJ_NO_OFFSET, "out of memory");
}

static void done(kj_advisory *a)
{
    kj_vec_done(&a->artifacts);
    kj_vec_done(&a->detects);
    kj_vec_done(&a->remedies);
    kj_vec_done(&a->tests);
}

/* An advisory for a newer engine may have keys that this one does not know: it is left out whole,
 * counted and said, before anything else is looked at. */
static bool needs_newer_engine(kj_reading *r, const kj_yaml *root, uint32_t engine)
{
    const kj_yaml *node = kj_yaml_find(kj_yaml_find(root, "definitions"), "engine");
    uint32_t wanted;
    if (!node || !kj_parse_engine(node->text, &wanted) || wanted <= engine)
        return false;
    kj_diag_add(&r->ir->diags, KJ_WARNING, r->source, node->offset, node->len, NULL,
                "left out: it needs engine %.*s, and this is %u.%u.%u", kj_printed_len(node->text),
                (const char *)node->text.data, engine >> 24, engine >> 16 & 0xFF, engine & 0xFFFF);
    r->ir->skipped_engine++;
    return true;
}

static kj_status compile_advisory(kj_ir *ir, const kj_source *source, const kj_yaml *root,
                                  const kj_advisory_options *options, size_t errors, kj_error *err)
{
    size_t rules = ir->rules.count, patterns = ir->patterns.count;
    KJ_CLEANUP(done)
    kj_advisory a = {
        .r = {.ir = ir, .source = source},
        .options = options,
        .root = root,
        .threat_index = (uint32_t)ir->threats.count,
        .first_artifact = (uint32_t)ir->artifacts.count,
        .first_rule = (uint32_t)rules,
        .threat = {.source = source},
    };
    if (needs_newer_engine(&a.r, root, options->engine))
        return KJ_OK;
    kj_status status = read_advisory(&a, err);
    if (status == KJ_OK && ir->diags.errors == errors)
        return commit(&a, err);
    ir->rules.count = rules;
    ir->patterns.count = patterns;
    return status;
}

/* ---- notes ---------------------------------------------------------------------------------- */

static const kj_key title_rows[] = {
    {"en", KJ_REQUIRED, kj_read_text, offsetof(kj_note, title[KJ_LANG_EN])},
    {"ja", KJ_REQUIRED, kj_read_text, offsetof(kj_note, title[KJ_LANG_JA])},
};
static const kj_keys title_keys = KJ_KEYS("a title", title_rows);

static const kj_key note_text_rows[] = {
    {"en", KJ_REQUIRED, kj_read_prose, offsetof(kj_note, text[KJ_LANG_EN])},
    {"ja", KJ_REQUIRED, kj_read_prose, offsetof(kj_note, text[KJ_LANG_JA])},
};
static const kj_keys note_text_keys = KJ_KEYS("text", note_text_rows);

static const kj_key note_rows[] = {
    {"schema", KJ_REQUIRED, NULL, 0},
    {"id", KJ_REQUIRED, kj_read_slug, offsetof(kj_note, id)},
    {"title", KJ_REQUIRED, kj_read_submap, 0, &title_keys},
    {"text", KJ_REQUIRED, kj_read_submap, 0, &note_text_keys},
};
static const kj_keys note_keys = KJ_KEYS("a note", note_rows);

static kj_status compile_note(kj_ir *ir, const kj_source *source, const kj_yaml *root,
                              size_t errors, kj_error *err)
{
    kj_reading r = {.ir = ir, .source = source};
    kj_note note = {0};
    kj_read_map(&r, root, &note_keys, &note);
    if (ir->diags.errors == errors && !r.no_memory)
        r.no_memory = !kj_vec_add(&ir->notes, note);
    return r.no_memory ? kj_fail(err, KJ_NO_MEMORY, KJ_NO_OFFSET, "out of memory") : KJ_OK;
}

/* ---- what a document is ---------------------------------------------------------------------- */

static void refuse_schema(kj_reading *r, const kj_yaml *schema)
{
    kj_complain(r, schema, "this kujo reads kujo/advisory/1 and kujo/note/1",
                "'%.*s' is no schema that is known here", kj_printed_len(schema->text),
                (const char *)schema->text.data);
}

static kj_status compile_document(kj_ir *ir, const kj_source *source,
                                  const kj_advisory_options *options, kj_error *err)
{
    kj_reading r = {.ir = ir, .source = source};
    kj_yaml *root;
    size_t errors = ir->diags.errors; /* those of the YAML count, too */
    KJ_TRY(kj_yaml_read(ir, source, &root, err));
    if (!root || !kj_expect_kind(&r, root, KJ_YAML_MAP, "an advisory"))
        return KJ_OK;
    const kj_yaml *schema = kj_yaml_find(root, "schema");
    if (schema && !kj_expect_kind(&r, schema, KJ_YAML_TEXT, "a schema"))
        return KJ_OK;
    /* Without a schema, which is an error, the other keys tell what was meant. */
    bool note =
        schema ? kj_span_is(schema->text, note_schema) : kj_yaml_find(root, "title") != NULL;
    if (note)
        return compile_note(ir, source, root, errors, err);
    if (!schema || kj_span_is(schema->text, advisory_schema))
        return compile_advisory(ir, source, root, options, errors, err);
    refuse_schema(&r, schema);
    return KJ_OK;
}

/* Puts what was said since `first` in the order of the source; a note stays behind what it is
 * about. Insertion sort: it is stable, and there are at most KJ_DIAGS_MAX. */
static void sort_diags(kj_diags *diags, size_t first)
{
    size_t keys[KJ_DIAGS_MAX];
    for (size_t i = first; i < diags->list.count; i++) {
        kj_diag diag = diags->list.items[i];
        size_t key = diag.severity == KJ_NOTE && i > first ? keys[i - 1] : diag.offset;
        size_t at = i;
        for (; at > first && keys[at - 1] > key; at--) {
            keys[at] = keys[at - 1];
            diags->list.items[at] = diags->list.items[at - 1];
        }
        keys[at] = key;
        diags->list.items[at] = diag;
    }
}

kj_status kj_advisory_compile(kj_ir *ir, const kj_source *source,
                              const kj_advisory_options *options, kj_error *err)
{
    size_t first = ir->diags.list.count;
    kj_status status = compile_document(ir, source, options, err);
    sort_diags(&ir->diags, first);
    return status;
}
