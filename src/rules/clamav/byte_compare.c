/* SPDX-License-Identifier: Apache-2.0 */
/* Byte compares: whether bytes near a subsignature's match are a number that fits.
 *
 *     ID(>>OFFSET#OPTIONS#COMPARISON[,COMPARISON])
 *
 *     >>, <<      the offset is forward, or backward, from the start of the last match of ID
 *                 (of a body of several parts: of the one whose last part is the last)
 *     OPTIONS     h (hexadecimal digits), d (decimal ones), a (either) or i (bytes); l (little) or
 *                 b (big endian); e (all must be digits); and how many bytes
 *     COMPARISON  <, = or > and a number
 *
 * Numbers are decimal, octal with a leading 0, or hexadecimal with 0x; an empty one is 0. As in
 * clamscan 1.4.6 (asked), one without d that says neither l nor b, or none of h, d, a, i, is never
 * true. */
#include "rules/clamav/ldb.h"

#include "base/arith.h"
#include "base/text.h"
#include "ir/clamav.h"

enum {
    OFFSET_MAX = INT32_MAX,
    HEX_MAX = 18, /* digits, 0x among them */
    DIGITS_MAX = 4096,
    COMPARISONS_MAX = 2,
};

enum { SAYS_LITTLE = 1, SAYS_BIG = 2, SAYS_EXACT = 4, SAYS_FORM = 8 };

/* A byte compare under way. */
struct bytes {
    kj_clamav *c;
    kj_span text;
    uint64_t id;
    int64_t offset;
    unsigned says;
    uint32_t form;
    int64_t len;
    kj_op ops[COMPARISONS_MAX];
    int64_t numbers[COMPARISONS_MAX];
    size_t count;
};

static kj_clamav_result refuse(const struct bytes *b, kj_span where, const char *sentence)
{
    return kj_clamav_malformed(b->c, where.len ? where : b->text, "%s", sentence);
}

/* Takes all of `text`: blanks, a sign, 0x. What does not fit is the largest or smallest there is.
 */
static bool read_signed(kj_span text, int64_t *out)
{
    while (text.len && kj_is_blank(text.data[0]))
        text = kj_span_sub(text, 1, text.len);
    bool minus = text.len && text.data[0] == '-';
    if (minus || (text.len && text.data[0] == '+'))
        text = kj_span_sub(text, 1, text.len);
    unsigned base = text.len > 1 && text.data[0] == '0' ? 8 : 10;
    if (base == 8 && (text.data[1] | 0x20) == 'x') {
        base = 16;
        text = kj_span_sub(text, 2, text.len);
        if (text.len == 0)
            return false;
    }
    int64_t value = 0;
    bool large = false;
    for (size_t i = 0; i < text.len; i++) {
        int digit = kj_hex_digit(text.data[i]);
        if (digit < 0 || (unsigned)digit >= base)
            return false;
        large |= __builtin_mul_overflow(value, (int64_t)base, &value) ||
                 __builtin_add_overflow(value, digit, &value);
    }
    if (large)
        value = INT64_MAX;
    *out = minus ? -value : value;
    return true;
}

/* ---- parts --------------------------------------------------------------------------------- */

static const struct {
    uint8_t letter;
    uint8_t says;
    uint8_t form;
} letters[] = {
    {'h', SAYS_FORM, KJ_NUMBER_HEX},
    {'d', SAYS_FORM, KJ_NUMBER_DECIMAL},
    {'a', SAYS_FORM, KJ_NUMBER_AUTO},
    {'i', SAYS_FORM, KJ_NUMBER_INTEGER},
    {'l', SAYS_LITTLE, 0},
    {'b', SAYS_BIG, 0},
    {'e', SAYS_EXACT, 0},
};

static kj_clamav_result read_letters(struct bytes *b, kj_span *text)
{
    for (; text->len && kj_is_alpha(text->data[0]); *text = kj_span_sub(*text, 1, text->len)) {
        size_t row = 0;
        while (row < KJ_COUNT(letters) && letters[row].letter != text->data[0])
            row++;
        if (row == KJ_COUNT(letters))
            return refuse(b, *text, "the options are h, d, a, i, l, b and e, and how many bytes");
        if (letters[row].says == SAYS_FORM) {
            if (b->says & SAYS_FORM && b->form != letters[row].form)
                return refuse(b, *text, "only one of h, d, a and i can be said");
            b->form = letters[row].form;
        }
        b->says |= letters[row].says;
    }
    return KJ_CLAMAV_TAKEN;
}

