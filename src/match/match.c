/* SPDX-License-Identifier: Apache-2.0 */
/* One object: search, then the rules that a hit or the lack of a gate makes possible, then the
 * artifacts it shows, then the detections that either touches. What is touched by nothing costs
 * nothing. */
#include "match/match.h"

#include "base/arith.h"
#include "base/vec.h"
#include "defs/code.h"
#include "match/condition.h"
#include "match/regex.h"

enum {
    STEPS_UNLIMITED = INT32_MAX,
    STEPS_OF_WHEN = 1 << 20, /* a `when` or `needs` has no loops */
};

typedef KJ_VEC(uint32_t) index_list;

struct kj_matcher {
    const kj_defs *defs;
    kj_search *search;
    kj_regex *regex;
    kj_sightings seen;
    index_list candidates; /* rules, then detections: sorted, each once */
    index_list detects;    /* that hold, rising */
};

kj_matcher *kj_matcher_new(const kj_defs *defs)
{
    kj_matcher *matcher = calloc(1, sizeof *matcher);
    if (!matcher)
        return NULL;
    matcher->defs = defs;
    matcher->search = kj_search_new(defs);
    matcher->regex = kj_regex_new();
    if (!matcher->search || !matcher->regex ||
        kj_sightings_init(&matcher->seen, defs, NULL) != KJ_OK) {
        kj_matcher_free(matcher);
        return NULL;
    }
    return matcher;
}

void kj_matcher_free(kj_matcher *matcher)
{
    if (!matcher)
        return;
    kj_search_free(matcher->search);
    kj_regex_free(matcher->regex);
    kj_sightings_done(&matcher->seen);
    kj_vec_done(&matcher->candidates);
    kj_vec_done(&matcher->detects);
    free(matcher);
}

const kj_sightings *kj_matcher_seen(const kj_matcher *matcher)
{
    return &matcher->seen;
}

const kj_hit *kj_matcher_hits(const kj_matcher *matcher, uint32_t pattern, size_t *out_count)
{
    return kj_search_hits(matcher->search, pattern, out_count);
}

bool kj_matcher_is_cut(const kj_matcher *matcher, uint32_t pattern)
{
    return kj_search_is_cut(matcher->search, pattern);
}

const uint32_t *kj_matcher_detects(const kj_matcher *matcher, size_t *out_count)
{
    *out_count = matcher->detects.count;
    return matcher->detects.items;
}

/* ---- lists of indices
 * ------------------------------------------------------------------------------ */

static int compare_indices(const void *a, const void *b)
{
    uint32_t x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return x < y ? -1 : x > y;
}

static void sort_unique(index_list *list)
{
    if (list->count < 2)
        return;
    qsort(list->items, list->count, sizeof *list->items, compare_indices);
    size_t kept = 1;
    for (size_t i = 1; i < list->count; i++)
        if (list->items[i] != list->items[kept - 1])
            list->items[kept++] = list->items[i];
    list->count = kept;
}

/* Adds a run of indices in LIST. Runs do not overlap, so together they are no longer than LIST. */
static kj_status add_run(const kj_defs *defs, kj_disk_run run, index_list *list, kj_error *err)
{
    const uint32_t *words = kj_defs_words(defs, run.first, kj_defs_run_count(defs, run, 1));
    if (words && list->count + run.count > defs->lists.count)
        return kj_fail(err, KJ_INTERNAL, KJ_NO_OFFSET, "damaged definitions: lists overlap");
    for (uint32_t i = 0; words && i < run.count; i++)
        if (!kj_vec_add(list, words[i]))
            return kj_no_memory(err);
    return KJ_OK;
}

/* ---- rules
 * -------------------------------------------------------------------------------------------- */

static kj_status collect_rules(kj_matcher *m, kj_error *err)
{
    m->candidates.count = 0;
    KJ_TRY(add_run(m->defs, m->defs->meta.always, &m->candidates, err));
    KJ_TRY(add_run(m->defs, m->defs->meta.globals, &m->candidates, err));
    size_t count;
    const uint32_t *found = kj_search_found(m->search, &count);
    for (size_t i = 0; i < count; i++) {
        const kj_disk_pattern *pattern = kj_defs_pattern(m->defs, found[i]);
        if (pattern && pattern->rule != KJ_NONE && !kj_vec_add(&m->candidates, pattern->rule))
            return kj_no_memory(err);
    }
    sort_unique(&m->candidates);
    return KJ_OK;
}

/* A limit cuts the condition short, not the object: the first one is told, the rest is tried. */
static kj_status keep_first(kj_status first, kj_status status)
{
    return first == KJ_OK ? status : first;
}

