/* SPDX-License-Identifier: Apache-2.0 */
/* YARA-X's lnk module: what formats/lnk.h reads, field by field. libyara has no such module. */
#include "modules/module.h"

#include "base/arith.h"
#include "formats/lnk.h"

/* Numbers are part of the definitions format: never reuse one. */
enum field {
    IS_LNK = 1,
    NAME = 2,
    CREATION_TIME = 3,
    ACCESS_TIME = 4,
    WRITE_TIME = 5,
    FILE_SIZE = 6,
    FILE_ATTRIBUTES = 7,
    ICON_LOCATION = 8,
    ICON_INDEX = 9,
    SHOW_COMMAND = 10,
    DRIVE_TYPE = 11,
    DRIVE_SERIAL_NUMBER = 12,
    VOLUME_LABEL = 13,
    LOCAL_BASE_PATH = 14,
    COMMON_PATH_SUFFIX = 15,
    RELATIVE_PATH = 16,
    WORKING_DIR = 17,
    CMD_LINE_ARGS = 18,
    OVERLAY_SIZE = 19,
    OVERLAY_OFFSET = 20,
    TRACKER_VERSION = 30,
    TRACKER_MACHINE_ID = 31,
    TRACKER_DROID_VOLUME_ID = 32,
    TRACKER_DROID_FILE_ID = 33,
    TRACKER_DROID_BIRTH_VOLUME_ID = 34,
    TRACKER_DROID_BIRTH_FILE_ID = 35,
    ITEMS = 40,
    ITEMS_TYPE = 41,
    ITEMS_DATA = 42,
    ITEMS_CPL_FILE_PATH = 43,
    ITEMS_ROOT_FOLDER_ID = 44,
    ITEMS_VOLUME_NAME = 45,
    ITEMS_VOLUME_ID = 46,
    ITEMS_FILE_ENTRY_NAME = 47,
    ITEMS_NETWORK_LOCATION = 48,
};

