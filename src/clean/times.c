/* SPDX-License-Identifier: Apache-2.0 */
#include "clean/times.h"

#include <sys/stat.h>

enum { SECOND_NS = 1000000000 };

int64_t kj_time_ns(struct timespec time)
{
    int64_t ns;
    if (__builtin_mul_overflow((int64_t)time.tv_sec, (int64_t)SECOND_NS, &ns) ||
        __builtin_add_overflow(ns, (int64_t)time.tv_nsec, &ns))
        return time.tv_sec < 0 ? INT64_MIN : INT64_MAX;
    return ns;
}

static struct timespec timespec_of(int64_t ns)
{
    int64_t seconds = ns / SECOND_NS, rest = ns % SECOND_NS;
    if (rest < 0) {
        rest += SECOND_NS;
        seconds--;
    }
    return (struct timespec){.tv_sec = seconds, .tv_nsec = rest};
}

bool kj_time_set(int fd, int64_t atime_ns, int64_t mtime_ns)
{
    const struct timespec times[2] = {timespec_of(atime_ns), timespec_of(mtime_ns)};
    return futimens(fd, times) == 0;
}
