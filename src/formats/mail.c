/* SPDX-License-Identifier: Apache-2.0 */
/* A mail: RFC 5322, MIME as in RFC 2045, 2046, 2183 and 2231. One reading, the straightforward one.
 *
 *     fields, empty line, body; a multipart body is
 *     [preamble] --boundary [part] --boundary [part] --boundary-- [epilogue]
 *
 * Every leaf is a member, text too. A message in a message is a leaf: it is identified as mail
 * again and becomes a walk of its own. Files that are uuencoded in a text are members beside it.
 *
 * Field deviations accepted: bare LF line ends, blanks behind a delimiter, a missing close
 * delimiter, a multipart without any delimiter (a leaf), a body that begins at the first line that
 * is no field, composite types under a transfer encoding (decoded, then handed out as a leaf). */
#include "base/arith.h"
#include "base/text.h"
#include "formats/mime.h"
#include "formats/rows.h"

enum {
    DEPTH_MAX = 32,      /* multiparts in one another */
    HEADERS_MAX = 1000,  /* fields that are kept for rules */
    NAME_MAX_LEN = 1024, /* bytes of a part's name */
    TYPE_MAX = 128,      /* bytes of a type, an encoding, a disposition */
    BOUNDARY_MAX = 1024, /* RFC 2046 allows 70 */
    PROBE_LOOK = 64 << 10,
};

typedef struct walk {
    kj_sink *sink;
    kj_buf scratch; /* of one value at a time */
    kj_buf decoded; /* of one part at a time */
} walk;

typedef struct part {
    kj_span type;       /* "text/plain"; never empty */
    kj_span type_raw;   /* with its parameters */
    kj_span encoding;   /* lower case, may be empty */
    kj_span name;       /* UTF-8, may be empty */
    bool is_attachment; /* asks to be saved, whatever its name */
    kj_span body;       /* still encoded */
    const char *number; /* "1.2"; "" for the message itself */
} part;

static kj_status no_room(kj_error *err)
{
    return kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET, "no memory for more names of parts");
}

/* Copies what is in the scratch buffer to the sink's arena; an empty span stays empty. */
static bool keep_scratch(walk *w, kj_span *out)
{
    kj_span text = kj_span_sub(kj_buf_span(&w->scratch), 0, KJ_MIME_VALUE_MAX);
    char *copy = kj_arena_text(w->sink->arena, text);
    *out = kj_span_of(copy, copy ? text.len : 0);
    return copy != NULL;
}

/* ---- the message's own fields ------------------------------------------------------------- */

static const struct {
    const char *name;
    size_t slot;
} known_fields[] = {
    {"Subject", offsetof(kj_mail, subject)},
    {"From", offsetof(kj_mail, from)},
    {"To", offsetof(kj_mail, to)},
    {"Date", offsetof(kj_mail, date)},
    {"Message-ID", offsetof(kj_mail, message_id)},
};

/* The first of a name counts. */
static void note_known(kj_mail *mail, const kj_header *header)
{
    for (size_t i = 0; i < KJ_COUNT(known_fields); i++) {
        kj_span *slot = (kj_span *)(void *)((char *)mail + known_fields[i].slot);
        if (!slot->data && kj_text_equal_nocase(header->name, kj_span_str(known_fields[i].name)))
            *slot = header->value;
    }
}

static size_t count_fields(kj_span bytes)
{
    kj_reader r = kj_reader_of(bytes);
    kj_mime_field field;
    size_t count = 0;
    while (count < HEADERS_MAX && kj_mime_next_field(&r, &field))
        count++;
    return count;
}

/* Names borrow from the message, values live in the sink's arena. */
static kj_status read_mail(walk *w, kj_span bytes, const kj_mail **out, kj_error *err)
{
    size_t count = count_fields(bytes);
    kj_mail *mail = kj_new(w->sink->arena, kj_mail);
    kj_header *headers = kj_new_array(w->sink->arena, kj_header, count);
    if (!mail || !headers)
        return no_room(err);
    kj_reader r = kj_reader_of(bytes);
    kj_mime_field field;
    for (size_t i = 0; i < count && kj_mime_next_field(&r, &field); i++) {
        kj_buf_clear(&w->scratch);
        kj_mime_decode_value(field.raw, &w->scratch);
        headers[i].name = field.name;
        if (!keep_scratch(w, &headers[i].value))
            return no_room(err);
        note_known(mail, &headers[i]);
    }
    mail->headers = headers;
    mail->header_count = count;
    *out = mail;
    return KJ_OK;
}

/* ---- parts --------------------------------------------------------------------------------- */

typedef struct part_fields {
    kj_span type;
    kj_span encoding;
    kj_span disposition;
} part_fields;

