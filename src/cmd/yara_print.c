/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of a rule:
 *
 *     [NAMESPACE:]RULE [TAGS] [METAS] PATH
 *     0xOFFSET[:LENGTH]:$STRING[:xor(0xKEY,PLAIN)][: BYTES]
 *
 * Names of files are written as they are: that is what scripts expect of yara(1). */
#include "cmd/yara.h"

#include "base/arith.h"

#include <inttypes.h>
#include <string.h>

enum {
    MATCH_MAX = 512, /* bytes of a match that libyara keeps */
    HEX_MAX = 64,    /* of those, bytes that are shown of a hex string */
};

bool kj_yara_is_wanted(const kj_yara_cli *cli, const kj_defs *defs, const kj_disk_rule *rule)
{
    /* As in yara(1), where --identifier is given --tag decides nothing. */
    kj_span name = kj_defs_text(defs, rule->name);
    for (size_t i = 0; i < cli->identifiers.count; i++)
        if (kj_span_is(name, cli->identifiers.items[i]))
            return true;
    if (cli->identifiers.count)
        return false;
    uint32_t count = kj_defs_run_count(defs, rule->tags, 2);
    for (uint32_t i = 0; i < count; i++)
        for (size_t k = 0; k < cli->tags.count; k++)
            if (kj_span_is(kj_defs_run_text(defs, rule->tags, i), cli->tags.items[k]))
                return true;
    return cli->tags.count == 0;
}

/* ---- tags and metas
 * ---------------------------------------------------------------------------------- */

static void print_tags(const kj_defs *defs, const kj_disk_rule *rule, kj_buf *out)
{
    uint32_t count = kj_defs_run_count(defs, rule->tags, 2);
    kj_buf_put_byte(out, '[');
    for (uint32_t i = 0; i < count; i++) {
        if (i)
            kj_buf_put_byte(out, ',');
        kj_buf_put(out, kj_defs_run_text(defs, rule->tags, i));
    }
    kj_buf_put_text(out, "] ");
}

/* A meta's text as a literal of C, to its first NUL. */
static void print_escaped(kj_span text, kj_buf *out)
{
    static const char letters[32] = {
        [7] = 'a', [8] = 'b', [9] = 't', [10] = 'n', [11] = 'v', [12] = 'f', [13] = 'r'};
    for (size_t i = 0; i < text.len && text.data[i]; i++) {
        uint8_t c = text.data[i];
        if (c == '"' || c == '\'' || c == '\\')
            kj_buf_printf(out, "\\%c", c);
        else if (c >= 32 && c < 127)
            kj_buf_put_byte(out, c);
        else if (c < 32 && letters[c])
            kj_buf_printf(out, "\\%c", letters[c]);
        else
            kj_buf_printf(out, "\\%03o", c);
    }
}

static void print_meta(const kj_defs *defs, const kj_disk_meta_entry *meta, kj_buf *out)
{
    uint64_t bits = meta->value[0] | (uint64_t)meta->value[1] << 32;
    kj_buf_put(out, kj_defs_text(defs, meta->name));
    switch (meta->type) {
    case KJ_TYPE_INT:
        kj_buf_printf(out, " =%" PRId64, (int64_t)bits);
        break;
    case KJ_TYPE_BOOL:
        kj_buf_put_text(out, bits ? "=true" : "=false");
        break;
    default:
        kj_buf_put_text(out, "=\"");
        print_escaped(kj_defs_text(defs, (kj_disk_text){meta->value[0], meta->value[1]}), out);
        kj_buf_put_byte(out, '"');
    }
}

static void print_metas(const kj_defs *defs, const kj_disk_rule *rule, kj_buf *out)
{
    enum { WORDS = sizeof(kj_disk_meta_entry) / 4 };
    uint32_t count = kj_defs_run_count(defs, rule->metas, WORDS);
    kj_buf_put_byte(out, '[');
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t *words = kj_defs_words(defs, rule->metas.first + i * WORDS, WORDS);
        kj_disk_meta_entry meta;
        if (!words)
            break;
        memcpy(&meta, words, sizeof meta);
        if (i)
            kj_buf_put_byte(out, ',');
        print_meta(defs, &meta, out);
    }
    kj_buf_put_text(out, "] ");
}

/* ---- matches
 * ----------------------------------------------------------------------------------------- */

static void print_text(kj_span bytes, uint8_t key, kj_buf *out)
{
    for (size_t i = 0; i < bytes.len; i++) {
        uint8_t c = bytes.data[i] ^ key;
        if (c >= 32 && c <= 126)
            kj_buf_put_byte(out, c);
        else
            kj_buf_printf(out, "\\x%02X", c);
    }
}

static void print_hex(kj_span bytes, kj_buf *out)
{
    for (size_t i = 0; i < kj_min_size(bytes.len, HEX_MAX); i++)
        kj_buf_printf(out, i ? " %02X" : "%02X", bytes.data[i]);
    if (bytes.len > HEX_MAX)
        kj_buf_put_text(out, " ...");
}

static void print_hit(const kj_yara_match *m, const kj_disk_pattern *pattern, const kj_hit *hit,
                      kj_buf *out)
{
    kj_span bytes = kj_span_sub(m->bytes, (size_t)hit->offset, kj_min_size(hit->len, MATCH_MAX));
    kj_buf_printf(out, "0x%" PRIx64 ":", hit->offset);
    if (m->cli->print_length)
        kj_buf_printf(out, "%zu:", bytes.len);
    kj_buf_put(out, kj_defs_text(&m->rules->defs, pattern->identifier));
    if (m->cli->print_xor_key) {
        kj_buf_printf(out, ":xor(0x%02x,", hit->key);
        print_text(bytes, (uint8_t)hit->key, out);
        kj_buf_put_byte(out, ')');
    }
    if (m->cli->print_strings) {
        kj_buf_put_text(out, ": ");
        if (pattern->kind == KJ_PATTERN_HEX)
            print_hex(bytes, out);
        else
            print_text(bytes, 0, out);
    }
    kj_buf_put_byte(out, '\n');
}

static void print_hits(const kj_yara_match *m, uint32_t index, kj_buf *out,
                       void (*flush)(void *user), void *user)
{
    const kj_disk_pattern *pattern = kj_defs_pattern(&m->rules->defs, index);
    size_t count;
    const kj_hit *hits = kj_matcher_hits(m->matcher, index, &count);
    if (!pattern || pattern->modifiers & KJ_MOD_PRIVATE)
        return;
    if (m->rules->single && m->rules->single[index])
        count = kj_min_size(count, 1);
    for (size_t i = 0; i < count; i++) {
        print_hit(m, pattern, &hits[i], out);
        flush(user);
    }
}

void kj_yara_print_rule(const kj_yara_match *m, const kj_disk_rule *rule, kj_buf *out,
                        void (*flush)(void *user), void *user)
{
    const kj_defs *defs = &m->rules->defs;
    if (m->cli->print_namespace) {
        kj_buf_put(out, kj_defs_text(defs, rule->space));
        kj_buf_put_byte(out, ':');
    }
    kj_buf_put(out, kj_defs_text(defs, rule->name));
    kj_buf_put_byte(out, ' ');
    if (m->cli->print_tags)
        print_tags(defs, rule, out);
    if (m->cli->print_meta)
        print_metas(defs, rule, out);
    kj_buf_put(out, m->path);
    kj_buf_put_byte(out, '\n');
    if (!m->cli->print_strings && !m->cli->print_length && !m->cli->print_xor_key)
        return;
    for (uint32_t i = 0; i < rule->patterns.count; i++)
        print_hits(m, rule->patterns.first + i, out, flush, user);
}
