/* SPDX-License-Identifier: Apache-2.0 */
/* Logical signatures and those for members: what is taken, and as which conditions. Verdicts that
 * are not obvious are clamscan's. */
#include "tests/rules/clamav_load.h"
#include "tests/rules/yara_dump.h"
#include "tests/test.h"

#include <stdio.h>

enum { BUDGET = 64 << 20 };

#define HEAD "A;Engine:81-255,Target:0;"

/* What became of the last line: "" taken, else a message or a reason. */
static const char *outcome(clamav_load *l)
{
    if (l->ir.diags.list.count)
        return l->ir.diags.list.items[l->ir.diags.list.count - 1].message;
    return l->ir.left_out.count ? l->ir.left_out.items[0].reason : "";
}

/* Whether `expected` is what is said of the line, or its beginning. */
static void check_line(const char *name, const char *line, const char *expected)
{
    clamav_load l;
    assert_true(clamav_load_init(&l, BUDGET));
    assert_int_equal(clamav_load_text(&l, name, kj_span_str(line)), KJ_OK);
    assert_int_equal(clamav_load_finish(&l), KJ_OK);
    const char *said = outcome(&l);
    bool taken = l.ir.rules.count == 1;
    if (taken != !*expected || strncmp(said, expected, strlen(expected)) != 0) {
        print_message("%s\n", line);
        assert_string_equal(said, expected);
    }
    assert_true(taken == !*expected);
    clamav_load_done(&l);
}

struct line {
    const char *line;
    const char *expected;
};

static void check_lines(const char *name, const struct line *lines, size_t count)
{
    for (size_t i = 0; i < count; i++)
        check_line(name, lines[i].line, lines[i].expected);
}

/* ---- lines --------------------------------------------------------------------------------- */

#define COUNTS  "the expression has "
#define NO_ID   "the number of a subsignature, or ( is expected here"
#define NO_PART "this is no part of an expression"

static void test_expressions(void **state)
{
    (void)state;
    static const struct line lines[] = {
        {HEAD "0;4142", ""},
        {HEAD "00;4142", ""},
        {HEAD "0&1;4142;4344", ""},
        {HEAD " 0 & 1 ;4142;4344", ""},
        {HEAD "((0));4142", ""},
        {HEAD "0=1,2;4142", ""},
        {HEAD "0,1;4142", ""},
        {HEAD "0>=2;4142", ""},
        {HEAD "(0|1)>1,2;4142;4344", ""},
        {HEAD "(0|1)=2,;4142;4344", ""},
        {HEAD "((0|1)>1);4142;4344", ""},
        {HEAD "0;4142;4344", COUNTS "1 ids, and there are 2 subsignatures"},
        {HEAD "0;4142;", COUNTS},
        {HEAD "0&2;4142;4344", "there is no such subsignature"},
        {HEAD "0&64;4142;4344", "there is no such subsignature"},
        {HEAD "99999999999;4142", NO_ID},
        {HEAD "0&;4142", NO_ID},
        {HEAD "&0;4142", NO_ID},
        {HEAD "0&&1;4142;4344", NO_ID},
        {HEAD "();4142", NO_ID},
        {HEAD ";4142", NO_ID},
        {HEAD "-1;4142", NO_ID},
        {HEAD "(0&1;4142;4344", ") is expected here"},
        {HEAD "0&1);4142;4344", NO_PART},
        {HEAD "0^1;4142;4344", NO_PART},
        {HEAD "(0)(1);4142;4344", NO_PART},
        {HEAD "0=1x;4142", NO_PART},
        {HEAD "(0|1),2;4142;4344", NO_PART},
        {HEAD "0=;4142", "a number is expected here"},
        {HEAD "(0|1)>=2;4142;4344", "a number is expected here"},
        {HEAD "(0)>1;4142", "only an id, or ids in parentheses, can be compared"},
        {HEAD "((0|1))=2;4142;4344", "only an id, or ids in parentheses, can be compared"},
        {HEAD "0", "a logical signature is "},
        {"A;Target:0", "a logical signature is "},
        {";Target:0;0;4142", "a signature without a name"},
    };
    check_lines("x.ldb", lines, KJ_COUNT(lines));
}

