/* SPDX-License-Identifier: Apache-2.0 */
/* Classes, methods and the names of types (ECMA-335 II.22.26, II.22.37, II.23.2), written as
 * libyara writes them: "List<int>", "int[,]", "ref string", "Ptr<void>", "FnPtr<void(int, long)>".
 *
 * A class is read when somebody asks for it, and once. Method lists of hostile files overlap, and a
 * signature may name a TypeSpec whose signature names others: what is read is paid for, as much as
 * it is, and there is an end to it. Who owns which rows is found by chains that are built in one
 * pass, since the tables need not be sorted. */
#include "formats/dotnet.h"

#include "base/arith.h"
#include "base/buf.h"

#include <stdio.h>

enum {
    METHODS_MAX = 20000, /* of a class; libyara's limits, as those below */
    PARAMETERS_MAX = 2000,
    GENERIC_ARGUMENTS_MAX = 1000,
    ARRAY_RANK_MAX = 50,
    TYPE_DEPTH_MAX = 16,
    ENCLOSING_DEPTH_MAX = 10,
    TYPE_TEXT_MAX = 1 << 20, /* ours */
    COST_OF_ROW = 64,
    WORK_MAX = 256 << 20, /* ours, of all classes; 10,000 methods need a 30th of it */
};

/* II.23.1.16 */
enum {
    TYPE_PTR = 0x0F,
    TYPE_BYREF = 0x10,
    TYPE_VALUETYPE = 0x11,
    TYPE_CLASS = 0x12,
    TYPE_VAR = 0x13,
    TYPE_ARRAY = 0x14,
    TYPE_GENERIC_INST = 0x15,
    TYPE_FN_PTR = 0x1B,
    TYPE_SZARRAY = 0x1D,
    TYPE_MVAR = 0x1E,
    TYPE_CMOD_REQD = 0x1F,
    TYPE_CMOD_OPT = 0x20,
};

static const char *const primitives[] = {
    [0x01] = "void",    [0x02] = "bool",   [0x03] = "char",           [0x04] = "sbyte",
    [0x05] = "byte",    [0x06] = "short",  [0x07] = "ushort",         [0x08] = "int",
    [0x09] = "uint",    [0x0A] = "long",   [0x0B] = "ulong",          [0x0C] = "float",
    [0x0D] = "double",  [0x0E] = "string", [0x16] = "TypedReference", [0x18] = "IntPtr",
    [0x19] = "UIntPtr", [0x1C] = "object",
};

typedef struct names {
    const kj_span *items;
    uint32_t count;
} names;

/* Reads one class: a text under construction, and whose generic parameters it may name. */
typedef struct reading {
    kj_dotnet *dotnet;
    const kj_dotnet_meter *meter;
    kj_buf text;
    names class_parameters;
    names method_parameters;
    bool stopped; /* budget or memory ran out: nothing of this class is kept */
} reading;

static bool pay(reading *r, uint64_t bytes)
{
    kj_dotnet_classes *classes = &r->dotnet->classes;
    if (bytes > WORK_MAX - classes->work)
        classes->too_complex = r->stopped = true;
    if (r->stopped)
        return false;
    classes->work += bytes;
    r->stopped = !r->meter->pay(r->meter->user, bytes);
    return !r->stopped;
}

static void *room(reading *r, size_t count, size_t size)
{
    void *items =
        pay(r, (uint64_t)count * size) ? kj_arena_alloc_array(r->dotnet->arena, count, size) : NULL;
    r->stopped |= !items;
    return items;
}

static kj_span string_at(const reading *r, uint32_t index)
{
    return kj_cli_string(&r->dotnet->meta, index);
}

/* ---- names --------------------------------------------------------------------------------- */

/* A name that grows at the end of the text. One that never began does not exist, which is not the
 * same as an empty one. */
typedef struct name_text {
    reading *r;
    size_t start;
    bool exists;
} name_text;

static name_text begin_name(reading *r)
{
    return (name_text){.r = r, .start = r->text.len};
}

