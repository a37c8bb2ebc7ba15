/* SPDX-License-Identifier: Apache-2.0 */
#include "defs/doc.h"

#include "base/text.h"
#include "defs/code.h"

#include <jansson.h>

/* Everything below passes NULL on: jansson's setters refuse a NULL value, and the whole document
 * is dropped at the end when one was refused. */
typedef struct doc {
    json_t *root;
    bool failed;
} doc;

static json_t *text_json(kj_span text)
{
    return json_stringn_nocheck((const char *)text.data, text.len);
}

static void set(doc *d, json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new_nocheck(object, key, value) != 0)
        d->failed = true;
}

static void append(doc *d, json_t *array, json_t *value)
{
    if (json_array_append_new(array, value) != 0)
        d->failed = true;
}

/* Absent texts are absent keys. */
static void set_text(doc *d, json_t *object, const char *key, kj_span text)
{
    if (text.len)
        set(d, object, key, text_json(text));
}

static void set_texts(doc *d, json_t *object, const char *key, kj_texts texts)
{
    if (texts.count == 0)
        return;
    json_t *array = json_array();
    for (size_t i = 0; i < texts.count; i++)
        append(d, array, text_json(texts.items[i]));
    set(d, object, key, array);
}

static void set_pairs(doc *d, json_t *object, const char *key, kj_pairs pairs, const char *first,
                      const char *second)
{
    if (pairs.count == 0)
        return;
    json_t *array = json_array();
    for (size_t i = 0; i < pairs.count; i++) {
        json_t *pair = json_object();
        set_text(d, pair, first, pairs.items[i].first);
        set_text(d, pair, second, pairs.items[i].second);
        append(d, array, pair);
    }
    set(d, object, key, array);
}

static void set_sizes(doc *d, json_t *object, const char *key, kj_sizes sizes)
{
    if (sizes.count == 0)
        return;
    json_t *array = json_array();
    for (size_t i = 0; i < sizes.count; i++) {
        json_t *range = json_array();
        append(d, range, json_integer((json_int_t)sizes.items[i].min));
        append(d, range, json_integer((json_int_t)sizes.items[i].max));
        append(d, array, range);
    }
    set(d, object, key, array);
}

static json_t *engine_json(uint32_t engine)
{
    return json_sprintf("%u.%u.%u", engine >> 24, engine >> 16 & 0xFF, engine & 0xFFFF);
}

static void set_facts(doc *d, json_t *root, const kj_threat *threat)
{
    set_text(d, root, "id", threat->id);
    set_text(d, root, "name", threat->name);
    set_text(d, root, "type", threat->type);
    set_texts(d, root, "subtypes", threat->subtypes);
    set_texts(d, root, "platforms", threat->platforms);
    set_sizes(d, root, "lengths", threat->lengths);
    set_pairs(d, root, "aliases", threat->aliases, "vendor", "name");
    json_t *risk = json_object();
    set_text(d, risk, "corporate", threat->risk_corporate);
    set_text(d, risk, "home", threat->risk_home);
    set(d, root, "risk", risk);
    json_t *dates = json_object();
    set_text(d, dates, "discovered", threat->discovered);
    set_text(d, dates, "published", threat->published);
    set_text(d, dates, "modified", threat->modified);
    set(d, root, "dates", dates);
    json_t *definitions = json_object();
    set(d, definitions, "first", json_integer(threat->first));
    set(d, definitions, "required", json_integer(threat->required));
    set(d, definitions, "engine", engine_json(threat->engine));
    set(d, root, "definitions", definitions);
    set_pairs(d, root, "related", threat->related, "is", "name");
    set_texts(d, root, "attack", threat->attack);
    set_text(d, root, "evidence", threat->evidence);
    set_texts(d, root, "notes", threat->notes);
    set_pairs(d, root, "sources", threat->sources, "by", "date");
}

static void set_prose(doc *d, json_t *root, const kj_threat *threat)
{
    json_t *text = json_object();
    for (size_t lang = 0; lang < KJ_LANG_COUNT; lang++) {
        json_t *sections = json_object();
        for (size_t i = 0; i < KJ_SECTION_COUNT; i++)
            set_text(d, sections, kj_section_name((kj_section)i), threat->text[lang][i]);
        set(d, text, kj_lang_name((kj_lang)lang), sections);
    }
    set(d, root, "text", text);
}

static json_t *artifact_json(doc *d, const kj_artifact *artifact)
{
    json_t *object = json_object();
    set_text(d, object, "id", artifact->id);
    set(d, object, "kind", json_string(kj_artifact_kind_name(artifact->kind)));
    if (artifact->role != KJ_ROLE_NONE)
        set(d, object, "role", json_string(kj_role_name(artifact->role)));
    set_texts(d, object, "names", artifact->names);
    set_sizes(d, object, "sizes", artifact->sizes);
    set_text(d, object, "type", artifact->type);
    set_text(d, object, "value", artifact->value);
    set_text(d, object, "data", artifact->data);
    set_text(d, object, "key", artifact->key);
    set_texts(d, object, "attachment_names", artifact->attachment_names);
    set_texts(d, object, "extensions", artifact->extensions);
    set_texts(d, object, "decoys", artifact->decoys);
    if (artifact->has_hash) {
        char hex[2 * KJ_HASH_MAX + 1];
        size_t len = kj_hash_len(artifact->hash_kind);
        kj_hex_encode(kj_span_of(artifact->hash, len), hex);
        set(d, object, kj_hash_name(artifact->hash_kind), json_stringn(hex, 2 * len));
    }
    return object;
}

