/* SPDX-License-Identifier: Apache-2.0 */
/* An object's digests beside the one that a signature wants. */
#include "base/text.h"
#include "cmd/digest_names.h"
#include "cmd/sig_private.h"
#include "formats/pe.h"
#include "modules/pe_digests.h"

#include <stdio.h>

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
                  "name", kj_sig_text(name), "digest", kj_hash_name(w->set->kind), "hex", hex,
                  "size", (json_int_t)bytes.len, "digest_equal", digest_equal, "size_equal",
                  !sized || w->size == bytes.len);
    if (sized)
        (void)json_object_set_new(object, "wanted_size", json_integer(w->size));
    return object;
}

static void add_sections(const kj_sig_subject *subject, const wanted *w, const kj_object *object,
                         const kj_pe *pe, json_t *out)
{
    kj_span sections[KJ_PE_SECTIONS_MAX];
    size_t count = kj_pe_section_data(pe, object->bytes, sections);
    for (size_t i = 0; i < count; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "0x%zx", (size_t)(sections[i].data - object->bytes.data));
        (void)json_array_append_new(out, compare(subject, w, kj_span_str(name), sections[i]));
    }
}

static void add_imports(const kj_sig_subject *subject, const wanted *w, const kj_object *object,
                        const kj_pe *pe, json_t *out)
{
    enum { BUDGET = 64 << 20 };
    kj_arena arena;
    kj_buf text;
    kj_error err;
    kj_arena_init(&arena, BUDGET);
    kj_buf_init(&text, BUDGET);
    if (kj_pe_import_text(pe, object->bytes, &arena, &text, &err) == KJ_OK && text.len)
        (void)json_array_append_new(out, compare(subject, w, (kj_span){0}, kj_buf_span(&text)));
    kj_buf_done(&text);
    kj_arena_done(&arena);
}

/* What of a program was digested. */
static void add_parts(const kj_sig_subject *subject, const wanted *w, const kj_object *object,
                      json_t *out)
{
    kj_pe *pe = calloc(1, sizeof *pe);
    kj_error err;
    if (pe && kj_pe_read(object->bytes, pe, &err) == KJ_OK)
        (w->set->scope == KJ_SCOPE_SECTION ? add_sections : add_imports)(subject, w, object, pe,
                                                                         out);
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
        else if (set->scope == KJ_SCOPE_SECTION || set->scope == KJ_SCOPE_IMPORTS)
            add_parts(subject, &w, object, list);
    }
    return list;
}
