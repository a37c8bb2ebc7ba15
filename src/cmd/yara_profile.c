/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/cmd.h"
#include "cmd/yara.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { ROWS_MAX = 100 };

/* A string, or (pattern KJ_NONE) a condition. */
typedef struct cost {
    uint64_t steps;
    uint64_t hits;
    uint32_t rule;
    uint32_t pattern;
} cost;

typedef KJ_VEC(cost) cost_list;

bool kj_yara_profile_init(kj_yara_profile *profile, const kj_defs *defs)
{
    profile->rules = calloc((size_t)defs->rules.count + 1, sizeof *profile->rules);
    profile->patterns = calloc((size_t)defs->patterns.count + 1, sizeof *profile->patterns);
    profile->hits = calloc((size_t)defs->patterns.count + 1, sizeof *profile->hits);
    return profile->rules && profile->patterns && profile->hits;
}

void kj_yara_profile_done(kj_yara_profile *profile)
{
    free(profile->rules);
    free(profile->patterns);
    free(profile->hits);
    *profile = (kj_yara_profile){0};
}

static int dearest_first(const void *a, const void *b)
{
    const cost *x = a, *y = b;
    if (x->steps != y->steps)
        return x->steps > y->steps ? -1 : 1;
    if (x->rule != y->rule)
        return x->rule < y->rule ? -1 : 1;
    return x->pattern < y->pattern ? -1 : x->pattern > y->pattern;
}

/* What cost anything; returns the sum. */
static uint64_t collect(const kj_yara_profile *profile, const kj_defs *defs, cost_list *out)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < defs->rules.count; i++) {
        cost row = {profile->rules[i], 0, i, KJ_NONE};
        if (row.steps && kj_vec_add(out, row))
            sum += row.steps;
    }
    for (uint32_t i = 0; i < defs->patterns.count; i++) {
        cost row = {profile->patterns[i], profile->hits[i], kj_defs_pattern(defs, i)->rule, i};
        if (row.steps && row.rule != KJ_NONE && kj_vec_add(out, row))
            sum += row.steps;
    }
    return sum;
}

static void print_row(const kj_defs *defs, const cost *row, uint64_t sum)
{
    const kj_disk_rule *rule = kj_defs_rule(defs, row->rule);
    const kj_disk_pattern *pattern = kj_defs_pattern(defs, row->pattern);
    kj_span name = rule ? kj_defs_text(defs, rule->name) : (kj_span){0};
    kj_span item = pattern ? kj_defs_text(defs, pattern->identifier) : kj_span_str("condition");
    (void)fprintf(stderr, "%14" PRIu64 " %5.1f%% %10" PRIu64 "  %.*s %.*s\n", row->steps,
                  100.0 * (double)row->steps / (double)sum, row->hits, (int)name.len,
                  (const char *)name.data, (int)item.len, (const char *)item.data);
}

void kj_yara_profile_print(const kj_yara_profile *profile, const kj_defs *defs)
{
    cost_list rows = {0};
    uint64_t sum = collect(profile, defs, &rows);
    if (rows.count)
        qsort(rows.items, rows.count, sizeof *rows.items, dearest_first);
    (void)fprintf(stderr, "%14s %6s %10s  %s\n", _("steps"), "", _("matches"), _("rule, string"));
    for (size_t i = 0; i < rows.count && i < ROWS_MAX; i++)
        print_row(defs, &rows.items[i], sum);
    if (rows.count > ROWS_MAX)
        (void)fprintf(stderr, _("%zu more cost less\n"), rows.count - ROWS_MAX);
    kj_vec_done(&rows);
}
