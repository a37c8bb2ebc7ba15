/* SPDX-License-Identifier: Apache-2.0 */
/* The quality of a window is a guess at how rarely it is met in clean files, in points: bytes that
 * fill padding are worth less, and so are repetitions. */
#include "defs/atoms.h"

#include "base/arith.h"
#include "base/text.h"

#include <limits.h>

enum {
    POINTS_BYTE = 20,
    POINTS_LETTER = 18,
    POINTS_COMMON = 12,   /* zeros, blanks, 0xFF, 0xCC, 0x90: padding */
    POINTS_DISTINCT = 2,  /* for each distinct byte */
    POINTS_UNIFORM = -30, /* one byte all along: there are runs of everything */
    POINTS_DOUBLED = -6,  /* each time that a window stands for twice as many texts */
    POINTS_SHARED = -2,   /* for each posting that the window has already, up to SHARED_MAX */
    SHARED_MAX = 20,
    NO_QUALITY = INT_MIN,
    COPIES = 8, /* of a repeated class that become visible to windows */
};

struct window {
    int quality;
    size_t at;
    size_t len;
};

struct choice {
    int quality; /* of the worst atom; NO_QUALITY: none */
    kj_atom *atoms;
    size_t count;
};

static int byte_points(uint8_t byte)
{
    static const uint8_t common[] = {0x00, 0x20, 0xFF, 0xCC, 0x90, 0x0A, 0x0D};
    if (memchr(common, byte, sizeof common))
        return POINTS_COMMON;
    return kj_is_alpha(byte) ? POINTS_LETTER : POINTS_BYTE;
}

static int bytes_quality(const uint8_t *bytes, size_t len, const kj_index *index)
{
    int quality = 0, distinct = 0;
    for (size_t i = 0; i < len; i++) {
        quality += byte_points(bytes[i]);
        distinct += memchr(bytes, bytes[i], i) == NULL;
    }
    quality += distinct * POINTS_DISTINCT + (distinct == 1 ? POINTS_UNIFORM : 0);
    if (len == KJ_ATOM_MAX) {
        uint32_t load = kj_index_load(index, kj_index_window(bytes, len));
        quality += POINTS_SHARED * (int)(load < SHARED_MAX ? load : SHARED_MAX);
    }
    return quality;
}

size_t kj_atom_of_literal(kj_span literal, const kj_index *index, size_t *out_len)
{
    struct window best = {.quality = NO_QUALITY};
    size_t len = literal.len < KJ_ATOM_MAX ? literal.len : KJ_ATOM_MAX;
    for (size_t i = 0; len >= KJ_ATOM_MIN && i + len <= literal.len; i++) {
        int quality = bytes_quality(literal.data + i, len, index);
        if (quality > best.quality)
            best = (struct window){quality, i, len};
    }
    *out_len = best.len;
    return best.at;
}

/* ---- trees --------------------------------------------------------------------------------- */

/* Trees that follow each other, as windows see them: nested sequences and the first of repeated
 * things laid out, which changes nothing of what they match. */
struct sequence {
    kj_arena *arena;
    const kj_re **items;
    size_t count;
    size_t capacity;
    bool failed;
};

static void push(struct sequence *seq, const kj_re *re)
{
    if (seq->count == seq->capacity) {
        size_t capacity = seq->capacity ? seq->capacity * 2 : 16;
        const kj_re **items = kj_new_array(seq->arena, const kj_re *, capacity);
        if (!items) {
            seq->failed = true;
            return;
        }
        if (seq->count)
            memcpy(items, seq->items, seq->count * sizeof *items);
        seq->items = items;
        seq->capacity = capacity;
    }
    seq->items[seq->count++] = re;
}

static void lay_out(struct sequence *seq, const kj_re *re, unsigned depth);

/* x{n,m} as x x ... x{n-k,m-k}. */
static void lay_out_repeat(struct sequence *seq, const kj_re *re, unsigned depth)
{
    uint32_t copies = re->children[0]->op == KJ_RE_CLASS ? COPIES : 1;
    if (copies > re->min)
        copies = re->min;
    for (uint32_t i = 0; i < copies; i++)
        lay_out(seq, re->children[0], depth + 1);
    if (re->max == copies)
        return;
    kj_re *rest = kj_new(seq->arena, kj_re);
    if (!rest) {
        seq->failed = true;
        return;
    }
    *rest = *re;
    rest->min -= copies;
    rest->max -= re->max == KJ_RE_UNBOUNDED ? 0 : copies;
    push(seq, rest);
}

