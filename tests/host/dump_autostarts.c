/* SPDX-License-Identifier: Apache-2.0 */
/* dump_autostarts TREE [all]: prints a line for everything that starts by itself on the Windows
 * systems of a directory, with `all` what is Windows' own or only told, too, for the tests to
 * compare. dump_autostarts TREE default=ROW:NAME...: what Windows has there by itself.
 * dump_autostarts TREE work=MAX: all, in MAX steps at most, and how many steps it took. */
#include "base/buf.h"
#include "base/text.h"
#include "host/autostarts_private.h"

#include <stdio.h>
#include <stdlib.h>

static void print_text(const char *label, kj_span text)
{
    kj_buf escaped;
    kj_buf_init(&escaped, 1 << 20);
    kj_escape(text, NULL, &escaped);
    printf("%s%s", label, kj_buf_text(&escaped));
    kj_buf_done(&escaped);
}

static void print_flags(uint32_t flags)
{
    static const char *const words[] = {"default", "disabled", "missing", "elsewhere", "hijack",
                                        "inline",  "hidden",   "stale",   "copy",      "cut"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (flags & (1U << i))
            printf(" %s", words[i]);
}

static void print_entry(void *user, const kj_autostart *entry)
{
    static const char *const kinds[] = {"file", "value", "key", "ini"};
    const kj_spot *spot = &entry->spot;
    (void)user;
    printf("%s %s profile=%d%s", kj_autostart_row_id(entry->row), kinds[spot->kind],
           entry->profile == KJ_REG_NONE ? -1 : (int)entry->profile,
           entry->view32 ? " 32-bit" : "");
    print_flags(entry->flags);
    print_text(" | ", spot->kind == KJ_SPOT_FILE || spot->kind == KJ_SPOT_INI ? spot->path
                                                                              : spot->key_path);
    print_text(" | ", entry->name);
    print_text(" | ", entry->token);
    print_text(" | ", entry->target);
    print_text(" | ", entry->file.path);
    /* a value that the table hands out is one that cleaning finds again */
    const kj_autostart_row *row = kj_autostart_row_of(spot);
    if (spot->kind == KJ_SPOT_VALUE && row != entry->row)
        printf(" | of row %s", row ? kj_autostart_row_id(row) : "none");
    printf("\n");
}

static void print_default(const kj_system *system, const char *argument)
{
    const char *colon = strchr(argument, ':');
    for (size_t i = 0; colon && i < kj_autostart_table_count; i++) {
        const kj_autostart_row *row = &kj_autostart_table[i];
        if (strncmp(kj_autostart_row_id(row), argument, (size_t)(colon - argument)) != 0 ||
            kj_autostart_row_id(row)[colon - argument] != '\0')
            continue;
        const char *text = kj_autostart_default(row, system, kj_span_str(colon + 1));
        printf("%s\n", text ? text : "(none)");
    }
}

int main(int argc, char **argv)
{
    kj_tree *tree = NULL;
    kj_arena arena;
    kj_systems systems = {0};
    kj_error err;
    if (argc < 2)
        return EXIT_FAILURE;
    kj_arena_init(&arena, (size_t)1 << 30);
    kj_status status = kj_tree_open_directory(argv[1], &tree, &err);
    if (status == KJ_OK)
        status = kj_systems_find(tree, &arena, &systems, &err);
    uint64_t work = 0, work_max = KJ_AUTOSTART_WORK_MAX;
    bool count = argc > 2 && strncmp(argv[2], "work=", 5) == 0 &&
                 kj_text_to_u64(kj_span_str(argv[2] + 5), &work_max);
    bool all = argc > 2 && (count || strcmp(argv[2], "all") == 0);
    bool ask = argc > 2 && !all;
    for (size_t i = 0; i < systems.count && status == KJ_OK && !ask; i++)
        status = kj_autostarts_find_within(&systems.items[i], all, work_max, print_entry, NULL,
                                           &work, &err);
    if (count)
        printf("steps: %llu\n", (unsigned long long)work);
    for (int i = 2; ask && i < argc && systems.count; i++)
        print_default(&systems.items[0], argv[i] + strlen("default="));
    if (status != KJ_OK)
        printf("%s: %s\n", kj_status_name(status), err.message);
    kj_systems_done(&systems);
    if (tree)
        kj_tree_close(tree);
    kj_arena_done(&arena);
    return status == KJ_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
