/* SPDX-License-Identifier: Apache-2.0 */
#include "defs/masks.h"

#include <string.h>

struct masks {
    kj_buf *values;
    kj_buf *masks;
    size_t max;
};

/* The members of a class agree in the bits of the mask, and it holds all bytes that do. */
bool kj_mask_of_class(const kj_byte_set *set, uint8_t *out_value, uint8_t *out_mask)
{
    uint8_t all = 0xFF, any = 0;
    unsigned count = 0;
    for (unsigned byte = 0; byte < 256; byte++) {
        if (!kj_byte_set_has(set, (uint8_t)byte))
            continue;
        all &= (uint8_t)byte;
        any |= (uint8_t)byte;
        count++;
    }
    *out_mask = (uint8_t) ~(all ^ any);
    *out_value = all & *out_mask;
    return count == 1U << (8 - __builtin_popcount(*out_mask));
}

static bool put_class(struct masks *m, const kj_byte_set *set)
{
    uint8_t value, mask;
    if (!kj_mask_of_class(set, &value, &mask) || m->values->len >= m->max)
        return false;
    kj_buf_put_byte(m->values, value);
    kj_buf_put_byte(m->masks, mask);
    return true;
}

static bool put_tree(struct masks *m, const kj_re *re, unsigned depth)
{
    if (re->op == KJ_RE_CLASS)
        return put_class(m, &re->set);
    if (re->op == KJ_RE_EMPTY)
        return true;
    if (depth > KJ_RE_MAX_DEPTH || (re->op != KJ_RE_CONCAT && re->op != KJ_RE_REPEAT) ||
        (re->op == KJ_RE_REPEAT && re->min != re->max))
        return false;
    uint32_t times = re->op == KJ_RE_REPEAT ? re->min : 1;
    for (uint32_t n = 0; n < times; n++) {
        size_t before = m->values->len;
        for (size_t i = 0; i < re->count; i++)
            if (!put_tree(m, re->children[i], depth + 1))
                return false;
        if (m->values->len == before)
            break; /* matches nothing, however often */
    }
    return true;
}

bool kj_masks_of_trees(kj_re_list list, size_t max, kj_buf *values, kj_buf *masks)
{
    struct masks m = {values, masks, max};
    for (size_t i = 0; i < list.count; i++)
        if (!put_tree(&m, list.items[i], 0))
            return false;
    return values->len > 0 && !values->failed && !masks->failed;
}
