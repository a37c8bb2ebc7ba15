/* SPDX-License-Identifier: Apache-2.0 */
#include "match/search.h"

#include "base/arith.h"
#include "base/text.h"
#include "ir/ir.h"
#include "tests/match/slow.h"
#include "tests/match/tree.h"
#include "tests/test.h"

#include <stdio.h>

#define TEXT  KJ_PATTERN_TEXT
#define HEX   KJ_PATTERN_HEX
#define REGEX KJ_PATTERN_REGEX
enum {
    NOCASE = KJ_MOD_NOCASE,
    ASCII = KJ_MOD_ASCII,
    WIDE = KJ_MOD_WIDE,
    WORD = KJ_MOD_FULLWORD,
    XOR = KJ_MOD_XOR,
    BASE64 = KJ_MOD_BASE64,
    BASE64_WIDE = KJ_MOD_BASE64_WIDE,
};

static const kj_search_limits no_limits = {.hits_per_pattern = 1 << 20};

/* "offset:length offset:length", with "^key" for keys that are not zero. */
static const char *hits_text(const kj_search *search, uint32_t pattern, kj_buf *out)
{
    size_t count;
    const kj_hit *hits = kj_search_hits(search, pattern, &count);
    kj_buf_clear(out);
    for (size_t i = 0; i < count; i++) {
        kj_buf_printf(out, "%s%d:%u", i ? " " : "", (int)hits[i].offset, hits[i].len);
        if (hits[i].key)
            kj_buf_printf(out, "^%02x", hits[i].key);
    }
    return kj_buf_text(out);
}

static kj_pattern make_pattern(kj_arena *arena, kj_pattern_kind kind, uint32_t modifiers,
                               const char *text)
{
    kj_pattern p = {.kind = kind, .modifiers = modifiers, .xor_max = 255};
    p.identifier = kj_span_str("$a");
    if (kind == KJ_PATTERN_TEXT)
        p.text = kj_span_str(text);
    else
        p.re = tree_parse(arena, text);
    assert_true(kind == KJ_PATTERN_TEXT || p.re);
    return p;
}

struct row {
    kj_pattern_kind kind;
    unsigned modifiers;
    const char *pattern;
    const char *input;
    size_t len; /* 0: strlen(input) */
    const char *hits;
};

static void check_rows(const struct row *rows, size_t count)
{
    kj_arena arena;
    kj_buf text;
    kj_arena_init(&arena, 16 << 20);
    kj_buf_init(&text, 1 << 20);
    for (size_t i = 0; i < count; i++) {
        const struct row *row = &rows[i];
        kj_pattern p = make_pattern(&arena, row->kind, row->modifiers, row->pattern);
        tree_defs defs;
        kj_error err = {0};
        assert_true(tree_defs_open(&defs, &p, 1, &err));
        kj_search *search = kj_search_new(&defs.defs);
        kj_span input = kj_span_of(row->input, row->len ? row->len : strlen(row->input));
        assert_int_equal(kj_search_run(search, input, &no_limits, &err), KJ_OK);
        const char *hits = hits_text(search, 0, &text);
        if (strcmp(hits, row->hits) != 0)
            print_error("row %zu, %s:\n", i, row->pattern);
        assert_string_equal(hits, row->hits);
        kj_search_free(search);
        tree_defs_close(&defs);
    }
    kj_buf_done(&text);
    kj_arena_done(&arena);
}

static void texts_are_found(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {TEXT, ASCII, "aa", "aaaaa", 0, "0:2 1:2 2:2 3:2"},
        {TEXT, ASCII, "abcd", "abcdabcd", 0, "0:4 4:4"},
        {TEXT, ASCII, "a", "banana", 0, "1:1 3:1 5:1"},
        {TEXT, ASCII, "abc", "xabc", 0, "1:3"},
        {TEXT, ASCII, "abc", "ab", 0, ""},
        {TEXT, ASCII, "abcdefgh", "abcdefg", 0, ""},
        {TEXT, ASCII, "abcdefgh", "ABCDEFGH", 0, ""},
        {TEXT, ASCII | NOCASE, "AbcDefGh", "xABCDEFGHabcdefgh", 0, "1:8 9:8"},
        {TEXT, ASCII | NOCASE, "ab[d", "AB[D AB{D", 0, "0:4"},
        {TEXT, WIDE, "ab", "aba\0b\0", 6, "2:4"},
        {TEXT, ASCII | WIDE, "ab", "aba\0b\0", 6, "0:2 2:4"},
        {TEXT, WIDE | NOCASE, "ab", "A\0B\0a\0b", 7, "0:4"},
        {TEXT, WIDE, "abcdef", "xa\0b\0c\0d\0e\0f\0", 13, "1:12"},
        {TEXT, WIDE, "a", "a\0a", 3, "0:2"},
    };
    check_rows(rows, KJ_COUNT(rows));
}

