/* SPDX-License-Identifier: Apache-2.0 */
/* Every case runs twice: with openat2(), and component by component as on older kernels. */
#include "tests/test.h"

#include "base/arith.h"
#include "base/buf.h"
#include "host/tree_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEEP = 250, DEEP_NAME = 100 };

typedef struct fixture {
    char folder[64];
    char root[80];
    kj_tree *tree;
} fixture;

static const bool plain = true, modern = false;

static int make(void **state)
{
    bool by_components = *(const bool *)*state;
    fixture *f = calloc(1, sizeof *f);
    strcpy(f->folder, "/tmp/kujo-tree-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    (void)snprintf(f->root, sizeof f->root, "%s/root", f->folder);
    assert_int_equal(mkdir(f->root, 0700), 0);
    kj_error err;
    assert_int_equal(kj_tree_open_directory(f->root, &f->tree, &err), KJ_OK);
    if (by_components)
        kj_tree_by_components(f->tree);
    *state = f;
    return 0;
}

/* Its own remover: nftw() ends at PATH_MAX. */
static void remove_below(int parent, const char *name)
{
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (fd < 0) {
        (void)unlinkat(parent, name, 0);
        return;
    }
    kj_tree *tree;
    char self[64];
    (void)snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
    const kj_node *nodes;
    size_t count;
    if (kj_tree_open_directory(self, &tree, NULL) == KJ_OK) {
        if (kj_tree_list(tree, (kj_span){0}, &nodes, &count, NULL) == KJ_OK)
            for (size_t i = 0; i < count; i++) {
                char entry[512];
                (void)snprintf(entry, sizeof entry, "%.*s", (int)nodes[i].path.len,
                               (const char *)nodes[i].path.data);
                remove_below(fd, entry);
            }
        kj_tree_close(tree);
    }
    (void)close(fd);
    (void)unlinkat(parent, name, AT_REMOVEDIR);
}

static int unmake(void **state)
{
    fixture *f = *state;
    kj_tree_close(f->tree);
    remove_below(AT_FDCWD, f->folder);
    free(f);
    return 0;
}

static int root_of(const fixture *f)
{
    return kj_tree_root_fd(f->tree);
}

static void put_file(const fixture *f, const char *path, const char *content)
{
    int fd = openat(root_of(f), path, O_CREAT | O_WRONLY | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, strlen(content)), strlen(content));
    (void)close(fd);
}

static void put_dir(const fixture *f, const char *path)
{
    assert_int_equal(mkdirat(root_of(f), path, 0700), 0);
}

static void put_link(const fixture *f, const char *target, const char *path)
{
    assert_int_equal(symlinkat(target, root_of(f), path), 0);
}

static kj_status open_status(const fixture *f, const char *path)
{
    int fd = -1;
    kj_status status = kj_tree_open(f->tree, kj_span_str(path), 100, &fd, NULL, NULL);
    if (fd >= 0)
        (void)close(fd);
    return status;
}

static kj_status list_status(const fixture *f, const char *path)
{
    const kj_node *nodes;
    size_t count;
    return kj_tree_list(f->tree, kj_span_str(path), &nodes, &count, NULL);
}

/* ---- listing --------------------------------------------------------------------------------- */

static void lists_by_name(void **state)
{
    fixture *f = *state;
    put_file(f, "b", "12345");
    put_file(f, "B", "");
    put_dir(f, "a");
    put_link(f, "b", "l");
    assert_int_equal(mkfifoat(root_of(f), "p", 0600), 0);
    static const struct {
        const char *path;
        kj_node_kind kind;
    } wanted[] = {{"B", KJ_NODE_FILE},
                  {"a", KJ_NODE_DIR},
                  {"b", KJ_NODE_FILE},
                  {"l", KJ_NODE_LINK},
                  {"p", KJ_NODE_OTHER}};
    const kj_node *nodes;
    size_t count;
    assert_int_equal(kj_tree_list(f->tree, (kj_span){0}, &nodes, &count, NULL), KJ_OK);
    assert_int_equal(count, 5);
    for (size_t i = 0; i < count; i++) {
        assert_span(nodes[i].path, wanted[i].path);
        assert_int_equal(nodes[i].kind, wanted[i].kind);
    }
    assert_int_equal(nodes[2].size, 5);
    assert_int_equal(nodes[2].links, 1);
    assert_true(nodes[2].mtime_ns > 0);
}

