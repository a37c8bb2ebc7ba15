/* SPDX-License-Identifier: Apache-2.0 */
/* Patterns to needles, needles to forms, forms to literals, masks, programs and postings. */
#include "defs/patterns.h"

#include "base/arith.h"
#include "base/crc32c.h"
#include "base/text.h"
#include "defs/atoms.h"
#include "defs/forms.h"
#include "defs/index.h"
#include "defs/masks.h"
#include "defs/ngrams.h"
#include "defs/regex.h"

_Static_assert(KJ_POSTING_ELEMENT == sizeof(kj_disk_posting), "layout");
_Static_assert(sizeof(kj_disk_index) % KJ_FILTER_ELEMENT == 0, "layout");

enum {
    PATTERN_ARENA = 256 << 20, /* what compiling one pattern may use */
    LITERAL_MAX = 1 << 20,     /* bytes of one form */
    MASK_MAX = 4096,           /* longer ones are programs */
};

/* A program is dearer to verify than bytes are; so is what stands around a piece of a chain. */
static const double COST_OF_PROGRAM = 4;
static const double COST_OF_CHAIN = 2;

/* A form's postings and, if it has none, its place among the forms that are scanned. */
struct atoms {
    size_t first_posting;
    size_t posting_count;
    size_t first_scanned;
    size_t scanned_count;
};

/* What is known of a needle until it is written. */
struct needle {
    kj_disk_needle disk;
    double cost;
    struct atoms atoms;
    struct atoms hint; /* of a chain's cheapest piece */
    size_t first_window;
    size_t window_count;
    bool loose; /* it has no fixed windows */
};

/* Needles by what is searched: open addressing, index + 1. */
struct known {
    uint32_t *slots;
    size_t slot_count;
};

struct kj_pattern_builder {
    const kj_pattern_item *items;
    kj_strings *strings;
    kj_pattern_sections *out;
    kj_loads loads;
    struct known known;
    KJ_VEC(uint32_t) needle_of; /* item to needle */
    KJ_VEC(struct needle) needles;
    KJ_VEC(kj_disk_form) forms;
    KJ_VEC(kj_disk_posting) postings;
    KJ_VEC(uint32_t) scanned;
    KJ_VEC(kj_fixed_window) windows;
    kj_arena arena; /* of the current pattern */
    uint32_t piece_count;
    struct needle now; /* the current one */
    bool failed;       /* no memory */
};

typedef struct kj_pattern_builder writer;

/* Calls for each of the buffers. */
static void for_each_section(kj_pattern_sections *sections, void (*act)(kj_buf *buf))
{
    kj_buf *const all[] = {&sections->patterns, &sections->needles, &sections->literals,
                           &sections->programs, &sections->filter,  &sections->buckets,
                           &sections->postings, &sections->scanned};
    for (size_t i = 0; i < KJ_COUNT(all); i++)
        act(all[i]);
}

static void init_section(kj_buf *buf)
{
    kj_buf_init(buf, UINT32_MAX);
}

void kj_pattern_sections_init(kj_pattern_sections *sections)
{
    for_each_section(sections, init_section);
}

void kj_pattern_sections_done(kj_pattern_sections *sections)
{
    for_each_section(sections, kj_buf_done);
}

/* ---- postings ------------------------------------------------------------------------------ */

static void add_posting(writer *w, uint32_t form, const kj_atom *atom, uint32_t distance,
                        uint32_t backward)
{
    bool varies = backward != KJ_NONE, probe = atom->is_probe;
    kj_disk_posting posting = {
        .more = varies ? backward : 0,
        .form = form,
        .where = distance | (varies ? KJ_POSTING_VARIES : 0),
    };
    if (probe) {
        memcpy(&posting.window, atom->bytes, sizeof posting.window);
        posting.where |= KJ_POSTING_PROBE | (uint32_t)atom->gap << KJ_POSTING_GAP_SHIFT;
    } else {
        posting.window = kj_index_window(atom->bytes);
        w->failed |= !kj_loads_add(&w->loads, posting.window);
    }
    for (unsigned i = 0; !varies && !probe && i < atom->more_len; i++)
        posting.more |= (uint32_t)atom->more[i] << (8 * i);
    if (!varies && !probe)
        posting.where |= (atom->more_before ? KJ_POSTING_BEFORE : 0) | (uint32_t)atom->more_len
                                                                           << KJ_POSTING_MORE_SHIFT;
    w->failed |= !kj_vec_add(&w->postings, posting);
}

static void add_window(writer *w, const uint8_t *bytes, size_t distance)
{
    kj_fixed_window window = {kj_index_window(bytes), (uint32_t)distance};
    if (!kj_vec_add(&w->windows, window))
        w->failed = true;
}

