/* SPDX-License-Identifier: Apache-2.0 */
/* Changing hives in place. Layouts: formats/regf.c.
 *
 * Nothing is moved: cells stay where they are, become free, or are taken from what is free. What a
 * change has to read, it checks first, and where the hive does not fit, it refuses. Every write
 * notes the bytes before, so that a change that fails half way is taken back; which bytes of the
 * file are different in the end is found by comparing, not by book-keeping.
 *
 *   - Free neighbours are joined when room is needed, not when a cell becomes free: that writes one
 *     number a cell, and Windows reads both.
 *   - A list of values that becomes empty goes, as in Windows; one that becomes shorter stays. So
 *     do lists of subkeys.
 *   - What keys say about the longest name and data below them may be too large, never too small:
 *     programs of Windows allocate by it. */
#include "base/arith.h"
#include "base/cleanup.h"
#include "base/reader.h"
#include "base/store.h"
#include "base/vec.h"
#include "formats/regf_private.h"

enum {
    ISSUES_MAX = 1 << 16,
    EDIT_GAP = 16,      /* edits nearer to each other are one */
    INLINE_MAX = 4,     /* bytes of data that stand in a vk */
    DB_MIN_MINOR = 4,   /* hives of version 1.3 have no segments */
    EDIT_MIN_MINOR = 3, /* older ones have other cells */
    NAME_UNITS_MAX = 16383,
    DB_CELL_LEN = 12, /* "db", count, list, four bytes that nobody reads */

    /* in a nk */
    SUBKEY_COUNT_AT = 20,
    SUBKEYS_AT = 28,
    VALUE_COUNT_AT = 36,
    VALUES_AT = 40,
    VALUE_NAME_MAX_AT = 60,
    VALUE_DATA_MAX_AT = 64,
    /* in a vk */
    DATA_SIZE_AT = 4,
    DATA_AT = 8,
    TYPE_AT = 12,
    /* in a sk */
    SK_NEXT_AT = 4,
    SK_PREVIOUS_AT = 8,
    SK_COUNT_AT = 12,
    /* in a list */
    LIST_COUNT_AT = 2,
};

typedef struct write {
    size_t at;
    size_t len;
} write_record;

typedef KJ_VEC(write_record) write_list;

typedef struct issue_list {
    KJ_VEC(kj_regf_issue) items;
    bool starved;
} issue_list;

struct kj_regf_editor {
    kj_span disk;
    kj_buf hive;
    kj_arena *arena;
    kj_registry reg;
    uint32_t sequence; /* of the hive as it was */
    uint64_t written;
    bool changed;      /* by an operation */
    issue_list issues; /* before, sorted */
    /* the operation under way */
    write_list writes;
    kj_buf before; /* their bytes before, one behind the other */
    size_t size_before;
    kj_registry reg_before;
    bool failed;  /* a write did not come about */
    bool starved; /* ... for want of memory */
};

static size_t place(uint32_t cell)
{
    return (size_t)KJ_REGF_HEADER_LEN + cell;
}

/* Of a cell's content: cells of the versions that are edited have 4 bytes of size. */
static size_t content(uint32_t cell)
{
    return place(cell) + 4;
}

/* ---- writing -------------------------------------------------------------------------------- */

/* `bytes` may be a part of the hive. */
static void put(kj_regf_editor *e, size_t at, kj_span bytes)
{
    if (e->failed || bytes.len == 0)
        return;
    kj_span old = kj_span_sub(kj_buf_span(&e->hive), at, bytes.len);
    write_record record = {at, bytes.len};
    e->failed = old.len != bytes.len;
    if (e->failed)
        return;
    kj_buf_put(&e->before, old);
    e->starved = e->before.failed || !kj_vec_add(&e->writes, record);
    e->failed = e->starved;
    if (!e->failed)
        memmove(e->hive.data + at, bytes.data, bytes.len);
}

static void put_u16(kj_regf_editor *e, size_t at, uint16_t value)
{
    uint8_t bytes[2];
    kj_store_u16le(bytes, value);
    put(e, at, kj_span_of(bytes, sizeof bytes));
}

static void put_u32(kj_regf_editor *e, size_t at, uint32_t value)
{
    uint8_t bytes[4];
    kj_store_u32le(bytes, value);
    put(e, at, kj_span_of(bytes, sizeof bytes));
}

static kj_status reopen(kj_regf_editor *e, kj_error *err)
{
    return kj_regf_open(kj_buf_span(&e->hive), e->arena, &e->reg, err);
}

static void begin(kj_regf_editor *e)
{
    e->writes.count = 0;
    kj_buf_clear(&e->before);
    e->size_before = e->hive.len;
    e->reg_before = e->reg;
    e->failed = false;
    e->starved = false;
}

