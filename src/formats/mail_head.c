/* SPDX-License-Identifier: Apache-2.0 */
/* Header blocks: RFC 5322, 2.2 and 3.5.
 *
 *     name: value
 *      folded value      a line that begins with a blank goes on
 *                        the first empty line ends the block
 *
 * Where that is not followed, programs differ: some end the block at the first line that is no
 * field, some pass over it; a line of blanks ends it for some and goes on for others; an empty line
 * at the very beginning ends it for most. */
#include "base/arith.h"
#include "base/text.h"
#include "formats/mail_walk.h"

typedef enum line_kind {
    LINE_EMPTY,
    LINE_BLANK, /* blanks only */
    LINE_FOLDED,
    LINE_FIELD,
    LINE_OTHER,
} line_kind;

static line_kind kind_of(kj_span line)
{
    if (line.len == 0)
        return LINE_EMPTY;
    if (kj_text_trim(line).len == 0)
        return LINE_BLANK;
    if (kj_is_blank(line.data[0]))
        return LINE_FOLDED;
    if (kj_span_starts(line, kj_span_str("--")))
        return LINE_OTHER; /* a delimiter may hold a colon */
    return kj_mime_is_field(line) ? LINE_FIELD : LINE_OTHER;
}

static const struct {
    const char *name;
    size_t slot;
} part_fields[] = {
    {"Content-Type", offsetof(kj_mail_head, types)},
    {"Content-Transfer-Encoding", offsetof(kj_mail_head, encodings)},
    {"Content-Disposition", offsetof(kj_mail_head, dispositions)},
};

/* The row of a line's field, KJ_COUNT(part_fields) for others; *out_value: where the value begins.
 */
static size_t part_field(kj_span line, size_t *out_value)
{
    size_t colon = line.len && kj_lower(line.data[0]) == 'c'
                       ? kj_span_find(kj_span_sub(line, 0, 128), kj_span_str(":"), 0)
                       : SIZE_MAX;
    if (colon == SIZE_MAX)
        return KJ_COUNT(part_fields);
    kj_span name = kj_text_trim(kj_span_sub(line, 0, colon));
    *out_value = colon + 1;
    for (size_t i = 0; i < KJ_COUNT(part_fields); i++)
        if (kj_text_equal_nocase(name, kj_span_str(part_fields[i].name)))
            return i;
    return KJ_COUNT(part_fields);
}

bool kj_mail_is_part_field(kj_span line)
{
    size_t value;
    return part_field(line, &value) < KJ_COUNT(part_fields);
}

bool kj_mail_has_part_field(kj_span text)
{
    kj_reader r = kj_reader_of(text);
    kj_span line;
    while (kj_read_line(&r, &line))
        if (kj_mail_is_part_field(line))
            return true;
    return false;
}

bool kj_mail_part_follows(kj_span bytes, size_t at, unsigned lines)
{
    kj_reader r = kj_reader_of(kj_span_sub(bytes, at, SIZE_MAX));
    kj_span line;
    for (unsigned i = 0; i < lines && kj_read_line(&r, &line); i++)
        if (kj_mail_is_part_field(line))
            return true;
    return false;
}

/* A field that may go on. */
typedef struct open_field {
    size_t row; /* of part_fields */
    size_t value;
    size_t end;
} open_field;

static void close_field(kj_span entity, open_field *field, kj_mail_head *head)
{
    if (field->row < KJ_COUNT(part_fields)) {
        kj_mail_fields *list =
            (kj_mail_fields *)(void *)((char *)head + part_fields[field->row].slot);
        if (list->count == KJ_MAIL_SAME_MAX) {
            list->count--; /* programs take the first or the last one */
            head->odd |= KJ_ODD(KJ_ODD_HEADER_SYNTAX);
            head->more = true;
        }
        list->items[list->count++] =
            kj_text_trim(kj_span_sub(entity, field->value, field->end - field->value));
    }
    field->row = KJ_COUNT(part_fields);
}

/* Form feeds and vertical tabs end lines for some. */
static bool has_odd_end(kj_span line)
{
    return memchr(line.data, '\f', line.len) || memchr(line.data, '\v', line.len);
}

