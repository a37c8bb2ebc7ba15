/* SPDX-License-Identifier: Apache-2.0 */
#include "scan/walk.h"

#include "base/arith.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/vec.h"
#include "scan/glob.h"
#include "scan/volume.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

enum {
    LISTING_LEN = 64 << 10,
    NAMES_MAX = 1 << 30, /* bytes of one directory's names */
    SCRATCH_BUDGET = 256 << 10,
};

static const int open_file_flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY;
static const int open_directory_flags = O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_CLOEXEC;

/* File systems that hold no files of anybody: reading them can block, or change the kernel. */
static const struct {
    long magic;
    const char *sentence;
} kernel_file_systems[] = {
    {PROC_SUPER_MAGIC, KJ_SENTENCE("a kernel file system (proc)")},
    {SYSFS_MAGIC, KJ_SENTENCE("a kernel file system (sysfs)")},
    {DEVPTS_SUPER_MAGIC, KJ_SENTENCE("a kernel file system (devpts)")},
    {DEBUGFS_MAGIC, KJ_SENTENCE("a kernel file system (debugfs)")},
    {TRACEFS_MAGIC, KJ_SENTENCE("a kernel file system (tracefs)")},
    {SECURITYFS_MAGIC, KJ_SENTENCE("a kernel file system (securityfs)")},
    {SELINUX_MAGIC, KJ_SENTENCE("a kernel file system (selinuxfs)")},
    {SMACK_MAGIC, KJ_SENTENCE("a kernel file system (smackfs)")},
    {CGROUP_SUPER_MAGIC, KJ_SENTENCE("a kernel file system (cgroup)")},
    {CGROUP2_SUPER_MAGIC, KJ_SENTENCE("a kernel file system (cgroup2)")},
    {BPF_FS_MAGIC, KJ_SENTENCE("a kernel file system (bpf)")},
    {0x62656570, KJ_SENTENCE("a kernel file system (configfs)")}, /* fs/configfs/mount.c */
    {PSTOREFS_MAGIC, KJ_SENTENCE("a kernel file system (pstore)")},
    {EFIVARFS_MAGIC, KJ_SENTENCE("a kernel file system (efivarfs)")},
    {0x65735543, KJ_SENTENCE("a kernel file system (fusectl)")}, /* fs/fuse/fuse_i.h */
    {BINFMTFS_MAGIC, KJ_SENTENCE("a kernel file system (binfmt_misc)")},
    {0x19800202, KJ_SENTENCE("a kernel file system (mqueue)")}, /* ipc/mqueue.c */
    {NSFS_MAGIC, KJ_SENTENCE("a kernel file system (nsfs)")},
    {RDTGROUP_SUPER_MAGIC, KJ_SENTENCE("a kernel file system (resctrl)")},
};

/* What is neither a file nor a directory. */
static const struct {
    mode_t type;
    const char *sentence;
} special_files[] = {
    {S_IFIFO, KJ_SENTENCE("a named pipe, not scanned")},
    {S_IFSOCK, KJ_SENTENCE("a socket, not scanned")},
    {S_IFCHR, KJ_SENTENCE("a character device, not scanned")},
    {S_IFBLK, KJ_SENTENCE("a block device, not scanned")},
};

typedef struct entry {
    uint32_t name; /* offset in the level's names */
    uint8_t type;  /* DT_... */
} entry;

typedef struct level {
    int fd;
    dev_t device;
    kj_buf names; /* each with its NUL */
    KJ_VEC(entry) entries;
    size_t next;
    size_t path_len; /* of walk->path, its final '/' included */
    size_t base;     /* where the directory's own name begins in walk->path */
    char *host;      /* its Windows path; NULL: none */
    uint32_t volume;
    bool owns_volume; /* the volume ends with this directory */
} level;

struct kj_walk {
    const kj_walk_options *options;
    const char *root; /* not yet looked at */
    KJ_VEC(level) levels;
    kj_buf path;
    kj_arena scratch; /* what one item needs */
    uint8_t *listing;
    dev_t root_device;
    uint32_t volumes;
};

