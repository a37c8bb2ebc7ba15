/* SPDX-License-Identifier: Apache-2.0 */
/* The walk over one message: its header blocks, its parts as the standards read them, and every
 * other reading. Inside formats/ only. docs/mail.md describes what is read and why. */
#pragma once

#include "formats/encoded.h"
#include "formats/format.h"
#include "formats/mime.h"

/* ---- header blocks (mail_head.c) ------------------------------------------------------------- */

enum { KJ_MAIL_SAME_MAX = 16, KJ_MAIL_STARTS_MAX = 16 };

/* The raw values of all fields of one name, in order. */
typedef struct kj_mail_fields {
    kj_span items[KJ_MAIL_SAME_MAX];
    size_t count;
} kj_mail_fields;

/* What a header block says about its body. Spans borrow from the entity. */
typedef struct kj_mail_head {
    kj_mail_fields types;
    kj_mail_fields encodings;
    kj_mail_fields dispositions;
    size_t field_count;
    size_t starts[KJ_MAIL_STARTS_MAX]; /* where the body begins: as the standard says, then where
                                          else some program has it begin */
    size_t start_count;                /* at least 1 */
    size_t looked_at;                  /* bytes that were read for it */
    bool more;                         /* fields of one name than are kept */
    kj_oddities odd;
} kj_mail_head;

/* Reads the header block at the beginning of an entity: fields up to the empty line, or to the
 * first line that is none. */
void kj_mail_read_head(kj_span entity, kj_mail_head *out);

/* Reads it as tolerantly as any program: passes over lines that are no fields, over empty lines
 * before and between fields. `starts` holds all places where a body may begin. */
void kj_mail_read_head_anyhow(kj_span entity, kj_mail_head *out);

/* Whether a line begins a field that says what a part is: Content-Type, Content-Transfer-Encoding,
 * Content-Disposition, in any case, blanks before the colon or not. */
bool kj_mail_is_part_field(kj_span line);

/* Whether any line of a text does. */
bool kj_mail_has_part_field(kj_span text);

/* Whether such a field is among the first `lines` at `at`, the beginning of one. */
bool kj_mail_part_follows(kj_span bytes, size_t at, unsigned lines);

/* Takes a header for the subject, sender, ... of the message; the first of a name counts. */
void kj_mail_note_known(kj_mail *mail, const kj_header *header);

/* Where the line end begins that stands before `at`, the beginning of a line. */
static inline size_t kj_mail_line_end_before(kj_span bytes, size_t at)
{
    if (at > 0 && bytes.data[at - 1] == '\n')
        at--;
    if (at > 0 && bytes.data[at - 1] == '\r')
        at--;
    return at;
}

/* ---- boundaries ---------------------------------------------------------------------------- */

/* A boundary, and its first bytes as a word: hostile mail has thousands, and each line that begins
 * with dashes is compared with many. */
typedef struct kj_boundary {
    kj_span text;
    uint64_t word;
    uint64_t mask;
} kj_boundary;

/* The first eight bytes, zeros behind the end. */
static inline uint64_t kj_first_word(kj_span text)
{
    uint64_t word = 0;
    if (text.len)
        memcpy(&word, text.data, text.len < sizeof word ? text.len : sizeof word);
    return word;
}

static inline kj_boundary kj_boundary_of(kj_span text)
{
    uint8_t ones[sizeof(uint64_t)];
    memset(ones, 0xFF, sizeof ones);
    kj_span used = kj_span_sub(kj_span_of(ones, sizeof ones), 0, text.len);
    return (kj_boundary){text, kj_first_word(text), kj_first_word(used)};
}

/* Whether a line, of which `word` is the first, begins with it. */
static inline bool kj_boundary_fits(const kj_boundary *boundary, uint64_t word, kj_span line)
{
    return (word & boundary->mask) == boundary->word && kj_span_starts(line, boundary->text);
}

/* ---- the walk ------------------------------------------------------------------------------- */

