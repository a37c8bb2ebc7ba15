/* SPDX-License-Identifier: Apache-2.0 */
#include "scan/selftest.h"

#include "base/arith.h"
#include "base/fold.h"
#include "base/path.h"
#include "defs/defs.h"
#include "defs/writer.h"
#include "formats/format.h"
#include "ir/place.h"
#include "match/match.h"
#include "scan/verdict.h"

enum { FILE_MAX = 256 << 20, SCRATCH = 16 << 20, NAMES_MAX = 32, STEPS = 10 << 20 };

/* One advisory's definitions as of one release, and what a test found with them. */
typedef struct bench {
    kj_defs defs;
    kj_matcher *matcher;
    kj_sightings seen; /* in all that the test presents */
    kj_sightings file; /* in one file */
    kj_arena scratch;
    kj_span names[NAMES_MAX]; /* distinct names detected */
    size_t name_count;
    kj_verdict best;
} bench;

static void take_down(bench *b)
{
    kj_matcher_free(b->matcher);
    kj_sightings_done(&b->seen);
    kj_sightings_done(&b->file);
    kj_defs_close(&b->defs);
    kj_arena_done(&b->scratch);
}

static kj_status set_up(const kj_ir *ir, uint32_t threat, uint32_t release, uint32_t engine,
                        bench *out, kj_error *err)
{
    *out = (bench){0};
    kj_buf file;
    kj_buf_init(&file, FILE_MAX);
    const kj_write_options options = {.release = release, .engine = engine, .only_threat = threat};
    kj_status status = kj_defs_write(ir, &options, &file, NULL, err);
    if (status == KJ_OK)
        status = kj_defs_open_buf(&file, engine, &out->defs, err);
    kj_buf_done(&file);
    KJ_TRY(status);
    kj_arena_init(&out->scratch, SCRATCH);
    out->matcher = kj_matcher_new(&out->defs);
    if (!out->matcher)
        return kj_no_memory(err);
    KJ_TRY(kj_sightings_init(&out->file, &out->defs, err));
    return kj_sightings_init(&out->seen, &out->defs, err);
}

/* ---- putting facts --------------------------------------------------------------------------- */

static kj_span place_of(bench *b, kj_span path)
{
    kj_span forms[KJ_PLACE_FORMS_MAX];
    return kj_place_expand(&b->scratch, path, forms) ? forms[0] : (kj_span){0};
}

static kj_file_fact fact_of(bench *b, const kj_test_file *file, bool attachment)
{
    kj_file_fact fact = {
        .name = kj_path_base(file->path),
        .size = file->has_content ? file->content.len : file->size,
        .has_bytes = file->has_content,
        .bytes = file->content,
    };
    if (!attachment)
        fact.place = place_of(b, file->path);
    if (file->type.len)
        fact.types[fact.type_count++] = file->type;
    if (!file->has_content)
        return fact;
    kj_claims claims;
    kj_identify(file->content, &claims);
    for (size_t i = 0; i < claims.count && fact.type_count < KJ_FACT_TYPES_MAX; i++)
        fact.types[fact.type_count++] = kj_span_str(claims.formats[i]->name);
    return fact;
}

/* As a scan does: what a file shows depends on no other file. Without content no rule matches. */
static kj_status put_file(bench *b, const kj_test_file *file, kj_error *err)
{
    const kj_file_fact fact = fact_of(b, file, false);
    kj_sightings_clear(&b->file);
    if (!fact.has_bytes) {
        kj_sight_file(&b->defs, &fact, &b->file);
        kj_sightings_merge(&b->seen, &b->file);
        return KJ_OK;
    }
    const kj_match_input input = {.bytes = fact.bytes, .file = fact};
    const kj_match_limits limits = {.search.hits_per_pattern = UINT16_MAX, .steps = STEPS};
    KJ_TRY(kj_matcher_run(b->matcher, &input, &limits, err));
    kj_sightings_merge(&b->seen, kj_matcher_seen(b->matcher));
    return KJ_OK;
}

static kj_status put_mail(bench *b, const kj_test_mail *mail, kj_error *err)
{
    kj_file_fact *facts = kj_new_array(&b->scratch, kj_file_fact, mail->attachment_count);
    if (!facts)
        return kj_no_memory(err);
    for (size_t i = 0; i < mail->attachment_count; i++)
        facts[i] = fact_of(b, &mail->attachments[i], true);
    const kj_mail_fact fact = {mail->subject, facts, mail->attachment_count};
    kj_sight_mail(&b->defs, &fact, &b->seen);
    return KJ_OK;
}

static kj_status put_test(bench *b, const kj_test *test, kj_error *err)
{
    kj_sightings_clear(&b->seen);
    if (test->kind == KJ_TEST_MAIL)
        return put_mail(b, &test->mail, err);
    for (size_t i = 0; i < test->file_count; i++)
        KJ_TRY(put_file(b, &test->files[i], err));
    for (size_t i = 0; i < test->registry_count; i++) {
        const kj_test_entry *entry = &test->registry[i];
        const kj_entry_fact fact = {entry->place, entry->section, entry->name, entry->data};
        kj_sight_registry(&b->defs, &fact, &b->seen);
    }
    for (size_t i = 0; i < test->ini_count; i++) {
        const kj_test_entry *entry = &test->ini[i];
        const kj_entry_fact fact = {place_of(b, entry->place), entry->section, entry->name,
                                    entry->data};
        kj_sight_ini(&b->defs, &fact, &b->seen);
    }
    return KJ_OK;
}

