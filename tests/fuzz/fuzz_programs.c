/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a program for Linux, macOS or Android: what the modules elf, macho and dex say. */
#include "tests/fuzz/fields.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    fuzz_fields_of(&kj_module_elf, data, len);
    fuzz_fields_of(&kj_module_macho, data, len);
    fuzz_fields_of(&kj_module_dex, data, len);
    return 0;
}
