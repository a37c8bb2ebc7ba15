/* SPDX-License-Identifier: Apache-2.0 */
/* Bounds-checked views of what REGX and FILT hold: programs, the index, forms. What the search, the
 * verification and the tests share. */
#pragma once

#include "defs/defs.h"

/* A program in place. Targets of its instructions are not checked here: whoever executes or
 * verifies it does. */
typedef struct kj_program {
    const uint32_t *code;
    uint32_t code_count; /* at least 1, at most KJ_PROGRAM_MAX_CODE */
    const uint32_t *classes;
    uint32_t class_count;
    uint32_t flags;
    const uint32_t *first; /* a class */
    const uint32_t *any;   /* likewise */
    uint32_t least;
} kj_program;

/* False when no whole program stands at `offset` (in words) of REGX. */
bool kj_program_open(const kj_defs *defs, uint32_t offset, kj_program *out);

static inline bool kj_class_has(const uint32_t *words, uint8_t byte)
{
    return words[byte / 32] >> byte % 32 & 1;
}

/* The parts of the index in place. */
typedef struct kj_index_view {
    const kj_disk_form *forms;
    uint32_t form_count;
    uint32_t piece_count;
    const uint32_t *filter; /* 2^filter_log2 words */
    unsigned filter_log2;
    const uint32_t *buckets; /* 2^bucket_log2 + 1 */
    unsigned bucket_log2;
    const kj_disk_posting *postings;
    uint32_t posting_count;
    uint32_t window_count; /* windows of triggers, by bucket */
    uint32_t probe_count;  /* their probes, behind those; others follow */
    const uint32_t *scanned;
    uint32_t scanned_count;
    uint32_t always_scanned; /* forms of triggers; others follow */
    const kj_disk_needle *needles;
    uint32_t needle_count;
} kj_index_view;

/* False when the index does not fit its sections. Definitions without any FILT have an index
 * without forms: filter and buckets are NULL then. */
bool kj_index_open(const kj_defs *defs, kj_index_view *out);

/* `count` words of REGX from `offset`, aligned for structs of words; NULL when they leave it. */
const uint32_t *kj_program_words(const kj_defs *defs, uint32_t offset, uint64_t count);

/* What a literal form compares: bytes in LITS. Empty when they leave it. */
kj_span kj_form_literal(const kj_defs *defs, const kj_disk_form *form);
