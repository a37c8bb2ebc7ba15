/* SPDX-License-Identifier: Apache-2.0 */
/*     preamble   64   magic, version, key, zeros
 *     streams         the content, then the values of the attributes, each encrypted by itself
 *     about           what is known of the file: see put_about()
 *     footer     64   where `about` is, how long it is, SHA-256 of all before the digest, magic
 *
 * Streams are ChaCha20 (D. J. Bernstein, 2008: 64-bit nonce and counter) under the key in the
 * preamble, the nonce being the stream's number. The key is no secret: encryption keeps the content
 * from being run, opened or found by others. */
#include "clean/container.h"

#include "base/arith.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/reader.h"
#include "clean/times.h"

#include <errno.h>
#include <fcntl.h>
#include <nettle/chacha.h>
#include <nettle/md5.h>
#include <nettle/sha1.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <sys/random.h>

enum {
    VERSION = 1,
    PREAMBLE_LEN = 64,
    FOOTER_LEN = 64,
    KEY_AT = 16,
    KEY_LEN = 32,
    CHUNK = 64 << 10, /* a multiple of ChaCha's blocks */
    ABOUT_MAX = 64 << 20,
    SCRATCH_BUDGET = KJ_ATTRIBUTES_LEN_MAX + (4 << 20),
};

static const uint8_t magic[8] = {'K', 'U', 'J', 'O', 'Q', '1', '\r', '\n'};

/* ---- streams
 * -------------------------------------------------------------------------------------------- */

typedef struct digests {
    struct md5_ctx md5;
    struct sha1_ctx sha1;
    struct sha256_ctx sha256;
} digests;

static void begin_digests(digests *d)
{
    md5_init(&d->md5);
    sha1_init(&d->sha1);
    sha256_init(&d->sha256);
}

static void add_to_digests(digests *d, kj_span bytes)
{
    md5_update(&d->md5, bytes.len, bytes.data);
    sha1_update(&d->sha1, bytes.len, bytes.data);
    sha256_update(&d->sha256, bytes.len, bytes.data);
}

static void begin_stream(struct chacha_ctx *cipher, const uint8_t key[KEY_LEN], uint64_t number)
{
    uint8_t nonce[8];
    for (size_t i = 0; i < sizeof nonce; i++)
        nonce[i] = (uint8_t)(number >> 8 * i);
    chacha_set_key(cipher, key);
    chacha_set_nonce(cipher, nonce);
}

/* ---- writing
 * -------------------------------------------------------------------------------------------- */

typedef struct writing {
    int to;
    uint64_t written;
    struct sha256_ctx whole;
    uint8_t key[KEY_LEN];
    uint8_t chunk[CHUNK];
} writing;

static kj_status put(writing *w, kj_span bytes, kj_error *err)
{
    sha256_update(&w->whole, bytes.len, bytes.data);
    w->written += bytes.len;
    return kj_file_write_all(w->to, bytes, err);
}

static kj_status put_preamble(writing *w, kj_error *err)
{
    uint8_t preamble[PREAMBLE_LEN] = {0};
    if (getrandom(w->key, sizeof w->key, 0) != (ssize_t)sizeof w->key)
        return kj_fail_errno(err, "random bytes");
    memcpy(preamble, magic, sizeof magic);
    preamble[8] = VERSION;
    memcpy(preamble + KEY_AT, w->key, KEY_LEN);
    return put(w, kj_span_of(preamble, sizeof preamble), err);
}

/* The file's bytes, as they come; *out_size is how many. */
static kj_status put_content(writing *w, int file, uint64_t expected, digests *d,
                             uint64_t *out_size, kj_error *err)
{
    struct chacha_ctx cipher;
    begin_stream(&cipher, w->key, 0);
    uint64_t at = 0;
    for (;;) {
        size_t len = 0;
        if (kj_file_read_at(file, at, w->chunk, CHUNK, &len, NULL) != KJ_OK)
            return kj_fail(err, KJ_UNSUPPORTED, at, "it cannot be read: %s", strerror(errno));
        if (len == 0)
            break;
        add_to_digests(d, kj_span_of(w->chunk, len));
        chacha_crypt(&cipher, len, w->chunk, w->chunk);
        KJ_TRY(put(w, kj_span_of(w->chunk, len), err));
        at += len;
        if (at > expected) /* somebody who appends for ever would fill the disk */
            return kj_fail(err, KJ_UNSUPPORTED, at, "it grew while it was copied");
        if (len < CHUNK)
            break;
    }
    *out_size = at;
    return KJ_OK;
}

