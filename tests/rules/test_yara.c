/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/yara/yara.h"

#include "tests/rules/yara_dump.h"
#include "tests/rules/yara_schema.h"
#include "tests/test.h"

#include <stdio.h>

static const kj_yara_options plain = {
    .schemas = yara_test_schemas, .schema_count = KJ_COUNT(yara_test_schemas), .threat = KJ_NONE};

static void add_external(kj_ir *ir, const char *name, kj_value value)
{
    kj_external *external = kj_vec_push(&ir->externals);
    assert_non_null(external);
    *external = (kj_external){kj_span_str(name), value};
}

static void set_up(kj_ir *ir)
{
    kj_ir_init(ir, 64 << 20);
    add_external(ir, "ext_text", kj_value_text(kj_span_str("x")));
    add_external(ir, "ext_int", kj_value_int(1));
    add_external(ir, "ext_five", kj_value_int(5));
    add_external(ir, "ext_minus", kj_value_int(-1));
    add_external(ir, "ext_bool", kj_value_bool(true));
    add_external(ir, "ext_real", kj_value_real(1.5));
}

static kj_status compile_with(kj_ir *ir, const char *text, const kj_yara_options *options)
{
    kj_error err = {0};
    const kj_source *source = kj_ir_add_source(ir, "test.yar", kj_span_str(text));
    assert_non_null(source);
    return kj_yara_compile(ir, source, 0, SIZE_MAX, options, &err);
}

static void show_diags(const kj_ir *ir)
{
    kj_buf out;
    kj_buf_init(&out, 1 << 20);
    for (size_t i = 0; i < ir->diags.list.count; i++)
        kj_diag_print(&ir->diags.list.items[i], false, &out);
    print_message("%s", kj_buf_text(&out));
    kj_buf_done(&out);
}

static void compile(kj_ir *ir, const char *text)
{
    set_up(ir);
    assert_int_equal(compile_with(ir, text, &plain), KJ_OK);
}

/* ---- conditions ---------------------------------------------------------------------------- */

static void check_condition(const char *condition, const char *expected)
{
    kj_ir ir;
    kj_buf out;
    char text[2000];
    (void)snprintf(text, sizeof text,
                   "import \"test\" rule early { condition: true } rule early_two { condition: "
                   "true } rule r { strings: $a = \"aa\" $ab = \"bb\" $_c = /c/ $_ = \"d\" $ = "
                   "\"e\" condition: (%s) or (any of them and false) }",
                   condition);
    compile(&ir, text);
    if (!kj_diags_ok(&ir.diags)) {
        print_message("%s\n", condition);
        show_diags(&ir);
    }
    assert_int_equal(ir.rules.count, 3);
    kj_buf_init(&out, 1 << 16);
    yara_dump_expr(&ir, ir.rules.items[2].condition->args[0], &out);
    assert_string_equal(kj_buf_text(&out), expected);
    kj_buf_done(&out);
    kj_ir_done(&ir);
}

