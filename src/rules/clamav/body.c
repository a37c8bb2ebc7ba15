/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies of signatures: hex digits with wildcards.
 *
 *     body      part (gap part)*
 *     gap       *  {n}  {n-}  {-n}  {n-m}  {}  {-}     where 0 is the most, there is none
 *     part      [byte span] piece [span byte]
 *     span      [n]  [n-m]              a distance; m at most 32
 *     piece     item*                   two plain bytes side by side are in it
 *     item      HH  H?  ?H  ??          a byte
 *               {n}                     n bytes, where n is 1 to 127
 *               (sequence|sequence..)   one of them; sequences are of bytes, {n} and (..)
 *               !(HH..|HH..)            none of them, all of one length
 *               (B) (L) (W) !(B) ..     at an end of a piece, what stands beside it is a boundary,
 *                                       or is none; elsewhere, a byte that is one
 *
 * {n} is an item as long as no brace before it was a gap, as ClamAV has it. A body of nothing but
 * plain bytes becomes a text. What clamscan takes or refuses was found out by asking it. */
#include "rules/clamav/compile.h"

#include "base/arith.h"
#include "base/text.h"

enum {
    INLINE_MAX = 127,    /* of {n} as an item */
    SPAN_MAX = 32,       /* of [n-m] */
    NESTING_MAX = 16,    /* of parentheses */
    NEGATED_MAX = 8192,  /* bytes that the alternatives of one negation are spelled out in */
    STATIC_MIN = 2,      /* plain bytes side by side in a part */
    GAP_MAX = INT32_MAX, /* larger ones are endless */
    WEIGHT_MAX = 8192,   /* bytes and branches; ClamAV's lines are too short for more */
};

/* Nodes that all bodies share. */
struct kj_clamav_nodes {
    kj_re bytes[256];
    kj_re pairs[26]; /* a letter in either case */
    kj_re highs[16]; /* H? */
    kj_re lows[16];  /* ?H */
    kj_re any;
};

/* A body under way. */
struct body {
    kj_clamav *c;
    kj_span text;
    size_t pos;
    unsigned options;
    bool wide;      /* a zero goes behind each byte */
    bool gaps_only; /* a brace was a gap: all that follow are */
    unsigned depth; /* of parentheses */
    size_t statics; /* plain bytes side by side, up to here */
    size_t most;    /* the longest such run of the piece */
    kj_clamav_result result;
};

/* ---- nodes --------------------------------------------------------------------------------- */

/* `count` bytes from `first`, `step` apart. */
static void fill_class(kj_re *re, unsigned first, unsigned step, unsigned count)
{
    re->op = KJ_RE_CLASS;
    for (unsigned i = 0; i < count; i++)
        kj_byte_set_add(&re->set, (uint8_t)(first + i * step));
}

bool kj_clamav_make_nodes(kj_clamav *c)
{
    struct kj_clamav_nodes *nodes = kj_new(&c->ir->arena, struct kj_clamav_nodes);
    if (!nodes)
        return false;
    for (unsigned i = 0; i < 256; i++)
        fill_class(&nodes->bytes[i], i, 1, 1);
    for (unsigned i = 0; i < 26; i++)
        fill_class(&nodes->pairs[i], 'A' + i, 'a' - 'A', 2);
    for (unsigned i = 0; i < 16; i++) {
        fill_class(&nodes->highs[i], i << 4, 1, 16);
        fill_class(&nodes->lows[i], i, 16, 16);
    }
    fill_class(&nodes->any, 0, 1, 256);
    c->nodes = nodes;
    return true;
}

static bool starve(struct body *b)
{
    b->result = KJ_CLAMAV_STARVED;
    return false;
}

static bool refuse(struct body *b, size_t at, size_t len, const char *why)
{
    kj_span where = kj_span_sub(b->text, at, len);
    if (where.len == 0) /* behind the end: the last character */
        where = kj_span_sub(b->text, b->text.len ? b->text.len - 1 : 0, 1);
    b->result = kj_clamav_malformed(b->c, where, "%s", why);
    return false;
}

