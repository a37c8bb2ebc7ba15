/* SPDX-License-Identifier: Apache-2.0 */
/* How a scan's results are shown. One table of functions a form; scan/run.h calls them in order. */
#pragma once

#include "report/progress.h"
#include "scan/run.h"

#include <stdio.h>

typedef struct kj_report kj_report;

typedef struct kj_report_summary {
    const kj_run_totals *totals;
    uint64_t elapsed_ms;
    bool stopped; /* by the user */
} kj_report_summary;

typedef struct kj_report_form {
    const char *name;
    void (*object)(kj_report *report, const kj_run_object *object);
    void (*unseen)(kj_report *report, kj_span path, kj_span member, kj_status why,
                   const char *sentence);
    void (*console)(kj_report *report, kj_span path, kj_span member, kj_span line);
    void (*odd)(kj_report *report, kj_span path, kj_span member, kj_oddities odd);
    void (*error)(kj_report *report, kj_span path, const kj_error *err);
    void (*skipped)(kj_report *report, kj_span path, const char *sentence);
    void (*summary)(kj_report *report, const kj_report_summary *summary);
} kj_report_form;

extern const kj_report_form kj_report_text;
extern const kj_report_form kj_report_json; /* docs/json.md */

struct kj_report {
    const kj_report_form *form;
    FILE *out;        /* results */
    FILE *notes;      /* the rest */
    bool all;         /* every detection of an object, not its verdict alone */
    bool explain;     /* with evidence */
    bool quiet;       /* no summary, nothing about what was skipped */
    bool color;       /* of `out` */
    bool notes_color; /* of `notes` */
    const kj_defs *const *sets;
    size_t set_count;
    size_t rules_set;      /* index of the set that --rules made, SIZE_MAX: none */
    kj_progress *progress; /* erased before a line is written; may be NULL */
    char *noted_path;      /* the file that the last lines on `notes` are about */
    size_t unseen_in_file; /* lines about it, written or not */
    size_t odd_in_file;
};

void kj_report_done(kj_report *report);

/* Whether the object is to be shown at all, and finding `index` of it. */
bool kj_report_shows(const kj_report *report, const kj_run_object *object, size_t index);

/* The release that a finding's definitions have; 0 for rules of the user's own. */
uint32_t kj_report_release(const kj_report *report, const kj_finding *finding);

/* The byte as a hex dump shows it. */
static inline uint8_t kj_report_printable(uint8_t byte)
{
    return byte >= 0x20 && byte < 0x7F ? byte : '.';
}

/* Appends a number of bytes for people: "512 B", "1.4 MiB". */
void kj_report_put_size(kj_buf *out, uint64_t bytes);

/* Appends a day: "2026-11-24". */
void kj_report_put_date(kj_buf *out, uint64_t seconds);
