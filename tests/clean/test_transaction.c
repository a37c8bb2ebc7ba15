/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arith.h"
#include "tests/clean/tree.h"

/* ---- exact to the byte and the time
 * ---------------------------------------------------------------------------- */

static void test_run_and_undo(void **in)
{
    fixture *f = *in;
    static const uint32_t first[] = {0};
    make_file(f, "win.ini", "run=bad.exe good.exe");
    make_file(f, "dir/bad.exe", "not really a program");
    add_patch(f, "win.ini", "run=bad.exe good.exe", "run=good.exe");
    kj_step *step = add_removal(f, "dir/bad.exe", "not really a program");
    step->needs = first;
    step->need_count = 1;
    add_step(f, KJ_STEP_RMDIR, "dir");
    struct stat before = look(f, "win.ini"), folder = look(f, "dir"), root = look(f, ".");
    assert_int_equal(run(f), KJ_OK);
    assert_int_equal(f->summary.done, 3);
    assert_content(f, "win.ini", "run=good.exe");
    assert_true(is_gone(f, "dir"));
    assert_int_equal(undo(f), KJ_OK);
    assert_int_equal(f->summary.done, 3);
    assert_content(f, "win.ini", "run=bad.exe good.exe");
    assert_content(f, "dir/bad.exe", "not really a program");
    struct stat after = look(f, "win.ini"), folder_after = look(f, "dir"),
                root_after = look(f, ".");
    assert_memory_equal(&before.st_mtim, &after.st_mtim, sizeof before.st_mtim);
    assert_memory_equal(&folder.st_mtim, &folder_after.st_mtim, sizeof folder.st_mtim);
    assert_memory_equal(&root.st_mtim, &root_after.st_mtim, sizeof root.st_mtim);
    assert_int_equal(folder.st_mode, folder_after.st_mode);
}

static void test_directory_keeps_attributes(void **in)
{
    fixture *f = *in;
    char got[8] = "";
    make_folder(f, "dir");
    if (setxattr(path_of(f, "dir"), "user.stream", "kept", 4, 0) != 0)
        skip();
    add_step(f, KJ_STEP_RMDIR, "dir");
    assert_int_equal(run(f), KJ_OK);
    assert_true(is_gone(f, "dir"));
    assert_int_equal(undo(f), KJ_OK);
    assert_int_equal(getxattr(path_of(f, "dir"), "user.stream", got, sizeof got), 4);
    assert_memory_equal(got, "kept", 4);
}

/* ---- what was so before
 * ------------------------------------------------------------------------------------- */

static void test_already(void **in)
{
    fixture *f = *in;
    make_file(f, "win.ini", "new");
    add_patch(f, "win.ini", "old", "new");
    (void)add_removal(f, "gone.exe", "x");
    add_step(f, KJ_STEP_RMDIR, "gone");
    assert_int_equal(run(f), KJ_OK);
    assert_int_equal(f->summary.already, 3);
    /* What the run did not do is not taken back. */
    assert_int_equal(undo(f), KJ_OK);
    assert_content(f, "win.ini", "new");
    assert_true(is_gone(f, "gone.exe"));
    assert_true(is_gone(f, "gone"));
}

/* ---- hostile trees
 * ------------------------------------------------------------------------------------------ */

static void test_file_grown(void **in)
{
    fixture *f = *in;
    make_file(f, "bad.exe", "longer than planned");
    make_file(f, "win.ini", "another");
    (void)add_removal(f, "bad.exe", "longer than");
    add_patch(f, "win.ini", "one", "two");
    assert_int_equal(run(f), KJ_OK);
    assert_int_equal(f->summary.skipped, 2);
    assert_content(f, "bad.exe", "longer than planned");
    assert_content(f, "win.ini", "another");
    assert_string_equal(f->sentence, "the file was changed by something else");
    assert_int_equal(count_containers(f), 0);
}

