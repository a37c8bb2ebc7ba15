/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of regf files: what reading, checking, replaying and changing them share.
 *
 * Cells are named by their offset from the first bin, as in the file. Everything here is
 * bounds-checked where it is used; nothing is checked when a hive is opened but the headers of the
 * bins. */
#pragma once

#include "formats/regf.h"
#include "formats/registry_private.h"

enum {
    KJ_REGF_HEADER_LEN = 4096, /* the base block; offsets of cells count from its end */
    KJ_REGF_PAGE = 4096,
    KJ_REGF_BIN_HEADER_LEN = 32,
    KJ_REGF_CELL_MIN = 8,
    KJ_REGF_NK_LEN = 76, /* without the name */
    KJ_REGF_VK_LEN = 20,
    KJ_REGF_SK_LEN = 20,
    KJ_REGF_LIST_HEADER_LEN = 4,
    KJ_REGF_DB_LEN = 8,
    KJ_REGF_SEGMENT_LEN = 16344, /* data longer than this is `db` from version 1.4 on */

    /* in the base block */
    KJ_REGF_SEQUENCE1_AT = 4,
    KJ_REGF_SEQUENCE2_AT = 8,
    KJ_REGF_WRITTEN_AT = 12,
    KJ_REGF_TYPE_AT = 28,
    KJ_REGF_ROOT_AT = 36,
    KJ_REGF_DATA_SIZE_AT = 40,
    KJ_REGF_FLAGS_AT = 144,
    KJ_REGF_CHECKSUM_AT = 508,
    KJ_REGF_CHECKED_LEN = 512,

    /* flags of nk */
    KJ_REGF_NK_NO_DELETE = 0x08,
    KJ_REGF_NK_LINK = 0x10,
    KJ_REGF_NK_BYTES = 0x20, /* the name is Latin-1 */
    /* flags of vk */
    KJ_REGF_VK_BYTES = 0x01,
};
#define KJ_REGF_INLINE UINT32_C(0x80000000) /* in a vk's size: the data stands in the offset */

typedef struct kj_regf_header {
    bool has_magic;
    bool checksum_ok;
    uint32_t sequence1;
    uint32_t sequence2;
    uint64_t written;
    uint32_t major;
    uint32_t minor;
    uint32_t type; /* 0 a hive, 1, 2 and 6 a log */
    uint32_t root;
    uint32_t data_size;
    uint32_t flags;
} kj_regf_header;

/* False when `bytes` are less than the 512 that hold it. */
bool kj_regf_read_header(kj_span bytes, kj_regf_header *out);

/* Made when a hive is opened. */
typedef struct kj_regf_index {
    kj_span data;         /* all bins */
    uint32_t page_count;  /* of `data`; the last may be cut short */
    uint32_t *end_of_bin; /* for each page: the page behind the bin that it is part of. What no
                             sound bin header covers counts as a bin up to the next sound one */
    uint32_t content_at;  /* of a cell: 4, in versions before 1.2 8 */
    uint32_t alignment;   /* of cells: 8, in versions before 1.2 16 */
} kj_regf_index;

/* The header of a bin at that page. False when it is none, or leaves the data. */
bool kj_regf_read_bin(const kj_regf_index *index, uint32_t page, uint32_t *out_page_count);

/* What is in a used cell, behind its size (which is -(4 + len), in bytes); data NULL when there is
 * no used cell within its bin at that place. Its place in the hive's bytes is
 * KJ_REGF_HEADER_LEN + cell + index->content_at. */
kj_span kj_regf_cell(const kj_registry *reg, uint32_t cell);

typedef struct kj_regf_nk {
    uint16_t flags;
    uint64_t written;
    uint32_t parent;
    uint32_t subkey_count;
    uint32_t subkeys; /* cell of a list */
    uint32_t value_count;
    uint32_t values; /* cell of u32 */
    uint32_t security;
    uint32_t class_cell;
    uint16_t class_len;
    kj_reg_name name;
} kj_regf_nk;

typedef struct kj_regf_vk {
    uint32_t size; /* of the data, without the flag */
    bool is_inline;
    uint32_t data; /* cell; not when inline */
    uint32_t type;
    uint16_t flags;
    kj_reg_name name;
    kj_span inline_data; /* the four bytes */
} kj_regf_vk;

typedef struct kj_regf_sk {
    uint32_t next;
    uint32_t previous;
    uint32_t reference_count;
    uint32_t size; /* of the descriptor, which follows */
} kj_regf_sk;

/* False when the cell is none, or its content ends early. */
bool kj_regf_read_nk(const kj_registry *reg, uint32_t cell, kj_regf_nk *out);
bool kj_regf_read_vk(const kj_registry *reg, uint32_t cell, kj_regf_vk *out);
bool kj_regf_read_sk(const kj_registry *reg, uint32_t cell, kj_regf_sk *out);

/* The kinds of lists, as u16. */
enum {
    KJ_REGF_LF = 0x666C, /* of keys, with the first four characters of each name */
    KJ_REGF_LH = 0x686C, /* of keys, with a hash of each name */
    KJ_REGF_LI = 0x696C, /* of keys */
    KJ_REGF_RI = 0x6972, /* of lists of keys */
};

typedef struct kj_regf_list {
    uint16_t kind;
    uint16_t count; /* of elements, as announced */
    uint16_t room;  /* at most `count`: those that the cell holds */
    uint8_t element_len;
    kj_span elements;
} kj_regf_list;

bool kj_regf_read_list(const kj_registry *reg, uint32_t cell, kj_regf_list *out);

/* The cell that an element leads to, and the hint or hash beside it (0: none); index < room. */
uint32_t kj_regf_element(const kj_regf_list *list, uint32_t index, uint32_t *out_hint);

/* Where an element stands that leads to a subkey. */
typedef struct kj_regf_place {
    uint32_t list;        /* lf, lh or li */
    uint16_t index;       /* element of it */
    uint32_t outer;       /* the ri that leads to `list`; KJ_REG_NONE: the key itself does */
    uint16_t outer_index; /* element of it */
    uint16_t kind;
    uint32_t hint;
} kj_regf_place;

/* Goes over the elements of all lists of a key, whatever they lead to. `position` begins as 0.
 * Lists that are none are passed over; an ri below an ri is none. */
bool kj_regf_next_place(const kj_registry *reg, uint32_t subkeys, uint32_t *position,
                        kj_regf_place *out, uint32_t *out_key);

/* The cell of a key's value number `index`; KJ_REG_NONE when the list does not hold it. */
uint32_t kj_regf_value_cell(const kj_registry *reg, const kj_regf_nk *nk, uint32_t index);

/* Data in segments. */
typedef struct kj_regf_db {
    uint16_t count;
    uint32_t list; /* cell of u32 */
} kj_regf_db;

/* Whether the data of a value is in segments: long, in a version that has them, and the cell says
 * so. */
bool kj_regf_read_db(const kj_registry *reg, const kj_regf_vk *vk, kj_regf_db *out);

/* The hash of a name in lh lists; the hint in lf lists. */
uint32_t kj_regf_hash(kj_reg_name name);
uint32_t kj_regf_hint(kj_reg_name name);

/* Marvin32, the hash of new transaction logs, and its seed there. */
#define KJ_REGF_LOG_SEED UINT64_C(0x82EF4D887A4E55C5)
uint64_t kj_regf_marvin32(uint64_t seed, kj_span bytes);
