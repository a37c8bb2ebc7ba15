/* SPDX-License-Identifier: Apache-2.0 */
/* The grammar of conditions, loosest first:
 *
 *     expr        conjunction (or conjunction)*
 *     conjunction denial (and denial)*
 *     denial      (not | defined)* relation
 *     relation    primary (== != < <= > >= contains ... matches) primary | Q of ... | for ... |
 *                 with ... | primary
 *     primary     | ^ & << >> + - * \ % in this order, each to the left
 *     unit        literals, strings, fields, ( expr ), - unit, ~ unit
 *
 * Unlike in C, | ^ & bind tighter than comparisons, which do not chain. Where YARA's grammar asks
 * for a primary in parentheses, types decide here. */
#include "rules/yara/compiler.h"

#include "base/arith.h"
#include "base/text.h"

enum { MANY_NAMES = 1000 }; /* among more, the nearest is not looked for */

bool kj_yara_enter(kj_yara_compiler *c)
{
    /* Operators that come to nothing in the tree count here, so twice as many are allowed. */
    if (c->depth >= 2 * KJ_EXPR_MAX_DEPTH) {
        kj_yara_error_at(c, c->token, NULL, "the condition is nested too deep");
        return false;
    }
    c->depth++;
    return true;
}

void kj_yara_leave(kj_yara_compiler *c)
{
    c->depth--;
}

/* ---- logic --------------------------------------------------------------------------------- */

static kj_expr *read_relation(kj_yara_compiler *c);

static kj_expr *read_denial(kj_yara_compiler *c)
{
    kj_token sign = c->token;
    if (sign.kind != KJ_TOK_NOT && sign.kind != KJ_TOK_DEFINED)
        return read_relation(c);
    if (!kj_yara_enter(c))
        return NULL;
    kj_yara_advance(c);
    kj_expr *operand = read_denial(c);
    kj_yara_leave(c);
    /* `defined` asks about the value itself, whatever its type. */
    if (sign.kind == KJ_TOK_NOT || (operand && operand->type > KJ_TYPE_STRING))
        operand = kj_yara_to_bool(c, operand);
    if (!operand)
        return NULL;
    kj_op op = sign.kind == KJ_TOK_NOT ? KJ_OP_NOT : KJ_OP_DEFINED;
    return kj_yara_with_args(c, kj_yara_new(c, op, KJ_TYPE_BOOL, sign.offset), operand, NULL);
}

/* Makes one node of the operands so far when no more fit into one. */
static bool fold_operands(kj_yara_compiler *c, kj_op op, size_t base)
{
    if (c->items.count - base < KJ_EXPR_MAX_ARGS)
        return true;
    size_t offset = c->items.items[base]->offset;
    kj_expr *joined = kj_yara_new(c, op, KJ_TYPE_BOOL, offset);
    return kj_yara_push(c, kj_yara_take_args(c, joined, base));
}

/* Operands joined by `sign`: the one operand as it is, or a node of all. */
static kj_expr *read_joined(kj_yara_compiler *c, kj_tok sign, kj_op op,
                            kj_expr *(*read)(kj_yara_compiler *c))
{
    size_t base = c->items.count;
    kj_token first = c->token;
    kj_expr *operand = read(c);
    if (!operand || c->token.kind != sign)
        return operand;
    operand = kj_yara_to_bool(c, operand);
    if (!kj_yara_push(c, operand))
        return NULL;
    while (kj_yara_accept(c, sign)) {
        kj_yara_lint_operand(c, op, operand);
        if (!fold_operands(c, op, base))
            return NULL;
        operand = kj_yara_to_bool(c, read(c));
        if (!kj_yara_push(c, operand))
            return NULL;
    }
    return kj_yara_take_args(c, kj_yara_new(c, op, KJ_TYPE_BOOL, first.offset), base);
}

static kj_expr *read_conjunction(kj_yara_compiler *c)
{
    return read_joined(c, KJ_TOK_AND, KJ_OP_AND, read_denial);
}

kj_expr *kj_yara_read_expr(kj_yara_compiler *c)
{
    if (!kj_yara_enter(c))
        return NULL;
    kj_expr *expr = read_joined(c, KJ_TOK_OR, KJ_OP_OR, read_conjunction);
    kj_yara_leave(c);
    return expr;
}

