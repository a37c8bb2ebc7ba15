/* SPDX-License-Identifier: Apache-2.0 */
/* The time. Semantics: libyara 4.5's module `time`. */
#include "base/arith.h"
#include "modules/module.h"

#include <time.h>

/* Numbers are part of the definitions format: never reuse one. */
enum field { NOW = 1 };

static const kj_field fields[] = {
    {NOW, KJ_TYPE_INT, "now()", ""},
};

static kj_value get(const kj_module_input *input, uint16_t field, const kj_field_call *call)
{
    (void)call;
    if (field != NOW)
        return kj_value_undefined();
    bool is_given = input->env && input->env->now != 0;
    return kj_value_int(is_given ? input->env->now : (int64_t)time(NULL));
}

const kj_module kj_module_time = {
    .schema = {.name = "time", .id = 11, .fields = fields, .count = KJ_COUNT(fields)},
    .get = get,
};
