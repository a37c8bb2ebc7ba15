/* SPDX-License-Identifier: Apache-2.0 */
/* DEX (Android, "Dalvik executable format").
 *
 *     header (112 bytes), tables of strings, types, prototypes, fields, methods, classes; the
 *     content of classes, code, texts; a map of it all
 *
 * What it says must be what libyara says, which differs from the format: a text is as many bytes
 * as its length has units, and begins one byte behind its place, where the length has one byte;
 * direct and virtual methods count their ids from zero each, as do static and instance fields. */
#include "formats/dex.h"

#include "base/arith.h"

enum {
    HEADER_LEN = 112,
    MAGIC_LEN = 8,
    SIGNATURE_LEN = 20,
    STRING_ID_LEN = 4,
    TYPE_ID_LEN = 4,
    PROTOTYPE_ID_LEN = 12,
    MEMBER_ID_LEN = 8,
    CLASS_LEN = 32,
    MAP_ITEM_LEN = 12,
    CODE_LEN = 16,
    NUMBER_ROOM = 4, /* bytes that libyara wants to see where a number is */
    ID_MAX = 0x80000 /* the largest index that libyara follows */
};

/* ---- the header ---------------------------------------------------------------------------- */

static kj_dex_table read_table(kj_reader *r)
{
    kj_dex_table table = {.count = kj_read_u32le(r)};
    table.offset = kj_read_u32le(r);
    return table;
}

static bool read_header(kj_span bytes, kj_dex_header *out)
{
    kj_reader r = kj_reader_of(bytes);
    kj_dex_header header = {.magic = kj_read_span(&r, MAGIC_LEN)};
    header.checksum = kj_read_u32le(&r);
    header.signature = kj_read_span(&r, SIGNATURE_LEN);
    header.file_size = kj_read_u32le(&r);
    header.header_size = kj_read_u32le(&r);
    header.endian_tag = kj_read_u32le(&r);
    header.link_size = kj_read_u32le(&r);
    header.link_offset = kj_read_u32le(&r);
    header.map_offset = kj_read_u32le(&r);
    header.strings = read_table(&r);
    header.types = read_table(&r);
    header.prototypes = read_table(&r);
    header.fields = read_table(&r);
    header.methods = read_table(&r);
    header.classes = read_table(&r);
    header.data_size = kj_read_u32le(&r);
    header.data_offset = kj_read_u32le(&r);
    *out = header;
    return kj_reader_ok(&r);
}

static bool is_dex(kj_span magic)
{
    return magic.len == MAGIC_LEN && kj_span_starts(magic, kj_span_str("dex\n03")) &&
           magic.data[6] >= '5' && magic.data[6] <= '9' && magic.data[7] == 0;
}

/* ---- entries of tables --------------------------------------------------------------------- */

static bool fits(kj_span bytes, uint64_t offset, uint64_t len)
{
    return len <= bytes.len && offset <= bytes.len - len;
}

static bool table_fits(kj_span bytes, const kj_dex_table *table, size_t len)
{
    return fits(bytes, table->offset, (uint64_t)table->count * len);
}

/* A reader on the i-th of `count` entries; it fails when there is no such entry. */
static kj_reader entry_at(kj_span bytes, uint64_t table, uint64_t count, uint64_t i, size_t len)
{
    kj_reader r = kj_reader_of(bytes);
    kj_seek(&r, i < count ? table + i * len : UINT64_MAX);
    return kj_read_sub(&r, len);
}

/* A number in up to five groups of seven bits; what is too large for 32 bits is lost. */
static uint32_t read_uleb(kj_reader *r)
{
    uint32_t value = 0;
    for (unsigned shift = 0; shift < 35; shift += 7) {
        uint8_t byte = kj_read_u8(r);
        value |= (shift == 28 ? byte : byte & 0x7Fu) << shift;
        if (!(byte & 0x80))
            break;
    }
    return value;
}

