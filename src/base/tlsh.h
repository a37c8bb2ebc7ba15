/* SPDX-License-Identifier: Apache-2.0 */
/* TLSH, a digest that is alike for bytes that are alike: 128 buckets, one byte of checksum,
 * version 1. Source: Oliver, Cheng, Chen, "TLSH - A Locality Sensitive Hash" (2013). */
#pragma once

#include "base/span.h"

enum { KJ_TLSH_LEN = 72 }; /* "T1" and 35 bytes in upper-case hex */

/* The digest with a NUL behind; false, and *out untouched, for less than 50 bytes and for bytes of
 * too little variety, which have none. */
bool kj_tlsh(kj_span bytes, char out[KJ_TLSH_LEN + 1]);
