/* SPDX-License-Identifier: Apache-2.0 */
/* The walk over an archive or a compressed stream that libarchive reads. Inside formats/ only. */
#pragma once

#include "formats/format.h"

/* What a container's directory says of its members, in the order in which they lie in the file. */
typedef struct kj_unpack_listed {
    kj_span name;      /* raw; into the container's bytes */
    uint64_t start;    /* where it lies */
    uint64_t position; /* its number in the directory, from 1 */
    uint64_t packed_size;
    uint64_t size;
    uint32_t crc;
} kj_unpack_listed;

typedef struct kj_unpack_listing {
    kj_unpack_listed *items;
    size_t count;
} kj_unpack_listing;

/* How to read one format: nothing but what it names is enabled, so libarchive cannot take the
 * object for something else. */
typedef struct kj_unpack_way {
    int format;    /* ARCHIVE_FORMAT_...; 0: one compressed stream, which is one member */
    bool streamed; /* ZIP without its central directory */
    bool solid;    /* passing over a member means unpacking it */
    bool guessed;  /* a stream whose filter cannot be forced: compress */
    bool weak;     /* a stream without a magic: what does not unpack at all is something else */
    bool sized_directories; /* honest directories announce a size: that of their records */
    const int *filter; /* ARCHIVE_FILTER_..., any of which may lie around it; ends with 0. A single
                          stream has exactly one */
    const kj_unpack_listing *listing; /* NULL: nothing is known of members before they are read */
} kj_unpack_way;

/* Hands the members of `bytes` to the sink; `object` gives a single stream its name. Directories
 * and links are passed over, encrypted, broken and oversized members told as unseen. */
KJ_MUST_CHECK kj_status kj_unpack_walk(const kj_unpack_way *way, const kj_object *object,
                                       kj_span bytes, kj_sink *sink, kj_error *err);