static bool len_fits(const struct bytes *b)
{
    if (b->form == KJ_NUMBER_INTEGER && b->says & SAYS_FORM)
        return b->len == 1 || b->len == 2 || b->len == 4 || b->len == 8;
    return b->len > 0 && b->len <= (b->form == KJ_NUMBER_HEX ? HEX_MAX : DIGITS_MAX);
}

static kj_clamav_result read_options(struct bytes *b, kj_span text)
{
    kj_span number = text;
    kj_clamav_result result = read_letters(b, &number);
    if (result != KJ_CLAMAV_TAKEN)
        return result;
    bool decimal = b->says & SAYS_FORM && b->form == KJ_NUMBER_DECIMAL;
    if (b->says & SAYS_LITTLE && (b->says & SAYS_BIG || decimal))
        return refuse(b, text, "the first digit or byte is either the highest or the lowest");
    if (number.len == 0 || !read_signed(number, &b->len) || !len_fits(b))
        return refuse(b, text, "so many bytes are no number");
    return KJ_CLAMAV_TAKEN;
}

static kj_clamav_result read_offset(struct bytes *b, kj_span text)
{
    bool forward = kj_span_starts(text, kj_span_str(">>"));
    if (!forward && !kj_span_starts(text, kj_span_str("<<")))
        return refuse(b, text, "an offset begins with >> or <<");
    if (!read_signed(kj_span_sub(text, 2, text.len), &b->offset))
        return refuse(b, text, "an offset is a number");
    int64_t most = b->offset < -OFFSET_MAX ? -OFFSET_MAX : b->offset;
    most = most > OFFSET_MAX ? OFFSET_MAX : most;
    b->offset = forward ? most : -most;
    return KJ_CLAMAV_TAKEN;
}

static kj_clamav_result read_comparisons(struct bytes *b, kj_span text)
{
    kj_span parts[KJ_CLAMAV_FIELDS_MAX];
    b->count = kj_clamav_split(text, ',', parts);
    if (b->count > COMPARISONS_MAX)
        return refuse(b, text, "there are two comparisons at most");
    for (size_t i = 0; i < b->count; i++) {
        uint8_t op = parts[i].len ? parts[i].data[0] : 0;
        b->ops[i] = op == '<' ? KJ_OP_LT : op == '>' ? KJ_OP_GT : KJ_OP_EQ;
        if ((op != '<' && op != '>' && op != '=') ||
            !read_signed(kj_span_sub(parts[i], 1, parts[i].len), &b->numbers[i]))
            return refuse(b, parts[i], "a comparison is <, = or > and a number");
    }
    return KJ_CLAMAV_TAKEN;
}

static kj_clamav_result read_id(struct bytes *b, const kj_ldb *ldb, kj_span text, uint32_t own)
{
    text = kj_text_trim(text);
    b->id = 0;
    if (text.len && !kj_clamav_number(text, UINT32_MAX, &b->id))
        return refuse(b, text, "a byte compare begins with the number of a subsignature");
    if (b->id >= ldb->sub_count || b->id == own)
        return refuse(b, text, "there is no such subsignature");
    return KJ_CLAMAV_TAKEN;
}

static kj_clamav_result read(struct bytes *b, const kj_ldb *ldb, uint32_t own)
{
    enum { OFFSET, OPTIONS, COMPARISONS, PARTS };
    kj_span parts[KJ_CLAMAV_FIELDS_MAX];
    size_t start = kj_span_find_either(b->text, '(', '(', 0), end = b->text.len;
    while (end > 0 && b->text.data[end - 1] != ')')
        end--;
    if (end < start + 2)
        return refuse(b, b->text, "a byte compare stands in parentheses");
    kj_span inside = kj_span_sub(b->text, start + 1, end - start - 2);
    if (kj_clamav_split(inside, '#', parts) != PARTS)
        return refuse(b, inside, "a byte compare is OFFSET#OPTIONS#COMPARISONS");
    kj_clamav_result result = read_id(b, ldb, kj_span_sub(b->text, 0, start), own);
    if (result == KJ_CLAMAV_TAKEN)
        result = read_offset(b, parts[OFFSET]);
    if (result == KJ_CLAMAV_TAKEN)
        result = read_options(b, parts[OPTIONS]);
    return result == KJ_CLAMAV_TAKEN ? read_comparisons(b, parts[COMPARISONS]) : result;
}

