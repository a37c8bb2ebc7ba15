/* SPDX-License-Identifier: Apache-2.0 */
/* kujo defs build: sources to a definitions file. */
#include "base/arith.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "cmd/cmd.h"
#include "cmd/defs.h"
#include "cmd/sources.h"
#include "cmd/verified.h"
#include "defs/writer.h"
#include "modules/module.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define FILE_MAX ((size_t)16 << 30) /* bytes of the definitions made */

typedef struct options {
    kj_sources_options sources;
    uint32_t release;
    const char *output;
    const char *date;
    bool costs;
    bool no_color;
} options;

static const kj_option rows[] = {
    {"output", 'o', KJ_OPTION_TEXT, offsetof(options, output), N_("FILE"),
     N_("write the definitions to FILE")},
    {"release", 'r', KJ_OPTION_COUNT, offsetof(options, release), N_("N"),
     N_("build them as of release N (default: the newest the sources name, at least 8000)")},
    {"date", 0, KJ_OPTION_TEXT, offsetof(options, date), N_("YYYY-MM-DD"),
     N_("their date (default: that of the newest advisory)")},
    KJ_SOURCES_BUILD_OPTIONS(options, sources),
    KJ_SOURCES_OPTIONS(options, sources),
    {"costs", 0, KJ_OPTION_FLAG, offsetof(options, costs), NULL,
     N_("name the strings that are often met in clean files, and how often")},
    {"quiet", 'q', KJ_OPTION_FLAG, offsetof(options, sources.quiet), NULL,
     N_("say nothing but errors and warnings")},
    {"no-color", 0, KJ_OPTION_FLAG, offsetof(options, no_color), NULL,
     N_("no colours, also on a terminal")},
};

static const kj_usage usage = {
    .command = "defs build",
    .operands = N_("SOURCE..."),
    .about = N_("Compiles advisories (.yaml), YARA rules (.yar, .yara) and ClamAV signatures "
                "(.hdb, .ndb, .ldb, .cvd and so on), files or folders of them, into one "
                "definitions file. The same sources and release give the same bytes.\n"),
    .options = rows,
    .count = KJ_COUNT(rows),
};

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

/* ---- telling ------------------------------------------------------------------------------- */

static void tell_digests(const kj_ir *ir)
{
    uint64_t scopes[KJ_SCOPE_COUNT] = {0}, trusted = 0, all = kj_hash_sets_total(&ir->hashes);
    for (size_t i = 0; i < ir->hashes.count; i++) {
        const kj_hash_set *set = &ir->hashes.items[i];
        uint64_t count = set->records.count / set->record_len;
        *(set->klass == KJ_CLASS_TRUSTED ? &trusted : &scopes[set->scope]) += count;
    }
    if (all == 0)
        return;
    (void)printf(_("%llu digests: %llu of files, %llu of sections, %llu of imports, %llu of signed "
                   "programs, %llu trusted\n"),
                 (unsigned long long)all, (unsigned long long)scopes[KJ_SCOPE_OBJECT],
                 (unsigned long long)scopes[KJ_SCOPE_SECTION],
                 (unsigned long long)scopes[KJ_SCOPE_IMPORTS],
                 (unsigned long long)scopes[KJ_SCOPE_AUTHENTICODE], (unsigned long long)trusted);
}

static void tell_rules(const kj_ir *ir)
{
    uint64_t origins[KJ_ORIGIN_COUNT] = {0};
    for (size_t i = 0; i < ir->rules.count; i++) {
        kj_origin origin = kj_rule_origin(ir->rules.items[i].flags);
        if (origin < KJ_ORIGIN_COUNT)
            origins[origin]++;
    }
    if (origins[KJ_ORIGIN_YARA] == ir->rules.count)
        return;
    (void)printf(_("%llu signatures of bodies, %llu logical, %llu of members, %llu of "
                   "certificates, %llu YARA rules\n"),
                 (unsigned long long)origins[KJ_ORIGIN_BODY],
                 (unsigned long long)origins[KJ_ORIGIN_LOGICAL],
                 (unsigned long long)origins[KJ_ORIGIN_CONTAINER],
                 (unsigned long long)origins[KJ_ORIGIN_CERTIFICATE],
                 (unsigned long long)origins[KJ_ORIGIN_YARA]);
}

static void tell_left_out(const kj_ir *ir, const kj_sources_counts *counts)
{
    if (counts->clamav.ignored)
        (void)printf(_("%llu signatures are ignored because a source says so\n"),
                     (unsigned long long)counts->clamav.ignored);
    kj_sources_print_left_out(ir, stdout);
}

static void tell_built(const kj_ir *ir, const options *o, const kj_sources_counts *counts,
                       const kj_write_options *write, const kj_write_report *report, size_t size)
{
    if (report->skipped_engine)
        (void)fprintf(stderr, _("kujo: %zu definitions need a newer engine and were left out\n"),
                      report->skipped_engine);
    if (o->sources.quiet)
        return;
    (void)printf(_("%s: release %u, %zu threats, %zu detections, %zu rules, %zu strings, "
                   "%zu bytes\n"),
                 o->output, write->release, report->threats, report->detects, report->rules,
                 report->patterns, size);
    tell_digests(ir);
    tell_rules(ir);
    tell_left_out(ir, counts);
}

