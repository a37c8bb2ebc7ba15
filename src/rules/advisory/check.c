/* SPDX-License-Identifier: Apache-2.0 */
/* What only shows when all advisories and notes are there. Texts that a threat keeps point into its
 * source, so what is wrong can still be shown where it stands. */
#include "base/text.h"
#include "ir/name.h"
#include "rules/advisory/advisory.h"
#include "rules/advisory/suggest.h"

/* A text that must be unique, and who claims it. */
struct claim {
    kj_span text;
    kj_span scope; /* an alias's vendor; else empty */
    const kj_source *source;
    size_t order; /* so that the later one is told */
};

typedef KJ_VEC(struct claim) claims;

static size_t offset_in(const kj_source *source, kj_span text)
{
    const uint8_t *start = source->text.data;
    bool inside = text.data >= start && text.data < start + source->text.len;
    return inside ? (size_t)(text.data - start) : SIZE_MAX;
}

static int compare_nocase(kj_span a, kj_span b)
{
    for (size_t i = 0; i < a.len && i < b.len; i++) {
        int order = kj_lower(a.data[i]) - kj_lower(b.data[i]);
        if (order != 0)
            return order;
    }
    return a.len < b.len ? -1 : a.len > b.len;
}

static int compare_texts(const struct claim *a, const struct claim *b)
{
    int order = compare_nocase(a->text, b->text);
    return order ? order : compare_nocase(a->scope, b->scope);
}

static int compare_claims(const void *left, const void *right)
{
    const struct claim *a = left, *b = right;
    int order = compare_texts(a, b);
    return order ? order : a->order < b->order ? -1 : 1;
}

/* Sorts the claims and says which are not the first of their text. */
static void report_twins(kj_ir *ir, claims *list, kj_severity severity, const char *what)
{
    if (list->count)
        qsort(list->items, list->count, sizeof *list->items, compare_claims);
    for (size_t i = 1; i < list->count; i++) {
        const struct claim *first = &list->items[i - 1], *again = &list->items[i];
        if (compare_texts(first, again) != 0 || (first->source && first->source == again->source))
            continue;
        kj_diag_add(&ir->diags, severity, again->source, offset_in(again->source, again->text),
                    again->text.len, NULL, "%s '%.*s' is in %s already", what,
                    (int)(again->text.len < 80 ? again->text.len : 80),
                    (const char *)again->text.data, first->source ? first->source->name : "?");
    }
    kj_vec_done(list);
}

static bool add_claim(claims *list, kj_span text, kj_span scope, const kj_source *source)
{
    struct claim claim = {text, scope, source, list->count};
    return kj_vec_add(list, claim);
}

static bool check_ids(kj_ir *ir)
{
    claims ids = {0}, names = {0};
    bool ok = true;
    for (size_t i = 0; i < ir->threats.count; i++) {
        const kj_threat *threat = &ir->threats.items[i];
        ok = add_claim(&ids, threat->id, (kj_span){0}, threat->source) && ok;
        ok = add_claim(&names, threat->name, (kj_span){0}, threat->source) && ok;
    }
    report_twins(ir, &ids, KJ_ERROR, "the id");
    report_twins(ir, &names, KJ_ERROR, "the name");
    return ok;
}

/* The page of a family shares its vendors' names with its members. */
static bool is_family(kj_ir *ir, kj_span text)
{
    kj_name name;
    if (kj_name_parse(&ir->arena, text, &name, NULL) != KJ_OK)
        return false;
    for (size_t i = 0; i < name.part_count; i++)
        if (name.parts[i].kind == KJ_PART_GENERIC)
            return true;
    return false;
}

/* Vendors also lump together what we tell apart, so that this is no error. */
static bool check_aliases(kj_ir *ir)
{
    claims aliases = {0};
    bool ok = true;
    for (size_t i = 0; i < ir->threats.count; i++) {
        const kj_threat *threat = &ir->threats.items[i];
        if (is_family(ir, threat->name))
            continue;
        for (size_t j = 0; j < threat->aliases.count; j++)
            ok = add_claim(&aliases, threat->aliases.items[j].second,
                           threat->aliases.items[j].first, threat->source) &&
                 ok;
    }
    report_twins(ir, &aliases, KJ_WARNING, "the alias");
    return ok;
}

static const kj_source *source_of(const kj_ir *ir, kj_span text)
{
    for (size_t i = 0; i < ir->sources.count; i++)
        if (offset_in(ir->sources.items[i], text) != SIZE_MAX)
            return ir->sources.items[i];
    return NULL;
}

static bool check_note_ids(kj_ir *ir)
{
    claims ids = {0};
    bool ok = true;
    for (size_t i = 0; i < ir->notes.count; i++)
        ok = add_claim(&ids, ir->notes.items[i].id, (kj_span){0},
                       source_of(ir, ir->notes.items[i].id)) &&
             ok;
    report_twins(ir, &ids, KJ_ERROR, "the note");
    return ok;
}

static void check_note(kj_ir *ir, const kj_threat *threat, kj_span id)
{
    kj_guess guess = {.wrong = id};
    for (size_t i = 0; i < ir->notes.count; i++) {
        if (kj_span_equal(ir->notes.items[i].id, id))
            return;
        kj_guess_try(&guess, ir->notes.items[i].id);
    }
    kj_diag_add(&ir->diags, KJ_ERROR, threat->source, offset_in(threat->source, id), id.len,
                kj_guess_hint(&guess, &ir->arena), "there is no note '%.*s'",
                (int)(id.len < 80 ? id.len : 80), (const char *)id.data);
}

kj_status kj_advisory_check_all(kj_ir *ir, kj_error *err)
{
    bool ok = check_ids(ir);
    ok = check_note_ids(ir) && ok;
    ok = check_aliases(ir) && ok;
    for (size_t i = 0; i < ir->threats.count; i++)
        for (size_t j = 0; j < ir->threats.items[i].notes.count; j++)
            check_note(ir, &ir->threats.items[i], ir->threats.items[i].notes.items[j]);
    return ok ? KJ_OK : kj_fail(err, KJ_NO_MEMORY, KJ_NO_OFFSET, "out of memory");
}
