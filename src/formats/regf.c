/* SPDX-License-Identifier: Apache-2.0 */
/* Reading hives of Windows NT to 11.
 *
 *     base block   4096 bytes: "regf", sequence numbers, root, size of all bins, checksum
 *     bin...       32 bytes: "hbin", u32 its offset, u32 its size (n * 4096); cells that fill it
 *       cell       i32 size, negative when used, a multiple of 8; content:
 *         nk       a key: 76 bytes, the name; leads to its parent, security, lists
 *         lf lh li a list of subkeys: u16 count; u32 cell each, lf with a hint, lh with a hash
 *         ri       a list of such lists
 *         list     of values: u32 cell each, no signature
 *         vk       a value: 20 bytes, the name; up to 4 bytes of data stand in it
 *         data     no signature
 *         db       long data: u16 count; u32 cell of a list of u32, a segment each
 *         sk       a security descriptor that keys share: ring, reference count
 *
 * Offsets of cells count from the first bin; 0xFFFFFFFF is none. All is little-endian. Opening
 * reads the headers of the bins; a cell is checked where it is used, because a walk that needs ten
 * keys of a large hive should cost ten keys. Versions 1.0 and 1.1 have one more word in front of a
 * cell's content and align cells to 16. Layered hives (1.6) are read as if they stood alone. */
#include "base/arith.h"
#include "base/reader.h"
#include "formats/regf_private.h"

static kj_reader reader_at(kj_span bytes, uint64_t at)
{
    kj_reader r = kj_reader_of(bytes);
    kj_seek(&r, at);
    return r;
}

/* ---- header and bins ------------------------------------------------------------------------ */

uint32_t kj_regf_checksum(const uint8_t *header)
{
    kj_reader r = kj_reader_of(kj_span_of(header, KJ_REGF_CHECKSUM_AT));
    uint32_t sum = 0;
    while (kj_reader_left(&r))
        sum ^= kj_read_u32le(&r);
    if (sum == UINT32_MAX)
        return UINT32_MAX - 1;
    return sum ? sum : 1;
}

bool kj_regf_read_header(kj_span bytes, kj_regf_header *out)
{
    if (bytes.len < KJ_REGF_CHECKED_LEN)
        return false;
    kj_reader r = kj_reader_of(bytes);
    out->has_magic = kj_span_is(kj_read_span(&r, 4), "regf");
    out->sequence1 = kj_read_u32le(&r);
    out->sequence2 = kj_read_u32le(&r);
    out->written = kj_read_u64le(&r);
    out->major = kj_read_u32le(&r);
    out->minor = kj_read_u32le(&r);
    out->type = kj_read_u32le(&r);
    kj_skip(&r, 4); /* format: always 1 */
    out->root = kj_read_u32le(&r);
    out->data_size = kj_read_u32le(&r);
    kj_seek(&r, KJ_REGF_FLAGS_AT);
    out->flags = kj_read_u32le(&r);
    kj_seek(&r, KJ_REGF_CHECKSUM_AT);
    out->checksum_ok = kj_read_u32le(&r) == kj_regf_checksum(bytes.data);
    return kj_reader_ok(&r);
}

bool kj_regf_read_bin(const kj_regf_index *index, uint32_t page, uint32_t *out_page_count)
{
    uint64_t at = (uint64_t)page * KJ_REGF_PAGE;
    kj_reader r = reader_at(index->data, at);
    bool is_bin = kj_span_is(kj_read_span(&r, 4), "hbin");
    uint32_t offset = kj_read_u32le(&r), size = kj_read_u32le(&r);
    *out_page_count = size / KJ_REGF_PAGE;
    return kj_reader_ok(&r) && is_bin && offset == at && size && size % KJ_REGF_PAGE == 0 &&
           size <= index->data.len - at;
}

static void note_bins(kj_regf_index *index)
{
    uint32_t page = 0, broken = 0, count;
    while (page < index->page_count) {
        if (!kj_regf_read_bin(index, page, &count)) {
            page++;
            continue;
        }
        for (; broken < page; broken++)
            index->end_of_bin[broken] = page;
        for (uint32_t i = 0; i < count; i++)
            index->end_of_bin[page + i] = page + count;
        page += count;
        broken = page;
    }
    for (; broken < page; broken++)
        index->end_of_bin[broken] = page;
}

