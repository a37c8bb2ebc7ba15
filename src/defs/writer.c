/* SPDX-License-Identifier: Apache-2.0 */
/* Three steps: select what the release and the engine have, number it, write it. Everything goes
 * in IR order, which follows the sources, so equal sources give equal bytes. */
#include "defs/writer.h"

#include "base/arith.h"
#include "base/crc32c.h"
#include "base/fold.h"
#include "base/hash.h"
#include "base/path.h"
#include "base/text.h"
#include "defs/code.h"
#include "defs/dispatch.h"
#include "defs/doc.h"
#include "defs/hash_sets.h"
#include "defs/patterns.h"
#include "ir/place.h"

enum { SECTION_MAX = INT32_MAX, LARGE = 1 << 20 };

/* An artifact or rule (by file index) and a detection whose `when` names it. */
typedef struct use {
    uint32_t target;
    uint32_t detect;
} use;

typedef KJ_VEC(use) use_list;

typedef struct writer {
    const kj_ir *ir;
    const kj_write_options *options;
    kj_write_report report;
    kj_arena scratch; /* maps, normalized texts */
    /* IR index to file index; KJ_NONE: left out */
    uint32_t *threats;
    uint32_t *detects;
    uint32_t *rules;
    uint32_t *patterns;
    uint32_t *artifacts;
    uint32_t *externals;
    /* By IR threat: its items in the file; they stand together. */
    kj_disk_run *artifact_runs;
    kj_disk_run *remedy_runs;
    use_list artifact_uses;
    use_list rule_uses;
    KJ_VEC(kj_pattern_item) items;
    KJ_VEC(kj_disk_place) places;
    kj_strings strings;
    kj_buf lists;
    kj_buf docs;
    kj_buf code;
    kj_buf meta_section;
    kj_buf threat_section;
    kj_buf note_section;
    kj_buf detect_section;
    kj_buf rule_section;
    kj_buf external_section;
    kj_buf artifact_section;
    kj_buf place_section;
    kj_buf remedy_section;
    kj_buf anchor_section;
    kj_buf anchored_section;
    kj_buf gate_section;
    kj_pattern_sections pattern_sections;
    kj_hash_sections hash_sections;
    kj_disk_run always;
    uint32_t variables;
    uint32_t views;    /* of the rules */
    uint32_t handlers;
    uint32_t left_out; /* where in DOCS what was left out begins: the last there */
} writer;

static void init(writer *w, const kj_ir *ir, const kj_write_options *options)
{
    *w = (writer){.ir = ir, .options = options};
    kj_arena_init(&w->scratch, SIZE_MAX / 2);
    kj_strings_init(&w->strings);
    kj_buf *const buffers[] = {
        &w->lists,
        &w->docs,
        &w->code,
        &w->meta_section,
        &w->threat_section,
        &w->note_section,
        &w->detect_section,
        &w->rule_section,
        &w->external_section,
        &w->artifact_section,
        &w->place_section,
        &w->remedy_section,
        &w->anchor_section,
        &w->anchored_section,
        &w->gate_section,
    };
    for (size_t i = 0; i < KJ_COUNT(buffers); i++)
        kj_buf_init(buffers[i], SECTION_MAX);
    kj_pattern_sections_init(&w->pattern_sections);
    kj_hash_sections_init(&w->hash_sections);
}

static void done(writer *w)
{
    kj_buf *const buffers[] = {
        &w->lists,
        &w->docs,
        &w->code,
        &w->meta_section,
        &w->threat_section,
        &w->note_section,
        &w->detect_section,
        &w->rule_section,
        &w->external_section,
        &w->artifact_section,
        &w->place_section,
        &w->remedy_section,
        &w->anchor_section,
        &w->anchored_section,
        &w->gate_section,
    };
    for (size_t i = 0; i < KJ_COUNT(buffers); i++)
        kj_buf_done(buffers[i]);
    kj_pattern_sections_done(&w->pattern_sections);
    kj_hash_sections_done(&w->hash_sections);
    kj_strings_done(&w->strings);
    kj_vec_done(&w->artifact_uses);
    kj_vec_done(&w->rule_uses);
    kj_vec_done(&w->items);
    kj_vec_done(&w->places);
    kj_arena_done(&w->scratch);
}

/* ---- selection ------------------------------------------------------------------------------ */

static bool detect_lives(const writer *w, const kj_detect *detect)
{
    uint32_t release = w->options->release;
    return detect->since <= release && (detect->until == KJ_NONE || release <= detect->until);
}

static uint32_t *new_map(writer *w, size_t count)
{
    uint32_t *map = kj_new_array(&w->scratch, uint32_t, count + 1);
    for (size_t i = 0; map && i < count; i++)
        map[i] = KJ_NONE;
    return map;
}

/* A threat is in when this engine can detect it and the release knows it or has a detection that
 * its advisory describes (the family detection that came before the threat had its name). */
