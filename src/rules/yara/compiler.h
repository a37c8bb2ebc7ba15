/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the YARA front end share: the state of one compilation, and who does what.
 *
 *     parser.c     rules and their sections, imports, includes, recovery
 *     patterns.c   the strings section: literals and modifiers; hex.c and regex.c read the two
 *                  pattern languages, tree.c builds the trees they give
 *     condition.c  the expression grammar; loops.c `of`, `for`, `with`; reference.c what an
 *                  identifier stands for; build.c typed nodes: conversions, checks, folding
 *     names.c      lookup by name, and "did you mean"
 *     lint.c       warnings that are asked for
 *
 * A problem of meaning (types, names) is reported and parsing goes on with a node of type
 * UNDEFINED, about which nothing further is said. A problem of syntax, or no memory, gives NULL up
 * to the rule, which is then left out. */
#pragma once

#include "rules/yara/lexer.h"
#include "rules/yara/names.h"
#include "rules/yara/yara.h"

enum {
    KJ_YARA_MAX_INCLUDES = 16,    /* files open at once, as in libyara */
    KJ_YARA_MAX_FILES = 10000,    /* included one after the other: doubling at each level is 2^16 */
    KJ_YARA_MAX_PATTERNS = 10000, /* strings of one rule, as in libyara */
    KJ_YARA_MAX_SUBSCRIPTS = 16,  /* arguments that a field's path may take */
    KJ_YARA_MAX_PATH = 192,       /* bytes of a field's path */
    KJ_YARA_MAX_IDENTIFIER = 128,
    KJ_YARA_MAX_SUGGESTIONS = 50,
};

/* The rows of a schema by their paths, made when a rule first asks for one. */
typedef struct kj_yara_rows {
    kj_names paths;       /* each path and what it begins with, up to a `.`, `[`, `{` or `(`; value:
                             the first row of that path, or KJ_NONE */
    const uint32_t *next; /* one a row: the next of the same path, or KJ_NONE */
} kj_yara_rows;

/* A place in a module, while its path is being read or by what a loop variable stands for it. */
typedef struct kj_yara_place {
    const kj_schema *schema;
    const kj_yara_rows *rows;
    char path[KJ_YARA_MAX_PATH];
    size_t len;
    kj_expr *args[KJ_YARA_MAX_SUBSCRIPTS];
    size_t arg_count;
} kj_yara_place;

typedef struct kj_yara_variable {
    kj_span name;
    bool is_place; /* it names a place in a module; else the value in a slot */
    kj_yara_place place;
    kj_type type;
    uint32_t slot;
} kj_yara_variable;

/* Where `with` takes a place as well as a value: at the identifier that stands at this offset. */
typedef struct kj_yara_wish {
    kj_yara_place *place; /* NULL: nowhere */
    size_t offset;
} kj_yara_wish;

/* What the rules have done with a module. */
typedef struct kj_yara_import {
    bool imported;
    bool used;
    const kj_source *source; /* where it was imported first; NULL: by an earlier compilation */
    kj_token token;
    kj_yara_rows rows;
} kj_yara_import;

typedef struct kj_yara_compiler {
    kj_ir *ir;
    const kj_yara_options *options;
    kj_span space;
    const kj_source *source;
    kj_lexer lexer;
    kj_token token;  /* the current one */
    size_t last_end; /* where the one before it ended */
    bool no_memory;

    const kj_source *files[KJ_YARA_MAX_INCLUDES]; /* open, outermost first */
    size_t file_count;
    size_t included;                 /* files so far */
    kj_yara_import *imports;         /* one a schema */
    KJ_VEC(kj_span) unknown_modules; /* imported, but there is no schema */

    kj_names rules;  /* of the namespace; value: index, or KJ_NONE for a rule with errors */
    kj_names barred; /* prefixes of `of (prefix*)`: no later rule may match */

    /* the rule at hand */
    bool rule_failed;
    kj_span rule_name;
    uint32_t first_pattern;
    kj_names pattern_names; /* value: index into ir->patterns; anonymous ones are not in it */
    kj_names literals;      /* of the rule's patterns, as written; only to lint */
    KJ_VEC(bool) used;      /* one a pattern of the rule */
    unsigned depth;
    bool in_for_of;
    kj_yara_wish wish;
    kj_yara_variable variables[KJ_EXPR_MAX_VARIABLES];
    size_t variable_count;
    uint32_t slot_count;

    KJ_VEC(kj_expr *) items; /* stacks for lists whose length is not known yet */
    KJ_VEC(kj_re *) nodes;
    kj_re *bytes[256]; /* the class of each single byte, shared by all patterns; made when needed */
    kj_re *any;        /* `??` */
    kj_re *dot;        /* `.` without /s */
} kj_yara_compiler;

/* ---- parser.c ---------------------------------------------------------------------------- */

