/* SPDX-License-Identifier: Apache-2.0 */
/* --module-data: reports that modules answer from. */
#pragma once

#include "base/buf.h"
#include "cmd/options.h"
#include "modules/module.h"

enum { KJ_REPORTS_MAX = 4 }; /* more than there are modules that take one */

typedef struct kj_reports {
    kj_buf files[KJ_REPORTS_MAX];
    kj_module_data data[KJ_REPORTS_MAX]; /* borrows from the files and from the options */
    size_t count;
} kj_reports;

/* Reads the files of NAME=FILE options. What is wrong is said on stderr; false then. */
bool kj_reports_read(const kj_option_list *options, kj_reports *out);
void kj_reports_done(kj_reports *reports);
