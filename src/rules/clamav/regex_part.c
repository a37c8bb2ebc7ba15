/* SPDX-License-Identifier: Apache-2.0 */
/* First the expression is read into a tree that matches at least what it matches: assertions and
 * look-around match nothing, `.` any byte, a back reference anything. Whatever is not known for
 * certain ends the reading, and there is no part. Then the part is chosen: the run of bytes that
 * chance finds least often; where runs are short, all that a run can begin with, spelled out. */
#include "rules/clamav/regex_part.h"

#include "base/arith.h"
#include "base/pcre.h"
#include "base/text.h"

#include <stdlib.h>

enum {
    PATTERN_MAX = 8192, /* bytes of an expression that is looked at */
    GROUPS_MAX = 120,   /* in one another */
    DEPTH_MAX = 40,     /* of a tree that is taken as it is */
    SPELLED_DEPTH = 2 * GROUPS_MAX + 8,
    WIDTH_MAX = 128,   /* bytes of a part */
    WEIGHT_MAX = 8192, /* and about how many instructions */
    STRICT_MAX = 4,    /* bytes that a class of a literal run has at most */
    RUN_MIN = 4,       /* classes of a literal run that is good enough */
    SPELLED_LEN = 6,   /* bytes of beginnings that are spelled out, at most, */
    SPELLED_MIN = 4,   /* and at least */
    SPELLED_MAX = 128, /* and how many */
};

typedef struct reading {
    kj_arena *arena;
    kj_span in;
    size_t pos;
    bool nocase;
    bool failed; /* it is not understood */
    bool starved;
    unsigned depth;
} reading;

static const kj_re *read_alternatives(reading *r);

/* ---- nodes --------------------------------------------------------------------------------- */

static kj_re *new_node(reading *r, kj_re_op op, size_t count)
{
    kj_re *re = kj_new(r->arena, kj_re);
    kj_re **children = count ? kj_new_array(r->arena, kj_re *, count) : NULL;
    if (!re || (count && !children)) {
        r->starved = r->failed = true;
        return NULL;
    }
    *re = (kj_re){.op = op, .children = children, .count = count};
    return re;
}

static kj_re *repeat_of(reading *r, const kj_re *child, uint32_t min, uint32_t max)
{
    kj_re *re = new_node(r, KJ_RE_REPEAT, 1);
    if (re) {
        re->children[0] = (kj_re *)(uintptr_t)child;
        re->min = min;
        re->max = max;
    }
    return re;
}

static kj_re *class_of(reading *r, kj_byte_set set)
{
    kj_re *re = new_node(r, KJ_RE_CLASS, 0);
    if (r->nocase)
        kj_byte_set_fold(&set);
    if (re)
        re->set = set;
    return re;
}

static kj_re *byte_of(reading *r, uint8_t byte)
{
    kj_byte_set set = {0};
    kj_byte_set_add(&set, byte);
    return class_of(r, set);
}

/* ---- reading ------------------------------------------------------------------------------- */

static unsigned peek(const reading *r, size_t ahead)
{
    return ahead < r->in.len - r->pos ? r->in.data[r->pos + ahead] : 0;
}

static bool at_end(const reading *r)
{
    return r->pos >= r->in.len;
}

static bool take(reading *r, const char *text)
{
    kj_span wanted = kj_span_str(text);
    if (!kj_span_starts(kj_span_sub(r->in, r->pos, wanted.len), wanted))
        return false;
    r->pos += wanted.len;
    return true;
}

static kj_re *give_up(reading *r)
{
    r->failed = true;
    return NULL;
}

/* The character behind a `\`, which is at r->pos; false: it is none that is known. */
static bool read_escaped(reading *r, uint8_t *out)
{
    static const char letters[] = "tnrfea", bytes[] = "\t\n\r\f\x1b\a";
    unsigned c = peek(r, 0);
    const char *letter = c ? strchr(letters, (int)c) : NULL;
    r->pos++;
    if (letter) {
        *out = (uint8_t)bytes[letter - letters];
        return true;
    }
    if (c == 'x') {
        unsigned value = 0;
        for (unsigned i = 0; i < 2 && kj_hex_digit(peek(r, 0)) >= 0; i++)
            value = value << 4 | (unsigned)kj_hex_digit(r->in.data[r->pos++]);
        *out = (uint8_t)value;
        return peek(r, 0) != '{';
    }
    *out = (uint8_t)c;
    return c != 0 && !kj_is_alnum((uint8_t)c);
}

