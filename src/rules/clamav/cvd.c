/* SPDX-License-Identifier: Apache-2.0 */
/* A container:
 *
 *     ClamAV-VDB:date:version:signatures:level:MD5:signature:builder:seconds   padded to 512 bytes
 *     tar archive of files in no folder, gzipped in a .cvd
 *
 * The MD5 is of all behind the head. One member is called NAME.info; its lines "FILE:SIZE:SHA-256"
 * speak of the others. All is read once to be checked, and once more to be used, so that nothing is
 * taken from a damaged file. Archives are read by libarchive (3.6). */
#include "rules/clamav/cvd.h"

#include "base/arena.h"
#include "base/arith.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/lazy.h"
#include "base/text.h"
#include "base/vec.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define FUNCTIONS(X)                                                                               \
    X(archive_read_new)                                                                            \
    X(archive_read_free)                                                                           \
    X(archive_read_support_format_tar)                                                             \
    X(archive_read_support_filter_gzip)                                                            \
    X(archive_read_open)                                                                           \
    X(archive_read_next_header)                                                                    \
    X(archive_read_data)                                                                           \
    X(archive_error_string)                                                                        \
    X(archive_entry_pathname)                                                                      \
    X(archive_entry_filetype)                                                                      \
    X(archive_entry_size)

static struct {
    FUNCTIONS(KJ_LAZY_FIELD)
} lib;
static const kj_lazy_symbol symbols[] = {FUNCTIONS(KJ_LAZY_SYMBOL)};
static kj_lazy library = KJ_LAZY("libarchive.so.13", symbols);

enum {
    PIECE = 256 << 10,
    MEMBERS_MAX = 10000,
    NAME_LEN_MAX = 255,
    INFO_MAX = 4 << 20, /* bytes of the member that speaks of the others */
    FIELDS = 9,         /* of a head */
};

#define UNPACKED_MAX (UINT64_C(64) << 30) /* bytes of all members */

/* A member as it was found. */
typedef struct found {
    kj_span name;
    uint64_t size;
    uint8_t sha256[KJ_HASH_MAX];
} found;

struct kj_cvd {
    kj_cvd_options how;
    int fd;
    uint64_t at; /* where reading goes on in the file */
    uint64_t unpacked;
    uint8_t head_text[KJ_CVD_HEAD];
    kj_cvd_head head;
    bool verified;
    kj_arena arena;
    KJ_VEC(found) members;
    kj_buf info;
    struct archive *archive;
    kj_error failure; /* of reading the file, on its way through libarchive */
    uint8_t piece[PIECE];
};

struct kj_cvd_member {
    kj_cvd *cvd;
};

/* ---- the head ------------------------------------------------------------------------------ */

static bool is_md5(kj_span text)
{
    uint8_t digest[KJ_HASH_MAX];
    kj_hash_kind kind;
    return kj_hash_parse(text, &kind, digest) && kind == KJ_HASH_MD5;
}

bool kj_cvd_head_parse(kj_span bytes, kj_cvd_head *out)
{
    kj_span fields[FIELDS] = {0}, rest = kj_text_trim(bytes);
    size_t count = 0;
    while (count < FIELDS && rest.len) {
        const uint8_t *colon = memchr(rest.data, ':', rest.len);
        size_t len = colon ? (size_t)(colon - rest.data) : rest.len;
        fields[count++] = kj_span_sub(rest, 0, len);
        rest = kj_span_sub(rest, kj_min_size(len + 1, rest.len), SIZE_MAX);
    }
    if (count < FIELDS - 1 || !kj_span_is(fields[0], "ClamAV-VDB"))
        return false;
    *out = (kj_cvd_head){.date = fields[1],
                         .version = fields[2],
                         .signatures = fields[3],
                         .md5 = is_md5(fields[5]) ? fields[5] : (kj_span){0},
                         .signature = fields[6]};
    return true;
}

static kj_status read_head(kj_cvd *cvd, kj_error *err)
{
    size_t len = 0;
    KJ_TRY(kj_file_read_at(cvd->fd, 0, cvd->head_text, sizeof cvd->head_text, &len, err));
    if (len == sizeof cvd->head_text &&
        kj_cvd_head_parse(kj_span_of(cvd->head_text, len), &cvd->head))
        return KJ_OK;
    return kj_fail(err, KJ_MALFORMED, 0, "is no container of ClamAV signatures");
}

