/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/yara/compiler.h"

kj_re *kj_yara_re_new(kj_yara_compiler *c, kj_re_op op)
{
    kj_re *re = kj_new(&c->ir->arena, kj_re);
    if (!re)
        return kj_yara_no_memory(c);
    re->op = op;
    return re;
}

/* Most of a rule set's nodes are one of 257: they are made once. */
kj_re *kj_yara_re_byte(kj_yara_compiler *c, uint8_t byte)
{
    if (!c->bytes[byte] && (c->bytes[byte] = kj_yara_re_new(c, KJ_RE_CLASS)))
        kj_byte_set_add(&c->bytes[byte]->set, byte);
    return c->bytes[byte];
}

kj_re *kj_yara_re_any(kj_yara_compiler *c)
{
    if (!c->any && (c->any = kj_yara_re_new(c, KJ_RE_CLASS)))
        memset(c->any->set.words, 0xFF, sizeof c->any->set.words);
    return c->any;
}

kj_re *kj_yara_re_dot(kj_yara_compiler *c)
{
    if (!c->dot && (c->dot = kj_yara_re_new(c, KJ_RE_CLASS)))
        for (unsigned byte = 0; byte < 256; byte++)
            if (byte != '\n')
                kj_byte_set_add(&c->dot->set, (uint8_t)byte);
    return c->dot;
}

kj_re *kj_yara_re_class(kj_yara_compiler *c, const kj_byte_set *set)
{
    unsigned members = 0, last = 0;
    for (unsigned byte = 0; byte < 256; byte++) {
        if (kj_byte_set_has(set, (uint8_t)byte)) {
            members++;
            last = byte;
        }
    }
    if (members == 1)
        return kj_yara_re_byte(c, (uint8_t)last);
    if (members == 256)
        return kj_yara_re_any(c);
    kj_re *re = kj_yara_re_new(c, KJ_RE_CLASS);
    if (re)
        re->set = *set;
    return re;
}

kj_re *kj_yara_re_repeat(kj_yara_compiler *c, kj_re *what, uint32_t min, uint32_t max, bool greedy)
{
    kj_re **children = kj_new_array(&c->ir->arena, kj_re *, 1);
    kj_re *re = kj_yara_re_new(c, KJ_RE_REPEAT);
    if (!what || !re || !children)
        return kj_yara_no_memory(c);
    children[0] = what;
    re->children = children;
    re->count = 1;
    re->min = min;
    re->max = max;
    re->greedy = greedy;
    return re;
}

bool kj_yara_re_push(kj_yara_compiler *c, kj_re *node)
{
    if (!node)
        return false;
    if (kj_vec_add(&c->nodes, node))
        return true;
    kj_yara_no_memory(c);
    return false;
}

kj_re *kj_yara_re_join(kj_yara_compiler *c, kj_re_op op, size_t base)
{
    size_t count = c->nodes.count - base;
    kj_re **children = count ? c->nodes.items + base : NULL;
    c->nodes.count = base;
    if (count == 1)
        return children[0];
    kj_re *re = kj_yara_re_new(c, op);
    if (!re)
        return NULL;
    re->children = kj_new_array(&c->ir->arena, kj_re *, count);
    if (!re->children)
        return kj_yara_no_memory(c);
    if (count)
        memcpy(re->children, children, count * sizeof *children);
    re->count = count;
    return re;
}

bool kj_yara_has_endless_dot(const kj_yara_compiler *c, const kj_re *re)
{
    if (re->op == KJ_RE_REPEAT)
        return re->max == KJ_RE_UNBOUNDED &&
               (re->children[0] == c->dot || re->children[0] == c->any);
    for (size_t i = 0; re->op == KJ_RE_CONCAT && i < re->count; i++)
        if (kj_yara_has_endless_dot(c, re->children[i]))
            return true;
    return false;
}

bool kj_yara_re_fits(const kj_re *re, unsigned depth)
{
    if (depth == 0)
        return false;
    for (size_t i = 0; i < re->count; i++)
        if (!kj_yara_re_fits(re->children[i], depth - 1))
            return false;
    return true;
}