/* The fixed window of a text, of which only those bytes count whose mask is full (NULL: all). */
static void find_window(writer *w, kj_span bytes, const uint8_t *masks)
{
    size_t end = kj_min_size(bytes.len, KJ_ANCHOR_REACH_MAX), best_at = SIZE_MAX, run = 0;
    double best = 0;
    for (size_t i = 0; i < end; i++) {
        run = !masks || masks[i] == 0xFF ? run + 1 : 0;
        if (run < KJ_ATOM_LEN)
            continue;
        uint8_t folded[KJ_ATOM_LEN];
        for (size_t k = 0; k < KJ_ATOM_LEN; k++)
            folded[k] = (uint8_t)(bytes.data[i + 1 - KJ_ATOM_LEN + k] | KJ_FOLD_BYTE);
        double rate = kj_ngram_rate(folded, KJ_ATOM_LEN);
        if (best_at == SIZE_MAX || rate < best) {
            best = rate;
            best_at = i + 1 - KJ_ATOM_LEN;
        }
    }
    if (best_at == SIZE_MAX)
        w->now.loose = true;
    else
        add_window(w, bytes.data + best_at, best_at);
}

/* ---- literal forms ------------------------------------------------------------------------- */

/* Appends a form of the current needle; its index. */
static uint32_t add_form(writer *w, kj_disk_form form)
{
    form.needle = (uint32_t)w->needles.count;
    if (!kj_vec_add(&w->forms, form))
        w->failed = true;
    return (uint32_t)w->forms.count - 1;
}

static void scan_form(writer *w, uint32_t form)
{
    if (!kj_vec_add(&w->scanned, form))
        w->failed = true;
}

static uint32_t put_literal(writer *w, kj_span text)
{
    uint32_t at = (uint32_t)w->out->literals.len;
    kj_buf_put(&w->out->literals, text);
    return at;
}

/* A posting for each key. Windows under keys that differ in KJ_FOLD_BYTE only are the same. */
static void index_xored(writer *w, uint32_t form, const kj_pattern *p, kj_span bytes,
                        const kj_atom *atom)
{
    size_t more_at =
        atom->more_before ? atom->min_distance - atom->more_len : atom->min_distance + KJ_ATOM_LEN;
    for (unsigned key = p->xor_min; key <= p->xor_max; key++) {
        kj_atom xored = *atom;
        unsigned twin = key ^ KJ_FOLD_BYTE;
        if (twin < key && twin >= p->xor_min && !atom->is_probe)
            continue;
        if (atom->is_probe) {
            xored.bytes[0] ^= (uint8_t)key & atom->bytes[2];
            xored.bytes[1] ^= (uint8_t)key & atom->bytes[3];
        }
        for (size_t i = 0; i < KJ_ATOM_LEN && !atom->is_probe; i++)
            xored.bytes[i] = (uint8_t)((bytes.data[atom->min_distance + i] ^ key) | KJ_FOLD_BYTE);
        for (size_t i = 0; i < atom->more_len && !atom->is_probe; i++)
            xored.more[i] = (uint8_t)((bytes.data[more_at + i] ^ key) | KJ_FOLD_BYTE);
        w->now.cost +=
            atom->is_probe ? KJ_ATOMS_NONE / 256 : kj_ngram_rate(xored.bytes, KJ_ATOM_LEN);
        add_posting(w, form, &xored, atom->min_distance, KJ_NONE);
    }
}

/* Indexes a literal form whose bytes as they stand in a file (under key 0) are `bytes`. */
static void index_literal(writer *w, uint32_t form, const kj_pattern *p, kj_span bytes,
                          const uint8_t *masks)
{
    double cost;
    kj_atom atom;
    bool xored = w->forms.items[form].flags & KJ_FORM_XOR;
    bool found = kj_atom_of_literal(bytes, masks, &w->loads, &atom, &cost);
    w->now.loose |= xored;
    if (!xored)
        find_window(w, bytes, NULL);
    if (found && xored) {
        index_xored(w, form, p, bytes, &atom);
        return;
    }
    w->now.cost += found ? cost : KJ_ATOMS_NONE;
    if (found)
        add_posting(w, form, &atom, atom.min_distance, KJ_NONE);
    else
        scan_form(w, form);
}

/* The masks of a text whose letters have any case. */
static void put_case_masks(kj_span text, kj_buf *out)
{
    for (size_t i = 0; i < text.len; i++)
        kj_buf_put_byte(out, kj_is_alpha(text.data[i]) ? (uint8_t)~KJ_FOLD_BYTE : 0xFF);
}

