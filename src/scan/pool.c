/* SPDX-License-Identifier: Apache-2.0 */
#include "scan/pool.h"

#include "base/arith.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "scan/worker.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    PIPELINE = 2, /* requests a worker holds: the next one is there when it is done */
    ATTEMPTS_MAX = 2,
    RECORDS_PER_TURN = 256, /* of one worker, before the others have their turn */
    GRACE_MS = 2000,        /* what a worker gets beyond the scan's own time limit */
    FREE_RESTARTS = 3,      /* deaths in a row before restarting slows down */
    BACKOFF_MS = 100,
    BACKOFF_MAX_MS = 1000,
};

typedef struct worker {
    pid_t pid; /* 0: none runs */
    int fd;
    kj_job *first; /* what it works on, and what waits behind it */
    kj_job *last;
    unsigned held;
    bool alone;        /* it has a job that killed another worker: give it nothing else */
    bool timed_out;    /* we killed it: it took too long */
    bool lied;         /* we killed it: it sent nonsense */
    uint64_t served;   /* jobs finished */
    uint64_t since_ns; /* when it began with `first` */
} worker;

struct kj_pool {
    kj_pool_options options;
    worker *workers;
    struct pollfd *polls; /* one a worker, and one for wake_fd */
    kj_job *first;        /* not handed out yet */
    kj_job *last;
    size_t busy;
    uint64_t next_id;
    unsigned deaths; /* in a row */
    uint64_t restart_ns;
    kj_buf request;
};

kj_pool *kj_pool_new(const kj_pool_options *options)
{
    kj_pool *pool = calloc(1, sizeof *pool);
    if (!pool)
        return NULL;
    pool->options = *options;
    pool->workers = calloc(options->workers, sizeof *pool->workers);
    pool->polls = calloc(options->workers + 1, sizeof *pool->polls);
    kj_buf_init(&pool->request, KJ_WIRE_JOB_MAX);
    if (!pool->workers || !pool->polls) {
        kj_pool_free(pool);
        return NULL;
    }
    for (unsigned i = 0; i < options->workers; i++)
        pool->workers[i].fd = -1;
    return pool;
}

static void reap(worker *w, int *out_status)
{
    kj_close_fd(&w->fd);
    while (waitpid(w->pid, out_status, 0) < 0 && errno == EINTR)
        continue;
    w->pid = 0;
}

void kj_pool_free(kj_pool *pool)
{
    if (!pool)
        return;
    for (unsigned i = 0; pool->workers && i < pool->options.workers; i++) {
        worker *w = &pool->workers[i];
        int status;
        if (w->pid && w->first)
            (void)kill(w->pid, SIGKILL);
        if (w->pid)
            reap(w, &status);
    }
    kj_buf_done(&pool->request);
    free(pool->workers);
    free(pool->polls);
    free(pool);
}

size_t kj_pool_busy(const kj_pool *pool)
{
    return pool->busy;
}

void kj_pool_submit(kj_pool *pool, kj_job *job)
{
    job->id = ++pool->next_id;
    job->attempts = 0;
    job->next = NULL;
    if (pool->last)
        pool->last->next = job;
    else
        pool->first = job;
    pool->last = job;
    pool->busy++;
}

/* ---- jobs ----------------------------------------------------------------------------------- */

static void finish(kj_pool *pool, kj_job *job)
{
    pool->busy--;
    job->next = NULL;
    pool->options.done(pool->options.user, job);
}

static void put_back(kj_pool *pool, kj_job *job)
{
    job->next = pool->first;
    pool->first = job;
    if (!pool->last)
        pool->last = job;
}

static kj_job *take_first(kj_pool *pool)
{
    kj_job *job = pool->first;
    if (!job)
        return NULL;
    pool->first = job->next;
    if (!pool->first)
        pool->last = NULL;
    job->next = NULL;
    return job;
}

/* Removes the job that a worker works on. */
static kj_job *take_current(worker *w)
{
    kj_job *job = w->first;
    w->first = job->next;
    if (!w->first)
        w->last = NULL;
    w->held--;
    job->next = NULL;
    return job;
}