static void whole_words(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {TEXT, ASCII | WORD, "word", "word", 0, "0:4"},
        {TEXT, ASCII | WORD, "word", "_word_", 0, "1:4"},
        {TEXT, ASCII | WORD, "word", "sword words word.", 0, "12:4"},
        {TEXT, ASCII | WORD, "word", "1word word2 \xe4word", 0, "13:4"},
        /* Wide neighbours are units: a byte at an odd distance does not count. */
        {TEXT, WIDE | WORD, "ab", "xa\0b\0", 5, "1:4"},
        {TEXT, WIDE | WORD, "ab", "x\0a\0b\0", 6, ""},
        {TEXT, WIDE | WORD, "ab", "a\0b\0x", 5, "0:4"},
        {TEXT, WIDE | WORD, "ab", "a\0b\0x\0", 6, ""},
        {TEXT, WIDE | WORD, "ab", "_\0a\0b\0_\0", 8, "2:4"},
        /* Each form has its own test. */
        {TEXT, ASCII | WIDE | WORD, "ab", "xab xa\0b\0", 9, "5:4"},
        {REGEX, ASCII | WORD, "[0-9]{3}", "1234 567 a890", 0, "5:3"},
        {REGEX, ASCII | WORD, "wo.d", "wold swood _word", 0, "0:4 12:4"},
        {REGEX, WIDE | WORD, "a.c", "a\0b\0c\0d\0a\0b\0c\0", 14, ""},
        {REGEX, WIDE | WORD, "a.c", "a\0b\0c\0-\0a\0b\0c\0", 14, "0:6 8:6"},
        {TEXT, ASCII | XOR | WORD, "ab", " AB c`a ", 0, "1:2^20"},
    };
    check_rows(rows, KJ_COUNT(rows));
}

static void xored_texts(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {TEXT, ASCII | XOR, "abcdef", "abcdef", 0, "0:6"},
        {TEXT, ASCII | XOR, "abcdef", "`cbedg ABCDEF", 0, "0:6^01 7:6^20"},
        /* A wide text's zeros are under the key as well. */
        {TEXT, WIDE | XOR, "abc", "`\1c\1b\1", 6, "0:6^01"},
        {TEXT, WIDE | XOR, "abc", "`\0c\0b\0", 6, ""},
        {TEXT, ASCII | WIDE | XOR, "abc", "`cb`\1c\1b\1", 9, "0:3^01 3:6^01"},
        {TEXT, ASCII | XOR, "x", "x", 0, "0:1"},
    };
    check_rows(rows, KJ_COUNT(rows));
}

static void xor_keys_are_ranged(void **state)
{
    (void)state;
    static const struct {
        uint8_t min;
        uint8_t max;
        const char *input;
        const char *hits;
    } rows[] = {
        {0, 255, "abcdef`cbedg", "0:6 6:6^01"}, {1, 255, "abcdef`cbedg", "6:6^01"},
        {0, 0, "abcdef`cbedg", "0:6"},          {0x20, 0x20, "abcdefABCDEF", "6:6^20"},
        {2, 0x1f, "abcdefABCDEF`cbedg", ""},
    };
    kj_buf text;
    kj_buf_init(&text, 1024);
    for (size_t i = 0; i < KJ_COUNT(rows); i++) {
        kj_pattern p = make_pattern(NULL, KJ_PATTERN_TEXT, ASCII | XOR, "abcdef");
        p.xor_min = rows[i].min;
        p.xor_max = rows[i].max;
        tree_defs defs;
        assert_true(tree_defs_open(&defs, &p, 1, NULL));
        kj_search *search = kj_search_new(&defs.defs);
        assert_int_equal(kj_search_run(search, kj_span_str(rows[i].input), &no_limits, NULL),
                         KJ_OK);
        assert_string_equal(hits_text(search, 0, &text), rows[i].hits);
        kj_search_free(search);
        tree_defs_close(&defs);
    }
    kj_buf_done(&text);
}

static void base64_texts(void **state)
{
    (void)state;
    /* What `printf '...This program cannot' | base64` gives with 0, 1 and 2 bytes in front. */
    static const struct row rows[] = {
        {TEXT, BASE64, "This program cannot", "VGhpcyBwcm9ncmFtIGNhbm5vdA==", 0, "0:25"},
        {TEXT, BASE64, "This program cannot", "YVRoaXMgcHJvZ3JhbSBjYW5ub3Q=", 0, "2:24"},
        {TEXT, BASE64, "This program cannot", "YWFUaGlzIHByb2dyYW0gY2Fubm90", 0, "3:25"},
        {TEXT, BASE64, "This program cannot", "This program cannot", 0, ""},
        {TEXT, BASE64 | ASCII, "This program cannot", "This program cannot", 0, ""},
        {TEXT, BASE64_WIDE, "This program cannot", "VGhpcyBwcm9ncmFtIGNhbm5vdA==", 0, ""},
        {TEXT, BASE64_WIDE, "abc", "Y\0W\0J\0j\0", 8, "0:8"},
        {TEXT, BASE64 | BASE64_WIDE, "abc", "YWJjY\0W\0J\0j\0", 12, "0:4 4:8"},
        {TEXT, BASE64 | WIDE, "abc", "YQBiAGMA", 0, "0:8"},
    };
    check_rows(rows, KJ_COUNT(rows));
}

