/* SPDX-License-Identifier: Apache-2.0 */
#include "defs/dispatch.h"

#include "base/arith.h"
#include "base/crc32c.h"
#include "base/vec.h"
#include "defs/triggers.h"

#include <math.h>

enum {
    ANCHORS_MAX = 64,  /* places that are worth a look in every object */
    NEAR_START = 4096, /* constant places behind this are searched */
    GATES_SHARED = 8,  /* rules that make just any condition a gate */
    DEPTH_MAX = 8,     /* of conditions that are looked into */
    CODES_MAX = 64 << 20,
};

/* As the cost of a trigger (hits a MiB), for what is looked at once an object: most objects begin
 * with one of a few magic numbers; an entry point has one of many codes. */
static const double COST_AT_START = 0.5;
static const double COST_AT_PLACE = 0.02;
static const double COST_WITHOUT_WINDOW = 2;
/* Of an expression: magic numbers hold often, so do bounds of the size, and where they do a rule
 * that has strings makes the object be gone over again; a fact that is a text, or is asked for by
 * one, seldom has just that value. */
static const double COST_OF_ANY = 5000;
static const double COST_OF_FACT = 1;

/* A rule (by file index) and what makes it possible: a needle, an anchor, a gate. */
struct pair {
    uint32_t key;
    uint32_t rule;
    uint32_t views; /* the rule's */
};

typedef KJ_VEC(struct pair) pair_list;

struct window {
    uint32_t anchor;
    uint32_t views;
    kj_disk_anchored item;
};

/* Something that rules have among the operands of their `and`. */
struct gate {
    size_t code; /* in `codes` */
    size_t len;
    uint32_t rules;  /* how many */
    bool is_magic;   /* it compares bytes at a fixed place */
    bool is_used;    /* rules are behind it, or gates */
    uint32_t within; /* the gate that is open where this one can be; KJ_NONE: none */
    uint32_t views;  /* of the rules behind it, and behind those inside of it */
    uint32_t number; /* in the file */
};

typedef struct dispatch {
    const kj_dispatch_input *in;
    kj_dispatch_output *out;
    kj_arena arena;
    kj_triggers *sets; /* by IR rule */
    KJ_VEC(const kj_expr *) places;
    KJ_VEC(struct window) windows;
    KJ_VEC(struct gate) gates;
    uint32_t *gate_slots; /* open addressing: index + 1 */
    size_t gate_slot_count;
    kj_buf codes;
    pair_list triggered; /* by needle */
    pair_list anchored;  /* by place */
    pair_list gated;     /* by gate */
    KJ_VEC(uint32_t) always;
    bool failed; /* no memory */
} dispatch;

/* KJ_RULE_VIEW_... of a rule. `rule`: an IR index, here and below. */
static uint32_t views_of(const dispatch *d, uint32_t rule)
{
    return d->in->ir->rules.items[rule].flags & (uint32_t)KJ_RULE_VIEWS;
}

static void add_pair(dispatch *d, pair_list *list, uint32_t key, uint32_t rule)
{
    struct pair pair = {key, d->in->map->rules[rule], views_of(d, rule)};
    d->failed |= !kj_vec_add(list, pair);
}

static uint32_t needle_of(const dispatch *d, uint32_t pattern)
{
    return kj_patterns_needle(d->in->builder, d->in->map->patterns[pattern]);
}

/* ---- gates --------------------------------------------------------------------------------- */

static const kj_schema *find_schema(const dispatch *d, uint32_t id)
{
    for (size_t i = 0; i < d->in->schema_count; i++)
        if (d->in->schemas[i]->id == id)
            return d->in->schemas[i];
    return NULL;
}

bool kj_has_effects(const kj_schema *const *schemas, size_t count, const kj_expr *expr)
{
    for (size_t i = 0; i < count && expr->op == KJ_OP_FIELD; i++)
        if (schemas[i]->id == expr->index >> 16 && schemas[i]->has_effects)
            return true;
    for (size_t i = 0; i < expr->count; i++)
        if (kj_has_effects(schemas, count, expr->args[i]))
            return true;
    return false;
}

