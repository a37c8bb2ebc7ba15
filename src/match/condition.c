/* SPDX-License-Identifier: Apache-2.0 */
/* A tree walk over the words of CODE (format.h). Depth is bounded by KJ_EXPR_MAX_DEPTH, work by the
 * steps; every node is bounds-checked as it is read, so damaged code ends the evaluation and
 * nothing else. Semantics: YARA's, as libyara 4.5 has them (undefined values spread; `and` and `or`
 * take them for false; loops over nothing are false). */
#include "match/condition.h"

#include "base/arith.h"
#include "base/text.h"
#include "defs/code.h"

#include <float.h>

enum { STEPS_A_LOOK = 8 << 10, BYTES_A_STEP = 64 };

typedef struct eval {
    const kj_condition_input *in;
    kj_status status; /* KJ_OK, or why the evaluation ends */
    unsigned depth;
    uint64_t unclocked; /* steps since the last look at the clock */
    uint32_t pattern;   /* current one of a FOR_PATTERNS */
    bool unknown;       /* the value depends on strings that were not searched, or rules that were
                           not decided: it means nothing */
    bool pending;       /* something before this in an `and` or `or` around it is unknown: it will
                           be evaluated again */
    kj_value variables[KJ_EXPR_MAX_VARIABLES];
} eval;

static kj_value run(eval *e, const kj_code_node *node);

static kj_value give_up(eval *e, kj_status why)
{
    if (e->status == KJ_OK)
        e->status = why;
    return kj_value_undefined();
}

/* Draws on the steps; false when they, or the time, are used up. */
static bool pay(eval *e, uint64_t count)
{
    bool enough = *e->in->steps >= count;
    *e->in->steps -= enough ? count : *e->in->steps;
    e->unclocked += count;
    if (enough && e->unclocked >= STEPS_A_LOOK) {
        e->unclocked = 0;
        enough = !kj_deadline_past(&e->in->deadline);
    }
    if (!enough)
        (void)give_up(e, KJ_LIMIT);
    return enough;
}

/* ---- args ------------------------------------------------------------------------------------ */

/* Reads the arg at *at, which belongs to `parent`, and moves past it. */
static bool next_arg(eval *e, const kj_code_node *parent, uint32_t *at, kj_code_node *out)
{
    *out = kj_code_read(e->in->defs, *at, parent->next);
    if (!out->ok) {
        (void)give_up(e, KJ_INTERNAL);
        return false;
    }
    *at = out->next;
    return true;
}

static kj_value eval_next(eval *e, const kj_code_node *parent, uint32_t *at)
{
    kj_code_node arg;
    return next_arg(e, parent, at, &arg) ? run(e, &arg) : kj_value_undefined();
}

/* The values of the first `count` args (all there are, if fewer: undefined). */
static void eval_args(eval *e, const kj_code_node *node, kj_value *out, uint32_t count)
{
    uint32_t at = node->args;
    for (uint32_t i = 0; i < count; i++)
        out[i] = i < node->count ? eval_next(e, node, &at) : kj_value_undefined();
}

static bool is_true(kj_value value)
{
    return (value.type == KJ_TYPE_BOOL || value.type == KJ_TYPE_INT) && value.integer != 0;
}

static bool defined(kj_value value)
{
    return value.type != KJ_TYPE_UNDEFINED;
}

static bool is_int(kj_value value)
{
    return value.type == KJ_TYPE_INT || value.type == KJ_TYPE_BOOL;
}

/* ---- values ---------------------------------------------------------------------------------- */

static kj_value constant(eval *e, const kj_code_node *node)
{
    uint64_t bits = node->operand[0] | (uint64_t)node->operand[1] << 32;
    kj_value value = {.type = node->type, .integer = (int64_t)bits};
    if (node->op == KJ_OP_REAL) {
        value.type = KJ_TYPE_REAL;
        memcpy(&value.real, &bits, sizeof value.real);
    } else if (node->op == KJ_OP_STRING) {
        return kj_value_text(
            kj_defs_text(e->in->defs, (kj_disk_text){node->operand[0], node->operand[1]}));
    } else {
        value.type = node->op == KJ_OP_BOOL ? KJ_TYPE_BOOL : KJ_TYPE_INT;
    }
    return value;
}

static kj_value run_filesize(eval *e, const kj_code_node *node)
{
    (void)node;
    const kj_match_input *object = e->in->object;
    return object ? kj_value_int((int64_t)object->bytes.len) : kj_value_undefined();
}

