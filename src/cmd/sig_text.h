/* SPDX-License-Identifier: Apache-2.0 */
/* Reports of sig.h as text. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* Whether something of the signature is in the object. */
bool kj_sig_is_interesting(const json_t *report);

void kj_sig_print(const json_t *report, bool color, FILE *out);

/* A line for a match: {name, file, member}. */
void kj_sig_print_match(const json_t *match, FILE *out);
