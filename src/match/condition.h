/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluates conditions straight from the mapped CODE. */
#pragma once

#include "match/match.h"
#include "match/regex.h"

/* What a condition may ask about. NULL members answer undefined or false. */
typedef struct kj_condition_input {
    const kj_defs *defs;
    kj_search *search; /* asked for what has not been searched */
    const kj_sightings *seen;
    const kj_bits *undecided; /* a bit for each rule: it may still match. NULL: none may */
    const kj_match_input *object;
    kj_regex *regex;
    uint64_t *steps;      /* drawn on by every node; at 0 the evaluation ends */
    kj_deadline deadline; /* when it ends, too */
} kj_condition_input;

typedef enum kj_truth {
    KJ_FALSE,
    KJ_TRUE,
    KJ_UNKNOWN, /* it depends on strings that were not searched (kj_search_want() was called for
                   them), or on rules that are not decided */
} kj_truth;

/* The truth of the condition at word `code`; undefined counts as false. KJ_LIMIT when the steps ran
 * out; KJ_INTERNAL when the code is damaged. */
KJ_MUST_CHECK kj_status kj_condition_run(const kj_condition_input *input, uint32_t code,
                                         kj_truth *out, kj_error *err);

/* The value of the expression at word `code`, which asks for no strings. Fails likewise. */
KJ_MUST_CHECK kj_status kj_condition_value(const kj_condition_input *input, uint32_t code,
                                           kj_value *out, kj_error *err);
