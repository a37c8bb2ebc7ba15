/* SPDX-License-Identifier: Apache-2.0 */
/* What matches where an atom is. Literals and masks are compared at once. Programs become
 * candidates, which are verified in batches: those of one posting by rising position, so that what
 * overlaps is run over once. */
#include "base/arith.h"
#include "base/text.h"
#include "ir/ir.h"
#include "match/search_private.h"

enum {
    CANDIDATES_MAX = 16384,  /* that wait for verification */
    BATCH_SPAN = 256 << 10,  /* bytes over which atoms that are looked back from at once may lie */
    FIRST_LIMIT = 2,         /* candidates of one posting that are verified at once, at first */
    LIMIT_FACTOR = 8,        /* and how that grows */
    STARTS_FIRST = 64,       /* of a form without atoms that are verified at once, at first */
    STARTS_MAX = 64 << 10,   /* and at most */
    EACH_STEPS = 1024,       /* that trying starts one by one may cost, and */
    EACH_STEPS_PER_BYTE = 2, /* this for each byte they span; then one sweep is cheaper */
    LOOK_AFTER = 1 << 20,    /* bytes compared between looks at the clock */
    BYTES_A_STEP = 16,       /* of literals, where costs are counted */
};

static void charge(const kj_search *s, const kj_disk_form *form, uint64_t steps)
{
    if (s->costs && form->needle < s->index.needle_count)
        s->costs[s->index.needles[form->needle].pattern] += steps;
}

void kj_search_spend(kj_search *s, const kj_disk_form *form, size_t bytes)
{
    charge(s, form, 1 + bytes / BYTES_A_STEP);
    s->compared += bytes;
    if (s->compared >= LOOK_AFTER)
        kj_search_look_at_clock(s, form->needle);
}

/* ---- hits ---------------------------------------------------------------------------------- */

/* Whether nothing before `start` makes a match there no word. */
static bool may_begin(const kj_search *s, const kj_disk_form *form, size_t start)
{
    const uint8_t *data = s->bytes.data;
    if (!(form->flags & KJ_FORM_FULLWORD))
        return true;
    if (form->flags & KJ_FORM_WIDE)
        return !(start >= 2 && data[start - 1] == 0 && kj_is_alnum(data[start - 2]));
    return !(start >= 1 && kj_is_alnum(data[start - 1]));
}

/* A letter or digit next to a match, a unit of two bytes next to a wide one, makes it no word.
 * Unlike \b, `_` does not, as libyara has it. */
static bool is_word(const kj_search *s, const kj_disk_form *form, size_t start, size_t end)
{
    const uint8_t *data = s->bytes.data;
    if (!(form->flags & KJ_FORM_FULLWORD))
        return true;
    if (!may_begin(s, form, start))
        return false;
    if (form->flags & KJ_FORM_WIDE)
        return !(s->bytes.len - end >= 2 && data[end + 1] == 0 && kj_is_alnum(data[end]));
    return !(end < s->bytes.len && kj_is_alnum(data[end]));
}

/* A match is no longer than 4 GiB; at the end of the data nothing matches, not even nothing. */
static bool counts(const kj_search *s, const kj_disk_form *form, size_t start, size_t end)
{
    return start < s->bytes.len && end - start <= UINT32_MAX && is_word(s, form, start, end);
}

static void report(kj_search *s, const kj_disk_form *form, size_t start, size_t end, uint8_t key)
{
    if (!counts(s, form, start, end))
        return;
    if (form->list >= s->index.needle_count && !s->pieces) {
        kj_chain_hint(s, form, start);
        return;
    }
    kj_hit_list *list = kj_hits_touch(&s->hits, form->list, form->needle);
    kj_hit hit = {.offset = start, .len = (uint32_t)(end - start), .key = key};
    kj_status status = list ? kj_hits_add(&s->hits, list, hit, form->rank) : KJ_NO_MEMORY;
    if (status != KJ_OK)
        kj_search_note(s, status, form->needle);
}

/* ---- literals and masks
 * -------------------------------------------------------------------------- */

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

/* The end of the form's match at `start`, and its key; SIZE_MAX: there is none. */
static size_t match_bytes(kj_search *s, const kj_disk_form *form, size_t start, uint8_t *out_key)
{
    kj_span literal = kj_form_literal(s->defs, form);
    bool mask = form->flags & KJ_FORM_MASK;
    size_t len = form->flags & KJ_FORM_WIDE && !mask ? literal.len * 2 : form->len;
    if (literal.len == 0 || start > s->bytes.len || len > s->bytes.len - start)
        return SIZE_MAX;
    const uint8_t *data = s->bytes.data + start;
    uint8_t key = form->flags & KJ_FORM_XOR ? data[0] ^ literal.data[0] : 0;
    *out_key = key;
    kj_search_spend(s, form, len);
    if (form->flags & KJ_FORM_XOR && (key < (form->xor_range & 0xFF) || key > form->xor_range >> 8))
        return SIZE_MAX;
    bool same =
        mask ? kj_mask_fits(data, literal.data, form->len) : equal(data, literal, form->flags, key);
    return same ? start + len : SIZE_MAX;
}