static bool has_effects(const dispatch *d, const kj_expr *expr)
{
    return kj_has_effects(d->in->schemas, d->in->schema_count, expr);
}

static bool is_costly(const dispatch *d, const kj_expr *expr)
{
    const kj_schema *schema = expr->op == KJ_OP_FIELD ? find_schema(d, expr->index >> 16) : NULL;
    for (size_t i = 0; schema && i < schema->count; i++)
        if (schema->fields[i].id == (uint16_t)expr->index)
            return schema->fields[i].costly;
    return false;
}

/* Whether it is the same for all rules that look at the object, without any strings, and soon
 * known. */
static bool can_be_gate(const dispatch *d, const kj_expr *expr, unsigned depth)
{
    static const bool barred[KJ_OP_COUNT] = {
        [KJ_OP_FOUND] = true,    [KJ_OP_FOUND_AT] = true,  [KJ_OP_FOUND_IN] = true,
        [KJ_OP_COUNT_OF] = true, [KJ_OP_OFFSET_OF] = true, [KJ_OP_LENGTH_OF] = true,
        [KJ_OP_RULE] = true,     [KJ_OP_ARTIFACT] = true,  [KJ_OP_FOR_PATTERNS] = true,
    };
    if (barred[expr->op] || depth > DEPTH_MAX || is_costly(d, expr))
        return false;
    for (size_t i = 0; i < expr->count; i++)
        if (!can_be_gate(d, expr->args[i], depth + 1))
            return false;
    return true;
}

static bool has_op(const kj_expr *expr, kj_op op)
{
    bool found = expr->op == op;
    for (size_t i = 0; i < expr->count && !found; i++)
        found = has_op(expr->args[i], op);
    return found;
}

static bool is_magic(const kj_expr *expr)
{
    return expr->op == KJ_OP_EQ && expr->args[0]->op == KJ_OP_READ &&
           expr->args[0]->args[0]->op == KJ_OP_INT && expr->args[1]->op == KJ_OP_INT;
}

static kj_span gate_code(const dispatch *d, const struct gate *gate)
{
    return kj_span_of(d->codes.data + gate->code, gate->len);
}

static bool grow_gate_slots(dispatch *d)
{
    if ((d->gates.count + 1) * 2 <= d->gate_slot_count)
        return true;
    size_t count = d->gate_slot_count ? d->gate_slot_count * 2 : 256;
    uint32_t *slots = calloc(count, sizeof *slots);
    if (!slots)
        return false;
    for (size_t i = 0; i < d->gates.count; i++) {
        size_t at = kj_crc32c(gate_code(d, &d->gates.items[i])) & (count - 1);
        while (slots[at])
            at = (at + 1) & (count - 1);
        slots[at] = (uint32_t)i + 1;
    }
    free(d->gate_slots);
    d->gate_slots = slots;
    d->gate_slot_count = count;
    return true;
}

/* The number of the gate that is this expression; a new one if need be. KJ_NONE: it cannot be. */
static uint32_t find_gate(dispatch *d, const kj_expr *expr)
{
    uint32_t word;
    size_t start = d->codes.len;
    if (!can_be_gate(d, expr, 0) || !grow_gate_slots(d) ||
        kj_code_write(expr, d->in->map, d->in->strings, &d->codes, &word, NULL) != KJ_OK)
        return KJ_NONE;
    struct gate gate = {
        .code = start, .len = d->codes.len - start, .is_magic = is_magic(expr), .within = KJ_NONE};
    kj_span code = gate_code(d, &gate);
    size_t mask = d->gate_slot_count - 1, at = kj_crc32c(code) & mask;
    for (; d->gate_slots[at]; at = (at + 1) & mask) {
        uint32_t known = d->gate_slots[at] - 1;
        if (kj_span_equal(gate_code(d, &d->gates.items[known]), code)) {
            d->codes.len = start;
            return known;
        }
    }
    if (!kj_vec_add(&d->gates, gate)) {
        d->failed = true;
        return KJ_NONE;
    }
    d->gate_slots[at] = (uint32_t)d->gates.count;
    return (uint32_t)d->gates.count - 1;
}

