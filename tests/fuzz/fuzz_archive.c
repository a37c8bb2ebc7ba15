/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as whatever claims them, and what comes out of that once more. */
#include "tests/fuzz/sanitizers.h"
#include "tests/fuzz/sink.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* libarchive takes whatever dictionary an LZMA stream asks for, up to 4 GiB. The system gives such
 * memory lazily; AddressSanitizer fills it, which takes longer than a fuzzer waits. */
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1:max_allocation_size_mb=256";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    fuzz_walk(kj_span_of(data, len), kj_span_str("input.gz"), 0, NULL);
    return 0;
}
