/* SPDX-License-Identifier: Apache-2.0 */
/* The table of places from which Windows starts programs, and what the parts that evaluate it
 * share. */
#pragma once

#include "base/vec.h"
#include "host/autostarts.h"

enum {
    KJ_AUTOSTARTS_MAX = 200000,      /* entries of one system */
    KJ_AUTOSTART_TEXT_MAX = 1 << 18, /* bytes of a list's text: cleaning writes its rest back */
    KJ_AUTOSTART_CUT_MAX = 32 << 10, /* of any other: Windows starts nothing longer */
    KJ_AUTOSTART_WORK_MAX = 8000000, /* steps of one system, see kj_autostart_spend() */
    KJ_AUTOSTART_PLACES_MAX = 12,    /* of one row */
};

/* ---- the table
 * ------------------------------------------------------------------------------------- */

/* Where a place may be: in which hives, or in files. */
enum {
    KJ_IN_SW = 1 << 0,   /* SOFTWARE */
    KJ_IN_WOW = 1 << 1,  /* and its part for 32-bit programs */
    KJ_IN_SY = 1 << 2,   /* SYSTEM, every control set */
    KJ_IN_NU = 1 << 3,   /* each user's hive */
    KJ_IN_UC = 1 << 4,   /* each user's classes */
    KJ_IN_S9 = 1 << 5,   /* SYSTEM.DAT, CLASSES.DAT */
    KJ_IN_U9 = 1 << 6,   /* USER.DAT */
    KJ_IN_INI = 1 << 7,  /* an INI file: `key` is the section */
    KJ_IN_FILE = 1 << 8, /* files by themselves */
    KJ_IN_TEXT = 1 << 9, /* the lines of a text file */
};

/* What the data is. */
typedef enum kj_autostart_shape {
    KJ_SHAPE_COMMAND, /* a command line, or a path */
    KJ_SHAPE_COMMAS,  /* command lines parted by commas; what is behind a program may be one, too */
    KJ_SHAPE_LIST,    /* names parted by blanks, commas, semicolons */
    KJ_SHAPE_MULTI,   /* each string one command */
    KJ_SHAPE_DLL,     /* the path of a library, the extension may lack */
    KJ_SHAPE_CLSID,   /* the data is a class */
    KJ_SHAPE_NAMED,   /* the value's name is a class */
    KJ_SHAPE_KEYED,   /* the key's name is a class */
    KJ_SHAPE_LSP,     /* PackedCatalogItem: a path in bytes, NUL behind it */
    KJ_SHAPE_DATA,    /* shown as it is; leads to no file */
} kj_autostart_shape;

/* Keys begin with "Software\\" (below HKLM or HKCU), "CCS\\" (a control set), "System\\" (outside
 * control sets), or with any other key of a user. A component is alternatives parted by `|`, `*` in
 * them any characters. Values likewise, "@" the default value. Files begin with "W:" (%WinDir%),
 * "R:" (the drive's root), "P:" (each profile's directory). */
typedef struct kj_autostart_place {
    uint32_t in; /* KJ_IN_... */
    const char *key;
    const char *value;
    const char *file;
} kj_autostart_place;

/* What Windows has there by itself. Of several for one name the first that fits the version is the
 * one to be written; the others count as Windows' own, too. */
typedef struct kj_autostart_normal {
    const char
        *name; /* pattern of the value's name, or of the key's that the row's `*` stands for */
    const char *text;  /* as kj_reg_value_text() gives it; "<windir>": C:\WINNT of that system */
    uint16_t from, to; /* versions 100 * major + minor, inclusive; 0: any */
} kj_autostart_normal;

typedef struct kj_autostart_finder kj_autostart_finder;

struct kj_autostart_row {
    const char *id;
    const char *category;
    kj_restore restore;
    kj_autostart_shape shape;
    uint16_t from, to; /* Windows versions that it counts on; 0: any. 9x is 400 to 490 */
    bool only_9x;
    bool copies; /* looked for in the copies of hives, too */
    kj_autostart_place places[KJ_AUTOSTART_PLACES_MAX];
    const kj_autostart_normal *normals; /* ends with a NULL name; NULL: none */
    void (*extract)(kj_autostart_finder *f, const kj_autostart_row *row); /* instead of places */
};

extern const kj_autostart_row kj_autostart_table[];
extern const size_t kj_autostart_table_count;

/* NULL: none. */
const kj_autostart_row *kj_autostart_row_named(const char *id);

/* Whether a name is one of the alternatives of a pattern. "@" stands for the empty name. */
bool kj_autostart_matches(kj_arena *arena, kj_span patterns, kj_span name);

/* Whether the text is what Windows has there by itself; variables and case do not matter. */
bool kj_autostart_is_normal(const kj_autostart_row *row, const kj_system *system, kj_span name,
                            kj_span text);

/* 501 for "5.1"; 0: unknown. */
unsigned kj_autostart_version(const kj_system *system);

/* ---- finding
 * --------------------------------------------------------------------------------------- */

/* A name below a key, and what it stands for. */
typedef struct kj_autostart_item {
    uint32_t hash;
    uint32_t order;
    uint32_t key; /* the subkey; of a value its first byte */
    kj_reg_name name;
} kj_autostart_item;

