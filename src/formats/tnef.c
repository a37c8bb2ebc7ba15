/* SPDX-License-Identifier: Apache-2.0 */
/* Outlook's winmail.dat: MS-OXTNEF, Transport Neutral Encapsulation Format.
 *
 *     u32 signature, u16 key, then attributes, each
 *     u8 level (1 message, 2 attachment) | u16 id, u16 type | u32 length | data | u16 checksum
 *
 * The data of attMsgProps and attAttachment is a list of MAPI properties:
 *
 *     u32 count, then each: u16 type, u16 id,
 *         if id >= 0x8000: GUID, u32 kind; 0: u32 number; 1: u32 length, UTF-16 name, padding
 *         if the type has the flag 0x1000, or its values have no fixed length: u32 count of values
 *         values: fixed ones as they are, others behind a u32 length; each padded to 4 bytes
 *
 * Handed out: what an attachment holds (attAttachData, and PR_ATTACH_DATA with the interface
 * identifier of an object taken off: a message is TNEF again), under every name that it has; the
 * preview picture; the bodies as plain text, HTML and RTF. What it says of the message becomes a
 * mail, but in a message, whose part a winmail.dat is: there that message's stays.
 *
 * Levels, checksums, the types of attributes and their order are not believed. attAttachRendData
 * begins an attachment; data and names without one are one, too. Recipients are passed over. */
#include "base/arith.h"
#include "base/text.h"
#include "formats/lzfu.h"
#include "formats/mapi.h"
#include "formats/mime.h"
#include "formats/rows.h"

enum {
    SIGNATURE = 0x223E9F78,
    GUID_LEN = 16,
    NAMED = 0x8000, /* property ids from here on have a name */
    MULTI_VALUED = 0x1000,
    PIECES_MAX = 8,      /* data of one attachment; more become an attachment of their own */
    NAME_MAX_LEN = 4096, /* bytes of a name or a fact that are kept */
    HEADERS_MAX = 6,
};

enum {
    TYPE_OBJECT = 0x0D,
    TYPE_STRING8 = 0x1E,
    TYPE_UNICODE = 0x1F,
    TYPE_TIME = 0x40,
    TYPE_BINARY = 0x102
};

enum { SUBJECT = 0x0037, MESSAGE_CLASS = 0x001A };

typedef struct property {
    uint16_t id;
    uint16_t type; /* without MULTI_VALUED */
    kj_span value;
} property;

typedef struct attachment {
    kj_mime_values names;
    size_t best; /* of the names: what Outlook shows */
    unsigned best_rank;
    kj_span type;
    kj_span pieces[PIECES_MAX];
    size_t piece_count;
    bool is_reference; /* the data lies somewhere else */
} attachment;

typedef struct walk {
    kj_object *object;
    kj_sink *sink;
    kj_mail *mail; /* NULL: it speaks for the message it is in */
    kj_header *headers;
    const char *charset;
    attachment at; /* the one at hand */
    size_t number; /* of it, from 1 */
    bool rendered; /* an attAttachRendData was seen */
    bool cut;      /* something ends before what it announces */
    kj_buf text;
} walk;

/* ---- texts --------------------------------------------------------------------------------- */

static kj_span until_nul(kj_span s, size_t width)
{
    size_t len = 0;
    while (len + width <= s.len && (s.data[len] || s.data[len + width - 1]))
        len += width;
    return kj_span_sub(s, 0, len);
}

/* Texts end with a NUL, which is none of them. */
static kj_span without_nul(kj_span s, size_t width)
{
    size_t zeros = 0;
    while (zeros < width && zeros < s.len && s.data[s.len - 1 - zeros] == 0)
        zeros++;
    return zeros == width ? kj_span_sub(s, 0, s.len - width) : s;
}

/* What was written, in the arena; empty without memory. */
static kj_span keep(walk *w)
{
    char *text = w->text.failed ? NULL : kj_arena_text(w->sink->arena, kj_buf_span(&w->text));
    return kj_span_of(text, text ? w->text.len : 0);
}

