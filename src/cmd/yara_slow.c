/* SPDX-License-Identifier: Apache-2.0 */
/* Which strings are slow: those of which no four bytes in a row are certain. */
#include "cmd/yara.h"

#include "base/arith.h"
#include "base/cleanup.h"
#include "defs/program.h"

#include <stdlib.h>

static kj_yara_pace pace_of(const kj_index_view *index, uint32_t number)
{
    uint32_t window = index->postings[number].window;
    uint32_t first_short = index->short_buckets[0];
    uint32_t end_short = index->short_buckets[1U << index->short_log2];
    if (number >= first_short && number < end_short)
        return window >> 24 <= 2 ? KJ_YARA_PACE_SHORT : KJ_YARA_PACE_FINE;
    return window == (window & 0xFF) * UINT32_C(0x01010101) ? KJ_YARA_PACE_COMMON
                                                            : KJ_YARA_PACE_FINE;
}

static void slow_down(const kj_index_view *index, uint32_t form, kj_yara_pace found,
                      kj_yara_pace *paces, uint32_t count)
{
    if (form >= index->form_count || index->forms[form].pattern >= count)
        return;
    kj_yara_pace *at = &paces[index->forms[form].pattern];
    *at = found > *at ? found : *at;
}

/* The slowest form of each pattern; NULL without memory. The caller frees it. */
static kj_yara_pace *find_paces(const kj_defs *defs)
{
    kj_index_view index;
    uint32_t count = defs->patterns.count;
    kj_yara_pace *paces = calloc((size_t)count + 1, sizeof *paces);
    if (!paces || !kj_index_open(defs, &index))
        return paces;
    for (uint32_t i = 0; index.short_buckets && i < index.posting_count; i++)
        slow_down(&index, index.postings[i].form, pace_of(&index, i), paces, count);
    const uint32_t *scanned = defs->scanned.data;
    for (uint32_t i = 0; i < defs->scanned.count; i++)
        slow_down(&index, scanned[i], KJ_YARA_PACE_NONE, paces, count);
    return paces;
}

bool kj_yara_find_slow(const kj_ir *ir, const kj_defs *defs, kj_yara_slow_list *out)
{
    KJ_CLEANUP(kj_free_ptr) kj_yara_pace *paces = find_paces(defs);
    bool ok = paces != NULL;
    for (uint32_t i = 0; ok && i < defs->rules.count && i < ir->rules.count; i++) {
        const kj_rule *rule = &ir->rules.items[i];
        const kj_disk_rule *made = kj_defs_rule(defs, i);
        for (uint32_t k = 0; ok && k < made->patterns.count && k < rule->pattern_count; k++) {
            kj_yara_pace found = paces[made->patterns.first + k];
            kj_yara_slow item = {rule, &ir->patterns.items[rule->first_pattern + k], found};
            if (found != KJ_YARA_PACE_FINE)
                ok = kj_vec_add(out, item);
        }
    }
    return ok;
}
