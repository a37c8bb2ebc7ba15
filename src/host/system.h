/* SPDX-License-Identifier: Apache-2.0 */
/* The Windows systems on a volume: which version, where its directories are, whose profiles, which
 * hives. All of it from the hives themselves, never from this system's environment. */
#pragma once

#include "formats/regf.h"
#include "formats/registry.h"
#include "host/tree.h"

typedef enum kj_hive_role {
    KJ_HIVE_SOFTWARE,
    KJ_HIVE_SYSTEM,
    KJ_HIVE_SAM,
    KJ_HIVE_SECURITY,
    KJ_HIVE_USER,       /* NTUSER.DAT, config\DEFAULT, NTUSER.MAN */
    KJ_HIVE_CLASSES,    /* UsrClass.dat */
    KJ_HIVE_SYSTEM_9X,  /* SYSTEM.DAT: HKLM */
    KJ_HIVE_USER_9X,    /* USER.DAT: HKU */
    KJ_HIVE_CLASSES_9X, /* CLASSES.DAT of ME: HKLM\Software\Classes */
    KJ_HIVE_BCD,
    KJ_HIVE_COPY, /* in a System Restore point, RegBack, repair, SYSTEM.DA0: read, reported, not
                     edited */
    KJ_HIVE_ROLE_COUNT
} kj_hive_role;

const char *kj_hive_role_name(kj_hive_role role); /* "SOFTWARE"; for reports */

typedef struct kj_hive {
    kj_hive_role role;
    kj_hive_role copy_of; /* COPY: what it is a copy of */
    kj_span path;         /* in the tree, real */
    kj_span mount;        /* where it hangs: "HKLM\\SOFTWARE", "HKLM\\SYSTEM", "HKU\\<name>" */
    uint32_t profile;     /* index, KJ_REG_NONE: no user's */
    kj_node node;
    kj_span disk; /* the file's bytes as they are; `image`'s own while that is equal (CLEAN) */
    kj_buf image; /* after replay; whoever changes it takes a copy */
    kj_regf_replay replay;
    kj_registry registry; /* over `image` */
    bool usable;          /* the registry can be read */
    const char *trouble;  /* why not, or what else is to be said (stale, ...); NULL: nothing */
} kj_hive;

typedef struct kj_profile {
    kj_span name;     /* directory's name, UTF-8 escaped for display */
    kj_span path;     /* real, in the tree; empty: none (9x's default user) */
    kj_span sid;      /* from ProfileList; empty: unknown */
    uint32_t hive;    /* index of NTUSER.DAT or USER.DAT; KJ_REG_NONE */
    uint32_t classes; /* of UsrClass.dat */
} kj_profile;

typedef enum kj_windows { KJ_WINDOWS_9X, KJ_WINDOWS_NT } kj_windows;

typedef struct kj_system {
    kj_tree *tree;
    kj_arena *arena;
    kj_span root;   /* real path of what was the drive's root: empty, or "Windows.old" */
    kj_span windir; /* real path of %WinDir% in the tree: "WINNT" */
    kj_windows kind;
    const char
        *product; /* "Windows XP", "Windows 10 Pro"; from the hives, else from files; UTF-8 */
    const char *version; /* "5.1", "10.0"; "" unknown */
    const char *build;   /* "2600" */
    bool is_64bit;       /* has SysWOW64 */
    char drive; /* 'C': the system's own letter for this volume; MountedDevices, SystemRoot */
    kj_span control_set; /* "ControlSet001": what Select\Current names; empty on 9x */
    kj_profile *profiles;
    size_t profile_count;
    kj_hive *hives;
    size_t hive_count;
    bool hibernated; /* hiberfil.sys holds a session: changes from outside get lost */
} kj_system;

typedef struct kj_systems {
    kj_system *items;
    size_t count;
} kj_systems;

/* Finds every Windows on the volume: directories at depth one (or two: Windows.old\WINDOWS) that
 * hold system32\config\software or system, or win.ini beside system.dat; loads the hives, replays
 * their logs. A hive that cannot be read is listed with the reason. Everything is the arena's;
 * hives are given back by kj_systems_done(). KJ_NO_MEMORY, KJ_IO. None is not an error. */
KJ_MUST_CHECK kj_status kj_systems_find(kj_tree *tree, kj_arena *arena, kj_systems *out,
                                        kj_error *err);
void kj_systems_done(kj_systems *systems);

/* Whether a Windows directory is there; nothing is loaded. */
bool kj_tree_holds_windows(kj_tree *tree);

/* ---- paths ----------------------------------------------------------------------------------- */

typedef struct kj_path_context {
    uint32_t profile;  /* whose %UserProfile%, %AppData%, ...; KJ_REG_NONE: no one's */
    bool view32;       /* a 32-bit program's view: System32 is SysWOW64 where that exists */
    kj_span directory; /* what relative paths begin at, real path; empty: none */
} kj_path_context;

/* Expands %VARIABLES% of a UTF-8 Windows text from the system's hives and defaults: WinDir,
 * SystemRoot, SystemDrive, ProgramFiles, ProgramFiles(x86), CommonProgramFiles, ProgramData,
 * AllUsersProfile, Public, UserProfile, AppData, LocalAppData, Temp, Tmp, HomeDrive, HomePath,
 * ComSpec, Path, and what Environment keys set. Unknown ones stay. The arena's. NULL without
 * memory. */
char *kj_system_expand(const kj_system *system, kj_span text, const kj_path_context *context);

/* The real node of a Windows path: `\\?\`, `\??\`, `\SystemRoot\`, drive letters (the system's own
 * drive only; others are not on this volume), `/` as `\`, 8.3 names (by rule: first six characters
 * and ~n, when it is the only such name), trailing dots and blanks, any case. False: not there, or
 * on another drive
 * (*out_elsewhere, may be NULL). */
bool kj_system_find(const kj_system *system, kj_span winpath, const kj_path_context *context,
                    kj_node *out, bool *out_elsewhere);

/* The place of a real path as artifacts know it (ir/place.h): "%windir%\\sys32.exe",
 * "c:\\logo.jpg"; normalized. And for people: "C:\\WINNT\\SYS32.EXE", in UTF-8, escaped. The
 * arena's; NULL without memory. */
char *kj_system_place(const kj_system *system, kj_span path);
char *kj_system_show(const kj_system *system, kj_span path);

/* The registry hives of that role, in order: index of the first at or after `from`, KJ_REG_NONE. */
uint32_t kj_system_next_hive(const kj_system *system, kj_hive_role role, uint32_t from);
