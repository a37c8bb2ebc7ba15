/* SPDX-License-Identifier: Apache-2.0 */
/* A threat's page and a note as JSON: what `kujo info` and, later, the library and the exports
 * read. The keys are those of the advisory; docs/formats/definitions.md lists what is added. */
#pragma once

#include "base/buf.h"
#include "ir/ir.h"

/* Appends one document. `release`: detections that came later are left out. Deterministic bytes. */
KJ_MUST_CHECK kj_status kj_doc_write_threat(const kj_ir *ir, uint32_t threat, uint32_t release,
                                            kj_buf *out, kj_error *err);
KJ_MUST_CHECK kj_status kj_doc_write_note(const kj_note *note, kj_buf *out, kj_error *err);

/* Signatures that were left out, by kind and reason: an array; nothing when there are none. */
KJ_MUST_CHECK kj_status kj_doc_write_left_out(const kj_ir *ir, kj_buf *out, kj_error *err);
