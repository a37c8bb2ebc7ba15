/* SPDX-License-Identifier: Apache-2.0 */
/* The table of formats, and what only needs the table. */
#include "formats/format.h"

#include "base/arith.h"
#include "base/path.h"
#include "base/text.h"
#include "formats/rows.h"

#define ROW(row) &kj_format_##row,
const kj_format *const kj_formats[] = {KJ_FORMATS(ROW) KJ_CATCH_ALLS(ROW)};
const size_t kj_format_count = KJ_COUNT(kj_formats);

#define ONE(row) +1
enum { CATCH_ALL_COUNT = 0 KJ_CATCH_ALLS(ONE) };

/* Bits of the longest magic that matches. */
static unsigned match_magics(const kj_magic *magic, kj_span bytes)
{
    unsigned best = 0;
    for (; magic->len; magic++) {
        kj_span there = kj_span_sub(bytes, magic->offset, magic->len);
        if (kj_span_equal(there, kj_span_of(magic->bytes, magic->len)) && magic->len * 8 > best)
            best = magic->len * 8;
    }
    return best;
}

static unsigned certainty(const kj_format *format, kj_span bytes)
{
    unsigned bits = format->magics ? match_magics(format->magics, bytes) : 0;
    if (format->probe && (bits || !format->magics))
        bits = format->probe(bytes);
    return bits;
}

/* Keeps the surest claims, in order; `bits` runs beside out->formats. */
static void add_claim(kj_claims *out, unsigned bits[KJ_CLAIMS_MAX], const kj_format *format,
                      unsigned sure)
{
    size_t at = out->count;
    while (at > 0 && bits[at - 1] < sure)
        at--;
    if (at == KJ_CLAIMS_MAX)
        return;
    size_t last = kj_min_size(out->count, KJ_CLAIMS_MAX - 1);
    for (size_t i = last; i > at; i--) {
        out->formats[i] = out->formats[i - 1];
        bits[i] = bits[i - 1];
    }
    out->formats[at] = format;
    bits[at] = sure;
    out->count = last + 1;
}

void kj_identify(kj_span bytes, kj_claims *out)
{
    unsigned bits[KJ_CLAIMS_MAX];
    *out = (kj_claims){0};
    for (size_t i = 0; i < kj_format_count; i++) {
        if (i >= kj_format_count - CATCH_ALL_COUNT && out->count)
            break;
        unsigned sure = certainty(kj_formats[i], bytes);
        if (sure)
            add_claim(out, bits, kj_formats[i], sure);
    }
}

bool kj_claims_has(const kj_claims *claims, kj_span name)
{
    for (size_t i = 0; i < claims->count; i++)
        if (kj_span_is(name, claims->formats[i]->name))
            return true;
    return false;
}

/* ---- what an object is said to be ------------------------------------------------------------ */

static bool has_claim(const kj_claims *claims, const kj_format *format)
{
    for (size_t i = 0; i < claims->count; i++)
        if (claims->formats[i] == format)
            return true;
    return false;
}

/* `type` equals one of the list, or begins with one that ends in a slash. */
static bool is_type_of(const char *const *types, kj_span type)
{
    for (; types && *types; types++) {
        kj_span wanted = kj_span_str(*types);
        bool family = wanted.data[wanted.len - 1] == '/';
        if (family ? kj_span_starts(type, wanted) : kj_span_equal(type, wanted))
            return true;
    }
    return false;
}

static bool has_extension_of(const char *const *extensions, kj_span extension)
{
    for (; extension.len && extensions && *extensions; extensions++)
        if (kj_text_equal_nocase(extension, kj_span_str(*extensions)))
            return true;
    return false;
}

static bool is_catch_all(const kj_format *format)
{
    for (size_t i = kj_format_count - CATCH_ALL_COUNT; i < kj_format_count; i++)
        if (kj_formats[i] == format)
            return true;
    return false;
}

void kj_identify_declared(kj_span type, kj_span name, kj_claims *claims)
{
    kj_span extension = kj_path_extension(name, NULL);
    for (size_t i = 0; i < kj_format_count && claims->count < KJ_CLAIMS_MAX; i++) {
        const kj_format *format = kj_formats[i];
        if (!is_type_of(format->types, type) && !has_extension_of(format->extensions, extension))
            continue;
        if (has_claim(claims, format))
            continue;
        const kj_format *last = claims->count ? claims->formats[claims->count - 1] : NULL;
        bool before = last && is_catch_all(last);
        claims->formats[claims->count++] = format;
        if (before) {
            claims->formats[claims->count - 2] = format;
            claims->formats[claims->count - 1] = last;
        }
    }
}

const kj_format *kj_format_find(const char *name)
{
    for (size_t i = 0; i < kj_format_count; i++)
        if (strcmp(kj_formats[i]->name, name) == 0)
            return kj_formats[i];
    return NULL;
}

kj_status kj_sink_child(kj_sink *sink, const kj_member *member, kj_span bytes, kj_error *err)
{
    if (bytes.len > sink->largest_member) {
        kj_sink_unseen(sink, KJ_LIMIT, member->name,
                       "larger than a member may be (--max-member-size)");
        return KJ_OK;
    }
    return sink->child(sink, member, bytes, err);
}

void kj_sink_unseen(kj_sink *sink, kj_status why, kj_span member, const char *sentence)
{
    sink->unseen(sink, why, member, sentence);
}

void kj_sink_encrypted(kj_sink *sink, const kj_member *member)
{
    sink->stated = member;
    kj_sink_unseen(sink, KJ_UNSUPPORTED, member->name, KJ_UNSEEN_ENCRYPTED);
    sink->stated = NULL;
}

kj_status kj_sink_account(kj_sink *sink, uint64_t bytes, kj_error *err)
{
    return sink->account(sink, bytes, err);
}

bool kj_sink_reading(kj_sink *sink, uint64_t bytes)
{
    return sink->reading(sink, bytes);
}
