/* SPDX-License-Identifier: Apache-2.0 */
/* Which rules look at which views of an object, whatever makes them possible. */
#include "base/arith.h"
#include "defs/writer.h"
#include "match/match.h"
#include "tests/match/tree.h"
#include "tests/test.h"

enum { ENGINE = 6 << 24, TEXT = KJ_RULE_VIEW_TEXT, HTML = KJ_RULE_VIEW_HTML };

/* Rules by what makes them possible, each for other views. */
enum {
    FOUND_RAW,
    FOUND_TEXT,
    ANCHOR_HTML,
    ANCHOR_RAW,
    GATE_TEXT,
    GATE_RAW,
    CHAIN_HTML,
    CHAIN_AT_TEXT,
    COUNTED_BOTH,
    NEVER,
    RULES
};

static const uint32_t flags[RULES] = {
    [FOUND_TEXT] = TEXT,   [ANCHOR_HTML] = HTML,   [GATE_TEXT] = TEXT,
    [CHAIN_HTML] = HTML,   [CHAIN_AT_TEXT] = TEXT, [COUNTED_BOTH] = TEXT | HTML,
    [NEVER] = TEXT | HTML,
};

static kj_expr *node(kj_arena *arena, kj_op op, uint32_t index, size_t count)
{
    kj_expr *expr = kj_new(arena, kj_expr);
    assert_non_null(expr);
    *expr = (kj_expr){.op = op, .type = KJ_TYPE_BOOL, .index = index, .count = count};
    expr->args = count ? kj_new_array(arena, kj_expr *, count) : NULL;
    return expr;
}

static kj_expr *integer(kj_arena *arena, int64_t value)
{
    kj_expr *expr = node(arena, KJ_OP_INT, 0, 0);
    expr->type = KJ_TYPE_INT;
    expr->integer = value;
    return expr;
}

/* `uint16(0) == 0x6c61`, "al". */
static kj_expr *magic(kj_arena *arena)
{
    kj_expr *expr = node(arena, KJ_OP_EQ, 0, 2);
    expr->args[0] = node(arena, KJ_OP_READ, 2, 1);
    expr->args[0]->type = KJ_TYPE_INT;
    expr->args[0]->args[0] = integer(arena, 0);
    expr->args[1] = integer(arena, 0x6c61);
    return expr;
}

static kj_expr *condition(kj_arena *arena, uint32_t rule)
{
    kj_expr *expr;
    switch (rule) {
    case GATE_TEXT:
    case GATE_RAW:
        return magic(arena);
    case ANCHOR_HTML:
    case ANCHOR_RAW:
    case CHAIN_AT_TEXT:
        expr = node(arena, KJ_OP_FOUND_AT, rule, 1);
        expr->args[0] = integer(arena, 0);
        return expr;
    case COUNTED_BOTH:
        expr = node(arena, KJ_OP_EQ, 0, 2);
        expr->args[0] = node(arena, KJ_OP_COUNT_OF, rule, 0);
        expr->args[0]->type = KJ_TYPE_INT;
        expr->args[1] = integer(arena, 2);
        return expr;
    default:
        return node(arena, KJ_OP_FOUND, rule, 0);
    }
}

/* A pattern for each rule, also where nobody asks for it. */
static void add_rule(kj_ir *ir, uint32_t rule)
{
    bool chain = rule == CHAIN_HTML || rule == CHAIN_AT_TEXT || rule == COUNTED_BOTH;
    kj_pattern pattern = {.kind = chain ? KJ_PATTERN_HEX : KJ_PATTERN_TEXT,
                          .modifiers = chain ? KJ_MOD_GAPS : KJ_MOD_ASCII,
                          .identifier = kj_span_str("$a")};
    static const char *const texts[RULES] = {
        [FOUND_RAW] = "alpha beta",
        [FOUND_TEXT] = "beta gamma",
        [ANCHOR_HTML] = "alpha",
        [ANCHOR_RAW] = "alpha",
        [GATE_TEXT] = "unused",
        [GATE_RAW] = "unused",
        [CHAIN_HTML] = "alpha.*?gamma",
        [CHAIN_AT_TEXT] = "al.*?ta",
        [COUNTED_BOTH] = "[pt]..{0,9}?a ",
        [NEVER] = "omega",
    };
    const char *text = texts[rule];
    if (chain)
        pattern.re = tree_parse(&ir->arena, text);
    else
        pattern.text = kj_span_str(text);
    pattern.source = kj_span_str(text);
    assert_true(!chain || pattern.re);
    const kj_rule item = {.name = kj_span_str("r"),
                          .space = kj_span_str("default"),
                          .flags = flags[rule],
                          .threat = KJ_NONE,
                          .first_pattern = rule,
                          .pattern_count = 1,
                          .condition = condition(&ir->arena, rule)};
    assert_true(kj_vec_add(&ir->patterns, pattern) && kj_vec_add(&ir->rules, item));
}

static void rules_see_the_views_that_they_are_for(void **state)
{
    (void)state;
    kj_ir ir;
    kj_buf file;
    kj_defs defs;
    kj_ir_init(&ir, 16 << 20);
    kj_buf_init(&file, 1 << 20);
    for (uint32_t i = 0; i < RULES; i++)
        add_rule(&ir, i);
    kj_write_options options = KJ_WRITE_INIT;
    options.release = 1;
    options.engine = ENGINE;
    assert_int_equal(kj_defs_write(&ir, &options, &file, NULL, NULL), KJ_OK);
    assert_int_equal(kj_defs_open_buf(&file, ENGINE, &defs, NULL), KJ_OK);
    assert_int_equal(kj_defs_verify(&defs, NULL), KJ_OK);
    assert_int_equal(defs.meta.views, TEXT | HTML);
    kj_matcher *matcher = kj_matcher_new(&defs);
    static const uint32_t views[] = {0, TEXT, HTML, 0};
    for (size_t v = 0; v < KJ_COUNT(views); v++) {
        const kj_match_input input = {.bytes = kj_span_str("alpha beta gamma "), .view = views[v]};
        const kj_match_limits limits = {.search.hits_per_pattern = 100};
        assert_int_equal(kj_matcher_run(matcher, &input, &limits, NULL), KJ_OK);
        for (uint32_t i = 0; i < RULES; i++)
            assert_int_equal(kj_sightings_has_rule(kj_matcher_seen(matcher), i),
                             i != NEVER && (views[v] == 0 || flags[i] & views[v]));
    }
    kj_matcher_free(matcher);
    kj_defs_close(&defs);
    kj_ir_done(&ir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_see_the_views_that_they_are_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
