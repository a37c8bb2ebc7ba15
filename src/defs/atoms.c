/* SPDX-License-Identifier: Apache-2.0 */
/* A window costs as much as it is met in clean files (ngrams.h); length alone says nothing, since
 * there are long runs of everything. */
#include "defs/atoms.h"

#include "base/arith.h"
#include "base/text.h"
#include "defs/masks.h"
#include "defs/ngrams.h"

#include <math.h>

enum { COPIES = 8 }; /* of a repeated class that become visible to windows */

/* Each atom takes room in the filter and a place among the postings. */
static const double COST_EACH = 0.01;
/* How much more a window costs for each atom that has it already. */
static const double COST_SHARED = 0.125;
/* A probe goes over the object once more, which takes as long as this many windows do. */
static const double COST_OF_PROBE = 1500;
/* Two bytes side by side are looked for together with others. */
static const double COST_OF_APART = 100;

struct window {
    double cost; /* INFINITY: none */
    size_t at;
};

/* What a probe may look at: a byte under a mask, and how often that is met, a byte. */
struct probed {
    uint8_t value;
    uint8_t mask; /* 0: not this one */
    double rate;
};

struct probe {
    double cost; /* INFINITY: none */
    size_t at;
    size_t gap;
};

struct choice {
    double cost; /* of all atoms together; INFINITY: none */
    kj_atom *atoms;
    size_t count;
};

static double bytes_cost(const uint8_t bytes[KJ_ATOM_LEN], const kj_loads *loads)
{
    double rate = kj_ngram_rate(bytes, KJ_ATOM_LEN);
    uint32_t load = kj_loads_get(loads, kj_index_window(bytes));
    return rate * (1 + COST_SHARED * load) + COST_EACH;
}

/* What stands behind the window, or else before it. */
static void add_more(kj_atom *atom, const uint8_t *before, size_t before_len, const uint8_t *behind,
                     size_t behind_len)
{
    size_t len = kj_min_size(behind_len, sizeof atom->more);
    atom->more_before = len == 0;
    if (len == 0)
        len = kj_min_size(before_len, sizeof atom->more);
    const uint8_t *from = atom->more_before ? before + before_len - len : behind;
    atom->more_len = (uint8_t)len;
    for (size_t i = 0; i < len; i++)
        atom->more[i] = (uint8_t)(from[i] | KJ_FOLD_BYTE);
}

/* ---- probes -------------------------------------------------------------------------------- */

/* How often a byte is met that agrees with `value` where `mask` has bits, of all bytes. */
static double masked_rate(uint8_t value, uint8_t mask)
{
    double sum = 0;
    for (unsigned byte = 0; byte < 256; byte++) {
        uint8_t folded = (uint8_t)(byte | KJ_FOLD_BYTE);
        if ((byte & mask) == value)
            sum += kj_ngram_rate(&folded, 1) / 2;
    }
    sum /= 1 << 20;
    return sum < 1 ? sum : 1;
}

/* The two bytes, at most KJ_PROBE_GAP_MAX apart, that are met together most rarely; or one. */
static struct probe best_probe(const struct probed *bytes, size_t count)
{
    struct probe best = {.cost = INFINITY};
    for (size_t i = 0; i < count; i++) {
        if (!bytes[i].mask)
            continue;
        for (size_t gap = 0; gap <= KJ_PROBE_GAP_MAX && i + gap < count; gap++) {
            double rate = bytes[i].rate * (gap && bytes[i + gap].mask ? bytes[i + gap].rate : 1);
            double cost = COST_OF_PROBE + (gap == 1 ? 0 : COST_OF_APART) + rate * (1 << 20);
            if (bytes[i + gap].mask && cost < best.cost)
                best = (struct probe){cost, i, gap};
        }
    }
    return best;
}

static kj_atom atom_of_probe(const struct probed *bytes, struct probe probe)
{
    const struct probed *first = &bytes[probe.at], *second = &bytes[probe.at + probe.gap];
    return (kj_atom){.is_probe = true,
                     .bytes = {first->value, second->value, first->mask, second->mask},
                     .gap = (uint8_t)probe.gap};
}

