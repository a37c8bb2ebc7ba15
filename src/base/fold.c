/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fold.h"

#include "base/arith.h"
#include "base/text.h"

/* Ranges of upper-case letters and how far their lower-case forms are. Where a range alternates
 * (upper, lower, upper, ...) only the letters with `first`'s parity are upper case. */
static const struct range {
    uint16_t first;
    uint16_t last;
    uint16_t delta;
    bool alternates;
} ranges[] = {
    {0x0041, 0x005A, 0x20, false}, {0x00C0, 0x00D6, 0x20, false}, {0x00D8, 0x00DE, 0x20, false},
    {0x0100, 0x012E, 1, true},     {0x0132, 0x0136, 1, true},     {0x0139, 0x0147, 1, true},
    {0x014A, 0x0176, 1, true},     {0x0179, 0x017D, 1, true},     {0x0391, 0x03A1, 0x20, false},
    {0x03A3, 0x03AB, 0x20, false}, {0x0400, 0x040F, 0x50, false}, {0x0410, 0x042F, 0x20, false},
    {0x0460, 0x0480, 1, true},     {0x048A, 0x04BE, 1, true},     {0x04D0, 0x052E, 1, true},
    {0x0531, 0x0556, 0x30, false}, {0x1E00, 0x1E94, 1, true},     {0x1EA0, 0x1EFE, 1, true},
    {0xFF21, 0xFF3A, 0x20, false},
};

uint32_t kj_fold(uint32_t code)
{
    if (code < 0x80)
        return kj_lower((uint8_t)code);
    for (size_t i = 0; i < KJ_COUNT(ranges) && code >= ranges[i].first; i++) {
        const struct range *r = &ranges[i];
        if (code > r->last)
            continue;
        bool upper = !r->alternates || (code - r->first) % 2 == 0;
        return upper ? code + r->delta : code;
    }
    return code;
}

static size_t put_folded(kj_span text, size_t *pos, uint8_t *out)
{
    size_t start = *pos;
    uint32_t code = kj_utf8_next(text, pos);
    if (code == 0xFFFD) { /* broken or real: the bytes as they are */
        memcpy(out, text.data + start, *pos - start);
        return *pos - start;
    }
    return kj_utf8_put(kj_fold(code), out);
}

char *kj_fold_text(kj_arena *arena, kj_span text)
{
    /* No folding above makes UTF-8 longer. */
    uint8_t *out = kj_arena_alloc_raw(arena, text.len + 4);
    if (!out)
        return NULL;
    size_t len = 0;
    for (size_t pos = 0; pos < text.len;)
        len += put_folded(text, &pos, out + len);
    out[len] = '\0';
    return (char *)out;
}

static bool is_separator(uint8_t c)
{
    return c == '\\' || c == '/';
}

/* Appends one component without what Win32 ignores; returns the new length. */
static size_t put_component(kj_span part, uint8_t *out, size_t len)
{
    bool dots_only = true;
    for (size_t i = 0; i < part.len; i++)
        dots_only = dots_only && part.data[i] == '.';
    if (dots_only && part.len < 2)
        return len; /* "" and "." */
    while (!dots_only && part.len &&
           (part.data[part.len - 1] == '.' || part.data[part.len - 1] == ' '))
        part.len--;
    if (part.len == 0)
        return len;
    if (len)
        out[len++] = '\\';
    for (size_t pos = 0; pos < part.len;)
        len += put_folded(part, &pos, out + len);
    return len;
}

char *kj_winpath_normalize(kj_arena *arena, kj_span path)
{
    uint8_t *out = kj_arena_alloc_raw(arena, path.len + 4);
    if (!out)
        return NULL;
    size_t len = 0;
    for (size_t start = 0; start < path.len;) {
        size_t end = start;
        while (end < path.len && !is_separator(path.data[end]))
            end++;
        len = put_component(kj_span_sub(path, start, end - start), out, len);
        start = end + 1;
    }
    out[len] = '\0';
    return (char *)out;
}

/* Greedy matching with one point to fall back to: linear in practice, len * len at worst. */
static bool match(kj_span pattern, kj_span text, bool stop_at_separator)
{
    size_t p = 0, t = 0;
    size_t star = SIZE_MAX, star_text = 0;
    while (t < text.len) {
        if (p < pattern.len && pattern.data[p] == '*') {
            star = p++;
            star_text = t;
        } else if (p < pattern.len && pattern.data[p] == text.data[t]) {
            p++;
            t++;
        } else if (star != SIZE_MAX && !(stop_at_separator && text.data[star_text] == '\\')) {
            p = star + 1;
            t = ++star_text;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.data[p] == '*')
        p++;
    return p == pattern.len;
}

bool kj_winpath_match(kj_span pattern, kj_span path)
{
    return match(pattern, path, true);
}

bool kj_wildcard_match(kj_span pattern, kj_span text)
{
    return match(pattern, text, false);
}
