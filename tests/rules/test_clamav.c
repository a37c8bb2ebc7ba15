/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/clamav/compile.h"

#include "tests/rules/clamav_schema.h"
#include "tests/rules/yara_dump.h"
#include "tests/test.h"

#include <stdio.h>

/* ---- compiling texts ----------------------------------------------------------------------- */

/* A file that comes in parts of a few bytes. */
struct text {
    kj_span left;
    size_t step;
};

static ptrdiff_t read_text(void *user, void *buf, size_t len, kj_error *err)
{
    struct text *text = user;
    (void)err;
    kj_span part = kj_span_sub(text->left, 0, text->step < len ? text->step : len);
    if (part.len)
        memcpy(buf, part.data, part.len);
    text->left = kj_span_sub(text->left, part.len, text->left.len);
    return (ptrdiff_t)part.len;
}

struct compilation {
    kj_ir ir;
    kj_clamav_options options;
    kj_clamav *clamav;
};

static void set_up(struct compilation *c, kj_clamav_options options)
{
    options.schemas = clamav_test_schemas;
    options.schema_count = KJ_COUNT(clamav_test_schemas);
    c->options = options;
    kj_ir_init(&c->ir, 64 << 20);
    c->clamav = kj_clamav_new(&c->ir, &c->options);
    assert_non_null(c->clamav);
}

static void tear_down(struct compilation *c)
{
    kj_clamav_free(c->clamav);
    kj_ir_done(&c->ir);
}

static kj_status load_span(struct compilation *c, const char *name, kj_span content, size_t step)
{
    kj_error err = {0};
    struct text text = {content, step};
    const kj_clamav_input input = {.name = name, .read = read_text, .user = &text};
    return kj_clamav_load(c->clamav, &input, &err);
}

static void load(struct compilation *c, const char *name, const char *content)
{
    assert_int_equal(load_span(c, name, kj_span_str(content), SIZE_MAX), KJ_OK);
}

/* What was told, as a terminal shows it. */
static void print_diags(const kj_ir *ir, kj_buf *out)
{
    kj_buf_init(out, 1 << 20);
    for (size_t i = 0; i < ir->diags.list.count; i++)
        kj_diag_print(&ir->diags.list.items[i], false, out);
}

static void assert_diags(const kj_ir *ir, const char *expected)
{
    kj_buf out;
    print_diags(ir, &out);
    assert_string_equal(kj_buf_text(&out), expected);
    kj_buf_done(&out);
}

/* ---- bodies -------------------------------------------------------------------------------- */

static kj_clamav_result compile_body(struct compilation *c, const char *body, unsigned options,
                                     uint32_t *out)
{
    c->clamav->line = (kj_clamav_line){"x.ndb", 1, kj_span_str(body), "ndb", false};
    return kj_clamav_body(c->clamav, c->clamav->line.text, options, kj_span_str("$a"), out);
}

static void dump_pattern(const kj_pattern *pattern, kj_buf *out)
{
    if (pattern->kind != KJ_PATTERN_TEXT) {
        yara_dump_re(pattern->re, out);
        return;
    }
    kj_buf_put_byte(out, '"');
    kj_buf_put(out, pattern->text);
    kj_buf_put_byte(out, '"');
    static const struct {
        uint32_t modifier;
        const char *name;
    } names[] = {{KJ_MOD_NOCASE, " nocase"},
                 {KJ_MOD_ASCII, " ascii"},
                 {KJ_MOD_WIDE, " wide"},
                 {KJ_MOD_FULLWORD, " fullword"}};
    for (size_t i = 0; i < KJ_COUNT(names); i++)
        kj_buf_put_text(out, pattern->modifiers & names[i].modifier ? names[i].name : "");
}

static void check_body(const char *body, unsigned options, const char *expected)
{
    struct compilation c;
    kj_buf out;
    uint32_t index;
    set_up(&c, (kj_clamav_options){0});
    kj_buf_init(&out, 1 << 20);
    kj_clamav_result result = compile_body(&c, body, options, &index);
    if (result == KJ_CLAMAV_TAKEN)
        dump_pattern(&c.ir.patterns.items[index], &out);
    else if (c.ir.diags.list.count)
        kj_buf_put_text(&out, c.ir.diags.list.items[0].message);
    if (strcmp(kj_buf_text(&out), expected) != 0)
        print_message("%s\n", body);
    assert_string_equal(kj_buf_text(&out), expected);
    kj_buf_done(&out);
    tear_down(&c);
}

static void test_body_trees(void **state)
{
    (void)state;
    static const struct {
        const char *body, *expected;
    } cases[] = {
        {"414243", "\"ABC\" ascii"},
        {"4142??44", "(cat 41 42 . 44)"},
        {"4?42434?", "(cat [40-4f] 42 43 [40-4f])"},
        {"?14243", "(cat [01 11 21 31 41 51 61 71 81 91 a1 b1 c1 d1 e1 f1] 42 43)"},
        {"4142*4546", "(cat (cat 41 42) (rep? 0 * .) (cat 45 46))"},
        {"4142{2}4546", "(cat 41 42 (rep? 2 2 .) 45 46)"},
        {"4142{1}4546", "(cat 41 42 . 45 46)"},
        {"4142{200}4546", "(cat (cat 41 42) (rep? 200 200 .) (cat 45 46))"},
        {"4142{3-}4546", "(cat (cat 41 42) (rep? 3 * .) (cat 45 46))"},
        {"4142{-3}4546", "(cat (cat 41 42) (rep? 0 3 .) (cat 45 46))"},
        {"4142{-0}4546", "(cat (cat 41 42) (rep? 0 * .) (cat 45 46))"},
        {"4142{0}4546", "(cat (cat 41 42) (rep? 0 * .) (cat 45 46))"},
        {"4142{-99999999999}4546", "(cat (cat 41 42) (rep? 0 * .) (cat 45 46))"},
        {"41[2-]444546", "(cat 41 (rep? 2 2 .) 44 45 46)"},
        {"41[0]444546", "(cat 41 44 45 46)"},
        {"4142{4-1}4546", "(cat (cat 41 42) [] (cat 45 46))"},
        {"41[1-3]444546", "(cat 41 (rep? 1 3 .) 44 45 46)"},
        {"414243[2]46", "(cat 41 42 43 (rep? 2 2 .) 46)"},
        {"4142(43|44)44", "(cat 41 42 [43-44] 44)"},
        {"4142(4344|55|4?)45", "(cat 41 42 (alt (cat 43 44) 55 [40-4f]) 45)"},
        {"4142((43|44)44|5555)45", "(cat 41 42 (alt (cat [43-44] 44) (cat 55 55)) 45)"},
        {"4142(43{2}44|45)46", "(cat 41 42 (alt (cat 43 (rep? 2 2 .) 44) 45) 46)"},
        {"4142!(43|44)44", "(cat 41 42 [00-42 45-ff] 44)"},
        {"4142!(4344|4355|6677)45",
         "(cat 41 42 (alt (cat [00-42 44-65 67-ff] .) (cat 43 [00-43 45-54 56-ff]) "
         "(cat 66 [00-76 78-ff])) 45)"},
    };
    for (size_t i = 0; i < KJ_COUNT(cases); i++)
        check_body(cases[i].body, 0, cases[i].expected);
}

