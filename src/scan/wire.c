/* SPDX-License-Identifier: Apache-2.0 */
#include "scan/wire.h"

#include "base/arith.h"
#include "base/reader.h"
#include "base/text.h"
#include "formats/views.h"
#include "scan/findings.h"

#include <stdio.h>

enum { LONGEST_ESCAPE = 10 }; /* of one byte or character: \u{10FFFF} */

/* ---- writing -------------------------------------------------------------------------------- */

/* Where a text stands in the strings of a set; {0, 0} for one from elsewhere. */
static kj_disk_text place_of(const kj_defs *defs, kj_span text)
{
    uintptr_t base = (uintptr_t)defs->strings.data, at = (uintptr_t)text.data;
    if (text.len == 0 || at < base || at - base > defs->strings.count ||
        text.len > defs->strings.count - (at - base))
        return (kj_disk_text){0};
    return (kj_disk_text){(uint32_t)(at - base), (uint32_t)text.len};
}

static uint32_t format_index(const char *name)
{
    for (size_t i = 0; name && i < kj_format_count; i++)
        if (strcmp(kj_formats[i]->name, name) == 0)
            return (uint32_t)i;
    return KJ_NONE;
}

/* Cuts a long text before the character that does not fit whole. */
static kj_span cut(kj_span text, size_t max)
{
    if (text.len <= max)
        return text;
    while (max > 0 && (text.data[max] & 0xC0) == 0x80)
        max--;
    return kj_span_sub(text, 0, max);
}

/* Sends a struct, whose head gets its length here, and up to two texts behind it. */
static void put_record(const kj_wire_writer *writer, kj_wire_head *record, size_t size, kj_span a,
                       kj_span b)
{
    uint8_t packet[KJ_WIRE_RECORD_MAX];
    record->len = (uint32_t)(size + a.len + b.len);
    record->job = writer->job;
    memcpy(packet, record, size);
    if (a.len)
        memcpy(packet + size, a.data, a.len);
    if (b.len)
        memcpy(packet + size + a.len, b.data, b.len);
    writer->put(writer->user, kj_span_of(packet, record->len));
}

static void pack_evidence(const kj_defs *defs, const kj_finding_evidence *from,
                          kj_wire_evidence *out)
{
    *out = (kj_wire_evidence){
        .kind = from->kind,
        .excerpt_len = (uint32_t)kj_min_size(from->excerpt_len, KJ_EXCERPT_MAX),
        .rule = place_of(defs, from->rule),
        .item = place_of(defs, from->item),
        .text = place_of(defs, from->text),
        .offset = from->offset,
        .len = from->len,
    };
    memcpy(out->excerpt, from->excerpt, out->excerpt_len);
}

static void put_finding(void *user, const kj_finding *finding)
{
    kj_wire_writer *writer = user;
    if (finding->set >= writer->sets->count)
        return;
    const kj_defs *defs = writer->sets->items[finding->set];
    kj_span member = cut(finding->member, KJ_WIRE_MEMBER_MAX);
    kj_wire_finding record = {
        .head.kind = KJ_WIRE_FINDING,
        .set = finding->set,
        .detect = finding->detect,
        .source = place_of(defs, finding->source),
        .object = writer->objects,
        .size = finding->size,
        .format = format_index(finding->type),
        .evidence_count = (uint32_t)kj_min_size(finding->evidence_count, KJ_EVIDENCE_MAX),
        .member_len = (uint32_t)member.len,
        .view = finding->view,
    };
    for (size_t i = 0; i < record.evidence_count; i++)
        pack_evidence(defs, &finding->evidence[i], &record.evidence[i]);
    put_record(writer, &record.head, sizeof record, member, (kj_span){0});
}

static void put_unseen(void *user, kj_status why, kj_span member, const char *sentence)
{
    kj_span place = cut(member, KJ_WIRE_MEMBER_MAX);
    kj_span text = cut(kj_span_str(sentence), KJ_WIRE_SENTENCE_MAX);
    kj_wire_unseen record = {
        .head.kind = KJ_WIRE_UNSEEN,
        .why = why,
        .member_len = (uint32_t)place.len,
        .sentence_len = (uint32_t)text.len,
    };
    put_record(user, &record.head, sizeof record, place, text);
}

static void put_sighting(void *user, uint32_t set, uint32_t artifact, kj_span member)
{
    kj_wire_writer *writer = user;
    if (!writer->on_volume)
        return;
    kj_span place = cut(member, KJ_WIRE_MEMBER_MAX);
    kj_wire_sighting record = {
        .head.kind = KJ_WIRE_SIGHTING,
        .set = set,
        .artifact = artifact,
        .member_len = (uint32_t)place.len,
    };
    put_record(writer, &record.head, sizeof record, place, (kj_span){0});
}