/* ---- literals ------------------------------------------------------------------------------ */

/* Whether a mask leaves nothing open that folding does not. */
static bool is_firm(const uint8_t *masks, size_t at)
{
    return !masks || (masks[at] | KJ_FOLD_BYTE) == 0xFF;
}

static struct window best_of_literal(kj_span literal, const uint8_t *masks, const kj_loads *loads)
{
    struct window best = {.cost = INFINITY};
    size_t run = 0;
    for (size_t end = 1; end <= literal.len; end++) {
        run = is_firm(masks, end - 1) ? run + 1 : 0;
        if (run < KJ_ATOM_LEN)
            continue;
        uint8_t bytes[KJ_ATOM_LEN];
        for (size_t k = 0; k < KJ_ATOM_LEN; k++)
            bytes[k] = (uint8_t)(literal.data[end - KJ_ATOM_LEN + k] | KJ_FOLD_BYTE);
        double cost = bytes_cost(bytes, loads);
        if (cost < best.cost)
            best = (struct window){cost, end - KJ_ATOM_LEN};
    }
    return best;
}

/* Only the start of a long literal: all of it has windows anyway. */
static struct probe probe_of_literal(kj_span literal, const uint8_t *masks, struct probed *bytes,
                                     size_t max)
{
    size_t count = kj_min_size(literal.len, max);
    for (size_t i = 0; i < count; i++) {
        uint8_t mask = masks ? masks[i] : 0xFF;
        bytes[i] = (struct probed){literal.data[i] & mask, mask, 0};
        bytes[i].rate = masked_rate(bytes[i].value, mask);
    }
    return best_probe(bytes, count);
}

/* The firm bytes beside a window. */
static void add_neighbours_of(kj_atom *atom, kj_span literal, const uint8_t *masks, size_t at)
{
    size_t end = at + KJ_ATOM_LEN, behind = 0, before = 0;
    while (behind < sizeof atom->more && end + behind < literal.len && is_firm(masks, end + behind))
        behind++;
    while (before < sizeof atom->more && before < at && is_firm(masks, at - before - 1))
        before++;
    add_more(atom, literal.data + at - before, before, literal.data + end, behind);
}

