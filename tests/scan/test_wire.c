/* SPDX-License-Identifier: Apache-2.0 */
/* Honest records survive the trip; everything else is refused, whatever bit of it was changed. */
#include "scan/wire.h"

#include "base/arith.h"
#include "formats/views.h"
#include "tests/scan/tiny_defs.h"
#include "tests/test.h"

static tiny_defs tiny;
static const kj_defs *const set_items[] = {&tiny.defs};
static const kj_wire_sets sets = {set_items, 1};

static void keep(void *user, kj_span packet)
{
    kj_buf *out = user;
    kj_buf_put(out, packet);
}

static int set_up(void **state)
{
    (void)state;
    tiny_init(&tiny);
    return 0;
}

static kj_finding a_finding(const kj_finding_evidence *evidence)
{
    return (kj_finding){
        .set = 0,
        .detect = TINY_EXACT,
        .source = tiny_span(&tiny, "2004-0001"),
        .member = kj_span_str("a.zip!x\\x21y"),
        .type = "zip",
        .size = 4711,
        .view = KJ_VIEW_HTML_TEXT,
        .evidence = evidence,
        .evidence_count = 1,
    };
}

/* Appends a record of each kind. */
static void put_all(kj_buf *out)
{
    kj_wire_writer writer = {.sets = &sets, .put = keep, .user = out, .job = 77, .on_volume = true};
    kj_scan_events events = kj_wire_events(&writer);
    kj_finding_evidence evidence = {.kind = KJ_EVIDENCE_PATTERN,
                                    .item = tiny_span(&tiny, "page"),
                                    .text = kj_span_str("not from the definitions"),
                                    .offset = 1,
                                    .len = 3,
                                    .excerpt = "abc",
                                    .excerpt_len = 3};
    kj_finding finding = a_finding(&evidence);
    events.finding(events.user, &finding);
    events.unseen(events.user, KJ_LIMIT, kj_span_str("m"), "too deep");
    events.sighting(events.user, 0, 1, kj_span_str(""));
    events.matched(events.user, 0, 1, false);
    events.console(events.user, kj_span_str("m"), kj_span_of("a\x1b\xff\0b", 5));
    events.object(events.user, true, "zip", 100);
    events.odd(events.user, KJ_ODD(KJ_ODD_NO_BOUNDARY) | KJ_ODD(KJ_HEURISTIC_COUNT - 1),
               kj_span_str("odd"));
    kj_error err = {.message = "no"};
    kj_wire_put_done(&writer, KJ_IO, &err);
    assert_false(out->failed);
}

static void records_survive_the_trip(void **state)
{
    (void)state;
    kj_buf out;
    kj_buf_init(&out, 1 << 16);
    put_all(&out);
    size_t pos = 0;
    kj_span packet;
    kj_wire_record r;
    assert_true(kj_wire_next(kj_buf_span(&out), &pos, &packet));
    assert_true(kj_wire_decode(packet, &sets, &r));
    assert_int_equal(r.kind, KJ_WIRE_FINDING);
    assert_int_equal(r.job, 77);
    assert_span(r.finding.name, "W32/Tiny.a@MM");
    assert_span(r.finding.source, "2004-0001");
    assert_span(r.finding.member, "a.zip!x\\x21y");
    assert_string_equal(r.finding.type, "zip");
    assert_int_equal(r.finding.klass, KJ_CLASS_EXACT);
    assert_int_equal(r.finding.since, 4318);
    assert_int_equal(r.finding.view, KJ_VIEW_HTML_TEXT);
    assert_int_equal(r.finding.evidence_count, 1);
    assert_span(r.finding.evidence[0].item, "page");
    assert_int_equal(r.finding.evidence[0].text.len, 0);
    assert_memory_equal(r.finding.evidence[0].excerpt, "abc", 3);
    assert_true(kj_wire_next(kj_buf_span(&out), &pos, &packet));
    assert_true(kj_wire_decode(packet, &sets, &r));
    assert_string_equal(r.sentence, "too deep");
    assert_true(kj_wire_next(kj_buf_span(&out), &pos, &packet));
    assert_true(kj_wire_decode(packet, &sets, &r));
    assert_int_equal(r.artifact, 1);
    assert_true(kj_wire_next(kj_buf_span(&out), &pos, &packet));
    assert_true(kj_wire_decode(packet, &sets, &r));
    assert_int_equal(r.kind, KJ_WIRE_MATCHED);
    assert_int_equal(r.rule, 1);
    assert_true(kj_wire_next(kj_buf_span(&out), &pos, &packet));
    assert_true(kj_wire_decode(packet, &sets, &r));
    assert_int_equal(r.kind, KJ_WIRE_CONSOLE);
    assert_span(r.member, "m");
    assert_span(r.line, "a\\x1b\\xff\\x00b");
    assert_true(kj_wire_next(kj_buf_span(&out), &pos, &packet));
    assert_true(kj_wire_decode(packet, &sets, &r));
    assert_int_equal(r.kind, KJ_WIRE_ODD);
    assert_true(r.odd == (KJ_ODD(KJ_ODD_NO_BOUNDARY) | KJ_ODD(KJ_HEURISTIC_COUNT - 1)));
    assert_span(r.member, "odd");
    assert_int_equal(r.object, 1);
    assert_true(kj_wire_next(kj_buf_span(&out), &pos, &packet));
    assert_true(kj_wire_decode(packet, &sets, &r));
    assert_int_equal(r.kind, KJ_WIRE_DONE);
    assert_int_equal(r.why, KJ_IO);
    assert_int_equal(r.objects, 1);
    assert_int_equal(r.bytes, 100);
    assert_false(kj_wire_next(kj_buf_span(&out), &pos, &packet));
    kj_buf_done(&out);
}

