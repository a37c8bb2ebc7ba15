/* SPDX-License-Identifier: Apache-2.0 */
#include "defs/code.h"

#include "base/arith.h"

/* What an operation carries and how many args it may have; one row an op. */
static const struct shape {
    uint8_t min;
    uint16_t max;
    bool operand;
    enum {
        INDEX_NONE,
        INDEX_PLAIN,
        INDEX_PATTERN,
        INDEX_RULE,
        INDEX_ARTIFACT,
        INDEX_EXTERNAL
    } index;
} shapes[KJ_OP_COUNT] = {
    [KJ_OP_BOOL] = {0, 0, true, INDEX_NONE},
    [KJ_OP_INT] = {0, 0, true, INDEX_NONE},
    [KJ_OP_REAL] = {0, 0, true, INDEX_NONE},
    [KJ_OP_STRING] = {0, 0, true, INDEX_NONE},
    [KJ_OP_REGEX] = {0, 0, false, INDEX_PATTERN},
    [KJ_OP_FILESIZE] = {0, 0, false, INDEX_NONE},
    [KJ_OP_ENTRYPOINT] = {0, 0, false, INDEX_NONE},
    [KJ_OP_VARIABLE] = {0, 0, false, INDEX_PLAIN},
    [KJ_OP_EXTERNAL] = {0, 0, false, INDEX_EXTERNAL},
    [KJ_OP_FIELD] = {0, 16, false, INDEX_PLAIN},
    [KJ_OP_READ] = {1, 1, false, INDEX_PLAIN},
    [KJ_OP_FOUND] = {0, 0, false, INDEX_PATTERN},
    [KJ_OP_FOUND_AT] = {1, 1, false, INDEX_PATTERN},
    [KJ_OP_FOUND_IN] = {2, 2, false, INDEX_PATTERN},
    [KJ_OP_COUNT_OF] = {0, 2, false, INDEX_PATTERN},
    [KJ_OP_OFFSET_OF] = {1, 1, false, INDEX_PATTERN},
    [KJ_OP_LENGTH_OF] = {1, 1, false, INDEX_PATTERN},
    [KJ_OP_RULE] = {0, 0, false, INDEX_RULE},
    [KJ_OP_ARTIFACT] = {0, 0, false, INDEX_ARTIFACT},
    [KJ_OP_AND] = {1, KJ_CODE_MAX_ARGS, false, INDEX_NONE},
    [KJ_OP_OR] = {1, KJ_CODE_MAX_ARGS, false, INDEX_NONE},
    [KJ_OP_NOT] = {1, 1, false, INDEX_NONE},
    [KJ_OP_DEFINED] = {1, 1, false, INDEX_NONE},
    [KJ_OP_OF] = {0, KJ_CODE_MAX_ARGS, false, INDEX_NONE},
    [KJ_OP_FOR_PATTERNS] = {1, KJ_CODE_MAX_ARGS, false, INDEX_NONE},
    [KJ_OP_FOR_RANGE] = {3, 4, false, INDEX_PLAIN},
    [KJ_OP_FOR_LIST] = {1, KJ_CODE_MAX_ARGS, false, INDEX_PLAIN},
    [KJ_OP_FOR_COUNT] = {2, 3, false, INDEX_PLAIN},
    [KJ_OP_WITH] = {2, 2, false, INDEX_PLAIN},
    [KJ_OP_EQ] = {2, 2, false, INDEX_NONE},
    [KJ_OP_NE] = {2, 2, false, INDEX_NONE},
    [KJ_OP_LT] = {2, 2, false, INDEX_NONE},
    [KJ_OP_LE] = {2, 2, false, INDEX_NONE},
    [KJ_OP_GT] = {2, 2, false, INDEX_NONE},
    [KJ_OP_GE] = {2, 2, false, INDEX_NONE},
    [KJ_OP_CONTAINS] = {2, 2, false, INDEX_NONE},
    [KJ_OP_ICONTAINS] = {2, 2, false, INDEX_NONE},
    [KJ_OP_STARTSWITH] = {2, 2, false, INDEX_NONE},
    [KJ_OP_ISTARTSWITH] = {2, 2, false, INDEX_NONE},
    [KJ_OP_ENDSWITH] = {2, 2, false, INDEX_NONE},
    [KJ_OP_IENDSWITH] = {2, 2, false, INDEX_NONE},
    [KJ_OP_IEQUALS] = {2, 2, false, INDEX_NONE},
    [KJ_OP_MATCHES] = {2, 2, false, INDEX_NONE},
    [KJ_OP_NEG] = {1, 1, false, INDEX_NONE},
    [KJ_OP_ADD] = {2, KJ_CODE_MAX_ARGS, false, INDEX_NONE},
    [KJ_OP_SUB] = {2, 2, false, INDEX_NONE},
    [KJ_OP_MUL] = {2, KJ_CODE_MAX_ARGS, false, INDEX_NONE},
    [KJ_OP_DIV] = {2, 2, false, INDEX_NONE},
    [KJ_OP_MOD] = {2, 2, false, INDEX_NONE},
    [KJ_OP_BIT_NOT] = {1, 1, false, INDEX_NONE},
    [KJ_OP_BIT_AND] = {2, KJ_CODE_MAX_ARGS, false, INDEX_NONE},
    [KJ_OP_BIT_OR] = {2, KJ_CODE_MAX_ARGS, false, INDEX_NONE},
    [KJ_OP_BIT_XOR] = {2, KJ_CODE_MAX_ARGS, false, INDEX_NONE},
    [KJ_OP_SHL] = {2, 2, false, INDEX_NONE},
    [KJ_OP_SHR] = {2, 2, false, INDEX_NONE},
    [KJ_OP_TO_REAL] = {1, 1, false, INDEX_NONE},
    [KJ_OP_TO_BOOL] = {1, 1, false, INDEX_NONE},
    [KJ_OP_TO_INT] = {1, 1, false, INDEX_NONE},
};

