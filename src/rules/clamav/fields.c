/* SPDX-License-Identifier: Apache-2.0 */
/* What lines are made of: fields, numbers, functionality levels, names. */
#include "rules/clamav/compile.h"

#include "base/text.h"

size_t kj_clamav_split(kj_span text, char separator, kj_span *out)
{
    size_t count = 0;
    for (;;) {
        const uint8_t *end = text.len ? memchr(text.data, separator, text.len) : NULL;
        if (count == KJ_CLAMAV_FIELDS_MAX)
            return SIZE_MAX;
        out[count++] = end ? kj_span_of(text.data, (size_t)(end - text.data)) : text;
        if (!end)
            return count;
        text.len -= (size_t)(end + 1 - text.data);
        text.data = end + 1;
    }
}

bool kj_clamav_is_hex(kj_span text)
{
    for (size_t i = 0; i < text.len; i++)
        if (kj_hex_digit(text.data[i]) < 0)
            return false;
    return true;
}

bool kj_clamav_number(kj_span text, uint64_t max, uint64_t *out)
{
    uint64_t value = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned digit = text.data[i] - (unsigned)'0';
        if (digit > 9 || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, digit, &value))
            return false;
    }
    if (text.len == 0 || value > max)
        return false;
    *out = value;
    return true;
}

/* An empty one says nothing, as a missing one. */
static bool read_level(kj_span text, uint64_t otherwise, uint64_t *out)
{
    *out = otherwise;
    return text.len == 0 || kj_clamav_number(text, UINT32_MAX, out);
}

kj_clamav_level kj_clamav_levels(const kj_span *fields, size_t first, size_t count,
                                 uint64_t *out_min)
{
    uint64_t min = 0, max = UINT32_MAX;
    bool fine = (first >= count || read_level(fields[first], 0, &min)) &&
                (first + 1 >= count || read_level(fields[first + 1], 0, &max));
    if (!fine)
        return KJ_LEVEL_MALFORMED;
    if (out_min)
        *out_min = min;
    return min <= KJ_CLAMAV_LEVEL && KJ_CLAMAV_LEVEL <= max ? KJ_LEVEL_FITS : KJ_LEVEL_OTHER;
}

kj_clamav_result kj_clamav_check_levels(kj_clamav *c, const kj_span *fields, size_t first,
                                        size_t count, uint64_t *out_min)
{
    switch (kj_clamav_levels(fields, first, count, out_min)) {
    case KJ_LEVEL_FITS:
        return KJ_CLAMAV_TAKEN;
    case KJ_LEVEL_OTHER:
        return kj_clamav_left_out(c, KJ_CLAMAV_OTHER_LEVEL);
    default:
        return kj_clamav_malformed(c, fields[first], "functionality levels are numbers");
    }
}

static const char suffix[] = ".UNOFFICIAL";

static size_t suffix_len(const kj_clamav *c)
{
    return c->options->unofficial ? sizeof suffix - 1 : 0;
}

kj_span kj_clamav_name_in(const kj_clamav *c, kj_span name, uint8_t *buffer, size_t size)
{
    size_t more = suffix_len(c);
    if (more == 0)
        return name;
    if (name.len > size - more)
        return (kj_span){0};
    memcpy(buffer, name.data, name.len);
    memcpy(buffer + name.len, suffix, more);
    return kj_span_of(buffer, name.len + more);
}

kj_span kj_clamav_name(kj_clamav *c, kj_span name)
{
    size_t more = suffix_len(c);
    uint8_t *copy = kj_arena_alloc_raw(&c->ir->arena, name.len + more);
    if (!copy)
        return (kj_span){0};
    memcpy(copy, name.data, name.len);
    memcpy(copy + name.len, suffix, more);
    return kj_span_of(copy, name.len + more);
}