static void verify_bytes(kj_search *s, const kj_disk_form *form, size_t start)
{
    uint8_t key;
    size_t end = match_bytes(s, form, start, &key);
    if (end != SIZE_MAX)
        report(s, form, start, end, key);
}

/* ---- program forms ------------------------------------------------------------------------- */

/* Takes note of what a program said. False when no more are to be run. */
static bool take_status(kj_search *s, const kj_disk_form *form, kj_status status)
{
    if (status == KJ_OK)
        return true;
    if (status == KJ_LIMIT) {
        s->steps_exhausted = true;
        kj_search_look_at_clock(s, form->needle);
    }
    kj_search_note(s, status, form->needle);
    return false;
}

static void collect_match(void *user, size_t start, size_t end)
{
    kj_search *s = user;
    struct kj_span_match match = {start, end};
    if (!kj_vec_add(&s->matches, match))
        kj_search_note(s, KJ_NO_MEMORY, KJ_NONE);
}

static void add_start(kj_search *s, size_t start)
{
    if (!kj_vec_add(&s->starts, start))
        kj_search_note(s, KJ_NO_MEMORY, KJ_NONE);
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
    return take_status(s, form, kj_regex_sweep(s->regex, &sweep, &s->steps)) &&
           !kj_search_stopped(s);
}

/* The end of the match that begins at `start`; SIZE_MAX: none, or the steps ran out. */
static kj_status match_at(kj_search *s, const kj_disk_form *form, const kj_program *program,
                          size_t start, size_t *out_end)
{
    size_t limit = reach_from(s, form, start), read;
    bool longest = form->flags & KJ_FORM_LONGEST;
    if (!kj_dfa_match_at(s->dfas, program, s->bytes, start, limit, longest, out_end, &read))
        return kj_regex_match_at(s->regex, program, s->bytes, start, limit, longest, &s->steps,
                                 out_end);
    s->steps -= kj_min_u64(s->steps, 1 + read / BYTES_A_STEP);
    s->compared += read;
    if (s->compared >= LOOK_AFTER)
        kj_search_look_at_clock(s, form->needle);
    return KJ_OK;
}

/* The end of the form's match at `start`. False: there is none. */
static bool verify_end(kj_search *s, const kj_disk_form *form, size_t start, size_t *out_end)
{
    kj_program program;
    uint8_t key;
    *out_end = SIZE_MAX;
    if (!(form->flags & KJ_FORM_PROGRAM))
        *out_end = match_bytes(s, form, start, &key);
    else if (!kj_program_open(s->defs, form->data, &program))
        kj_search_note(s, KJ_INTERNAL, form->needle);
    else if (start < s->bytes.len && !s->steps_exhausted)
        (void)take_status(s, form, match_at(s, form, &program, start, out_end));
    return *out_end != SIZE_MAX && counts(s, form, start, *out_end);
}

void kj_verify_ends(kj_search *s, const kj_disk_form *form, size_t start,
                    bool (*found)(void *user, size_t end), void *user)
{
    kj_program program;
    size_t end;
    if (!(form->flags & KJ_FORM_ANY_END)) {
        if (verify_end(s, form, start, &end))
            (void)found(user, end);
    } else if (!kj_program_open(s->defs, form->data, &program)) {
        kj_search_note(s, KJ_INTERNAL, form->needle);
    } else if (start < s->bytes.len && !s->steps_exhausted) {
        const kj_ends ends = {&program, s->bytes, start, reach_from(s, form, start), found, user};
        (void)take_status(s, form, kj_regex_ends(s->regex, &ends, &s->steps));
    }
}

