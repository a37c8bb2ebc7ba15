/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/views.h"

#include "base/arith.h"
#include "formats/rows.h"
#include "tests/test.h"

#include <stdlib.h>

typedef struct golden {
    const char *bytes;
    const char *view;
} golden;

static void expect(kj_view view, kj_span bytes, kj_span wanted)
{
    kj_error err = {0};
    kj_buf out;
    kj_buf_init(&out, kj_view_bound(view, bytes.len));
    assert_int_equal(kj_view_make(view, bytes, &out, &err), KJ_OK);
    if (!kj_span_equal(kj_buf_span(&out), wanted))
        print_message("%.*s\n  -> %.*s\n  != %.*s\n", (int)bytes.len, (const char *)bytes.data,
                      (int)out.len, (const char *)out.data, (int)wanted.len,
                      (const char *)wanted.data);
    assert_int_equal(out.len, wanted.len);
    assert_memory_equal(out.data, wanted.data, wanted.len);
    kj_buf_done(&out);
}

static void expect_all(kj_view view, const golden *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        expect(view, kj_span_str(rows[i].bytes), kj_span_str(rows[i].view));
}

/* ---- text ------------------------------------------------------------------------------------ */

static void text_is_ascii_in_lower_case_with_single_spaces(void **state)
{
    (void)state;
    static const golden rows[] = {
        {"Hello   World\tFOO\r\nbar", "hello world foo bar"},
        {" \n  lead and trail \n\n", " lead and trail "},
        {"a \x01\xE9 \x0E b", "a b"},
        {"W\xC3\x96rld\x7F[\\]^_`{|}~@", "wrld\x7F[\\]^_`{|}~@"},
        {"no line end", "no line end"},
        {"", ""},
    };
    expect_all(KJ_VIEW_TEXT, rows, KJ_COUNT(rows));
    expect(KJ_VIEW_TEXT, kj_span_of("\xFF\xFEH\0i\0 \0 \0Y\0", 12), kj_span_str("hi y"));
    expect(KJ_VIEW_TEXT, kj_span_of("\xFE\xFF\0H\0i\0\n\0Y", 10), kj_span_str("hi y"));
}

static void each_byte_of_text_is_kept_or_dropped(void **state)
{
    (void)state;
    for (unsigned byte = 0; byte < 256; byte++) {
        const uint8_t bytes[] = {'q', (uint8_t)byte, 'z'};
        bool space = byte == ' ' || (byte >= '\t' && byte <= '\r');
        bool upper = byte >= 'A' && byte <= 'Z';
        uint8_t kept = (uint8_t)(space ? ' ' : upper ? byte + 32 : byte);
        const uint8_t with[] = {'q', kept, 'z'};
        bool gone = byte >= 0x80 || (byte < ' ' && !space);
        expect(KJ_VIEW_TEXT, kj_span_of(bytes, 3), gone ? kj_span_str("qz") : kj_span_of(with, 3));
    }
}

/* Views are made in steps of 64 KiB; nothing shows where they end. */
static void steps_do_not_show(void **state)
{
    (void)state;
    enum { LEN = 200000 };
    char *bytes = malloc(LEN);
    char *wanted = malloc(LEN);
    assert_non_null(bytes);
    assert_non_null(wanted);
    size_t count = 0;
    for (size_t i = 0; i < LEN; i++) {
        bytes[i] = i % 5 < 3 ? ' ' : 'X';
        if (i % 5 == 0 || i % 5 >= 3)
            wanted[count++] = i % 5 ? 'x' : ' ';
    }
    expect(KJ_VIEW_TEXT, kj_span_of(bytes, LEN), kj_span_of(wanted, count));
    expect(KJ_VIEW_HTML_TEXT, kj_span_of(bytes, LEN), kj_span_of(wanted, count));
    expect(KJ_VIEW_HTML_PLAIN, kj_span_of(bytes, LEN), kj_span_of(wanted + 1, count - 1));
    free(bytes);
    free(wanted);
}

/* ---- HTML ------------------------------------------------------------------------------------ */

