/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a task of the scheduler since Vista: what is read is bounded and well-formed. */
#include "base/text.h"
#include "host/task_xml.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { ARENA_MAX = 16 << 20 };

static void expect(bool holds)
{
    if (!holds)
        abort();
}

static void check(const kj_task *task)
{
    expect(task->action_count <= KJ_TASK_ACTIONS_MAX && kj_utf8_valid(task->user_id));
    for (size_t i = 0; i < task->action_count; i++) {
        const kj_task_action *a = &task->actions[i];
        expect(kj_utf8_valid(a->command) && kj_utf8_valid(a->arguments));
        expect(kj_utf8_valid(a->directory) && kj_utf8_valid(a->class_id));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    kj_task found;
    kj_arena arena;
    kj_arena_init(&arena, ARENA_MAX);
    if (kj_task_read_xml(kj_span_of(data, len), &arena, &found, NULL) == KJ_OK)
        check(&found);
    kj_arena_done(&arena);
    return 0;
}
