/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of sense: what is well-formed and still must not be built.
 *
 * What a condition needs is found by trying. A condition is looked at under every set of facts that
 * is too weak to carry a name, and must not be true under any: nothing at all; everything that
 * proves nothing; and, for names from a write-up, every set of artifacts and rules that together
 * show fewer traits than the class asks for. As a set of less than three traits has two members at
 * most (those without a trait aside), trying the pairs is enough. */
#include "base/text.h"
#include "rules/advisory/compile.h"

#include <stdio.h>

enum { TRAITS_EXACT = 3, TRAITS_FAMILY = 2, TRAITS_RULE = 3, LEAVES_MAX = 256 };

/* ---- conditions under facts ------------------------------------------------------------------ */

enum { CAN_BE_FALSE = 1 << 0, CAN_BE_TRUE = 1 << 1 };

/* The facts that are tried: what each leaf can be. */
typedef struct facts {
    unsigned (*of)(const struct facts *facts, const kj_expr *leaf);
    const kj_advisory *a;
    const kj_expr *seen[2]; /* for `pair`: leaves, or NULL */
} facts;

static unsigned eval(const kj_expr *expr, const facts *f);

/* At least `need` of the items from `first` on. */
static unsigned eval_count(const kj_expr *expr, size_t first, uint64_t need, const facts *f)
{
    uint64_t certain = 0, possible = 0;
    for (size_t i = first; i < expr->count; i++) {
        unsigned item = eval(expr->args[i], f);
        possible += (item & CAN_BE_TRUE) != 0;
        certain += item == CAN_BE_TRUE;
    }
    return (possible >= need ? CAN_BE_TRUE : 0u) | (certain < need ? CAN_BE_FALSE : 0u);
}

static unsigned eval_of(const kj_expr *expr, const facts *f)
{
    if (expr->quantifier == KJ_Q_COUNT)
        return eval_count(expr, 1, (uint64_t)expr->args[0]->integer, f);
    return eval_count(expr, 0, expr->quantifier == KJ_Q_ALL ? expr->count : 1, f);
}

static unsigned eval_not(const kj_expr *expr, const facts *f)
{
    unsigned inner = eval(expr->args[0], f);
    return (inner & CAN_BE_TRUE ? CAN_BE_FALSE : 0u) | (inner & CAN_BE_FALSE ? CAN_BE_TRUE : 0u);
}

/* The parser bounds the depth. */
static unsigned eval(const kj_expr *expr, const facts *f)
{
    switch (expr->op) {
    case KJ_OP_AND:
        return eval_count(expr, 0, expr->count, f);
    case KJ_OP_OR:
        return eval_count(expr, 0, 1, f);
    case KJ_OP_NOT:
        return eval_not(expr, f);
    case KJ_OP_OF:
        return eval_of(expr, f);
    default:
        return f->of(f, expr);
    }
}

static bool can_be_true(const kj_expr *expr, const facts *f)
{
    return (eval(expr, f) & CAN_BE_TRUE) != 0;
}

static const kj_draft_artifact *draft_of(const kj_advisory *a, uint32_t index)
{
    return &a->artifacts.items[index - a->first_artifact];
}

static unsigned nothing(const facts *f, const kj_expr *leaf)
{
    (void)f;
    (void)leaf;
    return CAN_BE_FALSE;
}

static bool proves_nothing(kj_role role)
{
    return role == KJ_ROLE_SUPPORT || role == KJ_ROLE_DATA || role == KJ_ROLE_STOLEN_DATA ||
           role == KJ_ROLE_SYMPTOM;
}

static unsigned accessories(const facts *f, const kj_expr *leaf)
{
    const kj_draft_artifact *draft =
        leaf->op == KJ_OP_ARTIFACT ? draft_of(f->a, leaf->index) : NULL;
    bool weak = draft && !draft->broken && proves_nothing(draft->artifact.role);
    return weak ? CAN_BE_TRUE | CAN_BE_FALSE : CAN_BE_FALSE;
}

/* ---- traits ---------------------------------------------------------------------------------- */

static unsigned file_traits(const kj_draft_artifact *draft)
{
    const kj_artifact *file = &draft->artifact;
    return 1u + (file->sizes.count > 0) + (file->type.len > 0) + (file->has_hash ? 2u : 0u) +
           (file->rule != KJ_NONE);
}