static void test_boundaries(void **state)
{
    (void)state;
    static const struct {
        const char *body, *expected;
    } cases[] = {
        {"(W)4142(W)", "(cat after-or-edge:[00-2f 3a-40 5b-60 7b-ff] 41 42 "
                       "before-or-edge:[00-2f 3a-40 5b-60 7b-ff])"},
        {"!(W)4142", "(cat after:[30-39 41-5a 61-7a] 41 42)"},
        {"4142(W)4344", "(cat 41 42 [00-2f 3a-40 5b-60 7b-ff] 43 44)"},
        {"4142!(W)4344", "(cat 41 42 [30-39 41-5a 61-7a] 43 44)"},
        {"(B)4142(B)", "(cat after-or-edge:[20 2d-2f 3c 40 5f] 41 42 "
                       "before-or-edge:[0a 0d 20 22 27 2d 2f 3d-3e 5f])"},
        {"4142(B)4344", "(cat 41 42 [0a 0d 20 22 27 2d-2f 3c-3e 40 5f] 43 44)"},
        {"!(B)4142", "(cat after:[00-09 0b-0c 0e-1f 21 23-26 28-2c 30-3b 3f 41-5e 60-ff] 41 42)"},
        {"4142!(B)", "(cat 41 42 before:[00-09 0b-0c 0e-1f 21 23-26 28-2c 2e 30-3c 3f-5e 60-ff])"},
        {"(L)4142", "(cat after-or-edge:0a 41 42)"},
        {"4142(L)", "(cat 41 42 (alt before-or-edge:0a (cat 0d before:0a)))"},
        {"4142!(L)",
         "(cat 41 42 (alt before:[00-09 0b-0c 0e-ff] (cat 0d before-or-edge:[00-09 0b-ff])))"},
        {"4142(L)4344", "(cat 41 42 (alt 0a (cat 0d 0a)) 43 44)"},
        {"4142!(L)4344",
         "(cat 41 42 (alt [00-09 0b-0c 0e-ff] (cat 0d before-or-edge:[00-09 0b-ff])) 43 44)"},
        /* Each part has ends of its own, but for {n}, which is no gap. */
        {"4142(L)*(L)4344", "(cat (cat 41 42 (alt before-or-edge:0a (cat 0d before:0a))) "
                            "(rep? 0 * .) (cat after-or-edge:0a 43 44))"},
        {"4142{2}(W)4344", "(cat 41 42 (rep? 2 2 .) [00-2f 3a-40 5b-60 7b-ff] 43 44)"},
        {"4142(W)(W)", "(cat 41 42 [00-2f 3a-40 5b-60 7b-ff] "
                       "before-or-edge:[00-2f 3a-40 5b-60 7b-ff])"},
    };
    for (size_t i = 0; i < KJ_COUNT(cases); i++)
        check_body(cases[i].body, 0, cases[i].expected);
}

static void test_options(void **state)
{
    (void)state;
    static const char word[] = "[00-2f 3a-40 5b-60 7b-ff]";
    char fullword[128];
    (void)snprintf(fullword, sizeof fullword, "(cat after-or-edge:%s 41 42 . before-or-edge:%s)",
                   word, word);
    check_body("6162", KJ_BODY_NOCASE, "\"ab\" nocase ascii");
    check_body("6162", KJ_BODY_WIDE, "\"ab\" wide");
    check_body("6162", KJ_BODY_WIDE | KJ_BODY_ASCII | KJ_BODY_FULLWORD,
               "\"ab\" ascii wide fullword");
    check_body("61", KJ_BODY_WIDE, "\"a\" wide");
    check_body("6162??31", KJ_BODY_NOCASE, "(cat [41 61] [42 62] . 31)");
    check_body("6162(63|6?)", KJ_BODY_NOCASE, "(cat [41 61] [42 62] [43 60-6f])");
    check_body("6162??", KJ_BODY_WIDE, "(cat 61 00 62 00 . 00)");
    check_body("6162{2}63", KJ_BODY_WIDE, "(cat 61 00 62 00 (rep? 2 2 .) 63 00)");
    check_body("6162(63|6465)", KJ_BODY_WIDE,
               "(cat 61 00 62 00 (alt (cat 63 00) (cat 64 00 65 00)))");
    check_body("6162??", KJ_BODY_WIDE | KJ_BODY_ASCII,
               "(alt (cat 61 62 .) (cat 61 00 62 00 . 00))");
    check_body("4142??", KJ_BODY_FULLWORD, fullword);
}

static void test_malformed_bodies(void **state)
{
    (void)state;
    static const char two[] = "two plain bytes must stand side by side here";
    static const char inside[] = "in parentheses stand bytes, {n} (n at most 127), ( ) and |";
    static const char negated[] = "only plain bytes of one length can be negated";
    static const char item[] = "bodies are of hex digits, ?, *, {}, [], () and !";
    static const char span[] = "a distance is [n] or [n-m], not larger than 32";
    static const char gap[] = "a gap is {n}, {n-}, {-n} or {n-m}";
    static const char single[] = "a single byte stands on one side of a distance";
    static const struct {
        const char *body, *expected;
    } cases[] = {
        {"", "a signature without a body"},
        {"414", "half a byte"},
        {"41zz", item},
        {"41", two},
        {"41??42", two},
        {"????", two},
        {"41*4546", two},
        {"4142*45", two},
        {"*4142", two},
        {"4142*", two},
        {"4142**4344", two},
        {"4142{-1}43*4546", two},
        {"4142{-5}43{1}4546", two},
        {"(4142|4344)45", two},
        {"(41|42)(42|43)", two},
        {"(B)41", two},
        {"4142{a}4546", gap},
        {"4142{2", gap},
        {"4142{1-2-3}4344", gap},
        {"4142{{2}}4546", gap},
        {"4142}4344", item},
        {"4142)4344", item},
        {"4142]4344", item},
        {"4142 4344", item},
        {"4142|4344", item},
        {"4142!4344", item},
        {"4142?", "half a byte"},
        {"4142(43", "a parenthesis without its end"},
        {"4142(4|43)44", "half a byte"},
        {"4142()44", "an empty alternative"},
        {"4142(|43)44", "an empty alternative"},
        {"4142(X)44", inside},
        {"4142(43*45|55)46", inside},
        {"4142(43{1-2}45|55)46", inside},
        {"4142(43{0}45|55)46", inside},
        {"4142(43{128}45|55)46", inside},
        {"4142(43[1]45|55)46", inside},
        {"4142(!(55)44|55)45", inside},
        {"((B)4142)43", "half a byte"},
        {"4142!(43|4344)45", negated},
        {"4142!(4?)44", negated},
        {"4142!()44", negated},
        {"4142!(44|)44", negated},
        {"4142!(44|45", "a parenthesis without its end"},
        {"4142[1-3]4445", single},
        {"41[1-33]4445", span},
        {"41[3-1]4445", span},
        {"41[-2]4445", span},
        {"41[x]4445", span},
        {"4142[2", span},
        {"41[1-3]4445[1-3]4620", single},
        {"(W)41[1-3]4445", two},
        {"41[1-3]44", two},
        {"41424344[1-3]", single},
        {"41424344[1-3]*4546", single},
        {"[1-3]41424344", two},
    };
    for (size_t i = 0; i < KJ_COUNT(cases); i++)
        check_body(cases[i].body, 0, cases[i].expected);
    check_body("4142!(43)44", KJ_BODY_NOCASE, "with options, bytes cannot be negated");
    check_body("61", KJ_BODY_WIDE | KJ_BODY_ASCII, two);
}