static void add_literal(writer *w, const kj_pattern *p, uint32_t flags, uint32_t rank, kj_span text,
                        uint32_t literal)
{
    uint32_t form = add_form(
        w, (kj_disk_form){
               .flags = flags,
               .data = literal,
               .len = (uint32_t)text.len,
               .list = (uint32_t)w->needles.count,
               .rank = rank,
               .xor_range = flags & KJ_FORM_XOR ? p->xor_min | (uint32_t)p->xor_max << 8 : 0,
           });
    kj_buf wide, masks;
    kj_buf_init(&wide, 2 * (size_t)LITERAL_MAX);
    kj_buf_init(&masks, 2 * (size_t)LITERAL_MAX);
    if (flags & KJ_FORM_WIDE)
        kj_widen(text, &wide);
    kj_span bytes = flags & KJ_FORM_WIDE ? kj_buf_span(&wide) : text;
    if (flags & KJ_FORM_NOCASE)
        put_case_masks(bytes, &masks);
    w->failed |= wide.failed || masks.failed;
    if (!w->failed)
        index_literal(w, form, p, bytes, flags & KJ_FORM_NOCASE ? masks.data : NULL);
    kj_buf_done(&wide);
    kj_buf_done(&masks);
}

static uint32_t literal_flags(const kj_pattern *p)
{
    return (p->modifiers & KJ_MOD_NOCASE ? KJ_FORM_NOCASE : 0) |
           (p->modifiers & KJ_MOD_FULLWORD ? KJ_FORM_FULLWORD : 0) |
           (p->modifiers & KJ_MOD_XOR ? KJ_FORM_XOR : 0);
}

static void add_text(writer *w, const kj_pattern *p, uint32_t flags, kj_span text, uint32_t literal)
{
    if (p->modifiers & KJ_MOD_ASCII || !(p->modifiers & KJ_MOD_WIDE))
        add_literal(w, p, flags, 0, text, literal);
    if (p->modifiers & KJ_MOD_WIDE)
        add_literal(w, p, flags | KJ_FORM_WIDE, 1, text, literal);
}

/* The three alignments of one plain text, as such or (base64wide) widened. */
static void add_base64(writer *w, const kj_pattern *p, kj_span plain, uint32_t flags, uint32_t rank)
{
    for (unsigned alignment = 0; alignment < KJ_BASE64_ALIGNMENTS; alignment++) {
        kj_buf encoded;
        kj_buf_init(&encoded, LITERAL_MAX);
        kj_base64_form(plain, alignment, p->alphabet, &encoded);
        kj_span text = kj_buf_span(&encoded);
        if (text.len > 0)
            add_literal(w, p, flags, rank + alignment, text, put_literal(w, text));
        w->failed |= encoded.failed;
        kj_buf_done(&encoded);
    }
}

/* `wide` beside base64 means the base64 of the wide text. Of forms at one offset the shortest
 * counts, which add_literal's ranks cannot know; base64 texts that begin alike are that rare. */
static void add_base64_forms(writer *w, const kj_pattern *p)
{
    kj_buf wide;
    kj_buf_init(&wide, 2 * (size_t)LITERAL_MAX);
    kj_widen(p->text, &wide);
    const struct {
        bool wanted;
        kj_span plain;
    } texts[] = {
        {p->modifiers & KJ_MOD_ASCII || !(p->modifiers & KJ_MOD_WIDE), p->text},
        {p->modifiers & KJ_MOD_WIDE, kj_buf_span(&wide)},
    };
    for (uint32_t i = 0; i < 2; i++) {
        if (texts[i].wanted && p->modifiers & KJ_MOD_BASE64)
            add_base64(w, p, texts[i].plain, 0, i * 6);
        if (texts[i].wanted && p->modifiers & KJ_MOD_BASE64_WIDE)
            add_base64(w, p, texts[i].plain, KJ_FORM_WIDE, i * 6 + 3);
    }
    w->failed |= wide.failed;
    kj_buf_done(&wide);
}

/* ---- programs ------------------------------------------------------------------------------ */

/* Indexes the atoms of a program form; how far before its atom a match may begin, at most. */
static kj_status index_program(writer *w, uint32_t form, kj_re_list list, uint32_t *out_before,
                               kj_error *err)
{
    kj_atom_set atoms;
    KJ_TRY(kj_atoms_of_trees(list, &w->loads, &w->arena, &atoms, err));
    w->now.cost += atoms.cost * COST_OF_PROGRAM;
    if (atoms.count == 0)
        scan_form(w, form);
    const kj_re *const *last_prefix = NULL;
    uint32_t backward = KJ_NONE;
    uint32_t wide = w->forms.items[form].flags & KJ_FORM_WIDE ? KJ_PROGF_WIDE : 0;
    for (size_t i = 0; i < atoms.count; i++) {
        const kj_atom *atom = &atoms.items[i];
        bool varies = atom->min_distance != atom->max_distance;
        if (varies && atom->prefix.items != last_prefix)
            KJ_TRY(kj_regex_compile(atom->prefix, wide | KJ_PROGF_BACKWARD, &w->out->programs,
                                    &backward, err));
        last_prefix = varies ? atom->prefix.items : last_prefix;
        uint32_t distance = atom->max_distance;
        if (varies && distance > KJ_REGEX_REACH)
            distance = KJ_REGEX_REACH;
        *out_before = distance > *out_before ? distance : *out_before;
        add_posting(w, form, atom, distance, varies ? backward : KJ_NONE);
        if (!varies && !atom->is_probe && distance < KJ_ANCHOR_REACH_MAX)
            add_window(w, atom->bytes, distance);
        else
            w->now.loose = true;
    }
    w->now.loose |= atoms.count == 0;
    return KJ_OK;
}

