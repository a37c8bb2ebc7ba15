/* SPDX-License-Identifier: Apache-2.0 */
/* Source files and folders to IR: advisories, notes, YARA rules, ClamAV's signatures, lists of
 * trusted digests. */
#pragma once

#include "cmd/options.h"
#include "cmd/source_files.h"
#include "ir/ir.h"
#include "report/progress.h"
#include "rules/clamav/clamav.h"
#include "rules/clamav/cvd.h"
#include "rules/yara/yara.h"

#include <stdio.h>

enum { KJ_SOURCE_MAX = 64 << 20 }; /* bytes of one source that is read whole */

/* Bytes that compiling may use for all but digests, which have their own. */
#define KJ_SOURCES_BUDGET ((size_t)6 << 30)

/* Declares the variables that every scan knows (filename, filepath, extension, filetype, owner) and
 * then `defines`, NAME=VALUE each: a number, true, false, else a text. False, with a message on
 * stderr, for one that is malformed. */
bool kj_sources_define(kj_ir *ir, const kj_option_list *defines);

/* kj_yara_options.include: a file is looked up beside the one that includes it. */
const kj_source *kj_sources_include(void *user, kj_ir *ir, const kj_source *from, kj_span path,
                                    kj_error *err);

typedef struct kj_sources_options {
    kj_source_kind kind;    /* of all operands */
    const char *kind_word;  /* KJ_SOURCE_CLAMAV: as the user wrote it, "ndb" */
    kj_option_list defines; /* NAME=VALUE */
    kj_option_list trusted; /* files with digests of good files */
    bool strict;            /* a malformed line of signatures is an error */
    bool pua;               /* takes .ndu, .ldu and so on, too */
    bool unofficial;        /* names of ClamAV's signatures end with .UNOFFICIAL */
    const char *cvd_key;    /* file; NULL: containers' signatures are not verified */
    bool require_signature; /* refuses containers that are not verified */
    bool quiet;             /* says nothing but what is wrong */
    bool color;             /* of messages */
    kj_progress *progress;  /* NULL: nobody watches */
} kj_sources_options;

void kj_sources_options_done(kj_sources_options *options);

/* Rows of a command's table for a kj_sources_options at `field` of its struct `type`: about
 * ClamAV's signatures, and what only building asks for. */
#define KJ_SOURCES_ROW_(name, letter, kind, type, field, what, help)                               \
    {                                                                                              \
        name, letter, KJ_OPTION_##kind, offsetof(type, field), what, help                          \
    }
#define KJ_SOURCES_OPTIONS(type, field)                                                            \
    KJ_SOURCES_ROW_(                                                                               \
        "strict", 0, FLAG, type, field.strict, NULL,                                               \
        N_("refuse ClamAV signatures of which a line is malformed, instead of passing over it")),  \
        KJ_SOURCES_ROW_("pua", 0, FLAG, type, field.pua, NULL,                                     \
                        N_("take signatures of unwanted programs (.ndu, .ldu, .hdu ...), too")),   \
        KJ_SOURCES_ROW_("unofficial", 0, FLAG, type, field.unofficial, NULL,                       \
                        N_("end names of ClamAV signatures with .UNOFFICIAL, as clamscan does")),  \
        KJ_SOURCES_ROW_("cvd-key", 0, TEXT, type, field.cvd_key, N_("FILE"),                       \
                        N_("the key that .cvd files must be signed with")),                        \
        KJ_SOURCES_ROW_("require-signature", 0, FLAG, type, field.require_signature, NULL,         \
                        N_("refuse .cvd and .cld files whose signature is not verified"))
#define KJ_SOURCES_BUILD_OPTIONS(type, field)                                                      \
    KJ_SOURCES_ROW_("define", 'd', LIST, type, field.defines, N_("NAME=VALUE"),                    \
                    N_("define a variable that rules use")),                                       \
        KJ_SOURCES_ROW_("trusted", 0, LIST, type, field.trusted, N_("FILE"),                       \
                        N_("files with a digest in FILE are good: .fp, .sfp, a list of "           \
                           "sha256sum, hashdeep or NSRL"))

/* What was read. */
typedef struct kj_sources_counts {
    uint64_t files;
    kj_clamav_counts clamav;
    uint64_t trusted; /* digests of lists */
} kj_sources_counts;

/* Compiles files, and everything in folders, and appends it to the IR; checks advisories against
 * each other. All that is wrong is said on stderr; false when there was an error. `out_counts` may
 * be NULL. */
bool kj_sources_compile(kj_ir *ir, const kj_sources_options *options, const char *const *paths,
                        size_t path_count, kj_sources_counts *out_counts);

/* Compiles one YARA or advisory source; `how` as below, or NULL. Problems in it go to ir->diags. */
KJ_MUST_CHECK kj_status kj_sources_add_text(kj_ir *ir, const char *name, kj_span text,
                                            kj_source_kind kind, const kj_yara_options *how,
                                            kj_error *err);
KJ_MUST_CHECK kj_status kj_sources_add_file(kj_ir *ir, const char *path, kj_source_kind kind,
                                            const kj_yara_options *how, kj_error *err);

/* Compiles YARA rules: a file, however it is called, or those in a folder. Of `how` count lint,
 * strict and strict_escape. Problems in a source go to ir->diags; KJ_IO and such for what cannot be
 * read. */
KJ_MUST_CHECK kj_status kj_sources_add_rules(kj_ir *ir, const char *path,
                                             const kj_yara_options *how, kj_error *err);

/* Prints the diagnostics on stderr, in the order of their sources, and a line that counts them.
 * Evaluates to whether there was no error. */
bool kj_sources_print(const kj_ir *ir, bool color);

/* Prints what the sources had that kujo does not use, by kind and reason. */
void kj_sources_print_left_out(const kj_ir *ir, FILE *out);
