/* SPDX-License-Identifier: Apache-2.0 */
/* Digests.
 *
 *     .hdb .hsb .hdu .hsu    DIGEST:SIZE:NAME[:MinFL[:MaxFL]]    of an object
 *     .fp .sfp               likewise, of known good ones
 *     .mdb .msb .mdu .msu    SIZE:DIGEST:NAME[:MinFL[:MaxFL]]    of a section of a PE file
 *     .imp                   DIGEST:SIZE:NAME[:MinFL[:MaxFL]]    of a PE file's imports
 *
 * A size is `*` for any; then MinFL is at least 73, but in .imp. Nothing of a line is kept but its
 * record. */
#include "rules/clamav/compile.h"

enum { NAME = 2, LEVELS = 3, FIELDS_MAX = 5, ANY_SIZE_LEVEL = 73 };

/* What distinguishes the files. */
struct layout {
    kj_hash_scope scope;
    unsigned digest; /* which field */
    unsigned size;
    uint64_t any_size_level; /* MinFL that `*` needs */
};

static kj_clamav_result read_size(kj_clamav *c, kj_span text, uint64_t level, uint64_t needed,
                                  uint32_t *out)
{
    uint64_t size;
    if (kj_span_is(text, "*")) {
        *out = KJ_HASH_ANY_SIZE;
        return level >= needed
                   ? KJ_CLAMAV_TAKEN
                   : kj_clamav_malformed(c, text, "digests of any size need a MinFL of at least %d",
                                         ANY_SIZE_LEVEL);
    }
    if (!kj_clamav_number(text, UINT32_MAX - 1, &size) || size == 0)
        return kj_clamav_malformed(c, text, "a size is 1 to 4294967294, or *");
    *out = (uint32_t)size;
    return KJ_CLAMAV_TAKEN;
}

static kj_clamav_result add(kj_clamav *c, kj_hash_signature *signature, kj_span name)
{
    uint8_t with_suffix[KJ_FRONT_TEXT_MAX];
    kj_error error;
    signature->klass = c->line.trusted ? KJ_CLASS_TRUSTED : kj_clamav_class(name, KJ_CLASS_EXACT);
    signature->name = kj_clamav_name_in(c, name, with_suffix, sizeof with_suffix);
    if (!signature->name.data)
        return kj_clamav_malformed(c, name, "a name of more than %d bytes", KJ_FRONT_TEXT_MAX);
    switch (kj_hash_sets_add(&c->ir->hashes, signature, &error)) {
    case KJ_OK:
        return KJ_CLAMAV_TAKEN;
    case KJ_LIMIT:
        return kj_clamav_malformed(c, name, "%s", error.message);
    default:
        return KJ_CLAMAV_STARVED;
    }
}

static kj_clamav_result compile(kj_clamav *c, const struct layout *layout)
{
    kj_span fields[KJ_CLAMAV_FIELDS_MAX];
    uint8_t digest[KJ_HASH_MAX];
    uint64_t level;
    kj_hash_signature signature = {.scope = layout->scope, .digest = digest};
    size_t count = kj_clamav_split(c->line.text, ':', fields);
    if (count < LEVELS || count > FIELDS_MAX)
        return kj_clamav_malformed(c, c->line.text, "a digest has 3 to 5 fields");
    kj_clamav_result result = kj_clamav_check_levels(c, fields, LEVELS, count, &level);
    if (result != KJ_CLAMAV_TAKEN)
        return result;
    if (fields[NAME].len == 0)
        return kj_clamav_malformed(c, c->line.text, "a signature without a name");
    if (!kj_hash_parse(fields[layout->digest], &signature.kind, digest))
        return kj_clamav_malformed(c, fields[layout->digest],
                                   "a digest has 32, 40 or 64 hex digits");
    result = read_size(c, fields[layout->size], level, layout->any_size_level, &signature.size);
    if (result != KJ_CLAMAV_TAKEN)
        return result;
    return kj_clamav_is_ignored(c, fields[NAME]) ? KJ_CLAMAV_SKIPPED
                                                 : add(c, &signature, fields[NAME]);
}

kj_clamav_result kj_clamav_hdb(kj_clamav *c)
{
    static const struct layout layout = {KJ_SCOPE_OBJECT, 0, 1, ANY_SIZE_LEVEL};
    return compile(c, &layout);
}

kj_clamav_result kj_clamav_mdb(kj_clamav *c)
{
    static const struct layout layout = {KJ_SCOPE_SECTION, 1, 0, ANY_SIZE_LEVEL};
    return compile(c, &layout);
}

kj_clamav_result kj_clamav_imp(kj_clamav *c)
{
    static const struct layout layout = {KJ_SCOPE_IMPORTS, 0, 1, 0};
    return compile(c, &layout);
}
