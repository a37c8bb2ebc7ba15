/* SPDX-License-Identifier: Apache-2.0 */
/* The places from which Windows starts programs, as one table, and what stands in them. */
#pragma once

#include "formats/ini.h"
#include "host/system.h"

/* ---- where something stands
 * ------------------------------------------------------------------------ */

typedef enum kj_spot_kind {
    KJ_SPOT_FILE,  /* a file by itself: in a startup folder, a task, a program */
    KJ_SPOT_VALUE, /* a value of the registry */
    KJ_SPOT_KEY,   /* a key (a service, a notify package) */
    KJ_SPOT_INI,   /* an entry of an INI file, or a line of another text file */
} kj_spot_kind;

typedef struct kj_spot {
    kj_spot_kind kind;
    kj_span path;     /* real path in the tree: the file itself, the hive, the INI file */
    uint32_t hive;    /* VALUE, KEY: index in the system's hives */
    kj_reg_key key;   /* VALUE, KEY */
    kj_span key_path; /* VALUE, KEY: full, UTF-8, as stored: "HKLM\\SOFTWARE\\Wow6432Node\\..." with
                         the real ControlSet001 */
    kj_reg_value value; /* VALUE; its data stays while the system is open */
    size_t entry;       /* INI: index */
    kj_span section;    /* INI */
    kj_span name;       /* VALUE: the name, INI: the key; UTF-8 */
    kj_span data;       /* VALUE, INI: the data as text, UTF-8 */
    uint32_t line;      /* INI */
} kj_spot;

/* ---- the table
 * ------------------------------------------------------------------------------------- */

/* How a place is put right. */
typedef enum kj_restore {
    KJ_RESTORE_DELETE,  /* the value is deleted */
    KJ_RESTORE_TOKEN,   /* the token is removed from the list; the rest stays */
    KJ_RESTORE_DEFAULT, /* the value gets Windows' own (row->normal); never deleted */
    KJ_RESTORE_KEY,     /* the key with all below it is deleted */
    KJ_RESTORE_DISABLE, /* a service: Start becomes 4 */
    KJ_RESTORE_FILE,    /* the file is quarantined (startup folder, task) */
    KJ_RESTORE_REPORT,  /* shown only: nothing here is put right from outside */
} kj_restore;

typedef struct kj_autostart_row kj_autostart_row; /* autostart_table.c */

const char *kj_autostart_row_id(const kj_autostart_row *row);       /* "run", "winlogon-shell" */
const char *kj_autostart_row_category(const kj_autostart_row *row); /* "logon", "services", ... */
kj_restore kj_autostart_row_restore(const kj_autostart_row *row);
const kj_autostart_row *kj_autostart_rows(size_t *out_count);

/* Windows' own data for the value `name` of this row on that system, UTF-8, as to be written (with
 * variables: "%SystemRoot%\\system32\\userinit.exe,"); NULL: absent by default, or unknown. */
const char *kj_autostart_default(const kj_autostart_row *row, const kj_system *system,
                                 kj_span name);

/* The row that a registry value belongs to, NULL: none. For remedies: how is this one put right? */
const kj_autostart_row *kj_autostart_row_of(const kj_spot *spot);

/* ---- what stands there
 * ------------------------------------------------------------------------------ */

enum {
    KJ_AUTOSTART_DEFAULT = 1 << 0, /* it is what Windows has there by itself */
    KJ_AUTOSTART_DISABLED =
        1 << 1, /* it is there, but will not start (service Start=4, StartupApproved, Run-) */
    KJ_AUTOSTART_MISSING = 1 << 2,   /* the file it leads to is not there */
    KJ_AUTOSTART_ELSEWHERE = 1 << 3, /* on another drive or a network */
    KJ_AUTOSTART_HIJACK = 1 << 4,    /* unquoted path, and an earlier reading of it exists */
    KJ_AUTOSTART_INLINE = 1 << 5,    /* the script is in the value itself: no file */
    KJ_AUTOSTART_HIDDEN = 1 << 6, /* a name with NUL, a task without SD, ... : hides from tools */
    KJ_AUTOSTART_STALE = 1 << 7, /* not in the current control set, or 9x's entry that NT ignores */
    KJ_AUTOSTART_COPY = 1 << 8,  /* in a copy of a hive (System Restore, RegBack) */
    KJ_AUTOSTART_CUT = 1 << 9,   /* the text is longer than what is told of it */
};

typedef struct kj_autostart {
    const kj_autostart_row *row;
    kj_spot spot;
    uint32_t profile; /* KJ_REG_NONE: for everybody */
    bool view32;      /* Wow6432Node */
    kj_span name;     /* what it is called: the value's name, the service, the task, the file */
    kj_span command;  /* the text, UTF-8 */
    kj_span token;    /* the part of a list value that this is; else the whole command */
    kj_span target; /* the program it leads to (behind rundll32, cmd /c, svchost -k, .lnk, ...), as
                       a Windows path for people; empty: none known */
    kj_span arguments;
    kj_node file;   /* of the target, when it is there; path.len == 0: not */
    uint32_t flags; /* KJ_AUTOSTART_... */
} kj_autostart;

/* Whether nothing starts by it: disabled, in another control set or for another Windows, in a copy.
 */
static inline bool kj_autostart_is_dead(const kj_autostart *entry)
{
    const uint32_t dead = KJ_AUTOSTART_DISABLED | KJ_AUTOSTART_STALE | KJ_AUTOSTART_COPY;
    return (entry->flags & dead) != 0;
}

/* Hands out every entry of every row, in the table's order, then hive order. Everything is the
 * system's arena's. Bounds: 200,000 entries, 128 MB of texts, and work of a few seconds (KJ_LIMIT:
 * what was told stays valid). `all`: entries
 * that are Windows' own, and rows that are reports, too. */
KJ_MUST_CHECK kj_status kj_autostarts_find(const kj_system *system, bool all,
                                           void (*found)(void *user, const kj_autostart *entry),
                                           void *user, kj_error *err);

/* ---- commands (host/command.c)
 * ---------------------------------------------------------------------- */

typedef struct kj_command_target {
    kj_span path;      /* Windows path for people */
    kj_span arguments; /* of the command line as it is */
    kj_node file;      /* path.len == 0: not there */
    uint32_t flags;    /* MISSING, ELSEWHERE, HIJACK, INLINE */
    kj_span script;    /* INLINE: the script itself, decoded, for people */
    uint32_t work;     /* places that were asked, or as much work */
} kj_command_target;

/* What a command line starts (research: "from value data to file"): variables, quotes, prefixes at
 * blanks, search in the system's directories, hosts such as rundll32 unwrapped, shortcuts read. */
void kj_command_resolve(const kj_system *system, kj_span command, const kj_path_context *context,
                        kj_command_target *out);
