/* SPDX-License-Identifier: Apache-2.0 */
/* An advisory's page on the terminal. */
#pragma once

#include "base/buf.h"
#include "defs/defs.h"
#include "ir/ir.h"

#include <jansson.h>

typedef struct kj_page_options {
    kj_lang lang; /* of the texts; the labels follow gettext */
    size_t width; /* cells of a line */
    bool color;
    uint32_t engine; /* this engine */
} kj_page_options;

/* Appends the page of `doc` (a document of DOCS) as these definitions have it. */
void kj_page_write(const kj_defs *defs, const json_t *doc, const kj_page_options *options,
                   kj_buf *out);
