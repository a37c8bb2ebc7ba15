/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers in texts, and their length. Semantics: libyara 4.5's module `string`. */
#include "base/arith.h"
#include "base/text.h"
#include "modules/module.h"

/* Numbers are part of the definitions format: never reuse one. */
enum field {
    TO_INT = 1,
    TO_INT_BASE = 2,
    LENGTH = 3,
};

static const kj_field fields[] = {
    {TO_INT, KJ_TYPE_INT, "to_int()", "s"},
    {TO_INT_BASE, KJ_TYPE_INT, "to_int()", "si"},
    {LENGTH, KJ_TYPE_INT, "length()", "s"},
};

enum { HIGHEST_BASE = 36 };

/* What a character counts as a digit; HIGHEST_BASE for one that is none. */
static unsigned digit_of(uint8_t c)
{
    if (kj_is_digit(c))
        return c - (unsigned)'0';
    return kj_is_alpha(c) ? (c | 0x20u) - 'a' + 10 : HIGHEST_BASE;
}

static uint8_t byte_at(kj_span text, size_t pos)
{
    return pos < text.len ? text.data[pos] : 0;
}

/* Moves past the prefix of a number, and settles base 0: 0x is 16, 0 is 8, else it is 10. A 0x
 * counts only before a digit, as for strtoll(). */
static unsigned read_prefix(kj_span text, size_t *pos, unsigned base)
{
    bool is_hex = byte_at(text, *pos) == '0' && (byte_at(text, *pos + 1) | 0x20) == 'x' &&
                  digit_of(byte_at(text, *pos + 2)) < 16;
    if ((base == 0 || base == 16) && is_hex) {
        *pos += 2;
        return 16;
    }
    if (base == 0)
        return byte_at(text, *pos) == '0' ? 8 : 10;
    return base;
}

/* As strtoll(): blanks, a sign, a prefix, digits. The text ends at its first NUL, and nothing else
 * may follow the digits. Undefined for what is no number or does not fit. */
static kj_value to_int(kj_span text, unsigned base)
{
    size_t pos = 0;
    text.len = kj_min_size(text.len, kj_span_find(text, kj_span_of("", 1), 0));
    while (kj_is_space(byte_at(text, pos)))
        pos++;
    bool negative = byte_at(text, pos) == '-';
    pos += negative || byte_at(text, pos) == '+';
    base = read_prefix(text, &pos, base);
    int64_t value = 0;
    size_t start = pos;
    for (; pos < text.len; pos++) {
        unsigned digit = digit_of(text.data[pos]);
        int64_t step = negative ? -(int64_t)digit : (int64_t)digit;
        if (digit >= base || __builtin_mul_overflow(value, (int64_t)base, &value) ||
            __builtin_add_overflow(value, step, &value))
            return kj_value_undefined();
    }
    return pos > start ? kj_value_int(value) : kj_value_undefined();
}

/* libyara passes the base on as an `int`. */
static kj_value to_int_base(kj_span text, int64_t wide)
{
    int32_t base = (int32_t)wide;
    if (base != 0 && (base < 2 || base > HIGHEST_BASE))
        return kj_value_undefined();
    return to_int(text, (unsigned)base);
}

static kj_value get(const kj_module_input *input, uint16_t field, const kj_field_call *call)
{
    (void)input;
    const kj_field *row = kj_module_row(&kj_module_string, field);
    if (!row || !kj_call_fits(call, row->params) || !call->pay(call, call->args[0].text.len))
        return kj_value_undefined();
    if (field == LENGTH)
        return kj_value_int((int64_t)call->args[0].text.len);
    return to_int_base(call->args[0].text, field == TO_INT ? 0 : call->args[1].integer);
}

const kj_module kj_module_string = {
    .schema = {.name = "string", .id = 10, .fields = fields, .count = KJ_COUNT(fields)},
    .get = get,
};
