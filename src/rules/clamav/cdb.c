/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures about members of containers:
 *
 *     NAME:TYPE:SIZE:MEMBER:PACKED:UNPACKED:ENCRYPTED:NUMBER:CRC:RESERVED[:MinFL[:MaxFL]]
 *
 *     TYPE       CL_TYPE_... of the container          SIZE       its bytes
 *     MEMBER     a POSIX extended regular expression that matches somewhere in the member's name
 *     PACKED, UNPACKED   bytes of the member           NUMBER     of the member, the first being 1
 *     ENCRYPTED  0 or 1                                CRC        CRC-32, 8 hex digits
 *
 * `*` is any; sizes and numbers are N or MIN-MAX. clamscan 1.4.6 does not look at the CRC; kujo
 * does where it is one. */
#include "rules/clamav/compile.h"

#include "base/arith.h"
#include "base/pcre.h"
#include "base/text.h"

enum {
    NAME,
    TYPE,
    SIZE,
    MEMBER,
    PACKED,
    UNPACKED,
    ENCRYPTED,
    NUMBER,
    CRC,
    RESERVED,
    LEVELS,
    FIELDS_MAX = LEVELS + 2
};

static const int64_t ANY = -1;

struct range {
    int64_t min;
    int64_t max;
};

/* A line under way. */
struct container {
    kj_clamav *c;
    kj_span fields[KJ_CLAMAV_FIELDS_MAX];
    struct range size, packed, unpacked, number;
    int64_t encrypted;
    int64_t crc;
};

static bool is_any(kj_span field)
{
    return kj_span_is(field, "*");
}

/* What is empty is never true. */
static bool read_range(kj_span text, struct range *out)
{
    size_t dash = kj_span_find_either(text, '-', '-', 0);
    uint64_t min, max;
    *out = (struct range){0, INT64_MAX};
    if (is_any(text))
        return true;
    if (text.len == 0) {
        *out = (struct range){1, 0};
        return true;
    }
    if (!kj_clamav_number(kj_span_sub(text, 0, dash), INT64_MAX, &min))
        return false;
    max = min;
    if (dash < text.len &&
        !kj_clamav_number(kj_span_sub(text, dash + 1, text.len), INT64_MAX, &max))
        return false;
    *out = (struct range){(int64_t)min, (int64_t)max};
    return true;
}

static bool read_flag(kj_span text, int64_t *out)
{
    *out = is_any(text) ? ANY : kj_span_is(text, "1");
    return is_any(text) || kj_span_is(text, "0") || kj_span_is(text, "1");
}

static int64_t read_crc(kj_span text)
{
    uint8_t bytes[4];
    if (text.len != 2 * sizeof bytes || !kj_hex_decode(text, bytes))
        return ANY;
    return (int64_t)((uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
                     bytes[3]);
}

static kj_clamav_result read_ranges(struct container *s)
{
    const struct {
        size_t field;
        struct range *out;
    } ranges[] = {
        {SIZE, &s->size}, {PACKED, &s->packed}, {UNPACKED, &s->unpacked}, {NUMBER, &s->number}};
    for (size_t i = 0; i < KJ_COUNT(ranges); i++)
        if (!read_range(s->fields[ranges[i].field], ranges[i].out))
            return kj_clamav_malformed(s->c, s->fields[ranges[i].field],
                                       "this is a number, MIN-MAX or *");
    if (!read_flag(s->fields[ENCRYPTED], &s->encrypted))
        return kj_clamav_malformed(s->c, s->fields[ENCRYPTED],
                                   "whether it is encrypted is 0, 1 or *");
    s->crc = read_crc(s->fields[CRC]);
    return KJ_CLAMAV_TAKEN;
}

/* Without PCRE2 nobody knows whether it is well-formed. */
static kj_clamav_result check_member(const struct container *s)
{
    kj_span text = s->fields[MEMBER];
    kj_pcre *pcre = NULL;
    kj_error err = {0};
    if (text.len == 0)
        return kj_clamav_malformed(s->c, text, "a member's name is a regular expression or *");
    kj_status status = is_any(text) ? KJ_OK : kj_pcre_compile(text, KJ_PCRE_POSIX, &pcre, &err);
    kj_pcre_free(pcre);
    return status == KJ_MALFORMED ? kj_clamav_malformed(s->c, text, "%s", err.message)
                                  : KJ_CLAMAV_TAKEN;
}

static kj_clamav_result read_fields(struct container *s)
{
    kj_clamav *c = s->c;
    size_t count = kj_clamav_split(c->line.text, ':', s->fields);
    if (count < LEVELS || count > FIELDS_MAX)
        return kj_clamav_malformed(c, c->line.text,
                                   "a signature for containers has 10 to 12 fields");
    if (s->fields[NAME].len == 0)
        return kj_clamav_malformed(c, c->line.text, "a signature without a name");
    kj_clamav_result result = kj_clamav_check_levels(c, s->fields, LEVELS, count, NULL);
    if (result != KJ_CLAMAV_TAKEN)
        return result;
    if (!is_any(s->fields[TYPE]) && !kj_clamav_type_known(s->fields[TYPE]))
        return kj_clamav_malformed(c, s->fields[TYPE].len ? s->fields[TYPE] : c->line.text,
                                   "this is no type of ClamAV's");
    result = check_member(s);
    return result == KJ_CLAMAV_TAKEN ? read_ranges(s) : result;
}

/* clamav.has_members and clamav.member(...), and the container's own size */
static kj_expr *condition(const struct container *s)
{
    kj_clamav *c = s->c;
    kj_span name = is_any(s->fields[MEMBER]) ? (kj_span){0} : s->fields[MEMBER];
    kj_span type = is_any(s->fields[TYPE]) ? (kj_span){0} : s->fields[TYPE];
    kj_expr *const args[] = {
        kj_clamav_text(c, name),           kj_clamav_text(c, type),
        kj_clamav_int(c, s->packed.min),   kj_clamav_int(c, s->packed.max),
        kj_clamav_int(c, s->unpacked.min), kj_clamav_int(c, s->unpacked.max),
        kj_clamav_int(c, s->encrypted),    kj_clamav_int(c, s->number.min),
        kj_clamav_int(c, s->number.max),   kj_clamav_int(c, s->crc),
    };
    kj_expr *holds = kj_clamav_both(c, kj_clamav_field(c, "has_members", 0, NULL),
                                    kj_clamav_field(c, "member()", KJ_COUNT(args), args));
    if (is_any(s->fields[SIZE]))
        return holds;
    kj_expr *size = kj_clamav_node(c, KJ_OP_FILESIZE, KJ_TYPE_INT, KJ_NONE, 0, NULL);
    kj_expr *fits =
        kj_clamav_between(c, size, kj_clamav_int(c, s->size.min), kj_clamav_int(c, s->size.max));
    return kj_clamav_both(c, fits, holds);
}

kj_clamav_result kj_clamav_cdb(kj_clamav *c)
{
    struct container s = {.c = c};
    kj_clamav_result result = read_fields(&s);
    if (result != KJ_CLAMAV_TAKEN)
        return result;
    kj_expr *holds = condition(&s);
    return holds ? kj_clamav_add_rule(c, kj_clamav_get_mark(c), s.fields[NAME], KJ_ORIGIN_CONTAINER,
                                      KJ_TARGET_ANY, holds)
                 : KJ_CLAMAV_STARVED;
}
