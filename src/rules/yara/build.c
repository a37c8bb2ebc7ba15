/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/yara/compiler.h"

#include "base/arith.h"

static const char *const type_names[KJ_TYPE_COUNT] = {
    [KJ_TYPE_UNDEFINED] = "an undefined value",
    [KJ_TYPE_BOOL] = "a truth value",
    [KJ_TYPE_INT] = "an integer",
    [KJ_TYPE_REAL] = "a floating-point number",
    [KJ_TYPE_STRING] = "a string",
    [KJ_TYPE_REGEX] = "a regular expression",
    [KJ_TYPE_ARRAY] = "an array",
    [KJ_TYPE_DICT] = "a dictionary",
};

const char *kj_yara_type_name(kj_type type)
{
    return type_names[type];
}

kj_expr *kj_yara_new(kj_yara_compiler *c, kj_op op, kj_type type, size_t offset)
{
    kj_expr *expr = kj_new(&c->ir->arena, kj_expr);
    if (!expr)
        return kj_yara_no_memory(c);
    expr->op = op;
    expr->type = type;
    expr->index = KJ_NONE;
    expr->offset = offset;
    return expr;
}

kj_expr *kj_yara_new_int(kj_yara_compiler *c, int64_t value, size_t offset)
{
    kj_expr *expr = kj_yara_new(c, KJ_OP_INT, KJ_TYPE_INT, offset);
    if (expr)
        expr->integer = value;
    return expr;
}

kj_expr *kj_yara_new_bool(kj_yara_compiler *c, bool value, size_t offset)
{
    kj_expr *expr = kj_yara_new(c, KJ_OP_BOOL, KJ_TYPE_BOOL, offset);
    if (expr)
        expr->integer = value;
    return expr;
}

kj_expr *kj_yara_new_variable(kj_yara_compiler *c, kj_type type, uint32_t slot, size_t offset)
{
    kj_expr *expr = kj_yara_new(c, KJ_OP_VARIABLE, type, offset);
    if (expr)
        expr->index = slot;
    return expr;
}

kj_expr *kj_yara_new_wrong(kj_yara_compiler *c, size_t offset)
{
    c->rule_failed = true;
    return kj_yara_new(c, KJ_OP_BOOL, KJ_TYPE_UNDEFINED, offset);
}

bool kj_yara_push(kj_yara_compiler *c, kj_expr *item)
{
    if (!item)
        return false;
    if (kj_vec_add(&c->items, item))
        return true;
    kj_yara_no_memory(c);
    return false;
}

kj_expr *kj_yara_take_args(kj_yara_compiler *c, kj_expr *expr, size_t base)
{
    size_t count = c->items.count - base;
    c->items.count = base;
    if (!expr || count == 0)
        return expr;
    if (count > KJ_EXPR_MAX_ARGS) {
        kj_yara_error(c, expr->offset, 1, NULL, "more than %d items", KJ_EXPR_MAX_ARGS);
        return kj_yara_new_wrong(c, expr->offset);
    }
    expr->args = kj_new_array(&c->ir->arena, kj_expr *, count);
    if (!expr->args)
        return kj_yara_no_memory(c);
    memcpy(expr->args, c->items.items + base, count * sizeof *expr->args);
    expr->count = count;
    return expr;
}

kj_expr *kj_yara_with_args(kj_yara_compiler *c, kj_expr *expr, kj_expr *a, kj_expr *b)
{
    size_t base = c->items.count;
    if (!expr || !kj_yara_push(c, a) || (b && !kj_yara_push(c, b))) {
        c->items.count = base;
        return NULL;
    }
    return kj_yara_take_args(c, expr, base);
}

bool kj_yara_is_constant(const kj_expr *expr)
{
    return expr->op == KJ_OP_BOOL || expr->op == KJ_OP_INT || expr->op == KJ_OP_REAL ||
           expr->op == KJ_OP_STRING;
}

bool kj_yara_is_leaf(const kj_expr *expr)
{
    return expr->count == 0;
}