static bool push(struct body *b, kj_re *node)
{
    return (node && kj_vec_add(&b->c->stack, node)) || starve(b);
}

static kj_re *new_node(struct body *b, kj_re_op op)
{
    kj_re *re = kj_new(&b->c->ir->arena, kj_re);
    if (re)
        re->op = op;
    else
        starve(b);
    return re;
}

/* The nodes since `base` become one. */
static bool join(struct body *b, kj_re_op op, size_t base)
{
    size_t count = b->c->stack.count - base;
    if (count == 1)
        return true;
    kj_re *re = new_node(b, op);
    kj_re **children = count ? kj_new_array(&b->c->ir->arena, kj_re *, count) : NULL;
    if (!re || (count && !children))
        return starve(b);
    if (count)
        memcpy(children, b->c->stack.items + base, count * sizeof *children);
    re->children = children;
    re->count = count;
    b->c->stack.count = base;
    return push(b, re);
}

/* Any bytes, from `min` to `max` of them. */
static bool push_gap(struct body *b, uint32_t min, uint32_t max)
{
    if (max == 0)
        return true;
    if (min == 1 && max == 1)
        return push(b, &b->c->nodes->any);
    kj_re *re = new_node(b, KJ_RE_REPEAT);
    kj_re **children = kj_new_array(&b->c->ir->arena, kj_re *, 1);
    if (!re || !children)
        return starve(b);
    children[0] = &b->c->nodes->any;
    *re = (kj_re){.op = KJ_RE_REPEAT, .min = min, .max = max, .children = children, .count = 1};
    return push(b, re);
}

/* ---- characters ---------------------------------------------------------------------------- */

static unsigned peek(const struct body *b, size_t ahead)
{
    size_t left = b->text.len - b->pos;
    return ahead < left ? b->text.data[b->pos + ahead] : 0;
}

static bool is_nibble(unsigned ch)
{
    return ch == '?' || kj_hex_digit(ch) >= 0;
}

/* The number at `at`, which is moved behind it; at most GAP_MAX. False where no digit stands. */
static bool scan_number(kj_span text, size_t *at, uint32_t *out)
{
    size_t start = *at;
    uint64_t value = 0;
    for (; *at < text.len && kj_is_digit(text.data[*at]); ++*at) {
        value = value * 10 + text.data[*at] - '0';
        if (value > GAP_MAX)
            value = GAP_MAX;
    }
    *out = (uint32_t)value;
    return *at > start;
}

/* What stands between brackets or braces. */
struct range {
    uint32_t min;
    uint32_t max;
    bool exact; /* one number */
    size_t len; /* with the brackets; 0: it is none */
};

static bool is_at(kj_span text, size_t at, char ch)
{
    return at < text.len && text.data[at] == (uint8_t)ch;
}

static struct range scan_range(const struct body *b, char close)
{
    struct range r = {.max = KJ_RE_UNBOUNDED};
    size_t at = b->pos + 1;
    bool has_min = scan_number(b->text, &at, &r.min);
    if (is_at(b->text, at, '-')) {
        at++;
        if (!scan_number(b->text, &at, &r.max))
            r.max = KJ_RE_UNBOUNDED;
    } else if (has_min) {
        r.exact = true;
        r.max = r.min;
    }
    if (is_at(b->text, at, close))
        r.len = at + 1 - b->pos;
    return r;
}

static bool is_inline(const struct body *b, const struct range *r)
{
    return r->len > 0 && !b->gaps_only && r->exact && r->min > 0 && r->min <= INLINE_MAX;
}

static bool at_gap(const struct body *b)
{
    if (peek(b, 0) != '{')
        return peek(b, 0) == '*';
    struct range r = scan_range(b, '}');
    return !is_inline(b, &r);
}

