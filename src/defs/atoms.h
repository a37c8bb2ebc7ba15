/* SPDX-License-Identifier: Apache-2.0 */
/* Which bytes of a pattern are looked for: for each form a set of atoms, of which every match
 * contains one. An atom is a window of four bytes, which the index finds among any number of
 * others; or else a probe, one or two bytes under masks, for which each object is gone over once
 * more. */
#pragma once

#include "base/arena.h"
#include "defs/index.h"
#include "defs/regex.h"

enum {
    KJ_ATOM_LEN = 4,
    KJ_ATOM_VARIANTS = 64, /* that a window over classes may stand for */
    KJ_ATOMS_MAX = 512,    /* of one form */
};

/* What a form without an atom costs, in occurrences a MiB: it is tried everywhere. Atoms that are
 * met more often are worse than none. */
#define KJ_ATOMS_NONE 3e4

typedef struct kj_atom {
    bool is_probe;
    uint8_t bytes[KJ_ATOM_LEN]; /* a window's, folded; a probe's two bytes and two masks */
    uint8_t gap;                /* of a probe: from its first byte to its second; 0: it has one */
    uint8_t more_len;           /* folded bytes beside a window that every match has as well, */
    bool more_before;           /* before it, else behind it */
    uint8_t more[4];            /* in the order in which they stand */
    uint32_t min_distance;      /* from the start of a match */
    uint32_t max_distance;      /* KJ_RE_UNBOUNDED for none */
    kj_re_list prefix;          /* the trees before it: a match begins where they do */
} kj_atom;

typedef struct kj_atom_set {
    const kj_atom *items;
    size_t count; /* 0: there is none */
    double cost;  /* how often any of them is met in clean files, a MiB */
} kj_atom_set;

/* The best atom of a literal of at least one byte, of which no bits count where `masks` has none
 * (NULL: all count; folded letters have their masks without KJ_FOLD_BYTE). How often `loads` knows
 * a window already counts against it. False when no byte counts. *out_cost: as in kj_atom_set. */
bool kj_atom_of_literal(kj_span literal, const uint8_t *masks, const kj_loads *loads, kj_atom *out,
                        double *out_cost);

/* The atoms of trees that follow each other. All that `out` refers to is in the arena or in `list`.
 * KJ_NO_MEMORY; KJ_LIMIT for too deep a tree. */
KJ_MUST_CHECK kj_status kj_atoms_of_trees(kj_re_list list, const kj_loads *loads, kj_arena *arena,
                                          kj_atom_set *out, kj_error *err);