static void trees_give_the_longest_or_shortest_match_at_each_offset(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {REGEX, ASCII, "a+", "aaab", 0, "0:3 1:2 2:1"},
        {REGEX, ASCII, "a+?", "aaab", 0, "0:1 1:1 2:1"},
        {REGEX, ASCII, "(ab|abcd)", "abcd", 0, "0:2"},
        {REGEX, ASCII, "(ab|abcd)x?", "abcd abx", 0, "0:4 5:3"},
        {REGEX, ASCII, "a.*b", "axbxb", 0, "0:5"},
        {REGEX, ASCII, "a.*?b", "axbxb", 0, "0:3"},
        {REGEX, ASCII, "x*", "axxb", 0, "0:0 1:2 2:1 3:0"},
        {REGEX, ASCII, "[0-9]{2,4}", "12345", 0, "0:4 1:4 2:3 3:2"},
        {REGEX, ASCII, "(foo|ba[rz])end", "fooend barend bazend bagend", 0, "0:6 7:6 14:6"},
        {REGEX, ASCII, "a(b|c(d|e)+)*f", "abcddebf af", 0, "0:8 9:2"},
        {REGEX, ASCII, "^abc", "abcabc", 0, "0:3"},
        {REGEX, ASCII, "abc$", "abcabc", 0, "3:3"},
        {REGEX, ASCII, "^.?a", "aaa", 0, "0:2"},
        {REGEX, ASCII, "\\bab\\b", "ab abc _ab ab", 0, "0:2 11:2"},
        {REGEX, ASCII, "\\Bab", "ab xab", 0, "4:2"},
        {REGEX, ASCII, ".*needle.*", "a\nneedle", 0, "0:8 1:7 2:6"},
        {REGEX, WIDE, "a[bc]+d", "a\0b\0c\0d\0", 8, "0:8"},
        {REGEX, WIDE, "\\bab\\b", "a\0b\0", 4, "0:4"},
        {REGEX, WIDE, "\\bab\\b", "x\0a\0b\0", 6, ""},
        {REGEX, WIDE, "\\bab\\b", "xa\0b\0c", 6, "1:4"},
        {REGEX, ASCII | WIDE, "ab+", "abba\0b\0b\0", 9, "0:3 3:6"},
        {REGEX, ASCII, "[Aa][Bb][Cc]1", "ABC1 abc1 aBc1 ABC2", 0, "0:4 5:4 10:4"},
        {REGEX, ASCII, "abc", "abcabc", 0, "0:3 3:3"},
        {REGEX, ASCII, "([a-z]+)", "ab1c", 0, "0:2 1:1 3:1"},
        {HEX, 0, "a.{1,3}?b", "aaxxbb", 0, "0:5 1:4"},
        {HEX, 0, "ab.d", "abcd abxd abd", 0, "0:4 5:4"},
        {HEX, 0, "a(b|cd)e", "abe acde ace", 0, "0:3 4:4"},
        {HEX, 0, "abcd", "abcdabcd", 0, "0:4 4:4"},
        {HEX, 0, "a", "aba", 0, "0:1 2:1"},
        {HEX, 0, "..a", "bba", 0, "0:3"},
        {HEX, 0, "\\l[ -]abcd", "abcd abcd-abcd", 0, "5:4 10:4"},
        {HEX, 0, "\\L[ -]abcd", "abcd abcd-abcd", 0, "0:4 5:4 10:4"},
        {HEX, 0, "abcd\\r[^a-z]", "abcd abcda abcd", 0, "0:4"},
        {HEX, 0, "abcd\\R[^a-z]", "abcd abcda abcd", 0, "0:4 11:4"},
        {HEX, 0, "\\L[ ](ab|cde)\\R[ ]", "ab cde abx cde", 0, "0:2 3:3 11:3"},
        {HEX, 0, "a.{0,3}?\\l[x]b", "ab axb axxxb", 0, "3:3 7:5"},
    };
    check_rows(rows, KJ_COUNT(rows));
}

/* Puts `text` at `offset`. */
static void place(kj_buf *buf, size_t offset, const char *text)
{
    memcpy(buf->data + offset, text, strlen(text));
}

static void check_large(const char *pattern, kj_pattern_kind kind, kj_span input, const char *hits)
{
    kj_arena arena;
    kj_buf text;
    kj_error err = {0};
    tree_defs defs;
    kj_arena_init(&arena, 16 << 20);
    kj_buf_init(&text, 1 << 20);
    kj_pattern p = make_pattern(&arena, kind, kind == KJ_PATTERN_HEX ? 0 : ASCII, pattern);
    assert_true(tree_defs_open(&defs, &p, 1, &err));
    kj_search *search = kj_search_new(&defs.defs);
    assert_int_equal(kj_search_run(search, input, &no_limits, &err), KJ_OK);
    assert_string_equal(hits_text(search, 0, &text), hits);
    kj_search_free(search);
    tree_defs_close(&defs);
    kj_buf_done(&text);
    kj_arena_done(&arena);
}