static void select_threats(writer *w, bool *wanted)
{
    const kj_ir *ir = w->ir;
    w->report.skipped_engine = ir->skipped_engine;
    for (size_t i = 0; i < ir->threats.count; i++)
        wanted[i] = ir->threats.items[i].first <= w->options->release;
    for (size_t i = 0; i < ir->detects.count; i++) {
        const kj_detect *detect = &ir->detects.items[i];
        if (detect->threat != KJ_NONE && detect_lives(w, detect))
            wanted[detect->threat] = true;
    }
    uint32_t next = 0;
    for (size_t i = 0; i < ir->threats.count; i++) {
        bool asked = w->options->only_threat == KJ_NONE || w->options->only_threat == i;
        if (ir->threats.items[i].engine > w->options->engine)
            w->report.skipped_engine++;
        else if (!wanted[i])
            w->report.skipped_release++;
        else if (asked)
            w->threats[i] = next++;
    }
    w->report.threats = next;
}

static bool threat_in(const writer *w, uint32_t threat)
{
    return threat == KJ_NONE ? w->options->only_threat == KJ_NONE : w->threats[threat] != KJ_NONE;
}

static void extend_run(kj_disk_run *run, uint32_t index)
{
    if (run->count++ == 0)
        run->first = index;
}

static void select_items(writer *w)
{
    const kj_ir *ir = w->ir;
    uint32_t next = 0;
    for (size_t i = 0; i < ir->artifacts.count; i++) {
        if (!threat_in(w, ir->artifacts.items[i].threat))
            continue;
        extend_run(&w->artifact_runs[ir->artifacts.items[i].threat], next);
        w->artifacts[i] = next++;
    }
    next = 0;
    for (size_t i = 0; i < ir->remedies.count; i++)
        if (threat_in(w, ir->remedies.items[i].threat))
            extend_run(&w->remedy_runs[ir->remedies.items[i].threat], next++);
    next = 0;
    for (size_t i = 0; i < ir->detects.count; i++)
        if (threat_in(w, ir->detects.items[i].threat) && detect_lives(w, &ir->detects.items[i]))
            w->detects[i] = next++;
    w->report.detects = next;
    for (size_t i = 0; i < ir->externals.count; i++)
        w->externals[i] = (uint32_t)i;
}

/* Rules, and of patterns those that a rule in the file owns. What `matches` uses lies in its rule's
 * run too. */
static kj_status select_rules(writer *w, kj_error *err)
{
    const kj_ir *ir = w->ir;
    uint32_t next = 0;
    for (size_t i = 0; i < ir->rules.count; i++) {
        const kj_rule *rule = &ir->rules.items[i];
        if (!threat_in(w, rule->threat))
            continue;
        w->rules[i] = next;
        for (uint32_t k = 0; k < rule->pattern_count; k++) {
            uint32_t pattern = rule->first_pattern + k;
            w->patterns[pattern] = (uint32_t)w->items.count;
            /* An operand of `matches` has no name, and is not searched. */
            bool searched = ir->patterns.items[pattern].identifier.len != 0;
            kj_pattern_item item = {&ir->patterns.items[pattern], searched ? next : KJ_NONE};
            if (!kj_vec_add(&w->items, item))
                return kj_no_memory(err);
        }
        next++;
    }
    w->report.rules = next;
    w->report.patterns = w->items.count;
    return KJ_OK;
}

static kj_status select_all(writer *w, kj_error *err)
{
    const kj_ir *ir = w->ir;
    bool *wanted = kj_new_array(&w->scratch, bool, ir->threats.count + 1);
    w->threats = new_map(w, ir->threats.count);
    w->detects = new_map(w, ir->detects.count);
    w->rules = new_map(w, ir->rules.count);
    w->patterns = new_map(w, ir->patterns.count);
    w->artifacts = new_map(w, ir->artifacts.count);
    w->externals = new_map(w, ir->externals.count);
    w->artifact_runs = kj_new_array(&w->scratch, kj_disk_run, ir->threats.count + 1);
    w->remedy_runs = kj_new_array(&w->scratch, kj_disk_run, ir->threats.count + 1);
    if (!wanted || !w->artifact_runs || !w->remedy_runs || !w->threats || !w->detects ||
        !w->rules || !w->patterns || !w->artifacts || !w->externals)
        return kj_no_memory(err);
    select_threats(w, wanted);
    select_items(w);
    return select_rules(w, err);
}

/* ---- small parts ------------------------------------------------------------------------------
 */

static kj_disk_name name_of(writer *w, kj_span text)
{
    return (kj_disk_name){kj_strings_add(&w->strings, text), kj_crc32c(text)};
}

static uint32_t list_position(const writer *w)
{
    return (uint32_t)(w->lists.len / 4);
}

