/* SPDX-License-Identifier: Apache-2.0 */
/* A mail: RFC 5322 and MIME, in every reading that a mail program has of it.
 *
 * First as the standards have it (mail_parts.c); if anything in it deviates from them, then in all
 * other ways (mail_readings.c), so that ordinary mail costs one reading. Every leaf is a member,
 * text too. A message in a message is a leaf: it is identified as mail again and becomes a walk of
 * its own. docs/mail.md says more. */
#include "base/arith.h"
#include "base/text.h"
#include "formats/mail_walk.h"
#include "formats/rows.h"

enum {
    HEADERS_MAX = 1000, /* fields that are kept for rules */
    JUNK_MAX = 32,      /* lines between fields that are passed over */
    PROBE_LOOK = 64 << 10,
    PROBE_ODD_LOOK = 4 << 10, /* where line ends are odd */
    PROBE_JUNK = 4,
};

/* ---- the message's own fields --------------------------------------------------------------- */

/* The next field, whatever stands between it and the one before: up to the first empty line behind
 * a field. */
static bool next_field(kj_reader *r, size_t *fields, size_t *junk, kj_mime_field *out)
{
    while (kj_reader_left(r) && *junk < JUNK_MAX) {
        size_t start = r->pos;
        if (kj_mime_next_field(r, out)) {
            ++*fields;
            return true;
        }
        bool at_empty_line = r->pos != start;
        kj_span line;
        if (at_empty_line && *fields)
            return false;
        if (!at_empty_line)
            (void)kj_read_line(r, &line);
        ++*junk;
    }
    return false;
}

/* The value decoded, both in the sink's arena. */
static bool keep_header(kj_mail_walk *w, const kj_mime_field *field, kj_header *out)
{
    kj_buf_clear(&w->scratch);
    kj_mime_decode_value(field->raw, &w->scratch);
    kj_span text = kj_span_sub(kj_buf_span(&w->scratch), 0, KJ_MIME_VALUE_MAX);
    char *name = kj_arena_text(w->sink->arena, field->name);
    char *value = kj_arena_text(w->sink->arena, text);
    *out = (kj_header){.name = kj_span_of(name, field->name.len),
                       .value = kj_span_of(value, text.len)};
    return name && value;
}

/* Room for one header more; false without memory. */
static bool grow_headers(kj_arena *arena, kj_header **headers, size_t count, size_t *capacity)
{
    enum { FIRST = 32 };
    if (count < *capacity)
        return true;
    size_t wanted = *capacity ? 2 * *capacity : FIRST;
    kj_header *grown = kj_new_array(arena, kj_header, wanted);
    if (!grown)
        return false;
    if (count)
        memcpy(grown, *headers, count * sizeof *grown);
    *headers = grown;
    *capacity = wanted;
    return true;
}

static kj_status read_mail(kj_mail_walk *w, kj_error *err)
{
    kj_mail *mail = kj_new(w->sink->arena, kj_mail);
    if (!mail)
        return kj_mail_no_room(err);
    kj_reader r = kj_reader_of(w->message);
    kj_mime_field field;
    kj_header *headers = NULL;
    size_t capacity = 0, fields = 0, junk = 0;
    while (next_field(&r, &fields, &junk, &field) && fields <= HEADERS_MAX) {
        size_t at = mail->header_count;
        if (!grow_headers(w->sink->arena, &headers, at, &capacity) ||
            !keep_header(w, &field, &headers[at]))
            return kj_mail_no_room(err);
        kj_mail_note_known(mail, &headers[at]);
        mail->header_count++;
    }
    if (fields > HEADERS_MAX)
        kj_sink_unseen(w->sink, KJ_LIMIT, (kj_span){0},
                       "more header fields than are kept for rules");
    mail->headers = headers;
    w->mail = mail;
    return KJ_OK;
}

/* ---- is it mail ----------------------------------------------------------------------------- */

/* Names that mail has, and how much each says: DECISIVE ones suffice alone. Names with X- at large
 * say nothing: manifests and Debian's copyright files have them too. */
enum { COMMON = 1, DECISIVE = 2, ENOUGH = 2 };