static void large_gaps_make_chains(void **state)
{
    (void)state;
    kj_buf input;
    kj_buf_init(&input, 100000);
    kj_buf_put_zeros(&input, 100000);
    place(&input, 10, "head");
    place(&input, 20, "head");
    place(&input, 500, "tail");
    place(&input, 600, "tail");
    place(&input, 99000, "tail");
    kj_span bytes = kj_buf_span(&input);
    check_large("head.{0,1000}?tail", KJ_PATTERN_HEX, bytes, "10:494 20:484");
    check_large("head.{480,485}?tail", KJ_PATTERN_HEX, bytes, "");
    check_large("head.{476,480}?tail", KJ_PATTERN_HEX, bytes, "20:484");
    check_large("head.{1000,}?tail", KJ_PATTERN_HEX, bytes, "10:98994 20:98984");
    check_large("head.{200,}?tail.{0,300}?tail", KJ_PATTERN_HEX, bytes, "10:594 20:584");
    check_large("head.{200,}?tail.{200,}?tail", KJ_PATTERN_HEX, bytes, "10:98994 20:98984");
    check_large("head.{500,600}?tail.{200,300}?tail", KJ_PATTERN_HEX, bytes, "");
    check_large("h.a.{0,70000}?tail.{0,98900}?t..l", KJ_PATTERN_HEX, bytes, "10:594 20:584");
    kj_buf_done(&input);
}

static void strings_see_so_far_and_no_further(void **state)
{
    (void)state;
    kj_buf input;
    kj_buf_init(&input, 20000);
    kj_buf_put_zeros(&input, 20000);
    place(&input, 100, "<abcd");
    place(&input, 4000, "wxyz>");
    place(&input, 15000, "wxyz>");
    kj_span bytes = kj_buf_span(&input);
    check_large("<abcd[^>]*>", KJ_PATTERN_REGEX, bytes, "100:3905");
    check_large("<abcd.*>", KJ_PATTERN_REGEX, bytes, "100:3905");
    check_large("<abcd.*?>", KJ_PATTERN_REGEX, bytes, "100:3905");
    place(&input, 4000, "     ");
    check_large("<abcd.*?>", KJ_PATTERN_REGEX, bytes, "");
    check_large("<abcd.*>", KJ_PATTERN_REGEX, bytes, "");
    kj_buf_done(&input);
}

static void rows_of_one_byte_are_one_sweep(void **state)
{
    (void)state;
    enum { LEN = 300000 };
    kj_arena arena;
    kj_buf input;
    kj_error err = {0};
    kj_arena_init(&arena, 16 << 20);
    kj_buf_init(&input, LEN);
    for (size_t i = 0; i < LEN; i++)
        kj_buf_put_byte(&input, 'a');
    static const char *const patterns[] = {"a+", "[a-f]{64,}", "aaaa.*", "aaaa.*?a", "(a|b|c)+d?"};
    for (size_t i = 0; i < KJ_COUNT(patterns); i++) {
        tree_defs defs;
        kj_pattern p = make_pattern(&arena, KJ_PATTERN_REGEX, ASCII, patterns[i]);
        assert_true(tree_defs_open(&defs, &p, 1, &err));
        kj_search *search = kj_search_new(&defs.defs);
        /* A run for each start would need 4,096 steps for each byte. */
        const kj_search_limits limits = {.hits_per_pattern = 1 << 20, .steps = LEN * 400};
        assert_int_equal(kj_search_run(search, kj_buf_span(&input), &limits, &err), KJ_OK);
        size_t count;
        const kj_hit *hits = kj_search_hits(search, 0, &count);
        assert_true(count > LEN - 100);
        for (size_t k = 0; k < count; k++)
            assert_int_equal(hits[k].offset, k);
        kj_search_free(search);
        tree_defs_close(&defs);
    }
    kj_buf_done(&input);
    kj_arena_done(&arena);
}

