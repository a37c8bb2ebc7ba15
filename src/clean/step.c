/* SPDX-License-Identifier: Apache-2.0 */
#include "clean/step.h"

#include "base/arith.h"
#include "base/cleanup.h"
#include "clean/beneath.h"
#include "clean/container.h"
#include "formats/regf.h"

#include <errno.h>
#include <fcntl.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <time.h>

enum { CHUNK = 64 << 10, HIVE_HEADER = 512, HIVE_CHECKSUM_AT = 508 };

/* ---- saying why
 * ------------------------------------------------------------------------------------------ */

static kj_step_result say(kj_step_context *c, kj_step_result result, const char *sentence)
{
    (void)snprintf(c->sentence, sizeof c->sentence, "%s", sentence);
    return result;
}

static kj_step_result fails(kj_step_context *c, const kj_error *err)
{
    return say(c, KJ_STEP_FAILED, err->message);
}

/* The system's reason for not finding or opening something: gone, or refused. */
static kj_step_result not_there(kj_step_context *c, const kj_error *err)
{
    return say(c, KJ_STEP_SKIPPED, err->message);
}

static bool is_missing(const kj_beneath *place)
{
    struct stat st;
    return fstatat(place->directory, place->name, &st, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT;
}

/* ---- times
 * ------------------------------------------------------------------------------------------------
 */

static int64_t ns_of(struct timespec time)
{
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static struct timespec time_of(int64_t ns)
{
    int64_t seconds = ns / 1000000000, rest = ns % 1000000000;
    if (rest < 0) {
        rest += 1000000000;
        seconds--;
    }
    return (struct timespec){.tv_sec = seconds, .tv_nsec = rest};
}

static bool set_times(int fd, int64_t atime_ns, int64_t mtime_ns)
{
    const struct timespec times[2] = {time_of(atime_ns), time_of(mtime_ns)};
    return futimens(fd, times) == 0;
}

static void keep_stat(kj_stat_kept *kept, const struct stat *st, int directory)
{
    struct stat parent;
    *kept = (kj_stat_kept){
        .mode = st->st_mode,
        .uid = st->st_uid,
        .gid = st->st_gid,
        .links = (uint32_t)st->st_nlink,
        .atime_ns = ns_of(st->st_atim),
        .mtime_ns = ns_of(st->st_mtim),
    };
    if (fstat(directory, &parent) == 0) {
        kept->parent_atime_ns = ns_of(parent.st_atim);
        kept->parent_mtime_ns = ns_of(parent.st_mtim);
    }
}

/* ---- what a patched file is now
 * ----------------------------------------------------------------------------- */

typedef enum file_state {
    FILE_OLD,
    FILE_NEW,
    FILE_MIXED, /* some of the bytes are written, all others are as they were */
    FILE_OTHER, /* somebody else changed it */
} file_state;

typedef struct comparison {
    const kj_step *step;
    uint8_t between[2][HIVE_HEADER]; /* the hive's header half way, there and back */
    bool has_header;
    bool old, new, mixed;
    struct sha256_ctx outside; /* of the file with the old bytes put back */
} comparison;

static bool pread_all(int fd, void *to, size_t len, uint64_t at)
{
    uint8_t *out = to;
    for (size_t done = 0; done < len;) {
        ssize_t got = pread(fd, out + done, len - done, (off_t)(at + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        done += (size_t)got;
    }
    return true;
}

/* The header with the edits' old or new bytes in it. */
static void put_header(const kj_step *step, bool new, uint8_t header[HIVE_HEADER])
{
    for (size_t i = 0; i < step->edits.count; i++) {
        const kj_edit *edit = &step->edits.items[i];
        kj_span bytes = new ? edit->after : edit->before;
        if (edit->offset >= HIVE_HEADER)
            return;
        size_t len = kj_min_size(bytes.len, HIVE_HEADER - (size_t)edit->offset);
        memcpy(header + edit->offset, bytes.data, len);
    }
}

static bool read_headers(int fd, const kj_step *step, uint8_t old[HIVE_HEADER],
                         uint8_t new[HIVE_HEADER])
{
    if (step->size < HIVE_HEADER || !pread_all(fd, old, HIVE_HEADER, 0))
        return false;
    memcpy(new, old, HIVE_HEADER);
    put_header(step, false, old);
    put_header(step, true, new);
    return true;
}

/* One byte of a range: the old, the new, or one of a header half way. */
static void compare_byte(comparison *c, const kj_edit *edit, size_t at, uint8_t byte)
{
    uint64_t place = edit->offset + at;
    bool old = at < edit->before.len && edit->before.data[at] == byte;
    bool new = at < edit->after.len && edit->after.data[at] == byte;
    bool half = c->has_header && place < HIVE_HEADER &&
                (c->between[0][place] == byte || c->between[1][place] == byte);
    /* What a file grows by may be there before it is written. */
    bool grown = at >= edit->before.len && byte == 0;
    c->old &= old;
    c->new &= new;
    c->mixed &= old || new || half || grown;
}

/* The bytes of an edit, as far as the file has them. */
static bool compare_range(comparison *c, int fd, const kj_edit *edit, uint64_t size)
{
    uint8_t chunk[4096];
    uint64_t longest = kj_max_size(edit->before.len, edit->after.len);
    uint64_t there = size > edit->offset ? kj_min_u64(size - edit->offset, longest) : 0;
    for (uint64_t done = 0; done < there;) {
        size_t part = (size_t)kj_min_u64(sizeof chunk, there - done);
        if (!pread_all(fd, chunk, part, edit->offset + done))
            return false;
        for (size_t i = 0; i < part; i++)
            compare_byte(c, edit, (size_t)done + i, chunk[i]);
        done += part;
    }
    c->old &= there == edit->before.len;
    c->new &= there == edit->after.len;
    c->mixed &= there >= kj_min_size(edit->before.len, edit->after.len);
    sha256_update(&c->outside, edit->before.len, edit->before.data);
    return true;
}

static bool hash_between(comparison *c, int fd, uint64_t from, uint64_t to)
{
    uint8_t chunk[CHUNK];
    while (from < to) {
        size_t part = (size_t)kj_min_u64(sizeof chunk, to - from);
        if (!pread_all(fd, chunk, part, from))
            return false;
        sha256_update(&c->outside, part, chunk);
        from += part;
    }
    return true;
}

static file_state look_at_patched(int fd, const kj_step *step, uint64_t size)
{
    comparison c = {.step = step, .old = true, .new = true, .mixed = true};
    uint8_t old[HIVE_HEADER], new[HIVE_HEADER], digest[KJ_HASH_MAX];
    sha256_init(&c.outside);
    if ((step->flags & KJ_STEP_HIVE) && read_headers(fd, step, old, new)) {
        c.has_header = true;
        kj_regf_header_between(old, new, c.between[0]);
        kj_regf_header_between(new, old, c.between[1]);
    }
    uint64_t at = 0;
    for (size_t i = 0; i < step->edits.count; i++) {
        const kj_edit *edit = &step->edits.items[i];
        if (!hash_between(&c, fd, at, edit->offset) || !compare_range(&c, fd, edit, size))
            return FILE_OTHER;
        at = edit->offset + edit->before.len;
    }
    bool ends_in_edit = at >= step->size;
    if (!ends_in_edit && (size != step->size || !hash_between(&c, fd, at, size)))
        return FILE_OTHER;
    sha256_digest(&c.outside, sizeof digest, digest);
    if (memcmp(digest, step->sha256, sizeof digest) != 0 ||
        size > kj_max_size((size_t)step->size, (size_t)step->size_after))
        return FILE_OTHER;
    if (c.old && size == step->size)
        return FILE_OLD;
    if (c.new &&size == step->size_after)
        return FILE_NEW;
    return c.mixed ? FILE_MIXED : FILE_OTHER;
}

/* ---- patching
 * -------------------------------------------------------------------------------------------------
 */

static bool pwrite_all(int fd, kj_span bytes, uint64_t at)
{
    for (size_t done = 0; done < bytes.len;) {
        ssize_t put = pwrite(fd, bytes.data + done, bytes.len - done, (off_t)(at + done));
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return false;
        done += (size_t)put;
    }
    return true;
}

/* All ranges from `from` on; `forward`: their new bytes. */
static bool write_ranges(int fd, const kj_step *step, bool forward, uint64_t from)
{
    for (size_t i = 0; i < step->edits.count; i++) {
        const kj_edit *edit = &step->edits.items[i];
        kj_span bytes = forward ? edit->after : edit->before;
        uint64_t skip = edit->offset < from ? from - edit->offset : 0;
        if (skip < bytes.len &&
            !pwrite_all(fd, kj_span_sub(bytes, (size_t)skip, SIZE_MAX), edit->offset + skip))
            return false;
    }
    return true;
}

static bool set_size(int fd, const kj_step *step, bool forward)
{
    uint64_t size = forward ? step->size_after : step->size;
    return step->size == step->size_after || ftruncate(fd, (off_t)size) == 0;
}

/* As Windows writes: a header that says "not finished", the pages, the header. */
static bool write_hive(int fd, const kj_step *step, bool forward)
{
    uint8_t old[HIVE_HEADER], new[HIVE_HEADER], between[HIVE_HEADER];
    if (!read_headers(fd, step, old, new))
        return false;
    const uint8_t *to = forward ? new : old;
    kj_regf_header_between(forward ? old : new, to, between);
    return pwrite_all(fd, kj_span_of(between, sizeof between), 0) && fdatasync(fd) == 0 &&
           write_ranges(fd, step, forward, HIVE_HEADER) && set_size(fd, step, forward) &&
           fdatasync(fd) == 0 && pwrite_all(fd, kj_span_of(to, HIVE_HEADER), 0) && fsync(fd) == 0;
}

static bool write_patch(int fd, const kj_step *step, bool forward)
{
    if (step->flags & KJ_STEP_HIVE)
        return write_hive(fd, step, forward);
    return write_ranges(fd, step, forward, 0) && set_size(fd, step, forward) && fsync(fd) == 0;
}

static bool is_planned_file(const kj_step_context *c, const kj_step *step, const struct stat *st)
{
    bool is_any = step->device == 0 && step->inode == 0;
    return !c->is_fresh || is_any || (st->st_dev == step->device && st->st_ino == step->inode);
}

static kj_step_result patch(kj_step_context *c, const kj_beneath *place,
                            const kj_step_record *record, bool forward)
{
    const kj_step *step = &record->step;
    KJ_CLEANUP(kj_close_fd) int fd = -1;
    struct stat st;
    kj_error err = {0};
    if (kj_beneath_file(place, O_RDWR, &fd, &st, &err) != KJ_OK)
        return not_there(c, &err);
    if (!is_planned_file(c, step, &st))
        return say(c, KJ_STEP_SKIPPED, KJ_SENTENCE("another file is there now"));
    file_state state = look_at_patched(fd, step, (uint64_t)st.st_size);
    if (state == FILE_OTHER || (state == FILE_MIXED && c->is_fresh))
        return say(c, KJ_STEP_SKIPPED, KJ_SENTENCE("the file was changed by something else"));
    if (state == (forward ? FILE_NEW : FILE_OLD)) {
        if (!forward) /* a crash may have come between the bytes and their time */
            (void)set_times(fd, record->kept.atime_ns, record->kept.mtime_ns);
        return KJ_STEP_ALREADY;
    }
    if (!write_patch(fd, step, forward)) {
        (void)kj_fail_errno(&err, "write");
        return fails(c, &err);
    }
    if (!forward && !set_times(fd, record->kept.atime_ns, record->kept.mtime_ns)) {
        (void)kj_fail_errno(&err, "set its times");
        return fails(c, &err);
    }
    return forward ? KJ_STEP_DONE : KJ_STEP_UNDONE;
}

/* ---- removing
 * --------------------------------------------------------------------------------------------------
 */

/* Whether the open file is the one that was copied. */
static bool is_copied_file(int fd, const kj_step *step, const struct stat *st)
{
    uint8_t digest[KJ_HASH_MAX];
    uint64_t size = 0;
    kj_error err;
    return (uint64_t)st->st_size == step->size && kj_sha256_fd(fd, digest, &size, &err) == KJ_OK &&
           size == step->size && memcmp(digest, step->sha256, sizeof digest) == 0;
}

static kj_step_result take_away(kj_step_context *c, const kj_beneath *place, const kj_step *step)
{
    KJ_CLEANUP(kj_close_fd) int fd = -1;
    struct stat st, named;
    kj_error err = {0};
    if (is_missing(place))
        return KJ_STEP_ALREADY;
    if (kj_beneath_file(place, O_RDONLY, &fd, &st, &err) != KJ_OK)
        return not_there(c, &err);
    if (!is_planned_file(c, step, &st) || !is_copied_file(fd, step, &st))
        return say(c, KJ_STEP_SKIPPED, KJ_SENTENCE("the file was changed by something else"));
    if (fstatat(place->directory, place->name, &named, AT_SYMLINK_NOFOLLOW) != 0 ||
        named.st_dev != st.st_dev || named.st_ino != st.st_ino)
        return say(c, KJ_STEP_SKIPPED, KJ_SENTENCE("another file is there now"));
    if (unlinkat(place->directory, place->name, 0) != 0) {
        (void)kj_fail_errno(&err, "remove");
        return fails(c, &err);
    }
    if (kj_sync_directory(place->directory, &err) != KJ_OK)
        return fails(c, &err);
    return KJ_STEP_DONE;
}

static kj_step_result remove_directory(kj_step_context *c, const kj_beneath *place)
{
    kj_error err = {0};
    if (is_missing(place))
        return KJ_STEP_ALREADY;
    if (unlinkat(place->directory, place->name, AT_REMOVEDIR) != 0) {
        if (errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR)
            return say(c, KJ_STEP_SKIPPED, KJ_SENTENCE("it is no empty directory"));
        (void)kj_fail_errno(&err, "remove");
        return fails(c, &err);
    }
    return kj_sync_directory(place->directory, &err) == KJ_OK ? KJ_STEP_DONE : fails(c, &err);
}

kj_step_result kj_step_apply(kj_step_context *c, const kj_step_record *record)
{
    const kj_step *step = &record->step;
    kj_error err = {0};
    kj_beneath place;
    c->sentence[0] = 0;
    if (kj_beneath_open(c->root_fd, step->path, c->cross_mounts, &place, &err) != KJ_OK)
        return not_there(c, &err);
    kj_step_result result;
    if (step->kind == KJ_STEP_PATCH)
        result = patch(c, &place, record, true);
    else if (step->kind == KJ_STEP_REMOVE)
        result = take_away(c, &place, step);
    else
        result = remove_directory(c, &place);
    kj_beneath_close(&place);
    return result;
}

/* ---- before anything is changed
 * -------------------------------------------------------------------------------- */

static void skip(kj_step_record *record, kj_arena *arena, const char *sentence)
{
    const char *copy = kj_arena_strdup(arena, sentence);
    record->planned = KJ_STEP_SKIPPED;
    record->sentence = kj_span_str(copy);
}

static kj_status copy_away(kj_step_context *c, kj_arena *arena, uint32_t index, int fd,
                           const struct stat *st, kj_step_record *record, kj_error *err)
{
    const kj_step *step = &record->step;
    kj_quarantined about = {
        .run = kj_span_str(c->run),
        .root = kj_span_str(c->root),
        .path = step->path,
        .when = (int64_t)time(NULL),
        .sensitive = (step->flags & KJ_STEP_SENSITIVE) != 0,
        .reasons = step->reasons,
    };
    (void)snprintf(about.id, sizeof about.id, "%s.%u", c->run, index);
    uint8_t digest[KJ_HASH_MAX];
    KJ_TRY(kj_container_write(c->state->quarantine, &about, fd, st, digest, err));
    if (memcmp(digest, step->sha256, sizeof digest) != 0) {
        char name[KJ_QUARANTINE_ID_MAX + 8];
        (void)snprintf(name, sizeof name, "%s.kjq", about.id);
        (void)unlinkat(c->state->quarantine, name, 0);
        skip(record, arena, KJ_SENTENCE("the file was changed by something else"));
        return KJ_OK;
    }
    record->container = kj_span_str(kj_arena_strdup(arena, about.id));
    return record->container.len ? KJ_OK : kj_no_memory(err);
}

/* The header half way differs from both in bytes that the edits may leave alone (the checksum's):
 * all of the header becomes one edit. False: it cannot be. */
static bool cover_header(int fd, kj_arena *arena, kj_step *step)
{
    uint8_t *old = kj_arena_alloc_raw(arena, HIVE_HEADER),
            *new = kj_arena_alloc_raw(arena, HIVE_HEADER);
    kj_edit *items = kj_new_array(arena, kj_edit, step->edits.count + 2);
    if (!old || !new || !items || !read_headers(fd, step, old, new))
        return false;
    size_t count = 0;
    items[count++] = (kj_edit){0, kj_span_of(old, HIVE_HEADER), kj_span_of(new, HIVE_HEADER)};
    for (size_t i = 0; i < step->edits.count; i++) {
        kj_edit edit = step->edits.items[i];
        size_t inside = edit.offset < HIVE_HEADER ? HIVE_HEADER - (size_t)edit.offset : 0;
        if (inside && edit.before.len != edit.after.len)
            return false;
        edit.before = kj_span_sub(edit.before, inside, SIZE_MAX);
        edit.after = kj_span_sub(edit.after, inside, SIZE_MAX);
        edit.offset += inside;
        if (edit.before.len || edit.after.len)
            items[count++] = edit;
    }
    step->edits = (kj_edits){items, count};
    return true;
}

static kj_status prepare_file(kj_step_context *c, kj_arena *arena, uint32_t index,
                              const kj_beneath *place, kj_step_record *record, kj_error *err)
{
    const kj_step *step = &record->step;
    KJ_CLEANUP(kj_close_fd) int fd = -1;
    struct stat st;
    kj_error why = {0};
    bool writes = step->kind == KJ_STEP_PATCH;
    if (kj_beneath_file(place, writes ? O_RDWR : O_RDONLY, &fd, &st, &why) != KJ_OK) {
        skip(record, arena, why.message);
        return KJ_OK;
    }
    keep_stat(&record->kept, &st, place->directory);
    if (!is_planned_file(c, step, &st) || (uint64_t)st.st_size != step->size) {
        skip(record, arena, KJ_SENTENCE("the file was changed by something else"));
        return KJ_OK;
    }
    if (step->kind == KJ_STEP_REMOVE)
        return copy_away(c, arena, index, fd, &st, record, err);
    file_state state = look_at_patched(fd, step, (uint64_t)st.st_size);
    if (state != FILE_OLD && state != FILE_NEW)
        skip(record, arena, KJ_SENTENCE("the file was changed by something else"));
    else if ((step->flags & KJ_STEP_HIVE) && !cover_header(fd, arena, &record->step))
        skip(record, arena, KJ_SENTENCE("its edits make no sense"));
    return KJ_OK;
}

kj_status kj_step_prepare(kj_step_context *c, kj_arena *arena, uint32_t index,
                          kj_step_record *record, kj_error *err)
{
    const kj_step *step = &record->step;
    kj_error why = {0};
    kj_beneath place;
    if (!kj_edits_valid(step->edits, step->size)) {
        skip(record, arena, KJ_SENTENCE("its edits make no sense"));
        return KJ_OK;
    }
    if (kj_beneath_open(c->root_fd, step->path, c->cross_mounts, &place, &why) != KJ_OK) {
        skip(record, arena, why.message);
        return KJ_OK;
    }
    kj_status status = KJ_OK;
    struct stat st;
    if (step->kind != KJ_STEP_RMDIR)
        status = prepare_file(c, arena, index, &place, record, err);
    else if (fstatat(place.directory, place.name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
             !S_ISDIR(st.st_mode))
        skip(record, arena, KJ_SENTENCE("it is no empty directory"));
    else
        keep_stat(&record->kept, &st, place.directory);
    kj_beneath_close(&place);
    return status;
}

/* ---- the way back
 * ------------------------------------------------------------------------------------------------
 */

static void temporary_name(const kj_step_context *c, uint32_t index, char out[80])
{
    (void)snprintf(out, 80, ".kujo-%s.%u", c->run, index);
}

static kj_step_result bring_back(kj_step_context *c, kj_arena *arena, uint32_t index,
                                 const kj_beneath *place, const kj_step_record *record)
{
    const kj_step *step = &record->step;
    KJ_CLEANUP(kj_close_fd) int there = -1;
    KJ_CLEANUP(kj_close_fd) int container_fd = -1;
    struct stat st;
    kj_error err = {0};
    char temporary[80];
    temporary_name(c, index, temporary);
    if (!is_missing(place)) {
        if (kj_beneath_file(place, O_RDONLY, &there, &st, &err) == KJ_OK &&
            is_copied_file(there, step, &st)) {
            (void)unlinkat(place->directory, temporary, 0);
            return KJ_STEP_ALREADY;
        }
        return say(c, KJ_STEP_SKIPPED, KJ_SENTENCE("something else of that name is there"));
    }
    kj_container container;
    char id[KJ_QUARANTINE_ID_MAX];
    if (record->container.len == 0 || record->container.len >= sizeof id)
        return say(c, KJ_STEP_FAILED, KJ_SENTENCE("it is not in the quarantine"));
    memcpy(id, record->container.data, record->container.len);
    id[record->container.len] = 0;
    if (kj_container_open(c->state->quarantine, id, arena, &container_fd, &container, &err) !=
        KJ_OK)
        return fails(c, &err);
    if (memcmp(container.about.sha256, step->sha256, KJ_HASH_MAX) != 0)
        return say(c, KJ_STEP_FAILED, KJ_SENTENCE("the quarantine holds another file for it"));
    if (kj_container_restore(container_fd, &container, place->directory, place->name, temporary,
                             &err) != KJ_OK)
        return fails(c, &err);
    return KJ_STEP_UNDONE;
}

static kj_step_result make_directory(kj_step_context *c, const kj_beneath *place,
                                     const kj_stat_kept *kept)
{
    kj_error err = {0};
    struct stat st;
    bool is_there = fstatat(place->directory, place->name, &st, AT_SYMLINK_NOFOLLOW) == 0;
    if (is_there && !S_ISDIR(st.st_mode))
        return say(c, KJ_STEP_SKIPPED, KJ_SENTENCE("something else of that name is there"));
    if (!is_there && mkdirat(place->directory, place->name, 0700) != 0) {
        (void)kj_fail_errno(&err, "make the directory");
        return fails(c, &err);
    }
    KJ_CLEANUP(kj_close_fd)
    int fd = openat(place->directory, place->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    bool ok = fd >= 0 && (fchown(fd, kept->uid, kept->gid) == 0 || errno == EPERM) &&
              (fchmod(fd, kept->mode & 07777) == 0 || errno == EPERM) &&
              set_times(fd, kept->atime_ns, kept->mtime_ns);
    if (!ok) {
        (void)kj_fail_errno(&err, "make the directory as it was");
        return fails(c, &err);
    }
    return is_there ? KJ_STEP_ALREADY : KJ_STEP_UNDONE;
}

/* What the directory's times were: nothing else of it changed. */
static kj_step_result finish_parent(kj_step_context *c, const kj_beneath *place,
                                    const kj_stat_kept *kept, kj_step_result result)
{
    kj_error err = {0};
    if (result != KJ_STEP_UNDONE && result != KJ_STEP_ALREADY)
        return result;
    if (kj_sync_directory(place->directory, &err) != KJ_OK)
        return fails(c, &err);
    (void)set_times(place->directory, kept->parent_atime_ns, kept->parent_mtime_ns);
    return result;
}

kj_step_result kj_step_undo(kj_step_context *c, kj_arena *arena, uint32_t index,
                            const kj_step_record *record)
{
    const kj_step *step = &record->step;
    kj_error err = {0};
    kj_beneath place;
    c->sentence[0] = 0;
    if (kj_beneath_open(c->root_fd, step->path, c->cross_mounts, &place, &err) != KJ_OK)
        return not_there(c, &err);
    kj_step_result result;
    if (step->kind == KJ_STEP_PATCH)
        result = patch(c, &place, record, false);
    else if (step->kind == KJ_STEP_REMOVE)
        result =
            finish_parent(c, &place, &record->kept, bring_back(c, arena, index, &place, record));
    else
        result = finish_parent(c, &place, &record->kept, make_directory(c, &place, &record->kept));
    kj_beneath_close(&place);
    return result;
}