/* ---- writing ------------------------------------------------------------------------------ */

static uint32_t map_index(const kj_expr *expr, const kj_code_map *map, bool *ok)
{
    const uint32_t *table = NULL;
    switch (shapes[expr->op].index) {
    case INDEX_NONE:
        return 0;
    case INDEX_PLAIN:
        return expr->index;
    case INDEX_PATTERN:
        table = map->patterns;
        break;
    case INDEX_RULE:
        table = map->rules;
        break;
    case INDEX_ARTIFACT:
        table = map->artifacts;
        break;
    case INDEX_EXTERNAL:
        table = map->externals;
        break;
    }
    if (expr->index == KJ_NONE)
        return KJ_NONE; /* the current pattern of a loop */
    uint32_t mapped = table ? table[expr->index] : KJ_NONE;
    *ok = mapped != KJ_NONE;
    return mapped;
}

static void put_operand(const kj_expr *expr, kj_strings *strings, kj_buf *code)
{
    uint64_t bits = 0;
    if (expr->op == KJ_OP_STRING) {
        kj_disk_text text = kj_strings_add(strings, expr->text);
        bits = text.offset | (uint64_t)text.len << 32;
    } else if (expr->op == KJ_OP_REAL) {
        memcpy(&bits, &expr->real, sizeof bits);
    } else {
        bits = (uint64_t)expr->integer;
    }
    kj_buf_put_u64le(code, bits);
}

