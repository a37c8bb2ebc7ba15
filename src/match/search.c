/* SPDX-License-Identifier: Apache-2.0 */
/* A kernel looks up every window of four bytes in a filter; what passes is looked up in buckets of
 * postings, and verified (verify.c). Probes go over the bytes once each.
 *
 * That is done once for the needles that are triggers, whose index is mapped; and in objects where
 * rules ask for more, once again for those needles, whose index is made on the spot. */
#include "base/arith.h"
#include "ir/ir.h"
#include "match/search_private.h"

enum {
    BLOCK = 4 << 10,      /* bytes that both lookups pass over before they go on */
    AHEAD = 64,           /* candidates that are looked up together */
    LOOK_AFTER = 1 << 20, /* bytes passed between looks at the clock */
};

kj_search *kj_search_new(const kj_defs *defs)
{
    uint32_t lists;
    kj_search *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->defs = defs;
    s->damaged = !kj_index_open(defs, &s->index);
    s->damaged |= __builtin_add_overflow(s->index.needle_count, s->index.piece_count, &lists);
    if (s->damaged)
        s->index = (kj_index_view){0};
    s->kernel = kj_kernel_best();
    s->regex = kj_regex_new();
    s->dfas = kj_dfa_cache_new();
    s->known = calloc((size_t)s->index.needle_count + 1, sizeof *s->known);
    s->chains = calloc((size_t)s->index.needle_count + 1, sizeof *s->chains);
    s->chain_passed = calloc(KJ_CHAIN_BLOCK + KJ_KERNEL_SLACK, sizeof *s->chain_passed);
    s->group_slots = calloc(KJ_GROUP_SLOTS, sizeof *s->group_slots);
    s->passed = calloc(BLOCK + KJ_KERNEL_SLACK, sizeof *s->passed);
    bool ok = kj_hits_init(&s->hits, s->damaged ? 0 : lists);
    if (!s->regex || !s->dfas || !s->known || !s->chains || !s->chain_passed || !s->group_slots ||
        !s->passed || !ok) {
        kj_search_free(s);
        return NULL;
    }
    return s;
}

void kj_search_free(kj_search *s)
{
    if (!s)
        return;
    kj_regex_free(s->regex);
    kj_dfa_cache_free(s->dfas);
    kj_hits_done(&s->hits);
    free(s->known);
    free(s->chains);
    free(s->chain_passed);
    kj_vec_done(&s->hinted);
    kj_vec_done(&s->chain_ranges);
    kj_vec_done(&s->chain_ends);
    free(s->passed);
    kj_pairs_free(s->pairs);
    kj_vec_done(&s->wanted.needles);
    kj_vec_done(&s->wanted.postings);
    kj_vec_done(&s->wanted.next);
    free(s->wanted.words);
    free(s->wanted.heads);
    kj_vec_done(&s->wanted.probes);
    kj_vec_done(&s->found);
    kj_vec_done(&s->candidates);
    kj_vec_done(&s->groups);
    free(s->group_slots);
    kj_vec_done(&s->atoms);
    kj_vec_done(&s->starts);
    kj_vec_done(&s->matches);
    free(s);
}

void kj_search_note(kj_search *s, kj_status status, uint32_t needle)
{
    if (s->status != KJ_OK && (s->status != KJ_LIMIT || status == KJ_LIMIT))
        return;
    s->status = status;
    s->culprit = needle;
}

bool kj_search_stopped(const kj_search *s)
{
    return s->status == KJ_INTERNAL || s->status == KJ_NO_MEMORY || s->late;
}

void kj_search_look_at_clock(kj_search *s, uint32_t needle)
{
    s->compared = 0;
    if (s->late || !kj_deadline_past(&s->deadline))
        return;
    s->late = true;
    kj_search_note(s, KJ_LIMIT, needle);
}

const kj_disk_form *kj_search_form(kj_search *s, uint32_t index)
{
    if (index < s->index.form_count && s->index.forms[index].list < s->hits.count &&
        s->index.forms[index].needle < s->index.needle_count)
        return &s->index.forms[index];
    kj_search_note(s, KJ_INTERNAL, KJ_NONE);
    return NULL;
}

bool kj_search_wants_hits(const kj_search *s, uint32_t needle)
{
    return s->every || s->index.needles[needle].flags & KJ_NEEDLE_COUNTED;
}