static bool at_part_end(const struct body *b)
{
    return b->pos == b->text.len || at_gap(b);
}

static bool at_piece_end(const struct body *b)
{
    return peek(b, 0) == '[' || at_part_end(b);
}

/* ---- bytes --------------------------------------------------------------------------------- */

static kj_re *node_of(const struct body *b, unsigned high, unsigned low)
{
    struct kj_clamav_nodes *nodes = b->c->nodes;
    if (high == '?')
        return low == '?' ? &nodes->any : &nodes->lows[kj_hex_digit(low)];
    if (low == '?')
        return &nodes->highs[kj_hex_digit(high)];
    unsigned byte = (unsigned)(kj_hex_digit(high) << 4 | kj_hex_digit(low));
    if (b->options & KJ_BODY_NOCASE && kj_is_alpha(byte))
        return &nodes->pairs[(byte | 0x20) - 'a'];
    return &nodes->bytes[byte];
}

/* Plain bytes in parentheses are not counted. */
static void count_statics(struct body *b, bool plain)
{
    if (b->depth > 0)
        return;
    b->statics = plain ? b->statics + (b->wide ? 2 : 1) : 0;
    if (b->statics > b->most)
        b->most = b->statics;
}

static bool read_byte(struct body *b)
{
    unsigned high = peek(b, 0), low = peek(b, 1);
    if (!is_nibble(low))
        return refuse(b, b->pos, 1, "half a byte");
    b->pos += 2;
    count_statics(b, high != '?' && low != '?');
    return push(b, node_of(b, high, low)) && (!b->wide || push(b, &b->c->nodes->bytes[0]));
}

static bool read_inline_gap(struct body *b, const struct range *r)
{
    b->pos += r->len;
    count_statics(b, false);
    return push_gap(b, r->min, r->max);
}

/* ---- alternatives -------------------------------------------------------------------------- */

static bool read_alternatives(struct body *b);

static bool read_inner(struct body *b)
{
    unsigned ch = peek(b, 0);
    if (is_nibble(ch))
        return read_byte(b);
    if (ch == '(')
        return read_alternatives(b);
    if (ch == '{') {
        struct range r = scan_range(b, '}');
        if (is_inline(b, &r))
            return read_inline_gap(b, &r);
    }
    return refuse(b, b->pos, 1,
                  b->pos == b->text.len
                      ? "a parenthesis without its end"
                      : "in parentheses stand bytes, {n} (n at most 127), ( ) and |");
}

/* One alternative becomes one node; ClamAV passes over empty ones but the first. */
static bool read_sequence(struct body *b, bool first)
{
    size_t base = b->c->stack.count;
    while (peek(b, 0) != '|' && peek(b, 0) != ')')
        if (!read_inner(b))
            return false;
    if (b->c->stack.count > base)
        return join(b, KJ_RE_CONCAT, base);
    return !first || refuse(b, b->pos, 1, "an empty alternative");
}

/* Alternatives that are a byte each are one class. */
static bool join_alternatives(struct body *b, size_t base)
{
    kj_byte_set set = {0};
    size_t count = b->c->stack.count;
    for (size_t i = base; i < count; i++) {
        const kj_re *re = b->c->stack.items[i];
        if (re->op != KJ_RE_CLASS)
            return join(b, KJ_RE_ALT, base);
        for (unsigned word = 0; word < 4; word++)
            set.words[word] |= re->set.words[word];
    }
    if (count == base + 1)
        return true;
    kj_re *re = new_node(b, KJ_RE_CLASS);
    if (!re)
        return false;
    re->set = set;
    b->c->stack.count = base;
    return push(b, re);
}

