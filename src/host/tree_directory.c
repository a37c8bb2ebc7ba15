/* SPDX-License-Identifier: Apache-2.0 */
/* A directory of this system as a volume. Everything is opened from the root's descriptor with
 * openat2(), which follows no link and leaves neither the root nor, unless the root is "/", its
 * mount. Kernels before 5.6 get the same component by component. No descriptor is kept but the
 * root's: Windows volumes have more directories than a process may have open. */
#include "host/tree.h"

#include "base/cleanup.h"
#include "host/tree_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

enum {
    STAGE_MAX = 3000, /* bytes of a path that are opened at once: PATH_MAX is 4096 */
    RETRIES = 20,     /* openat2() gives EAGAIN while something is renamed */
};

static const int path_flags = O_PATH | O_NOFOLLOW | O_CLOEXEC;
static const int directory_flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;
static const int file_flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;

static const struct {
    long magic;
    const char *name;
} file_systems[] = {
    {EXT4_SUPER_MAGIC, "ext4 directory"},
    {XFS_SUPER_MAGIC, "xfs directory"},
    {BTRFS_SUPER_MAGIC, "btrfs directory"},
    {TMPFS_MAGIC, "tmpfs directory"},
    {MSDOS_SUPER_MAGIC, "FAT directory"},
    {EXFAT_SUPER_MAGIC, "exFAT directory"},
    {0x7366746E, "NTFS directory"},
    {0x5346544E, "NTFS directory"}, /* ntfs3, ntfs */
    {FUSE_SUPER_MAGIC, "FUSE directory"},
    {OVERLAYFS_SUPER_MAGIC, "overlay directory"},
    {ISOFS_SUPER_MAGIC, "ISO 9660 directory"},
};

static const char *describe(int fd)
{
    struct statfs fs;
    if (fstatfs(fd, &fs) == 0)
        for (size_t i = 0; i < sizeof file_systems / sizeof file_systems[0]; i++)
            if (file_systems[i].magic == (long)fs.f_type)
                return file_systems[i].name;
    return "directory";
}

/* ---- opening --------------------------------------------------------------------------------- */

static int open_beneath(const kj_tree *tree, int at, const char *path, int flags)
{
    uint64_t resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
    struct open_how how = {.flags = (unsigned)flags};
    how.resolve = tree->crosses_mounts ? resolve : resolve | RESOLVE_NO_XDEV;
    int fd = -1;
    for (int i = 0; i < RETRIES && fd < 0 && (i == 0 || errno == EAGAIN); i++)
        fd = (int)syscall(SYS_openat2, at, path, &how, sizeof how);
    return fd;
}

/* One component, without openat2(). A directory on another file system is refused. */
static int open_component(const kj_tree *tree, int at, const char *name, int flags)
{
    struct stat st;
    KJ_CLEANUP(kj_close_fd) int fd = openat(at, name, flags);
    if (fd < 0 || fstat(fd, &st) != 0)
        return -1;
    if (!tree->crosses_mounts && st.st_dev != tree->device) {
        errno = EXDEV;
        return -1;
    }
    return kj_take_fd(&fd);
}

/* How much of a path is opened next: a component, or as many as fit. */
static size_t stage_len(const kj_tree *tree, kj_span path)
{
    if (!tree->by_components && path.len <= STAGE_MAX)
        return path.len;
    size_t limit = tree->by_components ? path.len : STAGE_MAX;
    const uint8_t *slash =
        tree->by_components ? memchr(path.data, '/', limit) : memrchr(path.data, '/', limit);
    return slash ? (size_t)(slash - path.data) : path.len;
}

/* Opens what is at a path of the tree; -1 with errno. O_NOATIME where this is permitted. */
static int open_path(const kj_tree *tree, kj_span path, int flags)
{
    KJ_CLEANUP(kj_close_fd) int held = -1;
    int at = tree->fd;
    char stage[STAGE_MAX + 1];
    if (path.len == 0)
        return openat(tree->fd, ".", flags);
    for (;;) {
        size_t len = stage_len(tree, path);
        if (len > STAGE_MAX) {
            errno = ENAMETOOLONG;
            return -1;
        }
        memcpy(stage, path.data, len);
        stage[len] = '\0';
        bool last = len == path.len;
        int wanted = last ? flags : path_flags | O_DIRECTORY;
        int fd = tree->by_components ? open_component(tree, at, stage, wanted)
                                     : open_beneath(tree, at, stage, wanted);
        if (fd < 0 || last)
            return fd;
        kj_close_fd(&held);
        at = held = fd;
        path = kj_span_sub(path, len + 1, SIZE_MAX);
    }
}

/* Only a file's owner may leave its access time alone. */
static int open_quietly(const kj_tree *tree, kj_span path, int flags)
{
    int fd = open_path(tree, path, flags | O_NOATIME);
    return fd < 0 && errno == EPERM ? open_path(tree, path, flags) : fd;
}

static kj_status refuse(kj_error *err, const char *what)
{
    if (errno == ELOOP)
        return kj_fail(err, KJ_IO, KJ_NO_OFFSET, "a link, not followed");
    if (errno == EXDEV)
        return kj_fail(err, KJ_IO, KJ_NO_OFFSET, "another file system, not entered");
    return kj_fail_errno(err, what);
}

