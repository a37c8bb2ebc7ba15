/* SPDX-License-Identifier: Apache-2.0 */
/* A file, and all questions to modules about it, with an account of the work that they pay for. */
#pragma once

#include "base/buf.h"
#include "modules/module.h"

typedef struct subject {
    kj_buf bytes;
    kj_arena arena;
    kj_object object;
    void *states[KJ_MODULES_MAX];
    /* What stands for regular expressions. */
    bool (*matches)(const kj_field_call *call, kj_value regex, kj_span text);
    uint64_t paid;
    uint64_t budget;
} subject;

/* `memory`: bytes that modules may have. */
static inline void open_subject(subject *s, size_t memory,
                                bool (*matches)(const kj_field_call *call, kj_value regex,
                                                kj_span text))
{
    *s = (subject){.budget = UINT64_MAX, .matches = matches};
    kj_buf_init(&s->bytes, 32 << 20);
    kj_arena_init(&s->arena, memory);
}

static inline void close_subject(subject *s)
{
    kj_buf_done(&s->bytes);
    kj_arena_done(&s->arena);
}

static inline bool pay_of_subject(const kj_field_call *call, uint64_t bytes)
{
    subject *s = call->engine;
    s->paid += bytes + 1;
    return s->paid <= s->budget;
}

static inline kj_value ask_module(subject *s, const kj_module *module, uint16_t field,
                                  const kj_value *args, size_t count)
{
    s->object.bytes = kj_buf_span(&s->bytes);
    const kj_module_input input = {.object = &s->object, .arena = &s->arena, .states = s->states};
    const kj_field_call call = {.id = (uint32_t)module->schema.id << 16 | field,
                                .args = args,
                                .count = count,
                                .matches = s->matches,
                                .pay = pay_of_subject,
                                .engine = s};
    return kj_module_get(&input, &call);
}
