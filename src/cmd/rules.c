/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/rules.h"

#include "base/cleanup.h"
#include "cmd/cmd.h"
#include "defs/writer.h"
#include "modules/module.h"

#define OUTPUT_MAX ((size_t)8 << 30) /* bytes of the definitions made */

bool kj_rules_build(const kj_ir *ir, uint32_t release, kj_defs *out)
{
    KJ_CLEANUP(kj_buf_done) kj_buf file;
    kj_buf_init(&file, OUTPUT_MAX);
    kj_write_options options = KJ_WRITE_INIT;
    options.release = release;
    options.engine = kj_engine_version();
    options.schemas = kj_module_schemas(&options.schema_count);
    kj_write_report report = {0};
    kj_error err;
    if (kj_defs_write(ir, &options, &file, &report, &err) != KJ_OK ||
        kj_defs_open_buf(&file, kj_engine_version(), out, &err) != KJ_OK) {
        (void)kj_complain(_("cannot use the rules: %s"), _(err.message));
        return false;
    }
    if (report.skipped_engine)
        (void)kj_complain(_("%zu definitions need a newer engine and are left out"),
                          report.skipped_engine);
    if (report.skipped_release)
        (void)kj_complain(_("%zu definitions are not for release %u and are left out"),
                          report.skipped_release, release);
    return true;
}

bool kj_rules_open(const kj_option_list *paths, const kj_sources_options *how, uint32_t release,
                   kj_defs *out)
{
    kj_ir ir;
    kj_ir_init(&ir, KJ_SOURCES_BUDGET);
    bool ok = kj_sources_compile(&ir, how, paths->items, paths->count, NULL) &&
              kj_rules_build(&ir, release, out);
    if (ok && !how->quiet)
        kj_sources_print_left_out(&ir, stderr);
    kj_ir_done(&ir);
    return ok;
}
