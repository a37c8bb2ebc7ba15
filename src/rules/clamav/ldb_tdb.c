/* SPDX-License-Identifier: Apache-2.0 */
/* Target descriptions of logical signatures: KEY:VALUE,KEY:VALUE...
 *
 *     Engine:MIN-MAX           functionality levels; first, if it is there
 *     Target:N                 always there
 *     FileSize:MIN-MAX         bytes of the object
 *     EntryPoint:MIN-MAX       its offset, of a program
 *     NumberOfSections:MIN-MAX
 *     Container:CL_TYPE        the type of what the object is in; CL_TYPE_ANY: in nothing
 *     Intermediates:A>B        types of what it is in, the innermost last
 *     IconGroup1, IconGroup2   icons of a program; not supported
 *     HandlerType:CL_TYPE      detects nothing: the object is read as that type, too
 *
 * All but the first two need an Engine of 51 or more. ClamAV does not load what has a key or a type
 * that it does not know; such lines are counted. */
#include "rules/clamav/ldb.h"

#include "base/arith.h"

enum { NEEDED_LEVEL = 51 };

/* A description under way. */
struct description {
    kj_ldb *ldb;
    size_t number; /* of the key */
    uint64_t min_level;
    bool has_target;
    bool is_newer;        /* has keys that need a level */
    bool is_of_program;   /* or that only programs have */
    const char *left_out; /* why it is, if it is well-formed */
};

static kj_clamav_result refuse(struct description *d, kj_span where, const char *sentence)
{
    return kj_clamav_malformed(d->ldb->c, where.len ? where : d->ldb->c->line.text, "%s", sentence);
}

static kj_clamav_result leave_out(struct description *d, const char *reason)
{
    if (!d->left_out)
        d->left_out = reason;
    return KJ_CLAMAV_TAKEN;
}

static kj_clamav_result add_fact(struct description *d, kj_expr *fact)
{
    kj_ldb *ldb = d->ldb;
    ldb->facts = ldb->facts ? kj_clamav_both(ldb->c, ldb->facts, fact) : fact;
    return ldb->facts ? KJ_CLAMAV_TAKEN : KJ_CLAMAV_STARVED;
}

/* ---- values -------------------------------------------------------------------------------- */

/* An empty number is 0. */
static bool read_range(kj_span text, uint64_t *out_min, uint64_t *out_max)
{
    size_t dash = kj_span_find_either(text, '-', '-', 0);
    kj_span min = kj_span_sub(text, 0, dash), max = kj_span_sub(text, dash + 1, text.len);
    *out_max = 0;
    return dash < text.len && kj_clamav_number(min, UINT32_MAX, out_min) &&
           (max.len == 0 || kj_clamav_number(max, UINT32_MAX, out_max));
}

static kj_clamav_result add_range(struct description *d, kj_span text, kj_expr *value)
{
    kj_clamav *c = d->ldb->c;
    uint64_t min, max;
    if (!read_range(text, &min, &max))
        return refuse(d, text, "this is MIN-MAX, two numbers");
    return add_fact(d, kj_clamav_between(c, value, kj_clamav_int(c, (int64_t)min),
                                         kj_clamav_int(c, (int64_t)max)));
}

static kj_clamav_result add_text(struct description *d, const char *path, kj_span text)
{
    kj_expr *const arg = kj_clamav_text(d->ldb->c, text);
    return add_fact(d, kj_clamav_field(d->ldb->c, path, 1, &arg));
}

/* ---- keys ---------------------------------------------------------------------------------- */

#define UNKNOWN_TYPE KJ_SENTENCE("it names a type that ClamAV 1.4 does not know")

static kj_clamav_result read_engine(struct description *d, kj_span text)
{
    uint64_t max;
    if (d->number != 0)
        return refuse(d, text, "Engine is the first key");
    if (!read_range(text, &d->min_level, &max))
        return refuse(d, text, "this is MIN-MAX, two numbers");
    bool fits = d->min_level <= KJ_CLAMAV_LEVEL && KJ_CLAMAV_LEVEL <= max;
    return fits ? KJ_CLAMAV_TAKEN : leave_out(d, KJ_CLAMAV_OTHER_LEVEL);
}

