/* SPDX-License-Identifier: Apache-2.0 */
/* One removed file in the quarantine. docs/formats/quarantine.md is the format. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "clean/attributes.h"
#include "clean/quarantine.h"

#include <sys/stat.h>

/* An extended attribute; its value is a stream of the container. */
typedef struct kj_attribute {
    kj_span name;
    uint64_t len;
    uint8_t sha256[KJ_HASH_MAX];
} kj_attribute;

/* What a container says of itself. */
typedef struct kj_container {
    kj_quarantined about;
    int64_t atime_ns;
    const kj_attribute *attributes;
    size_t attribute_count;
    uint8_t key[32];
} kj_container;

/* Copies the open file into a new container STATE/quarantine/ID.kjq and syncs both. `about` has
 * what is known beforehand (id, run, root, path, when, sensitive, reasons); the rest is taken from
 * the file. A container of that id that is there already is made anew: it is of a run that never
 * committed. Gives the digest of what was copied. On an error nothing is left. KJ_UNSUPPORTED: the
 * file itself cannot be read, or not be kept whole; all others are of the quarantine. */
KJ_MUST_CHECK kj_status kj_container_write(int quarantine, const kj_quarantined *about, int file,
                                           const struct stat *st, uint8_t out_sha256[KJ_HASH_MAX],
                                           kj_error *err);

/* Reads what it says of itself; everything is the arena's. KJ_MALFORMED, KJ_IO. */
KJ_MUST_CHECK kj_status kj_container_open(int quarantine, const char *id, kj_arena *arena,
                                          int *out_fd, kj_container *out, kj_error *err);

/* The same of a file that is open; it is to stay so. *out is half filled on an error. */
KJ_MUST_CHECK kj_status kj_container_read(int fd, const char *id, kj_arena *arena,
                                          kj_container *out, kj_error *err);

/* Reads all of it and compares every digest. */
KJ_MUST_CHECK kj_status kj_container_verify(int fd, const kj_container *container, kj_error *err);

/* Writes the content to `to` (at its position), and compares its digest. */
KJ_MUST_CHECK kj_status kj_container_content(int fd, const kj_container *container, int to,
                                             kj_error *err);

/* Makes the file again in `directory` as `name`: content, attributes, owner, mode, times, synced;
 * by way of the file `temporary` there, which is removed first if it is there. KJ_IO "is there
 * already" when the name is taken. */
KJ_MUST_CHECK kj_status kj_container_restore(int fd, const kj_container *container, int directory,
                                             const char *name, const char *temporary,
                                             kj_error *err);
