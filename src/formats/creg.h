/* SPDX-License-Identifier: Apache-2.0 */
/* The registry of Windows 95, 98 and ME: SYSTEM.DAT, USER.DAT, CLASSES.DAT. Reading is
 * formats/registry.h (creg.c supplies it); here is the one change that is made: a value is deleted
 * in place. Sources: J. Metz, "Windows 9x/Me Registry File (CREG) format"; measured on real files.
 */
#pragma once

#include "base/edits.h"
#include "formats/registry.h"

/* The edits that delete the value: later values move up, counts and used sizes shrink, the layout
 * of blocks stays. Reads the result again and refuses when it holds anything but the same registry
 * without that value (KJ_INTERNAL). The edits are the arena's. */
KJ_MUST_CHECK kj_status kj_creg_delete_value(const kj_registry *reg, kj_reg_key key,
                                             kj_reg_value_id value, kj_arena *arena, kj_edits *out,
                                             kj_error *err);
/* Sets the data of an existing value, if the new data is not longer than the old. */
KJ_MUST_CHECK kj_status kj_creg_set_value(const kj_registry *reg, kj_reg_key key,
                                          kj_reg_value_id value, kj_span data, kj_arena *arena,
                                          kj_edits *out, kj_error *err);