static void plain_html_is_one_spelling_of_the_page(void **state)
{
    (void)state;
    static const golden rows[] = {
        /* white space */
        {"\n\n <HTML>\n x", "<html>x"},
        {"x <b>Bold  Text</b>  after <i> it </i>", "x <b>bold text</b>after <i>it </i>"},
        {"a\n\n\n</p>b\rc", "a </p>bc"},
        {"a < b > c <1> d <> e </> f", "a <b>c <1>d <>e </>f"},
        /* comments and the like end at the first '>' */
        {"x<!-- a > b --> c <b>d", "xb --> c <b>d"},
        {"a<!doctype html> b<!-- c --> d<! e", "ab"
                                               "d"},
        {"<?php  echo  1 ?> t", "<?php echo 1 ?>t"},
        /* attributes */
        {"<P   ALIGN = \"Left\"  class=Foo  id='Bar'   NOWRAP >T",
         "<p align=\"left\" class=foo id=\"bar\" nowrap>t"},
        {"<p\n\tx\r\n=\r\n\"a\"\r\n>t", "<p x=\"a\">t"},
        {"<p x=\"a\"b='c'/>", "<p x=\"a\" b=\"c\" />"},
        {"<p x=\"a  b\"c/>", "<p x=\"a b\"c/>"},
        {"<a href=\"javascript:Foo( 'X' )\">", "<a href=\"javascript:foo( \"x\" )\">"},
        {"<p x=q'z =y k= v>", "<p x=q\"z=y k=v>"},
        {"<img src='data:image/png;base64,QUJD' x=\"mydata:,D\">",
         "<img src=\"data\" x=\"mydata:,d\">"},
        {"<p a=\"1>2\">x", "<p a=\"1>2\">x"},
        {"<p a='1>2>3'>x", "<p a=\"1>2>3'>x"},
        {"<a href='x\"y'>", "<a href=\"x\"y\">"},
        /* what is cut short */
        {"<p>unterminated <b", "<p>unterminated <b"},
        {"<p x=\"a", "<p x=\"a"},
        {"<p x=", "<p x="},
        {"a<", "a<"},
        /* scripts and style sheets */
        {"<SCRIPT>Var  x = 'Y z' // C\n</SCRIPT > t", "<script>varx=\"yz\"//c</script>t"},
        {"<script>if (a</b/.c) \"</scr\"+\"ipt>\" </script>x",
         "<script>if(a</b/.c)\"</scr\"+\"ipt>\"</script>x"},
        {"<style> .A { color : Red } </style> t", "<style>.a{color:red}</style>t"},
        {"<script>a &lt; b", "<script>a<b"},
        {"<script/>a b</script>", "<script/>a b</script>"},
    };
    expect_all(KJ_VIEW_HTML_PLAIN, rows, KJ_COUNT(rows));
}

static void references_are_decoded(void **state)
{
    (void)state;
    static const golden rows[] = {
        {"A&amp;B&lt;C&gt;D&quot;E&nbsp;F&copy;G", "a&b<c>d\"e\xA0"
                                                   "f\xA9g"},
        {"&#65;&#x42;&#X43;&#0067;", "abcc"},
        {"&#65 b&#66c", "a bbc"},
        {"&#8217;&euro;&#255;&#256;&#65536;!", "&#x2019;&#x20ac;&#x00ff;&#x0100;!"},
        {"&#99999999999;", "&#xe7ff;"},
        {"&unknown;&AMP;&amp &;& &a_b;", "&unknown;&amp;&amp &;& &a_b;"},
        {"<p x=\"&lt;&#65;&euro;&am\" y=&gt;>", "<p x=\"<a&#x20ac;&am\" y=>>"},
        {"a&#32;&#10;b", "a \nb"},
        {"<p x=\"a\tb&gt;\tc&gt; d\">", "<p x=\"a\tb> c&gt; d\">"},
    };
    expect_all(KJ_VIEW_HTML_PLAIN, rows, KJ_COUNT(rows));
    expect(KJ_VIEW_HTML_PLAIN, kj_span_str("a&#0;b"), kj_span_of("a\0b", 3));
}

static void text_of_html_is_what_one_reads(void **state)
{
    (void)state;
    static const golden rows[] = {
        {"<html>x <b>Bold  Text</b>  after", " x bold text after"},
        {"A&amp;B&unknown;C&amp D&#65;E&quot;;F", "a b c d e ;f"},
        {"<br>a<br />b<!-- c -->d", " a b d"},
        {"a<a href=\"HTTP://Foo/Bar Baz?a&amp;b\">X</a>y", "a HTTP://Foo/Bar Baz?a&b x y"},
        {"<A HREF=Foo><IMG SRC='Bar'><img alt=z><link href=q><a name=n>", " Foo Bar "},
        {"<script>a b</script>c<style>d</style>e", " c e"},
        {"q\x01z\xC3\xA9\x7F", "q z\x7F"},
        {"<p a='1>2>3'>x", " 3'>x"},
    };
    expect_all(KJ_VIEW_HTML_TEXT, rows, KJ_COUNT(rows));
}