bool kj_dex_read_string(const kj_dex *dex, kj_span bytes, uint64_t i, kj_dex_string *out)
{
    kj_reader r = entry_at(bytes, dex->header.strings.offset, dex->string_count, i, STRING_ID_LEN);
    kj_dex_string string = {.offset = kj_read_u32le(&r)};
    if (!kj_reader_ok(&r) || !fits(bytes, string.offset, NUMBER_ROOM))
        return false;
    kj_reader at = kj_reader_of(bytes);
    kj_seek(&at, string.offset);
    string.size = read_uleb(&at);
    uint64_t text = (uint64_t)string.offset + 1;
    if (!kj_reader_ok(&at) || !fits(bytes, text, string.size))
        return false;
    string.value = kj_span_sub(bytes, (size_t)text, string.size);
    *out = string;
    return true;
}

bool kj_dex_read_type(const kj_dex *dex, kj_span bytes, uint64_t i, uint32_t *out_descriptor)
{
    kj_reader r = entry_at(bytes, dex->header.types.offset, dex->type_count, i, TYPE_ID_LEN);
    uint32_t descriptor = kj_read_u32le(&r);
    if (!kj_reader_ok(&r))
        return false;
    *out_descriptor = descriptor;
    return true;
}

bool kj_dex_read_prototype(const kj_dex *dex, kj_span bytes, uint64_t i, kj_dex_prototype *out)
{
    kj_reader r =
        entry_at(bytes, dex->header.prototypes.offset, dex->prototype_count, i, PROTOTYPE_ID_LEN);
    kj_dex_prototype prototype = {.shorty = kj_read_u32le(&r)};
    prototype.return_type = kj_read_u32le(&r);
    prototype.parameters_offset = kj_read_u32le(&r);
    if (!kj_reader_ok(&r))
        return false;
    *out = prototype;
    return true;
}

static bool read_id(kj_span bytes, uint32_t table, uint32_t count, uint64_t i, kj_dex_id *out)
{
    kj_reader r = entry_at(bytes, table, count, i, MEMBER_ID_LEN);
    kj_dex_id id = {.class_type = kj_read_u16le(&r)};
    id.type = kj_read_u16le(&r);
    id.name = kj_read_u32le(&r);
    if (!kj_reader_ok(&r))
        return false;
    *out = id;
    return true;
}

bool kj_dex_read_field_id(const kj_dex *dex, kj_span bytes, uint64_t i, kj_dex_id *out)
{
    return read_id(bytes, dex->header.fields.offset, dex->field_id_count, i, out);
}

bool kj_dex_read_method_id(const kj_dex *dex, kj_span bytes, uint64_t i, kj_dex_id *out)
{
    return read_id(bytes, dex->header.methods.offset, dex->method_id_count, i, out);
}

bool kj_dex_read_map_item(const kj_dex *dex, kj_span bytes, uint64_t i, kj_dex_map_item *out)
{
    kj_reader r =
        entry_at(bytes, (uint64_t)dex->header.map_offset + 4, dex->map_count, i, MAP_ITEM_LEN);
    kj_dex_map_item item = {.type = kj_read_u16le(&r)};
    item.unused = kj_read_u16le(&r);
    item.size = kj_read_u32le(&r);
    item.offset = kj_read_u32le(&r);
    if (!kj_reader_ok(&r))
        return false;
    *out = item;
    return true;
}

bool kj_dex_read_class(const kj_dex *dex, kj_span bytes, uint64_t i, kj_dex_class *out)
{
    kj_reader r = entry_at(bytes, dex->header.classes.offset, dex->class_count, i, CLASS_LEN);
    kj_dex_class class = {.type = kj_read_u32le(&r)};
    class.access_flags = kj_read_u32le(&r);
    class.super_type = kj_read_u32le(&r);
    class.interfaces_offset = kj_read_u32le(&r);
    class.source_file = kj_read_u32le(&r);
    class.annotations_offset = kj_read_u32le(&r);
    class.data_offset = kj_read_u32le(&r);
    class.static_values_offset = kj_read_u32le(&r);
    if (!kj_reader_ok(&r))
        return false;
    *out = class;
    return true;
}

