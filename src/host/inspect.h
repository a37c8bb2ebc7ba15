/* SPDX-License-Identifier: Apache-2.0 */
/* What the threats of the definitions left on a Windows system: every artifact's place is looked
 * at, in files, hives and INI files, every program that starts by itself is scanned, and all that
 * was seen together decides what is detected. Changes nothing. */
#pragma once

#include "host/autostarts.h"
#include "match/match.h"
#include "modules/pe_signer.h"
#include "scan/scan.h"

/* What a trace means for the system. */
typedef enum kj_trace_state {
    KJ_TRACE_ACTIVE,  /* it starts with Windows */
    KJ_TRACE_DORMANT, /* a program, or a copy of one, that nothing starts by itself */
    KJ_TRACE_REMNANT, /* what is left behind: data, an entry that leads nowhere */
    KJ_TRACE_VARIANT, /* a registry value of a threat's name that leads elsewhere: told, never
                         touched */
    KJ_TRACE_STATE_COUNT
} kj_trace_state;

const char *kj_trace_state_name(kj_trace_state state); /* "active": documents */

/* A detection in a file's content, or in a member of it. */
typedef struct kj_host_hit {
    kj_span name;
    kj_class klass;
    uint32_t set;
    uint32_t detect;
    kj_span member; /* empty: the file itself */
} kj_host_hit;

/* A file that was looked at. */
typedef struct kj_host_file {
    kj_node node;
    kj_span place; /* as artifacts know it */
    kj_span shown; /* for people: "C:\\WINNT\\SYS32.EXE", escaped */
    const char *type;
    bool has_sha256;
    uint8_t sha256[KJ_HASH_MAX];
    const kj_host_hit *hits;
    size_t hit_count;
    bool is_copy; /* kept by System Restore */
} kj_host_file;

/* An artifact of an advisory at one spot; or a file in which something was detected that is no
 * advisory's artifact. */
typedef struct kj_trace {
    uint32_t set;
    uint32_t artifact; /* KJ_NONE: known by its content alone */
    uint32_t threat;   /* in that set; KJ_NONE */
    kj_artifact_kind kind;
    kj_role role;
    kj_trace_state state;
    bool is_proven; /* belongs to a threat that was detected on this system */
    bool is_copy;   /* in a System Restore point or another copy: it may come back */
    kj_spot spot;
    uint32_t file; /* index in `files`: the file, or the one that the entry starts; KJ_NONE */
    uint32_t
        autostart; /* index: TASK, SERVICE, STARTUP, and entries that are in the list; KJ_NONE */
} kj_trace;

/* A threat that was detected, under one name. */
typedef struct kj_host_threat {
    uint32_t set;
    uint32_t threat; /* KJ_NONE: a bare rule's */
    uint32_t detect; /* the first that held */
    kj_span name;
    kj_class klass;
    kj_trace_state state; /* the worst of its traces' */
} kj_host_threat;

typedef struct kj_host_autostart {
    kj_autostart entry;
    uint32_t file; /* index in `files`, KJ_NONE: not there or not looked at */
    kj_signed is_signed;
    const char *signer; /* NULL: unknown */
} kj_host_autostart;

typedef struct kj_host_unseen {
    kj_span where; /* for people */
    const char *sentence;
} kj_host_unseen;

typedef struct kj_inspect_options {
    const kj_defs *const *sets;
    size_t set_count;
    kj_scan_limits limits;
    bool signatures;                                /* look at the signatures of what starts */
    bool every_file;                                /* scan every file of the volume */
    bool (*stopped)(void *user);                    /* NULL: never */
    void (*progress)(void *user, const char *what); /* NULL; what is looked at now, escaped */
    void *user;
} kj_inspect_options;

typedef struct kj_inspection {
    const kj_system *system;
    const kj_inspect_options *options;
    kj_sightings seen[KJ_SETS_MAX]; /* without copies and variants */
    const kj_trace *traces;
    size_t trace_count;
    const kj_host_threat *threats;
    size_t threat_count;
    const kj_host_autostart *autostarts; /* all, Windows' own included */
    size_t autostart_count;
    const kj_host_file *files;
    size_t file_count;
    const kj_host_unseen *unseen;
    size_t unseen_count;
    bool is_partial; /* `stopped` said so */
} kj_inspection;

/* Inspects a system. Results are the system's arena's, and the inspection's until it is done. What
 * could not be looked at is in `unseen`. KJ_NO_MEMORY. */
KJ_MUST_CHECK kj_status kj_inspect(const kj_system *system, const kj_inspect_options *options,
                                   kj_inspection *out, kj_error *err);
void kj_inspection_done(kj_inspection *inspection);

/* Whether anything was detected that is no copy in a System Restore point. */
bool kj_inspection_found(const kj_inspection *inspection);

/* Hands out the directories at the places of a FILE artifact. */
KJ_MUST_CHECK kj_status kj_inspect_directories(const kj_inspection *inspection, uint32_t set,
                                               uint32_t artifact,
                                               void (*found)(void *user, const kj_node *node),
                                               void *user, kj_error *err);

/* Whether both are the same place: the same value, entry or file. */
bool kj_spot_equal(const kj_spot *a, const kj_spot *b);

/* Whether the trace is told under that threat: those of its advisory; where an advisory has several
 * names, under another than its own what the name's detections are about. */
bool kj_threat_has(const kj_inspection *inspection, const kj_host_threat *threat,
                   const kj_trace *trace);

/* The part of a registry or INI entry's data that the artifact is about, when the data is a list:
 * from byte *out_start on, *out_len bytes, as few tokens as show it. False: no part by itself. For
 * removing it. */
bool kj_trace_token(const kj_inspection *inspection, const kj_trace *trace, size_t *out_start,
                    size_t *out_len);
