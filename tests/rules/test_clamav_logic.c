/* SPDX-License-Identifier: Apache-2.0 */
/* Logical expressions from text to verdict: what a slow and obvious reading of an expression says,
 * and what the engine finds. KUJO_SEED=N in the environment makes other expressions. */
#include "defs/writer.h"
#include "match/match.h"
#include "tests/rules/clamav_load.h"
#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    IDS = 4,
    BODIES = 3,    /* the last id is a regular expression, whose matches a test makes up */
    PARTS_MAX = 3, /* of a block */
    DEPTH_MAX = 3,
    NODES_MAX = 64,
    NODES_DRAWN = 14, /* larger ones are left out, for what they would become */
    EXPRESSIONS = 200,
    OBJECTS = 24,
    ENGINE = 6 << 24,
};

static const char *const bodies[BODIES] = {"ABCD", "EFGH", "IJKL"};

/* ---- definitions ---------------------------------------------------------------------------- */

static void build(const kj_ir *ir, kj_defs *out)
{
    kj_buf file;
    kj_error err = {0};
    kj_write_options options = KJ_WRITE_INIT;
    options.release = KJ_FIRST_RELEASE;
    options.engine = ENGINE;
    options.schemas = clamav_test_schemas;
    options.schema_count = KJ_COUNT(clamav_test_schemas);
    kj_buf_init(&file, 64 << 20);
    if (kj_defs_write(ir, &options, &file, NULL, &err) != KJ_OK)
        fail_msg("%s", err.message);
    if (kj_defs_open_buf(&file, ENGINE, out, &err) != KJ_OK)
        fail_msg("%s", err.message);
    assert_int_equal(kj_defs_verify(out, &err), KJ_OK);
    kj_buf_done(&file);
}

/* ---- random expressions -------------------------------------------------------------------- */

struct node {
    char op; /* '&', '|'; 0: an id */
    unsigned id;
    char compare; /* '=', '<', '>'; 0: none */
    unsigned number;
    unsigned distinct;
    struct node *parts[PARTS_MAX];
    unsigned part_count;
};

struct tree {
    struct node nodes[NODES_MAX];
    unsigned count;
    unsigned ids; /* bits of those that are in it */
};

static uint64_t random_state;

/* xorshift64* */
static unsigned below(unsigned bound)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return (unsigned)((random_state * UINT64_C(0x2545F4914F6CDD1D) >> 33) % bound);
}

static struct node *grow(struct tree *tree, unsigned depth)
{
    struct node *node = &tree->nodes[tree->count++];
    *node = (struct node){.id = below(IDS)};
    if (depth > 0 && below(3)) {
        node->op = below(2) ? '&' : '|';
        node->part_count = 2 + below(PARTS_MAX - 1);
        for (unsigned i = 0; i < node->part_count; i++)
            node->parts[i] = grow(tree, depth - 1);
    } else {
        tree->ids |= 1U << node->id;
    }
    if (below(2)) {
        node->compare = "=<>"[below(3)];
        node->number = below(5);
        node->distinct = node->op && below(3) == 0 ? 1 + below(3) : 0;
    }
    return node;
}

static void put(const struct node *node, bool outermost, kj_buf *out)
{
    bool parentheses = node->op && !(outermost && !node->compare);
    kj_buf_put_text(out, parentheses ? "(" : "");
    for (unsigned i = 0; i < node->part_count; i++) {
        if (i)
            kj_buf_put_byte(out, (uint8_t)node->op);
        put(node->parts[i], false, out);
    }
    if (!node->op)
        kj_buf_printf(out, "%u", node->id);
    kj_buf_put_text(out, parentheses ? ")" : "");
    if (node->compare)
        kj_buf_printf(out, "%c%u", node->compare, node->number);
    if (node->distinct)
        kj_buf_printf(out, ",%u", node->distinct);
}

/* ---- the obvious reading ------------------------------------------------------------------- */

struct value {
    bool holds;
    unsigned total; /* matches */
    unsigned ids;   /* bits of those that made them */
};