static void put_matched(void *user, uint32_t set, uint32_t rule, bool is_member)
{
    kj_wire_writer *writer = user;
    (void)is_member;
    if (!writer->on_volume)
        return;
    kj_wire_matched record = {.head.kind = KJ_WIRE_MATCHED, .set = set, .rule = rule};
    put_record(writer, &record.head, sizeof record, (kj_span){0}, (kj_span){0});
}

static void put_console(void *user, kj_span member, kj_span line)
{
    kj_span place = cut(member, KJ_WIRE_MEMBER_MAX);
    kj_buf escaped;
    kj_buf_init(&escaped, LONGEST_ESCAPE * KJ_WIRE_LINE_MAX);
    kj_escape(cut(line, KJ_WIRE_LINE_MAX), NULL, &escaped);
    kj_span text = cut(kj_buf_span(&escaped), KJ_WIRE_LINE_MAX);
    kj_wire_console record = {
        .head.kind = KJ_WIRE_CONSOLE,
        .member_len = (uint32_t)place.len,
        .line_len = (uint32_t)text.len,
    };
    put_record(user, &record.head, sizeof record, place, text);
    kj_buf_done(&escaped);
}

static void put_odd(void *user, kj_oddities odd, kj_span member)
{
    kj_wire_writer *writer = user;
    kj_span place = cut(member, KJ_WIRE_MEMBER_MAX);
    kj_wire_odd record = {
        .head.kind = KJ_WIRE_ODD,
        .odd = odd,
        .object = writer->objects,
        .member_len = (uint32_t)place.len,
    };
    put_record(writer, &record.head, sizeof record, place, (kj_span){0});
}

static void count_object(void *user, bool is_member, const char *type, uint64_t bytes)
{
    (void)is_member;
    (void)type;
    kj_wire_writer *writer = user;
    writer->objects++;
    writer->bytes += bytes;
}

kj_scan_events kj_wire_events(kj_wire_writer *writer)
{
    return (kj_scan_events){
        .user = writer,
        .finding = put_finding,
        .unseen = put_unseen,
        .sighting = put_sighting,
        .matched = put_matched,
        .console = put_console,
        .odd = put_odd,
        .object = count_object,
    };
}

void kj_wire_put_done(kj_wire_writer *writer, kj_status status, const kj_error *err)
{
    kj_span text = {0};
    if (status != KJ_OK && err)
        text = cut(kj_span_str(err->message), KJ_WIRE_SENTENCE_MAX);
    kj_wire_done record = {
        .head.kind = KJ_WIRE_DONE,
        .objects = writer->objects,
        .bytes = writer->bytes,
        .status = status,
        .sentence_len = (uint32_t)text.len,
    };
    put_record(writer, &record.head, sizeof record, text, (kj_span){0});
}

void kj_wire_put_job(kj_buf *out, uint64_t job, const kj_scan_input *input)
{
    kj_wire_job record = {
        .head = {.kind = KJ_WIRE_JOB,
                 .len = (uint32_t)(sizeof record + input->path.len + input->host_path.len),
                 .job = job},
        .size = input->size,
        .path_len = (uint32_t)input->path.len,
        .host_len = (uint32_t)input->host_path.len,
    };
    kj_buf_put(out, kj_span_of(&record, sizeof record));
    kj_buf_put(out, input->path);
    kj_buf_put(out, input->host_path);
}

/* ---- reading -------------------------------------------------------------------------------- */

/* Copies the fixed part; false when the packet is no record of that kind and size. */
static bool read_fixed(kj_reader *r, kj_wire_kind kind, void *out, size_t size)
{
    kj_span fixed = kj_read_span(r, size);
    if (!kj_reader_ok(r))
        return false;
    memcpy(out, fixed.data, size);
    const kj_wire_head *head = out;
    return head->kind == kind && head->len == r->in.len;
}

bool kj_wire_read_job(kj_span packet, uint64_t *out_job, kj_scan_input *out)
{
    kj_reader r = kj_reader_of(packet);
    kj_wire_job record;
    if (!read_fixed(&r, KJ_WIRE_JOB, &record, sizeof record))
        return false;
    kj_span path = kj_read_span(&r, record.path_len);
    kj_span host = kj_read_span(&r, record.host_len);
    if (!kj_reader_ok(&r) || kj_reader_left(&r) != 0)
        return false;
    *out_job = record.head.job;
    *out = (kj_scan_input){.path = path, .host_path = host, .fd = -1, .size = record.size};
    return true;
}

