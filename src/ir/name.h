/* SPDX-License-Identifier: Apache-2.0 */
/* Names of threats: the CARO scheme in the dialect of the virus libraries of the 2000s.
 *
 *     [type://][platform/]family{.part}[:locale][#packer][@m|@mm][!comment]
 *     part: gen[.N] (family) | dr dll hta zip cfg ... (component) | digits (length) | letters
 *
 * Parsing and printing are inverse: the printed form is canonical. */
#pragma once

#include "base/arena.h"
#include "base/span.h"
#include "base/status.h"

typedef enum kj_part_kind {
    KJ_PART_GENERIC,   /* gen: a family detection; number holds N of gen.N, else 0 */
    KJ_PART_COMPONENT, /* dr, dll, hta, ... */
    KJ_PART_LENGTH,    /* digits: the infective length in bytes */
    KJ_PART_VARIANT,   /* letters, bijective base 26 (q = 17), then digits */
} kj_part_kind;

enum { KJ_NAME_MAX = 128, KJ_NAME_PARTS = 6 };

typedef struct kj_part {
    kj_part_kind kind;
    kj_span text;    /* canonical */
    uint32_t number; /* GENERIC, LENGTH, VARIANT (its letters) */
} kj_part;

/* All spans point into one canonical text in the arena. Empty: absent. */
typedef struct kj_name {
    kj_span type;
    kj_span platform;
    kj_span family;
    kj_part parts[KJ_NAME_PARTS];
    size_t part_count;
    kj_span locale;
    kj_span packer;
    kj_span mailer; /* "M" or "MM" */
    kj_span comment;
} kj_name;

/* What other people call a platform. */
typedef struct kj_platform {
    const char *name; /* as in names: "W32" */
    const char *title;
    const char *clamav;    /* "Win" */
    const char *microsoft; /* "Win32" */
    const char *stix;      /* MITRE and STIX: "windows" */
} kj_platform;

extern const kj_platform kj_platforms[];
extern const size_t kj_platform_count;

/* NULL when there is none of that name (ASCII case-blind). */
const kj_platform *kj_platform_find(kj_span name);

/* Parses any accepted spelling (platform and @mm case-blind). KJ_MALFORMED with the offset. */
KJ_MUST_CHECK kj_status kj_name_parse(kj_arena *arena, kj_span text, kj_name *out, kj_error *err);

/* The canonical spelling; NULL without memory. */
char *kj_name_print(kj_arena *arena, const kj_name *name);

/* More specific sorts higher: how much a name says (variant over component over generic over the
 * bare family). Used between detections of equal class. Names that do not parse rank lowest. */
unsigned kj_name_rank(kj_span text);
