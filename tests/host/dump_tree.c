/* SPDX-License-Identifier: Apache-2.0 */
/* dump_tree DIRECTORY, or dump_tree HELPER IMAGE PARTITION: prints what a tree shows, for the tests
 * to compare: of every node its kind, its path, and of a file the size and the SHA-256 of what was
 * read. */
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/hash.h"
#include "base/text.h"
#include "host/tree.h"

#include <stdio.h>
#include <stdlib.h>

enum { FILE_MAX = 64 << 20 };

static void print_file(kj_tree *tree, const kj_node *node)
{
    KJ_CLEANUP(kj_close_fd) int fd = -1;
    kj_error err;
    uint8_t digest[KJ_HASH_MAX];
    uint64_t size;
    kj_status status = kj_tree_open(tree, node->path, FILE_MAX, &fd, NULL, &err);
    if (status == KJ_OK)
        status = kj_sha256_fd(fd, digest, &size, &err);
    if (status != KJ_OK) {
        printf(" %s: %s", kj_status_name(status), err.message);
        return;
    }
    printf(" %llu ", (unsigned long long)size);
    for (size_t i = 0; i < kj_hash_len(KJ_HASH_SHA256); i++)
        printf("%02x", digest[i]);
}

static void print_path(kj_span path)
{
    kj_buf text;
    kj_buf_init(&text, 1 << 20);
    kj_escape(path, NULL, &text);
    printf("%s", kj_buf_text(&text));
    kj_buf_done(&text);
}

static void print_node(void *user, const kj_node *node)
{
    static const char *const kinds[] = {"file", "dir", "link", "other"};
    printf("%s ", kinds[node->kind]);
    print_path(node->path);
    if (node->kind == KJ_NODE_FILE)
        print_file(user, node);
    printf("\n");
}

static void print_failure(void *user, kj_span path, const kj_error *err)
{
    (void)user;
    printf("failed ");
    print_path(path);
    printf(" %s\n", err->message);
}

int main(int argc, char **argv)
{
    kj_tree *tree = NULL;
    kj_error err;
    kj_status status = KJ_INTERNAL;
    if (argc == 2)
        status = kj_tree_open_directory(argv[1], &tree, &err);
    else if (argc == 4)
        status =
            kj_tree_open_image(argv[1], argv[2], (uint32_t)strtoul(argv[3], NULL, 10), &tree, &err);
    if (status != KJ_OK) {
        printf("%s: %s\n", kj_status_name(status), argc == 2 || argc == 4 ? err.message : "usage");
        return EXIT_FAILURE;
    }
    printf("%s\n", kj_tree_is_image(tree) ? kj_tree_describe(tree) : "directory");
    kj_tree_walk walk = {tree, NULL, print_node, print_failure};
    status = kj_tree_walk_below(tree, (kj_span){0}, &walk, &err);
    kj_tree_close(tree);
    return status == KJ_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