static const kj_field fields[] = {
    {IS_LNK, KJ_TYPE_BOOL, "is_lnk", NULL, .everywhere = true},
    {NAME, KJ_TYPE_STRING, "name", NULL},
    {CREATION_TIME, KJ_TYPE_INT, "creation_time", NULL},
    {ACCESS_TIME, KJ_TYPE_INT, "access_time", NULL},
    {WRITE_TIME, KJ_TYPE_INT, "write_time", NULL},
    {FILE_SIZE, KJ_TYPE_INT, "file_size", NULL},
    {FILE_ATTRIBUTES, KJ_TYPE_INT, "file_attributes", NULL},
    {ICON_LOCATION, KJ_TYPE_STRING, "icon_location", NULL},
    {ICON_INDEX, KJ_TYPE_INT, "icon_index", NULL},
    {SHOW_COMMAND, KJ_TYPE_INT, "show_command", NULL},
    {DRIVE_TYPE, KJ_TYPE_INT, "drive_type", NULL},
    {DRIVE_SERIAL_NUMBER, KJ_TYPE_INT, "drive_serial_number", NULL},
    {VOLUME_LABEL, KJ_TYPE_STRING, "volume_label", NULL},
    {LOCAL_BASE_PATH, KJ_TYPE_STRING, "local_base_path", NULL},
    {COMMON_PATH_SUFFIX, KJ_TYPE_STRING, "common_path_suffix", NULL},
    {RELATIVE_PATH, KJ_TYPE_STRING, "relative_path", NULL},
    {WORKING_DIR, KJ_TYPE_STRING, "working_dir", NULL},
    {CMD_LINE_ARGS, KJ_TYPE_STRING, "cmd_line_args", NULL},
    {OVERLAY_SIZE, KJ_TYPE_INT, "overlay_size", NULL},
    {OVERLAY_OFFSET, KJ_TYPE_INT, "overlay_offset", NULL},
    {TRACKER_VERSION, KJ_TYPE_INT, "tracker_data.version", NULL},
    {TRACKER_MACHINE_ID, KJ_TYPE_STRING, "tracker_data.machine_id", NULL},
    {TRACKER_DROID_VOLUME_ID, KJ_TYPE_STRING, "tracker_data.droid_volume_id", NULL},
    {TRACKER_DROID_FILE_ID, KJ_TYPE_STRING, "tracker_data.droid_file_id", NULL},
    {TRACKER_DROID_BIRTH_VOLUME_ID, KJ_TYPE_STRING, "tracker_data.droid_birth_volume_id", NULL},
    {TRACKER_DROID_BIRTH_FILE_ID, KJ_TYPE_STRING, "tracker_data.droid_birth_file_id", NULL},
    {ITEMS, KJ_TYPE_ARRAY, "target_id_list[]", NULL},
    {ITEMS_TYPE, KJ_TYPE_INT, "target_id_list[].item_type", NULL},
    {ITEMS_DATA, KJ_TYPE_STRING, "target_id_list[].data", NULL},
    {ITEMS_CPL_FILE_PATH, KJ_TYPE_STRING, "target_id_list[].cpl_file_path", NULL},
    {ITEMS_ROOT_FOLDER_ID, KJ_TYPE_STRING, "target_id_list[].root_folder_id", NULL},
    {ITEMS_VOLUME_NAME, KJ_TYPE_STRING, "target_id_list[].volume_name", NULL},
    {ITEMS_VOLUME_ID, KJ_TYPE_STRING, "target_id_list[].volume_id", NULL},
    {ITEMS_FILE_ENTRY_NAME, KJ_TYPE_STRING, "target_id_list[].file_entry_name", NULL},
    {ITEMS_NETWORK_LOCATION, KJ_TYPE_STRING, "target_id_list[].network_location", NULL},
    KJ_FIELD_CONSTANT("FILE_ATTRIBUTE_READONLY", 0x0001),
    KJ_FIELD_CONSTANT("FILE_ATTRIBUTE_HIDDEN", 0x0002),
    KJ_FIELD_CONSTANT("FILE_ATTRIBUTE_SYSTEM", 0x0004),
    KJ_FIELD_CONSTANT("RESERVED_1", 0x0008),
    KJ_FIELD_CONSTANT("FILE_ATTRIBUTE_DIRECTORY", 0x0010),
    KJ_FIELD_CONSTANT("FILE_ATTRIBUTE_ARCHIVE", 0x0020),
    KJ_FIELD_CONSTANT("RESERVED_2", 0x0040),
    KJ_FIELD_CONSTANT("FILE_ATTRIBUTE_NORMAL", 0x0080),
    KJ_FIELD_CONSTANT("FILE_ATTRIBUTE_TEMPORARY", 0x0100),
    KJ_FIELD_CONSTANT("FILE_ATTRIBUTE_SPARSE_FILE", 0x0200),
    KJ_FIELD_CONSTANT("FILE_ATTRIBUTE_REPARSE_POINT", 0x0400),
    KJ_FIELD_CONSTANT("FILE_ATTRIBUTE_COMPRESSED", 0x0800),
    KJ_FIELD_CONSTANT("FILE_ATTRIBUTE_OFFLINE", 0x1000),
    KJ_FIELD_CONSTANT("FILE_ATTRIBUTE_NOT_CONTENT_INDEXED", 0x2000),
    KJ_FIELD_CONSTANT("FILE_ATTRIBUTE_ENCRYPTED", 0x4000),
    KJ_FIELD_CONSTANT("ShowCommand.NORMAL", 1),
    KJ_FIELD_CONSTANT("ShowCommand.MAXIMIZED", 3),
    KJ_FIELD_CONSTANT("ShowCommand.MIN_NO_ACTIVE", 7),
    KJ_FIELD_CONSTANT("DriveType.UNKNOWN", 0),
    KJ_FIELD_CONSTANT("DriveType.NO_ROOT_DIR", 1),
    KJ_FIELD_CONSTANT("DriveType.REMOVABLE", 2),
    KJ_FIELD_CONSTANT("DriveType.FIXED", 3),
    KJ_FIELD_CONSTANT("DriveType.REMOTE", 4),
    KJ_FIELD_CONSTANT("DriveType.CDROM", 5),
    KJ_FIELD_CONSTANT("DriveType.RAMDISK", 6),
    KJ_FIELD_CONSTANT("ShellItemType.CONTROL_PANEL_CPL", KJ_LNK_CONTROL_PANEL_CPL),
    KJ_FIELD_CONSTANT("ShellItemType.CONTROL_PANEL_CATEGORY", KJ_LNK_CONTROL_PANEL_CATEGORY),
    KJ_FIELD_CONSTANT("ShellItemType.ROOT_FOLDER", KJ_LNK_ROOT_FOLDER),
    KJ_FIELD_CONSTANT("ShellItemType.VOLUME", KJ_LNK_VOLUME),
    KJ_FIELD_CONSTANT("ShellItemType.FILE_ENTRY", KJ_LNK_FILE_ENTRY),
    KJ_FIELD_CONSTANT("ShellItemType.NETWORK_LOCATION", KJ_LNK_NETWORK_LOCATION),
    KJ_FIELD_CONSTANT("ShellItemType.COMPRESSED_FOLDER", KJ_LNK_COMPRESSED_FOLDER),
    KJ_FIELD_CONSTANT("ShellItemType.URI", KJ_LNK_URI),
    KJ_FIELD_CONSTANT("ShellItemType.CONTROL_PANEL", KJ_LNK_CONTROL_PANEL),
    KJ_FIELD_CONSTANT("ShellItemType.PRINTERS", KJ_LNK_PRINTERS),
    KJ_FIELD_CONSTANT("ShellItemType.COMMON_PLACES_FOLDER", KJ_LNK_COMMON_PLACES_FOLDER),
    KJ_FIELD_CONSTANT("ShellItemType.USERS_FILES_FOLDER", KJ_LNK_USERS_FILES_FOLDER),
};

