/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/match/slow.h"

#include "base/text.h"

/* A set of positions in the text, the end included. */
struct set {
    uint64_t words[4];
};

static bool has(const struct set *set, size_t at)
{
    return set->words[at / 64] >> at % 64 & 1;
}

static void add(struct set *set, size_t at)
{
    set->words[at / 64] |= UINT64_C(1) << at % 64;
}

/* Whether that changed anything. */
static bool unite(struct set *into, struct set from)
{
    bool changed = false;
    for (unsigned i = 0; i < 4; i++) {
        changed |= from.words[i] & ~into->words[i];
        into->words[i] |= from.words[i];
    }
    return changed;
}

struct context {
    kj_span text;
    size_t unit; /* 2: wide */
};

static bool letter_or_digit(unsigned c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* Whether the unit at `pos` is a character, of words (`_` too) or of plain letters and digits. */
static bool is_char(const struct context *c, size_t pos, bool underscore)
{
    if (pos + c->unit > c->text.len)
        return false;
    uint8_t byte = c->text.data[pos];
    return (letter_or_digit(byte) || (underscore && byte == '_')) &&
           (c->unit == 1 || c->text.data[pos + 1] == 0);
}

static bool boundary(const struct context *c, size_t pos)
{
    bool before = pos >= c->unit && is_char(c, pos - c->unit, true);
    return before != is_char(c, pos, true);
}

static bool class_takes(const struct context *c, const kj_re *re, size_t pos)
{
    return pos + c->unit <= c->text.len && kj_byte_set_has(&re->set, c->text.data[pos]) &&
           (c->unit == 1 || c->text.data[pos + 1] == 0);
}

static bool is_beside(const struct context *c, const kj_re *re, size_t pos)
{
    if (re->op == KJ_RE_AFTER)
        return pos == 0 ? re->edge : kj_byte_set_has(&re->set, c->text.data[pos - 1]);
    return pos == c->text.len ? re->edge : kj_byte_set_has(&re->set, c->text.data[pos]);
}

static struct set ends(const struct context *c, const kj_re *re, struct set from);

static struct set repeat_ends(const struct context *c, const kj_re *re, struct set from)
{
    struct set out = {0};
    for (uint32_t i = 0; i <= re->max; i++) {
        if (i >= re->min && !unite(&out, from))
            break; /* so further rounds change nothing */
        if (i == re->max)
            break;
        from = ends(c, re->children[0], from);
    }
    return out;
}

/* Where `re` can end when it begins at one of `from`. */
static struct set ends(const struct context *c, const kj_re *re, struct set from)
{
    struct set out = {0};
    if (re->op == KJ_RE_CONCAT) {
        for (size_t i = 0; i < re->count; i++)
            from = ends(c, re->children[i], from);
        return from;
    }
    for (size_t i = 0; re->op == KJ_RE_ALT && i < re->count; i++)
        unite(&out, ends(c, re->children[i], from));
    if (re->op == KJ_RE_ALT)
        return out;
    if (re->op == KJ_RE_REPEAT)
        return repeat_ends(c, re, from);
    for (size_t i = 0; i <= c->text.len; i++) {
        if (!has(&from, i))
            continue;
        if (re->op == KJ_RE_CLASS && class_takes(c, re, i))
            add(&out, i + c->unit);
        else if (re->op == KJ_RE_EMPTY || (re->op == KJ_RE_START && i == 0) ||
                 (re->op == KJ_RE_END && i == c->text.len) ||
                 (re->op == KJ_RE_WORD && boundary(c, i)) ||
                 (re->op == KJ_RE_NOT_WORD && !boundary(c, i)) ||
                 ((re->op == KJ_RE_AFTER || re->op == KJ_RE_BEFORE) && is_beside(c, re, i)))
            add(&out, i);
    }
    return out;
}

static bool fullword(const struct context *c, const kj_pattern *p, size_t start, size_t end)
{
    if (!(p->modifiers & KJ_MOD_FULLWORD))
        return true;
    return !(start >= c->unit && is_char(c, start - c->unit, false)) && !is_char(c, end, false);
}

static void put(slow_hit *out, size_t len, uint8_t key)
{
    if (!out->hit)
        *out = (slow_hit){true, len, key};
}

static void search_tree(const kj_pattern *p, kj_span text, size_t unit, slow_hit *out)
{
    struct context c = {text, unit};
    bool longest = p->kind == KJ_PATTERN_REGEX && kj_re_is_greedy(p->re);
    for (size_t start = 0; start < text.len; start++) {
        struct set from = {0};
        add(&from, start);
        struct set to = ends(&c, p->re, from);
        size_t end = SIZE_MAX;
        for (size_t i = start; i <= text.len; i++)
            if (has(&to, i) && (longest || end == SIZE_MAX))
                end = i;
        if (end != SIZE_MAX && fullword(&c, p, start, end))
            put(&out[start], end - start, 0);
    }
}

static bool same(const kj_pattern *p, uint8_t a, uint8_t b)
{
    return a == b || (p->modifiers & KJ_MOD_NOCASE && kj_lower(a) == kj_lower(b));
}

static void search_bytes(const kj_pattern *p, kj_span text, kj_span wanted, size_t unit,
                         unsigned key, slow_hit *out)
{
    struct context c = {text, unit};
    size_t len = wanted.len * unit;
    for (size_t start = 0; wanted.len && start + len <= text.len; start++) {
        bool equal = true;
        for (size_t i = 0; i < len && equal; i++) {
            uint8_t want = i % unit ? 0 : wanted.data[i / unit];
            equal = same(p, want, (uint8_t)(text.data[start + i] ^ key));
        }
        if (equal && fullword(&c, p, start, start + len))
            put(&out[start], len, (uint8_t)key);
    }
}

/* Plain RFC 4648 with padding; the first `skip` bytes are zeros. */
static size_t encode(kj_span text, size_t skip, const char *alphabet, char *out, size_t *out_pad)
{
    size_t count = 0, total = skip + text.len;
    *out_pad = 0;
    for (size_t i = 0; i < total; i += 3) {
        uint32_t group = 0;
        for (size_t k = i; k < i + 3; k++)
            group = group << 8 | (k >= skip && k < total ? text.data[k - skip] : 0);
        for (unsigned k = 0; k < 4; k++)
            out[count++] = alphabet[group >> (18 - 6 * k) & 63];
    }
    if (total % 3)
        *out_pad = 3 - total % 3;
    return count;
}

/* As libyara trims: of a text behind one or two bytes the first two or three characters go; with
 * padding one character more than the padding at the end. */
static void search_base64(const kj_pattern *p, kj_span plain, kj_span text, size_t unit,
                          slow_hit *out)
{
    const char *alphabet = p->alphabet
                               ? p->alphabet
                               : "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t skip = 0; skip < 3; skip++) {
        char encoded[4 * SLOW_TEXT_MAX];
        size_t pad, count = encode(plain, skip, alphabet, encoded, &pad);
        size_t first = skip ? skip + 1 : 0, cut = pad ? pad + 1 : 0;
        if (first + cut < count)
            search_bytes(p, text, kj_span_of(encoded + first, count - first - cut), unit, 0, out);
    }
}

