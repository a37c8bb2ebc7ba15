/* SPDX-License-Identifier: Apache-2.0 */
/* Lines for people and lines for programs, from the same made-up results. */
#include "report/report.h"

#include "base/arith.h"
#include "tests/scan/tiny_defs.h"
#include "tests/test.h"

#include <jansson.h>

static tiny_defs tiny;
static const kj_defs *const set_items[] = {&tiny.defs};

static int set_up(void **state)
{
    (void)state;
    tiny_init(&tiny);
    tiny.defs.meta.release = 8000;
    tiny.defs.meta.date = 1795478400; /* 2026-11-24 */
    return 0;
}

typedef struct page {
    kj_report report;
    char *out;
    size_t out_len;
    char *notes;
    size_t notes_len;
} page;

static void open_page(page *p, const kj_report_form *form)
{
    *p = (page){.report = {.form = form, .sets = set_items, .set_count = 1, .rules_set = SIZE_MAX}};
    p->report.out = open_memstream(&p->out, &p->out_len);
    p->report.notes = open_memstream(&p->notes, &p->notes_len);
    assert_non_null(p->report.out);
    assert_non_null(p->report.notes);
}

static void close_page(page *p)
{
    kj_report_done(&p->report);
    (void)fclose(p->report.out);
    (void)fclose(p->report.notes);
    free(p->out);
    free(p->notes);
}

static const kj_finding_evidence evidence[] = {
    {.kind = KJ_EVIDENCE_PATTERN,
     .rule = {(const uint8_t *)"r", 1},
     .item = {(const uint8_t *)"$a", 2},
     .text = {(const uint8_t *)"\"MZ\\n\"", 6},
     .offset = 16,
     .len = 40,
     .excerpt = "MZ\n",
     .excerpt_len = 3},
    {.kind = KJ_EVIDENCE_ARTIFACT,
     .item = {(const uint8_t *)"page", 4},
     .text = {(const uint8_t *)"C:\\P.HTA", 8}},
};

static void show_objects(page *p)
{
    kj_finding findings[] = {
        {.name = kj_span_str("W32/Tiny.gen@MM"), .klass = KJ_CLASS_FAMILY, .type = "pe"},
        {.name = kj_span_str("W32/Tiny.a@MM"),
         .klass = KJ_CLASS_EXACT,
         .detect_id = kj_span_str("page"),
         .source = kj_span_str("2004-0001"),
         .since = 4318,
         .type = "pe",
         .size = 7,
         .evidence = evidence,
         .evidence_count = KJ_COUNT(evidence)},
    };
    for (size_t i = 0; i < 2; i++)
        findings[i].member = kj_span_str("x\\x21y!z");
    kj_run_object object = {
        .path = kj_span_str("a!b\n"), .findings = findings, .count = 2, .best = 1};
    p->report.form->object(&p->report, &object);
    findings[1].klass = KJ_CLASS_TRUSTED;
    p->report.form->object(&p->report, &object);
}

static void text_has_a_line_an_object(void **state)
{
    (void)state;
    page p;
    open_page(&p, &kj_report_text);
    show_objects(&p);
    assert_string_equal(p.out, "a\\x21b\\n!x\\x21y!z: W32/Tiny.a@MM FOUND\n");
    close_page(&p);
    open_page(&p, &kj_report_text);
    p.report.all = true;
    show_objects(&p);
    assert_string_equal(p.out, "a\\x21b\\n!x\\x21y!z: W32/Tiny.gen@MM FOUND\n"
                               "a\\x21b\\n!x\\x21y!z: W32/Tiny.a@MM FOUND\n"
                               "a\\x21b\\n!x\\x21y!z: W32/Tiny.gen@MM FOUND\n"
                               "a\\x21b\\n!x\\x21y!z: W32/Tiny.a@MM TRUSTED\n");
    close_page(&p);
}

