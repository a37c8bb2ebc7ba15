/* SPDX-License-Identifier: Apache-2.0 */
/* A few bytes that choose arguments, a line that is a text among them, and an object: what the
 * module clamav says of it. */
#include "tests/fuzz/fields.h"

#include "base/arith.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { ARGS_MAX = 12, CHOICES = 6, TEXT_MAX = 256, WORK = 8 << 20 };

typedef struct chosen {
    uint8_t choices[CHOICES];
    kj_span text;
    kj_span object;
} chosen;

static chosen choose(const uint8_t *data, size_t len)
{
    chosen c = {0};
    kj_reader r = kj_reader_of(kj_span_of(data, len));
    for (size_t i = 0; i < CHOICES; i++)
        c.choices[i] = kj_read_u8(&r);
    kj_span rest = kj_span_sub(r.in, r.pos, SIZE_MAX);
    const uint8_t *end = rest.len ? memchr(rest.data, '\n', kj_min_size(rest.len, TEXT_MAX)) : NULL;
    size_t text_len = end ? (size_t)(end - rest.data) : 0;
    c.text = kj_span_sub(rest, 0, text_len);
    c.object = kj_span_sub(rest, end ? text_len + 1 : 0, SIZE_MAX);
    return c;
}

/* Small numbers, and some beyond all ends. */
static int64_t number(uint8_t choice)
{
    static const int64_t wild[] = {-1, INT64_MAX, INT64_MIN, 1 << 20, 0x1FF, 0x8000, 65535, 0};
    return choice < 240 ? choice : wild[choice & 7];
}

static void ask(const kj_module_input *input, const kj_field *row, const chosen *c)
{
    kj_value args[ARGS_MAX];
    size_t count = 0;
    for (const char *letter = row->params; *letter; letter++) {
        args[count] = *letter == 's' ? kj_value_text(c->text)
                                     : kj_value_int(number(c->choices[count % CHOICES]));
        count++;
    }
    const kj_field_call call = {.id = (uint32_t)kj_module_clamav.schema.id << 16 | row->id,
                                .args = args,
                                .count = count,
                                .pay = fuzz_fields_pay};
    kj_value value = kj_module_get(input, &call);
    if (value.type != KJ_TYPE_UNDEFINED && value.type != row->type)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const chosen c = choose(data, len);
    kj_member members[] = {
        {.name = c.text, .size = c.object.len, .position = 1},
        {.name = kj_span_sub(c.object, 0, 64), .names = &c.text, .name_count = 1}};
    kj_object object = {.bytes = c.object, .members = members, .member_count = 2};
    object.view = c.choices[CHOICES - 1] & 64 ? c.choices[CHOICES - 1] & 3 : 0;
    kj_identify(object.bytes, &object.claims);
    void *states[KJ_MODULES_MAX] = {0};
    kj_arena arena;
    kj_arena_init(&arena, FUZZ_FIELDS_ARENA);
    fuzz_fields_work = WORK;
    const kj_module_input input = {.object = &object, .arena = &arena, .states = states};
    for (size_t i = 0; i < kj_module_clamav.schema.count; i++)
        if (kj_module_clamav.schema.fields[i].params)
            ask(&input, &kj_module_clamav.schema.fields[i], &c);
    kj_arena_done(&arena);
    fuzz_fields_of(&kj_module_clamav, c.object.data, c.object.len);
    return 0;
}
