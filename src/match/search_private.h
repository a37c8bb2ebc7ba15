/* SPDX-License-Identifier: Apache-2.0 */
/* What search.c (where atoms are) and verify.c (what matches there) share. */
#pragma once

#include "base/vec.h"
#include "defs/program.h"
#include "match/dfa.h"
#include "match/hits.h"
#include "match/kernel.h"
#include "match/pairs.h"
#include "match/regex.h"
#include "match/search.h"

/* The place of an atom, in the list of its group. */
struct kj_candidate {
    size_t pos;
    uint32_t next; /* of the group: place + 1; 0: the last */
};

/* Candidates of one posting that wait, in the order in which they were found. */
struct kj_group {
    uint32_t posting;
    uint32_t form;
    uint32_t first; /* place + 1 */
    uint32_t last;
    uint32_t count;
    uint32_t limit; /* they are verified when there are so many */
};

enum { KJ_GROUP_SLOTS = 4096 }; /* a power of two; twice the groups there may be */

struct kj_span_match {
    size_t start;
    size_t end;
};

/* Where a piece of a chain may begin, both ends included, and where the match began that leads
 * there, plus one; 0: each start is its own. */
struct kj_chain_range {
    size_t from;
    size_t to;
    size_t head;
};

struct kj_chain_end {
    size_t end;
    size_t head;
};

/* What is known of a chain in an object, while the epoch is the object's. */
struct kj_chain_state {
    uint32_t epoch;
    uint8_t tries;
    bool hinted;   /* its rarest piece stands where others could be near it */
    bool given_up; /* it cost more than it may */
    uint64_t work; /* starts and ends so far */
};

enum { KJ_CHAIN_BLOCK = 4 << 10 };

/* Atoms of the needles that were asked for in the current object: buckets as chains. */
struct kj_wanted {
    KJ_VEC(uint32_t) needles;
    KJ_VEC(uint32_t) postings; /* indices into POST */
    KJ_VEC(uint32_t) next;     /* of each posting: the next of its bucket + 1 */
    uint32_t *words;           /* the filter */
    uint32_t *heads;           /* buckets: posting's place + 1 */
    unsigned filter_log2;
    unsigned bucket_log2;
    unsigned room_log2;      /* what words and heads have room for */
    KJ_VEC(uint32_t) probes; /* indices into POST */
};

struct kj_search {
    const kj_defs *defs;
    kj_index_view index;
    bool damaged; /* the index does not fit its sections */
    kj_kernel kernel;
    kj_regex *regex;
    kj_dfa_cache *dfas;
    kj_hits hits;
    uint32_t *known; /* by needle: the epoch of the object in which it was searched */
    struct kj_wanted wanted;
    struct kj_chain_state *chains; /* by needle */
    KJ_VEC(uint32_t) hinted;       /* chains of which more is to be looked for */
    KJ_VEC(struct kj_chain_range) chain_ranges;
    KJ_VEC(struct kj_chain_end) chain_ends;
    uint32_t *chain_passed;
    KJ_VEC(uint32_t) found;
    KJ_VEC(struct kj_candidate) candidates;
    KJ_VEC(struct kj_group) groups;
    uint32_t *group_slots; /* open addressing by posting, KJ_GROUP_SLOTS: place + 1 */
    KJ_VEC(size_t) atoms;
    KJ_VEC(size_t) starts;
    KJ_VEC(struct kj_span_match) matches;
    kj_pairs *pairs;  /* of the triggers' probes; NULL: they are few */
    bool has_pairs;   /* that was made, if need be */
    uint32_t *passed; /* positions that the filter lets pass */
    /* the current object */
    kj_span bytes;
    bool every;    /* all hits are wanted, not just whether there is one */
    bool pieces;   /* hits of pieces of chains are collected; else they are hints */
    size_t closed; /* lists that are finished */
    uint64_t steps;
    kj_deadline deadline;
    uint64_t *costs;      /* one a pattern, or NULL */
    size_t compared;      /* bytes since the last look at the clock */
    bool late;            /* the time is up: nothing is searched any more */
    kj_status status;     /* the first thing that went wrong */
    uint32_t culprit;     /* the needle where it did, or KJ_NONE */
    bool steps_exhausted; /* programs are not run any more */
};

/* Remembers the first problem of the object, or the first that ends its search. */
void kj_search_note(kj_search *s, kj_status status, uint32_t needle);
bool kj_search_stopped(const kj_search *s);
void kj_search_look_at_clock(kj_search *s, uint32_t needle);

/* A form by its number; NULL, and noted, when there is none. */
const kj_disk_form *kj_search_form(kj_search *s, uint32_t index);

/* Whether the form needs no more hits. */
bool kj_search_is_full(const kj_search *s, const kj_disk_form *form);

/* Whether more is asked of the needle than whether it is there. */
bool kj_search_wants_hits(const kj_search *s, uint32_t needle);

/* Takes note of work on bytes, roughly. */
void kj_search_spend(kj_search *s, const kj_disk_form *form, size_t bytes);

/* The atom of posting `number` stands at `pos`: verifies what can be verified at once, and keeps
 * the rest for kj_verify_flush(). */
void kj_verify_posting(kj_search *s, uint32_t number, size_t pos);

/* Forgets candidates that wait. */
void kj_verify_forget(kj_search *s);

/* Verifies all candidates that wait. */
void kj_verify_flush(kj_search *s);

/* A form without an atom: wherever its first byte stands. */
void kj_verify_everywhere(kj_search *s, const kj_disk_form *form);

/* Whether the form matches at `start`. */
bool kj_verify_at(kj_search *s, const kj_disk_form *form, size_t start);

/* Hands all ends of matches at `start` to `found`, until that says no; of forms without
 * KJ_FORM_ANY_END the one that counts. */
void kj_verify_ends(kj_search *s, const kj_disk_form *form, size_t start,
                    bool (*found)(void *user, size_t end), void *user);

/* Whether bytes are those of a mask: `len` bytes, and behind them as many that say which bits of
 * those count. */
static inline bool kj_mask_fits(const uint8_t *data, const uint8_t *values, size_t len)
{
    const uint8_t *masks = values + len;
    size_t i = 0;
    for (; i + 8 <= len; i += 8) {
        uint64_t word, value, mask;
        memcpy(&word, data + i, 8);
        memcpy(&value, values + i, 8);
        memcpy(&mask, masks + i, 8);
        if ((word & mask) != value)
            return false;
    }
    for (; i < len; i++)
        if ((data[i] & masks[i]) != values[i])
            return false;
    return true;
}

/* ---- chains (chain.c) ---------------------------------------------------------------------- */

/* A piece of a chain of which only one piece is searched stands at `start`. */
void kj_chain_hint(kj_search *s, const kj_disk_form *form, size_t start);
bool kj_chain_is_hinted(const kj_search *s, uint32_t needle);
bool kj_chain_was_given_up(const kj_search *s, uint32_t needle);

/* Whether the chain matches anywhere, with a start from `from` to `to`. */
bool kj_chain_find(kj_search *s, uint32_t needle, size_t from, size_t to, kj_hit *out);

/* Looks for the chain in the whole object, and makes its one hit. */
void kj_chain_search(kj_search *s, uint32_t needle);
