/* SPDX-License-Identifier: Apache-2.0 */
/* Which bytes of a pattern the index knows: for each form a set of atoms, two to four bytes each,
 * of which every match contains one. */
#pragma once

#include "base/arena.h"
#include "defs/index.h"
#include "defs/regex.h"

enum {
    KJ_ATOM_MIN = 2,
    KJ_ATOM_MAX = 4,
    KJ_ATOM_VARIANTS = 16, /* that a window over classes may stand for */
    KJ_ATOMS_MAX = 256,    /* of one form */
};

typedef struct kj_atom {
    uint8_t bytes[KJ_ATOM_MAX]; /* folded */
    uint8_t len;
    uint32_t min_distance; /* from the start of a match */
    uint32_t max_distance; /* KJ_RE_UNBOUNDED for none */
    kj_re_list prefix;     /* the trees before it: a match begins where they do */
} kj_atom;

typedef struct kj_atom_set {
    const kj_atom *items;
    size_t count; /* 0: there is none that is good enough */
} kj_atom_set;

/* The best window of a literal: its offset; *out_len is 0 when the literal is too short. How often
 * `index` knows a window already counts against it. */
size_t kj_atom_of_literal(kj_span literal, const kj_index *index, size_t *out_len);

/* The atoms of trees that follow each other. All that `out` refers to is in the arena or in `list`.
 * KJ_NO_MEMORY; KJ_LIMIT for too deep a tree. */
KJ_MUST_CHECK kj_status kj_atoms_of_trees(kj_re_list list, const kj_index *index, kj_arena *arena,
                                          kj_atom_set *out, kj_error *err);
