/* SPDX-License-Identifier: Apache-2.0 */
/* What mime_header.c, which reads fields as the RFCs do, shares with mime_values.c, which reads
 * them in all other ways. */
#pragma once

#include "formats/mime.h"

/* Appends without line ends: folding adds one before a blank (RFC 5322, 2.2.3). */
void kj_mime_unfold(kj_span raw, kj_buf *out);

/* How encoded words that follow one another are read. */
typedef enum kj_mime_words {
    KJ_MIME_WORDS_JOINED, /* those in one charset as one, blanks between words dropped */
    KJ_MIME_WORDS_APART,  /* each for itself, blanks between them dropped */
    KJ_MIME_WORDS_BLANKS, /* each for itself, blanks between them kept */
    KJ_MIME_WORDS_COUNT
} kj_mime_words;

/* Appends text as UTF-8 with its encoded words (RFC 2047) decoded. */
void kj_mime_decode_words(kj_span text, kj_mime_words how, kj_buf *out);

/* Appends text with "%XX" decoded (RFC 2231, 7); what is no such escape stays. */
void kj_mime_decode_percent(kj_span text, kj_buf *out);

/* Cuts "charset'language'" off an extended value; empty, and *text as it was, without one. */
kj_span kj_mime_split_charset(kj_span *text);

/* Moves past blanks, line ends and (nested) comments. */
void kj_mime_skip_cfws(kj_reader *r);

/* What is unusual in a parameter. */
enum {
    KJ_MIME_PARAM_BROKEN = 1 << 0,       /* not of the grammar, so that programs differ */
    KJ_MIME_PARAM_ESCAPED = 1 << 1,      /* a backslash in quotes */
    KJ_MIME_PARAM_FOLDED = 1 << 2,       /* a line end in the value */
    KJ_MIME_PARAM_COMMENT = 1 << 3,      /* a comment beside the value */
    KJ_MIME_PARAM_BLANKS = 1 << 4,       /* blanks around the "=" */
    KJ_MIME_PARAM_FOLDED_WORDS = 1 << 5, /* a line end between two encoded words */
};

typedef struct kj_mime_param {
    kj_span name; /* "filename*0*"; of the field's bytes */
    size_t value; /* offset in kj_mime_params.values */
    size_t value_len;
    unsigned odd; /* KJ_MIME_PARAM_... */
} kj_mime_param;

enum { KJ_MIME_PARAMS_MAX = 256 };

/* The parameters of a field as RFC 2045 reads them, tolerantly. */
typedef struct kj_mime_params {
    kj_buf values; /* owned */
    kj_mime_param items[KJ_MIME_PARAMS_MAX];
    size_t count;
    bool broken; /* something in the field is not of the grammar, not only in these parameters */
} kj_mime_params;

/* Reads the parameters of a raw value; give back `values`. */
void kj_mime_read_params(kj_span raw, kj_mime_params *out);

/* The first of exactly that name, stars and all; NULL: none. */
const kj_mime_param *kj_mime_params_find(const kj_mime_params *list, const char *name);

/* A parameter's value, of the list's bytes. */
kj_span kj_mime_param_value(const kj_mime_params *list, const kj_mime_param *param);

/* Appends the bytes of a parameter in RFC 2231's forms: one extended value, or numbered pieces
 * joined. False when there is none. *out_charset: what it declares, may be empty. */
bool kj_mime_params_extended(const kj_mime_params *list, const char *name, kj_span *out_charset,
                             kj_buf *out);
