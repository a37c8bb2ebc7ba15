/* SPDX-License-Identifier: Apache-2.0 */
/* kujo host: what the threats left on a Windows volume. */
#include "cmd/cmd.h"
#include "cmd/host_common.h"
#include "cmd/interrupt.h"

typedef struct options {
    kj_host_options host;
} options;

static const kj_option rows[] = {
    {"autostarts", 'a', KJ_OPTION_FLAG, KJ_HOST_FIELD(options, autostarts), NULL,
     N_("list all that starts by itself, with the file that it leads to")},
    {"all", 0, KJ_OPTION_FLAG, KJ_HOST_FIELD(options, all), NULL,
     N_("with --autostarts: what Windows has there by itself, too")},
    KJ_HOST_OPTION_ROWS(options),
};

static const kj_usage usage = {
    .command = "host",
    .operands = N_("ROOT"),
    .about =
        N_("Inspects the Windows systems on a volume: ROOT is the directory where it is mounted "
           "(its C: drive),\nor a raw disk image. Looks at the files, registry values and INI "
           "entries that threats leave, and at\nall that starts by itself. Changes nothing.\n"),
    .after =
        N_("Exits with 0 when nothing was found, with 1 when something was, with 2 when something "
           "went wrong\nor could not be looked at; with 128 plus the signal's number when it was "
           "stopped.\n"),
    .options = rows,
    .count = sizeof rows / sizeof rows[0],
};

static int exit_code(const kj_host *host)
{
    if (kj_host_found(host))
        return KJ_EXIT_FOUND;
    return kj_host_has_unseen(host) ? KJ_EXIT_TROUBLE : KJ_EXIT_OK;
}

static int inspect(const options *o, const kj_sets *sets, const char *root, kj_lang lang)
{
    kj_host host;
    int code = KJ_EXIT_TROUBLE;
    if (kj_host_open(&o->host, sets, root, &host)) {
        kj_host_run run;
        kj_host_fill_run(&host, sets, "host", &run);
        run.exit = exit_code(&host);
        code = kj_host_show(&o->host, &run, lang);
    }
    kj_host_close(&host);
    return kj_interrupt_signal() ? KJ_EXIT_SIGNAL + kj_interrupt_signal() : code;
}

static int prepare(const options *o, int count, char **operands)
{
    kj_lang lang;
    if (!kj_host_choose_language(&o->host, &lang))
        return KJ_EXIT_TROUBLE;
    if (count != 1)
        return kj_complain(
            _("inspect what? Name one directory or disk image; see 'kujo host --help'"));
    kj_sets sets = {0};
    (void)kj_interrupt_listen();
    int code =
        kj_host_open_sets(&o->host, &sets) ? inspect(o, &sets, operands[0], lang) : KJ_EXIT_TROUBLE;
    kj_sets_close(&sets);
    return code;
}

static int run(int argc, char **argv)
{
    options o = {.host.limits = KJ_SCAN_LIMITS_INIT};
    int first = 0;
    kj_parsed parsed = kj_options_parse(&usage, argc, argv, &o, &first);
    int code = parsed == KJ_PARSED_HELP ? KJ_EXIT_OK : KJ_EXIT_TROUBLE;
    if (parsed == KJ_PARSED_OK)
        code = prepare(&o, argc - first, argv + first);
    kj_vec_done(&o.host.rules);
    return code;
}

const kj_command kj_command_host = {
    .name = "host",
    .summary = N_("inspect a Windows volume: what threats left there, what starts by itself"),
    .run = run,
};
