/* SPDX-License-Identifier: Apache-2.0 */
/* One interface over the two forms of the registry: which reader, paths, names, texts. */
#include "formats/registry.h"

#include "base/arith.h"
#include "base/text.h"
#include "formats/mime.h"
#include "formats/registry_private.h"

#include <stdio.h>

enum {
    DEPTH_MAX = 512,     /* of keys in a path that is written; Windows allows as many */
    COMPONENT_MAX = 512, /* units of a key's name that is looked for; Windows allows 255 */
};

static const kj_registry_reader readers[] = {
    [KJ_REGISTRY_REGF] = {kj_regf_open, kj_regf_key, kj_regf_next_subkey, kj_regf_next_value,
                          kj_regf_find_subkey},
    [KJ_REGISTRY_CREG] = {kj_creg_open, kj_creg_key, kj_creg_next_subkey, kj_creg_next_value, NULL},
};

kj_status kj_registry_open(kj_span bytes, kj_arena *arena, kj_registry *out, kj_error *err)
{
    if (kj_span_starts(bytes, kj_span_str("regf")))
        return readers[KJ_REGISTRY_REGF].open(bytes, arena, out, err);
    if (kj_span_starts(bytes, kj_span_str("CREG")))
        return readers[KJ_REGISTRY_CREG].open(bytes, arena, out, err);
    return kj_fail(err, KJ_MALFORMED, 0, "no registry hive");
}

bool kj_registry_key(const kj_registry *reg, kj_reg_key key, kj_reg_key_info *out)
{
    return readers[reg->form].key(reg, key, out);
}

bool kj_registry_next_subkey(const kj_registry *reg, kj_reg_key key, kj_reg_iter *it,
                             kj_reg_key_info *out)
{
    return readers[reg->form].next_subkey(reg, key, it, out);
}

bool kj_registry_next_value(const kj_registry *reg, kj_reg_key key, kj_reg_iter *it,
                            kj_arena *arena, kj_reg_value *out)
{
    return readers[reg->form].next_value(reg, key, it, arena, out);
}

/* ---- names ---------------------------------------------------------------------------------- */

/* Lower-case letters and what makes them upper case. Where letters come in pairs, upper before
 * lower, `add` is 0 and `first` is an upper-case one. What Windows 10's table has beyond that (rare
 * Latin, Georgian, Coptic letters) compares exactly. */
static const struct range {
    uint16_t first;
    uint16_t last;
    int16_t add;
} ranges[] = {
    {0x00E0, 0x00F6, -32}, {0x00F8, 0x00FE, -32}, {0x00FF, 0x00FF, 121}, {0x0100, 0x012F, 0},
    {0x0132, 0x0137, 0},   {0x0139, 0x0148, 0},   {0x014A, 0x0177, 0},   {0x0179, 0x017E, 0},
    {0x03AC, 0x03AC, -38}, {0x03AD, 0x03AF, -37}, {0x03B1, 0x03C1, -32}, {0x03C2, 0x03C2, -31},
    {0x03C3, 0x03CB, -32}, {0x03CC, 0x03CC, -64}, {0x03CD, 0x03CE, -63}, {0x0430, 0x044F, -32},
    {0x0450, 0x045F, -80}, {0x0460, 0x0481, 0},   {0x048A, 0x04BF, 0},   {0x04D0, 0x052F, 0},
    {0x0561, 0x0586, -48}, {0x1E00, 0x1E95, 0},   {0x1EA0, 0x1EFF, 0},   {0x2170, 0x217F, -16},
    {0x24D0, 0x24E9, -26}, {0xFF41, 0xFF5A, -32},
};

uint16_t kj_reg_upper(uint16_t unit)
{
    if (unit < 0x80)
        return kj_upper((uint8_t)unit);
    for (size_t i = 0; i < KJ_COUNT(ranges) && unit >= ranges[i].first; i++) {
        const struct range *r = &ranges[i];
        if (unit > r->last)
            continue;
        if (r->add)
            return (uint16_t)(unit + r->add);
        return (uint16_t)(unit - (unit - r->first) % 2);
    }
    return unit;
}

size_t kj_reg_name_count(kj_reg_name name)
{
    return name.wide ? name.raw.len / 2 : name.raw.len;
}