/* Keeps a checked record. Findings have half of the room to themselves: nobody hides one behind any
 * number of broken members. What rules print has a quarter. */
static void keep(kj_job *job, kj_span packet)
{
    kj_wire_head head;
    memcpy(&head, packet.data, sizeof head);
    size_t before = job->records.len, max = job->records.max;
    size_t share = head.kind == KJ_WIRE_FINDING ? 1 : head.kind == KJ_WIRE_CONSOLE ? 4 : 2;
    size_t end = kj_max_size(max / share, before);
    if (packet.len <= end - before)
        kj_buf_put(&job->records, packet);
    job->lost += job->records.len == before;
}

/* ---- workers -------------------------------------------------------------------------------- */

static bool fail_job(kj_job *job, kj_status status, const char *what)
{
    job->status = kj_fail(&job->error, status, KJ_NO_OFFSET, "%s: %s", what, strerror(errno));
    return false;
}

/* Starts a worker for a job; where that fails, so does the job. */
static bool start(kj_pool *pool, worker *w, kj_job *job)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return fail_job(job, KJ_IO, "cannot start a worker");
    pid_t self = getpid();
    pid_t pid = fork();
    if (pid == 0)
        kj_worker_run(ends[1], self, &pool->options.sets, &pool->options.limits,
                      &pool->options.env);
    if (pid < 0)
        (void)fail_job(job, KJ_IO, "cannot start a worker");
    (void)close(ends[1]);
    if (pid < 0) {
        (void)close(ends[0]);
        return false;
    }
    *w = (worker){.pid = pid, .fd = ends[0]};
    return true;
}

/* Words the request; false, and the job fails, when it does not fit a packet. */
static bool write_request(kj_pool *pool, kj_job *job)
{
    kj_buf_clear(&pool->request);
    kj_wire_put_job(&pool->request, job->id, &job->input);
    errno = ENAMETOOLONG;
    return !pool->request.failed || fail_job(job, KJ_LIMIT, "not handed to a worker");
}

/* Sends the request; false when the worker is gone or cannot take it now. */
static bool send_request(kj_pool *pool, const worker *w, const kj_job *job)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = {{0}};
    struct iovec part = {pool->request.data, pool->request.len};
    struct msghdr message = {
        .msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof control,
    };
    struct cmsghdr *c = CMSG_FIRSTHDR(&message);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(c), &job->input.fd, sizeof(int));
    return sendmsg(w->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
}

static void give_job(worker *w, kj_job *job)
{
    if (w->last)
        w->last->next = job;
    else
        w->first = job;
    w->last = job;
    if (w->held++ == 0)
        w->since_ns = kj_clock_ns();
    w->alone = job->attempts > 0;
}

/* The worker that should have the next job; NULL when all have enough. A job that killed one waits
 * for a worker that has done nothing yet. */
static worker *choose(kj_pool *pool, const kj_job *job)
{
    worker *best = NULL, *empty = NULL;
    for (unsigned i = 0; i < pool->options.workers; i++) {
        worker *w = &pool->workers[i];
        if (!w->pid && !empty)
            empty = w;
        if (!w->pid || w->alone || w->lied || w->timed_out || w->held >= PIPELINE)
            continue;
        if (job->attempts > 0 && (w->held > 0 || w->served > 0))
            continue;
        if (!best || w->held < best->held)
            best = w;
    }
    if (best && (best->held == 0 || !empty))
        return best;
    if (empty && kj_clock_ns() >= pool->restart_ns)
        return empty;
    return best;
}

/* Ends an idle worker, so that a job that needs a fresh one can have its place. */
static void retire_idle(kj_pool *pool)
{
    for (unsigned i = 0; i < pool->options.workers; i++) {
        worker *w = &pool->workers[i];
        int status;
        if (!w->pid)
            return;
        if (w->held == 0) {
            reap(w, &status);
            return;
        }
    }
}

