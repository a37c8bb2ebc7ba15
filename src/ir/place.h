/* SPDX-License-Identifier: Apache-2.0 */
/* The places that advisories name by variables, in the form in which paths are compared. */
#pragma once

#include "base/arena.h"
#include "base/span.h"

enum { KJ_PLACE_FORMS_MAX = 8 };

/* Expands a path such as `%SystemDir%\a.exe` or `C:\Windows\a.exe` to every place that it may mean
 * on Windows 9x to 11: normalized (base/fold.h), the Windows directory as "%windir%", a drive's
 * root as "c:", `*` standing for any run within one component (a profile's name, for one).
 *
 * Returns how many of `out` were set, 0 for an unknown variable or without memory. */
size_t kj_place_expand(kj_arena *arena, kj_span path, kj_span out[KJ_PLACE_FORMS_MAX]);

/* Whether `%Name%` at the start of a path is one that kj_place_expand() knows; also true for a path
 * that does not begin with a variable. */
bool kj_place_known(kj_span path);
