/* SPDX-License-Identifier: Apache-2.0 */
/* Windows NT registry files: replay of transaction logs, the strict check, and changes in place.
 * Reading is formats/registry.h. Source: M. Suhanov, "Windows registry file format specification"
 * (CC-BY-4.0). */
#pragma once

#include "base/edits.h"
#include "formats/registry.h"

/* ---- transaction logs ------------------------------------------------------------------------ */

typedef enum kj_regf_state {
    KJ_REGF_CLEAN,    /* the logs are not needed */
    KJ_REGF_REPLAYED, /* was dirty; the logs were applied */
    KJ_REGF_STALE,    /* is dirty, and no log fits: what is read may be torn, and is never edited */
} kj_regf_state;

typedef struct kj_regf_replay {
    kj_regf_state state;
    const char *why;   /* STALE: a sentence; static */
    uint32_t log;      /* which logs were applied: bit 0, bit 1 */
    uint32_t entries;  /* of new logs; 1 for an old one */
    uint32_t pages;    /* written into the hive */
    uint32_t sequence; /* the last one applied; the header of what new logs gave has the next */
    bool header_from_log;
} kj_regf_replay;

/* Brings a hive up to date as Windows does when it loads it: `hive` holds the primary file and may
 * grow up to its maximum; `logs` are LOG1 and LOG2 (or LOG alone, the other empty). A clean hive
 * stays as it is, whatever its logs hold. Afterwards the sequence numbers are equal and the
 * checksum is right. KJ_MALFORMED when it is no hive at all; KJ_LIMIT, KJ_NO_MEMORY. STALE is not
 * an error. */
KJ_MUST_CHECK kj_status kj_regf_replay_logs(kj_buf *hive, const kj_span logs[2],
                                            kj_regf_replay *out, kj_error *err);

/* The header's checksum: XOR of the first 127 words, with its two exceptions. `header`: at least
 * 508 bytes. */
uint32_t kj_regf_checksum(const uint8_t *header);

/* ---- the check ------------------------------------------------------------------------------- */

typedef enum kj_regf_level {
    KJ_REGF_WARNING, /* Windows itself leaves such behind: leaked cells, reference counts too high
                      */
    KJ_REGF_ERROR,   /* the hive is read, never edited */
} kj_regf_level;

typedef struct kj_regf_issue {
    kj_regf_level level;
    uint32_t cell; /* where; KJ_REG_NONE: the file as a whole */
    const char *sentence;
} kj_regf_issue;

typedef struct kj_regf_checked {
    uint64_t errors;
    uint64_t warnings;
    uint64_t leaked_cells;
    uint64_t keys;
    uint64_t values;
    kj_regf_issue first; /* the first error, else the first warning; sentence NULL: none */
} kj_regf_checked;

/* Everything that clean hives of all Windows versions satisfy: checksum, sequence, bins that follow
 * each other, cells that tile them, every used cell referenced exactly once, reference counts of
 * security records, parents, sorted lists, hints and hashes, counts. `issue` may be NULL. Linear in
 * the file; scratch memory is the arena's. KJ_NO_MEMORY; KJ_OK however many issues there are. */
KJ_MUST_CHECK kj_status kj_regf_check(const kj_registry *reg, kj_arena *arena,
                                      void (*issue)(void *user, const kj_regf_issue *issue),
                                      void *user, kj_regf_checked *out, kj_error *err);

/* ---- changes --------------------------------------------------------------------------------- */

/* A hive that is being changed in memory. Everything written is recorded; finish() hands out the
 * minimal edits of the file. Nothing is moved or rebuilt; key timestamps stay (they are evidence).
 */
typedef struct kj_regf_editor kj_regf_editor;

/* Begins with the file's bytes as they are on disk (`disk`, borrowed) and the hive after replay
 * (`hive`, which is taken over and may grow; equal to `disk` when it was clean). Refuses, with the
 * reason: a stale or layered hive, versions before 1.3, and one with errors in kj_regf_check()
 * unless `force`. The arena outlives the editor. */
KJ_MUST_CHECK kj_status kj_regf_edit(kj_span disk, kj_buf *hive, const kj_regf_replay *replay,
                                     bool force, kj_arena *arena, kj_regf_editor **out,
                                     kj_error *err);
void kj_regf_editor_free(kj_regf_editor *editor);

/* The hive as it is now; valid until the next change. */
const kj_registry *kj_regf_editor_registry(const kj_regf_editor *editor);

/* KJ_MALFORMED when key or value are not there (any more). */
KJ_MUST_CHECK kj_status kj_regf_delete_value(kj_regf_editor *editor, kj_reg_key key,
                                             kj_reg_value_id value, kj_error *err);

/* The key and all below it; refused for the root and for a key marked as not to be deleted. */
KJ_MUST_CHECK kj_status kj_regf_delete_key(kj_regf_editor *editor, kj_reg_key key, kj_error *err);

/* Sets an existing value, or adds one: in place where the data fits its cell, else in the first
 * free cell that is large enough, else in a new bin; in segments above 16,344 bytes (from
 * version 1.4 on). `name`: raw, as kj_reg_name. */
KJ_MUST_CHECK kj_status kj_regf_set_value(kj_regf_editor *editor, kj_reg_key key, kj_reg_name name,
                                          uint32_t type, kj_span data, kj_error *err);

/* Raises the sequence numbers, and the time by 100 ns (so that no log of before fits, new or old),
 * sets the checksum, checks the result (no issue that was not there before, else KJ_INTERNAL and no
 * edits), and gives the edits that make the new file of the one on disk, replayed pages included;
 * none when there is nothing to do. They borrow from `disk` and from the editor. */
KJ_MUST_CHECK kj_status kj_regf_edit_finish(kj_regf_editor *editor, kj_edits *out, kj_error *err);

/* The header while the pages are being written, forward or back: the one after the edits (512
 * bytes), with a second sequence number that is the newest of both headers and a first that is one
 * more, checksum right. What is written first, so that a hive that is half written is dirty, and
 * newer than any log. */
void kj_regf_header_between(const uint8_t *before, const uint8_t *after, uint8_t out[512]);
