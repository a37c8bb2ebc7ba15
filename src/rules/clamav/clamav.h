/* SPDX-License-Identifier: Apache-2.0 */
/* The front end for ClamAV signatures: lines of text to IR. docs/clamav.md says what is taken, and
 * where kujo differs.
 *
 * Files are read a line at a time, however large they are; what is not needed of a line is not
 * kept. A malformed line is told (file, line, what and where) and skipped; what is well-formed but
 * not supported is counted by kind and reason (kj_ir_leave_out). */
#pragma once

#include "ir/ir.h"
#include "rules/clamav/line_reader.h"

/* The functionality level that MinFL, MaxFL and Engine: are compared with; ClamAV 1.4.6 has it. */
enum { KJ_CLAMAV_LEVEL = 216 };

typedef struct kj_clamav_options {
    const kj_schema *const *schemas; /* modules: `clamav` is needed */
    size_t schema_count;
    bool strict;     /* malformed lines are errors, not warnings */
    bool pua;        /* loads .hdu .hsu .mdu .msu .ndu .ldu, too */
    bool unofficial; /* appends ".UNOFFICIAL" to names, as clamscan does */
} kj_clamav_options;

/* What was read, by kind, for people: signatures that were taken. */
typedef struct kj_clamav_counts {
    uint64_t lines;
    uint64_t signatures;
    uint64_t malformed;
    uint64_t ignored; /* named in .ign or .ign2 */
} kj_clamav_counts;

typedef struct kj_clamav kj_clamav; /* one compilation of many files */

/* `options` and `ir` outlive it. NULL without memory. */
kj_clamav *kj_clamav_new(kj_ir *ir, const kj_clamav_options *options);
void kj_clamav_free(kj_clamav *clamav);

/* Whether the name's extension is one of a file of signatures (".ndb", in any case). */
bool kj_clamav_takes(const char *name);

/* What must be read first has a low number: .ign and .ign2 before all others, .crb next. */
unsigned kj_clamav_order(const char *name);

/* A file of signatures. */
typedef struct kj_clamav_input {
    const char *name; /* as the user gave it; its extension says what it holds */
    const char *kind; /* "ndb": what it holds, however it is called. NULL: by the extension */
    kj_line_source *read;
    void *user;
    bool trusted; /* lists of digests are of known good files */
} kj_clamav_input;

/* Reads one file. KJ_OK also when lines were malformed; KJ_IO, KJ_NO_MEMORY; KJ_UNSUPPORTED when
 * the name says nothing. */
KJ_MUST_CHECK kj_status kj_clamav_load(kj_clamav *clamav, const kj_clamav_input *input,
                                       kj_error *err);

/* After the last file: what refers to signatures of other files (macros). */
KJ_MUST_CHECK kj_status kj_clamav_finish(kj_clamav *clamav, kj_error *err);

const kj_clamav_counts *kj_clamav_counted(const kj_clamav *clamav);
