/* SPDX-License-Identifier: Apache-2.0 */
/* Paths from a file or from standard input, one a line or NUL-separated (--files-from). */
#pragma once

#include <stdbool.h>
#include <stdio.h>

/* Longer than the kernel takes: what is cut here cannot be opened, and that is told. */
enum { KJ_LISTED_PATH_MAX = 8192 };

typedef struct kj_path_list {
    FILE *file;
    char line[KJ_LISTED_PATH_MAX];
    int separator; /* '\n' or '\0' */
    bool failed;   /* reading it did */
} kj_path_list;

/* `name`: "-" for standard input. False, with errno, when it cannot be opened. */
bool kj_path_list_open(kj_path_list *list, const char *name, bool null_separated);
void kj_path_list_close(kj_path_list *list);

/* The next path that is not empty; NULL at the end. Valid until the next call. */
const char *kj_path_list_next(void *list);
