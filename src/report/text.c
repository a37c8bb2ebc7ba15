/* SPDX-License-Identifier: Apache-2.0 */
/* Results as lines for people and for grep. `FOUND` and the shape of its line are never translated.
 */
#include "base/text.h"
#include "base/arith.h"
#include "defs/hash_sets.h"
#include "formats/views.h"
#include "report/i18n.h"
#include "report/report.h"
#include "scan/verdict.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    LINE_MAX_LEN = 64 << 10,
    PATH_SHOWN = 8 << 10, /* longer ones cannot be opened, but were named */
    FILE_LINES_MAX = 100, /* of a kind about one file; a line more tells of the others */
    TEXT_SHOWN = 120,     /* bytes of a rule's string shown as evidence */
};

#define RED    "\033[1;31m"
#define GREEN  "\033[32m"
#define YELLOW "\033[33m"
#define DIM    "\033[2m"
#define PLAIN  "\033[0m"

/* What stands behind the name, by class. */
static const struct {
    const char *word;
    const char *color;
    const char *title;
} classes[KJ_CLASS_COUNT] = {
    [KJ_CLASS_NONE] = {"", "", ""},
    [KJ_CLASS_HEURISTIC] = {"FOUND", RED, N_("heuristic")},
    [KJ_CLASS_FAMILY] = {"FOUND", RED, N_("family")},
    [KJ_CLASS_EXACT] = {"FOUND", RED, N_("exact")},
    [KJ_CLASS_TRUSTED] = {"TRUSTED", GREEN, N_("known good")},
};

/* Writes the line that `line` holds, and releases it. */
static void flush_line(kj_report *report, FILE *file, kj_buf *line)
{
    kj_progress_erase(report->progress);
    kj_buf_put_byte(line, '\n');
    (void)fwrite(line->data, 1, line->len, file);
    (void)fflush(file);
    kj_buf_done(line);
}

/* A sentence of the engine in the user's language. (The catalogue keeps its own header under "".)
 */
static const char *translate(const char *sentence)
{
    return *sentence ? gettext(sentence) : "";
}

/* PATH!MEMBER. The `!` is unambiguous: in names it is written \x21. */
static void put_place(kj_buf *out, kj_span path, kj_span member)
{
    kj_escape(kj_span_sub(path, 0, PATH_SHOWN), KJ_ESCAPE_PATH, out);
    if (member.len == 0)
        return;
    kj_buf_put_byte(out, '!');
    kj_buf_put(out, member);
}

/* ---- evidence ------------------------------------------------------------------------------- */

/* The matched bytes, in hex and as characters. */
static void put_excerpt(kj_buf *out, const kj_finding_evidence *e)
{
    for (size_t i = 0; i < e->excerpt_len; i++)
        kj_buf_printf(out, " %02x", e->excerpt[i]);
    kj_buf_put_text(out, e->excerpt_len < e->len ? " ... |" : " |");
    for (size_t i = 0; i < e->excerpt_len; i++)
        kj_buf_put_byte(out, kj_report_printable(e->excerpt[i]));
    kj_buf_put_byte(out, '|');
}

static void put_shown_text(kj_buf *out, kj_span text)
{
    kj_escape(kj_span_sub(text, 0, TEXT_SHOWN), NULL, out);
    if (text.len > TEXT_SHOWN)
        kj_buf_put_text(out, "...");
}

static void put_artifact(kj_buf *out, const kj_finding_evidence *e)
{
    kj_buf_put_text(out, _("artifact "));
    kj_escape(e->item, NULL, out);
    kj_buf_put_text(out, ": ");
    put_shown_text(out, e->text);
}

static void put_rule(kj_buf *out, const kj_finding_evidence *e)
{
    kj_buf_put_text(out, _("rule "));
    kj_escape(e->rule, NULL, out);
}

static void put_pattern(kj_buf *out, const kj_finding_evidence *e)
{
    put_rule(out, e);
    kj_buf_put_text(out, ": ");
    kj_escape(e->item, NULL, out);
    kj_buf_put_text(out, " = ");
    put_shown_text(out, e->text);
    kj_buf_printf(out, _(", at offset %llu, %llu bytes:"), (unsigned long long)e->offset,
                  (unsigned long long)e->len);
    put_excerpt(out, e);
}

