/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions over artifacts and rules:
 *
 *     or     = and {"or" and}
 *     and    = not {"and" not}
 *     not    = "not" not | "(" or ")" | amount "of" set | id
 *     amount = number | "any" | "all"
 *     set    = "(" id {"," id} ")" | role
 *
 * An id is an artifact's or, when no artifact has it, the name of a rule of the advisory. */
#include "base/text.h"
#include "rules/advisory/compile.h"
#include "rules/advisory/suggest.h"

#include <stdio.h>

enum { MAX_NESTING = 16, MAX_ITEMS = 256 };

typedef enum token_kind {
    TOKEN_END,
    TOKEN_WORD,
    TOKEN_NUMBER,
    TOKEN_MARK, /* one of ( ) , */
    TOKEN_WRONG
} token_kind;

typedef KJ_VEC(kj_expr *) expr_list;

struct parser {
    kj_advisory *a;
    const kj_yaml *node;
    kj_span text;
    token_kind kind; /* of the token we look at */
    size_t start;
    size_t end;
    unsigned nesting;
    size_t items;
    bool syntax_error; /* said: what follows is not looked at */
    bool failed;       /* something was said */
};

static const char *const operators[] = {"and", "or", "not", "of", "any", "all", "none"};

static bool is_operator(kj_span word)
{
    for (size_t i = 0; i < KJ_COUNT(operators); i++)
        if (kj_span_is(word, operators[i]))
            return true;
    return false;
}

bool kj_advisory_is_reserved(kj_span word)
{
    return is_operator(word) || kj_advisory_role(word) != KJ_ROLE_NONE;
}

/* ---- tokens -------------------------------------------------------------------------------- */

static bool is_word_byte(unsigned c)
{
    return kj_is_alnum(c) || c == '_' || c == '-';
}

static kj_span token(const struct parser *p)
{
    return kj_span_sub(p->text, p->start, p->end - p->start);
}

static bool is(const struct parser *p, const char *word)
{
    return kj_span_is(token(p), word);
}

static token_kind word_kind(kj_span word)
{
    uint64_t ignored;
    return kj_text_to_u64(word, &ignored) ? TOKEN_NUMBER : TOKEN_WORD;
}

static void advance(struct parser *p)
{
    size_t pos = p->end;
    if (p->syntax_error)
        return;
    while (pos < p->text.len && kj_is_space(p->text.data[pos]))
        pos++;
    p->start = pos;
    while (pos < p->text.len && is_word_byte(p->text.data[pos]))
        pos++;
    p->end = pos;
    if (p->end > p->start) {
        p->kind = word_kind(token(p));
    } else if (pos == p->text.len) {
        p->kind = TOKEN_END;
    } else {
        (void)kj_utf8_next(p->text, &p->end);
        p->kind = p->text.data[p->start] < 0x80 && strchr("(),", p->text.data[p->start])
                      ? TOKEN_MARK
                      : TOKEN_WRONG;
    }
}

static void complain_at(struct parser *p, size_t start, size_t len, const char *hint,
                        const char *message)
{
    kj_reading *r = &p->a->r;
    size_t offset = kj_locate_in(r, p->node, start, &len);
    kj_diag_add(&r->ir->diags, KJ_ERROR, r->source, offset, len, hint, "%s", message);
    p->failed = true;
}

static kj_expr *syntax_error(struct parser *p, const char *wanted)
{
    char message[160];
    kj_span found = token(p);
    if (p->syntax_error)
        return NULL;
    if (p->kind == TOKEN_END)
        (void)snprintf(message, sizeof message, "the condition ends where %s is expected", wanted);
    else
        (void)snprintf(message, sizeof message, "%s is expected, not '%.*s'", wanted,
                       kj_printed_len(found), (const char *)found.data);
    const char *hint = kj_is_cut(&p->a->r, p->node)
                           ? "put the condition in quotes: within { } a comma ends it"
                           : "conditions look like: dropper or (run and 1 of (page, mailer))";
    complain_at(p, p->start, p->end - p->start, hint, message);
    p->syntax_error = true;
    p->kind = TOKEN_END;
    return NULL;
}

/* ---- nodes --------------------------------------------------------------------------------- */

static kj_expr *new_expr(struct parser *p, kj_op op, size_t start)
{
    size_t len = 1;
    kj_expr *expr = kj_new(&p->a->r.ir->arena, kj_expr);
    if (!expr) {
        p->a->r.no_memory = p->failed = true;
        return NULL;
    }
    expr->op = op;
    expr->type = KJ_TYPE_BOOL;
    expr->offset = kj_locate_in(&p->a->r, p->node, start, &len);
    return expr;
}

static kj_expr *new_leaf(struct parser *p, kj_op op, uint32_t index, size_t start)
{
    kj_expr *expr = new_expr(p, op, start);
    if (expr)
        expr->index = index;
    if (++p->items > MAX_ITEMS && !p->syntax_error) {
        complain_at(p, start, 1, NULL, "the condition asks for too many things");
        p->syntax_error = true;
        p->kind = TOKEN_END;
    }
    return expr;
}

