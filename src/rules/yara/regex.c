/* SPDX-License-Identifier: Apache-2.0 */
/* Regular expressions in YARA's dialect.
 *
 *     alternatives   sequence (| sequence?)*
 *     sequence       piece+
 *     piece          ^  $  \b  \B  or  single (* + ? {n} {n,} {,m} {n,m}) ??
 *     single         ( alternatives )  .  [class]  \w \W \s \S \d \D  character
 *
 * `{` that begins no repetition is a character, and so is an escaped character without a meaning.
 * There are no empty groups, back references, look-around or (?...). In a class, `\w-z` is the
 * range from w to z, as libyara reads it. */
#include "rules/yara/compiler.h"

#include "base/text.h"

#include <stdio.h>

enum { LARGEST_REPEAT = 32767 };

typedef struct regex {
    kj_yara_compiler *c;
    kj_span in;
    size_t pos;
    size_t offset; /* of `in` in the source */
    bool nocase;
    bool dot_all;
    bool has_greedy;
    bool has_lazy;
    unsigned depth;
} regex;

typedef struct repeat {
    uint32_t min;
    uint32_t max;
    size_t len; /* of its text; 0: there is none */
} repeat;

static bool read_alternatives(regex *r);

static unsigned peek(const regex *r, size_t ahead)
{
    return ahead < r->in.len - r->pos ? r->in.data[r->pos + ahead] : 0;
}

static bool at_end(const regex *r)
{
    return r->pos >= r->in.len;
}

static bool fail(regex *r, size_t len, const char *hint, const char *message)
{
    kj_yara_error(r->c, r->offset + r->pos, len, hint, "%s", message);
    return false;
}

/* A `\` before a character that means nothing special with it is mostly one that should be two. */
static bool check_escape(regex *r, unsigned c)
{
    static const char escaped[] = "\\/.^$*+?()[]{}|-wWsSdD";
    static const char hint[] = "write \\\\ for a backslash";
    if (memchr(escaped, (int)c, sizeof escaped - 1))
        return true;
    if (r->c->options->strict && (kj_is_alnum(c) || c == '_'))
        return fail(r, 2, hint, "unknown escape sequence");
    if (r->c->options->strict_escape)
        kj_yara_warn(r->c, r->offset + r->pos, 2, hint, "unknown escape sequence");
    return true;
}

/* The character at a `\`, and past it. */
static bool read_escape(regex *r, uint8_t *out)
{
    static const char letters[] = "ntrfa", values[] = "\n\t\r\f\a";
    unsigned c = peek(r, 1);
    if (r->in.len - r->pos < 2)
        return fail(r, 1, NULL, "nothing follows the '\\'");
    if (c == 'x') {
        if (kj_hex_digit(peek(r, 2)) < 0 || kj_hex_digit(peek(r, 3)) < 0)
            return fail(r, 2, "write \\xHH with two hex digits", "illegal escape sequence");
        *out = (uint8_t)(kj_hex_digit(peek(r, 2)) << 4 | kj_hex_digit(peek(r, 3)));
        r->pos += 4;
        return true;
    }
    const char *letter = memchr(letters, (int)c, sizeof letters - 1);
    if (!letter && !check_escape(r, c))
        return false;
    *out = letter ? (uint8_t)values[letter - letters] : (uint8_t)c;
    r->pos += 2;
    return true;
}

/* A character of a class or one end of a range in it. */
static bool read_member(regex *r, uint8_t *out)
{
    if (peek(r, 0) == '\\')
        return read_escape(r, out);
    *out = (uint8_t)peek(r, 0);
    r->pos++;
    return true;
}

static bool begins_range(const regex *r)
{
    return peek(r, 0) == '-' && r->in.len - r->pos > 1 && peek(r, 1) != ']';
}

static bool read_class_item(regex *r, kj_byte_set *set)
{
    size_t start = r->pos;
    unsigned letter = peek(r, 0) == '\\' ? peek(r, 1) : 0;
    uint8_t from, to;
    if (!read_member(r, &from))
        return false;
    if (!begins_range(r)) {
        if (!letter || !kj_byte_set_add_named(set, letter))
            kj_byte_set_add(set, from);
        return true;
    }
    r->pos++;
    if (!read_member(r, &to))
        return false;
    if (to < from) {
        size_t len = r->pos - start;
        r->pos = start;
        return fail(r, len, "a '-' that is meant as a character goes last", "bad character range");
    }
    kj_byte_set_add_range(set, from, to);
    return true;
}

