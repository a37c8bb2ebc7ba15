/* SPDX-License-Identifier: Apache-2.0 */
/* The `pe` module: resources, and the texts of version resources.
 *
 *     a tree of three levels - type, name, language: directories (16 bytes) of entries (8 bytes),
 *     whose second word, from the tree's start on, is another directory (high bit) or a leaf
 *     version resource: VS_VERSION_INFO { VarFileInfo { } StringFileInfo { table { key value } } },
 *     each a block: length, length of its value, type, name in UTF-16, padding to 4 */
#include "modules/pe_module.h"

#include "base/arith.h"

#include <stdlib.h>

enum {
    DIRECTORY = 2,
    DIRECTORY_LEN = 16,
    ENTRY_LEN = 8,
    LEAF_LEN = 16,
    NAMES_MAX = 32768,   /* entries of a directory with names, and with numbers */
    NAME_MAX_LEN = 1000, /* units */
    LEAF_MAX = 0x3FFFFFFF,
    RESOURCES_MAX = 65536,
    ENTRIES_MAX = 1 << 20, /* looked at; a tree that meets itself again has as many as it likes */
    TYPE_VERSION = 16,
    INFOS_MAX = 65536,
};
static const uint32_t HIGH_BIT = UINT32_C(1) << 31;

typedef struct walk {
    const kj_pe_ask *ask;
    uint64_t base;      /* the tree's file offset */
    size_t entries;     /* looked at */
    kj_pe_resource now; /* ids are kept from entry to entry; names belong to a level */
} walk;

/* ---- version resources ---------------------------------------------------------------------- */

enum { BLOCK_LEN = 6 }; /* of its three numbers; the name follows */

static uint64_t padded(uint64_t offset, uint64_t len)
{
    return offset + ((len + 3) & ~UINT64_C(3));
}

static uint16_t u16_at(const kj_pe_ask *ask, uint64_t offset)
{
    kj_reader r = kj_pe_reader(ask, offset);
    return kj_read_u16le(&r);
}

static bool is_wide(const kj_pe_ask *ask, uint64_t offset, const char *text)
{
    kj_reader r = kj_pe_reader(ask, offset);
    for (const char *c = text; *c; c++)
        if (kj_read_u16le(&r) != (uint8_t)*c)
            return false;
    return kj_read_u16le(&r) == 0 && kj_reader_ok(&r);
}

/* How many units the UTF-16 text at `offset` has; false when it does not end in the file. */
static bool wide_len(const kj_pe_ask *ask, uint64_t offset, uint64_t *out_len)
{
    kj_reader r = kj_pe_reader(ask, offset);
    uint64_t len = 0;
    while (kj_read_u16le(&r) != 0)
        len++;
    *out_len = len;
    return kj_reader_ok(&r) && kj_pe_pay(ask, 2 * len);
}

/* The low bytes of a UTF-16 text, up to one that is zero: what libyara keeps. */
static kj_span narrow(const kj_pe_ask *ask, uint64_t offset, size_t max)
{
    kj_reader r = kj_pe_reader(ask, offset);
    uint8_t text[256];
    size_t len = 0;
    for (uint8_t low; len < max && (low = kj_read_u8(&r)) != 0; kj_skip(&r, 1))
        text[len++] = low;
    return (kj_span){(const uint8_t *)kj_arena_text(ask->arena, kj_span_of(text, len)), len};
}

static bool add_info(const kj_pe_ask *ask, uint64_t block, uint64_t value_at)
{
    enum { KEY_MAX = 63, VALUE_MAX = 255 };
    kj_pe_resources *out = &ask->state->resources;
    if (!kj_pe_grow(ask->arena, &out->infos, out->info_count, &out->info_capacity,
                    sizeof *out->infos))
        return false;
    kj_pe_version_info info = {
        .key = narrow(ask, block + BLOCK_LEN, KEY_MAX),
        .value = narrow(ask, value_at, u16_at(ask, block + 2) ? VALUE_MAX : 0),
        .offset = block + BLOCK_LEN,
    };
    out->infos[out->info_count++] = info;
    return info.key.data && info.value.data;
}

/* Reads the numbers and the name of a block. False when there is none, or none with a length;
 * *out_inside is where its content begins. */
