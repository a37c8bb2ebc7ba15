/* SPDX-License-Identifier: Apache-2.0 */
/* The strict check of a hive: first the cells that tile the bins, then everything that can be
 * reached from the root, which takes each cell once, then what was not reached.
 *
 * The measure is what hives that Windows closed properly have in common, all versions alike. A hive
 * that Windows recovered may have cells that nothing leads to, and security records that count more
 * keys than there are: both are harmless, so they are warnings. */
#include "base/arith.h"
#include "base/reader.h"
#include "formats/regf_private.h"

typedef struct security {
    uint32_t cell;
    uint32_t references; /* keys that lead to it */
} security;

typedef struct pending {
    uint32_t cell;
    uint32_t parent;
} pending;

typedef struct check {
    const kj_registry *reg;
    const kj_regf_index *index;
    uint8_t *used; /* a bit for every eight bytes: a used cell begins there */
    uint8_t *seen; /* likewise: something leads to it */
    size_t map_len;
    size_t used_count;
    security *securities; /* ascending */
    size_t security_count;
    pending *keys; /* reached; each is looked at once, so there are no more than used cells */
    size_t key_count;
    void (*issue)(void *user, const kj_regf_issue *issue);
    void *user;
    kj_regf_checked result;
} check;

static void say(check *c, kj_regf_level level, uint32_t cell, const char *sentence)
{
    kj_regf_issue issue = {level, cell, sentence};
    bool is_first =
        level == KJ_REGF_ERROR ? c->result.errors == 0 : c->result.errors + c->result.warnings == 0;
    if (is_first)
        c->result.first = issue;
    if (level == KJ_REGF_ERROR)
        c->result.errors++;
    else
        c->result.warnings++;
    if (c->issue)
        c->issue(c->user, &issue);
}

static void fault(check *c, uint32_t cell, const char *sentence)
{
    say(c, KJ_REGF_ERROR, cell, sentence);
}

static bool get_bit(const uint8_t *map, uint32_t cell)
{
    return map[cell / 64] >> cell / 8 % 8 & 1;
}

static void set_bit(uint8_t *map, uint32_t cell)
{
    map[cell / 64] |= (uint8_t)(1 << cell / 8 % 8);
}

/* Whether the tiling has a used cell there. */
static bool is_used(const check *c, uint32_t cell)
{
    return cell % 8 == 0 && cell < c->index->data.len && get_bit(c->used, cell);
}

/* Notes that `cell` is referred to from `from`. False when it is no used cell, or was referred to
 * before: what is in it is not looked at then. */
static bool take(check *c, uint32_t cell, uint32_t from)
{
    if (!is_used(c, cell)) {
        fault(c, from, KJ_SENTENCE("leads to a place that is no used cell"));
        return false;
    }
    if (get_bit(c->seen, cell)) {
        fault(c, cell, KJ_SENTENCE("the cell is referred to twice"));
        return false;
    }
    set_bit(c->seen, cell);
    return true;
}

/* ---- header, bins, cells -------------------------------------------------------------------- */

static void check_header(check *c)
{
    kj_regf_header header = {0};
    (void)kj_regf_read_header(c->reg->bytes, &header); /* opening it did the same */
    if (!header.checksum_ok)
        fault(c, KJ_REG_NONE, KJ_SENTENCE("the checksum of the header is wrong"));
    if (header.sequence1 != header.sequence2)
        fault(c, KJ_REG_NONE, KJ_SENTENCE("the hive was not written completely"));
    if (header.type != 0)
        fault(c, KJ_REG_NONE, KJ_SENTENCE("the header says that the file is a log"));
    if (header.data_size % KJ_REGF_PAGE)
        fault(c, KJ_REG_NONE, KJ_SENTENCE("the size of all bins is no multiple of 4,096"));
    if (header.data_size > c->index->data.len)
        fault(c, KJ_REG_NONE, KJ_SENTENCE("the file ends before its last bin"));
}

