/* SPDX-License-Identifier: Apache-2.0 */
/* The table of modules. */
#include "modules/module.h"

#include "base/arith.h"

const kj_module *const kj_modules[] = {
    &kj_module_kujo,
};

const size_t kj_module_count = KJ_COUNT(kj_modules);

static const kj_schema *const schemas[] = {
    &kj_module_kujo.schema,
};
_Static_assert(KJ_COUNT(schemas) == KJ_COUNT(kj_modules), "a schema a module");

const kj_schema *const *kj_module_schemas(size_t *out_count)
{
    *out_count = KJ_COUNT(schemas);
    return schemas;
}

kj_value kj_module_get(const kj_module_input *input, uint32_t id, const kj_value *args,
                       size_t count)
{
    for (size_t i = 0; i < KJ_COUNT(kj_modules); i++)
        if (kj_modules[i]->schema.id == id >> 16)
            return kj_modules[i]->get(input, (uint16_t)id, args, count);
    return kj_value_undefined();
}