static void tell_costly(void *user, const kj_rule *rule, const kj_pattern *pattern, double hits)
{
    (void)user;
    (void)printf(_("rule %.*s: string %.*s: about %.0f places a MiB are looked at\n"),
                 (int)rule->name.len, (const char *)rule->name.data, (int)pattern->identifier.len,
                 (const char *)pattern->identifier.data, hits);
}

static void say(const options *o, const char *stage)
{
    if (o->sources.progress)
        kj_progress_say(o->sources.progress, stage);
}

/* ---- building ------------------------------------------------------------------------------ */

/* Makes the definitions, and checks them as an installer would. */
static kj_status make(const kj_ir *ir, const options *o, const kj_write_options *write,
                      kj_buf *file, kj_write_report *report, kj_error *err)
{
    kj_defs defs;
    say(o, _("making the definitions"));
    KJ_TRY(kj_defs_write(ir, write, file, report, err));
    say(o, _("checking the definitions"));
    KJ_TRY(kj_defs_open_span(kj_buf_span(file), kj_engine_version(), &defs, err));
    return kj_defs_verify(&defs, err);
}

/* So that the first scan does not check again what takes long to check. Where that cannot be kept,
 * it will. */
static void remember_checked(const options *o, const kj_buf *file)
{
    enum { LARGE = 16 << 20 };
    kj_disk_header header;
    struct stat info;
    kj_error unused;
    if (file->len < LARGE || stat(o->output, &info) != 0)
        return;
    memcpy(&header, file->data, sizeof header);
    const kj_file_identity identity = kj_file_identity_of(&info);
    (void)!kj_verified_add(&identity, header.build_id, &unused);
}

/* Only what was checked replaces the file. */
static int replace_file(const options *o, const kj_buf *file)
{
    kj_error err = {.offset = KJ_NO_OFFSET};
    say(o, _("writing the definitions"));
    kj_status status = kj_file_replace(o->output, kj_buf_span(file), 0666, &err);
    kj_progress_erase(o->sources.progress);
    if (status != KJ_OK)
        return kj_defs_complain(o->output, &err);
    remember_checked(o, file);
    return KJ_EXIT_OK;
}

static int write_definitions(const kj_ir *ir, const options *o, const kj_sources_counts *counts)
{
    kj_error err = {.offset = KJ_NO_OFFSET};
    kj_write_options write = KJ_WRITE_INIT;
    write.release = o->release ? o->release : newest_release(ir);
    write.engine = kj_engine_version();
    write.schemas = kj_module_schemas(&write.schema_count);
    write.costly = o->costs ? tell_costly : NULL;
    if (o->date && !parse_date(o->date, &write.date))
        return kj_complain(_("'%s' is not a date; write YYYY-MM-DD"), o->date);
    KJ_CLEANUP(kj_buf_done) kj_buf file;
    kj_buf_init(&file, FILE_MAX);
    kj_write_report report = {0};
    if (make(ir, o, &write, &file, &report, &err) != KJ_OK) {
        kj_progress_erase(o->sources.progress);
        return kj_complain(_("cannot build: %s"), _(err.message));
    }
    int result = replace_file(o, &file);
    if (result == KJ_EXIT_OK)
        tell_built(ir, o, counts, &write, &report, file.len);
    return result;
}

static int build(options *o, const char *const *paths, size_t count)
{
    kj_progress progress;
    kj_progress_init(&progress, stderr, kj_clock_ns() / 1000000);
    if (!o->sources.quiet && isatty(STDERR_FILENO))
        o->sources.progress = &progress;
    o->sources.color = kj_wants_color(o->no_color, stderr);
    kj_ir ir;
    kj_ir_init(&ir, KJ_SOURCES_BUDGET);
    kj_sources_counts counts = {0};
    int result = KJ_EXIT_TROUBLE;
    if (kj_sources_compile(&ir, &o->sources, paths, count, &counts))
        result = write_definitions(&ir, o, &counts);
    kj_ir_done(&ir);
    return result;
}

int kj_defs_build(int argc, char **argv)
{
    options o = {0};
    int first;
    kj_parsed parsed = kj_options_parse(&usage, argc, argv, &o, &first);
    int result = parsed == KJ_PARSED_HELP ? KJ_EXIT_OK : KJ_EXIT_TROUBLE;
    if (parsed == KJ_PARSED_OK && (!o.output || first >= argc))
        (void)kj_complain(!o.output ? _("say where to: -o FILE")
                                    : _("say what to build: SOURCE..."));
    else if (parsed == KJ_PARSED_OK)
        result = build(&o, (const char *const *)argv + first, (size_t)(argc - first));
    kj_sources_options_done(&o.sources);
    return result;
}
