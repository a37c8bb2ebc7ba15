/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "tests/formats/sink.h"

#define TEXT_HEAD "From: a@example.org\nSubject: x\n"

typedef struct mail_case {
    const char *title;
    const char *message;
    const char *expected;
} mail_case;

static const mail_case cases[] = {
    {"no MIME at all", TEXT_HEAD "\nhello\n", "body.txt 6 text/plain \"hello\\n\"\n"},
    {"CR LF", "From: a\r\nSubject: x\r\n\r\nhello\r\n", "body.txt 7 text/plain \"hello\\r\\n\"\n"},
    {"no body", TEXT_HEAD, "body.txt 0 text/plain \"\"\n"},
    {"HTML", TEXT_HEAD "Content-Type: TEXT/HTML; charset=utf-8\n\n<p>x",
     "body.html 4 text/html \"<p>x\"\n"},
    {"a program alone",
     TEXT_HEAD "Content-Type: application/octet-stream\n"
               "Content-Transfer-Encoding: base64\n"
               "Content-Disposition: attachment; filename=a.exe\n\nTVo=\n",
     "a.exe 2 attachment application/octet-stream \"MZ\"\n"},
    {"two parts",
     TEXT_HEAD "Content-Type: multipart/mixed; boundary=\"b b\"\n\npreamble\n--b b\n\none\n"
               "--b b\nContent-Type: image/gif; name=\"x.gif\"\nContent-Transfer-Encoding: BASE64\n"
               "\nR0lG\nODlh\n--b b--\nepilogue\n",
     "part 1 3 text/plain \"one\"\nx.gif 6 attachment image/gif \"GIF89a\"\n"},
    {"nested, inner one unclosed",
     TEXT_HEAD "Content-Type: multipart/mixed; boundary=o\n\n--o\n"
               "Content-Type: multipart/alternative; boundary=i\n\n--i\n\nplain\n--i\n"
               "Content-Type: text/html\n\n<b>\n--o\nContent-Type: text/plain\n\nlast\n--o--\n",
     "part 1.1 5 text/plain \"plain\"\npart 1.2 3 text/html \"<b>\"\n"
     "part 2 4 text/plain \"last\"\n"},
    {"one boundary begins with the other",
     TEXT_HEAD "Content-Type: multipart/mixed; boundary=ab\n\n--ab\n"
               "Content-Type: multipart/mixed; boundary=abc\n\n--abc\n\nx\n--abc--\n--ab--\n",
     "part 1.1 1 text/plain \"x\"\n"},
    {"blanks and words behind a delimiter",
     TEXT_HEAD
     "Content-Type: multipart/mixed; boundary=b\n\n--b \t\n\nx\n--b junk\n\ny\n--b--junk\n",
     "part 1 1 text/plain \"x\"\npart 2 1 text/plain \"y\"\n"},
    {"never closed", TEXT_HEAD "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n",
     "part 1 2 text/plain \"x\\n\"\n"},
    {"no delimiter", TEXT_HEAD "Content-Type: multipart/mixed; boundary=b\n\nx\n",
     "body 2 multipart/mixed \"x\\n\"\n"},
    {"no boundary", TEXT_HEAD "Content-Type: multipart/mixed\n\n--\nx\n",
     "body 5 multipart/mixed \"--\\nx\\n\"\n"},
    {"only the close delimiter", TEXT_HEAD "Content-Type: multipart/mixed; boundary=b\n\n--b--\n",
     "body 6 multipart/mixed \"--b--\\n\"\n"},
    {"empty parts", TEXT_HEAD "Content-Type: multipart/mixed; boundary=b\n\n--b\n--b\n\n--b--\n",
     "part 1 0 text/plain \"\"\npart 2 0 text/plain \"\"\n"},
    {"digest",
     TEXT_HEAD "Content-Type: multipart/digest; boundary=b\n\n--b\n\nFrom: b\nTo: c\n\nx\n--b--\n",
     "part 1 16 message/rfc822 \"From: b\\nTo: c\\n\\nx\"\n"},
    {"a message in it",
     TEXT_HEAD "Content-Type: multipart/mixed; boundary=b\n\n--b\n"
               "Content-Type: message/rfc822; name=fwd.eml\n\nFrom: b\nTo: c\n\nx\n--b--\n",
     "fwd.eml 16 attachment message/rfc822 \"From: b\\nTo: c\\n\\nx\"\n"},
    {"quoted-printable: soft breaks, blanks, upper and lower hex, escapes that are none",
     TEXT_HEAD "Content-Transfer-Encoding: quoted-printable\n\na=3Db=3db =  \nc \t\nd=zz=\n",
     "body.txt 12 text/plain \"a=b=b c\\nd=zz\"\n"},
    {"base64: junk, joined pieces, no padding",
     TEXT_HEAD "Content-Transfer-Encoding: base64\n\nYQ==\n Y!g=\n=YWI",
     "body.txt 4 text/plain \"abab\"\n"},
    {"uuencode in a text", TEXT_HEAD "\nsee below\nbegin 644 x.txt\n#0V%T\n`\nend\nbye\n",
     "body.txt 42 text/plain \"see below\\nbegin 644 x.txt\\n#0V%T\\n`\\nend\\nbye\\n\"\n"
     "x.txt 3 attachment \"Cat\"\n"},
    {"uuencode as the encoding",
     TEXT_HEAD "Content-Type: application/octet-stream; name=real.exe\n"
               "Content-Transfer-Encoding: x-uuencode\n\nbegin 644 x.txt\n#0V%T\n`\nend\n",
     "real.exe 3 attachment application/octet-stream \"Cat\"\n"},
    {"words that only look like uuencode", TEXT_HEAD "\nbegin 644 again\nwith the work\n",
     "body.txt 30 text/plain \"begin 644 again\\nwith the work\\n\"\n"},
    {"an encoding that is none", TEXT_HEAD "Content-Transfer-Encoding: rot13\n\nuryyb",
     "body.txt 5 text/plain \"uryyb\"\n"},
    {"a type that is none", TEXT_HEAD "Content-Type: text\n\nx", "body.txt 1 text/plain \"x\"\n"},
    {"attachment without a name",
     TEXT_HEAD "Content-Type: image/png\nContent-Disposition: Attachment\n\nx",
     "body 1 attachment image/png \"x\"\n"},
    {"filename before name",
     TEXT_HEAD "Content-Type: image/png; name=a.png\nContent-Disposition: inline; "
               "filename=\"b \\\"q\\\".png\"\n\nx",
     "b \"q\".png 1 attachment image/png \"x\"\n"},
    {"RFC 2231, continuations out of order",
     TEXT_HEAD "Content-Disposition: attachment; filename*1=\".e\"; filename*0*=iso-8859-1'de'"
               "%FCb%65r; filename*2*=x%65; filename=no.txt\n\nx",
     "\303\274ber.exe 1 attachment text/plain \"x\"\n"},
    {"RFC 2231, Japanese",
     TEXT_HEAD "Content-Disposition: attachment; filename*=Shift_JIS'ja'%93%FA%96%7B.txt\n\nx",
     "\346\227\245\346\234\254.txt 1 attachment text/plain \"x\"\n"},
    {"RFC 2047 in a parameter",
     TEXT_HEAD "Content-Type: image/png; name=\"=?iso-2022-jp?B?GyRCRnxLXBsoQg==?= =?us-ascii?Q?"
               "=2Epng?=\"\n\nx",
     "\346\227\245\346\234\254.png 1 attachment image/png \"x\"\n"},
    {"an unquoted name with blanks, a comment behind",
     TEXT_HEAD "Content-Type: (hi) image/png (there); name=my picture.png (really)\n\nx",
     "my picture.png 1 attachment image/png \"x\"\n"},
    {"the first of two fields counts",
     TEXT_HEAD "Content-Type: image/png\nContent-Type: text/html\n\nx", "body 1 image/png \"x\"\n"},
    {"folded parameters", TEXT_HEAD "Content-Type: image/png;\n\tname=\"a\n b.png\";\r\n x=y\n\nx",
     "a b.png 1 attachment image/png \"x\"\n"},
};