static bool read_class(regex *r)
{
    size_t start = r->pos++;
    kj_byte_set set = {0};
    bool negated = peek(r, 0) == '^';
    r->pos += negated;
    if (peek(r, 0) == ']') {
        kj_byte_set_add(&set, ']');
        r->pos++;
    }
    while (!at_end(r) && peek(r, 0) != ']')
        if (!read_class_item(r, &set))
            return false;
    if (at_end(r)) {
        r->pos = start;
        return fail(r, 1, NULL, "missing ']' at the end of a class");
    }
    r->pos++;
    if (r->nocase)
        kj_byte_set_fold(&set);
    if (negated)
        kj_byte_set_invert(&set);
    return kj_yara_re_push(r->c, kj_yara_re_class(r->c, &set));
}

static bool push_byte(regex *r, uint8_t byte)
{
    if (!r->nocase || !kj_is_alpha(byte))
        return kj_yara_re_push(r->c, kj_yara_re_byte(r->c, byte));
    kj_byte_set set = {0};
    kj_byte_set_add(&set, byte);
    kj_byte_set_fold(&set);
    return kj_yara_re_push(r->c, kj_yara_re_class(r->c, &set));
}

static bool read_dot(regex *r)
{
    r->pos++;
    if (r->dot_all)
        return kj_yara_re_push(r->c, kj_yara_re_any(r->c));
    return kj_yara_re_push(r->c, kj_yara_re_dot(r->c));
}

static bool read_group(regex *r)
{
    size_t start = r->pos++;
    if (++r->depth >= KJ_RE_MAX_DEPTH)
        return fail(r, 1, NULL, "groups are nested too deep");
    if (peek(r, 0) == '?')
        return fail(r, 1, "there are neither (?:...) nor look-around; use a plain group",
                    "YARA has no groups with '?'");
    if (!read_alternatives(r))
        return false;
    if (peek(r, 0) != ')') {
        r->pos = start;
        return fail(r, 1, NULL, "missing ')'");
    }
    r->pos++;
    r->depth--;
    return true;
}

/* Digits at `*at`, up to the largest repeat and one more. False when there are none. */
static bool read_count(const regex *r, size_t *at, uint32_t *out)
{
    uint32_t value = 0;
    size_t start = *at;
    for (; kj_is_digit(peek(r, *at)); ++*at)
        value = value > LARGEST_REPEAT ? value : value * 10 + (peek(r, *at) - '0');
    *out = value;
    return *at > start;
}

/* The repetition that begins here, if one does: the bounds are not checked yet. */
static repeat find_repeat(const regex *r)
{
    switch (peek(r, 0)) {
    case '*':
        return (repeat){0, KJ_RE_UNBOUNDED, 1};
    case '+':
        return (repeat){1, KJ_RE_UNBOUNDED, 1};
    case '?':
        return (repeat){0, 1, 1};
    case '{':
        break;
    default:
        return (repeat){0};
    }
    repeat found = {0};
    size_t at = 1;
    bool has_min = read_count(r, &at, &found.min);
    found.max = found.min;
    size_t blanks = at;
    while (peek(r, at) == ' ')
        at++;
    if (peek(r, at) == ',') {
        for (at++; peek(r, at) == ' ';)
            at++;
        if (!read_count(r, &at, &found.max))
            found.max = KJ_RE_UNBOUNDED;
    } else if (!has_min || at > blanks) {
        return (repeat){0};
    }
    return peek(r, at) == '}' ? (repeat){found.min, found.max, at + 1} : (repeat){0};
}

static bool apply_repeat(regex *r, repeat found)
{
    bool too_large = found.max != KJ_RE_UNBOUNDED && found.max > LARGEST_REPEAT;
    if (too_large || found.min > LARGEST_REPEAT)
        return fail(r, found.len, "the largest count is 32767", "repeat interval too large");
    if (found.max < found.min)
        return fail(r, found.len, NULL, "the bounds of this repetition are the wrong way round");
    r->pos += found.len;
    bool lazy = peek(r, 0) == '?';
    r->pos += lazy;
    if (find_repeat(r).len)
        return fail(r, find_repeat(r).len, "put the part before it into a group",
                    "a repetition of a repetition");
    r->has_lazy |= lazy;
    r->has_greedy |= !lazy;
    kj_re *what = r->c->nodes.items[--r->c->nodes.count];
    if (found.max == 0)
        return kj_yara_re_push(r->c, kj_yara_re_new(r->c, KJ_RE_EMPTY));
    return kj_yara_re_push(r->c, kj_yara_re_repeat(r->c, what, found.min, found.max, !lazy));
}