static kj_status put_attributes(writing *w, kj_attributes attributes, kj_buf *about, kj_error *err)
{
    for (size_t i = 0; i < attributes.count; i++) {
        const kj_attribute_value *one = &attributes.items[i];
        uint8_t digest[KJ_HASH_MAX];
        kj_hash(KJ_HASH_SHA256, one->value, digest);
        struct chacha_ctx cipher;
        begin_stream(&cipher, w->key, i + 1);
        for (size_t at = 0; at < one->value.len; at += CHUNK) {
            kj_span part = kj_span_sub(one->value, at, CHUNK);
            chacha_crypt(&cipher, part.len, w->chunk, part.data);
            KJ_TRY(put(w, kj_span_of(w->chunk, part.len), err));
        }
        kj_buf_put_u32le(about, (uint32_t)one->name.len);
        kj_buf_put(about, one->name);
        kj_buf_put_u64le(about, one->value.len);
        kj_buf_put(about, kj_span_of(digest, sizeof digest));
    }
    return KJ_OK;
}

/* The order is the format. */
static void put_about(kj_buf *out, const kj_quarantined *about, const struct stat *st,
                      uint64_t size, const digests *d, kj_span attributes, uint32_t attribute_count)
{
    digests sums = *d;
    uint8_t md5[MD5_DIGEST_SIZE], sha1[SHA1_DIGEST_SIZE], sha256[SHA256_DIGEST_SIZE];
    md5_digest(&sums.md5, sizeof md5, md5);
    sha1_digest(&sums.sha1, sizeof sha1, sha1);
    sha256_digest(&sums.sha256, sizeof sha256, sha256);
    kj_buf_put_u64le(out, size);
    kj_buf_put(out, kj_span_of(sha256, sizeof sha256));
    kj_buf_put(out, kj_span_of(sha1, sizeof sha1));
    kj_buf_put(out, kj_span_of(md5, sizeof md5));
    kj_buf_put_u64le(out, (uint64_t)about->when);
    kj_buf_put_u64le(out, (uint64_t)kj_time_ns(st->st_mtim));
    kj_buf_put_u64le(out, (uint64_t)kj_time_ns(st->st_atim));
    kj_buf_put_u32le(out, st->st_mode);
    kj_buf_put_u32le(out, st->st_uid);
    kj_buf_put_u32le(out, st->st_gid);
    kj_buf_put_u32le(out, (uint32_t)st->st_nlink);
    kj_buf_put_u32le(out, about->sensitive);
    kj_buf_put_sized(out, kj_span_str(about->id));
    kj_buf_put_sized(out, about->run);
    kj_buf_put_sized(out, about->root);
    kj_buf_put_sized(out, about->path);
    kj_buf_put_sized(out, about->reasons);
    kj_buf_put_u32le(out, attribute_count);
    kj_buf_put(out, attributes);
}

static kj_status put_footer(writing *w, uint64_t about_at, uint64_t about_len, kj_error *err)
{
    kj_buf footer;
    kj_buf_init(&footer, FOOTER_LEN);
    kj_buf_put_u64le(&footer, about_at);
    kj_buf_put_u64le(&footer, about_len);
    sha256_update(&w->whole, footer.len, footer.data);
    uint8_t digest[KJ_HASH_MAX];
    sha256_digest(&w->whole, sizeof digest, digest);
    kj_buf_put(&footer, kj_span_of(digest, sizeof digest));
    kj_buf_put(&footer, kj_span_of(magic, sizeof magic));
    kj_buf_put_zeros(&footer, FOOTER_LEN - footer.len);
    kj_status status =
        footer.failed ? kj_no_memory(err) : kj_file_write_all(w->to, kj_buf_span(&footer), err);
    kj_buf_done(&footer);
    return status;
}