static bool open_block(const kj_pe_ask *ask, uint64_t block, uint16_t *out_len,
                       uint64_t *out_inside)
{
    uint64_t name_len;
    *out_len = u16_at(ask, block);
    if (!kj_pe_fits(ask, block, BLOCK_LEN) || !wide_len(ask, block + BLOCK_LEN, &name_len))
        return false;
    *out_inside = padded(block, BLOCK_LEN + 2 * (name_len + 1));
    return *out_len != 0;
}

/* The keys and values from `at` to `end`. */
static bool read_strings(const kj_pe_ask *ask, uint64_t at, uint64_t end)
{
    uint16_t len;
    uint64_t value_at, unused;
    while (at < end && open_block(ask, at, &len, &value_at) &&
           ask->state->resources.info_count < INFOS_MAX) {
        if (wide_len(ask, value_at, &unused) && !add_info(ask, at, value_at))
            return false;
        at = padded(at, len);
        if (!kj_pe_pay(ask, 64))
            return false;
    }
    return true;
}

static bool read_string_tables(const kj_pe_ask *ask, uint64_t at, uint64_t end)
{
    uint16_t len;
    uint64_t strings;
    while (at < end && open_block(ask, at, &len, &strings)) {
        at = padded(at, len);
        if (!kj_pe_pay(ask, 64) || !read_strings(ask, strings, at))
            return false;
    }
    return true;
}

/* False when work or memory ran out; a resource that is none of this kind adds nothing. */
static bool read_version(const kj_pe_ask *ask, uint32_t rva)
{
    enum { VALUE_AT = BLOCK_LEN + 86, TABLES_AT = BLOCK_LEN + 30 };
    int64_t offset = kj_pe_offset(ask, rva);
    if (offset < 0 || !is_wide(ask, (uint64_t)offset + BLOCK_LEN, "VS_VERSION_INFO"))
        return true;
    uint64_t at = padded((uint64_t)offset, VALUE_AT);
    uint16_t len;
    while (is_wide(ask, at + BLOCK_LEN, "VarFileInfo") && (len = u16_at(ask, at)) != 0)
        if (!kj_pe_pay(ask, 64))
            return false;
        else
            at = padded(at, len);
    while (is_wide(ask, at + BLOCK_LEN, "StringFileInfo") && (len = u16_at(ask, at)) != 0) {
        uint64_t tables = padded(at, TABLES_AT);
        at = padded(at, len);
        if (!read_string_tables(ask, tables, at))
            return false;
    }
    return true;
}

/* ---- the tree ------------------------------------------------------------------------------- */

/* The name of an entry; NULL: it has a number, or a name that is not in the file. */
static kj_span entry_name(const walk *w, uint32_t name)
{
    if (!(name & HIGH_BIT))
        return (kj_span){0};
    kj_reader r = kj_pe_reader(w->ask, w->base + (name & ~HIGH_BIT));
    size_t len = kj_read_u16le(&r);
    if (len > NAME_MAX_LEN)
        return (kj_span){0};
    kj_span text = kj_read_span(&r, 2 * len);
    return kj_reader_ok(&r) ? (kj_span){text.data ? text.data : (const uint8_t *)"", text.len}
                            : (kj_span){0};
}

static bool add_leaf(walk *w, uint64_t offset)
{
    const kj_pe_ask *ask = w->ask;
    kj_pe_resources *out = &ask->state->resources;
    kj_reader r = kj_pe_reader(ask, offset);
    kj_pe_resource leaf = w->now;
    leaf.rva = kj_read_u32le(&r);
    leaf.len = kj_read_u32le(&r);
    kj_skip(&r, LEAF_LEN - 8); /* code page, reserved */
    if (!kj_reader_ok(&r) || leaf.len == 0 || leaf.len > LEAF_MAX || out->count >= RESOURCES_MAX)
        return true;
    leaf.offset = kj_pe_offset(ask, leaf.rva);
    if (!kj_pe_grow(ask->arena, &out->items, out->count, &out->capacity, sizeof *out->items))
        return false;
    out->items[out->count++] = leaf;
    return leaf.ids[KJ_PE_TYPE] != TYPE_VERSION || read_version(ask, leaf.rva);
}