static void keeps_listings(void **state)
{
    fixture *f = *state;
    put_dir(f, "d");
    put_file(f, "d/x", "");
    const kj_node *first, *second;
    size_t count;
    assert_int_equal(kj_tree_list(f->tree, kj_span_str("d"), &first, &count, NULL), KJ_OK);
    put_file(f, "d/y", "");
    assert_int_equal(kj_tree_list(f->tree, kj_span_str("d"), &second, &count, NULL), KJ_OK);
    assert_ptr_equal(first, second);
    assert_int_equal(count, 1);
    assert_span(first[0].path, "d/x");
}

static void keeps_many_listings(void **state)
{
    fixture *f = *state;
    for (int i = 0; i < 600; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "d%03d", i);
        put_dir(f, name);
        (void)snprintf(name, sizeof name, "d%03d/f%03d", i, i);
        put_file(f, name, "");
    }
    for (int i = 0; i < 1200; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "D%03d/F%03d", i % 600, i % 600);
        kj_node node;
        assert_true(kj_tree_find(f->tree, kj_span_str(name), &node, NULL));
    }
}

static void noted(void *user, kj_span path, const char *sentence)
{
    kj_buf *out = user;
    kj_buf_printf(out, "%.*s: %s\n", (int)path.len, (const char *)path.data, sentence);
}

static void tells_what_cannot_be_listed(void **state)
{
    fixture *f = *state;
    put_dir(f, "gone");
    put_file(f, "file", "");
    assert_int_equal(list_status(f, ""), KJ_OK);
    assert_int_equal(unlinkat(root_of(f), "gone", AT_REMOVEDIR), 0);
    assert_int_equal(list_status(f, "gone"), KJ_IO);
    assert_int_equal(list_status(f, "file"), KJ_IO);
    put_dir(f, "gone");
    assert_int_equal(list_status(f, "gone"), KJ_IO); /* once is enough */
    kj_buf out;
    kj_buf_init(&out, 4096);
    assert_int_equal(kj_tree_failures(f->tree, noted, &out, NULL), KJ_OK);
    assert_string_equal(kj_buf_text(&out), "file: cannot be listed: Not a directory\n"
                                           "gone: cannot be listed: No such file or directory\n");
    kj_buf_done(&out);
}

/* ---- finding --------------------------------------------------------------------------------- */

static void finds_in_any_case(void **state)
{
    fixture *f = *state;
    put_dir(f, "WinNT");
    put_file(f,
             "WinNT/Stra\xC3\x9F"
             "E \xC3\x84.txt",
             "");
    put_file(f, "WinNT/SYS32.EXE", "");
    kj_node node;
    bool twins = true;
    assert_true(kj_tree_find(f->tree, kj_span_str("WINNT\\sys32.exe"), &node, &twins));
    assert_span(node.path, "WinNT/SYS32.EXE");
    assert_false(twins);
    assert_true(kj_tree_find(f->tree,
                             kj_span_str("//winnt//STRA\xC3\x9F"
                                         "e \xC3\xA4.TXT"),
                             &node, NULL));
    assert_true(kj_tree_find(f->tree, kj_span_str(""), &node, NULL));
    assert_int_equal(node.kind, KJ_NODE_DIR);
    assert_false(kj_tree_find(f->tree, kj_span_str("winnt/sys32"), &node, NULL));
    assert_false(kj_tree_find(f->tree, kj_span_str("winnt/sys32.exe/x"), &node, NULL));
}

static void knows_twins(void **state)
{
    fixture *f = *state;
    put_file(f, "EVIL.EXE", "");
    put_file(f, "evil.exe", "");
    put_file(f, "Evil.exe", "");
    put_dir(f, "d");
    put_file(f, "d/\xFF", "");
    put_file(f, "d/\xFE", "");
    kj_node node;
    bool twins = false;
    assert_true(kj_tree_find(f->tree, kj_span_str("evil.exe"), &node, &twins));
    assert_span(node.path, "evil.exe"); /* exact */
    assert_true(twins);
    assert_true(kj_tree_find(f->tree, kj_span_str("eviL.exe"), &node, &twins));
    assert_span(node.path, "EVIL.EXE"); /* first */
    /* Names in no encoding differ by their bytes. */
    twins = true;
    assert_true(kj_tree_find(f->tree, kj_span_str("d/\xFF"), &node, &twins));
    assert_span(node.path, "d/\xFF");
    assert_false(twins);
}

