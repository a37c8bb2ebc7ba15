/* SPDX-License-Identifier: Apache-2.0 */
/* Compressed RTF: MS-OXRTFCP.
 *
 *     u32 size of what follows | u32 size of the text | "LZFu" or "MELA" | u32 CRC
 *     LZFu: control byte, 8 items, the lowest bit first; 0: a byte, 1: two bytes, big-endian,
 *           12 bits position in the dictionary, 4 bits length - 2
 *     MELA: the text
 *
 * The dictionary is a ring of 4,096 bytes that begins with what most RTF begins with. A reference
 * to the place that is written next is the end. */
#include "formats/lzfu.h"

#include "base/reader.h"

enum { RING_SIZE = 4096, COMPRESSED = 0x75465A4C, UNCOMPRESSED = 0x414C454D };

static const char start[] =
    "{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern "
    "\\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0"
    "\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx";
_Static_assert(sizeof start - 1 == 207, "MS-OXRTFCP, 2.1.2.1");

typedef struct ring {
    uint8_t bytes[RING_SIZE];
    size_t next;
    kj_buf *out;
} ring;

static void put(ring *w, uint8_t byte)
{
    w->bytes[w->next] = byte;
    w->next = (w->next + 1) % RING_SIZE;
    kj_buf_put_byte(w->out, byte);
}

/* False at the end. */
static bool put_reference(ring *w, unsigned reference)
{
    size_t from = reference >> 4;
    if (from == w->next)
        return false;
    for (size_t left = (reference & 15) + 2; left > 0; left--) {
        put(w, w->bytes[from]);
        from = (from + 1) % RING_SIZE;
    }
    return true;
}

static kj_status decode(kj_reader *r, kj_buf *out, kj_error *err)
{
    ring w = {.next = sizeof start - 1, .out = out};
    memcpy(w.bytes, start, sizeof start - 1);
    while (!out->failed && kj_reader_left(r)) {
        unsigned control = kj_read_u8(r);
        for (unsigned bit = 0; bit < 8; bit++, control >>= 1) {
            unsigned item = control & 1 ? kj_read_u16be(r) : kj_read_u8(r);
            if (!kj_reader_ok(r))
                break;
            if (!(control & 1))
                put(&w, (uint8_t)item);
            else if (!put_reference(&w, item))
                return KJ_OK;
        }
    }
    return kj_fail(err, KJ_TRUNCATED, r->pos, "compressed RTF without an end");
}

kj_status kj_lzfu_decode(kj_span bytes, kj_buf *out, kj_error *err)
{
    kj_reader r = kj_reader_of(bytes);
    kj_skip(&r, 8);
    uint32_t type = kj_read_u32le(&r);
    kj_skip(&r, 4);
    if (!kj_reader_ok(&r) || (type != COMPRESSED && type != UNCOMPRESSED))
        return kj_fail(err, KJ_MALFORMED, 8, "no compressed RTF");
    if (type == COMPRESSED)
        return decode(&r, out, err);
    kj_buf_put(out, kj_read_span(&r, kj_reader_left(&r)));
    return KJ_OK;
}
