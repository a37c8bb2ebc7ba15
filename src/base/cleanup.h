/* SPDX-License-Identifier: Apache-2.0 */
/* Scopes for handles: what a variable owns is released at every return. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* KJ_CLEANUP(kj_close_fd) int fd = -1; */
#define KJ_CLEANUP(function) __attribute__((cleanup(function)))

/* Gives an owned pointer away: evaluates to it and leaves NULL behind. */
#define KJ_TAKE(pointer)                                                                           \
    ({                                                                                             \
        __typeof__(pointer) kj_taken_ = (pointer);                                                 \
        (pointer) = NULL;                                                                          \
        kj_taken_;                                                                                 \
    })

/* Gives an owned descriptor away: evaluates to it and leaves -1 behind. */
static inline int kj_take_fd(int *fd)
{
    int taken = *fd;
    *fd = -1;
    return taken;
}

static inline void kj_close_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

static inline void kj_close_file(FILE **file)
{
    if (*file)
        (void)fclose(*file);
    *file = NULL;
}

/* For `char *` and `void *` that malloc made; call with the address of the pointer. */
static inline void kj_free_ptr(void *pointer)
{
    void **p = pointer;
    free(*p);
    *p = NULL;
}
