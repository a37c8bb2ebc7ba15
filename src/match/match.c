/* SPDX-License-Identifier: Apache-2.0 */
/* One object: search the triggers of all rules; look at the rules that a trigger, an anchor or an
 * open gate makes possible; search what else those ask for, and decide them; then the artifacts
 * that the object shows, then the detections that either touches. What is touched by nothing costs
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
    kj_bits possible;      /* rules that may match */
    kj_bits undecided;     /* that were looked at, and depend on more strings */
    bool *open;            /* by gate */
    index_list candidates; /* detections: sorted, each once */
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
    matcher->open = calloc((size_t)defs->gates.count + 1, sizeof *matcher->open);
    if (!matcher->search || !matcher->regex || !matcher->open ||
        !kj_bits_init(&matcher->possible, defs->rules.count) ||
        !kj_bits_init(&matcher->undecided, defs->rules.count) ||
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
    kj_bits_done(&matcher->possible);
    kj_bits_done(&matcher->undecided);
    free(matcher->open);
    kj_vec_done(&matcher->candidates);
    kj_vec_done(&matcher->detects);
    free(matcher);
}

const kj_sightings *kj_matcher_seen(const kj_matcher *matcher)
{
    return &matcher->seen;
}

/* Asks for all strings of a rule. False: some were not known. */
static bool want_strings(kj_matcher *m, const kj_disk_rule *rule)
{
    bool known = true;
    for (uint32_t i = 0; i < rule->patterns.count && i < m->defs->patterns.count; i++) {
        known = known && kj_search_knows(m->search, rule->patterns.first + i);
        kj_search_want(m->search, rule->patterns.first + i);
    }
    return known;
}

/* Strings that the rule could be decided without, or that were looked at in one place only. */
static void look_for_all(kj_matcher *m, const kj_disk_rule *rule)
{
    (void)want_strings(m, rule);
    (void)!kj_search_wanted(m->search, NULL); /* what is not found is not shown */
}

const kj_hit *kj_matcher_hits(kj_matcher *matcher, uint32_t pattern, size_t *out_count)
{
    const kj_disk_pattern *p = kj_defs_pattern(matcher->defs, pattern);
    const kj_disk_rule *rule = p ? kj_defs_rule(matcher->defs, p->rule) : NULL;
    if (rule && !kj_search_knows(matcher->search, pattern))
        look_for_all(matcher, rule);
    return kj_search_hits(matcher->search, pattern, out_count);
}