static const struct kj_span_match *find_match(const struct kj_span_match *matches, size_t count,
                                              size_t start)
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
    for (size_t i = 0; i < count && !kj_search_is_full(s, form); i++) {
        const struct kj_span_match *match = find_match(s->matches.items, first_count, starts[i]);
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
    for (size_t i = 0; i < count && !kj_search_is_full(s, form); i++) {
        if (i + 1 < count && before - s->steps > allowed)
            return try_together(s, form, starts + i, count - i);
        size_t end;
        kj_status status = match_at(s, form, &program, starts[i], &end);
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
    for (size_t i = 0, end; i < count && !s->steps_exhausted && !kj_search_stopped(s); i = end) {
        for (end = i + 1; end < count && starts[end] - starts[end - 1] <= form->window; end++)
            ;
        if (!try_cluster(s, form, starts + i, end - i))
            break;
    }
    s->starts.count = 0;
}

/* ---- candidates ---------------------------------------------------------------------------- */

static size_t distance_of(const kj_disk_posting *posting)
{
    return posting->where & KJ_POSTING_DISTANCE;
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
    struct look_back back = {s, distance_of(posting)};
    if (!kj_program_open(s->defs, posting->more, &program))
        return take_status(s, form, KJ_INTERNAL);
    kj_sweep sweep = {
        .program = &program,
        .text = s->bytes,
        .low = atoms[0] - kj_min_size(atoms[0], distance_of(posting)),
        .high = atoms[count - 1],
        .ends = atoms,
        .end_count = count,
        .found = collect_start,
        .user = &back,
    };
    return take_status(s, form, kj_regex_sweep(s->regex, &sweep, &s->steps)) &&
           !kj_search_stopped(s);
}

/* Verifies the candidates of a group, which is empty afterwards. Atoms that are so close that what
 * stands before them can overlap are looked back from at once. */
static void verify_group(kj_search *s, const kj_disk_form *form, struct kj_group *group)
{
    const kj_disk_posting *posting = &s->index.postings[group->posting];
    bool varies = posting->where & KJ_POSTING_VARIES;
    s->atoms.count = 0;
    for (uint32_t at = group->first; at; at = s->candidates.items[at - 1].next) {
        size_t pos = s->candidates.items[at - 1].pos;
        if (varies && !kj_vec_add(&s->atoms, pos))
            kj_search_note(s, KJ_NO_MEMORY, form->needle);
        else if (!varies && pos >= distance_of(posting))
            add_start(s, pos - distance_of(posting));
    }
    group->first = group->last = group->count = 0;
    const size_t *atoms = s->atoms.items;
    for (size_t i = 0, end; i < s->atoms.count && !kj_search_stopped(s); i = end) {
        for (end = i + 1;
             end < s->atoms.count && atoms[end] - atoms[end - 1] <= distance_of(posting) &&
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

static void flush_group(kj_search *s, struct kj_group *group)
{
    const kj_disk_form *form = kj_search_form(s, group->form);
    if (!form || kj_search_is_full(s, form) || s->steps_exhausted || kj_search_stopped(s))
        return;
    uint64_t before = s->steps;
    uint32_t count = group->count;
    verify_group(s, form, group);
    charge(s, form, before - s->steps + count);
}

void kj_verify_forget(kj_search *s)
{
    if (s->groups.count)
        memset(s->group_slots, 0, KJ_GROUP_SLOTS * sizeof *s->group_slots);
    s->groups.count = s->candidates.count = 0;
}

void kj_verify_flush(kj_search *s)
{
    for (size_t i = 0; i < s->groups.count; i++)
        flush_group(s, &s->groups.items[i]);
    kj_verify_forget(s);
}

static struct kj_group *find_group(kj_search *s, uint32_t form, uint32_t posting)
{
    uint32_t mask = KJ_GROUP_SLOTS - 1, at = kj_window_hash(posting) >> 16 & mask;
    for (; s->group_slots[at]; at = (at + 1) & mask)
        if (s->groups.items[s->group_slots[at] - 1].posting == posting)
            return &s->groups.items[s->group_slots[at] - 1];
    struct kj_group *group = kj_vec_push(&s->groups);
    if (!group)
        return NULL;
    *group = (struct kj_group){.posting = posting, .form = form, .limit = FIRST_LIMIT};
    s->group_slots[at] = (uint32_t)s->groups.count;
    return group;
}

/* The first are verified soon, since one match may be enough; then in ever larger batches. */
static void add_candidate(kj_search *s, uint32_t form, uint32_t posting, size_t pos)
{
    if (s->steps_exhausted)
        return;
    if (s->candidates.count >= CANDIDATES_MAX || s->groups.count >= KJ_GROUP_SLOTS / 2)
        kj_verify_flush(s);
    struct kj_group *group = find_group(s, form, posting);
    struct kj_candidate candidate = {pos, 0};
    if (!group || !kj_vec_add(&s->candidates, candidate)) {
        kj_search_note(s, KJ_NO_MEMORY, KJ_NONE);
        return;
    }
    uint32_t place = (uint32_t)s->candidates.count;
    if (group->last)
        s->candidates.items[group->last - 1].next = place;
    else
        group->first = place;
    group->last = place;
    if (++group->count >= group->limit) {
        flush_group(s, group);
        group->limit *= LIMIT_FACTOR;
    }
}

/* The folded bytes of a posting that lie beside its atom stand there, too. */
static bool more_fits(const kj_search *s, const kj_disk_posting *posting, size_t pos)
{
    uint32_t count = posting->where >> KJ_POSTING_MORE_SHIFT & 7;
    if (posting->where & (KJ_POSTING_VARIES | KJ_POSTING_PROBE) || count == 0)
        return true;
    const size_t len = 4;
    if (count > len) /* damaged */
        return false;
    bool before = posting->where & KJ_POSTING_BEFORE;
    if (before ? pos < count : s->bytes.len - pos < len + count)
        return false;
    const uint8_t *at = s->bytes.data + pos + (before ? 0 : len) - (before ? count : 0);
    uint32_t word = 0;
    if (count == 4)
        memcpy(&word, at, 4);
    for (uint32_t i = 0; i < count && count < 4; i++)
        word |= (uint32_t)at[i] << (8 * i);
    return (word | (KJ_FOLD_WORD >> (32 - 8 * count))) == posting->more;
}

void kj_verify_posting(kj_search *s, uint32_t number, size_t pos)
{
    const kj_disk_posting *posting = &s->index.postings[number];
    if (!more_fits(s, posting, pos))
        return;
    const kj_disk_form *form = kj_search_form(s, posting->form);
    if (!form || kj_search_is_full(s, form))
        return;
    if (form->flags & KJ_FORM_PROGRAM)
        add_candidate(s, posting->form, number, pos);
    else if (pos >= distance_of(posting))
        verify_bytes(s, form, pos - distance_of(posting));
}

/* The next stretch of at least `least` bytes that are all in the class, from `at`: its start and
 * its end; false: there is none. Looks at one byte in `least` where there is nothing. */
static bool next_stretch(kj_span bytes, const uint32_t *class, size_t least, size_t at,
                         size_t *out_start, size_t *out_end)
{
    size_t from = at;
    for (size_t i = at + least - 1; i < bytes.len; i += least) {
        if (!kj_class_has(class, bytes.data[i])) {
            from = i + 1;
            continue;
        }
        size_t start = i, end = i + 1;
        while (start > from && kj_class_has(class, bytes.data[start - 1]))
            start--;
        while (end < bytes.len && kj_class_has(class, bytes.data[end]))
            end++;
        if (end - start >= least) {
            *out_start = start;
            *out_end = end;
            return true;
        }
        from = end + 1;
        i = end;
    }
    return false;
}

/* Tries every start in [from, to), in growing batches since one hit may be enough. False: enough.
 */
static bool try_stretch(kj_search *s, const kj_disk_form *form, const kj_program *program,
                        size_t from, size_t to, size_t *batch)
{
    for (size_t i = from; i < to; i++) {
        if (kj_class_has(program->first, s->bytes.data[i]) && may_begin(s, form, i))
            add_start(s, i);
        if (s->starts.count < *batch)
            continue;
        verify_starts(s, form);
        *batch = kj_min_size(*batch * 4, STARTS_MAX);
        if (kj_search_is_full(s, form) || kj_search_stopped(s) || s->steps_exhausted)
            return false;
    }
    return true;
}

static void run_everywhere(kj_search *s, const kj_disk_form *form)
{
    kj_program program;
    if (!kj_program_open(s->defs, form->data, &program)) {
        kj_search_note(s, KJ_INTERNAL, form->needle);
        return;
    }
    size_t start = 0, end = s->bytes.len, least = program.least, batch = STARTS_FIRST;
    if (least == 0 && !try_stretch(s, form, &program, 0, end, &batch))
        return;
    for (size_t at = 0; least && next_stretch(s->bytes, program.any, least, at, &start, &end);
         at = end) {
        kj_search_spend(s, form, end - start);
        if (kj_dfa_may_match(s->dfas, &program, s->bytes, start, end) &&
            !try_stretch(s, form, &program, start, end - least + 1, &batch))
            return;
    }
    verify_starts(s, form);
}

void kj_verify_everywhere(kj_search *s, const kj_disk_form *form)
{
    uint64_t before = s->steps;
    charge(s, form, s->bytes.len / BYTES_A_STEP);
    if (form->flags & KJ_FORM_PROGRAM)
        run_everywhere(s, form);
    for (size_t i = 0; !(form->flags & KJ_FORM_PROGRAM) && i < s->bytes.len; i++) {
        verify_bytes(s, form, i);
        if (kj_search_is_full(s, form) || kj_search_stopped(s))
            break;
    }
    charge(s, form, before - s->steps);
}

bool kj_verify_at(kj_search *s, const kj_disk_form *form, size_t start)
{
    size_t end;
    return verify_end(s, form, start, &end);
}
