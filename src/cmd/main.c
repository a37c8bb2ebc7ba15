/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arith.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "cmd/beside.h"
#include "cmd/cmd.h"
#include "cmd/language.h"
#include "rules/advisory/suggest.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

const kj_command *const kj_commands[] = {
    &kj_command_scan, &kj_command_host, &kj_command_clean, &kj_command_undo, &kj_command_quarantine,
    &kj_command_info, &kj_command_defs, &kj_command_yara,  &kj_command_help, &kj_command_version,
};
const size_t kj_command_count = KJ_COUNT(kj_commands);

/* Options in a command's place. */
static const struct {
    const char *name;
    const kj_command *command;
} aliases[] = {
    {"--help", &kj_command_help},
    {"-h", &kj_command_help},
    {"--version", &kj_command_version},
    {"-V", &kj_command_version},
};

/* Names of files and words of the command line are part of it, so it is escaped as a whole. */
int kj_complain(const char *format, ...)
{
    KJ_CLEANUP(kj_free_ptr) char *text = NULL;
    va_list args;
    va_start(args, format);
    int len = vasprintf(&text, format, args);
    va_end(args);
    if (len < 0)
        text = NULL; /* what vasprintf() left there is not ours */
    kj_buf line;
    kj_buf_init(&line, SIZE_MAX);
    kj_escape(text ? kj_span_of(text, (size_t)len) : kj_span_str(strerror(ENOMEM)), NULL, &line);
    (void)fprintf(stderr, "kujo: %s\n", line.failed ? strerror(ENOMEM) : kj_buf_text(&line));
    kj_buf_done(&line);
    return KJ_EXIT_TROUBLE;
}

const kj_command *kj_command_find(const char *name)
{
    for (size_t i = 0; i < KJ_COUNT(aliases); i++)
        if (strcmp(name, aliases[i].name) == 0)
            return aliases[i].command;
    kj_guess guess = {.wrong = kj_span_str(name)};
    for (size_t i = 0; i < kj_command_count; i++) {
        if (strcmp(name, kj_commands[i]->name) == 0)
            return kj_commands[i];
        kj_guess_try(&guess, kj_span_str(kj_commands[i]->name));
    }
    if (guess.best.len)
        (void)kj_complain(_("there is no command '%s'; did you mean '%s'?"), name,
                          (const char *)guess.best.data);
    else
        (void)kj_complain(_("there is no command '%s'; see 'kujo help'"), name);
    return NULL;
}

/* Descriptors 0 to 2 are what everybody takes them for, even when we were started without. */
static void open_standard_files(void)
{
    int fd;
    do {
        fd = open("/dev/null", O_RDWR);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        (void)close(fd);
}

/* Numbers stay as they are in every locale: reports are read by programs, too. A locale that this
 * machine lacks still says which language its user reads. */
static void choose_language(void)
{
    if (!setlocale(LC_ALL, "") && kj_language_default() != KJ_LANG_EN)
        kj_language_use(kj_language_default());
    (void)setlocale(LC_NUMERIC, "C");
    KJ_CLEANUP(kj_free_ptr) char *built = kj_beside_program("po");
    (void)bindtextdomain("kujo", built ? built : KUJO_LOCALE_DIR);
    (void)textdomain("kujo");
}

/* Writes that fail at the very end count, too: a full disk, but not a reader who left. */
static int finish(int code)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    if (errno != EPIPE)
        (void)kj_complain(_("cannot write the results: %s"), strerror(errno));
    return code == KJ_EXIT_OK ? KJ_EXIT_TROUBLE : code;
}

int main(int argc, char **argv)
{
    open_standard_files();
    (void)signal(SIGPIPE, SIG_IGN);
    choose_language();
    if (argc < 2) {
        char *arguments[] = {argv[0], NULL};
        (void)kj_command_help.run(1, arguments);
        return finish(KJ_EXIT_TROUBLE);
    }
    const kj_command *command = kj_command_find(argv[1]);
    if (!command)
        return KJ_EXIT_TROUBLE;
    return finish(command->run(argc - 1, argv + 1));
}
