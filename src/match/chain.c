/* SPDX-License-Identifier: Apache-2.0 */
/* Chains without lists of hits: from the ends of one piece's matches follow the places where the
 * next may begin, as ranges; each is gone over with a probe. Where a gap has no end only the
 * earliest end counts, so memory and time stay linear however often short pieces are met.
 *
 * In every object only one piece of a chain is searched. Where it stands, the pieces near it are
 * looked for at once (kj_chain_hint), which is mostly all of them.
 *
 * Hundreds of short pieces that stand everywhere would still take that many times the object's
 * size: what one chain may cost in an object is bounded, and then it is given up, which is told. */
#include "base/arith.h"
#include "match/search_private.h"

enum {
    CHUNK_MIN = 64 << 10,  /* starts of the first piece that are followed together */
    CHUNK_MAX = 4 << 20,   /* and at most */
    LOCAL_GAP = 1024,      /* gaps beyond this are not followed from a hint */
    LOCAL_REACH = 8 << 10, /* nor pieces that are further away */
    TRIES_MAX = 64,        /* hints of one chain that are followed in vain */
    PROBE_FROM = 32,       /* bytes of a piece that a probe begins with one of */
    SHORT = 16,            /* so many starts are compared one by one */
    WORK_LEAST = 8 << 20,  /* starts and ends that a chain may cost in an object, and */
    WORK_PER_BYTE = 16,    /* this for each of its bytes */
};

/* A chain in place. */
struct chain {
    const kj_disk_form *forms;
    const kj_disk_gap *gaps;
    uint32_t count; /* of forms; a gap less */
    uint32_t needle;
    struct kj_chain_state *state;
};

/* Where a piece may begin, both ends included, and where the match began that leads there. */
typedef struct kj_chain_range range;

enum { OWN = 0 }; /* of a range's head: each start is its own, else head - 1 */

static struct kj_chain_state *state_of(kj_search *s, uint32_t needle)
{
    struct kj_chain_state *state = &s->chains[needle];
    if (state->epoch != s->hits.epoch)
        *state = (struct kj_chain_state){.epoch = s->hits.epoch};
    return state;
}

/* Counts work. False: the chain is given up. */
static bool spend_work(kj_search *s, const struct chain *chain, size_t count)
{
    struct kj_chain_state *state = chain->state;
    state->work += count;
    if (!state->given_up && state->work > WORK_LEAST + (uint64_t)WORK_PER_BYTE * s->bytes.len) {
        state->given_up = true;
        kj_search_note(s, KJ_LIMIT, chain->needle);
    }
    return !state->given_up;
}

static bool chain_stopped(const kj_search *s, const struct chain *chain)
{
    return kj_search_stopped(s) || chain->state->given_up;
}

static bool open_chain(kj_search *s, uint32_t needle, struct chain *out)
{
    const kj_disk_needle *n = &s->index.needles[needle];
    uint64_t words = (uint64_t)(n->form_count - 1) * (sizeof(kj_disk_gap) / 4);
    const kj_disk_gap *gaps = (const kj_disk_gap *)kj_program_words(s->defs, n->chain, words);
    if (!(n->flags & KJ_NEEDLE_CHAIN) || n->form_count < 2 || !gaps ||
        n->first_form > s->index.form_count ||
        n->form_count > s->index.form_count - n->first_form) {
        kj_search_note(s, KJ_INTERNAL, needle);
        return false;
    }
    *out = (struct chain){s->index.forms + n->first_form, gaps, n->form_count, needle,
                          state_of(s, needle)};
    return true;
}

/* ---- one piece ----------------------------------------------------------------------------- */

/* How much a byte under a mask tells; 0: nothing. */
static int weight(uint8_t value, uint8_t mask)
{
    bool common = value == 0 || value == 0xFF || value == ' ';
    return __builtin_popcount(mask) * 2 - (common && mask ? 3 : 0);
}

/* Of bytes [from, to) the one that tells most; SIZE_MAX: none does. */
static size_t telling(kj_span values, size_t len, size_t from, size_t to)
{
    int best = 0;
    size_t at = SIZE_MAX;
    for (size_t i = from; i < to; i++) {
        int now = weight(values.data[i], values.data[len + i]);
        if (now > best) {
            best = now;
            at = i;
        }
    }
    return at;
}

