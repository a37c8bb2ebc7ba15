/* SPDX-License-Identifier: Apache-2.0 */
/* A registry hive, whichever Windows wrote it: regf (NT to 11, formats/regf.h) or CREG (95, 98, ME,
 * formats/creg.h). Reading never follows what does not lead to a used, well-formed cell; what is
 * broken is skipped and counted, and the rest is read.
 *
 * Names are raw: UTF-16LE units (NUL and lone surrogates included), or single bytes. They are
 * compared as Windows compares them, by upper case of each unit, whatever their storage. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/span.h"
#include "base/status.h"

typedef enum kj_registry_form { KJ_REGISTRY_REGF, KJ_REGISTRY_CREG } kj_registry_form;

/* A key, or a value: where it stands (regf: offset of the cell, counted from the first hbin). */
typedef uint32_t kj_reg_key;
typedef uint32_t kj_reg_value_id;
#define KJ_REG_NONE UINT32_MAX

typedef struct kj_reg_name {
    kj_span raw;
    bool wide; /* UTF-16LE; else one byte a character, Latin-1 (regf) or the system's codepage
                  (CREG) */
} kj_reg_name;

/* Types, as Windows numbers them. */
enum {
    KJ_REG_NO_TYPE = 0,
    KJ_REG_SZ = 1,
    KJ_REG_EXPAND_SZ = 2,
    KJ_REG_BINARY = 3,
    KJ_REG_DWORD = 4,
    KJ_REG_DWORD_BE = 5,
    KJ_REG_LINK = 6,
    KJ_REG_MULTI_SZ = 7,
    KJ_REG_QWORD = 11,
};

typedef struct kj_reg_key_info {
    kj_reg_key key;
    kj_reg_key parent; /* KJ_REG_NONE: the root */
    kj_reg_name name;
    uint64_t written; /* FILETIME; 0: unknown (CREG) */
    uint32_t subkey_count;
    uint32_t value_count;
    bool is_link; /* REG_LINK: leads elsewhere; not followed */
} kj_reg_key_info;

typedef struct kj_reg_value {
    kj_reg_value_id id;
    kj_reg_name name; /* empty: the key's default value */
    uint32_t type;    /* KJ_REG_..., or any other number */
    kj_span data; /* into the hive, or into the arena given when it is put together of segments */
    bool broken;  /* the data could not be read; `data` is what could */
} kj_reg_value;

typedef struct kj_registry {
    kj_span bytes; /* the hive; borrowed */
    kj_registry_form form;
    kj_reg_key root;
    uint32_t minor;     /* regf: minor version, 1 to 6 */
    uint64_t written;   /* regf: FILETIME in the header */
    bool is_dirty;      /* regf: the logs hold more; replay them first (formats/regf.h) */
    bool is_layered;    /* regf 1.6, differencing: never edited */
    uint32_t data_size; /* regf: bytes of all hbins */
    void *index;        /* the form's own; the arena's */
} kj_registry;

/* Opens a hive in memory; `bytes` and the arena outlive it. KJ_MALFORMED: no hive, or one whose
 * header or root cannot be used; KJ_TRUNCATED; KJ_UNSUPPORTED; KJ_NO_MEMORY. A dirty hive opens. */
KJ_MUST_CHECK kj_status kj_registry_open(kj_span bytes, kj_arena *arena, kj_registry *out,
                                         kj_error *err);

/* False when `key` is none of the hive. */
bool kj_registry_key(const kj_registry *reg, kj_reg_key key, kj_reg_key_info *out);

/* Goes over subkeys or values: kj_reg_iter it = {0}; while (kj_registry_next_subkey(...)). At most
 * as many as the key announces, at most a million; loops end. `skipped` counts what could not be
 * read. */
typedef struct kj_reg_iter {
    uint32_t index;
    uint32_t inner; /* the form's own */
    uint32_t skipped;
} kj_reg_iter;

bool kj_registry_next_subkey(const kj_registry *reg, kj_reg_key key, kj_reg_iter *it,
                             kj_reg_key_info *out);
/* `arena`: for data in segments (up to 64 MiB a value); NULL: such data is `broken`. */
bool kj_registry_next_value(const kj_registry *reg, kj_reg_key key, kj_reg_iter *it,
                            kj_arena *arena, kj_reg_value *out);

/* The key at a UTF-8 path below `from`, components parted by `\`, in any case; an empty path is
 * `from`. KJ_REG_NONE. */
kj_reg_key kj_registry_find(const kj_registry *reg, kj_reg_key from, kj_span path);

/* The value of that UTF-8 name, in any case; the empty name is the default value. */
bool kj_registry_find_value(const kj_registry *reg, kj_reg_key key, kj_span name, kj_arena *arena,
                            kj_reg_value *out);

/* ---- texts ----------------------------------------------------------------------------------- */

/* Appends the name as UTF-8. A NUL becomes U+0000 as UTF-8 (a zero byte), a lone surrogate U+FFFD:
 * for people and for comparison, not for finding it again (that is what `raw` is for). */
void kj_reg_name_text(kj_reg_name name, kj_buf *out);

/* Whether both name the same thing: unit by unit in upper case, NULs included. */
bool kj_reg_name_equal(kj_reg_name a, kj_reg_name b);

/* Whether a name is this UTF-8 text in any case. */
bool kj_reg_name_is(kj_reg_name name, kj_span text);

/* Appends a value's data as text. SZ, EXPAND_SZ, LINK: up to the first NUL; MULTI_SZ: the strings,
 * each followed by `\n`; DWORD and QWORD: decimal; others: hex. CREG's are bytes of a codepage
 * (Windows 1252 is assumed). False when it is not a text (DWORD, QWORD, others). */
bool kj_reg_value_text(const kj_registry *reg, const kj_reg_value *value, kj_buf *out);

/* "REG_SZ"; "REG_0x1F" (in `buf`) for a number without a name. */
const char *kj_reg_type_name(uint32_t type, char buf[16]);

/* Appends a key's path from the root, UTF-8, without the root's own name: "Microsoft\\Windows". */
void kj_registry_path(const kj_registry *reg, kj_reg_key key, kj_buf *out);
