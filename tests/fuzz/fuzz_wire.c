/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as what a worker answers, and as what it is asked. What is accepted keeps the promises
 * of scan/wire.h, and is accepted again once it is written again. */
#include "base/arith.h"
#include "scan/wire.h"
#include "tests/scan/tiny_defs.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(kj_span text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] < 0x20 || text.data[i] == 0x7F)
            abort();
}

static void check_finding(const kj_finding *finding)
{
    if (finding->name.len == 0 || finding->klass >= KJ_CLASS_COUNT ||
        finding->evidence_count > KJ_EVIDENCE_MAX)
        abort();
    check_text(finding->name);
    check_text(finding->member);
    check_text(finding->source);
    for (size_t i = 0; i < finding->evidence_count; i++) {
        check_text(finding->evidence[i].rule);
        check_text(finding->evidence[i].item);
        check_text(finding->evidence[i].text);
        if (finding->evidence[i].excerpt_len > KJ_EXCERPT_MAX)
            abort();
    }
}

static void write_again(const kj_wire_record *record, kj_wire_writer *writer)
{
    const kj_scan_events events = kj_wire_events(writer);
    const kj_error err = {.message = "broken"};
    if (record->kind == KJ_WIRE_FINDING)
        events.finding(events.user, &record->finding);
    else if (record->kind == KJ_WIRE_UNSEEN)
        events.unseen(events.user, record->why, record->member, record->sentence);
    else if (record->kind == KJ_WIRE_SIGHTING)
        events.sighting(events.user, record->set, record->artifact, record->member);
    else if (record->kind == KJ_WIRE_CONSOLE)
        events.console(events.user, record->member, record->line);
    else if (record->kind == KJ_WIRE_ODD)
        events.odd(events.user, record->odd, record->member);
    else
        kj_wire_put_done(writer, record->why, &err);
}

static void decode_again(void *user, kj_span packet)
{
    const kj_wire_sets *sets = user;
    kj_wire_record record;
    if (!kj_wire_decode(packet, sets, &record))
        abort();
}

static void decode(kj_span packet, const kj_wire_sets *sets)
{
    kj_wire_record record;
    if (!kj_wire_decode(packet, sets, &record))
        return;
    if (record.kind == KJ_WIRE_FINDING)
        check_finding(&record.finding);
    check_text(record.member);
    check_text(record.line);
    check_text(kj_span_str(record.sentence));
    kj_wire_writer writer = {
        .sets = sets, .put = decode_again, .user = (void *)(uintptr_t)sets, .on_volume = true};
    write_again(&record, &writer);
}

/* As one packet that says its own length, so that what is behind the head is reached. */
static void decode_whole(kj_span bytes, const kj_wire_sets *sets)
{
    uint32_t len = (uint32_t)bytes.len;
    uint8_t *copy = malloc(bytes.len);
    if (copy && bytes.len >= sizeof(kj_wire_head)) {
        memcpy(copy, bytes.data, bytes.len);
        memcpy(copy + offsetof(kj_wire_head, len), &len, sizeof len);
        decode(kj_span_of(copy, bytes.len), sets);
        uint64_t job;
        kj_scan_input input;
        if (kj_wire_read_job(kj_span_of(copy, bytes.len), &job, &input) &&
            input.path.len + input.host_path.len + sizeof(kj_wire_job) != bytes.len)
            abort();
    }
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tiny_defs tiny;
    tiny_init(&tiny);
    const kj_defs *const items[] = {&tiny.defs};
    const kj_wire_sets sets = {items, 1};
    kj_span packets = kj_span_of(data, size), packet;
    size_t pos = 0;
    while (kj_wire_next(packets, &pos, &packet))
        decode(packet, &sets);
    decode_whole(packets, &sets);
    return 0;
}