/* A text of the definitions; false when it leaves them. The empty text is fine. */
static bool read_text(const kj_defs *defs, kj_disk_text place, kj_span *out)
{
    *out = kj_defs_text(defs, place);
    return out->len == place.len;
}

/* The next bytes of the tail. Whatever they are called, they must have been escaped. */
static bool read_escaped(kj_reader *r, size_t len, size_t max, kj_span *out)
{
    *out = kj_read_span(r, len);
    return kj_reader_ok(r) && len <= max && kj_is_escaped(*out);
}

/* A sentence, as our own code words them; control bytes in it are made visible. */
static bool read_sentence(kj_reader *r, size_t len, char out[KJ_WIRE_SENTENCE_MAX + 1])
{
    kj_span text = kj_read_span(r, len);
    if (!kj_reader_ok(r) || len > KJ_WIRE_SENTENCE_MAX)
        return false;
    for (size_t i = 0; i < len; i++)
        out[i] = text.data[i] < 0x20 || text.data[i] == 0x7F ? '?' : (char)text.data[i];
    out[len] = '\0';
    return true;
}

/* Of what was digested only the digest and where it stands are the worker's to say. */
static bool read_digest_evidence(const kj_detection *detection, const kj_wire_evidence *from,
                                 kj_finding_evidence *out)
{
    if (!detection->set || from->excerpt_len != kj_hash_len((kj_hash_kind)detection->set->kind))
        return false;
    const kj_known_digest known = {
        .scope = (kj_hash_scope)detection->set->scope,
        .kind = (kj_hash_kind)detection->set->kind,
        .digest = from->excerpt,
        .offset = from->offset,
        .len = from->len,
    };
    *out = kj_digest_evidence(&known);
    return true;
}

static bool read_evidence(const kj_defs *defs, const kj_detection *detection,
                          const kj_wire_evidence *from, kj_finding_evidence *out)
{
    if (from->kind == KJ_EVIDENCE_DIGEST)
        return read_digest_evidence(detection, from, out);
    if (from->kind > KJ_EVIDENCE_PATTERN || from->excerpt_len > KJ_EXCERPT_MAX)
        return false;
    *out = (kj_finding_evidence){
        .kind = (kj_evidence_kind)from->kind,
        .offset = from->offset,
        .len = from->len,
        .excerpt_len = from->excerpt_len,
    };
    memcpy(out->excerpt, from->excerpt, from->excerpt_len);
    return read_text(defs, from->rule, &out->rule) && read_text(defs, from->item, &out->item) &&
           read_text(defs, from->text, &out->text);
}

void kj_wire_settle(kj_wire_record *moved)
{
    if (moved->kind != KJ_WIRE_FINDING)
        return;
    moved->finding.evidence = moved->evidence;
    if (moved->detection.set)
        moved->finding.name.data = moved->detection.text;
}

static bool decode_finding(kj_reader *r, const kj_wire_sets *sets, kj_wire_record *out)
{
    kj_wire_finding record;
    if (!read_fixed(r, KJ_WIRE_FINDING, &record, sizeof record) || record.set >= sets->count ||
        record.evidence_count > KJ_EVIDENCE_MAX || record.view >= KJ_VIEW_COUNT ||
        (record.format >= kj_format_count && record.format != KJ_NONE))
        return false;
    const kj_defs *defs = sets->items[record.set];
    const kj_detection *detection = &out->detection;
    kj_finding *finding = &out->finding;
    if (!kj_defs_detection(defs, record.detect, &out->detection) ||
        !read_escaped(r, record.member_len, KJ_WIRE_MEMBER_MAX, &finding->member) ||
        !read_text(defs, record.source, &finding->source))
        return false;
    for (size_t i = 0; i < record.evidence_count; i++)
        if (!read_evidence(defs, detection, &record.evidence[i], &out->evidence[i]))
            return false;
    out->object = record.object;
    finding->name = detection->name;
    finding->klass = detection->klass;
    finding->set = record.set;
    finding->detect = record.detect;
    finding->since = detection->since;
    if (detection->detect)
        finding->detect_id = kj_defs_text(defs, detection->detect->id);
    finding->type = record.format == KJ_NONE ? NULL : kj_formats[record.format]->name;
    finding->size = record.size;
    finding->view = record.view;
    finding->evidence = out->evidence;
    finding->evidence_count = record.evidence_count;
    return true;
}

