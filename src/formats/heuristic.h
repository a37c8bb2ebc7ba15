/* SPDX-License-Identifier: Apache-2.0 */
/* What is strange about an object, by name. Strange is not infected: it says that programs may read
 * the object differently, or that somebody hides something. Reported beside detections; the user's
 * policy says by name whether it counts as one. */
#pragma once

#include "base/span.h"

/* Positions in kj_heuristics[], and bits of a kj_oddities. The order is no part of any format:
 * reports and policies use names. */
typedef enum kj_heuristic {
    /* a header block */
    KJ_ODD_HEADER_SYNTAX, /* a line that is no field, blanks before a colon, NUL, an end that is not
                             empty */
    KJ_ODD_LINE_ENDS,     /* bare CR, or NUL, between lines */
    KJ_ODD_DUPLICATE_TYPE, /* several Content-Type that differ */
    KJ_ODD_TYPE_SYNTAX,    /* a Content-Type that is none */
    KJ_ODD_DUPLICATE_ENCODING,
    KJ_ODD_ENCODING_SYNTAX, /* comments, quotes, blanks, lists in a Content-Transfer-Encoding */
    KJ_ODD_UNKNOWN_ENCODING,
    KJ_ODD_PARAMETER_SYNTAX,
    KJ_ODD_CONFLICTING_NAMES, /* names of one attachment that differ in more than their charset */
    /* a multipart */
    KJ_ODD_NO_BOUNDARY,
    KJ_ODD_CONFLICTING_BOUNDARY, /* several that differ */
    KJ_ODD_BOUNDARY_SYNTAX,      /* encoded, commented, blanks, longer than allowed, NUL */
    KJ_ODD_NO_DELIMITER,
    KJ_ODD_DELIMITER_SYNTAX, /* a line that nearly is one */
    KJ_ODD_UNCLOSED_MULTIPART,
    KJ_ODD_HIDDEN_PART, /* header fields of a part where no part begins: preamble, epilogue, text */
    KJ_ODD_ENCODED_MULTIPART, /* a composite type under base64 or quoted-printable */
    KJ_ODD_NESTING,           /* deeper than anybody reads */
    /* an encoded body */
    KJ_ODD_BASE64_INNER_PADDING,
    KJ_ODD_BASE64_SYNTAX, /* characters that are not of its alphabet, no padding, URL-safe */
    KJ_ODD_QUOTED_PRINTABLE_SYNTAX,
    KJ_ODD_ENCODED_RUN, /* encoded data where nothing says so */
    /* messages that are not whole */
    KJ_ODD_PARTIAL_MESSAGE,
    KJ_ODD_EXTERNAL_BODY,
    KJ_HEURISTIC_COUNT
} kj_heuristic;

typedef uint64_t kj_oddities; /* a set of them: KJ_ODD(...) joined */
_Static_assert(KJ_HEURISTIC_COUNT <= 64, "a bit each");

#define KJ_ODD(heuristic) (UINT64_C(1) << (heuristic))
#define KJ_ODD_ALL        (UINT64_MAX >> (64 - KJ_HEURISTIC_COUNT))

typedef struct kj_heuristic_row {
    const char *name;     /* "Heuristics.Mail.DuplicateTransferEncoding" */
    const char *sentence; /* for people, English; marked for translation */
} kj_heuristic_row;

extern const kj_heuristic_row kj_heuristics[KJ_HEURISTIC_COUNT];

/* By its name, in any case, with or without "Heuristics."; KJ_HEURISTIC_COUNT: there is none. */
kj_heuristic kj_heuristic_find(kj_span name);

/* All that a user's word means, in any case: one name as above, a group ("Mail", also behind
 * "Heuristics."), or "all"; 0: nothing is called so. */
kj_oddities kj_heuristics_called(kj_span word);