static kj_regf_index *make_index(kj_span bytes, const kj_regf_header *header, kj_arena *arena)
{
    bool is_old = header->minor < 2;
    kj_regf_index *index = kj_new(arena, kj_regf_index);
    if (!index)
        return NULL;
    index->data = kj_span_sub(bytes, KJ_REGF_HEADER_LEN, header->data_size);
    index->content_at = is_old ? 8 : 4;
    index->alignment = is_old ? 16 : 8;
    index->page_count = (uint32_t)((index->data.len + KJ_REGF_PAGE - 1) / KJ_REGF_PAGE);
    index->end_of_bin = kj_new_array(arena, uint32_t, index->page_count + 1);
    if (!index->end_of_bin)
        return NULL;
    note_bins(index);
    return index;
}

kj_status kj_regf_open(kj_span bytes, kj_arena *arena, kj_registry *out, kj_error *err)
{
    kj_regf_header header;
    if (!kj_regf_read_header(bytes, &header) ||
        bytes.len <= KJ_REGF_HEADER_LEN + KJ_REGF_BIN_HEADER_LEN)
        return kj_fail(err, KJ_TRUNCATED, bytes.len, "the hive ends in its header");
    if (!header.has_magic)
        return kj_fail(err, KJ_MALFORMED, 0, "no hive of Windows NT");
    if (header.major != 1 || header.minor > 6)
        return kj_fail(err, KJ_UNSUPPORTED, 20, "a hive of version %u.%u", header.major,
                       header.minor);
    kj_regf_index *index = make_index(bytes, &header, arena);
    if (!index)
        return kj_no_memory(err);
    kj_registry reg = {
        .bytes = bytes,
        .form = KJ_REGISTRY_REGF,
        .root = header.root,
        .minor = header.minor,
        .written = header.written,
        .is_dirty = !header.checksum_ok || header.sequence1 != header.sequence2,
        .is_layered = header.minor == 6,
        .data_size = (uint32_t)index->data.len,
        .index = index,
    };
    kj_regf_nk root;
    if (!kj_regf_read_nk(&reg, reg.root, &root))
        return kj_fail(err, KJ_MALFORMED, KJ_REGF_ROOT_AT,
                       "the root key is not where the header says");
    *out = reg;
    return KJ_OK;
}

/* ---- cells ---------------------------------------------------------------------------------- */

kj_span kj_regf_cell(const kj_registry *reg, uint32_t cell)
{
    const kj_regf_index *index = reg->index;
    uint32_t page = cell / KJ_REGF_PAGE;
    if (page >= index->page_count || cell % 8)
        return (kj_span){0};
    bool starts_bin = page == 0 || index->end_of_bin[page - 1] == page;
    if (starts_bin && cell % KJ_REGF_PAGE < KJ_REGF_BIN_HEADER_LEN)
        return (kj_span){0};
    uint64_t end = kj_min_u64((uint64_t)index->end_of_bin[page] * KJ_REGF_PAGE, index->data.len);
    kj_reader r = reader_at(index->data, cell);
    uint32_t stored = kj_read_u32le(&r);
    uint32_t size = 0 - stored;
    if (!kj_reader_ok(&r) || stored <= INT32_MAX || size < KJ_REGF_CELL_MIN ||
        size % KJ_REGF_CELL_MIN || size > end - cell)
        return (kj_span){0};
    return kj_span_sub(index->data, (size_t)cell + index->content_at, size - index->content_at);
}

/* A reader behind the signature; failed when the cell has another one. */
static kj_reader record_at(const kj_registry *reg, uint32_t cell, const char *signature)
{
    kj_reader r = kj_reader_of(kj_regf_cell(reg, cell));
    if (!kj_span_is(kj_read_span(&r, 2), signature))
        r.failed = true;
    return r;
}

