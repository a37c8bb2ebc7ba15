/* SPDX-License-Identifier: Apache-2.0 */
/* Outlook messages: MS-OXMSG, an OLE compound file.
 *
 *     __properties_version1.0          what has a fixed size: 32 bytes (in a message in a message
 *                                      24), then 16 an entry: u32 tag, u32 flags, u64 value
 *     __substg1.0_IIIITTTT             another property: its number and type in hex; in Unicode
 *                                      (001F), in the message's code page (001E), or binary (0102)
 *     __attach_version1.0_#NNNNNNNN/   an attachment, with properties of the same kind
 *         __substg1.0_37010102         its bytes, or
 *         __substg1.0_3701000D/        a storage: a message in a message, or an OLE object
 *     __nameid_version1.0/, __recip_version1.0_#NNNNNNNN/
 *
 * Members are the texts, as they stand (Unicode as UTF-8, compressed RTF as RTF), the attachments
 * under all their names, what is in messages in it ("message 1/..."), and then every stream that
 * was none of these, as in any compound file. Lists and counts of attachments are not believed. */
#include "base/arith.h"
#include "base/text.h"
#include "formats/lzfu.h"
#include "formats/mail_walk.h"
#include "formats/mapi.h"
#include "formats/mime.h"
#include "formats/ole.h"
#include "formats/rows.h"

enum {
    DEPTH_MAX = 16,          /* messages in one another */
    HEADERS_MAX = 1000,      /* fields that are kept for rules */
    TRANSPORT_MAX = 1 << 20, /* bytes of the message's fields as they came */
    FIXED_MAX = 64 << 10,
    LZFU_GROWTH = 9,
};

static const char PROPERTIES[] = "__properties_version1.0";
static const char SUBSTG[] = "__substg1.0_";
static const char ATTACH[] = "__attach_version1.0_#";

/* ---- properties ------------------------------------------------------------------------------ */

typedef enum slot {
    SUBJECT,
    TRANSPORT,
    SENDER_NAME,
    SENDER_ADDRESS,
    SENDER_SMTP,
    DISPLAY_TO,
    DISPLAY_CC,
    MESSAGE_ID,
    MESSAGE_CLASS,
    BODY,
    BODY_HTML,
    BODY_RTF,
    ATTACH_DATA,
    ATTACH_LONG_NAME,
    ATTACH_SHORT_NAME,
    ATTACH_TRANSPORT_NAME,
    ATTACH_LONG_PATH,
    ATTACH_PATH,
    ATTACH_TYPE,
    DISPLAY_NAME,
    SLOT_COUNT
} slot;

static const uint16_t slot_ids[SLOT_COUNT] = {
    [SUBJECT] = 0x0037,           [TRANSPORT] = 0x007D,
    [SENDER_NAME] = 0x0C1A,       [SENDER_ADDRESS] = 0x0C1F,
    [SENDER_SMTP] = 0x5D01,       [DISPLAY_TO] = 0x0E04,
    [DISPLAY_CC] = 0x0E03,        [MESSAGE_ID] = 0x1035,
    [MESSAGE_CLASS] = 0x001A,     [BODY] = 0x1000,
    [BODY_HTML] = 0x1013,         [BODY_RTF] = 0x1009,
    [ATTACH_DATA] = 0x3701,       [ATTACH_LONG_NAME] = 0x3707,
    [ATTACH_SHORT_NAME] = 0x3704, [ATTACH_TRANSPORT_NAME] = 0x370C,
    [ATTACH_LONG_PATH] = 0x370D,  [ATTACH_PATH] = 0x3708,
    [ATTACH_TYPE] = 0x370E,       [DISPLAY_NAME] = 0x3001,
};

typedef enum form { UNICODE, NARROW, BINARY, OBJECT, FORM_COUNT } form;

static const uint16_t form_types[FORM_COUNT] = {
    [UNICODE] = 0x001F, [NARROW] = 0x001E, [BINARY] = 0x0102, [OBJECT] = 0x000D};