static void test_descriptions(void **state)
{
    (void)state;
    static const struct line lines[] = {
        {"A;Target:0;0;4142", ""},
        {"A;Target:1,Target:0;0;4142", ""},
        {"A;Engine:51-255,Target:0,FileSize:1-100;0;4142", ""},
        {"A;Engine:51-255,Target:0,FileSize:5-;0;4142", ""},
        {"A;Engine:51-255,Target:1,EntryPoint:1-2,NumberOfSections:3-4;0;4142", ""},
        {"A;Engine:51-255,Target:0,Container:CL_TYPE_ZIP;0;4142", ""},
        {"A;Engine:51-255,Target:0,Intermediates:CL_TYPE_ZIP>CL_TYPE_ANY;0;4142", ""},
        {"A;Engine:51-60,Target:0;0;4142", "written for other versions of ClamAV"},
        {"A;Engine:81-,Target:0;0;4142", "written for other versions of ClamAV"},
        {"A;Engine:51-255,Target:99;0;4142", "a target type that nothing is of"},
        {"A;Engine:51-255,Target:0,Foo:1;0;4142",
         "its target description has a key that is not known"},
        {"A;target:0;0;4142", "its target description has a key that is not known"},
        {"A;Engine:51-255,Target:0,Container:CL_TYPE_NOPE;0;4142", "it names a type"},
        {"A;Engine:51-255,Target:0,Container:ZIP;0;4142", "it names a type"},
        {"A;Engine:51-255,Target:0,Intermediates:CL_TYPE_ZIP>;0;4142", "it names a type"},
        {"A;Engine:51-255,Target:1,IconGroup1:x;0;4142", "it looks at the icons of programs"},
        {"A;Engine:51-255,Target:0,HandlerType:CL_TYPE_ZIP;0;4142", ""},
        {"A;Engine:51-255,Target:0,HandlerType:CL_TYPE_NOPE;0;4142", "it names a type"},
        {"A;;0;4142", "a target description is of pairs KEY:VALUE"},
        {"A;Target;0;4142", "a target description is of pairs KEY:VALUE"},
        {"A;Target:0,;0;4142", "a target description is of pairs KEY:VALUE"},
        {"A;Engine:51-255;0;4142", "a target description says Target"},
        {"A;Target:0,Engine:51-255;0;4142", "Engine is the first key"},
        {"A;Engine:81,Target:0;0;4142", "this is MIN-MAX, two numbers"},
        {"A;Engine:51-255,Target:0,FileSize:7;0;4142", "this is MIN-MAX, two numbers"},
        {"A;Engine:51-255,Target:0,FileSize:-5-9;0;4142", "this is MIN-MAX, two numbers"},
        {"A;Target:0,FileSize:1-100;0;4142", "keys but Target need an Engine of 51 or more"},
        {"A;Target:x;0;4142", "a target type is a number"},
        {"A;Target: 0;0;4142", "a target type is a number"},
        {"A;Engine:51-255,Target:0,EntryPoint:1-2;0;4142", "entry points, sections and icons"},
        {"A;Engine:51-255,Target:7,NumberOfSections:1-2;0;4142", "entry points, sections and"},
    };
    check_lines("x.ldb", lines, KJ_COUNT(lines));
}