static void put(reading *r, kj_span text)
{
    if (pay(r, text.len))
        kj_buf_put(&r->text, text);
}

/* What is in front of other names, as it is. */
static void put_namespace(name_text *name, kj_span name_space)
{
    put(name->r, name_space);
    name->exists |= name_space.data != NULL;
}

/* Adds a part after a dot. The number of generic parameters ("List`1") ends all of it; an empty
 * part changes nothing. */
static void put_part(name_text *name, kj_span part)
{
    kj_buf *text = &name->r->text;
    if (part.len == 0)
        return;
    if (text->len > name->start)
        put(name->r, kj_span_str("."));
    put(name->r, part);
    const uint8_t *tick = text->len > name->start
                              ? memchr(text->data + name->start, '`', text->len - name->start)
                              : NULL;
    if (tick)
        text->len = (size_t)(tick - text->data);
    name->exists = true;
}

/* Columns of TypeDef, and of TypeRef from its name on. */
enum { DEF_FLAGS, DEF_NAME, DEF_NAMESPACE, DEF_EXTENDS, DEF_FIELDS, DEF_METHODS };

static bool read_type_def(const reading *r, uint32_t index, kj_cli_row *out)
{
    return kj_cli_read_row(&r->dotnet->meta, KJ_CLI_TYPE_DEF, index, out);
}

static bool is_nested(const kj_cli_row *def)
{
    return (def->column[DEF_FLAGS] & 7) >= 2;
}

/* The names of the classes around type `index`, outermost first. `depth` counts from 1. */
static void put_enclosing(name_text *name, uint32_t index, unsigned depth)
{
    reading *r = name->r;
    kj_cli_row link, outer;
    if (depth > ENCLOSING_DEPTH_MAX || !pay(r, COST_OF_ROW) ||
        !kj_cli_read_row(&r->dotnet->meta, KJ_CLI_NESTED_CLASS,
                         r->dotnet->classes.nested.first[index], &link) ||
        !read_type_def(r, link.column[1], &outer))
        return;
    kj_span outer_name = string_at(r, outer.column[DEF_NAME]);
    kj_span name_space = string_at(r, outer.column[DEF_NAMESPACE]);
    if (kj_span_is(outer_name, "<Module>"))
        return;
    if (is_nested(&outer) && link.column[1] != index) {
        put_enclosing(name, link.column[1], depth + 1);
        put_part(name, name_space);
    } else {
        put_namespace(name, name_space);
    }
    put_part(name, outer_name);
}

static void put_namespace_of(name_text *name, uint32_t index, const kj_cli_row *def)
{
    kj_span name_space = string_at(name->r, def->column[DEF_NAMESPACE]);
    if (is_nested(def)) {
        put_enclosing(name, index, 1);
        put_part(name, name_space);
    } else {
        put_namespace(name, name_space);
    }
}

/* The text as a span that lasts; none when it does not exist. */
static kj_span keep(reading *r, bool exists)
{
    r->stopped |= r->text.starved;
    if (!exists || r->text.failed || !pay(r, r->text.len))
        return (kj_span){0};
    char *copy = kj_arena_text(r->dotnet->arena, kj_buf_span(&r->text));
    r->stopped |= !copy;
    return copy ? kj_span_of(copy, r->text.len) : (kj_span){0};
}

/* ---- types --------------------------------------------------------------------------------- */

static bool put_type(reading *r, kj_reader *signature, unsigned depth);

/* A signature by its place in the blob heap; false when it is not there. */
static bool open_signature(const reading *r, uint32_t index, kj_reader *out)
{
    const kj_cli_metadata *meta = &r->dotnet->meta;
    kj_span blob = index < meta->blobs.len ? kj_cli_blob(meta, index) : (kj_span){0};
    *out = kj_reader_of(blob);
    return blob.data != NULL;
}