static void conditions_become_trees(void **state)
{
    (void)state;
    static const struct {
        const char *condition;
        const char *dump;
    } cases[] = {
        /* logic and precedence */
        {"$a or $ab and not $_c", "(or $a (and $ab (not $_c)))"},
        {"$a and $ab and $_c", "(and $a $ab $_c)"},
        {"($a and $ab) and $_c", "(and (and $a $ab) $_c)"},
        {"not $a and $ab", "(and (not $a) $ab)"},
        {"not not $a", "(not (not $a))"},
        {"not defined test.size", "(not (defined (field:7.1i)))"},
        {"not filesize == 1", "(not (== filesize 1))"},
        {"defined test.size == 1", "(defined (== (field:7.1i) 1))"},
        {"filesize | 1 == 1", "(== (| filesize 1) 1)"},
        {"filesize ^ #a & 2 | 3 == 1", "(== (| (^ filesize (& #a 2)) 3) 1)"},
        {"filesize & 1 << 2 == 1", "(== (& filesize 4) 1)"},
        {"filesize << 1 + 2 == 1", "(== (<< filesize 3) 1)"},
        {"float64be(4) > 1", "(> (read:68 4) 1f)"},
        {"for any x in (1.5, 2.5) : (x > 2)", "(for-list any 0 1.5f 2.5f (> var0f 2f))"},
        {"filesize - 1 - 2 == 1", "(== (+ filesize -1 -2) 1)"},
        {"filesize - #a + 2 - #ab == 1", "(== (+ filesize (neg #a) 2 (neg #ab)) 1)"},
        {"filesize + 1 + 2 + 3 == 1", "(== (+ filesize 1 2 3) 1)"},
        {"filesize + (1 + #a) == 1", "(== (+ filesize (+ 1 #a)) 1)"},
        {"filesize + 1 + 0.5 == 1", "(== (+ (to-real (+ filesize 1)) 0.5f) 1f)"},
        {"filesize * 2 * #a == 1", "(== (* filesize 2 #a) 1)"},
        {"filesize \\ 2 \\ 3 == 1", "(== (\\ (\\ filesize 2) 3) 1)"},
        {"filesize - (1 - 2) == 1", "(== (- filesize -1) 1)"},
        {"filesize * 2 + 3 == 1", "(== (+ (* filesize 2) 3) 1)"},
        {"filesize \\ 2 % 3 == 1", "(== (% (\\ filesize 2) 3) 1)"},
        {"-filesize + 1 == 1", "(== (+ (neg filesize) 1) 1)"},
        {"~filesize == ~1", "(== (~ filesize) -2)"},
        {"--1 == 1", "(== 1 1)"},
        {"1 + 2 * 3 == 7", "(== 7 7)"},
        {"1 << 64 == 0", "(== 0 0)"},
        {"-8 >> 1 == -4", "(== -4 -4)"},
        {"7 \\ -2 == -3 and 7 % -2 == 1", "(and (== -3 -3) (== 1 1))"},
        /* literals */
        {"filesize < 10KB and filesize > 1MB", "(and (< filesize 10240) (> filesize 1048576))"},
        {"filesize == 0x1F and filesize == 0o17", "(and (== filesize 31) (== filesize 15))"},
        {"filesize == 9223372036854775807", "(== filesize 9223372036854775807)"},
        {"1.5 < filesize", "(< 1.5f (to-real filesize))"},
        {"filesize + 0.25 > 2", "(> (+ (to-real filesize) 0.25f) 2f)"},
        {"-1.5 < 1", "(< -1.5f 1f)"},
        {"true and false", "(and true false)"},
        /* truth */
        {"filesize", "(to-bool filesize)"},
        {"1 and 0 and \"\" and \"x\" and 0.5", "(and true false false true true)"},
        {"ext_text and ext_int and ext_bool and ext_real",
         "(and (to-bool ext:ext_text) (to-bool ext:ext_int) ext:ext_bool (to-bool ext:ext_real))"},
        {"ext_bool == 1", "(== ext:ext_bool 1)"},
        {"test.is_dll == true and test.is_dll", "(and (== (field:7.3i) 1) (field:7.3b))"},
        /* strings */
        {"ext_text contains \"a\\x62\"", "(contains ext:ext_text \"ab\")"},
        {"ext_text icontains \"a\" or ext_text startswith \"a\" or ext_text istartswith \"a\"",
         "(or (icontains ext:ext_text \"a\") (startswith ext:ext_text \"a\") (istartswith "
         "ext:ext_text \"a\"))"},
        {"ext_text endswith \"a\" or ext_text iendswith \"a\" or ext_text iequals \"a\"",
         "(or (endswith ext:ext_text \"a\") (iendswith ext:ext_text \"a\") (iequals ext:ext_text "
         "\"a\"))"},
        {"ext_text matches /a.b/is", "(matches ext:ext_text /a.b/is)"},
        {"ext_text == \"x\" and \"a\" < \"b\"", "(and (== ext:ext_text \"x\") (< \"a\" \"b\"))"},
        /* patterns */
        {"$a at 0 or $a in (0..filesize)", "(or (at $a 0) (in $a 0 filesize))"},
        {"#a > 2 and #a in (1..2) == 1", "(and (> #a 2) (== (count #a 1 2) 1))"},
        {"@a < 3 and @a[2] < 3", "(and (< (offset @a 1) 3) (< (offset @a 2) 3))"},
        {"!a < 3 and !a[#a] < 3", "(and (< (length !a 1) 3) (< (length !a #a) 3))"},
        {"$a at @ab + 1", "(at $a (+ (offset @ab 1) 1))"},
        {"uint16(0) == 0x5A4D", "(== (read:02 0) 23117)"},
        {"int32be(filesize - 4) == 1 or uint8be(0) == 1",
         "(or (== (read:34 (- filesize 4)) 1) (== (read:21 0) 1))"},
        {"entrypoint == 1", "(== entrypoint 1)"},
        /* of */
        {"any of them", "(of any $a $ab $_c $_ $)"},
        {"all of ($a*)", "(of all $a $ab)"},
        {"none of ($a, $_*)", "(of none $a $_c $_)"},
        {"2 of ($*)", "(of count 2 $a $ab $_c $_ $)"},
        {"0 of ($a)", "(of count 0 $a)"},
        {"#a of ($a, $ab)", "(of count #a $a $ab)"},
        {"50% of ($a, $ab)", "(of percent 50 $a $ab)"},
        {"filesize % 3 == 1", "(== (% filesize 3) 1)"},
        {"any of ($a, $ab) at 7", "(of any (at $a 7) (at $ab 7))"},
        {"any of ($a, $ab) in (0..filesize)", "(of any (in $a 0 filesize) (in $ab 0 filesize))"},
        {"any of ($a, $ab) at filesize - 1",
         "(with 0 (- filesize 1) (of any (at $a var0i) (at $ab var0i)))"},
        {"any of ($a) in (@ab..@ab + 9)",
         "(with 0 (offset @ab 1) (with 1 (+ (offset @ab 1) 9) (of any (in $a var0i var1i))))"},
        {"any of (early, early_two)", "(of any rule:early rule:early_two)"},
        {"all of (early*)", "(of all rule:early rule:early_two)"},
        {"1 of ($a, filesize * 2 == 4, early)", "(of count 1 $a (== (* filesize 2) 4) rule:early)"},
        {"early and not early_two", "(and rule:early (not rule:early_two))"},
        {"r", "false"},
        /* for */
        {"for any of ($a, $ab) : ($ at 3 and # > 1 and @ < 9 and ![2] < 3)",
         "(for-patterns any $a $ab (and (at $ 3) (> # 1) (< (offset @ 1) 9) (< (length ! 2) 3)))"},
        {"for all of them : (any of ($) )", "(for-patterns all $a $ab $_c $_ $ (of any $))"},
        {"for 2 i in (1..#a) : (@a[i] == i)",
         "(for-range count 0 2 1 #a (== (offset @a var0i) var0i))"},
        {"for any i in (1, 2, filesize) : (i == 3)", "(for-list any 0 1 2 filesize (== var0i 3))"},
        {"for any s in (\"a\", ext_text) : (s == \"x\")",
         "(for-list any 0 \"a\" ext:ext_text (== var0s \"x\"))"},
        {"for any i in (1) : (for all j in (i..3) : (i + j == 2)) and true",
         "(and (for-list any 0 1 (for-range all 1 var0i 3 (== (+ var0i var1i) 2))) true)"},
        {"for none i in (0..1) : (i) and for any j in (0..1) : (j)",
         "(and (for-range none 0 0 1 (to-bool var0i)) (for-range any 0 0 1 (to-bool var0i)))"},
        {"for 50% of them : ($)", "(for-patterns percent 50 $a $ab $_c $_ $ $)"},
        /* modules */
        {"test.name == \"x\" and test.mail.subject contains \"y\"",
         "(and (== (field:7.2s) \"x\") (contains (field:7.13s) \"y\"))"},
        {"test.parts[1].name == \"x\"", "(== (field:7.6s 1) \"x\")"},
        {"test.parts[test.size - 1].lines[2] > 1", "(> (field:7.9i (- (field:7.1i) 1) 2) 1)"},
        {"test.headers[\"From\"] == \"x\"", "(== (field:7.11s \"From\") \"x\")"},
        {"test.numbers[0] == 1", "(== (field:7.15i 0) 1)"},
        {"test.parts.len() > 2 and test.parts[0].lines.len() > 1",
         "(and (> (field:7.5i) 2) (> (field:7.8i 0) 1))"},
        {"for any p in test.parts : (p.name == \"x\" and p.size > 1)",
         "(for-count any 0 (field:7.5a) (and (== (field:7.6s var0i) \"x\") (> (field:7.7i var0i) "
         "1)))"},
        {"for any p in test.parts : (for all l in p.lines : (l == p.size))",
         "(for-count any 0 (field:7.5a) (for-count all 1 (field:7.8a var0i) (== (field:7.9i var0i "
         "var1i) (field:7.7i var0i))))"},
        {"for any k, v in test.headers : (k == \"a\" and v == \"b\")",
         "(for-count any 0 (field:7.10d) (and (== (field:7.12s var0i) \"a\") (== (field:7.11s "
         "var0i) \"b\")))"},
        {"test.has(\"x\") or test.has(/x/)", "(or (field:7.16b \"x\") (field:7.17b /x/))"},
        {"test.sum(1, test.is_dll) == 2", "(== (field:7.18i 1 (field:7.3i)) 2)"},
        {"test.half(3) == 1.5 and test.half(3.0) == 1.5",
         "(and (== (field:7.19f 3f) 1.5f) (== (field:7.19f 3f) 1.5f))"},
        {"test.number(filesize == 1) == 1", "(== (field:7.20i (== filesize 1)) 1)"},
        {"test.is_64bit() and test.parts[2].valid_on(7)",
         "(and (field:7.21b) (to-bool (field:7.22i 2 7)))"},
        /* with */
        {"with n = test.size + 1 : (n == 2 and n > filesize)",
         "(with 0 (+ (field:7.1i) 1) (and (== var0i 2) (> var0i filesize)))"},
        {"with p = test.parts[3], n = test.name : (p.name == n)",
         "(with 0 (field:7.2s) (== (field:7.6s 3) var0s))"},
        {"with p = test.parts[filesize - 1] : (p.size == p.size)",
         "(with 0 (- filesize 1) (== (field:7.7i var0i) (field:7.7i var0i)))"},
        {"for any l in test.parts[#a * 2].lines : (l == 1)",
         "(with 0 (* #a 2) (for-count any 1 (field:7.8a var0i) (== (field:7.9i var0i var1i) 1)))"},
        {"with p = test.parts : (p[1].size == p.len())", "(== (field:7.7i 1) (field:7.5i))"},
        {"with n = test.size, m = test.number(with k = n : (k > 1)) : (m == n)",
         "(with 0 (field:7.1i) (with 1 (field:7.20i (with 1 var0i (> var1i 1))) (== var1i "
         "var0i)))"},
        {"with a = 1, b = a + 1 : (b == 2) or true",
         "(or (with 0 1 (with 1 (+ var0i 1) (== var1i 2))) true)"},
    };
    for (size_t i = 0; i < KJ_COUNT(cases); i++)
        check_condition(cases[i].condition, cases[i].dump);
}

/* ---- patterns ------------------------------------------------------------------------------ */

static void check_pattern(const char *declaration, uint32_t modifiers, const char *expected)
{
    kj_ir ir;
    kj_buf out;
    char text[2000];
    (void)snprintf(text, sizeof text, "rule r { strings: $a = %s condition: $a }", declaration);
    compile(&ir, text);
    if (!kj_diags_ok(&ir.diags)) {
        print_message("%s\n", declaration);
        show_diags(&ir);
    }
    assert_int_equal(ir.patterns.count, 1);
    const kj_pattern *pattern = &ir.patterns.items[0];
    assert_int_equal(pattern->modifiers, modifiers);
    assert_span(pattern->source, declaration);
    kj_buf_init(&out, 1 << 16);
    if (pattern->kind == KJ_PATTERN_TEXT)
        kj_buf_put(&out, pattern->text);
    else
        yara_dump_re(pattern->re, &out);
    assert_string_equal(kj_buf_text(&out), expected);
    kj_buf_done(&out);
    kj_ir_done(&ir);
}

