/* SPDX-License-Identifier: Apache-2.0 */
/* YARA's dotnet module, as libyara 4.5 has it: what formats/dotnet.h reads, field by field. */
#include "modules/module.h"

#include "base/arith.h"
#include "formats/dotnet.h"

/* Numbers are part of the definitions format: never reuse one. */
enum field {
    IS_DOTNET = 1,
    VERSION = 2,
    MODULE_NAME = 3,
    TYPELIB = 4,
    STREAMS = 10,
    NUMBER_OF_STREAMS = 11,
    STREAMS_NAME = 12,
    STREAMS_OFFSET = 13,
    STREAMS_SIZE = 14,
    GUIDS = 20,
    NUMBER_OF_GUIDS = 21,
    GUIDS_ITEM = 22,
    RESOURCES = 30,
    NUMBER_OF_RESOURCES = 31,
    RESOURCES_OFFSET = 32,
    RESOURCES_LENGTH = 33,
    RESOURCES_NAME = 34,
    ASSEMBLY_VERSION_MAJOR = 40,
    ASSEMBLY_VERSION_MINOR = 41,
    ASSEMBLY_VERSION_BUILD_NUMBER = 42,
    ASSEMBLY_VERSION_REVISION_NUMBER = 43,
    ASSEMBLY_NAME = 44,
    ASSEMBLY_CULTURE = 45,
    ASSEMBLY_REFS = 50,
    NUMBER_OF_ASSEMBLY_REFS = 51,
    ASSEMBLY_REFS_VERSION_MAJOR = 52,
    ASSEMBLY_REFS_VERSION_MINOR = 53,
    ASSEMBLY_REFS_VERSION_BUILD_NUMBER = 54,
    ASSEMBLY_REFS_VERSION_REVISION_NUMBER = 55,
    ASSEMBLY_REFS_PUBLIC_KEY_OR_TOKEN = 56,
    ASSEMBLY_REFS_NAME = 57,
    MODULEREFS = 60,
    NUMBER_OF_MODULEREFS = 61,
    MODULEREFS_ITEM = 62,
    USER_STRINGS = 70,
    NUMBER_OF_USER_STRINGS = 71,
    USER_STRINGS_ITEM = 72,
    CONSTANTS = 80,
    NUMBER_OF_CONSTANTS = 81,
    CONSTANTS_ITEM = 82,
    FIELD_OFFSETS = 90,
    NUMBER_OF_FIELD_OFFSETS = 91,
    FIELD_OFFSETS_ITEM = 92,
    CLASSES = 100,
    NUMBER_OF_CLASSES = 101,
    CLASSES_FULLNAME = 102,
    CLASSES_NAME = 103,
    CLASSES_NAMESPACE = 104,
    CLASSES_VISIBILITY = 105,
    CLASSES_TYPE = 106,
    CLASSES_ABSTRACT = 107,
    CLASSES_SEALED = 108,
    CLASSES_GENERIC_PARAMETERS = 110,
    CLASSES_NUMBER_OF_GENERIC_PARAMETERS = 111,
    CLASSES_GENERIC_PARAMETERS_ITEM = 112,
    CLASSES_BASE_TYPES = 120,
    CLASSES_NUMBER_OF_BASE_TYPES = 121,
    CLASSES_BASE_TYPES_ITEM = 122,
    METHODS = 130,
    NUMBER_OF_METHODS = 131,
    METHODS_NAME = 132,
    METHODS_VISIBILITY = 133,
    METHODS_STATIC = 134,
    METHODS_VIRTUAL = 135,
    METHODS_FINAL = 136,
    METHODS_ABSTRACT = 137,
    METHODS_RETURN_TYPE = 138,
    METHODS_GENERIC_PARAMETERS = 140,
    METHODS_NUMBER_OF_GENERIC_PARAMETERS = 141,
    METHODS_GENERIC_PARAMETERS_ITEM = 142,
    PARAMETERS = 150,
    NUMBER_OF_PARAMETERS = 151,
    PARAMETERS_NAME = 152,
    PARAMETERS_TYPE = 153,
};

