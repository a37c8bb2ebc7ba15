/* SPDX-License-Identifier: Apache-2.0 */
/* The clock that time limits are kept by. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* CLOCK_MONOTONIC in nanoseconds. */
static inline uint64_t kj_clock_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

/* When work is cut short. All zeros: never. */
typedef struct kj_deadline {
    uint64_t ns;                  /* by kj_clock_ns(); 0: at no time */
    const atomic_bool *cancelled; /* as soon as it is set; NULL: nobody can */
} kj_deadline;

static inline bool kj_deadline_past(const kj_deadline *deadline)
{
    return (deadline->cancelled && *deadline->cancelled) ||
           (deadline->ns != 0 && kj_clock_ns() > deadline->ns);
}
