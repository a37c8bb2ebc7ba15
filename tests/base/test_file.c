/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include "base/cleanup.h"
#include "tests/test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

static char folder[64];

static int set_up(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/kujo-test-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    char path[128];
    (void)snprintf(path, sizeof path, "%s/file", folder);
    (void)unlink(path);
    return rmdir(folder); /* also proves that nothing else was left behind */
}

static void replaces_and_reads_back(void **state)
{
    (void)state;
    char path[128];
    kj_error err;
    (void)snprintf(path, sizeof path, "%s/file", folder);
    assert_int_equal(kj_file_replace(path, kj_span_str("first"), 0644, &err), KJ_OK);
    assert_int_equal(kj_file_replace(path, kj_span_str("second, longer"), 0644, &err), KJ_OK);
    kj_buf text;
    kj_buf_init(&text, 100);
    assert_int_equal(kj_file_read(path, &text, &err), KJ_OK);
    assert_span(kj_buf_span(&text), "second, longer");
    kj_buf_done(&text);
}

static void reads_at_a_place(void **state)
{
    (void)state;
    char path[128], bytes[8] = "";
    kj_error err;
    size_t got = 99;
    (void)snprintf(path, sizeof path, "%s/file", folder);
    assert_int_equal(kj_file_replace(path, kj_span_str("0123456789"), 0644, &err), KJ_OK);
    KJ_CLEANUP(kj_close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(kj_file_read_at(fd, 2, bytes, 4, &got, &err), KJ_OK);
    assert_int_equal(got, 4);
    assert_memory_equal(bytes, "2345", 4);
    assert_int_equal(kj_file_read_at(fd, 7, bytes, 8, &got, &err), KJ_OK);
    assert_int_equal(got, 3);
    assert_memory_equal(bytes, "789", 3);
    assert_int_equal(kj_file_read_at(fd, 10, bytes, 1, &got, &err), KJ_OK);
    assert_int_equal(got, 0);
    assert_int_equal(kj_file_read_at(-1, 0, bytes, 1, &got, &err), KJ_IO);
    assert_int_equal(errno, EBADF);
}

static void refuses_what_is_too_large_or_missing(void **state)
{
    (void)state;
    char path[128];
    kj_error err;
    (void)snprintf(path, sizeof path, "%s/file", folder);
    assert_int_equal(kj_file_replace(path, kj_span_str("12345"), 0644, &err), KJ_OK);
    kj_buf text;
    kj_buf_init(&text, 4);
    assert_int_equal(kj_file_read(path, &text, &err), KJ_LIMIT);
    assert_string_equal(err.message, "larger than 4 bytes");
    kj_buf_done(&text);
    kj_buf_init(&text, 5);
    assert_int_equal(kj_file_read(path, &text, &err), KJ_OK);
    kj_buf_done(&text);
    kj_buf_init(&text, 5);
    assert_int_equal(kj_file_read("/nowhere/at/all", &text, &err), KJ_IO);
    kj_buf_done(&text);
    assert_int_equal(kj_file_replace("/nowhere/at/all", kj_span_str("x"), 0644, &err), KJ_IO);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(replaces_and_reads_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reads_at_a_place, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_what_is_too_large_or_missing, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
