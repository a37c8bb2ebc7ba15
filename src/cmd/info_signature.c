/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/info_signature.h"

#include "base/text.h"
#include "base/vec.h"
#include "cmd/condition_text.h"
#include "cmd/digest_names.h"
#include "report/i18n.h"

#include <jansson.h>
#include <stdio.h>

enum { SETS_MAX = KJ_HASH_SETS_MAX };

/* What there is under a name. */
typedef struct facts {
    const kj_defs *defs;
    kj_span wanted;
    uint8_t name[KJ_FRONT_TEXT_MAX]; /* as the definitions write it */
    size_t name_len;
    uint32_t klass;
    uint64_t rules[KJ_ORIGIN_COUNT];
    uint64_t digests[SETS_MAX];
    KJ_VEC(uint32_t) numbers; /* of names of digests, rising */
} facts;

static bool is_wanted(facts *f, kj_span name)
{
    if (!kj_text_equal_nocase(name, f->wanted) || name.len > sizeof f->name)
        return false;
    memcpy(f->name, name.data, name.len);
    f->name_len = name.len;
    return true;
}

static void see_class(facts *f, uint32_t klass)
{
    f->klass = klass > f->klass ? klass : f->klass;
}

/* Detections that bare rules make. */
static void look_at_rules(facts *f)
{
    for (uint32_t i = 0; i < f->defs->detects.count; i++) {
        const kj_disk_detect *detect = kj_defs_detect(f->defs, i);
        if (detect->threat != KJ_NONE || !is_wanted(f, kj_defs_name(f->defs, &detect->name)))
            continue;
        kj_code_node when = kj_condition_node(f->defs, detect->code);
        const kj_disk_rule *rule = when.op == KJ_OP_RULE ? kj_defs_rule(f->defs, when.index) : NULL;
        kj_origin origin = rule ? kj_rule_origin(rule->flags) : KJ_ORIGIN_COUNT;
        if (origin < KJ_ORIGIN_COUNT)
            f->rules[origin]++;
        see_class(f, detect->class_);
    }
}

static bool find_names(facts *f)
{
    const kj_digest_names names = kj_digest_names_of(f->defs);
    kj_front_walk walk = {.view = &names.view};
    while (kj_front_next(&walk))
        if (is_wanted(f, walk.text) && !kj_vec_add(&f->numbers, walk.number))
            return false;
    return true;
}

typedef struct counting {
    const facts *f;
    uint64_t count;
} counting;

static void count_name(void *user, uint32_t name)
{
    counting *c = user;
    size_t low = 0, high = c->f->numbers.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (c->f->numbers.items[middle] < name)
            low = middle + 1;
        else
            high = middle;
    }
    c->count += low < c->f->numbers.count && c->f->numbers.items[low] == name;
}

static void look_at_digests(facts *f)
{
    for (uint32_t i = 0; f->numbers.count && i < kj_digest_sets(f->defs) && i < SETS_MAX; i++) {
        counting c = {.f = f};
        kj_digest_set_names(f->defs, kj_digest_set(f->defs, i), count_name, &c);
        f->digests[i] = c.count;
        if (c.count)
            see_class(f, kj_digest_set(f->defs, i)->class_);
    }
}

/* ---- showing ------------------------------------------------------------------------------- */

static const char *const origin_nouns[KJ_ORIGIN_COUNT] = {
    [KJ_ORIGIN_YARA] = N_("YARA rules"),
    [KJ_ORIGIN_BODY] = N_("signatures of bodies"),
    [KJ_ORIGIN_LOGICAL] = N_("logical signatures"),
    [KJ_ORIGIN_CONTAINER] = N_("signatures of members"),
    [KJ_ORIGIN_CERTIFICATE] = N_("signatures of certificates"),
};

static const char *const scope_nouns[KJ_SCOPE_COUNT] = {
    [KJ_SCOPE_OBJECT] = N_("digests of files"),
    [KJ_SCOPE_SECTION] = N_("digests of sections of programs"),
    [KJ_SCOPE_IMPORTS] = N_("digests of imports of programs"),
    [KJ_SCOPE_AUTHENTICODE] = N_("digests of signed programs"),
};

/* The set at `index`, if it has digests of that name. */
static const kj_disk_hash_set *set_with_name(const facts *f, uint32_t index)
{
    const kj_disk_hash_set *set = kj_digest_set(f->defs, index);
    bool known = set->scope < KJ_SCOPE_COUNT && set->kind < KJ_HASH_KIND_COUNT;
    return f->digests[index] && known ? set : NULL;
}

static uint32_t set_count(const facts *f)
{
    uint32_t count = kj_digest_sets(f->defs);
    return count < SETS_MAX ? count : SETS_MAX;
}

static void print_text(const facts *f, const char *name)
{
    (void)printf(_("%s (%s): there is no page about it; it is known by\n"), name,
                 _(kj_class_name((kj_class)f->klass)));
    for (size_t i = 0; i < KJ_ORIGIN_COUNT; i++)
        if (f->rules[i])
            (void)printf("  %llu %s\n", (unsigned long long)f->rules[i], _(origin_nouns[i]));
    for (uint32_t i = 0; i < set_count(f); i++) {
        const kj_disk_hash_set *set = set_with_name(f, i);
        if (set)
            (void)printf("  %llu %s (%s)\n", (unsigned long long)f->digests[i],
                         _(scope_nouns[set->scope]), kj_hash_name((kj_hash_kind)set->kind));
    }
}

static void print_json(const facts *f, const char *name)
{
    json_t *rules = json_object(), *digests = json_array();
    for (size_t i = 0; i < KJ_ORIGIN_COUNT; i++)
        if (f->rules[i])
            (void)json_object_set_new(rules, kj_origin_name((kj_origin)i),
                                      json_integer((json_int_t)f->rules[i]));
    for (uint32_t i = 0; i < set_count(f); i++) {
        const kj_disk_hash_set *set = set_with_name(f, i);
        if (set)
            (void)json_array_append_new(digests,
                                        json_pack("{s:s, s:s, s:I}", "of",
                                                  kj_hash_scope_name((kj_hash_scope)set->scope),
                                                  "digest", kj_hash_name((kj_hash_kind)set->kind),
                                                  "count", (json_int_t)f->digests[i]));
    }
    json_t *root =
        json_pack("{s:i, s:s, s:s, s:s, s:o, s:o}", "kujo", 1, "type", "signature", "name", name,
                  "class", kj_class_name((kj_class)f->klass), "rules", rules, "digests", digests);
    if (root)
        (void)json_dumpf(root, stdout, JSON_INDENT(2) | JSON_SORT_KEYS);
    (void)putchar('\n');
    json_decref(root);
}

bool kj_signature_info(const kj_defs *defs, kj_span name, bool json)
{
    facts f = {.defs = defs, .wanted = name};
    look_at_rules(&f);
    if (find_names(&f))
        look_at_digests(&f);
    bool found = f.name_len > 0;
    kj_buf escaped;
    kj_buf_init(&escaped, 8 * KJ_FRONT_TEXT_MAX);
    kj_escape(kj_span_of(f.name, f.name_len), NULL, &escaped);
    if (found)
        (json ? print_json : print_text)(&f, kj_buf_text(&escaped));
    kj_buf_done(&escaped);
    kj_vec_done(&f.numbers);
    return found;
}