void kj_yara_advance(kj_yara_compiler *c);
kj_token kj_yara_peek(const kj_yara_compiler *c); /* the token after the current one */
bool kj_yara_accept(kj_yara_compiler *c, kj_tok kind);

/* Reports what stands there instead when it is not `kind`. */
bool kj_yara_expect(kj_yara_compiler *c, kj_tok kind, const char *after);

/* "expected WHAT, found ..." at the current token. */
void kj_yara_unexpected(kj_yara_compiler *c, const char *what);

void kj_yara_error(kj_yara_compiler *c, size_t offset, size_t len, const char *hint,
                   const char *format, ...) KJ_PRINTF(5, 6);
void kj_yara_error_at(kj_yara_compiler *c, kj_token token, const char *hint, const char *format,
                      ...) KJ_PRINTF(4, 5);

/* A warning leaves the rule as it is. */
void kj_yara_warn(kj_yara_compiler *c, size_t offset, size_t len, const char *hint,
                  const char *format, ...) KJ_PRINTF(5, 6);

/* Whether to look for the nearest name: in a flood of problems nobody reads the hints. */
bool kj_yara_may_suggest(const kj_yara_compiler *c);

/* Refuses later rules of the namespace whose names begin with `prefix`; false without memory. */
bool kj_yara_bar(kj_yara_compiler *c, kj_span prefix);

/* Remembers that memory ran out, which ends the compilation; NULL. */
void *kj_yara_no_memory(kj_yara_compiler *c);

/* ---- patterns.c -------------------------------------------------------------------------- */

/* One `$a = ...` of the strings section; false when it could not be read. */
bool kj_yara_read_pattern(kj_yara_compiler *c);

/* What stands between the quotes, escapes resolved. False when an escape was reported. */
bool kj_yara_read_text(kj_yara_compiler *c, kj_token token, kj_span *out);

/* Appends a regular expression of the condition as a pattern; its index, or KJ_NONE. */
uint32_t kj_yara_add_regex(kj_yara_compiler *c, kj_token token);

/* ---- hex.c, regex.c ---------------------------------------------------------------------- */

/* The hex string that begins with the `{` at `offset`; *out_len is its length with the braces. */
const kj_re *kj_yara_read_hex(kj_yara_compiler *c, size_t offset, size_t *out_len);

/* The expression of a REGEX token, `/i` and `/s` of the token applied. `mixed`: greedy and lazy
 * repetitions may stand side by side. */
const kj_re *kj_yara_read_regex(kj_yara_compiler *c, kj_token token, bool nocase, bool mixed);

/* Whether a part that every match has is `.*`, `.+` or `.{n,}`. */
bool kj_yara_has_endless_dot(const kj_yara_compiler *c, const kj_re *re);

/* ---- lint.c: each says nothing unless the options ask for it -------------------------------- */

void kj_yara_lint_pattern(kj_yara_compiler *c, const kj_pattern *pattern);
void kj_yara_lint_imports(kj_yara_compiler *c);

/* `expr`, a number, stands where a truth value is asked for. */
void kj_yara_lint_number(kj_yara_compiler *c, const kj_expr *expr);

/* Of operands joined by `op`, `expr` is not the last. */
void kj_yara_lint_operand(kj_yara_compiler *c, kj_op op, const kj_expr *expr);

/* ---- tree.c: nodes of patterns; NULL without memory --------------------------------------- */

kj_re *kj_yara_re_new(kj_yara_compiler *c, kj_re_op op);
kj_re *kj_yara_re_byte(kj_yara_compiler *c, uint8_t byte);
kj_re *kj_yara_re_any(kj_yara_compiler *c);
kj_re *kj_yara_re_dot(kj_yara_compiler *c); /* any byte but a newline */
kj_re *kj_yara_re_class(kj_yara_compiler *c, const kj_byte_set *set);
kj_re *kj_yara_re_repeat(kj_yara_compiler *c, kj_re *what, uint32_t min, uint32_t max, bool greedy);
bool kj_yara_re_push(kj_yara_compiler *c, kj_re *node);

/* A node over what was pushed since `base`; a lone child comes back as it is. */
kj_re *kj_yara_re_join(kj_yara_compiler *c, kj_re_op op, size_t base);
bool kj_yara_re_fits(const kj_re *re, unsigned depth);

/* ---- condition.c, loops.c, reference.c ---------------------------------------------------- */

/* A whole expression; and one that binds tighter than comparisons. */
kj_expr *kj_yara_read_expr(kj_yara_compiler *c);
kj_expr *kj_yara_read_primary(kj_yara_compiler *c);

/* The same as a truth value, and as an integer for `role`. */
kj_expr *kj_yara_read_bool(kj_yara_compiler *c);
kj_expr *kj_yara_read_int(kj_yara_compiler *c, const char *role);

