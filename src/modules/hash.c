/* SPDX-License-Identifier: Apache-2.0 */
/* Digests and checksums of a range of the object, or of a text. Semantics: libyara 4.5's module
 * `hash`; digests are in lower-case hex. */
#include "base/hash.h"

#include "base/arith.h"
#include "base/crc32.h"
#include "modules/ranges.h"

/* Numbers are part of the definitions format: never reuse one. */
enum field {
    MD5 = 1,
    SHA1 = 2,
    SHA256 = 3,
    CHECKSUM32 = 4,
    CRC32 = 5,
    OF_TEXT = 16, /* added to the number: of a text, not of a range */
};

static const kj_field fields[] = {
    {MD5, KJ_TYPE_STRING, "md5()", "ii"},
    {OF_TEXT + MD5, KJ_TYPE_STRING, "md5()", "s"},
    {SHA1, KJ_TYPE_STRING, "sha1()", "ii"},
    {OF_TEXT + SHA1, KJ_TYPE_STRING, "sha1()", "s"},
    {SHA256, KJ_TYPE_STRING, "sha256()", "ii"},
    {OF_TEXT + SHA256, KJ_TYPE_STRING, "sha256()", "s"},
    {CHECKSUM32, KJ_TYPE_INT, "checksum32()", "ii"},
    {OF_TEXT + CHECKSUM32, KJ_TYPE_INT, "checksum32()", "s"},
    {CRC32, KJ_TYPE_INT, "crc32()", "ii"},
    {OF_TEXT + CRC32, KJ_TYPE_INT, "crc32()", "s"},
};

static kj_value hex_digest(kj_arena *arena, kj_hash_kind kind, kj_span bytes)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t digest[KJ_HASH_MAX];
    size_t len = kj_hash_len(kind);
    char *hex = kj_arena_alloc_raw(arena, 2 * len);
    if (!hex)
        return kj_value_undefined();
    kj_hash(kind, bytes, digest);
    for (size_t i = 0; i < len; i++) {
        hex[2 * i] = digits[digest[i] >> 4];
        hex[2 * i + 1] = digits[digest[i] & 15];
    }
    return kj_value_text(kj_span_of(hex, 2 * len));
}

/* The sum of the bytes, modulo 2^32. */
static uint32_t checksum32(kj_span bytes)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < bytes.len; i++)
        sum += bytes.data[i];
    return sum;
}

static kj_value compute(kj_arena *arena, unsigned what, kj_span bytes)
{
    switch (what) {
    case MD5:
        return hex_digest(arena, KJ_HASH_MD5, bytes);
    case SHA1:
        return hex_digest(arena, KJ_HASH_SHA1, bytes);
    case SHA256:
        return hex_digest(arena, KJ_HASH_SHA256, bytes);
    case CHECKSUM32:
        return kj_value_int(checksum32(bytes));
    default:
        return kj_value_int(kj_crc32(bytes));
    }
}

static kj_value of_range(const kj_module_input *input, unsigned what, const kj_field_call *call)
{
    kj_span bytes = input->object->bytes, range;
    kj_range_memory *memory = kj_module_state(input, &kj_module_hash, sizeof *memory);
    if (!memory || !kj_range_of(bytes, call->args, &range))
        return kj_value_undefined();
    bool known;
    kj_range_slot *slot = kj_range_slot_of(memory, bytes, range, what, &known);
    if (!known)
        slot->value =
            call->pay(call, range.len) ? compute(input->arena, what, range) : kj_value_undefined();
    return slot->value;
}

static kj_value get(const kj_module_input *input, uint16_t field, const kj_field_call *call)
{
    const kj_field *row = kj_module_row(&kj_module_hash, field);
    if (!row || !kj_call_fits(call, row->params))
        return kj_value_undefined();
    if (field < OF_TEXT)
        return of_range(input, field, call);
    kj_span text = call->args[0].text;
    if (!call->pay(call, text.len))
        return kj_value_undefined();
    return compute(input->arena, field - OF_TEXT, text);
}

const kj_module kj_module_hash = {
    .schema = {.name = "hash", .id = 5, .fields = fields, .count = KJ_COUNT(fields)},
    .get = get,
};