kj_expr *kj_yara_read_bool(kj_yara_compiler *c)
{
    return kj_yara_to_bool(c, kj_yara_read_expr(c));
}

/* ---- relations ----------------------------------------------------------------------------- */

static kj_expr *compare_strings(kj_yara_compiler *c, kj_op op, kj_token sign, kj_expr *a,
                                kj_expr *b)
{
    a = kj_yara_to_string(c, a, "searched as a string");
    b = kj_yara_to_string(c, b, "searched for as a string");
    return kj_yara_with_args(c, kj_yara_new(c, op, KJ_TYPE_BOOL, sign.offset), a, b);
}

static kj_expr *match(kj_yara_compiler *c, kj_op op, kj_token sign, kj_expr *a, kj_expr *b)
{
    a = kj_yara_to_string(c, a, "matched");
    if (a && b && b->op != KJ_OP_REGEX && b->type != KJ_TYPE_UNDEFINED) {
        kj_yara_error(c, b->offset, 1, "write it as /.../", "'matches' takes a regular expression");
        b = kj_yara_new_wrong(c, b->offset);
    }
    return kj_yara_with_args(c, kj_yara_new(c, op, KJ_TYPE_BOOL, sign.offset), a, b);
}

static const struct {
    kj_tok token;
    kj_op op;
    kj_expr *(*build)(kj_yara_compiler *c, kj_op op, kj_token sign, kj_expr *a, kj_expr *b);
} relations[] = {
    {KJ_TOK_EQ, KJ_OP_EQ, kj_yara_compare},
    {KJ_TOK_NE, KJ_OP_NE, kj_yara_compare},
    {KJ_TOK_LT, KJ_OP_LT, kj_yara_compare},
    {KJ_TOK_LE, KJ_OP_LE, kj_yara_compare},
    {KJ_TOK_GT, KJ_OP_GT, kj_yara_compare},
    {KJ_TOK_GE, KJ_OP_GE, kj_yara_compare},
    {KJ_TOK_CONTAINS, KJ_OP_CONTAINS, compare_strings},
    {KJ_TOK_ICONTAINS, KJ_OP_ICONTAINS, compare_strings},
    {KJ_TOK_STARTSWITH, KJ_OP_STARTSWITH, compare_strings},
    {KJ_TOK_ISTARTSWITH, KJ_OP_ISTARTSWITH, compare_strings},
    {KJ_TOK_ENDSWITH, KJ_OP_ENDSWITH, compare_strings},
    {KJ_TOK_IENDSWITH, KJ_OP_IENDSWITH, compare_strings},
    {KJ_TOK_IEQUALS, KJ_OP_IEQUALS, compare_strings},
    {KJ_TOK_MATCHES, KJ_OP_MATCHES, match},
};

static size_t find_relation(kj_tok kind)
{
    size_t i = 0;
    while (i < KJ_COUNT(relations) && relations[i].token != kind)
        i++;
    return i;
}

/* What may follow a primary: a comparison, or `of` after a number. */
static kj_expr *read_after_primary(kj_yara_compiler *c, kj_expr *a, size_t offset)
{
    if (c->token.kind == KJ_TOK_OF)
        return kj_yara_read_of(c, KJ_Q_COUNT, a, offset);
    if (c->token.kind == KJ_TOK_PERCENT && kj_yara_peek(c).kind == KJ_TOK_OF) {
        kj_yara_advance(c);
        return kj_yara_read_of(c, KJ_Q_PERCENT, a, offset);
    }
    size_t which = find_relation(c->token.kind);
    if (which >= KJ_COUNT(relations))
        return a;
    kj_token sign = c->token;
    kj_yara_advance(c);
    kj_expr *b = kj_yara_read_primary(c);
    if (!b)
        return NULL;
    if (find_relation(c->token.kind) < KJ_COUNT(relations)) {
        kj_yara_error_at(c, c->token, "join two comparisons by 'and'", "comparisons do not chain");
        return NULL;
    }
    return relations[which].build(c, relations[which].op, sign, a, b);
}

