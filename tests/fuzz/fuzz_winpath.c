/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as a Windows path, with variables or without, on a small volume that is made up here.
 * What is found is on the volume; what is shown has no control characters; a place stays what it is
 * when it is normalized again. */
#include "base/arith.h"
#include "base/fold.h"
#include "host/system.h"
#include "host/tree_private.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct {
    const char *path;
    kj_node_kind kind;
} files[] = {
    {"Documents and Settings", KJ_NODE_LINK},
    {"Program Files", KJ_NODE_DIR},
    {"Program Files/Some Vendor", KJ_NODE_DIR},
    {"Program Files/Some Vendor/Long Name One.exe", KJ_NODE_FILE},
    {"Program Files/Some Vendor/x.y.txt", KJ_NODE_FILE},
    {"Users", KJ_NODE_DIR},
    {"Users/Ann", KJ_NODE_DIR},
    {"Users/Ann/AppData", KJ_NODE_DIR},
    {"Users/Ann/AppData/Roaming", KJ_NODE_DIR},
    {"Users/Ann/Application Data", KJ_NODE_LINK},
    {"Windows", KJ_NODE_DIR},
    {"Windows/SysWOW64", KJ_NODE_DIR},
    {"Windows/SysWOW64/a.dll", KJ_NODE_FILE},
    {"Windows/System32", KJ_NODE_DIR},
    {"Windows/System32/a.dll", KJ_NODE_FILE},
    {"Windows/System32/\xC3\x84.sys", KJ_NODE_FILE},
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
    (void)tree;
    for (size_t i = 0; i < KJ_COUNT(files); i++) {
        kj_node node = {.kind = files[i].kind, .id = i + 1};
        kj_span name = name_below(kj_span_str(files[i].path), path);
        if (name.len)
            KJ_TRY(kj_listing_add(draft, name, &node, err));
    }
    return KJ_OK;
}

static void close_nothing(kj_tree *tree)
{
    (void)tree;
}

static const kj_tree_ops ops = {.list = list, .close = close_nothing};

static void check_node(const kj_node *node)
{
    if (node->path.len == 0)
        return;
    if (node->id == 0 || node->id > KJ_COUNT(files) ||
        !kj_span_is(node->path, files[node->id - 1].path))
        abort();
}

static void check_shown(const char *text)
{
    for (; text && *text; text++)
        if ((uint8_t)*text < 0x20 || *text == 0x7F)
            abort();
}

static void try_text(const kj_system *s, kj_span text, const kj_path_context *context)
{
    kj_node node;
    bool elsewhere;
    if (kj_system_find(s, text, context, &node, &elsewhere)) {
        if (elsewhere)
            abort();
        check_node(&node);
    }
    if (!kj_tree_path_ok(text))
        return;
    char *place = kj_system_place(s, text);
    kj_span normal = kj_span_str(place);
    if (place && *place && !kj_span_is(kj_span_str(kj_winpath_normalize(s->arena, normal)), place))
        abort();
    check_shown(kj_system_show(s, text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    kj_arena arena;
    kj_tree *tree = kj_tree_new(&ops, "");
    if (!tree)
        return 0;
    kj_arena_init(&arena, (size_t)64 << 20);
    static const char user[] = "Users/Ann";
    kj_profile profile = {kj_span_str("Ann"), kj_span_str(user), {0}, KJ_REG_NONE, KJ_REG_NONE};
    kj_system s = {
        .tree = tree,
        .arena = &arena,
        .windir = kj_span_str("Windows"),
        .kind = KJ_WINDOWS_NT,
        .product = "",
        .version = "10.0",
        .build = "",
        .is_64bit = true,
        .drive = 'C',
        .profiles = &profile,
        .profile_count = 1,
    };
    kj_span text = kj_span_of(data, size);
    const kj_path_context contexts[] = {
        {.profile = KJ_REG_NONE},
        {.profile = 0, .view32 = true, .directory = kj_span_str("Windows/System32")},
    };
    for (size_t i = 0; i < KJ_COUNT(contexts); i++) {
        try_text(&s, text, &contexts[i]);
        char *expanded = kj_system_expand(&s, text, &contexts[i]);
        if (expanded)
            try_text(&s, kj_span_str(expanded), &contexts[i]);
    }
    kj_arena_done(&arena);
    kj_tree_close(tree);
    return 0;
}