/* An element of a class: *out_single says whether it is one byte, which may begin a range. */
static bool read_item(reading *r, kj_byte_set *set, uint8_t *out, bool *out_single)
{
    unsigned c = peek(r, 0);
    *out_single = true;
    *out = (uint8_t)c;
    if (c == '[' && (peek(r, 1) == ':' || peek(r, 1) == '.' || peek(r, 1) == '='))
        return false;
    r->pos++;
    if (c != '\\')
        return true;
    if (peek(r, 0) == 'b') {
        r->pos++;
        *out = '\b';
        return true;
    }
    if (kj_byte_set_add_named(set, peek(r, 0))) {
        r->pos++;
        *out_single = false;
        return true;
    }
    return read_escaped(r, out);
}

/* Behind the `[`. */
static kj_re *read_class(reading *r)
{
    kj_byte_set set = {0};
    bool inverted = take(r, "^");
    for (bool first = true; first || peek(r, 0) != ']'; first = false) {
        uint8_t from = 0, to = 0;
        bool single, last_single = true;
        if (at_end(r) || !read_item(r, &set, &from, &single))
            return give_up(r);
        to = from;
        if (peek(r, 0) == '-' && peek(r, 1) != ']') {
            r->pos++;
            if (!single || at_end(r) || !read_item(r, &set, &to, &last_single) || !last_single)
                return give_up(r);
        }
        if (single)
            kj_byte_set_add_range(&set, from, to);
    }
    r->pos++;
    if (r->nocase)
        kj_byte_set_fold(&set);
    if (inverted)
        kj_byte_set_invert(&set);
    return class_of(r, set);
}

static kj_re *anything(reading *r)
{
    kj_byte_set set = {0};
    kj_byte_set_invert(&set);
    return repeat_of(r, class_of(r, set), 0, KJ_RE_UNBOUNDED);
}

/* Behind the `\`. */
static kj_re *read_escape(reading *r)
{
    unsigned c = peek(r, 0);
    kj_byte_set set = {0};
    uint8_t byte;
    if (c == 'b' || c == 'B' || c == 'A' || c == 'z' || c == 'Z') {
        r->pos++;
        return new_node(r, KJ_RE_EMPTY, 0);
    }
    if (c >= '1' && c <= '9') { /* a reference, or a byte in octal: no more than anything */
        while (kj_is_digit((uint8_t)peek(r, 0)))
            r->pos++;
        return anything(r);
    }
    if (kj_byte_set_add_named(&set, c)) {
        r->pos++;
        return class_of(r, set);
    }
    return read_escaped(r, &byte) ? byte_of(r, byte) : give_up(r);
}

/* Behind the `(`. What looks around is read, and matches nothing. */
static const kj_re *read_group(reading *r)
{
    bool looks = false;
    if (peek(r, 0) == '*')
        return give_up(r);
    if (peek(r, 0) == '?') {
        looks = take(r, "?=") || take(r, "?!") || take(r, "?<=") || take(r, "?<!");
        if (!looks && !take(r, "?:") && !take(r, "?>"))
            return give_up(r);
    }
    if (++r->depth > GROUPS_MAX)
        return give_up(r);
    const kj_re *inside = read_alternatives(r);
    r->depth--;
    if (r->failed || !take(r, ")"))
        return give_up(r);
    return looks ? new_node(r, KJ_RE_EMPTY, 0) : inside;
}

static const kj_re *read_single(reading *r)
{
    unsigned c = peek(r, 0);
    kj_byte_set set = {0};
    r->pos++;
    switch (c) {
    case '(':
        return read_group(r);
    case '[':
        return read_class(r);
    case '\\':
        return read_escape(r);
    case '^':
    case '$':
        return new_node(r, KJ_RE_EMPTY, 0);
    case '.':
        kj_byte_set_invert(&set);
        return class_of(r, set);
    case '*':
    case '+':
    case '?':
        return give_up(r);
    default:
        return byte_of(r, (uint8_t)c);
    }
}

static bool read_number(reading *r, size_t *at, uint32_t *out)
{
    uint32_t value = 0;
    size_t first = *at;
    while (kj_is_digit((uint8_t)peek(r, *at)) && value < 100000)
        value = value * 10 + (peek(r, (*at)++) - '0');
    *out = value;
    return *at > first;
}

