/* SPDX-License-Identifier: Apache-2.0 */
/* The `pe` module: what a library exports.
 *
 *     directory: time, name, first ordinal, and three tables:
 *     addresses, one a function; names, in order; for each name, the index of its function
 *
 * An address within the directory is a text: the export of another library in its place. */
#include "modules/pe_module.h"

#include "base/arith.h"
#include "base/text.h"

enum {
    EXPORTS_MAX = 16384,
    NAME_MAX_LEN = 512,
    DIRECTORY = 0,
    DIRECTORY_LEN = 40,
};

typedef struct tables {
    uint32_t base;
    uint32_t count;
    uint32_t name_count;
    kj_reader functions;
    kj_reader names; /* nothing in it: no function has a name */
    kj_reader ordinals;
} tables;

static void read_dll_name(const kj_pe_ask *ask, int64_t offset)
{
    if (offset > 0)
        ask->state->exports.dll_name = kj_pe_text(ask, (uint64_t)offset, ask->bytes.len);
}

/* A reader over `count` entries of `width` bytes; false when the file has fewer. */
static bool open_table(const kj_pe_ask *ask, uint32_t rva, uint64_t count, unsigned width,
                       kj_reader *out)
{
    int64_t offset = kj_pe_offset(ask, rva);
    if (offset < 0 || !kj_pe_fits(ask, (uint64_t)offset, count * width))
        return false;
    *out = kj_pe_reader(ask, (uint64_t)offset);
    return true;
}

/* False: libyara takes such a directory for an empty one. */
static bool open_tables(const kj_pe_ask *ask, kj_reader *r, tables *t)
{
    kj_skip(r, 8); /* characteristics, time: read before */
    kj_skip(r, 4); /* version */
    int64_t name = kj_pe_offset(ask, kj_read_u32le(r));
    t->base = kj_read_u32le(r);
    t->count = (uint32_t)kj_min_u64(kj_read_u32le(r), EXPORTS_MAX);
    uint32_t name_count = kj_read_u32le(r);
    uint32_t functions = kj_read_u32le(r);
    uint32_t names = kj_read_u32le(r);
    uint32_t ordinals = kj_read_u32le(r);
    read_dll_name(ask, name);
    t->name_count = (uint32_t)kj_min_u64(name_count, t->count);
    /* The functions are measured from where the name lies first. Without one that is -1. */
    if (t->count * UINT64_C(4) > ask->bytes.len - (uint64_t)name)
        return false;
    return (name_count == 0 || open_table(ask, names, name_count, 4, &t->names)) &&
           open_table(ask, ordinals, t->count, 2, &t->ordinals) &&
           open_table(ask, functions, t->count, 4, &t->functions);
}

static kj_span name_at(const kj_pe_ask *ask, uint32_t rva)
{
    int64_t offset = kj_pe_offset(ask, rva);
    return offset > 0 ? kj_pe_text(ask, (uint64_t)offset, NAME_MAX_LEN) : (kj_span){0};
}

/* Of several names for a function the first in the table counts. */
static bool name_exports(const kj_pe_ask *ask, tables *t, kj_pe_export *exports)
{
    for (uint32_t i = 0; i < t->name_count; i++) {
        uint32_t rva = kj_read_u32le(&t->names);
        uint16_t index = kj_read_u16le(&t->ordinals);
        if (index >= t->count || exports[index].ordinal) /* here: it has had its name */
            continue;
        exports[index].ordinal = 1;
        exports[index].name = name_at(ask, rva);
        if (!kj_pe_pay(ask, exports[index].name.len + 6))
            return false;
    }
    return true;
}

static bool place_exports(const kj_pe_ask *ask, tables *t, int64_t start, kj_pe_export *exports)
{
    int64_t end = start + ask->state->pe.directories[DIRECTORY].len;
    for (uint32_t i = 0; i < t->count; i++) {
        kj_pe_export *e = &exports[i];
        e->ordinal = t->base + i;
        e->rva = kj_read_u32le(&t->functions);
        e->offset = kj_pe_offset(ask, e->rva);
        if (e->offset > start && e->offset < end) {
            e->forward = kj_pe_text(ask, (uint64_t)e->offset, NAME_MAX_LEN);
            e->offset = -1;
        }
        if (!kj_pe_pay(ask, e->forward.len + 4))
            return false;
    }
    return true;
}