static void walks_messages(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        test_sink sink;
        test_sink_init(&sink);
        kj_object object = {.bytes = kj_span_str(cases[i].message)};
        assert_int_equal(test_walk(&sink, "mail", &object), KJ_OK);
        if (strcmp(kj_buf_text(&sink.log), cases[i].expected) != 0)
            print_error("# case: %s\n", cases[i].title);
        assert_string_equal(kj_buf_text(&sink.log), cases[i].expected);
        assert_non_null(object.mail);
        test_sink_done(&sink);
    }
}

static void reads_headers(void **state)
{
    (void)state;
    test_sink sink;
    test_sink_init(&sink);
    kj_object object = {.bytes =
                            kj_span_str("Received: by a\n\tfor b\nsubject: =?utf-8?B?5pel?=\n "
                                        "=?utf-8?B?5pys?= and\n =?ISO-8859-1*en?q?caf=E9_?=!\n"
                                        "From : \"A\" <a@example.org>\nTo: caf\xE9\nDate: today\n"
                                        "Message-Id: <1@x>\nSubject: second\n\nbody")};
    assert_int_equal(test_walk(&sink, "mail", &object), KJ_OK);
    const kj_mail *mail = object.mail;
    assert_int_equal(mail->header_count, 7);
    assert_span(mail->headers[0].name, "Received");
    assert_span(mail->headers[0].value, "by a\tfor b");
    assert_span(mail->subject, "\346\227\245\346\234\254 and caf\303\251 !");
    assert_span(mail->from, "\"A\" <a@example.org>");
    assert_span(mail->to, "caf\303\251");
    assert_span(mail->date, "today");
    assert_span(mail->message_id, "<1@x>");
    test_sink_done(&sink);
}

