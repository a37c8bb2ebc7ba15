/* SPDX-License-Identifier: Apache-2.0 */
/* What ClamAV's signatures ask about an object besides its bytes: target types, containers, where a
 * program starts and its sections lie, numbers and regular expressions at computed places, members'
 * metadata, and who signed. Rules compiled from such signatures ask for it (rules/clamav); YARA
 * rules may, too. docs/formats/clamav-module.md describes the fields. */
#include "modules/clamav.h"

#include "base/arith.h"
#include "formats/views.h"

/* Facts that take an index as an argument are functions: `section_start(1)`. */
static const kj_field fields[] = {
    {KJ_CVF_TARGET, KJ_TYPE_BOOL, "target()", "i"},
    {KJ_CVF_CONTAINER, KJ_TYPE_BOOL, "container()", "s"},
    {KJ_CVF_INTERMEDIATES, KJ_TYPE_BOOL, "intermediates()", "s"},
    {KJ_CVF_HAS_MEMBERS, KJ_TYPE_BOOL, "has_members", NULL},
    {KJ_CVF_MEMBER, KJ_TYPE_BOOL, "member()", "ssiiiiiiii", .costly = true},
    {KJ_CVF_SIZE, KJ_TYPE_INT, "size", NULL},
    {KJ_CVF_ENTRY_POINT, KJ_TYPE_INT, "entry_point", NULL},
    {KJ_CVF_SECTIONS, KJ_TYPE_INT, "sections", NULL},
    {KJ_CVF_SECTION_START, KJ_TYPE_INT, "section_start()", "i"},
    {KJ_CVF_SECTION_SIZE, KJ_TYPE_INT, "section_size()", "i"},
    {KJ_CVF_IS_PROGRAM, KJ_TYPE_BOOL, "is_program", NULL},
    {KJ_CVF_VERSIONS, KJ_TYPE_ARRAY, "versions[]", NULL},
    {KJ_CVF_VERSION, KJ_TYPE_INT, "versions[]", NULL},
    {KJ_CVF_NUMBER, KJ_TYPE_INT, "number()", "iii"},
    {KJ_CVF_REGEX, KJ_TYPE_INT, "regex()", "siii", .costly = true},
    {KJ_CVF_SIGNED_BY, KJ_TYPE_BOOL, "signed_by()", "sssi", .costly = true},
    {KJ_CVF_HAS_CERTIFICATE, KJ_TYPE_BOOL, "has_certificate()", "sss"},
};

static kj_value answer_type(const kj_clamav_ask *ask)
{
    const kj_object *object = ask->input->object;
    switch (ask->field) {
    case KJ_CVF_TARGET:
        return kj_value_bool(kj_clamav_is_target(object, ask->args[0].integer));
    case KJ_CVF_CONTAINER:
        return kj_value_bool(kj_clamav_is_in(object, ask->args[0].text));
    default:
        return kj_value_bool(kj_clamav_is_inside(object, ask->args[0].text));
    }
}

/* ClamAV says of normalised text how large the text is, and of a page's views how large they are.
 */
static kj_value answer_size(const kj_clamav_ask *ask)
{
    const kj_object *object = ask->input->object;
    bool is_text = object->view == KJ_VIEW_TEXT;
    return kj_value_int((int64_t)(is_text ? object->whole.len : object->bytes.len));
}

/* Who answers: the last row whose `first` is not past the field. */
static const struct answerer {
    uint16_t first;
    kj_value (*answer)(const kj_clamav_ask *ask);
} answerers[] = {
    {KJ_CVF_TARGET, answer_type},
    {KJ_CVF_HAS_MEMBERS, kj_clamav_answer_member},
    {KJ_CVF_SIZE, answer_size},
    {KJ_CVF_ENTRY_POINT, kj_clamav_answer_program},
    {KJ_CVF_NUMBER, kj_clamav_answer_number},
    {KJ_CVF_REGEX, kj_clamav_answer_regex},
    {KJ_CVF_SIGNED_BY, kj_clamav_answer_signed},
};

static const struct answerer *find_answerer(uint16_t field)
{
    size_t i = 0;
    while (i + 1 < KJ_COUNT(answerers) && answerers[i + 1].first <= field)
        i++;
    return &answerers[i];
}

/* An index of `versions[]` is its only argument; all else is a function's. */
static const char *params_of(const kj_field *row)
{
    return row->id == KJ_CVF_VERSION ? "i" : row->params;
}

static kj_value get(const kj_module_input *input, uint16_t field, const kj_field_call *call)
{
    const kj_field *row = kj_module_row(&kj_module_clamav, field);
    if (!row || !kj_call_fits(call, params_of(row)))
        return kj_value_undefined();
    const kj_clamav_ask ask = {
        .field = field,
        .args = call->args,
        .call = call,
        .input = input,
        .bytes = input->object->bytes,
        .state = kj_module_state(input, &kj_module_clamav, sizeof(kj_clamav_state)),
    };
    return ask.state ? find_answerer(field)->answer(&ask) : kj_value_undefined();
}

const kj_module kj_module_clamav = {
    .schema = {.name = "clamav", .id = 16, .fields = fields, .count = KJ_COUNT(fields)},
    .get = get,
};
