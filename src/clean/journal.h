/* SPDX-License-Identifier: Apache-2.0 */
/* A run's journal: records that are only ever appended, each chained to the one before by SHA-256.
 * docs/formats/journal.md. */
#pragma once

#include "base/buf.h"
#include "base/hash.h"
#include "clean/attributes.h"
#include "clean/transaction.h"

typedef enum kj_record_type {
    KJ_RECORD_BEGIN = 1,
    KJ_RECORD_STEP,   /* what is going to be done */
    KJ_RECORD_COMMIT, /* from here on the root may be changed */
    KJ_RECORD_RESULT, /* of a step */
    KJ_RECORD_END,
    KJ_RECORD_UNDO,   /* the way back begins */
    KJ_RECORD_UNDONE, /* a step was taken back */
    KJ_RECORD_UNDO_END,
    KJ_RECORD_TYPE_END,
} kj_record_type;

typedef struct kj_journal {
    int fd;
    uint8_t chain[KJ_HASH_MAX]; /* of the last record */
    bool has_bad_end;           /* reading: the end is not cut off, but no record */
} kj_journal;

/* Appends a record. It is on the disk after kj_journal_sync(). KJ_IO: the run must not go on. */
KJ_MUST_CHECK kj_status kj_journal_append(kj_journal *journal, kj_record_type type, kj_span payload,
                                          kj_error *err);
KJ_MUST_CHECK kj_status kj_journal_sync(kj_journal *journal, kj_error *err);

/* Hands out the whole records of `bytes` in order. What a crash left at the end, a record that is
 * cut off or whose bytes did not reach the disk, is left out: *out_len is where appending goes on,
 * `journal->chain` what it is chained to. KJ_MALFORMED: the chain is broken, or there are sound
 * records behind what is not; what was handed out before is sound. */
KJ_MUST_CHECK kj_status kj_journal_read(kj_span bytes, kj_journal *journal, size_t *out_len,
                                        kj_status (*record)(void *user, kj_record_type type,
                                                            kj_span payload, kj_error *err),
                                        void *user, kj_error *err);

/* ---- what the records hold
 * --------------------------------------------------------------------------- */

/* What has to be known of a file, or its directory, to bring it back. */
typedef struct kj_stat_kept {
    uint32_t mode;
    uint32_t uid;
    uint32_t gid;
    uint32_t links;
    int64_t atime_ns;
    int64_t mtime_ns;
    int64_t parent_atime_ns;
    int64_t parent_mtime_ns;
} kj_stat_kept;

typedef struct kj_step_record {
    kj_step step;
    kj_stat_kept kept;
    kj_attributes attributes; /* RMDIR: the directory's */
    kj_span container;        /* id; empty: none */
    kj_step_result planned;   /* PENDING; SKIPPED or ALREADY: known before COMMIT, never touched */
    kj_step_result result;
    kj_step_result undo; /* PENDING: not yet */
    bool is_settled;     /* an earlier undo, which ended, took it back */
    kj_span sentence;
} kj_step_record;

/* What a root is known by when it is mounted again: devices get other numbers. */
typedef struct kj_root_kept {
    uint64_t inode;
    uint64_t file_system; /* its type */
    uint64_t size;        /* of the file system, bytes */
} kj_root_kept;

typedef struct kj_run_record {
    int64_t started;
    int64_t ended;
    kj_span root;
    kj_root_kept root_kept;
    bool cross_mounts;
    kj_span title;
    kj_step_record *steps;
    size_t count;
    size_t seen; /* steps read so far */
    bool committed;
    bool has_end;
    bool undoing;
    bool undone;
} kj_run_record;

void kj_record_put_begin(kj_buf *out, const kj_transaction *transaction, const kj_root_kept *root,
                         int64_t now);
void kj_record_put_step(kj_buf *out, uint32_t index, const kj_step_record *record);
void kj_record_put_result(kj_buf *out, uint32_t index, kj_step_result result, const char *sentence);

/* Reads a journal's bytes into a run; everything borrows from them or is the arena's. As
 * kj_journal_read(). */
KJ_MUST_CHECK kj_status kj_run_read(kj_span bytes, kj_arena *arena, kj_journal *journal,
                                    size_t *out_len, kj_run_record *out, kj_error *err);

/* After an undo that ended: what it took back stays as it is when undo comes again. Returns how
 * many steps that leaves. */
size_t kj_run_settle(kj_run_record *run);