static bool put_type_spec(reading *r, uint32_t index, unsigned depth)
{
    kj_cli_row spec;
    kj_reader signature;
    if (!kj_cli_read_row(&r->dotnet->meta, KJ_CLI_TYPE_SPEC, index, &spec) ||
        !open_signature(r, spec.column[0], &signature))
        return false;
    names method_parameters = r->method_parameters;
    r->method_parameters = (names){0};
    bool ok = put_type(r, &signature, depth);
    r->method_parameters = method_parameters;
    return ok;
}

/* A TypeDefOrRef coded index (II.23.2.8). */
static bool put_type_at(reading *r, uint32_t coded, unsigned depth)
{
    enum { DEF, REF, SPEC };
    name_text name = begin_name(r);
    uint32_t index = coded >> 2;
    kj_cli_row row;
    if ((coded & 3) == SPEC)
        return put_type_spec(r, index, depth);
    if ((coded & 3) == DEF && read_type_def(r, index, &row)) {
        put_namespace_of(&name, index, &row);
        put_part(&name, string_at(r, row.column[DEF_NAME]));
    } else if ((coded & 3) == REF &&
               kj_cli_read_row(&r->dotnet->meta, KJ_CLI_TYPE_REF, index, &row)) {
        put_namespace(&name, string_at(r, row.column[DEF_NAMESPACE]));
        put_part(&name, string_at(r, row.column[DEF_NAME]));
    }
    return name.exists;
}

/* A type between two texts. */
static bool put_wrapped(reading *r, kj_reader *signature, unsigned depth, const char *before,
                        const char *after)
{
    put(r, kj_span_str(before));
    bool ok = put_type(r, signature, depth + 1);
    put(r, kj_span_str(after));
    return ok;
}

static bool put_variable(reading *r, const names *parameters, uint32_t index)
{
    if (index >= parameters->count)
        return false;
    put(r, parameters->items[index]);
    return true;
}

/* II.23.2.13. A bound is not 0, or not written. */
static bool put_array(reading *r, kj_reader *signature, unsigned depth)
{
    int32_t sizes[ARRAY_RANK_MAX] = {0}, low[ARRAY_RANK_MAX] = {0};
    if (!put_type(r, signature, depth + 1))
        return false;
    uint32_t rank = kj_cli_read_unsigned(signature);
    if (rank == 0 || rank > ARRAY_RANK_MAX)
        return false;
    uint32_t size_count = kj_cli_read_unsigned(signature);
    if (size_count > rank)
        return false;
    for (uint32_t i = 0; i < size_count; i++)
        sizes[i] = (int32_t)kj_cli_read_unsigned(signature);
    uint32_t low_count = kj_cli_read_unsigned(signature);
    if (low_count > rank)
        return false;
    for (uint32_t i = 0; i < low_count; i++)
        low[i] = kj_cli_read_signed(signature);
    for (uint32_t i = 0; i < rank; i++) {
        kj_buf_put_text(&r->text, i ? "," : "[");
        if (low[i])
            kj_buf_printf(&r->text, "%d...", low[i]);
        if (i < size_count)
            kj_buf_printf(&r->text, "%d", sizes[i] + (low[i] ? low[i] - 1 : 0));
    }
    kj_buf_put_text(&r->text, "]");
    return true;
}

/* Those that cannot be read are left out. Ends early where none of the rest could be read: `count`
 * may be large in a small signature. */
static void put_types(reading *r, kj_reader *signature, uint32_t count, unsigned depth,
                      const char *between)
{
    if (depth == TYPE_DEPTH_MAX)
        return;
    for (uint32_t i = 0; i < count && kj_reader_left(signature) && !r->stopped; i++) {
        size_t start = r->text.len;
        if (i > 0)
            kj_buf_put_text(&r->text, between);
        if (!put_type(r, signature, depth + 1))
            r->text.len = start;
    }
}

static bool put_generic(reading *r, kj_reader *signature, unsigned depth)
{
    if (!put_type(r, signature, depth + 1))
        return false;
    uint32_t count = kj_cli_read_unsigned(signature);
    if (count > GENERIC_ARGUMENTS_MAX)
        return false;
    kj_buf_put_text(&r->text, "<");
    put_types(r, signature, count, depth, ",");
    kj_buf_put_text(&r->text, ">");
    return true;
}