static kj_clamav_result read_target(struct description *d, kj_span text)
{
    d->has_target = true;
    return kj_clamav_target(d->ldb->c, text, &d->ldb->target);
}

static kj_clamav_result read_size(struct description *d, kj_span text)
{
    return add_range(d, text, kj_clamav_field(d->ldb->c, "size", 0, NULL));
}

static kj_clamav_result read_entry_point(struct description *d, kj_span text)
{
    d->is_of_program = true;
    return add_range(d, text, kj_clamav_field(d->ldb->c, "entry_point", 0, NULL));
}

static kj_clamav_result read_sections(struct description *d, kj_span text)
{
    d->is_of_program = true;
    return add_range(d, text, kj_clamav_field(d->ldb->c, "sections", 0, NULL));
}

static kj_clamav_result read_container(struct description *d, kj_span text)
{
    return kj_clamav_type_known(text) ? add_text(d, "container()", text)
                                      : leave_out(d, UNKNOWN_TYPE);
}

static kj_clamav_result read_intermediates(struct description *d, kj_span text)
{
    enum { MOST = 16 };
    kj_span types[KJ_CLAMAV_FIELDS_MAX];
    size_t count = kj_clamav_split(text, '>', types);
    if (count > MOST)
        return refuse(d, text, "there are 16 types at most");
    for (size_t i = 0; i < count; i++)
        if (!kj_clamav_type_known(types[i]))
            return leave_out(d, UNKNOWN_TYPE);
    return add_text(d, "intermediates()", text);
}

static kj_clamav_result read_icons(struct description *d, kj_span text)
{
    (void)text;
    d->is_of_program = true;
    return leave_out(d, KJ_SENTENCE("it looks at the icons of programs"));
}

static kj_clamav_result read_handler(struct description *d, kj_span text)
{
    if (!kj_clamav_type_known(text))
        return leave_out(d, UNKNOWN_TYPE);
    d->ldb->handler = text;
    return KJ_CLAMAV_TAKEN;
}

static const struct {
    const char *name;
    kj_clamav_result (*read)(struct description *d, kj_span text);
    bool is_newer;
} keys[] = {
    {"Engine", read_engine, false},
    {"Target", read_target, false},
    {"FileSize", read_size, true},
    {"EntryPoint", read_entry_point, true},
    {"NumberOfSections", read_sections, true},
    {"Container", read_container, true},
    {"Intermediates", read_intermediates, true},
    {"IconGroup1", read_icons, true},
    {"IconGroup2", read_icons, true},
    {"HandlerType", read_handler, true},
};

static kj_clamav_result read_pair(struct description *d, kj_span pair)
{
    size_t colon = kj_span_find_either(pair, ':', ':', 0), row = 0;
    if (colon == pair.len)
        return refuse(d, pair, "a target description is of pairs KEY:VALUE");
    while (row < KJ_COUNT(keys) && !kj_span_is(kj_span_sub(pair, 0, colon), keys[row].name))
        row++;
    if (row == KJ_COUNT(keys))
        return leave_out(d, KJ_SENTENCE("its target description has a key that is not known"));
    d->is_newer |= keys[row].is_newer;
    return keys[row].read(d, kj_span_sub(pair, colon + 1, pair.len));
}

kj_clamav_result kj_ldb_description(kj_ldb *ldb, kj_span text)
{
    struct description d = {.ldb = ldb};
    kj_span pairs[KJ_CLAMAV_FIELDS_MAX];
    size_t count = kj_clamav_split(text, ',', pairs);
    if (count == SIZE_MAX)
        return refuse(&d, text, "a target description has so many keys");
    for (; d.number < count; d.number++) {
        kj_clamav_result result = read_pair(&d, pairs[d.number]);
        if (result != KJ_CLAMAV_TAKEN)
            return result;
    }
    if (d.left_out)
        return kj_clamav_left_out(ldb->c, d.left_out);
    if (!d.has_target)
        return refuse(&d, text, "a target description says Target");
    if (d.is_newer && d.min_level < NEEDED_LEVEL)
        return refuse(&d, text, "keys but Target need an Engine of 51 or more");
    if (d.is_of_program && !kj_target_is_program(ldb->target))
        return refuse(&d, text, "entry points, sections and icons are of programs");
    return KJ_CLAMAV_TAKEN;
}
