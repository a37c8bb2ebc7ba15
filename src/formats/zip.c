/* SPDX-License-Identifier: Apache-2.0 */
/* ZIP (PKWARE APPNOTE 6.3.10), read by libarchive.
 *
 *     [anything][local header, data]...[central directory][zip64 end, locator][end][comment]
 *     "PK\3\4"                         "PK\1\2"           "PK\6\6", "PK\6\7"  "PK\5\6"
 *
 * Found at the start by its first local header, and behind anything (a self-extracting program, a
 * picture) by its end record in the last 64 KiB. libarchive looks for that record in the last
 * 16 KiB only, so it is shown the file without the comment. Without a usable central directory (a
 * cut download, damage) the local headers are walked instead; members that the directory listed
 * before it failed come again.
 *
 * Not handled: several discs; methods that libarchive lacks (implode, shrink, deflate64); members
 * that only a local header announces while the directory is sound. */
#include "base/arith.h"
#include "formats/rows.h"
#include "formats/unpack.h"

#include <archive.h>
#include <stdlib.h>

enum {
    END_LEN = 22,
    END_AREA = 64 << 10, /* a comment has at most 65,535 bytes */
    LOCATOR_LEN = 20,
};

/* Offset of the last plausible end record, or SIZE_MAX. Goes backwards by the signature's last
 * byte, the rarest of the four in real files. */
static size_t find_end(kj_span bytes)
{
    size_t from = bytes.len - kj_min_size(bytes.len, END_AREA + END_LEN);
    kj_span area = kj_span_sub(bytes, from, SIZE_MAX);
    size_t left = area.len;
    while (left >= 4) {
        const uint8_t *hit = memrchr(area.data, 0x06, left);
        if (!hit || hit - area.data < 3)
            break;
        left = (size_t)(hit - area.data);
        kj_span signature = kj_span_sub(area, left - 3, 4);
        if (kj_span_is(signature, "PK\x05\x06") && area.len - (left - 3) >= END_LEN)
            return from + left - 3;
    }
    return SIZE_MAX;
}

/* Whether the central directory stands right before the end record, where libarchive looks. */
static bool is_sound_end(kj_span bytes, size_t end)
{
    kj_reader r = kj_reader_of(bytes);
    kj_seek(&r, end + 4);
    uint16_t disc = kj_read_u16le(&r);
    kj_skip(&r, 6);
    uint32_t directory_len = kj_read_u32le(&r);
    if (!kj_reader_ok(&r) || disc != 0)
        return false;
    if (end >= LOCATOR_LEN && kj_span_is(kj_span_sub(bytes, end - LOCATOR_LEN, 4), "PK\x06\x07"))
        return true;
    return directory_len <= end &&
           kj_span_is(kj_span_sub(bytes, end - directory_len, 4), "PK\x01\x02");
}

/* "PK\7\8" and "PK00" mark archives that were split, or meant to be. */
static size_t find_local_header(kj_span bytes)
{
    static const char *const starts[] = {"PK\x03\x04", "PK\x07\x08PK\x03\x04", "PK00PK\x03\x04"};
    for (size_t i = 0; i < KJ_COUNT(starts); i++)
        if (kj_span_starts(bytes, kj_span_str(starts[i])))
            return i == 0 ? 0 : 4;
    return SIZE_MAX;
}

/* Behind something, that something is what the file is called after, however little tells it. */
static unsigned probe(kj_span bytes)
{
    size_t local = find_local_header(bytes);
    if (local != SIZE_MAX)
        return local ? 64 : 32;
    if (kj_span_starts(bytes, kj_span_str("PK\x05\x06")))
        return 32;
    size_t end = find_end(bytes);
    return end != SIZE_MAX && is_sound_end(bytes, end) ? 8 : 0;
}

/* ---- the central directory ------------------------------------------------------------------- */

/* Reads an entry of the directory. False behind the last. */
static bool read_listed(kj_reader *r, kj_unpack_listed *out)
{
    if (kj_reader_left(r) < 46 || !kj_span_is(kj_read_span(r, 4), "PK\x01\x02"))
        return false;
    kj_skip(r, 12); /* versions, flags, method, time */
    out->crc = kj_read_u32le(r);
    out->packed_size = kj_read_u32le(r);
    out->size = kj_read_u32le(r);
    size_t name_len = kj_read_u16le(r);
    size_t more = kj_read_u16le(r);
    more += kj_read_u16le(r);
    kj_skip(r, 8); /* disc, attributes */
    out->start = kj_read_u32le(r);
    out->name = kj_read_span(r, name_len);
    kj_skip(r, more);
    return kj_reader_ok(r);
}

