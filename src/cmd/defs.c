/* SPDX-License-Identifier: Apache-2.0 */
/* kujo defs build|check|info|list */
#include "base/arith.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "cmd/cmd.h"
#include "cmd/definitions.h"
#include "cmd/options.h"
#include "cmd/sources.h"
#include "defs/writer.h"
#include "modules/module.h"
#include "rules/advisory/advisory.h"
#include "scan/selftest.h"

#include <jansson.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { FILE_MAX = INT32_MAX };

static bool wants_color(bool never)
{
    return !never && isatty(STDERR_FILENO) && !getenv("NO_COLOR");
}

static int fail_on(const char *path, const kj_error *err)
{
    if (err->offset == KJ_NO_OFFSET)
        return kj_complain("%s: %s", path, err->message);
    return kj_complain(_("%s: %s (at byte %llu)"), path, err->message,
                       (unsigned long long)err->offset);
}

/* ---- sources
 * ------------------------------------------------------------------------------------- */

/* Compiles all operands; false, with everything said, when there is an error. */
static bool load(kj_ir *ir, const kj_option_list *defines, char **paths, int count, bool color)
{
    bool ok = kj_sources_define(ir, defines);
    for (int i = 0; i < count && ok; i++) {
        kj_error err = {.offset = KJ_NO_OFFSET};
        if (kj_sources_add(ir, paths[i], KJ_SOURCE_BY_NAME, &err) == KJ_OK)
            continue;
        (void)fail_on(paths[i], &err);
        ok = false;
    }
    kj_error err = {.offset = KJ_NO_OFFSET};
    if (ok && kj_advisory_check_all(ir, &err) != KJ_OK) {
        (void)kj_complain("%s", err.message);
        ok = false;
    }
    return kj_sources_print(ir, color) && ok;
}

/* The release that the sources make when none is asked for: the newest that any of them names. */
static uint32_t newest_release(const kj_ir *ir)
{
    uint32_t newest = KJ_FIRST_RELEASE;
    for (size_t i = 0; i < ir->threats.count; i++) {
        const kj_threat *threat = &ir->threats.items[i];
        newest = threat->required > newest ? threat->required : newest;
    }
    for (size_t i = 0; i < ir->detects.count; i++) {
        uint32_t since = ir->detects.items[i].since;
        newest = since > newest ? since : newest;
    }
    return newest;
}

/* ---- build
 * ---------------------------------------------------------------------------------------- */

typedef struct build_options {
    uint32_t release;
    const char *output;
    const char *date;
    kj_option_list defines;
    bool costs;
    bool quiet;
    bool no_color;
} build_options;

static const kj_option build_table[] = {
    {"output", 'o', KJ_OPTION_TEXT, offsetof(build_options, output), N_("FILE"),
     N_("write the definitions to FILE")},
    {"release", 'r', KJ_OPTION_COUNT, offsetof(build_options, release), N_("N"),
     N_("build them as of release N (default: the newest the sources name, at least 8000)")},
    {"date", 0, KJ_OPTION_TEXT, offsetof(build_options, date), N_("YYYY-MM-DD"),
     N_("their date (default: that of the newest advisory)")},
    {"define", 'd', KJ_OPTION_LIST, offsetof(build_options, defines), N_("NAME=VALUE"),
     N_("define a variable that rules use")},
    {"costs", 0, KJ_OPTION_FLAG, offsetof(build_options, costs), NULL,
     N_("name the strings that are often met in clean files, and how often")},
    {"quiet", 'q', KJ_OPTION_FLAG, offsetof(build_options, quiet), NULL,
     N_("say nothing but errors and warnings")},
    {"no-color", 0, KJ_OPTION_FLAG, offsetof(build_options, no_color), NULL,
     N_("no colours, also on a terminal")},
};

static const kj_usage build_usage = {
    .command = "defs build",
    .operands = N_("SOURCE..."),
    .about = N_("Compiles advisories (.yaml) and YARA rules (.yar, .yara), files or folders of "
                "them, into one definitions file. The same sources and release give the same "
                "bytes.\n"),
    .options = build_table,
    .count = KJ_COUNT(build_table),
};

