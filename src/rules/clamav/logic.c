/* SPDX-License-Identifier: Apache-2.0 */
/* Logical expressions as conditions. What has a truth becomes one (FOUND, AND, OR), because rules
 * are found by what they cannot be true without; matches are counted only where an expression
 * compares them, and then it says first what must be found at all. */
#include "rules/clamav/ldb.h"

/* ---- small expressions --------------------------------------------------------------------- */

/* What is undefined is false. */
static kj_expr *negated(kj_clamav *c, kj_expr *expr)
{
    if (expr && expr->op != KJ_OP_FOUND && expr->op != KJ_OP_AND && expr->op != KJ_OP_OR)
        expr = kj_clamav_node(c, KJ_OP_AND, KJ_TYPE_BOOL, KJ_NONE, 1, &expr);
    return kj_clamav_node(c, KJ_OP_NOT, KJ_TYPE_BOOL, KJ_NONE, 1, &expr);
}

static bool is_moderate(const kj_expr *expr, unsigned depth, size_t *left)
{
    if (depth == 0 || *left == 0)
        return false;
    --*left;
    for (size_t i = 0; i < expr->count; i++)
        if (!is_moderate(expr->args[i], depth - 1, left))
            return false;
    return true;
}

bool kj_clamav_is_moderate(const kj_expr *expr)
{
    enum { NODES_MAX = 20000, DEPTH_SPARE = 4 }; /* around it: "and of that target" */
    size_t left = NODES_MAX;
    return is_moderate(expr, KJ_EXPR_MAX_DEPTH - DEPTH_SPARE, &left);
}

/* ---- comparisons --------------------------------------------------------------------------- */

static bool compares(const kj_logic *logic)
{
    return logic->compare != KJ_OP_BOOL;
}

/* Whether the comparison holds of no matches. */
static bool fits_none(const kj_logic *logic)
{
    return logic->compare == KJ_OP_EQ ? logic->number == 0
                                      : logic->compare == KJ_OP_LT && logic->number > 0;
}

/* Whether it says that there are none, or that there are some. */
static bool wants_none(const kj_logic *logic)
{
    return (logic->compare == KJ_OP_EQ && logic->number == 0) ||
           (logic->compare == KJ_OP_LT && logic->number == 1);
}

static bool wants_any(const kj_logic *logic)
{
    return logic->compare == KJ_OP_GT && logic->number == 0;
}

/* ---- subsignatures ------------------------------------------------------------------------- */

/* Whether it is how often a pattern is found. */
static bool is_counted_body(const kj_sub *sub)
{
    return sub->kind == KJ_SUB_BODY && sub->place.kind != KJ_PLACE_AT;
}

/* How often, where it holds or (for a regular expression) its trigger does. */
static kj_expr *matches_of(const kj_ldb *ldb, const kj_sub *sub)
{
    if (sub->kind == KJ_SUB_REGEX && sub->count)
        return sub->count;
    return is_counted_body(sub) ? kj_clamav_count(ldb->c, sub->pattern, &sub->place)
                                : kj_clamav_to_int(ldb->c, sub->holds);
}

/* How often; a number at all times. */
static kj_expr *count_of_sub(const kj_ldb *ldb, const kj_sub *sub)
{
    kj_clamav *c = ldb->c;
    kj_expr *count = matches_of(ldb, sub);
    if (count && count->op != KJ_OP_TO_INT && (count->op != KJ_OP_COUNT_OF || count->count))
        count = kj_clamav_to_int(c, count); /* it may be undefined */
    kj_expr *where = sub->kind == KJ_SUB_REGEX && sub->count            ? sub->trigger
                     : is_counted_body(sub) && sub->place.needs_program ? sub->holds
                                                                        : NULL;
    return where ? kj_clamav_binary(c, KJ_OP_MUL, KJ_TYPE_INT, kj_clamav_to_int(c, where), count)
                 : count;
}