static void put_text_ref(kj_buf *out, kj_disk_text text)
{
    kj_buf_put_u32le(out, text.offset);
    kj_buf_put_u32le(out, text.len);
}

static kj_disk_run write_texts(writer *w, kj_texts texts)
{
    kj_disk_run run = {list_position(w), (uint32_t)texts.count};
    for (size_t i = 0; i < texts.count; i++)
        put_text_ref(&w->lists, kj_strings_add(&w->strings, texts.items[i]));
    return run;
}

static kj_disk_run write_folded(writer *w, kj_texts texts)
{
    kj_disk_run run = {list_position(w), (uint32_t)texts.count};
    for (size_t i = 0; i < texts.count; i++) {
        const char *folded = kj_fold_text(&w->scratch, texts.items[i]);
        w->lists.failed = w->lists.failed || !folded;
        put_text_ref(&w->lists, kj_strings_add(&w->strings, kj_span_str(folded)));
    }
    return run;
}

static kj_disk_run write_sizes(writer *w, kj_sizes sizes)
{
    kj_disk_run run = {list_position(w), (uint32_t)sizes.count};
    for (size_t i = 0; i < sizes.count; i++) {
        kj_buf_put_u64le(&w->lists, sizes.items[i].min);
        kj_buf_put_u64le(&w->lists, sizes.items[i].max);
    }
    return run;
}

static void value_words(writer *w, const kj_value *value, uint32_t out[2])
{
    if (value->type == KJ_TYPE_STRING) {
        kj_disk_text text = kj_strings_add(&w->strings, value->text);
        out[0] = text.offset;
        out[1] = text.len;
        return;
    }
    uint64_t bits;
    memcpy(&bits, &value->integer, sizeof bits); /* a real's bits lie there too */
    out[0] = (uint32_t)bits;
    out[1] = (uint32_t)(bits >> 32);
}

static kj_status write_condition(writer *w, const kj_expr *expr, uint32_t *out, kj_error *err)
{
    const kj_code_map map = {w->rules, w->patterns, w->artifacts, w->externals};
    uint32_t used = kj_code_variables(expr);
    w->variables = used > w->variables ? used : w->variables;
    return kj_code_write(expr, &map, &w->strings, &w->code, out, err);
}

/* ---- uses: which detections to look at when an artifact or rule is there ------------------------
 */

typedef struct collecting {
    writer *w;
    uint32_t detect;
    bool failed;
} collecting;

static void collect_use(void *user, kj_op op, uint32_t index)
{
    collecting *c = user;
    bool artifact = op == KJ_OP_ARTIFACT;
    uint32_t target = artifact ? c->w->artifacts[index] : c->w->rules[index];
    use_list *list = artifact ? &c->w->artifact_uses : &c->w->rule_uses;
    use pair = {target, c->detect};
    if (!kj_vec_add(list, pair))
        c->failed = true;
}

static int compare_uses(const void *a, const void *b)
{
    const use *x = a, *y = b;
    if (x->target != y->target)
        return x->target < y->target ? -1 : 1;
    return x->detect < y->detect ? -1 : x->detect > y->detect;
}

static void sort_uses(use_list *list)
{
    if (list->count == 0)
        return;
    qsort(list->items, list->count, sizeof(use), compare_uses);
    size_t kept = 1;
    for (size_t i = 1; i < list->count; i++)
        if (compare_uses(&list->items[i], &list->items[kept - 1]) != 0)
            list->items[kept++] = list->items[i];
    list->count = kept;
}

/* Writes the detections of `target`. *next walks the sorted list: targets come in rising order. */
static kj_disk_run write_uses(writer *w, const use_list *list, size_t *next, uint32_t target)
{
    kj_disk_run run = {list_position(w), 0};
    for (; *next < list->count && list->items[*next].target == target; (*next)++) {
        kj_buf_put_u32le(&w->lists, list->items[*next].detect);
        run.count++;
    }
    return run;
}

/* ---- sections -----------------------------------------------------------------------------------
 */

typedef struct anchors {
    writer *w;
    uint32_t count;
} anchors;

static void write_anchor(void *user, uint32_t artifact)
{
    anchors *a = user;
    kj_buf_put_u32le(&a->w->lists, a->w->artifacts[artifact]);
    a->count++;
}

/* The advisory that has a detection's name; else the one that the detection comes from. */
static uint32_t page_of(const writer *w, const kj_detect *detect)
{
    for (size_t i = 0; i < w->ir->threats.count; i++)
        if (w->threats[i] != KJ_NONE && kj_span_equal(w->ir->threats.items[i].name, detect->name))
            return w->threats[i];
    return detect->threat == KJ_NONE ? KJ_NONE : w->threats[detect->threat];
}

