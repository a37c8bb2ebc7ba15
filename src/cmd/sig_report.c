/* SPDX-License-Identifier: Apache-2.0 */
/* A signature's condition about an object, in parts with their values. */
#include "base/arith.h"
#include "base/text.h"
#include "cmd/condition_text.h"
#include "cmd/sig_private.h"
#include "formats/views.h"

typedef struct examination {
    const kj_sig_subject *subject;
    kj_matcher *matcher;
    const kj_match_input *input;
    uint32_t rule;
} examination;

static kj_value value_at(const examination *x, uint32_t code)
{
    return kj_matcher_value(x->matcher, x->input, x->rule, code);
}

static json_t *value_json(kj_value value)
{
    switch (value.type) {
    case KJ_TYPE_BOOL:
        return json_boolean(value.integer != 0);
    case KJ_TYPE_INT:
        return json_integer(value.integer);
    case KJ_TYPE_REAL:
        return json_real(value.real);
    case KJ_TYPE_STRING:
        return kj_utf8_valid(value.text)
                   ? json_stringn((const char *)value.text.data, value.text.len)
                   : json_null();
    default:
        return json_null();
    }
}

static json_t *text_of(const examination *x, uint32_t code)
{
    kj_buf out;
    kj_buf_init(&out, 64 << 10);
    kj_condition_text(x->subject->defs, code, &out);
    json_t *text = json_string(kj_buf_text(&out));
    kj_buf_done(&out);
    return text;
}

/* What a part is, for whoever words it. */
static const char *const kinds[KJ_OP_COUNT] = {
    [KJ_OP_AND] = "and",           [KJ_OP_OR] = "or",
    [KJ_OP_NOT] = "not",           [KJ_OP_OF] = "of",
    [KJ_OP_FOUND] = "found",       [KJ_OP_FOUND_AT] = "found_at",
    [KJ_OP_FOUND_IN] = "found_in", [KJ_OP_COUNT_OF] = "count",
    [KJ_OP_FIELD] = "field",       [KJ_OP_EQ] = "compare",
    [KJ_OP_NE] = "compare",        [KJ_OP_LT] = "compare",
    [KJ_OP_LE] = "compare",        [KJ_OP_GT] = "compare",
    [KJ_OP_GE] = "compare",
};

static bool is_constant(const examination *x, uint32_t code)
{
    kj_code_node node = kj_condition_node(x->subject->defs, code);
    return !node.ok || node.op == KJ_OP_INT || node.op == KJ_OP_BOOL || node.op == KJ_OP_REAL ||
           node.op == KJ_OP_STRING;
}

/* Whether its arguments are shown one by one. */
static bool has_parts(kj_op op)
{
    return op == KJ_OP_AND || op == KJ_OP_OR || op == KJ_OP_NOT || op == KJ_OP_OF ||
           (op >= KJ_OP_EQ && op <= KJ_OP_GE);
}

static void add_string_facts(const examination *x, const kj_code_node *node, json_t *object)
{
    const kj_disk_pattern *pattern = kj_defs_pattern(x->subject->defs, node->index);
    if (pattern) {
        kj_span name = kj_defs_text(x->subject->defs, pattern->identifier);
        (void)json_object_set_new(object, "string", kj_sig_text(name));
    }
    static const char *const ends[] = {"from", "to"};
    for (uint32_t i = 0; i < node->count && i < KJ_COUNT(ends); i++)
        (void)json_object_set_new(
            object, ends[i], value_json(value_at(x, kj_condition_arg(x->subject->defs, node, i))));
}

static json_t *part(const examination *x, uint32_t code, unsigned depth);

static json_t *parts_of(const examination *x, const kj_code_node *node, unsigned depth)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < node->count; i++) {
        uint32_t arg = kj_condition_arg(x->subject->defs, node, i);
        if (arg == KJ_NONE || is_constant(x, arg))
            continue;
        (void)json_array_append_new(list, part(x, arg, depth - 1));
    }
    return list;
}

