/* SPDX-License-Identifier: Apache-2.0 */
/* take() holds the one bounds check of all parsers. */
#include "base/reader.h"

static const uint8_t *take(kj_reader *r, size_t len)
{
    if (r->failed || len > r->in.len - r->pos) {
        r->failed = true;
        return NULL;
    }
    const uint8_t *bytes = r->in.data + r->pos;
    r->pos += len;
    return bytes;
}

static uint64_t read_le(kj_reader *r, size_t width)
{
    const uint8_t *bytes = take(r, width);
    uint64_t value = 0;
    for (size_t i = width; bytes && i-- > 0;)
        value = value << 8 | bytes[i];
    return value;
}

static uint64_t read_be(kj_reader *r, size_t width)
{
    const uint8_t *bytes = take(r, width);
    uint64_t value = 0;
    for (size_t i = 0; bytes && i < width; i++)
        value = value << 8 | bytes[i];
    return value;
}

uint8_t kj_read_u8(kj_reader *r)
{
    return (uint8_t)read_le(r, 1);
}

uint16_t kj_read_u16le(kj_reader *r)
{
    return (uint16_t)read_le(r, 2);
}

uint32_t kj_read_u32le(kj_reader *r)
{
    return (uint32_t)read_le(r, 4);
}

uint64_t kj_read_u64le(kj_reader *r)
{
    return read_le(r, 8);
}

uint16_t kj_read_u16be(kj_reader *r)
{
    return (uint16_t)read_be(r, 2);
}

uint32_t kj_read_u32be(kj_reader *r)
{
    return (uint32_t)read_be(r, 4);
}

uint64_t kj_read_u64be(kj_reader *r)
{
    return read_be(r, 8);
}

kj_span kj_read_span(kj_reader *r, size_t len)
{
    if (len == 0)
        return (kj_span){0};
    const uint8_t *bytes = take(r, len);
    return bytes ? (kj_span){bytes, len} : (kj_span){0};
}

kj_span kj_read_sized(kj_reader *r)
{
    return kj_read_span(r, kj_read_u32le(r));
}

kj_span kj_read_cstr(kj_reader *r, size_t max)
{
    kj_span rest = kj_span_sub(r->in, r->pos, max);
    const uint8_t *nul = r->failed || rest.len == 0 ? NULL : memchr(rest.data, 0, rest.len);
    if (!nul) {
        r->failed = true;
        return (kj_span){0};
    }
    kj_span text = kj_span_sub(rest, 0, (size_t)(nul - rest.data));
    r->pos += text.len + 1;
    return text;
}

bool kj_read_line(kj_reader *r, kj_span *out)
{
    kj_span rest = kj_span_sub(r->in, r->pos, SIZE_MAX);
    if (r->failed || rest.len == 0)
        return false;
    const uint8_t *lf = memchr(rest.data, '\n', rest.len);
    kj_span line = kj_span_sub(rest, 0, lf ? (size_t)(lf - rest.data) : rest.len);
    r->pos += line.len + (lf ? 1 : 0);
    if (line.len && line.data[line.len - 1] == '\r')
        line.len--;
    *out = line;
    return true;
}

kj_reader kj_read_sub(kj_reader *r, size_t len)
{
    kj_span part = kj_read_span(r, len);
    return (kj_reader){.in = part, .failed = r->failed};
}

void kj_skip(kj_reader *r, uint64_t len)
{
    if (len > SIZE_MAX)
        r->failed = true;
    else if (len)
        (void)take(r, (size_t)len);
}

void kj_seek(kj_reader *r, uint64_t pos)
{
    if (r->failed || pos > r->in.len)
        r->failed = true;
    else
        r->pos = (size_t)pos;
}
