/* SPDX-License-Identifier: Apache-2.0 */
/* YARA's `dex` module: the tables of an Android program, its fields and methods.
 * docs/formats/modules.md says where it differs from libyara. */
#include "modules/module.h"

#include "base/arith.h"
#include "formats/dex.h"

/* Numbers are part of the definitions format: never reuse one. */
enum field {
    MAGIC_035 = 1,
    MAGIC_036 = 2,
    MAGIC_037 = 3,
    MAGIC_038 = 4,
    MAGIC_039 = 5,
    NUMBER_OF_FIELDS = 6,
    NUMBER_OF_METHODS = 7,
    MAP_SIZE = 8,
    HAS_METHOD = 9,
    HAS_METHOD_OF_CLASS = 10,
    HAS_METHOD_LIKE = 11,
    HAS_METHOD_OF_CLASS_LIKE = 12,
    HAS_CLASS = 13,
    HAS_CLASS_LIKE = 14,
    HEADER_MAGIC = 21,
    HEADER_CHECKSUM = 22,
    HEADER_SIGNATURE = 23,
    HEADER_FILE_SIZE = 24,
    HEADER_HEADER_SIZE = 25,
    HEADER_ENDIAN_TAG = 26,
    HEADER_LINK_SIZE = 27,
    HEADER_LINK_OFFSET = 28,
    HEADER_MAP_OFFSET = 29,
    HEADER_STRING_IDS_SIZE = 30,
    HEADER_STRING_IDS_OFFSET = 31,
    HEADER_TYPE_IDS_SIZE = 32,
    HEADER_TYPE_IDS_OFFSET = 33,
    HEADER_PROTO_IDS_SIZE = 34,
    HEADER_PROTO_IDS_OFFSET = 35,
    HEADER_FIELD_IDS_SIZE = 36,
    HEADER_FIELD_IDS_OFFSET = 37,
    HEADER_METHOD_IDS_SIZE = 38,
    HEADER_METHOD_IDS_OFFSET = 39,
    HEADER_CLASS_DEFS_SIZE = 40,
    HEADER_CLASS_DEFS_OFFSET = 41,
    HEADER_DATA_SIZE = 42,
    HEADER_DATA_OFFSET = 43,
    STRING_IDS = 50,
    STRING_IDS_OFFSET = 51,
    STRING_IDS_SIZE = 52,
    STRING_IDS_VALUE = 53,
    TYPE_IDS = 60,
    TYPE_IDS_DESCRIPTOR_IDX = 61,
    PROTO_IDS = 70,
    PROTO_IDS_SHORTY_IDX = 71,
    PROTO_IDS_RETURN_TYPE_IDX = 72,
    PROTO_IDS_PARAMETERS_OFFSET = 73,
    FIELD_IDS = 80,
    FIELD_IDS_CLASS_IDX = 81,
    FIELD_IDS_TYPE_IDX = 82,
    FIELD_IDS_NAME_IDX = 83,
    METHOD_IDS = 90,
    METHOD_IDS_CLASS_IDX = 91,
    METHOD_IDS_PROTO_IDX = 92,
    METHOD_IDS_NAME_IDX = 93,
    CLASS_DEFS = 100,
    CLASS_DEFS_CLASS_IDX = 101,
    CLASS_DEFS_ACCESS_FLAGS = 102,
    CLASS_DEFS_SUPER_CLASS_IDX = 103,
    CLASS_DEFS_INTERFACES_OFFSET = 104,
    CLASS_DEFS_SOURCE_FILE_IDX = 105,
    CLASS_DEFS_ANNOTATIONS_OFFSET = 106,
    CLASS_DEFS_CLASS_DATA_OFFSET = 107,
    CLASS_DEFS_STATIC_VALUES_OFFSET = 108,
    CLASS_DATA_ITEM = 120,
    CLASS_DATA_ITEM_STATIC_FIELDS_SIZE = 121,
    CLASS_DATA_ITEM_INSTANCE_FIELDS_SIZE = 122,
    CLASS_DATA_ITEM_DIRECT_METHODS_SIZE = 123,
    CLASS_DATA_ITEM_VIRTUAL_METHODS_SIZE = 124,
    MAP_ITEM = 130,
    MAP_ITEM_TYPE = 131,
    MAP_ITEM_UNUSED = 132,
    MAP_ITEM_SIZE = 133,
    MAP_ITEM_OFFSET = 134,
    FIELD = 140,
    FIELD_CLASS_NAME = 141,
    FIELD_NAME = 142,
    FIELD_PROTO = 143,
    FIELD_STATIC = 144,
    FIELD_INSTANCE = 145,
    FIELD_FIELD_IDX_DIFF = 146,
    FIELD_ACCESS_FLAGS = 147,
    METHOD = 160,
    METHOD_CLASS_NAME = 161,
    METHOD_NAME = 162,
    METHOD_PROTO = 163,
    METHOD_DIRECT = 164,
    METHOD_VIRTUAL = 165,
    METHOD_METHOD_IDX_DIFF = 166,
    METHOD_ACCESS_FLAGS = 167,
    METHOD_CODE_OFF = 168,
    CODE_ITEM_REGISTERS_SIZE = 181,
    CODE_ITEM_INS_SIZE = 182,
    CODE_ITEM_OUTS_SIZE = 183,
    CODE_ITEM_TRIES_SIZE = 184,
    CODE_ITEM_DEBUG_INFO_OFF = 185,
    CODE_ITEM_INSNS_SIZE = 186,
    CODE_ITEM_INSNS = 187,
};

