/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of file names, of this system's and of Windows. */
#pragma once

#include "base/span.h"

/* What stands behind the last `/` or `\`. */
kj_span kj_path_base(kj_span path);

/* What stands behind the last dot of a name; empty without one. *out_stem (may be NULL) is what
 * stands before the dot: the whole name without one. */
kj_span kj_path_extension(kj_span name, kj_span *out_stem);
