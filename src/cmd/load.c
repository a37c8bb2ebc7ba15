/* SPDX-License-Identifier: Apache-2.0 */
/* Loads all that the operands name. ClamAV's files may refer to each other (.ign), so they are read
 * in its order, and what is in containers with them. */
#include "base/arith.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "cmd/cmd.h"
#include "cmd/sources.h"
#include "modules/module.h"
#include "rules/advisory/advisory.h"
#include "rules/clamav/trusted.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

typedef struct loader {
    kj_ir *ir;
    const kj_sources_options *how;
    kj_sources_counts counts;
    kj_source_files files;
    kj_clamav_options clamav_options;
    kj_clamav *clamav; /* NULL: no such file yet */
    kj_cvd_key *key;
    KJ_VEC(kj_cvd *) containers; /* one for each CONTAINER among `files`, in their order */
    kj_run_progress progress;
    const char *container; /* whose members are read */
    bool ignoring;         /* only those that name signatures to be ignored are taken of it */
} loader;

static void count_bytes(void *user, uint64_t bytes)
{
    loader *l = user;
    l->progress.file_bytes += bytes;
    if (l->how->progress)
        kj_progress_show(l->how->progress, &l->progress, kj_clock_ns() / 1000000);
}

/* Says what is wrong with a file; evaluates to false. */
static bool refuse(const loader *l, const char *path, const kj_error *err)
{
    kj_progress_erase(l->how->progress);
    if (err->offset == KJ_NO_OFFSET)
        (void)kj_complain("%s: %s", path, _(err->message));
    else
        (void)kj_complain(_("%s: %s (at byte %llu)"), path, _(err->message),
                          (unsigned long long)err->offset);
    return false;
}

/* ---- reading ------------------------------------------------------------------------------- */

typedef struct open_file {
    loader *loader;
    int fd;
} open_file;

static ptrdiff_t read_file(void *user, void *buf, size_t len, kj_error *err)
{
    const open_file *file = user;
    ssize_t got;
    do
        got = read(file->fd, buf, len);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        (void)kj_fail_errno(err, "read");
    else
        count_bytes(file->loader, (uint64_t)got);
    return got;
}

static kj_status load_clamav(loader *l, const kj_clamav_input *input, kj_error *err)
{
    if (!l->clamav)
        l->clamav = kj_clamav_new(l->ir, &l->clamav_options);
    return l->clamav ? kj_clamav_load(l->clamav, input, err) : kj_no_memory(err);
}

static kj_status load_lines(loader *l, const kj_source_file *file, kj_error *err)
{
    KJ_CLEANUP(kj_close_fd) int fd = open(file->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return kj_fail(err, KJ_IO, KJ_NO_OFFSET, "cannot open: %s", strerror(errno));
    open_file opened = {l, fd};
    if (file->kind == KJ_SOURCE_TRUSTED)
        return kj_trusted_load(l->ir, file->path, read_file, &opened, l->how->strict,
                               &l->counts.trusted, err);
    const kj_clamav_input input = {.name = file->path,
                                   .kind = file->trusted ? NULL : l->how->kind_word,
                                   .read = read_file,
                                   .user = &opened,
                                   .trusted = file->trusted};
    return load_clamav(l, &input, err);
}

/* ---- containers ---------------------------------------------------------------------------- */

static bool names_ignored(const char *name)
{
    return kj_clamav_takes(name) && kj_clamav_order(name) == kj_clamav_order("x.ign");
}

static kj_status load_rules_member(loader *l, const char *name, kj_cvd_member *member,
                                   kj_error *err)
{
    KJ_CLEANUP(kj_buf_done) kj_buf text;
    kj_buf_init(&text, KJ_SOURCE_MAX);
    uint8_t chunk[16 << 10];
    ptrdiff_t got;
    while ((got = kj_cvd_read(member, chunk, sizeof chunk, err)) > 0)
        kj_buf_put(&text, kj_span_of(chunk, (size_t)got));
    if (got < 0)
        return err->status;
    if (text.failed)
        return kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET, "is larger than a source may be");
    return kj_sources_add_text(l->ir, name, kj_buf_span(&text), KJ_SOURCE_YARA, NULL, err);
}

