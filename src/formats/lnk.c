/* SPDX-License-Identifier: Apache-2.0 */
/* Windows shortcuts (Microsoft, [MS-SHLLINK] 8.0).
 *
 *     header (76 bytes), [LinkTargetIDList], [LinkInfo], [name] [relative path] [working directory]
 *     [arguments] [icon location], extra data: blocks with u32 size and u32 signature, u32 < 4
 *
 * Which of the parts are there the flags say. The contents of shell items are nowhere specified;
 * what is read of them follows "Windows Shell Item format" (libfwsi). What is and what is not read
 * of a broken shortcut follows YARA-X:
 *
 *   - Sizes of the ID list and of its items that are too large are cut to what is there, since
 *     exploits have such; any other part that leaves the file ends the walk.
 *   - Windows takes 260 characters of each string but the arguments, whatever its length says, and
 *     goes on right behind them.
 *   - Bytes of the system's code page are taken for UTF-8; what is none becomes U+FFFD. */
#include "formats/lnk.h"

#include "base/buf.h"
#include "base/text.h"

#include <stdio.h>

enum {
    HEADER_LEN = 0x4C,
    HAS_ID_LIST = 1 << 0,
    HAS_LINK_INFO = 1 << 1,
    HAS_NAME = 1 << 2,
    HAS_RELATIVE_PATH = 1 << 3,
    HAS_WORKING_DIR = 1 << 4,
    HAS_ARGUMENTS = 1 << 5,
    HAS_ICON_LOCATION = 1 << 6,
    IS_UNICODE = 1 << 7,
    INFO_HAS_VOLUME = 1 << 0,
    INFO_HAS_SUFFIX = 1 << 1,
    INFO_HEADER_WITH_UNICODE = 0x24,
    LABEL_IS_UNICODE = 0x14,
    STRING_MAX = 260,
    GUID_LEN = 16,
    MACHINE_ID_LEN = 16,
    NANOSECONDS_100 = 10000000,
};

#define CLSID         "\x01\x14\x02\0\0\0\0\0\xC0\0\0\0\0\0\0\x46"
#define EPOCH_1601    11644473600 /* seconds from 1601 to 1970 */
#define TRACKER_BLOCK 0xA0000003u

typedef struct reading {
    kj_arena *arena;
    kj_buf text;
    bool starved;
} reading;

/* ---- texts --------------------------------------------------------------------------------- */

static kj_span keep(reading *r)
{
    char *copy = r->text.failed ? NULL : kj_arena_text(r->arena, kj_buf_span(&r->text));
    r->starved |= !copy;
    return copy ? kj_span_of(copy, r->text.len) : (kj_span){0};
}

static kj_span until_nul(kj_span s)
{
    const uint8_t *nul = s.len ? memchr(s.data, 0, s.len) : NULL;
    return nul ? kj_span_sub(s, 0, (size_t)(nul - s.data)) : s;
}

static kj_span until_nul16(kj_span s)
{
    size_t len = 0;
    while (len + 2 <= s.len && (s.data[len] || s.data[len + 1]))
        len += 2;
    return kj_span_sub(s, 0, len);
}

/* How many bytes at `pos`, where no code point stands, one U+FFFD speaks for: the longest beginning
 * of one. Source: Unicode 15, "U+FFFD Substitution of Maximal Subparts". */
static size_t broken_len(kj_span s, size_t pos)
{
    uint8_t lead = s.data[pos];
    size_t want = lead >= 0xC2 && lead < 0xE0   ? 2
                  : lead >= 0xE0 && lead < 0xF0 ? 3
                  : lead >= 0xF0 && lead < 0xF5 ? 4
                                                : 1;
    uint8_t low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    uint8_t high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    size_t len = 1;
    while (len < want && pos + len < s.len && s.data[pos + len] >= low &&
           s.data[pos + len] <= high) {
        low = 0x80;
        high = 0xBF;
        len++;
    }
    return len;
}

static kj_span narrow(reading *r, kj_span s)
{
    kj_buf_clear(&r->text);
    for (size_t pos = 0; pos < s.len;) {
        size_t start = pos;
        uint8_t out[4];
        size_t len = kj_utf8_put(kj_utf8_next(s, &pos), out);
        kj_buf_put(&r->text, kj_span_of(out, len));
        if (pos == start + 1)
            pos = start + broken_len(s, start);
    }
    return keep(r);
}