static void html_in_utf16_reads_as_html(void **state)
{
    (void)state;
    static const char page[] = "<b>A  B</b><script>var Q = 'c'</script>";
    uint8_t wide[2 * sizeof page] = {0};
    for (size_t i = 0; i + 1 < sizeof page; i++)
        wide[2 * i] = (uint8_t)page[i];
    kj_span bytes = kj_span_of(wide, 2 * sizeof page - 2);
    expect(KJ_VIEW_HTML_PLAIN, bytes, kj_span_str("<b>a b</b><script>varq=\"c\"</script>"));
    expect(KJ_VIEW_HTML_TEXT, bytes, kj_span_str(" a b "));
    expect(KJ_VIEW_HTML_SCRIPTS, bytes, kj_span_str("<script>var n000=\"c\"</script>"));
}

/* ---- scripts --------------------------------------------------------------------------------- */

static void scripts_are_one_spelling_of_each(void **state)
{
    (void)state;
    static const golden rows[] = {
        {"<p>no script</p>", ""},
        {"<script></script>", "<script></script>"},
        {"a<script> A ( 1 ) ; </script>b<SCRIPT src=x>\nc\n</SCRIPT>",
         "<script>a(1);</script>\n<script>c</script>"},
        {"<script>cut short", "<script>cut short</script>"},
        {"<script>typeof  a ; new Foo ( ) ; a in b ; x >>> 2</script>",
         "<script>typeof a;new foo();a in b;x>>>2</script>"},
        {"<script>a/*x y*/b /**/+c // one two\nd//e\nf /* open</script>",
         "<script>a b+c one two d f</script>"},
        {"<script>x=0x1F+010+1.50;\xC3\xA9y#z</script>", "<script>x=0 x1f+10+1.50;y z</script>"},
    };
    expect_all(KJ_VIEW_HTML_SCRIPTS, rows, KJ_COUNT(rows));
}

static void strings_of_scripts_are_joined_and_decoded(void **state)
{
    (void)state;
    static const golden rows[] = {
        {"<script>x='q'+\"r\" +\n's'</script>", "<script>x=\"qrs\"</script>"},
        {"<script>\"A\"+b+\"c\"+\"d\";\"x\"++\"y\"+z</script>",
         "<script>\"a\"+b+\"cd\";\"x\"++\"y\"+z</script>"},
        {"<script>\"\\x41\\u0042\\u20ac\\103\\n\\t\\\\\\\"\\q\\0\"</script>",
         "<script>\"ab\xE2\x82\xAC"
         "103  \\\"q\x01\"</script>"},
        {"<script>\"A  b\n\tc\";'it\\'s'</script>", "<script>\"a  b  c\";\"it's\"</script>"},
        {"<script>f(unescape( '%41' + \"%u0042%zz%4\" ))</script>",
         "<script>f(\"ab%zz%4\")</script>"},
        {"<script>'a'+unescape('%42')+'c';unescape(x);o.unescape('%41')</script>",
         "<script>\"abc\";unescape(x);o.unescape(\"%41\")</script>"},
        {"<script>unescape('%41',1);unescape(</script>",
         "<script>unescape(\"%41\",1);unescape(</script>"},
        {"<script>eval('A  b;')</script>", "<script>eval(\"a  b;\")</script>"},
        {"<script>'open ; a</script>", "<script>\"open ; a\"</script>"},
        {"<script>'x\\</script>", "<script>\"x\\\"</script>"},
    };
    expect_all(KJ_VIEW_HTML_SCRIPTS, rows, KJ_COUNT(rows));
}

static void names_that_scripts_declare_are_numbered(void **state)
{
    (void)state;
    static const golden rows[] = {
        {"<script>var Foo=1,bar=Foo;foo.Foo=Foo+o.bar;function Q(p){var "
         "r=p+bar;Q()}Q(p,r)</script>",
         "<script>var n000=1,n001=n000;foo.foo=n000+o.bar;"
         "function n002(n003){var n004=n003+n001;n002()}q(p,r)</script>"},
        {"<script>x=1;var x;x;var x;X</script>",
         "<script>n001=1;var n001;n001;var n001;x</script>"},
        {"<script>var d=[e,f],g={h:i,j:k},l;m,n;for(var k in o)k</script>",
         "<script>var n000=[e,f],n001={h:i,j:n003},n002;m,n;for(var n003 in o)n003</script>"},
        {"<script>(function(c){c(d)})(c);var f=function(x){x},g;x,g</script>",
         "<script>(function(n000){n000(d)})(c);var n001=function(n002){n002},n003;x,n003</script>"},
        {"<script>var a</script><script>a;var b</script>",
         "<script>var n000</script>\n<script>a;var n000</script>"},
        {"<script>function;function f;a}}}{(</script>",
         "<script>function;function n000;a}}}{(</script>"},
    };
    expect_all(KJ_VIEW_HTML_SCRIPTS, rows, KJ_COUNT(rows));
}

/* ---- which ----------------------------------------------------------------------------------- */