bool kj_yara_expr_fits(const kj_expr *expr, unsigned depth)
{
    if (depth == 0)
        return false;
    for (size_t i = 0; i < expr->count; i++)
        if (!kj_yara_expr_fits(expr->args[i], depth - 1))
            return false;
    return true;
}

/* ---- conversions --------------------------------------------------------------------------- */

static kj_expr *convert(kj_yara_compiler *c, kj_op op, kj_type type, kj_expr *expr)
{
    return kj_yara_with_args(c, kj_yara_new(c, op, type, expr->offset), expr, NULL);
}

/* Says that `expr` is of the wrong type, unless it stands for a problem already reported. */
static kj_expr *wrong_type(kj_yara_compiler *c, const kj_expr *expr, const char *role)
{
    if (expr->type != KJ_TYPE_UNDEFINED)
        kj_yara_error(c, expr->offset, 1, NULL, "%s cannot be %s", type_names[expr->type], role);
    return kj_yara_new_wrong(c, expr->offset);
}

kj_expr *kj_yara_to_bool(kj_yara_compiler *c, kj_expr *expr)
{
    if (!expr || expr->type == KJ_TYPE_BOOL || expr->type == KJ_TYPE_UNDEFINED)
        return expr;
    if (expr->type > KJ_TYPE_STRING)
        return wrong_type(c, expr, "a condition");
    kj_yara_lint_number(c, expr);
    if (expr->op == KJ_OP_INT)
        return kj_yara_new_bool(c, expr->integer != 0, expr->offset);
    if (expr->op == KJ_OP_REAL)
        return kj_yara_new_bool(c, expr->real != 0, expr->offset);
    if (expr->op == KJ_OP_STRING) {
        kj_yara_warn(c, expr->offset, 1, "compare it with something",
                     "a string as a condition is true unless it is empty");
        return kj_yara_new_bool(c, expr->text.len != 0, expr->offset);
    }
    return convert(c, KJ_OP_TO_BOOL, KJ_TYPE_BOOL, expr);
}

kj_expr *kj_yara_as_number(kj_expr *expr)
{
    if (expr && expr->type == KJ_TYPE_BOOL &&
        (expr->op == KJ_OP_FIELD || expr->op == KJ_OP_EXTERNAL))
        expr->type = KJ_TYPE_INT;
    return expr;
}

kj_expr *kj_yara_to_int(kj_yara_compiler *c, kj_expr *expr, const char *role)
{
    expr = kj_yara_as_number(expr);
    return !expr || expr->type == KJ_TYPE_INT ? expr : wrong_type(c, expr, role);
}

kj_expr *kj_yara_to_string(kj_yara_compiler *c, kj_expr *expr, const char *role)
{
    return !expr || expr->type == KJ_TYPE_STRING ? expr : wrong_type(c, expr, role);
}

kj_expr *kj_yara_only_real(kj_yara_compiler *c, kj_expr *expr, const char *role)
{
    return !expr || expr->type == KJ_TYPE_REAL ? expr : wrong_type(c, expr, role);
}

kj_expr *kj_yara_to_real(kj_yara_compiler *c, kj_expr *expr)
{
    if (expr->type == KJ_TYPE_REAL)
        return expr;
    if (expr->op != KJ_OP_INT)
        return convert(c, KJ_OP_TO_REAL, KJ_TYPE_REAL, expr);
    kj_expr *real = kj_yara_new(c, KJ_OP_REAL, KJ_TYPE_REAL, expr->offset);
    if (real)
        real->real = (double)expr->integer;
    return real;
}

/* ---- operators ----------------------------------------------------------------------------- */

static bool is_number(const kj_expr *expr)
{
    return expr->type == KJ_TYPE_INT || expr->type == KJ_TYPE_REAL;
}

static kj_expr *mismatch(kj_yara_compiler *c, kj_token sign, const kj_expr *a, const kj_expr *b)
{
    if (a->type == KJ_TYPE_UNDEFINED || b->type == KJ_TYPE_UNDEFINED)
        return kj_yara_new_wrong(c, sign.offset);
    bool compares = sign.kind >= KJ_TOK_EQ && sign.kind <= KJ_TOK_GT;
    const char *hint = a->type == KJ_TYPE_BOOL && b->type == KJ_TYPE_BOOL && compares
                           ? "use 'and', 'or' and 'not' with truth values"
                           : NULL;
    kj_yara_error_at(c, sign, hint, "%s does not go between %s and %s", kj_tok_name(sign.kind),
                     type_names[a->type], type_names[b->type]);
    return kj_yara_new_wrong(c, sign.offset);
}

