/* SPDX-License-Identifier: Apache-2.0 */
/* Hex strings and regular expressions as trees over bytes. Front ends make them, defs/ compiles
 * them, nothing else looks inside. */
#pragma once

#include "base/arena.h"

typedef enum kj_re_op {
    KJ_RE_EMPTY,  /* matches nothing, successfully */
    KJ_RE_CLASS,  /* one byte out of `set` (single bytes, masks, `.` and classes alike) */
    KJ_RE_CONCAT, /* children in order */
    KJ_RE_ALT,    /* one of the children */
    KJ_RE_REPEAT, /* children[0], min to max times */
    KJ_RE_START,  /* ^: start of the data, never of a line */
    KJ_RE_END,    /* $ */
    KJ_RE_WORD,   /* \b */
    KJ_RE_NOT_WORD,
    KJ_RE_AFTER,  /* matches nothing where the byte before is in `set`, or (`edge`) there is none */
    KJ_RE_BEFORE, /* likewise with the byte behind */
    KJ_RE_OP_COUNT
} kj_re_op;

/* Bits 0 to 255, bit b of word b / 64. */
typedef struct kj_byte_set {
    uint64_t words[4];
} kj_byte_set;

static inline void kj_byte_set_add(kj_byte_set *set, uint8_t byte)
{
    set->words[byte / 64] |= UINT64_C(1) << byte % 64;
}

static inline bool kj_byte_set_has(const kj_byte_set *set, uint8_t byte)
{
    return set->words[byte / 64] >> byte % 64 & 1;
}

void kj_byte_set_add_range(kj_byte_set *set, unsigned from, unsigned to); /* both included */
void kj_byte_set_invert(kj_byte_set *set);
void kj_byte_set_fold(kj_byte_set *set); /* adds each ASCII letter's other case */
unsigned kj_byte_set_count(const kj_byte_set *set);

/* Adds what \d, \w and \s stand for, or \D, \W and \S; false, and nothing, for another letter. */
bool kj_byte_set_add_named(kj_byte_set *set, unsigned letter);

enum { KJ_RE_UNBOUNDED = UINT32_MAX, KJ_RE_MAX_DEPTH = 64 };

typedef struct kj_re kj_re;
struct kj_re {
    kj_re_op op;
    kj_byte_set set; /* CLASS, AFTER, BEFORE */
    bool edge;       /* AFTER, BEFORE: the start or end of the data will do as well */
    uint32_t min;    /* REPEAT */
    uint32_t max;    /* REPEAT: KJ_RE_UNBOUNDED for none */
    bool greedy;     /* REPEAT; decides between the longest and the shortest match of the whole */
    kj_re **children;
    size_t count;
};

/* How many bytes a tree can match: the least, and the most (KJ_RE_UNBOUNDED when there is none). */
void kj_re_width(const kj_re *re, uint32_t *out_min, uint32_t *out_max);

/* Whether any repetition in it is greedy. */
bool kj_re_is_greedy(const kj_re *re);