static uint32_t add_capped(uint32_t a, uint32_t b)
{
    uint32_t sum;
    return __builtin_add_overflow(a, b, &sum) ? UINT32_MAX : sum;
}

static uint32_t list_width(kj_re_list list)
{
    uint32_t total = 0;
    for (size_t i = 0; i < list.count; i++) {
        uint32_t min, max;
        kj_re_width(list.items[i], &min, &max);
        total = add_capped(total, max);
    }
    return total;
}

/* Trees of one length that are bytes under masks. *out_done: they are. */
static kj_status add_mask(writer *w, kj_re_list list, uint32_t flags, uint32_t hits, uint32_t rank,
                          bool *out_done, kj_error *err)
{
    kj_buf values, masks;
    kj_buf_init(&values, MASK_MAX);
    kj_buf_init(&masks, MASK_MAX);
    double cost;
    kj_atom atom;
    *out_done = kj_masks_of_trees(list, MASK_MAX, &values, &masks) &&
                kj_atom_of_literal(kj_buf_span(&values), masks.data, &w->loads, &atom, &cost);
    if (*out_done) {
        kj_disk_form form = {.flags = flags | KJ_FORM_MASK,
                             .data = put_literal(w, kj_buf_span(&values)),
                             .len = (uint32_t)values.len,
                             .list = hits,
                             .rank = rank};
        (void)put_literal(w, kj_buf_span(&masks));
        uint32_t index = add_form(w, form);
        w->now.cost += cost;
        add_posting(w, index, &atom, atom.min_distance, KJ_NONE);
        find_window(w, kj_buf_span(&values), masks.data);
    }
    bool starved = values.starved || masks.starved;
    kj_buf_done(&values);
    kj_buf_done(&masks);
    return starved ? kj_no_memory(err) : KJ_OK;
}

/* One form that programs verify. */
static kj_status add_program(writer *w, kj_re_list list, uint32_t flags, uint32_t hits,
                             uint32_t rank, kj_error *err)
{
    bool done;
    uint32_t of_mask = flags & ~(uint32_t)(KJ_FORM_LONGEST | KJ_FORM_ANY_END);
    KJ_TRY(add_mask(w, list, of_mask, hits, rank, &done, err));
    if (done)
        return KJ_OK;
    kj_disk_form form = {.flags = flags | KJ_FORM_PROGRAM, .list = hits, .rank = rank};
    uint32_t wide = flags & KJ_FORM_WIDE ? KJ_PROGF_WIDE : 0;
    KJ_TRY(kj_regex_compile(list, wide, &w->out->programs, &form.data, err));
    KJ_TRY(kj_regex_compile(list, wide | KJ_PROGF_BACKWARD, &w->out->programs, &form.len, err));
    uint32_t index = add_form(w, form), before = 0;
    if (w->failed)
        return KJ_OK;
    KJ_TRY(index_program(w, index, list, &before, err));
    uint32_t most = list_width(list), reach = add_capped(before, KJ_REGEX_REACH);
    w->forms.items[index].window = most < reach ? most : reach;
    return KJ_OK;
}

static kj_status add_regex(writer *w, const kj_pattern *p, kj_error *err)
{
    uint32_t flags = (p->modifiers & KJ_MOD_FULLWORD ? KJ_FORM_FULLWORD : 0) |
                     (p->kind == KJ_PATTERN_REGEX && kj_re_is_greedy(p->re) ? KJ_FORM_LONGEST : 0);
    bool wide = p->modifiers & KJ_MOD_WIDE;
    if (p->modifiers & KJ_MOD_ASCII || !wide)
        KJ_TRY(add_program(w, (kj_re_list){&p->re, 1}, flags, (uint32_t)w->needles.count, 0, err));
    if (!wide)
        return KJ_OK;
    const kj_re *widened = kj_re_widen(&w->arena, p->re);
    if (!widened)
        return kj_fail(err, KJ_NO_MEMORY, KJ_NO_OFFSET, "out of memory for a wide form");
    return add_program(w, (kj_re_list){&widened, 1}, flags | KJ_FORM_WIDE,
                       (uint32_t)w->needles.count, 1, err);
}

/* ---- chains -------------------------------------------------------------------------------- */

/* A hex string's parts on its highest level, nested sequences laid out. */
static void lay_out(const kj_re *re, const kj_re **items, size_t *count, unsigned depth)
{
    if (re->op != KJ_RE_CONCAT || depth > KJ_RE_MAX_DEPTH) {
        if (items)
            items[*count] = re;
        ++*count;
        return;
    }
    for (size_t i = 0; i < re->count; i++)
        lay_out(re->children[i], items, count, depth + 1);
}

