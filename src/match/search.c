/* SPDX-License-Identifier: Apache-2.0 */
/* One pass over the bytes looks up every window of four (and, where there are such atoms, every
 * pair) in the filter; what passes is looked up in the buckets. Literal forms are compared at once.
 * Program forms become candidates, which are verified in batches: candidates of one form by rising
 * position, so that what overlaps is run over once.
 *
 * Hits are collected in lists, one for each pattern and each piece of a chain, made in an arena
 * that the next object reuses. A list belongs to the current object when its epoch says so, so
 * nothing is cleared that was not touched. */
#include "match/search.h"

#include "base/arith.h"
#include "base/text.h"
#include "base/vec.h"
#include "defs/program.h"
#include "ir/ir.h"
#include "match/regex.h"

enum {
    HITS_BUDGET = 256 << 20, /* bytes for the hits of one object */
    CANDIDATES_MAX = 16384,  /* that wait for verification */
    BATCH_SPAN = 256 << 10,  /* bytes over which atoms that are looked back from at once may lie */
    STARTS_MAX = 64 << 10,   /* of a form without atoms that are verified at once */
    EACH_STEPS = 1024,       /* that trying starts one by one may cost, and */
    EACH_STEPS_PER_BYTE = 2, /* this for each byte they span; then one sweep is cheaper */
    BLOCK = 4 << 10,         /* bytes that both lookups pass over before they go on */
    LOOK_AFTER = 1 << 20,    /* bytes compared between looks at the clock */
    BYTES_A_STEP = 16,       /* of literals, where costs are counted */
    RANK_SHIFT = 8,          /* a hit's key holds the form's rank above the key, until the end */
};

/* Hits of one pattern or piece in the current object. */
struct hits {
    kj_hit *items;
    uint32_t count;
    uint32_t capacity;
    uint32_t list;
    uint32_t pattern;
    bool unsorted; /* also: may hold several of one offset */
    bool dropped;  /* the limit was reached */
};

struct slot {
    uint32_t epoch;
    uint32_t hits; /* index into `touched`, when the epoch is the current one */
};

struct candidate {
    uint32_t form;
    uint32_t posting;
    size_t pos; /* of the atom */
};

struct match {
    size_t start;
    size_t end;
};

struct kj_search {
    const kj_defs *defs;
    kj_index_view index;
    bool damaged; /* the index does not fit its sections */
    kj_regex *regex;
    kj_arena arena;
    struct slot *slots;
    uint32_t slot_count; /* patterns, then pieces */
    uint32_t epoch;
    KJ_VEC(struct hits) touched;
    KJ_VEC(uint32_t) found;
    KJ_VEC(struct candidate) candidates;
    KJ_VEC(size_t) atoms;
    KJ_VEC(size_t) starts;
    KJ_VEC(struct match) matches;
    /* the current object */
    kj_span bytes;
    uint32_t hits_max;
    uint64_t steps;
    kj_deadline deadline;
    uint64_t *costs;      /* one a pattern, or NULL */
    size_t compared;      /* bytes since the last look at the clock */
    bool late;            /* the time is up: nothing is searched any more */
    kj_status status;     /* the first thing that went wrong */
    uint32_t culprit;     /* the pattern where it did, or KJ_NONE */
    bool steps_exhausted; /* programs are not run any more */
};

