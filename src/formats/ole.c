/* SPDX-License-Identifier: Apache-2.0 */
/* OLE compound files: MS-CFB, versions 3 and 4.
 *
 *     header | sectors of 512 bytes (version 4: 4,096), the header counts as one before the first
 *     FAT: for each sector the next one of its chain; its own sectors are listed in the header and,
 *         behind those, in the chain of DIFAT sectors
 *     directory: a chain of entries of 128 bytes; entry 0 is the root, whose chain is the mini
 *         stream. The entries of a storage are a red-black tree: left, right, child
 *     streams below 4,096 bytes: chains of 64 bytes in the mini stream, with a FAT of its own
 *
 * Nothing is believed: chains end where they leave the file or come round, the order of the trees
 * is not used, an entry belongs to the first storage that leads to it, and entries to which nothing
 * leads are handed out as well. Field deviations accepted: sector sizes that do not suit the
 * version, a length of a name that is none, another limit than 4,096 (both readings are made), a
 * last sector that is cut off. */
#include "formats/ole.h"

#include "base/arith.h"
#include "base/text.h"
#include "formats/rows.h"

enum {
    SECTOR_SHIFT = 30, /* offset in the header; FAT entries follow at HEADER_FAT */
    HEADER_FAT = 76,
    HEADER_FAT_COUNT = 109,
    SHIFT_MIN = 7, /* an entry of the directory fits */
    SHIFT_MAX = 16,
    ENTRY_SHIFT = 7,
    ENTRY_SIZE = 1 << ENTRY_SHIFT,
    NAME_BYTES = 64,
    CUTOFF = 4096,
    ENTRIES_MAX = 1 << 20,
    PATH_STORAGES_MAX = 32,
    PATH_MAX_LEN = 64 << 10,
    PEEK_MAX = 64 << 10, /* bytes of the directory */
};

static const uint32_t LAST_SECTOR = 0xFFFFFFFA; /* larger ones have a meaning */
static const uint32_t END_OF_CHAIN = 0xFFFFFFFE;

static void note_broken(kj_ole *ole, kj_status status, const char *sentence)
{
    if (ole->status == KJ_OK) {
        ole->status = status;
        ole->sentence = sentence;
    }
}

/* ---- sectors and chains ---------------------------------------------------------------------- */

static size_t sector_size(const kj_ole *ole)
{
    return (size_t)1 << ole->sector_shift;
}

/* Its bytes; fewer at the end of a file that was cut off, none beyond it. */
static kj_span sector_at(const kj_ole *ole, uint32_t sector)
{
    if (sector >= ole->sectors)
        return (kj_span){0};
    return kj_span_sub(ole->bytes, ((size_t)sector + 1) << ole->sector_shift, sector_size(ole));
}

static kj_span mini_sector_at(const kj_ole *ole, uint32_t sector)
{
    size_t offset = (size_t)sector << ole->mini_shift;
    size_t at = offset >> ole->sector_shift;
    if (at >= ole->mini_stream.count)
        return (kj_span){0};
    return kj_span_sub(sector_at(ole, ole->mini_stream.items[at]), offset & (sector_size(ole) - 1),
                       (size_t)1 << ole->mini_shift);
}

/* What stands behind `sector` in a FAT, END_OF_CHAIN or no sector at all at the end. */
static uint32_t next_in(const kj_ole *ole, const kj_ole_sectors *fat, uint32_t sector)
{
    unsigned shift = ole->sector_shift - 2;
    size_t at = sector >> shift;
    if (at >= fat->count)
        return LAST_SECTOR + 1;
    kj_reader r = kj_reader_of(sector_at(ole, fat->items[at]));
    kj_seek(&r, (uint64_t)(sector & ((1u << shift) - 1)) * 4);
    uint32_t next = kj_read_u32le(&r);
    return kj_reader_ok(&r) ? next : LAST_SECTOR + 1;
}

