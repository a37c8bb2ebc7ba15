/* SPDX-License-Identifier: Apache-2.0 */
#include "modules/ranges.h"

enum { WHOLE_SLOTS = 16 }; /* for the whole object: as many as a module computes over one range */

bool kj_range_of(kj_span bytes, const kj_value *args, kj_span *out)
{
    int64_t offset = args[0].integer, len = args[1].integer;
    if (offset < 0 || len < 0 || (uint64_t)offset >= bytes.len)
        return false;
    *out = kj_span_sub(bytes, (size_t)offset, (size_t)len);
    return true;
}

static size_t place_of(kj_span bytes, kj_span range, unsigned what)
{
    if (range.len == bytes.len)
        return what % WHOLE_SLOTS;
    uint64_t mixed = (uint64_t)(range.data - bytes.data) * UINT64_C(0x9E3779B97F4A7C15);
    mixed = (mixed ^ range.len) * UINT64_C(0xC2B2AE3D27D4EB4F) + what;
    return WHOLE_SLOTS + (size_t)((mixed >> 32) % (KJ_RANGE_SLOTS - WHOLE_SLOTS));
}

kj_range_slot *kj_range_slot_of(kj_range_memory *memory, kj_span bytes, kj_span range,
                                unsigned what, bool *out_known)
{
    kj_range_slot *slot = &memory->slots[place_of(bytes, range, what)];
    *out_known = slot->what == what && slot->data == range.data && slot->len == range.len;
    if (*out_known)
        return slot;
    uint64_t *counts = slot->counts;
    *slot = (kj_range_slot){.data = range.data, .len = range.len, .what = what, .counts = counts};
    return slot;
}
