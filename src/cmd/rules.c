/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/rules.h"

#include "base/cleanup.h"
#include "cmd/cmd.h"
#include "defs/writer.h"
#include "modules/module.h"
#include "rules/advisory/advisory.h"

enum { OUTPUT_MAX = 1 << 30 }; /* bytes of the definitions made */

static bool compile(kj_ir *ir, const kj_option_list *paths, kj_source_kind kind, bool color)
{
    kj_error err;
    bool ok = kj_sources_define(ir, NULL);
    for (size_t i = 0; i < paths->count; i++) {
        if (kj_sources_add(ir, paths->items[i], kind, &err) == KJ_OK)
            continue;
        (void)kj_complain("%s: %s", paths->items[i], err.message);
        ok = false;
    }
    if (ok && kj_advisory_check_all(ir, &err) != KJ_OK) {
        (void)kj_complain("%s", err.message);
        ok = false;
    }
    return kj_sources_print(ir, color) && ok;
}

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
        (void)kj_complain(_("cannot use the rules: %s"), err.message);
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

bool kj_rules_open(const kj_option_list *paths, kj_source_kind kind, uint32_t release, bool color,
                   kj_defs *out)
{
    kj_ir ir;
    kj_ir_init(&ir, KJ_SOURCES_BUDGET);
    bool ok = compile(&ir, paths, kind, color) && kj_rules_build(&ir, release, out);
    kj_ir_done(&ir);
    return ok;
}