static const kj_field fields[] = {
    {MAGIC_035, KJ_TYPE_STRING, "DEX_FILE_MAGIC_035", NULL},
    {MAGIC_036, KJ_TYPE_STRING, "DEX_FILE_MAGIC_036", NULL},
    {MAGIC_037, KJ_TYPE_STRING, "DEX_FILE_MAGIC_037", NULL},
    {MAGIC_038, KJ_TYPE_STRING, "DEX_FILE_MAGIC_038", NULL},
    {MAGIC_039, KJ_TYPE_STRING, "DEX_FILE_MAGIC_039", NULL},
    {NUMBER_OF_FIELDS, KJ_TYPE_INT, "number_of_fields", NULL},
    {NUMBER_OF_METHODS, KJ_TYPE_INT, "number_of_methods", NULL},
    {MAP_SIZE, KJ_TYPE_INT, "map_list.size", NULL},
    {HAS_METHOD, KJ_TYPE_INT, "has_method()", "s"},
    {HAS_METHOD_OF_CLASS, KJ_TYPE_INT, "has_method()", "ss"},
    {HAS_METHOD_LIKE, KJ_TYPE_INT, "has_method()", "r"},
    {HAS_METHOD_OF_CLASS_LIKE, KJ_TYPE_INT, "has_method()", "rr"},
    {HAS_CLASS, KJ_TYPE_INT, "has_class()", "s"},
    {HAS_CLASS_LIKE, KJ_TYPE_INT, "has_class()", "r"},
    {HEADER_MAGIC, KJ_TYPE_STRING, "header.magic", NULL},
    {HEADER_CHECKSUM, KJ_TYPE_INT, "header.checksum", NULL},
    {HEADER_SIGNATURE, KJ_TYPE_STRING, "header.signature", NULL},
    {HEADER_FILE_SIZE, KJ_TYPE_INT, "header.file_size", NULL},
    {HEADER_HEADER_SIZE, KJ_TYPE_INT, "header.header_size", NULL},
    {HEADER_ENDIAN_TAG, KJ_TYPE_INT, "header.endian_tag", NULL},
    {HEADER_LINK_SIZE, KJ_TYPE_INT, "header.link_size", NULL},
    {HEADER_LINK_OFFSET, KJ_TYPE_INT, "header.link_offset", NULL},
    {HEADER_MAP_OFFSET, KJ_TYPE_INT, "header.map_offset", NULL},
    {HEADER_STRING_IDS_SIZE, KJ_TYPE_INT, "header.string_ids_size", NULL},
    {HEADER_STRING_IDS_OFFSET, KJ_TYPE_INT, "header.string_ids_offset", NULL},
    {HEADER_TYPE_IDS_SIZE, KJ_TYPE_INT, "header.type_ids_size", NULL},
    {HEADER_TYPE_IDS_OFFSET, KJ_TYPE_INT, "header.type_ids_offset", NULL},
    {HEADER_PROTO_IDS_SIZE, KJ_TYPE_INT, "header.proto_ids_size", NULL},
    {HEADER_PROTO_IDS_OFFSET, KJ_TYPE_INT, "header.proto_ids_offset", NULL},
    {HEADER_FIELD_IDS_SIZE, KJ_TYPE_INT, "header.field_ids_size", NULL},
    {HEADER_FIELD_IDS_OFFSET, KJ_TYPE_INT, "header.field_ids_offset", NULL},
    {HEADER_METHOD_IDS_SIZE, KJ_TYPE_INT, "header.method_ids_size", NULL},
    {HEADER_METHOD_IDS_OFFSET, KJ_TYPE_INT, "header.method_ids_offset", NULL},
    {HEADER_CLASS_DEFS_SIZE, KJ_TYPE_INT, "header.class_defs_size", NULL},
    {HEADER_CLASS_DEFS_OFFSET, KJ_TYPE_INT, "header.class_defs_offset", NULL},
    {HEADER_DATA_SIZE, KJ_TYPE_INT, "header.data_size", NULL},
    {HEADER_DATA_OFFSET, KJ_TYPE_INT, "header.data_offset", NULL},
    {STRING_IDS, KJ_TYPE_ARRAY, "string_ids[]", NULL},
    {STRING_IDS_OFFSET, KJ_TYPE_INT, "string_ids[].offset", NULL},
    {STRING_IDS_SIZE, KJ_TYPE_INT, "string_ids[].size", NULL},
    {STRING_IDS_VALUE, KJ_TYPE_STRING, "string_ids[].value", NULL},
    {TYPE_IDS, KJ_TYPE_ARRAY, "type_ids[]", NULL},
    {TYPE_IDS_DESCRIPTOR_IDX, KJ_TYPE_INT, "type_ids[].descriptor_idx", NULL},
    {PROTO_IDS, KJ_TYPE_ARRAY, "proto_ids[]", NULL},
    {PROTO_IDS_SHORTY_IDX, KJ_TYPE_INT, "proto_ids[].shorty_idx", NULL},
    {PROTO_IDS_RETURN_TYPE_IDX, KJ_TYPE_INT, "proto_ids[].return_type_idx", NULL},
    {PROTO_IDS_PARAMETERS_OFFSET, KJ_TYPE_INT, "proto_ids[].parameters_offset", NULL},
    {FIELD_IDS, KJ_TYPE_ARRAY, "field_ids[]", NULL},
    {FIELD_IDS_CLASS_IDX, KJ_TYPE_INT, "field_ids[].class_idx", NULL},
    {FIELD_IDS_TYPE_IDX, KJ_TYPE_INT, "field_ids[].type_idx", NULL},
    {FIELD_IDS_NAME_IDX, KJ_TYPE_INT, "field_ids[].name_idx", NULL},
    {METHOD_IDS, KJ_TYPE_ARRAY, "method_ids[]", NULL},
    {METHOD_IDS_CLASS_IDX, KJ_TYPE_INT, "method_ids[].class_idx", NULL},
    {METHOD_IDS_PROTO_IDX, KJ_TYPE_INT, "method_ids[].proto_idx", NULL},
    {METHOD_IDS_NAME_IDX, KJ_TYPE_INT, "method_ids[].name_idx", NULL},
    {CLASS_DEFS, KJ_TYPE_ARRAY, "class_defs[]", NULL},
    {CLASS_DEFS_CLASS_IDX, KJ_TYPE_INT, "class_defs[].class_idx", NULL},
    {CLASS_DEFS_ACCESS_FLAGS, KJ_TYPE_INT, "class_defs[].access_flags", NULL},
    {CLASS_DEFS_SUPER_CLASS_IDX, KJ_TYPE_INT, "class_defs[].super_class_idx", NULL},
    {CLASS_DEFS_INTERFACES_OFFSET, KJ_TYPE_INT, "class_defs[].interfaces_offset", NULL},
    {CLASS_DEFS_SOURCE_FILE_IDX, KJ_TYPE_INT, "class_defs[].source_file_idx", NULL},
    {CLASS_DEFS_ANNOTATIONS_OFFSET, KJ_TYPE_INT, "class_defs[].annotations_offset", NULL},
    {CLASS_DEFS_CLASS_DATA_OFFSET, KJ_TYPE_INT, "class_defs[].class_data_offset", NULL},
    {CLASS_DEFS_STATIC_VALUES_OFFSET, KJ_TYPE_INT, "class_defs[].static_values_offset", NULL},
    {CLASS_DATA_ITEM, KJ_TYPE_ARRAY, "class_data_item[]", NULL},
    {CLASS_DATA_ITEM_STATIC_FIELDS_SIZE, KJ_TYPE_INT, "class_data_item[].static_fields_size", NULL},
    {CLASS_DATA_ITEM_INSTANCE_FIELDS_SIZE, KJ_TYPE_INT, "class_data_item[].instance_fields_size",
     NULL},
    {CLASS_DATA_ITEM_DIRECT_METHODS_SIZE, KJ_TYPE_INT, "class_data_item[].direct_methods_size",
     NULL},
    {CLASS_DATA_ITEM_VIRTUAL_METHODS_SIZE, KJ_TYPE_INT, "class_data_item[].virtual_methods_size",
     NULL},
    {MAP_ITEM, KJ_TYPE_ARRAY, "map_list.map_item[]", NULL},
    {MAP_ITEM_TYPE, KJ_TYPE_INT, "map_list.map_item[].type", NULL},
    {MAP_ITEM_UNUSED, KJ_TYPE_INT, "map_list.map_item[].unused", NULL},
    {MAP_ITEM_SIZE, KJ_TYPE_INT, "map_list.map_item[].size", NULL},
    {MAP_ITEM_OFFSET, KJ_TYPE_INT, "map_list.map_item[].offset", NULL},
    {FIELD, KJ_TYPE_ARRAY, "field[]", NULL},
    {FIELD_CLASS_NAME, KJ_TYPE_STRING, "field[].class_name", NULL},
    {FIELD_NAME, KJ_TYPE_STRING, "field[].name", NULL},
    {FIELD_PROTO, KJ_TYPE_STRING, "field[].proto", NULL},
    {FIELD_STATIC, KJ_TYPE_INT, "field[].static", NULL},
    {FIELD_INSTANCE, KJ_TYPE_INT, "field[].instance", NULL},
    {FIELD_FIELD_IDX_DIFF, KJ_TYPE_INT, "field[].field_idx_diff", NULL},
    {FIELD_ACCESS_FLAGS, KJ_TYPE_INT, "field[].access_flags", NULL},
    {METHOD, KJ_TYPE_ARRAY, "method[]", NULL},
    {METHOD_CLASS_NAME, KJ_TYPE_STRING, "method[].class_name", NULL},
    {METHOD_NAME, KJ_TYPE_STRING, "method[].name", NULL},
    {METHOD_PROTO, KJ_TYPE_STRING, "method[].proto", NULL},
    {METHOD_DIRECT, KJ_TYPE_INT, "method[].direct", NULL},
    {METHOD_VIRTUAL, KJ_TYPE_INT, "method[].virtual", NULL},
    {METHOD_METHOD_IDX_DIFF, KJ_TYPE_INT, "method[].method_idx_diff", NULL},
    {METHOD_ACCESS_FLAGS, KJ_TYPE_INT, "method[].access_flags", NULL},
    {METHOD_CODE_OFF, KJ_TYPE_INT, "method[].code_off", NULL},
    {CODE_ITEM_REGISTERS_SIZE, KJ_TYPE_INT, "method[].code_item.registers_size", NULL},
    {CODE_ITEM_INS_SIZE, KJ_TYPE_INT, "method[].code_item.ins_size", NULL},
    {CODE_ITEM_OUTS_SIZE, KJ_TYPE_INT, "method[].code_item.outs_size", NULL},
    {CODE_ITEM_TRIES_SIZE, KJ_TYPE_INT, "method[].code_item.tries_size", NULL},
    {CODE_ITEM_DEBUG_INFO_OFF, KJ_TYPE_INT, "method[].code_item.debug_info_off", NULL},
    {CODE_ITEM_INSNS_SIZE, KJ_TYPE_INT, "method[].code_item.insns_size", NULL},
    {CODE_ITEM_INSNS, KJ_TYPE_STRING, "method[].code_item.insns", NULL},
    KJ_FIELD_CONSTANT("ENDIAN_CONSTANT", 0x12345678),
    KJ_FIELD_CONSTANT("REVERSE_ENDIAN_CONSTANT", 0x78563412),
    KJ_FIELD_CONSTANT("NO_INDEX", 0xFFFFFFFF),
    KJ_FIELD_CONSTANT("ACC_PUBLIC", 0x1),
    KJ_FIELD_CONSTANT("ACC_PRIVATE", 0x2),
    KJ_FIELD_CONSTANT("ACC_PROTECTED", 0x4),
    KJ_FIELD_CONSTANT("ACC_STATIC", 0x8),
    KJ_FIELD_CONSTANT("ACC_FINAL", 0x10),
    KJ_FIELD_CONSTANT("ACC_SYNCHRONIZED", 0x20),
    KJ_FIELD_CONSTANT("ACC_VOLATILE", 0x40),
    KJ_FIELD_CONSTANT("ACC_BRIDGE", 0x40),
    KJ_FIELD_CONSTANT("ACC_TRANSIENT", 0x80),
    KJ_FIELD_CONSTANT("ACC_VARARGS", 0x80),
    KJ_FIELD_CONSTANT("ACC_NATIVE", 0x100),
    KJ_FIELD_CONSTANT("ACC_INTERFACE", 0x200),
    KJ_FIELD_CONSTANT("ACC_ABSTRACT", 0x400),
    KJ_FIELD_CONSTANT("ACC_STRICT", 0x800),
    KJ_FIELD_CONSTANT("ACC_SYNTHETIC", 0x1000),
    KJ_FIELD_CONSTANT("ACC_ANNOTATION", 0x2000),
    KJ_FIELD_CONSTANT("ACC_ENUM", 0x4000),
    KJ_FIELD_CONSTANT("ACC_CONSTRUCTOR", 0x10000),
    KJ_FIELD_CONSTANT("ACC_DECLARED_SYNCHRONIZED", 0x20000),
    KJ_FIELD_CONSTANT("TYPE_HEADER_ITEM", 0x0000),
    KJ_FIELD_CONSTANT("TYPE_STRING_ID_ITEM", 0x0001),
    KJ_FIELD_CONSTANT("TYPE_TYPE_ID_ITEM", 0x0002),
    KJ_FIELD_CONSTANT("TYPE_PROTO_ID_ITEM", 0x0003),
    KJ_FIELD_CONSTANT("TYPE_FIELD_ID_ITEM", 0x0004),
    KJ_FIELD_CONSTANT("TYPE_METHOD_ID_ITEM", 0x0005),
    KJ_FIELD_CONSTANT("TYPE_CLASS_DEF_ITEM", 0x0006),
    KJ_FIELD_CONSTANT("TYPE_CALL_SITE_ID_ITEM", 0x0007),
    KJ_FIELD_CONSTANT("TYPE_METHOD_HANDLE_ITEM", 0x0008),
    KJ_FIELD_CONSTANT("TYPE_MAP_LIST", 0x1000),
    KJ_FIELD_CONSTANT("TYPE_TYPE_LIST", 0x1001),
    KJ_FIELD_CONSTANT("TYPE_ANNOTATION_SET_REF_LIST", 0x1002),
    KJ_FIELD_CONSTANT("TYPE_ANNOTATION_SET_ITEM", 0x1003),
    KJ_FIELD_CONSTANT("TYPE_CLASS_DATA_ITEM", 0x2000),
    KJ_FIELD_CONSTANT("TYPE_CODE_ITEM", 0x2001),
    KJ_FIELD_CONSTANT("TYPE_STRING_DATA_ITEM", 0x2002),
    KJ_FIELD_CONSTANT("TYPE_DEBUG_INFO_ITEM", 0x2003),
    KJ_FIELD_CONSTANT("TYPE_ANNOTATION_ITEM", 0x2004),
    KJ_FIELD_CONSTANT("TYPE_ENCODED_ARRAY_ITEM", 0x2005),
    KJ_FIELD_CONSTANT("TYPE_ANNOTATIONS_DIRECTORY_ITEM", 0x2006),
};

