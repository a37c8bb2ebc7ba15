/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cleanup.h"
#include "cmd/cmd.h"
#include "cmd/definitions.h"
#include "ir/ir.h"
#include "report/report.h"

#include <stdio.h>

uint32_t kj_engine_version(void)
{
    return kj_engine_number(KUJO_VERSION_NUMBERS);
}

static void print_definitions(void)
{
    KJ_CLEANUP(kj_chosen_done) kj_chosen chosen = kj_definitions_choose(NULL);
    kj_defs defs;
    kj_error err;
    if (!chosen.path) {
        (void)puts(_("no definitions"));
        return;
    }
    if (kj_defs_open(chosen.path, kj_engine_version(), &defs, &err) != KJ_OK) {
        (void)printf(_("no definitions: %s: %s\n"), chosen.path, err.message);
        return;
    }
    kj_buf date;
    kj_buf_init(&date, 64);
    kj_report_put_date(&date, defs.meta.date);
    (void)printf(_("definitions release %u of %s (%s)\n"), defs.meta.release, kj_buf_text(&date),
                 chosen.path);
    kj_buf_done(&date);
    kj_defs_close(&defs);
}

static int run(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    (void)printf("kujo %s\n", KUJO_VERSION);
    print_definitions();
    return KJ_EXIT_OK;
}

const kj_command kj_command_version = {
    .name = "version",
    .summary = N_("show the engine's version and the definitions' release"),
    .run = run,
};