typedef struct kj_mail_walk {
    kj_sink *sink;
    kj_mail *mail;      /* its passwords are filled when an archive asks for them */
    kj_span message;    /* the whole of it, as it came */
    kj_oddities odd;    /* what was met */
    kj_oddities reread; /* that of it which makes programs find other parts */
    unsigned flags;     /* of all members: 0 in the first reading, else SHOWN or READING */
    bool collecting;    /* only words are wanted, nothing is handed out */
    bool collected;
    kj_buf scratch; /* of one value at a time */
    kj_buf decoded; /* of one part at a time */
    kj_buf texts;   /* what collecting finds */
} kj_mail_walk;

/* A part, as one reading has it. */
typedef struct kj_mail_part {
    kj_span type;     /* "text/plain"; never empty */
    kj_span type_raw; /* with its parameters */
    kj_encodings encodings;
    kj_mime_values names; /* UTF-8; none: it has no name */
    bool flat;            /* KJ_MEMBER_FLAT */
    bool is_attachment;   /* asks to be saved, whatever its name */
    kj_span body;         /* still encoded */
    const char *number;   /* "1.2"; "" for the message itself */
} kj_mail_part;

/* Why a walk ended for want of room for names and values. */
kj_status kj_mail_no_room(kj_error *err);

/* Fills everything but `body` and `number` from a header block. `default_type`: what RFC 2046 has
 * in its place, "text/plain" or "message/rfc822". */
KJ_MUST_CHECK kj_status kj_mail_read_part(kj_mail_walk *w, const kj_mail_head *head,
                                          const char *default_type, kj_mail_part *out,
                                          kj_error *err);

static inline bool kj_mail_is_multipart(kj_span type)
{
    return kj_span_starts(type, kj_span_str("multipart/"));
}

/* ---- leaves (mail_leaf.c) -------------------------------------------------------------------- */

/* Hands out a part that is no multipart: decoded by its encoding; with it, the encoded files in a
 * text, and a text in a character set that hides its ASCII as UTF-8. */
KJ_MUST_CHECK kj_status kj_mail_walk_leaf(kj_mail_walk *w, const kj_mail_part *part, kj_error *err);

/* Hands out a part's body as every program might decode it. */
KJ_MUST_CHECK kj_status kj_mail_walk_leaf_anyhow(kj_mail_walk *w, const kj_mail_part *part,
                                                 kj_error *err);

enum { KJ_MAIL_WORDS_MAX = 256 << 10 }; /* bytes of text in which passwords are looked for */

/* Fills the passwords of w->mail with words of the message's texts, once. (mail_words.c) */
KJ_MUST_CHECK kj_status kj_mail_collect_words(kj_mail_walk *w, kj_error *err);

/* Hands out what looks encoded in a text that no header describes. */
KJ_MUST_CHECK kj_status kj_mail_walk_runs(kj_mail_walk *w, kj_span text, kj_error *err);

/* ---- parts (mail_parts.c, mail_readings.c) --------------------------------------------------- */

enum { KJ_MAIL_DEPTH_MAX = 256 }; /* multiparts in one another */

/* Walks an entity, header block and body, as the standards read it. */
KJ_MUST_CHECK kj_status kj_mail_walk_parts(kj_mail_walk *w, kj_span entity, kj_error *err);

/* Walks the body of a multipart whose header block is not there, by its first delimiter. */
KJ_MUST_CHECK kj_status kj_mail_walk_body(kj_mail_walk *w, kj_span body, kj_error *err);

/* Walks it in all other ways. */
KJ_MUST_CHECK kj_status kj_mail_walk_readings(kj_mail_walk *w, kj_span entity, kj_error *err);

/* LINE_ENDS when a CR or a NUL stands alone in it. */
kj_oddities kj_mail_line_ends(kj_span bytes);

/* Writes the text without NULs, each line ended by a LF whatever ended it: at most bytes.len.
 * Returns how many. */
size_t kj_mail_normalize(kj_span bytes, uint8_t *out);
