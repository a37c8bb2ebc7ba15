/* SPDX-License-Identifier: Apache-2.0 */
/* The stream of tables (ECMA-335 6th edition, II.24.2.6):
 *
 *     u32 0, u8 major, u8 minor, u8 heap sizes, u8 1, u64 valid, u64 sorted,
 *     u32 rows of each table whose bit is set in `valid`, [u32 when heap sizes has 0x40],
 *     the rows, table after table
 *
 * A column is 2 bytes wide, or 4 when the heap or one of the tables that it points into is too
 * large for that; so a row can be read only when the sizes of all tables are known.
 *
 * "#-" streams may have tables that the standard does not know: FieldPtr (3), MethodPtr (5),
 * EventPtr (0x13) and PropertyPtr (0x16) are skipped. ParamPtr (7) ends the walk as it does in
 * libyara. One deviation from libyara: it leaves TypeDef out of MemberRefParent and DeclSecurity
 * out of HasCustomAttribute, and loses its way in files where those decide the width. */
#include "formats/dotnet_tables.h"

#include "base/arith.h"

enum {
    TABLES_VALID = 64, /* bits of `valid` */
    WIDE_STRINGS = 0x01,
    WIDE_GUIDS = 0x02,
    WIDE_BLOBS = 0x04,
    EXTRA_DATA = 0x40,
    STRING_MAX = 1024,
    NO_TABLE = 0xFF,
};

/* Kinds of columns. TO + n: an index into table n. CODED + n: into one of the tables of coded[n].
 */
enum { U16 = 1, U32, STRING, GUID, BLOB, TO = 0x40, CODED = 0x80 };

enum coded_kind {
    TYPE_DEF_OR_REF,
    HAS_CONSTANT,
    HAS_CUSTOM_ATTRIBUTE,
    HAS_FIELD_MARSHAL,
    HAS_DECL_SECURITY,
    MEMBER_REF_PARENT,
    HAS_SEMANTICS,
    METHOD_DEF_OR_REF,
    MEMBER_FORWARDED,
    IMPLEMENTATION,
    CUSTOM_ATTRIBUTE_TYPE,
    RESOLUTION_SCOPE,
    TYPE_OR_METHOD_DEF,
    CODED_KINDS
};

static const struct {
    uint8_t bits; /* that say which table */
    uint8_t tables[23];
} coded[CODED_KINDS] = {
    [TYPE_DEF_OR_REF] = {2, {KJ_CLI_TYPE_DEF, KJ_CLI_TYPE_REF, KJ_CLI_TYPE_SPEC, NO_TABLE}},
    [HAS_CONSTANT] = {2, {KJ_CLI_FIELD, KJ_CLI_PARAM, KJ_CLI_PROPERTY, NO_TABLE}},
    [HAS_CUSTOM_ATTRIBUTE] = {5,
                              {KJ_CLI_METHOD_DEF,
                               KJ_CLI_FIELD,
                               KJ_CLI_TYPE_REF,
                               KJ_CLI_TYPE_DEF,
                               KJ_CLI_PARAM,
                               KJ_CLI_INTERFACE_IMPL,
                               KJ_CLI_MEMBER_REF,
                               KJ_CLI_MODULE,
                               KJ_CLI_DECL_SECURITY,
                               KJ_CLI_PROPERTY,
                               KJ_CLI_EVENT,
                               KJ_CLI_STANDALONE_SIG,
                               KJ_CLI_MODULE_REF,
                               KJ_CLI_TYPE_SPEC,
                               KJ_CLI_ASSEMBLY,
                               KJ_CLI_ASSEMBLY_REF,
                               KJ_CLI_FILE,
                               KJ_CLI_EXPORTED_TYPE,
                               KJ_CLI_MANIFEST_RESOURCE,
                               KJ_CLI_GENERIC_PARAM,
                               KJ_CLI_GENERIC_PARAM_CONSTRAINT,
                               KJ_CLI_METHOD_SPEC,
                               NO_TABLE}},
    [HAS_FIELD_MARSHAL] = {1, {KJ_CLI_FIELD, KJ_CLI_PARAM, NO_TABLE}},
    [HAS_DECL_SECURITY] = {2, {KJ_CLI_TYPE_DEF, KJ_CLI_METHOD_DEF, KJ_CLI_ASSEMBLY, NO_TABLE}},
    [MEMBER_REF_PARENT] = {3,
                           {KJ_CLI_TYPE_DEF, KJ_CLI_TYPE_REF, KJ_CLI_MODULE_REF, KJ_CLI_METHOD_DEF,
                            KJ_CLI_TYPE_SPEC, NO_TABLE}},
    [HAS_SEMANTICS] = {1, {KJ_CLI_EVENT, KJ_CLI_PROPERTY, NO_TABLE}},
    [METHOD_DEF_OR_REF] = {1, {KJ_CLI_METHOD_DEF, KJ_CLI_MEMBER_REF, NO_TABLE}},
    [MEMBER_FORWARDED] = {1, {KJ_CLI_FIELD, KJ_CLI_METHOD_DEF, NO_TABLE}},
    [IMPLEMENTATION] = {2, {KJ_CLI_FILE, KJ_CLI_ASSEMBLY_REF, KJ_CLI_EXPORTED_TYPE, NO_TABLE}},
    [CUSTOM_ATTRIBUTE_TYPE] = {3, {KJ_CLI_METHOD_DEF, KJ_CLI_MEMBER_REF, NO_TABLE}},
    [RESOLUTION_SCOPE] = {2,
                          {KJ_CLI_MODULE, KJ_CLI_MODULE_REF, KJ_CLI_ASSEMBLY_REF, KJ_CLI_TYPE_REF,
                           NO_TABLE}},
    [TYPE_OR_METHOD_DEF] = {1, {KJ_CLI_TYPE_DEF, KJ_CLI_METHOD_DEF, NO_TABLE}},
};

