/* SPDX-License-Identifier: Apache-2.0 */
/* Search for bytes. Short needles are looked for by their first and last byte, eight places at a
 * time, which is several times faster than the C library's search; it may compare SHORT_MAX bytes
 * at each place at worst. */
#include "base/arith.h"
#include "base/span.h"

enum { SHORT_MAX = 16, WORD = sizeof(uint64_t) };

#define ONES UINT64_C(0x0101010101010101)

static uint64_t load(const uint8_t *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

/* Whether one of the eight bytes is zero. */
static bool has_zero(uint64_t word)
{
    return ((word - ONES) & ~word & (ONES << 7)) != 0;
}

/* Offset of the first block of eight places at which the needle may begin; the last of them, with
 * less than eight behind, is not looked at. */
static size_t next_block(const uint8_t *data, size_t at, size_t end, kj_span needle)
{
    const size_t last = needle.len - 1;
    const uint64_t first_byte = ONES * needle.data[0], last_byte = ONES * needle.data[last];
    while (at < end &&
           !has_zero((load(data + at) ^ first_byte) | (load(data + at + last) ^ last_byte)))
        at += WORD;
    return at;
}

static size_t find_short(kj_span s, kj_span needle, size_t from)
{
    size_t places = s.len - needle.len + 1; /* at which it may begin */
    size_t end = places >= WORD ? places - WORD + 1 : 0;
    for (size_t at = from; at < places; at += WORD) {
        at = next_block(s.data, at, end, needle);
        size_t stop = places - at < WORD ? places : at + WORD;
        for (size_t i = at; i < stop; i++)
            if (s.data[i] == needle.data[0] && memcmp(s.data + i, needle.data, needle.len) == 0)
                return i;
    }
    return SIZE_MAX;
}

size_t kj_span_find(kj_span s, kj_span needle, size_t from)
{
    if (from > s.len || needle.len > s.len - from)
        return SIZE_MAX;
    if (needle.len == 0)
        return from;
    if (needle.len > 1 && needle.len <= SHORT_MAX)
        return find_short(s, needle, from);
    const uint8_t *hit = needle.len == 1
                             ? memchr(s.data + from, needle.data[0], s.len - from)
                             : memmem(s.data + from, s.len - from, needle.data, needle.len);
    return hit ? (size_t)(hit - s.data) : SIZE_MAX;
}

size_t kj_span_find_either(kj_span s, uint8_t a, uint8_t b, size_t from)
{
    size_t step = 128;
    for (size_t at = from; at < s.len; at += step, step = kj_min_size(step * 2, 64 << 10)) {
        kj_span window = kj_span_sub(s, at, step);
        const uint8_t *hit_a = memchr(window.data, a, window.len);
        size_t before = hit_a ? (size_t)(hit_a - window.data) : window.len;
        const uint8_t *hit_b = before ? memchr(window.data, b, before) : NULL;
        if (hit_b)
            return at + (size_t)(hit_b - window.data);
        if (hit_a)
            return at + before;
    }
    return s.len;
}

size_t kj_span_next_line(kj_span bytes, size_t from)
{
    const uint8_t *end =
        from < bytes.len ? memchr(bytes.data + from, '\n', bytes.len - from) : NULL;
    return end ? (size_t)(end - bytes.data) + 1 : bytes.len;
}

size_t kj_span_find_line(kj_span bytes, uint8_t first, size_t from)
{
    while (from < bytes.len && bytes.data[from] != first)
        from = kj_span_next_line(bytes, from);
    return from < bytes.len ? from : SIZE_MAX;
}
