/* SPDX-License-Identifier: Apache-2.0 */
/* The whole check, for the builder, the installer and `kujo defs check`: every byte of the file is
 * covered by the header's checksum, a section's digest, or has to be zero; then what the sections
 * say is checked, because a digest does not make a file well-formed. */
#include "base/arith.h"
#include "base/crc32c.h"
#include "base/hash.h"
#include "defs/code.h"
#include "defs/defs.h"
#include "defs/hash_sets.h"
#include "defs/patterns.h"
#include "ir/ir.h"

static kj_status malformed(kj_error *err, uint64_t offset, const char *what)
{
    return kj_fail(err, KJ_MALFORMED, offset, "damaged definitions: %s", what);
}

static kj_disk_section section_at(const kj_defs *defs, uint32_t index)
{
    kj_disk_section section;
    memcpy(&section, defs->file.data + sizeof(kj_disk_header) + index * sizeof section,
           sizeof section);
    return section;
}

static kj_status verify_gap(const kj_defs *defs, uint64_t from, uint64_t to, kj_error *err)
{
    for (uint64_t i = from; i < to; i++)
        if (defs->file.data[i])
            return malformed(err, i, "a byte between two sections is not zero");
    return KJ_OK;
}

/* Of hundreds of megabytes no more than a few are in memory at a time. */
static void digest_of(const kj_defs *defs, kj_span section, uint8_t out[KJ_HASH_MAX])
{
    enum { STEP = 4 << 20 };
    kj_hasher hasher;
    kj_hasher_init(&hasher, KJ_HASH_SHA256);
    for (size_t pos = 0; pos < section.len; pos += STEP) {
        kj_span step = kj_span_sub(section, pos, STEP);
        kj_hasher_put(&hasher, step);
        kj_defs_forget(defs, step);
    }
    kj_hasher_done(&hasher, out);
}

/* Digests, the order of sections, the zeros between them, the build id. */
static kj_status verify_bytes(const kj_defs *defs, kj_error *err)
{
    uint32_t count = defs->header.section_count;
    uint64_t end = sizeof(kj_disk_header) + count * sizeof(kj_disk_section);
    uint8_t digests[KJ_DISK_SECTIONS_MAX * 32];
    for (uint32_t i = 0; i < count; i++) {
        kj_disk_section section = section_at(defs, i);
        if (section.offset < end)
            return malformed(err, section.offset, "two sections overlap");
        KJ_TRY(verify_gap(defs, end, section.offset, err));
        uint8_t digest[KJ_HASH_MAX];
        digest_of(defs, kj_span_of(defs->file.data + section.offset, (size_t)section.size), digest);
        if (memcmp(digest, section.sha256, sizeof section.sha256) != 0)
            return malformed(err, section.offset, "a section's digest is wrong");
        memcpy(digests + 32 * (size_t)i, section.sha256, 32);
        end = section.offset + section.size;
    }
    KJ_TRY(verify_gap(defs, end, defs->file.len, err));
    uint8_t id[KJ_HASH_MAX];
    kj_hash(KJ_HASH_SHA256, kj_span_of(digests, 32 * (size_t)count), id);
    if (memcmp(id, defs->header.build_id, sizeof defs->header.build_id) != 0)
        return malformed(err, offsetof(kj_disk_header, build_id), "the build id is wrong");
    return KJ_OK;
}

/* ---- what items may refer to ------------------------------------------------------------------
 */

static bool text_fits(const kj_defs *defs, kj_disk_text text)
{
    return (uint64_t)text.offset + text.len <= defs->strings.count;
}

static bool name_fits(const kj_defs *defs, const kj_disk_name *name)
{
    return text_fits(defs, name->text) && name->text.len &&
           kj_crc32c(kj_defs_text(defs, name->text)) == name->crc;
}

static bool run_fits(const kj_defs *defs, kj_disk_run run, uint32_t width)
{
    return run.count == 0 || kj_defs_run_count(defs, run, width) == run.count;
}

static bool texts_fit(const kj_defs *defs, kj_disk_run run)
{
    if (!run_fits(defs, run, 2))
        return false;
    for (uint32_t i = 0; i < run.count; i++) {
        const uint32_t *words = kj_defs_words(defs, run.first + 2 * i, 2);
        if (!words || !text_fits(defs, (kj_disk_text){words[0], words[1]}))
            return false;
    }
    return true;
}

/* A run of indices in LIST, each below `limit`. */
static bool indices_fit(const kj_defs *defs, kj_disk_run run, uint32_t limit)
{
    if (!run_fits(defs, run, 1))
        return false;
    const uint32_t *words = kj_defs_words(defs, run.first, run.count);
    for (uint32_t i = 0; words && i < run.count; i++)
        if (words[i] >= limit)
            return false;
    return true;
}

