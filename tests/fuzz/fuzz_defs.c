/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a definitions file: opened and verified as they are; then with size, checksums and
 * digests made right, as whoever writes a hostile file would, verified and used as a scan uses
 * them, whatever the verification said. */
#include "base/arith.h"
#include "defs/hash_sets.h"
#include "match/match.h"
#include "tests/defs/seal.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ENGINE = 6 << 24, STEPS = 20000, HITS = 100 };

/* Something for every string and artifact of the seeds. */
static const char object[] =
    "example body HELPER w\0i\0d\0e\0 ABC...DEF 01345 key=value; a1 b2 loop";

typedef struct use {
    const kj_defs *defs;
    unsigned sum; /* of all bytes seen, so that looking is not optimized away */
} use;

static void look(use *u, kj_span bytes)
{
    for (size_t i = 0; i < bytes.len; i++)
        u->sum += bytes.data[i];
}

static void look_at_documents(use *u)
{
    const kj_defs *defs = u->defs;
    for (uint32_t i = 0; i < defs->threats.count; i++) {
        const kj_disk_threat *threat = kj_defs_threat(defs, i);
        look(u, kj_defs_name(defs, &threat->name));
        look(u, kj_defs_run_text(defs, threat->aliases, 0));
        look(u, kj_defs_doc(defs, threat->doc_offset, threat->doc_len));
    }
    for (uint32_t i = 0; i < defs->notes.count; i++) {
        const kj_disk_note *note = kj_defs_note(defs, i);
        look(u, kj_defs_text(defs, note->id));
        look(u, kj_defs_doc(defs, note->doc_offset, note->doc_len));
    }
}

static void take_detect(void *user, uint32_t index)
{
    use *u = user;
    const kj_disk_detect *detect = kj_defs_detect(u->defs, index);
    if (!detect)
        abort();
    look(u, kj_defs_name(u->defs, &detect->name));
}

static void look_at_evidence(use *u, kj_matcher *matcher, uint32_t detect)
{
    kj_evidence evidence[8];
    size_t count = kj_matcher_evidence(matcher, detect, evidence, KJ_COUNT(evidence));
    if (count > KJ_COUNT(evidence))
        abort();
    for (size_t i = 0; i < count; i++) {
        const kj_disk_pattern *pattern = kj_defs_pattern(u->defs, evidence[i].pattern);
        const kj_disk_rule *rule = kj_defs_rule(u->defs, evidence[i].rule);
        if (pattern)
            look(u, kj_defs_text(u->defs, pattern->source));
        if (rule)
            look(u, kj_defs_text(u->defs, rule->name));
    }
}

static kj_value field(void *user, const kj_field_call *call)
{
    (void)user;
    return (uint16_t)call->id == 1 ? kj_value_text(kj_span_str("x.jpg.scr"))
                                   : kj_value_int(call->id % 5);
}

static void match(use *u, bool sound)
{
    const kj_match_limits limits = {.search = {.hits_per_pattern = HITS, .steps = STEPS},
                                    .steps = STEPS};
    const kj_span bytes = kj_span_of(object, sizeof object - 1);
    const kj_file_fact file = {.place = kj_span_str("%windir%\\sys32.exe"),
                               .name = kj_span_str("x.jpg.scr"),
                               .size = 32768,
                               .types = {kj_span_str("pe")},
                               .type_count = 1,
                               .has_bytes = true,
                               .bytes = bytes};
    const kj_mail_fact mail = {kj_span_str("Hi my friend"), &file, 1};
    const kj_match_input input = {.bytes = bytes, .file = file, .mail = &mail, .field = field};
    kj_matcher *matcher = kj_matcher_new(u->defs);
    kj_error err = {0};
    if (!matcher)
        return;
    kj_status status = kj_matcher_run(matcher, &input, &limits, &err);
    if (status != KJ_OK && !err.message[0])
        abort();
    if (sound && status == KJ_INTERNAL)
        abort(); /* what was verified is never damaged */
    size_t count;
    const uint32_t *detects = kj_matcher_detects(matcher, &count);
    for (size_t i = 0; i < count; i++) {
        take_detect(u, detects[i]);
        look_at_evidence(u, matcher, detects[i]);
    }
    kj_matcher_free(matcher);
}