/* Lists a chain up to where it ends, leaves the file or comes round. `seen` has a byte a sector. */
static kj_status collect(kj_ole *ole, uint32_t start, bool *seen, kj_arena *arena,
                         kj_ole_sectors *out, kj_error *err)
{
    size_t count = 0;
    uint32_t here = start;
    if (ole->sectors)
        memset(seen, 0, ole->sectors);
    for (; here < ole->sectors && !seen[here]; here = next_in(ole, &ole->fat, here)) {
        seen[here] = true;
        count++;
    }
    if (here < ole->sectors)
        note_broken(ole, KJ_MALFORMED, KJ_SENTENCE("a chain of sectors runs in a circle"));
    else if (here != END_OF_CHAIN && (count || here <= LAST_SECTOR))
        note_broken(ole, KJ_TRUNCATED, KJ_SENTENCE("a chain of sectors leaves the file"));
    out->items = kj_new_array(arena, uint32_t, count);
    if (!out->items)
        return kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET, "no memory for tables of sectors");
    here = start;
    for (out->count = 0; out->count < count; here = next_in(ole, &ole->fat, here))
        out->items[out->count++] = here;
    return KJ_OK;
}

/* Takes sector numbers of the FAT, at most `max` altogether. A hole stays one, so that what follows
 * keeps its place. */
static void take_fat(kj_ole *ole, kj_reader *r, size_t count, size_t max)
{
    for (size_t i = 0; i < count && ole->fat.count < max; i++)
        ole->fat.items[ole->fat.count++] = kj_read_u32le(r);
}

/* Each DIFAT sector gives some, and no more are taken than serve the file's sectors: a circle ends.
 */
static kj_status read_fat(kj_ole *ole, uint32_t first, kj_arena *arena, kj_error *err)
{
    size_t per_sector = sector_size(ole) / 4;
    size_t max = (ole->sectors + per_sector - 1) / per_sector;
    ole->fat.items = kj_new_array(arena, uint32_t, max);
    if (!ole->fat.items)
        return kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET, "no memory for tables of sectors");
    kj_reader r = kj_reader_of(ole->bytes);
    kj_seek(&r, HEADER_FAT);
    take_fat(ole, &r, HEADER_FAT_COUNT, max);
    while (ole->fat.count < max && first < ole->sectors) {
        r = kj_reader_of(sector_at(ole, first));
        take_fat(ole, &r, per_sector - 1, max);
        first = kj_read_u32le(&r);
        if (!kj_reader_ok(&r))
            break;
    }
    return KJ_OK;
}

/* ---- directory ------------------------------------------------------------------------------- */

typedef struct links {
    uint32_t left;
    uint32_t right;
    uint32_t child;
} links;

static kj_reader entry_reader(const kj_ole *ole, uint32_t number)
{
    unsigned shift = ole->sector_shift - ENTRY_SHIFT;
    size_t at = number >> shift;
    kj_span sector = {0};
    if (at < ole->directory.count)
        sector = sector_at(ole, ole->directory.items[at]);
    size_t offset = (size_t)(number & ((1u << shift) - 1)) << ENTRY_SHIFT;
    return kj_reader_of(kj_span_sub(sector, offset, ENTRY_SIZE));
}

/* The stated length when it is one; a NUL ends it in any case. */
static kj_span name_in(kj_span field, size_t stated)
{
    bool usable = stated >= 2 && stated <= NAME_BYTES && stated % 2 == 0;
    kj_reader r = kj_reader_of(kj_span_sub(field, 0, usable ? stated - 2 : NAME_BYTES));
    size_t len = 0;
    while (kj_reader_left(&r) && kj_read_u16le(&r) != 0)
        len = r.pos;
    return kj_span_sub(field, 0, len);
}

