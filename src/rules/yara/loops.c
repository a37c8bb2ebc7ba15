/* SPDX-License-Identifier: Apache-2.0 */
/* Quantifiers and the scopes of variables:
 *
 *     Q of (items) | Q of them        [in (a..b) | at e]
 *     for Q of (strings) : ( body )
 *     for Q i in (a..b) : ( body )            for Q i in (x, y, ...) : ( body )
 *     for Q i in module.array : ( body )      for Q k, v in module.dictionary : ( body )
 *     with a = e, b = f : ( body )
 *
 * Q is all, any, none, a number, or a percentage. An item of `of` is a string, `$prefix*`, a
 * rule, `rule_prefix*`, or (as in YARA-X) any condition. A variable over an array is a place in
 * the module, its index the loop's slot; so are the key and the value over a dictionary, whose
 * n-th entry `{}` takes an integer for, and `{#}` is its key. */
#include "rules/yara/compiler.h"

#include "base/arith.h"

/* ---- the sets of `of` ----------------------------------------------------------------------- */

static bool push_found(kj_yara_compiler *c, uint32_t index, size_t offset)
{
    kj_expr *expr = kj_yara_new(c, KJ_OP_FOUND, KJ_TYPE_BOOL, offset);
    if (!expr)
        return false;
    expr->index = index;
    c->used.items[index - c->first_pattern] = true;
    return kj_yara_push(c, expr);
}

/* Every string of the rule whose identifier begins with `prefix`; those of conditions have none. */
static bool push_matching(kj_yara_compiler *c, kj_token token, kj_span prefix)
{
    size_t base = c->items.count;
    for (size_t i = c->first_pattern; i < c->ir->patterns.count; i++) {
        kj_span name = c->ir->patterns.items[i].identifier;
        if (name.len && kj_span_starts(name, prefix) && !push_found(c, (uint32_t)i, token.offset))
            return false;
    }
    if (c->items.count == base)
        kj_yara_error_at(c, token, NULL, "the rule has no %s",
                         prefix.len > 1 ? "string of such a name" : "strings");
    return true;
}

static bool push_pattern(kj_yara_compiler *c, kj_token token)
{
    uint32_t index;
    if (!kj_yara_find_pattern(c, token, &index))
        return kj_yara_push(c, kj_yara_new_wrong(c, token.offset));
    if (index != KJ_NONE)
        return push_found(c, index, token.offset);
    return kj_yara_push(c, kj_yara_new(c, KJ_OP_FOUND, KJ_TYPE_BOOL, token.offset));
}

static bool push_rules(kj_yara_compiler *c, kj_token token)
{
    size_t base = c->items.count;
    for (size_t i = 0; i < c->rules.list.count; i++) {
        kj_named *named = &c->rules.list.items[i];
        if (!kj_span_starts(named->name, token.text))
            continue;
        kj_expr *expr = named->value == KJ_NONE
                            ? kj_yara_new_wrong(c, token.offset)
                            : kj_yara_new(c, KJ_OP_RULE, KJ_TYPE_BOOL, token.offset);
        if (!kj_yara_push(c, expr))
            return false;
        expr->index = named->value;
    }
    /* The rule itself is one of them, and false in its own condition. */
    if (kj_span_starts(c->rule_name, token.text) &&
        !kj_yara_push(c, kj_yara_new_bool(c, false, token.offset)))
        return false;
    if (c->items.count == base)
        kj_yara_error_at(c, token, "rules are known below where they stand",
                         "no rule above has such a name");
    return kj_yara_bar(c, token.text);
}

/* Whether `name *` stands here as an item of its own, not as a product. */
static bool at_rule_set(const kj_yara_compiler *c)
{
    kj_lexer ahead = c->lexer;
    if (c->token.kind != KJ_TOK_IDENTIFIER || kj_lexer_next(&ahead).kind != KJ_TOK_STAR)
        return false;
    kj_tok next = kj_lexer_next(&ahead).kind;
    return next == KJ_TOK_COMMA || next == KJ_TOK_CLOSE;
}