static void roll_back(kj_regf_editor *e)
{
    size_t end = 0;
    for (size_t i = 0; i < e->writes.count; i++)
        end += e->writes.items[i].len;
    for (size_t i = e->writes.count; i-- > 0;) {
        const write_record *w = &e->writes.items[i];
        end -= w->len;
        memcpy(e->hive.data + w->at, e->before.data + end, w->len);
    }
    e->hive.len = e->size_before;
    e->hive.failed = false;
    /* The bytes may stand elsewhere now. What is known of the bins is true again, and this cannot
     * fail for want of memory. */
    kj_regf_index *index = e->reg_before.index;
    e->reg = e->reg_before;
    e->reg.bytes = kj_buf_span(&e->hive);
    index->data = kj_span_sub(e->reg.bytes, KJ_REGF_HEADER_LEN, index->data.len);
}

/* Ends an operation: all of it happened, or nothing. */
static kj_status end(kj_regf_editor *e, kj_status status, kj_error *err)
{
    if (status == KJ_OK && e->failed)
        status = e->starved ? kj_no_memory(err)
                            : kj_fail(err, KJ_INTERNAL, KJ_NO_OFFSET, "a write behind the hive");
    if (status == KJ_OK) {
        e->changed = true;
        return KJ_OK;
    }
    roll_back(e);
    return status;
}

static kj_status misfit(uint32_t cell, kj_error *err, const char *sentence)
{
    return kj_fail(err, KJ_MALFORMED, place(cell), "%s", sentence);
}

/* ---- cells ---------------------------------------------------------------------------------- */

static uint32_t u32_at(kj_span cell, size_t at)
{
    kj_reader r = kj_reader_of(cell);
    kj_seek(&r, at);
    return kj_read_u32le(&r);
}

static kj_status free_cell(kj_regf_editor *e, uint32_t cell, kj_error *err)
{
    kj_span inside = kj_regf_cell(&e->reg, cell);
    if (!inside.data)
        return misfit(cell, err, KJ_SENTENCE("what should become free is no cell in use"));
    put_u32(e, place(cell), (uint32_t)inside.len + 4);
    return KJ_OK;
}

/* A run of free cells in one bin. */
typedef struct gap {
    uint32_t cell;
    uint32_t len;
} gap;

/* Finds the first run of at least `len` bytes in a bin; a bin that its cells do not fill has none.
 */
static bool find_gap(kj_span bin, uint32_t bin_at, uint32_t len, gap *out)
{
    gap run = {0}, found = {0};
    kj_reader r = kj_reader_of(bin);
    kj_skip(&r, KJ_REGF_BIN_HEADER_LEN);
    while (kj_reader_left(&r)) {
        uint32_t at = bin_at + (uint32_t)r.pos;
        uint32_t stored = kj_read_u32le(&r);
        bool is_free = stored <= INT32_MAX;
        uint32_t size = is_free ? stored : 0 - stored;
        if (size < KJ_REGF_CELL_MIN || size % KJ_REGF_CELL_MIN)
            return false;
        kj_skip(&r, size - 4);
        if (is_free && run.len == 0)
            run.cell = at;
        run.len = is_free ? run.len + size : 0;
        if (run.len >= len && found.len == 0)
            found = run;
    }
    *out = found;
    return kj_reader_ok(&r) && found.len;
}

/* Appends a bin with one free cell, at least `len` bytes long. */
static kj_status add_bin(kj_regf_editor *e, uint32_t len, gap *out, kj_error *err)
{
    uint32_t at = e->reg.data_size;
    uint64_t pages = ((uint64_t)len + KJ_REGF_BIN_HEADER_LEN + KJ_REGF_PAGE - 1) / KJ_REGF_PAGE;
    uint64_t size = pages * KJ_REGF_PAGE;
    kj_regf_header header;
    if (!kj_regf_read_header(kj_buf_span(&e->hive), &header) || header.data_size != at ||
        at % KJ_REGF_PAGE)
        return kj_fail(err, KJ_MALFORMED, place(at), "the hive ends before its last bin does");
    if (at + size > INT32_MAX)
        return kj_fail(err, KJ_LIMIT, place(at), "the hive would have more than 2 GiB");
    size_t wanted = place(at) + (size_t)size;
    if (e->hive.len < wanted && !kj_buf_reserve(&e->hive, wanted - e->hive.len)) {
        e->hive.failed = false;
        return e->hive.starved ? kj_no_memory(err)
                               : kj_fail(err, KJ_LIMIT, place(at), "the hive would be too large");
    }
    if (e->hive.len < wanted)
        kj_buf_put_zeros(&e->hive, wanted - e->hive.len);
    uint8_t head[KJ_REGF_BIN_HEADER_LEN + 4] = "hbin";
    kj_store_u32le(head + 4, at);
    kj_store_u32le(head + 8, (uint32_t)size);
    *out = (gap){at + KJ_REGF_BIN_HEADER_LEN, (uint32_t)size - KJ_REGF_BIN_HEADER_LEN};
    kj_store_u32le(head + KJ_REGF_BIN_HEADER_LEN, out->len);
    put(e, place(at), kj_span_of(head, sizeof head));
    put_u32(e, KJ_REGF_DATA_SIZE_AT, at + (uint32_t)size);
    return reopen(e, err);
}