static const char *const magics[] = {"dex\n035", "dex\n036", "dex\n037", "dex\n038", "dex\n039"};

enum {
    MAGIC_LEN = 8,    /* with its NUL */
    ID_MAX = 0x80000, /* the largest index that libyara follows */
};

typedef struct dex_state {
    bool done;
    bool is_dex;
    kj_span bytes;
    kj_dex dex;
} dex_state;

/* NULL: no DEX file, or no memory or time for it. */
static const dex_state *state_of(const kj_module_input *input, const kj_field_call *call)
{
    dex_state *state = kj_module_state(input, &kj_module_dex, sizeof *state);
    if (state && !state->done) {
        state->done = true;
        state->bytes = input->object->bytes;
        state->is_dex = call->pay(call, state->bytes.len) &&
                        kj_dex_read(state->bytes, input->arena, &state->dex);
    }
    return state && state->is_dex ? state : NULL;
}

static kj_value number(uint64_t value)
{
    return kj_value_int((int64_t)value);
}

static kj_value number_if(bool known, uint64_t value)
{
    return known ? number(value) : kj_value_undefined();
}

static kj_value text_if(bool known, kj_span text)
{
    return known ? kj_value_text(text) : kj_value_undefined();
}

/* ---- names of members ---------------------------------------------------------------------- */

