/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a file, scanned whole, twice: what is told keeps the promises of scan/scan.h, and
 * nothing of a file is left for the next one. */
#include "base/arith.h"
#include "scan/scan.h"
#include "tests/fuzz/rules.h"
#include "tests/fuzz/sanitizers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* As in fuzz_archive.c. */
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1:max_allocation_size_mb=256";
}

static const char rules[] =
    "import \"kujo\"\n"
    "rule text { strings: $a = \"kujo\" nocase wide ascii condition: $a }\n"
    "rule bytes { strings: $a = { 50 4b [2-8] 14 } condition: $a in (0..filesize) }\n"
    "rule regex { strings: $a = /^subject: +\\w+/ nocase condition: #a > 0 }\n"
    "rule poor { strings: $a = /[a-y]+z/ condition: #a > 3 and filesize < 10KB }\n"
    "rule mail { condition: kujo.mail.subject contains \"a\" or kujo.mail.header(\"To\") != \"\" "
    "}\n"
    "rule members {\n"
    "    condition: for any m in kujo.members : (m.name endswith \".exe\" or m.encrypted)\n"
    "}\n"
    "rule inside { condition: kujo.depth > 1 and kujo.container.is_type(\"zip\") }\n"
    "rule entry { condition: entrypoint >= 0 and filename matches /^i.*n$/ }\n";

static const kj_scan_limits limits = {
    .depth = 4,
    .members = 100,
    .bytes = 4 << 20,
    .member_bytes = 1 << 20,
    .file_bytes = 1 << 20,
    .ratio = 1000,
};

typedef struct seen {
    size_t findings;
    size_t unseen;
    size_t sightings;
    size_t objects;
    uint64_t bytes;
} seen;

static void check_member(kj_span member)
{
    for (size_t i = 0; i < member.len; i++)
        fuzz_require(member.data[i] >= 0x20 && member.data[i] != 0x7F);
}

static void take_finding(void *user, const kj_finding *finding)
{
    seen *s = user;
    s->findings++;
    check_member(finding->member);
    fuzz_require(finding->name.len > 0 && finding->klass < KJ_CLASS_COUNT && finding->type);
    fuzz_require(finding->evidence_count <= KJ_EVIDENCE_MAX);
    for (size_t i = 0; i < finding->evidence_count; i++) {
        const kj_finding_evidence *e = &finding->evidence[i];
        fuzz_require(e->excerpt_len <= KJ_EXCERPT_MAX);
        fuzz_require(e->offset <= finding->size && e->len <= finding->size - e->offset);
    }
}

static void take_unseen(void *user, kj_status why, kj_span member, const char *sentence)
{
    seen *s = user;
    s->unseen++;
    check_member(member);
    fuzz_require(why != KJ_OK && sentence[0]);
}

static void take_sighting(void *user, uint32_t set, uint32_t artifact, kj_span member)
{
    seen *s = user;
    s->sightings++;
    check_member(member);
    fuzz_require(set == 0 && artifact != KJ_NONE);
}

static void take_object(void *user, bool is_member, const char *type, uint64_t bytes)
{
    seen *s = user;
    s->objects++;
    s->bytes += bytes;
    (void)is_member;
    fuzz_require(type != NULL);
}

static kj_scanner *get_scanner(void)
{
    static kj_defs defs;
    static kj_scanner *scanner;
    if (!scanner) {
        const kj_defs *const sets[] = {&defs};
        fuzz_compile(rules, &defs);
        scanner = kj_scanner_new(sets, 1, &limits);
        fuzz_require(scanner);
    }
    return scanner;
}

static seen scan(kj_span bytes)
{
    seen s = {0};
    kj_error err = {0};
    const kj_scan_events events = {.user = &s,
                                   .finding = take_finding,
                                   .unseen = take_unseen,
                                   .sighting = take_sighting,
                                   .object = take_object};
    kj_status status = kj_scan_bytes(get_scanner(), kj_span_str("input.bin"), bytes, &events, &err);
    fuzz_require(status == KJ_OK ? s.objects > 0 : status == KJ_NO_MEMORY && err.message[0]);
    return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    seen first = scan(kj_span_of(data, size));
    seen second = scan(kj_span_of(data, size));
    fuzz_require(memcmp(&first, &second, sizeof first) == 0);
    return 0;
}
