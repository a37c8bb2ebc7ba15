/* SPDX-License-Identifier: Apache-2.0 */
/* A scan that is stopped wherever an object was told ends as cancelled, and leaves nothing behind
 * (the leak checker looks). */
#include "scan/scan.h"

#include "tests/test.h"

/* Two messages in a mailbox, read as one message as well: what its members show is remembered. */
#define MESSAGE                                                                                    \
    "From a@example.org Mon Jan  5 00:00:00 2004\n"                                                \
    "From: a@example.org\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=x\n\n"        \
    "--x\nContent-Type: text/plain\n\none\n--x\nContent-Type: text/plain\n\ntwo\n--x--\n\n"

typedef struct progress {
    kj_scanner *scanner;
    unsigned told;
    unsigned stop_after;
} progress;

static void count_object(void *user, bool is_member, const char *type, uint64_t bytes)
{
    progress *p = user;
    (void)is_member;
    (void)type;
    (void)bytes;
    if (++p->told == p->stop_after)
        kj_scanner_cancel(p->scanner);
}

static void ignore_unseen(void *user, kj_status why, kj_span member, const char *sentence)
{
    (void)user;
    (void)why;
    (void)member;
    (void)sentence;
}

/* Scans until that many objects were told; how many were in the end. */
static kj_status scan_until(unsigned stop_after, unsigned *out_told)
{
    const kj_scan_limits limits = KJ_SCAN_LIMITS_INIT;
    progress p = {.scanner = kj_scanner_new(NULL, 0, &limits), .stop_after = stop_after};
    const kj_scan_events events = {.user = &p, .unseen = ignore_unseen, .object = count_object};
    kj_error err;
    assert_non_null(p.scanner);
    kj_status status = kj_scan_bytes(p.scanner, kj_span_str("x.mbox"), kj_span_str(MESSAGE MESSAGE),
                                     &events, &err);
    kj_scanner_free(p.scanner);
    *out_told = p.told;
    return status;
}

static void test_stopped_anywhere(void **state)
{
    (void)state;
    unsigned all, told, cancelled = 0;
    assert_int_equal(scan_until(0, &all), KJ_OK);
    assert_true(all > 6);
    for (unsigned i = 1; i <= all; i++) {
        kj_status status = scan_until(i, &told);
        assert_int_equal(status, told < all ? KJ_CANCELLED : KJ_OK);
        cancelled += status == KJ_CANCELLED;
    }
    assert_true(cancelled >= all / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_stopped_anywhere)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