static kj_status write_detects(writer *w, kj_error *err)
{
    for (size_t i = 0; i < w->ir->detects.count; i++) {
        if (w->detects[i] == KJ_NONE)
            continue;
        const kj_detect *detect = &w->ir->detects.items[i];
        collecting c = {w, w->detects[i], false};
        kj_code_references(detect->when, collect_use, &c);
        if (c.failed)
            return kj_no_memory(err);
        anchors about = {w, 0};
        kj_disk_detect disk = {
            .id = kj_strings_add(&w->strings, detect->id),
            .name = name_of(w, detect->name),
            .threat = detect->threat == KJ_NONE ? KJ_NONE : w->threats[detect->threat],
            .page = detect->threat == KJ_NONE ? KJ_NONE : page_of(w, detect),
            .anchors.first = list_position(w),
            .since = detect->since,
            .class_ = (uint32_t)detect->klass,
        };
        kj_code_anchors(detect->when, write_anchor, &about);
        disk.anchors.count = about.count;
        KJ_TRY(write_condition(w, detect->when, &disk.code, err));
        kj_buf_put(&w->detect_section, kj_span_of(&disk, sizeof disk));
    }
    sort_uses(&w->artifact_uses);
    sort_uses(&w->rule_uses);
    return KJ_OK;
}

static kj_disk_run write_metas(writer *w, const kj_rule *rule)
{
    kj_disk_run run = {list_position(w), (uint32_t)rule->meta_count};
    for (size_t i = 0; i < rule->meta_count; i++) {
        kj_disk_meta_entry entry = {
            .name = kj_strings_add(&w->strings, rule->metas[i].name),
            .type = (uint32_t)rule->metas[i].value.type,
        };
        value_words(w, &rule->metas[i].value, entry.value);
        kj_buf_put(&w->lists, kj_span_of(&entry, sizeof entry));
    }
    return run;
}

static bool has_effects(const writer *w, const kj_expr *condition)
{
    return kj_has_effects(w->options->schemas, w->options->schema_count, condition);
}

static kj_status write_rules(writer *w, kj_error *err)
{
    size_t next_use = 0;
    for (size_t i = 0; i < w->ir->rules.count; i++) {
        if (w->rules[i] == KJ_NONE)
            continue;
        const kj_rule *rule = &w->ir->rules.items[i];
        kj_disk_rule disk = {
            .name = kj_strings_add(&w->strings, rule->name),
            .space = kj_strings_add(&w->strings, rule->space),
            .flags = rule->flags | (has_effects(w, rule->condition) ? KJ_RULE_EFFECTS : 0),
            .threat = rule->threat == KJ_NONE ? KJ_NONE : w->threats[rule->threat],
            .patterns = {rule->pattern_count ? w->patterns[rule->first_pattern] : 0,
                         rule->pattern_count},
            .tags = write_texts(w, (kj_texts){rule->tags, rule->tag_count}),
            .metas = write_metas(w, rule),
            .detects = write_uses(w, &w->rule_uses, &next_use, w->rules[i]),
        };
        w->views |= rule->flags & KJ_RULE_VIEWS;
        w->handlers += (rule->flags & KJ_RULE_HANDLER) != 0;
        KJ_TRY(write_condition(w, rule->condition, &disk.code, err));
        kj_buf_put(&w->rule_section, kj_span_of(&disk, sizeof disk));
    }
    return KJ_OK;
}

static bool add_place(writer *w, uint32_t artifact, kj_span pattern)
{
    kj_span last = kj_path_base(pattern);
    bool wild = last.len == 0 || memchr(last.data, '*', last.len);
    kj_disk_place place = {
        .hash = wild ? 0 : kj_crc32c(last),
        .artifact = artifact,
        .pattern = kj_strings_add(&w->strings, pattern),
    };
    return kj_vec_add(&w->places, place);
}

/* FILE: every place it may be, normalized and indexed; INI: the same, not indexed; others: their
 * names folded. */
static kj_disk_run write_patterns(writer *w, const kj_artifact *artifact, uint32_t index)
{
    if (artifact->kind != KJ_ARTIFACT_FILE && artifact->kind != KJ_ARTIFACT_INI)
        return write_folded(w, artifact->names);
    kj_disk_run run = {list_position(w), 0};
    for (size_t i = 0; i < artifact->names.count; i++) {
        kj_span forms[KJ_PLACE_FORMS_MAX];
        size_t count = kj_place_expand(&w->scratch, artifact->names.items[i], forms);
        w->lists.failed = w->lists.failed || count == 0;
        for (size_t k = 0; k < count; k++, run.count++) {
            put_text_ref(&w->lists, kj_strings_add(&w->strings, forms[k]));
            if (artifact->kind == KJ_ARTIFACT_FILE && !add_place(w, index, forms[k]))
                w->lists.failed = true;
        }
    }
    return run;
}

/* A registry value's name and data, a task's or a service's program, an INI section or token: every
 * place it may mean where it begins with a variable or a drive, else its folded text. */