static void test_same_bytes_another_file(void **in)
{
    fixture *f = *in;
    make_file(f, "bad.exe", "x");
    kj_step *step = add_removal(f, "bad.exe", "x");
    step->inode++;
    assert_int_equal(run(f), KJ_OK);
    assert_int_equal(f->summary.skipped, 1);
    assert_content(f, "bad.exe", "x");
}

static void test_link_for_directory(void **in)
{
    fixture *f = *in;
    make_folder(f, "dir");
    make_outside(f, "bad.exe", "outside");
    assert_int_equal(rmdir(path_of(f, "dir")), 0);
    assert_int_equal(symlink("../outside", path_of(f, "dir")), 0);
    (void)add_removal(f, "dir/bad.exe", "outside");
    add_patch(f, "dir/bad.exe", "outside", "changed");
    add_step(f, KJ_STEP_RMDIR, "dir");
    for (size_t i = 0; i < f->count; i++)
        f->steps[i].device = f->steps[i].inode = 0;
    assert_int_equal(run(f), KJ_OK);
    assert_int_equal(f->summary.skipped, 3);
    assert_outside(f, "bad.exe", "outside");
    assert_false(is_gone(f, "dir"));
}

static void test_links_and_pipes(void **in)
{
    fixture *f = *in;
    make_outside(f, "bad.exe", "outside");
    assert_int_equal(symlink("../outside/bad.exe", path_of(f, "link")), 0);
    assert_int_equal(mkfifo(path_of(f, "fifo"), 0600), 0);
    make_folder(f, "folder");
    (void)add_removal(f, "link", "outside");
    (void)add_removal(f, "fifo", "");
    (void)add_removal(f, "folder", "");
    add_patch(f, "link", "outside", "changed");
    add_patch(f, "fifo", "a", "b");
    for (size_t i = 0; i < f->count; i++)
        f->steps[i].device = f->steps[i].inode = 0;
    assert_int_equal(run(f), KJ_OK);
    assert_int_equal(f->summary.skipped, 5);
    assert_outside(f, "bad.exe", "outside");
    assert_false(is_gone(f, "fifo"));
}

static const char *const wild_paths[] = {"../outside/bad.exe",        "/etc/passwd",  "",    ".",
                                         "dir/../../outside/bad.exe", "dir//bad.exe", "dir/"};

static void test_wild_paths(void **in)
{
    fixture *f = *in;
    make_outside(f, "bad.exe", "outside");
    make_folder(f, "dir");
    for (size_t i = 0; i < KJ_COUNT(wild_paths); i++) {
        (void)add_removal(f, wild_paths[i], "outside");
        f->steps[i].device = f->steps[i].inode = 0;
    }
    assert_int_equal(run(f), KJ_OK);
    assert_int_equal(f->summary.skipped, KJ_COUNT(wild_paths));
    assert_outside(f, "bad.exe", "outside");
}

static void test_hard_link(void **in)
{
    fixture *f = *in;
    make_file(f, "bad.exe", "x");
    make_outside(f, "unrelated", "y");
    assert_int_equal(link(path_of(f, "bad.exe"), path_of(f, "twin.exe")), 0);
    (void)add_removal(f, "bad.exe", "x");
    assert_int_equal(run(f), KJ_OK);
    assert_int_equal(f->summary.done, 1);
    assert_content(f, "twin.exe", "x");
    assert_non_null(strstr(f->sentence, "hard links"));
}

static void test_full_directory(void **in)
{
    fixture *f = *in;
    make_file(f, "dir/stays", "x");
    add_step(f, KJ_STEP_RMDIR, "dir");
    assert_int_equal(run(f), KJ_OK);
    assert_int_equal(f->summary.skipped, 1);
    assert_content(f, "dir/stays", "x");
}

static void test_protected(void **in)
{
    fixture *f = *in;
    make_file(f, "kernel32.dll", "x");
    add_removal(f, "kernel32.dll", "x")->flags = KJ_STEP_SYSTEM;
    assert_int_equal(run(f), KJ_OK);
    assert_int_equal(f->summary.skipped, 1);
    assert_content(f, "kernel32.dll", "x");
    f->allow_system = true;
    assert_int_equal(run(f), KJ_OK);
    assert_int_equal(f->summary.done, 1);
}

