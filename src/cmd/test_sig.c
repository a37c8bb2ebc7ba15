/* SPDX-License-Identifier: Apache-2.0 */
/* kujo defs test-sig: one signature against files, for its author. */
#include "base/arith.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "cmd/cmd.h"
#include "cmd/defs.h"
#include "cmd/options.h"
#include "cmd/rules.h"
#include "cmd/sig_private.h"
#include "cmd/sig_text.h"
#include "scan/findings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

typedef struct options {
    const char *type;
    bool all;
    bool json;
    bool no_color;
} options;

static const kj_option rows[] = {
    {"type", 't', KJ_OPTION_TEXT, offsetof(options, type), N_("KIND"),
     N_("what SIGNATURE is: ndb, ldb, hdb ... or yara (default: what it looks like, or its file's "
        "extension)")},
    {"all", 'a', KJ_OPTION_FLAG, offsetof(options, all), NULL,
     N_("show every member of archives and every view, also where nothing of it is")},
    {"json", 0, KJ_OPTION_FLAG, offsetof(options, json), NULL,
     N_("results as JSON, one object a line")},
    {"no-color", 0, KJ_OPTION_FLAG, offsetof(options, no_color), NULL,
     N_("no colours, also on a terminal")},
};

static const kj_usage usage = {
    .command = "defs test-sig",
    .operands = N_("SIGNATURE|FILE TARGET..."),
    .about = N_("Holds one signature, as text or in a file, against files and what is inside them: "
                "where each of its strings is, what each part of its condition is worth and why it "
                "does not match.\n"),
    .after = N_("Exit status: 1 it matches something, 0 it matches nothing, 2 trouble.\n"),
    .options = rows,
    .count = KJ_COUNT(rows),
};

/* ---- what the scan tells ------------------------------------------------------------------- */

typedef struct session {
    const options *o;
    kj_sig_subject subject;
    const char *path; /* of the file under way */
    bool color;
    bool failed;
    uint64_t matches;
    uint64_t hidden; /* objects of this file that show nothing of the signature */
} session;

/* Where a line is about; `member` is escaped already. False without memory. */
static bool add_place(const session *s, kj_span member, json_t *line)
{
    if (json_object_set_new(line, "path", kj_sig_text(kj_span_str(s->path))) != 0)
        return false;
    return member.len == 0 ||
           json_object_set_new(line, "member",
                               json_stringn((const char *)member.data, member.len)) == 0;
}

static void print(session *s, json_t *report)
{
    if (s->o->json) {
        (void)json_dumpf(report, stdout, JSON_COMPACT | JSON_SORT_KEYS);
        (void)putchar('\n');
    } else {
        kj_sig_print(report, s->color, stdout);
    }
}

static void on_examine(void *user, uint32_t set, kj_matcher *matcher, const kj_object *object,
                       const kj_match_input *input)
{
    (void)set;
    session *s = user;
    kj_buf member;
    kj_member_path(object, (kj_span){0}, &member);
    json_t *report = kj_sig_examine(&s->subject, matcher, object, input);
    if (!report || !add_place(s, kj_buf_span(&member), report))
        s->failed = true;
    else if (s->o->all || (!object->parent && !object->view) || kj_sig_is_interesting(report))
        print(s, report);
    else
        s->hidden++;
    json_decref(report);
    kj_buf_done(&member);
}

static void on_finding(void *user, const kj_finding *finding)
{
    session *s = user;
    s->matches++;
    json_t *match = json_pack("{s:i, s:s, s:o, s:s}", "kujo", 1, "type", "match", "name",
                              kj_sig_text(finding->name), "class", kj_class_name(finding->klass));
    if (!match || !add_place(s, finding->member, match))
        s->failed = true;
    else if (s->o->json)
        print(s, match);
    else
        kj_sig_print_match(match, stdout);
    json_decref(match);
}