static kj_disk_run write_data(writer *w, kj_span data)
{
    kj_disk_run run = {list_position(w), 0};
    kj_span forms[KJ_PLACE_FORMS_MAX];
    bool path = data.len > 2 && (data.data[0] == '%' || data.data[1] == ':');
    size_t count = path ? kj_place_expand(&w->scratch, data, forms) : 0;
    if (count == 0 && data.len) {
        const char *copy = kj_fold_text(&w->scratch, data);
        w->lists.failed = w->lists.failed || !copy;
        forms[count++] = kj_span_str(copy);
    }
    for (; run.count < count; run.count++)
        put_text_ref(&w->lists, kj_strings_add(&w->strings, forms[run.count]));
    return run;
}

static kj_disk_text folded(writer *w, kj_span text)
{
    const char *copy = kj_fold_text(&w->scratch, text);
    w->lists.failed = w->lists.failed || !copy;
    return kj_strings_add(&w->strings, kj_span_str(copy));
}

static void write_artifacts(writer *w)
{
    size_t next_use = 0;
    for (size_t i = 0; i < w->ir->artifacts.count; i++) {
        if (w->artifacts[i] == KJ_NONE)
            continue;
        const kj_artifact *artifact = &w->ir->artifacts.items[i];
        kj_disk_artifact disk = {
            .id = kj_strings_add(&w->strings, artifact->id),
            .kind = (uint8_t)artifact->kind,
            .role = (uint8_t)artifact->role,
            .has_hash = artifact->has_hash,
            .hash_kind = (uint8_t)artifact->hash_kind,
            .threat = w->threats[artifact->threat],
            .rule = artifact->rule == KJ_NONE ? KJ_NONE : w->rules[artifact->rule],
            .names = write_texts(w, artifact->names),
            .patterns = write_patterns(w, artifact, w->artifacts[i]),
            .sizes = write_sizes(w, artifact->sizes),
            .type = kj_strings_add(&w->strings, artifact->type),
            .value = write_data(w, artifact->value),
            .data = write_data(w, artifact->data),
            .key = folded(w, artifact->key),
            .attachment_names = write_folded(w, artifact->attachment_names),
            .extensions = write_folded(w, artifact->extensions),
            .decoys = write_folded(w, artifact->decoys),
            .detects = write_uses(w, &w->artifact_uses, &next_use, w->artifacts[i]),
        };
        memcpy(disk.hash, artifact->hash, sizeof disk.hash);
        kj_buf_put(&w->artifact_section, kj_span_of(&disk, sizeof disk));
    }
}

static int compare_places(const void *a, const void *b)
{
    const kj_disk_place *x = a, *y = b;
    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    if (x->artifact != y->artifact)
        return x->artifact < y->artifact ? -1 : 1;
    return x->pattern.offset < y->pattern.offset ? -1 : x->pattern.offset > y->pattern.offset;
}

static void write_places(writer *w)
{
    if (w->places.count == 0)
        return;
    qsort(w->places.items, w->places.count, sizeof *w->places.items, compare_places);
    kj_buf_put(&w->place_section,
               kj_span_of(w->places.items, w->places.count * sizeof *w->places.items));
}

static kj_status write_remedies(writer *w, kj_error *err)
{
    for (size_t i = 0; i < w->ir->remedies.count; i++) {
        const kj_remedy *remedy = &w->ir->remedies.items[i];
        if (!threat_in(w, remedy->threat))
            continue;
        kj_disk_remedy disk = {
            .what = (uint32_t)remedy->what,
            .threat = w->threats[remedy->threat],
            .of = {list_position(w), (uint32_t)remedy->of_count},
            .needs = KJ_NONE,
            .to = kj_strings_add(&w->strings, remedy->to),
            .warn = kj_strings_add(&w->strings, remedy->warn),
        };
        for (size_t k = 0; k < remedy->of_count; k++)
            kj_buf_put_u32le(&w->lists, w->artifacts[remedy->of[k]]);
        if (remedy->needs)
            KJ_TRY(write_condition(w, remedy->needs, &disk.needs, err));
        kj_buf_put(&w->remedy_section, kj_span_of(&disk, sizeof disk));
    }
    return KJ_OK;
}

static void write_externals(writer *w)
{
    for (size_t i = 0; i < w->ir->externals.count; i++) {
        const kj_external *external = &w->ir->externals.items[i];
        kj_disk_external disk = {
            .name = kj_strings_add(&w->strings, external->name),
            .type = (uint32_t)external->value.type,
        };
        value_words(w, &external->value, disk.value);
        kj_buf_put(&w->external_section, kj_span_of(&disk, sizeof disk));
    }
}