static bool ends_item(kj_token token)
{
    return token.kind == KJ_TOK_COMMA || token.kind == KJ_TOK_CLOSE;
}

static bool push_item(kj_yara_compiler *c, bool *only_patterns)
{
    kj_token token = c->token;
    if (token.kind == KJ_TOK_PATTERN_SET) {
        kj_yara_advance(c);
        return push_matching(c, token, kj_span_sub(token.text, 0, token.text.len - 1));
    }
    if (token.kind == KJ_TOK_PATTERN && ends_item(kj_yara_peek(c))) {
        kj_yara_advance(c);
        return push_pattern(c, token);
    }
    *only_patterns = false;
    if (at_rule_set(c)) {
        if (c->options->strict)
            kj_yara_error_at(c, token, "name each rule", "'of' does not take rules by prefix");
        kj_yara_advance(c);
        kj_yara_advance(c);
        return push_rules(c, token);
    }
    return kj_yara_push(c, kj_yara_read_bool(c));
}

/* Pushes the items of a set. */
static bool read_set(kj_yara_compiler *c, bool *only_patterns)
{
    kj_token token = c->token;
    *only_patterns = true;
    if (kj_yara_accept(c, KJ_TOK_THEM))
        return push_matching(c, token, kj_span_str("$"));
    if (!kj_yara_expect(c, KJ_TOK_OPEN, "'of'"))
        return false;
    do {
        if (!push_item(c, only_patterns))
            return false;
    } while (kj_yara_accept(c, KJ_TOK_COMMA));
    return kj_yara_expect(c, KJ_TOK_CLOSE, "the set");
}

/* ---- quantifiers --------------------------------------------------------------------------- */

/* A number as far as it is known: an external variable stands for the value that it has now, which
 * is how libyara checks it. */
static bool known_number(const kj_yara_compiler *c, const kj_expr *expr, int64_t *out)
{
    if (expr->op != KJ_OP_INT && expr->op != KJ_OP_EXTERNAL)
        return false;
    *out =
        expr->op == KJ_OP_INT ? expr->integer : c->ir->externals.items[expr->index].value.integer;
    return true;
}

/* The number or percentage, checked as far as it is known. */
static kj_expr *check_count(kj_yara_compiler *c, kj_quantifier quantifier, kj_expr *count)
{
    int64_t value;
    count = kj_yara_to_int(c, count, "a number of items");
    if (!count || !known_number(c, count, &value))
        return count;
    bool is_percentage = quantifier == KJ_Q_PERCENT;
    if (is_percentage ? value >= 1 && value <= 100 : value >= 0)
        return count;
    kj_yara_error(c, count->offset, 1, NULL, "%s",
                  is_percentage ? "a percentage is from 1 to 100" : "a count cannot be negative");
    return kj_yara_new_wrong(c, count->offset);
}

static kj_quantifier quantifier_of(kj_tok kind)
{
    return kind == KJ_TOK_ALL ? KJ_Q_ALL : kind == KJ_TOK_ANY ? KJ_Q_ANY : KJ_Q_NO;
}

/* *out_count stays NULL where there is none. */
static bool read_quantifier(kj_yara_compiler *c, kj_quantifier *out, kj_expr **out_count)
{
    kj_tok kind = c->token.kind;
    *out_count = NULL;
    if (kind == KJ_TOK_ALL || kind == KJ_TOK_ANY || kind == KJ_TOK_NONE) {
        *out = quantifier_of(kind);
        kj_yara_advance(c);
        return true;
    }
    *out = KJ_Q_COUNT;
    *out_count = kj_yara_read_primary(c);
    if (*out_count && kj_yara_accept(c, KJ_TOK_PERCENT))
        *out = KJ_Q_PERCENT;
    *out_count = check_count(c, *out, *out_count);
    return *out_count != NULL;
}