static bool is_large_gap(const kj_re *re, uint32_t modifiers)
{
    if (re->op != KJ_RE_REPEAT || re->children[0]->op != KJ_RE_CLASS)
        return false;
    const kj_byte_set *set = &re->children[0]->set;
    if ((set->words[0] & set->words[1] & set->words[2] & set->words[3]) != UINT64_MAX)
        return false;
    return re->max > KJ_CHAIN_GAP ||
           (modifiers & KJ_MOD_GAPS && (re->min != re->max || re->max > KJ_CHAIN_FIXED_GAP));
}

static struct atoms atoms_since(const writer *w, struct atoms begin)
{
    begin.posting_count = w->postings.count - begin.first_posting;
    begin.scanned_count = w->scanned.count - begin.first_scanned;
    return begin;
}

static struct atoms atoms_from_here(const writer *w)
{
    return (struct atoms){.first_posting = w->postings.count, .first_scanned = w->scanned.count};
}

/* A chain under way. */
struct chain {
    KJ_VEC(kj_disk_gap) gaps;
    double best; /* the cost of the cheapest piece so far */
    size_t windows;
    bool loose;
    bool any_end;
};

/* A piece of a chain. A match has the windows of the first piece at fixed distances, and no others;
 * what is searched in every object are the atoms of the cheapest. */
static kj_status add_piece(writer *w, struct chain *chain, kj_re_list piece, kj_error *err)
{
    struct atoms begin = atoms_from_here(w);
    bool first = w->forms.count == w->now.disk.first_form;
    w->now.cost = 0;
    w->piece_count++;
    uint32_t flags = chain->any_end ? KJ_FORM_ANY_END : 0;
    KJ_TRY(add_program(w, piece, flags, 0, 0, err)); /* number_pieces() says which list */
    if (first) {
        chain->windows = w->windows.count;
        chain->loose = w->now.loose;
    }
    if (first || w->now.cost < chain->best) {
        chain->best = w->now.cost;
        w->now.hint = atoms_since(w, begin);
    }
    return KJ_OK;
}

/* Gaps that follow each other are one. */
static void add_gap(writer *w, struct chain *chain, const kj_re *gap, bool joins)
{
    kj_disk_gap more = {gap->min, gap->max};
    if (!joins) {
        w->failed |= !kj_vec_add(&chain->gaps, more);
        return;
    }
    kj_disk_gap *last = &chain->gaps.items[chain->gaps.count - 1];
    last->min = add_capped(last->min, more.min);
    last->max = add_capped(last->max, more.max);
}

/* The pieces between large gaps, a form each; the gaps go to REGX. */
static kj_status add_chain(writer *w, const kj_re **items, size_t count, uint32_t modifiers,
                           kj_error *err)
{
    kj_disk_needle *disk = &w->now.disk;
    struct chain chain = {.any_end = modifiers & KJ_MOD_GAPS};
    kj_status status = KJ_OK;
    disk->flags |= KJ_NEEDLE_CHAIN;
    disk->first_piece = w->piece_count;
    for (size_t i = 0, start = 0; i <= count && status == KJ_OK && !w->failed; i++) {
        bool gap = i > 0 && i + 1 < count && is_large_gap(items[i], modifiers);
        if (i < count && !gap)
            continue;
        bool empty = i == start;
        if (!empty)
            status = add_piece(w, &chain, (kj_re_list){items + start, i - start}, err);
        start = i + 1;
        if (gap && status == KJ_OK)
            add_gap(w, &chain, items[i], empty);
    }
    w->windows.count = chain.windows;
    w->now.loose = chain.loose;
    w->now.cost = chain.best * COST_OF_CHAIN;
    disk->chain = (uint32_t)(w->out->programs.len / 4);
    kj_buf_put(&w->out->programs,
               kj_span_of(chain.gaps.items, chain.gaps.count * sizeof *chain.gaps.items));
    kj_vec_done(&chain.gaps);
    if (status == KJ_OK && w->piece_count > KJ_PIECES_MAX)
        return kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET, "more than %d pieces of chains", KJ_PIECES_MAX);
    return status;
}

static kj_status add_hex(writer *w, const kj_pattern *p, kj_error *err)
{
    size_t count = 0, filled = 0;
    lay_out(p->re, NULL, &count, 0);
    const kj_re **items = kj_new_array(&w->arena, const kj_re *, count);
    if (!items)
        return kj_fail(err, KJ_NO_MEMORY, KJ_NO_OFFSET, "out of memory for a hex string");
    lay_out(p->re, items, &filled, 0);
    for (size_t i = 1; i + 1 < count; i++)
        if (is_large_gap(items[i], p->modifiers))
            return add_chain(w, items, count, p->modifiers, err);
    return add_program(w, (kj_re_list){items, count}, 0, (uint32_t)w->needles.count, 0, err);
}