/* The first of a name counts. Leaves the reader at the body. */
static void read_fields(kj_reader *r, part_fields *out)
{
    static const struct {
        const char *name;
        size_t slot;
    } wanted[] = {
        {"Content-Type", offsetof(part_fields, type)},
        {"Content-Transfer-Encoding", offsetof(part_fields, encoding)},
        {"Content-Disposition", offsetof(part_fields, disposition)},
    };
    kj_mime_field field;
    while (kj_mime_next_field(r, &field)) {
        for (size_t i = 0; i < KJ_COUNT(wanted); i++) {
            kj_span *slot = (kj_span *)(void *)((char *)out + wanted[i].slot);
            if (!slot->data && kj_text_equal_nocase(field.name, kj_span_str(wanted[i].name)))
                *slot = field.raw;
        }
    }
}

static bool keep_main_value(walk *w, kj_span raw, kj_span *out)
{
    kj_buf_clear(&w->scratch);
    kj_mime_main_value(raw, &w->scratch);
    w->scratch.len = kj_min_size(w->scratch.len, TYPE_MAX);
    return keep_scratch(w, out);
}

/* The name a mail program offers when it saves the part. */
static bool keep_name(walk *w, const part_fields *fields, kj_span *out)
{
    kj_buf_clear(&w->scratch);
    if (!kj_mime_find_param(fields->disposition, "filename", &w->scratch))
        (void)kj_mime_find_param(fields->type, "name", &w->scratch);
    w->scratch.len = kj_min_size(w->scratch.len, NAME_MAX_LEN);
    return keep_scratch(w, out);
}

/* A type without a slash is none: RFC 2045, 5.2, "text/plain" then, unless the parent says else. */
static kj_status read_part(walk *w, kj_span entity, const char *default_type, part *out,
                           kj_error *err)
{
    kj_reader r = kj_reader_of(entity);
    part_fields fields = {0};
    read_fields(&r, &fields);
    out->body = kj_span_sub(entity, r.pos, SIZE_MAX);
    out->type_raw = fields.type;
    kj_span disposition;
    if (!keep_main_value(w, fields.type, &out->type) ||
        !keep_main_value(w, fields.encoding, &out->encoding) ||
        !keep_main_value(w, fields.disposition, &disposition) || !keep_name(w, &fields, &out->name))
        return no_room(err);
    if (kj_span_find(out->type, kj_span_str("/"), 0) == SIZE_MAX)
        out->type = kj_span_str(default_type);
    out->is_attachment = kj_span_is(disposition, "attachment");
    return KJ_OK;
}

static bool is_multipart(const part *p)
{
    return kj_span_starts(p->type, kj_span_str("multipart/"));
}

static bool is_text(const part *p)
{
    return kj_span_starts(p->type, kj_span_str("text/"));
}

/* ---- leaves -------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    void (*decode)(kj_span text, kj_buf *out); /* NULL: nothing to do */
} encodings[] = {
    {"base64", kj_mime_decode_base64},
    {"quoted-printable", kj_mime_decode_quoted_printable},
    {"7bit", NULL},
    {"8bit", NULL},
    {"binary", NULL},
};

static const char *const uu_names[] = {"x-uuencode", "uuencode", "x-uue", "x-uu"};

static bool is_uuencoded(const part *p)
{
    for (size_t i = 0; i < KJ_COUNT(uu_names); i++)
        if (kj_span_is(p->encoding, uu_names[i]))
            return true;
    return false;
}

/* "part 1.2", or by its type for the message's only part. NULL without memory. */
static char *make_name(walk *w, const part *p)
{
    kj_arena *arena = w->sink->arena;
    if (p->number[0])
        return kj_arena_printf(arena, "part %s", p->number);
    bool html = kj_span_is(p->type, "text/html");
    return kj_arena_strdup(arena, html ? "body.html" : is_text(p) ? "body.txt" : "body");
}

static kj_status hand_out(walk *w, const part *p, kj_span name, bool named, kj_span bytes,
                          kj_error *err)
{
    if (!named) {
        name = kj_span_str(make_name(w, p));
        if (!name.data)
            return no_room(err);
    }
    kj_member member = {
        .name = name,
        .size = bytes.len,
        .flags = named || p->is_attachment ? KJ_MEMBER_ATTACHMENT : 0,
        .content_type = p->type,
    };
    return kj_sink_child(w->sink, &member, bytes, err);
}

/* Decoded bytes are never more than encoded ones, which are in memory already. */
static kj_status decode(walk *w, void (*decoder)(kj_span, kj_buf *), kj_span text, kj_span *out,
                        kj_error *err)
{
    kj_buf_clear(&w->decoded);
    w->decoded.max = text.len;
    if (decoder)
        decoder(text, &w->decoded);
    if (w->decoded.failed)
        return kj_fail(err, KJ_NO_MEMORY, KJ_NO_OFFSET, "no memory to decode a part");
    *out = decoder ? kj_buf_span(&w->decoded) : text;
    return KJ_OK;
}

