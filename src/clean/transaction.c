/* SPDX-License-Identifier: Apache-2.0 */
#include "clean/transaction.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "clean/run.h"
#include "clean/state.h"
#include "clean/step.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <time.h>

enum { ARENA_BUDGET = 1 << 30, PAYLOAD_MAX = 1 << 30 };

const char *kj_step_result_name(kj_step_result result)
{
    static const char *const names[KJ_STEP_RESULT_COUNT] = {
        [KJ_STEP_PENDING] = "pending", [KJ_STEP_DONE] = "done",     [KJ_STEP_ALREADY] = "already",
        [KJ_STEP_SKIPPED] = "skipped", [KJ_STEP_FAILED] = "failed", [KJ_STEP_UNDONE] = "undone",
    };
    return result < KJ_STEP_RESULT_COUNT ? names[result] : "?";
}

const char *kj_step_kind_name(kj_step_kind kind)
{
    static const char *const names[KJ_STEP_KIND_COUNT] = {
        [KJ_STEP_PATCH] = "patch",
        [KJ_STEP_REMOVE] = "remove",
        [KJ_STEP_RMDIR] = "rmdir",
    };
    return kind < KJ_STEP_KIND_COUNT ? names[kind] : "?";
}

/* ---- a run under way
 * ------------------------------------------------------------------------------------ */

typedef struct run {
    kj_state *state;
    const kj_transaction_events *events;
    kj_arena arena;
    kj_journal journal;
    int directory; /* STATE/runs/ID */
    kj_step_context context;
    kj_step_record *steps;
    size_t count;
    kj_run_summary *summary;
} run;

static void tell(const run *r, size_t index, kj_step_result result, const char *sentence)
{
    if (r->events && r->events->step)
        r->events->step(r->events->user, index, result, sentence && *sentence ? sentence : NULL);
}

static bool is_stopped(const run *r)
{
    return r->events && r->events->stopped && r->events->stopped(r->events->user);
}

static void count(kj_run_summary *summary, kj_step_result result)
{
    summary->done += result == KJ_STEP_DONE || result == KJ_STEP_UNDONE;
    summary->already += result == KJ_STEP_ALREADY;
    summary->skipped += result == KJ_STEP_SKIPPED;
    summary->failed += result == KJ_STEP_FAILED;
}

static kj_status append(run *r, kj_record_type type, kj_buf *payload, kj_error *err)
{
    kj_status status = payload->failed
                           ? kj_no_memory(err)
                           : kj_journal_append(&r->journal, type, kj_buf_span(payload), err);
    kj_buf_clear(payload);
    return status;
}

static kj_status append_result(run *r, kj_record_type type, size_t index, kj_step_result result,
                               const char *sentence, kj_error *err)
{
    kj_buf payload;
    kj_buf_init(&payload, 1 << 16);
    kj_record_put_result(&payload, (uint32_t)index, result, sentence);
    kj_status status = append(r, type, &payload, err);
    kj_buf_done(&payload);
    return status;
}

static kj_status append_time(run *r, kj_record_type type, kj_error *err)
{
    kj_buf payload;
    kj_buf_init(&payload, 64);
    kj_buf_put_u64le(&payload, (uint64_t)time(NULL));
    kj_status status = append(r, type, &payload, err);
    kj_buf_done(&payload);
    return status == KJ_OK ? kj_journal_sync(&r->journal, err) : status;
}

/* ---- applying
 * -------------------------------------------------------------------------------------------- */

static const char not_before[] = KJ_SENTENCE("a step that has to come before it was not done");

static bool has_needs(const run *r, const kj_step_record *record)
{
    for (size_t i = 0; i < record->step.need_count; i++) {
        kj_step_result result = r->steps[record->step.needs[i]].result;
        if (result != KJ_STEP_DONE && result != KJ_STEP_ALREADY)
            return false;
    }
    return true;
}