kj_walk *kj_walk_new(const kj_walk_options *options)
{
    kj_walk *walk = calloc(1, sizeof *walk);
    if (!walk)
        return NULL;
    walk->options = options;
    kj_buf_init(&walk->path, KJ_WALK_PATH_MAX);
    kj_arena_init(&walk->scratch, SCRATCH_BUDGET);
    walk->listing = malloc(LISTING_LEN);
    if (!walk->listing) {
        kj_walk_free(walk);
        return NULL;
    }
    return walk;
}

static void free_level(level *top)
{
    kj_close_fd(&top->fd);
    kj_buf_done(&top->names);
    kj_vec_done(&top->entries);
    free(top->host);
}

void kj_walk_free(kj_walk *walk)
{
    if (!walk)
        return;
    for (size_t i = 0; i < walk->levels.count; i++)
        free_level(&walk->levels.items[i]);
    kj_vec_done(&walk->levels);
    kj_buf_done(&walk->path);
    kj_arena_done(&walk->scratch);
    free(walk->listing);
    free(walk);
}

void kj_walk_start(kj_walk *walk, const char *path)
{
    while (walk->levels.count > 0)
        free_level(&walk->levels.items[--walk->levels.count]);
    walk->root = path;
}

/* ---- items --------------------------------------------------------------------------------- */

static bool give(kj_walk *walk, kj_walk_item *out, kj_walk_kind kind, const char *sentence)
{
    out->kind = kind;
    out->path = kj_buf_span(&walk->path);
    (void)kj_fail(&out->error, KJ_IO, KJ_NO_OFFSET, "%s", sentence);
    return true;
}

static bool give_errno(kj_walk *walk, kj_walk_item *out)
{
    return give(walk, out, KJ_WALK_ERROR, strerror(errno));
}

static bool is_excluded(const kj_walk *walk)
{
    for (size_t i = 0; i < walk->options->exclude_count; i++)
        if (kj_glob_match_path(kj_span_str(walk->options->excludes[i]), kj_buf_span(&walk->path)))
            return true;
    return false;
}

/* The sentence for a file system that only the kernel writes, or NULL. */
static const char *kernel_sentence(const struct statfs *fs)
{
    for (size_t i = 0; i < KJ_COUNT(kernel_file_systems); i++)
        if (fs->f_type == kernel_file_systems[i].magic)
            return kernel_file_systems[i].sentence;
    return NULL;
}

static const char *special_sentence(mode_t mode)
{
    for (size_t i = 0; i < KJ_COUNT(special_files); i++)
        if ((mode & S_IFMT) == special_files[i].type)
            return special_files[i].sentence;
    return KJ_SENTENCE("neither a file nor a directory, not scanned");
}

/* ---- directories ---------------------------------------------------------------------------- */

static const char *name_of(const level *directory, const entry *e)
{
    return (const char *)directory->names.data + e->name;
}

static bool add_entry(level *directory, const struct dirent64 *d)
{
    if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
        return true;
    entry e = {.name = (uint32_t)directory->names.len, .type = d->d_type};
    kj_buf_put(&directory->names, kj_span_of(d->d_name, strlen(d->d_name) + 1));
    return !directory->names.failed && kj_vec_add(&directory->entries, e);
}

static int compare_entries(const void *a, const void *b, void *directory)
{
    return strcmp(name_of(directory, a), name_of(directory, b));
}

/* Lists the directory; false, and errno, when that ended early. What was read stays. */
static bool read_entries(kj_walk *walk, level *directory)
{
    ssize_t len;
    bool fits = true;
    while (fits && (len = getdents64(directory->fd, walk->listing, LISTING_LEN)) > 0) {
        for (ssize_t at = 0; fits && at < len;) {
            const struct dirent64 *d = (const struct dirent64 *)(walk->listing + at);
            fits = add_entry(directory, d);
            at += d->d_reclen;
        }
    }
    int why = fits ? errno : ENOMEM;
    if (directory->entries.count > 1)
        qsort_r(directory->entries.items, directory->entries.count, sizeof(entry), compare_entries,
                directory);
    errno = why;
    return fits && len == 0;
}

static bool holds_windir(const level *directory, kj_span name)
{
    for (size_t i = 0; i < directory->entries.count; i++) {
        const entry *e = &directory->entries.items[i];
        if ((e->type == DT_DIR || e->type == DT_UNKNOWN) &&
            kj_volume_is_windir(name, kj_span_str(name_of(directory, e))))
            return true;
    }
    return false;
}

