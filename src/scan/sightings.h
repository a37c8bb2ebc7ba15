/* SPDX-License-Identifier: Apache-2.0 */
/* What was seen on a Windows volume, file by file, and what all of it together shows. */
#pragma once

#include "match/match.h"
#include "scan/run.h"
#include "scan/wire.h"

typedef struct kj_volume_seen kj_volume_seen;

/* NULL without memory. */
kj_volume_seen *kj_volume_seen_new(uint32_t volume, const kj_wire_sets *sets);
void kj_volume_seen_free(kj_volume_seen *seen);
uint32_t kj_volume_seen_id(const kj_volume_seen *seen);

/* Artifact `artifact` of set `set` was seen in `member` of the file at `path`. False without
 * memory. */
bool kj_volume_seen_add(kj_volume_seen *seen, uint32_t set, uint32_t artifact, kj_span path,
                        kj_span member);

/* Rule `rule` of set `set` matched somewhere on the volume. */
void kj_volume_seen_add_rule(kj_volume_seen *seen, uint32_t set, uint32_t rule);

/* `name` (of the definitions) was reported for that object already. */
void kj_volume_seen_reported(kj_volume_seen *seen, kj_span path, kj_span member, kj_span name);

/* Hands out what the union shows and no object showed, at the objects it is about. KJ_NO_MEMORY
 * when some may be missing. */
KJ_MUST_CHECK kj_status kj_volume_seen_tell(const kj_volume_seen *seen,
                                            void (*object)(void *user, const kj_run_object *object),
                                            void *user, kj_error *err);
