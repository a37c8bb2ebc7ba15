/* SPDX-License-Identifier: Apache-2.0 */
/* kujo scan: what the user asked for, to scan/run.h and report/. */
#include "base/cleanup.h"
#include "base/clock.h"
#include "cmd/cmd.h"
#include "cmd/heuristics.h"
#include "cmd/interrupt.h"
#include "cmd/list.h"
#include "cmd/options.h"
#include "cmd/reports.h"
#include "cmd/scan_image.h"
#include "cmd/scan_quarantine.h"
#include "cmd/sets.h"
#include "report/report.h"
#include "scan/pool.h"
#include "scan/run.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct options {
    bool all;
    bool explain;
    bool json;
    bool quiet;
    bool no_color;
    bool incomplete_ok;
    bool one_file_system;
    bool null_separated;
    bool quarantine;
    bool list_heuristics;
    uint32_t workers;
    const char *definitions;
    const char *rules_kind;
    const char *files_from;
    const char *state;
    kj_sources_options sources;
    kj_option_list rules;
    kj_option_list module_data;
    kj_option_list excludes;
    kj_option_list heuristics;
    kj_scan_limits limits;
    kj_odd_policy odd;
} options;

#define FIELD(name) offsetof(options, name)

static const kj_option rows[] = {
    {"all", 'a', KJ_OPTION_FLAG, FIELD(all), NULL,
     N_("show every detection of an object, not its verdict alone")},
    {"explain", 'e', KJ_OPTION_FLAG, FIELD(explain), NULL,
     N_("show the evidence: which rule or artifact, which bytes, where")},
    {"json", 0, KJ_OPTION_FLAG, FIELD(json), NULL, N_("results as JSON, one object a line")},
    {"quiet", 'q', KJ_OPTION_FLAG, FIELD(quiet), NULL,
     N_("no summary, no progress, nothing about what was skipped, is strange or is printed by "
        "rules")},
    {"no-color", 0, KJ_OPTION_FLAG, FIELD(no_color), NULL,
     N_("no colours on a terminal (as NO_COLOR does)")},
    {"definitions", 'd', KJ_OPTION_TEXT, FIELD(definitions), N_("FILE"),
     N_("use these definitions; none: no definitions at all")},
    {"rules", 'r', KJ_OPTION_LIST, FIELD(rules), N_("FILE"),
     N_("add the rules in FILE (.yar, .yara: YARA; .yaml: an advisory; .ndb, .ldb, .hdb, .cvd and "
        "so on: ClamAV's signatures)")},
    {"rules-kind", 0, KJ_OPTION_TEXT, FIELD(rules_kind), N_("KIND"),
     N_("yara, advisory, ndb and so on, whatever the files of --rules are called")},
    KJ_SOURCES_OPTIONS(options, sources),
    {"module-data", 0, KJ_OPTION_LIST, FIELD(module_data), N_("NAME=FILE"),
     N_("the report that rules' module NAME (cuckoo, androguard) answers from")},
    {"heuristic", 0, KJ_OPTION_LIST, FIELD(heuristics), N_("NAME=POLICY"),
     N_("ignore, report or detect: what it means that something is strange; NAME may be a group "
        "(Mail) or all")},
    {"list-heuristics", 0, KJ_OPTION_FLAG, FIELD(list_heuristics), NULL,
     N_("show these names, what they mean, and the policy of each")},
    {"exclude", 'x', KJ_OPTION_LIST, FIELD(excludes), N_("GLOB"),
     N_("leave out what is called so (or, with a /, whose path is so)")},
    {"one-file-system", 0, KJ_OPTION_FLAG, FIELD(one_file_system), NULL,
     N_("do not enter other file systems")},
    {"files-from", 'T', KJ_OPTION_TEXT, FIELD(files_from), N_("FILE"),
     N_("scan the paths listed in FILE, too, one a line; -: standard input")},
    {"null", '0', KJ_OPTION_FLAG, FIELD(null_separated), NULL,
     N_("a NUL ends each path of --files-from, not a newline")},
    {"jobs", 'j', KJ_OPTION_COUNT, FIELD(workers), N_("N"),
     N_("scan N files at a time (default: one a CPU)")},
    {"incomplete-ok", 0, KJ_OPTION_FLAG, FIELD(incomplete_ok), NULL,
     N_("exit with 0 when all that went wrong is that something was not fully scanned")},
    {"quarantine", 0, KJ_OPTION_FLAG, FIELD(quarantine), NULL,
     N_("move files in which something was detected into the quarantine ('kujo undo' brings them "
        "back)")},
    {"state", 0, KJ_OPTION_TEXT, FIELD(state), N_("DIR"),
     N_("journal and quarantine (default: /var/lib/kujo for root)")},
    {"max-depth", 0, KJ_OPTION_COUNT, FIELD(limits.depth), N_("N"),
     N_("containers inside containers (16)")},
    {"max-members", 0, KJ_OPTION_COUNT64, FIELD(limits.members), N_("N"),
     N_("members of one file, all levels together (100000)")},
    {"max-bytes", 0, KJ_OPTION_SIZE, FIELD(limits.bytes), N_("SIZE"),
     N_("bytes unpacked of one file, all levels together (2G)")},
    {"max-member-size", 0, KJ_OPTION_SIZE, FIELD(limits.member_bytes), N_("SIZE"),
     N_("bytes of one member (256M)")},
    {"max-file-size", 0, KJ_OPTION_SIZE, FIELD(limits.file_bytes), N_("SIZE"),
     N_("bytes of one file (1G)")},
    {"max-ratio", 0, KJ_OPTION_COUNT, FIELD(limits.ratio), N_("N"),
     N_("unpacked bytes to packed ones (1000)")},
    {"max-readings", 0, KJ_OPTION_COUNT, FIELD(limits.readings), N_("N"),
     N_("further readings of ambiguous messages, times the bytes read (8)")},
    {"max-time", 0, KJ_OPTION_TIME, FIELD(limits.time_ms), N_("TIME"),
     N_("for one file, in seconds, or as 500ms, 2m (120)")},
};