static void never_goes_up(void **state)
{
    fixture *f = *state;
    put_dir(f, "a");
    put_dir(f, "b");
    kj_node node;
    assert_false(kj_tree_find(f->tree, kj_span_str("a/../b"), &node, NULL));
    assert_false(kj_tree_find(f->tree, kj_span_str(".."), &node, NULL));
    static const char *const paths[] = {"..", "a/..", "a/../b", "/a", "a/", "a//b", "./a", "."};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        assert_false(kj_tree_path_ok(kj_span_str(paths[i])));
        assert_int_equal(list_status(f, paths[i]), KJ_IO);
        assert_int_equal(open_status(f, paths[i]), KJ_IO);
    }
    assert_int_equal(list_status(f, "a"), KJ_OK);
    assert_false(kj_tree_path_ok(kj_span_of("a\0b", 3)));
}

/* ---- links and other traps ------------------------------------------------------------------- */

static void follows_no_link(void **state)
{
    fixture *f = *state;
    char outside[96];
    (void)snprintf(outside, sizeof outside, "%s/canary", f->folder);
    int fd = open(outside, O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    (void)close(fd);
    put_dir(f, "real");
    put_file(f, "real/file", "x");
    put_link(f, f->folder, "junction"); /* as ntfs-3g shows one */
    put_link(f, "..", "up");
    put_link(f, "real", "inside");
    put_link(f, ".", "loop");
    put_link(f, "real/file", "filelink");
    put_link(f, outside, "canarylink");
    static const char *const links[] = {"junction", "up", "inside", "loop"};
    kj_node node;
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++) {
        char path[64];
        assert_true(kj_tree_find(f->tree, kj_span_str(links[i]), &node, NULL));
        assert_int_equal(node.kind, KJ_NODE_LINK);
        assert_int_equal(list_status(f, links[i]), KJ_IO);
        static const char *const below[] = {"canary", "root", "file", "real"};
        for (size_t k = 0; k < sizeof below / sizeof below[0]; k++) {
            (void)snprintf(path, sizeof path, "%s/%s", links[i], below[k]);
            assert_false(kj_tree_find(f->tree, kj_span_str(path), &node, NULL));
            assert_int_equal(open_status(f, path), KJ_IO);
            assert_int_equal(list_status(f, path), KJ_IO);
        }
    }
    assert_int_equal(open_status(f, "filelink"), KJ_IO);
    assert_int_equal(open_status(f, "canarylink"), KJ_IO);
    assert_int_equal(open_status(f, "real/file"), KJ_OK);
}

static void opens_files_only(void **state)
{
    fixture *f = *state;
    put_dir(f, "d");
    put_file(f, "f", "12");
    assert_int_equal(mkfifoat(root_of(f), "p", 0600), 0);
    assert_int_equal(open_status(f, "p"), KJ_IO); /* and does not wait for a writer */
    assert_int_equal(open_status(f, "d"), KJ_IO);
    assert_int_equal(open_status(f, ""), KJ_IO);
    assert_int_equal(open_status(f, "F"), KJ_IO);
    int fd = -1;
    kj_node node;
    assert_int_equal(kj_tree_open(f->tree, kj_span_str("f"), 1, &fd, &node, NULL), KJ_OK);
    assert_int_equal(node.size, 2);
    assert_span(node.path, "f");
    assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    (void)close(fd);
}

/* What was listed need not be what is opened. */
static void sees_what_was_replaced(void **state)
{
    fixture *f = *state;
    put_dir(f, "d");
    put_file(f, "d/f", "x");
    put_file(f, "secret", "y");
    assert_int_equal(list_status(f, "d"), KJ_OK);
    assert_int_equal(unlinkat(root_of(f), "d/f", 0), 0);
    put_link(f, "../secret", "d/f");
    assert_int_equal(open_status(f, "d/f"), KJ_IO);
    assert_int_equal(unlinkat(root_of(f), "d/f", 0), 0);
    put_file(f, "d/f", "other");
    int fd = -1;
    kj_node node;
    assert_int_equal(kj_tree_open(f->tree, kj_span_str("d/f"), 100, &fd, &node, NULL), KJ_OK);
    assert_int_equal(node.size, 5);
    (void)close(fd);
}

