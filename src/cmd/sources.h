/* SPDX-License-Identifier: Apache-2.0 */
/* Source files and folders to IR: advisories, notes, YARA rules. */
#pragma once

#include "cmd/options.h"
#include "ir/ir.h"
#include "rules/yara/yara.h"

typedef enum kj_source_kind {
    KJ_SOURCE_BY_NAME, /* by the file name's extension */
    KJ_SOURCE_YARA,
    KJ_SOURCE_ADVISORY,
} kj_source_kind;

enum {
    KJ_SOURCE_MAX = 64 << 20,      /* bytes of one source */
    KJ_SOURCES_BUDGET = INT32_MAX, /* bytes that compiling may use */
};

/* "yara", "advisory"; false for another word. */
bool kj_source_kind_parse(const char *word, kj_source_kind *out);

/* Declares the variables that every scan knows (filename, filepath, extension, filetype, owner) and
 * then `defines`, NAME=VALUE each: a number, true, false, else a text. False, with a message on
 * stderr, for one that is malformed. */
bool kj_sources_define(kj_ir *ir, const kj_option_list *defines);

/* kj_yara_options.include: a file is looked up beside the one that includes it. */
const kj_source *kj_sources_include(void *user, kj_ir *ir, const kj_source *from, kj_span path,
                                    kj_error *err);

/* Compiles a file, or everything in a folder (by name order, files of other kinds passed over), and
 * appends it. Problems in a source go to ir->diags; KJ_IO and such for what cannot be read. */
KJ_MUST_CHECK kj_status kj_sources_add(kj_ir *ir, const char *path, kj_source_kind kind,
                                       kj_error *err);

/* Compiles YARA rules: a file, however it is called, or those in a folder. Of `how` count lint,
 * strict and strict_escape. */
KJ_MUST_CHECK kj_status kj_sources_add_rules(kj_ir *ir, const char *path,
                                             const kj_yara_options *how, kj_error *err);

/* Prints the diagnostics on stderr, in the order of their sources, and a line that counts them.
 * Evaluates to whether there was no error. */
bool kj_sources_print(const kj_ir *ir, bool color);