typedef struct state {
    enum { UNKNOWN, NO_LINK, LINK, UNREADABLE } kind;
    kj_lnk lnk;
} state;

static kj_value text(kj_span value)
{
    return value.data ? kj_value_text(value) : kj_value_undefined();
}

static kj_value c_text(const char *value)
{
    return kj_value_text(kj_span_str(value));
}

static kj_value known(int64_t value)
{
    return value == KJ_LNK_UNKNOWN ? kj_value_undefined() : kj_value_int(value);
}

static kj_value header_field(const kj_lnk *lnk, uint16_t field)
{
    switch (field) {
    case IS_LNK:
        return kj_value_bool(true);
    case CREATION_TIME:
        return known(lnk->creation_time);
    case ACCESS_TIME:
        return known(lnk->access_time);
    case WRITE_TIME:
        return known(lnk->write_time);
    case FILE_SIZE:
        return kj_value_int(lnk->file_size);
    case FILE_ATTRIBUTES:
        return kj_value_int(lnk->file_attributes);
    case ICON_INDEX:
        return kj_value_int(lnk->icon_index);
    case SHOW_COMMAND:
        return known(lnk->show_command);
    case DRIVE_TYPE:
        return known(lnk->drive_type);
    case DRIVE_SERIAL_NUMBER:
        return lnk->has_volume ? kj_value_int(lnk->drive_serial_number) : kj_value_undefined();
    case OVERLAY_SIZE:
        return known(lnk->overlay_size);
    default:
        return known(lnk->overlay_offset);
    }
}

/* NULL for a field that is no text. */
static const kj_span *text_field(const kj_lnk *lnk, uint16_t field)
{
    switch (field) {
    case NAME:
        return &lnk->name;
    case ICON_LOCATION:
        return &lnk->icon_location;
    case VOLUME_LABEL:
        return &lnk->volume_label;
    case LOCAL_BASE_PATH:
        return &lnk->local_base_path;
    case COMMON_PATH_SUFFIX:
        return &lnk->common_path_suffix;
    case RELATIVE_PATH:
        return &lnk->relative_path;
    case WORKING_DIR:
        return &lnk->working_dir;
    case CMD_LINE_ARGS:
        return &lnk->cmd_line_args;
    default:
        return NULL;
    }
}