static bool is_everywhere(const kj_schema *schema, uint16_t field)
{
    for (size_t i = 0; i < schema->count; i++)
        if (schema->fields[i].id == field)
            return schema->fields[i].everywhere;
    return true;
}

/* The module without whose facts a value is undefined; NULL: there is none. */
static const kj_schema *module_of_value(const dispatch *d, const kj_expr *expr, unsigned depth)
{
    const kj_schema *found = NULL;
    switch (expr->op) {
    case KJ_OP_FIELD:
        found = find_schema(d, expr->index >> 16);
        return found && found->magic_len && !is_everywhere(found, (uint16_t)expr->index) ? found
                                                                                         : NULL;
    case KJ_OP_ADD:
    case KJ_OP_SUB:
    case KJ_OP_BIT_AND:
    case KJ_OP_READ:
    case KJ_OP_TO_REAL:
        break;
    default:
        return NULL;
    }
    for (size_t i = 0; i < expr->count && depth < DEPTH_MAX && !found; i++)
        found = module_of_value(d, expr->args[i], depth + 1);
    return found;
}

/* The module without whose facts a condition is false; NULL: there is none. */
static const kj_schema *module_of(const dispatch *d, const kj_expr *expr, unsigned depth)
{
    const kj_schema *found = NULL;
    size_t first = 0, end = expr->count;
    switch (depth < DEPTH_MAX ? expr->op : KJ_OP_BOOL) {
    case KJ_OP_AND:
        for (size_t i = 0; i < expr->count && !found; i++)
            found = module_of(d, expr->args[i], depth + 1);
        return found;
    case KJ_OP_OR:
        for (size_t i = 0; i < expr->count; i++) {
            const kj_schema *one = module_of(d, expr->args[i], depth + 1);
            if (!one || (i && one != found))
                return NULL;
            found = one;
        }
        return found;
    case KJ_OP_FOR_RANGE: /* a range that is not known is empty, and the loop false */
    case KJ_OP_FOR_COUNT:
        first = expr->quantifier == KJ_Q_COUNT || expr->quantifier == KJ_Q_PERCENT;
        end = expr->count - 1;
        break;
    case KJ_OP_EQ:
    case KJ_OP_NE:
    case KJ_OP_LT:
    case KJ_OP_LE:
    case KJ_OP_GT:
    case KJ_OP_GE:
    case KJ_OP_CONTAINS:
    case KJ_OP_ICONTAINS:
    case KJ_OP_STARTSWITH:
    case KJ_OP_ISTARTSWITH:
    case KJ_OP_ENDSWITH:
    case KJ_OP_IENDSWITH:
    case KJ_OP_IEQUALS:
    case KJ_OP_MATCHES:
    case KJ_OP_TO_BOOL:
        break;
    case KJ_OP_NOT: /* of what is undefined is undefined */
        return expr->args[0]->op == KJ_OP_TO_BOOL ? module_of(d, expr->args[0], depth + 1) : NULL;
    case KJ_OP_FIELD:
        end = 0;
        found = module_of_value(d, expr, depth);
        break;
    default:
        end = 0;
        break;
    }
    for (size_t i = first; i < end && !found; i++)
        found = module_of_value(d, expr->args[i], depth + 1);
    return found;
}

