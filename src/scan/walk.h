/* SPDX-License-Identifier: Apache-2.0 */
/* The walk over files and directories: opens what is to be scanned, in the order of bytes, and says
 * in one sentence why something is not. Links that the caller names are followed, links met on the
 * way are not, so no loop is possible; pipes, sockets and devices are never opened. */
#pragma once

#include "base/span.h"
#include "base/status.h"

typedef struct kj_walk_options {
    const char *const *excludes; /* globs, see scan/glob.h */
    size_t exclude_count;
    bool one_file_system;
    bool count_only; /* files are not opened: fd is -1, size is what stat says */
} kj_walk_options;

typedef enum kj_walk_kind {
    KJ_WALK_DONE, /* nothing more under this path */
    KJ_WALK_FILE,
    KJ_WALK_SKIPPED,    /* not ours to scan: a socket, /proc, another file system */
    KJ_WALK_ERROR,      /* should have been scanned */
    KJ_WALK_VOLUME_END, /* all files of `volume` were handed out */
} kj_walk_kind;

typedef struct kj_walk_item {
    kj_walk_kind kind;
    kj_span path;      /* as the user will see it, raw; valid until the next call */
    kj_span host_path; /* Windows path, or empty; valid until the next call */
    uint32_t volume;   /* the Windows volume it is on; 0: none */
    int fd;            /* FILE: open at its start; the caller's from now on */
    uint64_t size;     /* UINT64_MAX: a pipe */
    kj_error error;    /* SKIPPED, ERROR: why */
    /* Of what lies in a disk image; never the walk's own. Valid until the next call. */
    bool inside;      /* `path` is the image's */
    kj_span inner;    /* where in it, as a member's path: escaped; empty: the image itself */
    kj_span raw_path; /* FILE: the path as a scanner gets it, nothing in it escaped */
} kj_walk_item;

enum { KJ_WALK_PATH_MAX = 32 << 10, KJ_WALK_DEPTH_MAX = 512 };

typedef struct kj_walk kj_walk;

/* `options` and what they point to outlive the walk. NULL without memory. */
kj_walk *kj_walk_new(const kj_walk_options *options);
void kj_walk_free(kj_walk *walk);

/* Begins with a path that the user named; it outlives the walk below it. */
void kj_walk_start(kj_walk *walk, const char *path);

/* The next item; KJ_WALK_DONE, again and again, when the path started last is exhausted. */
void kj_walk_next(kj_walk *walk, kj_walk_item *out);