/* ---- MD5 and signature --------------------------------------------------------------------- */

static void tell_progress(const kj_cvd *cvd, size_t bytes)
{
    if (cvd->how.progress)
        cvd->how.progress(cvd->how.user, bytes);
}

static kj_status digest_rest(kj_cvd *cvd, uint8_t out[KJ_HASH_MAX], kj_error *err)
{
    kj_hasher hasher;
    kj_hasher_init(&hasher, KJ_HASH_MD5);
    size_t len = 0;
    for (uint64_t at = KJ_CVD_HEAD;; at += len) {
        KJ_TRY(kj_file_read_at(cvd->fd, at, cvd->piece, sizeof cvd->piece, &len, err));
        if (len == 0)
            break;
        kj_hasher_put(&hasher, kj_span_of(cvd->piece, len));
    }
    kj_hasher_done(&hasher, out);
    return KJ_OK;
}

static kj_status check_digest(kj_cvd *cvd, kj_error *err)
{
    uint8_t wanted[KJ_HASH_MAX], got[KJ_HASH_MAX];
    kj_hash_kind kind;
    if (cvd->head.md5.len) {
        KJ_TRY(digest_rest(cvd, got, err));
        if (!kj_hash_parse(cvd->head.md5, &kind, wanted) ||
            memcmp(got, wanted, kj_hash_len(KJ_HASH_MD5)) != 0)
            return kj_fail(err, KJ_MALFORMED, KJ_CVD_HEAD,
                           "is damaged: its MD5 is not what its head says");
        cvd->verified = cvd->how.key && kj_cvd_key_verify(cvd->how.key, cvd->head.signature, got);
        if (cvd->how.key && !cvd->verified)
            return kj_fail(err, KJ_MALFORMED, 0, "its signature is not of this key");
    }
    if (cvd->how.require_signature && !cvd->verified)
        return kj_fail(err, KJ_UNSUPPORTED, 0,
                       cvd->how.key ? "has no signature"
                                    : "its signature is not verified: say "
                                      "--cvd-key");
    return KJ_OK;
}

/* ---- the archive --------------------------------------------------------------------------- */

static la_ssize_t feed(struct archive *archive, void *user, const void **out)
{
    (void)archive;
    kj_cvd *cvd = user;
    size_t len = 0;
    if (kj_file_read_at(cvd->fd, cvd->at, cvd->piece, sizeof cvd->piece, &len, &cvd->failure) !=
        KJ_OK)
        return -1;
    cvd->at += len;
    tell_progress(cvd, len);
    *out = cvd->piece;
    return (la_ssize_t)len;
}

/* Passes on why reading failed, or what libarchive says. */
static kj_status fail(kj_cvd *cvd, kj_error *err)
{
    if (cvd->failure.status != KJ_OK)
        return kj_fail(err, cvd->failure.status, KJ_NO_OFFSET, "%s", cvd->failure.message);
    const char *why = lib.archive_error_string(cvd->archive);
    return kj_fail(err, KJ_MALFORMED, KJ_NO_OFFSET, "its archive is damaged: %s",
                   why ? why : "ends early");
}

static void close_archive(kj_cvd *cvd)
{
    if (cvd->archive)
        (void)lib.archive_read_free(cvd->archive);
    cvd->archive = NULL;
}

static kj_status open_archive(kj_cvd *cvd, kj_error *err)
{
    close_archive(cvd);
    cvd->at = KJ_CVD_HEAD;
    cvd->unpacked = 0;
    cvd->failure = (kj_error){.status = KJ_OK};
    cvd->archive = lib.archive_read_new();
    if (!cvd->archive)
        return kj_no_memory(err);
    if (lib.archive_read_support_format_tar(cvd->archive) != ARCHIVE_OK ||
        lib.archive_read_support_filter_gzip(cvd->archive) != ARCHIVE_OK ||
        lib.archive_read_open(cvd->archive, cvd, NULL, feed, NULL) != ARCHIVE_OK)
        return fail(cvd, err);
    return KJ_OK;
}

