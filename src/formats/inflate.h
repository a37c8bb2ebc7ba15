/* SPDX-License-Identifier: Apache-2.0 */
/* zlib's streams (RFC 1950), unpacked in memory. Inside formats/ only. */
#pragma once

#include "formats/format.h"

/* Appends what the stream holds, drawing on the sink's budget; bytes behind its end are passed
 * over.
 *
 * KJ_TRUNCATED, KJ_MALFORMED: what came before was appended. KJ_LIMIT, KJ_CANCELLED as the sink
 * says. KJ_UNSUPPORTED: zlib cannot be loaded. Check out->failed besides. */
KJ_MUST_CHECK kj_status kj_inflate(kj_span packed, kj_sink *sink, kj_buf *out, kj_error *err);
