/* SPDX-License-Identifier: Apache-2.0 */
/* Patterns to forms, forms to literals, programs and postings. */
#include "defs/patterns.h"

#include "base/text.h"
#include "defs/atoms.h"
#include "defs/forms.h"
#include "defs/index.h"
#include "defs/regex.h"

_Static_assert(KJ_POSTING_ELEMENT == sizeof(kj_disk_posting), "layout");
_Static_assert(sizeof(kj_disk_index) % KJ_FILTER_ELEMENT == 0, "layout");

enum {
    PATTERN_ARENA = 256 << 20, /* what compiling one pattern may use */
    LITERAL_MAX = 1 << 20,     /* bytes of one form */
};

struct writer {
    kj_strings *strings;
    kj_pattern_sections *out;
    kj_index index;
    KJ_VEC(kj_disk_form) forms;
    kj_arena arena; /* of the current pattern */
    uint32_t pattern_count;
    uint32_t piece_count;
    uint32_t pattern; /* the current one */
    bool failed;      /* no memory */
};

void kj_pattern_sections_init(kj_pattern_sections *sections)
{
    kj_buf *const all[] = {&sections->patterns, &sections->literals, &sections->programs,
                           &sections->filter,   &sections->buckets,  &sections->postings,
                           &sections->scanned};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        kj_buf_init(all[i], UINT32_MAX);
}

void kj_pattern_sections_done(kj_pattern_sections *sections)
{
    kj_buf_done(&sections->patterns);
    kj_buf_done(&sections->literals);
    kj_buf_done(&sections->programs);
    kj_buf_done(&sections->filter);
    kj_buf_done(&sections->buckets);
    kj_buf_done(&sections->postings);
    kj_buf_done(&sections->scanned);
}

/* ---- literal forms ------------------------------------------------------------------------- */

/* Appends a form of the current pattern; its index. */
static uint32_t add_form(struct writer *w, kj_disk_form form)
{
    form.pattern = w->pattern;
    if (!kj_vec_add(&w->forms, form))
        w->failed = true;
    return (uint32_t)w->forms.count - 1;
}

static void scan_form(struct writer *w, uint32_t form)
{
    kj_buf_put_u32le(&w->out->scanned, form);
}

static uint32_t put_literal(struct writer *w, kj_span text)
{
    uint32_t at = (uint32_t)w->out->literals.len;
    kj_buf_put(&w->out->literals, text);
    return at;
}

/* A posting for each key. Keys that differ in KJ_FOLD_BYTE only give the same window. */
static void index_xored(struct writer *w, uint32_t form, const kj_pattern *p, kj_span atom,
                        size_t distance)
{
    for (unsigned key = p->xor_min; key <= p->xor_max; key++) {
        uint8_t bytes[KJ_ATOM_MAX];
        unsigned twin = key ^ KJ_FOLD_BYTE;
        if (twin < key && twin >= p->xor_min)
            continue;
        for (size_t i = 0; i < atom.len; i++)
            bytes[i] = (uint8_t)(atom.data[i] ^ key);
        kj_index_add(
            &w->index, bytes, atom.len,
            (kj_disk_posting){.form = form, .distance = (uint32_t)distance, .backward = KJ_NONE});
    }
}

/* Indexes a literal form whose bytes as they stand in a file (under key 0) are `bytes`. */
static void index_literal(struct writer *w, uint32_t form, const kj_pattern *p, kj_span bytes)
{
    size_t len, at = kj_atom_of_literal(bytes, &w->index, &len);
    kj_span atom = kj_span_sub(bytes, at, len);
    if (len == 0)
        scan_form(w, form);
    else if (w->forms.items[form].flags & KJ_FORM_XOR)
        index_xored(w, form, p, atom, at);
    else
        kj_index_add(
            &w->index, atom.data, len,
            (kj_disk_posting){.form = form, .distance = (uint32_t)at, .backward = KJ_NONE});
}

static void add_literal(struct writer *w, const kj_pattern *p, uint32_t flags, uint32_t rank,
                        kj_span text, uint32_t literal)
{
    uint32_t form = add_form(
        w, (kj_disk_form){
               .flags = flags,
               .data = literal,
               .len = (uint32_t)text.len,
               .list = w->pattern,
               .rank = rank,
               .xor_range = flags & KJ_FORM_XOR ? p->xor_min | (uint32_t)p->xor_max << 8 : 0,
           });
    kj_buf wide;
    kj_buf_init(&wide, 2 * (size_t)LITERAL_MAX);
    if (flags & KJ_FORM_WIDE)
        kj_widen(text, &wide);
    if (!w->failed && !wide.failed)
        index_literal(w, form, p, flags & KJ_FORM_WIDE ? kj_buf_span(&wide) : text);
    w->failed |= wide.failed;
    kj_buf_done(&wide);
}

