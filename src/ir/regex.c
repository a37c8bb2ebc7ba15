/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/regex.h"

#include "base/text.h"

void kj_byte_set_add_range(kj_byte_set *set, unsigned from, unsigned to)
{
    for (unsigned byte = from; byte <= to; byte++)
        kj_byte_set_add(set, (uint8_t)byte);
}

void kj_byte_set_invert(kj_byte_set *set)
{
    for (size_t i = 0; i < 4; i++)
        set->words[i] = ~set->words[i];
}

void kj_byte_set_fold(kj_byte_set *set)
{
    for (unsigned upper = 'A'; upper <= 'Z'; upper++) {
        uint8_t both[] = {(uint8_t)upper, (uint8_t)(upper | 0x20)};
        if (kj_byte_set_has(set, both[0]) || kj_byte_set_has(set, both[1])) {
            kj_byte_set_add(set, both[0]);
            kj_byte_set_add(set, both[1]);
        }
    }
}

unsigned kj_byte_set_count(const kj_byte_set *set)
{
    unsigned count = 0;
    for (size_t i = 0; i < 4; i++)
        count += (unsigned)__builtin_popcountll(set->words[i]);
    return count;
}

bool kj_byte_set_add_named(kj_byte_set *set, unsigned letter)
{
    kj_byte_set named = {0};
    switch (kj_lower((uint8_t)letter)) {
    case 'w':
        kj_byte_set_add_range(&named, 'a', 'z');
        kj_byte_set_add_range(&named, 'A', 'Z');
        kj_byte_set_add_range(&named, '0', '9');
        kj_byte_set_add(&named, '_');
        break;
    case 's':
        kj_byte_set_add_range(&named, '\t', '\r');
        kj_byte_set_add(&named, ' ');
        break;
    case 'd':
        kj_byte_set_add_range(&named, '0', '9');
        break;
    default:
        return false;
    }
    if (letter < 'a')
        kj_byte_set_invert(&named);
    for (size_t i = 0; i < 4; i++)
        set->words[i] |= named.words[i];
    return true;
}

static uint32_t add(uint32_t a, uint32_t b)
{
    uint32_t sum;
    return __builtin_add_overflow(a, b, &sum) ? KJ_RE_UNBOUNDED : sum;
}

static uint32_t multiply(uint32_t a, uint32_t b)
{
    uint32_t product;
    if (a == 0 || b == 0)
        return 0;
    return __builtin_mul_overflow(a, b, &product) ? KJ_RE_UNBOUNDED : product;
}

static void concat_width(const kj_re *re, uint32_t *min, uint32_t *max)
{
    *min = *max = 0;
    for (size_t i = 0; i < re->count; i++) {
        uint32_t least, most;
        kj_re_width(re->children[i], &least, &most);
        *min = add(*min, least);
        *max = add(*max, most);
    }
}

static void alt_width(const kj_re *re, uint32_t *min, uint32_t *max)
{
    *min = re->count ? UINT32_MAX : 0;
    *max = 0;
    for (size_t i = 0; i < re->count; i++) {
        uint32_t least, most;
        kj_re_width(re->children[i], &least, &most);
        *min = least < *min ? least : *min;
        *max = most > *max ? most : *max;
    }
}

void kj_re_width(const kj_re *re, uint32_t *out_min, uint32_t *out_max)
{
    switch (re->op) {
    case KJ_RE_CLASS:
        *out_min = *out_max = 1;
        return;
    case KJ_RE_CONCAT:
        concat_width(re, out_min, out_max);
        return;
    case KJ_RE_ALT:
        alt_width(re, out_min, out_max);
        return;
    case KJ_RE_REPEAT:
        kj_re_width(re->children[0], out_min, out_max);
        *out_min = multiply(*out_min, re->min);
        *out_max =
            re->max == KJ_RE_UNBOUNDED && *out_max ? KJ_RE_UNBOUNDED : multiply(*out_max, re->max);
        return;
    default:
        *out_min = *out_max = 0;
        return;
    }
}

bool kj_re_is_greedy(const kj_re *re)
{
    if (re->op == KJ_RE_REPEAT && re->greedy)
        return true;
    for (size_t i = 0; i < re->count; i++)
        if (kj_re_is_greedy(re->children[i]))
            return true;
    return false;
}
