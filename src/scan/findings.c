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

static kj_status tell_finding(kj_matcher *matcher, const kj_defs *defs, uint32_t set,
                              uint32_t index, const kj_object *object, const kj_scan_events *events,
                              kj_error *err)
{
    const kj_disk_detect *detect = kj_defs_detect(defs, index);
    kj_span name = detect ? kj_defs_name(defs, &detect->name) : (kj_span){0};
    if (name.len == 0 || detect->class_ >= KJ_CLASS_COUNT)
        return kj_fail(err, KJ_INTERNAL, KJ_NO_OFFSET, "damaged definitions: a detection");
    kj_evidence evidence[KJ_EVIDENCE_MAX];
    size_t count = kj_matcher_evidence(matcher, index, evidence, KJ_EVIDENCE_MAX);
    kj_finding_evidence resolved[KJ_EVIDENCE_MAX];
    for (size_t i = 0; i < count; i++)
        resolve(defs, &evidence[i], object, &resolved[i]);
    kj_buf path;
    kj_member_path(object, (kj_span){0}, &path);
    const kj_finding finding = {
        .name = name,
        .klass = (kj_class)detect->class_,
        .set = set,
        .detect = index,
        .detect_id = kj_defs_text(defs, detect->id),
        .source = source_of(defs, detect, evidence, count),
        .since = detect->since,
        .member = kj_buf_span(&path),
        .type = object->claims.formats[0]->name,
        .size = object->bytes.len,
        .evidence = resolved,
        .evidence_count = count,
    };
    events->finding(events->user, &finding);
    kj_buf_done(&path);
    return KJ_OK;
}

static void tell_sightings(kj_matcher *matcher, uint32_t set, const kj_object *object,
                           const kj_scan_events *events)
{
    const kj_sightings *seen = kj_matcher_seen(matcher);
    uint64_t any = 0;
    for (uint32_t base = 0; base < seen->artifact_count; base += 64)
        any |= seen->artifacts[base / 64];
    if (!any)
        return;
    kj_buf path;
    kj_member_path(object, (kj_span){0}, &path);
    for (uint32_t base = 0; base < seen->artifact_count; base += 64)
        for (uint64_t bits = seen->artifacts[base / 64]; bits; bits &= bits - 1)
            events->sighting(events->user, set, base + (uint32_t)__builtin_ctzll(bits),
                             kj_buf_span(&path));
    kj_buf_done(&path);
}

/* Rules of the user's own are no facts about a volume. */
static void tell_matched(kj_matcher *matcher, const kj_defs *defs, uint32_t set,
                         const kj_object *object, const kj_scan_events *events)
{
    const kj_sightings *seen = kj_matcher_seen(matcher);
    for (uint32_t base = 0; base < seen->rule_count; base += 64)
        for (uint64_t bits = seen->rules[base / 64]; bits; bits &= bits - 1) {
            uint32_t index = base + (uint32_t)__builtin_ctzll(bits);
            const kj_disk_rule *rule = kj_defs_rule(defs, index);
            if (rule && rule->threat != KJ_NONE && rule->detects.count)
                events->matched(events->user, set, index, object->depth > 0);
        }
}

kj_status kj_findings_tell(kj_matcher *matcher, const kj_defs *defs, uint32_t set,
                           const kj_object *object, const kj_scan_events *events, kj_error *err)
{
    size_t count;
    const uint32_t *detects = kj_matcher_detects(matcher, &count);
    for (size_t i = 0; i < count; i++)
        KJ_TRY(tell_finding(matcher, defs, set, detects[i], object, events, err));
    tell_sightings(matcher, set, object, events);
    if (events->matched)
        tell_matched(matcher, defs, set, object, events);
    return KJ_OK;
}