static const kj_field fields[] = {
    {IS_DOTNET, KJ_TYPE_INT, "is_dotnet", NULL},
    {VERSION, KJ_TYPE_STRING, "version", NULL},
    {MODULE_NAME, KJ_TYPE_STRING, "module_name", NULL},
    {TYPELIB, KJ_TYPE_STRING, "typelib", NULL},
    {STREAMS, KJ_TYPE_ARRAY, "streams[]", NULL},
    {NUMBER_OF_STREAMS, KJ_TYPE_INT, "number_of_streams", NULL},
    {STREAMS_NAME, KJ_TYPE_STRING, "streams[].name", NULL},
    {STREAMS_OFFSET, KJ_TYPE_INT, "streams[].offset", NULL},
    {STREAMS_SIZE, KJ_TYPE_INT, "streams[].size", NULL},
    {GUIDS, KJ_TYPE_ARRAY, "guids[]", NULL},
    {NUMBER_OF_GUIDS, KJ_TYPE_INT, "number_of_guids", NULL},
    {GUIDS_ITEM, KJ_TYPE_STRING, "guids[]", NULL},
    {RESOURCES, KJ_TYPE_ARRAY, "resources[]", NULL},
    {NUMBER_OF_RESOURCES, KJ_TYPE_INT, "number_of_resources", NULL},
    {RESOURCES_OFFSET, KJ_TYPE_INT, "resources[].offset", NULL},
    {RESOURCES_LENGTH, KJ_TYPE_INT, "resources[].length", NULL},
    {RESOURCES_NAME, KJ_TYPE_STRING, "resources[].name", NULL},
    {ASSEMBLY_VERSION_MAJOR, KJ_TYPE_INT, "assembly.version.major", NULL},
    {ASSEMBLY_VERSION_MINOR, KJ_TYPE_INT, "assembly.version.minor", NULL},
    {ASSEMBLY_VERSION_BUILD_NUMBER, KJ_TYPE_INT, "assembly.version.build_number", NULL},
    {ASSEMBLY_VERSION_REVISION_NUMBER, KJ_TYPE_INT, "assembly.version.revision_number", NULL},
    {ASSEMBLY_NAME, KJ_TYPE_STRING, "assembly.name", NULL},
    {ASSEMBLY_CULTURE, KJ_TYPE_STRING, "assembly.culture", NULL},
    {ASSEMBLY_REFS, KJ_TYPE_ARRAY, "assembly_refs[]", NULL},
    {NUMBER_OF_ASSEMBLY_REFS, KJ_TYPE_INT, "number_of_assembly_refs", NULL},
    {ASSEMBLY_REFS_VERSION_MAJOR, KJ_TYPE_INT, "assembly_refs[].version.major", NULL},
    {ASSEMBLY_REFS_VERSION_MINOR, KJ_TYPE_INT, "assembly_refs[].version.minor", NULL},
    {ASSEMBLY_REFS_VERSION_BUILD_NUMBER, KJ_TYPE_INT, "assembly_refs[].version.build_number", NULL},
    {ASSEMBLY_REFS_VERSION_REVISION_NUMBER, KJ_TYPE_INT, "assembly_refs[].version.revision_number",
     NULL},
    {ASSEMBLY_REFS_PUBLIC_KEY_OR_TOKEN, KJ_TYPE_STRING, "assembly_refs[].public_key_or_token",
     NULL},
    {ASSEMBLY_REFS_NAME, KJ_TYPE_STRING, "assembly_refs[].name", NULL},
    {MODULEREFS, KJ_TYPE_ARRAY, "modulerefs[]", NULL},
    {NUMBER_OF_MODULEREFS, KJ_TYPE_INT, "number_of_modulerefs", NULL},
    {MODULEREFS_ITEM, KJ_TYPE_STRING, "modulerefs[]", NULL},
    {USER_STRINGS, KJ_TYPE_ARRAY, "user_strings[]", NULL},
    {NUMBER_OF_USER_STRINGS, KJ_TYPE_INT, "number_of_user_strings", NULL},
    {USER_STRINGS_ITEM, KJ_TYPE_STRING, "user_strings[]", NULL},
    {CONSTANTS, KJ_TYPE_ARRAY, "constants[]", NULL},
    {NUMBER_OF_CONSTANTS, KJ_TYPE_INT, "number_of_constants", NULL},
    {CONSTANTS_ITEM, KJ_TYPE_STRING, "constants[]", NULL},
    {FIELD_OFFSETS, KJ_TYPE_ARRAY, "field_offsets[]", NULL},
    {NUMBER_OF_FIELD_OFFSETS, KJ_TYPE_INT, "number_of_field_offsets", NULL},
    {FIELD_OFFSETS_ITEM, KJ_TYPE_INT, "field_offsets[]", NULL},
    {CLASSES, KJ_TYPE_ARRAY, "classes[]", NULL},
    {NUMBER_OF_CLASSES, KJ_TYPE_INT, "number_of_classes", NULL},
    {CLASSES_FULLNAME, KJ_TYPE_STRING, "classes[].fullname", NULL},
    {CLASSES_NAME, KJ_TYPE_STRING, "classes[].name", NULL},
    {CLASSES_NAMESPACE, KJ_TYPE_STRING, "classes[].namespace", NULL},
    {CLASSES_VISIBILITY, KJ_TYPE_STRING, "classes[].visibility", NULL},
    {CLASSES_TYPE, KJ_TYPE_STRING, "classes[].type", NULL},
    {CLASSES_ABSTRACT, KJ_TYPE_INT, "classes[].abstract", NULL},
    {CLASSES_SEALED, KJ_TYPE_INT, "classes[].sealed", NULL},
    {CLASSES_GENERIC_PARAMETERS, KJ_TYPE_ARRAY, "classes[].generic_parameters[]", NULL},
    {CLASSES_NUMBER_OF_GENERIC_PARAMETERS, KJ_TYPE_INT, "classes[].number_of_generic_parameters",
     NULL},
    {CLASSES_GENERIC_PARAMETERS_ITEM, KJ_TYPE_STRING, "classes[].generic_parameters[]", NULL},
    {CLASSES_BASE_TYPES, KJ_TYPE_ARRAY, "classes[].base_types[]", NULL},
    {CLASSES_NUMBER_OF_BASE_TYPES, KJ_TYPE_INT, "classes[].number_of_base_types", NULL},
    {CLASSES_BASE_TYPES_ITEM, KJ_TYPE_STRING, "classes[].base_types[]", NULL},
    {METHODS, KJ_TYPE_ARRAY, "classes[].methods[]", NULL},
    {NUMBER_OF_METHODS, KJ_TYPE_INT, "classes[].number_of_methods", NULL},
    {METHODS_NAME, KJ_TYPE_STRING, "classes[].methods[].name", NULL},
    {METHODS_VISIBILITY, KJ_TYPE_STRING, "classes[].methods[].visibility", NULL},
    {METHODS_STATIC, KJ_TYPE_INT, "classes[].methods[].static", NULL},
    {METHODS_VIRTUAL, KJ_TYPE_INT, "classes[].methods[].virtual", NULL},
    {METHODS_FINAL, KJ_TYPE_INT, "classes[].methods[].final", NULL},
    {METHODS_ABSTRACT, KJ_TYPE_INT, "classes[].methods[].abstract", NULL},
    {METHODS_RETURN_TYPE, KJ_TYPE_STRING, "classes[].methods[].return_type", NULL},
    {METHODS_GENERIC_PARAMETERS, KJ_TYPE_ARRAY, "classes[].methods[].generic_parameters[]", NULL},
    {METHODS_NUMBER_OF_GENERIC_PARAMETERS, KJ_TYPE_INT,
     "classes[].methods[].number_of_generic_parameters", NULL},
    {METHODS_GENERIC_PARAMETERS_ITEM, KJ_TYPE_STRING, "classes[].methods[].generic_parameters[]",
     NULL},
    {PARAMETERS, KJ_TYPE_ARRAY, "classes[].methods[].parameters[]", NULL},
    {NUMBER_OF_PARAMETERS, KJ_TYPE_INT, "classes[].methods[].number_of_parameters", NULL},
    {PARAMETERS_NAME, KJ_TYPE_STRING, "classes[].methods[].parameters[].name", NULL},
    {PARAMETERS_TYPE, KJ_TYPE_STRING, "classes[].methods[].parameters[].type", NULL},
};