/* A skipped step takes along what needs it, before a copy is made. */
static void test_needs(void **in)
{
    fixture *f = *in;
    static const uint32_t first[] = {0}, itself[] = {1};
    make_file(f, "win.ini", "another");
    make_file(f, "bad.exe", "x");
    add_patch(f, "win.ini", "old", "new");
    kj_step *step = add_removal(f, "bad.exe", "x");
    step->needs = first;
    step->need_count = 1;
    assert_int_equal(run(f), KJ_OK);
    assert_int_equal(f->summary.skipped, 2);
    assert_content(f, "bad.exe", "x");
    assert_int_equal(count_containers(f), 0);
    step->needs = itself;
    assert_int_equal(run(f), KJ_OK);
    assert_int_equal(f->summary.skipped, 2);
}

static void test_wrong_edits(void **in)
{
    fixture *f = *in;
    make_file(f, "win.ini", "old");
    add_patch(f, "win.ini", "old", "new");
    f->steps[0].size_after = 0; /* the file would be cut */
    assert_int_equal(run(f), KJ_OK);
    assert_int_equal(f->summary.skipped, 1);
    f->steps[0].size_after = 3;
    f->steps[0].sha256_after[0] ^= 1;
    assert_int_equal(run(f), KJ_OK);
    assert_int_equal(f->summary.skipped, 1);
    assert_content(f, "win.ini", "old");
}

/* ---- undo, when others were there since
 * --------------------------------------------------------------------- */

static void test_undo_refuses(void **in)
{
    fixture *f = *in;
    make_file(f, "win.ini", "old");
    make_file(f, "bad.exe", "x");
    add_patch(f, "win.ini", "old", "new");
    (void)add_removal(f, "bad.exe", "x");
    assert_int_equal(run(f), KJ_OK);
    make_file(f, "win.ini", "somebody's");
    make_file(f, "bad.exe", "somebody's");
    assert_int_equal(undo(f), KJ_OK);
    assert_int_equal(f->summary.skipped, 2);
    assert_content(f, "win.ini", "somebody's");
    assert_content(f, "bad.exe", "somebody's");
    assert_int_equal(count_containers(f), 1);
    /* What was left can be asked for once more; what was taken back cannot. */
    assert_int_equal(unlink(path_of(f, "bad.exe")), 0);
    assert_int_equal(undo(f), KJ_OK);
    assert_int_equal(f->summary.done, 1);
    assert_content(f, "bad.exe", "x");
    make_file(f, "win.ini", "new");
    assert_int_equal(unlink(path_of(f, "bad.exe")), 0);
    assert_int_equal(undo(f), KJ_OK);
    assert_content(f, "win.ini", "old");
    assert_true(is_gone(f, "bad.exe"));
    assert_int_equal(undo(f), KJ_IO);
}

static void test_undo_of_nothing_changed(void **in)
{
    fixture *f = *in;
    make_file(f, "bad.exe", "x");
    (void)add_removal(f, "bad.exe", "x");
    assert_int_equal(run(f), KJ_OK);
    make_file(f, "bad.exe", "x"); /* it came back by itself */
    assert_int_equal(undo(f), KJ_OK);
    assert_int_equal(f->summary.already, 1);
    assert_content(f, "bad.exe", "x");
}