static void text_explains(void **state)
{
    (void)state;
    page p;
    open_page(&p, &kj_report_text);
    p.report.explain = true;
    show_objects(&p);
    assert_non_null(strstr(p.out, "    exact, from 2004-0001, detection page, since release 4318 "
                                  "(definitions 8000)\n"));
    assert_non_null(strstr(p.out, "    rule r: $a = \"MZ\\n\", at offset 16, 40 bytes: 4d 5a 0a "
                                  "... |MZ.|\n"));
    assert_non_null(strstr(p.out, "    artifact page: C:\\P.HTA\n"));
    close_page(&p);
}

static void notes_go_elsewhere(void **state)
{
    (void)state;
    page p;
    open_page(&p, &kj_report_text);
    const kj_report_form *form = p.report.form;
    kj_error err = {.status = KJ_IO, .message = "Permission denied"};
    form->error(&p.report, kj_span_str("x"), &err);
    form->skipped(&p.report, kj_span_str("s"), "a socket, not scanned");
    form->unseen(&p.report, kj_span_str("z.zip"), kj_span_str("m"), KJ_UNSUPPORTED, "encrypted");
    for (int i = 0; i < 150; i++)
        form->unseen(&p.report, kj_span_str("bomb"), kj_span_str("m"), KJ_LIMIT, "too deep");
    kj_run_totals totals = {.files = 3};
    kj_report_summary summary = {&totals, 10, false};
    form->summary(&p.report, &summary);
    assert_non_null(strstr(p.notes, "kujo: x: Permission denied\n"));
    assert_non_null(strstr(p.notes, "kujo: s: skipped: a socket, not scanned\n"));
    assert_non_null(strstr(p.notes, "z.zip!m: not fully scanned: encrypted\n"));
    assert_non_null(strstr(p.notes, "bomb: not fully scanned: 50 more members"));
    assert_non_null(strstr(p.out, "files: 3"));
    assert_non_null(strstr(p.out, "release 8000 of 2026-11-24"));
    close_page(&p);
}

static void show_odd(page *p)
{
    const kj_oddities odd = KJ_ODD(KJ_ODD_DUPLICATE_ENCODING) | KJ_ODD(KJ_ODD_NO_BOUNDARY);
    p->report.form->odd(&p->report, kj_span_str("a!b"),
                        kj_span_str("message 3, <id@example.org>, Mon, 2 Feb 2004 10:00:00 +0000"),
                        odd);
}

static void text_names_what_is_strange(void **state)
{
    (void)state;
    page p;
    open_page(&p, &kj_report_text);
    show_odd(&p);
    assert_string_equal(
        p.notes, "a\\x21b!message 3, <id@example.org>, Mon, 2 Feb 2004 10:00:00 +0000: strange: "
                 "Heuristics.Mail.DuplicateTransferEncoding (several transfer encodings for one "
                 "part), Heuristics.Mail.NoBoundary (a multipart message without a boundary)\n");
    assert_int_equal(p.out_len, 0);
    close_page(&p);
    open_page(&p, &kj_report_text);
    p.report.notes_color = true;
    show_odd(&p);
    assert_int_equal(strncmp(p.notes, "\033[2ma\\x21b!", 10), 0);
    assert_non_null(strstr(p.notes, ")\033[0m\n"));
    close_page(&p);
    for (size_t i = 0; i < 2; i++) {
        open_page(&p, i ? &kj_report_text : &kj_report_json);
        p.report.quiet = true;
        show_odd(&p);
        assert_int_equal(p.out_len + p.notes_len, 0);
        close_page(&p);
    }
}