static bool read_alternatives(struct body *b)
{
    size_t base = b->c->stack.count, start = b->pos;
    count_statics(b, false);
    if (++b->depth > NESTING_MAX)
        return refuse(b, start, 1, "parentheses are nested too deep");
    do {
        bool first = b->pos++ == start;
        if (!read_sequence(b, first))
            return false;
    } while (peek(b, 0) == '|');
    b->pos++;
    b->depth--;
    return join_alternatives(b, base);
}

/* ---- negations ----------------------------------------------------------------------------- */

/* The alternatives of a negation: `count` strings of `len` bytes. */
struct negated {
    const uint8_t *strings;
    size_t len;
    size_t count;
};

static const uint8_t *string_of(const struct negated *n, size_t index)
{
    return n->strings + index * n->len;
}

/* Reads `HH..|HH..)` behind the parenthesis, moving behind it. */
static bool read_negated(struct body *b, struct negated *out)
{
    kj_span rest = kj_span_sub(b->text, b->pos, b->text.len);
    const uint8_t *close = rest.len ? memchr(rest.data, ')', rest.len) : NULL;
    if (!close)
        return refuse(b, b->pos, 1, "a parenthesis without its end");
    rest.len = (size_t)(close - rest.data);
    size_t digits = kj_span_find_either(rest, '|', '|', 0);
    *out = (struct negated){.len = digits / 2, .count = (rest.len + 1) / (digits + 1)};
    bool even = digits > 0 && digits % 2 == 0 && (rest.len + 1) % (digits + 1) == 0;
    uint8_t *bytes = even ? kj_arena_alloc_raw(&b->c->ir->arena, out->count * out->len) : NULL;
    if (even && !bytes)
        return starve(b);
    for (size_t i = 0; even && i < out->count; i++) {
        size_t at = i * (digits + 1);
        even = (i == 0 || rest.data[at - 1] == '|') &&
               kj_hex_decode(kj_span_sub(rest, at, digits), bytes + i * out->len);
    }
    if (!even)
        return refuse(b, b->pos, rest.len, "only plain bytes of one length can be negated");
    out->strings = bytes;
    b->pos += rest.len + 1;
    return true;
}

/* Whether an earlier string begins with the same `len` bytes. */
static bool prefix_was_seen(const struct negated *n, size_t index, size_t len)
{
    for (size_t i = 0; i < index; i++)
        if (len == 0 || memcmp(string_of(n, i), string_of(n, index), len) == 0)
            return true;
    return false;
}

/* All that begins with `len` bytes of a string, goes on as none does, and is as long: one node. */
static bool push_departure(struct body *b, const struct negated *n, size_t index, size_t len)
{
    size_t base = b->c->stack.count;
    for (size_t i = 0; i < len; i++)
        if (!push(b, &b->c->nodes->bytes[string_of(n, index)[i]]))
            return false;
    kj_re *other = new_node(b, KJ_RE_CLASS);
    if (!other)
        return false;
    kj_byte_set taken = {0};
    for (size_t i = 0; i < n->count; i++)
        if (len == 0 || memcmp(string_of(n, i), string_of(n, index), len) == 0)
            kj_byte_set_add(&taken, string_of(n, i)[len]);
    for (unsigned word = 0; word < 4; word++)
        other->set.words[word] = ~taken.words[word];
    size_t left = n->len - len - 1;
    return push(b, other) && push_gap(b, (uint32_t)left, (uint32_t)left) &&
           join(b, KJ_RE_CONCAT, base);
}

/* Whatever is as long as the alternatives and is none of them departs from all that it begins like
 * somewhere: one node for each beginning of a string. */
static bool read_negation(struct body *b)
{
    size_t base = b->c->stack.count, start = b->pos;
    struct negated n = {0};
    b->pos += 2;
    if (b->options)
        return refuse(b, start, 1, "with options, bytes cannot be negated");
    if (!read_negated(b, &n))
        return false;
    count_statics(b, false);
    if (n.count * n.len > NEGATED_MAX / n.len) {
        b->result = kj_clamav_left_out(b->c, KJ_SENTENCE("negation of many or long alternatives"));
        return false;
    }
    for (size_t i = 0; i < n.count; i++)
        for (size_t len = 0; len < n.len; len++)
            if (!prefix_was_seen(&n, i, len) && !push_departure(b, &n, i, len))
                return false;
    return join(b, KJ_RE_ALT, base);
}

