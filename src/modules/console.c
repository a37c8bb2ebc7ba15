/* SPDX-License-Identifier: Apache-2.0 */
/* Lines that rules have printed while their conditions run: for those who write rules. Semantics:
 * libyara 4.5's module `console`; every function is 1. */
#include "base/arith.h"
#include "base/buf.h"
#include "modules/module.h"

/* Numbers are part of the definitions format: never reuse one. */
enum field {
    LOG_TEXT = 1,
    LOG_INT = 2,
    LOG_REAL = 3,
    HEX = 4,
    WITH_MESSAGE = 16, /* added to the number: behind a message */
};

static const kj_field fields[] = {
    {LOG_TEXT, KJ_TYPE_INT, "log()", "s"}, {WITH_MESSAGE + LOG_TEXT, KJ_TYPE_INT, "log()", "ss"},
    {LOG_INT, KJ_TYPE_INT, "log()", "i"},  {WITH_MESSAGE + LOG_INT, KJ_TYPE_INT, "log()", "si"},
    {LOG_REAL, KJ_TYPE_INT, "log()", "f"}, {WITH_MESSAGE + LOG_REAL, KJ_TYPE_INT, "log()", "sf"},
    {HEX, KJ_TYPE_INT, "hex()", "i"},      {WITH_MESSAGE + HEX, KJ_TYPE_INT, "hex()", "si"},
};

enum {
    LINE_MAX_LEN = 64 << 10, /* bytes; a longer line is cut */
    LINE_COST = 4 << 10,     /* what it costs, in bytes of work */
};

static void put_escaped(kj_buf *out, kj_span text)
{
    for (size_t i = 0; i < text.len && !out->failed; i++) {
        if (text.data[i] >= 0x20 && text.data[i] < 0x7F)
            kj_buf_put_byte(out, text.data[i]);
        else
            kj_buf_printf(out, "\\x%02x", text.data[i]);
    }
}

static void put_value(kj_buf *out, unsigned what, const kj_value *value)
{
    if (what == LOG_TEXT)
        put_escaped(out, value->text);
    else if (what == LOG_INT)
        kj_buf_printf(out, "%lld", (long long)value->integer);
    else if (what == LOG_REAL)
        kj_buf_printf(out, "%f", value->real);
    else
        kj_buf_printf(out, "0x%llx", (unsigned long long)value->integer);
}

/* A message is the rule's own: it goes out as it is, up to its first NUL. */
static void print(const kj_module_env *env, uint16_t field, const kj_value *args)
{
    kj_buf line;
    kj_buf_init(&line, LINE_MAX_LEN);
    if (field >= WITH_MESSAGE) {
        kj_span message = args++->text;
        kj_buf_put(&line, kj_span_sub(message, 0, kj_span_find(message, kj_span_of("", 1), 0)));
    }
    put_value(&line, field % WITH_MESSAGE, args);
    env->console(env->user, kj_buf_span(&line));
    kj_buf_done(&line);
}

static kj_value get(const kj_module_input *input, uint16_t field, const kj_field_call *call)
{
    const kj_field *row = kj_module_row(&kj_module_console, field);
    if (!row || !kj_call_fits(call, row->params) || !call->pay(call, LINE_COST))
        return kj_value_undefined();
    if (input->env && input->env->console)
        print(input->env, field, call->args);
    return kj_value_int(1);
}

const kj_module kj_module_console = {
    .schema = {.name = "console",
               .id = 12,
               .fields = fields,
               .count = KJ_COUNT(fields),
               .has_effects = true},
    .get = get,
};