static unsigned registry_traits(const kj_draft_artifact *draft)
{
    return draft->has_value;
}

static unsigned one_trait(const kj_draft_artifact *draft)
{
    (void)draft;
    return 1;
}

static unsigned mail_traits(const kj_draft_artifact *draft)
{
    const kj_artifact *mail = &draft->artifact;
    return 0u + (mail->names.count > 0) +
           (mail->attachment_names.count + mail->extensions.count > 0) + (mail->decoys.count > 0) +
           (mail->sizes.count > 0) + (mail->type.len > 0);
}

static unsigned no_trait(const kj_draft_artifact *draft)
{
    (void)draft;
    return 0;
}

static unsigned (*const traits_of_kind[KJ_ARTIFACT_KIND_COUNT])(const kj_draft_artifact *) = {
    [KJ_ARTIFACT_FILE] = file_traits,  [KJ_ARTIFACT_REGISTRY] = registry_traits,
    [KJ_ARTIFACT_INI] = one_trait,     [KJ_ARTIFACT_TASK] = one_trait,
    [KJ_ARTIFACT_SERVICE] = one_trait, [KJ_ARTIFACT_STARTUP] = one_trait,
    [KJ_ARTIFACT_MAIL] = mail_traits,  [KJ_ARTIFACT_WINDOW] = no_trait,
    [KJ_ARTIFACT_MUTEX] = no_trait,    [KJ_ARTIFACT_URL] = no_trait,
};

static unsigned traits_of(const kj_advisory *a, const kj_expr *leaf)
{
    if (leaf->op == KJ_OP_RULE)
        return TRAITS_RULE;
    const kj_draft_artifact *draft = draft_of(a, leaf->index);
    if (draft->broken)
        return TRAITS_RULE; /* it may have them */
    return traits_of_kind[draft->artifact.kind](draft);
}

static bool same_leaf(const kj_expr *a, const kj_expr *b)
{
    return a && b && a->op == b->op && a->index == b->index;
}

/* What has no trait is taken as seen: it cannot be what a name rests on. */
static unsigned pair(const facts *f, const kj_expr *leaf)
{
    bool seen = same_leaf(leaf, f->seen[0]) || same_leaf(leaf, f->seen[1]);
    if (seen)
        return CAN_BE_TRUE;
    return traits_of(f->a, leaf) == 0 ? CAN_BE_TRUE | CAN_BE_FALSE : CAN_BE_FALSE;
}

typedef struct leaves {
    const kj_expr *items[LEAVES_MAX];
    size_t count;
} leaves;

/* The different leaves of a condition that show fewer than `below` traits, but at least one. */
static void collect(const kj_advisory *a, const kj_expr *expr, unsigned below, leaves *out)
{
    if (expr->op == KJ_OP_ARTIFACT || expr->op == KJ_OP_RULE) {
        unsigned traits = traits_of(a, expr);
        for (size_t i = 0; i < out->count; i++)
            if (same_leaf(out->items[i], expr))
                return;
        if (traits > 0 && traits < below && out->count < LEAVES_MAX)
            out->items[out->count++] = expr;
    }
    for (size_t i = 0; i < expr->count; i++)
        collect(a, expr->args[i], below, out);
}

/* Looks for a set of leaves worth less than `below` that makes the condition true. */
static bool find_weak_set(const kj_advisory *a, const kj_expr *when, unsigned below, facts *f)
{
    leaves list = {.count = 0};
    collect(a, when, below, &list);
    *f = (facts){.of = pair, .a = a};
    if (can_be_true(when, f))
        return true;
    for (size_t i = 0; i < list.count; i++) {
        f->seen[0] = list.items[i];
        for (size_t j = i; j < list.count; j++) {
            unsigned traits = traits_of(a, list.items[i]);
            f->seen[1] = j > i ? list.items[j] : NULL;
            if (j > i && traits + traits_of(a, list.items[j]) >= below)
                continue;
            if (can_be_true(when, f))
                return true;
        }
    }
    return false;
}

static kj_span leaf_name(const kj_advisory *a, const kj_expr *leaf)
{
    return leaf->op == KJ_OP_RULE ? a->r.ir->rules.items[leaf->index].name
                                  : draft_of(a, leaf->index)->artifact.id;
}

