/* SPDX-License-Identifier: Apache-2.0 */
/* Quick lookup by name where a hive may be asked for as many names as it holds: the classes, and
 * what Explorer keeps about entries. And the account of the work, which ends before the worst hive
 * holds anybody up.
 *
 * An index holds hashes of names, sorted. What a hash finds is compared as Windows compares it, so
 * letters that the hash does not know cost time only, and that is counted. */
#include "base/text.h"
#include "host/autostarts_private.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    BYTES_MAX = 128 << 20, /* of texts */
    BYTES_A_STEP = 64,     /* copied, or looked at */
    KEYS_A_STEP = 64,      /* gone over in search of one */
    VALUES_A_STEP = 16,
    HASH_FACTOR = 37,
};

/* ---- the account
 * ----------------------------------------------------------------------------------------- */

static void stop(kj_autostart_finder *f, const char *why)
{
    if (!f->full)
        f->why = why;
    f->full = true;
}

void kj_autostart_spend(kj_autostart_finder *f, uint64_t steps)
{
    size_t used = f->system->arena->used;
    f->work += steps;
    if (f->work > f->work_max)
        stop(f, "what starts by itself takes too long to find out: there are too many or too long "
                "entries; the rest was not looked at");
    else if (used > f->used_before && used - f->used_before > BYTES_MAX)
        stop(f, "the texts of what starts by itself are longer than 128 MB; the rest was not "
                "looked at");
}

void kj_autostart_spend_bytes(kj_autostart_finder *f, size_t len)
{
    kj_autostart_spend(f, 1 + len / BYTES_A_STEP);
}

void kj_autostart_spend_key(kj_autostart_finder *f, const kj_registry *reg, kj_reg_key key)
{
    kj_reg_key_info info;
    uint64_t steps = 1;
    if (key != KJ_REG_NONE && kj_registry_key(reg, key, &info))
        steps += info.subkey_count / KEYS_A_STEP + info.value_count / VALUES_A_STEP;
    kj_autostart_spend(f, steps);
}

/* ---- indexes
 * --------------------------------------------------------------------------------------------- */

static uint32_t add_unit(uint32_t hash, unsigned unit)
{
    return unit < 0x80 ? HASH_FACTOR * hash + kj_lower((uint8_t)unit) : hash;
}

static uint32_t hash_name(kj_reg_name name)
{
    uint32_t hash = 0;
    size_t width = name.wide ? 2 : 1;
    for (size_t i = 0; i + width <= name.raw.len; i += width) {
        unsigned high = name.wide ? name.raw.data[i + 1] : 0;
        hash = add_unit(hash, high << 8 | name.raw.data[i]);
    }
    return hash;
}

static uint32_t hash_text(kj_span text)
{
    uint32_t hash = 0;
    for (size_t i = 0; i < text.len; i++)
        hash = add_unit(hash, text.data[i]);
    return hash;
}

static void add_item(kj_autostart_finder *f, kj_autostart_index *index, kj_autostart_item item)
{
    item.hash = hash_name(item.name);
    item.order = (uint32_t)index->items.count;
    kj_autostart_spend(f, 1);
    if (!kj_vec_add(&index->items, item))
        f->starved = true;
}

static int by_hash(const void *left, const void *right)
{
    const kj_autostart_item *a = left, *b = right;
    if (a->hash != b->hash)
        return a->hash < b->hash ? -1 : 1;
    return a->order < b->order ? -1 : a->order > b->order;
}

static void fill_index(kj_autostart_finder *f, kj_autostart_index *index, const kj_registry *reg)
{
    kj_reg_key key = kj_registry_find(reg, reg->root, kj_span_str(index->path));
    kj_reg_iter it = {0};
    kj_reg_key_info info;
    kj_reg_value value;
    if (key == KJ_REG_NONE)
        return;
    while (index->of_keys && !f->full && !f->starved &&
           kj_registry_next_subkey(reg, key, &it, &info))
        add_item(f, index, (kj_autostart_item){.name = info.name, .key = info.key});
    /* data in segments is no word of Explorer's: no arena */
    while (!index->of_keys && !f->full && !f->starved &&
           kj_registry_next_value(reg, key, &it, NULL, &value))
        add_item(f, index,
                 (kj_autostart_item){.name = value.name,
                                     .key = value.data.len ? value.data.data[0] : 0});
    if (index->items.count)
        qsort(index->items.items, index->items.count, sizeof *index->items.items, by_hash);
}

static kj_autostart_index *index_of(kj_autostart_finder *f, uint32_t hive, const char *path,
                                    bool of_keys)
{
    for (size_t i = 0; i < f->indexes.count; i++) {
        kj_autostart_index *index = &f->indexes.items[i];
        if (index->hive == hive && index->of_keys == of_keys && strcmp(index->path, path) == 0)
            return index;
    }
    kj_autostart_index *made = kj_vec_push(&f->indexes);
    f->starved |= !made;
    if (!made)
        return NULL;
    made->hive = hive;
    made->of_keys = of_keys;
    (void)snprintf(made->path, sizeof made->path, "%s", path);
    fill_index(f, made, &f->system->hives[hive].registry);
    return made;
}

/* The first item of that name, NULL: none. */
static const kj_autostart_item *look_up(kj_autostart_finder *f, const kj_autostart_index *index,
                                        kj_span name)
{
    uint32_t hash = hash_text(name);
    size_t low = 0, high = index->items.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (index->items.items[middle].hash < hash)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < index->items.count && index->items.items[low].hash == hash && !f->full; low++) {
        kj_autostart_spend(f, 1);
        if (kj_reg_name_is(index->items.items[low].name, name))
            return &index->items.items[low];
    }
    return NULL;
}

kj_reg_key kj_autostart_find_key(kj_autostart_finder *f, uint32_t hive, const char *path,
                                 kj_span name)
{
    const kj_autostart_index *index = index_of(f, hive, path, true);
    const kj_autostart_item *item = index ? look_up(f, index, name) : NULL;
    return item ? item->key : KJ_REG_NONE;
}

uint8_t kj_autostart_first_byte(kj_autostart_finder *f, uint32_t hive, const char *path,
                                kj_span name)
{
    const kj_autostart_index *index = index_of(f, hive, path, false);
    const kj_autostart_item *item = index ? look_up(f, index, name) : NULL;
    return item ? (uint8_t)item->key : 0;
}

void kj_autostart_forget(kj_autostart_finder *f)
{
    for (size_t i = 0; i < f->indexes.count; i++)
        kj_vec_done(&f->indexes.items[i].items);
    kj_vec_done(&f->indexes);
}