typedef enum kind { UNKNOWN, NO_PROGRAM, PROGRAM, ASSEMBLY, UNREADABLE } kind;

typedef struct state {
    kind kind;
    bool told; /* that it is too complex */
    kj_dotnet dotnet;
} state;

typedef struct question {
    kj_dotnet *dotnet;
    uint16_t field;
    const kj_field_call *call;
    kj_dotnet_meter meter;
} question;

static bool pay_call(const void *user, uint64_t bytes)
{
    const kj_field_call *call = user;
    return !call->pay || call->pay(call, bytes);
}

static kind read_object(const kj_module_input *input, const kj_dotnet_meter *meter, kj_dotnet *out)
{
    kj_span bytes = input->object->bytes;
    kj_pe pe;
    if (kj_pe_read(bytes, &pe, NULL) != KJ_OK)
        return NO_PROGRAM;
    switch (kj_dotnet_read(bytes, &pe, input->arena, meter, out, NULL)) {
    case KJ_OK:
        return ASSEMBLY;
    case KJ_MALFORMED:
        return PROGRAM;
    default:
        return UNREADABLE;
    }
}

/* ---- answers ------------------------------------------------------------------------------- */

static kj_value text_or_none(kj_span text)
{
    return text.data ? kj_value_text(text) : kj_value_undefined();
}

