/* SPDX-License-Identifier: Apache-2.0 */
/* What the files about logical signatures share: NAME;TARGET DESCRIPTION;EXPRESSION;SUB0;SUB1;...
 */
#pragma once

#include "rules/clamav/compile.h"

enum {
    KJ_LDB_SUBS_MAX = 64,
    KJ_LDB_NODES_MAX = 1024, /* of an expression: far more than 64 ids need */
    KJ_LDB_DEPTH_MAX = 24,
};

/* ---- expressions (ldb_expression.c) -------------------------------------------------------- */

/* A part of an expression: an id, or parts joined by one operator. Each may be compared: an id's
 * matches, or those of a block, `=n`, `<n`, `>n`; and of a block `,m`: they must be of m different
 * ids. */
typedef struct kj_logic kj_logic;
struct kj_logic {
    enum { KJ_LOGIC_ID, KJ_LOGIC_AND, KJ_LOGIC_OR } op;
    uint32_t id;
    kj_op compare; /* EQ, LT or GT; BOOL: it is not compared */
    int64_t number;
    int64_t distinct; /* 0: any */
    kj_logic *first;  /* its parts */
    kj_logic *next;   /* in its block */
    kj_expr *holds;   /* what was made of it already */
    kj_expr *total;
};

/* What one line's expressions are made of. */
typedef struct kj_logic_pool {
    kj_logic nodes[KJ_LDB_NODES_MAX];
    size_t count;
} kj_logic_pool;

/* Reads an expression whose ids are below `ids`. *out_ids: the highest of them, and 1. Malformed
 * ones are told. */
kj_clamav_result kj_logic_read(kj_clamav *c, kj_logic_pool *pool, kj_span text, uint32_t ids,
                               kj_logic **out, uint32_t *out_ids);

/* ---- subsignatures (subsignature.c) -------------------------------------------------------- */

typedef enum kj_sub_kind {
    KJ_SUB_BODY,  /* how often a pattern is found at a place */
    KJ_SUB_REGEX, /* how often a regular expression matches, where its trigger holds */
    KJ_SUB_FACT,  /* whether something holds: a byte compare, a macro */
} kj_sub_kind;

typedef struct kj_sub {
    kj_sub_kind kind;
    kj_clamav_place place; /* BODY */
    uint32_t pattern;      /* BODY */
    kj_expr *holds;        /* whether it matches at all */
    kj_expr *trigger;      /* REGEX: where it is looked for */
    kj_expr *count;        /* REGEX: how often it matches there; NULL: once at most */
} kj_sub;

/* One line under way. */
typedef struct kj_ldb {
    kj_clamav *c;
    kj_clamav_mark mark;
    kj_span name;
    uint32_t target;
    kj_span handler; /* the type as which objects are to be read; empty: it detects something */
    kj_expr *facts;  /* what the description asks for besides the target; NULL: nothing */
    kj_span texts[KJ_LDB_SUBS_MAX];
    kj_sub subs[KJ_LDB_SUBS_MAX];
    uint32_t sub_count;
    kj_logic_pool pool;
} kj_ldb;

/* Compiles `texts` to `subs`. */
kj_clamav_result kj_ldb_subs(kj_ldb *ldb);

/* Whether a subsignature is a macro, whose group may not be known yet. */
bool kj_ldb_has_macros(const kj_ldb *ldb);

/* ${MIN-MAX}GROUP$ (macro.c) */
kj_clamav_result kj_ldb_macro(kj_ldb *ldb, uint32_t id);

/* ID(OFFSET#OPTIONS#COMPARISONS) (byte_compare.c) */
kj_clamav_result kj_ldb_byte_compare(kj_ldb *ldb, uint32_t id);

/* Whether the part of an expression holds (logic.c). NULL without memory. What is made is shared:
 * kj_clamav_is_moderate() says whether it can be written. */
kj_expr *kj_logic_holds(const kj_ldb *ldb, kj_logic *logic);

/* ---- target descriptions (ldb_tdb.c) ------------------------------------------------------- */

/* Reads `Engine:51-255,Target:1,...` into `target` and `facts`. */
kj_clamav_result kj_ldb_description(kj_ldb *ldb, kj_span text);

/* Whether a condition is neither too deep nor too large for the definitions. */
bool kj_clamav_is_moderate(const kj_expr *expr);