static void encoded_words(void **state)
{
    (void)state;
    static const struct {
        const char *raw;
        const char *expected;
    } words[] = {
        {"=?utf-8?q?a?= =?utf-8?q?b?=", "ab"},
        {"=?utf-8?q?a?= b =?utf-8?q?c?=", "a b c"},
        {"=?utf-8?B?5g==?= =?utf-8?B?l6U=?=", "\346\227\245"}, /* split inside a character */
        {"=?koi8-r?B?8PLJ18XU?=", "\320\237\320\240\320\270\320\262\320\265\321\202"},
        {"=?euc-jp?B?xvzL3A==?=", "\346\227\245\346\234\254"},
        {"=?windows-1252?q?=80=93?=", "\342\202\254\342\200\234"},
        {"=?iso-8859-15?q?=A4?=", "\342\202\254"},
        {"=?no-such?q?=E9?=", "\303\251"},
        {"=?utf-8?q?=E9?=", "\303\251"},
        {"=?utf-8?x?a?=", "=?utf-8?x?a?="},
        {"=?utf-8?q?a", "=?utf-8?q?a"},
        {"a =?=?= b", "a =?=?= b"},
        {"=?", "=?"},
        {"=?utf-8?q?a=3?=", "a=3"},
        {"=?iso-2022-jp?B?/////w==?=", "\357\277\275\357\277\275\357\277\275\357\277\275"},
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        test_sink sink;
        test_sink_init(&sink);
        kj_buf message;
        kj_buf_init(&message, 1000);
        kj_buf_printf(&message, "From: a\nSubject: %s\n\n", words[i].raw);
        kj_object object = {.bytes = kj_buf_span(&message)};
        assert_int_equal(test_walk(&sink, "mail", &object), KJ_OK);
        assert_span(object.mail->subject, words[i].expected);
        kj_buf_done(&message);
        test_sink_done(&sink);
    }
}

/* Deeper than the walk goes: the rest is told as unseen, once. */
static void nesting_has_an_end(void **state)
{
    (void)state;
    kj_buf message;
    kj_buf_init(&message, 1 << 20);
    kj_buf_put_text(&message, TEXT_HEAD);
    for (int i = 0; i < 2000; i++)
        kj_buf_printf(&message, "Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", i, i);
    test_sink sink;
    test_sink_init(&sink);
    kj_object object = {.bytes = kj_buf_span(&message)};
    assert_int_equal(test_walk(&sink, "mail", &object), KJ_OK);
    assert_non_null(strstr(kj_buf_text(&sink.log), "limit: parts nested too deep"));
    kj_buf_done(&message);
    test_sink_done(&sink);
}

static void a_member_has_a_size(void **state)
{
    (void)state;
    test_sink sink;
    test_sink_init(&sink);
    sink.base.largest_member = 3;
    kj_object object = {.bytes = kj_span_str(TEXT_HEAD "\nhello\n")};
    assert_int_equal(test_walk(&sink, "mail", &object), KJ_OK);
    assert_string_equal(kj_buf_text(&sink.log),
                        "! body.txt limit: larger than a member may be (--max-member-size)\n");
    test_sink_done(&sink);
}

