/* SPDX-License-Identifier: Apache-2.0 */
/* INI files as Windows reads them: sections and keys in any case, `;` comments, blanks and one pair
 * of quotes around values dropped, ANSI or UTF-16LE with a byte order mark. Every entry is handed
 * out, duplicates and what lies beyond the 32 KB that Windows 9x reads included: something may hide
 * there. What is not edited keeps its bytes. */
#pragma once

#include "base/arena.h"
#include "base/edits.h"
#include "base/status.h"

typedef struct kj_ini_entry {
    kj_span
        section;    /* UTF-8, as written; empty: before the first section (Windows ignores those) */
    kj_span key;    /* UTF-8, as written */
    kj_span value;  /* UTF-8, without blanks and quotes around it */
    uint32_t line;  /* from 1 */
    bool shadowed;  /* an earlier entry of the same section and key wins */
    bool beyond_9x; /* begins behind the first 32,768 bytes */
    size_t line_start; /* byte offsets in the file: the line with its end, and the raw value */
    size_t line_end;
    size_t value_start;
    size_t value_end;
} kj_ini_entry;

typedef struct kj_ini {
    kj_span bytes; /* the file; borrowed */
    bool wide;     /* UTF-16LE */
    const kj_ini_entry *entries;
    size_t count;
} kj_ini;

/* Reads a file of up to 16 MiB. Anything is an INI file: there is no malformed one. KJ_LIMIT,
 * KJ_NO_MEMORY. Entries are the arena's. */
KJ_MUST_CHECK kj_status kj_ini_read(kj_span bytes, kj_arena *arena, kj_ini *out, kj_error *err);

/* The tokens of a list value (`run=a.exe b.exe`): parted by blanks, commas, semicolons, a quoted
 * one whole and without its quotes. *pos begins with 0; false at the end. */
bool kj_ini_next_token(kj_span value, size_t *pos, kj_span *out);

/* What the file is after a change, as edits; bytes are the arena's or the file's. Several changes:
 * `kj_ini_apply`, which takes them in any order. Of one entry's changes the removal of the line
 * comes before a new value, and that before the removal of tokens. */
typedef enum kj_ini_change_kind {
    KJ_INI_REMOVE_TOKEN, /* tokens equal to `text` in any case; the key stays with an empty value */
    KJ_INI_SET,          /* the value becomes `text` */
    KJ_INI_REMOVE_LINE,
} kj_ini_change_kind;

typedef struct kj_ini_change {
    kj_ini_change_kind kind;
    size_t entry; /* index */
    kj_span text; /* UTF-8 */
} kj_ini_change;

/* KJ_UNSUPPORTED when `text` has a character that the file's encoding lacks, or several lines, or
 * when an entry is to have two different values. A value that Windows would read otherwise gets
 * quotes. */
KJ_MUST_CHECK kj_status kj_ini_apply(const kj_ini *ini, const kj_ini_change *changes, size_t count,
                                     kj_arena *arena, kj_edits *out, kj_error *err);
