/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates of Authenticode, trusted and blocked.
 *
 *     NAME;TRUSTED;SUBJECT;SERIAL;MODULUS;EXPONENT;CODE;TIME;CERT;BEFORE;COMMENT[;MinFL[;MaxFL]]
 *
 * Subject and serial number are SHA-1 digests of what the certificate has, in hex; no serial number
 * is any. Exponent, date and comment are not looked at, as in ClamAV. */
#include "rules/clamav/state.h"

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

/* The first field that is not as it must be; NULL when all are. */
static const char *find_problem(const kj_span *fields, kj_span *out_where, uint64_t *out_usages)
{
    uint64_t set;
    *out_usages = 0;
    *out_where = fields[TRUSTED];
    if (!kj_clamav_number(fields[TRUSTED], 1, &set))
        return "a certificate is trusted, 1, or blocked, 0";
    *out_where = fields[SUBJECT];
    if (fields[SUBJECT].len != SHA1_DIGITS || !kj_clamav_is_hex(fields[SUBJECT]))
        return "the subject is a SHA-1, of 40 hex digits";
    *out_where = fields[SERIAL];
    if ((fields[SERIAL].len != SHA1_DIGITS && fields[SERIAL].len > 0) ||
        !kj_clamav_is_hex(fields[SERIAL]))
        return "the serial number is a SHA-1, of 40 hex digits, or empty";
    *out_where = fields[MODULUS];
    if (fields[MODULUS].len == 0 || !kj_clamav_is_hex(fields[MODULUS]))
        return "the public key's modulus is in hex";
    for (unsigned i = 0; i < 3; i++) {
        *out_where = fields[USAGES + i];
        if (!kj_clamav_number(*out_where, 1, &set))
            return "what a certificate may be used for is 0 or 1";
        *out_usages |= set << i;
    }
    return NULL;
}

/* ---- rules ----------------------------------------------------------------------------------- */

static kj_clamav_result add_blocked(kj_clamav *c, const kj_span *fields)
{
    kj_expr *const args[] = {kj_clamav_text(c, fields[SUBJECT]), kj_clamav_text(c, fields[SERIAL]),
                             kj_clamav_text(c, fields[MODULUS])};
    size_t rule = c->ir->rules.count;
    kj_clamav_result result = kj_clamav_add_rule_of(
        c, kj_clamav_get_mark(c), fields[NAME], KJ_ORIGIN_CERTIFICATE, KJ_CLASS_FAMILY,
        KJ_TARGET_PE, kj_clamav_field(c, "has_certificate()", 3, args));
    if (result != KJ_CLAMAV_TAKEN || c->more->blocked.count == KJ_EXPR_MAX_ARGS)
        return result;
    kj_expr *blocked = kj_clamav_node(c, KJ_OP_RULE, KJ_TYPE_BOOL, (uint32_t)rule, 0, NULL);
    return blocked && kj_vec_add(&c->more->blocked, blocked) ? result : KJ_CLAMAV_STARVED;
}

/* The private rule that a blocked certificate was found, if any are known; false without memory. */
static bool need_any_blocked(kj_clamav *c)
{
    struct kj_clamav_private *more = c->more;
    if (more->any_blocked || more->blocked.count == 0)
        return true;
    const kj_rule rule = {
        .name = kj_span_str("blocked certificate"),
        .space = kj_span_str("clamav"),
        .flags = (uint32_t)KJ_ORIGIN_CERTIFICATE << KJ_RULE_ORIGIN_SHIFT | KJ_RULE_PRIVATE,
        .threat = KJ_NONE,
        .first_pattern = (uint32_t)c->ir->patterns.count,
        .condition = kj_clamav_node(c, KJ_OP_OR, KJ_TYPE_BOOL, KJ_NONE, more->blocked.count,
                                    more->blocked.items),
    };
    if (!rule.condition || !kj_vec_add(&c->ir->rules, rule))
        return false;
    more->any_blocked = (uint32_t)c->ir->rules.count;
    return true;
}

static kj_expr *nobody_blocked(kj_clamav *c)
{
    kj_expr *const blocked =
        kj_clamav_node(c, KJ_OP_RULE, KJ_TYPE_BOOL, c->more->any_blocked - 1, 0, NULL);
    return kj_clamav_node(c, KJ_OP_NOT, KJ_TYPE_BOOL, KJ_NONE, 1, &blocked);
}

/* Whoever is blocked is not trusted through somebody else: all blocked ones are to be known. */
static kj_clamav_result add_trusted(kj_clamav *c, const kj_span *fields, uint64_t usages)
{
    if (!kj_clamav_is_finishing(c))
        return kj_clamav_keep(c);
    kj_expr *const args[] = {kj_clamav_text(c, fields[SUBJECT]), kj_clamav_text(c, fields[SERIAL]),
                             kj_clamav_text(c, fields[MODULUS]), kj_clamav_int(c, (int64_t)usages)};
    if (!need_any_blocked(c))
        return KJ_CLAMAV_STARVED;
    kj_expr *trusted = kj_clamav_field(c, "signed_by()", 4, args);
    if (c->more->any_blocked)
        trusted = kj_clamav_both(c, nobody_blocked(c), trusted);
    return kj_clamav_add_rule_of(c, kj_clamav_get_mark(c), fields[NAME], KJ_ORIGIN_CERTIFICATE,
                                 KJ_CLASS_TRUSTED, KJ_TARGET_PE, trusted);
}

kj_clamav_result kj_clamav_crb(kj_clamav *c)
{
    kj_span fields[KJ_CLAMAV_FIELDS_MAX], where;
    uint64_t usages;
    size_t count = kj_clamav_split(c->line.text, ';', fields);
    if (count < LEVELS || count > FIELDS_MAX)
        return kj_clamav_malformed(c, c->line.text, "a certificate has 11 to 13 fields");
    kj_clamav_result result = kj_clamav_check_levels(c, fields, LEVELS, count, NULL);
    if (result != KJ_CLAMAV_TAKEN)
        return result;
    const char *problem = find_problem(fields, &where, &usages);
    if (problem)
        return kj_clamav_malformed(c, where, "%s", problem);
    if (fields[NAME].len == 0)
        return kj_clamav_malformed(c, c->line.text, "a certificate without a name");
    return kj_span_is(fields[TRUSTED], "1") ? add_trusted(c, fields, usages)
                                            : add_blocked(c, fields);
}
