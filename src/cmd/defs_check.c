/* SPDX-License-Identifier: Apache-2.0 */
/* kujo defs check: sources with their tests, and definitions files. */
#include "base/arith.h"
#include "base/cleanup.h"
#include "cmd/cmd.h"
#include "cmd/defs.h"
#include "cmd/sources.h"
#include "scan/selftest.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

typedef struct options {
    kj_sources_options sources;
    bool no_color;
} options;

static const kj_option rows[] = {
    KJ_SOURCES_BUILD_OPTIONS(options, sources),
    KJ_SOURCES_OPTIONS(options, sources),
    {"quiet", 'q', KJ_OPTION_FLAG, offsetof(options, sources.quiet), NULL,
     N_("say nothing but errors and warnings")},
    {"no-color", 0, KJ_OPTION_FLAG, offsetof(options, no_color), NULL,
     N_("no colours, also on a terminal")},
};

static const kj_usage usage = {
    .command = "defs check",
    .operands = N_("SOURCE|FILE..."),
    .about = N_("Checks sources (advisories, rules and ClamAV signatures, files or folders) and "
                "runs the tests that advisories carry; checks every byte of definitions files.\n"),
    .options = rows,
    .count = KJ_COUNT(rows),
};

static bool is_definitions(const char *path)
{
    char magic[sizeof((kj_disk_header *)NULL)->magic] = {0};
    KJ_CLEANUP(kj_close_file) FILE *file = fopen(path, "rbe");
    const char *dot = strrchr(path, '.');
    bool named = dot && strcmp(dot, ".defs") == 0;
    struct stat info;
    if (!file || fstat(fileno(file), &info) != 0 || !S_ISREG(info.st_mode))
        return false;
    bool read = fread(magic, sizeof magic, 1, file) == 1;
    return named || (read && memcmp(magic, KJ_DISK_MAGIC, sizeof magic) == 0);
}

static int check_definitions(const char *path, const options *o)
{
    kj_error err = {.offset = KJ_NO_OFFSET};
    KJ_CLEANUP(kj_defs_close) kj_defs defs = {0};
    if (kj_defs_open(path, kj_engine_version(), &defs, &err) != KJ_OK ||
        kj_defs_verify(&defs, &err) != KJ_OK)
        return kj_defs_complain(path, &err);
    if (!o->sources.quiet)
        (void)printf(_("%s: sound, release %u\n"), path, defs.meta.release);
    return KJ_EXIT_OK;
}

static void tell(const kj_ir *ir, const kj_sources_counts *counts, const kj_selftest_report *report)
{
    (void)printf(_("%zu advisories, %zu rules, %zu tests (%zu checks): %zu failed\n"),
                 ir->threats.count, ir->rules.count, report->tests, report->checks, report->failed);
    if (counts->clamav.lines)
        (void)printf(_("%llu lines of ClamAV signatures: %llu taken, %llu malformed\n"),
                     (unsigned long long)counts->clamav.lines,
                     (unsigned long long)counts->clamav.signatures,
                     (unsigned long long)counts->clamav.malformed);
}

static int check_sources(kj_ir *ir, const options *o, const char *const *paths, size_t count)
{
    kj_sources_counts counts = {0};
    if (!kj_sources_compile(ir, &o->sources, paths, count, &counts))
        return KJ_EXIT_TROUBLE;
    size_t told = ir->diags.list.count;
    kj_error err = {.offset = KJ_NO_OFFSET};
    kj_selftest_report report = {0};
    if (kj_selftest_run(ir, kj_engine_version(), &report, &err) != KJ_OK)
        return kj_complain(_("the tests cannot run: %s"), _(err.message));
    if (ir->diags.list.count > told)
        (void)kj_sources_print(ir, o->sources.color);
    if (!o->sources.quiet)
        tell(ir, &counts, &report);
    return report.failed ? KJ_EXIT_TROUBLE : KJ_EXIT_OK;
}

/* Definitions files are checked one by one, all sources together. */
static int check_operands(options *o, char **paths, int count)
{
    int result = KJ_EXIT_OK, sources = 0;
    o->sources.color = kj_wants_color(o->no_color, stderr);
    for (int i = 0; i < count; i++) {
        if (!is_definitions(paths[i]))
            paths[sources++] = paths[i];
        else if (check_definitions(paths[i], o) != KJ_EXIT_OK)
            result = KJ_EXIT_TROUBLE;
    }
    if (sources == 0)
        return result;
    kj_ir ir;
    kj_ir_init(&ir, KJ_SOURCES_BUDGET);
    if (check_sources(&ir, o, (const char *const *)paths, (size_t)sources) != KJ_EXIT_OK)
        result = KJ_EXIT_TROUBLE;
    kj_ir_done(&ir);
    return result;
}

int kj_defs_check(int argc, char **argv)
{
    options o = {0};
    int first;
    kj_parsed parsed = kj_options_parse(&usage, argc, argv, &o, &first);
    int result = parsed == KJ_PARSED_HELP ? KJ_EXIT_OK : KJ_EXIT_TROUBLE;
    if (parsed == KJ_PARSED_OK && first >= argc)
        (void)kj_complain(_("say what to check: SOURCE or FILE"));
    else if (parsed == KJ_PARSED_OK)
        result = check_operands(&o, argv + first, argc - first);
    kj_sources_options_done(&o.sources);
    return result;
}