/* `uint16(0) == 0x5A4D` for a module's magic of two bytes, uint32 for one of four. */
static const kj_expr *magic_of(dispatch *d, const kj_schema *schema)
{
    kj_expr *nodes = kj_new_array(&d->arena, kj_expr, 4);
    kj_expr **args = kj_new_array(&d->arena, kj_expr *, 3);
    if (!nodes || !args) {
        d->failed = true;
        return NULL;
    }
    uint32_t magic = 0;
    for (unsigned i = 0; i < schema->magic_len; i++)
        magic |= (uint32_t)(uint8_t)schema->magic[i] << (8 * i);
    nodes[0] = (kj_expr){.op = KJ_OP_EQ, .type = KJ_TYPE_BOOL, .args = args, .count = 2};
    nodes[1] = (kj_expr){.op = KJ_OP_READ,
                         .type = KJ_TYPE_INT,
                         .index = schema->magic_len,
                         .args = args + 2,
                         .count = 1};
    nodes[2] = (kj_expr){.op = KJ_OP_INT, .type = KJ_TYPE_INT, .integer = magic};
    nodes[3] = (kj_expr){.op = KJ_OP_INT, .type = KJ_TYPE_INT};
    args[0] = &nodes[1];
    args[1] = &nodes[2];
    args[2] = &nodes[3];
    return nodes;
}

/* The operands of a condition's `and`: it is false where one of them is. */
static size_t count_operands(const kj_expr *condition)
{
    return condition->op == KJ_OP_AND ? condition->count : 1;
}

static const kj_expr *operand(const kj_expr *condition, size_t index)
{
    return condition->op == KJ_OP_AND ? condition->args[index] : condition;
}

static uint32_t gate_of_module(dispatch *d, const kj_schema *module)
{
    const kj_expr *magic = magic_of(d, module);
    return magic ? find_gate(d, magic) : KJ_NONE;
}

static void put_behind(dispatch *d, uint32_t gate, uint32_t rule)
{
    d->gates.items[gate].is_used = true;
    d->gates.items[gate].views |= views_of(d, rule);
    add_pair(d, &d->gated, gate, rule);
}

/* The expression as a gate of its own, inside that of its module. */
static void use_gate_of(dispatch *d, const kj_expr *expr, uint32_t rule)
{
    const kj_schema *module = module_of(d, expr, 0);
    uint32_t outer = module ? gate_of_module(d, module) : KJ_NONE;
    uint32_t gate = find_gate(d, expr);
    if (gate == KJ_NONE) {
        d->failed = true;
        return;
    }
    if (outer != KJ_NONE && outer != gate) {
        d->gates.items[outer].is_used = true;
        d->gates.items[outer].views |= views_of(d, rule);
        d->gates.items[gate].within = outer;
    }
    put_behind(d, gate, rule);
}

/* Counts, for each operand, the rules that have it. */
static void count_gates(dispatch *d, const kj_expr *condition)
{
    for (size_t i = 0; i < count_operands(condition) && !d->failed; i++) {
        uint32_t gate = find_gate(d, operand(condition, i));
        if (gate != KJ_NONE)
            d->gates.items[gate].rules++;
    }
}

/* The best gate of a rule: bytes at a fixed place, what its module asks for, or something that many
 * rules ask for. KJ_NONE: there is none. */
static uint32_t choose_gate(dispatch *d, const kj_expr *condition)
{
    uint32_t magic = KJ_NONE, shared = KJ_NONE;
    const kj_schema *module = NULL;
    for (size_t i = 0; i < count_operands(condition) && !d->failed; i++) {
        uint32_t gate = find_gate(d, operand(condition, i));
        uint32_t *best = gate != KJ_NONE && d->gates.items[gate].is_magic ? &magic : &shared;
        if (gate != KJ_NONE &&
            (*best == KJ_NONE || d->gates.items[gate].rules > d->gates.items[*best].rules))
            *best = gate;
        module = module ? module : module_of(d, operand(condition, i), 0);
    }
    if (magic != KJ_NONE)
        return magic;
    if (module)
        return gate_of_module(d, module);
    return shared != KJ_NONE && d->gates.items[shared].rules >= GATES_SHARED ? shared : KJ_NONE;
}

static void use_gate(dispatch *d, const kj_expr *condition, uint32_t rule)
{
    uint32_t gate = choose_gate(d, condition);
    if (gate == KJ_NONE || has_effects(d, condition))
        d->failed |= !kj_vec_add(&d->always, d->in->map->rules[rule]);
    else
        put_behind(d, gate, rule);
}

/* ---- triggers ------------------------------------------------------------------------------ */