static void patterns_become_trees(void **state)
{
    (void)state;
    static const struct {
        const char *declaration;
        uint32_t modifiers;
        const char *dump;
    } cases[] = {
        {"\"a\\t\\r\\n\\\"\\\\\\x41\"", KJ_MOD_ASCII, "a\t\r\n\"\\A"},
        {"\"caf\xc3\xa9\"", KJ_MOD_ASCII, "caf\xc3\xa9"},
        {"\"a\" wide", KJ_MOD_WIDE, "a"},
        {"\"a\" wide ascii nocase fullword private",
         KJ_MOD_WIDE | KJ_MOD_ASCII | KJ_MOD_NOCASE | KJ_MOD_FULLWORD | KJ_MOD_PRIVATE, "a"},
        {"\"abc\" base64", KJ_MOD_BASE64, "abc"},
        {"\"abc\" base64 ascii", KJ_MOD_BASE64 | KJ_MOD_ASCII, "abc"},
        {"\"abc\" xor", KJ_MOD_XOR | KJ_MOD_ASCII, "abc"},
        {"{ 61 ?? 6? ?2 ~61 ~?3 ~4? }", KJ_MOD_ASCII,
         "(cat 61 . [60-6f] [02 12 22 32 42 52 62 72 82 92 a2 b2 c2 d2 e2 f2] [00-60 62-ff] "
         "[00-02 04-12 14-22 24-32 34-42 44-52 54-62 64-72 74-82 84-92 94-a2 a4-b2 b4-c2 c4-d2 "
         "d4-e2 e4-f2 f4-ff] [00-3f 50-ff])"},
        {"{61}", KJ_MOD_ASCII, "61"},
        {"{ 61 [1] 62 [3] 63 [2-4] 64 [5-] 65 [-] 66 [0-0] 67 }", KJ_MOD_ASCII,
         "(cat 61 . 62 (rep? 3 3 .) 63 (rep? 2 4 .) 64 (rep? 5 * .) 65 (rep? 0 * .) 66 empty 67)"},
        {"{ 61 (62 | 63 64 | (65|66)) [1][2-3] 67 } private", KJ_MOD_ASCII | KJ_MOD_PRIVATE,
         "(cat 61 (alt 62 (cat 63 64) (alt 65 66)) . (rep? 2 3 .) 67)"},
        {"{ 61 // to the end }\n /* or\n not */ 62 [0x2-0x4] 63 }", KJ_MOD_ASCII,
         "(cat 61 62 (rep? 2 4 .) 63)"},
        {"/abc/", KJ_MOD_ASCII, "(cat 61 62 63)"},
        {"/a.b/", KJ_MOD_ASCII, "(cat 61 [00-09 0b-ff] 62)"},
        {"/a.b/s", KJ_MOD_ASCII, "(cat 61 . 62)"},
        {"/a1[b-d]/i", KJ_MOD_ASCII, "(cat [41 61] 31 [42-44 62-64])"},
        {"/[^a]/ nocase", KJ_MOD_ASCII | KJ_MOD_NOCASE, "[00-40 42-60 62-ff]"},
        {"/a(b|cd)?e{2}f{3,}g{,4}h{5,6}/ wide", KJ_MOD_WIDE,
         "(cat 61 (rep 0 1 (alt 62 (cat 63 64))) (rep 2 2 65) (rep 3 * 66) (rep 0 4 67) (rep 5 6 "
         "68))"},
        {"/a*?b+?c??d{1,2}?/", KJ_MOD_ASCII,
         "(cat (rep? 0 * 61) (rep? 1 * 62) (rep? 0 1 63) (rep? 1 2 64))"},
        {"/^a$\\bb\\B/", KJ_MOD_ASCII, "(cat ^ 61 $ word 62 not-word)"},
        {"/\\w\\W\\s\\S\\d\\D/", KJ_MOD_ASCII,
         "(cat [30-39 41-5a 5f 61-7a] [00-2f 3a-40 5b-5e 60 7b-ff] [09-0d 20] [00-08 0e-1f "
         "21-ff] [30-39] [00-2f 3a-ff])"},
        {"/\\n\\t\\r\\f\\a\\x41\\.\\/\\k/", KJ_MOD_ASCII, "(cat 0a 09 0d 0c 07 41 2e 2f 6b)"},
        {"/[]a][^]b][a\\]c]/", KJ_MOD_ASCII, "(cat [5d 61] [00-5c 5e-61 63-ff] [5d 61 63])"},
        {"/[a-cx-z\\d\\x00-\\x02_-]/", KJ_MOD_ASCII, "[00-02 2d 30-39 5f 61-63 78-7a]"},
        {"/[\\w\\.-]+/", KJ_MOD_ASCII, "(rep 1 * [2d-2e 30-39 41-5a 5f 61-7a])"},
        {"/a{x{b{,c}d{1/", KJ_MOD_ASCII, "(cat 61 7b 78 7b 62 7b 2c 63 7d 64 7b 31)"},
        {"/a{2 , 3}/", KJ_MOD_ASCII, "(rep 2 3 61)"},
        {"/ac{1}/", KJ_MOD_ASCII, "(cat 61 (rep 1 1 63))"},
        {"/(a|)b||c/", KJ_MOD_ASCII, "(alt (cat (alt 61 empty) 62) empty 63)"},
        {"/a]b}c/", KJ_MOD_ASCII, "(cat 61 5d 62 7d 63)"},
        {"/\xc3\xa9/i", KJ_MOD_ASCII, "(cat c3 a9)"},
    };
    for (size_t i = 0; i < KJ_COUNT(cases); i++)
        if (*cases[i].dump)
            check_pattern(cases[i].declaration, cases[i].modifiers, cases[i].dump);
}

static void modifiers_carry_their_values(void **state)
{
    (void)state;
    kj_ir ir;
    compile(&ir, "rule r { strings: $a = \"abc\" xor $b = \"abc\" xor(3) $c = \"abc\" xor(0x10-32) "
                 "$d = \"abc\" base64(\"!@#$%^&*(){}[].,|ABCDEFGHIJ\\x09LMNOPQRSTUVWXYZabcdefghij"
                 "klmnopqrstu\") $e = \"abc\" condition: all of them }");
    show_diags(&ir);
    assert_int_equal(ir.patterns.count, 5);
    const kj_pattern *p = ir.patterns.items;
    assert_int_equal(p[0].xor_min, 0);
    assert_int_equal(p[0].xor_max, 255);
    assert_int_equal(p[1].xor_min, 3);
    assert_int_equal(p[1].xor_max, 3);
    assert_int_equal(p[2].xor_min, 16);
    assert_int_equal(p[2].xor_max, 32);
    assert_int_equal(strlen(p[3].alphabet), 64);
    assert_int_equal(p[3].alphabet[27], '\t');
    assert_int_equal(p[4].xor_max, 0);
    assert_null(p[4].alphabet);
    kj_ir_done(&ir);
}

/* ---- rules --------------------------------------------------------------------------------- */

static void rules_have_their_parts(void **state)
{
    (void)state;
    kj_ir ir;
    compile(&ir,
            "/* first */ private rule a { condition: true }\n"
            "global rule b : one two { meta: author = \"x\\ty\" n = -5 t = true f = false n = 1"
            " kujo_class = \"exact\" strings: $ = \"aa\" $x = \"bb\" condition: all of them and "
            "\"z\" matches /z/ }\n"
            "rule c { condition: a and b }");
    show_diags(&ir);
    assert_int_equal(ir.rules.count, 3);
    const kj_rule *b = &ir.rules.items[1];
    assert_int_equal(ir.rules.items[0].flags, KJ_RULE_PRIVATE);
    assert_int_equal(b->flags, KJ_RULE_GLOBAL);
    assert_span(b->space, "default");
    assert_int_equal(b->tag_count, 2);
    assert_span(b->tags[1], "two");
    assert_int_equal(b->meta_count, 6);
    assert_span(b->metas[0].value.text, "x\ty");
    assert_int_equal(b->metas[1].value.integer, -5);
    assert_int_equal(b->metas[2].value.type, KJ_TYPE_BOOL);
    assert_int_equal(b->first_pattern, 0);
    assert_int_equal(b->pattern_count, 3);
    assert_span(ir.patterns.items[0].identifier, "$");
    assert_int_equal(ir.patterns.items[2].identifier.len, 0);
    assert_int_equal(ir.rules.items[2].first_pattern, 3);
    assert_int_equal(ir.detects.count, 2);
    assert_span(ir.detects.items[0].name, "b");
    assert_int_equal(ir.detects.items[0].klass, KJ_CLASS_EXACT);
    assert_int_equal(ir.detects.items[0].when->index, 1);
    assert_int_equal(ir.detects.items[1].klass, KJ_CLASS_FAMILY);
    assert_int_equal(ir.detects.items[1].until, KJ_NONE);
    kj_ir_done(&ir);
}

