/* SPDX-License-Identifier: Apache-2.0 */
/* Listings are kept in a hash table by path. The nodes of one directory have one prefix, so the
 * order of their paths is the order of their names. A directory that could not be listed is kept as
 * well, with the reason: it is told once for all, and not asked again. */
#include "host/tree.h"

#include "base/arith.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/fold.h"
#include "host/tree_private.h"

#include <stdlib.h>

enum { FIRST_SLOTS = 256, GLOB_STEPS_MAX = 1000000 };
static const size_t arena_budget = (size_t)2 << 30;

/* ---- the tree -------------------------------------------------------------------------------- */

kj_tree *kj_tree_new(const kj_tree_ops *ops, const char *name)
{
    kj_tree *tree = calloc(1, sizeof *tree);
    if (!tree)
        return NULL;
    tree->ops = ops;
    tree->fd = -1;
    tree->description = "";
    kj_arena_init(&tree->arena, arena_budget);
    tree->root.kind = KJ_NODE_DIR;
    tree->name = kj_arena_strdup(&tree->arena, name);
    tree->slots = calloc(FIRST_SLOTS, sizeof(kj_listing *));
    tree->slot_count = FIRST_SLOTS;
    if (!tree->name || !tree->slots) {
        kj_tree_close(tree);
        return NULL;
    }
    return tree;
}

void kj_tree_close(kj_tree *tree)
{
    if (!tree)
        return;
    tree->ops->close(tree);
    kj_close_fd(&tree->fd);
    free(tree->slots);
    free(tree->seen);
    kj_arena_done(&tree->arena);
    free(tree);
}

const char *kj_tree_describe(const kj_tree *tree)
{
    return tree->description;
}

const char *kj_tree_name(const kj_tree *tree)
{
    return tree->name;
}

bool kj_tree_is_image(const kj_tree *tree)
{
    return tree->image != NULL;
}

bool kj_tree_starved(const kj_tree *tree)
{
    return tree->starved;
}

int kj_tree_root_fd(const kj_tree *tree)
{
    return tree->image ? -1 : tree->fd;
}

/* ---- paths ----------------------------------------------------------------------------------- */

static bool name_ok(kj_span name)
{
    return name.len != 0 && name.len <= KJ_TREE_NAME_MAX && !kj_span_is(name, ".") &&
           !kj_span_is(name, "..") && !memchr(name.data, '/', name.len) &&
           !memchr(name.data, '\0', name.len);
}

/* The component of `path` that begins at *pos; *pos moves behind its separator. */
static kj_span next_component(kj_span path, size_t *pos, bool backslash)
{
    size_t start = *pos, end = start;
    while (end < path.len && path.data[end] != '/' && !(backslash && path.data[end] == '\\'))
        end++;
    *pos = end + 1;
    return kj_span_sub(path, start, end - start);
}

bool kj_tree_path_ok(kj_span path)
{
    if (path.len == 0)
        return true;
    if (path.len > KJ_TREE_PATH_MAX || path.data[path.len - 1] == '/')
        return false;
    for (size_t pos = 0; pos < path.len;)
        if (!name_ok(next_component(path, &pos, false)))
            return false;
    return true;
}

static kj_span parent_of(kj_span path)
{
    const uint8_t *slash = path.len ? memrchr(path.data, '/', path.len) : NULL;
    return slash ? kj_span_sub(path, 0, (size_t)(slash - path.data)) : (kj_span){0};
}

/* The name of a node in a directory at a path of `directory_len` bytes. */
static kj_span name_in(size_t directory_len, const kj_node *node)
{
    return kj_span_sub(node->path, directory_len ? directory_len + 1 : 0, SIZE_MAX);
}

/* ---- listings -------------------------------------------------------------------------------- */

/* FNV-1a. Whoever makes names that collide slows down his own volume, by probing in a table that
 * holds directories only. */
static size_t hash_of(kj_span path)
{
    uint64_t hash = UINT64_C(0xCBF29CE484222325);
    for (size_t i = 0; i < path.len; i++)
        hash = (hash ^ path.data[i]) * UINT64_C(0x100000001B3);
    return (size_t)(hash ^ hash >> 29);
}

