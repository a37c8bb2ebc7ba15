/* SPDX-License-Identifier: Apache-2.0 */
/* One object against one set of definitions: patterns, rules, artifacts, detections. */
#pragma once

#include "base/bits.h"
#include "defs/defs.h"
#include "ir/ir.h"
#include "match/search.h"

/* ---- what was seen ------------------------------------------------------------------------- */

/* Artifacts that were seen and rules that matched: the facts that `when` and `needs` are evaluated
 * over. Made for one object, or collected over a whole volume or host. */
typedef struct kj_sightings {
    kj_bits artifacts;
    kj_bits rules;
    bool starved; /* memory ran out while facts were looked at: some may be missing */
} kj_sightings;

KJ_MUST_CHECK kj_status kj_sightings_init(kj_sightings *seen, const kj_defs *defs, kj_error *err);
void kj_sightings_done(kj_sightings *seen);
void kj_sightings_clear(kj_sightings *seen);
void kj_sightings_merge(kj_sightings *seen, const kj_sightings *more); /* of the same definitions */
void kj_sightings_remove(kj_sightings *seen, const kj_sightings *less); /* likewise */
void kj_sightings_add_artifact(kj_sightings *seen, uint32_t artifact);
void kj_sightings_add_rule(kj_sightings *seen, uint32_t rule);
bool kj_sightings_has_artifact(const kj_sightings *seen, uint32_t artifact);
bool kj_sightings_has_rule(const kj_sightings *seen, uint32_t rule);

/* Whether the condition at `code` (a detection's `when`, a remedy's `needs`) holds over what was
 * seen. False for damaged code. */
bool kj_sightings_hold(const kj_sightings *seen, const kj_defs *defs, uint32_t code);

/* ---- facts: what artifacts are recognised by ------------------------------------------------ */

enum { KJ_FACT_TYPES_MAX = 8 };

/* A file, a member or an attachment, as artifacts see it. */
typedef struct kj_file_fact {
    kj_span place; /* normalized Windows path (base/fold.h), empty where it has none */
    kj_span name;  /* base name, or the attachment's name: UTF-8 */
    uint64_t size;
    kj_span types[KJ_FACT_TYPES_MAX]; /* names of the formats that claim it */
    size_t type_count;
    bool has_bytes;
    kj_span bytes; /* for digests */
} kj_file_fact;

typedef struct kj_mail_fact {
    kj_span subject; /* decoded, UTF-8 */
    const kj_file_fact *attachments;
    size_t attachment_count;
} kj_mail_fact;

/* A value of the registry, or an entry of an INI file. Names are UTF-8 in any case. */
typedef struct kj_entry_fact {
    kj_span place;   /* registry: "HKLM\\Software\\..."; INI: the file, as in kj_file_fact.place */
    kj_span section; /* INI only */
    kj_span name;    /* the value's or the key's name */
    kj_span data;    /* text form */
} kj_entry_fact;

/* A task, a service or what stands in a startup folder. */
typedef struct kj_named_fact {
    kj_artifact_kind kind;
    kj_span name;
    kj_span target; /* the program it starts, as in kj_entry_fact.data; may be empty */
} kj_named_fact;

/* Adds the artifacts that a fact shows to `seen`. `seen` must hold the rules that matched the file
 * already, for artifacts that ask for one. */
void kj_sight_file(const kj_defs *defs, const kj_file_fact *file, kj_sightings *seen);
void kj_sight_mail(const kj_defs *defs, const kj_mail_fact *mail, kj_sightings *seen);
void kj_sight_registry(const kj_defs *defs, const kj_entry_fact *entry, kj_sightings *seen);
void kj_sight_ini(const kj_defs *defs, const kj_entry_fact *entry, kj_sightings *seen);
void kj_sight_named(const kj_defs *defs, const kj_named_fact *fact, kj_sightings *seen);

/* Adds the registry artifacts whose key and name are the entry's, whatever its data is: a variant
 * of the threat, or something that has nothing to do with it. */
void kj_sight_registry_near(const kj_defs *defs, const kj_entry_fact *entry, kj_sightings *seen);

