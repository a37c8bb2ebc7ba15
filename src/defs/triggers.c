/* SPDX-License-Identifier: Apache-2.0 */
#include "defs/triggers.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_OF_PLACE = 4, NATURAL_MAX = INT32_MAX };

static const kj_triggers none = {.cost = INFINITY};

static kj_triggers find(kj_trigger_input *in, const kj_expr *expr, uint32_t current);

static bool is_known(const kj_triggers *set)
{
    return set->cost < INFINITY;
}

static kj_triggers one(kj_trigger_input *in, kj_trigger trigger, double cost)
{
    kj_trigger *item = kj_new(in->arena, kj_trigger);
    in->failed |= !item;
    if (!item)
        return none;
    *item = trigger;
    return (kj_triggers){item, 1, cost};
}

static kj_triggers anywhere(kj_trigger_input *in, uint32_t pattern)
{
    if (pattern == KJ_NONE)
        return none;
    return one(in, (kj_trigger){.pattern = pattern}, in->cost(in->user, pattern));
}

static kj_triggers gate(kj_trigger_input *in, const kj_expr *expr)
{
    double cost = in->loops ? INFINITY : in->cost_gate(in->user, expr);
    return cost < INFINITY ? one(in, (kj_trigger){.pattern = KJ_NONE, .gate = expr}, cost) : none;
}

/* The union of sets, all of which are known. */
static kj_triggers unite(kj_trigger_input *in, const kj_triggers *sets, size_t count)
{
    size_t total = 0;
    for (size_t i = 0; i < count; i++)
        total += sets[i].count;
    kj_trigger *items = kj_new_array(in->arena, kj_trigger, total);
    if (!items) {
        in->failed = true;
        return none;
    }
    kj_triggers out = {items, 0, 0};
    for (size_t i = 0; i < count; i++) {
        if (sets[i].count)
            memcpy(items + out.count, sets[i].items, sets[i].count * sizeof *items);
        out.count += sets[i].count;
        out.cost += sets[i].cost;
    }
    return out;
}

static int by_cost(const void *a, const void *b)
{
    double x = ((const kj_triggers *)a)->cost, y = ((const kj_triggers *)b)->cost;
    return x < y ? -1 : x > y;
}

/* What it needs that at least `needed` of the conditions behind `sets` hold. Without the cheapest
 * count - needed + 1 of them that is impossible. */
static kj_triggers at_least(kj_trigger_input *in, kj_triggers *sets, size_t count, uint64_t needed)
{
    if (needed == 0)
        return none;
    if (needed > count) /* never true, whatever is found */
        return count ? sets[0] : none;
    qsort(sets, count, sizeof *sets, by_cost);
    size_t taken = count - (size_t)needed + 1;
    return is_known(&sets[taken - 1]) ? unite(in, sets, taken) : none;
}

static kj_triggers *find_all(kj_trigger_input *in, kj_expr *const *args, size_t count,
                             uint32_t current)
{
    kj_triggers *sets = kj_new_array(in->arena, kj_triggers, count + 1);
    in->failed |= !sets;
    for (size_t i = 0; sets && i < count; i++)
        sets[i] = find(in, args[i], current);
    return sets;
}

/* How many of `count` items a quantifier asks for; 0 when that is not known, or none. */
static uint64_t needed_of(const kj_expr *expr, size_t count)
{
    const kj_expr *number = expr->count ? expr->args[0] : NULL;
    bool constant = number && number->op == KJ_OP_INT && number->integer > 0;
    switch (expr->quantifier) {
    case KJ_Q_ALL:
        return count;
    case KJ_Q_ANY:
        return 1;
    case KJ_Q_COUNT:
        return constant ? (uint64_t)number->integer : 0;
    case KJ_Q_PERCENT:
        return constant && number->integer <= 100
                   ? ((uint64_t)count * (uint64_t)number->integer + 99) / 100
                   : 0;
    default:
        return 0;
    }
}

static bool has_number(const kj_expr *expr)
{
    return expr->quantifier == KJ_Q_COUNT || expr->quantifier == KJ_Q_PERCENT;
}

static kj_triggers find_of(kj_trigger_input *in, const kj_expr *expr, uint32_t current)
{
    size_t skip = has_number(expr) ? 1 : 0, count = expr->count - skip;
    uint64_t needed = needed_of(expr, count);
    kj_triggers *sets = needed ? find_all(in, expr->args + skip, count, current) : NULL;
    return sets ? at_least(in, sets, count, needed) : none;
}

/* Below a variable. */
static kj_triggers find_inside(kj_trigger_input *in, const kj_expr *body, uint32_t current)
{
    in->loops++;
    kj_triggers set = find(in, body, current);
    in->loops--;
    return set;
}