static void test_subsignatures(void **state)
{
    (void)state;
    static const struct line lines[] = {
        {HEAD "0;4142::iwaf", ""},
        {HEAD "0;4142::", ""},
        {HEAD "0;10,4:4142*4344::i", ""},
        {HEAD "0;4142::q", "the options of a body are i, w, a and f"},
        {HEAD "0;4142::I", "the options of a body are i, w, a and f"},
        {HEAD "0;82::4142", "the options of a body are i, w, a and f"},
        {HEAD "0;EP+0:4142", "this offset is for programs only"},
        {HEAD "0;x:4142", "this is no offset"},
        {HEAD "0;$1$:4142", "a macro is ${MIN-MAX}GROUP$"},
        {HEAD "0;41", "two plain bytes must stand side by side here"},
        {HEAD "0;", "a signature without a body"},
        {HEAD "1;4142;0/a;b/i", ""},
        {HEAD "1;4142;0/a\\/;b/i", ""},
        {HEAD "1;4142;6,3:0&(0|0)>1/[/]usr/greismxAEU", ""},
        {HEAD "1;4142;0=2/x/::q", ""},
        {HEAD "1;4142;0/std::x/", ""},
        {HEAD "2;4142;0/x/;1/y/", ""},
        {HEAD "1;4142;/x/", "a regular expression has a trigger"},
        {HEAD "1;4142;1/x/", "there is no such subsignature"},
        {HEAD "1;4142;2/x/", "there is no such subsignature"},
        {HEAD "1;4142;0&/x/", NO_ID},
        {HEAD "1;4142;0//", "the regular expression is empty"},
        {HEAD "1;4142;0/x", "a regular expression stands between two slashes"},
        {HEAD "1;4142;0/x/q", "the flags of a regular expression are"},
        {HEAD "1;4142;0/(x/", "missing closing parenthesis"},
        {HEAD "1;4142;6::0/x/", NO_ID},
        {HEAD "0;fuzzy_img#af2ad01ed42993c7#0", "it looks for similar pictures (fuzzy_img)"},
    };
    check_lines("x.ldb", lines, KJ_COUNT(lines));
}

static void test_byte_compares(void **state)
{
    (void)state;
#define BYTES(text) HEAD "0&1;7778797a;" text
    static const struct line lines[] = {
        {BYTES("0(>>9#de10#=123456789)"), ""},
        {BYTES("0(<<7#ib1#=0x41)"), ""},
        {BYTES("0(>>5#il2#>-5,<022)"), ""},
        {BYTES("0(>>4#hx4#=1)"), "the options are h, d, a, i, l, b and e"},
        {BYTES("(>>#h4#= 18)::i"), ""},
        {BYTES("0(>> 0x4#hbe0x4#<99999999999999999999)"), ""},
        {BYTES("0(>>4#4#=0x12)"), ""},
        {BYTES("0(>>4#ib3#=1)"), "so many bytes are no number"},
        {BYTES("0(>>4#hb20#=1)"), "so many bytes are no number"},
        {BYTES("0(>>4#hb0#=1)"), "so many bytes are no number"},
        {BYTES("0(>>4#hb4e#=1)"), "so many bytes are no number"},
        {BYTES("0(>>4##=1)"), "so many bytes are no number"},
        {BYTES("0(>>4#hlb4#=1)"), "the first digit or byte is either the highest or the lowest"},
        {BYTES("0(>>4#dl4#=1)"), "the first digit or byte is either the highest or the lowest"},
        {BYTES("0(>>4#dh4#=1)"), "only one of h, d, a and i can be said"},
        {BYTES("0(>4#h4#=1)"), "an offset begins with >> or <<"},
        {BYTES("0(>>4x#h4#=1)"), "an offset is a number"},
        {BYTES("0(>>4#h4#!1)"), "a comparison is <, = or > and a number"},
        {BYTES("0(>>4#h4#=018)"), "a comparison is <, = or > and a number"},
        {BYTES("0(>>4#h4#=0x)"), "a comparison is <, = or > and a number"},
        {BYTES("0(>>4#h4#>1,)"), "a comparison is <, = or > and a number"},
        {BYTES("0(>>4#h4#>1,<2,=3)"), "there are two comparisons at most"},
        {BYTES("0(>>4#h4)"), "a byte compare is OFFSET#OPTIONS#COMPARISONS"},
        {BYTES("0(>>4#h4#=1"), "a byte compare stands in parentheses"},
        {BYTES("1(>>4#h4#=1)"), "there is no such subsignature"},
        {BYTES("2(>>4#h4#=1)"), "there is no such subsignature"},
        {BYTES("0=1(>>4#h4#=1)"), "a byte compare begins with the number of a subsignature"},
    };
    check_lines("x.ldb", lines, KJ_COUNT(lines));
}

