/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/advisory/schema.h"

#include "base/text.h"
#include "rules/advisory/suggest.h"

#include <stdio.h>

enum { FEW_WORDS = 12, QUOTED_MAX = 80 };

static const char *const kind_names[] = {
    [KJ_YAML_TEXT] = "a single text", [KJ_YAML_LIST] = "a list", [KJ_YAML_MAP] = "a map"};

int kj_printed_len(kj_span text)
{
    return (int)kj_min_size(text.len, QUOTED_MAX);
}

size_t kj_locate_in(const kj_reading *r, const kj_yaml *node, size_t at, size_t *len)
{
    kj_span raw = kj_span_sub(r->source->text, node->offset, node->len);
    if (node->text.data != raw.data || at > node->text.len) {
        *len = node->len;
        return node->offset;
    }
    *len = kj_min_size(*len, node->text.len - at);
    return node->offset + at;
}

bool kj_expect_kind(kj_reading *r, const kj_yaml *node, kj_yaml_kind kind, const char *what)
{
    if (node->broken)
        return false;
    if (node->missing && kind != KJ_YAML_TEXT) {
        kj_complain(r, node, "leave the key out, or write [] or {}", "%s is expected for %s",
                    kind_names[kind], what);
        return false;
    }
    if (node->kind == kind)
        return true;
    kj_complain(r, node, NULL, "%s is expected for %s, not %s", kind_names[kind], what,
                kind_names[node->kind]);
    return false;
}

bool kj_is_cut(const kj_reading *r, const kj_yaml *node)
{
    size_t opened = 0, closed = 0, end = node->offset + node->len;
    for (size_t i = 0; node->kind == KJ_YAML_TEXT && i < node->text.len; i++) {
        opened += node->text.data[i] == '(';
        closed += node->text.data[i] == ')';
    }
    return opened > closed &&
           kj_span_starts(kj_span_sub(r->source->text, end, 1), kj_span_str(","));
}

/* ---- maps ---------------------------------------------------------------------------------- */

static const kj_key *find_row(const kj_keys *keys, kj_span name)
{
    for (size_t i = 0; i < keys->count; i++)
        if (kj_span_is(name, keys->rows[i].name))
            return &keys->rows[i];
    return NULL;
}

/* The hint for a wrong word: the nearest right one, or all of them when they are few. */
static const char *word_hint(kj_reading *r, kj_span wrong, size_t count,
                             const char *(*word)(const void *table, size_t i), const void *table)
{
    kj_guess guess = {.wrong = wrong};
    kj_buf list;
    for (size_t i = 0; i < count; i++)
        kj_guess_try(&guess, kj_span_str(word(table, i)));
    const char *hint = kj_guess_hint(&guess, &r->ir->arena);
    if (hint || count > FEW_WORDS)
        return hint;
    kj_buf_init(&list, 4096);
    for (size_t i = 0; i < count; i++)
        kj_buf_printf(&list, "%s%s", i ? ", " : "one of: ", word(table, i));
    hint = kj_arena_strdup(&r->ir->arena, kj_buf_text(&list));
    kj_buf_done(&list);
    return hint;
}

static const char *row_name(const void *table, size_t i)
{
    return ((const kj_key *)table)[i].name;
}

static void refuse_key(kj_reading *r, const kj_keys *keys, const kj_yaml *key)
{
    kj_complain(r, key, word_hint(r, key->text, keys->count, row_name, keys->rows),
                "unknown key '%.*s' in %s", kj_printed_len(key->text), (const char *)key->text.data,
                keys->what);
}

static void require_keys(kj_reading *r, const kj_yaml *map, const kj_keys *keys)
{
    /* A map of many lines is named by its key, or by the first key in it. */
    const kj_yaml *where = map->key ? map->key : map->first ? map->first->key : map;
    for (size_t i = 0; i < keys->count; i++)
        if (keys->rows[i].required && !kj_yaml_find(map, keys->rows[i].name))
            kj_complain(r, where, NULL, "%s needs the key '%s'", keys->what, keys->rows[i].name);
}

