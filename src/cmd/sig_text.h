/* SPDX-License-Identifier: Apache-2.0 */
/* Reports of sig.h as text. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* Whether its author wants to see the report: something of the signature is in the object, or it is
 * the view of the file that the signature is about. */
bool kj_sig_is_interesting(const json_t *report);

void kj_sig_print(const json_t *report, bool color, FILE *out);

/* A line for a match: {name, file, member}. */
void kj_sig_print_match(const json_t *match, FILE *out);