static bool put_function(reading *r, kj_reader *signature, unsigned depth)
{
    kj_skip(signature, 1); /* calling convention */
    uint32_t count = kj_cli_read_unsigned(signature);
    if (!kj_reader_ok(signature) || count > PARAMETERS_MAX ||
        !put_wrapped(r, signature, depth, "FnPtr<", "("))
        return false;
    put_types(r, signature, count, depth, ", ");
    kj_buf_put_text(&r->text, ")>");
    return true;
}

static bool put_compound(reading *r, kj_reader *signature, unsigned type, unsigned depth)
{
    switch (type) {
    case TYPE_PTR:
        return put_wrapped(r, signature, depth, "Ptr<", ">");
    case TYPE_BYREF:
        return put_wrapped(r, signature, depth, "ref ", "");
    case TYPE_SZARRAY:
        return put_wrapped(r, signature, depth, "", "[]");
    case TYPE_VALUETYPE:
    case TYPE_CLASS:
        return put_type_at(r, kj_cli_read_unsigned(signature), depth + 1);
    case TYPE_VAR:
        return put_variable(r, &r->class_parameters, kj_cli_read_unsigned(signature));
    case TYPE_MVAR:
        return put_variable(r, &r->method_parameters, kj_cli_read_unsigned(signature));
    case TYPE_ARRAY:
        return put_array(r, signature, depth);
    case TYPE_GENERIC_INST:
        return put_generic(r, signature, depth);
    case TYPE_FN_PTR:
        return put_function(r, signature, depth);
    case TYPE_CMOD_REQD:
    case TYPE_CMOD_OPT:
        (void)kj_cli_read_unsigned(signature); /* the modifier is not shown */
        return put_type(r, signature, depth + 1);
    default:
        return false;
    }
}

/* Appends the next type of a signature (II.23.2.12); false, and the text is as before, when it
 * cannot be read. `depth` is that of the type in others, through TypeSpecs too: they may go round
 * in circles. */
static bool put_type(reading *r, kj_reader *signature, unsigned depth)
{
    size_t start = r->text.len;
    if (depth > TYPE_DEPTH_MAX || kj_reader_left(signature) == 0 || !pay(r, COST_OF_ROW))
        return false;
    unsigned type = kj_read_u8(signature);
    if (type < KJ_COUNT(primitives) && primitives[type]) {
        put(r, kj_span_str(primitives[type]));
        return true;
    }
    bool ok = put_compound(r, signature, type, depth) && !r->stopped;
    if (!ok)
        r->text.len = start;
    return ok;
}

static kj_span read_type(reading *r, kj_reader *signature)
{
    kj_buf_clear(&r->text);
    return keep(r, put_type(r, signature, 0));
}

/* As read_type(), for what a class extends or implements. */
static kj_span read_type_at(reading *r, uint32_t coded)
{
    kj_buf_clear(&r->text);
    return keep(r, put_type_at(r, coded, 0));
}

/* ---- chains -------------------------------------------------------------------------------- */

/* Chains the rows of `table` by `column`, whose lowest `tag_bits` bits must be `tag`; what remains
 * is a number from 1 to `owners`. */
static bool build_chain(kj_dotnet *d, unsigned table, unsigned column, unsigned tag_bits,
                        uint32_t tag, uint32_t owners, kj_dotnet_chain *out)
{
    uint32_t rows = d->meta.tables[table].rows;
    out->first = kj_new_array(d->arena, uint32_t, (size_t)owners + 1);
    out->next = kj_new_array(d->arena, uint32_t, (size_t)rows + 1);
    if (!out->first || !out->next)
        return false;
    for (uint32_t i = rows; i > 0; i--) {
        kj_cli_row row;
        if (!kj_cli_read_row(&d->meta, table, i, &row))
            continue;
        uint32_t owner = row.column[column] >> tag_bits;
        if ((row.column[column] & ((1u << tag_bits) - 1)) != tag || owner == 0 || owner > owners)
            continue;
        out->next[i] = out->first[owner];
        out->first[owner] = i;
    }
    return true;
}