static unsigned views_of(kj_span bytes)
{
    kj_object object = {.bytes = bytes};
    kj_identify(bytes, &object.claims);
    return kj_views_of(&object);
}

static void pages_are_known_by_a_tag(void **state)
{
    (void)state;
    enum {
        TEXT = 1u << KJ_VIEW_TEXT,
        HTML = 1u << KJ_VIEW_HTML_PLAIN | 1u << KJ_VIEW_HTML_TEXT | 1u << KJ_VIEW_HTML_SCRIPTS,
    };
    static const struct {
        const char *bytes;
        unsigned views;
    } rows[] = {
        {"some text", TEXT},
        {"some text, then <HTML>", HTML},
        {"#!/bin/sh\necho '<Script'", HTML},
        {"<?xml version=\"1.0\"?><a/>", TEXT},
        {"<?php echo '<img src=x>';", HTML},
        {"<svg xmlns=\"x\"><a/></svg>", TEXT},
        {"<!doctype html><p>x", TEXT | HTML},
        {"x <html lang=en> <header> <a\nhref> <a b>c href < html> </html>", TEXT},
        {"x <a class=b HREF=c>", HTML},
        {"x <a b", TEXT},
        {"x <", TEXT},
        {"BEGIN:VCARD\r\nVERSION:3.0\r\nEND:VCARD\r\n", TEXT},
        {"%PDF-1.4 <html>", 0},
        {"eval(\x01\x02\xFF\xFE\x03)", TEXT},
        {"\x01\x02\xFF\xFE\x03<script>", HTML},
        {"", 0},
    };
    for (size_t i = 0; i < KJ_COUNT(rows); i++) {
        unsigned views = views_of(kj_span_str(rows[i].bytes));
        if (views != rows[i].views)
            print_message("%s\n", rows[i].bytes);
        assert_int_equal(views, rows[i].views);
    }
    assert_int_equal(views_of(kj_span_of("eval(\x01\0)", 8)), 0);
    assert_int_equal(views_of(kj_span_of("e\0v\0a\0l\0<\0i\0m\0g\0", 16)), HTML);
    assert_int_equal(views_of(kj_span_of("\0e\0v\0a\0l", 8)), TEXT);
    assert_int_equal(views_of(kj_span_of("\xFF\xFEx\0<\0b\0o\0d\0y\0>\0", 16)), TEXT);
    assert_int_equal(views_of(kj_span_of("\xFF\xFEx\0<\0H\0E\0A\0D\0>\0", 16)), HTML);
    assert_int_equal(views_of(kj_span_of("\xFE\xFF\0x\0<\0H\0E\0A\0D\0>", 16)), HTML);
}

/* ---- limits ---------------------------------------------------------------------------------- */

static void a_view_that_is_too_large_is_cut(void **state)
{
    (void)state;
    static const char page[] = "<html>Some Text</html>";
    kj_error err;
    kj_buf out;
    kj_buf_init(&out, 9);
    assert_int_equal(kj_view_make(KJ_VIEW_HTML_PLAIN, kj_span_str(page), &out, &err), KJ_LIMIT);
    assert_span(kj_buf_span(&out), "<html>som");
    kj_buf_clear(&out);
    assert_int_equal(kj_view_make(KJ_VIEW_TEXT, kj_span_str("A  long one"), &out, &err), KJ_LIMIT);
    assert_span(kj_buf_span(&out), "a long on");
    kj_buf_done(&out);
}

static void names_are_stable(void **state)
{
    (void)state;
    static const char *const names[KJ_VIEW_COUNT] = {"", "text", "html", "html-text", "scripts"};
    for (kj_view view = 0; view < KJ_VIEW_COUNT; view++) {
        assert_string_equal(kj_view_name(view), names[view]);
        assert_int_equal(*kj_view_title(view) != '\0', view != KJ_VIEW_NONE);
    }
    assert_string_equal(kj_view_name(KJ_VIEW_COUNT), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_ascii_in_lower_case_with_single_spaces),
        cmocka_unit_test(each_byte_of_text_is_kept_or_dropped),
        cmocka_unit_test(steps_do_not_show),
        cmocka_unit_test(plain_html_is_one_spelling_of_the_page),
        cmocka_unit_test(references_are_decoded),
        cmocka_unit_test(text_of_html_is_what_one_reads),
        cmocka_unit_test(html_in_utf16_reads_as_html),
        cmocka_unit_test(scripts_are_one_spelling_of_each),
        cmocka_unit_test(strings_of_scripts_are_joined_and_decoded),
        cmocka_unit_test(names_that_scripts_declare_are_numbered),
        cmocka_unit_test(pages_are_known_by_a_tag),
        cmocka_unit_test(a_view_that_is_too_large_is_cut),
        cmocka_unit_test(names_are_stable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
