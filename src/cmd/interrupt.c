/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

/* A signal handler has no argument of ours: this is the program's one mutable global. */
static struct {
    int wake_fds[2];
    volatile sig_atomic_t signal;
    kj_scanner *volatile scanner;
} state = {.wake_fds = {-1, -1}};

static void on_signal(int number)
{
    int saved = errno;
    (void)signal(number, SIG_DFL);
    state.signal = number;
    if (state.scanner)
        kj_scanner_cancel(state.scanner);
    ssize_t ignored = write(state.wake_fds[1], "", 1); /* fails when it is full: readable already */
    (void)ignored;
    errno = saved;
}

int kj_interrupt_listen(void)
{
    if (pipe2(state.wake_fds, O_CLOEXEC | O_NONBLOCK) < 0)
        return -1;
    struct sigaction action = {.sa_handler = on_signal};
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    return state.wake_fds[0];
}

void kj_interrupt_set_scanner(kj_scanner *scanner)
{
    state.scanner = scanner;
    if (scanner && state.signal)
        kj_scanner_cancel(scanner);
}

int kj_interrupt_signal(void)
{
    return state.signal;
}

bool kj_interrupt_stops(void *user)
{
    (void)user;
    return kj_interrupt_signal() != 0;
}
