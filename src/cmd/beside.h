/* SPDX-License-Identifier: Apache-2.0 */
/* What a build leaves beside the program, so that it works before it is installed. */
#pragma once

/* The path of `name` in the program's directory, malloc'd; NULL when it is not there. */
char *kj_beside_program(const char *name);
