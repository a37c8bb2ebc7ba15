/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of regular expressions: wherever PCRE2 finds a match, the part has to be found, too. */
#include "../match/slow.h"
#include "../test.h"
#include "base/arith.h"
#include "base/cleanup.h"
#include "base/pcre.h"
#include "rules/clamav/regex_part.h"

#include <stdio.h>

enum { ARENA = 8 << 20, ROUNDS = 4000, TEXT_MAX = 400 };

/* A pattern that is made up, and something that it may match. */
typedef struct made {
    char pattern[TEXT_MAX];
    size_t pattern_len;
    uint8_t text[SLOW_TEXT_MAX];
    size_t text_len;
    uint64_t state;
} made;

static unsigned pick(made *m, unsigned count)
{
    m->state = m->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(m->state >> 33) % count;
}

static void put(made *m, const char *text)
{
    size_t len = strlen(text);
    if (m->pattern_len + len < sizeof m->pattern) {
        memcpy(m->pattern + m->pattern_len, text, len + 1);
        m->pattern_len += len;
    }
}

static void emit(made *m, unsigned byte)
{
    if (m->text_len < sizeof m->text)
        m->text[m->text_len++] = (uint8_t)byte;
}

static void make_sequence(made *m, unsigned depth);

/* One item of a pattern, of which the text gets a specimen. */
static void make_single(made *m, unsigned depth)
{
    static const struct {
        const char *pattern;
        char specimen;
    } items[] = {
        {"a", 'a'},      {"b", 'b'},      {"Q", 'Q'},      {"z", 'z'},           {"0", '0'},
        {"k", 'K'},      {"\\x41", 'A'},  {"\\x00", '\0'}, {"\\.", '.'},         {"\\d", '7'},
        {"\\w", '_'},    {"\\s", '\n'},   {"[ab]", 'b'},   {"[^ab]", 'c'},       {"[a-cx]", 'x'},
        {"[\\d-]", '-'}, {"[\\]a]", ']'}, {"[]b]", ']'},   {"[^\\x22]", 'q'},    {".", 'a'},
        {"\\t", '\t'},   {"\\W", '-'},    {"/", '/'},      {"[\\x00-\\x1f]", 1},
    };
    unsigned what = pick(m, 32);
    if (what < KJ_COUNT(items)) {
        put(m, items[what].pattern);
        emit(m, (uint8_t)items[what].specimen);
    } else if (depth > 3 || what < 26) {
        put(m, "foo");
        emit(m, 'f'), emit(m, 'o'), emit(m, 'o');
    } else if (what < 30) {
        put(m, what < 29 ? "(?:" : "(");
        make_sequence(m, depth + 1);
        for (unsigned i = pick(m, 3); i > 0; i--) {
            size_t kept = m->text_len; /* the first alternative is the text's */
            put(m, "|");
            make_sequence(m, depth + 1);
            m->text_len = kept;
        }
        put(m, ")");
    } else {
        static const char *const others[] = {"(?!nothing)", "\\b", "(?=)", "^", "$", "\\B"};
        put(m, others[pick(m, (unsigned)KJ_COUNT(others))]);
    }
}

static void make_piece(made *m, unsigned depth)
{
    static const char *const repeats[] = {"?", "*", "+", "{2}", "{0,3}", "{1,}", "??", "+?", "*+"};
    size_t before = m->text_len, pattern = m->pattern_len;
    make_single(m, depth);
    bool assertion = m->pattern_len > pattern && m->text_len == before;
    unsigned which = pick(m, 24);
    if (assertion || which >= KJ_COUNT(repeats) || m->text_len - before > 3)
        return;
    put(m, repeats[which]);
    uint8_t specimen[4];
    size_t len = m->text_len - before;
    memcpy(specimen, m->text + before, len);
    m->text_len = before;
    static const uint8_t least[] = {0, 0, 1, 2, 0, 1, 0, 1, 0},
                         most[] = {1, 3, 3, 2, 3, 3, 1, 3, 3};
    for (unsigned i = least[which] + pick(m, most[which] - least[which] + 1u); i > 0; i--)
        for (size_t k = 0; k < len; k++)
            emit(m, specimen[k]);
}

static void make_sequence(made *m, unsigned depth)
{
    for (unsigned i = 1 + pick(m, depth ? 4 : 8); i > 0; i--)
        make_piece(m, depth);
}

static void make_up(made *m, uint64_t seed)
{
    *m = (made){.state = seed};
    for (unsigned i = pick(m, 6); i > 0; i--)
        emit(m, 'a' + pick(m, 26));
    make_sequence(m, 0);
    for (unsigned i = pick(m, 6); i > 0; i--)
        emit(m, 'a' + pick(m, 26));
}

static bool pcre_finds(kj_span pattern, unsigned options, kj_span text)
{
    kj_pcre *pcre;
    kj_pcre_match match = {0};
    const kj_pcre_search search = {.subject = text, .last_start = SIZE_MAX};
    if (kj_pcre_compile(pattern, options, &pcre, NULL) != KJ_OK)
        return false;
    kj_status status = kj_pcre_find(pcre, &search, &match, NULL);
    kj_pcre_free(pcre);
    return status == KJ_OK && match.found;
}

static bool part_is_found(const kj_re *part, kj_span text)
{
    slow_hit hits[SLOW_TEXT_MAX] = {0};
    const kj_pattern pattern = {.kind = KJ_PATTERN_HEX, .re = part};
    slow_search(&pattern, text, hits);
    for (size_t i = 0; i < text.len; i++)
        if (hits[i].hit)
            return true;
    return false;
}