bool kj_regf_read_nk(const kj_registry *reg, uint32_t cell, kj_regf_nk *out)
{
    kj_reader r = record_at(reg, cell, "nk");
    out->flags = kj_read_u16le(&r);
    out->written = kj_read_u64le(&r);
    kj_skip(&r, 4); /* access bits, since Windows 8 */
    out->parent = kj_read_u32le(&r);
    out->subkey_count = kj_read_u32le(&r);
    kj_skip(&r, 4); /* volatile subkeys mean nothing on disk */
    out->subkeys = kj_read_u32le(&r);
    kj_skip(&r, 4);
    out->value_count = kj_read_u32le(&r);
    out->values = kj_read_u32le(&r);
    out->security = kj_read_u32le(&r);
    out->class_cell = kj_read_u32le(&r);
    kj_skip(&r, 20); /* the longest names and data below it; a scratch word */
    uint16_t name_len = kj_read_u16le(&r);
    out->class_len = kj_read_u16le(&r);
    out->name.raw = kj_read_span(&r, name_len);
    out->name.wide = !(out->flags & KJ_REGF_NK_BYTES);
    return kj_reader_ok(&r);
}

bool kj_regf_read_vk(const kj_registry *reg, uint32_t cell, kj_regf_vk *out)
{
    kj_reader r = record_at(reg, cell, "vk");
    uint16_t name_len = kj_read_u16le(&r);
    uint32_t size = kj_read_u32le(&r);
    kj_reader inside = r;
    out->data = kj_read_u32le(&r);
    out->type = kj_read_u32le(&r);
    out->flags = kj_read_u16le(&r);
    kj_skip(&r, 2);
    out->name.raw = kj_read_span(&r, name_len);
    out->name.wide = !(out->flags & KJ_REGF_VK_BYTES);
    out->is_inline = (size & KJ_REGF_INLINE) != 0;
    out->size = size & ~KJ_REGF_INLINE;
    out->inline_data = kj_read_span(&inside, 4);
    return kj_reader_ok(&r);
}

bool kj_regf_read_sk(const kj_registry *reg, uint32_t cell, kj_regf_sk *out)
{
    kj_reader r = record_at(reg, cell, "sk");
    kj_skip(&r, 2);
    out->next = kj_read_u32le(&r);
    out->previous = kj_read_u32le(&r);
    out->reference_count = kj_read_u32le(&r);
    out->size = kj_read_u32le(&r);
    return kj_reader_ok(&r);
}

/* ---- lists of subkeys ----------------------------------------------------------------------- */

bool kj_regf_read_list(const kj_registry *reg, uint32_t cell, kj_regf_list *out)
{
    kj_reader r = kj_reader_of(kj_regf_cell(reg, cell));
    out->kind = kj_read_u16le(&r);
    out->count = kj_read_u16le(&r);
    bool is_wide = out->kind == KJ_REGF_LF || out->kind == KJ_REGF_LH;
    if (!kj_reader_ok(&r) || (!is_wide && out->kind != KJ_REGF_LI && out->kind != KJ_REGF_RI))
        return false;
    out->element_len = is_wide ? 8 : 4;
    size_t room = kj_reader_left(&r) / out->element_len;
    out->room = (uint16_t)kj_min_size(room, out->count);
    out->elements = kj_read_span(&r, (size_t)out->room * out->element_len);
    return true;
}

uint32_t kj_regf_element(const kj_regf_list *list, uint32_t index, uint32_t *out_hint)
{
    kj_reader r = reader_at(list->elements, (uint64_t)index * list->element_len);
    uint32_t cell = kj_read_u32le(&r);
    uint32_t hint = list->element_len == 8 ? kj_read_u32le(&r) : 0;
    if (out_hint)
        *out_hint = hint;
    return kj_reader_ok(&r) ? cell : KJ_REG_NONE;
}

static void use_element(const kj_regf_list *list, uint32_t index, kj_regf_place *out,
                        uint32_t *out_key)
{
    out->kind = list->kind;
    out->index = (uint16_t)index;
    *out_key = kj_regf_element(list, index, &out->hint);
}