static kj_expr *new_quantified(kj_yara_compiler *c, kj_op op, kj_quantifier quantifier,
                               size_t offset)
{
    kj_expr *expr = kj_yara_new(c, op, KJ_TYPE_BOOL, offset);
    if (expr)
        expr->quantifier = quantifier;
    return expr;
}

/* ---- `of` ---------------------------------------------------------------------------------- */

/* A value that many nodes need, computed once: what is left to wrap is in *out_slot. */
static kj_expr *share(kj_yara_compiler *c, kj_expr *value, uint32_t *out_slot)
{
    *out_slot = KJ_NONE;
    if (!value || kj_yara_is_leaf(value))
        return value;
    if (c->slot_count >= KJ_EXPR_MAX_VARIABLES) {
        kj_yara_error(c, value->offset, 1, NULL, "too many variables at once");
        return kj_yara_new_wrong(c, value->offset);
    }
    *out_slot = c->slot_count++;
    return kj_yara_new_variable(c, value->type, *out_slot, value->offset);
}

static kj_expr *wrap(kj_yara_compiler *c, kj_expr *value, uint32_t slot, kj_expr *body)
{
    if (slot == KJ_NONE || !body || !value)
        return body;
    kj_expr *with = kj_yara_new(c, KJ_OP_WITH, KJ_TYPE_BOOL, value->offset);
    if (with)
        with->index = slot;
    return kj_yara_with_args(c, with, value, body);
}

/* Turns `$a` into `$a at a` or `$a in (a..b)` for each item, and pushes nothing. */
static bool confine(kj_yara_compiler *c, size_t first, kj_op op, kj_expr *a, kj_expr *b)
{
    for (size_t i = first; i < c->items.count; i++) {
        kj_expr *item = c->items.items[i];
        if (item->op != KJ_OP_FOUND)
            continue;
        item->op = op;
        if (!kj_yara_with_args(c, item, a, b))
            return false;
    }
    return true;
}

/* `at e` or `in (a..b)` behind a set whose items were pushed from `first` on; the node takes
 * everything from `base` on. */
static kj_expr *read_confined(kj_yara_compiler *c, kj_expr *of, size_t base, size_t first)
{
    kj_op op = c->token.kind == KJ_TOK_AT ? KJ_OP_FOUND_AT : KJ_OP_FOUND_IN;
    kj_expr *from, *to = NULL;
    uint32_t slots = c->slot_count, from_slot, to_slot = KJ_NONE;
    kj_yara_advance(c);
    if (op == KJ_OP_FOUND_AT)
        from = kj_yara_read_int(c, "an offset");
    else if (!kj_yara_read_range(c, &from, &to))
        return NULL;
    kj_expr *shared_from = share(c, from, &from_slot);
    kj_expr *shared_to = to ? share(c, to, &to_slot) : NULL;
    c->slot_count = slots;
    if (!shared_from || (to && !shared_to) || !confine(c, first, op, shared_from, shared_to))
        return NULL;
    of = kj_yara_take_args(c, of, base);
    return wrap(c, from, from_slot, wrap(c, to, to_slot, of));
}

/* What a number, and what follows, say that cannot be meant: the items begin at `first`. */
static void warn_of_count(kj_yara_compiler *c, kj_quantifier quantifier, const kj_expr *count,
                          size_t first)
{
    size_t items = c->items.count - first;
    int64_t wanted = 0;
    bool known = count && quantifier == KJ_Q_COUNT && known_number(c, count, &wanted);
    if (known && wanted == 0)
        kj_yara_warn(c, count->offset, 1, "write 'none'", "0 of a set is none of it");
    else if (known && wanted > 0 && (uint64_t)wanted > items)
        kj_yara_warn(c, count->offset, 1, NULL, "always false: the set has %zu of the %lld", items,
                     (long long)wanted);
    else if (c->token.kind == KJ_TOK_AT && items > 1 &&
             ((known && wanted > 1) || quantifier == KJ_Q_ALL))
        kj_yara_warn(c, c->token.offset, c->token.text.len, NULL,
                     "several strings at one offset are rarely there");
}

