/* SPDX-License-Identifier: Apache-2.0 */
/* Hex strings.
 *
 *     string       { sequence }
 *     sequence     item (item | jump)* item, or one item
 *     item         AB  ??  A?  ?B  ~AB  ~A?  ~?B  ( sequence | sequence ... )
 *     jump         [n]  [n-m]  [n-]  [-]
 *
 * A jump is a lazy repetition of any byte. Inside alternatives no jump is unbounded or longer than
 * 200. Bounds may be hexadecimal or octal, which libyara refuses and YARA-X accepts. */
#include "rules/yara/compiler.h"

#include "base/text.h"

#include <limits.h>

enum { LONGEST_INNER_JUMP = 200 }; /* where libyara splits a string into a chain */

typedef struct hex {
    kj_yara_compiler *c;
    kj_lexer lexer;
    unsigned depth; /* of alternatives */
} hex;

static bool read_sequence(hex *h);

static unsigned peek(const hex *h, size_t ahead)
{
    size_t left = h->lexer.in.len - h->lexer.pos;
    return ahead < left ? h->lexer.in.data[h->lexer.pos + ahead] : 0;
}

static bool fail(hex *h, size_t len, const char *hint, const char *message)
{
    kj_yara_error(h->c, h->lexer.pos, len, hint, "%s", message);
    return false;
}

/* One of the 16 values of a nibble, or all of them. */
static bool nibble_matches(unsigned wanted, unsigned nibble)
{
    return wanted == '?' || kj_hex_digit(wanted) == (int)nibble;
}

static bool is_nibble(unsigned ch)
{
    return ch == '?' || kj_hex_digit(ch) >= 0;
}

/* The class of a byte written as two nibbles; nearly all are a plain byte or `??`. */
static kj_re *make_class(hex *h, unsigned high, unsigned low, bool inverted)
{
    if (high != '?' && low != '?' && !inverted)
        return kj_yara_re_byte(h->c, (uint8_t)(kj_hex_digit(high) << 4 | kj_hex_digit(low)));
    if (high == '?' && low == '?')
        return kj_yara_re_any(h->c);
    kj_byte_set set = {0};
    for (unsigned byte = 0; byte < 256; byte++)
        if ((nibble_matches(high, byte >> 4) && nibble_matches(low, byte & 15)) != inverted)
            kj_byte_set_add(&set, (uint8_t)byte);
    return kj_yara_re_class(h->c, &set);
}

static bool read_byte(hex *h)
{
    bool inverted = peek(h, 0) == '~';
    size_t at = inverted ? 1 : 0;
    unsigned high = peek(h, at), low = peek(h, at + 1);
    if (!is_nibble(high))
        return fail(h, 1, "~ stands before a byte: ~AB, ~A? or ~?B", "'~' without a byte");
    if (!is_nibble(low))
        return fail(h, at + 1, "a byte has two digits; write ? for one that may be anything",
                    "half a byte in a hex string");
    if (inverted && high == '?' && low == '?')
        return fail(h, 3, NULL, "'~?\?' can match nothing");
    h->lexer.pos += at + 2;
    return kj_yara_re_push(h->c, make_class(h, high, low, inverted));
}

static bool read_bound(hex *h, kj_token *token, uint32_t *out)
{
    int64_t value = 0;
    bool has_unit = token->text.len > 1 && token->text.data[0] != '0' &&
                    token->text.data[token->text.len - 1] == 'B';
    if (has_unit || !kj_token_integer(token->text, &value) || value > INT_MAX) {
        kj_yara_error(h->c, token->offset, token->text.len, NULL, "not a length for a jump");
        return false;
    }
    *out = (uint32_t)value;
    *token = kj_lexer_next(&h->lexer);
    return true;
}

static bool check_jump(hex *h, size_t start, uint32_t min, uint32_t max)
{
    size_t len = h->lexer.pos - start;
    const char *problem = NULL;
    if (max < min)
        problem = "the bounds of this jump are the wrong way round";
    else if (h->depth && max == KJ_RE_UNBOUNDED)
        problem = "a jump inside alternatives must have an upper bound";
    else if (h->depth && max > LONGEST_INNER_JUMP)
        problem = "a jump inside alternatives cannot exceed 200 bytes";
    if (problem)
        kj_yara_error(h->c, start, len, NULL, "%s", problem);
    return !problem;
}

/* What stands between the brackets; the closing one is in *token when all is well. */
static bool read_bounds(hex *h, kj_token *token, uint32_t *min, uint32_t *max)
{
    bool has_min = token->kind == KJ_TOK_INTEGER;
    *min = 0;
    *max = KJ_RE_UNBOUNDED;
    if (has_min && !read_bound(h, token, min))
        return false;
    if (token->kind != KJ_TOK_MINUS) {
        *max = *min;
        return has_min && *max > 0;
    }
    *token = kj_lexer_next(&h->lexer);
    return !has_min || token->kind != KJ_TOK_INTEGER || read_bound(h, token, max);
}

