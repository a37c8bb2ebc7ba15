/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/list.h"

#include <stdlib.h>
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
    free(list->line);
    *list = (kj_path_list){0};
}

const char *kj_path_list_next(void *user)
{
    kj_path_list *list = user;
    ssize_t len;
    while ((len = getdelim(&list->line, &list->capacity, list->separator, list->file)) > 0) {
        if (list->line[len - 1] == list->separator)
            list->line[--len] = '\0';
        if (len > 0)
            return list->line;
    }
    list->failed = ferror(list->file) != 0;
    return NULL;
}