/* Moves a list's items into a node and frees the list. */
static kj_expr *new_nary(struct parser *p, kj_op op, expr_list *list, size_t start)
{
    kj_expr *expr = new_expr(p, op, start);
    kj_expr **args = kj_new_array(&p->a->r.ir->arena, kj_expr *, list->count + 1);
    if (expr && args) {
        for (size_t i = 0; i < list->count; i++)
            args[i] = list->items[i];
        expr->args = args;
        expr->count = list->count;
    } else {
        p->a->r.no_memory = p->failed = true;
    }
    kj_vec_done(list);
    return expr;
}

static void add_item(struct parser *p, expr_list *list, kj_expr *item)
{
    if (item && !kj_vec_add(list, item))
        p->a->r.no_memory = p->failed = true;
}

/* ---- what words mean ----------------------------------------------------------------------- */

static bool usable(kj_artifact_kind kind)
{
    return kind != KJ_ARTIFACT_WINDOW && kind != KJ_ARTIFACT_MUTEX && kind != KJ_ARTIFACT_URL;
}

static kj_expr *artifact_leaf(struct parser *p, const kj_draft_artifact *draft, size_t start,
                              size_t len)
{
    const kj_advisory *a = p->a;
    if (!draft->broken && !usable(draft->artifact.kind)) {
        complain_at(p, start, len, "windows, mutexes and addresses are for the page and for search",
                    "kujo cannot see this artifact, so no condition can ask for it");
        return NULL;
    }
    uint32_t index = a->first_artifact + (uint32_t)(draft - a->artifacts.items);
    return new_leaf(p, KJ_OP_ARTIFACT, index, start);
}

static void refuse_id(struct parser *p, kj_span id)
{
    const kj_advisory *a = p->a;
    const kj_ir *ir = a->r.ir;
    kj_guess guess = {.wrong = id};
    char message[160];
    for (size_t i = 0; i < a->artifacts.count; i++)
        kj_guess_try(&guess, a->artifacts.items[i].artifact.id);
    for (size_t i = a->first_rule; i < ir->rules.count; i++)
        kj_guess_try(&guess, ir->rules.items[i].name);
    const char *hint = kj_guess_hint(&guess, &a->r.ir->arena);
    (void)snprintf(message, sizeof message, "no artifact or rule is called '%.*s'",
                   kj_printed_len(id), (const char *)id.data);
    if (kj_advisory_role(id) != KJ_ROLE_NONE) {
        (void)snprintf(message, sizeof message, "'%.*s' is a role and stands after 'of' only",
                       kj_printed_len(id), (const char *)id.data);
        hint = "write for example: 1 of body";
    }
    complain_at(p, p->start, id.len, hint, message);
}

static kj_expr *parse_id(struct parser *p)
{
    kj_expr *leaf = NULL;
    kj_span id = token(p);
    if (p->kind != TOKEN_WORD || is_operator(id))
        return syntax_error(p, "an artifact or a rule");
    const kj_draft_artifact *draft = kj_advisory_artifact(p->a, id);
    uint32_t rule = draft ? KJ_NONE : kj_advisory_rule(p->a, id);
    if (draft)
        leaf = artifact_leaf(p, draft, p->start, id.len);
    else if (rule != KJ_NONE)
        leaf = new_leaf(p, KJ_OP_RULE, rule, p->start);
    else if (p->a->rules_broken && kj_advisory_mentions_rule(p->a, id))
        p->failed = true; /* what is wrong with it was said */
    else
        refuse_id(p, id);
    advance(p);
    return leaf;
}

/* ---- N of ... ------------------------------------------------------------------------------ */

static void parse_ids(struct parser *p, expr_list *list)
{
    do {
        advance(p);
        add_item(p, list, parse_id(p));
    } while (p->kind == TOKEN_MARK && is(p, ","));
    if (p->kind == TOKEN_MARK && is(p, ")"))
        advance(p);
    else
        (void)syntax_error(p, "',' or ')'");
}

/* Whether an artifact could not be read, so that its role is not known either. */
static bool any_broken(const kj_advisory *a)
{
    for (size_t i = 0; i < a->artifacts.count; i++)
        if (a->artifacts.items[i].broken)
            return true;
    return false;
}

static void take_role(struct parser *p, expr_list *list)
{
    const kj_advisory *a = p->a;
    kj_role role = p->kind == TOKEN_WORD ? kj_advisory_role(token(p)) : KJ_ROLE_NONE;
    if (role == KJ_ROLE_NONE) {
        (void)syntax_error(p, "'(' or a role");
        return;
    }
    size_t before = p->items;
    for (size_t i = 0; i < a->artifacts.count && !p->failed; i++)
        if (a->artifacts.items[i].artifact.role == role)
            add_item(p, list,
                     artifact_leaf(p, &a->artifacts.items[i], p->start, p->end - p->start));
    p->failed = p->failed || (p->items == before && any_broken(a));
    if (p->items == before && !p->failed)
        complain_at(p, p->start, p->end - p->start, NULL, "no artifact has this role");
    advance(p);
}

