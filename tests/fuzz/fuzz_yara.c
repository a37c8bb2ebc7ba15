/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as YARA rules: they compile or are refused, within the arena's budget. */
#include "rules/yara/yara.h"
#include "tests/rules/yara_schema.h"

enum { BUDGET = 16 << 20, DEEPEST_INCLUDE = 3 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The input includes itself, under a new name each time, a few times over. */
static const kj_source *include_again(void *user, kj_ir *ir, const kj_source *from, kj_span path,
                                      kj_error *err)
{
    unsigned *count = user;
    (void)path;
    if (++*count > DEEPEST_INCLUDE) {
        (void)kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET, "enough");
        return NULL;
    }
    char name[] = {'i', (char)('0' + *count), '\0'};
    return kj_ir_add_source(ir, name, from->text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    kj_ir ir;
    kj_error err;
    unsigned count = 0;
    const kj_yara_options options = {.schemas = yara_test_schemas,
                                     .schema_count = KJ_COUNT(yara_test_schemas),
                                     .threat = KJ_NONE,
                                     .include = include_again,
                                     .user = &count};
    kj_ir_init(&ir, BUDGET);
    for (size_t i = 0; i < KJ_COUNT(yara_test_externals); i++) {
        kj_external external = {kj_span_str(yara_test_externals[i]),
                                kj_value_text(kj_span_str(""))};
        (void)kj_vec_add(&ir.externals, external);
    }
    const kj_source source = {"fuzz.yar", {data, size}};
    kj_status status = kj_yara_compile(&ir, &source, 0, size, &options, &err);
    kj_buf out;
    kj_buf_init(&out, 1 << 20);
    for (size_t i = 0; i < ir.diags.list.count && i < 20; i++)
        kj_diag_print(&ir.diags.list.items[i], false, &out);
    kj_buf_done(&out);
    kj_ir_done(&ir);
    (void)status;
    return 0;
}