static kj_status run_rules(kj_matcher *m, const kj_condition_input *input, uint64_t *costs,
                           kj_error *err)
{
    kj_status result = KJ_OK;
    for (size_t i = 0; i < m->candidates.count; i++) {
        if (i % 256 == 255 && kj_deadline_past(&input->deadline))
            return kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET, "out of time");
        const kj_disk_rule *rule = kj_defs_rule(m->defs, m->candidates.items[i]);
        bool holds = false;
        uint64_t before = *input->steps;
        kj_status status =
            rule ? kj_condition_run(input, rule->code, &holds, result == KJ_OK ? err : NULL)
                 : KJ_OK;
        if (status == KJ_INTERNAL)
            return status;
        if (costs && rule)
            costs[m->candidates.items[i]] += before - *input->steps;
        result = keep_first(result, status);
        if (holds)
            kj_sightings_add_rule(&m->seen, m->candidates.items[i]);
    }
    return result;
}

/* A false global rule silences every rule of its namespace. */
static void apply_globals(kj_matcher *m)
{
    uint32_t count = kj_defs_run_count(m->defs, m->defs->meta.globals, 1);
    const uint32_t *globals = kj_defs_words(m->defs, m->defs->meta.globals.first, count);
    for (uint32_t g = 0; globals && g < count; g++) {
        const kj_disk_rule *global = kj_defs_rule(m->defs, globals[g]);
        if (!global || kj_sightings_has_rule(&m->seen, globals[g]))
            continue;
        kj_span space = kj_defs_text(m->defs, global->space);
        for (size_t i = 0; i < m->candidates.count; i++) {
            uint32_t index = m->candidates.items[i];
            const kj_disk_rule *rule = kj_defs_rule(m->defs, index);
            if (rule && kj_span_equal(kj_defs_text(m->defs, rule->space), space))
                m->seen.rules[index / 64] &= ~(UINT64_C(1) << index % 64);
        }
    }
}

/* ---- detections
 * -------------------------------------------------------------------------------------------- */

/* Hands out the detections that what was seen touches. */
static kj_status collect_detects(const kj_defs *defs, const kj_sightings *seen, index_list *out,
                                 kj_error *err)
{
    out->count = 0;
    for (uint32_t base = 0; base < seen->rule_count; base += 64)
        for (uint64_t bits = seen->rules[base / 64]; bits; bits &= bits - 1) {
            const kj_disk_rule *rule = kj_defs_rule(defs, base + (uint32_t)__builtin_ctzll(bits));
            if (rule)
                KJ_TRY(add_run(defs, rule->detects, out, err));
        }
    for (uint32_t base = 0; base < seen->artifact_count; base += 64)
        for (uint64_t bits = seen->artifacts[base / 64]; bits; bits &= bits - 1) {
            const kj_disk_artifact *artifact =
                kj_defs_artifact(defs, base + (uint32_t)__builtin_ctzll(bits));
            if (artifact)
                KJ_TRY(add_run(defs, artifact->detects, out, err));
        }
    sort_unique(out);
    return KJ_OK;
}

bool kj_sightings_hold(const kj_sightings *seen, const kj_defs *defs, uint32_t code)
{
    uint64_t steps = STEPS_OF_WHEN;
    const kj_condition_input input = {.defs = defs, .seen = seen, .steps = &steps};
    bool holds = false;
    return kj_condition_run(&input, code, &holds, NULL) == KJ_OK && holds;
}

static kj_status run_detects(kj_matcher *m, kj_error *err)
{
    KJ_TRY(collect_detects(m->defs, &m->seen, &m->candidates, err));
    for (size_t i = 0; i < m->candidates.count; i++) {
        const kj_disk_detect *detect = kj_defs_detect(m->defs, m->candidates.items[i]);
        if (detect && kj_sightings_hold(&m->seen, m->defs, detect->code) &&
            !kj_vec_add(&m->detects, m->candidates.items[i]))
            return kj_no_memory(err);
    }
    return KJ_OK;
}

kj_status kj_sightings_detects(const kj_sightings *seen, const kj_defs *defs,
                               void (*found)(void *user, uint32_t detect), void *user,
                               kj_error *err)
{
    index_list touched = {0};
    kj_status status =
        seen->starved ? kj_no_memory(err) : collect_detects(defs, seen, &touched, err);
    for (size_t i = 0; i < touched.count && status == KJ_OK; i++) {
        const kj_disk_detect *detect = kj_defs_detect(defs, touched.items[i]);
        if (detect && kj_sightings_hold(seen, defs, detect->code))
            found(user, touched.items[i]);
    }
    kj_vec_done(&touched);
    return status;
}

/* ---- the whole
 * -------------------------------------------------------------------------------------------------
 */

