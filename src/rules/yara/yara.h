/* SPDX-License-Identifier: Apache-2.0 */
/* The front end for YARA rules: text to IR. */
#pragma once

#include "ir/ir.h"

typedef struct kj_yara_options {
    const kj_schema *const *schemas; /* modules that may be imported */
    size_t schema_count;
    const char *space; /* namespace of the rules; NULL: "default" */
    uint32_t threat;   /* the advisory that holds them, or KJ_NONE */
    /* Refuses what YARA-X refuses as well: see its page "Differences with YARA". */
    bool strict;
    /* Warns of a `\` in a regular expression that does nothing, as `yara --strict-escape` does. */
    bool strict_escape;
    /* Warns of what looks like an oversight, beyond what yara warns of. */
    bool lint;
    /* One a schema: whether the namespace imports it already; what is compiled adds to it. NULL:
     * nothing is imported, and nobody asks. */
    bool *imported;
    /* Reads an included file into the IR (kj_ir_add_source); `from` includes it as `path`. NULL
     * forbids includes. */
    const kj_source *(*include)(void *user, kj_ir *ir, const kj_source *from, kj_span path,
                                kj_error *err);
    void *user;
} kj_yara_options;

/* Compiles the rules in source->text[offset, offset + len) and appends them, their patterns and,
 * for rules that no advisory holds (threat is KJ_NONE) and that are not private, one detection each
 * (named like the rule; class family, or what the rule's meta `kujo_class` says).
 *
 * Problems go to ir->diags, all of them; a rule with an error is left out and compilation goes on
 * with the next. Warnings are those of libyara 4.5.8 but for what slows its search. Identifiers
 * that are no variable, rule or module are looked up in ir->externals.
 *
 * Returns KJ_OK also when there are diagnostics; KJ_NO_MEMORY otherwise. */
KJ_MUST_CHECK kj_status kj_yara_compile(kj_ir *ir, const kj_source *source, size_t offset,
                                        size_t len, const kj_yara_options *options, kj_error *err);
