/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of `kujo yara` share: what the user asked for, and who does what.
 *
 *     yara.c          options, and the order of things
 *     yara_rules.c    rules, or definitions, to what is searched for
 *     yara_tell.c     what the compiler says, in yara's words
 *     yara_targets.c  directories and lists to the files that are scanned
 *     yara_pool.c     several files at a time
 *     yara_scan.c     one file
 *     yara_print.c    what is printed of a rule
 *     yara_data.c     --print-module-data
 *     yara_profile.c  --profile
 *     yara_slow.c     which strings are slow
 *     yara_check.c    kujo yara check
 *     yara_fmt.c      kujo yara fmt; yara_format.c lays out the text
 *
 * What goes to standard output, and the exit status, are those of yara(1) 4.5: other programs read
 * them. The sentences on standard error have its form. */
#pragma once

#include "base/buf.h"
#include "base/clock.h"
#include "cmd/options.h"
#include "defs/defs.h"
#include "ir/ir.h"
#include "match/match.h"
#include "modules/module.h"

/* yara(1) knows these two only. */
enum { KJ_YARA_EXIT_OK = 0, KJ_YARA_EXIT_TROUBLE = 1 };

typedef struct kj_yara_cli {
    bool print_strings;
    bool print_length;
    bool print_xor_key;
    bool print_meta;
    bool print_tags;
    bool print_namespace;
    bool print_data;
    bool print_stats;
    bool negate;
    bool count;
    bool fast;
    bool recursive;
    bool no_follow;
    bool no_warnings;
    bool strict_escape;
    bool fail_on_warnings;
    bool module_names;
    bool quiet_console;
    bool scan_list;
    bool compiled;
    bool profile;
    bool version;
    uint32_t max_rules; /* 0: all */
    uint32_t workers;   /* 0: one a CPU */
    uint32_t max_strings;
    uint32_t stack_size; /* accepted, as the next two: nothing here has such a limit */
    uint64_t memory_chunk;
    const char *quality_table;
    uint64_t larger; /* bytes from which files in directories are skipped; 0: none are */
    uint64_t timeout_s;
    kj_option_list defines;
    kj_option_list module_data;
    kj_option_list tags;
    kj_option_list identifiers;
} kj_yara_cli;

/* ---- yara_rules.c ---------------------------------------------------------------------------- */

/* What is searched for. */
typedef struct kj_yara_rules {
    kj_defs defs;
    KJ_VEC(const kj_module *) imports; /* in the order in which rules name them, each once */
    KJ_VEC(kj_external) defines;       /* -d, for definitions that were built before */
    bool *single; /* one a pattern: nothing but whether it is there matters; NULL: nobody asks */
} kj_yara_rules;

/* Compiles the rule files, each FILE or NAMESPACE:FILE, `-` being standard input, or with
 * --compiled- rules opens the one file of definitions. What is wrong is said on stderr; false then.
 */
bool kj_yara_rules_open(const kj_yara_cli *cli, char **paths, int count, kj_yara_rules *out);
void kj_yara_rules_close(kj_yara_rules *rules);

/* ---- yara_tell.c ----------------------------------------------------------------------------- */

/* Prints diagnostics [from, all] of the IR on stderr, warnings unless --no-warnings. */
void kj_yara_tell(const kj_yara_cli *cli, const kj_ir *ir, size_t from);

/* Prints one about `what`, a part of a source: the name of a rule, or of one of its strings. */
void kj_yara_tell_about(const kj_ir *ir, const kj_rule *rule, kj_span what, kj_severity severity,
                        const char *message);

/* The source that a span lies in and where; NULL: in none. */
const kj_source *kj_yara_find_source(const kj_ir *ir, kj_span span, size_t *out_offset);

/* ---- yara_targets.c -------------------------------------------------------------------------- */

/* Files to scan, in the order in which they are. */
typedef struct kj_yara_targets {
    kj_arena arena;
    KJ_VEC(const char *) paths;
} kj_yara_targets;

/* Adds what is in a directory, by name; what lies deeper with --recursive only. */
void kj_yara_targets_add_directory(const kj_yara_cli *cli, const char *path,
                                   kj_yara_targets *targets);

/* Adds the paths in a file, one a line. False, said on stderr, when it cannot be read. */
bool kj_yara_targets_add_list(const kj_yara_cli *cli, const char *path, kj_yara_targets *targets);

/* Says on stderr when some do not fit in memory. */
bool kj_yara_targets_fit(const kj_yara_targets *targets);
void kj_yara_targets_done(kj_yara_targets *targets);

/* ---- yara_scan.c ----------------------------------------------------------------------------- */

/* Where output goes: standard output or, `is_error`, standard error. False: nobody takes it. */
typedef struct kj_yara_sink {
    bool (*write)(void *user, bool is_error, kj_span text);
    void *user;
} kj_yara_sink;