/* What clamscan takes, though it looks odd. */
static void test_odd_bodies(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "{2}41424344",        "41424344{2}",
        "4142{1}{1}45",       "4142{}4546",
        "4142{-}4546",        "4142{0}4344",
        "4142{-0}4344",       "4142{0-}4344",
        "4142*{2}4546",       "4142{2}*4546",
        "4142(43|)44",        "4142(43||44)44",
        "4142(43)44",         "4142(??|43)44",
        "4142(43|(44|45))44", "4142[1-32]20",
        "4?[1-3]4445",        "41[1-3]??4546",
        "41[1-3]4445[2-3]20", "4142*4546[0-3]77",
        "!(44)4243",          "41[0-2]6263(L)",
        "41{1}4344*4546",     "(B)(B)4142",
        "!(45)!(46)4142",     "4142((((((((((((((((43))))))))))))))))44",
    };
    struct compilation c;
    uint32_t index;
    set_up(&c, (kj_clamav_options){0});
    for (size_t i = 0; i < KJ_COUNT(bodies); i++)
        assert_int_equal(compile_body(&c, bodies[i], 0, &index), KJ_CLAMAV_TAKEN);
    assert_int_equal(compile_body(&c, "4142(((((((((((((((((43)))))))))))))))))44", 0, &index),
                     KJ_CLAMAV_SKIPPED);
    tear_down(&c);
}

/* What would become too large a program is left out, so that it does not stop the others. */
static void test_large_bodies(void **state)
{
    (void)state;
    static const struct {
        const char *item;
        size_t count;
        bool fits;
    } cases[] = {
        {"4?", 4000, true},         {"4?", 8000, false},
        {"(41|4243)", 700, true},   {"(41|4243)", 4000, false},
        {"4142{64}", 50, true},     {"4142{64}", 4000, false},
        {"4142*", 800, true},       {"4142{1-100}", 4000, false},
        {"({127}|4243)", 60, true}, {"({127}|4243)", 1200, false},
    };
    for (size_t i = 0; i < KJ_COUNT(cases); i++) {
        struct compilation c;
        kj_buf body;
        uint32_t index;
        kj_buf_init(&body, 1 << 20);
        for (size_t k = 0; k < cases[i].count; k++)
            kj_buf_put_text(&body, cases[i].item);
        kj_buf_put_text(&body, "4142");
        set_up(&c, (kj_clamav_options){0});
        assert_int_equal(compile_body(&c, kj_buf_text(&body), 0, &index),
                         cases[i].fits ? KJ_CLAMAV_TAKEN : KJ_CLAMAV_SKIPPED);
        assert_int_equal(c.ir.left_out.count, !cases[i].fits);
        kj_buf_done(&body);
        tear_down(&c);
    }
}

static void test_lower_case(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        unsigned options;
        bool expected;
    } cases[] = {
        {"6162", 0, true},
        {"4162", 0, false},
        {"4162", KJ_BODY_NOCASE, true},
        {"6100", 0, false},
        {"6162", KJ_BODY_WIDE, false},
        {"6162ff", 0, true},
        {"6162(41|63)", 0, true},
        {"6162(41|42)", 0, false},
        {"6162(4162|6162)", 0, true},
        {"6162(4162|6142)", 0, false},
        {"6162*4163", 0, false},
        {"6162??4?", 0, true},
        {"6162{-3}0d0a", 0, true},
    };
    struct compilation c;
    uint32_t index;
    set_up(&c, (kj_clamav_options){0});
    for (size_t i = 0; i < KJ_COUNT(cases); i++) {
        assert_int_equal(compile_body(&c, cases[i].body, cases[i].options, &index),
                         KJ_CLAMAV_TAKEN);
        assert_int_equal(kj_clamav_may_be_lower(&c.ir, index), cases[i].expected);
    }
    tear_down(&c);
}

/* ---- offsets ------------------------------------------------------------------------------- */

/* The condition of a signature at that offset, or what was said. */
static void check_offset(const char *offset, uint32_t target, const char *expected)
{
    struct compilation c;
    kj_clamav_place place = {0};
    kj_buf out;
    kj_pattern pattern = {.identifier = kj_span_str("$a")};
    set_up(&c, (kj_clamav_options){0});
    assert_true(kj_vec_add(&c.ir.patterns, pattern));
    kj_buf_init(&out, 1 << 20);
    c.clamav->line = (kj_clamav_line){"x.ndb", 1, kj_span_str(offset), "ndb", false};
    if (kj_clamav_offset(c.clamav, c.clamav->line.text, target, &place) != KJ_CLAMAV_TAKEN)
        kj_buf_put_text(&out, c.ir.diags.list.items[0].message);
    else if (place.kind == KJ_PLACE_MACRO)
        kj_buf_printf(&out, "macro %u", place.group);
    else
        yara_dump_expr(&c.ir, kj_clamav_found(c.clamav, 0, &place), &out);
    if (strcmp(kj_buf_text(&out), expected) != 0)
        print_message("%s\n", offset);
    assert_string_equal(kj_buf_text(&out), expected);
    kj_buf_done(&out);
    tear_down(&c);
}

