/* SPDX-License-Identifier: Apache-2.0 */
/* Several files at a time: worker k of n scans the targets k, k + n, k + 2n ... and writes what is
 * to be printed to a pipe of its own, in records; the parent prints them in the targets' order. A
 * pipe that is full makes its worker wait. A worker that dies costs the target it was at, and
 * another takes over behind that.
 *
 *     record  kind (u32: output, errors, end of a target) | bytes that follow (u32) | the bytes */
#include "cmd/yara.h"

#include "base/arith.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "cmd/cmd.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

enum {
    PIPE_SIZE = 1 << 20, /* so that a slow target holds nobody up soon */
    READ_SIZE = 64 << 10,
};

enum record { RECORD_OUTPUT, RECORD_ERRORS, RECORD_END };

typedef struct header {
    uint32_t kind; /* enum record */
    uint32_t len;
} header;

typedef struct worker {
    pid_t pid; /* 0: none runs */
    FILE *from;
} worker;

typedef struct pool {
    const kj_yara_targets *targets;
    kj_deadline deadline;
    kj_yara_scanner_maker *maker;
    void *user;
    worker *workers;
    unsigned count;
} pool;

/* ---- the worker's side
 * ------------------------------------------------------------------------------- */

static bool send_record(int fd, enum record kind, kj_span bytes)
{
    header head = {(uint32_t)kind, (uint32_t)bytes.len};
    return kj_file_write_all(fd, kj_span_of(&head, sizeof head), NULL) == KJ_OK &&
           kj_file_write_all(fd, bytes, NULL) == KJ_OK;
}

static bool send_output(void *user, bool is_error, kj_span text)
{
    return send_record(*(const int *)user, is_error ? RECORD_ERRORS : RECORD_OUTPUT, text);
}

/* Scans every n-th target from `first` on. Nothing that the parent set up is undone: it has the
 * same. */
static _Noreturn void work(const pool *p, size_t first, int fd)
{
    kj_yara_scanner *scanner = p->maker(p->user, (kj_yara_sink){send_output, &fd});
    bool goes_on = scanner != NULL;
    if (scanner)
        kj_yara_scanner_set_deadline(scanner, p->deadline);
    for (size_t i = first; i < p->targets->paths.count && goes_on; i += p->count) {
        if (!kj_deadline_past(&p->deadline))
            kj_yara_scan_one_of_many(scanner, p->targets->paths.items[i]);
        goes_on = !kj_yara_scanner_is_stopped(scanner) && send_record(fd, RECORD_END, (kj_span){0});
    }
    kj_yara_scanner_free(scanner);
    _exit(goes_on ? EXIT_SUCCESS : EXIT_FAILURE);
}

/* ---- the parent's side
 * ------------------------------------------------------------------------------- */

static bool start(pool *p, unsigned number, size_t first)
{
    int fds[2];
    worker *w = &p->workers[number];
    if (pipe2(fds, O_CLOEXEC) < 0)
        return false;
    KJ_CLEANUP(kj_close_fd) int from = fds[0], to = fds[1];
    (void)fcntl(to, F_SETPIPE_SZ, PIPE_SIZE);
    (void)fflush(NULL);
    pid_t pid = fork();
    if (pid < 0)
        return false;
    if (pid == 0) {
        kj_close_fd(&from);
        for (unsigned i = 0; i < p->count; i++)
            kj_close_file(&p->workers[i].from); /* or nobody would see the parent die */
        work(p, first, to);
    }
    w->from = fdopen(from, "r");
    w->pid = pid;
    if (!w->from)
        return false;
    (void)kj_take_fd(&from);
    return true;
}

static void stop(worker *w)
{
    kj_close_file(&w->from);
    if (w->pid) {
        (void)kill(w->pid, SIGKILL);
        while (waitpid(w->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    w->pid = 0;
}

/* Copies a record's bytes to where they belong. False when the worker died. */
static bool copy(FILE *from, FILE *to, uint32_t len)
{
    char bytes[READ_SIZE];
    while (len) {
        size_t step = kj_min_size(len, sizeof bytes);
        if (fread(bytes, step, 1, from) != 1)
            return false;
        (void)fwrite(bytes, step, 1, to);
        len -= (uint32_t)step;
    }
    return true;
}

/* Prints what there is about one target. False when its worker died. */
static bool print_target(worker *w)
{
    header head;
    while (w->from && fread(&head, sizeof head, 1, w->from) == 1) {
        if (head.kind == RECORD_END)
            return true;
        if (head.kind > RECORD_END)
            return false;
        if (head.kind == RECORD_ERRORS)
            (void)fflush(stdout); /* both may be one file: what came first stays first */
        if (!copy(w->from, head.kind == RECORD_ERRORS ? stderr : stdout, head.len))
            return false;
    }
    return false;
}

static bool run(pool *p)
{
    const kj_yara_targets *targets = p->targets;
    for (unsigned i = 0; i < p->count; i++)
        if (!start(p, i, i))
            return false;
    for (size_t i = 0; i < targets->paths.count && !ferror(stdout); i++) {
        unsigned number = (unsigned)(i % p->count);
        worker *w = &p->workers[number];
        if (print_target(w))
            continue;
        (void)fflush(stdout);
        (void)fprintf(stderr, "error scanning %s: %s\n", targets->paths.items[i],
                      _("the process that scanned it died"));
        stop(w);
        if (!start(p, number, i + p->count))
            return false;
    }
    return true;
}

bool kj_yara_pool_run(const kj_yara_targets *targets, unsigned workers, kj_deadline deadline,
                      kj_yara_scanner_maker *maker, void *user)
{
    pool p = {.targets = targets, .deadline = deadline, .maker = maker, .user = user};
    p.count = workers;
    p.workers = calloc(workers, sizeof *p.workers);
    bool ok = p.workers && run(&p);
    if (!ok)
        (void)fprintf(stderr, "error: %s\n", strerror(errno ? errno : ENOMEM));
    for (unsigned i = 0; p.workers && i < p.count; i++)
        stop(&p.workers[i]);
    free(p.workers);
    return ok;
}
