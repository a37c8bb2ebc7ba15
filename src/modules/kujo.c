/* SPDX-License-Identifier: Apache-2.0 */
/* Context for rules: what an object is called, where it lies, what holds it, and for a message what
 * its headers and attachments say. docs/formats/kujo-module.md describes the fields. */
#include "modules/module.h"

#include "base/arith.h"
#include "base/path.h"
#include "base/text.h"
#include "formats/member_name.h"

/* Numbers are part of the definitions format: never reuse one. */
enum field {
    NAME = 1,
    EXTENSION = 2,
    PATH = 3,
    PLACE = 4,
    DEPTH = 5,
    TYPE = 6,
    KIND = 7,
    IS_TYPE = 8,
    CONTAINER_NAME = 9,
    CONTAINER_TYPE = 10,
    CONTAINER_IS_TYPE = 11,
    NAMES = 12,
    NAMES_ITEM = 13,
    ODD = 14,
    MAIL_SUBJECT = 20,
    MAIL_FROM = 21,
    MAIL_TO = 22,
    MAIL_DATE = 23,
    MAIL_MESSAGE_ID = 24,
    MAIL_HEADER = 25,
    MAIL_HEADERS = 26,
    MAIL_HEADERS_NAME = 27,
    MAIL_HEADERS_VALUE = 28,
    MAIL_ODD = 29,
    MEMBERS = 40,
    MEMBERS_NAME = 41,
    MEMBERS_EXTENSION = 42,
    MEMBERS_SIZE = 43,
    MEMBERS_TYPE = 44,
    MEMBERS_CONTENT_TYPE = 45,
    MEMBERS_ENCRYPTED = 46,
    MEMBERS_NAMES = 47,
    MEMBERS_NAMES_ITEM = 48,
    MEMBERS_FACTS = 49, /* FACT_COUNT of them */
    ATTACHMENTS = 60,
    ATTACHMENTS_NAME = 61,
    ATTACHMENTS_EXTENSION = 62,
    ATTACHMENTS_SIZE = 63,
    ATTACHMENTS_TYPE = 64,
    ATTACHMENTS_CONTENT_TYPE = 65,
    ATTACHMENTS_ENCRYPTED = 66,
    ATTACHMENTS_NAMES = 67,
    ATTACHMENTS_NAMES_ITEM = 68,
    ATTACHMENTS_FACTS = 69,
    FACTS = 80,
};

/* Facts about names, as their fields are numbered. */
enum fact {
    FACT_DOUBLE_EXTENSION,
    FACT_RIGHT_TO_LEFT,
    FACT_BLANKS,
    FACT_CLASS_ID,
    FACT_TRAILING_DOTS,
    FACT_CONTROL,
    FACT_PATH,
    FACT_RUNS,
    FACT_CONTRADICTS,
    FACT_COUNT
};

static const unsigned name_facts[FACT_COUNT] = {
    [FACT_DOUBLE_EXTENSION] = KJ_NAME_DOUBLE_EXTENSION,
    [FACT_RIGHT_TO_LEFT] = KJ_NAME_RIGHT_TO_LEFT,
    [FACT_BLANKS] = KJ_NAME_BLANKS,
    [FACT_CLASS_ID] = KJ_NAME_CLASS_ID,
    [FACT_TRAILING_DOTS] = KJ_NAME_TRAILING_DOTS,
    [FACT_CONTROL] = KJ_NAME_NUL,
    [FACT_PATH] = KJ_NAME_PATH,
    [FACT_RUNS] = KJ_NAME_RUNS,
};

#define FACT_FIELDS(base, path)                                                                    \
    {(base) + FACT_DOUBLE_EXTENSION, KJ_TYPE_BOOL, path "double_extension", NULL},                 \
        {(base) + FACT_RIGHT_TO_LEFT, KJ_TYPE_BOOL, path "right_to_left", NULL},                   \
        {(base) + FACT_BLANKS, KJ_TYPE_BOOL, path "blanks", NULL},                                 \
        {(base) + FACT_CLASS_ID, KJ_TYPE_BOOL, path "class_id", NULL},                             \
        {(base) + FACT_TRAILING_DOTS, KJ_TYPE_BOOL, path "trailing_dots", NULL},                   \
        {(base) + FACT_CONTROL, KJ_TYPE_BOOL, path "control", NULL},                               \
        {(base) + FACT_PATH, KJ_TYPE_BOOL, path "path", NULL},                                     \
        {(base) + FACT_RUNS, KJ_TYPE_BOOL, path "runs", NULL},                                     \
    {                                                                                              \
        (base) + FACT_CONTRADICTS, KJ_TYPE_BOOL, path "contradicts", NULL                          \
    }

