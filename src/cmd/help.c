/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"
#include "cmd/cmd.h"

#include <stdio.h>

static void print_overview(void)
{
    (void)puts(
        _("Usage: kujo COMMAND [ARGUMENT]...\n"
          "Finds malware in files, archives, mail and Windows systems, and clears it away.\n"));
    for (size_t i = 0; i < kj_command_count; i++)
        (void)printf("  %-10s %s\n", kj_commands[i]->name, _(kj_commands[i]->summary));
    (void)puts(_("\n'kujo help COMMAND' says more about one of them."));
}

static int run(int argc, char **argv)
{
    if (argc < 2) {
        print_overview();
        return KJ_EXIT_OK;
    }
    const kj_command *command = kj_command_find(argv[1]);
    if (!command)
        return KJ_EXIT_TROUBLE;
    if (command == &kj_command_help || command == &kj_command_version) {
        (void)printf("kujo %s: %s\n", command->name, _(command->summary));
        return KJ_EXIT_OK;
    }
    char help[] = "--help";
    char *arguments[] = {argv[1], help, NULL};
    return command->run(2, arguments);
}

const kj_command kj_command_help = {
    .name = "help",
    .summary = N_("show this text, or more about one command"),
    .run = run,
};