/* Hands out the files in a text, uuencoded each. What the part says of itself is the first one's
 * name and everybody's type when the encoding is the part's own, and nothing otherwise. */
static kj_status walk_uu(walk *w, const part *p, kj_span text, size_t *out_count, kj_error *err)
{
    bool own = is_uuencoded(p);
    part file_part = {.type = own ? p->type : (kj_span){0}, .number = p->number};
    kj_reader r = kj_reader_of(text);
    kj_uu_file file;
    kj_buf bytes;
    kj_status status = KJ_OK;
    kj_buf_init(&bytes, text.len);
    for (size_t i = 0; status == KJ_OK && kj_mime_next_uu(&r, &file); i++) {
        kj_buf_clear(&bytes);
        kj_mime_decode_uu(file.lines, &bytes);
        char *copy = kj_arena_text(w->sink->arena, kj_span_sub(file.name, 0, NAME_MAX_LEN));
        kj_span name = own && p->name.len && i == 0 ? p->name : kj_span_str(copy);
        status = kj_sink_account(w->sink, bytes.len, err);
        if (status == KJ_OK && (!copy || bytes.failed))
            status = no_room(err);
        if (status == KJ_OK)
            status = hand_out(w, &file_part, name, true, kj_buf_span(&bytes), err);
        *out_count = i + 1;
    }
    kj_buf_done(&bytes);
    return status;
}

static kj_status walk_leaf(walk *w, const part *p, kj_error *err)
{
    KJ_TRY(kj_sink_account(w->sink, p->body.len, err));
    size_t files = 0;
    if (is_uuencoded(p))
        KJ_TRY(walk_uu(w, p, p->body, &files, err));
    if (files)
        return KJ_OK;
    void (*decoder)(kj_span, kj_buf *) = NULL;
    for (size_t i = 0; i < KJ_COUNT(encodings); i++)
        if (kj_span_is(p->encoding, encodings[i].name))
            decoder = encodings[i].decode;
    kj_span bytes;
    KJ_TRY(decode(w, decoder, p->body, &bytes, err));
    KJ_TRY(hand_out(w, p, p->name, p->name.len > 0, bytes, err));
    return is_text(p) ? walk_uu(w, p, bytes, &files, err) : KJ_OK;
}

/* ---- multiparts ---------------------------------------------------------------------------- */

/* A delimiter line: "--boundary", then "--" in the last one. Anything may follow after a blank, or
 * after that "--": RFC 2046, 5.1.1, compares the beginning of the line. */
typedef struct delimiter {
    size_t start; /* of the line end before it, which belongs to it */
    size_t end;   /* behind its line */
    bool close;
} delimiter;

static size_t line_end_before(kj_span body, size_t at)
{
    if (at > 0 && body.data[at - 1] == '\n')
        at--;
    if (at > 0 && body.data[at - 1] == '\r')
        at--;
    return at;
}

/* `dashed` is the boundary with its two dashes. */
static bool find_delimiter(kj_span body, kj_span dashed, size_t from, delimiter *out)
{
    for (size_t at; (at = kj_span_find(body, dashed, from)) != SIZE_MAX; from = at + 1) {
        if (at > 0 && body.data[at - 1] != '\n')
            continue;
        kj_reader r = kj_reader_of(body);
        kj_seek(&r, at + dashed.len);
        kj_span rest;
        if (!kj_read_line(&r, &rest))
            rest = (kj_span){0};
        bool close = kj_span_starts(rest, kj_span_str("--"));
        if (!close && rest.len && !kj_is_space(rest.data[0]))
            continue;
        *out = (delimiter){.start = line_end_before(body, at), .end = r.pos, .close = close};
        return true;
    }
    return false;
}

static kj_status walk_entity(walk *w, kj_span entity, const char *default_type, const char *number,
                             unsigned depth, kj_error *err);

static kj_status walk_parts(walk *w, const part *p, kj_span dashed, unsigned depth, kj_error *err)
{
    const char *type = kj_span_is(p->type, "multipart/digest") ? "message/rfc822" : "text/plain";
    delimiter here;
    bool more = find_delimiter(p->body, dashed, 0, &here);
    for (size_t i = 1; more && !here.close; i++) {
        delimiter next = {.start = p->body.len, .end = p->body.len, .close = true};
        more = find_delimiter(p->body, dashed, here.end, &next);
        size_t end = kj_max_size(next.start, here.end);
        char *number =
            kj_arena_printf(w->sink->arena, "%s%s%zu", p->number, p->number[0] ? "." : "", i);
        if (!number)
            return no_room(err);
        KJ_TRY(walk_entity(w, kj_span_sub(p->body, here.end, end - here.end), type, number,
                           depth + 1, err));
        here = next;
    }
    return KJ_OK;
}

