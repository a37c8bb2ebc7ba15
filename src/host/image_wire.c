/* SPDX-License-Identifier: Apache-2.0 */
#include "host/image_wire.h"

#include "base/arith.h"
#include "base/text.h"

static const uint32_t magic = 0x4D494A4B; /* "KJIM" */

static void put_text(kj_span text, kj_buf *out)
{
    kj_span cut = kj_span_sub(text, 0, KJ_IMAGE_SENTENCE_MAX);
    kj_buf_put_u32le(out, (uint32_t)cut.len);
    kj_buf_put(out, cut);
}

static kj_span read_text(kj_reader *r, size_t max)
{
    uint32_t len = kj_read_u32le(r);
    if (len > max)
        kj_seek(r, UINT64_MAX);
    return kj_read_span(r, len);
}

void kj_image_put_request(const kj_image_request *request, kj_buf *out)
{
    kj_buf_put_u32le(out, magic);
    kj_buf_put_u32le(out, request->kind);
    kj_buf_put_u32le(out, request->head);
    kj_buf_put_u64le(out, request->id);
    kj_buf_put_u64le(out, request->max);
}

bool kj_image_read_request(kj_span packet, kj_image_request *out)
{
    kj_reader r = kj_reader_of(packet);
    uint32_t start = kj_read_u32le(&r);
    uint32_t kind = kj_read_u32le(&r);
    uint32_t head = kj_read_u32le(&r);
    kj_image_request request = {.head = head != 0};
    request.id = kj_read_u64le(&r);
    request.max = kj_read_u64le(&r);
    if (!kj_reader_ok(&r) || start != magic || (kind != KJ_IMAGE_LIST && kind != KJ_IMAGE_OPEN))
        return false;
    request.kind = (kj_image_kind)kind;
    *out = request;
    return true;
}

void kj_image_put_reply(kj_image_kind kind, kj_status status, bool last, const char *sentence,
                        kj_buf *out)
{
    kj_buf_put_u32le(out, magic);
    kj_buf_put_u32le(out, kind);
    kj_buf_put_u32le(out, status);
    kj_buf_put_u32le(out, last);
    put_text(kj_span_str(sentence), out);
}

kj_status kj_image_read_reply(kj_span packet, kj_image_kind kind, kj_image_reply *out,
                              kj_error *err)
{
    kj_reader r = kj_reader_of(packet);
    uint32_t start = kj_read_u32le(&r);
    uint32_t said = kj_read_u32le(&r);
    uint32_t status = kj_read_u32le(&r);
    uint32_t last = kj_read_u32le(&r);
    kj_span sentence = read_text(&r, KJ_IMAGE_SENTENCE_MAX);
    if (!kj_reader_ok(&r) || start != magic || said != kind || status >= KJ_STATUS_COUNT)
        return kj_fail(err, KJ_MALFORMED, KJ_NO_OFFSET, "the image reader gave a wrong answer");
    *out = (kj_image_reply){(kj_status)status, last != 0, sentence, r};
    if (status == KJ_OK)
        return KJ_OK;
    kj_buf shown;
    kj_buf_init(&shown, 8 * KJ_IMAGE_SENTENCE_MAX);
    kj_escape(sentence, NULL, &shown);
    (void)kj_fail(err, (kj_status)status, KJ_NO_OFFSET, "%s", kj_buf_text(&shown));
    kj_buf_done(&shown);
    return (kj_status)status;
}

/* ---- entries --------------------------------------------------------------------------------- */

void kj_image_put_entry(const kj_image_entry *entry, kj_buf *out)
{
    kj_buf_put_u32le(out, entry->node.kind);
    kj_buf_put_u32le(out, entry->node.links);
    kj_buf_put_u64le(out, entry->node.id);
    kj_buf_put_u64le(out, entry->node.size);
    kj_buf_put_u64le(out, (uint64_t)entry->node.mtime_ns);
    kj_buf_put_u32le(out, (uint32_t)entry->name.len);
    kj_buf_put(out, entry->name);
}

bool kj_image_read_entry(kj_reader *body, kj_image_entry *out)
{
    if (kj_reader_left(body) == 0)
        return false;
    kj_image_entry entry = {0};
    uint32_t kind = kj_read_u32le(body);
    entry.node.links = kj_read_u32le(body);
    entry.node.id = kj_read_u64le(body);
    entry.node.size = kj_read_u64le(body);
    entry.node.mtime_ns = (int64_t)kj_read_u64le(body);
    entry.name = read_text(body, KJ_IMAGE_NAME_MAX);
    if (kind > KJ_NODE_OTHER)
        kj_seek(body, UINT64_MAX);
    if (!kj_reader_ok(body))
        return false;
    entry.node.kind = (kj_node_kind)kind;
    *out = entry;
    return true;
}

/* ---- hello ----------------------------------------------------------------------------------- */

void kj_image_put_hello(const kj_image_hello *hello, kj_buf *out)
{
    kj_buf_put_u32le(out, hello->count);
    kj_buf_put_u32le(out, hello->opened);
    kj_buf_put_u64le(out, hello->root);
    for (uint32_t i = 0; i < hello->count; i++) {
        const kj_image_partition *p = &hello->partitions[i];
        kj_buf_put_u32le(out, p->number);
        kj_buf_put_u32le(out, p->readable);
        kj_buf_put_u64le(out, p->offset);
        kj_buf_put_u64le(out, p->size);
        put_text(p->kind, out);
        put_text(p->sentence, out);
    }
}

bool kj_image_read_hello(kj_reader *body, kj_image_hello *out)
{
    out->count = kj_read_u32le(body);
    out->opened = kj_read_u32le(body);
    out->root = kj_read_u64le(body);
    if (out->count > KJ_IMAGE_PARTITIONS_MAX)
        return false;
    for (uint32_t i = 0; i < out->count; i++) {
        kj_image_partition *p = &out->partitions[i];
        p->number = kj_read_u32le(body);
        p->readable = kj_read_u32le(body) != 0;
        p->offset = kj_read_u64le(body);
        p->size = kj_read_u64le(body);
        p->kind = read_text(body, KJ_IMAGE_SENTENCE_MAX);
        p->sentence = read_text(body, KJ_IMAGE_SENTENCE_MAX);
    }
    return kj_reader_ok(body);
}
