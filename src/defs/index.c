/* SPDX-License-Identifier: Apache-2.0 */
#include "defs/index.h"

#include <stdlib.h>

enum {
    FIRST_SLOTS = 256,
    BITS_PER_POSTING = 16, /* of the filter: one window in about sixteen passes by chance */
};

void kj_index_init(kj_index *index)
{
    *index = (kj_index){0};
}

void kj_index_done(kj_index *index)
{
    kj_vec_done(&index->long_postings);
    kj_vec_done(&index->short_postings);
    free(index->load.windows);
    free(index->load.counts);
    *index = (kj_index){0};
}

uint32_t kj_index_window(const uint8_t *bytes, size_t len)
{
    uint32_t window = 0;
    for (size_t i = 0; i < len; i++)
        window |= (bytes[i] | KJ_FOLD_BYTE) << (8 * i);
    return len < sizeof window ? window | (uint32_t)len << 24 : window;
}

static size_t find_slot(const kj_index *index, uint32_t window)
{
    size_t mask = index->load.slots - 1, at = kj_window_hash(window) >> 7 & mask;
    while (index->load.counts[at] && index->load.windows[at] != window)
        at = (at + 1) & mask;
    return at;
}

static bool grow_load(kj_index *index)
{
    if ((index->load.used + 1) * 2 <= index->load.slots)
        return true;
    kj_index old = *index;
    size_t slots = old.load.slots ? old.load.slots * 2 : FIRST_SLOTS;
    uint32_t *windows = calloc(slots, sizeof *windows), *counts = calloc(slots, sizeof *counts);
    if (!windows || !counts) {
        free(windows);
        free(counts);
        return false;
    }
    index->load.windows = windows;
    index->load.counts = counts;
    index->load.slots = slots;
    for (size_t i = 0; i < old.load.slots; i++) {
        if (old.load.counts[i] == 0)
            continue;
        size_t at = find_slot(index, old.load.windows[i]);
        windows[at] = old.load.windows[i];
        counts[at] = old.load.counts[i];
    }
    free(old.load.windows);
    free(old.load.counts);
    return true;
}

uint32_t kj_index_load(const kj_index *index, uint32_t window)
{
    return index->load.slots ? index->load.counts[find_slot(index, window)] : 0;
}

static void count_load(kj_index *index, uint32_t window)
{
    if (!grow_load(index)) {
        index->failed = true;
        return;
    }
    size_t at = find_slot(index, window);
    index->load.used += index->load.counts[at] == 0;
    index->load.windows[at] = window;
    index->load.counts[at]++;
}

void kj_index_add(kj_index *index, const uint8_t *bytes, size_t len, kj_disk_posting posting)
{
    posting.window = kj_index_window(bytes, len);
    bool added = len == sizeof posting.window ? kj_vec_add(&index->long_postings, posting)
                                              : kj_vec_add(&index->short_postings, posting);
    if (!added)
        index->failed = true;
    else if (len == sizeof posting.window)
        count_load(index, posting.window);
}

/* The bucket is the hash's top bits, so that order by hash is order by bucket, for any number of
 * buckets. Short atoms are hashed by their first pair, by which they are looked up. */
static uint32_t sort_key(uint32_t window, bool is_short)
{
    return kj_window_hash(is_short ? window & 0xFFFF : window);
}

static int compare(const kj_disk_posting *a, const kj_disk_posting *b, bool is_short)
{
    const uint32_t left[] = {sort_key(a->window, is_short), a->window, a->form, a->distance,
                             a->backward};
    const uint32_t right[] = {sort_key(b->window, is_short), b->window, b->form, b->distance,
                              b->backward};
    for (size_t i = 0; i < sizeof left / sizeof *left; i++)
        if (left[i] != right[i])
            return left[i] < right[i] ? -1 : 1;
    return 0;
}

static int compare_long(const void *a, const void *b)
{
    return compare(a, b, false);
}

static int compare_short(const void *a, const void *b)
{
    return compare(a, b, true);
}

static uint32_t log2_for(size_t count, uint32_t min, uint32_t max)
{
    uint32_t log2 = min;
    while (log2 < max && (size_t)1 << log2 < count)
        log2++;
    return log2;
}

/* The starts of the buckets of `count` sorted postings that begin at posting `base`. */
static void put_buckets(const kj_disk_posting *postings, size_t count, size_t base, uint32_t log2,
                        bool is_short, kj_buf *out)
{
    size_t at = 0;
    for (uint32_t bucket = 0; bucket < 1U << log2; bucket++) {
        kj_buf_put_u32le(out, (uint32_t)(base + at));
        while (at < count && sort_key(postings[at].window, is_short) >> (32 - log2) == bucket)
            at++;
    }
    kj_buf_put_u32le(out, (uint32_t)(base + count));
}

static void put_bits(const uint64_t *words, size_t count, kj_buf *out)
{
    for (size_t i = 0; i < count; i++)
        kj_buf_put_u64le(out, words[i]);
}

static bool put_filter(const kj_index *index, const kj_disk_index *header, kj_buf *out)
{
    size_t count = ((size_t)1 << header->filter_log2) / 64;
    uint64_t *words = calloc(count, sizeof *words), pairs[KJ_PAIR_WORDS] = {0};
    if (!words)
        return false;
    for (size_t i = 0; i < index->long_postings.count; i++) {
        uint32_t bit =
            kj_window_hash(index->long_postings.items[i].window) >> (32 - header->filter_log2);
        words[bit / 64] |= UINT64_C(1) << bit % 64;
    }
    for (size_t i = 0; i < index->short_postings.count; i++) {
        uint32_t pair = index->short_postings.items[i].window & 0xFFFF;
        pairs[pair / 64] |= UINT64_C(1) << pair % 64;
    }
    kj_buf_put(out, kj_span_of(header, sizeof *header));
    put_bits(words, count, out);
    put_bits(pairs, KJ_PAIR_WORDS, out);
    free(words);
    return true;
}

kj_status kj_index_write(kj_index *index, kj_disk_index header, kj_buf *filter, kj_buf *buckets,
                         kj_buf *postings, kj_error *err)
{
    size_t longs = index->long_postings.count, shorts = index->short_postings.count;
    if (longs + shorts > UINT32_MAX)
        return kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET, "more than 4294967295 atoms");
    header.filter_log2 = log2_for(longs * BITS_PER_POSTING, KJ_FILTER_LOG2_MIN, KJ_FILTER_LOG2_MAX);
    header.bucket_log2 = log2_for(longs, KJ_BUCKET_LOG2_MIN, KJ_BUCKET_LOG2_MAX);
    header.short_log2 = log2_for(shorts, KJ_BUCKET_LOG2_MIN, KJ_BUCKET_LOG2_MAX);
    if (longs)
        qsort(index->long_postings.items, longs, sizeof(kj_disk_posting), compare_long);
    if (shorts)
        qsort(index->short_postings.items, shorts, sizeof(kj_disk_posting), compare_short);
    put_buckets(index->long_postings.items, longs, 0, header.bucket_log2, false, buckets);
    put_buckets(index->short_postings.items, shorts, longs, header.short_log2, true, buckets);
    kj_buf_put(postings, kj_span_of(index->long_postings.items, longs * sizeof(kj_disk_posting)));
    kj_buf_put(postings, kj_span_of(index->short_postings.items, shorts * sizeof(kj_disk_posting)));
    if (index->failed || !put_filter(index, &header, filter) || filter->failed || buckets->failed ||
        postings->failed)
        return kj_fail(err, KJ_NO_MEMORY, KJ_NO_OFFSET, "out of memory for the pattern index");
    return KJ_OK;
}
