/* SPDX-License-Identifier: Apache-2.0 */
/* Mailboxes in one file: RFC 4155 and its relatives.
 *
 *     From sender date          at the start, or after an empty line; a field follows
 *     message
 *
 * mboxrd quotes lines of the body that look like a separator with one more '>', mboxo only those
 * without any; one '>' is taken off wherever there is one. Content-Length (mboxcl) is not believed:
 * it can be made to hide messages. */
#include "base/arith.h"
#include "base/text.h"
#include "formats/mime.h"
#include "formats/rows.h"

static const char FROM[] = "From ";

enum {
    LINE_LOOK = 2000,  /* bytes of a separator and of the line behind it that are looked at */
    FIELD_SHOWN = 120, /* bytes of a field in a message's name */
    AS_ONE_MAX = 8,    /* messages of a mailbox that may be one */
};

/* "12:34" */
static bool has_time(kj_span line)
{
    for (size_t i = 1; i + 2 < line.len; i++)
        if (line.data[i] == ':' && kj_is_digit(line.data[i - 1]) && kj_is_digit(line.data[i + 1]) &&
            kj_is_digit(line.data[i + 2]))
            return true;
    return false;
}

/* Words of a text may begin with "From " too: a separator holds a time of day, and what follows is
 * a field, another separator (some mailers stack them), or one that was quoted as the first field.
 */
static bool is_separator(kj_span bytes, size_t at)
{
    kj_reader r = kj_reader_of(kj_span_sub(bytes, at, 2 * LINE_LOOK));
    kj_span line;
    kj_span next;
    if (!kj_span_starts(r.in, kj_span_str(FROM)) || !kj_read_line(&r, &line) || !has_time(line) ||
        !kj_read_line(&r, &next))
        return false;
    return kj_mime_is_field(next) || kj_span_starts(next, kj_span_str(FROM)) ||
           kj_span_starts(next, kj_span_str(">From "));
}

/* `at` is behind a line feed: whether the line before is empty. */
static bool after_empty_line(kj_span bytes, size_t at)
{
    if (at < 2)
        return true;
    size_t i = at - 2;
    if (bytes.data[i] == '\r' && i > 0)
        i--;
    return bytes.data[i] == '\n';
}

/* Offset of the next separator behind `from`, or the length of the file. *out_marked: whether a
 * line on the way begins with '>'. */
static size_t next_separator(kj_span bytes, size_t from, bool *out_marked)
{
    *out_marked = false;
    size_t at = kj_span_next_line(bytes, from);
    for (; at < bytes.len; at = kj_span_next_line(bytes, at)) {
        *out_marked |= bytes.data[at] == '>';
        if (bytes.data[at] == (uint8_t)FROM[0] && after_empty_line(bytes, at) &&
            is_separator(bytes, at))
            break;
    }
    return at;
}

/* Length of a quoted separator's marks at `at`, the start of a line; 0: it is none. */
static size_t quote_marks(kj_span bytes, size_t at)
{
    size_t marks = 0;
    while (at + marks < bytes.len && bytes.data[at + marks] == '>')
        marks++;
    bool quoted = kj_span_starts(kj_span_sub(bytes, at + marks, 5), kj_span_str(FROM));
    return quoted ? marks : 0;
}

/* Offset of the next line that is a quoted separator, or the length of the message. */
static size_t next_quoted(kj_span message, size_t from)
{
    size_t at = kj_span_find_line(message, '>', from);
    while (at != SIZE_MAX && quote_marks(message, at) == 0)
        at = kj_span_find_line(message, '>', kj_span_next_line(message, at));
    return at == SIZE_MAX ? message.len : at;
}

/* Appends the message with one mark taken off each quoted line. */
static void unquote(kj_span message, size_t first, kj_buf *out)
{
    size_t from = 0;
    for (size_t at = first; at < message.len;
         at = next_quoted(message, kj_span_next_line(message, at))) {
        kj_buf_put(out, kj_span_sub(message, from, at - from));
        from = at + 1;
    }
    kj_buf_put(out, kj_span_sub(message, from, SIZE_MAX));
}

/* Without its separator lines and the empty line that belongs to the next one. */
static kj_span message_in(kj_span bytes, size_t start, size_t end)
{
    kj_reader r = kj_reader_of(kj_span_sub(bytes, start, end - start));
    kj_span line;
    size_t body = 0;
    while (kj_read_line(&r, &line) &&
           (kj_span_starts(line, kj_span_str(FROM)) || kj_span_starts(line, kj_span_str(">From "))))
        body = r.pos;
    kj_span message = kj_span_sub(r.in, body, SIZE_MAX);
    if (end < bytes.len && message.len && message.data[message.len - 1] == '\n') {
        message.len--;
        if (message.len && message.data[message.len - 1] == '\r')
            message.len--;
    }
    return message;
}

/* Appends a field's value, as one line of at most FIELD_SHOWN bytes. */
static void put_field(kj_span raw, kj_buf *out)
{
    kj_buf value;
    kj_buf_init(&value, 4 * KJ_MIME_VALUE_MAX);
    kj_mime_decode_value(raw, &value);
    kj_span text = kj_span_sub(kj_text_trim(kj_buf_span(&value)), 0, FIELD_SHOWN);
    kj_buf_put_text(out, text.len ? ", " : "");
    kj_buf_put(out, text);
    kj_buf_done_into(&value, out);
}