kj_value kj_matcher_value(kj_matcher *matcher, const kj_match_input *object, uint32_t rule,
                          uint32_t code)
{
    const kj_disk_rule *item = kj_defs_rule(matcher->defs, rule);
    uint64_t steps = STEPS_UNLIMITED;
    if (item)
        look_for_all(matcher, item);
    const kj_condition_input input = {
        .defs = matcher->defs,
        .search = matcher->search,
        .seen = &matcher->seen,
        .object = object,
        .regex = matcher->regex,
        .steps = &steps,
    };
    kj_value value;
    return kj_condition_value(&input, code, &value, NULL) == KJ_OK ? value : kj_value_undefined();
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

/* Makes the rules of a run in LIST possible. */
static void allow_run(kj_matcher *m, kj_disk_run run)
{
    uint32_t count = kj_defs_run_count(m->defs, run, 1);
    const uint32_t *words = kj_defs_words(m->defs, run.first, count);
    for (uint32_t i = 0; words && i < count; i++)
        kj_bits_add(&m->possible, words[i]);
}

/* Conditions cut short are told once; the rest is tried. */
static kj_status keep_first(kj_status first, kj_status status)
{
    return first == KJ_OK ? status : first;
}

/* Whether none of the rules that have these views between them looks at the object's. */
static bool is_for_others(const kj_condition_input *input, uint32_t views)
{
    uint32_t view = input->object->view;
    return view && !(views & view);
}

static kj_status allow_gated(kj_matcher *m, const kj_condition_input *input, kj_error *err)
{
    kj_status result = KJ_OK;
    for (uint32_t i = 0; i < m->defs->gates.count; i++) {
        const kj_disk_gate *gate = kj_defs_gate(m->defs, i);
        kj_truth open = KJ_UNKNOWN; /* cut short: let the rules see for themselves */
        m->open[i] = false;
        if ((gate->within < i && !m->open[gate->within]) || is_for_others(input, gate->views))
            continue;
        kj_status status = kj_condition_run(input, gate->code, &open, result == KJ_OK ? err : NULL);
        if (status == KJ_INTERNAL)
            return status;
        result = keep_first(result, status);
        m->open[i] = open != KJ_FALSE;
        if (m->open[i])
            allow_run(m, gate->rules);
    }
    return result;
}

/* The first of an anchor's windows that is not below `window`. */
static uint32_t first_window(const kj_disk_anchored *items, uint32_t count, uint32_t window)
{
    uint32_t low = 0, high = count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (items[middle].window < window)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Makes the rules possible whose windows stand at their distances from `place`. */
static void allow_windows(kj_matcher *m, const kj_disk_anchor *anchor, kj_span bytes, size_t place)
{
    kj_disk_run run = anchor->anchored;
    if (run.first > m->defs->anchored.count || run.count > m->defs->anchored.count - run.first)
        return;
    const kj_disk_anchored *items = (const kj_disk_anchored *)m->defs->anchored.data + run.first;
    for (uint32_t distance = 0; distance < anchor->reach; distance++) {
        uint32_t window;
        if (bytes.len - place < distance + sizeof window)
            return;
        memcpy(&window, bytes.data + place + distance, sizeof window);
        window |= KJ_FOLD_WORD;
        uint32_t i = first_window(items, run.count, window);
        for (; i < run.count && items[i].window == window; i++)
            if (items[i].distance == distance)
                kj_bits_add(&m->possible, items[i].rule);
    }
}

static kj_status allow_anchored(kj_matcher *m, const kj_condition_input *input, kj_error *err)
{
    kj_status result = KJ_OK;
    kj_span bytes = input->object->bytes;
    for (uint32_t i = 0; i < m->defs->anchors.count; i++) {
        const kj_disk_anchor *anchor = kj_defs_anchor(m->defs, i);
        kj_value place;
        if (is_for_others(input, anchor->views))
            continue;
        kj_status status =
            kj_condition_value(input, anchor->code, &place, result == KJ_OK ? err : NULL);
        if (status == KJ_INTERNAL)
            return status;
        result = keep_first(result, status);
        if (place.type != KJ_TYPE_INT || place.integer < 0 || (uint64_t)place.integer >= bytes.len)
            continue;
        allow_run(m, anchor->rules);
        allow_windows(m, anchor, bytes, (size_t)place.integer);
    }
    return result;
}

static kj_status find_possible(kj_matcher *m, const kj_condition_input *input, kj_error *err)
{
    size_t count;
    kj_bits_clear(&m->possible);
    kj_bits_clear(&m->undecided);
    allow_run(m, m->defs->meta.always);
    allow_run(m, m->defs->meta.globals);
    const uint32_t *found = kj_search_found(m->search, &count);
    for (size_t i = 0; i < count; i++) {
        const kj_disk_needle *needle = kj_defs_needle(m->defs, found[i]);
        if (needle)
            allow_run(m, needle->rules);
    }
    kj_status gates = allow_gated(m, input, err);
    if (gates == KJ_INTERNAL)
        return gates;
    kj_status anchors = allow_anchored(m, input, gates == KJ_OK ? err : NULL);
    return gates == KJ_OK || anchors == KJ_INTERNAL ? anchors : gates;
}

/* Looks at one rule. */
static kj_status run_rule(kj_matcher *m, const kj_condition_input *input, uint32_t index,
                          uint64_t *costs, kj_error *err)
{
    const kj_disk_rule *rule = kj_defs_rule(m->defs, index);
    kj_truth truth = KJ_FALSE;
    uint64_t before = *input->steps;
    if (rule && is_for_others(input, rule->flags))
        return KJ_OK;
    size_t wants = kj_search_wants(m->search);
    if (rule && rule->flags & KJ_RULE_EFFECTS && !want_strings(m, rule)) { /* only once, later */
        kj_bits_add(&m->undecided, index);
        return KJ_OK;
    }
    kj_status status = rule ? kj_condition_run(input, rule->code, &truth, err) : KJ_OK;
    if (costs)
        costs[index] += before - *input->steps;
    if (truth == KJ_UNKNOWN)
        kj_bits_add(&m->undecided, index);
    else
        kj_search_forget(m->search, wants);
    if (truth == KJ_TRUE)
        kj_sightings_add_rule(&m->seen, index);
    return status;
}

/* Looks at all rules of a set, in their order. Those that stay undecided are put back. */
static kj_status run_rules(kj_matcher *m, const kj_condition_input *input, kj_bits *which,
                           uint64_t *costs, kj_error *err)
{
    kj_status result = KJ_OK;
    unsigned tried = 0;
    uint32_t index = kj_bits_next(which, 0);
    for (; index != KJ_BITS_END; index = kj_bits_next(which, index + 1)) {
        if (++tried % 256 == 0 && kj_deadline_past(&input->deadline))
            return kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET, "out of time");
        kj_bits_remove(which, index);
        kj_status status = run_rule(m, input, index, costs, result == KJ_OK ? err : NULL);
        if (status == KJ_INTERNAL)
            return status;
        result = keep_first(result, status);
    }
    return result;
}

/* Asks for all strings of the rules that are not decided, should what they asked for not suffice.
 */
static void want_all(kj_matcher *m)
{
    uint32_t index = kj_bits_next(&m->undecided, 0);
    for (; index != KJ_BITS_END; index = kj_bits_next(&m->undecided, index + 1))
        (void)want_strings(m, kj_defs_rule(m->defs, index));
}

/* Looks at the rules that are possible, and searches what they ask for. After the second search
 * everything is known that their own strings can tell. */
static kj_status decide(kj_matcher *m, const kj_condition_input *input, uint64_t *costs,
                        kj_error *err)
{
    kj_status result = run_rules(m, input, &m->possible, costs, err);
    for (unsigned round = 0; round < 2 && result != KJ_INTERNAL && kj_bits_any(&m->undecided);
         round++) {
        if (round > 0)
            want_all(m);
        kj_error *first = result == KJ_OK ? err : NULL;
        kj_status status = kj_search_wanted(m->search, first);
        if (status != KJ_OK && status != KJ_LIMIT)
            return status;
        result = keep_first(result, status);
        first = result == KJ_OK ? err : NULL;
        status = run_rules(m, input, &m->undecided, costs, first);
        result = status == KJ_INTERNAL ? status : keep_first(result, status);
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
        uint32_t index = kj_bits_next(&m->seen.rules, 0);
        for (; index != KJ_BITS_END; index = kj_bits_next(&m->seen.rules, index + 1)) {
            const kj_disk_rule *rule = kj_defs_rule(m->defs, index);
            if (rule && kj_span_equal(kj_defs_text(m->defs, rule->space), space))
                kj_bits_remove(&m->seen.rules, index);
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
    uint32_t i = kj_bits_next(&seen->rules, 0);
    for (; i != KJ_BITS_END; i = kj_bits_next(&seen->rules, i + 1)) {
        const kj_disk_rule *rule = kj_defs_rule(defs, i);
        if (rule)
            KJ_TRY(add_run(defs, rule->detects, out, err));
    }
    i = kj_bits_next(&seen->artifacts, 0);
    for (; i != KJ_BITS_END; i = kj_bits_next(&seen->artifacts, i + 1)) {
        const kj_disk_artifact *artifact = kj_defs_artifact(defs, i);
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
    kj_truth truth = KJ_FALSE;
    return kj_condition_run(&input, code, &truth, NULL) == KJ_OK && truth == KJ_TRUE;
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

static void sight_artifacts(kj_matcher *m, const kj_match_input *object)
{
    kj_sight_file(m->defs, &object->file, &m->seen);
    if (object->mail)
        kj_sight_mail(m->defs, object->mail, &m->seen);
}

kj_status kj_matcher_run(kj_matcher *m, const kj_match_input *object, const kj_match_limits *limits,
                         kj_error *err)
{
    kj_sightings_clear(&m->seen);
    m->detects.count = 0;
    uint64_t steps = limits->steps ? limits->steps : STEPS_UNLIMITED;
    kj_search_limits search = limits->search;
    search.deadline = limits->deadline;
    kj_regex_set_deadline(m->regex, limits->deadline);
    kj_search_begin(m->search, object->bytes, &search);
    if (object->view && !(m->defs->meta.views & object->view)) /* for no rule of these */
        return KJ_OK;
    kj_status result = kj_search_triggers(m->search, err);
    if (result != KJ_OK && result != KJ_LIMIT)
        return result;
    const kj_condition_input input = {
        .defs = m->defs,
        .search = m->search,
        .seen = &m->seen,
        .undecided = &m->undecided,
        .object = object,
        .regex = m->regex,
        .steps = &steps,
        .deadline = limits->deadline,
    };
    kj_status status = find_possible(m, &input, result == KJ_OK ? err : NULL);
    result = keep_first(result, status);
    if (status != KJ_INTERNAL)
        status = decide(m, &input, limits->costs, result == KJ_OK ? err : NULL);
    if (status == KJ_INTERNAL)
        return kj_fail(err, KJ_INTERNAL, KJ_NO_OFFSET, "damaged definitions: a condition");
    if (status == KJ_NO_MEMORY)
        return status;
    result = keep_first(result, status);
    apply_globals(m);
    if (!object->view)
        sight_artifacts(m, object);
    if (m->seen.starved)
        return kj_no_memory(err);
    KJ_TRY(run_detects(m, err));
    return result;
}

/* ---- evidence
 * --------------------------------------------------------------------------------------------------
 */

typedef struct gathering {
    kj_matcher *m;
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
    look_for_all(g->m, rule);
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

size_t kj_matcher_evidence(kj_matcher *matcher, uint32_t detect, kj_evidence *out, size_t max)
{
    const kj_disk_detect *item = kj_defs_detect(matcher->defs, detect);
    gathering g = {.m = matcher, .out = out, .max = max};
    if (item)
        gather(&g, item->code, matcher->defs->code.count, 0);
    return g.count;
}
