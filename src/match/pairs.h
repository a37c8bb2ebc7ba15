/* SPDX-License-Identifier: Apache-2.0 */
/* Probes of two bytes side by side, all of them in one pass: a bit says of each of the 65,536 pairs
 * whether any probe wants it. Worth it for more than a few. */
#pragma once

#include "defs/format.h"
#include "match/kernel.h"

typedef struct kj_pairs kj_pairs;

/* Of `count` postings that are probes. *out is NULL when too few of them are of this kind. False
 * without memory. */
bool kj_pairs_new(const kj_disk_posting *probes, uint32_t count, kj_pairs **out);
void kj_pairs_free(kj_pairs *pairs);

/* Whether the probe is looked for in the common pass. */
bool kj_pairs_have(const kj_pairs *pairs, const kj_disk_posting *probe);

/* Writes the positions below `count` at which a pair stands that is wanted, rising, to `out`, which
 * has room for `count` + 1; returns how many. data has count + 1 bytes. */
size_t kj_pairs_pass(const kj_pairs *pairs, const uint8_t *data, size_t count, uint32_t *out);

/* Calls for each probe, by its place among the postings, that wants the two bytes at `data`. */
void kj_pairs_find(const kj_pairs *pairs, const uint8_t *data,
                   void (*found)(void *user, uint32_t probe), void *user);

kj_probe kj_probe_of(const kj_disk_posting *posting);
