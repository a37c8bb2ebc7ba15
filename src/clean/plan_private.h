/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/vec.h"
#include "clean/plan.h"

typedef struct kj_planner {
    const kj_inspection *inspections;
    size_t count;
    const kj_plan_options *options;
    kj_arena *arena;
    KJ_VEC(kj_action) actions;
    KJ_VEC(kj_step) steps;
    bool starved;
} kj_planner;

/* Turns planned actions into steps; those that cannot be done become REFUSED. */
kj_status kj_plan_compile(kj_planner *planner, kj_error *err);