void kj_read_map(kj_reading *r, const kj_yaml *node, const kj_keys *keys, void *out)
{
    if (!kj_expect_kind(r, node, KJ_YAML_MAP, keys->what))
        return;
    bool cut = false;
    for (const kj_yaml *entry = node->first; entry; entry = entry->next) {
        const kj_key *row = find_row(keys, entry->key->text);
        cut = entry->missing ? cut : kj_is_cut(r, entry);
        if (!row && entry->missing && cut)
            continue; /* a piece of the value before it */
        if (!row)
            refuse_key(r, keys, entry->key);
        else if (row->read && !entry->broken)
            row->read(r, entry, (char *)out + row->member, row->param);
    }
    require_keys(r, node, keys);
}

void kj_read_submap(kj_reading *r, const kj_yaml *node, void *out, const void *param)
{
    kj_read_map(r, node, param, out);
}

void kj_read_node(kj_reading *r, const kj_yaml *node, void *out, const void *param)
{
    (void)r;
    (void)param;
    *(const kj_yaml **)out = node;
}

void *kj_read_maps(kj_reading *r, const kj_yaml *node, const kj_keys *keys, size_t size,
                   bool or_one, size_t *out_count)
{
    bool one = or_one && node->kind == KJ_YAML_MAP;
    *out_count = 0;
    if (!one && !kj_expect_kind(r, node, KJ_YAML_LIST, "this key"))
        return NULL;
    size_t count = one ? 1 : node->count;
    if (count == 0)
        return NULL;
    char *items = kj_arena_alloc_array(&r->ir->arena, count, size);
    if (!items) {
        r->no_memory = true;
        return NULL;
    }
    for (const kj_yaml *item = one ? node : node->first; item; item = one ? NULL : item->next)
        kj_read_map(r, item, keys, items + (*out_count)++ * size);
    return items;
}

/* ---- texts --------------------------------------------------------------------------------- */

static bool expect_line(kj_reading *r, const kj_yaml *node, const char *what)
{
    if (!kj_expect_kind(r, node, KJ_YAML_TEXT, what))
        return false;
    if (!node->text.len || !memchr(node->text.data, '\n', node->text.len))
        return true;
    kj_complain(r, node, NULL, "%s is a single line", what);
    return false;
}

static bool expect_text(kj_reading *r, const kj_yaml *node, const char *what)
{
    if (!expect_line(r, node, what))
        return false;
    if (kj_text_trim(node->text).len)
        return true;
    kj_complain(r, node, node->missing ? "a key that is not needed is left out whole" : NULL,
                "%s is empty", what);
    return false;
}

static const char *name_of(const kj_yaml *node)
{
    return node->key ? "the value" : "an item";
}

void kj_read_text(kj_reading *r, const kj_yaml *node, void *out, const void *param)
{
    (void)param;
    if (expect_text(r, node, name_of(node)))
        *(kj_span *)out = node->text;
}

void kj_read_empty(kj_reading *r, const kj_yaml *node, void *out, const void *param)
{
    (void)param;
    if (expect_line(r, node, name_of(node)))
        *(kj_span *)out = node->text;
}

void kj_read_prose(kj_reading *r, const kj_yaml *node, void *out, const void *param)
{
    (void)param;
    if (!kj_expect_kind(r, node, KJ_YAML_TEXT, "prose"))
        return;
    if (kj_text_trim(node->text).len == 0)
        kj_complain(r, node, NULL, "the text is empty");
    else
        *(kj_span *)out = node->text;
}

bool kj_is_slug(kj_span text)
{
    if (text.len == 0 || text.data[0] < 'a' || text.data[0] > 'z' || text.data[text.len - 1] == '-')
        return false;
    for (size_t i = 0; i < text.len; i++) {
        unsigned c = text.data[i];
        if (!kj_is_digit(c) && c - 'a' >= 26 && !(c == '-' && text.data[i - 1] != '-'))
            return false;
    }
    return true;
}

static bool expect_slug(kj_reading *r, const kj_yaml *node)
{
    if (!expect_text(r, node, "an id"))
        return false;
    if (kj_is_slug(node->text))
        return true;
    kj_complain(r, node, "small letters, digits and hyphens, a letter first",
                "'%.*s' is no valid id", kj_printed_len(node->text), (const char *)node->text.data);
    return false;
}