static void hand_out(kj_pool *pool)
{
    kj_job *job;
    while ((job = take_first(pool))) {
        if (job->attempts > 0)
            retire_idle(pool);
        worker *w = choose(pool, job);
        if (!write_request(pool, job) || (w && !w->pid && !start(pool, w, job))) {
            finish(pool, job);
            continue;
        }
        if (!w || !send_request(pool, w, job)) {
            put_back(pool, job);
            return;
        }
        give_job(w, job);
    }
}

/* ---- answers -------------------------------------------------------------------------------- */

static void complete(kj_pool *pool, worker *w, const kj_wire_record *record)
{
    kj_job *job = take_current(w);
    job->objects = record->objects;
    job->bytes = record->bytes;
    job->status = record->why;
    if (record->why != KJ_OK)
        (void)kj_fail(&job->error, record->why, KJ_NO_OFFSET, "%s", record->sentence);
    w->since_ns = kj_clock_ns();
    w->served++;
    w->alone = false;
    pool->deaths = 0;
    finish(pool, job);
}

/* Takes one packet. False when no honest worker would have sent it. */
static bool take_answer(kj_pool *pool, worker *w, kj_span packet)
{
    kj_wire_record record;
    if (!w->first || !kj_wire_decode(packet, &pool->options.sets, &record) ||
        record.job != w->first->id)
        return false;
    if (record.kind == KJ_WIRE_DONE) {
        complete(pool, w, &record);
        return true;
    }
    keep(w->first, packet);
    return true;
}

static void kill_worker(worker *w, bool *why)
{
    *why = true;
    (void)kill(w->pid, SIGKILL);
}

/* How a file's worker ended, as a sentence. */
static kj_status describe(const kj_pool *pool, const worker *w, int status, kj_error *err)
{
    if (w->lied)
        return kj_fail(err, KJ_INTERNAL, KJ_NO_OFFSET, "the scanner sent nonsense about this file");
    if (w->timed_out)
        return kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET, "took longer than %u seconds: stopped",
                       (pool->options.limits.time_ms + 999) / 1000);
    if (WIFSIGNALED(status))
        return kj_fail(err, KJ_INTERNAL, KJ_NO_OFFSET,
                       "the scanner died on this file (signal %d, %s)", WTERMSIG(status),
                       strsignal(WTERMSIG(status)));
    return kj_fail(err, KJ_INTERNAL, KJ_NO_OFFSET, "the scanner ended on this file (status %d)",
                   WEXITSTATUS(status));
}

/* Another worker can begin anew with the file. A pipe is read only once. */
static bool rewind_input(const kj_job *job)
{
    return lseek(job->input.fd, 0, SEEK_SET) == 0;
}

/* Tries the file that killed a worker once more, or gives up. */
static void retry_or_fail(kj_pool *pool, kj_job *job, bool again)
{
    again = again && ++job->attempts < ATTEMPTS_MAX && rewind_input(job);
    kj_buf_clear(&job->records);
    job->lost = 0;
    if (again)
        put_back(pool, job);
    else
        finish(pool, job);
}

/* What waited behind that file goes to the others. A worker that we killed may have gone on to it
 * already. */
static void pass_on(kj_pool *pool, worker *w)
{
    kj_job *waiting[PIPELINE];
    size_t count = 0;
    while (w->first && count < PIPELINE)
        waiting[count++] = take_current(w);
    while (count > 0) {
        kj_job *job = waiting[--count];
        if (rewind_input(job) || !(w->lied || w->timed_out)) {
            put_back(pool, job);
            continue;
        }
        job->status = kj_fail(&job->error, KJ_INTERNAL, KJ_NO_OFFSET,
                              "lost with the scanner that had begun to read it");
        finish(pool, job);
    }
}

/* When workers die in a row, the next one has to wait. */
static void count_death(kj_pool *pool)
{
    pool->deaths++;
    if (pool->deaths <= FREE_RESTARTS)
        return;
    unsigned shift = pool->deaths - FREE_RESTARTS - 1;
    uint64_t wait_ms = shift < 6 ? (uint64_t)BACKOFF_MS << shift : BACKOFF_MAX_MS;
    pool->restart_ns = kj_clock_ns() + kj_min_u64(wait_ms, BACKOFF_MAX_MS) * 1000000;
}