static bool parse_date(const char *text, uint64_t *out)
{
    struct tm day = {0};
    const char *end = strptime(text, "%Y-%m-%d", &day);
    time_t seconds = end && *end == '\0' ? timegm(&day) : -1;
    if (seconds < 0)
        return false;
    *out = (uint64_t)seconds;
    return true;
}

static void tell_built(const build_options *options, uint32_t release,
                       const kj_write_report *report, size_t size)
{
    if (report->skipped_engine)
        (void)fprintf(stderr, _("kujo: %zu definitions need a newer engine and were left out\n"),
                      report->skipped_engine);
    if (options->quiet)
        return;
    (void)printf(_("%s: release %u, %zu threats, %zu detections, %zu rules, %zu strings, "
                   "%zu bytes\n"),
                 options->output, release, report->threats, report->detects, report->rules,
                 report->patterns, size);
}

static void tell_costly(void *user, const kj_rule *rule, const kj_pattern *pattern, double hits)
{
    (void)user;
    (void)printf(_("rule %.*s: string %.*s: about %.0f places a MiB are looked at\n"),
                 (int)rule->name.len, (const char *)rule->name.data, (int)pattern->identifier.len,
                 (const char *)pattern->identifier.data, hits);
}

/* Writes, checks what was written as an installer would, and only then replaces the file. */
static int write_definitions(const kj_ir *ir, const build_options *options)
{
    kj_error err = {.offset = KJ_NO_OFFSET};
    kj_write_options write = KJ_WRITE_INIT;
    write.release = options->release ? options->release : newest_release(ir);
    write.engine = kj_engine_version();
    write.schemas = kj_module_schemas(&write.schema_count);
    write.costly = options->costs ? tell_costly : NULL;
    if (options->date && !parse_date(options->date, &write.date))
        return kj_complain(_("'%s' is not a date; write YYYY-MM-DD"), options->date);
    KJ_CLEANUP(kj_buf_done) kj_buf file;
    kj_buf_init(&file, FILE_MAX);
    kj_write_report report = {0};
    kj_defs defs;
    if (kj_defs_write(ir, &write, &file, &report, &err) != KJ_OK ||
        kj_defs_open_span(kj_buf_span(&file), kj_engine_version(), &defs, &err) != KJ_OK ||
        kj_defs_verify(&defs, &err) != KJ_OK)
        return kj_complain(_("cannot build: %s"), err.message);
    if (kj_file_replace(options->output, kj_buf_span(&file), 0666, &err) != KJ_OK)
        return fail_on(options->output, &err);
    tell_built(options, write.release, &report, file.len);
    return KJ_EXIT_OK;
}

static int run_build(int argc, char **argv)
{
    build_options options = {0};
    int first;
    kj_parsed parsed = kj_options_parse(&build_usage, argc, argv, &options, &first);
    int result = parsed == KJ_PARSED_HELP ? KJ_EXIT_OK : KJ_EXIT_TROUBLE;
    if (parsed == KJ_PARSED_OK && (!options.output || first >= argc)) {
        (void)kj_complain(!options.output ? _("say where to: -o FILE")
                                          : _("say what to build: SOURCE..."));
    } else if (parsed == KJ_PARSED_OK) {
        kj_ir ir;
        kj_ir_init(&ir, KJ_SOURCES_BUDGET);
        if (load(&ir, &options.defines, argv + first, argc - first, wants_color(options.no_color)))
            result = write_definitions(&ir, &options);
        kj_ir_done(&ir);
    }
    kj_vec_done(&options.defines);
    return result;
}

/* ---- check
 * ----------------------------------------------------------------------------------------- */

typedef struct check_options {
    kj_option_list defines;
    bool quiet;
    bool no_color;
} check_options;

static const kj_option check_table[] = {
    {"define", 'd', KJ_OPTION_LIST, offsetof(check_options, defines), N_("NAME=VALUE"),
     N_("define a variable that rules use")},
    {"quiet", 'q', KJ_OPTION_FLAG, offsetof(check_options, quiet), NULL,
     N_("say nothing but errors and warnings")},
    {"no-color", 0, KJ_OPTION_FLAG, offsetof(check_options, no_color), NULL,
     N_("no colours, also on a terminal")},
};