/* ^, $, \b, \B. */
static bool find_assertion(const regex *r, kj_re_op *out, size_t *out_len)
{
    unsigned c = peek(r, 0), next = c == '\\' ? peek(r, 1) : 0;
    if (c != '^' && c != '$' && next != 'b' && next != 'B')
        return false;
    *out = c == '^'      ? KJ_RE_START
           : c == '$'    ? KJ_RE_END
           : next == 'b' ? KJ_RE_WORD
                         : KJ_RE_NOT_WORD;
    *out_len = next ? 2 : 1;
    return true;
}

static bool read_assertion(regex *r, kj_re_op op, size_t len)
{
    r->pos += len;
    if (find_repeat(r).len)
        return fail(r, find_repeat(r).len, NULL, "this cannot be repeated");
    return kj_yara_re_push(r->c, kj_yara_re_new(r->c, op));
}

static bool read_escaped(regex *r)
{
    kj_byte_set set = {0};
    if (kj_byte_set_add_named(&set, peek(r, 1))) {
        r->pos += 2;
        return kj_yara_re_push(r->c, kj_yara_re_class(r->c, &set));
    }
    if (kj_is_digit(peek(r, 1)))
        return fail(r, 2, "write \\xHH for a byte", "back references are not known");
    uint8_t byte;
    return read_escape(r, &byte) && push_byte(r, byte);
}

static bool read_single(regex *r)
{
    switch (peek(r, 0)) {
    case '(':
        return read_group(r);
    case '.':
        return read_dot(r);
    case '[':
        return read_class(r);
    case '\\':
        return read_escaped(r);
    case '{':
        if (r->c->options->strict)
            return fail(r, 1, "write \\{ for a brace as a character", "no repetition begins here");
        break;
    default:
        break;
    }
    return push_byte(r, r->in.data[r->pos++]);
}

static bool read_piece(regex *r)
{
    kj_re_op op;
    size_t len;
    if (find_assertion(r, &op, &len))
        return read_assertion(r, op, len);
    repeat found = find_repeat(r);
    if (found.len)
        return fail(r, found.len, "escape it with '\\' if it is meant as a character",
                    "nothing to repeat");
    if (!read_single(r))
        return false;
    found = find_repeat(r);
    return !found.len || apply_repeat(r, found);
}

static bool read_sequence(regex *r)
{
    size_t base = r->c->nodes.count;
    while (!at_end(r) && peek(r, 0) != ')' && peek(r, 0) != '|')
        if (!read_piece(r))
            return false;
    if (r->c->nodes.count == base)
        return fail(r, 1, "an alternative may be empty only after the first: (a|)",
                    "nothing to match here");
    return kj_yara_re_push(r->c, kj_yara_re_join(r->c, KJ_RE_CONCAT, base));
}

static bool read_alternatives(regex *r)
{
    size_t base = r->c->nodes.count;
    if (!read_sequence(r))
        return false;
    while (peek(r, 0) == '|') {
        r->pos++;
        bool is_empty = at_end(r) || peek(r, 0) == ')' || peek(r, 0) == '|';
        if (is_empty ? !kj_yara_re_push(r->c, kj_yara_re_new(r->c, KJ_RE_EMPTY))
                     : !read_sequence(r))
            return false;
    }
    return kj_yara_re_push(r->c, kj_yara_re_join(r->c, KJ_RE_ALT, base));
}

static bool read_whole(regex *r, bool mixed)
{
    if (!read_alternatives(r))
        return false;
    if (!at_end(r))
        return fail(r, 1, "write \\) for a parenthesis as a character", "unexpected ')'");
    kj_re *re = r->c->nodes.items[r->c->nodes.count - 1];
    if (!kj_yara_re_fits(re, KJ_RE_MAX_DEPTH)) {
        r->pos = 0;
        return fail(r, r->in.len, NULL, "the regular expression is nested too deep");
    }
    if (r->has_greedy && r->has_lazy && !mixed) {
        r->pos = 0;
        return fail(r, r->in.len, "make all repetitions greedy (a*) or all lazy (a*?)",
                    "greedy and lazy repetitions cannot be mixed in one string");
    }
    return true;
}

const kj_re *kj_yara_read_regex(kj_yara_compiler *c, kj_token token, bool nocase, bool mixed)
{
    size_t end = token.text.len;
    regex r = {.c = c, .offset = token.offset + 1, .nocase = nocase};
    for (; token.text.data[end - 1] != '/'; end--) {
        r.nocase |= token.text.data[end - 1] == 'i';
        r.dot_all |= token.text.data[end - 1] == 's';
    }
    r.in = kj_span_sub(token.text, 1, end - 2);
    size_t base = c->nodes.count;
    if (!read_whole(&r, mixed)) {
        c->nodes.count = base;
        return NULL;
    }
    return c->nodes.items[--c->nodes.count];
}