static const struct {
    const char *name;
    unsigned weight;
} mail_names[] = {
    {"Received", DECISIVE},
    {"Return-Path", DECISIVE},
    {"Message-ID", DECISIVE},
    {"MIME-Version", DECISIVE},
    {"Content-Type", DECISIVE},
    {"Content-Transfer-Encoding", DECISIVE},
    {"Delivered-To", DECISIVE},
    {"DKIM-Signature", DECISIVE},
    {"From", COMMON},
    {"To", COMMON},
    {"Cc", COMMON},
    {"Bcc", COMMON},
    {"Subject", COMMON},
    {"Date", COMMON},
    {"Reply-To", COMMON},
    {"Sender", COMMON},
    {"In-Reply-To", COMMON},
    {"References", COMMON},
    {"Newsgroups", COMMON},
    {"Envelope-To", COMMON},
    {"X-Mailer", COMMON},
    {"X-Priority", COMMON},
    {"X-Originating-IP", COMMON},
    {"X-Received", COMMON},
    {"X-Spam-Status", COMMON},
    {"Content-Disposition", COMMON},
};

/* A common name counts once: lists of entries have the same fields again and again. */
static unsigned weigh(kj_span name, uint32_t *seen)
{
    _Static_assert(KJ_COUNT(mail_names) <= 32, "a bit each");
    uint8_t first = name.len ? kj_upper(name.data[0]) : 0;
    for (size_t i = 0; i < KJ_COUNT(mail_names); i++)
        if (first == (uint8_t)mail_names[i].name[0] &&
            kj_text_equal_nocase(name, kj_span_str(mail_names[i].name))) {
            bool again = *seen >> i & 1;
            *seen |= UINT32_C(1) << i;
            return again && mail_names[i].weight == COMMON ? 0 : mail_names[i].weight;
        }
    return 0;
}

/* Whether a delimiter and a part's fields stand there: the body of a multipart without its header.
 */
static bool is_body(kj_span bytes)
{
    enum { LOOK = 4096, FIELDS = 3 };
    kj_reader r = kj_reader_of(kj_span_sub(bytes, 0, LOOK));
    kj_span line = {0};
    bool more = kj_read_line(&r, &line);
    while (more && kj_text_trim(line).len == 0)
        more = kj_read_line(&r, &line);
    if (line.len <= 2 || !kj_span_starts(line, kj_span_str("--")))
        return false;
    return kj_mail_part_follows(r.in, r.pos, FIELDS);
}

/* Two of mail's own fields, or a decisive one; one more for anything that does not belong into a
 * header block. Less, a date and an address on the web, is how texts begin that are bodies of mail.
 */
static bool has_mail_fields(kj_span bytes, size_t junk_max)
{
    kj_reader r = kj_reader_of(bytes);
    kj_mime_field field;
    size_t fields = 0, junk = 0;
    unsigned weight = 0;
    uint32_t seen = 0;
    while (weight <= ENOUGH && next_field(&r, &fields, &junk, &field) && junk <= junk_max)
        weight += weigh(field.name, &seen);
    return weight >= ENOUGH + kj_min_size(junk, 1);
}

static bool is_utf16(kj_span bytes)
{
    return kj_span_starts(bytes, kj_span_of("\xFF\xFE", 2)) ||
           kj_span_starts(bytes, kj_span_of("\xFE\xFF", 2));
}

/* No control codes but those of lines and a few NULs: binaries need no closer look. */
static bool may_be_text(kj_span bytes)
{
    enum { LOOK = 256 };
    bytes = kj_span_sub(bytes, 0, LOOK);
    size_t nuls = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        if (bytes.data[i] && bytes.data[i] < ' ' && !kj_is_space(bytes.data[i]))
            return false;
        nuls += bytes.data[i] == 0;
    }
    return nuls <= bytes.len / 8 || is_utf16(bytes);
}

static kj_span without_mark(kj_span bytes)
{
    bool marked = kj_span_starts(bytes, kj_span_str("\xEF\xBB\xBF"));
    return marked ? kj_span_sub(bytes, 3, SIZE_MAX) : bytes;
}

