/* SPDX-License-Identifier: Apache-2.0 */
#include "clean/attributes.h"

#include "base/arith.h"
#include "base/cleanup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

enum { NAMES_MAX = 64 << 10, VALUE_MAX = 64 << 10 }; /* Linux gives no longer ones */

static kj_status not_kept(kj_error *err)
{
    return kj_fail(err, KJ_UNSUPPORTED, KJ_NO_OFFSET,
                   "it has attributes or streams that cannot be kept");
}

/* What drivers of Windows file systems have of every file and do not list: ntfs-3g, ntfs3, cifs.
 * All times at once: ntfs-3g, which was told the time of creation, keeps the others as they are. */
static const char *const unlisted[] = {
    "system.ntfs_acl",      "system.ntfs_attrib_be", "system.ntfs_times_be",
    "system.ntfs_dos_name", "system.ntfs_object_id", "system.ntfs_ea",
    "system.ntfs_security", "system.ntfs_attrib",    "system.cifs_acl",
    "system.cifs_ntsd",
};

typedef struct gathering {
    int fd;
    kj_arena *arena;
    kj_attribute_value *items;
    size_t count;
    size_t room;
    uint8_t value[VALUE_MAX];
} gathering;

/* Not asked for its length first: ntfs-3g gives another than it then has. One that has gone since
 * it was listed is passed over. */
static kj_status add(gathering *g, const char *name, kj_error *err)
{
    ssize_t len = fgetxattr(g->fd, name, g->value, sizeof g->value);
    if (len < 0 && (errno == ENODATA || errno == EOPNOTSUPP))
        return KJ_OK;
    if (len < 0 || (size_t)len > g->room || strlen(name) > KJ_ATTRIBUTE_NAME_MAX ||
        g->count == KJ_ATTRIBUTES_MAX)
        return not_kept(err);
    kj_span value = kj_span_of(g->value, (size_t)len);
    value.data = (const uint8_t *)kj_arena_text(g->arena, value);
    const char *copy = kj_arena_strdup(g->arena, name);
    if (!value.data || !copy)
        return kj_no_memory(err);
    g->room -= value.len;
    g->items[g->count++] = (kj_attribute_value){kj_span_str(copy), value};
    return KJ_OK;
}

static bool is_listed(const gathering *g, const char *name)
{
    for (size_t i = 0; i < g->count; i++)
        if (kj_span_is(g->items[i].name, name))
            return true;
    return false;
}

kj_status kj_attributes_read(int fd, kj_arena *arena, kj_attributes *out, kj_error *err)
{
    char names[NAMES_MAX];
    ssize_t len = flistxattr(fd, names, sizeof names);
    if (len < 0 && errno == EOPNOTSUPP)
        len = 0;
    if (len < 0)
        return not_kept(err);
    KJ_CLEANUP(kj_free_ptr) gathering *g = calloc(1, sizeof *g);
    if (!g)
        return kj_no_memory(err);
    g->fd = fd;
    g->arena = arena;
    g->room = KJ_ATTRIBUTES_LEN_MAX;
    g->items = kj_new_array(arena, kj_attribute_value, KJ_ATTRIBUTES_MAX);
    if (!g->items)
        return kj_no_memory(err);
    for (ssize_t at = 0; at < len; at += (ssize_t)strlen(names + at) + 1)
        KJ_TRY(add(g, names + at, err));
    for (size_t i = 0; i < KJ_COUNT(unlisted); i++)
        if (fgetxattr(fd, unlisted[i], NULL, 0) >= 0 && !is_listed(g, unlisted[i]))
            KJ_TRY(add(g, unlisted[i], err));
    *out = (kj_attributes){g->items, g->count};
    return KJ_OK;
}

bool kj_mode_set(int fd, uint32_t mode)
{
    struct stat st;
    if (fstat(fd, &st) == 0 && ((st.st_mode ^ mode) & 07777) == 0)
        return true;
    return fchmod(fd, mode & 07777) == 0 || errno == EPERM;
}

static bool is_set_already(int fd, const char *name, kj_span value)
{
    uint8_t *now = malloc(value.len + 1);
    ssize_t got = now ? fgetxattr(fd, name, now, value.len + 1) : -1;
    bool same = got >= 0 && kj_span_equal(kj_span_of(now, (size_t)got), value);
    free(now);
    return same;
}

kj_status kj_attribute_set(int fd, kj_span name, kj_span value, kj_error *err)
{
    char text[KJ_ATTRIBUTE_NAME_MAX + 1];
    if (name.len == 0 || name.len >= sizeof text || memchr(name.data, 0, name.len))
        return kj_fail(err, KJ_MALFORMED, KJ_NO_OFFSET, "no name of an attribute");
    memcpy(text, name.data, name.len);
    text[name.len] = 0;
    if (fsetxattr(fd, text, value.data, value.len, 0) == 0)
        return KJ_OK;
    int why = errno;
    bool is_ours = strncmp(text, "user.", 5) == 0 || why == ENOSPC || why == EDQUOT || why == EIO;
    if (!is_ours || is_set_already(fd, text, value))
        return KJ_OK;
    errno = why;
    return kj_fail_errno(err, "set an attribute");
}
