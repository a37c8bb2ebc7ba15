/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as an encoded text, and as a text with encoded files, runs and URIs in it. */
#include "base/arith.h"
#include "formats/encoded.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void require(bool holds)
{
    if (!holds)
        abort();
}

/* A decoder yields no more than it reads and does not touch what was there. */
static void check_decoders(kj_span text)
{
    kj_buf out;
    kj_oddities odd = 0;
    kj_buf_init(&out, text.len + 1);
    for (kj_encoding e = 0; e < KJ_ENCODING_COUNT; e++) {
        kj_buf_clear(&out);
        kj_buf_put_byte(&out, 'x');
        kj_encoding_decode(e, text, &out, &odd);
        require(!out.failed && out.data[0] == 'x');
        for (size_t i = 0; i < kj_encoding_reading_count(e); i++) {
            kj_buf_clear(&out);
            kj_buf_put_byte(&out, 'x');
            kj_encoding_decode_reading(e, i, text, &out);
            require(!out.failed && out.data[0] == 'x');
        }
    }
    kj_buf_done(&out);
}

/* Bytes that a file may at most have. */
static size_t most_bytes(const kj_encoded_file *file)
{
    if (file->kind == KJ_ENCODED_UU)
        return file->text.len * 63;
    return file->kind == KJ_ENCODED_BINHEX ? file->text.len * 255 : file->text.len;
}

static void check_files(kj_span text)
{
    kj_encoded_file file;
    size_t pos = 0;
    for (size_t last = 0; kj_encoded_next(text, &pos, &file); last = pos) {
        require(pos > last && pos <= text.len);
        require(file.text.len == 0 || (file.text.data >= text.data + last &&
                                       file.text.data + file.text.len <= text.data + pos));
        kj_buf out;
        kj_buf name;
        kj_buf_init(&out, most_bytes(&file));
        kj_buf_init(&name, 255);
        kj_encoded_decode(&file, &out, &name);
        require(!out.failed && !name.failed);
        kj_buf_done(&out);
        kj_buf_done(&name);
    }
    require(pos == text.len);
}

static void check_runs(kj_span text)
{
    kj_span run;
    size_t total = 0;
    size_t pos = 0;
    for (size_t last = 0; kj_base64_next_run(text, &pos, &run); last = pos) {
        require(pos > last && pos <= text.len && run.len >= KJ_BASE64_RUN_MIN);
        total += run.len;
    }
    require(total <= 3 * text.len);
}

static void check_uris(kj_span text)
{
    kj_data_uri uri;
    kj_buf out;
    kj_buf_init(&out, text.len);
    size_t pos = 0;
    for (size_t last = 0; kj_data_uri_next(text, &pos, &uri); last = pos) {
        require(pos > last && pos <= text.len);
        kj_buf_clear(&out);
        kj_data_uri_decode(&uri, &out);
        require(!out.failed);
    }
    kj_buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    kj_span text = kj_span_of(data, len);
    kj_encodings encodings;
    kj_encoding_read(text, &encodings);
    require(encodings.set & 1u << encodings.first);
    check_decoders(text);
    check_files(text);
    check_runs(text);
    check_uris(text);
    return 0;
}
