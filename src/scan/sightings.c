/* SPDX-License-Identifier: Apache-2.0 */
#include "scan/sightings.h"

#include "base/cleanup.h"
#include "base/vec.h"

/* Kept of one volume; a volume where everything is an artifact is not one that we know. */
enum { SIGHTINGS_MAX = 10000, NAMES_MAX = 16 };

typedef struct sighting {
    uint32_t set;
    uint32_t artifact;
    char *path;
    char *member;
    kj_span names[NAMES_MAX]; /* reported for that object; into the definitions */
    size_t name_count;
} sighting;

struct kj_volume_seen {
    uint32_t volume;
    const kj_wire_sets *sets;
    kj_sightings seen[KJ_SETS_MAX];
    KJ_VEC(sighting) list;
};

kj_volume_seen *kj_volume_seen_new(uint32_t volume, const kj_wire_sets *sets)
{
    kj_volume_seen *seen = calloc(1, sizeof *seen);
    if (!seen)
        return NULL;
    seen->volume = volume;
    seen->sets = sets;
    for (size_t i = 0; i < sets->count; i++) {
        if (kj_sightings_init(&seen->seen[i], sets->items[i], NULL) != KJ_OK) {
            kj_volume_seen_free(seen);
            return NULL;
        }
    }
    return seen;
}

void kj_volume_seen_free(kj_volume_seen *seen)
{
    if (!seen)
        return;
    for (size_t i = 0; i < seen->sets->count; i++)
        kj_sightings_done(&seen->seen[i]);
    for (size_t i = 0; i < seen->list.count; i++) {
        free(seen->list.items[i].path);
        free(seen->list.items[i].member);
    }
    kj_vec_done(&seen->list);
    free(seen);
}

uint32_t kj_volume_seen_id(const kj_volume_seen *seen)
{
    return seen->volume;
}

static char *copy(kj_span text)
{
    return text.len ? strndup((const char *)text.data, text.len) : strdup("");
}

bool kj_volume_seen_add(kj_volume_seen *seen, uint32_t set, uint32_t artifact, kj_span path,
                        kj_span member)
{
    kj_sightings_add_artifact(&seen->seen[set], artifact);
    if (seen->list.count >= SIGHTINGS_MAX)
        return true;
    sighting s = {.set = set, .artifact = artifact, .path = copy(path), .member = copy(member)};
    if (s.path && s.member && kj_vec_add(&seen->list, s))
        return true;
    free(s.path);
    free(s.member);
    return false;
}

void kj_volume_seen_add_rule(kj_volume_seen *seen, uint32_t set, uint32_t rule)
{
    kj_sightings_add_rule(&seen->seen[set], rule);
}

void kj_volume_seen_reported(kj_volume_seen *seen, kj_span path, kj_span member, kj_span name)
{
    /* A file's sightings are the last ones while it is reported. */
    for (size_t i = seen->list.count; i > 0; i--) {
        sighting *s = &seen->list.items[i - 1];
        if (!kj_span_is(path, s->path))
            return;
        if (kj_span_is(member, s->member) && s->name_count < NAMES_MAX)
            s->names[s->name_count++] = name;
    }
}

/* ---- what the union shows ------------------------------------------------------------------- */

typedef struct teller {
    const kj_volume_seen *seen;
    uint32_t set;
    void (*object)(void *user, const kj_run_object *object);
    void *user;
} teller;

static bool has_name(const sighting *s, kj_span name)
{
    for (size_t i = 0; i < s->name_count; i++)
        if (kj_span_equal(s->names[i], name))
            return true;
    return false;
}

static bool is_anchor(const sighting *s, uint32_t set, const uint32_t *anchors, uint32_t count)
{
    for (uint32_t i = 0; s->set == set && i < count; i++)
        if (anchors[i] == s->artifact)
            return true;
    return false;
}