/* II.22.2 to II.22.39. A table without columns is one that we do not know. */
static const uint8_t columns[KJ_CLI_TABLES][KJ_CLI_COLUMNS_MAX] = {
    [KJ_CLI_MODULE] = {U16, STRING, GUID, GUID, GUID},
    [KJ_CLI_TYPE_REF] = {CODED + RESOLUTION_SCOPE, STRING, STRING},
    [KJ_CLI_TYPE_DEF] = {U32, STRING, STRING, CODED + TYPE_DEF_OR_REF, TO + KJ_CLI_FIELD,
                         TO + KJ_CLI_METHOD_DEF},
    [0x03 /* FieldPtr */] = {TO + KJ_CLI_FIELD},
    [KJ_CLI_FIELD] = {U16, STRING, BLOB},
    [0x05 /* MethodPtr */] = {TO + KJ_CLI_METHOD_DEF},
    [KJ_CLI_METHOD_DEF] = {U32, U16, U16, STRING, BLOB, TO + KJ_CLI_PARAM},
    [KJ_CLI_PARAM] = {U16, U16, STRING},
    [KJ_CLI_INTERFACE_IMPL] = {TO + KJ_CLI_TYPE_DEF, CODED + TYPE_DEF_OR_REF},
    [KJ_CLI_MEMBER_REF] = {CODED + MEMBER_REF_PARENT, STRING, BLOB},
    [KJ_CLI_CONSTANT] = {U16, CODED + HAS_CONSTANT, BLOB},
    [KJ_CLI_CUSTOM_ATTRIBUTE] = {CODED + HAS_CUSTOM_ATTRIBUTE, CODED + CUSTOM_ATTRIBUTE_TYPE, BLOB},
    [0x0D /* FieldMarshal */] = {CODED + HAS_FIELD_MARSHAL, BLOB},
    [KJ_CLI_DECL_SECURITY] = {U16, CODED + HAS_DECL_SECURITY, BLOB},
    [0x0F /* ClassLayout */] = {U16, U32, TO + KJ_CLI_TYPE_DEF},
    [0x10 /* FieldLayout */] = {U32, TO + KJ_CLI_FIELD},
    [KJ_CLI_STANDALONE_SIG] = {BLOB},
    [0x12 /* EventMap */] = {TO + KJ_CLI_TYPE_DEF, TO + KJ_CLI_EVENT},
    [0x13 /* EventPtr */] = {TO + KJ_CLI_EVENT},
    [KJ_CLI_EVENT] = {U16, STRING, CODED + TYPE_DEF_OR_REF},
    [0x15 /* PropertyMap */] = {TO + KJ_CLI_TYPE_DEF, TO + KJ_CLI_PROPERTY},
    [0x16 /* PropertyPtr */] = {TO + KJ_CLI_PROPERTY},
    [KJ_CLI_PROPERTY] = {U16, STRING, BLOB},
    [0x18 /* MethodSemantics */] = {U16, TO + KJ_CLI_METHOD_DEF, CODED + HAS_SEMANTICS},
    [0x19 /* MethodImpl */] = {TO + KJ_CLI_TYPE_DEF, CODED + METHOD_DEF_OR_REF,
                               CODED + METHOD_DEF_OR_REF},
    [KJ_CLI_MODULE_REF] = {STRING},
    [KJ_CLI_TYPE_SPEC] = {BLOB},
    [0x1C /* ImplMap */] = {U16, CODED + MEMBER_FORWARDED, STRING, TO + KJ_CLI_MODULE_REF},
    [KJ_CLI_FIELD_RVA] = {U32, TO + KJ_CLI_FIELD},
    [0x1E /* EncLog */] = {U32, U32},
    [0x1F /* EncMap */] = {U32},
    [KJ_CLI_ASSEMBLY] = {U32, U16, U16, U16, U16, U32, BLOB, STRING, STRING},
    [0x21 /* AssemblyProcessor */] = {U32},
    [0x22 /* AssemblyOS */] = {U32, U32, U32},
    [KJ_CLI_ASSEMBLY_REF] = {U16, U16, U16, U16, U32, BLOB, STRING, STRING, BLOB},
    [0x24 /* AssemblyRefProcessor */] = {U32, TO + KJ_CLI_ASSEMBLY_REF},
    [0x25 /* AssemblyRefOS */] = {U32, U32, U32, TO + KJ_CLI_ASSEMBLY_REF},
    [KJ_CLI_FILE] = {U32, STRING, BLOB},
    [KJ_CLI_EXPORTED_TYPE] = {U32, U32, STRING, STRING, CODED + IMPLEMENTATION},
    [KJ_CLI_MANIFEST_RESOURCE] = {U32, U32, STRING, CODED + IMPLEMENTATION},
    [KJ_CLI_NESTED_CLASS] = {TO + KJ_CLI_TYPE_DEF, TO + KJ_CLI_TYPE_DEF},
    [KJ_CLI_GENERIC_PARAM] = {U16, U16, CODED + TYPE_OR_METHOD_DEF, STRING},
    [KJ_CLI_METHOD_SPEC] = {CODED + METHOD_DEF_OR_REF, BLOB},
    [KJ_CLI_GENERIC_PARAM_CONSTRAINT] = {TO + KJ_CLI_GENERIC_PARAM, CODED + TYPE_DEF_OR_REF},
};