/* What kujo has no use for is counted, but for what only says what is in the container. */
static kj_status leave_out_member(loader *l, const char *name, kj_error *err)
{
    const char *dot = strrchr(name, '.');
    if (!dot || strcmp(dot, ".info") == 0)
        return KJ_OK;
    const char *kind = kj_arena_strdup(&l->ir->arena, dot + 1);
    return kind && kj_ir_leave_out(l->ir, kind, KJ_SENTENCE("files of this kind are not used"), 1)
               ? KJ_OK
               : kj_no_memory(err);
}

static kj_status take_member(void *user, const char *name, kj_cvd_member *member, kj_error *err)
{
    loader *l = user;
    if (names_ignored(name) != l->ignoring)
        return KJ_OK;
    const char *full = kj_arena_printf(&l->ir->arena, "%s!%s", l->container, name);
    if (!full)
        return kj_no_memory(err);
    kj_source_kind kind = kj_source_kind_of(name);
    if (kind == KJ_SOURCE_YARA)
        return load_rules_member(l, full, member, err);
    if (kind != KJ_SOURCE_CLAMAV)
        return leave_out_member(l, name, err);
    const kj_clamav_input input = {.name = full, .read = kj_cvd_read, .user = member};
    return load_clamav(l, &input, err);
}

/* Opens it, which checks it, and takes what it says about others. */
static kj_status open_container(loader *l, const char *path, kj_error *err)
{
    const kj_cvd_options options = {.key = l->key,
                                    .require_signature = l->how->require_signature,
                                    .progress = count_bytes,
                                    .user = l};
    kj_cvd *cvd = NULL;
    KJ_TRY(kj_cvd_open(path, &options, &cvd, err));
    if (!kj_vec_add(&l->containers, cvd)) {
        kj_cvd_close(cvd);
        return kj_no_memory(err);
    }
    l->container = path;
    l->ignoring = true;
    return kj_cvd_has(cvd, names_ignored) ? kj_cvd_each(cvd, take_member, l, err) : KJ_OK;
}

static bool open_containers(loader *l)
{
    size_t unverified = 0;
    kj_error err = {.offset = KJ_NO_OFFSET};
    for (size_t i = 0; i < l->files.list.count; i++) {
        const kj_source_file *file = &l->files.list.items[i];
        if (file->kind != KJ_SOURCE_CONTAINER)
            continue;
        if (open_container(l, file->path, &err) != KJ_OK)
            return refuse(l, file->path, &err);
        unverified += !kj_cvd_is_verified(l->containers.items[l->containers.count - 1]);
    }
    if (unverified && !l->how->quiet) {
        kj_progress_erase(l->how->progress);
        (void)kj_complain(_("%zu containers are whole, but whose they are is not verified "
                            "(--cvd-key)"),
                          unverified);
    }
    return true;
}

/* ---- all ----------------------------------------------------------------------------------- */

static kj_status load_file(loader *l, const kj_source_file *file, size_t *container, kj_error *err)
{
    switch (file->kind) {
    case KJ_SOURCE_CONTAINER:
        l->container = file->path;
        l->ignoring = false;
        return kj_cvd_each(l->containers.items[(*container)++], take_member, l, err);
    case KJ_SOURCE_CLAMAV:
    case KJ_SOURCE_TRUSTED:
        return load_lines(l, file, err);
    default:
        count_bytes(l, file->size);
        return kj_sources_add_file(l->ir, file->path, file->kind, NULL, err);
    }
}

static bool load_files(loader *l)
{
    size_t container = 0;
    for (size_t i = 0; i < l->files.list.count; i++) {
        const kj_source_file *file = &l->files.list.items[i];
        kj_error err = {.offset = KJ_NO_OFFSET};
        if (load_file(l, file, &container, &err) != KJ_OK)
            return refuse(l, file->path, &err);
        l->progress.files++;
    }
    kj_error err = {.offset = KJ_NO_OFFSET};
    if (l->clamav && kj_clamav_finish(l->clamav, &err) != KJ_OK) {
        (void)kj_complain("%s", _(err.message));
        return false;
    }
    return true;
}