/* Two bytes of a mask, or one. False: there is none that tells anything. */
static bool choose_probe(kj_span values, size_t len, kj_probe *out, size_t *out_at)
{
    size_t first = telling(values, len, 0, kj_min_size(len, PROBE_FROM));
    if (first == SIZE_MAX)
        return false;
    size_t end = kj_min_size(len, first + 1 + KJ_PROBE_GAP_MAX);
    size_t second = telling(values, len, first + 1, end);
    second = second == SIZE_MAX ? first : second;
    const uint8_t *masks = values.data + len;
    *out = (kj_probe){values.data[first], values.data[second], masks[first], masks[second],
                      (unsigned)(second - first)};
    *out_at = first;
    return true;
}

/* Over the starts of a piece. */
typedef struct walk {
    kj_search *s;
    const struct chain *chain;
    const kj_disk_form *form;
    bool (*take)(void *walk, size_t end); /* false: no more are wanted of this start */
    const range *range;                   /* where `start` is */
    size_t start;
    size_t least;         /* bytes that a match has at least */
    kj_program program;   /* of a program */
    const uint8_t *bytes; /* of a mask: what they are, and behind that, which bits count */
    bool probed;          /* of a mask: */
    kj_probe probe;
    size_t probe_at;
    size_t best_end; /* of the last piece: the earliest */
    size_t best_head;
} walk;

/* Makes ready for a piece. False: it is damaged. */
static bool begin_walk(walk *w, const kj_disk_form *form)
{
    bool ok;
    w->form = form;
    if (form->flags & KJ_FORM_PROGRAM) {
        w->least = 1;
        ok = kj_program_open(w->s->defs, form->data, &w->program);
    } else {
        kj_span bytes = kj_form_literal(w->s->defs, form);
        w->least = form->len;
        w->bytes = bytes.data;
        ok = form->flags & KJ_FORM_MASK && form->len && bytes.len == 2 * (size_t)form->len;
        w->probed = ok && choose_probe(bytes, form->len, &w->probe, &w->probe_at);
    }
    if (!ok)
        kj_search_note(w->s, KJ_INTERNAL, form->needle);
    return ok;
}

/* False: no more starts are wanted. Starts rise, and each is in a range. */
static bool try_start(walk *w, size_t start)
{
    w->start = start;
    if (!spend_work(w->s, w->chain, 1))
        return false;
    while (w->range->to < start)
        w->range++;
    if (w->form->flags & KJ_FORM_PROGRAM)
        kj_verify_ends(w->s, w->form, start, w->take, w);
    else if (kj_mask_fits(w->s->bytes.data + start, w->bytes, w->least))
        (void)w->take(w, start + w->least);
    return start < w->best_end;
}

/* Every start from `from` to `to`, one by one. */
static bool walk_each(walk *w, size_t from, size_t to)
{
    const uint8_t *data = w->s->bytes.data;
    bool program = w->form->flags & KJ_FORM_PROGRAM;
    kj_search_spend(w->s, w->form, to - from + 1);
    for (size_t at = from; at <= to && !kj_search_stopped(w->s) && !w->s->steps_exhausted; at++)
        if ((!program || kj_class_has(w->program.first, data[at])) && !try_start(w, at))
            return false;
    return true;
}

/* The starts at which two bytes of the piece stand. */
static bool walk_probed(walk *w, size_t from, size_t to)
{
    kj_search *s = w->s;
    const size_t block = KJ_CHAIN_BLOCK;
    for (size_t i = from; i <= to && !kj_search_stopped(s); i += block) {
        size_t some = kj_min_size(block, to - i + 1);
        size_t count =
            kj_probe_pass(&w->probe, s->bytes.data + i + w->probe_at, some, s->chain_passed);
        kj_search_spend(s, w->form, some / 16 + count);
        for (size_t k = 0; k < count && !s->late; k++)
            if (!try_start(w, i + s->chain_passed[k]))
                return false;
    }
    return true;
}

/* All matches of the piece that begin in a range, or in several that touch, by rising start. */
static bool walk_range(walk *w, size_t from, size_t to)
{
    size_t len = w->s->bytes.len;
    if (len < w->least || from > len - w->least)
        return true;
    to = kj_min_size(to, len - w->least);
    if (to < from)
        return true;
    return w->probed && to - from >= SHORT ? walk_probed(w, from, to) : walk_each(w, from, to);
}

/* All of the ranges. */
static void walk_ranges(walk *w, const range *ranges, size_t count)
{
    for (size_t i = 0, end; i < count && !chain_stopped(w->s, w->chain); i = end) {
        for (end = i + 1; end < count && ranges[end].from == ranges[end - 1].to + 1; end++)
            ;
        w->range = &ranges[i];
        if (!walk_range(w, ranges[i].from, ranges[end - 1].to))
            return;
    }
}

/* ---- pieces at bounded distances ----------------------------------------------------------- */

static size_t head_of(const walk *w)
{
    return w->range->head == OWN ? w->start : w->range->head - 1;
}