static kj_value run_entrypoint(eval *e, const kj_code_node *node)
{
    (void)node;
    const kj_match_input *object = e->in->object;
    return object && object->has_entry_point ? kj_value_int((int64_t)object->entry_point)
                                             : kj_value_undefined();
}

static kj_value run_variable(eval *e, const kj_code_node *node)
{
    return node->index < KJ_EXPR_MAX_VARIABLES ? e->variables[node->index]
                                               : give_up(e, KJ_INTERNAL);
}

static kj_value stored_external(eval *e, const kj_disk_external *external)
{
    uint64_t bits = external->value[0] | (uint64_t)external->value[1] << 32;
    kj_value value = {.type = (kj_type)external->type, .integer = (int64_t)bits};
    if (value.type == KJ_TYPE_STRING)
        value.text =
            kj_defs_text(e->in->defs, (kj_disk_text){external->value[0], external->value[1]});
    else if (value.type == KJ_TYPE_REAL)
        memcpy(&value.real, &bits, sizeof value.real);
    return value;
}

static kj_value run_external(eval *e, const kj_code_node *node)
{
    const kj_disk_external *external = kj_defs_external(e->in->defs, node->index);
    if (!external)
        return give_up(e, KJ_INTERNAL);
    const kj_match_input *object = e->in->object;
    if (object && object->external) {
        kj_value value = object->external(object->user, kj_defs_text(e->in->defs, external->name));
        if (value.type == (kj_type)external->type)
            return value;
    }
    return stored_external(e, external);
}

static bool matches(eval *e, uint32_t index, kj_span text)
{
    const kj_disk_pattern *pattern = kj_defs_pattern(e->in->defs, index);
    bool found = false;
    if (!pattern || !e->in->regex) {
        (void)give_up(e, KJ_INTERNAL);
        return false;
    }
    kj_status status =
        kj_regex_find(e->in->regex, e->in->defs, pattern->forward, text, e->in->steps, &found);
    if (status != KJ_OK)
        (void)give_up(e, status);
    return found;
}

static bool argument_matches(const kj_field_call *call, kj_value regex, kj_span text)
{
    eval *e = call->engine;
    return e->status == KJ_OK && regex.type == KJ_TYPE_REGEX &&
           matches(e, (uint32_t)regex.integer, text);
}

static bool pay_bytes(const kj_field_call *call, uint64_t bytes)
{
    return pay(call->engine, bytes / BYTES_A_STEP + 1);
}

static kj_value run_field(eval *e, const kj_code_node *node)
{
    enum { MAX_ARGS = 16 };
    kj_value args[MAX_ARGS];
    bool postponed = false;
    const kj_match_input *object = e->in->object;
    if (!object || !object->field || node->count > MAX_ARGS)
        return kj_value_undefined();
    eval_args(e, node, args, node->count);
    for (uint32_t i = 0; i < node->count; i++)
        if (!defined(args[i]))
            return kj_value_undefined();
    const kj_field_call call = {
        .id = node->index,
        .args = args,
        .count = node->count,
        .matches = argument_matches,
        .pay = pay_bytes,
        .postponed = e->pending ? &postponed : NULL,
        .engine = e,
    };
    kj_value value = object->field(object->user, &call);
    e->unknown |= postponed;
    return value;
}

/* The number that 4 or 8 bytes hold as IEEE 754 has them. */
static kj_value real_of_bits(uint64_t bits, size_t width)
{
    double real;
    if (width == sizeof(float)) {
        uint32_t half = (uint32_t)bits;
        float narrow;
        memcpy(&narrow, &half, sizeof narrow);
        real = (double)narrow;
    } else {
        memcpy(&real, &bits, sizeof real);
    }
    return kj_value_real(real);
}

static kj_value run_read(eval *e, const kj_code_node *node)
{
    kj_value at;
    eval_args(e, node, &at, 1);
    const kj_match_input *object = e->in->object;
    size_t width = node->index & KJ_READ_WIDTH;
    if (!object || !is_int(at) || at.integer < 0 || width == 0 || width > 8 ||
        (uint64_t)at.integer > object->bytes.len || width > object->bytes.len - (size_t)at.integer)
        return kj_value_undefined();
    const uint8_t *bytes = object->bytes.data + at.integer;
    uint64_t value = 0;
    for (size_t i = 0; i < width; i++)
        value = value << 8 | bytes[node->index & KJ_READ_BIG_ENDIAN ? i : width - 1 - i];
    if (node->index & KJ_READ_REAL)
        return real_of_bits(value, width);
    if (node->index & KJ_READ_SIGNED) {
        unsigned unused = 64 - 8 * (unsigned)width;
        return kj_value_int((int64_t)(value << unused) >> unused);
    }
    return kj_value_int((int64_t)value);
}