static kj_expr *read_relation(kj_yara_compiler *c)
{
    kj_token token = c->token;
    if (token.kind == KJ_TOK_FOR)
        return kj_yara_read_for(c);
    if (token.kind == KJ_TOK_ALL || token.kind == KJ_TOK_ANY || token.kind == KJ_TOK_NONE)
        return kj_yara_read_quantified(c);
    if (token.kind == KJ_TOK_IDENTIFIER && kj_span_is(token.text, "with") &&
        kj_yara_peek(c).kind == KJ_TOK_IDENTIFIER)
        return kj_yara_read_with(c);
    kj_expr *a = kj_yara_read_primary(c);
    return a ? read_after_primary(c, a, token.offset) : NULL;
}

/* ---- arithmetic ---------------------------------------------------------------------------- */

enum { LEVELS = 6 };

static const struct {
    kj_tok token;
    kj_op op;
    unsigned level; /* how tight it binds */
} operators[] = {
    {KJ_TOK_BAR, KJ_OP_BIT_OR, 0},        {KJ_TOK_CARET, KJ_OP_BIT_XOR, 1},
    {KJ_TOK_AMPERSAND, KJ_OP_BIT_AND, 2}, {KJ_TOK_SHL, KJ_OP_SHL, 3},
    {KJ_TOK_SHR, KJ_OP_SHR, 3},           {KJ_TOK_PLUS, KJ_OP_ADD, 4},
    {KJ_TOK_MINUS, KJ_OP_SUB, 4},         {KJ_TOK_STAR, KJ_OP_MUL, 5},
    {KJ_TOK_BACKSLASH, KJ_OP_DIV, 5},     {KJ_TOK_PERCENT, KJ_OP_MOD, 5},
};

static kj_expr *read_unit(kj_yara_compiler *c);

/* Whether the `%` that stands here is a quantifier's: `of` comes next, or the variables of a loop
 * and `in`, as YARA-X has it. */
static bool ends_percentage(const kj_yara_compiler *c)
{
    kj_lexer ahead = c->lexer;
    kj_tok kind = kj_lexer_next(&ahead).kind;
    if (kind != KJ_TOK_IDENTIFIER)
        return kind == KJ_TOK_OF;
    kind = kj_lexer_next(&ahead).kind;
    if (kind == KJ_TOK_COMMA && kj_lexer_next(&ahead).kind == KJ_TOK_IDENTIFIER)
        kind = kj_lexer_next(&ahead).kind;
    return kind == KJ_TOK_IN;
}

/* The operator of `level` that stands here, or the table's length. The `%` of a percentage is none.
 */
static size_t find_operator(const kj_yara_compiler *c, unsigned level)
{
    kj_tok kind = c->token.kind;
    size_t i = 0;
    while (i < KJ_COUNT(operators) && (operators[i].token != kind || operators[i].level != level))
        i++;
    if (kind == KJ_TOK_PERCENT && ends_percentage(c))
        return KJ_COUNT(operators);
    return i;
}

static kj_expr *read_level(kj_yara_compiler *c, unsigned level)
{
    if (level == LEVELS)
        return read_unit(c);
    kj_expr *a = read_level(c, level + 1);
    for (size_t i; a && (i = find_operator(c, level)) < KJ_COUNT(operators);) {
        kj_token sign = c->token;
        kj_yara_advance(c);
        a = kj_yara_arithmetic(c, operators[i].op, sign, a, read_level(c, level + 1));
    }
    return a;
}

kj_expr *kj_yara_read_primary(kj_yara_compiler *c)
{
    if (!kj_yara_enter(c))
        return NULL;
    kj_expr *expr = read_level(c, 0);
    kj_yara_leave(c);
    return expr;
}

kj_expr *kj_yara_read_int(kj_yara_compiler *c, const char *role)
{
    return kj_yara_to_int(c, kj_yara_read_primary(c), role);
}

/* ---- units --------------------------------------------------------------------------------- */

void kj_yara_check_range(kj_yara_compiler *c, const kj_expr *from, const kj_expr *to)
{
    if (from->op != KJ_OP_INT || to->op != KJ_OP_INT)
        return;
    if (from->integer > to->integer)
        kj_yara_error(c, from->offset, c->last_end - 1 - from->offset, NULL,
                      "a range that ends before it starts");
    else if (from->integer < 0)
        kj_yara_error(c, from->offset, 1, NULL, "a range cannot start below 0");
}

