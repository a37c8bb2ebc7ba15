/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"

#include "base/arith.h"
#include "base/text.h"

#include <errno.h>
#include <nettle/md5.h>
#include <nettle/nettle-meta.h>
#include <nettle/sha1.h>
#include <nettle/sha2.h>
#include <unistd.h>

static const struct {
    const char *name;
    const struct nettle_hash *nettle;
} kinds[KJ_HASH_KIND_COUNT] = {
    [KJ_HASH_MD5] = {"md5", &nettle_md5},
    [KJ_HASH_SHA1] = {"sha1", &nettle_sha1},
    [KJ_HASH_SHA256] = {"sha256", &nettle_sha256},
};

_Static_assert(sizeof(struct sha256_ctx) <= sizeof((kj_hasher *)NULL)->state, "room");
_Static_assert(sizeof(struct sha1_ctx) <= sizeof((kj_hasher *)NULL)->state, "room");
_Static_assert(sizeof(struct md5_ctx) <= sizeof((kj_hasher *)NULL)->state, "room");

size_t kj_hash_len(kj_hash_kind kind)
{
    return kinds[kind].nettle->digest_size;
}

const char *kj_hash_name(kj_hash_kind kind)
{
    return kinds[kind].name;
}

void kj_hasher_init(kj_hasher *hasher, kj_hash_kind kind)
{
    hasher->kind = kind;
    kinds[kind].nettle->init(hasher->state);
}

void kj_hasher_put(kj_hasher *hasher, kj_span bytes)
{
    kinds[hasher->kind].nettle->update(hasher->state, bytes.len, bytes.data);
}

void kj_hasher_done(kj_hasher *hasher, uint8_t out[KJ_HASH_MAX])
{
    kinds[hasher->kind].nettle->digest(hasher->state, kj_hash_len(hasher->kind), out);
}

void kj_hash(kj_hash_kind kind, kj_span bytes, uint8_t out[KJ_HASH_MAX])
{
    kj_hasher hasher;
    kj_hasher_init(&hasher, kind);
    kj_hasher_put(&hasher, bytes);
    kj_hasher_done(&hasher, out);
}

bool kj_hash_parse(kj_span hex, kj_hash_kind *out_kind, uint8_t out[KJ_HASH_MAX])
{
    for (size_t i = 0; i < KJ_COUNT(kinds); i++) {
        if (hex.len != 2 * kj_hash_len((kj_hash_kind)i) || !kj_hex_decode(hex, out))
            continue;
        *out_kind = (kj_hash_kind)i;
        return true;
    }
    return false;
}

kj_status kj_sha256_fd(int fd, uint8_t out[KJ_HASH_MAX], uint64_t *out_size, kj_error *err)
{
    enum { CHUNK = 64 << 10 };
    uint8_t chunk[CHUNK];
    kj_hasher hasher;
    kj_hasher_init(&hasher, KJ_HASH_SHA256);
    uint64_t size = 0;
    for (;;) {
        ssize_t got = pread(fd, chunk, sizeof chunk, (off_t)size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return kj_fail_errno(err, "read");
        if (got == 0)
            break;
        kj_hasher_put(&hasher, kj_span_of(chunk, (size_t)got));
        size += (uint64_t)got;
    }
    kj_hasher_done(&hasher, out);
    *out_size = size;
    return KJ_OK;
}
