/* SPDX-License-Identifier: Apache-2.0 */
/* One file, its raw bytes and nothing that may be inside them: that is what yara(1) scans. */
#include "cmd/yara.h"

#include "base/arith.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/path.h"
#include "base/text.h"
#include "scan/object.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    ARENA_BUDGET = 256 << 20,
    KEEP_BUFFER = 64 << 20,     /* a larger one is given back */
    HITS_PER_PATTERN = 1000000, /* as libyara's YR_MAX_STRING_MATCHES */
    OUTPUT_MAX = 1 << 30,
    FLUSH_FROM = 256 << 10,
};

struct kj_yara_scanner {
    const kj_yara_cli *cli;
    const kj_yara_rules *rules;
    kj_module_env env;
    kj_yara_sink sink;
    kj_matcher *matcher;
    kj_yara_profile profile;
    kj_deadline deadline;
    kj_arena arena;
    kj_buf file;
    kj_buf out;
    kj_buf errors;
    uint64_t matched; /* rules, in all files: what --max-rules counts */
    bool stopped;     /* nobody takes the output */
    /* of the file at hand */
    kj_asked asked;
    uint32_t count;
};

/* ---- output
 * ------------------------------------------------------------------------------------------ */

static void flush(void *user)
{
    kj_yara_scanner *s = user;
    if (s->out.len && !s->stopped)
        s->stopped = !s->sink.write(s->sink.user, false, kj_buf_span(&s->out));
    if (s->errors.len && !s->stopped)
        s->stopped = !s->sink.write(s->sink.user, true, kj_buf_span(&s->errors));
    kj_buf_clear(&s->out);
    kj_buf_clear(&s->errors);
}

static void flush_when_full(void *user)
{
    kj_yara_scanner *s = user;
    if (s->out.len >= FLUSH_FROM)
        flush(s);
}

static void take_console_line(void *user, kj_span line)
{
    kj_yara_scanner *s = user;
    if (s->cli->quiet_console)
        return;
    kj_buf_put(&s->out, line);
    kj_buf_put_byte(&s->out, '\n');
    flush_when_full(s);
}

static bool fail(kj_yara_scanner *s, const char *path, const char *why)
{
    kj_buf_printf(&s->errors, "error scanning %s: %s\n", path, why);
    return false;
}

/* ---- making
 * ------------------------------------------------------------------------------------------ */

kj_yara_scanner *kj_yara_scanner_new(const kj_yara_cli *cli, const kj_yara_rules *rules,
                                     const kj_module_env *env, kj_yara_sink sink)
{
    kj_yara_scanner *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    *s = (kj_yara_scanner){.cli = cli, .rules = rules, .env = *env, .sink = sink};
    s->env.console = take_console_line;
    s->env.user = s;
    kj_arena_init(&s->arena, ARENA_BUDGET);
    kj_buf_init(&s->file, SIZE_MAX / 2);
    kj_buf_init(&s->out, OUTPUT_MAX);
    kj_buf_init(&s->errors, OUTPUT_MAX);
    s->matcher = kj_matcher_new(&rules->defs);
    if (!s->matcher || (cli->profile && !kj_yara_profile_init(&s->profile, &rules->defs))) {
        kj_yara_scanner_free(s);
        return NULL;
    }
    return s;
}

void kj_yara_scanner_free(kj_yara_scanner *s)
{
    if (!s)
        return;
    kj_matcher_free(s->matcher);
    kj_yara_profile_done(&s->profile);
    kj_arena_done(&s->arena);
    kj_buf_done(&s->file);
    kj_buf_done(&s->out);
    kj_buf_done(&s->errors);
    free(s);
}

void kj_yara_scanner_set_deadline(kj_yara_scanner *s, kj_deadline deadline)
{
    s->deadline = deadline;
}

bool kj_yara_scanner_is_stopped(const kj_yara_scanner *s)
{
    return s->stopped;
}

const kj_yara_profile *kj_yara_scanner_profile(const kj_yara_scanner *s)
{
    return s->profile.rules ? &s->profile : NULL;
}

/* ---- matching
 * ---------------------------------------------------------------------------------------- */

/* What -d says stands against what the definitions and the scan say. */
static kj_value defined_value(void *user, kj_span name)
{
    const kj_yara_scanner *s = user;
    for (size_t i = 0; i < s->rules->defines.count; i++)
        if (kj_span_equal(s->rules->defines.items[i].name, name))
            return s->rules->defines.items[i].value;
    return s->cli->compiled ? kj_asked_external(&s->asked, name) : kj_value_undefined();
}

static kj_value field_value(void *user, const kj_field_call *call)
{
    const kj_yara_scanner *s = user;
    return kj_module_get(&s->asked.module, call);
}

/* Tells which strings have more matches than are kept. */
static void tell_cut(kj_yara_scanner *s)
{
    const kj_defs *defs = &s->rules->defs;
    for (uint32_t i = 0; i < defs->patterns.count && !s->cli->no_warnings; i++) {
        const kj_disk_pattern *pattern = kj_defs_pattern(defs, i);
        const kj_disk_rule *rule = kj_defs_rule(defs, pattern->rule);
        if (!rule || !kj_matcher_is_cut(s->matcher, i))
            continue;
        kj_span name = kj_defs_text(defs, rule->name);
        kj_span string = kj_defs_text(defs, pattern->identifier);
        kj_buf_printf(&s->errors,
                      "warning: rule \"%.*s\": too many matches for %.*s, results for this rule "
                      "may be incorrect\n",
                      (int)name.len, (const char *)name.data, (int)string.len,
                      (const char *)string.data);
    }
}