/* ---- patterns -------------------------------------------------------------------------------- */

static uint32_t pattern_of(const eval *e, const kj_code_node *node)
{
    return node->index == KJ_NONE ? e->pattern : node->index;
}

static const kj_hit *hits_of(eval *e, const kj_code_node *node, size_t *out_count)
{
    *out_count = 0;
    uint32_t pattern = pattern_of(e, node);
    if (!e->in->search || pattern >= e->in->defs->patterns.count)
        return NULL;
    if (!kj_search_knows(e->in->search, pattern)) {
        kj_search_want(e->in->search, pattern);
        e->unknown = true;
        return NULL;
    }
    return kj_search_hits(e->in->search, pattern, out_count);
}

static size_t hits_between(const kj_hit *hits, size_t count, int64_t from, int64_t to)
{
    if (to < from || to < 0)
        return 0;
    size_t first = kj_hit_first_from(hits, count, from < 0 ? 0 : (uint64_t)from);
    size_t end = to == INT64_MAX ? count : kj_hit_first_from(hits, count, (uint64_t)to + 1);
    return end - first;
}

static kj_value run_found(eval *e, const kj_code_node *node)
{
    size_t count;
    (void)hits_of(e, node, &count);
    return kj_value_bool(count != 0);
}

/* One place is looked at without a search. */
static kj_value run_found_at(eval *e, const kj_code_node *node)
{
    kj_value at;
    bool found = false;
    eval_args(e, node, &at, 1);
    if (!is_int(at))
        return kj_value_undefined();
    uint32_t pattern = pattern_of(e, node);
    if (!e->in->search || at.integer < 0 || !pay(e, 1))
        return kj_value_bool(false);
    if (!kj_search_at(e->in->search, pattern, (uint64_t)at.integer, &found)) {
        kj_search_want(e->in->search, pattern);
        e->unknown = true;
    }
    return kj_value_bool(found);
}

static kj_value run_found_in(eval *e, const kj_code_node *node)
{
    kj_value range[2];
    size_t count;
    bool found = false;
    eval_args(e, node, range, 2);
    if (!is_int(range[0]) || !is_int(range[1]))
        return kj_value_undefined();
    int64_t from = range[0].integer < 0 ? 0 : range[0].integer, to = range[1].integer;
    if (!e->in->search || to < from || !pay(e, 1))
        return kj_value_bool(false);
    if (!kj_search_in(e->in->search, pattern_of(e, node), (uint64_t)from, (uint64_t)to, &found))
        (void)hits_of(e, node, &count); /* asks for them */
    return kj_value_bool(found);
}

static kj_value run_count(eval *e, const kj_code_node *node)
{
    size_t count;
    const kj_hit *hits = hits_of(e, node, &count);
    if (node->count < 2)
        return kj_value_int((int64_t)count);
    kj_value range[2];
    eval_args(e, node, range, 2);
    if (!is_int(range[0]) || !is_int(range[1]))
        return kj_value_undefined();
    return kj_value_int((int64_t)hits_between(hits, count, range[0].integer, range[1].integer));
}

static const kj_hit *nth_hit(eval *e, const kj_code_node *node)
{
    kj_value number;
    size_t count;
    eval_args(e, node, &number, 1);
    const kj_hit *hits = hits_of(e, node, &count);
    if (!is_int(number) || number.integer < 1 || (uint64_t)number.integer > count)
        return NULL;
    return &hits[number.integer - 1];
}

static kj_value run_offset(eval *e, const kj_code_node *node)
{
    const kj_hit *hit = nth_hit(e, node);
    return hit ? kj_value_int((int64_t)hit->offset) : kj_value_undefined();
}

static kj_value run_length(eval *e, const kj_code_node *node)
{
    const kj_hit *hit = nth_hit(e, node);
    return hit ? kj_value_int(hit->len) : kj_value_undefined();
}

static kj_value run_rule(eval *e, const kj_code_node *node)
{
    if (e->in->undecided && kj_bits_has(e->in->undecided, node->index))
        e->unknown = true;
    return kj_value_bool(e->in->seen && kj_sightings_has_rule(e->in->seen, node->index));
}

static kj_value run_artifact(eval *e, const kj_code_node *node)
{
    return kj_value_bool(e->in->seen && kj_sightings_has_artifact(e->in->seen, node->index));
}

/* ---- logic ----------------------------------------------------------------------------------- */

