/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arith.h"
#include "tests/clean/tree.h"

/* A file of some length with a stream, in the quarantine. */
static void remove_one(fixture *f, const char *name, const char *content)
{
    make_file(f, name, content);
    (void)setxattr(path_of(f, name), "user.stream", "of NTFS", 7, 0);
    f->count = 0;
    kj_step *step = add_removal(f, name, content);
    step->flags = KJ_STEP_SENSITIVE;
    step->reasons = kj_span_str("{\"why\":[\"test\"]}");
    assert_int_equal(run(f), KJ_OK);
    assert_int_equal(f->summary.done, 1);
}

static kj_quarantined only_one(fixture *f)
{
    kj_quarantined *items;
    size_t count;
    assert_int_equal(kj_quarantine_list(f->state, &f->arena, &items, &count, NULL, NULL, &f->err),
                     KJ_OK);
    assert_int_equal(count, 1);
    return items[0];
}

static const char *container_path(fixture *f, const char *id)
{
    const char *path = kj_arena_printf(&f->arena, "%s/quarantine/%s.kjq", f->state_path, id);
    assert_non_null(path);
    return path;
}

static void test_what_it_says(void **in)
{
    fixture *f = *in;
    uint8_t digest[KJ_HASH_MAX];
    remove_one(f, "dir/bad.exe", "content");
    kj_quarantined q = only_one(f);
    assert_span(q.path, "dir/bad.exe");
    assert_span(q.root, f->root);
    assert_span(q.run, f->summary.id);
    assert_span(q.reasons, "{\"why\":[\"test\"]}");
    assert_true(q.sensitive);
    assert_int_equal(q.size, 7);
    assert_int_equal(q.mode & 07777, 0640);
    assert_int_equal(q.mtime_ns, 1000000001123456789);
    kj_hash(KJ_HASH_SHA256, kj_span_str("content"), digest);
    assert_memory_equal(q.sha256, digest, 32);
    kj_hash(KJ_HASH_SHA1, kj_span_str("content"), digest);
    assert_memory_equal(q.sha1, digest, 20);
    kj_hash(KJ_HASH_MD5, kj_span_str("content"), digest);
    assert_memory_equal(q.md5, digest, 16);
    assert_int_equal(kj_quarantine_verify(f->state, q.id, &f->err), KJ_OK);
}

static void test_is_inert(void **in)
{
    fixture *f = *in;
    static const char content[] = "this text must not stand in the container";
    char bytes[4096];
    struct stat st;
    remove_one(f, "bad.exe", content);
    const char *path = container_path(f, only_one(f).id);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = read(fd, bytes, sizeof bytes);
    (void)close(fd);
    assert_true(len > 128 && len < (ssize_t)sizeof bytes);
    assert_null(memmem(bytes, (size_t)len, content, 16));
    assert_null(memmem(bytes, (size_t)len, "of NTFS", 7));
}

static void test_restore(void **in)
{
    fixture *f = *in;
    char stream[16] = "";
    remove_one(f, "bad.exe", "content");
    kj_quarantined q = only_one(f);
    make_file(f, "bad.exe", "somebody's");
    assert_int_equal(kj_quarantine_restore(f->state, q.id, NULL, &f->err), KJ_IO);
    assert_content(f, "bad.exe", "somebody's");
    const char *to = path_of(f, "elsewhere");
    assert_int_equal(kj_quarantine_restore(f->state, q.id, to, &f->err), KJ_OK);
    assert_content(f, "elsewhere", "content");
    struct stat st = look(f, "elsewhere");
    assert_int_equal(st.st_mtim.tv_nsec, 123456789);
    assert_int_equal(st.st_mode & 07777, 0640);
    if (q.attribute_count)
        assert_int_equal(getxattr(to, "user.stream", stream, sizeof stream), 7);
    assert_int_equal(unlink(path_of(f, "bad.exe")), 0);
    assert_int_equal(kj_quarantine_restore(f->state, "20", NULL, &f->err), KJ_OK);
    assert_content(f, "bad.exe", "content");
    assert_int_equal(count_containers(f), 1);
}

/* The parent directory became a link out of the root. */
static void test_restore_stays_inside(void **in)
{
    fixture *f = *in;
    remove_one(f, "dir/bad.exe", "content");
    kj_quarantined q = only_one(f);
    assert_int_equal(rmdir(path_of(f, "dir")), 0);
    assert_int_equal(symlink("../outside", path_of(f, "dir")), 0);
    assert_int_equal(kj_quarantine_restore(f->state, q.id, NULL, &f->err), KJ_IO);
    assert_int_equal(undo(f), KJ_OK);
    assert_int_equal(f->summary.skipped, 1);
    assert_true(is_gone(f, "../outside/bad.exe"));
}

static void test_extract(void **in)
{
    fixture *f = *in;
    const char *path = NULL;
    struct stat st;
    remove_one(f, "bad.exe", "content");
    assert_int_equal(
        kj_quarantine_extract(f->state, only_one(f).id, f->root, &f->arena, &path, &f->err), KJ_OK);
    assert_at(path, "content");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0400);
    assert_int_equal(
        kj_quarantine_extract(f->state, only_one(f).id, f->root, &f->arena, &path, &f->err), KJ_IO);
}

