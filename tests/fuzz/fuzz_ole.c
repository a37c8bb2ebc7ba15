/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as an OLE compound file. */
#include "tests/fuzz/sink.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    fuzz_walk(kj_span_of(data, len), kj_span_str("input"), FUZZ_DEPTH, kj_format_find("ole"));
    return 0;
}