/* The cells of a bin, from `at` up to `end`. */
static void tile_bin(check *c, uint32_t at, uint32_t end)
{
    while (at < end) {
        kj_reader r = kj_reader_of(kj_span_sub(c->index->data, at, 8));
        uint32_t stored = kj_read_u32le(&r);
        bool is_taken = stored > INT32_MAX;
        uint32_t size = is_taken ? 0 - stored : stored;
        if (size < KJ_REGF_CELL_MIN || size % c->index->alignment || size > end - at) {
            fault(c, at, KJ_SENTENCE("a cell has a size that cannot be"));
            return;
        }
        if (is_taken) {
            set_bit(c->used, at);
            c->used_count++;
            c->security_count += kj_span_is(kj_span_sub(kj_regf_cell(c->reg, at), 0, 2), "sk");
        }
        at += size;
    }
}

static void tile_bins(check *c)
{
    uint32_t page = 0, count = 1;
    for (; page < c->index->page_count; page += count) {
        if (kj_regf_read_bin(c->index, page, &count)) {
            tile_bin(c, page * KJ_REGF_PAGE + KJ_REGF_BIN_HEADER_LEN,
                     (page + count) * KJ_REGF_PAGE);
            continue;
        }
        fault(c, page * KJ_REGF_PAGE, KJ_SENTENCE("there is no bin where one has to be"));
        count = c->index->end_of_bin[page] - page;
    }
}

/* Calls `visit` for each used cell, ascending. */
static void for_used(check *c, void (*visit)(check *c, uint32_t cell))
{
    for (size_t i = 0; i < c->map_len; i++)
        for (uint32_t bits = c->used[i]; bits; bits &= bits - 1)
            visit(c, (uint32_t)(i * 64) + (uint32_t)__builtin_ctz(bits) * 8);
}

static void note_security(check *c, uint32_t cell)
{
    if (kj_span_is(kj_span_sub(kj_regf_cell(c->reg, cell), 0, 2), "sk"))
        c->securities[c->security_count++].cell = cell;
}

/* ---- security records ----------------------------------------------------------------------- */

