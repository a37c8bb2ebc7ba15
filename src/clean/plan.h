/* SPDX-License-Identifier: Apache-2.0 */
/* What has to be done so that a system is right again, as a list that people read first, and as the
 * transaction that does it (clean/transaction.h). Made of what an inspection found, and of the INI
 * files and folders on the volume that it is about, read once more; it changes nothing. */
#pragma once

#include "clean/transaction.h"
#include "host/inspect.h"

typedef enum kj_phase {
    KJ_PHASE_REFERENCES, /* what starts it: first, so that nothing ever leads to a file that is gone
                          */
    KJ_PHASE_FILES,
    KJ_PHASE_REPORT, /* what is for people */
    KJ_PHASE_COUNT
} kj_phase;

typedef enum kj_risk { KJ_RISK_LOW, KJ_RISK_MEDIUM, KJ_RISK_HIGH, KJ_RISK_COUNT } kj_risk;

typedef enum kj_action_status {
    KJ_ACTION_PLANNED,
    KJ_ACTION_REFUSED, /* wanted, but it will not be done: `refused` says why */
    KJ_ACTION_MANUAL,  /* something that a person has to do */
    KJ_ACTION_REPORT,  /* told only */
    KJ_ACTION_STATUS_COUNT
} kj_action_status;

/* Why it is in the plan. */
typedef enum kj_why {
    KJ_WHY_REMEDY,  /* the advisory says so */
    KJ_WHY_CONTENT, /* something was detected in the file's content */
    KJ_WHY_LEADS,   /* it starts a file that is removed */
    KJ_WHY_COPY,    /* System Restore keeps a copy */
    KJ_WHY_VARIANT, /* a threat's name for the value, but it leads elsewhere */
    KJ_WHY_COUNT
} kj_why;

/* What becomes of a registry value; the words of kj_do, and what only the table of places asks for.
 */
typedef enum kj_deed {
    KJ_DEED_QUARANTINE,
    KJ_DEED_DELETE_VALUE,
    KJ_DEED_DELETE_KEY,
    KJ_DEED_SET_VALUE, /* `becomes`: the default, or what is left of a list */
    KJ_DEED_SET_INI,
    KJ_DEED_DELETE_INI,
    KJ_DEED_DISABLE_SERVICE,
    KJ_DEED_REMOVE_DIRECTORY,
    KJ_DEED_REPORT,
    KJ_DEED_MANUAL,
    KJ_DEED_COUNT
} kj_deed;

typedef struct kj_action {
    uint32_t system; /* index of the inspection */
    kj_do what;      /* as the advisory calls it */
    kj_deed deed;
    kj_phase phase;
    kj_why why;
    kj_action_status status;
    const char *refused; /* KJ_SENTENCE; NULL */
    kj_risk risk;
    const char *risk_why; /* KJ_SENTENCE; NULL for a low one */
    uint32_t set;
    uint32_t threat;    /* KJ_NONE */
    uint32_t trace;     /* index; KJ_NONE */
    uint32_t autostart; /* index; KJ_NONE */
    uint32_t file;      /* index: what goes, or what the entry starts; KJ_NONE */
    kj_spot spot;
    kj_node directory;   /* REMOVE_DIRECTORY */
    const char *becomes; /* SET_VALUE, SET_INI: the new text, UTF-8; NULL */
    kj_span to;          /* SET_VALUE: what the advisory wants it to be; empty */
    kj_span warn;        /* "stolen-data"; empty */
    uint32_t step;       /* the step that does it; KJ_NONE */
} kj_action;

typedef struct kj_plan {
    const kj_action *actions; /* by phase */
    size_t count;
    const kj_step *steps; /* patches, removals, directories */
    size_t step_count;
    size_t planned;       /* actions that would be done */
    size_t refused;       /* that cannot */
    uint64_t changed;     /* bytes that patches change */
    uint64_t quarantined; /* bytes of the files that go */
    char id[33];          /* of exactly this plan on exactly this state: hex digits */
} kj_plan;

typedef struct kj_plan_options {
    bool allow_system; /* protected objects, too */
    bool force;        /* edit hives in which the check finds errors */
} kj_plan_options;

/* Makes the plan for all systems of a volume; everything is the arena's. KJ_NO_MEMORY. */
KJ_MUST_CHECK kj_status kj_plan_make(const kj_inspection *inspections, size_t count,
                                     const kj_plan_options *options, kj_arena *arena, kj_plan *out,
                                     kj_error *err);

/* Whether a place (normalized, "%windir%\\explorer.exe") is a part of Windows that it does not
 * start without. */
bool kj_is_protected(kj_span place);

const char *kj_deed_name(kj_deed deed); /* "delete-value": documents */
