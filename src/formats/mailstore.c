/* SPDX-License-Identifier: Apache-2.0 */
/* Messages as programs keep them.
 *
 *     emlx     Apple Mail: the message's length and LF, the message, a property list in XML
 *     dbox     Dovecot: "2 M1e Ctime" LF; a message each: 01 02 "N " id, size in 16 hex digits, LF,
 *              the message, LF 01 03 LF, lines about it, LF (dbox has one message, mdbox many)
 *     postfix  a queue file: records of a type, a length (7 bits a byte, lowest first) and data;
 *              "M" begins the content, "N" is a line, "L" a piece of one, "p" goes on elsewhere,
 *              "X" ends it
 *     exim     a spool file -D: the name of the file and LF, a message without its header (-H)
 *
 * No length is believed where something else shows that it is wrong. Those that are told but not
 * opened:
 *
 *     pst      "!BDN": Outlook's mailboxes, .pst and .ost
 *     dbx      Outlook Express
 *
 * Sources: the programs' documentation and files. */
#include "base/arith.h"
#include "base/text.h"
#include "formats/mime.h"
#include "formats/rows.h"

static kj_status hand_out(kj_sink *sink, const char *name, kj_span message, kj_error *err)
{
    kj_member member = {.name = kj_span_str(name),
                        .size = message.len,
                        .content_type = kj_span_str("message/rfc822")};
    KJ_TRY(kj_sink_account(sink, message.len, err));
    return message.len ? kj_sink_child(sink, &member, message, err) : KJ_OK;
}

static kj_status hand_out_numbered(kj_sink *sink, size_t number, kj_span message, kj_error *err)
{
    const char *name = kj_arena_printf(sink->arena, "message %zu", number);
    if (!name)
        return kj_fail(err, KJ_LIMIT, KJ_NO_OFFSET, "no memory for more messages");
    return hand_out(sink, name, message, err);
}

/* ---- Apple Mail ------------------------------------------------------------------------------ */

enum { LINE_MAX = 2000 };

/* The line with the length; false: there is none. */
static bool read_length(kj_reader *r, uint64_t *out)
{
    kj_span line;
    kj_reader head = kj_reader_of(kj_span_sub(r->in, 0, 32));
    bool ok =
        kj_read_line(&head, &line) && line.len < 32 && kj_text_to_u64(kj_text_trim(line), out);
    kj_seek(r, head.pos);
    return ok;
}

static unsigned probe_emlx(kj_span bytes)
{
    uint64_t len;
    kj_span line;
    kj_reader r = kj_reader_of(kj_span_sub(bytes, 0, LINE_MAX));
    return read_length(&r, &len) && kj_read_line(&r, &line) && kj_mime_is_field(line) ? 40 : 0;
}

/* Where no property list follows, the length is wrong, and everything is the message. */
static kj_status scan_emlx(kj_object *object, kj_sink *sink, kj_error *err)
{
    uint64_t len;
    kj_reader r = kj_reader_of(object->bytes);
    if (!read_length(&r, &len))
        return kj_fail(err, KJ_MALFORMED, 0, "no length where an .emlx file begins");
    kj_span rest = kj_read_span(&r, kj_reader_left(&r));
    kj_span list = kj_span_sub(rest, (size_t)kj_min_u64(len, SIZE_MAX), SIZE_MAX);
    if (len > rest.len)
        kj_sink_unseen(sink, KJ_TRUNCATED, (kj_span){0}, "the message ends early");
    bool right = kj_span_starts(list, kj_span_str("<?xml"));
    return hand_out(sink, "message", right ? kj_span_sub(rest, 0, (size_t)len) : rest, err);
}

/* ---- Dovecot --------------------------------------------------------------------------------- */

enum { DBOX_HEADER = 30, DBOX_SIZE = 13 };

static const char DBOX_BEGIN[] = "\x01\x02N ";
static const char DBOX_END[] = "\n\x01\x03\n";

static unsigned probe_dbox(kj_span bytes)
{
    kj_reader r = kj_reader_of(kj_span_sub(bytes, 0, LINE_MAX));
    kj_span line;
    bool ok = kj_read_line(&r, &line) && kj_span_starts(line, kj_span_str("2 M"));
    return ok && kj_span_starts(kj_span_sub(bytes, r.pos, 4), kj_span_str(DBOX_BEGIN)) ? 56 : 0;
}

static uint64_t read_hex(kj_span digits)
{
    uint64_t value = 0;
    for (size_t i = 0; i < digits.len; i++) {
        int digit = kj_hex_digit(digits.data[i]);
        if (digit < 0)
            return UINT64_MAX;
        value = value << 4 | (unsigned)digit;
    }
    return value;
}

