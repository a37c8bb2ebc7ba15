/* SPDX-License-Identifier: Apache-2.0 */
#include "clean/state.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

/* The default place; malloc'd. */
static char *default_path(void)
{
    char *path = NULL;
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    int len;
    if (geteuid() == 0)
        return strdup("/var/lib/kujo");
    if (state && *state == '/')
        len = asprintf(&path, "%s/kujo", state);
    else
        len = asprintf(&path, "%s/.local/state/kujo", home && *home ? home : ".");
    return len < 0 ? NULL : path;
}

/* The directory and what is missing above it. */
static kj_status make_path(const char *path, kj_error *err)
{
    KJ_CLEANUP(kj_free_ptr) char *copy = strdup(path);
    if (!copy)
        return kj_no_memory(err);
    for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        if (mkdir(copy, 0755) != 0 && errno != EEXIST)
            return kj_fail_errno(err, copy);
        *slash = '/';
    }
    if (mkdir(copy, 0700) != 0 && errno != EEXIST)
        return kj_fail_errno(err, copy);
    return KJ_OK;
}

static bool is_below(const char *path, const char *root)
{
    size_t len = strlen(root);
    while (len > 0 && root[len - 1] == '/')
        len--;
    return strncmp(path, root, len) == 0 && (path[len] == '/' || path[len] == 0);
}

/* Where a path that may not be there yet will be: its longest existing part resolved. */
static char *resolve(const char *path)
{
    char *copy = strdup(path), *real = NULL;
    while (copy && !(real = realpath(copy, NULL))) {
        char *slash = strrchr(copy, '/');
        if (errno != ENOENT || !slash) {
            real = errno == ENOENT ? realpath(".", NULL) : NULL;
            break;
        }
        slash[slash == copy] = 0;
    }
    free(copy);
    return real;
}

static kj_status open_subdirectory(int parent, const char *name, int *out, kj_error *err)
{
    if (mkdirat(parent, name, 0700) != 0 && errno != EEXIST)
        return kj_fail_errno(err, name);
    *out = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return *out < 0 ? kj_fail_errno(err, name) : KJ_OK;
}

static kj_status take_lock(int lock, uint32_t wait_ms, kj_error *err)
{
    enum { STEP_MS = 50 };
    for (uint32_t waited = 0;; waited += STEP_MS) {
        if (flock(lock, LOCK_EX | LOCK_NB) == 0)
            return KJ_OK;
        if (errno != EWOULDBLOCK && errno != EINTR)
            return kj_fail_errno(err, "lock");
        if (waited >= wait_ms)
            return kj_fail(err, KJ_IO, KJ_NO_OFFSET,
                           "the state directory is in use by another kujo");
        const struct timespec step = {.tv_nsec = STEP_MS * 1000000L};
        (void)nanosleep(&step, NULL);
    }
}

static kj_status open_at(const char *path, uint32_t wait_ms, kj_state *state, kj_error *err)
{
    KJ_CLEANUP(kj_close_fd) int top = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;
    if (top < 0 || fstat(top, &st) != 0)
        return kj_fail_errno(err, path);
    if (st.st_uid != geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH)))
        return kj_fail(err, KJ_IO, KJ_NO_OFFSET,
                       "the state directory is not yours alone: others own it or may write to it");
    state->lock = openat(top, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (state->lock < 0)
        return kj_fail_errno(err, "lock");
    KJ_TRY(take_lock(state->lock, wait_ms, err));
    KJ_TRY(open_subdirectory(top, "runs", &state->runs, err));
    KJ_TRY(open_subdirectory(top, "quarantine", &state->quarantine, err));
    return kj_sync_directory(top, err);
}

static kj_status lies_below(kj_error *err)
{
    return kj_fail(err, KJ_IO, KJ_NO_OFFSET,
                   "the state directory lies below what is being cleaned: choose another with "
                   "--state");
}

bool kj_state_exists(const char *path)
{
    KJ_CLEANUP(kj_free_ptr) char *chosen = path ? strdup(path) : default_path();
    struct stat st;
    return chosen && stat(chosen, &st) == 0 && S_ISDIR(st.st_mode);
}

kj_status kj_state_open(const char *path, const char *not_below, uint32_t wait_ms, kj_state **out,
                        kj_error *err)
{
    KJ_CLEANUP(kj_free_ptr) char *chosen = path ? strdup(path) : default_path();
    if (!chosen)
        return kj_no_memory(err);
    KJ_CLEANUP(kj_free_ptr) char *will_be = resolve(chosen);
    if (!will_be)
        return kj_fail_errno(err, chosen);
    KJ_CLEANUP(kj_free_ptr) char *root = not_below ? realpath(not_below, NULL) : NULL;
    if (not_below && is_below(will_be, root ? root : not_below))
        return lies_below(err);
    KJ_TRY(make_path(chosen, err));
    kj_state *state = calloc(1, sizeof *state);
    if (!state)
        return kj_no_memory(err);
    state->lock = state->runs = state->quarantine = -1;
    state->path = realpath(chosen, NULL);
    kj_status status =
        state->path ? open_at(chosen, wait_ms, state, err) : kj_fail_errno(err, chosen);
    if (status == KJ_OK && not_below && is_below(state->path, root ? root : not_below))
        status = lies_below(err); /* by way of a ".." behind what was not there yet */
    if (status != KJ_OK)
        kj_state_close(state);
    else
        *out = state;
    return status;
}

void kj_state_close(kj_state *state)
{
    if (!state)
        return;
    kj_close_fd(&state->quarantine);
    kj_close_fd(&state->runs);
    kj_close_fd(&state->lock);
    free(state->path);
    free(state);
}

const char *kj_state_path(const kj_state *state)
{
    return state->path;
}

kj_status kj_sync_directory(int directory, kj_error *err)
{
    /* Some file systems cannot sync a directory; those have nothing to lose there. */
    if (fsync(directory) != 0 && errno != EINVAL && errno != EROFS)
        return kj_fail_errno(err, "sync a directory");
    return KJ_OK;
}