bool kj_yara_read_range(kj_yara_compiler *c, kj_expr **out_from, kj_expr **out_to)
{
    if (!kj_yara_expect(c, KJ_TOK_OPEN, "'in'"))
        return false;
    *out_from = kj_yara_read_int(c, "the start of a range");
    if (!*out_from || !kj_yara_expect(c, KJ_TOK_DOT_DOT, "the start of a range"))
        return false;
    *out_to = kj_yara_read_int(c, "the end of a range");
    if (!*out_to || !kj_yara_expect(c, KJ_TOK_CLOSE, "the end of a range"))
        return false;
    kj_yara_check_range(c, *out_from, *out_to);
    return true;
}

static void mark_used(kj_yara_compiler *c, const kj_named *named)
{
    c->used.items[named->value - c->first_pattern] = true;
}

/* The nearest name is taken to be meant, so that nobody hears that it is not used. */
static void unknown_pattern(kj_yara_compiler *c, kj_token token)
{
    kj_nearest nearest = {.wanted = kj_span_sub(token.text, 1, SIZE_MAX)};
    kj_named *meant = NULL;
    size_t count = c->pattern_names.list.count;
    for (size_t i = 0; i < count && count < MANY_NAMES && kj_yara_may_suggest(c); i++) {
        kj_named *named = &c->pattern_names.list.items[i];
        kj_span best = nearest.best, name = kj_span_sub(named->name, 1, SIZE_MAX);
        kj_nearest_add(&nearest, name);
        meant = nearest.best.data == best.data ? meant : named;
    }
    const char *hint = NULL;
    if (meant) {
        mark_used(c, meant);
        hint = kj_arena_printf(&c->ir->arena, "did you mean '%c%.*s'?", token.text.data[0],
                               (int)nearest.best.len, (const char *)nearest.best.data);
    }
    kj_yara_error_at(c, token, hint, "the rule has no string '$%.*s'", (int)nearest.wanted.len,
                     (const char *)nearest.wanted.data);
}

/* A pattern's name as the strings section has it, with `$` for whatever stands there. */
static kj_named *find_by_name(kj_yara_compiler *c, kj_span name)
{
    char text[KJ_YARA_MAX_IDENTIFIER + 2] = "$";
    if (name.len > sizeof text - 1)
        return NULL;
    memcpy(text + 1, name.data + 1, name.len - 1);
    return kj_names_find(&c->pattern_names, kj_span_of(text, name.len));
}

bool kj_yara_find_pattern(kj_yara_compiler *c, kj_token token, uint32_t *out_index)
{
    *out_index = KJ_NONE;
    if (token.text.len == 1 && c->in_for_of)
        return true;
    if (token.text.len == 1) {
        kj_yara_error_at(c, token, "it means the current string of 'for ... of'",
                         "'%c' alone has no meaning here", token.text.data[0]);
        return false;
    }
    kj_named *named = find_by_name(c, token.text);
    if (!named) {
        unknown_pattern(c, token);
        return false;
    }
    mark_used(c, named);
    *out_index = named->value;
    return true;
}

/* A node about the pattern that the current token names, which is consumed. */
static kj_expr *new_about_pattern(kj_yara_compiler *c, kj_op op, kj_type type)
{
    kj_token token = c->token;
    uint32_t index;
    bool found = kj_yara_find_pattern(c, token, &index);
    kj_yara_advance(c);
    kj_expr *expr = kj_yara_new(c, op, found ? type : KJ_TYPE_UNDEFINED, token.offset);
    if (expr)
        expr->index = index;
    return expr;
}

static kj_expr *read_found(kj_yara_compiler *c)
{
    kj_expr *from, *to;
    kj_expr *expr = new_about_pattern(c, KJ_OP_FOUND, KJ_TYPE_BOOL);
    if (expr && kj_yara_accept(c, KJ_TOK_AT)) {
        expr->op = KJ_OP_FOUND_AT;
        return kj_yara_with_args(c, expr, kj_yara_read_int(c, "an offset"), NULL);
    }
    if (expr && kj_yara_accept(c, KJ_TOK_IN)) {
        expr->op = KJ_OP_FOUND_IN;
        return kj_yara_read_range(c, &from, &to) ? kj_yara_with_args(c, expr, from, to) : NULL;
    }
    return expr;
}

