/* SPDX-License-Identifier: Apache-2.0 */
/* What text and page share: reading the document without believing it, the words for its words, and
 * what a run comes to. Nothing here fails: what is missing, or of another type, is empty. */
#pragma once

#include "base/arith.h"
#include "report/host.h"

/* ---- reading ------------------------------------------------------------------------------------
 */

/* A text; "" when there is none. */
const char *kj_host_get(const json_t *object, const char *key);
bool kj_host_is(const json_t *object, const char *key, const char *word);
bool kj_host_lists(const json_t *array, const char *word);

/* An advisory's text in that language, else in the other one; "". */
const char *kj_host_text(const json_t *texts, kj_lang lang);

/* ---- words --------------------------------------------------------------------------------------
 */

typedef enum kj_host_vocabulary {
    KJ_HOST_STATES, /* of traces, with few words */
    KJ_HOST_STATES_LONG,
    KJ_HOST_ROLES,
    KJ_HOST_KINDS,
    KJ_HOST_CLASSES,
    KJ_HOST_RISKS,
    KJ_HOST_DEEDS,
    KJ_HOST_RESULTS,
    KJ_HOST_REMAINS,
    KJ_HOST_HIVES, /* their states */
    KJ_HOST_CATEGORIES,
    KJ_HOST_FLAGS,
    KJ_HOST_SIGNED,
    KJ_HOST_VOCABULARY_COUNT
} kj_host_vocabulary;

/* The word as people read it; one that nobody knows stays as it is. */
const char *kj_host_say(kj_host_vocabulary vocabulary, const char *word);

/* A sentence of the document in the user's language, if the catalogue has it. */
const char *kj_host_sentence(const json_t *object, const char *key);

/* The trace's role, or what it is when it has none. */
const char *kj_host_role(const json_t *trace);

/* What else there is to say of a trace; "" where its heading says it. */
const char *kj_host_note(const json_t *trace);

/* Where a trace or an action is: `HKLM\...\Run "System"`, `C:\WIN.INI, line 4: [windows] run`. */
void kj_host_put_place(const json_t *object, kj_buf *out);

/* "32,768 bytes"; nothing when there is no size. */
void kj_host_put_size(const json_t *object, kj_buf *out);
void kj_host_put_number(uint64_t number, kj_buf *out); /* "32,768" */

/* Whether an image was inspected: nothing is cleaned in one. */
bool kj_host_is_image(const json_t *document);

/* "ext4 folder", "NTFS image"; nothing when the document does not say. */
void kj_host_put_tree(const json_t *document, kj_buf *out);

/* "2026-11-24 12:00 UTC". */
void kj_host_put_time(const json_t *document, kj_buf *out);

/* "Windows 2000, 5.0.2195, 32-bit". */
void kj_host_put_system(const json_t *system, kj_buf *out);

/* "kujo.defs 8000, ...". */
void kj_host_put_definitions(const json_t *document, kj_buf *out);

/* "exact; risk for companies: low, at home: low; advisory 2004-0127". */
void kj_host_put_about(const json_t *threat, kj_buf *out);

/* The name, and what else it is detected as: "W32/X (exact)", joined by commas. */
void kj_host_put_found(const json_t *found, kj_buf *out);

/* Whether what was found in a trace's content says more than the name of its threat. */
bool kj_host_adds_found(const json_t *trace);

/* Where the autostart leads: the file, else the command. */
const char *kj_host_target(const json_t *autostart);

/* The system's autostarts by category, in the order of the document: an object of arrays, the
 * caller's (json_decref()); NULL without memory. */
json_t *kj_host_categories(const json_t *system);

/* ---- traces -------------------------------------------------------------------------------------
 */

/* Under which heading a trace is told. */
typedef enum kj_host_group {
    KJ_HOST_OF_THREAT,
    KJ_HOST_COPIES,   /* kept by System Restore */
    KJ_HOST_VARIANTS, /* lead elsewhere: not touched */
    KJ_HOST_UNPROVEN, /* of no threat that was detected */
    KJ_HOST_GROUP_COUNT
} kj_host_group;

kj_host_group kj_host_group_of(const json_t *trace);
const char *kj_host_group_title(kj_host_group group);   /* translated */
const char *kj_host_group_meaning(kj_host_group group); /* a sentence, translated */

/* The threat's traces of the first group; with `threat` NULL the traces of a group that stand with
 * no threat: copies, variants, unproven ones, and those of the first group that no threat names.
 * An array of the caller's (json_decref()); NULL without memory. */
json_t *kj_host_traces(const json_t *system, const json_t *threat, kj_host_group group);

/* Whether a trace may hold what somebody was robbed of. */
bool kj_host_is_stolen(const json_t *trace);

/* ---- actions ------------------------------------------------------------------------------------
 */

typedef struct kj_host_phase {
    const char *word;  /* in documents; NULL: all others */
    const char *title; /* N_() */
} kj_host_phase;

extern const kj_host_phase kj_host_phases[];
extern const size_t kj_host_phase_count;

bool kj_host_in_phase(const json_t *action, const kj_host_phase *phase);

/* What became of an action, or may become of it, as one word of KJ_HOST_RESULTS. */
const char *kj_host_result(const json_t *action);

/* One sign for it, one cell wide: a tick, a cross, ... */
const char *kj_host_sign(const char *result);

/* Good, bad, or neither. */
typedef enum kj_host_tone { KJ_HOST_NEUTRAL, KJ_HOST_GOOD, KJ_HOST_WARN, KJ_HOST_BAD } kj_host_tone;

kj_host_tone kj_host_result_tone(const char *result);
kj_host_tone kj_host_state_tone(const char *state);
kj_host_tone kj_host_signed_tone(const char *word);

/* What the second inspection says of the threats, translated. */
const char *kj_host_again(const json_t *after);

/* ---- what it comes to ---------------------------------------------------------------------------
 */

typedef struct kj_host_tally {
    size_t systems;
    size_t hibernated;
    size_t threats;
    size_t active;
    size_t traces; /* of threats */
    size_t copies;
    size_t variants;
    size_t stolen;
    size_t unseen;
    size_t planned;
    size_t refused;
    size_t manual;
    size_t done;
    size_t skipped;
    size_t failed;
    size_t pending;
    bool has_plan;
    bool has_run;
    bool is_image;
} kj_host_tally;

void kj_host_count(const json_t *document, kj_host_tally *out);

/* The outcome in one sentence, translated, and how it sounds. */
kj_host_tone kj_host_outcome(const json_t *document, const kj_host_tally *tally,
                             const char **out_sentence);

/* What was counted, without what there is none of. */
typedef struct kj_host_figure {
    const char *label; /* translated, behind the number: "threats" */
    size_t count;
    kj_host_tone tone;
} kj_host_figure;

enum { KJ_HOST_FIGURES_MAX = 16 };

size_t kj_host_figures(const kj_host_tally *tally, kj_host_figure out[KJ_HOST_FIGURES_MAX]);

/* What to do next: a line for a shell, or with `before` NULL a sentence by itself. */
typedef struct kj_host_next {
    const char *before;  /* "kujo clean " */
    const char *object;  /* the root or the run: to be quoted for a shell */
    const char *behind;  /* " --apply" */
    const char *meaning; /* translated */
    const char *state;   /* what --state was, or NULL */
} kj_host_next;

enum { KJ_HOST_NEXT_MAX = 4 };

size_t kj_host_what_next(const json_t *document, const kj_host_tally *tally,
                         kj_host_next out[KJ_HOST_NEXT_MAX]);

void kj_host_put_command(const kj_host_next *next, kj_buf *out);
