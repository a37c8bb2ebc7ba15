/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"

#include "base/arith.h"
#include "base/text.h"

#include <errno.h>
#include <nettle/md5.h>
#include <nettle/sha1.h>
#include <nettle/sha2.h>
#include <unistd.h>

static void md5(kj_span bytes, uint8_t *out)
{
    struct md5_ctx ctx;
    md5_init(&ctx);
    md5_update(&ctx, bytes.len, bytes.data);
    md5_digest(&ctx, MD5_DIGEST_SIZE, out);
}

static void sha1(kj_span bytes, uint8_t *out)
{
    struct sha1_ctx ctx;
    sha1_init(&ctx);
    sha1_update(&ctx, bytes.len, bytes.data);
    sha1_digest(&ctx, SHA1_DIGEST_SIZE, out);
}

static void sha256(kj_span bytes, uint8_t *out)
{
    struct sha256_ctx ctx;
    sha256_init(&ctx);
    sha256_update(&ctx, bytes.len, bytes.data);
    sha256_digest(&ctx, SHA256_DIGEST_SIZE, out);
}

static const struct {
    const char *name;
    size_t len;
    void (*digest)(kj_span bytes, uint8_t *out);
} kinds[KJ_HASH_KIND_COUNT] = {
    [KJ_HASH_MD5] = {"md5", MD5_DIGEST_SIZE, md5},
    [KJ_HASH_SHA1] = {"sha1", SHA1_DIGEST_SIZE, sha1},
    [KJ_HASH_SHA256] = {"sha256", SHA256_DIGEST_SIZE, sha256},
};

size_t kj_hash_len(kj_hash_kind kind)
{
    return kinds[kind].len;
}

const char *kj_hash_name(kj_hash_kind kind)
{
    return kinds[kind].name;
}

void kj_hash(kj_hash_kind kind, kj_span bytes, uint8_t out[KJ_HASH_MAX])
{
    kinds[kind].digest(bytes, out);
}

bool kj_hash_parse(kj_span hex, kj_hash_kind *out_kind, uint8_t out[KJ_HASH_MAX])
{
    for (size_t i = 0; i < KJ_COUNT(kinds); i++) {
        if (hex.len != 2 * kinds[i].len || !kj_hex_decode(hex, out))
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
    struct sha256_ctx ctx;
    sha256_init(&ctx);
    uint64_t size = 0;
    for (;;) {
        ssize_t got = pread(fd, chunk, sizeof chunk, (off_t)size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return kj_fail_errno(err, "read");
        if (got == 0)
            break;
        sha256_update(&ctx, (size_t)got, chunk);
        size += (uint64_t)got;
    }
    sha256_digest(&ctx, SHA256_DIGEST_SIZE, out);
    *out_size = size;
    return KJ_OK;
}