/* The number before `of`; false after a complaint. */
static bool parse_amount(struct parser *p, kj_quantifier *out, uint64_t *out_number)
{
    *out = is(p, "any") ? KJ_Q_ANY : is(p, "all") ? KJ_Q_ALL : KJ_Q_COUNT;
    *out_number = 0;
    if (*out == KJ_Q_COUNT && (!kj_text_to_u64(token(p), out_number) || *out_number == 0)) {
        (void)syntax_error(p, "a number of at least 1");
        return false;
    }
    advance(p);
    if (p->kind != TOKEN_WORD || !is(p, "of")) {
        (void)syntax_error(p, "'of'");
        return false;
    }
    advance(p);
    return true;
}

static kj_expr *parse_of(struct parser *p)
{
    size_t start = p->start;
    uint64_t number;
    kj_quantifier quantifier;
    expr_list list = {0};
    if (!parse_amount(p, &quantifier, &number))
        return NULL;
    kj_expr *amount = quantifier == KJ_Q_COUNT ? new_expr(p, KJ_OP_INT, start) : NULL;
    if (amount) {
        amount->type = KJ_TYPE_INT;
        amount->integer = (int64_t)kj_min_u64(number, INT64_MAX);
        add_item(p, &list, amount);
    }
    if (p->kind == TOKEN_MARK && is(p, "("))
        parse_ids(p, &list);
    else
        take_role(p, &list);
    size_t items = list.count - (amount != NULL);
    if (!p->failed && number > items)
        complain_at(p, start, 1, NULL, "there are not that many to choose from");
    kj_expr *of = new_nary(p, KJ_OP_OF, &list, start);
    if (of)
        of->quantifier = quantifier;
    return of;
}

/* ---- operators ----------------------------------------------------------------------------- */

static kj_expr *parse_or(struct parser *p);

static kj_expr *parse_group(struct parser *p)
{
    advance(p);
    kj_expr *inner = parse_or(p);
    if (p->kind != TOKEN_MARK || !is(p, ")"))
        return syntax_error(p, "')'");
    advance(p);
    return inner;
}

static kj_expr *parse_not(struct parser *p);

static kj_expr *parse_negation(struct parser *p)
{
    size_t start = p->start;
    expr_list list = {0};
    advance(p);
    add_item(p, &list, parse_not(p));
    return new_nary(p, KJ_OP_NOT, &list, start);
}

static kj_expr *parse_nested(struct parser *p, kj_expr *(*parse)(struct parser *p))
{
    if (p->nesting == MAX_NESTING) {
        if (!p->syntax_error)
            complain_at(p, p->start, 1, NULL, "nested too deeply");
        p->syntax_error = true;
        p->kind = TOKEN_END;
        return NULL;
    }
    p->nesting++;
    kj_expr *expr = parse(p);
    p->nesting--;
    return expr;
}

static kj_expr *parse_not(struct parser *p)
{
    if (p->kind == TOKEN_WORD && is(p, "not"))
        return parse_nested(p, parse_negation);
    if (p->kind == TOKEN_MARK && is(p, "("))
        return parse_nested(p, parse_group);
    if (p->kind == TOKEN_NUMBER || is(p, "any") || is(p, "all"))
        return parse_of(p);
    return parse_id(p);
}

static kj_expr *parse_chain(struct parser *p, const char *word, kj_op op,
                            kj_expr *(*parse)(struct parser *p))
{
    size_t start = p->start;
    expr_list list = {0};
    kj_expr *first = parse(p);
    if (p->kind != TOKEN_WORD || !is(p, word))
        return first;
    add_item(p, &list, first);
    while (p->kind == TOKEN_WORD && is(p, word)) {
        advance(p);
        add_item(p, &list, parse(p));
    }
    return new_nary(p, op, &list, start);
}

static kj_expr *parse_and(struct parser *p)
{
    return parse_chain(p, "and", KJ_OP_AND, parse_not);
}

static kj_expr *parse_or(struct parser *p)
{
    return parse_chain(p, "or", KJ_OP_OR, parse_and);
}

const kj_expr *kj_advisory_expr(kj_advisory *a, const kj_yaml *node)
{
    struct parser p = {.a = a, .node = node, .text = node->text};
    if (!kj_expect_kind(&a->r, node, KJ_YAML_TEXT, "a condition"))
        return NULL;
    advance(&p);
    const kj_expr *expr = parse_or(&p);
    if (p.kind != TOKEN_END)
        (void)syntax_error(&p, "'and', 'or' or the end");
    return p.failed ? NULL : expr;
}
