/* SPDX-License-Identifier: Apache-2.0 */
/* A whole scan: the walk, the workers, and the results in the order of the walk. What only the
 * union of a Windows volume's files shows (a file that counts beside another one) is told when the
 * walk leaves the volume. */
#pragma once

#include "scan/scan.h"
#include "scan/walk.h"

/* An object in which something was detected. All spans are valid during the call only. */
typedef struct kj_run_object {
    kj_span path;               /* of the file, raw */
    const kj_finding *findings; /* in the order in which they were made, all with one `member` */
    size_t count;
    size_t best;    /* the verdict */
    bool by_volume; /* known by what else is on its volume */
    bool more;      /* of a file of which something was told before; by_volume only */
    bool inside;    /* a file in a disk image, which `path` is; the members tell which */
} kj_run_object;

typedef struct kj_run_progress {
    uint64_t files; /* finished */
    uint64_t file_bytes;
    uint64_t total_files; /* as far as they were counted */
    uint64_t total_bytes;
    bool total_known; /* counting is over */
    kj_span current;  /* path of the oldest file under way; empty: none */
} kj_run_progress;

typedef struct kj_run_totals {
    uint64_t files;
    uint64_t file_bytes;
    uint64_t objects; /* files, members, and members of members */
    uint64_t object_bytes;
    uint64_t infected_files;
    uint64_t infected_objects;
    uint64_t odd_objects; /* with heuristics that are not ignored */
    uint64_t unseen;
    uint64_t errors;
    uint64_t skipped;
} kj_run_totals;

typedef struct kj_run_events {
    void *user;
    void (*object)(void *user, const kj_run_object *object);
    /* Part of a file, or of a member of it, was not looked at. */
    void (*unseen)(void *user, kj_span path, kj_span member, kj_status why, const char *sentence);
    void (*error)(void *user, kj_span path, const kj_error *err);
    /* A rule had a line printed about a file, or a member of it; escaped. NULL: nobody asks. */
    void (*console)(void *user, kj_span path, kj_span member, kj_span line);
    /* What is strange about a file, or a member of it, but for what the policy ignores; before the
     * object's detections. NULL: nobody asks. */
    void (*odd)(void *user, kj_span path, kj_span member, kj_oddities odd);
    /* Something that the walk met and that is not scanned by design. */
    void (*skipped)(void *user, kj_span path, const char *sentence);
    void (*progress)(void *user, const kj_run_progress *progress); /* often */
    /* The scanner of a scan without workers, to be cancelled by a signal; NULL when it is gone. */
    void (*scanner)(void *user, kj_scanner *scanner);
    bool (*stopped)(void *user); /* whether to stop */
} kj_run_events;

/* What a path that the user named is, besides a file. */
typedef enum kj_inside {
    KJ_INSIDE_NONE,
    KJ_INSIDE_ONLY, /* there are files in it, which are scanned in its place */
    KJ_INSIDE_TOO,  /* they are handed out first, then it is walked like any other */
} kj_inside;

/* Whoever looks into disk images. `next` hands out items like kj_walk_next() does, `inside` set,
 * each descriptor with a copy in memory; volumes are numbered downwards from UINT32_MAX. ERROR is
 * told as something that was not seen in `path`. */
typedef struct kj_run_images {
    void *user;
    kj_inside (*start)(void *user, const char *path);
    void (*next)(void *user, kj_walk_item *out);
} kj_run_images;

/* What heuristics mean to the user; those in neither set are reported and detect nothing. */
typedef struct kj_odd_policy {
    kj_oddities ignored;
    kj_oddities detecting; /* each is a finding of its own, of class heuristic */
} kj_odd_policy;

typedef struct kj_run_options {
    const kj_defs *const *sets;
    size_t set_count;
    kj_scan_limits limits;
    kj_module_env env; /* as for kj_scanner_set_env() */
    kj_odd_policy odd;
    kj_walk_options walk;
    const char *const *paths; /* "-": standard input */
    size_t path_count;
    const char *(*more)(void *user); /* further paths, NULL at the end; the function itself may be
                                        NULL. Valid until the next call */
    void *more_user;
    const kj_run_images *images; /* NULL: nobody looks into them */
    unsigned workers;            /* 0: in this process */
    int wake_fd;                 /* something to read there: look at `stopped`; -1: none */
    bool count;                  /* count beforehand, beside the scan, for the time left */
} kj_run_options;

/* KJ_OK also when files failed; KJ_NO_MEMORY when the scan could not begin or go on;
 * KJ_CANCELLED when it was stopped. */
KJ_MUST_CHECK kj_status kj_run(const kj_run_options *options, const kj_run_events *events,
                               kj_run_totals *out, kj_error *err);
