/* SPDX-License-Identifier: Apache-2.0 */
/* What kujo and the program that reads disk images (kujo-image) say to each other: over a socket
 * that keeps packets apart, one request at a time. That program parses file systems that anybody
 * may have made, so nothing it answers is believed: every field is read with bounds. Numbers are
 * little-endian; both are of one build. */
#pragma once

#include "base/buf.h"
#include "base/reader.h"
#include "host/tree.h"

enum {
    KJ_IMAGE_SOCKET_FD = 3, /* where the program finds the socket, and the image */
    KJ_IMAGE_FILE_FD = 4,
    KJ_IMAGE_PACKET_MAX = 60 << 10,
    KJ_IMAGE_PARTITIONS_MAX = 128,
    KJ_IMAGE_SENTENCE_MAX = 200, /* bytes of a sentence or of a name of a kind */
    KJ_IMAGE_NAME_MAX = 1024,
};

typedef enum kj_image_kind {
    KJ_IMAGE_HELLO = 1, /* what is in the image: told once, unasked */
    KJ_IMAGE_LIST,      /* a directory: as many packets as it takes */
    KJ_IMAGE_OPEN,      /* a file, with a descriptor of a sealed memory file */
} kj_image_kind;

typedef struct kj_image_request {
    kj_image_kind kind; /* LIST, OPEN */
    bool head;          /* OPEN: of a longer file the first `max` bytes */
    uint64_t id;
    uint64_t max;
} kj_image_request;

/* Begins every answer. */
typedef struct kj_image_reply {
    kj_status status;
    bool last;
    kj_span sentence; /* when the status is not KJ_OK */
    kj_reader body;
} kj_image_reply;

typedef struct kj_image_entry {
    kj_node node; /* without its path */
    kj_span name;
} kj_image_entry;

typedef struct kj_image_partition {
    uint32_t number;
    bool readable;
    uint64_t offset; /* bytes */
    uint64_t size;
    kj_span kind;     /* "NTFS"; empty: unknown */
    kj_span sentence; /* why it cannot be read */
} kj_image_partition;

/* HELLO: the partitions, and which file system was opened (`root` of it), if one was wanted. */
typedef struct kj_image_hello {
    uint32_t count;
    uint32_t opened; /* number of the partition; 0: none */
    uint64_t root;
    kj_image_partition partitions[KJ_IMAGE_PARTITIONS_MAX];
} kj_image_hello;

void kj_image_put_request(const kj_image_request *request, kj_buf *out);
bool kj_image_read_request(kj_span packet, kj_image_request *out);

/* The beginning of an answer; what belongs to its kind is appended to it. */
void kj_image_put_reply(kj_image_kind kind, kj_status status, bool last, const char *sentence,
                        kj_buf *out);
void kj_image_put_entry(const kj_image_entry *entry, kj_buf *out);
void kj_image_put_hello(const kj_image_hello *hello, kj_buf *out);

/* KJ_MALFORMED: no answer, or not of that kind; else the status of the answer itself, with its
 * sentence, escaped. Spans borrow from the packet. */
KJ_MUST_CHECK kj_status kj_image_read_reply(kj_span packet, kj_image_kind kind, kj_image_reply *out,
                                            kj_error *err);
/* False at the end, and when the reader fails. */
bool kj_image_read_entry(kj_reader *body, kj_image_entry *out);
bool kj_image_read_hello(kj_reader *body, kj_image_hello *out);