static void test_purge(void **in)
{
    fixture *f = *in;
    remove_one(f, "one", "1");
    assert_int_equal(kj_quarantine_purge(f->state, only_one(f).id, &f->err), KJ_OK);
    assert_int_equal(count_containers(f), 0);
    assert_int_equal(undo(f), KJ_OK);
    assert_int_equal(f->summary.skipped, 1);
    assert_true(is_gone(f, "one"));
}

static bool stop_at_fourth(void *user)
{
    size_t *asked = user;
    return ++*asked > 3;
}

static void test_purge_waits(void **in)
{
    fixture *f = *in;
    size_t asked = 0;
    make_file(f, "one", "1");
    make_file(f, "two", "2");
    (void)add_removal(f, "one", "1");
    (void)add_removal(f, "two", "2");
    const kj_transaction_events events = {.user = &asked, .stopped = stop_at_fourth};
    assert_int_equal(run_with(f, &events), KJ_CANCELLED);
    const char *id = kj_arena_printf(&f->arena, "%s.0", f->summary.id);
    assert_int_equal(kj_quarantine_purge(f->state, id, &f->err), KJ_IO);
    assert_int_equal(count_containers(f), 2);
}

static void test_names(void **in)
{
    fixture *f = *in;
    kj_quarantined q;
    remove_one(f, "one", "1");
    remove_one(f, "two", "2");
    assert_int_equal(kj_quarantine_find(f->state, "2", &f->arena, &q, &f->err), KJ_IO);
    assert_non_null(strstr(f->err.message, "several"));
    assert_int_equal(kj_quarantine_find(f->state, "none", &f->arena, &q, &f->err), KJ_IO);
    assert_int_equal(kj_quarantine_find(f->state, "../lock", &f->arena, &q, &f->err), KJ_IO);
    assert_int_equal(kj_quarantine_find(f->state, "", &f->arena, &q, &f->err), KJ_IO);
    assert_int_equal(kj_quarantine_find(f->state, f->summary.id, &f->arena, &q, &f->err), KJ_OK);
    assert_span(q.path, "two");
}

static void count_damaged(void *user, const char *id, const kj_error *err)
{
    size_t *count = user;
    assert_non_null(id);
    assert_true(err->message[0]);
    ++*count;
}

/* Every byte of a container matters: changed, nothing is restored, with another mode as little as
 * with other content. */
static void test_every_byte(void **in)
{
    fixture *f = *in;
    remove_one(f, "bad.exe", "content");
    kj_quarantined q = only_one(f);
    int fd = open(container_path(f, q.id), O_RDWR | O_CLOEXEC);
    struct stat st;
    assert_int_equal(fstat(fd, &st), 0);
    for (off_t at = 0; at < st.st_size; at++) {
        uint8_t byte, changed;
        assert_int_equal(pread(fd, &byte, 1, at), 1);
        changed = byte ^ 0x21;
        assert_int_equal(pwrite(fd, &changed, 1, at), 1);
        assert_int_not_equal(kj_quarantine_verify(f->state, q.id, &f->err), KJ_OK);
        assert_int_not_equal(kj_quarantine_restore(f->state, q.id, path_of(f, "out"), &f->err),
                             KJ_OK);
        assert_true(is_gone(f, "out"));
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    }
    assert_int_equal(kj_quarantine_verify(f->state, q.id, &f->err), KJ_OK);
    (void)close(fd);
}

static void test_cut(void **in)
{
    fixture *f = *in;
    kj_quarantined *items;
    size_t count, damaged = 0;
    remove_one(f, "bad.exe", "content");
    kj_quarantined q = only_one(f);
    const char *path = container_path(f, q.id);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    for (off_t len = st.st_size - 1; len >= 0; len--) {
        assert_int_equal(truncate(path, len), 0);
        assert_int_equal(kj_quarantine_verify(f->state, q.id, &f->err), KJ_MALFORMED);
    }
    assert_int_equal(
        kj_quarantine_list(f->state, &f->arena, &items, &count, count_damaged, &damaged, &f->err),
        KJ_OK);
    assert_int_equal(count, 0);
    assert_int_equal(damaged, 1);
}

static void test_large(void **in)
{
    fixture *f = *in;
    enum { LEN = 300001 }; /* several chunks and a bit */
    char *content = kj_arena_alloc(&f->arena, LEN + 1);
    for (size_t i = 0; i < LEN; i++)
        content[i] = (char)('a' + i % 23);
    remove_one(f, "large", content);
    assert_int_equal(kj_quarantine_verify(f->state, only_one(f).id, &f->err), KJ_OK);
    assert_int_equal(undo(f), KJ_OK);
    char *got = kj_arena_alloc(&f->arena, LEN + 1);
    int fd = open(path_of(f, "large"), O_RDONLY | O_CLOEXEC);
    assert_int_equal(read(fd, got, LEN + 1), LEN);
    (void)close(fd);
    assert_memory_equal(got, content, LEN);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_what_it_says), CASE(test_is_inert),
        CASE(test_restore),      CASE(test_restore_stays_inside),
        CASE(test_extract),      CASE(test_purge),
        CASE(test_purge_waits),  CASE(test_names),
        CASE(test_every_byte),   CASE(test_cut),
        CASE(test_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
