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

void *kj_module_state(const kj_module_input *input, const kj_module *module, size_t size)
{
    if (!input->states || module->schema.id >= KJ_MODULES_MAX)
        return kj_arena_alloc(input->arena, size);
    void **slot = &input->states[module->schema.id];
    if (!*slot)
        *slot = kj_arena_alloc(input->arena, size);
    return *slot;
}

kj_span kj_module_report(const kj_module_input *input, const kj_module *module)
{
    for (size_t i = 0; input->env && i < input->env->data_count; i++)
        if (kj_span_is(input->env->data[i].module, module->schema.name))
            return input->env->data[i].bytes;
    return (kj_span){0};
}

kj_value kj_module_get(const kj_module_input *input, const kj_field_call *call)
{
    for (size_t i = 0; i < KJ_COUNT(kj_modules); i++)
        if (kj_modules[i]->schema.id == call->id >> 16)
            return kj_modules[i]->get(input, (uint16_t)call->id, call);
    return kj_value_undefined();
}