/* Where the properties of one storage stand: numbers of entries, or KJ_OLE_NONE. */
typedef struct properties {
    uint32_t entries[SLOT_COUNT][FORM_COUNT];
    const char *charset; /* of what is NARROW */
    uint64_t submitted;  /* FILETIME */
    uint64_t delivered;
} properties;

typedef struct walk {
    kj_object *object;
    kj_sink *sink;
    kj_ole ole;
    bool *taken; /* entries that need not be handed out any more */
    kj_buf room; /* a stream at a time */
    kj_buf text; /* a value at a time */
} walk;

static kj_status no_room(kj_error *err)
{
    return kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET, "no memory for more of a message's properties");
}

static bool name_begins(const kj_ole_entry *entry, const char *text)
{
    kj_ole_entry head = *entry;
    head.name = kj_span_sub(entry->name, 0, strlen(text) * 2);
    return kj_ole_name_is(&head, text);
}

/* The tag in "__substg1.0_IIIITTTT": number, then type. */
static bool tag_of(const kj_ole_entry *entry, uint32_t *out)
{
    size_t digits = strlen(SUBSTG);
    kj_reader r = kj_reader_of(kj_span_sub(entry->name, digits * 2, 16));
    uint32_t tag = 0;
    if (!name_begins(entry, SUBSTG))
        return false;
    for (unsigned i = 0; i < 8; i++) {
        int digit = kj_hex_digit(kj_read_u16le(&r));
        if (digit < 0)
            return false;
        tag = tag << 4 | (unsigned)digit;
    }
    *out = tag;
    return kj_reader_ok(&r);
}

/* The first of a kind counts; another one stays an ordinary stream. */
static void note_entry(properties *p, uint32_t number, uint32_t tag)
{
    for (size_t i = 0; i < SLOT_COUNT; i++)
        for (size_t f = 0; f < FORM_COUNT; f++)
            if (tag == ((uint32_t)slot_ids[i] << 16 | form_types[f]) &&
                p->entries[i][f] == KJ_OLE_NONE)
                p->entries[i][f] = number;
}

/* Reads a stream of at most `max` bytes into `out`, or what of it there is. One that was read whole
 * counts as handed out. */
static void read_some(const walk *w, uint32_t number, size_t max, kj_buf *out)
{
    kj_ole_entry entry;
    kj_buf_clear(out);
    out->max = max;
    if (!kj_ole_entry_at(&w->ole, number, &entry) || entry.type != KJ_OLE_IS_STREAM)
        return;
    kj_error why;
    if (entry.size > max)
        return;
    w->taken[number] = kj_ole_read(&w->ole, &entry, out, &why) == KJ_OK;
}

/* What has a fixed size stands behind a header whose length nobody states. */
static void read_fixed(walk *w, uint32_t storage, size_t header, properties *p)
{
    uint64_t code_page = 0;
    uint32_t number = kj_ole_find(&w->ole, storage, PROPERTIES);
    p->charset = "";
    if (number == KJ_OLE_NONE)
        return;
    read_some(w, number, FIXED_MAX, &w->room);
    kj_reader r = kj_reader_of(kj_buf_span(&w->room));
    kj_skip(&r, header);
    while (kj_reader_left(&r)) {
        uint32_t tag = kj_read_u32le(&r);
        kj_skip(&r, 4);
        uint64_t value = kj_read_u64le(&r);
        if (!kj_reader_ok(&r))
            break;
        if (tag == 0x3FFD0003 || (tag == 0x3FDE0003 && !code_page)) /* message, Internet */
            code_page = value;
        else if (tag == 0x00390040)
            p->submitted = value;
        else if (tag == 0x0E060040)
            p->delivered = value;
    }
    p->charset = kj_mapi_charset((uint32_t)code_page);
}

