/* SPDX-License-Identifier: Apache-2.0 */
#include "scan/hashes.h"

#include "base/arith.h"
#include "defs/hash_sets.h"
#include "modules/pe_digests.h"
#include "scan/findings.h"

enum {
    IMPORT_TEXT_MAX = 16 << 20,
    SECTION_BYTES = 4,           /* digested, in multiples of the object: sections may overlap */
    SECTION_BYTES_MIN = 1 << 20, /* and this much always */
};

/* What is looked up, and what its digests are computed of. */
typedef struct subject {
    kj_hash_scope scope;
    const kj_span *parts; /* one behind the other */
    size_t part_count;
    uint64_t size; /* that sets know */
    uint64_t offset;
    kj_digested *digested;
} subject;

static const uint8_t *digest(const subject *of, kj_hash_kind kind)
{
    kj_digested *d = of->digested;
    if (!(d->have & 1u << kind)) {
        kj_hasher hasher;
        kj_hasher_init(&hasher, kind);
        for (size_t i = 0; i < of->part_count; i++)
            kj_hasher_put(&hasher, of->parts[i]);
        kj_hasher_done(&hasher, d->digests[kind]);
        d->have |= 1u << kind;
    }
    return d->digests[kind];
}

typedef struct lookup {
    kj_hashes *hashes;
    const kj_known_digest *known;
    uint32_t set;
    bool found;
} lookup;

/* Several digests of one sample mostly have one name: it is told once. */
static bool is_told(const kj_hashes *h, uint32_t set, const kj_detection *detection)
{
    for (size_t i = 0; i < h->told_count; i++) {
        kj_detection other;
        if (h->told[i].set == set && kj_defs_detection(h->sets[set], h->told[i].number, &other) &&
            other.klass == detection->klass && kj_span_equal(other.name, detection->name))
            return true;
    }
    return false;
}

static void take_number(void *user, uint32_t number)
{
    lookup *l = user;
    kj_hashes *h = l->hashes;
    kj_detection detection;
    if (h->told_count == KJ_DIGEST_NAMES_MAX ||
        !kj_defs_detection(h->sets[l->set], number, &detection))
        return;
    l->found = true;
    if (is_told(h, l->set, &detection))
        return;
    h->told[h->told_count].set = l->set;
    h->told[h->told_count++].number = number;
    kj_findings_tell_digest(&detection, l->set, number, l->known, h->object, h->events);
}

static bool look_up_in(kj_hashes *h, uint32_t set, const subject *of, bool trusted)
{
    const kj_defs *defs = h->sets[set];
    unsigned wanted = kj_hash_sets_want(defs, of->scope, of->size, trusted);
    lookup l = {.hashes = h, .set = set};
    for (kj_hash_kind kind = 0; kind < KJ_HASH_KIND_COUNT; kind++) {
        if (!(wanted & 1u << kind))
            continue;
        const kj_known_digest known = {of->scope, kind, digest(of, kind), of->offset, of->size};
        l.known = &known;
        h->lookups++;
        kj_hash_sets_find(defs, of->scope, kind, known.digest, of->size, trusted, take_number, &l);
        if (l.found && trusted)
            break;
    }
    return l.found;
}

/* Whether anything was found; of what is trusted, no more than that. */
static bool look_up(kj_hashes *h, const subject *of, bool trusted)
{
    bool found = false;
    for (uint32_t i = 0; i < h->set_count && !(found && trusted); i++)
        found |= look_up_in(h, i, of, trusted);
    return found;
}

static bool look_up_object(kj_hashes *h, bool trusted)
{
    const subject of = {KJ_SCOPE_OBJECT, &h->object->bytes, 1, h->object->bytes.len, 0, &h->whole};
    return look_up(h, &of, trusted);
}

/* ---- programs --------------------------------------------------------------------------------
 */

