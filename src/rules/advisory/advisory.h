/* SPDX-License-Identifier: Apache-2.0 */
/* The front end for advisories and notes: YAML to IR. The format is docs/formats/advisory.md. */
#pragma once

#include "ir/ir.h"

typedef struct kj_advisory_options {
    const kj_schema *const *schemas; /* for the rules inside advisories */
    size_t schema_count;
    const char *const *types; /* names that `kind` may have: the formats that are identified */
    size_t type_count;
    uint32_t engine; /* this engine's number, the default of definitions.engine */
} kj_advisory_options;

/* Compiles one advisory (a document with `schema: kujo/advisory/1`) or note (`schema:
 * kujo/note/1`) and appends what it holds to the IR. All problems go to ir->diags; an advisory with
 * an error appends nothing.
 *
 * Returns KJ_OK also when there are diagnostics; KJ_NO_MEMORY, or KJ_UNSUPPORTED when the YAML
 * library is missing. */
KJ_MUST_CHECK kj_status kj_advisory_compile(kj_ir *ir, const kj_source *source,
                                            const kj_advisory_options *options, kj_error *err);

/* Checks what only shows when all sources are there: ids and names that occur twice, notes that do
 * not exist, aliases that two threats claim. Problems go to ir->diags. */
KJ_MUST_CHECK kj_status kj_advisory_check_all(kj_ir *ir, kj_error *err);