static bool find_string(const dex_state *s, uint32_t i, kj_span *out)
{
    kj_dex_string string;
    if (i > ID_MAX || !kj_dex_read_string(&s->dex, s->bytes, i, &string))
        return false;
    *out = string.value;
    return true;
}

static bool find_type_name(const dex_state *s, uint32_t type, kj_span *out)
{
    uint32_t descriptor;
    return kj_dex_read_type(&s->dex, s->bytes, type, &descriptor) &&
           find_string(s, descriptor, out);
}

static bool find_shorty(const dex_state *s, uint32_t prototype, kj_span *out)
{
    kj_dex_prototype found;
    return kj_dex_read_prototype(&s->dex, s->bytes, prototype, &found) &&
           find_string(s, found.shorty, out);
}

/* What the name of a method is, or of its class: the two that functions look at. */
static bool find_method_text(const dex_state *s, size_t i, bool of_class, kj_span *out)
{
    kj_dex_id id;
    if (i >= s->dex.methods.named ||
        !kj_dex_read_method_id(&s->dex, s->bytes, s->dex.methods.items[i].id, &id))
        return false;
    return of_class ? find_type_name(s, id.class_type, out) : find_string(s, id.name, out);
}

/* ---- functions ----------------------------------------------------------------------------- */

/* libyara compares up to a NUL. */
static kj_span until_nul(kj_span text)
{
    const uint8_t *nul = text.len ? memchr(text.data, 0, text.len) : NULL;
    return nul ? kj_span_sub(text, 0, (size_t)(nul - text.data)) : text;
}

