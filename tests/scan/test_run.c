/* SPDX-License-Identifier: Apache-2.0 */
/* What a run tells, in which order, from what a scan told it. The scanner here is a fake that does
 * what a file's letters say; it stands in for scan.c, which is not linked. */
#include "scan/run.h"

#include "base/arith.h"
#include "tests/scan/idle_scanner.h"
#include "tests/scan/tiny_defs.h"
#include "tests/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* ---- the fake -------------------------------------------------------------------------------- */

static tiny_defs tiny;
static const kj_defs *const set_items[] = {&tiny.defs};

#define TWO_ENCODINGS KJ_ODD(KJ_ODD_DUPLICATE_ENCODING)
#define NO_BOUNDARY   KJ_ODD(KJ_ODD_NO_BOUNDARY)

/* A letter is an event about the member that is called like the last digit. */
static void act(char letter, kj_span member, const kj_scan_events *events)
{
    const kj_finding finding = {.detect = TINY_FAMILY, .size = 1, .member = member};
    if (letter == 't')
        events->odd(events->user, TWO_ENCODINGS, member);
    else if (letter == 'b')
        events->odd(events->user, TWO_ENCODINGS | NO_BOUNDARY, member);
    else if (letter == 'f')
        events->finding(events->user, &finding);
    else if (letter == 'u')
        events->unseen(events->user, KJ_LIMIT, member, "x");
    else if (letter == '.')
        events->object(events->user, member.len > 0, "mail", 10);
}

kj_status kj_scan_file(kj_scanner *scanner, const kj_scan_input *input,
                       const kj_scan_events *events, kj_error *err)
{
    (void)scanner;
    (void)err;
    char script[64] = "";
    kj_span member = {0};
    (void)!read(input->fd, script, sizeof script - 1);
    for (const char *at = script; *at; at++) {
        if (*at >= '0' && *at <= '9')
            member = kj_span_of(at, 1);
        act(*at, member, events);
    }
    return KJ_OK;
}

/* ---- a run ------------------------------------------------------------------------------------
 */

static void write_odd(void *user, kj_span path, kj_span member, kj_oddities odd)
{
    (void)path;
    kj_buf_printf(user, "odd %.*s %s%s\n", (int)member.len, (const char *)member.data,
                  odd & TWO_ENCODINGS ? "t" : "", odd & NO_BOUNDARY ? "b" : "");
}

static void write_unseen(void *user, kj_span path, kj_span member, kj_status why,
                         const char *sentence)
{
    (void)path;
    (void)why;
    kj_buf_printf(user, "unseen %.*s %s\n", (int)member.len, (const char *)member.data, sentence);
}

static void write_object(void *user, const kj_run_object *object)
{
    kj_buf_put_text(user, "object");
    for (size_t i = 0; i < object->count; i++) {
        const kj_finding *f = &object->findings[i];
        kj_buf_printf(user, " %.*s%s%.*s", (int)f->member.len, (const char *)f->member.data,
                      i == object->best ? "*" : ":", (int)f->name.len, (const char *)f->name.data);
        assert_int_equal(f->set == KJ_NONE, f->klass == KJ_CLASS_HEURISTIC);
        assert_int_equal(kj_span_is(f->source, "heuristics"), f->klass == KJ_CLASS_HEURISTIC);
    }
    kj_buf_put_byte(user, '\n');
}

static kj_run_totals run_script(const char *script, kj_odd_policy policy, unsigned workers,
                                kj_buf *out)
{
    char path[] = "/tmp/kujo-test-run-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, script, strlen(script)), strlen(script));
    (void)close(fd);
    const char *const paths[] = {path};
    const kj_run_options options = {.sets = set_items,
                                    .set_count = 1,
                                    .limits = KJ_SCAN_LIMITS_INIT,
                                    .odd = policy,
                                    .paths = paths,
                                    .path_count = 1,
                                    .workers = workers,
                                    .wake_fd = -1};
    const kj_run_events events = {
        .user = out, .object = write_object, .unseen = write_unseen, .odd = write_odd};
    kj_run_totals totals;
    kj_error err = {0};
    kj_buf_init(out, 1 << 16);
    assert_int_equal(kj_run(&options, &events, &totals, &err), KJ_OK);
    (void)unlink(path);
    return totals;
}

#define TWO "Heuristics.Mail.DuplicateTransferEncoding"
#define NOB "Heuristics.Mail.NoBoundary"

static const struct {
    const char *script;
    kj_odd_policy policy;
    const char *told;
    uint64_t odd;
    uint64_t infected;
} cases[] = {
    {"1t.", {0}, "odd 1 t\n", 1, 0},
    {"1t.2b.b.", {0}, "odd 1 t\nodd 2 tb\nodd 2 tb\n", 3, 0},
    {"1tf.", {0}, "odd 1 t\nobject 1*W32/Tiny.gen@MM\n", 1, 1},
    {"1f.2tf.", {0}, "object 1*W32/Tiny.gen@MM\nodd 2 t\nobject 2*W32/Tiny.gen@MM\n", 1, 2},
    {"1b.", {.ignored = NO_BOUNDARY}, "odd 1 t\n", 1, 0},
    {"1b.2t.", {.ignored = KJ_ODD_ALL}, "", 0, 0},
    {"1b.2f.", {.ignored = KJ_ODD_ALL}, "object 2*W32/Tiny.gen@MM\n", 0, 1},
    {"1t.", {.detecting = NO_BOUNDARY}, "odd 1 t\n", 1, 0},
    {"1t.", {.detecting = TWO_ENCODINGS}, "odd 1 t\nobject 1*" TWO "\n", 1, 1},
    {"1b.", {.detecting = KJ_ODD_ALL}, "odd 1 tb\nobject 1*" TWO " 1:" NOB "\n", 1, 1},
    {"1bf.",
     {.detecting = KJ_ODD_ALL},
     "odd 1 tb\nobject 1:" TWO " 1:" NOB " 1*W32/Tiny.gen@MM\n",
     1,
     1},
    {"1t.1t.f.",
     {.detecting = KJ_ODD_ALL},
     "odd 1 t\nobject 1*" TWO "\nodd 1 t\nobject 1*" TWO "\nobject 1*W32/Tiny.gen@MM\n",
     2,
     3},
    {"1tuf.",
     {.detecting = KJ_ODD_ALL},
     "odd 1 t\nunseen 1 x\nobject 1:" TWO " 1*W32/Tiny.gen@MM\n",
     1,
     1},
    {"1t.2u.", {.detecting = KJ_ODD_ALL}, "odd 1 t\nobject 1*" TWO "\nunseen 2 x\n", 1, 1},
    {"1t.", {.ignored = KJ_ODD_ALL, .detecting = KJ_ODD_ALL}, "", 0, 0}, /* ignored is ignored */
};

static void oddities_are_told_by_policy(void **state)
{
    (void)state;
    for (size_t i = 0; i < KJ_COUNT(cases); i++) {
        for (unsigned workers = 0; workers < 2; workers++) {
            kj_buf out;
            kj_run_totals totals = run_script(cases[i].script, cases[i].policy, workers, &out);
            assert_string_equal(kj_buf_text(&out), cases[i].told);
            assert_int_equal(totals.odd_objects, cases[i].odd);
            assert_int_equal(totals.infected_objects, cases[i].infected);
            assert_int_equal(totals.infected_files, cases[i].infected != 0);
            kj_buf_done(&out);
        }
    }
}

static int set_up(void **state)
{
    (void)state;
    tiny_init(&tiny);
    return 0;
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(oddities_are_told_by_policy),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