/* What operands that are not known leave open. `decisive`: the truth of an operand that decides. */
static kj_value run_until(eval *e, const kj_code_node *node, bool decisive)
{
    uint32_t at = node->args;
    bool before = e->unknown, pending = e->pending, open = false, decided = false;
    for (uint32_t i = 0; i < node->count && e->status == KJ_OK && !decided; i++) {
        e->unknown = false;
        bool holds = is_true(eval_next(e, node, &at));
        decided = !e->unknown && holds == decisive;
        open |= e->unknown;
        e->pending = pending || open;
    }
    e->pending = pending;
    e->unknown = before || (open && !decided);
    return kj_value_bool(decided == decisive);
}

static kj_value run_and(eval *e, const kj_code_node *node)
{
    return run_until(e, node, false);
}

static kj_value run_or(eval *e, const kj_code_node *node)
{
    return run_until(e, node, true);
}

static kj_value run_not(eval *e, const kj_code_node *node)
{
    kj_value value;
    eval_args(e, node, &value, 1);
    return defined(value) ? kj_value_bool(!is_true(value)) : value;
}

static kj_value run_defined(eval *e, const kj_code_node *node)
{
    kj_value value;
    eval_args(e, node, &value, 1);
    return kj_value_bool(defined(value));
}

static kj_value run_to_bool(eval *e, const kj_code_node *node)
{
    kj_value value;
    eval_args(e, node, &value, 1);
    switch (value.type) {
    case KJ_TYPE_UNDEFINED:
        return value;
    case KJ_TYPE_REAL:
        return kj_value_bool(value.real != 0.0);
    case KJ_TYPE_STRING:
        return kj_value_bool(value.text.len != 0);
    default:
        return kj_value_bool(value.integer != 0);
    }
}

/* ---- quantifiers ----------------------------------------------------------------------------- */

/* Counts how many of `total` items hold and decides as soon as that is possible. */
typedef struct tally {
    kj_quantifier quantifier;
    uint64_t needed; /* ALL, ANY, COUNT, PERCENT: this many; NO: none may */
    uint64_t held;
    uint64_t tried;
    uint64_t open; /* of those tried: it is not known whether they hold */
    bool possible; /* false: more per cent than there are, or than is known */
    bool unknown;  /* what the evaluation depended on before */
} tally;

/* Negative numbers ask for nothing. One that is undefined is "all" to libyara, which writes "all"
 * as an undefined number; a percentage that is undefined makes the whole so. */

static tally start_tally(eval *e, const kj_code_node *node, kj_value number, uint64_t total)
{
    tally t = {.quantifier = node->quantifier, .possible = true, .unknown = e->unknown};
    e->unknown = false;
    switch (node->quantifier) {
    case KJ_Q_ALL:
        t.needed = total;
        break;
    case KJ_Q_ANY:
        t.needed = 1;
        break;
    case KJ_Q_COUNT:
        if (!is_int(number)) {
            t.quantifier = KJ_Q_ALL;
            t.needed = total;
        } else if (number.integer == 0) {
            t.quantifier = KJ_Q_NO;
        } else if (number.integer > 0) {
            t.needed = (uint64_t)number.integer;
        }
        break;
    case KJ_Q_PERCENT:
        t.possible = is_int(number) && number.integer <= 100;
        if (t.possible && number.integer > 0)
            t.needed = (total * (uint64_t)number.integer + 99) / 100;
        break;
    default:
        break;
    }
    return t;
}

/* Whether nothing that follows can change the answer. */
static bool decided(const tally *t)
{
    if (t->quantifier == KJ_Q_NO)
        return t->held > 0;
    if (t->quantifier == KJ_Q_ALL)
        return t->held + t->open < t->tried;
    return t->held >= t->needed;
}

static bool add_to_tally(eval *e, tally *t, bool holds)
{
    t->tried++;
    if (e->unknown)
        t->open++;
    else
        t->held += holds;
    e->unknown = false;
    return !decided(t);
}

static kj_value outcome(eval *e, const tally *t)
{
    bool no = t->quantifier == KJ_Q_NO, none = !t->possible || t->tried == 0;
    bool open = !none && (no ? t->held == 0 && t->open > 0
                             : t->held < t->needed && t->open >= t->needed - t->held);
    e->unknown = t->unknown || open;
    return kj_value_bool(!none && (no ? t->held == 0 : t->held >= t->needed));
}

/* Reads the number of a COUNT or PERCENT and says how many args follow it. */
static kj_value read_number(eval *e, const kj_code_node *node, uint32_t *at, uint32_t *out_items)
{
    bool has = node->quantifier == KJ_Q_COUNT || node->quantifier == KJ_Q_PERCENT;
    *out_items = node->count;
    if (!has)
        return kj_value_undefined();
    if (node->count == 0)
        return give_up(e, KJ_INTERNAL);
    *out_items = node->count - 1;
    return eval_next(e, node, at);
}

