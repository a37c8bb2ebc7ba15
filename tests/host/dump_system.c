/* SPDX-License-Identifier: Apache-2.0 */
/* dump_system TREE [WORD=ARGUMENT...]: prints the Windows systems of a directory, or (KUJO_IMAGE is
 * the program that reads it) of a disk image, and what the words ask of one of them, for the tests
 * to compare:
 *
 *     system=N     the words that follow are about this one (first: 0)
 *     profile=N    ... and about this user; -1: nobody
 *     directory=D  ... and relative paths begin here
 *     expand=TEXT  variables       place=PATH  a real path as artifacts know it
 *     find=PATH    a Windows path  show=PATH   ... and as people do
 *     find32=PATH  ... as a 32-bit program sees it; expand32 likewise
 *     value=HIVE:KEY:NAME          a registry value as text: what is in the N-th hive */
#include "base/buf.h"
#include "base/text.h"
#include "host/system_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static const char *shown(kj_span text)
{
    static char lines[8][4096];
    static unsigned next;
    char *line = lines[next++ % 8];
    kj_buf escaped;
    kj_buf_init(&escaped, sizeof lines[0]);
    kj_escape(text, NULL, &escaped);
    (void)snprintf(line, sizeof lines[0], "%s", kj_buf_text(&escaped));
    kj_buf_done(&escaped);
    return line;
}

static int index_of(uint32_t index)
{
    return index == KJ_REG_NONE ? -1 : (int)index;
}

static void print_system(const kj_system *s)
{
    static const char *const states[] = {"clean", "replayed", "stale"};
    printf("system windir=%s root=%s %s product=%s version=%s build=%s drive=%c%s%s set=%s\n",
           shown(s->windir), shown(s->root), s->kind == KJ_WINDOWS_NT ? "nt" : "9x", s->product,
           s->version, s->build, s->drive, s->is_64bit ? " 64-bit" : "",
           s->hibernated ? " hibernated" : "", shown(s->control_set));
    for (size_t i = 0; i < s->profile_count; i++) {
        const kj_profile *p = &s->profiles[i];
        printf("profile name=%s path=%s sid=%s hive=%d classes=%d\n", shown(p->name),
               shown(p->path), shown(p->sid), index_of(p->hive), index_of(p->classes));
    }
    for (size_t i = 0; i < s->hive_count; i++) {
        const kj_hive *h = &s->hives[i];
        printf("hive %s%s%s path=%s mount=%s profile=%d %s%s%s\n", kj_hive_role_name(h->role),
               h->role == KJ_HIVE_COPY ? " of " : "",
               h->role == KJ_HIVE_COPY ? kj_hive_role_name(h->copy_of) : "", shown(h->path),
               shown(h->mount), index_of(h->profile),
               h->usable ? states[h->replay.state] : "unusable", h->trouble ? ": " : "",
               h->trouble ? h->trouble : "");
    }
}

static void print_node(bool found, const kj_node *node, bool elsewhere)
{
    static const char *const kinds[] = {"file", "dir", "link", "other"};
    if (found)
        printf("%s %s\n", kinds[node->kind], shown(node->path));
    else
        printf("%s\n", elsewhere ? "elsewhere" : "not there");
}

static void print_value(const kj_system *s, kj_span argument)
{
    size_t first = kj_span_find(argument, kj_span_str(":"), 0);
    size_t second = kj_span_find(argument, kj_span_str(":"), first + 1);
    uint64_t hive = UINT64_MAX;
    (void)kj_text_to_u64(kj_span_sub(argument, 0, first), &hive);
    if (hive >= s->hive_count || !s->hives[hive].usable) {
        printf("no such hive\n");
        return;
    }
    const kj_registry *reg = &s->hives[hive].registry;
    char *key = kj_arena_text(s->arena, kj_span_sub(argument, first + 1, second - first - 1));
    char *name = kj_arena_text(s->arena, kj_span_sub(argument, second + 1, SIZE_MAX));
    const char *text = kj_reg_text_at(reg, reg->root, key, name, s->arena);
    printf("%s\n", text ? text : "no such value");
}

typedef struct asker {
    const kj_systems *systems;
    const kj_system *system;
    kj_path_context context;
} asker;

static void answer(asker *a, kj_span word, const char *argument)
{
    const kj_system *s = a->system;
    kj_span text = kj_span_str(argument);
    kj_node node = {0};
    bool elsewhere = false;
    a->context.view32 = kj_span_is(word, "find32") || kj_span_is(word, "expand32");
    if (kj_span_is(word, "system")) {
        size_t index = strtoul(argument, NULL, 10);
        a->system = index < a->systems->count ? &a->systems->items[index] : NULL;
        return;
    }
    if (kj_span_is(word, "profile"))
        a->context.profile = (uint32_t)strtol(argument, NULL, 10);
    else if (kj_span_is(word, "directory"))
        a->context.directory = text;
    else if (!s)
        printf("no such system\n");
    else if (kj_span_is(word, "expand") || kj_span_is(word, "expand32"))
        printf("%s\n", kj_system_expand(s, text, &a->context));
    else if (kj_span_is(word, "place"))
        printf("%s\n", kj_system_place(s, text));
    else if (kj_span_is(word, "show"))
        printf("%s\n", kj_system_show(s, text));
    else if (kj_span_is(word, "value"))
        print_value(s, text);
    else if (kj_span_is(word, "find") || kj_span_is(word, "find32")) {
        bool found = kj_system_find(s, text, &a->context, &node, &elsewhere);
        print_node(found, &node, elsewhere);
    } else
        printf("no such word\n");
}

int main(int argc, char **argv)
{
    kj_tree *tree;
    kj_arena arena;
    kj_systems systems = {0};
    kj_error err;
    if (argc < 2)
        return EXIT_FAILURE;
    kj_arena_init(&arena, (size_t)1 << 30);
    struct stat st;
    bool is_image = stat(argv[1], &st) == 0 && S_ISREG(st.st_mode);
    kj_status status = is_image ? kj_tree_open_image(getenv("KUJO_IMAGE"), argv[1], 0, &tree, &err)
                                : kj_tree_open_directory(argv[1], &tree, &err);
    if (status == KJ_OK)
        status = kj_systems_find(tree, &arena, &systems, &err);
    if (status != KJ_OK) {
        printf("%s: %s\n", kj_status_name(status), err.message);
        return EXIT_FAILURE;
    }
    for (size_t i = 0; i < systems.count && argc == 2; i++)
        print_system(&systems.items[i]);
    asker a = {&systems, systems.items, {.profile = KJ_REG_NONE}};
    for (int i = 2; i < argc; i++) {
        kj_span argument = kj_span_str(argv[i]);
        size_t equals = kj_span_find(argument, kj_span_str("="), 0);
        if (equals != SIZE_MAX)
            answer(&a, kj_span_sub(argument, 0, equals), argv[i] + equals + 1);
    }
    kj_systems_done(&systems);
    kj_tree_close(tree);
    kj_arena_done(&arena);
    return EXIT_SUCCESS;
}