/* Whether a file that is named as trusted is one of ClamAV's lists of digests. */
static bool is_digest_file(const char *path)
{
    static const char *const extensions[] = {".fp", ".sfp", ".hdb", ".hsb"};
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot && i < KJ_COUNT(extensions); i++)
        if (strcasecmp(dot, extensions[i]) == 0)
            return true;
    return false;
}

static kj_status list_trusted(loader *l, const char *path, kj_error *err)
{
    size_t before = l->files.list.count;
    KJ_TRY(kj_source_files_add(&l->files, path, KJ_SOURCE_TRUSTED, KJ_SOURCE_BY_NAME, err));
    for (size_t i = before; i < l->files.list.count; i++) {
        kj_source_file *file = &l->files.list.items[i];
        file->trusted = true;
        if (is_digest_file(file->path))
            file->kind = KJ_SOURCE_CLAMAV;
    }
    return KJ_OK;
}

/* Of all files: containers are read twice, to be checked and to be used. */
static uint64_t bytes_to_read(const loader *l)
{
    uint64_t bytes = l->files.bytes;
    for (size_t i = 0; i < l->files.list.count; i++) {
        const kj_source_file *file = &l->files.list.items[i];
        bytes += file->kind == KJ_SOURCE_CONTAINER ? file->size : 0;
    }
    return bytes;
}

static bool list_files(loader *l, const char *const *paths, size_t count)
{
    const kj_option_list *trusted = &l->how->trusted;
    for (size_t i = 0; i < count + trusted->count; i++) {
        const char *path = i < count ? paths[i] : trusted->items[i - count];
        kj_error err = {.offset = KJ_NO_OFFSET};
        kj_status status =
            i < count ? kj_source_files_add(&l->files, path, l->how->kind, KJ_SOURCE_BY_NAME, &err)
                      : list_trusted(l, path, &err);
        if (status != KJ_OK)
            return refuse(l, path, &err);
    }
    kj_source_files_sort(&l->files);
    l->progress.total_known = true;
    l->progress.total_files = l->counts.files = l->files.list.count;
    l->progress.total_bytes = bytes_to_read(l);
    return true;
}

static bool read_key(loader *l)
{
    kj_error err = {.offset = KJ_NO_OFFSET};
    return !l->how->cvd_key || kj_cvd_key_read(l->how->cvd_key, &l->key, &err) == KJ_OK ||
           refuse(l, l->how->cvd_key, &err);
}

static bool check_all(loader *l)
{
    kj_error err = {.offset = KJ_NO_OFFSET};
    if (kj_advisory_check_all(l->ir, &err) == KJ_OK)
        return true;
    (void)kj_complain("%s", _(err.message));
    return false;
}

/* What was malformed stays in the definitions' memory, too. */
static bool count(loader *l)
{
    if (l->clamav)
        l->counts.clamav = *kj_clamav_counted(l->clamav);
    uint64_t malformed = l->counts.clamav.malformed;
    return malformed == 0 || kj_ir_leave_out(l->ir, "line", KJ_SENTENCE("malformed"), malformed);
}

static void done(loader *l)
{
    for (size_t i = 0; i < l->containers.count; i++)
        kj_cvd_close(l->containers.items[i]);
    kj_vec_done(&l->containers);
    kj_clamav_free(l->clamav);
    kj_cvd_key_free(l->key);
    kj_source_files_done(&l->files);
}

void kj_sources_options_done(kj_sources_options *options)
{
    kj_vec_done(&options->defines);
    kj_vec_done(&options->trusted);
}

bool kj_sources_compile(kj_ir *ir, const kj_sources_options *options, const char *const *paths,
                        size_t path_count, kj_sources_counts *out_counts)
{
    loader l = {.ir = ir,
                .how = options,
                .files.arena = &ir->arena,
                .clamav_options = {.strict = options->strict,
                                   .pua = options->pua,
                                   .unofficial = options->unofficial}};
    l.clamav_options.schemas = kj_module_schemas(&l.clamav_options.schema_count);
    bool ok = kj_sources_define(ir, &options->defines) && list_files(&l, paths, path_count) &&
              read_key(&l) && open_containers(&l) && load_files(&l) && check_all(&l);
    ok = count(&l) && ok;
    if (out_counts)
        *out_counts = l.counts;
    done(&l);
    kj_progress_erase(options->progress);
    return kj_sources_print(ir, options->color) && ok;
}
