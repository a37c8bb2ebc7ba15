/* SPDX-License-Identifier: Apache-2.0 */
/* A task of the scheduler since Windows Vista: XML in System32\Tasks, over libexpat. */
#pragma once

#include "base/arena.h"
#include "base/span.h"
#include "base/status.h"

enum { KJ_TASK_ACTIONS_MAX = 32 };

/* A program, or a class. Texts are UTF-8, the arena's; what is not there is empty. */
typedef struct kj_task_action {
    kj_span command;
    kj_span arguments;
    kj_span directory;
    kj_span class_id; /* "{...}" */
} kj_task_action;

typedef struct kj_task {
    kj_task_action actions[KJ_TASK_ACTIONS_MAX];
    size_t action_count;
    bool is_disabled;
    kj_span user_id; /* of the first principal: a SID, a name */
} kj_task;

/* KJ_MALFORMED: no XML, or no task; KJ_LIMIT: nested too deep, too many actions, too long texts;
 * KJ_UNSUPPORTED: a document type (tasks have none), or no libexpat; KJ_NO_MEMORY. */
KJ_MUST_CHECK kj_status kj_task_read_xml(kj_span bytes, kj_arena *arena, kj_task *out,
                                         kj_error *err);