static kj_status write_all(writing *w, const kj_quarantined *about, int file, const struct stat *st,
                           kj_arena *scratch, kj_buf *text, kj_buf *attributes,
                           uint8_t out_sha256[KJ_HASH_MAX], kj_error *err)
{
    uint64_t size = 0;
    kj_attributes found;
    digests d;
    begin_digests(&d);
    sha256_init(&w->whole);
    KJ_TRY(kj_attributes_read(file, scratch, &found, err));
    KJ_TRY(put_preamble(w, err));
    KJ_TRY(put_content(w, file, (uint64_t)st->st_size, &d, &size, err));
    KJ_TRY(put_attributes(w, found, attributes, err));
    put_about(text, about, st, size, &d, kj_buf_span(attributes), (uint32_t)found.count);
    if (text->failed || attributes->failed)
        return kj_no_memory(err);
    uint64_t at = w->written;
    KJ_TRY(put(w, kj_buf_span(text), err));
    KJ_TRY(put_footer(w, at, text->len, err));
    sha256_digest(&d.sha256, KJ_HASH_MAX, out_sha256);
    return fsync(w->to) == 0 ? KJ_OK : kj_fail_errno(err, "sync the quarantine");
}

static void file_name(const char *id, char out[KJ_QUARANTINE_ID_MAX + 8])
{
    (void)snprintf(out, KJ_QUARANTINE_ID_MAX + 8, "%s.kjq", id);
}

kj_status kj_container_write(int quarantine, const kj_quarantined *about, int file,
                             const struct stat *st, uint8_t out_sha256[KJ_HASH_MAX], kj_error *err)
{
    char name[KJ_QUARANTINE_ID_MAX + 8];
    file_name(about->id, name);
    (void)unlinkat(quarantine, name, 0);
    KJ_CLEANUP(kj_free_ptr) writing *w = calloc(1, sizeof *w);
    if (!w)
        return kj_no_memory(err);
    KJ_CLEANUP(kj_close_fd)
    int to = openat(quarantine, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (to < 0)
        return kj_fail_errno(err, "make a container");
    w->to = to;
    kj_buf text, attributes;
    kj_buf_init(&text, ABOUT_MAX);
    kj_buf_init(&attributes, ABOUT_MAX);
    kj_arena scratch;
    kj_arena_init(&scratch, SCRATCH_BUDGET);
    kj_status status = write_all(w, about, file, st, &scratch, &text, &attributes, out_sha256, err);
    kj_arena_done(&scratch);
    kj_buf_done(&text);
    kj_buf_done(&attributes);
    if (status != KJ_OK)
        (void)unlinkat(quarantine, name, 0);
    return status;
}

/* ---- reading
 * -------------------------------------------------------------------------------------------- */

static kj_status damaged(kj_error *err)
{
    return kj_fail(err, KJ_MALFORMED, KJ_NO_OFFSET, "the container is damaged");
}

/* Reads exactly `len` bytes at `at`. */
static kj_status read_at(int fd, uint64_t at, void *to, size_t len, kj_error *err)
{
    size_t got = 0;
    if (kj_file_read_at(fd, at, to, len, &got, err) != KJ_OK)
        return kj_fail_errno(err, "read the container");
    return got == len ? KJ_OK : damaged(err);
}

static kj_status read_attributes(kj_reader *r, kj_arena *arena, kj_container *out, kj_error *err)
{
    uint32_t count = kj_read_u32le(r);
    if (!kj_reader_ok(r) || count > KJ_ATTRIBUTES_MAX)
        return damaged(err);
    kj_attribute *items = kj_new_array(arena, kj_attribute, count + 1);
    if (!items)
        return kj_no_memory(err);
    uint64_t sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        items[i].name = kj_read_sized(r);
        items[i].len = kj_read_u64le(r);
        kj_span digest = kj_read_span(r, KJ_HASH_MAX);
        sum += kj_min_u64(items[i].len, KJ_ATTRIBUTES_LEN_MAX + 1);
        if (!kj_reader_ok(r) || items[i].name.len == 0 ||
            items[i].name.len > KJ_ATTRIBUTE_NAME_MAX ||
            memchr(items[i].name.data, 0, items[i].name.len) || sum > KJ_ATTRIBUTES_LEN_MAX)
            return damaged(err);
        memcpy(items[i].sha256, digest.data, KJ_HASH_MAX);
    }
    out->attributes = items;
    out->attribute_count = count;
    out->about.attribute_count = count;
    return KJ_OK;
}

