/* SPDX-License-Identifier: Apache-2.0 */
/* Facts for conditions. One file a module, its fields one table; computed on first use. */
#pragma once

#include "formats/format.h"
#include "ir/value.h"

/* What a module may look at. */
typedef struct kj_module_input {
    const kj_object *object;
    kj_arena *arena; /* lives as long as the object's matching; values may point into it */
} kj_module_input;

typedef struct kj_module {
    kj_schema schema;
    /* The value of a field; undefined for what the object does not have, for an index past the end
     * and for an id the module does not know. */
    kj_value (*get)(const kj_module_input *input, uint16_t field, const kj_value *args,
                    size_t count);
} kj_module;

extern const kj_module kj_module_kujo;

/* All modules. */
extern const kj_module *const kj_modules[];
extern const size_t kj_module_count;

/* Pointers to the schemas of all modules, for the rule compiler. */
const kj_schema *const *kj_module_schemas(size_t *out_count);

/* A field by schema id << 16 | field id. */
kj_value kj_module_get(const kj_module_input *input, uint32_t id, const kj_value *args,
                       size_t count);