static bool find_room(const kj_regf_editor *e, uint32_t len, gap *out)
{
    const kj_regf_index *index = e->reg.index;
    uint32_t count;
    for (uint32_t page = 0; page < index->page_count; page += count) {
        if (!kj_regf_read_bin(index, page, &count)) {
            count = 1;
            continue;
        }
        uint32_t at = page * KJ_REGF_PAGE;
        if (find_gap(kj_span_sub(index->data, at, (size_t)count * KJ_REGF_PAGE), at, len, out))
            return true;
    }
    return false;
}

/* Makes a cell in use for `len` bytes of content, which the caller writes. */
static kj_status allocate(kj_regf_editor *e, size_t len, uint32_t *out, kj_error *err)
{
    if (len > INT32_MAX / 2)
        return kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET, "no cell can be so large");
    uint32_t size = ((uint32_t)len + 4 + KJ_REGF_CELL_MIN - 1) & ~(uint32_t)(KJ_REGF_CELL_MIN - 1);
    gap room = {0};
    if (!find_room(e, size, &room))
        KJ_TRY(add_bin(e, size, &room, err));
    if (room.len > size)
        put_u32(e, place(room.cell + size), room.len - size);
    put_u32(e, place(room.cell), 0 - size);
    *out = room.cell;
    return KJ_OK;
}

static kj_status allocate_bytes(kj_regf_editor *e, kj_span bytes, uint32_t *out, kj_error *err)
{
    KJ_TRY(allocate(e, bytes.len, out, err));
    put(e, content(*out), bytes);
    return KJ_OK;
}

/* ---- data of values ------------------------------------------------------------------------- */

static kj_status free_segments(kj_regf_editor *e, const kj_regf_vk *vk, const kj_regf_db *db,
                               kj_error *err)
{
    for (uint32_t i = 0; i < db->count; i++) {
        kj_span list = kj_regf_cell(&e->reg, db->list);
        if (list.len / 4 <= i)
            return misfit(vk->data, err, KJ_SENTENCE("a value's list of segments is too short"));
        KJ_TRY(free_cell(e, u32_at(list, (size_t)i * 4), err));
    }
    KJ_TRY(free_cell(e, db->list, err));
    return free_cell(e, vk->data, err);
}

static kj_status free_data(kj_regf_editor *e, const kj_regf_vk *vk, kj_error *err)
{
    kj_regf_db db;
    if (vk->is_inline || vk->size == 0)
        return KJ_OK;
    if (kj_regf_read_db(&e->reg, vk, &db))
        return free_segments(e, vk, &db, err);
    if (e->reg.minor >= DB_MIN_MINOR && vk->size > KJ_REGF_SEGMENT_LEN)
        return misfit(vk->data, err, KJ_SENTENCE("long data without segments"));
    return free_cell(e, vk->data, err);
}

static kj_status store_segments(kj_regf_editor *e, kj_span data, uint32_t *out, kj_error *err)
{
    size_t count = (data.len + KJ_REGF_SEGMENT_LEN - 1) / KJ_REGF_SEGMENT_LEN;
    uint8_t db[DB_CELL_LEN] = "db";
    uint32_t list, segment;
    if (count > UINT16_MAX)
        return kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET, "the data has too many segments");
    KJ_TRY(allocate(e, 4 * count, &list, err));
    for (size_t i = 0; i < count; i++) {
        kj_span part = kj_span_sub(data, i * KJ_REGF_SEGMENT_LEN, KJ_REGF_SEGMENT_LEN);
        KJ_TRY(allocate_bytes(e, part, &segment, err));
        put_u32(e, content(list) + 4 * i, segment);
    }
    kj_store_u16le(db + 2, (uint16_t)count);
    kj_store_u32le(db + 4, list);
    return allocate_bytes(e, kj_span_of(db, sizeof db), out, err);
}

/* Puts data where it belongs and says what the vk shall say: size and place. */
static kj_status store_data(kj_regf_editor *e, kj_span data, uint32_t *out_size, uint32_t *out_at,
                            kj_error *err)
{
    if (data.len > INT32_MAX)
        return kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET, "no value can be so large");
    *out_size = (uint32_t)data.len;
    if (data.len <= INLINE_MAX) {
        uint8_t bytes[INLINE_MAX] = {0};
        if (data.len)
            memcpy(bytes, data.data, data.len);
        *out_size |= KJ_REGF_INLINE;
        *out_at = u32_at(kj_span_of(bytes, sizeof bytes), 0);
        return KJ_OK;
    }
    if (data.len > KJ_REGF_SEGMENT_LEN && e->reg.minor >= DB_MIN_MINOR)
        return store_segments(e, data, out_at, err);
    return allocate_bytes(e, data, out_at, err);
}