bool kj_search_is_full(const kj_search *s, const kj_disk_form *form)
{
    if (form->list >= s->index.needle_count && !s->pieces)
        return kj_chain_is_hinted(s, form->needle);
    const kj_hit_list *list = kj_hits_find(&s->hits, form->list);
    if (!list || list->count == 0)
        return false;
    bool one_is_enough =
        form->list < s->index.needle_count && !kj_search_wants_hits(s, form->needle);
    return one_is_enough || list->dropped;
}

/* ---- the pass over an index ---------------------------------------------------------------- */

static uint32_t load_window(const uint8_t *data)
{
    uint32_t word;
    memcpy(&word, data, sizeof word);
    return word | KJ_FOLD_WORD;
}

/* The postings of a bucket; none when it is damaged. */
static void bucket_range(const kj_search *s, const uint32_t *buckets, uint32_t bucket,
                         uint32_t *out_first, uint32_t *out_end)
{
    *out_first = buckets[bucket];
    *out_end = buckets[bucket + 1];
    if (*out_end > s->index.window_count)
        *out_end = s->index.window_count;
}

/* Candidates of the mapped index. Memory is asked for before it is needed, since each bucket and
 * posting is somewhere else. */
static void look_up_indexed(kj_search *s, size_t base, const uint32_t *at, size_t count)
{
    const kj_index_view *index = &s->index;
    uint32_t windows[AHEAD], buckets[AHEAD];
    for (size_t i = 0; i < count; i++) {
        windows[i] = load_window(s->bytes.data + base + at[i]);
        buckets[i] = kj_window_hash(windows[i]) >> (32 - index->bucket_log2);
        __builtin_prefetch(&index->buckets[buckets[i]]);
    }
    for (size_t i = 0; i < count; i++)
        __builtin_prefetch(&index->postings[index->buckets[buckets[i]]]);
    for (size_t i = 0; i < count && !s->late; i++) {
        uint32_t first, end;
        bucket_range(s, index->buckets, buckets[i], &first, &end);
        for (uint32_t k = first; k < end; k++)
            if (index->postings[k].window == windows[i])
                kj_verify_posting(s, k, base + at[i]);
    }
}

/* Candidates of the index that was made for this object. */
static void look_up_wanted(kj_search *s, size_t base, const uint32_t *at, size_t count)
{
    const struct kj_wanted *w = &s->wanted;
    for (size_t i = 0; i < count && !s->late; i++) {
        uint32_t window = load_window(s->bytes.data + base + at[i]);
        uint32_t entry = w->heads[kj_window_hash(window) >> (32 - w->bucket_log2)];
        for (; entry; entry = w->next.items[entry - 1]) {
            uint32_t posting = w->postings.items[entry - 1];
            if (s->index.postings[posting].window == window)
                kj_verify_posting(s, posting, base + at[i]);
        }
    }
}

/* Positions [from, to), each with four bytes behind it, at most BLOCK of them. */
static void pass_long(kj_search *s, bool wanted, size_t from, size_t to)
{
    kj_filter filter = wanted ? (kj_filter){s->wanted.words, s->wanted.filter_log2}
                              : (kj_filter){s->index.filter, s->index.filter_log2};
    size_t count = s->kernel(&filter, s->bytes.data + from, to - from, s->passed);
    for (size_t i = 0; i < count; i += AHEAD) {
        size_t some = kj_min_size(count - i, AHEAD);
        if (wanted)
            look_up_wanted(s, from, s->passed + i, some);
        else
            look_up_indexed(s, from, s->passed + i, some);
    }
}

static size_t positions(size_t len, size_t window)
{
    return len < window ? 0 : len - window + 1;
}

/* Goes over the bytes with the filter. */
static void pass(kj_search *s, bool wanted)
{
    size_t end = positions(s->bytes.len, 4);
    for (size_t i = 0; i < end && !kj_search_stopped(s); i += BLOCK) {
        pass_long(s, wanted, i, kj_min_size(i + BLOCK, end));
        if (i % LOOK_AFTER == 0)
            kj_search_look_at_clock(s, KJ_NONE);
    }
}

/* Goes over the bytes with one probe. */
static void pass_probe(kj_search *s, uint32_t number)
{
    const kj_disk_posting *posting = &s->index.postings[number];
    const kj_disk_form *form = kj_search_form(s, posting->form);
    kj_probe probe = kj_probe_of(posting);
    size_t end = positions(s->bytes.len, probe.gap + 1);
    for (size_t i = 0; form && i < end && !kj_search_stopped(s) && !kj_search_is_full(s, form);
         i += BLOCK) {
        size_t some = kj_min_size(BLOCK, end - i);
        size_t count = kj_probe_pass(&probe, s->bytes.data + i, some, s->passed);
        for (size_t k = 0; k < count && !s->late; k++)
            kj_verify_posting(s, number, i + s->passed[k]);
        if (i % LOOK_AFTER == 0)
            kj_search_look_at_clock(s, form->needle);
    }
}