static kj_status apply_one(run *r, size_t index, kj_error *err)
{
    kj_step_record *record = &r->steps[index];
    const char *sentence = r->context.sentence;
    r->context.sentence[0] = 0;
    if (record->planned != KJ_STEP_PENDING) {
        record->result = record->planned;
        sentence = kj_arena_text(&r->arena, record->sentence);
    } else if (!has_needs(r, record)) {
        record->result = KJ_STEP_SKIPPED;
        sentence = not_before;
    } else {
        record->result = kj_step_apply(&r->context, &r->arena, (uint32_t)index, record);
        /* Before the interruption it may have been begun, so undo has to look at it, too. */
        if (record->result == KJ_STEP_SKIPPED && !r->context.is_fresh)
            record->result = KJ_STEP_FAILED;
    }
    count(r->summary, record->result);
    tell(r, index, record->result, sentence);
    return append_result(r, KJ_RECORD_RESULT, index, record->result, sentence ? sentence : "", err);
}

/* All steps that have no result yet, then END. */
static kj_status apply_all(run *r, kj_error *err)
{
    for (size_t i = 0; i < r->count; i++) {
        kj_step_result before = r->steps[i].result;
        if (before != KJ_STEP_PENDING && before != r->steps[i].planned) {
            count(r->summary, before);
            continue;
        }
        if (is_stopped(r))
            return kj_fail(err, KJ_CANCELLED, KJ_NO_OFFSET, "it was stopped");
        KJ_TRY(apply_one(r, i, err));
    }
    KJ_TRY(kj_step_sync(&r->context, err));
    return append_time(r, KJ_RECORD_END, err);
}

/* ---- beginning
 * --------------------------------------------------------------------------------------------- */