static kj_value c_text(const char *text)
{
    return kj_value_text(kj_span_str(text));
}

static kj_value count_or_none(int64_t count)
{
    return count == KJ_DOTNET_ABSENT ? kj_value_undefined() : kj_value_int(count);
}

/* The number of elements to loop over. */
static kj_value array_of(int64_t count)
{
    return kj_value_int(count == KJ_DOTNET_ABSENT ? 0 : count);
}

/* The index given at place `at`, when it is one of an array of `count` elements. */
static bool index_at(const question *q, size_t at, int64_t count, size_t *out)
{
    const kj_field_call *call = q->call;
    if (at >= call->count || call->args[at].type != KJ_TYPE_INT || call->args[at].integer < 0 ||
        call->args[at].integer >= count)
        return false;
    *out = (size_t)call->args[at].integer;
    return true;
}

/* An array of texts: its row, the count's and the element's, in this order in the enum. */
static kj_value texts(const question *q, uint16_t array, size_t at, const kj_span *items,
                      int64_t count)
{
    size_t i;
    if (q->field == array)
        return array_of(count);
    if (q->field == array + 1)
        return count_or_none(count);
    return index_at(q, at, count, &i) ? text_or_none(items[i]) : kj_value_undefined();
}

static kj_value version_part(const kj_dotnet_version *version, unsigned part)
{
    const uint16_t parts[] = {version->major, version->minor, version->build, version->revision};
    return kj_value_int(parts[part]);
}

static kj_value stream_field(const question *q)
{
    const kj_dotnet *d = q->dotnet;
    size_t i;
    if (q->field == STREAMS)
        return kj_value_int((int64_t)d->stream_count);
    if (q->field == NUMBER_OF_STREAMS)
        return d->has_streams ? kj_value_int((int64_t)d->stream_count) : kj_value_undefined();
    if (!index_at(q, 0, (int64_t)d->stream_count, &i))
        return kj_value_undefined();
    if (q->field == STREAMS_NAME)
        return kj_value_text(d->streams[i].name);
    return kj_value_int(q->field == STREAMS_OFFSET ? (int64_t)d->streams[i].offset
                                                   : d->streams[i].len);
}

static kj_value guid_field(const question *q)
{
    const kj_dotnet *d = q->dotnet;
    size_t i;
    if (q->field == GUIDS)
        return array_of(d->guid_count);
    if (q->field == NUMBER_OF_GUIDS)
        return count_or_none(d->guid_count);
    return index_at(q, 0, d->guid_count, &i) ? c_text(d->guids[i]) : kj_value_undefined();
}

static kj_value resource_field(const question *q)
{
    const kj_dotnet *d = q->dotnet;
    size_t i;
    if (q->field == RESOURCES)
        return array_of(d->resource_count);
    if (q->field == NUMBER_OF_RESOURCES)
        return count_or_none(d->resource_count);
    if (!index_at(q, 0, d->resource_count, &i))
        return kj_value_undefined();
    const kj_dotnet_resource *resource = &d->resources[i];
    if (q->field == RESOURCES_NAME)
        return text_or_none(resource->name);
    if (!resource->is_here)
        return kj_value_undefined();
    return kj_value_int(q->field == RESOURCES_OFFSET ? resource->offset : resource->len);
}

static kj_value assembly_field(const question *q)
{
    const kj_dotnet *d = q->dotnet;
    if (q->field == ASSEMBLY_NAME)
        return text_or_none(d->assembly_name);
    if (q->field == ASSEMBLY_CULTURE)
        return text_or_none(d->assembly_culture);
    return d->has_assembly ? version_part(&d->assembly_version, q->field - ASSEMBLY_VERSION_MAJOR)
                           : kj_value_undefined();
}

