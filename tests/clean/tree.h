/* SPDX-License-Identifier: Apache-2.0 */
/* A root to clean, a folder outside of it, a state, and steps: what the tests of src/clean/ share.
 */
#pragma once

#include "clean/quarantine.h"
#include "clean/transaction.h"
#include "tests/test.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { STEPS_MAX = 16, ARENA_MAX = 1 << 24 };

typedef struct fixture {
    char home[PATH_MAX / 4];
    char root[PATH_MAX / 3];
    char state_path[PATH_MAX / 3];
    char path[PATH_MAX];
    int root_fd;
    kj_state *state;
    kj_arena arena;
    kj_step steps[STEPS_MAX];
    size_t count;
    bool allow_system;
    char sentence[256]; /* the last that was said */
    kj_run_summary summary;
    kj_error err;
} fixture;

static inline int set_up(void **out)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    (void)snprintf(f->home, sizeof f->home, "%s/kujo-clean-XXXXXX",
                   access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(f->home));
    (void)snprintf(f->root, sizeof f->root, "%s/root", f->home);
    (void)snprintf(f->state_path, sizeof f->state_path, "%s/state", f->home);
    (void)snprintf(f->path, sizeof f->path, "%s/outside", f->home);
    assert_int_equal(mkdir(f->root, 0755), 0);
    assert_int_equal(mkdir(f->path, 0755), 0);
    f->root_fd = open(f->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    kj_arena_init(&f->arena, ARENA_MAX);
    assert_int_equal(kj_state_open(f->state_path, f->root, 0, &f->state, &f->err), KJ_OK);
    *out = f;
    return 0;
}

static inline void remove_tree(int parent, const char *name)
{
    if (unlinkat(parent, name, 0) == 0)
        return;
    DIR *directory = fdopendir(openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    for (const struct dirent *e; directory && (e = readdir(directory));)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            remove_tree(dirfd(directory), e->d_name);
    if (directory)
        (void)closedir(directory);
    (void)unlinkat(parent, name, AT_REMOVEDIR);
}

static inline int tear_down(void **in)
{
    fixture *f = *in;
    kj_state_close(f->state);
    kj_arena_done(&f->arena);
    (void)close(f->root_fd);
    remove_tree(AT_FDCWD, f->home);
    free(f);
    return 0;
}

/* Borrowed until the next call. */
static inline const char *path_of(fixture *f, const char *name)
{
    (void)snprintf(f->path, sizeof f->path, "%s/%s", f->root, name);
    char *copy = kj_arena_strdup(&f->arena, f->path);
    assert_non_null(copy);
    return copy;
}

static inline void write_at(const char *path, const char *content)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, strlen(content)), (ssize_t)strlen(content));
    const struct timespec times[2] = {{1000000000, 7}, {1000000001, 123456789}};
    assert_int_equal(futimens(fd, times), 0);
    assert_int_equal(close(fd), 0);
}

static inline void make_folder(fixture *f, const char *name)
{
    assert_int_equal(mkdir(path_of(f, name), 0750), 0);
}

/* With one folder above it, when there has to be. */
static inline void make_file(fixture *f, const char *name, const char *content)
{
    const char *slash = strchr(name, '/');
    if (slash)
        (void)mkdir(path_of(f, kj_arena_text(&f->arena, kj_span_of(name, (size_t)(slash - name)))),
                    0750);
    write_at(path_of(f, name), content);
}

static inline void make_outside(fixture *f, const char *name, const char *content)
{
    (void)snprintf(f->path, sizeof f->path, "%s/outside/%s", f->home, name);
    write_at(f->path, content);
}

static inline struct stat look(fixture *f, const char *name)
{
    struct stat st = {0};
    assert_int_equal(lstat(path_of(f, name), &st), 0);
    return st;
}

static inline bool is_gone(fixture *f, const char *name)
{
    struct stat st;
    return lstat(path_of(f, name), &st) != 0;
}

static inline void assert_at(const char *path, const char *content)
{
    char got[256] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    ssize_t len = read(fd, got, sizeof got - 1);
    assert_int_equal(len, (ssize_t)strlen(content));
    assert_string_equal(got, content);
    (void)close(fd);
}

static inline void assert_content(fixture *f, const char *name, const char *content)
{
    assert_at(path_of(f, name), content);
}

static inline void assert_outside(fixture *f, const char *name, const char *content)
{
    (void)snprintf(f->path, sizeof f->path, "%s/outside/%s", f->home, name);
    assert_at(f->path, content);
}

static inline size_t count_containers(fixture *f)
{
    kj_quarantined *items;
    size_t count;
    assert_int_equal(kj_quarantine_list(f->state, &f->arena, &items, &count, NULL, NULL, &f->err),
                     KJ_OK);
    return count;
}

static inline kj_step *add_step(fixture *f, kj_step_kind kind, const char *name)
{
    struct stat st = {0};
    assert_true(f->count < STEPS_MAX);
    (void)lstat(path_of(f, name), &st);
    kj_step *step = &f->steps[f->count++];
    *step = (kj_step){
        .kind = kind,
        .path = kj_span_str(name),
        .device = st.st_dev,
        .inode = st.st_ino,
        .reasons = kj_span_str("{}"),
    };
    return step;
}

static inline kj_step *add_removal(fixture *f, const char *name, const char *content)
{
    kj_step *step = add_step(f, KJ_STEP_REMOVE, name);
    step->size = strlen(content);
    kj_hash(KJ_HASH_SHA256, kj_span_str(content), step->sha256);
    return step;
}

static inline void add_patch(fixture *f, const char *name, const char *before, const char *after)
{
    kj_step *step = add_step(f, KJ_STEP_PATCH, name);
    step->size = strlen(before);
    step->size_after = strlen(after);
    kj_hash(KJ_HASH_SHA256, kj_span_str(before), step->sha256);
    kj_hash(KJ_HASH_SHA256, kj_span_str(after), step->sha256_after);
    assert_int_equal(kj_edits_between(&f->arena, kj_span_str(before), kj_span_str(after), 4,
                                      &step->edits, &f->err),
                     KJ_OK);
}

static inline void on_step(void *user, size_t index, kj_step_result result, const char *sentence)
{
    fixture *f = user;
    (void)index;
    (void)result;
    if (sentence)
        (void)snprintf(f->sentence, sizeof f->sentence, "%s", sentence);
}

static inline kj_status run_with(fixture *f, const kj_transaction_events *events)
{
    const kj_transaction transaction = {
        .root = f->root,
        .root_fd = f->root_fd,
        .title = kj_span_str("{}"),
        .steps = f->steps,
        .count = f->count,
        .allow_system = f->allow_system,
    };
    return kj_transaction_run(f->state, &transaction, events, &f->summary, &f->err);
}

static inline kj_status run(fixture *f)
{
    const kj_transaction_events events = {.user = f, .step = on_step};
    return run_with(f, &events);
}

/* The run of the summary. */
static inline kj_status undo(fixture *f)
{
    char id[KJ_RUN_ID_MAX];
    memcpy(id, f->summary.id, sizeof id);
    const kj_transaction_events events = {.user = f, .step = on_step};
    return kj_run_undo(f->state, id, NULL, &events, &f->summary, &f->err);
}