static bool read_entry(const kj_ole *ole, uint32_t number, kj_ole_entry *out, links *to)
{
    kj_reader r = entry_reader(ole, number);
    kj_span name = kj_read_span(&r, NAME_BYTES);
    size_t name_len = kj_read_u16le(&r);
    unsigned type = kj_read_u8(&r);
    kj_skip(&r, 1);
    *to = (links){.left = kj_read_u32le(&r)};
    to->right = kj_read_u32le(&r);
    to->child = kj_read_u32le(&r);
    *out = (kj_ole_entry){.name = name_in(name, name_len), .class_id = kj_read_span(&r, 16)};
    kj_skip(&r, 20); /* state, times */
    out->start = kj_read_u32le(&r);
    out->size = ole->wide ? kj_read_u64le(&r) : kj_read_u32le(&r);
    bool known = type == KJ_OLE_IS_STORAGE || type == KJ_OLE_IS_STREAM || type == KJ_OLE_IS_ROOT;
    out->type = known ? (kj_ole_type)type : KJ_OLE_IS_EMPTY;
    return kj_reader_ok(&r);
}

bool kj_ole_entry_at(const kj_ole *ole, uint32_t number, kj_ole_entry *out)
{
    links to;
    return number < ole->count && read_entry(ole, number, out, &to) && out->type != KJ_OLE_IS_EMPTY;
}

typedef struct queue {
    kj_ole *ole;
    uint32_t *items;
    size_t count;
} queue;

static void reach(queue *q, uint32_t number, uint32_t storage)
{
    kj_ole *ole = q->ole;
    if (number == KJ_OLE_ROOT || number >= ole->count || ole->parents[number] != KJ_OLE_NONE)
        return;
    ole->parents[number] = storage;
    q->items[q->count++] = number;
}

/* Each entry enters the queue once, whatever the trees look like. */
static void link_parents(queue *q)
{
    kj_ole_entry entry;
    links to;
    if (read_entry(q->ole, KJ_OLE_ROOT, &entry, &to))
        reach(q, to.child, KJ_OLE_ROOT);
    for (size_t i = 0; i < q->count; i++) {
        uint32_t number = q->items[i];
        if (!read_entry(q->ole, number, &entry, &to))
            continue;
        reach(q, to.left, q->ole->parents[number]);
        reach(q, to.right, q->ole->parents[number]);
        reach(q, to.child, number);
    }
}

static void link_children(kj_ole *ole)
{
    kj_ole_entry entry;
    for (uint32_t number = ole->count; number-- > 1;) {
        uint32_t parent = ole->parents[number];
        if (parent == KJ_OLE_NONE || !kj_ole_entry_at(ole, number, &entry))
            continue;
        ole->next_siblings[number] = ole->first_children[parent];
        ole->first_children[parent] = number;
    }
}

static kj_status link_entries(kj_ole *ole, kj_arena *arena, kj_error *err)
{
    size_t count = ole->directory.count << (ole->sector_shift - ENTRY_SHIFT);
    if (count > ENTRIES_MAX)
        note_broken(ole, KJ_LIMIT, KJ_SENTENCE("more entries in the directory than are looked at"));
    ole->count = (uint32_t)kj_min_size(count, ENTRIES_MAX);
    ole->parents = kj_new_array(arena, uint32_t, ole->count);
    ole->first_children = kj_new_array(arena, uint32_t, ole->count);
    ole->next_siblings = kj_new_array(arena, uint32_t, ole->count);
    queue q = {.ole = ole, .items = kj_new_array(arena, uint32_t, ole->count)};
    if (!ole->parents || !ole->first_children || !ole->next_siblings || !q.items)
        return kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET, "no memory for the directory");
    for (uint32_t i = 0; i < ole->count; i++)
        ole->parents[i] = ole->first_children[i] = ole->next_siblings[i] = KJ_OLE_NONE;
    link_parents(&q);
    link_children(ole);
    return KJ_OK;
}

uint32_t kj_ole_first(const kj_ole *ole, uint32_t storage)
{
    return storage < ole->count ? ole->first_children[storage] : KJ_OLE_NONE;
}

uint32_t kj_ole_next(const kj_ole *ole, uint32_t number)
{
    return number < ole->count ? ole->next_siblings[number] : KJ_OLE_NONE;
}

uint32_t kj_ole_parent(const kj_ole *ole, uint32_t number)
{
    return number < ole->count ? ole->parents[number] : KJ_OLE_NONE;
}