static kj_status make_run(run *r, kj_error *err)
{
    time_t now = time(NULL);
    struct tm parts;
    if (!gmtime_r(&now, &parts))
        return kj_fail_errno(err, "the time");
    char *id = r->summary->id;
    size_t len = strftime(id, KJ_RUN_ID_MAX, "%Y%m%d-%H%M%S", &parts);
    for (unsigned number = 0;; number++) { /* so that runs of one second sort, too */
        (void)snprintf(id + len, KJ_RUN_ID_MAX - len, "-%04x", number);
        if (mkdirat(r->state->runs, id, 0700) == 0)
            break;
        if (errno != EEXIST)
            return kj_fail_errno(err, "make the run's directory");
    }
    r->context.run = id;
    r->directory = openat(r->state->runs, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (r->directory < 0)
        return kj_fail_errno(err, "open the run's directory");
    r->journal.fd = openat(r->directory, "journal",
                           O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
    return r->journal.fd < 0 ? kj_fail_errno(err, "make the journal") : KJ_OK;
}

/* False: a step that it needs is skipped for certain; so its file is not copied, either. */
static bool can_be_done(const run *r, size_t index)
{
    const kj_step *step = &r->steps[index].step;
    for (size_t i = 0; i < step->need_count; i++)
        if (step->needs[i] < index && r->steps[step->needs[i]].planned == KJ_STEP_SKIPPED)
            return false;
    return true;
}

static kj_root_kept keep_root(int root)
{
    struct stat st = {0};
    struct statfs fs = {0};
    (void)fstat(root, &st);
    (void)fstatfs(root, &fs);
    return (kj_root_kept){
        .inode = st.st_ino,
        .file_system = (uint64_t)fs.f_type,
        .size = (uint64_t)fs.f_blocks * (uint64_t)fs.f_bsize,
    };
}

static kj_status write_plan(run *r, const kj_transaction *t, kj_error *err)
{
    kj_buf payload;
    kj_buf_init(&payload, PAYLOAD_MAX);
    kj_root_kept root = keep_root(t->root_fd);
    kj_record_put_begin(&payload, t, &root, (int64_t)time(NULL));
    kj_status status = append(r, KJ_RECORD_BEGIN, &payload, err);
    for (size_t i = 0; status == KJ_OK && i < t->count; i++) {
        kj_step_record *record = &r->steps[i];
        record->step = t->steps[i];
        if ((record->step.flags & KJ_STEP_SYSTEM) && !t->allow_system) {
            record->planned = KJ_STEP_SKIPPED;
            record->sentence = kj_span_str(KJ_SENTENCE("it is a part of Windows"));
        } else if (can_be_done(r, i)) {
            status = kj_step_prepare(&r->context, &r->arena, (uint32_t)i, record, err);
        } else {
            record->planned = KJ_STEP_SKIPPED;
            record->sentence = kj_span_str(not_before);
        }
        if (status == KJ_OK)
            kj_record_put_step(&payload, (uint32_t)i, record);
        if (status == KJ_OK)
            status = append(r, KJ_RECORD_STEP, &payload, err);
        if (status == KJ_OK && is_stopped(r))
            status =
                kj_fail(err, KJ_CANCELLED, KJ_NO_OFFSET, "it was stopped; nothing was changed");
    }
    kj_buf_done(&payload);
    return status;
}

/* Everything that the way back needs is on the disk before the first change. */
static kj_status commit(run *r, kj_error *err)
{
    KJ_TRY(kj_sync_directory(r->state->quarantine, err));
    KJ_TRY(kj_sync_directory(r->directory, err));
    KJ_TRY(kj_sync_directory(r->state->runs, err));
    KJ_TRY(kj_journal_sync(&r->journal, err));
    KJ_TRY(append_time(r, KJ_RECORD_COMMIT, err));
    return KJ_OK;
}

/* Nothing was changed yet: containers and journal of the run go. */
static void abandon(run *r)
{
    for (size_t i = 0; r->steps && i < r->count; i++) {
        char name[128];
        (void)snprintf(name, sizeof name, "%s.%zu.kjq", r->summary->id, i);
        (void)unlinkat(r->state->quarantine, name, 0);
    }
    if (r->directory >= 0)
        (void)unlinkat(r->directory, "journal", 0);
    if (r->summary->id[0])
        (void)unlinkat(r->state->runs, r->summary->id, AT_REMOVEDIR);
    r->summary->id[0] = 0;
}

static void begin(run *r, kj_state *state, const kj_transaction_events *events,
                  kj_run_summary *summary)
{
    *r = (run){
        .state = state,
        .events = events,
        .journal = {.fd = -1},
        .directory = -1,
        .context = {.state = state, .root_fd = -1, .unsynced = -1},
        .summary = summary,
    };
    *summary = (kj_run_summary){0};
    kj_arena_init(&r->arena, ARENA_BUDGET);
}

static void finish(run *r)
{
    kj_close_fd(&r->context.unsynced);
    kj_close_fd(&r->journal.fd);
    kj_close_fd(&r->directory);
    kj_arena_done(&r->arena);
}

static kj_status prepare(run *r, const kj_transaction *t, kj_error *err)
{
    r->steps = kj_new_array(&r->arena, kj_step_record, t->count + 1);
    if (!r->steps)
        return kj_no_memory(err);
    r->count = t->count;
    kj_runs_sweep(r->state);
    KJ_TRY(make_run(r, err));
    KJ_TRY(write_plan(r, t, err));
    return commit(r, err);
}

kj_status kj_transaction_run(kj_state *state, const kj_transaction *transaction,
                             const kj_transaction_events *events, kj_run_summary *out,
                             kj_error *err)
{
    run r;
    begin(&r, state, events, out);
    r.context.root = transaction->root;
    r.context.root_fd = transaction->root_fd;
    r.context.cross_mounts = transaction->cross_mounts;
    r.context.is_fresh = true;
    kj_status status = prepare(&r, transaction, err);
    if (status != KJ_OK)
        abandon(&r);
    else
        status = apply_all(&r, err);
    finish(&r);
    return status;
}

/* ---- runs of before
 * ------------------------------------------------------------------------------------------ */

/* Opens the run's journal for going on with it; what is torn at its end is cut off. */
static kj_status reopen(run *r, const char *id, const char *root, kj_run_record *record,
                        kj_error *err)
{
    char found[KJ_RUN_ID_MAX];
    KJ_TRY(kj_run_choose(r->state, id, found, err));
    (void)snprintf(r->summary->id, sizeof r->summary->id, "%s", found);
    r->context.run = r->summary->id;
    r->directory = openat(r->state->runs, found, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (r->directory < 0)
        return kj_fail_errno(err, "open the run");
    size_t len = 0;
    KJ_TRY(kj_run_load(r->directory, &r->arena, &r->journal, &len, record, err));
    if (ftruncate(r->journal.fd, (off_t)len) != 0)
        return kj_fail_errno(err, "mend the journal");
    const char *at = root ? root : kj_arena_text(&r->arena, record->root);
    if (!at)
        return kj_no_memory(err);
    r->context.root = at;
    r->context.cross_mounts = record->cross_mounts;
    r->context.root_fd = open(at, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (r->context.root_fd < 0)
        return kj_fail_errno(err, at);
    kj_root_kept now = keep_root(r->context.root_fd);
    if (!root && memcmp(&now, &record->root_kept, sizeof now) != 0)
        return kj_fail(err, KJ_IO, KJ_NO_OFFSET,
                       "another directory or volume is there now: say with --root where it is");
    r->steps = record->steps;
    r->count = record->count;
    return KJ_OK;
}

kj_status kj_run_resume(kj_state *state, const char *id, const char *root,
                        const kj_transaction_events *events, kj_run_summary *out, kj_error *err)
{
    run r;
    begin(&r, state, events, out);
    kj_run_record record;
    kj_status status = reopen(&r, id, root, &record, err);
    if (status == KJ_OK && !record.committed)
        status = kj_fail(err, KJ_IO, KJ_NO_OFFSET, "it ended before it changed anything");
    else if (status == KJ_OK && (record.undoing || record.undone || record.has_end))
        status = kj_fail(err, KJ_IO, KJ_NO_OFFSET,
                         record.undone    ? "it was taken back"
                         : record.undoing ? KJ_SENTENCE("it is being taken back: undo it")
                                          : KJ_SENTENCE("it is complete"));
    else if (status == KJ_OK)
        status = apply_all(&r, err);
    kj_close_fd(&r.context.root_fd);
    finish(&r);
    return status;
}

static kj_status undo_one(run *r, size_t index, kj_error *err)
{
    kj_step_record *record = &r->steps[index];
    r->context.sentence[0] = 0;
    kj_step_result result = KJ_STEP_ALREADY;
    /* What was skipped was not touched, whatever is there now. */
    if (record->planned == KJ_STEP_PENDING && record->result != KJ_STEP_SKIPPED &&
        !record->is_settled)
        result = kj_step_undo(&r->context, &r->arena, (uint32_t)index, record);
    count(r->summary, result);
    tell(r, index, result, r->context.sentence);
    return append_result(r, KJ_RECORD_UNDONE, index, result, r->context.sentence, err);
}

static kj_status undo_all(run *r, kj_run_record *record, kj_error *err)
{
    if (record->undone && kj_run_settle(record) == 0)
        return kj_fail(err, KJ_IO, KJ_NO_OFFSET, "it was taken back already");
    if (!record->committed)
        return kj_fail(err, KJ_IO, KJ_NO_OFFSET, "it ended before it changed anything");
    KJ_TRY(append_time(r, KJ_RECORD_UNDO, err));
    for (size_t i = r->count; i > 0; i--) {
        if (is_stopped(r))
            return kj_fail(err, KJ_CANCELLED, KJ_NO_OFFSET, "it was stopped; undo it once more");
        KJ_TRY(undo_one(r, i - 1, err));
    }
    KJ_TRY(kj_step_sync(&r->context, err));
    if (r->summary->failed)
        return kj_journal_sync(&r->journal, err); /* it is to be tried again */
    return append_time(r, KJ_RECORD_UNDO_END, err);
}

kj_status kj_run_undo(kj_state *state, const char *id, const char *root,
                      const kj_transaction_events *events, kj_run_summary *out, kj_error *err)
{
    run r;
    begin(&r, state, events, out);
    kj_run_record record;
    kj_status status = reopen(&r, id, root, &record, err);
    if (status == KJ_OK)
        status = undo_all(&r, &record, err);
    kj_close_fd(&r.context.root_fd);
    finish(&r);
    return status;
}