/* Appends "--boundary"; false when the multipart cannot be taken apart. */
static bool read_boundary(const part *p, kj_buf *out)
{
    kj_buf_put_text(out, "--");
    if (!kj_mime_find_param(p->type_raw, "boundary", out))
        return false;
    while (out->len > 2 && kj_is_space(out->data[out->len - 1]))
        out->len--;
    delimiter first;
    return out->len > 2 && out->len <= BOUNDARY_MAX && !out->failed &&
           find_delimiter(p->body, kj_buf_span(out), 0, &first) && !first.close;
}

static bool is_plain_encoding(const part *p)
{
    return !kj_span_is(p->encoding, "base64") && !kj_span_is(p->encoding, "quoted-printable") &&
           !is_uuencoded(p);
}

static kj_status walk_multipart(walk *w, const part *p, unsigned depth, kj_error *err)
{
    if (depth >= DEPTH_MAX) {
        kj_sink_unseen(w->sink, KJ_LIMIT, kj_span_str(p->number), "parts nested too deep");
        return KJ_OK;
    }
    kj_buf dashed;
    kj_buf_init(&dashed, KJ_MIME_VALUE_MAX);
    bool usable = is_plain_encoding(p) && read_boundary(p, &dashed);
    kj_status status = dashed.starved ? kj_no_memory(err)
                       : usable       ? walk_parts(w, p, kj_buf_span(&dashed), depth, err)
                                      : walk_leaf(w, p, err);
    kj_buf_done(&dashed);
    return status;
}

static kj_status walk_entity(walk *w, kj_span entity, const char *default_type, const char *number,
                             unsigned depth, kj_error *err)
{
    KJ_TRY(kj_sink_account(w->sink, 0, err));
    part p = {.number = number};
    KJ_TRY(read_part(w, entity, default_type, &p, err));
    return is_multipart(&p) ? walk_multipart(w, &p, depth, err) : walk_leaf(w, &p, err);
}

/* ---- is it mail ---------------------------------------------------------------------------- */

/* Names that mail has, and how much each says: DECISIVE ones suffice alone. Names with X- at large
 * say nothing: manifests and Debian's copyright files have them too. */
enum { COMMON = 1, DECISIVE = 2 };

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

static unsigned weigh(kj_span name)
{
    for (size_t i = 0; i < KJ_COUNT(mail_names); i++)
        if (kj_text_equal_nocase(name, kj_span_str(mail_names[i].name)))
            return mail_names[i].weight;
    return 0;
}

/* Whether the reader stopped behind an empty line or at the end, not at a line that is no field. */
static bool ended_well(const kj_reader *r)
{
    if (kj_reader_left(r) == 0)
        return true;
    kj_span before = kj_span_sub(r->in, 0, r->pos);
    return r->pos >= 2 && before.data[r->pos - 1] == '\n' &&
           (before.data[r->pos - 2] == '\n' || before.data[r->pos - 2] == '\r');
}

/* Two of mail's own fields, or a decisive one; one more where no empty line follows. Less, a date
 * and an address on the web, is how texts begin that are bodies of mail. */
static unsigned probe(kj_span bytes)
{
    kj_reader r = kj_reader_of(kj_span_sub(bytes, 0, PROBE_LOOK));
    kj_mime_field field;
    unsigned weight = 0;
    while (kj_mime_next_field(&r, &field))
        weight += weigh(field.name);
    return weight >= (ended_well(&r) ? 2u : 3u) ? 30 : 0;
}

/* ---- the row ------------------------------------------------------------------------------- */

static kj_status scan(kj_object *object, kj_sink *sink, kj_error *err)
{
    walk w = {.sink = sink};
    kj_buf_init(&w.scratch, 4 * KJ_MIME_VALUE_MAX);
    kj_buf_init(&w.decoded, 0);
    kj_status status = read_mail(&w, object->bytes, &object->mail, err);
    if (status == KJ_OK)
        status = walk_entity(&w, object->bytes, "text/plain", "", 0, err);
    if (status == KJ_OK && w.scratch.starved)
        status = kj_no_memory(err);
    kj_buf_done(&w.scratch);
    kj_buf_done(&w.decoded);
    return status;
}

const kj_format kj_format_mail = {
    .name = "mail",
    .title = "mail message",
    .kind = KJ_KIND_MAIL,
    .probe = probe,
    .scan = scan,
};
