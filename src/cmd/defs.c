/* SPDX-License-Identifier: Apache-2.0 */
/* kujo defs build|check|info|list|test-sig */
#include "cmd/defs.h"

#include "base/arith.h"
#include "cmd/cmd.h"

#include <stdio.h>
#include <string.h>

int kj_defs_complain(const char *path, const kj_error *err)
{
    if (err->offset == KJ_NO_OFFSET)
        return kj_complain("%s: %s", path, _(err->message));
    return kj_complain(_("%s: %s (at byte %llu)"), path, _(err->message),
                       (unsigned long long)err->offset);
}

int kj_defs_open_operand(int argc, char **argv, int first, const char *named, kj_chosen *chosen,
                         kj_defs *defs)
{
    if (argc - first > 1)
        return kj_complain(_("one FILE at a time"));
    *chosen = kj_definitions_choose(first < argc ? argv[first] : named);
    if (!chosen->path)
        return kj_definitions_missing();
    kj_error err = {.offset = KJ_NO_OFFSET};
    if (kj_definitions_open(chosen, defs, &err) != KJ_OK)
        return kj_defs_complain(chosen->path, &err);
    return KJ_EXIT_OK;
}

static const kj_command subcommands[] = {
    {"build", N_("compile sources into a definitions file"), kj_defs_build},
    {"check", N_("check sources and run their tests; check definitions files"), kj_defs_check},
    {"info", N_("what a definitions file is and holds"), kj_defs_info},
    {"list", N_("the names that can be detected"), kj_defs_list},
    {"test-sig", N_("one signature against files: what matches and what does not"),
     kj_defs_test_sig},
};

static void print_help(void)
{
    (void)printf("%s\n\n", _("usage: kujo defs build|check|info|list|test-sig ..."));
    for (size_t i = 0; i < KJ_COUNT(subcommands); i++)
        (void)printf("  %-8s %s\n", subcommands[i].name, _(subcommands[i].summary));
    (void)printf("\n%s\n", _("'kujo defs COMMAND --help' says more."));
}

static int run(int argc, char **argv)
{
    if (argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        print_help();
        return KJ_EXIT_OK;
    }
    for (size_t i = 0; argc >= 2 && i < KJ_COUNT(subcommands); i++)
        if (strcmp(argv[1], subcommands[i].name) == 0)
            return subcommands[i].run(argc - 1, argv + 1);
    if (argc >= 2)
        return kj_complain(
            _("'%s' is no command of kujo defs; build, check, info, list and test-sig are"),
            argv[1]);
    return kj_complain(_("say what to do: kujo defs build, check, info, list or test-sig"));
}

const kj_command kj_command_defs = {
    .name = "defs",
    .summary = N_("build, check and look into definitions"),
    .run = run,
};
