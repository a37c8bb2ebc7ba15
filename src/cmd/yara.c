/* SPDX-License-Identifier: Apache-2.0 */
/* kujo yara: the options, output and exit status of yara(1) 4.5. */
#include "cmd/yara.h"

#include "base/arith.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "cmd/cmd.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    WORKERS_MAX = 32, /* as many threads as yara has */
    DATA_MAX = 256 << 20,
    DATA_COUNT_MAX = 32,
};

#define YARA_VERSION "4.5.8" /* whose language this is */

#define FIELD(name) offsetof(kj_yara_cli, name)

static const kj_option rows[] = {
    {"print-strings", 's', KJ_OPTION_FLAG, FIELD(print_strings), NULL,
     N_("print the matches of strings")},
    {"print-string-length", 'L', KJ_OPTION_FLAG, FIELD(print_length), NULL,
     N_("print their lengths")},
    {"print-xor-key", 'X', KJ_OPTION_FLAG, FIELD(print_xor_key), NULL,
     N_("print their xor keys and plain texts")},
    {"print-meta", 'm', KJ_OPTION_FLAG, FIELD(print_meta), NULL, N_("print rules' metadata")},
    {"print-tags", 'g', KJ_OPTION_FLAG, FIELD(print_tags), NULL, N_("print rules' tags")},
    {"print-namespace", 'e', KJ_OPTION_FLAG, FIELD(print_namespace), NULL,
     N_("print rules' namespaces")},
    {"print-module-data", 'D', KJ_OPTION_FLAG, FIELD(print_data), NULL,
     N_("print what imported modules know about each file")},
    {"print-stats", 'S', KJ_OPTION_FLAG, FIELD(print_stats), NULL,
     N_("print how many rules and strings there are")},
    {"negate", 'n', KJ_OPTION_FLAG, FIELD(negate), NULL, N_("print rules that do not match")},
    {"count", 'c', KJ_OPTION_FLAG, FIELD(count), NULL,
     N_("print the number of matching rules only")},
    {"define", 'd', KJ_OPTION_LIST, FIELD(defines), N_("NAME=VALUE"),
     N_("define a variable that rules use")},
    {"module-data", 'x', KJ_OPTION_LIST, FIELD(module_data), N_("MODULE=FILE"),
     N_("give FILE to MODULE, such as a report to cuckoo")},
    {"tag", 't', KJ_OPTION_LIST, FIELD(tags), N_("TAG"), N_("print rules tagged TAG only")},
    {"identifier", 'i', KJ_OPTION_LIST, FIELD(identifiers), N_("NAME"),
     N_("print rules named NAME only")},
    {"max-rules", 'l', KJ_OPTION_COUNT, FIELD(max_rules), N_("N"),
     N_("stop after N rules have matched")},
    {"fast-scan", 'f', KJ_OPTION_FLAG, FIELD(fast), NULL,
     N_("one match of a string, where the rule asks for no more")},
    {"threads", 'p', KJ_OPTION_COUNT, FIELD(workers), N_("N"),
     N_("scan N files of a directory at a time (default: one a CPU)")},
    {"recursive", 'r', KJ_OPTION_FLAG, FIELD(recursive), NULL,
     N_("enter directories in directories")},
    {"no-follow-symlinks", 'N', KJ_OPTION_FLAG, FIELD(no_follow), NULL,
     N_("do not follow links in directories")},
    {"scan-list", 0, KJ_OPTION_FLAG, FIELD(scan_list), NULL,
     N_("scan the files that TARGET lists, one a line")},
    {"skip-larger", 'z', KJ_OPTION_SIZE, FIELD(larger), N_("SIZE"),
     N_("skip files in directories that have SIZE bytes or more")},
    {"timeout", 'a', KJ_OPTION_COUNT64, FIELD(timeout_s), N_("SECONDS"),
     N_("stop scanning after so many seconds")},
    {"no-warnings", 'w', KJ_OPTION_FLAG, FIELD(no_warnings), NULL, N_("no warnings")},
    {"fail-on-warnings", 0, KJ_OPTION_FLAG, FIELD(fail_on_warnings), NULL,
     N_("do not scan when there are warnings about the rules")},
    {"strict-escape", 'E', KJ_OPTION_FLAG, FIELD(strict_escape), NULL,
     N_("warn about unknown escapes in regular expressions")},
    {"disable-console-logs", 'q', KJ_OPTION_FLAG, FIELD(quiet_console), NULL,
     N_("do not print what the console module is told")},
    {"compiled-rules", 'C', KJ_OPTION_FLAG, FIELD(compiled), NULL,
     N_("RULES is a file that 'kujo defs build' made")},
    {"profile", 0, KJ_OPTION_FLAG, FIELD(profile), NULL,
     N_("then print what each rule and string cost")},
    {"module-names", 'M', KJ_OPTION_FLAG, FIELD(module_names), NULL,
     N_("print the modules' names")},
    {"max-strings-per-rule", 0, KJ_OPTION_COUNT, FIELD(max_strings), N_("N"),
     N_("refuse rules with more strings (10000)")},
    {"stack-size", 'k', KJ_OPTION_COUNT, FIELD(stack_size), N_("N"),
     N_("accepted and not needed, as the next two")},
    {"max-process-memory-chunk", 0, KJ_OPTION_COUNT64, FIELD(memory_chunk), N_("N"),
     N_("likewise")},
    {"atom-quality-table", 0, KJ_OPTION_TEXT, FIELD(quality_table), N_("FILE"), N_("likewise")},
    {"version", 'v', KJ_OPTION_FLAG, FIELD(version), NULL,
     N_("print the version of the language, and kujo's")},
};

