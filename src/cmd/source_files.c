/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/source_files.h"

#include "base/arith.h"
#include "base/cleanup.h"
#include "rules/clamav/clamav.h"

#include <errno.h>
#include <fts.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

static const struct {
    const char *extension;
    kj_source_kind kind;
} extensions[] = {
    {".yar", KJ_SOURCE_YARA},      {".yara", KJ_SOURCE_YARA},     {".yaml", KJ_SOURCE_ADVISORY},
    {".yml", KJ_SOURCE_ADVISORY},  {".cvd", KJ_SOURCE_CONTAINER}, {".cld", KJ_SOURCE_CONTAINER},
    {".cud", KJ_SOURCE_CONTAINER},
};

static const struct {
    const char *word;
    kj_source_kind kind;
} kinds[] = {
    {"yara", KJ_SOURCE_YARA},
    {"advisory", KJ_SOURCE_ADVISORY},
};

bool kj_source_kind_parse(const char *word, kj_source_kind *out)
{
    for (size_t i = 0; i < KJ_COUNT(kinds); i++)
        if (strcmp(word, kinds[i].word) == 0) {
            *out = kinds[i].kind;
            return true;
        }
    char name[16];
    int len = snprintf(name, sizeof name, "x.%s", word);
    if (len <= 2 || (size_t)len >= sizeof name || !kj_clamav_takes(name))
        return false;
    *out = KJ_SOURCE_CLAMAV;
    return true;
}

kj_source_kind kj_source_kind_of(const char *name)
{
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < KJ_COUNT(extensions); i++)
        if (strcasecmp(dot, extensions[i].extension) == 0)
            return extensions[i].kind;
    return kj_clamav_takes(name) ? KJ_SOURCE_CLAMAV : KJ_SOURCE_BY_NAME;
}

static kj_status add_file(kj_source_files *files, const char *path, kj_source_kind kind,
                          const struct stat *info, kj_error *err)
{
    kj_source_file file = {
        .path = kj_arena_strdup(files->arena, path),
        .kind = kind,
        .order = kind == KJ_SOURCE_CLAMAV ? kj_clamav_order(path) : 0,
        .number = files->list.count,
        .size = S_ISREG(info->st_mode) && info->st_size > 0 ? (uint64_t)info->st_size : 0,
    };
    if (!file.path || !kj_vec_add(&files->list, file))
        return kj_no_memory(err);
    files->bytes += file.size;
    return KJ_OK;
}

/* ---- folders ------------------------------------------------------------------------------- */

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static void close_tree(FTS **tree)
{
    if (*tree)
        (void)fts_close(*tree);
}

static kj_status add_entry(kj_source_files *files, const FTSENT *entry, kj_source_kind kind,
                           kj_source_kind only, kj_error *err)
{
    if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR)
        return kj_fail(err, KJ_IO, KJ_NO_OFFSET, "%s: %s", entry->fts_path,
                       strerror(entry->fts_errno));
    kj_source_kind found = kind == KJ_SOURCE_BY_NAME ? kj_source_kind_of(entry->fts_name) : kind;
    if (entry->fts_info != FTS_F || found == KJ_SOURCE_BY_NAME ||
        (only != KJ_SOURCE_BY_NAME && found != only))
        return KJ_OK;
    return add_file(files, entry->fts_path, found, entry->fts_statp, err);
}

static kj_status add_folder(kj_source_files *files, const char *path, kj_source_kind kind,
                            kj_source_kind only, kj_error *err)
{
    char *const roots[] = {kj_arena_strdup(files->arena, path), NULL};
    KJ_CLEANUP(close_tree) FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
    if (!tree)
        return kj_fail_errno(err, "cannot read");
    size_t before = files->list.count;
    FTSENT *entry;
    while ((entry = fts_read(tree)))
        KJ_TRY(add_entry(files, entry, kind, only, err));
    /* Definitions of nothing would call everything clean. */
    if (files->list.count > before)
        return KJ_OK;
    return kj_fail(err, KJ_UNSUPPORTED, KJ_NO_OFFSET,
                   "holds neither advisories (.yaml) nor rules (.yar, .yara) nor signatures of "
                   "ClamAV");
}

/* ---- operands ------------------------------------------------------------------------------ */

kj_status kj_source_files_add(kj_source_files *files, const char *path, kj_source_kind kind,
                              kj_source_kind only, kj_error *err)
{
    struct stat info;
    if (stat(path, &info) != 0)
        return kj_fail(err, KJ_IO, KJ_NO_OFFSET, "cannot open: %s", strerror(errno));
    if (S_ISDIR(info.st_mode))
        return add_folder(files, path, kind, only, err);
    if (kind == KJ_SOURCE_BY_NAME)
        kind = only != KJ_SOURCE_BY_NAME ? only : kj_source_kind_of(path);
    if (kind == KJ_SOURCE_BY_NAME)
        return kj_fail(err, KJ_UNSUPPORTED, KJ_NO_OFFSET,
                       "what it holds does not show in its name; use .yar, .yara, .yaml, an "
                       "extension of ClamAV's, or say --rules-kind");
    return add_file(files, path, kind, &info, err);
}

static int by_order(const void *a, const void *b)
{
    const kj_source_file *x = a, *y = b;
    if (x->order != y->order)
        return x->order < y->order ? -1 : 1;
    return x->number < y->number ? -1 : x->number > y->number;
}

void kj_source_files_sort(kj_source_files *files)
{
    if (files->list.count)
        qsort(files->list.items, files->list.count, sizeof *files->list.items, by_order);
}

void kj_source_files_done(kj_source_files *files)
{
    kj_vec_done(&files->list);
}