/* False when work or memory ran out. Level 2 has leaves only, whatever its entries say. */
static bool read_directory(walk *w, uint64_t offset, unsigned level)
{
    kj_reader r = kj_pe_reader(w->ask, offset);
    uint32_t characteristics = kj_read_u32le(&r);
    kj_skip(&r, 8); /* time, version */
    uint32_t named = kj_read_u16le(&r);
    uint32_t numbered = kj_read_u16le(&r);
    uint32_t count = named + numbered;
    if (!kj_reader_ok(&r) || characteristics != 0 || named > NAMES_MAX || numbered > NAMES_MAX ||
        kj_reader_left(&r) < (size_t)count * ENTRY_LEN)
        return true;
    for (uint32_t i = 0; i < count && w->entries < ENTRIES_MAX; i++) {
        uint32_t name = kj_read_u32le(&r);
        uint32_t to = kj_read_u32le(&r);
        w->entries++;
        if (to == 0) /* libyara gets no further */
            break;
        w->now.ids[level] = (int32_t)name;
        w->now.names[level] = entry_name(w, name);
        uint64_t target = w->base + (to & ~HIGH_BIT);
        bool is_directory = (to & HIGH_BIT) && level + 1 < KJ_PE_LEVELS;
        if (!kj_pe_pay(w->ask, ENTRY_LEN + LEAF_LEN) ||
            !(is_directory ? read_directory(w, target, level + 1) : add_leaf(w, target)))
            return false;
    }
    w->now.names[level] = (kj_span){0};
    return true;
}

/* ---- the dictionary ------------------------------------------------------------------------- */

static int compare_infos(const void *a, const void *b)
{
    const kj_pe_version_info *const *left = a, *const *right = b;
    int order = kj_span_compare((*left)->key, (*right)->key);
    return order ? order : (*left > *right) - (*left < *right);
}

static int compare_keys(const void *a, const void *b)
{
    const kj_pe_version_key *left = a, *right = b;
    return (left->first > right->first) - (left->first < right->first);
}

/* Keys in the order in which they came first, each with the value that came last. */
static bool make_dictionary(const kj_pe_ask *ask)
{
    kj_pe_resources *out = &ask->state->resources;
    size_t count = out->info_count;
    if (count == 0)
        return true;
    const kj_pe_version_info **sorted =
        kj_arena_alloc_array(ask->arena, count, sizeof(const kj_pe_version_info *));
    out->keys = kj_new_array(ask->arena, kj_pe_version_key, count);
    if (!sorted || !out->keys)
        return false;
    for (size_t i = 0; i < count; i++)
        sorted[i] = &out->infos[i];
    qsort(sorted, count, sizeof(const kj_pe_version_info *), compare_infos);
    for (size_t i = 0; i < count; i++) {
        size_t at = (size_t)(sorted[i] - out->infos);
        if (i == 0 || !kj_span_equal(sorted[i]->key, sorted[i - 1]->key))
            out->keys[out->key_count++].first = at;
        out->keys[out->key_count - 1].last = at;
    }
    qsort(out->keys, out->key_count, sizeof *out->keys, compare_keys);
    return true;
}

bool kj_pe_read_resources(const kj_pe_ask *ask)
{
    kj_pe_resources *out = &ask->state->resources;
    uint32_t rva = ask->state->pe.directories[DIRECTORY].rva;
    int64_t offset = rva ? kj_pe_offset(ask, rva) : -1;
    if (offset < 0 || !kj_pe_fits(ask, (uint64_t)offset, DIRECTORY_LEN))
        return true;
    kj_reader r = kj_pe_reader(ask, (uint64_t)offset);
    kj_skip(&r, 4); /* characteristics */
    out->found = true;
    out->timestamp = kj_read_u32le(&r);
    out->major = kj_read_u16le(&r);
    out->minor = kj_read_u16le(&r);
    walk w = {.ask = ask, .base = (uint64_t)offset, .now = {.ids = {-1, -1, -1}}};
    return read_directory(&w, (uint64_t)offset, KJ_PE_TYPE) && make_dictionary(ask);
}

/* ---- answers -------------------------------------------------------------------------------- */

static kj_value answer_id(const kj_pe_resource *resource, unsigned level)
{
    int32_t id = resource->ids[level];
    return resource->names[level].data || id == -1 ? kj_value_undefined() : kj_value_int(id);
}

