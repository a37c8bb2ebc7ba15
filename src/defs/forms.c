/* SPDX-License-Identifier: Apache-2.0 */
#include "defs/forms.h"

#include "base/text.h"

static const char standard[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Bit `at` of the text behind `alignment` bytes that are unknown (and taken as zero). */
static unsigned bit(kj_span text, unsigned alignment, size_t at)
{
    size_t byte = at / 8;
    if (byte < alignment || byte - alignment >= text.len)
        return 0;
    return text.data[byte - alignment] >> (7 - at % 8) & 1;
}

void kj_base64_form(kj_span text, unsigned alignment, const char *alphabet, kj_buf *out)
{
    size_t first_bit = (size_t)alignment * 8, end_bit = first_bit + text.len * 8;
    for (size_t c = (first_bit + 5) / 6; (c + 1) * 6 <= end_bit; c++) {
        unsigned value = 0;
        for (size_t i = 0; i < 6; i++)
            value = value << 1 | bit(text, alignment, c * 6 + i);
        kj_buf_put_byte(out, (uint8_t)(alphabet ? alphabet : standard)[value]);
    }
}

void kj_widen(kj_span text, kj_buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        kj_buf_put_byte(out, text.data[i]);
        kj_buf_put_byte(out, 0);
    }
}

/* What the classes of a tree say about case. */
struct reading {
    kj_buf *out;
    bool both;  /* some letter stands for both cases */
    bool exact; /* some letter stands for itself */
};

/* A class of one byte, or of the two cases of a letter. */
static bool read_class(const kj_byte_set *set, struct reading *r)
{
    unsigned count = 0, byte = 0;
    for (unsigned i = 0; i < 4; i++) {
        count += (unsigned)__builtin_popcountll(set->words[i]);
        if (set->words[i])
            byte = i * 64 + (unsigned)__builtin_ctzll(set->words[i]);
    }
    bool pair = count == 2 && kj_is_alpha(byte) && kj_byte_set_has(set, kj_upper((uint8_t)byte)) &&
                kj_byte_set_has(set, kj_lower((uint8_t)byte));
    if (count != 1 && !pair)
        return false;
    r->both |= pair;
    r->exact |= !pair && kj_is_alpha(byte);
    kj_buf_put_byte(r->out, (uint8_t)byte);
    return true;
}

static bool read_tree(const kj_re *re, struct reading *r, unsigned depth)
{
    if (re->op == KJ_RE_CLASS)
        return read_class(&re->set, r);
    if (re->op == KJ_RE_EMPTY)
        return true;
    if (depth > KJ_RE_MAX_DEPTH || (re->op != KJ_RE_CONCAT && re->op != KJ_RE_REPEAT) ||
        (re->op == KJ_RE_REPEAT && re->min != re->max))
        return false;
    uint32_t times = re->op == KJ_RE_REPEAT ? re->min : 1;
    for (uint32_t n = 0; n < times && !r->out->failed; n++)
        for (size_t i = 0; i < re->count; i++)
            if (!read_tree(re->children[i], r, depth + 1))
                return false;
    return true;
}

bool kj_re_as_text(const kj_re *re, kj_buf *out, bool *out_nocase)
{
    struct reading r = {.out = out};
    if (!read_tree(re, &r, 0) || out->failed || out->len == 0 || (r.both && r.exact))
        return false;
    *out_nocase = r.both;
    return true;
}