static void limits_drop_and_say_so(void **state)
{
    (void)state;
    kj_arena arena;
    kj_arena_init(&arena, 16 << 20);
    const kj_pattern patterns[] = {
        make_pattern(&arena, KJ_PATTERN_TEXT, ASCII, "aaaa"),
        make_pattern(&arena, KJ_PATTERN_TEXT, ASCII, "bbbb"),
        make_pattern(&arena, KJ_PATTERN_REGEX, ASCII, "cccc(x+x+)+y"),
    };
    tree_defs defs;
    kj_error err = {0};
    size_t count;
    assert_true(tree_defs_open(&defs, patterns, KJ_COUNT(patterns), &err));
    kj_search *search = kj_search_new(&defs.defs);
    kj_span text = kj_span_str("aaaaaaaaaaaa bbbb ccccxxxxxxxxxxxxxxxxxxxxxxxxxy");
    const kj_search_limits few = {.hits_per_pattern = 3};
    assert_int_equal(kj_search_run(search, text, &few, &err), KJ_LIMIT);
    assert_string_equal(err.message, "more matches than are kept: string $a of rule r");
    kj_search_hits(search, 0, &count);
    assert_int_equal(count, 3);
    kj_search_hits(search, 1, &count);
    assert_int_equal(count, 1);
    const kj_search_limits short_time = {.hits_per_pattern = 100, .steps = 10};
    assert_int_equal(kj_search_run(search, text, &short_time, &err), KJ_LIMIT);
    assert_string_equal(err.message,
                        "the work allowed for strings is used up: string $a of rule r");
    kj_search_hits(search, 0, &count);
    assert_int_equal(count, 9);
    kj_search_found(search, &count);
    assert_int_equal(count, 2);
    const kj_search_limits late = {.hits_per_pattern = 100, .deadline.ns = 1};
    assert_int_equal(kj_search_run(search, text, &late, &err), KJ_LIMIT);
    assert_string_equal(err.message, "takes too long to search for strings (--max-time)");
    /* Nothing of it stays for the next object. */
    assert_int_equal(kj_search_run(search, kj_span_str("nothing"), &no_limits, &err), KJ_OK);
    kj_search_found(search, &count);
    assert_int_equal(count, 0);
    kj_search_hits(search, 0, &count);
    assert_int_equal(count, 0);
    kj_search_free(search);
    tree_defs_close(&defs);
    kj_arena_done(&arena);
}

/* Pieces of two bytes that are met everywhere: nothing is dropped, whatever may be kept. */
static void short_pieces_of_chains_need_no_lists(void **state)
{
    (void)state;
    enum { LEN = 512 << 10 };
    static const struct {
        const char *pattern;
        const char *end;
        bool found;
    } rows[] = {
        {"ab.*?cd", "cd", true},
        {"ab.*?cd", "ce", false},
        {"ab.{3,9}?cd", "c", false},
        {"ab.{3,9}?cd", "abxxxcd", true},
        {"ba.{1,}?ba.*?cd", "ecd", true},
        {"ab.{2}ab.{0,3}?bb", "", false},
        {"ab.{2000,}?aba.*?cd", "cd", true},
        {"cd.*?ab", "cd", false},
        {"ab.{300000,400000}?ab.{0,70}?cd", "cd", true},
    };
    kj_arena arena;
    kj_buf input;
    kj_arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < KJ_COUNT(rows); i++) {
        kj_buf_init(&input, LEN + 64);
        for (size_t k = 0; k < LEN / 2; k++)
            kj_buf_put_text(&input, "ab");
        kj_buf_put_text(&input, rows[i].end);
        kj_pattern p = make_pattern(&arena, HEX, KJ_MOD_GAPS, rows[i].pattern);
        for (uint32_t trigger = 0; trigger < 2; trigger++) {
            const kj_search_limits few = {.hits_per_pattern = 100};
            tree_defs defs;
            size_t count;
            assert_true(tree_defs_open_as(&defs, &p, 1, trigger ? KJ_NEEDLE_TRIGGER : 0, NULL));
            kj_search *search = kj_search_new(&defs.defs);
            assert_int_equal(kj_search_run(search, kj_buf_span(&input), &few, NULL), KJ_OK);
            (void)kj_search_hits(search, 0, &count);
            assert_int_equal(count, rows[i].found);
            kj_search_free(search);
            tree_defs_close(&defs);
        }
        kj_buf_done(&input);
    }
    kj_arena_done(&arena);
}

/* Hundreds of pieces each of which stands everywhere: given up, told, and others are still found.
 */
static void chains_that_cost_too_much_are_given_up(void **state)
{
    (void)state;
    enum { LEN = 512 << 10, PIECES = 900 };
    kj_arena arena;
    kj_buf text, input;
    kj_error err = {0};
    kj_arena_init(&arena, 64 << 20);
    kj_buf_init(&text, 64 << 10);
    kj_buf_init(&input, LEN + 64);
    for (unsigned i = 0; i < PIECES; i++)
        kj_buf_put_text(&text, "ab.{1,100}?");
    kj_buf_put_text(&text, "cc");
    for (unsigned i = 0; i < LEN / 2; i++)
        kj_buf_put_text(&input, "ab");
    kj_buf_put_text(&input, "needle");
    const kj_pattern patterns[] = {
        make_pattern(&arena, HEX, KJ_MOD_GAPS, kj_buf_text(&text)),
        make_pattern(&arena, HEX, KJ_MOD_GAPS, "needle"),
    };
    const kj_search_limits few = {.hits_per_pattern = 100};
    tree_defs defs;
    size_t count;
    assert_true(tree_defs_open_as(&defs, patterns, 2, 0, NULL));
    kj_search *search = kj_search_new(&defs.defs);
    assert_int_equal(kj_search_run(search, kj_buf_span(&input), &few, &err), KJ_LIMIT);
    assert_non_null(strstr(err.message, "the work allowed for strings is used up"));
    (void)kj_search_hits(search, 0, &count);
    assert_int_equal(count, 0);
    (void)kj_search_hits(search, 1, &count);
    assert_int_equal(count, 1);
    kj_search_free(search);
    tree_defs_close(&defs);
    kj_buf_done(&text);
    kj_buf_done(&input);
    kj_arena_done(&arena);
}