static bool is_same_place(const kj_expr *a, const kj_expr *b)
{
    bool same = a->op == b->op && a->index == b->index && a->count == b->count &&
                (a->op != KJ_OP_INT || a->integer == b->integer);
    for (size_t i = 0; same && i < a->count; i++)
        same = is_same_place(a->args[i], b->args[i]);
    return same;
}

/* The number of a place; KJ_NONE: it is none that is looked at. */
static uint32_t find_place(dispatch *d, const kj_expr *place)
{
    if (place->op == KJ_OP_INT && (place->integer < 0 || place->integer >= NEAR_START))
        return KJ_NONE;
    for (size_t i = 0; i < d->places.count; i++)
        if (is_same_place(d->places.items[i], place))
            return (uint32_t)i;
    if (d->places.count >= ANCHORS_MAX)
        return KJ_NONE;
    d->failed |= !kj_vec_add(&d->places, place);
    return d->failed ? KJ_NONE : (uint32_t)d->places.count - 1;
}

static double cost(void *user, uint32_t pattern)
{
    const dispatch *d = user;
    return kj_patterns_cost(d->in->builder, needle_of(d, pattern));
}

static double cost_at(void *user, uint32_t pattern, const kj_expr *at)
{
    dispatch *d = user;
    size_t count;
    if (find_place(d, at) == KJ_NONE)
        return INFINITY;
    if (!kj_patterns_windows(d->in->builder, needle_of(d, pattern), &count))
        return COST_WITHOUT_WINDOW;
    return at->op == KJ_OP_INT ? COST_AT_START : COST_AT_PLACE;
}

static double cost_gate(void *user, const kj_expr *expr)
{
    if (!can_be_gate(user, expr, 0))
        return INFINITY;
    return has_op(expr, KJ_OP_FIELD) && has_op(expr, KJ_OP_STRING) ? COST_OF_FACT : COST_OF_ANY;
}

static kj_triggers set_of_rule(void *user, uint32_t rule)
{
    const dispatch *d = user;
    return d->sets[rule];
}

/* One place is tried, and so is a range for a chain: nobody needs to know all hits for that. */
static void mark_counted(void *user, uint32_t pattern, kj_op op)
{
    const dispatch *d = user;
    uint32_t needle = needle_of(d, pattern);
    bool tried = op == KJ_OP_FOUND_AT ||
                 (op == KJ_OP_FOUND_IN && kj_patterns_is_chain(d->in->builder, needle));
    if (!tried)
        kj_patterns_mark(d->in->builder, needle, KJ_NEEDLE_COUNTED);
}

static void use_anchor(dispatch *d, const kj_trigger *trigger, uint32_t rule)
{
    size_t count;
    uint32_t place = find_place(d, trigger->at);
    const kj_fixed_window *windows =
        kj_patterns_windows(d->in->builder, needle_of(d, trigger->pattern), &count);
    if (!windows)
        add_pair(d, &d->anchored, place, rule);
    for (size_t i = 0; i < count; i++) {
        struct window window = {place,
                                views_of(d, rule),
                                {windows[i].window, windows[i].distance, d->in->map->rules[rule]}};
        d->failed |= !kj_vec_add(&d->windows, window);
    }
}

static void use_triggers(dispatch *d, uint32_t index)
{
    const kj_triggers *set = &d->sets[index];
    for (size_t i = 0; i < set->count; i++) {
        if (set->items[i].gate) {
            use_gate_of(d, set->items[i].gate, index);
            continue;
        }
        uint32_t needle = needle_of(d, set->items[i].pattern);
        if (set->items[i].at) {
            use_anchor(d, &set->items[i], index);
            continue;
        }
        if (d->in->trigger)
            d->in->trigger(d->in->user, index, set->items[i].pattern,
                           kj_patterns_cost(d->in->builder, needle));
        kj_patterns_mark(d->in->builder, needle, KJ_NEEDLE_TRIGGER);
        add_pair(d, &d->triggered, needle, index);
    }
}

/* ---- rules --------------------------------------------------------------------------------- */