kj_status kj_matcher_run(kj_matcher *m, const kj_match_input *object, const kj_match_limits *limits,
                         kj_error *err)
{
    kj_sightings_clear(&m->seen);
    m->detects.count = 0;
    uint64_t steps = limits->steps ? limits->steps : STEPS_UNLIMITED;
    kj_search_limits search = limits->search;
    search.deadline = limits->deadline;
    kj_regex_set_deadline(m->regex, limits->deadline);
    kj_status result = kj_search_run(m->search, object->bytes, &search, err);
    if (result != KJ_OK && result != KJ_LIMIT)
        return result;
    const kj_condition_input input = {
        .defs = m->defs,
        .search = m->search,
        .seen = &m->seen,
        .object = object,
        .regex = m->regex,
        .steps = &steps,
        .deadline = limits->deadline,
    };
    KJ_TRY(collect_rules(m, err));
    kj_status status = run_rules(m, &input, limits->costs, result == KJ_OK ? err : NULL);
    if (status == KJ_INTERNAL)
        return kj_fail(err, KJ_INTERNAL, KJ_NO_OFFSET, "damaged definitions: a condition");
    result = keep_first(result, status);
    apply_globals(m);
    kj_sight_file(m->defs, &object->file, &m->seen);
    if (object->mail)
        kj_sight_mail(m->defs, object->mail, &m->seen);
    if (m->seen.starved)
        return kj_no_memory(err);
    KJ_TRY(run_detects(m, err));
    return result;
}

/* ---- evidence
 * --------------------------------------------------------------------------------------------------
 */

typedef struct gathering {
    const kj_matcher *m;
    kj_evidence *out;
    size_t max;
    size_t count;
} gathering;

/* Each piece once, however often `when` names it. */
static void add_evidence(gathering *g, kj_evidence evidence)
{
    for (size_t i = 0; i < g->count; i++)
        if (g->out[i].artifact == evidence.artifact && g->out[i].rule == evidence.rule &&
            g->out[i].pattern == evidence.pattern)
            return;
    if (g->count < g->max)
        g->out[g->count++] = evidence;
}

/* The first hit of each of the rule's strings; the rule alone when it has none. */
static void gather_rule(gathering *g, uint32_t index)
{
    const kj_disk_rule *rule = kj_defs_rule(g->m->defs, index);
    if (!rule || !kj_sightings_has_rule(&g->m->seen, index))
        return;
    size_t before = g->count;
    for (uint32_t i = 0; i < rule->patterns.count && g->count < g->max; i++) {
        uint32_t number = rule->patterns.first + i;
        const kj_disk_pattern *pattern = kj_defs_pattern(g->m->defs, number);
        if (!pattern)
            break;
        size_t count;
        const kj_hit *hits = kj_search_hits(g->m->search, number, &count);
        if (count && !(pattern->modifiers & KJ_MOD_PRIVATE))
            add_evidence(g, (kj_evidence){.kind = KJ_EVIDENCE_PATTERN,
                                          .artifact = KJ_NONE,
                                          .rule = index,
                                          .pattern = number,
                                          .offset = hits[0].offset,
                                          .len = hits[0].len});
    }
    if (g->count == before)
        add_evidence(g, (kj_evidence){.kind = KJ_EVIDENCE_RULE,
                                      .artifact = KJ_NONE,
                                      .rule = index,
                                      .pattern = KJ_NONE});
}

static void gather_artifact(gathering *g, uint32_t index)
{
    const kj_disk_artifact *artifact = kj_defs_artifact(g->m->defs, index);
    if (!artifact || !kj_sightings_has_artifact(&g->m->seen, index))
        return;
    add_evidence(g, (kj_evidence){.kind = KJ_EVIDENCE_ARTIFACT,
                                  .artifact = index,
                                  .rule = KJ_NONE,
                                  .pattern = KJ_NONE});
    if (artifact->rule != KJ_NONE)
        gather_rule(g, artifact->rule);
}

static void gather(gathering *g, uint32_t at, uint32_t end, unsigned depth)
{
    kj_code_node node = kj_code_read(g->m->defs, at, end);
    if (!node.ok || depth > KJ_EXPR_MAX_DEPTH || node.op == KJ_OP_NOT)
        return;
    if (node.op == KJ_OP_RULE)
        gather_rule(g, node.index);
    else if (node.op == KJ_OP_ARTIFACT)
        gather_artifact(g, node.index);
    uint32_t arg = node.args;
    for (uint32_t i = 0; i < node.count && g->count < g->max; i++) {
        gather(g, arg, node.next, depth + 1);
        kj_code_node child = kj_code_read(g->m->defs, arg, node.next);
        if (!child.ok)
            return;
        arg = child.next;
    }
}

size_t kj_matcher_evidence(const kj_matcher *matcher, uint32_t detect, kj_evidence *out, size_t max)
{
    const kj_disk_detect *item = kj_defs_detect(matcher->defs, detect);
    gathering g = {.m = matcher, .out = out, .max = max};
    if (item)
        gather(&g, item->code, matcher->defs->code.count, 0);
    return g.count;
}