static void test_offsets(void **state)
{
    (void)state;
    static const char none[] = "this is no offset";
    static const char programs[] =
        "this offset is for programs only: PE (1), ELF (6) and Mach-O (9)";
    static const struct {
        const char *offset;
        uint32_t target;
        const char *expected;
    } cases[] = {
        {"*", 0, "$a"},
        {"6", 0, "(at $a 6)"},
        {"06", 0, "(at $a 6)"},
        {"", 0, "(at $a 0)"},
        {"6,3", 0, "(in $a 6 (+ 6 3))"},
        {"6,0", 0, "(at $a 6)"},
        {"6,", 0, "(at $a 6)"},
        {"EOF-7", 0, "(at $a (+ filesize -7))"},
        {"EOF-7,2", 0, "(in $a (+ filesize -7) (+ (+ filesize -7) 2))"},
        {"EOF-", 0, "(at $a filesize)"},
        {"EOF-7", KJ_TARGET_PE, "(and (at $a (+ filesize -7)) (field:9.14b))"},
        {"EP+0", KJ_TARGET_PE, "(at $a (field:9.10i))"},
        {"EP+", KJ_TARGET_ELF, "(at $a (field:9.10i))"},
        {"EP-5,10", KJ_TARGET_MACHO, "(in $a (+ (field:9.10i) -5) (+ (+ (field:9.10i) -5) 10))"},
        {"S2+16", KJ_TARGET_PE, "(at $a (+ (field:9.12i 2) 16))"},
        {"SL+", KJ_TARGET_PE, "(at $a (field:9.12i -1))"},
        {"SL+4", KJ_TARGET_PE, "(at $a (+ (field:9.12i -1) 4))"},
        {"SE1", KJ_TARGET_PE, "(in $a (field:9.12i 1) (+ (field:9.12i 1) (field:9.13i 1)))"},
        {"SE1,3", KJ_TARGET_PE,
         "(in $a (field:9.12i 1) (+ (+ (field:9.12i 1) (field:9.13i 1)) 3))"},
        {"SE", KJ_TARGET_PE, "(in $a (field:9.12i 0) (+ (field:9.12i 0) (field:9.13i 0)))"},
        {"VI", KJ_TARGET_PE, "(for-count any 0 (field:9.15a) (at $a (field:9.16i var0i)))"},
        {"$31$", 0, "macro 31"},
        {"$5", 0, "macro 5"},
        {"$32$", 0, none},
        {"EP+0", 0, programs},
        {"VI", 10, programs},
        {"S0+0", 7, programs},
    };
    for (size_t i = 0; i < KJ_COUNT(cases); i++)
        check_offset(cases[i].offset, cases[i].target, cases[i].expected);
    static const char *const wrong[] = {
        "EP",
        "EP+x",
        "EP+0,x",
        "ep+0",
        "S0",
        "S0+",
        "S0-1",
        "SL",
        "SL-4",
        "SEx",
        "SE0+3",
        "SX",
        "S+0",
        "EOF",
        "EOF+3",
        "eof-3",
        "EOF-x",
        "-1",
        "0x6",
        "6,x",
        "6,3,2",
        " 6",
        "+6",
        "*,3",
        "99999999999999",
        "66666666666666666666666666666666666666666666666666666666666666666",
    };
    for (size_t i = 0; i < KJ_COUNT(wrong); i++)
        check_offset(wrong[i], KJ_TARGET_PE, none);
}

/* ---- lines --------------------------------------------------------------------------------- */

/* How lines of one kind end: 't'aken, 'm'alformed, left 'o'ut for a reason. As clamscan 1.4.6 has
 * it, unless said otherwise. */
struct verdict {
    const char *line;
    char how;
};

static char verdict_of(const char *name, kj_span content)
{
    struct compilation c;
    set_up(&c, (kj_clamav_options){0});
    assert_int_equal(load_span(&c, name, content, SIZE_MAX), KJ_OK);
    const kj_clamav_counts *counts = kj_clamav_counted(c.clamav);
    char how = counts->malformed ? 'm' : c.ir.left_out.count ? 'o' : 't';
    assert_int_equal(counts->malformed, c.ir.diags.warnings);
    if (how != 't')
        assert_int_equal(c.ir.rules.count + c.ir.patterns.count + c.ir.detects.count +
                             c.ir.passwords.count + kj_hash_sets_total(&c.ir.hashes),
                         0);
    tear_down(&c);
    return how;
}

static void check_lines(const char *name, const struct verdict *verdicts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char how = verdict_of(name, kj_span_str(verdicts[i].line));
        if (how != verdicts[i].how)
            print_message("%s: %s\n", name, verdicts[i].line);
        assert_int_equal(how, verdicts[i].how);
    }
}

#define CHECK_LINES(name, verdicts) check_lines((name), (verdicts), KJ_COUNT(verdicts))

static void test_ndb_lines(void **state)
{
    (void)state;
    static const struct verdict ndb[] = {
        {"A:0:*:41424344", 't'},
        {"A:*:6:41424344", 't'},
        {"A b:0:*:41424344", 't'},
        {" A:0:*:41424344", 't'},
        {"A:00:*:41424344", 't'},
        {"A:0:*:41424344:50", 't'},
        {"A:0:*:41424344:", 't'},
        {"A:0:*:41424344::255", 't'},
        {"A:0:*:41424344:50:255", 't'},
        {"A:0:*:41424344:300", 'o'},
        {"A:0:*:41424344:50:100", 'o'},
        {"A:0:*:41424344:50:", 'o'},
        {"A:0:*:zz:300", 'o'},
        {"A:99:*:41424344", 'o'},
        {"A:8:*:41424344", 'o'},
        {"A:13:*:41424344", 'o'},
        {"A:15:*:41424344", 'o'},
        {"A:14:*:41424344", 't'},
        {"A:0:*", 'm'},
        {"A:0:*:41424344:50:255:7", 'm'},
        {"A:0:*:41424344:x", 'm'},
        {"A:0:*:41424344:50:x", 'm'},
        {":0:*:41424344", 'm'},
        {"A:0:*:", 'm'},
        {"A:x:*:41424344", 'm'},
        {"A:-1:*:41424344", 'm'},
        {"A:+0:*:41424344", 'm'},
        {"A:0 :*:41424344", 'm'},
        {"A:0:*:41424344 ", 'm'},
        {"A:0:*:41424344\t", 'm'},
        {"A:0:-1:41424344", 'm'},
        {"A:0:*:4142434", 'm'},
        {"A:0:EP+0:41424344", 'm'},
        {"A:1:EP+0:41424344", 't'},
        {"HTML.Phishing.X:0:*:4142", 'm'},
        /* Without wildcards: three bytes, where ClamAV searches in its other way. */
        {"A:0:*:414243", 't'},
        {"A:0:*:4142", 'm'},
        {"A:0:6:4142", 'm'},
        {"A:1:*:4142", 't'},
        {"A:1:EP+0:4142", 'm'},
        {"A:1:6,2:4142", 't'},
        {"A:1:EP+0,5:4142", 't'},
        {"A:6:*:4142", 't'},
        {"A:7:*:6162", 't'},
        {"A:6:*:41", 'm'},
        {"A:0:*:4142??", 't'},
        /* Members of groups make no rule. */
        {"A:0:$5$:41424344", 't'},
        {"A:0:$40$:41424344", 'm'},
        {"A:0:$5$:41", 'm'},
    };
    CHECK_LINES("x.ndb", ndb);
    static const struct verdict db[] = {
        {"Old=41424344", 't'}, {"O:ld=41424344", 't'},  {"Old=4142*4546", 't'},
        {"Old", 'm'},          {"Old=4142", 'm'},       {"=41424344", 'm'},
        {"Old=", 'm'},         {"Old=41424344=1", 'm'},
    };
    CHECK_LINES("x.db", db);
}

#define MD5    "40b0674df37a4014659cdb90e53886c3"
#define SHA1   "d986dd09ebfc63b90f9f54078408da0df77a3dd0"
#define SHA256 MD5 MD5

