/* SPDX-License-Identifier: Apache-2.0 */
/* Every allocation of ours fails once, in turn: rules are compiled, written, opened and a file is
 * scanned with them. Each run ends with a clean status, leaks nothing (the sanitized build sees to
 * that), and never takes the file for clean without a word. */
#include "defs/writer.h"
#include "rules/yara/yara.h"
#include "scan/scan.h"
#include "tests/test.h"

#include <stdlib.h>

enum { ENGINE = 6 << 24, RUNS_MAX = 20000 };

static unsigned long allocations, failing; /* the failing-th one fails; 0: none */

static int refuses(void)
{
    return ++allocations == failing;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_reallocarray(void *old, size_t count, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_reallocarray(void *old, size_t count, size_t size);

void *__wrap_malloc(size_t size)
{
    return refuses() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return refuses() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return refuses() ? NULL : __real_realloc(old, size);
}

void *__wrap_reallocarray(void *old, size_t count, size_t size)
{
    return refuses() ? NULL : __real_reallocarray(old, count, size);
}

static const char rules[] =
    "rule words { strings: $a = \"a needle\" nocase $b = /hay[a-z]{1,8}/ $c = { 6e 65 ?? 64 } "
    "condition: $a and #b > 0 and $c at 4 or (any of them and filesize > 1000) }\n"
    "rule gate { condition: filesize > 3 and uint8(0) == 0x61 }\n";

static const char hay[] = "a  needle? a needle in the haystack, a needle";

typedef struct outcome {
    size_t findings;
    size_t unseen;
} outcome;

static void take_finding(void *user, const kj_finding *finding)
{
    outcome *o = user;
    o->findings += kj_span_is(finding->name, "gate");
}

static void take_unseen(void *user, kj_status why, kj_span member, const char *sentence)
{
    outcome *o = user;
    (void)why;
    (void)member;
    (void)sentence;
    o->unseen++;
}

static void take_sighting(void *user, uint32_t set, uint32_t artifact, kj_span member)
{
    (void)user;
    (void)set;
    (void)artifact;
    (void)member;
}

static void take_matched(void *user, uint32_t set, uint32_t rule)
{
    (void)user;
    (void)set;
    (void)rule;
}

static void take_object(void *user, kj_span member, const char *type, uint64_t bytes)
{
    (void)user;
    (void)member;
    (void)type;
    (void)bytes;
}

static kj_status scan_with(const kj_defs *defs, outcome *out)
{
    const kj_scan_limits limits = KJ_SCAN_LIMITS_INIT;
    const kj_scan_events events = {.user = out,
                                   .finding = take_finding,
                                   .unseen = take_unseen,
                                   .sighting = take_sighting,
                                   .matched = take_matched,
                                   .object = take_object};
    kj_scanner *scanner = kj_scanner_new(&defs, 1, &limits);
    kj_error err;
    if (!scanner)
        return KJ_NO_MEMORY;
    kj_status status = kj_scan_bytes(scanner, kj_span_str("hay"), kj_span_str(hay), &events, &err);
    kj_scanner_free(scanner);
    return status;
}

static kj_status build(kj_buf *file)
{
    kj_ir ir;
    kj_error err;
    kj_ir_init(&ir, 1 << 24);
    const kj_source *source = kj_ir_add_source(&ir, "rules", kj_span_str(rules));
    const kj_yara_options options = {.threat = KJ_NONE};
    kj_status status =
        source ? kj_yara_compile(&ir, source, 0, source->text.len, &options, &err) : KJ_NO_MEMORY;
    if (status == KJ_OK && !kj_diags_ok(&ir.diags))
        status = KJ_NO_MEMORY; /* a diagnostic about memory, or one that was lost */
    kj_write_options write = KJ_WRITE_INIT;
    write.release = KJ_FIRST_RELEASE;
    write.engine = ENGINE;
    if (status == KJ_OK)
        status = kj_defs_write(&ir, &write, file, NULL, &err);
    kj_ir_done(&ir);
    return status;
}

static kj_status run(outcome *out)
{
    kj_buf file;
    kj_error err;
    kj_defs defs = {0};
    kj_buf_init(&file, 1 << 24);
    kj_status status = build(&file);
    if (status == KJ_OK)
        status = kj_defs_open_buf(&file, ENGINE, &defs, &err);
    kj_buf_done(&file);
    if (status != KJ_OK)
        return status;
    status = scan_with(&defs, out);
    kj_defs_close(&defs);
    return status;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    for (failing = 1; failing < RUNS_MAX; failing++) {
        outcome o = {0};
        allocations = 0;
        kj_status status = run(&o);
        unsigned long last = failing;
        if (status == KJ_OK && o.findings == 0 && o.unseen == 0)
            fail_msg("allocation %lu failed, and the file passed for clean", last);
        if (status != KJ_OK && status != KJ_NO_MEMORY && status != KJ_LIMIT)
            fail_msg("allocation %lu failed with %s", last, kj_status_name(status));
        if (allocations < failing) {
            assert_int_equal(status, KJ_OK);
            assert_int_equal(o.findings, 1);
            failing = 0;
            return;
        }
    }
    fail_msg("there is no end to the allocations");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