static kj_expr *read_count(kj_yara_compiler *c)
{
    kj_expr *from, *to;
    kj_expr *expr = new_about_pattern(c, KJ_OP_COUNT_OF, KJ_TYPE_INT);
    if (!expr || !kj_yara_accept(c, KJ_TOK_IN))
        return expr;
    return kj_yara_read_range(c, &from, &to) ? kj_yara_with_args(c, expr, from, to) : NULL;
}

/* `@a[i]` and `!a[i]`; without an index the first match. */
static kj_expr *read_nth(kj_yara_compiler *c)
{
    kj_token token = c->token;
    kj_op op = token.kind == KJ_TOK_PATTERN_OFFSET ? KJ_OP_OFFSET_OF : KJ_OP_LENGTH_OF;
    kj_expr *expr = new_about_pattern(c, op, KJ_TYPE_INT);
    if (!expr || !kj_yara_accept(c, KJ_TOK_OPEN_BRACKET))
        return expr ? kj_yara_with_args(c, expr, kj_yara_new_int(c, 1, token.offset), NULL) : NULL;
    kj_expr *index = kj_yara_read_int(c, "the number of a match");
    if (index && c->options->strict && index->op == KJ_OP_INT && index->integer < 1)
        kj_yara_error(c, index->offset, 1, NULL, "matches are counted from 1");
    if (!index || !kj_yara_expect(c, KJ_TOK_CLOSE_BRACKET, "the index"))
        return NULL;
    return kj_yara_with_args(c, expr, index, NULL);
}

static kj_expr *read_integer(kj_yara_compiler *c)
{
    int64_t value;
    kj_token token = c->token;
    kj_yara_advance(c);
    if (kj_token_integer(token.text, &value))
        return kj_yara_new_int(c, value, token.offset);
    kj_yara_error_at(c, token, "the largest integer is 9223372036854775807",
                     "this integer is too large");
    return kj_yara_new_wrong(c, token.offset);
}

/* Digits, a point, digits: no library function, because those follow the locale. */
static kj_expr *read_real(kj_yara_compiler *c)
{
    long double value = 0, unit = 0;
    kj_token token = c->token;
    for (size_t i = 0; i < token.text.len; i++) {
        if (token.text.data[i] == '.') {
            unit = 1;
        } else {
            value = value * 10 + (token.text.data[i] - '0');
            unit *= 10;
        }
    }
    kj_yara_advance(c);
    kj_expr *expr = kj_yara_new(c, KJ_OP_REAL, KJ_TYPE_REAL, token.offset);
    if (expr)
        expr->real = (double)(value / unit);
    return expr;
}

static kj_expr *read_string(kj_yara_compiler *c)
{
    kj_span text;
    kj_token token = c->token;
    bool ok = kj_yara_read_text(c, token, &text);
    kj_yara_advance(c);
    if (!ok)
        return c->no_memory ? NULL : kj_yara_new_wrong(c, token.offset);
    kj_expr *expr = kj_yara_new(c, KJ_OP_STRING, KJ_TYPE_STRING, token.offset);
    if (expr)
        expr->text = text;
    return expr;
}

static kj_expr *read_regex(kj_yara_compiler *c)
{
    kj_token token = c->token;
    uint32_t index = kj_yara_add_regex(c, token);
    kj_yara_advance(c);
    if (index == KJ_NONE)
        return c->no_memory ? NULL : kj_yara_new_wrong(c, token.offset);
    kj_expr *expr = kj_yara_new(c, KJ_OP_REGEX, KJ_TYPE_REGEX, token.offset);
    if (expr)
        expr->index = index;
    return expr;
}

static kj_expr *read_literal_bool(kj_yara_compiler *c)
{
    kj_token token = c->token;
    kj_yara_advance(c);
    return kj_yara_new_bool(c, token.kind == KJ_TOK_TRUE, token.offset);
}

static kj_expr *read_about_object(kj_yara_compiler *c)
{
    kj_token token = c->token;
    kj_yara_advance(c);
    kj_op op = token.kind == KJ_TOK_FILESIZE ? KJ_OP_FILESIZE : KJ_OP_ENTRYPOINT;
    static const char hint[] = "use pe.entry_point or elf.entry_point";
    if (op == KJ_OP_ENTRYPOINT && c->options->strict)
        kj_yara_error_at(c, token, hint, "entrypoint is not part of the language any more");
    else if (op == KJ_OP_ENTRYPOINT)
        kj_yara_warn(c, token.offset, token.text.len, hint, "entrypoint is deprecated");
    return kj_yara_new(c, op, KJ_TYPE_INT, token.offset);
}

