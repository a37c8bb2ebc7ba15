/* SPDX-License-Identifier: Apache-2.0 */
/* The pieces of a mail: header fields, their parameters and encoded words, character sets;
 * encoded.h has transfer encodings. Inside formats/ only. Nothing here chooses what a message
 * means: mail.c does. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/reader.h"
#include "formats/heuristic.h"

typedef struct kj_mime_field {
    kj_span name;
    kj_span raw; /* the value with its folds, without the line end */
} kj_mime_field;

enum {
    KJ_MIME_VALUE_MAX = 64 << 10, /* bytes of a value that are looked at */
};

/* Reads one field. False at the empty line, which is consumed; at a line that is no field, which is
 * not; and at the end. What is left of the reader then is the body. */
bool kj_mime_next_field(kj_reader *r, kj_mime_field *out);

/* Whether the line at the reader begins a field. */
bool kj_mime_is_field(kj_span line);

/* Whether bytes begin with a separator of an mbox. */
bool kj_mbox_begins(kj_span bytes);

/* Appends a value as UTF-8: unfolded, encoded words (RFC 2047) decoded. Bytes that are not UTF-8
 * count as windows-1252. */
void kj_mime_decode_value(kj_span raw, kj_buf *out);

/* Appends the word before the parameters, lower case: "text/plain", "attachment", "base64". */
void kj_mime_main_value(kj_span raw, kj_buf *out);

/* Appends a parameter's value as UTF-8: RFC 2231 (charsets, continuations) before the plain form,
 * encoded words in it decoded, the first one of that name. False when there is none. */
bool kj_mime_find_param(kj_span raw, const char *name, kj_buf *out);

/* Appends `bytes` in a character set of the name as UTF-8. Unknown ones count as UTF-8 where they
 * are valid in it, else as windows-1252; what cannot be converted becomes U+FFFD. */
void kj_charset_to_utf8(kj_span charset, kj_span bytes, kj_buf *out);

/* Whether ASCII's bytes are ASCII's characters in it: false for UTF-7, UTF-16, UTF-32, HZ and
 * EBCDIC, true for unknown and empty names. */
bool kj_charset_is_ascii_superset(kj_span charset);

/* ---- all values that one thing has ---------------------------------------------------------- */

enum { KJ_MIME_VALUES_MAX = 32 };

/* What different programs read in one place: different values only, those of the standard first.
 * The bytes live in the arena. */
typedef struct kj_mime_values {
    kj_span items[KJ_MIME_VALUES_MAX];
    size_t count;
    bool more;       /* there were others for which there was no room */
    kj_oddities odd; /* what makes programs read differently here */
} kj_mime_values;

/* Adds a value that is not there yet. False without memory. */
bool kj_mime_values_add(kj_arena *arena, kj_span value, kj_mime_values *values);

/* Adds the boundaries that a Content-Type's raw value may mean, as bytes to compare with: plain and
 * quoted, RFC 2231 (single, continued), encoded words, without comments, with the quotes, cut at a
 * NUL, a blank, a semicolon, without trailing blanks, the first and the last of several parameters;
 * also a parameter whose name is written oddly ("boundary *=", "bOUNDARY",
 * "=?us-ascii?Q?boundary?="). odd gains CONFLICTING_BOUNDARY, BOUNDARY_SYNTAX, PARAMETER_SYNTAX;
 * nothing for what RFC 2045 and common programs write (unquoted, quoted, folded, at most 70
 * characters). */
bool kj_mime_boundaries(kj_arena *arena, kj_span raw, kj_mime_values *values);

/* Adds the names that a raw Content-Disposition ("filename") or Content-Type ("name") may mean,
 * UTF-8: RFC 2231 joined in the order of its numbers and in the order in which they stand, plain,
 * encoded words in and outside quotes, in pieces and joined, percent-encoded, each in the charset
 * that it declares, and in UTF-8 and windows-1252 where it declares none and is not ASCII. odd
 * gains CONFLICTING_NAMES when they differ in more than how unmappable characters are shown, and
 * PARAMETER_SYNTAX. An ordinary name (plain, or one encoded form, or both of the same name) is one
 * value and not odd. */
bool kj_mime_names(kj_arena *arena, kj_span raw, const char *param, kj_mime_values *values);

/* Types that a Content-Type's raw value may mean, lower case, each with one slash: as it stands,
 * without comments and blanks, encoded words decoded, each of a list. odd gains TYPE_SYNTAX;
 * nothing for "text" alone or an empty value (RFC 2045, 5.2: text/plain), which add nothing. */
bool kj_mime_types(kj_arena *arena, kj_span raw, kj_mime_values *values);