static security *find_security(check *c, uint32_t cell)
{
    size_t low = 0, high = c->security_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (c->securities[middle].cell == cell)
            return &c->securities[middle];
        if (c->securities[middle].cell < cell)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static void use_security(check *c, uint32_t key, uint32_t cell)
{
    security *s = find_security(c, cell);
    if (!s) {
        fault(c, key, KJ_SENTENCE("the key has no security record"));
        return;
    }
    s->references++;
    set_bit(c->seen, cell);
}

/* Data that nobody named may happen to begin as a record; only what keys lead to is checked. */
static void check_security(check *c, const security *s)
{
    kj_regf_sk sk, next, previous;
    if (s->references == 0)
        return;
    if (!kj_regf_read_sk(c->reg, s->cell, &sk) ||
        sk.size > kj_regf_cell(c->reg, s->cell).len - KJ_REGF_SK_LEN) {
        fault(c, s->cell, KJ_SENTENCE("the security record is longer than its cell"));
        return;
    }
    if (!find_security(c, sk.next) || !find_security(c, sk.previous) ||
        !kj_regf_read_sk(c->reg, sk.next, &next) ||
        !kj_regf_read_sk(c->reg, sk.previous, &previous) || next.previous != s->cell ||
        previous.next != s->cell)
        fault(c, s->cell, KJ_SENTENCE("the ring of security records is broken"));
    if (sk.reference_count < s->references)
        fault(c, s->cell, KJ_SENTENCE("more keys use the security record than it counts"));
    if (sk.reference_count > s->references)
        say(c, KJ_REGF_WARNING, s->cell,
            KJ_SENTENCE("fewer keys use the security record than it counts"));
}

/* ---- values --------------------------------------------------------------------------------- */

static void check_segments(check *c, uint32_t cell, const kj_regf_vk *vk, const kj_regf_db *db)
{
    uint32_t left = vk->size;
    if (!take(c, db->list, cell))
        return;
    kj_reader list = kj_reader_of(kj_regf_cell(c->reg, db->list));
    for (uint32_t i = 0; i < db->count; i++) {
        uint32_t segment = kj_read_u32le(&list);
        uint32_t part = left < KJ_REGF_SEGMENT_LEN ? left : KJ_REGF_SEGMENT_LEN;
        if (!kj_reader_ok(&list) || part == 0)
            break;
        if (take(c, segment, cell) && kj_regf_cell(c->reg, segment).len < part)
            fault(c, segment, KJ_SENTENCE("a segment is shorter than it has to be"));
        left -= part;
    }
    if (left || (vk->size + KJ_REGF_SEGMENT_LEN - 1) / KJ_REGF_SEGMENT_LEN != db->count)
        fault(c, cell, KJ_SENTENCE("the value has more, or fewer, segments than its size needs"));
}

static void check_data(check *c, uint32_t cell, const kj_regf_vk *vk)
{
    kj_regf_db db;
    if (vk->is_inline) {
        if (vk->size > 4)
            fault(c, cell, KJ_SENTENCE("the value is too long to stand in its record"));
        return;
    }
    if (vk->size == 0 || !take(c, vk->data, cell))
        return;
    if (kj_regf_read_db(c->reg, vk, &db))
        check_segments(c, cell, vk, &db);
    else if (kj_regf_cell(c->reg, vk->data).len < vk->size)
        fault(c, cell, KJ_SENTENCE("the value is longer than the cell of its data"));
    else if (vk->size > KJ_REGF_SEGMENT_LEN && c->reg->minor > 3)
        fault(c, cell, KJ_SENTENCE("the value has to be in segments and is not"));
}

static void check_values(check *c, uint32_t key, const kj_regf_nk *nk)
{
    if (nk->value_count == 0 || !take(c, nk->values, key))
        return;
    kj_reader list = kj_reader_of(kj_regf_cell(c->reg, nk->values));
    for (uint32_t i = 0; i < nk->value_count; i++) {
        uint32_t cell = kj_read_u32le(&list);
        kj_regf_vk vk;
        if (!kj_reader_ok(&list)) {
            fault(c, key, KJ_SENTENCE("the list of values is shorter than the key says"));
            return;
        }
        if (!take(c, cell, nk->values))
            continue;
        if (!kj_regf_read_vk(c->reg, cell, &vk)) {
            fault(c, cell, KJ_SENTENCE("the record is no value"));
            continue;
        }
        c->result.values++;
        check_data(c, cell, &vk);
    }
}

/* ---- keys ----------------------------------------------------------------------------------- */

static bool hint_fits(const kj_regf_place *place, kj_reg_name name)
{
    if (place->kind == KJ_REGF_LH)
        return place->hint == kj_regf_hash(name);
    if (place->kind != KJ_REGF_LF)
        return true;
    uint32_t hint = kj_regf_hint(name);
    if ((hint & UINT8_MAX) == 0) /* compare the name itself: the other three may be anything */
        return (place->hint & UINT8_MAX) == 0;
    for (uint32_t i = 0; i < 32; i += 8)
        if (kj_reg_upper(hint >> i & UINT8_MAX) != kj_reg_upper(place->hint >> i & UINT8_MAX))
            return false;
    return true;
}

/* Takes the key's lists. False when one is none or shorter than it says; then its elements are not
 * looked at. */
static bool take_lists(check *c, uint32_t key, uint32_t cell)
{
    kj_regf_list list, part;
    if (!take(c, cell, key))
        return false;
    bool ok = kj_regf_read_list(c->reg, cell, &list) && list.room == list.count;
    for (uint32_t i = 0; ok && list.kind == KJ_REGF_RI && i < list.count; i++) {
        uint32_t inner = kj_regf_element(&list, i, NULL);
        if (!take(c, inner, cell))
            return false;
        ok = kj_regf_read_list(c->reg, inner, &part) && part.room == part.count &&
             part.kind != KJ_REGF_RI;
    }
    if (!ok)
        fault(c, key, KJ_SENTENCE("a list of subkeys is none, or shorter than it says"));
    return ok;
}

static void check_subkeys(check *c, uint32_t key, const kj_regf_nk *nk)
{
    kj_regf_place place;
    kj_reg_name last = {0};
    uint32_t position = 0, cell, count = 0;
    if (nk->subkey_count == 0 || !take_lists(c, key, nk->subkeys))
        return;
    for (; kj_regf_next_place(c->reg, nk->subkeys, &position, &place, &cell); count++) {
        kj_regf_nk sub;
        if (!take(c, cell, place.list))
            continue;
        if (!kj_regf_read_nk(c->reg, cell, &sub)) {
            fault(c, cell, KJ_SENTENCE("the record is no key"));
            continue;
        }
        if (last.raw.data && kj_reg_name_compare(last, sub.name) >= 0)
            fault(c, cell, KJ_SENTENCE("the subkeys are not in order"));
        if (!hint_fits(&place, sub.name))
            fault(c, cell, KJ_SENTENCE("the list of subkeys has a wrong hint or hash of the key"));
        last = sub.name;
        c->keys[c->key_count++] = (pending){cell, key};
    }
    if (count != nk->subkey_count)
        fault(c, key, KJ_SENTENCE("the key has more, or fewer, subkeys than it says"));
}

static void check_class(check *c, uint32_t key, const kj_regf_nk *nk)
{
    if (nk->class_len == 0 || nk->class_cell == KJ_REG_NONE || !take(c, nk->class_cell, key))
        return;
    if (kj_regf_cell(c->reg, nk->class_cell).len < nk->class_len)
        fault(c, key, KJ_SENTENCE("the key's class is longer than its cell"));
}

static void check_key(check *c, pending key)
{
    kj_regf_nk nk;
    if (!kj_regf_read_nk(c->reg, key.cell, &nk))
        return; /* said when it was found */
    c->result.keys++;
    if (key.parent != KJ_REG_NONE && nk.parent != key.parent)
        fault(c, key.cell, KJ_SENTENCE("the key names another parent"));
    use_security(c, key.cell, nk.security);
    check_class(c, key.cell, &nk);
    check_values(c, key.cell, &nk);
    check_subkeys(c, key.cell, &nk);
}

static void check_leak(check *c, uint32_t cell)
{
    if (get_bit(c->seen, cell))
        return;
    c->result.leaked_cells++;
    say(c, KJ_REGF_WARNING, cell, KJ_SENTENCE("nothing leads to the cell"));
}

kj_status kj_regf_check(const kj_registry *reg, kj_arena *arena,
                        void (*issue)(void *user, const kj_regf_issue *issue), void *user,
                        kj_regf_checked *out, kj_error *err)
{
    if (reg->form != KJ_REGISTRY_REGF)
        return kj_fail(err, KJ_UNSUPPORTED, 0, "only hives of Windows NT can be checked");
    check c = {.reg = reg, .index = reg->index, .issue = issue, .user = user};
    c.map_len = c.index->data.len / 64 + 1;
    c.used = kj_arena_alloc(arena, c.map_len);
    c.seen = kj_arena_alloc(arena, c.map_len);
    if (!c.used || !c.seen)
        return kj_no_memory(err);
    check_header(&c);
    tile_bins(&c);
    c.securities = kj_new_array(arena, security, c.security_count + 1);
    c.keys = kj_new_array(arena, pending, c.used_count + 1);
    if (!c.securities || !c.keys)
        return kj_no_memory(err);
    c.security_count = 0;
    for_used(&c, note_security);
    if (take(&c, reg->root, KJ_REG_NONE))
        c.keys[c.key_count++] = (pending){reg->root, KJ_REG_NONE};
    for (size_t i = 0; i < c.key_count; i++)
        check_key(&c, c.keys[i]);
    for (size_t i = 0; i < c.security_count; i++)
        check_security(&c, &c.securities[i]);
    for_used(&c, check_leak);
    *out = c.result;
    return KJ_OK;
}