static bool fits(const struct node *node, unsigned number)
{
    return node->compare == '='   ? number == node->number
           : node->compare == '<' ? number < node->number
                                  : number > node->number;
}

static struct value combine(const struct node *node, const unsigned *counts);

static struct value evaluate(const struct node *node, const unsigned *counts)
{
    struct value v = {counts[node->id] > 0, counts[node->id], 1U << node->id};
    if (node->op)
        v = combine(node, counts);
    if (node->compare)
        v.holds = fits(node, v.total) && (unsigned)__builtin_popcount(v.ids) >= node->distinct;
    return v.holds ? v : (struct value){0};
}

static struct value combine(const struct node *node, const unsigned *counts)
{
    struct value sum = {.holds = node->op == '&'};
    for (unsigned i = 0; i < node->part_count; i++) {
        struct value part = evaluate(node->parts[i], counts);
        sum.holds = node->op == '&' ? sum.holds && part.holds : sum.holds || part.holds;
        sum.total += part.total;
        sum.ids |= part.ids;
    }
    return sum.holds ? sum : (struct value){0};
}

/* ---- both ---------------------------------------------------------------------------------- */

/* clamav.regex() finds as many as `user` points to; there is no other question. */
static kj_value answer(void *user, const kj_field_call *call)
{
    enum { REGEX = 21 };
    assert_int_equal(call->id & 0xFFFF, REGEX);
    return kj_value_int(*(const unsigned *)user);
}

static kj_span make_object(const unsigned *counts, kj_buf *out)
{
    kj_buf_clear(out);
    for (unsigned i = 0; i < BODIES; i++)
        for (unsigned k = 0; k < counts[i]; k++)
            kj_buf_printf(out, "..%s", bodies[i]);
    return kj_buf_span(out);
}

/* Some subsignatures are not found at all. */
static void draw_counts(unsigned *out)
{
    for (unsigned i = 0; i < IDS; i++)
        out[i] = below(2) ? below(4) : 0;
}

static void put_line(const struct node *root, unsigned number, kj_buf *out)
{
    kj_buf_printf(out, "S%u;Engine:81-255,Target:0;", number);
    put(root, true, out);
    kj_buf_put_text(out, ";41424344;45464748;494a4b4c;0|1/x/g\n");
}

/* All expressions at one object, counts[3] being what the regular expression would find. */
static void compare(kj_matcher *matcher, kj_span object, const unsigned *counts,
                    const struct tree *trees, const kj_buf *lines)
{
    const kj_match_input input = {
        .bytes = object, .field = answer, .user = (void *)(uintptr_t)&counts[BODIES]};
    const kj_match_limits limits = {.search.hits_per_pattern = 1000};
    kj_error err = {0};
    assert_int_equal(kj_matcher_run(matcher, &input, &limits, &err), KJ_OK);
    unsigned seen[IDS];
    memcpy(seen, counts, sizeof seen);
    if (counts[0] + counts[1] == 0) /* its trigger */
        seen[BODIES] = 0;
    kj_span left = kj_buf_span(lines);
    for (uint32_t i = 0; i < EXPRESSIONS; i++) {
        size_t line = kj_span_next_line(left, 0);
        bool found = kj_sightings_has_rule(kj_matcher_seen(matcher), i);
        if (found != evaluate(&trees[i].nodes[0], seen).holds)
            fail_msg("%u %u %u %u: %s: %.*s", counts[0], counts[1], counts[2], counts[3],
                     found ? "found" : "not found", (int)line, (const char *)left.data);
        left = kj_span_sub(left, line, left.len);
    }
}