/* Items that `of ... at` and `of ... in` make share their offsets: with these undefined, all are,
 * and so is the whole. */
static bool is_confined(const kj_code_node *item)
{
    return item->op == KJ_OP_FOUND_AT || item->op == KJ_OP_FOUND_IN;
}

static kj_value run_of(eval *e, const kj_code_node *node)
{
    uint32_t at = node->args, items;
    kj_value number = read_number(e, node, &at, &items);
    if (node->quantifier == KJ_Q_PERCENT && !defined(number))
        return number;
    tally t = start_tally(e, node, number, items);
    uint64_t nowhere = 0;
    for (uint32_t i = 0; t.possible && i < items && e->status == KJ_OK; i++) {
        kj_code_node item;
        if (!next_arg(e, node, &at, &item))
            break;
        kj_value value = run(e, &item);
        nowhere += is_confined(&item) && !defined(value);
        if (!add_to_tally(e, &t, is_true(value)))
            break;
    }
    kj_value result = outcome(e, &t);
    return nowhere && nowhere == t.tried ? kj_value_undefined() : result;
}

/* The body is the last arg: where it begins is known once the others were passed. */
static bool find_body(eval *e, const kj_code_node *node, uint32_t at, uint32_t items,
                      kj_code_node *out)
{
    for (uint32_t i = 0; i + 1 < items; i++) {
        if (!next_arg(e, node, &at, out))
            return false;
    }
    return items > 0 && next_arg(e, node, &at, out);
}

static kj_value run_for_patterns(eval *e, const kj_code_node *node)
{
    uint32_t at = node->args, items;
    kj_value number = read_number(e, node, &at, &items);
    kj_code_node body, item;
    if (!find_body(e, node, at, items, &body))
        return give_up(e, KJ_INTERNAL);
    tally t = start_tally(e, node, number, items - 1);
    uint32_t outer = e->pattern;
    for (uint32_t i = 0; t.possible && i + 1 < items && e->status == KJ_OK; i++) {
        if (!next_arg(e, node, &at, &item))
            break;
        e->pattern = item.index;
        if (!add_to_tally(e, &t, is_true(run(e, &body))))
            break;
    }
    e->pattern = outer;
    return outcome(e, &t);
}

static bool set_variable(eval *e, const kj_code_node *node, kj_value value)
{
    if (node->index >= KJ_EXPR_MAX_VARIABLES) {
        (void)give_up(e, KJ_INTERNAL);
        return false;
    }
    e->variables[node->index] = value;
    return true;
}

/* Runs the body for every integer from `from` to `to`. */
static kj_value loop(eval *e, const kj_code_node *node, kj_value number, int64_t from, int64_t to,
                     const kj_code_node *body)
{
    if (from > to)
        return kj_value_bool(false);
    tally t = start_tally(e, node, number, (uint64_t)to - (uint64_t)from + 1);
    for (int64_t i = from; t.possible && e->status == KJ_OK; i++) {
        if (!set_variable(e, node, kj_value_int(i)) ||
            !add_to_tally(e, &t, is_true(run(e, body))) || i == to)
            break;
        if (t.open) { /* the rest would cost much, and leave it as open */
            t.open = UINT64_MAX;
            break;
        }
    }
    return outcome(e, &t);
}

static kj_value run_for_range(eval *e, const kj_code_node *node)
{
    uint32_t at = node->args, items;
    kj_value number = read_number(e, node, &at, &items);
    if (items != 3)
        return give_up(e, KJ_INTERNAL);
    kj_value from = eval_next(e, node, &at), to = eval_next(e, node, &at);
    kj_code_node body;
    if (!next_arg(e, node, &at, &body) || !is_int(from) || !is_int(to))
        return kj_value_bool(false);
    return loop(e, node, number, from.integer, to.integer, &body);
}

static kj_value run_for_count(eval *e, const kj_code_node *node)
{
    uint32_t at = node->args, items;
    kj_value number = read_number(e, node, &at, &items);
    if (items != 2)
        return give_up(e, KJ_INTERNAL);
    kj_value length = eval_next(e, node, &at);
    kj_code_node body;
    if (!next_arg(e, node, &at, &body))
        return kj_value_undefined();
    bool known = defined(length) && length.type != KJ_TYPE_REAL && length.type != KJ_TYPE_STRING;
    return loop(e, node, number, 0, known ? length.integer - 1 : -1, &body);
}