/* A text of a message in the arena, as UTF-8; empty without memory. */
static kj_span keep_text(walk *w, kj_span value, bool unicode)
{
    value = until_nul(kj_span_sub(value, 0, NAME_MAX_LEN), unicode ? 2 : 1);
    kj_buf_clear(&w->text);
    if (unicode)
        kj_utf16_to_utf8(value, false, &w->text);
    else
        kj_charset_to_utf8(kj_span_str(w->charset), value, &w->text);
    return keep(w);
}

static bool is_text(uint16_t type)
{
    return type == TYPE_STRING8 || type == TYPE_UNICODE;
}

/* ---- the attachment at hand ---------------------------------------------------------------- */

/* Objects begin with the identifier of the interface by which they are opened: IMessage, IStorage,
 * IStream, all of COM's own family. */
static kj_span without_interface(kj_span value)
{
    kj_span family = kj_span_of("\0\0\0\0\xC0\0\0\0\0\0\0\x46", 12);
    return kj_span_equal(kj_span_sub(value, 4, 12), family) ? kj_span_sub(value, GUID_LEN, SIZE_MAX)
                                                            : value;
}

static bool is_tnef(kj_span bytes)
{
    kj_reader r = kj_reader_of(bytes);
    return kj_read_u32le(&r) == SIGNATURE;
}

static kj_status hand_piece(walk *w, size_t i, kj_span name, const kj_span *names, kj_error *err)
{
    const attachment *at = &w->at;
    kj_span bytes = at->pieces[i];
    kj_member member = {
        .name = name,
        .size = bytes.len,
        .flags = KJ_MEMBER_ATTACHMENT | (i ? KJ_MEMBER_READING : 0),
        .content_type = is_tnef(bytes) ? kj_span_str("application/ms-tnef") : at->type,
        .names = names,
        .name_count = at->names.count > 1 ? at->names.count - 1 : 0,
    };
    return kj_sink_child(w->sink, &member, bytes, err);
}

/* The name that Outlook shows first, then the others, which outlive the attachment. */
static const kj_span *order_names(walk *w, kj_span *out_first)
{
    const kj_mime_values *values = &w->at.names;
    kj_span *names = kj_new_array(w->sink->arena, kj_span, kj_max_size(values->count, 1));
    size_t count = 0;
    for (size_t i = 0; names && i < values->count; i++)
        if (i != w->at.best)
            names[count++] = values->items[i];
    if (values->count)
        *out_first = values->items[w->at.best];
    else
        *out_first = kj_span_str(kj_arena_printf(w->sink->arena, "attachment %zu", w->number));
    return names;
}

/* Hands out what is known of the attachment at hand and forgets it. */
static kj_status flush(walk *w, kj_error *err)
{
    attachment *at = &w->at;
    kj_span name = {0};
    kj_status status = KJ_OK;
    if (at->is_reference && !at->piece_count)
        w->object->odd |= KJ_ODD(KJ_ODD_EXTERNAL_BODY);
    if (at->piece_count) {
        w->number++;
        const kj_span *names = order_names(w, &name);
        if (!names)
            return kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET, "no memory for more names of members");
        for (size_t i = 0; i < at->piece_count && status == KJ_OK; i++)
            status = hand_piece(w, i, name, names, err);
    }
    *at = (attachment){0};
    return status;
}

/* The lower the rank, the more a name counts. */
static void add_name(walk *w, kj_span value, bool unicode, unsigned rank)
{
    kj_mime_values *names = &w->at.names;
    kj_span name = keep_text(w, value, unicode);
    bool is_first = names->count == 0;
    if (!name.len || !kj_mime_values_add(w->sink->arena, name, names))
        return;
    if (!is_first && rank >= w->at.best_rank)
        return;
    for (size_t i = 0; i < names->count; i++)
        if (kj_span_equal(names->items[i], name))
            w->at.best = i;
    w->at.best_rank = rank;
}

static kj_status add_piece(walk *w, kj_span bytes, kj_error *err)
{
    if (w->at.piece_count == PIECES_MAX)
        KJ_TRY(flush(w, err));
    w->at.pieces[w->at.piece_count++] = bytes;
    return KJ_OK;
}

