/* SPDX-License-Identifier: Apache-2.0 */
/* What outlives its line: names to ignore, members of macro groups, lines that wait for others. */
#include "rules/clamav/state.h"

#include "base/crc32c.h"

/* ---- ignored names ------------------------------------------------------------------------- */

static uint32_t *bucket_of(struct kj_clamav_private *more, kj_span name)
{
    return &more->buckets[kj_crc32c(name) & (more->bucket_count - 1)];
}

static bool grow_buckets(struct kj_clamav_private *more)
{
    if (more->ignored.count < more->bucket_count)
        return true;
    size_t count = more->bucket_count ? more->bucket_count * 2 : 64;
    uint32_t *grown = calloc(count, sizeof *grown);
    if (!grown)
        return false;
    free(more->buckets);
    more->buckets = grown;
    more->bucket_count = count;
    for (size_t i = 0; i < more->ignored.count; i++) {
        kj_ignored *item = &more->ignored.items[i];
        uint32_t *bucket = bucket_of(more, item->name);
        item->next = *bucket;
        *bucket = (uint32_t)i + 1;
    }
    return true;
}

bool kj_clamav_ignore(kj_clamav *c, kj_span name, const uint8_t *md5)
{
    struct kj_clamav_private *more = c->more;
    const char *copy = kj_arena_text(&more->arena, name);
    if (!copy || more->ignored.count == UINT32_MAX - 1 || !grow_buckets(more))
        return false;
    kj_ignored item = {.name = kj_span_of(copy, name.len), .has_md5 = md5 != NULL};
    if (md5)
        memcpy(item.md5, md5, kj_hash_len(KJ_HASH_MD5));
    uint32_t *bucket = bucket_of(more, name);
    item.next = *bucket;
    if (!kj_vec_add(&more->ignored, item))
        return false;
    *bucket = (uint32_t)more->ignored.count;
    return true;
}

static bool is_same_line(const kj_ignored *item, kj_span line)
{
    uint8_t md5[KJ_HASH_MAX];
    if (!item->has_md5)
        return true;
    kj_hash(KJ_HASH_MD5, line, md5);
    return memcmp(md5, item->md5, kj_hash_len(KJ_HASH_MD5)) == 0;
}

bool kj_clamav_is_ignored(kj_clamav *c, kj_span name)
{
    struct kj_clamav_private *more = c->more;
    if (more->ignored.count == 0)
        return false;
    for (uint32_t i = *bucket_of(more, name); i; i = more->ignored.items[i - 1].next) {
        const kj_ignored *item = &more->ignored.items[i - 1];
        if (kj_span_equal(item->name, name) && is_same_line(item, c->line.text)) {
            c->counts.ignored++;
            return true;
        }
    }
    return false;
}

/* ---- macro groups -------------------------------------------------------------------------- */

bool kj_clamav_add_macro(kj_clamav *c, uint32_t target, uint32_t group, kj_span body)
{
    const char *copy = kj_arena_text(&c->more->arena, body);
    const kj_span member = kj_span_of(copy, body.len);
    return copy && kj_vec_add(&c->more->macros[target][group], member);
}

size_t kj_clamav_macro_count(const kj_clamav *c, uint32_t target, uint32_t group)
{
    return c->more->macros[target][group].count;
}

kj_span kj_clamav_macro(const kj_clamav *c, uint32_t target, uint32_t group, size_t index)
{
    return c->more->macros[target][group].items[index];
}

/* ---- kept lines ---------------------------------------------------------------------------- */

kj_clamav_result kj_clamav_keep(kj_clamav *c)
{
    kj_clamav_line kept = c->line;
    kept.file = kj_arena_strdup(&c->more->arena, c->line.file);
    const char *text = kj_arena_text(&c->more->arena, c->line.text);
    kept.text = kj_span_of(text, c->line.text.len);
    return kept.file && text && kj_vec_add(&c->more->kept, kept) ? KJ_CLAMAV_SKIPPED
                                                                 : KJ_CLAMAV_STARVED;
}

bool kj_clamav_is_finishing(const kj_clamav *c)
{
    return c->more->finishing;
}