typedef struct kj_yara_scanner kj_yara_scanner; /* a matcher, and a buffer for files */

/* All three outlive the scanner. NULL without memory. */
kj_yara_scanner *kj_yara_scanner_new(const kj_yara_cli *cli, const kj_yara_rules *rules,
                                     const kj_module_env *env, kj_yara_sink sink);
void kj_yara_scanner_free(kj_yara_scanner *scanner);

/* When scans end. */
void kj_yara_scanner_set_deadline(kj_yara_scanner *scanner, kj_deadline deadline);

/* Scans a file and writes what is to be written. *out_count (may be NULL) is the number of rules
 * that matched. False when it could not be scanned, which is told, too. */
bool kj_yara_scan(kj_yara_scanner *scanner, const char *path, uint32_t *out_count);

/* Whether nobody takes the output any more. */
bool kj_yara_scanner_is_stopped(const kj_yara_scanner *scanner);

/* The same in a directory: with --count the number is written behind the path. */
void kj_yara_scan_one_of_many(kj_yara_scanner *scanner, const char *path);

/* ---- yara_pool.c ----------------------------------------------------------------------------- */

/* Makes a scanner for one process. */
typedef kj_yara_scanner *kj_yara_scanner_maker(void *user, kj_yara_sink sink);

/* Scans the targets, `workers` of them at a time, each in a process of its own. What they write
 * comes in the targets' order. False when workers cannot be started. */
bool kj_yara_pool_run(const kj_yara_targets *targets, unsigned workers, kj_deadline deadline,
                      kj_yara_scanner_maker *maker, void *user);

/* ---- yara_print.c ---------------------------------------------------------------------------- */

/* What is printed of a rule. */
typedef struct kj_yara_match {
    const kj_yara_cli *cli;
    const kj_yara_rules *rules;
    kj_matcher *matcher;
    kj_span bytes; /* of the file */
    kj_span path;
} kj_yara_match;

/* Whether --tag and --identifier let the rule through. */
bool kj_yara_is_wanted(const kj_yara_cli *cli, const kj_defs *defs, const kj_disk_rule *rule);

/* Appends the line of a rule and those of its strings. `flush`, called between lines, may empty
 * `out`. */
void kj_yara_print_rule(const kj_yara_match *match, const kj_disk_rule *rule, kj_buf *out,
                        void (*flush)(void *user), void *user);

/* ---- yara_data.c ----------------------------------------------------------------------------- */

/* Appends everything that a module knows about an object, as --print-module-data shows it. */
void kj_yara_print_data(const kj_module *module, const kj_module_input *input, kj_buf *out);

/* ---- yara_profile.c -------------------------------------------------------------------------- */

/* What rules and strings cost, summed over the files. */
typedef struct kj_yara_profile {
    uint64_t *rules;    /* steps of conditions */
    uint64_t *patterns; /* steps of searching */
    uint64_t *hits;     /* of patterns */
} kj_yara_profile;

bool kj_yara_profile_init(kj_yara_profile *profile, const kj_defs *defs);
void kj_yara_profile_done(kj_yara_profile *profile);

/* The scanner's; NULL without --profile. */
const kj_yara_profile *kj_yara_scanner_profile(const kj_yara_scanner *scanner);

/* Prints the table on stderr, the dearest first. */
void kj_yara_profile_print(const kj_yara_profile *profile, const kj_defs *defs);

/* ---- yara_slow.c ----------------------------------------------------------------------------- */

/* What the search has of a string, from the best to the worst. */
typedef enum kj_yara_pace {
    KJ_YARA_PACE_FINE,
    KJ_YARA_PACE_COMMON, /* four equal bytes */
    KJ_YARA_PACE_SHORT,  /* two bytes */
    KJ_YARA_PACE_NONE,   /* nothing: it is tried everywhere */
} kj_yara_pace;

typedef struct kj_yara_slow {
    const kj_rule *rule;
    const kj_pattern *pattern;
    kj_yara_pace pace;
} kj_yara_slow;

typedef KJ_VEC(kj_yara_slow) kj_yara_slow_list;

/* Appends the strings that are not fine. `defs` were made of all that `ir` holds. False without
 * memory. */
bool kj_yara_find_slow(const kj_ir *ir, const kj_defs *defs, kj_yara_slow_list *out);

/* ---- yara_check.c, yara_fmt.c, yara_format.c ------------------------------------------------- */

int kj_yara_check(int argc, char **argv);
int kj_yara_fmt(int argc, char **argv);

/* Lays out the rules of a source and appends them: the same tokens and comments, with other blanks
 * between them. KJ_MALFORMED, with the offset, for what are no rules. */
KJ_MUST_CHECK kj_status kj_yara_format(kj_span source, kj_buf *out, kj_error *err);
