/* SPDX-License-Identifier: Apache-2.0 */
#include "match/regex.h"

#include "base/arith.h"
#include "defs/regex.h"
#include "ir/ir.h"
#include "tests/match/tree.h"
#include "tests/test.h"

static kj_pattern operand(kj_arena *arena, const char *text)
{
    kj_pattern p = {.kind = KJ_PATTERN_REGEX, .re = tree_parse(arena, text)};
    assert_non_null(p.re);
    return p;
}

static uint32_t forward(const tree_defs *defs)
{
    return ((const kj_disk_pattern *)defs->defs.patterns.data)[0].forward;
}

static void finds_anywhere(void **state)
{
    (void)state;
    static const struct {
        const char *regex;
        const char *text;
        bool found;
    } rows[] = {
        {"abc", "xxabcxx", true},
        {"abc", "ab", false},
        {"abc", "", false},
        {".*", "", true},
        {"^$", "", true},
        {"^$", "a", false},
        {"^abc$", "abc", true},
        {"^abc$", "abcd", false},
        {"^(a|b)+c", "ababc", true},
        {"a[^b]*c", "abaxxc", true},
        {"\\bword\\b", "a word.", true},
        {"\\bword\\b", "swords", false},
        {"x{3,5}y", "xxy xxxy", true},
        {"x{3,5}y", "xxy", false},
        {"\\L[^a-z]word\\R[^a-z]", "swords word", true},
        {"\\l[^a-z]word\\r[^a-z]", "swords word", false},
        {"\\L[^a-z]word\\R[^a-z]", "swords", false},
        {"(a*)*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac", false},
        {"(a|aa)+$", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", false},
    };
    kj_arena arena;
    kj_arena_init(&arena, 1 << 20);
    kj_regex *regex = kj_regex_new();
    for (size_t i = 0; i < KJ_COUNT(rows); i++) {
        tree_defs defs;
        kj_pattern p = operand(&arena, rows[i].regex);
        uint64_t steps = 10000;
        bool found = !rows[i].found;
        assert_true(tree_defs_open(&defs, &p, 1, NULL));
        assert_int_equal(kj_regex_find(regex, &defs.defs, forward(&defs), kj_span_str(rows[i].text),
                                       &steps, &found),
                         KJ_OK);
        assert_int_equal(found, rows[i].found);
        tree_defs_close(&defs);
    }
    kj_regex_free(regex);
    kj_arena_done(&arena);
}

static void stops_when_steps_are_used_up(void **state)
{
    (void)state;
    kj_arena arena;
    tree_defs defs;
    kj_arena_init(&arena, 1 << 20);
    kj_pattern p = operand(&arena, "a+b");
    kj_regex *regex = kj_regex_new();
    uint64_t steps = 5;
    bool found = true;
    assert_true(tree_defs_open(&defs, &p, 1, NULL));
    assert_int_equal(
        kj_regex_find(regex, &defs.defs, forward(&defs), kj_span_str("aaaaaaaab"), &steps, &found),
        KJ_LIMIT);
    assert_false(found);
    assert_int_equal(steps, 0);
    kj_regex_free(regex);
    tree_defs_close(&defs);
    kj_arena_done(&arena);
}

static void survives_damaged_programs(void **state)
{
    (void)state;
    kj_arena arena;
    tree_defs defs;
    kj_arena_init(&arena, 1 << 20);
    kj_pattern p = operand(&arena, "^(a[bc]+|d.e)*?\\L[c]x\\b\\R[x]$");
    kj_regex *regex = kj_regex_new();
    assert_true(tree_defs_open(&defs, &p, 1, NULL));
    uint32_t *words = (uint32_t *)(void *)defs.sections.programs.data;
    static const uint32_t values[] = {0, 1, 7, 0xFF, 0x103, 0xFFFF03, UINT32_MAX, 0x80000000};
    for (uint32_t i = 0; i < defs.defs.programs.count; i++) {
        for (size_t k = 0; k < KJ_COUNT(values); k++) {
            uint32_t old = words[i];
            uint64_t steps = 100000;
            bool found = false;
            words[i] = values[k];
            kj_status status = kj_regex_find(regex, &defs.defs, forward(&defs),
                                             kj_span_str("abcd-edxe abcbcbx"), &steps, &found);
            assert_true(status == KJ_OK || status == KJ_INTERNAL || status == KJ_LIMIT);
            words[i] = old;
        }
    }
    uint64_t steps = 100;
    bool found;
    assert_int_equal(kj_regex_find(regex, &defs.defs, KJ_NONE, kj_span_str("a"), &steps, &found),
                     KJ_INTERNAL);
    kj_regex_free(regex);
    tree_defs_close(&defs);
    kj_arena_done(&arena);
}

struct found {
    size_t start;
    size_t end;
};

struct collector {
    struct found items[64];
    size_t count;
};

static void collect(void *user, size_t start, size_t end)
{
    struct collector *c = user;
    assert_true(c->count < KJ_COUNT(c->items));
    c->items[c->count++] = (struct found){start, end};
}

/* The reversed program of the tree alone. */
static kj_program reversed(kj_arena *arena, const char *text, kj_buf *programs, kj_defs *out)
{
    const kj_re *re = tree_parse(arena, text);
    uint32_t offset;
    kj_program program;
    assert_int_equal(
        kj_regex_compile((kj_re_list){&re, 1}, KJ_PROGF_BACKWARD, programs, &offset, NULL), KJ_OK);
    *out = (kj_defs){.programs = {programs->data, (uint32_t)(programs->len / 4)}};
    assert_true(kj_program_open(out, offset, &program));
    return program;
}

static void sweeps_give_the_best_end_of_every_start(void **state)
{
    (void)state;
    static const struct {
        const char *regex;
        const char *text;
        bool longest;
        size_t ends[4]; /* where matches may end; {0}: anywhere */
        size_t end_count;
        struct found found[8];
        size_t count;
    } rows[] = {
        {"a+", "aaba", true, {0}, 0, {{3, 4}, {1, 2}, {0, 2}}, 3},
        {"a+", "aaba", false, {0}, 0, {{3, 4}, {1, 2}, {0, 1}}, 3},
        {"ab*", "abbb", true, {0}, 0, {{0, 4}}, 1},
        {"ab*", "abbb", false, {2, 3}, 2, {{0, 2}}, 1},
        {"ab*", "abbb", true, {2, 3}, 2, {{0, 3}}, 1},
        {"a.*b", "abaxb", true, {0}, 0, {{2, 5}, {0, 5}}, 2},
        {"a.*b", "abaxb", false, {0}, 0, {{2, 5}, {0, 2}}, 2},
        {"^ab", "abab", true, {0}, 0, {{0, 2}}, 1},
        {"ab$", "abab", true, {0}, 0, {{2, 4}}, 1},
        {"x", "abab", true, {0}, 0, {{0, 0}}, 0},
    };
    kj_arena arena;
    kj_arena_init(&arena, 1 << 20);
    kj_regex *regex = kj_regex_new();
    for (size_t i = 0; i < KJ_COUNT(rows); i++) {
        kj_buf programs;
        kj_defs defs;
        kj_buf_init(&programs, 1 << 20);
        kj_program program = reversed(&arena, rows[i].regex, &programs, &defs);
        struct collector c = {.count = 0};
        kj_span text = kj_span_str(rows[i].text);
        const kj_sweep sweep = {.program = &program,
                                .text = text,
                                .high = text.len,
                                .ends = rows[i].end_count ? rows[i].ends : NULL,
                                .end_count = rows[i].end_count,
                                .longest = rows[i].longest,
                                .found = collect,
                                .user = &c};
        uint64_t steps = 1000;
        assert_int_equal(kj_regex_sweep(regex, &sweep, &steps), KJ_OK);
        assert_int_equal(c.count, rows[i].count);
        for (size_t k = 0; k < c.count; k++) {
            assert_int_equal(c.items[k].start, rows[i].found[k].start);
            assert_int_equal(c.items[k].end, rows[i].found[k].end);
        }
        kj_buf_done(&programs);
    }
    kj_regex_free(regex);
    kj_arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_anywhere),
        cmocka_unit_test(stops_when_steps_are_used_up),
        cmocka_unit_test(survives_damaged_programs),
        cmocka_unit_test(sweeps_give_the_best_end_of_every_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
