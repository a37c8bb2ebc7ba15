/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as S/MIME, bare and armoured. */
#include "tests/fuzz/sink.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    kj_span bytes = kj_span_of(data, len);
    fuzz_walk(bytes, kj_span_str("input"), FUZZ_DEPTH, kj_format_find("cms"));
    fuzz_walk(bytes, kj_span_str("input"), FUZZ_DEPTH, kj_format_find("pem"));
    return 0;
}
