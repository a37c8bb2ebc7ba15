/* SPDX-License-Identifier: Apache-2.0 */
/* The expressions of logical signatures.
 *
 *     expression  part, or part OPERATOR expression: `&` and `|` have no precedence, and what is on
 *                 the right is taken first: 0&1|2 is 0&(1|2)
 *     part        id, or ( expression ); each may be followed by =n, <n or >n, and a block by ,m
 *
 * A part has a truth, a number of matches and the ids that made them:
 *
 *     id          holds if found; its matches
 *     a & b       holds if both do; then their matches together, else none
 *     a | b       holds if one does; the matches of those that hold
 *     part=n      holds if it has n matches (and they are of m different ids); else none
 *
 * So (0&1)=0 says that not both are there. clamscan 1.4.6 was asked about all of this; where it
 * reads over what it does not understand (0^1), it is malformed here. */
#include "rules/clamav/ldb.h"

#include "base/text.h"

struct parser {
    kj_clamav *c;
    kj_logic_pool *pool;
    kj_span text;
    size_t pos;
    uint32_t ids;
    uint32_t highest;
    const char *problem; /* a sentence */
    unsigned depth;
};

static bool fail(struct parser *p, const char *problem)
{
    if (!p->problem)
        p->problem = problem;
    return false;
}

static int peek(struct parser *p)
{
    while (p->pos < p->text.len && kj_is_blank(p->text.data[p->pos]))
        p->pos++;
    return p->pos < p->text.len ? p->text.data[p->pos] : -1;
}

static bool take(struct parser *p, int c)
{
    bool there = peek(p) == c;
    p->pos += there;
    return there;
}

static bool read_number(struct parser *p, uint64_t *out)
{
    (void)peek(p);
    size_t start = p->pos;
    while (p->pos < p->text.len && kj_is_digit(p->text.data[p->pos]))
        p->pos++;
    return kj_clamav_number(kj_span_sub(p->text, start, p->pos - start), UINT32_MAX, out);
}

static kj_logic *new_node(struct parser *p)
{
    if (p->pool->count == KJ_LDB_NODES_MAX) {
        fail(p, KJ_SENTENCE("the expression has too many parts"));
        return NULL;
    }
    kj_logic *node = &p->pool->nodes[p->pool->count++];
    *node = (kj_logic){.compare = KJ_OP_BOOL};
    return node;
}

static kj_logic *read_expression(struct parser *p, bool *out_joins);

static kj_logic *read_id(struct parser *p)
{
    uint64_t id;
    if (!read_number(p, &id)) {
        fail(p, KJ_SENTENCE("the number of a subsignature, or ( is expected here"));
        return NULL;
    }
    if (id >= p->ids) {
        fail(p, KJ_SENTENCE("there is no such subsignature"));
        return NULL;
    }
    kj_logic *node = new_node(p);
    if (node) {
        node->id = (uint32_t)id;
        p->highest = node->id + 1 > p->highest ? node->id + 1 : p->highest;
    }
    return node;
}

static kj_op read_sign(struct parser *p)
{
    return take(p, '=') ? KJ_OP_EQ : take(p, '<') ? KJ_OP_LT : take(p, '>') ? KJ_OP_GT : KJ_OP_BOOL;
}

/* Of several signs (0>=2) the last one counts, as in ClamAV, which takes them behind ids only. */
static kj_op read_operator(struct parser *p, bool may_be_several)
{
    kj_op found = read_sign(p);
    for (kj_op next = found; next != KJ_OP_BOOL && may_be_several; next = read_sign(p))
        found = next;
    return found;
}

/* `=n,m`; the numbers of an id's matches are of one id, so ,m says nothing there. */
static bool read_comparison(struct parser *p, kj_logic *node, bool may_be_compared)
{
    uint64_t number, distinct = 0;
    kj_op compare = read_operator(p, node->op == KJ_LOGIC_ID);
    if (compare == KJ_OP_BOOL && !(node->op == KJ_LOGIC_ID && peek(p) == ','))
        return true;
    if (!may_be_compared)
        return fail(p, KJ_SENTENCE("only an id, or ids in parentheses, can be compared"));
    if (compare != KJ_OP_BOOL && !read_number(p, &number))
        return fail(p, KJ_SENTENCE("a number is expected here"));
    if (take(p, ',') && kj_is_digit((unsigned)peek(p)) && !read_number(p, &distinct))
        return fail(p, KJ_SENTENCE("this number is too large"));
    if (compare == KJ_OP_BOOL)
        return true;
    node->compare = compare;
    node->number = (int64_t)number;
    node->distinct = node->op == KJ_LOGIC_ID ? 0 : (int64_t)distinct;
    return true;
}

static kj_logic *read_block(struct parser *p, bool *out_joins)
{
    if (++p->depth > KJ_LDB_DEPTH_MAX) {
        fail(p, KJ_SENTENCE("the expression is nested too deeply"));
        return NULL;
    }
    kj_logic *node = read_expression(p, out_joins);
    p->depth--;
    if (node && !take(p, ')')) {
        fail(p, KJ_SENTENCE(") is expected here"));
        return NULL;
    }
    return node;
}

static kj_logic *read_part(struct parser *p)
{
    bool may_be_compared = true;
    kj_logic *node = take(p, '(') ? read_block(p, &may_be_compared) : read_id(p);
    return node && read_comparison(p, node, may_be_compared) ? node : NULL;
}

static bool read_joint(struct parser *p, int *out)
{
    *out = take(p, '&') ? KJ_LOGIC_AND : take(p, '|') ? KJ_LOGIC_OR : -1;
    return *out >= 0;
}

/* A block that begins with `part`. */
static kj_logic *begin_block(struct parser *p, int op, kj_logic *part)
{
    if (++p->depth > KJ_LDB_DEPTH_MAX) {
        fail(p, KJ_SENTENCE("the expression is nested too deeply"));
        return NULL;
    }
    kj_logic *block = new_node(p);
    if (!block)
        return NULL;
    block->op = op == KJ_LOGIC_AND ? KJ_LOGIC_AND : KJ_LOGIC_OR;
    block->first = part;
    return block;
}

/* Parts as long as the operator is the same; where another one comes, all from the part before it
 * is one block. */
static kj_logic *read_expression(struct parser *p, bool *out_joins)
{
    unsigned depth = p->depth;
    kj_logic *whole = read_part(p), *part = whole, **place = &whole;
    int op, joined = -1;
    while (part && read_joint(p, &op)) {
        if (op != joined) {
            *place = begin_block(p, op, part);
            if (!*place)
                return NULL;
            joined = op;
        }
        place = &part->next;
        part = *place = read_part(p);
    }
    p->depth = depth;
    *out_joins = joined >= 0;
    return part ? whole : NULL;
}

kj_clamav_result kj_logic_read(kj_clamav *c, kj_logic_pool *pool, kj_span text, uint32_t ids,
                               kj_logic **out, uint32_t *out_ids)
{
    struct parser p = {.c = c, .pool = pool, .text = text, .ids = ids};
    bool joins;
    kj_logic *logic = read_expression(&p, &joins);
    if (logic && peek(&p) >= 0)
        logic = NULL;
    if (!logic) {
        kj_span where = kj_span_sub(text, p.pos, 1);
        return kj_clamav_malformed(c, where.len ? where : text, "%s",
                                   p.problem ? p.problem
                                             : KJ_SENTENCE("this is no part of an expression"));
    }
    *out = logic;
    *out_ids = p.highest;
    return KJ_CLAMAV_TAKEN;
}