static void test_members(void **state)
{
    (void)state;
    static const struct line lines[] = {
        {"A:CL_TYPE_ZIP:*:.*\\.exe$:*:*:*:*:*:*", ""},
        {"A:*:1-9:*:5:6-7:0:2:deadbeef:x", ""},
        {"A:*:*:.*:*::1:*:*:*:1:255", ""},
        {"A:*:*:.*:*:*:*:*:*:*:", ""},
        {"A:*:*:.*:*:*:*:*:*:*:1:25", "written for other versions of ClamAV"},
        {"A:*:*:.*:*:*:*:*:*", "a signature for containers has 10 to 12 fields"},
        {"A:*:*:.*:*:*:*:*:*:*:1:2:3", "a signature for containers has 10 to 12 fields"},
        {":*:*:.*:*:*:*:*:*:*", "a signature without a name"},
        {"A:CL_TYPE_NOPE:*:.*:*:*:*:*:*:*", "this is no type of ClamAV's"},
        {"A::*:.*:*:*:*:*:*:*", "this is no type of ClamAV's"},
        {"A:*:*::*:*:*:*:*:*", "a member's name is a regular expression or *"},
        {"A:*:*:(a:*:*:*:*:*:*", "missing closing parenthesis"},
        {"A:*:*:.*:0x64:*:*:*:*:*", "this is a number, MIN-MAX or *"},
        {"A:*:*:.*:*:*:*:-1:*:*", "this is a number, MIN-MAX or *"},
        {"A:*:*:.*:*:*:2:*:*:*", "whether it is encrypted is 0, 1 or *"},
        {"A:*:*:.*:*:*:*:*:*:*:x", "functionality levels are numbers"},
    };
    check_lines("x.cdb", lines, KJ_COUNT(lines));
}

/* ---- conditions ---------------------------------------------------------------------------- */

/* Loads texts one after the other and compares the conditions of the rules. */
static void check_conditions(const struct line *files, size_t count, const char *expected)
{
    clamav_load l;
    kj_buf out;
    kj_buf_init(&out, 1 << 20);
    assert_true(clamav_load_init(&l, BUDGET));
    for (size_t i = 0; i < count; i++)
        assert_int_equal(clamav_load_text(&l, files[i].line, kj_span_str(files[i].expected)),
                         KJ_OK);
    assert_int_equal(clamav_load_finish(&l), KJ_OK);
    for (size_t i = 0; i < l.ir.rules.count; i++) {
        kj_buf_put_text(&out, i ? "\n" : "");
        yara_dump_expr(&l.ir, l.ir.rules.items[i].condition, &out);
    }
    if (strcmp(kj_buf_text(&out), expected) != 0)
        print_message("%s\n", files[count - 1].expected);
    assert_string_equal(kj_buf_text(&out), expected);
    kj_buf_done(&out);
    clamav_load_done(&l);
}

static void check_condition(const char *name, const char *line, const char *expected)
{
    const struct line file = {name, line};
    check_conditions(&file, 1, expected);
}

