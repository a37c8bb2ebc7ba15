/* SPDX-License-Identifier: Apache-2.0 */
/* An object's digests beside the one that a signature wants. */
#include "base/text.h"
#include "cmd/digest_names.h"
#include "cmd/sig_private.h"
#include "formats/pe.h"

/* One digest that a signature could be about. */
typedef struct wanted {
    const kj_hash_set *set;
    uint32_t size; /* KJ_HASH_ANY_SIZE: any */
} wanted;

static json_t *compare(const kj_sig_subject *subject, const wanted *w, kj_span name, kj_span bytes)
{
    uint8_t digest[KJ_HASH_MAX];
    char hex[2 * KJ_HASH_MAX + 1];
    kj_hash(w->set->kind, bytes, digest);
    kj_hex_encode(kj_span_of(digest, kj_hash_len(w->set->kind)), hex);
    bool sized = w->size != KJ_HASH_ANY_SIZE;
    bool digest_equal = kj_text_equal_nocase(kj_span_str(hex), kj_span_str(subject->digest));
    json_t *object =
        json_pack("{s:s, s:o, s:s, s:s, s:I, s:b, s:b}", "of", kj_hash_scope_name(w->set->scope),
                  "name", kj_sig_text(name), "kind", kj_hash_name(w->set->kind), "digest", hex,
                  "size", (json_int_t)bytes.len, "digest_equal", digest_equal, "size_equal",
                  !sized || w->size == bytes.len);
    if (sized)
        (void)json_object_set_new(object, "wanted_size", json_integer(w->size));
    return object;
}

static void add_sections(const kj_sig_subject *subject, const wanted *w, const kj_object *object,
                         json_t *out)
{
    kj_pe *pe = calloc(1, sizeof *pe);
    kj_error err;
    if (pe && kj_pe_read(object->bytes, pe, &err) == KJ_OK)
        for (size_t i = 0; i < pe->sections_read; i++) {
            const kj_pe_section *section = &pe->sections[i];
            kj_span raw = kj_span_sub(object->bytes, section->raw_offset, section->raw_size);
            (void)json_array_append_new(out, compare(subject, w, section->name, raw));
        }
    free(pe);
}

json_t *kj_sig_digests(const kj_sig_subject *subject, const kj_object *object)
{
    json_t *list = json_array();
    for (size_t i = 0; i < subject->ir->hashes.count; i++) {
        const kj_hash_set *set = &subject->ir->hashes.items[i];
        wanted w = {set,
                    set->sized ? kj_hash_record_size(set, set->records.items) : KJ_HASH_ANY_SIZE};
        if (set->scope == KJ_SCOPE_OBJECT)
            (void)json_array_append_new(list, compare(subject, &w, (kj_span){0}, object->bytes));
        else if (set->scope == KJ_SCOPE_SECTION)
            add_sections(subject, &w, object, list);
    }
    return list;
}