/* Whether anybody looks at where strings are; else rules are decided as fast as can be. */
static bool wants_hits(const kj_yara_scanner *s)
{
    return s->profile.hits || s->cli->print_strings || s->cli->print_length ||
           s->cli->print_xor_key;
}

static void count_hits(kj_yara_scanner *s)
{
    for (uint32_t i = 0; s->profile.hits && i < s->rules->defs.patterns.count; i++) {
        size_t count;
        (void)kj_matcher_hits(s->matcher, i, &count);
        s->profile.hits[i] += count;
    }
}

static bool match(kj_yara_scanner *s, const char *path)
{
    const kj_match_limits limits = {
        .search = {.hits_per_pattern = HITS_PER_PATTERN,
                   .every = wants_hits(s),
                   .costs = s->profile.patterns},
        .steps = UINT64_MAX,
        .deadline = s->deadline,
        .costs = s->profile.rules,
    };
    kj_error err = {0};
    kj_status status = kj_matcher_run(s->matcher, &s->asked.input, &limits, &err);
    count_hits(s);
    if (kj_deadline_past(&s->deadline))
        return fail(s, path, "scanning timed out");
    if (status == KJ_LIMIT)
        tell_cut(s);
    if (status == KJ_NO_MEMORY || s->arena.failed)
        return fail(s, path, "not enough memory");
    if (status != KJ_OK && status != KJ_LIMIT)
        return fail(s, path, err.message);
    return true;
}

/* ---- telling
 * ----------------------------------------------------------------------------------------- */

/* Takes note of one rule and prints it if it is to be. False: enough rules have matched. */
static bool take_rule(kj_yara_scanner *s, const kj_yara_match *match, uint32_t index)
{
    const kj_disk_rule *rule = kj_defs_rule(&s->rules->defs, index);
    if (!rule || rule->flags & KJ_RULE_PRIVATE)
        return true;
    bool matched = kj_sightings_has_rule(kj_matcher_seen(s->matcher), index);
    if (matched != s->cli->negate && !s->cli->count &&
        kj_yara_is_wanted(s->cli, &s->rules->defs, rule))
        kj_yara_print_rule(match, rule, &s->out, flush_when_full, s);
    s->count += matched;
    s->matched += matched;
    return s->cli->max_rules == 0 || s->matched < s->cli->max_rules;
}

/* In the order of the rules. Those that did not match are passed over where nobody asks for them.
 */
static void tell_rules(kj_yara_scanner *s, const char *path)
{
    const kj_sightings *seen = kj_matcher_seen(s->matcher);
    const kj_yara_match match = {
        .cli = s->cli,
        .rules = s->rules,
        .matcher = s->matcher,
        .bytes = kj_buf_span(&s->file),
        .path = kj_span_str(path),
    };
    bool all = s->cli->negate || s->cli->max_rules;
    uint32_t index = all ? 0 : kj_bits_next(&seen->rules, 0);
    while (index < seen->rules.count && take_rule(s, &match, index))
        index = all ? index + 1 : kj_bits_next(&seen->rules, index + 1);
}

/* ---- the whole
 * --------------------------------------------------------------------------------------- */

static bool read_file(kj_yara_scanner *s, const char *path)
{
    if (s->file.capacity > KEEP_BUFFER) {
        kj_buf_done(&s->file);
        kj_buf_init(&s->file, SIZE_MAX / 2);
    }
    kj_buf_clear(&s->file);
    KJ_CLEANUP(kj_close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0 || S_ISDIR(st.st_mode))
        return fail(s, path, "could not open file");
    if (S_ISREG(st.st_mode) && st.st_size > 0)
        (void)kj_buf_reserve(&s->file, (size_t)st.st_size + 1); /* the end is seen at once */
    kj_error err;
    kj_status status = kj_file_read_fd(fd, &s->file, &err);
    return status == KJ_OK ||
           fail(s, path, status == KJ_NO_MEMORY ? "not enough memory" : err.message);
}

static bool scan(kj_yara_scanner *s, const char *path)
{
    if (!read_file(s, path))
        return false;
    kj_object object = {
        .bytes = kj_buf_span(&s->file),
        .name = kj_path_base(kj_span_str(path)),
        .path = kj_span_str(path),
    };
    kj_identify(object.bytes, &object.claims);
    kj_error err;
    if (kj_asked_init(&s->asked, &object, &s->arena, &s->env, &err) != KJ_OK)
        return fail(s, path, "not enough memory");
    s->asked.input.field = field_value;
    s->asked.input.external = defined_value;
    s->asked.input.user = s;
    for (size_t i = 0; s->cli->print_data && i < s->rules->imports.count; i++)
        kj_yara_print_data(s->rules->imports.items[i], &s->asked.module, &s->out);
    if (!match(s, path))
        return false;
    tell_rules(s, path);
    return true;
}

bool kj_yara_scan(kj_yara_scanner *s, const char *path, uint32_t *out_count)
{
    kj_arena_reset(&s->arena);
    s->count = 0;
    bool ok = scan(s, path);
    flush(s);
    if (out_count)
        *out_count = s->count;
    return ok;
}

void kj_yara_scan_one_of_many(kj_yara_scanner *s, const char *path)
{
    kj_arena_reset(&s->arena);
    s->count = 0;
    (void)scan(s, path);
    if (s->cli->count)
        kj_buf_printf(&s->out, "%s: %u\n", path, s->count);
    flush(s);
}