static void open_one(kj_span line, size_t start, open_field *field, kj_mail_head *head)
{
    size_t value = 0;
    field->row = part_field(line, &value);
    field->value = start + value;
    field->end = start + line.len;
    head->field_count++;
    if (has_odd_end(line))
        head->odd |= KJ_ODD(KJ_ODD_LINE_ENDS);
    if (field->row < KJ_COUNT(part_fields) && value >= 2 && kj_is_space(line.data[value - 2]))
        head->odd |= KJ_ODD(KJ_ODD_HEADER_SYNTAX);
}

/* Where there is no more room, the last one counts: it is behind all fields. */
static void add_start(kj_mail_head *head, size_t start)
{
    for (size_t i = 0; i < head->start_count; i++)
        if (head->starts[i] == start)
            return;
    if (head->start_count == KJ_MAIL_STARTS_MAX)
        head->start_count--;
    head->starts[head->start_count++] = start;
}

void kj_mail_read_head(kj_span entity, kj_mail_head *out)
{
    *out = (kj_mail_head){0};
    kj_reader r = kj_reader_of(entity);
    open_field field = {.row = KJ_COUNT(part_fields)};
    size_t start = 0;
    kj_span line;
    while (kj_read_line(&r, &line)) {
        line_kind kind = kind_of(line);
        bool goes_on =
            kind == LINE_FIELD || (out->field_count && kind != LINE_EMPTY && kind != LINE_OTHER);
        if (!goes_on) {
            out->odd |= kind == LINE_EMPTY ? 0 : KJ_ODD(KJ_ODD_HEADER_SYNTAX);
            start = kind == LINE_EMPTY ? r.pos : start;
            break;
        }
        if (kind == LINE_FIELD) {
            close_field(entity, &field, out);
            open_one(line, start, &field, out);
        } else {
            field.end = start + line.len;
            out->odd |= kind == LINE_BLANK ? KJ_ODD(KJ_ODD_HEADER_SYNTAX) : 0;
        }
        start = r.pos;
    }
    close_field(entity, &field, out);
    add_start(out, start);
    out->looked_at = start;
}

/* ---- anyhow --------------------------------------------------------------------------------- */

enum {
    JUNK_LINES = 200, /* that are no fields, or empty, and are passed over */
    FIELD_WITHIN = 2, /* lines behind an empty one: the block goes on there */
};

void kj_mail_read_head_anyhow(kj_span entity, kj_mail_head *out)
{
    kj_mail_read_head(entity, out);
    size_t standard = out->starts[0];
    *out = (kj_mail_head){.odd = out->odd};
    add_start(out, standard);
    kj_reader r = kj_reader_of(entity);
    open_field field = {.row = KJ_COUNT(part_fields)};
    size_t start = 0;
    unsigned junk = 0;
    kj_span line;
    for (bool more = true; more && kj_read_line(&r, &line); start = r.pos) {
        switch (kind_of(line)) {
        case LINE_FIELD:
            close_field(entity, &field, out);
            open_one(line, start, &field, out);
            break;
        case LINE_FOLDED:
            field.end = start + line.len;
            break;
        case LINE_BLANK:
            add_start(out, r.pos);
            more = ++junk < JUNK_LINES;
            break;
        case LINE_EMPTY:
            add_start(out, r.pos);
            more = ++junk < JUNK_LINES &&
                   (out->field_count == 0 || kj_mail_part_follows(entity, r.pos, FIELD_WITHIN));
            break;
        case LINE_OTHER:
            if (++junk == 1 || field.row < KJ_COUNT(part_fields))
                add_start(out, start);
            more = junk < JUNK_LINES && !kj_span_starts(line, kj_span_str("--"));
            break;
        }
    }
    close_field(entity, &field, out);
    out->looked_at = start;
}

/* ---- what a message says of itself ----------------------------------------------------------- */

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

void kj_mail_note_known(kj_mail *mail, const kj_header *header)
{
    uint8_t first = header->name.len ? kj_upper(header->name.data[0]) : 0;
    for (size_t i = 0; i < KJ_COUNT(known_fields); i++) {
        if (first != (uint8_t)known_fields[i].name[0])
            continue;
        kj_span *slot = (kj_span *)(void *)((char *)mail + known_fields[i].slot);
        if (!slot->data && kj_text_equal_nocase(header->name, kj_span_str(known_fields[i].name)))
            *slot = header->value;
    }
}
