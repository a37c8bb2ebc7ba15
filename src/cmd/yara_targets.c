/* SPDX-License-Identifier: Apache-2.0 */
/* Directories as yara(1) walks them: links are followed unless --no-follow-symlinks, only regular
 * files are scanned, and what cannot be looked at is left out. Unlike there, what is in a directory
 * comes by name, and a link to a directory that is being walked ends. */
#include "cmd/yara.h"

#include "base/cleanup.h"
#include "cmd/cmd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { PATHS_BUDGET = INT32_MAX, DEPTH_MAX = 512 };

/* A directory that is being walked, and those it lies in. */
typedef struct level {
    const struct level *outer;
    dev_t device;
    ino_t inode;
    unsigned depth;
} level;

typedef KJ_VEC(char *) name_list;

static void add_path(kj_yara_targets *targets, const char *path)
{
    if (!kj_vec_add(&targets->paths, path))
        targets->arena.failed = true;
}

static void make_ready(kj_yara_targets *targets)
{
    if (targets->arena.budget == 0)
        kj_arena_init(&targets->arena, PATHS_BUDGET);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void close_directory(DIR **directory)
{
    if (*directory)
        (void)closedir(*directory);
}

/* The names in a directory; false when it cannot be read, which is told. */
static bool read_names(const char *path, name_list *out)
{
    KJ_CLEANUP(close_directory) DIR *directory = opendir(path);
    if (!directory) {
        (void)kj_complain("%s: %s", path, strerror(errno));
        return false;
    }
    for (struct dirent *entry; (entry = readdir(directory));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        char *name = strdup(entry->d_name);
        if (!name || !kj_vec_add(out, name)) {
            free(name);
            return false;
        }
    }
    if (out->count)
        qsort(out->items, out->count, sizeof *out->items, by_name);
    return true;
}

static bool is_being_walked(const level *at, const struct stat *st)
{
    for (; at; at = at->outer)
        if (at->device == st->st_dev && at->inode == st->st_ino)
            return true;
    return false;
}

static void walk(const kj_yara_cli *cli, const char *path, const level *outer,
                 kj_yara_targets *targets);

static void take_file(const kj_yara_cli *cli, const char *path, const struct stat *st,
                      kj_yara_targets *targets)
{
    if (cli->larger == 0 || (uint64_t)st->st_size < cli->larger)
        add_path(targets, path);
    else
        (void)fprintf(stderr, "skipping %s (%lld bytes) because it's larger than %llu bytes.\n",
                      path, (long long)st->st_size, (unsigned long long)cli->larger);
}

static void take_entry(const kj_yara_cli *cli, const char *path, const level *at,
                       kj_yara_targets *targets)
{
    struct stat st;
    if (lstat(path, &st) != 0 || (S_ISLNK(st.st_mode) && (cli->no_follow || stat(path, &st) != 0)))
        return;
    if (S_ISREG(st.st_mode))
        take_file(cli, path, &st, targets);
    else if (cli->recursive && S_ISDIR(st.st_mode) && at->depth < DEPTH_MAX &&
             !is_being_walked(at, &st))
        walk(cli, path, at, targets);
}

static void walk(const kj_yara_cli *cli, const char *path, const level *outer,
                 kj_yara_targets *targets)
{
    struct stat st = {0};
    name_list names = {0};
    if (stat(path, &st) == 0 && read_names(path, &names)) {
        level here = {outer, st.st_dev, st.st_ino, outer ? outer->depth + 1 : 0};
        for (size_t i = 0; i < names.count; i++) {
            const char *full = kj_arena_printf(&targets->arena, "%s/%s", path, names.items[i]);
            if (full)
                take_entry(cli, full, &here, targets);
        }
    }
    for (size_t i = 0; i < names.count; i++)
        free(names.items[i]);
    kj_vec_done(&names);
}

void kj_yara_targets_add_directory(const kj_yara_cli *cli, const char *path,
                                   kj_yara_targets *targets)
{
    make_ready(targets);
    walk(cli, path, NULL, targets);
}

bool kj_yara_targets_add_list(const kj_yara_cli *cli, const char *path, kj_yara_targets *targets)
{
    make_ready(targets);
    KJ_CLEANUP(kj_close_file) FILE *file = fopen(path, "re");
    KJ_CLEANUP(kj_free_ptr) char *line = NULL;
    size_t capacity = 0;
    ssize_t len;
    if (!file) {
        (void)fprintf(stderr, "error: could not open file \"%s\".\n", path);
        return false;
    }
    while ((len = getline(&line, &capacity, file)) >= 0) {
        struct stat st;
        if (len > 0 && line[len - 1] == '\n')
            line[len - 1] = '\0';
        const char *kept = kj_arena_strdup(&targets->arena, line);
        if (kept && stat(kept, &st) == 0 && S_ISDIR(st.st_mode))
            walk(cli, kept, NULL, targets);
        else if (kept)
            add_path(targets, kept);
    }
    return true;
}

bool kj_yara_targets_fit(const kj_yara_targets *targets)
{
    if (targets->arena.failed)
        (void)fputs("not enough memory\n", stderr);
    return !targets->arena.failed;
}

void kj_yara_targets_done(kj_yara_targets *targets)
{
    if (targets->arena.budget)
        kj_arena_done(&targets->arena);
    kj_vec_done(&targets->paths);
}