static kj_expr *read_bytes(kj_yara_compiler *c)
{
    kj_token token = c->token;
    kj_yara_advance(c);
    if (!kj_yara_expect(c, KJ_TOK_OPEN, "the function's name"))
        return NULL;
    kj_expr *offset = kj_yara_read_int(c, "an offset");
    if (!offset || !kj_yara_expect(c, KJ_TOK_CLOSE, "the offset"))
        return NULL;
    kj_type type = token.value & KJ_READ_REAL ? KJ_TYPE_REAL : KJ_TYPE_INT;
    kj_expr *expr = kj_yara_new(c, KJ_OP_READ, type, token.offset);
    if (expr)
        expr->index = token.value;
    return kj_yara_with_args(c, expr, offset, NULL);
}

static const char *kind_of_place(kj_yara_compiler *c, kj_yara_place place, size_t offset)
{
    if (kj_yara_place_count(c, &place, offset))
        return "has several elements: index it, use .len(), or loop over it with 'for'";
    if (place.len == 0)
        return "is a module: name one of its members with '.'";
    if (kj_yara_place_append(&place, kj_span_str("()")) && kj_yara_place_exists(&place))
        return "is a function: call it with (...)";
    return "is a structure: name one of its members with '.'";
}

static kj_expr *read_identifier(kj_yara_compiler *c)
{
    kj_yara_place place;
    kj_expr *value = NULL;
    size_t offset = c->token.offset;
    if (!kj_yara_read_reference(c, &value, &place) || value)
        return value;
    if (c->wish.place && c->wish.offset == offset) {
        *c->wish.place = place;
        return kj_yara_new(c, KJ_OP_FIELD, KJ_TYPE_ARRAY, offset);
    }
    const char *kind = kind_of_place(c, place, offset);
    if (c->no_memory)
        return NULL;
    kj_yara_error(c, offset, c->last_end - offset, NULL, "this %s", kind);
    return kj_yara_new_wrong(c, offset);
}

static kj_expr *read_parenthesized(kj_yara_compiler *c)
{
    kj_yara_advance(c);
    kj_expr *expr = kj_yara_read_expr(c);
    return expr && kj_yara_expect(c, KJ_TOK_CLOSE, "the expression") ? expr : NULL;
}

static kj_expr *read_prefixed(kj_yara_compiler *c)
{
    kj_token sign = c->token;
    if (!kj_yara_enter(c))
        return NULL;
    kj_yara_advance(c);
    kj_expr *operand = read_unit(c);
    kj_yara_leave(c);
    kj_op op = sign.kind == KJ_TOK_MINUS ? KJ_OP_NEG : KJ_OP_BIT_NOT;
    return operand ? kj_yara_negate(c, op, sign, operand) : NULL;
}

static kj_expr *(*const units[KJ_TOK_COUNT])(kj_yara_compiler *c) = {
    [KJ_TOK_TRUE] = read_literal_bool,
    [KJ_TOK_FALSE] = read_literal_bool,
    [KJ_TOK_INTEGER] = read_integer,
    [KJ_TOK_REAL] = read_real,
    [KJ_TOK_TEXT] = read_string,
    [KJ_TOK_REGEX] = read_regex,
    [KJ_TOK_READ] = read_bytes,
    [KJ_TOK_FILESIZE] = read_about_object,
    [KJ_TOK_ENTRYPOINT] = read_about_object,
    [KJ_TOK_PATTERN] = read_found,
    [KJ_TOK_PATTERN_COUNT] = read_count,
    [KJ_TOK_PATTERN_OFFSET] = read_nth,
    [KJ_TOK_PATTERN_LENGTH] = read_nth,
    [KJ_TOK_IDENTIFIER] = read_identifier,
    [KJ_TOK_OPEN] = read_parenthesized,
    [KJ_TOK_MINUS] = read_prefixed,
    [KJ_TOK_TILDE] = read_prefixed,
};

static kj_expr *read_unit(kj_yara_compiler *c)
{
    if (units[c->token.kind])
        return units[c->token.kind](c);
    kj_yara_unexpected(c, "an expression");
    return NULL;
}
