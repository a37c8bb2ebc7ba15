/* SPDX-License-Identifier: Apache-2.0 */
/* Results as JSON Lines: one object a line, all of them on standard output. docs/json.md is the
 * reference; SCHEMA rises when something in it changes its meaning. */
#include "base/text.h"
#include "formats/views.h"
#include "report/report.h"

#include <jansson.h>
#include <stdlib.h>

enum { SCHEMA = 1, TEXT_MAX_LEN = 256 << 10 };

static json_t *begin(const char *type)
{
    json_t *line = json_object();
    (void)json_object_set_new(line, "kujo", json_integer(SCHEMA));
    (void)json_object_set_new(line, "type", json_string(type));
    return line;
}

/* Writes the line and releases it. */
static void end(kj_report *report, json_t *line)
{
    char *text = json_dumps(line, JSON_COMPACT | JSON_ENSURE_ASCII);
    json_decref(line);
    if (!text)
        return;
    kj_progress_erase(report->progress);
    (void)fprintf(report->out, "%s\n", text);
    (void)fflush(report->out);
    free(text);
}

static void set_integer(json_t *line, const char *key, uint64_t value)
{
    json_int_t fits = value > INT64_MAX ? INT64_MAX : (json_int_t)value;
    (void)json_object_set_new(line, key, json_integer(fits));
}

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void put_base64(kj_buf *out, kj_span bytes)
{
    for (size_t i = 0; i < bytes.len; i += 3) {
        kj_span three = kj_span_sub(bytes, i, 3);
        uint32_t bits = 0;
        for (size_t k = 0; k < 3; k++)
            bits = bits << 8 | (k < three.len ? three.data[k] : 0);
        for (size_t k = 0; k < 4; k++)
            kj_buf_put_byte(out, k <= three.len ? (uint8_t)base64_digits[bits >> (18 - 6 * k) & 63]
                                                : (uint8_t)'=');
    }
}

/* A text that is UTF-8 as it is; one that is not, escaped. */
static void set_text(json_t *line, const char *key, kj_span text)
{
    if (kj_utf8_valid(text)) {
        (void)json_object_set_new(line, key,
                                  json_stringn(text.len ? (const char *)text.data : "", text.len));
        return;
    }
    kj_buf escaped;
    kj_buf_init(&escaped, TEXT_MAX_LEN);
    kj_escape(text, NULL, &escaped);
    (void)json_object_set_new(line, key, json_string(kj_buf_text(&escaped)));
    kj_buf_done(&escaped);
}

/* The path, and its very bytes where JSON cannot hold them. */
static void set_path(json_t *line, kj_span path)
{
    set_text(line, "path", path);
    if (kj_utf8_valid(path))
        return;
    kj_buf encoded;
    kj_buf_init(&encoded, TEXT_MAX_LEN);
    put_base64(&encoded, path);
    (void)json_object_set_new(line, "path_b64", json_string(kj_buf_text(&encoded)));
    kj_buf_done(&encoded);
}

static void set_place(json_t *line, kj_span path, kj_span member)
{
    set_path(line, path);
    if (member.len)
        set_text(line, "member", member);
}

static void set_hex(json_t *object, const kj_finding_evidence *e)
{
    char hex[2 * KJ_EXCERPT_MAX + 1];
    char text[KJ_EXCERPT_MAX + 1];
    kj_hex_encode(kj_span_of(e->excerpt, e->excerpt_len), hex);
    for (size_t i = 0; i < e->excerpt_len; i++)
        text[i] = (char)kj_report_printable(e->excerpt[i]);
    text[e->excerpt_len] = '\0';
    (void)json_object_set_new(object, "hex", json_string(hex));
    (void)json_object_set_new(object, "text", json_string(text));
}

static const char *const evidence_kinds[] = {
    [KJ_EVIDENCE_ARTIFACT] = "artifact",
    [KJ_EVIDENCE_RULE] = "rule",
    [KJ_EVIDENCE_PATTERN] = "string",
    [KJ_EVIDENCE_DIGEST] = "digest",
};

/* What `item` and `text` are called. */
static const char *const item_keys[] = {
    [KJ_EVIDENCE_ARTIFACT] = "artifact",
    [KJ_EVIDENCE_RULE] = "string",
    [KJ_EVIDENCE_PATTERN] = "string",
    [KJ_EVIDENCE_DIGEST] = "digest",
};

static void set_digest(json_t *object, const kj_finding_evidence *e)
{
    char hex[2 * KJ_EXCERPT_MAX + 1];
    kj_hex_encode(kj_span_of(e->excerpt, e->excerpt_len), hex);
    set_text(object, "of", e->text);
    set_integer(object, "offset", e->offset);
    set_integer(object, "length", e->len);
    (void)json_object_set_new(object, "hex", json_string(hex));
}

