/* SPDX-License-Identifier: Apache-2.0 */
/* .NET assemblies (ECMA-335 6th edition, II.22 to II.25).
 *
 *     PE directory 14 -> CLI header (72 bytes) -> metadata: "BSJB", version, stream headers
 *     streams: #~ or #- (tables), #Strings, #Blob, #GUID, #US (user strings)
 *
 * Meaning and limits are libyara's (its dotnet module), because rules were written against it: one
 * byte of the number of streams counts; the last #GUID and the first of all other streams are
 * taken, by the beginning of their names; what points out of its heap is followed as long as it
 * stays in the file. */
#include "formats/dotnet.h"

#include "base/arith.h"

#include <stdio.h>

enum {
    CLI_DIRECTORY = 14,
    CLI_HEADER_LEN = 72,
    METADATA_MAGIC = 0x424A5342,
    METADATA_LEN = 16, /* up to the version */
    STREAM_NAME_MAX = 32,
    DIRECTORY_COUNT_64 = 24 + 108, /* of the number of directories, from "PE\0\0" in a PE32+ */
    ELEMENT_STRING = 0x0E,
    GUID_LEN = 16,
    MARK_EVERY = 64, /* user strings */
};

static bool pay(const kj_dotnet_meter *meter, uint64_t bytes)
{
    return meter->pay(meter->user, bytes);
}

/* ---- headers ------------------------------------------------------------------------------- */

/* Turns `r` into a reader of the CLI header, behind its size. */
static bool seek_cli_header(kj_reader *r, const kj_pe *pe)
{
    uint64_t offset;
    if (!kj_pe_rva_to_offset(pe, pe->directories[CLI_DIRECTORY].rva, &offset))
        return false;
    kj_seek(r, offset);
    *r = kj_read_sub(r, CLI_HEADER_LEN);
    return kj_read_u32le(r) == CLI_HEADER_LEN && kj_reader_ok(r);
}

static bool announces_directory(kj_span bytes, const kj_pe *pe)
{
    kj_reader r = kj_reader_of(bytes);
    kj_seek(&r, (uint64_t)pe->offset + DIRECTORY_COUNT_64);
    return kj_read_u32le(&r) >= CLI_DIRECTORY && kj_reader_ok(&r);
}

/* Leaves the reader behind the version. */
static bool read_metadata(kj_reader *r, const kj_pe *pe, uint64_t root, kj_dotnet *out)
{
    kj_seek(r, root);
    bool magic = kj_read_u32le(r) == METADATA_MAGIC;
    kj_skip(r, METADATA_LEN - 8);
    uint32_t len = kj_read_u32le(r);
    kj_reader version = kj_read_sub(r, len);
    if (!magic || len == 0 || len > 255 || len % 4 || !kj_reader_ok(r))
        return false;
    if (pe->is64 && !announces_directory(r->in, pe))
        return false;
    kj_span text = kj_read_cstr(&version, len);
    if (kj_reader_ok(&version))
        out->version = text.data ? text : kj_span_str("");
    return true;
}

static bool begins(kj_span name, const char *text)
{
    return name.len >= strlen(text) && memcmp(name.data, text, strlen(text)) == 0;
}

static void note_heap(kj_cli_metadata *meta, const kj_dotnet_stream *stream)
{
    const struct {
        const char *name;
        kj_cli_heap *heap;
    } heaps[] = {{"#~", &meta->tilde},    {"#-", &meta->tilde},
                 {"#GUID", &meta->guids}, {"#Strings", &meta->strings},
                 {"#Blob", &meta->blobs}, {"#US", &meta->user_strings}};
    for (size_t i = 0; i < KJ_COUNT(heaps); i++) {
        kj_cli_heap *heap = heaps[i].heap;
        if (begins(stream->name, heaps[i].name) && (!heap->present || heap == &meta->guids))
            *heap = (kj_cli_heap){.present = true, .offset = stream->offset, .len = stream->len};
    }
}

