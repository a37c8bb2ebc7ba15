/* SPDX-License-Identifier: Apache-2.0 */
/* Times of files as nanoseconds since 1970, signed: what records hold. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* NTFS has years to 60056; those outside of 1677 to 2262 become the nearest that there is. */
int64_t kj_time_ns(struct timespec time);

/* Sets both of an open file or directory; false: errno. */
bool kj_time_set(int fd, int64_t atime_ns, int64_t mtime_ns);
