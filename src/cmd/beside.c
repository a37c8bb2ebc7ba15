/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/beside.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

char *kj_beside_program(const char *name)
{
    char program[PATH_MAX], path[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", program, sizeof program);
    const char *slash = len > 0 ? memrchr(program, '/', (size_t)len) : NULL;
    if (!slash)
        return NULL;
    int written = snprintf(path, sizeof path, "%.*s/%s", (int)(slash - program), program, name);
    if (written < 0 || (size_t)written >= sizeof path || access(path, R_OK) != 0)
        return NULL;
    return strdup(path);
}