static void test_root_renamed(void **in)
{
    fixture *f = *in;
    char moved[PATH_MAX];
    make_file(f, "bad.exe", "x");
    (void)add_removal(f, "bad.exe", "x");
    assert_int_equal(run(f), KJ_OK);
    (void)snprintf(moved, sizeof moved, "%s-moved", f->root);
    assert_int_equal(rename(f->root, moved), 0);
    assert_int_equal(undo(f), KJ_IO);
    assert_int_equal(mkdir(f->root, 0700), 0); /* a mount point with nothing on it */
    assert_int_equal(undo(f), KJ_IO);
    assert_non_null(strstr(f->err.message, "--root"));
    assert_true(is_gone(f, "bad.exe"));
    assert_int_equal(kj_run_undo(f->state, "last", moved, NULL, &f->summary, &f->err), KJ_OK);
    assert_int_equal(rmdir(f->root), 0);
    assert_int_equal(rename(moved, f->root), 0);
    assert_content(f, "bad.exe", "x");
}

/* ---- the state directory and its runs
 * ----------------------------------------------------------------------- */

static void test_state_places(void **in)
{
    fixture *f = *in;
    kj_state *other = NULL;
    char place[PATH_MAX];
    assert_int_equal(kj_state_open(f->state_path, NULL, 0, &other, &f->err), KJ_IO); /* in use */
    (void)snprintf(place, sizeof place, "%s/below/state", f->root);
    assert_int_equal(kj_state_open(place, f->root, 0, &other, &f->err), KJ_IO);
    assert_true(is_gone(f, "below"));
    (void)snprintf(place, sizeof place, "%s/link", f->home);
    assert_int_equal(symlink(f->root, place), 0);
    assert_int_equal(kj_state_open(place, f->root, 0, &other, &f->err), KJ_IO);
    assert_int_equal(kj_state_open(place, NULL, 0, &other, &f->err), KJ_IO); /* a link */
    (void)snprintf(place, sizeof place, "%s/open", f->home);
    assert_int_equal(mkdir(place, 0700), 0);
    assert_int_equal(chmod(place, 0777), 0);
    assert_int_equal(kj_state_open(place, NULL, 0, &other, &f->err), KJ_IO);
    assert_null(other);
}

static bool stop(void *user)
{
    size_t *left = user;
    return (*left)-- == 0;
}

static void test_stopped(void **in)
{
    fixture *f = *in;
    char id[KJ_RUN_ID_MAX];
    make_file(f, "one", "1");
    make_file(f, "two", "2");
    (void)add_removal(f, "one", "1");
    (void)add_removal(f, "two", "2");
    size_t left = 0;
    kj_transaction_events events = {.user = &left, .stopped = stop};
    assert_int_equal(run_with(f, &events), KJ_CANCELLED); /* before COMMIT: nothing is left */
    assert_string_equal(f->summary.id, "");
    assert_int_equal(count_containers(f), 0);
    left = 3;
    assert_int_equal(run_with(f, &events), KJ_CANCELLED); /* behind the first step */
    assert_true(is_gone(f, "one"));
    assert_false(is_gone(f, "two"));
    assert_true(kj_run_unfinished(f->state, f->root, id));
    assert_string_equal(id, f->summary.id);
    assert_int_equal(kj_run_resume(f->state, id, NULL, NULL, &f->summary, &f->err), KJ_OK);
    assert_int_equal(f->summary.done, 2);
    assert_true(is_gone(f, "two"));
    assert_false(kj_run_unfinished(f->state, f->root, id));
}

static void test_list(void **in)
{
    fixture *f = *in;
    kj_run_info *runs;
    size_t count;
    make_file(f, "one", "1");
    (void)add_removal(f, "one", "1");
    f->steps[0].reasons = kj_span_str("{\"why\":1}");
    assert_int_equal(run(f), KJ_OK);
    f->count = 0;
    make_file(f, "two", "2");
    (void)add_removal(f, "two", "2");
    assert_int_equal(run(f), KJ_OK);
    assert_int_equal(kj_runs_list(f->state, &f->arena, &runs, &count, &f->err), KJ_OK);
    assert_int_equal(count, 2);
    assert_span(runs[0].steps[0].path, "two"); /* the newest first, within a second, too */
    assert_span(runs[1].steps[0].path, "one");
    assert_span(runs[1].steps[0].reasons, "{\"why\":1}");
    assert_int_equal(runs[1].state, KJ_RUN_DONE);
    assert_int_equal(undo(f), KJ_OK);
    kj_run_info info;
    assert_int_equal(kj_run_find(f->state, "last", &f->arena, &info, &f->err), KJ_OK);
    assert_string_equal(info.id, runs[1].id);
}