static void the_budget_ends_the_walk(void **state)
{
    (void)state;
    test_sink sink;
    test_sink_init(&sink);
    sink.budget = 3;
    kj_object object = {.bytes = kj_span_str(TEXT_HEAD "\nhello\n")};
    assert_int_equal(test_walk(&sink, "mail", &object), KJ_LIMIT);
    assert_string_equal(kj_buf_text(&sink.log), "end limit: the budget is used up\n");
    test_sink_done(&sink);
}

static void small_arena(void **state)
{
    (void)state;
    for (size_t budget = 0; budget < 2000; budget += 16) {
        test_sink sink;
        test_sink_init(&sink);
        sink.arena.budget = budget;
        kj_object object = {
            .bytes = kj_span_str(TEXT_HEAD "Content-Type: multipart/mixed; boundary=b\n\n--b\n"
                                           "Content-Type: image/gif; name=x.gif\n\nx\n--b--\n")};
        kj_status status = test_walk(&sink, "mail", &object);
        assert_true(status == KJ_OK || status == KJ_LIMIT);
        test_sink_done(&sink);
    }
}

static void mailboxes(void **state)
{
    (void)state;
    static const mail_case boxes[] = {
        {"two messages, quoting undone",
         "From a@b Thu Jan  1 00:00:00 1970\nFrom: a\nTo: b\n\n>From here\n>>From there\n> From\n"
         "\nFrom c@d Thu Jan  1 00:00:01 1970\nFrom: c\nTo: d\n\nsecond\n",
         "message 1 44 message/rfc822 \"From: a\\nTo: b\\n\\nFrom here\\n>From there\\n> From\\n\"\n"
         "message 2 22 message/rfc822 \"From: c\\nTo: d\\n\\nsecond\\n\"\n"},
        {"From in the text",
         "From a@b Thu Jan  1 00:00:00 1970\nFrom: a\nTo: b\n\nFrom here on\nx: y\n\n"
         "From what I know,\nit is fine\n",
         "message 1 63 message/rfc822 \"From: a\\nTo: b\\n\\nFrom here on\\nx: y\\n\\nFrom what I know,\\n"
         "it is fine\\n\"\n"},
        {"one message, CR LF",
         "From a@b Thu Jan  1 00:00:00 1970\r\nFrom: a\r\n\r\nx\r\n\r\n"
         "From c@d Thu Jan  1 00:00:01 1970\r\nFrom: c\r\n\r\ny\r\n",
         "message 1 14 message/rfc822 \"From: a\\r\\n\\r\\nx\\r\\n\"\nmessage 2 14 message/rfc822 \"From: "
         "c\\r\\n\\r\\ny\\r\\n\"\n"},
        {"a separator that is quoted as the first field",
         "From a@b Thu Jan  1 00:00:00 1970\n>From z Thu Jan  1 00:00:00 1970\nFrom: a\n\nx\n",
         "message 1 11 message/rfc822 \"From: a\\n\\nx\\n\"\n"},
    };
    for (size_t i = 0; i < sizeof boxes / sizeof boxes[0]; i++) {
        kj_claims claims;
        kj_object object = {.bytes = kj_span_str(boxes[i].message)};
        kj_identify(object.bytes, &claims);
        assert_string_equal(claims.formats[0]->name, "mbox");
        test_sink sink;
        test_sink_init(&sink);
        assert_int_equal(test_walk(&sink, "mbox", &object), KJ_OK);
        if (strcmp(kj_buf_text(&sink.log), boxes[i].expected) != 0)
            print_error("# case: %s\n", boxes[i].title);
        assert_string_equal(kj_buf_text(&sink.log), boxes[i].expected);
        test_sink_done(&sink);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(walks_messages),      cmocka_unit_test(reads_headers),
        cmocka_unit_test(encoded_words),       cmocka_unit_test(nesting_has_an_end),
        cmocka_unit_test(a_member_has_a_size), cmocka_unit_test(the_budget_ends_the_walk),
        cmocka_unit_test(small_arena),         cmocka_unit_test(mailboxes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