static kj_value assembly_ref_field(const question *q)
{
    const kj_dotnet *d = q->dotnet;
    size_t i;
    if (q->field == ASSEMBLY_REFS)
        return array_of(d->assembly_ref_count);
    if (q->field == NUMBER_OF_ASSEMBLY_REFS)
        return count_or_none(d->assembly_ref_count);
    if (!index_at(q, 0, d->assembly_ref_count, &i))
        return kj_value_undefined();
    const kj_dotnet_assembly_ref *ref = &d->assembly_refs[i];
    if (q->field == ASSEMBLY_REFS_NAME)
        return text_or_none(ref->name);
    if (q->field == ASSEMBLY_REFS_PUBLIC_KEY_OR_TOKEN)
        return text_or_none(ref->key);
    return version_part(&ref->version, q->field - ASSEMBLY_REFS_VERSION_MAJOR);
}

static kj_value user_string_field(const question *q)
{
    kj_dotnet *d = q->dotnet;
    size_t i;
    if (!kj_dotnet_load_user_strings(d, &q->meter))
        return kj_value_undefined();
    if (q->field == USER_STRINGS)
        return array_of(d->user_string_count);
    if (q->field == NUMBER_OF_USER_STRINGS)
        return count_or_none(d->user_string_count);
    return index_at(q, 0, d->user_string_count, &i)
               ? text_or_none(kj_dotnet_user_string(d, i, &q->meter))
               : kj_value_undefined();
}

static kj_value field_offset_field(const question *q)
{
    const kj_dotnet *d = q->dotnet;
    size_t i;
    if (q->field == FIELD_OFFSETS)
        return array_of(d->field_offset_count);
    if (q->field == NUMBER_OF_FIELD_OFFSETS)
        return count_or_none(d->field_offset_count);
    return index_at(q, 0, d->field_offset_count, &i) ? kj_value_int((int64_t)d->field_offsets[i])
                                                     : kj_value_undefined();
}

static kj_value parameter_field(const question *q, const kj_dotnet_method *method)
{
    size_t i;
    if (q->field == PARAMETERS)
        return array_of(method->parameter_count);
    if (q->field == NUMBER_OF_PARAMETERS)
        return count_or_none(method->parameter_count);
    if (!index_at(q, 2, method->parameter_count, &i))
        return kj_value_undefined();
    const kj_dotnet_parameter *parameter = &method->parameters[i];
    return text_or_none(q->field == PARAMETERS_NAME ? parameter->name : parameter->type);
}

static kj_value method_field(const question *q, const kj_dotnet_class *class)
{
    size_t i;
    if (q->field == METHODS)
        return array_of(class->method_count);
    if (q->field == NUMBER_OF_METHODS)
        return count_or_none(class->method_count);
    if (!index_at(q, 1, class->method_count, &i))
        return kj_value_undefined();
    const kj_dotnet_method *method = &class->methods[i];
    if (q->field >= PARAMETERS)
        return parameter_field(q, method);
    if (q->field >= METHODS_GENERIC_PARAMETERS)
        return texts(q, METHODS_GENERIC_PARAMETERS, 2, method->generic_parameters,
                     method->generic_parameter_count);
    switch (q->field) {
    case METHODS_NAME:
        return kj_value_text(method->name);
    case METHODS_VISIBILITY:
        return c_text(kj_dotnet_method_visibility(method->flags));
    case METHODS_STATIC:
        return kj_value_int((method->flags & KJ_DOTNET_METHOD_STATIC) != 0);
    case METHODS_VIRTUAL:
        return kj_value_int((method->flags & KJ_DOTNET_METHOD_VIRTUAL) != 0);
    case METHODS_FINAL:
        return kj_value_int((method->flags & KJ_DOTNET_METHOD_FINAL) != 0);
    case METHODS_ABSTRACT:
        return kj_value_int((method->flags & KJ_DOTNET_METHOD_ABSTRACT) != 0);
    default:
        return text_or_none(method->return_type);
    }
}