bool kj_ole_name_is(const kj_ole_entry *entry, const char *text)
{
    kj_span wanted = kj_span_str(text);
    kj_reader r = kj_reader_of(entry->name);
    if (entry->name.len != wanted.len * 2)
        return false;
    for (size_t i = 0; i < wanted.len; i++) {
        uint16_t unit = kj_read_u16le(&r);
        if (unit > 0x7F || kj_lower((uint8_t)unit) != kj_lower(wanted.data[i]))
            return false;
    }
    return true;
}

uint32_t kj_ole_find(const kj_ole *ole, uint32_t storage, const char *name)
{
    kj_ole_entry entry;
    uint32_t number = kj_ole_first(ole, storage);
    for (; number != KJ_OLE_NONE; number = kj_ole_next(ole, number))
        if (kj_ole_entry_at(ole, number, &entry) && kj_ole_name_is(&entry, name))
            break;
    return number;
}

void kj_ole_path(const kj_ole *ole, uint32_t number, kj_buf *out)
{
    uint32_t way[PATH_STORAGES_MAX];
    size_t depth = 0;
    for (; depth < PATH_STORAGES_MAX && number != KJ_OLE_NONE && number != KJ_OLE_ROOT;
         number = kj_ole_parent(ole, number))
        way[depth++] = number;
    while (depth-- > 0) {
        kj_ole_entry entry;
        if (kj_ole_entry_at(ole, way[depth], &entry))
            kj_utf16_to_utf8(entry.name, false, out);
        if (depth)
            kj_buf_put_byte(out, '/');
    }
}

/* ---- opening --------------------------------------------------------------------------------- */

typedef struct header {
    uint32_t directory;
    uint32_t mini_fat;
    uint32_t difat;
} header;

static kj_status read_header(kj_ole *ole, header *out, kj_error *err)
{
    kj_reader r = kj_reader_of(ole->bytes);
    kj_seek(&r, SECTOR_SHIFT - 4);
    ole->wide = kj_read_u16le(&r) >= 4;
    kj_skip(&r, 2); /* byte order: there is one */
    ole->sector_shift = kj_read_u16le(&r);
    ole->mini_shift = kj_read_u16le(&r);
    kj_skip(&r, 14); /* reserved, counts of sectors */
    out->directory = kj_read_u32le(&r);
    kj_skip(&r, 4);
    ole->cutoff = kj_read_u32le(&r);
    out->mini_fat = kj_read_u32le(&r);
    kj_skip(&r, 4);
    out->difat = kj_read_u32le(&r);
    if (!kj_reader_ok(&r))
        return kj_fail(err, KJ_TRUNCATED, r.pos, "the header ends early");
    if (ole->sector_shift < SHIFT_MIN || ole->sector_shift > SHIFT_MAX)
        return kj_fail(err, KJ_MALFORMED, SECTOR_SHIFT, "sectors of no usable size");
    if (ole->mini_shift < 2 || ole->mini_shift > ole->sector_shift)
        ole->mini_shift = 6;
    size_t size = sector_size(ole);
    ole->sectors = ole->bytes.len > size ? (ole->bytes.len - size + size - 1) / size : 0;
    return KJ_OK;
}

bool kj_ole_begins(kj_span bytes)
{
    return kj_span_starts(bytes, kj_span_of("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", 8));
}

kj_status kj_ole_open(kj_span bytes, kj_arena *arena, kj_ole *out, kj_error *err)
{
    kj_ole ole = {.bytes = bytes};
    header head;
    KJ_TRY(read_header(&ole, &head, err));
    bool *seen = kj_new_array(arena, bool, ole.sectors);
    if (!seen)
        return kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET, "no memory for tables of sectors");
    KJ_TRY(read_fat(&ole, head.difat, arena, err));
    KJ_TRY(collect(&ole, head.directory, seen, arena, &ole.directory, err));
    KJ_TRY(link_entries(&ole, arena, err));
    kj_ole_entry root;
    links to;
    if (!read_entry(&ole, KJ_OLE_ROOT, &root, &to))
        return kj_fail(err, KJ_TRUNCATED, KJ_NO_OFFSET, "no directory");
    KJ_TRY(collect(&ole, head.mini_fat, seen, arena, &ole.mini_fat, err));
    if (ole.mini_fat.count)
        KJ_TRY(collect(&ole, root.start, seen, arena, &ole.mini_stream, err));
    *out = ole;
    return KJ_OK;
}

