/* SPDX-License-Identifier: Apache-2.0 */
/* The walk over one file and everything inside it. */
#pragma once

#include "formats/format.h"
#include "match/match.h"
#include "modules/module.h"

/* Budgets of one file. Hitting one is told as "not seen", never passed over. */
typedef struct kj_scan_limits {
    uint32_t depth;        /* containers inside containers */
    uint64_t members;      /* members in all */
    uint64_t bytes;        /* unpacked bytes in all */
    uint64_t member_bytes; /* of one member */
    uint64_t file_bytes;   /* of the file itself */
    uint32_t ratio;        /* unpacked to packed, once more than 1 MiB was unpacked */
    uint32_t readings;     /* bytes of further readings of messages to bytes read; not 0 */
    uint32_t time_ms;
} kj_scan_limits;

#define KJ_SCAN_LIMITS_INIT                                                                        \
    {                                                                                              \
        .depth = 16, .members = 100000, .bytes = UINT64_C(2) << 30,                                \
        .member_bytes = UINT64_C(256) << 20, .file_bytes = UINT64_C(1) << 30, .ratio = 1000,       \
        .readings = 8, .time_ms = 120000                                                           \
    }

enum { KJ_EVIDENCE_MAX = 8, KJ_EXCERPT_MAX = 32 };

/* A piece of evidence, resolved: names instead of indices. */
typedef struct kj_finding_evidence {
    kj_evidence_kind kind;
    kj_span rule;    /* its name; empty for an artifact */
    kj_span item;    /* the string's identifier, the artifact's id, or the digest's name ("md5") */
    kj_span text;    /* the string as written, what the artifact is (its first name), or what was
                        digested ("object", "section", ...) */
    uint64_t offset; /* PATTERN, DIGEST: in the member's bytes */
    uint64_t len;
    uint8_t excerpt[KJ_EXCERPT_MAX]; /* the first bytes of the match; the digest */
    size_t excerpt_len;
} kj_finding_evidence;

/* One detection in one object. All spans are valid during the call only. */
typedef struct kj_finding {
    kj_span name;
    kj_class klass;
    uint32_t set;    /* which definitions: index into the scanner's sets */
    uint32_t detect; /* its number in that set (kj_defs_detection()) */
    kj_span detect_id;
    kj_span source; /* the advisory's id, or the rule's namespace */
    uint32_t since; /* release; 0: none */
    kj_span member; /* path below the file: names joined by '!', escaped; empty: the file itself */
    const char *type; /* the object's format */
    uint64_t size;
    unsigned view; /* kj_view of the object in which the evidence stands; 0: the object as it is */
    const kj_finding_evidence *evidence;
    size_t evidence_count;
} kj_finding;

/* What a scan tells, in the order in which it happens: members before what holds them. */
typedef struct kj_scan_events {
    void *user;
    void (*finding)(void *user, const kj_finding *finding);
    /* Something was not looked at. `member` as in kj_finding. `why`: a status for tools. */
    void (*unseen)(void *user, kj_status why, kj_span member, const char *sentence);
    /* An artifact of set `set` was seen in `member`; what a volume's detections are made of. NULL:
     * nobody asks. */
    void (*sighting)(void *user, uint32_t set, uint32_t artifact, kj_span member);
    /* A rule of an advisory in set `set` matched, in the file itself or in a member of it: the
     * other half of that. NULL: nobody asks. */
    void (*matched)(void *user, uint32_t set, uint32_t rule, bool is_member);
    /* A rule had a line printed (console.log) about `member`; raw bytes. NULL: nobody asks. */
    void (*console)(void *user, kj_span member, kj_span line);
    /* Something is strange about an object: it can be read in several ways. NULL: nobody asks. */
    void (*odd)(void *user, kj_oddities odd, kj_span member);
    /* An object, or a view of it (`input` says which), was held against set `set`; the matcher and
     * its answers stay during the call. NULL: nobody asks. */
    void (*examine)(void *user, uint32_t set, kj_matcher *matcher, const kj_object *object,
                    const kj_match_input *input);
    /* An object was scanned, the file itself or a member of it. NULL: nobody asks. */
    void (*object)(void *user, bool is_member, const char *type, uint64_t bytes);
} kj_scan_events;

/* A file to scan. */
typedef struct kj_scan_input {
    kj_span path;      /* as the user will see it, raw bytes */
    kj_span host_path; /* normalized Windows path, or empty */
    int fd;            /* open for reading, at its start; the caller closes it */
    uint64_t size;     /* what fstat said; KJ_SIZE_UNKNOWN: a pipe */
} kj_scan_input;

#define KJ_SIZE_UNKNOWN UINT64_MAX

typedef struct kj_scanner kj_scanner; /* one worker's: buffers, arenas, matchers */

/* `sets`: up to KJ_SETS_MAX definitions that are searched one after the other, all of which outlive
 * the scanner. NULL without memory. */
enum { KJ_SETS_MAX = 4 };
kj_scanner *kj_scanner_new(const kj_defs *const *sets, size_t count, const kj_scan_limits *limits);
void kj_scanner_free(kj_scanner *scanner);

/* What modules get besides the object: the reports in `env`, which outlive the scanner, and its
 * time. Without it, nothing. What modules tell goes to the events. */
void kj_scanner_set_env(kj_scanner *scanner, const kj_module_env *env);

/* Scans one file. KJ_OK also when there are findings or something was not seen; otherwise the file
 * as a whole could not be scanned: KJ_IO, KJ_NO_MEMORY, KJ_CANCELLED. */
KJ_MUST_CHECK kj_status kj_scan_file(kj_scanner *scanner, const kj_scan_input *input,
                                     const kj_scan_events *events, kj_error *err);

/* The same for bytes in memory, which stay during the call. */
KJ_MUST_CHECK kj_status kj_scan_bytes(kj_scanner *scanner, kj_span path, kj_span bytes,
                                      const kj_scan_events *events, kj_error *err);

/* Asks a running scan to stop, from a signal handler or another thread; later ones stop, too. */
void kj_scanner_cancel(kj_scanner *scanner);
