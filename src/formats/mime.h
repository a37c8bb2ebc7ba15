/* SPDX-License-Identifier: Apache-2.0 */
/* The pieces of a mail: header fields, their parameters and encoded words, character sets, transfer
 * encodings. Inside formats/ only. Nothing here chooses what a message means: mail.c does. */
#pragma once

#include "base/buf.h"
#include "base/reader.h"

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

/* Transfer encodings. All are tolerant, linear, and never yield more bytes than they read. */
void kj_mime_decode_base64(kj_span text, kj_buf *out);
void kj_mime_decode_quoted_printable(kj_span text, kj_buf *out);

/* A uuencoded file in a text. */
typedef struct kj_uu_file {
    kj_span name;
    kj_span lines; /* between "begin" and "end" */
} kj_uu_file;

/* Finds the next "begin MODE NAME" line with data behind it and moves the reader past its end. */
bool kj_mime_next_uu(kj_reader *r, kj_uu_file *out);
void kj_mime_decode_uu(kj_span lines, kj_buf *out);