/* `position` is an element of the key's list << 16 | an element of the list it leads to. */
bool kj_regf_next_place(const kj_registry *reg, uint32_t subkeys, uint32_t *position,
                        kj_regf_place *out, uint32_t *out_key)
{
    kj_regf_list list, part;
    if (subkeys == KJ_REG_NONE || !kj_regf_read_list(reg, subkeys, &list))
        return false;
    if (list.kind != KJ_REGF_RI) {
        *out = (kj_regf_place){.list = subkeys, .outer = KJ_REG_NONE};
        if (*position >= list.room)
            return false;
        use_element(&list, (*position)++, out, out_key);
        return true;
    }
    uint32_t outer = *position >> 16, inner = *position & UINT16_MAX;
    for (; outer < list.room; outer++, inner = 0) {
        uint32_t cell = kj_regf_element(&list, outer, NULL);
        if (!kj_regf_read_list(reg, cell, &part) || part.kind == KJ_REGF_RI || inner >= part.room)
            continue;
        *out = (kj_regf_place){.list = cell, .outer = subkeys, .outer_index = (uint16_t)outer};
        use_element(&part, inner, out, out_key);
        /* An index of 65,535 is the last there can be: the next list, or the end. */
        *position = inner + 1 < UINT16_MAX ? outer << 16 | (inner + 1) : (outer + 1) << 16;
        return true;
    }
    return false;
}

uint32_t kj_regf_hash(kj_reg_name name)
{
    uint32_t hash = 0;
    size_t count = kj_reg_name_count(name);
    for (size_t i = 0; i < count; i++)
        hash = 37 * hash + kj_reg_upper(kj_reg_name_unit(name, i));
    return hash;
}

uint32_t kj_regf_hint(kj_reg_name name)
{
    uint32_t hint = 0;
    size_t count = kj_min_size(kj_reg_name_count(name), 4);
    for (uint32_t i = 0; i < count; i++) {
        uint16_t unit = kj_reg_name_unit(name, i);
        if (unit > UINT8_MAX)
            return hint & ~(uint32_t)UINT8_MAX; /* a NUL in front: compare the name itself */
        hint |= (uint32_t)unit << 8 * i;
    }
    return hint;
}

/* ---- keys ----------------------------------------------------------------------------------- */

static void fill_key(const kj_registry *reg, uint32_t cell, const kj_regf_nk *nk,
                     kj_reg_key_info *out)
{
    *out = (kj_reg_key_info){
        .key = cell,
        .parent = cell == reg->root ? KJ_REG_NONE : nk->parent,
        .name = nk->name,
        .written = nk->written,
        .subkey_count = nk->subkey_count,
        .value_count = nk->value_count,
        .is_link = (nk->flags & KJ_REGF_NK_LINK) != 0,
    };
}

bool kj_regf_key(const kj_registry *reg, kj_reg_key key, kj_reg_key_info *out)
{
    kj_regf_nk nk;
    if (!kj_regf_read_nk(reg, key, &nk))
        return false;
    fill_key(reg, key, &nk, out);
    return true;
}

/* Ends an iteration: what was announced and not found counts as skipped, once. */
static bool end_of(kj_reg_iter *it, uint32_t announced)
{
    uint32_t end = (uint32_t)kj_min_u64(announced, KJ_REGISTRY_ITEMS_MAX);
    if (it->index < end)
        it->skipped += end - it->index;
    it->index = KJ_REGISTRY_ITEMS_MAX;
    return false;
}

bool kj_regf_next_subkey(const kj_registry *reg, kj_reg_key key, kj_reg_iter *it,
                         kj_reg_key_info *out)
{
    kj_regf_nk nk, sub;
    kj_regf_place place;
    uint32_t cell = 0;
    if (!kj_regf_read_nk(reg, key, &nk))
        return false;
    while (it->index < kj_min_u64(nk.subkey_count, KJ_REGISTRY_ITEMS_MAX) &&
           kj_regf_next_place(reg, nk.subkeys, &it->inner, &place, &cell)) {
        it->index++;
        if (cell != key && cell != reg->root && kj_regf_read_nk(reg, cell, &sub)) {
            fill_key(reg, cell, &sub, out);
            return true;
        }
        it->skipped++;
    }
    return end_of(it, nk.subkey_count);
}

