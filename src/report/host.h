/* SPDX-License-Identifier: Apache-2.0 */
/* What a run over a host found, planned and did, as one document (docs/json-host.md), and the two
 * forms in which people read it. The document is the one source: text and page show nothing that is
 * not in it. */
#pragma once

#include "ir/ir.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

typedef struct kj_host_text_options {
    bool color;
    bool quiet; /* findings, actions and results only; of autostarts not those of Windows itself */
    bool explain; /* digests, preconditions, hives, profiles, the advisories' notes */
    kj_lang lang; /* of the advisories' texts; messages are gettext's */
    size_t width; /* cells of a line of prose; 0: 80. Paths are never broken: people copy them */
} kj_host_text_options;

/* Writes the document for a terminal. Texts from input are escaped in the document already. */
void kj_host_write_text(const json_t *document, const kj_host_text_options *options, FILE *out);

/* The list of autostarts (`kujo host --autostarts`), by category. */
void kj_host_write_autostarts(const json_t *document, const kj_host_text_options *options,
                              FILE *out);

/* Writes one self-contained page in UTF-8: no script, nothing loaded from elsewhere, light,
 * printable. It is HTML and well-formed XML. */
void kj_host_write_html(const json_t *document, kj_lang lang, FILE *out);