/* A path of the record is put together with others: it must be one below a root. */
static bool is_sound_path(kj_span path)
{
    return path.len && path.data[0] != '/' && !memchr(path.data, 0, path.len);
}

static kj_status read_about(kj_span text, const char *id, kj_arena *arena, kj_container *out,
                            kj_error *err)
{
    kj_reader r = kj_reader_of(text);
    kj_quarantined *about = &out->about;
    about->size = kj_read_u64le(&r);
    kj_span digest = kj_read_span(&r, 32 + 20 + 16);
    about->when = (int64_t)kj_read_u64le(&r);
    about->mtime_ns = (int64_t)kj_read_u64le(&r);
    out->atime_ns = (int64_t)kj_read_u64le(&r);
    about->mode = kj_read_u32le(&r);
    about->uid = kj_read_u32le(&r);
    about->gid = kj_read_u32le(&r);
    about->links = kj_read_u32le(&r);
    about->sensitive = kj_read_u32le(&r) != 0;
    kj_span own_id = kj_read_sized(&r);
    about->run = kj_read_sized(&r);
    about->root = kj_read_sized(&r);
    about->path = kj_read_sized(&r);
    about->reasons = kj_read_sized(&r);
    if (!kj_reader_ok(&r) || !kj_span_is(own_id, id) || !is_sound_path(about->path))
        return damaged(err);
    memcpy(about->sha256, digest.data, 32);
    memcpy(about->sha1, digest.data + 32, 20);
    memcpy(about->md5, digest.data + 52, 16);
    (void)snprintf(about->id, sizeof about->id, "%s", id);
    return read_attributes(&r, arena, out, err);
}

/* Where the streams end and `about` begins, by the footer. */
static kj_status find_about(int fd, uint64_t file_size, uint64_t *out_at, uint64_t *out_len,
                            kj_error *err)
{
    uint8_t footer[FOOTER_LEN];
    if (file_size < PREAMBLE_LEN + FOOTER_LEN)
        return damaged(err);
    KJ_TRY(read_at(fd, file_size - FOOTER_LEN, footer, sizeof footer, err));
    kj_reader r = kj_reader_of(kj_span_of(footer, sizeof footer));
    *out_at = kj_read_u64le(&r);
    *out_len = kj_read_u64le(&r);
    uint64_t end = file_size - FOOTER_LEN;
    static const uint8_t zeros[8];
    if (memcmp(footer + 48, magic, sizeof magic) != 0 ||
        memcmp(footer + 56, zeros, sizeof zeros) != 0 || *out_at < PREAMBLE_LEN || *out_at > end ||
        *out_len != end - *out_at || *out_len > ABOUT_MAX)
        return damaged(err);
    return KJ_OK;
}

