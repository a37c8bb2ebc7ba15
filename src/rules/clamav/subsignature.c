/* SPDX-License-Identifier: Apache-2.0 */
/* Subsignatures of logical signatures: what kinds there are, and two of them.
 *
 *     [OFFSET:]BODY[::OPTIONS]          options i, w, a and f
 *     [OFFSET:]TRIGGER/REGEX/[FLAGS]    a PCRE; the trigger is an expression over ids before it
 *     ID(OFFSET#OPTIONS#COMPARISONS)    byte_compare.c
 *     ${MIN-MAX}GROUP$                  macro.c
 *     fuzzy_img#HASH[#DISTANCE]         a picture; not supported
 *
 * A REGEX is all up to the last slash. It begins at its offset: without a range and the flag r it
 * is anchored there, with a range it must begin in it, and with e its subject is the range. */
#include "rules/clamav/ldb.h"

#include "base/arith.h"
#include "base/text.h"
#include "rules/clamav/regex_part.h"

/* The part before a byte, and what is behind it; false when it is not there. */
static bool part_at(kj_span text, uint8_t byte, kj_span *out_before, kj_span *out_behind)
{
    size_t at = kj_span_find_either(text, byte, byte, 0);
    if (at == text.len)
        return false;
    *out_before = kj_span_sub(text, 0, at);
    *out_behind = kj_span_sub(text, at + 1, text.len);
    return true;
}

/* A letter that says something. */
struct letter {
    uint8_t letter;
    uint32_t flag;
};

static kj_clamav_result read_letters(kj_clamav *c, kj_span text, const struct letter *rows,
                                     size_t count, const char *sentence, uint32_t *out)
{
    for (size_t i = 0; i < text.len; i++) {
        size_t row = 0;
        while (row < count && rows[row].letter != text.data[i])
            row++;
        if (row == count)
            return kj_clamav_malformed(c, kj_span_sub(text, i, 1), "%s", sentence);
        *out |= rows[row].flag;
    }
    return KJ_CLAMAV_TAKEN;
}

/* ---- bodies -------------------------------------------------------------------------------- */

static const struct letter body_options[] = {
    {'i', KJ_BODY_NOCASE},
    {'w', KJ_BODY_WIDE},
    {'a', KJ_BODY_ASCII},
    {'f', KJ_BODY_FULLWORD},
};

static kj_clamav_result read_place(const kj_ldb *ldb, kj_span text, kj_clamav_place *out)
{
    kj_clamav_result result = kj_clamav_offset(ldb->c, text, ldb->target, out);
    if (result == KJ_CLAMAV_TAKEN && out->kind == KJ_PLACE_MACRO)
        return kj_clamav_malformed(ldb->c, text, "only .ndb lines are members of macro groups");
    return result;
}

/* `$s`, and the id. */
static kj_span identifier(kj_clamav *c, uint32_t id)
{
    const char *text = kj_arena_printf(&c->ir->arena, "$s%u", (unsigned)id);
    return kj_span_str(text);
}

static kj_clamav_result compile_body(kj_ldb *ldb, uint32_t id)
{
    kj_clamav *c = ldb->c;
    kj_sub *sub = &ldb->subs[id];
    kj_span body = ldb->texts[id], offset, rest;
    unsigned options = 0;
    kj_clamav_result result = KJ_CLAMAV_TAKEN;
    *sub = (kj_sub){.kind = KJ_SUB_BODY, .place = {.kind = KJ_PLACE_ANYWHERE}};
    size_t end = kj_span_find(body, kj_span_str("::"), 0);
    if (end != SIZE_MAX) {
        result = read_letters(c, kj_span_sub(body, end + 2, body.len), body_options,
                              KJ_COUNT(body_options), "the options of a body are i, w, a and f",
                              &options);
        body = kj_span_sub(body, 0, end);
    }
    if (result == KJ_CLAMAV_TAKEN && part_at(body, ':', &offset, &rest)) {
        result = read_place(ldb, offset, &sub->place);
        body = rest;
    }
    if (result == KJ_CLAMAV_TAKEN)
        result = kj_clamav_body(c, body, options, identifier(c, id), &sub->pattern);
    if (result != KJ_CLAMAV_TAKEN)
        return result;
    sub->holds = kj_clamav_found(c, sub->pattern, &sub->place);
    return sub->holds ? KJ_CLAMAV_TAKEN : KJ_CLAMAV_STARVED;
}

/* ---- regular expressions ------------------------------------------------------------------- */

enum { ROLLING = 1 << 16 }; /* r: an offset without a range is where the search begins */