static void test_digest_lines(void **state)
{
    (void)state;
    static const struct verdict hdb[] = {
        {MD5 ":40:H", 't'},
        {SHA1 ":40:H", 't'},
        {SHA256 ":40:H", 't'},
        {MD5 ":040:H", 't'},
        {MD5 ":4294967294:H", 't'},
        {MD5 ":40:H:", 't'},
        {MD5 ":*:H:73", 't'},
        {MD5 ":40:H:73:255", 't'},
        {MD5 ":40:H:73:100", 'o'},
        {MD5 ":40:H:300", 'o'},
        {MD5 ":*:H:300", 'o'},
        {MD5 ":0:H:300", 'o'},
        {"zz:40:H:300", 'o'},
        {MD5 ":40:H::", 'o'},
        {MD5 ":*:H", 'm'},
        {MD5 ":*:H:72", 'm'},
        {MD5 ":0:H", 'm'},
        {MD5 ":4294967295:H", 'm'},
        {MD5 ":40x:H", 'm'},
        {MD5 "::H", 'm'},
        {MD5 ":-1:H", 'm'},
        {MD5 ":40", 'm'},
        {MD5 ":40:", 'm'},
        {MD5 ":40:H:73:255:1", 'm'},
        {MD5 "0:40:H", 'm'},
        {MD5 " :40:H", 'm'},
        {":40:H", 'm'},
        {"g" SHA1 ":40:H", 'm'},
        {MD5 MD5 MD5 MD5 ":40:H", 'm'},
        /* clamscan takes what is no number as 0. */
        {MD5 ":40:H:x", 'm'},
        {MD5 ":+40:H", 'm'},
    };
    CHECK_LINES("x.hdb", hdb);
    CHECK_LINES("x.hsb", hdb);
    CHECK_LINES("x.fp", hdb);
    CHECK_LINES("x.sfp", hdb);
    static const struct verdict mdb[] = {
        {"40:" MD5 ":H", 't'}, {"*:" MD5 ":H:73", 't'}, {"40:" SHA256 ":H", 't'},
        {"*:" MD5 ":H", 'm'},  {"*:" MD5 ":H:72", 'm'}, {"0:" MD5 ":H", 'm'},
        {"40:" MD5, 'm'},      {MD5 ":40:H", 'm'},      {"40:" MD5 ":H:1:300:2", 'm'},
    };
    CHECK_LINES("x.mdb", mdb);
    CHECK_LINES("x.msb", mdb);
    static const struct verdict imp[] = {
        {MD5 ":40:H", 't'}, {MD5 ":*:H", 't'},   {MD5 ":*:H:72", 't'},
        {MD5 ":0:H", 'm'},  {SHA1 ":40:H", 't'},
    };
    CHECK_LINES("x.imp", imp);
}

#define SHA256_0 "0000000000000000000000000000000000000000000000000000000000000000"
#define METRICS  SHA256_0 "0000000000000000000000000000000000000000000000000000000000"

static void test_small_lines(void **state)
{
    (void)state;
    static const struct verdict ign[] = {
        {"Foo", 't'},    {"Foo:" MD5, 't'}, {"x.ndb:1:Foo", 't'}, {"Foo ", 't'},
        {"Foo:zz", 'm'}, {"a:b:c:d", 'm'},  {":" MD5, 'm'},       {"Foo:" SHA1, 'm'},
    };
    CHECK_LINES("x.ign", ign);
    CHECK_LINES("x.ign2", ign);
    static const struct verdict ftm[] = {
        {"0:0:68656c6c:My:CL_TYPE_ANY:CL_TYPE_ZIP", 'o'},
        {"1:*:68656c??6c:My:CL_TYPE_ANY:CL_TYPE_ZIP", 'o'},
        {"1:EOF-4:68656c6c:My:CL_TYPE_ANY:CL_TYPE_ZIP:50", 'o'},
        {"4:1024:482b:HFS:CL_TYPE_PART_ANY:CL_TYPE_PART_HFSPLUS", 'o'},
        {"0:0::My:CL_TYPE_ANY:CL_TYPE_ZIP", 'o'},
        {"0:*:68656c6c:My:CL_TYPE_ANY:CL_TYPE_ZIP", 'm'},
        {"0:x:68656c6c:My:CL_TYPE_ANY:CL_TYPE_ZIP", 'm'},
        {"2:0:68656c6c:My:CL_TYPE_ANY:CL_TYPE_ZIP", 'm'},
        {"0:0:68656c6:My:CL_TYPE_ANY:CL_TYPE_ZIP", 'm'},
        {"0:0:68??6c6c:My:CL_TYPE_ANY:CL_TYPE_ZIP", 'm'},
        {"1:*:68??6c:My:CL_TYPE_ANY:CL_TYPE_ZIP", 'm'},
        {"0:0:68656c6c:My:CL_TYPE_ANY:CL_TYPE_X", 'm'},
        {"0:0:68656c6c:My:CL_TYPE_ANY", 'm'},
        {"0:0:68656c6c:My:CL_TYPE_ANY:CL_TYPE_ZIP:x", 'm'},
        {"0:0:68656c6c:My:CL_TYPE_ANY:CL_TYPE_ZIP:50:60:1", 'm'},
    };
    CHECK_LINES("x.ftm", ftm);
    static const struct verdict idb[] = {
        {"a:b:c:20" METRICS, 'o'}, {"a:::18" METRICS, 'o'},
        {"a:b:c:11" METRICS, 'm'}, {"a:b:c:20" METRICS "0", 'm'},
        {"a:b:20" METRICS, 'm'},   {"a:b:c:zz" METRICS, 'm'},
        {"a:b:c:00", 'm'},
    };
    CHECK_LINES("x.idb", idb);
    static const struct verdict pwdb[] = {
        {"P;Engine:81-255;0;infected", 't'},
        {"P;Engine:81-255;1;696e666563746564", 't'},
        {"P;Engine:81-255;0;", 't'},
        {"P;Engine:81-255;0;inf;ected", 't'},
        {"P;Engine:81-255,Container:CL_TYPE_ZIP;0;infected", 't'},
        {"P;Engine:81-255,Container:CL_TYPE_7Z;0;infected", 't'}, /* clamscan: ZIP only */
        {"P;Engine:300-400;0;infected", 'o'},
        {"P;Engine:81-255,Container:CL_TYPE_NOPE;0;infected", 'm'},
        {"P;Engine:81-255;1;zz", 'm'},
        {"P;Engine:81-255;1;696", 'm'},
        {"P;Engine:81-255;2;infected", 'm'},
        {"P;;0;infected", 'm'},
        {"P;Engine:81;0;infected", 'm'},
        {"P;Container:CL_TYPE_ZIP,Engine:81-255;0;infected", 'm'},
        {"P;Engine:81-255;0", 'm'},
    };
    CHECK_LINES("x.pwdb", pwdb);
    static const struct verdict cfg[] = {
        {"PE:0x0:1:255", 'o'}, {"FOO:0xff", 'o'}, {"PE:zz:1:255", 'm'},
        {"PE:0:1:255", 'm'},   {"PE", 'm'},
    };
    CHECK_LINES("x.cfg", cfg);
}