void kj_read_slug(kj_reading *r, const kj_yaml *node, void *out, const void *param)
{
    (void)param;
    if (expect_slug(r, node))
        *(kj_span *)out = node->text;
}

size_t kj_texts_max(const kj_yaml *node)
{
    return node->kind == KJ_YAML_LIST ? node->count : 1;
}

const kj_yaml *kj_next_text(kj_reading *r, const kj_yaml *node, const kj_yaml *at, const char *what)
{
    bool list = node->kind == KJ_YAML_LIST;
    if (!at && list && node->count == 0)
        kj_complain(r, node, NULL, "%s is expected here, and not an empty list", what);
    const kj_yaml *next = at ? at->next : list ? node->first : node;
    if (at && !list)
        return NULL;
    while (next && !expect_text(r, next, what))
        next = list ? next->next : NULL;
    return next;
}

/* Room for as many texts as a node may have; NULL, and no_memory, when there is none. */
static kj_span *new_texts(kj_reading *r, const kj_yaml *node)
{
    kj_span *items = kj_new_array(&r->ir->arena, kj_span, kj_texts_max(node) + 1);
    r->no_memory = r->no_memory || !items;
    return items;
}

static void read_list(kj_reading *r, const kj_yaml *node, kj_texts *out, const void *param,
                      bool (*accept)(kj_reading *r, const kj_yaml *item, const void *param))
{
    size_t count = 0;
    kj_span *items = new_texts(r, node);
    if (!items || node->broken)
        return;
    for (const kj_yaml *at = NULL; (at = kj_next_text(r, node, at, "an item")) != NULL;)
        if (accept(r, at, param))
            items[count++] = at->text;
    *out = (kj_texts){items, count};
}

static bool accept_any(kj_reading *r, const kj_yaml *item, const void *param)
{
    (void)r;
    (void)item;
    (void)param;
    return true;
}

static bool accept_slug(kj_reading *r, const kj_yaml *item, const void *param)
{
    (void)param;
    return expect_slug(r, item);
}

static bool accept_word(kj_reading *r, const kj_yaml *item, const void *param)
{
    return kj_find_word(r, item, param) != SIZE_MAX;
}

void kj_read_texts(kj_reading *r, const kj_yaml *node, void *out, const void *param)
{
    read_list(r, node, out, param, accept_any);
}

/* Lists of ids and words may be empty. */
static bool is_empty_list(const kj_yaml *node)
{
    return node->kind == KJ_YAML_LIST && node->count == 0;
}

void kj_read_slugs(kj_reading *r, const kj_yaml *node, void *out, const void *param)
{
    if (!is_empty_list(node))
        read_list(r, node, out, param, accept_slug);
}

void kj_read_word_list(kj_reading *r, const kj_yaml *node, void *out, const void *param)
{
    if (!is_empty_list(node))
        read_list(r, node, out, param, accept_word);
}

static const char *word_at(const void *table, size_t i)
{
    return ((const char *const *)table)[i];
}

size_t kj_find_word(kj_reading *r, const kj_yaml *node, const kj_words *words)
{
    if (!expect_text(r, node, words->what))
        return SIZE_MAX;
    for (size_t i = 0; i < words->count; i++)
        if (kj_span_is(node->text, words->items[i]))
            return i;
    kj_complain(r, node, word_hint(r, node->text, words->count, word_at, words->items),
                "'%.*s' is not %s", kj_printed_len(node->text), (const char *)node->text.data,
                words->what);
    return SIZE_MAX;
}

void kj_read_word(kj_reading *r, const kj_yaml *node, void *out, const void *param)
{
    if (kj_find_word(r, node, param) != SIZE_MAX)
        *(kj_span *)out = node->text;
}

void kj_read_pairs(kj_reading *r, const kj_yaml *node, void *out, const void *param)
{
    kj_pairs *pairs = out;
    pairs->items = kj_read_maps(r, node, param, sizeof(kj_pair), false, &pairs->count);
}
