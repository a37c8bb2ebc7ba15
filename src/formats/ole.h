/* SPDX-License-Identifier: Apache-2.0 */
/* OLE compound files: storages and streams in one file, as Office 97 to 2003, Outlook messages and
 * Windows Installer have them. Inside formats/ only. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/reader.h"
#include "formats/format.h"

enum { KJ_OLE_NONE = UINT32_MAX, KJ_OLE_ROOT = 0 };

typedef enum kj_ole_type {
    KJ_OLE_IS_EMPTY = 0,
    KJ_OLE_IS_STORAGE = 1,
    KJ_OLE_IS_STREAM = 2,
    KJ_OLE_IS_ROOT = 5,
} kj_ole_type;

typedef struct kj_ole_entry {
    kj_span name; /* UTF-16LE without its NUL; into the file */
    kj_ole_type type;
    kj_span class_id; /* 16 bytes as they stand there */
    uint32_t start;   /* first sector */
    uint64_t size;    /* as the entry says: the file may be shorter */
} kj_ole_entry;

/* Sectors of one chain, in order. */
typedef struct kj_ole_sectors {
    uint32_t *items;
    size_t count;
} kj_ole_sectors;

/* An open file: the bytes, and what was found on the way to its directory. All arrays are in the
 * arena. Their sizes are bounded by the file's, whatever it says. */
typedef struct kj_ole {
    kj_span bytes;
    unsigned sector_shift;
    unsigned mini_shift;
    bool wide;       /* version 4: sizes have 64 bits */
    uint32_t cutoff; /* streams below it lie in the mini stream; always 4096 by the standard */
    size_t sectors;  /* of the file, the header not counted */
    kj_ole_sectors fat;
    kj_ole_sectors mini_fat;
    kj_ole_sectors mini_stream;
    kj_ole_sectors directory;
    uint32_t count; /* entries, empty ones too */
    uint32_t *parents;
    uint32_t *first_children;
    uint32_t *next_siblings;
    kj_status status;     /* what is wrong with the directory or the tables; KJ_OK: nothing */
    const char *sentence; /* and in words */
} kj_ole;

/* Whether bytes begin as a compound file does. */
bool kj_ole_begins(kj_span bytes);

/* Opens it. What is broken behind the header is told in out->status, and what can be reached can be
 * used. KJ_MALFORMED, KJ_TRUNCATED: no header or no directory; KJ_LIMIT: the arena is used up.
 * Borrows `bytes`. Work is linear in the file. Source: MS-CFB. */
KJ_MUST_CHECK kj_status kj_ole_open(kj_span bytes, kj_arena *arena, kj_ole *out, kj_error *err);

/* For a probe: whether the root has that class identifier, or one of the first entries of the
 * directory that name (ASCII). Looks at 64 KiB. */
bool kj_ole_peek(kj_span bytes, kj_span class_id, const char *name);

/* Entry `number`; false: there is none, it is empty or of no known type. */
bool kj_ole_entry_at(const kj_ole *ole, uint32_t number, kj_ole_entry *out);

/* The entries of a storage, in the order of the file; KJ_OLE_NONE ends them. No entry is in two
 * storages. */
uint32_t kj_ole_first(const kj_ole *ole, uint32_t storage);
uint32_t kj_ole_next(const kj_ole *ole, uint32_t number);

/* The storage an entry lies in; KJ_OLE_NONE for the root and for what no storage holds. */
uint32_t kj_ole_parent(const kj_ole *ole, uint32_t number);

/* The entry of that ASCII name in a storage, in any case, or KJ_OLE_NONE. */
uint32_t kj_ole_find(const kj_ole *ole, uint32_t storage, const char *name);

/* Whether a name is an ASCII text, in any case. */
bool kj_ole_name_is(const kj_ole_entry *entry, const char *text);

/* Appends the path as UTF-8, without the root: "Macros/VBA/Module1". Of what lies too deep only the
 * last storages are named. */
void kj_ole_path(const kj_ole *ole, uint32_t number, kj_buf *out);

/* Appends a stream; out->max bounds it. KJ_TRUNCATED, KJ_MALFORMED: its chain is shorter than its
 * size, leaves the file or runs in a circle; what there is was appended. KJ_LIMIT: `out` is full.
 */
KJ_MUST_CHECK kj_status kj_ole_read(const kj_ole *ole, const kj_ole_entry *entry, kj_buf *out,
                                    kj_error *err);

/* Hands out the stream as a member of that description, whose size is set here; tells what is
 * broken or too large. An empty one is not handed out. `room` is scratch. */
KJ_MUST_CHECK kj_status kj_ole_hand_out(const kj_ole *ole, uint32_t number, kj_member *member,
                                        kj_sink *sink, kj_buf *room, kj_error *err);

/* Hands out every stream by its path but those whose byte in `taken` (ole->count of them; may be
 * NULL) is set, and tells what is wrong with the file. */
KJ_MUST_CHECK kj_status kj_ole_walk(const kj_ole *ole, const bool *taken, kj_sink *sink,
                                    kj_error *err);
