/* SPDX-License-Identifier: Apache-2.0 */
/* Extended attributes: on NTFS streams, the ACL, the DOS attributes. What goes with a file comes
 * back with it. */
#pragma once

#include "base/arena.h"

enum {
    KJ_ATTRIBUTES_MAX = 1024,
    KJ_ATTRIBUTE_NAME_MAX = 255,
    KJ_ATTRIBUTES_LEN_MAX = 16 << 20, /* bytes of all values */
};

typedef struct kj_attribute_value {
    kj_span name;
    kj_span value;
} kj_attribute_value;

typedef struct kj_attributes {
    const kj_attribute_value *items;
    size_t count;
} kj_attributes;

/* All of an open file or directory; everything is the arena's. KJ_UNSUPPORTED: there is one that
 * cannot be read (streams of more than 64 KiB are such), or there are too many: without it the
 * file would not come back whole. KJ_NO_MEMORY. */
KJ_MUST_CHECK kj_status kj_attributes_read(int fd, kj_arena *arena, kj_attributes *out,
                                           kj_error *err);

/* Gives back a mode, behind the attributes: where the ACL of Windows has made it already, setting
 * it would make a plainer ACL. Not being allowed to is no failure; false: errno. */
bool kj_mode_set(int fd, uint32_t mode);

/* Sets one. Those that the system makes by itself, or does not let us set, are passed over; those
 * of users ("user.", streams) are not: KJ_IO. */
KJ_MUST_CHECK kj_status kj_attribute_set(int fd, kj_span name, kj_span value, kj_error *err);