static kj_span wide(reading *r, kj_span s)
{
    kj_buf_clear(&r->text);
    kj_utf16_to_utf8(s, false, &r->text);
    return keep(r);
}

/* The text at `offset` of a part, up to a NUL or its end; none when it begins behind the end. */
static kj_span text_at(reading *r, kj_span part, uint64_t offset, bool unicode)
{
    if (offset > part.len)
        return (kj_span){0};
    kj_span rest = kj_span_sub(part, (size_t)offset, part.len);
    return unicode ? wide(r, until_nul16(rest)) : narrow(r, until_nul(rest));
}

static bool read_guid(kj_reader *r, char out[KJ_LNK_GUID_LEN + 1])
{
    uint32_t a = kj_read_u32le(r);
    uint16_t b = kj_read_u16le(r), c = kj_read_u16le(r);
    uint64_t rest = kj_read_u64be(r);
    (void)snprintf(out, KJ_LNK_GUID_LEN + 1, "%08x-%04x-%04x-%04x-%012llx", a, b, c,
                   (unsigned)(rest >> 48), (unsigned long long)(rest & 0xFFFFFFFFFFFF));
    return kj_reader_ok(r);
}

/* ---- the header ---------------------------------------------------------------------------- */

/* 100 nanoseconds since 1601. */
static int64_t unix_time(uint64_t filetime)
{
    int64_t seconds = (int64_t)(filetime / NANOSECONDS_100) - EPOCH_1601;
    return seconds < 0 ? KJ_LNK_UNKNOWN : seconds;
}

/* A number that YARA-X has room for. */
static int64_t small(uint32_t value)
{
    return value <= INT32_MAX ? (int64_t)value : KJ_LNK_UNKNOWN;
}

static bool read_header(kj_reader *r, kj_lnk *out)
{
    kj_reader h = kj_read_sub(r, HEADER_LEN);
    bool magic = kj_read_u32le(&h) == HEADER_LEN;
    kj_span clsid = kj_read_span(&h, sizeof CLSID - 1);
    out->flags = kj_read_u32le(&h);
    out->file_attributes = kj_read_u32le(&h);
    out->creation_time = unix_time(kj_read_u64le(&h));
    out->access_time = unix_time(kj_read_u64le(&h));
    out->write_time = unix_time(kj_read_u64le(&h));
    out->file_size = kj_read_u32le(&h);
    out->icon_index = kj_read_u32le(&h);
    out->show_command = small(kj_read_u32le(&h));
    return kj_reader_ok(&h) && magic && memcmp(clsid.data, CLSID, clsid.len) == 0;
}

/* ---- the target's ID list ------------------------------------------------------------------ */

static uint8_t item_type(uint8_t class)
{
    uint8_t range = class & 0x70;
    if (range == KJ_LNK_VOLUME || range == KJ_LNK_FILE_ENTRY || range == KJ_LNK_NETWORK_LOCATION)
        return range;
    if (class == 0x1E)
        return KJ_LNK_ROOT_FOLDER;
    return class == 0x70 ? KJ_LNK_CONTROL_PANEL : class;
}

/* Behind the class, a sort index or flags. */
static kj_span item_guid(reading *r, kj_span item)
{
    kj_reader at = kj_reader_of(item);
    char guid[KJ_LNK_GUID_LEN + 1];
    kj_skip(&at, 2);
    if (!read_guid(&at, guid))
        return (kj_span){0};
    return narrow(r, kj_span_str(guid));
}

/* UTF-16 from byte 22 on, or bytes from 10 on: then byte 10 is no NUL. */
static kj_span cpl_path(reading *r, kj_span item)
{
    enum { NARROW_AT = 10, WIDE_AT = 22 };
    if (item.len <= NARROW_AT)
        return (kj_span){0};
    bool unicode = item.data[NARROW_AT] == 0;
    return text_at(r, item, unicode ? WIDE_AT : NARROW_AT, unicode);
}