static void test_link_lines(void **state)
{
    (void)state;
    static const struct verdict pdb[] = {
        {"H:amazon.com", 'o'},
        {"H:amazon.com:17-", 'o'},
        {"H0123:amazon.com", 'o'},
        {"R:a.b", 'o'},
        {"R:ab\\", 'o'},
        {"R:.+\\.amazon\\.com([/?].*)?:17-", 'o'},
        {"R:[])(]ab", 'o'},
        {"R:a(", 'm'},
        {"R:a)", 'm'},
        {"R:*a", 'm'},
        {"R:a**", 'm'},
        {"R:[", 'm'},
        {"H:", 'm'},
        {"H", 'm'},
        {"X:a:b", 'm'},
        {"Z:amazon.com", 'm'},
    };
    CHECK_LINES("x.pdb", pdb);
    static const struct verdict wdb[] = {
        {"M:a.com:b.com", 'o'}, {"X:.+\\.a\\.com([/?].*)?:.+\\.b\\.com([/?].*)?:17-", 'o'},
        {"Y:a", 'o'},           {"X:a(:b", 'm'},
        {"H:a", 'm'},           {"R:a:b", 'm'},
    };
    CHECK_LINES("x.wdb", wdb);
    static const struct verdict gdb[] = {
        {"S:P:01234567", 'o'},     {"S1:F:" SHA256_0, 'o'}, {"S:W:" SHA256_0, 'o'},
        {"S:P:01234567:17-", 'o'}, {"S:Q:01234567", 'm'},   {"S:P:0123456", 'm'},
        {"S:P:zzzzzzzz", 'm'},     {"P:01234567", 'm'},     {"S:P", 'm'},
    };
    CHECK_LINES("x.gdb", gdb);
}

static void test_certificate_lines(void **state)
{
    (void)state;
    static const struct verdict crb[] = {
        {"N;1;" SHA1 ";" SHA1 ";abcd;010001;1;0;1;0;c", 't'},
        {"N;0;" SHA1 ";;abcd;010001;1;1;1;0;c;81;255", 't'},
        {"N;1;zz;" SHA1 ";abcd;010001;1;0;1;0;c;300", 'o'},
        {"N;2;" SHA1 ";" SHA1 ";abcd;010001;1;0;1;0;c", 'm'},
        {"N;1;;" SHA1 ";abcd;010001;1;0;1;0;c", 'm'},
        {"N;1;" SHA1 ";11;abcd;010001;1;0;1;0;c", 'm'},
        {"N;1;" SHA1 ";" SHA1 ";;010001;1;0;1;0;c", 'm'},
        {"N;1;" SHA1 ";" SHA1 ";zz;010001;1;0;1;0;c", 'm'},
        {"N;1;" SHA1 ";" SHA1 ";abcd;010001;2;0;1;0;c", 'm'},
        {"N;1;" SHA1 ";" SHA1 ";abcd;010001;1;0;;0;c", 'm'},
        {"N;1;" SHA1 ";" SHA1 ";abcd;010001;1;0;1;0", 'm'},
        {"N;1;" SHA1 ";" SHA1 ";abcd;010001;1;0;1;0;c;x", 'm'},
        {"N;1;" SHA1 ";" SHA1 ";abcd;010001;1;0;1;0;c;81;255;1", 'm'},
    };
    CHECK_LINES("x.crb", crb);
}

/* ---- files --------------------------------------------------------------------------------- */

static void test_messages(void **state)
{
    (void)state;
    struct compilation c;
    set_up(&c, (kj_clamav_options){0});
    load(&c, "dir/x.ndb",
         "# a comment\r\n"
         "A:0:*:41424344\r\n"
         "\r\n"
         "B:0:*:4142(43\n"
         "C:0:q:41424344\n"
         "D:0:*:41424344");
    load(&c, "empty.NDB", "");
    assert_diags(&c.ir, "dir/x.ndb:3:1: warning: an empty line\n"
                        "    3 | \n"
                        "      | ^\n"
                        "dir/x.ndb:4:13: warning: a parenthesis without its end\n"
                        "    4 | B:0:*:4142(43\n"
                        "      |             ^\n"
                        "dir/x.ndb:5:5: warning: this is no offset\n"
                        "    5 | C:0:q:41424344\n"
                        "      |     ^\n"
                        "empty.NDB: warning: an empty file\n");
    assert_int_equal(c.ir.rules.count, 2);
    assert_span(c.ir.rules.items[0].name, "A");
    assert_span(c.ir.rules.items[1].name, "D");
    assert_int_equal(kj_clamav_counted(c.clamav)->lines, 5);
    assert_int_equal(kj_clamav_counted(c.clamav)->signatures, 2);
    assert_int_equal(kj_clamav_counted(c.clamav)->malformed, 4);
    tear_down(&c);
}

static void test_strict(void **state)
{
    (void)state;
    struct compilation c;
    set_up(&c, (kj_clamav_options){.strict = true});
    load(&c, "x.ndb", "A:0:*:41424344\n");
    assert_true(kj_diags_ok(&c.ir.diags));
    load(&c, "x.ndb", "A:0:*\n");
    assert_false(kj_diags_ok(&c.ir.diags));
    tear_down(&c);
}

/* All ways to cut a text into parts give the same. */
static void test_parts(void **state)
{
    (void)state;
    static const char text[] = "A:0:*:41424344\r\n#\nB:0:*:41424345\nC:0:*:41\n\nD:0:*:41424346";
    for (size_t step = 1; step <= sizeof text; step++) {
        struct compilation c;
        set_up(&c, (kj_clamav_options){0});
        assert_int_equal(load_span(&c, "x.ndb", kj_span_str(text), step), KJ_OK);
        assert_int_equal(c.ir.rules.count, 3);
        assert_int_equal(kj_clamav_counted(c.clamav)->malformed, 2);
        tear_down(&c);
    }
}

/* A line of `len` bytes, "A:0:*:41..", and one behind it. */
static void check_length(size_t len, size_t malformed, size_t rules)
{
    struct compilation c;
    kj_buf text;
    kj_buf_init(&text, 4 << 20);
    kj_buf_put_text(&text, "A:0:*:");
    while (text.len < len)
        kj_buf_put_byte(&text, text.len % 2 ? '1' : '4');
    kj_buf_put_text(&text, "\nB:0:*:41424344\n");
    assert_false(text.failed);
    set_up(&c, (kj_clamav_options){0});
    assert_int_equal(load_span(&c, "x.ndb", kj_buf_span(&text), 1000), KJ_OK);
    assert_int_equal(kj_clamav_counted(c.clamav)->malformed, malformed);
    assert_int_equal(c.ir.rules.count, rules);
    if (malformed)
        assert_int_equal(c.ir.diags.list.items[0].source->first_line, 1);
    kj_buf_done(&text);
    tear_down(&c);
}

static void test_long_lines(void **state)
{
    (void)state;
    check_length(20000, 0, 2);
    check_length(64 << 10, 0, 2);
    check_length((64 << 10) + 2, 1, 1);
    check_length(200 << 10, 1, 1);
    check_length(256 << 10, 1, 1);
    check_length(1 << 20, 1, 1);
}