static kj_value run_for_list(eval *e, const kj_code_node *node)
{
    uint32_t at = node->args, items;
    kj_value number = read_number(e, node, &at, &items);
    kj_code_node body;
    if (!find_body(e, node, at, items, &body))
        return give_up(e, KJ_INTERNAL);
    tally t = start_tally(e, node, number, items - 1);
    for (uint32_t i = 0; t.possible && i + 1 < items && e->status == KJ_OK; i++) {
        kj_value value = eval_next(e, node, &at);
        if (!set_variable(e, node, value) || !add_to_tally(e, &t, is_true(run(e, &body))))
            break;
    }
    return outcome(e, &t);
}

static kj_value run_with(eval *e, const kj_code_node *node)
{
    uint32_t at = node->args;
    kj_value value = eval_next(e, node, &at);
    return set_variable(e, node, value) ? eval_next(e, node, &at) : kj_value_undefined();
}

/* ---- comparisons ----------------------------------------------------------------------------- */

static bool decide(kj_op op, int order)
{
    switch (op) {
    case KJ_OP_EQ:
        return order == 0;
    case KJ_OP_NE:
        return order != 0;
    case KJ_OP_LT:
        return order < 0;
    case KJ_OP_LE:
        return order <= 0;
    case KJ_OP_GT:
        return order > 0;
    default:
        return order >= 0;
    }
}

/* As libyara does: two numbers are equal that differ by less than the smallest step at 1.0, and
 * what is no number is neither equal nor unequal to any. */
static bool decide_reals(kj_op op, double a, double b)
{
    double apart = a < b ? b - a : a - b;
    switch (op) {
    case KJ_OP_EQ:
        return apart < DBL_EPSILON;
    case KJ_OP_NE:
        return apart >= DBL_EPSILON;
    case KJ_OP_LT:
        return a < b;
    case KJ_OP_LE:
        return a <= b;
    case KJ_OP_GT:
        return a > b;
    default:
        return a >= b;
    }
}

static kj_value run_compare(eval *e, const kj_code_node *node)
{
    kj_value v[2];
    eval_args(e, node, v, 2);
    if (is_int(v[0]) && is_int(v[1])) {
        int order = v[0].integer < v[1].integer ? -1 : v[0].integer > v[1].integer;
        return kj_value_bool(decide(node->op, order));
    }
    if (v[0].type == KJ_TYPE_STRING && v[1].type == KJ_TYPE_STRING)
        return kj_value_bool(decide(node->op, kj_span_compare(v[0].text, v[1].text)));
    if (v[0].type == KJ_TYPE_REAL && v[1].type == KJ_TYPE_REAL)
        return kj_value_bool(decide_reals(node->op, v[0].real, v[1].real));
    return kj_value_undefined();
}

static bool ends_with(kj_span text, kj_span tail, bool nocase)
{
    if (tail.len > text.len)
        return false;
    kj_span end = kj_span_sub(text, text.len - tail.len, SIZE_MAX);
    return nocase ? kj_text_equal_nocase(end, tail) : kj_span_equal(end, tail);
}

static bool compare_texts(kj_op op, kj_span a, kj_span b)
{
    switch (op) {
    case KJ_OP_CONTAINS:
        return kj_span_find(a, b, 0) != SIZE_MAX;
    case KJ_OP_ICONTAINS:
        return kj_text_find_nocase(a, b) != SIZE_MAX;
    case KJ_OP_STARTSWITH:
        return kj_span_starts(a, b);
    case KJ_OP_ISTARTSWITH:
        return kj_text_equal_nocase(kj_span_sub(a, 0, b.len), b);
    case KJ_OP_ENDSWITH:
        return ends_with(a, b, false);
    case KJ_OP_IENDSWITH:
        return ends_with(a, b, true);
    default:
        return kj_text_equal_nocase(a, b);
    }
}

static kj_value run_text(eval *e, const kj_code_node *node)
{
    kj_value v[2];
    eval_args(e, node, v, 2);
    if (v[0].type != KJ_TYPE_STRING || v[1].type != KJ_TYPE_STRING ||
        !pay(e, v[0].text.len / BYTES_A_STEP))
        return kj_value_undefined();
    return kj_value_bool(compare_texts(node->op, v[0].text, v[1].text));
}

static kj_value run_matches(eval *e, const kj_code_node *node)
{
    uint32_t at = node->args;
    kj_value text = eval_next(e, node, &at);
    kj_code_node regex;
    if (!next_arg(e, node, &at, &regex) || text.type != KJ_TYPE_STRING)
        return kj_value_undefined();
    if (regex.op != KJ_OP_REGEX)
        return give_up(e, KJ_INTERNAL);
    return kj_value_bool(matches(e, regex.index, text.text));
}

