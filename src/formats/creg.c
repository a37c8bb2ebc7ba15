/* SPDX-License-Identifier: Apache-2.0 */
/* The registry of Windows 95, 98 and ME.
 *
 *     32 bytes     "CREG"; 8: u32 where the first RGDB begins; 16: u16 how many there are
 *     RGKN         the tree of keys: "RGKN", u32 size, u32 where the root node is
 *       node       28 bytes: 0 u32 zero, 4 hash, 8 ?, 12 parent, 16 first child, 20 next sibling,
 *                  24 u16 id and 26 u16 RGDB of the entry (both 0xFFFF: none, the root)
 *     RGDB...      32 bytes: "RGDB", u32 size, u32 bytes of all free entries, u16, u16 its number;
 *                  then entries that fill it
 *       entry      20 bytes: u32 size, u16 id (0xFFFF: free), u16, u32 bytes used,
 *                  u16 length of the key's name, u16 count of values, u32; the name; the values
 *       value      12 bytes: u32 type, u32 anything, u16 length of the name, u16 of the data; both
 *
 * Nodes are counted from RGKN, 0xFFFFFFFF is none. Texts are bytes of the system's codepage without
 * NUL. In an entry `used` is exactly what name and values take; it may be less than `size`, and
 * what is behind it counts nowhere. That is why a value can be taken out by moving the later ones:
 * no size and no sum but the entry's own changes. All of this holds without exception for the 5,785
 * entries of the two real files it was measured on; there are no checksums in them.
 *
 * A key is known by where its node stands in the file, a value by where its header does. Opening
 * walks the tree once and keeps what is sound, so that nothing below meets a loop. */
#include "formats/creg.h"

#include "base/arith.h"
#include "base/reader.h"
#include "base/store.h"
#include "formats/registry_private.h"

#include <stdlib.h>

enum {
    FILE_HEADER_LEN = 32,
    RGKN_AT = 32,
    RGKN_HEADER_LEN = 32,
    NODE_LEN = 28,
    NODE_ALIGNMENT = 4,
    RGDB_HEADER_LEN = 32,
    ENTRY_HEADER_LEN = 20,
    ENTRY_USED_AT = 8,
    ENTRY_COUNT_AT = 14,
    FREE_ENTRY_MIN = 8,
    VALUE_HEADER_LEN = 12,
    VALUE_DATA_LEN_AT = 10,
    NO_ID = 0xFFFF,
};

/* The name and the values of a key. */
typedef struct entry {
    uint32_t id; /* RGDB's number << 16 | id in it */
    uint32_t at;
} entry;

/* Children stand one behind the other in the index, in the order of the file. */
typedef struct node {
    uint32_t at;
    uint32_t parent; /* index */
    uint32_t entry;  /* where; KJ_REG_NONE: the root */
    uint32_t first_child;
    uint32_t child_count;
    uint32_t skipped; /* children that could not be read */
} node;

typedef struct creg_index {
    entry *entries; /* by id */
    size_t entry_count;
    node *nodes; /* the root, its children, theirs... */
    size_t node_count;
    uint32_t *by_place; /* nodes, by `at` */
} creg_index;

static kj_reader reader_at(kj_span bytes, uint64_t at)
{
    kj_reader r = kj_reader_of(bytes);
    kj_seek(&r, at);
    return r;
}

/* ---- entries and values -------------------------------------------------------------------- */

typedef struct entry_info {
    kj_span name;
    uint32_t value_count;
    kj_reader values; /* cannot leave the bytes used */
    uint32_t values_at;
} entry_info;

static bool read_entry(kj_span bytes, uint32_t at, entry_info *out)
{
    kj_reader r = reader_at(bytes, at);
    uint32_t size = kj_read_u32le(&r);
    kj_skip(&r, 4); /* id, RGDB or anything */
    uint32_t used = kj_read_u32le(&r);
    uint16_t name_len = kj_read_u16le(&r);
    out->value_count = kj_read_u16le(&r);
    kj_skip(&r, 4);
    if (!kj_reader_ok(&r) || used > size || used < ENTRY_HEADER_LEN)
        return false;
    kj_reader content = kj_read_sub(&r, used - ENTRY_HEADER_LEN);
    out->name = kj_read_span(&content, name_len);
    out->values_at = at + ENTRY_HEADER_LEN + name_len;
    out->values = content;
    return kj_reader_ok(&r) && kj_reader_ok(&content);
}