/* Whether new data can stand in the cell of the old. */
static bool fits(const kj_regf_editor *e, const kj_regf_vk *vk, size_t len)
{
    bool old_plain = !vk->is_inline && vk->size &&
                     (vk->size <= KJ_REGF_SEGMENT_LEN || e->reg.minor < DB_MIN_MINOR);
    bool new_plain =
        len > INLINE_MAX && (len <= KJ_REGF_SEGMENT_LEN || e->reg.minor < DB_MIN_MINOR);
    return old_plain && new_plain && len <= kj_regf_cell(&e->reg, vk->data).len;
}

static kj_status replace_data(kj_regf_editor *e, uint32_t cell, uint32_t type, kj_span data,
                              kj_error *err)
{
    kj_regf_vk vk;
    uint32_t size = (uint32_t)data.len, at;
    if (!kj_regf_read_vk(&e->reg, cell, &vk))
        return misfit(cell, err, KJ_SENTENCE("the value is none"));
    if (fits(e, &vk, data.len)) {
        at = vk.data;
        put(e, content(at), data);
    } else {
        KJ_TRY(free_data(e, &vk, err));
        KJ_TRY(store_data(e, data, &size, &at, err));
    }
    put_u32(e, content(cell) + DATA_SIZE_AT, size);
    put_u32(e, content(cell) + DATA_AT, at);
    put_u32(e, content(cell) + TYPE_AT, type);
    return KJ_OK;
}

/* ---- values of keys ------------------------------------------------------------------------- */

static kj_status read_key(const kj_regf_editor *e, kj_reg_key key, kj_regf_nk *out, kj_error *err)
{
    if (!kj_regf_read_nk(&e->reg, key, out))
        return misfit(key, err, KJ_SENTENCE("the key is not there"));
    if (out->value_count && kj_regf_cell(&e->reg, out->values).len / 4 < out->value_count)
        return misfit(key, err, KJ_SENTENCE("the key's list of values is too short"));
    return KJ_OK;
}

static kj_status free_value(kj_regf_editor *e, uint32_t cell, kj_error *err)
{
    kj_regf_vk vk;
    if (!kj_regf_read_vk(&e->reg, cell, &vk))
        return misfit(cell, err, KJ_SENTENCE("the key's list of values leads to something else"));
    KJ_TRY(free_data(e, &vk, err));
    return free_cell(e, cell, err);
}

/* Takes an element out of an array within a cell; those behind it move up. */
static void remove_element(kj_regf_editor *e, size_t array, uint32_t count, uint32_t index,
                           size_t element_len)
{
    size_t at = array + index * element_len;
    size_t rest = (size_t)(count - index - 1) * element_len;
    put(e, at, kj_span_sub(kj_buf_span(&e->hive), at + element_len, rest));
}

static kj_status delete_value(kj_regf_editor *e, kj_reg_key key, uint32_t value, kj_error *err)
{
    kj_regf_nk nk;
    KJ_TRY(read_key(e, key, &nk, err));
    uint32_t index = nk.value_count;
    for (uint32_t i = nk.value_count; i-- > 0;)
        if (kj_regf_value_cell(&e->reg, &nk, i) == value)
            index = i;
    if (index == nk.value_count)
        return misfit(key, err, KJ_SENTENCE("the key has no such value"));
    KJ_TRY(free_value(e, value, err));
    remove_element(e, content(nk.values), nk.value_count, index, 4);
    put_u32(e, content(key) + VALUE_COUNT_AT, nk.value_count - 1);
    if (nk.value_count > 1)
        return KJ_OK;
    put_u32(e, content(key) + VALUES_AT, KJ_REG_NONE);
    return free_cell(e, nk.values, err);
}

/* As Windows stores a name: a byte a character where that is enough. NULL data without memory. */
static kj_reg_name stored_name(kj_arena *arena, kj_reg_name name)
{
    size_t count = kj_reg_name_count(name);
    bool narrow = count > 0;
    for (size_t i = 0; i < count; i++)
        narrow &= kj_reg_name_unit(name, i) <= UINT8_MAX;
    size_t width = narrow ? 1 : 2;
    uint8_t *raw = kj_arena_alloc(arena, count * width + 1);
    for (size_t i = 0; raw && i < count; i++) {
        uint16_t unit = kj_reg_name_unit(name, i);
        raw[i * width] = (uint8_t)unit;
        if (!narrow)
            raw[i * width + 1] = (uint8_t)(unit >> 8);
    }
    return (kj_reg_name){.raw = kj_span_of(raw, count * width), .wide = !narrow};
}

