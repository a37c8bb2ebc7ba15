/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arith.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "base/vec.h"
#include "clean/container.h"
#include "clean/run.h"
#include "clean/step.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

enum { JOURNAL_MAX = 1 << 30, SCRATCH_BUDGET = 1 << 30 };

typedef struct id_text {
    char text[KJ_RUN_ID_MAX];
} id_text;

typedef KJ_VEC(id_text) id_list;

const char *kj_run_state_name(kj_run_state state)
{
    static const char *const names[] = {
        [KJ_RUN_DONE] = KJ_SENTENCE("done"),
        [KJ_RUN_UNFINISHED] = KJ_SENTENCE("unfinished"),
        [KJ_RUN_ABANDONED] = KJ_SENTENCE("abandoned"),
        [KJ_RUN_UNDONE] = KJ_SENTENCE("undone"),
        [KJ_RUN_UNDOING] = KJ_SENTENCE("undoing"),
        [KJ_RUN_DAMAGED] = KJ_SENTENCE("damaged"),
    };
    return names[state];
}

/* ---- which there are
 * ------------------------------------------------------------------------------------ */

static bool is_id(const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < len; i++)
        if (!kj_is_alnum((unsigned char)name[i]) && name[i] != '-')
            return false;
    return len > 0 && len < KJ_RUN_ID_MAX;
}

static int newest_first(const void *a, const void *b)
{
    return strcmp(((const id_text *)b)->text, ((const id_text *)a)->text);
}