static bool slice_fits(kj_disk_run run, uint32_t limit)
{
    return (uint64_t)run.first + run.count <= limit;
}

static bool doc_fits(const kj_defs *defs, uint32_t offset, uint32_t len)
{
    return (uint64_t)offset + len <= defs->docs.count;
}

static bool index_or_none(uint32_t index, uint32_t limit)
{
    return index < limit || index == KJ_NONE;
}

static kj_status verify_threats(const kj_defs *defs, kj_error *err)
{
    for (uint32_t i = 0; i < defs->threats.count; i++) {
        const kj_disk_threat *t = kj_defs_threat(defs, i);
        if (!text_fits(defs, t->id) || !name_fits(defs, &t->name) ||
            !doc_fits(defs, t->doc_offset, t->doc_len) ||
            !slice_fits(t->artifacts, defs->artifacts.count) ||
            !slice_fits(t->remedies, defs->remedies.count) || !texts_fit(defs, t->aliases))
            return malformed(err, KJ_NO_OFFSET, "a threat refers to what is not there");
    }
    for (uint32_t i = 0; i < defs->notes.count; i++) {
        const kj_disk_note *n = kj_defs_note(defs, i);
        if (!text_fits(defs, n->id) || !doc_fits(defs, n->doc_offset, n->doc_len))
            return malformed(err, KJ_NO_OFFSET, "a note refers to what is not there");
    }
    return KJ_OK;
}

static kj_status verify_detects(const kj_defs *defs, kj_error *err)
{
    for (uint32_t i = 0; i < defs->detects.count; i++) {
        const kj_disk_detect *d = kj_defs_detect(defs, i);
        if (!text_fits(defs, d->id) || !name_fits(defs, &d->name) ||
            !index_or_none(d->threat, defs->threats.count) ||
            !index_or_none(d->page, defs->threats.count) || d->class_ >= KJ_CLASS_COUNT ||
            !indices_fit(defs, d->anchors, defs->artifacts.count))
            return malformed(err, KJ_NO_OFFSET, "a detection refers to what is not there");
        KJ_TRY(kj_code_verify(defs, d->code, err));
    }
    return KJ_OK;
}

/* Anchors and gates: what makes rules possible. */
static kj_status verify_dispatch(const kj_defs *defs, kj_error *err)
{
    const kj_disk_anchored *anchored = defs->anchored.data;
    for (uint32_t i = 0; i < defs->anchored.count; i++)
        if (anchored[i].rule >= defs->rules.count)
            return malformed(err, KJ_NO_OFFSET, "an anchored window refers to what is not there");
    for (uint32_t i = 0; i < defs->anchors.count; i++) {
        const kj_disk_anchor *a = kj_defs_anchor(defs, i);
        if (a->reach > KJ_ANCHOR_REACH_MAX || a->views & ~(uint32_t)KJ_RULE_VIEWS ||
            !slice_fits(a->anchored, defs->anchored.count) ||
            !indices_fit(defs, a->rules, defs->rules.count))
            return malformed(err, KJ_NO_OFFSET, "an anchor refers to what is not there");
        for (uint32_t k = 1; k < a->anchored.count; k++)
            if (anchored[a->anchored.first + k - 1].window > anchored[a->anchored.first + k].window)
                return malformed(err, KJ_NO_OFFSET, "the windows of an anchor do not rise");
        KJ_TRY(kj_code_verify(defs, a->code, err));
    }
    for (uint32_t i = 0; i < defs->gates.count; i++) {
        const kj_disk_gate *g = kj_defs_gate(defs, i);
        if (!indices_fit(defs, g->rules, defs->rules.count) ||
            g->views & ~(uint32_t)KJ_RULE_VIEWS || (g->within != KJ_NONE && g->within >= i))
            return malformed(err, KJ_NO_OFFSET, "a gate refers to what is not there");
        KJ_TRY(kj_code_verify(defs, g->code, err));
    }
    return KJ_OK;
}