static void test_random_expressions(void **state)
{
    (void)state;
    static struct tree trees[EXPRESSIONS];
    const char *seed = getenv("KUJO_SEED");
    random_state = seed ? strtoull(seed, NULL, 10) * 2 + 1 : 20061;
    kj_buf lines, object;
    kj_buf_init(&lines, 1 << 20);
    kj_buf_init(&object, 1 << 20);
    for (unsigned i = 0; i < EXPRESSIONS; i++) {
        do {
            trees[i] = (struct tree){0};
            (void)grow(&trees[i], DEPTH_MAX);
        } while (!(trees[i].ids >> BODIES) || trees[i].count > NODES_DRAWN);
        put_line(&trees[i].nodes[0], i, &lines);
    }
    clamav_load l;
    kj_defs defs;
    assert_true(clamav_load_init(&l, 64 << 20));
    assert_int_equal(clamav_load_text(&l, "x.ldb", kj_buf_span(&lines)), KJ_OK);
    if (l.ir.rules.count != EXPRESSIONS)
        fail_msg("%s", l.ir.left_out.count ? l.ir.left_out.items[0].reason : "malformed lines");
    build(&l.ir, &defs);
    kj_matcher *matcher = kj_matcher_new(&defs);
    assert_non_null(matcher);
    for (unsigned i = 0; i < OBJECTS; i++) {
        unsigned counts[IDS];
        draw_counts(counts);
        compare(matcher, make_object(counts, &object), counts, trees, &lines);
    }
    kj_matcher_free(matcher);
    kj_defs_close(&defs);
    clamav_load_done(&l);
    kj_buf_done(&object);
    kj_buf_done(&lines);
}

/* ---- what makes a rule possible ------------------------------------------------------------ */

/* Whether the signature is looked at in every object. */
static bool is_always_looked_at(const char *name, const char *text)
{
    clamav_load l;
    kj_defs defs;
    assert_true(clamav_load_init(&l, 1 << 20));
    assert_int_equal(clamav_load_text(&l, "g.ndb", kj_span_str("M:0:$1$:51525354")), KJ_OK);
    assert_int_equal(clamav_load_text(&l, name, kj_span_str(text)), KJ_OK);
    assert_int_equal(clamav_load_finish(&l), KJ_OK);
    assert_int_equal(l.ir.rules.count, 1);
    build(&l.ir, &defs);
    bool always = defs.meta.always.count > 0;
    kj_defs_close(&defs);
    clamav_load_done(&l);
    return always;
}

static void test_triggers(void **state)
{
    (void)state;
    static const struct {
        const char *text; /* behind the description */
        bool always;
    } cases[] = {
        {"0;41424344", false},
        {"0&1=0;41424344;45464748", false},
        {"0|1;41424344;45464748::i", false},
        {"0>3;41424344", false},
        {"(0|1)=2;41424344;45464748", false},
        {"(0|1)>2,2;41424344;45464748", false},
        {"(0&1)>2|2;41424344;45464748;494a4b4c", false},
        {"((0|1)>1&2)>3,2;41424344;45464748;494a4b4c", false},
        {"0;4,4:41424344", false},
        {"0;EOF-9:41424344*45464748", false},
        {"1;41424344;0/ab+c/", false},
        {"1>2;41424344;0/ab+c/g", false},
        {"1&2;41424344;45464748;0=0/ab+c/", false},
        {"(0|1)>2;41424344;0/ab+c/g", false},
        {"1;41424344;0(>>4#de2#=5)", false},
        {"1;41424344;0(<<4#ib2#>5,<9)", false},
        {"0&1;41424344;${1-9}1$", false},
        {"1;4:41424344;${1-9}1$", false},
        /* Where nothing is found these hold, or may. */
        {"0=0;41424344", true},
        {"(0|1)<2;41424344;45464748", true},
        {"0|1=0;41424344;45464748", true},
        {"(0&1)=0;41424344;45464748", true},
        {"1;41424344;0=0/ab+c/", true},
    };
    for (size_t i = 0; i < KJ_COUNT(cases); i++) {
        char line[256];
        (void)snprintf(line, sizeof line, "A;Engine:81-255,Target:0;%s", cases[i].text);
        if (is_always_looked_at("x.ldb", line) != cases[i].always)
            fail_msg("%s", line);
    }
    assert_false(is_always_looked_at("x.ldb", "A;Engine:51-255,Target:0,Container:CL_TYPE_ZIP;"
                                              "0;41424344"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_expressions),
        cmocka_unit_test(test_triggers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