static const kj_usage usage = {
    .command = "yara",
    .operands = N_("[NAMESPACE:]RULES... TARGET"),
    .about =
        N_("Scans a file or directory with YARA rules, as yara does: the same options, output "
           "and exit status. Files are scanned as they are; 'kujo scan --rules' opens archives "
           "and mail.\n"),
    .after =
        N_("kujo yara check RULES...   says what is wrong with rules, and which strings are "
           "slow\nkujo yara fmt [FILE...]    lays out rules\n\nExits with 0, also when nothing "
           "matched, and with 1 when something went wrong.\n"),
    .options = rows,
    .count = KJ_COUNT(rows),
};

/* ---- data for modules
 * -------------------------------------------------------------------------------- */

/* Files that are given to modules. */
typedef struct reports {
    kj_buf files[DATA_COUNT_MAX];
    kj_module_data data[DATA_COUNT_MAX];
    kj_module_env env;
} reports;

static void close_reports(reports *r)
{
    for (size_t i = 0; i < r->env.data_count; i++)
        kj_buf_done(&r->files[i]);
}

static bool open_report(const char *argument, reports *r)
{
    const char *equals = strchr(argument, '=');
    if (!equals || r->env.data_count == DATA_COUNT_MAX) {
        (void)fputs("error: wrong syntax for `-x` option.\n", stderr);
        return false;
    }
    kj_buf *file = &r->files[r->env.data_count];
    kj_error err;
    kj_buf_init(file, DATA_MAX);
    if (kj_file_read(equals + 1, file, &err) != KJ_OK) {
        (void)fprintf(stderr, "error: could not open file \"%s\".\n", equals + 1);
        kj_buf_done(file);
        return false;
    }
    r->data[r->env.data_count++] =
        (kj_module_data){kj_span_of(argument, (size_t)(equals - argument)), kj_buf_span(file)};
    r->env.data = r->data;
    return true;
}

static bool open_reports(const kj_yara_cli *cli, reports *r)
{
    for (size_t i = 0; i < cli->module_data.count; i++)
        if (!open_report(cli->module_data.items[i], r))
            return false;
    return true;
}

/* ---- scanning
 * ---------------------------------------------------------------------------------------- */

typedef struct job {
    const kj_yara_cli *cli;
    kj_yara_rules rules;
    reports reports;
    kj_deadline deadline;
} job;

static kj_yara_scanner *make_scanner(void *user, kj_yara_sink sink)
{
    const job *j = user;
    return kj_yara_scanner_new(j->cli, &j->rules, &j->reports.env, sink);
}

/* Both may be one file: what comes first stays first. */
static bool write_out(void *user, bool is_error, kj_span text)
{
    (void)user;
    if (is_error)
        (void)fflush(stdout);
    (void)fwrite(text.data, 1, text.len, is_error ? stderr : stdout);
    return !ferror(stdout);
}

static kj_yara_scanner *start_here(job *j)
{
    kj_yara_scanner *scanner = make_scanner(j, (kj_yara_sink){write_out, NULL});
    if (scanner)
        kj_yara_scanner_set_deadline(scanner, j->deadline);
    else
        (void)fputs("not enough memory\n", stderr);
    return scanner;
}

static void finish_here(const job *j, kj_yara_scanner *scanner)
{
    const kj_yara_profile *profile = kj_yara_scanner_profile(scanner);
    if (profile)
        kj_yara_profile_print(profile, &j->rules.defs);
    kj_yara_scanner_free(scanner);
}

static bool is_number(const char *text)
{
    return *text && text[strspn(text, "0123456789")] == '\0';
}

static int scan_file(job *j, const char *path)
{
    if (is_number(path) && access(path, F_OK) != 0) {
        (void)fprintf(stderr,
                      _("error scanning %s: there is no such file, and the memory of "
                        "processes is not scanned\n"),
                      path);
        return KJ_YARA_EXIT_TROUBLE;
    }
    kj_yara_scanner *scanner = start_here(j);
    uint32_t count = 0;
    bool ok = scanner && kj_yara_scan(scanner, path, &count);
    if (ok && j->cli->count)
        (void)printf("%u\n", count);
    if (scanner)
        finish_here(j, scanner);
    return ok ? KJ_YARA_EXIT_OK : KJ_YARA_EXIT_TROUBLE;
}

