/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a fuzz target over a corpus: every file whole and then prefixes of it, each in a heap block
 * of its exact size, so that AddressSanitizer sees a read of the byte behind it. Linked in place of
 * libFuzzer; a file is a test.
 *
 *     replay FOLDER
 *
 * Prefixes are taken at such a distance that their bytes stay within a budget; with KUJO_LONG set,
 * all of them. */
#include "base/arith.h"
#include "base/cleanup.h"
#include "base/file.h"

#include <dirent.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    FILE_MAX = 1 << 20,
    BYTES_MAX = 256 << 10, /* of a file's prefixes, summed */
    RUNS_MAX = 400,        /* prefixes of a file */
};

static void run_exact(kj_span bytes)
{
    uint8_t *exact = malloc(bytes.len);
    if (!exact)
        abort();
    if (bytes.len)
        memcpy(exact, bytes.data, bytes.len);
    (void)LLVMFuzzerTestOneInput(exact, bytes.len);
    free(exact);
}

/* The distance between two prefixes of a file of `len` bytes. */
static size_t step_of(size_t len)
{
    if (getenv("KUJO_LONG"))
        return 1;
    size_t runs = kj_min_size(RUNS_MAX, 2 * BYTES_MAX / (len + 1) + 1);
    return len / runs + 1;
}

static void run_file(kj_span bytes)
{
    run_exact(bytes);
    for (size_t len = 0; len < bytes.len; len += step_of(bytes.len))
        run_exact(kj_span_sub(bytes, 0, len));
}

static bool replay(const char *folder, const char *name, size_t number)
{
    char path[4096];
    kj_error err = {0};
    KJ_CLEANUP(kj_buf_done) kj_buf bytes;
    kj_buf_init(&bytes, FILE_MAX);
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    bool ok = kj_file_read(path, &bytes, &err) == KJ_OK;
    /* Said first: a target that finds something does not come back. */
    (void)fprintf(stderr, "%s: %s\n", name, ok ? "running" : err.message);
    if (ok)
        run_file(kj_buf_span(&bytes));
    (void)printf("%s %zu - %s\n", ok ? "ok" : "not ok", number, name);
    (void)fflush(stdout);
    return ok;
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

int main(int argc, char **argv)
{
    struct dirent **entries = NULL;
    int count = argc == 2 ? scandir(argv[1], &entries, is_visible, alphasort) : -1;
    if (count <= 0) {
        (void)fprintf(stderr, "usage: replay FOLDER, which holds files\n");
        return 2;
    }
    (void)printf("1..%d\n", count);
    bool ok = true;
    for (int i = 0; i < count; i++) {
        ok = replay(argv[1], entries[i]->d_name, (size_t)i + 1) && ok;
        free(entries[i]);
    }
    free(entries);
    return ok ? 0 : 1;
}
