/* SPDX-License-Identifier: Apache-2.0 */
/* Compressed RTF, as Outlook keeps the text of a message: in .msg files and in TNEF. Inside
 * formats/ only. */
#pragma once

#include "base/buf.h"

/* Appends the text of a PidTagRtfCompressed. The sizes and the checksum that it states are not
 * believed: what is there is decoded, at most nine times as many bytes as were read.
 *
 * KJ_MALFORMED: no compressed RTF; nothing was appended. KJ_TRUNCATED: it has no end; what there is
 * was appended. Check out->failed besides. Source: MS-OXRTFCP. */
KJ_MUST_CHECK kj_status kj_lzfu_decode(kj_span bytes, kj_buf *out, kj_error *err);
