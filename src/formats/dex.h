/* SPDX-License-Identifier: Apache-2.0 */
/* DEX, the programs of Android: facts, read as libyara's dex module reads them. */
#pragma once

#include "base/arena.h"
#include "base/reader.h"

enum {
    /* Classes with content, fields and methods that are looked at, each; the format has room for
     * 65,536. More is the work of somebody who wants a scanner to be busy. */
    KJ_DEX_ITEMS_MAX = 1 << 17,
};

/* Where a table is and how many entries it has, as the header says. */
typedef struct kj_dex_table {
    uint32_t count;
    uint32_t offset;
} kj_dex_table;

typedef struct kj_dex_header {
    kj_span magic;     /* 8 bytes, into the file; so is the signature */
    kj_span signature; /* 20 bytes */
    uint32_t checksum;
    uint32_t file_size;
    uint32_t header_size;
    uint32_t endian_tag;
    uint32_t link_size;
    uint32_t link_offset;
    uint32_t map_offset;
    kj_dex_table strings;
    kj_dex_table types;
    kj_dex_table prototypes;
    kj_dex_table fields;
    kj_dex_table methods;
    kj_dex_table classes;
    uint32_t data_size;
    uint32_t data_offset;
} kj_dex_header;

/* A field or method of a class, in the order of classes. */
typedef struct kj_dex_member {
    uint32_t id; /* its index in the table of fields or methods */
    uint32_t id_step;
    uint32_t access_flags;
    uint32_t code_offset; /* of methods only; 0: none */
    bool is_first_kind;   /* a static field; a direct method */
} kj_dex_member;

typedef struct kj_dex_members {
    const kj_dex_member *items;
    size_t count; /* of those in `items`; the last may have an id that no table holds */
    size_t named; /* of those with an id that a table holds */
} kj_dex_members;

typedef struct kj_dex {
    kj_dex_header header;
    /* Entries that can be asked for. Parsing stops at the first table that leaves the file, in the
     * order of the header, the map between methods and classes. */
    uint32_t string_count;
    uint32_t type_count;
    uint32_t prototype_count;
    uint32_t field_id_count;
    uint32_t method_id_count;
    bool has_map;
    uint32_t map_size; /* as the map says */
    uint32_t map_count;
    uint32_t class_count;
    const uint32_t *class_data; /* file offsets, of classes that have content */
    size_t class_data_count;
    kj_dex_members fields;
    kj_dex_members methods;
    bool is_whole; /* all classes were read */
} kj_dex;

typedef struct kj_dex_string {
    uint32_t offset;
    uint32_t size; /* in UTF-16 units, but taken as bytes */
    kj_span value;
} kj_dex_string;

typedef struct kj_dex_prototype {
    uint32_t shorty;
    uint32_t return_type;
    uint32_t parameters_offset;
} kj_dex_prototype;

/* An entry of the table of fields or methods. */
typedef struct kj_dex_id {
    uint16_t class_type;
    uint16_t type; /* of a field, its type; of a method, its prototype */
    uint32_t name;
} kj_dex_id;

typedef struct kj_dex_class {
    uint32_t type;
    uint32_t access_flags;
    uint32_t super_type;
    uint32_t interfaces_offset;
    uint32_t source_file;
    uint32_t annotations_offset;
    uint32_t data_offset; /* 0: it has no content */
    uint32_t static_values_offset;
} kj_dex_class;

/* How many members of each kind the content of a class says it has. */
typedef struct kj_dex_class_data {
    uint32_t static_fields;
    uint32_t instance_fields;
    uint32_t direct_methods;
    uint32_t virtual_methods;
} kj_dex_class_data;

typedef struct kj_dex_map_item {
    uint16_t type;
    uint16_t unused;
    uint32_t size;
    uint32_t offset;
} kj_dex_map_item;

typedef struct kj_dex_code {
    uint16_t registers_size;
    uint16_t ins_size;
    uint16_t outs_size;
    uint16_t tries_size;
    uint32_t debug_info_offset;
    uint32_t insns_size; /* in units of 16 bits */
    bool has_insns;      /* they lie in the file */
    kj_span insns;
} kj_dex_code;

/* False for what is no DEX file of versions 035 to 039, and without memory. */
bool kj_dex_read(kj_span bytes, kj_arena *arena, kj_dex *out);

/* The i-th entry of a table; false: there is none, or it points out of the file. */
bool kj_dex_read_string(const kj_dex *dex, kj_span bytes, uint64_t i, kj_dex_string *out);
bool kj_dex_read_type(const kj_dex *dex, kj_span bytes, uint64_t i, uint32_t *out_descriptor);
bool kj_dex_read_prototype(const kj_dex *dex, kj_span bytes, uint64_t i, kj_dex_prototype *out);
bool kj_dex_read_field_id(const kj_dex *dex, kj_span bytes, uint64_t i, kj_dex_id *out);
bool kj_dex_read_method_id(const kj_dex *dex, kj_span bytes, uint64_t i, kj_dex_id *out);
bool kj_dex_read_map_item(const kj_dex *dex, kj_span bytes, uint64_t i, kj_dex_map_item *out);
bool kj_dex_read_class(const kj_dex *dex, kj_span bytes, uint64_t i, kj_dex_class *out);
bool kj_dex_read_class_data(const kj_dex *dex, kj_span bytes, uint64_t i, kj_dex_class_data *out);
bool kj_dex_read_code(kj_span bytes, uint32_t offset, kj_dex_code *out);