static const struct letter regex_flags[] = {
    {'i', KJ_PCRE_CASELESS}, {'s', KJ_PCRE_DOTALL},   {'m', KJ_PCRE_MULTILINE},
    {'x', KJ_PCRE_EXTENDED}, {'A', KJ_PCRE_ANCHORED}, {'E', KJ_PCRE_DOLLAR_ENDONLY},
    {'U', KJ_PCRE_UNGREEDY}, {'g', KJ_PCRE_GLOBAL},   {'e', KJ_PCRE_WITHIN},
    {'r', ROLLING},
};

static kj_clamav_result read_regex_flags(kj_clamav *c, kj_span text, uint32_t *out)
{
    size_t end = kj_span_find(text, kj_span_str("::"), 0); /* ClamAV does not look behind it */
    return read_letters(c, kj_span_sub(text, 0, end), regex_flags, KJ_COUNT(regex_flags),
                        "the flags of a regular expression are g, r, e, i, s, m, x, A, E and U",
                        out);
}

/* A regular expression under way. */
struct regex {
    kj_span trigger;
    kj_span offset;
    kj_span text;
    uint32_t flags;
    kj_clamav_place place; /* of the offset */
    kj_logic *logic;       /* of the trigger */
};

static kj_clamav_result split_regex(kj_clamav *c, kj_span text, struct regex *out)
{
    kj_span before, rest;
    size_t end = text.len;
    while (end > 0 && text.data[end - 1] != '/')
        end--;
    if (!part_at(text, '/', &before, &rest) || end < before.len + 2)
        return kj_clamav_malformed(c, text, "a regular expression stands between two slashes");
    out->text = kj_span_sub(text, before.len + 1, end - before.len - 2);
    out->offset = kj_span_str("*");
    if (!part_at(before, ':', &out->offset, &out->trigger))
        out->trigger = before;
    if (out->text.len == 0)
        return kj_clamav_malformed(c, text, "the regular expression is empty");
    if (out->trigger.len == 0)
        return kj_clamav_malformed(
            c, text, "a regular expression has a trigger: an expression of other subsignatures");
    return read_regex_flags(c, kj_span_sub(text, end, text.len), &out->flags);
}

/* Without PCRE2 nobody knows whether it is well-formed. */
static kj_clamav_result check_regex(kj_clamav *c, const struct regex *regex)
{
    enum { MODES = KJ_PCRE_GLOBAL - 1 };
    kj_pcre *pcre = NULL;
    kj_error err = {0};
    kj_status status = kj_pcre_compile(regex->text, regex->flags & MODES, &pcre, &err);
    kj_pcre_free(pcre);
    kj_span where = kj_span_sub(regex->text, (size_t)err.offset, 1);
    return status == KJ_MALFORMED
               ? kj_clamav_malformed(c, where.len ? where : regex->text, "%s", err.message)
               : KJ_CLAMAV_TAKEN;
}

/* clamav.regex(text, flags, from, to) */
static kj_expr *regex_field(kj_clamav *c, const struct regex *regex)
{
    const kj_clamav_place *place = &regex->place;
    uint32_t flags = regex->flags & ~(uint32_t)(ROLLING | KJ_PCRE_WITHIN);
    bool at = place->kind == KJ_PLACE_AT, in = place->kind == KJ_PLACE_IN;
    if (at && !(regex->flags & ROLLING))
        flags |= KJ_PCRE_ANCHORED;
    if (in)
        flags |= regex->flags & KJ_PCRE_WITHIN;
    kj_expr *const args[] = {
        kj_clamav_text(c, regex->text),
        kj_clamav_int(c, flags),
        at || in ? place->from : kj_clamav_int(c, 0),
        in ? place->to : kj_clamav_int(c, -1),
    };
    return kj_clamav_field(c, "regex()", KJ_COUNT(args), args);
}

/* The trigger, and that a part of the regular expression is there. */
static kj_expr *with_part(kj_ldb *ldb, uint32_t id, const struct regex *regex, kj_expr *trigger,
                          bool *out_starved)
{
    kj_clamav *c = ldb->c;
    const kj_clamav_place anywhere = {.kind = KJ_PLACE_ANYWHERE};
    const kj_re *part = kj_clamav_regex_part(&c->ir->arena, regex->text, regex->flags, out_starved);
    if (!part)
        return trigger;
    const char *source = kj_arena_printf(&c->ir->arena, "/%.*s/%x", (int)regex->text.len,
                                         (const char *)regex->text.data, regex->flags);
    kj_pattern pattern = {
        .kind = KJ_PATTERN_HEX,
        .modifiers = KJ_MOD_PRIVATE,
        .identifier = identifier(c, id),
        .source = kj_span_str(source),
        .re = part,
    };
    *out_starved = !pattern.identifier.data || !source || !kj_vec_add(&c->ir->patterns, pattern);
    uint32_t index = (uint32_t)c->ir->patterns.count - 1;
    return *out_starved ? NULL : kj_clamav_both(c, trigger, kj_clamav_found(c, index, &anywhere));
}

