/* SPDX-License-Identifier: Apache-2.0 */
/* A scanner that does nothing, in place of scan/scan.c; the test that includes it says what
 * kj_scan_file() does. */
#pragma once

#include "scan/scan.h"

#include <stdlib.h>

struct kj_scanner {
    int files; /* that it was given; the test counts them */
};

kj_scanner *kj_scanner_new(const kj_defs *const *sets, size_t count, const kj_scan_limits *limits)
{
    (void)sets;
    (void)count;
    (void)limits;
    return calloc(1, sizeof(kj_scanner));
}

void kj_scanner_free(kj_scanner *scanner)
{
    free(scanner);
}

void kj_scanner_set_env(kj_scanner *scanner, const kj_module_env *env)
{
    (void)scanner;
    (void)env;
}

void kj_scanner_cancel(kj_scanner *scanner)
{
    (void)scanner;
}
