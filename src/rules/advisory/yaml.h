/* SPDX-License-Identifier: Apache-2.0 */
/* A YAML document as a tree whose every node knows where it stands in the source. */
#pragma once

#include "ir/ir.h"

typedef enum kj_yaml_kind {
    KJ_YAML_TEXT, /* every scalar: what it means is the schema's business */
    KJ_YAML_LIST,
    KJ_YAML_MAP
} kj_yaml_kind;

typedef struct kj_yaml kj_yaml;
struct kj_yaml {
    kj_yaml_kind kind;
    bool missing;  /* TEXT: nothing was written, as in `key:` */
    bool literal;  /* TEXT: a literal block (|); offset and len are of its indented lines */
    bool broken;   /* was complained about: say no more about it */
    kj_span text;  /* TEXT: the value; points into the source where it stands there unchanged */
    size_t offset; /* in the source, quotes left out; of the key when nothing was written */
    size_t len;
    const kj_yaml *key; /* of an entry of a map */
    kj_yaml *first;     /* children, in the order of the source */
    kj_yaml *last;
    kj_yaml *next;
    size_t count;
};

enum {
    KJ_YAML_MAX_BYTES = 1 << 20,
    KJ_YAML_MAX_DEPTH = 16,
    KJ_YAML_MAX_NODES = 50000,
    KJ_YAML_MAX_KEYS = 500, /* of one map */
};

/* Reads the only document of `source`; *out_root is NULL when it cannot be read at all. Problems,
 * those of YAML itself included, go to ir->diags. The tree lives in the IR's arena.
 *
 * KJ_NO_MEMORY, or KJ_UNSUPPORTED when the library is missing; KJ_OK otherwise. */
KJ_MUST_CHECK kj_status kj_yaml_read(kj_ir *ir, const kj_source *source, kj_yaml **out_root,
                                     kj_error *err);

/* The value of `name` in a map, or NULL; also NULL when `map` is no map. */
const kj_yaml *kj_yaml_find(const kj_yaml *map, const char *name);
