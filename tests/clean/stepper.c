/* SPDX-License-Identifier: Apache-2.0 */
/* stepper N ERROR PROGRAM [ARGUMENT...]: runs a program and, at its N-th system call, kills it
 * (ERROR 0) or makes that call fail with an error number, without having been done. Prints to the
 * file that $STEPPER_LOG names how many calls there were, the number of the N-th and its third
 * argument (openat's flags). Exits as the program does; 137: it was killed; 0 and "end": it ended
 * before. N = 0: counts only. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

/* x86-64's registers; others skip the tests. */
#if defined(__x86_64__)

static void fail_call(pid_t child, int error)
{
    struct user_regs_struct regs;
    if (ptrace(PTRACE_GETREGS, child, 0, &regs) != 0)
        return;
    regs.orig_rax = (unsigned long long)-1; /* no such call: nothing is done */
    (void)ptrace(PTRACE_SETREGS, child, 0, &regs);
    int status;
    (void)ptrace(PTRACE_SYSCALL, child, 0, 0);
    if (waitpid(child, &status, 0) != child || ptrace(PTRACE_GETREGS, child, 0, &regs) != 0)
        return;
    regs.rax = (unsigned long long)-error;
    (void)ptrace(PTRACE_SETREGS, child, 0, &regs);
}

static void log_call(FILE *log, long count, pid_t child)
{
    struct user_regs_struct regs = {0};
    (void)ptrace(PTRACE_GETREGS, child, 0, &regs);
    (void)fprintf(log, "%ld %llu %llu\n", count, regs.orig_rax, regs.rdx);
}

static int follow(pid_t child, long wanted, int error, FILE *log)
{
    int status;
    long count = 0;
    if (waitpid(child, &status, 0) != child)
        return 3;
    (void)ptrace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
    for (int inside = 0;;) {
        (void)ptrace(PTRACE_SYSCALL, child, 0, 0);
        if (waitpid(child, &status, 0) != child)
            return 3;
        if (WIFEXITED(status)) {
            (void)fprintf(log, "%ld end\n", count);
            return WEXITSTATUS(status);
        }
        if (WIFSIGNALED(status))
            return 128 + WTERMSIG(status);
        if (WSTOPSIG(status) != (SIGTRAP | 0x80))
            continue;
        inside = !inside;
        if (!inside)
            continue;
        count++;
        if (wanted == 0)
            log_call(log, count, child);
        if (count != wanted)
            continue;
        log_call(log, count, child);
        if (error == 0) {
            (void)kill(child, SIGKILL);
            (void)waitpid(child, &status, 0);
            return 137;
        }
        fail_call(child, error);
        inside = 0;
    }
}

int main(int argc, char **argv)
{
    const char *path = getenv("STEPPER_LOG");
    FILE *log = fopen(path ? path : "/dev/null", "we");
    if (argc < 4 || !log)
        return 3;
    pid_t child = fork();
    if (child == 0) {
        (void)ptrace(PTRACE_TRACEME, 0, 0, 0);
        (void)execv(argv[3], argv + 3);
        _exit(3);
    }
    int code = child > 0 ? follow(child, atol(argv[1]), (int)atol(argv[2]), log) : 3;
    (void)fclose(log);
    return code;
}

#else

int main(void)
{
    return 77;
}

#endif
