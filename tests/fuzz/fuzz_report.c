/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the report of a sandbox: every question to the modules that answer from one. */
#include "base/arith.h"
#include "modules/module.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ARENA = 16 << 20 };

static bool pay(const kj_field_call *call, uint64_t bytes)
{
    (void)call;
    (void)bytes;
    return true;
}

/* Looks at every byte of the text. */
static bool matches(const kj_field_call *call, kj_value regex, kj_span text)
{
    (void)call;
    unsigned sum = (unsigned)regex.integer;
    for (size_t i = 0; i < text.len; i++)
        sum += text.data[i];
    return sum == 0;
}

static kj_value argument(char letter)
{
    if (letter == 'r')
        return (kj_value){.type = KJ_TYPE_REGEX};
    return letter == 's' ? kj_value_text(kj_span_str("org.example")) : kj_value_int(80);
}

static void ask(const kj_module_input *input, const kj_schema *schema, const kj_field *row)
{
    kj_value args[4];
    size_t count = 0;
    for (const char *letter = row->params; letter && *letter; letter++)
        args[count++] = argument(*letter);
    const kj_field_call call = {.id = (uint32_t)schema->id << 16 | row->id,
                                .args = args,
                                .count = count,
                                .matches = matches,
                                .pay = pay};
    kj_value value = kj_module_get(input, &call);
    if (value.type != KJ_TYPE_UNDEFINED && value.type != KJ_TYPE_INT)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const kj_module *const modules[] = {&kj_module_cuckoo, &kj_module_androguard};
    const kj_object object = {.bytes = kj_span_str("x")};
    kj_arena arena;
    kj_arena_init(&arena, ARENA);
    for (size_t m = 0; m < KJ_COUNT(modules); m++) {
        const kj_schema *schema = &modules[m]->schema;
        const kj_module_data report = {kj_span_str(schema->name), kj_span_of(data, size)};
        const kj_module_env env = {.data = &report, .data_count = 1};
        void *states[KJ_MODULES_MAX] = {0};
        const kj_module_input input = {
            .object = &object, .arena = &arena, .env = &env, .states = states};
        for (size_t i = 0; i < schema->count; i++)
            ask(&input, schema, &schema->fields[i]);
    }
    kj_arena_done(&arena);
    return 0;
}