static void refuse_weak_set(kj_advisory *a, const kj_yaml *node, const facts *f, unsigned wanted,
                            kj_class klass)
{
    kj_buf names;
    unsigned traits = 0;
    kj_buf_init(&names, 512);
    for (size_t i = 0; i < 2 && f->seen[i]; i++) {
        kj_span name = leaf_name(a, f->seen[i]);
        kj_buf_printf(&names, "%s%.*s", i ? " and " : "", kj_printed_len(name),
                      (const char *)name.data);
        traits += traits_of(a, f->seen[i]);
    }
    kj_complain(&a->r, node,
                "place, size, kind, hash (2) and rule of a file, a registry or INI entry, subject, "
                "attachment name, decoy, size and kind of a mail",
                "%s alone make%s this true with %u trait%s; class %s from a write-up needs %u",
                names.len ? kj_buf_text(&names) : "artifacts without a trait",
                names.len && !f->seen[1] ? "s" : "", traits, traits == 1 ? "" : "s",
                kj_class_name(klass), wanted);
    kj_buf_done(&names);
}

/* ---- detections ------------------------------------------------------------------------------ */

static void check_when(kj_advisory *a, const kj_draft_detect *draft)
{
    const kj_yaml *node = kj_yaml_find(draft->node, "when");
    const kj_expr *when = draft->detect.when;
    facts f = {.of = nothing, .a = a};
    kj_class klass = draft->detect.klass;
    unsigned wanted = klass == KJ_CLASS_EXACT    ? TRAITS_EXACT
                      : klass == KJ_CLASS_FAMILY ? TRAITS_FAMILY
                                                 : 0;
    if (!when || !node)
        return;
    if (can_be_true(when, &f)) {
        kj_complain(&a->r, node, NULL, "this is true when nothing was seen");
        return;
    }
    f.of = accessories;
    if (can_be_true(when, &f))
        kj_complain(&a->r, node, "ask for a body, an autostart, a mail or a rule too",
                    "this is true when only support files, data or symptoms were seen");
    else if (wanted && kj_span_is(a->threat.evidence, "writeup") &&
             find_weak_set(a, when, wanted, &f))
        refuse_weak_set(a, node, &f, wanted, klass);
}

static void check_releases(kj_advisory *a, const kj_draft_detect *draft)
{
    const kj_detect *detect = &draft->detect;
    const kj_yaml *until = kj_yaml_find(draft->node, "until");
    const kj_yaml *since = kj_yaml_find(draft->node, "since");
    if (until && detect->until < detect->since)
        kj_complain(&a->r, until, NULL, "it ends with release %u before it begins with %u",
                    detect->until, detect->since);
    if (since && kj_span_equal(detect->name, a->threat.name) && detect->since < a->threat.first)
        kj_complain(&a->r, since, "set definitions.first to the first release that detects it",
                    "%.*s is said to be detected first by release %u", kj_printed_len(detect->name),
                    (const char *)detect->name.data, a->threat.first);
}

static bool in_range(const kj_detect *detect, uint32_t release)
{
    return release >= detect->since && release <= detect->until;
}

static bool has_text(const kj_texts *texts, kj_span text)
{
    for (size_t i = 0; i < texts->count; i++)
        if (kj_span_equal(texts->items[i], text))
            return true;
    return false;
}

/* Whether a test expects `name` (or nothing, when it is empty) at one of the releases. */
static bool expects(const kj_test *test, const kj_detect *detect, kj_span name)
{
    for (size_t i = 0; i < test->expect_count; i++) {
        const kj_expect *expect = &test->expects[i];
        bool met = name.len ? has_text(&expect->names, name) : expect->names.count == 0;
        if (met && in_range(detect, expect->release))
            return true;
    }
    return false;
}

/* The kinds of the tests, as bits, that expect `name` at one of the detection's releases. */
static unsigned kinds_expecting(const kj_advisory *a, const kj_detect *detect, kj_span name)
{
    unsigned kinds = 0;
    for (size_t i = 0; i < a->tests.count; i++)
        if (expects(&a->tests.items[i].test, detect, name))
            kinds |= 1u << a->tests.items[i].test.kind;
    return kinds;
}