static void rules_of_an_advisory_make_no_detections(void **state)
{
    (void)state;
    kj_ir ir;
    kj_error err;
    kj_yara_options options = plain;
    options.threat = 3;
    options.space = "W32/X";
    set_up(&ir);
    const char text[] = "rules: |\n  rule a { condition: true }\ntext: rule b {";
    const kj_source *source = kj_ir_add_source(&ir, "x.yaml", kj_span_str(text));
    assert_int_equal(kj_yara_compile(&ir, source, 9, 28, &options, &err), KJ_OK);
    assert_true(kj_diags_ok(&ir.diags));
    assert_int_equal(ir.rules.count, 1);
    assert_int_equal(ir.rules.items[0].threat, 3);
    assert_span(ir.rules.items[0].space, "W32/X");
    assert_int_equal(ir.detects.count, 0);
    kj_ir_done(&ir);
}

static void namespaces_keep_names_apart(void **state)
{
    (void)state;
    kj_ir ir;
    kj_yara_options other = plain;
    other.space = "other";
    compile(&ir, "rule a { condition: true }");
    assert_int_equal(compile_with(&ir, "rule a { condition: true }", &other), KJ_OK);
    assert_true(kj_diags_ok(&ir.diags));
    assert_int_equal(compile_with(&ir, "rule b { condition: a }", &plain), KJ_OK);
    assert_true(kj_diags_ok(&ir.diags));
    assert_int_equal(ir.rules.items[2].condition->index, 0);
    assert_int_equal(compile_with(&ir, "rule a { condition: true }", &plain), KJ_OK);
    assert_int_equal(ir.diags.errors, 1);
    assert_int_equal(ir.rules.count, 3);
    kj_ir_done(&ir);
}

/* ---- includes ------------------------------------------------------------------------------ */

static const kj_source *include_text(void *user, kj_ir *ir, const kj_source *from, kj_span path,
                                     kj_error *err)
{
    static const struct {
        const char *name;
        const char *text;
    } files[] = {
        {"one", "import \"test\" rule one { condition: true }"},
        {"self", "include \"self\""},
        {"broken", "rule x { condition: }"},
        {"deeper", "include \"deeper\""},
    };
    (void)from;
    for (size_t i = 0; i < KJ_COUNT(files); i++) {
        if (!kj_span_is(path, files[i].name))
            continue;
        char name[32];
        unsigned *count = user;
        bool unique = strcmp(files[i].name, "deeper") == 0;
        (void)snprintf(name, sizeof name, "%s%u", files[i].name, unique ? ++*count : 0);
        return kj_ir_add_source(ir, name, kj_span_str(files[i].text));
    }
    (void)kj_fail(err, KJ_IO, KJ_NO_OFFSET, "no such file");
    return NULL;
}

/* What `of (prefix*)` bars, it bars for the namespace, whichever file comes next. */
static void prefixes_stay_barred(void **state)
{
    (void)state;
    kj_ir ir;
    kj_yara_options other = plain;
    other.space = "other";
    compile(&ir, "rule ab { condition: true } rule r { condition: any of (a*) }");
    assert_int_equal(compile_with(&ir, "rule ac { condition: true }", &other), KJ_OK);
    assert_int_equal(ir.diags.errors, 0);
    assert_int_equal(compile_with(&ir, "rule ac { condition: true }", &plain), KJ_OK);
    assert_int_equal(ir.diags.errors, 1);
    assert_int_equal(ir.rules.count, 3);
    kj_ir_done(&ir);
}

static void a_rule_is_among_its_own_set(void **state)
{
    (void)state;
    kj_ir ir;
    kj_buf out;
    compile(&ir, "rule a1 { condition: true } rule a2 { condition: all of (a*) }");
    assert_int_equal(ir.diags.errors, 0);
    kj_buf_init(&out, 1 << 10);
    yara_dump_expr(&ir, ir.rules.items[1].condition, &out);
    assert_string_equal(kj_buf_text(&out), "(of all rule:a1 false)");
    kj_buf_done(&out);
    kj_ir_done(&ir);
}

static void includes_are_read_in_place(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *message; /* of the first problem */
        size_t rules;
    } cases[] = {
        {"include \"one\" rule two { condition: one and test.size == 1 }", NULL, 2},
        {"include \"one\" include \"one\"", "a rule of this name exists already", 1},
        {"include \"self\" rule a { condition: true }", "this file includes itself", 1},
        {"include \"none\" rule a { condition: true }", "cannot include this: no such file", 1},
        {"include \"broken\" rule a { condition: true }", "expected an expression, found '}'", 1},
        {"include \"deeper\" rule a { condition: true }", "includes are nested deeper than 16", 1},
        {"include 3 rule a { condition: true }", "expected a name in quotes, found '3'", 1},
    };
    for (size_t i = 0; i < KJ_COUNT(cases); i++) {
        kj_ir ir;
        unsigned count = 0;
        kj_yara_options options = plain;
        options.include = include_text;
        options.user = &count;
        set_up(&ir);
        assert_int_equal(compile_with(&ir, cases[i].text, &options), KJ_OK);
        assert_int_equal(ir.rules.count, cases[i].rules);
        assert_int_equal(ir.diags.list.count, cases[i].message ? 1 : 0);
        if (cases[i].message)
            assert_string_equal(ir.diags.list.items[0].message, cases[i].message);
        kj_ir_done(&ir);
    }
}

/* Each file includes the next one twice. */
static const kj_source *include_doubling(void *user, kj_ir *ir, const kj_source *from, kj_span path,
                                         kj_error *err)
{
    unsigned level = 0;
    (void)user;
    (void)err;
    (void)sscanf(from->name, "level%u", &level);
    char name[32], text[64] = "";
    (void)snprintf(name, sizeof name, "level%u", level + 1);
    if (level < 14)
        (void)snprintf(text, sizeof text, "include \"x\" include \"x\"");
    return path.len == 1 ? kj_ir_add_source(ir, name, kj_span_str(text)) : NULL;
}

static void includes_cannot_double_without_end(void **state)
{
    (void)state;
    kj_ir ir;
    kj_yara_options options = plain;
    options.include = include_doubling;
    set_up(&ir);
    assert_int_equal(compile_with(&ir, "include \"x\" include \"x\"", &options), KJ_OK);
    assert_in_range(ir.diags.list.count, 1, 16);
    assert_string_equal(ir.diags.list.items[0].message, "more than 10000 files are included");
    kj_ir_done(&ir);
}

/* ---- problems ------------------------------------------------------------------------------ */