bool kj_ole_peek(kj_span bytes, kj_span class_id, const char *name)
{
    uint32_t fat[HEADER_FAT_COUNT];
    uint32_t directory;
    kj_ole ole = {.bytes = bytes, .fat = {.items = fat}, .directory = {&directory, 1}};
    header head;
    if (read_header(&ole, &head, NULL) != KJ_OK)
        return false;
    kj_reader r = kj_reader_of(bytes);
    kj_seek(&r, HEADER_FAT);
    take_fat(&ole, &r, HEADER_FAT_COUNT, HEADER_FAT_COUNT);
    ole.count = 1u << (ole.sector_shift - ENTRY_SHIFT);
    directory = head.directory;
    for (size_t left = PEEK_MAX >> ole.sector_shift; left > 0 && directory < ole.sectors; left--) {
        kj_ole_entry entry;
        for (uint32_t i = 0; i < ole.count; i++)
            if (kj_ole_entry_at(&ole, i, &entry) &&
                (kj_ole_name_is(&entry, name) ||
                 (entry.type == KJ_OLE_IS_ROOT && kj_span_equal(entry.class_id, class_id))))
                return true;
        directory = next_in(&ole, &ole.fat, directory);
    }
    return false;
}

/* ---- streams --------------------------------------------------------------------------------- */

/* Where a chain stands, compared with where it was when its length was a power of two: one that
 * comes round is found out before it has gone round three times (R. Brent, 1980). */
typedef struct chain {
    uint32_t here;
    uint32_t before;
    size_t taken;
    size_t power;
} chain;

static bool step(chain *c, uint32_t next)
{
    c->here = next;
    if (next == c->before)
        return false;
    if (++c->taken >= c->power) {
        c->before = next;
        c->power *= 2;
        c->taken = 0;
    }
    return true;
}

static kj_status read_chain(const kj_ole *ole, const kj_ole_entry *entry, bool mini, kj_buf *out,
                            kj_error *err)
{
    const kj_ole_sectors *fat = mini ? &ole->mini_fat : &ole->fat;
    size_t full = (size_t)1 << (mini ? ole->mini_shift : ole->sector_shift);
    chain at = {.here = entry->start, .before = entry->start, .power = 1};
    for (uint64_t left = entry->size; left > 0;) {
        kj_span sector = mini ? mini_sector_at(ole, at.here) : sector_at(ole, at.here);
        kj_span piece = kj_span_sub(sector, 0, (size_t)kj_min_u64(left, SIZE_MAX));
        kj_buf_put(out, piece);
        if (out->failed)
            return kj_fail(err, out->starved ? KJ_NO_MEMORY : KJ_LIMIT, KJ_NO_OFFSET,
                           "larger than a member may be (--max-member-size)");
        left -= piece.len;
        if (left > 0 && piece.len < full)
            return kj_fail(err, KJ_TRUNCATED, KJ_NO_OFFSET, "shorter than it says");
        if (left > 0 && !step(&at, next_in(ole, fat, at.here)))
            return kj_fail(err, KJ_MALFORMED, KJ_NO_OFFSET, "its sectors run in a circle");
    }
    return KJ_OK;
}

kj_status kj_ole_read(const kj_ole *ole, const kj_ole_entry *entry, kj_buf *out, kj_error *err)
{
    return read_chain(ole, entry, entry->size < CUTOFF, out, err);
}