static uint32_t literal_flags(const kj_pattern *p)
{
    return (p->modifiers & KJ_MOD_NOCASE ? KJ_FORM_NOCASE : 0) |
           (p->modifiers & KJ_MOD_FULLWORD ? KJ_FORM_FULLWORD : 0) |
           (p->modifiers & KJ_MOD_XOR ? KJ_FORM_XOR : 0);
}

static void add_text(struct writer *w, const kj_pattern *p, uint32_t flags, kj_span text,
                     uint32_t literal)
{
    if (p->modifiers & KJ_MOD_ASCII || !(p->modifiers & KJ_MOD_WIDE))
        add_literal(w, p, flags, 0, text, literal);
    if (p->modifiers & KJ_MOD_WIDE)
        add_literal(w, p, flags | KJ_FORM_WIDE, 1, text, literal);
}

/* The three alignments of one plain text, as such or (base64wide) widened. */
static void add_base64(struct writer *w, const kj_pattern *p, kj_span plain, uint32_t flags,
                       uint32_t rank)
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
static void add_base64_forms(struct writer *w, const kj_pattern *p)
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
static kj_status index_program(struct writer *w, uint32_t form, kj_re_list list,
                               uint32_t *out_before, kj_error *err)
{
    kj_atom_set atoms;
    KJ_TRY(kj_atoms_of_trees(list, &w->index, &w->arena, &atoms, err));
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
        kj_index_add(&w->index, atom->bytes, atom->len,
                     (kj_disk_posting){.form = form,
                                       .distance = distance,
                                       .backward = varies ? backward : KJ_NONE});
    }
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

/* One form that programs verify. */
static kj_status add_program(struct writer *w, kj_re_list list, uint32_t flags, uint32_t hits,
                             uint32_t rank, kj_error *err)
{
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

static kj_status add_regex(struct writer *w, const kj_pattern *p, kj_error *err)
{
    uint32_t flags = (p->modifiers & KJ_MOD_FULLWORD ? KJ_FORM_FULLWORD : 0) |
                     (p->kind == KJ_PATTERN_REGEX && kj_re_is_greedy(p->re) ? KJ_FORM_LONGEST : 0);
    bool wide = p->modifiers & KJ_MOD_WIDE;
    if (p->modifiers & KJ_MOD_ASCII || !wide)
        KJ_TRY(add_program(w, (kj_re_list){&p->re, 1}, flags, w->pattern, 0, err));
    if (!wide)
        return KJ_OK;
    const kj_re *widened = kj_re_widen(&w->arena, p->re);
    if (!widened)
        return kj_fail(err, KJ_NO_MEMORY, KJ_NO_OFFSET, "out of memory for a wide form");
    return add_program(w, (kj_re_list){&widened, 1}, flags | KJ_FORM_WIDE, w->pattern, 1, err);
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

static bool is_large_gap(const kj_re *re)
{
    if (re->op != KJ_RE_REPEAT || re->children[0]->op != KJ_RE_CLASS || re->max <= KJ_CHAIN_GAP)
        return false;
    const kj_byte_set *set = &re->children[0]->set;
    return (set->words[0] & set->words[1] & set->words[2] & set->words[3]) == UINT64_MAX;
}

/* The pieces between large gaps, a form each; the gaps go to REGX. */
static kj_status add_chain(struct writer *w, const kj_re **items, size_t count,
                           kj_disk_pattern *disk, kj_error *err)
{
    KJ_VEC(kj_disk_gap) gaps = {0};
    kj_status status = KJ_OK;
    disk->flags |= KJ_PATF_CHAIN;
    disk->first_piece = w->piece_count;
    for (size_t i = 0, start = 0; i <= count && status == KJ_OK; i++) {
        if (i < count && !is_large_gap(items[i]))
            continue;
        kj_re_list piece = {items + start, i - start};
        status = add_program(w, piece, 0, w->pattern_count + w->piece_count++, 0, err);
        start = i + 1;
        if (i < count && !kj_vec_add(&gaps, ((kj_disk_gap){items[i]->min, items[i]->max})))
            w->failed = true;
    }
    disk->chain = (uint32_t)(w->out->programs.len / 4);
    kj_buf_put(&w->out->programs, kj_span_of(gaps.items, gaps.count * sizeof *gaps.items));
    kj_vec_done(&gaps);
    if (status == KJ_OK && w->piece_count > KJ_PIECES_MAX)
        return kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET, "more than %d pieces of chains", KJ_PIECES_MAX);
    return status;
}

static kj_status add_hex(struct writer *w, const kj_pattern *p, kj_disk_pattern *disk,
                         kj_error *err)
{
    size_t count = 0, filled = 0;
    lay_out(p->re, NULL, &count, 0);
    const kj_re **items = kj_new_array(&w->arena, const kj_re *, count);
    if (!items)
        return kj_fail(err, KJ_NO_MEMORY, KJ_NO_OFFSET, "out of memory for a hex string");
    lay_out(p->re, items, &filled, 0);
    for (size_t i = 1; i + 1 < count; i++)
        if (is_large_gap(items[i]))
            return add_chain(w, items, count, disk, err);
    return add_program(w, (kj_re_list){items, count}, 0, w->pattern, 0, err);
}

/* ---- patterns ------------------------------------------------------------------------------ */

/* Trees that are plain texts are handled as such. */
static kj_status add_tree(struct writer *w, const kj_pattern *p, kj_disk_pattern *disk,
                          kj_error *err)
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
    return p->kind == KJ_PATTERN_HEX ? add_hex(w, p, disk, err) : add_regex(w, p, err);
}