kj_search *kj_search_new(const kj_defs *defs)
{
    kj_search *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->defs = defs;
    s->damaged = !kj_index_open(defs, &s->index);
    s->damaged |=
        __builtin_add_overflow(defs->patterns.count, s->index.piece_count, &s->slot_count);
    if (s->damaged)
        s->slot_count = 0;
    s->regex = kj_regex_new();
    s->slots = calloc((size_t)s->slot_count + 1, sizeof *s->slots);
    kj_arena_init(&s->arena, HITS_BUDGET);
    if (!s->regex || !s->slots) {
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
    free(s->slots);
    kj_vec_done(&s->touched);
    kj_vec_done(&s->found);
    kj_vec_done(&s->candidates);
    kj_vec_done(&s->atoms);
    kj_vec_done(&s->starts);
    kj_vec_done(&s->matches);
    kj_arena_done(&s->arena);
    free(s);
}

/* Remembers the first problem of the object, or the first that ends its search. */
static void note(kj_search *s, kj_status status, uint32_t pattern)
{
    if (s->status != KJ_OK && (s->status != KJ_LIMIT || status == KJ_LIMIT))
        return;
    s->status = status;
    s->culprit = pattern;
}

static bool stopped(const kj_search *s)
{
    return s->status == KJ_INTERNAL || s->status == KJ_NO_MEMORY || s->late;
}

static void look_at_clock(kj_search *s, uint32_t pattern)
{
    s->compared = 0;
    if (s->late || !kj_deadline_past(&s->deadline))
        return;
    s->late = true;
    note(s, KJ_LIMIT, pattern);
}

static void charge(const kj_search *s, const kj_disk_form *form, uint64_t steps)
{
    if (s->costs)
        s->costs[form->pattern] += steps;
}

/* Takes note of work on a literal form, roughly. */
static void spend(kj_search *s, const kj_disk_form *form, size_t bytes)
{
    charge(s, form, 1 + bytes / BYTES_A_STEP);
    s->compared += bytes;
    if (s->compared >= LOOK_AFTER)
        look_at_clock(s, form->pattern);
}

static const kj_disk_form *find_form(kj_search *s, uint32_t index)
{
    if (index < s->index.form_count && s->index.forms[index].list < s->slot_count &&
        s->index.forms[index].pattern < s->defs->patterns.count)
        return &s->index.forms[index];
    note(s, KJ_INTERNAL, KJ_NONE);
    return NULL;
}

/* ---- hits ---------------------------------------------------------------------------------- */

static struct hits *find_hits(const kj_search *s, uint32_t list)
{
    if (list >= s->slot_count || s->slots[list].epoch != s->epoch)
        return NULL;
    return &s->touched.items[s->slots[list].hits];
}

static struct hits *touch(kj_search *s, uint32_t list, uint32_t pattern)
{
    struct hits *hits = find_hits(s, list);
    if (hits)
        return hits;
    hits = kj_vec_push(&s->touched);
    if (!hits)
        return NULL;
    hits->list = list;
    hits->pattern = pattern;
    s->slots[list] = (struct slot){s->epoch, (uint32_t)s->touched.count - 1};
    return hits;
}

static bool grow_hits(kj_search *s, struct hits *hits)
{
    uint32_t capacity = hits->capacity ? hits->capacity * 2 : 4;
    kj_hit *items = kj_arena_alloc_raw(&s->arena, capacity * sizeof *items);
    if (!items)
        return false;
    if (hits->count)
        memcpy(items, hits->items, hits->count * sizeof *items);
    hits->items = items;
    hits->capacity = capacity;
    return true;
}

/* Whether the form needs no more hits. */
static bool is_full(const kj_search *s, const kj_disk_form *form)
{
    const struct hits *hits = find_hits(s, form->list);
    return hits && hits->dropped;
}

static int compare_hits(const void *a, const void *b)
{
    const kj_hit *left = a, *right = b;
    if (left->offset != right->offset)
        return left->offset < right->offset ? -1 : 1;
    if (left->key != right->key)
        return left->key < right->key ? -1 : 1;
    return left->len < right->len ? -1 : left->len > right->len;
}

/* Sorts a list and keeps one hit for each offset: that of the lowest rank. */
static void settle(struct hits *hits)
{
    if (!hits->unsorted)
        return;
    qsort(hits->items, hits->count, sizeof *hits->items, compare_hits);
    uint32_t kept = 1;
    for (uint32_t i = 1; i < hits->count; i++)
        if (hits->items[i].offset != hits->items[kept - 1].offset)
            hits->items[kept++] = hits->items[i];
    hits->count = kept;
    hits->unsorted = false;
}

/* Makes room for one more hit. A full list is rid of doubles first, as long as that frees enough to
 * be worth the sorting. */
static bool has_room(kj_search *s, struct hits *hits)
{
    if (hits->count >= s->hits_max && hits->unsorted) {
        settle(hits);
        if (hits->count > s->hits_max - s->hits_max / 16)
            return false;
    }
    return hits->count < s->hits_max && (hits->count < hits->capacity || grow_hits(s, hits));
}

static void add_hit(kj_search *s, const kj_disk_form *form, kj_hit hit)
{
    struct hits *hits = touch(s, form->list, form->pattern);
    if (!hits) {
        note(s, KJ_NO_MEMORY, form->pattern);
        return;
    }
    hit.key |= form->rank << RANK_SHIFT;
    if (hits->dropped)
        return;
    if (!has_room(s, hits)) {
        hits->dropped = true;
        note(s, KJ_LIMIT, form->pattern);
        return;
    }
    if (hits->count && hits->items[hits->count - 1].offset >= hit.offset)
        hits->unsorted = true;
    hits->items[hits->count++] = hit;
}

/* A letter or digit next to a match, a unit of two bytes next to a wide one, makes it no word.
 * Unlike \b, `_` does not, as libyara has it. */
static bool is_word(const kj_search *s, const kj_disk_form *form, size_t start, size_t end)
{
    const uint8_t *data = s->bytes.data;
    if (!(form->flags & KJ_FORM_FULLWORD))
        return true;
    if (form->flags & KJ_FORM_WIDE)
        return !(start >= 2 && data[start - 1] == 0 && kj_is_alnum(data[start - 2])) &&
               !(s->bytes.len - end >= 2 && data[end + 1] == 0 && kj_is_alnum(data[end]));
    return !(start >= 1 && kj_is_alnum(data[start - 1])) &&
           !(end < s->bytes.len && kj_is_alnum(data[end]));
}

static void report(kj_search *s, const kj_disk_form *form, size_t start, size_t end, uint8_t key)
{
    /* A match is no longer than 4 GiB; at the end of the data nothing matches, not even nothing. */
    if (start >= s->bytes.len || end - start > UINT32_MAX || !is_word(s, form, start, end))
        return;
    add_hit(s, form, (kj_hit){.offset = start, .len = (uint32_t)(end - start), .key = key});
}

/* ---- literal forms ------------------------------------------------------------------------- */

static bool equal_nocase(const uint8_t *data, kj_span literal)
{
    for (size_t i = 0; i < literal.len; i++)
        if (kj_lower(data[i]) != kj_lower(literal.data[i]))
            return false;
    return true;
}

static bool equal_wide(const uint8_t *data, kj_span literal, bool nocase, uint8_t key)
{
    for (size_t i = 0; i < literal.len; i++) {
        uint8_t byte = data[2 * i] ^ key;
        if ((data[2 * i + 1] ^ key) != 0 ||
            (nocase ? kj_lower(byte) != kj_lower(literal.data[i]) : byte != literal.data[i]))
            return false;
    }
    return true;
}

static bool equal_xored(const uint8_t *data, kj_span literal, uint8_t key)
{
    for (size_t i = 0; i < literal.len; i++)
        if ((data[i] ^ key) != literal.data[i])
            return false;
    return true;
}

static bool equal(const uint8_t *data, kj_span literal, uint32_t flags, uint8_t key)
{
    if (flags & KJ_FORM_WIDE)
        return equal_wide(data, literal, flags & KJ_FORM_NOCASE, key);
    if (flags & KJ_FORM_XOR)
        return equal_xored(data, literal, key);
    if (flags & KJ_FORM_NOCASE)
        return equal_nocase(data, literal);
    return memcmp(data, literal.data, literal.len) == 0;
}

/* Compares a literal form with the bytes at `start`. */
static void verify_literal(kj_search *s, const kj_disk_form *form, size_t start)
{
    kj_span literal = kj_form_literal(s->defs, form);
    size_t len = form->flags & KJ_FORM_WIDE ? literal.len * 2 : literal.len;
    if (literal.len == 0 || start > s->bytes.len || len > s->bytes.len - start)
        return;
    const uint8_t *data = s->bytes.data + start;
    uint8_t key = form->flags & KJ_FORM_XOR ? data[0] ^ literal.data[0] : 0;
    spend(s, form, len);
    if (form->flags & KJ_FORM_XOR && (key < (form->xor_range & 0xFF) || key > form->xor_range >> 8))
        return;
    if (equal(data, literal, form->flags, key))
        report(s, form, start, start + len, key);
}

/* ---- program forms ------------------------------------------------------------------------- */

/* Takes note of what a program said. False when no more are to be run. */
static bool take_status(kj_search *s, const kj_disk_form *form, kj_status status)
{
    if (status == KJ_OK)
        return true;
    if (status == KJ_LIMIT) {
        s->steps_exhausted = true;
        look_at_clock(s, form->pattern);
    }
    note(s, status, form->pattern);
    return false;
}

static void collect_match(void *user, size_t start, size_t end)
{
    kj_search *s = user;
    struct match match = {start, end};
    if (!kj_vec_add(&s->matches, match))
        note(s, KJ_NO_MEMORY, KJ_NONE);
}

static void add_start(kj_search *s, size_t start)
{
    if (!kj_vec_add(&s->starts, start))
        note(s, KJ_NO_MEMORY, KJ_NONE);
}

static size_t reach_from(const kj_search *s, const kj_disk_form *form, size_t start)
{
    return start + kj_min_size(form->window, s->bytes.len - start);
}

/* Appends to `matches` what begins in [starts[0], starts[count - 1]], the last one first. */
static bool sweep(kj_search *s, const kj_disk_form *form, const size_t *starts, size_t count,
                  bool longest)
{
    kj_program program;
    if (!kj_program_open(s->defs, form->len, &program))
        return take_status(s, form, KJ_INTERNAL);
    kj_sweep sweep = {
        .program = &program,
        .text = s->bytes,
        .low = starts[0],
        .high = reach_from(s, form, starts[count - 1]),
        .longest = longest,
        .found = collect_match,
        .user = s,
    };
    return take_status(s, form, kj_regex_sweep(s->regex, &sweep, &s->steps)) && !stopped(s);
}

static const struct match *find_match(const struct match *matches, size_t count, size_t start)
{
    size_t low = 0, high = count;
    while (low < high) { /* they fall */
        size_t middle = low + (high - low) / 2;
        if (matches[middle].start > start)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && matches[low].start == start ? &matches[low] : NULL;
}

/* All starts at once. Where the longest match is longer than a match may be, the shortest one says
 * whether there is any that is not; its length is then given as the most that is allowed. */
static bool try_together(kj_search *s, const kj_disk_form *form, const size_t *starts, size_t count)
{
    bool longest = form->flags & KJ_FORM_LONGEST, over = false;
    s->matches.count = 0;
    if (!sweep(s, form, starts, count, longest))
        return false;
    size_t first_count = s->matches.count;
    for (size_t i = 0; i < first_count && longest && !over; i++)
        over = s->matches.items[i].end - s->matches.items[i].start > form->window;
    if (over && !sweep(s, form, starts, count, false))
        return false;
    for (size_t i = 0; i < count && !is_full(s, form); i++) {
        const struct match *match = find_match(s->matches.items, first_count, starts[i]);
        if (!match)
            continue;
        size_t end = match->end;
        if (end - match->start > form->window) {
            match = over ? find_match(s->matches.items + first_count,
                                      s->matches.count - first_count, starts[i])
                         : NULL;
            if (!match || match->end - match->start > form->window)
                continue;
            end = match->start + form->window;
        }
        report(s, form, starts[i], end, 0);
    }
    return true;
}

/* Starts whose matches can overlap: one by one as long as that is cheap, which it mostly is, since
 * most of them fail at once. Then the rest together. */
static bool try_cluster(kj_search *s, const kj_disk_form *form, const size_t *starts, size_t count)
{
    kj_program program;
    if (!kj_program_open(s->defs, form->data, &program))
        return take_status(s, form, KJ_INTERNAL);
    uint64_t before = s->steps;
    uint64_t allowed = EACH_STEPS + EACH_STEPS_PER_BYTE * (starts[count - 1] - starts[0]);
    for (size_t i = 0; i < count && !is_full(s, form); i++) {
        if (i + 1 < count && before - s->steps > allowed)
            return try_together(s, form, starts + i, count - i);
        size_t end;
        kj_status status = kj_regex_match_at(s->regex, &program, s->bytes, starts[i],
                                             reach_from(s, form, starts[i]),
                                             form->flags & KJ_FORM_LONGEST, &s->steps, &end);
        if (!take_status(s, form, status))
            return false;
        if (end != SIZE_MAX)
            report(s, form, starts[i], end, 0);
    }
    return true;
}

static int compare_starts(const void *a, const void *b)
{
    size_t left = *(const size_t *)a, right = *(const size_t *)b;
    return left < right ? -1 : left > right;
}

/* Sorts the starts and drops doubles. */
static void sort_starts(kj_search *s)
{
    bool sorted = true;
    for (size_t i = 1; i < s->starts.count && sorted; i++)
        sorted = s->starts.items[i - 1] < s->starts.items[i];
    if (sorted)
        return;
    qsort(s->starts.items, s->starts.count, sizeof *s->starts.items, compare_starts);
    size_t kept = 1;
    for (size_t i = 1; i < s->starts.count; i++)
        if (s->starts.items[i] != s->starts.items[kept - 1])
            s->starts.items[kept++] = s->starts.items[i];
    s->starts.count = kept;
}

/* Runs the form's program at all of `starts`, which are spent. */
static void verify_starts(kj_search *s, const kj_disk_form *form)
{
    sort_starts(s);
    const size_t *starts = s->starts.items;
    size_t count = s->starts.count;
    for (size_t i = 0, end; i < count && !s->steps_exhausted && !stopped(s); i = end) {
        for (end = i + 1; end < count && starts[end] - starts[end - 1] <= form->window; end++)
            ;
        if (!try_cluster(s, form, starts + i, end - i))
            break;
    }
    s->starts.count = 0;
}

/* ---- candidates ---------------------------------------------------------------------------- */

static int compare_candidates(const void *a, const void *b)
{
    const struct candidate *left = a, *right = b;
    if (left->form != right->form)
        return left->form < right->form ? -1 : 1;
    if (left->posting != right->posting)
        return left->posting < right->posting ? -1 : 1;
    return left->pos < right->pos ? -1 : left->pos > right->pos;
}

/* Where a sweep back from atoms puts the starts it finds. */
struct look_back {
    kj_search *search;
    size_t distance; /* an atom may be so far from the start */
};

static void collect_start(void *user, size_t start, size_t end)
{
    const struct look_back *back = user;
    if (end - start <= back->distance)
        add_start(back->search, start);
}

/* Adds the starts of what stands before an atom that lies at each of `atoms`. */
static bool look_back(kj_search *s, const kj_disk_form *form, const kj_disk_posting *posting,
                      const size_t *atoms, size_t count)
{
    kj_program program;
    struct look_back back = {s, posting->distance};
    if (!kj_program_open(s->defs, posting->backward, &program))
        return take_status(s, form, KJ_INTERNAL);
    kj_sweep sweep = {
        .program = &program,
        .text = s->bytes,
        .low = atoms[0] - kj_min_size(atoms[0], posting->distance),
        .high = atoms[count - 1],
        .ends = atoms,
        .end_count = count,
        .found = collect_start,
        .user = &back,
    };
    return take_status(s, form, kj_regex_sweep(s->regex, &sweep, &s->steps)) && !stopped(s);
}

/* Verifies candidates of one form and posting. Atoms that are so close that what stands before them
 * can overlap are looked back from at once. */
static void verify_candidates(kj_search *s, const kj_disk_form *form, const struct candidate *items,
                              size_t count)
{
    const kj_disk_posting *posting = &s->index.postings[items[0].posting];
    s->atoms.count = 0;
    for (size_t i = 0; i < count && !stopped(s); i++) {
        size_t pos = items[i].pos;
        if (posting->backward != KJ_NONE && !kj_vec_add(&s->atoms, pos))
            note(s, KJ_NO_MEMORY, form->pattern);
        else if (posting->backward == KJ_NONE && pos >= posting->distance)
            add_start(s, pos - posting->distance);
    }
    const size_t *atoms = s->atoms.items;
    for (size_t i = 0, end; i < s->atoms.count && !stopped(s); i = end) {
        for (end = i + 1;
             end < s->atoms.count && atoms[end] - atoms[end - 1] <= posting->distance &&
             atoms[end] - atoms[i] <= BATCH_SPAN;
             end++)
            ;
        if (!look_back(s, form, posting, atoms + i, end - i))
            break;
        if (s->starts.count >= STARTS_MAX)
            verify_starts(s, form);
    }
    verify_starts(s, form);
}

/* Verifies all candidates that wait. */
static void flush(kj_search *s)
{
    const struct candidate *items = s->candidates.items;
    size_t count = s->candidates.count;
    if (count)
        qsort(s->candidates.items, count, sizeof *items, compare_candidates);
    for (size_t i = 0, end; i < count && !s->steps_exhausted && !stopped(s); i = end) {
        for (end = i + 1; end < count && items[end].posting == items[i].posting; end++)
            ;
        const kj_disk_form *form = find_form(s, items[i].form);
        if (!form || is_full(s, form))
            continue;
        uint64_t before = s->steps;
        verify_candidates(s, form, items + i, end - i);
        charge(s, form, before - s->steps + (end - i));
    }
    s->candidates.count = 0;
}

static void add_candidate(kj_search *s, uint32_t form, uint32_t posting, size_t pos)
{
    if (s->steps_exhausted)
        return;
    struct candidate candidate = {form, posting, pos};
    if (!kj_vec_add(&s->candidates, candidate))
        note(s, KJ_NO_MEMORY, KJ_NONE);
    else if (s->candidates.count >= CANDIDATES_MAX)
        flush(s);
}

/* ---- the pass ------------------------------------------------------------------------------ */

/* The atom of posting `number` stands at `pos`. */
static void try_posting(kj_search *s, uint32_t number, size_t pos)
{
    const kj_disk_posting *posting = &s->index.postings[number];
    const kj_disk_form *form = find_form(s, posting->form);
    if (!form || is_full(s, form))
        return;
    if (form->flags & KJ_FORM_PROGRAM)
        add_candidate(s, posting->form, number, pos);
    else if (pos >= posting->distance)
        verify_literal(s, form, pos - posting->distance);
}

/* The postings of a bucket; none when it is damaged. */
static void bucket_range(const kj_search *s, const uint32_t *buckets, uint32_t bucket,
                         uint32_t *out_first, uint32_t *out_end)
{
    *out_first = buckets[bucket];
    *out_end = buckets[bucket + 1];
    if (*out_end > s->index.posting_count)
        *out_end = s->index.posting_count;
}

static void look_up_long(kj_search *s, uint32_t window, uint32_t hash, size_t pos)
{
    uint32_t first, end;
    bucket_range(s, s->index.buckets, hash >> (32 - s->index.bucket_log2), &first, &end);
    for (uint32_t i = first; i < end && !s->late; i++)
        if (s->index.postings[i].window == window)
            try_posting(s, i, pos);
}

static uint32_t load_window(const uint8_t *data)
{
    uint32_t word;
    memcpy(&word, data, sizeof word);
    return word | KJ_FOLD_WORD;
}

/* Positions [from, to), each with four bytes behind it, at most BLOCK of them. What passes the
 * filter is noted without a branch, since no processor can foresee it, and looked up afterwards. */
static void pass_long(kj_search *s, size_t from, size_t to)
{
    uint16_t passed[BLOCK];
    const uint64_t *filter = s->index.filter;
    unsigned shift = 32 - s->index.filter_log2;
    const uint8_t *data = s->bytes.data + from;
    size_t count = 0;
    for (size_t i = 0; i < to - from; i++) {
        uint32_t bit = kj_window_hash(load_window(data + i)) >> shift;
        passed[count] = (uint16_t)i;
        count += filter[bit / 64] >> bit % 64 & 1;
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t window = load_window(data + passed[i]);
        look_up_long(s, window, kj_window_hash(window), from + passed[i]);
    }
}

/* Whether the bytes at `pos` are the atom of two or three bytes. */
static bool is_short_atom(const kj_search *s, uint32_t window, size_t pos)
{
    uint32_t len = window >> 24, word = 0;
    if (len < 2 || len > 3 || len > s->bytes.len - pos)
        return false;
    for (uint32_t i = 0; i < len; i++)
        word |= (s->bytes.data[pos + i] | KJ_FOLD_BYTE) << (8 * i);
    return word == (window & 0xFFFFFF);
}

/* Positions [from, to), each with two bytes behind it. */
static void pass_short(kj_search *s, size_t from, size_t to)
{
    const uint8_t *data = s->bytes.data;
    for (size_t i = from; i < to; i++) {
        uint32_t pair = (data[i] | KJ_FOLD_BYTE) | (data[i + 1] | KJ_FOLD_BYTE) << 8;
        if (!(s->index.pairs[pair / 64] >> pair % 64 & 1))
            continue;
        uint32_t first, end;
        bucket_range(s, s->index.short_buckets, kj_window_hash(pair) >> (32 - s->index.short_log2),
                     &first, &end);
        for (uint32_t k = first; k < end && !s->late; k++)
            if (is_short_atom(s, s->index.postings[k].window, i))
                try_posting(s, k, i);
    }
}

static size_t positions(size_t len, size_t window)
{
    return len < window ? 0 : len - window + 1;
}

static void pass(kj_search *s)
{
    const kj_index_view *index = &s->index;
    if (!index->filter)
        return;
    bool longs = index->buckets[0] < index->buckets[1U << index->bucket_log2];
    bool shorts = index->short_buckets[0] < index->short_buckets[1U << index->short_log2];
    size_t long_end = longs ? positions(s->bytes.len, 4) : 0;
    size_t short_end = shorts ? positions(s->bytes.len, 2) : 0;
    for (size_t i = 0; i < kj_max_size(long_end, short_end) && !stopped(s); i += BLOCK) {
        if (i < long_end)
            pass_long(s, i, kj_min_size(i + BLOCK, long_end));
        if (i < short_end)
            pass_short(s, i, kj_min_size(i + BLOCK, short_end));
        if (i % LOOK_AFTER == 0)
            look_at_clock(s, KJ_NONE);
    }
}

/* A form without an atom: wherever its first byte stands. */
static void pass_scanned(kj_search *s, const kj_disk_form *form)
{
    kj_program program;
    bool runs = form->flags & KJ_FORM_PROGRAM;
    if (runs && !kj_program_open(s->defs, form->data, &program)) {
        note(s, KJ_INTERNAL, form->pattern);
        return;
    }
    uint64_t before = s->steps;
    charge(s, form, s->bytes.len / BYTES_A_STEP);
    for (size_t i = 0; i < s->bytes.len && !is_full(s, form) && !stopped(s); i++) {
        if (!runs)
            verify_literal(s, form, i);
        else if (kj_class_has(program.first, s->bytes.data[i]))
            add_start(s, i);
        if (s->starts.count >= STARTS_MAX)
            verify_starts(s, form);
        if (s->steps_exhausted && runs)
            break;
    }
    verify_starts(s, form);
    charge(s, form, before - s->steps);
}

/* ---- the end ------------------------------------------------------------------------------- */

/* The first hit at or after `offset`. */
static uint32_t first_from(const struct hits *hits, uint64_t offset)
{
    uint32_t low = 0, high = hits->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (hits->items[middle].offset < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Keeps the heads that a tail follows in time, made as long as both together. */
static void join(struct hits *heads, const struct hits *tails, kj_disk_gap gap)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < heads->count; i++) {
        kj_hit head = heads->items[i];
        uint64_t end = head.offset + head.len;
        uint32_t t = tails ? first_from(tails, end + gap.min) : 0;
        if (!tails || t >= tails->count ||
            (gap.max != UINT32_MAX && tails->items[t].offset > end + gap.max))
            continue;
        uint64_t len = tails->items[t].offset + tails->items[t].len - head.offset;
        head.len = len > UINT32_MAX ? UINT32_MAX : (uint32_t)len;
        heads->items[kept++] = head;
    }
    heads->count = kept;
}

/* Joins a chain from its last piece to its first, whose list is handed to the pattern. */
static void join_chain(kj_search *s, uint32_t pattern, const kj_disk_pattern *p)
{
    uint32_t first_list = s->defs->patterns.count + p->first_piece;
    uint64_t words = (uint64_t)(p->form_count - 1) * (sizeof(kj_disk_gap) / 4);
    const kj_disk_gap *gaps = (const kj_disk_gap *)kj_program_words(s->defs, p->chain, words);
    if (p->form_count < 2 || !gaps || p->first_piece > s->index.piece_count ||
        p->form_count > s->index.piece_count - p->first_piece) {
        note(s, KJ_INTERNAL, pattern);
        return;
    }
    for (uint32_t i = p->form_count - 1; i-- > 0;) {
        struct hits *heads = find_hits(s, first_list + i);
        if (!heads)
            return;
        join(heads, find_hits(s, first_list + i + 1), gaps[i]);
    }
    struct hits *heads = find_hits(s, first_list);
    if (heads->count == 0 || !touch(s, pattern, pattern))
        return;
    heads = find_hits(s, first_list); /* touching may have moved it */
    struct hits *whole = find_hits(s, pattern);
    *whole = *heads;
    whole->list = whole->pattern = pattern;
}

static void finish(kj_search *s)
{
    const kj_disk_pattern *patterns = s->defs->patterns.data;
    uint32_t pattern_count = s->defs->patterns.count;
    size_t touched = s->touched.count;
    for (size_t i = 0; i < touched; i++) {
        struct hits *hits = &s->touched.items[i];
        settle(hits);
        for (uint32_t k = 0; k < hits->count; k++)
            hits->items[k].key &= (1U << RANK_SHIFT) - 1;
    }
    for (size_t i = 0; i < touched; i++) {
        const struct hits *hits = &s->touched.items[i];
        if (hits->list >= pattern_count &&
            hits->list - pattern_count == patterns[hits->pattern].first_piece)
            join_chain(s, hits->pattern, &patterns[hits->pattern]);
    }
    for (size_t i = 0; i < s->touched.count; i++)
        if (s->touched.items[i].list < pattern_count && s->touched.items[i].count &&
            !kj_vec_add(&s->found, s->touched.items[i].list))
            note(s, KJ_NO_MEMORY, KJ_NONE);
}

static kj_span text_of(const kj_defs *defs, kj_disk_text text)
{
    return kj_span_sub(kj_span_of(defs->strings.data, defs->strings.count), text.offset, text.len);
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
    if (s->status != KJ_LIMIT || s->culprit >= s->defs->patterns.count)
        return kj_fail(err, KJ_INTERNAL, KJ_NO_OFFSET,
                       "damaged definitions: strings cannot be searched");
    const kj_disk_pattern *p = (const kj_disk_pattern *)s->defs->patterns.data + s->culprit;
    const kj_disk_rule *rules = s->defs->rules.data;
    kj_span name = text_of(s->defs, p->identifier), rule = kj_span_str("?");
    if (p->rule < s->defs->rules.count)
        rule = text_of(s->defs, rules[p->rule].name);
    return kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET, "%s: string %.*s of rule %.*s",
                   s->steps_exhausted ? "the work allowed for strings is used up"
                                      : "more matches than are kept",
                   (int)name.len, (const char *)name.data, (int)rule.len, (const char *)rule.data);
}

static void begin(kj_search *s, kj_span bytes, const kj_search_limits *limits)
{
    kj_arena_reset(&s->arena);
    if (++s->epoch == 0) {
        memset(s->slots, 0, s->slot_count * sizeof *s->slots);
        s->epoch = 1;
    }
    s->touched.count = s->found.count = s->candidates.count = s->starts.count = 0;
    s->bytes = bytes;
    s->hits_max = limits->hits_per_pattern;
    s->steps = limits->steps ? limits->steps : UINT64_MAX;
    s->steps_exhausted = s->late = false;
    s->deadline = limits->deadline;
    s->costs = limits->costs;
    s->compared = 0;
    kj_regex_set_deadline(s->regex, limits->deadline);
    s->status = s->damaged ? KJ_INTERNAL : KJ_OK;
    s->culprit = KJ_NONE;
}

kj_status kj_search_run(kj_search *s, kj_span bytes, const kj_search_limits *limits, kj_error *err)
{
    begin(s, bytes, limits);
    if (s->damaged)
        return explain(s, err);
    pass(s);
    flush(s);
    const uint32_t *scanned = s->defs->scanned.data;
    for (uint32_t i = 0; i < s->defs->scanned.count && !stopped(s); i++) {
        const kj_disk_form *form = find_form(s, scanned[i]);
        if (form)
            pass_scanned(s, form);
    }
    finish(s);
    return explain(s, err);
}

const kj_hit *kj_search_hits(const kj_search *s, uint32_t pattern, size_t *out_count)
{
    const struct hits *hits = pattern < s->defs->patterns.count ? find_hits(s, pattern) : NULL;
    *out_count = hits ? hits->count : 0;
    return hits ? hits->items : NULL;
}

bool kj_search_is_cut(const kj_search *s, uint32_t pattern)
{
    const struct hits *hits = pattern < s->defs->patterns.count ? find_hits(s, pattern) : NULL;
    return hits && hits->dropped;
}

const uint32_t *kj_search_found(const kj_search *s, size_t *out_count)
{
    *out_count = s->found.count;
    return s->found.items;
}
