/* SPDX-License-Identifier: Apache-2.0 */
/* Arbitrary bytes as the sections that find patterns: verification says yes or no, and the search
 * lives with whatever they say. The input: eight lengths of two bytes, the sections (patterns,
 * literals, programs, filter, buckets, postings, scanned, strings, needles) and, behind them, the object. */
#include "base/reader.h"
#include "defs/patterns.h"
#include "match/search.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SECTIONS = 9, ROUNDED = 64, STEPS = 200000 };

/* A section in a block of its own, aligned as in a file, so that a read past its end is seen. */
static void *copy_section(kj_span bytes, size_t element, kj_defs_section *out)
{
    void *block = aligned_alloc(ROUNDED, (bytes.len / ROUNDED + 1) * ROUNDED);
    *out = (kj_defs_section){0};
    if (!block)
        return NULL;
    out->count = (uint32_t)(bytes.len / element);
    /* At the end of the block, as far as the alignment of words allows. */
    size_t used = out->count * element, room = (bytes.len / ROUNDED + 1) * ROUNDED;
    uint8_t *place = (uint8_t *)block + (room - used) / 8 * 8;
    if (used)
        memcpy(place, bytes.data, used);
    out->data = place;
    return block;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t elements[SECTIONS] = {
        sizeof(kj_disk_pattern), 1, 4, KJ_FILTER_ELEMENT, KJ_BUCKET_ELEMENT, KJ_POSTING_ELEMENT,
        KJ_SCANNED_ELEMENT,      1, sizeof(kj_disk_needle)};
    static const kj_disk_rule rule = {0};
    kj_defs defs = {.rules = {&rule, 1}};
    kj_defs_section *const sections[SECTIONS] = {&defs.patterns, &defs.literals, &defs.programs,
                                                 &defs.filter,   &defs.buckets,  &defs.postings,
                                                 &defs.scanned,  &defs.strings,  &defs.needles};
    void *blocks[SECTIONS];
    kj_reader r = kj_reader_of(kj_span_of(data, size));
    size_t lens[SECTIONS];
    for (size_t i = 0; i < SECTIONS; i++)
        lens[i] = kj_read_u16le(&r);
    for (size_t i = 0; i < SECTIONS; i++)
        blocks[i] = copy_section(
            kj_read_span(&r, kj_reader_left(&r) < lens[i] ? kj_reader_left(&r) : lens[i]),
            elements[i], sections[i]);
    kj_span object = kj_read_span(&r, kj_reader_left(&r));
    kj_error err = {0};
    bool sound = kj_patterns_verify(&defs, &err) == KJ_OK;
    kj_search *search = kj_search_new(&defs);
    const kj_search_limits limits = {.hits_per_pattern = 1000, .steps = STEPS};
    if (search) {
        kj_status status = kj_search_run(search, object, &limits, &err);
        if (sound && status == KJ_INTERNAL)
            abort(); /* what was verified is never damaged */
    }
    kj_search_free(search);
    for (size_t i = 0; i < SECTIONS; i++)
        free(blocks[i]);
    return 0;
}
