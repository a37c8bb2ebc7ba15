/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as what the program that reads disk images answers, and as what it is asked. What is
 * accepted keeps the promises of host/image_wire.h and of host/tree.h. */
#include "host/image_wire.h"
#include "host/tree_private.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static kj_status list_nothing(kj_tree *tree, kj_span path, kj_listing_draft *draft, kj_error *err)
{
    (void)tree, (void)path, (void)draft, (void)err;
    return KJ_OK;
}

static void close_nothing(kj_tree *tree)
{
    (void)tree;
}

static const kj_tree_ops ops = {.list = list_nothing, .close = close_nothing};

static void check_sentence(const kj_error *err)
{
    for (const char *c = err->message; *c; c++)
        if ((uint8_t)*c < 0x20 || *c == 0x7F)
            abort();
}

static void read_list(kj_reader body)
{
    kj_tree *tree = kj_tree_new(&ops, "");
    if (!tree)
        return;
    kj_listing_draft draft = {.tree = tree, .path = kj_span_str("a/b")};
    (void)!kj_image_add_entries(&draft, 1, &body, NULL);
    for (size_t i = 0; i < draft.nodes.count; i++) {
        const kj_node *node = &draft.nodes.items[i];
        if (!kj_tree_path_ok(node->path) || !kj_span_starts(node->path, kj_span_str("a/b/")) ||
            memchr(node->path.data + 4, '/', node->path.len - 4) || node->kind > KJ_NODE_OTHER)
            abort();
    }
    kj_vec_done(&draft.nodes);
    kj_tree_close(tree);
}

static void read_hello(kj_reader body)
{
    static kj_image_hello hello;
    if (!kj_image_read_hello(&body, &hello))
        return;
    kj_buf again;
    static kj_image_hello copy;
    kj_buf_init(&again, 1 << 20);
    kj_image_put_hello(&hello, &again);
    kj_reader r = kj_reader_of(kj_buf_span(&again));
    if (!again.failed && (!kj_image_read_hello(&r, &copy) || copy.count != hello.count))
        abort();
    kj_buf_done(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    kj_image_reply reply;
    kj_image_request request;
    kj_error err = {0};
    kj_span packet = kj_span_of(data, size);
    for (unsigned kind = KJ_IMAGE_HELLO; kind <= KJ_IMAGE_OPEN; kind++) {
        if (kj_image_read_reply(packet, (kj_image_kind)kind, &reply, &err) != KJ_OK)
            check_sentence(&err);
        else if (kind == KJ_IMAGE_HELLO)
            read_hello(reply.body);
        else
            read_list(reply.body);
    }
    if (kj_image_read_request(packet, &request) && request.kind != KJ_IMAGE_LIST &&
        request.kind != KJ_IMAGE_OPEN)
        abort();
    return 0;
}
