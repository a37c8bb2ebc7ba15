/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates of Authenticode, trusted and blocked.
 *
 *     NAME;TRUSTED;SUBJECT;SERIAL;MODULUS;EXPONENT;CODE;TIME;CERT;NOT
 * BEFORE;COMMENT[;MinFL[;MaxFL]]
 *
 * Subject and serial number are SHA-1 digests of what the certificate has, in hex; no serial number
 * is any. Exponent, date and comment are not looked at, as in ClamAV. */
#include "rules/clamav/compile.h"

#include "base/text.h"

enum {
    NAME,
    TRUSTED,
    SUBJECT,
    SERIAL,
    MODULUS,
    USAGES = 6, /* code, time, cert */
    LEVELS = 11,
    FIELDS_MAX = LEVELS + 2,
    SHA1_DIGITS = 40,
};

static bool is_hex(kj_span text)
{
    for (size_t i = 0; i < text.len; i++)
        if (kj_hex_digit(text.data[i]) < 0)
            return false;
    return true;
}

/* The first field that is not as it must be; NULL when all are. */
static const char *find_problem(const kj_span *fields, kj_span *out_where, uint64_t *out_usages)
{
    uint64_t set;
    *out_usages = 0;
    *out_where = fields[TRUSTED];
    if (!kj_clamav_number(fields[TRUSTED], 1, &set))
        return "a certificate is trusted, 1, or blocked, 0";
    *out_where = fields[SUBJECT];
    if (fields[SUBJECT].len != SHA1_DIGITS || !is_hex(fields[SUBJECT]))
        return "the subject is a SHA-1, of 40 hex digits";
    *out_where = fields[SERIAL];
    if ((fields[SERIAL].len != SHA1_DIGITS && fields[SERIAL].len > 0) || !is_hex(fields[SERIAL]))
        return "the serial number is a SHA-1, of 40 hex digits, or empty";
    *out_where = fields[MODULUS];
    if (fields[MODULUS].len == 0 || !is_hex(fields[MODULUS]))
        return "the public key's modulus is in hex";
    for (unsigned i = 0; i < 3; i++) {
        *out_where = fields[USAGES + i];
        if (!kj_clamav_number(*out_where, 1, &set))
            return "what a certificate may be used for is 0 or 1";
        *out_usages |= set << i;
    }
    return NULL;
}

static kj_clamav_result add(kj_clamav *c, const kj_span *fields, uint64_t usages)
{
    bool trusted = kj_span_is(fields[TRUSTED], "1");
    kj_expr *const args[] = {
        kj_clamav_text(c, fields[SUBJECT]),
        kj_clamav_text(c, fields[SERIAL]),
        kj_clamav_text(c, fields[MODULUS]),
        trusted ? kj_clamav_int(c, (int64_t)usages) : NULL,
    };
    kj_expr *signs = trusted ? kj_clamav_field(c, "signed_by()", 4, args)
                             : kj_clamav_field(c, "has_certificate()", 3, args);
    return kj_clamav_add_rule_of(c, kj_clamav_get_mark(c), fields[NAME], KJ_ORIGIN_CERTIFICATE,
                                 trusted ? KJ_CLASS_TRUSTED : KJ_CLASS_FAMILY, KJ_TARGET_PE, signs);
}

kj_clamav_result kj_clamav_crb(kj_clamav *c)
{
    kj_span fields[KJ_CLAMAV_FIELDS_MAX], where;
    uint64_t usages;
    size_t count = kj_clamav_split(c->line.text, ';', fields);
    if (count < LEVELS || count > FIELDS_MAX)
        return kj_clamav_malformed(c, c->line.text, "a certificate has 11 to 13 fields");
    kj_clamav_level level = kj_clamav_levels(fields, LEVELS, count, NULL);
    if (level == KJ_LEVEL_MALFORMED)
        return kj_clamav_malformed(c, fields[LEVELS], "functionality levels are numbers");
    if (level == KJ_LEVEL_OTHER)
        return kj_clamav_left_out(c, KJ_CLAMAV_OTHER_LEVEL);
    const char *problem = find_problem(fields, &where, &usages);
    if (problem)
        return kj_clamav_malformed(c, where, "%s", problem);
    if (fields[NAME].len == 0)
        return kj_clamav_malformed(c, c->line.text, "a certificate without a name");
    return add(c, fields, usages);
}
