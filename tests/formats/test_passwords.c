/* SPDX-License-Identifier: Apache-2.0 */
/* Encrypted archives whose password stands in the message. The archives were made by zip(1) (a, c:
 * ZipCrypto) and 7zz (b: AES), hold one.txt, stored, and two.txt, deflated. */
#include "base/arith.h"
#include "tests/formats/sink.h"
#include "tests/test.h"

#include <stdio.h>

static const char zip_crypto[] =
    "504b03040a00090000002679785d77650431160000000a000000070000006f6e652e747874e0f3b4e58fd29d"
    "fd57bbdf07b5b4e66a309848588f5f504b070877650431160000000a000000504b0304140009000800937878"
    "5dbd2b66cb31000000b90b00000700000074776f2e747874c9b9f0d51ded35583935f91c35dbdccf6e2d47a7"
    "af2c0633e879c879dad415a98a1a2e1aeaeb2291a41d199d8c9914a303504b0708bd2b66cb31000000b90b00"
    "00504b01021e030a00090000002679785d77650431160000000a000000070000000000000001000000a48100"
    "0000006f6e652e747874504b01021e031400090008009378785dbd2b66cb31000000b90b0000070000000000"
    "000001000000a4814b00000074776f2e747874504b050600000000020002006a000000b10000000000";

static const char aes[] =
    "504b03043300010063000000210000000000260000000a00000007000b006f6e652e74787401990700020041"
    "450300001dde6162a5202b03eac64e49f53dec37bd62e1156bc4b8b707995caf415691755bdda54050ec504b"
    "0304330001006300000021000000000042000000b90b000007000b0074776f2e747874019907000200414503"
    "0800c22439ccbb28eb88c73fb73bb864451863672525cc436b8cdfc1e1466639d692e1fe83cf879a49835638"
    "d43b5232169e1cd35a16e35cdf3993dcda0ea8f0e9367904504b01023f033300010063000000210000000000"
    "260000000a00000007000b000000000000002080a481000000006f6e652e7478740199070002004145030000"
    "504b01023f03330001006300000021000000000042000000b90b000007000b000000000000002080a4815600"
    "000074776f2e7478740199070002004145030800504b0506000000000200020080000000c80000000000";

static const char two_passwords[] =
    "504b03040a00090000002679785d77650431160000000a000000070000006f6e652e747874dcd65b15e1b79e"
    "302dd0b1ae4bb95f7d31e886703191504b070877650431160000000a000000504b0304140009000800937878"
    "5dbd2b66cb31000000b90b00000700000074776f2e74787451573e16a3f7e72ca1f43eab6f838a44c6335192"
    "e3ee4ece3385c88697b9ebf28cbbaba191aa225bb1d40b6eae92787e47504b0708bd2b66cb31000000b90b00"
    "00504b01021e030a00090000002679785d77650431160000000a000000070000000000000001000000a48100"
    "0000006f6e652e747874504b01021e031400090008009378785dbd2b66cb31000000b90b0000070000000000"
    "000001000000a4814b00000074776f2e747874504b050600000000020002006a000000b10000000000";

#define ONE    "one.txt 10 \"inert one\\n\"\n"
#define TWO    "two.txt 3001 \"inert two inert two inert two inert two inert two inert two iner\"\n"
#define NO_ONE "! one.txt unsupported: encrypted\n"
#define NO_TWO "! two.txt unsupported: encrypted\n"

enum { WORDS_MAX = 400 };

typedef struct words {
    char texts[WORDS_MAX][32];
    kj_span spans[WORDS_MAX];
    size_t count;
} words;

static void add_word(words *w, const char *word)
{
    (void)snprintf(w->texts[w->count], sizeof w->texts[0], "%s", word);
    w->spans[w->count] = kj_span_str(w->texts[w->count]);
    w->count++;
}

/* Words that no archive here was made with. */
static void add_others(words *w, size_t count)
{
    char word[32];
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(word, sizeof word, "other%zu", i);
        add_word(w, word);
    }
}

/* Walks an archive in a message whose texts have these words; out is the sink's log. */
static void walk_zip(const char *hex, const words *w, char *out, size_t room)
{
    uint8_t bytes[1024];
    kj_span text = kj_span_str(hex);
    test_sink sink;
    test_sink_init(&sink);
    assert_true(text.len / 2 <= sizeof bytes && kj_hex_decode(text, bytes));
    kj_mail mail = {.passwords = w->spans, .password_count = w->count};
    kj_object message = {.mail = &mail};
    kj_object part = {.parent = &message};
    kj_object object = {
        .parent = &part, .bytes = kj_span_of(bytes, text.len / 2), .name = kj_span_str("a.zip")};
    assert_int_equal(test_walk(&sink, "zip", &object), KJ_OK);
    (void)snprintf(out, room, "%s", kj_buf_text(&sink.log));
    test_sink_done(&sink);
}