static void test_conditions(void **state)
{
    (void)state;
    static const struct line cases[] = {
        {"0;4142", "$s0"},
        {"0&1|2;4142;4344;4546", "(and $s0 (or $s1 $s2))"},
        {"0|1&2;4142;4344;4546", "(or $s0 (and $s1 $s2))"},
        {"(0&1)|2;4142;4344;4546", "(or (and $s0 $s1) $s2)"},
        {"0>0;4142", "$s0"},
        {"0=0&1;4142;4344", "(and (not $s0) $s1)"},
        {"0<1&1;4142;4344", "(and (not $s0) $s1)"},
        {"0=3;4142", "(and $s0 (== #s0 3))"},
        {"0<3&1;4142;4344", "(and (< #s0 3) $s1)"},
        {"(0|1)>2;4142;4344", "(and (or $s0 $s1) (> (+ #s0 #s1) 2))"},
        {"(0|1)=0&2;4142;4344;4546", "(and (not (or $s0 $s1)) $s2)"},
        {"(0&1)=0&2;4142;4344;4546", "(and (not (and $s0 $s1)) $s2)"},
        {"(0&1)<3;4142;4344", "(or (not (and $s0 $s1)) (< (+ #s0 #s1) 3))"},
        {"(0|1|2)>1,2;4142;4344;4546",
         "(and (of count 2 $s0 $s1 $s2) (or $s0 $s1 $s2) (> (+ #s0 #s1 #s2) 1))"},
        {"(0&(1|2)>1)>3,2;4142;4344;4546",
         "(and (of count 2 (and $s0 (and (or $s1 $s2) (> (+ #s1 #s2) 1)) $s0) (and $s0 (and (or "
         "$s1 $s2) (> (+ #s1 #s2) 1)) (or $s1 $s2) (> (+ #s1 #s2) 1) $s1) (and $s0 (and (or $s1 "
         "$s2) (> (+ #s1 #s2) 1)) (or $s1 $s2) (> (+ #s1 #s2) 1) $s2)) $s0 (and (or $s1 $s2) (> (+ "
         "#s1 #s2) 1)) (> (+ #s0 (* (to-int (and (or $s1 $s2) (> (+ #s1 #s2) 1))) (+ #s1 #s2))) "
         "3))"},
        {"(0=2|1)=3;4142;4344", "(and (or (and $s0 (== #s0 2)) $s1) (== (+ (* (to-int (and $s0 (== "
                                "#s0 2))) #s0) #s1) 3))"},
        {"0>1;6:4142", "(and (at $s0 6) (> (to-int (at $s0 6)) 1))"},
        {"(0|1)>1;6,9:4142;EOF-9:4344",
         "(and (or (in $s0 6 (+ 6 9)) (at $s1 (+ filesize -9))) (> (+ (to-int (count #s0 6 (+ 6 "
         "9))) (to-int (at $s1 (+ filesize -9)))) 1))"},
        {"1;4142;0/ab+/i", "(and $s0 (> (field:9.21i \"ab+\" 1 0 -1) 0))"},
        {"1>2;4142;10,5:0/ab+/ge", "(and $s0 (> (field:9.21i \"ab+\" 384 10 (+ 10 5)) 2))"},
        {"1;4142;10:0/ab+/", "(and $s0 (> (field:9.21i \"ab+\" 16 10 -1) 0))"},
        {"1;4142;10:0/ab+/r", "(and $s0 (> (field:9.21i \"ab+\" 0 10 -1) 0))"},
        {"(0|1)>3;4142;0/ab+/g",
         "(and (or $s0 (and $s0 (> (field:9.21i \"ab+\" 128 0 -1) 0))) (> (+ #s0 (* (to-int $s0) "
         "(to-int (field:9.21i \"ab+\" 128 0 -1)))) 3))"},
        {"0&1;4142;0(>>4#hl2#>5,<9)", "(and $s0 (and $s0 (> (field:9.20i (+ (offset @s0 #s0) 4) 5 "
                                      "2) 5) (< (field:9.20i (+ (offset @s0 #s0) 4) 5 2) 9)))"},
        {"0&1;4142*4344;0(<<4#de2#=5)",
         "(and $s0 (and $s0 (== (field:9.20i (+ (offset @s0 1) -4) 10 "
         "2) 5)))"},
        {"0&1;8,1:4142{2-}4344;0(>>2#ib1#=5)",
         "(and (in $s0 8 (+ 8 1)) (and (in $s0 8 (+ 8 1)) (== (field:9.20i (+ (offset @s0 (+ "
         "(count #s0 0 (+ 8 -1)) 1)) 2) 0 1) 5)))"},
        {"0&1;7,9:4142;0(>>0#ib4#=5)", "(and (in $s0 7 (+ 7 9)) (and (in $s0 7 (+ 7 9)) (== "
                                       "(field:9.20i (offset @s0 (count #s0 0 (+ 7 9))) 0 4) 5)))"},
        {"0&1;4142;0(>>4#h2#>5)", "(and $s0 false)"},
    };
    for (size_t i = 0; i < KJ_COUNT(cases); i++) {
        char line[256];
        (void)snprintf(line, sizeof line, HEAD "%s", cases[i].line);
        check_condition("x.ldb", line, cases[i].expected);
    }
}