ptrdiff_t kj_cvd_read(void *member, void *buf, size_t len, kj_error *err)
{
    kj_cvd *cvd = ((kj_cvd_member *)member)->cvd;
    la_ssize_t got = lib.archive_read_data(cvd->archive, buf, len);
    if (got < 0) {
        (void)fail(cvd, err);
        return -1;
    }
    cvd->unpacked += (uint64_t)got;
    if (cvd->unpacked > UNPACKED_MAX) {
        (void)kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET, "unpacks to more than 64 GiB");
        return -1;
    }
    return (ptrdiff_t)got;
}

/* A name without a folder: containers have none. NULL: of something that is no file. */
static const char *member_name(struct archive_entry *entry)
{
    errno = 0; /* see formats/unpack.c */
    const char *name = lib.archive_entry_pathname(entry);
    if (name && name[0] == '.' && name[1] == '/')
        name += 2;
    size_t len = name ? strlen(name) : 0;
    bool plain = len > 0 && len <= NAME_LEN_MAX && !strchr(name, '/');
    return plain && lib.archive_entry_filetype(entry) == AE_IFREG ? name : NULL;
}

static kj_status each_entry(kj_cvd *cvd, kj_cvd_take *take, void *user, kj_error *err)
{
    kj_cvd_member member = {cvd};
    for (size_t count = 0; count < MEMBERS_MAX; count++) {
        struct archive_entry *entry = NULL;
        int result = lib.archive_read_next_header(cvd->archive, &entry);
        if (result == ARCHIVE_EOF)
            return KJ_OK;
        if (result != ARCHIVE_OK && result != ARCHIVE_WARN)
            return fail(cvd, err);
        const char *name = member_name(entry);
        if (name)
            KJ_TRY(take(user, name, &member, err));
    }
    return kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET, "has more than 10000 members");
}

kj_status kj_cvd_each(kj_cvd *cvd, kj_cvd_take *take, void *user, kj_error *err)
{
    KJ_TRY(open_archive(cvd, err));
    kj_status status = each_entry(cvd, take, user, err);
    close_archive(cvd);
    return status;
}

/* ---- members' digests ---------------------------------------------------------------------- */

static bool is_info(kj_span name)
{
    return name.len >= 5 &&
           kj_text_equal_nocase(kj_span_sub(name, name.len - 5, SIZE_MAX), kj_span_str(".info"));
}

/* Digests a member, and keeps the one that speaks of the others. */
static kj_status note_member(void *user, const char *name, kj_cvd_member *member, kj_error *err)
{
    enum { CHUNK = 32 << 10 };
    kj_cvd *cvd = user;
    uint8_t chunk[CHUNK];
    found one = {.name = kj_span_str(kj_arena_strdup(&cvd->arena, name))};
    bool keeps = is_info(one.name);
    kj_hasher hasher;
    kj_hasher_init(&hasher, KJ_HASH_SHA256);
    ptrdiff_t got;
    while ((got = kj_cvd_read(member, chunk, sizeof chunk, err)) > 0) {
        kj_hasher_put(&hasher, kj_span_of(chunk, (size_t)got));
        one.size += (uint64_t)got;
        if (keeps)
            kj_buf_put(&cvd->info, kj_span_of(chunk, (size_t)got));
    }
    if (got < 0)
        return err->status;
    kj_hasher_done(&hasher, one.sha256);
    if (cvd->info.failed)
        return kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET, "%s is too large", name);
    return one.name.data && kj_vec_add(&cvd->members, one) ? KJ_OK : kj_no_memory(err);
}

/* "FILE:SIZE:SHA-256"; false for a line that says something else. */
static bool parse_info(kj_span line, found *out)
{
    const uint8_t *colon = memchr(line.data, ':', line.len);
    if (!colon)
        return false;
    out->name = kj_span_sub(line, 0, (size_t)(colon - line.data));
    kj_span rest = kj_span_sub(line, out->name.len + 1, SIZE_MAX);
    colon = rest.len ? memchr(rest.data, ':', rest.len) : NULL;
    kj_hash_kind kind;
    return colon && kj_text_to_u64(kj_span_sub(rest, 0, (size_t)(colon - rest.data)), &out->size) &&
           kj_hash_parse(kj_span_sub(rest, (size_t)(colon - rest.data) + 1, SIZE_MAX), &kind,
                         out->sha256) &&
           kind == KJ_HASH_SHA256;
}

