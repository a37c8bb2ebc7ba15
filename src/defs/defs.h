/* SPDX-License-Identifier: Apache-2.0 */
/* Definitions that are in use: one file, mapped read-only, or one that was just built in memory.
 *
 * Opening checks the header, the section table and their checksum, in time that does not depend on
 * the file's size. What sections refer to is checked where it is used: every accessor below answers
 * an index or offset that leads nowhere with NULL or the empty span. kj_defs_verify() checks the
 * whole file at once. */
#pragma once

#include "base/buf.h"
#include "base/span.h"
#include "base/status.h"
#include "defs/format.h"

#include <sys/stat.h>

/* An array in the mapped file; empty when the section is missing. */
typedef struct kj_defs_section {
    const void *data;
    uint32_t count; /* elements */
} kj_defs_section;

typedef struct kj_defs {
    kj_span file;
    bool mapped; /* munmap, not free, gives it back */
    kj_disk_header header;
    kj_disk_meta meta;
    kj_defs_section strings;
    kj_defs_section lists;
    kj_defs_section threats;
    kj_defs_section docs;
    kj_defs_section notes;
    kj_defs_section detects;
    kj_defs_section rules;
    kj_defs_section patterns;
    kj_defs_section externals;
    kj_defs_section artifacts;
    kj_defs_section places;
    kj_defs_section remedies;
    kj_defs_section code;
    kj_defs_section literals;
    kj_defs_section programs;
    kj_defs_section filter;
    kj_defs_section buckets;
    kj_defs_section postings;
    kj_defs_section scanned;
    kj_defs_section needles;
    kj_defs_section anchors;
    kj_defs_section anchored;
    kj_defs_section gates;
    kj_defs_section hash_sets;
    kj_defs_section hash_gates;
    kj_defs_section hash_buckets;
    kj_defs_section hash_records;
    kj_defs_section hash_names;
    kj_defs_section hash_blocks;
} kj_defs;

/* Maps the file at `path`. KJ_IO; KJ_MALFORMED for what is no definitions file or a damaged one;
 * KJ_UNSUPPORTED for a newer format or one that needs a newer engine than `engine`. */
KJ_MUST_CHECK kj_status kj_defs_open(const char *path, uint32_t engine, kj_defs *out,
                                     kj_error *err);

/* The same; *out_file says which file that is, as it was before it was read. */
KJ_MUST_CHECK kj_status kj_defs_open_known(const char *path, uint32_t engine, kj_defs *out,
                                           struct stat *out_file, kj_error *err);

/* Uses a file in memory, and takes the buffer's bytes over on success. */
KJ_MUST_CHECK kj_status kj_defs_open_buf(kj_buf *file, uint32_t engine, kj_defs *out,
                                         kj_error *err);

/* Uses bytes that outlive the handle, aligned as malloc() aligns; the handle is not closed. */
KJ_MUST_CHECK kj_status kj_defs_open_span(kj_span file, uint32_t engine, kj_defs *out,
                                          kj_error *err);

void kj_defs_close(kj_defs *defs);

/* Lets go of mapped pages of the file, so that what is looked at once does not stay in the process'
 * memory; touching them again maps them again. Nothing for definitions that are not mapped. */
void kj_defs_forget(const kj_defs *defs, kj_span bytes);

/* Checks everything: digests of all sections, zeros between them, every offset, count, index and
 * text, every condition and program. KJ_MALFORMED with the offset of the first fault. */
KJ_MUST_CHECK kj_status kj_defs_verify(const kj_defs *defs, kj_error *err);

/* Items by index; NULL past the end. */
const kj_disk_threat *kj_defs_threat(const kj_defs *defs, uint32_t index);
const kj_disk_note *kj_defs_note(const kj_defs *defs, uint32_t index);
const kj_disk_detect *kj_defs_detect(const kj_defs *defs, uint32_t index);
const kj_disk_rule *kj_defs_rule(const kj_defs *defs, uint32_t index);
const kj_disk_pattern *kj_defs_pattern(const kj_defs *defs, uint32_t index);
const kj_disk_needle *kj_defs_needle(const kj_defs *defs, uint32_t index);
const kj_disk_anchor *kj_defs_anchor(const kj_defs *defs, uint32_t index);
const kj_disk_gate *kj_defs_gate(const kj_defs *defs, uint32_t index);
const kj_disk_external *kj_defs_external(const kj_defs *defs, uint32_t index);
const kj_disk_artifact *kj_defs_artifact(const kj_defs *defs, uint32_t index);
const kj_disk_place *kj_defs_place(const kj_defs *defs, uint32_t index);
const kj_disk_remedy *kj_defs_remedy(const kj_defs *defs, uint32_t index);

/* Bytes of a text; empty when it leaves the section. */
kj_span kj_defs_text(const kj_defs *defs, kj_disk_text text);

/* A name that will be reported: empty when its checksum is wrong. */
kj_span kj_defs_name(const kj_defs *defs, const kj_disk_name *name);

/* `count` words of LIST from `first`; NULL when they leave the section (or there are none). */
const uint32_t *kj_defs_words(const kj_defs *defs, uint32_t first, uint32_t count);

/* How many elements of `width` words a run really has: its count, or 0 when it leaves LIST. Loops
 * over runs end here. */
uint32_t kj_defs_run_count(const kj_defs *defs, kj_disk_run run, uint32_t width);

/* Element `index` of a run of texts in LIST; the empty span past its end. */
kj_span kj_defs_run_text(const kj_defs *defs, kj_disk_run run, uint32_t index);

/* Whether the size lies in one of a run's ranges; an empty run takes any size. */
bool kj_defs_run_has_size(const kj_defs *defs, kj_disk_run run, uint64_t size);

/* A threat's page, or a note: JSON. */
kj_span kj_defs_doc(const kj_defs *defs, uint32_t offset, uint32_t len);