static const kj_usage usage = {
    .command = "scan",
    .operands = N_("PATH..."),
    .about = N_("Scans files and directories, and what is inside archives and mail; - is standard "
                "input.\n"),
    .after = N_("Results go to standard output as PATH!MEMBER: NAME FOUND, the rest to standard "
                "error.\nExits with 1 when something was detected, else with 2 when something went "
                "wrong or\nwas not fully scanned, else with 0; with 128 plus the signal's number "
                "when it was\nstopped.\n"),
    .options = rows,
    .count = sizeof rows / sizeof rows[0],
};

/* ---- events -----------------------------------------------------------------------------------
 */

static uint64_t now_ms(void)
{
    return kj_clock_ns() / 1000000;
}

/* Who is told of results. */
typedef struct listeners {
    kj_report report;           /* first: the other events know it alone */
    kj_detected_list *detected; /* NULL: nothing is moved */
} listeners;

static void on_object(void *user, const kj_run_object *object)
{
    listeners *a = user;
    a->report.form->object(&a->report, object);
    if (a->detected)
        kj_detected_add(a->detected, object);
}

static void on_unseen(void *user, kj_span path, kj_span member, kj_status why, const char *sentence)
{
    kj_report *report = user;
    report->form->unseen(report, path, member, why, sentence);
}

static void on_console(void *user, kj_span path, kj_span member, kj_span line)
{
    kj_report *report = user;
    report->form->console(report, path, member, line);
}

static void on_odd(void *user, kj_span path, kj_span member, kj_oddities odd)
{
    kj_report *report = user;
    report->form->odd(report, path, member, odd);
}

static void on_error(void *user, kj_span path, const kj_error *err)
{
    kj_report *report = user;
    report->form->error(report, path, err);
}

static void on_skipped(void *user, kj_span path, const char *sentence)
{
    kj_report *report = user;
    report->form->skipped(report, path, sentence);
}

static void on_progress(void *user, const kj_run_progress *state)
{
    const kj_report *report = user;
    kj_progress_show(report->progress, state, now_ms());
}

static void on_scanner(void *user, kj_scanner *scanner)
{
    (void)user;
    kj_interrupt_set_scanner(scanner);
}

/* A signal, or nobody who reads the results any more. */
static bool is_stopped(void *user)
{
    const kj_report *report = user;
    return kj_interrupt_signal() != 0 || ferror(report->out);
}

/* ---- how --------------------------------------------------------------------------------------
 */

/* A single file needs no worker: starting one would take longer than most scans. An image holds
 * many. */
static bool is_one_file(const options *o, int count, char **paths)
{
    struct stat st;
    return !o->files_from && count == 1 &&
           (strcmp(paths[0], "-") == 0 ||
            (stat(paths[0], &st) == 0 && !S_ISDIR(st.st_mode) && !kj_image_is_raw(paths[0])));
}

static unsigned choose_workers(const options *o, int count, char **paths)
{
    if (is_one_file(o, count, paths))
        return 0;
    if (o->workers)
        return o->workers < KJ_WORKERS_MAX ? o->workers : KJ_WORKERS_MAX;
    cpu_set_t cpus;
    int online = sched_getaffinity(0, sizeof cpus, &cpus) == 0 ? CPU_COUNT(&cpus) : 1;
    return online < KJ_WORKERS_MAX ? (unsigned)online : KJ_WORKERS_MAX;
}

