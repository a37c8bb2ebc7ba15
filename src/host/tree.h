/* SPDX-License-Identifier: Apache-2.0 */
/* A volume's files, read-only: a directory of this system, or a file system in a disk image
 * (through a helper process). Nothing ever follows a link, a junction or a mount point, and nothing
 * leaves the root. Paths are relative to the root, `/` parts the components, names are raw bytes as
 * on disk; the root is the empty path. */
#pragma once

#include "base/arena.h"
#include "base/span.h"
#include "base/status.h"

#include <stdint.h>

typedef struct kj_tree kj_tree;

typedef enum kj_node_kind {
    KJ_NODE_FILE,
    KJ_NODE_DIR,
    KJ_NODE_LINK,  /* symbolic link, junction, any reparse point that is no file */
    KJ_NODE_OTHER, /* fifo, socket, device, another file system's root: never opened */
} kj_node_kind;

typedef struct kj_node {
    kj_span path; /* the real one; the tree's or the arena's, see each function */
    kj_node_kind kind;
    uint64_t device; /* with `id` the identity while the tree is open */
    uint64_t id;
    uint64_t size;
    int64_t mtime_ns; /* since 1970 */
    uint32_t links;   /* names of it; NTFS counts the 8.3 name as one */
} kj_node;

/* KJ_IO. `path`: a directory of this system. */
KJ_MUST_CHECK kj_status kj_tree_open_directory(const char *path, kj_tree **out, kj_error *err);

/* A raw image of a disk or of one partition. `partition`: its number from 1, 0: the first one that
 * holds a Windows system, else the first that can be read. `helper`: path of the program
 * kujo-image. KJ_UNSUPPORTED with what was met (another container, another file system, encrypted).
 */
KJ_MUST_CHECK kj_status kj_tree_open_image(const char *helper, const char *path, uint32_t partition,
                                           kj_tree **out, kj_error *err);
void kj_tree_close(kj_tree *tree);

/* A partition of a disk image, or the whole of it when it has none. Texts are escaped. */
typedef struct kj_tree_partition {
    uint32_t number; /* for kj_tree_open_image() */
    bool readable;
    const char *sentence; /* why it is not */
} kj_tree_partition;

/* Hands out the partitions of the image at `path` in their order; statuses as for
 * kj_tree_open_image(). */
KJ_MUST_CHECK kj_status kj_tree_partitions(const char *helper, const char *path,
                                           void (*found)(void *user,
                                                         const kj_tree_partition *partition),
                                           void *user, kj_error *err);

/* KJ_UNSUPPORTED, with what to do, when an open file is a disk image in a form of its own (qcow2,
 * VMDK, ...) rather than a raw one; KJ_IO. Anything else is KJ_OK, be it an image or not. */
KJ_MUST_CHECK kj_status kj_tree_refuse_container(int fd, kj_error *err);

/* Whether it is an image: read, never cleaned. */
bool kj_tree_is_image(const kj_tree *tree);

/* "NTFS", "FAT32", "ext4 directory": for reports; and the path as given. */
const char *kj_tree_describe(const kj_tree *tree);
const char *kj_tree_name(const kj_tree *tree);

/* The descriptor of a directory tree's root, borrowed; -1 for an image. */
int kj_tree_root_fd(const kj_tree *tree);

/* A directory's entries, sorted by raw name, cached until the tree is closed: *out is the tree's.
 * `path` is real. KJ_IO when it cannot be listed or is no directory. */
KJ_MUST_CHECK kj_status kj_tree_list(kj_tree *tree, kj_span path, const kj_node **out,
                                     size_t *out_count, kj_error *err);

/* Finds `path` (`/` or `\` between components) in any case, as Windows would: in every component
 * the exact name before others, then the first by raw name. The parent directories must be
 * directories, not links. False when there is none. `out->path` is the tree's. *out_twins (may be
 * NULL): some component has a twin that differs in case only: two files of one name to Windows. */
bool kj_tree_find(kj_tree *tree, kj_span path, kj_node *out, bool *out_twins);

/* The nodes whose path matches: components in which `*` stands for any run of characters, in any
 * case, `/` or `\` between them. At most `max` (KJ_LIMIT: there are more, those told stay valid);
 * links are handed out, never entered. What cannot be listed is passed over, see
 * kj_tree_failures(). */
KJ_MUST_CHECK kj_status kj_tree_glob(kj_tree *tree, kj_span pattern, size_t max,
                                     void (*found)(void *user, const kj_node *node), void *user,
                                     kj_error *err);

/* Opens a regular file at its real path for reading; *out_node (may be NULL) says what was opened
 * (by fstat, from the same descriptor). From an image: a sealed memory file, up to `max_bytes`
 * (KJ_LIMIT); from a directory there is no copy. KJ_IO for links and everything that is no file. */
KJ_MUST_CHECK kj_status kj_tree_open(kj_tree *tree, kj_span path, uint64_t max_bytes, int *out_fd,
                                     kj_node *out_node, kj_error *err);

/* The same for somebody who reads no more than the first `len` bytes: from an image only those are
 * fetched, however long the file is. */
KJ_MUST_CHECK kj_status kj_tree_open_head(kj_tree *tree, kj_span path, size_t len, int *out_fd,
                                          kj_node *out_node, kj_error *err);

/* All of a regular file, as kj_tree_open(); the bytes are the arena's, with a NUL behind.
 * KJ_NO_MEMORY, KJ_LIMIT. */
KJ_MUST_CHECK kj_status kj_tree_read(kj_tree *tree, kj_span path, uint64_t max_bytes,
                                     kj_arena *arena, kj_span *out, kj_node *out_node,
                                     kj_error *err);

/* Every entry below `path`, directories before what is in them; `enter` says for a directory
 * whether to go down (NULL: always); links are told, never entered. Depth at most 200. Directories
 * that cannot be listed are told through `failed` (may be NULL). */
typedef struct kj_tree_walk {
    void *user;
    bool (*enter)(void *user, const kj_node *directory);
    void (*node)(void *user, const kj_node *node);
    void (*failed)(void *user, kj_span path, const kj_error *err);
} kj_tree_walk;
KJ_MUST_CHECK kj_status kj_tree_walk_below(kj_tree *tree, kj_span path, const kj_tree_walk *walk,
                                           kj_error *err);

/* Every directory that somebody asked for and that could not be listed, by path. KJ_NO_MEMORY. */
KJ_MUST_CHECK kj_status kj_tree_failures(const kj_tree *tree,
                                         void (*failed)(void *user, kj_span path,
                                                        const char *sentence),
                                         void *user, kj_error *err);