static void read_properties(walk *w, uint32_t storage, size_t header, properties *out)
{
    for (size_t i = 0; i < SLOT_COUNT; i++)
        for (size_t f = 0; f < FORM_COUNT; f++)
            out->entries[i][f] = KJ_OLE_NONE;
    uint32_t number = kj_ole_first(&w->ole, storage);
    for (; number != KJ_OLE_NONE; number = kj_ole_next(&w->ole, number)) {
        kj_ole_entry entry;
        uint32_t tag;
        if (kj_ole_entry_at(&w->ole, number, &entry) && tag_of(&entry, &tag))
            note_entry(out, number, tag);
    }
    read_fixed(w, storage, header, out);
}

/* Puts a text into w->text as UTF-8, up to its NUL. */
static void decode_text(walk *w, const properties *p, slot s, form f, size_t max)
{
    kj_buf_clear(&w->text);
    w->text.max = max * 3;
    read_some(w, p->entries[s][f], max, &w->room);
    kj_span bytes = kj_buf_span(&w->room);
    if (f == UNICODE)
        kj_utf16_to_utf8(bytes, false, &w->text);
    else
        kj_charset_to_utf8(kj_span_str(p->charset), bytes, &w->text);
    while (w->text.len && w->text.data[w->text.len - 1] == 0)
        w->text.len--;
}

static bool keep(walk *w, kj_span *out)
{
    char *copy = kj_arena_text(w->sink->arena, kj_buf_span(&w->text));
    *out = kj_span_of(copy, copy ? w->text.len : 0);
    return copy && !w->text.failed;
}

/* A text in the arena: in Unicode when there is one. Empty when there is none. */
static bool read_text(walk *w, const properties *p, slot s, size_t max, kj_span *out)
{
    *out = (kj_span){0};
    for (form f = UNICODE; f <= NARROW && !out->len; f++) {
        if (p->entries[s][f] == KJ_OLE_NONE)
            continue;
        decode_text(w, p, s, f, max);
        if (!keep(w, out))
            return false;
    }
    return true;
}

/* ---- what the message says of itself --------------------------------------------------------- */

static void add_header(kj_mail *mail, kj_header *headers, kj_span name, kj_span value)
{
    kj_header *header = &headers[mail->header_count++];
    *header = (kj_header){.name = name, .value = value};
    kj_mail_note_known(mail, header);
}

/* The fields as they came, which Outlook keeps. */
static bool add_transport(walk *w, kj_mail *mail, kj_header *headers, kj_span fields)
{
    kj_reader r = kj_reader_of(fields);
    kj_mime_field field;
    while (mail->header_count < HEADERS_MAX && kj_mime_next_field(&r, &field)) {
        kj_span value;
        kj_buf_clear(&w->text);
        w->text.max = KJ_MIME_VALUE_MAX;
        kj_mime_decode_value(field.raw, &w->text);
        w->text.failed = false; /* a value that is longer is cut */
        if (!keep(w, &value))
            return false;
        add_header(mail, headers, field.name, value);
    }
    return true;
}

static bool has_header(const kj_mail *mail, const char *name)
{
    for (size_t i = 0; i < mail->header_count; i++)
        if (kj_text_equal_nocase(mail->headers[i].name, kj_span_str(name)))
            return true;
    return false;
}

/* Adds what only the properties say, such as those of a message that was never sent. */
static void add_missing(kj_mail *mail, kj_header *headers, const char *name, kj_span value)
{
    if (value.len && !has_header(mail, name))
        add_header(mail, headers, kj_span_str(name), value);
}

/* "Name <address>" in the arena. */
static bool read_sender(walk *w, const properties *p, kj_span *out)
{
    kj_span name;
    kj_span address;
    if (!read_text(w, p, SENDER_NAME, KJ_MIME_VALUE_MAX, &name) ||
        !read_text(w, p, SENDER_SMTP, KJ_MIME_VALUE_MAX, &address) ||
        (!address.len && !read_text(w, p, SENDER_ADDRESS, KJ_MIME_VALUE_MAX, &address)))
        return false;
    kj_buf_clear(&w->text);
    w->text.max = 8 * KJ_MIME_VALUE_MAX;
    kj_buf_put(&w->text, name);
    if (name.len && address.len)
        kj_buf_put_byte(&w->text, ' ');
    if (address.len) {
        kj_buf_put_byte(&w->text, '<');
        kj_buf_put(&w->text, address);
        kj_buf_put_byte(&w->text, '>');
    }
    return keep(w, out);
}