static void on_unseen(void *user, kj_status why, kj_span member, const char *sentence)
{
    (void)why;
    const session *s = user;
    (void)kj_complain("%s%s%.*s: %s", s->path, member.len ? "!" : "", (int)member.len,
                      (const char *)member.data, _(sentence));
}

static void on_sighting(void *user, uint32_t set, uint32_t artifact, kj_span member)
{
    (void)user, (void)set, (void)artifact, (void)member;
}

static void on_object(void *user, bool is_member, const char *type, uint64_t bytes)
{
    (void)user, (void)is_member, (void)type, (void)bytes;
}

static void on_odd(void *user, kj_oddities odd, kj_span member)
{
    (void)user, (void)odd, (void)member;
}

/* ---- files --------------------------------------------------------------------------------- */

static bool scan_target(session *s, kj_scanner *scanner, const char *path)
{
    const kj_scan_events events = {
        .user = s,
        .finding = on_finding,
        .unseen = on_unseen,
        .sighting = on_sighting,
        .odd = on_odd,
        .examine = on_examine,
        .object = on_object,
    };
    struct stat info;
    KJ_CLEANUP(kj_close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0 || fstat(fd, &info) != 0)
        return !kj_complain("%s: %s", path, strerror(errno));
    if (!S_ISREG(info.st_mode))
        return !kj_complain(_("%s: not a file"), path);
    const kj_scan_input input = {
        .path = kj_span_str(path), .fd = fd, .size = (uint64_t)info.st_size};
    kj_error err = {.offset = KJ_NO_OFFSET};
    s->path = path;
    s->hidden = 0;
    if (kj_scan_file(scanner, &input, &events, &err) != KJ_OK)
        return !kj_complain("%s: %s", path, _(err.message));
    if (s->hidden && !s->o->json)
        (void)printf(_("%s: %llu more members or views show nothing of it (--all)\n"), path,
                     (unsigned long long)s->hidden);
    return true;
}

static int scan_targets(session *s, char **paths, int count)
{
    const kj_scan_limits limits = KJ_SCAN_LIMITS_INIT;
    const kj_defs *sets[] = {s->subject.defs};
    kj_scanner *scanner = kj_scanner_new(sets, 1, &limits);
    if (!scanner)
        return kj_complain(_("out of memory"));
    bool ok = true;
    for (int i = 0; i < count; i++)
        ok = scan_target(s, scanner, paths[i]) && ok;
    kj_scanner_free(scanner);
    if (s->failed)
        return kj_complain(_("out of memory"));
    if (!ok)
        return KJ_EXIT_TROUBLE;
    return s->matches ? KJ_EXIT_FOUND : KJ_EXIT_OK;
}

static int test(const options *o, const char *signature, char **paths, int count)
{
    enum { BUDGET = 1 << 30 };
    kj_ir ir;
    kj_ir_init(&ir, BUDGET);
    KJ_CLEANUP(kj_defs_close) kj_defs defs = {0};
    char digest[2 * KJ_HASH_MAX + 1];
    session s = {
        .o = o, .subject = {&ir, &defs, digest}, .color = kj_wants_color(o->no_color, stdout)};
    kj_sig_find_digest(signature, digest);
    int code = KJ_EXIT_TROUBLE;
    if (kj_sig_compile(&ir, signature, o->type, kj_wants_color(o->no_color, stderr)) &&
        kj_rules_build(&ir, KJ_FIRST_RELEASE, &defs))
        code = scan_targets(&s, paths, count);
    kj_ir_done(&ir);
    return code;
}

int kj_defs_test_sig(int argc, char **argv)
{
    options o = {0};
    int first;
    kj_parsed parsed = kj_options_parse(&usage, argc, argv, &o, &first);
    if (parsed != KJ_PARSED_OK)
        return parsed == KJ_PARSED_HELP ? KJ_EXIT_OK : KJ_EXIT_TROUBLE;
    if (argc - first < 2)
        return kj_complain(_("say what to test, and on what: SIGNATURE TARGET..."));
    return test(&o, argv[first], argv + first + 1, argc - first - 1);
}
