/* SPDX-License-Identifier: Apache-2.0 */
/* Logical signatures, a line each:
 *
 *     NAME;TARGET DESCRIPTION;EXPRESSION;SUBSIGNATURE0;SUBSIGNATURE1;...
 *
 * Semicolons between the slashes of a regular expression part nothing. Subsignatures are compiled
 * first, then the expression over them becomes the condition of one rule. */
#include "rules/clamav/ldb.h"

#include <stdlib.h>

/* What is up to the next semicolon; moves behind it. `*more`: whether there was one. */
static kj_span take_field(kj_span *text, bool *more)
{
    size_t end = kj_span_find_either(*text, ';', ';', 0);
    kj_span field = kj_span_sub(*text, 0, end);
    *more = end < text->len;
    *text = kj_span_sub(*text, end + 1, text->len);
    return field;
}

/* Likewise; a slash that no backslash stands before begins or ends a regular expression. */
static kj_span take_sub(kj_span *text, bool *more)
{
    bool in_regex = false;
    size_t end = 0;
    for (; end < text->len && (in_regex || text->data[end] != ';'); end++)
        if (text->data[end] == '/' && (end == 0 || text->data[end - 1] != '\\'))
            in_regex = !in_regex;
    kj_span sub = kj_span_sub(*text, 0, end);
    *more = end < text->len;
    *text = kj_span_sub(*text, end + 1, text->len);
    return sub;
}

static kj_clamav_result split(kj_ldb *ldb, kj_span *out_description, kj_span *out_expression)
{
    kj_clamav *c = ldb->c;
    kj_span rest = c->line.text;
    bool more;
    ldb->name = take_field(&rest, &more);
    *out_description = take_field(&rest, &more);
    *out_expression = take_field(&rest, &more);
    if (!more)
        return kj_clamav_malformed(
            c, c->line.text,
            "a logical signature is NAME;TARGET DESCRIPTION;EXPRESSION;SUBSIGNATURE...");
    if (ldb->name.len == 0)
        return kj_clamav_malformed(c, c->line.text, "a signature without a name");
    for (ldb->sub_count = 0; more; ldb->sub_count++) {
        if (ldb->sub_count == KJ_LDB_SUBS_MAX)
            return kj_clamav_malformed(c, c->line.text, "there are 64 subsignatures at most");
        ldb->texts[ldb->sub_count] = take_sub(&rest, &more);
    }
    return KJ_CLAMAV_TAKEN;
}

static kj_clamav_result read_expression(kj_ldb *ldb, kj_span text, kj_logic **out)
{
    uint32_t ids;
    kj_clamav_result result = kj_logic_read(ldb->c, &ldb->pool, text, ldb->sub_count, out, &ids);
    if (result == KJ_CLAMAV_TAKEN && ids != ldb->sub_count)
        return kj_clamav_malformed(ldb->c, text,
                                   "the expression has %u ids, and there are %u subsignatures",
                                   (unsigned)ids, (unsigned)ldb->sub_count);
    return result;
}

/* The rule that was just added detects nothing: it says how an object is to be read. */
static kj_clamav_result make_handler(const kj_ldb *ldb)
{
    kj_ir *ir = ldb->c->ir;
    kj_rule *rule = &ir->rules.items[ir->rules.count - 1];
    kj_meta *meta = kj_new(&ir->arena, kj_meta);
    const char *type = kj_arena_text(&ir->arena, ldb->handler);
    if (!meta || !type)
        return KJ_CLAMAV_STARVED;
    *meta = (kj_meta){kj_span_str("handler"), kj_value_text(kj_span_str(type))};
    rule->metas = meta;
    rule->meta_count = 1;
    rule->flags &= ~(uint32_t)KJ_RULE_VIEWS;
    rule->flags |= KJ_RULE_PRIVATE | KJ_RULE_HANDLER;
    ir->detects.count = ldb->mark.detects;
    return KJ_CLAMAV_TAKEN;
}

static kj_clamav_result add_rule(kj_ldb *ldb, kj_logic *logic)
{
    kj_clamav *c = ldb->c;
    kj_expr *condition = kj_logic_holds(ldb, logic);
    if (condition && !kj_clamav_is_moderate(condition))
        return kj_clamav_left_out(c, KJ_SENTENCE("its expression is too large"));
    if (ldb->facts)
        condition = kj_clamav_both(c, condition, ldb->facts);
    if (!condition)
        return KJ_CLAMAV_STARVED;
    kj_clamav_result result =
        kj_clamav_add_rule(c, ldb->mark, ldb->name, KJ_ORIGIN_LOGICAL, ldb->target, condition);
    return result == KJ_CLAMAV_TAKEN && ldb->handler.len ? make_handler(ldb) : result;
}

static kj_clamav_result compile(kj_ldb *ldb)
{
    kj_span description, expression;
    kj_logic *logic = NULL;
    kj_clamav_result result = split(ldb, &description, &expression);
    if (result == KJ_CLAMAV_TAKEN)
        result = kj_ldb_description(ldb, description);
    if (result == KJ_CLAMAV_TAKEN)
        result = read_expression(ldb, expression, &logic);
    if (result == KJ_CLAMAV_TAKEN && kj_ldb_has_macros(ldb) && !kj_clamav_is_finishing(ldb->c))
        return kj_clamav_keep(ldb->c);
    if (result == KJ_CLAMAV_TAKEN)
        result = kj_ldb_subs(ldb);
    return result == KJ_CLAMAV_TAKEN ? add_rule(ldb, logic) : result;
}

kj_clamav_result kj_clamav_ldb(kj_clamav *c)
{
    kj_ldb *ldb = malloc(sizeof *ldb); /* tens of KiB, most of which a line does not touch */
    if (!ldb)
        return KJ_CLAMAV_STARVED;
    ldb->c = c;
    ldb->mark = kj_clamav_get_mark(c);
    ldb->target = KJ_TARGET_ANY;
    ldb->facts = NULL;
    ldb->handler = (kj_span){0};
    ldb->pool.count = 0;
    kj_clamav_result result = compile(ldb);
    free(ldb);
    return result;
}