/* ---- bodies -------------------------------------------------------------------------------- */

static kj_status hand_body(walk *w, const char *name, const char *type, kj_span bytes,
                           kj_error *err)
{
    kj_member member = {
        .name = kj_span_str(name),
        .size = bytes.len,
        .content_type = kj_span_str(type),
    };
    return bytes.len ? kj_sink_child(w->sink, &member, bytes, err) : KJ_OK;
}

/* A text in UTF-16 becomes UTF-8. */
static kj_status hand_text(walk *w, const char *name, const char *type, const property *p,
                           kj_error *err)
{
    if (p->type != TYPE_UNICODE)
        return hand_body(w, name, type, without_nul(p->value, 1), err);
    KJ_TRY(kj_sink_account(w->sink, p->value.len, err));
    kj_buf text;
    kj_buf_init(&text, (size_t)kj_min_u64(w->sink->largest_member, SIZE_MAX));
    kj_utf16_to_utf8(without_nul(p->value, 2), false, &text);
    kj_status status = KJ_OK;
    if (text.failed)
        kj_sink_unseen(w->sink, KJ_LIMIT, kj_span_str(name), "too large to be converted");
    else
        status = hand_body(w, name, type, kj_buf_span(&text), err);
    kj_buf_done(&text);
    return status;
}

static kj_status hand_rtf(walk *w, kj_span packed, kj_error *err)
{
    kj_error problem = {0};
    kj_buf text;
    kj_buf_init(&text, (size_t)kj_min_u64(w->sink->largest_member, SIZE_MAX));
    kj_status decoded = kj_lzfu_decode(packed, &text, &problem);
    kj_status status = kj_sink_account(w->sink, text.len, err);
    if (status == KJ_OK && text.failed)
        kj_sink_unseen(w->sink, KJ_LIMIT, kj_span_str("body.rtf"), "too large to be unpacked");
    else if (status == KJ_OK && decoded != KJ_OK)
        kj_sink_unseen(w->sink, decoded, kj_span_str("body.rtf"), problem.message);
    if (status == KJ_OK && !text.failed)
        status = hand_body(w, "body.rtf", "application/rtf", kj_buf_span(&text), err);
    kj_buf_done(&text);
    return status;
}

/* ---- what it says of the message ----------------------------------------------------------- */

static const struct {
    uint16_t id;
    const char *header;
    size_t field; /* of kj_mail; SIZE_MAX: none */
} facts[] = {
    {SUBJECT, "Subject", offsetof(kj_mail, subject)},
    {MESSAGE_CLASS, "Message-Class", SIZE_MAX},
    {0x0C1F, "From", offsetof(kj_mail, from)},
    {0x0E04, "To", offsetof(kj_mail, to)},
    {0x0039, "Date", offsetof(kj_mail, date)},
    {0x1035, "Message-ID", offsetof(kj_mail, message_id)},
};
_Static_assert(KJ_COUNT(facts) == HEADERS_MAX, "room for each");

/* A time as what a Date says. */
static kj_span keep_time(walk *w, kj_span value)
{
    kj_reader r = kj_reader_of(value);
    kj_buf_clear(&w->text);
    kj_mapi_put_date(kj_read_u64le(&r), &w->text);
    return keep(w);
}

static kj_span keep_value(walk *w, const property *p)
{
    return p->type == TYPE_TIME ? keep_time(w, p->value)
                                : keep_text(w, p->value, p->type == TYPE_UNICODE);
}

/* The first of each counts. */
static void keep_fact(walk *w, const property *p)
{
    for (size_t i = 0; w->mail && i < KJ_COUNT(facts); i++) {
        if (facts[i].id != p->id)
            continue;
        kj_span name = kj_span_str(facts[i].header);
        for (size_t h = 0; h < w->mail->header_count; h++)
            if (kj_span_equal(w->headers[h].name, name))
                return;
        kj_span text = keep_value(w, p);
        if (!text.len)
            return;
        w->headers[w->mail->header_count++] = (kj_header){name, text};
        if (facts[i].field != SIZE_MAX)
            memcpy((char *)w->mail + facts[i].field, &text, sizeof text);
    }
}

