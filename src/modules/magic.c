/* SPDX-License-Identifier: Apache-2.0 */
/* What libmagic, the library of file(1), says about the object. Semantics: libyara 4.5's module
 * `magic`. The library is opened anew for each object that is asked about: after the first time,
 * when its data are in memory, that takes less than the question. */
#include "base/arith.h"
#include "base/lazy.h"
#include "modules/module.h"

#include <magic.h>

#define FUNCTIONS(X)                                                                               \
    X(magic_buffer)                                                                                \
    X(magic_close)                                                                                 \
    X(magic_load)                                                                                  \
    X(magic_open)                                                                                  \
    X(magic_setflags)

static struct {
    FUNCTIONS(KJ_LAZY_FIELD)
} lib;
static const kj_lazy_symbol symbols[] = {FUNCTIONS(KJ_LAZY_SYMBOL)};
static kj_lazy library = KJ_LAZY("libmagic.so.1", symbols);

/* Numbers are part of the definitions format: never reuse one. */
enum field {
    TYPE = 1,
    MIME_TYPE = 2,
};

static const kj_field fields[] = {
    {TYPE, KJ_TYPE_STRING, "type()", ""},
    {MIME_TYPE, KJ_TYPE_STRING, "mime_type()", ""},
};

enum {
    BYTES_MAX = 8 << 20, /* it looks at no more */
    WORK_A_BYTE = 16,
};

typedef struct state {
    bool asked;
    kj_value type;
    kj_value mime_type;
} state;

static kj_value describe(magic_t magic, int flags, const kj_module_input *input)
{
    kj_span bytes = input->object->bytes;
    (void)lib.magic_setflags(magic, flags);
    const char *text = lib.magic_buffer(magic, bytes.data, bytes.len);
    char *copy = text ? kj_arena_strdup(input->arena, text) : NULL;
    return copy ? kj_value_text(kj_span_str(copy)) : kj_value_undefined();
}

static void ask(const kj_module_input *input, state *s)
{
    magic_t magic = kj_lazy_load(&library, NULL) == KJ_OK ? lib.magic_open(MAGIC_NONE) : NULL;
    if (magic && lib.magic_load(magic, NULL) == 0) {
        s->type = describe(magic, MAGIC_NONE, input);
        s->mime_type = describe(magic, MAGIC_MIME_TYPE, input);
    } else {
        kj_module_tell_unseen(
            input, KJ_UNSUPPORTED,
            KJ_SENTENCE("libmagic cannot be used, so the module magic does not answer"));
    }
    if (magic)
        lib.magic_close(magic);
}

static kj_value get(const kj_module_input *input, uint16_t field, const kj_field_call *call)
{
    state *s = kj_module_state(input, &kj_module_magic, sizeof *s);
    size_t len = input->object->bytes.len;
    if (!s || len == 0 || !kj_module_row(&kj_module_magic, field))
        return kj_value_undefined();
    if (!s->asked && call->pay(call, kj_min_size(len, BYTES_MAX) * WORK_A_BYTE))
        ask(input, s);
    s->asked = true;
    return field == TYPE ? s->type : s->mime_type;
}

const kj_module kj_module_magic = {
    .schema = {.name = "magic", .id = 13, .fields = fields, .count = KJ_COUNT(fields)},
    .get = get,
};
