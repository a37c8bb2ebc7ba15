/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/heuristics.h"

#include "base/arith.h"
#include "cmd/cmd.h"

#include <jansson.h>

/* The policies, and in which of the two sets each puts a heuristic. */
static const struct {
    const char *name;
    bool ignores;
    bool detects;
} policies[] = {
    {"report", false, false},
    {"ignore", true, false},
    {"detect", false, true},
};

static bool choose(const char *choice, kj_odd_policy *out)
{
    const char *equals = strchr(choice, '=');
    size_t policy = 0;
    while (equals && policy < KJ_COUNT(policies) && strcmp(equals + 1, policies[policy].name) != 0)
        policy++;
    if (!equals || policy == KJ_COUNT(policies)) {
        (void)kj_complain(_("--heuristic %s: say NAME=ignore, NAME=report or NAME=detect"), choice);
        return false;
    }
    kj_oddities named = kj_heuristics_called(kj_span_of(choice, (size_t)(equals - choice)));
    if (!named) {
        (void)kj_complain(_("--heuristic %s: nothing is called so; see 'kujo scan "
                            "--list-heuristics'"),
                          choice);
        return false;
    }
    out->ignored = policies[policy].ignores ? out->ignored | named : out->ignored & ~named;
    out->detecting = policies[policy].detects ? out->detecting | named : out->detecting & ~named;
    return true;
}

bool kj_heuristics_choose(const kj_option_list *choices, kj_odd_policy *out)
{
    for (size_t i = 0; i < choices->count; i++)
        if (!choose(choices->items[i], out))
            return false;
    return true;
}

static const char *policy_of(const kj_odd_policy *policy, size_t heuristic)
{
    bool ignored = policy->ignored & KJ_ODD(heuristic);
    bool detects = policy->detecting & KJ_ODD(heuristic);
    size_t i = 0;
    while (policies[i].ignores != ignored || policies[i].detects != detects)
        i++;
    return policies[i].name;
}

static void print_json(const kj_heuristic_row *row, const char *policy)
{
    json_t *line = json_pack("{s:i, s:s, s:s, s:s, s:s}", "kujo", 1, "type", "heuristic", "name",
                             row->name, "policy", policy, "meaning", row->sentence);
    (void)json_dumpf(line, stdout, JSON_COMPACT);
    (void)putchar('\n');
    json_decref(line);
}

void kj_heuristics_list(const kj_odd_policy *policy, bool json)
{
    size_t width = 0;
    for (size_t i = 0; i < KJ_HEURISTIC_COUNT; i++)
        width = kj_max_size(width, strlen(kj_heuristics[i].name));
    for (size_t i = 0; i < KJ_HEURISTIC_COUNT; i++) {
        const kj_heuristic_row *row = &kj_heuristics[i];
        const char *chosen = policy_of(policy, i);
        if (json)
            print_json(row, chosen);
        else
            (void)printf("%-*s  %s  %s\n", (int)width, row->name, chosen, _(row->sentence));
    }
}