static kj_span own_name(const kj_walk *walk, const level *directory)
{
    size_t end = directory->path_len;
    if (end > directory->base && walk->path.data[end - 1] == '/')
        end--;
    return kj_span_sub(kj_buf_span(&walk->path), directory->base, end - directory->base);
}

/* Gives the directory its place on a Windows volume: as the root of a new one, or what its parent
 * says. `host` is owned; false without memory. */
static bool place_directory(kj_walk *walk, level *directory, const level *parent, char *host)
{
    directory->host = host;
    if (holds_windir(directory, own_name(walk, directory))) {
        free(host);
        directory->host = strdup(KJ_VOLUME_ROOT);
        directory->owns_volume = true;
    } else if (!parent && host) {
        directory->owns_volume = true;
    } else {
        directory->volume = parent ? parent->volume : 0;
    }
    if (directory->owns_volume)
        directory->volume = ++walk->volumes;
    return directory->host || !directory->owns_volume;
}

/* Whether the open directory is not to be entered; then *out says so. */
static bool is_off_limits(kj_walk *walk, int fd, const level *parent, dev_t *out_device,
                          kj_walk_item *out)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return give_errno(walk, out);
    *out_device = st.st_dev;
    if (parent && st.st_dev == parent->device)
        return false;
    struct statfs fs;
    const char *kernel = fstatfs(fd, &fs) == 0 ? kernel_sentence(&fs) : NULL;
    if (kernel)
        return give(walk, out, KJ_WALK_SKIPPED, kernel);
    if (parent && walk->options->one_file_system && st.st_dev != walk->root_device)
        return give(walk, out, KJ_WALK_SKIPPED, KJ_SENTENCE("on another file system"));
    return false;
}

/* Enters the directory open as `fd`, whose path walk->path holds. Takes `fd` and `host` (malloc'd,
 * NULL for none). True when there is something to say. */
static bool enter(kj_walk *walk, int taken, size_t base, char *host, kj_walk_item *out)
{
    KJ_CLEANUP(kj_close_fd) int fd = taken;
    KJ_CLEANUP(kj_free_ptr) char *owned_host = host;
    level directory = {.base = base};
    size_t depth = walk->levels.count;
    const level *parent = depth ? &walk->levels.items[depth - 1] : NULL;
    if (is_off_limits(walk, fd, parent, &directory.device, out))
        return true;
    if (!parent)
        walk->root_device = directory.device;
    if (depth >= KJ_WALK_DEPTH_MAX)
        return give(walk, out, KJ_WALK_ERROR,
                    KJ_SENTENCE("directories are nested too deeply, not entered"));
    directory.path_len = walk->path.len;
    kj_buf_init(&directory.names, NAMES_MAX);
    directory.fd = kj_take_fd(&fd);
    bool complete = read_entries(walk, &directory);
    int why = errno;
    if (!place_directory(walk, &directory, parent, KJ_TAKE(owned_host)) ||
        !kj_vec_add(&walk->levels, directory)) {
        free_level(&directory);
        return give(walk, out, KJ_WALK_ERROR, strerror(ENOMEM));
    }
    return complete ? false : give(walk, out, KJ_WALK_ERROR, strerror(why));
}

/* Leaves the innermost directory. True when its volume ends with it. */
static bool leave(kj_walk *walk, kj_walk_item *out)
{
    level *top = &walk->levels.items[walk->levels.count - 1];
    walk->path.len = top->path_len;
    bool ends = top->owns_volume;
    out->volume = ends ? top->volume : 0;
    free_level(top);
    walk->levels.count--;
    return ends && give(walk, out, KJ_WALK_VOLUME_END, "");
}

/* ---- files ---------------------------------------------------------------------------------- */

/* Hands out a regular file that is open as `fd`; takes it. */
static bool give_file(kj_walk *walk, int taken, uint64_t size, kj_walk_item *out)
{
    out->fd = taken;
    out->size = size;
    return give(walk, out, KJ_WALK_FILE, "");
}