static void finds_nothing_without_patterns(void **state)
{
    (void)state;
    tree_defs defs;
    size_t count;
    assert_true(tree_defs_open(&defs, NULL, 0, NULL));
    kj_search *search = kj_search_new(&defs.defs);
    assert_int_equal(kj_search_run(search, kj_span_str("text"), &no_limits, NULL), KJ_OK);
    assert_int_equal(kj_search_run(search, kj_span_str(""), &no_limits, NULL), KJ_OK);
    assert_null(kj_search_hits(search, 0, &count));
    assert_null(kj_search_hits(search, KJ_NONE, &count));
    kj_search_free(search);
    tree_defs_close(&defs);
    const kj_defs empty = {0};
    search = kj_search_new(&empty);
    assert_int_equal(kj_search_run(search, kj_span_str("text"), &no_limits, NULL), KJ_OK);
    kj_search_free(search);
}

/* ---- against the slow matcher --------------------------------------------------------------- */

/* xorshift64*, seeded with a fixed number: every run tests the same. */
struct random {
    uint64_t state;
};

static uint32_t draw(struct random *r, uint32_t below)
{
    r->state ^= r->state >> 12;
    r->state ^= r->state << 25;
    r->state ^= r->state >> 27;
    return (uint32_t)((r->state * UINT64_C(0x2545F4914F6CDD1D)) >> 33) % below;
}

static void random_tree(struct random *r, unsigned depth, bool hex, kj_buf *out)
{
    unsigned parts = 1 + draw(r, 5);
    for (unsigned i = 0; i < parts; i++) {
        unsigned what = draw(r, depth < 3 ? 15 : 8);
        bool repeats = !hex && draw(r, 4) == 0;
        if (what < 6)
            kj_buf_put_byte(out, (uint8_t) "abcAb_"[draw(r, 6)]);
        else if (what == 6)
            kj_buf_put_text(out, draw(r, 2) ? "." : "[ab]");
        else if (what == 7)
            kj_buf_put_text(out, draw(r, 2) ? "[^a]" : "[aA][bB]");
        else if (what == 8 && !hex)
            kj_buf_put_text(out, ((const char *[]){"\\b", "\\B", "^", "$"})[draw(r, 4)]);
        else if (what == 14)
            kj_buf_printf(out, "\\%c%s", "lLrR"[draw(r, 4)],
                          ((const char *[]){"[ab]", "[^a]", "[ x_]"})[draw(r, 3)]);
        else if (what == 9 && i > 0 && hex)
            kj_buf_printf(out, ".{%u,%u}?b", draw(r, 2), 1 + draw(r, 4));
        else {
            kj_buf_put_text(out, "(");
            random_tree(r, depth + 1, hex, out);
            kj_buf_put_text(out, "|");
            random_tree(r, depth + 1, hex, out);
            kj_buf_put_text(out, ")");
        }
        if (repeats && kj_buf_span(out).data[out->len - 1] != '^')
            kj_buf_put_text(out, ((const char *[]){"*", "+", "?", "{2}", "{1,3}", "*?", "+?",
                                                   "{2,}", "??", "{0,2}?"})[draw(r, 10)]);
    }
}

static void random_bytes(struct random *r, bool wide, kj_buf *out)
{
    unsigned len = draw(r, 90), alphabet = 2 + draw(r, 6);
    for (unsigned i = 0; i < len; i++) {
        kj_buf_put_byte(out, (uint8_t) "ab\0cA_ x"[draw(r, alphabet)]);
        if (wide && draw(r, 8))
            kj_buf_put_byte(out, 0);
    }
}

static void random_text_pattern(struct random *r, kj_arena *arena, kj_pattern *p)
{
    uint8_t *text = kj_arena_alloc(arena, 16);
    size_t len = 1 + draw(r, 10);
    for (size_t i = 0; i < len; i++)
        text[i] = (uint8_t) "abcA_"[draw(r, 2 + draw(r, 4))];
    p->text = kj_span_of(text, len);
    unsigned what = draw(r, 8);
    if (what < 4)
        p->modifiers |= (draw(r, 2) ? NOCASE : 0u) | (draw(r, 3) ? 0u : WORD);
    else if (what < 6) {
        p->modifiers |= XOR | (draw(r, 3) ? 0u : WORD);
        p->xor_min = (uint8_t)(draw(r, 2) ? 0 : draw(r, 4));
        p->xor_max = (uint8_t)(draw(r, 2) ? 255 : p->xor_min + draw(r, 40));
    } else
        p->modifiers |= what == 6 ? BASE64 : BASE64_WIDE | (draw(r, 2) ? BASE64 : 0u);
}

