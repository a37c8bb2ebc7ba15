/* SPDX-License-Identifier: Apache-2.0 */
#include "scan/findings.h"

#include "base/arith.h"
#include "base/text.h"

enum { LONGEST_PATH = 64 << 10 };

static void put_path(const kj_object *object, kj_buf *out)
{
    if (object->depth == 0)
        return;
    put_path(object->parent, out);
    if (out->len)
        kj_buf_put_byte(out, '!');
    kj_escape(object->path, KJ_ESCAPE_PATH, out);
}

void kj_member_path(const kj_object *object, kj_span member, kj_buf *out)
{
    kj_buf_init(out, LONGEST_PATH);
    put_path(object, out);
    if (member.len == 0)
        return;
    if (out->len)
        kj_buf_put_byte(out, '!');
    kj_escape(member, KJ_ESCAPE_PATH, out);
}

static void resolve_pattern(const kj_defs *defs, const kj_evidence *evidence,
                            const kj_object *object, kj_finding_evidence *out)
{
    const kj_disk_pattern *pattern = kj_defs_pattern(defs, evidence->pattern);
    if (!pattern)
        return;
    out->item = kj_defs_text(defs, pattern->identifier);
    out->text = kj_defs_text(defs, pattern->source);
    kj_span bytes = kj_span_sub(object->bytes, (size_t)evidence->offset,
                                (size_t)kj_min_u64(evidence->len, KJ_EXCERPT_MAX));
    out->excerpt_len = bytes.len;
    if (bytes.len)
        memcpy(out->excerpt, bytes.data, bytes.len);
}

static void resolve(const kj_defs *defs, const kj_evidence *evidence, const kj_object *object,
                    kj_finding_evidence *out)
{
    *out = (kj_finding_evidence){
        .kind = evidence->kind,
        .offset = evidence->offset,
        .len = evidence->len,
    };
    const kj_disk_rule *rule = kj_defs_rule(defs, evidence->rule);
    if (rule)
        out->rule = kj_defs_text(defs, rule->name);
    const kj_disk_artifact *artifact = kj_defs_artifact(defs, evidence->artifact);
    if (artifact) {
        out->item = kj_defs_text(defs, artifact->id);
        out->text = kj_defs_run_text(defs, artifact->names, 0);
    }
    resolve_pattern(defs, evidence, object, out);
}

/* The advisory's id, or a bare rule's namespace. */
static kj_span source_of(const kj_defs *defs, const kj_disk_detect *detect,
                         const kj_evidence *evidence, size_t count)
{
    const kj_disk_threat *threat = kj_defs_threat(defs, detect->threat);
    if (threat)
        return kj_defs_text(defs, threat->id);
    for (size_t i = 0; i < count; i++) {
        const kj_disk_rule *rule = kj_defs_rule(defs, evidence[i].rule);
        if (rule)
            return kj_defs_text(defs, rule->space);
    }
    return (kj_span){0};
}

/* Tells a finding that lacks what all findings about the object have. */
static void tell(kj_finding *finding, const kj_detection *detection, const kj_object *object,
                 const kj_scan_events *events)
{
    kj_buf path;
    kj_member_path(object, (kj_span){0}, &path);
    finding->name = detection->name;
    finding->klass = detection->klass;
    finding->since = detection->since;
    finding->member = kj_buf_span(&path);
    finding->type = object->claims.formats[0]->name;
    finding->size = object->view ? object->whole.len : object->bytes.len;
    finding->view = object->view;
    events->finding(events->user, finding);
    kj_buf_done(&path);
}

