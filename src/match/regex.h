/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the programs of REGX straight from the mapped file: as sets of states, in time linear in the
 * text, without recursion. */
#pragma once

#include "base/clock.h"
#include "defs/program.h"

typedef struct kj_regex kj_regex; /* scratch */

kj_regex *kj_regex_new(void);
void kj_regex_free(kj_regex *regex);

/* When what runs is cut short, as if the steps were used up. At first: never. */
void kj_regex_set_deadline(kj_regex *regex, kj_deadline deadline);

/* Whether the program (a pattern's `forward`) matches anywhere in `text`: the `matches` operator
 * and regex arguments of module functions. *steps is drawn on; at 0 the answer is "no" and
 * KJ_LIMIT is returned. KJ_INTERNAL for a damaged program. */
KJ_MUST_CHECK kj_status kj_regex_find(kj_regex *regex, const kj_defs *defs, uint32_t program,
                                      kj_span text, uint64_t *steps, bool *out_found);

/* The end of the longest or shortest match that begins at `start` and ends at most at `limit`,
 * which is at most text.len; SIZE_MAX when there is none. Otherwise as above. */
KJ_MUST_CHECK kj_status kj_regex_match_at(kj_regex *regex, const kj_program *program, kj_span text,
                                          size_t start, size_t limit, bool longest, uint64_t *steps,
                                          size_t *out_end);

/* Hands every position at which a match ends that begins at `start`, rising, to `found`, until that
 * says no. */
typedef struct kj_ends {
    const kj_program *program;
    kj_span text;
    size_t start;
    size_t limit; /* matches end there at most */
    bool (*found)(void *user, size_t end);
    void *user;
} kj_ends;

KJ_MUST_CHECK kj_status kj_regex_ends(kj_regex *regex, const kj_ends *ends, uint64_t *steps);

/* Runs a reversed program from right to left and hands out every position from `high` down to `low`
 * at which a match begins, with the end of the longest or shortest such match. All of it is one
 * pass, however much the matches overlap. */
typedef struct kj_sweep {
    const kj_program *program;
    kj_span text;
    size_t low;
    size_t high;        /* at most text.len */
    const size_t *ends; /* matches end at these positions only, which rise, `low` to `high`; */
    size_t end_count;   /* NULL: anywhere there */
    bool longest;
    void (*found)(void *user, size_t start, size_t end);
    void *user;
} kj_sweep;

KJ_MUST_CHECK kj_status kj_regex_sweep(kj_regex *regex, const kj_sweep *sweep, uint64_t *steps);