/* ---- the condition ------------------------------------------------------------------------- */

/* Whether parts of the body may be at any distance from each other. */
static bool has_endless_gap(const kj_pattern *pattern)
{
    kj_span source = pattern->source;
    return kj_span_find(source, kj_span_str("*"), 0) != SIZE_MAX ||
           kj_span_find(source, kj_span_str("-}"), 0) != SIZE_MAX;
}

/* The number of the match that counts: the last one. Where gaps are endless, the first part of that
 * is the first of all: what ends last may begin anywhere. */
static kj_expr *number_of_match(kj_clamav *c, const kj_sub *sub)
{
    const kj_clamav_place *place = &sub->place;
    bool first = has_endless_gap(&c->ir->patterns.items[sub->pattern]);
    if (place->kind != KJ_PLACE_IN)
        return first ? kj_clamav_int(c, 1)
                     : kj_clamav_node(c, KJ_OP_COUNT_OF, KJ_TYPE_INT, sub->pattern, 0, NULL);
    kj_expr *const range[] = {kj_clamav_int(c, 0),
                              first ? kj_clamav_sum(c, place->from, -1) : place->to};
    kj_expr *count = kj_clamav_node(c, KJ_OP_COUNT_OF, KJ_TYPE_INT, sub->pattern, 2, range);
    return kj_clamav_sum(c, count, first);
}

/* Where it begins. */
static kj_expr *match_start(kj_clamav *c, const kj_sub *sub)
{
    if (sub->place.kind == KJ_PLACE_AT)
        return sub->place.from;
    kj_expr *const number = number_of_match(c, sub);
    return kj_clamav_node(c, KJ_OP_OFFSET_OF, KJ_TYPE_INT, sub->pattern, 1, &number);
}

static kj_expr *condition(const struct bytes *b, const kj_sub *sub)
{
    kj_clamav *c = b->c;
    uint32_t flags = b->form | (b->says & SAYS_LITTLE ? KJ_NUMBER_LITTLE : 0) |
                     (b->says & SAYS_EXACT ? KJ_NUMBER_EXACT : 0);
    kj_expr *const args[] = {kj_clamav_sum(c, match_start(c, sub), b->offset),
                             kj_clamav_int(c, flags), kj_clamav_int(c, b->len)};
    kj_expr *number = kj_clamav_field(c, "number()", KJ_COUNT(args), args);
    kj_expr *holds = sub->holds;
    for (size_t i = 0; i < b->count; i++)
        holds = kj_clamav_both(c, holds, kj_clamav_compare(c, b->ops[i], number, b->numbers[i]));
    return holds;
}

kj_clamav_result kj_ldb_byte_compare(kj_ldb *ldb, uint32_t id)
{
    struct bytes b = {.c = ldb->c, .text = ldb->texts[id]};
    kj_clamav_result result = read(&b, ldb, id);
    if (result != KJ_CLAMAV_TAKEN)
        return result;
    const kj_sub *sub = &ldb->subs[b.id];
    bool decimal = b.form == KJ_NUMBER_DECIMAL;
    bool ever = b.says & SAYS_FORM && (decimal || b.says & (SAYS_LITTLE | SAYS_BIG)) &&
                sub->kind == KJ_SUB_BODY && sub->holds;
    kj_expr *holds = ever ? condition(&b, sub) : kj_clamav_bool(ldb->c, false);
    ldb->subs[id] = (kj_sub){.kind = KJ_SUB_FACT, .holds = holds};
    return holds ? KJ_CLAMAV_TAKEN : KJ_CLAMAV_STARVED;
}