/* ---- arithmetic ------------------------------------------------------------------------------ */

static kj_value shift(kj_op op, int64_t value, int64_t by)
{
    if (by < 0)
        return kj_value_undefined();
    if (by >= 64)
        return kj_value_int(0);
    return kj_value_int(op == KJ_OP_SHL ? (int64_t)((uint64_t)value << by) : value >> by);
}

/* INT64_MIN / -1 does not fit: undefined, like division by zero. */
static kj_value divide(kj_op op, int64_t a, int64_t b)
{
    if (b == 0 || (a == INT64_MIN && b == -1))
        return kj_value_undefined();
    return kj_value_int(op == KJ_OP_DIV ? a / b : a % b);
}

static kj_value int_arithmetic(kj_op op, int64_t a, int64_t b)
{
    uint64_t x = (uint64_t)a, y = (uint64_t)b;
    switch (op) {
    case KJ_OP_ADD:
        return kj_value_int((int64_t)(x + y));
    case KJ_OP_SUB:
        return kj_value_int((int64_t)(x - y));
    case KJ_OP_MUL:
        return kj_value_int((int64_t)(x * y));
    case KJ_OP_BIT_AND:
        return kj_value_int((int64_t)(x & y));
    case KJ_OP_BIT_OR:
        return kj_value_int((int64_t)(x | y));
    case KJ_OP_BIT_XOR:
        return kj_value_int((int64_t)(x ^ y));
    case KJ_OP_SHL:
    case KJ_OP_SHR:
        return shift(op, a, b);
    default:
        return divide(op, a, b);
    }
}

static kj_value real_arithmetic(kj_op op, double a, double b)
{
    switch (op) {
    case KJ_OP_ADD:
        return kj_value_real(a + b);
    case KJ_OP_SUB:
        return kj_value_real(a - b);
    case KJ_OP_MUL:
        return kj_value_real(a * b);
    case KJ_OP_DIV:
        return kj_value_real(a / b); /* by zero: infinity, or no number */
    default:
        return kj_value_undefined();
    }
}

static kj_value combine(kj_op op, kj_value a, kj_value b)
{
    if (is_int(a) && is_int(b))
        return int_arithmetic(op, a.integer, b.integer);
    if (a.type == KJ_TYPE_REAL && b.type == KJ_TYPE_REAL)
        return real_arithmetic(op, a.real, b.real);
    return kj_value_undefined();
}

static kj_value run_arithmetic(eval *e, const kj_code_node *node)
{
    uint32_t at = node->args;
    kj_value result = eval_next(e, node, &at);
    for (uint32_t i = 1; i < node->count && defined(result); i++)
        result = combine(node->op, result, eval_next(e, node, &at));
    return result;
}

static kj_value run_unary(eval *e, const kj_code_node *node)
{
    kj_value v;
    eval_args(e, node, &v, 1);
    if (node->op == KJ_OP_TO_REAL)
        return is_int(v) ? kj_value_real((double)v.integer) : v;
    if (is_int(v))
        return kj_value_int(node->op == KJ_OP_NEG ? (int64_t)(0 - (uint64_t)v.integer)
                                                  : ~v.integer);
    if (v.type == KJ_TYPE_REAL && node->op == KJ_OP_NEG)
        return kj_value_real(-v.real);
    return kj_value_undefined();
}

static kj_value run_to_int(eval *e, const kj_code_node *node)
{
    kj_value v;
    eval_args(e, node, &v, 1);
    bool whole = v.type == KJ_TYPE_BOOL || v.type == KJ_TYPE_INT;
    return kj_value_int(whole ? v.integer : 0);
}

/* An argument of a module's function: MATCHES reads its own. */
static kj_value run_regex(eval *e, const kj_code_node *node)
{
    (void)e;
    return (kj_value){.type = KJ_TYPE_REGEX, .integer = node->index};
}

/* ---- dispatch -------------------------------------------------------------------------------- */

typedef kj_value (*runner)(eval *e, const kj_code_node *node);