static const kj_field fields[] = {
    {NAME, KJ_TYPE_STRING, "name", NULL},
    {EXTENSION, KJ_TYPE_STRING, "extension", NULL},
    {PATH, KJ_TYPE_STRING, "path", NULL},
    {PLACE, KJ_TYPE_STRING, "place", NULL},
    {DEPTH, KJ_TYPE_INT, "depth", NULL},
    {TYPE, KJ_TYPE_STRING, "type", NULL},
    {KIND, KJ_TYPE_STRING, "kind", NULL},
    {IS_TYPE, KJ_TYPE_BOOL, "is_type()", "s"},
    {CONTAINER_NAME, KJ_TYPE_STRING, "container.name", NULL},
    {CONTAINER_TYPE, KJ_TYPE_STRING, "container.type", NULL},
    {CONTAINER_IS_TYPE, KJ_TYPE_BOOL, "container.is_type()", "s"},
    {NAMES, KJ_TYPE_ARRAY, "names[]", NULL},
    {NAMES_ITEM, KJ_TYPE_STRING, "names[]", NULL},
    {ODD, KJ_TYPE_BOOL, "odd()", "s"},
    FACT_FIELDS(FACTS, "name_facts."),
    {MAIL_SUBJECT, KJ_TYPE_STRING, "mail.subject", NULL},
    {MAIL_FROM, KJ_TYPE_STRING, "mail.from", NULL},
    {MAIL_TO, KJ_TYPE_STRING, "mail.to", NULL},
    {MAIL_DATE, KJ_TYPE_STRING, "mail.date", NULL},
    {MAIL_MESSAGE_ID, KJ_TYPE_STRING, "mail.message_id", NULL},
    {MAIL_HEADER, KJ_TYPE_STRING, "mail.header()", "s"},
    {MAIL_HEADERS, KJ_TYPE_ARRAY, "mail.headers[]", NULL},
    {MAIL_HEADERS_NAME, KJ_TYPE_STRING, "mail.headers[].name", NULL},
    {MAIL_HEADERS_VALUE, KJ_TYPE_STRING, "mail.headers[].value", NULL},
    {MAIL_ODD, KJ_TYPE_BOOL, "mail.odd()", "s"},
    {MEMBERS, KJ_TYPE_ARRAY, "members[]", NULL},
    {MEMBERS_NAME, KJ_TYPE_STRING, "members[].name", NULL},
    {MEMBERS_EXTENSION, KJ_TYPE_STRING, "members[].extension", NULL},
    {MEMBERS_SIZE, KJ_TYPE_INT, "members[].size", NULL},
    {MEMBERS_TYPE, KJ_TYPE_STRING, "members[].type", NULL},
    {MEMBERS_CONTENT_TYPE, KJ_TYPE_STRING, "members[].content_type", NULL},
    {MEMBERS_ENCRYPTED, KJ_TYPE_BOOL, "members[].encrypted", NULL},
    {MEMBERS_NAMES, KJ_TYPE_ARRAY, "members[].names[]", NULL},
    {MEMBERS_NAMES_ITEM, KJ_TYPE_STRING, "members[].names[]", NULL},
    FACT_FIELDS(MEMBERS_FACTS, "members[].name_facts."),
    {ATTACHMENTS, KJ_TYPE_ARRAY, "mail.attachments[]", NULL},
    {ATTACHMENTS_NAME, KJ_TYPE_STRING, "mail.attachments[].name", NULL},
    {ATTACHMENTS_EXTENSION, KJ_TYPE_STRING, "mail.attachments[].extension", NULL},
    {ATTACHMENTS_SIZE, KJ_TYPE_INT, "mail.attachments[].size", NULL},
    {ATTACHMENTS_TYPE, KJ_TYPE_STRING, "mail.attachments[].type", NULL},
    {ATTACHMENTS_CONTENT_TYPE, KJ_TYPE_STRING, "mail.attachments[].content_type", NULL},
    {ATTACHMENTS_ENCRYPTED, KJ_TYPE_BOOL, "mail.attachments[].encrypted", NULL},
    {ATTACHMENTS_NAMES, KJ_TYPE_ARRAY, "mail.attachments[].names[]", NULL},
    {ATTACHMENTS_NAMES_ITEM, KJ_TYPE_STRING, "mail.attachments[].names[]", NULL},
    FACT_FIELDS(ATTACHMENTS_FACTS, "mail.attachments[].name_facts."),
};

static const char *const kind_names[KJ_KIND_COUNT] = {
    [KJ_KIND_DATA] = "data",
    [KJ_KIND_TEXT] = "text",
    [KJ_KIND_EXECUTABLE] = "executable",
    [KJ_KIND_DOCUMENT] = "document",
    [KJ_KIND_MEDIA] = "media",
    [KJ_KIND_ARCHIVE] = "archive",
    [KJ_KIND_COMPRESSED] = "compressed",
    [KJ_KIND_MAIL] = "mail",
};

