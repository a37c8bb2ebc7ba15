/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of `kujo defs`, one file each; defs.c lists them. */
#pragma once

#include "base/status.h"
#include "cmd/definitions.h"

int kj_defs_build(int argc, char **argv);
int kj_defs_check(int argc, char **argv);
int kj_defs_info(int argc, char **argv);
int kj_defs_list(int argc, char **argv);
int kj_defs_test_sig(int argc, char **argv);

/* Says what is wrong with a file; evaluates to KJ_EXIT_TROUBLE. */
int kj_defs_complain(const char *path, const kj_error *err);

/* Opens the definitions that the one operand there may be (argv[first]) or --definitions names
 * (NULL: the default ones). What goes wrong is said; KJ_EXIT_OK otherwise. */
int kj_defs_open_operand(int argc, char **argv, int first, const char *named, kj_chosen *chosen,
                         kj_defs *defs);
