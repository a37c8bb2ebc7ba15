/* SPDX-License-Identifier: Apache-2.0 */
/* Files below a root, opened so that nothing on the way is a link and nothing leads out of it. */
#pragma once

#include "base/span.h"
#include "base/status.h"

#include <sys/stat.h>

enum { KJ_NAME_LEN_MAX = 255 };

/* Where a file is: its directory, and its name there. */
typedef struct kj_beneath {
    int directory; /* open; kj_beneath_close() */
    char name[KJ_NAME_LEN_MAX + 1];
    bool is_gone; /* when opening failed: because a directory on the way is not there */
} kj_beneath;

/* Opens the directory of `path` ("/" between components). KJ_MALFORMED for an empty path, `..` and
 * names that no file has; KJ_IO with the reason. `cross`: mount points may lie on the way. */
KJ_MUST_CHECK kj_status kj_beneath_open(int root, kj_span path, bool cross, kj_beneath *out,
                                        kj_error *err);
void kj_beneath_close(kj_beneath *place);

/* Opens the regular file there, never anything else. *out_stat is of the descriptor. KJ_IO. */
KJ_MUST_CHECK kj_status kj_beneath_file(const kj_beneath *place, int flags, int *out_fd,
                                        struct stat *out_stat, kj_error *err);
