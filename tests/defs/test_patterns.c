/* SPDX-License-Identifier: Apache-2.0 */
#include "defs/patterns.h"

#include "base/arith.h"
#include "defs/forms.h"
#include "defs/program.h"
#include "match/search.h"
#include "tests/match/tree.h"
#include "tests/test.h"

enum { PATTERNS = 9 };

/* One of everything. */
static void make_patterns(kj_arena *arena, kj_pattern out[PATTERNS])
{
    static const struct {
        kj_pattern_kind kind;
        uint32_t modifiers;
        const char *text;
    } rows[PATTERNS] = {
        {KJ_PATTERN_TEXT, KJ_MOD_ASCII | KJ_MOD_WIDE | KJ_MOD_FULLWORD, "plain text"},
        {KJ_PATTERN_TEXT, KJ_MOD_ASCII | KJ_MOD_XOR, "under a key"},
        {KJ_PATTERN_TEXT, KJ_MOD_BASE64 | KJ_MOD_BASE64_WIDE, "encoded"},
        {KJ_PATTERN_TEXT, KJ_MOD_ASCII, "ab"},
        {KJ_PATTERN_TEXT, KJ_MOD_ASCII, "a"},
        {KJ_PATTERN_HEX, 0, "head.{0,300}?ta.l.{500,}?end"},
        {KJ_PATTERN_REGEX, KJ_MOD_ASCII | KJ_MOD_WIDE, "(x[0-9]+|y*)(need|hay)\\b"},
        {KJ_PATTERN_REGEX, KJ_MOD_ASCII, "[a-z]+"},
        {KJ_PATTERN_REGEX, 0, "operand.*"},
    };
    for (size_t i = 0; i < PATTERNS; i++) {
        out[i] = (kj_pattern){.kind = rows[i].kind, .modifiers = rows[i].modifiers, .xor_max = 255};
        out[i].identifier = kj_span_str(i + 1 < PATTERNS ? "$a" : "");
        out[i].source = kj_span_str(rows[i].text);
        if (rows[i].kind == KJ_PATTERN_TEXT)
            out[i].text = kj_span_str(rows[i].text);
        else
            out[i].re = tree_parse(arena, rows[i].text);
    }
}

static bool same_bytes(const kj_buf *a, const kj_buf *b)
{
    return kj_span_equal(kj_buf_span(a), kj_buf_span(b));
}

static void the_same_patterns_give_the_same_bytes(void **state)
{
    (void)state;
    kj_arena arena;
    kj_pattern patterns[PATTERNS];
    tree_defs a, b;
    kj_arena_init(&arena, 1 << 20);
    make_patterns(&arena, patterns);
    assert_true(tree_defs_open(&a, patterns, PATTERNS, NULL));
    assert_true(tree_defs_open(&b, patterns, PATTERNS, NULL));
    assert_true(same_bytes(&a.sections.patterns, &b.sections.patterns));
    assert_true(same_bytes(&a.sections.literals, &b.sections.literals));
    assert_true(same_bytes(&a.sections.programs, &b.sections.programs));
    assert_true(same_bytes(&a.sections.filter, &b.sections.filter));
    assert_true(same_bytes(&a.sections.buckets, &b.sections.buckets));
    assert_true(same_bytes(&a.sections.postings, &b.sections.postings));
    assert_true(same_bytes(&a.sections.scanned, &b.sections.scanned));
    assert_true(same_bytes(&a.sections.needles, &b.sections.needles));
    tree_defs_close(&a);
    tree_defs_close(&b);
    kj_arena_done(&arena);
}

/* A text in which each of the patterns is found. */
static kj_span sample(void)
{
    static char text[1200];
    memset(text, '-', sizeof text);
    static const struct {
        size_t at;
        const char *text;
    } parts[] = {
        {0, "plain text"}, {20, "under a key"}, {40, "ZW5jb2RlZA"}, {60, "head"},
        {200, "tail"},     {900, "end"},        {1000, "x12need "},
    };
    for (size_t i = 0; i < KJ_COUNT(parts); i++)
        memcpy(text + parts[i].at, parts[i].text, strlen(parts[i].text));
    return kj_span_of(text, sizeof text);
}

