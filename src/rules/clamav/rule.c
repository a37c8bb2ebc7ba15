/* SPDX-License-Identifier: Apache-2.0 */
/* Rules and what they detect. */
#include "rules/clamav/state.h"

/* Types of objects that a signature may be for: those numbers that mean something to ClamAV, and
 * whose objects are looked at. 8 is free, and 13 is a report of its own that it makes. */
static const bool targets[KJ_TARGET_COUNT] = {
    true, true, true, true, true, true, true, true, false, true, true, true, true, false, true,
};

kj_clamav_result kj_clamav_target(kj_clamav *c, kj_span text, uint32_t *out)
{
    uint64_t number;
    if (!kj_clamav_number(text, UINT32_MAX, &number))
        return kj_clamav_malformed(c, text, "a target type is a number");
    if (number >= KJ_TARGET_COUNT || !targets[number])
        return kj_clamav_left_out(c, KJ_SENTENCE("a target type that nothing is of"));
    *out = (uint32_t)number;
    return KJ_CLAMAV_TAKEN;
}

kj_class kj_clamav_class(kj_span name, kj_class klass)
{
    bool vague = kj_span_starts(name, kj_span_str("PUA.")) ||
                 kj_span_starts(name, kj_span_str("Heuristics."));
    return vague ? KJ_CLASS_HEURISTIC : klass;
}

kj_clamav_mark kj_clamav_get_mark(const kj_clamav *c)
{
    return (kj_clamav_mark){c->ir->patterns.count, c->ir->rules.count, c->ir->detects.count};
}

void kj_clamav_take_back(kj_clamav *c, kj_clamav_mark mark)
{
    c->ir->patterns.count = mark.patterns;
    c->ir->rules.count = mark.rules;
    c->ir->detects.count = mark.detects;
}

/* Views beside the object as it is that a signature could match in. */
static uint32_t views_of(const kj_clamav *c, kj_origin origin, uint32_t target,
                         size_t first_pattern)
{
    size_t count = c->ir->patterns.count;
    if (origin != KJ_ORIGIN_BODY && origin != KJ_ORIGIN_LOGICAL)
        return 0; /* it is not about bytes */
    if (target == KJ_TARGET_HTML)
        return KJ_RULE_VIEW_HTML;
    if (target == KJ_TARGET_TEXT) /* scripts of HTML are text */
        return KJ_RULE_VIEWS;
    if (target != KJ_TARGET_ANY)
        return 0;
    for (size_t i = first_pattern; i < count; i++)
        if (kj_clamav_may_be_lower(c->ir, (uint32_t)i))
            return KJ_RULE_VIEWS;
    return first_pattern == count ? KJ_RULE_VIEWS : 0;
}

static kj_expr *of_target(kj_clamav *c, uint32_t target, kj_expr *condition)
{
    kj_expr *const both[] = {c->more->targets[target], condition};
    return target == KJ_TARGET_ANY ? condition
                                   : kj_clamav_node(c, KJ_OP_AND, KJ_TYPE_BOOL, KJ_NONE, 2, both);
}

static bool add_detect(kj_clamav *c, kj_span name, kj_class klass)
{
    uint32_t rule = (uint32_t)c->ir->rules.count - 1;
    const kj_detect detect = {
        .id = name,
        .name = name,
        .klass = klass,
        .threat = KJ_NONE,
        .when = kj_clamav_node(c, KJ_OP_RULE, KJ_TYPE_BOOL, rule, 0, NULL),
        .until = KJ_NONE,
    };
    return detect.when && kj_vec_add(&c->ir->detects, detect);
}

kj_clamav_result kj_clamav_add_rule_of(kj_clamav *c, kj_clamav_mark mark, kj_span name,
                                       kj_origin origin, kj_class klass, uint32_t target,
                                       kj_expr *condition)
{
    if (kj_clamav_is_ignored(c, name))
        return KJ_CLAMAV_SKIPPED;
    const kj_rule rule = {
        .name = kj_clamav_name(c, name),
        .space = kj_span_str("clamav"),
        .flags =
            (uint32_t)origin << KJ_RULE_ORIGIN_SHIFT | views_of(c, origin, target, mark.patterns),
        .threat = KJ_NONE,
        .first_pattern = (uint32_t)mark.patterns,
        .pattern_count = (uint32_t)(c->ir->patterns.count - mark.patterns),
        .condition = of_target(c, target, condition),
    };
    if (!rule.name.data || !rule.condition || !kj_vec_add(&c->ir->rules, rule) ||
        !add_detect(c, rule.name, klass))
        return KJ_CLAMAV_STARVED;
    return KJ_CLAMAV_TAKEN;
}

kj_clamav_result kj_clamav_add_rule(kj_clamav *c, kj_clamav_mark mark, kj_span name,
                                    kj_origin origin, uint32_t target, kj_expr *condition)
{
    return kj_clamav_add_rule_of(c, mark, name, origin, kj_clamav_class(name, KJ_CLASS_FAMILY),
                                 target, condition);
}
