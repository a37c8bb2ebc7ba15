/* SPDX-License-Identifier: Apache-2.0 */
/* Worker processes that scan what the supervisor opened. A worker that dies costs one file its
 * verdict: the file is tried once more, alone in a fresh worker, and then reported as an error. A
 * worker that takes too long is killed; one that sends nonsense is, too.
 *
 * Everything happens in one thread: kj_pool_wait() polls and calls back. */
#pragma once

#include "scan/wire.h"

/* One file on its way. The caller owns it and keeps it until `done` was called with it. */
typedef struct kj_job {
    kj_scan_input input; /* path and host path live as long as the job; `fd` stays the caller's */
    bool on_volume;
    kj_buf
        records; /* what was found: checked packets, without the last, kj_buf_init by the caller */
    uint64_t lost;    /* records that did not fit */
    kj_status status; /* of the file as a whole, with `error` */
    kj_error error;
    uint64_t objects;
    uint64_t bytes;
    /* the pool's own */
    struct kj_job *next;
    uint64_t id;
    unsigned attempts;
} kj_job;

typedef struct kj_pool_options {
    kj_wire_sets sets;
    kj_scan_limits limits;
    kj_module_env env; /* as for kj_scanner_set_env() */
    unsigned workers;
    void (*done)(void *user, kj_job *job);
    void *user;
} kj_pool_options;

enum {
    KJ_WORKERS_MAX = 256,
    KJ_POOL_QUEUE = 3, /* files a worker that the pool takes in */
};

typedef struct kj_pool kj_pool;

/* Starts no worker yet. `options` is copied; what it points to outlives the pool. */
kj_pool *kj_pool_new(const kj_pool_options *options);

/* Kills the workers that still run. Jobs under way are forgotten. */
void kj_pool_free(kj_pool *pool);

/* Jobs that it has and did not finish. */
size_t kj_pool_busy(const kj_pool *pool);

static inline bool kj_pool_has_room(const kj_pool *pool, const kj_pool_options *options)
{
    return kj_pool_busy(pool) < (size_t)options->workers * KJ_POOL_QUEUE;
}

/* Takes a job in; `done` is called for it from a later kj_pool_wait(). */
void kj_pool_submit(kj_pool *pool, kj_job *job);

/* Hands jobs out, waits up to `timeout_ms` for answers (or until `wake_fd`, unless -1, has
 * something to read) and takes them. */
void kj_pool_wait(kj_pool *pool, int timeout_ms, int wake_fd);

/* Scans a job in this process, into its records. */
void kj_job_scan_here(kj_job *job, kj_scanner *scanner, const kj_wire_sets *sets);
