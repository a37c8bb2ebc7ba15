/* SPDX-License-Identifier: Apache-2.0 */
/* The table of modules. */
#include "modules/module.h"

#include "base/arith.h"

const kj_module *const kj_modules[] = {
    &kj_module_kujo,   &kj_module_pe,         &kj_module_dotnet,  &kj_module_elf,
    &kj_module_macho,  &kj_module_dex,        &kj_module_math,    &kj_module_hash,
    &kj_module_string, &kj_module_time,       &kj_module_console, &kj_module_magic,
    &kj_module_cuckoo, &kj_module_androguard, &kj_module_lnk,     &kj_module_clamav,
};

const size_t kj_module_count = KJ_COUNT(kj_modules);

static const kj_schema *const schemas[] = {
    &kj_module_kujo.schema,   &kj_module_pe.schema,         &kj_module_dotnet.schema,
    &kj_module_elf.schema,    &kj_module_macho.schema,      &kj_module_dex.schema,
    &kj_module_math.schema,   &kj_module_hash.schema,       &kj_module_string.schema,
    &kj_module_time.schema,   &kj_module_console.schema,    &kj_module_magic.schema,
    &kj_module_cuckoo.schema, &kj_module_androguard.schema, &kj_module_lnk.schema,
    &kj_module_clamav.schema,
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

static const kj_type letter_types[128] = {
    ['i'] = KJ_TYPE_INT,  ['f'] = KJ_TYPE_REAL,  ['s'] = KJ_TYPE_STRING,
    ['b'] = KJ_TYPE_BOOL, ['r'] = KJ_TYPE_REGEX,
};

bool kj_call_fits(const kj_field_call *call, const char *params)
{
    size_t count = params ? strlen(params) : 0;
    if (call->count != count)
        return false;
    for (size_t i = 0; i < count; i++) {
        kj_type wanted = letter_types[(unsigned char)params[i] & 127], type = call->args[i].type;
        bool is_number = wanted == KJ_TYPE_INT || wanted == KJ_TYPE_BOOL;
        if (type != wanted && !(is_number && (type == KJ_TYPE_INT || type == KJ_TYPE_BOOL)))
            return false;
    }
    return true;
}

const kj_field *kj_module_row(const kj_module *module, uint16_t field)
{
    for (size_t i = 0; i < module->schema.count; i++)
        if (module->schema.fields[i].id == field && !module->schema.fields[i].is_constant)
            return &module->schema.fields[i];
    return NULL;
}

void kj_module_tell_unseen(const kj_module_input *input, kj_status why, const char *sentence)
{
    if (input->env && input->env->unseen)
        input->env->unseen(input->env->user, why, sentence);
}

kj_span kj_module_report(const kj_module_input *input, const kj_module *module)
{
    for (size_t i = 0; input->env && i < input->env->data_count; i++)
        if (kj_span_is(input->env->data[i].module, module->schema.name))
            return input->env->data[i].bytes;
    return (kj_span){0};
}

/* What the schema says of an object that does not begin with its magic is true of any module. */
static bool may_know(const kj_module *module, const kj_object *object, uint16_t field)
{
    const kj_schema *schema = &module->schema;
    if (kj_span_starts(object->bytes, kj_span_of(schema->magic, schema->magic_len)))
        return true;
    const kj_field *row = kj_module_row(module, field);
    return row && row->everywhere;
}

/* Whether the question is to wait; then that is said. */
static bool is_postponed(const kj_module *module, const kj_field_call *call)
{
    const kj_field *row = call->postponed ? kj_module_row(module, (uint16_t)call->id) : NULL;
    if (!row || !row->costly)
        return false;
    *call->postponed = true;
    return true;
}

kj_value kj_module_get(const kj_module_input *input, const kj_field_call *call)
{
    for (size_t i = 0; i < KJ_COUNT(kj_modules); i++) {
        const kj_module *module = kj_modules[i];
        if (module->schema.id == call->id >> 16)
            return may_know(module, input->object, (uint16_t)call->id) &&
                           !is_postponed(module, call)
                       ? module->get(input, (uint16_t)call->id, call)
                       : kj_value_undefined();
    }
    return kj_value_undefined();
}