static kj_status make_value(kj_regf_editor *e, kj_reg_name name, uint32_t type, kj_span data,
                            uint32_t *out, kj_error *err)
{
    uint32_t size, at;
    uint8_t head[KJ_REGF_VK_LEN] = "vk";
    KJ_TRY(store_data(e, data, &size, &at, err));
    kj_store_u16le(head + 2, (uint16_t)name.raw.len);
    kj_store_u32le(head + DATA_SIZE_AT, size);
    kj_store_u32le(head + DATA_AT, at);
    kj_store_u32le(head + TYPE_AT, type);
    kj_store_u16le(head + 16, name.wide ? 0 : KJ_REGF_VK_BYTES);
    KJ_TRY(allocate(e, sizeof head + name.raw.len, out, err));
    put(e, content(*out), kj_span_of(head, sizeof head));
    put(e, content(*out) + sizeof head, name.raw);
    return KJ_OK;
}

/* Appends a value to a key's list, which moves when it is full. */
static kj_status append_value(kj_regf_editor *e, kj_reg_key key, uint32_t value, kj_error *err)
{
    kj_regf_nk nk;
    KJ_TRY(read_key(e, key, &nk, err));
    uint32_t list = nk.values, count = nk.value_count;
    if (count == 0 || kj_regf_cell(&e->reg, list).len / 4 == count) {
        KJ_TRY(allocate(e, 4 * ((size_t)count + 1), &list, err));
        if (count) {
            put(e, content(list),
                kj_span_sub(kj_regf_cell(&e->reg, nk.values), 0, 4 * (size_t)count));
            KJ_TRY(free_cell(e, nk.values, err));
        }
        put_u32(e, content(key) + VALUES_AT, list);
    }
    put_u32(e, content(list) + 4 * (size_t)count, value);
    put_u32(e, content(key) + VALUE_COUNT_AT, count + 1);
    return KJ_OK;
}

static uint32_t find_value(const kj_regf_editor *e, kj_reg_key key, kj_reg_name name)
{
    kj_reg_iter it = {0};
    kj_reg_value value;
    while (kj_regf_next_value(&e->reg, key, &it, NULL, &value))
        if (kj_reg_name_equal(value.name, name))
            return value.id;
    return KJ_REG_NONE;
}

static void raise_u32(kj_regf_editor *e, kj_reg_key key, size_t field, size_t value)
{
    if (u32_at(kj_regf_cell(&e->reg, key), field) < value)
        put_u32(e, content(key) + field, (uint32_t)value);
}

static kj_status set_value(kj_regf_editor *e, kj_reg_key key, kj_reg_name name, uint32_t type,
                           kj_span data, kj_error *err)
{
    kj_regf_nk nk;
    size_t units = kj_reg_name_count(name);
    KJ_TRY(read_key(e, key, &nk, err));
    if (units > NAME_UNITS_MAX)
        return kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET, "no value can have so long a name");
    /* Both may be parts of the hive, which moves when it grows. */
    kj_reg_name kept_name = stored_name(e->arena, name);
    uint8_t *kept = kj_arena_alloc_raw(e->arena, data.len + 1);
    if (!kept_name.raw.data || !kept)
        return kj_no_memory(err);
    if (data.len)
        memcpy(kept, data.data, data.len);
    data = kj_span_of(kept, data.len);
    uint32_t cell = find_value(e, key, kept_name);
    if (cell != KJ_REG_NONE) {
        KJ_TRY(replace_data(e, cell, type, data, err));
    } else {
        KJ_TRY(make_value(e, kept_name, type, data, &cell, err));
        KJ_TRY(append_value(e, key, cell, err));
    }
    raise_u32(e, key, VALUE_NAME_MAX_AT, 2 * units);
    raise_u32(e, key, VALUE_DATA_MAX_AT, data.len);
    return KJ_OK;
}

/* ---- keys ----------------------------------------------------------------------------------- */

/* Takes one reference from a security record; without any it leaves its ring. What its neighbours
 * are is checked before they are written to. */
static kj_status release_security(kj_regf_editor *e, uint32_t cell, kj_error *err)
{
    kj_regf_sk sk, next, previous;
    if (cell == KJ_REG_NONE)
        return KJ_OK; /* versions before 1.2 */
    if (!kj_regf_read_sk(&e->reg, cell, &sk) || sk.reference_count == 0)
        return misfit(cell, err, KJ_SENTENCE("a key's security record is none, or nobody's"));
    put_u32(e, content(cell) + SK_COUNT_AT, sk.reference_count - 1);
    if (sk.reference_count > 1)
        return KJ_OK;
    if (!kj_regf_read_sk(&e->reg, sk.next, &next) || next.previous != cell ||
        !kj_regf_read_sk(&e->reg, sk.previous, &previous) || previous.next != cell)
        return misfit(cell, err,
                      KJ_SENTENCE("the security records are not linked as they should be"));
    if (sk.next == cell)
        return misfit(cell, err, KJ_SENTENCE("the last security record has no key left"));
    put_u32(e, content(sk.previous) + SK_NEXT_AT, sk.next);
    put_u32(e, content(sk.next) + SK_PREVIOUS_AT, sk.previous);
    return free_cell(e, cell, err);
}

