/* SPDX-License-Identifier: Apache-2.0 */
/* What `kujo host` and `kujo clean` share: a volume is opened, its systems are inspected, the
 * result is shown. */
#pragma once

#include "base/arena.h"
#include "cmd/options.h"
#include "cmd/sets.h"
#include "report/host_document.h"

typedef struct kj_host_options {
    bool json;
    bool quiet;
    bool explain;
    bool no_color;
    bool autostarts;
    bool all;
    bool every_file;
    uint32_t partition;
    const char *html; /* FILE */
    const char *lang;
    const char *definitions;
    const char *rules_kind;
    kj_option_list rules;
    kj_scan_limits limits;
} kj_host_options;

/* The rows that both commands have, in a table of `type`, whose member `host` is a kj_host_options.
 */
#define KJ_HOST_FIELD(type, name) (offsetof(type, host) + offsetof(kj_host_options, name))
#define KJ_HOST_OPTION_ROWS(type)                                                                    \
    {"json",         0,                                                                              \
     KJ_OPTION_FLAG, KJ_HOST_FIELD(type, json),                                                      \
     NULL,           N_("the whole result as one JSON object (docs/json-host.md)")},                 \
        {"html",         0,                                                                          \
         KJ_OPTION_TEXT, KJ_HOST_FIELD(type, html),                                                  \
         N_("FILE"),     N_("write a report for people, too: one page, in the language of --lang")}, \
        {"lang",         'l',                                                                        \
         KJ_OPTION_TEXT, KJ_HOST_FIELD(type, lang),                                                  \
         N_("LANG"),     N_("en or ja; default: what the environment asks for")},                    \
        {"explain",      'e',                                                                        \
         KJ_OPTION_FLAG, KJ_HOST_FIELD(type, explain),                                               \
         NULL,           N_("more about each trace: digests, conditions, hives, profiles")},         \
        {"quiet",        'q',                                                                        \
         KJ_OPTION_FLAG, KJ_HOST_FIELD(type, quiet),                                                 \
         NULL,           N_("findings and results only, no progress")},                              \
        {"no-color",     0,                                                                          \
         KJ_OPTION_FLAG, KJ_HOST_FIELD(type, no_color),                                              \
         NULL,           N_("no colours on a terminal (as NO_COLOR does)")},                         \
        {"every-file",                                                                               \
         0,                                                                                          \
         KJ_OPTION_FLAG,                                                                             \
         KJ_HOST_FIELD(type, every_file),                                                            \
         NULL,                                                                                       \
         N_("scan every file of the volume, not only where threats leave something")},               \
        {"partition",     0,                                                                         \
         KJ_OPTION_COUNT, KJ_HOST_FIELD(type, partition),                                            \
         N_("N"),         N_("of a disk image: the partition with that number")},                    \
        {"definitions",  'd',                                                                        \
         KJ_OPTION_TEXT, KJ_HOST_FIELD(type, definitions),                                           \
         N_("FILE"),     N_("use these definitions; none: no definitions at all")},                  \
        {"rules",                                                                                    \
         'r',                                                                                        \
         KJ_OPTION_LIST,                                                                             \
         KJ_HOST_FIELD(type, rules),                                                                 \
         N_("FILE"),                                                                                 \
         N_("add the rules in FILE (.yar, .yara: YARA; .yaml: an advisory; .ndb, .ldb, .hdb, "       \
            ".cvd and so on: ClamAV's signatures)")},                                                \
    {                                                                                                \
        "rules-kind", 0, KJ_OPTION_TEXT, KJ_HOST_FIELD(type, rules_kind), N_("KIND"),                \
            N_("yara, advisory, ndb and so on, whatever the files of --rules are called")            \
    }

/* A volume with everything that was found on it. */
typedef struct kj_host {
    const kj_host_options *options;
    const char *root;
    kj_tree *tree;
    kj_arena arena;
    kj_systems systems;
    kj_inspect_options inspect;
    kj_inspection *inspections; /* one a system; the arena's */
} kj_host;

/* Chooses the language of messages and texts. False when --lang is none. */
bool kj_host_choose_language(const kj_host_options *options, kj_lang *out);

/* As kj_sets_open(), what the options want. */
bool kj_host_open_sets(const kj_host_options *options, kj_sets *out);

/* Opens the volume or image at `root`, and inspects its systems. What goes wrong is said on stderr;
 * false then, and when there is no Windows. Close it all the same. */
bool kj_host_open(const kj_host_options *options, const kj_sets *sets, const char *root,
                  kj_host *out);
void kj_host_close(kj_host *host);

/* Whether anything was detected; whether something could not be looked at. */
bool kj_host_found(const kj_host *host);
bool kj_host_has_unseen(const kj_host *host);

/* Fills what every run has. */
void kj_host_fill_run(const kj_host *host, const kj_sets *sets, const char *command,
                      kj_host_run *run);

/* Shows the run as the options want it. Evaluates to run->exit, or KJ_EXIT_TROUBLE. */
int kj_host_show(const kj_host_options *options, const kj_host_run *run, kj_lang lang);