static void random_pattern(struct random *r, kj_arena *arena, kj_pattern *p, char *source,
                           size_t size)
{
    *p = (kj_pattern){.kind = draw(r, 3), .identifier = kj_span_str("$a"), .xor_max = 255};
    p->modifiers = ((const uint32_t[]){ASCII, ASCII, WIDE, ASCII | WIDE})[draw(r, 4)];
    source[0] = 0;
    if (p->kind == KJ_PATTERN_TEXT) {
        random_text_pattern(r, arena, p);
        return;
    }
    if (p->kind == KJ_PATTERN_HEX)
        p->modifiers = 0;
    else
        p->modifiers |= draw(r, 4) ? 0u : WORD;
    kj_buf text;
    kj_buf_init(&text, 1 << 16);
    random_tree(r, 0, p->kind == KJ_PATTERN_HEX, &text);
    snprintf(source, size, "%s", kj_buf_text(&text));
    p->re = tree_parse(arena, source);
    kj_buf_done(&text);
}

static void compare_hits(const kj_search *search, uint32_t pattern, const kj_pattern *p,
                         kj_span input, const char *source)
{
    static slow_hit wanted[SLOW_TEXT_MAX];
    size_t count, at = 0;
    const kj_hit *hits = kj_search_hits(search, pattern, &count);
    slow_search(p, input, wanted);
    for (size_t i = 0; i < input.len; i++) {
        bool hit = at < count && hits[at].offset == i;
        bool same = hit == wanted[i].hit &&
                    (!hit || (hits[at].len == wanted[i].len && hits[at].key == wanted[i].key));
        if (!same) {
            kj_buf shown;
            kj_buf_init(&shown, 4096);
            kj_escape(input, NULL, &shown);
            print_error("%s %.*s kind %d modifiers %x at %zu in \"%s\": %d:%d, slow %d:%zu\n",
                        source, (int)p->text.len, (const char *)p->text.data, (int)p->kind,
                        p->modifiers, i, kj_buf_text(&shown), hit, hit ? (int)hits[at].len : -1,
                        wanted[i].hit, wanted[i].len);
            kj_buf_done(&shown);
        }
        assert_true(same);
        at += hit;
    }
    assert_int_equal(at, count);
}

/* A base64 text where something is to be found: the pattern's own, encoded by nature of the random
 * alphabet hardly ever. So forms are spliced in from the definitions themselves. */
static void splice_literal(struct random *r, const tree_defs *defs, kj_buf *input)
{
    size_t len = defs->sections.literals.len;
    if (len == 0 || input->len < 2)
        return;
    size_t from = draw(r, (uint32_t)len), at = draw(r, (uint32_t)input->len);
    size_t count = kj_min_size(kj_min_size(len - from, input->len - at), 40);
    memcpy(input->data + at, defs->sections.literals.data + from, count);
    uint8_t key = draw(r, 3) ? 0 : (uint8_t)draw(r, 50);
    for (size_t i = 0; i < count; i++)
        input->data[at + i] ^= key;
}

/* Whether and where strings are there, when nobody wants to know all places. */
static void compare_places(kj_search *search, uint32_t pattern, const kj_pattern *p, kj_span input,
                           const char *source)
{
    static slow_hit wanted[SLOW_TEXT_MAX];
    bool any = false, found;
    size_t count;
    slow_search(p, input, wanted);
    for (size_t i = 0; i < input.len; i++)
        any |= wanted[i].hit;
    const kj_hit *hits = kj_search_hits(search, pattern, &count);
    if (any != (count > 0))
        print_error("%s: found %zu, slow %d\n", source, count, any);
    assert_int_equal(any, count > 0);
    assert_true(count == 0 || wanted[hits[0].offset].hit);
    for (size_t i = 0; i < input.len; i++) {
        assert_true(kj_search_at(search, pattern, i, &found));
        if (found != wanted[i].hit)
            print_error("%s at %zu: %d, slow %d\n", source, i, found, wanted[i].hit);
        assert_int_equal(found, wanted[i].hit);
    }
}

/* Chains of bytes, some of them variants, with all kinds of gaps. */
static void random_chain(struct random *r, kj_buf *out)
{
    static const char *const gaps[] = {".{0,2}?", ".{3}", ".{1,}?", ".*?", ".{70}", ".{0,40}?"};
    static const char *const parts[] = {"a",    "ab",         "(a|b)", "(a|ba)", ".b", "[ab]c",
                                        "abab", "(ab|a)(b|)", "A.",    "_",      "c"};
    unsigned count = 2 + draw(r, 4);
    for (unsigned i = 0; i < count; i++) {
        kj_buf_put_text(out, i ? gaps[draw(r, 6)] : "");
        for (unsigned k = 0; k < 1 + draw(r, 3); k++)
            kj_buf_put_text(out, parts[draw(r, 11)]);
    }
}

