/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/definitions.h"

#include "base/cleanup.h"
#include "cmd/beside.h"
#include "cmd/cmd.h"
#include "cmd/verified.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

kj_chosen kj_definitions_choose(const char *named)
{
    const char *environment = getenv("KUJO_DEFINITIONS");
    if (!named && environment && *environment)
        named = environment;
    if (named && strcmp(named, "none") == 0)
        return (kj_chosen){.none = true, .by_user = true};
    if (named)
        return (kj_chosen){.path = strdup(named), .by_user = true};
    char *path = kj_beside_program("kujo.defs");
    if (!path && access(KUJO_DEFINITIONS_PATH, F_OK) == 0)
        path = strdup(KUJO_DEFINITIONS_PATH);
    return (kj_chosen){.path = path};
}

void kj_chosen_done(kj_chosen *chosen)
{
    free(chosen->path);
    *chosen = (kj_chosen){0};
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    kj_file_identity one = kj_file_identity_of(a), two = kj_file_identity_of(b);
    return memcmp(&one, &two, sizeof one) == 0;
}

/* Verifies the whole file, which is the one that is mapped, unless that was done before. It is
 * remembered if it is still what it was when it was opened. */
static kj_status verify_once(const char *path, const struct stat *opened, const kj_defs *defs,
                             kj_error *err)
{
    kj_file_identity identity = kj_file_identity_of(opened);
    if (kj_verified_has(&identity, defs->header.build_id))
        return KJ_OK;
    KJ_TRY(kj_defs_verify(defs, err));
    struct stat now;
    bool steady = stat(path, &now) == 0 && same_file(opened, &now);
    kj_error why;
    if (steady && kj_verified_add(&identity, defs->header.build_id, &why) != KJ_OK)
        (void)kj_complain(_("%s: verified, but that cannot be remembered (%s): it will be verified "
                            "each time"),
                          path, why.message);
    return KJ_OK;
}

kj_status kj_definitions_open(const kj_chosen *chosen, kj_defs *out, kj_error *err)
{
    struct stat opened;
    kj_defs defs;
    KJ_TRY(kj_defs_open_known(chosen->path, kj_engine_version(), &defs, &opened, err));
    kj_status status = chosen->by_user ? verify_once(chosen->path, &opened, &defs, err) : KJ_OK;
    if (status != KJ_OK)
        kj_defs_close(&defs);
    else
        *out = defs;
    return status;
}

int kj_definitions_missing(void)
{
    return kj_complain(_("there are no definitions: install them as %s, or name a file with "
                         "--definitions FILE (build one with: kujo defs build -o FILE SOURCE...), "
                         "or rules with --rules FILE"),
                       KUJO_DEFINITIONS_PATH);
}