static kj_lnk_item read_item(reading *r, kj_span item)
{
    enum {
        VOLUME_NAME_LEN = 20,
        FILE_NAME_AT = 12,
        LOCATION_AT = 3,
        HAS_VOLUME_NAME = 1,
        WIDE = 4
    };
    uint8_t class = item.data[0];
    kj_lnk_item out = {.type = item_type(class), .data = kj_span_sub(item, 1, item.len)};
    switch (out.type) {
    case KJ_LNK_CONTROL_PANEL_CPL:
        out.text = cpl_path(r, item);
        break;
    case KJ_LNK_ROOT_FOLDER:
        out.guid = item_guid(r, item);
        break;
    case KJ_LNK_VOLUME:
        if (!(class & HAS_VOLUME_NAME))
            out.guid = item_guid(r, item);
        else if (item.len > VOLUME_NAME_LEN)
            out.text = text_at(r, kj_span_sub(item, 1, VOLUME_NAME_LEN), 0, false);
        break;
    case KJ_LNK_FILE_ENTRY:
        out.text = text_at(r, item, FILE_NAME_AT, class & WIDE);
        break;
    case KJ_LNK_NETWORK_LOCATION:
        out.text = text_at(r, item, LOCATION_AT, false);
        break;
    default:
        break;
    }
    return out;
}

/* The next item of the list; false at its end. One may be empty. */
static bool next_item(kj_reader *list, kj_span *out)
{
    size_t size = kj_read_u16le(list);
    if (!kj_reader_ok(list) || size == 0)
        return false;
    size_t left = kj_reader_left(list);
    size_t len = size < 2 ? 0 : size - 2;
    *out = kj_read_span(list, len < left ? len : left);
    return true;
}

static bool read_id_list(reading *r, kj_reader *file, kj_lnk *out)
{
    size_t size = kj_read_u16le(file), left = kj_reader_left(file), count = 0;
    kj_reader list = kj_read_sub(file, size < left ? size : left), again = list;
    kj_span item;
    if (!kj_reader_ok(file))
        return false;
    while (next_item(&list, &item))
        count += item.len != 0;
    kj_lnk_item *items = kj_new_array(r->arena, kj_lnk_item, count);
    r->starved |= !items;
    if (!items)
        return false;
    out->items = items;
    while (next_item(&again, &item))
        if (item.len)
            items[out->item_count++] = read_item(r, item);
    return true;
}

/* ---- LinkInfo ------------------------------------------------------------------------------ */

/* `part` begins with a VolumeID. */
static void read_volume(reading *r, kj_span part, kj_lnk *out)
{
    kj_reader v = kj_reader_of(part);
    uint32_t size = kj_read_u32le(&v);
    uint32_t type = kj_read_u32le(&v);
    uint32_t serial = kj_read_u32le(&v);
    uint32_t label = kj_read_u32le(&v);
    if (!kj_reader_ok(&v))
        return;
    out->has_volume = true;
    out->drive_type = small(type);
    out->drive_serial_number = serial;
    bool unicode = label == LABEL_IS_UNICODE;
    if (unicode)
        label = kj_read_u32le(&v);
    if (kj_reader_ok(&v) && size <= part.len)
        out->volume_label = text_at(r, kj_span_sub(part, 0, size), label, unicode);
}

static bool read_link_info(reading *r, kj_reader *file, kj_lnk *out)
{
    kj_reader h = *file;
    uint32_t size = kj_read_u32le(&h), header_size = kj_read_u32le(&h);
    uint32_t flags = kj_read_u32le(&h), volume = kj_read_u32le(&h);
    uint32_t path = kj_read_u32le(&h);
    kj_skip(&h, 4); /* the network's share */
    uint32_t suffix = kj_read_u32le(&h), wide_path = 0, wide_suffix = 0;
    if (header_size >= INFO_HEADER_WITH_UNICODE) {
        wide_path = kj_read_u32le(&h);
        wide_suffix = kj_read_u32le(&h);
    }
    if (!kj_reader_ok(&h) || size > kj_reader_left(file))
        return false;
    kj_span info = kj_read_span(file, size);
    if (flags & INFO_HAS_VOLUME) {
        if (volume <= info.len)
            read_volume(r, kj_span_sub(info, volume, info.len), out);
        out->local_base_path = text_at(r, info, wide_path ? wide_path : path, wide_path);
    }
    if (flags & INFO_HAS_SUFFIX)
        out->common_path_suffix = text_at(r, info, wide_suffix ? wide_suffix : suffix, wide_suffix);
    return true;
}