/* The body once for each string. */
static kj_triggers find_for_patterns(kj_trigger_input *in, const kj_expr *expr)
{
    size_t skip = has_number(expr) ? 1 : 0, count = expr->count - skip - 1;
    uint64_t needed = needed_of(expr, count);
    kj_triggers *sets = needed ? kj_new_array(in->arena, kj_triggers, count + 1) : NULL;
    if (!sets)
        return none;
    for (size_t i = 0; i < count; i++)
        sets[i] = find_inside(in, expr->args[expr->count - 1], expr->args[skip + i]->index);
    return at_least(in, sets, count, needed);
}

/* A loop over nothing is false, so the body must hold at least once. */
static kj_triggers find_loop(kj_trigger_input *in, const kj_expr *expr, uint32_t current)
{
    bool wants = needed_of(expr, 1) > 0 && expr->quantifier != KJ_Q_PERCENT;
    kj_triggers set = wants ? find_inside(in, expr->args[expr->count - 1], current) : none;
    return is_known(&set) ? set : gate(in, expr);
}

/* A string whose n-th match an expression needs, since it is undefined without it. */
static uint32_t strictly_needs(const kj_expr *expr, uint32_t current, unsigned depth)
{
    switch (expr->op) {
    case KJ_OP_OFFSET_OF:
    case KJ_OP_LENGTH_OF:
        return expr->index == KJ_NONE ? current : expr->index;
    case KJ_OP_READ:
    case KJ_OP_FIELD:
    case KJ_OP_NEG:
    case KJ_OP_ADD:
    case KJ_OP_SUB:
    case KJ_OP_MUL:
    case KJ_OP_DIV:
    case KJ_OP_MOD:
    case KJ_OP_BIT_NOT:
    case KJ_OP_BIT_AND:
    case KJ_OP_BIT_OR:
    case KJ_OP_BIT_XOR:
    case KJ_OP_SHL:
    case KJ_OP_SHR:
    case KJ_OP_TO_REAL:
        break;
    default:
        return KJ_NONE;
    }
    for (size_t i = 0; i < expr->count && depth < DEPTH_OF_PLACE; i++) {
        uint32_t pattern = strictly_needs(expr->args[i], current, depth + 1);
        if (pattern != KJ_NONE)
            return pattern;
    }
    return KJ_NONE;
}

/* `#a > 0`, `#a >= 1`, `#a == 3`, or the other way round: false with no match. */
static bool wants_some(kj_op op, int64_t number, bool reversed)
{
    if (reversed)
        op = op == KJ_OP_LT   ? KJ_OP_GT
             : op == KJ_OP_LE ? KJ_OP_GE
             : op == KJ_OP_GT ? KJ_OP_LT
             : op == KJ_OP_GE ? KJ_OP_LE
                              : op;
    return (op == KJ_OP_GT && number >= 0) || (op == KJ_OP_GE && number >= 1) ||
           (op == KJ_OP_EQ && number != 0) || (op == KJ_OP_NE && number == 0);
}

/* Whether a number cannot be below zero. */
static bool is_natural(const kj_expr *expr, unsigned depth)
{
    if (expr->op == KJ_OP_COUNT_OF || expr->op == KJ_OP_LENGTH_OF || expr->op == KJ_OP_FILESIZE)
        return true;
    if (expr->op == KJ_OP_INT)
        return expr->integer >= 0 && expr->integer <= NATURAL_MAX; /* sums do not wrap */
    if (expr->op != KJ_OP_ADD || depth >= DEPTH_OF_PLACE)
        return false;
    for (size_t i = 0; i < expr->count; i++)
        if (!is_natural(expr->args[i], depth + 1))
            return false;
    return true;
}

/* `#a + #b > #c`: one of the strings on the larger side is there. */
static kj_triggers find_larger(kj_trigger_input *in, const kj_expr *larger, uint32_t current)
{
    bool sum = larger->op == KJ_OP_ADD;
    size_t count = sum ? larger->count : 1;
    kj_triggers *sets = kj_new_array(in->arena, kj_triggers, count + 1);
    in->failed |= !sets;
    for (size_t i = 0; sets && i < count; i++) {
        const kj_expr *term = sum ? larger->args[i] : larger;
        if (term->op != KJ_OP_COUNT_OF)
            return none;
        sets[i] = anywhere(in, term->index == KJ_NONE ? current : term->index);
    }
    return sets ? at_least(in, sets, count, 1) : none;
}

static kj_triggers find_comparison(kj_trigger_input *in, const kj_expr *expr, uint32_t current)
{
    for (size_t i = 0; i < 2; i++) {
        const kj_expr *side = expr->args[i], *other = expr->args[1 - i];
        uint32_t pattern = strictly_needs(side, current, 0);
        if (side->op == KJ_OP_COUNT_OF && other->op == KJ_OP_INT &&
            wants_some(expr->op, other->integer, i == 1))
            pattern = side->index == KJ_NONE ? current : side->index;
        if (pattern != KJ_NONE)
            return anywhere(in, pattern);
        bool is_larger = expr->op == (i == 0 ? KJ_OP_GT : KJ_OP_LT);
        kj_triggers set = is_larger && is_natural(other, 0) ? find_larger(in, side, current) : none;
        if (is_known(&set))
            return set;
    }
    return gate(in, expr);
}

