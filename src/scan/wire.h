/* SPDX-License-Identifier: Apache-2.0 */
/* What the supervisor and its workers say to each other: one record a packet, each a fixed struct
 * and a tail of bytes. The supervisor believes no worker: names travel as indices into the
 * definitions and texts as places in their strings, and kj_wire_decode() checks every one. The same
 * records hold the results of a file until its turn to be reported comes. */
#pragma once

#include "base/buf.h"
#include "defs/hash_sets.h"
#include "scan/scan.h"

enum {
    KJ_WIRE_RECORD_MAX = 4096,  /* bytes of an answer */
    KJ_WIRE_JOB_MAX = 96 << 10, /* bytes of a request: two paths */
    KJ_WIRE_MEMBER_MAX = 2048,  /* longer member paths are cut */
    KJ_WIRE_SENTENCE_MAX = 255,
    KJ_WIRE_LINE_MAX = 1024, /* likewise lines that rules print */
};

typedef enum kj_wire_kind {
    KJ_WIRE_JOB = 1, /* to a worker, with the descriptor */
    KJ_WIRE_FINDING,
    KJ_WIRE_UNSEEN,
    KJ_WIRE_SIGHTING,
    KJ_WIRE_DONE,
    KJ_WIRE_MATCHED,
    KJ_WIRE_CONSOLE,
    KJ_WIRE_ODD,
    KJ_WIRE_KIND_END
} kj_wire_kind;

typedef struct kj_wire_head {
    uint32_t kind;
    uint32_t len; /* of the whole record */
    uint64_t job; /* which request this is about */
} kj_wire_head;
_Static_assert(sizeof(kj_wire_head) == 16, "layout");

typedef struct kj_wire_job {
    kj_wire_head head;
    uint64_t size;
    uint32_t path_len;
    uint32_t host_len; /* tail: path, host path */
} kj_wire_job;
_Static_assert(sizeof(kj_wire_job) == 32, "layout");

typedef struct kj_wire_evidence {
    uint32_t kind; /* kj_evidence_kind */
    uint32_t excerpt_len;
    kj_disk_text rule;
    kj_disk_text item;
    kj_disk_text text;
    uint64_t offset;
    uint64_t len;
    uint8_t excerpt[KJ_EXCERPT_MAX];
} kj_wire_evidence;
_Static_assert(sizeof(kj_wire_evidence) == 80, "layout");

typedef struct kj_wire_finding {
    kj_wire_head head;
    uint32_t set;
    uint32_t detect;
    kj_disk_text source;
    uint64_t object; /* how many objects of the file were complete before */
    uint64_t size;
    uint32_t format; /* index into kj_formats, KJ_NONE */
    uint32_t evidence_count;
    uint32_t member_len; /* tail: member */
    uint32_t view;       /* kj_view */
    kj_wire_evidence evidence[KJ_EVIDENCE_MAX];
} kj_wire_finding;
_Static_assert(sizeof(kj_wire_finding) == 64 + 80 * KJ_EVIDENCE_MAX, "layout");

typedef struct kj_wire_unseen {
    kj_wire_head head;
    uint32_t why; /* kj_status */
    uint32_t member_len;
    uint32_t sentence_len; /* tail: member, sentence */
    uint32_t reserved;
} kj_wire_unseen;
_Static_assert(sizeof(kj_wire_unseen) == 32, "layout");

typedef struct kj_wire_sighting {
    kj_wire_head head;
    uint32_t set;
    uint32_t artifact;
    uint32_t member_len; /* tail: member */
    uint32_t reserved;
} kj_wire_sighting;
_Static_assert(sizeof(kj_wire_sighting) == 32, "layout");

typedef struct kj_wire_matched {
    kj_wire_head head;
    uint32_t set;
    uint32_t rule;
} kj_wire_matched;
_Static_assert(sizeof(kj_wire_matched) == 24, "layout");

typedef struct kj_wire_console {
    kj_wire_head head;
    uint32_t member_len;
    uint32_t line_len; /* tail: member, line */
} kj_wire_console;
_Static_assert(sizeof(kj_wire_console) == 24, "layout");

typedef struct kj_wire_odd {
    kj_wire_head head;
    uint64_t odd;        /* kj_oddities, at least one */
    uint64_t object;     /* as in kj_wire_finding */
    uint32_t member_len; /* tail: member */
    uint32_t reserved;
} kj_wire_odd;
_Static_assert(sizeof(kj_wire_odd) == 40, "layout");

typedef struct kj_wire_done {
    kj_wire_head head;
    uint64_t objects;
    uint64_t bytes;
    uint32_t status;       /* kj_status of the file as a whole */
    uint32_t sentence_len; /* tail: sentence */
} kj_wire_done;
_Static_assert(sizeof(kj_wire_done) == 40, "layout");

/* The definitions that indices and texts refer to. */
typedef struct kj_wire_sets {
    const kj_defs *const *items;
    size_t count;
} kj_wire_sets;

/* A record that was checked. Spans borrow from the packet, from the definitions and from the record
 * itself: call kj_wire_settle() where it was moved to. */
typedef struct kj_wire_record {
    kj_wire_kind kind;
    uint64_t job;
    uint64_t object; /* FINDING, ODD */
    kj_finding finding;
    kj_detection detection;                        /* FINDING; finding.name */
    kj_finding_evidence evidence[KJ_EVIDENCE_MAX]; /* finding.evidence */
    kj_span member;                                /* UNSEEN, SIGHTING, CONSOLE, ODD */
    kj_span line;                                  /* CONSOLE: escaped */
    kj_status why;                                 /* UNSEEN, DONE */
    char sentence[KJ_WIRE_SENTENCE_MAX + 1];       /* UNSEEN, DONE */
    uint32_t set;                                  /* SIGHTING, MATCHED */
    uint32_t artifact;                             /* SIGHTING */
    uint32_t rule;                                 /* MATCHED */
    kj_oddities odd;                               /* ODD */
    uint64_t objects;                              /* DONE */
    uint64_t bytes;
} kj_wire_record;

/* Checks and decodes an answer. False for anything that no honest worker sends. */
bool kj_wire_decode(kj_span packet, const kj_wire_sets *sets, kj_wire_record *out);

/* Lets what a moved record says of itself point to where it is now. */
void kj_wire_settle(kj_wire_record *moved);

/* The packet that begins at *pos of a run of checked packets; moves past it. False at the end. */
bool kj_wire_next(kj_span packets, size_t *pos, kj_span *out);

/* Turns a scan's events into records. */
typedef struct kj_wire_writer {
    const kj_wire_sets *sets;
    void (*put)(void *user, kj_span packet);
    void *user;
    uint64_t job;
    uint64_t objects;
    uint64_t bytes;
    bool on_volume; /* whether sightings and matched rules are wanted */
} kj_wire_writer;

/* The events to hand to kj_scan_file(); they use `writer`, which outlives them. */
kj_scan_events kj_wire_events(kj_wire_writer *writer);

/* Ends a file. */
void kj_wire_put_done(kj_wire_writer *writer, kj_status status, const kj_error *err);

/* A request. Appends it; the reading side answers false for what is no request. */
void kj_wire_put_job(kj_buf *out, uint64_t job, const kj_scan_input *input);
bool kj_wire_read_job(kj_span packet, uint64_t *out_job, kj_scan_input *out);