/* A pair that stands at a place. */
struct found_pair {
    kj_search *search;
    size_t pos;
};

static void verify_pair(void *user, uint32_t probe)
{
    const struct found_pair *pair = user;
    kj_verify_posting(pair->search, pair->search->index.window_count + probe, pair->pos);
}

/* Goes over the bytes with all probes of two bytes side by side. */
static void pass_pairs(kj_search *s)
{
    size_t end = positions(s->bytes.len, 2);
    for (size_t i = 0; i < end && !kj_search_stopped(s); i += BLOCK) {
        size_t some = kj_min_size(BLOCK, end - i);
        size_t count = kj_pairs_pass(s->pairs, s->bytes.data + i, some, s->passed);
        for (size_t k = 0; k < count && !s->late; k++) {
            struct found_pair pair = {s, i + s->passed[k]};
            kj_pairs_find(s->pairs, s->bytes.data + pair.pos, verify_pair, &pair);
        }
        if (i % LOOK_AFTER == 0)
            kj_search_look_at_clock(s, KJ_NONE);
    }
}

static void pass_probes(kj_search *s)
{
    const kj_index_view *index = &s->index;
    const kj_disk_posting *probes = index->postings + index->window_count;
    if (!s->has_pairs && !kj_pairs_new(probes, index->probe_count, &s->pairs)) {
        kj_search_note(s, KJ_NO_MEMORY, KJ_NONE);
        return;
    }
    s->has_pairs = true;
    if (s->pairs)
        pass_pairs(s);
    for (uint32_t i = 0; i < index->probe_count && !kj_search_stopped(s); i++)
        if (!kj_pairs_have(s->pairs, &probes[i]))
            pass_probe(s, index->window_count + i);
}

static void pass_indexed(kj_search *s)
{
    const kj_index_view *index = &s->index;
    if (!index->filter)
        return;
    if (index->window_count)
        pass(s, false);
    if (index->probe_count)
        pass_probes(s);
    kj_verify_flush(s);
}

/* Forms in SCAN, from the first on. */
static void pass_scanned(kj_search *s, uint32_t first, uint32_t count)
{
    for (uint32_t i = 0; i < count && !kj_search_stopped(s); i++) {
        const kj_disk_form *form = kj_search_form(s, s->index.scanned[first + i]);
        if (form)
            kj_verify_everywhere(s, form);
    }
}

/* ---- an index for this object -------------------------------------------------------------- */

/* Room for the tables, zeroed. */
static bool clear_tables(struct kj_wanted *w)
{
    size_t count = w->postings.count;
    w->filter_log2 = kj_filter_log2_for(count);
    w->bucket_log2 = kj_bucket_log2_for(count);
    unsigned log2 = w->filter_log2 > w->bucket_log2 ? w->filter_log2 : w->bucket_log2;
    if (!w->words || log2 > w->room_log2) {
        free(w->words);
        free(w->heads);
        w->words = calloc((size_t)1 << log2, sizeof *w->words);
        w->heads = calloc((size_t)1 << log2, sizeof *w->heads);
        w->room_log2 = w->words && w->heads ? log2 : 0;
        if (!w->words || !w->heads)
            return false;
    }
    memset(w->words, 0, sizeof *w->words << w->filter_log2);
    memset(w->heads, 0, sizeof *w->heads << w->bucket_log2);
    return true;
}

static void add_entry(kj_search *s, uint32_t place)
{
    struct kj_wanted *w = &s->wanted;
    uint32_t hash = kj_window_hash(s->index.postings[w->postings.items[place]].window);
    uint32_t *head = &w->heads[hash >> (32 - w->bucket_log2)];
    w->next.items[place] = *head;
    *head = place + 1;
    w->words[kj_filter_word(hash, w->filter_log2)] |= kj_filter_bits(hash, w->filter_log2);
}

static bool is_run(kj_disk_run run, uint32_t limit)
{
    return run.count == 0 || (run.first <= limit && run.count <= limit - run.first);
}