/* Makes both sides INT or both REAL; false when one is neither. */
static bool balance(kj_yara_compiler *c, kj_expr **a, kj_expr **b)
{
    if (!is_number(*a) || !is_number(*b))
        return false;
    if ((*a)->type == (*b)->type)
        return true;
    *a = kj_yara_to_real(c, *a);
    *b = kj_yara_to_real(c, *b);
    return true;
}

/* `== true` and `== false` beside a module's truth value, which YARA counts as a number. */
static void literal_as_number(kj_expr *expr, const kj_expr *other)
{
    if (expr->op != KJ_OP_BOOL || expr->type != KJ_TYPE_BOOL || other->type != KJ_TYPE_INT)
        return;
    expr->op = KJ_OP_INT;
    expr->type = KJ_TYPE_INT;
}

kj_expr *kj_yara_compare(kj_yara_compiler *c, kj_op op, kj_token sign, kj_expr *a, kj_expr *b)
{
    if (!a || !b)
        return NULL;
    a = kj_yara_as_number(a);
    b = kj_yara_as_number(b);
    literal_as_number(a, b);
    literal_as_number(b, a);
    bool strings = a->type == KJ_TYPE_STRING && b->type == KJ_TYPE_STRING;
    if (!strings && !balance(c, &a, &b))
        return mismatch(c, sign, a, b);
    return kj_yara_with_args(c, kj_yara_new(c, op, KJ_TYPE_BOOL, sign.offset), a, b);
}

/* Computes a constant; returns why it cannot be one, or NULL. */
static const char *fold(kj_op op, int64_t a, int64_t b, int64_t *out)
{
    static const char overflow[] = "the result does not fit 64 bits";
    switch (op) {
    case KJ_OP_ADD:
        return __builtin_add_overflow(a, b, out) ? overflow : NULL;
    case KJ_OP_SUB:
        return __builtin_sub_overflow(a, b, out) ? overflow : NULL;
    case KJ_OP_MUL:
        return __builtin_mul_overflow(a, b, out) ? overflow : NULL;
    case KJ_OP_DIV:
    case KJ_OP_MOD:
        if (b == 0)
            return "division by zero";
        if (b == -1 && a == INT64_MIN)
            return overflow;
        *out = op == KJ_OP_DIV ? a / b : a % b;
        return NULL;
    case KJ_OP_SHL:
    case KJ_OP_SHR:
        if (b < 0)
            return "a shift by a negative count";
        /* Bits leave at the top; at the bottom the sign stays. A count past 63 gives zero. */
        *out = b > 63 ? 0 : op == KJ_OP_SHL ? (int64_t)((uint64_t)a << b) : a >> b;
        return NULL;
    case KJ_OP_BIT_AND:
        *out = a & b;
        return NULL;
    case KJ_OP_BIT_OR:
        *out = a | b;
        return NULL;
    default:
        *out = a ^ b;
        return NULL;
    }
}

static kj_expr *fold_integers(kj_yara_compiler *c, kj_op op, kj_token sign, const kj_expr *a,
                              const kj_expr *b)
{
    int64_t value = 0;
    const char *problem = fold(op, a->integer, b->integer, &value);
    if (!problem)
        return kj_yara_new_int(c, value, a->offset);
    kj_yara_error_at(c, sign, NULL, "%s", problem);
    return kj_yara_new_wrong(c, sign.offset);
}

/* ---- long sums ------------------------------------------------------------------------------
 *
 * What a generator writes, a + b + c and so on for a thousand terms, is one node of many args: a
 * tree as its grammar has it would be as deep as it is long. */