static bool read_date(walk *w, const properties *p, kj_span *out)
{
    kj_buf_clear(&w->text);
    w->text.max = KJ_MIME_VALUE_MAX;
    kj_mapi_put_date(p->submitted ? p->submitted : p->delivered, &w->text);
    return keep(w, out);
}

/* A prefix of the subject ("RE: ") may be marked by a control character and its length. */
static kj_span without_mark(kj_span subject)
{
    return subject.len > 1 && subject.data[0] == 1 ? kj_span_sub(subject, 2, SIZE_MAX) : subject;
}

/* Everything that is not the subject. */
static bool add_properties(walk *w, const properties *p, kj_mail *mail, kj_header *headers)
{
    static const struct {
        slot slot;
        const char *name;
    } texts[] = {{DISPLAY_TO, "To"}, {DISPLAY_CC, "Cc"}, {MESSAGE_ID, "Message-ID"}};
    kj_span value;
    if (!read_sender(w, p, &value))
        return false;
    add_missing(mail, headers, "From", value);
    if (!read_date(w, p, &value))
        return false;
    add_missing(mail, headers, "Date", value);
    for (size_t i = 0; i < KJ_COUNT(texts); i++) {
        if (!read_text(w, p, texts[i].slot, KJ_MIME_VALUE_MAX, &value))
            return false;
        add_missing(mail, headers, texts[i].name, value);
    }
    return true;
}

/* The subject that Outlook shows is the property; the rest counts as it came. */
static kj_status read_mail(walk *w, const properties *p, kj_error *err)
{
    kj_mail *mail = kj_new(w->sink->arena, kj_mail);
    kj_header *headers = kj_new_array(w->sink->arena, kj_header, HEADERS_MAX + 8);
    kj_span subject;
    kj_span fields;
    if (!mail || !headers || !read_text(w, p, SUBJECT, KJ_MIME_VALUE_MAX, &subject) ||
        !read_text(w, p, TRANSPORT, TRANSPORT_MAX, &fields))
        return no_room(err);
    mail->headers = headers;
    if (subject.len)
        mail->subject = without_mark(subject);
    if (!add_transport(w, mail, headers, fields))
        return no_room(err);
    add_missing(mail, headers, "Subject", mail->subject);
    if (!add_properties(w, p, mail, headers))
        return no_room(err);
    w->object->mail = mail;
    return KJ_OK;
}

/* ---- texts ----------------------------------------------------------------------------------- */

/* The member of a stream as it stands. */
static kj_status hand_out_raw(walk *w, uint32_t number, kj_member *member, kj_error *err)
{
    w->taken[number] = true;
    return kj_ole_hand_out(&w->ole, number, member, w->sink, &w->room, err);
}

/* Reads a stream to decode it. False: it is empty or too large, which is told elsewhere, as it
 * stays a stream to be handed out. */
static kj_status read_to_decode(walk *w, uint32_t number, size_t growth, bool *out_usable,
                                kj_error *err)
{
    kj_ole_entry entry;
    *out_usable = false;
    if (!kj_ole_entry_at(&w->ole, number, &entry))
        return KJ_OK;
    uint64_t size = kj_min_u64(entry.size, w->ole.bytes.len);
    KJ_TRY(kj_sink_account(w->sink, size, err));
    read_some(w, number, (size_t)kj_min_u64(w->sink->largest_member, SIZE_MAX), &w->room);
    kj_buf_clear(&w->text);
    w->text.max = (size_t)kj_min_u64(w->sink->largest_member, SIZE_MAX);
    if (w->room.len > w->text.max / growth)
        w->taken[number] = false;
    else
        *out_usable = w->room.len > 0;
    return KJ_OK;
}

