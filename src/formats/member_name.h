/* SPDX-License-Identifier: Apache-2.0 */
/* What a file's name says when it is made to deceive. For attachments and members of archives. */
#pragma once

#include "formats/format.h"

typedef enum kj_name_fact {
    KJ_NAME_DOUBLE_EXTENSION = 1 << 0, /* a harmless extension before one that runs: "x.pdf.exe" */
    KJ_NAME_RIGHT_TO_LEFT = 1 << 1,    /* a control that turns the direction of writing */
    KJ_NAME_BLANKS = 1 << 2,        /* a run of ten blanks or more (of any kind that Unicode has) */
    KJ_NAME_CLASS_ID = 1 << 3,      /* ".{xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx}" at its end */
    KJ_NAME_TRAILING_DOTS = 1 << 4, /* dots or blanks at its end, which Windows drops */
    KJ_NAME_NUL = 1 << 5,           /* a NUL or another control character */
    KJ_NAME_PATH = 1 << 6,          /* a separator of directories, or a drive, or a stream */
    KJ_NAME_RUNS = 1 << 7, /* its extension (the last, as Windows sees it) is one that runs */
} kj_name_fact;

/* The set of facts about a name, UTF-8. */
unsigned kj_name_facts(kj_span name);

/* Whether the extension that Windows sees promises another format than `format` is: "x.jpg" that is
 * a program. False where either side is not known well enough. */
bool kj_name_contradicts(kj_span name, const kj_format *format);
