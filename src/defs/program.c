/* SPDX-License-Identifier: Apache-2.0 */
#include "defs/program.h"

const uint32_t *kj_program_words(const kj_defs *defs, uint32_t offset, uint64_t count)
{
    if (offset > defs->programs.count || count > defs->programs.count - offset)
        return NULL;
    return (const uint32_t *)defs->programs.data + offset;
}

bool kj_program_open(const kj_defs *defs, uint32_t offset, kj_program *out)
{
    enum { HEADER = sizeof(kj_disk_program) / 4 };
    const uint32_t *words = kj_program_words(defs, offset, HEADER);
    if (!words)
        return false;
    const kj_disk_program *header = (const kj_disk_program *)words;
    uint64_t class_words = (uint64_t)header->class_count * KJ_CLASS_WORDS;
    if (header->code_count == 0 || header->code_count > KJ_PROGRAM_MAX_CODE ||
        !kj_program_words(defs, offset, HEADER + class_words + header->code_count))
        return false;
    *out = (kj_program){
        .code = words + HEADER + class_words,
        .code_count = header->code_count,
        .classes = words + HEADER,
        .class_count = header->class_count,
        .flags = header->flags,
        .first = header->first,
        .any = header->any,
        .least = header->least,
    };
    return true;
}

static bool log2_fits(uint32_t value, uint32_t min, uint32_t max)
{
    return value >= min && value <= max;
}

bool kj_index_open(const kj_defs *defs, kj_index_view *out)
{
    enum { HEADER = sizeof(kj_disk_index) / sizeof(uint64_t) };
    *out = (kj_index_view){0};
    if (defs->filter.count == 0)
        return true;
    if (defs->filter.count < HEADER)
        return false;
    const kj_disk_index *header = defs->filter.data;
    if (!log2_fits(header->filter_log2, KJ_FILTER_LOG2_MIN, KJ_FILTER_LOG2_MAX) ||
        !log2_fits(header->bucket_log2, KJ_BUCKET_LOG2_MIN, KJ_BUCKET_LOG2_MAX) ||
        header->piece_count > KJ_PIECES_MAX)
        return false;
    uint32_t filter_words = 1U << header->filter_log2 >> 1; /* of 64 bits */
    uint32_t bucket_words = (1U << header->bucket_log2) + 1;
    const uint32_t *forms = kj_program_words(
        defs, header->forms, (uint64_t)header->form_count * (sizeof(kj_disk_form) / 4));
    if (!forms || defs->filter.count != HEADER + filter_words ||
        defs->buckets.count != bucket_words || header->posting_count > defs->postings.count ||
        header->probe_count > defs->postings.count - header->posting_count ||
        header->scanned_count > defs->scanned.count)
        return false;
    const uint64_t *words = defs->filter.data;
    const uint32_t *buckets = defs->buckets.data;
    *out = (kj_index_view){
        .forms = (const kj_disk_form *)forms,
        .form_count = header->form_count,
        .piece_count = header->piece_count,
        .filter = (const uint32_t *)(words + HEADER),
        .filter_log2 = header->filter_log2,
        .buckets = buckets,
        .bucket_log2 = header->bucket_log2,
        .postings = defs->postings.data,
        .posting_count = defs->postings.count,
        .window_count = header->posting_count,
        .probe_count = header->probe_count,
        .scanned = defs->scanned.data,
        .scanned_count = defs->scanned.count,
        .always_scanned = header->scanned_count,
        .needles = defs->needles.data,
        .needle_count = defs->needles.count,
    };
    return true;
}

kj_span kj_form_literal(const kj_defs *defs, const kj_disk_form *form)
{
    uint64_t len = (uint64_t)form->len * (form->flags & KJ_FORM_MASK ? 2 : 1);
    if (form->data > defs->literals.count || len > defs->literals.count - form->data)
        return (kj_span){0};
    return kj_span_of((const uint8_t *)defs->literals.data + form->data, (size_t)len);
}