/* The first problem of a source: its message, the text it underlines, and a part of the hint. */
static const struct {
    const char *text;
    const char *message;
    const char *marked;
    const char *hint;
} problems[] = {
    {"import \"tset\"", "unknown module", "\"tset\"", "known modules: test"},
    {"rule r { condition: test.size == 1 }", "the module 'test' is not imported", "test",
     "import \"test\""},
    {"import \"test\" rule r { condition: test.sise == 1 }", "test has no 'sise'", "sise",
     "did you mean 'size'?"},
    {"import \"test\" rule r { condition: test.parts[0].nmae == \"\" }",
     "test.parts[] has no 'nmae'", "nmae", "did you mean 'name'?"},
    {"import \"test\" rule r { condition: test.parts == 1 }",
     "this has several elements: index it, use .len(), or loop over it with 'for'", "test.parts",
     NULL},
    {"import \"test\" rule r { condition: test.has == 1 }",
     "this is a function: call it with (...)", "test.has", NULL},
    {"import \"test\" rule r { condition: test.parts[0] }",
     "this is a structure: name one of its members with '.'", "test.parts[0]", NULL},
    {"import \"test\" rule r { condition: test.sum(1) }",
     "test.sum() does not take these arguments", "test.sum(1)",
     "it takes (an integer, an integer)"},
    {"import \"test\" rule r { condition: test.size() }", "test.size is no function", "test.size()",
     NULL},
    {"import \"test\" rule r { condition: test.size[0] }", "test.size has no elements", "[", NULL},
    {"import \"test\" rule r { condition: test.size.x }", "test.size has no 'x'", "x", NULL},
    {"import \"test\" rule r { condition: test.parts[\"x\"].size }", "a string cannot be an index",
     "\"", NULL},
    {"import \"test\" rule r { condition: for any k, v in test.blind : (v) }",
     "the keys of this dictionary are not known", "k", NULL},
    {"import \"test\" rule r { condition: for any p in test.headers : (true) }",
     "a loop over a dictionary has two variables, the key and the value", "p", NULL},
    {"import \"test\" rule r { condition: for any p in test.size : (true) }",
     "only arrays and dictionaries can be looped over", "test.size", NULL},
    {"rule r { strings: $abc = \"a\" condition: $abd }", "the rule has no string '$abd'", "$abd",
     "did you mean '$abc'?"},
    {"rule r { strings: $a = \"a\" condition: true }", "the condition does not use the string $a",
     "$a", "call it $_..."},
    {"rule r { strings: $ = \"a\" condition: true }", "the condition does not use the string $",
     "$", NULL},
    {"rule r { condition: $ }", "'$' alone has no meaning here", "$", NULL},
    {"rule r { condition: any of them }", "the rule has no strings", "them", NULL},
    {"rule r { strings: $a = \"a\" $a = \"b\" condition: $a }", "$a stands here twice", "$a", NULL},
    {"rule r { condition: fielsize > 1 }", "unknown identifier 'fielsize'", "fielsize", NULL},
    {"rule r : t t { condition: true }", "the tag 't' stands here twice", "t", NULL},
    {"rule r { condition: 1 \\ 0 == 1 }", "division by zero", "\\", NULL},
    {"rule r { condition: 1 << -1 == 1 }", "a shift by a negative count", "<<", NULL},
    {"rule r { condition: filesize << -1 == 1 }", "a shift by a negative count", "<<", NULL},
    {"rule r { condition: 9223372036854775807 + 1 == 1 }", "the result does not fit 64 bits", "+",
     NULL},
    {"rule r { condition: (-9223372036854775807 - 1) \\ -1 == 1 }",
     "the result does not fit 64 bits", "\\", NULL},
    {"rule r { condition: filesize == 9223372036854775808 }", "this integer is too large",
     "9223372036854775808", NULL},
    {"rule r { condition: filesize == 9007199254740992KB }", "this integer is too large",
     "9007199254740992KB", NULL},
    {"rule r { condition: filesize == \"x\" }", "'==' does not go between an integer and a string",
     "==", NULL},
    {"rule r { strings: $a = \"a\" condition: $a in (9..3) }", "a range that ends before it starts",
     "9..3", NULL},
    {"rule r { strings: $a = \"a\" condition: #a in (-1..3) == 1 }", "a range cannot start below 0",
     "-", NULL},
    {"rule r { condition: for any i in (2 + 2..1) : (i) }", "a range that ends before it starts",
     "2 + 2..1", NULL},
    {"rule r { strings: $a = \"abc\" base64 "
     "base64wide(\"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/\") "
     "condition: $a }",
     "base64 and base64wide of a string share one alphabet",
     "\"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/\"", NULL},
    {"rule r { condition: for any i in (1.5, 2) : (i > 1) }",
     "an integer cannot be among floating-point numbers", "2", NULL},
    {"rule r { condition: true == false }",
     "'==' does not go between a truth value and a truth value", "==", "'and'"},
    {"rule r { condition: 1 < 2 < 3 }", "comparisons do not chain", "<", "'and'"},
    {"rule r { condition: 1.5 % 2 == 1 }",
     "'%' does not go between a floating-point number and an integer", "%", NULL},
    {"rule r { condition: \"a\" contains 1 }", "an integer cannot be searched for as a string", "1",
     NULL},
    {"rule r { condition: \"a\" matches \"a\" }", "'matches' takes a regular expression", "\"",
     "/.../"},
    {"rule r { condition: /a/ }", "a regular expression cannot be a condition", "/", NULL},
    {"rule r { strings: $a = \"a\" condition: 101% of them }", "a percentage is from 1 to 100", "1",
     NULL},
    {"rule r { strings: $a = \"a\" condition: ext_minus of ($a) }", "a count cannot be negative",
     "e", NULL},
    {"rule r { strings: $a = \"a\" condition: ext_text of ($a) }",
     "a string cannot be a number of items", "e", NULL},
    {"rule r { strings: $a = \"a\" condition: -1 of ($a) }", "a count cannot be negative", "-",
     NULL},
    {"rule r { strings: $a = \"a\\d\" condition: $a }", "illegal escape sequence", "\\d", "\\xHH"},
    {"rule r { strings: $a = \"a condition: $a }", "unterminated string", "\"a condition: $a }",
     NULL},
    {"rule r { strings: $a = /a condition: $a }", "unterminated regular expression",
     "/a condition: $a }", NULL},
    {"rule r { strings: $a = \"\" condition: $a }", "an empty string would match everywhere",
     "\"\"", NULL},
    {"rule r { strings: $a = \"a\" wide wide condition: $a }", "'wide' stands here twice", "wide",
     NULL},
    {"rule r { strings: $a = \"a\" xor nocase condition: $a }", "xor and nocase exclude each other",
     "\"a\" xor nocase", NULL},
    {"rule r { strings: $a = \"abc\" base64 fullword condition: $a }",
     "base64 and fullword exclude each other", "\"abc\" base64 fullword", NULL},
    {"rule r { strings: $a = \"a\" xor(256) condition: $a }", "a key of xor is a byte: 0 to 255",
     "256", NULL},
    {"rule r { strings: $a = \"a\" xor(3-2) condition: $a }", "the lower key of xor comes first",
     "3-2", NULL},
    {"rule r { strings: $a = \"a\" base64(\"x\") condition: $a }",
     "an alphabet has 64 characters, this one 1", "\"x\"", NULL},
    {"rule r { strings: $a = { 61 } wide condition: $a }", "hex strings cannot be 'wide'", "wide",
     NULL},
    {"rule r { strings: $a = /a/ xor condition: $a }", "regular expressions cannot be 'xor'", "xor",
     NULL},
    {"rule r { strings: $a = { 6 } condition: $a }", "half a byte in a hex string", "6", NULL},
    {"rule r { strings: $a = { 61 zz } condition: $a }", "unexpected character in a hex string",
     "z", NULL},
    {"rule r { strings: $a = { [2] 61 } condition: $a }", "a jump cannot come first", "[", NULL},
    {"rule r { strings: $a = { 61 [2] } condition: $a }", "a jump cannot come last", "[", NULL},
    {"rule r { strings: $a = { 61 [3-2] 62 } condition: $a }",
     "the bounds of this jump are the wrong way round", "[3-2]", NULL},
    {"rule r { strings: $a = { 61 (62 [-] 63|64) 62 } condition: $a }",
     "a jump inside alternatives must have an upper bound", "[-]", NULL},
    {"rule r { strings: $a = { 61 (62 [201] 63|64) 62 } condition: $a }",
     "a jump inside alternatives cannot exceed 200 bytes", "[201]", NULL},
    {"rule r { strings: $a = { 61 ~?? 62 } condition: $a }", "'~?\?' can match nothing", "~??",
     NULL},
    {"rule r { strings: $a = { 61 () 62 } condition: $a }", "nothing to match in a hex string", ")",
     NULL},
    {"rule r { strings: $a = { } condition: $a }", "nothing to match in a hex string", "}", NULL},
    {"rule r { strings: $a = { 61 [] 62 } condition: $a }", "this is no jump", "[", NULL},
    {"rule r { strings: $a = /a**/ condition: $a }", "a repetition of a repetition", "*", NULL},
    {"rule r { strings: $a = /*a/ condition: $a }", "a comment that does not end",
     "/*a/ condition: $a }", NULL},
    {"rule r { strings: $a = /a|*/ condition: $a }", "nothing to repeat", "*", NULL},
    {"rule r { strings: $a = /(a/ condition: $a }", "missing ')'", "(", NULL},
    {"rule r { strings: $a = /a)/ condition: $a }", "unexpected ')'", ")", NULL},
    {"rule r { strings: $a = /[a/ condition: $a }", "missing ']' at the end of a class", "[", NULL},
    {"rule r { strings: $a = /[b-a]/ condition: $a }", "bad character range", "b-a", NULL},
    {"rule r { strings: $a = /(?:a)/ condition: $a }", "YARA has no groups with '?'", "?", NULL},
    {"rule r { strings: $a = /a{3,2}/ condition: $a }",
     "the bounds of this repetition are the wrong way round", "{3,2}", NULL},
    {"rule r { strings: $a = /a{32768}/ condition: $a }", "repeat interval too large", "{32768}",
     NULL},
    {"rule r { strings: $a = /a*b*?/ condition: $a }",
     "greedy and lazy repetitions cannot be mixed in one string", "a*b*?", NULL},
    {"rule r { strings: $a = /(a)\\1/ condition: $a }", "back references are not known", "\\1",
     NULL},
    {"rule r { strings: $a = { 61 [0] 62 } condition: $a }", "this is no jump", "[", NULL},
    {"rule r { strings: $a = { 61 [-3] 62 } condition: $a }", "this is no jump", "[", NULL},
    {"rule r { strings: $a = { 61 [99999999999] 62 } condition: $a }", "not a length for a jump",
     "99999999999", NULL},
    {"rule r { strings: $a = /\\xg1/ condition: $a }", "illegal escape sequence", "\\x", NULL},
    {"rule r { strings: $a = \"a\" condition: for any of ($a) : (for any of ($a) : ($)) }",
     "a 'for ... of' cannot stand inside another", "of", NULL},
    {"rule r { condition: for any i in (0..1) : (for any i in (0..1) : (i)) }",
     "the variable 'i' is in use already", "i", NULL},
    {"rule r { condition: for any i in (1, \"a\") : (i) }", "a string cannot be among integers",
     "\"", NULL},
    {"rule r { condition: for any i in (1..2) (i) }",
     "expected ':' after what the loop goes over, found '('", "(", NULL},
    {"import \"test\" rule r { condition: with p = test.parts + 1 : (p == 1) }",
     "'+' does not go between an array and an integer", "+", NULL},
    {"rule r { condition: with p = /x/ : (p) }", "a regular expression cannot be a variable", "/",
     NULL},
    {"rule r { condition: with a = 1, 2 = 3 : (a) }", "expected the name of a variable, found '2'",
     "2", NULL},
    {"rule r { meta: a = 1.5 condition: true }",
     "expected a string, an integer, true or false, found a floating-point number", "1.5", NULL},
    {"rule r { meta: kujo_class = \"bad\" condition: true }", "no such class", "kujo_class",
     "heuristic"},
    {"rule r { condition: true } rule r { condition: true }", "a rule of this name exists already",
     "r", NULL},
    {"rule ab { condition: true } rule b { condition: any of (a*) } rule ac { condition: true }",
     "a rule above refers to all rules whose names begin like this one's", "ac", NULL},
    {"rule r { condition: any of (zz*) }", "no rule above has such a name", "zz", NULL},
    {"rule r { condition: later } rule later { condition: true }", "unknown identifier 'later'",
     "later", NULL},
    {"rule ext_int { condition: true }", "an external variable has this name", "ext_int", NULL},
    {"rule r { }", "expected 'condition' after the sections before, found '}'", "}", NULL},
    {"rule r { condition: true strings: $a = \"a\" }",
     "expected an operator or the rule's '}', found 'strings'", "strings", NULL},
    {"rule r { strings: $a = \"a\" meta: x = 1 condition: $a }", "'meta' does not come here",
     "meta", NULL},
    {"rule 1 { condition: true }", "expected a name after 'rule', found '1'", "1", NULL},
    {"rule r { condition: \xe2\x80\x9cx\xe2\x80\x9d }", "a character outside ASCII", "\xe2\x80\x9c",
     NULL},
    {"rule r { condition: true",
     "expected an operator or the rule's '}', found the end of the "
     "rules",
     "", NULL},
    {"/* x", "a comment that does not end", "/* x", NULL},
    {"hello", "expected a rule, an import or an include, found 'hello'", "hello", NULL},
};

