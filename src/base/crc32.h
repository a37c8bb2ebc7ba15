/* SPDX-License-Identifier: Apache-2.0 */
/* CRC-32 as in ZIP, gzip and PNG (RFC 1952, section 8): finds damage, proves nothing. */
#pragma once

#include "base/span.h"

uint32_t kj_crc32(kj_span bytes);
