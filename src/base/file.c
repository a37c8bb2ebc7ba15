/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include "base/arith.h"
#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <sys/stat.h>

enum { READ_STEP = 64 << 10 };

kj_status kj_file_read_fd(int fd, kj_buf *out, kj_error *err)
{
    for (;;) {
        /* One byte past the maximum tells a full buffer from a file that is too large. */
        size_t room = kj_min_size(READ_STEP, out->max - out->len);
        if (out->capacity > out->len)
            room = kj_min_size(room, out->capacity - out->len);
        uint8_t probe;
        uint8_t *at = room ? kj_buf_reserve(out, room) : &probe;
        if (!at)
            return kj_no_memory(err);
        ssize_t got = read(fd, at, room ? room : 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return kj_fail_errno(err, "cannot read");
        if (got == 0)
            return KJ_OK;
        if (room == 0)
            return kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET, "larger than %zu bytes", out->max);
        kj_buf_added(out, (size_t)got);
    }
}

kj_status kj_file_read(const char *path, kj_buf *out, kj_error *err)
{
    KJ_CLEANUP(kj_close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return kj_fail_errno(err, "cannot open");
    struct stat info;
    if (fstat(fd, &info) != 0)
        return kj_fail_errno(err, "cannot open");
    if (S_ISREG(info.st_mode) && info.st_size > 0 && (uint64_t)info.st_size <= out->max - out->len)
        /* and a byte by which the end is seen */
        (void)kj_buf_reserve(out, kj_min_size((size_t)info.st_size + 1, out->max - out->len));
    return kj_file_read_fd(fd, out, err);
}

kj_status kj_file_write_all(int fd, kj_span bytes, kj_error *err)
{
    while (bytes.len) {
        ssize_t put = write(fd, bytes.data, bytes.len);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return kj_fail_errno(err, "cannot write");
        bytes = kj_span_sub(bytes, (size_t)put, SIZE_MAX);
    }
    return KJ_OK;
}

static kj_status sync_folder(const char *path, kj_error *err)
{
    char copy[PATH_MAX];
    (void)snprintf(copy, sizeof copy, "%s", path);
    KJ_CLEANUP(kj_close_fd) int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || (fsync(fd) != 0 && errno != EINVAL))
        return kj_fail_errno(err, "cannot sync the directory");
    return KJ_OK;
}

static kj_status write_beside(const char *beside, kj_span content, unsigned mode, kj_error *err)
{
    KJ_CLEANUP(kj_close_fd)
    int fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd < 0)
        return kj_fail_errno(err, "cannot create");
    KJ_TRY(kj_file_write_all(fd, content, err));
    return fsync(fd) == 0 ? KJ_OK : kj_fail_errno(err, "cannot sync");
}

kj_status kj_file_replace(const char *path, kj_span content, unsigned mode, kj_error *err)
{
    /* Root could rename a file over a device. */
    struct stat info;
    if (lstat(path, &info) == 0 && !S_ISREG(info.st_mode) && !S_ISLNK(info.st_mode))
        return kj_fail(err, KJ_IO, KJ_NO_OFFSET, "cannot replace what is not a regular file");
    char beside[PATH_MAX];
    int len = snprintf(beside, sizeof beside, "%s.%ld.tmp", path, (long)getpid());
    if (len < 0 || (size_t)len >= sizeof beside)
        return kj_fail(err, KJ_IO, KJ_NO_OFFSET, "cannot create: the path is too long");
    kj_status status = write_beside(beside, content, mode, err);
    if (status == KJ_OK && rename(beside, path) != 0)
        status = kj_fail_errno(err, "cannot rename");
    if (status != KJ_OK) {
        (void)unlink(beside);
        return status;
    }
    return sync_folder(path, err);
}

kj_status kj_file_read_at(int fd, uint64_t at, void *to, size_t len, size_t *out_len, kj_error *err)
{
    uint8_t *out = to;
    size_t have = 0;
    while (have < len) {
        ssize_t got = pread(fd, out + have, len - have, (off_t)(at + have));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            int why = errno;
            kj_status status = kj_fail_errno(err, "read");
            errno = why; /* for callers who word it themselves */
            return status;
        }
        if (got == 0)
            break;
        have += (size_t)got;
    }
    *out_len = have;
    return KJ_OK;
}
