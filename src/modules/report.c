/* SPDX-License-Identifier: Apache-2.0 */
#include "modules/report.h"

#include "base/arith.h"
#include "base/text.h"

/* jansson needs up to 300 bytes a value; and it counts the depth itself. */
enum { VALUES_MAX = 2 << 20, WORK_A_BYTE = 4 };

/* At least as many values as the text has: each but the first follows one of these. */
static size_t count_values(kj_span json)
{
    size_t count = 1;
    for (size_t i = 0; i < json.len; i++)
        count += json.data[i] == '{' || json.data[i] == '[' || json.data[i] == ',';
    return count;
}

kj_report_outcome kj_report_refuse(const kj_module_input *input)
{
    kj_module_tell_unseen(input, KJ_LIMIT,
                          KJ_SENTENCE("a module's report (--module-data) is too large"));
    return KJ_REPORT_BROKEN;
}

kj_report_outcome kj_report_parse(const kj_module_input *input, const kj_module *module,
                                  const kj_field_call *call, json_t **out_json)
{
    kj_span report = kj_module_report(input, module);
    json_error_t error;
    if (!report.data)
        return KJ_REPORT_NONE;
    if (!call->pay(call, report.len * WORK_A_BYTE))
        return KJ_REPORT_BROKEN;
    if (count_values(report) > VALUES_MAX)
        return kj_report_refuse(input);
    *out_json = json_loadb((const char *)report.data, report.len, JSON_ALLOW_NUL, &error);
    if (*out_json)
        return KJ_REPORT_READ;
    if (json_error_code(&error) == json_error_out_of_memory)
        return kj_report_refuse(input);
    kj_module_tell_unseen(input, KJ_MALFORMED,
                          KJ_SENTENCE("a module's report (--module-data) is not JSON"));
    return KJ_REPORT_BROKEN;
}

bool kj_report_read_text(const json_t *element, const char **out_text, int64_t *out_number)
{
    (void)out_number;
    *out_text = json_string_value(element);
    return *out_text != NULL;
}

bool kj_report_read_list(kj_arena *arena, const json_t *array, kj_report_reader *reader,
                         kj_report_list *out)
{
    size_t count = json_array_size(array);
    kj_report_item *items = kj_new_array(arena, kj_report_item, count);
    if (!items)
        return false;
    kj_report_list list = {.items = items};
    for (size_t i = 0; i < count; i++) {
        const char *text = NULL;
        kj_report_item *item = &items[list.count];
        if (!reader(json_array_get(array, i), &text, &item->number))
            continue;
        const char *copy = kj_arena_strdup(arena, text);
        if (!copy)
            return false;
        item->text = kj_span_str(copy);
        list.count++;
    }
    *out = list;
    return true;
}

/* An empty text satisfies no expression: libyara takes a match that ends where the text begins for
 * none. */
bool kj_report_matches(const kj_field_call *call, kj_value regex, kj_span text)
{
    return text.len && call->matches(call, regex, text);
}

/* A STRING argument is a C string to libyara. */
static kj_span c_text(kj_span text)
{
    return kj_span_sub(text, 0, kj_span_find(text, kj_span_of("", 1), 0));
}

bool kj_report_equals(kj_span text, kj_span argument)
{
    return kj_text_equal_nocase(text, c_text(argument));
}

static bool satisfies(const kj_field_call *call, kj_span text, const kj_value *arg)
{
    if (arg->type == KJ_TYPE_REGEX)
        return kj_report_matches(call, *arg, text);
    return kj_report_equals(text, arg->text);
}

bool kj_report_has(const kj_field_call *call, const kj_report_list *list, const kj_value *arg,
                   const int64_t *number)
{
    if (!call->pay(call, list->count * sizeof *list->items))
        return false;
    for (size_t i = 0; i < list->count; i++) {
        const kj_report_item *item = &list->items[i];
        if ((!number || item->number == *number) && satisfies(call, item->text, arg))
            return true;
    }
    return false;
}