kj_status kj_container_read(int fd, const char *id, kj_arena *arena, kj_container *out,
                            kj_error *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return kj_fail_errno(err, "look at the container");
    if (!S_ISREG(st.st_mode))
        return damaged(err);
    uint8_t preamble[PREAMBLE_LEN];
    uint64_t at = 0, len = 0;
    KJ_TRY(find_about(fd, (uint64_t)st.st_size, &at, &len, err));
    KJ_TRY(read_at(fd, 0, preamble, sizeof preamble, err));
    if (memcmp(preamble, magic, sizeof magic) != 0)
        return damaged(err);
    if (preamble[8] != VERSION)
        return kj_fail(err, KJ_UNSUPPORTED, 8, "a container of version %u", preamble[8]);
    memcpy(out->key, preamble + KEY_AT, KEY_LEN);
    uint8_t *text = kj_arena_alloc_raw(arena, (size_t)len + 1);
    if (!text)
        return kj_no_memory(err);
    KJ_TRY(read_at(fd, at, text, (size_t)len, err));
    KJ_TRY(read_about(kj_span_of(text, (size_t)len), id, arena, out, err));
    uint64_t streams = out->about.size;
    for (size_t i = 0; i < out->attribute_count; i++)
        streams += out->attributes[i].len;
    return out->about.size <= at && streams == at - PREAMBLE_LEN ? KJ_OK : damaged(err);
}

