/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as an advisory: compiled, checked against itself, and everything said is printed. */
#include "rules/advisory/advisory.h"

#include "base/arith.h"
#include "tests/fuzz/sanitizers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* libfyaml 0.7.12 forgets a buffer of its own for some malformed input. */
const char *__lsan_default_suppressions(void)
{
    return "leak:libfyaml.so\n";
}

static void print_diags(const kj_ir *ir)
{
    kj_buf out;
    kj_buf_init(&out, 4 << 20);
    for (size_t i = 0; i < ir->diags.list.count; i++)
        kj_diag_print(&ir->diags.list.items[i], false, &out);
    kj_buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const types[] = {"pe", "text", "html", "zip"};
    static const kj_advisory_options options = {
        .types = types, .type_count = KJ_COUNT(types), .engine = 6 << 24};
    kj_ir ir;
    kj_error err;
    kj_ir_init(&ir, 8 << 20);
    const kj_source *source = kj_ir_add_source(&ir, "fuzz.yaml", kj_span_of(data, size));
    if (source && kj_advisory_compile(&ir, source, &options, &err) == KJ_OK)
        (void)!kj_advisory_check_all(&ir, &err);
    print_diags(&ir);
    kj_ir_done(&ir);
    return 0;
}
