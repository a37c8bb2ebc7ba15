/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions out of parts. Each constructor takes NULL for an operand that could not be made, so
 * that they nest and the outermost says whether there was memory. */
#include "rules/clamav/compile.h"

#include <assert.h>

static kj_expr *new_expr(kj_clamav *c, kj_op op, kj_type type)
{
    kj_expr *expr = kj_new(&c->ir->arena, kj_expr);
    if (!expr)
        return NULL;
    expr->op = op;
    expr->type = type;
    expr->index = KJ_NONE;
    return expr;
}

kj_expr *kj_clamav_bool(kj_clamav *c, bool value)
{
    kj_expr *expr = new_expr(c, KJ_OP_BOOL, KJ_TYPE_BOOL);
    if (expr)
        expr->integer = value;
    return expr;
}

kj_expr *kj_clamav_int(kj_clamav *c, int64_t value)
{
    kj_expr *expr = new_expr(c, KJ_OP_INT, KJ_TYPE_INT);
    if (expr)
        expr->integer = value;
    return expr;
}

kj_expr *kj_clamav_text(kj_clamav *c, kj_span value)
{
    kj_expr *expr = new_expr(c, KJ_OP_STRING, KJ_TYPE_STRING);
    char *copy = expr ? kj_arena_text(&c->ir->arena, value) : NULL;
    if (!copy)
        return NULL;
    expr->text = kj_span_of(copy, value.len);
    return expr;
}

kj_expr *kj_clamav_node(kj_clamav *c, kj_op op, kj_type type, uint32_t index, size_t count,
                        kj_expr *const *args)
{
    for (size_t i = 0; i < count; i++)
        if (!args[i])
            return NULL;
    kj_expr *expr = new_expr(c, op, type);
    if (!expr)
        return NULL;
    expr->index = index;
    if (count == 0)
        return expr;
    expr->args = kj_new_array(&c->ir->arena, kj_expr *, count);
    if (!expr->args)
        return NULL;
    memcpy(expr->args, args, count * sizeof *args);
    expr->count = count;
    return expr;
}

kj_expr *kj_clamav_binary(kj_clamav *c, kj_op op, kj_type type, kj_expr *a, kj_expr *b)
{
    kj_expr *const args[] = {a, b};
    return kj_clamav_node(c, op, type, KJ_NONE, 2, args);
}

/* The operands of an AND, or the expression itself. */
static size_t operands(kj_expr **expr, kj_expr *const **out)
{
    bool is_and = (*expr)->op == KJ_OP_AND;
    *out = is_and ? (*expr)->args : expr;
    return is_and ? (*expr)->count : 1;
}

/* One AND, as far as it can be seen: what many rules ask for is looked for among its operands. */
kj_expr *kj_clamav_both(kj_clamav *c, kj_expr *a, kj_expr *b)
{
    kj_expr *const *left, *const *right;
    if (!a || !b)
        return NULL;
    size_t left_count = operands(&a, &left), right_count = operands(&b, &right);
    kj_expr **all = kj_new_array(&c->ir->arena, kj_expr *, left_count + right_count);
    if (!all)
        return NULL;
    memcpy(all, left, left_count * sizeof(kj_expr *));
    memcpy(all + left_count, right, right_count * sizeof(kj_expr *));
    return kj_clamav_node(c, KJ_OP_AND, KJ_TYPE_BOOL, KJ_NONE, left_count + right_count, all);
}

kj_expr *kj_clamav_between(kj_clamav *c, kj_expr *value, kj_expr *least, kj_expr *most)
{
    return kj_clamav_both(c, kj_clamav_binary(c, KJ_OP_GE, KJ_TYPE_BOOL, value, least),
                          kj_clamav_binary(c, KJ_OP_LE, KJ_TYPE_BOOL, value, most));
}

kj_expr *kj_clamav_compare(kj_clamav *c, kj_op op, kj_expr *a, int64_t number)
{
    return kj_clamav_binary(c, op, KJ_TYPE_BOOL, a, kj_clamav_int(c, number));
}

kj_expr *kj_clamav_sum(kj_clamav *c, kj_expr *a, int64_t number)
{
    return number == 0 ? a
                       : kj_clamav_binary(c, KJ_OP_ADD, KJ_TYPE_INT, a, kj_clamav_int(c, number));
}

