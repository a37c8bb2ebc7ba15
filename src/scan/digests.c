/* SPDX-License-Identifier: Apache-2.0 */
#include "scan/digests.h"

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(kj_digest));
}

kj_digest kj_digest_of(kj_span bytes)
{
    kj_digest digest = {.len = bytes.len};
    kj_hash(KJ_HASH_SHA256, bytes, digest.sha256);
    return digest;
}

void kj_digests_add(kj_digests *digests, const kj_digest *digest)
{
    (void)kj_vec_add(&digests->list, *digest);
}

void kj_digests_settle(kj_digests *digests)
{
    digests->sorted = digests->list.count;
    if (digests->sorted)
        qsort(digests->list.items, digests->sorted, sizeof(kj_digest), compare);
}

bool kj_digests_has(const kj_digests *digests, const kj_digest *digest)
{
    return digests->sorted && bsearch(digest, digests->list.items, digests->sorted,
                                      sizeof(kj_digest), compare);
}

void kj_digests_clear(kj_digests *digests)
{
    kj_vec_done(&digests->list);
    digests->sorted = 0;
}