/* The length of the message at `at`: as stated when its end stands there, else up to the next. */
static size_t dbox_length(kj_span bytes, size_t at, uint64_t stated)
{
    kj_span left = kj_span_sub(bytes, at, SIZE_MAX);
    kj_span end = kj_span_str(DBOX_END);
    if (stated <= left.len && kj_span_starts(kj_span_sub(left, (size_t)stated, end.len), end))
        return (size_t)stated;
    size_t found = kj_span_find(left, end, 0);
    return found == SIZE_MAX ? left.len : found;
}

static kj_status scan_dbox(kj_object *object, kj_sink *sink, kj_error *err)
{
    kj_span bytes = object->bytes;
    size_t at = 0;
    for (size_t number = 1;; number++) {
        at = kj_span_find(bytes, kj_span_str(DBOX_BEGIN), at);
        if (at == SIZE_MAX)
            return KJ_OK;
        uint64_t stated = read_hex(kj_span_sub(bytes, at + DBOX_SIZE, 16));
        size_t start = kj_min_size(at + DBOX_HEADER, bytes.len);
        size_t len = dbox_length(bytes, start, stated);
        if (start + len == bytes.len)
            kj_sink_unseen(sink, KJ_TRUNCATED, (kj_span){0}, "the last message ends early");
        KJ_TRY(hand_out_numbered(sink, number, kj_span_sub(bytes, start, len), err));
        at = start + len;
    }
}

/* ---- Postfix --------------------------------------------------------------------------------- */

enum { JUMP_DIGITS_MAX = 20 };

typedef struct record {
    uint8_t type;
    kj_span data;
} record;

static bool read_record(kj_reader *r, record *out)
{
    uint64_t len = 0;
    uint8_t byte = 0x80;
    out->type = kj_read_u8(r);
    for (unsigned shift = 0; byte & 0x80 && shift < 35; shift += 7) {
        byte = kj_read_u8(r);
        len |= (uint64_t)(byte & 0x7F) << shift;
    }
    out->data = kj_read_span(r, (size_t)len);
    return kj_reader_ok(r);
}

/* Its first record holds sizes and counts in digits and blanks, then the time follows. */
static unsigned probe_postfix(kj_span bytes)
{
    record first;
    kj_reader r = kj_reader_of(kj_span_sub(bytes, 0, 256));
    if (!read_record(&r, &first) || first.type != 'C' || first.data.len < 15)
        return 0;
    for (size_t i = 0; i < first.data.len; i++)
        if (!kj_is_digit(first.data.data[i]) && first.data.data[i] != ' ')
            return 0;
    uint8_t next = kj_read_u8(&r);
    return next == 'T' || next == 'A' ? 64 : 0;
}

/* Milters change a message by records that lead elsewhere and back. There are fewer records than
 * bytes, and none is met twice unless they run in a circle. */
static kj_status read_content(kj_reader *r, kj_buf *out, kj_error *err)
{
    bool inside = false;
    record here;
    for (size_t left = r->in.len; read_record(r, &here); left--) {
        uint64_t target;
        inside |= here.type == 'M';
        if (inside && (here.type == 'N' || here.type == 'L'))
            kj_buf_put(out, here.data);
        if (inside && here.type == 'N')
            kj_buf_put_byte(out, '\n');
        if (here.type == 'E' || (inside && here.type == 'X'))
            return KJ_OK;
        if (left == 0 || out->failed)
            return kj_fail(err, KJ_MALFORMED, r->pos, "records lead in a circle");
        if (here.type == 'p' && here.data.len <= JUMP_DIGITS_MAX &&
            kj_text_to_u64(kj_text_trim(here.data), &target) && target > 0)
            kj_seek(r, target);
    }
    return kj_fail(err, KJ_TRUNCATED, r->pos, "the queue file ends early");
}

static kj_status scan_postfix(kj_object *object, kj_sink *sink, kj_error *err)
{
    kj_reader r = kj_reader_of(object->bytes);
    kj_buf message;
    kj_error why;
    kj_buf_init(&message, object->bytes.len);
    kj_status broken = read_content(&r, &message, &why);
    if (broken != KJ_OK)
        kj_sink_unseen(sink, broken, (kj_span){0}, why.message);
    kj_status status =
        message.starved ? kj_no_memory(err) : hand_out(sink, "message", kj_buf_span(&message), err);
    kj_buf_done(&message);
    return status;
}

/* ---- Exim ------------------------------------------------------------------------------------ */