/* Collects the postings of the needles that are wanted. */
static bool collect_postings(kj_search *s)
{
    struct kj_wanted *w = &s->wanted;
    w->postings.count = w->next.count = w->probes.count = 0;
    for (size_t n = 0; n < w->needles.count; n++) {
        kj_disk_run run = s->index.needles[w->needles.items[n]].postings;
        if (!is_run(run, s->index.posting_count)) {
            kj_search_note(s, KJ_INTERNAL, w->needles.items[n]);
            return false;
        }
        for (uint32_t i = 0; i < run.count; i++) {
            uint32_t k = run.first + i;
            bool added = s->index.postings[k].where & KJ_POSTING_PROBE
                             ? kj_vec_add(&w->probes, k)
                             : kj_vec_add(&w->postings, k) && kj_vec_add(&w->next, 0);
            if (!added)
                return false;
        }
    }
    return true;
}

static bool index_wanted(kj_search *s)
{
    if (!collect_postings(s) || !clear_tables(&s->wanted))
        return false;
    for (uint32_t i = 0; i < s->wanted.postings.count; i++)
        add_entry(s, i);
    return true;
}

static void pass_wanted(kj_search *s)
{
    const struct kj_wanted *w = &s->wanted;
    if (!index_wanted(s)) {
        kj_search_note(s, KJ_NO_MEMORY, KJ_NONE);
        return;
    }
    if (w->postings.count)
        pass(s, true);
    for (size_t i = 0; i < w->probes.count && !kj_search_stopped(s); i++)
        pass_probe(s, w->probes.items[i]);
    kj_verify_flush(s);
    for (size_t i = 0; i < w->needles.count && !kj_search_stopped(s); i++) {
        kj_disk_run run = s->index.needles[w->needles.items[i]].scanned;
        if (!is_run(run, s->index.scanned_count))
            kj_search_note(s, KJ_INTERNAL, w->needles.items[i]);
        else
            pass_scanned(s, run.first, run.count);
    }
}

/* ---- the end ------------------------------------------------------------------------------- */

/* Joins a chain from its last piece to its first, whose list is handed to the needle. */
static void join_chain(kj_search *s, uint32_t needle, const kj_disk_needle *n)
{
    uint32_t first_list = s->index.needle_count + n->first_piece;
    uint64_t words = (uint64_t)(n->form_count - 1) * (sizeof(kj_disk_gap) / 4);
    const kj_disk_gap *gaps = (const kj_disk_gap *)kj_program_words(s->defs, n->chain, words);
    if (n->form_count < 2 || !gaps || n->first_piece > s->index.piece_count ||
        n->form_count > s->index.piece_count - n->first_piece) {
        kj_search_note(s, KJ_INTERNAL, needle);
        return;
    }
    for (uint32_t i = n->form_count - 1; i-- > 0;) {
        kj_hit_list *heads = kj_hits_find(&s->hits, first_list + i);
        if (!heads)
            return;
        kj_hit_list_join(heads, kj_hits_find(&s->hits, first_list + i + 1), gaps[i]);
    }
    if (kj_hits_find(&s->hits, first_list)->count == 0 || !kj_hits_touch(&s->hits, needle, needle))
        return;
    kj_hit_list *heads = kj_hits_find(&s->hits, first_list);
    kj_hit_list *whole = kj_hits_find(&s->hits, needle);
    *whole = *heads;
    whole->list = whole->needle = needle;
}

/* Chains of which a piece was found: whether all of it is there, if that is all that is asked; else
 * somebody may want to know more of them. */
static void finish_hinted(kj_search *s)
{
    for (size_t i = 0; i < s->hinted.count && !kj_search_stopped(s); i++) {
        uint32_t needle = s->hinted.items[i];
        if (!kj_search_wants_hits(s, needle))
            kj_chain_search(s, needle);
        else if (!kj_vec_add(&s->found, needle))
            kj_search_note(s, KJ_NO_MEMORY, needle);
    }
}

/* Closes the lists that the last pass made. */
static void finish(kj_search *s)
{
    uint32_t needles = s->index.needle_count;
    size_t end = s->hits.touched.count;
    for (size_t i = s->closed; i < end; i++)
        kj_hit_list_close(&s->hits.touched.items[i]);
    for (size_t i = s->closed; i < end; i++) {
        const kj_hit_list *list = &s->hits.touched.items[i];
        const kj_disk_needle *n = &s->index.needles[list->needle];
        if (list->list >= needles && list->list - needles == n->first_piece)
            join_chain(s, list->needle, n);
    }
    for (size_t i = s->closed; i < s->hits.touched.count; i++) {
        const kj_hit_list *list = &s->hits.touched.items[i];
        bool told = list->list < needles && kj_chain_is_hinted(s, list->list) &&
                    kj_search_wants_hits(s, list->list);
        if (list->list < needles && list->count && !told && !kj_vec_add(&s->found, list->list))
            kj_search_note(s, KJ_NO_MEMORY, KJ_NONE);
    }
    s->closed = s->hits.touched.count;
}

