/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/match/tree.h"

#include "base/text.h"

struct parser {
    kj_arena *arena;
    const char *at;
    bool failed;
};

static kj_re *node(struct parser *p, kj_re_op op)
{
    kj_re *re = kj_new(p->arena, kj_re);
    p->failed |= !re;
    if (re)
        re->op = op;
    return re;
}

static void adopt(struct parser *p, kj_re *parent, kj_re *child)
{
    kj_re **children = kj_new_array(p->arena, kj_re *, parent->count + 1);
    if (!children || !child) {
        p->failed = true;
        return;
    }
    if (parent->count)
        memcpy(children, parent->children, parent->count * sizeof(kj_re *));
    children[parent->count++] = child;
    parent->children = children;
}

/* One byte, written as itself, as \xHH or behind a backslash. */
static uint8_t read_byte(struct parser *p)
{
    if (*p->at != '\\')
        return (uint8_t)*p->at++;
    p->at++;
    if (*p->at != 'x')
        return (uint8_t)*p->at++;
    int high = kj_hex_digit((uint8_t)p->at[1]),
        low = high < 0 ? -1 : kj_hex_digit((uint8_t)p->at[2]);
    p->failed |= low < 0;
    p->at += low < 0 ? 1 : 3;
    return (uint8_t)(high * 16 + low);
}

static kj_re *read_class(struct parser *p)
{
    kj_re *re = node(p, KJ_RE_CLASS);
    bool negated = *p->at == '^';
    p->at += negated;
    while (re && *p->at && *p->at != ']') {
        unsigned first = read_byte(p), last = first;
        if (p->at[0] == '-' && p->at[1] && p->at[1] != ']') {
            p->at++;
            last = read_byte(p);
        }
        for (unsigned b = first; b <= last; b++)
            kj_byte_set_add(&re->set, (uint8_t)b);
    }
    p->failed |= *p->at != ']';
    p->at += *p->at == ']';
    for (unsigned i = 0; re && negated && i < 4; i++)
        re->set.words[i] = ~re->set.words[i];
    return re;
}

/* Behind \l, \L, \r or \R: the class that is to stand beside. */
static kj_re *read_beside(struct parser *p)
{
    char kind = p->at[1];
    p->at += 2;
    p->failed |= *p->at != '[';
    p->at += *p->at == '[';
    kj_re *re = read_class(p);
    if (re)
        re->op = kj_lower((uint8_t)kind) == 'l' ? KJ_RE_AFTER : KJ_RE_BEFORE;
    if (re)
        re->edge = kind == 'L' || kind == 'R';
    return re;
}

static kj_re *read_alt(struct parser *p);

static kj_re *read_atom(struct parser *p)
{
    char c = *p->at;
    if (c == '\\' && (p->at[1] == 'b' || p->at[1] == 'B')) {
        p->at += 2;
        return node(p, p->at[-1] == 'b' ? KJ_RE_WORD : KJ_RE_NOT_WORD);
    }
    if (c == '\\' && p->at[1] && strchr("lLrR", p->at[1]))
        return read_beside(p);
    if (c == '^' || c == '$') {
        p->at++;
        return node(p, c == '^' ? KJ_RE_START : KJ_RE_END);
    }
    if (c == '(') {
        p->at++;
        kj_re *re = read_alt(p);
        p->failed |= *p->at != ')';
        p->at += *p->at == ')';
        return re;
    }
    if (c == '[') {
        p->at++;
        return read_class(p);
    }
    kj_re *re = node(p, KJ_RE_CLASS);
    if (c == '.') {
        p->at++;
        for (unsigned i = 0; re && i < 4; i++)
            re->set.words[i] = UINT64_MAX;
        return re;
    }
    uint8_t byte = read_byte(p);
    if (re)
        kj_byte_set_add(&re->set, byte);
    return re;
}

static uint32_t read_number(struct parser *p)
{
    uint32_t value = 0;
    while (kj_is_digit((uint8_t)*p->at))
        value = value * 10 + (uint32_t)(*p->at++ - '0');
    return value;
}