kj_expr *kj_yara_read_of(kj_yara_compiler *c, kj_quantifier quantifier, kj_expr *count,
                         size_t offset)
{
    size_t base = c->items.count;
    bool only_patterns;
    if (count && !kj_yara_push(c, check_count(c, quantifier, count)))
        return NULL;
    size_t first = c->items.count;
    if (!kj_yara_expect(c, KJ_TOK_OF, "the quantifier") || !read_set(c, &only_patterns))
        return NULL;
    warn_of_count(c, quantifier, count, first);
    kj_expr *of = new_quantified(c, KJ_OP_OF, quantifier, offset);
    if (c->token.kind != KJ_TOK_AT && c->token.kind != KJ_TOK_IN)
        return kj_yara_take_args(c, of, base);
    if (!only_patterns) {
        kj_yara_error_at(c, c->token, NULL, "%s goes with strings only",
                         kj_tok_name(c->token.kind));
        return NULL;
    }
    return of ? read_confined(c, of, base, first) : NULL;
}

kj_expr *kj_yara_read_quantified(kj_yara_compiler *c)
{
    kj_token token = c->token;
    kj_yara_advance(c);
    return kj_yara_read_of(c, quantifier_of(token.kind), NULL, token.offset);
}

/* ---- variables ----------------------------------------------------------------------------- */

static kj_yara_variable *add_variable(kj_yara_compiler *c, kj_token name)
{
    for (size_t i = 0; i < c->variable_count; i++)
        if (kj_span_equal(c->variables[i].name, name.text))
            kj_yara_error_at(c, name, NULL, "the variable '%.*s' is in use already",
                             (int)name.text.len, (const char *)name.text.data);
    if (c->variable_count >= KJ_EXPR_MAX_VARIABLES || c->slot_count >= KJ_EXPR_MAX_VARIABLES) {
        kj_yara_error_at(c, name, NULL, "too many variables at once");
        return NULL;
    }
    kj_yara_variable *variable = &c->variables[c->variable_count++];
    *variable = (kj_yara_variable){.name = name.text};
    return variable;
}

/* A variable that holds a value; which slot, the caller has decided. */
static bool add_value(kj_yara_compiler *c, kj_token name, kj_type type, uint32_t slot)
{
    kj_yara_variable *variable = add_variable(c, name);
    if (!variable)
        return false;
    variable->type = type;
    variable->slot = slot;
    return true;
}

static bool add_place(kj_yara_compiler *c, kj_token name, const kj_yara_place *place)
{
    kj_yara_variable *variable = add_variable(c, name);
    if (!variable)
        return false;
    variable->is_place = true;
    variable->place = *place;
    return true;
}

typedef struct settled {
    kj_expr *values[KJ_YARA_MAX_SUBSCRIPTS];
    size_t count;
    uint32_t slot; /* of the first value; the others follow */
} settled;

/* Gives slots to the indices of a place that take computing. Whoever uses the place then shares
 * leaves only; else a chain of variables would grow its tree by powers of two. */
static bool settle(kj_yara_compiler *c, kj_yara_place *place, settled *out)
{
    *out = (settled){.slot = c->slot_count};
    for (size_t i = 0; i < place->arg_count; i++) {
        kj_expr *arg = place->args[i];
        uint32_t slot;
        place->args[i] = share(c, arg, &slot);
        if (!place->args[i])
            return false;
        if (slot != KJ_NONE)
            out->values[out->count++] = arg;
    }
    return true;
}

/* `: ( body )`. */
static kj_expr *read_body(kj_yara_compiler *c, const char *after)
{
    if (!kj_yara_expect(c, KJ_TOK_COLON, after) || !kj_yara_expect(c, KJ_TOK_OPEN, "':'"))
        return NULL;
    kj_expr *body = kj_yara_read_bool(c);
    return body && kj_yara_expect(c, KJ_TOK_CLOSE, "the body of the loop") ? body : NULL;
}

