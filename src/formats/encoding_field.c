/* SPDX-License-Identifier: Apache-2.0 */
/* What a Content-Transfer-Encoding says: RFC 2045, 6.1, and what programs make of a value that is
 * not a token alone. */
#include "base/arith.h"
#include "base/text.h"
#include "formats/encoded.h"
#include "formats/mime.h"

/* Letters and digits only: names as programs that overlook everything else find them. */
static const struct {
    const char *letters;
    kj_encoding encoding;
} encoding_words[] = {
    {"base64", KJ_ENCODING_BASE64}, {"quotedprintable", KJ_ENCODING_QUOTED_PRINTABLE},
    {"uu", KJ_ENCODING_FILE},       {"yenc", KJ_ENCODING_FILE},
    {"binhex", KJ_ENCODING_FILE},
};

/* As a field has them, without anything around. */
static const struct {
    const char *token;
    kj_encoding encoding;
} encoding_tokens[] = {
    {"7bit", KJ_ENCODING_IDENTITY},
    {"8bit", KJ_ENCODING_IDENTITY},
    {"binary", KJ_ENCODING_IDENTITY},
    {"base64", KJ_ENCODING_BASE64},
    {"quoted-printable", KJ_ENCODING_QUOTED_PRINTABLE},
    {"x-uuencode", KJ_ENCODING_FILE},
    {"uuencode", KJ_ENCODING_FILE},
    {"x-uue", KJ_ENCODING_FILE},
    {"uue", KJ_ENCODING_FILE},
    {"x-yencode", KJ_ENCODING_FILE},
    {"x-yenc", KJ_ENCODING_FILE},
    {"mac-binhex40", KJ_ENCODING_FILE},
    {"x-binhex40", KJ_ENCODING_FILE},
};

/* The encoding of a token, in any case. */
static bool find_token(kj_span token, kj_encoding *out)
{
    for (size_t i = 0; i < KJ_COUNT(encoding_tokens); i++) {
        if (!kj_text_equal_nocase(token, kj_span_str(encoding_tokens[i].token)))
            continue;
        *out = encoding_tokens[i].encoding;
        return true;
    }
    return false;
}

/* Appends a value without comments, which nest (RFC 5322, 3.2.2); one that does not end is none. */
static void put_without_comments(kj_span value, kj_buf *out)
{
    size_t kept = 0; /* before the outermost comment */
    unsigned depth = 0;
    for (size_t i = 0; i < value.len && !out->failed; i++) {
        uint8_t c = value.data[i];
        kept = c == '(' && depth == 0 ? out->len : kept;
        depth += c == '(';
        kj_buf_put_byte(out, c);
        if (c == ')' && depth > 0 && --depth == 0)
            out->len = kept;
    }
}

/* Adds every encoding whose name stands in the letters of a value. */
static void add_words(kj_span value, unsigned *set)
{
    kj_buf letters;
    kj_buf_init(&letters, KJ_MIME_VALUE_MAX);
    for (size_t i = 0; i < value.len; i++)
        if (kj_is_alnum(value.data[i]))
            kj_buf_put_byte(&letters, kj_lower(value.data[i]));
    for (size_t i = 0; i < KJ_COUNT(encoding_words); i++) {
        kj_span word = kj_span_str(encoding_words[i].letters);
        if (letters.failed || kj_span_find(kj_buf_span(&letters), word, 0) != SIZE_MAX)
            *set |= 1u << encoding_words[i].encoding;
    }
    kj_buf_done(&letters);
}

/* The first token behind comments counts. */
static void read_first_token(kj_span value, kj_encodings *out)
{
    kj_span rest = kj_text_trim(value);
    size_t len = 0;
    while (len < rest.len && !kj_is_list_separator(rest.data[len]))
        len++;
    bool known = find_token(kj_span_sub(rest, 0, len), &out->first);
    out->odd = KJ_ODD(known || len == 0 ? KJ_ODD_ENCODING_SYNTAX : KJ_ODD_UNKNOWN_ENCODING);
}

/* A value that is more than a token: as it stands, without comments, with encoded words decoded,
 * and both. */
static void read_odd_value(kj_span value, kj_encodings *out)
{
    kj_buf plain;
    kj_buf decoded;
    kj_buf_init(&plain, KJ_MIME_VALUE_MAX);
    kj_buf_init(&decoded, KJ_MIME_VALUE_MAX);
    put_without_comments(value, &plain);
    read_first_token(kj_buf_span(&plain), out);
    add_words(value, &out->set);
    add_words(kj_buf_span(&plain), &out->set);
    kj_mime_decode_value(value, &decoded);
    add_words(kj_buf_span(&decoded), &out->set);
    kj_buf_clear(&plain);
    put_without_comments(kj_buf_span(&decoded), &plain);
    add_words(kj_buf_span(&plain), &out->set);
    kj_buf_done(&plain);
    kj_buf_done(&decoded);
    out->set |= 1u << KJ_ENCODING_IDENTITY; /* programs that know no such encoding */
}

void kj_encoding_read(kj_span raw, kj_encodings *out)
{
    *out = (kj_encodings){.first = KJ_ENCODING_IDENTITY};
    kj_span value = kj_text_trim(raw);
    if (!find_token(value, &out->first))
        read_odd_value(value, out);
    out->set |= 1u << out->first;
}