kj_expr *kj_clamav_to_int(kj_clamav *c, kj_expr *expr)
{
    return kj_clamav_node(c, KJ_OP_TO_INT, KJ_TYPE_INT, KJ_NONE, 1, &expr);
}

const kj_schema *kj_clamav_schema(const kj_clamav_options *options)
{
    for (size_t i = 0; i < options->schema_count; i++)
        if (strcmp(options->schemas[i]->name, "clamav") == 0)
            return options->schemas[i];
    return NULL;
}

/* `versions[]` is two rows: the array, which is asked without an index, and the INT in it. */
static const kj_field *find_row(const kj_schema *schema, const char *path, size_t count)
{
    bool array = count == 0 && strstr(path, "[]");
    for (size_t i = 0; i < schema->count; i++) {
        const kj_field *row = &schema->fields[i];
        if ((row->type == KJ_TYPE_ARRAY) == array && strcmp(row->path, path) == 0)
            return row;
    }
    return NULL;
}

kj_expr *kj_clamav_field(kj_clamav *c, const char *path, size_t count, kj_expr *const *args)
{
    const kj_schema *schema = kj_clamav_schema(c->options);
    const kj_field *row = find_row(schema, path, count);
    assert(row);
    return kj_clamav_node(c, KJ_OP_FIELD, row->type, (uint32_t)schema->id << 16 | row->id, count,
                          args);
}

/* ---- places -------------------------------------------------------------------------------- */

/* The pattern at any of the module's versions[]. */
static kj_expr *found_at_version(kj_clamav *c, uint32_t pattern)
{
    enum { SLOT = 0 };
    kj_expr *slot = kj_clamav_node(c, KJ_OP_VARIABLE, KJ_TYPE_INT, SLOT, 0, NULL);
    kj_expr *versions = kj_clamav_field(c, "versions[]", 0, NULL);
    kj_expr *version = kj_clamav_field(c, "versions[]", 1, &slot);
    kj_expr *found = kj_clamav_node(c, KJ_OP_FOUND_AT, KJ_TYPE_BOOL, pattern, 1, &version);
    kj_expr *items[] = {versions, found};
    kj_expr *loop = kj_clamav_node(c, KJ_OP_FOR_COUNT, KJ_TYPE_BOOL, SLOT, 2, items);
    if (loop)
        loop->quantifier = KJ_Q_ANY;
    return loop;
}

static kj_expr *at_place(kj_clamav *c, uint32_t pattern, const kj_clamav_place *place)
{
    kj_expr *const bounds[] = {place->from, place->to};
    switch (place->kind) {
    case KJ_PLACE_AT:
        return kj_clamav_node(c, KJ_OP_FOUND_AT, KJ_TYPE_BOOL, pattern, 1, bounds);
    case KJ_PLACE_IN:
        return kj_clamav_node(c, KJ_OP_FOUND_IN, KJ_TYPE_BOOL, pattern, 2, bounds);
    case KJ_PLACE_VERSION:
        return found_at_version(c, pattern);
    default:
        return kj_clamav_node(c, KJ_OP_FOUND, KJ_TYPE_BOOL, pattern, 0, NULL);
    }
}

kj_expr *kj_clamav_found(kj_clamav *c, uint32_t pattern, const kj_clamav_place *place)
{
    kj_expr *found = at_place(c, pattern, place);
    return place->needs_program
               ? kj_clamav_both(c, found, kj_clamav_field(c, "is_program", 0, NULL))
               : found;
}

kj_expr *kj_clamav_count(kj_clamav *c, uint32_t pattern, const kj_clamav_place *place)
{
    if (place->kind == KJ_PLACE_VERSION)
        return kj_clamav_to_int(c, found_at_version(c, pattern));
    bool bounded = place->kind != KJ_PLACE_ANYWHERE;
    kj_expr *const bounds[] = {place->from, place->kind == KJ_PLACE_AT ? place->from : place->to};
    return kj_clamav_node(c, KJ_OP_COUNT_OF, KJ_TYPE_INT, pattern, bounded ? 2 : 0, bounds);
}