/* ---- the matcher ---------------------------------------------------------------------------- */

/* What a matcher needs to know of an object. */
typedef struct kj_match_input {
    kj_span bytes;
    uint32_t view; /* 0: the object as it is; else the KJ_RULE_VIEW_... that `bytes` are: only rules
                      that look at such views are looked at, and no artifacts */
    kj_file_fact file;
    const kj_mail_fact *mail; /* NULL unless it is a message */
    bool has_entry_point;
    uint64_t entry_point; /* file offset */
    /* Answers a question to a module. NULL: all are undefined. */
    kj_value (*field)(void *user, const kj_field_call *call);
    /* An external variable by name; undefined: the definitions' own value. NULL: always that. */
    kj_value (*external)(void *user, kj_span name);
    void *user;
} kj_match_input;

typedef struct kj_match_limits {
    kj_search_limits search;
    uint64_t steps;       /* of conditions, summed over the object; 0: no limit */
    kj_deadline deadline; /* of the search and of conditions: search.deadline need not be set */
    uint64_t *costs;      /* one a rule, to which the steps of its condition are added; NULL: nobody
                             asks */
} kj_match_limits;

/* One piece of what made a detection true. */
typedef enum kj_evidence_kind {
    KJ_EVIDENCE_ARTIFACT, /* artifact */
    KJ_EVIDENCE_RULE,     /* rule; no string of it needed */
    KJ_EVIDENCE_PATTERN,  /* rule, pattern, offset, len */
    KJ_EVIDENCE_DIGEST,   /* made by scan/: a digest is known; offset, len: of what was digested */
} kj_evidence_kind;

typedef struct kj_evidence {
    kj_evidence_kind kind;
    uint32_t artifact;
    uint32_t rule;
    uint32_t pattern;
    uint64_t offset;
    uint64_t len;
} kj_evidence;

typedef struct kj_matcher kj_matcher; /* scratch of one worker */

/* The definitions outlive it. NULL without memory. */
kj_matcher *kj_matcher_new(const kj_defs *defs);
void kj_matcher_free(kj_matcher *matcher);

/* Matches one object and forgets the last. Afterwards kj_matcher_seen() and kj_matcher_detects()
 * answer. KJ_LIMIT when something was cut short (the rest stays valid); KJ_INTERNAL for damaged
 * definitions. */
KJ_MUST_CHECK kj_status kj_matcher_run(kj_matcher *matcher, const kj_match_input *input,
                                       const kj_match_limits *limits, kj_error *err);

const kj_sightings *kj_matcher_seen(const kj_matcher *matcher);

/* The hits of a pattern by rising offset, all of them if the limits said `every`; valid until the
 * next call or run. Searches what deciding its rule did not need. */
const kj_hit *kj_matcher_hits(kj_matcher *matcher, uint32_t pattern, size_t *out_count);

/* The value of the expression at word `code`, a part of the condition of `rule`, about the object
 * of the last run, whose input is still `object`; all strings of the rule are searched for it. What
 * could not be computed is undefined. */
kj_value kj_matcher_value(kj_matcher *matcher, const kj_match_input *object, uint32_t rule,
                          uint32_t code);

/* Whether the pattern has more hits than were kept. */
bool kj_matcher_is_cut(const kj_matcher *matcher, uint32_t pattern);

/* Indices of the detections that hold, rising. Valid until the next run. */
const uint32_t *kj_matcher_detects(const kj_matcher *matcher, size_t *out_count);

/* Writes up to `max` pieces of evidence for a detection that holds; returns how many. The object's
 * bytes are searched once more for strings that deciding did not need. */
size_t kj_matcher_evidence(kj_matcher *matcher, uint32_t detect, kj_evidence *out, size_t max);

/* The detections that hold over sightings collected from many objects, handed to `found` with the
 * artifacts that they are about. KJ_NO_MEMORY when some may be missing. */
KJ_MUST_CHECK kj_status kj_sightings_detects(const kj_sightings *seen, const kj_defs *defs,
                                             void (*found)(void *user, uint32_t detect), void *user,
                                             kj_error *err);
