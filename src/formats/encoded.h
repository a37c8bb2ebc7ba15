/* SPDX-License-Identifier: Apache-2.0 */
/* How mail makes text of bytes: transfer encodings (RFC 2045, 6) with every reading that a known
 * mail program has of them, and encoded files that stand in a text. Inside formats/ only.
 *
 * All decoders are linear, tolerant, and never yield more bytes than they read, but for what
 * kj_encoded_decode() says. */
#pragma once

#include "base/buf.h"
#include "formats/heuristic.h"

/* ---- lines ----------------------------------------------------------------------------------- */

/* The line at *pos with its end (LF, CR LF, where `cr_ends` also bare CR) and moves *pos behind it.
 * False at the end of the text. */
bool kj_next_line(kj_span text, size_t *pos, bool cr_ends, kj_span *out);

/* ---- transfer encodings ---------------------------------------------------------------------- */

typedef enum kj_encoding {
    KJ_ENCODING_IDENTITY, /* 7bit, 8bit, binary, or none */
    KJ_ENCODING_BASE64,
    KJ_ENCODING_QUOTED_PRINTABLE,
    KJ_ENCODING_FILE, /* x-uuencode, uuencode, x-uue, x-yencode, mac-binhex40: what
                         kj_encoded_next() finds */
    KJ_ENCODING_COUNT
} kj_encoding;

/* What a Content-Transfer-Encoding says. */
typedef struct kj_encodings {
    kj_encoding first; /* as RFC 2045 reads it; IDENTITY for what is unknown */
    unsigned set;      /* 1 << kj_encoding of all that some program might read: tokens in comments,
                          in quotes, in encoded words, of a list */
    kj_oddities odd;   /* ENCODING_SYNTAX, UNKNOWN_ENCODING */
} kj_encodings;

/* Reads a field's raw value, folds and all. An empty value is IDENTITY and odd. */
void kj_encoding_read(kj_span raw, kj_encodings *out);

/* Appends `text` decoded as the standards say, where they leave it open as most mail programs do:
 * base64 goes on after padding, skips what is not of its alphabet and needs no padding at the end;
 * quoted-printable takes blanks off line ends, keeps escapes that are none, takes hex digits of
 * either case and LF, CR LF and bare CR for line ends after "=". IDENTITY appends, FILE appends
 * nothing. *odd gains what is not of the strict grammar (and nothing for bare LF line ends, long
 * lines, missing line end, hex digits all in one case, or blanks at line ends in quoted-printable
 * that are not behind a "=").
 */
void kj_encoding_decode(kj_encoding encoding, kj_span text, kj_buf *out, kj_oddities *odd);

/* How many other readings some program has of a text that is odd. Each differs from the first for
 * some text; for a given one they may be equal. */
size_t kj_encoding_reading_count(kj_encoding encoding);

/* Appends reading `n`, below that number. */
void kj_encoding_decode_reading(kj_encoding encoding, size_t n, kj_span text, kj_buf *out);

/* What a reading does, in one word for names of members: "stops at padding". */
const char *kj_encoding_reading_name(kj_encoding encoding, size_t n);

/* ---- encoded files in a text ----------------------------------------------------------------- */

typedef enum kj_encoded_kind {
    KJ_ENCODED_UU,     /* begin MODE NAME; also with xxencode's alphabet */
    KJ_ENCODED_BASE64, /* begin-base64 MODE NAME (POSIX uuencode -m) */
    KJ_ENCODED_YENC,   /* =ybegin */
    KJ_ENCODED_BINHEX, /* (This file must be converted with BinHex 4.0) */
} kj_encoded_kind;

typedef struct kj_encoded_file {
    kj_encoded_kind kind;
    kj_span name; /* as written, may be empty (BinHex has it inside) */
    kj_span text; /* the data lines */
} kj_encoded_file;

/* Finds the next one at or after *pos, moves *pos behind it. False when there is none. Lines may
 * end in LF, CR LF or bare CR; blanks may stand before the first line. A text with none of them
 * costs a few memmem(). */
bool kj_encoded_next(kj_span text, size_t *pos, kj_encoded_file *out);

/* Appends the file. `name` (may be NULL) gains BinHex's name. For BinHex the data fork: three bytes
 * of it stand for up to 255. A line of uuencode that lost its blanks is up to 63 bytes. */
void kj_encoded_decode(const kj_encoded_file *file, kj_buf *out, kj_buf *name);

/* ---- encoded data that nothing announces ----------------------------------------------------- */

/* Finds the next run of base64 at or after *pos: whole lines (of any line end) that hold nothing
 * but base64's or its URL-safe alphabet, padding and blanks around, together at least
 * KJ_BASE64_RUN_MIN characters that do not read as words (a run of one line needs
 * KJ_BASE64_LINE_MIN). One character a line counts. */
enum { KJ_BASE64_RUN_MIN = 16, KJ_BASE64_LINE_MIN = 40 };
bool kj_base64_is_line(kj_span line); /* characters and blanks as above, any number */
bool kj_base64_next_run(kj_span text, size_t *pos, kj_span *out);

/* A data: URI (RFC 2397) in markup. Finds the next "data:" in any case, also with its characters
 * written as HTML character references, up to the quote, blank or bracket that ends it. */
typedef struct kj_data_uri {
    kj_span type; /* "text/html", lower case is not made; may be empty */
    bool base64;
    kj_span data; /* still encoded */
} kj_data_uri;

bool kj_data_uri_next(kj_span text, size_t *pos, kj_data_uri *out);
void kj_data_uri_decode(const kj_data_uri *uri, kj_buf *out);