static bool is_directory(const kj_unpack_listed *item)
{
    return item->name.len && item->name.data[item->name.len - 1] == '/';
}

/* Takes all but directories; counts only, when there is nowhere to put them. */
static size_t read_listing(kj_reader r, kj_unpack_listed *items)
{
    size_t count = 0;
    kj_unpack_listed item = {0};
    for (item.position = 1; read_listed(&r, &item); item.position++) {
        if (is_directory(&item))
            continue;
        if (items)
            items[count] = item;
        count++;
    }
    return count;
}

static int compare_starts(const void *a, const void *b)
{
    const kj_unpack_listed *left = a, *right = b;
    if (left->start != right->start)
        return left->start < right->start ? -1 : 1;
    return left->position < right->position ? -1 : 1;
}

/* Empty where it cannot be had: sizes of ZIP64, a directory that is not before its end. */
static kj_unpack_listing make_listing(kj_span bytes, size_t end, kj_arena *arena)
{
    kj_reader tail = kj_reader_of(bytes);
    kj_seek(&tail, end + 12);
    uint32_t len = kj_read_u32le(&tail);
    kj_unpack_listing listing = {0};
    if (!kj_reader_ok(&tail) || len > end)
        return listing;
    kj_reader r = kj_reader_of(kj_span_sub(bytes, end - len, len));
    size_t count = read_listing(r, NULL);
    listing.items = count ? kj_new_array(arena, kj_unpack_listed, count) : NULL;
    if (!listing.items)
        return listing;
    listing.count = read_listing(r, listing.items);
    qsort(listing.items, count, sizeof *listing.items, compare_starts);
    return listing;
}

/* ---- the walk ---------------------------------------------------------------------------------
 */

static kj_status walk_directory(kj_object *object, size_t end, kj_sink *sink, kj_error *err)
{
    const kj_unpack_listing listing = make_listing(object->bytes, end, sink->arena);
    const kj_unpack_way way = {.format = ARCHIVE_FORMAT_ZIP, .listing = &listing};
    return kj_unpack_walk(&way, object, kj_span_sub(object->bytes, 0, end + END_LEN), sink, err);
}

static kj_status walk_locals(kj_object *object, kj_sink *sink, kj_error *err)
{
    static const kj_unpack_way way = {
        .format = ARCHIVE_FORMAT_ZIP, .streamed = true, .solid = true};
    size_t start = find_local_header(object->bytes);
    if (start == SIZE_MAX)
        return KJ_OK;
    return kj_unpack_walk(&way, object, kj_span_sub(object->bytes, start, SIZE_MAX), sink, err);
}

/* What the sink says goes before what is wrong with the archive. */
static bool is_sinks(kj_status status)
{
    return status == KJ_LIMIT || status == KJ_CANCELLED || status == KJ_NO_MEMORY;
}

static kj_status scan(kj_object *object, kj_sink *sink, kj_error *err)
{
    size_t end = find_end(object->bytes);
    if (end == 0)
        return KJ_OK; /* nothing but an end record: an empty archive */
    kj_error problem;
    kj_status status;
    if (end == SIZE_MAX || !is_sound_end(object->bytes, end))
        status = kj_fail(&problem, KJ_TRUNCATED, KJ_NO_OFFSET, "its central directory is missing");
    else
        status = walk_directory(object, end, sink, &problem);
    if (status == KJ_MALFORMED || status == KJ_TRUNCATED) {
        kj_error second;
        kj_status again = walk_locals(object, sink, &second);
        problem = is_sinks(again) ? second : problem;
    }
    if (status == KJ_OK)
        return KJ_OK;
    return kj_fail(err, problem.status, problem.offset, "%s", problem.message);
}

const kj_format kj_format_zip = {
    .name = "zip",
    .title = "ZIP archive",
    .kind = KJ_KIND_ARCHIVE,
    .probe = probe,
    .scan = scan,
};
