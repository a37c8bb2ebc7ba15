/* SPDX-License-Identifier: Apache-2.0 */
#include "defs/patterns.h"

#include "base/text.h"
#include "defs/index.h"
#include "defs/program.h"

static kj_status broken(kj_error *err, const char *what, size_t index)
{
    return kj_fail(err, KJ_MALFORMED, KJ_NO_OFFSET, "damaged definitions: %s %zu", what, index);
}

static bool text_fits(const kj_defs *defs, kj_disk_text text)
{
    return text.offset <= defs->strings.count && text.len <= defs->strings.count - text.offset;
}

/* Whether execution stays inside: every target is an instruction, and what goes on behind itself
 * has one there. */
static bool program_is_sound(const kj_program *program)
{
    static const struct {
        bool falls_through;
        bool has_target;
    } insts[KJ_INST_COUNT] = {
        [KJ_INST_BYTE] = {true, false},     [KJ_INST_ANY] = {true, false},
        [KJ_INST_CLASS] = {true, false},    [KJ_INST_SPLIT] = {true, true},
        [KJ_INST_JUMP] = {false, true},     [KJ_INST_START] = {true, false},
        [KJ_INST_END] = {true, false},      [KJ_INST_WORD] = {true, false},
        [KJ_INST_NOT_WORD] = {true, false}, [KJ_INST_MATCH] = {false, false},
        [KJ_INST_AFTER] = {true, false},    [KJ_INST_BEFORE] = {true, false},
    };
    if (program->flags & ~(uint32_t)KJ_PROGF_FLAGS)
        return false;
    for (uint32_t i = 0; i < program->code_count; i++) {
        uint32_t inst = program->code[i] & 0xFF, argument = program->code[i] >> 8;
        if (inst >= KJ_INST_COUNT || (insts[inst].falls_through && i + 1 >= program->code_count) ||
            (insts[inst].has_target && argument >= program->code_count) ||
            (inst == KJ_INST_CLASS && argument >= program->class_count) ||
            ((inst == KJ_INST_AFTER || inst == KJ_INST_BEFORE) &&
             argument >> 1 >= program->class_count) ||
            (inst == KJ_INST_BYTE && argument > UINT8_MAX))
            return false;
    }
    return (program->code[program->code_count - 1] & 0xFF) == KJ_INST_MATCH;
}

/* A sound program at `offset` that runs in the direction and over the units that `flags` says. */
static bool program_fits(const kj_defs *defs, uint32_t offset, uint32_t flags)
{
    kj_program program;
    return kj_program_open(defs, offset, &program) && program.flags == flags &&
           program_is_sound(&program);
}

static bool run_fits(kj_disk_run run, uint32_t first, uint32_t limit)
{
    return run.count == 0 ||
           (run.first >= first && run.first <= limit && run.count <= limit - run.first);
}

static bool chain_fits(const kj_defs *defs, const kj_disk_needle *n, const kj_index_view *index)
{
    if (!(n->flags & KJ_NEEDLE_CHAIN))
        return n->chain == KJ_NONE;
    if (n->form_count < 2 || n->first_piece > index->piece_count ||
        n->form_count > index->piece_count - n->first_piece)
        return false;
    uint64_t words = (uint64_t)(n->form_count - 1) * (sizeof(kj_disk_gap) / 4);
    const kj_disk_gap *gaps = (const kj_disk_gap *)kj_program_words(defs, n->chain, words);
    for (uint32_t i = 0; gaps && i < n->form_count - 1; i++)
        if (gaps[i].min > gaps[i].max)
            return false;
    return gaps != NULL;
}

static bool rules_fit(const kj_defs *defs, kj_disk_run run)
{
    if (!run_fits(run, 0, defs->lists.count))
        return false;
    const uint32_t *words = kj_defs_words(defs, run.first, run.count);
    for (uint32_t i = 0; words && i < run.count; i++)
        if (words[i] >= defs->rules.count)
            return false;
    return true;
}

static bool pattern_fits(const kj_defs *defs, const kj_disk_pattern *p)
{
    if (!text_fits(defs, p->identifier) || !text_fits(defs, p->source) ||
        (p->rule != KJ_NONE && p->rule >= defs->rules.count) || p->kind >= KJ_PATTERN_KIND_COUNT ||
        p->literal > defs->literals.count || p->literal_len > defs->literals.count - p->literal)
        return false;
    if (p->rule == KJ_NONE ? p->needle != KJ_NONE : p->needle >= defs->needles.count)
        return false;
    return p->forward == KJ_NONE || program_fits(defs, p->forward, 0);
}

static bool needle_fits(const kj_defs *defs, const kj_disk_needle *n, const kj_index_view *index,
                        uint32_t number, uint32_t *next_form)
{
    const kj_disk_pattern *p = kj_defs_pattern(defs, n->pattern);
    if (!p || p->needle != number || n->flags & ~(uint32_t)KJ_NEEDLE_FLAGS ||
        n->first_form != *next_form || n->form_count > index->form_count - *next_form)
        return false;
    *next_form += n->form_count;
    bool trigger = n->flags & KJ_NEEDLE_TRIGGER, chain = n->flags & KJ_NEEDLE_CHAIN;
    if ((trigger && !chain && (n->postings.count || n->scanned.count)) ||
        (!trigger && n->rules.count))
        return false;
    return chain_fits(defs, n, index) && rules_fit(defs, n->rules) &&
           run_fits(n->postings, index->window_count + index->probe_count, index->posting_count) &&
           run_fits(n->scanned, index->always_scanned, index->scanned_count);
}

