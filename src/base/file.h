/* SPDX-License-Identifier: Apache-2.0 */
/* Files, as the programs need them: whole reads with a limit, replacement in one step. */
#pragma once

#include "base/buf.h"
#include "base/status.h"

/* Reads all of `fd` from its current position and appends it to `out`, which has a maximum.
 * KJ_LIMIT when there is more than fits, KJ_IO with the system's reason. */
KJ_MUST_CHECK kj_status kj_file_read_fd(int fd, kj_buf *out, kj_error *err);

/* Reads the file at `path`. */
KJ_MUST_CHECK kj_status kj_file_read(const char *path, kj_buf *out, kj_error *err);

/* Replaces the file at `path`: writes beside it, syncs, renames, syncs the directory. After a crash
 * the old or the new content is there. `mode` as for open(2), less the umask. KJ_IO when what is
 * there is neither a regular file nor a link. */
KJ_MUST_CHECK kj_status kj_file_replace(const char *path, kj_span content, unsigned mode,
                                        kj_error *err);

/* Writes everything, whatever the short writes. */
KJ_MUST_CHECK kj_status kj_file_write_all(int fd, kj_span bytes, kj_error *err);

/* Reads up to `len` bytes at `at`, whatever the short reads and the position. *out_len: how many
 * there were before the end. KJ_IO; errno is the system's. */
KJ_MUST_CHECK kj_status kj_file_read_at(int fd, uint64_t at, void *to, size_t len, size_t *out_len,
                                        kj_error *err);