static void inspect(use *u)
{
    kj_sightings seen;
    if (kj_sightings_init(&seen, u->defs, NULL) != KJ_OK)
        return;
    const kj_entry_fact run = {
        .place = kj_span_str("HKLM\\Software\\Microsoft\\Windows\\CurrentVersion\\Run"),
        .name = kj_span_str("System"),
        .data = kj_span_str("C:\\WINNT\\SYS32.EXE /x"),
    };
    const kj_entry_fact shell = {
        .place = kj_span_str("%windir%\\system.ini"),
        .section = kj_span_str("boot"),
        .name = kj_span_str("Shell"),
        .data = kj_span_str("Explorer.exe %WinDir%\\SYS32.EXE"),
    };
    kj_sight_registry(u->defs, &run, &seen);
    kj_sight_ini(u->defs, &shell, &seen);
    (void)!kj_sightings_detects(&seen, u->defs, take_detect, u, NULL);
    for (uint32_t i = 0; i < u->defs->remedies.count; i++)
        (void)kj_sightings_hold(&seen, u->defs, kj_defs_remedy(u->defs, i)->needs);
    kj_sightings_done(&seen);
}

static void take_number(void *user, uint32_t number)
{
    use *u = user;
    kj_detection detection;
    if (kj_defs_detection(u->defs, number, &detection))
        look(u, detection.name);
}

/* The object is among the digests of a seed, as everything that can be digested. */
static void look_up(use *u)
{
    const kj_span bytes = kj_span_of(object, sizeof object - 1);
    uint8_t digest[KJ_HASH_MAX];
    for (kj_hash_kind kind = 0; kind < KJ_HASH_KIND_COUNT; kind++) {
        kj_hash(kind, bytes, digest);
        for (unsigned i = 0; i < 2 * KJ_SCOPE_COUNT; i++) {
            kj_hash_scope scope = i / 2;
            (void)kj_hash_sets_want(u->defs, scope, bytes.len, i % 2);
            kj_hash_sets_find(u->defs, scope, kind, digest, bytes.len, i % 2, take_number, u);
        }
    }
    for (uint32_t i = 0; i < 64; i++)
        take_number(u, u->defs->detects.count + i);
}

static bool open_and_verify(kj_span file, kj_defs *out, bool *out_sound)
{
    kj_error err = {0};
    if (kj_defs_open_span(file, ENGINE, out, &err) != KJ_OK) {
        if (!err.message[0])
            abort();
        return false;
    }
    *out_sound = kj_defs_verify(out, &err) == KJ_OK;
    if (!*out_sound && !err.message[0])
        abort();
    return true;
}

static uint8_t *copy_sealed(const uint8_t *data, size_t size)
{
    uint64_t file_size = size;
    uint8_t *copy = malloc(size);
    if (!copy || size < sizeof(kj_disk_header))
        return copy;
    memcpy(copy, data, size);
    memcpy(copy + offsetof(kj_disk_header, file_size), &file_size, sizeof file_size);
    seal(copy, size);
    return copy;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    kj_defs defs;
    bool sound;
    (void)open_and_verify(kj_span_of(data, size), &defs, &sound);
    uint8_t *sealed = copy_sealed(data, size);
    if (!sealed)
        return 0;
    if (open_and_verify(kj_span_of(sealed, size), &defs, &sound)) {
        use u = {.defs = &defs};
        look_at_documents(&u);
        match(&u, sound);
        inspect(&u);
        look_up(&u);
    }
    free(sealed);
    return 0;
}