/* ---- journals that were changed
 * ------------------------------------------------------------------------------ */

static void damage(fixture *f, off_t from_end, const char *bytes, size_t len, off_t cut)
{
    char name[PATH_MAX];
    struct stat st;
    (void)snprintf(name, sizeof name, "%s/runs/%s/journal", f->state_path, f->summary.id);
    int fd = open(name, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(pwrite(fd, bytes, len, st.st_size - from_end), (ssize_t)len);
    assert_int_equal(ftruncate(fd, st.st_size - cut), 0);
    close(fd);
}

static kj_run_state state_of_last(fixture *f)
{
    kj_run_info info;
    char id[KJ_RUN_ID_MAX];
    memcpy(id, f->summary.id, sizeof id);
    kj_status status = kj_run_find(f->state, id, &f->arena, &info, &f->err);
    return status == KJ_OK ? info.state : KJ_RUN_DAMAGED;
}

enum { TIME_RECORD = 16 + 8 + 32 };

static void test_torn_journal(void **in)
{
    fixture *f = *in;
    make_file(f, "one", "1");
    (void)add_removal(f, "one", "1");
    assert_int_equal(run(f), KJ_OK);
    assert_int_equal(state_of_last(f), KJ_RUN_DONE);
    damage(f, TIME_RECORD, "\0\0\0\0\0\0", 6, 0); /* END did not reach the disk */
    assert_int_equal(state_of_last(f), KJ_RUN_UNFINISHED);
    damage(f, TIME_RECORD, "", 0, TIME_RECORD - 9);
    assert_int_equal(state_of_last(f), KJ_RUN_UNFINISHED);
    assert_int_equal(kj_run_resume(f->state, "last", NULL, NULL, &f->summary, &f->err), KJ_OK);
    assert_int_equal(state_of_last(f), KJ_RUN_DONE);
    assert_int_equal(undo(f), KJ_OK);
    assert_content(f, "one", "1");
}

static void test_changed_journal(void **in)
{
    fixture *f = *in;
    make_file(f, "one", "1");
    (void)add_removal(f, "one", "1");
    assert_int_equal(run(f), KJ_OK);
    damage(f, 3 * TIME_RECORD, "?", 1, 0); /* COMMIT or before, with sound records behind it */
    assert_int_equal(state_of_last(f), KJ_RUN_DAMAGED);
    assert_int_equal(undo(f), KJ_MALFORMED);
    assert_true(is_gone(f, "one"));
}

/* A run that was killed before COMMIT: the next one sweeps up. */
static void test_sweep(void **in)
{
    fixture *f = *in;
    make_file(f, "one", "1");
    (void)add_removal(f, "one", "1");
    assert_int_equal(run(f), KJ_OK);
    char name[PATH_MAX];
    (void)snprintf(name, sizeof name, "%s/runs/%s/journal", f->state_path, f->summary.id);
    assert_int_equal(truncate(name, 70), 0);
    assert_int_equal(count_containers(f), 1);
    assert_int_equal(state_of_last(f), KJ_RUN_ABANDONED);
    f->count = 0;
    assert_int_equal(run(f), KJ_OK);
    assert_int_equal(count_containers(f), 1); /* the journal lies: it is all that is left */
    make_file(f, "one", "1");
    assert_int_equal(run(f), KJ_OK);
    assert_int_equal(count_containers(f), 0);
}

/* A clock that ran far ahead: years that no number of nanoseconds has. */
static void test_far_future(void **in)
{
    fixture *f = *in;
    const struct timespec far[2] = {{.tv_sec = 1LL << 40}, {.tv_sec = 1LL << 40}};
    make_file(f, "one", "1");
    assert_int_equal(utimensat(AT_FDCWD, path_of(f, "one"), far, 0), 0);
    (void)add_removal(f, "one", "1");
    assert_int_equal(run(f), KJ_OK);
    assert_true(is_gone(f, "one"));
    assert_int_equal(undo(f), KJ_OK);
    assert_content(f, "one", "1");
    assert_true(look(f, "one").st_mtim.tv_sec > 9000000000);
}

static bool stop_behind_plan(void *user)
{
    size_t *asked = user;
    return ++*asked == 2;
}

/* An interruption, and the quarantine is gone when the run is completed. */
static void test_resume_without_copy(void **in)
{
    fixture *f = *in;
    size_t asked = 0;
    make_file(f, "one", "1");
    (void)add_removal(f, "one", "1");
    const kj_transaction_events events = {.user = &asked, .stopped = stop_behind_plan};
    assert_int_equal(run_with(f, &events), KJ_CANCELLED);
    char name[PATH_MAX], id[KJ_RUN_ID_MAX];
    memcpy(id, f->summary.id, sizeof id);
    (void)snprintf(name, sizeof name, "%s/quarantine/%s.0.kjq", f->state_path, id);
    assert_int_equal(truncate(name, 200), 0);
    assert_int_equal(kj_run_resume(f->state, id, NULL, NULL, &f->summary, &f->err), KJ_OK);
    assert_int_equal(f->summary.failed, 1);
    assert_content(f, "one", "1");
}

/* Removed, interrupted, and there is another file now: what was removed is not forgotten. */
static void test_resume_meets_another(void **in)
{
    fixture *f = *in;
    make_file(f, "one", "1");
    (void)add_removal(f, "one", "1");
    assert_int_equal(run(f), KJ_OK);
    damage(f, 0, "", 0, 2 * TIME_RECORD - 8); /* END, and most of RESULT */
    make_file(f, "one", "another");
    char id[KJ_RUN_ID_MAX];
    memcpy(id, f->summary.id, sizeof id);
    assert_int_equal(kj_run_resume(f->state, id, NULL, NULL, &f->summary, &f->err), KJ_OK);
    assert_int_equal(f->summary.failed, 1);
    assert_content(f, "one", "another");
    assert_int_equal(unlink(path_of(f, "one")), 0);
    assert_int_equal(undo(f), KJ_OK);
    assert_int_equal(f->summary.done, 1);
    assert_content(f, "one", "1");
}

/* What an undo that was killed left beside the file. */
static void test_undo_leaves_nothing(void **in)
{
    fixture *f = *in;
    make_file(f, "one", "1");
    (void)add_removal(f, "one", "1");
    assert_int_equal(run(f), KJ_OK);
    const char *left = kj_arena_printf(&f->arena, ".kujo-%s.0", f->summary.id);
    make_file(f, left, "half");
    make_file(f, "one", "somebody's");
    assert_int_equal(undo(f), KJ_OK);
    assert_int_equal(f->summary.skipped, 1);
    assert_true(is_gone(f, left));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_run_and_undo),
        CASE(test_directory_keeps_attributes),
        CASE(test_already),
        CASE(test_file_grown),
        CASE(test_same_bytes_another_file),
        CASE(test_link_for_directory),
        CASE(test_links_and_pipes),
        CASE(test_wild_paths),
        CASE(test_hard_link),
        CASE(test_full_directory),
        CASE(test_protected),
        CASE(test_needs),
        CASE(test_wrong_edits),
        CASE(test_undo_refuses),
        CASE(test_undo_of_nothing_changed),
        CASE(test_root_renamed),
        CASE(test_state_places),
        CASE(test_stopped),
        CASE(test_list),
        CASE(test_torn_journal),
        CASE(test_changed_journal),
        CASE(test_sweep),
        CASE(test_far_future),
        CASE(test_resume_without_copy),
        CASE(test_resume_meets_another),
        CASE(test_undo_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
