/* SPDX-License-Identifier: Apache-2.0 */
/* zlib (1.2), the one place that touches it. It counts in unsigned int, so input and output are
 * handed over in pieces. */
#include "formats/inflate.h"

#include "base/arith.h"
#include "base/lazy.h"

#include <zlib.h>

#define FUNCTIONS(X) X(inflateInit_) X(inflate) X(inflateEnd)

static struct {
    FUNCTIONS(KJ_LAZY_FIELD)
} lib;
static const kj_lazy_symbol symbols[] = {FUNCTIONS(KJ_LAZY_SYMBOL)};
static kj_lazy library = KJ_LAZY("libz.so.1", symbols);

enum { PIECE = 64 << 10 };

/* Gives zlib more of the input once it has used up what it had. */
static void feed(z_stream *stream, kj_reader *r)
{
    if (stream->avail_in)
        return;
    kj_span piece = kj_read_span(r, kj_min_size(PIECE, kj_reader_left(r)));
    stream->next_in = (z_const Bytef *)(uintptr_t)piece.data;
    stream->avail_in = (uInt)piece.len;
}

static kj_status unpack(z_stream *stream, kj_reader *r, kj_sink *sink, kj_buf *out, kj_error *err)
{
    uint8_t room[16 << 10];
    while (!out->failed) {
        feed(stream, r);
        stream->next_out = room;
        stream->avail_out = sizeof room;
        int result = lib.inflate(stream, Z_NO_FLUSH);
        size_t len = sizeof room - stream->avail_out;
        KJ_TRY(kj_sink_account(sink, len, err));
        kj_buf_put(out, kj_span_of(room, len));
        if (result == Z_STREAM_END)
            return KJ_OK;
        if (result == Z_MEM_ERROR)
            return kj_no_memory(err);
        if (result == Z_BUF_ERROR)
            return kj_fail(err, KJ_TRUNCATED, r->pos, "its compressed data ends early");
        if (result != Z_OK)
            return kj_fail(err, KJ_MALFORMED, r->pos, "its compressed data is damaged");
    }
    return KJ_OK;
}

kj_status kj_inflate(kj_span packed, kj_sink *sink, kj_buf *out, kj_error *err)
{
    z_stream stream = {0};
    kj_reader r = kj_reader_of(packed);
    KJ_TRY(kj_lazy_load(&library, err));
    if (lib.inflateInit_(&stream, ZLIB_VERSION, (int)sizeof stream) != Z_OK)
        return kj_no_memory(err);
    kj_status status = unpack(&stream, &r, sink, out, err);
    (void)lib.inflateEnd(&stream);
    return status;
}