static void check_tested(kj_advisory *a, const kj_draft_detect *draft)
{
    const kj_detect *detect = &draft->detect;
    const kj_yaml *id = kj_yaml_find(draft->node, "id");
    if (!id || !detect->id.len || !detect->name.len || detect->until < detect->since)
        return;
    unsigned positive = kinds_expecting(a, detect, detect->name);
    unsigned negative = kinds_expecting(a, detect, (kj_span){0});
    if (!positive)
        kj_complain(&a->r, id, "add a test with this name at one of its releases",
                    "no test expects %.*s while '%.*s' holds", kj_printed_len(detect->name),
                    (const char *)detect->name.data, kj_printed_len(detect->id),
                    (const char *)detect->id.data);
    else if (!(positive & negative))
        kj_complain(&a->r, id, "add a test of the same sort with 'none' at one of its releases",
                    "no test shows what '%.*s' must not detect", kj_printed_len(detect->id),
                    (const char *)detect->id.data);
}

static void check_detects(kj_advisory *a)
{
    for (size_t i = 0; i < a->detects.count; i++) {
        check_when(a, &a->detects.items[i]);
        if (!a->definitions_broken)
            check_releases(a, &a->detects.items[i]);
        if (!a->definitions_broken && !a->tests_broken)
            check_tested(a, &a->detects.items[i]);
    }
}

/* ---- tests ----------------------------------------------------------------------------------- */

static bool is_given(const kj_advisory *a, kj_span name)
{
    for (size_t i = 0; i < a->detects.count; i++)
        if (a->detects.items[i].detect.name.len == 0 ||
            kj_span_equal(a->detects.items[i].detect.name, name))
            return true; /* an unreadable one may have been meant */
    return false;
}

static void check_expected(kj_advisory *a, const kj_yaml *entry)
{
    const kj_yaml *item = entry->kind == KJ_YAML_LIST ? entry->first : entry;
    for (; item; item = entry->kind == KJ_YAML_LIST ? item->next : NULL)
        if (item->kind == KJ_YAML_TEXT && item->text.len && !kj_span_is(item->text, "none") &&
            !is_given(a, item->text))
            kj_complain(&a->r, item, "it must be the name of a detection, or none",
                        "nothing in this advisory detects %.*s", kj_printed_len(item->text),
                        (const char *)item->text.data);
}

static void check_tests(kj_advisory *a)
{
    for (size_t i = 0; i < a->tests.count && !a->tests_broken; i++) {
        const kj_yaml *expect = kj_yaml_find(a->tests.items[i].node, "expect");
        for (const kj_yaml *entry = expect ? expect->first : NULL; entry; entry = entry->next)
            check_expected(a, entry);
    }
}

/* ---- remedies ---------------------------------------------------------------------------------
 */

#define KIND(name) (1u << KJ_ARTIFACT_##name)
static const unsigned kinds_of_do[KJ_DO_COUNT] = {
    [KJ_DO_QUARANTINE] = KIND(FILE) | KIND(STARTUP),
    [KJ_DO_DELETE_VALUE] = KIND(REGISTRY),
    [KJ_DO_RESTORE_DEFAULT] = KIND(REGISTRY) | KIND(INI),
    [KJ_DO_SET_VALUE] = KIND(REGISTRY),
    [KJ_DO_REMOVE_TOKEN] = KIND(INI) | KIND(REGISTRY),
    [KJ_DO_DELETE_INI] = KIND(INI),
    [KJ_DO_DISABLE_SERVICE] = KIND(SERVICE),
    [KJ_DO_REMOVE_TASK] = KIND(TASK),
    [KJ_DO_REMOVE_EMPTY_DIR] = KIND(FILE),
    [KJ_DO_REPORT] = ~0u,
    [KJ_DO_MANUAL] = ~0u,
};

static bool is_bare_file(const kj_artifact *artifact)
{
    return artifact->kind == KJ_ARTIFACT_FILE && artifact->sizes.count == 0 &&
           !artifact->has_hash && artifact->rule == KJ_NONE;
}

