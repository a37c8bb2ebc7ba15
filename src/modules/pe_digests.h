/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a Windows program that are digested by themselves, for sets of known digests. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "formats/pe.h"

/* The data of the program's sections as ClamAV digests them: what the file alignment makes of the
 * header's numbers, cut at the end of the file. Empty sections are left out. Returns how many. */
size_t kj_pe_section_data(const kj_pe *pe, kj_span bytes, kj_span out[KJ_PE_SECTIONS_MAX]);

/* Appends the text whose MD5 is called imphash: "library.function,library.function..." in small
 * letters. KJ_LIMIT for a program that has too much work for it; KJ_NO_MEMORY. */
KJ_MUST_CHECK kj_status kj_pe_import_text(const kj_pe *pe, kj_span bytes, kj_arena *arena,
                                          kj_buf *out, kj_error *err);

enum { KJ_PE_SIGNED_PARTS = 3 };

/* What Authenticode digests: all up to the certificates, or to the end where there are none, but
 * the checksum and the certificates' directory. False when they lie within the headers. */
bool kj_pe_signed_parts(const kj_pe *pe, kj_span bytes, kj_span out[KJ_PE_SIGNED_PARTS]);
