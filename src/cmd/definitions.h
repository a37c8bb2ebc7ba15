/* SPDX-License-Identifier: Apache-2.0 */
/* Which definitions a command uses. */
#pragma once

#include "defs/defs.h"

typedef struct kj_chosen {
    char *path;   /* owned; NULL: none */
    bool by_user; /* named by option or environment */
    bool none;    /* the user asked for none */
} kj_chosen;

/* `named` (what --definitions says, may be NULL), else $KUJO_DEFINITIONS, else kujo.defs beside the
 * program, else the installed one. path is NULL when there is none of them. */
kj_chosen kj_definitions_choose(const char *named);
void kj_chosen_done(kj_chosen *chosen);

/* Opens them. A file that the user named is verified whole once; that is remembered (man kujo).
 * What goes wrong without being fatal is said on stderr. KJ_MALFORMED and so on as kj_defs_open().
 */
KJ_MUST_CHECK kj_status kj_definitions_open(const kj_chosen *chosen, kj_defs *out, kj_error *err);

/* Says on stderr that there are no definitions, and what to do. Evaluates to KJ_EXIT_TROUBLE. */
int kj_definitions_missing(void);
