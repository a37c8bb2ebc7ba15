/* SPDX-License-Identifier: Apache-2.0 */
/* The public library, used as a program outside the project would. */
#include "kujo.h"

#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct seen {
    size_t findings;
    size_t unseen;
    size_t odd;
    char name[64];
    char member[64];
} seen;

static void take_finding(void *user, const kujo_finding *finding)
{
    seen *s = user;
    s->findings++;
    (void)snprintf(s->name, sizeof s->name, "%.*s", (int)finding->name_len, finding->name);
    (void)snprintf(s->member, sizeof s->member, "%.*s", (int)finding->member_len, finding->member);
    assert_int_equal(finding->klass, KUJO_CLASS_EXACT);
}

static void take_unseen(void *user, const char *member, size_t member_len, const char *sentence)
{
    (void)member;
    (void)member_len;
    (void)sentence;
    seen *s = user;
    s->unseen++;
}

static kujo_engine *open_engine(void)
{
    kujo_engine *engine = NULL;
    char message[KUJO_MESSAGE_MAX] = "";
    assert_int_equal(kujo_engine_open(getenv("KUJO_DEFINITIONS"), &engine, message), KUJO_OK);
    assert_string_equal(message, "");
    assert_true(kujo_engine_release(engine) >= 8000);
    return engine;
}

/* The harmless EICAR test string, put together here so that no file of ours holds it. */
static size_t put_eicar(char out[128])
{
    return (size_t)snprintf(out, 128, "%s%s%s", "X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STAND",
                            "ARD-ANTIVIRUS-TEST-", "FILE!$H+H*");
}

static void finds_a_test_string_in_memory(void **state)
{
    (void)state;
    kujo_engine *engine = open_engine();
    kujo_scanner *scanner = kujo_scanner_new(engine, NULL);
    char text[128];
    size_t len = put_eicar(text);
    seen s = {0};
    const kujo_callbacks callbacks = {
        .size = sizeof callbacks, .user = &s, .finding = take_finding};
    assert_int_equal(kujo_scan_bytes(scanner, text, len, "x.com", &callbacks, NULL), KUJO_OK);
    assert_int_equal(s.findings, 1);
    assert_string_equal(s.name, "EICAR-Test-File");
    assert_string_equal(s.member, "");
    assert_int_equal(kujo_scan_bytes(scanner, text, len - 1, "x.com", &callbacks, NULL), KUJO_OK);
    assert_int_equal(kujo_scan_bytes(scanner, "", 0, "", NULL, NULL), KUJO_OK);
    assert_int_equal(s.findings, 1);
    kujo_scanner_free(scanner);
    kujo_engine_close(engine);
}

static void scans_a_file_and_keeps_limits(void **state)
{
    (void)state;
    kujo_engine *engine = open_engine();
    kujo_limits limits = KUJO_LIMITS_INIT;
    limits.file_bytes = 16;
    kujo_scanner *scanner = kujo_scanner_new(engine, &limits);
    char text[128];
    seen s = {0};
    const kujo_callbacks callbacks = {
        .size = sizeof callbacks, .user = &s, .finding = take_finding, .unseen = take_unseen};
    FILE *file = tmpfile();
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, put_eicar(text), file), 68);
    rewind(file);
    assert_int_equal(kujo_scan_fd(scanner, fileno(file), "x", &callbacks, NULL), KUJO_OK);
    assert_int_equal(s.findings, 0); /* only 16 bytes of it were allowed */
    kujo_scanner_free(scanner);
    scanner = kujo_scanner_new(engine, NULL);
    rewind(file);
    assert_int_equal(kujo_scan_fd(scanner, fileno(file), "x", &callbacks, NULL), KUJO_OK);
    assert_int_equal(s.findings, 1);
    s.unseen = 0;
    assert_int_equal(lseek(fileno(file), 8, SEEK_SET), 8); /* from there on it is no test string */
    assert_int_equal(kujo_scan_fd(scanner, fileno(file), "x", &callbacks, NULL), KUJO_OK);
    assert_int_equal(s.findings, 1);
    assert_int_equal(s.unseen, 0);
    kujo_scanner_cancel(scanner);
    assert_int_equal(kujo_scan_bytes(scanner, text, 68, "x", &callbacks, NULL), KUJO_CANCELLED);
    (void)fclose(file);
    kujo_scanner_free(scanner);
    kujo_engine_close(engine);
}

static void take_odd(void *user, const char *member, size_t member_len, const char *name,
                     const char *sentence)
{
    seen *s = user;
    (void)snprintf(s->name, sizeof s->name, "%s", name);
    (void)snprintf(s->member, sizeof s->member, "%.*s", (int)member_len, member);
    s->odd++;
    assert_true(sentence[0] != '\0');
}

/* Two transfer encodings; a program that knows less of the structs gets none of the calls. */
static void tells_what_is_strange(void **state)
{
    (void)state;
    static const char message[] = "From: a@example.org\nTo: b@example.org\nMIME-Version: 1.0\n"
                                  "Content-Type: text/plain\nContent-Transfer-Encoding: 7bit\n"
                                  "Content-Transfer-Encoding: base64\n\nbm90aGluZw==\n";
    kujo_engine *engine = open_engine();
    kujo_limits limits = KUJO_LIMITS_INIT;
    limits.readings = 2;
    kujo_scanner *scanner = kujo_scanner_new(engine, &limits);
    seen s = {0};
    kujo_callbacks callbacks = {
        .size = sizeof callbacks, .user = &s, .unseen = take_unseen, .odd = take_odd};
    assert_int_equal(
        kujo_scan_bytes(scanner, message, sizeof message - 1, "x.eml", &callbacks, NULL), KUJO_OK);
    assert_int_equal(s.odd, 1);
    assert_string_equal(s.name, "Heuristics.Mail.DuplicateTransferEncoding");
    assert_string_equal(s.member, "");
    assert_int_equal(s.unseen, 0);
    callbacks.size = offsetof(kujo_callbacks, odd);
    assert_int_equal(
        kujo_scan_bytes(scanner, message, sizeof message - 1, "x.eml", &callbacks, NULL), KUJO_OK);
    assert_int_equal(s.odd, 1);
    kujo_scanner_free(scanner);
    kujo_engine_close(engine);
}

static void says_why_definitions_do_not_open(void **state)
{
    (void)state;
    kujo_engine *engine = NULL;
    char message[KUJO_MESSAGE_MAX];
    assert_int_equal(kujo_engine_open("/nowhere", &engine, message), KUJO_ERROR);
    assert_string_equal(message, "cannot open: No such file or directory");
    assert_int_equal(kujo_engine_open("/etc/passwd", &engine, message), KUJO_ERROR);
    assert_string_equal(message, "not a kujo definitions file");
    assert_null(engine);
    kujo_engine_close(NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_a_test_string_in_memory),
        cmocka_unit_test(scans_a_file_and_keeps_limits),
        cmocka_unit_test(tells_what_is_strange),
        cmocka_unit_test(says_why_definitions_do_not_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
