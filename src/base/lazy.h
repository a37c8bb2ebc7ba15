/* SPDX-License-Identifier: Apache-2.0 */
/* Libraries that few runs need are loaded on first use, so that the others start faster.
 *
 * A wrapper file names the functions it calls once, with the header's own prototypes:
 *
 *     #define FUNCTIONS(X) X(archive_read_new) X(archive_read_free)
 *     static struct { FUNCTIONS(KJ_LAZY_FIELD) } lib;
 *     static const kj_lazy_symbol symbols[] = { FUNCTIONS(KJ_LAZY_SYMBOL) };
 *     static kj_lazy library = KJ_LAZY("libarchive.so.13", symbols);
 *     ...
 *     KJ_TRY(kj_lazy_load(&library, err));
 *     lib.archive_read_new();
 */
#pragma once

#include "base/arith.h"
#include "base/status.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct kj_lazy_symbol {
    const char *name;
    void *slot; /* where the function's address goes */
} kj_lazy_symbol;

/* The one kind of state the library keeps for a process: set once, the same for everybody. Threads
 * may ask at the same time. */
typedef struct kj_lazy {
    const char *file; /* the library's soname */
    const kj_lazy_symbol *symbols;
    size_t count;
    atomic_bool loaded;
} kj_lazy;

#define KJ_LAZY_FIELD(function)  __typeof__(&(function)) function;
#define KJ_LAZY_SYMBOL(function) {#function, &lib.function},
#define KJ_LAZY(soname, table)                                                                     \
    {                                                                                              \
        .file = (soname), .symbols = (table), .count = KJ_COUNT(table)                             \
    }

/* Loads the library unless it is loaded. KJ_UNSUPPORTED, with the loader's reason, when it or one
 * of the functions is missing. */
KJ_MUST_CHECK kj_status kj_lazy_load(kj_lazy *library, kj_error *err);