static uint32_t chain_len(const kj_dotnet_chain *chain, uint32_t owner)
{
    uint32_t len = 0;
    for (uint32_t i = chain->first[owner]; i; i = chain->next[i])
        len++;
    return len;
}

/* ---- classes ------------------------------------------------------------------------------- */

/* A nameless one makes all of them unknown. */
static names read_generic_parameters(reading *r, const kj_dotnet_chain *chain, uint32_t owner)
{
    uint32_t len = chain_len(chain, owner), count = 0;
    kj_span *items = len ? room(r, len, sizeof *items) : NULL;
    if (!items)
        return (names){0};
    for (uint32_t i = chain->first[owner]; i; i = chain->next[i]) {
        kj_cli_row row;
        if (!kj_cli_read_row(&r->dotnet->meta, KJ_CLI_GENERIC_PARAM, i, &row))
            continue;
        items[count] = string_at(r, row.column[3]);
        if (items[count++].len == 0)
            return (names){0};
    }
    return (names){items, count};
}

static void read_base_types(reading *r, uint32_t index, const kj_cli_row *def, kj_dotnet_class *out)
{
    const kj_dotnet_chain *chain = &r->dotnet->classes.interfaces;
    kj_span *types = room(r, (size_t)chain_len(chain, index) + 1, sizeof *types);
    if (!types)
        return;
    uint32_t count = 0;
    types[count] = read_type_at(r, def->column[DEF_EXTENDS]);
    count += types[count].data != NULL;
    for (uint32_t i = chain->first[index]; i; i = chain->next[i]) {
        kj_cli_row row;
        if (!kj_cli_read_row(&r->dotnet->meta, KJ_CLI_INTERFACE_IMPL, i, &row))
            continue;
        types[count] = read_type_at(r, row.column[1]);
        count += types[count].data != NULL;
    }
    out->base_types = types;
    out->base_type_count = count;
}

/* Columns of MethodDef. */
enum { METHOD_RVA, METHOD_IMPL_FLAGS, METHOD_FLAGS, METHOD_NAME, METHOD_SIGNATURE, METHOD_PARAMS };

/* The name of a parameter; one without a row is called by its number. False when the row leaves the
 * file. */
static bool read_parameter_name(reading *r, uint32_t row_index, uint32_t number, kj_span *out)
{
    kj_cli_row row;
    if (row_index >= 1 && row_index <= r->dotnet->meta.tables[KJ_CLI_PARAM].rows) {
        if (!kj_cli_read_row(&r->dotnet->meta, KJ_CLI_PARAM, row_index, &row))
            return false;
        *out = string_at(r, row.column[2]);
        return true;
    }
    kj_buf_clear(&r->text);
    kj_buf_printf(&r->text, "P_%u", number);
    *out = keep(r, true);
    return true;
}

/* False when one of them cannot be read: the method is left out then. */
static bool read_parameters(reading *r, uint32_t list, uint32_t count, kj_reader *signature,
                            kj_dotnet_method *out)
{
    out->parameter_count = KJ_DOTNET_ABSENT;
    if (list == 0)
        return true;
    kj_dotnet_parameter *parameters = room(r, count, sizeof *parameters);
    if (!parameters)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        if (!read_parameter_name(r, list + i, i, &parameters[i].name))
            return false;
        parameters[i].type = read_type(r, signature);
        if (!parameters[i].type.data)
            return false;
    }
    out->parameters = parameters;
    out->parameter_count = (int32_t)count;
    return true;
}

