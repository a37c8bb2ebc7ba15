/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a name: what is accepted is printed, and the printed form is its own. */
#include "ir/name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    kj_arena arena;
    kj_name name;
    kj_span text = kj_span_of(data, size);
    kj_arena_init(&arena, 1 << 16);
    kj_status status = kj_name_parse(&arena, text, &name, NULL);
    unsigned rank = kj_name_rank(text);
    if ((status == KJ_OK) != (rank > 0))
        __builtin_trap();
    if (status == KJ_OK) {
        char *printed = kj_name_print(&arena, &name);
        char *again = kj_name_parse(&arena, kj_span_str(printed), &name, NULL) == KJ_OK
                          ? kj_name_print(&arena, &name)
                          : NULL;
        if (!again || strcmp(printed, again) != 0 || strlen(printed) != size)
            __builtin_trap();
    }
    kj_arena_done(&arena);
    return 0;
}
