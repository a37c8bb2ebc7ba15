/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a field's value: its boundaries, names and types, and what their names say. What is
 * true of them for any input: values differ and stay within their bounds. */
#include "formats/member_name.h"
#include "formats/mime.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check(const kj_mime_values *values)
{
    if (values->count > KJ_MIME_VALUES_MAX)
        abort();
    for (size_t i = 0; i < values->count; i++)
        for (size_t j = 0; j < i; j++)
            if (kj_span_equal(values->items[i], values->items[j]))
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    kj_span raw = kj_span_of(data, len);
    kj_arena arena;
    kj_arena_init(&arena, 4 << 20);
    kj_mime_values boundaries = {0};
    kj_mime_values names = {0};
    kj_mime_values types = {0};
    if (!kj_mime_boundaries(&arena, raw, &boundaries) || !kj_mime_types(&arena, raw, &types) ||
        !kj_mime_names(&arena, raw, "filename", &names) ||
        !kj_mime_names(&arena, raw, "name", &names))
        abort();
    check(&boundaries);
    check(&types);
    check(&names);
    unsigned facts = 0;
    for (size_t i = 0; i < names.count; i++) {
        facts |= kj_name_facts(names.items[i]);
        facts |= kj_name_contradicts(names.items[i], kj_format_find("pe"));
    }
    facts |= kj_name_facts(raw);
    kj_buf text;
    kj_buf_init(&text, 1 << 20);
    kj_charset_to_utf8(kj_span_sub(raw, 0, 8), kj_span_sub(raw, 8, SIZE_MAX), &text);
    kj_buf_done(&text);
    kj_arena_done(&arena);
    return facts > 1u << 16; /* never */
}