static kj_status hand_out_text(walk *w, kj_member *member, kj_error *err)
{
    if (w->text.starved)
        return kj_no_memory(err);
    member->size = w->text.len;
    KJ_TRY(kj_sink_account(w->sink, w->text.len, err));
    return kj_sink_child(w->sink, member, kj_buf_span(&w->text), err);
}

static kj_status hand_out_unicode(walk *w, uint32_t number, kj_member *member, kj_error *err)
{
    bool usable;
    KJ_TRY(read_to_decode(w, number, 2, &usable, err));
    if (!usable)
        return KJ_OK;
    kj_utf16_to_utf8(kj_buf_span(&w->room), false, &w->text);
    return hand_out_text(w, member, err);
}

static kj_status hand_out_rtf(walk *w, uint32_t number, kj_member *member, kj_error *err)
{
    bool usable;
    kj_error why;
    KJ_TRY(read_to_decode(w, number, LZFU_GROWTH, &usable, err));
    if (!usable)
        return KJ_OK;
    kj_status status = kj_lzfu_decode(kj_buf_span(&w->room), &w->text, &why);
    if (status == KJ_MALFORMED)
        return hand_out_raw(w, number, member, err);
    if (status != KJ_OK)
        kj_sink_unseen(w->sink, status, member->name, why.message);
    return hand_out_text(w, member, err);
}

static const struct {
    slot slot;
    const char *name;
    const char *type;
} bodies[] = {
    {BODY, "body.txt", "text/plain"},
    {BODY_HTML, "body.html", "text/html"},
    {BODY_RTF, "body.rtf", "text/rtf"},
};

static kj_status hand_out_bodies(walk *w, const properties *p, const char *prefix, kj_error *err)
{
    for (size_t i = 0; i < KJ_COUNT(bodies); i++) {
        const char *name = kj_arena_printf(w->sink->arena, "%s%s", prefix, bodies[i].name);
        if (!name)
            return no_room(err);
        for (form f = UNICODE; f <= BINARY; f++) {
            kj_member member = {.name = kj_span_str(name),
                                .content_type = kj_span_str(bodies[i].type)};
            uint32_t number = p->entries[bodies[i].slot][f];
            if (number == KJ_OLE_NONE)
                continue;
            KJ_TRY(bodies[i].slot == BODY_RTF ? hand_out_rtf(w, number, &member, err)
                   : f == UNICODE             ? hand_out_unicode(w, number, &member, err)
                                              : hand_out_raw(w, number, &member, err));
        }
    }
    return KJ_OK;
}

/* ---- attachments ----------------------------------------------------------------------------- */

static kj_status walk_message(walk *w, uint32_t storage, const char *prefix, unsigned depth,
                              kj_error *err);

/* All names that some program may save it under, in either form. */
static bool read_names(walk *w, const properties *p, kj_mime_values *out)
{
    static const slot names[] = {ATTACH_LONG_NAME,      DISPLAY_NAME,     ATTACH_SHORT_NAME,
                                 ATTACH_TRANSPORT_NAME, ATTACH_LONG_PATH, ATTACH_PATH};
    for (size_t i = 0; i < KJ_COUNT(names); i++) {
        for (form f = UNICODE; f <= NARROW; f++) {
            if (p->entries[names[i]][f] == KJ_OLE_NONE)
                continue;
            decode_text(w, p, names[i], f, KJ_MIME_VALUE_MAX);
            kj_span name = kj_buf_span(&w->text);
            if (name.len && !kj_mime_values_add(w->sink->arena, name, out))
                return false;
        }
    }
    return true;
}

