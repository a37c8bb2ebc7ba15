/* SPDX-License-Identifier: Apache-2.0 */
#include "match/pairs.h"

#include "base/vec.h"

enum {
    PAIRS = 1 << 16,
    FEW = 4,      /* probes that are passed over one by one */
    BITS_MAX = 6, /* that a probe may leave open: it is entered for each of its pairs */
    HEADS = 4096,
};

struct entry {
    uint16_t pair;
    uint32_t probe;
    uint32_t next; /* place + 1 */
};

struct kj_pairs {
    uint64_t wanted[PAIRS / 64];
    uint32_t heads[HEADS]; /* place + 1 */
    KJ_VEC(struct entry) entries;
};

kj_probe kj_probe_of(const kj_disk_posting *posting)
{
    return (kj_probe){
        .first = (uint8_t)posting->window,
        .second = (uint8_t)(posting->window >> 8),
        .first_mask = (uint8_t)(posting->window >> 16),
        .second_mask = (uint8_t)(posting->window >> 24),
        .gap = posting->where >> KJ_POSTING_GAP_SHIFT & KJ_PROBE_GAP_MAX,
    };
}

static bool is_pair(const kj_probe *probe)
{
    unsigned masks = probe->first_mask | (unsigned)probe->second_mask << 8;
    return probe->gap == 1 && 16 - __builtin_popcount(masks) <= BITS_MAX;
}

bool kj_pairs_have(const kj_pairs *pairs, const kj_disk_posting *posting)
{
    kj_probe probe = kj_probe_of(posting);
    return pairs && is_pair(&probe);
}

static bool add_entry(kj_pairs *pairs, uint16_t pair, uint32_t probe)
{
    uint32_t *head = &pairs->heads[kj_window_hash(pair) >> 20];
    struct entry entry = {pair, probe, *head};
    if (!kj_vec_add(&pairs->entries, entry))
        return false;
    *head = (uint32_t)pairs->entries.count;
    pairs->wanted[pair / 64] |= UINT64_C(1) << pair % 64;
    return true;
}

/* Enters all pairs that the probe stands for: those of its bytes, and each choice of the bits that
 * its masks leave open. */
static bool add_probe(kj_pairs *pairs, const kj_probe *probe, uint32_t number)
{
    unsigned open = (uint16_t) ~(probe->first_mask | (unsigned)probe->second_mask << 8);
    unsigned fixed = (probe->first | (unsigned)probe->second << 8) & ~open;
    for (unsigned bits = open;; bits = (bits - 1) & open) {
        if (!add_entry(pairs, (uint16_t)(fixed | bits), number))
            return false;
        if (bits == 0)
            return true;
    }
}

bool kj_pairs_new(const kj_disk_posting *probes, uint32_t count, kj_pairs **out)
{
    uint32_t kept = 0;
    *out = NULL;
    for (uint32_t i = 0; i < count; i++) {
        kj_probe probe = kj_probe_of(&probes[i]);
        kept += is_pair(&probe);
    }
    if (kept <= FEW)
        return true;
    kj_pairs *pairs = calloc(1, sizeof *pairs);
    bool ok = pairs != NULL;
    for (uint32_t i = 0; i < count && ok; i++) {
        kj_probe probe = kj_probe_of(&probes[i]);
        ok = !is_pair(&probe) || add_probe(pairs, &probe, i);
    }
    if (!ok) {
        kj_pairs_free(pairs);
        return false;
    }
    *out = pairs;
    return true;
}

void kj_pairs_free(kj_pairs *pairs)
{
    if (!pairs)
        return;
    kj_vec_done(&pairs->entries);
    free(pairs);
}

static unsigned pair_at(const uint8_t *data)
{
    return data[0] | (unsigned)data[1] << 8;
}

size_t kj_pairs_pass(const kj_pairs *pairs, const uint8_t *data, size_t count, uint32_t *out)
{
    size_t written = 0;
    for (size_t i = 0; i < count; i++) {
        unsigned pair = pair_at(data + i);
        out[written] = (uint32_t)i;
        written += pairs->wanted[pair / 64] >> pair % 64 & 1;
    }
    return written;
}

void kj_pairs_find(const kj_pairs *pairs, const uint8_t *data,
                   void (*found)(void *user, uint32_t probe), void *user)
{
    unsigned pair = pair_at(data);
    uint32_t at = pairs->heads[kj_window_hash(pair) >> 20];
    for (; at; at = pairs->entries.items[at - 1].next)
        if (pairs->entries.items[at - 1].pair == pair)
            found(user, pairs->entries.items[at - 1].probe);
}
