/* SPDX-License-Identifier: Apache-2.0 */
/* Regular expressions of Perl's kind, by PCRE2 (10.30 or newer), which is loaded when the first is
 * compiled. They backtrack, so that time is not linear in the subject: it is measured, and whoever
 * searches says when it is enough. Subjects are bytes; UTF is never used. */
#pragma once

#include "base/span.h"
#include "base/status.h"

/* How a pattern is compiled. The numbers are part of the definitions format (ir/clamav.h). */
enum {
    KJ_PCRE_CASELESS = 1 << 0,       /* /i */
    KJ_PCRE_DOTALL = 1 << 1,         /* /s */
    KJ_PCRE_MULTILINE = 1 << 2,      /* /m */
    KJ_PCRE_EXTENDED = 1 << 3,       /* /x */
    KJ_PCRE_ANCHORED = 1 << 4,       /* only at the place where the search begins */
    KJ_PCRE_DOLLAR_ENDONLY = 1 << 5, /* $ is the end, not before a line end there */
    KJ_PCRE_UNGREEDY = 1 << 6,       /* repetitions are short unless they say ? */
    KJ_PCRE_POSIX = 1 << 15,         /* the pattern is a POSIX extended regular expression */
};

typedef struct kj_pcre kj_pcre;

/* KJ_MALFORMED with PCRE2's message and the offset in the pattern; KJ_UNSUPPORTED without PCRE2;
 * KJ_NO_MEMORY. */
KJ_MUST_CHECK kj_status kj_pcre_compile(kj_span pattern, unsigned options, kj_pcre **out,
                                        kj_error *err);
void kj_pcre_free(kj_pcre *pcre);  /* NULL: nothing */
void kj_pcre_done(kj_pcre **pcre); /* for KJ_CLEANUP */

/* Compiled patterns that are kept for the next time. */
typedef struct kj_pcre_cache kj_pcre_cache;

kj_pcre_cache *kj_pcre_cache_new(void); /* NULL without memory */
void kj_pcre_cache_free(kj_pcre_cache *cache);

/* What kj_pcre_compile() makes; the cache's, valid until the next call. */
KJ_MUST_CHECK kj_status kj_pcre_cache_get(kj_pcre_cache *cache, kj_span pattern, unsigned options,
                                          kj_pcre **out, kj_error *err);

typedef struct kj_pcre_search {
    kj_span subject;
    size_t from;       /* where the search begins; what stands before is seen by \b and the like */
    size_t last_start; /* a match must begin there, or before; SIZE_MAX: anywhere */
    /* Takes steps of the search, which are its time; false: it is enough. NULL: nobody counts. */
    bool (*pay)(void *user, uint64_t steps);
    void *user;
} kj_pcre_search;

typedef struct kj_pcre_match {
    bool found;
    size_t start;
    size_t end;
} kj_pcre_match;

/* Finds the next match. KJ_LIMIT: a single attempt took more than 100,000 backtracks, or nested
 * deeper than 2,000, which are ClamAV's limits; KJ_CANCELLED: `pay` said so. */
KJ_MUST_CHECK kj_status kj_pcre_find(kj_pcre *pcre, const kj_pcre_search *search,
                                     kj_pcre_match *out, kj_error *err);