static bool read_jump(hex *h)
{
    size_t start = h->lexer.pos++, errors = h->c->ir->diags.errors;
    uint32_t min, max;
    kj_token token = kj_lexer_next(&h->lexer);
    if (!read_bounds(h, &token, &min, &max) || token.kind != KJ_TOK_CLOSE_BRACKET) {
        h->lexer.pos = start;
        return h->c->ir->diags.errors == errors &&
               fail(h, 1, "jumps are written [n], [n-m], [n-] or [-]", "this is no jump");
    }
    if (!check_jump(h, start, min, max))
        return false;
    kj_re *any = kj_yara_re_any(h->c);
    if (min == 1 && max == 1)
        return kj_yara_re_push(h->c, any);
    if (max == 0)
        return kj_yara_re_push(h->c, kj_yara_re_new(h->c, KJ_RE_EMPTY));
    return kj_yara_re_push(h->c, kj_yara_re_repeat(h->c, any, min, max, false));
}

static bool read_alternatives(hex *h)
{
    if (++h->depth >= KJ_RE_MAX_DEPTH / 2)
        return fail(h, 1, NULL, "alternatives are nested too deep");
    size_t base = h->c->nodes.count;
    do {
        h->lexer.pos++; /* the '(' or '|' */
        if (!read_sequence(h))
            return false;
    } while (peek(h, 0) == '|');
    if (peek(h, 0) != ')')
        return fail(h, 1, NULL, "expected '|' or ')' in a hex string");
    h->lexer.pos++;
    h->depth--;
    return kj_yara_re_push(h->c, kj_yara_re_join(h->c, KJ_RE_ALT, base));
}

static bool read_item(hex *h, bool is_first)
{
    unsigned ch = peek(h, 0);
    if (is_nibble(ch) || ch == '~')
        return read_byte(h);
    if (ch == '(')
        return read_alternatives(h);
    if (ch == '[' && is_first)
        return fail(h, 1, "bytes come first; leave the jump out", "a jump cannot come first");
    if (ch == '[')
        return read_jump(h);
    return fail(h, 1, "hex strings hold bytes, ??, [n-m] jumps and (A|B) alternatives",
                "unexpected character in a hex string");
}

/* Pushes one node; stops at what ends a sequence. */
static bool read_sequence(hex *h)
{
    size_t base = h->c->nodes.count, jump = SIZE_MAX;
    for (bool is_first = true;; is_first = false) {
        if (!kj_lexer_skip_blanks(&h->lexer) || h->lexer.pos >= h->lexer.in.len)
            return fail(h, 1, NULL, "a hex string that does not end");
        unsigned ch = peek(h, 0);
        if (ch == '}' || ch == ')' || ch == '|') {
            if (is_first)
                return fail(h, 1, NULL, "nothing to match in a hex string");
            break;
        }
        jump = ch == '[' ? h->lexer.pos : SIZE_MAX;
        if (!read_item(h, is_first))
            return false;
    }
    if (jump != SIZE_MAX) {
        h->lexer.pos = jump;
        return fail(h, 1, "bytes come last; leave the jump out", "a jump cannot come last");
    }
    return kj_yara_re_push(h->c, kj_yara_re_join(h->c, KJ_RE_CONCAT, base));
}

/* How much to skip of a string that is wrong: to its brace, if that comes on this line or the
 * string has nothing of another language in it. */
static size_t broken_len(const hex *h, size_t offset)
{
    kj_span in = h->lexer.in;
    size_t end = h->lexer.pos;
    while (end < in.len && in.data[end] != '}' && in.data[end] != '$' && in.data[end] != '"')
        end++;
    return (end < in.len && in.data[end] == '}' ? end + 1 : end) - offset;
}

const kj_re *kj_yara_read_hex(kj_yara_compiler *c, size_t offset, size_t *out_len)
{
    hex h = {.c = c, .lexer = {.in = c->lexer.in, .pos = offset + 1}};
    size_t base = c->nodes.count;
    bool ok = read_sequence(&h);
    if (ok && peek(&h, 0) != '}')
        ok = fail(&h, 1, NULL, "expected '}' at the end of a hex string");
    if (!ok) {
        c->nodes.count = base;
        *out_len = broken_len(&h, offset);
        return NULL;
    }
    *out_len = h.lexer.pos + 1 - offset;
    return c->nodes.items[--c->nodes.count];
}