static void everything_is_found(void **state)
{
    (void)state;
    kj_arena arena;
    kj_pattern patterns[PATTERNS];
    tree_defs defs;
    size_t count;
    const kj_search_limits limits = {.hits_per_pattern = 10000};
    kj_arena_init(&arena, 1 << 20);
    make_patterns(&arena, patterns);
    assert_true(tree_defs_open(&defs, patterns, PATTERNS, NULL));
    kj_search *search = kj_search_new(&defs.defs);
    assert_int_equal(kj_search_run(search, sample(), &limits, NULL), KJ_OK);
    kj_search_found(search, &count);
    assert_int_equal(count, PATTERNS - 2); /* "ab" and the operand are not */
    const kj_hit *hits = kj_search_hits(search, 5, &count);
    assert_int_equal(count, 1);
    assert_int_equal(hits[0].offset, 60);
    assert_int_equal(hits[0].len, 843);
    kj_search_free(search);
    tree_defs_close(&defs);
    kj_arena_done(&arena);
}

/* Every word of every section in turn gets wrong values: verification may overlook what means
 * something else, but then the search must live with it; and the search must live with all that
 * verification refuses. */
static void damage_is_refused_or_harmless(void **state)
{
    (void)state;
    static const uint32_t masks[] = {1, 0x80, 0xFF00, 0x80000000, UINT32_MAX};
    kj_arena arena;
    kj_pattern patterns[PATTERNS];
    tree_defs defs;
    const kj_search_limits limits = {.hits_per_pattern = 10000, .steps = 1000000};
    kj_arena_init(&arena, 1 << 20);
    make_patterns(&arena, patterns);
    assert_true(tree_defs_open(&defs, patterns, PATTERNS, NULL));
    const kj_buf *const sections[] = {&defs.sections.patterns, &defs.sections.programs,
                                      &defs.sections.filter,   &defs.sections.buckets,
                                      &defs.sections.postings, &defs.sections.scanned,
                                      &defs.sections.needles};
    size_t refused = 0, tried = 0;
    for (size_t s = 0; s < KJ_COUNT(sections); s++) {
        uint32_t *words = (uint32_t *)(void *)sections[s]->data;
        for (size_t i = 0; i < sections[s]->len / 4; i++) {
            bool once = sections[s] == &defs.sections.filter && i >= 16;
            for (size_t k = once ? 4 : 0; k < KJ_COUNT(masks); k++) {
                kj_error err = {0};
                words[i] ^= masks[k];
                kj_status status = kj_patterns_verify(&defs.defs, &err);
                assert_true(status == KJ_OK || status == KJ_MALFORMED);
                refused += status != KJ_OK;
                tried++;
                if (status != KJ_OK || !once) {
                    kj_search *search = kj_search_new(&defs.defs);
                    if (search)
                        (void)!kj_search_run(search, sample(), &limits, &err);
                    kj_search_free(search);
                }
                words[i] ^= masks[k];
            }
        }
    }
    assert_true(refused > 1000);
    assert_true(tried > refused);
    assert_int_equal(kj_patterns_verify(&defs.defs, NULL), KJ_OK);
    tree_defs_close(&defs);
    kj_arena_done(&arena);
}

static void missing_sections_are_refused_or_harmless(void **state)
{
    (void)state;
    kj_arena arena;
    kj_pattern patterns[PATTERNS];
    tree_defs defs;
    const kj_search_limits limits = {.hits_per_pattern = 10000, .steps = 1000000};
    kj_arena_init(&arena, 1 << 20);
    make_patterns(&arena, patterns);
    assert_true(tree_defs_open(&defs, patterns, PATTERNS, NULL));
    for (unsigned missing = 1; missing < 512; missing++) {
        kj_defs cut = defs.defs;
        kj_defs_section *const all[] = {&cut.patterns, &cut.literals, &cut.programs,
                                        &cut.filter,   &cut.buckets,  &cut.postings,
                                        &cut.scanned,  &cut.strings,  &cut.needles};
        for (size_t i = 0; i < KJ_COUNT(all); i++)
            if (missing >> i & 1)
                *all[i] = (kj_defs_section){0};
        (void)!kj_patterns_verify(&cut, NULL);
        kj_search *search = kj_search_new(&cut);
        (void)!kj_search_run(search, sample(), &limits, NULL);
        kj_search_free(search);
    }
    tree_defs_close(&defs);
    kj_arena_done(&arena);
}