/* ---- boundaries ---------------------------------------------------------------------------- */

typedef enum side { LEFT, RIGHT, WITHIN } side;

/* The bytes that are a boundary there, or those that are none. Measured with clamscan 1.4.6. */
static kj_byte_set boundary_set(unsigned letter, side where, bool negated)
{
    static const char before[] = " -./<@_", behind[] = "\n\r \"'-/=>_";
    static const char either[] = "\n\r \"'-./<=>@_";
    const char *chars = where == RIGHT ? behind : where == LEFT && !negated ? before : either;
    kj_byte_set set = {0};
    for (unsigned byte = 0; byte < 256; byte++) {
        bool in = letter == 'W'   ? !kj_is_alnum(byte)
                  : letter == 'L' ? byte == '\n'
                                  : byte && strchr(chars, (int)byte);
        if (in != negated)
            kj_byte_set_add(&set, (uint8_t)byte);
    }
    return set;
}

static bool push_set(struct body *b, kj_re_op op, kj_byte_set set, bool edge)
{
    kj_re *re = new_node(b, op);
    if (!re)
        return false;
    re->set = set;
    re->edge = edge;
    return push(b, re);
}

/* A CR, and behind it an LF or none. */
static bool push_return(struct body *b, bool negated)
{
    size_t base = b->c->stack.count;
    return push(b, &b->c->nodes->bytes['\r']) &&
           push_set(b, KJ_RE_BEFORE, boundary_set('L', RIGHT, negated), negated) &&
           join(b, KJ_RE_CONCAT, base);
}

/* (L): LF, or CR and LF, which is one boundary. A CR that ends a line is taken into the match, for
 * nothing looks two bytes ahead. */
static bool push_line_end(struct body *b, side where, bool negated)
{
    size_t base = b->c->stack.count;
    kj_byte_set set = boundary_set('L', where, negated);
    kj_re_op op = where == RIGHT ? KJ_RE_BEFORE : KJ_RE_CLASS;
    if (negated)
        set.words[0] &= ~(UINT64_C(1) << '\r');
    if (!push_set(b, op, set, !negated) || !push_return(b, negated))
        return false;
    if (where == WITHIN && !negated) {
        b->c->stack.count--;
        size_t both = b->c->stack.count;
        if (!push(b, &b->c->nodes->bytes['\r']) || !push(b, &b->c->nodes->bytes['\n']) ||
            !join(b, KJ_RE_CONCAT, both))
            return false;
    }
    return join(b, KJ_RE_ALT, base);
}

static bool push_boundary(struct body *b, unsigned letter, side where, bool negated)
{
    if (letter == 'L' && where != LEFT)
        return push_line_end(b, where, negated);
    static const kj_re_op ops[] = {
        [LEFT] = KJ_RE_AFTER, [RIGHT] = KJ_RE_BEFORE, [WITHIN] = KJ_RE_CLASS};
    return push_set(b, ops[where], boundary_set(letter, where, negated), !negated);
}

static bool is_boundary(const struct body *b, size_t ahead)
{
    unsigned letter = peek(b, ahead + 1);
    return peek(b, ahead) == '(' && (letter == 'B' || letter == 'L' || letter == 'W') &&
           peek(b, ahead + 2) == ')';
}

/* ::f, and (W) at an end. A letter or digit of a wide text has a zero behind it. What is looked at
 * twice here needs a byte of the match: a zero before it belongs to it, then. */
