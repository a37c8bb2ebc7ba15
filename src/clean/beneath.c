/* SPDX-License-Identifier: Apache-2.0 */
#include "clean/beneath.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>

enum {
    DIRECTORY_FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
    PASSED_FLAGS = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, /* may be passed, not read */
};

/* One component, in the kernel's own words; without openat2 the flags alone keep links out, and the
 * device keeps mount points out. */
static int open_component(int directory, const char *name, int flags, bool cross)
{
    struct open_how how = {
        .flags = (unsigned)flags,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };
    if (!cross)
        how.resolve |= RESOLVE_NO_XDEV;
    long fd = syscall(SYS_openat2, directory, name, &how, sizeof how);
    if (fd >= 0 || errno != ENOSYS)
        return (int)fd;
    struct stat above, below;
    int plain = openat(directory, name, flags);
    if (plain < 0 || cross)
        return plain;
    if (fstat(directory, &above) == 0 && fstat(plain, &below) == 0 && above.st_dev == below.st_dev)
        return plain;
    (void)close(plain);
    errno = EXDEV;
    return -1;
}

static bool is_name(kj_span name)
{
    return name.len > 0 && name.len <= KJ_NAME_LEN_MAX && !kj_span_is(name, ".") &&
           !kj_span_is(name, "..") && !memchr(name.data, 0, name.len);
}

kj_status kj_beneath_open(int root, kj_span path, bool cross, kj_beneath *out, kj_error *err)
{
    out->is_gone = false;
    KJ_CLEANUP(kj_close_fd) int fd = openat(root, ".", PASSED_FLAGS);
    if (fd < 0)
        return kj_fail_errno(err, "open the root");
    for (size_t at = 0;;) {
        size_t end = kj_span_find(path, kj_span_str("/"), at);
        kj_span part = kj_span_sub(path, at, end == SIZE_MAX ? SIZE_MAX : end - at);
        if (!is_name(part))
            return kj_fail(err, KJ_MALFORMED, at, "no path below the root");
        memcpy(out->name, part.data, part.len);
        out->name[part.len] = 0;
        if (end == SIZE_MAX)
            break;
        int next = open_component(fd, out->name, PASSED_FLAGS, cross);
        if (next < 0) {
            out->is_gone = errno == ENOENT;
            return kj_fail_errno(err, "open a directory");
        }
        (void)close(fd);
        fd = next;
        at = end + 1;
    }
    /* The last one is read: its times are set, and it is synced. */
    out->directory = openat(fd, ".", DIRECTORY_FLAGS);
    return out->directory < 0 ? kj_fail_errno(err, "open a directory") : KJ_OK;
}

void kj_beneath_close(kj_beneath *place)
{
    kj_close_fd(&place->directory);
}

kj_status kj_beneath_file(const kj_beneath *place, int flags, int *out_fd, struct stat *out_stat,
                          kj_error *err)
{
    struct stat st; /* opening a device may do something, so it does not come to that */
    if (fstatat(place->directory, place->name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return kj_fail_errno(err, "open");
    if (!S_ISREG(st.st_mode))
        return kj_fail(err, KJ_IO, KJ_NO_OFFSET, "it is no regular file any more");
    KJ_CLEANUP(kj_close_fd)
    int fd = openat(place->directory, place->name,
                    flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return kj_fail_errno(err, "open");
    if (fstat(fd, &st) != 0)
        return kj_fail_errno(err, "look at it");
    if (!S_ISREG(st.st_mode))
        return kj_fail(err, KJ_IO, KJ_NO_OFFSET, "it is no regular file any more");
    *out_stat = st;
    *out_fd = kj_take_fd(&fd);
    return KJ_OK;
}
