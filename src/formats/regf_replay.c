/* SPDX-License-Identifier: Apache-2.0 */
/* Transaction logs of hives: what Windows applies when it loads a hive that was not written
 * completely. A hive is dirty when its two sequence numbers differ or its checksum is wrong; the
 * logs of a clean one mean nothing.
 *
 *     old    512   a copy of the hive's header, type 1 or 2
 *            "DIRT", a bit for every 512 bytes of the hive, lowest first
 *            from the next multiple of 512: the 512 bytes of each bit that is set, in order
 *
 *     new    512   a header, type 6 (since Windows 8.1)
 *            entry...  each a multiple of 512:
 *              "HvLE"; 4 its size; 8 flags; 12 sequence; 16 size of all bins; 20 pages;
 *              24 hash of [40, size); 32 hash of [0, 32); 40 u32 offset, u32 size of each page;
 *              the pages
 *
 * Hashes are Marvin32. An old log fits the hive that has its timestamp. New entries follow each
 * other by sequence; the first that does not, or whose hash is wrong, ends the log: it was never
 * written completely, or is from before. When the hive's header is bad, a log's serves. */
#include "base/arith.h"
#include "base/reader.h"
#include "formats/regf_private.h"

enum {
    SECTOR = 512,
    TYPE_HIVE = 0,
    TYPE_NEW_LOG = 6,
    ENTRY_HEADER_LEN = 40,
    ENTRY_HASHED_LEN = 32,
    GROWTH_SLACK = 16 << 20,
    FLAG_KEPT = 1, /* of an entry's flags: the only one that goes into the header */
};

/* ---- hash ----------------------------------------------------------------------------------- */

typedef struct marvin {
    uint32_t low;
    uint32_t high;
} marvin;

static uint32_t rotate(uint32_t value, unsigned count)
{
    return value << count | value >> (32 - count);
}

static void mix(marvin *m, uint32_t word)
{
    m->low += word;
    m->high ^= m->low;
    m->low = rotate(m->low, 20) + m->high;
    m->high = rotate(m->high, 9) ^ m->low;
    m->low = rotate(m->low, 27) + m->high;
    m->high = rotate(m->high, 19);
}

uint64_t kj_regf_marvin32(uint64_t seed, kj_span bytes)
{
    marvin m = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    kj_reader r = kj_reader_of(bytes);
    while (kj_reader_left(&r) >= 4)
        mix(&m, kj_read_u32le(&r));
    uint32_t tail = 0x80;
    for (size_t i = bytes.len; i > r.pos; i--)
        tail = tail << 8 | bytes.data[i - 1];
    mix(&m, tail);
    mix(&m, 0);
    return (uint64_t)m.high << 32 | m.low;
}

/* ---- logs ----------------------------------------------------------------------------------- */

/* One log file. */
typedef struct log_file {
    kj_span bytes;
    unsigned number;
    bool is_valid; /* its own header is complete */
    bool is_new;
    kj_regf_header header;
    uint32_t entry_count; /* new: those that follow each other without a fault */
    uint32_t last;        /* new: sequence of the last of them */
} log_file;

/* An entry of a new log. */
typedef struct entry {
    uint32_t size;
    uint32_t flags;
    uint32_t sequence;
    uint32_t data_size;
    uint32_t page_count;
    uint64_t hash1; /* of the pages and where they go */
    uint64_t hash2; /* of the header, hash1 included */
    kj_span bytes;
} entry;

typedef struct page {
    uint32_t offset;
    kj_span bytes;
} page;

/* What a replay works on. */
typedef struct replay {
    kj_buf *hive;
    kj_regf_replay result;
} replay;

/* Sequence numbers count modulo 2^32. */
static bool is_before(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) < 0;
}

static bool read_entry(kj_span bytes, size_t at, entry *out)
{
    kj_reader r = kj_reader_of(bytes);
    kj_seek(&r, at);
    bool is_entry = kj_span_is(kj_read_span(&r, 4), "HvLE");
    out->size = kj_read_u32le(&r);
    out->flags = kj_read_u32le(&r);
    out->sequence = kj_read_u32le(&r);
    out->data_size = kj_read_u32le(&r);
    out->page_count = kj_read_u32le(&r);
    out->hash1 = kj_read_u64le(&r);
    out->hash2 = kj_read_u64le(&r);
    out->bytes = kj_span_sub(bytes, at, out->size);
    return kj_reader_ok(&r) && is_entry && out->size >= ENTRY_HEADER_LEN &&
           out->size % SECTOR == 0 && out->bytes.len == out->size;
}