static kj_status verify_rules(const kj_defs *defs, kj_error *err)
{
    for (uint32_t i = 0; i < defs->rules.count; i++) {
        const kj_disk_rule *r = kj_defs_rule(defs, i);
        if (!text_fits(defs, r->name) || !text_fits(defs, r->space) ||
            !index_or_none(r->threat, defs->threats.count) ||
            !slice_fits(r->patterns, defs->patterns.count) || !texts_fit(defs, r->tags) ||
            !run_fits(defs, r->metas, sizeof(kj_disk_meta_entry) / 4) ||
            !indices_fit(defs, r->detects, defs->detects.count))
            return malformed(err, KJ_NO_OFFSET, "a rule refers to what is not there");
        KJ_TRY(kj_code_verify(defs, r->code, err));
    }
    KJ_TRY(verify_dispatch(defs, err));
    if (!indices_fit(defs, defs->meta.always, defs->rules.count) ||
        !indices_fit(defs, defs->meta.globals, defs->rules.count) ||
        !indices_fit(defs, defs->meta.mails, defs->artifacts.count) ||
        !texts_fit(defs, defs->meta.passwords) ||
        kj_defs_doc(defs, defs->meta.left_out, defs->meta.left_out_len).len !=
            defs->meta.left_out_len)
        return malformed(err, KJ_NO_OFFSET, "a list in META is wrong");
    return KJ_OK;
}

static kj_status verify_artifacts(const kj_defs *defs, kj_error *err)
{
    for (uint32_t i = 0; i < defs->artifacts.count; i++) {
        const kj_disk_artifact *a = kj_defs_artifact(defs, i);
        if (!text_fits(defs, a->id) || a->kind >= KJ_ARTIFACT_KIND_COUNT ||
            a->role >= KJ_ROLE_COUNT || a->has_hash > 1 || a->hash_kind >= KJ_HASH_KIND_COUNT ||
            a->threat >= defs->threats.count || !index_or_none(a->rule, defs->rules.count) ||
            !texts_fit(defs, a->names) || !texts_fit(defs, a->patterns) ||
            !run_fits(defs, a->sizes, 4) || !text_fits(defs, a->type) ||
            !texts_fit(defs, a->value) || !texts_fit(defs, a->data) || !text_fits(defs, a->key) ||
            !texts_fit(defs, a->attachment_names) || !texts_fit(defs, a->extensions) ||
            !texts_fit(defs, a->decoys) || !indices_fit(defs, a->detects, defs->detects.count))
            return malformed(err, KJ_NO_OFFSET, "an artifact refers to what is not there");
    }
    uint32_t last = 0;
    for (uint32_t i = 0; i < defs->places.count; i++) {
        const kj_disk_place *p = kj_defs_place(defs, i);
        if (p->hash < last || p->artifact >= defs->artifacts.count || !text_fits(defs, p->pattern))
            return malformed(err, KJ_NO_OFFSET, "the index of places is wrong");
        last = p->hash;
    }
    return KJ_OK;
}

static kj_status verify_others(const kj_defs *defs, kj_error *err)
{
    for (uint32_t i = 0; i < defs->remedies.count; i++) {
        const kj_disk_remedy *r = kj_defs_remedy(defs, i);
        if (r->what >= KJ_DO_COUNT || r->threat >= defs->threats.count ||
            !indices_fit(defs, r->of, defs->artifacts.count) || !text_fits(defs, r->to) ||
            !text_fits(defs, r->warn))
            return malformed(err, KJ_NO_OFFSET, "a remedy refers to what is not there");
        if (r->needs != KJ_NONE)
            KJ_TRY(kj_code_verify(defs, r->needs, err));
    }
    for (uint32_t i = 0; i < defs->externals.count; i++) {
        const kj_disk_external *e = kj_defs_external(defs, i);
        bool text = e->type == KJ_TYPE_STRING;
        if (!text_fits(defs, e->name) || e->type >= KJ_TYPE_COUNT ||
            (text && !text_fits(defs, (kj_disk_text){e->value[0], e->value[1]})))
            return malformed(err, KJ_NO_OFFSET, "a variable refers to what is not there");
    }
    return KJ_OK;
}

static kj_status verify_all(const kj_defs *defs, kj_error *err)
{
    KJ_TRY(verify_bytes(defs, err));
    if (defs->meta.release != defs->header.release || defs->meta.engine != defs->header.engine)
        return malformed(err, KJ_NO_OFFSET, "META and the header disagree");
    KJ_TRY(verify_threats(defs, err));
    KJ_TRY(verify_detects(defs, err));
    KJ_TRY(verify_rules(defs, err));
    KJ_TRY(verify_artifacts(defs, err));
    KJ_TRY(verify_others(defs, err));
    KJ_TRY(kj_hash_sets_verify(defs, err));
    return kj_patterns_verify(defs, err);
}

kj_status kj_defs_verify(const kj_defs *defs, kj_error *err)
{
    kj_status status = verify_all(defs, err);
    kj_defs_forget(defs, defs->file); /* a scan touches little of it */
    return status;
}