static bool read_type(walk *w, const properties *p, kj_span *out)
{
    kj_span type;
    if (!read_text(w, p, ATTACH_TYPE, KJ_MIME_VALUE_MAX, &type))
        return false;
    kj_buf_clear(&w->text);
    for (size_t i = 0; i < type.len; i++)
        kj_buf_put_byte(&w->text, kj_lower(type.data[i]));
    return keep(w, out);
}

typedef struct attachment {
    kj_member member;
    kj_mime_values names;
    properties properties;
} attachment;

/* In a message in a message, its own name comes behind the message's. */
static bool name_attachment(walk *w, attachment *a, const char *prefix, size_t number)
{
    kj_arena *arena = w->sink->arena;
    kj_mime_values *names = &a->names;
    if (!read_names(w, &a->properties, names) ||
        !read_type(w, &a->properties, &a->member.content_type))
        return false;
    if (!names->count) {
        a->member.name = kj_span_str(kj_arena_printf(arena, "%sattachment %zu", prefix, number));
        return a->member.name.data != NULL;
    }
    bool top = !prefix[0];
    kj_buf_clear(&w->text);
    w->text.max = SIZE_MAX;
    kj_buf_put_text(&w->text, prefix);
    kj_buf_put(&w->text, names->items[0]);
    size_t others = top ? names->count - 1 : names->count;
    kj_span *copy = kj_new_array(arena, kj_span, others);
    if (!copy || !keep(w, &a->member.name))
        return false;
    for (size_t i = 0; i < others; i++)
        copy[i] = names->items[top ? i + 1 : i];
    a->member.names = copy;
    a->member.name_count = others;
    return true;
}

/* The streams of an OLE object, below the attachment's name. */
static kj_status walk_storage(walk *w, uint32_t storage, kj_span prefix, unsigned depth,
                              kj_error *err)
{
    uint32_t number = depth < DEPTH_MAX ? kj_ole_first(&w->ole, storage) : KJ_OLE_NONE;
    for (; number != KJ_OLE_NONE; number = kj_ole_next(&w->ole, number)) {
        kj_ole_entry entry;
        kj_member member = {.flags = KJ_MEMBER_ATTACHMENT};
        if (!kj_ole_entry_at(&w->ole, number, &entry))
            continue;
        kj_buf_clear(&w->text);
        w->text.max = SIZE_MAX;
        kj_buf_put(&w->text, prefix);
        kj_buf_put_byte(&w->text, '/');
        kj_utf16_to_utf8(entry.name, false, &w->text);
        if (!keep(w, &member.name))
            return no_room(err);
        KJ_TRY(entry.type == KJ_OLE_IS_STREAM
                   ? hand_out_raw(w, number, &member, err)
                   : walk_storage(w, number, member.name, depth + 1, err));
    }
    return KJ_OK;
}

/* What stands in a storage: a message, or an object of some program. */
static kj_status walk_object(walk *w, uint32_t number, const attachment *a, const char *prefix,
                             size_t *messages, unsigned depth, kj_error *err)
{
    if (kj_ole_find(&w->ole, number, PROPERTIES) == KJ_OLE_NONE)
        return walk_storage(w, number, a->member.name, 0, err);
    char *below = kj_arena_printf(w->sink->arena, "%smessage %zu/", prefix, ++*messages);
    return below ? walk_message(w, number, below, depth + 1, err) : no_room(err);
}

static kj_status walk_attachment(walk *w, uint32_t storage, const char *prefix, size_t number,
                                 size_t *messages, unsigned depth, kj_error *err)
{
    attachment a = {.member = {.flags = KJ_MEMBER_ATTACHMENT}};
    read_properties(w, storage, 8, &a.properties);
    if (!name_attachment(w, &a, prefix, number))
        return no_room(err);
    for (size_t f = 0; f < FORM_COUNT; f++) {
        uint32_t data = a.properties.entries[ATTACH_DATA][f];
        kj_ole_entry entry;
        if (!kj_ole_entry_at(&w->ole, data, &entry))
            continue;
        kj_member member = a.member;
        KJ_TRY(entry.type == KJ_OLE_IS_STREAM
                   ? hand_out_raw(w, data, &member, err)
                   : walk_object(w, data, &a, prefix, messages, depth, err));
    }
    return KJ_OK;
}