/* An id whose matches are compared. */
static kj_expr *compared_sub(const kj_ldb *ldb, const kj_logic *logic)
{
    kj_clamav *c = ldb->c;
    const kj_sub *sub = &ldb->subs[logic->id];
    if (wants_any(logic))
        return sub->holds;
    if (wants_none(logic))
        return negated(c, sub->holds);
    if (fits_none(logic))
        return kj_clamav_compare(c, logic->compare, count_of_sub(ldb, sub), logic->number);
    bool is_regex = sub->kind == KJ_SUB_REGEX && sub->count;
    return kj_clamav_both(
        c, is_regex ? sub->trigger : sub->holds,
        kj_clamav_compare(c, logic->compare, matches_of(ldb, sub), logic->number));
}

/* ---- blocks -------------------------------------------------------------------------------- */

static kj_expr *holds_of(const kj_ldb *ldb, kj_logic *logic);

static size_t count_parts(const kj_logic *block)
{
    size_t count = 0;
    for (const kj_logic *part = block->first; part; part = part->next)
        count++;
    return count;
}

/* A node of what `make` makes of each part of a block. */
static kj_expr *of_parts(const kj_ldb *ldb, kj_logic *block, kj_op op, kj_type type,
                         kj_expr *(*make)(const kj_ldb *, kj_logic *))
{
    size_t count = count_parts(block), i = 0;
    kj_expr **parts = kj_new_array(&ldb->c->ir->arena, kj_expr *, count);
    if (!parts)
        return NULL;
    for (kj_logic *part = block->first; part; part = part->next)
        parts[i++] = make(ldb, part);
    return kj_clamav_node(ldb->c, op, type, KJ_NONE, count, parts);
}

/* Without the comparison of the block itself. */
static kj_expr *block_holds(const kj_ldb *ldb, kj_logic *block)
{
    return of_parts(ldb, block, block->op == KJ_LOGIC_AND ? KJ_OP_AND : KJ_OP_OR, KJ_TYPE_BOOL,
                    holds_of);
}

static kj_expr *total_of(const kj_ldb *ldb, kj_logic *logic);

/* The matches of a block's parts, which are its own where it holds. */
static kj_expr *sum(const kj_ldb *ldb, kj_logic *block)
{
    return of_parts(ldb, block, KJ_OP_ADD, KJ_TYPE_INT, total_of);
}

/* What must hold for the parts' matches to be those of the whole. A comparison may hold because an
 * AND does not: then there are none. NULL: nothing. */
static kj_expr *counts_if(const kj_ldb *ldb, kj_logic *logic, bool *failed)
{
    kj_expr *holds = NULL;
    if (compares(logic) || logic->op == KJ_LOGIC_AND) {
        holds = holds_of(ldb, logic);
        *failed |= !holds;
    }
    if (holds && logic->op == KJ_LOGIC_AND && compares(logic) && fits_none(logic)) {
        holds = kj_clamav_both(ldb->c, holds, block_holds(ldb, logic));
        *failed |= !holds;
    }
    return holds;
}

static kj_expr *make_total(const kj_ldb *ldb, kj_logic *logic)
{
    bool is_id = logic->op == KJ_LOGIC_ID, failed = false;
    kj_expr *total = is_id ? count_of_sub(ldb, &ldb->subs[logic->id]) : sum(ldb, logic);
    kj_expr *holds = counts_if(ldb, logic, &failed);
    if (failed)
        return NULL;
    return holds ? kj_clamav_binary(ldb->c, KJ_OP_MUL, KJ_TYPE_INT, kj_clamav_to_int(ldb->c, holds),
                                    total)
                 : total;
}

static kj_expr *total_of(const kj_ldb *ldb, kj_logic *logic)
{
    if (!logic->total)
        logic->total = make_total(ldb, logic);
    return logic->total;
}

/* ---- different ids ------------------------------------------------------------------------- */

/* By id, what must hold for its matches to be among those of a block. */
struct presence {
    kj_expr *of[KJ_LDB_SUBS_MAX];
    bool failed;
};

static void note_presence(const kj_ldb *ldb, struct presence *p, uint32_t id, kj_expr *when)
{
    kj_expr *known = p->of[id];
    p->of[id] = known ? kj_clamav_binary(ldb->c, KJ_OP_OR, KJ_TYPE_BOOL, known, when) : when;
    p->failed |= !p->of[id];
}

