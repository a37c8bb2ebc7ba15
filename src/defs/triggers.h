/* SPDX-License-Identifier: Apache-2.0 */
/* What a condition cannot be true without: a set of strings, and of expressions that need none, of
 * which at least one has to be found, or hold. Only these strings are searched in every object; the
 * rest of the rule is looked at where one of them is.
 *
 * The analysis is monotone: `and` needs what its cheapest operand needs, `or` what any of its
 * operands needs, "k of n" what the cheapest n - k + 1 of them need; `not` and what is not
 * understood needs nothing. So a rule without a set is one that must always be looked at, and a
 * rule with one is false where nothing of it is found. */
#pragma once

#include "base/arena.h"
#include "ir/ir.h"

/* One member of a set: a string and where it is wanted, or an expression. */
typedef struct kj_trigger {
    uint32_t pattern;    /* IR index; KJ_NONE: `gate` instead */
    const kj_expr *at;   /* NULL: anywhere */
    const kj_expr *gate; /* needs no strings and no rules */
} kj_trigger;

typedef struct kj_triggers {
    const kj_trigger *items;
    size_t count;
    double cost; /* as kj_atom_set.cost; INFINITY: nothing is known that the condition needs */
} kj_triggers;

typedef struct kj_trigger_input {
    /* What it costs to search a pattern everywhere, a MiB. */
    double (*cost)(void *user, uint32_t pattern);
    /* What it costs to look for it at the place that `at` computes, an object; INFINITY: that
     * cannot be done, and it is searched. */
    double (*cost_at)(void *user, uint32_t pattern, const kj_expr *at);
    /* What it costs to evaluate an expression in every object, and to look at the rule where it
     * holds; INFINITY: it cannot be evaluated alone. */
    double (*cost_gate)(void *user, const kj_expr *expr);
    /* The set of an earlier rule. */
    kj_triggers (*rule)(void *user, uint32_t rule);
    void *user;
    kj_arena *arena; /* sets live there */
    unsigned loops;  /* around the expression: their variables bar it from being a gate */
    bool failed;     /* no memory: the set is not to be used */
} kj_trigger_input;

/* The cheapest set of a condition. */
kj_triggers kj_triggers_of(kj_trigger_input *input, const kj_expr *condition);

/* Whether an expression can be an anchor: it needs no strings, rules, variables, loops or
 * externals, so that it is the same for all rules that see the object. */
bool kj_is_place(const kj_expr *expr);

/* Calls for each pattern that the condition asks more of than whether it is there, and with what
 * operation it does. */
void kj_counted_patterns(const kj_expr *condition,
                         void (*found)(void *user, uint32_t pattern, kj_op op), void *user);