static kj_status explain(const kj_search *s, kj_error *err)
{
    if (s->status == KJ_OK)
        return KJ_OK;
    if (s->late)
        return kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET,
                       "takes too long to search for strings (--max-time)");
    if (s->status == KJ_NO_MEMORY)
        return kj_fail(err, KJ_NO_MEMORY, KJ_NO_OFFSET, "out of memory while searching strings");
    const kj_disk_pattern *p = s->culprit < s->index.needle_count
                                   ? kj_defs_pattern(s->defs, s->index.needles[s->culprit].pattern)
                                   : NULL;
    if (s->status != KJ_LIMIT || !p)
        return kj_fail(err, KJ_INTERNAL, KJ_NO_OFFSET,
                       "damaged definitions: strings cannot be searched");
    const kj_disk_rule *owner = kj_defs_rule(s->defs, p->rule);
    kj_span name = kj_defs_text(s->defs, p->identifier);
    kj_span rule = owner ? kj_defs_text(s->defs, owner->name) : kj_span_str("?");
    return kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET, "%s: string %.*s of rule %.*s",
                   s->steps_exhausted || kj_chain_was_given_up(s, s->culprit)
                       ? "the work allowed for strings is used up"
                       : "more matches than are kept",
                   (int)name.len, (const char *)name.data, (int)rule.len, (const char *)rule.data);
}

void kj_search_begin(kj_search *s, kj_span bytes, const kj_search_limits *limits)
{
    if (kj_hits_begin(&s->hits, limits->hits_per_pattern)) {
        memset(s->known, 0, s->index.needle_count * sizeof *s->known);
        memset(s->chains, 0, s->index.needle_count * sizeof *s->chains);
    }
    s->found.count = s->starts.count = s->wanted.needles.count = s->hinted.count = 0;
    s->pieces = false;
    kj_verify_forget(s);
    s->closed = 0;
    s->bytes = bytes;
    s->every = limits->every;
    s->steps = limits->steps ? limits->steps : UINT64_MAX;
    s->steps_exhausted = s->late = false;
    s->deadline = limits->deadline;
    s->costs = limits->costs;
    s->compared = 0;
    kj_regex_set_deadline(s->regex, limits->deadline);
    s->status = s->damaged ? KJ_INTERNAL : KJ_OK;
    s->culprit = KJ_NONE;
}

kj_status kj_search_triggers(kj_search *s, kj_error *err)
{
    if (!s->damaged) {
        pass_indexed(s);
        pass_scanned(s, 0, s->index.always_scanned);
        finish_hinted(s);
        finish(s);
    }
    return explain(s, err);
}

static uint32_t needle_of(const kj_search *s, uint32_t pattern)
{
    const kj_disk_pattern *p = kj_defs_pattern(s->defs, pattern);
    return p && p->needle < s->index.needle_count ? p->needle : KJ_NONE;
}

/* Of a chain that is a trigger, all that is known is whether it is there, or that it is not. */
static bool is_known(const kj_search *s, uint32_t needle)
{
    uint32_t flags = s->index.needles[needle].flags;
    bool open =
        flags & KJ_NEEDLE_CHAIN && kj_search_wants_hits(s, needle) && kj_chain_is_hinted(s, needle);
    return (flags & KJ_NEEDLE_TRIGGER && !open) || s->known[needle] == s->hits.epoch;
}

bool kj_search_knows(const kj_search *s, uint32_t pattern)
{
    uint32_t needle = needle_of(s, pattern);
    return needle == KJ_NONE || is_known(s, needle);
}

static void want(kj_search *s, uint32_t needle)
{
    if (!is_known(s, needle) && !kj_vec_add(&s->wanted.needles, needle))
        kj_search_note(s, KJ_NO_MEMORY, needle);
}

void kj_search_want(kj_search *s, uint32_t pattern)
{
    uint32_t needle = needle_of(s, pattern);
    if (needle != KJ_NONE)
        want(s, needle);
}

size_t kj_search_wants(const kj_search *s)
{
    return s->wanted.needles.count;
}

void kj_search_forget(kj_search *s, size_t wants)
{
    s->wanted.needles.count = wants;
}