static kj_status write_node(const kj_expr *expr, const kj_code_map *map, kj_strings *strings,
                            kj_buf *code, unsigned depth, kj_error *err)
{
    if (depth >= KJ_EXPR_MAX_DEPTH || expr->count > KJ_CODE_MAX_ARGS)
        return kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET, "the condition is too large");
    bool ok = true;
    uint32_t index = map_index(expr, map, &ok);
    if (!ok)
        return kj_fail(err, KJ_INTERNAL, KJ_NO_OFFSET, "a condition refers to what is left out");
    size_t start = code->len;
    kj_buf_put_u32le(code, (uint32_t)expr->op | (uint32_t)expr->type << 8 |
                               (uint32_t)expr->quantifier << 12 | (uint32_t)expr->count << 16);
    kj_buf_put_u32le(code, 0);
    kj_buf_put_u32le(code, index);
    if (shapes[expr->op].operand)
        put_operand(expr, strings, code);
    for (size_t i = 0; i < expr->count; i++)
        KJ_TRY(write_node(expr->args[i], map, strings, code, depth + 1, err));
    if (code->failed)
        return kj_no_memory(err);
    uint32_t words = (uint32_t)((code->len - start) / 4);
    memcpy(code->data + start + 4, &words, sizeof words);
    return KJ_OK;
}

kj_status kj_code_write(const kj_expr *expr, const kj_code_map *map, kj_strings *strings,
                        kj_buf *code, uint32_t *out, kj_error *err)
{
    uint32_t at = (uint32_t)(code->len / 4);
    KJ_TRY(write_node(expr, map, strings, code, 0, err));
    *out = at;
    return KJ_OK;
}

/* ---- analysis ------------------------------------------------------------------------------ */

uint32_t kj_code_variables(const kj_expr *expr)
{
    bool declares = expr->op == KJ_OP_FOR_RANGE || expr->op == KJ_OP_FOR_LIST ||
                    expr->op == KJ_OP_FOR_COUNT || expr->op == KJ_OP_WITH;
    uint32_t most = declares ? expr->index + 1 : 0;
    for (size_t i = 0; i < expr->count; i++) {
        uint32_t used = kj_code_variables(expr->args[i]);
        most = used > most ? used : most;
    }
    return most;
}

static bool has_anchor(const kj_expr *expr)
{
    if (expr->op == KJ_OP_ARTIFACT)
        return true;
    if (expr->op != KJ_OP_AND && expr->op != KJ_OP_OR && expr->op != KJ_OP_OF)
        return false;
    for (size_t i = 0; i < expr->count; i++)
        if (has_anchor(expr->args[i]))
            return true;
    return false;
}

void kj_code_anchors(const kj_expr *expr, void (*found)(void *user, uint32_t artifact), void *user)
{
    if (expr->op == KJ_OP_ARTIFACT)
        found(user, expr->index);
    if (!has_anchor(expr))
        return;
    for (size_t i = 0; i < expr->count; i++) {
        if (!has_anchor(expr->args[i]))
            continue;
        kj_code_anchors(expr->args[i], found, user);
        if (expr->op == KJ_OP_AND)
            return;
    }
}

void kj_code_references(const kj_expr *expr, void (*found)(void *user, kj_op op, uint32_t index),
                        void *user)
{
    if (expr->op == KJ_OP_ARTIFACT || expr->op == KJ_OP_RULE)
        found(user, expr->op, expr->index);
    for (size_t i = 0; i < expr->count; i++)
        kj_code_references(expr->args[i], found, user);
}

/* ---- reading ------------------------------------------------------------------------------- */

kj_code_node kj_code_read(const kj_defs *defs, uint32_t at, uint32_t end)
{
    const uint32_t *code = defs->code.data;
    if (end > defs->code.count || at >= end || end - at < KJ_CODE_HEADER)
        return (kj_code_node){0};
    kj_code_node node = {
        .op = (kj_op)(code[at] & 0xFF),
        .type = (kj_type)(code[at] >> 8 & 0xF),
        .quantifier = (kj_quantifier)(code[at] >> 12 & 0xF),
        .count = code[at] >> 16,
        .index = code[at + 2],
        .args = at + KJ_CODE_HEADER,
    };
    uint32_t words = code[at + 1];
    if (node.op >= KJ_OP_COUNT || words > end - at || words < KJ_CODE_HEADER)
        return (kj_code_node){0};
    node.next = at + words;
    const struct shape *shape = &shapes[node.op];
    if (shape->operand) {
        if (words < KJ_CODE_HEADER + KJ_CODE_OPERAND)
            return (kj_code_node){0};
        node.operand[0] = code[node.args];
        node.operand[1] = code[node.args + 1];
        node.args += KJ_CODE_OPERAND;
    }
    node.ok = node.count >= shape->min && node.count <= shape->max;
    return node;
}