static kj_value answer_resource(const kj_pe_resource *resource, uint16_t field)
{
    switch (field) {
    case KJ_PEF_RESOURCES_RVA:
        return kj_value_int(resource->rva);
    case KJ_PEF_RESOURCES_OFFSET:
        return kj_pe_int_value(resource->offset);
    case KJ_PEF_RESOURCES_LENGTH:
        return kj_value_int(resource->len);
    case KJ_PEF_RESOURCES_TYPE:
    case KJ_PEF_RESOURCES_ID:
    case KJ_PEF_RESOURCES_LANGUAGE:
        return answer_id(resource, field - KJ_PEF_RESOURCES_TYPE);
    default:
        return kj_pe_text_value(resource->names[field - KJ_PEF_RESOURCES_TYPE_STRING]);
    }
}

/* Whether the low bits of a resource's language are these. */
static kj_value has_language(const kj_pe_ask *ask, int64_t mask)
{
    const kj_pe_resources *resources = &ask->state->resources;
    if (!kj_pe_pay(ask, 16 * (uint64_t)resources->count))
        return kj_value_undefined();
    for (size_t i = 0; i < resources->count; i++) {
        kj_value language = answer_id(&resources->items[i], KJ_PE_LANGUAGE);
        if (language.type == KJ_TYPE_INT && (language.integer & mask) == ask->args[0].integer)
            return kj_value_int(1);
    }
    return kj_value_int(0);
}

/* By its key, or the n-th entry. */
static kj_value version_value(const kj_pe_ask *ask)
{
    const kj_pe_resources *resources = &ask->state->resources;
    kj_value key = ask->args[0];
    size_t index;
    if (key.type == KJ_TYPE_INT)
        return kj_pe_index(ask, 0, resources->key_count, &index)
                   ? kj_value_text(resources->infos[resources->keys[index].last].value)
                   : kj_value_undefined();
    if (!kj_pe_pay(ask, 16 * (uint64_t)resources->info_count))
        return kj_value_undefined();
    for (size_t i = resources->info_count; i-- > 0;)
        if (kj_span_equal(resources->infos[i].key, key.text))
            return kj_value_text(resources->infos[i].value);
    return kj_value_undefined();
}

static kj_value answer_version_info(const kj_pe_ask *ask)
{
    const kj_pe_resources *resources = &ask->state->resources;
    size_t index;
    switch (ask->field) {
    case KJ_PEF_VERSION_INFO_COUNT:
    case KJ_PEF_VERSION_INFO_LIST:
        return kj_value_int((int64_t)resources->info_count);
    case KJ_PEF_VERSION_INFO:
        return kj_value_int((int64_t)resources->key_count);
    case KJ_PEF_VERSION_INFO_KEY:
        return kj_pe_index(ask, 0, resources->key_count, &index)
                   ? kj_value_text(resources->infos[resources->keys[index].first].key)
                   : kj_value_undefined();
    case KJ_PEF_VERSION_INFO_VALUE:
        return version_value(ask);
    default:
        if (!kj_pe_index(ask, 0, resources->info_count, &index))
            return kj_value_undefined();
        return kj_value_text(ask->field == KJ_PEF_VERSION_INFO_LIST_KEY
                                 ? resources->infos[index].key
                                 : resources->infos[index].value);
    }
}

kj_value kj_pe_answer_resources(const kj_pe_ask *ask)
{
    const kj_pe_resources *resources = &ask->state->resources;
    size_t index;
    if (ask->field >= KJ_PEF_VERSION_INFO_COUNT)
        return answer_version_info(ask);
    switch (ask->field) {
    case KJ_PEF_RESOURCE_COUNT:
    case KJ_PEF_RESOURCES:
        return kj_value_int((int64_t)resources->count);
    case KJ_PEF_RESOURCE_TIMESTAMP:
        return resources->found ? kj_value_int(resources->timestamp) : kj_value_undefined();
    case KJ_PEF_RESOURCE_MAJOR:
        return resources->found ? kj_value_int(resources->major) : kj_value_undefined();
    case KJ_PEF_RESOURCE_MINOR:
        return resources->found ? kj_value_int(resources->minor) : kj_value_undefined();
    case KJ_PEF_LOCALE:
        return has_language(ask, 0xFFFF);
    case KJ_PEF_LANGUAGE:
        return has_language(ask, 0xFF);
    default:
        return kj_pe_index(ask, 0, resources->count, &index)
                   ? answer_resource(&resources->items[index], ask->field)
                   : kj_value_undefined();
    }
}