static kj_status write_threats(writer *w, kj_error *err)
{
    for (size_t i = 0; i < w->ir->threats.count; i++) {
        if (w->threats[i] == KJ_NONE)
            continue;
        const kj_threat *threat = &w->ir->threats.items[i];
        uint32_t doc = (uint32_t)w->docs.len;
        KJ_TRY(kj_doc_write_threat(w->ir, (uint32_t)i, w->options->release, &w->docs, err));
        kj_disk_threat disk = {
            .id = kj_strings_add(&w->strings, threat->id),
            .name = name_of(w, threat->name),
            .first = threat->first,
            .required = threat->required,
            .engine = threat->engine,
            .doc_offset = doc,
            .doc_len = (uint32_t)w->docs.len - doc,
            .artifacts = w->artifact_runs[i],
            .remedies = w->remedy_runs[i],
            .aliases = {list_position(w), (uint32_t)threat->aliases.count},
        };
        for (size_t k = 0; k < threat->aliases.count; k++)
            put_text_ref(&w->lists, kj_strings_add(&w->strings, threat->aliases.items[k].second));
        kj_buf_put(&w->threat_section, kj_span_of(&disk, sizeof disk));
    }
    return KJ_OK;
}

static kj_status write_notes(writer *w, kj_error *err)
{
    for (size_t i = 0; i < w->ir->notes.count; i++) {
        const kj_note *note = &w->ir->notes.items[i];
        uint32_t doc = (uint32_t)w->docs.len;
        KJ_TRY(kj_doc_write_note(note, &w->docs, err));
        kj_disk_note disk = {
            .id = kj_strings_add(&w->strings, note->id),
            .doc_offset = doc,
            .doc_len = (uint32_t)w->docs.len - doc,
        };
        kj_buf_put(&w->note_section, kj_span_of(&disk, sizeof disk));
    }
    return KJ_OK;
}

/* Days since 1970-01-01 of a valid YYYY-MM-DD, else 0. Source: Hinnant, "chrono-Compatible
 * Low-Level Date Algorithms", days_from_civil. */
static uint64_t days_of(kj_span date)
{
    uint64_t year, month, day;
    if (date.len != 10 || !kj_text_to_u64(kj_span_sub(date, 0, 4), &year) ||
        !kj_text_to_u64(kj_span_sub(date, 5, 2), &month) ||
        !kj_text_to_u64(kj_span_sub(date, 8, 2), &day) || year < 1970)
        return 0;
    year -= month <= 2;
    uint64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    uint64_t era = year / 400, of_era = year % 400;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + day_of_year - 719468;
}

static uint64_t newest_day(const writer *w)
{
    uint64_t newest = 0;
    for (size_t i = 0; i < w->ir->threats.count; i++) {
        const kj_threat *threat = &w->ir->threats.items[i];
        const kj_span dates[] = {threat->published, threat->modified};
        for (size_t k = 0; w->threats[i] != KJ_NONE && k < KJ_COUNT(dates); k++) {
            uint64_t days = days_of(dates[k]);
            newest = days > newest ? days : newest;
        }
    }
    return newest * 86400;
}

static void write_meta(writer *w)
{
    const kj_ir *ir = w->ir;
    kj_disk_meta meta = {
        .release = w->options->release,
        .engine = KJ_DISK_ENGINE,
        .date = w->options->date ? w->options->date : newest_day(w),
        .skipped = (uint32_t)w->report.skipped_engine,
        .variables = w->variables,
        .always = w->always,
        .passwords = write_texts(w, (kj_texts){ir->passwords.items, ir->passwords.count}),
        .views = w->views,
        .handlers = w->handlers,
        .left_out = w->left_out,
        .left_out_len = (uint32_t)w->docs.len - w->left_out,
    };
    meta.globals.first = list_position(w);
    for (size_t i = 0; i < ir->rules.count; i++)
        if (w->rules[i] != KJ_NONE && (ir->rules.items[i].flags & KJ_RULE_GLOBAL)) {
            kj_buf_put_u32le(&w->lists, w->rules[i]);
            meta.globals.count++;
        }
    meta.mails.first = list_position(w);
    for (size_t i = 0; i < ir->artifacts.count; i++)
        if (w->artifacts[i] != KJ_NONE && ir->artifacts.items[i].kind == KJ_ARTIFACT_MAIL) {
            kj_buf_put_u32le(&w->lists, w->artifacts[i]);
            meta.mails.count++;
        }
    kj_buf_put(&w->meta_section, kj_span_of(&meta, sizeof meta));
}

static void tell_costly(void *user, uint32_t rule, uint32_t pattern, double cost)
{
    const writer *w = user;
    if (cost > KJ_COSTLY)
        w->options->costly(w->options->costly_user, &w->ir->rules.items[rule],
                           &w->ir->patterns.items[pattern], cost);
}