static kj_value class_field(const question *q, const kj_dotnet_class *class)
{
    if (q->field >= METHODS)
        return method_field(q, class);
    if (q->field >= CLASSES_BASE_TYPES)
        return texts(q, CLASSES_BASE_TYPES, 1, class->base_types, class->base_type_count);
    if (q->field >= CLASSES_GENERIC_PARAMETERS)
        return texts(q, CLASSES_GENERIC_PARAMETERS, 1, class->generic_parameters,
                     class->generic_parameter_count);
    switch (q->field) {
    case CLASSES_FULLNAME:
        return text_or_none(class->full_name);
    case CLASSES_NAME:
        return kj_value_text(class->name);
    case CLASSES_NAMESPACE:
        return text_or_none(class->name_space);
    case CLASSES_VISIBILITY:
        return c_text(kj_dotnet_class_visibility(class->flags));
    case CLASSES_TYPE:
        return c_text(class->flags & KJ_DOTNET_CLASS_INTERFACE ? "interface" : "class");
    case CLASSES_ABSTRACT:
        return kj_value_int((class->flags & KJ_DOTNET_CLASS_ABSTRACT) != 0);
    default:
        return kj_value_int((class->flags & KJ_DOTNET_CLASS_SEALED) != 0);
    }
}

static kj_value classes_field(const question *q)
{
    kj_dotnet *d = q->dotnet;
    size_t i;
    if (!kj_dotnet_load_classes(d, &q->meter))
        return kj_value_undefined();
    if (q->field == CLASSES)
        return kj_value_int(d->classes.count);
    if (q->field == NUMBER_OF_CLASSES)
        return d->has_classes ? kj_value_int(d->classes.count) : kj_value_undefined();
    const kj_dotnet_class *class =
        index_at(q, 0, d->classes.count, &i) ? kj_dotnet_read_class(d, i, &q->meter) : NULL;
    return class ? class_field(q, class) : kj_value_undefined();
}

static kj_value head_field(const question *q)
{
    switch (q->field) {
    case IS_DOTNET:
        return kj_value_int(1);
    case VERSION:
        return text_or_none(q->dotnet->version);
    case MODULE_NAME:
        return text_or_none(q->dotnet->module_name);
    default:
        return text_or_none(q->dotnet->typelib);
    }
}

static kj_value answer(const question *q)
{
    const kj_dotnet *d = q->dotnet;
    switch (q->field / 10) {
    case 0:
        return head_field(q);
    case STREAMS / 10:
        return stream_field(q);
    case GUIDS / 10:
        return guid_field(q);
    case RESOURCES / 10:
        return resource_field(q);
    case ASSEMBLY_VERSION_MAJOR / 10:
        return assembly_field(q);
    case ASSEMBLY_REFS / 10:
        return assembly_ref_field(q);
    case MODULEREFS / 10:
        return texts(q, MODULEREFS, 0, d->module_refs, d->module_ref_count);
    case USER_STRINGS / 10:
        return user_string_field(q);
    case CONSTANTS / 10:
        return texts(q, CONSTANTS, 0, d->constants, d->constant_count);
    case FIELD_OFFSETS / 10:
        return field_offset_field(q);
    default:
        return classes_field(q);
    }
}

static kj_value ask(const kj_module_input *input, state *s, const question *q)
{
    kj_value value = answer(q);
    if (s->dotnet.classes.too_complex && !s->told) {
        s->told = true;
        kj_module_tell_unseen(input, KJ_LIMIT,
                              KJ_SENTENCE("its .NET types refer to each other too often"));
    }
    return value;
}

/* As libyara: what is no PE leaves all undefined, a PE without metadata all but is_dotnet. */
static kj_value get(const kj_module_input *input, uint16_t field, const kj_field_call *call)
{
    question q = {.field = field, .call = call, .meter = {pay_call, call}};
    bool known = kj_module_row(&kj_module_dotnet, field);
    state *s = known ? kj_module_state(input, &kj_module_dotnet, sizeof *s) : NULL;
    if (!s)
        return kj_value_undefined();
    if (s->kind == UNKNOWN)
        s->kind = read_object(input, &q.meter, &s->dotnet);
    if (s->kind == PROGRAM && field == IS_DOTNET)
        return kj_value_int(0);
    q.dotnet = &s->dotnet;
    return s->kind == ASSEMBLY ? ask(input, s, &q) : kj_value_undefined();
}

const kj_module kj_module_dotnet = {
    .schema = {.name = "dotnet",
               .id = 6,
               .fields = fields,
               .count = KJ_COUNT(fields),
               .magic = "MZ",
               .magic_len = 2},
    .get = get,
};
