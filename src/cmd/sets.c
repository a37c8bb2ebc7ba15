/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/sets.h"

#include "base/cleanup.h"
#include "base/path.h"
#include "cmd/cmd.h"
#include "cmd/definitions.h"
#include "cmd/rules.h"
#include "ir/ir.h"

#include <stdio.h>

static void added(kj_sets *sets, const char *name)
{
    sets->items[sets->count] = &sets->defs[sets->count];
    sets->names[sets->count] = name;
    sets->count++;
}

static bool open_definitions(const kj_sets_wanted *wanted, kj_sets *sets)
{
    KJ_CLEANUP(kj_chosen_done) kj_chosen chosen = kj_definitions_choose(wanted->definitions);
    if (!chosen.path) {
        if (wanted->rules->count == 0 && !chosen.none)
            (void)kj_definitions_missing();
        else if (wanted->rules->count == 0)
            (void)kj_complain(_("neither definitions nor rules: there is nothing to look for"));
        return wanted->rules->count > 0;
    }
    kj_error err;
    if (kj_definitions_open(&chosen, &sets->defs[sets->count], &err) != KJ_OK) {
        (void)kj_complain("%s: %s", chosen.path, _(err.message));
        return false;
    }
    kj_span base = kj_path_base(kj_span_str(chosen.path));
    (void)snprintf(sets->name, sizeof sets->name, "%.*s", (int)base.len, (const char *)base.data);
    added(sets, sets->name);
    return true;
}

static bool open_rules(const kj_sets_wanted *wanted, kj_sets *sets)
{
    kj_sources_options how = wanted->sources;
    how.kind_word = wanted->rules_kind;
    if (wanted->rules_kind && !kj_source_kind_parse(wanted->rules_kind, &how.kind)) {
        (void)kj_complain(_("--rules-kind: '%s' is not yara, advisory or an extension of ClamAV "
                            "signatures (ndb, ldb, hdb ...)"),
                          wanted->rules_kind);
        return false;
    }
    if (wanted->rules->count == 0)
        return true;
    uint32_t release = sets->count ? sets->defs[0].meta.release : 0;
    if (release < KJ_FIRST_RELEASE)
        release = KJ_FIRST_RELEASE;
    if (!kj_rules_open(wanted->rules, &how, release, &sets->defs[sets->count]))
        return false;
    sets->rules = sets->count;
    added(sets, "--rules");
    return true;
}

bool kj_sets_open(const kj_sets_wanted *wanted, kj_sets *out)
{
    *out = (kj_sets){.rules = SIZE_MAX};
    return open_definitions(wanted, out) && open_rules(wanted, out);
}

void kj_sets_close(kj_sets *sets)
{
    for (size_t i = 0; i < sets->count; i++)
        kj_defs_close(&sets->defs[i]);
    sets->count = 0;
}
