/* SPDX-License-Identifier: Apache-2.0 */
/* Module `clamav`: numbers that byte compare signatures read. As text they are what strtoll() makes
 * of them: blanks, a sign, digits, and whatever follows; one that has more than 63 bits is none. */
#include "modules/clamav.h"

#include "base/text.h"
#include "ir/clamav.h"

enum { DECIMAL = 10, HEX = 16 };

static void skip_blanks(kj_reader *r)
{
    while (kj_reader_left(r) > 0 && kj_is_space(r->in.data[r->pos]))
        kj_skip(r, 1);
}

/* The value of the next character as a digit; -1: it is none, and nothing is read. */
static int read_digit(kj_reader *r, unsigned base)
{
    int digit = kj_reader_left(r) > 0 ? kj_hex_digit(r->in.data[r->pos]) : -1;
    if (digit < 0 || (unsigned)digit >= base)
        return -1;
    kj_skip(r, 1);
    return digit;
}

static bool skip_text(kj_reader *r, const char *text)
{
    kj_span wanted = kj_span_str(text);
    if (!kj_span_starts(kj_span_sub(r->in, r->pos, wanted.len), wanted))
        return false;
    kj_skip(r, wanted.len);
    return true;
}

/* "0x", when a digit follows. */
static bool skip_prefix(kj_reader *r)
{
    kj_reader at = *r;
    if ((!skip_text(&at, "0x") && !skip_text(&at, "0X")) || kj_reader_left(&at) == 0 ||
        kj_hex_digit(at.in.data[at.pos]) < 0)
        return false;
    *r = at;
    return true;
}

/* False for what does not fit. */
static bool read_text(kj_reader *r, unsigned base, int64_t *out)
{
    int64_t value = 0;
    skip_blanks(r);
    bool negative = skip_text(r, "-");
    if (!negative)
        (void)skip_text(r, "+");
    if (base == HEX)
        (void)skip_prefix(r);
    for (int digit; (digit = read_digit(r, base)) >= 0;)
        if (__builtin_mul_overflow(value, (int64_t)base, &value) ||
            __builtin_add_overflow(value, negative ? -digit : digit, &value))
            return false;
    *out = value;
    return true;
}

/* Whether there is an x beside a digit. */
static bool has_prefix(kj_span text)
{
    for (size_t i = 1; i < text.len; i++) {
        uint8_t left = kj_lower(text.data[i - 1]), right = kj_lower(text.data[i]);
        if ((left == 'x' && kj_hex_digit(right) >= 0) || (right == 'x' && kj_hex_digit(left) >= 0))
            return true;
    }
    return false;
}

static bool may_be_exact(kj_span text)
{
    if (text.len == 1)
        return kj_hex_digit(text.data[0]) >= 0;
    return text.len % 2 == 0 && !has_prefix(text);
}

/* Pairs of digits, the lowest first, up to what is none. An odd number of characters gets a zero in
 * front; exact are a single digit, or an even number of characters without blanks before them or an
 * x beside a digit. */
static bool read_swapped(kj_reader *r, bool exact, int64_t *out)
{
    uint64_t value = 0;
    skip_blanks(r);
    (void)skip_prefix(r);
    bool odd = kj_reader_left(r) % 2 != 0;
    if (exact && (r->pos > 0 || !may_be_exact(r->in)))
        return false;
    int high = odd ? 0 : read_digit(r, HEX);
    for (unsigned shift = 0; high >= 0; shift += 8, high = read_digit(r, HEX)) {
        int low = read_digit(r, HEX);
        if (low < 0)
            break;
        uint64_t pair = (uint64_t)(high << 4 | low);
        if (shift >= 64 ? pair != 0 : (pair << shift) >> 63)
            return false;
        value |= shift < 64 ? pair << shift : 0;
    }
    *out = (int64_t)value;
    return value <= INT64_MAX;
}

static bool is_exact(kj_span text)
{
    return text.len > 0 && !kj_is_space(text.data[0]) && kj_hex_digit(text.data[text.len - 1]) >= 0;
}

static kj_value number_of_text(kj_span text, int64_t flags)
{
    kj_reader r = kj_reader_of(text), prefix = r;
    int64_t form = flags & KJ_NUMBER_FORM;
    bool exact = flags & KJ_NUMBER_EXACT;
    bool hex = form == KJ_NUMBER_HEX || (form == KJ_NUMBER_AUTO && skip_prefix(&prefix));
    int64_t value;
    if (flags & KJ_NUMBER_LITTLE) {
        skip_blanks(&prefix);
        if (form != KJ_NUMBER_HEX && !hex && !skip_prefix(&prefix))
            return kj_value_undefined(); /* decimal digits are read in one order only */
        return read_swapped(&r, exact, &value) ? kj_value_int(value) : kj_value_undefined();
    }
    if (!read_text(&r, hex ? HEX : DECIMAL, &value) ||
        (exact && (!is_exact(text) || kj_reader_left(&r) > 0)))
        return kj_value_undefined();
    return kj_value_int(value);
}

static kj_value integer_of(kj_span bytes, int64_t flags)
{
    uint64_t value = 0;
    if (bytes.len != 1 && bytes.len != 2 && bytes.len != 4 && bytes.len != 8)
        return kj_value_undefined();
    for (size_t i = 0; i < bytes.len; i++) {
        size_t at = flags & KJ_NUMBER_LITTLE ? bytes.len - 1 - i : i;
        value = value << 8 | bytes.data[at];
    }
    return kj_value_int((int64_t)value);
}

kj_value kj_clamav_answer_number(const kj_clamav_ask *ask)
{
    int64_t offset = ask->args[0].integer, flags = ask->args[1].integer;
    int64_t len = ask->args[2].integer;
    size_t size = ask->bytes.len;
    if (offset < 0 || len <= 0 || (uint64_t)len > size || (uint64_t)offset > size - (size_t)len ||
        !kj_clamav_pay(ask, (uint64_t)len))
        return kj_value_undefined();
    kj_span bytes = kj_span_sub(ask->bytes, (size_t)offset, (size_t)len);
    return (flags & KJ_NUMBER_FORM) == KJ_NUMBER_INTEGER ? integer_of(bytes, flags)
                                                         : number_of_text(bytes, flags);
}