/* Patterns, and which rules are looked at where. */
static kj_status write_search(writer *w, kj_error *err)
{
    const kj_code_map map = {w->rules, w->patterns, w->artifacts, w->externals};
    kj_dispatch_input input = {
        .ir = w->ir,
        .map = &map,
        .strings = &w->strings,
        .schemas = w->options->schemas,
        .schema_count = w->options->schema_count,
        .trigger = w->options->costly ? tell_costly : NULL,
        .user = w,
    };
    kj_dispatch_output output = {
        .lists = &w->lists,
        .code = &w->code,
        .anchors = &w->anchor_section,
        .anchored = &w->anchored_section,
        .gates = &w->gate_section,
    };
    KJ_TRY(kj_patterns_begin(w->items.items, w->items.count, &w->strings, &w->pattern_sections,
                             &input.builder, err));
    kj_status status = kj_dispatch_write(&input, &output, err);
    if (status == KJ_OK)
        status = kj_patterns_finish(input.builder, err);
    kj_patterns_end(input.builder);
    w->always = output.always;
    return status;
}

static kj_status write_sections(writer *w, kj_error *err)
{
    KJ_TRY(write_detects(w, err));
    KJ_TRY(write_rules(w, err));
    write_artifacts(w);
    write_places(w);
    KJ_TRY(write_remedies(w, err));
    write_externals(w);
    KJ_TRY(write_threats(w, err));
    KJ_TRY(write_notes(w, err));
    KJ_TRY(write_search(w, err));
    if (w->options->only_threat == KJ_NONE)
        KJ_TRY(kj_hash_sets_write(&w->ir->hashes, (uint32_t)w->report.detects, &w->hash_sections,
                                  err));
    w->report.digests = w->hash_sections.count;
    w->left_out = (uint32_t)w->docs.len;
    KJ_TRY(kj_doc_write_left_out(w->ir, &w->docs, err));
    write_meta(w);
    return KJ_OK;
}

/* ---- the file
 * ------------------------------------------------------------------------------------ */

typedef struct part {
    uint32_t type;
    uint32_t element_size;
    const kj_buf *bytes;
    const kj_hash_sets *records; /* instead, if not NULL: the records of these, */
    uint64_t records_len;        /* so many bytes */
} part;

static uint64_t part_len(const part *p)
{
    return p->records ? p->records_len : p->bytes->len;
}

static kj_status put_part(const part *p, kj_buf *out, kj_disk_section *section, kj_error *err)
{
    if (!p->records && p->bytes->failed)
        return kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET, "a section is too large, or out of memory");
    kj_buf_align(out, part_len(p) >= LARGE ? KJ_DISK_ALIGN_LARGE : KJ_DISK_ALIGN);
    *section = (kj_disk_section){
        .type = p->type,
        .element_size = p->element_size,
        .offset = out->len,
        .size = part_len(p),
    };
    if (p->records)
        kj_hash_sets_put_records(p->records, out);
    else
        kj_buf_put(out, kj_buf_span(p->bytes));
    if (out->failed && !out->starved)
        return kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET, "the definitions are too large");
    if (out->failed)
        return kj_no_memory(err);
    uint8_t digest[KJ_HASH_MAX];
    kj_hash(KJ_HASH_SHA256, kj_span_sub(kj_buf_span(out), section->offset, section->size), digest);
    memcpy(section->sha256, digest, sizeof section->sha256);
    return KJ_OK;
}

/* Room for all of it at once: growing step by step would move hundreds of megabytes. */
static void reserve_all(const part *parts, size_t count, kj_buf *out)
{
    uint64_t len = sizeof(kj_disk_header) + count * sizeof(kj_disk_section);
    for (size_t i = 0; i < count; i++)
        len += part_len(&parts[i]) +
               (part_len(&parts[i]) >= LARGE ? KJ_DISK_ALIGN_LARGE : KJ_DISK_ALIGN);
    (void)kj_buf_reserve(out, len);
}

static kj_status lay_out(const part *parts, size_t count, kj_buf *out, uint8_t build_id[16],
                         kj_error *err)
{
    uint8_t digests[KJ_DISK_SECTIONS_MAX * 32];
    reserve_all(parts, count, out);
    kj_buf_put_zeros(out, sizeof(kj_disk_header) + count * sizeof(kj_disk_section));
    for (size_t i = 0; i < count; i++) {
        kj_disk_section section;
        KJ_TRY(put_part(&parts[i], out, &section, err));
        memcpy(digests + 32 * i, section.sha256, 32);
        memcpy(out->data + sizeof(kj_disk_header) + i * sizeof section, &section, sizeof section);
    }
    uint8_t id[KJ_HASH_MAX];
    kj_hash(KJ_HASH_SHA256, kj_span_of(digests, 32 * count), id);
    memcpy(build_id, id, 16);
    return KJ_OK;
}

typedef struct part_list {
    part items[KJ_DISK_SECTIONS_MAX];
    size_t count;
} part_list;

static void add(part_list *list, uint32_t type, uint32_t element_size, const kj_buf *bytes)
{
    list->items[list->count++] = (part){type, element_size, bytes};
}