static void set_artifacts(doc *d, const kj_ir *ir, uint32_t threat)
{
    json_t *array = json_array();
    for (size_t i = 0; i < ir->artifacts.count; i++)
        if (ir->artifacts.items[i].threat == threat)
            append(d, array, artifact_json(d, &ir->artifacts.items[i]));
    set(d, d->root, "artifacts", array);
}

typedef struct about {
    doc *d;
    const kj_ir *ir;
    json_t *array;
} about;

static void add_anchor(void *user, uint32_t artifact)
{
    about *a = user;
    append(a->d, a->array, text_json(a->ir->artifacts.items[artifact].id));
}

static void set_detects(doc *d, const kj_ir *ir, uint32_t threat, uint32_t release)
{
    json_t *array = json_array();
    for (size_t i = 0; i < ir->detects.count; i++) {
        const kj_detect *detect = &ir->detects.items[i];
        if (detect->threat != threat || detect->since > release)
            continue;
        json_t *object = json_object();
        set_text(d, object, "id", detect->id);
        set_text(d, object, "name", detect->name);
        set(d, object, "class", json_string(kj_class_name(detect->klass)));
        set(d, object, "since", json_integer(detect->since));
        if (detect->until != KJ_NONE)
            set(d, object, "until", json_integer(detect->until));
        about a = {d, ir, json_array()};
        kj_code_anchors(detect->when, add_anchor, &a);
        set(d, object, "about", a.array);
        append(d, array, object);
    }
    set(d, d->root, "detect", array);
}

static void set_remedy(doc *d, const kj_ir *ir, uint32_t threat)
{
    json_t *array = json_array();
    for (size_t i = 0; i < ir->remedies.count; i++) {
        const kj_remedy *remedy = &ir->remedies.items[i];
        if (remedy->threat != threat)
            continue;
        json_t *object = json_object();
        set(d, object, "do", json_string(kj_do_name(remedy->what)));
        json_t *of = json_array();
        for (size_t k = 0; k < remedy->of_count; k++)
            append(d, of, text_json(ir->artifacts.items[remedy->of[k]].id));
        set(d, object, "of", of);
        set(d, object, "conditional", json_boolean(remedy->needs != NULL));
        set_text(d, object, "to", remedy->to);
        set_text(d, object, "warn", remedy->warn);
        append(d, array, object);
    }
    set(d, d->root, "remedy", array);
}

static int put_chunk(const char *bytes, size_t len, void *user)
{
    kj_buf_put(user, kj_span_of(bytes, len));
    return 0;
}

static kj_status finish(doc *d, kj_buf *out, kj_error *err)
{
    bool ok = !d->failed &&
              json_dump_callback(d->root, put_chunk, out, JSON_COMPACT | JSON_SORT_KEYS) == 0;
    json_decref(d->root);
    if (!ok || out->failed)
        return kj_no_memory(err);
    return KJ_OK;
}

kj_status kj_doc_write_threat(const kj_ir *ir, uint32_t threat, uint32_t release, kj_buf *out,
                              kj_error *err)
{
    doc d = {.root = json_object()};
    set_facts(&d, d.root, &ir->threats.items[threat]);
    set_prose(&d, d.root, &ir->threats.items[threat]);
    set_artifacts(&d, ir, threat);
    set_detects(&d, ir, threat, release);
    set_remedy(&d, ir, threat);
    return finish(&d, out, err);
}

kj_status kj_doc_write_note(const kj_note *note, kj_buf *out, kj_error *err)
{
    doc d = {.root = json_object()};
    set_text(&d, d.root, "id", note->id);
    json_t *title = json_object(), *text = json_object();
    for (size_t lang = 0; lang < KJ_LANG_COUNT; lang++) {
        set_text(&d, title, kj_lang_name((kj_lang)lang), note->title[lang]);
        set_text(&d, text, kj_lang_name((kj_lang)lang), note->text[lang]);
    }
    set(&d, d.root, "title", title);
    set(&d, d.root, "text", text);
    return finish(&d, out, err);
}

kj_status kj_doc_write_left_out(const kj_ir *ir, kj_buf *out, kj_error *err)
{
    if (ir->left_out.count == 0)
        return KJ_OK;
    doc d = {.root = json_array()};
    for (size_t i = 0; i < ir->left_out.count; i++) {
        const kj_left_out *item = &ir->left_out.items[i];
        json_t *object = json_object();
        set_text(&d, object, "kind", kj_span_str(item->kind));
        set_text(&d, object, "reason", kj_span_str(item->reason));
        set(&d, object, "count", json_integer((json_int_t)item->count));
        append(&d, d.root, object);
    }
    return finish(&d, out, err);
}
