/* SPDX-License-Identifier: Apache-2.0 */
/* What Outlook's properties need to be read, wherever they stand. Inside formats/ only. */
#pragma once

#include "base/buf.h"

/* The name that kj_charset_to_utf8() knows a Windows code page by; "" for others, which count as
 * UTF-8 where they are valid in it, else as windows-1252. */
const char *kj_mapi_charset(uint32_t code_page);

/* Appends a FILETIME as a message's Date has it: "Tue, 24 Nov 2026 14:50:31 +0000". Nothing for a
 * time before 1970 or after 9999. */
void kj_mapi_put_date(uint64_t filetime, kj_buf *out);
