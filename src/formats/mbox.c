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

enum { LINE_LOOK = 2000 }; /* bytes of a separator and of the line behind it that are looked at */

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

/* Offset of the next separator at or after `from`, or the length of the file. */
static size_t next_separator(kj_span bytes, size_t from)
{
    kj_span wanted = kj_span_str("\nFrom ");
    for (size_t at; (at = kj_span_find(bytes, wanted, from)) != SIZE_MAX; from = at + 1)
        if (after_empty_line(bytes, at + 1) && is_separator(bytes, at + 1))
            return at + 1;
    return bytes.len;
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

/* Appends the message with one mark taken off each quoted line. */
static void unquote(kj_span message, kj_buf *out)
{
    kj_span mark = kj_span_str("\n>");
    size_t from = 0;
    for (size_t at; (at = kj_span_find(message, mark, from)) != SIZE_MAX;) {
        size_t line = at + 1;
        size_t skipped = quote_marks(message, line) ? 1 : 0;
        kj_buf_put(out, kj_span_sub(message, from, line - from));
        from = line + skipped;
        if (!skipped) {
            kj_buf_put_byte(out, '>');
            from++;
        }
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

static kj_status walk_message(kj_sink *sink, kj_span message, size_t number, kj_buf *room,
                              kj_error *err)
{
    KJ_TRY(kj_sink_account(sink, message.len, err));
    kj_buf_clear(room);
    room->max = message.len;
    kj_span bytes = message;
    if (kj_span_find(message, kj_span_str("\n>From "), 0) != SIZE_MAX ||
        kj_span_find(message, kj_span_str("\n>>"), 0) != SIZE_MAX) {
        unquote(message, room);
        bytes = kj_buf_span(room);
    }
    char *name = kj_arena_printf(sink->arena, "message %zu", number);
    if (!name || room->failed)
        return kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET, "no memory for more messages");
    kj_member member = {.name = kj_span_str(name), .size = bytes.len};
    return kj_sink_child(sink, &member, bytes, err);
}

static kj_status scan(kj_object *object, kj_sink *sink, kj_error *err)
{
    kj_span bytes = object->bytes;
    kj_buf room;
    kj_buf_init(&room, 0);
    kj_status status = KJ_OK;
    size_t start = 0;
    for (size_t number = 1; status == KJ_OK && start < bytes.len; number++) {
        size_t end = next_separator(bytes, start);
        kj_span message = message_in(bytes, start, end);
        if (message.len)
            status = walk_message(sink, message, number, &room, err);
        start = end;
    }
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

const kj_format kj_format_mbox = {
    .name = "mbox",
    .title = "mailbox (mbox)",
    .kind = KJ_KIND_MAIL,
    .probe = probe,
    .scan = scan,
};
