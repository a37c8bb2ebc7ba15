/* SPDX-License-Identifier: Apache-2.0 */
#include "defs/index.h"

#include <stdlib.h>

enum { FIRST_SLOTS = 256 };

/* ---- loads --------------------------------------------------------------------------------- */

static size_t find_slot(const kj_loads *loads, uint32_t window)
{
    size_t mask = loads->slots - 1, at = kj_window_hash(window) >> 7 & mask;
    while (loads->counts[at] && loads->windows[at] != window)
        at = (at + 1) & mask;
    return at;
}

static bool grow(kj_loads *loads)
{
    if ((loads->used + 1) * 2 <= loads->slots)
        return true;
    kj_loads old = *loads;
    size_t slots = old.slots ? old.slots * 2 : FIRST_SLOTS;
    uint32_t *windows = calloc(slots, sizeof *windows), *counts = calloc(slots, sizeof *counts);
    if (!windows || !counts) {
        free(windows);
        free(counts);
        return false;
    }
    *loads = (kj_loads){windows, counts, slots, old.used};
    for (size_t i = 0; i < old.slots; i++) {
        if (old.counts[i] == 0)
            continue;
        size_t at = find_slot(loads, old.windows[i]);
        windows[at] = old.windows[i];
        counts[at] = old.counts[i];
    }
    kj_loads_done(&old);
    return true;
}

uint32_t kj_loads_get(const kj_loads *loads, uint32_t window)
{
    return loads->slots ? loads->counts[find_slot(loads, window)] : 0;
}

bool kj_loads_add(kj_loads *loads, uint32_t window)
{
    if (!grow(loads))
        return false;
    size_t at = find_slot(loads, window);
    loads->used += loads->counts[at] == 0;
    loads->windows[at] = window;
    loads->counts[at]++;
    return true;
}

void kj_loads_done(kj_loads *loads)
{
    free(loads->windows);
    free(loads->counts);
    *loads = (kj_loads){0};
}

/* ---- the index ----------------------------------------------------------------------------- */

void kj_index_done(kj_index *index)
{
    kj_vec_done(&index->windows);
    kj_vec_done(&index->probes);
}

uint32_t kj_index_window(const uint8_t bytes[4])
{
    uint32_t window = 0;
    for (size_t i = 0; i < sizeof window; i++)
        window |= (bytes[i] | KJ_FOLD_BYTE) << (8 * i);
    return window;
}

void kj_index_add(kj_index *index, const kj_disk_posting *posting)
{
    bool added = posting->where & KJ_POSTING_PROBE ? kj_vec_add(&index->probes, *posting)
                                                   : kj_vec_add(&index->windows, *posting);
    index->failed |= !added;
}

/* The bucket is the hash's top bits, so that order by hash is order by bucket, for any number of
 * buckets. */
static int compare(const void *left, const void *right)
{
    const kj_disk_posting *a = left, *b = right;
    const uint32_t x[] = {kj_window_hash(a->window), a->form, a->where, a->more};
    const uint32_t y[] = {kj_window_hash(b->window), b->form, b->where, b->more};
    for (size_t i = 0; i < sizeof x / sizeof *x; i++)
        if (x[i] != y[i])
            return x[i] < y[i] ? -1 : 1;
    return 0;
}

/* The starts of the buckets of sorted postings. */
static void put_buckets(const kj_disk_posting *postings, size_t count, uint32_t log2, kj_buf *out)
{
    size_t at = 0;
    for (uint32_t bucket = 0; bucket < 1U << log2; bucket++) {
        kj_buf_put_u32le(out, (uint32_t)at);
        while (at < count && kj_window_hash(postings[at].window) >> (32 - log2) == bucket)
            at++;
    }
    kj_buf_put_u32le(out, (uint32_t)count);
}

static bool put_filter(const kj_index *index, const kj_disk_index *header, kj_buf *out)
{
    unsigned log2 = header->filter_log2;
    size_t count = (size_t)1 << log2;
    uint32_t *words = calloc(count, sizeof *words);
    if (!words)
        return false;
    for (size_t i = 0; i < index->windows.count; i++) {
        uint32_t hash = kj_window_hash(index->windows.items[i].window);
        words[kj_filter_word(hash, log2)] |= kj_filter_bits(hash, log2);
    }
    kj_buf_put(out, kj_span_of(header, sizeof *header));
    kj_buf_put(out, kj_span_of(words, count * sizeof *words));
    free(words);
    return true;
}

kj_status kj_index_write(kj_index *index, kj_disk_index header, kj_buf *filter, kj_buf *buckets,
                         kj_buf *postings, kj_error *err)
{
    size_t windows = index->windows.count, probes = index->probes.count;
    if (windows + probes > UINT32_MAX)
        return kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET, "more than 4294967295 atoms");
    header.filter_log2 = kj_filter_log2_for(windows);
    header.bucket_log2 = kj_bucket_log2_for(windows);
    header.posting_count = (uint32_t)windows;
    header.probe_count = (uint32_t)probes;
    if (windows)
        qsort(index->windows.items, windows, sizeof(kj_disk_posting), compare);
    put_buckets(index->windows.items, windows, header.bucket_log2, buckets);
    kj_buf_put(postings, kj_span_of(index->windows.items, windows * sizeof(kj_disk_posting)));
    kj_buf_put(postings, kj_span_of(index->probes.items, probes * sizeof(kj_disk_posting)));
    if (index->failed || !put_filter(index, &header, filter) || filter->failed || buckets->failed ||
        postings->failed)
        return kj_fail(err, KJ_NO_MEMORY, KJ_NO_OFFSET, "out of memory for the pattern index");
    return KJ_OK;
}
