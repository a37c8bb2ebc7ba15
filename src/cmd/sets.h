/* SPDX-License-Identifier: Apache-2.0 */
/* The definitions that a command searches: the chosen file, and what --rules adds. */
#pragma once

#include "cmd/sources.h"
#include "defs/defs.h"

enum { KJ_SETS_OPEN_MAX = 2 };

typedef struct kj_sets {
    kj_defs defs[KJ_SETS_OPEN_MAX];
    const kj_defs *items[KJ_SETS_OPEN_MAX];
    const char *names[KJ_SETS_OPEN_MAX]; /* for people: "kujo.defs"; borrowed, or in `name` */
    char name[256];
    size_t count;
    size_t rules; /* index of the one from --rules, SIZE_MAX: none */
} kj_sets;

typedef struct kj_sets_wanted {
    const char *definitions;     /* --definitions, or NULL */
    const kj_option_list *rules; /* --rules */
    const char *rules_kind;      /* --rules-kind, or NULL */
    kj_sources_options sources;  /* how these are read; the kind is that of rules_kind */
} kj_sets_wanted;

/* What goes wrong is said on stderr; false then. Close it all the same. */
bool kj_sets_open(const kj_sets_wanted *wanted, kj_sets *out);
void kj_sets_close(kj_sets *sets);
