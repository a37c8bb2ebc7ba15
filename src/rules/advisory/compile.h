/* SPDX-License-Identifier: Apache-2.0 */
/* One advisory while it is compiled: what was read so far, beside the nodes it came from, so that
 * what is wrong with the whole can still be shown where it stands. */
#pragma once

#include "rules/advisory/advisory.h"
#include "rules/advisory/schema.h"

enum {
    KJ_ADVISORY_MAX_ARTIFACTS = 128, /* enough for any threat; the rules of sense try out pairs */
    KJ_ADVISORY_MAX_DETECTS = 64,
};

typedef struct kj_draft_artifact {
    kj_artifact artifact;
    const kj_yaml *node;
    bool has_value; /* REGISTRY: a value is named */
    bool broken;    /* something was said about it: it may be more than what was read */
} kj_draft_artifact;

typedef struct kj_draft_detect {
    kj_detect detect; /* `when` is NULL and `name` empty where they could not be read */
    const kj_yaml *node;
} kj_draft_detect;

typedef struct kj_draft_remedy {
    kj_remedy remedy;
    const kj_yaml *node;
} kj_draft_remedy;

typedef struct kj_draft_test {
    kj_test test;
    const kj_yaml *node;
} kj_draft_test;

typedef struct kj_advisory {
    kj_reading r; /* first: readers get a pointer to it */
    const kj_advisory_options *options;
    const kj_yaml *root;
    uint32_t threat_index; /* what the threat and its items will be in the IR */
    uint32_t first_artifact;
    uint32_t first_rule;
    kj_threat threat;
    /* Sections that need others to be read first; NULL: absent. */
    const kj_yaml *definitions_node;
    const kj_yaml *artifacts_node;
    const kj_yaml *rules_node;
    const kj_yaml *detect_node;
    const kj_yaml *remedy_node;
    const kj_yaml *tests_node;
    KJ_VEC(kj_draft_artifact) artifacts;
    KJ_VEC(kj_draft_detect) detects;
    KJ_VEC(kj_draft_remedy) remedies;
    KJ_VEC(kj_draft_test) tests;
    bool definitions_broken; /* these sections had errors: what they hold may be incomplete */
    bool rules_broken;
    bool tests_broken;
} kj_advisory;

/* The advisory behind a reader's first argument. */
static inline kj_advisory *kj_advisory_of(kj_reading *r)
{
    return (kj_advisory *)r;
}

/* The sections; each says what is wrong and fills the drafts. */
void kj_advisory_read_artifacts(kj_advisory *a);
void kj_advisory_read_tests(kj_advisory *a);

/* What is well-formed but makes no sense. */
void kj_advisory_check_sense(kj_advisory *a);

/* The draft of that id, or NULL. */
const kj_draft_artifact *kj_advisory_artifact(const kj_advisory *a, kj_span id);

/* The index in the IR of the advisory's own rule of that name, or KJ_NONE. */
uint32_t kj_advisory_rule(const kj_advisory *a, kj_span name);

/* Whether the text of the rules holds one of that name, be it broken. */
bool kj_advisory_mentions_rule(const kj_advisory *a, kj_span name);

/* What an artifact of the kind is called in messages: "a registry value". */
const char *kj_advisory_kind_title(kj_artifact_kind kind);

/* The role of that name, or KJ_ROLE_NONE. */
kj_role kj_advisory_role(kj_span name);

/* Compiles `when` or `needs`: NULL after a complaint. */
const kj_expr *kj_advisory_expr(kj_advisory *a, const kj_yaml *node);

/* Whether a word means something in expressions and cannot be an id. */
bool kj_advisory_is_reserved(kj_span word);

kj_read_value kj_read_path;  /* kj_span: a Windows path with variables, absolute */
kj_read_value kj_read_paths; /* kj_texts: one or a list */
kj_read_value kj_read_key;   /* kj_span: a registry key with its root */
kj_read_value kj_read_keys;  /* kj_texts */
kj_read_value kj_read_data;  /* kj_span: text in which variables may stand */
kj_read_value kj_read_kind;  /* kj_span: the name of a format */
