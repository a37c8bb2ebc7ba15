/* SPDX-License-Identifier: Apache-2.0 */
/* What an object is, and what is inside it. One row a format; formats.c lists the rows. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/reader.h"
#include "base/status.h"
#include "formats/heuristic.h"

typedef struct kj_format kj_format;
typedef struct kj_object kj_object;
typedef struct kj_sink kj_sink;

/* What budgets and policy group formats by. */
typedef enum kj_kind {
    KJ_KIND_DATA, /* nothing else claims it */
    KJ_KIND_TEXT, /* text, scripts, markup */
    KJ_KIND_EXECUTABLE,
    KJ_KIND_DOCUMENT,
    KJ_KIND_MEDIA,
    KJ_KIND_ARCHIVE,    /* many members */
    KJ_KIND_COMPRESSED, /* one member */
    KJ_KIND_MAIL,
    KJ_KIND_COUNT
} kj_kind;

/* Bytes that tell a format by themselves. */
typedef struct kj_magic {
    uint32_t offset;
    uint32_t len; /* 0 ends a list */
    const char *bytes;
} kj_magic;

struct kj_format {
    const char *name;  /* stable: reports, advisories' `kind` and kujo.type use it */
    const char *title; /* for people: "ZIP archive" */
    kj_kind kind;
    /* Any of them claims the object, with as many bits as it has. NULL: `probe` decides alone. */
    const kj_magic *magics;
    /* How sure we are that the bytes begin such an object: the number of bits verified; 0: not
     * ours. Looks at no more than the first 64 KiB, the last 64 KiB and the few bytes to which an
     * offset in them leads. With `magics` it is asked only after one of those matched. */
    unsigned (*probe)(kj_span bytes);
    /* Walks the object: hands members and facts to the sink. NULL: there is nothing inside.
     *
     * A broken or encrypted member is told to the sink and the walk goes on. What is returned says
     * why the walk as a whole ended early; members already handed out stay valid. */
    kj_status (*scan)(kj_object *object, kj_sink *sink, kj_error *err);
    /* Offset in the file of the first byte that runs; false: there is none. NULL: no program. */
    bool (*entry_point)(kj_span bytes, uint64_t *out);
    /* What a message or a file name calls such an object: MIME types ("text/calendar", or
     * "multipart/" for all that begin so) and extensions. An object that is declared so is walked
     * as one, whatever its bytes look like. Each list ends with NULL and may be NULL. */
    const char *const *types;
    const char *const *extensions;
};

/* All formats, the catch-all "data" last. */
extern const kj_format *const kj_formats[];
extern const size_t kj_format_count;

enum { KJ_CLAIMS_MAX = 8 };

/* Everything that claims these bytes, surest first, at least one ("data", "text" or "empty" when
 * nothing better does). All of them are walked: a file that is both a PE and a ZIP is looked at as
 * both. */
typedef struct kj_claims {
    const kj_format *formats[KJ_CLAIMS_MAX];
    size_t count;
} kj_claims;

void kj_identify(kj_span bytes, kj_claims *out);

/* Whether the format of that name is one of them. */
bool kj_claims_has(const kj_claims *claims, kj_span name);

/* Adds the formats that the object is said to be: `type` as its message calls it (lower case, may
 * be empty), `name` its file name (may be empty). Behind what the bytes claim, but before a
 * catch-all. */
void kj_identify_declared(kj_span type, kj_span name, kj_claims *claims);

/* The row of that name, or NULL. */
const kj_format *kj_format_find(const char *name);

/* ---- objects ------------------------------------------------------------------------------ */

typedef struct kj_header {
    kj_span name;  /* as written */
    kj_span value; /* unfolded, encoded words decoded: UTF-8 */
} kj_header;

/* What a message's headers say; all spans are UTF-8 in the scan's arena, empty when absent. */
typedef struct kj_mail {
    const kj_header *headers;
    size_t header_count;
    kj_span subject;
    kj_span from;
    kj_span to;
    kj_span date;
    kj_span message_id;
    const kj_span *passwords; /* words of its texts that may open an archive in it */
    size_t password_count;
} kj_mail;

enum {
    KJ_MEMBER_ATTACHMENT = 1 << 0, /* of a mail: has a name or asks to be saved */
    KJ_MEMBER_ENCRYPTED = 1 << 1,  /* stored encrypted; seen only when a password was found */
    KJ_MEMBER_READING = 1 << 2, /* another reading of its container: scanned only if the container
                                   has shown no member of that content yet */
    KJ_MEMBER_SHOWN =
        1 << 4,              /* handed out before, and handed out again so that its content is known
                                when other readings follow: ordinary messages need no digests */
    KJ_MEMBER_FLAT = 1 << 3, /* no message is looked for in it: its container cut it up itself */
};

