/* SPDX-License-Identifier: Apache-2.0 */
/* Workers that die, lie and hang. The scanner here is a fake that does what a file's content says;
 * it stands in for scan.c, which is not linked. */
#include "scan/pool.h"

#include "base/arith.h"
#include "scan/worker.h"
#include "tests/scan/idle_scanner.h"
#include "tests/scan/tiny_defs.h"
#include "tests/test.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- the fake -------------------------------------------------------------------------------- */

static tiny_defs tiny;
static int *crashes_left; /* shared with the workers */

static kj_status act_clean(const kj_scan_events *events, kj_error *err)
{
    (void)err;
    events->object(events->user, false, "data", 10);
    return KJ_OK;
}

static kj_status act_find(const kj_scan_events *events, kj_error *err)
{
    kj_finding finding = {.detect = TINY_FAMILY, .size = 1};
    events->finding(events->user, &finding);
    return act_clean(events, err);
}

static kj_status act_crash(const kj_scan_events *events, kj_error *err)
{
    (void)act_find(events, err); /* what was found before does not count */
    (void)kill(getpid(), SIGKILL);
    return KJ_OK;
}

static kj_status act_crash_once(const kj_scan_events *events, kj_error *err)
{
    return (*crashes_left)-- > 0 ? act_crash(events, err) : act_find(events, err);
}

static kj_status act_exit(const kj_scan_events *events, kj_error *err)
{
    (void)events;
    (void)err;
    _exit(9);
}

static kj_status act_hang(const kj_scan_events *events, kj_error *err)
{
    (void)sleep(60);
    return act_clean(events, err);
}

static kj_status act_garbage(const kj_scan_events *events, kj_error *err)
{
    static const char garbage[] = "this is not a record of any kind, and long enough for a head";
    (void)send(KJ_WORKER_FD, garbage, sizeof garbage, MSG_NOSIGNAL);
    return act_clean(events, err);
}

static kj_status act_other_job(const kj_scan_events *events, kj_error *err)
{
    kj_wire_done done = {.head = {KJ_WIRE_DONE, sizeof done, 12345}};
    (void)send(KJ_WORKER_FD, &done, sizeof done, MSG_NOSIGNAL);
    return act_clean(events, err);
}

static kj_status act_flood(const kj_scan_events *events, kj_error *err)
{
    for (int i = 0; i < 1000; i++)
        (void)act_find(events, err);
    return KJ_OK;
}

static kj_status act_bury(const kj_scan_events *events, kj_error *err)
{
    for (int i = 0; i < 1000; i++)
        events->unseen(events->user, KJ_LIMIT, kj_span_str("a member"), "encrypted");
    return act_find(events, err);
}

static kj_status act_fail(const kj_scan_events *events, kj_error *err)
{
    (void)events;
    return kj_fail(err, KJ_IO, KJ_NO_OFFSET, "Input/output error");
}

static const struct {
    const char *content;
    kj_status (*act)(const kj_scan_events *events, kj_error *err);
} acts[] = {
    {"clean", act_clean}, {"find", act_find}, {"crash", act_crash},     {"once", act_crash_once},
    {"exit", act_exit},   {"hang", act_hang}, {"garbage", act_garbage}, {"other", act_other_job},
    {"flood", act_flood}, {"fail", act_fail}, {"bury", act_bury},
};

kj_status kj_scan_file(kj_scanner *scanner, const kj_scan_input *input,
                       const kj_scan_events *events, kj_error *err)
{
    char content[32] = "";
    scanner->files++;
    (void)!read(input->fd, content, sizeof content - 1);
    for (size_t i = 0; i < KJ_COUNT(acts); i++)
        if (strcmp(content, acts[i].content) == 0)
            return acts[i].act(events, err);
    return kj_fail(err, KJ_INTERNAL, KJ_NO_OFFSET, "unknown act '%s'", content);
}

/* ---- a run ------------------------------------------------------------------------------------
 */

static void count_done(void *user, kj_job *job)
{
    (void)job;
    ++*(int *)user;
}

static int file_with(const char *content)
{
    int fd = memfd_create("input", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, strlen(content)), strlen(content));
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

static void run_jobs(const char *const *contents, kj_job *jobs, size_t count, unsigned workers,
                     uint32_t time_ms, size_t record_space)
{
    static const kj_defs *const items[] = {&tiny.defs};
    int done = 0;
    kj_pool_options options = {.sets = {items, 1},
                               .limits = {.time_ms = time_ms},
                               .workers = workers,
                               .done = count_done,
                               .user = &done};
    kj_pool *pool = kj_pool_new(&options);
    assert_non_null(pool);
    for (size_t i = 0; i < count; i++) {
        jobs[i] =
            (kj_job){.input = {.path = kj_span_str(contents[i]), .fd = file_with(contents[i])}};
        kj_buf_init(&jobs[i].records, record_space);
        kj_pool_submit(pool, &jobs[i]);
    }
    for (int turns = 0; kj_pool_busy(pool) > 0 && turns < 100000; turns++)
        kj_pool_wait(pool, 1000, -1);
    assert_int_equal(kj_pool_busy(pool), 0);
    assert_int_equal(done, count);
    kj_pool_free(pool);
}

static void release_jobs(kj_job *jobs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        kj_buf_done(&jobs[i].records);
        (void)close(jobs[i].input.fd);
    }
}

static size_t records_of(const kj_job *job)
{
    size_t pos = 0, count = 0;
    kj_span packet;
    while (kj_wire_next(kj_buf_span(&job->records), &pos, &packet))
        count++;
    return count;
}