/* ---- for ... of ---------------------------------------------------------------------------- */

static kj_expr *read_for_of(kj_yara_compiler *c, kj_expr *loop, const kj_expr *count, size_t base)
{
    bool only_patterns;
    kj_token of = c->token;
    kj_yara_advance(c);
    if (c->in_for_of) {
        kj_yara_error_at(c, of, NULL, "a 'for ... of' cannot stand inside another");
        return NULL;
    }
    if (!read_set(c, &only_patterns))
        return NULL;
    if (!only_patterns) {
        kj_yara_error_at(c, of, NULL, "'for ... of' goes over strings only");
        return NULL;
    }
    warn_of_count(c, loop->quantifier, count, base + (count != NULL));
    c->in_for_of = true;
    kj_expr *body = read_body(c, "the set");
    c->in_for_of = false;
    return kj_yara_push(c, body) ? kj_yara_take_args(c, loop, base) : NULL;
}

/* ---- for ... in ---------------------------------------------------------------------------- */

enum { MAX_NAMES = 2 };

typedef struct iteration {
    kj_token names[MAX_NAMES];
    size_t count;
    kj_expr *loop;
    size_t base; /* of the loop's items */
} iteration;

static bool check_names(kj_yara_compiler *c, const iteration *it, size_t wanted, const char *over)
{
    if (it->count == wanted)
        return true;
    kj_yara_error_at(c, it->names[0], NULL, "a loop over %s has %s", over,
                     wanted == 1 ? "one variable" : "two variables, the key and the value");
    return false;
}

/* The loop's variables are in scope; reads the body and finishes the node. */
static kj_expr *read_loop_body(kj_yara_compiler *c, const iteration *it, uint32_t slot)
{
    it->loop->index = slot;
    kj_expr *body = read_body(c, "what the loop goes over");
    return kj_yara_push(c, body) ? kj_yara_take_args(c, it->loop, it->base) : NULL;
}

static kj_expr *read_over_values(kj_yara_compiler *c, const iteration *it, kj_type type)
{
    uint32_t slot = c->slot_count;
    if (!check_names(c, it, 1, "values") || !add_value(c, it->names[0], type, slot))
        return NULL;
    c->slot_count++;
    return read_loop_body(c, it, slot);
}

static kj_expr *read_over_range(kj_yara_compiler *c, const iteration *it, kj_expr *from)
{
    from = kj_yara_to_int(c, from, "the start of a range");
    kj_expr *to = kj_yara_read_int(c, "the end of a range");
    if (!from || !to || !kj_yara_expect(c, KJ_TOK_CLOSE, "the end of a range"))
        return NULL;
    kj_yara_check_range(c, from, to);
    it->loop->op = KJ_OP_FOR_RANGE;
    if (!kj_yara_push(c, from) || !kj_yara_push(c, to))
        return NULL;
    return read_over_values(c, it, KJ_TYPE_INT);
}

/* All integers, all strings or, as in YARA-X, all floating-point numbers. */
static kj_expr *check_element(kj_yara_compiler *c, kj_expr *element, kj_type type)
{
    element = kj_yara_as_number(element);
    if (!element)
        return NULL;
    if (type == KJ_TYPE_REAL)
        return kj_yara_only_real(c, element, "among floating-point numbers");
    return type == KJ_TYPE_STRING ? kj_yara_to_string(c, element, "among strings")
                                  : kj_yara_to_int(c, element, "among integers");
}

