/* SPDX-License-Identifier: Apache-2.0 */
/* The part of the definitions file that finds patterns: atoms, their index, programs. Written here,
 * run by match/search.c and match/regex.c. */
#pragma once

#include "base/buf.h"
#include "defs/defs.h"
#include "defs/strings.h"
#include "ir/ir.h"

/* A pattern that goes into the file, in the file's order. */
typedef struct kj_pattern_item {
    const kj_pattern *pattern;
    uint32_t rule; /* its index in the file, or KJ_NONE */
} kj_pattern_item;

/* The sections that are filled; elements as defs.h says. */
typedef struct kj_pattern_sections {
    kj_buf patterns;
    kj_buf needles;
    kj_buf literals;
    kj_buf programs;
    kj_buf filter;
    kj_buf buckets;
    kj_buf postings;
    kj_buf scanned;
} kj_pattern_sections;

/* Element sizes of the sections, for the section table and for opening. */
enum {
    KJ_FILTER_ELEMENT = 8,
    KJ_BUCKET_ELEMENT = 4,
    KJ_POSTING_ELEMENT = 16,
    KJ_SCANNED_ELEMENT = 4,
};

/* How far a string that is a regular expression sees on each side of its atom, as in libyara. So a
 * match has at most twice as many bytes; operands of `matches` have no such limit. */
enum { KJ_REGEX_REACH = 4096 };

/* Gaps of hex strings that are larger make a chain of pieces, as in libyara. Of those with
 * KJ_MOD_GAPS all gaps do whose length varies, and others of more than so many bytes. */
enum { KJ_CHAIN_GAP = 200, KJ_CHAIN_FIXED_GAP = 64 };

void kj_pattern_sections_init(kj_pattern_sections *sections);
void kj_pattern_sections_done(kj_pattern_sections *sections);

/* Patterns on their way into the file. First all are compiled, which shows what each costs; then it
 * is said what they are used for; then the index is made. */
typedef struct kj_pattern_builder kj_pattern_builder;

/* Compiles the patterns into `out`, which outlives the builder, as `items` and `strings` do.
 * KJ_LIMIT, naming the pattern, when one outgrows what a program may be. */
KJ_MUST_CHECK kj_status kj_patterns_begin(const kj_pattern_item *items, size_t count,
                                          kj_strings *strings, kj_pattern_sections *out,
                                          kj_pattern_builder **out_builder, kj_error *err);
void kj_patterns_end(kj_pattern_builder *builder);

/* The needle of a pattern, by its place among the items; KJ_NONE for operands of `matches`. */
uint32_t kj_patterns_needle(const kj_pattern_builder *builder, uint32_t item);

/* How often something that may be the needle is met in clean files, a MiB. */
double kj_patterns_cost(const kj_pattern_builder *builder, uint32_t needle);

/* Whether it is a hex string in pieces. */
bool kj_patterns_is_chain(const kj_pattern_builder *builder, uint32_t needle);

/* Sets KJ_NEEDLE_TRIGGER or _COUNTED. */
void kj_patterns_mark(kj_pattern_builder *builder, uint32_t needle, uint32_t flag);

/* The rules that a trigger makes possible. */
void kj_patterns_set_rules(kj_pattern_builder *builder, uint32_t needle, kj_disk_run rules);

/* Four folded bytes at a fixed distance from the start of each match. A match has one of them. */
typedef struct kj_fixed_window {
    uint32_t window;
    uint32_t distance; /* below KJ_ANCHOR_REACH_MAX */
} kj_fixed_window;

/* Those of a needle; NULL when there are none that all its matches have. */
const kj_fixed_window *kj_patterns_windows(const kj_pattern_builder *builder, uint32_t needle,
                                           size_t *out_count);

/* Writes the needles and the index. */
KJ_MUST_CHECK kj_status kj_patterns_finish(kj_pattern_builder *builder, kj_error *err);

/* All of that for patterns all of which get the same KJ_NEEDLE_... flags. */
KJ_MUST_CHECK kj_status kj_patterns_write(const kj_pattern_item *items, size_t count,
                                          uint32_t flags, kj_strings *strings,
                                          kj_pattern_sections *out, kj_error *err);

/* Checks every offset, count, index and program of these sections. Called by kj_defs_verify() after
 * the digests; must not trust anything but the sections' bounds. */
KJ_MUST_CHECK kj_status kj_patterns_verify(const kj_defs *defs, kj_error *err);
