/* SPDX-License-Identifier: Apache-2.0 */
/* Text that wraps keys, certificates and signed data (RFC 7468, 1421):
 *
 *     -----BEGIN LABEL-----
 *     base64
 *     -----END LABEL-----
 *
 * Handed out are signed data (PKCS #7, CMS), which may hold a message. Nothing else can hold a
 * file. */
#include "base/arith.h"
#include "base/text.h"
#include "formats/encoded.h"
#include "formats/rows.h"

static bool is_signed_data(kj_span label)
{
    static const char *const labels[] = {"PKCS7", "CMS", "PKCS #7 SIGNED DATA"};
    for (size_t i = 0; i < KJ_COUNT(labels); i++)
        if (kj_span_is(label, labels[i]))
            return true;
    return false;
}

static kj_status hand_out(kj_span text, kj_sink *sink, kj_error *err)
{
    KJ_TRY(kj_sink_account(sink, text.len / 4 * 3, err));
    kj_buf bytes;
    kj_buf_init(&bytes, text.len + 1);
    kj_oddities odd = 0;
    kj_encoding_decode(KJ_ENCODING_BASE64, text, &bytes, &odd);
    kj_member member = {
        .name = kj_span_str("content.p7m"),
        .size = bytes.len,
        .content_type = kj_span_str("application/pkcs7-mime"),
    };
    kj_status status = bytes.failed ? kj_no_memory(err) : KJ_OK;
    if (status == KJ_OK && bytes.len)
        status = kj_sink_child(sink, &member, kj_buf_span(&bytes), err);
    kj_buf_done(&bytes);
    return status;
}

/* A block without an end goes on to the end of the text. */
static kj_status scan(kj_object *object, kj_sink *sink, kj_error *err)
{
    kj_span text = object->bytes;
    kj_span begin = kj_span_str("-----BEGIN ");
    kj_span dashes = kj_span_str("-----");
    size_t at = kj_span_find(text, begin, 0);
    while (at != SIZE_MAX) {
        size_t label = at + begin.len;
        size_t label_end = kj_span_find(text, dashes, label);
        if (label_end == SIZE_MAX)
            break;
        size_t data = label_end + dashes.len;
        size_t end = kj_min_size(kj_span_find(text, dashes, data), text.len);
        KJ_TRY(kj_sink_account(sink, 0, err));
        if (is_signed_data(kj_span_sub(text, label, label_end - label)))
            KJ_TRY(hand_out(kj_span_sub(text, data, end - data), sink, err));
        at = kj_span_find(text, begin, end);
    }
    return KJ_OK;
}

const kj_format kj_format_pem = {
    .name = "pem",
    .title = "PEM-encoded data",
    .kind = KJ_KIND_TEXT,
    .magics = KJ_MAGICS(KJ_MAGIC(0, "-----BEGIN ")),
    .scan = scan,
};