static bool read_bounds(struct parser *p, uint32_t *min, uint32_t *max)
{
    char c = *p->at;
    if (c != '*' && c != '+' && c != '?' && c != '{')
        return false;
    p->at++;
    *min = c == '+';
    *max = c == '?' ? 1 : KJ_RE_UNBOUNDED;
    if (c != '{')
        return true;
    *min = *max = read_number(p);
    if (*p->at == ',') {
        p->at++;
        *max = *p->at == '}' ? KJ_RE_UNBOUNDED : read_number(p);
    }
    p->failed |= *p->at != '}';
    p->at += *p->at == '}';
    return true;
}

static kj_re *read_repeat(struct parser *p)
{
    kj_re *child = read_atom(p);
    uint32_t min, max;
    if (!read_bounds(p, &min, &max))
        return child;
    kj_re *re = node(p, KJ_RE_REPEAT);
    if (!re)
        return NULL;
    adopt(p, re, child);
    re->min = min;
    re->max = max;
    re->greedy = *p->at != '?';
    p->at += *p->at == '?';
    return re;
}

static kj_re *read_concat(struct parser *p)
{
    kj_re *re = node(p, KJ_RE_CONCAT);
    while (!p->failed && *p->at && *p->at != '|' && *p->at != ')')
        adopt(p, re, read_repeat(p));
    if (!p->failed && re->count == 0)
        re->op = KJ_RE_EMPTY;
    return re;
}

static kj_re *read_alt(struct parser *p)
{
    kj_re *first = read_concat(p);
    if (*p->at != '|' || p->failed)
        return first;
    kj_re *re = node(p, KJ_RE_ALT);
    if (!re)
        return NULL;
    adopt(p, re, first);
    while (!p->failed && *p->at == '|') {
        p->at++;
        adopt(p, re, read_concat(p));
    }
    return re;
}

kj_re *tree_parse(kj_arena *arena, const char *text)
{
    struct parser p = {.arena = arena, .at = text};
    kj_re *re = read_alt(&p);
    return p.failed || *p.at ? NULL : re;
}

static kj_defs_section section(const kj_buf *buf, size_t element)
{
    return (kj_defs_section){buf->data, (uint32_t)(buf->len / element)};
}

bool tree_defs_open(tree_defs *out, const kj_pattern *patterns, size_t count, kj_error *err)
{
    return tree_defs_open_as(out, patterns, count, KJ_NEEDLE_TRIGGER | KJ_NEEDLE_COUNTED, err);
}

bool tree_defs_open_as(tree_defs *out, const kj_pattern *patterns, size_t count, uint32_t flags,
                       kj_error *err)
{
    *out = (tree_defs){0};
    kj_pattern_sections_init(&out->sections);
    kj_strings_init(&out->strings);
    out->rule.name = kj_strings_add(&out->strings, kj_span_str("r"));
    kj_pattern_item *items = calloc(count + 1, sizeof *items);
    for (size_t i = 0; items && i < count; i++)
        items[i] = (kj_pattern_item){&patterns[i], patterns[i].identifier.len ? 0 : KJ_NONE};
    kj_status status =
        items ? kj_patterns_write(items, count, flags, &out->strings, &out->sections, err)
              : KJ_NO_MEMORY;
    free(items);
    const kj_pattern_sections *s = &out->sections;
    out->defs = (kj_defs){
        .strings = section(&out->strings.bytes, 1),
        .rules = {&out->rule, 1},
        .patterns = section(&s->patterns, sizeof(kj_disk_pattern)),
        .literals = section(&s->literals, 1),
        .programs = section(&s->programs, 4),
        .filter = section(&s->filter, KJ_FILTER_ELEMENT),
        .buckets = section(&s->buckets, KJ_BUCKET_ELEMENT),
        .postings = section(&s->postings, KJ_POSTING_ELEMENT),
        .scanned = section(&s->scanned, KJ_SCANNED_ELEMENT),
        .needles = section(&s->needles, sizeof(kj_disk_needle)),
    };
    if (status == KJ_OK)
        status = kj_patterns_verify(&out->defs, err);
    if (status != KJ_OK)
        tree_defs_close(out);
    return status == KJ_OK;
}

void tree_defs_close(tree_defs *defs)
{
    kj_pattern_sections_done(&defs->sections);
    kj_strings_done(&defs->strings);
    *defs = (tree_defs){0};
}
