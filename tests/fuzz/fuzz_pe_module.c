/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a Windows program: what the module pe says of it, and what its functions answer. */
#include "tests/fuzz/fields.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { ARGS_MAX = 5 };

static unsigned looked_at; /* the sum of all bytes, so that looking is not optimized away */

static bool matches(const kj_field_call *call, kj_value regex, kj_span text)
{
    (void)call;
    (void)regex;
    for (size_t i = 0; i < text.len; i++)
        looked_at += text.data[i];
    return text.len % 2;
}

static kj_value argument(char letter)
{
    switch (letter) {
    case 's':
        return kj_value_text(kj_span_str("kernel32.dll"));
    case 'r':
        return (kj_value){.type = KJ_TYPE_REGEX};
    default:
        return kj_value_int(3);
    }
}

/* A function, or an entry of the dictionary: of the first elements of arrays around it. */
static void ask(const kj_module_input *input, const kj_field *row)
{
    kj_value args[ARGS_MAX];
    size_t count = 0;
    for (const char *bracket = row->path; (bracket = strpbrk(bracket, "[{")) != NULL; bracket++)
        args[count++] = kj_value_int(0);
    for (const char *letter = row->params; letter && *letter; letter++)
        args[count++] = argument(*letter);
    const kj_field_call call = {.id = (uint32_t)kj_module_pe.schema.id << 16 | row->id,
                                .args = args,
                                .count = count,
                                .matches = matches,
                                .pay = fuzz_fields_pay};
    kj_value value = kj_module_get(input, &call);
    if (value.type != KJ_TYPE_UNDEFINED && value.type != row->type)
        abort();
    for (size_t i = 0; value.type == KJ_TYPE_STRING && i < value.text.len; i++)
        looked_at += value.text.data[i];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const kj_object object = {.bytes = kj_span_of(data, len)};
    void *states[KJ_MODULES_MAX] = {0};
    kj_arena arena;
    kj_arena_init(&arena, FUZZ_FIELDS_ARENA);
    fuzz_fields_work = FUZZ_FIELDS_WORK;
    const kj_module_input input = {.object = &object, .arena = &arena, .states = states};
    for (size_t i = 0; i < kj_module_pe.schema.count; i++) {
        const kj_field *row = &kj_module_pe.schema.fields[i];
        if (row->params || (strchr(row->path, '{') && row->type != KJ_TYPE_DICT))
            ask(&input, row);
    }
    kj_arena_done(&arena);
    fuzz_fields_of(&kj_module_pe, data, len);
    return 0;
}