typedef struct kj_autostart_index {
    uint32_t hive;
    bool of_keys; /* else of values */
    char path[128];
    KJ_VEC(kj_autostart_item) items; /* by hash */
} kj_autostart_index;

struct kj_autostart_finder {
    const kj_system *system;
    bool all;
    void (*found)(void *user, const kj_autostart *entry);
    void *user;
    size_t count;
    bool full;       /* a limit was met: the rest is not looked at */
    const char *why; /* which one */
    bool starved;    /* memory ran out */
    uint64_t work;   /* steps; see kj_autostart_spend() */
    uint64_t work_max;
    size_t used_before; /* of the system's arena */
    KJ_VEC(kj_autostart_index) indexes;
};

/* ---- the account of the work, and quick lookups (host/autostart_index.c)
 * ----------------------- */

/* Counts steps of about half a microsecond. When all that one system may take are spent, or its
 * texts have become too many, the finder is full. */
void kj_autostart_spend(kj_autostart_finder *f, uint64_t steps);

/* The same for bytes that are copied or looked at, and for going over a key's subkeys and values in
 * search of one. */
void kj_autostart_spend_bytes(kj_autostart_finder *f, size_t len);
void kj_autostart_spend_key(kj_autostart_finder *f, const kj_registry *reg, kj_reg_key key);

/* The subkey of that name below the key at `path` of a hive, KJ_REG_NONE; the first byte of the
 * value of that name, 0. Each key is gone over once only. */
kj_reg_key kj_autostart_find_key(kj_autostart_finder *f, uint32_t hive, const char *path,
                                 kj_span name);
uint8_t kj_autostart_first_byte(kj_autostart_finder *f, uint32_t hive, const char *path,
                                kj_span name);
void kj_autostart_forget(kj_autostart_finder *f);

/* kj_autostarts_find() with another bound, and how many steps it took; for the tests. */
KJ_MUST_CHECK kj_status kj_autostarts_find_within(const kj_system *system, bool all,
                                                  uint64_t work_max,
                                                  void (*found)(void *user,
                                                                const kj_autostart *entry),
                                                  void *user, uint64_t *out_work, kj_error *err);

/* A copy that lives as long as the system. Empty without memory. */
kj_span kj_autostart_copy(kj_autostart_finder *f, kj_span text);

/* Sets the entry's command, token, target, arguments, file and flags from a command line. */
void kj_autostart_lead(kj_autostart_finder *f, kj_autostart *entry, kj_span command,
                       const kj_path_context *context);

/* The keys that were gone through to one, as the walk found them: what cells say of the keys above
 * them need not be true. */
typedef struct kj_autostart_trail {
    const struct kj_autostart_trail *above; /* NULL: this is the root */
    kj_reg_key key;
} kj_autostart_trail;

/* The entry of a value or a key, without what it leads to: spot, name, profile, view and the flags
 * that hive and row give. `value` may be NULL. */
kj_autostart kj_autostart_entry(kj_autostart_finder *f, const kj_autostart_row *row, uint32_t hive,
                                const kj_autostart_trail *at, const kj_reg_value *value);

/* The key at a path below `from`, with all that lead to it in `frames`; NULL: not there, or deeper.
 */
const kj_autostart_trail *kj_autostart_follow(kj_autostart_finder *f, const kj_registry *reg,
                                              const kj_autostart_trail *from, kj_span path,
                                              kj_autostart_trail *frames, size_t count);

/* Hands the entry out, unless it is Windows' own and only others are wanted. */
void kj_autostart_emit(kj_autostart_finder *f, const kj_autostart *entry);

/* A library, as data gives it: as a command, then with ".dll". */
void kj_autostart_lead_dll(kj_autostart_finder *f, kj_autostart *entry, kj_span path,
                           const kj_path_context *context);

/* The library or program of a class "{...}": the user's classes first, then the machine's. */
void kj_autostart_lead_class(kj_autostart_finder *f, kj_autostart *entry, kj_span clsid,
                             const kj_path_context *context);

/* Sets DISABLED when Explorer was told not to start it (StartupApproved). For values of Run keys.
 */
void kj_autostart_mark_approval(kj_autostart_finder *f, kj_autostart *entry);

/* Whether NT reads the registry in place of that entry of an INI file. */
bool kj_autostart_ini_is_mapped(kj_autostart_finder *f, kj_span file, kj_span section, kj_span key);

/* ---- extractors
 * ------------------------------------------------------------------------------------ */

/* Task files: <Windows>\Tasks\*.job and System32\Tasks (host/tasks.c). Rows are looked up by
 * kj_autostart_row_named("tasks"). */
void kj_autostart_tasks(kj_autostart_finder *f, const kj_autostart_row *row);

/* Whether the registry's list of tasks knows the task ("\\Microsoft\\Windows\\x") without telling
 * who may see it: nobody's tools show such a one. */
bool kj_autostart_task_hidden(kj_autostart_finder *f, kj_span name);

void kj_autostart_services(kj_autostart_finder *f, const kj_autostart_row *row);
void kj_autostart_startup(kj_autostart_finder *f, const kj_autostart_row *row);
void kj_autostart_task_cache(kj_autostart_finder *f, const kj_autostart_row *row);