static unsigned probe(kj_span bytes)
{
    enum { SURE = 30 };
    kj_span head = without_mark(kj_span_sub(bytes, 0, PROBE_LOOK));
    if (kj_mbox_begins(head))
        return 0;
    if (has_mail_fields(head, 0))
        return SURE;
    if (!may_be_text(head))
        return 0;
    if (has_mail_fields(head, PROBE_JUNK))
        return SURE;
    uint8_t room[PROBE_ODD_LOOK]; /* without NULs: UTF-16 is its ASCII then */
    kj_span start = kj_span_sub(head, 0, PROBE_ODD_LOOK);
    if (!is_utf16(start) && !kj_mail_line_ends(start))
        return 0;
    start = kj_span_sub(start, is_utf16(start) ? 2 : 0, SIZE_MAX);
    kj_span plain = kj_span_of(room, kj_mail_normalize(start, room));
    return has_mail_fields(plain, PROBE_JUNK) ? SURE : 0;
}

/* ---- the row --------------------------------------------------------------------------------- */

/* As the standards have it; `body`: it is a multipart's, without a header block. */
static kj_status walk_first(kj_mail_walk *w, bool body, kj_error *err)
{
    return body ? kj_mail_walk_body(w, w->message, err) : kj_mail_walk_parts(w, w->message, err);
}

static kj_status walk_message(kj_mail_walk *w, kj_object *object, kj_error *err)
{
    KJ_TRY(read_mail(w, err));
    object->mail = w->mail;
    bool body = kj_mail_is_multipart(object->content_type) && is_body(w->message);
    w->reread |= kj_mail_line_ends(w->message) | (body ? KJ_ODD(KJ_ODD_ENCODED_MULTIPART) : 0);
    w->odd |= w->reread;
    KJ_TRY(walk_first(w, body, err));
    if (!w->reread)
        return KJ_OK;
    kj_oddities odd = w->odd; /* what attempts meet says nothing about the message */
    w->flags = KJ_MEMBER_SHOWN;
    KJ_TRY(walk_first(w, body, err));
    w->flags = KJ_MEMBER_READING;
    kj_status status = kj_mail_walk_readings(w, w->message, err);
    w->odd = odd;
    return status;
}

/* Whether it is a mail server's or a mail program's file, to which other grammars apply. */
static bool is_otherwise_mail(const kj_object *object)
{
    for (size_t i = 0; i < object->claims.count; i++)
        if (object->claims.formats[i]->kind == KJ_KIND_MAIL &&
            object->claims.formats[i] != &kj_format_mail)
            return true;
    return false;
}

static kj_status scan(kj_object *object, kj_sink *sink, kj_error *err)
{
    kj_mail_walk w = {.sink = sink, .message = without_mark(object->bytes)};
    if (kj_mbox_begins(w.message))
        return KJ_OK; /* only said to be one message: that row reads it */
    kj_buf_init(&w.scratch, 4 * KJ_MIME_VALUE_MAX);
    kj_buf_init(&w.decoded, 0);
    kj_buf narrow;
    kj_buf_init(&narrow, kj_min_size(object->bytes.len, SIZE_MAX / 4) * 2);
    if (is_utf16(object->bytes)) {
        kj_utf16_to_utf8(kj_span_sub(object->bytes, 2, SIZE_MAX), object->bytes.data[0] == 0xFE,
                         &narrow);
        w.message = kj_buf_span(&narrow);
    }
    kj_status status = narrow.failed ? kj_no_memory(err) : walk_message(&w, object, err);
    if (!is_otherwise_mail(object))
        object->odd |= w.odd;
    if (status == KJ_OK && w.scratch.starved)
        status = kj_no_memory(err);
    kj_buf_done(&w.scratch);
    kj_buf_done(&w.decoded);
    kj_buf_done(&narrow);
    return status;
}

const kj_format kj_format_mail = {
    .name = "mail",
    .title = "mail message",
    .kind = KJ_KIND_MAIL,
    .probe = probe,
    .scan = scan,
    .types = (const char *const[]){"message/rfc822", "message/global", "message/news",
                                   "message/partial", "multipart/", NULL},
    .extensions = (const char *const[]){"eml", "mht", "mhtml", "nws", "mim", NULL},
};