/* ---- messages -------------------------------------------------------------------------------- */

enum { HEADER_OF_FILE = 32, HEADER_IN_MESSAGE = 24 };

static kj_status walk_message(walk *w, uint32_t storage, const char *prefix, unsigned depth,
                              kj_error *err)
{
    properties p;
    KJ_TRY(kj_sink_account(w->sink, 0, err));
    if (depth > DEPTH_MAX) {
        kj_sink_unseen(w->sink, KJ_LIMIT, kj_span_str(prefix), "messages nested too deep");
        return KJ_OK;
    }
    read_properties(w, storage, depth ? HEADER_IN_MESSAGE : HEADER_OF_FILE, &p);
    if (depth == 0)
        KJ_TRY(read_mail(w, &p, err));
    KJ_TRY(hand_out_bodies(w, &p, prefix, err));
    size_t attachments = 0;
    size_t messages = 0;
    uint32_t number = kj_ole_first(&w->ole, storage);
    for (; number != KJ_OLE_NONE; number = kj_ole_next(&w->ole, number)) {
        kj_ole_entry entry;
        if (kj_ole_entry_at(&w->ole, number, &entry) && name_begins(&entry, ATTACH))
            KJ_TRY(walk_attachment(w, number, prefix, ++attachments, &messages, depth, err));
    }
    return KJ_OK;
}

/* A compound file that is only called a message has no properties. */
static bool is_message(const kj_ole *ole)
{
    kj_ole_entry entry;
    uint32_t number = kj_ole_first(ole, KJ_OLE_ROOT);
    for (; number != KJ_OLE_NONE; number = kj_ole_next(ole, number))
        if (kj_ole_entry_at(ole, number, &entry) &&
            (kj_ole_name_is(&entry, PROPERTIES) || name_begins(&entry, SUBSTG)))
            return true;
    return false;
}

static kj_status scan(kj_object *object, kj_sink *sink, kj_error *err)
{
    walk w = {.object = object, .sink = sink};
    if (!kj_ole_begins(object->bytes))
        return KJ_OK; /* only called so */
    KJ_TRY(kj_ole_open(object->bytes, sink->arena, &w.ole, err));
    w.taken = kj_new_array(sink->arena, bool, w.ole.count);
    if (!w.taken)
        return no_room(err);
    kj_buf_init(&w.room, 0);
    kj_buf_init(&w.text, 0);
    kj_status status = is_message(&w.ole) ? walk_message(&w, KJ_OLE_ROOT, "", 0, err) : KJ_OK;
    if (status == KJ_OK)
        status = kj_ole_walk(&w.ole, w.taken, sink, err);
    kj_buf_done(&w.room);
    kj_buf_done(&w.text);
    return status;
}

/* Outlook's class identifier in the root, or the stream of properties near the beginning of the
 * directory. Certain of more than "ole" is. */
static unsigned probe(kj_span bytes)
{
    static const uint8_t class_id[16] = {0x0B, 0x0D, 0x02, 0, 0, 0, 0, 0,
                                         0xC0, 0,    0,    0, 0, 0, 0, 0x46};
    return kj_ole_peek(bytes, kj_span_of(class_id, sizeof class_id), PROPERTIES) ? 192 : 0;
}

static const char *const types[] = {"application/vnd.ms-outlook", "application/x-msg", NULL};
static const char *const extensions[] = {"msg", "oft", NULL};

const kj_format kj_format_msg = {
    .name = "msg",
    .title = "Outlook message (.msg)",
    .kind = KJ_KIND_MAIL,
    .magics = KJ_MAGICS(KJ_MAGIC(0, "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1")),
    .probe = probe,
    .scan = scan,
    .types = types,
    .extensions = extensions,
};