static void many_files_are_shared_out(void **state)
{
    (void)state;
    const char *contents[60];
    kj_job jobs[60];
    for (size_t i = 0; i < 60; i++)
        contents[i] = i % 3 ? "clean" : "find";
    for (unsigned workers = 1; workers <= 3; workers += 2) {
        run_jobs(contents, jobs, 60, workers, 0, 1 << 16);
        for (size_t i = 0; i < 60; i++) {
            assert_int_equal(jobs[i].status, KJ_OK);
            assert_int_equal(jobs[i].objects, 1);
            assert_int_equal(records_of(&jobs[i]), i % 3 ? 0 : 1);
        }
        release_jobs(jobs, 60);
    }
}

static void a_death_costs_one_file(void **state)
{
    (void)state;
    static const char *const contents[] = {"find", "crash", "find", "clean", "exit", "find"};
    kj_job jobs[KJ_COUNT(contents)];
    for (unsigned workers = 1; workers <= 2; workers++) {
        run_jobs(contents, jobs, KJ_COUNT(contents), workers, 0, 1 << 16);
        for (size_t i = 0; i < KJ_COUNT(contents); i++) {
            bool dies = i == 1 || i == 4;
            assert_int_equal(jobs[i].status, dies ? KJ_INTERNAL : KJ_OK);
            assert_int_equal(jobs[i].attempts, dies ? 2 : jobs[i].attempts);
            assert_int_equal(records_of(&jobs[i]), strcmp(contents[i], "find") == 0);
        }
        assert_non_null(strstr(jobs[1].error.message, "signal 9"));
        assert_non_null(strstr(jobs[4].error.message, "status 9"));
        release_jobs(jobs, KJ_COUNT(contents));
    }
}

static void a_second_try_can_succeed(void **state)
{
    (void)state;
    static const char *const contents[] = {"clean", "once", "clean"};
    kj_job jobs[KJ_COUNT(contents)];
    *crashes_left = 1;
    run_jobs(contents, jobs, KJ_COUNT(contents), 1, 0, 1 << 16);
    assert_int_equal(jobs[1].status, KJ_OK);
    assert_int_equal(records_of(&jobs[1]), 1); /* and nothing of the first try */
    release_jobs(jobs, KJ_COUNT(contents));
}

static void liars_are_stopped(void **state)
{
    (void)state;
    static const char *const contents[] = {"clean", "garbage", "other", "find"};
    kj_job jobs[KJ_COUNT(contents)];
    run_jobs(contents, jobs, KJ_COUNT(contents), 2, 0, 1 << 16);
    for (size_t i = 1; i <= 2; i++) {
        assert_int_equal(jobs[i].status, KJ_INTERNAL);
        assert_non_null(strstr(jobs[i].error.message, "nonsense"));
    }
    assert_int_equal(jobs[3].status, KJ_OK);
    release_jobs(jobs, KJ_COUNT(contents));
}

static void slow_ones_are_stopped(void **state)
{
    (void)state;
    static const char *const contents[] = {"hang", "find", "find"};
    kj_job jobs[KJ_COUNT(contents)];
    run_jobs(contents, jobs, KJ_COUNT(contents), 1, 1, 1 << 16);
    assert_int_equal(jobs[0].status, KJ_LIMIT);
    assert_int_equal(jobs[1].status, KJ_OK);
    assert_int_equal(jobs[2].status, KJ_OK);
    release_jobs(jobs, KJ_COUNT(contents));
}

static void results_have_a_bound(void **state)
{
    (void)state;
    static const char *const contents[] = {"flood", "fail"};
    kj_job jobs[KJ_COUNT(contents)];
    run_jobs(contents, jobs, KJ_COUNT(contents), 1, 0, 10000);
    assert_true(jobs[0].records.len <= 10000);
    assert_int_equal(records_of(&jobs[0]) + jobs[0].lost, 1000);
    assert_int_equal(jobs[1].status, KJ_IO);
    assert_string_equal(jobs[1].error.message, "Input/output error");
    release_jobs(jobs, KJ_COUNT(contents));
}

static void no_finding_is_buried(void **state)
{
    (void)state;
    static const char *const contents[] = {"bury"};
    kj_job job;
    run_jobs(contents, &job, 1, 1, 0, 10000);
    kj_span packet = {0};
    for (size_t pos = 0; kj_wire_next(kj_buf_span(&job.records), &pos, &packet);)
        continue;
    kj_wire_head head;
    memcpy(&head, packet.data, sizeof head);
    assert_int_equal(head.kind, KJ_WIRE_FINDING);
    assert_int_equal(records_of(&job) + job.lost, 1001);
    release_jobs(&job, 1);
}

static void the_same_without_workers(void **state)
{
    (void)state;
    static const kj_defs *const items[] = {&tiny.defs};
    kj_wire_sets sets = {items, 1};
    kj_scanner scanner = {0};
    kj_job job = {.input = {.fd = file_with("find")}};
    kj_buf_init(&job.records, 1 << 16);
    kj_job_scan_here(&job, &scanner, &sets);
    assert_int_equal(job.status, KJ_OK);
    assert_int_equal(job.objects, 1);
    assert_int_equal(records_of(&job), 1);
    release_jobs(&job, 1);
}

static int set_up(void **state)
{
    (void)state;
    tiny_init(&tiny);
    crashes_left =
        mmap(NULL, sizeof *crashes_left, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return crashes_left == MAP_FAILED;
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_files_are_shared_out), cmocka_unit_test(a_death_costs_one_file),
        cmocka_unit_test(a_second_try_can_succeed),  cmocka_unit_test(liars_are_stopped),
        cmocka_unit_test(slow_ones_are_stopped),     cmocka_unit_test(results_have_a_bound),
        cmocka_unit_test(no_finding_is_buried),      cmocka_unit_test(the_same_without_workers),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
