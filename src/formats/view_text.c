/* SPDX-License-Identifier: Apache-2.0 */
/* Text, normalised: ASCII in lower case, a run of white space one space, everything else gone.
 * What is gone does not end a run. UTF-16 thus becomes ASCII, too. */
#include "base/arith.h"
#include "formats/view_private.h"

/* What becomes of each byte; 0: nothing. */
/* clang-format off */
#define SAME(c) [c] = (c)
#define LOWER(c) [c] = (c) | 0x20
#define EIGHT(of, c) of(c), of(c + 1), of(c + 2), of(c + 3), of(c + 4), of(c + 5), of(c + 6), of(c + 7)
static const uint8_t kept[256] = {
    ['\t'] = ' ', ['\n'] = ' ', ['\v'] = ' ', ['\f'] = ' ', ['\r'] = ' ',
    EIGHT(SAME, 0x20), EIGHT(SAME, 0x28), EIGHT(SAME, 0x30), EIGHT(SAME, 0x38),
    SAME('@'), LOWER('A'), LOWER('B'), LOWER('C'), LOWER('D'), LOWER('E'), LOWER('F'), LOWER('G'),
    EIGHT(LOWER, 0x48), EIGHT(LOWER, 0x50), LOWER('X'), LOWER('Y'), LOWER('Z'),
    SAME('['), SAME('\\'), SAME(']'), SAME('^'), SAME('_'),
    EIGHT(SAME, 0x60), EIGHT(SAME, 0x68), EIGHT(SAME, 0x70), EIGHT(SAME, 0x78),
};
/* clang-format on */

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* Eight bytes, first byte lowest, in lower case and with blanks for white space. False: some of
 * them are dropped. */
static bool normalise(uint64_t *word)
{
    uint64_t w = *word;
    if (w & EACH(0x80))
        return false;
    uint64_t white = (w + EACH(0x80 - '\t')) & ~(w + EACH(0x7F - '\r')) & EACH(0x80);
    uint64_t whole = (white >> 7) * 0xFF; /* the bytes that are white space, all bits */
    w = (w & ~whole) | (EACH(' ') & whole);
    if (~(w + EACH(0x80 - ' ')) & EACH(0x80))
        return false;
    uint64_t capitals = (w + EACH(0x80 - 'A')) & ~(w + EACH(0x7F - 'Z')) & EACH(0x80);
    *word = w | capitals >> 2;
    return true;
}

/* Puts eight normalised bytes, but for blanks behind blanks; how many. */
static size_t put_eight(uint64_t w, uint8_t before, uint8_t *to)
{
    uint64_t blanks = ~((w ^ EACH(' ')) + EACH(0x7F)) & EACH(0x80);
    uint64_t twins = blanks & (blanks << 8 | (before == ' ' ? 0x80 : 0));
    size_t count = 0;
    if (twins == 0) {
        memcpy(to, &w, sizeof w);
        return sizeof w;
    }
    for (unsigned i = 0; i < sizeof w; i++) {
        to[count] = (uint8_t)(w >> 8 * i);
        count += !(twins >> (8 * i + 7) & 1);
    }
    return count;
}

/* Appends to `to`, which has room for all; `last` is the byte before. What is gone is
 * overwritten. */
static size_t squeeze(kj_span from, uint8_t *to, uint8_t *last)
{
    size_t count = 0, i = 0;
    uint8_t before = *last;
    while (i < from.len) {
        uint64_t word;
        if (from.len - i >= sizeof word) {
            memcpy(&word, from.data + i, sizeof word);
            if (normalise(&word)) {
                count += put_eight(word, before, to + count);
                before = (uint8_t)(word >> 56);
                i += sizeof word;
                continue;
            }
        }
        uint8_t c = kept[from.data[i++]];
        to[count] = c;
        count += !(c == 0 || (c == ' ' && before == ' '));
        before = c ? c : before;
    }
    *last = before;
    return count;
}

void kj_view_text(kj_span bytes, kj_buf *out)
{
    enum { STEP = 64 << 10 };
    uint8_t last = 0;
    for (size_t at = 0; at < bytes.len;) {
        kj_span part = kj_span_sub(bytes, at, kj_min_size(STEP, out->max - out->len));
        uint8_t *room = kj_buf_reserve(out, part.len ? part.len : 1);
        if (!room)
            return;
        kj_buf_added(out, squeeze(part, room, &last));
        at += part.len;
    }
}