static bool index_fits(const kj_defs *defs, const kj_code_node *node)
{
    switch (shapes[node->op].index) {
    case INDEX_PATTERN:
        return node->index < defs->patterns.count || node->index == KJ_NONE;
    case INDEX_RULE:
        return node->index < defs->rules.count;
    case INDEX_ARTIFACT:
        return node->index < defs->artifacts.count;
    case INDEX_EXTERNAL:
        return node->index < defs->externals.count;
    case INDEX_PLAIN:
        return node->op == KJ_OP_FIELD || node->op == KJ_OP_READ ||
               node->index < KJ_EXPR_MAX_VARIABLES;
    default:
        return node->index == 0;
    }
}

static bool operand_fits(const kj_defs *defs, const kj_code_node *node)
{
    if (node->op != KJ_OP_STRING)
        return true;
    uint64_t end = (uint64_t)node->operand[0] + node->operand[1];
    return end <= defs->strings.count;
}

static kj_status damaged(kj_error *err)
{
    return kj_fail(err, KJ_MALFORMED, KJ_NO_OFFSET, "a condition is damaged");
}

/* Whether the items are there that the operation reads behind its number, if it has one. */
static bool items_fit(const kj_code_node *node)
{
    uint32_t number = node->quantifier == KJ_Q_COUNT || node->quantifier == KJ_Q_PERCENT;
    switch (node->op) {
    case KJ_OP_OF:
        return node->count >= number;
    case KJ_OP_FOR_PATTERNS:
    case KJ_OP_FOR_LIST:
        return node->count >= number + 1;
    case KJ_OP_FOR_RANGE:
        return node->count == number + 3;
    case KJ_OP_FOR_COUNT:
        return node->count == number + 2;
    default:
        return true;
    }
}

/* A REGEX stands behind the text of MATCHES or among the arguments of a module's function, and has
 * a program to run. */
static bool regex_fits(const kj_defs *defs, const kj_code_node *parent, uint32_t number,
                       const kj_code_node *arg)
{
    bool wanted = parent->op == KJ_OP_MATCHES && number == 1;
    if (arg->op != KJ_OP_REGEX)
        return !wanted;
    if (!wanted && parent->op != KJ_OP_FIELD)
        return false;
    const kj_disk_pattern *pattern = kj_defs_pattern(defs, arg->index);
    return pattern && pattern->forward != KJ_NONE;
}

static kj_status verify_node(const kj_defs *defs, uint32_t at, uint32_t end, unsigned depth,
                             uint32_t *out_next, kj_error *err)
{
    kj_code_node node = kj_code_read(defs, at, end);
    if (!node.ok || depth >= KJ_EXPR_MAX_DEPTH || node.type >= KJ_TYPE_COUNT ||
        node.quantifier > KJ_Q_PERCENT || !index_fits(defs, &node) || !operand_fits(defs, &node) ||
        !items_fit(&node))
        return damaged(err);
    uint32_t arg = node.args;
    for (uint32_t i = 0; i < node.count; i++) {
        kj_code_node child = kj_code_read(defs, arg, node.next);
        if (!regex_fits(defs, &node, i, &child))
            return damaged(err);
        KJ_TRY(verify_node(defs, arg, node.next, depth + 1, &arg, err));
    }
    if (arg != node.next)
        return damaged(err);
    *out_next = node.next;
    return KJ_OK;
}

kj_status kj_code_verify(const kj_defs *defs, uint32_t at, kj_error *err)
{
    uint32_t next;
    if (kj_code_read(defs, at, defs->code.count).op == KJ_OP_REGEX)
        return damaged(err);
    return verify_node(defs, at, defs->code.count, 0, &next, err);
}