static bool push_word_edge(struct body *b, side where)
{
    if (!b->wide)
        return push_boundary(b, 'W', where, false);
    size_t base = b->c->stack.count;
    kj_byte_set zero = {.words = {1}},
                other = {.words = {~UINT64_C(1), UINT64_MAX, UINT64_MAX, UINT64_MAX}};
    if (where == LEFT && (!push_set(b, KJ_RE_AFTER, other, true)))
        return false;
    if (where == RIGHT && !push_boundary(b, 'W', RIGHT, false))
        return false;
    size_t both = b->c->stack.count;
    bool pushed = where == LEFT
                      ? push_boundary(b, 'W', LEFT, false) && push_set(b, KJ_RE_CLASS, zero, false)
                      : push_set(b, KJ_RE_CLASS, boundary_set('W', WITHIN, true), false) &&
                            push_set(b, KJ_RE_BEFORE, other, false);
    return pushed && join(b, KJ_RE_CONCAT, both) && join(b, KJ_RE_ALT, base);
}

static bool read_boundary(struct body *b, bool first)
{
    bool negated = peek(b, 0) == '!', outermost = b->pos == 0;
    b->pos += negated;
    unsigned letter = peek(b, 1);
    b->pos += 3;
    count_statics(b, false);
    side where = first ? LEFT : at_piece_end(b) ? RIGHT : WITHIN;
    outermost = where == RIGHT ? b->pos == b->text.len : outermost;
    if (letter == 'W' && outermost && !negated)
        return push_word_edge(b, where);
    return push_boundary(b, letter, where, negated);
}

/* ---- pieces and parts ---------------------------------------------------------------------- */

static bool read_item(struct body *b, bool first)
{
    unsigned ch = peek(b, 0);
    if (is_nibble(ch))
        return read_byte(b);
    if (ch == '{') {
        struct range r = scan_range(b, '}'); /* at_gap() said no */
        return read_inline_gap(b, &r);
    }
    if (is_boundary(b, ch == '!'))
        return read_boundary(b, first);
    if (ch == '(')
        return read_alternatives(b);
    if (ch == '!' && peek(b, 1) == '(')
        return read_negation(b);
    return refuse(b, b->pos, 1, "bodies are of hex digits, ?, *, {}, [], () and !");
}

static bool read_span(struct body *b)
{
    struct range r = scan_range(b, ']');
    if (r.max == KJ_RE_UNBOUNDED) /* [n-], which is [n] */
        r.max = r.min;
    if (r.len == 0 || r.max > SPAN_MAX || r.max < r.min || is_at(b->text, b->pos + 1, '-'))
        return refuse(b, b->pos, 1, "a distance is [n] or [n-m], not larger than 32");
    b->pos += r.len;
    return push_gap(b, r.min, r.max);
}

static bool is_single(const struct body *b)
{
    return is_nibble(peek(b, 0)) && is_nibble(peek(b, 1));
}

static bool read_piece(struct body *b)
{
    size_t start = b->pos;
    b->statics = b->most = 0;
    while (!at_piece_end(b))
        if (!read_item(b, b->pos == start))
            return false;
    if (b->most >= STATIC_MIN)
        return true;
    return refuse(b, start, b->pos - start, "two plain bytes must stand side by side here");
}

/* [n-m]HH at the end of a part. */
static bool read_last_single(struct body *b)
{
    if (!read_span(b))
        return false;
    bool single = is_single(b);
    if (single && !read_byte(b))
        return false;
    return (single && at_part_end(b)) ||
           refuse(b, b->pos, 1, "a single byte stands on one side of a distance");
}

/* Pushes one node. */
static bool read_part(struct body *b)
{
    size_t base = b->c->stack.count;
    if (b->options & KJ_BODY_FULLWORD && b->pos == 0 && !push_word_edge(b, LEFT))
        return false;
    if (is_single(b) && peek(b, 2) == '[' && (!read_byte(b) || !read_span(b)))
        return false;
    if (!read_piece(b))
        return false;
    if (peek(b, 0) == '[' && !read_last_single(b))
        return false;
    if (b->options & KJ_BODY_FULLWORD && b->pos == b->text.len && !push_word_edge(b, RIGHT))
        return false;
    return join(b, KJ_RE_CONCAT, base);
}

