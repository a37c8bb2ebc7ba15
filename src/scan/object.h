/* SPDX-License-Identifier: Apache-2.0 */
/* What conditions ask about an object, and the answers. */
#pragma once

#include "match/match.h"
#include "modules/module.h"

/* An object as the matcher wants it. It points to itself: it stays where it is. */
typedef struct kj_asked {
    kj_match_input input;
    kj_module_input module;
    void *states[KJ_MODULES_MAX];
} kj_asked;

/* Prepares `asked` for one object, whose claims are known. What modules compute goes to the arena;
 * all four outlive the matching; `env` may be NULL. KJ_NO_MEMORY. */
KJ_MUST_CHECK kj_status kj_asked_init(kj_asked *asked, const kj_object *object, kj_arena *arena,
                                      const kj_module_env *env, kj_error *err);

/* KJ_RULE_VIEW_...: of the rules that look at a kj_view; 0: all look at it. */
uint32_t kj_rules_of_view(unsigned view);

/* A variable that every scan knows, of the object at hand; undefined for another name. */
kj_value kj_asked_external(const kj_asked *asked, kj_span name);
