/* SPDX-License-Identifier: Apache-2.0 */
/* What the files behind sig.h share. */
#pragma once

#include "cmd/sig.h"

/* Whether a rule with these flags is a signature itself: none that others only ask about. Handlers
 * and trusted certificates detect nothing, and are signatures all the same. */
static inline bool kj_sig_is_signature(uint32_t flags)
{
    return !(flags & (KJ_RULE_PRIVATE | KJ_RULE_GLOBAL)) || flags & KJ_RULE_HANDLER ||
           kj_rule_origin(flags) == KJ_ORIGIN_CERTIFICATE;
}

/* Bytes as a JSON string, escaped as names are. */
json_t *kj_sig_text(kj_span text);

/* String `index` of the definitions in an object's bytes, as JSON (sig.h). */
json_t *kj_sig_string(const kj_sig_subject *subject, kj_matcher *matcher, uint32_t index,
                      kj_span bytes);

/* The object's digests of the kinds that the signature's sets have, as JSON (sig.h); an empty array
 * for other signatures. */
json_t *kj_sig_digests(const kj_sig_subject *subject, const kj_object *object);