/* What there is much of and a scan touches little of. */
static void list_digests(const writer *w, part_list *out)
{
    const kj_hash_sections *h = &w->hash_sections;
    const kj_hash_sets *hashes = &w->ir->hashes;
    add(out, KJ_SEC_HASH_GATES, 4, &h->gates);
    add(out, KJ_SEC_HASH_BUCKETS, 4, &h->buckets);
    out->items[out->count++] = (part){KJ_SEC_HASH_RECORDS, 4, NULL, hashes, h->records_len};
    add(out, KJ_SEC_HASH_BLOCKS, 4, &hashes->names.blocks);
    add(out, KJ_SEC_HASH_NAMES, 1, &hashes->names.bytes);
}

/* What every scan touches comes first, what only people read last. */
static void list_parts(const writer *w, part_list *out)
{
    const kj_pattern_sections *p = &w->pattern_sections;
    add(out, KJ_SEC_META, sizeof(kj_disk_meta), &w->meta_section);
    if (w->hash_sections.count)
        add(out, KJ_SEC_HASH_SETS, sizeof(kj_disk_hash_set), &w->hash_sections.sets);
    add(out, KJ_SEC_FILTER, KJ_FILTER_ELEMENT, &p->filter);
    add(out, KJ_SEC_BUCKETS, KJ_BUCKET_ELEMENT, &p->buckets);
    add(out, KJ_SEC_POSTINGS, KJ_POSTING_ELEMENT, &p->postings);
    add(out, KJ_SEC_GATES, sizeof(kj_disk_gate), &w->gate_section);
    add(out, KJ_SEC_ANCHORS, sizeof(kj_disk_anchor), &w->anchor_section);
    add(out, KJ_SEC_ANCHORED, sizeof(kj_disk_anchored), &w->anchored_section);
    add(out, KJ_SEC_SCANNED, KJ_SCANNED_ELEMENT, &p->scanned);
    add(out, KJ_SEC_NEEDLES, sizeof(kj_disk_needle), &p->needles);
    add(out, KJ_SEC_PATTERNS, sizeof(kj_disk_pattern), &p->patterns);
    add(out, KJ_SEC_LITERALS, 1, &p->literals);
    add(out, KJ_SEC_PROGRAMS, 4, &p->programs);
    add(out, KJ_SEC_CODE, 4, &w->code);
    add(out, KJ_SEC_RULES, sizeof(kj_disk_rule), &w->rule_section);
    add(out, KJ_SEC_EXTERNALS, sizeof(kj_disk_external), &w->external_section);
    add(out, KJ_SEC_PLACES, sizeof(kj_disk_place), &w->place_section);
    add(out, KJ_SEC_ARTIFACTS, sizeof(kj_disk_artifact), &w->artifact_section);
    add(out, KJ_SEC_DETECTS, sizeof(kj_disk_detect), &w->detect_section);
    add(out, KJ_SEC_LISTS, 4, &w->lists);
    add(out, KJ_SEC_STRINGS, 1, &w->strings.bytes);
    add(out, KJ_SEC_REMEDIES, sizeof(kj_disk_remedy), &w->remedy_section);
    add(out, KJ_SEC_THREATS, sizeof(kj_disk_threat), &w->threat_section);
    add(out, KJ_SEC_NOTES, sizeof(kj_disk_note), &w->note_section);
    if (w->hash_sections.count)
        list_digests(w, out);
    add(out, KJ_SEC_DOCS, 1, &w->docs);
}

static kj_status write_file(writer *w, kj_buf *out, kj_error *err)
{
    part_list parts = {.count = 0};
    list_parts(w, &parts);
    if (w->strings.failed)
        return kj_no_memory(err);
    kj_disk_header header = {
        .magic = KJ_DISK_MAGIC,
        .major = KJ_DISK_MAJOR,
        .minor = KJ_DISK_MINOR,
        .header_size = sizeof header,
        .section_count = (uint32_t)parts.count,
        .release = w->options->release,
        .engine = KJ_DISK_ENGINE,
    };
    KJ_TRY(lay_out(parts.items, parts.count, out, header.build_id, err));
    header.file_size = out->len;
    memcpy(out->data, &header, sizeof header);
    header.crc =
        kj_crc32c(kj_span_of(out->data, sizeof header + parts.count * sizeof(kj_disk_section)));
    memcpy(out->data, &header, sizeof header);
    return KJ_OK;
}

kj_status kj_defs_write(const kj_ir *ir, const kj_write_options *options, kj_buf *out,
                        kj_write_report *out_report, kj_error *err)
{
    writer w;
    init(&w, ir, options);
    kj_status status = select_all(&w, err);
    if (status == KJ_OK)
        status = write_sections(&w, err);
    if (status == KJ_OK)
        status = write_file(&w, out, err);
    if (status == KJ_OK && out_report)
        *out_report = w.report;
    done(&w);
    return status;
}