/* ---- patterns ------------------------------------------------------------------------------ */

/* Trees that are plain texts are handled as such. */
static kj_status add_tree(writer *w, const kj_pattern *p, kj_error *err)
{
    bool nocase;
    kj_buf text;
    kj_buf_init(&text, LITERAL_MAX);
    bool plain = kj_re_as_text(p->re, &text, &nocase);
    if (plain) {
        uint32_t flags = (literal_flags(p) & ~(uint32_t)(KJ_FORM_XOR | KJ_FORM_NOCASE)) |
                         (nocase ? KJ_FORM_NOCASE : 0);
        add_text(w, p, flags, kj_buf_span(&text), put_literal(w, kj_buf_span(&text)));
    }
    bool starved = text.starved;
    kj_buf_done(&text);
    if (starved)
        return kj_no_memory(err);
    if (plain)
        return KJ_OK;
    return p->kind == KJ_PATTERN_HEX ? add_hex(w, p, err) : add_regex(w, p, err);
}

static kj_status add_forms(writer *w, const kj_pattern *p, kj_disk_pattern *disk, kj_error *err)
{
    if (p->kind != KJ_PATTERN_TEXT)
        return add_tree(w, p, err);
    if (p->text.len == 0)
        return KJ_OK; /* nothing to look for */
    if (p->modifiers & (KJ_MOD_BASE64 | KJ_MOD_BASE64_WIDE))
        add_base64_forms(w, p);
    else
        add_text(w, p, literal_flags(p), p->text, disk->literal);
    return KJ_OK;
}

/* Compiles the pattern as a needle of its own. */
static kj_status add_needle(writer *w, uint32_t item, kj_disk_pattern *disk, kj_error *err)
{
    w->now = (struct needle){
        .disk = {.pattern = item, .first_form = (uint32_t)w->forms.count, .chain = KJ_NONE},
        .atoms = atoms_from_here(w),
        .first_window = w->windows.count,
    };
    KJ_TRY(add_forms(w, w->items[item].pattern, disk, err));
    struct needle *now = &w->now;
    now->disk.form_count = (uint32_t)w->forms.count - now->disk.first_form;
    now->atoms = atoms_since(w, now->atoms);
    now->window_count = w->windows.count - now->first_window;
    if (!kj_vec_add(&w->needles, *now))
        w->failed = true;
    return KJ_OK;
}

/* ---- equal patterns ------------------------------------------------------------------------ */

/* What is compared: a text as it is, anything else as it was written. */
static kj_span key_of(const kj_pattern *p)
{
    return p->kind == KJ_PATTERN_TEXT ? p->text : p->source;
}

static uint32_t searched_modifiers(const kj_pattern *p)
{
    return p->modifiers & ~(uint32_t)KJ_MOD_PRIVATE;
}

static bool is_same(const kj_pattern *a, const kj_pattern *b)
{
    bool alphabets = a->alphabet && b->alphabet ? strcmp(a->alphabet, b->alphabet) == 0
                                                : !a->alphabet && !b->alphabet;
    return a->kind == b->kind && searched_modifiers(a) == searched_modifiers(b) &&
           a->xor_min == b->xor_min && a->xor_max == b->xor_max && alphabets && key_of(a).len > 0 &&
           kj_span_equal(key_of(a), key_of(b));
}

static uint32_t hash_of(const kj_pattern *p)
{
    return kj_crc32c(key_of(p)) + (uint32_t)p->kind * 31 + searched_modifiers(p);
}

static bool grow_known(struct known *known, const writer *w)
{
    if ((w->needles.count + 1) * 2 <= known->slot_count)
        return true;
    size_t slots = known->slot_count ? known->slot_count * 2 : 1024;
    uint32_t *grown = calloc(slots, sizeof *grown);
    if (!grown)
        return false;
    for (size_t i = 0; i < w->needles.count; i++) {
        size_t at = hash_of(w->items[w->needles.items[i].disk.pattern].pattern) & (slots - 1);
        while (grown[at])
            at = (at + 1) & (slots - 1);
        grown[at] = (uint32_t)i + 1;
    }
    free(known->slots);
    *known = (struct known){grown, slots};
    return true;
}

/* The needle of an equal pattern, or KJ_NONE: then the next needle is noted for it. */
static uint32_t find_known(writer *w, const kj_pattern *p)
{
    if (!grow_known(&w->known, w)) {
        w->failed = true;
        return KJ_NONE;
    }
    size_t mask = w->known.slot_count - 1, at = hash_of(p) & mask;
    for (; w->known.slots[at]; at = (at + 1) & mask) {
        uint32_t needle = w->known.slots[at] - 1;
        if (is_same(w->items[w->needles.items[needle].disk.pattern].pattern, p))
            return needle;
    }
    w->known.slots[at] = (uint32_t)w->needles.count + 1;
    return KJ_NONE;
}

