/* SPDX-License-Identifier: Apache-2.0 */
/* Message digests, over nettle. */
#pragma once

#include "base/span.h"
#include "base/status.h"

typedef enum kj_hash_kind {
    KJ_HASH_MD5,
    KJ_HASH_SHA1,
    KJ_HASH_SHA256,
    KJ_HASH_KIND_COUNT
} kj_hash_kind;

enum { KJ_HASH_MAX = 32 };

/* Digest length in bytes: 16, 20, 32. */
size_t kj_hash_len(kj_hash_kind kind);

/* "md5", "sha1", "sha256". */
const char *kj_hash_name(kj_hash_kind kind);

/* The digest of `bytes`; the first kj_hash_len(kind) bytes of `out` are written. */
void kj_hash(kj_hash_kind kind, kj_span bytes, uint8_t out[KJ_HASH_MAX]);

/* A digest of bytes that come in parts. */
typedef struct kj_hasher {
    kj_hash_kind kind;
    uint64_t state[24]; /* nettle's */
} kj_hasher;

void kj_hasher_init(kj_hasher *hasher, kj_hash_kind kind);
void kj_hasher_put(kj_hasher *hasher, kj_span bytes);
void kj_hasher_done(kj_hasher *hasher, uint8_t out[KJ_HASH_MAX]);

/* The SHA-256 of all of a file, read from its beginning whatever its position, and how much that
 * was. KJ_IO. */
KJ_MUST_CHECK kj_status kj_sha256_fd(int fd, uint8_t out[KJ_HASH_MAX], uint64_t *out_size,
                                     kj_error *err);

/* Reads 32, 40 or 64 hex digits of either case; false for anything else. */
bool kj_hash_parse(kj_span hex, kj_hash_kind *out_kind, uint8_t out[KJ_HASH_MAX]);
