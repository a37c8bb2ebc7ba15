/* SPDX-License-Identifier: Apache-2.0 */
/* .NET assemblies: what the CLI metadata of a PE says about itself. Facts as libyara's dotnet
 * module has them, with its limits. Texts borrow from the file's bytes or live in the arena; one
 * whose `data` is NULL does not exist, which is not the same as an empty one. */
#pragma once

#include "base/arena.h"
#include "formats/dotnet_tables.h"
#include "formats/pe.h"

enum { KJ_DOTNET_ABSENT = -1, KJ_DOTNET_GUIDS_MAX = 16, KJ_DOTNET_GUID_LEN = 36 };

/* Draws on somebody's budget before work that grows with the file; false: it is used up. */
typedef struct kj_dotnet_meter {
    bool (*pay)(const void *user, uint64_t bytes);
    const void *user;
} kj_dotnet_meter;

typedef struct kj_dotnet_stream {
    kj_span name;
    uint64_t offset; /* in the file */
    uint32_t len;
} kj_dotnet_stream;

typedef struct kj_dotnet_version {
    uint16_t major;
    uint16_t minor;
    uint16_t build;
    uint16_t revision;
} kj_dotnet_version;

typedef struct kj_dotnet_assembly_ref {
    kj_dotnet_version version;
    kj_span key; /* public key or token */
    kj_span name;
} kj_dotnet_assembly_ref;

typedef struct kj_dotnet_resource {
    kj_span name;
    bool is_here;   /* in this file: */
    int64_t offset; /* of its bytes */
    uint32_t len;   /* as announced; may leave the file */
} kj_dotnet_resource;

typedef struct kj_dotnet_parameter {
    kj_span name;
    kj_span type;
} kj_dotnet_parameter;

typedef struct kj_dotnet_method {
    kj_span name;
    uint16_t flags;      /* MethodAttributes, II.23.1.10 */
    kj_span return_type; /* none for constructors */
    const kj_span *generic_parameters;
    uint32_t generic_parameter_count;
    const kj_dotnet_parameter *parameters;
    int32_t parameter_count; /* or KJ_DOTNET_ABSENT */
} kj_dotnet_method;

typedef struct kj_dotnet_class {
    kj_span name;
    kj_span name_space; /* with the enclosing classes of a nested one */
    kj_span full_name;
    uint32_t flags; /* TypeAttributes, II.23.1.15 */
    const kj_span *generic_parameters;
    uint32_t generic_parameter_count;
    const kj_span *base_types; /* the class it extends, then the interfaces */
    uint32_t base_type_count;
    const kj_dotnet_method *methods;
    int32_t method_count; /* or KJ_DOTNET_ABSENT */
} kj_dotnet_class;

/* Flags that modules ask for. */
enum {
    KJ_DOTNET_CLASS_INTERFACE = 0x20,
    KJ_DOTNET_CLASS_ABSTRACT = 0x80,
    KJ_DOTNET_CLASS_SEALED = 0x100,
    KJ_DOTNET_METHOD_STATIC = 0x10,
    KJ_DOTNET_METHOD_FINAL = 0x20,
    KJ_DOTNET_METHOD_VIRTUAL = 0x40,
    KJ_DOTNET_METHOD_ABSTRACT = 0x400,
};

/* Rows by a column that points to other rows: `first` of each row pointed to, then `next` of each
 * row, in their order; 0 ends a chain. */
typedef struct kj_dotnet_chain {
    uint32_t *first;
    uint32_t *next;
} kj_dotnet_chain;

typedef struct kj_dotnet_classes {
    bool loaded;
    uint64_t work;    /* done on classes so far */
    bool too_complex; /* so much that no more of them are read */
    uint32_t count;
    uint32_t *rows; /* of TypeDef, one a class */
    const kj_dotnet_class **read;
    kj_dotnet_chain nested;            /* NestedClass by what is nested */
    kj_dotnet_chain interfaces;        /* InterfaceImpl by class */
    kj_dotnet_chain class_parameters;  /* GenericParam by class */
    kj_dotnet_chain method_parameters; /* GenericParam by method */
} kj_dotnet_classes;

/* Where a user string is found again: a scan may ask for a million of them, one after the other. */
typedef struct kj_dotnet_string_place {
    uint64_t index;
    uint64_t offset;
} kj_dotnet_string_place;

typedef struct kj_dotnet {
    kj_cli_metadata meta;
    kj_arena *arena;
    int64_t resource_base; /* file offset; -1: nowhere, and offsets in it count from there */
    kj_span version;
    kj_dotnet_stream *streams;
    size_t stream_count; /* 255 at most */
    bool has_streams;
    char guids[KJ_DOTNET_GUIDS_MAX][KJ_DOTNET_GUID_LEN + 1];
    int64_t guid_count; /* this and what follows: or KJ_DOTNET_ABSENT, when the file has no such
                           table or heap */
    kj_span module_name;
    bool has_assembly;
    kj_dotnet_version assembly_version;
    kj_span assembly_name;
    kj_span assembly_culture;
    kj_span typelib;
    kj_span *module_refs;
    int64_t module_ref_count;
    kj_span *constants; /* string constants, UTF-16 */
    int64_t constant_count;
    uint64_t *field_offsets; /* file offsets of initial values */
    int64_t field_offset_count;
    kj_dotnet_assembly_ref *assembly_refs;
    int64_t assembly_ref_count;
    kj_dotnet_resource *resources;
    int64_t resource_count;
    kj_dotnet_classes classes;
    bool has_classes;
    bool user_strings_loaded;
    int64_t user_string_count;
    uint64_t *user_string_marks; /* the offset of every 64th */
    kj_dotnet_string_place user_string_last;
} kj_dotnet;

/* Reads all but classes and user strings. KJ_MALFORMED when the program has no .NET metadata;
 * KJ_LIMIT, KJ_NO_MEMORY. `bytes` and `arena` must outlive `out`, `pe` need not. */
KJ_MUST_CHECK kj_status kj_dotnet_read(kj_span bytes, const kj_pe *pe, kj_arena *arena,
                                       const kj_dotnet_meter *meter, kj_dotnet *out, kj_error *err);

/* Counts the user strings, at the first call. False: KJ_LIMIT or KJ_NO_MEMORY, nothing is known. */
bool kj_dotnet_load_user_strings(kj_dotnet *dotnet, const kj_dotnet_meter *meter);

/* UTF-16; none when there is no such string or the budget is used up. */
kj_span kj_dotnet_user_string(kj_dotnet *dotnet, uint64_t index, const kj_dotnet_meter *meter);

/* Finds the classes, at the first call: has_classes, classes.count. False as above. */
bool kj_dotnet_load_classes(kj_dotnet *dotnet, const kj_dotnet_meter *meter);

/* A class with all that it has; NULL when there is no such class, without memory or budget, or when
 * classes.too_complex. */
const kj_dotnet_class *kj_dotnet_read_class(kj_dotnet *dotnet, uint64_t index,
                                            const kj_dotnet_meter *meter);

/* "public", "protected internal", ... */
const char *kj_dotnet_class_visibility(uint32_t flags);
const char *kj_dotnet_method_visibility(uint16_t flags);
