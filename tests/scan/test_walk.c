/* SPDX-License-Identifier: Apache-2.0 */
#include "scan/walk.h"

#include "base/arith.h"
#include "base/buf.h"
#include "tests/test.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static char root[] = "/tmp/kujo-walk-XXXXXX";

static const char *below(const char *name)
{
    static char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", root, name);
    return path;
}

static void make_file(const char *name)
{
    int fd = open(below(name), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "x", 1), 1);
    (void)close(fd);
}

static void make_dir(const char *name)
{
    assert_int_equal(mkdir(below(name), 0700), 0);
}

/* Walks below `root` and gives a line an item: letter, path below the root, Windows path. */
static char *listing(const char *name, const kj_walk_options *options)
{
    kj_buf out;
    kj_buf_init(&out, 1 << 20);
    kj_walk *walk = kj_walk_new(options);
    assert_non_null(walk);
    char start[512];
    (void)snprintf(start, sizeof start, "%s", below(name));
    kj_walk_start(walk, start);
    kj_walk_item item;
    for (kj_walk_next(walk, &item); item.kind != KJ_WALK_DONE; kj_walk_next(walk, &item)) {
        kj_buf_put_byte(&out, (uint8_t) ".FSEV"[item.kind]);
        kj_buf_put_byte(&out, ' ');
        kj_buf_put(&out, kj_span_sub(item.path, strlen(root) + 1, item.path.len));
        if (item.host_path.len) {
            kj_buf_put_text(&out, " = ");
            kj_buf_put(&out, item.host_path);
        }
        kj_buf_put_byte(&out, '\n');
        assert_int_equal(item.kind == KJ_WALK_FILE && !options->count_only, item.fd >= 0);
        if (item.fd >= 0) {
            assert_int_equal(fcntl(item.fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
            (void)close(item.fd);
        }
    }
    kj_walk_free(walk);
    char *text = strdup(kj_buf_text(&out));
    kj_buf_done(&out);
    return text;
}

static void expect(const char *name, const kj_walk_options *options, const char *expected)
{
    char *text = listing(name, options);
    assert_string_equal(text, expected);
    free(text);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static int set_up(void **state)
{
    (void)state;
    return mkdtemp(root) == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    return nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void entries_come_in_the_order_of_bytes(void **state)
{
    (void)state;
    make_dir("order");
    make_dir("order/b");
    make_file("order/b/2");
    make_file("order/a");
    make_file("order/B");
    make_file("order/c\nd");
    make_file("order/b/1");
    static const kj_walk_options plain = {0};
    expect("order", &plain, "F order/B\nF order/a\nF order/b/1\nF order/b/2\nF order/c\nd\n");
    static const kj_walk_options counting = {.count_only = true};
    expect("order", &counting, "F order/B\nF order/a\nF order/b/1\nF order/b/2\nF order/c\nd\n");
    static const char *const globs[] = {"b", "*/c*"};
    const kj_walk_options less = {.excludes = globs, .exclude_count = 2};
    expect("order", &less, "F order/B\nF order/a\n");
    expect("order/a", &plain, "F order/a\n");
}

static void special_files_are_one_line_each(void **state)
{
    (void)state;
    make_dir("special");
    assert_int_equal(mkfifo(below("special/fifo"), 0600), 0);
    assert_int_equal(symlink(".", below("special/loop")), 0);
    assert_int_equal(symlink("self", below("special/self")), 0);
    int s = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%.90s", below("special/socket"));
    assert_int_equal(bind(s, (struct sockaddr *)&address, sizeof address), 0);
    (void)close(s);
    static const kj_walk_options plain = {0};
    expect("special", &plain, "S special/fifo\nS special/socket\n");
    expect("special/fifo", &plain, "E special/fifo\n");
    expect("special/self", &plain, "E special/self\n");
    expect("special/none", &plain, "E special/none\n");
    expect("special/loop", &plain, "S special/loop/fifo\nS special/loop/socket\n");
}

static void kernel_file_systems_are_skipped(void **state)
{
    (void)state;
    static const kj_walk_options plain = {0};
    kj_walk *walk = kj_walk_new(&plain);
    kj_walk_item item;
    kj_walk_start(walk, "/proc");
    kj_walk_next(walk, &item);
    assert_int_equal(item.kind, KJ_WALK_SKIPPED);
    assert_non_null(strstr(item.error.message, "proc"));
    kj_walk_next(walk, &item);
    assert_int_equal(item.kind, KJ_WALK_DONE);
    kj_walk_start(walk, "/proc/version");
    kj_walk_next(walk, &item);
    assert_int_equal(item.kind, KJ_WALK_SKIPPED);
    kj_walk_free(walk);
}

static void windows_volumes_are_recognized(void **state)
{
    (void)state;
    make_dir("vol");
    make_dir("vol/WINNT");
    make_dir("vol/WINNT/System32");
    make_dir("vol/docs");
    make_file("vol/WINNT/SYS32.EXE");
    make_file("vol/WINNT/System32/A.DLL");
    make_file("vol/MMINFO.TXT");
    make_file("vol/docs/x");
    static const kj_walk_options plain = {0};
    static const char all[] = "F vol/MMINFO.TXT = c:\\mminfo.txt\n"
                              "F vol/WINNT/SYS32.EXE = %windir%\\sys32.exe\n"
                              "F vol/WINNT/System32/A.DLL = %windir%\\system32\\a.dll\n"
                              "F vol/docs/x = c:\\docs\\x\n"
                              "V vol/\n";
    expect("vol", &plain, all);
    expect("vol/WINNT", &plain,
           "F vol/WINNT/SYS32.EXE = %windir%\\sys32.exe\n"
           "F vol/WINNT/System32/A.DLL = %windir%\\system32\\a.dll\n"
           "V vol/WINNT/\n");
    expect("vol/WINNT/System32/A.DLL", &plain,
           "F vol/WINNT/System32/A.DLL = %windir%\\system32\\a.dll\n");
    expect("vol/MMINFO.TXT", &plain, "F vol/MMINFO.TXT = c:\\mminfo.txt\n");
    expect("vol/docs", &plain, "F vol/docs/x = c:\\docs\\x\nV vol/docs/\n");
}

static void deep_trees_end(void **state)
{
    (void)state;
    char start[PATH_MAX];
    assert_non_null(getcwd(start, sizeof start));
    make_dir("deep");
    assert_int_equal(chdir(below("deep")), 0);
    for (int i = 0; i < KJ_WALK_DEPTH_MAX + 5; i++)
        assert_true(mkdir("d", 0700) == 0 && chdir("d") == 0);
    assert_int_equal(chdir(start), 0);
    static const kj_walk_options plain = {0};
    char *text = listing("deep", &plain);
    assert_int_equal(text[0], 'E');
    assert_null(strchr(strchr(text, '\n') + 1, '\n'));
    free(text);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_come_in_the_order_of_bytes),
        cmocka_unit_test(special_files_are_one_line_each),
        cmocka_unit_test(kernel_file_systems_are_skipped),
        cmocka_unit_test(windows_volumes_are_recognized),
        cmocka_unit_test(deep_trees_end),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
