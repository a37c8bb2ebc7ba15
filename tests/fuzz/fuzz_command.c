/* SPDX-License-Identifier: Apache-2.0 */
/* Any command line, and behind a NUL what every shortcut of the volume, made up here, holds. What
 * is found is on the volume, what is shown has no control characters. */
#include "base/arith.h"
#include "base/file.h"
#include "base/text.h"
#include "host/autostarts.h"
#include "host/tree_private.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct {
    const char *path;
    kj_node_kind kind;
} files[] = {
    {"a.exe", KJ_NODE_FILE},
    {"a.lnk", KJ_NODE_FILE},
    {"a.pif", KJ_NODE_FILE},
    {"a.url", KJ_NODE_FILE},
    {"b", KJ_NODE_DIR},
    {"b/c d.exe", KJ_NODE_FILE},
    {"b/link.exe", KJ_NODE_LINK},
    {"Windows", KJ_NODE_DIR},
    {"Windows/System32", KJ_NODE_DIR},
    {"Windows/System32/a.dll", KJ_NODE_FILE},
    {"Windows/System32/cmd.exe", KJ_NODE_FILE},
};

/* What of a path stands behind its directory; empty when it is elsewhere. */
static kj_span name_below(kj_span path, kj_span directory)
{
    size_t prefix = directory.len ? directory.len + 1 : 0;
    kj_span name = kj_span_sub(path, prefix, SIZE_MAX);
    bool inside = kj_span_starts(path, directory) && name.len &&
                  (!prefix || path.data[directory.len] == '/') && !memchr(name.data, '/', name.len);
    return inside ? name : (kj_span){0};
}

static kj_status list(kj_tree *tree, kj_span path, kj_listing_draft *draft, kj_error *err)
{
    const kj_span *content = tree->image;
    for (size_t i = 0; i < KJ_COUNT(files); i++) {
        kj_node node = {.kind = files[i].kind, .id = i + 1, .size = content->len};
        kj_span name = name_below(kj_span_str(files[i].path), path);
        if (name.len)
            KJ_TRY(kj_listing_add(draft, name, &node, err));
    }
    return KJ_OK;
}

static kj_status open_file(kj_tree *tree, kj_span path, uint64_t max_bytes, bool head, int *out_fd,
                           kj_node *out_node, kj_error *err)
{
    const kj_span *content = tree->image;
    (void)head;
    int fd = memfd_create("file", MFD_CLOEXEC);
    if (fd < 0)
        return kj_fail_errno(err, "no file");
    kj_status status = kj_file_write_all(fd, kj_span_sub(*content, 0, max_bytes), err);
    if (status != KJ_OK || lseek(fd, 0, SEEK_SET) != 0) {
        (void)close(fd);
        return status == KJ_OK ? kj_fail_errno(err, "no file") : status;
    }
    if (out_node)
        *out_node = (kj_node){.path = path, .size = content->len};
    *out_fd = fd;
    return KJ_OK;
}

static void close_nothing(kj_tree *tree)
{
    (void)tree;
}

static const kj_tree_ops ops = {.list = list, .open = open_file, .close = close_nothing};

static void expect(bool holds)
{
    if (!holds)
        abort();
}

static void check(const kj_command_target *target)
{
    const kj_span texts[] = {target->path, target->arguments, target->script};
    for (size_t i = 0; i < KJ_COUNT(texts); i++)
        expect(kj_is_escaped(texts[i]));
    size_t id = (size_t)target->file.id;
    if (target->file.path.len == 0)
        return;
    expect(id >= 1 && id <= KJ_COUNT(files) && files[id - 1].kind != KJ_NODE_DIR);
    expect(kj_span_is(target->file.path, files[id - 1].path));
    expect(
        !(target->flags & (KJ_AUTOSTART_MISSING | KJ_AUTOSTART_ELSEWHERE | KJ_AUTOSTART_INLINE)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    kj_arena arena;
    kj_span input = kj_span_of(data, size);
    size_t end = kj_span_find(input, kj_span_of("", 1), 0);
    kj_span command = kj_span_sub(input, 0, end), content = {0};
    if (end != SIZE_MAX)
        content = kj_span_sub(input, end + 1, SIZE_MAX);
    kj_tree *tree = kj_tree_new(&ops, "");
    if (!tree)
        return 0;
    tree->image = &content;
    kj_arena_init(&arena, (size_t)64 << 20);
    kj_system s = {.tree = tree, .arena = &arena, .windir = kj_span_str("Windows")};
    s.kind = KJ_WINDOWS_NT;
    s.product = s.build = "";
    s.version = "5.0";
    s.drive = 'C';
    const kj_path_context contexts[] = {
        {.profile = KJ_REG_NONE},
        {.profile = KJ_REG_NONE, .view32 = true, .directory = kj_span_str("b")},
    };
    for (size_t i = 0; i < KJ_COUNT(contexts); i++) {
        kj_command_target target;
        kj_command_resolve(&s, command, &contexts[i], &target);
        check(&target);
    }
    tree->image = NULL;
    kj_arena_done(&arena);
    kj_tree_close(tree);
    return 0;
}