/* "message 3, <id@example.org>, Mon, 2 Feb 2004 10:00:00 +0000": its number, Message-ID and date.
 */
static kj_span message_name(kj_arena *arena, kj_span message, size_t number)
{
    kj_buf text;
    kj_buf_init(&text, 4 * FIELD_SHOWN);
    kj_buf_printf(&text, "message %zu", number);
    kj_span id = {0}, date = {0};
    kj_reader r = kj_reader_of(message);
    kj_mime_field field;
    while (!(id.data && date.data) && kj_mime_next_field(&r, &field)) {
        if (!id.data && kj_text_equal_nocase(field.name, kj_span_str("Message-ID")))
            id = field.raw;
        if (!date.data && kj_text_equal_nocase(field.name, kj_span_str("Date")))
            date = field.raw;
    }
    put_field(id, &text);
    put_field(date, &text);
    char *name = text.failed ? NULL : kj_arena_text(arena, kj_buf_span(&text));
    kj_span out = kj_span_of(name, name ? text.len : 0);
    kj_buf_done(&text);
    return out;
}

/* `room`: where the message is copied to when a line of it is quoted; NULL: none is. */
static kj_status hand_out(kj_sink *sink, kj_span message, kj_span name, unsigned flags,
                          kj_buf *room, kj_error *err)
{
    kj_span bytes = message;
    size_t quoted = room ? next_quoted(message, 0) : message.len;
    if (quoted < message.len) {
        kj_buf_clear(room);
        room->max = message.len;
        unquote(message, quoted, room);
        bytes = kj_buf_span(room);
    }
    if (!name.data || (room && room->failed))
        return kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET, "no memory for more messages");
    kj_member member = {
        .name = name,
        .size = bytes.len,
        .flags = flags,
        .content_type = kj_span_str("message/rfc822"),
    };
    return kj_sink_child(sink, &member, bytes, err);
}

static kj_status walk_messages(kj_span bytes, kj_sink *sink, kj_buf *room, kj_error *err)
{
    size_t number = 0;
    for (size_t start = 0; start < bytes.len;) {
        bool marked;
        size_t end = next_separator(bytes, start, &marked);
        kj_span message = message_in(bytes, start, end);
        number++;
        if (message.len) {
            kj_span name = message_name(sink->arena, message, number);
            KJ_TRY(kj_sink_account(sink, message.len, err));
            KJ_TRY(hand_out(sink, message, name, 0, marked ? room : NULL, err));
        }
        start = end;
    }
    return KJ_OK;
}

static bool may_be_one(kj_span bytes)
{
    size_t count = 0;
    bool marked;
    for (size_t start = 0; start < bytes.len && count <= AS_ONE_MAX; count++)
        start = next_separator(bytes, start, &marked);
    return count > 1 && count <= AS_ONE_MAX;
}

/* A single message may come with a separator, from a mail server that hands it over in this form,
 * and its text may hold a line that looks like another: a small mailbox is read as one message,
 * too. */
static kj_status scan(kj_object *object, kj_sink *sink, kj_error *err)
{
    kj_buf room;
    kj_buf_init(&room, 0);
    object->remember = may_be_one(object->bytes);
    kj_status status = walk_messages(object->bytes, sink, &room, err);
    if (status == KJ_OK && object->remember)
        status = hand_out(sink, message_in(object->bytes, 0, object->bytes.len),
                          kj_span_str("as one message"), KJ_MEMBER_READING, &room, err);
    kj_buf_done(&room);
    return status;
}

bool kj_mbox_begins(kj_span bytes)
{
    return is_separator(bytes, 0);
}

static unsigned probe(kj_span bytes)
{
    return kj_mbox_begins(bytes) ? 48 : 0;
}

/* ---- MMDF ---------------------------------------------------------------------------------- */

/* Messages between lines of four bytes 1. */
static const char MMDF[] = "\1\1\1\1";

static kj_status scan_mmdf(kj_object *object, kj_sink *sink, kj_error *err)
{
    kj_reader r = kj_reader_of(object->bytes);
    kj_span line;
    size_t start = 0, number = 0;
    kj_status status = KJ_OK;
    for (bool more = true; more && status == KJ_OK;) {
        size_t end = r.pos;
        more = kj_read_line(&r, &line);
        if (more && !kj_span_is(line, MMDF))
            continue;
        kj_span message = kj_span_sub(object->bytes, start, end - start);
        start = r.pos;
        if (kj_text_trim(message).len == 0)
            continue;
        kj_span name = message_name(sink->arena, message, ++number);
        status = kj_sink_account(sink, message.len, err);
        if (status == KJ_OK)
            status = hand_out(sink, message, name, 0, NULL, err);
    }
    return status;
}

const kj_format kj_format_mmdf = {
    .name = "mmdf",
    .title = "mailbox (MMDF)",
    .kind = KJ_KIND_MAIL,
    .magics = KJ_MAGICS(KJ_MAGIC(0, "\1\1\1\1\n"), KJ_MAGIC(0, "\1\1\1\1\r\n")),
    .scan = scan_mmdf,
};

const kj_format kj_format_mbox = {
    .name = "mbox",
    .title = "mailbox (mbox)",
    .kind = KJ_KIND_MAIL,
    .probe = probe,
    .scan = scan,
};
