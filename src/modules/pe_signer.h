/* SPDX-License-Identifier: Apache-2.0 */
/* Who signed a program, for inspections: what the `pe` module knows, without a rule that asks. */
#pragma once

#include "base/arena.h"
#include "base/span.h"

typedef enum kj_signed {
    KJ_SIGNED_UNKNOWN, /* not looked at, or no program */
    KJ_SIGNED_NONE,    /* none in the file; Windows keeps many signatures in catalogues */
    KJ_SIGNED_INVALID, /* the content is not the one that was signed */
    KJ_SIGNED_VALID,   /* content and signature fit; whom to trust is the reader's decision */
} kj_signed;

/* Looks at the signatures in a file's bytes. *out_signer: the subject of the first one's signer,
 * UTF-8, the arena's; NULL: unknown. */
kj_signed kj_pe_signer(kj_span bytes, kj_arena *arena, const char **out_signer);