static kj_listing **slot_of(kj_listing **slots, size_t count, kj_span path)
{
    size_t at = hash_of(path) & (count - 1);
    while (slots[at] && !kj_span_equal(slots[at]->path, path))
        at = (at + 1) & (count - 1);
    return &slots[at];
}

static kj_status grow_slots(kj_tree *tree, kj_error *err)
{
    if (tree->used + 1 <= tree->slot_count / 2)
        return KJ_OK;
    size_t count = tree->slot_count * 2;
    kj_listing **slots = calloc(count, sizeof(kj_listing *));
    if (!slots)
        return kj_no_memory(err);
    for (size_t i = 0; i < tree->slot_count; i++)
        if (tree->slots[i])
            *slot_of(slots, count, tree->slots[i]->path) = tree->slots[i];
    free(tree->slots);
    tree->slots = slots;
    tree->slot_count = count;
    return KJ_OK;
}

kj_status kj_listing_add(kj_listing_draft *draft, kj_span name, const kj_node *node, kj_error *err)
{
    if (!name_ok(name))
        return KJ_OK;
    if (draft->nodes.count >= KJ_TREE_ENTRIES_MAX)
        return kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET, "a directory of more than %d entries",
                       KJ_TREE_ENTRIES_MAX);
    size_t prefix = draft->path.len ? draft->path.len + 1 : 0;
    kj_node *added = kj_vec_push(&draft->nodes);
    uint8_t *path = added ? kj_arena_alloc_raw(&draft->tree->arena, prefix + name.len) : NULL;
    if (!path)
        return kj_no_memory(err);
    if (prefix) {
        memcpy(path, draft->path.data, draft->path.len);
        path[prefix - 1] = '/';
    }
    memcpy(path + prefix, name.data, name.len);
    *added = *node;
    added->path = kj_span_of(path, prefix + name.len);
    return KJ_OK;
}

static int by_path(const void *a, const void *b)
{
    return kj_span_compare(((const kj_node *)a)->path, ((const kj_node *)b)->path);
}

/* A listing twice under one name would make two files of one: a broken file system's. */
static size_t without_doubles(kj_node *nodes, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || !kj_span_equal(nodes[kept - 1].path, nodes[i].path))
            nodes[kept++] = nodes[i];
    return kept;
}

static kj_status read_listing(kj_tree *tree, kj_listing *listing, kj_error *err)
{
    kj_listing_draft draft = {.tree = tree, .path = listing->path};
    kj_status status = tree->ops->list(tree, listing->path, &draft, err);
    if (status == KJ_OK && draft.nodes.count) {
        qsort(draft.nodes.items, draft.nodes.count, sizeof(kj_node), by_path);
        listing->count = without_doubles(draft.nodes.items, draft.nodes.count);
        listing->nodes = kj_new_array(&tree->arena, kj_node, listing->count);
        if (listing->nodes)
            memcpy(listing->nodes, draft.nodes.items, listing->count * sizeof(kj_node));
        else
            status = kj_no_memory(err);
    }
    kj_vec_done(&draft.nodes);
    return status;
}

/* Lists a directory and puts it into the table, also when it could not be listed. */
static kj_status new_listing(kj_tree *tree, kj_span path, kj_listing **out, kj_error *err)
{
    kj_error why = {0};
    kj_listing *listing = kj_new(&tree->arena, kj_listing);
    char *copy = listing ? kj_arena_text(&tree->arena, path) : NULL;
    if (!copy)
        return kj_no_memory(err);
    listing->path = kj_span_of(copy, path.len);
    listing->status = kj_tree_path_ok(path)
                          ? read_listing(tree, listing, &why)
                          : kj_fail(&why, KJ_IO, KJ_NO_OFFSET, "not a path in this volume");
    if (listing->status == KJ_NO_MEMORY)
        return kj_no_memory(err);
    if (listing->status != KJ_OK) {
        listing->count = 0;
        listing->reason = kj_arena_strdup(&tree->arena, why.message);
        if (!listing->reason)
            return kj_no_memory(err);
    }
    KJ_TRY(grow_slots(tree, err));
    *slot_of(tree->slots, tree->slot_count, path) = listing;
    tree->used++;
    *out = listing;
    return KJ_OK;
}