/* ---- the builder --------------------------------------------------------------------------- */

/* Only a program, for `matches`; or a needle, its own or that of an equal pattern. */
static kj_status add_item(writer *w, uint32_t item, kj_disk_pattern *disk, kj_error *err)
{
    const kj_pattern *p = w->items[item].pattern;
    if (p->text.len > LITERAL_MAX)
        return kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET, "is longer than %d bytes", LITERAL_MAX);
    if (w->items[item].rule == KJ_NONE)
        return p->kind == KJ_PATTERN_TEXT
                   ? KJ_OK
                   : kj_regex_compile((kj_re_list){&p->re, 1}, 0, &w->out->programs, &disk->forward,
                                      err);
    disk->needle = find_known(w, p);
    if (disk->needle != KJ_NONE) {
        const kj_disk_pattern *first =
            (const kj_disk_pattern *)(const void *)(w->out->patterns.data +
                                                    w->needles.items[disk->needle].disk.pattern *
                                                        sizeof *disk);
        disk->literal = first->literal;
        disk->literal_len = first->literal_len;
        return KJ_OK;
    }
    if (p->kind == KJ_PATTERN_TEXT && p->text.len) {
        disk->literal = put_literal(w, p->text);
        disk->literal_len = (uint32_t)p->text.len;
    }
    disk->needle = (uint32_t)w->needles.count;
    return add_needle(w, item, disk, err);
}

static kj_status add_pattern(writer *w, uint32_t item, kj_error *err)
{
    const kj_pattern *p = w->items[item].pattern;
    kj_disk_pattern disk = {
        .identifier = kj_strings_add(w->strings, p->identifier),
        .source = kj_strings_add(w->strings, p->source),
        .rule = w->items[item].rule,
        .kind = p->kind,
        .modifiers = p->modifiers,
        .forward = KJ_NONE,
        .needle = KJ_NONE,
    };
    kj_error why = {0};
    kj_status status = add_item(w, item, &disk, &why);
    if (status == KJ_OK && !kj_vec_add(&w->needle_of, disk.needle))
        w->failed = true;
    if (status == KJ_OK && w->failed)
        status = kj_fail(&why, KJ_NO_MEMORY, KJ_NO_OFFSET, "out of memory for patterns");
    if (status != KJ_OK)
        return kj_fail(err, status, KJ_NO_OFFSET, "string %.*s %s", (int)p->identifier.len,
                       (const char *)p->identifier.data, why.message);
    kj_buf_put(&w->out->patterns, kj_span_of(&disk, sizeof disk));
    return w->out->patterns.failed ? kj_no_memory(err) : KJ_OK;
}

kj_status kj_patterns_begin(const kj_pattern_item *items, size_t count, kj_strings *strings,
                            kj_pattern_sections *out, kj_pattern_builder **out_builder,
                            kj_error *err)
{
    *out_builder = NULL;
    if (count > UINT32_MAX - KJ_PIECES_MAX)
        return kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET, "more than %u patterns",
                       UINT32_MAX - KJ_PIECES_MAX);
    writer *w = calloc(1, sizeof *w);
    if (!w)
        return kj_no_memory(err);
    w->items = items;
    w->strings = strings;
    w->out = out;
    kj_arena_init(&w->arena, PATTERN_ARENA);
    kj_status status = KJ_OK;
    for (size_t i = 0; i < count && status == KJ_OK; i++) {
        kj_arena_reset(&w->arena);
        status = add_pattern(w, (uint32_t)i, err);
    }
    if (status == KJ_OK)
        *out_builder = w;
    else
        kj_patterns_end(w);
    return status;
}

void kj_patterns_end(kj_pattern_builder *w)
{
    if (!w)
        return;
    kj_loads_done(&w->loads);
    free(w->known.slots);
    kj_vec_done(&w->needle_of);
    kj_vec_done(&w->needles);
    kj_vec_done(&w->forms);
    kj_vec_done(&w->postings);
    kj_vec_done(&w->scanned);
    kj_vec_done(&w->windows);
    kj_arena_done(&w->arena);
    free(w);
}

uint32_t kj_patterns_needle(const kj_pattern_builder *w, uint32_t item)
{
    return w->needle_of.items[item];
}

double kj_patterns_cost(const kj_pattern_builder *w, uint32_t needle)
{
    return w->needles.items[needle].cost;
}

bool kj_patterns_is_chain(const kj_pattern_builder *w, uint32_t needle)
{
    return w->needles.items[needle].disk.flags & KJ_NEEDLE_CHAIN;
}

void kj_patterns_mark(kj_pattern_builder *w, uint32_t needle, uint32_t flag)
{
    w->needles.items[needle].disk.flags |= flag;
}