static void check_problem(size_t i)
{
    kj_ir ir;
    compile(&ir, problems[i].text);
    if (ir.diags.list.count == 0 ||
        strcmp(ir.diags.list.items[0].message, problems[i].message) != 0) {
        print_message("%s\n", problems[i].text);
        show_diags(&ir);
    }
    assert_true(ir.diags.list.count >= 1);
    const kj_diag *diag = &ir.diags.list.items[0];
    assert_string_equal(diag->message, problems[i].message);
    size_t len = strlen(problems[i].marked);
    assert_span(kj_span_sub(diag->source->text, diag->offset, len ? diag->len : 0),
                problems[i].marked);
    if (problems[i].hint) {
        assert_non_null(diag->hint);
        assert_non_null(strstr(diag->hint, problems[i].hint));
    }
    kj_ir_done(&ir);
}

static void problems_are_located_and_explained(void **state)
{
    (void)state;
    for (size_t i = 0; i < KJ_COUNT(problems); i++)
        check_problem(i);
}

static void one_mistake_is_one_problem(void **state)
{
    (void)state;
    for (size_t i = 0; i < KJ_COUNT(problems); i++) {
        kj_ir ir;
        compile(&ir, problems[i].text);
        if (ir.diags.errors != 1) {
            print_message("%s\n", problems[i].text);
            show_diags(&ir);
        }
        assert_int_equal(ir.diags.errors, 1);
        kj_ir_done(&ir);
    }
}

static void all_mistakes_are_reported_and_the_rest_compiles(void **state)
{
    (void)state;
    kj_ir ir;
    compile(&ir, "import \"nope\"\n"
                 "rule good1 { strings: $a = \"x\" condition: $a }\n"
                 "rule bad1 : t t { meta: a = b c = 1 strings: $a = \"\\q\" $b = { 6 } $c = /a**/ "
                 "$d = \"fine\" condition: $a and $e and $d and nope.x(1).y[2] }\n"
                 "rule bad2 { condition: ( }\n"
                 "private rule good2 { condition: good1 }\n"
                 "rule follows { condition: bad1 or good2 }\n"
                 "rule good3 { condition: filesize > 1 }\n");
    assert_int_equal(ir.diags.errors, 8);
    assert_int_equal(ir.rules.count, 3);
    assert_span(ir.rules.items[2].name, "good3");
    assert_int_equal(ir.patterns.count, 1);
    assert_int_equal(ir.detects.count, 2);
    kj_ir_done(&ir);
}

/* ---- warnings ------------------------------------------------------------------------------ */

typedef struct warned {
    const char *text;
    const char *message; /* NULL: nothing is warned of */
    const char *where;   /* what is underlined begins so */
} warned;

static void check_warning(const kj_yara_options *options, const warned *w)
{
    kj_ir ir;
    set_up(&ir);
    assert_int_equal(compile_with(&ir, w->text, options), KJ_OK);
    if (!kj_diags_ok(&ir.diags) || ir.diags.warnings != (w->message != NULL)) {
        print_message("%s\n", w->text);
        show_diags(&ir);
    }
    assert_true(kj_diags_ok(&ir.diags));
    assert_int_equal(ir.diags.warnings, w->message != NULL);
    if (w->message) {
        const kj_diag *diag = &ir.diags.list.items[0];
        assert_int_equal(diag->severity, KJ_WARNING);
        assert_non_null(strstr(diag->message, w->message));
        kj_span rest = kj_span_sub(diag->source->text, diag->offset, SIZE_MAX);
        assert_true(kj_span_starts(rest, kj_span_str(w->where)));
    }
    kj_ir_done(&ir);
}