/* The length of a value with its header, 0 when it leaves the entry. */
static size_t read_value(kj_reader *r, kj_reg_value *out)
{
    size_t start = r->pos;
    *out = (kj_reg_value){.type = kj_read_u32le(r)};
    kj_skip(r, 4); /* left as it happened to be */
    uint16_t name_len = kj_read_u16le(r), data_len = kj_read_u16le(r);
    out->name.raw = kj_read_span(r, name_len);
    out->data = kj_read_span(r, data_len);
    return kj_reader_ok(r) ? r->pos - start : 0;
}

static int compare_entries(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    if (x->id != y->id)
        return x->id < y->id ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at;
}

/* Where the first entry of the id stands, KJ_REG_NONE when there is none. */
static uint32_t find_entry(const creg_index *index, uint32_t id)
{
    size_t low = 0, high = index->entry_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (index->entries[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    bool found = low < index->entry_count && index->entries[low].id == id;
    return found ? index->entries[low].at : KJ_REG_NONE;
}

/* Notes a RGDB's entries, up to the first that is none; only counts them while there is no array.
 */
static void note_entries(creg_index *index, kj_reader block, uint32_t number, size_t at)
{
    while (kj_reader_left(&block) >= FREE_ENTRY_MIN) {
        uint32_t entry_at = (uint32_t)(at + block.pos);
        kj_reader r = block;
        uint32_t size = kj_read_u32le(&r);
        uint16_t id = kj_read_u16le(&r);
        if (size < FREE_ENTRY_MIN || size > kj_reader_left(&block))
            return;
        kj_skip(&block, size);
        if (id == NO_ID)
            continue;
        if (index->entries)
            index->entries[index->entry_count] = (entry){number << 16 | id, entry_at};
        index->entry_count++;
    }
}

static void note_blocks(creg_index *index, kj_span bytes)
{
    kj_reader header = reader_at(bytes, 8);
    uint32_t at = kj_read_u32le(&header);
    kj_skip(&header, 4);
    uint32_t count = kj_read_u16le(&header);
    kj_reader r = reader_at(bytes, at);
    index->entry_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        size_t start = r.pos;
        kj_reader h = r;
        bool is_block = kj_span_is(kj_read_span(&h, 4), "RGDB");
        uint32_t size = kj_read_u32le(&h);
        kj_skip(&h, 6);
        uint16_t number = kj_read_u16le(&h);
        kj_reader block = kj_read_sub(&r, size);
        kj_skip(&block, RGDB_HEADER_LEN);
        if (!is_block || !kj_reader_ok(&h) || !kj_reader_ok(&r) || !kj_reader_ok(&block))
            return;
        note_entries(index, block, number, start);
    }
}

static bool index_entries(creg_index *index, kj_span bytes, kj_arena *arena)
{
    note_blocks(index, bytes);
    index->entries = kj_new_array(arena, entry, index->entry_count);
    if (!index->entries)
        return false;
    note_blocks(index, bytes);
    if (index->entry_count)
        qsort(index->entries, index->entry_count, sizeof(entry), compare_entries);
    return true;
}

/* ---- the tree ------------------------------------------------------------------------------ */

typedef struct walk {
    creg_index *index;
    kj_span bytes;
    kj_span tree;  /* RGKN */
    uint8_t *seen; /* a bit for every place where a node may stand */
    size_t room;   /* of nodes */
} walk;

typedef struct links {
    uint32_t parent;
    uint32_t child;
    uint32_t next;
    uint32_t entry_id;
} links;

/* Reads the node at an offset of the tree, once. False when there is none or it was read. */
static bool read_node(walk *w, uint32_t offset, links *out)
{
    kj_reader r = reader_at(w->tree, offset);
    kj_skip(&r, 12); /* hash of the name, and what is used in memory only */
    out->parent = kj_read_u32le(&r);
    out->child = kj_read_u32le(&r);
    out->next = kj_read_u32le(&r);
    uint32_t id = kj_read_u16le(&r);
    out->entry_id = (uint32_t)kj_read_u16le(&r) << 16 | id;
    if (!kj_reader_ok(&r) || offset < RGKN_HEADER_LEN || offset % NODE_ALIGNMENT)
        return false;
    uint32_t place = offset / NODE_ALIGNMENT;
    uint8_t bit = (uint8_t)(1 << place % 8);
    if (w->seen[place / 8] & bit)
        return false;
    w->seen[place / 8] |= bit;
    return true;
}

/* Puts the children of a node behind all nodes so far. One without a name is passed over with all
 * that is below it; a chain ends where a link leads nowhere sensible. */
static void read_children(walk *w, size_t parent, uint32_t offset, uint32_t child)
{
    node *p = &w->index->nodes[parent];
    p->first_child = (uint32_t)w->index->node_count;
    while (child != KJ_REG_NONE) {
        links link;
        if (w->index->node_count == w->room || !read_node(w, child, &link) ||
            link.parent != offset) {
            p->skipped++;
            return;
        }
        entry_info info;
        uint32_t at = find_entry(w->index, link.entry_id);
        if (at == KJ_REG_NONE || !read_entry(w->bytes, at, &info)) {
            p->skipped++;
        } else {
            w->index->nodes[w->index->node_count++] =
                (node){.at = RGKN_AT + child, .parent = (uint32_t)parent, .entry = at};
            p->child_count++;
        }
        child = link.next;
    }
}

static int compare_places(const void *a, const void *b, void *nodes)
{
    const node *x = (const node *)nodes + *(const uint32_t *)a;
    const node *y = (const node *)nodes + *(const uint32_t *)b;
    return x->at < y->at ? -1 : x->at > y->at;
}

static kj_status walk_tree(walk *w, uint32_t root, kj_error *err)
{
    creg_index *index = w->index;
    links link;
    if (!read_node(w, root, &link) || link.parent != KJ_REG_NONE)
        return kj_fail(err, KJ_MALFORMED, RGKN_AT, "the registry has no root key");
    uint32_t at = find_entry(index, link.entry_id);
    index->nodes[0] = (node){.at = RGKN_AT + root, .parent = KJ_REG_NONE, .entry = at};
    index->node_count = 1;
    for (size_t i = 0; i < index->node_count; i++) {
        uint32_t offset = index->nodes[i].at - RGKN_AT;
        kj_reader r = reader_at(w->tree, (uint64_t)offset + 16);
        read_children(w, i, offset, kj_read_u32le(&r));
    }
    for (uint32_t i = 0; i < index->node_count; i++)
        index->by_place[i] = i;
    qsort_r(index->by_place, index->node_count, sizeof(uint32_t), compare_places, index->nodes);
    return KJ_OK;
}

static kj_status index_nodes(creg_index *index, kj_span bytes, kj_arena *arena, kj_error *err)
{
    kj_reader r = reader_at(bytes, RGKN_AT);
    bool is_tree = kj_span_is(kj_read_span(&r, 4), "RGKN");
    uint32_t size = kj_read_u32le(&r), root = kj_read_u32le(&r);
    kj_reader tree = reader_at(bytes, RGKN_AT);
    walk w = {.index = index, .bytes = bytes, .tree = kj_read_span(&tree, size)};
    if (!is_tree || !kj_reader_ok(&r))
        return kj_fail(err, KJ_MALFORMED, RGKN_AT, "the registry has no tree of keys");
    if (!kj_reader_ok(&tree))
        return kj_fail(err, KJ_TRUNCATED, RGKN_AT, "the registry ends in its tree of keys");
    w.room = w.tree.len / NODE_LEN + 1; /* overlapping nodes beyond it are passed over */
    w.seen = kj_arena_alloc(arena, w.tree.len / NODE_ALIGNMENT / 8 + 1);
    index->nodes = kj_new_array(arena, node, w.room);
    index->by_place = kj_new_array(arena, uint32_t, w.room);
    if (!w.seen || !index->nodes || !index->by_place)
        return kj_no_memory(err);
    return walk_tree(&w, root, err);
}

kj_status kj_creg_open(kj_span bytes, kj_arena *arena, kj_registry *out, kj_error *err)
{
    if (bytes.len < FILE_HEADER_LEN || !kj_span_is(kj_span_sub(bytes, 0, 4), "CREG"))
        return kj_fail(err, KJ_MALFORMED, 0, "no registry of Windows 9x");
    if (bytes.len > INT32_MAX)
        return kj_fail(err, KJ_LIMIT, 0, "a registry of more than 2 GiB");
    creg_index *index = kj_new(arena, creg_index);
    if (!index || !index_entries(index, bytes, arena))
        return kj_no_memory(err);
    KJ_TRY(index_nodes(index, bytes, arena, err));
    *out = (kj_registry){
        .bytes = bytes,
        .form = KJ_REGISTRY_CREG,
        .root = index->nodes[0].at,
        .index = index,
    };
    return KJ_OK;
}

/* ---- reading ------------------------------------------------------------------------------- */

static const node *find_node(const creg_index *index, kj_reg_key key)
{
    size_t low = 0, high = index->node_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const node *n = &index->nodes[index->by_place[middle]];
        if (n->at == key)
            return n;
        if (n->at < key)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static void fill_key(const kj_registry *reg, const node *n, kj_reg_key_info *out)
{
    const creg_index *index = reg->index;
    entry_info info = {0};
    if (n->entry != KJ_REG_NONE && !read_entry(reg->bytes, n->entry, &info))
        info = (entry_info){0};
    *out = (kj_reg_key_info){
        .key = n->at,
        .parent = n->parent == KJ_REG_NONE ? KJ_REG_NONE : index->nodes[n->parent].at,
        .name = {.raw = info.name},
        .subkey_count = n->child_count,
        .value_count = info.value_count,
    };
}

bool kj_creg_key(const kj_registry *reg, kj_reg_key key, kj_reg_key_info *out)
{
    const node *n = find_node(reg->index, key);
    if (n)
        fill_key(reg, n, out);
    return n;
}

bool kj_creg_next_subkey(const kj_registry *reg, kj_reg_key key, kj_reg_iter *it,
                         kj_reg_key_info *out)
{
    const creg_index *index = reg->index;
    const node *n = find_node(index, key);
    if (!n || it->index >= n->child_count) {
        it->skipped = n ? n->skipped : 0;
        return false;
    }
    fill_key(reg, &index->nodes[n->first_child + it->index++], out);
    return true;
}

bool kj_creg_next_value(const kj_registry *reg, kj_reg_key key, kj_reg_iter *it, kj_arena *arena,
                        kj_reg_value *out)
{
    (void)arena; /* data never stands in segments */
    const node *n = find_node(reg->index, key);
    entry_info info;
    if (!n || n->entry == KJ_REG_NONE || !read_entry(reg->bytes, n->entry, &info) ||
        it->index >= info.value_count)
        return false;
    kj_reader values = info.values;
    kj_skip(&values, it->inner);
    size_t len = read_value(&values, out);
    if (len == 0) {
        it->skipped += info.value_count - it->index;
        it->index = info.value_count;
        return false;
    }
    out->id = info.values_at + it->inner;
    it->inner += (uint32_t)len;
    it->index++;
    return true;
}

/* ---- changes ------------------------------------------------------------------------------- */

/* A value, and all that is known of where it stands. */
typedef struct found {
    uint32_t entry;
    uint32_t value_count;
    size_t used_end; /* in the file */
    kj_reg_value value;
    size_t value_len; /* with its header */
} found;

static kj_status find_value(const kj_registry *reg, kj_reg_key key, kj_reg_value_id id, found *out,
                            kj_error *err)
{
    const node *n = find_node(reg->index, key);
    entry_info info;
    kj_reg_iter it = {0};
    uint32_t start = 0;
    while (kj_creg_next_value(reg, key, &it, NULL, &out->value)) {
        if (out->value.id == id && n && read_entry(reg->bytes, n->entry, &info)) {
            out->entry = n->entry;
            out->value_count = info.value_count;
            out->used_end = info.values_at + kj_reader_left(&info.values);
            out->value_len = it.inner - start;
            return KJ_OK;
        }
        start = it.inner;
    }
    return kj_fail(err, KJ_MALFORMED, id, "the registry has no such value");
}

/* Puts `with`, which is not longer, in the place of a part of the entry; what follows moves up, and
 * what becomes free is cleared, so that nobody finds there what was removed. */
static void replace(uint8_t *file, const found *f, size_t start, size_t len, kj_span with)
{
    size_t less = len - with.len, rest = f->used_end - start - len;
    if (with.len)
        memcpy(file + start, with.data, with.len);
    memmove(file + start + with.len, file + start + len, rest);
    memset(file + f->used_end - less, 0, less);
    kj_store_u32le(file + f->entry + ENTRY_USED_AT, (uint32_t)(f->used_end - less - f->entry));
}

static bool same_value(const kj_reg_value *a, const kj_reg_value *b, kj_span data)
{
    return a->type == b->type && kj_span_equal(a->name.raw, b->name.raw) &&
           kj_span_equal(b->data, data);
}

/* Whether a key's values are the same in both, but that `changed` has other data, or is gone. */
static bool same_values(const kj_registry *before, const kj_registry *after, kj_reg_key key,
                        kj_reg_value_id changed, const kj_span *data)
{
    kj_reg_iter old_it = {0}, new_it = {0};
    kj_reg_value old_value, new_value;
    while (kj_creg_next_value(before, key, &old_it, NULL, &old_value)) {
        bool is_changed = old_value.id == changed;
        if (is_changed && !data)
            continue;
        if (!kj_creg_next_value(after, key, &new_it, NULL, &new_value) ||
            !same_value(&old_value, &new_value, is_changed ? *data : old_value.data))
            return false;
    }
    return !kj_creg_next_value(after, key, &new_it, NULL, &new_value) &&
           old_it.skipped == new_it.skipped;
}

/* `changed` is a value of `key` alone: where two keys lead to one entry, it differs in the other,
 * too, and they are not the same. */
static bool same_registry(const kj_registry *before, const kj_registry *after, kj_reg_key key,
                          kj_reg_value_id changed, const kj_span *data)
{
    const creg_index *old_index = before->index, *new_index = after->index;
    if (old_index->node_count != new_index->node_count)
        return false;
    for (size_t i = 0; i < old_index->node_count; i++) {
        const node *n = &old_index->nodes[i];
        kj_reg_key_info old_info, new_info;
        fill_key(before, n, &old_info);
        fill_key(after, &new_index->nodes[i], &new_info);
        if (memcmp(n, &new_index->nodes[i], sizeof(node)) != 0 ||
            !kj_span_equal(old_info.name.raw, new_info.name.raw) ||
            !same_values(before, after, n->at, n->at == key ? changed : KJ_REG_NONE, data))
            return false;
    }
    return true;
}

static kj_status finish(const kj_registry *reg, kj_span file, kj_reg_key key, kj_reg_value_id value,
                        const kj_span *data, kj_arena *arena, kj_edits *out, kj_error *err)
{
    kj_registry after;
    KJ_TRY(kj_creg_open(file, arena, &after, err));
    if (!same_registry(reg, &after, key, value, data))
        return kj_fail(err, KJ_INTERNAL, value, "the changed registry is not what it should be");
    return kj_edits_between(arena, reg->bytes, file, 1, out, err);
}

static uint8_t *copy_file(const kj_registry *reg, kj_arena *arena)
{
    uint8_t *file = kj_arena_alloc_raw(arena, reg->bytes.len);
    if (file)
        memcpy(file, reg->bytes.data, reg->bytes.len);
    return file;
}

kj_status kj_creg_delete_value(const kj_registry *reg, kj_reg_key key, kj_reg_value_id value,
                               kj_arena *arena, kj_edits *out, kj_error *err)
{
    found f;
    KJ_TRY(find_value(reg, key, value, &f, err));
    uint8_t *file = copy_file(reg, arena);
    if (!file)
        return kj_no_memory(err);
    replace(file, &f, value, f.value_len, (kj_span){0});
    kj_store_u16le(file + f.entry + ENTRY_COUNT_AT, (uint16_t)(f.value_count - 1));
    return finish(reg, kj_span_of(file, reg->bytes.len), key, value, NULL, arena, out, err);
}

kj_status kj_creg_set_value(const kj_registry *reg, kj_reg_key key, kj_reg_value_id value,
                            kj_span data, kj_arena *arena, kj_edits *out, kj_error *err)
{
    found f;
    KJ_TRY(find_value(reg, key, value, &f, err));
    size_t old_len = f.value.data.len;
    if (data.len > old_len)
        return kj_fail(err, KJ_UNSUPPORTED, value,
                       "in a registry of Windows 9x a value cannot become longer");
    uint8_t *file = copy_file(reg, arena);
    if (!file)
        return kj_no_memory(err);
    kj_store_u16le(file + value + VALUE_DATA_LEN_AT, (uint16_t)data.len);
    replace(file, &f, value + f.value_len - old_len, old_len, data);
    return finish(reg, kj_span_of(file, reg->bytes.len), key, value, &data, arena, out, err);
}
