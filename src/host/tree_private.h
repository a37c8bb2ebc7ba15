/* SPDX-License-Identifier: Apache-2.0 */
/* What directories and images have in common: listings by path, kept until the tree is closed. */
#pragma once

#include "base/buf.h"
#include "base/reader.h"
#include "base/vec.h"
#include "host/tree.h"

enum {
    KJ_TREE_DEPTH_MAX = 200,       /* of directories below each other that are entered */
    KJ_TREE_ENTRIES_MAX = 2000000, /* of one directory */
    KJ_TREE_PATH_MAX = 1 << 16,    /* bytes */
    KJ_TREE_NAME_MAX = 1024,       /* bytes of one name */
};

/* A name as it is compared, and which node bears it. */
typedef struct kj_folded {
    kj_span name;
    uint32_t node;
} kj_folded;

typedef struct kj_listing {
    kj_span path;
    kj_node *nodes; /* by raw name; the tree's arena */
    size_t count;
    kj_folded *folded; /* by folded name, then by raw; NULL until somebody asks */
    kj_status status;  /* why there are no nodes */
    const char *reason;
} kj_listing;

/* One directory while it is read. */
typedef struct kj_listing_draft {
    kj_tree *tree;
    kj_span path;
    KJ_VEC(kj_node) nodes;
} kj_listing_draft;

/* What a kind of tree supplies. */
typedef struct kj_tree_ops {
    /* Adds every entry of a directory to the draft. */
    kj_status (*list)(kj_tree *tree, kj_span path, kj_listing_draft *draft, kj_error *err);
    /* `head`: of a longer file the first `max_bytes`, instead of KJ_LIMIT. */
    kj_status (*open)(kj_tree *tree, kj_span path, uint64_t max_bytes, bool head, int *out_fd,
                      kj_node *out_node, kj_error *err);
    void (*close)(kj_tree *tree);
} kj_tree_ops;

struct kj_tree {
    const kj_tree_ops *ops;
    kj_arena arena;
    char *name;
    const char *description;
    kj_node root;
    kj_listing **slots; /* open addressing by path; a power of two */
    size_t slot_count;
    size_t used;
    int fd;              /* directory: its root; image: the helper's socket */
    uint64_t device;     /* directory: the root's file system */
    bool crosses_mounts; /* the root is "/": what is mounted belongs to it */
    bool starved;        /* something was passed over for want of memory */
    bool by_components;  /* no openat2(): every component is opened by itself */
    void *image;         /* image: its own */
    uint64_t *seen;      /* image: directories that have a path, by id + 1; open addressing */
    size_t seen_slots;
    size_t seen_count;
};

/* A tree without anything; NULL without memory. */
kj_tree *kj_tree_new(const kj_tree_ops *ops, const char *name);

/* Adds an entry; `node` without its path, which is made of the directory's and `name`. Names that
 * no component can be (empty, dots, with a slash or a NUL) are passed over. */
KJ_MUST_CHECK kj_status kj_listing_add(kj_listing_draft *draft, kj_span name, const kj_node *node,
                                       kj_error *err);

/* The node at a real path, by the listings. */
KJ_MUST_CHECK kj_status kj_tree_node(kj_tree *tree, kj_span path, kj_node *out, kj_error *err);

/* Whether a path is one that a listing can have given: relative, no empty component, no dots, no
 * NUL, not too long. */
bool kj_tree_path_ok(kj_span path);

/* Whether memory ran out where no status could say so: what was not found may be there. */
bool kj_tree_starved(const kj_tree *tree);

/* From now on without openat2(), as on kernels before 5.6: for tests. */
void kj_tree_by_components(kj_tree *tree);

/* Adds the entries of one packet of the image reader's. */
KJ_MUST_CHECK kj_status kj_image_add_entries(kj_listing_draft *draft, uint64_t device,
                                             kj_reader *body, kj_error *err);