bool kj_pe_read_exports(const kj_pe_ask *ask)
{
    kj_pe_exports *exports = &ask->state->exports;
    exports->timestamp = -1;
    uint32_t rva = ask->state->pe.directories[DIRECTORY].rva;
    int64_t start = rva ? kj_pe_offset(ask, rva) : -1;
    if (start < 0 || !kj_pe_fits(ask, (uint64_t)start, DIRECTORY_LEN))
        return true;
    kj_reader r = kj_pe_reader(ask, (uint64_t)start + 4);
    exports->timestamp = kj_read_u32le(&r);
    kj_reader directory = kj_pe_reader(ask, (uint64_t)start);
    tables t = {0};
    if (!open_tables(ask, &directory, &t))
        return kj_pe_pay(ask, exports->dll_name.len);
    kj_pe_export *items = kj_new_array(ask->arena, kj_pe_export, (size_t)t.count + 1);
    if (!items || !kj_pe_pay(ask, exports->dll_name.len) || !name_exports(ask, &t, items) ||
        !place_exports(ask, &t, start, items))
        return false;
    exports->items = items;
    exports->count = t.count;
    return true;
}

/* ---- answers -------------------------------------------------------------------------------- */

static bool is_export(const kj_pe_ask *ask, const kj_pe_export *e)
{
    kj_value what = ask->args[0];
    const kj_field_call *call = ask->call;
    switch (what.type) {
    case KJ_TYPE_INT:
        return e->ordinal == what.integer;
    case KJ_TYPE_STRING:
        return e->name.data && kj_text_equal_nocase(e->name, what.text);
    default:
        return e->name.data && call->matches && call->matches(call, what, e->name);
    }
}

/* -1: none. Ordinals past the number of exports are not looked for, as in libyara. */
static int64_t find_export(const kj_pe_ask *ask)
{
    const kj_pe_exports *exports = &ask->state->exports;
    kj_value what = ask->args[0];
    if (what.type == KJ_TYPE_INT && (what.integer == 0 || what.integer > (int64_t)exports->count))
        return -1;
    for (size_t i = 0; i < exports->count; i++)
        if (is_export(ask, &exports->items[i]))
            return (int64_t)i;
    return -1;
}

static kj_value answer_export(const kj_pe_export *e, uint16_t field)
{
    switch (field) {
    case KJ_PEF_EXPORTS_OFFSET:
        return kj_pe_int_value(e->offset);
    case KJ_PEF_EXPORTS_NAME:
        return kj_pe_text_value(e->name);
    case KJ_PEF_EXPORTS_FORWARD:
        return kj_pe_text_value(e->forward);
    case KJ_PEF_EXPORTS_ORDINAL:
        return kj_value_int(e->ordinal);
    default:
        return kj_value_int(e->rva);
    }
}

kj_value kj_pe_answer_exports(const kj_pe_ask *ask)
{
    const kj_pe_exports *exports = &ask->state->exports;
    size_t index;
    if (ask->field >= KJ_PEF_HAS_EXPORT_NAME) {
        if (!kj_pe_pay(ask, 32 * (uint64_t)exports->count))
            return kj_value_undefined();
        int64_t found = find_export(ask);
        return ask->field >= KJ_PEF_EXPORT_INDEX_NAME ? kj_pe_int_value(found)
                                                      : kj_value_int(found >= 0);
    }
    switch (ask->field) {
    case KJ_PEF_EXPORT_COUNT:
    case KJ_PEF_EXPORTS:
        return kj_value_int((int64_t)exports->count);
    case KJ_PEF_DLL_NAME:
        return kj_pe_text_value(exports->dll_name);
    case KJ_PEF_EXPORT_TIMESTAMP:
        return kj_pe_int_value(exports->timestamp);
    default:
        return kj_pe_index(ask, 0, exports->count, &index)
                   ? answer_export(&exports->items[index], ask->field)
                   : kj_value_undefined();
    }
}
