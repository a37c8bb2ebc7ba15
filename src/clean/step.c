/* SPDX-License-Identifier: Apache-2.0 */
#include "clean/step.h"

#include "base/cleanup.h"
#include "clean/beneath.h"
#include "clean/container.h"
#include "clean/patch.h"
#include "clean/times.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <time.h>

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

static void container_id(const kj_step_context *c, uint32_t index, char out[KJ_QUARANTINE_ID_MAX])
{
    (void)snprintf(out, KJ_QUARANTINE_ID_MAX, "%s.%u", c->run, index);
}

static bool is_missing(const kj_beneath *place)
{
    struct stat st;
    return fstatat(place->directory, place->name, &st, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT;
}

/* ---- what was
 */

static void keep_stat(kj_stat_kept *kept, const struct stat *st, int directory)
{
    struct stat parent;
    *kept = (kj_stat_kept){
        .mode = st->st_mode,
        .uid = st->st_uid,
        .gid = st->st_gid,
        .links = (uint32_t)st->st_nlink,
        .atime_ns = kj_time_ns(st->st_atim),
        .mtime_ns = kj_time_ns(st->st_mtim),
    };
    if (fstat(directory, &parent) == 0) {
        kept->parent_atime_ns = kj_time_ns(parent.st_atim);
        kept->parent_mtime_ns = kj_time_ns(parent.st_mtim);
    }
}

/* ---- patching
 * -------------------------------------------------------------------------------------------------
 */

static bool is_planned_file(const kj_step_context *c, const kj_step *step, const struct stat *st)
{
    bool is_any = step->device == 0 && step->inode == 0;
    return !c->is_fresh || is_any || (st->st_dev == step->device && st->st_ino == step->inode);
}

/* After a refusal half way: what was there, if the system lets us. */
static kj_step_result put_back(kj_step_context *c, int fd, const kj_step_record *record,
                               kj_error *err)
{
    bool ok = kj_patch_write(fd, &record->step, false) &&
              kj_time_set(fd, record->kept.atime_ns, record->kept.mtime_ns);
    (void)snprintf(c->sentence, sizeof c->sentence, "%.200s%s", err->message,
                   ok ? "" : "; the file is half written: undo the run");
    return KJ_STEP_FAILED;
}

static kj_step_result change(kj_step_context *c, int fd, const kj_step_record *record, bool forward)
{
    kj_error err = {0};
    if (!kj_patch_write(fd, &record->step, forward)) {
        (void)kj_fail_errno(&err, "write");
        return forward ? put_back(c, fd, record, &err) : fails(c, &err);
    }
    if (kj_patch_look(fd, &record->step) != (forward ? KJ_PATCH_NEW : KJ_PATCH_OLD))
        return say(c, KJ_STEP_FAILED, KJ_SENTENCE("what was written does not read back"));
    if (!forward && !kj_time_set(fd, record->kept.atime_ns, record->kept.mtime_ns)) {
        (void)kj_fail_errno(&err, "set its times");
        return fails(c, &err);
    }
    return forward ? KJ_STEP_DONE : KJ_STEP_UNDONE;
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
    kj_patch_state state = kj_patch_look(fd, step);
    if (state == KJ_PATCH_OTHER || (state == KJ_PATCH_MIXED && c->is_fresh))
        return say(c, KJ_STEP_SKIPPED, KJ_SENTENCE("the file was changed by something else"));
    if (state != (forward ? KJ_PATCH_NEW : KJ_PATCH_OLD))
        return change(c, fd, record, forward);
    if (!forward) /* a crash may have come between the bytes and their time */
        (void)kj_time_set(fd, record->kept.atime_ns, record->kept.mtime_ns);
    return KJ_STEP_ALREADY;
}

/* ---- removing
 * --------------------------------------------------------------------------------------------------
 */

/* Whether the open file is the one that was copied. */
static bool is_copied_file(int fd, const struct stat *st, uint64_t expected,
                           const uint8_t sha256[KJ_HASH_MAX])
{
    uint8_t digest[KJ_HASH_MAX];
    uint64_t size = 0;
    kj_error err;
    return (uint64_t)st->st_size == expected && kj_sha256_fd(fd, digest, &size, &err) == KJ_OK &&
           size == expected && memcmp(digest, sha256, sizeof digest) == 0;
}

bool kj_step_is_in_place(const kj_quarantined *about)
{
    KJ_CLEANUP(kj_free_ptr) char *name = strndup((const char *)about->root.data, about->root.len);
    KJ_CLEANUP(kj_close_fd) int root = name ? open(name, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
    KJ_CLEANUP(kj_close_fd) int fd = -1;
    kj_beneath place;
    struct stat st;
    kj_error err;
    if (root < 0 || kj_beneath_open(root, about->path, true, &place, &err) != KJ_OK)
        return false;
    bool result = kj_beneath_file(&place, O_RDONLY, &fd, &st, &err) == KJ_OK &&
                  is_copied_file(fd, &st, about->size, about->sha256);
    kj_beneath_close(&place);
    return result;
}

/* Opens the step's container; nothing is taken from one that is not its own. */
static kj_status open_copy(const kj_step_context *c, uint32_t index, const kj_step_record *record,
                           kj_arena *arena, int *out_fd, kj_container *out, kj_error *err)
{
    char id[KJ_QUARANTINE_ID_MAX];
    container_id(c, index, id);
    if (!kj_span_is(record->container, id))
        return kj_fail(err, KJ_MALFORMED, KJ_NO_OFFSET, "the journal names another container");
    KJ_TRY(kj_container_open(c->state->quarantine, id, arena, out_fd, out, err));
    if (memcmp(out->about.sha256, record->step.sha256, KJ_HASH_MAX) != 0)
        return kj_fail(err, KJ_MALFORMED, KJ_NO_OFFSET, "the quarantine holds another file for it");
    return KJ_OK;
}

/* Between an interruption and now, somebody may have cleared the quarantine. */
static bool has_copy(const kj_step_context *c, kj_arena *arena, uint32_t index,
                     const kj_step_record *record)
{
    KJ_CLEANUP(kj_close_fd) int fd = -1;
    kj_container container;
    kj_error err;
    return open_copy(c, index, record, arena, &fd, &container, &err) == KJ_OK &&
           kj_container_verify(fd, &container, &err) == KJ_OK;
}

kj_status kj_step_sync(kj_step_context *c, kj_error *err)
{
    KJ_CLEANUP(kj_close_fd) int directory = kj_take_fd(&c->unsynced);
    return directory < 0 ? KJ_OK : kj_sync_directory(directory, err);
}

/* A directory is synced when the run goes on to another: a thousand names are one sync. */
static kj_status sync_later(kj_step_context *c, int directory, kj_error *err)
{
    struct stat before, now;
    if (c->unsynced >= 0 && fstat(c->unsynced, &before) == 0 && fstat(directory, &now) == 0 &&
        before.st_dev == now.st_dev && before.st_ino == now.st_ino)
        return KJ_OK;
    KJ_TRY(kj_step_sync(c, err));
    c->unsynced = fcntl(directory, F_DUPFD_CLOEXEC, 0);
    return c->unsynced >= 0 ? KJ_OK : kj_sync_directory(directory, err);
}

static kj_step_result take_away(kj_step_context *c, kj_arena *arena, uint32_t index,
                                const kj_beneath *place, const kj_step_record *record)
{
    const kj_step *step = &record->step;
    KJ_CLEANUP(kj_close_fd) int fd = -1;
    struct stat st, named;
    kj_error err = {0};
    if (is_missing(place)) /* perhaps since this run was killed, and not on the disk yet */
        return sync_later(c, place->directory, &err) == KJ_OK ? KJ_STEP_ALREADY : fails(c, &err);
    if (kj_beneath_file(place, O_RDONLY, &fd, &st, &err) != KJ_OK)
        return not_there(c, &err);
    if (!is_planned_file(c, step, &st) || !is_copied_file(fd, &st, step->size, step->sha256))
        return say(c, KJ_STEP_SKIPPED, KJ_SENTENCE("the file was changed by something else"));
    if (!c->is_fresh && !has_copy(c, arena, index, record))
        return say(c, KJ_STEP_FAILED, KJ_SENTENCE("its copy in the quarantine is gone or damaged"));
    if (fstatat(place->directory, place->name, &named, AT_SYMLINK_NOFOLLOW) != 0 ||
        named.st_dev != st.st_dev || named.st_ino != st.st_ino)
        return say(c, KJ_STEP_SKIPPED, KJ_SENTENCE("another file is there now"));
    if (unlinkat(place->directory, place->name, 0) != 0) {
        (void)kj_fail_errno(&err, "remove");
        return fails(c, &err);
    }
    if (sync_later(c, place->directory, &err) != KJ_OK)
        return fails(c, &err);
    return KJ_STEP_DONE;
}

static kj_step_result remove_directory(kj_step_context *c, const kj_beneath *place,
                                       const kj_step *step)
{
    kj_error err = {0};
    struct stat st;
    if (is_missing(place))
        return KJ_STEP_ALREADY;
    if (fstatat(place->directory, place->name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISDIR(st.st_mode) || !is_planned_file(c, step, &st))
        return say(c, KJ_STEP_SKIPPED, KJ_SENTENCE("it is not the directory of the plan"));
    if (kj_step_sync(c, &err) != KJ_OK)
        return fails(c, &err);
    if (unlinkat(place->directory, place->name, AT_REMOVEDIR) != 0) {
        if (errno == ENOTEMPTY || errno == EEXIST)
            return say(c, KJ_STEP_SKIPPED, KJ_SENTENCE("it is no empty directory"));
        (void)kj_fail_errno(&err, "remove");
        return fails(c, &err);
    }
    return sync_later(c, place->directory, &err) == KJ_OK ? KJ_STEP_DONE : fails(c, &err);
}

/* What is to go went with its directory, before a crash by a later step. */
static bool is_gone_already(const kj_step *step, const kj_beneath *place)
{
    return step->kind != KJ_STEP_PATCH && place->is_gone;
}

kj_step_result kj_step_apply(kj_step_context *c, kj_arena *arena, uint32_t index,
                             const kj_step_record *record)
{
    const kj_step *step = &record->step;
    kj_error err = {0};
    kj_beneath place;
    c->sentence[0] = 0;
    if (kj_beneath_open(c->root_fd, step->path, c->cross_mounts, &place, &err) != KJ_OK)
        return is_gone_already(step, &place) ? KJ_STEP_ALREADY : not_there(c, &err);
    kj_step_result result;
    if (step->kind == KJ_STEP_PATCH)
        result = patch(c, &place, record, true);
    else if (step->kind == KJ_STEP_REMOVE)
        result = take_away(c, arena, index, &place, record);
    else
        result = remove_directory(c, &place, step);
    if (result == KJ_STEP_DONE && step->kind != KJ_STEP_RMDIR && record->kept.links > 1)
        say(c, result,
            step->kind == KJ_STEP_REMOVE
                ? KJ_SENTENCE("the file has other names (hard links), where it stays")
                : KJ_SENTENCE("the file has other names (hard links), where it is changed, too"));
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
    container_id(c, index, about.id);
    uint8_t digest[KJ_HASH_MAX];
    kj_error why = {0};
    kj_status status = kj_container_write(c->state->quarantine, &about, fd, st, digest, &why);
    if (status == KJ_UNSUPPORTED) {
        skip(record, arena, why.message);
        return KJ_OK;
    }
    if (status != KJ_OK) {
        *err = why;
        return status;
    }
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

static kj_status prepare_patch(kj_arena *arena, int fd, kj_step_record *record)
{
    kj_patch_state state = kj_patch_look(fd, &record->step);
    if (state == KJ_PATCH_NEW)
        record->planned = KJ_STEP_ALREADY;
    else if (state != KJ_PATCH_OLD)
        skip(record, arena, KJ_SENTENCE("the file was changed by something else"));
    else if ((record->step.flags & KJ_STEP_HIVE) &&
             !kj_patch_cover_header(fd, arena, &record->step))
        skip(record, arena, KJ_SENTENCE("its edits make no sense"));
    return KJ_OK;
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
    if (!is_planned_file(c, step, &st) || (!writes && (uint64_t)st.st_size != step->size)) {
        skip(record, arena, KJ_SENTENCE("the file was changed by something else"));
        return KJ_OK;
    }
    return writes ? prepare_patch(arena, fd, record)
                  : copy_away(c, arena, index, fd, &st, record, err);
}

static kj_status prepare_directory(kj_step_context *c, kj_arena *arena, const kj_beneath *place,
                                   kj_step_record *record, kj_error *err)
{
    KJ_CLEANUP(kj_close_fd)
    int fd = openat(place->directory, place->name,
                    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat st;
    kj_error why = {0};
    if (fd < 0 || fstat(fd, &st) != 0 || !is_planned_file(c, &record->step, &st)) {
        skip(record, arena, KJ_SENTENCE("it is not the directory of the plan"));
        return KJ_OK;
    }
    keep_stat(&record->kept, &st, place->directory);
    kj_status status = kj_attributes_read(fd, arena, &record->attributes, &why);
    if (status == KJ_UNSUPPORTED)
        skip(record, arena, why.message);
    else if (status != KJ_OK)
        *err = why;
    return status == KJ_UNSUPPORTED ? KJ_OK : status;
}

static bool is_sound(const kj_step *step, uint32_t index)
{
    for (size_t i = 0; i < step->need_count; i++)
        if (step->needs[i] >= index)
            return false;
    return step->kind != KJ_STEP_PATCH ||
           (kj_edits_valid(step->edits, step->size) &&
            step->size_after == kj_edits_size_after(step->edits, step->size));
}

kj_status kj_step_prepare(kj_step_context *c, kj_arena *arena, uint32_t index,
                          kj_step_record *record, kj_error *err)
{
    const kj_step *step = &record->step;
    kj_error why = {0};
    kj_beneath place;
    if (!is_sound(step, index)) {
        skip(record, arena, KJ_SENTENCE("its edits make no sense"));
        return KJ_OK;
    }
    if (kj_beneath_open(c->root_fd, step->path, c->cross_mounts, &place, &why) != KJ_OK) {
        if (is_gone_already(step, &place))
            record->planned = KJ_STEP_ALREADY;
        else
            skip(record, arena, why.message);
        return KJ_OK;
    }
    kj_status status = KJ_OK;
    if (step->kind != KJ_STEP_PATCH && is_missing(&place))
        record->planned = KJ_STEP_ALREADY;
    else if (step->kind == KJ_STEP_RMDIR)
        status = prepare_directory(c, arena, &place, record, err);
    else
        status = prepare_file(c, arena, index, &place, record, err);
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
    (void)unlinkat(place->directory, temporary, 0); /* of an undo that was interrupted */
    if (!is_missing(place)) {
        if (kj_beneath_file(place, O_RDONLY, &there, &st, &err) == KJ_OK &&
            is_copied_file(there, &st, step->size, step->sha256))
            return KJ_STEP_ALREADY;
        return say(c, KJ_STEP_SKIPPED, KJ_SENTENCE("something else of that name is there"));
    }
    kj_container container;
    if (open_copy(c, index, record, arena, &container_fd, &container, &err) != KJ_OK) {
        (void)snprintf(c->sentence, sizeof c->sentence, "the quarantine does not have it: %.200s",
                       err.message);
        return KJ_STEP_SKIPPED;
    }
    if (kj_container_restore(container_fd, &container, place->directory, place->name, temporary,
                             &err) != KJ_OK)
        return fails(c, &err);
    return KJ_STEP_UNDONE;
}

static bool set_attributes(int fd, kj_attributes attributes, kj_error *err)
{
    for (size_t i = 0; i < attributes.count; i++)
        if (kj_attribute_set(fd, attributes.items[i].name, attributes.items[i].value, err) != KJ_OK)
            return false;
    return true;
}

static kj_step_result make_directory(kj_step_context *c, const kj_beneath *place,
                                     const kj_step_record *record)
{
    const kj_stat_kept *kept = &record->kept;
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
    if (fd >= 0 && !set_attributes(fd, record->attributes, &err))
        return fails(c, &err);
    bool ok = fd >= 0 && (fchown(fd, kept->uid, kept->gid) == 0 || errno == EPERM) &&
              kj_mode_set(fd, kept->mode) && kj_time_set(fd, kept->atime_ns, kept->mtime_ns);
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
    if (sync_later(c, place->directory, &err) != KJ_OK)
        return fails(c, &err);
    (void)kj_time_set(place->directory, kept->parent_atime_ns, kept->parent_mtime_ns);
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
        result = finish_parent(c, &place, &record->kept, make_directory(c, &place, record));
    kj_beneath_close(&place);
    return result;
}