static void test_what_matches_has_the_part(void **state)
{
    (void)state;
    KJ_CLEANUP(kj_arena_done) kj_arena arena;
    kj_arena_init(&arena, ARENA);
    size_t matched = 0, with_part = 0;
    for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
        made m;
        bool starved;
        make_up(&m, seed * 7919);
        kj_span pattern = kj_span_str(m.pattern), text = kj_span_of(m.text, m.text_len);
        unsigned options = seed % 3 == 0 ? KJ_PCRE_CASELESS : 0;
        options |= seed % 5 == 0 ? KJ_PCRE_DOTALL : 0;
        if (!pcre_finds(pattern, options, text))
            continue;
        matched++;
        kj_arena_reset(&arena);
        const kj_re *part = kj_clamav_regex_part(&arena, pattern, options, &starved);
        assert_false(starved);
        with_part += part != NULL;
        if (part && !part_is_found(part, text))
            fail_msg("seed %u: /%s/ matches where its part is not", (unsigned)seed, m.pattern);
    }
    assert_true(matched > ROUNDS / 3);
    assert_true(with_part > matched / 10);
}

/* What is wanted of parts: that they are found where they should be, and nowhere else. */
static void test_parts_are_rare(void **state)
{
    (void)state;
    static const struct {
        const char *pattern;
        unsigned options;
        const char *text; /* NULL: there is no part */
        bool found;
    } rows[] = {
        {"ddeservice\\s*=\\s*[\\x22\\x27]", 0, "ddeservice", true},
        {"ddeservice\\s*=\\s*[\\x22\\x27]", 0, "ddeservic", false},
        {"DDEservice\\s*=", KJ_PCRE_CASELESS, "ddeSERVICE", true},
        {"(?i)abcdef", 0, "ABCdef", true},
        {"abcdef", 0, "ABCdef", false},
        {"Q\\x00?b\\x00?(?:1\\x00?d|x\\x00?yz)\\x00?[FG]", 0, "Qb1dF", true},
        {"Q\\x00?b\\x00?(?:1\\x00?d|x\\x00?yz)\\x00?[FG]", 0, "QbxyzG", true},
        {"Q\\x00?b\\x00?(?:1\\x00?d|x\\x00?yz)\\x00?[FG]", 0, "Qb1x", false},
        {"a.*needle.*b", 0, "needle", true},
        {"(?:first.*|second.*)x", 0, "first", true},
        {"(?:first.*|second.*)x", 0, "second", true},
        {"(?:first.*|second.*)x", 0, "third", false},
        {"(?:needles)+x", 0, "needles", true},
        {"(?:needles)*xyz1", 0, "xyz1", true},
        {"[a-z]{20}", 0, NULL, false},
        {".*", 0, NULL, false},
        {"\\Qabcdef\\E", 0, NULL, false},
        {"a b c d e f", KJ_PCRE_EXTENDED, NULL, false},
        {"(?<name>abcdef)", 0, NULL, false},
        {"abc(?#def)", 0, NULL, false},
        {"[[:alpha:]]abcdef", 0, NULL, false},
        {"\\x{41}bcdefg", 0, NULL, false},
        {"abcd(ef", 0, NULL, false},
        {"abcd{x}", 0, "abcd{x}", true},
        {"wxyzabcd{,3}efgh", 0, NULL, false}, /* a repetition since PCRE2 10.43 */
        {"wxyzabcd{ 0 }efgh", 0, NULL, false},
    };
    for (size_t i = 0; i < KJ_COUNT(rows); i++) {
        KJ_CLEANUP(kj_arena_done) kj_arena arena;
        bool starved;
        kj_arena_init(&arena, ARENA);
        const kj_re *part =
            kj_clamav_regex_part(&arena, kj_span_str(rows[i].pattern), rows[i].options, &starved);
        if (!part != !rows[i].text)
            fail_msg("/%s/: %s", rows[i].pattern, part ? "a part" : "no part");
        if (part && part_is_found(part, kj_span_str(rows[i].text)) != rows[i].found)
            fail_msg("/%s/ in %s", rows[i].pattern, rows[i].text);
    }
}

/* A part that no program has room for would stop all that is built with it. */
static void test_parts_are_small(void **state)
{
    (void)state;
    enum { LARGE = 1300, SMALL = 40 };
    static const size_t counts[] = {SMALL, LARGE};
    for (size_t i = 0; i < KJ_COUNT(counts); i++) {
        KJ_CLEANUP(kj_arena_done) kj_arena arena;
        KJ_CLEANUP(kj_buf_done) kj_buf pattern;
        bool starved;
        kj_arena_init(&arena, ARENA);
        kj_buf_init(&pattern, 1 << 20);
        kj_buf_put_text(&pattern, "abcd(?:(?:.{99}");
        for (size_t k = 1; k < counts[i]; k++)
            kj_buf_put_text(&pattern, k % 200 ? "|.{99}" : ")|(?:.{99}");
        kj_buf_put_text(&pattern, "))");
        const kj_re *part =
            kj_clamav_regex_part(&arena, kj_buf_span(&pattern), KJ_PCRE_DOTALL, &starved);
        assert_false(starved);
        assert_int_equal(part != NULL, counts[i] == SMALL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_matches_has_the_part),
        cmocka_unit_test(test_parts_are_rare),
        cmocka_unit_test(test_parts_are_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