/* `(from..to)`; false after a syntax error. */
bool kj_yara_read_range(kj_yara_compiler *c, kj_expr **out_from, kj_expr **out_to);

/* Says what is wrong with a range whose ends are known; it was read last, with its `)`. */
void kj_yara_check_range(kj_yara_compiler *c, const kj_expr *from, const kj_expr *to);

/* One level deeper into the source; false, reported, where it is too deep. Then leave. */
bool kj_yara_enter(kj_yara_compiler *c);
void kj_yara_leave(kj_yara_compiler *c);

/* The pattern that `$a`, `#a`, `@a` or `!a` names, marked as used; KJ_NONE for the current one of
 * a loop. False when there is none, which is reported. */
bool kj_yara_find_pattern(kj_yara_compiler *c, kj_token token, uint32_t *out_index);

/* `Q of ...`; the current token is `of`. `count` is the number or percentage, or NULL. */
kj_expr *kj_yara_read_of(kj_yara_compiler *c, kj_quantifier quantifier, kj_expr *count,
                         size_t offset);
kj_expr *kj_yara_read_quantified(kj_yara_compiler *c); /* from `all`, `any`, `none` */
kj_expr *kj_yara_read_for(kj_yara_compiler *c);
kj_expr *kj_yara_read_with(kj_yara_compiler *c);

/* What an identifier and its path stand for: a value in *out_value or, when that is NULL, a place
 * in a module that has none, such as an array. False after a syntax error. */
bool kj_yara_read_reference(kj_yara_compiler *c, kj_expr **out_value, kj_yara_place *out_place);

/* The value of a place; NULL when it has none. */
kj_expr *kj_yara_place_value(kj_yara_compiler *c, const kj_yara_place *place, size_t offset);

/* The number of elements of a place that is an array or dictionary, as a FIELD of that type; NULL
 * when it is none. On success *place becomes its elements, the index yet to be pushed. */
kj_expr *kj_yara_place_count(kj_yara_compiler *c, kj_yara_place *place, size_t offset);

/* Whether any row lies below a place. */
bool kj_yara_place_exists(const kj_yara_place *place);
bool kj_yara_place_append(kj_yara_place *place, kj_span text);
bool kj_yara_place_push(kj_yara_place *place, kj_expr *arg);

/* ---- build.c ----------------------------------------------------------------------------- */

kj_expr *kj_yara_new(kj_yara_compiler *c, kj_op op, kj_type type, size_t offset);
kj_expr *kj_yara_new_int(kj_yara_compiler *c, int64_t value, size_t offset);
kj_expr *kj_yara_new_bool(kj_yara_compiler *c, bool value, size_t offset);
kj_expr *kj_yara_new_variable(kj_yara_compiler *c, kj_type type, uint32_t slot, size_t offset);

/* The node that stands for something wrong that was reported. */
kj_expr *kj_yara_new_wrong(kj_yara_compiler *c, size_t offset);

/* Lists: push, then give the node everything since `base`. NULL in, NULL out. */
bool kj_yara_push(kj_yara_compiler *c, kj_expr *item);
kj_expr *kj_yara_take_args(kj_yara_compiler *c, kj_expr *expr, size_t base);
kj_expr *kj_yara_with_args(kj_yara_compiler *c, kj_expr *expr, kj_expr *a, kj_expr *b);

/* Conversions; a node of another type is reported and comes back as wrong. `role` ends the
 * sentence "... cannot be ROLE". */
kj_expr *kj_yara_to_bool(kj_yara_compiler *c, kj_expr *expr);
kj_expr *kj_yara_to_int(kj_yara_compiler *c, kj_expr *expr, const char *role);
kj_expr *kj_yara_to_string(kj_yara_compiler *c, kj_expr *expr, const char *role);
kj_expr *kj_yara_to_real(kj_yara_compiler *c, kj_expr *expr);
kj_expr *kj_yara_only_real(kj_yara_compiler *c, kj_expr *expr, const char *role);

/* A truth value that comes from a module or the environment is a number where one is wanted. */
kj_expr *kj_yara_as_number(kj_expr *expr);

/* Operators: types checked and converted, constants folded. */
kj_expr *kj_yara_compare(kj_yara_compiler *c, kj_op op, kj_token sign, kj_expr *a, kj_expr *b);
kj_expr *kj_yara_arithmetic(kj_yara_compiler *c, kj_op op, kj_token sign, kj_expr *a, kj_expr *b);
kj_expr *kj_yara_negate(kj_yara_compiler *c, kj_op op, kj_token sign, kj_expr *a);

bool kj_yara_is_constant(const kj_expr *expr);

/* Whether evaluating it again costs nothing, so that several nodes may share it. */
bool kj_yara_is_leaf(const kj_expr *expr);
bool kj_yara_expr_fits(const kj_expr *expr, unsigned depth);

const char *kj_yara_type_name(kj_type type); /* with its article */