static bool has_triggers(const dispatch *d, size_t rule)
{
    return d->sets[rule].cost < INFINITY;
}

static bool is_written(const dispatch *d, size_t rule)
{
    return d->in->map->rules[rule] != KJ_NONE;
}

static kj_status find_triggers(dispatch *d, kj_error *err)
{
    const kj_ir *ir = d->in->ir;
    kj_trigger_input input = {
        .cost = cost,
        .cost_at = cost_at,
        .cost_gate = cost_gate,
        .rule = set_of_rule,
        .user = d,
        .arena = &d->arena,
    };
    d->sets = kj_new_array(&d->arena, kj_triggers, ir->rules.count + 1);
    if (!d->sets)
        return kj_no_memory(err);
    for (size_t i = 0; i < ir->rules.count; i++) {
        d->sets[i].cost = INFINITY;
        if (!is_written(d, i))
            continue;
        if (!has_effects(d, ir->rules.items[i].condition))
            d->sets[i] = kj_triggers_of(&input, ir->rules.items[i].condition);
        if (can_be_gate(d, ir->rules.items[i].condition, 0)) /* better one that others share */
            d->sets[i].cost = INFINITY;
        kj_counted_patterns(ir->rules.items[i].condition, mark_counted, d);
        if (has_triggers(d, i))
            use_triggers(d, (uint32_t)i);
    }
    return input.failed || d->failed ? kj_no_memory(err) : KJ_OK;
}

static kj_status find_gates(dispatch *d, kj_error *err)
{
    const kj_ir *ir = d->in->ir;
    for (size_t i = 0; i < ir->rules.count && !d->failed; i++)
        if (is_written(d, i) && !has_triggers(d, i))
            count_gates(d, ir->rules.items[i].condition);
    for (size_t i = 0; i < ir->rules.count && !d->failed; i++)
        if (is_written(d, i) && !has_triggers(d, i))
            use_gate(d, ir->rules.items[i].condition, (uint32_t)i);
    return d->failed || d->codes.failed ? kj_no_memory(err) : KJ_OK;
}

/* ---- writing ------------------------------------------------------------------------------- */

static int compare_pairs(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return x->rule < y->rule ? -1 : x->rule > y->rule;
}

static void sort_pairs(pair_list *list)
{
    if (list->count)
        qsort(list->items, list->count, sizeof *list->items, compare_pairs);
}

/* Writes the rules of the pairs from *at that have its key; moves behind them. Adds their views to
 * *views (NULL: nobody asks). */
static kj_disk_run write_run(dispatch *d, const pair_list *list, size_t *at, uint32_t *views)
{
    kj_disk_run run = {(uint32_t)(d->out->lists->len / 4), 0};
    uint32_t key = list->items[*at].key;
    for (; *at < list->count && list->items[*at].key == key; ++*at) {
        if (run.count && list->items[*at].rule == list->items[*at - 1].rule)
            continue;
        kj_buf_put_u32le(d->out->lists, list->items[*at].rule);
        run.count++;
        if (views)
            *views |= list->items[*at].views;
    }
    return run;
}

static void write_triggers(dispatch *d)
{
    sort_pairs(&d->triggered);
    for (size_t i = 0; i < d->triggered.count;) {
        uint32_t needle = d->triggered.items[i].key;
        kj_patterns_set_rules(d->in->builder, needle, write_run(d, &d->triggered, &i, NULL));
    }
}

static void write_gate(dispatch *d, struct gate *gate, kj_disk_run rules)
{
    kj_disk_gate disk = {
        .code = (uint32_t)(d->out->code->len / 4),
        .within = gate->within == KJ_NONE ? KJ_NONE : d->gates.items[gate->within].number,
        .rules = rules,
        .views = gate->views,
    };
    gate->number = (uint32_t)(d->out->gates->len / sizeof disk);
    kj_buf_put(d->out->code, gate_code(d, gate));
    kj_buf_put(d->out->gates, kj_span_of(&disk, sizeof disk));
}