static json_t *part(const examination *x, uint32_t code, unsigned depth)
{
    kj_code_node node = kj_condition_node(x->subject->defs, code);
    if (!node.ok || depth == 0)
        return json_null();
    json_t *object = json_pack("{s:s, s:o, s:o}", "kind", kinds[node.op] ? kinds[node.op] : "other",
                               "text", text_of(x, code), "value", value_json(value_at(x, code)));
    if (!object)
        return NULL;
    bool is_place = node.op == KJ_OP_FOUND_AT || node.op == KJ_OP_FOUND_IN;
    if (is_place || node.op == KJ_OP_FOUND || node.op == KJ_OP_COUNT_OF)
        add_string_facts(x, &node, object);
    if (node.op == KJ_OP_OF && node.quantifier == KJ_Q_COUNT)
        (void)json_object_set_new(
            object, "needed",
            value_json(value_at(x, kj_condition_arg(x->subject->defs, &node, 0))));
    if (has_parts(node.op))
        (void)json_object_set_new(object, "parts", parts_of(x, &node, depth));
    return object;
}

/* ---- the whole ----------------------------------------------------------------------------- */

/* The rule that the signature is; KJ_NONE: it is a digest. */
static uint32_t rule_of(const kj_defs *defs)
{
    for (uint32_t i = 0; i < defs->rules.count; i++)
        if (kj_sig_is_signature(kj_defs_rule(defs, i)->flags))
            return i;
    return KJ_NONE;
}

static json_t *strings_of(const examination *x, const kj_disk_rule *rule)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < rule->patterns.count; i++) {
        uint32_t index = rule->patterns.first + i;
        if (kj_defs_pattern(x->subject->defs, index))
            (void)json_array_append_new(
                list, kj_sig_string(x->subject, x->matcher, index, x->input->bytes));
    }
    return list;
}

/* What a signature about members can ask. */
static json_t *members_of(const kj_object *object)
{
    enum { MEMBERS_MAX = 100 };
    json_t *list = json_array();
    for (size_t i = 0; i < object->member_count && i < MEMBERS_MAX; i++) {
        const kj_member *member = &object->members[i];
        json_t *item = json_pack(
            "{s:o, s:I, s:I, s:I, s:b}", "name", kj_sig_text(member->name), "size",
            (json_int_t)member->size, "packed_size", (json_int_t)member->packed_size, "position",
            (json_int_t)member->position, "encrypted", (member->flags & KJ_MEMBER_ENCRYPTED) != 0);
        if (member->has_crc)
            (void)json_object_set_new(item, "crc32", json_integer(member->crc));
        (void)json_array_append_new(list, item);
    }
    return list;
}

json_t *kj_sig_examine(const kj_sig_subject *subject, kj_matcher *matcher, const kj_object *object,
                       const kj_match_input *input)
{
    examination x = {subject, matcher, input, rule_of(subject->defs)};
    const kj_disk_rule *rule = kj_defs_rule(subject->defs, x.rule);
    json_t *root =
        json_pack("{s:i, s:s, s:s, s:I, s:b}", "kujo", 1, "type", "object", "format",
                  object->claims.formats[0]->name, "size", (json_int_t)input->bytes.len, "matched",
                  rule && kj_sightings_has_rule(kj_matcher_seen(matcher), x.rule));
    if (!root)
        return NULL;
    if (object->view != KJ_VIEW_NONE)
        (void)json_object_set_new(root, "view", json_string(kj_view_name((kj_view)object->view)));
    if (rule) {
        bool looked = input->view == 0 || (rule->flags & input->view);
        (void)json_object_set_new(root, "looked_at", json_boolean(looked));
        (void)json_object_set_new(root, "strings", strings_of(&x, rule));
        if (kj_rule_origin(rule->flags) == KJ_ORIGIN_CONTAINER)
            (void)json_object_set_new(root, "members", members_of(object));
        (void)json_object_set_new(root, "condition", part(&x, rule->code, KJ_EXPR_MAX_DEPTH));
    } else if (object->view == KJ_VIEW_NONE) {
        (void)json_object_set_new(root, "digests", kj_sig_digests(subject, object));
    }
    return root;
}
