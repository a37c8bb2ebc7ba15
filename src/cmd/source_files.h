/* SPDX-License-Identifier: Apache-2.0 */
/* Which files the operands of a command name as sources, and what each is. */
#pragma once

#include "base/arena.h"
#include "base/status.h"
#include "base/vec.h"

typedef enum kj_source_kind {
    KJ_SOURCE_BY_NAME, /* by the file name's extension */
    KJ_SOURCE_YARA,
    KJ_SOURCE_ADVISORY,
    KJ_SOURCE_CLAMAV,    /* a file of ClamAV signatures */
    KJ_SOURCE_CONTAINER, /* .cvd, .cld, .cud: such files in one */
    KJ_SOURCE_TRUSTED,   /* digests of known good files, in any of the usual forms */
} kj_source_kind;

/* "yara", "advisory", or the extension of a file of ClamAV signatures ("ndb"); false for another
 * word. */
bool kj_source_kind_parse(const char *word, kj_source_kind *out);

/* What a file of that name is; KJ_SOURCE_BY_NAME: no source. */
kj_source_kind kj_source_kind_of(const char *name);

typedef struct kj_source_file {
    const char *path; /* in the list's arena */
    kj_source_kind kind;
    bool trusted;   /* its digests are of good files */
    unsigned order; /* of ClamAV's: lower ones are read first */
    size_t number;  /* in the order of the operands */
    uint64_t size;  /* bytes; 0: not known */
} kj_source_file;

typedef struct kj_source_files {
    kj_arena *arena;
    KJ_VEC(kj_source_file) list;
    uint64_t bytes; /* of all */
} kj_source_files;

/* Adds a file, or all in a folder and below, in the order of their names; there, files that are no
 * sources are passed over, and with `only` all that are of another kind. `kind` says what the files
 * are, whatever they are called. KJ_IO; KJ_UNSUPPORTED for a file that is no source, and a folder
 * that holds none. */
KJ_MUST_CHECK kj_status kj_source_files_add(kj_source_files *files, const char *path,
                                            kj_source_kind kind, kj_source_kind only,
                                            kj_error *err);

/* Brings them into the order in which they are read. */
void kj_source_files_sort(kj_source_files *files);

void kj_source_files_done(kj_source_files *files);