static void test_kinds(void **state)
{
    (void)state;
    static const char *const taken[] = {
        "x.hdb", "X.HDB", "a/b.c/x.hsb", "x.ign2", "x.crb", "x.cat", "x.ldu", "x.cbc", "x.info",
    };
    static const char *const other[] = {"x", "x.", "x.yar", "hdb", "x.hdb/y", "x.hdbx", "x.cvd"};
    for (size_t i = 0; i < KJ_COUNT(taken); i++)
        assert_true(kj_clamav_takes(taken[i]));
    for (size_t i = 0; i < KJ_COUNT(other); i++)
        assert_false(kj_clamav_takes(other[i]));
    assert_true(kj_clamav_order("x.ign") < kj_clamav_order("x.crb"));
    assert_true(kj_clamav_order("x.crb") < kj_clamav_order("x.ndb"));
    struct compilation c;
    kj_error err = {0};
    set_up(&c, (kj_clamav_options){0});
    struct text text = {kj_span_str("A:0:*:41424344"), 3};
    kj_clamav_input input = {.name = "some", .kind = "ndb", .read = read_text, .user = &text};
    assert_int_equal(kj_clamav_load(c.clamav, &input, &err), KJ_OK);
    assert_int_equal(c.ir.rules.count, 1);
    input.kind = NULL;
    assert_int_equal(kj_clamav_load(c.clamav, &input, &err), KJ_UNSUPPORTED);
    load(&c, "x.cbc", "ClamBC");
    assert_int_equal(c.ir.left_out.count, 1);
    assert_string_equal(c.ir.left_out.items[0].kind, "cbc");
    tear_down(&c);
}

static ptrdiff_t fail_to_read(void *user, void *buf, size_t len, kj_error *err)
{
    (void)user;
    (void)buf;
    (void)len;
    kj_fail(err, KJ_IO, KJ_NO_OFFSET, "cannot read");
    return -1;
}

static void test_failing_input(void **state)
{
    (void)state;
    struct compilation c;
    kj_error err = {0};
    set_up(&c, (kj_clamav_options){0});
    const kj_clamav_input input = {.name = "x.ndb", .read = fail_to_read};
    assert_int_equal(kj_clamav_load(c.clamav, &input, &err), KJ_IO);
    assert_string_equal(err.message, "cannot read");
    tear_down(&c);
}

static void test_ignored_names(void **state)
{
    (void)state;
    struct compilation c;
    set_up(&c, (kj_clamav_options){.unofficial = true});
    load(&c, "x.ign2",
         "Foo\n"
         "Bar:ec6cd2f94dc0678b4db0168b03afb690\n" /* of Bar's line below */
         "Baz:00000000000000000000000000000000\n"
         "Old.UNOFFICIAL\n");
    load(&c, "x.ndb", "Foo:0:*:41424344\nBar:0:*:41424344\nBaz:0:*:41424344\nOld:0:*:41424344\n");
    load(&c, "x.hdb", MD5 ":40:Foo\n" MD5 ":40:Fooo\n");
    assert_int_equal(c.ir.rules.count, 2);
    assert_span(c.ir.rules.items[0].name, "Baz.UNOFFICIAL");
    assert_span(c.ir.rules.items[1].name, "Old.UNOFFICIAL");
    assert_int_equal(c.ir.patterns.count, 2);
    assert_int_equal(kj_hash_sets_total(&c.ir.hashes), 1);
    assert_int_equal(kj_clamav_counted(c.clamav)->ignored, 3);
    assert_int_equal(kj_clamav_counted(c.clamav)->signatures, 3);
    tear_down(&c);
}

static void test_many_ignored_names(void **state)
{
    (void)state;
    struct compilation c;
    kj_buf names;
    kj_buf_init(&names, 1 << 20);
    for (unsigned i = 0; i < 3000; i++)
        kj_buf_printf(&names, "Name.%u\n", i);
    set_up(&c, (kj_clamav_options){0});
    load(&c, "x.ign", kj_buf_text(&names));
    load(&c, "x.ndb", "Name.0:0:*:41424344\nName.2999:0:*:41424344\nName.3000:0:*:41424344\n");
    assert_int_equal(c.ir.rules.count, 1);
    kj_buf_done(&names);
    tear_down(&c);
}

static void test_unwanted(void **state)
{
    (void)state;
    static const char *const names[] = {"x.hdu", "x.ndu"};
    static const char *const lines[] = {MD5 ":40:PUA.A\n", "PUA.B:0:*:41424344\n"};
    for (size_t i = 0; i < 2; i++) {
        struct compilation c;
        set_up(&c, (kj_clamav_options){0});
        load(&c, names[i], lines[i]);
        assert_int_equal(c.ir.left_out.count, 1);
        assert_int_equal(kj_clamav_counted(c.clamav)->signatures, 0);
        tear_down(&c);
        set_up(&c, (kj_clamav_options){.pua = true});
        load(&c, names[i], lines[i]);
        assert_int_equal(c.ir.left_out.count, 0);
        assert_int_equal(kj_clamav_counted(c.clamav)->signatures, 1);
        tear_down(&c);
    }
}

/* ---- what comes of them -------------------------------------------------------------------- */

static kj_class class_of_set(const kj_ir *ir, size_t index)
{
    return (kj_class)ir->hashes.items[index].klass;
}

static void test_digest_sets(void **state)
{
    (void)state;
    struct compilation c;
    set_up(&c, (kj_clamav_options){.pua = true});
    load(&c, "a.hdb", MD5 ":40:A\n" MD5 ":*:Heuristics.B:73\n");
    load(&c, "a.hsu", SHA256 ":40:PUA.C\n");
    load(&c, "a.mdb", "7:" SHA1 ":D\n");
    load(&c, "a.imp", MD5 ":*:E\n");
    load(&c, "a.fp", MD5 ":40:F\n");
    const kj_hash_set *sets = c.ir.hashes.items;
    assert_int_equal(c.ir.hashes.count, 6);
    assert_int_equal(class_of_set(&c.ir, 0), KJ_CLASS_EXACT);
    assert_true(sets[0].sized && sets[0].kind == KJ_HASH_MD5 && sets[0].scope == KJ_SCOPE_OBJECT);
    assert_int_equal(class_of_set(&c.ir, 1), KJ_CLASS_HEURISTIC);
    assert_false(sets[1].sized);
    assert_int_equal(class_of_set(&c.ir, 2), KJ_CLASS_HEURISTIC);
    assert_int_equal(sets[2].kind, KJ_HASH_SHA256);
    assert_true(sets[3].scope == KJ_SCOPE_SECTION && sets[3].kind == KJ_HASH_SHA1);
    assert_true(sets[4].scope == KJ_SCOPE_IMPORTS && !sets[4].sized);
    assert_int_equal(class_of_set(&c.ir, 5), KJ_CLASS_TRUSTED);
    tear_down(&c);
}

/* Lists that the user says are of good files. */
static void test_trusted_list(void **state)
{
    (void)state;
    struct compilation c;
    kj_error err = {0};
    struct text text = {kj_span_str(MD5 ":40:A\n"), 100};
    const kj_clamav_input input = {
        .name = "x.hdb", .read = read_text, .user = &text, .trusted = true};
    set_up(&c, (kj_clamav_options){0});
    assert_int_equal(kj_clamav_load(c.clamav, &input, &err), KJ_OK);
    assert_int_equal(class_of_set(&c.ir, 0), KJ_CLASS_TRUSTED);
    tear_down(&c);
}

