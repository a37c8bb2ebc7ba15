/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the document of a host run (docs/json-host.md). */
#pragma once

#include "clean/plan.h"

#include <jansson.h>

typedef struct kj_host_run {
    const char *command; /* "host", "clean", "apply" */
    const char *root;
    const kj_tree *tree;
    int64_t when; /* seconds since 1970 */
    const char *engine;
    const char *const *definition_names; /* one a set */
    const kj_inspection *inspections;
    size_t count;
    bool autostarts;     /* list what starts by itself */
    bool all;            /* what Windows has there by itself, too */
    const kj_plan *plan; /* NULL: none was made */
    /* Of a plan that was carried out; NULL. */
    const kj_step_result *results; /* one a step */
    const char *const *sentences;  /* one a step; NULL: nothing to say */
    const kj_run_summary *summary;
    const char *state_path;
    const char *state_option; /* --state, NULL: not given */
    const kj_inspection *after;
    size_t after_count;
    int exit;
} kj_host_run;

/* NULL without memory. */
json_t *kj_host_document(const kj_host_run *run);

/* One action of a plan as it stands in a document, for the journal and the quarantine. NULL without
 * memory. */
json_t *kj_host_action(const kj_inspection *inspections, const kj_plan *plan, size_t index);