static void stays_on_its_file_system(void **state)
{
    bool by_components = ((fixture *)*state)->tree->by_components;
    struct stat dev, shm;
    if (stat("/dev", &dev) || stat("/dev/shm", &shm) || dev.st_dev == shm.st_dev)
        skip();
    kj_tree *tree;
    assert_int_equal(kj_tree_open_directory("/dev", &tree, NULL), KJ_OK);
    if (by_components)
        kj_tree_by_components(tree);
    kj_node node;
    const kj_node *nodes;
    size_t count;
    assert_true(kj_tree_find(tree, kj_span_str("shm"), &node, NULL));
    assert_int_equal(node.kind, KJ_NODE_OTHER);
    assert_int_equal(kj_tree_list(tree, kj_span_str("shm"), &nodes, &count, NULL), KJ_IO);
    assert_true(kj_tree_find(tree, kj_span_str("null"), &node, NULL));
    assert_int_equal(node.kind, KJ_NODE_OTHER);
    int fd = -1;
    assert_int_equal(kj_tree_open(tree, kj_span_str("null"), 1, &fd, NULL, NULL), KJ_IO);
    kj_tree_close(tree);
}

/* ---- patterns, walks ------------------------------------------------------------------------- */

static void told(void *user, const kj_node *node)
{
    kj_buf *out = user;
    kj_buf_printf(out, "%.*s\n", (int)node->path.len, (const char *)node->path.data);
}

static void assert_glob(const fixture *f, const char *pattern, size_t max, kj_status status,
                        const char *wanted)
{
    kj_buf out;
    kj_buf_init(&out, 1 << 20);
    assert_int_equal(kj_tree_glob(f->tree, kj_span_str(pattern), max, told, &out, NULL), status);
    assert_string_equal(kj_buf_text(&out), wanted);
    kj_buf_done(&out);
}

static void matches_patterns(void **state)
{
    fixture *f = *state;
    put_dir(f, "Users");
    put_dir(f, "Users/bob");
    put_dir(f, "Users/Ann");
    put_dir(f, "Users/Ann/Temp");
    put_dir(f, "Users/bob/TEMP");
    put_file(f, "Users/bob/TEMP/a.EXE", "");
    put_file(f, "Users/bob/TEMP/b.exe", "");
    put_file(f, "Users/bob/TEMP/A.exe", "");
    put_file(f, "Users/Ann/Temp/b.exe.txt", "");
    put_file(f, "Users/Ann/Temp/c.exe", "");
    put_link(f, "bob", "Users/link");
    assert_glob(f, "users\\*\\temp\\*.exe", 10, KJ_OK,
                "Users/Ann/Temp/c.exe\nUsers/bob/TEMP/A.exe\nUsers/bob/TEMP/a.EXE\n"
                "Users/bob/TEMP/b.exe\n");
    assert_glob(f, "users/*", 10, KJ_OK, "Users/Ann\nUsers/bob\nUsers/link\n");
    assert_glob(f, "/USERS//BOB/", 10, KJ_OK, "Users/bob\n");
    assert_glob(f, "users/bob/temp/a.exe", 10, KJ_OK,
                "Users/bob/TEMP/A.exe\nUsers/bob/TEMP/a.EXE\n");
    assert_glob(f, "users/*", 2, KJ_LIMIT, "Users/Ann\nUsers/bob\n");
    assert_glob(f, "users/*/../*", 10, KJ_OK, "");
    assert_glob(f, "nothing/*", 10, KJ_OK, "");
    assert_glob(f, "users/link/temp/*", 10, KJ_OK, "");
}

static bool enter_all_but_skip(void *user, const kj_node *directory)
{
    (void)user;
    return !kj_span_is(directory->path, "skip");
}

static void not_listed(void *user, kj_span path, const kj_error *err)
{
    kj_buf *out = user;
    kj_buf_printf(out, "%.*s: %s\n", (int)kj_min_size(path.len, 10), (const char *)path.data,
                  err->message);
}