/* II.23.2.1 */
static bool read_method_signature(reading *r, const kj_cli_row *row, kj_dotnet_method *out)
{
    enum { GENERIC = 0x10, LEN_MIN = 3 };
    kj_reader signature;
    if (!open_signature(r, row->column[METHOD_SIGNATURE], &signature) ||
        kj_reader_left(&signature) < LEN_MIN)
        return false;
    if (kj_read_u8(&signature) & GENERIC)
        (void)kj_cli_read_unsigned(&signature); /* the table of parameters says how many */
    uint32_t count = kj_cli_read_unsigned(&signature);
    out->return_type = read_type(r, &signature);
    return out->return_type.data && count <= PARAMETERS_MAX &&
           read_parameters(r, row->column[METHOD_PARAMS], count, &signature, out);
}

static bool read_method(reading *r, uint32_t index, kj_dotnet_method *out)
{
    kj_cli_row row;
    if (!pay(r, COST_OF_ROW) || !kj_cli_read_row(&r->dotnet->meta, KJ_CLI_METHOD_DEF, index, &row))
        return false;
    *out = (kj_dotnet_method){.name = string_at(r, row.column[METHOD_NAME]),
                              .flags = (uint16_t)row.column[METHOD_FLAGS]};
    if (out->name.len == 0)
        return false;
    r->method_parameters = read_generic_parameters(r, &r->dotnet->classes.method_parameters, index);
    out->generic_parameters = r->method_parameters.items;
    out->generic_parameter_count = r->method_parameters.count;
    bool ok = read_method_signature(r, &row, out);
    r->method_parameters = (names){0};
    if (kj_span_is(out->name, ".ctor") || kj_span_is(out->name, ".cctor"))
        out->return_type = (kj_span){0};
    return ok;
}

/* A class owns the methods up to the first one of the next class. */
static uint32_t count_methods(const reading *r, uint32_t index, uint32_t first)
{
    kj_cli_row next;
    if (index < r->dotnet->meta.tables[KJ_CLI_TYPE_DEF].rows)
        return read_type_def(r, index + 1, &next) && next.column[DEF_METHODS] >= first
                   ? next.column[DEF_METHODS] - first
                   : 0;
    uint32_t rows = r->dotnet->meta.tables[KJ_CLI_METHOD_DEF].rows;
    return rows >= first ? rows + 1 - first : 0;
}

static void read_methods(reading *r, uint32_t index, uint32_t first, kj_dotnet_class *out)
{
    uint32_t announced = count_methods(r, index, first);
    uint32_t rows = r->dotnet->meta.tables[KJ_CLI_METHOD_DEF].rows;
    out->method_count = KJ_DOTNET_ABSENT;
    if (announced > METHODS_MAX || first == 0)
        return;
    uint32_t there = first <= rows ? rows + 1 - first : 0;
    uint32_t count = announced < there ? announced : there;
    kj_dotnet_method *methods = room(r, count, sizeof *methods);
    int32_t kept = 0;
    for (uint32_t i = 0; methods && i < count && !r->stopped; i++)
        kept += read_method(r, first + i, &methods[kept]);
    out->methods = methods;
    out->method_count = kept;
}

/* Up to the number of generic parameters. */
static kj_span plain_name(kj_span name)
{
    const uint8_t *tick = name.len ? memchr(name.data, '`', name.len) : NULL;
    return tick ? kj_span_sub(name, 0, (size_t)(tick - name.data)) : name;
}

static void read_class(reading *r, uint32_t index, kj_dotnet_class *out)
{
    kj_cli_row def;
    if (!read_type_def(r, index, &def))
        return;
    kj_span name = string_at(r, def.column[DEF_NAME]);
    out->name = plain_name(name);
    out->flags = def.column[DEF_FLAGS];
    name_text full = begin_name(r);
    put_namespace_of(&full, index, &def);
    out->name_space = keep(r, full.exists);
    put_part(&full, name);
    out->full_name = keep(r, full.exists);
    r->class_parameters = read_generic_parameters(r, &r->dotnet->classes.class_parameters, index);
    out->generic_parameters = r->class_parameters.items;
    out->generic_parameter_count = r->class_parameters.count;
    read_base_types(r, index, &def, out);
    read_methods(r, index, def.column[DEF_METHODS], out);
}

