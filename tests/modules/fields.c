/* SPDX-License-Identifier: Apache-2.0 */
/* Prints what a module says of files: every field that takes no arguments, with all indices and
 * keys, as a path and a value a line. Fields that are undefined are left out.
 *
 *     fields MODULE FILE... */
#include "base/cleanup.h"
#include "base/file.h"
#include "modules/module.h"

enum { FILE_MAX = 256 << 20, ARENA_MAX = 256 << 20, DEPTH_MAX = 4, PATH_MAX_LEN = 512 };

typedef struct dump {
    const kj_module *module;
    kj_object object;
    void *states[KJ_MODULES_MAX];
    kj_module_input input;
    kj_value args[DEPTH_MAX];
    char path[PATH_MAX_LEN];
} dump;

static bool pay(const kj_field_call *call, uint64_t bytes)
{
    (void)call;
    (void)bytes;
    return true;
}

static kj_value ask(dump *d, uint16_t field, size_t count)
{
    const kj_field_call call = {.id = (uint32_t)d->module->schema.id << 16 | field,
                                .args = d->args,
                                .count = count,
                                .pay = pay};
    return kj_module_get(&d->input, &call);
}

static const kj_field *find_row(const dump *d, const char *path, size_t len)
{
    for (size_t i = 0; i < d->module->schema.count; i++) {
        const kj_field *row = &d->module->schema.fields[i];
        if (strlen(row->path) == len && memcmp(row->path, path, len) == 0)
            return row;
    }
    return NULL;
}

static void print_text(kj_span text)
{
    (void)putchar('"');
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] >= ' ' && text.data[i] <= '~')
            (void)putchar(text.data[i]);
        else
            (void)printf("\\x%02x", text.data[i]);
    (void)putchar('"');
}

static void print_value(const char *path, kj_value value)
{
    if (value.type == KJ_TYPE_UNDEFINED)
        return;
    (void)printf("%s = ", path);
    if (value.type == KJ_TYPE_STRING)
        print_text(value.text);
    else if (value.type == KJ_TYPE_REAL)
        (void)printf("%g", value.real);
    else
        (void)printf("%lld", (long long)value.integer);
    (void)putchar('\n');
}

/* Expands the brackets of the row's path from `rest` on; `done` of its path are in d->path. */
static void walk(dump *d, const kj_field *row, const char *rest, size_t done, size_t depth)
{
    const char *bracket = rest + strcspn(rest, "[{");
    size_t plain = (size_t)(bracket - rest);
    size_t len = done + plain;
    if (len + 32 >= sizeof d->path || depth >= DEPTH_MAX)
        return;
    memcpy(d->path + done, rest, plain);
    d->path[len] = '\0';
    if (!*bracket) {
        print_value(d->path, ask(d, row->id, depth));
        return;
    }
    size_t to_bracket = (size_t)(bracket + 2 - row->path);
    const kj_field *counter = find_row(d, row->path, to_bracket);
    int64_t count = counter ? ask(d, counter->id, depth).integer : 0;
    for (int64_t i = 0; i < count; i++) {
        d->args[depth] = kj_value_int(i);
        int added = snprintf(d->path + len, sizeof d->path - len, "%c%lld%c", bracket[0],
                             (long long)i, bracket[1]);
        walk(d, row, bracket + 2, len + (size_t)added, depth + 1);
    }
}

static void dump_file(dump *d, kj_span bytes, kj_arena *arena)
{
    d->object = (kj_object){.bytes = bytes};
    memset(d->states, 0, sizeof d->states);
    d->input = (kj_module_input){.object = &d->object, .arena = arena, .states = d->states};
    for (size_t i = 0; i < d->module->schema.count; i++) {
        const kj_field *row = &d->module->schema.fields[i];
        bool is_plain = !row->is_constant && row->type != KJ_TYPE_ARRAY &&
                        row->type != KJ_TYPE_DICT && !strchr(row->path, '#') &&
                        (!row->params || !*row->params);
        if (is_plain)
            walk(d, row, row->path, 0, 0);
    }
}

int main(int argc, char **argv)
{
    dump d = {0};
    for (size_t i = 0; argc > 2 && i < kj_module_count; i++)
        if (strcmp(kj_modules[i]->schema.name, argv[1]) == 0)
            d.module = kj_modules[i];
    if (!d.module) {
        (void)fprintf(stderr, "usage: fields MODULE FILE...\n");
        return 2;
    }
    for (int i = 2; i < argc; i++) {
        KJ_CLEANUP(kj_buf_done) kj_buf bytes;
        KJ_CLEANUP(kj_arena_done) kj_arena arena;
        kj_error err;
        kj_buf_init(&bytes, FILE_MAX);
        kj_arena_init(&arena, ARENA_MAX);
        if (kj_file_read(argv[i], &bytes, &err) != KJ_OK) {
            (void)fprintf(stderr, "%s: %s\n", argv[i], err.message);
            return 1;
        }
        (void)printf("file %s\n", argv[i]);
        dump_file(&d, kj_buf_span(&bytes), &arena);
    }
    return 0;
}