/* The page number `index`, counted by `refs` and `pages`, which both begin in front. False when it
 * leaves the entry or the hive. */
static bool next_page(const entry *e, kj_reader *refs, kj_reader *pages, page *out)
{
    out->offset = kj_read_u32le(refs);
    uint32_t size = kj_read_u32le(refs);
    out->bytes = kj_read_span(pages, size);
    return kj_reader_ok(refs) && kj_reader_ok(pages) && out->offset <= e->data_size &&
           size <= e->data_size - out->offset;
}

static void open_pages(const entry *e, kj_reader *refs, kj_reader *pages)
{
    *refs = *pages = kj_reader_of(e->bytes);
    kj_seek(refs, ENTRY_HEADER_LEN);
    kj_seek(pages, ENTRY_HEADER_LEN + (uint64_t)e->page_count * 8);
}

static bool pages_fit(const entry *e)
{
    kj_reader refs, pages;
    page p;
    open_pages(e, &refs, &pages);
    for (uint32_t i = 0; i < e->page_count; i++)
        if (!next_page(e, &refs, &pages, &p))
            return false;
    return true;
}

static bool hashes_fit(const entry *e)
{
    kj_span head = kj_span_sub(e->bytes, 0, ENTRY_HASHED_LEN);
    kj_span body = kj_span_sub(e->bytes, ENTRY_HEADER_LEN, SIZE_MAX);
    return kj_regf_marvin32(KJ_REGF_LOG_SEED, head) == e->hash2 &&
           kj_regf_marvin32(KJ_REGF_LOG_SEED, body) == e->hash1;
}

static bool data_size_fits(uint32_t size, uint64_t max)
{
    return size && size % KJ_REGF_PAGE == 0 && size <= max;
}

/* Counts the entries that are sound and numbered without a gap. */
static void count_entries(log_file *l, uint64_t data_max)
{
    entry e;
    for (size_t at = SECTOR; read_entry(l->bytes, at, &e); at += e.size) {
        if (e.sequence != l->header.sequence1 + l->entry_count || !hashes_fit(&e) ||
            !data_size_fits(e.data_size, data_max) || !pages_fit(&e))
            return;
        l->last = e.sequence;
        l->entry_count++;
    }
}

static log_file open_log(kj_span bytes, unsigned number, uint64_t data_max)
{
    log_file l = {.bytes = bytes, .number = number};
    if (!kj_regf_read_header(bytes, &l.header))
        return l;
    l.is_new = l.header.type == TYPE_NEW_LOG;
    l.is_valid = l.header.has_magic && l.header.checksum_ok && l.header.major == 1 &&
                 l.header.sequence1 == l.header.sequence2 && l.header.type != TYPE_HIVE;
    if (l.is_valid && l.is_new)
        count_entries(&l, data_max);
    else
        l.is_valid = l.is_valid && data_size_fits(l.header.data_size, data_max);
    return l;
}

/* ---- writing into the hive ------------------------------------------------------------------ */

static void put_u32(kj_buf *hive, size_t at, uint32_t value)
{
    for (size_t i = 0; i < 4; i++)
        hive->data[at + i] = (uint8_t)(value >> 8 * i);
}

/* Makes room for bins of that size. */
static kj_status grow(replay *p, uint32_t data_size, kj_error *err)
{
    size_t len = (size_t)KJ_REGF_HEADER_LEN + data_size;
    if (len <= p->hive->len)
        return KJ_OK;
    kj_buf_put_zeros(p->hive, len - p->hive->len);
    if (p->hive->starved)
        return kj_no_memory(err);
    if (p->hive->failed)
        return kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET, "the hive becomes too large with its logs");
    return KJ_OK;
}

/* The header of a log in place of the hive's own. */
static void take_header(replay *p, const log_file *l)
{
    memcpy(p->hive->data, l->bytes.data, KJ_REGF_CHECKED_LEN);
    put_u32(p->hive, KJ_REGF_TYPE_AT, TYPE_HIVE);
    p->result.header_from_log = true;
}

