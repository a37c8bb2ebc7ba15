/* SPDX-License-Identifier: Apache-2.0 */
/* What a compiler says about its sources: located, with the line, a caret and a hint. All problems
 * of a source are collected; the caller prints them. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/vec.h"

/* A source text. Both members outlive the diagnostics about it. */
typedef struct kj_source {
    const char *name; /* as the user gave it */
    kj_span text;
    size_t first_line; /* the number of its first line, where it is a part of something: 0 is 1 */
} kj_source;

typedef enum kj_severity { KJ_NOTE, KJ_WARNING, KJ_ERROR } kj_severity;

typedef struct kj_diag {
    kj_severity severity;
    const kj_source *source; /* NULL: about nothing in particular */
    size_t offset;           /* bytes into source->text; SIZE_MAX: about the file as a whole */
    size_t len;              /* bytes to underline, at least 1 */
    const char *message;
    const char *hint; /* may be NULL */
} kj_diag;

enum { KJ_DIAGS_MAX = 1000 }; /* errors that are kept, however many warnings came before */

typedef struct kj_diags {
    kj_arena *arena; /* messages live here */
    KJ_VEC(kj_diag) list;
    size_t errors;
    size_t warnings;
    bool failed; /* a diagnostic was lost for lack of memory: treat it as an error */
} kj_diags;

void kj_diags_init(kj_diags *diags, kj_arena *arena);
void kj_diags_done(kj_diags *diags);

/* Collects one; past KJ_DIAGS_MAX they are only counted. `hint` is copied and may be NULL. */
void kj_diag_add(kj_diags *diags, kj_severity severity, const kj_source *source, size_t offset,
                 size_t len, const char *hint, const char *format, ...) KJ_PRINTF(7, 8);

/* 1-based line, and 1-based column in code points. */
void kj_source_locate(const kj_source *source, size_t offset, size_t *out_line, size_t *out_column);

/* Appends one as text:
 *
 *     advisories/W32/X.yaml:14:9: error: unknown key 'sise'
 *        14 |   page: {file: 'C:\MSHOME.HTA', sise: 7178}
 *           |                                 ^~~~
 *           = hint: did you mean 'size'?
 *
 * Control bytes of the source are escaped. `color` adds ANSI sequences. */
void kj_diag_print(const kj_diag *diag, bool color, kj_buf *out);

static inline bool kj_diags_ok(const kj_diags *diags)
{
    return diags->errors == 0 && !diags->failed;
}