static void patterns_that_are_too_large_are_named(void **state)
{
    (void)state;
    static const char *const rows[] = {"(ab){60000}", "((ab?){300}){300}", "((x?){1000}){1000}y",
                                       "[ab]{0,100000}c"};
    kj_arena arena;
    tree_defs defs;
    kj_arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < KJ_COUNT(rows); i++) {
        kj_error err = {0};
        kj_pattern p = {.kind = KJ_PATTERN_REGEX,
                        .modifiers = KJ_MOD_ASCII,
                        .identifier = kj_span_str("$big"),
                        .re = tree_parse(&arena, rows[i])};
        if (tree_defs_open(&defs, &p, 1, &err)) {
            tree_defs_close(&defs);
            assert_int_equal(i, 0); /* a text of its own */
            continue;
        }
        assert_int_equal(err.status, KJ_LIMIT);
        assert_string_equal(err.message, "string $big needs more than 131072 instructions: "
                                         "its repetitions are too large");
    }
    kj_arena_done(&arena);
}

static void texts_in_trees_are_recognised(void **state)
{
    (void)state;
    static const struct {
        const char *tree;
        const char *text; /* NULL: no text */
        bool nocase;
    } rows[] = {
        {"abc", "abc", false},    {"[aA][bB]1", "AB1", true}, {"[aA]b", NULL, false},
        {"a{3}b", "aaab", false}, {"a.c", NULL, false},       {"(a|b)", NULL, false},
        {"a?", NULL, false},      {"^a", NULL, false},        {"(ab)(cd)", "abcd", false},
        {"", NULL, false},        {"[aA]{2}1", "AA1", true},
    };
    kj_arena arena;
    kj_arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < KJ_COUNT(rows); i++) {
        kj_buf text;
        bool nocase = false;
        kj_buf_init(&text, 100);
        bool is_text = kj_re_as_text(tree_parse(&arena, rows[i].tree), &text, &nocase);
        assert_int_equal(is_text, rows[i].text != NULL);
        if (is_text) {
            assert_span(kj_buf_span(&text), rows[i].text);
            assert_int_equal(nocase, rows[i].nocase);
        }
        kj_buf_done(&text);
    }
    kj_arena_done(&arena);
}

static void classes_of_first_bytes(void **state)
{
    (void)state;
    static const struct {
        const char *tree;
        const char *in;
        const char *out;
    } rows[] = {
        {"abc", "a", "bc"},   {"(a|b)*c", "abc", "d"}, {"^\\bx?y", "xy", "z"},
        {"x*", "abcxyz", ""}, {"[^a]b", "bc", "a"},
    };
    kj_arena arena;
    kj_arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < KJ_COUNT(rows); i++) {
        kj_pattern p = {.kind = KJ_PATTERN_REGEX, .re = tree_parse(&arena, rows[i].tree)};
        tree_defs defs;
        kj_program program;
        assert_true(tree_defs_open(&defs, &p, 1, NULL));
        const kj_disk_pattern *disk = defs.defs.patterns.data;
        assert_true(kj_program_open(&defs.defs, disk->forward, &program));
        for (const char *c = rows[i].in; *c; c++)
            assert_true(kj_class_has(program.first, (uint8_t)*c));
        for (const char *c = rows[i].out; *c; c++)
            assert_false(kj_class_has(program.first, (uint8_t)*c));
        tree_defs_close(&defs);
    }
    kj_arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_patterns_give_the_same_bytes),
        cmocka_unit_test(everything_is_found),
        cmocka_unit_test(damage_is_refused_or_harmless),
        cmocka_unit_test(missing_sections_are_refused_or_harmless),
        cmocka_unit_test(patterns_that_are_too_large_are_named),
        cmocka_unit_test(texts_in_trees_are_recognised),
        cmocka_unit_test(classes_of_first_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
