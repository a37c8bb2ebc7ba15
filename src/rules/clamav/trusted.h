/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of digests of files that are known to be good, as the usual tools write them. */
#pragma once

#include "ir/ir.h"
#include "rules/clamav/line_reader.h"

/* Reads a list and adds its digests to ir->hashes as trusted, under the name of the list. A line of
 * it is one of
 *
 *     HEX                              a digest: MD5, SHA-1 or SHA-256
 *     HEX  NAME    HEX *NAME           md5sum, sha1sum, sha256sum, md5deep
 *     ALGORITHM (NAME) = HEX           the same with --tag
 *     "HEX","HEX",...,"SIZE",...       CSV, after a line that names the columns: NSRL's RDS 2,
 *                                      RDS 3 as sqlite3 writes it, hashdeep (%%%% size,md5,...)
 *
 * Of a CSV line the strongest digest is taken, and the size. Comments (#) and empty lines are
 * passed over, other lines are malformed: warnings, or errors when `strict`. *out_count: digests
 * taken. */
KJ_MUST_CHECK kj_status kj_trusted_load(kj_ir *ir, const char *name, kj_line_source *read,
                                        void *user, bool strict, uint64_t *out_count,
                                        kj_error *err);