static bool build_chains(kj_dotnet *d)
{
    enum { DEF, METHOD };
    kj_dotnet_classes *c = &d->classes;
    uint32_t types = d->meta.tables[KJ_CLI_TYPE_DEF].rows;
    uint32_t methods = d->meta.tables[KJ_CLI_METHOD_DEF].rows;
    return build_chain(d, KJ_CLI_NESTED_CLASS, 0, 0, 0, types, &c->nested) &&
           build_chain(d, KJ_CLI_INTERFACE_IMPL, 0, 0, 0, types, &c->interfaces) &&
           build_chain(d, KJ_CLI_GENERIC_PARAM, 2, 1, DEF, types, &c->class_parameters) &&
           build_chain(d, KJ_CLI_GENERIC_PARAM, 2, 1, METHOD, methods, &c->method_parameters);
}

/* Types without a name are none, and neither is the one that holds global functions. */
static bool list_classes(kj_dotnet *d)
{
    uint32_t types = d->meta.tables[KJ_CLI_TYPE_DEF].rows;
    kj_dotnet_classes *c = &d->classes;
    c->rows = kj_new_array(d->arena, uint32_t, types);
    c->read = kj_new_array(d->arena, const kj_dotnet_class *, types);
    if (!c->rows || !c->read)
        return false;
    c->count = 0;
    for (uint32_t i = 1; i <= types; i++) {
        kj_cli_row def;
        if (!kj_cli_read_row(&d->meta, KJ_CLI_TYPE_DEF, i, &def))
            continue;
        kj_span name = kj_cli_string(&d->meta, def.column[DEF_NAME]);
        if (plain_name(name).len && !kj_span_is(name, "<Module>"))
            c->rows[c->count++] = i;
    }
    return true;
}

bool kj_dotnet_load_classes(kj_dotnet *d, const kj_dotnet_meter *meter)
{
    if (d->classes.loaded)
        return true;
    if (d->meta.complete) {
        uint64_t rows = d->meta.tables[KJ_CLI_TYPE_DEF].rows;
        rows += d->meta.tables[KJ_CLI_NESTED_CLASS].rows;
        rows += d->meta.tables[KJ_CLI_INTERFACE_IMPL].rows;
        rows += 2 * (uint64_t)d->meta.tables[KJ_CLI_GENERIC_PARAM].rows;
        if (!meter->pay(meter->user, rows * COST_OF_ROW) || !build_chains(d) || !list_classes(d))
            return false;
        d->has_classes = true;
    }
    d->classes.loaded = true;
    return true;
}

const kj_dotnet_class *kj_dotnet_read_class(kj_dotnet *d, uint64_t index,
                                            const kj_dotnet_meter *meter)
{
    if (!kj_dotnet_load_classes(d, meter) || index >= d->classes.count)
        return NULL;
    if (d->classes.read[index])
        return d->classes.read[index];
    kj_dotnet_class *class = kj_new(d->arena, kj_dotnet_class);
    if (!class)
        return NULL;
    reading r = {.dotnet = d, .meter = meter};
    kj_buf_init(&r.text, TYPE_TEXT_MAX);
    read_class(&r, d->classes.rows[index], class);
    kj_buf_done(&r.text);
    if (r.stopped)
        return NULL;
    d->classes.read[index] = class;
    return class;
}

/* ---- flags --------------------------------------------------------------------------------- */

const char *kj_dotnet_class_visibility(uint32_t flags)
{
    static const char *const texts[8] = {"internal",
                                         "public",
                                         "public",
                                         "private",
                                         "protected",
                                         "internal",
                                         "private protected",
                                         "protected internal"};
    return texts[flags & 7];
}

const char *kj_dotnet_method_visibility(uint16_t flags)
{
    static const char *const texts[8] = {"private",  "private",   "private protected",
                                         "internal", "protected", "protected internal",
                                         "public",   "private"};
    return texts[flags & 7];
}