static bool is_text(kj_span text, kj_span wanted)
{
    return kj_span_starts(text, wanted) && (text.len == wanted.len || text.data[wanted.len] == 0);
}

/* `wanted`: a text or a regular expression. */
static bool is_wanted(const kj_field_call *call, const kj_value *wanted, kj_span text)
{
    if (wanted->type == KJ_TYPE_STRING)
        return is_text(text, until_nul(wanted->text));
    return call->pay(call, text.len) && call->matches(call, *wanted, until_nul(text));
}

/* A class whose name is not known is as good as any. */
static bool is_of_class(const dex_state *s, const kj_field_call *call, const kj_value *wanted,
                        size_t i)
{
    kj_span name;
    return !find_method_text(s, i, true, &name) || is_wanted(call, wanted, name);
}

/* Whether one method has the name that the last argument wants, and the class that the first does
 * when there are two; with `of_class` it is the class's name that is wanted. */
static kj_value find_method(const dex_state *s, const kj_field_call *call, bool of_class)
{
    kj_span name;
    if (!s->dex.is_whole)
        return kj_value_undefined();
    for (size_t i = 0; i < s->dex.methods.named; i++) {
        if (!call->pay(call, 0))
            return kj_value_undefined();
        if (call->count == 2 && !is_of_class(s, call, &call->args[0], i))
            continue;
        if (find_method_text(s, i, of_class, &name) &&
            is_wanted(call, &call->args[call->count - 1], name))
            return number(1);
    }
    return number(0);
}