static kj_status tell_finding(kj_matcher *matcher, const kj_defs *defs, uint32_t set,
                              uint32_t index, const kj_object *object, const kj_scan_events *events,
                              kj_error *err)
{
    kj_detection detection;
    if (!kj_defs_detection(defs, index, &detection) || !detection.detect)
        return kj_fail(err, KJ_INTERNAL, KJ_NO_OFFSET, "damaged definitions: a detection");
    kj_evidence evidence[KJ_EVIDENCE_MAX];
    size_t count = kj_matcher_evidence(matcher, index, evidence, KJ_EVIDENCE_MAX);
    kj_finding_evidence resolved[KJ_EVIDENCE_MAX];
    for (size_t i = 0; i < count; i++)
        resolve(defs, &evidence[i], object, &resolved[i]);
    kj_finding finding = {
        .set = set,
        .detect = index,
        .detect_id = kj_defs_text(defs, detection.detect->id),
        .source = source_of(defs, detection.detect, evidence, count),
        .evidence = resolved,
        .evidence_count = count,
    };
    tell(&finding, &detection, object, events);
    return KJ_OK;
}

kj_finding_evidence kj_digest_evidence(const kj_known_digest *known)
{
    kj_finding_evidence evidence = {
        .kind = KJ_EVIDENCE_DIGEST,
        .item = kj_span_str(kj_hash_name(known->kind)),
        .text = kj_span_str(kj_hash_scope_name(known->scope)),
        .offset = known->offset,
        .len = known->len,
        .excerpt_len = kj_hash_len(known->kind),
    };
    _Static_assert((int)KJ_EXCERPT_MAX >= (int)KJ_HASH_MAX, "a digest fits");
    memcpy(evidence.excerpt, known->digest, evidence.excerpt_len);
    return evidence;
}

void kj_findings_tell_digest(const kj_detection *detection, uint32_t set, uint32_t number,
                             const kj_known_digest *known, const kj_object *object,
                             const kj_scan_events *events)
{
    const kj_finding_evidence evidence = kj_digest_evidence(known);
    kj_finding finding = {
        .set = set,
        .detect = number,
        .evidence = &evidence,
        .evidence_count = 1,
    };
    tell(&finding, detection, object, events);
}

static void tell_sightings(kj_matcher *matcher, uint32_t set, const kj_object *object,
                           const kj_scan_events *events)
{
    const kj_sightings *seen = kj_matcher_seen(matcher);
    if (!events->sighting || !kj_bits_any(&seen->artifacts))
        return;
    kj_buf path;
    kj_member_path(object, (kj_span){0}, &path);
    uint32_t index = kj_bits_next(&seen->artifacts, 0);
    for (; index != KJ_BITS_END; index = kj_bits_next(&seen->artifacts, index + 1))
        events->sighting(events->user, set, index, kj_buf_span(&path));
    kj_buf_done(&path);
}

/* Rules of the user's own are no facts about a volume. */
static void tell_matched(kj_matcher *matcher, const kj_defs *defs, uint32_t set,
                         const kj_object *object, const kj_scan_events *events)
{
    const kj_sightings *seen = kj_matcher_seen(matcher);
    uint32_t index = kj_bits_next(&seen->rules, 0);
    for (; index != KJ_BITS_END; index = kj_bits_next(&seen->rules, index + 1)) {
        const kj_disk_rule *rule = kj_defs_rule(defs, index);
        if (rule && rule->threat != KJ_NONE && rule->detects.count)
            events->matched(events->user, set, index, object->depth > 0);
    }
}

/* Whether it was told when another view of the object was matched; it counts as told now. */
static bool is_told(kj_digests *told, uint32_t set, uint32_t detect)
{
    const kj_digest number = {.len = set, .hash = detect};
    if (!told)
        return false;
    bool is_told = kj_digests_has(told, &number);
    kj_digests_add(told, &number);
    return is_told;
}

kj_status kj_findings_tell(kj_matcher *matcher, const kj_defs *defs, uint32_t set,
                           const kj_object *object, kj_digests *told, const kj_scan_events *events,
                           kj_error *err)
{
    size_t count;
    const uint32_t *detects = kj_matcher_detects(matcher, &count);
    for (size_t i = 0; i < count; i++)
        if (!is_told(told, set, detects[i]))
            KJ_TRY(tell_finding(matcher, defs, set, detects[i], object, events, err));
    if (object->view)
        return KJ_OK; /* what rules of volumes are about is the object as it is */
    tell_sightings(matcher, set, object, events);
    if (events->matched)
        tell_matched(matcher, defs, set, object, events);
    return KJ_OK;
}
