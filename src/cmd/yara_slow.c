/* SPDX-License-Identifier: Apache-2.0 */
/* Which strings are slow: those that have no window of four bytes, or none but a common one. */
#include "cmd/yara.h"

#include "base/arith.h"
#include "base/cleanup.h"
#include "defs/program.h"

#include <stdlib.h>

static kj_yara_pace pace_of(const kj_disk_posting *posting)
{
    bool same = (posting->window & 0xFF) == (posting->window >> 8 & 0xFF);
    if (posting->where & KJ_POSTING_PROBE)
        return same && posting->window >> 16 == 0xFFFF ? KJ_YARA_PACE_COMMON : KJ_YARA_PACE_SHORT;
    return posting->window == (posting->window & 0xFF) * UINT32_C(0x01010101) ? KJ_YARA_PACE_COMMON
                                                                              : KJ_YARA_PACE_FINE;
}

static void slow_down(const kj_index_view *index, uint32_t form, kj_yara_pace found,
                      kj_yara_pace *paces)
{
    if (form >= index->form_count || index->forms[form].needle >= index->needle_count)
        return;
    kj_yara_pace *at = &paces[index->forms[form].needle];
    *at = found > *at ? found : *at;
}

/* The slowest form of each needle; NULL without memory. The caller frees it. */
static kj_yara_pace *find_paces(const kj_defs *defs)
{
    kj_index_view index;
    kj_yara_pace *paces = calloc((size_t)defs->needles.count + 1, sizeof *paces);
    if (!paces || !kj_index_open(defs, &index))
        return paces;
    for (uint32_t i = 0; i < index.posting_count; i++)
        slow_down(&index, index.postings[i].form, pace_of(&index.postings[i]), paces);
    for (uint32_t i = 0; i < index.scanned_count; i++)
        slow_down(&index, index.scanned[i], KJ_YARA_PACE_NONE, paces);
    return paces;
}

static kj_yara_pace pace_of_pattern(const kj_defs *defs, const kj_yara_pace *paces, uint32_t index)
{
    const kj_disk_pattern *pattern = kj_defs_pattern(defs, index);
    return pattern && pattern->needle < defs->needles.count ? paces[pattern->needle]
                                                            : KJ_YARA_PACE_FINE;
}

bool kj_yara_find_slow(const kj_ir *ir, const kj_defs *defs, kj_yara_slow_list *out)
{
    KJ_CLEANUP(kj_free_ptr) kj_yara_pace *paces = find_paces(defs);
    bool ok = paces != NULL;
    for (uint32_t i = 0; ok && i < defs->rules.count && i < ir->rules.count; i++) {
        const kj_rule *rule = &ir->rules.items[i];
        const kj_disk_rule *made = kj_defs_rule(defs, i);
        for (uint32_t k = 0; ok && k < made->patterns.count && k < rule->pattern_count; k++) {
            kj_yara_pace found = pace_of_pattern(defs, paces, made->patterns.first + k);
            kj_yara_slow item = {rule, &ir->patterns.items[rule->first_pattern + k], found};
            if (found != KJ_YARA_PACE_FINE)
                ok = kj_vec_add(out, item);
        }
    }
    return ok;
}
