/* SPDX-License-Identifier: Apache-2.0 */
#include "scan/glob.h"

/* Length of the set at glob[at], brackets included, and whether `byte` is in it; 0: not a set. */
static size_t match_set(kj_span glob, size_t at, uint8_t byte, bool *out_in)
{
    size_t i = at + 1;
    bool inverted = i < glob.len && (glob.data[i] == '!' || glob.data[i] == '^');
    if (inverted)
        i++;
    bool in = false;
    for (size_t first = i; i < glob.len && (glob.data[i] != ']' || i == first); i++) {
        uint8_t low = glob.data[i], high = low;
        if (i + 2 < glob.len && glob.data[i + 1] == '-' && glob.data[i + 2] != ']') {
            high = glob.data[i + 2];
            i += 2;
        }
        in |= byte >= low && byte <= high;
    }
    if (i >= glob.len)
        return 0;
    *out_in = in != inverted;
    return i + 1 - at;
}

/* Bytes of the pattern's element at `at` when it matches `byte`; 0: it does not. */
static size_t match_one(kj_span glob, size_t at, uint8_t byte)
{
    uint8_t c = glob.data[at];
    if (c == '?')
        return 1;
    bool in = false;
    size_t len = c == '[' ? match_set(glob, at, byte, &in) : 0;
    if (len)
        return in ? len : 0;
    if (c == '\\' && at + 1 < glob.len)
        return glob.data[at + 1] == byte ? 2 : 0;
    return c == byte ? 1 : 0;
}

bool kj_glob_match(kj_span glob, kj_span text)
{
    size_t g = 0, t = 0;
    size_t star = SIZE_MAX, star_text = 0; /* the one place to fall back to */
    while (t < text.len) {
        size_t len;
        if (g < glob.len && glob.data[g] == '*') {
            star = g++;
            star_text = t;
        } else if (g < glob.len && (len = match_one(glob, g, text.data[t])) > 0) {
            g += len;
            t++;
        } else if (star != SIZE_MAX) {
            g = star + 1;
            t = ++star_text;
        } else {
            return false;
        }
    }
    while (g < glob.len && glob.data[g] == '*')
        g++;
    return g == glob.len;
}

bool kj_glob_match_path(kj_span glob, kj_span path)
{
    if (glob.len && memchr(glob.data, '/', glob.len))
        return kj_glob_match(glob, path);
    const uint8_t *slash = path.len ? memrchr(path.data, '/', path.len) : NULL;
    size_t base = slash ? (size_t)(slash - path.data) + 1 : 0;
    return kj_glob_match(glob, kj_span_sub(path, base, path.len - base));
}
