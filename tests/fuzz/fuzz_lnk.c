/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a Windows shortcut. */
#include "tests/fuzz/fields.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    fuzz_fields_of(&kj_module_lnk, data, len);
    return 0;
}
