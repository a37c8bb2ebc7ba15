/* SPDX-License-Identifier: Apache-2.0 */
/* Names of known digests in definitions, for people: read one after the other, however many. */
#pragma once

#include "base/front_coded.h"
#include "defs/defs.h"

typedef struct kj_digest_names {
    kj_front_view view;
    uint32_t count; /* numbers below it may have a name; a few at the end have none */
} kj_digest_names;

kj_digest_names kj_digest_names_of(const kj_defs *defs);

uint32_t kj_digest_sets(const kj_defs *defs); /* how many sets of digests there are */
const kj_disk_hash_set *kj_digest_set(const kj_defs *defs, uint32_t index);

/* Calls with the number of the name of each record of a set. */
void kj_digest_set_names(const kj_defs *defs, const kj_disk_hash_set *set,
                         void (*take)(void *user, uint32_t name), void *user);