static const runner runners[KJ_OP_COUNT] = {
    [KJ_OP_BOOL] = constant,
    [KJ_OP_INT] = constant,
    [KJ_OP_REAL] = constant,
    [KJ_OP_STRING] = constant,
    [KJ_OP_REGEX] = run_regex,
    [KJ_OP_FILESIZE] = run_filesize,
    [KJ_OP_ENTRYPOINT] = run_entrypoint,
    [KJ_OP_VARIABLE] = run_variable,
    [KJ_OP_EXTERNAL] = run_external,
    [KJ_OP_FIELD] = run_field,
    [KJ_OP_READ] = run_read,
    [KJ_OP_FOUND] = run_found,
    [KJ_OP_FOUND_AT] = run_found_at,
    [KJ_OP_FOUND_IN] = run_found_in,
    [KJ_OP_COUNT_OF] = run_count,
    [KJ_OP_OFFSET_OF] = run_offset,
    [KJ_OP_LENGTH_OF] = run_length,
    [KJ_OP_RULE] = run_rule,
    [KJ_OP_ARTIFACT] = run_artifact,
    [KJ_OP_AND] = run_and,
    [KJ_OP_OR] = run_or,
    [KJ_OP_NOT] = run_not,
    [KJ_OP_DEFINED] = run_defined,
    [KJ_OP_OF] = run_of,
    [KJ_OP_FOR_PATTERNS] = run_for_patterns,
    [KJ_OP_FOR_RANGE] = run_for_range,
    [KJ_OP_FOR_LIST] = run_for_list,
    [KJ_OP_FOR_COUNT] = run_for_count,
    [KJ_OP_WITH] = run_with,
    [KJ_OP_EQ] = run_compare,
    [KJ_OP_NE] = run_compare,
    [KJ_OP_LT] = run_compare,
    [KJ_OP_LE] = run_compare,
    [KJ_OP_GT] = run_compare,
    [KJ_OP_GE] = run_compare,
    [KJ_OP_CONTAINS] = run_text,
    [KJ_OP_ICONTAINS] = run_text,
    [KJ_OP_STARTSWITH] = run_text,
    [KJ_OP_ISTARTSWITH] = run_text,
    [KJ_OP_ENDSWITH] = run_text,
    [KJ_OP_IENDSWITH] = run_text,
    [KJ_OP_IEQUALS] = run_text,
    [KJ_OP_MATCHES] = run_matches,
    [KJ_OP_NEG] = run_unary,
    [KJ_OP_ADD] = run_arithmetic,
    [KJ_OP_SUB] = run_arithmetic,
    [KJ_OP_MUL] = run_arithmetic,
    [KJ_OP_DIV] = run_arithmetic,
    [KJ_OP_MOD] = run_arithmetic,
    [KJ_OP_BIT_NOT] = run_unary,
    [KJ_OP_BIT_AND] = run_arithmetic,
    [KJ_OP_BIT_OR] = run_arithmetic,
    [KJ_OP_BIT_XOR] = run_arithmetic,
    [KJ_OP_SHL] = run_arithmetic,
    [KJ_OP_SHR] = run_arithmetic,
    [KJ_OP_TO_REAL] = run_unary,
    [KJ_OP_TO_BOOL] = run_to_bool,
    [KJ_OP_TO_INT] = run_to_int,
};

static kj_value run(eval *e, const kj_code_node *node)
{
    if (e->status != KJ_OK)
        return kj_value_undefined();
    if (e->depth >= KJ_EXPR_MAX_DEPTH)
        return give_up(e, KJ_INTERNAL);
    if (!pay(e, 1))
        return kj_value_undefined();
    e->depth++;
    kj_value value = runners[node->op](e, node);
    e->depth--;
    return value;
}

static kj_status end_of(const eval *e, kj_error *err)
{
    if (e->status == KJ_LIMIT)
        return kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET, "a condition takes too long");
    if (e->status != KJ_OK)
        return kj_fail(err, e->status, KJ_NO_OFFSET, "a condition is damaged");
    return KJ_OK;
}

static kj_value start(eval *e, uint32_t code)
{
    kj_code_node node = kj_code_read(e->in->defs, code, e->in->defs->code.count);
    return node.ok ? run(e, &node) : give_up(e, KJ_INTERNAL);
}

kj_status kj_condition_run(const kj_condition_input *input, uint32_t code, kj_truth *out,
                           kj_error *err)
{
    eval e = {.in = input, .pattern = KJ_NONE};
    bool holds = is_true(start(&e, code));
    KJ_TRY(end_of(&e, err));
    *out = e.unknown ? KJ_UNKNOWN : holds ? KJ_TRUE : KJ_FALSE;
    return KJ_OK;
}

kj_status kj_condition_value(const kj_condition_input *input, uint32_t code, kj_value *out,
                             kj_error *err)
{
    eval e = {.in = input, .pattern = KJ_NONE};
    *out = start(&e, code);
    return end_of(&e, err);
}
