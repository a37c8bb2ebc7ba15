/* SPDX-License-Identifier: Apache-2.0 */
/* What the files behind sig.h share. */
#pragma once

#include "cmd/sig.h"

/* Bytes as a JSON string, escaped as names are. */
json_t *kj_sig_text(kj_span text);

/* String `index` of the definitions in an object's bytes, as JSON (sig.h). */
json_t *kj_sig_string(const kj_sig_subject *subject, kj_matcher *matcher, uint32_t index,
                      kj_span bytes);

/* The object's digests of the kinds that the signature's sets have, as JSON (sig.h); an empty array
 * for other signatures. */
json_t *kj_sig_digests(const kj_sig_subject *subject, const kj_object *object);
