/* SPDX-License-Identifier: Apache-2.0 */
/* Body signatures.
 *
 *     .ndb .ndu .sdb    NAME:TARGET:OFFSET:BODY[:MinFL[:MaxFL]]
 *     .db               NAME=BODY */
#include "rules/clamav/compile.h"

enum { NAME, TARGET, OFFSET, BODY, LEVELS, FIELDS_MAX = LEVELS + 2 };

/* ClamAV searches for bodies without wildcards in another way, which needs three bytes: for target
 * 0, and for target 1 where an offset is given and is no range. */
enum { LITERAL_MIN = 3 };

static bool is_searched_otherwise(uint32_t target, kj_span offset)
{
    return target == KJ_TARGET_ANY || (target == KJ_TARGET_PE && !kj_span_is(offset, "*") &&
                                       kj_span_find_either(offset, ',', ',', 0) == offset.len);
}

static kj_clamav_result compile(kj_clamav *c, kj_span name, uint32_t target, kj_span offset,
                                kj_span body)
{
    kj_clamav_mark mark = kj_clamav_get_mark(c);
    kj_clamav_place place;
    uint32_t pattern;
    kj_clamav_result result = kj_clamav_offset(c, offset, target, &place);
    if (result == KJ_CLAMAV_TAKEN)
        result = kj_clamav_body(c, body, 0, kj_span_str("$a"), &pattern);
    if (result != KJ_CLAMAV_TAKEN)
        return result;
    if (place.kind == KJ_PLACE_MACRO) {
        kj_clamav_take_back(c, mark);
        return kj_clamav_add_macro(c, target, place.group, body) ? KJ_CLAMAV_TAKEN
                                                                 : KJ_CLAMAV_STARVED;
    }
    const kj_pattern *made = &c->ir->patterns.items[pattern];
    if (made->kind == KJ_PATTERN_TEXT && made->text.len < LITERAL_MIN &&
        is_searched_otherwise(target, offset))
        return kj_clamav_malformed(c, body, "a body without wildcards has at least 3 bytes");
    return kj_clamav_add_rule(c, mark, name, KJ_ORIGIN_BODY, target,
                              kj_clamav_found(c, pattern, &place));
}

kj_clamav_result kj_clamav_ndb(kj_clamav *c)
{
    kj_span fields[KJ_CLAMAV_FIELDS_MAX];
    uint32_t target = KJ_TARGET_ANY;
    size_t count = kj_clamav_split(c->line.text, ':', fields);
    if (count < LEVELS || count > FIELDS_MAX)
        return kj_clamav_malformed(c, c->line.text,
                                   "a body signature is NAME:TARGET:OFFSET:BODY[:MIN[:MAX]]");
    if (fields[NAME].len == 0)
        return kj_clamav_malformed(c, c->line.text, "a signature without a name");
    kj_clamav_result result = kj_clamav_check_levels(c, fields, LEVELS, count, NULL);
    if (result == KJ_CLAMAV_TAKEN && !kj_span_is(fields[TARGET], "*"))
        result = kj_clamav_target(c, fields[TARGET], &target);
    return result == KJ_CLAMAV_TAKEN
               ? compile(c, fields[NAME], target, fields[OFFSET], fields[BODY])
               : result;
}

kj_clamav_result kj_clamav_db(kj_clamav *c)
{
    kj_span fields[KJ_CLAMAV_FIELDS_MAX];
    if (kj_clamav_split(c->line.text, '=', fields) != 2 || fields[0].len == 0)
        return kj_clamav_malformed(c, c->line.text, "an old body signature is NAME=BODY");
    return compile(c, fields[0], KJ_TARGET_ANY, kj_span_str("*"), fields[1]);
}
