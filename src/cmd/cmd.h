/* SPDX-License-Identifier: Apache-2.0 */
/* The program's commands, one file each; main.c lists them. */
#pragma once

#include "report/i18n.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a command's run returns, and the program. A scan that was stopped returns 128 and the
 * signal's number. */
enum {
    KJ_EXIT_OK = 0,
    KJ_EXIT_FOUND = 1,   /* something was detected */
    KJ_EXIT_TROUBLE = 2, /* usage, errors, things not fully scanned */
    KJ_EXIT_SIGNAL = 128,
};

typedef struct kj_command {
    const char *name;
    const char *summary;               /* N_(): one line for `kujo help` */
    int (*run)(int argc, char **argv); /* argv[0] is the command's name */
} kj_command;

extern const kj_command kj_command_clean;
extern const kj_command kj_command_defs;
extern const kj_command kj_command_help;
extern const kj_command kj_command_host;
extern const kj_command kj_command_info;
extern const kj_command kj_command_quarantine;
extern const kj_command kj_command_scan;
extern const kj_command kj_command_undo;
extern const kj_command kj_command_version;
extern const kj_command kj_command_yara;

/* All of them. */
extern const kj_command *const kj_commands[];
extern const size_t kj_command_count;

/* The command of that name, or NULL. */
const kj_command *kj_command_find(const char *name);

/* This engine's number, for definitions that ask for one. */
uint32_t kj_engine_version(void);

/* Prints "kujo: " and a sentence on stderr; evaluates to KJ_EXIT_TROUBLE. */
int kj_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