static void walks_in_order(void **state)
{
    fixture *f = *state;
    put_dir(f, "a");
    put_dir(f, "a/b");
    put_file(f, "a/b/c", "");
    put_file(f, "a/d", "");
    put_dir(f, "skip");
    put_file(f, "skip/x", "");
    put_link(f, "..", "a/up");
    kj_buf out;
    kj_buf_init(&out, 4096);
    kj_tree_walk walk = {&out, enter_all_but_skip, told, not_listed};
    assert_int_equal(kj_tree_walk_below(f->tree, (kj_span){0}, &walk, NULL), KJ_OK);
    assert_string_equal(kj_buf_text(&out), "a\na/b\na/b/c\na/d\na/up\nskip\n");
    kj_buf_done(&out);
}

/* A path many times longer than PATH_MAX. */
static void make_deep(const fixture *f)
{
    char name[DEEP_NAME + 1];
    memset(name, 'd', DEEP_NAME);
    name[DEEP_NAME] = '\0';
    int fd = dup(root_of(f));
    for (int i = 0; i < DEEP; i++) {
        assert_int_equal(mkdirat(fd, name, 0700), 0);
        int below = openat(fd, name, O_RDONLY | O_DIRECTORY);
        assert_true(below >= 0);
        (void)close(fd);
        fd = below;
        if (i == 149) {
            int file = openat(fd, "file", O_CREAT | O_WRONLY, 0600);
            assert_true(file >= 0);
            (void)close(file);
        }
    }
    (void)close(fd);
}

static void counted(void *user, const kj_node *node)
{
    (void)node;
    ++*(unsigned *)user;
}

static kj_error last_failure;

static void remembered(void *user, kj_span path, const kj_error *err)
{
    (void)user;
    (void)path;
    last_failure = *err;
}

static void ends_in_deep_trees(void **state)
{
    fixture *f = *state;
    make_deep(f);
    unsigned count = 0;
    kj_tree_walk walk = {&count, NULL, counted, remembered};
    last_failure.status = KJ_OK;
    assert_int_equal(kj_tree_walk_below(f->tree, (kj_span){0}, &walk, NULL), KJ_OK);
    assert_int_equal(count, KJ_TREE_DEPTH_MAX + 2); /* with the file, and the one not entered */
    assert_int_equal(last_failure.status, KJ_LIMIT);
    kj_buf path;
    kj_buf_init(&path, KJ_TREE_PATH_MAX);
    for (int i = 0; i < 150; i++) {
        for (int k = 0; k < DEEP_NAME; k++)
            kj_buf_put_byte(&path, 'd');
        kj_buf_put_byte(&path, '/');
    }
    kj_buf_put_text(&path, "file");
    assert_int_equal(open_status(f, kj_buf_text(&path)), KJ_OK);
    kj_buf_done(&path);
}

static void opens_directories_only(void **state)
{
    fixture *f = *state;
    char path[128];
    kj_tree *tree = NULL;
    put_file(f, "f", "");
    (void)snprintf(path, sizeof path, "%s/f", f->root);
    assert_int_equal(kj_tree_open_directory(path, &tree, NULL), KJ_IO);
    (void)snprintf(path, sizeof path, "%s/none", f->root);
    assert_int_equal(kj_tree_open_directory(path, &tree, NULL), KJ_IO);
    assert_null(tree);
    assert_string_equal(kj_tree_name(f->tree), f->root);
    assert_false(kj_tree_is_image(f->tree));
    assert_non_null(strstr(kj_tree_describe(f->tree), "directory"));
}

#define CASE(function, how)                                                                        \
    {                                                                                              \
#function " (" #how ")", function, make, unmake, (void *)(uintptr_t)&how                   \
    }
#define BOTH(function) CASE(function, modern), CASE(function, plain)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(lists_by_name),
        BOTH(keeps_listings),
        BOTH(keeps_many_listings),
        BOTH(tells_what_cannot_be_listed),
        BOTH(finds_in_any_case),
        BOTH(knows_twins),
        BOTH(never_goes_up),
        BOTH(follows_no_link),
        BOTH(opens_files_only),
        BOTH(sees_what_was_replaced),
        BOTH(stays_on_its_file_system),
        BOTH(matches_patterns),
        BOTH(walks_in_order),
        BOTH(ends_in_deep_trees),
        BOTH(opens_directories_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