bool kj_atom_of_literal(kj_span literal, const uint8_t *masks, const kj_loads *loads, kj_atom *out,
                        double *out_cost)
{
    enum { PROBED_MAX = 64 };
    struct probed bytes[PROBED_MAX];
    struct window window = best_of_literal(literal, masks, loads);
    struct probe probe = {.cost = INFINITY};
    if (window.cost > COST_OF_PROBE)
        probe = probe_of_literal(literal, masks, bytes, PROBED_MAX);
    *out_cost = window.cost < probe.cost ? window.cost : probe.cost;
    if (probe.cost < window.cost) {
        *out = atom_of_probe(bytes, probe);
        out->min_distance = out->max_distance = (uint32_t)probe.at;
        return true;
    }
    if (isinf(window.cost))
        return false;
    *out = (kj_atom){.min_distance = (uint32_t)window.at, .max_distance = (uint32_t)window.at};
    for (size_t i = 0; i < KJ_ATOM_LEN; i++)
        out->bytes[i] = (uint8_t)(literal.data[window.at + i] | KJ_FOLD_BYTE);
    add_neighbours_of(out, literal, masks, window.at);
    return true;
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

/* What windows and probes need to know of an item. */
struct element {
    bool is_byte;                        /* it matches one byte, whatever */
    uint8_t variants;                    /* folded bytes it may be; 0: too many */
    uint8_t bytes[KJ_ATOM_VARIANTS + 1]; /* those */
    struct probed probed;
};

/* The byte and mask that a class is. */
static struct probed probed_of(const kj_byte_set *set)
{
    struct probed out = {0};
    if (!kj_mask_of_class(set, &out.value, &out.mask))
        return (struct probed){0};
    out.rate = masked_rate(out.value, out.mask);
    return out;
}

static struct element *look_at(const struct sequence *seq)
{
    struct element *elements = kj_new_array(seq->arena, struct element, seq->count);
    for (size_t i = 0; elements && i < seq->count; i++) {
        if (seq->items[i]->op != KJ_RE_CLASS)
            continue;
        size_t count = folded_bytes(&seq->items[i]->set, elements[i].bytes);
        elements[i].is_byte = true;
        elements[i].variants = count <= KJ_ATOM_VARIANTS ? (uint8_t)count : 0;
        elements[i].probed = probed_of(&seq->items[i]->set);
    }
    return elements;
}

/* How many texts a window stands for; 0: too many. */
static size_t count_variants(const struct element *elements)
{
    size_t variants = 1;
    for (size_t i = 0; i < KJ_ATOM_LEN; i++) {
        variants *= elements[i].variants;
        if (variants == 0 || variants > KJ_ATOM_VARIANTS)
            return 0;
    }
    return variants;
}

/* The n-th of them. */
static void write_variant(const struct element *elements, size_t n, uint8_t out[KJ_ATOM_LEN])
{
    for (size_t i = 0; i < KJ_ATOM_LEN; n /= elements[i].variants, i++)
        out[i] = elements[i].bytes[n % elements[i].variants];
}

static double window_cost(const struct element *elements, double enough, const kj_loads *loads)
{
    size_t variants = count_variants(elements);
    double cost = variants ? 0 : INFINITY;
    for (size_t n = 0; n < variants && cost < enough; n++) {
        uint8_t bytes[KJ_ATOM_LEN];
        write_variant(elements, n, bytes);
        cost += bytes_cost(bytes, loads);
    }
    return cost;
}

static struct window best_window(const struct element *elements, size_t count,
                                 const kj_loads *loads)
{
    struct window best = {.cost = INFINITY};
    for (size_t i = 0; i + KJ_ATOM_LEN <= count; i++) {
        double cost = window_cost(elements + i, best.cost, loads);
        if (cost < best.cost)
            best = (struct window){cost, i};
    }
    return best;
}

/* The best probe of a run of single bytes, anywhere among the elements. */
static struct probe probe_of_elements(const struct element *elements, size_t count, kj_arena *arena,
                                      const struct probed **out_bytes)
{
    struct probe best = {.cost = INFINITY};
    struct probed *bytes = kj_new_array(arena, struct probed, count);
    *out_bytes = bytes;
    for (size_t i = 0, end; bytes && i < count; i = end + 1) {
        for (end = i; end < count && elements[end].is_byte; end++)
            bytes[end] = elements[end].probed;
        struct probe probe = best_probe(bytes + i, end - i);
        if (probe.cost < best.cost)
            best = (struct probe){probe.cost, probe.at + i, probe.gap};
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

/* The fixed bytes that lie next to a window. */
static void add_neighbours(const struct sequence *seq, const struct element *elements,
                           struct window window, kj_atom *atom)
{
    uint8_t before[4], behind[4];
    size_t end = window.at + KJ_ATOM_LEN, before_len = 0, behind_len = 0;
    while (behind_len < sizeof behind && end + behind_len < seq->count &&
           elements[end + behind_len].variants == 1) {
        behind[behind_len] = elements[end + behind_len].bytes[0];
        behind_len++;
    }
    while (before_len < sizeof before && before_len < window.at &&
           elements[window.at - before_len - 1].variants == 1)
        before_len++;
    for (size_t i = 0; i < before_len; i++)
        before[i] = elements[window.at - before_len + i].bytes[0];
    add_more(atom, before, before_len, behind, behind_len);
}

/* Where an atom that begins with item `at` lies in a match. */
static bool place(const struct sequence *seq, kj_re_list outer, size_t at, kj_atom *out)
{
    if (!join(seq->arena, outer, seq->items, at, &out->prefix))
        return false;
    for (size_t i = 0; i < out->prefix.count; i++) {
        uint32_t min, max;
        kj_re_width(out->prefix.items[i], &min, &max);
        out->min_distance = add_width(out->min_distance, min);
        out->max_distance = add_width(out->max_distance, max);
    }
    return true;
}

/* All texts that a window stands for, as atoms. */
static bool expand(const struct sequence *seq, const struct element *elements, struct window window,
                   kj_re_list outer, struct choice *out)
{
    size_t total = count_variants(elements + window.at);
    kj_atom where = {0};
    kj_atom *atoms = kj_new_array(seq->arena, kj_atom, total);
    if (!atoms || !place(seq, outer, window.at, &where))
        return false;
    for (size_t n = 0; n < total; n++) {
        atoms[n] = where;
        write_variant(elements + window.at, n, atoms[n].bytes);
        add_neighbours(seq, elements, window, &atoms[n]);
    }
    *out = (struct choice){window.cost, atoms, total};
    return true;
}

static bool expand_probe(const struct sequence *seq, const struct probed *bytes, struct probe probe,
                         kj_re_list outer, struct choice *out)
{
    kj_atom *atom = kj_new(seq->arena, kj_atom);
    if (!atom)
        return false;
    *atom = atom_of_probe(bytes, probe);
    *out = (struct choice){probe.cost, atom, 1};
    return place(seq, outer, probe.at, atom);
}

struct search {
    const kj_loads *loads;
    kj_arena *arena;
    bool failed;
};

static struct choice choose(struct search *s, kj_re_list list, kj_re_list outer, unsigned depth);

/* One choice for each branch, all of which are needed. */
static struct choice choose_alt(struct search *s, const kj_re *alt, kj_re_list outer,
                                unsigned depth)
{
    struct choice all = {0};
    kj_atom *atoms = kj_new_array(s->arena, kj_atom, KJ_ATOMS_MAX);
    s->failed |= !atoms;
    for (size_t i = 0; i < alt->count && !s->failed; i++) {
        const kj_re *branch = alt->children[i];
        struct choice one = choose(s, (kj_re_list){&branch, 1}, outer, depth + 1);
        if (isinf(one.cost) || all.count + one.count > KJ_ATOMS_MAX)
            return (struct choice){.cost = INFINITY};
        memcpy(atoms + all.count, one.atoms, one.count * sizeof *atoms);
        all.count += one.count;
        all.cost += one.cost;
    }
    all.atoms = atoms;
    return all.count ? all : (struct choice){.cost = INFINITY};
}

static struct choice choose(struct search *s, kj_re_list list, kj_re_list outer, unsigned depth)
{
    struct choice best = {.cost = INFINITY};
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
        if (one.cost < best.cost)
            best = one;
    }
    struct window window = best_window(elements, seq.count, s->loads);
    if (window.cost < INFINITY && window.cost <= best.cost &&
        !expand(&seq, elements, window, outer, &best))
        s->failed = true;
    if (best.cost <= COST_OF_PROBE)
        return best;
    const struct probed *bytes;
    struct probe probe = probe_of_elements(elements, seq.count, s->arena, &bytes);
    if (probe.cost < best.cost && !expand_probe(&seq, bytes, probe, outer, &best))
        s->failed = true;
    s->failed |= !bytes;
    return best;
}

kj_status kj_atoms_of_trees(kj_re_list list, const kj_loads *loads, kj_arena *arena,
                            kj_atom_set *out, kj_error *err)
{
    struct search s = {.loads = loads, .arena = arena};
    struct choice choice = choose(&s, list, (kj_re_list){0}, 0);
    if (s.failed)
        return kj_fail(err, KJ_NO_MEMORY, KJ_NO_OFFSET, "out of memory for atoms");
    *out = choice.cost > KJ_ATOMS_NONE ? (kj_atom_set){.cost = KJ_ATOMS_NONE}
                                       : (kj_atom_set){choice.atoms, choice.count, choice.cost};
    return KJ_OK;
}