/* ---- fields -------------------------------------------------------------------------------- */

static kj_value header_field(const kj_dex_header *header, uint16_t field)
{
    if (field == HEADER_MAGIC || field == HEADER_SIGNATURE)
        return kj_value_text(field == HEADER_MAGIC ? header->magic : header->signature);
    const uint32_t numbers[] = {
        [HEADER_CHECKSUM - HEADER_MAGIC] = header->checksum,
        [HEADER_FILE_SIZE - HEADER_MAGIC] = header->file_size,
        [HEADER_HEADER_SIZE - HEADER_MAGIC] = header->header_size,
        [HEADER_ENDIAN_TAG - HEADER_MAGIC] = header->endian_tag,
        [HEADER_LINK_SIZE - HEADER_MAGIC] = header->link_size,
        [HEADER_LINK_OFFSET - HEADER_MAGIC] = header->link_offset,
        [HEADER_MAP_OFFSET - HEADER_MAGIC] = header->map_offset,
        [HEADER_STRING_IDS_SIZE - HEADER_MAGIC] = header->strings.count,
        [HEADER_STRING_IDS_OFFSET - HEADER_MAGIC] = header->strings.offset,
        [HEADER_TYPE_IDS_SIZE - HEADER_MAGIC] = header->types.count,
        [HEADER_TYPE_IDS_OFFSET - HEADER_MAGIC] = header->types.offset,
        [HEADER_PROTO_IDS_SIZE - HEADER_MAGIC] = header->prototypes.count,
        [HEADER_PROTO_IDS_OFFSET - HEADER_MAGIC] = header->prototypes.offset,
        [HEADER_FIELD_IDS_SIZE - HEADER_MAGIC] = header->fields.count,
        [HEADER_FIELD_IDS_OFFSET - HEADER_MAGIC] = header->fields.offset,
        [HEADER_METHOD_IDS_SIZE - HEADER_MAGIC] = header->methods.count,
        [HEADER_METHOD_IDS_OFFSET - HEADER_MAGIC] = header->methods.offset,
        [HEADER_CLASS_DEFS_SIZE - HEADER_MAGIC] = header->classes.count,
        [HEADER_CLASS_DEFS_OFFSET - HEADER_MAGIC] = header->classes.offset,
        [HEADER_DATA_SIZE - HEADER_MAGIC] = header->data_size,
        [HEADER_DATA_OFFSET - HEADER_MAGIC] = header->data_offset,
    };
    return number_if(field <= HEADER_DATA_OFFSET,
                     field <= HEADER_DATA_OFFSET ? numbers[field - HEADER_MAGIC] : 0);
}

static kj_value string_field(const dex_state *s, uint16_t field, uint64_t i)
{
    kj_dex_string string;
    if (!kj_dex_read_string(&s->dex, s->bytes, i, &string))
        return kj_value_undefined();
    switch (field) {
    case STRING_IDS_OFFSET:
        return number(string.offset);
    case STRING_IDS_SIZE:
        return number(string.size);
    case STRING_IDS_VALUE:
        return kj_value_text(string.value);
    default:
        return kj_value_undefined();
    }
}

static kj_value type_field(const dex_state *s, uint16_t field, uint64_t i)
{
    uint32_t descriptor = 0;
    bool found = kj_dex_read_type(&s->dex, s->bytes, i, &descriptor);
    return number_if(found && field == TYPE_IDS_DESCRIPTOR_IDX, descriptor);
}

static kj_value prototype_field(const dex_state *s, uint16_t field, uint64_t i)
{
    kj_dex_prototype prototype;
    if (!kj_dex_read_prototype(&s->dex, s->bytes, i, &prototype))
        return kj_value_undefined();
    switch (field) {
    case PROTO_IDS_SHORTY_IDX:
        return number(prototype.shorty);
    case PROTO_IDS_RETURN_TYPE_IDX:
        return number(prototype.return_type);
    case PROTO_IDS_PARAMETERS_OFFSET:
        return number(prototype.parameters_offset);
    default:
        return kj_value_undefined();
    }
}

/* Ids of fields and of methods; the same three numbers. */
static kj_value id_field(const dex_state *s, uint16_t field, uint64_t i)
{
    kj_dex_id id;
    bool of_method = field > METHOD_IDS;
    if (!(of_method ? kj_dex_read_method_id : kj_dex_read_field_id)(&s->dex, s->bytes, i, &id))
        return kj_value_undefined();
    switch (field) {
    case FIELD_IDS_CLASS_IDX:
    case METHOD_IDS_CLASS_IDX:
        return number(id.class_type);
    case FIELD_IDS_TYPE_IDX:
    case METHOD_IDS_PROTO_IDX:
        return number(id.type);
    case FIELD_IDS_NAME_IDX:
    case METHOD_IDS_NAME_IDX:
        return number(id.name);
    default:
        return kj_value_undefined();
    }
}