static bool scan_here(job *j, const kj_yara_targets *targets)
{
    kj_yara_scanner *scanner = start_here(j);
    if (!scanner)
        return false;
    for (size_t i = 0; i < targets->paths.count && !kj_deadline_past(&j->deadline) &&
                       !kj_yara_scanner_is_stopped(scanner);
         i++)
        kj_yara_scan_one_of_many(scanner, targets->paths.items[i]);
    finish_here(j, scanner);
    return true;
}

/* --max-rules and --profile count over all files, so that one process scans them. */
static unsigned choose_workers(const kj_yara_cli *cli, size_t targets)
{
    cpu_set_t cpus;
    size_t count = cli->workers;
    if (cli->max_rules || cli->profile)
        return 1;
    if (count == 0)
        count = sched_getaffinity(0, sizeof cpus, &cpus) == 0 ? (size_t)CPU_COUNT(&cpus) : 1;
    return (unsigned)kj_min_size(kj_min_size(count, targets), WORKERS_MAX);
}

static int scan_many(job *j, const char *path, bool is_directory)
{
    kj_yara_targets targets = {0};
    bool ok = true;
    if (is_directory)
        kj_yara_targets_add_directory(j->cli, path, &targets);
    else
        ok = kj_yara_targets_add_list(j->cli, path, &targets);
    ok = ok && kj_yara_targets_fit(&targets);
    unsigned workers = choose_workers(j->cli, targets.paths.count);
    if (ok)
        ok = workers > 1 ? kj_yara_pool_run(&targets, workers, j->deadline, make_scanner, j)
                         : scan_here(j, &targets);
    kj_yara_targets_done(&targets);
    return ok ? KJ_YARA_EXIT_OK : KJ_YARA_EXIT_TROUBLE;
}

static void print_stats(const kj_defs *defs)
{
    (void)printf("number of rules                    : %u\n", defs->rules.count);
    (void)printf("number of strings                  : %u\n", defs->patterns.count);
    (void)printf("number of atoms                    : %u\n", defs->postings.count);
    (void)printf("number of strings without an atom  : %u\n", defs->scanned.count);
}

static int scan_target(job *j, const char *target)
{
    struct stat st;
    bool is_directory = stat(target, &st) == 0 && S_ISDIR(st.st_mode);
    if (j->cli->print_stats)
        print_stats(&j->rules.defs);
    if (j->cli->timeout_s && j->cli->timeout_s < UINT64_MAX / 1000000000 / 2)
        j->deadline.ns = kj_clock_ns() + j->cli->timeout_s * UINT64_C(1000000000);
    if (j->cli->scan_list && is_directory) {
        (void)fputs("error: cannot use a directory as scan list.\n", stderr);
        return KJ_YARA_EXIT_TROUBLE;
    }
    if (j->cli->scan_list || is_directory)
        return scan_many(j, target, is_directory);
    return scan_file(j, target);
}

/* ---- the command
 * ------------------------------------------------------------------------------------- */

static int print_modules(void)
{
    for (size_t i = 0; i < kj_module_count; i++)
        (void)printf("%s\n", kj_modules[i]->schema.name);
    return KJ_YARA_EXIT_OK;
}

static int scan(const kj_yara_cli *cli, char **operands, int count)
{
    if (cli->version) {
        (void)printf("%s (kujo %s)\n", YARA_VERSION, KUJO_VERSION);
        return KJ_YARA_EXIT_OK;
    }
    if (cli->module_names)
        return print_modules();
    if (count < 2) {
        (void)kj_complain(_("say which rules and what to scan: RULES... TARGET; see 'kujo yara "
                            "--help'"));
        return KJ_YARA_EXIT_TROUBLE;
    }
    job j = {.cli = cli};
    int code = KJ_YARA_EXIT_TROUBLE;
    if (open_reports(cli, &j.reports) && kj_yara_rules_open(cli, operands, count - 1, &j.rules))
        code = scan_target(&j, operands[count - 1]);
    kj_yara_rules_close(&j.rules);
    close_reports(&j.reports);
    return code;
}

static const kj_command subcommands[] = {
    {"check", N_("say what is wrong with rules, and which strings are slow"), kj_yara_check},
    {"fmt", N_("lay out rules"), kj_yara_fmt},
};

static int run(int argc, char **argv)
{
    for (size_t i = 0; argc >= 2 && i < KJ_COUNT(subcommands); i++)
        if (strcmp(argv[1], subcommands[i].name) == 0)
            return subcommands[i].run(argc - 1, argv + 1);
    kj_yara_cli cli = {.timeout_s = 1000000, .max_strings = 10000};
    int first = 0;
    kj_parsed parsed = kj_options_parse(&usage, argc, argv, &cli, &first);
    int code = parsed == KJ_PARSED_HELP ? KJ_YARA_EXIT_OK : KJ_YARA_EXIT_TROUBLE;
    if (parsed == KJ_PARSED_OK)
        code = scan(&cli, argv + first, argc - first);
    kj_vec_done(&cli.defines);
    kj_vec_done(&cli.module_data);
    kj_vec_done(&cli.tags);
    kj_vec_done(&cli.identifiers);
    return code;
}

const kj_command kj_command_yara = {
    .name = "yara",
    .summary = N_("scan with YARA rules as yara does; check and lay out rules"),
    .run = run,
};