/* A member as its container knows it; kept so that rules on the container can ask. */
typedef struct kj_member {
    kj_span name; /* UTF-8 where the container says so, else its raw bytes */
    uint64_t size;
    const kj_format *format; /* NULL while unknown */
    unsigned flags;
    kj_span content_type; /* of a mail part: "image/gif", lower case; else empty */
    const kj_span *names; /* further names that some program gives it; UTF-8, all different */
    size_t name_count;
    uint64_t packed_size; /* bytes in its container; 0: not known */
    uint64_t position;    /* its number in its container's listing, from 1; 0: not known */
    bool has_crc;
    uint32_t crc;       /* CRC-32 that its container states */
    size_t attachments; /* of its container, up to this one; whoever keeps members counts them */
} kj_member;

/* One thing that is scanned. Lives as long as its scan. */
struct kj_object {
    const kj_object *parent; /* NULL for a file */
    kj_span bytes;
    kj_span name;         /* a file's base name, or the member's name */
    kj_span path;         /* a file's path as the user will see it; a member's: its name */
    kj_span host_path;    /* normalized Windows path where it has one ("%windir%\\x.exe", see
                             base/fold.h), else empty */
    unsigned depth;       /* 0 for a file */
    kj_claims claims;     /* what it is */
    kj_span content_type; /* as in kj_member */
    const kj_span *names; /* likewise */
    size_t name_count;
    bool flat;     /* KJ_MEMBER_FLAT */
    bool remember; /* set by a format before it hands anything out: its members will come
                      again in other readings, and are not to be scanned twice */
    bool handled; /* it, or what it is in, was read as a rule says (KJ_RULE_HANDLER): once is enough
                   */
    unsigned view;            /* kj_view: `bytes` are not the object as it is; 0: they are */
    kj_span whole;            /* of a view: the object as it is */
    bool reading;             /* it, or what it is in, is KJ_MEMBER_READING */
    kj_oddities odd;          /* what is strange about it; known after it was walked */
    const kj_mail *mail;      /* of a message; parts reach it through `parent` */
    const kj_member *members; /* known after it was walked */
    size_t member_count;
};

/* ---- where members go ---------------------------------------------------------------------- */

/* Made by scan/. Formats call the functions below, never the pointers. */
struct kj_sink {
    kj_arena *arena; /* lives as long as the object that is walked */
    kj_status (*child)(kj_sink *sink, const kj_member *member, kj_span bytes, kj_error *err);
    void (*unseen)(kj_sink *sink, kj_status why, kj_span member, const char *sentence);
    kj_status (*account)(kj_sink *sink, uint64_t bytes, kj_error *err);
    bool (*reading)(kj_sink *sink, uint64_t bytes);
    uint64_t largest_member;  /* bytes a member may have to be scanned at all */
    const kj_span *passwords; /* that may open archives, besides what messages say */
    size_t password_count;
    const kj_member *stated; /* while an encrypted member is told as unseen: what its container says
                                of it; else NULL */
};

/* Scans a member. The bytes need to be valid during the call only; the member's name and content
 * type live in the sink's arena or in the walked object. One that is larger than largest_member is
 * told as unseen instead. Anything but KJ_OK: stop the walk and return it. */
KJ_MUST_CHECK kj_status kj_sink_child(kj_sink *sink, const kj_member *member, kj_span bytes,
                                      kj_error *err);

/* The sentence for a member whose bytes are encrypted; the sink may record KJ_MEMBER_ENCRYPTED. */
#define KJ_UNSEEN_ENCRYPTED KJ_SENTENCE("encrypted")

/* Says that a member (or, with an empty name, some part of the object) was not looked at, and why,
 * in a sentence without the names: KJ_UNSUPPORTED "encrypted", KJ_TRUNCATED "ends early", ... */
void kj_sink_unseen(kj_sink *sink, kj_status why, kj_span member, const char *sentence);

/* Tells a member as encrypted, with what its container says of it besides. */
void kj_sink_encrypted(kj_sink *sink, const kj_member *member);

/* Draws on the scan's budget before or while `bytes` are unpacked; KJ_LIMIT when bytes, ratio,
 * members or time have run out, KJ_CANCELLED when somebody asked to stop. Call it at least once
 * every 64 KiB of output and once a header, so that time is kept. */
KJ_MUST_CHECK kj_status kj_sink_account(kj_sink *sink, uint64_t bytes, kj_error *err);

/* Draws on the budget for other readings before `bytes` are decoded for one, a multiple of what was
 * read; true: go on. False: no more, and the sink has told that some were not made. */
bool kj_sink_reading(kj_sink *sink, uint64_t bytes);