/* `sequence`: of what was applied last; `written`: what the header says afterwards. */
static void finish_header(replay *p, uint32_t sequence, uint32_t written)
{
    put_u32(p->hive, KJ_REGF_SEQUENCE1_AT, written);
    put_u32(p->hive, KJ_REGF_SEQUENCE2_AT, written);
    put_u32(p->hive, KJ_REGF_CHECKSUM_AT, kj_regf_checksum(p->hive->data));
    p->result.sequence = sequence;
    p->result.state = KJ_REGF_REPLAYED;
}

static kj_status apply_entry(replay *p, const entry *e, kj_error *err)
{
    kj_reader refs, pages;
    page target;
    KJ_TRY(grow(p, e->data_size, err));
    open_pages(e, &refs, &pages);
    for (uint32_t i = 0; i < e->page_count && next_page(e, &refs, &pages, &target); i++) {
        if (target.bytes.len)
            memcpy(p->hive->data + KJ_REGF_HEADER_LEN + target.offset, target.bytes.data,
                   target.bytes.len);
        p->result.pages++;
    }
    kj_reader r = kj_reader_of(kj_buf_span(p->hive));
    kj_seek(&r, KJ_REGF_FLAGS_AT);
    uint32_t flags = (kj_read_u32le(&r) & ~(uint32_t)FLAG_KEPT) | (e->flags & FLAG_KEPT);
    put_u32(p->hive, KJ_REGF_FLAGS_AT, flags);
    put_u32(p->hive, KJ_REGF_DATA_SIZE_AT, e->data_size);
    p->result.entries++;
    return KJ_OK;
}

static kj_status apply_new(replay *p, const log_file *l, kj_error *err)
{
    entry e;
    size_t at = SECTOR;
    for (uint32_t i = 0; i < l->entry_count && read_entry(l->bytes, at, &e); i++, at += e.size)
        KJ_TRY(apply_entry(p, &e, err));
    p->result.log |= 1u << l->number;
    return KJ_OK;
}

/* ---- old logs ------------------------------------------------------------------------------- */

/* Where the pages of an old log begin; 0 when it has no map, or not all of its pages. */
static size_t old_pages_at(const log_file *l, kj_span *out_map)
{
    kj_reader r = kj_reader_of(l->bytes);
    kj_seek(&r, SECTOR);
    bool has_map = kj_span_is(kj_read_span(&r, 4), "DIRT");
    *out_map = kj_read_span(&r, l->header.data_size / SECTOR / 8);
    if (!kj_reader_ok(&r) || !has_map)
        return 0;
    size_t pages_at = (r.pos + SECTOR - 1) / SECTOR * SECTOR, count = 0;
    for (size_t i = 0; i < out_map->len; i++)
        count += (size_t)__builtin_popcount(out_map->data[i]);
    bool is_whole =
        count && pages_at <= l->bytes.len && count <= (l->bytes.len - pages_at) / SECTOR;
    return is_whole ? pages_at : 0;
}

static kj_status apply_old(replay *p, const log_file *l, const kj_regf_header *header,
                           bool has_header, kj_error *err)
{
    kj_span map;
    kj_reader r = kj_reader_of(l->bytes);
    kj_seek(&r, old_pages_at(l, &map));
    KJ_TRY(grow(p, l->header.data_size, err));
    for (uint32_t i = 0; i < l->header.data_size / SECTOR; i++) {
        if (!(map.data[i / 8] >> i % 8 & 1))
            continue;
        kj_span bytes = kj_read_span(&r, SECTOR);
        if (bytes.len)
            memcpy(p->hive->data + KJ_REGF_HEADER_LEN + (size_t)i * SECTOR, bytes.data, bytes.len);
        p->result.pages++;
    }
    if (!has_header)
        take_header(p, l);
    put_u32(p->hive, KJ_REGF_DATA_SIZE_AT, l->header.data_size);
    p->result.entries++;
    p->result.log |= 1u << l->number;
    bool hive_is_later = has_header && is_before(l->header.sequence1, header->sequence1);
    uint32_t sequence = hive_is_later ? header->sequence1 : l->header.sequence1;
    finish_header(p, sequence, sequence);
    return KJ_OK;
}

/* When the hive was written: as its header says, or, when that is bad, its first bin. */
static uint64_t written_of(kj_span hive, const kj_regf_header *header, bool has_header)
{
    kj_reader r = kj_reader_of(hive);
    kj_seek(&r, KJ_REGF_HEADER_LEN + 20);
    uint64_t in_bin = kj_read_u64le(&r);
    return has_header ? header->written : in_bin;
}

