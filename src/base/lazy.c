/* SPDX-License-Identifier: Apache-2.0 */
#include "base/lazy.h"

#include "base/cleanup.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

static pthread_mutex_t loading = PTHREAD_MUTEX_INITIALIZER;

static void end_loading(pthread_mutex_t **mutex)
{
    (void)pthread_mutex_unlock(*mutex);
}

kj_status kj_lazy_load(kj_lazy *library, kj_error *err)
{
    if (library->loaded)
        return KJ_OK;
    KJ_CLEANUP(end_loading) pthread_mutex_t *mutex = &loading;
    (void)pthread_mutex_lock(mutex);
    if (library->loaded)
        return KJ_OK;
    void *handle = dlopen(library->file, RTLD_NOW | RTLD_LOCAL);
    if (!handle)
        return kj_fail(err, KJ_UNSUPPORTED, KJ_NO_OFFSET, "cannot load a library: %s", dlerror());
    for (size_t i = 0; i < library->count; i++) {
        void *address = dlsym(handle, library->symbols[i].name);
        if (!address)
            return kj_fail(err, KJ_UNSUPPORTED, KJ_NO_OFFSET, "%s lacks %s", library->file,
                           library->symbols[i].name);
        memcpy(library->symbols[i].slot, &address, sizeof address);
    }
    library->loaded = true;
    return KJ_OK;
}