static void test_facts(void **state)
{
    (void)state;
    check_condition("x.ldb",
                    "A;Engine:51-255,Target:1,FileSize:1-9,EntryPoint:2-3,NumberOfSections:4-5,"
                    "Container:CL_TYPE_ZIP,Intermediates:CL_TYPE_RAR>CL_TYPE_ZIP;0;EP+3:4142",
                    "(and (field:9.1b 1) (and (at $s0 (+ (field:9.10i) 3)) (>= (field:9.6i) 1) (<= "
                    "(field:9.6i) 9) (>= (field:9.10i) 2) (<= (field:9.10i) 3) (>= (field:9.11i) "
                    "4) (<= (field:9.11i) 5) "
                    "(field:9.2b \"CL_TYPE_ZIP\") (field:9.3b \"CL_TYPE_RAR>CL_TYPE_ZIP\")))");
    check_condition("x.ldb", "A;Target:6;0&1;EOF-3:4142;SE1:4344",
                    "(and (field:9.1b 6) (and (and (at $s0 (+ filesize -3)) (field:9.14b)) (in $s1 "
                    "(field:9.12i 1) (+ (field:9.12i 1) (field:9.13i 1)))))");
    check_condition("x.cdb", "A:CL_TYPE_ZIP:1-9:.exe$:5:6-7:0:2:deadbeef:*",
                    "(and (>= filesize 1) (<= filesize 9) (field:9.4b) (field:9.5b \".exe$\" "
                    "\"CL_TYPE_ZIP\" 5 5 6 7 0 2 2 3735928559))");
    check_condition("x.cdb", "A:*:*:*:*:*:1:*:*:*",
                    "(and (field:9.4b) (field:9.5b \"\" \"\" 0 9223372036854775807 0 "
                    "9223372036854775807 1 0 9223372036854775807 -1))");
}

static void test_macros(void **state)
{
    (void)state;
    /* Members may come in later files. */
    static const struct line files[] = {
        {"x.ldb", HEAD "0&1;4142;${4-6}12$"},
        {"x.ndb", "M:0:$12$:4344\nN:0:$12$:4546\nO:0:$13$:4748\nP:1:$12$:4950"},
    };
    check_conditions(
        files, 2,
        "(and $s0 (and $s0 (for-range any 0 1 #s0 (or (in $m (+ (offset @s0 var0i) 4) (+ (offset "
        "@s0 var0i) 6)) (in $m (+ (offset @s0 var0i) 4) (+ (offset @s0 var0i) 6))))))");
    check_condition("x.ldb", HEAD "0&1;4142;${4-6}12$",
                    "(and $s0 (and $s0 (for-range any 0 1 #s0 false)))");
    static const struct line at[] = {
        {"x.ndb", "M:0:$31$:4344"},
        {"x.ldb", HEAD "0&1;7:4142;${0-0}31$"},
    };
    check_conditions(at, 2, "(and (at $s0 7) (and (at $s0 7) (or (in $m 7 7))))");
    static const struct line in[] = {
        {"x.ndb", "M:0:$0$:4344"},
        {"x.ldb", HEAD "0&1;7,2:4142;${1-2}0$"},
    };
    check_conditions(in, 2,
                     "(and (in $s0 7 (+ 7 2)) (and (in $s0 7 (+ 7 2)) (for-range any 0 1 #s0 (and "
                     "(>= (offset @s0 var0i) 7) (<= (offset @s0 var0i) (+ 7 2)) (or (in $m (+ "
                     "(offset @s0 var0i) 1) (+ (offset @s0 var0i) 2)))))))");
    static const struct line lines[] = {
        {HEAD "0;${4-6}12$", "a macro follows another subsignature"},
        {HEAD "0&1;4142;${4-6}32$", "a macro is ${MIN-MAX}GROUP$"},
        {HEAD "0&1;4142;${4}12$", "a macro is ${MIN-MAX}GROUP$"},
        {HEAD "0&1;4142;${4-6}12", "a macro is ${MIN-MAX}GROUP$"},
        {HEAD "0&1;4142;${-6}12$", "a macro is ${MIN-MAX}GROUP$"},
    };
    check_lines("x.ldb", lines, KJ_COUNT(lines));
}

/* ---- hostile lines ------------------------------------------------------------------------- */

