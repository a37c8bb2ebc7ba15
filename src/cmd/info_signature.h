/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of a name that only signatures have. */
#pragma once

#include "base/span.h"
#include "defs/defs.h"

/* Prints what the definitions have under that name, in any case: rules and digests. False: nothing;
 * then nothing is printed. */
bool kj_signature_info(const kj_defs *defs, kj_span name, bool json);