kj_status kj_container_open(int quarantine, const char *id, kj_arena *arena, int *out_fd,
                            kj_container *out, kj_error *err)
{
    char name[KJ_QUARANTINE_ID_MAX + 8];
    file_name(id, name);
    *out = (kj_container){0};
    KJ_CLEANUP(kj_close_fd)
    int fd = openat(quarantine, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return kj_fail_errno(err, "open the container");
    KJ_TRY(kj_container_read(fd, id, arena, out, err));
    *out_fd = kj_take_fd(&fd);
    return KJ_OK;
}

/* Decrypts a stream into `to` (-1: nowhere), and compares its digest. */
static kj_status read_stream(int fd, const uint8_t key[KEY_LEN], uint64_t number, uint64_t at,
                             uint64_t len, const uint8_t sha256[KJ_HASH_MAX], int to, kj_error *err)
{
    KJ_CLEANUP(kj_free_ptr) uint8_t *chunk = malloc(CHUNK);
    if (!chunk)
        return kj_no_memory(err);
    struct chacha_ctx cipher;
    struct sha256_ctx sum;
    begin_stream(&cipher, key, number);
    sha256_init(&sum);
    for (uint64_t done = 0; done < len;) {
        size_t part = (size_t)kj_min_u64(CHUNK, len - done);
        KJ_TRY(read_at(fd, at + done, chunk, part, err));
        chacha_crypt(&cipher, part, chunk, chunk);
        sha256_update(&sum, part, chunk);
        if (to >= 0)
            KJ_TRY(kj_file_write_all(to, kj_span_of(chunk, part), err));
        done += part;
    }
    uint8_t digest[KJ_HASH_MAX];
    sha256_digest(&sum, sizeof digest, digest);
    return memcmp(digest, sha256, sizeof digest) == 0 ? KJ_OK : damaged(err);
}

kj_status kj_container_content(int fd, const kj_container *container, int to, kj_error *err)
{
    return read_stream(fd, container->key, 0, PREAMBLE_LEN, container->about.size,
                       container->about.sha256, to, err);
}

/* The digest of the whole, which the footer holds. */
static kj_status verify_whole(int fd, kj_error *err)
{
    struct stat st;
    uint8_t stored[KJ_HASH_MAX], digest[KJ_HASH_MAX];
    if (fstat(fd, &st) != 0)
        return kj_fail_errno(err, "look at the container");
    uint64_t end = (uint64_t)st.st_size - FOOTER_LEN + 16;
    KJ_TRY(read_at(fd, end, stored, sizeof stored, err));
    KJ_CLEANUP(kj_free_ptr) uint8_t *chunk = malloc(CHUNK);
    if (!chunk)
        return kj_no_memory(err);
    struct sha256_ctx sum;
    sha256_init(&sum);
    for (uint64_t at = 0; at < end;) {
        size_t part = (size_t)kj_min_u64(CHUNK, end - at);
        KJ_TRY(read_at(fd, at, chunk, part, err));
        sha256_update(&sum, part, chunk);
        at += part;
    }
    sha256_digest(&sum, sizeof digest, digest);
    return memcmp(digest, stored, sizeof digest) == 0 ? KJ_OK : damaged(err);
}

kj_status kj_container_verify(int fd, const kj_container *container, kj_error *err)
{
    KJ_TRY(verify_whole(fd, err));
    KJ_TRY(kj_container_content(fd, container, -1, err));
    uint64_t at = PREAMBLE_LEN + container->about.size;
    for (size_t i = 0; i < container->attribute_count; i++) {
        const kj_attribute *attribute = &container->attributes[i];
        KJ_TRY(
            read_stream(fd, container->key, i + 1, at, attribute->len, attribute->sha256, -1, err));
        at += attribute->len;
    }
    return KJ_OK;
}

/* ---- restoring
 * ------------------------------------------------------------------------------------------ */

static kj_status set_attributes(int fd, const kj_container *container, int to, kj_error *err)
{
    uint64_t at = PREAMBLE_LEN + container->about.size;
    for (size_t i = 0; i < container->attribute_count; i++) {
        const kj_attribute *attribute = &container->attributes[i];
        size_t len = (size_t)attribute->len;
        KJ_CLEANUP(kj_free_ptr) uint8_t *value = malloc(len + 1);
        uint8_t digest[KJ_HASH_MAX];
        if (!value)
            return kj_no_memory(err);
        KJ_TRY(read_at(fd, at, value, len, err));
        struct chacha_ctx cipher;
        begin_stream(&cipher, container->key, i + 1);
        chacha_crypt(&cipher, len, value, value);
        kj_hash(KJ_HASH_SHA256, kj_span_of(value, len), digest);
        if (memcmp(digest, attribute->sha256, sizeof digest) != 0)
            return damaged(err);
        KJ_TRY(kj_attribute_set(to, attribute->name, kj_span_of(value, len), err));
        at += attribute->len;
    }
    return KJ_OK;
}

static kj_status fill_file(int fd, const kj_container *container, int to, kj_error *err)
{
    const kj_quarantined *about = &container->about;
    KJ_TRY(kj_container_content(fd, container, to, err));
    /* The owner first: changing him takes attributes and bits of the mode away. */
    if (fchown(to, about->uid, about->gid) != 0 && errno != EPERM)
        return kj_fail_errno(err, "give it back to its owner");
    KJ_TRY(set_attributes(fd, container, to, err));
    if (!kj_mode_set(to, about->mode))
        return kj_fail_errno(err, "set its mode");
    if (!kj_time_set(to, container->atime_ns, about->mtime_ns))
        return kj_fail_errno(err, "set its times");
    return fsync(to) == 0 ? KJ_OK : kj_fail_errno(err, "sync the file");
}

/* The name, unless it is taken; some file systems cannot promise that in one step. */
static kj_status take_name(int directory, const char *temporary, const char *name, kj_error *err)
{
    struct stat st;
    if (renameat2(directory, temporary, directory, name, RENAME_NOREPLACE) == 0)
        return KJ_OK;
    int why = errno;
    if (why == EINVAL && fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
        why = EEXIST;
    if (why == EEXIST)
        return kj_fail(err, KJ_IO, KJ_NO_OFFSET, "something of that name is there already");
    errno = why;
    if (why != EINVAL || renameat(directory, temporary, directory, name) != 0)
        return kj_fail_errno(err, "rename");
    return KJ_OK;
}

kj_status kj_container_restore(int fd, const kj_container *container, int directory,
                               const char *name, const char *temporary, kj_error *err)
{
    KJ_TRY(verify_whole(fd, err)); /* what it says of mode and owner is covered by nothing else */
    (void)unlinkat(directory, temporary, 0);
    KJ_CLEANUP(kj_close_fd)
    int to =
        openat(directory, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (to < 0)
        return kj_fail_errno(err, "make the file");
    kj_status status = fill_file(fd, container, to, err);
    if (status == KJ_OK)
        status = take_name(directory, temporary, name, err);
    if (status != KJ_OK)
        (void)unlinkat(directory, temporary, 0);
    return status;
}