/* Whether the brace at r->pos might begin a repetition: newer versions of PCRE2 (10.43) take `{,n}`
 * and blanks, older ones read them as they are. */
static bool may_repeat(const reading *r)
{
    size_t at = 1;
    while (kj_is_blank(peek(r, at)))
        at++;
    return kj_is_digit(peek(r, at)) || peek(r, at) == ',';
}

/* `{n}`, `{n,}` or `{n,m}` at r->pos; false: it is none of these. */
static bool read_braces(reading *r, uint32_t *min, uint32_t *max)
{
    size_t at = 1;
    if (!read_number(r, &at, min))
        return false;
    *max = *min;
    if (peek(r, at) == ',') {
        at++;
        if (!read_number(r, &at, max))
            *max = KJ_RE_UNBOUNDED;
    }
    if (peek(r, at) != '}')
        return false;
    r->pos += at + 1;
    return true;
}

static bool read_repeat(reading *r, uint32_t *min, uint32_t *max)
{
    *min = 0;
    *max = KJ_RE_UNBOUNDED;
    if (take(r, "*"))
        return true;
    if (take(r, "+")) {
        *min = 1;
        return true;
    }
    if (take(r, "?")) {
        *max = 1;
        return true;
    }
    if (peek(r, 0) != '{')
        return false;
    if (read_braces(r, min, max))
        return true;
    r->failed |= may_repeat(r);
    return false;
}

static const kj_re *read_piece(reading *r)
{
    uint32_t min, max;
    const kj_re *single = read_single(r);
    if (r->failed || !read_repeat(r, &min, &max))
        return single;
    if (!take(r, "?"))
        (void)take(r, "+");
    return repeat_of(r, single, min, max);
}

/* Joins what was collected as children of one node. */
struct list {
    const kj_re *items[256];
    size_t count;
};

static const kj_re *join(reading *r, kj_re_op op, const struct list *list)
{
    if (list->count == 1)
        return list->items[0];
    kj_re *re = new_node(r, list->count ? op : KJ_RE_EMPTY, list->count);
    for (size_t i = 0; re && i < list->count; i++)
        re->children[i] = (kj_re *)(uintptr_t)list->items[i];
    return re;
}

static bool add(reading *r, struct list *list, const kj_re *item)
{
    if (r->failed || list->count == KJ_COUNT(list->items)) {
        r->failed = true;
        return false;
    }
    list->items[list->count++] = item;
    return true;
}

static const kj_re *read_sequence(reading *r)
{
    struct list list = {.count = 0};
    while (!at_end(r) && peek(r, 0) != '|' && peek(r, 0) != ')')
        if (!add(r, &list, read_piece(r)))
            return NULL;
    return join(r, KJ_RE_CONCAT, &list);
}

static const kj_re *read_alternatives(reading *r)
{
    struct list list = {.count = 0};
    do
        if (!add(r, &list, read_sequence(r)))
            return NULL;
    while (take(r, "|"));
    return join(r, KJ_RE_ALT, &list);
}

/* ---- choosing ------------------------------------------------------------------------------ */

/* The longest run of classes of few bytes that each match has. `now`: the run at the end of what
 * was looked at so far. */
static void measure_run(const kj_re *re, size_t *now, size_t *most, unsigned depth)
{
    if (re->op == KJ_RE_CLASS) {
        *now = kj_byte_set_count(&re->set) <= STRICT_MAX ? *now + 1 : 0;
        *most = *now > *most ? *now : *most;
    } else if (re->op == KJ_RE_CONCAT && depth < DEPTH_MAX) {
        for (size_t i = 0; i < re->count; i++)
            measure_run(re->children[i], now, most, depth + 1);
    } else if (re->op == KJ_RE_ALT && depth < DEPTH_MAX) {
        size_t least = SIZE_MAX;
        for (size_t i = 0; i < re->count; i++) {
            size_t inside = 0, longest = 0;
            measure_run(re->children[i], &inside, &longest, depth + 1);
            least = longest < least ? longest : least;
        }
        *most = least > *most ? least : *most;
        *now = 0;
    } else if (re->op != KJ_RE_EMPTY) {
        *now = 0;
    }
}

static size_t run_of(const kj_re *re)
{
    size_t now = 0, most = 0;
    measure_run(re, &now, &most, 0);
    return most;
}