/* Gates that others are inside of come first. */
static void write_gates(dispatch *d)
{
    sort_pairs(&d->gated);
    for (unsigned inside = 0; inside < 2; inside++)
        for (size_t i = 0, pair = 0; i < d->gates.count; i++) {
            struct gate *gate = &d->gates.items[i];
            bool now = gate->is_used && (gate->within != KJ_NONE) == inside;
            while (pair < d->gated.count && d->gated.items[pair].key < i)
                pair++;
            bool has_rules = pair < d->gated.count && d->gated.items[pair].key == i;
            if (now)
                write_gate(d, gate,
                           has_rules ? write_run(d, &d->gated, &pair, NULL) : (kj_disk_run){0});
        }
    d->out->always = (kj_disk_run){(uint32_t)(d->out->lists->len / 4), (uint32_t)d->always.count};
    for (size_t i = 0; i < d->always.count; i++)
        kj_buf_put_u32le(d->out->lists, d->always.items[i]);
}

static int compare_windows(const void *a, const void *b)
{
    const struct window *x = a, *y = b;
    const uint32_t left[] = {x->anchor, x->item.window, x->item.distance, x->item.rule};
    const uint32_t right[] = {y->anchor, y->item.window, y->item.distance, y->item.rule};
    for (size_t i = 0; i < KJ_COUNT(left); i++)
        if (left[i] != right[i])
            return left[i] < right[i] ? -1 : 1;
    return 0;
}

static kj_status write_anchors(dispatch *d, kj_error *err)
{
    sort_pairs(&d->anchored);
    if (d->windows.count)
        qsort(d->windows.items, d->windows.count, sizeof *d->windows.items, compare_windows);
    for (size_t place = 0, w = 0, p = 0; place < d->places.count; place++) {
        kj_disk_anchor anchor = {.anchored.first =
                                     (uint32_t)(d->out->anchored->len / sizeof(kj_disk_anchored))};
        for (; w < d->windows.count && d->windows.items[w].anchor == place; w++) {
            const kj_disk_anchored *item = &d->windows.items[w].item;
            if (item->distance >= anchor.reach)
                anchor.reach = item->distance + 1;
            kj_buf_put(d->out->anchored, kj_span_of(item, sizeof *item));
            anchor.anchored.count++;
            anchor.views |= d->windows.items[w].views;
        }
        if (p < d->anchored.count && d->anchored.items[p].key == place)
            anchor.rules = write_run(d, &d->anchored, &p, &anchor.views);
        if (anchor.anchored.count == 0 && anchor.rules.count == 0)
            continue;
        KJ_TRY(kj_code_write(d->places.items[place], d->in->map, d->in->strings, d->out->code,
                             &anchor.code, err));
        kj_buf_put(d->out->anchors, kj_span_of(&anchor, sizeof anchor));
    }
    return KJ_OK;
}

static kj_status write_all(dispatch *d, kj_error *err)
{
    KJ_TRY(find_triggers(d, err));
    KJ_TRY(find_gates(d, err));
    write_triggers(d);
    write_gates(d);
    KJ_TRY(write_anchors(d, err));
    bool failed = d->failed || d->out->lists->failed || d->out->code->failed ||
                  d->out->anchors->failed || d->out->anchored->failed || d->out->gates->failed;
    return failed ? kj_no_memory(err) : KJ_OK;
}

kj_status kj_dispatch_write(const kj_dispatch_input *input, kj_dispatch_output *out, kj_error *err)
{
    dispatch d = {.in = input, .out = out};
    kj_arena_init(&d.arena, SIZE_MAX / 2);
    kj_buf_init(&d.codes, CODES_MAX);
    kj_status status = write_all(&d, err);
    kj_vec_done(&d.places);
    kj_vec_done(&d.windows);
    kj_vec_done(&d.gates);
    free(d.gate_slots);
    kj_buf_done(&d.codes);
    kj_vec_done(&d.triggered);
    kj_vec_done(&d.anchored);
    kj_vec_done(&d.gated);
    kj_vec_done(&d.always);
    kj_arena_done(&d.arena);
    return status;
}
