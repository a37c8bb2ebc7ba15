/* SPDX-License-Identifier: Apache-2.0 */
/* memory_system TREE STEP: finds the systems of a directory while an allocation fails, every
 * STEP-th of them in its turn, alone and with all that follow. Each time memory is said to have run
 * out, or as much is found as with enough of it. Leaks are LeakSanitizer's to find. */
#include "host/system.h"

#include <stdio.h>
#include <stdlib.h>

static size_t fails_at, count;
static bool onward;

static bool fails(void)
{
    count++;
    return fails_at && (onward ? count >= fails_at : count == fails_at);
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t number, size_t size);
void *__real_realloc(void *block, size_t size);
void *__real_reallocarray(void *block, size_t number, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t number, size_t size);
void *__wrap_realloc(void *block, size_t size);
void *__wrap_reallocarray(void *block, size_t number, size_t size);

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t number, size_t size)
{
    return fails() ? NULL : __real_calloc(number, size);
}

void *__wrap_realloc(void *block, size_t size)
{
    return fails() ? NULL : __real_realloc(block, size);
}

void *__wrap_reallocarray(void *block, size_t number, size_t size)
{
    return fails() ? NULL : __real_reallocarray(block, number, size);
}

/* What was found, in one number. */
static size_t sum_of(const kj_systems *systems)
{
    size_t sum = systems->count;
    for (size_t i = 0; i < systems->count; i++) {
        const kj_system *s = &systems->items[i];
        sum = sum * 31 + s->hive_count * 7 + s->profile_count + s->control_set.len +
              strlen(s->product) + strlen(s->version) + strlen(s->build);
        for (size_t h = 0; h < s->hive_count; h++)
            sum = sum * 31 + s->hives[h].usable + s->hives[h].path.len + s->hives[h].mount.len;
        for (size_t p = 0; p < s->profile_count; p++)
            sum = sum * 31 + s->profiles[p].sid.len + s->profiles[p].path.len +
                  s->profiles[p].hive + s->profiles[p].classes;
    }
    return sum;
}

static kj_status find(const char *path, size_t *out_sum)
{
    kj_tree *tree = NULL;
    kj_arena arena;
    kj_systems systems = {0};
    count = 0;
    kj_arena_init(&arena, (size_t)64 << 20);
    kj_status status = kj_tree_open_directory(path, &tree, NULL);
    if (status == KJ_OK)
        status = kj_systems_find(tree, &arena, &systems, NULL);
    if (status == KJ_OK)
        *out_sum = sum_of(&systems);
    kj_systems_done(&systems);
    kj_tree_close(tree);
    kj_arena_done(&arena);
    return status;
}

int main(int argc, char **argv)
{
    size_t wanted = 0, step = argc == 3 ? strtoul(argv[2], NULL, 10) : 0, wrong = 0;
    if (!step || find(argv[1], &wanted) != KJ_OK)
        return EXIT_FAILURE;
    size_t all = count;
    for (size_t at = 1; at <= all; at += step)
        for (int i = 0; i < 2; i++) {
            size_t sum = 0;
            fails_at = at;
            onward = i;
            kj_status status = find(argv[1], &sum);
            fails_at = 0;
            bool good = status == KJ_NO_MEMORY || (status == KJ_OK && sum == wanted);
            wrong += !good;
            if (!good)
                printf("allocation %zu%s: %s\n", at, i ? " and all that follow" : "",
                       status == KJ_OK ? "something else was found" : kj_status_name(status));
        }
    printf("%zu allocations, %zu wrong\n", all, wrong);
    return wrong ? EXIT_FAILURE : EXIT_SUCCESS;
}