static kj_clamav_result read_regex(kj_ldb *ldb, uint32_t id, struct regex *out)
{
    kj_clamav *c = ldb->c;
    uint32_t ids;
    kj_clamav_result result = split_regex(c, ldb->texts[id], out);
    if (result == KJ_CLAMAV_TAKEN)
        result = check_regex(c, out);
    if (result == KJ_CLAMAV_TAKEN)
        result = read_place(ldb, out->offset, &out->place);
    if (result == KJ_CLAMAV_TAKEN) /* of the ids before its own */
        result = kj_logic_read(c, &ldb->pool, out->trigger, id, &out->logic, &ids);
    if (result == KJ_CLAMAV_TAKEN && out->place.kind == KJ_PLACE_VERSION)
        return kj_clamav_left_out(
            c, KJ_SENTENCE("a regular expression at an entry of the version information"));
    return result;
}

static kj_clamav_result compile_regex(kj_ldb *ldb, uint32_t id)
{
    kj_clamav *c = ldb->c;
    struct regex regex = {0};
    kj_clamav_result result = read_regex(ldb, id, &regex);
    if (result != KJ_CLAMAV_TAKEN)
        return result;
    bool starved = false;
    kj_expr *count = regex_field(c, &regex), *where = kj_logic_holds(ldb, regex.logic);
    if (regex.place.needs_program)
        where = kj_clamav_both(c, where, kj_clamav_field(c, "is_program", 0, NULL));
    where = with_part(ldb, id, &regex, where, &starved);
    kj_expr *holds = kj_clamav_both(c, where, kj_clamav_compare(c, KJ_OP_GT, count, 0));
    ldb->subs[id] = (kj_sub){.kind = KJ_SUB_REGEX,
                             .holds = holds,
                             .trigger = where,
                             .count = regex.flags & KJ_PCRE_GLOBAL ? count : NULL};
    return holds && !starved ? KJ_CLAMAV_TAKEN : KJ_CLAMAV_STARVED;
}

static kj_clamav_result compile_picture(kj_ldb *ldb, uint32_t id)
{
    (void)id;
    return kj_clamav_left_out(ldb->c, KJ_SENTENCE("it looks for similar pictures (fuzzy_img)"));
}

/* ---- kinds --------------------------------------------------------------------------------- */

/* By what is in it: the first row that fits. What refers to others comes in a later pass. */
static const struct {
    const char *begins;
    const char *contains;
    kj_clamav_result (*compile)(kj_ldb *ldb, uint32_t id);
    unsigned pass;
} kinds[] = {
    {"$", "", kj_ldb_macro, 1},  {"fuzzy_img#", "", compile_picture, 0},
    {"", "/", compile_regex, 2}, {"", "#", kj_ldb_byte_compare, 1},
    {"", "", compile_body, 0},
};

static size_t kind_of(kj_span text)
{
    size_t row = 0;
    while (!kj_span_starts(text, kj_span_str(kinds[row].begins)) ||
           kj_span_find(text, kj_span_str(kinds[row].contains), 0) == SIZE_MAX)
        row++;
    return row;
}

kj_clamav_result kj_ldb_subs(kj_ldb *ldb)
{
    enum { PASSES = 3 };
    memset(ldb->subs, 0, ldb->sub_count * sizeof *ldb->subs);
    for (unsigned pass = 0; pass < PASSES; pass++) {
        for (uint32_t id = 0; id < ldb->sub_count; id++) {
            size_t kind = kind_of(ldb->texts[id]);
            kj_clamav_result result =
                kinds[kind].pass == pass ? kinds[kind].compile(ldb, id) : KJ_CLAMAV_TAKEN;
            if (result != KJ_CLAMAV_TAKEN)
                return result;
        }
    }
    return KJ_CLAMAV_TAKEN;
}

bool kj_ldb_has_macros(const kj_ldb *ldb)
{
    for (uint32_t id = 0; id < ldb->sub_count; id++)
        if (kinds[kind_of(ldb->texts[id])].compile == kj_ldb_macro)
            return true;
    return false;
}