static kj_status add_forms(struct writer *w, const kj_pattern_item *item, kj_disk_pattern *disk,
                           kj_error *err)
{
    const kj_pattern *p = item->pattern;
    if (item->rule == KJ_NONE && p->kind != KJ_PATTERN_TEXT)
        return kj_regex_compile((kj_re_list){&p->re, 1}, 0, &w->out->programs, &disk->forward, err);
    if (item->rule == KJ_NONE)
        return KJ_OK;
    if (p->kind != KJ_PATTERN_TEXT)
        return add_tree(w, p, disk, err);
    if (p->text.len == 0)
        return KJ_OK; /* nothing to look for */
    disk->literal = put_literal(w, p->text);
    disk->literal_len = (uint32_t)p->text.len;
    if (p->modifiers & (KJ_MOD_BASE64 | KJ_MOD_BASE64_WIDE))
        add_base64_forms(w, p);
    else
        add_text(w, p, literal_flags(p), p->text, disk->literal);
    return KJ_OK;
}

static kj_status add_pattern(struct writer *w, const kj_pattern_item *item, kj_error *err)
{
    const kj_pattern *p = item->pattern;
    kj_disk_pattern disk = {
        .identifier = kj_strings_add(w->strings, p->identifier),
        .source = kj_strings_add(w->strings, p->source),
        .rule = item->rule,
        .kind = p->kind,
        .modifiers = p->modifiers,
        .forward = KJ_NONE,
        .first_form = (uint32_t)w->forms.count,
        .chain = KJ_NONE,
    };
    kj_error why = {0};
    kj_status status = KJ_OK;
    if (p->text.len > LITERAL_MAX)
        status = kj_fail(&why, KJ_LIMIT, KJ_NO_OFFSET, "is longer than %d bytes", LITERAL_MAX);
    else
        status = add_forms(w, item, &disk, &why);
    if (status == KJ_OK && w->failed)
        status = kj_fail(&why, KJ_NO_MEMORY, KJ_NO_OFFSET, "out of memory for patterns");
    if (status != KJ_OK)
        return kj_fail(err, status, KJ_NO_OFFSET, "string %.*s %s", (int)p->identifier.len,
                       (const char *)p->identifier.data, why.message);
    disk.form_count = (uint32_t)w->forms.count - disk.first_form;
    kj_buf_put(&w->out->patterns, kj_span_of(&disk, sizeof disk));
    return KJ_OK;
}

static bool buffers_failed(const kj_pattern_sections *out)
{
    return out->patterns.failed || out->literals.failed || out->programs.failed ||
           out->scanned.failed;
}

static kj_status write_all(struct writer *w, const kj_pattern_item *items, size_t count,
                           kj_error *err)
{
    for (size_t i = 0; i < count; i++) {
        w->pattern = (uint32_t)i;
        kj_arena_reset(&w->arena);
        KJ_TRY(add_pattern(w, &items[i], err));
    }
    kj_disk_index header = {
        .forms = (uint32_t)(w->out->programs.len / 4),
        .form_count = (uint32_t)w->forms.count,
        .piece_count = w->piece_count,
    };
    kj_buf_put(&w->out->programs,
               kj_span_of(w->forms.items, w->forms.count * sizeof *w->forms.items));
    if (buffers_failed(w->out))
        return kj_fail(err, KJ_NO_MEMORY, KJ_NO_OFFSET, "out of memory for patterns");
    return kj_index_write(&w->index, header, &w->out->filter, &w->out->buckets, &w->out->postings,
                          err);
}

kj_status kj_patterns_write(const kj_pattern_item *items, size_t count, kj_strings *strings,
                            kj_pattern_sections *out, kj_error *err)
{
    if (count > UINT32_MAX - KJ_PIECES_MAX)
        return kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET, "more than %u patterns",
                       UINT32_MAX - KJ_PIECES_MAX);
    struct writer w = {.strings = strings, .out = out, .pattern_count = (uint32_t)count};
    kj_arena_init(&w.arena, PATTERN_ARENA);
    kj_index_init(&w.index);
    kj_status status = write_all(&w, items, count, err);
    kj_vec_done(&w.forms);
    kj_index_done(&w.index);
    kj_arena_done(&w.arena);
    return status;
}