/* The artifact as evidence; false when it is damaged. */
static bool describe(const kj_defs *defs, uint32_t artifact, kj_finding_evidence *out)
{
    const kj_disk_artifact *a = kj_defs_artifact(defs, artifact);
    if (!a)
        return false;
    *out = (kj_finding_evidence){
        .kind = KJ_EVIDENCE_ARTIFACT,
        .item = kj_defs_text(defs, a->id),
        .text = kj_defs_run_text(defs, a->names, 0),
    };
    return true;
}

/* What else of the same advisory was seen, the anchor first. */
static size_t collect_evidence(const teller *t, const sighting *anchor, uint32_t threat,
                               kj_finding_evidence out[KJ_EVIDENCE_MAX])
{
    const kj_defs *defs = t->seen->sets->items[t->set];
    size_t count = describe(defs, anchor->artifact, &out[0]);
    for (uint32_t i = 0; count < KJ_EVIDENCE_MAX && i < defs->artifacts.count; i++) {
        const kj_disk_artifact *a = kj_defs_artifact(defs, i);
        if (a && a->threat == threat && i != anchor->artifact &&
            kj_sightings_has_artifact(&t->seen->seen[t->set], i))
            count += describe(defs, i, &out[count]);
    }
    return count;
}

/* Whether anything was reported of the file at `path`. */
static bool is_reported(const kj_volume_seen *seen, const char *path)
{
    for (size_t i = 0; i < seen->list.count; i++)
        if (seen->list.items[i].name_count && strcmp(seen->list.items[i].path, path) == 0)
            return true;
    return false;
}

static void tell_at(const teller *t, uint32_t index, const sighting *s)
{
    const kj_defs *defs = t->seen->sets->items[t->set];
    const kj_disk_detect *detect = kj_defs_detect(defs, index);
    const kj_disk_threat *threat = kj_defs_threat(defs, detect->threat);
    kj_finding_evidence evidence[KJ_EVIDENCE_MAX];
    kj_finding finding = {
        .name = kj_defs_name(defs, &detect->name),
        .klass = (kj_class)detect->class_,
        .set = t->set,
        .detect = index,
        .detect_id = kj_defs_text(defs, detect->id),
        .source = threat ? kj_defs_text(defs, threat->id) : (kj_span){0},
        .since = detect->since,
        .member = kj_span_str(s->member),
        .size = KJ_SIZE_UNKNOWN,
        .evidence = evidence,
        .evidence_count = collect_evidence(t, s, detect->threat, evidence),
    };
    kj_run_object object = {
        .path = kj_span_str(s->path),
        .findings = &finding,
        .count = 1,
        .by_volume = true,
        .more = is_reported(t->seen, s->path),
    };
    t->object(t->user, &object);
}

/* A detection that holds over the union. One that some object showed by itself is no news. */
static void found(void *user, uint32_t index)
{
    const teller *t = user;
    const kj_defs *defs = t->seen->sets->items[t->set];
    const kj_disk_detect *detect = kj_defs_detect(defs, index);
    if (!detect || detect->class_ >= KJ_CLASS_COUNT)
        return;
    kj_span name = kj_defs_name(defs, &detect->name);
    uint32_t count = detect->anchors.count;
    const uint32_t *anchors = kj_defs_words(defs, detect->anchors.first, count);
    if (name.len == 0 || !anchors)
        return;
    const sighting *list = t->seen->list.items;
    for (size_t i = 0; i < t->seen->list.count; i++)
        if (is_anchor(&list[i], t->set, anchors, count) && has_name(&list[i], name))
            return;
    for (size_t i = 0; i < t->seen->list.count; i++)
        if (is_anchor(&list[i], t->set, anchors, count))
            tell_at(t, index, &list[i]);
}

kj_status kj_volume_seen_tell(const kj_volume_seen *seen,
                              void (*object)(void *user, const kj_run_object *object), void *user,
                              kj_error *err)
{
    for (size_t i = 0; i < seen->sets->count; i++) {
        teller t = {seen, (uint32_t)i, object, user};
        KJ_TRY(kj_sightings_detects(&seen->seen[i], seen->sets->items[i], found, &t, err));
    }
    return KJ_OK;
}