static kj_status begin_mail(walk *w, kj_error *err)
{
    const kj_object *parent = w->object->parent;
    if (parent && parent->mail) {
        w->object->mail = parent->mail;
        return KJ_OK;
    }
    w->mail = kj_new(w->sink->arena, kj_mail);
    w->headers = kj_new_array(w->sink->arena, kj_header, HEADERS_MAX);
    if (!w->mail || !w->headers)
        return kj_no_memory(err);
    w->mail->headers = w->headers;
    w->object->mail = w->mail;
    return KJ_OK;
}

/* ---- MAPI properties ----------------------------------------------------------------------- */

typedef kj_status take_property(walk *w, const property *p, kj_error *err);

/* Up to `len` bytes: fewer when there are not so many, which is noted. */
static kj_span read_available(walk *w, kj_reader *r, size_t len)
{
    size_t there = kj_min_size(len, kj_reader_left(r));
    w->cut |= there < len;
    return kj_read_span(r, there);
}

/* The last padding of a list may be missing. */
static void skip_padding(kj_reader *r, size_t len)
{
    kj_skip(r, kj_min_size((4 - len % 4) % 4, kj_reader_left(r)));
}

/* Bytes of a value; 0: it stands behind its length. False: nobody knows. */
static bool width_of(uint16_t type, size_t *out)
{
    static const struct {
        uint16_t type;
        uint16_t width;
    } widths[] = {
        {0x0002, 2},  {0x0003, 4},      {0x0004, 4},       {0x0005, 8},       {0x0006, 8},
        {0x0007, 8},  {0x000A, 4},      {0x000B, 2},       {0x0014, 8},       {TYPE_TIME, 8},
        {0x0048, 16}, {TYPE_OBJECT, 0}, {TYPE_STRING8, 0}, {TYPE_UNICODE, 0}, {TYPE_BINARY, 0},
    };
    for (size_t i = 0; i < KJ_COUNT(widths); i++) {
        if (widths[i].type != type)
            continue;
        *out = widths[i].width;
        return true;
    }
    return false;
}

static void skip_name(kj_reader *r)
{
    enum { KIND_NAME = 1 };
    kj_skip(r, GUID_LEN);
    if (kj_read_u32le(r) != KIND_NAME) {
        kj_skip(r, 4);
        return;
    }
    uint32_t len = kj_read_u32le(r);
    kj_skip(r, len);
    skip_padding(r, len);
}

static kj_status walk_values(walk *w, kj_reader *r, property *p, uint32_t count, size_t width,
                             take_property *take, kj_error *err)
{
    for (uint32_t i = 0; i < count && kj_reader_left(r); i++) {
        KJ_TRY(kj_sink_account(w->sink, 0, err));
        size_t len = width ? width : kj_read_u32le(r);
        p->value = read_available(w, r, len);
        skip_padding(r, len);
        if (kj_reader_ok(r))
            KJ_TRY(take(w, p, err));
    }
    return KJ_OK;
}

/* PtypNull and PtypUnspecified have no value. */
static bool has_no_value(uint16_t type)
{
    return type <= 1;
}

/* Hands each value to `take`. What is broken is told; what comes back is the sink's. */
static kj_status walk_properties(walk *w, kj_span bytes, take_property *take, kj_error *err)
{
    kj_reader r = kj_reader_of(bytes);
    uint32_t left = kj_read_u32le(&r);
    for (; left > 0 && kj_reader_left(&r); left--) {
        uint16_t type = kj_read_u16le(&r);
        property p = {.type = type & (uint16_t)~MULTI_VALUED, .id = kj_read_u16le(&r)};
        size_t width = 0;
        if (p.id >= NAMED)
            skip_name(&r);
        if (has_no_value(p.type))
            continue;
        if (!width_of(p.type, &width)) {
            kj_sink_unseen(w->sink, KJ_MALFORMED, (kj_span){0}, "a property of an unknown type");
            return KJ_OK;
        }
        uint32_t count = width && !(type & MULTI_VALUED) ? 1 : kj_read_u32le(&r);
        KJ_TRY(walk_values(w, &r, &p, count, width, take, err));
    }
    w->cut |= left > 0 || !kj_reader_ok(&r);
    return KJ_OK;
}