static void put_times(kj_buf *out, const char *text, size_t count)
{
    for (size_t i = 0; i < count; i++)
        kj_buf_put_text(out, text);
}

static void check_repeated(const char *before, const char *repeated, size_t count,
                           const char *behind, const char *expected)
{
    kj_buf line;
    kj_buf_init(&line, 1 << 20);
    kj_buf_put_text(&line, HEAD);
    put_times(&line, before, 1);
    put_times(&line, repeated, count);
    put_times(&line, behind, 1);
    check_line("x.ldb", kj_buf_text(&line), expected);
    kj_buf_done(&line);
}

static void test_large_expressions(void **state)
{
    (void)state;
    check_repeated("0", "&0", 1000, ";4142", "");
    check_repeated("0", "&0", 20000, ";4142", "the expression has too many parts");
    check_repeated("", "(", 20, "0))))))))))))))))))));4142", "");
    check_repeated("", "(", 20000, "0;4142", "the expression is nested too deeply");
    check_repeated("", "0&0|", 11, "0;4142", "");
    check_repeated("", "0&0|", 2000, "0;4142", "the expression is nested too deeply");
    check_repeated("0", ";4142", 65, "", "there are 64 subsignatures at most");
    check_repeated("0;4142;0", "/", 20001, "", "the expression has 1 ids");
    check_repeated("0;0(", "#", 20000, ")", "a byte compare is OFFSET#OPTIONS#COMPARISONS");
    check_repeated("0&1;4142;0(>>1#h4#", ",", 20000, ")", "there are two comparisons at most");
}

/* Each level asks for the one below several times: what is written would be endless. */
static void test_growing_expressions(void **state)
{
    (void)state;
    kj_buf line;
    kj_buf_init(&line, 1 << 20);
    kj_buf_put_text(&line, HEAD);
    put_times(&line, "(", 12);
    kj_buf_put_text(&line, "0");
    put_times(&line, "&1=1)<2,1", 12);
    kj_buf_put_text(&line, ";4142;4344");
    check_line("x.ldb", kj_buf_text(&line), "its expression is too large");
    kj_buf_clear(&line);
    kj_buf_put_text(&line, HEAD "40;4142");
    for (unsigned i = 0; i < 40; i++)
        kj_buf_printf(&line, ";%u&%u/x/", i, i);
    check_line("x.ldb", kj_buf_text(&line), "its expression is too large");
    kj_buf_done(&line);
}

/* Wherever memory runs out, the load says so. */
static void test_little_memory(void **state)
{
    (void)state;
    static const char ndb[] = "M:0:$1$:4344\n";
    static const char ldb[] =
        HEAD "(0|(1&2)>1)>2,2;4142*43;0/ab/g;0(>>4#hb4#>1,<4)\n" HEAD "0&1;4142;${1-2}1$\n"
             "B;Engine:51-255,Target:1,FileSize:1-9,Container:CL_TYPE_ZIP;0&1=0;EP+1,2:41(42|43)44;"
             "SE1:4142::wai\n";
    static const char cdb[] = "C:CL_TYPE_ZIP:1-9:a.exe:*:*:*:*:*:*\n";
    bool done = false;
    unsigned failures = 0;
    for (size_t budget = 16 << 10; !done; budget += 96) {
        clamav_load l;
        if (clamav_load_init(&l, budget)) {
            done = clamav_load_text(&l, "x.ndb", kj_span_str(ndb)) == KJ_OK &&
                   clamav_load_text(&l, "x.ldb", kj_span_str(ldb)) == KJ_OK &&
                   clamav_load_text(&l, "x.cdb", kj_span_str(cdb)) == KJ_OK &&
                   clamav_load_finish(&l) == KJ_OK;
            failures += !done;
        }
        clamav_load_done(&l);
    }
    assert_true(failures > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_expressions),
        cmocka_unit_test(test_descriptions),
        cmocka_unit_test(test_subsignatures),
        cmocka_unit_test(test_byte_compares),
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_conditions),
        cmocka_unit_test(test_facts),
        cmocka_unit_test(test_macros),
        cmocka_unit_test(test_large_expressions),
        cmocka_unit_test(test_growing_expressions),
        cmocka_unit_test(test_little_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