uint16_t kj_reg_name_unit(kj_reg_name name, size_t index)
{
    const uint8_t *raw = name.raw.data;
    if (index >= kj_reg_name_count(name))
        return 0;
    if (!name.wide)
        return raw[index];
    return (uint16_t)(raw[2 * index] | raw[2 * index + 1] << 8);
}

int kj_reg_name_compare(kj_reg_name a, kj_reg_name b)
{
    size_t left = kj_reg_name_count(a), right = kj_reg_name_count(b);
    for (size_t i = 0; i < kj_min_size(left, right); i++) {
        int x = kj_reg_upper(kj_reg_name_unit(a, i)), y = kj_reg_upper(kj_reg_name_unit(b, i));
        if (x != y)
            return x - y;
    }
    return left < right ? -1 : left > right;
}

bool kj_reg_name_equal(kj_reg_name a, kj_reg_name b)
{
    return kj_reg_name_count(a) == kj_reg_name_count(b) && kj_reg_name_compare(a, b) == 0;
}

bool kj_reg_name_is_upper(kj_reg_name name, const uint16_t *upper, size_t count)
{
    if (kj_reg_name_count(name) != count)
        return false;
    for (size_t i = 0; i < count; i++)
        if (kj_reg_upper(kj_reg_name_unit(name, i)) != upper[i])
            return false;
    return true;
}

/* The units of the next code point; how many. */
static size_t next_units(kj_span text, size_t *pos, uint16_t out[2])
{
    uint32_t code = kj_utf8_next(text, pos);
    if (code < 0x10000) {
        out[0] = kj_reg_upper((uint16_t)code);
        return 1;
    }
    out[0] = (uint16_t)(0xD7C0 + (code >> 10));
    out[1] = (uint16_t)(0xDC00 + (code & 0x3FF));
    return 2;
}

bool kj_reg_name_is(kj_reg_name name, kj_span text)
{
    size_t at = 0, count = kj_reg_name_count(name);
    for (size_t pos = 0; pos < text.len;) {
        uint16_t units[2];
        size_t more = next_units(text, &pos, units);
        for (size_t i = 0; i < more; i++, at++)
            if (at >= count || kj_reg_upper(kj_reg_name_unit(name, at)) != units[i])
                return false;
    }
    return at == count;
}

static void put_latin(kj_span bytes, kj_buf *out)
{
    for (size_t i = 0; i < bytes.len; i++) {
        uint8_t utf8[4];
        kj_buf_put(out, kj_span_of(utf8, kj_utf8_put(bytes.data[i], utf8)));
    }
}

void kj_reg_name_text(kj_reg_name name, kj_buf *out)
{
    if (name.wide)
        kj_utf16_to_utf8(name.raw, false, out);
    else
        put_latin(name.raw, out);
}

/* ---- finding -------------------------------------------------------------------------------- */

static kj_reg_key find_by_name(const kj_registry *reg, kj_reg_key key, const uint16_t *name,
                               size_t count)
{
    kj_reg_iter it = {0};
    kj_reg_key_info info;
    while (kj_registry_next_subkey(reg, key, &it, &info))
        if (kj_reg_name_is_upper(info.name, name, count))
            return info.key;
    return KJ_REG_NONE;
}

static kj_reg_key find_subkey(const kj_registry *reg, kj_reg_key key, kj_span name)
{
    uint16_t units[COMPONENT_MAX + 2];
    size_t count = 0;
    for (size_t pos = 0; pos < name.len;) {
        if (count > COMPONENT_MAX - 2)
            return KJ_REG_NONE;
        count += next_units(name, &pos, units + count);
    }
    const kj_registry_reader *reader = &readers[reg->form];
    return (reader->find_subkey ? reader->find_subkey : find_by_name)(reg, key, units, count);
}

kj_reg_key kj_registry_find(const kj_registry *reg, kj_reg_key from, kj_span path)
{
    kj_reg_key key = from;
    for (size_t at = 0; at < path.len && key != KJ_REG_NONE;) {
        size_t end = kj_min_size(kj_span_find(path, kj_span_str("\\"), at), path.len);
        if (end > at)
            key = find_subkey(reg, key, kj_span_sub(path, at, end - at));
        at = end + 1;
    }
    return key;
}