/* The matches of a part count where it holds, and all parts that it is in. */
static void find_presence(const kj_ldb *ldb, struct presence *p, kj_logic *logic, kj_expr *within)
{
    kj_expr *holds =
        logic->op == KJ_LOGIC_ID ? holds_of(ldb, logic) : counts_if(ldb, logic, &p->failed);
    kj_expr *when = within && holds ? kj_clamav_both(ldb->c, within, holds)
                    : within        ? within
                                    : holds;
    p->failed |= !when && (within || holds || logic->op == KJ_LOGIC_ID);
    if (p->failed)
        return;
    if (logic->op == KJ_LOGIC_ID)
        note_presence(ldb, p, logic->id, when);
    for (kj_logic *part = logic->first; part; part = part->next)
        find_presence(ldb, p, part, when);
}

/* Matches of at least `distinct` different ids. */
static kj_expr *of_different_ids(const kj_ldb *ldb, kj_logic *block)
{
    struct presence p = {0};
    kj_expr *items[1 + KJ_LDB_SUBS_MAX] = {kj_clamav_int(ldb->c, block->distinct)};
    size_t count = 1;
    kj_expr *when = block->op == KJ_LOGIC_AND ? block_holds(ldb, block) : NULL;
    for (kj_logic *part = block->first; part; part = part->next)
        find_presence(ldb, &p, part, when);
    for (size_t id = 0; id < KJ_LDB_SUBS_MAX; id++)
        if (p.of[id])
            items[count++] = p.of[id];
    if (p.failed)
        return NULL;
    kj_expr *of = kj_clamav_node(ldb->c, KJ_OP_OF, KJ_TYPE_BOOL, KJ_NONE, count, items);
    if (of)
        of->quantifier = KJ_Q_COUNT;
    return of;
}

/* ---- compared blocks ----------------------------------------------------------------------- */

/* Whether a block that holds has matches, and one that does not has none. */
static bool is_plain(const kj_logic *block)
{
    for (const kj_logic *part = block->first; part; part = part->next)
        if (compares(part) || !is_plain(part))
            return false;
    return true;
}

/* The comparison holds of no matches, so also where the block does not hold. */
static kj_expr *fits_few(const kj_ldb *ldb, kj_logic *block)
{
    kj_clamav *c = ldb->c;
    kj_expr *holds = block_holds(ldb, block);
    if (wants_none(block) && is_plain(block))
        return negated(c, holds);
    kj_expr *compared = kj_clamav_compare(c, block->compare, sum(ldb, block), block->number);
    return block->op == KJ_LOGIC_OR
               ? compared
               : kj_clamav_binary(c, KJ_OP_OR, KJ_TYPE_BOOL, negated(c, holds), compared);
}

static kj_expr *compared_block(const kj_ldb *ldb, kj_logic *block)
{
    kj_clamav *c = ldb->c;
    kj_expr *fits;
    if (fits_none(block))
        fits = fits_few(ldb, block);
    else if (wants_any(block) && is_plain(block))
        fits = block_holds(ldb, block);
    else
        fits = kj_clamav_both(c, block_holds(ldb, block),
                              kj_clamav_compare(c, block->compare, sum(ldb, block), block->number));
    return block->distinct ? kj_clamav_both(c, of_different_ids(ldb, block), fits) : fits;
}

static kj_expr *make_holds(const kj_ldb *ldb, kj_logic *logic)
{
    if (logic->op == KJ_LOGIC_ID)
        return compares(logic) ? compared_sub(ldb, logic) : ldb->subs[logic->id].holds;
    return compares(logic) ? compared_block(ldb, logic) : block_holds(ldb, logic);
}

static kj_expr *holds_of(const kj_ldb *ldb, kj_logic *logic)
{
    if (!logic->holds)
        logic->holds = make_holds(ldb, logic);
    return logic->holds;
}

kj_expr *kj_logic_holds(const kj_ldb *ldb, kj_logic *logic)
{
    return holds_of(ldb, logic);
}