typedef struct doomed {
    uint32_t key;
    uint32_t parent;
} doomed;

typedef struct doomed_list {
    KJ_VEC(doomed) keys;
    size_t noted; /* since the beginning */
} doomed_list;

static void free_doomed(doomed_list *list)
{
    kj_vec_done(&list->keys);
}

/* How many keys there can be: lists that lead to other lists again and again announce more. */
static size_t key_max(const kj_regf_editor *e)
{
    return e->reg.data_size / KJ_REGF_NK_LEN;
}

/* Notes the subkeys, and frees the lists that lead to them. */
static kj_status doom_subkeys(kj_regf_editor *e, uint32_t key, const kj_regf_nk *nk,
                              doomed_list *stack, kj_error *err)
{
    kj_regf_place at;
    kj_regf_list list, part;
    uint32_t position = 0, subkey, count = 0;
    if (nk->subkey_count == 0)
        return KJ_OK;
    if (!kj_regf_read_list(&e->reg, nk->subkeys, &list) || list.room != list.count)
        return misfit(key, err, KJ_SENTENCE("a list of subkeys is none that is known"));
    while (kj_regf_next_place(&e->reg, nk->subkeys, &position, &at, &subkey)) {
        doomed found = {subkey, key};
        if (count++ == nk->subkey_count || stack->noted++ == key_max(e))
            return misfit(key, err, KJ_SENTENCE("a list leads to more subkeys than there are"));
        if (!kj_vec_add(&stack->keys, found))
            return kj_no_memory(err);
    }
    if (count != nk->subkey_count)
        return misfit(key, err, KJ_SENTENCE("a key has another number of subkeys than it says"));
    for (uint32_t i = 0; list.kind == KJ_REGF_RI && i < list.room; i++) {
        uint32_t cell = kj_regf_element(&list, i, NULL);
        if (!kj_regf_read_list(&e->reg, cell, &part) || part.kind == KJ_REGF_RI)
            return misfit(key, err, KJ_SENTENCE("a list of subkeys is none that is known"));
        KJ_TRY(free_cell(e, cell, err));
    }
    return free_cell(e, nk->subkeys, err);
}

/* Frees all that is a key's own. */
static kj_status free_key(kj_regf_editor *e, doomed it, doomed_list *stack, kj_error *err)
{
    kj_regf_nk nk;
    KJ_TRY(read_key(e, it.key, &nk, err));
    if (nk.parent != it.parent)
        return misfit(it.key, err, KJ_SENTENCE("a subkey has another parent"));
    if (nk.flags & KJ_REGF_NK_NO_DELETE)
        return kj_fail(err, KJ_UNSUPPORTED, place(it.key),
                       "a key is marked as one that is not deleted");
    KJ_TRY(doom_subkeys(e, it.key, &nk, stack, err));
    for (uint32_t i = 0; i < nk.value_count; i++)
        KJ_TRY(free_value(e, kj_regf_value_cell(&e->reg, &nk, i), err));
    if (nk.value_count)
        KJ_TRY(free_cell(e, nk.values, err));
    if (nk.class_len && nk.class_cell != KJ_REG_NONE)
        KJ_TRY(free_cell(e, nk.class_cell, err));
    KJ_TRY(release_security(e, nk.security, err));
    return free_cell(e, it.key, err);
}

/* Takes an element out of a list; one that becomes empty is freed, and *out_empty says so. */
static kj_status shorten_list(kj_regf_editor *e, uint32_t cell, uint32_t index, bool *out_empty,
                              kj_error *err)
{
    kj_regf_list list;
    if (!kj_regf_read_list(&e->reg, cell, &list) || list.room != list.count || index >= list.count)
        return misfit(cell, err, KJ_SENTENCE("a list of subkeys is longer than its cell"));
    *out_empty = list.count == 1;
    if (*out_empty)
        return free_cell(e, cell, err);
    remove_element(e, content(cell) + KJ_REGF_LIST_HEADER_LEN, list.count, index, list.element_len);
    put_u16(e, content(cell) + LIST_COUNT_AT, (uint16_t)(list.count - 1));
    return KJ_OK;
}

