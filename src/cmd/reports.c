/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/reports.h"

#include "base/file.h"
#include "cmd/cmd.h"

enum { REPORT_MAX = 256 << 20 }; /* bytes */

/* Whether a report can be given to the module; if not, that is said. */
static bool takes_report(const kj_reports *reports, kj_span name)
{
    int len = (int)name.len;
    const char *text = (const char *)name.data;
    for (size_t i = 0; i < reports->count; i++)
        if (kj_span_equal(reports->data[i].module, name))
            return !kj_complain(_("--module-data: two files for the module %.*s"), len, text);
    for (size_t i = 0; i < kj_module_count; i++)
        if (kj_span_is(name, kj_modules[i]->schema.name))
            return kj_modules[i]->takes_report ||
                   !kj_complain(_("--module-data: the module %.*s takes no file"), len, text);
    return !kj_complain(_("--module-data: there is no module '%.*s'"), len, text);
}

static bool read_one(const char *option, kj_reports *reports)
{
    const char *equals = strchr(option, '=');
    if (!equals)
        return !kj_complain(_("--module-data: '%s' is not NAME=FILE"), option);
    kj_span name = kj_span_of(option, (size_t)(equals - option));
    if (!takes_report(reports, name) || reports->count == KJ_REPORTS_MAX)
        return false;
    kj_buf *file = &reports->files[reports->count];
    kj_error err;
    kj_buf_init(file, REPORT_MAX);
    if (kj_file_read(equals + 1, file, &err) != KJ_OK) {
        (void)kj_complain("%s: %s", equals + 1, err.message);
        kj_buf_done(file);
        return false;
    }
    reports->data[reports->count++] = (kj_module_data){name, kj_buf_span(file)};
    return true;
}

bool kj_reports_read(const kj_option_list *options, kj_reports *out)
{
    *out = (kj_reports){0};
    for (size_t i = 0; i < options->count; i++)
        if (!read_one(options->items[i], out))
            return false;
    return true;
}

void kj_reports_done(kj_reports *reports)
{
    for (size_t i = 0; i < reports->count; i++)
        kj_buf_done(&reports->files[i]);
    reports->count = 0;
}