static void chains_are_there_where_the_slow_matcher_says(void **state)
{
    (void)state;
    enum { ROUNDS = 120, PATTERNS = 9, INPUTS = 4 }; /* so many that probes share a pass */
    const char *more = getenv("KUJO_LONG");
    struct random r = {UINT64_C(0x636861696e)};
    kj_arena arena;
    kj_arena_init(&arena, 64 << 20);
    for (unsigned round = 0; round < (more ? ROUNDS * 20 : ROUNDS); round++) {
        kj_pattern patterns[PATTERNS];
        char sources[PATTERNS][1024];
        tree_defs defs;
        kj_error err = {0};
        kj_arena_reset(&arena);
        for (unsigned i = 0; i < PATTERNS; i++) {
            kj_buf text;
            kj_buf_init(&text, 1 << 16);
            random_chain(&r, &text);
            snprintf(sources[i], sizeof sources[i], "%s", kj_buf_text(&text));
            patterns[i] = make_pattern(&arena, HEX, KJ_MOD_GAPS, sources[i]);
            kj_buf_done(&text);
        }
        uint32_t flags = round % 2 ? KJ_NEEDLE_TRIGGER : 0;
        assert_true(tree_defs_open_as(&defs, patterns, PATTERNS, flags, &err));
        kj_search *search = kj_search_new(&defs.defs);
        for (unsigned i = 0; i < INPUTS; i++) {
            kj_buf input;
            kj_buf_init(&input, SLOW_TEXT_MAX);
            random_bytes(&r, false, &input);
            if (i % 2)
                random_bytes(&r, false, &input);
            splice_literal(&r, &defs, &input);
            kj_span bytes = kj_buf_span(&input);
            assert_int_equal(kj_search_run(search, bytes, &no_limits, &err), KJ_OK);
            for (uint32_t k = 0; k < PATTERNS; k++)
                compare_places(search, k, &patterns[k], bytes, sources[k]);
            kj_buf_done(&input);
        }
        kj_search_free(search);
        tree_defs_close(&defs);
    }
    kj_arena_done(&arena);
}

static void agrees_with_the_slow_matcher(void **state)
{
    (void)state;
    enum { ROUNDS = 600, PATTERNS = 4, INPUTS = 5 };
    const char *more = getenv("KUJO_LONG");
    struct random r = {UINT64_C(0x6b756a6f)};
    kj_arena arena;
    kj_arena_init(&arena, 64 << 20);
    for (unsigned round = 0; round < (more ? ROUNDS * 20 : ROUNDS); round++) {
        kj_pattern patterns[PATTERNS];
        char sources[PATTERNS][4096];
        tree_defs defs;
        kj_error err = {0};
        kj_arena_reset(&arena);
        for (unsigned i = 0; i < PATTERNS; i++)
            random_pattern(&r, &arena, &patterns[i], sources[i], sizeof sources[i]);
        if (!tree_defs_open(&defs, patterns, PATTERNS, &err)) {
            print_error("%s\n", err.message);
            fail();
        }
        kj_search *search = kj_search_new(&defs.defs);
        for (unsigned i = 0; i < INPUTS; i++) {
            kj_buf input;
            kj_buf_init(&input, SLOW_TEXT_MAX);
            random_bytes(&r, i % 2, &input);
            splice_literal(&r, &defs, &input);
            /* In a block of its own, so that a read past its end is seen. */
            uint8_t *exact = malloc(input.len + 1);
            if (input.len)
                memcpy(exact + 1, input.data, input.len);
            kj_span bytes = kj_span_of(exact + 1, input.len);
            assert_int_equal(kj_search_run(search, bytes, &no_limits, &err), KJ_OK);
            for (uint32_t k = 0; k < PATTERNS; k++)
                compare_hits(search, k, &patterns[k], bytes, sources[k]);
            free(exact);
            kj_buf_done(&input);
        }
        kj_search_free(search);
        tree_defs_close(&defs);
    }
    kj_arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_found),
        cmocka_unit_test(whole_words),
        cmocka_unit_test(xored_texts),
        cmocka_unit_test(xor_keys_are_ranged),
        cmocka_unit_test(base64_texts),
        cmocka_unit_test(trees_give_the_longest_or_shortest_match_at_each_offset),
        cmocka_unit_test(large_gaps_make_chains),
        cmocka_unit_test(strings_see_so_far_and_no_further),
        cmocka_unit_test(rows_of_one_byte_are_one_sweep),
        cmocka_unit_test(limits_drop_and_say_so),
        cmocka_unit_test(short_pieces_of_chains_need_no_lists),
        cmocka_unit_test(chains_that_cost_too_much_are_given_up),
        cmocka_unit_test(finds_nothing_without_patterns),
        cmocka_unit_test(agrees_with_the_slow_matcher),
        cmocka_unit_test(chains_are_there_where_the_slow_matcher_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