/* Each kind of note about a file has its own hundred lines, and its own last word. */
static void strange_members_do_not_flood(void **state)
{
    (void)state;
    page p;
    open_page(&p, &kj_report_text);
    const kj_report_form *form = p.report.form;
    for (int i = 0; i < 150; i++)
        form->odd(&p.report, kj_span_str("mbox"), kj_span_str("m"), KJ_ODD(0));
    for (int i = 0; i < 101; i++)
        form->unseen(&p.report, kj_span_str("mbox"), kj_span_str("m"), KJ_LIMIT, "too deep");
    form->odd(&p.report, kj_span_str("next"), (kj_span){0}, KJ_ODD(0));
    size_t lines = 0;
    for (const char *at = p.notes; (at = strchr(at, '\n')); at++)
        lines++;
    assert_int_equal(lines, 100 + 100 + 2 + 1);
    assert_non_null(strstr(p.notes, "mbox: strange: 50 more members, not listed here\n"));
    assert_non_null(strstr(p.notes, "mbox: not fully scanned: 1 more member, not listed here\n"));
    kj_run_totals totals = {.odd_objects = 151};
    kj_report_summary summary = {&totals, 10, false};
    form->summary(&p.report, &summary);
    assert_non_null(strstr(p.out, "strange: 151 objects\n"));
    totals.odd_objects = 0;
    size_t before = p.out_len;
    form->summary(&p.report, &summary);
    assert_null(strstr(p.out + before, "strange"));
    close_page(&p);
}

static json_t *line_of(page *p, size_t index)
{
    char *line = p->out;
    for (size_t i = 0; i < index; i++)
        line = strchr(line, '\n') + 1;
    json_t *object = json_loadb(line, (size_t)(strchr(line, '\n') - line), 0, NULL);
    assert_non_null(object);
    assert_int_equal(json_integer_value(json_object_get(object, "kujo")), 1);
    return object;
}

static void json_has_all_of_it(void **state)
{
    (void)state;
    page p;
    open_page(&p, &kj_report_json);
    p.report.explain = true;
    show_objects(&p);
    json_t *line = line_of(&p, 0);
    assert_string_equal(json_string_value(json_object_get(line, "type")), "detection");
    assert_string_equal(json_string_value(json_object_get(line, "path")), "a!b\n");
    assert_string_equal(json_string_value(json_object_get(line, "member")), "x\\x21y!z");
    assert_string_equal(json_string_value(json_object_get(line, "class")), "exact");
    assert_int_equal(json_integer_value(json_object_get(line, "definitions")), 8000);
    json_t *first = json_array_get(json_object_get(line, "evidence"), 0);
    assert_string_equal(json_string_value(json_object_get(first, "hex")), "4d5a0a");
    assert_int_equal(json_integer_value(json_object_get(first, "offset")), 16);
    json_decref(line);
    close_page(&p);
}

static void json_lists_heuristics(void **state)
{
    (void)state;
    page p;
    open_page(&p, &kj_report_json);
    show_odd(&p);
    kj_run_totals totals = {.odd_objects = 2};
    kj_report_summary summary = {&totals, 10, false};
    p.report.form->summary(&p.report, &summary);
    json_t *line = line_of(&p, 0);
    assert_string_equal(json_string_value(json_object_get(line, "type")), "heuristics");
    assert_string_equal(json_string_value(json_object_get(line, "path")), "a!b");
    assert_string_equal(json_string_value(json_object_get(line, "member")),
                        "message 3, <id@example.org>, Mon, 2 Feb 2004 10:00:00 +0000");
    const json_t *names = json_object_get(line, "heuristics");
    assert_int_equal(json_array_size(names), 2);
    assert_string_equal(json_string_value(json_array_get(names, 0)),
                        "Heuristics.Mail.DuplicateTransferEncoding");
    json_decref(line);
    line = line_of(&p, 1);
    assert_int_equal(json_integer_value(json_object_get(line, "heuristics")), 2);
    json_decref(line);
    close_page(&p);
}

static void a_heuristic_has_no_definitions(void **state)
{
    (void)state;
    page p;
    open_page(&p, &kj_report_json);
    const kj_finding finding = {.name = kj_span_str("Heuristics.Mail.NoBoundary"),
                                .klass = KJ_CLASS_HEURISTIC,
                                .set = KJ_NONE,
                                .detect = KJ_NONE,
                                .source = kj_span_str("heuristics"),
                                .size = KJ_SIZE_UNKNOWN};
    const kj_run_object object = {.path = kj_span_str("a"), .findings = &finding, .count = 1};
    p.report.form->object(&p.report, &object);
    json_t *line = line_of(&p, 0);
    assert_string_equal(json_string_value(json_object_get(line, "class")), "heuristic");
    assert_string_equal(json_string_value(json_object_get(line, "source")), "heuristics");
    assert_null(json_object_get(line, "definitions"));
    assert_null(json_object_get(line, "size"));
    assert_null(json_object_get(line, "format"));
    json_decref(line);
    close_page(&p);
    open_page(&p, &kj_report_text);
    p.report.explain = true;
    p.report.form->object(&p.report, &object);
    assert_string_equal(p.out,
                        "a: Heuristics.Mail.NoBoundary FOUND\n    heuristic, from heuristics\n");
    close_page(&p);
}