/* "1abcDE-000123-4x-D", since Exim 4.97 "1abcDE-0000000123X-4xyz-D". */
static bool is_spool_name(kj_span line)
{
    static const uint8_t lengths[2][3] = {{6, 6, 2}, {6, 11, 4}};
    for (size_t form = 0; form < 2; form++) {
        const uint8_t *parts = lengths[form];
        size_t first = parts[0];
        size_t second = first + 1 + parts[1];
        size_t third = second + 1 + parts[2];
        if (line.len != third + 2)
            continue;
        for (size_t i = 0; i < third; i++)
            if (i == first || i == second ? line.data[i] != '-' : !kj_is_alnum(line.data[i]))
                return false;
        return line.data[third] == '-' && line.data[third + 1] == 'D';
    }
    return false;
}

static unsigned probe_exim(kj_span bytes)
{
    kj_span line;
    kj_reader r = kj_reader_of(kj_span_sub(bytes, 0, 64));
    return kj_read_line(&r, &line) && is_spool_name(line) ? 64 : 0;
}

/* The header is in another file. What it says of the body can be told from the body: the first line
 * that looks like a delimiter and is followed by a field holds the boundary. */
static void put_header(kj_span body, kj_buf *out)
{
    kj_reader r = kj_reader_of(body);
    kj_span line = {0};
    kj_span next;
    for (; kj_read_line(&r, &next); line = next) {
        if (!kj_span_starts(line, kj_span_str("--")) || line.len > 256 || !kj_mime_is_field(next) ||
            kj_span_find(line, kj_span_str("\""), 0) != SIZE_MAX)
            continue;
        kj_buf_put_text(out, "Content-Type: multipart/mixed; boundary=\"");
        kj_buf_put(out, kj_text_trim(kj_span_sub(line, 2, SIZE_MAX)));
        kj_buf_put_text(out, "\"\n");
        break;
    }
    kj_buf_put_byte(out, '\n');
}

static kj_status scan_exim(kj_object *object, kj_sink *sink, kj_error *err)
{
    kj_reader r = kj_reader_of(object->bytes);
    kj_span line;
    if (!kj_read_line(&r, &line))
        return KJ_OK;
    kj_span body = kj_read_span(&r, kj_reader_left(&r));
    kj_buf message;
    kj_buf_init(&message, SIZE_MAX);
    put_header(body, &message);
    kj_buf_put(&message, body);
    kj_status status =
        message.failed ? kj_no_memory(err) : hand_out(sink, "message", kj_buf_span(&message), err);
    kj_buf_done(&message);
    return status;
}

/* ---- mailboxes that are not opened ----------------------------------------------------------- */

static kj_status scan_pst(kj_object *object, kj_sink *sink, kj_error *err)
{
    (void)object;
    (void)err;
    kj_sink_unseen(sink, KJ_UNSUPPORTED, (kj_span){0},
                   KJ_SENTENCE("Outlook mailboxes (.pst, .ost) are not opened; export the messages "
                               "as .msg or .eml"));
    return KJ_OK;
}

static kj_status scan_dbx(kj_object *object, kj_sink *sink, kj_error *err)
{
    (void)object;
    (void)err;
    kj_sink_unseen(sink, KJ_UNSUPPORTED, (kj_span){0},
                   KJ_SENTENCE("Outlook Express mailboxes (.dbx) are not opened; export the "
                               "messages as .eml"));
    return KJ_OK;
}

const kj_format kj_format_pst = {
    .name = "pst",
    .title = "Outlook mailbox (PST)",
    .kind = KJ_KIND_MAIL,
    .magics = KJ_MAGICS(KJ_MAGIC(0, "!BDN")),
    .scan = scan_pst,
};

/* The class identifier of a folder's file behind the magic; other ones hold lists of folders. */
const kj_format kj_format_dbx = {
    .name = "dbx",
    .title = "Outlook Express mailbox (DBX)",
    .kind = KJ_KIND_MAIL,
    .magics = KJ_MAGICS(KJ_MAGIC(0, "\xCF\xAD\x12\xFE\xC5\xFD\x74\x6F")),
    .scan = scan_dbx,
};

static const char *const emlx_extensions[] = {"emlx", NULL};

const kj_format kj_format_emlx = {
    .name = "emlx",
    .title = "Apple Mail message (.emlx)",
    .kind = KJ_KIND_MAIL,
    .probe = probe_emlx,
    .scan = scan_emlx,
    .extensions = emlx_extensions,
};

const kj_format kj_format_dbox = {
    .name = "dbox",
    .title = "Dovecot mailbox (dbox)",
    .kind = KJ_KIND_MAIL,
    .probe = probe_dbox,
    .scan = scan_dbox,
};

const kj_format kj_format_postfix = {
    .name = "postfix",
    .title = "Postfix queue file",
    .kind = KJ_KIND_MAIL,
    .probe = probe_postfix,
    .scan = scan_postfix,
};

const kj_format kj_format_exim = {
    .name = "exim",
    .title = "Exim spool file (-D)",
    .kind = KJ_KIND_MAIL,
    .probe = probe_exim,
    .scan = scan_exim,
};