/* ---- strings and extra data ---------------------------------------------------------------- */

static bool read_string(reading *r, kj_reader *file, bool unicode, size_t max, kj_span *out)
{
    size_t count = kj_read_u16le(file);
    count = count < max ? count : max;
    kj_reader text = kj_read_sub(file, unicode ? 2 * count : count);
    if (!kj_reader_ok(file))
        return false;
    *out = unicode ? wide(r, until_nul16(text.in)) : narrow(r, text.in);
    return true;
}

static bool read_strings(reading *r, kj_reader *file, kj_lnk *out)
{
    const struct {
        uint32_t flag;
        size_t max;
        kj_span *text;
    } strings[] = {
        {HAS_NAME, STRING_MAX, &out->name},
        {HAS_RELATIVE_PATH, STRING_MAX, &out->relative_path},
        {HAS_WORKING_DIR, STRING_MAX, &out->working_dir},
        {HAS_ARGUMENTS, UINT16_MAX, &out->cmd_line_args},
        {HAS_ICON_LOCATION, STRING_MAX, &out->icon_location},
    };
    for (size_t i = 0; i < sizeof strings / sizeof strings[0]; i++)
        if (out->flags & strings[i].flag &&
            !read_string(r, file, out->flags & IS_UNICODE, strings[i].max, strings[i].text))
            return false;
    return true;
}

/* [MS-SHLLINK] 2.5.10, behind the signature. One that is too short does not count. */
static void read_tracker(reading *r, kj_reader *block, kj_lnk *out)
{
    kj_lnk_tracker tracker = {0};
    kj_skip(block, 4); /* length */
    tracker.version = kj_read_u32le(block);
    kj_span machine = kj_read_span(block, MACHINE_ID_LEN);
    if (!read_guid(block, tracker.droid_volume_id) || !read_guid(block, tracker.droid_file_id) ||
        !read_guid(block, tracker.droid_birth_volume_id) ||
        !read_guid(block, tracker.droid_birth_file_id))
        return;
    tracker.machine_id = narrow(r, until_nul(machine));
    out->tracker = tracker;
    out->has_tracker = true;
}

static void read_extra_data(reading *r, kj_reader *file, kj_lnk *out)
{
    enum { SIZE_LEN = 4 };
    uint32_t size;
    while ((size = kj_read_u32le(file)) >= SIZE_LEN) {
        kj_reader block = kj_read_sub(file, size - SIZE_LEN);
        if (kj_read_u32le(&block) == TRACKER_BLOCK)
            read_tracker(r, &block, out);
    }
    if (!kj_reader_ok(file))
        return;
    out->overlay_size = (int64_t)kj_reader_left(file);
    if (out->overlay_size)
        out->overlay_offset = (int64_t)file->pos;
}

kj_status kj_lnk_read(kj_span bytes, kj_arena *arena, kj_lnk *out, kj_error *err)
{
    kj_reader file = kj_reader_of(bytes);
    kj_lnk lnk = {.drive_type = KJ_LNK_UNKNOWN,
                  .overlay_size = KJ_LNK_UNKNOWN,
                  .overlay_offset = KJ_LNK_UNKNOWN};
    reading r = {.arena = arena};
    if (!read_header(&file, &lnk))
        return kj_fail(err, KJ_MALFORMED, 0, "no shortcut");
    kj_buf_init(&r.text, 3 * bytes.len); /* U+FFFD takes three bytes */
    if ((!(lnk.flags & HAS_ID_LIST) || read_id_list(&r, &file, &lnk)) &&
        (!(lnk.flags & HAS_LINK_INFO) || read_link_info(&r, &file, &lnk)) &&
        read_strings(&r, &file, &lnk))
        read_extra_data(&r, &file, &lnk);
    kj_buf_done(&r.text);
    if (r.starved)
        return kj_no_memory(err);
    *out = lnk;
    return KJ_OK;
}