/* ---- where the tables are ------------------------------------------------------------------ */

typedef struct tilde {
    uint8_t heap_sizes;
    uint64_t valid;
    uint32_t rows[TABLES_VALID]; /* as announced; 0 for a table that is not there */
    unsigned known_rows;         /* how many of the announced numbers the file holds */
} tilde;

static uint8_t width_for(uint32_t rows, unsigned tag_bits)
{
    return rows > 0xFFFFu >> tag_bits ? 4 : 2;
}

static uint8_t coded_width(const tilde *t, unsigned kind)
{
    uint32_t most = 0;
    for (const uint8_t *table = coded[kind].tables; *table != NO_TABLE; table++)
        most = t->rows[*table] > most ? t->rows[*table] : most;
    return width_for(most, coded[kind].bits);
}

static uint8_t column_width(const tilde *t, unsigned kind)
{
    if (kind >= CODED)
        return coded_width(t, kind - CODED);
    if (kind >= TO)
        return width_for(t->rows[kind - TO], 0);
    switch (kind) {
    case U16:
        return 2;
    case U32:
        return 4;
    case STRING:
        return t->heap_sizes & WIDE_STRINGS ? 4 : 2;
    case GUID:
        return t->heap_sizes & WIDE_GUIDS ? 4 : 2;
    default:
        return t->heap_sizes & WIDE_BLOBS ? 4 : 2;
    }
}

/* Leaves the reader where the rows begin. */
static bool read_tilde(kj_reader *r, tilde *out)
{
    kj_skip(r, 6); /* reserved, version */
    out->heap_sizes = kj_read_u8(r);
    kj_skip(r, 1);
    out->valid = kj_read_u64le(r);
    kj_skip(r, 8); /* sorted */
    if (!kj_reader_ok(r))
        return false;
    for (unsigned i = 0; i < TABLES_VALID; i++) {
        if (!(out->valid >> i & 1))
            continue;
        out->rows[i] = kj_read_u32le(r);
        out->known_rows += kj_reader_ok(r);
    }
    if (out->heap_sizes & EXTRA_DATA)
        kj_skip(r, 4);
    return true;
}

static void lay_out_table(kj_cli_table *table, unsigned number, const tilde *t, uint64_t offset)
{
    *table = (kj_cli_table){.present = true, .rows = t->rows[number], .offset = offset};
    for (size_t i = 0; i < KJ_CLI_COLUMNS_MAX && columns[number][i]; i++) {
        table->widths[i] = column_width(t, columns[number][i]);
        table->row_len += table->widths[i];
    }
}