/* ---- judging --------------------------------------------------------------------------------- */

static void take_detect(void *user, uint32_t index)
{
    bench *b = user;
    const kj_disk_detect *detect = kj_defs_detect(&b->defs, index);
    const kj_verdict verdict = {(kj_class)detect->class_, kj_defs_name(&b->defs, &detect->name)};
    if (b->name_count == 0 || kj_verdict_beats(&verdict, &b->best))
        b->best = verdict;
    for (size_t i = 0; i < b->name_count; i++)
        if (kj_span_equal(b->names[i], verdict.name))
            return;
    if (b->name_count < NAMES_MAX)
        b->names[b->name_count++] = verdict.name;
}

static bool among(kj_span name, const kj_span *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (kj_span_equal(names[i], name))
            return true;
    return false;
}

static bool as_expected(const bench *b, const kj_expect *expect)
{
    if (expect->names.count == 0)
        return b->name_count == 0;
    if (!expect->all)
        return b->name_count && kj_span_equal(b->best.name, expect->names.items[0]);
    if (expect->names.count != b->name_count)
        return false;
    for (size_t i = 0; i < expect->names.count; i++)
        if (!among(expect->names.items[i], b->names, b->name_count))
            return false;
    return true;
}

static const char *list(kj_arena *arena, const kj_span *names, size_t count)
{
    const char *text = count ? "" : "none";
    for (size_t i = 0; i < count && text; i++)
        text = kj_arena_printf(arena, "%s%s%.*s", text, i ? ", " : "", (int)names[i].len,
                               (const char *)names[i].data);
    return text ? text : "?";
}

static void complain(kj_ir *ir, const bench *b, const kj_test *test, const kj_expect *expect)
{
    const char *wanted = list(&ir->arena, expect->names.items, expect->names.count);
    const char *found = list(&ir->arena, b->names, b->name_count);
    kj_diag_add(&ir->diags, KJ_ERROR, test->source, test->offset, 1, NULL,
                "test fails: release %u should detect %s, but detects %s", expect->release, wanted,
                found);
}

static kj_status run_expect(kj_ir *ir, bench *b, const kj_test *test, const kj_expect *expect,
                            kj_selftest_report *report, kj_error *err)
{
    b->name_count = 0;
    kj_arena_reset(&b->scratch);
    KJ_TRY(put_test(b, test, err));
    KJ_TRY(kj_sightings_detects(&b->seen, &b->defs, take_detect, b, err));
    report->checks++;
    if (!as_expected(b, expect)) {
        report->failed++;
        complain(ir, b, test, expect);
    }
    return KJ_OK;
}

/* All tests of one advisory at one release. */
static kj_status run_release(kj_ir *ir, uint32_t threat, uint32_t release, uint32_t engine,
                             kj_selftest_report *report, kj_error *err)
{
    bench b;
    kj_status status = set_up(ir, threat, release, engine, &b, err);
    for (size_t i = 0; i < ir->tests.count && status == KJ_OK; i++) {
        const kj_test *test = &ir->tests.items[i];
        for (size_t k = 0; test->threat == threat && k < test->expect_count; k++)
            if (test->expects[k].release == release && status == KJ_OK)
                status = run_expect(ir, &b, test, &test->expects[k], report, err);
    }
    take_down(&b);
    return status;
}

static int compare_releases(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static kj_status run_threat(kj_ir *ir, uint32_t threat, uint32_t engine, kj_selftest_report *report,
                            kj_error *err)
{
    KJ_VEC(uint32_t) releases = {0};
    bool ok = true;
    for (size_t i = 0; i < ir->tests.count; i++) {
        const kj_test *test = &ir->tests.items[i];
        if (test->threat != threat)
            continue;
        report->tests++;
        for (size_t k = 0; k < test->expect_count; k++)
            ok = kj_vec_add(&releases, test->expects[k].release) && ok;
    }
    kj_status status = ok ? KJ_OK : kj_no_memory(err);
    if (releases.count)
        qsort(releases.items, releases.count, sizeof *releases.items, compare_releases);
    for (size_t i = 0; i < releases.count && status == KJ_OK; i++)
        if (i == 0 || releases.items[i] != releases.items[i - 1])
            status = run_release(ir, threat, releases.items[i], engine, report, err);
    kj_vec_done(&releases);
    return status;
}

kj_status kj_selftest_run(kj_ir *ir, uint32_t engine, kj_selftest_report *out, kj_error *err)
{
    kj_selftest_report report = {0};
    for (size_t i = 0; i < ir->threats.count; i++)
        KJ_TRY(run_threat(ir, (uint32_t)i, engine, &report, err));
    *out = report;
    return KJ_OK;
}