/* What was decoded keeps its promises: texts of the definitions, escaped members. */
static void check_promises(const kj_wire_record *r)
{
    assert_in_range(r->kind, KJ_WIRE_FINDING, KJ_WIRE_ODD);
    assert_int_equal(r->kind == KJ_WIRE_ODD, r->odd != 0);
    assert_int_equal(r->odd & ~KJ_ODD_ALL, 0);
    if (r->kind == KJ_WIRE_FINDING) {
        assert_true(r->finding.name.len > 0);
        assert_true(r->finding.klass < KJ_CLASS_COUNT);
        assert_true(r->finding.view < KJ_VIEW_COUNT);
        assert_true(r->finding.evidence_count <= KJ_EVIDENCE_MAX);
    }
    kj_span member = r->kind == KJ_WIRE_FINDING ? r->finding.member : r->member;
    for (size_t i = 0; i < member.len; i++)
        assert_true(member.data[i] >= 0x20 && member.data[i] != 0x7F);
    for (size_t i = 0; i < r->line.len; i++)
        assert_true(r->line.data[i] >= 0x20 && r->line.data[i] != 0x7F);
}

static void changed_records_are_refused_or_harmless(void **state)
{
    (void)state;
    kj_buf out;
    kj_buf_init(&out, 1 << 16);
    put_all(&out);
    size_t pos = 0, refused = 0;
    kj_span packet;
    while (kj_wire_next(kj_buf_span(&out), &pos, &packet)) {
        uint8_t *copy = malloc(packet.len); /* exact, for ASan */
        assert_non_null(copy);
        for (size_t bit = 0; bit < packet.len * 8; bit++) {
            kj_wire_record r;
            memcpy(copy, packet.data, packet.len);
            copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
            if (kj_wire_decode(kj_span_of(copy, packet.len), &sets, &r))
                check_promises(&r);
            else
                refused++;
        }
        memcpy(copy, packet.data, packet.len);
        for (size_t len = 0; len < packet.len; len++) {
            kj_wire_record r;
            assert_false(kj_wire_decode(kj_span_of(copy, len), &sets, &r));
        }
        free(copy);
    }
    assert_true(refused > 100);
    kj_buf_done(&out);
}

static void lies_are_refused(void **state)
{
    (void)state;
    kj_buf out;
    kj_wire_record r;
    kj_wire_writer writer = {.sets = &sets, .put = keep, .user = &out};
    kj_scan_events events = kj_wire_events(&writer);
    static const char *const members[] = {"a\nb", "\x1b[2J", "\xff", "\xe2\x80\xae"};
    for (size_t i = 0; i < KJ_COUNT(members); i++) {
        kj_buf_init(&out, 8192);
        events.unseen(events.user, KJ_LIMIT, kj_span_str(members[i]), "x");
        assert_false(kj_wire_decode(kj_buf_span(&out), &sets, &r));
        kj_buf_done(&out);
    }
    kj_finding finding = a_finding(NULL);
    finding.evidence_count = 0;
    finding.detect = 3;
    kj_buf_init(&out, 8192);
    events.finding(events.user, &finding);
    assert_false(kj_wire_decode(kj_buf_span(&out), &sets, &r));
    finding.detect = 0;
    finding.view = KJ_VIEW_COUNT;
    kj_buf_clear(&out);
    events.finding(events.user, &finding);
    assert_false(kj_wire_decode(kj_buf_span(&out), &sets, &r));
    finding.view = KJ_VIEW_NONE;
    tiny.detects[0].name.crc ^= 1; /* damaged definitions invent no name */
    kj_buf_clear(&out);
    events.finding(events.user, &finding);
    assert_false(kj_wire_decode(kj_buf_span(&out), &sets, &r));
    tiny.detects[0].name.crc ^= 1;
    kj_buf_done(&out);
}