static kj_expr *read_over_list(kj_yara_compiler *c, const iteration *it, kj_expr *element)
{
    kj_type type = element->type == KJ_TYPE_STRING || element->type == KJ_TYPE_REAL ? element->type
                                                                                    : KJ_TYPE_INT;
    if (!kj_yara_push(c, check_element(c, element, type)))
        return NULL;
    while (kj_yara_accept(c, KJ_TOK_COMMA))
        if (!kj_yara_push(c, check_element(c, kj_yara_read_primary(c), type)))
            return NULL;
    if (!kj_yara_expect(c, KJ_TOK_CLOSE, "the values"))
        return NULL;
    it->loop->op = KJ_OP_FOR_LIST;
    return read_over_values(c, it, type);
}

static kj_expr *read_over_parenthesized(kj_yara_compiler *c, const iteration *it)
{
    kj_yara_advance(c);
    kj_expr *first = kj_yara_read_primary(c);
    if (!first)
        return NULL;
    if (kj_yara_accept(c, KJ_TOK_DOT_DOT))
        return read_over_range(c, it, first);
    return read_over_list(c, it, first);
}

/* The place of the n-th key: "name{}" becomes "name{#}". */
static bool key_place(kj_yara_place *place)
{
    place->len -= 2;
    return kj_yara_place_append(place, kj_span_str("{#}")) && kj_yara_place_exists(place);
}

static bool add_members(kj_yara_compiler *c, const iteration *it, kj_yara_place *place,
                        uint32_t slot)
{
    kj_expr *index = kj_yara_new_variable(c, KJ_TYPE_INT, slot, it->names[0].offset);
    if (!index)
        return false;
    if (!kj_yara_place_push(place, index)) {
        kj_yara_error_at(c, it->names[0], NULL, "this path has too many indices");
        return false;
    }
    if (it->count == 1)
        return add_place(c, it->names[0], place);
    kj_yara_place key = *place;
    if (!key_place(&key)) {
        kj_yara_error_at(c, it->names[0], NULL, "the keys of this dictionary are not known");
        return false;
    }
    return add_place(c, it->names[0], &key) && add_place(c, it->names[1], place);
}

static kj_expr *read_over_place(kj_yara_compiler *c, const iteration *it)
{
    kj_yara_place place;
    kj_expr *value = NULL;
    kj_token token = c->token;
    settled indices = {0};
    if (!kj_yara_read_reference(c, &value, &place) || (!value && !settle(c, &place, &indices)))
        return NULL;
    kj_expr *count = value ? NULL : kj_yara_place_count(c, &place, token.offset);
    if (c->no_memory)
        return NULL;
    if (!count) {
        if (!value || value->type != KJ_TYPE_UNDEFINED)
            kj_yara_error(c, token.offset, c->last_end - token.offset, NULL,
                          "only arrays and dictionaries can be looped over");
        return NULL;
    }
    bool is_dict = count->type == KJ_TYPE_DICT;
    uint32_t slot = c->slot_count;
    if (!check_names(c, it, is_dict ? 2 : 1, is_dict ? "a dictionary" : "an array") ||
        !kj_yara_push(c, count) || !add_members(c, it, &place, slot))
        return NULL;
    it->loop->op = KJ_OP_FOR_COUNT;
    c->slot_count++;
    kj_expr *expr = read_loop_body(c, it, slot);
    for (size_t i = indices.count; i > 0; i--)
        expr = wrap(c, indices.values[i - 1], indices.slot + (uint32_t)i - 1, expr);
    return expr;
}

static bool read_names(kj_yara_compiler *c, iteration *it)
{
    do {
        if (c->token.kind != KJ_TOK_IDENTIFIER || it->count >= MAX_NAMES) {
            kj_yara_unexpected(c, it->count ? "'in'" : "'of' or the name of a variable");
            return false;
        }
        it->names[it->count++] = c->token;
        kj_yara_advance(c);
    } while (kj_yara_accept(c, KJ_TOK_COMMA));
    return kj_yara_expect(c, KJ_TOK_IN, "the variable");
}