/* II.24.2.2. Names are padded with 1 to 4 NULs. The file must hold 32 bytes of each. */
static bool read_stream(kj_reader *r, uint64_t root, kj_dotnet_stream *out)
{
    uint32_t offset = kj_read_u32le(r);
    uint32_t len = kj_read_u32le(r);
    kj_reader ahead = *r;
    kj_reader name = kj_read_sub(&ahead, STREAM_NAME_MAX);
    kj_span text = kj_read_cstr(&name, STREAM_NAME_MAX);
    if (!kj_reader_ok(&name))
        return false;
    kj_skip(r, text.len + 4 - text.len % 4);
    *out = (kj_dotnet_stream){
        .name = text.data ? text : kj_span_str(""), .offset = root + offset, .len = len};
    return true;
}

/* `r` stands behind the version. */
static bool read_streams(kj_reader *r, uint64_t root, kj_dotnet *out)
{
    kj_skip(r, 2); /* flags */
    unsigned announced = kj_read_u8(r);
    kj_skip(r, 1);
    if (!kj_reader_ok(r))
        return true;
    out->streams = kj_new_array(out->arena, kj_dotnet_stream, announced);
    if (!out->streams)
        return false;
    out->has_streams = true;
    while (out->stream_count < announced && read_stream(r, root, &out->streams[out->stream_count]))
        note_heap(&out->meta, &out->streams[out->stream_count++]);
    return true;
}

static void read_guids(kj_dotnet *d)
{
    kj_reader r = kj_reader_of(d->meta.file);
    kj_seek(&r, d->meta.guids.offset);
    size_t count = kj_min_size(d->meta.guids.len / GUID_LEN, KJ_DOTNET_GUIDS_MAX);
    d->guid_count = 0;
    while ((size_t)d->guid_count < count && kj_reader_left(&r) >= GUID_LEN) {
        uint32_t a = kj_read_u32le(&r);
        uint16_t b = kj_read_u16le(&r), c = kj_read_u16le(&r);
        uint64_t rest = kj_read_u64be(&r);
        (void)snprintf(d->guids[d->guid_count++], KJ_DOTNET_GUID_LEN + 1,
                       "%08x-%04x-%04x-%04x-%012llx", a, b, c, (unsigned)(rest >> 48),
                       (unsigned long long)(rest & 0xFFFFFFFFFFFF));
    }
}

/* ---- tables -------------------------------------------------------------------------------- */

/* Whether there is such a table; its count then begins at 0. */
static bool has_table(const kj_dotnet *d, unsigned table, int64_t *out_count)
{
    *out_count = d->meta.tables[table].present ? 0 : KJ_DOTNET_ABSENT;
    return *out_count == 0;
}

/* For what all rows may yield. */
static void *room_for(kj_dotnet *d, unsigned table, size_t size)
{
    return kj_arena_alloc_array(d->arena, d->meta.tables[table].rows, size);
}

static void read_module(kj_dotnet *d)
{
    kj_cli_row row;
    if (kj_cli_read_row(&d->meta, KJ_CLI_MODULE, 1, &row))
        d->module_name = kj_cli_string(&d->meta, row.column[1]);
}

static kj_dotnet_version version_of(const uint32_t *column)
{
    return (kj_dotnet_version){(uint16_t)column[0], (uint16_t)column[1], (uint16_t)column[2],
                               (uint16_t)column[3]};
}

static void read_assembly(kj_dotnet *d)
{
    kj_cli_row row;
    if (!kj_cli_read_row(&d->meta, KJ_CLI_ASSEMBLY, 1, &row))
        return;
    d->has_assembly = true;
    d->assembly_version = version_of(&row.column[1]);
    d->assembly_name = kj_cli_string(&d->meta, row.column[7]);
    kj_span culture = kj_cli_string(&d->meta, row.column[8]);
    d->assembly_culture = culture.len ? culture : (kj_span){0};
}

static bool read_module_refs(kj_dotnet *d)
{
    kj_cli_row row;
    if (!has_table(d, KJ_CLI_MODULE_REF, &d->module_ref_count))
        return true;
    d->module_refs = room_for(d, KJ_CLI_MODULE_REF, sizeof *d->module_refs);
    if (!d->module_refs)
        return false;
    for (uint32_t i = 1; kj_cli_read_row(&d->meta, KJ_CLI_MODULE_REF, i, &row); i++) {
        kj_span name = kj_cli_string(&d->meta, row.column[0]);
        if (name.data)
            d->module_refs[d->module_ref_count++] = name;
    }
    return true;
}

