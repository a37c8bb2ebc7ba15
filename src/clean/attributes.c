/* SPDX-License-Identifier: Apache-2.0 */
#include "clean/attributes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

enum { NAMES_MAX = 64 << 10 }; /* Linux gives no longer list */

static kj_status not_kept(kj_error *err)
{
    return kj_fail(err, KJ_UNSUPPORTED, KJ_NO_OFFSET,
                   "it has attributes or streams that cannot be kept");
}

/* *out is untouched for one that has gone since it was listed. */
static kj_status read_one(int fd, const char *name, kj_arena *arena, size_t room,
                          kj_attribute_value *out, kj_error *err)
{
    ssize_t size = fgetxattr(fd, name, NULL, 0);
    if (size < 0 && (errno == ENODATA || errno == EOPNOTSUPP))
        return KJ_OK;
    if (size < 0 || (size_t)size > room || strlen(name) > KJ_ATTRIBUTE_NAME_MAX)
        return not_kept(err);
    uint8_t *value = kj_arena_alloc_raw(arena, (size_t)size + 1);
    const char *copy = kj_arena_strdup(arena, name);
    if (!value || !copy)
        return kj_no_memory(err);
    if (size > 0 && fgetxattr(fd, name, value, (size_t)size) != size)
        return not_kept(err);
    *out = (kj_attribute_value){kj_span_str(copy), kj_span_of(value, (size_t)size)};
    return KJ_OK;
}

kj_status kj_attributes_read(int fd, kj_arena *arena, kj_attributes *out, kj_error *err)
{
    char names[NAMES_MAX];
    ssize_t len = flistxattr(fd, names, sizeof names);
    if (len < 0 && errno == EOPNOTSUPP)
        len = 0;
    if (len < 0)
        return not_kept(err);
    kj_attribute_value *items = kj_new_array(arena, kj_attribute_value, KJ_ATTRIBUTES_MAX);
    if (!items)
        return kj_no_memory(err);
    size_t count = 0, room = KJ_ATTRIBUTES_LEN_MAX;
    for (ssize_t at = 0; at < len; at += (ssize_t)strlen(names + at) + 1) {
        if (count == KJ_ATTRIBUTES_MAX)
            return not_kept(err);
        kj_attribute_value one = {0};
        KJ_TRY(read_one(fd, names + at, arena, room, &one, err));
        room -= one.value.len;
        if (one.name.len)
            items[count++] = one;
    }
    *out = (kj_attributes){items, count};
    return KJ_OK;
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
