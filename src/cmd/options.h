/* SPDX-License-Identifier: Apache-2.0 */
/* A command's options: one table from which come the parsing and the help. */
#pragma once

#include "base/vec.h"
#include "report/i18n.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* The type of the field that an option sets. */
typedef enum kj_option_kind {
    KJ_OPTION_FLAG,    /* bool: becomes true */
    KJ_OPTION_TEXT,    /* const char * */
    KJ_OPTION_LIST,    /* kj_option_list: one more */
    KJ_OPTION_COUNT,   /* uint32_t */
    KJ_OPTION_COUNT64, /* uint64_t */
    KJ_OPTION_SIZE,    /* uint64_t: bytes, "100M" */
    KJ_OPTION_TIME,    /* uint32_t: milliseconds; "90" are seconds; ms, s, m, h */
} kj_option_kind;

typedef KJ_VEC(const char *) kj_option_list;

typedef struct kj_option {
    const char *name;
    char letter; /* 0: none */
    kj_option_kind kind;
    size_t field;         /* offsetof in the command's struct of options */
    const char *argument; /* N_(): as the help calls it; NULL for a FLAG */
    const char *help;     /* N_() */
} kj_option;

typedef struct kj_usage {
    const char *command;  /* "scan" */
    const char *operands; /* N_(): "PATH..." */
    const char *about;    /* N_(): what it does; paragraphs end with \n */
    const char *after;    /* N_(): behind the options; NULL */
    const kj_option *options;
    size_t count;
} kj_usage;

typedef enum kj_parsed {
    KJ_PARSED_OK,
    KJ_PARSED_HELP, /* --help was asked for and printed */
    KJ_PARSED_BAD   /* a message was printed; exit with KJ_EXIT_TROUBLE */
} kj_parsed;

enum { KJ_OPTIONS_MAX = 64 };

/* Sets the fields of `target`, which holds the defaults. Operands may stand among the options;
 * *out_first is the index in argv of the first of them, behind all options. */
kj_parsed kj_options_parse(const kj_usage *usage, int argc, char **argv, void *target,
                           int *out_first);

/* Whether what goes to `file` is to be coloured: it is a terminal that can, and neither the user's
 * option
 * (`never`) nor NO_COLOR is against it. */
bool kj_wants_color(bool never, FILE *file);

/* Prints the help on stdout. */
void kj_options_help(const kj_usage *usage);

/* "100M", "1.5G", "4096": bytes in powers of 1024. False for anything else, or too large. */
bool kj_parse_size(const char *text, uint64_t *out);

/* "90", "1500ms", "2m", "1h": milliseconds. */
bool kj_parse_time(const char *text, uint32_t *out_ms);
