/* SPDX-License-Identifier: Apache-2.0 */
/* What a form of the registry supplies, so that formats/registry.h can be one interface. */
#pragma once

#include "formats/registry.h"

enum {
    KJ_REGISTRY_ITEMS_MAX = 1000000, /* of one key: subkeys, and values, looked at */
    KJ_REGISTRY_DATA_MAX = 64 << 20, /* of one value that stands in segments */
    KJ_REG_NAME_UNITS_MAX = 32768,   /* Windows allows values 16,383 and keys 255 */
};

/* As the functions of registry.h of the same name. `find_subkey` may be NULL: then all subkeys are
 * looked at; `name` is upper-case UTF-16 in the host's order. */
typedef struct kj_registry_reader {
    kj_status (*open)(kj_span bytes, kj_arena *arena, kj_registry *out, kj_error *err);
    bool (*key)(const kj_registry *reg, kj_reg_key key, kj_reg_key_info *out);
    bool (*next_subkey)(const kj_registry *reg, kj_reg_key key, kj_reg_iter *it,
                        kj_reg_key_info *out);
    bool (*next_value)(const kj_registry *reg, kj_reg_key key, kj_reg_iter *it, kj_arena *arena,
                       kj_reg_value *out);
    kj_reg_key (*find_subkey)(const kj_registry *reg, kj_reg_key key, const uint16_t *name,
                              size_t count);
} kj_registry_reader;

KJ_MUST_CHECK kj_status kj_regf_open(kj_span bytes, kj_arena *arena, kj_registry *out,
                                     kj_error *err);
bool kj_regf_key(const kj_registry *reg, kj_reg_key key, kj_reg_key_info *out);
bool kj_regf_next_subkey(const kj_registry *reg, kj_reg_key key, kj_reg_iter *it,
                         kj_reg_key_info *out);
bool kj_regf_next_value(const kj_registry *reg, kj_reg_key key, kj_reg_iter *it, kj_arena *arena,
                        kj_reg_value *out);
kj_reg_key kj_regf_find_subkey(const kj_registry *reg, kj_reg_key key, const uint16_t *name,
                               size_t count);

KJ_MUST_CHECK kj_status kj_creg_open(kj_span bytes, kj_arena *arena, kj_registry *out,
                                     kj_error *err);
bool kj_creg_key(const kj_registry *reg, kj_reg_key key, kj_reg_key_info *out);
bool kj_creg_next_subkey(const kj_registry *reg, kj_reg_key key, kj_reg_iter *it,
                         kj_reg_key_info *out);
bool kj_creg_next_value(const kj_registry *reg, kj_reg_key key, kj_reg_iter *it, kj_arena *arena,
                        kj_reg_value *out);

/* ---- names -------------------------------------------------------------------------------- */

/* The upper case of one UTF-16 unit as Windows has it: one to one, surrogates and what has no
 * upper case of one unit (such as U+00DF) as they are. */
uint16_t kj_reg_upper(uint16_t unit);

/* How many units a name has, and the unit at `index`. */
size_t kj_reg_name_count(kj_reg_name name);
uint16_t kj_reg_name_unit(kj_reg_name name, size_t index);

/* The order in which Windows sorts subkeys: by upper-case units. Below, equal to or above 0. */
int kj_reg_name_compare(kj_reg_name a, kj_reg_name b);

/* Whether the name is these upper-case units. */
bool kj_reg_name_is_upper(kj_reg_name name, const uint16_t *upper, size_t count);
