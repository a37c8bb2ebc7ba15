/* SPDX-License-Identifier: Apache-2.0 */
/* From what a matcher holds to what a scan tells: indices become names. */
#pragma once

#include "scan/scan.h"

/* Makes `out` and appends the path of `member` (empty: of the object itself) below the file: names
 * joined by '!', each escaped. Empty for the file. */
void kj_member_path(const kj_object *object, kj_span member, kj_buf *out);

/* Tells the detections and sightings of the matcher's last run. KJ_INTERNAL when the definitions
 * turn out to be damaged. */
KJ_MUST_CHECK kj_status kj_findings_tell(kj_matcher *matcher, const kj_defs *defs, uint32_t set,
                                         const kj_object *object, const kj_scan_events *events,
                                         kj_error *err);