static kj_expr *read_for_in(kj_yara_compiler *c, kj_expr *loop, size_t base)
{
    iteration it = {.loop = loop, .base = base};
    if (!read_names(c, &it))
        return NULL;
    size_t variables = c->variable_count;
    uint32_t slots = c->slot_count;
    kj_expr *expr = NULL;
    if (c->token.kind == KJ_TOK_OPEN)
        expr = read_over_parenthesized(c, &it);
    else if (c->token.kind == KJ_TOK_IDENTIFIER)
        expr = read_over_place(c, &it);
    else
        kj_yara_unexpected(c, "(a..b), (a, b, ...) or an array");
    c->variable_count = variables;
    c->slot_count = slots;
    return expr;
}

kj_expr *kj_yara_read_for(kj_yara_compiler *c)
{
    kj_quantifier quantifier;
    kj_expr *count;
    size_t base = c->items.count;
    kj_token token = c->token;
    kj_yara_advance(c);
    if (!kj_yara_enter(c) || !read_quantifier(c, &quantifier, &count))
        return NULL;
    kj_expr *loop = new_quantified(c, KJ_OP_FOR_PATTERNS, quantifier, token.offset);
    if (!loop || (count && !kj_yara_push(c, count)))
        return NULL;
    kj_expr *expr =
        c->token.kind == KJ_TOK_OF ? read_for_of(c, loop, count, base) : read_for_in(c, loop, base);
    kj_yara_leave(c);
    return expr;
}

/* ---- with ---------------------------------------------------------------------------------- */

/* A variable for a place: the indices that take computing are pushed. */
static bool bind_place(kj_yara_compiler *c, kj_token name, kj_yara_place *place)
{
    settled indices;
    if (!settle(c, place, &indices))
        return false;
    for (size_t i = 0; i < indices.count; i++)
        if (!kj_yara_push(c, indices.values[i]))
            return false;
    return add_place(c, name, place);
}

/* A variable for a value, which is pushed. */
static bool bind_value(kj_yara_compiler *c, kj_token name, kj_expr *value)
{
    value = kj_yara_as_number(value);
    if (value->type > KJ_TYPE_STRING) {
        kj_yara_error(c, value->offset, 1, NULL, "%s cannot be a variable",
                      kj_yara_type_name(value->type));
        value = kj_yara_new_wrong(c, value->offset);
    }
    if (!kj_yara_push(c, value) || !add_value(c, name, value->type, c->slot_count))
        return false;
    c->slot_count++;
    return true;
}

/* One `name = value`. */
static bool read_binding(kj_yara_compiler *c)
{
    kj_token name = c->token;
    if (name.kind != KJ_TOK_IDENTIFIER) {
        kj_yara_unexpected(c, "the name of a variable");
        return false;
    }
    kj_yara_advance(c);
    if (!kj_yara_expect(c, KJ_TOK_ASSIGN, "the variable"))
        return false;
    kj_yara_place place = {0};
    kj_yara_wish outer = c->wish;
    c->wish = (kj_yara_wish){.place = &place, .offset = c->token.offset};
    kj_expr *value = kj_yara_read_expr(c);
    c->wish = outer;
    if (!value)
        return false;
    /* A place has left its mark; anything done with it was an error of types. */
    return place.schema && value->type == KJ_TYPE_ARRAY ? bind_place(c, name, &place)
                                                        : bind_value(c, name, value);
}

kj_expr *kj_yara_read_with(kj_yara_compiler *c)
{
    size_t base = c->items.count, variables = c->variable_count;
    uint32_t slots = c->slot_count;
    if (!kj_yara_enter(c))
        return NULL;
    do {
        kj_yara_advance(c); /* `with` or a comma */
        if (!read_binding(c))
            return NULL;
    } while (c->token.kind == KJ_TOK_COMMA);
    kj_expr *body = read_body(c, "the variables");
    while (c->items.count > base && body) {
        kj_expr *value = c->items.items[--c->items.count];
        body = wrap(c, value, --c->slot_count, body);
    }
    c->variable_count = variables;
    c->slot_count = slots;
    kj_yara_leave(c);
    return body;
}