/* What of an object is digested, for people. */
static const struct {
    const char *of;
    const char *title;
} digested[] = {
    {"object", N_("the object")},
    {"section", N_("a section of it")},
    {"imports", N_("the list of its imports")},
    {"authenticode", N_("what its signature covers")},
};

static void put_digest(kj_buf *out, const kj_finding_evidence *e)
{
    const char *title = "";
    for (size_t i = 0; i < KJ_COUNT(digested); i++)
        if (kj_span_is(e->text, digested[i].of))
            title = digested[i].title;
    char name[16];
    (void)snprintf(name, sizeof name, "%.*s", (int)e->item.len, (const char *)e->item.data);
    kj_buf_printf(out, _("%s of %s"), name, *title ? _(title) : "");
    if (kj_span_is(e->text, "section"))
        kj_buf_printf(out, _(", at offset %llu, %llu bytes:"), (unsigned long long)e->offset,
                      (unsigned long long)e->len);
    else
        kj_buf_put_byte(out, ':');
    char hex[2 * KJ_EXCERPT_MAX + 1];
    kj_hex_encode(kj_span_of(e->excerpt, e->excerpt_len), hex);
    kj_buf_printf(out, " %s", hex);
}

static void (*const evidence_printers[])(kj_buf *, const kj_finding_evidence *) = {
    [KJ_EVIDENCE_ARTIFACT] = put_artifact,
    [KJ_EVIDENCE_RULE] = put_rule,
    [KJ_EVIDENCE_PATTERN] = put_pattern,
    [KJ_EVIDENCE_DIGEST] = put_digest,
};

static void put_origin(kj_report *report, const kj_run_object *object, const kj_finding *f,
                       kj_buf *out)
{
    kj_buf_printf(out, "\n    %s", _(classes[f->klass].title));
    if (f->source.len) {
        kj_buf_put_text(out, _(", from "));
        kj_escape(f->source, NULL, out);
    }
    if (f->detect_id.len) {
        kj_buf_put_text(out, _(", detection "));
        kj_escape(f->detect_id, NULL, out);
    }
    if (f->since)
        kj_buf_printf(out, _(", since release %u"), f->since);
    uint32_t release = kj_report_release(report, f);
    if (release)
        kj_buf_printf(out, _(" (definitions %u)"), release);
    if (f->view)
        kj_buf_printf(out, _(", in %s"), _(kj_view_title((kj_view)f->view)));
    if (object->by_volume)
        kj_buf_put_text(out, _(", known by what else is on this volume"));
}

/* ---- lines ---------------------------------------------------------------------------------- */

static void print_object(kj_report *report, const kj_run_object *object)
{
    for (size_t i = 0; i < object->count; i++) {
        const kj_finding *f = &object->findings[i];
        if (!kj_report_shows(report, object, i))
            continue;
        kj_buf line;
        kj_buf_init(&line, LINE_MAX_LEN);
        put_place(&line, object->path, f->member);
        kj_buf_put_text(&line, ": ");
        kj_buf_put_text(&line, report->color ? classes[f->klass].color : "");
        kj_escape(f->name, NULL, &line);
        kj_buf_printf(&line, " %s%s", classes[f->klass].word, report->color ? PLAIN : "");
        if (report->explain)
            put_origin(report, object, f, &line);
        for (size_t e = 0; report->explain && e < f->evidence_count; e++) {
            kj_buf_put_text(&line, "\n    ");
            evidence_printers[f->evidence[e].kind](&line, &f->evidence[e]);
        }
        flush_line(report, report->out, &line);
    }
}

/* PATH!MEMBER: ..., begun in a colour. */
static void begin_note(const kj_report *report, kj_buf *line, const char *color, kj_span path,
                       kj_span member)
{
    kj_buf_init(line, LINE_MAX_LEN);
    kj_buf_put_text(line, report->notes_color ? color : "");
    put_place(line, path, member);
    kj_buf_put_text(line, ": ");
}

static void end_note(kj_report *report, kj_buf *line)
{
    kj_buf_put_text(line, report->notes_color ? PLAIN : "");
    flush_line(report, report->notes, line);
}