void kj_cli_lay_out(kj_cli_metadata *meta)
{
    kj_reader r = kj_reader_of(meta->file);
    tilde t = {0};
    kj_seek(&r, meta->tilde.offset);
    if (!read_tilde(&r, &t))
        return;
    uint64_t offset = r.pos;
    unsigned seen = 0;
    for (unsigned i = 0; i < TABLES_VALID; i++) {
        if (!(t.valid >> i & 1))
            continue;
        if (++seen > t.known_rows || t.rows[i] > KJ_CLI_ROWS_MAX || i >= KJ_CLI_TABLES ||
            !columns[i][0])
            return;
        lay_out_table(&meta->tables[i], i, &t, offset);
        offset += (uint64_t)meta->tables[i].rows * meta->tables[i].row_len;
    }
    meta->complete = true;
}

bool kj_cli_read_row(const kj_cli_metadata *meta, unsigned table, uint32_t index, kj_cli_row *out)
{
    const kj_cli_table *t = &meta->tables[table];
    if (index == 0 || index > t->rows)
        return false;
    kj_reader r = kj_reader_of(meta->file);
    kj_cli_row row = {0};
    kj_seek(&r, t->offset + (uint64_t)(index - 1) * t->row_len);
    for (size_t i = 0; i < KJ_CLI_COLUMNS_MAX && t->widths[i]; i++)
        row.column[i] = t->widths[i] == 4 ? kj_read_u32le(&r) : kj_read_u16le(&r);
    if (!kj_reader_ok(&r))
        return false;
    *out = row;
    return true;
}

/* ---- heaps --------------------------------------------------------------------------------- */

/* As kj_span_sub(), but an empty part of a file still has an address: it is something. */
static kj_span part_of(kj_span file, uint64_t offset, size_t len)
{
    return (kj_span){file.data + offset, len};
}

kj_span kj_cli_string(const kj_cli_metadata *meta, uint32_t index)
{
    uint64_t offset = meta->strings.offset + index;
    if (index >= meta->strings.len || offset >= meta->file.len)
        return (kj_span){0};
    kj_span rest = kj_span_sub(meta->file, (size_t)offset, STRING_MAX + 1);
    const uint8_t *nul = memchr(rest.data, 0, rest.len);
    return nul ? part_of(meta->file, offset, (size_t)(nul - rest.data)) : (kj_span){0};
}

/* Reads the 1, 2 or 4 bytes of a compressed integer, without the bits that say how many there are;
 * *out_width is 0, and nothing is consumed, for a broken one. */
static uint32_t read_compressed(kj_reader *r, unsigned *out_width)
{
    kj_reader ahead = *r;
    uint32_t value = kj_read_u8(&ahead);
    unsigned more = value < 0x80 ? 0 : value < 0xC0 ? 1 : 3;
    bool broken = value >= 0xE0;
    value &= more == 0 ? 0x7F : more == 1 ? 0x3F : 0x1F;
    for (unsigned i = 0; i < more; i++)
        value = value << 8 | kj_read_u8(&ahead);
    *out_width = 0;
    if (broken || !kj_reader_ok(&ahead))
        return 0;
    *out_width = more + 1;
    *r = ahead;
    return value;
}

kj_span kj_cli_blob_at(const kj_cli_metadata *meta, uint64_t offset, uint64_t *out_end)
{
    kj_reader r = kj_reader_of(meta->file);
    unsigned width;
    kj_seek(&r, offset);
    uint32_t len = read_compressed(&r, &width);
    if (width == 0 || len > kj_reader_left(&r))
        return (kj_span){0};
    if (out_end)
        *out_end = (uint64_t)r.pos + len;
    return part_of(meta->file, r.pos, len);
}

kj_span kj_cli_blob(const kj_cli_metadata *meta, uint32_t index)
{
    return kj_cli_blob_at(meta, meta->blobs.offset + index, NULL);
}

uint32_t kj_cli_read_unsigned(kj_reader *r)
{
    unsigned width;
    return read_compressed(r, &width);
}

int32_t kj_cli_read_signed(kj_reader *r)
{
    unsigned width;
    uint32_t value = read_compressed(r, &width);
    int32_t magnitude = (int32_t)(value >> 1); /* the sign is the lowest bit */
    if (!(value & 1))
        return magnitude;
    return magnitude - (width == 1 ? 1 << 6 : width == 2 ? 1 << 13 : 1 << 28);
}