/* Opens a file that a directory lists as one. */
static bool open_listed(kj_walk *walk, const level *directory, const char *name, kj_walk_item *out)
{
    struct stat st;
    if (walk->options->count_only) {
        bool is_file =
            fstatat(directory->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode);
        return is_file && give_file(walk, -1, (uint64_t)st.st_size, out);
    }
    KJ_CLEANUP(kj_close_fd) int fd = openat(directory->fd, name, open_file_flags);
    if (fd < 0 && errno == ENOENT)
        return give(walk, out, KJ_WALK_SKIPPED, KJ_SENTENCE("gone before it could be opened"));
    if (fd < 0 && errno == ELOOP)
        return false; /* replaced by a link meanwhile */
    if (fd < 0 || fstat(fd, &st) < 0)
        return give_errno(walk, out);
    if (!S_ISREG(st.st_mode))
        return give(walk, out, KJ_WALK_SKIPPED, special_sentence(st.st_mode));
    return give_file(walk, kj_take_fd(&fd), (uint64_t)st.st_size, out);
}

/* A directory that a directory lists. */
static bool open_directory(kj_walk *walk, const level *parent, const char *name, size_t base,
                           kj_walk_item *out)
{
    int fd = openat(parent->fd, name, open_directory_flags | O_NOFOLLOW);
    if (fd < 0)
        return give_errno(walk, out);
    char *host = NULL;
    if (kj_volume_is_windir(own_name(walk, parent), kj_span_str(name)))
        host = strdup(KJ_VOLUME_WINDIR);
    else if (out->host_path.len)
        host = strndup((const char *)out->host_path.data, out->host_path.len);
    kj_buf_put_byte(&walk->path, '/');
    return enter(walk, fd, base, host, out);
}

static uint8_t type_of(const level *directory, const entry *e)
{
    if (e->type != DT_UNKNOWN)
        return e->type;
    struct stat st;
    if (fstatat(directory->fd, name_of(directory, e), &st, AT_SYMLINK_NOFOLLOW) < 0)
        return DT_REG; /* opening it will say what is wrong */
    return (uint8_t)IFTODT(st.st_mode);
}

/* Visits the innermost directory's next entry. True when there is something to say. */
static bool visit_entry(kj_walk *walk, kj_walk_item *out)
{
    level *directory = &walk->levels.items[walk->levels.count - 1];
    const entry *e = &directory->entries.items[directory->next++];
    const char *name = name_of(directory, e);
    walk->path.len = directory->path_len;
    size_t base = walk->path.len;
    kj_buf_put_text(&walk->path, name);
    if (walk->path.failed) {
        kj_buf_clear(&walk->path);
        walk->path.len = base; /* the directory in which it lies */
        return give(walk, out, KJ_WALK_ERROR, KJ_SENTENCE("a path is too long, not scanned"));
    }
    uint8_t type = type_of(directory, e);
    if (type == DT_LNK || is_excluded(walk))
        return false;
    out->volume = directory->volume;
    if (directory->host) {
        const char *host =
            kj_volume_join(&walk->scratch, kj_span_str(directory->host), kj_span_str(name));
        out->host_path = kj_span_str(host);
    }
    if (type == DT_DIR)
        return open_directory(walk, directory, name, base, out);
    if (type == DT_REG)
        return open_listed(walk, directory, name, out);
    return !walk->options->count_only &&
           give(walk, out, KJ_WALK_SKIPPED, special_sentence((mode_t)DTTOIF(type)));
}

/* ---- the path that the user named ------------------------------------------------------------ */

/* Whether the directory at `path` (its length `len` of it) holds a Windows directory. */
static bool parent_holds_windir(const char *path)
{
    char beside[PATH_MAX];
    const char *slash = strrchr(path, '/');
    int dir_len = slash ? (int)(slash - path) : 0;
    for (size_t i = 0; i < kj_volume_spelling_count; i++) {
        int len = snprintf(beside, sizeof beside, "%.*s/%s", dir_len, path, kj_volume_spellings[i]);
        struct stat st;
        if (len > 0 && (size_t)len < sizeof beside && stat(beside, &st) == 0 && S_ISDIR(st.st_mode))
            return true;
    }
    return false;
}