/* Leaves the reader on the members. */
static bool read_class_data(kj_span bytes, uint32_t offset, kj_reader *r, kj_dex_class_data *out)
{
    *r = kj_reader_of(bytes);
    kj_seek(r, offset);
    if (kj_reader_left(r) < 4 * NUMBER_ROOM)
        return false;
    out->static_fields = read_uleb(r);
    out->instance_fields = read_uleb(r);
    out->direct_methods = read_uleb(r);
    out->virtual_methods = read_uleb(r);
    return kj_reader_ok(r);
}

bool kj_dex_read_class_data(const kj_dex *dex, kj_span bytes, uint64_t i, kj_dex_class_data *out)
{
    kj_reader r;
    kj_dex_class_data data;
    if (i >= dex->class_data_count || !read_class_data(bytes, dex->class_data[i], &r, &data))
        return false;
    *out = data;
    return true;
}

bool kj_dex_read_code(kj_span bytes, uint32_t offset, kj_dex_code *out)
{
    kj_reader r = kj_reader_of(bytes);
    kj_seek(&r, offset);
    kj_dex_code code = {.registers_size = kj_read_u16le(&r)};
    code.ins_size = kj_read_u16le(&r);
    code.outs_size = kj_read_u16le(&r);
    code.tries_size = kj_read_u16le(&r);
    code.debug_info_offset = kj_read_u32le(&r);
    code.insns_size = kj_read_u32le(&r);
    if (offset == 0 || !kj_reader_ok(&r))
        return false;
    uint64_t len = (uint64_t)code.insns_size * 2;
    code.has_insns = len <= kj_reader_left(&r);
    code.insns = code.has_insns ? kj_read_span(&r, (size_t)len) : (kj_span){0};
    *out = code;
    return true;
}

/* ---- members of classes -------------------------------------------------------------------- */

/* A walk over the members; it is done twice, first to count them. */
typedef struct walk {
    const kj_dex *dex;
    kj_span bytes;
    bool has_methods;     /* it is about methods, not fields */
    size_t next;          /* where the next member goes */
    size_t used;          /* members that were written, that one of them too which has no name */
    kj_dex_member *items; /* NULL: only counted */
} walk;

static bool has_name(const walk *w, uint32_t id)
{
    kj_dex_id unused;
    return id <= ID_MAX && (w->has_methods ? kj_dex_read_method_id
                                           : kj_dex_read_field_id)(w->dex, w->bytes, id, &unused);
}

/* Members of one kind. The first without a name ends them; the next class's go in its place. */
static void read_members(walk *w, kj_reader *r, uint32_t count, bool is_first_kind)
{
    uint32_t id = 0;
    for (uint32_t i = 0; i < count && w->next < KJ_DEX_ITEMS_MAX; i++) {
        kj_reader at = *r;
        if (kj_reader_left(&at) < (w->has_methods ? 3 : 2) * NUMBER_ROOM)
            return;
        kj_dex_member member = {.id_step = read_uleb(&at), .is_first_kind = is_first_kind};
        member.access_flags = read_uleb(&at);
        member.code_offset = w->has_methods ? read_uleb(&at) : 0;
        if (!kj_reader_ok(&at))
            return;
        member.id = id += member.id_step;
        if (w->items)
            w->items[w->next] = member;
        w->used = kj_max_size(w->used, w->next + 1);
        if (!has_name(w, id))
            return;
        *r = at;
        w->next++;
    }
}

/* Fields of a class come before its methods. */
static void read_class_members(walk *fields, walk *methods, kj_reader *r,
                               const kj_dex_class_data *data)
{
    read_members(fields, r, data->static_fields, true);
    read_members(fields, r, data->instance_fields, false);
    read_members(methods, r, data->direct_methods, true);
    read_members(methods, r, data->virtual_methods, false);
}