static void lay_out(struct sequence *seq, const kj_re *re, unsigned depth)
{
    if (depth > KJ_RE_MAX_DEPTH || seq->failed) {
        seq->failed = true;
        return;
    }
    if (re->op == KJ_RE_CONCAT)
        for (size_t i = 0; i < re->count; i++)
            lay_out(seq, re->children[i], depth + 1);
    else if (re->op == KJ_RE_REPEAT && re->min > 0)
        lay_out_repeat(seq, re, depth);
    else if (re->op != KJ_RE_EMPTY)
        push(seq, re);
}

/* The distinct folded bytes of a class, at most KJ_ATOM_VARIANTS + 1 of them. */
static size_t folded_bytes(const kj_byte_set *set, uint8_t out[KJ_ATOM_VARIANTS + 1])
{
    size_t count = 0;
    for (unsigned byte = 0; byte < 256 && count <= KJ_ATOM_VARIANTS; byte++) {
        uint8_t folded = (uint8_t)(byte | KJ_FOLD_BYTE);
        if (kj_byte_set_has(set, (uint8_t)byte) && !memchr(out, folded, count))
            out[count++] = folded;
    }
    return count;
}

/* The byte of a class that is worth least. */
static uint8_t worst_byte(const kj_byte_set *set)
{
    int worst = INT_MAX;
    uint8_t out = 0;
    for (unsigned byte = 0; byte < 256; byte++) {
        int points = kj_byte_set_has(set, (uint8_t)byte) ? byte_points((uint8_t)byte) : INT_MAX;
        if (points < worst) {
            worst = points;
            out = (uint8_t)byte;
        }
    }
    return out;
}

/* What windows need to know of an item: 0 variants for what is no small class. */
struct element {
    uint8_t variants;
    uint8_t worst;
};

static struct element *look_at(const struct sequence *seq)
{
    struct element *elements = kj_new_array(seq->arena, struct element, seq->count);
    for (size_t i = 0; elements && i < seq->count; i++) {
        uint8_t bytes[KJ_ATOM_VARIANTS + 1];
        if (seq->items[i]->op != KJ_RE_CLASS)
            continue;
        size_t count = folded_bytes(&seq->items[i]->set, bytes);
        if (count == 0 || count > KJ_ATOM_VARIANTS)
            continue;
        elements[i] = (struct element){(uint8_t)count, worst_byte(&seq->items[i]->set)};
    }
    return elements;
}

static int window_quality(const struct element *elements, size_t len, const kj_index *index)
{
    uint8_t bytes[KJ_ATOM_MAX];
    unsigned variants = 1;
    for (size_t i = 0; i < len; i++) {
        bytes[i] = elements[i].worst;
        variants *= elements[i].variants;
        if (variants == 0 || variants > KJ_ATOM_VARIANTS)
            return NO_QUALITY;
    }
    int doublings = 0;
    while (1U << doublings < variants)
        doublings++;
    return bytes_quality(bytes, len, index) + doublings * POINTS_DOUBLED;
}

static struct window best_window(const struct element *elements, size_t count,
                                 const kj_index *index)
{
    struct window best = {.quality = NO_QUALITY};
    for (size_t len = KJ_ATOM_MAX; len >= KJ_ATOM_MIN; len--)
        for (size_t i = 0; i + len <= count; i++) {
            int quality = window_quality(elements + i, len, index);
            if (quality > best.quality)
                best = (struct window){quality, i, len};
        }
    return best;
}

static uint32_t add_width(uint32_t a, uint32_t b)
{
    uint32_t sum;
    return __builtin_add_overflow(a, b, &sum) ? KJ_RE_UNBOUNDED : sum;
}

/* `outer` and the first `count` items behind it. */
static bool join(kj_arena *arena, kj_re_list outer, const kj_re *const *items, size_t count,
                 kj_re_list *out)
{
    const kj_re **joined = kj_new_array(arena, const kj_re *, outer.count + count + 1);
    if (!joined)
        return false;
    if (outer.count)
        memcpy(joined, outer.items, outer.count * sizeof *joined);
    if (count)
        memcpy(joined + outer.count, items, count * sizeof *joined);
    *out = (kj_re_list){joined, outer.count + count};
    return true;
}