/* The Windows path of a path that the user named, in the scratch arena; empty: none. */
static kj_span host_of_root(kj_walk *walk, const char *path)
{
    char absolute[PATH_MAX];
    if (!realpath(path, absolute))
        return (kj_span){0};
    const char *host = kj_volume_of_path(&walk->scratch, kj_span_str(absolute));
    if (host && !*host && parent_holds_windir(absolute))
        host = kj_volume_join(&walk->scratch, kj_span_str(KJ_VOLUME_ROOT),
                              kj_span_str(strrchr(absolute, '/') + 1));
    return kj_span_str(host);
}

static bool open_root_directory(kj_walk *walk, const char *path, kj_walk_item *out)
{
    int fd = open(path, open_directory_flags);
    if (fd < 0)
        return give_errno(walk, out);
    kj_span host = host_of_root(walk, path);
    size_t len = walk->path.len;
    while (len > 1 && walk->path.data[len - 1] == '/')
        len--;
    const uint8_t *slash = len ? memrchr(walk->path.data, '/', len) : NULL;
    size_t base = slash ? (size_t)(slash - walk->path.data) + 1 : 0;
    if (walk->path.len && walk->path.data[walk->path.len - 1] != '/')
        kj_buf_put_byte(&walk->path, '/');
    char *owned = host.len ? strndup((const char *)host.data, host.len) : NULL;
    return enter(walk, fd, base, owned, out);
}

/* A regular file, or an anonymous pipe such as the shell's <(command). */
static bool open_root_file(kj_walk *walk, const char *path, bool is_pipe, kj_walk_item *out)
{
    struct stat st;
    KJ_CLEANUP(kj_close_fd)
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | (is_pipe ? 0 : O_NONBLOCK));
    if (fd < 0 || fstat(fd, &st) < 0)
        return give_errno(walk, out);
    if (S_ISFIFO(st.st_mode) && is_pipe)
        return give_file(walk, kj_take_fd(&fd), UINT64_MAX, out);
    if (!S_ISREG(st.st_mode))
        return give(walk, out, KJ_WALK_ERROR, special_sentence(st.st_mode));
    out->host_path = host_of_root(walk, path);
    return give_file(walk, kj_take_fd(&fd), (uint64_t)st.st_size, out);
}

static bool visit_root(kj_walk *walk, kj_walk_item *out)
{
    const char *path = KJ_TAKE(walk->root);
    kj_buf_clear(&walk->path);
    kj_buf_put_text(&walk->path, path);
    if (walk->path.failed) {
        kj_buf_clear(&walk->path);
        kj_buf_put(&walk->path, kj_span_sub(kj_span_str(path), 0, KJ_WALK_PATH_MAX / 4));
        return give(walk, out, KJ_WALK_ERROR, strerror(ENAMETOOLONG));
    }
    struct stat st;
    struct statfs fs;
    if (stat(path, &st) < 0 || statfs(path, &fs) < 0)
        return give_errno(walk, out);
    if (is_excluded(walk))
        return false;
    if (S_ISDIR(st.st_mode))
        return open_root_directory(walk, path, out);
    const char *kernel = kernel_sentence(&fs);
    if (kernel)
        return give(walk, out, KJ_WALK_SKIPPED, kernel);
    bool is_pipe = S_ISFIFO(st.st_mode) && fs.f_type == PIPEFS_MAGIC;
    if (!S_ISREG(st.st_mode) && !is_pipe)
        return give(walk, out, KJ_WALK_ERROR, special_sentence(st.st_mode));
    if (walk->options->count_only)
        return give_file(walk, -1, (uint64_t)st.st_size, out);
    return open_root_file(walk, path, is_pipe, out);
}

void kj_walk_next(kj_walk *walk, kj_walk_item *out)
{
    bool found = false;
    while (!found) {
        kj_arena_reset(&walk->scratch);
        *out = (kj_walk_item){.kind = KJ_WALK_DONE, .fd = -1};
        if (walk->root)
            found = visit_root(walk, out);
        else if (walk->levels.count == 0)
            return;
        else if (walk->levels.items[walk->levels.count - 1].next ==
                 walk->levels.items[walk->levels.count - 1].entries.count)
            found = leave(walk, out);
        else
            found = visit_entry(walk, out);
    }
}
