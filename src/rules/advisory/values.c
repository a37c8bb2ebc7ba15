/* SPDX-License-Identifier: Apache-2.0 */
/* Readers for values with a form of their own: names, dates, numbers. */
#include "base/text.h"
#include "ir/name.h"
#include "rules/advisory/schema.h"

static void refuse(kj_reading *r, const kj_yaml *node, const char *what, const char *hint)
{
    kj_complain(r, node, hint, "'%.*s' is not %s", kj_printed_len(node->text),
                (const char *)node->text.data, what);
}

static void refuse_name(kj_reading *r, const kj_yaml *node, const kj_error *err)
{
    size_t len = node->text.len;
    size_t at = err->offset == KJ_NO_OFFSET ? 0 : kj_min_size((size_t)err->offset, len);
    size_t offset = kj_locate_in(r, node, at, &len);
    kj_diag_add(&r->ir->diags, KJ_ERROR, r->source, offset, len,
                "names look like W32/Mimail.q@MM: platform/Family.part@MM", "%s", err->message);
}

void kj_read_name(kj_reading *r, const kj_yaml *node, void *out, const void *param)
{
    kj_name name;
    kj_error err;
    (void)param;
    if (!kj_expect_kind(r, node, KJ_YAML_TEXT, "a name"))
        return;
    kj_status status = kj_name_parse(&r->ir->arena, node->text, &name, &err);
    if (status == KJ_MALFORMED) {
        refuse_name(r, node, &err);
        return;
    }
    const char *canonical = status == KJ_OK ? kj_name_print(&r->ir->arena, &name) : NULL;
    if (!canonical)
        r->no_memory = true;
    else if (!kj_span_is(node->text, canonical))
        kj_complain(r, node, kj_arena_printf(&r->ir->arena, "write %s", canonical),
                    "the name is not in its canonical form");
    else
        *(kj_span *)out = node->text;
}

/* ---- dates --------------------------------------------------------------------------------- */

static bool parse_digits(kj_span text, size_t at, size_t len, unsigned *out)
{
    uint64_t value;
    kj_span digits = kj_span_sub(text, at, len);
    if (digits.len != len || !kj_text_to_u64(digits, &value))
        return false;
    *out = (unsigned)value;
    return true;
}

static unsigned days_of(unsigned year, unsigned month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

/* `parts` of year, month, day. */
static bool is_date(kj_span text, unsigned parts)
{
    static const size_t lens[] = {0, 4, 7, 10};
    unsigned year, month = 1, day = 1;
    if (text.len != lens[parts] || !parse_digits(text, 0, 4, &year) || year < 1970)
        return false;
    if (parts > 1 && (text.data[4] != '-' || !parse_digits(text, 5, 2, &month)))
        return false;
    if (parts > 2 && (text.data[7] != '-' || !parse_digits(text, 8, 2, &day)))
        return false;
    return month >= 1 && month <= 12 && day >= 1 && day <= days_of(year, month);
}

void kj_read_date(kj_reading *r, const kj_yaml *node, void *out, const void *param)
{
    (void)param;
    if (!kj_expect_kind(r, node, KJ_YAML_TEXT, "a date"))
        return;
    if (is_date(node->text, 3))
        *(kj_span *)out = node->text;
    else
        refuse(r, node, "a date", "dates are written YYYY-MM-DD");
}

void kj_read_rough_date(kj_reading *r, const kj_yaml *node, void *out, const void *param)
{
    (void)param;
    if (!kj_expect_kind(r, node, KJ_YAML_TEXT, "a date"))
        return;
    if (is_date(node->text, 1) || is_date(node->text, 2) || is_date(node->text, 3))
        *(kj_span *)out = node->text;
    else
        refuse(r, node, "a date", "dates are written YYYY-MM-DD; month and day may be left out");
}

/* ---- numbers ------------------------------------------------------------------------------- */

void kj_read_release(kj_reading *r, const kj_yaml *node, void *out, const void *param)
{
    uint64_t value;
    (void)param;
    if (!kj_expect_kind(r, node, KJ_YAML_TEXT, "a release"))
        return;
    if (kj_text_to_u64(node->text, &value) && value >= 1 && value < KJ_NONE)
        *(uint32_t *)out = (uint32_t)value;
    else
        refuse(r, node, "a release of the definitions", "a whole number such as 4318");
}

void kj_read_size(kj_reading *r, const kj_yaml *node, void *out, const void *param)
{
    uint64_t value;
    (void)param;
    if (!kj_expect_kind(r, node, KJ_YAML_TEXT, "a size"))
        return;
    if (kj_text_to_u64(node->text, &value) && value <= INT64_MAX)
        *(uint64_t *)out = value;
    else
        refuse(r, node, "a size", "a whole number of bytes, without separators");
}

static bool parse_range(kj_span text, kj_size_range *out)
{
    size_t dash = kj_span_find(text, kj_span_str("-"), 0);
    kj_span first = kj_text_trim(kj_span_sub(text, 0, dash));
    kj_span last = dash == SIZE_MAX ? first : kj_text_trim(kj_span_sub(text, dash + 1, SIZE_MAX));
    return kj_text_to_u64(first, &out->min) && kj_text_to_u64(last, &out->max) &&
           out->min <= out->max && out->max <= INT64_MAX;
}

void kj_read_sizes(kj_reading *r, const kj_yaml *node, void *out, const void *param)
{
    (void)param;
    size_t count = 0;
    kj_size_range *items = kj_new_array(&r->ir->arena, kj_size_range, kj_texts_max(node) + 1);
    if (!items) {
        r->no_memory = true;
        return;
    }
    for (const kj_yaml *at = NULL; (at = kj_next_text(r, node, at, "a size")) != NULL;) {
        if (parse_range(at->text, &items[count]))
            count++;
        else
            refuse(r, at, "a size", "a number of bytes, or a range such as '71000-75000'");
    }
    *(kj_sizes *)out = (kj_sizes){items, count};
}

bool kj_parse_engine(kj_span text, uint32_t *out)
{
    static const uint64_t limits[3] = {0xFF, 0xFF, 0xFFFF};
    uint64_t numbers[3];
    size_t pos = 0;
    if (text.len == 4 && kj_text_to_u64(text, &numbers[0])) {
        *out = kj_engine_number((unsigned)numbers[0] / 1000, (unsigned)numbers[0] / 100 % 10,
                                (unsigned)numbers[0] % 100);
        return numbers[0] >= 1000;
    }
    for (size_t i = 0; i < 3; i++) {
        size_t dot = kj_span_find(text, kj_span_str("."), pos);
        bool last = i == 2;
        if (last != (dot == SIZE_MAX))
            return false;
        kj_span digits = kj_span_sub(text, pos, last ? SIZE_MAX : dot - pos);
        if (!kj_text_to_u64(digits, &numbers[i]) || numbers[i] > limits[i])
            return false;
        pos = dot + 1;
    }
    *out = kj_engine_number((unsigned)numbers[0], (unsigned)numbers[1], (unsigned)numbers[2]);
    return true;
}

void kj_read_engine(kj_reading *r, const kj_yaml *node, void *out, const void *param)
{
    uint32_t value;
    (void)param;
    if (!kj_expect_kind(r, node, KJ_YAML_TEXT, "an engine version"))
        return;
    if (kj_parse_engine(node->text, &value))
        *(uint32_t *)out = value;
    else
        refuse(r, node, "an engine version", "A.B.C, or the four digits ABCD for A.B.CD");
}