/* The listing of a directory, from the table or new. */
static kj_status listing_of(kj_tree *tree, kj_span path, kj_listing **out, kj_error *err)
{
    kj_listing *listing = *slot_of(tree->slots, tree->slot_count, path);
    if (!listing) {
        kj_status status = new_listing(tree, path, &listing, err);
        tree->starved = tree->starved || status == KJ_NO_MEMORY;
        KJ_TRY(status);
    }
    *out = listing;
    if (listing->status != KJ_OK)
        return kj_fail(err, listing->status, KJ_NO_OFFSET, "%s", listing->reason);
    return KJ_OK;
}

kj_status kj_tree_list(kj_tree *tree, kj_span path, const kj_node **out, size_t *out_count,
                       kj_error *err)
{
    kj_listing *listing;
    KJ_TRY(listing_of(tree, path, &listing, err));
    *out = listing->nodes;
    *out_count = listing->count;
    return KJ_OK;
}

static int by_folded(const void *a, const void *b)
{
    const kj_folded *x = a, *y = b;
    int order = kj_span_compare(x->name, y->name);
    return order ? order : (x->node > y->node) - (x->node < y->node);
}

/* Makes the folded names of a listing, once. */
static kj_status fold_names(kj_tree *tree, kj_listing *listing, kj_error *err)
{
    if (listing->folded || listing->count == 0)
        return KJ_OK;
    kj_folded *folded = kj_new_array(&tree->arena, kj_folded, listing->count);
    if (!folded)
        return kj_no_memory(err);
    for (size_t i = 0; i < listing->count; i++) {
        char *name = kj_fold_text(&tree->arena, name_in(listing->path.len, &listing->nodes[i]));
        if (!name)
            return kj_no_memory(err);
        folded[i] = (kj_folded){kj_span_str(name), (uint32_t)i};
    }
    qsort(folded, listing->count, sizeof *folded, by_folded);
    listing->folded = folded;
    return KJ_OK;
}

