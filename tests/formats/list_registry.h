/* SPDX-License-Identifier: Apache-2.0 */
/* What a registry holds as a text: a line with the path for each key, one for each of its values,
 * and one where something was skipped. Long data is told by length, first and last byte. */
#pragma once

#include "base/text.h"
#include "formats/registry.h"

static inline void list_value(const kj_reg_value *value, kj_buf *log)
{
    enum { SHOWN_MAX = 64 };
    char type[16];
    kj_reg_name_text(value->name, log);
    kj_buf_printf(log, " %s ", kj_reg_type_name(value->type, type));
    if (value->data.len > SHOWN_MAX)
        kj_buf_printf(log, "%zu bytes %02x %02x", value->data.len, value->data.data[0],
                      value->data.data[value->data.len - 1]);
    else
        kj_escape(value->data, NULL, log);
    kj_buf_put_text(log, value->broken ? " broken\n" : "\n");
}

static inline void list_key(const kj_registry *reg, kj_reg_key key, kj_arena *arena, kj_buf *log)
{
    kj_reg_iter it = {0}, below = {0};
    kj_reg_value value;
    kj_reg_key_info info;
    kj_buf_put_text(log, "\\");
    kj_registry_path(reg, key, log);
    kj_buf_put_text(log, "\n");
    while (kj_registry_next_value(reg, key, &it, arena, &value))
        list_value(&value, log);
    while (kj_registry_next_subkey(reg, key, &below, &info))
        list_key(reg, info.key, arena, log);
    if (it.skipped || below.skipped)
        kj_buf_printf(log, "skipped %u values, %u keys\n", it.skipped, below.skipped);
}
