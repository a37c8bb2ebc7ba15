/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of an inspection share while it is made. */
#pragma once

#include "base/vec.h"
#include "host/inspect.h"

/* Which file of the tree is which of `files`: open addressing by path. */
typedef struct kj_file_slots {
    uint32_t *slots; /* index + 1; 0: free */
    size_t count;    /* a power of two */
    size_t used;
} kj_file_slots;

typedef struct kj_inspector {
    const kj_system *system;
    const kj_inspect_options *options;
    kj_arena *arena; /* the system's */
    kj_span windir;  /* "c:\\winnt" of this system, normalized: what data is compared with */
    kj_scanner *scanner;
    kj_sightings seen[KJ_SETS_MAX];
    kj_sightings scratch[KJ_SETS_MAX]; /* of one fact */
    KJ_VEC(kj_trace) traces;
    KJ_VEC(kj_host_threat) threats;
    KJ_VEC(kj_host_autostart) autostarts;
    KJ_VEC(kj_host_file) files;
    KJ_VEC(kj_host_hit) hits; /* of the file under way */
    KJ_VEC(kj_host_unseen) unseen;
    kj_file_slots slots;
    uint64_t work; /* that entries took: places asked, and what their texts cost */
    bool starved;
} kj_inspector;

/* One that has seen nothing yet. */
kj_inspector kj_inspector_of(const kj_system *system, const kj_inspect_options *options);

static inline const kj_defs *kj_inspector_set(const kj_inspector *in, uint32_t set)
{
    return in->options->sets[set];
}

bool kj_inspector_stopped(kj_inspector *in);

/* Notes what could not be looked at. `where`: for people; copied. */
void kj_inspector_unseen(kj_inspector *in, const char *where, const char *sentence);

/* The bytes of a text, in the system's arena. */
kj_span kj_inspector_copy(kj_inspector *in, kj_span text);

/* What was there before something was looked at. When nothing came of it, the memory that it took
 * is given back: a hive holds more values than memory would. */
typedef struct kj_inspector_point {
    kj_arena_mark mark;
    size_t traces, files, unseen;
} kj_inspector_point;

kj_inspector_point kj_inspector_save(const kj_inspector *in);
void kj_inspector_go_back(kj_inspector *in, kj_inspector_point point);

/* ---- files (inspect_files.c)
 * ------------------------------------------------------------------------ */

/* Scans a file once, whoever asks how often, and notes the artifacts that it is. Index in `files`,
 * KJ_NONE when it could not be opened. */
uint32_t kj_inspect_file(kj_inspector *in, const kj_node *node);

/* Index of a file that was looked at, KJ_NONE. */
uint32_t kj_inspected_file(const kj_inspector *in, kj_span path);

/* kj_tree_glob() that tells what it could not look at, and goes on. */
kj_status kj_inspector_glob(kj_inspector *in, const char *pattern,
                            void (*found)(void *user, const kj_node *node), void *user,
                            kj_error *err);

/* Every place where an artifact of kind FILE may be. */
kj_status kj_inspect_places(kj_inspector *in, kj_error *err);

/* Files that System Restore kept and that may be bodies of a threat that was detected. */
kj_status kj_inspect_restore_points(kj_inspector *in, kj_error *err);

/* Every file of the volume. */
kj_status kj_inspect_every_file(kj_inspector *in, kj_error *err);

/* The pattern of a place ("%windir%\\*.exe", "c:\\logo.jpg") as one for kj_tree_glob(); NULL: of
 * another drive, or without memory. The arena's. */
char *kj_inspect_tree_pattern(kj_inspector *in, kj_span pattern);

/* ---- entries (inspect_entries.c)
 * ---------------------------------------------------------------------- */

kj_status kj_inspect_registry(kj_inspector *in, kj_error *err);
kj_status kj_inspect_ini(kj_inspector *in, kj_error *err);
/* Tasks, services, startup entries: of the autostarts. */
kj_status kj_inspect_named(kj_inspector *in, kj_error *err);

/* Data as artifacts compare it: this system's Windows directory as %windir%. The arena's. */
kj_span kj_inspect_comparable(kj_inspector *in, kj_span text);

/* In whose name a command that stands there is resolved. */
kj_path_context kj_inspect_context(const kj_system *system, const kj_spot *spot);