static const kj_usage check_usage = {
    .command = "defs check",
    .operands = N_("SOURCE|FILE..."),
    .about = N_("Checks sources (advisories and rules, files or folders) and runs the tests that "
                "advisories carry; checks every byte of definitions files.\n"),
    .options = check_table,
    .count = KJ_COUNT(check_table),
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

static int check_definitions(const char *path, const check_options *options)
{
    kj_error err = {.offset = KJ_NO_OFFSET};
    KJ_CLEANUP(kj_defs_close) kj_defs defs = {0};
    if (kj_defs_open(path, kj_engine_version(), &defs, &err) != KJ_OK ||
        kj_defs_verify(&defs, &err) != KJ_OK)
        return fail_on(path, &err);
    if (!options->quiet)
        (void)printf(_("%s: sound, release %u\n"), path, defs.meta.release);
    return KJ_EXIT_OK;
}

static int check_sources(kj_ir *ir, const check_options *options, char **paths, int count)
{
    bool color = wants_color(options->no_color);
    if (!load(ir, &options->defines, paths, count, color))
        return KJ_EXIT_TROUBLE;
    size_t told = ir->diags.list.count;
    kj_error err = {.offset = KJ_NO_OFFSET};
    kj_selftest_report report = {0};
    if (kj_selftest_run(ir, kj_engine_version(), &report, &err) != KJ_OK)
        return kj_complain(_("the tests cannot run: %s"), err.message);
    if (ir->diags.list.count > told)
        (void)kj_sources_print(ir, color);
    if (!options->quiet)
        (void)printf(_("%zu advisories, %zu rules, %zu tests (%zu checks): %zu failed\n"),
                     ir->threats.count, ir->rules.count, report.tests, report.checks,
                     report.failed);
    return report.failed ? KJ_EXIT_TROUBLE : KJ_EXIT_OK;
}

/* Definitions files are checked one by one, all sources together. */
static int check_operands(const check_options *options, char **paths, int count)
{
    int result = KJ_EXIT_OK, sources = 0;
    for (int i = 0; i < count; i++) {
        if (!is_definitions(paths[i]))
            paths[sources++] = paths[i];
        else if (check_definitions(paths[i], options) != KJ_EXIT_OK)
            result = KJ_EXIT_TROUBLE;
    }
    if (sources == 0)
        return result;
    kj_ir ir;
    kj_ir_init(&ir, KJ_SOURCES_BUDGET);
    if (check_sources(&ir, options, paths, sources) != KJ_EXIT_OK)
        result = KJ_EXIT_TROUBLE;
    kj_ir_done(&ir);
    return result;
}

static int run_check(int argc, char **argv)
{
    check_options options = {0};
    int first;
    kj_parsed parsed = kj_options_parse(&check_usage, argc, argv, &options, &first);
    int result = parsed == KJ_PARSED_HELP ? KJ_EXIT_OK : KJ_EXIT_TROUBLE;
    if (parsed == KJ_PARSED_OK && first >= argc)
        (void)kj_complain(_("say what to check: SOURCE or FILE"));
    else if (parsed == KJ_PARSED_OK)
        result = check_operands(&options, argv + first, argc - first);
    kj_vec_done(&options.defines);
    return result;
}

/* ---- info
 * ------------------------------------------------------------------------------------------ */

typedef struct info_options {
    const char *definitions;
    bool json;
} info_options;

static const kj_option info_table[] = {
    {"definitions", 0, KJ_OPTION_TEXT, offsetof(info_options, definitions), N_("FILE"),
     N_("those in FILE (as the operand)")},
    {"json", 0, KJ_OPTION_FLAG, offsetof(info_options, json), NULL, N_("as JSON")},
};

static const kj_usage info_usage = {
    .command = "defs info",
    .operands = N_("[FILE]"),
    .about = N_("Says what a definitions file is and holds; without FILE, the definitions that a "
                "scan would use.\n"),
    .options = info_table,
    .count = KJ_COUNT(info_table),
};

static void format_date(uint64_t seconds, char out[16])
{
    time_t when = (time_t)seconds;
    struct tm day;
    if (seconds == 0 || !gmtime_r(&when, &day) || strftime(out, 16, "%Y-%m-%d", &day) == 0)
        (void)snprintf(out, 16, "-");
}

static void format_id(const uint8_t id[16], char out[33])
{
    kj_hex_encode(kj_span_of(id, 16), out);
}

typedef struct count_row {
    const char *title; /* N_() */
    const char *key;
    uint32_t count;
} count_row;

enum { COUNT_ROWS = 7 };

static void count_rows(const kj_defs *defs, count_row out[COUNT_ROWS])
{
    const count_row rows[COUNT_ROWS] = {
        {N_("Threats"), "threats", defs->threats.count},
        {N_("Detections"), "detections", defs->detects.count},
        {N_("Artifacts"), "artifacts", defs->artifacts.count},
        {N_("Remedies"), "remedies", defs->remedies.count},
        {N_("Rules"), "rules", defs->rules.count},
        {N_("Strings"), "strings", defs->patterns.count},
        {N_("Left out: newer engine"), "skipped_engine", defs->meta.skipped},
    };
    memcpy(out, rows, sizeof rows);
}

static kj_disk_section section_at(const kj_defs *defs, uint32_t index)
{
    kj_disk_section section;
    memcpy(&section, defs->file.data + sizeof(kj_disk_header) + index * sizeof section,
           sizeof section);
    return section;
}

static void section_name(uint32_t type, char out[5])
{
    for (size_t i = 0; i < 4; i++) {
        char c = (char)(type >> (8 * i));
        out[i] = c >= ' ' && c <= '~' ? c : '?';
    }
    out[4] = '\0';
}

static void print_info(const char *path, const kj_defs *defs)
{
    char date[16], id[33], name[5];
    format_date(defs->meta.date, date);
    format_id(defs->header.build_id, id);
    (void)printf("%-24s %s\n", _("File"), path);
    (void)printf("%-24s %u\n", _("Release"), defs->meta.release);
    (void)printf("%-24s %s\n", _("Date"), date);
    (void)printf("%-24s %u.%u\n", _("Format"), defs->header.major, defs->header.minor);
    (void)printf("%-24s %u.%u.%u\n", _("Engine at least"), defs->header.engine >> 24,
                 defs->header.engine >> 16 & 0xFF, defs->header.engine & 0xFFFF);
    (void)printf("%-24s %s\n", _("Build"), id);
    (void)printf("%-24s %zu\n", _("Bytes"), defs->file.len);
    count_row rows[COUNT_ROWS];
    count_rows(defs, rows);
    for (size_t i = 0; i < COUNT_ROWS; i++)
        (void)printf("%-24s %u\n", _(rows[i].title), rows[i].count);
    (void)printf("%s\n", _("Sections"));
    for (uint32_t i = 0; i < defs->header.section_count; i++) {
        kj_disk_section section = section_at(defs, i);
        section_name(section.type, name);
        (void)printf("  %-22s %llu\n", name, (unsigned long long)section.size);
    }
}

static int print_json(const char *path, const kj_defs *defs)
{
    char date[16], id[33], name[5];
    format_date(defs->meta.date, date);
    format_id(defs->header.build_id, id);
    json_t *sections = json_array();
    for (uint32_t i = 0; i < defs->header.section_count; i++) {
        kj_disk_section section = section_at(defs, i);
        section_name(section.type, name);
        (void)json_array_append_new(
            sections, json_pack("{s:s, s:I}", "type", name, "bytes", (json_int_t)section.size));
    }
    json_t *root =
        json_pack("{s:i, s:s, s:s, s:i, s:s, s:s, s:I, s:o}", "kujo", 1, "type", "definitions",
                  "file", path, "release", (int)defs->meta.release, "date", date, "build", id,
                  "bytes", (json_int_t)defs->file.len, "sections", sections);
    if (!root)
        return kj_complain(_("out of memory"));
    count_row rows[COUNT_ROWS];
    count_rows(defs, rows);
    for (size_t i = 0; i < COUNT_ROWS; i++)
        (void)json_object_set_new(root, rows[i].key, json_integer(rows[i].count));
    (void)json_dumpf(root, stdout, JSON_COMPACT | JSON_SORT_KEYS);
    (void)putchar('\n');
    json_decref(root);
    return KJ_EXIT_OK;
}

/* Opens what a command's --definitions or operand names, or the default. */
static int open_chosen(const char *named, kj_chosen *chosen, kj_defs *defs)
{
    *chosen = kj_definitions_choose(named);
    if (!chosen->path)
        return kj_definitions_missing();
    kj_error err = {.offset = KJ_NO_OFFSET};
    if (kj_definitions_open(chosen, defs, &err) != KJ_OK)
        return fail_on(chosen->path, &err);
    return KJ_EXIT_OK;
}

static int run_info(int argc, char **argv)
{
    info_options options = {0};
    int first;
    kj_parsed parsed = kj_options_parse(&info_usage, argc, argv, &options, &first);
    if (parsed != KJ_PARSED_OK)
        return parsed == KJ_PARSED_HELP ? KJ_EXIT_OK : KJ_EXIT_TROUBLE;
    if (argc - first > 1)
        return kj_complain(_("one FILE at a time"));
    KJ_CLEANUP(kj_chosen_done) kj_chosen chosen = {0};
    KJ_CLEANUP(kj_defs_close) kj_defs defs = {0};
    int result = open_chosen(first < argc ? argv[first] : options.definitions, &chosen, &defs);
    if (result != KJ_EXIT_OK)
        return result;
    if (options.json)
        return print_json(chosen.path, &defs);
    print_info(chosen.path, &defs);
    return KJ_EXIT_OK;
}

/* ---- list
 * ------------------------------------------------------------------------------------------ */

static const kj_usage list_usage = {
    .command = "defs list",
    .operands = N_("[FILE]"),
    .about = N_("Prints the names that can be detected, one a line, sorted.\n"),
    .options = info_table,
    .count = KJ_COUNT(info_table) - 1, /* no --json */
};

static int compare_names(const void *a, const void *b)
{
    const kj_span *x = a, *y = b;
    return kj_span_compare(*x, *y);
}

static int print_names(const kj_defs *defs)
{
    KJ_VEC(kj_span) names = {0};
    for (uint32_t i = 0; i < defs->detects.count; i++) {
        kj_span name = kj_defs_name(defs, &kj_defs_detect(defs, i)->name);
        if (name.len == 0) /* damaged */
            continue;
        if (!kj_vec_add(&names, name)) {
            kj_vec_done(&names);
            return kj_complain(_("out of memory"));
        }
    }
    if (names.count)
        qsort(names.items, names.count, sizeof *names.items, compare_names);
    KJ_CLEANUP(kj_buf_done) kj_buf out;
    kj_buf_init(&out, FILE_MAX);
    for (size_t i = 0; i < names.count; i++) {
        if (i && kj_span_equal(names.items[i], names.items[i - 1]))
            continue;
        kj_escape(names.items[i], NULL, &out);
        kj_buf_put_byte(&out, '\n');
    }
    kj_vec_done(&names);
    (void)fwrite(out.data, 1, out.len, stdout);
    return KJ_EXIT_OK;
}

static int run_list(int argc, char **argv)
{
    info_options options = {0};
    int first;
    kj_parsed parsed = kj_options_parse(&list_usage, argc, argv, &options, &first);
    if (parsed != KJ_PARSED_OK)
        return parsed == KJ_PARSED_HELP ? KJ_EXIT_OK : KJ_EXIT_TROUBLE;
    if (argc - first > 1)
        return kj_complain(_("one FILE at a time"));
    KJ_CLEANUP(kj_chosen_done) kj_chosen chosen = {0};
    KJ_CLEANUP(kj_defs_close) kj_defs defs = {0};
    int result = open_chosen(first < argc ? argv[first] : options.definitions, &chosen, &defs);
    return result == KJ_EXIT_OK ? print_names(&defs) : result;
}

/* ---- the command
 * ------------------------------------------------------------------------------------- */

static const kj_command subcommands[] = {
    {"build", N_("compile sources into a definitions file"), run_build},
    {"check", N_("check sources and run their tests; check definitions files"), run_check},
    {"info", N_("what a definitions file is and holds"), run_info},
    {"list", N_("the names that can be detected"), run_list},
};

static void print_help(void)
{
    (void)printf("%s\n\n", _("usage: kujo defs build|check|info|list ..."));
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
        return kj_complain(_("'%s' is no command of kujo defs; build, check, info and list are"),
                           argv[1]);
    return kj_complain(_("say what to do: kujo defs build, check, info or list"));
}

const kj_command kj_command_defs = {
    .name = "defs",
    .summary = N_("build, check and look into definitions"),
    .run = run,
};