/* ---- nodes ----------------------------------------------------------------------------------- */

static kj_node_kind kind_of(const kj_tree *tree, const struct stat *st)
{
    if (S_ISREG(st->st_mode))
        return KJ_NODE_FILE;
    if (S_ISLNK(st->st_mode))
        return KJ_NODE_LINK;
    bool here = tree->crosses_mounts || st->st_dev == tree->device;
    return S_ISDIR(st->st_mode) && here ? KJ_NODE_DIR : KJ_NODE_OTHER;
}

static kj_node node_of(const kj_tree *tree, const struct stat *st)
{
    return (kj_node){
        .kind = kind_of(tree, st),
        .device = st->st_dev,
        .id = st->st_ino,
        .size = (uint64_t)st->st_size,
        .mtime_ns =
            (int64_t)((uint64_t)st->st_mtim.tv_sec * 1000000000U + (uint64_t)st->st_mtim.tv_nsec),
        .links = (uint32_t)st->st_nlink,
    };
}

static kj_status add_entry(kj_tree *tree, int fd, const char *name, kj_listing_draft *draft,
                           kj_error *err)
{
    struct stat st;
    kj_node node = {.kind = KJ_NODE_OTHER};
    if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
        node = node_of(tree, &st);
    else if (errno == ENOENT)
        return KJ_OK; /* gone since the listing was read */
    return kj_listing_add(draft, kj_span_str(name), &node, err);
}

static void close_dir(DIR **dir)
{
    if (*dir)
        (void)closedir(*dir);
}

static kj_status list(kj_tree *tree, kj_span path, kj_listing_draft *draft, kj_error *err)
{
    KJ_CLEANUP(kj_close_fd) int fd = open_quietly(tree, path, directory_flags);
    if (fd < 0)
        return refuse(err, "cannot be listed");
    KJ_CLEANUP(close_dir) DIR *dir = fdopendir(fd);
    if (!dir)
        return kj_fail_errno(err, "cannot be listed");
    int own = kj_take_fd(&fd);
    errno = 0;
    for (struct dirent *entry; (entry = readdir(dir)); errno = 0)
        KJ_TRY(add_entry(tree, own, entry->d_name, draft, err));
    return errno == 0 ? KJ_OK : kj_fail_errno(err, "cannot be listed");
}

/* ---- files ----------------------------------------------------------------------------------- */

/* Looks before it opens: opening a device can do things. */
static kj_status open_file(kj_tree *tree, kj_span path, uint64_t max_bytes, bool head, int *out_fd,
                           kj_node *out_node, kj_error *err)
{
    (void)max_bytes, (void)head;
    struct stat looked, st;
    KJ_CLEANUP(kj_close_fd) int seen = open_path(tree, path, path_flags);
    if (seen < 0 || fstat(seen, &looked) != 0)
        return refuse(err, "cannot be opened");
    if (!S_ISREG(looked.st_mode))
        return kj_fail(err, KJ_IO, KJ_NO_OFFSET, "not a regular file");
    KJ_CLEANUP(kj_close_fd) int fd = open_quietly(tree, path, file_flags);
    if (fd < 0 || fstat(fd, &st) != 0)
        return refuse(err, "cannot be opened");
    if (!S_ISREG(st.st_mode) || st.st_ino != looked.st_ino || st.st_dev != looked.st_dev)
        return kj_fail(err, KJ_IO, KJ_NO_OFFSET, "replaced while it was opened");
    if (out_node) {
        kj_node node;
        bool listed = kj_tree_node(tree, path, &node, NULL) == KJ_OK;
        *out_node = node_of(tree, &st);
        out_node->path = listed ? node.path : path;
    }
    *out_fd = kj_take_fd(&fd);
    return KJ_OK;
}

static void close_root(kj_tree *tree)
{
    (void)tree;
}

static const kj_tree_ops ops = {.list = list, .open = open_file, .close = close_root};

void kj_tree_by_components(kj_tree *tree)
{
    tree->by_components = true;
}

static bool is_system_root(const struct stat *st)
{
    struct stat root;
    return stat("/", &root) == 0 && root.st_dev == st->st_dev && root.st_ino == st->st_ino;
}

kj_status kj_tree_open_directory(const char *path, kj_tree **out, kj_error *err)
{
    struct stat st;
    kj_tree *tree = kj_tree_new(&ops, path);
    if (!tree)
        return kj_no_memory(err);
    tree->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);
    if (tree->fd < 0 || fstat(tree->fd, &st) != 0) {
        kj_status status = kj_fail_errno(err, "cannot be opened");
        kj_tree_close(tree);
        return status;
    }
    tree->device = st.st_dev;
    tree->crosses_mounts = is_system_root(&st);
    tree->description = describe(tree->fd);
    tree->root = node_of(tree, &st);
    KJ_CLEANUP(kj_close_fd) int probe = open_beneath(tree, tree->fd, ".", path_flags | O_DIRECTORY);
    tree->by_components = probe < 0;
    *out = tree;
    return KJ_OK;
}
