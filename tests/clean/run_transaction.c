/* SPDX-License-Identifier: Apache-2.0 */
/* run_transaction run|resume|undo STATE ROOT [ID]: what crash.py kills. The transaction is made of
 * the tree as `ORIGINAL` has it (the fifth argument of `run`), so that it is the same each time: a
 * file FILE with a twin FILE.after beside it in ORIGINAL is patched, names that begin with "gone"
 * are removed, directories that begin with "empty" go when they are. */
#include "base/cleanup.h"
#include "base/file.h"
#include "clean/transaction.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

enum { STEPS_MAX = 64, FILE_MAX = 16 << 20, BUDGET = 64 << 20 };

typedef struct making {
    kj_arena arena;
    const char *root;
    const char *original;
    kj_step steps[STEPS_MAX];
    size_t count;
} making;

static kj_span read_file(making *m, const char *folder, const char *name)
{
    const char *path = kj_arena_printf(&m->arena, "%s/%s", folder, name);
    kj_buf bytes;
    kj_buf_init(&bytes, FILE_MAX);
    kj_error err = {0};
    if (kj_file_read(path, &bytes, &err) != KJ_OK) {
        (void)fprintf(stderr, "%s: %s\n", path, err.message);
        exit(3);
    }
    kj_span copy = {(const uint8_t *)kj_arena_text(&m->arena, kj_buf_span(&bytes)), bytes.len};
    kj_buf_done(&bytes);
    return copy;
}

static kj_step *add(making *m, kj_step_kind kind, const char *name)
{
    kj_step *step = &m->steps[m->count++];
    struct stat st = {0};
    (void)stat(kj_arena_printf(&m->arena, "%s/%s", m->root, name), &st);
    *step = (kj_step){
        .kind = kind,
        .path = kj_span_str(kj_arena_strdup(&m->arena, name)),
        .device = st.st_dev,
        .inode = st.st_ino,
        .reasons = kj_span_str("{\"actions\":[]}"),
    };
    return step;
}

static void add_patch(making *m, const char *name)
{
    kj_span before = read_file(m, m->original, name);
    kj_span after = read_file(m, m->original, kj_arena_printf(&m->arena, "%s.after", name));
    kj_step *step = add(m, KJ_STEP_PATCH, name);
    step->flags = strncmp(name, "hive", 4) == 0 ? KJ_STEP_HIVE : 0;
    step->size = before.len;
    step->size_after = after.len;
    kj_hash(KJ_HASH_SHA256, before, step->sha256);
    kj_hash(KJ_HASH_SHA256, after, step->sha256_after);
    if (kj_edits_between(&m->arena, before, after, 8, &step->edits, NULL) != KJ_OK)
        exit(3);
}

static void add_removal(making *m, const char *name)
{
    kj_span bytes = read_file(m, m->original, name);
    static const uint32_t first[] = {0};
    kj_step *step = add(m, KJ_STEP_REMOVE, name);
    step->size = bytes.len;
    kj_hash(KJ_HASH_SHA256, bytes, step->sha256);
    step->needs = first;
    step->need_count = 1;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* Patches, removals, directories: the order of their kinds, then of their names. */
static void make(making *m, kj_step_kind kind, const char *below)
{
    struct dirent **entries = NULL;
    const char *folder = kj_arena_printf(&m->arena, "%s/%s", m->original, below);
    int count = scandir(folder, &entries, NULL, by_name);
    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;
        const char *path = *below ? kj_arena_printf(&m->arena, "%s/%s", below, name) : name;
        size_t len = strlen(name);
        bool is_directory = entries[i]->d_type == DT_DIR;
        bool is_twin = len > 6 && strcmp(name + len - 6, ".after") == 0;
        if (is_directory && name[0] != '.')
            make(m, kind, path);
        if (kind == KJ_STEP_PATCH && is_twin)
            add_patch(m, kj_arena_text(&m->arena, kj_span_of(path, strlen(path) - 6)));
        else if (kind == KJ_STEP_REMOVE && !is_directory && strncmp(name, "gone", 4) == 0)
            add_removal(m, path);
        else if (kind == KJ_STEP_RMDIR && is_directory && strncmp(name, "empty", 5) == 0)
            (void)add(m, KJ_STEP_RMDIR, path);
    }
    for (int i = 0; i < count; i++)
        free(entries[i]);
    free(entries);
}

static void on_step(void *user, size_t index, kj_step_result result, const char *sentence)
{
    (void)user;
    (void)printf("%zu %s %s\n", index, kj_step_result_name(result), sentence ? sentence : "");
}

static kj_status carry_out(making *m, kj_state *state, kj_run_summary *summary, kj_error *err)
{
    KJ_CLEANUP(kj_close_fd) int root = open(m->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    kj_transaction transaction = {
        .root = m->root,
        .root_fd = root,
        .title = kj_span_str("{\"threats\":[\"test\"]}"),
        .steps = m->steps,
        .count = m->count,
    };
    kj_transaction_events events = {.step = on_step};
    return kj_transaction_run(state, &transaction, &events, summary, err);
}

int main(int argc, char **argv)
{
    if (argc < 5)
        return 3;
    making m = {.root = argv[3], .original = argv[4]};
    kj_arena_init(&m.arena, BUDGET);
    kj_error err = {0};
    kj_state *state = NULL;
    kj_run_summary summary = {0};
    char id[KJ_RUN_ID_MAX] = "";
    for (int kind = 0; kind < KJ_STEP_KIND_COUNT && strcmp(argv[1], "run") == 0; kind++)
        make(&m, (kj_step_kind)kind, ""); /* before the state is locked: crash.py begins there */
    kj_status status = kj_state_open(argv[2], argv[3], 0, &state, &err);
    kj_transaction_events events = {.step = on_step};
    if (status == KJ_OK && strcmp(argv[1], "run") == 0)
        status = carry_out(&m, state, &summary, &err);
    else if (status == KJ_OK && !kj_run_unfinished(state, argv[3], id) &&
             strcmp(argv[1], "resume") == 0)
        (void)puts("nothing is unfinished");
    else if (status == KJ_OK && strcmp(argv[1], "resume") == 0)
        status = kj_run_resume(state, id, NULL, &events, &summary, &err);
    else if (status == KJ_OK)
        status = kj_run_undo(state, *id ? id : "last", NULL, &events, &summary, &err);
    kj_state_close(state);
    kj_arena_done(&m.arena);
    if (status != KJ_OK)
        (void)fprintf(stderr, "%s\n", err.message);
    return status != KJ_OK ? 2 : summary.skipped || summary.failed ? 1 : 0;
}