static void check_rule(const char *name, const char *line, const char *condition, uint32_t views,
                       kj_class klass)
{
    struct compilation c;
    kj_buf out;
    kj_buf_init(&out, 1 << 16);
    set_up(&c, (kj_clamav_options){0});
    load(&c, name, line);
    assert_int_equal(kj_clamav_finish(c.clamav, NULL), KJ_OK);
    assert_int_equal(c.ir.rules.count, 1);
    assert_int_equal(c.ir.detects.count, 1);
    const kj_rule *rule = c.ir.rules.items;
    yara_dump_expr(&c.ir, rule->condition, &out);
    if (strcmp(kj_buf_text(&out), condition) != 0)
        print_message("%s\n", line);
    assert_string_equal(kj_buf_text(&out), condition);
    assert_int_equal(rule->flags & KJ_RULE_VIEWS, views);
    assert_int_equal(c.ir.detects.items[0].klass, klass);
    assert_true(kj_span_equal(c.ir.detects.items[0].name, rule->name));
    assert_int_equal(c.ir.detects.items[0].when->op, KJ_OP_RULE);
    kj_buf_done(&out);
    tear_down(&c);
}

static void test_rules(void **state)
{
    (void)state;
    static const kj_class family = KJ_CLASS_FAMILY;
    check_rule("x.ndb", "A:0:*:41424344", "$a", 0, family);
    check_rule("x.ndb", "A:0:*:61626364", "$a", KJ_RULE_VIEWS, family);
    check_rule("x.ndb", "A:*:5:61??6364", "(at $a 5)", KJ_RULE_VIEWS, family);
    check_rule("x.ndb", "PUA.A:1:EP+1:4142??", "(and (field:9.1b 1) (at $a (+ (field:9.10i) 1)))",
               0, KJ_CLASS_HEURISTIC);
    check_rule("x.ndb", "A:3:*:61626364", "(and (field:9.1b 3) $a)", KJ_RULE_VIEW_HTML, family);
    check_rule("x.ndb", "A:7:*:61626364", "(and (field:9.1b 7) $a)", KJ_RULE_VIEWS, family);
    check_rule("x.ndb", "A:4:*:61626364", "(and (field:9.1b 4) $a)", 0, family);
    check_rule("x.sdb", "A:2:*:61626364", "(and (field:9.1b 2) $a)", 0, family);
    check_rule("x.db", "Heuristics.A=61626364", "$a", KJ_RULE_VIEWS, KJ_CLASS_HEURISTIC);
    check_rule("x.crb", "A;1;" SHA1 ";;abcd;010001;1;0;1;0;c",
               "(and (field:9.1b 1) (field:9.30b \"" SHA1 "\" \"\" \"abcd\" 5))", 0,
               KJ_CLASS_TRUSTED);
    check_rule("x.crb", "A;0;" SHA1 ";" SHA1 ";abcd;010001;1;0;1;0;c",
               "(and (field:9.1b 1) (field:9.31b \"" SHA1 "\" \"" SHA1 "\" \"abcd\"))", 0, family);
}

static void test_passwords(void **state)
{
    (void)state;
    struct compilation c;
    set_up(&c, (kj_clamav_options){0});
    load(&c, "x.pwdb", "A;Engine:81-255;0;in;fected\nB;Engine:81-255;1;4100ff\n");
    assert_int_equal(c.ir.passwords.count, 2);
    assert_span(c.ir.passwords.items[0], "in;fected");
    assert_memory_equal(c.ir.passwords.items[1].data, "A\0\xff", 3);
    tear_down(&c);
}

/* What lines leave behind when they are not taken: nothing, but for messages. */
static void test_memory_of_lines(void **state)
{
    (void)state;
    enum { LINES = 20000 };
    struct compilation c;
    kj_buf text;
    kj_buf_init(&text, 8 << 20);
    for (unsigned i = 0; i < LINES; i++)
        kj_buf_printf(&text, "%08x%08x%08x%08x:%u:Name.%u\n", i, i * 7, i * 13, ~i, i + 1, i);
    set_up(&c, (kj_clamav_options){0});
    size_t used = c.ir.arena.used;
    load(&c, "x.hdb", kj_buf_text(&text));
    assert_int_equal(kj_hash_sets_total(&c.ir.hashes), LINES);
    assert_int_equal(c.ir.arena.used, used);
    kj_buf_clear(&text);
    for (unsigned i = 0; i < LINES; i++)
        kj_buf_printf(&text, "Name.%u:0:*:4142(43|44)45%08x:300\n", i, i);
    load(&c, "x.ndb", kj_buf_text(&text));
    assert_int_equal(c.ir.arena.used, used);
    kj_buf_clear(&text);
    for (unsigned i = 0; i < LINES; i++)
        kj_buf_printf(&text, "Name.%u:0:*:4142(43|44)45%08x*\n", i, i);
    load(&c, "x.ndb", kj_buf_text(&text));
    assert_int_equal(kj_clamav_counted(c.clamav)->malformed, LINES);
    assert_int_equal(c.ir.diags.list.count, 500);
    assert_true(c.ir.arena.used < used + 500 * 1000);
    kj_error err = {0};
    assert_int_equal(kj_clamav_finish(c.clamav, &err), KJ_OK);
    assert_string_equal(c.ir.diags.list.items[500].message,
                        "19500 more malformed lines are not shown");
    kj_buf_done(&text);
    tear_down(&c);
}

/* Wherever memory runs out, the load says so. */
static void test_little_memory(void **state)
{
    (void)state;
    static const char text[] = "A:0:*:4142(43|44)45*4647(W)\nB:1:EP+1,4:41424344\nC:0:*:4142(\n"
                               "D:0:*:4142!(4344|4545)45{1-4}4546[1-3]41\n";
    kj_status status = KJ_NO_MEMORY;
    unsigned failures = 0;
    for (size_t budget = 16 << 10; status != KJ_OK; budget += 64) {
        kj_ir ir;
        kj_error err = {0};
        const kj_clamav_options options = {.schemas = clamav_test_schemas, .schema_count = 1};
        kj_ir_init(&ir, budget);
        kj_clamav *clamav = kj_clamav_new(&ir, &options);
        struct text in = {kj_span_str(text), SIZE_MAX};
        const kj_clamav_input input = {.name = "x.ndb", .read = read_text, .user = &in};
        status = clamav ? kj_clamav_load(clamav, &input, &err) : KJ_NO_MEMORY;
        failures += clamav && status != KJ_OK;
        assert_true(status == KJ_OK || status == KJ_NO_MEMORY);
        kj_clamav_free(clamav);
        kj_ir_done(&ir);
    }
    assert_true(failures > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_body_trees),
        cmocka_unit_test(test_boundaries),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_malformed_bodies),
        cmocka_unit_test(test_odd_bodies),
        cmocka_unit_test(test_large_bodies),
        cmocka_unit_test(test_lower_case),
        cmocka_unit_test(test_offsets),
        cmocka_unit_test(test_ndb_lines),
        cmocka_unit_test(test_digest_lines),
        cmocka_unit_test(test_small_lines),
        cmocka_unit_test(test_link_lines),
        cmocka_unit_test(test_certificate_lines),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_strict),
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_long_lines),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_failing_input),
        cmocka_unit_test(test_ignored_names),
        cmocka_unit_test(test_many_ignored_names),
        cmocka_unit_test(test_unwanted),
        cmocka_unit_test(test_digest_sets),
        cmocka_unit_test(test_trusted_list),
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_passwords),
        cmocka_unit_test(test_memory_of_lines),
        cmocka_unit_test(test_little_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