/* As it is, wide, or either. Where there are several parts, each is one or the other. */
static bool read_forms(struct body *b)
{
    size_t base = b->c->stack.count, start = b->pos;
    bool either = (b->options & KJ_BODY_WIDE) && (b->options & KJ_BODY_ASCII);
    b->wide = (b->options & KJ_BODY_WIDE) && !either;
    if (!read_part(b) || !either)
        return b->result == KJ_CLAMAV_TAKEN;
    b->pos = start;
    b->wide = true;
    return read_part(b) && join(b, KJ_RE_ALT, base);
}

static bool read_gap(struct body *b)
{
    if (peek(b, 0) == '*') {
        b->pos++;
        return push_gap(b, 0, KJ_RE_UNBOUNDED);
    }
    struct range r = scan_range(b, '}');
    if (r.len == 0)
        return refuse(b, b->pos, 1, "a gap is {n}, {n-}, {-n} or {n-m}");
    b->pos += r.len;
    b->gaps_only = true;
    if (r.max == 0 || r.max == GAP_MAX)
        r.max = KJ_RE_UNBOUNDED;
    if (r.max >= r.min)
        return push_gap(b, r.min, r.max);
    return push_set(b, KJ_RE_CLASS, (kj_byte_set){0}, false); /* never, as in ClamAV */
}

static bool read_body(struct body *b)
{
    size_t base = b->c->stack.count;
    if (!read_forms(b))
        return false;
    while (b->pos < b->text.len)
        if (!read_gap(b) || !read_forms(b))
            return false;
    return join(b, KJ_RE_CONCAT, base);
}

/* ---- patterns ------------------------------------------------------------------------------ */

static uint32_t text_modifiers(unsigned options)
{
    uint32_t modifiers = options & KJ_BODY_WIDE ? KJ_MOD_WIDE : KJ_MOD_ASCII;
    if (options & KJ_BODY_ASCII)
        modifiers |= KJ_MOD_ASCII;
    if (options & KJ_BODY_NOCASE)
        modifiers |= KJ_MOD_NOCASE;
    if (options & KJ_BODY_FULLWORD)
        modifiers |= KJ_MOD_FULLWORD;
    return modifiers;
}

static bool read_text(struct body *b, kj_pattern *out)
{
    size_t len = b->text.len / 2;
    bool wide = b->options & KJ_BODY_WIDE && !(b->options & KJ_BODY_ASCII);
    if (b->text.len % 2)
        return refuse(b, b->text.len - 1, 1, "half a byte");
    if (len * (wide ? 2 : 1) < STATIC_MIN)
        return refuse(b, 0, b->text.len, "two plain bytes must stand side by side here");
    uint8_t *bytes = kj_arena_alloc_raw(&b->c->ir->arena, len);
    if (!bytes)
        return starve(b);
    kj_hex_decode(b->text, bytes);
    out->kind = KJ_PATTERN_TEXT;
    out->modifiers = text_modifiers(b->options);
    out->text = kj_span_of(bytes, len);
    return true;
}

/* What was written, with the options: equal sources are equal patterns. */
static bool copy_source(struct body *b, kj_pattern *out)
{
    static const struct {
        unsigned option;
        const char *letter;
    } letters[] = {
        {KJ_BODY_NOCASE, "i"}, {KJ_BODY_WIDE, "w"}, {KJ_BODY_ASCII, "a"}, {KJ_BODY_FULLWORD, "f"}};
    char suffix[sizeof "::iwaf"] = "";
    size_t len = b->options ? 2 : 0;
    memcpy(suffix, "::", len);
    for (size_t i = 0; i < KJ_COUNT(letters); i++)
        if (b->options & letters[i].option)
            suffix[len++] = letters[i].letter[0];
    char *copy = kj_arena_alloc_raw(&b->c->ir->arena, b->text.len + len);
    if (!copy)
        return starve(b);
    memcpy(copy, b->text.data, b->text.len);
    memcpy(copy + b->text.len, suffix, len);
    out->source = kj_span_of(copy, b->text.len + len);
    return true;
}