/* The walk holds a descriptor a level, the queue some a worker. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max < 65536 ? limit.rlim_max : 65536;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static int exit_code(const options *o, const kj_run_totals *totals, bool failed)
{
    if (kj_interrupt_signal())
        return KJ_EXIT_SIGNAL + kj_interrupt_signal();
    if (totals->infected_objects)
        return KJ_EXIT_FOUND;
    if (totals->errors || failed || (totals->unseen && !o->incomplete_ok))
        return KJ_EXIT_TROUBLE;
    return KJ_EXIT_OK;
}

static int scan(const options *o, const kj_sets *s, const kj_reports *reports, kj_path_list *list,
                int count, char **paths)
{
    raise_descriptor_limit();
    kj_progress progress;
    kj_progress_init(&progress, stderr, now_ms());
    bool shows_progress = !o->quiet && isatty(STDERR_FILENO);
    kj_detected_list detected = {0};
    listeners audience = {.detected = o->quarantine ? &detected : NULL};
    kj_report *report = &audience.report;
    *report = (kj_report){
        .form = o->json ? &kj_report_json : &kj_report_text,
        .out = stdout,
        .notes = stderr,
        .all = o->all,
        .explain = o->explain,
        .quiet = o->quiet,
        .color = kj_wants_color(o->no_color, stdout),
        .notes_color = kj_wants_color(o->no_color, stderr),
        .sets = s->items,
        .set_count = s->count,
        .rules_set = s->rules,
        .progress = &progress,
    };
    kj_run_events events = {
        .user = &audience,
        .object = on_object,
        .unseen = on_unseen,
        .console = on_console,
        .odd = on_odd,
        .error = on_error,
        .skipped = on_skipped,
        .progress = shows_progress ? on_progress : NULL,
        .scanner = on_scanner,
        .stopped = is_stopped,
    };
    kj_run_options run = {
        .sets = s->items,
        .set_count = s->count,
        .limits = o->limits,
        .env = {.data = reports->data, .data_count = reports->count},
        .odd = o->odd,
        .walk = {.excludes = o->excludes.items,
                 .exclude_count = o->excludes.count,
                 .one_file_system = o->one_file_system},
        .paths = (const char *const *)paths,
        .path_count = (size_t)count,
        .more = o->files_from ? kj_path_list_next : NULL,
        .more_user = list,
        .workers = choose_workers(o, count, paths),
        .wake_fd = kj_interrupt_listen(),
        .count = shows_progress,
    };
    kj_images *images = kj_images_new(&o->limits, &run.walk);
    uint64_t start = now_ms();
    kj_run_totals totals = {0};
    kj_error err = {0};
    if (images)
        run.images = kj_images_for_run(images);
    kj_status status = images ? kj_run(&run, &events, &totals, &err) : kj_no_memory(&err);
    kj_images_free(images);
    kj_progress_erase(&progress);
    bool failed = status != KJ_OK && status != KJ_CANCELLED;
    if (failed)
        (void)kj_complain("%s", err.message);
    if (list->failed) {
        (void)kj_complain("%s: %s", o->files_from, strerror(EIO));
        failed = true;
    }
    kj_report_summary summary = {&totals, now_ms() - start, kj_interrupt_signal() != 0};
    report->form->summary(report, &summary);
    kj_report_done(report);
    if (o->quarantine && !kj_interrupt_signal())
        failed |= !kj_detected_move(&detected, &run, o->state, stderr);
    kj_detected_done(&detected);
    return exit_code(o, &totals, failed);
}

/* ---- the command ------------------------------------------------------------------------------
 */

/* Takes what needs more than storing; false, with a message, when it makes no sense. */
static bool settle(options *o)
{
    if (o->limits.readings == 0)
        (void)kj_complain(_("--max-readings: at least 1"));
    return o->limits.readings != 0 && kj_heuristics_choose(&o->heuristics, &o->odd);
}

static int prepare_and_scan(const options *o, int count, char **paths)
{
    if (o->list_heuristics) {
        kj_heuristics_list(&o->odd, o->json);
        return KJ_EXIT_OK;
    }
    if (count == 0 && !o->files_from)
        return kj_complain(_("scan what? Name files or directories (or -, standard input); see "
                             "'kujo scan --help'"));
    kj_path_list list = {0};
    if (o->files_from && !kj_path_list_open(&list, o->files_from, o->null_separated))
        return kj_complain("%s: %s", o->files_from, strerror(errno));
    kj_sets s = {.rules = SIZE_MAX};
    kj_reports reports;
    int code = KJ_EXIT_TROUBLE;
    kj_sets_wanted wanted = {o->definitions, &o->rules, o->rules_kind, o->sources};
    wanted.sources.color = kj_wants_color(o->no_color, stderr);
    wanted.sources.quiet = o->quiet;
    if (kj_reports_read(&o->module_data, &reports) && kj_sets_open(&wanted, &s))
        code = scan(o, &s, &reports, &list, count, paths);
    kj_sets_close(&s);
    kj_reports_done(&reports);
    kj_path_list_close(&list);
    return code;
}

static int run(int argc, char **argv)
{
    options o = {.limits = KJ_SCAN_LIMITS_INIT};
    int first = 0;
    kj_parsed parsed = kj_options_parse(&usage, argc, argv, &o, &first);
    int code = parsed == KJ_PARSED_HELP ? KJ_EXIT_OK : KJ_EXIT_TROUBLE;
    if (parsed == KJ_PARSED_OK && settle(&o))
        code = prepare_and_scan(&o, argc - first, argv + first);
    kj_vec_done(&o.rules);
    kj_vec_done(&o.module_data);
    kj_vec_done(&o.excludes);
    kj_vec_done(&o.heuristics);
    return code;
}

const kj_command kj_command_scan = {
    .name = "scan",
    .summary = N_("scan files and directories"),
    .run = run,
};