static kj_value text(const char *value)
{
    return kj_value_text(kj_span_str(value));
}

/* What stands behind the last dot, lower case; empty without one. */
static kj_value extension_of(kj_arena *arena, kj_span name)
{
    kj_span extension = kj_path_extension(name, NULL);
    char *lower = kj_arena_text(arena, extension);
    if (!lower)
        return kj_value_undefined();
    for (size_t i = 0; i < extension.len; i++)
        lower[i] = (char)kj_lower((uint8_t)lower[i]);
    return kj_value_text(kj_span_of(lower, extension.len));
}

/* A name and others for the same thing, which has a format if it is known. */
typedef struct named {
    kj_span name;
    const kj_span *others;
    size_t other_count;
    const kj_format *format;
} named;

/* The whole name of a member, with its directories. */
static named names_of_object(const kj_object *object)
{
    return (named){.name = object->parent ? object->path : object->name,
                   .others = object->names,
                   .other_count = object->name_count,
                   .format = object->claims.formats[0]};
}

static named names_of_member(const kj_member *member)
{
    return (named){member->name, member->names, member->name_count, member->format};
}

/* Whether any of the names shows a fact. */
static kj_value fact_of(const named *n, unsigned fact)
{
    for (size_t i = 0; i <= n->other_count; i++) {
        kj_span name = i == 0 ? n->name : n->others[i - 1];
        if (fact == FACT_CONTRADICTS ? kj_name_contradicts(name, n->format)
                                     : (kj_name_facts(name) & name_facts[fact]) != 0)
            return kj_value_bool(true);
    }
    return kj_value_bool(false);
}

static kj_value nth_name(kj_span name, const named *n, int64_t index)
{
    if (index < 0 || (uint64_t)index > n->other_count)
        return kj_value_undefined();
    return kj_value_text(index == 0 ? name : n->others[index - 1]);
}

/* Undefined for a name that is none: a rule that asks for it was written for another kujo. */
static kj_value is_odd(const kj_object *object, kj_span name)
{
    kj_heuristic heuristic = kj_heuristic_find(name);
    if (heuristic == KJ_HEURISTIC_COUNT)
        return kj_value_undefined();
    return kj_value_bool(object->odd & KJ_ODD(heuristic));
}

/* The message that an object is, or is a part of at any depth. */
static const kj_object *message_of(const kj_object *object)
{
    while (object && !object->mail)
        object = object->parent;
    return object;
}

static kj_value object_field(const kj_module_input *input, uint16_t field, const kj_value *args)
{
    const kj_object *object = input->object;
    const named names = names_of_object(object);
    if (field >= FACTS)
        return fact_of(&names, field - FACTS);
    switch (field) {
    case NAME:
        return kj_value_text(object->name);
    case EXTENSION:
        return extension_of(input->arena, object->name);
    case PATH:
        return kj_value_text(object->path);
    case PLACE:
        return kj_value_text(object->host_path);
    case DEPTH:
        return kj_value_int(object->depth);
    case TYPE:
        return text(object->claims.formats[0]->name);
    case KIND:
        return text(kind_names[object->claims.formats[0]->kind]);
    case IS_TYPE:
        return kj_value_bool(kj_claims_has(&object->claims, args[0].text));
    case NAMES:
        return kj_value_int(1 + (int64_t)object->name_count);
    case NAMES_ITEM:
        return nth_name(object->name, &names, args[0].integer);
    case ODD:
        return is_odd(object, args[0].text);
    default:
        return kj_value_undefined();
    }
}

static kj_value container_field(const kj_object *container, uint16_t field, const kj_value *args)
{
    if (!container)
        return kj_value_undefined();
    if (field == CONTAINER_NAME)
        return kj_value_text(container->name);
    if (field == CONTAINER_TYPE)
        return text(container->claims.formats[0]->name);
    return kj_value_bool(kj_claims_has(&container->claims, args[0].text));
}

static kj_value named_header(const kj_mail *mail, kj_span name)
{
    for (size_t i = 0; i < mail->header_count; i++)
        if (kj_text_equal_nocase(mail->headers[i].name, name))
            return kj_value_text(mail->headers[i].value);
    return kj_value_undefined();
}

static kj_value mail_field(const kj_mail *mail, uint16_t field, const kj_value *args)
{
    switch (field) {
    case MAIL_SUBJECT:
        return kj_value_text(mail->subject);
    case MAIL_FROM:
        return kj_value_text(mail->from);
    case MAIL_TO:
        return kj_value_text(mail->to);
    case MAIL_DATE:
        return kj_value_text(mail->date);
    case MAIL_MESSAGE_ID:
        return kj_value_text(mail->message_id);
    case MAIL_HEADER:
        return named_header(mail, args[0].text);
    case MAIL_HEADERS:
        return kj_value_int((int64_t)mail->header_count);
    default:
        break;
    }
    if (args[0].integer < 0 || (uint64_t)args[0].integer >= mail->header_count)
        return kj_value_undefined();
    const kj_header *header = &mail->headers[args[0].integer];
    return kj_value_text(field == MAIL_HEADERS_NAME ? header->name : header->value);
}