static void search_text(const kj_pattern *p, kj_span text, slow_hit *out)
{
    bool wide = p->modifiers & KJ_MOD_WIDE, ascii = p->modifiers & KJ_MOD_ASCII || !wide;
    if (p->modifiers & (KJ_MOD_BASE64 | KJ_MOD_BASE64_WIDE)) {
        uint8_t widened[2 * SLOW_TEXT_MAX] = {0};
        for (size_t i = 0; i < p->text.len; i++)
            widened[2 * i] = p->text.data[i];
        const kj_span plains[] = {p->text, {widened, 2 * p->text.len}};
        for (unsigned i = 0; i < 2; i++) {
            if (!(i ? wide : ascii))
                continue;
            if (p->modifiers & KJ_MOD_BASE64)
                search_base64(p, plains[i], text, 1, out);
            if (p->modifiers & KJ_MOD_BASE64_WIDE)
                search_base64(p, plains[i], text, 2, out);
        }
        return;
    }
    bool xored = p->modifiers & KJ_MOD_XOR;
    for (size_t unit = 1; unit <= 2; unit++)
        for (unsigned key = xored ? p->xor_min : 0; key <= (xored ? p->xor_max : 0u); key++)
            if (unit == 1 ? ascii : wide)
                search_bytes(p, text, p->text, unit, key, out);
}

void slow_search(const kj_pattern *p, kj_span text, slow_hit out[SLOW_TEXT_MAX])
{
    memset(out, 0, SLOW_TEXT_MAX * sizeof *out);
    if (p->kind == KJ_PATTERN_TEXT) {
        search_text(p, text, out);
        return;
    }
    bool wide = p->modifiers & KJ_MOD_WIDE;
    if (p->modifiers & KJ_MOD_ASCII || !wide)
        search_tree(p, text, 1, out);
    if (wide)
        search_tree(p, text, 2, out);
}
