/* SPDX-License-Identifier: Apache-2.0 */
#include "scan/worker.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EXIT_SETUP = 3, EXIT_PEER = 4 };

typedef struct worker {
    int fd;
    const kj_wire_sets *sets;
    kj_scanner *scanner;
    uint8_t *request;
} worker;

/* Keeps the socket and stderr. Signals that a terminal sends to everybody are the supervisor's. */
static void shed_what_is_inherited(int socket_fd, pid_t parent)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(EXIT_SETUP); /* the supervisor died before that call */
    (void)signal(SIGINT, SIG_IGN);
    (void)signal(SIGTERM, SIG_DFL);
    (void)signal(SIGPIPE, SIG_IGN);
    struct rlimit none = {0};
    (void)setrlimit(RLIMIT_CORE, &none);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
        _exit(EXIT_SETUP);
    if (socket_fd != KJ_WORKER_FD && dup2(socket_fd, KJ_WORKER_FD) < 0)
        _exit(EXIT_SETUP);
    (void)close_range(KJ_WORKER_FD + 1, ~0U, 0);
}

/* Receives a request and the descriptor it is about; 0 at the end. */
static ssize_t receive(worker *self, int *out_fd)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    struct iovec part = {self->request, KJ_WIRE_JOB_MAX};
    struct msghdr message = {
        .msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof control,
    };
    ssize_t len;
    do {
        len = recvmsg(self->fd, &message, MSG_CMSG_CLOEXEC);
    } while (len < 0 && errno == EINTR);
    const struct cmsghdr *c = len > 0 ? CMSG_FIRSTHDR(&message) : NULL;
    if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
        memcpy(out_fd, CMSG_DATA(c), sizeof *out_fd);
    return len;
}

static void send_packet(void *user, kj_span packet)
{
    const worker *self = user;
    ssize_t sent;
    do {
        sent = send(self->fd, packet.data, packet.len, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0)
        _exit(EXIT_PEER);
}

static void serve(worker *self, kj_span request, int fd)
{
    kj_scan_input input;
    kj_wire_writer writer = {.sets = self->sets, .put = send_packet, .user = self};
    if (fd < 0 || !kj_wire_read_job(request, &writer.job, &input))
        _exit(EXIT_PEER);
    input.fd = fd;
    writer.on_volume = input.host_path.len > 0;
    kj_scan_events events = kj_wire_events(&writer);
    kj_error err = {0};
    kj_status status = kj_scan_file(self->scanner, &input, &events, &err);
    kj_wire_put_done(&writer, status, &err);
}

_Noreturn void kj_worker_run(int socket_fd, pid_t parent, const kj_wire_sets *sets,
                             const kj_scan_limits *limits, const kj_module_env *env)
{
    shed_what_is_inherited(socket_fd, parent);
    worker self = {
        .fd = KJ_WORKER_FD,
        .sets = sets,
        .scanner = kj_scanner_new(sets->items, sets->count, limits),
        .request = malloc(KJ_WIRE_JOB_MAX),
    };
    if (!self.scanner || !self.request)
        _exit(EXIT_SETUP);
    kj_scanner_set_env(self.scanner, env);
    for (;;) {
        KJ_CLEANUP(kj_close_fd) int fd = -1;
        ssize_t len = receive(&self, &fd);
        if (len <= 0)
            _exit(EXIT_SUCCESS);
        serve(&self, kj_span_of(self.request, (size_t)len), fd);
    }
}
