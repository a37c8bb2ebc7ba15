/* SPDX-License-Identifier: Apache-2.0 */
#include "defs/patterns.h"

#include "base/text.h"
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
    };
    if (program->flags & ~(uint32_t)KJ_PROGF_FLAGS)
        return false;
    for (uint32_t i = 0; i < program->code_count; i++) {
        uint32_t inst = program->code[i] & 0xFF, argument = program->code[i] >> 8;
        if (inst >= KJ_INST_COUNT || (insts[inst].falls_through && i + 1 >= program->code_count) ||
            (insts[inst].has_target && argument >= program->code_count) ||
            (inst == KJ_INST_CLASS && argument >= program->class_count) ||
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

static bool chain_fits(const kj_defs *defs, const kj_disk_pattern *p, const kj_index_view *index)
{
    if (!(p->flags & KJ_PATF_CHAIN))
        return p->chain == KJ_NONE;
    if (p->form_count < 2 || p->first_piece > index->piece_count ||
        p->form_count > index->piece_count - p->first_piece)
        return false;
    uint64_t words = (uint64_t)(p->form_count - 1) * (sizeof(kj_disk_gap) / 4);
    const kj_disk_gap *gaps = (const kj_disk_gap *)kj_program_words(defs, p->chain, words);
    for (uint32_t i = 0; gaps && i < p->form_count - 1; i++)
        if (gaps[i].min > gaps[i].max)
            return false;
    return gaps != NULL;
}

static bool pattern_fits(const kj_defs *defs, const kj_disk_pattern *p, const kj_index_view *index,
                         uint32_t *next_form)
{
    if (!text_fits(defs, p->identifier) || !text_fits(defs, p->source) ||
        (p->rule != KJ_NONE && p->rule >= defs->rules.count) || p->kind >= KJ_PATTERN_KIND_COUNT ||
        p->flags & ~(uint32_t)KJ_PATF_CHAIN || p->literal > defs->literals.count ||
        p->literal_len > defs->literals.count - p->literal)
        return false;
    if (p->first_form != *next_form || p->form_count > index->form_count - *next_form)
        return false;
    *next_form += p->form_count;
    if (p->rule == KJ_NONE && p->form_count > 0)
        return false;
    return (p->forward == KJ_NONE || program_fits(defs, p->forward, 0)) &&
           chain_fits(defs, p, index);
}

static bool form_fits(const kj_defs *defs, const kj_disk_pattern *p, uint32_t pattern,
                      const kj_disk_form *form, uint32_t number)
{
    uint32_t list =
        p->flags & KJ_PATF_CHAIN ? defs->patterns.count + p->first_piece + number : pattern;
    if (form->pattern != pattern || form->list != list || form->flags & ~(uint32_t)KJ_FORM_FLAGS)
        return false;
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
    uint32_t next_form = 0;
    for (uint32_t i = 0; i < defs->patterns.count; i++) {
        uint32_t first = next_form;
        if (!pattern_fits(defs, &patterns[i], index, &next_form))
            return broken(err, "pattern", i);
        for (uint32_t k = first; k < next_form; k++)
            if (!form_fits(defs, &patterns[i], i, &index->forms[k], k - first))
                return broken(err, "form", k);
    }
    return next_form == index->form_count ? KJ_OK : broken(err, "form", next_form);
}

static bool has_bit(const uint64_t *words, uint32_t bit)
{
    return words[bit / 64] >> bit % 64 & 1;
}

/* Whether the filter lets the posting's window pass, and the bucket is its own. */
static bool posting_is_found(const kj_index_view *index, const kj_disk_posting *posting,
                             bool is_short, uint32_t bucket)
{
    uint32_t window = is_short ? posting->window & 0xFFFF : posting->window;
    uint32_t hash = kj_window_hash(window);
    if (is_short)
        return has_bit(index->pairs, window) && hash >> (32 - index->short_log2) == bucket;
    return has_bit(index->filter, hash >> (32 - index->filter_log2)) &&
           hash >> (32 - index->bucket_log2) == bucket;
}

static bool posting_fits(const kj_defs *defs, const kj_index_view *index,
                         const kj_disk_posting *posting, bool is_short)
{
    uint32_t len = is_short ? posting->window >> 24 : 4;
    if (posting->form >= index->form_count || len < 2 || len > 4)
        return false;
    for (uint32_t i = 0; i < len; i++)
        if (!(posting->window >> (8 * i) & KJ_FOLD_BYTE))
            return false;
    const kj_disk_form *form = &index->forms[posting->form];
    if (form->flags & KJ_FORM_PROGRAM) {
        uint32_t wide = form->flags & KJ_FORM_WIDE ? KJ_PROGF_WIDE : 0;
        return posting->backward == KJ_NONE ||
               program_fits(defs, posting->backward, wide | KJ_PROGF_BACKWARD);
    }
    uint64_t bytes = (uint64_t)form->len * (form->flags & KJ_FORM_WIDE ? 2 : 1);
    return posting->backward == KJ_NONE && posting->distance + (uint64_t)len <= bytes;
}

static kj_status verify_buckets(const kj_defs *defs, const kj_index_view *index,
                                const uint32_t *buckets, unsigned log2, bool is_short, uint32_t *at,
                                kj_error *err)
{
    for (uint32_t bucket = 0; bucket < 1U << log2; bucket++) {
        if (buckets[bucket] != *at || buckets[bucket + 1] < *at ||
            buckets[bucket + 1] > index->posting_count)
            return broken(err, "bucket", bucket);
        for (; *at < buckets[bucket + 1]; ++*at)
            if (!posting_fits(defs, index, &index->postings[*at], is_short) ||
                !posting_is_found(index, &index->postings[*at], is_short, bucket))
                return broken(err, "posting", *at);
    }
    return KJ_OK;
}

kj_status kj_patterns_verify(const kj_defs *defs, kj_error *err)
{
    kj_index_view index;
    if (!kj_index_open(defs, &index))
        return kj_fail(err, KJ_MALFORMED, KJ_NO_OFFSET, "damaged definitions: the pattern index");
    KJ_TRY(verify_patterns(defs, &index, err));
    uint32_t at = 0;
    if (index.filter) {
        KJ_TRY(verify_buckets(defs, &index, index.buckets, index.bucket_log2, false, &at, err));
        KJ_TRY(verify_buckets(defs, &index, index.short_buckets, index.short_log2, true, &at, err));
    }
    if (at != defs->postings.count)
        return broken(err, "posting", at);
    const uint32_t *scanned = defs->scanned.data;
    for (uint32_t i = 0; i < defs->scanned.count; i++)
        if (scanned[i] >= index.form_count)
            return broken(err, "scanned form", i);
    return KJ_OK;
}