static void bury(kj_pool *pool, worker *w)
{
    int status = 0;
    reap(w, &status);
    count_death(pool);
    kj_job *culprit = w->first ? take_current(w) : NULL;
    pass_on(pool, w);
    if (!culprit)
        return;
    culprit->status = describe(pool, w, status, &culprit->error);
    retry_or_fail(pool, culprit, !w->timed_out);
}

/* Reads what a worker sent. */
static void listen_to(kj_pool *pool, worker *w)
{
    uint8_t packet[KJ_WIRE_RECORD_MAX + 1];
    for (unsigned i = 0; i < RECORDS_PER_TURN; i++) {
        ssize_t len = recv(w->fd, packet, sizeof packet, MSG_DONTWAIT);
        if (len < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (len <= 0) {
            bury(pool, w);
            return;
        }
        if (!w->lied && !w->timed_out && !take_answer(pool, w, kj_span_of(packet, (size_t)len)))
            kill_worker(w, &w->lied);
    }
}

/* When the worker will have had its time; UINT64_MAX: never. */
static uint64_t deadline_of(const kj_pool *pool, const worker *w)
{
    if (!w->pid || !w->first || w->timed_out || pool->options.limits.time_ms == 0)
        return UINT64_MAX;
    return w->since_ns + ((uint64_t)pool->options.limits.time_ms + GRACE_MS) * 1000000;
}

/* The time to wait, no longer than the next deadline or restart. */
static int until_next(const kj_pool *pool, int timeout_ms)
{
    uint64_t now = kj_clock_ns(), next = UINT64_MAX;
    for (unsigned i = 0; i < pool->options.workers; i++)
        next = kj_min_u64(next, deadline_of(pool, &pool->workers[i]));
    if (pool->first && pool->restart_ns > now)
        next = kj_min_u64(next, pool->restart_ns);
    if (next == UINT64_MAX)
        return timeout_ms;
    uint64_t ms = next > now ? (next - now) / 1000000 + 1 : 0;
    return timeout_ms < 0 || ms < (uint64_t)timeout_ms ? (int)ms : timeout_ms;
}

static void stop_late_ones(kj_pool *pool)
{
    uint64_t now = kj_clock_ns();
    for (unsigned i = 0; i < pool->options.workers; i++) {
        worker *w = &pool->workers[i];
        if (deadline_of(pool, w) <= now)
            kill_worker(w, &w->timed_out);
    }
}

void kj_pool_wait(kj_pool *pool, int timeout_ms, int wake_fd)
{
    size_t busy = pool->busy;
    hand_out(pool);
    if (pool->busy < busy)
        timeout_ms = 0; /* jobs for which no worker could be started: perhaps nobody answers */
    unsigned count = pool->options.workers;
    for (unsigned i = 0; i < count; i++)
        pool->polls[i] = (struct pollfd){.fd = pool->workers[i].fd, .events = POLLIN};
    pool->polls[count] = (struct pollfd){.fd = wake_fd, .events = POLLIN};
    if (poll(pool->polls, count + 1, until_next(pool, timeout_ms)) > 0)
        for (unsigned i = 0; i < count; i++)
            if (pool->polls[i].fd >= 0 && pool->polls[i].revents)
                listen_to(pool, &pool->workers[i]);
    stop_late_ones(pool);
    hand_out(pool);
}

/* ---- without workers ------------------------------------------------------------------------- */

static void keep_packet(void *user, kj_span packet)
{
    keep(user, packet);
}

void kj_job_scan_here(kj_job *job, kj_scanner *scanner, const kj_wire_sets *sets)
{
    kj_wire_writer writer = {
        .sets = sets, .put = keep_packet, .user = job, .on_volume = job->on_volume};
    kj_scan_events events = kj_wire_events(&writer);
    job->status = kj_scan_file(scanner, &job->input, &events, &job->error);
    job->objects = writer.objects;
    job->bytes = writer.bytes;
}