/* The first folded name that is not less than `name`. */
static size_t lower_bound(const kj_listing *listing, kj_span name)
{
    size_t low = 0, high = listing->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (kj_span_compare(listing->folded[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The node of that exact name; NULL. */
static const kj_node *exact_node(const kj_listing *listing, kj_span name)
{
    size_t low = 0, high = listing->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const kj_node *node = &listing->nodes[middle];
        int order = kj_span_compare(name_in(listing->path.len, node), name);
        if (order == 0)
            return node;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

kj_status kj_tree_node(kj_tree *tree, kj_span path, kj_node *out, kj_error *err)
{
    if (path.len == 0) {
        *out = tree->root;
        return KJ_OK;
    }
    kj_listing *listing;
    KJ_TRY(listing_of(tree, parent_of(path), &listing, err));
    size_t prefix = listing->path.len ? listing->path.len + 1 : 0;
    const kj_node *node = exact_node(listing, kj_span_sub(path, prefix, SIZE_MAX));
    if (!node)
        return kj_fail(err, KJ_IO, KJ_NO_OFFSET, "there is no such file");
    *out = *node;
    return KJ_OK;
}

static kj_status open_file(kj_tree *tree, kj_span path, uint64_t max_bytes, bool head, int *out_fd,
                           kj_node *out_node, kj_error *err)
{
    if (path.len == 0 || !kj_tree_path_ok(path))
        return kj_fail(err, KJ_IO, KJ_NO_OFFSET, "not a path in this volume");
    return tree->ops->open(tree, path, max_bytes, head, out_fd, out_node, err);
}

kj_status kj_tree_open(kj_tree *tree, kj_span path, uint64_t max_bytes, int *out_fd,
                       kj_node *out_node, kj_error *err)
{
    return open_file(tree, path, max_bytes, false, out_fd, out_node, err);
}

kj_status kj_tree_open_head(kj_tree *tree, kj_span path, size_t len, int *out_fd, kj_node *out_node,
                            kj_error *err)
{
    return open_file(tree, path, len, true, out_fd, out_node, err);
}

/* ---- finding --------------------------------------------------------------------------------- */

/* The node of that name in any case: the exact one, else the first. */
static const kj_node *find_in(kj_tree *tree, kj_listing *listing, kj_span name, bool *twins)
{
    if (fold_names(tree, listing, NULL) != KJ_OK) {
        tree->starved = true;
        return NULL;
    }
    kj_arena_mark mark = kj_arena_get_mark(&tree->arena);
    char *folded = kj_fold_text(&tree->arena, name);
    const kj_node *found = NULL;
    tree->starved = tree->starved || !folded;
    if (folded) {
        kj_span wanted = kj_span_str(folded);
        size_t first = lower_bound(listing, wanted), last = first;
        while (last < listing->count && kj_span_equal(listing->folded[last].name, wanted))
            last++;
        *twins = *twins || last - first > 1;
        if (last > first) {
            found = exact_node(listing, name);
            if (!found)
                found = &listing->nodes[listing->folded[first].node];
        }
    }
    kj_arena_rewind(&tree->arena, mark);
    return found;
}

bool kj_tree_find(kj_tree *tree, kj_span path, kj_node *out, bool *out_twins)
{
    kj_node node = tree->root;
    bool twins = false;
    size_t depth = 0;
    for (size_t pos = 0; pos < path.len;) {
        kj_span name = next_component(path, &pos, true);
        if (name.len == 0)
            continue;
        kj_listing *listing;
        if (!name_ok(name) || node.kind != KJ_NODE_DIR || depth++ >= KJ_TREE_DEPTH_MAX ||
            listing_of(tree, node.path, &listing, NULL) != KJ_OK)
            return false;
        const kj_node *found = find_in(tree, listing, name, &twins);
        if (!found)
            return false;
        node = *found;
    }
    *out = node;
    if (out_twins)
        *out_twins = twins;
    return true;
}

/* ---- patterns -------------------------------------------------------------------------------- */

typedef struct glob {
    kj_tree *tree;
    kj_span pattern; /* folded */
    size_t left;     /* nodes that may still be told */
    size_t steps;    /* entries that may still be compared */
    void (*found)(void *user, const kj_node *node);
    void *user;
    kj_error *err;
} glob;

static kj_status glob_below(glob *g, kj_span directory, size_t pos, unsigned depth);

/* One node that matches the components before `pos`. */
static kj_status glob_node(glob *g, const kj_node *node, size_t pos, unsigned depth)
{
    while (pos < g->pattern.len && (g->pattern.data[pos] == '/' || g->pattern.data[pos] == '\\'))
        pos++;
    if (pos < g->pattern.len)
        return node->kind == KJ_NODE_DIR ? glob_below(g, node->path, pos, depth + 1) : KJ_OK;
    if (g->left == 0)
        return kj_fail(g->err, KJ_LIMIT, KJ_NO_OFFSET, "a pattern matches too many files");
    g->left--;
    g->found(g->user, node);
    return KJ_OK;
}

/* Every entry of a directory against a component with stars, in the order of names. */
static kj_status glob_stars(glob *g, const kj_listing *listing, kj_span part, size_t pos,
                            unsigned depth)
{
    KJ_VEC(uint32_t) hits = {0};
    kj_status status = KJ_OK;
    for (size_t i = 0; i < listing->count && status == KJ_OK; i++)
        if (kj_wildcard_match(part, listing->folded[i].name) &&
            !kj_vec_add(&hits, listing->folded[i].node))
            status = kj_no_memory(g->err);
    for (size_t i = 0; i < hits.count && status == KJ_OK; i++)
        status = glob_node(g, &listing->nodes[hits.items[i]], pos, depth);
    kj_vec_done(&hits);
    return status;
}

static kj_status glob_below(glob *g, kj_span directory, size_t pos, unsigned depth)
{
    kj_listing *listing;
    kj_span part = next_component(g->pattern, &pos, true);
    if (depth > KJ_TREE_DEPTH_MAX)
        return KJ_OK;
    kj_status status = listing_of(g->tree, directory, &listing, g->err);
    if (status == KJ_NO_MEMORY)
        return status;
    if (status != KJ_OK)
        return KJ_OK; /* kj_tree_failures() tells it */
    KJ_TRY(fold_names(g->tree, listing, g->err));
    if (listing->count > g->steps)
        return kj_fail(g->err, KJ_LIMIT, KJ_NO_OFFSET, "a pattern asks for too many directories");
    if (memchr(part.data, '*', part.len)) {
        g->steps -= listing->count;
        return glob_stars(g, listing, part, pos, depth);
    }
    for (size_t i = lower_bound(listing, part);
         i < listing->count && kj_span_equal(listing->folded[i].name, part); i++)
        KJ_TRY(glob_node(g, &listing->nodes[listing->folded[i].node], pos, depth));
    return KJ_OK;
}

kj_status kj_tree_glob(kj_tree *tree, kj_span pattern, size_t max,
                       void (*found)(void *user, const kj_node *node), void *user, kj_error *err)
{
    if (pattern.len > KJ_TREE_PATH_MAX / 4)
        return kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET, "a pattern is too long");
    kj_arena scratch;
    kj_arena_init(&scratch, KJ_TREE_PATH_MAX);
    char *folded = kj_fold_text(&scratch, pattern);
    glob g = {tree, kj_span_str(folded), max, GLOB_STEPS_MAX, found, user, err};
    kj_status status = folded ? glob_node(&g, &tree->root, 0, 0) : kj_no_memory(err);
    kj_arena_done(&scratch);
    return status;
}

/* ---- walking --------------------------------------------------------------------------------- */

static kj_status walk_directory(kj_tree *tree, kj_span path, const kj_tree_walk *walk,
                                unsigned depth, kj_error *err)
{
    kj_listing *listing;
    kj_error why = {0};
    kj_status status =
        depth > KJ_TREE_DEPTH_MAX
            ? kj_fail(&why, KJ_LIMIT, KJ_NO_OFFSET, "directories nested too deeply, not entered")
            : listing_of(tree, path, &listing, &why);
    if (status == KJ_NO_MEMORY)
        return kj_no_memory(err);
    if (status != KJ_OK) {
        if (walk->failed)
            walk->failed(walk->user, path, &why);
        return KJ_OK;
    }
    for (size_t i = 0; i < listing->count; i++) {
        const kj_node *node = &listing->nodes[i];
        walk->node(walk->user, node);
        if (node->kind == KJ_NODE_DIR && (!walk->enter || walk->enter(walk->user, node)))
            KJ_TRY(walk_directory(tree, node->path, walk, depth + 1, err));
    }
    return KJ_OK;
}

kj_status kj_tree_walk_below(kj_tree *tree, kj_span path, const kj_tree_walk *walk, kj_error *err)
{
    return walk_directory(tree, path, walk, 0, err);
}

static int by_listing_path(const void *a, const void *b)
{
    return kj_span_compare((*(kj_listing *const *)a)->path, (*(kj_listing *const *)b)->path);
}

kj_status kj_tree_failures(const kj_tree *tree,
                           void (*failed)(void *user, kj_span path, const char *sentence),
                           void *user, kj_error *err)
{
    KJ_VEC(kj_listing *) list = {0};
    kj_status status = KJ_OK;
    for (size_t i = 0; i < tree->slot_count && status == KJ_OK; i++)
        if (tree->slots[i] && tree->slots[i]->status != KJ_OK && !kj_vec_add(&list, tree->slots[i]))
            status = kj_no_memory(err);
    if (list.count)
        qsort(list.items, list.count, sizeof(kj_listing *), by_listing_path);
    for (size_t i = 0; i < list.count && status == KJ_OK; i++)
        failed(user, list.items[i]->path, list.items[i]->reason);
    kj_vec_done(&list);
    return status;
}

kj_status kj_tree_read(kj_tree *tree, kj_span path, uint64_t max_bytes, kj_arena *arena,
                       kj_span *out, kj_node *out_node, kj_error *err)
{
    KJ_CLEANUP(kj_close_fd) int fd = -1;
    KJ_TRY(kj_tree_open(tree, path, max_bytes, &fd, out_node, err));
    kj_buf bytes;
    kj_buf_init(&bytes, (size_t)max_bytes);
    kj_status status = kj_file_read_fd(fd, &bytes, err);
    const char *copy = status == KJ_OK ? kj_arena_text(arena, kj_buf_span(&bytes)) : NULL;
    if (copy)
        *out = kj_span_of(copy, bytes.len);
    kj_buf_done(&bytes);
    return copy || status != KJ_OK ? status : kj_no_memory(err);
}