static size_t count_attachments(const kj_object *object)
{
    return object->member_count ? object->members[object->member_count - 1].attachments : 0;
}

/* Where the n-th attachment stands among the members, n below their number. */
static size_t find_attachment(const kj_object *object, size_t n)
{
    size_t low = 0, high = object->member_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (object->members[middle].attachments <= n)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* `what`: the field's distance from MEMBERS or ATTACHMENTS. Loops ask for one after the other, and
 * there may be 100,000: nothing is counted again. */
static kj_value member_field(const kj_module_input *input, const kj_object *object,
                             bool attachments, uint16_t what, const kj_value *args)
{
    size_t count = attachments ? count_attachments(object) : object->member_count;
    if (what == 0)
        return kj_value_int((int64_t)count);
    if (args[0].integer < 0 || (uint64_t)args[0].integer >= count)
        return kj_value_undefined();
    size_t index = (size_t)args[0].integer;
    const kj_member *member =
        &object->members[attachments ? find_attachment(object, index) : index];
    const named names = names_of_member(member);
    if (what >= MEMBERS_FACTS - MEMBERS)
        return fact_of(&names, what - (MEMBERS_FACTS - MEMBERS));
    switch (what) {
    case MEMBERS_NAME - MEMBERS:
        return kj_value_text(member->name);
    case MEMBERS_EXTENSION - MEMBERS:
        return extension_of(input->arena, member->name);
    case MEMBERS_SIZE - MEMBERS:
        return kj_value_int((int64_t)member->size);
    case MEMBERS_TYPE - MEMBERS:
        return member->format ? text(member->format->name) : kj_value_undefined();
    case MEMBERS_CONTENT_TYPE - MEMBERS:
        return kj_value_text(member->content_type);
    case MEMBERS_NAMES - MEMBERS:
        return kj_value_int(1 + (int64_t)member->name_count);
    case MEMBERS_NAMES_ITEM - MEMBERS:
        return nth_name(member->name, &names, args[1].integer);
    default:
        return kj_value_bool(member->flags & KJ_MEMBER_ENCRYPTED);
    }
}

static bool is_in(uint16_t field, uint16_t first, size_t count)
{
    return field >= first && field < first + count;
}

enum { MEMBER_FIELDS = MEMBERS_FACTS + FACT_COUNT - MEMBERS };

/* Letters of the indices and arguments that a field takes; NULL: none. */
static const char *params_of(uint16_t field)
{
    if (field == IS_TYPE || field == CONTAINER_IS_TYPE || field == MAIL_HEADER || field == ODD ||
        field == MAIL_ODD)
        return "s";
    if (field == MEMBERS_NAMES_ITEM || field == ATTACHMENTS_NAMES_ITEM)
        return "ii";
    if (field == MAIL_HEADERS_NAME || field == MAIL_HEADERS_VALUE || field == NAMES_ITEM ||
        is_in(field, MEMBERS + 1, MEMBER_FIELDS - 1) ||
        is_in(field, ATTACHMENTS + 1, MEMBER_FIELDS - 1))
        return "i";
    return NULL;
}

static kj_value get(const kj_module_input *input, uint16_t field, const kj_field_call *call)
{
    const kj_value *args = call->args;
    const char *params = params_of(field);
    if (params && !kj_call_fits(call, params))
        return kj_value_undefined();
    if (field < CONTAINER_NAME || is_in(field, NAMES, ODD + 1 - NAMES) ||
        is_in(field, FACTS, FACT_COUNT))
        return object_field(input, field, args);
    if (field <= CONTAINER_IS_TYPE)
        return container_field(input->object->parent, field, args);
    if (is_in(field, MEMBERS, MEMBER_FIELDS))
        return member_field(input, input->object, false, (uint16_t)(field - MEMBERS), args);
    const kj_object *message = message_of(input->object);
    if (!message)
        return kj_value_undefined();
    if (field == MAIL_ODD)
        return is_odd(message, args[0].text);
    if (is_in(field, ATTACHMENTS, MEMBER_FIELDS))
        return member_field(input, message, true, (uint16_t)(field - ATTACHMENTS), args);
    if (field >= MAIL_SUBJECT && field <= MAIL_HEADERS_VALUE)
        return mail_field(message->mail, field, args);
    return kj_value_undefined();
}

const kj_module kj_module_kujo = {
    .schema = {.name = "kujo", .id = 1, .fields = fields, .count = KJ_COUNT(fields)},
    .get = get,
};