static json_t *evidence_json(const kj_finding_evidence *e)
{
    json_t *object = json_object();
    (void)json_object_set_new(object, "kind", json_string(evidence_kinds[e->kind]));
    if (e->rule.len)
        set_text(object, "rule", e->rule);
    if (e->item.len)
        set_text(object, item_keys[e->kind], e->item);
    if (e->kind == KJ_EVIDENCE_DIGEST)
        set_digest(object, e);
    else if (e->text.len)
        set_text(object, "written", e->text);
    if (e->kind == KJ_EVIDENCE_PATTERN) {
        set_integer(object, "offset", e->offset);
        set_integer(object, "length", e->len);
        set_hex(object, e);
    }
    return object;
}

static void set_evidence(json_t *line, const kj_finding *finding)
{
    json_t *array = json_array();
    for (size_t i = 0; i < finding->evidence_count; i++)
        (void)json_array_append_new(array, evidence_json(&finding->evidence[i]));
    (void)json_object_set_new(line, "evidence", array);
}

static void write_finding(kj_report *report, const kj_run_object *object, size_t index)
{
    const kj_finding *f = &object->findings[index];
    json_t *line = begin("detection");
    set_place(line, object->path, f->member);
    set_text(line, "name", f->name);
    (void)json_object_set_new(line, "class", json_string(kj_class_name(f->klass)));
    (void)json_object_set_new(line, "verdict", json_boolean(index == object->best));
    if (f->source.len)
        set_text(line, "source", f->source);
    if (f->detect_id.len)
        set_text(line, "detection", f->detect_id);
    if (f->since)
        set_integer(line, "since", f->since);
    uint32_t release = kj_report_release(report, f);
    if (release)
        set_integer(line, "definitions", release);
    if (f->type)
        (void)json_object_set_new(line, "format", json_string(f->type));
    if (f->size != KJ_SIZE_UNKNOWN)
        set_integer(line, "size", f->size);
    if (f->view)
        (void)json_object_set_new(line, "view", json_string(kj_view_name((kj_view)f->view)));
    if (object->by_volume)
        (void)json_object_set_new(line, "by_volume", json_true());
    if (report->explain)
        set_evidence(line, f);
    end(report, line);
}

static void write_object(kj_report *report, const kj_run_object *object)
{
    for (size_t i = 0; i < object->count; i++)
        if (kj_report_shows(report, object, i))
            write_finding(report, object, i);
}

static void write_unseen(kj_report *report, kj_span path, kj_span member, kj_status why,
                         const char *sentence)
{
    json_t *line = begin("incomplete");
    set_place(line, path, member);
    (void)json_object_set_new(line, "status", json_string(kj_status_name(why)));
    set_text(line, "why", kj_span_str(sentence));
    end(report, line);
}

static void write_console(kj_report *report, kj_span path, kj_span member, kj_span text)
{
    if (report->quiet)
        return;
    json_t *line = begin("console");
    set_place(line, path, member);
    set_text(line, "line", text);
    end(report, line);
}

static void write_odd(kj_report *report, kj_span path, kj_span member, kj_oddities odd)
{
    if (report->quiet)
        return;
    json_t *line = begin("heuristics");
    json_t *names = json_array();
    set_place(line, path, member);
    for (size_t i = 0; i < KJ_HEURISTIC_COUNT; i++)
        if (odd & KJ_ODD(i))
            (void)json_array_append_new(names, json_string(kj_heuristics[i].name));
    (void)json_object_set_new(line, "heuristics", names);
    end(report, line);
}

static void write_error(kj_report *report, kj_span path, const kj_error *err)
{
    json_t *line = begin("error");
    set_path(line, path);
    (void)json_object_set_new(line, "status", json_string(kj_status_name(err->status)));
    set_text(line, "why", kj_span_str(err->message));
    end(report, line);
}

static void write_skipped(kj_report *report, kj_span path, const char *sentence)
{
    if (report->quiet)
        return;
    json_t *line = begin("skipped");
    set_path(line, path);
    set_text(line, "why", kj_span_str(sentence));
    end(report, line);
}

static void write_summary(kj_report *report, const kj_report_summary *summary)
{
    if (report->quiet)
        return;
    const kj_run_totals *t = summary->totals;
    json_t *line = begin("summary");
    set_integer(line, "files", t->files);
    set_integer(line, "file_bytes", t->file_bytes);
    set_integer(line, "objects", t->objects);
    set_integer(line, "object_bytes", t->object_bytes);
    set_integer(line, "detected_files", t->infected_files);
    set_integer(line, "detected_objects", t->infected_objects);
    set_integer(line, "heuristics", t->odd_objects);
    set_integer(line, "incomplete", t->unseen);
    set_integer(line, "errors", t->errors);
    set_integer(line, "skipped", t->skipped);
    set_integer(line, "elapsed_ms", summary->elapsed_ms);
    (void)json_object_set_new(line, "stopped", json_boolean(summary->stopped));
    for (size_t i = 0; i < report->set_count; i++)
        if (i != report->rules_set)
            set_integer(line, "definitions", report->sets[i]->meta.release);
    end(report, line);
}

const kj_report_form kj_report_json = {
    .name = "json",
    .object = write_object,
    .unseen = write_unseen,
    .console = write_console,
    .odd = write_odd,
    .error = write_error,
    .skipped = write_skipped,
    .summary = write_summary,
};
