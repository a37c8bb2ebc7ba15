/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of finding a system share while it is put together. */
#pragma once

#include "base/vec.h"
#include "host/system.h"

enum {
    KJ_HIVE_BYTES_MAX = 512 << 20, /* of one hive */
    KJ_HIVES_MAX = 10000,          /* of one system */
    KJ_PROFILES_MAX = 10000,
    KJ_REG_TEXT_MAX = 64 << 10, /* bytes of a value's text that is used as a path or a name */
};

typedef struct kj_system_builder {
    kj_system *system; /* `hives` and `profiles` are these lists */
    KJ_VEC(kj_hive) hives;
    KJ_VEC(kj_profile) profiles;
    uint64_t *bytes_left; /* that hives of this volume may still take */
} kj_system_builder;

/* What is loaded as what. */
typedef struct kj_hive_place {
    kj_hive_role role;
    kj_hive_role copy_of;
    const char *mount;
    uint32_t profile;
} kj_hive_place;

/* Loads the file as a hive; *out_index (may be NULL) is where. A hive that cannot be read is added,
 * too, with the reason. KJ_NO_MEMORY. */
KJ_MUST_CHECK kj_status kj_hive_add(kj_system_builder *b, const kj_node *node,
                                    const kj_hive_place *place, uint32_t *out_index, kj_error *err);

/* The system's own hives, without users'; then copies of all. KJ_NO_MEMORY. */
KJ_MUST_CHECK kj_status kj_system_load_hives(kj_system_builder *b, kj_error *err);
KJ_MUST_CHECK kj_status kj_system_load_copies(kj_system_builder *b, kj_error *err);

/* Users, and their hives. KJ_NO_MEMORY. */
KJ_MUST_CHECK kj_status kj_system_load_profiles(kj_system_builder *b, kj_error *err);

/* Whether a hive begins at these bytes. */
bool kj_hive_magic_nt(kj_span head);
bool kj_hive_magic_9x(kj_span head);

/* The first bytes of a file, as many as there are; 0: it cannot be read. */
size_t kj_tree_head(kj_tree *tree, kj_span path, uint8_t *out, size_t len);

/* `directory` and `name` as one path in any case, of that kind. */
bool kj_system_has(kj_tree *tree, kj_span directory, const char *name, kj_node_kind kind,
                   kj_node *out);

/* The registry of the system's first usable hive of that role; NULL. */
const kj_registry *kj_system_registry(const kj_system *system, kj_hive_role role);

/* A value's text, the arena's; NULL: no such key or value, or none that is a text. */
char *kj_reg_text_at(const kj_registry *reg, kj_reg_key from, const char *path, const char *name,
                     kj_arena *arena);
/* A number: a DWORD. False when there is none. */
bool kj_reg_number_at(const kj_registry *reg, kj_reg_key from, const char *path, const char *name,
                      kj_arena *arena, uint32_t *out);

/* A real path as Windows would write it, unescaped: "C:\\WINNT\\a b.txt". NULL without memory. */
char *kj_system_winpath(const kj_system *system, kj_span path);