static void refuse_do(kj_advisory *a, kj_do what, kj_artifact_kind kind, const kj_yaml *item)
{
    kj_buf hint;
    kj_buf_init(&hint, 512);
    for (size_t i = 0; i < KJ_DO_COUNT; i++)
        if (kinds_of_do[i] & 1u << kind)
            kj_buf_printf(&hint, "%s%s", hint.len ? ", " : "what fits: ", kj_do_name((kj_do)i));
    kj_complain(&a->r, item, kj_buf_text(&hint), "'%s' does not fit %s", kj_do_name(what),
                kj_advisory_kind_title(kind));
    kj_buf_done(&hint);
}

static void check_remedy_of(kj_advisory *a, const kj_remedy *remedy, const kj_yaml *entry,
                            const kj_yaml *item)
{
    const kj_draft_artifact *draft = kj_advisory_artifact(a, item->text);
    if (!draft || draft->artifact.kind == KJ_ARTIFACT_KIND_COUNT || remedy->what == KJ_DO_COUNT)
        return;
    if (!(kinds_of_do[remedy->what] & 1u << draft->artifact.kind))
        refuse_do(a, remedy->what, draft->artifact.kind, item);
    else if (remedy->what == KJ_DO_QUARANTINE && !draft->broken && is_bare_file(&draft->artifact) &&
             !kj_yaml_find(entry, "needs"))
        kj_complain(&a->r, item, "add for example needs: 1 of body",
                    "a file without size, hash or rule is removed only if something else proves "
                    "the infection");
}

static void check_needs(kj_advisory *a, const kj_remedy *remedy, const kj_yaml *entry)
{
    facts f = {.of = accessories, .a = a};
    const kj_yaml *needs = kj_yaml_find(entry, "needs");
    if (needs && remedy->needs && can_be_true(remedy->needs, &f))
        kj_complain(&a->r, needs, "ask for a body, an autostart or a rule",
                    "this is true when only support files, data or symptoms were seen");
}

/* `to` is what a value becomes: set-value needs it, restore-default takes it where Windows' own
 * data is not in the table of autostarts. */
static void check_to(kj_advisory *a, const kj_remedy *remedy, const kj_yaml *entry)
{
    bool sets = remedy->what == KJ_DO_SET_VALUE;
    const kj_yaml *to = kj_yaml_find(entry, "to");
    if (sets && !to)
        kj_complain(&a->r, entry, "add to: with the data",
                    "set-value does not say what the value becomes");
    else if (to && !sets && remedy->what != KJ_DO_RESTORE_DEFAULT)
        kj_complain(&a->r, to, "only set-value and restore-default have it", "nothing is set here");
}

static void check_remedies(kj_advisory *a)
{
    for (size_t i = 0; i < a->remedies.count; i++) {
        const kj_draft_remedy *draft = &a->remedies.items[i];
        const kj_yaml *of = kj_yaml_find(draft->node, "of");
        const kj_yaml *item = of && of->kind == KJ_YAML_LIST ? of->first : of;
        check_needs(a, &draft->remedy, draft->node);
        check_to(a, &draft->remedy, draft->node);
        for (; item; item = of->kind == KJ_YAML_LIST ? item->next : NULL)
            check_remedy_of(a, &draft->remedy, draft->node, item);
    }
}

/* ---- dates and releases ------------------------------------------------------------------------
 */

static void check_dates(kj_advisory *a)
{
    const kj_yaml *dates = kj_yaml_find(a->root, "dates");
    const kj_span values[] = {a->threat.discovered, a->threat.published, a->threat.modified};
    static const char *const names[] = {"discovered", "published", "modified"};
    size_t last = 0;
    for (size_t i = 1; i < KJ_COUNT(values); i++) {
        if (values[i].len && values[last].len && kj_span_compare(values[i], values[last]) < 0)
            kj_complain(&a->r, kj_yaml_find(dates, names[i]), NULL, "%s before it was %s", names[i],
                        names[last]);
        last = values[i].len ? i : last;
    }
}

static void check_required(kj_advisory *a)
{
    const kj_yaml *required = kj_yaml_find(a->definitions_node, "required");
    if (required && !a->definitions_broken && a->threat.required < a->threat.first)
        kj_complain(&a->r, required, NULL,
                    "release %u cannot be required: %u is the first that detects it",
                    a->threat.required, a->threat.first);
}

void kj_advisory_check_sense(kj_advisory *a)
{
    check_dates(a);
    check_required(a);
    check_detects(a);
    check_tests(a);
    check_remedies(a);
}