/* The blob at `index` when at least one byte of the file follows it. */
static kj_span inner_blob(const kj_dotnet *d, uint32_t index)
{
    uint64_t end;
    kj_span blob = kj_cli_blob_at(&d->meta, d->meta.blobs.offset + index, &end);
    return blob.data && end < d->meta.file.len ? blob : (kj_span){0};
}

static bool read_constants(kj_dotnet *d)
{
    kj_cli_row row;
    if (!has_table(d, KJ_CLI_CONSTANT, &d->constant_count))
        return true;
    d->constants = room_for(d, KJ_CLI_CONSTANT, sizeof *d->constants);
    if (!d->constants)
        return false;
    for (uint32_t i = 1; kj_cli_read_row(&d->meta, KJ_CLI_CONSTANT, i, &row); i++) {
        kj_span value =
            row.column[0] == ELEMENT_STRING ? inner_blob(d, row.column[2]) : (kj_span){0};
        if (value.data)
            d->constants[d->constant_count++] = value;
    }
    return true;
}

static bool read_field_offsets(kj_dotnet *d, const kj_pe *pe)
{
    kj_cli_row row;
    if (!has_table(d, KJ_CLI_FIELD_RVA, &d->field_offset_count))
        return true;
    d->field_offsets = room_for(d, KJ_CLI_FIELD_RVA, sizeof *d->field_offsets);
    if (!d->field_offsets)
        return false;
    for (uint32_t i = 1; kj_cli_read_row(&d->meta, KJ_CLI_FIELD_RVA, i, &row); i++) {
        uint64_t offset;
        if (kj_pe_rva_to_offset(pe, row.column[0], &offset))
            d->field_offsets[d->field_offset_count++] = offset;
    }
    return true;
}

/* A reference without a readable key keeps its number, but has no name. */
static bool read_assembly_refs(kj_dotnet *d)
{
    kj_cli_row row;
    if (!has_table(d, KJ_CLI_ASSEMBLY_REF, &d->assembly_ref_count))
        return true;
    d->assembly_refs = room_for(d, KJ_CLI_ASSEMBLY_REF, sizeof *d->assembly_refs);
    if (!d->assembly_refs)
        return false;
    for (uint32_t i = 1; kj_cli_read_row(&d->meta, KJ_CLI_ASSEMBLY_REF, i, &row); i++) {
        kj_dotnet_assembly_ref *ref = &d->assembly_refs[d->assembly_ref_count++];
        kj_span key = kj_cli_blob(&d->meta, row.column[5]);
        ref->version = version_of(row.column);
        ref->key = key.len ? key : (kj_span){0};
        ref->name = key.data ? kj_cli_string(&d->meta, row.column[6]) : (kj_span){0};
    }
    return true;
}

/* II.22.24; each resource begins with its length. */
static void find_resource(const kj_dotnet *d, uint32_t offset, kj_dotnet_resource *out)
{
    kj_reader r = kj_reader_of(d->meta.file);
    int64_t at = d->resource_base + offset;
    if (at < 0)
        return;
    kj_seek(&r, (uint64_t)at);
    out->len = kj_read_u32le(&r);
    out->offset = at + 4;
    out->is_here = kj_reader_ok(&r);
}

static bool read_resources(kj_dotnet *d)
{
    kj_cli_row row;
    if (!has_table(d, KJ_CLI_MANIFEST_RESOURCE, &d->resource_count))
        return true;
    d->resources = room_for(d, KJ_CLI_MANIFEST_RESOURCE, sizeof *d->resources);
    if (!d->resources)
        return false;
    for (uint32_t i = 1; kj_cli_read_row(&d->meta, KJ_CLI_MANIFEST_RESOURCE, i, &row); i++) {
        kj_dotnet_resource *resource = &d->resources[d->resource_count++];
        resource->name = kj_cli_string(&d->meta, row.column[2]);
        if (row.column[3] == 0) /* its implementation is no other file */
            find_resource(d, row.column[0], resource);
    }
    return true;
}

/* ---- the type library's GUID --------------------------------------------------------------- */

