/* SPDX-License-Identifier: Apache-2.0 */
#include "clean/quarantine.h"

#include "base/cleanup.h"
#include "base/path.h"
#include "base/text.h"
#include "base/vec.h"
#include "clean/beneath.h"
#include "clean/container.h"
#include "clean/run.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

typedef struct id_text {
    char text[KJ_QUARANTINE_ID_MAX];
} id_text;

typedef KJ_VEC(id_text) id_list;

/* ---- which there are
 * ------------------------------------------------------------------------------------- */

/* ID.kjq, the id of letters, digits, hyphens and dots. */
static bool read_id(const char *name, id_text *out)
{
    size_t len = strlen(name);
    if (len <= 4 || len - 4 >= sizeof out->text || strcmp(name + len - 4, ".kjq") != 0)
        return false;
    for (size_t i = 0; i < len - 4; i++)
        if (!kj_is_alnum((unsigned char)name[i]) && name[i] != '-' && name[i] != '.')
            return false;
    memcpy(out->text, name, len - 4);
    out->text[len - 4] = 0;
    return true;
}

static int newest_first(const void *a, const void *b)
{
    return strverscmp(((const id_text *)b)->text, ((const id_text *)a)->text);
}

static kj_status list_ids(kj_state *state, id_list *out, kj_error *err)
{
    int copy = openat(state->quarantine, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = copy >= 0 ? fdopendir(copy) : NULL;
    if (!directory)
        return kj_fail_errno(err, "list the quarantine");
    bool ok = true;
    for (const struct dirent *entry; (entry = readdir(directory));) {
        id_text id;
        if (read_id(entry->d_name, &id))
            ok &= kj_vec_add(out, id);
    }
    (void)closedir(directory);
    if (out->count)
        qsort(out->items, out->count, sizeof *out->items, newest_first);
    return ok ? KJ_OK : kj_no_memory(err);
}

kj_status kj_quarantine_list(kj_state *state, kj_arena *arena, kj_quarantined **out,
                             size_t *out_count,
                             void (*damaged)(void *user, const char *id, const kj_error *err),
                             void *user, kj_error *err)
{
    id_list ids = {0};
    kj_status status = list_ids(state, &ids, err);
    kj_quarantined *items =
        status == KJ_OK ? kj_new_array(arena, kj_quarantined, ids.count + 1) : NULL;
    if (status == KJ_OK && !items)
        status = kj_no_memory(err);
    size_t count = 0;
    for (size_t i = 0; status == KJ_OK && i < ids.count; i++) {
        KJ_CLEANUP(kj_close_fd) int fd = -1;
        kj_container container;
        kj_error why = {0};
        if (kj_container_open(state->quarantine, ids.items[i].text, arena, &fd, &container, &why) ==
            KJ_OK)
            items[count++] = container.about;
        else if (damaged)
            damaged(user, ids.items[i].text, &why);
    }
    if (status == KJ_OK) {
        *out = items;
        *out_count = count;
    }
    kj_vec_done(&ids);
    return status;
}

/* The whole id of a beginning. */
static kj_status choose(kj_state *state, const char *id, id_text *out, kj_error *err)
{
    id_list ids = {0};
    kj_status status = list_ids(state, &ids, err);
    size_t matches = 0;
    bool is_whole = false;
    for (size_t i = 0; status == KJ_OK && i < ids.count && !is_whole; i++) {
        const char *text = ids.items[i].text;
        if (!*id || strncmp(text, id, strlen(id)) != 0)
            continue;
        is_whole = strcmp(text, id) == 0;
        if (matches++ == 0 || is_whole)
            *out = ids.items[i];
    }
    kj_vec_done(&ids);
    KJ_TRY(status);
    if (matches == 1 || is_whole)
        return KJ_OK;
    return kj_fail(err, KJ_IO, KJ_NO_OFFSET,
                   matches ? KJ_SENTENCE("several objects begin like this")
                           : KJ_SENTENCE("there is no such object"));
}

static kj_status open_one(kj_state *state, const char *id, kj_arena *arena, int *out_fd,
                          kj_container *out, kj_error *err)
{
    id_text whole;
    KJ_TRY(choose(state, id, &whole, err));
    return kj_container_open(state->quarantine, whole.text, arena, out_fd, out, err);
}

kj_status kj_quarantine_find(kj_state *state, const char *id, kj_arena *arena, kj_quarantined *out,
                             kj_error *err)
{
    KJ_CLEANUP(kj_close_fd) int fd = -1;
    kj_container container;
    KJ_TRY(open_one(state, id, arena, &fd, &container, err));
    *out = container.about;
    return KJ_OK;
}

/* ---- what is done with one
 * -------------------------------------------------------------------------------- */

enum { SCRATCH_BUDGET = 128 << 20 };

typedef kj_status deed(kj_state *state, int fd, const kj_container *container, kj_arena *arena,
                       void *user, kj_error *err);

/* Opens an object and does something with it. */
static kj_status with_one(kj_state *state, const char *id, deed *what, void *user, kj_error *err)
{
    kj_arena arena;
    kj_arena_init(&arena, SCRATCH_BUDGET);
    int fd = -1;
    kj_container container;
    kj_status status = open_one(state, id, &arena, &fd, &container, err);
    if (status == KJ_OK)
        status = what(state, fd, &container, &arena, user, err);
    kj_close_fd(&fd);
    kj_arena_done(&arena);
    return status;
}

static kj_status verify(kj_state *state, int fd, const kj_container *container, kj_arena *arena,
                        void *user, kj_error *err)
{
    (void)state;
    (void)arena;
    (void)user;
    return kj_container_verify(fd, container, err);
}

kj_status kj_quarantine_verify(kj_state *state, const char *id, kj_error *err)
{
    return with_one(state, id, verify, NULL, err);
}

/* Where it was, or where the user wants it: a root and a path below it. */
static kj_status choose_place(const kj_container *container, const char *to, kj_arena *arena,
                              kj_span *out_path, int *out_root, kj_error *err)
{
    const char *root = kj_arena_text(arena, container->about.root);
    *out_path = container->about.path;
    if (to) {
        kj_span whole = kj_span_str(to);
        kj_span base = kj_path_base(whole);
        size_t above = whole.len - base.len;
        root = above ? kj_arena_text(arena, kj_span_sub(whole, 0, above)) : ".";
        *out_path = base;
    }
    if (!root)
        return kj_no_memory(err);
    *out_root = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *out_root < 0 ? kj_fail_errno(err, root) : KJ_OK;
}

static kj_status restore(kj_state *state, int fd, const kj_container *container, kj_arena *arena,
                         void *user, kj_error *err)
{
    (void)state;
    KJ_CLEANUP(kj_close_fd) int root = -1;
    kj_span path;
    KJ_TRY(choose_place(container, user, arena, &path, &root, err));
    kj_beneath place;
    KJ_TRY(kj_beneath_open(root, path, kj_span_is(container->about.root, "/"), &place, err));
    struct stat st;
    kj_status status = KJ_OK;
    char temporary[KJ_QUARANTINE_ID_MAX + 16];
    (void)snprintf(temporary, sizeof temporary, ".kujo-%s", container->about.id);
    if (fstatat(place.directory, place.name, &st, AT_SYMLINK_NOFOLLOW) == 0)
        status = kj_fail(err, KJ_IO, KJ_NO_OFFSET, "something of that name is there already");
    else
        status = kj_container_restore(fd, container, place.directory, place.name, temporary, err);
    if (status == KJ_OK)
        status = kj_sync_directory(place.directory, err);
    kj_beneath_close(&place);
    return status;
}

kj_status kj_quarantine_restore(kj_state *state, const char *id, const char *to, kj_error *err)
{
    char *place = to ? strdup(to) : NULL;
    if (to && !place)
        return kj_no_memory(err);
    kj_status status = with_one(state, id, restore, place, err);
    free(place);
    return status;
}

typedef struct extraction {
    const char *directory;
    kj_arena *arena;
    const char *path;
} extraction;

static kj_status extract(kj_state *state, int fd, const kj_container *container, kj_arena *arena,
                         void *user, kj_error *err)
{
    (void)state;
    (void)arena;
    extraction *e = user;
    char name[2 * KJ_HASH_MAX + 1];
    kj_hex_encode(kj_span_of(container->about.sha256, KJ_HASH_MAX), name);
    e->path = kj_arena_printf(e->arena, "%s/%s", e->directory, name);
    if (!e->path)
        return kj_no_memory(err);
    KJ_CLEANUP(kj_close_fd)
    int to = open(e->path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0400);
    if (to < 0)
        return kj_fail_errno(err, "make the file");
    kj_status status = kj_container_content(fd, container, to, err);
    if (status != KJ_OK)
        (void)unlink(e->path);
    return status;
}

kj_status kj_quarantine_extract(kj_state *state, const char *id, const char *directory,
                                kj_arena *arena, const char **out_path, kj_error *err)
{
    extraction e = {.directory = directory, .arena = arena};
    KJ_TRY(with_one(state, id, extract, &e, err));
    *out_path = e.path;
    return KJ_OK;
}

kj_status kj_quarantine_purge(kj_state *state, const char *id, kj_error *err)
{
    id_text whole;
    KJ_TRY(choose(state, id, &whole, err));
    kj_span run = kj_span_str(whole.text); /* RUN.STEP */
    size_t dot = kj_span_find(run, kj_span_str("."), 0);
    if (dot != SIZE_MAX && kj_run_is_open(state, kj_span_sub(run, 0, dot)))
        return kj_fail(err, KJ_IO, KJ_NO_OFFSET,
                       "its run is not finished: resume or undo that first");
    char name[KJ_QUARANTINE_ID_MAX + 8];
    (void)snprintf(name, sizeof name, "%s.kjq", whole.text);
    if (unlinkat(state->quarantine, name, 0) != 0)
        return kj_fail_errno(err, "delete the container");
    return kj_sync_directory(state->quarantine, err);
}
