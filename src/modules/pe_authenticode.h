/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures in the form of Authenticode: what the `pe` module asks libcrypto for. */
#pragma once

#include "modules/pe_module.h"

/* Reads the PKCS #7 in `der` and the signatures nested in it, without regard to the file: the
 * digests that they claim are not compared. False when work or memory ran out, or without
 * libcrypto, which is told. */
bool kj_pe_read_authenticode(const kj_pe_ask *ask, kj_span der, kj_pe_signatures *out);

/* The hex digest of `parts`, one behind the other, by an algorithm's name as it is in a signature;
 * NULL data when libcrypto cannot compute it. Call it after kj_pe_read_authenticode(). */
kj_span kj_pe_file_digest(const kj_pe_ask *ask, const char *algorithm, const kj_span *parts,
                          size_t count);