/* All texts that a window stands for, as atoms. */
static bool expand(const struct sequence *seq, struct window window, kj_re_list outer,
                   struct choice *out)
{
    uint8_t bytes[KJ_ATOM_MAX][KJ_ATOM_VARIANTS + 1];
    size_t counts[KJ_ATOM_MAX], total = 1;
    for (size_t i = 0; i < window.len; i++)
        total *= counts[i] = folded_bytes(&seq->items[window.at + i]->set, bytes[i]);
    kj_re_list prefix;
    kj_atom *atoms = kj_new_array(seq->arena, kj_atom, total);
    if (!atoms || !join(seq->arena, outer, seq->items, window.at, &prefix))
        return false;
    uint32_t least = 0, most = 0;
    for (size_t i = 0; i < prefix.count; i++) {
        uint32_t min, max;
        kj_re_width(prefix.items[i], &min, &max);
        least = add_width(least, min);
        most = add_width(most, max);
    }
    for (size_t n = 0; n < total; n++) {
        atoms[n] = (kj_atom){.len = (uint8_t)window.len,
                             .min_distance = least,
                             .max_distance = most,
                             .prefix = prefix};
        for (size_t i = 0, rest = n; i < window.len; rest /= counts[i], i++)
            atoms[n].bytes[i] = bytes[i][rest % counts[i]];
    }
    *out = (struct choice){window.quality, atoms, total};
    return true;
}

struct search {
    const kj_index *index;
    kj_arena *arena;
    bool failed;
};

static struct choice choose(struct search *s, kj_re_list list, kj_re_list outer, unsigned depth);

/* One choice for each branch, all of which are needed. */
static struct choice choose_alt(struct search *s, const kj_re *alt, kj_re_list outer,
                                unsigned depth)
{
    struct choice all = {.quality = INT_MAX};
    kj_atom *atoms = kj_new_array(s->arena, kj_atom, KJ_ATOMS_MAX);
    s->failed |= !atoms;
    for (size_t i = 0; i < alt->count && !s->failed; i++) {
        const kj_re *branch = alt->children[i];
        struct choice one = choose(s, (kj_re_list){&branch, 1}, outer, depth + 1);
        if (one.quality == NO_QUALITY || all.count + one.count > KJ_ATOMS_MAX)
            return (struct choice){.quality = NO_QUALITY};
        memcpy(atoms + all.count, one.atoms, one.count * sizeof *atoms);
        all.count += one.count;
        all.quality = one.quality < all.quality ? one.quality : all.quality;
    }
    all.atoms = atoms;
    return all.count ? all : (struct choice){.quality = NO_QUALITY};
}

static struct choice choose(struct search *s, kj_re_list list, kj_re_list outer, unsigned depth)
{
    struct choice best = {.quality = NO_QUALITY};
    struct sequence seq = {.arena = s->arena};
    for (size_t i = 0; i < list.count; i++)
        lay_out(&seq, list.items[i], depth);
    struct element *elements = seq.failed || seq.count == 0 ? NULL : look_at(&seq);
    if (!elements) {
        s->failed |= seq.failed || seq.count > 0;
        return best;
    }
    for (size_t i = 0; i < seq.count && !s->failed; i++) {
        kj_re_list prefix;
        if (seq.items[i]->op != KJ_RE_ALT)
            continue;
        if (!join(s->arena, outer, seq.items, i, &prefix)) {
            s->failed = true;
            break;
        }
        struct choice one = choose_alt(s, seq.items[i], prefix, depth + 1);
        if (one.quality > best.quality)
            best = one;
    }
    struct window window = best_window(elements, seq.count, s->index);
    if (window.quality != NO_QUALITY && window.quality >= best.quality &&
        !expand(&seq, window, outer, &best))
        s->failed = true;
    return best;
}

kj_status kj_atoms_of_trees(kj_re_list list, const kj_index *index, kj_arena *arena,
                            kj_atom_set *out, kj_error *err)
{
    struct search s = {.index = index, .arena = arena};
    struct choice choice = choose(&s, list, (kj_re_list){0}, 0);
    if (s.failed)
        return kj_fail(err, KJ_NO_MEMORY, KJ_NO_OFFSET, "out of memory for atoms");
    *out = (kj_atom_set){choice.atoms, choice.quality == NO_QUALITY ? 0 : choice.count};
    return KJ_OK;
}