/* Their names begin with the time, so they sort by it. */
static kj_status list_ids(kj_state *state, id_list *out, kj_error *err)
{
    int copy = openat(state->runs, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = copy >= 0 ? fdopendir(copy) : NULL;
    if (!directory)
        return kj_fail_errno(err, "list the runs");
    bool ok = true;
    for (const struct dirent *entry; (entry = readdir(directory));) {
        id_text id = {0};
        if (!is_id(entry->d_name))
            continue;
        memcpy(id.text, entry->d_name, strlen(entry->d_name) + 1); /* is_id() knows that it fits */
        ok &= kj_vec_add(out, id);
    }
    (void)closedir(directory);
    if (out->count)
        qsort(out->items, out->count, sizeof *out->items, newest_first);
    return ok ? KJ_OK : kj_no_memory(err);
}

kj_status kj_run_load(int directory, kj_arena *arena, kj_journal *journal, size_t *out_len,
                      kj_run_record *out, kj_error *err)
{
    journal->fd =
        openat(directory, "journal", O_RDWR | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (journal->fd < 0)
        return kj_fail_errno(err, "open the journal");
    kj_buf bytes;
    kj_buf_init(&bytes, JOURNAL_MAX);
    kj_status status = kj_file_read_fd(journal->fd, &bytes, err);
    const char *copy = status == KJ_OK ? kj_arena_text(arena, kj_buf_span(&bytes)) : NULL;
    size_t len = bytes.len;
    kj_buf_done(&bytes);
    if (status == KJ_OK && !copy)
        status = kj_no_memory(err);
    return status == KJ_OK ? kj_run_read(kj_span_of(copy, len), arena, journal, out_len, out, err)
                           : status;
}

static kj_run_state state_of(const kj_run_record *run)
{
    if (!run->committed)
        return KJ_RUN_ABANDONED;
    if (run->undone)
        return KJ_RUN_UNDONE;
    if (run->undoing)
        return KJ_RUN_UNDOING;
    return run->has_end ? KJ_RUN_DONE : KJ_RUN_UNFINISHED;
}

static kj_status describe(const kj_run_record *run, kj_arena *arena, kj_run_info *out,
                          kj_error *err)
{
    kj_run_step *steps = kj_new_array(arena, kj_run_step, run->seen + 1);
    if (!steps)
        return kj_no_memory(err);
    for (size_t i = 0; i < run->seen; i++) {
        const kj_step_record *record = &run->steps[i];
        steps[i] = (kj_run_step){
            .kind = record->step.kind,
            .flags = record->step.flags,
            .path = record->step.path,
            .size = record->step.size,
            .result = record->undo != KJ_STEP_PENDING ? record->undo : record->result,
            .sentence = record->sentence,
            .reasons = record->step.reasons,
            .quarantine = record->container,
        };
    }
    out->state = state_of(run);
    out->started = run->started;
    out->ended = run->ended;
    out->root = run->root;
    out->title = run->title;
    out->steps = steps;
    out->count = run->seen;
    return KJ_OK;
}

static kj_status read_info(kj_state *state, const char *id, kj_arena *arena, kj_run_info *out,
                           kj_error *err)
{
    *out = (kj_run_info){.state = KJ_RUN_DAMAGED};
    (void)snprintf(out->id, sizeof out->id, "%s", id);
    KJ_CLEANUP(kj_close_fd)
    int directory = openat(state->runs, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (directory < 0)
        return kj_fail_errno(err, "open the run");
    kj_journal journal = {.fd = -1};
    kj_run_record run;
    size_t len = 0;
    kj_status status = kj_run_load(directory, arena, &journal, &len, &run, err);
    kj_close_fd(&journal.fd);
    return status == KJ_OK ? describe(&run, arena, out, err) : status;
}

kj_status kj_runs_list(kj_state *state, kj_arena *arena, kj_run_info **out, size_t *out_count,
                       kj_error *err)
{
    id_list ids = {0};
    kj_status status = list_ids(state, &ids, err);
    kj_run_info *runs = status == KJ_OK ? kj_new_array(arena, kj_run_info, ids.count + 1) : NULL;
    if (status == KJ_OK && !runs)
        status = kj_no_memory(err);
    for (size_t i = 0; status == KJ_OK && i < ids.count; i++) {
        kj_error why = {0};
        if (read_info(state, ids.items[i].text, arena, &runs[i], &why) == KJ_NO_MEMORY)
            status = kj_no_memory(err); /* one that cannot be read is listed as damaged */
    }
    if (status == KJ_OK) {
        *out = runs;
        *out_count = ids.count;
    }
    kj_vec_done(&ids);
    return status;
}

/* ---- one of them
 * ------------------------------------------------------------------------------------------- */

static kj_run_state quick_state(kj_state *state, const char *id, kj_span root, bool *out_same_root)
{
    kj_arena scratch;
    kj_arena_init(&scratch, SCRATCH_BUDGET);
    kj_run_info info;
    kj_error err = {0};
    kj_run_state result =
        read_info(state, id, &scratch, &info, &err) == KJ_OK ? info.state : KJ_RUN_DAMAGED;
    if (out_same_root)
        *out_same_root = kj_span_equal(info.root, root);
    kj_arena_done(&scratch);
    return result;
}

/* Whether there is something to take back. */
static bool changed_something(kj_state *state, const char *id)
{
    kj_arena scratch;
    kj_arena_init(&scratch, SCRATCH_BUDGET);
    kj_run_info info;
    kj_error err = {0};
    bool is_open = false, changed = false;
    if (read_info(state, id, &scratch, &info, &err) == KJ_OK) {
        is_open = info.state == KJ_RUN_UNFINISHED || info.state == KJ_RUN_UNDOING;
        for (size_t i = 0; info.state == KJ_RUN_DONE && i < info.count; i++)
            changed |=
                info.steps[i].result == KJ_STEP_DONE || info.steps[i].result == KJ_STEP_FAILED;
    }
    kj_arena_done(&scratch);
    return is_open || changed;
}

static kj_status choose(kj_state *state, const id_list *ids, const char *id,
                        char out[KJ_RUN_ID_MAX], kj_error *err)
{
    size_t matches = 0;
    bool is_last = strcmp(id, "last") == 0;
    for (size_t i = 0; i < ids->count; i++) {
        const char *text = ids->items[i].text;
        if (is_last) {
            if (!changed_something(state, text))
                continue;
        } else if (strncmp(text, id, strlen(id)) != 0) {
            continue;
        }
        if (matches++ == 0 || strcmp(text, id) == 0)
            (void)snprintf(out, KJ_RUN_ID_MAX, "%s", text);
        if (is_last || strcmp(text, id) == 0)
            return KJ_OK;
    }
    if (matches == 1)
        return KJ_OK;
    if (is_last)
        return kj_fail(err, KJ_IO, KJ_NO_OFFSET, "there is no run that could be taken back");
    return kj_fail(err, KJ_IO, KJ_NO_OFFSET,
                   matches ? "several runs begin like this" : "there is no such run");
}

kj_status kj_run_choose(kj_state *state, const char *id, char out[KJ_RUN_ID_MAX], kj_error *err)
{
    if (!*id)
        return kj_fail(err, KJ_IO, KJ_NO_OFFSET, "there is no such run");
    id_list ids = {0};
    kj_status status = list_ids(state, &ids, err);
    if (status == KJ_OK)
        status = choose(state, &ids, id, out, err);
    kj_vec_done(&ids);
    return status;
}

kj_status kj_run_find(kj_state *state, const char *id, kj_arena *arena, kj_run_info *out,
                      kj_error *err)
{
    char found[KJ_RUN_ID_MAX];
    KJ_TRY(kj_run_choose(state, id, found, err));
    return read_info(state, found, arena, out, err);
}

bool kj_run_unfinished(kj_state *state, const char *root, char out_id[KJ_RUN_ID_MAX])
{
    id_list ids = {0};
    kj_error err;
    bool found = false;
    if (list_ids(state, &ids, &err) == KJ_OK) {
        for (size_t i = 0; i < ids.count && !found; i++) {
            bool same = false;
            kj_run_state is = quick_state(state, ids.items[i].text, kj_span_str(root), &same);
            found = (same || !root) && (is == KJ_RUN_UNFINISHED || is == KJ_RUN_UNDOING);
            if (found)
                (void)snprintf(out_id, KJ_RUN_ID_MAX, "%s", ids.items[i].text);
        }
    }
    kj_vec_done(&ids);
    return found;
}

bool kj_run_is_open(kj_state *state, kj_span id)
{
    char text[KJ_RUN_ID_MAX];
    if (id.len == 0 || id.len >= sizeof text)
        return false;
    memcpy(text, id.data, id.len);
    text[id.len] = 0;
    if (!is_id(text))
        return false;
    kj_run_state is = quick_state(state, text, (kj_span){0}, NULL);
    return is == KJ_RUN_UNFINISHED || is == KJ_RUN_UNDOING;
}

/* ---- sweeping
 * ---------------------------------------------------------------------------------------------- */

/* A container that is not whole is no copy of anything. One whose file is not where it was may be
 * all that is left of it, whatever the journal says: somebody may have cut that off. */
static bool is_needed(kj_state *state, const char *name)
{
    kj_arena scratch;
    kj_arena_init(&scratch, SCRATCH_BUDGET);
    char id[KJ_QUARANTINE_ID_MAX];
    (void)snprintf(id, sizeof id, "%.*s", (int)kj_min_size(strlen(name) - 4, sizeof id - 1), name);
    KJ_CLEANUP(kj_close_fd) int fd = -1;
    kj_container container;
    kj_error err;
    bool result =
        kj_container_open(state->quarantine, id, &scratch, &fd, &container, &err) == KJ_OK &&
        kj_container_verify(fd, &container, &err) == KJ_OK &&
        !kj_step_is_in_place(&container.about);
    kj_arena_done(&scratch);
    return result;
}

/* False: some are kept. */
static bool remove_containers(kj_state *state, const char *id)
{
    int copy = openat(state->quarantine, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = copy >= 0 ? fdopendir(copy) : NULL;
    size_t len = strlen(id);
    bool all = directory != NULL;
    for (const struct dirent *entry; directory && (entry = readdir(directory));) {
        const char *name = entry->d_name;
        size_t name_len = strlen(name);
        if (strncmp(name, id, len) != 0 || name[len] != '.' || name_len < len + 5 ||
            strcmp(name + name_len - 4, ".kjq") != 0)
            continue;
        if (is_needed(state, name))
            all = false;
        else
            (void)unlinkat(state->quarantine, name, 0);
    }
    if (directory)
        (void)closedir(directory);
    return all;
}

/* Only a run whose journal says so, to its last byte: the containers of others may be all that is
 * left of a file. */
static bool is_abandoned(int directory)
{
    kj_arena scratch;
    kj_arena_init(&scratch, SCRATCH_BUDGET);
    kj_journal journal = {.fd = -1};
    kj_run_record run;
    size_t len = 0;
    kj_error err = {0};
    bool result = kj_run_load(directory, &scratch, &journal, &len, &run, &err) == KJ_OK &&
                  !run.committed && !journal.has_bad_end;
    kj_close_fd(&journal.fd);
    kj_arena_done(&scratch);
    return result;
}

void kj_runs_sweep(kj_state *state)
{
    id_list ids = {0};
    kj_error err;
    bool ok = list_ids(state, &ids, &err) == KJ_OK;
    for (size_t i = 0; ok && i < ids.count; i++) {
        const char *id = ids.items[i].text;
        int directory = openat(state->runs, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (directory >= 0 && is_abandoned(directory) && remove_containers(state, id))
            (void)unlinkat(directory, "journal", 0);
        (void)unlinkat(state->runs, id, AT_REMOVEDIR); /* an empty one, whatever it was */
        kj_close_fd(&directory);
    }
    kj_vec_done(&ids);
}