/* Of a piece that others follow. */
static bool take_end(void *user, size_t end)
{
    walk *w = user;
    struct kj_chain_end item = {end, head_of(w)};
    if (!spend_work(w->s, w->chain, 1))
        return false;
    if (kj_vec_add(&w->s->chain_ends, item))
        return true;
    kj_search_note(w->s, KJ_NO_MEMORY, w->form->needle);
    return false;
}

/* Of the last one. What begins behind the earliest end cannot end before it. */
static bool take_last(void *user, size_t end)
{
    walk *w = user;
    if (end < w->best_end) {
        w->best_end = end;
        w->best_head = head_of(w);
    }
    return false; /* ends rise */
}

static int compare_ends(const void *a, const void *b)
{
    const struct kj_chain_end *x = a, *y = b;
    return x->end < y->end ? -1 : x->end > y->end;
}

/* The ranges behind all ends that were taken: rising, and none overlaps the last. */
static bool make_ranges(kj_search *s, kj_disk_gap gap)
{
    bool sorted = true;
    for (size_t i = 1; i < s->chain_ends.count && sorted; i++)
        sorted = s->chain_ends.items[i - 1].end <= s->chain_ends.items[i].end;
    if (!sorted)
        qsort(s->chain_ends.items, s->chain_ends.count, sizeof *s->chain_ends.items, compare_ends);
    s->chain_ranges.count = 0;
    for (size_t i = 0; i < s->chain_ends.count; i++) {
        struct kj_chain_end end = s->chain_ends.items[i];
        range next = {end.end + gap.min, end.end + gap.max, end.head + 1};
        range *before =
            s->chain_ranges.count ? &s->chain_ranges.items[s->chain_ranges.count - 1] : NULL;
        if (before && next.from <= before->to)
            next.from = before->to + 1;
        if (next.from > s->bytes.len || next.from > next.to)
            continue;
        if (before && next.from == before->to + 1 && next.head == before->head) {
            before->to = next.to;
            continue;
        }
        if (!kj_vec_add(&s->chain_ranges, next))
            return false;
    }
    return true;
}

/* What is looked for: pieces [first, last], the first of which begins in a range. */
struct task {
    const struct chain *chain;
    uint32_t first;
    uint32_t last;
    range starts;
};

/* The match of these pieces that ends first. False: there is none. */
static bool run_pieces(kj_search *s, const struct task *t, size_t *out_end, size_t *out_head)
{
    s->chain_ranges.count = 0;
    if (!kj_vec_add(&s->chain_ranges, t->starts)) {
        kj_search_note(s, KJ_NO_MEMORY, t->chain->forms->needle);
        return false;
    }
    walk w = {.s = s, .chain = t->chain, .best_end = SIZE_MAX};
    for (uint32_t i = t->first; i <= t->last && !chain_stopped(s, t->chain); i++) {
        bool last = i == t->last;
        w.take = last ? take_last : take_end;
        w.probed = false;
        s->chain_ends.count = 0;
        if (!begin_walk(&w, &t->chain->forms[i]))
            return false;
        walk_ranges(&w, s->chain_ranges.items, s->chain_ranges.count);
        if (last || s->chain_ends.count == 0)
            break;
        if (!make_ranges(s, t->chain->gaps[i])) {
            kj_search_note(s, KJ_NO_MEMORY, w.form->needle);
            return false;
        }
    }
    *out_end = w.best_end;
    *out_head = w.best_head;
    return w.best_end != SIZE_MAX;
}

/* The fewest or the most bytes of a piece. */
static size_t piece_len(const kj_search *s, const kj_disk_form *form, bool most)
{
    kj_program program;
    if (!(form->flags & KJ_FORM_PROGRAM))
        return form->len;
    if (most)
        return form->window;
    return kj_program_open(s->defs, form->data, &program) ? program.least : 0;
}

/* Bytes over which the pieces before `to` lie, from the start of `from`. */
static size_t reach_of(const kj_search *s, const struct chain *chain, uint32_t from, uint32_t to,
                       bool most)
{
    size_t sum = 0;
    for (uint32_t i = from; i < to; i++) {
        size_t gap = most ? chain->gaps[i].max : chain->gaps[i].min;
        sum += piece_len(s, &chain->forms[i], most) + gap;
    }
    return sum;
}