/* All classes that have content, until one is damaged; to be called with class_data_count 0. */
static void walk_classes(kj_dex *dex, kj_span bytes, walk *fields, walk *methods,
                         uint32_t *class_data)
{
    kj_reader r;
    kj_dex_class class;
    kj_dex_class_data data;
    dex->class_count = dex->header.classes.count;
    for (uint32_t i = 0; kj_dex_read_class(dex, bytes, i, &class); i++) {
        if (class.data_offset == 0)
            continue;
        if (dex->class_data_count >= KJ_DEX_ITEMS_MAX || fields->next >= KJ_DEX_ITEMS_MAX ||
            methods->next >= KJ_DEX_ITEMS_MAX ||
            !read_class_data(bytes, class.data_offset, &r, &data)) {
            dex->class_count = i + 1;
            return;
        }
        if (class_data)
            class_data[dex->class_data_count] = class.data_offset;
        dex->class_data_count++;
        read_class_members(fields, methods, &r, &data);
    }
    dex->is_whole = true;
}

static bool allocate(walk *w, kj_arena *arena)
{
    w->items = kj_new_array(arena, kj_dex_member, w->used ? w->used : 1);
    w->next = w->used = 0;
    return w->items;
}

static bool read_classes(kj_dex *dex, kj_span bytes, kj_arena *arena)
{
    walk fields = {.dex = dex, .bytes = bytes};
    walk methods = {.dex = dex, .bytes = bytes, .has_methods = true};
    walk_classes(dex, bytes, &fields, &methods, NULL);
    uint32_t *class_data = kj_new_array(arena, uint32_t, dex->class_data_count + 1);
    if (!class_data || !allocate(&fields, arena) || !allocate(&methods, arena))
        return false;
    dex->class_data_count = 0;
    walk_classes(dex, bytes, &fields, &methods, class_data);
    dex->class_data = class_data;
    dex->fields = (kj_dex_members){fields.items, fields.used, fields.next};
    dex->methods = (kj_dex_members){methods.items, methods.used, methods.next};
    return true;
}

/* ---- the file ------------------------------------------------------------------------------ */

/* Of a map that leaves the file the items in it can be asked for, unless it is longer than the
 * file. False for such maps. */
static bool read_map(kj_dex *dex, kj_span bytes)
{
    kj_reader r = kj_reader_of(bytes);
    kj_seek(&r, dex->header.map_offset);
    uint32_t count = kj_read_u32le(&r);
    if (dex->header.map_offset == 0 || !kj_reader_ok(&r))
        return true;
    dex->has_map = true;
    dex->map_size = count;
    if (4 + (uint64_t)count * MAP_ITEM_LEN > bytes.len)
        return false;
    size_t room = kj_reader_left(&r) / MAP_ITEM_LEN;
    dex->map_count = (uint32_t)kj_min_size(count, room);
    return room >= count;
}

/* Tables up to the first that leaves the file; whether the classes can be read then. */
static bool read_tables(kj_dex *dex, kj_span bytes)
{
    const kj_dex_header *header = &dex->header;
    const struct {
        const kj_dex_table *table;
        size_t len;
        uint32_t *out_count;
    } tables[] = {
        {&header->strings, STRING_ID_LEN, &dex->string_count},
        {&header->types, TYPE_ID_LEN, &dex->type_count},
        {&header->prototypes, PROTOTYPE_ID_LEN, &dex->prototype_count},
        {&header->fields, MEMBER_ID_LEN, &dex->field_id_count},
        {&header->methods, MEMBER_ID_LEN, &dex->method_id_count},
    };
    for (size_t i = 0; i < KJ_COUNT(tables); i++) {
        if (!table_fits(bytes, tables[i].table, tables[i].len))
            return false;
        *tables[i].out_count = tables[i].table->count;
    }
    return read_map(dex, bytes) && table_fits(bytes, &header->classes, CLASS_LEN);
}

bool kj_dex_read(kj_span bytes, kj_arena *arena, kj_dex *out)
{
    kj_dex dex = {0};
    if (bytes.len < HEADER_LEN || !read_header(bytes, &dex.header) || !is_dex(dex.header.magic))
        return false;
    if (read_tables(&dex, bytes) && !read_classes(&dex, bytes, arena))
        return false;
    *out = dex;
    return true;
}