static bool decode_unseen(kj_reader *r, const kj_wire_sets *sets, kj_wire_record *out)
{
    (void)sets;
    kj_wire_unseen record;
    if (!read_fixed(r, KJ_WIRE_UNSEEN, &record, sizeof record) || record.why == KJ_OK ||
        record.why >= KJ_STATUS_COUNT)
        return false;
    out->why = (kj_status)record.why;
    return read_escaped(r, record.member_len, KJ_WIRE_MEMBER_MAX, &out->member) &&
           read_sentence(r, record.sentence_len, out->sentence);
}

static bool decode_sighting(kj_reader *r, const kj_wire_sets *sets, kj_wire_record *out)
{
    kj_wire_sighting record;
    if (!read_fixed(r, KJ_WIRE_SIGHTING, &record, sizeof record) || record.set >= sets->count ||
        !kj_defs_artifact(sets->items[record.set], record.artifact))
        return false;
    out->set = record.set;
    out->artifact = record.artifact;
    return read_escaped(r, record.member_len, KJ_WIRE_MEMBER_MAX, &out->member);
}

static bool decode_matched(kj_reader *r, const kj_wire_sets *sets, kj_wire_record *out)
{
    kj_wire_matched record;
    if (!read_fixed(r, KJ_WIRE_MATCHED, &record, sizeof record) || record.set >= sets->count ||
        !kj_defs_rule(sets->items[record.set], record.rule))
        return false;
    out->set = record.set;
    out->rule = record.rule;
    return true;
}

static bool decode_console(kj_reader *r, const kj_wire_sets *sets, kj_wire_record *out)
{
    (void)sets;
    kj_wire_console record;
    return read_fixed(r, KJ_WIRE_CONSOLE, &record, sizeof record) &&
           read_escaped(r, record.member_len, KJ_WIRE_MEMBER_MAX, &out->member) &&
           read_escaped(r, record.line_len, KJ_WIRE_LINE_MAX, &out->line);
}

static bool decode_odd(kj_reader *r, const kj_wire_sets *sets, kj_wire_record *out)
{
    (void)sets;
    kj_wire_odd record;
    if (!read_fixed(r, KJ_WIRE_ODD, &record, sizeof record) || record.odd == 0 ||
        (record.odd & ~KJ_ODD_ALL))
        return false;
    out->odd = record.odd;
    out->object = record.object;
    return read_escaped(r, record.member_len, KJ_WIRE_MEMBER_MAX, &out->member);
}

static bool decode_done(kj_reader *r, const kj_wire_sets *sets, kj_wire_record *out)
{
    (void)sets;
    kj_wire_done record;
    if (!read_fixed(r, KJ_WIRE_DONE, &record, sizeof record) || record.status >= KJ_STATUS_COUNT)
        return false;
    out->why = (kj_status)record.status;
    out->objects = record.objects;
    out->bytes = record.bytes;
    return read_sentence(r, record.sentence_len, out->sentence);
}

static bool (*const decoders[KJ_WIRE_KIND_END])(kj_reader *, const kj_wire_sets *,
                                                kj_wire_record *) = {
    [KJ_WIRE_FINDING] = decode_finding,   [KJ_WIRE_UNSEEN] = decode_unseen,
    [KJ_WIRE_SIGHTING] = decode_sighting, [KJ_WIRE_DONE] = decode_done,
    [KJ_WIRE_MATCHED] = decode_matched,   [KJ_WIRE_CONSOLE] = decode_console,
    [KJ_WIRE_ODD] = decode_odd,
};

bool kj_wire_decode(kj_span packet, const kj_wire_sets *sets, kj_wire_record *out)
{
    kj_wire_head head;
    if (packet.len < sizeof head || packet.len > KJ_WIRE_RECORD_MAX)
        return false;
    memcpy(&head, packet.data, sizeof head);
    if (head.kind >= KJ_WIRE_KIND_END || !decoders[head.kind])
        return false;
    *out = (kj_wire_record){.kind = (kj_wire_kind)head.kind, .job = head.job};
    kj_reader r = kj_reader_of(packet);
    return decoders[head.kind](&r, sets, out) && kj_reader_left(&r) == 0;
}

bool kj_wire_next(kj_span packets, size_t *pos, kj_span *out)
{
    kj_wire_head head;
    kj_span rest = kj_span_sub(packets, *pos, packets.len);
    if (rest.len < sizeof head)
        return false;
    memcpy(&head, rest.data, sizeof head);
    if (head.len < sizeof head || head.len > rest.len)
        return false;
    *out = kj_span_sub(rest, 0, head.len);
    *pos += head.len;
    return true;
}
