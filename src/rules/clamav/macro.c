/* SPDX-License-Identifier: Apache-2.0 */
/* Macros: ${MIN-MAX}GROUP$ stands for any member of a group (an .ndb line whose offset is $GROUP$)
 * that begins MIN to MAX bytes behind the start of a match of the subsignature before.
 *
 * clamscan 1.4.6 sees such a pair only when the subsignature before matches once more behind it,
 * and then has one match less of it; here the pair is enough. */
#include "rules/clamav/ldb.h"

#include "base/text.h"

enum { LOOP_SLOT = 0, DISTANCE_MAX = INT32_MAX };

struct macro {
    uint64_t min;
    uint64_t max;
    uint64_t group;
};

static bool take_number(kj_span *text, uint8_t end, uint64_t max, uint64_t *out)
{
    size_t len = kj_span_find_either(*text, end, end, 0);
    if (len == text->len || !kj_clamav_number(kj_span_sub(*text, 0, len), max, out))
        return false;
    *text = kj_span_sub(*text, len + 1, text->len);
    return true;
}

static kj_clamav_result read_macro(kj_clamav *c, kj_span text, struct macro *out)
{
    kj_span rest = kj_span_sub(text, 2, text.len);
    if (!kj_span_starts(text, kj_span_str("${")) ||
        !take_number(&rest, '-', DISTANCE_MAX, &out->min) ||
        !take_number(&rest, '}', DISTANCE_MAX, &out->max) ||
        !take_number(&rest, '$', KJ_MACRO_GROUPS - 1, &out->group))
        return kj_clamav_malformed(c, text, "a macro is ${MIN-MAX}GROUP$, with a group of 0 to 31");
    return KJ_CLAMAV_TAKEN;
}

/* Compiles the members, which become patterns of the rule: any of them at a distance from `start`.
 * *out is left alone when there are none. */
static kj_clamav_result any_member(kj_ldb *ldb, const struct macro *macro, kj_expr *start,
                                   kj_expr **out)
{
    kj_clamav *c = ldb->c;
    uint32_t group = (uint32_t)macro->group;
    size_t count = kj_clamav_macro_count(c, ldb->target, group);
    kj_expr *const range[] = {kj_clamav_sum(c, start, (int64_t)macro->min),
                              kj_clamav_sum(c, start, (int64_t)macro->max)};
    kj_expr **found = kj_new_array(&c->ir->arena, kj_expr *, count);
    if (!found)
        return KJ_CLAMAV_STARVED;
    for (size_t i = 0; i < count; i++) {
        uint32_t pattern;
        kj_clamav_result result = kj_clamav_body(c, kj_clamav_macro(c, ldb->target, group, i), 0,
                                                 kj_span_str("$m"), &pattern);
        if (result != KJ_CLAMAV_TAKEN)
            return result;
        found[i] = kj_clamav_node(c, KJ_OP_FOUND_IN, KJ_TYPE_BOOL, pattern, 2, range);
    }
    if (count)
        *out = kj_clamav_node(c, KJ_OP_OR, KJ_TYPE_BOOL, KJ_NONE, count, found);
    return *out ? KJ_CLAMAV_TAKEN : KJ_CLAMAV_STARVED;
}

/* The start of a match of the subsignature before: one place, or that of number LOOP_SLOT. */
static kj_expr *match_start(kj_clamav *c, const kj_sub *sub)
{
    if (sub->place.kind == KJ_PLACE_AT)
        return sub->place.from;
    kj_expr *const number = kj_clamav_node(c, KJ_OP_VARIABLE, KJ_TYPE_INT, LOOP_SLOT, 0, NULL);
    return kj_clamav_node(c, KJ_OP_OFFSET_OF, KJ_TYPE_INT, sub->pattern, 1, &number);
}

/* For any match of the subsignature before. */
static kj_expr *for_any_match(kj_clamav *c, const kj_sub *sub, kj_expr *body)
{
    kj_expr *const items[] = {kj_clamav_int(c, 1),
                              kj_clamav_node(c, KJ_OP_COUNT_OF, KJ_TYPE_INT, sub->pattern, 0, NULL),
                              body};
    kj_expr *loop = kj_clamav_node(c, KJ_OP_FOR_RANGE, KJ_TYPE_BOOL, LOOP_SLOT, 3, items);
    if (loop)
        loop->quantifier = KJ_Q_ANY;
    return loop;
}

kj_clamav_result kj_ldb_macro(kj_ldb *ldb, uint32_t id)
{
    kj_clamav *c = ldb->c;
    struct macro macro;
    kj_clamav_result result = read_macro(c, ldb->texts[id], &macro);
    if (result == KJ_CLAMAV_TAKEN && id == 0)
        return kj_clamav_malformed(c, ldb->texts[id], "a macro follows another subsignature");
    if (result != KJ_CLAMAV_TAKEN)
        return result;
    const kj_sub *before = &ldb->subs[id - 1];
    kj_expr *member = kj_clamav_bool(c, false);
    if (before->kind == KJ_SUB_BODY && before->holds) {
        kj_expr *start = match_start(c, before);
        result = any_member(ldb, &macro, start, &member);
        if (before->place.kind == KJ_PLACE_IN)
            member = kj_clamav_both(
                c, kj_clamav_between(c, start, before->place.from, before->place.to), member);
        if (before->place.kind != KJ_PLACE_AT)
            member = for_any_match(c, before, member);
        member = kj_clamav_both(c, before->holds, member);
    }
    ldb->subs[id] = (kj_sub){.kind = KJ_SUB_FACT, .holds = member};
    return result == KJ_CLAMAV_TAKEN && !member ? KJ_CLAMAV_STARVED : result;
}