/* The lines about a file that were left out; none: nothing is said. */
static void print_left_out(kj_report *report, const char *sentence)
{
    if (!report->noted_path || !*sentence)
        return;
    kj_buf line;
    begin_note(report, &line, "", kj_span_str(report->noted_path), (kj_span){0});
    kj_buf_put_text(&line, sentence);
    end_note(report, &line);
}

static size_t left_out(size_t lines)
{
    return lines > FILE_LINES_MAX ? lines - FILE_LINES_MAX : 0;
}

/* Ends the lines about a file, of which there may have been many. */
static void end_file_notes(kj_report *report)
{
    char sentence[256] = "";
    size_t more = left_out(report->unseen_in_file);
    if (more)
        (void)snprintf(sentence, sizeof sentence,
                       ngettext("not fully scanned: %zu more member, not listed here",
                                "not fully scanned: %zu more members, not listed here", more),
                       more);
    print_left_out(report, sentence);
    *sentence = '\0';
    more = left_out(report->odd_in_file);
    if (more)
        (void)snprintf(sentence, sizeof sentence,
                       ngettext("strange: %zu more member, not listed here",
                                "strange: %zu more members, not listed here", more),
                       more);
    print_left_out(report, sentence);
    kj_report_done(report);
}

/* Notes about another file follow than those before. */
static void begin_file_notes(kj_report *report, kj_span path)
{
    if (report->noted_path && kj_span_is(path, report->noted_path))
        return;
    end_file_notes(report);
    report->noted_path = strndup((const char *)path.data, path.len);
}

static void print_unseen(kj_report *report, kj_span path, kj_span member, kj_status why,
                         const char *sentence)
{
    (void)why;
    begin_file_notes(report, path);
    if (++report->unseen_in_file > FILE_LINES_MAX)
        return;
    kj_buf line;
    begin_note(report, &line, YELLOW, path, member);
    kj_buf_printf(&line, _("not fully scanned: %s"), translate(sentence));
    end_note(report, &line);
}

/* PATH!MEMBER: strange: NAME (SENTENCE), NAME (SENTENCE) */
static void print_odd(kj_report *report, kj_span path, kj_span member, kj_oddities odd)
{
    if (report->quiet)
        return;
    begin_file_notes(report, path);
    if (++report->odd_in_file > FILE_LINES_MAX)
        return;
    kj_buf line;
    begin_note(report, &line, DIM, path, member);
    kj_buf_put_text(&line, _("strange: "));
    const char *between = "";
    for (size_t i = 0; i < KJ_HEURISTIC_COUNT; i++) {
        if (!(odd & KJ_ODD(i)))
            continue;
        kj_buf_printf(&line, "%s%s (%s)", between, kj_heuristics[i].name,
                      translate(kj_heuristics[i].sentence));
        between = ", ";
    }
    end_note(report, &line);
}

static void print_console(kj_report *report, kj_span path, kj_span member, kj_span text)
{
    if (report->quiet)
        return;
    kj_buf line;
    begin_note(report, &line, "", path, member);
    kj_buf_put_text(&line, "console: ");
    kj_buf_put(&line, text);
    flush_line(report, report->notes, &line);
}

/* kujo: PATH: SENTENCE */
static void print_note(kj_report *report, kj_span path, const char *color, const char *sentence)
{
    end_file_notes(report);
    kj_buf line;
    kj_buf_init(&line, LINE_MAX_LEN);
    kj_buf_put_text(&line, report->notes_color ? color : "");
    kj_buf_put_text(&line, "kujo: ");
    put_place(&line, path, (kj_span){0});
    kj_buf_put_text(&line, ": ");
    kj_buf_put_text(&line, sentence);
    kj_buf_put_text(&line, report->notes_color ? PLAIN : "");
    flush_line(report, report->notes, &line);
}

static void print_error(kj_report *report, kj_span path, const kj_error *err)
{
    print_note(report, path, RED,
               *err->message ? translate(err->message) : kj_status_name(err->status));
}

static void print_skipped(kj_report *report, kj_span path, const char *sentence)
{
    if (report->quiet)
        return;
    char text[512];
    (void)snprintf(text, sizeof text, _("skipped: %s"), translate(sentence));
    print_note(report, path, "", text);
}

/* ---- summary -------------------------------------------------------------------------------- */