static kj_value class_field(const dex_state *s, uint16_t field, uint64_t i)
{
    kj_dex_class class;
    if (!kj_dex_read_class(&s->dex, s->bytes, i, &class))
        return kj_value_undefined();
    switch (field) {
    case CLASS_DEFS_CLASS_IDX:
        return number(class.type);
    case CLASS_DEFS_ACCESS_FLAGS:
        return number(class.access_flags);
    case CLASS_DEFS_SUPER_CLASS_IDX:
        return number(class.super_type);
    case CLASS_DEFS_INTERFACES_OFFSET:
        return number(class.interfaces_offset);
    case CLASS_DEFS_SOURCE_FILE_IDX:
        return number(class.source_file);
    case CLASS_DEFS_ANNOTATIONS_OFFSET:
        return number(class.annotations_offset);
    case CLASS_DEFS_CLASS_DATA_OFFSET:
        return number(class.data_offset);
    case CLASS_DEFS_STATIC_VALUES_OFFSET:
        return number(class.static_values_offset);
    default:
        return kj_value_undefined();
    }
}

static kj_value class_data_field(const dex_state *s, uint16_t field, uint64_t i)
{
    kj_dex_class_data data;
    if (!kj_dex_read_class_data(&s->dex, s->bytes, i, &data))
        return kj_value_undefined();
    switch (field) {
    case CLASS_DATA_ITEM_STATIC_FIELDS_SIZE:
        return number(data.static_fields);
    case CLASS_DATA_ITEM_INSTANCE_FIELDS_SIZE:
        return number(data.instance_fields);
    case CLASS_DATA_ITEM_DIRECT_METHODS_SIZE:
        return number(data.direct_methods);
    case CLASS_DATA_ITEM_VIRTUAL_METHODS_SIZE:
        return number(data.virtual_methods);
    default:
        return kj_value_undefined();
    }
}

static kj_value map_field(const dex_state *s, uint16_t field, uint64_t i)
{
    kj_dex_map_item item;
    if (!kj_dex_read_map_item(&s->dex, s->bytes, i, &item))
        return kj_value_undefined();
    switch (field) {
    case MAP_ITEM_TYPE:
        return number(item.type);
    case MAP_ITEM_UNUSED:
        return number(item.unused);
    case MAP_ITEM_SIZE:
        return number(item.size);
    case MAP_ITEM_OFFSET:
        return number(item.offset);
    default:
        return kj_value_undefined();
    }
}

static kj_value field_text(const dex_state *s, uint16_t field, uint64_t i)
{
    kj_dex_id id;
    kj_span text = {0};
    if (i >= s->dex.fields.named ||
        !kj_dex_read_field_id(&s->dex, s->bytes, s->dex.fields.items[i].id, &id))
        return kj_value_undefined();
    bool found = field == FIELD_NAME         ? find_string(s, id.name, &text)
                 : field == FIELD_CLASS_NAME ? find_type_name(s, id.class_type, &text)
                                             : find_type_name(s, id.type, &text);
    return text_if(found, text);
}

static kj_value field_field(const dex_state *s, uint16_t field, uint64_t i)
{
    if (i >= s->dex.fields.count)
        return kj_value_undefined();
    const kj_dex_member *member = &s->dex.fields.items[i];
    switch (field) {
    case FIELD_CLASS_NAME:
    case FIELD_NAME:
    case FIELD_PROTO:
        return field_text(s, field, i);
    case FIELD_STATIC:
        return number(member->is_first_kind);
    case FIELD_INSTANCE:
        return number(!member->is_first_kind);
    case FIELD_FIELD_IDX_DIFF:
        return number(member->id_step);
    case FIELD_ACCESS_FLAGS:
        return number(member->access_flags);
    default:
        return kj_value_undefined();
    }
}

static kj_value prototype_of(const dex_state *s, uint64_t i)
{
    kj_dex_id id;
    kj_span text = {0};
    bool found = i < s->dex.methods.named &&
                 kj_dex_read_method_id(&s->dex, s->bytes, s->dex.methods.items[i].id, &id) &&
                 find_shorty(s, id.type, &text);
    return text_if(found, text);
}

static kj_value code_field(const dex_state *s, uint16_t field, uint64_t i)
{
    kj_dex_code code;
    if (i >= s->dex.methods.named ||
        !kj_dex_read_code(s->bytes, s->dex.methods.items[i].code_offset, &code))
        return kj_value_undefined();
    switch (field) {
    case CODE_ITEM_REGISTERS_SIZE:
        return number(code.registers_size);
    case CODE_ITEM_INS_SIZE:
        return number(code.ins_size);
    case CODE_ITEM_OUTS_SIZE:
        return number(code.outs_size);
    case CODE_ITEM_TRIES_SIZE:
        return number(code.tries_size);
    case CODE_ITEM_DEBUG_INFO_OFF:
        return number(code.debug_info_offset);
    case CODE_ITEM_INSNS_SIZE:
        return number(code.insns_size);
    case CODE_ITEM_INSNS:
        return text_if(code.has_insns, code.insns);
    default:
        return kj_value_undefined();
    }
}

