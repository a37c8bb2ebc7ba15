/* SPDX-License-Identifier: Apache-2.0 */
/* Changes to files below one root, done all the way or taken back: journaled outside the root,
 * every removed file in the quarantine first, every step checked against what it expects on the
 * open descriptor. Parses nothing: whoever makes a transaction has read hives and INI files
 * already.
 *
 *     PLAN -> COPY (quarantine) -> COMMIT -> APPLY (step by step) -> VERIFY -> END
 *
 * A crash before COMMIT leaves the root as it was; after it, resume() completes the run or undo()
 * takes it back. Both may crash and be repeated. */
#pragma once

#include "base/arena.h"

#include "base/edits.h"
#include "base/hash.h"
#include "base/span.h"
#include "base/status.h"

typedef enum kj_step_kind {
    KJ_STEP_PATCH,  /* bytes of a file change in place: a hive, an INI file */
    KJ_STEP_REMOVE, /* the file goes into the quarantine */
    KJ_STEP_RMDIR,  /* an empty directory goes */
    KJ_STEP_KIND_COUNT
} kj_step_kind;

enum {
    KJ_STEP_HIVE = 1 << 0, /* PATCH: a regf hive: dirty header first, sync, pages, sync, header */
    KJ_STEP_SENSITIVE = 1 << 1, /* REMOVE: holds somebody's data (cards, passwords) */
    KJ_STEP_SYSTEM = 1 << 2, /* a protected object of the system: refused without `allow_system` */
};

/* What must be true of the object at the moment of the deed; else the step is skipped, and says so.
 */
typedef struct kj_step {
    kj_step_kind kind;
    uint32_t flags;
    kj_span path; /* below the root, raw, real; the directories on the way are opened one by one, no
                     links */
    uint64_t
        device; /* identity when it was planned; 0, 0: any (undo and resume in another mount) */
    uint64_t inode;
    uint64_t size;
    uint8_t sha256[KJ_HASH_MAX]; /* of the whole file; RMDIR: unused */
    kj_edits edits;              /* PATCH */
    uint64_t size_after;         /* PATCH */
    uint8_t sha256_after[KJ_HASH_MAX];
    const uint32_t
        *needs; /* earlier steps (indices) that must have been done, else this one is skipped */
    size_t need_count;
    kj_span reasons; /* JSON object: why; goes into the journal and the quarantine as it is */
} kj_step;

typedef enum kj_step_result {
    KJ_STEP_PENDING,
    KJ_STEP_DONE,
    KJ_STEP_ALREADY, /* it was so before: success */
    KJ_STEP_SKIPPED, /* a precondition failed: nothing was changed */
    KJ_STEP_FAILED,  /* the system refused */
    KJ_STEP_UNDONE,
    KJ_STEP_RESULT_COUNT
} kj_step_result;

const char *kj_step_result_name(kj_step_result result);
const char *kj_step_kind_name(kj_step_kind kind);

typedef struct kj_transaction {
    const char *root;  /* absolute path, for the journal and for people */
    int root_fd;       /* borrowed */
    bool cross_mounts; /* the root is "/": paths may lead into other file systems */
    kj_span title; /* JSON object: what the run is (command, definitions release, host); kept as it
                      is */
    const kj_step *steps;
    size_t count;
    bool allow_system;
} kj_transaction;

/* ---- the state directory
 * --------------------------------------------------------------------------- */

typedef struct kj_state kj_state;

/* `path`: --state; NULL: /var/lib/kujo for root, else $XDG_STATE_HOME/kujo or ~/.local/state/kujo.
 * Made with mode 0700 when missing; locked (one writer: KJ_IO "in use" after `wait_ms`). Refused
 * when it lies below `not_below` (the root that is being cleaned; NULL: anywhere), or when it is a
 * link or others may write to it. */
KJ_MUST_CHECK kj_status kj_state_open(const char *path, const char *not_below, uint32_t wait_ms,
                                      kj_state **out, kj_error *err);
/* Whether there is a state directory at all; nothing is made. */
bool kj_state_exists(const char *path);

void kj_state_close(kj_state *state);
const char *kj_state_path(const kj_state *state);

/* ---- runs
 * ------------------------------------------------------------------------------------------- */

#define KJ_RUN_ID_MAX 40 /* "20261124-114816-3f2a"; letters, digits, hyphens */

typedef struct kj_transaction_events {
    void *user;
    /* Step `index` ended; `sentence` says why it was skipped or failed, else NULL. */
    void (*step)(void *user, size_t index, kj_step_result result, const char *sentence);
    bool (*stopped)(
        void *user); /* asked between steps; NULL: never. Stopped after COMMIT: resume or undo */
} kj_transaction_events;

typedef struct kj_run_summary {
    char id[KJ_RUN_ID_MAX];
    size_t done;
    size_t already;
    size_t skipped;
    size_t failed;
} kj_run_summary;

/* Carries it out. KJ_OK also when steps were skipped or failed: see the summary. Otherwise nothing
 * was changed (before COMMIT) or the run is to be resumed or undone (after; `out->id` is set). */
KJ_MUST_CHECK kj_status kj_transaction_run(kj_state *state, const kj_transaction *transaction,
                                           const kj_transaction_events *events, kj_run_summary *out,
                                           kj_error *err);

typedef enum kj_run_state {
    KJ_RUN_DONE,
    KJ_RUN_UNFINISHED, /* committed, not ended: resume or undo */
    KJ_RUN_ABANDONED,  /* ended before COMMIT: nothing was changed */
    KJ_RUN_UNDONE,
    KJ_RUN_UNDOING, /* undo began and did not end */
    KJ_RUN_DAMAGED, /* the journal's chain is broken */
} kj_run_state;

const char *kj_run_state_name(kj_run_state state);

typedef struct kj_run_step {
    kj_step_kind kind;
    uint32_t flags;
    kj_span path;
    uint64_t size;
    kj_step_result result;
    kj_span sentence;
    kj_span reasons;    /* JSON */
    kj_span quarantine; /* id of the container; empty: none */
} kj_run_step;

typedef struct kj_run_info {
    char id[KJ_RUN_ID_MAX];
    kj_run_state state;
    int64_t started; /* seconds since 1970 */
    int64_t ended;
    kj_span root;
    kj_span title; /* JSON */
    const kj_run_step *steps;
    size_t count;
} kj_run_info;

/* All runs, newest first; one run by its id (or "last": the newest that changed something and was
 * not undone). Everything is the arena's. */
KJ_MUST_CHECK kj_status kj_runs_list(kj_state *state, kj_arena *arena, kj_run_info **out,
                                     size_t *out_count, kj_error *err);
KJ_MUST_CHECK kj_status kj_run_find(kj_state *state, const char *id, kj_arena *arena,
                                    kj_run_info *out, kj_error *err);

/* The newest run that is unfinished below that root (NULL: anywhere); false: none. */
bool kj_run_unfinished(kj_state *state, const char *root, char out_id[KJ_RUN_ID_MAX]);

/* Completes a run that was interrupted; or takes it back, last step first. A file that is neither
 * what the run left nor what was before is not touched: that step is skipped and says so. `root`
 * NULL: where it was. */
KJ_MUST_CHECK kj_status kj_run_resume(kj_state *state, const char *id, const char *root,
                                      const kj_transaction_events *events, kj_run_summary *out,
                                      kj_error *err);
KJ_MUST_CHECK kj_status kj_run_undo(kj_state *state, const char *id, const char *root,
                                    const kj_transaction_events *events, kj_run_summary *out,
                                    kj_error *err);