static bool form_fits(const kj_defs *defs, const kj_disk_needle *n, uint32_t needle,
                      const kj_disk_form *form, uint32_t number)
{
    uint32_t list =
        n->flags & KJ_NEEDLE_CHAIN ? defs->needles.count + n->first_piece + number : needle;
    if (form->needle != needle || form->list != list || form->flags & ~(uint32_t)KJ_FORM_FLAGS)
        return false;
    if (form->flags & KJ_FORM_MASK)
        return !(form->flags & KJ_FORM_PROGRAM) && form->len > 0 &&
               kj_form_literal(defs, form).len == 2 * (size_t)form->len;
    if (!(form->flags & KJ_FORM_PROGRAM))
        return form->len > 0 && kj_form_literal(defs, form).len == form->len &&
               (form->xor_range & 0xFF) <= form->xor_range >> 8 && form->xor_range <= 0xFFFF;
    uint32_t wide = form->flags & KJ_FORM_WIDE ? KJ_PROGF_WIDE : 0;
    return program_fits(defs, form->data, wide) &&
           program_fits(defs, form->len, wide | KJ_PROGF_BACKWARD);
}

static kj_status verify_patterns(const kj_defs *defs, const kj_index_view *index, kj_error *err)
{
    const kj_disk_pattern *patterns = defs->patterns.data;
    const kj_disk_needle *needles = defs->needles.data;
    for (uint32_t i = 0; i < defs->patterns.count; i++)
        if (!pattern_fits(defs, &patterns[i]))
            return broken(err, "pattern", i);
    uint32_t next_form = 0;
    for (uint32_t i = 0; i < defs->needles.count; i++) {
        uint32_t first = next_form;
        if (!needle_fits(defs, &needles[i], index, i, &next_form))
            return broken(err, "needle", i);
        for (uint32_t k = first; k < next_form; k++)
            if (!form_fits(defs, &needles[i], i, &index->forms[k], k - first))
                return broken(err, "form", k);
    }
    return next_form == index->form_count ? KJ_OK : broken(err, "form", next_form);
}

/* Whether the filter lets the window pass, and the bucket is its own. */
static bool window_is_found(const kj_index_view *index, uint32_t window, uint32_t bucket)
{
    uint32_t hash = kj_window_hash(window), bits = kj_filter_bits(hash, index->filter_log2);
    return (index->filter[kj_filter_word(hash, index->filter_log2)] & bits) == bits &&
           hash >> (32 - index->bucket_log2) == bucket;
}

static bool posting_fits(const kj_defs *defs, const kj_index_view *index,
                         const kj_disk_posting *posting)
{
    bool probe = posting->where & KJ_POSTING_PROBE;
    if (posting->form >= index->form_count ||
        (!probe && (posting->window & KJ_FOLD_WORD) != KJ_FOLD_WORD))
        return false;
    const kj_disk_form *form = &index->forms[posting->form];
    if (posting->where & KJ_POSTING_VARIES) {
        uint32_t wide = form->flags & KJ_FORM_WIDE ? KJ_PROGF_WIDE : 0;
        return form->flags & KJ_FORM_PROGRAM &&
               program_fits(defs, posting->more, wide | KJ_PROGF_BACKWARD);
    }
    if (!probe && posting->where >> KJ_POSTING_MORE_SHIFT > 4)
        return false;
    if (form->flags & KJ_FORM_PROGRAM)
        return true;
    bool doubled = form->flags & KJ_FORM_WIDE && !(form->flags & KJ_FORM_MASK);
    uint64_t bytes = (uint64_t)form->len * (doubled ? 2 : 1);
    uint32_t len = probe ? (posting->where >> KJ_POSTING_GAP_SHIFT & KJ_PROBE_GAP_MAX) + 1 : 4;
    return (posting->where & KJ_POSTING_DISTANCE) + (uint64_t)len <= bytes;
}

static kj_status verify_buckets(const kj_defs *defs, const kj_index_view *index, kj_error *err)
{
    uint32_t at = 0;
    for (uint32_t bucket = 0; bucket < 1U << index->bucket_log2; bucket++) {
        if (index->buckets[bucket] != at || index->buckets[bucket + 1] < at ||
            index->buckets[bucket + 1] > index->window_count)
            return broken(err, "bucket", bucket);
        for (; at < index->buckets[bucket + 1]; at++) {
            const kj_disk_posting *posting = &index->postings[at];
            if (posting->where & KJ_POSTING_PROBE || !posting_fits(defs, index, posting) ||
                !window_is_found(index, posting->window, bucket))
                return broken(err, "posting", at);
        }
    }
    return at == index->window_count ? KJ_OK : broken(err, "posting", at);
}

kj_status kj_patterns_verify(const kj_defs *defs, kj_error *err)
{
    kj_index_view index;
    if (!kj_index_open(defs, &index))
        return kj_fail(err, KJ_MALFORMED, KJ_NO_OFFSET, "damaged definitions: the pattern index");
    KJ_TRY(verify_patterns(defs, &index, err));
    if (index.filter)
        KJ_TRY(verify_buckets(defs, &index, err));
    else if (defs->postings.count)
        return broken(err, "posting", 0);
    for (uint32_t at = index.window_count; at < defs->postings.count; at++)
        if (!posting_fits(defs, &index, &index.postings[at]) ||
            (at < index.window_count + index.probe_count &&
             !(index.postings[at].where & KJ_POSTING_PROBE)))
            return broken(err, "posting", at);
    const uint32_t *scanned = defs->scanned.data;
    for (uint32_t i = 0; i < defs->scanned.count; i++)
        if (scanned[i] >= index.form_count)
            return broken(err, "scanned form", i);
    return KJ_OK;
}