static void assert_walk(const char *hex, const words *w, const char *wanted)
{
    char log[4096];
    walk_zip(hex, w, log, sizeof log);
    assert_string_equal(log, wanted);
}

static void the_password_opens_an_archive(void **state)
{
    (void)state;
    words w = {0};
    add_word(&w, "secret1");
    assert_walk(zip_crypto, &w, ONE TWO);
    assert_walk(aes, &w, ONE TWO);
}

static void without_it_members_are_told(void **state)
{
    (void)state;
    words w = {0};
    assert_walk(zip_crypto, &w, NO_ONE NO_TWO);
    add_word(&w, "secret2");
    assert_walk(zip_crypto, &w, NO_ONE NO_TWO);
    assert_walk(aes, &w, NO_ONE NO_TWO);
}

/* One word in 256 passes ZipCrypto's check, so among 190 some do. */
static void it_is_found_among_others(void **state)
{
    (void)state;
    char log[4096];
    words w = {0};
    add_others(&w, 190);
    add_word(&w, "secret1");
    walk_zip(zip_crypto, &w, log, sizeof log);
    assert_non_null(strstr(log, ONE));
    assert_non_null(strstr(log, TWO));
    assert_null(strstr(log, "!"));
    assert_walk(aes, &w, ONE TWO);
}

static void a_member_may_have_its_own(void **state)
{
    (void)state;
    words w = {0};
    add_word(&w, "secret1");
    assert_walk(two_passwords, &w, NO_ONE TWO);
    add_word(&w, "other");
    assert_walk(two_passwords, &w, ONE TWO);
}

static void words_that_are_none_are_passed_over(void **state)
{
    (void)state;
    words w = {0};
    add_word(&w, "");
    add_word(&w, "secret1");
    w.spans[0] = kj_span_of("a\0b", 3);
    assert_walk(zip_crypto, &w, ONE TWO);
}

static void only_so_many_are_tried(void **state)
{
    (void)state;
    char log[4096];
    words w = {0};
    add_others(&w, 300);
    add_word(&w, "secret1");
    walk_zip(zip_crypto, &w, log, sizeof log);
    assert_non_null(strstr(log, NO_TWO));
}

/* The words of the nearest message come first, those of what it is attached to after them. */
static void outer_messages_count(void **state)
{
    (void)state;
    uint8_t bytes[1024];
    kj_span text = kj_span_str(zip_crypto);
    test_sink sink;
    test_sink_init(&sink);
    assert_true(kj_hex_decode(text, bytes));
    const kj_span word = kj_span_str("secret1");
    kj_mail outer = {.passwords = &word, .password_count = 1};
    kj_mail inner = {0};
    kj_object message = {.mail = &outer};
    kj_object attached = {.parent = &message, .mail = &inner};
    kj_object object = {.parent = &attached, .bytes = kj_span_of(bytes, text.len / 2)};
    assert_int_equal(test_walk(&sink, "zip", &object), KJ_OK);
    assert_string_equal(kj_buf_text(&sink.log), ONE TWO);
    test_sink_done(&sink);
}

/* Those that the scan brings, where no message says any. */
static void words_of_definitions_count(void **state)
{
    (void)state;
    uint8_t bytes[1024];
    kj_span text = kj_span_str(zip_crypto);
    test_sink sink;
    test_sink_init(&sink);
    assert_true(kj_hex_decode(text, bytes));
    const kj_span list[] = {kj_span_str("secret2"), kj_span_str(""), kj_span_str("secret1")};
    sink.base.passwords = list;
    sink.base.password_count = KJ_COUNT(list);
    kj_object object = {.bytes = kj_span_of(bytes, text.len / 2)};
    assert_int_equal(test_walk(&sink, "zip", &object), KJ_OK);
    assert_string_equal(kj_buf_text(&sink.log), ONE TWO);
    test_sink_done(&sink);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_password_opens_an_archive),
        cmocka_unit_test(without_it_members_are_told),
        cmocka_unit_test(it_is_found_among_others),
        cmocka_unit_test(a_member_may_have_its_own),
        cmocka_unit_test(words_that_are_none_are_passed_over),
        cmocka_unit_test(only_so_many_are_tried),
        cmocka_unit_test(outer_messages_count),
        cmocka_unit_test(words_of_definitions_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
