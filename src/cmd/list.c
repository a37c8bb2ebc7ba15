/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/list.h"

#include "cmd/interrupt.h"

#include <string.h>

bool kj_path_list_open(kj_path_list *list, const char *name, bool null_separated)
{
    *list = (kj_path_list){.separator = null_separated ? '\0' : '\n'};
    list->file = strcmp(name, "-") == 0 ? stdin : fopen(name, "re");
    return list->file != NULL;
}

void kj_path_list_close(kj_path_list *list)
{
    if (list->file && list->file != stdin)
        (void)fclose(list->file);
    *list = (kj_path_list){0};
}

/* Reads one record; false at the end of the file. */
static bool read_record(kj_path_list *list, size_t *out_len)
{
    size_t len = 0;
    int c;
    while ((c = getc(list->file)) != EOF && c != list->separator && !kj_interrupt_signal())
        if (len < sizeof list->line - 1)
            list->line[len++] = (char)c;
    list->line[len] = '\0';
    *out_len = len;
    return c != EOF || len > 0;
}

const char *kj_path_list_next(void *user)
{
    kj_path_list *list = user;
    size_t len;
    while (!kj_interrupt_signal() && read_record(list, &len))
        if (len > 0)
            return list->line;
    list->failed = ferror(list->file) != 0;
    return NULL;
}