bool kj_registry_find_value(const kj_registry *reg, kj_reg_key key, kj_span name, kj_arena *arena,
                            kj_reg_value *out)
{
    kj_reg_iter it = {0};
    kj_reg_value value;
    while (kj_registry_next_value(reg, key, &it, arena, &value)) {
        if (!kj_reg_name_is(value.name, name))
            continue;
        *out = value;
        return true;
    }
    return false;
}

void kj_registry_path(const kj_registry *reg, kj_reg_key key, kj_buf *out)
{
    kj_reg_name names[DEPTH_MAX];
    kj_reg_key_info info;
    size_t depth = 0;
    while (depth < DEPTH_MAX && key != reg->root && kj_registry_key(reg, key, &info)) {
        names[depth++] = info.name;
        key = info.parent;
    }
    while (depth-- > 0) {
        kj_reg_name_text(names[depth], out);
        if (depth)
            kj_buf_put_byte(out, '\\');
    }
}

/* ---- data ----------------------------------------------------------------------------------- */

const char *kj_reg_type_name(uint32_t type, char buf[16])
{
    static const char *const names[] = {
        "REG_NONE",
        "REG_SZ",
        "REG_EXPAND_SZ",
        "REG_BINARY",
        "REG_DWORD",
        "REG_DWORD_BIG_ENDIAN",
        "REG_LINK",
        "REG_MULTI_SZ",
        "REG_RESOURCE_LIST",
        "REG_FULL_RESOURCE_DESCRIPTOR",
        "REG_RESOURCE_REQUIREMENTS_LIST",
        "REG_QWORD",
    };
    if (type < KJ_COUNT(names))
        return names[type];
    (void)snprintf(buf, 16, "REG_0x%X", type);
    return buf;
}

static void put_string(const kj_registry *reg, kj_span text, kj_buf *out)
{
    if (reg->form == KJ_REGISTRY_CREG)
        kj_charset_to_utf8(kj_span_str("windows-1252"), text, out);
    else
        kj_utf16_to_utf8(text, false, out);
}

/* The bytes up to the first character that is NUL; a byte that is half a character is dropped. */
static kj_span until_nul(kj_span data, size_t width)
{
    size_t end = 0;
    while (end + width <= data.len && (data.data[end] || (width == 2 && data.data[end + 1])))
        end += width;
    return kj_span_sub(data, 0, end);
}

static void put_text(const kj_registry *reg, const kj_reg_value *value, kj_buf *out)
{
    size_t width = reg->form == KJ_REGISTRY_CREG ? 1 : 2;
    kj_span rest = value->data, text = until_nul(rest, width);
    if (value->type != KJ_REG_MULTI_SZ) {
        put_string(reg, text, out);
        return;
    }
    for (; text.len; text = until_nul(rest, width)) {
        put_string(reg, text, out);
        kj_buf_put_byte(out, '\n');
        rest = kj_span_sub(rest, text.len + width, SIZE_MAX);
    }
}

/* False when its length is not that of its type. */
static bool put_number(const kj_reg_value *value, kj_buf *out)
{
    size_t len = value->type == KJ_REG_QWORD ? 8 : 4;
    uint64_t number = 0;
    if (value->data.len != len)
        return false;
    for (size_t i = 0; i < len; i++)
        number = number << 8 | value->data.data[value->type == KJ_REG_DWORD_BE ? i : len - 1 - i];
    kj_buf_printf(out, "%llu", (unsigned long long)number);
    return true;
}

static void put_hex(kj_span data, kj_buf *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < data.len && !out->failed; i++) {
        kj_buf_put_byte(out, (uint8_t)digits[data.data[i] >> 4]);
        kj_buf_put_byte(out, (uint8_t)digits[data.data[i] & 15]);
    }
}

bool kj_reg_value_text(const kj_registry *reg, const kj_reg_value *value, kj_buf *out)
{
    switch (value->type) {
    case KJ_REG_SZ:
    case KJ_REG_EXPAND_SZ:
    case KJ_REG_LINK:
    case KJ_REG_MULTI_SZ:
        put_text(reg, value, out);
        return true;
    case KJ_REG_DWORD:
    case KJ_REG_DWORD_BE:
    case KJ_REG_QWORD:
        if (put_number(value, out))
            return false;
        break;
    default:
        break;
    }
    put_hex(value->data, out);
    return false;
}
