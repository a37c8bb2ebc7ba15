/* SPDX-License-Identifier: Apache-2.0 */
/* For the fuzz targets of modules: asks for every field of an object, with indices in each array
 * and behind its end, within a small budget of work and memory. */
#pragma once

#include "modules/module.h"

#include <stdlib.h>

enum {
    FUZZ_FIELDS_WORK = 1 << 20,
    FUZZ_FIELDS_ARENA = 64 << 20,
    FUZZ_FIELDS_ITEMS = 12, /* of an array are looked at */
    FUZZ_FIELDS_DEPTH = 4,
};

typedef struct fuzz_fields {
    const kj_module *module;
    kj_module_input input;
    kj_value args[FUZZ_FIELDS_DEPTH];
    unsigned sum; /* of all bytes seen, so that looking is not optimized away */
} fuzz_fields;

static uint64_t fuzz_fields_work;

static inline bool fuzz_fields_pay(const kj_field_call *call, uint64_t bytes)
{
    (void)call;
    bool enough = bytes <= fuzz_fields_work;
    fuzz_fields_work -= enough ? bytes : fuzz_fields_work;
    return enough;
}

static inline kj_value fuzz_fields_ask(fuzz_fields *f, const kj_field *row, size_t arg_count)
{
    const kj_field_call call = {.id = (uint32_t)f->module->schema.id << 16 | row->id,
                                .args = f->args,
                                .count = arg_count,
                                .pay = fuzz_fields_pay};
    kj_value value = f->module->get(&f->input, row->id, &call);
    if (value.type != KJ_TYPE_UNDEFINED && value.type != row->type &&
        !((row->type == KJ_TYPE_ARRAY || row->type == KJ_TYPE_DICT) && value.type == KJ_TYPE_INT))
        abort();
    for (size_t i = 0; value.type == KJ_TYPE_STRING && i < value.text.len; i++)
        f->sum += value.text.data[i];
    return value;
}

/* The number of elements in the array whose path is the first `len` bytes of `path`. */
static inline int64_t fuzz_fields_count(fuzz_fields *f, const char *path, size_t len,
                                        size_t arg_count)
{
    for (size_t i = 0; i < f->module->schema.count; i++) {
        const kj_field *row = &f->module->schema.fields[i];
        if (row->type == KJ_TYPE_ARRAY && strlen(row->path) == len &&
            memcmp(row->path, path, len) == 0)
            return fuzz_fields_ask(f, row, arg_count).integer;
    }
    abort();
}

static void fuzz_fields_walk(fuzz_fields *f, const kj_field *row, const char *rest,
                             size_t arg_count)
{
    const char *bracket = strstr(rest, "[]");
    if (!bracket) {
        (void)fuzz_fields_ask(f, row, arg_count);
        return;
    }
    size_t len = (size_t)(bracket + 2 - row->path);
    int64_t count = fuzz_fields_count(f, row->path, len, arg_count);
    if (count < 0)
        abort();
    int64_t step = count / FUZZ_FIELDS_ITEMS + 1;
    for (int64_t i = -1; i <= count; i += i < 0 ? 1 : step) {
        f->args[arg_count] = kj_value_int(i);
        fuzz_fields_walk(f, row, bracket + 2, arg_count + 1);
    }
    f->args[arg_count] = kj_value_int(count);
    fuzz_fields_walk(f, row, bracket + 2, arg_count + 1);
}

static inline void fuzz_fields_within(const kj_module *module, kj_span bytes, uint64_t work,
                                      size_t memory)
{
    kj_arena arena;
    void *states[KJ_MODULES_MAX] = {0};
    kj_object object = {.bytes = bytes};
    fuzz_fields f = {.module = module,
                     .input = {.object = &object, .arena = &arena, .states = states}};
    kj_arena_init(&arena, memory);
    fuzz_fields_work = work;
    for (size_t i = 0; i < module->schema.count; i++) {
        const kj_field *row = &module->schema.fields[i];
        if (!row->is_constant && row->type != KJ_TYPE_ARRAY)
            fuzz_fields_walk(&f, row, row->path, 0);
    }
    kj_arena_done(&arena);
}

static inline void fuzz_fields_of(const kj_module *module, const uint8_t *data, size_t len)
{
    kj_span bytes = kj_span_of(data, len);
    fuzz_fields_within(module, bytes, FUZZ_FIELDS_WORK, FUZZ_FIELDS_ARENA);
    for (size_t part = 1; part <= 4; part++) {
        fuzz_fields_within(module, bytes, part * len, FUZZ_FIELDS_ARENA);
        fuzz_fields_within(module, bytes, FUZZ_FIELDS_WORK, part * (len + 4096));
    }
}