/* The row that a coded index leads to when it points into the table with tag `wanted`; false
 * otherwise. An index of 0 is taken for 1, as libyara does. */
static bool follow(uint32_t index, unsigned tag_bits, uint32_t wanted, uint32_t *out_row)
{
    if ((index & ((1u << tag_bits) - 1)) != wanted)
        return false;
    *out_row = index >> tag_bits ? index >> tag_bits : 1;
    return true;
}

/* The string of a custom attribute's blob (II.23.3): u16 1, its length in one byte, UTF-8. */
static kj_span attribute_string(const kj_dotnet *d, uint32_t index)
{
    kj_span blob = index ? inner_blob(d, index) : (kj_span){0};
    kj_reader r = kj_reader_of(blob);
    bool prolog = kj_read_u16le(&r) == 1;
    size_t len = kj_read_u8(&r);
    if (!prolog || !kj_reader_ok(&r))
        return (kj_span){0};
    size_t start = (size_t)(blob.data - d->meta.file.data) + r.pos;
    if (len > d->meta.file.len - start)
        return (kj_span){0};
    kj_span text = {d->meta.file.data + start, len};
    uint8_t first = d->meta.file.data[start];
    if (first == 0xFF || first == 0 || len == 0)
        return kj_span_str("");
    const uint8_t *nul = memchr(text.data, 0, text.len);
    return nul ? kj_span_sub(text, 0, (size_t)(nul - text.data)) : text;
}

/* Whether the constructor of an attribute is that of GuidAttribute, or of a class without a name.
 */
static bool is_guid_attribute(const kj_dotnet *d, uint32_t type)
{
    enum { PARENT_TYPE_REF = 1, TYPE_MEMBER_REF = 3 };
    uint32_t index;
    kj_cli_row row;
    if (!follow(type, 3, TYPE_MEMBER_REF, &index) ||
        !kj_cli_read_row(&d->meta, KJ_CLI_MEMBER_REF, index, &row) ||
        !follow(row.column[0], 3, PARENT_TYPE_REF, &index) ||
        !kj_cli_read_row(&d->meta, KJ_CLI_TYPE_REF, index, &row))
        return false;
    kj_span name = kj_cli_string(&d->meta, row.column[1]);
    return !name.data || begins(name, "GuidAttribute");
}

/* The last of several wins. */
static void read_typelib(kj_dotnet *d)
{
    enum { TAG = 0x1F, PARENT_ASSEMBLY = 0x0E };
    kj_cli_row row;
    for (uint32_t i = 1; kj_cli_read_row(&d->meta, KJ_CLI_CUSTOM_ATTRIBUTE, i, &row); i++) {
        if ((row.column[0] & TAG) != PARENT_ASSEMBLY || !is_guid_attribute(d, row.column[1]))
            continue;
        kj_span text = attribute_string(d, row.column[2]);
        if (text.data)
            d->typelib = text;
    }
}

/* ---- all of it ----------------------------------------------------------------------------- */

static uint64_t row_bytes(const kj_cli_metadata *meta)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < KJ_CLI_TABLES; i++)
        bytes += (uint64_t)meta->tables[i].rows * meta->tables[i].row_len;
    return bytes;
}

static kj_status read_tables(kj_dotnet *d, const kj_pe *pe, const kj_dotnet_meter *meter,
                             kj_error *err)
{
    if (d->meta.tilde.present && d->meta.strings.present && d->meta.blobs.present)
        kj_cli_lay_out(&d->meta);
    if (!pay(meter, row_bytes(&d->meta)))
        return kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET, "too many rows");
    read_module(d);
    read_assembly(d);
    read_typelib(d);
    bool ok = read_module_refs(d) && read_constants(d) && read_field_offsets(d, pe) &&
              read_assembly_refs(d) && read_resources(d);
    return ok ? KJ_OK : kj_no_memory(err);
}