static bool takes_many(kj_op op)
{
    return op == KJ_OP_ADD || op == KJ_OP_MUL || op == KJ_OP_BIT_AND || op == KJ_OP_BIT_OR ||
           op == KJ_OP_BIT_XOR;
}

static bool is_sum(kj_op op)
{
    return op == KJ_OP_ADD || op == KJ_OP_SUB;
}

/* Room for args doubles at each power of two. */
static kj_expr *append(kj_yara_compiler *c, kj_expr *expr, kj_expr *arg)
{
    if ((expr->count & (expr->count - 1)) == 0) {
        kj_expr **args = kj_new_array(&c->ir->arena, kj_expr *, 2 * expr->count);
        if (!args)
            return kj_yara_no_memory(c);
        memcpy(args, expr->args, expr->count * sizeof *args);
        expr->args = args;
    }
    expr->args[expr->count++] = arg;
    return expr;
}

/* `a op b`, where `a` may be a node of that operation that takes one more operand. */
static kj_expr *chain(kj_yara_compiler *c, kj_op op, kj_token sign, kj_expr *a, kj_expr *b)
{
    if (takes_many(op) && a->op == op && a->count < KJ_EXPR_MAX_ARGS)
        return append(c, a, b);
    return kj_yara_with_args(c, kj_yara_new(c, op, a->type, sign.offset), a, b);
}

/* A sum that goes on: a - b is a + -b from its second sign on, which is the same to the last bit.
 */
static kj_expr *add(kj_yara_compiler *c, kj_op op, kj_token sign, kj_expr *a, kj_expr *b)
{
    if (!is_sum(a->op))
        return chain(c, op, sign, a, b);
    if (a->op == KJ_OP_SUB) {
        a->op = KJ_OP_ADD;
        a->args[1] = kj_yara_negate(c, KJ_OP_NEG, sign, a->args[1]);
    }
    if (op == KJ_OP_SUB)
        b = kj_yara_negate(c, KJ_OP_NEG, sign, b);
    return a->args[1] && b ? chain(c, KJ_OP_ADD, sign, a, b) : NULL;
}

kj_expr *kj_yara_arithmetic(kj_yara_compiler *c, kj_op op, kj_token sign, kj_expr *a, kj_expr *b)
{
    if (!a || !b)
        return NULL;
    a = kj_yara_as_number(a);
    b = kj_yara_as_number(b);
    bool integers = a->type == KJ_TYPE_INT && b->type == KJ_TYPE_INT;
    bool only_integers = op == KJ_OP_MOD || op > KJ_OP_MOD;
    if (only_integers ? !integers : !balance(c, &a, &b))
        return mismatch(c, sign, a, b);
    if (!a || !b)
        return NULL;
    if (a->op == KJ_OP_INT && b->op == KJ_OP_INT)
        return fold_integers(c, op, sign, a, b);
    /* The amount of a shift is all that can be known to be wrong without the other side. */
    if ((op == KJ_OP_SHL || op == KJ_OP_SHR) && b->op == KJ_OP_INT && b->integer < 0)
        return fold_integers(c, op, sign, b, b);
    return is_sum(op) ? add(c, op, sign, a, b) : chain(c, op, sign, a, b);
}

kj_expr *kj_yara_negate(kj_yara_compiler *c, kj_op op, kj_token sign, kj_expr *a)
{
    a = kj_yara_as_number(a);
    if (!a || a->type == KJ_TYPE_UNDEFINED)
        return a;
    if (!is_number(a) || (op == KJ_OP_BIT_NOT && a->type != KJ_TYPE_INT)) {
        kj_yara_error_at(c, sign, NULL, "%s does not go before %s", kj_tok_name(sign.kind),
                         type_names[a->type]);
        return kj_yara_new_wrong(c, sign.offset);
    }
    if (a->op == KJ_OP_INT && a->integer != INT64_MIN)
        return kj_yara_new_int(c, op == KJ_OP_NEG ? -a->integer : ~a->integer, sign.offset);
    if (a->op == KJ_OP_REAL) {
        a->real = -a->real;
        return a;
    }
    return kj_yara_with_args(c, kj_yara_new(c, op, a->type, sign.offset), a, NULL);
}