/* Where libyara 4.5.8 warns, and where it does not. */
static void warnings_are_those_of_libyara(void **state)
{
    (void)state;
    static const warned cases[] = {
        {"rule r { strings: $a = \"a\" condition: 0 of them }", "none of it", "0"},
        {"rule r { strings: $a = \"a\" condition: 1 - 1 of them }", "none of it", "1"},
        {"rule r { strings: $a = \"a\" condition: for 0 of them : ($) }", "none of it", "0"},
        {"rule r { strings: $a = \"a\" condition: none of them }", NULL, NULL},
        {"rule r { strings: $a = \"a\" condition: 2 of them }", "1 of the 2", "2"},
        {"rule r { strings: $a = \"a\" condition: 2 of ($a*) in (0..9) }", "1 of the 2", "2"},
        {"rule r { strings: $a = \"a\" condition: 2 of ($a) at 1 }", "1 of the 2", "2"},
        {"rule r { strings: $a = \"a\" condition: for 2 of ($a) : ($) }", "1 of the 2", "2"},
        {"rule a { condition: true } rule r { condition: 2 of (a) }", "1 of the 2", "2"},
        {"rule a { condition: true } rule r { condition: 2 of (a*) }", "1 of the 2", "2"},
        {"rule r { strings: $a = \"a\" condition: #a + 9 of them }", NULL, NULL},
        {"rule r { strings: $a = \"a\" condition: ext_int of them }", NULL, NULL},
        {"rule r { strings: $a = \"a\" condition: ext_five of them }", "1 of the 5", "ext_five"},
        {"rule r { strings: $a = \"a\" $b = \"b\" condition: 2 of them at 0 }", "one offset", "at"},
        {"rule r { strings: $a = \"a\" $b = \"b\" condition: all of them at 0 }", "one offset",
         "at"},
        {"rule r { strings: $a = \"a\" condition: all of them at 0 }", NULL, NULL},
        {"rule r { strings: $a = \"a\" $b = \"b\" condition: any of them at 0 }", NULL, NULL},
        {"rule r { condition: entrypoint == 1 }", "deprecated", "entrypoint"},
        {"rule r { condition: \"a\" }", "true unless it is empty", "\"a\""},
        {"rule r { condition: not \"\" }", "true unless it is empty", "\"\""},
        {"rule r { strings: $a = /ab.*cd/ condition: $a }", "without end", "/ab"},
        {"rule r { strings: $a = /ab(.+?c)d/s condition: $a }", "without end", "/ab"},
        {"rule r { strings: $a = /ab.{3,}/ condition: $a }", "without end", "/ab"},
        {"rule r { strings: $a = /ab.{,9}c[^\\n]*/ condition: $a }", NULL, NULL},
        {"rule r { strings: $a = { 61 [-] 62 } condition: $a }", NULL, NULL},
        {"rule r { condition: \"a\" matches /a.*b/ }", NULL, NULL},
        {"rule r { strings: $a = /ab\\cd/ condition: $a }", NULL, NULL},
    };
    for (size_t i = 0; i < KJ_COUNT(cases); i++)
        check_warning(&plain, &cases[i]);
}

static void escapes_are_checked_on_request(void **state)
{
    (void)state;
    static const warned cases[] = {
        {"rule r { strings: $a = /ab\\cd/ condition: $a }", "unknown escape", "\\c"},
        {"rule r { strings: $a = /ab\\ d/ condition: $a }", "unknown escape", "\\ "},
        {"rule r { strings: $a = /ab\\;d/ condition: $a }", "unknown escape", "\\;"},
        {"rule r { strings: $a = /ab[\\0-9]d/ condition: $a }", "unknown escape", "\\0"},
        {"rule r { condition: \"avb\" matches /a\\vb/ }", "unknown escape", "\\v"},
        {"rule r { strings: $a = /ab\\*\\.\\\\c\\/\\w\\bx\\x00[\\S\\]\\-]/ condition: $a }", NULL,
         NULL},
    };
    kj_yara_options options = plain;
    options.strict_escape = true;
    for (size_t i = 0; i < KJ_COUNT(cases); i++)
        check_warning(&options, &cases[i]);
}

static void oversights_are_told_on_request(void **state)
{
    (void)state;
    static const warned cases[] = {
        {"import \"test\" rule r { condition: true }", "no rule uses this module", "\"test\""},
        {"import \"test\" import \"test\" rule r { condition: test.size == 1 }", "imported above",
         "\"test\" rule"},
        {"rule r { condition: filesize }", "true unless it is 0", "filesize"},
        {"rule r { condition: filesize > 1 and false and filesize < 9 }", "never looked at",
         "false"},
        {"rule r { condition: true and filesize > 1 }", "always true", "true"},
        {"rule r { condition: filesize == 1 or true }", NULL, NULL},
        {"rule r { strings: $a = \"ab\" wide $b = \"ab\" wide condition: any of them }",
         "has this string already", "\"ab\" wide condition"},
        {"rule r { strings: $a = \"ab\" wide $b = \"ab\" condition: any of them }", NULL, NULL},
        {"rule r { strings: $a = \"caf\xc3\xa9\" condition: $a }", "outside ASCII", "\xc3\xa9"},
        {"rule r { strings: $a = { 61 62 20 } condition: $a }", "could be a text", "{ 61"},
        {"rule r { strings: $a = { 61 62 00 } condition: $a }", NULL, NULL},
    };
    kj_yara_options options = plain;
    options.lint = true;
    for (size_t i = 0; i < KJ_COUNT(cases); i++) {
        check_warning(&options, &cases[i]);
        check_warning(&plain, &(warned){.text = cases[i].text});
    }
}

/* An error is kept and counted, however many warnings came before it. */
static void warnings_do_not_hide_errors(void **state)
{
    (void)state;
    kj_ir ir;
    kj_buf text;
    kj_buf_init(&text, 1 << 20);
    kj_buf_put_text(&text, "rule r { condition: false");
    for (unsigned i = 0; i < KJ_DIAGS_MAX + 10; i++)
        kj_buf_put_text(&text, " or \"a\"");
    kj_buf_put_text(&text, " or nowhere }");
    compile(&ir, kj_buf_text(&text));
    assert_int_equal(ir.diags.errors, 1);
    assert_int_equal(ir.diags.warnings, KJ_DIAGS_MAX + 10);
    assert_int_equal(ir.diags.list.items[ir.diags.list.count - 1].severity, KJ_ERROR);
    kj_ir_done(&ir);
    kj_buf_done(&text);
}

/* ---- strict -------------------------------------------------------------------------------- */

static void strict_refuses_what_yara_x_refuses(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "rule r { strings: $a = /abc{/ condition: $a }",
        "rule r { strings: $a = /ab{1:5}/ condition: $a }",
        "rule r { strings: $a = /foo\\gbar/ condition: $a }",
        "rule r { strings: $a = /a*/ condition: $a }",
        "rule r { strings: $a = /a|b|/ condition: $a }",
        "rule r { strings: $a = \"ab\" base64 condition: $a }",
        "rule r { strings: $a = \"ab\" condition: @a[-1] == 1 }",
        "rule r { strings: $a = \"ab\" condition: !a[0] == 1 }",
        "global global rule r { condition: true }",
        "rule a { condition: true } rule r { condition: any of (a*) }",
        "rule r { condition: entrypoint == 1 }",
    };
    kj_yara_options strict = plain;
    strict.strict = true;
    for (size_t i = 0; i < KJ_COUNT(cases); i++) {
        kj_ir ir;
        set_up(&ir);
        assert_int_equal(compile_with(&ir, cases[i], &strict), KJ_OK);
        if (ir.diags.errors != 1)
            print_message("%s\n", cases[i]);
        assert_int_equal(ir.diags.errors, 1);
        kj_ir_done(&ir);
        compile(&ir, cases[i]);
        assert_int_equal(ir.diags.errors, 0);
        kj_ir_done(&ir);
    }
}

/* ---- limits -------------------------------------------------------------------------------- */

/* `count` copies of `part` between `before` and `after`. */
static void repeat(kj_buf *out, const char *before, const char *part, size_t count,
                   const char *after)
{
    kj_buf_clear(out);
    kj_buf_put_text(out, before);
    for (size_t i = 0; i < count; i++)
        kj_buf_put_text(out, part);
    kj_buf_put_text(out, after);
}