/* As Windows looks a key up: where there are hashes, only names whose hash fits are compared. */
kj_reg_key kj_regf_find_subkey(const kj_registry *reg, kj_reg_key key, const uint16_t *name,
                               size_t count)
{
    kj_regf_nk nk, sub;
    kj_regf_place place;
    uint32_t position = 0, seen = 0, cell, hash = 0;
    for (size_t i = 0; i < count; i++)
        hash = 37 * hash + name[i];
    if (!kj_regf_read_nk(reg, key, &nk))
        return KJ_REG_NONE;
    uint64_t end = kj_min_u64(nk.subkey_count, KJ_REGISTRY_ITEMS_MAX);
    while (seen++ < end && kj_regf_next_place(reg, nk.subkeys, &position, &place, &cell)) {
        if (place.kind == KJ_REGF_LH && place.hint != hash)
            continue;
        if (cell != key && cell != reg->root && kj_regf_read_nk(reg, cell, &sub) &&
            kj_reg_name_is_upper(sub.name, name, count))
            return cell;
    }
    return KJ_REG_NONE;
}

/* ---- values --------------------------------------------------------------------------------- */

uint32_t kj_regf_value_cell(const kj_registry *reg, const kj_regf_nk *nk, uint32_t index)
{
    kj_reader r = reader_at(kj_regf_cell(reg, nk->values), (uint64_t)index * 4);
    uint32_t cell = kj_read_u32le(&r);
    return kj_reader_ok(&r) ? cell : KJ_REG_NONE;
}

bool kj_regf_read_db(const kj_registry *reg, const kj_regf_vk *vk, kj_regf_db *out)
{
    if (vk->is_inline || vk->size <= KJ_REGF_SEGMENT_LEN || reg->minor <= 3)
        return false;
    kj_reader r = record_at(reg, vk->data, "db");
    out->count = kj_read_u16le(&r);
    out->list = kj_read_u32le(&r);
    return kj_reader_ok(&r);
}

/* Data that is announced longer than the hive is read as far as the hive is long: segments that
 * several elements lead to must not make a large value of a small file. */
static void join_segments(const kj_registry *reg, const kj_regf_vk *vk, const kj_regf_db *db,
                          kj_arena *arena, kj_reg_value *out)
{
    size_t size = kj_min_size(vk->size, reg->data_size);
    uint8_t *joined =
        arena && size <= KJ_REGISTRY_DATA_MAX ? kj_arena_alloc_raw(arena, size) : NULL;
    out->broken = true;
    if (!joined)
        return;
    kj_reader list = kj_reader_of(kj_regf_cell(reg, db->list));
    size_t len = 0;
    for (uint32_t i = 0; i < db->count && len < size; i++) {
        kj_span segment = kj_regf_cell(reg, kj_read_u32le(&list));
        size_t part = kj_min_size(kj_min_size(segment.len, KJ_REGF_SEGMENT_LEN), size - len);
        if (!kj_reader_ok(&list) || part == 0)
            break;
        memcpy(joined + len, segment.data, part);
        len += part;
    }
    out->data = kj_span_of(joined, len);
    out->broken = len != vk->size;
}

static void read_data(const kj_registry *reg, const kj_regf_vk *vk, kj_arena *arena,
                      kj_reg_value *out)
{
    kj_regf_db db;
    if (kj_regf_read_db(reg, vk, &db)) {
        join_segments(reg, vk, &db, arena, out);
        return;
    }
    kj_span all = {0};
    if (vk->is_inline)
        all = vk->inline_data;
    else if (vk->size)
        all = kj_regf_cell(reg, vk->data);
    out->data = kj_span_sub(all, 0, vk->size);
    out->broken = out->data.len != vk->size;
}

bool kj_regf_next_value(const kj_registry *reg, kj_reg_key key, kj_reg_iter *it, kj_arena *arena,
                        kj_reg_value *out)
{
    kj_regf_nk nk;
    kj_regf_vk vk;
    if (!kj_regf_read_nk(reg, key, &nk))
        return false;
    kj_reader list = kj_reader_of(kj_regf_cell(reg, nk.values));
    kj_seek(&list, (uint64_t)it->index * 4);
    while (it->index < kj_min_u64(nk.value_count, KJ_REGISTRY_ITEMS_MAX)) {
        uint32_t cell = kj_read_u32le(&list);
        if (!kj_reader_ok(&list))
            break;
        it->index++;
        if (kj_regf_read_vk(reg, cell, &vk)) {
            *out = (kj_reg_value){.id = cell, .name = vk.name, .type = vk.type};
            read_data(reg, &vk, arena, out);
            return true;
        }
        it->skipped++;
    }
    return end_of(it, nk.value_count);
}