void kj_patterns_set_rules(kj_pattern_builder *w, uint32_t needle, kj_disk_run rules)
{
    w->needles.items[needle].disk.rules = rules;
}

const kj_fixed_window *kj_patterns_windows(const kj_pattern_builder *w, uint32_t needle,
                                           size_t *out_count)
{
    const struct needle *n = &w->needles.items[needle];
    *out_count = n->loose ? 0 : n->window_count;
    return *out_count ? w->windows.items + n->first_window : NULL;
}

/* ---- the end ------------------------------------------------------------------------------- */

static void number_pieces(writer *w, const kj_disk_needle *needle)
{
    for (uint32_t i = 0; i < needle->form_count; i++)
        w->forms.items[needle->first_form + i].list =
            (uint32_t)w->needles.count + needle->first_piece + i;
}

/* Appends the postings and scanned forms of needles that are no triggers, and those of all pieces
 * of chains. */
static void put_others(writer *w, uint32_t first_posting)
{
    for (size_t i = 0; i < w->needles.count; i++) {
        struct needle *n = &w->needles.items[i];
        const struct atoms *atoms = &n->atoms;
        if (n->disk.flags & KJ_NEEDLE_TRIGGER && !(n->disk.flags & KJ_NEEDLE_CHAIN))
            continue;
        n->disk.postings = (kj_disk_run){first_posting, (uint32_t)atoms->posting_count};
        first_posting += (uint32_t)atoms->posting_count;
        kj_buf_put(&w->out->postings, kj_span_of(w->postings.items + atoms->first_posting,
                                                 atoms->posting_count * sizeof *w->postings.items));
        n->disk.scanned =
            (kj_disk_run){(uint32_t)(w->out->scanned.len / 4), (uint32_t)atoms->scanned_count};
        kj_buf_put(&w->out->scanned, kj_span_of(w->scanned.items + atoms->first_scanned,
                                                atoms->scanned_count * sizeof *w->scanned.items));
    }
}

static void index_atoms(writer *w, kj_index *index, const struct atoms *atoms)
{
    for (size_t k = 0; k < atoms->posting_count; k++)
        kj_index_add(index, &w->postings.items[atoms->first_posting + k]);
    for (size_t k = 0; k < atoms->scanned_count; k++)
        kj_buf_put_u32le(&w->out->scanned, w->scanned.items[atoms->first_scanned + k]);
}

static kj_status write_index(writer *w, kj_index *index, kj_error *err)
{
    for (size_t i = 0; i < w->needles.count; i++) {
        const struct needle *n = &w->needles.items[i];
        bool chain = n->disk.flags & KJ_NEEDLE_CHAIN;
        if (chain)
            number_pieces(w, &n->disk);
        if (n->disk.flags & KJ_NEEDLE_TRIGGER)
            index_atoms(w, index, chain ? &n->hint : &n->atoms);
    }
    kj_disk_index header = {
        .forms = (uint32_t)(w->out->programs.len / 4),
        .form_count = (uint32_t)w->forms.count,
        .piece_count = w->piece_count,
        .scanned_count = (uint32_t)(w->out->scanned.len / 4),
    };
    kj_buf_put(&w->out->programs,
               kj_span_of(w->forms.items, w->forms.count * sizeof *w->forms.items));
    return kj_index_write(index, header, &w->out->filter, &w->out->buckets, &w->out->postings, err);
}

static bool buffers_failed(const kj_pattern_sections *out)
{
    return out->patterns.failed || out->needles.failed || out->literals.failed ||
           out->programs.failed || out->scanned.failed || out->postings.failed;
}

kj_status kj_patterns_finish(kj_pattern_builder *w, kj_error *err)
{
    kj_index index = {0};
    if (w->postings.count > UINT32_MAX)
        return kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET, "more than 4294967295 atoms");
    kj_status status = write_index(w, &index, err);
    if (status == KJ_OK)
        put_others(w, (uint32_t)(index.windows.count + index.probes.count));
    kj_index_done(&index);
    for (size_t i = 0; i < w->needles.count; i++)
        kj_buf_put(&w->out->needles, kj_span_of(&w->needles.items[i].disk, sizeof(kj_disk_needle)));
    if (status == KJ_OK && (w->failed || buffers_failed(w->out)))
        return kj_fail(err, KJ_NO_MEMORY, KJ_NO_OFFSET, "out of memory for patterns");
    return status;
}

kj_status kj_patterns_write(const kj_pattern_item *items, size_t count, uint32_t flags,
                            kj_strings *strings, kj_pattern_sections *out, kj_error *err)
{
    kj_pattern_builder *builder;
    KJ_TRY(kj_patterns_begin(items, count, strings, out, &builder, err));
    for (uint32_t i = 0; i < builder->needles.count; i++)
        kj_patterns_mark(builder, i, flags);
    kj_status status = kj_patterns_finish(builder, err);
    kj_patterns_end(builder);
    return status;
}