typedef struct part {
    const kj_re *re; /* NULL: there is none */
    size_t run;      /* of it */
} part;

static part best_of(reading *r, const kj_re *re, unsigned depth);

static bool is_deep(const kj_re *re, unsigned depth)
{
    bool deep = depth > DEPTH_MAX;
    for (size_t i = 0; i < re->count && !deep; i++)
        deep = is_deep(re->children[i], depth + 1);
    return deep;
}

/* About how many instructions a tree becomes, for repetitions are spelled out; WEIGHT_MAX + 1 when
 * there are more. */
static size_t weight_of(const kj_re *re)
{
    size_t weight = 1, turns = 1;
    for (size_t i = 0; i < re->count && weight <= WEIGHT_MAX; i++)
        weight += weight_of(re->children[i]);
    if (re->op == KJ_RE_REPEAT)
        turns = re->max == KJ_RE_UNBOUNDED ? re->min + (size_t)1 : re->max;
    return turns <= WEIGHT_MAX ? kj_min_size(weight * turns, WEIGHT_MAX + 1) : WEIGHT_MAX + 1;
}

static void consider(part *best, const kj_re *re)
{
    bool fits = re && !is_deep(re, 0) && weight_of(re) <= WEIGHT_MAX;
    size_t run = fits ? run_of(re) : 0;
    if (run > best->run)
        *best = (part){re, run};
}

static uint32_t most_bytes(const kj_re *re)
{
    uint32_t min, max;
    kj_re_width(re, &min, &max);
    return max;
}

/* What stands between the unbounded parts of a sequence, and in these. */
static part best_of_sequence(reading *r, const kj_re *re, unsigned depth)
{
    part best = {0};
    struct list run = {.count = 0};
    uint32_t width = 0;
    for (size_t i = 0; i <= re->count; i++) {
        const kj_re *child = i < re->count ? re->children[i] : NULL;
        uint32_t more = child ? most_bytes(child) : KJ_RE_UNBOUNDED;
        if (more <= WIDTH_MAX - width) {
            width += more;
            if (!add(r, &run, child))
                return best;
            continue;
        }
        consider(&best, run.count ? join(r, KJ_RE_CONCAT, &run) : NULL);
        run.count = width = 0;
        part inside = child ? best_of(r, child, depth + 1) : (part){0};
        best = inside.run > best.run ? inside : best;
    }
    return best;
}

/* One of each alternative's. */
static part best_of_alternatives(reading *r, const kj_re *re, unsigned depth)
{
    struct list list = {.count = 0};
    for (size_t i = 0; i < re->count; i++) {
        part inside = best_of(r, re->children[i], depth + 1);
        if (!inside.re || !add(r, &list, inside.re))
            return (part){0};
    }
    part best = {0};
    consider(&best, join(r, KJ_RE_ALT, &list));
    return best;
}

static part best_of(reading *r, const kj_re *re, unsigned depth)
{
    part best = {0};
    if (depth > DEPTH_MAX)
        return best;
    if (re->op == KJ_RE_ALT && most_bytes(re) > WIDTH_MAX)
        return best_of_alternatives(r, re, depth);
    if (re->op == KJ_RE_CONCAT)
        return best_of_sequence(r, re, depth);
    if (re->op == KJ_RE_REPEAT)
        return re->min ? best_of(r, re->children[0], depth + 1) : best;
    if (most_bytes(re) <= WIDTH_MAX)
        consider(&best, re);
    return best;
}

/* ---- beginnings, spelled out --------------------------------------------------------------- */

typedef struct spelling {
    kj_byte_set sets[SPELLED_LEN];
    size_t len;
} spelling;

typedef struct spellings {
    spelling items[SPELLED_MAX];
    size_t count;
    bool failed; /* too many, or too wide */
} spellings;

static void append(spellings *out, const spelling *from, const kj_byte_set *set)
{
    if (out->count == SPELLED_MAX) {
        out->failed = true;
        return;
    }
    spelling *item = &out->items[out->count++];
    *item = *from;
    if (set && item->len < SPELLED_LEN)
        item->sets[item->len++] = *set;
}

