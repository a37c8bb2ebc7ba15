/* SPDX-License-Identifier: Apache-2.0 */
/* Why we stopped, and a sentence about it. A detection is never an error: it goes to the report. */
#pragma once

#include <stdarg.h>
#include <stdint.h>

#define KJ_MUST_CHECK           __attribute__((warn_unused_result))
#define KJ_PRINTF(index, first) __attribute__((format(printf, index, first)))

typedef enum kj_status {
    KJ_OK,
    KJ_TRUNCATED,   /* the input ends before what it announces */
    KJ_MALFORMED,   /* the input breaks its format */
    KJ_UNSUPPORTED, /* valid, but a feature we do not have */
    KJ_LIMIT,       /* a budget ran out: depth, members, bytes, ratio, time */
    KJ_CANCELLED,   /* somebody asked us to stop */
    KJ_NO_MEMORY,
    KJ_IO,       /* the system refused: open, read, write */
    KJ_INTERNAL, /* a bug of ours, or damaged definitions */
    KJ_STATUS_COUNT
} kj_status;

#define KJ_NO_OFFSET UINT64_MAX

/* Passed down explicitly, filled by whoever detects the problem. */
typedef struct kj_error {
    kj_status status;
    uint64_t offset; /* byte offset in the input, or KJ_NO_OFFSET */
    char message[256];
} kj_error;

/* Fills `err` (which may be NULL) and evaluates to `status`. The sentence is lower case, without a
 * final stop, and says nothing the caller knows, such as the file's name. */
kj_status kj_fail(kj_error *err, kj_status status, uint64_t offset, const char *format, ...)
    KJ_PRINTF(4, 5);

/* kj_fail() for what needs no other words: KJ_NO_MEMORY; KJ_IO with `what` and the reason that
 * errno gives (KJ_NO_MEMORY for ENOMEM). */
kj_status kj_no_memory(kj_error *err);
kj_status kj_fail_errno(kj_error *err, const char *what);

/* Marks a sentence that programs translate when they show it: the message catalogues collect them
 * (po/meson.build). kj_fail() does the same by being called. */
#define KJ_SENTENCE(text) (text)

/* A stable lower-case word for a status: "truncated", "i/o error"; JSON reports use it. */
const char *kj_status_name(kj_status status);

/* Returns from the calling function when `call` does not give KJ_OK. */
#define KJ_TRY(call)                                                                               \
    do {                                                                                           \
        kj_status kj_try_status_ = (call);                                                         \
        if (kj_try_status_ != KJ_OK)                                                               \
            return kj_try_status_;                                                                 \
    } while (0)