static kj_status take_message_property(walk *w, const property *p, kj_error *err)
{
    enum { BODY = 0x1000, RTF = 0x1009, HTML = 0x1013 };
    if (p->id == BODY)
        return hand_text(w, "body.txt", "text/plain", p, err);
    if (p->id == HTML)
        return hand_text(w, "body.html", "text/html", p, err);
    if (p->id == RTF)
        return hand_rtf(w, p->value, err);
    if (is_text(p->type) || p->type == TYPE_TIME)
        keep_fact(w, p);
    return KJ_OK;
}

/* Names by how much they count: the long name, the title (attAttachTitle), the short name, ... */
static const uint16_t name_ids[] = {0x3707, 0, 0x3704, 0x370C, 0x3708, 0x370D, 0x3001};
enum { TITLE_RANK = 1, TRANSPORT_RANK = 3 };

static void take_type(walk *w, const property *p)
{
    kj_span type = keep_text(w, p->value, p->type == TYPE_UNICODE);
    uint8_t *lower = kj_arena_alloc(w->sink->arena, type.len);
    for (size_t i = 0; lower && i < type.len; i++)
        lower[i] = kj_lower(type.data[i]);
    w->at.type = kj_span_of(lower, lower ? type.len : 0);
}

static kj_status take_attachment_property(walk *w, const property *p, kj_error *err)
{
    enum { DATA = 0x3701, METHOD = 0x3705, RENDERING = 0x3709, MIME_TAG = 0x370E };
    enum { BY_REFERENCE = 2, BY_REFERENCE_ONLY = 4 };
    if (p->id == DATA && (p->type == TYPE_OBJECT || p->type == TYPE_BINARY))
        return add_piece(w, without_interface(p->value), err);
    if (p->id == RENDERING && p->type == TYPE_BINARY)
        return hand_body(w, "preview.wmf", "", p->value, err);
    if (p->id == METHOD && p->value.len)
        w->at.is_reference =
            p->value.data[0] >= BY_REFERENCE && p->value.data[0] <= BY_REFERENCE_ONLY;
    if (p->id == MIME_TAG && is_text(p->type))
        take_type(w, p);
    for (unsigned rank = 0; is_text(p->type) && rank < KJ_COUNT(name_ids); rank++)
        if (name_ids[rank] == p->id)
            add_name(w, p->value, p->type == TYPE_UNICODE, rank);
    return KJ_OK;
}

/* ---- attributes ---------------------------------------------------------------------------- */

static kj_status take_subject(walk *w, kj_span value, kj_error *err)
{
    (void)err;
    keep_fact(w, &(property){.id = SUBJECT, .type = TYPE_STRING8, .value = value});
    return KJ_OK;
}

static kj_status take_class(walk *w, kj_span value, kj_error *err)
{
    (void)err;
    keep_fact(w, &(property){.id = MESSAGE_CLASS, .type = TYPE_STRING8, .value = value});
    return KJ_OK;
}

static kj_status take_body(walk *w, kj_span value, kj_error *err)
{
    return hand_body(w, "body.txt", "text/plain", without_nul(value, 1), err);
}

static kj_status take_code_page(walk *w, kj_span value, kj_error *err)
{
    (void)err;
    kj_reader r = kj_reader_of(value);
    w->charset = kj_mapi_charset(kj_read_u32le(&r));
    return KJ_OK;
}

static kj_status take_message(walk *w, kj_span value, kj_error *err)
{
    return walk_properties(w, value, take_message_property, err);
}

/* What came before the first of them has none of its own. */
static kj_status take_rendering(walk *w, kj_span value, kj_error *err)
{
    (void)value;
    bool is_first = !w->rendered && !w->at.piece_count;
    w->rendered = true;
    return is_first ? KJ_OK : flush(w, err);
}