static kj_value method_field(const dex_state *s, uint16_t field, uint64_t i)
{
    kj_span text = {0};
    if (i >= s->dex.methods.count)
        return kj_value_undefined();
    const kj_dex_member *member = &s->dex.methods.items[i];
    switch (field) {
    case METHOD_CLASS_NAME:
    case METHOD_NAME:
        return text_if(find_method_text(s, (size_t)i, field == METHOD_CLASS_NAME, &text), text);
    case METHOD_PROTO:
        return prototype_of(s, i);
    case METHOD_DIRECT:
        return number(member->is_first_kind);
    case METHOD_VIRTUAL:
        return number(!member->is_first_kind);
    case METHOD_METHOD_IDX_DIFF:
        return number(member->id_step);
    case METHOD_ACCESS_FLAGS:
        return number(member->access_flags);
    case METHOD_CODE_OFF:
        return number(member->code_offset);
    default:
        return code_field(s, field, i);
    }
}

/* ---- all fields ---------------------------------------------------------------------------- */

/* Up to the last string that lies in the file. */
static uint64_t count_strings(const dex_state *s, const kj_field_call *call)
{
    kj_dex_string string;
    uint64_t count = s->dex.string_count;
    while (count > 0 && call->pay(call, 0) &&
           !kj_dex_read_string(&s->dex, s->bytes, count - 1, &string))
        count--;
    return count;
}

/* An array: the number of its elements, and how to get at them. */
typedef struct array {
    uint16_t first; /* the field that is the array; those of its elements follow */
    kj_value (*element)(const dex_state *s, uint16_t field, uint64_t i);
} array;

static const array arrays[] = {
    {STRING_IDS, string_field},
    {TYPE_IDS, type_field},
    {PROTO_IDS, prototype_field},
    {FIELD_IDS, id_field},
    {METHOD_IDS, id_field},
    {CLASS_DEFS, class_field},
    {CLASS_DATA_ITEM, class_data_field},
    {MAP_ITEM, map_field},
    {FIELD, field_field},
    {METHOD, method_field},
};

/* The array that holds a field; NULL: none. */
static const array *array_of(uint16_t field)
{
    const array *found = NULL;
    for (size_t i = 0; i < KJ_COUNT(arrays) && arrays[i].first <= field; i++)
        found = &arrays[i];
    return found;
}

static uint64_t count_elements(const dex_state *s, const kj_field_call *call, uint16_t field)
{
    switch (field) {
    case STRING_IDS:
        return count_strings(s, call);
    case TYPE_IDS:
        return s->dex.type_count;
    case PROTO_IDS:
        return s->dex.prototype_count;
    case FIELD_IDS:
        return s->dex.field_id_count;
    case METHOD_IDS:
        return s->dex.method_id_count;
    case CLASS_DEFS:
        return s->dex.class_count;
    case CLASS_DATA_ITEM:
        return s->dex.class_data_count;
    case MAP_ITEM:
        return s->dex.map_count;
    case FIELD:
        return s->dex.fields.count;
    default:
        return s->dex.methods.count;
    }
}

static kj_value plain_field(const dex_state *s, const kj_field_call *call, uint16_t field)
{
    switch (field) {
    case NUMBER_OF_FIELDS:
        return number_if(s->dex.is_whole, s->dex.fields.named);
    case NUMBER_OF_METHODS:
        return number_if(s->dex.is_whole, s->dex.methods.named);
    case MAP_SIZE:
        return number_if(s->dex.has_map, s->dex.map_size);
    case HAS_METHOD:
    case HAS_METHOD_OF_CLASS:
    case HAS_METHOD_LIKE:
    case HAS_METHOD_OF_CLASS_LIKE:
        return find_method(s, call, false);
    case HAS_CLASS:
    case HAS_CLASS_LIKE:
        return find_method(s, call, true);
    default:
        return field >= HEADER_MAGIC ? header_field(&s->dex.header, field) : kj_value_undefined();
    }
}

/* What the field takes: the parameters of a function, the index of an element. */
static const char *params_of(uint16_t field)
{
    const array *owner = array_of(field);
    const kj_field *row = owner ? NULL : kj_module_row(&kj_module_dex, field);
    if (owner)
        return field == owner->first ? NULL : "i";
    return row ? row->params : NULL;
}

static kj_value get(const kj_module_input *input, uint16_t field, const kj_field_call *call)
{
    if (field >= MAGIC_035 && field <= MAGIC_039)
        return kj_value_text(kj_span_of(magics[field - MAGIC_035], MAGIC_LEN));
    if (!kj_call_fits(call, params_of(field)))
        return kj_value_undefined();
    const dex_state *s = state_of(input, call);
    const array *owner = array_of(field);
    if (owner && field == owner->first)
        return number(s ? count_elements(s, call, field) : 0);
    if (!s)
        return kj_value_undefined();
    if (owner)
        return owner->element(s, field, (uint64_t)call->args[0].integer);
    return plain_field(s, call, field);
}

const kj_module kj_module_dex = {
    .schema = {.name = "dex", .id = 8, .fields = fields, .count = KJ_COUNT(fields)},
    .get = get,
};