kj_status kj_dotnet_read(kj_span bytes, const kj_pe *pe, kj_arena *arena,
                         const kj_dotnet_meter *meter, kj_dotnet *out, kj_error *err)
{
    kj_reader header = kj_reader_of(bytes), r = header;
    kj_dotnet d = {.meta = {.file = bytes}, .arena = arena, .guid_count = KJ_DOTNET_ABSENT};
    uint64_t root, resources;
    bool found = seek_cli_header(&header, pe);
    kj_skip(&header, 4); /* runtime version */
    uint32_t metadata_rva = kj_read_u32le(&header);
    kj_skip(&header, 12); /* size, flags, entry point */
    uint32_t resources_rva = kj_read_u32le(&header);
    if (!found || !kj_pe_rva_to_offset(pe, metadata_rva, &root) || !read_metadata(&r, pe, root, &d))
        return kj_fail(err, KJ_MALFORMED, KJ_NO_OFFSET, "no .NET metadata");
    d.resource_base = kj_pe_rva_to_offset(pe, resources_rva, &resources) ? (int64_t)resources : -1;
    if (!read_streams(&r, root, &d))
        return kj_no_memory(err);
    if (d.meta.guids.present)
        read_guids(&d);
    KJ_TRY(read_tables(&d, pe, meter, err));
    *out = d;
    return KJ_OK;
}

/* ---- user strings -------------------------------------------------------------------------- */

/* The next string at *at that is not empty, *at then behind it. A blob's last byte is no part of
 * its text but a flag; it is passed as a blob of its own, which is empty. */
static kj_span next_user_string(const kj_dotnet *d, uint64_t *at)
{
    uint64_t heap_end = d->meta.user_strings.offset + d->meta.user_strings.len;
    while (*at < heap_end) {
        uint64_t end;
        kj_span blob = kj_cli_blob_at(&d->meta, *at, &end);
        if (!blob.data)
            break;
        if (blob.len > 1) {
            *at = end - 1;
            return kj_span_sub(blob, 0, blob.len - 1);
        }
        *at = end - blob.len;
    }
    *at = heap_end;
    return (kj_span){0};
}

static bool has_user_strings(const kj_dotnet *d)
{
    const kj_cli_heap *heap = &d->meta.user_strings;
    return heap->present && heap->len && heap->offset <= d->meta.file.len &&
           heap->len <= d->meta.file.len - heap->offset && d->meta.file.data[heap->offset] == 0;
}

/* Offsets of every 64th string; the walk is done twice, so that they need no more room than that.
 */
static bool mark_user_strings(kj_dotnet *d)
{
    uint64_t start = d->meta.user_strings.offset + 1, at = start;
    int64_t count = 0;
    while (next_user_string(d, &at).data)
        count++;
    uint64_t *marks = kj_new_array(d->arena, uint64_t, (size_t)count / MARK_EVERY + 1);
    if (!marks)
        return false;
    at = start;
    for (int64_t i = 0; i < count; i++) {
        if (i % MARK_EVERY == 0)
            marks[i / MARK_EVERY] = at;
        (void)next_user_string(d, &at);
    }
    d->user_string_marks = marks;
    d->user_string_count = count;
    d->user_string_last = (kj_dotnet_string_place){0, start};
    return true;
}

bool kj_dotnet_load_user_strings(kj_dotnet *d, const kj_dotnet_meter *meter)
{
    if (d->user_strings_loaded)
        return true;
    if (!has_user_strings(d))
        d->user_string_count = KJ_DOTNET_ABSENT;
    else if (!pay(meter, 2 * (uint64_t)d->meta.user_strings.len) || !mark_user_strings(d))
        return false;
    d->user_strings_loaded = true;
    return true;
}

kj_span kj_dotnet_user_string(kj_dotnet *d, uint64_t index, const kj_dotnet_meter *meter)
{
    if (!kj_dotnet_load_user_strings(d, meter) || d->user_string_count <= 0 ||
        index >= (uint64_t)d->user_string_count)
        return (kj_span){0};
    kj_dotnet_string_place place = d->user_string_last;
    if (place.index > index || place.index / MARK_EVERY != index / MARK_EVERY)
        place = (kj_dotnet_string_place){index - index % MARK_EVERY,
                                         d->user_string_marks[index / MARK_EVERY]};
    uint64_t start = place.offset;
    kj_span text = {0};
    for (; place.index <= index; place.index++)
        text = next_user_string(d, &place.offset);
    d->user_string_last = place;
    return pay(meter, place.offset - start) ? text : (kj_span){0};
}