static void unknown_oddities_are_refused(void **state)
{
    (void)state;
    static const kj_oddities sent[] = {0, KJ_ODD(KJ_HEURISTIC_COUNT), ~UINT64_C(0), KJ_ODD_ALL};
    for (size_t i = 0; i < KJ_COUNT(sent); i++) {
        kj_buf out;
        kj_wire_record r;
        kj_buf_init(&out, 8192);
        kj_wire_writer writer = {.sets = &sets, .put = keep, .user = &out};
        kj_scan_events events = kj_wire_events(&writer);
        events.odd(events.user, sent[i], kj_span_str("m"));
        assert_int_equal(kj_wire_decode(kj_buf_span(&out), &sets, &r), sent[i] == KJ_ODD_ALL);
        kj_buf_done(&out);
    }
}

static void long_names_are_cut_between_characters(void **state)
{
    (void)state;
    char name[3 * KJ_WIRE_MEMBER_MAX + 1];
    for (size_t i = 0; i + 3 < sizeof name; i += 3)
        memcpy(name + i, "駆", 3);
    name[sizeof name - 1] = '\0';
    kj_buf out;
    kj_buf_init(&out, 8192);
    kj_wire_writer writer = {.sets = &sets, .put = keep, .user = &out};
    kj_scan_events events = kj_wire_events(&writer);
    events.unseen(events.user, KJ_LIMIT, kj_span_str(name), name);
    kj_wire_record r;
    assert_true(kj_wire_decode(kj_buf_span(&out), &sets, &r));
    assert_in_range(r.member.len, KJ_WIRE_MEMBER_MAX - 2, KJ_WIRE_MEMBER_MAX);
    kj_buf_done(&out);
}

static void requests_survive_the_trip(void **state)
{
    (void)state;
    kj_buf out;
    kj_buf_init(&out, 1024);
    kj_scan_input input = {
        .path = kj_span_str("a\nb"), .host_path = kj_span_str("c:\\x"), .size = 9};
    kj_wire_put_job(&out, 5, &input);
    uint64_t job;
    kj_scan_input got;
    assert_true(kj_wire_read_job(kj_buf_span(&out), &job, &got));
    assert_int_equal(job, 5);
    assert_span(got.path, "a\nb");
    assert_span(got.host_path, "c:\\x");
    assert_int_equal(got.size, 9);
    for (size_t len = 0; len < out.len; len++)
        assert_false(kj_wire_read_job(kj_span_of(out.data, len), &job, &got));
    kj_buf_done(&out);
}

/* Only sets of digests have detections by digest. */
static void digests_that_no_set_has_are_refused(void **state)
{
    (void)state;
    kj_buf out;
    kj_span packet;
    kj_wire_record r;
    size_t pos = 0;
    kj_buf_init(&out, 1 << 16);
    kj_wire_writer writer = {.sets = &sets, .put = keep, .user = &out};
    kj_scan_events events = kj_wire_events(&writer);
    const kj_finding_evidence evidence = {.kind = KJ_EVIDENCE_DIGEST, .excerpt_len = 16};
    kj_finding finding = a_finding(&evidence);
    events.finding(events.user, &finding);
    assert_true(kj_wire_next(kj_buf_span(&out), &pos, &packet));
    assert_false(kj_wire_decode(packet, &sets, &r));
    kj_buf_done(&out);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_survive_the_trip),
        cmocka_unit_test(changed_records_are_refused_or_harmless),
        cmocka_unit_test(lies_are_refused),
        cmocka_unit_test(unknown_oddities_are_refused),
        cmocka_unit_test(long_names_are_cut_between_characters),
        cmocka_unit_test(requests_survive_the_trip),
        cmocka_unit_test(digests_that_no_set_has_are_refused),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