static kj_status hand_out_chain(const kj_ole *ole, const kj_ole_entry *entry, bool mini,
                                kj_member *member, kj_sink *sink, kj_buf *room, kj_error *err)
{
    KJ_TRY(kj_sink_account(sink, kj_min_u64(entry->size, ole->bytes.len), err));
    kj_buf_clear(room);
    room->max = (size_t)kj_min_u64(entry->size, sink->largest_member);
    kj_error why;
    kj_status status = read_chain(ole, entry, mini, room, &why);
    if (status == KJ_NO_MEMORY)
        return kj_no_memory(err);
    if (status != KJ_OK)
        kj_sink_unseen(sink, status, member->name, why.message);
    if (status == KJ_LIMIT || room->len == 0)
        return KJ_OK;
    member->size = room->len;
    return kj_sink_child(sink, member, kj_buf_span(room), err);
}

/* Where the header has another limit than the standard, some programs follow the one and some the
 * other. */
kj_status kj_ole_hand_out(const kj_ole *ole, uint32_t number, kj_member *member, kj_sink *sink,
                          kj_buf *room, kj_error *err)
{
    kj_ole_entry entry;
    if (!kj_ole_entry_at(ole, number, &entry) || entry.size == 0)
        return KJ_OK;
    bool mini = entry.size < CUTOFF;
    KJ_TRY(hand_out_chain(ole, &entry, mini, member, sink, room, err));
    if ((entry.size < ole->cutoff) == mini || !kj_sink_reading(sink, entry.size))
        return KJ_OK;
    kj_member reading = *member;
    reading.flags |= KJ_MEMBER_READING;
    return hand_out_chain(ole, &entry, !mini, &reading, sink, room, err);
}

static kj_status hand_out_path(const kj_ole *ole, uint32_t number, kj_sink *sink, kj_buf *room,
                               kj_error *err)
{
    kj_buf_clear(room);
    room->max = PATH_MAX_LEN;
    kj_ole_path(ole, number, room);
    kj_member member = {.name = {.len = room->len}};
    member.name.data = (const uint8_t *)kj_arena_text(sink->arena, kj_buf_span(room));
    if (!member.name.data || room->failed)
        return kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET, "no memory for more names of streams");
    return kj_ole_hand_out(ole, number, &member, sink, room, err);
}

kj_status kj_ole_walk(const kj_ole *ole, const bool *taken, kj_sink *sink, kj_error *err)
{
    if (ole->status != KJ_OK)
        kj_sink_unseen(sink, ole->status, (kj_span){0}, ole->sentence);
    kj_buf room;
    kj_status status = KJ_OK;
    kj_buf_init(&room, 0);
    for (uint32_t number = 1; status == KJ_OK && number < ole->count; number++) {
        kj_ole_entry entry;
        if ((number & 1023) == 0)
            status = kj_sink_account(sink, 0, err);
        if (status == KJ_OK && !(taken && taken[number]) && kj_ole_entry_at(ole, number, &entry) &&
            entry.type == KJ_OLE_IS_STREAM && entry.size > 0)
            status = hand_out_path(ole, number, sink, &room, err);
    }
    kj_buf_done(&room);
    return status;
}

/* ---- row ------------------------------------------------------------------------------------- */

static bool is_walked_as_message(const kj_object *object)
{
    for (size_t i = 0; i < object->claims.count; i++)
        if (object->claims.formats[i] == &kj_format_msg)
            return true;
    return false;
}

/* A message's streams are handed out by the row "msg", the same ones and what they mean. */
static kj_status scan(kj_object *object, kj_sink *sink, kj_error *err)
{
    if (is_walked_as_message(object))
        return KJ_OK;
    kj_ole ole;
    KJ_TRY(kj_ole_open(object->bytes, sink->arena, &ole, err));
    return kj_ole_walk(&ole, NULL, sink, err);
}

const kj_format kj_format_ole = {
    .name = "ole",
    .title = "OLE compound file (Office 97 to 2003, MSI, Outlook message)",
    .kind = KJ_KIND_DOCUMENT,
    .magics = KJ_MAGICS(KJ_MAGIC(0, "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1")),
    .scan = scan,
};