static void json_keeps_paths_that_are_no_utf8(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        const char *encoded;
    } cases[] = {
        {"\xff", "/w=="},
        {"a\xff", "Yf8="},
        {"ab\xff", "YWL/"},
        {"abc\xff", "YWJj/w=="},
    };
    for (size_t i = 0; i < KJ_COUNT(cases); i++) {
        page p;
        open_page(&p, &kj_report_json);
        kj_error err = {.status = KJ_IO, .message = "no"};
        p.report.form->error(&p.report, kj_span_str(cases[i].path), &err);
        json_t *line = line_of(&p, 0);
        assert_string_equal(json_string_value(json_object_get(line, "path_b64")), cases[i].encoded);
        assert_non_null(json_string_value(json_object_get(line, "path")));
        json_decref(line);
        close_page(&p);
    }
}

static void sizes_and_days(void **state)
{
    (void)state;
    static const struct {
        uint64_t bytes;
        const char *text;
    } cases[] = {
        {0, "0 B"},
        {1023, "1023 B"},
        {1024, "1.0 KiB"},
        {1536, "1.5 KiB"},
        {150 << 10, "150 KiB"},
        {UINT64_C(5) << 40, "5.0 TiB"},
        {UINT64_MAX, "15.9 EiB"},
    };
    for (size_t i = 0; i < KJ_COUNT(cases); i++) {
        kj_buf out;
        kj_buf_init(&out, 64);
        kj_report_put_size(&out, cases[i].bytes);
        assert_string_equal(kj_buf_text(&out), cases[i].text);
        kj_buf_done(&out);
    }
}

static void the_bar_fits(void **state)
{
    (void)state;
    static const struct {
        kj_run_progress state;
        uint64_t elapsed_ms;
        unsigned columns;
        const char *line;
    } cases[] = {
        {{.files = 5, .file_bytes = 2048}, 1000, 79, "5 files, 2.0 KiB, 2.0 KiB/s"},
        {{.files = 5, .file_bytes = 2048}, 1000, 7, "5 files"},
        {{.files = 50, .total_files = 100, .total_known = true},
         60000,
         79,
         "[##########..........]  50%  50 of 100 files, 0 B, 0 B/s  1:00 left"},
        {{.files = 100, .total_files = 0, .total_known = true},
         0,
         79,
         "[....................]   0%  100 of 0 files, 0 B"},
        {{.files = 1, .total_files = 1000, .total_known = true},
         10000,
         200,
         "[....................]   0%  1 of 1000 files, 0 B, 0 B/s  2:46:30 left"},
    };
    for (size_t i = 0; i < KJ_COUNT(cases); i++) {
        kj_buf out;
        kj_buf_init(&out, 1024);
        kj_progress_line(&cases[i].state, cases[i].elapsed_ms, cases[i].columns, &out);
        assert_string_equal(kj_buf_text(&out), cases[i].line);
        kj_buf_done(&out);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_has_a_line_an_object),
        cmocka_unit_test(text_explains),
        cmocka_unit_test(notes_go_elsewhere),
        cmocka_unit_test(text_names_what_is_strange),
        cmocka_unit_test(strange_members_do_not_flood),
        cmocka_unit_test(json_has_all_of_it),
        cmocka_unit_test(json_lists_heuristics),
        cmocka_unit_test(a_heuristic_has_no_definitions),
        cmocka_unit_test(json_keeps_paths_that_are_no_utf8),
        cmocka_unit_test(sizes_and_days),
        cmocka_unit_test(the_bar_fits),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