static kj_status replay_old(replay *p, const log_file logs[2], const kj_regf_header *header,
                            bool has_header, kj_error *err)
{
    uint64_t written = written_of(kj_buf_span(p->hive), header, has_header);
    for (size_t i = 0; i < 2; i++) {
        kj_span map;
        if (!logs[i].is_valid || logs[i].is_new || old_pages_at(&logs[i], &map) == 0)
            continue;
        if (logs[i].header.written == written)
            return apply_old(p, &logs[i], header, has_header, err);
        p->result.why = KJ_SENTENCE("the log belongs to another state of the hive");
    }
    return KJ_OK;
}

/* ---- new logs ------------------------------------------------------------------------------- */

/* Whether a new log has anything for the hive. */
static bool has_entries_for(const log_file *l, const kj_regf_header *header, bool has_header)
{
    return l->is_valid && l->is_new && l->entry_count &&
           !(has_header && is_before(l->header.sequence1, header->sequence2));
}

static kj_status replay_new(replay *p, const log_file logs[2], const kj_regf_header *header,
                            bool has_header, kj_error *err)
{
    const log_file *first = NULL, *second = NULL;
    for (size_t i = 0; i < 2; i++) {
        const log_file *l = &logs[i];
        if (!has_entries_for(l, header, has_header)) {
            if (l->is_valid && l->is_new)
                p->result.why = l->entry_count ? KJ_SENTENCE("the log is older than the hive")
                                               : KJ_SENTENCE("the log has no complete entry");
            continue;
        }
        if (first && is_before(l->header.sequence1, first->header.sequence1)) {
            second = first;
            first = l;
        } else if (first) {
            second = l;
        } else {
            first = l;
        }
    }
    if (!first)
        return KJ_OK;
    if (!has_header) { /* only the log with the latest entries: it has pages that the other lacks */
        first = second ? second : first;
        second = NULL;
        take_header(p, first);
    }
    KJ_TRY(apply_new(p, first, err));
    uint32_t last = first->last;
    if (second && second->header.sequence1 == last + 1) {
        KJ_TRY(apply_new(p, second, err));
        last = second->last;
    }
    finish_header(p, last, last + 1); /* Windows writes what it recovered under the next number */
    return KJ_OK;
}

static kj_status replay_dirty(replay *p, const kj_span logs[2], const kj_regf_header *header,
                              bool has_header, kj_error *err)
{
    /* A hive grows by pages that its logs bring; the rest is room for what is only reserved. */
    uint64_t data_max = (uint64_t)p->hive->len + logs[0].len + logs[1].len + GROWTH_SLACK;
    const log_file opened[2] = {open_log(logs[0], 0, data_max), open_log(logs[1], 1, data_max)};
    p->result.state = KJ_REGF_STALE;
    p->result.why = logs[0].len || logs[1].len ? KJ_SENTENCE("there is no log that is complete")
                                               : KJ_SENTENCE("its logs are missing");
    KJ_TRY(replay_new(p, opened, header, has_header, err));
    if (p->result.state == KJ_REGF_STALE)
        KJ_TRY(replay_old(p, opened, header, has_header, err));
    if (p->result.state == KJ_REGF_REPLAYED)
        p->result.why = NULL;
    return KJ_OK;
}

kj_status kj_regf_replay_logs(kj_buf *hive, const kj_span logs[2], kj_regf_replay *out,
                              kj_error *err)
{
    kj_regf_header header = {0};
    replay p = {.hive = hive, .result = {.state = KJ_REGF_CLEAN}};
    kj_span first_bin = kj_span_sub(kj_buf_span(hive), KJ_REGF_HEADER_LEN, 4);
    if (!kj_regf_read_header(kj_buf_span(hive), &header) ||
        !(header.has_magic || kj_span_is(first_bin, "hbin")))
        return kj_fail(err, KJ_MALFORMED, 0, "no hive of Windows NT");
    bool has_header = header.has_magic && header.checksum_ok;
    if (!has_header || header.sequence1 != header.sequence2)
        KJ_TRY(replay_dirty(&p, logs, &header, has_header, err));
    *out = p.result;
    return KJ_OK;
}