/* The object's headers; NULL when it is no program for Windows. */
static const kj_pe *pe_of(kj_hashes *h)
{
    if (h->pe || h->no_pe)
        return h->pe;
    bool is_program = kj_claims_has(&h->object->claims, kj_span_str("pe"));
    kj_pe *pe = is_program ? kj_new(h->arena, kj_pe) : NULL;
    if (pe && kj_pe_read(h->object->bytes, pe, NULL) == KJ_OK)
        h->pe = pe;
    h->no_pe = !h->pe;
    return h->pe;
}

static bool look_up_signed(kj_hashes *h, bool trusted)
{
    const kj_pe *pe = pe_of(h);
    kj_span parts[KJ_PE_SIGNED_PARTS];
    kj_digested digested = {.have = 0};
    const subject of = {KJ_SCOPE_AUTHENTICODE, parts, KJ_PE_SIGNED_PARTS,
                        h->object->bytes.len,  0,     &digested};
    return pe && kj_pe_signed_parts(pe, h->object->bytes, parts) && look_up(h, &of, trusted);
}

static void look_up_imports(kj_hashes *h, const kj_pe *pe)
{
    kj_buf text;
    kj_error err;
    kj_buf_init(&text, IMPORT_TEXT_MAX);
    kj_status status = kj_pe_import_text(pe, h->object->bytes, h->arena, &text, &err);
    kj_span bytes = kj_buf_span(&text);
    kj_digested digested = {.have = 0};
    const subject of = {KJ_SCOPE_IMPORTS, &bytes, 1, bytes.len, 0, &digested};
    if (status != KJ_OK)
        h->unseen(h->user, status, err.message);
    else if (bytes.len)
        (void)look_up(h, &of, false);
    kj_buf_done(&text);
}

static bool is_repeated(const kj_span *sections, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (sections[i].data == sections[index].data && sections[i].len == sections[index].len)
            return true;
    return false;
}

static void look_up_sections(kj_hashes *h, const kj_pe *pe)
{
    kj_span sections[KJ_PE_SECTIONS_MAX], whole = h->object->bytes;
    uint64_t left = SECTION_BYTES_MIN + SECTION_BYTES * (uint64_t)whole.len;
    size_t count = kj_pe_section_data(pe, whole, sections);
    for (size_t i = 0; i < count; i++) {
        kj_digested digested = {.have = 0};
        const subject of = {KJ_SCOPE_SECTION,
                            &sections[i],
                            1,
                            sections[i].len,
                            (uint64_t)(sections[i].data - whole.data),
                            &digested};
        if (is_repeated(sections, i))
            continue;
        if (sections[i].len > left) {
            h->unseen(h->user, KJ_LIMIT,
                      KJ_SENTENCE("its sections overlap too much to digest all of them"));
            return;
        }
        (void)look_up(h, &of, false);
        left -= digested.have ? sections[i].len : 0;
    }
}

/* ---- an object -------------------------------------------------------------------------------
 */

static unsigned scopes_of(const kj_hashes *h, bool trusted)
{
    unsigned scopes = 0;
    for (size_t i = 0; i < h->set_count; i++)
        scopes |= kj_hash_sets_scopes(h->sets[i], trusted);
    return h->object->bytes.len ? scopes : 0; /* nothing is no threat, and known to everybody */
}

bool kj_hashes_trusted(kj_hashes *h)
{
    unsigned scopes = scopes_of(h, true);
    return (scopes & 1u << KJ_SCOPE_OBJECT && look_up_object(h, true)) ||
           (scopes & 1u << KJ_SCOPE_AUTHENTICODE && look_up_signed(h, true));
}

void kj_hashes_tell(kj_hashes *h)
{
    unsigned scopes = scopes_of(h, false);
    if (scopes & 1u << KJ_SCOPE_OBJECT)
        (void)look_up_object(h, false);
    if (!(scopes & ~(1u << KJ_SCOPE_OBJECT)) || !pe_of(h))
        return;
    if (scopes & 1u << KJ_SCOPE_AUTHENTICODE)
        (void)look_up_signed(h, false);
    if (scopes & 1u << KJ_SCOPE_IMPORTS)
        look_up_imports(h, pe_of(h));
    if (scopes & 1u << KJ_SCOPE_SECTION)
        look_up_sections(h, pe_of(h));
}