static kj_triggers find_and(kj_trigger_input *in, const kj_expr *expr, uint32_t current)
{
    kj_triggers best = none;
    for (size_t i = 0; i < expr->count; i++) {
        kj_triggers set = find(in, expr->args[i], current);
        if (set.cost < best.cost)
            best = set;
    }
    return best;
}

static kj_triggers find_or(kj_trigger_input *in, const kj_expr *expr, uint32_t current)
{
    kj_triggers *sets = find_all(in, expr->args, expr->count, current);
    return sets ? at_least(in, sets, expr->count, 1) : none;
}

static kj_triggers find_at(kj_trigger_input *in, const kj_expr *expr, uint32_t current)
{
    uint32_t pattern = expr->index == KJ_NONE ? current : expr->index;
    if (pattern == KJ_NONE)
        return none;
    double cost =
        kj_is_place(expr->args[0]) ? in->cost_at(in->user, pattern, expr->args[0]) : INFINITY;
    return cost < INFINITY ? one(in, (kj_trigger){.pattern = pattern, .at = expr->args[0]}, cost)
                           : anywhere(in, pattern);
}

static kj_triggers find(kj_trigger_input *in, const kj_expr *expr, uint32_t current)
{
    switch (expr->op) {
    case KJ_OP_FOUND:
    case KJ_OP_FOUND_IN:
        return anywhere(in, expr->index == KJ_NONE ? current : expr->index);
    case KJ_OP_FOUND_AT:
        return find_at(in, expr, current);
    case KJ_OP_RULE:
        return in->rule(in->user, expr->index);
    case KJ_OP_AND:
        return find_and(in, expr, current);
    case KJ_OP_OR:
        return find_or(in, expr, current);
    case KJ_OP_OF:
        return find_of(in, expr, current);
    case KJ_OP_FOR_PATTERNS:
        return find_for_patterns(in, expr);
    case KJ_OP_FOR_RANGE:
    case KJ_OP_FOR_LIST:
    case KJ_OP_FOR_COUNT:
        return find_loop(in, expr, current);
    case KJ_OP_WITH:
        return find_inside(in, expr->args[expr->count - 1], current);
    case KJ_OP_EQ:
    case KJ_OP_NE:
    case KJ_OP_LT:
    case KJ_OP_LE:
    case KJ_OP_GT:
    case KJ_OP_GE:
        return find_comparison(in, expr, current);
    case KJ_OP_TO_BOOL:
        return expr->args[0]->op == KJ_OP_COUNT_OF
                   ? anywhere(in, expr->args[0]->index == KJ_NONE ? current : expr->args[0]->index)
                   : gate(in, expr);
    default:
        return gate(in, expr);
    }
}

kj_triggers kj_triggers_of(kj_trigger_input *input, const kj_expr *condition)
{
    return find(input, condition, KJ_NONE);
}

static bool is_place(const kj_expr *expr, unsigned depth)
{
    switch (expr->op) {
    case KJ_OP_INT:
    case KJ_OP_ENTRYPOINT:
    case KJ_OP_FILESIZE:
        return true;
    case KJ_OP_FIELD:
    case KJ_OP_ADD:
    case KJ_OP_SUB:
    case KJ_OP_READ:
        break;
    default:
        return false;
    }
    for (size_t i = 0; i < expr->count; i++)
        if (depth >= DEPTH_OF_PLACE || !is_place(expr->args[i], depth + 1))
            return false;
    return true;
}

bool kj_is_place(const kj_expr *expr)
{
    return is_place(expr, 0);
}

struct counting {
    void (*found)(void *user, uint32_t pattern, kj_op op);
    void *user;
};

static void count(const struct counting *c, const kj_expr *expr, uint32_t current);

/* A loop's body stands for each of its strings. */
static void count_loop(const struct counting *c, const kj_expr *expr)
{
    for (size_t i = has_number(expr) ? 1 : 0; i + 1 < expr->count; i++)
        count(c, expr->args[expr->count - 1], expr->args[i]->index);
}

static void count(const struct counting *c, const kj_expr *expr, uint32_t current)
{
    bool counts = expr->op == KJ_OP_FOUND_AT || expr->op == KJ_OP_FOUND_IN ||
                  expr->op == KJ_OP_COUNT_OF || expr->op == KJ_OP_OFFSET_OF ||
                  expr->op == KJ_OP_LENGTH_OF;
    uint32_t pattern = expr->index == KJ_NONE ? current : expr->index;
    if (counts && pattern != KJ_NONE)
        c->found(c->user, pattern, expr->op);
    if (expr->op == KJ_OP_FOR_PATTERNS) {
        count_loop(c, expr);
        return;
    }
    for (size_t i = 0; i < expr->count; i++)
        count(c, expr->args[i], current);
}

void kj_counted_patterns(const kj_expr *condition,
                         void (*found)(void *user, uint32_t pattern, kj_op op), void *user)
{
    const struct counting c = {found, user};
    count(&c, condition, KJ_NONE);
}
