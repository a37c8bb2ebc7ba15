/* SPDX-License-Identifier: Apache-2.0 */
/* CRC-32C (Castagnoli, RFC 3720 appendix B.4): finds damage, proves nothing. */
#pragma once

#include "base/span.h"

uint32_t kj_crc32c(kj_span bytes);

/* The same without instructions for it; for tests. */
uint32_t kj_crc32c_portable(kj_span bytes);
