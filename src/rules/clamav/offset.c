/* SPDX-License-Identifier: Apache-2.0 */
/* Where signatures may match.
 *
 *     *             anywhere
 *     n             at n, from the start
 *     EOF-n         n bytes before the end
 *     EP+n  EP-n    from the entry point              of PE, ELF and Mach-O files only, as all
 *     Sx+n  SL+n    from the start of section x, or of the last       that follow
 *     SEx           anywhere in section x
 *     VI            at an entry of the version information
 *     $g$           of macro group g
 *     ...,m         at the offset, or up to m bytes behind it
 *
 * Numbers are decimal and may be missing: then they are 0. */
#include "rules/clamav/compile.h"

#include "base/text.h"

enum { OFFSET_MAX = 64 };

/* What is read of the offset, and what is left. */
struct offset {
    kj_clamav *c;
    kj_span left;
    uint32_t target;
    kj_clamav_place *out;
};

static bool take(struct offset *o, const char *word)
{
    kj_span prefix = kj_span_str(word);
    if (!kj_span_starts(o->left, prefix))
        return false;
    o->left = kj_span_sub(o->left, prefix.len, o->left.len);
    return true;
}

/* All digits that follow; none are 0. False for a number that no file has bytes for. */
static bool take_number(struct offset *o, int64_t *out)
{
    uint64_t value = 0;
    size_t len = 0;
    while (len < o->left.len && kj_is_digit(o->left.data[len]))
        len++;
    if (len > 0 && !kj_clamav_number(kj_span_sub(o->left, 0, len), UINT32_MAX, &value))
        return false;
    o->left = kj_span_sub(o->left, len, o->left.len);
    *out = (int64_t)value;
    return true;
}

static kj_expr *section(kj_clamav *c, const char *path, int64_t number)
{
    kj_expr *const arg = kj_clamav_int(c, number);
    return kj_clamav_field(c, path, 1, &arg);
}

/* `from` becomes the place, which lasts for `more` bytes behind it. */
static void set_place(struct offset *o, kj_expr *from, kj_expr *end, int64_t more)
{
    bool single = !end && more == 0;
    *o->out = (kj_clamav_place){
        .kind = single ? KJ_PLACE_AT : KJ_PLACE_IN,
        .from = from,
        .to = single ? NULL : kj_clamav_sum(o->c, end ? end : from, more),
    };
}

/* Behind the base of the offset: ",m" and the end. */
static bool take_more(struct offset *o, int64_t *out)
{
    *out = 0;
    return (!take(o, ",") || take_number(o, out)) && o->left.len == 0;
}

/* ---- kinds of offsets ---------------------------------------------------------------------- */

typedef bool read_kind(struct offset *o);

static bool read_anywhere(struct offset *o)
{
    o->out->kind = KJ_PLACE_ANYWHERE;
    return o->left.len == 0;
}

static bool read_version(struct offset *o)
{
    int64_t more;
    o->out->kind = KJ_PLACE_VERSION;
    return take_more(o, &more);
}

static bool read_macro(struct offset *o)
{
    int64_t group;
    if (!take_number(o, &group) || group >= KJ_MACRO_GROUPS)
        return false;
    *o->out = (kj_clamav_place){.kind = KJ_PLACE_MACRO, .group = (uint32_t)group};
    return true; /* ClamAV does not look at what follows */
}

static bool read_end(struct offset *o)
{
    int64_t back, more;
    if (!take_number(o, &back) || !take_more(o, &more))
        return false;
    kj_expr *size = kj_clamav_node(o->c, KJ_OP_FILESIZE, KJ_TYPE_INT, KJ_NONE, 0, NULL);
    set_place(o, kj_clamav_sum(o->c, size, -back), NULL, more);
    o->out->needs_program = kj_target_is_program(o->target);
    return true;
}

static bool read_entry_point(struct offset *o)
{
    int64_t distance, more;
    bool back = !take(o, "+");
    if ((back && !take(o, "-")) || !take_number(o, &distance) || !take_more(o, &more))
        return false;
    kj_expr *entry = kj_clamav_field(o->c, "entry_point", 0, NULL);
    set_place(o, kj_clamav_sum(o->c, entry, back ? -distance : distance), NULL, more);
    return true;
}

static bool read_whole_section(struct offset *o)
{
    int64_t number, more;
    if (!take_number(o, &number) || !take_more(o, &more))
        return false;
    kj_expr *start = section(o->c, "section_start()", number);
    kj_expr *size = section(o->c, "section_size()", number);
    set_place(o, start, kj_clamav_binary(o->c, KJ_OP_ADD, KJ_TYPE_INT, start, size), more);
    return true;
}

static bool read_last_section(struct offset *o)
{
    int64_t distance, more;
    if (!take(o, "+") || !take_number(o, &distance) || !take_more(o, &more))
        return false;
    set_place(o, kj_clamav_sum(o->c, section(o->c, "section_start()", -1), distance), NULL, more);
    return true;
}

static bool read_section(struct offset *o)
{
    int64_t number, distance, more;
    size_t len = o->left.len;
    if (!take_number(o, &number) || o->left.len == len || !take(o, "+"))
        return false;
    len = o->left.len;
    if (!take_number(o, &distance) || o->left.len == len || !take_more(o, &more))
        return false;
    set_place(o, kj_clamav_sum(o->c, section(o->c, "section_start()", number), distance), NULL,
              more);
    return true;
}

static bool read_absolute(struct offset *o)
{
    int64_t from, more;
    if (!take_number(o, &from) || !take_more(o, &more))
        return false;
    set_place(o, kj_clamav_int(o->c, from), NULL, more);
    return true;
}

/* By how they begin, longer beginnings first. */
static const struct {
    const char *word;
    read_kind *read;
    bool of_program; /* only where target_is_program */
} kinds[] = {
    {"*", read_anywhere, false},     {"VI", read_version, true},
    {"$", read_macro, false},        {"EOF-", read_end, false},
    {"EP", read_entry_point, true},  {"SE", read_whole_section, true},
    {"SL", read_last_section, true}, {"S", read_section, true},
    {"", read_absolute, false},
};

bool kj_target_is_program(uint32_t target)
{
    return target == KJ_TARGET_PE || target == KJ_TARGET_ELF || target == KJ_TARGET_MACHO;
}

/* Whether all that was to be computed could be allocated. */
static bool is_whole(const kj_clamav_place *place)
{
    return (place->kind != KJ_PLACE_AT && place->kind != KJ_PLACE_IN) ||
           (place->from && (place->kind == KJ_PLACE_AT || place->to));
}

kj_clamav_result kj_clamav_offset(kj_clamav *c, kj_span text, uint32_t target, kj_clamav_place *out)
{
    kj_clamav_place place = {0};
    struct offset o = {c, text, target, &place};
    size_t kind = 0;
    while (!take(&o, kinds[kind].word))
        kind++;
    if (kinds[kind].of_program && !kj_target_is_program(target))
        return kj_clamav_malformed(
            c, text, "this offset is for programs only: PE (1), ELF (6) and Mach-O (9)");
    if (text.len > OFFSET_MAX || !kinds[kind].read(&o))
        return kj_clamav_malformed(c, text, "this is no offset");
    if (!is_whole(&place))
        return KJ_CLAMAV_STARVED;
    *out = place;
    return KJ_CLAMAV_TAKEN;
}
