/* SPDX-License-Identifier: Apache-2.0 */
/* What is remembered from line to line, apart from the IR. */
#pragma once

#include "rules/clamav/compile.h"

enum { KJ_CLAMAV_TOLD_MAX = 500 }; /* malformed lines that are told; more are counted */

/* A name of an .ign or .ign2 file. */
typedef struct kj_ignored {
    kj_span name;
    uint32_t next; /* of those that hash alike, index + 1 */
    bool has_md5;  /* only while the line is the one with this digest */
    uint8_t md5[KJ_HASH_MAX];
} kj_ignored;

struct kj_clamav_private {
    kj_arena arena; /* names and lines that are kept */
    KJ_VEC(kj_ignored) ignored;
    uint32_t *buckets; /* of `ignored` by name, index + 1 */
    size_t bucket_count;
    KJ_VEC(kj_span) macros[KJ_TARGET_COUNT][KJ_MACRO_GROUPS]; /* bodies of their members */
    KJ_VEC(kj_clamav_line) kept;
    KJ_VEC(kj_expr *) blocked; /* "it has that certificate": rules of blocked ones, of crb.c */
    uint32_t any_blocked;      /* the rule for all of them, index + 1; 0: there is none yet */
    kj_expr *targets[KJ_TARGET_COUNT]; /* "the object is of that type" */
    uint64_t told;                     /* malformed lines */
    bool finishing;
};

/* Adds a name to ignore; `md5` NULL: whatever its line is. False without memory. */
bool kj_clamav_ignore(kj_clamav *c, kj_span name, const uint8_t *md5);
