/* SPDX-License-Identifier: Apache-2.0 */
/* Windows shortcuts: what one says about its target. Facts as YARA-X's lnk module has them. Texts
 * are UTF-8; one whose `data` is NULL does not exist. */
#pragma once

#include "base/arena.h"
#include "base/reader.h"
#include "base/status.h"

enum { KJ_LNK_UNKNOWN = -1, KJ_LNK_GUID_LEN = 36 };

/* Categories of shell items: their class type indicators, or the first of several. */
enum kj_lnk_item_type {
    KJ_LNK_CONTROL_PANEL_CPL = 0x00,
    KJ_LNK_CONTROL_PANEL_CATEGORY = 0x01,
    KJ_LNK_ROOT_FOLDER = 0x1F,
    KJ_LNK_VOLUME = 0x20,
    KJ_LNK_FILE_ENTRY = 0x30,
    KJ_LNK_NETWORK_LOCATION = 0x40,
    KJ_LNK_COMPRESSED_FOLDER = 0x52,
    KJ_LNK_URI = 0x61,
    KJ_LNK_CONTROL_PANEL = 0x71,
    KJ_LNK_PRINTERS = 0x72,
    KJ_LNK_COMMON_PLACES_FOLDER = 0x73,
    KJ_LNK_USERS_FILES_FOLDER = 0x74,
};

/* One step of the way to the target. */
typedef struct kj_lnk_item {
    uint8_t type; /* kj_lnk_item_type, or the class type indicator of an unknown one */
    kj_span data; /* behind the indicator; into the file */
    kj_span text; /* the path of a CPL file, the name of a volume, a file or a network location */
    kj_span guid; /* of a root folder, or of a volume that has no name */
} kj_lnk_item;

typedef struct kj_lnk_tracker {
    uint32_t version;
    kj_span machine_id;
    char droid_volume_id[KJ_LNK_GUID_LEN + 1];
    char droid_file_id[KJ_LNK_GUID_LEN + 1];
    char droid_birth_volume_id[KJ_LNK_GUID_LEN + 1];
    char droid_birth_file_id[KJ_LNK_GUID_LEN + 1];
} kj_lnk_tracker;

typedef struct kj_lnk {
    uint32_t flags;
    uint32_t file_attributes;
    int64_t creation_time; /* these three: seconds since 1970, or KJ_LNK_UNKNOWN */
    int64_t access_time;
    int64_t write_time;
    uint32_t file_size;
    uint32_t icon_index;
    int64_t show_command; /* or KJ_LNK_UNKNOWN */
    const kj_lnk_item *items;
    size_t item_count;
    bool has_volume;
    int64_t drive_type; /* or KJ_LNK_UNKNOWN */
    uint32_t drive_serial_number;
    kj_span volume_label;
    kj_span local_base_path;
    kj_span common_path_suffix;
    kj_span name;
    kj_span relative_path;
    kj_span working_dir;
    kj_span cmd_line_args;
    kj_span icon_location;
    bool has_tracker;
    kj_lnk_tracker tracker;
    int64_t overlay_size;   /* KJ_LNK_UNKNOWN when the shortcut breaks off before its end */
    int64_t overlay_offset; /* KJ_LNK_UNKNOWN when there is no overlay */
} kj_lnk;

/* KJ_MALFORMED: no shortcut. A shortcut that is broken behind its header is none the less one, and
 * has what could be read. KJ_NO_MEMORY. Work is linear in the file. `bytes` must outlive `out`. */
KJ_MUST_CHECK kj_status kj_lnk_read(kj_span bytes, kj_arena *arena, kj_lnk *out, kj_error *err);