static kj_status take_title(walk *w, kj_span value, kj_error *err)
{
    (void)err;
    add_name(w, value, false, TITLE_RANK);
    return KJ_OK;
}

static kj_status take_transport_name(walk *w, kj_span value, kj_error *err)
{
    (void)err;
    add_name(w, value, false, TRANSPORT_RANK);
    return KJ_OK;
}

static kj_status take_picture(walk *w, kj_span value, kj_error *err)
{
    return hand_body(w, "preview.wmf", "", value, err);
}

static kj_status take_attachment(walk *w, kj_span value, kj_error *err)
{
    return walk_properties(w, value, take_attachment_property, err);
}

static const struct {
    uint16_t id;
    kj_status (*take)(walk *w, kj_span value, kj_error *err);
} attributes[] = {
    {0x8004, take_subject},   {0x8008, take_class},          {0x800C, take_body},
    {0x9007, take_code_page}, {0x9003, take_message},        {0x9002, take_rendering},
    {0x8010, take_title},     {0x9001, take_transport_name}, {0x800F, add_piece},
    {0x8011, take_picture},   {0x9005, take_attachment},
};

static kj_status take_attribute(walk *w, uint16_t id, kj_span value, kj_error *err)
{
    KJ_TRY(kj_sink_account(w->sink, 0, err));
    for (size_t i = 0; i < KJ_COUNT(attributes); i++)
        if (attributes[i].id == id)
            return attributes[i].take(w, value, err);
    return KJ_OK;
}

/* Zeros, or less than an attribute has. */
static bool is_filling(kj_span rest)
{
    enum { SHORTEST = 11 };
    size_t i = 0;
    while (i < rest.len && rest.data[i] == 0)
        i++;
    return i == rest.len || rest.len < SHORTEST;
}

static kj_status walk_attributes(walk *w, kj_reader *r, kj_error *err)
{
    while (kj_reader_left(r)) {
        size_t at = r->pos;
        uint8_t level = kj_read_u8(r);
        uint16_t id = kj_read_u16le(r);
        kj_skip(r, 2); /* its type */
        uint32_t len = kj_read_u32le(r);
        if (level != 1 && level != 2) {
            KJ_TRY(flush(w, err));
            return is_filling(kj_span_sub(r->in, at, SIZE_MAX))
                       ? KJ_OK
                       : kj_fail(err, KJ_MALFORMED, at, "something that is no attribute");
        }
        if (!kj_reader_ok(r))
            break;
        KJ_TRY(take_attribute(w, id, read_available(w, r, len), err));
        kj_skip(r, kj_min_size(2, kj_reader_left(r)));
    }
    KJ_TRY(flush(w, err));
    if (w->cut || !kj_reader_ok(r))
        return kj_fail(err, KJ_TRUNCATED, r->pos, "an attribute ends early");
    return KJ_OK;
}

/* Something that is only said to be TNEF is scanned as what it is. */
static kj_status scan(kj_object *object, kj_sink *sink, kj_error *err)
{
    kj_reader r = kj_reader_of(object->bytes);
    if (!is_tnef(object->bytes))
        return KJ_OK;
    kj_skip(&r, 6);
    walk w = {.object = object, .sink = sink};
    KJ_TRY(begin_mail(&w, err));
    kj_buf_init(&w.text, 4 * NAME_MAX_LEN);
    kj_status status = walk_attributes(&w, &r, err);
    kj_buf_done(&w.text);
    return status;
}

static const char *const types[] = {"application/ms-tnef", "application/vnd.ms-tnef",
                                    "application/x-tnef", NULL};

const kj_format kj_format_tnef = {
    .name = "tnef",
    .title = "Outlook's winmail.dat (TNEF)",
    .kind = KJ_KIND_MAIL,
    .magics = KJ_MAGICS(KJ_MAGIC(0, "\x78\x9F\x3E\x22")),
    .scan = scan,
    .types = types,
};
