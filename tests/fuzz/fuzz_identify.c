/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes: what claims them, and the entry points of what does. Nothing is opened. */
#include "formats/format.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    kj_span bytes = kj_span_of(data, len);
    kj_claims claims;
    uint64_t offset;
    kj_identify(bytes, &claims);
    if (claims.count == 0 || claims.count > KJ_CLAIMS_MAX)
        abort();
    for (size_t i = 0; i < claims.count; i++) {
        const kj_format *format = claims.formats[i];
        if (format->entry_point && format->entry_point(bytes, &offset) && offset >= len)
            abort();
    }
    return 0;
}