static kj_status leave_parent(kj_regf_editor *e, uint32_t parent, uint32_t key, kj_error *err)
{
    kj_regf_nk nk;
    kj_regf_place at, found = {0};
    uint32_t position = 0, cell, times = 0, count = 0;
    if (!kj_regf_read_nk(&e->reg, parent, &nk))
        return misfit(key, err, KJ_SENTENCE("the key has no parent"));
    while (kj_regf_next_place(&e->reg, nk.subkeys, &position, &at, &cell)) {
        if (count++ == kj_min_u64(nk.subkey_count, key_max(e)))
            return misfit(parent, err, KJ_SENTENCE("a list leads to more subkeys than there are"));
        if (cell == key) {
            found = at;
            times++;
        }
    }
    if (times != 1 || nk.subkey_count == 0)
        return misfit(parent, err, KJ_SENTENCE("the parent does not list the key once"));
    bool empty;
    KJ_TRY(shorten_list(e, found.list, found.index, &empty, err));
    if (empty && found.outer != KJ_REG_NONE)
        KJ_TRY(shorten_list(e, found.outer, found.outer_index, &empty, err));
    if (empty)
        put_u32(e, content(parent) + SUBKEYS_AT, KJ_REG_NONE);
    put_u32(e, content(parent) + SUBKEY_COUNT_AT, nk.subkey_count - 1);
    return KJ_OK;
}

static kj_status delete_key(kj_regf_editor *e, kj_reg_key key, kj_error *err)
{
    KJ_CLEANUP(free_doomed) doomed_list stack = {0};
    kj_regf_nk nk;
    KJ_TRY(read_key(e, key, &nk, err));
    if (key == e->reg.root)
        return kj_fail(err, KJ_UNSUPPORTED, place(key), "the root key is not deleted");
    KJ_TRY(leave_parent(e, nk.parent, key, err));
    doomed first = {key, nk.parent};
    if (!kj_vec_add(&stack.keys, first))
        return kj_no_memory(err);
    while (stack.keys.count)
        KJ_TRY(free_key(e, stack.keys.items[--stack.keys.count], &stack, err));
    return KJ_OK;
}

/* ---- the editor ----------------------------------------------------------------------------- */

static int compare_issues(const void *a, const void *b)
{
    const kj_regf_issue *x = a, *y = b;
    if (x->cell != y->cell)
        return x->cell < y->cell ? -1 : 1;
    return strcmp(x->sentence, y->sentence);
}

static void note_issue(void *user, const kj_regf_issue *issue)
{
    issue_list *list = user;
    if (list->items.count == ISSUES_MAX || !kj_vec_add(&list->items, *issue))
        list->starved = true;
}

/* What the check says, sorted. */
static kj_status check(const kj_regf_editor *e, issue_list *issues, kj_regf_checked *out,
                       kj_error *err)
{
    kj_arena scratch;
    kj_arena_init(&scratch, e->arena->budget);
    kj_status status = kj_regf_check(&e->reg, &scratch, note_issue, issues, out, err);
    kj_arena_done(&scratch);
    KJ_TRY(status);
    if (issues->starved)
        return kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET,
                       "more is wrong with the hive than can be noted");
    if (issues->items.count)
        qsort(issues->items.items, issues->items.count, sizeof(kj_regf_issue), compare_issues);
    return KJ_OK;
}

static kj_status prepare(kj_regf_editor *e, bool force, kj_error *err)
{
    kj_regf_checked checked;
    kj_regf_header header;
    KJ_TRY(reopen(e, err));
    if (!kj_regf_read_header(e->reg.bytes, &header))
        return kj_fail(err, KJ_TRUNCATED, 0, "the hive ends in its header");
    if (e->reg.is_layered || e->reg.minor < EDIT_MIN_MINOR)
        return kj_fail(err, KJ_UNSUPPORTED, 24, "hives of version 1.%u are not changed",
                       e->reg.minor);
    KJ_TRY(check(e, &e->issues, &checked, err));
    if (checked.errors && !force)
        return kj_fail(err, KJ_MALFORMED,
                       checked.first.cell == KJ_REG_NONE ? 0 : place(checked.first.cell),
                       "the hive is damaged: %s", checked.first.sentence);
    e->sequence = header.sequence1;
    e->written = header.written;
    return KJ_OK;
}

kj_status kj_regf_edit(kj_span disk, kj_buf *hive, const kj_regf_replay *replay, bool force,
                       kj_arena *arena, kj_regf_editor **out, kj_error *err)
{
    if (replay->state == KJ_REGF_STALE)
        return kj_fail(err, KJ_UNSUPPORTED, KJ_NO_OFFSET, "the hive is not up to date: %s",
                       replay->why ? replay->why : "no log fits");
    kj_regf_editor *e = calloc(1, sizeof *e);
    if (!e)
        return kj_no_memory(err);
    e->disk = disk;
    e->arena = arena;
    e->hive = *hive;
    kj_buf_init(&e->before, SIZE_MAX / 2);
    kj_status status = prepare(e, force, err);
    if (status == KJ_OK) {
        kj_buf_init(hive, hive->max);
        *out = e;
        return KJ_OK;
    }
    kj_buf_init(&e->hive, 0); /* the caller's still */
    kj_regf_editor_free(e);
    return status;
}

