/* SPDX-License-Identifier: Apache-2.0 */
/* Definitions compiled from a text of rules, once a process. */
#pragma once

#include "defs/writer.h"
#include "modules/module.h"
#include "rules/yara/yara.h"

#include <stdlib.h>

enum { FUZZ_ENGINE = 6 << 24, FUZZ_RELEASE = 8000 };

static inline void fuzz_require(bool holds)
{
    if (!holds)
        abort();
}

/* Aborts when the rules do not compile. */
static inline void fuzz_compile(const char *rules, kj_defs *out)
{
    kj_ir ir;
    kj_buf file;
    kj_error err;
    kj_write_options options = KJ_WRITE_INIT;
    kj_yara_options yara = {.threat = KJ_NONE};
    const kj_external external = {.name = kj_span_str("filename"),
                                  .value = kj_value_text(kj_span_str("x"))};
    options.engine = FUZZ_ENGINE;
    options.release = FUZZ_RELEASE;
    yara.schemas = kj_module_schemas(&yara.schema_count);
    kj_ir_init(&ir, 16 << 20);
    kj_buf_init(&file, 1 << 20);
    fuzz_require(kj_vec_add(&ir.externals, external));
    const kj_source *source = kj_ir_add_source(&ir, "fuzz.yar", kj_span_str(rules));
    fuzz_require(source);
    fuzz_require(kj_yara_compile(&ir, source, 0, source->text.len, &yara, &err) == KJ_OK);
    fuzz_require(kj_diags_ok(&ir.diags));
    fuzz_require(kj_defs_write(&ir, &options, &file, NULL, &err) == KJ_OK);
    fuzz_require(kj_defs_open_buf(&file, FUZZ_ENGINE, out, &err) == KJ_OK);
    kj_ir_done(&ir);
}