static void put_own(const kj_defs *defs, kj_buf *out)
{
    uint64_t digests = kj_hash_sets_count(defs);
    if (digests)
        kj_buf_printf(out, _("%u rules and %llu digests of your own"), defs->rules.count,
                      (unsigned long long)digests);
    else
        kj_buf_printf(out, _("%u rules of your own"), defs->rules.count);
}

/* Definitions that no advisory dates have no date. */
static void put_release(const kj_defs *defs, kj_buf *out)
{
    if (defs->meta.date == 0) {
        kj_buf_printf(out, _("release %u"), defs->meta.release);
        return;
    }
    kj_buf_printf(out, _("release %u of "), defs->meta.release);
    kj_report_put_date(out, defs->meta.date);
}

static void put_definitions(const kj_report *report, kj_buf *out)
{
    kj_buf_put_text(out, _("definitions: "));
    bool any = false;
    for (size_t i = 0; i < report->set_count; i++) {
        kj_buf_put_text(out, i ? ", " : "");
        if (i == report->rules_set) {
            put_own(report->sets[i], out);
            continue;
        }
        put_release(report->sets[i], out);
        any = true;
    }
    if (!any && report->rules_set == SIZE_MAX)
        kj_buf_put_text(out, _("none"));
    kj_buf_put_byte(out, '\n');
}

static void put_count(kj_buf *out, const char *label, uint64_t count, uint64_t bytes)
{
    kj_buf_printf(out, "%s%llu, ", label, (unsigned long long)count);
    kj_report_put_size(out, bytes);
    kj_buf_put_byte(out, '\n');
}

static void put_detected(kj_buf *out, const kj_run_totals *t)
{
    kj_buf_put_text(out, _("detected: "));
    kj_buf_printf(out, ngettext("%llu object", "%llu objects", t->infected_objects),
                  (unsigned long long)t->infected_objects);
    kj_buf_put_byte(out, ' ');
    kj_buf_printf(out, ngettext("in %llu file", "in %llu files", t->infected_files),
                  (unsigned long long)t->infected_files);
    kj_buf_put_byte(out, '\n');
}

/* Only where there is something to tell: few objects can be read in several ways. */
static void put_odd(kj_buf *out, const kj_run_totals *t)
{
    if (t->odd_objects == 0)
        return;
    kj_buf_put_text(out, _("strange: "));
    kj_buf_printf(out, ngettext("%llu object", "%llu objects", t->odd_objects),
                  (unsigned long long)t->odd_objects);
    kj_buf_put_byte(out, '\n');
}

static void put_time(kj_buf *out, const kj_report_summary *summary)
{
    uint64_t ms = summary->elapsed_ms;
    kj_buf_printf(out, "%s%llu.%02u s", _("time: "), (unsigned long long)(ms / 1000),
                  (unsigned)(ms % 1000 / 10));
    if (ms > 0) {
        kj_buf_put_text(out, ", ");
        kj_report_put_size(out,
                           (uint64_t)((double)summary->totals->file_bytes * 1000 / (double)ms));
        kj_buf_put_text(out, "/s");
    }
}

static void print_summary(kj_report *report, const kj_report_summary *summary)
{
    end_file_notes(report);
    if (report->quiet)
        return;
    const kj_run_totals *t = summary->totals;
    kj_buf out;
    kj_buf_init(&out, LINE_MAX_LEN);
    kj_buf_printf(&out, "\n----- %s -----\n",
                  summary->stopped ? _("scan stopped before its end") : _("scan summary"));
    put_count(&out, _("files: "), t->files, t->file_bytes);
    put_count(&out, _("objects in them: "), t->objects, t->object_bytes);
    put_detected(&out, t);
    put_odd(&out, t);
    kj_buf_printf(&out, _("not fully scanned: %llu, errors: %llu, skipped: %llu\n"),
                  (unsigned long long)t->unseen, (unsigned long long)t->errors,
                  (unsigned long long)t->skipped);
    put_definitions(report, &out);
    put_time(&out, summary);
    flush_line(report, report->out, &out);
}

const kj_report_form kj_report_text = {
    .name = "text",
    .object = print_object,
    .unseen = print_unseen,
    .console = print_console,
    .odd = print_odd,
    .error = print_error,
    .skipped = print_skipped,
    .summary = print_summary,
};