void kj_regf_editor_free(kj_regf_editor *editor)
{
    if (!editor)
        return;
    kj_buf_done(&editor->hive);
    kj_buf_done(&editor->before);
    kj_vec_done(&editor->writes);
    kj_vec_done(&editor->issues.items);
    free(editor);
}

const kj_registry *kj_regf_editor_registry(const kj_regf_editor *editor)
{
    return &editor->reg;
}

kj_status kj_regf_delete_value(kj_regf_editor *editor, kj_reg_key key, kj_reg_value_id value,
                               kj_error *err)
{
    begin(editor);
    return end(editor, delete_value(editor, key, value, err), err);
}

kj_status kj_regf_delete_key(kj_regf_editor *editor, kj_reg_key key, kj_error *err)
{
    begin(editor);
    return end(editor, delete_key(editor, key, err), err);
}

kj_status kj_regf_set_value(kj_regf_editor *editor, kj_reg_key key, kj_reg_name name, uint32_t type,
                            kj_span data, kj_error *err)
{
    begin(editor);
    return end(editor, set_value(editor, key, name, type, data, err), err);
}

/* ---- the header ----------------------------------------------------------------------------- */

static void seal(uint8_t *header, uint32_t sequence1, uint32_t sequence2)
{
    kj_store_u32le(header + KJ_REGF_SEQUENCE1_AT, sequence1);
    kj_store_u32le(header + KJ_REGF_SEQUENCE2_AT, sequence2);
    kj_store_u32le(header + KJ_REGF_CHECKSUM_AT, kj_regf_checksum(header));
}

/* New logs are told by sequence number, old ones by the time in the header. */
static void seal_hive(kj_regf_editor *e)
{
    uint8_t *header = e->hive.data;
    uint64_t written = e->written + 1;
    kj_store_u32le(header + KJ_REGF_WRITTEN_AT, (uint32_t)written);
    kj_store_u32le(header + KJ_REGF_WRITTEN_AT + 4, (uint32_t)(written >> 32));
    seal(header, e->sequence + 1, e->sequence + 1);
}

static bool has_new_issue(const issue_list *before, const issue_list *after)
{
    for (size_t i = 0; i < after->items.count; i++)
        if (!before->items.count ||
            !bsearch(&after->items.items[i], before->items.items, before->items.count,
                     sizeof(kj_regf_issue), compare_issues))
            return true;
    return false;
}

static kj_status check_result(kj_regf_editor *e, kj_error *err)
{
    issue_list issues = {0};
    kj_regf_checked checked;
    kj_status status = check(e, &issues, &checked, err);
    bool is_worse = has_new_issue(&e->issues, &issues);
    kj_vec_done(&issues.items);
    KJ_TRY(status);
    if (is_worse)
        return kj_fail(err, KJ_INTERNAL, KJ_NO_OFFSET, "the changed hive would be damaged");
    return KJ_OK;
}

kj_status kj_regf_edit_finish(kj_regf_editor *editor, kj_edits *out, kj_error *err)
{
    kj_span hive = kj_buf_span(&editor->hive);
    if (!editor->changed && kj_span_equal(hive, editor->disk)) {
        *out = (kj_edits){0};
        return KJ_OK;
    }
    seal_hive(editor);
    KJ_TRY(reopen(editor, err));
    KJ_TRY(check_result(editor, err));
    return kj_edits_between(editor->arena, editor->disk, hive, EDIT_GAP, out, err);
}

/* Dirty, and newer than anything that a log of before or after may say: the second number is the
 * larger one of the two headers, the first is one more. */
void kj_regf_header_between(const uint8_t *before, const uint8_t *after, uint8_t out[512])
{
    kj_span headers[] = {{before, KJ_REGF_CHECKED_LEN}, {after, KJ_REGF_CHECKED_LEN}};
    uint32_t newest = u32_at(headers[1], KJ_REGF_SEQUENCE1_AT);
    for (size_t i = 0; i < KJ_COUNT(headers); i++)
        for (size_t at = KJ_REGF_SEQUENCE1_AT; at <= KJ_REGF_SEQUENCE2_AT; at += 4)
            if ((int32_t)(u32_at(headers[i], at) - newest) > 0) /* they may wrap */
                newest = u32_at(headers[i], at);
    memcpy(out, after, KJ_REGF_CHECKED_LEN);
    seal(out, newest + 1, newest);
}