static kj_value tracker_field(const kj_lnk *lnk, uint16_t field)
{
    const kj_lnk_tracker *tracker = &lnk->tracker;
    if (!lnk->has_tracker)
        return kj_value_undefined();
    switch (field) {
    case TRACKER_VERSION:
        return kj_value_int(tracker->version);
    case TRACKER_MACHINE_ID:
        return text(tracker->machine_id);
    case TRACKER_DROID_VOLUME_ID:
        return c_text(tracker->droid_volume_id);
    case TRACKER_DROID_FILE_ID:
        return c_text(tracker->droid_file_id);
    case TRACKER_DROID_BIRTH_VOLUME_ID:
        return c_text(tracker->droid_birth_volume_id);
    default:
        return c_text(tracker->droid_birth_file_id);
    }
}

static kj_value item_field(const kj_lnk *lnk, uint16_t field, const kj_field_call *call)
{
    static const uint8_t texts[] = {
        [ITEMS_CPL_FILE_PATH - ITEMS] = KJ_LNK_CONTROL_PANEL_CPL,
        [ITEMS_ROOT_FOLDER_ID - ITEMS] = KJ_LNK_ROOT_FOLDER,
        [ITEMS_VOLUME_NAME - ITEMS] = KJ_LNK_VOLUME,
        [ITEMS_VOLUME_ID - ITEMS] = KJ_LNK_VOLUME,
        [ITEMS_FILE_ENTRY_NAME - ITEMS] = KJ_LNK_FILE_ENTRY,
        [ITEMS_NETWORK_LOCATION - ITEMS] = KJ_LNK_NETWORK_LOCATION,
    };
    if (field == ITEMS)
        return kj_value_int((int64_t)lnk->item_count);
    if (!kj_call_fits(call, "i") || call->args[0].integer < 0 ||
        (uint64_t)call->args[0].integer >= lnk->item_count)
        return kj_value_undefined();
    const kj_lnk_item *item = &lnk->items[call->args[0].integer];
    if (field == ITEMS_TYPE)
        return kj_value_int(item->type);
    if (field == ITEMS_DATA)
        return kj_value_text(item->data);
    if (texts[field - ITEMS] != item->type)
        return kj_value_undefined();
    bool guid = field == ITEMS_ROOT_FOLDER_ID || field == ITEMS_VOLUME_ID;
    return text(guid ? item->guid : item->text);
}

static void read_object(const kj_module_input *input, const kj_field_call *call, state *s)
{
    kj_span bytes = input->object->bytes;
    s->kind = UNREADABLE;
    if (call->pay && !call->pay(call, bytes.len))
        return;
    kj_status status = kj_lnk_read(bytes, input->arena, &s->lnk, NULL);
    if (status == KJ_OK)
        s->kind = LINK;
    else if (status == KJ_MALFORMED)
        s->kind = NO_LINK;
}

static kj_value get(const kj_module_input *input, uint16_t field, const kj_field_call *call)
{
    bool exists = kj_module_row(&kj_module_lnk, field);
    state *s = exists ? kj_module_state(input, &kj_module_lnk, sizeof *s) : NULL;
    if (!s)
        return kj_value_undefined();
    if (s->kind == UNKNOWN)
        read_object(input, call, s);
    if (s->kind == NO_LINK && field == IS_LNK)
        return kj_value_bool(false);
    if (s->kind == NO_LINK && field == ITEMS)
        return kj_value_int(0);
    if (s->kind != LINK)
        return kj_value_undefined();
    if (field >= ITEMS)
        return item_field(&s->lnk, field, call);
    if (field >= TRACKER_VERSION)
        return tracker_field(&s->lnk, field);
    const kj_span *string = text_field(&s->lnk, field);
    return string ? text(*string) : header_field(&s->lnk, field);
}

const kj_module kj_module_lnk = {
    .schema = {.name = "lnk",
               .id = 9,
               .fields = fields,
               .count = KJ_COUNT(fields),
               .magic = "L\0\0\0",
               .magic_len = 4},
    .get = get,
};
