/* SPDX-License-Identifier: Apache-2.0 */
/* Raw disk images among the paths of `kujo scan`: the files of every partition that can be read go
 * through the run, as PATH!Windows/x.exe, or PATH!2!Windows/x.exe when there are several
 * partitions. What lies outside of files is not scanned. */
#pragma once

#include "scan/run.h"

typedef struct kj_images kj_images;

/* `limits` and `walk` (its excludes) outlive it. NULL without memory. */
kj_images *kj_images_new(const kj_scan_limits *limits, const kj_walk_options *walk);
void kj_images_free(kj_images *images);

/* For kj_run(); valid as long as `images`. */
const kj_run_images *kj_images_for_run(const kj_images *images);

/* Whether a file looks like a raw image: by its first sector, a partition table that makes sense or
 * the boot sector of NTFS, FAT or exFAT. */
bool kj_image_is_raw(const char *path);