static void depth_is_limited(void **state)
{
    (void)state;
    static const struct {
        const char *before;
        const char *part;
        const char *after;
    } cases[] = {
        {"rule r { condition: ", "(", ""},
        {"rule r { condition: ", "not ", "true }"},
        {"rule r { condition: ", "-", "1 == 1 }"},
        {"rule r { condition: ", "uint8(", ""},
        {"rule r { condition: filesize", " \\ filesize", " == 1 }"},
        {"rule r { condition: ", "for any of them : (", ""},
        {"rule r { condition: ", "for any i in (", ""},
        {"rule r { strings: $a = { 61 ", "(61|", ""},
        {"rule r { strings: $a = /", "(", "/ condition: $a }"},
        {"rule r { strings: $a = /", "(a|b", "/ condition: $a }"},
        {"import \"test\" rule r { condition: test", ".parts[test", "].size }"},
    };
    kj_buf text;
    kj_buf_init(&text, 8 << 20);
    for (size_t i = 0; i < KJ_COUNT(cases); i++) {
        kj_ir ir;
        repeat(&text, cases[i].before, cases[i].part, 100000, cases[i].after);
        compile(&ir, kj_buf_text(&text));
        assert_true(ir.diags.errors >= 1);
        assert_int_equal(ir.rules.count, 0);
        kj_ir_done(&ir);
    }
    kj_buf_done(&text);
}

/* Each variable uses the one before it twice. */
static void chains_of_variables_stay_small(void **state)
{
    (void)state;
    kj_ir ir;
    kj_buf text;
    kj_buf_init(&text, 1 << 20);
    kj_buf_put_text(&text, "import \"test\" rule r { condition: with p0 = test.parts[1]");
    for (unsigned i = 1; i < 30; i++)
        kj_buf_printf(&text, ", p%u = test.parts[p%u.size + p%u.size]", i, i - 1, i - 1);
    kj_buf_put_text(&text, " : (p29.size == 1) }");
    compile(&ir, kj_buf_text(&text));
    show_diags(&ir);
    assert_true(kj_diags_ok(&ir.diags));
    assert_true(ir.arena.used < 100000);
    kj_ir_done(&ir);
    kj_buf_done(&text);
}

/* Work that grows with the square of the input would take minutes here. */
static void hostile_sizes_take_no_time(void **state)
{
    (void)state;
    static const struct {
        const char *before;
        const char *part;
        const char *after;
    } cases[] = {
        {"rule r { condition: ", "unknown or ", "true }"},
        {"rule r { strings: $a = \"a\" condition: ", "$b or ", "true }"},
        {"import \"test\" rule r { condition: ", "test.sice or ", "true }"},
        {"", "rule r { condition: true } ", ""},
        {"rule a { condition: true }", "rule", ""},
        {"", "/ x\n", ""},
        {"", "\"\n", ""},
        {"rule r { strings: ", "$a = { 6", ""},
        {"rule r { meta: ", "a = b ", ""},
    };
    kj_buf text;
    kj_buf_init(&text, 8 << 20);
    for (size_t i = 0; i < KJ_COUNT(cases); i++) {
        kj_ir ir;
        repeat(&text, cases[i].before, cases[i].part, 200000, cases[i].after);
        compile(&ir, kj_buf_text(&text));
        assert_true(ir.diags.errors >= 1);
        kj_ir_done(&ir);
    }
    kj_buf_clear(&text);
    for (unsigned i = 0; i < 60000; i++)
        kj_buf_printf(&text, "rule a%u { condition: any of (a%u*) }", i, i ? i - 1 : 0);
    kj_ir ir;
    compile(&ir, kj_buf_text(&text));
    kj_ir_done(&ir);
    kj_buf_clear(&text);
    kj_buf_put_text(&text, "rule r : ");
    for (unsigned i = 0; i < 200000; i++)
        kj_buf_printf(&text, "t%u ", i);
    kj_buf_put_text(&text, "{ condition: true }");
    compile(&ir, kj_buf_text(&text));
    assert_true(kj_diags_ok(&ir.diags));
    kj_ir_done(&ir);
    kj_buf_done(&text);
}

static void width_is_not(void **state)
{
    (void)state;
    kj_ir ir;
    kj_buf text;
    kj_buf_init(&text, 8 << 20);
    repeat(&text, "rule r { strings: $a = { ", "61 [2-3] ", 20000, "62 } condition: $a");
    for (size_t i = 0; i < 20000; i++)
        kj_buf_put_text(&text, " or $a");
    kj_buf_put_text(&text, " }");
    compile(&ir, kj_buf_text(&text));
    assert_true(kj_diags_ok(&ir.diags));
    assert_int_equal(ir.rules.items[0].condition->count, 20001);
    assert_int_equal(ir.patterns.items[0].re->count, 40001);
    kj_ir_done(&ir);
    kj_buf_done(&text);
}

static const char everything[] =
    "import \"test\" include \"one\" rule a : t { meta: x = \"y\\n\" n = -3 strings: $a = "
    "\"a\\x62\" "
    "xor(1-3) wide $b = { 61 [2-3] (62|63 64) ~?3 } $c = /a[b-d]+\\x41(x|)/i $d = \"abc\" base64 "
    "condition: any of them at filesize - 1 and test.parts[1].size > 2.5 and for any p in "
    "test.parts "
    ": (p.name matches /x/) and with n = test.size + 1 : (n == 2) } rule b { condition: a or "
    "tset.x or for all i in (1, 2) : (i) or 1 of (a*) or test.half(1) == 1 }";

static void little_memory_is_no_disaster(void **state)
{
    (void)state;
    for (size_t budget = 0;; budget += 48) {
        kj_ir ir;
        kj_error err = {0};
        kj_yara_options options = plain;
        unsigned count = 0;
        options.include = include_text;
        options.user = &count;
        kj_ir_init(&ir, 64 << 20);
        const kj_source *source = kj_ir_add_source(&ir, "x", kj_span_str(everything));
        assert_non_null(source);
        ir.arena.budget = ir.arena.used + budget;
        kj_status status = kj_yara_compile(&ir, source, 0, SIZE_MAX, &options, &err);
        bool done = status == KJ_OK && ir.diags.errors == 1;
        assert_true(done || status == KJ_NO_MEMORY || ir.diags.errors > 1);
        kj_ir_done(&ir);
        if (done)
            return;
        assert_true(budget < 1 << 20);
    }
}

static void every_prefix_ends_well(void **state)
{
    (void)state;
    for (size_t len = 0; len < sizeof everything; len++) {
        kj_ir ir;
        kj_error err = {0};
        uint8_t *exact = malloc(len + 1);
        assert_non_null(exact);
        memcpy(exact, everything, len);
        kj_ir_init(&ir, 1 << 20);
        const kj_source source = {"x", {exact, len}};
        assert_int_equal(kj_yara_compile(&ir, &source, 0, len, &plain, &err), KJ_OK);
        assert_true(len < 12 || ir.diags.errors > 0 || ir.rules.count > 0 || len < 30);
        kj_ir_done(&ir);
        free(exact);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(conditions_become_trees),
        cmocka_unit_test(patterns_become_trees),
        cmocka_unit_test(modifiers_carry_their_values),
        cmocka_unit_test(rules_have_their_parts),
        cmocka_unit_test(rules_of_an_advisory_make_no_detections),
        cmocka_unit_test(namespaces_keep_names_apart),
        cmocka_unit_test(prefixes_stay_barred),
        cmocka_unit_test(a_rule_is_among_its_own_set),
        cmocka_unit_test(includes_are_read_in_place),
        cmocka_unit_test(includes_cannot_double_without_end),
        cmocka_unit_test(problems_are_located_and_explained),
        cmocka_unit_test(one_mistake_is_one_problem),
        cmocka_unit_test(all_mistakes_are_reported_and_the_rest_compiles),
        cmocka_unit_test(warnings_are_those_of_libyara),
        cmocka_unit_test(escapes_are_checked_on_request),
        cmocka_unit_test(oversights_are_told_on_request),
        cmocka_unit_test(warnings_do_not_hide_errors),
        cmocka_unit_test(strict_refuses_what_yara_x_refuses),
        cmocka_unit_test(depth_is_limited),
        cmocka_unit_test(chains_of_variables_stay_small),
        cmocka_unit_test(hostile_sizes_take_no_time),
        cmocka_unit_test(width_is_not),
        cmocka_unit_test(little_memory_is_no_disaster),
        cmocka_unit_test(every_prefix_ends_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