/* Moves those that are long enough from `items` to `out`. */
static void settle(spellings *items, spellings *out)
{
    size_t kept = 0;
    for (size_t i = 0; i < items->count; i++) {
        if (items->items[i].len == SPELLED_LEN)
            append(out, &items->items[i], NULL);
        else
            items->items[kept++] = items->items[i];
    }
    items->count = kept;
}

static void spell(const kj_re *re, const spellings *in, spellings *out, unsigned depth);

/* Each child, or one child again and again, which may end before. */
static void spell_turns(const kj_re *re, const spellings *in, spellings *out, unsigned depth)
{
    bool repeat = re->op == KJ_RE_REPEAT;
    size_t turns = repeat ? (re->max < SPELLED_LEN ? re->max : SPELLED_LEN) : re->count;
    spellings *now = malloc(2 * sizeof *now);
    if (!now) {
        out->failed = true;
        return;
    }
    now[0] = *in;
    for (size_t i = 0; i <= turns && !out->failed; i++) {
        bool may_end = i == turns || (repeat && i >= re->min);
        settle(&now[0], out);
        for (size_t k = 0; may_end && k < now[0].count; k++)
            append(out, &now[0].items[k], NULL);
        if (i == turns || now[0].count == 0)
            break;
        now[1].count = 0;
        now[1].failed = false;
        spell(re->children[repeat ? 0 : i], &now[0], &now[1], depth + 1);
        out->failed |= now[1].failed;
        now[0] = now[1];
    }
    free(now);
}

/* Goes on with each of `in`, none of which is long enough, through the tree. */
static void spell(const kj_re *re, const spellings *in, spellings *out, unsigned depth)
{
    enum { WIDE = 16 };
    out->failed |= depth > SPELLED_DEPTH;
    if (out->failed)
        return;
    if (re->op == KJ_RE_CONCAT || re->op == KJ_RE_REPEAT) {
        spell_turns(re, in, out, depth);
    } else if (re->op == KJ_RE_ALT) {
        for (size_t i = 0; i < re->count; i++)
            spell(re->children[i], in, out, depth + 1);
    } else {
        bool class = re->op == KJ_RE_CLASS;
        for (size_t i = 0; i < in->count; i++) {
            append(out, &in->items[i], class ? &re->set : NULL);
            out->failed |=
                class && in->items[i].len < SPELLED_MIN && kj_byte_set_count(&re->set) > WIDE;
        }
    }
}

static const kj_re *tree_of_spelling(reading *r, const spelling *item)
{
    struct list list = {.count = 0};
    for (size_t i = 0; i < item->len; i++)
        if (!add(r, &list, class_of(r, item->sets[i])))
            return NULL;
    return join(r, KJ_RE_CONCAT, &list);
}

/* What the tree can begin with, as alternatives of a few bytes each; NULL: too many, or too short.
 */
static const kj_re *beginnings_of(reading *r, const kj_re *re)
{
    spellings *all = calloc(2, sizeof *all);
    const kj_re *result = NULL;
    struct list list = {.count = 0};
    if (!all) {
        r->starved = true;
        return NULL;
    }
    all[0].count = 1;
    spell(re, &all[0], &all[1], 0);
    bool ok = !all[1].failed && all[1].count;
    for (size_t i = 0; ok && i < all[1].count; i++)
        ok = all[1].items[i].len >= SPELLED_MIN &&
             add(r, &list, tree_of_spelling(r, &all[1].items[i]));
    if (ok)
        result = join(r, KJ_RE_ALT, &list);
    free(all);
    return result;
}

const kj_re *kj_clamav_regex_part(kj_arena *arena, kj_span pattern, unsigned options,
                                  bool *out_starved)
{
    reading r = {.arena = arena, .in = pattern, .nocase = options & KJ_PCRE_CASELESS};
    *out_starved = false;
    if (pattern.len > PATTERN_MAX || options & KJ_PCRE_EXTENDED)
        return NULL;
    if (take(&r, "(?i)") || take(&r, "(?is)") || take(&r, "(?si)"))
        r.nocase = true;
    const kj_re *whole = read_alternatives(&r);
    if (r.failed || !at_end(&r)) {
        *out_starved = r.starved;
        return NULL;
    }
    r.nocase = false; /* what is made from here on has its cases */
    part best = best_of(&r, whole, 0);
    const kj_re *found = best.run >= RUN_MIN ? best.re : beginnings_of(&r, whole);
    *out_starved = r.starved;
    return r.failed ? NULL : found;
}