/* About how many instructions a tree becomes: what is of one length is spelled out. It is not
 * deeper than parentheses may be nested. */
static size_t weight_of(const kj_re *re)
{
    size_t weight = re->op == KJ_RE_REPEAT && re->min == re->max ? re->min : 1;
    if (re->op == KJ_RE_REPEAT)
        return weight <= INLINE_MAX ? weight : 1;
    for (size_t i = 0; i < re->count; i++)
        weight += weight_of(re->children[i]) + 1;
    return weight;
}

static bool read_tree(struct body *b, kj_pattern *out)
{
    if (!read_body(b))
        return false;
    out->kind = KJ_PATTERN_HEX;
    out->modifiers = KJ_MOD_ASCII | KJ_MOD_GAPS;
    out->re = b->c->stack.items[--b->c->stack.count];
    if (weight_of(out->re) <= WEIGHT_MAX)
        return true;
    b->result = kj_clamav_left_out(b->c, KJ_SENTENCE("a body with too many wildcards"));
    return false;
}

kj_clamav_result kj_clamav_body(kj_clamav *c, kj_span body, unsigned options, kj_span identifier,
                                uint32_t *out)
{
    struct body b = {.c = c, .text = body, .options = options};
    if (body.len == 0)
        return kj_clamav_malformed(c, c->line.text, "a signature without a body");
    c->stack.count = 0;
    kj_pattern pattern = {.identifier = identifier};
    if (!(kj_clamav_is_hex(body) ? read_text(&b, &pattern) : read_tree(&b, &pattern)) ||
        !copy_source(&b, &pattern))
        return b.result;
    *out = (uint32_t)c->ir->patterns.count;
    return kj_vec_add(&c->ir->patterns, pattern) ? KJ_CLAMAV_TAKEN : KJ_CLAMAV_STARVED;
}

/* ---- case ---------------------------------------------------------------------------------- */

/* Normalised views have no capitals and no control characters but white space. */
static bool stays(unsigned byte)
{
    return byte >= 0x20 ? byte - 'A' >= 26 : kj_is_space(byte);
}

static bool has_any_that_stays(const kj_byte_set *set)
{
    for (unsigned byte = 0; byte < 256; byte++)
        if (kj_byte_set_has(set, (uint8_t)byte) && stays(byte))
            return true;
    return false;
}

static bool tree_may_be_lower(const kj_re *re)
{
    bool any = re->op == KJ_RE_ALT;
    if (re->op == KJ_RE_CLASS)
        return has_any_that_stays(&re->set);
    if (re->op == KJ_RE_REPEAT && re->min == 0)
        return true;
    for (size_t i = 0; i < re->count; i++)
        if (tree_may_be_lower(re->children[i]) == any)
            return any;
    return !any;
}

bool kj_clamav_may_be_lower(const kj_ir *ir, uint32_t index)
{
    const kj_pattern *pattern = &ir->patterns.items[index];
    if (pattern->kind != KJ_PATTERN_TEXT)
        return tree_may_be_lower(pattern->re);
    if (!(pattern->modifiers & KJ_MOD_ASCII))
        return false; /* zeros are in it */
    for (size_t i = 0; i < pattern->text.len; i++) {
        uint8_t byte = pattern->text.data[i];
        if (!stays(pattern->modifiers & KJ_MOD_NOCASE ? kj_lower(byte) : byte))
            return false;
    }
    return true;
}