static int compare_found(const void *a, const void *b)
{
    const found *x = a, *y = b;
    return kj_span_compare(x->name, y->name);
}

static bool is_as_said(const found *member, const found *said, size_t count)
{
    const found *line = count ? bsearch(member, said, count, sizeof *said, compare_found) : NULL;
    return line && line->size == member->size &&
           memcmp(line->sha256, member->sha256, kj_hash_len(KJ_HASH_SHA256)) == 0;
}

typedef KJ_VEC(found) found_list;

static bool read_info(kj_span text, found_list *out)
{
    for (size_t at = 0; at < text.len;) {
        const uint8_t *end = memchr(text.data + at, '\n', text.len - at);
        size_t len = end ? (size_t)(end - text.data) - at : text.len - at;
        found line = {0};
        kj_span bytes = kj_text_trim(kj_span_sub(text, at, len));
        if (bytes.len && parse_info(bytes, &line) && !kj_vec_add(out, line))
            return false;
        at += len + 1;
    }
    if (out->count)
        qsort(out->items, out->count, sizeof *out->items, compare_found);
    return true;
}

/* Each member must be named, but for the list itself and the licence. */
static kj_status compare_members(const kj_cvd *cvd, const found_list *said, kj_error *err)
{
    for (size_t i = 0; i < cvd->members.count; i++) {
        const found *member = &cvd->members.items[i];
        if (is_info(member->name) || kj_span_is(member->name, "COPYING") ||
            is_as_said(member, said->items, said->count))
            continue;
        return kj_fail(err, KJ_MALFORMED, KJ_NO_OFFSET,
                       "its member %.*s is not what the list of members says",
                       (int)member->name.len, (const char *)member->name.data);
    }
    return KJ_OK;
}

static kj_status check_members(kj_cvd *cvd, kj_error *err)
{
    KJ_TRY(kj_cvd_each(cvd, note_member, cvd, err));
    if (cvd->members.count == 0)
        return kj_fail(err, KJ_MALFORMED, KJ_CVD_HEAD, "holds nothing");
    if (cvd->info.len == 0)
        return KJ_OK;
    found_list said = {0};
    kj_status status = read_info(kj_buf_span(&cvd->info), &said) ? compare_members(cvd, &said, err)
                                                                 : kj_no_memory(err);
    kj_vec_done(&said);
    return status;
}

/* ---- the whole ----------------------------------------------------------------------------- */

static kj_status open_and_check(kj_cvd *cvd, const char *path, kj_error *err)
{
    KJ_TRY(kj_lazy_load(&library, err));
    cvd->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (cvd->fd < 0)
        return kj_fail(err, KJ_IO, KJ_NO_OFFSET, "cannot open: %s", strerror(errno));
    KJ_TRY(read_head(cvd, err));
    KJ_TRY(check_digest(cvd, err));
    return check_members(cvd, err);
}

kj_status kj_cvd_open(const char *path, const kj_cvd_options *options, kj_cvd **out, kj_error *err)
{
    enum { ARENA = 64 << 20 };
    kj_cvd *cvd = calloc(1, sizeof *cvd);
    if (!cvd)
        return kj_no_memory(err);
    cvd->how = *options;
    cvd->fd = -1;
    kj_arena_init(&cvd->arena, ARENA);
    kj_buf_init(&cvd->info, INFO_MAX);
    kj_status status = open_and_check(cvd, path, err);
    if (status == KJ_OK)
        *out = cvd;
    else
        kj_cvd_close(cvd);
    return status;
}

void kj_cvd_close(kj_cvd *cvd)
{
    if (!cvd)
        return;
    close_archive(cvd);
    kj_close_fd(&cvd->fd);
    kj_vec_done(&cvd->members);
    kj_buf_done(&cvd->info);
    kj_arena_done(&cvd->arena);
    free(cvd);
}

bool kj_cvd_is_verified(const kj_cvd *cvd)
{
    return cvd->verified;
}

bool kj_cvd_has(const kj_cvd *cvd, bool (*wanted)(const char *name))
{
    for (size_t i = 0; i < cvd->members.count; i++)
        if (wanted((const char *)cvd->members.items[i].name.data))
            return true;
    return false;
}