/* Each needle once: it is known from now on. Chains of which only that matters whether they are
 * there are searched by themselves. */
static void settle_wants(kj_search *s)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->wanted.needles.count; i++) {
        uint32_t needle = s->wanted.needles.items[i];
        if (is_known(s, needle))
            continue;
        s->known[needle] = s->hits.epoch;
        if (s->index.needles[needle].flags & KJ_NEEDLE_CHAIN && !kj_search_wants_hits(s, needle))
            kj_chain_search(s, needle);
        else
            s->wanted.needles.items[kept++] = needle;
    }
    s->wanted.needles.count = kept;
}

kj_status kj_search_wanted(kj_search *s, kj_error *err)
{
    if (!s->damaged && !kj_search_stopped(s)) {
        settle_wants(s);
        s->pieces = true;
        if (s->wanted.needles.count)
            pass_wanted(s);
        finish(s);
    }
    s->wanted.needles.count = 0;
    return explain(s, err);
}

kj_status kj_search_run(kj_search *s, kj_span bytes, const kj_search_limits *limits, kj_error *err)
{
    kj_search_begin(s, bytes, limits);
    kj_status status = kj_search_triggers(s, err);
    if (status != KJ_OK && status != KJ_LIMIT)
        return status;
    for (uint32_t i = 0; i < s->index.needle_count; i++)
        want(s, i);
    return kj_search_wanted(s, err);
}

/* Whether a hit of the needle's begins in a range. */
static bool has_hit(const kj_search *s, uint32_t needle, uint64_t from, uint64_t to)
{
    const kj_hit_list *list = kj_hits_find(&s->hits, needle);
    size_t at = list ? kj_hit_first_from(list->items, list->count, from) : 0;
    return list && at < list->count && list->items[at].offset <= to;
}

bool kj_search_in(kj_search *s, uint32_t pattern, uint64_t from, uint64_t to, bool *out_found)
{
    uint32_t needle = needle_of(s, pattern);
    kj_hit hit;
    *out_found = false;
    if (needle == KJ_NONE || from >= s->bytes.len || from > to)
        return true;
    const kj_disk_needle *n = &s->index.needles[needle];
    bool chain = n->flags & KJ_NEEDLE_CHAIN;
    if (is_known(s, needle) && (!chain || kj_search_wants_hits(s, needle)))
        *out_found = has_hit(s, needle, from, to);
    else if (!chain)
        return false;
    else if (!(n->flags & KJ_NEEDLE_TRIGGER) || kj_chain_is_hinted(s, needle))
        *out_found = !kj_search_stopped(s) && kj_chain_find(s, needle, from, to, &hit);
    return true;
}

bool kj_search_at(kj_search *s, uint32_t pattern, uint64_t offset, bool *out_found)
{
    uint32_t needle = needle_of(s, pattern);
    *out_found = false;
    if (needle == KJ_NONE || offset >= s->bytes.len)
        return true;
    const kj_disk_needle *n = &s->index.needles[needle];
    const kj_hit_list *list = kj_hits_find(&s->hits, needle);
    bool none = is_known(s, needle) && (!list || list->count == 0);
    if (n->flags & KJ_NEEDLE_CHAIN || none ||
        (is_known(s, needle) && kj_search_wants_hits(s, needle)))
        return kj_search_in(s, pattern, offset, offset, out_found);
    for (uint32_t i = 0; i < n->form_count && !*out_found; i++) {
        const kj_disk_form *form = kj_search_form(s, n->first_form + i);
        if (!form) /* damaged: who knows how many more */
            break;
        *out_found = kj_verify_at(s, form, (size_t)offset);
    }
    return true;
}

static const kj_hit_list *list_of(const kj_search *s, uint32_t pattern)
{
    uint32_t needle = needle_of(s, pattern);
    return needle == KJ_NONE ? NULL : kj_hits_find(&s->hits, needle);
}

const kj_hit *kj_search_hits(const kj_search *s, uint32_t pattern, size_t *out_count)
{
    const kj_hit_list *list = list_of(s, pattern);
    *out_count = list ? list->count : 0;
    return list ? list->items : NULL;
}

bool kj_search_is_cut(const kj_search *s, uint32_t pattern)
{
    const kj_hit_list *list = list_of(s, pattern);
    return list && list->dropped;
}

const uint32_t *kj_search_found(const kj_search *s, size_t *out_count)
{
    *out_count = s->found.count;
    return s->found.items;
}