/* Likewise over all starts of the task, some at a time. */
static bool run_task(kj_search *s, struct task t, size_t *out_end, size_t *out_head)
{
    size_t chunk = reach_of(s, t.chain, t.first, t.last, true), end, head;
    chunk = chunk < CHUNK_MIN ? CHUNK_MIN : kj_min_size(chunk, CHUNK_MAX);
    size_t last = kj_min_size(t.starts.to, s->bytes.len);
    *out_end = SIZE_MAX;
    for (size_t at = t.starts.from; at <= last && at < *out_end && !chain_stopped(s, t.chain);
         at += chunk) {
        t.starts.from = at;
        t.starts.to = kj_min_size(at + chunk - 1, last);
        if (run_pieces(s, &t, &end, &head) && end < *out_end) {
            *out_end = end;
            *out_head = head;
        }
    }
    return *out_end != SIZE_MAX;
}

/* ---- whole chains -------------------------------------------------------------------------- */

bool kj_chain_find(kj_search *s, uint32_t needle, size_t from, size_t to, kj_hit *out)
{
    struct chain chain;
    if (!open_chain(s, needle, &chain))
        return false;
    struct task t = {.chain = &chain, .starts = {from, to, OWN}};
    size_t end = 0, head = 0;
    for (;; t.first = t.last + 1) {
        t.last = t.first;
        while (t.last + 1 < chain.count && chain.gaps[t.last].max != UINT32_MAX)
            t.last++;
        if (!run_task(s, t, &end, &head))
            return false;
        if (t.last + 1 == chain.count)
            break;
        t.starts = (range){end + chain.gaps[t.last].min, SIZE_MAX, head + 1};
    }
    size_t len = end - head;
    *out = (kj_hit){.offset = head, .len = len > UINT32_MAX ? UINT32_MAX : (uint32_t)len};
    return true;
}

/* The pieces around the one that was found, as far as they are near. */
static struct task near(const kj_search *s, const struct chain *chain, uint32_t piece, size_t start)
{
    struct task t = {.chain = chain, .first = piece, .last = piece};
    while (t.first > 0 && chain->gaps[t.first - 1].max <= LOCAL_GAP &&
           reach_of(s, chain, t.first - 1, piece, true) <= LOCAL_REACH)
        t.first--;
    while (t.last + 1 < chain->count && chain->gaps[t.last].max <= LOCAL_GAP &&
           reach_of(s, chain, piece, t.last + 1, true) <= LOCAL_REACH)
        t.last++;
    size_t most = reach_of(s, chain, t.first, piece, true);
    size_t least = reach_of(s, chain, t.first, piece, false);
    t.starts = (range){start - kj_min_size(start, most), start - kj_min_size(start, least), OWN};
    return t;
}

bool kj_chain_is_hinted(const kj_search *s, uint32_t needle)
{
    return s->chains[needle].epoch == s->hits.epoch && s->chains[needle].hinted;
}

bool kj_chain_was_given_up(const kj_search *s, uint32_t needle)
{
    return s->chains[needle].epoch == s->hits.epoch && s->chains[needle].given_up;
}

static bool add_hit(kj_search *s, uint32_t needle, kj_hit hit)
{
    kj_hit_list *list = kj_hits_touch(&s->hits, needle, needle);
    kj_status status = list ? kj_hits_add(&s->hits, list, hit, 0) : KJ_NO_MEMORY;
    if (status != KJ_OK)
        kj_search_note(s, status, needle);
    return status == KJ_OK;
}

void kj_chain_search(kj_search *s, uint32_t needle)
{
    kj_hit hit;
    if (kj_chain_find(s, needle, 0, SIZE_MAX, &hit))
        (void)add_hit(s, needle, hit);
}

void kj_chain_hint(kj_search *s, const kj_disk_form *form, size_t start)
{
    struct kj_chain_state *state = state_of(s, form->needle);
    struct chain chain;
    size_t end, head;
    if (state->hinted || !open_chain(s, form->needle, &chain))
        return;
    size_t first = (size_t)(chain.forms - s->index.forms), piece = (size_t)(form - s->index.forms);
    if (piece < first || piece - first >= chain.count) {
        kj_search_note(s, KJ_INTERNAL, form->needle);
        return;
    }
    const struct task t = near(s, &chain, (uint32_t)(piece - first), start);
    bool all = t.first == 0 && t.last + 1 == chain.count;
    if (t.first != t.last && state->tries < TRIES_MAX) {
        state->tries++;
        if (!run_pieces(s, &t, &end, &head))
            return;
        kj_hit hit = {.offset = head, .len = (uint32_t)(end - head)};
        if (all && !kj_search_wants_hits(s, form->needle)) {
            state->hinted = add_hit(s, form->needle, hit);
            return;
        }
    }
    state->hinted = true;
    if (!kj_vec_add(&s->hinted, form->needle))
        kj_search_note(s, KJ_NO_MEMORY, form->needle);
}
