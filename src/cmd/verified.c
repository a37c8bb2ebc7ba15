/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/verified.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/reader.h"
#include "base/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    LIST_MAX = 64 << 10,
    LINES_MAX = 64,
    LINE_MAX_LEN = 256,
    PATH_MAX_LEN = 4096,
};

kj_file_identity kj_file_identity_of(const struct stat *st)
{
    return (kj_file_identity){
        .device = st->st_dev,
        .inode = st->st_ino,
        .modified_ns = (uint64_t)st->st_mtim.tv_sec * 1000000000 + (uint64_t)st->st_mtim.tv_nsec,
        .changed_ns = (uint64_t)st->st_ctim.tv_sec * 1000000000 + (uint64_t)st->st_ctim.tv_nsec,
        .size = (uint64_t)st->st_size,
    };
}

/* Appends the directory that the list is in; root's is the machine's. */
static void put_directory(kj_buf *out)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (geteuid() == 0)
        kj_buf_put_text(out, "/var/cache/kujo");
    else if (cache && *cache == '/')
        kj_buf_printf(out, "%s/kujo", cache);
    else if (home && *home == '/')
        kj_buf_printf(out, "%s/.cache/kujo", home);
}

static void put_line(kj_buf *out, const kj_file_identity *file, const uint8_t build_id[16])
{
    kj_buf_printf(out, "%" PRIx64 " %" PRIx64 " %" PRIx64 " %" PRIx64 " %" PRIx64 " ", file->device,
                  file->inode, file->modified_ns, file->changed_ns, file->size);
    for (int i = 0; i < 16; i++)
        kj_buf_printf(out, "%02x", build_id[i]);
}

/* Whether nobody else could have written the list. */
static bool is_ours(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
           (st.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/* The list's path and, unless it cannot be read, its lines. False where there is no place for it.
 */
static bool read_list(kj_buf *path, kj_buf *list)
{
    put_directory(path);
    if (path->len == 0)
        return false;
    kj_buf_put_text(path, "/verified");
    const char *name = kj_buf_text(path);
    if (is_ours(name) && kj_file_read(name, list, NULL) != KJ_OK)
        kj_buf_clear(list);
    return !path->failed;
}

bool kj_verified_has(const kj_file_identity *file, const uint8_t build_id[16])
{
    KJ_CLEANUP(kj_buf_done) kj_buf path, list, wanted;
    kj_buf_init(&path, PATH_MAX_LEN);
    kj_buf_init(&list, LIST_MAX);
    kj_buf_init(&wanted, LINE_MAX_LEN);
    put_line(&wanted, file, build_id);
    bool found = false;
    if (read_list(&path, &list)) {
        kj_reader r = kj_reader_of(kj_buf_span(&list));
        for (kj_span line; !found && kj_read_line(&r, &line);)
            found = kj_span_equal(line, kj_buf_span(&wanted));
    }
    return found;
}

/* Makes the list's directory and the one above it. */
static kj_status make_directory(kj_error *err)
{
    KJ_CLEANUP(kj_buf_done) kj_buf path;
    kj_buf_init(&path, PATH_MAX_LEN);
    put_directory(&path);
    KJ_CLEANUP(kj_free_ptr) char *parent = strdup(kj_buf_text(&path));
    char *slash = parent ? strrchr(parent, '/') : NULL;
    if (slash)
        *slash = '\0';
    if (slash && *parent)
        (void)mkdir(parent, 0700);
    if (mkdir(kj_buf_text(&path), 0755) < 0 && errno != EEXIST)
        return kj_fail(err, KJ_IO, KJ_NO_OFFSET, "%s: %s", kj_buf_text(&path), strerror(errno));
    return KJ_OK;
}

kj_status kj_verified_add(const kj_file_identity *file, const uint8_t build_id[16], kj_error *err)
{
    KJ_CLEANUP(kj_buf_done) kj_buf path, list, fresh;
    kj_buf_init(&path, PATH_MAX_LEN);
    kj_buf_init(&list, LIST_MAX);
    kj_buf_init(&fresh, LIST_MAX);
    if (!read_list(&path, &list))
        return kj_fail(err, KJ_IO, KJ_NO_OFFSET, "neither XDG_CACHE_HOME nor HOME is set");
    KJ_TRY(make_directory(err));
    put_line(&fresh, file, build_id);
    kj_buf_put_byte(&fresh, '\n');
    kj_reader r = kj_reader_of(kj_buf_span(&list));
    kj_span line;
    for (int i = 1; i < LINES_MAX && kj_read_line(&r, &line); i++) {
        kj_buf_put(&fresh, line);
        kj_buf_put_byte(&fresh, '\n');
    }
    return kj_file_replace(kj_buf_text(&path), kj_buf_span(&fresh), 0644, err);
}
